package api

import "ruche/storage"

// Poll is the question of a post, as apps read it.
type Poll struct {
	ID          string       `json:"id"`
	ExpiresAt   *string      `json:"expires_at"`
	Expired     bool         `json:"expired"`
	Multiple    bool         `json:"multiple"`
	VotesCount  int64        `json:"votes_count"`
	VotersCount *int64       `json:"voters_count"`
	Options     []PollOption `json:"options"`
	Emojis      []Emoji      `json:"emojis"`
	Voted       *bool        `json:"voted,omitempty"`
	OwnVotes    *[]int       `json:"own_votes,omitempty"`
}

// PollOption is one answer to choose.
type PollOption struct {
	Title      string `json:"title"`
	VotesCount *int64 `json:"votes_count"` // null while the author wants them hidden
}

// poll writes a poll as the reader may see it now.
func (rd reader) poll(p *storage.Poll, author int64) *Poll {
	closed := p.Closed(rd.DB.Now())
	e := &Poll{ID: id(p.PostID), ExpiresAt: optStamp(p.ExpiresAt), Expired: closed, Multiple: p.Multiple, VotesCount: p.Total(), Options: []PollOption{}, Emojis: []Emoji{}}
	if p.VotersCount >= 0 {
		e.VotersCount = &p.VotersCount
	}
	for _, o := range p.Options {
		option := PollOption{Title: o.Title}
		if !p.HideTotals || closed {
			option.VotesCount = &o.Votes
		}
		e.Options = append(e.Options, option)
	}
	if rd.me != storage.Nobody {
		// An author can't vote in their own poll; apps show the result at once.
		voted, own := p.Chosen != nil || author == rd.me, p.Chosen
		if own == nil {
			own = []int{}
		}
		e.Voted, e.OwnVotes = &voted, &own
	}
	return e
}
