package api

import (
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
	if err := v.Err(); err != nil {
		return err
	}
	only, without := kindsIn(v.List("types")), kindsIn(v.List("exclude_types"))
	if v.Given("types") && len(only) == 0 {
		return auth.JSON(w, []*Notification{}) // kinds that never happen here
	}
	list, err := a.DB.Notifications(ctx, auth.Viewer(ctx), only, without, page)
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
