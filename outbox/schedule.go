package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"ruche/storage"
	"ruche/storage/queue"
)

// Limits of posts for later: how soon, how many, how many on one day.
const (
	ScheduleAhead     = 5 * time.Minute
	MaxScheduled      = 300
	MaxScheduledADay  = 25
	maxScheduledYears = 5
)

// Schedule keeps a draft and posts it at a time to come.
func (o *Outbox) Schedule(ctx context.Context, author *storage.Account, d Draft, at time.Time) (*storage.ScheduledPost, error) {
	if err := active(author); err != nil {
		return nil, err
	}
	if err := o.checkTime(at); err != nil {
		return nil, err
	}
	if _, _, err := o.draft(ctx, author, d); err != nil {
		return nil, err
	}
	for _, id := range d.Media {
		m, err := o.DB.MediaByID(ctx, id)
		if err != nil || m.AccountID != author.ID || m.PostID != 0 {
			return nil, invalid("An attached file doesn't exist, or belongs to another post.")
		}
	}
	all, thatDay, err := o.DB.CountScheduled(ctx, author.ID, at)
	if err != nil {
		return nil, err
	}
	if all >= MaxScheduled || thatDay >= MaxScheduledADay {
		return nil, invalid("At most %d posts can wait, and %d for one day.", MaxScheduled, MaxScheduledADay)
	}
	body, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("keep draft: %w", err)
	}
	s := &storage.ScheduledPost{AccountID: author.ID, At: at.UTC(), Draft: string(body), Media: d.Media}
	return s, o.DB.Update(ctx, func(tx *storage.Tx) error {
		if err := tx.AddScheduled(ctx, s); err != nil {
			return err
		}
		return tx.Enqueue(ctx, storage.NewJob{Kind: JobScheduled, Args: s.ID, RunAt: s.At})
	})
}

func (o *Outbox) checkTime(at time.Time) error {
	if ahead := at.Sub(o.DB.Now()); ahead < ScheduleAhead || ahead > maxScheduledYears*365*24*time.Hour {
		return invalid("Scheduled at The scheduled date must be in the future, at least %d minutes from now", int(ScheduleAhead.Minutes()))
	}
	return nil
}

// Reschedule gives one's own draft another time.
func (o *Outbox) Reschedule(ctx context.Context, me *storage.Account, id int64, at time.Time) (*storage.ScheduledPost, error) {
	if err := o.checkTime(at); err != nil {
		return nil, err
	}
	var s *storage.ScheduledPost
	return s, o.DB.Update(ctx, func(tx *storage.Tx) error {
		var err error
		if s, err = tx.ScheduledByID(ctx, me.ID, id); err != nil {
			return err
		}
		s.At, s.Error = at.UTC(), ""
		if err := tx.SaveScheduled(ctx, s); err != nil {
			return err
		}
		return tx.Enqueue(ctx, storage.NewJob{Kind: JobScheduled, Args: s.ID, RunAt: s.At})
	})
}

// ReadDraft gives what a scheduled post will say.
func ReadDraft(s *storage.ScheduledPost) (Draft, error) {
	var d Draft
	if err := json.Unmarshal([]byte(s.Draft), &d); err != nil {
		return d, fmt.Errorf("read draft: %w", err)
	}
	return d, nil
}

// postScheduled posts what is due. It may run twice: the draft's id is its idempotency key, and a
// draft that was moved to later has another job.
func (o *Outbox) postScheduled(ctx context.Context, job *storage.Job) error {
	var id int64
	if err := json.Unmarshal([]byte(job.Args), &id); err != nil {
		return queue.Permanent(err)
	}
	s, err := o.DB.ScheduledByID(ctx, 0, id)
	if errors.Is(err, storage.ErrNotFound) || err == nil && s.At.After(o.DB.Now()) {
		return nil
	}
	if err != nil {
		return err
	}
	d, err := ReadDraft(s)
	if err != nil {
		return queue.Permanent(err)
	}
	author, err := o.DB.AccountByID(ctx, s.AccountID)
	if err != nil {
		return err
	}
	d.IdempotencyKey = "scheduled " + storage.FormatID(s.ID)
	_, err = o.Post(ctx, author, d)
	if errors.Is(err, ErrInvalid) || errors.Is(err, ErrForbidden) {
		// It stays with its author's drafts, and says why.
		s.Error = err.Error()
		if err := o.DB.Update(ctx, func(tx *storage.Tx) error { return tx.SaveScheduled(ctx, s) }); err != nil {
			return err
		}
		return queue.Permanent(err)
	}
	if err != nil {
		return err
	}
	return o.DB.Update(ctx, func(tx *storage.Tx) error {
		_, err := tx.RemoveScheduled(ctx, s.ID)
		return err
	})
}
