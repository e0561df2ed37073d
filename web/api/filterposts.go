package api

import (
	"errors"
	"net/http"

	"ruche/storage"
	"ruche/web/auth"
)

// listFilterStatuses is GET /api/v2/filters/:id/statuses.
func (a *API) listFilterStatuses(w http.ResponseWriter, r *http.Request) error {
	f, err := a.ownFilter(r)
	if err != nil {
		return err
	}
	return auth.JSON(w, filterEntity(f, true).Statuses)
}

// addFilterStatus is POST /api/v2/filters/:id/statuses.
func (a *API) addFilterStatus(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	f, err := a.ownFilter(r)
	if err != nil {
		return err
	}
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	post, err := a.DB.VisiblePost(ctx, f.AccountID, storage.ParseID(v.Str("status_id")))
	if err != nil {
		return err
	}
	p := &storage.FilterPost{PostID: post.ID}
	err = a.DB.Update(ctx, func(tx *storage.Tx) error { return tx.AddFilterPost(ctx, f, p) })
	if errors.Is(err, storage.ErrExists) {
		return auth.Invalid("the filter holds this post already")
	}
	if err != nil {
		return err
	}
	return auth.JSON(w, FilterStatus{ID: id(p.ID), StatusID: id(p.PostID)})
}

func (a *API) ownFilterStatus(r *http.Request) (*storage.Filter, *storage.FilterPost, error) {
	return a.DB.FilterOfPost(r.Context(), auth.Viewer(r.Context()), pathID(r))
}

// showFilterStatus is GET /api/v2/filters/statuses/:id.
func (a *API) showFilterStatus(w http.ResponseWriter, r *http.Request) error {
	_, p, err := a.ownFilterStatus(r)
	if err != nil {
		return err
	}
	return auth.JSON(w, FilterStatus{ID: id(p.ID), StatusID: id(p.PostID)})
}

// deleteFilterStatus is DELETE /api/v2/filters/statuses/:id.
func (a *API) deleteFilterStatus(w http.ResponseWriter, r *http.Request) error {
	f, p, err := a.ownFilterStatus(r)
	if err != nil {
		return err
	}
	if err := a.DB.Update(r.Context(), func(tx *storage.Tx) error { return tx.RemoveFilterPost(r.Context(), f, p) }); err != nil {
		return err
	}
	return empty(w)
}

// Older apps know filters of one word each: such a filter is a word of one of ours, and has its id.

// listFiltersV1 is GET /api/v1/filters.
func (a *API) listFiltersV1(w http.ResponseWriter, r *http.Request) error {
	found, err := a.DB.Filters(r.Context(), auth.Viewer(r.Context()), false)
	if err != nil {
		return err
	}
	out := []FilterV1{}
	for _, f := range found {
		for _, k := range f.Keywords {
			out = append(out, filterV1(f, k))
		}
	}
	return auth.JSON(w, out)
}

// showFilterV1 is GET /api/v1/filters/:id.
func (a *API) showFilterV1(w http.ResponseWriter, r *http.Request) error {
	f, k, err := a.ownKeyword(r)
	if err != nil {
		return err
	}
	return auth.JSON(w, filterV1(f, k))
}

// readFilterV1 changes a filter of one word as the request says.
func (a *API) readFilterV1(v *auth.Values, f *storage.Filter, k *storage.FilterKeyword) error {
	if phrase := v.OptStr("phrase"); phrase != nil {
		k.Keyword = *phrase
	}
	if err := checkKeyword(k); err != nil {
		return err
	}
	k.WholeWord = v.Bool("whole_word", k.WholeWord)
	if hide := v.OptBool("irreversible"); hide != nil {
		f.Action = storage.FilterWarn
		if *hide {
			f.Action = storage.FilterHide
		}
	}
	if f.Title == "" {
		f.Title = k.Keyword
	}
	if err := a.readFilter(v, f); err != nil {
		return err
	}
	return v.Err()
}

// createFilterV1 is POST /api/v1/filters.
func (a *API) createFilterV1(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	k := &storage.FilterKeyword{}
	f := &storage.Filter{AccountID: auth.Viewer(ctx), Action: storage.FilterWarn, Keywords: []*storage.FilterKeyword{k}}
	if err := a.readFilterV1(v, f, k); err != nil {
		return err
	}
	if err := a.DB.Update(ctx, func(tx *storage.Tx) error { return tx.AddFilter(ctx, f) }); err != nil {
		return err
	}
	return auth.JSON(w, filterV1(f, k))
}

// updateFilterV1 is PUT /api/v1/filters/:id.
func (a *API) updateFilterV1(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	f, k, err := a.ownKeyword(r)
	if err != nil {
		return err
	}
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	if err := a.readFilterV1(v, f, k); err != nil {
		return err
	}
	err = a.DB.Update(ctx, func(tx *storage.Tx) error {
		if err := tx.SaveKeyword(ctx, f, k); err != nil {
			return err
		}
		return tx.SaveFilter(ctx, f)
	})
	if err != nil {
		return err
	}
	return auth.JSON(w, filterV1(f, k))
}

// deleteFilterV1 is DELETE /api/v1/filters/:id: the last word takes its filter with it.
func (a *API) deleteFilterV1(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	f, k, err := a.ownKeyword(r)
	if err != nil {
		return err
	}
	err = a.DB.Update(ctx, func(tx *storage.Tx) error {
		if len(f.Keywords) == 1 && len(f.Posts) == 0 {
			return tx.RemoveFilter(ctx, f)
		}
		return tx.RemoveKeyword(ctx, f, k)
	})
	if err != nil {
		return err
	}
	return empty(w)
}
