package node

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ruche/storage/storagetest"
)

// document gives what a kind of server sends, as the golden tests read it, spoken by one of the stranger's actors.
func (s *stranger) document(t *testing.T, file, host, author, name string) string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("..", "..", "..", "federation", "vocab", "testdata", "received", file))
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(author, s.id(name), host, s.host).Replace(string(body))
}

func createOf(s *stranger, name, object string) string {
	return fmt.Sprintf(`{"id":"https://%s/c/%d","type":"Create","actor":%q,"to":["as:Public"],"object":%s}`, s.host, len(object), s.id(name), object)
}

func TestPostsOfOtherServersAreShownWithWhatMattersOfThem(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		databases := []string{url}
		n := startCores(t, nextDatabase(t, &databases), "siege.test")
		ctx := context.Background()
		ana := n.person("ana@siege.test")
		bob := n.stranger("peer.test", "bob")
		n.openly("siege.test", "peer.test")
		for _, tc := range []struct {
			file, host, author, uri, html, warning, media string
			activity                                      bool
		}{
			{file: "wordpress_article.json", host: "blog.test", author: "https://blog.test/?author=1", uri: "https://peer.test/?p=12",
				html: "<p><strong>Bees &amp; roofs</strong></p><p>A long text.</p>", media: "image/jpeg image"},
			{file: "lemmy_page.json", host: "lemmy.test", author: "https://lemmy.test/u/carl", uri: "https://peer.test/post/4",
				html: `<p><strong>Microscope &amp; co</strong></p><p>It came today.</p>` + "\n" + `<p><a href="https://news.test/microscope"`},
			{file: "peertube_video.json", host: "video.test", author: "https://video.test/accounts/dan", uri: "https://peer.test/videos/watch/1",
				html: `<p><strong>A film</strong></p><p>About it</p><p><a href="https://peer.test/w/1"`},
			{file: "akkoma_note.json", host: "akkoma.test", author: "https://akkoma.test/users/eda", uri: "https://peer.test/objects/5f1c",
				html: "The <b>loom</b> runs", media: "video/mp4 video"},
			{file: "gotosocial_policy.json", host: "gts.test", author: "https://gts.test/users/bob", uri: "https://peer.test/u/bob/statuses/01B",
				html: "<p>Listen</p>", media: "audio/mpeg audio"},
			{file: "misskey_poll.json", host: "misskey.test", author: "https://misskey.test/users/8xyz", uri: "https://peer.test/notes/9r", html: "<p>Cats?</p>"},
			{file: "pixelfed_create.json", host: "pix.test", author: "https://pix.test/users/fay", uri: "https://peer.test/p/fay/55", html: "In answer, the harbour", media: "image/jpeg image, video/mp4 video", activity: true},
			{file: "mastodon_create.json", host: "masto.test", author: "https://masto.test/users/alice", uri: "https://peer.test/u/bob/statuses/113", html: "", warning: "spoilers", media: "image/png image", activity: true},
		} {
			body := bob.document(t, tc.file, tc.host, tc.author, "bob")
			if !tc.activity {
				body = createOf(bob, "bob", body)
			}
			if got := bob.deliver("siege.test", "/inbox", "bob", body); got != http.StatusAccepted {
				t.Fatalf("%s: answered %d", tc.file, got)
			}
			n.settle()
			p, err := ana.c.db.PostByURI(ctx, tc.uri)
			if err != nil {
				t.Errorf("%s: %v", tc.file, err)
				continue
			}
			if !strings.HasPrefix(p.HTML, tc.html) || p.ContentWarning != tc.warning {
				t.Errorf("%s is shown as %q under %q, want %q under %q", tc.file, p.HTML, p.ContentWarning, tc.html, tc.warning)
			}
			files, err := ana.c.db.MediaOf(ctx, []int64{p.ID})
			if err != nil {
				t.Fatal(err)
			}
			var media []string
			for _, m := range files[p.ID] {
				media = append(media, m.MIME+" "+m.Kind)
			}
			if got := strings.Join(media, ", "); got != tc.media {
				t.Errorf("%s has the files %q, want %q", tc.file, got, tc.media)
			}
			if !strings.Contains(p.Raw, `"attributedTo"`) {
				t.Errorf("%s: what was sent isn't kept: %.80s", tc.file, p.Raw)
			}
		}
		note, err := ana.c.db.PostByURI(ctx, "https://peer.test/objects/5f1c")
		if err != nil || len(note.Emojis) != 1 || note.Emojis[0] != "spool" {
			t.Errorf("emojis: %v (%v)", note, err)
		}
		if shown, err := ana.c.db.ShownEmojis(ctx, "peer.test", note.Emojis); err != nil || len(shown) != 0 {
			t.Errorf("an emoji without a copy here is shown (%v)", err)
		}
		// Each can be edited.
		edit := strings.NewReplacer("A long text.", "A longer text.", "2026-04-05", "2026-04-06").Replace(bob.document(t, "wordpress_article.json", "blog.test", "https://blog.test/?author=1", "bob"))
		bob.deliver("siege.test", "/inbox", "bob", strings.Replace(createOf(bob, "bob", edit), `"type":"Create"`, `"type":"Update"`, 1))
		n.settle()
		article, err := ana.c.db.PostByURI(ctx, "https://peer.test/?p=12")
		if err != nil || article.HTML != "<p><strong>Bees &amp; roofs</strong></p><p>A longer text.</p>" {
			t.Errorf("the edited article: %v (%v)", article, err)
		}
	})
}

