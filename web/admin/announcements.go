package admin

import (
	"fmt"
	"net/http"
	"time"

	"ruche/outbox"
	"ruche/storage"
	"ruche/web/auth"
	"ruche/web/view"
)

const announcementsPath = "/admin/announcements"

// minute is how browsers write a day and a time; the node reads them as UTC.
const minute = "2006-01-02T15:04"

// announcements is GET /admin/announcements: what is said to everybody of the node, what will be and what was.
func (a *Admin) announcements(w http.ResponseWriter, r *http.Request) error {
	return a.showAnnouncements(w, r, view.NewAnnouncement{}, nil)
}

func (a *Admin) showAnnouncements(w http.ResponseWriter, r *http.Request, typed view.NewAnnouncement, cause error) error {
	page := view.AdminAnnouncements{Outcome: outcome(r, cause), Typed: typed, Most: outbox.MaxAnnouncement}
	list, err := a.DB.AllAnnouncements(r.Context(), storage.Page{Limit: perPage, MaxID: storage.ParseID(r.URL.Query().Get("before"))})
	if err != nil {
		return err
	}
	for _, one := range list {
		line := view.AnnouncementLine{Announcement: one, State: one.State(a.DB.Now()), From: one.PublishedAt.UTC().Format(minute)}
		if !one.EndsAt.IsZero() {
			line.Till = one.EndsAt.UTC().Format(minute)
		}
		page.Announcements = append(page.Announcements, line)
	}
	if len(list) == perPage {
		page.Older = announcementsPath + "?before=" + storage.FormatID(list[perPage-1].ID)
	}
	return a.show(w, r, "adminannouncements", page.Outcome, page)
}

// announce is POST /admin/announcements.
func (a *Admin) announce(w http.ResponseWriter, r *http.Request) error {
	form, err := auth.Params(r)
	if err != nil {
		return err
	}
	typed := view.NewAnnouncement{Text: clip(form.Str("text"), outbox.MaxAnnouncement+1), From: form.Str("from"), Till: form.Str("till")}
	n, err := announcement(typed)
	if err == nil {
		_, err = outbox.Announce(r.Context(), a.DB, n)
	}
	if err != nil {
		return a.showAnnouncements(w, r, typed, err)
	}
	return done(w, r, announcementsPath, "announced")
}

// changeAnnouncement is POST /admin/announcements/{id}/{act}.
func (a *Admin) changeAnnouncement(w http.ResponseWriter, r *http.Request) error {
	form, err := auth.Params(r)
	if err != nil {
		return err
	}
	id, what := storage.ParseID(r.PathValue("id")), ""
	switch r.PathValue("act") {
	case "edit":
		what = "saved"
		var n outbox.Announcement
		if n, err = announcement(view.NewAnnouncement{Text: clip(form.Str("text"), outbox.MaxAnnouncement+1), From: form.Str("from"), Till: form.Str("till")}); err == nil {
			err = outbox.EditAnnouncement(r.Context(), a.DB, id, n)
		}
	case "end":
		what, err = "announcement-ended", outbox.EndAnnouncement(r.Context(), a.DB, id)
	default:
		return auth.NotFound()
	}
	if err != nil {
		return a.showAnnouncements(w, r, view.NewAnnouncement{}, err)
	}
	return done(w, r, announcementsPath, what)
}

// announcement reads what was typed.
func announcement(typed view.NewAnnouncement) (outbox.Announcement, error) {
	n := outbox.Announcement{Text: typed.Text}
	for _, field := range []struct {
		typed string
		at    *time.Time
	}{{typed.From, &n.From}, {typed.Till, &n.Till}} {
		if field.typed == "" {
			continue
		}
		at, err := time.Parse(minute, field.typed)
		if err != nil {
			return n, fmt.Errorf("%q is no time such as 2026-12-01T08:00: %w", clip(field.typed, 40), errForm)
		}
		*field.at = at
	}
	return n, nil
}
