package api

import (
	"context"
	"net/http"
	"time"

	"ruche/storage"
	"ruche/web/auth"
)

// react carries out an act on the post of a route's {id} and answers with the post, or with the
// post that a share passes on.
func (a *API) react(act func(ctx context.Context, me *storage.Account, post int64) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		ctx := r.Context()
		p, err := a.visible(r)
		if err == nil && p.ShareOfID != 0 {
			p, err = a.DB.VisiblePost(ctx, auth.Viewer(ctx), p.ShareOfID)
		}
		if err != nil {
			return err
		}
		if err := act(ctx, auth.Account(ctx), p.ID); err != nil {
			return err
		}
		s, err := a.reader(r).statusByID(ctx, p.ID)
		if err != nil {
			return err
		}
		return auth.JSON(w, s)
	}
}

// reblog is POST /api/v1/statuses/:id/reblog. The answer is the share, with the post in it.
func (a *API) reblog(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	share, err := a.Outbox.Share(ctx, auth.Account(ctx), pathID(r), time.Time{})
	if err != nil {
		return err
	}
	s, err := a.reader(r).statusByID(ctx, share.ID)
	if err != nil {
		return err
	}
	return auth.JSON(w, s)
}

// favouritedBy is GET /api/v1/statuses/:id/favourited_by.
func (a *API) favouritedBy(w http.ResponseWriter, r *http.Request) error {
	return a.whoReacted(w, r, a.DB.LikedBy)
}

// rebloggedBy is GET /api/v1/statuses/:id/reblogged_by.
func (a *API) rebloggedBy(w http.ResponseWriter, r *http.Request) error {
	return a.whoReacted(w, r, func(ctx context.Context, post int64, page storage.Page) ([]*storage.Account, []int64, error) {
		return a.DB.SharedBy(ctx, auth.Viewer(ctx), post, page)
	})
}

func (a *API) whoReacted(w http.ResponseWriter, r *http.Request, list func(context.Context, int64, storage.Page) ([]*storage.Account, []int64, error)) error {
	p, err := a.visible(r)
	if err != nil {
		return err
	}
	if p.ShareOfID != 0 {
		p.ID = p.ShareOfID
	}
	return a.answerAccounts(w, r, func(ctx context.Context, page storage.Page) ([]*storage.Account, []int64, error) {
		return list(ctx, p.ID, page)
	})
}

// favourites is GET /api/v1/favourites.
func (a *API) favourites(w http.ResponseWriter, r *http.Request) error {
	return a.answerMarked(w, r, a.DB.Liked)
}

// bookmarks is GET /api/v1/bookmarks.
func (a *API) bookmarks(w http.ResponseWriter, r *http.Request) error {
	return a.answerMarked(w, r, a.DB.Bookmarked)
}

func (a *API) answerMarked(w http.ResponseWriter, r *http.Request, list func(context.Context, int64, storage.Page) ([]*storage.Post, []int64, error)) error {
	ctx := r.Context()
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	page := readPage(v, defaultPosts, maxPosts)
	if err := v.Err(); err != nil {
		return err
	}
	posts, cursors, err := list(ctx, auth.Viewer(ctx), page)
	if err != nil {
		return err
	}
	out, err := a.reader(r).statuses(ctx, posts)
	if err != nil {
		return err
	}
	a.linkCursors(w, r, page, cursors)
	return auth.JSON(w, out)
}
