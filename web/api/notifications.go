package api

import (
	"context"
	"net/http"

	"ruche/storage"
	"ruche/web/auth"
)

// notifications is GET /api/v1/notifications.
func (a *API) notifications(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	page := readPage(v, defaultNotifications, maxNotifications)
	told, none := readTold(v)
	if err := v.Err(); err != nil {
		return err
	}
	if none {
		return auth.JSON(w, []*Notification{})
	}
	list, err := a.DB.Notifications(ctx, auth.Viewer(ctx), told, page)
	if err != nil {
		return err
	}
	out, err := a.reader(r).notifications(ctx, list)
	if err != nil {
		return err
	}
	if n := len(list); n > 0 {
		a.link(w, r, page, list[0].ID, list[n-1].ID, n)
	}
	return auth.JSON(w, out)
}

// readTold reads which notifications an app wants; none: only kinds that never happen here.
func readTold(v *auth.Values) (told storage.Told, none bool) {
	told = storage.Told{Kinds: kindsIn(v.List("types")), Without: kindsIn(v.List("exclude_types")), From: v.Int("account_id", 0), Held: v.Bool("include_filtered", false)}
	return told, v.Given("types") && len(told.Kinds) == 0
}

// unreadCount is GET /api/v1/notifications/unread_count: those above the marker.
func (a *API) unreadCount(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	told, none := readTold(v)
	limit := readLimit(v, 100, 1000)
	if err := v.Err(); err != nil {
		return err
	}
	read, err := a.lastRead(ctx)
	if err != nil {
		return err
	}
	count := 0
	if !none {
		if count, err = a.DB.CountNotifications(ctx, auth.Viewer(ctx), told, read, limit); err != nil {
			return err
		}
	}
	return auth.JSON(w, map[string]int{"count": count})
}

// lastRead is how far the reader has read their notifications.
func (a *API) lastRead(ctx context.Context) (int64, error) {
	markers, err := a.DB.Markers(ctx, auth.Viewer(ctx), []string{"notifications"})
	if err != nil || len(markers) == 0 {
		return 0, err
	}
	return markers[0].LastReadID, nil
}

// showNotification is GET /api/v1/notifications/:id.
func (a *API) showNotification(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	n, err := a.DB.NotificationByID(ctx, auth.Viewer(ctx), pathID(r))
	if err != nil {
		return err
	}
	out, err := a.reader(r).notifications(ctx, []*storage.Notification{n})
	if err != nil {
		return err
	}
	if len(out) == 0 {
		return auth.NotFound()
	}
	return auth.JSON(w, out[0])
}

// dismissNotification is POST /api/v1/notifications/:id/dismiss.
func (a *API) dismissNotification(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.DB.NotificationByID(r.Context(), auth.Viewer(r.Context()), pathID(r)); err != nil {
		return err
	}
	return a.dismiss(w, r, pathID(r))
}

// clearNotifications is POST /api/v1/notifications/clear.
func (a *API) clearNotifications(w http.ResponseWriter, r *http.Request) error {
	return a.dismiss(w, r, 0)
}

func (a *API) dismiss(w http.ResponseWriter, r *http.Request, id int64) error {
	ctx := r.Context()
	err := a.DB.Update(ctx, func(tx *storage.Tx) error { return tx.DismissNotification(ctx, auth.Viewer(ctx), id) })
	if err != nil {
		return err
	}
	return empty(w)
}
