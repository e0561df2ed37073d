package api

import "ruche/storage"

// Quote is what a post shows within it. Of a post that is itself quoted only the id is told.
type Quote struct {
	State          string  `json:"state"`
	QuotedStatus   *Status `json:"quoted_status"`
	QuotedStatusID *string `json:"quoted_status_id,omitempty"`
}

// ShallowQuote is a quote within a quoted post.
type ShallowQuote struct {
	State          string  `json:"state"`
	QuotedStatusID *string `json:"quoted_status_id"`
}

// QuoteApproval says who may quote a post, and what would become of the reader's wish to.
type QuoteApproval struct {
	Automatic   []string `json:"automatic"`
	Manual      []string `json:"manual"`
	CurrentUser string   `json:"current_user"`
}

// quoteState is a quote's state as the reader meets it.
func quoteState(q *storage.Quote) string {
	switch {
	case q.QuotedGone:
		return "deleted"
	case q.State == storage.QuoteAccepted && q.Quoted == nil:
		return "unauthorized"
	}
	return q.State
}

// quote writes what a post shows within it; nil where it quotes nothing. deep: the quoted post
// itself, otherwise its id.
func (g *gathered) quote(p *storage.Post, deep bool) any {
	q := g.quotes[p.ID]
	if q == nil {
		return nil
	}
	state := quoteState(q)
	var quoted *storage.Post
	if state == storage.QuoteAccepted {
		quoted = q.Quoted
	}
	if !deep {
		e := &ShallowQuote{State: state}
		if quoted != nil {
			e.QuotedStatusID = optID(quoted.ID)
		}
		return e
	}
	e := &Quote{State: state}
	if quoted != nil {
		e.QuotedStatus = g.write(quoted, false)
	}
	return e
}

// approval says who may quote a post. Only what is for everybody can be quoted, except by its author.
func (g *gathered) approval(p *storage.Post) *QuoteApproval {
	e := &QuoteApproval{Automatic: []string{}, Manual: []string{}, CurrentUser: "denied"}
	if p.Visibility != storage.Public && p.Visibility != storage.Unlisted {
		return e
	}
	relation := g.relations[p.AuthorID]
	switch p.QuotePolicy {
	case storage.QuotePublic:
		e.Automatic, e.CurrentUser = []string{"public"}, "automatic"
	case storage.QuoteFollowers:
		if e.Automatic = []string{"followers"}; relation.Following {
			e.CurrentUser = "automatic"
		}
	case storage.QuoteFollowing:
		if e.Automatic = []string{"following"}; relation.FollowedBy {
			e.CurrentUser = "automatic"
		}
	case storage.QuoteAsk, storage.QuoteUnsaid:
		if !p.Local() {
			e.Manual, e.CurrentUser = []string{"public"}, "manual"
		}
	}
	if !p.Local() && e.CurrentUser == "automatic" {
		e.CurrentUser = "manual" // its server has the last word
	}
	switch g.me {
	case storage.Nobody:
		e.CurrentUser = "denied"
	case p.AuthorID:
		e.CurrentUser = "automatic"
	}
	return e
}
