package vocab

import (
	"encoding/json"
	"fmt"
	"time"

	ap "github.com/go-ap/activitypub"

	"ruche/storage"
)

// A Question's poll as it is read. Titles are text.
type Poll struct {
	Options  []Option
	Multiple bool
	EndTime  time.Time
	Closed   time.Time // when it ended
	Over     bool      // it ended, at a moment that isn't told
	Voters   int64     // -1 where it isn't told
}

// An Option is a choice of a poll.
type Option struct {
	Name  string
	Votes int64
}

// poll reads what a Question asks: oneOf, or anyOf for several answers. Mastodon writes closed as a moment, others
// as true.
func (d *Document) poll() *Poll {
	p := &Poll{EndTime: d.date("endTime"), Closed: d.date("closed"), Over: d.yes("closed"), Voters: d.number("votersCount", -1)}
	name := "oneOf"
	if d.count(name) == 0 {
		name, p.Multiple = "anyOf", true
	}
	for _, v := range d.entries(name) {
		choice, ok := v.(*Document)
		if !ok {
			continue
		}
		o := Option{Name: choice.text("name", MaxName)}
		if replies, ok := choice.fields["replies"].(*Document); ok {
			o.Votes = replies.number("totalItems", 0)
		}
		if p.Options = append(p.Options, o); len(p.Options) == MaxOptions {
			break
		}
	}
	if len(p.Options) == 0 {
		return nil
	}
	return p
}

type writtenOption struct {
	Type    string       `json:"type"`
	Name    string       `json:"name"`
	Replies writtenTotal `json:"replies"`
}

type writtenTotal struct {
	Type       string `json:"type"`
	TotalItems int64  `json:"totalItems"`
}

// addPoll writes a poll into its Question. Counts that the author wants hidden are written once it is closed.
func addPoll(question *thing, p *storage.Poll) {
	name := "oneOf"
	if p.Multiple {
		name = "anyOf"
	}
	hidden := p.HideTotals && p.ClosedAt.IsZero()
	options := make([]writtenOption, 0, len(p.Options))
	for _, o := range p.Options {
		w := writtenOption{string(ap.NoteType), o.Title, writtenTotal{string(ap.CollectionType), o.Votes}}
		if hidden {
			w.Replies.TotalItems = 0
		}
		options = append(options, w)
	}
	question.add(name, options)
	question.addTime("endTime", p.ExpiresAt)
	question.addTime("closed", p.ClosedAt)
	question.add("votersCount", max(0, p.VotersCount))
}

// Vote writes a vote of ours in a peer's poll: a Note without content whose name is the answer, to the author alone.
func (w Writer) Vote(v *storage.PollVote, voter, author *storage.Account, question, answer string) ([]byte, error) {
	var c ids
	note := &thing{core: &ap.Note{
		ID: c.need("vote", v.URI), Type: ap.NoteType, AttributedTo: c.need("voter", voter.URI),
		InReplyTo: c.need("question", question), To: c.all("recipient", author.URI),
	}}
	note.add("name", answer)
	note.addTime("published", v.CreatedAt)
	object, err := note.json(nil)
	if err != nil {
		return nil, err
	}
	act := c.activity(ap.CreateType, v.URI+"/create", voter, nil, []string{author.URI}, nil)
	if c.err != nil {
		return nil, fmt.Errorf("write vote %s: %w", v.URI, c.err)
	}
	act.add("object", json.RawMessage(object))
	return act.json(plainContext())
}
