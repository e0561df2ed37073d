package api

import (
	"context"
	"net/http"
	"slices"

	"ruche/storage"
	"ruche/web/auth"
)

// FeaturedTag is a hashtag on somebody's profile.
type FeaturedTag struct {
	ID            string  `json:"id"`
	Name          string  `json:"name"`
	URL           string  `json:"url"`
	StatusesCount string  `json:"statuses_count"`
	LastStatusAt  *string `json:"last_status_at"`
}

func (rd reader) featuredTags(ctx context.Context, of *storage.Account) ([]FeaturedTag, error) {
	rows, err := rd.DB.FeaturedTags(ctx, of.ID)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(rows))
	for i, t := range rows {
		names[i] = t.Name
	}
	uses, err := rd.DB.TagUses(ctx, of.ID, names)
	if err != nil {
		return nil, err
	}
	out := make([]FeaturedTag, 0, len(rows))
	for _, t := range rows {
		use := uses[t.Name]
		out = append(out, FeaturedTag{ID: id(t.ID), Name: t.Name, URL: pageOf(of) + "/tagged/" + t.Name, StatusesCount: id(int64(use.Posts)), LastStatusAt: opt(use.LastOn)})
	}
	return out, nil
}

// featuredTagsOf is GET /api/v1/accounts/:id/featured_tags.
func (a *API) featuredTagsOf(w http.ResponseWriter, r *http.Request) error {
	of, err := a.somebody(r)
	if err != nil {
		return err
	}
	return a.answerFeatured(w, r, of)
}

// ownFeaturedTags is GET /api/v1/featured_tags.
func (a *API) ownFeaturedTags(w http.ResponseWriter, r *http.Request) error {
	return a.answerFeatured(w, r, auth.Account(r.Context()))
}

func (a *API) answerFeatured(w http.ResponseWriter, r *http.Request, of *storage.Account) error {
	out, err := a.reader(r).featuredTags(r.Context(), of)
	if err != nil {
		return err
	}
	return auth.JSON(w, out)
}

// featureTag is POST /api/v1/featured_tags.
func (a *API) featureTag(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	name := tagName(v.Str("name"))
	if name == "" {
		return auth.Invalid("Name is not a valid hashtag")
	}
	me := auth.Account(ctx)
	if err := a.Outbox.FeatureTag(ctx, me, name); err != nil {
		return err
	}
	out, err := a.reader(r).featuredTags(ctx, me)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(out, func(t FeaturedTag) bool { return t.Name == name })
	if i < 0 {
		return auth.NotFound()
	}
	return auth.JSON(w, out[i])
}

// unfeatureTag is DELETE /api/v1/featured_tags/:id.
func (a *API) unfeatureTag(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	rows, err := a.DB.FeaturedTags(ctx, auth.Viewer(ctx))
	if err != nil {
		return err
	}
	for _, t := range rows {
		if t.ID == pathID(r) {
			if err := a.Outbox.UnfeatureTag(ctx, auth.Account(ctx), t.Name); err != nil {
				return err
			}
			return empty(w)
		}
	}
	return auth.NotFound()
}

// featureByName is POST /api/v1/tags/:name/feature and …/unfeature.
func (a *API) featureByName(act func(ctx context.Context, me *storage.Account, tag string) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		name, err := pathTag(r)
		if err != nil {
			return err
		}
		if err := act(r.Context(), auth.Account(r.Context()), name); err != nil {
			return err
		}
		return a.answerTag(w, r, name)
	}
}

// featuredSuggestions is GET /api/v1/featured_tags/suggestions: the tags that one used most.
func (a *API) featuredSuggestions(w http.ResponseWriter, r *http.Request) error {
	names, err := a.DB.OwnTags(r.Context(), auth.Viewer(r.Context()), 10)
	if err != nil {
		return err
	}
	out, err := a.reader(r).tags(r.Context(), names)
	if err != nil {
		return err
	}
	return auth.JSON(w, out)
}
