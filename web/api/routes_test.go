package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"ruche/storage"
	"ruche/storage/storagetest"
	"ruche/web/api"
	"ruche/web/auth"
	"ruche/web/webtest"
)

// address fills a route's variables with ids that are nobody's.
func address(path string) string {
	return strings.NewReplacer("{id:[0-9]+}", "112233445566778899", "{quoting:[0-9]+}", "112233445566778898", "{tag}", "bees", "{host}", "nobody.test", "{key}", "favourite-1-1", "{name}", "%F0%9F%90%9D").Replace(path)
}

// foreign is a scope that covers none of those needed.
func foreign(scope string) string {
	for _, s := range []string{"push", "profile", "read:search", "admin:read:accounts"} {
		covers := false
		for need := range strings.FieldsSeq(scope) {
			covers = covers || auth.Covers(s, need)
		}
		if !covers {
			return s
		}
	}
	return "push"
}

func TestEveryRouteIsForThoseWhomItNames(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		for _, open := range []bool{false, true} {
			n := webtest.Start(t, db, func(o *api.Options) { o.PublicPages = open })
			name := "ana"
			if open {
				name = "luc"
			}
			person := n.Person(name)
			own := n.Token(0, webtest.Everything) // an app's own token
			for _, r := range append(n.API.Routes(), n.Stream.Routes()...) {
				path := address(r.Path)
				ask := func(what, token string, allowed bool, refused int) {
					t.Helper()
					a := n.Ask(r.Method, path, token, nil)
					// Nobody's address awaits a confirmation here.
					// And a role that isn't there is named, when the token is wide enough.
					none := strings.Contains(a.Body, "awaiting confirmation") || strings.Contains(a.Body, "This action is not allowed: it is for ")
					denied := !none && (a.StatusCode == http.StatusUnauthorized || a.StatusCode == http.StatusForbidden || a.StatusCode == http.StatusUnprocessableEntity && strings.Contains(a.Body, "requires an authenticated user"))
					switch {
					case allowed && denied, a.StatusCode >= 500, a.StatusCode == http.StatusMethodNotAllowed:
						t.Errorf("%s %s with %s (public pages: %v): %d %s", r.Method, r.Path, what, open, a.StatusCode, a.Body)
					case !allowed && a.StatusCode != refused:
						t.Errorf("%s %s with %s (public pages: %v): %d, want %d %s", r.Method, r.Path, what, open, a.StatusCode, refused, a.Body)
					case !strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") && !strings.HasPrefix(path, "/api/v1/streaming"):
						t.Errorf("%s %s with %s answers %s", r.Method, r.Path, what, a.Header.Get("Content-Type"))
					}
				}
				scopes, public := strings.CutPrefix(r.Scope, auth.PublicOr)
				public = public || r.Scope == auth.Public
				ask("no token", "", public, http.StatusUnauthorized)
				ask("a wrong token", "wrong", false, http.StatusUnauthorized)
				ask("an app's token", own, public || r.Scope == auth.AnyToken, http.StatusUnprocessableEntity)
				if r.Scope != auth.Public && r.Scope != auth.AnyToken && r.Scope != auth.AnyPerson {
					ask("too narrow a scope", n.Token(person.ID, foreign(scopes)), false, http.StatusForbidden)
					for one := range strings.FieldsSeq(scopes) {
						ask("just "+one, n.Token(person.ID, one), true, 0)
					}
				}
			}
		}
	})
}

func TestWhatIsSomebodyElsesIsAsGoodAsAbsent(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := webtest.Start(t, db, nil)
		ana, eve := n.Person("ana"), n.Person("eve")
		post, err := ana.PostStatus(t.Context(), toot("for my followers", "private"))
		check(t, err)
		file, err := ana.UploadMediaFromBytes(t.Context(), picture(t))
		check(t, err)
		check(t, db.Update(t.Context(), func(tx *storage.Tx) error {
			_, _, err := tx.AddFollow(t.Context(), &storage.Follow{FollowerID: eve.ID, FolloweeID: ana.ID, FollowerLocal: true, State: storage.Pending})
			return err
		}))
		told, err := db.Notifications(t.Context(), ana.ID, storage.Told{}, storage.Page{})
		check(t, err)
		made := func(path string, body any) string {
			t.Helper()
			return webtest.Into[struct{ ID string }](ana.Ask("POST", path, body).Is(http.StatusOK)).ID
		}
		list := made("/api/v1/lists", map[string]string{"title": "mine"})
		later := made("/api/v1/statuses", map[string]string{"status": "later", "scheduled_at": db.Now().Add(24 * time.Hour).Format(time.RFC3339)})
		filter := made("/api/v2/filters", map[string]any{"title": "mine", "context": []string{"home"}})
		keyword := made("/api/v2/filters/"+filter+"/keywords", map[string]string{"keyword": "x"})
		tag := made("/api/v1/featured_tags", map[string]string{"name": "bees"})
		bob := n.Person("bob")
		ana.Ask("POST", "/api/v1/statuses", map[string]string{"status": "@bob between us", "visibility": "direct"}).Is(http.StatusOK)
		talks := webtest.Into[[]struct{ ID string }](bob.Ask("GET", "/api/v1/conversations", nil).Is(http.StatusOK))
		poll := webtest.Into[api.Status](ana.Ask("POST", "/api/v1/statuses", map[string]any{"status": "for my followers", "visibility": "private", "poll": map[string]any{"options": []string{"a", "b"}, "expires_in": 3600}}).Is(http.StatusOK)).Poll.ID
		before, err := db.Counts(t.Context())
		check(t, err)
		owned := map[string]string{"statuses": string(post.ID), "media": string(file.ID), "notifications": storage.FormatID(told[0].ID), "lists": list, "scheduled_statuses": later, "filters": filter, "featured_tags": tag,
			"conversations": talks[0].ID, "polls": poll}
		walked := 0
		for _, r := range n.API.Routes() {
			resource := append(strings.Split(r.Path, "/"), "", "")[3]
			id, ok := owned[resource]
			if !ok || !strings.Contains(r.Path, "{id") {
				continue
			}
			if strings.HasPrefix(r.Path, "/api/v1/filters/") || strings.HasPrefix(r.Path, "/api/v2/filters/keywords/") {
				id = keyword // the older filters are the newer ones' keywords
			}
			walked++
			real, none := n.Ask(r.Method, strings.Replace(r.Path, "{id:[0-9]+}", id, 1), eve.Token, nil), n.Ask(r.Method, address(r.Path), eve.Token, nil)
			if real.StatusCode != http.StatusNotFound || real.Body != none.Body || none.StatusCode != real.StatusCode {
				t.Errorf("%s %s: %d %s for what is ana's, %d %s for what isn't", r.Method, r.Path, real.StatusCode, real.Body, none.StatusCode, none.Body)
			}
		}
		if walked < 45 {
			t.Errorf("only %d routes were walked", walked)
		}
		after, err := db.Counts(t.Context())
		check(t, err)
		for table, count := range before {
			if after[table] != count {
				t.Errorf("%s had %d rows and has %d", table, count, after[table])
			}
		}
	})
}
