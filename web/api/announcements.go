package api

import (
	"context"
	"errors"
	"net/http"
	"unicode/utf8"

	"ruche/storage"
	"ruche/web/auth"
)

// Announcement is what the node says to all its people, as apps read it.
type Announcement struct {
	ID          string                 `json:"id"`
	Content     string                 `json:"content"`
	StartsAt    *string                `json:"starts_at"`
	EndsAt      *string                `json:"ends_at"`
	AllDay      bool                   `json:"all_day"`
	PublishedAt string                 `json:"published_at"`
	UpdatedAt   string                 `json:"updated_at"`
	Read        *bool                  `json:"read,omitempty"`
	Mentions    []Mention              `json:"mentions"`
	Statuses    []struct{}             `json:"statuses"`
	Tags        []StatusTag            `json:"tags"`
	Emojis      []Emoji                `json:"emojis"`
	Reactions   []AnnouncementReaction `json:"reactions"`
}

// AnnouncementReaction is how many answered with the same emoji.
type AnnouncementReaction struct {
	Name      string `json:"name"`
	Count     int    `json:"count"`
	Me        bool   `json:"me"`
	URL       string `json:"url,omitempty"`
	StaticURL string `json:"static_url,omitempty"`
}

func announcement(a *storage.Announcement) Announcement {
	e := Announcement{
		ID: id(a.ID), Content: a.HTML, StartsAt: optStamp(a.StartsAt), EndsAt: optStamp(a.EndsAt), AllDay: a.AllDay, PublishedAt: stamp(a.PublishedAt), UpdatedAt: stamp(a.UpdatedAt),
		Read: &a.Read, Mentions: []Mention{}, Statuses: []struct{}{}, Tags: []StatusTag{}, Emojis: []Emoji{}, Reactions: []AnnouncementReaction{},
	}
	for _, r := range a.Reactions {
		e.Reactions = append(e.Reactions, AnnouncementReaction{Name: r.Name, Count: r.Count, Me: r.Mine})
	}
	return e
}

// announcements is GET /api/v1/announcements.
func (a *API) announcements(w http.ResponseWriter, r *http.Request) error {
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	list, err := a.DB.Announcements(r.Context(), auth.Viewer(r.Context()), v.Bool("with_dismissed", false))
	if err != nil {
		return err
	}
	out := make([]Announcement, 0, len(list))
	for _, one := range list {
		out = append(out, announcement(one))
	}
	return auth.JSON(w, out)
}

// onAnnouncement carries out an act on the announcement of a route's {id}.
func (a *API) onAnnouncement(act func(ctx context.Context, tx *storage.Tx, me, id int64, name string) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		ctx := r.Context()
		one, err := a.DB.AnnouncementByID(ctx, auth.Viewer(ctx), pathID(r))
		if err != nil {
			return err
		}
		if err := a.DB.Update(ctx, func(tx *storage.Tx) error { return act(ctx, tx, auth.Viewer(ctx), one.ID, r.PathValue("name")) }); err != nil {
			return err
		}
		return empty(w)
	}
}

// dismissAnnouncement is POST /api/v1/announcements/:id/dismiss.
func dismissAnnouncement(ctx context.Context, tx *storage.Tx, me, id int64, _ string) error {
	return tx.ReadAnnouncement(ctx, me, id)
}

// addReaction is PUT /api/v1/announcements/:id/reactions/:name.
func addReaction(ctx context.Context, tx *storage.Tx, me, id int64, name string) error {
	if !emoji(name) {
		return auth.Invalid("Name is not a recognized emoji")
	}
	err := tx.React(ctx, me, id, name)
	if errors.Is(err, storage.ErrExists) {
		return auth.Invalid("Limit of different reactions reached")
	}
	return err
}

// removeReaction is DELETE /api/v1/announcements/:id/reactions/:name.
func removeReaction(ctx context.Context, tx *storage.Tx, me, id int64, name string) error {
	return tx.Unreact(ctx, me, id, name)
}

// emoji says whether a text is a picture and no words: this node has no emojis of its own that a
// word could name.
func emoji(s string) bool {
	if s == "" || len(s) > 64 || !utf8.ValidString(s) {
		return false
	}
	pictures := 0
	for _, r := range s {
		switch {
		case r >= 0x1F000 && r <= 0x1FAFF, r >= 0x2190 && r <= 0x2BFF, r >= 0x3030 && r <= 0x3299, r == 0xA9, r == 0xAE, r == 0x203C, r == 0x2049, r == 0x2122, r == 0x2139:
			pictures++
		case r == 0x200D, r == 0xFE0F, r == 0x20E3, r >= 0xE0020 && r <= 0xE007F: // joiners, variants, keys, flags' tags
		case r >= '0' && r <= '9', r == '#', r == '*': // keys, with the mark after them
			if !containsRune(s, 0x20E3) {
				return false
			}
			pictures++
		default:
			return false
		}
	}
	return pictures > 0
}

func containsRune(s string, want rune) bool {
	for _, r := range s {
		if r == want {
			return true
		}
	}
	return false
}
