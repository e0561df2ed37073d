package api

import (
	"context"
	"net/http"

	"ruche/storage"
	"ruche/web/auth"
)

// showTag is GET /api/v1/tags/:name; a tag that nobody has used yet can be followed as well.
func (a *API) showTag(w http.ResponseWriter, r *http.Request) error {
	name, err := pathTag(r)
	if err != nil {
		return err
	}
	return a.answerTag(w, r, name)
}

// pathTag is the hashtag in a route's address.
func pathTag(r *http.Request) (string, error) {
	name := tagName(r.PathValue("tag"))
	if name == "" {
		return "", auth.NotFound()
	}
	return name, nil
}

func (a *API) answerTag(w http.ResponseWriter, r *http.Request, name string) error {
	tags, err := a.reader(r).tags(r.Context(), []string{name})
	if err != nil {
		return err
	}
	return auth.JSON(w, tags[0])
}

// onTag carries out an act on the tag in a route's address and answers with the tag.
func (a *API) onTag(act func(ctx context.Context, tx *storage.Tx, me int64, name string) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		ctx := r.Context()
		name, err := pathTag(r)
		if err != nil {
			return err
		}
		if err := a.DB.Update(ctx, func(tx *storage.Tx) error { return act(ctx, tx, auth.Viewer(ctx), name) }); err != nil {
			return err
		}
		return a.answerTag(w, r, name)
	}
}

// followTag is POST /api/v1/tags/:name/follow.
func followTag(ctx context.Context, tx *storage.Tx, me int64, name string) error {
	return tx.FollowTag(ctx, me, name)
}

// unfollowTag is POST /api/v1/tags/:name/unfollow.
func unfollowTag(ctx context.Context, tx *storage.Tx, me int64, name string) error {
	return tx.UnfollowTag(ctx, me, name)
}

// followedTags is GET /api/v1/followed_tags.
func (a *API) followedTags(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	page := readPage(v, 100, 200)
	if err := v.Err(); err != nil {
		return err
	}
	rows, err := a.DB.FollowedTags(ctx, auth.Viewer(ctx), page)
	if err != nil {
		return err
	}
	names, cursors := make([]string, len(rows)), make([]int64, len(rows))
	for i, t := range rows {
		names[i], cursors[i] = t.Name, t.ID
	}
	out, err := a.reader(r).tags(ctx, names)
	if err != nil {
		return err
	}
	a.linkCursors(w, r, page, cursors)
	return auth.JSON(w, out)
}
