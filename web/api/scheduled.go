package api

import (
	"net/http"
	"strings"
	"time"

	"ruche/outbox"
	"ruche/storage"
	"ruche/web/auth"
)

// ScheduledStatus is a post for later.
type ScheduledStatus struct {
	ID               string        `json:"id"`
	ScheduledAt      string        `json:"scheduled_at"`
	Params           StatusParams  `json:"params"`
	MediaAttachments []*Attachment `json:"media_attachments"`
}

// StatusParams are what was asked for when the post was written.
type StatusParams struct {
	Text                string      `json:"text"`
	Poll                *PollParams `json:"poll"`
	MediaIDs            []string    `json:"media_ids"`
	Sensitive           bool        `json:"sensitive"`
	SpoilerText         *string     `json:"spoiler_text"`
	Visibility          string      `json:"visibility"`
	LocalOnly           bool        `json:"local_only,omitempty"`
	InReplyToID         *string     `json:"in_reply_to_id"`
	Language            *string     `json:"language"`
	ApplicationID       *int64      `json:"application_id"`
	ScheduledAt         *string     `json:"scheduled_at"`
	Idempotency         *string     `json:"idempotency"`
	WithRateLimit       bool        `json:"with_rate_limit"`
	QuotedStatusID      *string     `json:"quoted_status_id"`
	QuoteApprovalPolicy *string     `json:"quote_approval_policy"`
}

// PollParams are the question that will be asked.
type PollParams struct {
	Options    []string `json:"options"`
	ExpiresIn  string   `json:"expires_in"`
	Multiple   bool     `json:"multiple"`
	HideTotals bool     `json:"hide_totals"`
}

func (a *API) scheduledEntities(r *http.Request, list []*storage.ScheduledPost) ([]ScheduledStatus, error) {
	var files []int64
	for _, s := range list {
		files = append(files, s.Media...)
	}
	media, err := a.DB.MediaByIDs(r.Context(), files)
	if err != nil {
		return nil, err
	}
	rd := a.reader(r)
	out := make([]ScheduledStatus, 0, len(list))
	for _, s := range list {
		d, err := outbox.ReadDraft(s)
		if err != nil {
			return nil, err
		}
		e := ScheduledStatus{ID: id(s.ID), ScheduledAt: stamp(s.At), MediaAttachments: []*Attachment{}, Params: StatusParams{
			Text: d.Text, Sensitive: d.Sensitive, SpoilerText: opt(d.ContentWarning), Visibility: visibilityOut(d.Visibility), LocalOnly: d.Circle == storage.CircleNode, InReplyToID: optID(d.InReplyTo), Language: opt(d.Language),
			QuotedStatusID: optID(d.Quote), QuoteApprovalPolicy: opt(d.QuotePolicy),
		}}
		if d.Poll != nil {
			e.Params.Poll = &PollParams{d.Poll.Options, id(int64(d.Poll.ExpiresIn.Seconds())), d.Poll.Multiple, d.Poll.HideTotals}
		}
		for _, file := range s.Media {
			e.Params.MediaIDs = append(e.Params.MediaIDs, id(file))
			if m := media[file]; m != nil {
				e.MediaAttachments = append(e.MediaAttachments, rd.attachment(m))
			}
		}
		out = append(out, e)
	}
	return out, nil
}

func (a *API) answerScheduled(w http.ResponseWriter, r *http.Request, s *storage.ScheduledPost) error {
	out, err := a.scheduledEntities(r, []*storage.ScheduledPost{s})
	if err != nil {
		return err
	}
	return auth.JSON(w, out[0])
}

// readTime reads a moment as apps write it; false where the request doesn't say.
func readTime(v *auth.Values, key string) (time.Time, bool, error) {
	s := strings.TrimSpace(v.Str(key))
	if s == "" {
		return time.Time{}, false, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05 UTC", "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true, nil
		}
	}
	return time.Time{}, false, auth.Invalid("%s must be a time such as 2026-11-20T09:00:00Z", key)
}

// listScheduled is GET /api/v1/scheduled_statuses.
func (a *API) listScheduled(w http.ResponseWriter, r *http.Request) error {
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	page := readPage(v, defaultPosts, maxPosts)
	if err := v.Err(); err != nil {
		return err
	}
	list, err := a.DB.Scheduled(r.Context(), auth.Viewer(r.Context()), page)
	if err != nil {
		return err
	}
	out, err := a.scheduledEntities(r, list)
	if err != nil {
		return err
	}
	if n := len(list); n > 0 {
		a.link(w, r, page, list[0].ID, list[n-1].ID, n)
	}
	return auth.JSON(w, out)
}

func (a *API) ownScheduled(r *http.Request) (*storage.ScheduledPost, error) {
	return a.DB.ScheduledByID(r.Context(), auth.Viewer(r.Context()), pathID(r))
}

// showScheduled is GET /api/v1/scheduled_statuses/:id.
func (a *API) showScheduled(w http.ResponseWriter, r *http.Request) error {
	s, err := a.ownScheduled(r)
	if err != nil {
		return err
	}
	return a.answerScheduled(w, r, s)
}

// updateScheduled is PUT /api/v1/scheduled_statuses/:id.
func (a *API) updateScheduled(w http.ResponseWriter, r *http.Request) error {
	s, err := a.ownScheduled(r)
	if err != nil {
		return err
	}
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	at, given, err := readTime(v, "scheduled_at")
	if err != nil {
		return err
	}
	if given {
		if s, err = a.Outbox.Reschedule(r.Context(), auth.Account(r.Context()), s.ID, at); err != nil {
			return err
		}
	}
	return a.answerScheduled(w, r, s)
}

// deleteScheduled is DELETE /api/v1/scheduled_statuses/:id.
func (a *API) deleteScheduled(w http.ResponseWriter, r *http.Request) error {
	s, err := a.ownScheduled(r)
	if err != nil {
		return err
	}
	err = a.DB.Update(r.Context(), func(tx *storage.Tx) error {
		_, err := tx.RemoveScheduled(r.Context(), s.ID)
		return err
	})
	if err != nil {
		return err
	}
	return empty(w)
}
