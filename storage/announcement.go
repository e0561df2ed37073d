package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// An Announcement is what the node says to all its people for a time.
type Announcement struct {
	bun.BaseModel `bun:"table:announcements,alias:an"`
	ID            int64 `bun:",pk"`
	Text          string
	HTML          string    `bun:"html"`
	StartsAt      time.Time `bun:",nullzero"`
	EndsAt        time.Time `bun:",nullzero"`
	AllDay        bool
	PublishedAt   time.Time
	UpdatedAt     time.Time

	Read      bool       `bun:"-"` // the viewer has read it
	Reactions []Reaction `bun:"-"`
}

// A Reaction is how many answered an announcement with the same emoji.
type Reaction struct {
	Name  string
	Count int
	Mine  bool
}

// Shown says whether people read it at a time.
func (a *Announcement) Shown(now time.Time) bool { return !a.PublishedAt.After(now) && !a.Over(now) }

// Over says whether it has ended at a time.
func (a *Announcement) Over(now time.Time) bool { return !a.EndsAt.IsZero() && !a.EndsAt.After(now) }

// State is shown, waiting or over.
func (a *Announcement) State(now time.Time) string {
	switch {
	case a.Over(now):
		return "over"
	case a.Shown(now):
		return "shown"
	}
	return "waiting"
}

// AddAnnouncement keeps an announcement; it is shown from PublishedAt on, which is now where none is given.
func (tx *Tx) AddAnnouncement(ctx context.Context, a *Announcement) error {
	a.ID, a.UpdatedAt = tx.NewID(tx.Now()), tx.Now()
	if a.PublishedAt.IsZero() {
		a.PublishedAt = tx.Now()
	}
	if _, err := tx.idb.NewInsert().Model(a).Exec(ctx); err != nil {
		return fmt.Errorf("add announcement: %w", err)
	}
	return tx.TellAnnouncement(ctx, a.ID)
}

// SaveAnnouncement keeps a changed announcement.
func (tx *Tx) SaveAnnouncement(ctx context.Context, a *Announcement) error {
	a.UpdatedAt = tx.Now()
	if _, err := tx.idb.NewUpdate().Model(a).WherePK().Exec(ctx); err != nil {
		return fmt.Errorf("save announcement: %w", err)
	}
	return tx.TellAnnouncement(ctx, a.ID)
}

// TellAnnouncement lets everybody's streams know how an announcement is now: to be read, or not.
func (tx *Tx) TellAnnouncement(ctx context.Context, id int64) error {
	a, err := tx.AnyAnnouncement(ctx, id)
	if err != nil {
		return err
	}
	kind := AnnouncementRemoved
	if a.Shown(tx.Now()) {
		kind = Announced
	}
	tx.Publish(Event{Kind: kind, AnnouncementID: id})
	return nil
}

// AnyAnnouncement finds an announcement, shown or not: for who writes them.
func (q *Queries) AnyAnnouncement(ctx context.Context, id int64) (*Announcement, error) {
	a := new(Announcement)
	if err := q.idb.NewSelect().Model(a).Where("an.id = ?", id).Scan(ctx); err != nil {
		return nil, notFound("announcement", err)
	}
	return a, nil
}

// AllAnnouncements pages through what was ever announced and what will be, the latest written first.
func (q *Queries) AllAnnouncements(ctx context.Context, page Page) ([]*Announcement, error) {
	var rows []*Announcement
	if err := page.apply(q.idb.NewSelect().Model(&rows), "an.id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("list announcements: %w", err)
	}
	return rows, q.fillAnnouncements(ctx, Nobody, rows)
}

// Announcements lists what is announced now, the newest first. readToo: also what the viewer has read.
func (q *Queries) Announcements(ctx context.Context, viewer int64, readToo bool) ([]*Announcement, error) {
	var rows []*Announcement
	s := q.idb.NewSelect().Model(&rows).Where("an.published_at <= ? AND (an.ends_at IS NULL OR an.ends_at > ?)", q.now(), q.now()).Order("an.published_at DESC", "an.id DESC").Limit(50)
	if !readToo {
		s = s.Where("NOT EXISTS (SELECT 1 FROM announcement_reads AS ar WHERE ar.announcement_id = an.id AND ar.account_id = ?)", viewer)
	}
	if err := s.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list announcements: %w", err)
	}
	return rows, q.fillAnnouncements(ctx, viewer, rows)
}

