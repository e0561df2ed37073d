package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"ruche/outbox/text"
	"ruche/storage"
	"ruche/storage/queue"
)

// MaxAnnouncement is how long an announcement is, in characters.
const MaxAnnouncement = 5000

// JobAnnouncement tells streams that an announcement begins or ends; its argument is the id.
const JobAnnouncement = "announcement"

// An Announcement is what a community manager writes to everybody of the node.
type Announcement struct {
	Text string
	From time.Time // when it is first shown; zero: at once
	Till time.Time // when it is no longer shown; zero: it stays until it is ended
}

// keep checks what was written, and makes it the announcement's.
func (n Announcement) keep(a *storage.Announcement, now time.Time) error {
	n.Text = strings.TrimSpace(n.Text)
	switch {
	case n.Text == "":
		return invalid("Write what is announced.")
	case utf8.RuneCountInString(n.Text) > MaxAnnouncement:
		return invalid("An announcement has at most %d characters: shorten it.", MaxAnnouncement)
	case !n.Till.IsZero() && (!n.Till.After(now) || !n.Till.After(n.From)):
		return invalid("An announcement ends after it begins, and after now: choose a later end.")
	}
	a.Text, a.HTML, a.EndsAt = n.Text, text.HTML(n.Text, nil, nil), n.Till.UTC()
	switch {
	case n.From.After(now):
		a.PublishedAt = n.From.UTC()
	case a.PublishedAt.IsZero() || a.PublishedAt.After(now):
		a.PublishedAt = now
	}
	return nil
}

// Announce tells everybody of the node something, now or later. Whose role doesn't allow it is storage.ErrDenied; what
// can't be is ErrInvalid.
func Announce(ctx context.Context, db *storage.DB, n Announcement) (*storage.Announcement, error) {
	a := &storage.Announcement{}
	return a, db.Update(ctx, func(tx *storage.Tx) error {
		if err := tx.May(ctx, storage.ActAnnounce); err != nil {
			return err
		}
		*a = storage.Announcement{}
		if err := n.keep(a, tx.Now()); err != nil {
			return err
		}
		if err := tx.AddAnnouncement(ctx, a); err != nil {
			return err
		}
		return announced(ctx, tx, storage.ActionAnnounce, nil, a)
	})
}

// EditAnnouncement changes an announcement's words and times; who read it isn't told again but sees the new words.
func EditAnnouncement(ctx context.Context, db *storage.DB, id int64, n Announcement) error {
	return changeAnnouncement(ctx, db, id, storage.ActionAnnounceEdit, func(a *storage.Announcement, now time.Time) error {
		if a.Over(now) {
			return invalid("This announcement has ended: write a new one.")
		}
		return n.keep(a, now)
	})
}

// EndAnnouncement takes an announcement out of sight, shown or waiting. One that has ended stays so.
func EndAnnouncement(ctx context.Context, db *storage.DB, id int64) error {
	return changeAnnouncement(ctx, db, id, storage.ActionAnnounceEnd, func(a *storage.Announcement, now time.Time) error {
		if !a.Over(now) {
			a.EndsAt = now
		}
		return nil
	})
}

func changeAnnouncement(ctx context.Context, db *storage.DB, id int64, action string, change func(*storage.Announcement, time.Time) error) error {
	return db.Update(ctx, func(tx *storage.Tx) error {
		if err := tx.May(ctx, storage.ActAnnounce); err != nil {
			return err
		}
		a, err := tx.AnyAnnouncement(ctx, id)
		if err != nil {
			return err
		}
		before := *a
		if err := change(a, tx.Now()); err != nil {
			return err
		}
		if err := tx.SaveAnnouncement(ctx, a); err != nil {
			return err
		}
		return announced(ctx, tx, action, &before, a)
	})
}

// announced writes down what was done, and sees to it that streams hear of the beginning and of the end.
func announced(ctx context.Context, tx *storage.Tx, action string, before, after *storage.Announcement) error {
	e := storage.AuditEntry{Action: action, Subject: storage.Subject{Kind: "announcement", ID: storage.FormatID(after.ID)}, After: facts(after)}
	if before != nil {
		e.Before = facts(before)
	}
	if err := tx.Audit(ctx, e); err != nil {
		return err
	}
	for _, at := range []time.Time{after.PublishedAt, after.EndsAt} {
		if at.After(tx.Now()) {
			if err := tx.Enqueue(ctx, storage.NewJob{Kind: JobAnnouncement, Args: after.ID, RunAt: at}); err != nil {
				return err
			}
		}
	}
	return nil
}

func facts(a *storage.Announcement) map[string]any {
	m := map[string]any{"text": a.Text, "from": a.PublishedAt}
	if !a.EndsAt.IsZero() {
		m["till"] = a.EndsAt
	}
	return m
}

// tellAnnouncement runs when an announcement begins or ends. Streams are told how it is now, so that a time that was
// changed meanwhile does no harm.
func (o *Outbox) tellAnnouncement(ctx context.Context, job *storage.Job) error {
	var id int64
	if err := json.Unmarshal([]byte(job.Args), &id); err != nil {
		return queue.Permanent(err)
	}
	err := o.DB.Update(ctx, func(tx *storage.Tx) error { return tx.TellAnnouncement(ctx, id) })
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	return err
}
