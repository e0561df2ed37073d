package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"ruche/storage"
	"ruche/storage/queue"
)

// Limits of a poll that one of ours asks.
const (
	MaxPollOptions    = 10
	MaxPollOptionText = 100
	MinPollTime       = 5 * time.Minute
	MaxPollTime       = 30 * 24 * time.Hour
)

// A PollDraft is a question as somebody asks it.
type PollDraft struct {
	Options    []string
	Multiple   bool
	HideTotals bool
	ExpiresIn  time.Duration
}

// poll checks a question and makes a poll of it, which ends counted from now.
func (d *PollDraft) poll(now time.Time) (*storage.Poll, error) {
	if d == nil {
		return nil, nil
	}
	if len(d.Options) < 2 || len(d.Options) > MaxPollOptions {
		return nil, invalid("Validation failed: a poll needs 2 to %d options", MaxPollOptions)
	}
	if d.ExpiresIn < MinPollTime || d.ExpiresIn > MaxPollTime {
		return nil, invalid("Validation failed: a poll lasts from 5 minutes to 30 days")
	}
	p := &storage.Poll{Multiple: d.Multiple, HideTotals: d.HideTotals, ExpiresAt: now.Add(d.ExpiresIn)}
	seen := map[string]bool{}
	for _, title := range d.Options {
		title = strings.TrimSpace(title)
		switch {
		case title == "":
			return nil, invalid("Validation failed: an option can't be blank")
		case len([]rune(title)) > MaxPollOptionText:
			return nil, invalid("Validation failed: an option is longer than %d characters", MaxPollOptionText)
		case seen[title]: // a vote on the wire names its option by its words
			return nil, invalid("Validation failed: two options are the same")
		}
		seen[title] = true
		p.Options = append(p.Options, &storage.PollOption{Title: title})
	}
	return p, nil
}

// Vote chooses answers of a poll, by their positions from 0. It gives the poll as the voter sees it then.
func (o *Outbox) Vote(ctx context.Context, me *storage.Account, post int64, positions []int) (*storage.Poll, error) {
	if err := active(me); err != nil {
		return nil, err
	}
	p, writer, err := o.withAuthor(ctx, me, post)
	if err != nil {
		return nil, err
	}
	if p.AuthorID == me.ID {
		return nil, invalid("Validation failed: this is your own poll")
	}
	err = o.DB.Update(ctx, func(tx *storage.Tx) error {
		votes, err := tx.Vote(ctx, p.ID, me.ID, "", positions...)
		if err != nil {
			return err
		}
		if writer.Local() {
			return tx.TellPoll(ctx, p.ID)
		}
		poll, err := tx.PollOf(ctx, p.ID)
		if err != nil {
			return err
		}
		for _, v := range votes {
			body, err := o.Writer.Vote(v, me, writer, p.URI, poll.Options[v.Position].Title)
			if err != nil {
				return err
			}
			if err := o.send(ctx, tx, storage.CrossAlways, me, body, storage.InboxTarget{Peer: writer.Peer, Inbox: writer.InboxURI}); err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case errors.Is(err, storage.ErrPollClosed):
		return nil, invalid("Validation failed: the poll has already ended")
	case errors.Is(err, storage.ErrVoted):
		return nil, invalid("Validation failed: you have already voted on this poll")
	case errors.Is(err, storage.ErrNoOption):
		return nil, invalid("Validation failed: the chosen vote option does not exist")
	case err != nil:
		return nil, err
	}
	polls, err := o.DB.PollsOf(ctx, me.ID, []int64{p.ID})
	return polls[p.ID], err
}

func pollJob(job *storage.Job) (post int64, err error) {
	if err := json.Unmarshal([]byte(job.Args), &post); err != nil {
		return 0, queue.Permanent(fmt.Errorf("read job: %w", err))
	}
	return post, nil
}

// closePoll ends a poll whose time is over. Ours tells those who have it.
func (o *Outbox) closePoll(ctx context.Context, job *storage.Job) error {
	post, err := pollJob(job)
	if err != nil {
		return err
	}
	return o.DB.Update(ctx, func(tx *storage.Tx) error {
		poll, err := tx.PollOf(ctx, post)
		if errors.Is(err, storage.ErrNotFound) || err == nil && !poll.Closed(tx.Now()) {
			return nil // deleted, or edited to end later
		}
		if err != nil {
			return err
		}
		closed, err := tx.ClosePoll(ctx, post)
		if err != nil || !closed {
			return err
		}
		return o.updatePoll(ctx, tx, post)
	})
}

// tellPoll tells peers how many votes there are by now.
func (o *Outbox) tellPoll(ctx context.Context, job *storage.Job) error {
	post, err := pollJob(job)
	if err != nil {
		return err
	}
	return o.DB.Update(ctx, func(tx *storage.Tx) error {
		if err := tx.ToldPoll(ctx, post); err != nil {
			return err
		}
		return o.updatePoll(ctx, tx, post)
	})
}

// updatePoll queues an Update of a local poll for whoever has it or voted in it. Its words are the same, so the
// time of its last edit is too.
func (o *Outbox) updatePoll(ctx context.Context, tx *storage.Tx, post int64) error {
	p, err := tx.PostByID(ctx, post)
	if errors.Is(err, storage.ErrNotFound) || err == nil && !p.Local() {
		return nil
	}
	if err != nil {
		return err
	}
	voters, err := tx.PollVoters(ctx, post)
	if err != nil {
		return err
	}
	return o.TellAgain(ctx, tx, p, voters...)
}

// TellAgain queues an Update of a post as it stands, for its audience, everybody who was sent it, and others.
func (o *Outbox) TellAgain(ctx context.Context, tx *storage.Tx, p *storage.Post, others ...storage.InboxTarget) error {
	author, err := tx.AccountByID(ctx, p.AuthorID)
	if err != nil {
		return err
	}
	parts, targets, err := o.audience(ctx, tx, p)
	if err != nil {
		return err
	}
	reached, err := o.reached(ctx, tx, p.ID)
	if err != nil {
		return err
	}
	activity := tx.URIs().Activity(tx.NewID(tx.Now()))
	targets = append(append(targets, reached...), others...)
	update := func(v variant) ([]byte, error) { return o.Writer.Update(activity, p, author, v.of(parts), v.how) }
	if err := o.sendWritten(ctx, tx, storage.PostCrossing(p), author, p, targets, update); err != nil {
		return err
	}
	return o.PassOnChange(ctx, tx, p, update)
}
