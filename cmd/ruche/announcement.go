package main

import (
	"errors"
	"fmt"
	"time"

	"ruche/cmd/ruche/node"
	"ruche/outbox"
	"ruche/storage"
)

type announcementCommand struct {
	Write announcementWrite `cmd:"" help:"Announce something, now or later; prints its id."`
	Edit  announcementEdit  `cmd:"" help:"Give an announcement other words and times."`
	End   announcementEnd   `cmd:"" help:"Take an announcement out of sight, shown or waiting."`
	List  announcementList  `cmd:"" help:"List announcements, the latest first: id, state, from, till, text."`
}

// announced is what an announcement is written with.
type announced struct {
	Text string    `arg:"" help:"What is announced."`
	From time.Time `placeholder:"TIME" format:"2006-01-02T15:04:05Z07:00" help:"First shown then, such as 2026-12-01T08:00:00Z; without it, at once."`
	Till time.Time `placeholder:"TIME" format:"2006-01-02T15:04:05Z07:00" help:"No longer shown from then on; without it, until it is ended."`
}

func (a announced) announcement() outbox.Announcement {
	return outbox.Announcement{Text: a.Text, From: a.From, Till: a.Till}
}

type announcementWrite struct{ announced }

func (c announcementWrite) Run(p *program) error {
	return p.withDB(func(_ node.Config, db *storage.DB) error {
		a, err := outbox.Announce(p.ctx, db, c.announcement())
		if err != nil {
			return err
		}
		return p.print(storage.FormatID(a.ID))
	})
}

type announcementEdit struct {
	ID string `arg:"" help:"Id, as list shows it."`
	announced
}

func (c announcementEdit) Run(p *program) error {
	return p.withDB(func(_ node.Config, db *storage.DB) error {
		return noAnnouncement(c.ID, outbox.EditAnnouncement(p.ctx, db, storage.ParseID(c.ID), c.announcement()))
	})
}

type announcementEnd struct {
	ID string `arg:"" help:"Id, as list shows it."`
}

func (c announcementEnd) Run(p *program) error {
	return p.withDB(func(_ node.Config, db *storage.DB) error {
		return noAnnouncement(c.ID, outbox.EndAnnouncement(p.ctx, db, storage.ParseID(c.ID)))
	})
}

func noAnnouncement(id string, err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("there is no announcement %q: `ruche announcement list` shows them", id)
	}
	return err
}

type announcementList struct{}

func (announcementList) Run(p *program) error {
	return p.withDB(func(_ node.Config, db *storage.DB) error {
		list, err := db.AllAnnouncements(p.ctx, storage.Page{Limit: 100})
		if err != nil {
			return err
		}
		for _, a := range list {
			till := "-"
			if !a.EndsAt.IsZero() {
				till = a.EndsAt.UTC().Format(time.RFC3339)
			}
			if err := p.print(storage.FormatID(a.ID), a.State(db.Now()), a.PublishedAt.UTC().Format(time.RFC3339), till, a.Text); err != nil {
				return err
			}
		}
		return nil
	})
}
