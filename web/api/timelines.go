package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"ruche/storage"
	"ruche/web/auth"
)

// answerPosts reads a page of posts and writes it with its links.
func (a *API) answerPosts(w http.ResponseWriter, r *http.Request, v *auth.Values, list func(ctx context.Context, viewer int64, page storage.Page) ([]*storage.Post, error)) error {
	ctx := r.Context()
	page := readPage(v, defaultPosts, maxPosts)
	if err := v.Err(); err != nil {
		return err
	}
	rd := a.reader(r)
	posts, err := list(ctx, rd.me, page)
	if err != nil {
		return err
	}
	out, err := rd.statuses(ctx, posts)
	if err != nil {
		return err
	}
	if n := len(posts); n > 0 {
		a.link(w, r, page, posts[0].ID, posts[n-1].ID, n)
	}
	return auth.JSON(w, out)
}

// home is GET /api/v1/timelines/home.
func (a *API) home(w http.ResponseWriter, r *http.Request) error {
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	return a.answerPosts(w, r, v, a.DB.HomeTimeline)
}

// public is GET /api/v1/timelines/public.
func (a *API) public(w http.ResponseWriter, r *http.Request) error {
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	side, onlyMedia := readSide(v)
	return a.answerPosts(w, r, v, func(ctx context.Context, viewer int64, page storage.Page) ([]*storage.Post, error) {
		return a.DB.PublicTimeline(ctx, viewer, side, onlyMedia, page)
	})
}

func readSide(v *auth.Values) (side storage.Side, onlyMedia bool) {
	switch {
	case v.Bool("local", false):
		side = storage.LocalSide
	case v.Bool("remote", false):
		side = storage.RemoteSide
	}
	return side, v.Bool("only_media", false)
}

// tagTimeline is GET /api/v1/timelines/tag/:hashtag; a tag that nobody used is an empty page.
func (a *API) tagTimeline(w http.ResponseWriter, r *http.Request) error {
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	side, onlyMedia := readSide(v)
	var tags storage.Tags
	for _, c := range []struct {
		names []string
		into  *[]string
	}{{append([]string{r.PathValue("tag")}, v.List("any")...), &tags.Any}, {v.List("all"), &tags.All}, {v.List("none"), &tags.None}} {
		for _, name := range c.names {
			// Mastodon takes four of each.
			if tag := tagName(name); tag != "" && len(*c.into) < 5 && !slices.Contains(*c.into, tag) {
				*c.into = append(*c.into, tag)
			}
		}
	}
	if len(tags.Any) == 0 {
		return auth.JSON(w, []*Status{})
	}
	return a.answerPosts(w, r, v, func(ctx context.Context, viewer int64, page storage.Page) ([]*storage.Post, error) {
		return a.DB.HashtagTimeline(ctx, viewer, tags, side, onlyMedia, page)
	})
}

// tagName brings a hashtag into the form in which storage keeps it.
func tagName(s string) string {
	return storage.NormalTag(strings.TrimPrefix(strings.TrimSpace(s), "#"))
}

// accountStatuses is GET /api/v1/accounts/:id/statuses.
func (a *API) accountStatuses(w http.ResponseWriter, r *http.Request) error {
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	of, err := a.somebody(r)
	if err != nil {
		return err
	}
	filter := storage.AccountFilter{
		OnlyMedia: v.Bool("only_media", false), NoReplies: v.Bool("exclude_replies", false), NoShares: v.Bool("exclude_reblogs", false), Tagged: tagName(v.Str("tagged")),
	}
	if !of.Active() {
		return auth.JSON(w, []*Status{})
	}
	if v.Bool("pinned", false) {
		rd := a.reader(r)
		posts, err := a.DB.PinnedPosts(r.Context(), rd.me, of.ID)
		if err != nil {
			return err
		}
		out, err := rd.statuses(r.Context(), posts)
		if err != nil {
			return err
		}
		return auth.JSON(w, out)
	}
	return a.answerPosts(w, r, v, func(ctx context.Context, viewer int64, page storage.Page) ([]*storage.Post, error) {
		return a.DB.AccountTimeline(ctx, viewer, of.ID, filter, page)
	})
}