func TestWhatIsTooMuchIsCutOrRefused(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ctx := context.Background()
	ana := n.person("ana@siege.test")
	bob := n.stranger("peer.test", "bob")
	repeat := func(count int, format string) string {
		var list []string
		for i := range count {
			list = append(list, fmt.Sprintf(format, i))
		}
		return strings.Join(list, ",")
	}
	bob.docs["/u/bob"] = strings.Replace(bob.docs["/u/bob"], `"type":"Person"`, `"type":"Person","attachment":[`+repeat(200, `{"type":"PropertyValue","name":"n%d","value":"v"}`)+`],"alsoKnownAs":[`+repeat(900, `"https://old.test/u/%d"`)+`]`, 1)
	n.openly("siege.test", "peer.test")
	a := ana.finds("bob@peer.test")
	if len(a.Fields) != 50 || len(a.Aliases) != 256 {
		t.Errorf("%d fields and %d aliases are kept", len(a.Fields), len(a.Aliases))
	}
	send := func(body string) int {
		t.Helper()
		got := bob.deliver("siege.test", "/inbox", "bob", body)
		n.settle()
		return got
	}
	poll := strings.Replace(bob.create("bob", "poll", "many", `,"oneOf":[`+repeat(800, `{"type":"Note","name":"option %d","replies":{"totalItems":9223372036854775807}}`)+`]`), `"type":"Note","attributedTo"`, `"type":"Question","attributedTo"`, 1)
	if got := send(poll); got != http.StatusAccepted {
		t.Fatalf("a large poll is answered %d", got)
	}
	p, err := ana.c.db.PostByURI(ctx, "https://peer.test/n/poll")
	if err != nil {
		t.Fatal(err)
	}
	if q, err := ana.c.db.PollOf(ctx, p.ID); err != nil || len(q.Options) != 500 || q.Total() < 0 {
		t.Errorf("a poll with %d options and %d votes (%v)", len(q.Options), q.Total(), err)
	}
	before := n.rows("siege.test")
	for name, tc := range map[string]struct {
		body string
		want int
	}{
		"1001 tags": {bob.create("bob", "tags", "x", `,"tag":[`+repeat(1001, `{"type":"Hashtag","name":"#t%d"}`)+`]`), http.StatusAccepted},
		"1001 recipients": {strings.Replace(bob.create("bob", "to", "x", ""), `"cc":["https://peer.test/u/bob/followers"],
	"object"`, `"cc":[`+repeat(1001, `"https://peer.test/u/%d"`)+`],
	"object"`, 1), http.StatusBadRequest},
		"65 levels":  {bob.create("bob", "deep", "x", `,"x":`+strings.Repeat("[", 64)+strings.Repeat("]", 64)), http.StatusBadRequest},
		"a megabyte": {bob.create("bob", "large", strings.Repeat("x", 1<<20), ""), http.StatusRequestEntityTooLarge},
	} {
		if got := send(tc.body); got != tc.want {
			t.Errorf("%s: answered %d, want %d", name, got, tc.want)
		}
	}
	if after := n.rows("siege.test"); strip(after) != strip(before) {
		t.Errorf("what is too much changed\n%s into\n%s", before, after)
	}
}

func TestAnUnknownKindOfActivityOrPostIsKeptOutWithoutAnError(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	n.person("ana@siege.test")
	bob := n.stranger("peer.test", "bob")
	n.openly("siege.test", "peer.test")
	bob.deliver("siege.test", "/inbox", "bob", bob.create("bob", "1", "hello", ""))
	n.settle()
	before := n.rows("siege.test")
	for i, body := range []string{
		`{"id":"https://peer.test/a/%d","type":"Bite","actor":"https://peer.test/u/bob","target":"https://siege.test/posts/1"}`,
		`{"id":"https://peer.test/a/%d","type":["urn:x:Create","Dance"],"actor":"https://peer.test/u/bob","object":"https://peer.test/n/1"}`,
		`{"id":"https://peer.test/a/%d","type":"Create","actor":"https://peer.test/u/bob","object":{"id":"https://peer.test/n/9","type":"ChatMessage","attributedTo":"https://peer.test/u/bob","content":"psst","to":["as:Public"]}}`,
		`{"@context":{"actor":"as:object","object":"as:actor"},"id":"https://peer.test/a/%d","type":"Add","actor":"https://peer.test/u/bob","object":{"type":"Unheard"},"target":"https://peer.test/u/bob/list"}`,
		`{"id":"https://peer.test/a/%d","type":"Move","actor":"https://peer.test/u/bob"}`,
		`{"id":"https://peer.test/a/%d","type":"QuoteRequest","actor":"https://peer.test/u/bob"}`,
		`{"id":"https://peer.test/a/%d","type":"Block","actor":"https://peer.test/u/bob","object":"https://siege.test/users/1"}`,
		`{"id":"https://peer.test/a/%d","type":"Flag","actor":"https://peer.test/u/bob","object":["https://siege.test/users/1","https://siege.test/posts/1",{"type":"X"}]}`,
		`{"id":"https://peer.test/a/%d","type":"Remove","actor":"https://peer.test/u/bob","object":"https://peer.test/n/1"}`,
	} {
		if got := bob.deliver("siege.test", "/inbox", "bob", fmt.Sprintf(body, i)); got != http.StatusAccepted && got != http.StatusBadRequest {
			t.Errorf("answered %d to %s", got, body)
		}
		n.settle()
		n.advance(time.Second)
	}
	if after := n.rows("siege.test"); strip(after) != strip(before) {
		t.Errorf("unknown kinds changed\n%s into\n%s", before, after)
	}
}