// AnnouncementByID finds an announcement that is still shown.
func (q *Queries) AnnouncementByID(ctx context.Context, viewer, id int64) (*Announcement, error) {
	a := new(Announcement)
	if err := q.idb.NewSelect().Model(a).Where("an.id = ? AND an.published_at <= ? AND (an.ends_at IS NULL OR an.ends_at > ?)", id, q.now(), q.now()).Scan(ctx); err != nil {
		return nil, notFound("announcement", err)
	}
	return a, q.fillAnnouncements(ctx, viewer, []*Announcement{a})
}

func (q *Queries) fillAnnouncements(ctx context.Context, viewer int64, list []*Announcement) error {
	if len(list) == 0 {
		return nil
	}
	ids, byID := make([]int64, len(list)), make(map[int64]*Announcement, len(list))
	for i, a := range list {
		ids[i], byID[a.ID] = a.ID, a
	}
	var read []int64
	if err := q.idb.NewRaw("SELECT announcement_id FROM announcement_reads WHERE account_id = ? AND announcement_id IN (?)", viewer, bun.List(ids)).Scan(ctx, &read); err != nil {
		return fmt.Errorf("read announcements: %w", err)
	}
	for _, id := range read {
		byID[id].Read = true
	}
	var rows []struct {
		AnnouncementID int64
		Name           string
		Count, Mine    int
	}
	err := q.idb.NewRaw(`SELECT announcement_id, name, COUNT(*) AS count, SUM(CASE WHEN account_id = ? THEN 1 ELSE 0 END) AS mine
		FROM announcement_reactions WHERE announcement_id IN (?) GROUP BY announcement_id, name ORDER BY MIN(created_at), name`, viewer, bun.List(ids)).Scan(ctx, &rows)
	if err != nil {
		return fmt.Errorf("read reactions: %w", err)
	}
	for _, r := range rows {
		a := byID[r.AnnouncementID]
		a.Reactions = append(a.Reactions, Reaction{r.Name, r.Count, r.Mine > 0})
	}
	return nil
}

// ReadAnnouncement marks an announcement as read by an account.
func (tx *Tx) ReadAnnouncement(ctx context.Context, account, id int64) error {
	_, err := tx.idb.NewRaw("INSERT INTO announcement_reads (announcement_id, account_id) VALUES (?, ?) ON CONFLICT DO NOTHING", id, account).Exec(ctx)
	return wrap("mark announcement as read", err)
}

// MaxReactions is how many different emojis one announcement carries.
const MaxReactions = 8

// React answers an announcement with an emoji; ErrExists where it carries enough others.
func (tx *Tx) React(ctx context.Context, account, id int64, name string) error {
	full, err := tx.exists(ctx, "SELECT 1 FROM announcement_reactions WHERE announcement_id = ? AND NOT EXISTS (SELECT 1 FROM announcement_reactions WHERE announcement_id = ? AND name = ?) GROUP BY announcement_id HAVING COUNT(DISTINCT name) >= ?", id, id, name, MaxReactions)
	if err != nil {
		return err
	}
	if full {
		return ErrExists
	}
	if _, err := tx.idb.NewRaw("INSERT INTO announcement_reactions (announcement_id, account_id, name, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", id, account, name, tx.Now()).Exec(ctx); err != nil {
		return fmt.Errorf("react: %w", err)
	}
	tx.Publish(Event{Kind: AnnouncementReacted, AnnouncementID: id, Name: name})
	return nil
}

// Unreact takes a reaction back.
func (tx *Tx) Unreact(ctx context.Context, account, id int64, name string) error {
	if _, err := tx.idb.NewRaw("DELETE FROM announcement_reactions WHERE announcement_id = ? AND account_id = ? AND name = ?", id, account, name).Exec(ctx); err != nil {
		return fmt.Errorf("unreact: %w", err)
	}
	tx.Publish(Event{Kind: AnnouncementReacted, AnnouncementID: id, Name: name})
	return nil
}
