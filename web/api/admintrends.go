package api

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"

	"ruche/storage"
	"ruche/web/auth"
)

// What community managers and admins see of the trends, and how they pick: to approve is to pick, to reject is to take a pick back.
// Nothing waits for a review here, since nothing that isn't public in its circle ever trends.

// AdminStatus is a trending post with what a reviewer is told.
type AdminStatus struct {
	*Status
	RequiresReview bool `json:"requires_review"`
}

// AdminTag is a trending tag with what a reviewer is told.
type AdminTag struct {
	Tag
	Trendable      bool `json:"trendable"`
	Usable         bool `json:"usable"`
	Listable       bool `json:"listable"`
	RequiresReview bool `json:"requires_review"`
}

// AdminLink is a trending link with what a reviewer is told. Its id stands for its address.
type AdminLink struct {
	TrendingLink
	ID             string `json:"id"`
	RequiresReview bool   `json:"requires_review"`
}

// adminStatuses is GET /api/v1/admin/trends/statuses.
func (a *API) adminStatuses(w http.ResponseWriter, r *http.Request, limit, offset int) error {
	shown, err := a.trendingPosts(w, r, limit, offset)
	if err != nil {
		return err
	}
	out := make([]AdminStatus, len(shown))
	for i, s := range shown {
		out[i] = AdminStatus{Status: s}
	}
	return auth.JSON(w, out)
}

// adminTags is GET /api/v1/admin/trends/tags.
func (a *API) adminTags(w http.ResponseWriter, r *http.Request, limit, offset int) error {
	tags, err := a.trendingNames(w, r, limit, offset)
	if err != nil {
		return err
	}
	out := make([]AdminTag, len(tags))
	for i, t := range tags {
		out[i] = AdminTag{Tag: t, Trendable: true, Usable: true, Listable: true}
	}
	return auth.JSON(w, out)
}

// adminLinks is GET /api/v1/admin/trends/links.
func (a *API) adminLinks(w http.ResponseWriter, r *http.Request, limit, offset int) error {
	links, err := a.trendingCards(w, r, limit, offset)
	if err != nil {
		return err
	}
	out := make([]AdminLink, len(links))
	for i, l := range links {
		out[i] = AdminLink{TrendingLink: l, ID: base64.RawURLEncoding.EncodeToString([]byte(l.URL))}
	}
	return auth.JSON(w, out)
}

// picking is POST /api/v1/admin/trends/:kind/:id/approve, or reject, and answers with what it was about.
func (a *API) picking(kind string, approve bool) func(http.ResponseWriter, *http.Request) error {
	return a.staff(storage.ActPick, func(w http.ResponseWriter, r *http.Request) error {
		ctx := r.Context()
		target, answer, err := a.pickable(r, kind)
		if err != nil {
			return err
		}
		err = a.DB.Update(ctx, func(tx *storage.Tx) error {
			if approve {
				return tx.Pick(ctx, kind, target)
			}
			// What wasn't picked is rejected already.
			if err := tx.Unpick(ctx, kind, target); err != nil && !errors.Is(err, storage.ErrNotFound) {
				return err
			}
			return nil
		})
		if errors.Is(err, storage.ErrPick) {
			return auth.Invalid("%v", err)
		}
		if err != nil {
			return err
		}
		return auth.JSON(w, answer)
	})
}

// pickable reads what a route names: how storage calls it, and how apps read it.
func (a *API) pickable(r *http.Request, kind string) (target string, answer any, err error) {
	ctx, rd := r.Context(), a.reader(r)
	switch kind {
	case storage.PickPost:
		s, err := rd.statusByID(ctx, pathID(r))
		return r.PathValue("id"), AdminStatus{Status: s}, err
	case storage.PickTag:
		tags, err := rd.tags(ctx, []string{r.PathValue("name")})
		if err != nil || len(tags) == 0 {
			return "", nil, orNotFound(err)
		}
		return tags[0].Name, AdminTag{Tag: tags[0], Trendable: true, Usable: true, Listable: true}, nil
	}
	return a.pickableLink(ctx, r.PathValue("name"))
}

func (a *API) pickableLink(ctx context.Context, name string) (string, any, error) {
	address, err := base64.RawURLEncoding.DecodeString(name)
	if err != nil {
		return "", nil, auth.NotFound()
	}
	card, err := a.DB.CardByURL(ctx, string(address))
	if err != nil {
		return "", nil, err
	}
	return card.URL, AdminLink{TrendingLink: TrendingLink{Card: *cardOf(card), History: []TagHistory{}}, ID: name}, nil
}

func orNotFound(err error) error {
	if err == nil {
		return auth.NotFound()
	}
	return err
}
