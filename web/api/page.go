package api

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"ruche/storage"
	"ruche/web/auth"
)

// Sizes of pages: what an app gets without asking, and at most.
const (
	defaultPosts, maxPosts                 = 20, 40
	defaultAccounts, maxAccounts           = 40, 80
	defaultNotifications, maxNotifications = 40, 80
)

// readPage reads where in a list an app wants to be. Limits are clamped, ids that are none count
// as absent.
func readPage(v *auth.Values, standard, most int) storage.Page {
	return storage.Page{
		MaxID: storage.ParseID(v.Str("max_id")), SinceID: storage.ParseID(v.Str("since_id")), MinID: storage.ParseID(v.Str("min_id")),
		Limit: readLimit(v, standard, most),
	}
}

func readLimit(v *auth.Values, standard, most int) int {
	limit := int(max(-1, min(v.Int("limit", int64(standard)), int64(most))))
	if limit <= 0 {
		return standard
	}
	return limit
}

// link writes the Link header of a page: absolute addresses of the next and the previous one.
// first and last are the cursors of what is shown, count how many rows storage gave.
func (a *API) link(w http.ResponseWriter, r *http.Request, page storage.Page, first, last int64, count int) {
	if count == 0 {
		return
	}
	query := r.URL.Query()
	for _, name := range []string{"max_id", "min_id", "since_id", "access_token"} {
		query.Del(name)
	}
	at := func(name string, cursor int64, rel string) string {
		q := url.Values{}
		for k, v := range query {
			q[k] = v
		}
		q.Set(name, id(cursor))
		return fmt.Sprintf("<%s%s?%s>; rel=%q", a.Auth.BaseURL(r), r.URL.EscapedPath(), q.Encode(), rel)
	}
	var links []string
	if count >= page.Limit {
		links = append(links, at("max_id", last, "next"))
	}
	links = append(links, at("min_id", first, "prev"))
	w.Header().Set("Link", strings.Join(links, ", "))
}

// linkCursors is link for a page whose rows have cursors beside them.
func (a *API) linkCursors(w http.ResponseWriter, r *http.Request, page storage.Page, cursors []int64) {
	if len(cursors) > 0 {
		a.link(w, r, page, cursors[0], cursors[len(cursors)-1], len(cursors))
	}
}
