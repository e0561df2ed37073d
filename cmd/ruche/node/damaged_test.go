package node

import (
	"database/sql"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"ruche/storage"
	"ruche/storage/storagetest"
)

// spoil changes rows as only somebody with the database can.
func spoil(t *testing.T, url string, statements ...string) {
	t.Helper()
	driver, source := "pgx", url
	if file, isFile := strings.CutPrefix(url, "sqlite:"); isFile {
		driver, source = "sqlite", file+"?_pragma=busy_timeout(5000)"
	}
	db, err := sql.Open(driver, source)
	ok(t, err)
	defer db.Close()
	for _, s := range statements {
		_, err := db.Exec(s)
		ok(t, err)
	}
}

func TestAStoredPostThatCantBeShownIsSaidToBeSoAndBreaksNoTimeline(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		n, ana, bob, _ := hive(t, url)
		ana.c.mirror.Log = slog.New(slog.NewTextHandler(io.Discard, nil)) // what is expected needs no line here
		file := [2]string{"image/png", "https://peer.test/files/1.png"}
		for _, note := range []string{"1", "2", "3"} {
			bob.says(bob.hangs("bob", note, "post "+note, file))
		}
		b := ana.browser()
		broken := b.home()[1].ID
		infinite := "9e999"
		if !strings.HasPrefix(url, "sqlite:") {
			infinite = "'Infinity'"
		}
		spoil(t, url, "UPDATE posts SET emojis = '{' WHERE id = "+broken, "UPDATE media SET focus_x = "+infinite,
			"UPDATE accounts SET fields = '[[', emojis = '7', aliases = 'x', revision = revision + 1 WHERE peer = 'peer.test'")
		posts := b.home()
		if len(posts) != 3 {
			t.Fatalf("home holds %d posts", len(posts))
		}
		for i, p := range posts {
			want := []string{"post 3", "can't be shown here", "post 1"}[i]
			if !strings.Contains(p.Content, want) || p.Account == nil || p.Account.Username != "bob" {
				t.Errorf("post %d is shown as %q of %+v", i, p.Content, p.Account)
			}
		}
		if posts[1].ID != broken || len(posts[1].MediaAttachments) != 0 || posts[1].Emojis == nil {
			t.Errorf("the broken one is %+v", posts[1])
		}
		// Shared, answered and looked at by itself, it breaks nothing either.
		for _, path := range []string{"/api/v1/statuses/" + broken, "/api/v1/statuses/" + broken + "/context", "/api/v1/timelines/public", "/api/v1/accounts/" + posts[0].Account.ID + "/statuses"} {
			if w := b.asks(path, b.token); w.Code != http.StatusOK {
				t.Errorf("%s is answered %d %s", path, w.Code, w.Body)
			}
		}
		for path, shown := range map[string][]string{"/@bob@peer.test": {"post 1", "can&#39;t be shown here", "post 3"}, "/@bob@peer.test/" + broken: {"can&#39;t be shown here"}} {
			w := b.asks(path, "")
			for _, text := range shown {
				if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), text) {
					t.Errorf("%s is answered %d without %q:\n%s", path, w.Code, text, w.Body)
				}
			}
		}
		if p, err := n.cores["siege.test"].db.PostByID(t.Context(), storage.ParseID(broken)); err != nil || !p.Damaged() {
			t.Errorf("the row reads as %+v (%v)", p, err)
		}
	})
}
