package pages

import (
	"context"
	"net/http"
	"net/url"

	"ruche/storage"
	"ruche/web/auth"
	"ruche/web/view"
)

// home is GET /home: what those whom the reader follows posted and shared, under the form to post.
func (p *Pages) home(w http.ResponseWriter, r *http.Request) error {
	me := auth.Account(r.Context())
	return p.timeline(w, r, "home", func(ctx context.Context, page storage.Page) ([]*storage.Post, error) {
		return p.DB.HomeTimeline(ctx, me.ID, page)
	})
}

// entity is GET /entity: what the people of this node post for everybody.
func (p *Pages) entity(w http.ResponseWriter, r *http.Request) error {
	return p.timeline(w, r, "entity", p.public(r, storage.LocalSide))
}

// network is GET /network: the same of every linked entity.
func (p *Pages) network(w http.ResponseWriter, r *http.Request) error {
	return p.timeline(w, r, "network", p.public(r, storage.BothSides))
}

func (p *Pages) public(r *http.Request, side storage.Side) reader {
	viewer := auth.Viewer(r.Context())
	return func(ctx context.Context, page storage.Page) ([]*storage.Post, error) {
		return p.DB.PublicTimeline(ctx, viewer, side, false, page)
	}
}

// tag is GET /tags/name.
func (p *Pages) tag(w http.ResponseWriter, r *http.Request) error {
	viewer, name := auth.Viewer(r.Context()), r.PathValue("tag")
	return p.timeline(w, r, "tag", func(ctx context.Context, page storage.Page) ([]*storage.Post, error) {
		return p.DB.HashtagTimeline(ctx, viewer, storage.Tags{Any: []string{normalTag(name)}}, storage.BothSides, false, page)
	})
}

type reader func(ctx context.Context, page storage.Page) ([]*storage.Post, error)

// timeline shows a page of posts, and where the older ones are.
func (p *Pages) timeline(w http.ResponseWriter, r *http.Request, which string, read reader) error {
	ctx := r.Context()
	posts, err := read(ctx, storage.Page{Limit: perPage, MaxID: storage.ParseID(r.URL.Query().Get("max_id"))})
	if err != nil {
		return err
	}
	shown, err := p.show(r, posts)
	if err != nil {
		return err
	}
	page := view.Timeline{Which: which, Posts: shown, Tag: r.PathValue("tag"), Compose: p.compose(r, nil, nil)}
	if which == "tag" || r.URL.Query().Has("max_id") {
		page.Compose = nil
	}
	if len(posts) == perPage {
		page.Older = r.URL.Path + "?" + url.Values{"max_id": {storage.FormatID(posts[len(posts)-1].ID)}}.Encode()
	}
	return p.Auth.Show(w, r, http.StatusOK, "timeline", page)
}
