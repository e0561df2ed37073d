package api_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"ruche/storage"
	"ruche/storage/storagetest"
	"ruche/web/webtest"
)

// How long an answer takes tells nothing: for a post that the reader may not see the same questions are put to the
// database as for one that never was, on every route that names a post.
func TestWhatIsHiddenTakesTheSameWorkAsWhatIsAbsent(t *testing.T) {
	var asked []string
	numbers := regexp.MustCompile(`[0-9]+|'[^']*'`)
	storagetest.EachWith(t, storage.Options{Asked: func(query string) { asked = append(asked, numbers.ReplaceAllString(query, "?")) }}, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		ana, eve := n.Person("ana"), n.Person("eve")
		var hidden []*storage.Post
		check(t, db.Update(ctx, func(tx *storage.Tx) error {
			hidden = nil
			for _, visibility := range []string{storage.Followers, storage.Direct} {
				p := &storage.NewPost{Post: storage.Post{AuthorID: ana.Account.ID, HTML: "<p>for few</p>", Visibility: visibility, Circle: storage.CircleNode}}
				if _, err := tx.AddPost(ctx, p); err != nil {
					return err
				}
				hidden = append(hidden, &p.Post)
			}
			return nil
		}))
		routes := 0
		for _, r := range n.API.Routes() {
			if !strings.HasPrefix(r.Path, "/api/v1/statuses/{id:[0-9]+}") && !strings.HasPrefix(r.Path, "/api/v1/polls/{id:[0-9]+}") {
				continue
			}
			routes++
			ask := func(id string) (int, string, []string) {
				asked = nil
				a := eve.Ask(r.Method, strings.NewReplacer("{id:[0-9]+}", id, "{quoting:[0-9]+}", "1").Replace(r.Path), nil)
				return a.StatusCode, strings.ReplaceAll(a.Body, id, "ID"), slices.Clone(asked)
			}
			for _, p := range hidden {
				s1, b1, q1 := ask(storage.FormatID(p.ID))
				s2, b2, q2 := ask(storage.FormatID(p.ID + 1))
				if s1 != 404 || s1 != s2 || b1 != b2 {
					t.Errorf("%s %s: %d %s; of none: %d %s", r.Method, r.Path, s1, b1, s2, b2)
				}
				if !slices.Equal(q1, q2) {
					t.Errorf("%s %s asks\n%s\nand of none\n%s", r.Method, r.Path, strings.Join(q1, "\n"), strings.Join(q2, "\n"))
				}
			}
		}
		if routes < 20 {
			t.Errorf("only %d routes name a post", routes)
		}
	})
}
