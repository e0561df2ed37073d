package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"ruche/storage"
	"ruche/web/auth"
)

// Suggestion is somebody whom the reader may want to follow, and why.
type Suggestion struct {
	Source  string   `json:"source"`
	Sources []string `json:"sources"`
	Account *Account `json:"account"`
}

func (a *API) suggested(r *http.Request) ([]storage.Suggestion, []*Account, error) {
	ctx := r.Context()
	v, err := auth.Params(r)
	if err != nil {
		return nil, nil, err
	}
	limit := readLimit(v, defaultAccounts, maxAccounts)
	if err := v.Err(); err != nil {
		return nil, nil, err
	}
	found, err := a.DB.Suggestions(ctx, auth.Account(ctx), limit)
	if err != nil {
		return nil, nil, err
	}
	list := make([]*storage.Account, len(found))
	for i, s := range found {
		list[i] = s.Account
	}
	shown, err := a.reader(r).accounts(ctx, list)
	return found, shown, err
}

// suggestions is GET /api/v2/suggestions.
func (a *API) suggestions(w http.ResponseWriter, r *http.Request) error {
	found, shown, err := a.suggested(r)
	if err != nil {
		return err
	}
	out := make([]Suggestion, len(found))
	for i, s := range found {
		out[i] = Suggestion{"global", []string{"most_interactions"}, shown[i]}
		if s.Mutual > 0 {
			out[i] = Suggestion{"past_interactions", []string{"friends_of_friends"}, shown[i]}
		}
	}
	return auth.JSON(w, out)
}

// suggestionsV1 is GET /api/v1/suggestions.
func (a *API) suggestionsV1(w http.ResponseWriter, r *http.Request) error {
	_, shown, err := a.suggested(r)
	if err != nil {
		return err
	}
	return auth.JSON(w, shown)
}

// waveAway is DELETE /api/v1/suggestions/:account_id.
func (a *API) waveAway(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	of, err := a.somebody(r)
	if err != nil {
		return err
	}
	if err := a.DB.Update(ctx, func(tx *storage.Tx) error { return tx.WaveAway(ctx, auth.Viewer(ctx), of.ID) }); err != nil {
		return err
	}
	return empty(w)
}

// directory is GET /api/v1/directory.
func (a *API) directory(w http.ResponseWriter, r *http.Request) error {
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	limit, offset := readLimit(v, defaultAccounts, maxAccounts), int(max(0, min(v.Int("offset", 0), 1<<30)))
	local := v.Bool("local", false)
	if err := v.Err(); err != nil {
		return err
	}
	found, err := a.DB.DirectoryPage(r.Context(), v.Str("order") == "new", local, limit, offset)
	if err != nil {
		return err
	}
	out, err := a.reader(r).accounts(r.Context(), found)
	if err != nil {
		return err
	}
	return auth.JSON(w, out)
}

// trend reads a page that is counted by offset, as trends are.
func (a *API) trend(standard, most int, answer func(w http.ResponseWriter, r *http.Request, limit, offset int) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		v, err := auth.Params(r)
		if err != nil {
			return err
		}
		limit, offset := readLimit(v, standard, most), int(max(0, min(v.Int("offset", 0), 1<<20)))
		if err := v.Err(); err != nil {
			return err
		}
		return answer(w, r, limit, offset)
	}
}

// trendingStatuses is GET /api/v1/trends/statuses.
func (a *API) trendingStatuses(w http.ResponseWriter, r *http.Request, limit, offset int) error {
	return answerTrend(w, r, limit, offset, a.trendingPosts)
}

// trendingTags is GET /api/v1/trends/tags.
func (a *API) trendingTags(w http.ResponseWriter, r *http.Request, limit, offset int) error {
	return answerTrend(w, r, limit, offset, a.trendingNames)
}

// trendingLinks is GET /api/v1/trends/links: pages of hosts whose cards are shown here, to which different people linked.
func (a *API) trendingLinks(w http.ResponseWriter, r *http.Request, limit, offset int) error {
	return answerTrend(w, r, limit, offset, a.trendingCards)
}

func answerTrend[T any](w http.ResponseWriter, r *http.Request, limit, offset int, read func(http.ResponseWriter, *http.Request, int, int) ([]T, error)) error {
	out, err := read(w, r, limit, offset)
	if err != nil {
		return err
	}
	return auth.JSON(w, out)
}

// trendingPosts reads a page of trending posts, and writes where the next one is.
func (a *API) trendingPosts(w http.ResponseWriter, r *http.Request, limit, offset int) ([]*Status, error) {
	rd := a.reader(r)
	posts, err := a.DB.TrendingPosts(r.Context(), rd.me, limit, offset)
	if err != nil {
		return nil, err
	}
	a.linkOffset(w, r, len(posts), limit, offset)
	return rd.statuses(r.Context(), posts)
}

func (a *API) trendingNames(w http.ResponseWriter, r *http.Request, limit, offset int) ([]Tag, error) {
	names, err := a.DB.TrendingTags(r.Context(), auth.Viewer(r.Context()), limit, offset)
	if err != nil {
		return nil, err
	}
	a.linkOffset(w, r, len(names), limit, offset)
	return a.reader(r).tags(r.Context(), names)
}

func (a *API) trendingCards(w http.ResponseWriter, r *http.Request, limit, offset int) ([]TrendingLink, error) {
	found, err := a.DB.TrendingLinks(r.Context(), auth.Viewer(r.Context()), limit, offset)
	if err != nil {
		return nil, err
	}
	out := make([]TrendingLink, len(found))
	for i, t := range found {
		out[i] = TrendingLink{Card: *cardOf(t.Card), History: []TagHistory{}}
	}
	a.linkOffset(w, r, len(found), limit, offset)
	return out, nil
}

// linkTimeline is GET /api/v1/timelines/link: the public posts that link to a page that has a card.
func (a *API) linkTimeline(w http.ResponseWriter, r *http.Request) error {
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	address, err := url.Parse(v.Str("url"))
	if err != nil || !isAddress(v.Str("url")) {
		return auth.Invalid("url must be an address")
	}
	return a.answerPosts(w, r, v, func(ctx context.Context, viewer int64, page storage.Page) ([]*storage.Post, error) {
		return a.DB.LinkTimeline(ctx, viewer, storage.CardAddress(address).String(), page)
	})
}

// linkOffset writes the Link header of a page that is counted by offset.
func (a *API) linkOffset(w http.ResponseWriter, r *http.Request, count, limit, offset int) {
	at := func(offset int, rel string) string {
		q := r.URL.Query()
		q.Del("access_token")
		q.Set("offset", strconv.Itoa(offset))
		return "<" + a.Auth.BaseURL(r) + r.URL.EscapedPath() + "?" + q.Encode() + `>; rel="` + rel + `"`
	}
	if count >= limit {
		w.Header().Add("Link", at(offset+limit, "next"))
	}
	if offset > 0 {
		w.Header().Add("Link", at(max(0, offset-limit), "prev"))
	}
}
