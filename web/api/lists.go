package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"ruche/storage"
	"ruche/web/auth"
)

// Limits of lists.
const (
	maxListTitle   = 256
	maxLists       = 50
	maxListMembers = 500 // what an app gets that asks for all of them
)

// List is some of those whom its owner follows.
type List struct {
	ID            string `json:"id"`
	Title         string `json:"title"`
	RepliesPolicy string `json:"replies_policy"`
	Exclusive     bool   `json:"exclusive"`
}

func listEntity(l *storage.List) List { return List{id(l.ID), l.Title, l.Replies, l.Exclusive} }

func listEntities(lists []*storage.List) []List {
	out := make([]List, 0, len(lists))
	for _, l := range lists {
		out = append(out, listEntity(l))
	}
	return out
}

// listLists is GET /api/v1/lists.
func (a *API) listLists(w http.ResponseWriter, r *http.Request) error {
	found, err := a.DB.Lists(r.Context(), auth.Viewer(r.Context()))
	if err != nil {
		return err
	}
	return auth.JSON(w, listEntities(found))
}

// listsWith is GET /api/v1/accounts/:id/lists.
func (a *API) listsWith(w http.ResponseWriter, r *http.Request) error {
	of, err := a.somebody(r)
	if err != nil {
		return err
	}
	found, err := a.DB.ListsWith(r.Context(), auth.Viewer(r.Context()), of.ID)
	if err != nil {
		return err
	}
	return auth.JSON(w, listEntities(found))
}

func (a *API) ownList(r *http.Request) (*storage.List, error) {
	return a.DB.ListByID(r.Context(), auth.Viewer(r.Context()), pathID(r))
}

// showList is GET /api/v1/lists/:id.
func (a *API) showList(w http.ResponseWriter, r *http.Request) error {
	l, err := a.ownList(r)
	if err != nil {
		return err
	}
	return auth.JSON(w, listEntity(l))
}

func readList(v *auth.Values, l *storage.List) error {
	if title := v.OptStr("title"); title != nil {
		l.Title = strings.TrimSpace(*title)
	}
	if replies := v.Str("replies_policy"); replies != "" {
		l.Replies = replies
	}
	l.Exclusive = v.Bool("exclusive", l.Exclusive)
	policies := []string{storage.RepliesFollowed, storage.RepliesList, storage.RepliesNone}
	switch {
	case l.Title == "":
		return auth.Invalid("Title can't be blank")
	case len([]rune(l.Title)) > maxListTitle:
		return auth.Invalid("Title is longer than %d characters", maxListTitle)
	case !slices.Contains(policies, l.Replies):
		return auth.Invalid("replies_policy must be one of %s", strings.Join(policies, ", "))
	}
	return v.Err()
}

// createList is POST /api/v1/lists.
func (a *API) createList(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	l := &storage.List{AccountID: auth.Viewer(ctx), Replies: storage.RepliesList}
	if err := readList(v, l); err != nil {
		return err
	}
	all, err := a.DB.Lists(ctx, l.AccountID)
	if err != nil {
		return err
	}
	if len(all) >= maxLists {
		return auth.Invalid("there are %d lists already", maxLists)
	}
	if err := a.DB.Update(ctx, func(tx *storage.Tx) error { return tx.AddList(ctx, l) }); err != nil {
		return err
	}
	return auth.JSON(w, listEntity(l))
}

// updateList is PUT /api/v1/lists/:id.
func (a *API) updateList(w http.ResponseWriter, r *http.Request) error {
	l, err := a.ownList(r)
	if err != nil {
		return err
	}
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	if err := readList(v, l); err != nil {
		return err
	}
	if err := a.DB.Update(r.Context(), func(tx *storage.Tx) error { return tx.SaveList(r.Context(), l) }); err != nil {
		return err
	}
	return auth.JSON(w, listEntity(l))
}

// deleteList is DELETE /api/v1/lists/:id.
func (a *API) deleteList(w http.ResponseWriter, r *http.Request) error {
	l, err := a.ownList(r)
	if err != nil {
		return err
	}
	if err := a.DB.Update(r.Context(), func(tx *storage.Tx) error { return tx.RemoveList(r.Context(), l.ID) }); err != nil {
		return err
	}
	return empty(w)
}

// listMembers is GET /api/v1/lists/:id/accounts; limit=0 asks for all of them.
func (a *API) listMembers(w http.ResponseWriter, r *http.Request) error {
	l, err := a.ownList(r)
	if err != nil {
		return err
	}
	all := r.URL.Query().Get("limit") == "0"
	return a.answerAccounts(w, r, func(ctx context.Context, page storage.Page) ([]*storage.Account, []int64, error) {
		if all {
			page.Limit = maxListMembers
		}
		return a.DB.ListMembers(ctx, l.ID, page)
	})
}

// addToList is POST /api/v1/lists/:id/accounts: all of them or none.
func (a *API) addToList(w http.ResponseWriter, r *http.Request) error {
	return a.changeMembers(w, r, func(ctx context.Context, tx *storage.Tx, l *storage.List, member int64) error {
		err := tx.AddToList(ctx, l, member)
		switch {
		case errors.Is(err, storage.ErrNotFollowed):
			return auth.NotFound()
		case errors.Is(err, storage.ErrExists):
			return auth.Invalid("Account has already been taken")
		}
		return err
	})
}

// removeFromList is DELETE /api/v1/lists/:id/accounts.
func (a *API) removeFromList(w http.ResponseWriter, r *http.Request) error {
	return a.changeMembers(w, r, func(ctx context.Context, tx *storage.Tx, l *storage.List, member int64) error {
		return tx.RemoveFromList(ctx, l.ID, member)
	})
}

func (a *API) changeMembers(w http.ResponseWriter, r *http.Request, change func(context.Context, *storage.Tx, *storage.List, int64) error) error {
	ctx := r.Context()
	l, err := a.ownList(r)
	if err != nil {
		return err
	}
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	members := v.IDs("account_ids")
	if err := v.Err(); err != nil {
		return err
	}
	if len(members) == 0 || len(members) > maxListMembers {
		return auth.Invalid("account_ids names nobody, or more than %d", maxListMembers)
	}
	err = a.DB.Update(ctx, func(tx *storage.Tx) error {
		for _, member := range members {
			if err := change(ctx, tx, l, member); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return empty(w)
}

// listTimeline is GET /api/v1/timelines/list/:id.
func (a *API) listTimeline(w http.ResponseWriter, r *http.Request) error {
	l, err := a.ownList(r)
	if err != nil {
		return err
	}
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	return a.answerPosts(w, r, v, func(ctx context.Context, _ int64, page storage.Page) ([]*storage.Post, error) {
		return a.DB.ListTimeline(ctx, l, page)
	})
}
