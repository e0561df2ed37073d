package node

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"ruche/outbox"
	"ruche/storage"
	"ruche/storage/storagetest"
	"ruche/web/api"
)

// site is all that a node serves, to people and to peers.
func (n *testNodes) site(host string) http.Handler {
	n.t.Helper()
	whole := &Node{core: n.cores[host], cfg: Config{Domain: host, PublicURL: "https://" + host, Name: host, Locale: "en", PublicPages: true}, opt: Options{Version: "test", Log: n.cores[host].mirror.Log}}
	site, err := whole.newWeb()
	ok(n.t, err)
	n.t.Cleanup(whole.stream.Close)
	return site.Main()
}

// A browser is a reader of a node: with a token for the API, without anything for pictures.
type browser struct {
	t     testing.TB
	host  string
	site  http.Handler
	token string
}

func (p *testPerson) browser() *browser {
	p.t.Helper()
	secret := storage.NewSecret()
	p.update(p.host, func(tx *storage.Tx) error {
		ctx := context.Background()
		app := &storage.App{ClientID: storage.NewSecret(), Name: "Tusk", RedirectURIs: []string{"https://app.test/"}, Scopes: "read"}
		if err := tx.AddApp(ctx, app); err != nil {
			return err
		}
		return tx.AddToken(ctx, &storage.Token{Hash: storage.HashSecret(secret), AppID: app.ID, AccountID: p.me.ID, Scopes: "read"})
	})
	return &browser{p.t, p.host, p.site(p.host), secret}
}

func (b *browser) asks(path, token string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host = b.host
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	b.site.ServeHTTP(w, r)
	return w
}

// home is the reader's home as apps get it.
func (b *browser) home() []api.Status {
	b.t.Helper()
	w := b.asks("/api/v1/timelines/home?limit=40", b.token)
	if w.Code != http.StatusOK {
		b.t.Fatalf("home is answered %d %s", w.Code, w.Body)
	}
	var out []api.Status
	ok(b.t, json.Unmarshal(w.Body.Bytes(), &out))
	return out
}

// picture asks for a picture as an <img> does, and says what comes: its status, and its type where it came.
func (b *browser) picture(address string) string {
	b.t.Helper()
	path, ours := strings.CutPrefix(address, "https://"+b.host)
	if !ours {
		b.t.Errorf("a reader is sent to %s", address)
		return ""
	}
	w := b.asks(path, "")
	if w.Code != http.StatusOK {
		return fmt.Sprint(w.Code)
	}
	return fmt.Sprint(w.Code, " ", w.Header().Get("Content-Type"))
}

func (b *browser) gets(address, want string) {
	b.t.Helper()
	if got := b.picture(address); got != want {
		b.t.Errorf("%s is answered %s, want %s", address, got, want)
	}
}

// keeps counts the files in a node's store.
func (n *testNodes) keeps(host string, want int) {
	n.t.Helper()
	got := 0
	ok(n.t, n.cores[host].blobs.Walk(context.Background(), func(string, int64) error { got++; return nil }))
	if got != want {
		n.t.Errorf("%s keeps %d files, want %d", host, got, want)
	}
}

// drawing is a PNG of some size.
func drawing(t testing.TB, width, height int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for x := range width {
		for y := range height {
			m.Set(x, y, color.RGBA{uint8(x), uint8(y), uint8(x * y), 255})
		}
	}
	var b bytes.Buffer
	ok(t, png.Encode(&b, m))
	return b.Bytes()
}

// shelf is what a stranger serves below /files/, and how often each was asked for.
type shelf struct {
	mu    sync.Mutex
	files map[string]func(w http.ResponseWriter)
	asked map[string]int
}

func (s *stranger) shelf() *shelf {
	f := &shelf{files: map[string]func(http.ResponseWriter){}, asked: map[string]int{}}
	s.hook = func(w http.ResponseWriter, r *http.Request) bool {
		name, found := strings.CutPrefix(r.URL.Path, "/files/")
		if !found {
			return false
		}
		f.mu.Lock()
		f.asked[name]++
		serve := f.files[name]
		f.mu.Unlock()
		if r.Header.Get("Signature") != "" || r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" || r.Header.Get("Referer") != "" {
			s.n.t.Errorf("a file is asked for with %v", r.Header)
		}
		if serve == nil {
			http.NotFound(w, r)
			return true
		}
		serve(w)
		return true
	}
	return f
}

func (f *shelf) put(name, kind string, body []byte) {
	f.files[name] = func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(body)
	}
}

func (f *shelf) count(names ...string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	total := 0
	for name, n := range f.asked {
		if len(names) == 0 || name == names[0] {
			total += n
		}
	}
	return total
}

// hangs is a Create with files.
func (s *stranger) hangs(name, note, text string, files ...[2]string) string {
	var list []string
	for _, f := range files {
		list = append(list, fmt.Sprintf(`{"type":"Document","mediaType":%q,"url":%q,"name":"a hive"}`, f[0], f[1]))
	}
	return s.create(name, note, text, `,"attachment":[`+strings.Join(list, ",")+`]`)
}

func TestAPeersPicturesAreShownByTheReadersOwnNode(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		databases := []string{url}
		n := startCores(t, nextDatabase(t, &databases), "siege.test", "labo.test")
		ctx := context.Background()
		ana, luc := n.person("ana@siege.test"), n.person("luc@labo.test")
		n.net.nodes["labo.test"] = n.site("labo.test")
		upload := func() *storage.Media {
			m, err := luc.c.outbox.Upload(ctx, luc.me, outbox.Upload{Reader: bytes.NewReader(drawing(t, 900, 300)), Description: "a hive"})
			ok(t, err)
			return m
		}
		face := upload()
		_, err := luc.c.outbox.UpdateProfile(ctx, luc.me, outbox.Profile{Avatar: &face.ID})
		ok(t, err)
		ana.follows("luc@labo.test")
		n.settle()
		m := upload()
		_, err = luc.c.outbox.Post(ctx, luc.me, outbox.Draft{Text: "look", Visibility: storage.Public, Media: []int64{m.ID}})
		ok(t, err)
		n.settle()
		asked := func() int {
			n.net.mu.Lock()
			defer n.net.mu.Unlock()
			count := 0
			for _, line := range n.net.seen {
				if strings.HasPrefix(line, "GET https://labo.test/media/") {
					count++
				}
			}
			return count
		}
		b := ana.browser()
		s := b.home()[0]
		if len(s.MediaAttachments) != 1 {
			t.Fatalf("the post has %d files", len(s.MediaAttachments))
		}
		if asked() != 0 {
			t.Errorf("%d files were fetched that nobody looked at", asked())
		}
		a := s.MediaAttachments[0]
		if a.Type != "image" || a.RemoteURL == nil || !strings.HasPrefix(*a.RemoteURL, "https://labo.test/media/") || *a.Description != "a hive" {
			t.Errorf("the file is %+v", a)
		}
		for range 2 {
			b.gets(*a.URL, "200 image/png")
			b.gets(*a.PreviewURL, "200 image/png")
			b.gets(s.Account.Avatar, "200 image/png")
		}
		if asked() != 2 {
			t.Errorf("two files were fetched %d times", asked())
		}
		n.keeps("siege.test", 3) // the preview is another
		w := b.asks(strings.TrimPrefix(*a.PreviewURL, "https://siege.test"), "")
		if small, err := png.DecodeConfig(w.Body); err != nil || small.Width != 640 {
			t.Errorf("the preview is %d pixels wide (%v)", small.Width, err)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox", "Cache-Control": "private, max-age=3600"} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		// The pages show the same, to those who may read them.
		page := b.asks("/@luc@labo.test/"+s.ID, "").Body.String()
		for _, address := range []string{*a.PreviewURL, s.Account.Avatar} {
			if !strings.Contains(page, `src="`+strings.TrimPrefix(address, "https://siege.test")+`"`) {
				t.Errorf("the page doesn't show %s:\n%s", address, page)
			}
		}
		if strings.Contains(page, `src="https://labo.test`) {
			t.Errorf("the page sends its reader to the peer:\n%s", page)
		}
	})
}

// hive is a node with a reader of bob, of a server that keeps files.
func hive(t testing.TB, url string) (*testNodes, *testPerson, *stranger, *shelf) {
	n := startCores(t, func() string { return url }, "siege.test")
	ana := n.person("ana@siege.test")
	bob := n.stranger("peer.test", "bob")
	files := bob.shelf()
	bob.docs["/u/bob"] = strings.Replace(bob.docs["/u/bob"], `"type":"Person"`,
		`"type":"Person","icon":{"type":"Image","url":"https://peer.test/files/face.png"},"image":{"type":"Image","url":"https://peer.test/files/sky.png"}`, 1)
	n.allowAs("siege.test", storage.Peer{Host: "peer.test", Tier: storage.Partner})
	bob.accepts(ana, "bob")
	return n, ana, bob, files
}

func (s *stranger) says(body string) {
	s.n.t.Helper()
	if got := s.deliver("siege.test", "/inbox", "bob", body); got != http.StatusAccepted {
		s.n.t.Fatalf("answered %d", got)
	}
	s.n.settle()
}

func TestAPeersFileEndsWithItsPostItsAuthorAndItsPeer(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		ctx := context.Background()
		n, ana, bob, files := hive(t, url)
		for _, name := range []string{"1.png", "2.png", "face.png", "sky.png", "bee.png"} {
			files.put(name, "image/png", drawing(t, 30, 20))
		}
		bob.says(strings.Replace(bob.hangs("bob", "1", "look :bee:", [2]string{"image/png", "https://peer.test/files/1.png"}), `"type":"Note"`,
			`"type":"Note","tag":[{"type":"Emoji","id":"https://peer.test/e/1","name":":bee:","icon":{"type":"Image","mediaType":"image/png","url":"https://peer.test/files/bee.png"}}]`, 1))
		bob.says(bob.hangs("bob", "2", "again", [2]string{"image/png", "https://peer.test/files/2.png"}))
		b := ana.browser()
		posts := b.home()
		if len(posts) != 2 || len(posts[1].Emojis) != 1 {
			t.Fatalf("home holds %+v", posts)
		}
		fresh, seen := *posts[0].MediaAttachments[0].URL, *posts[1].MediaAttachments[0].URL
		pictures := []string{seen, posts[1].Account.Avatar, posts[1].Account.Header, posts[1].Emojis[0].URL}
		all := func(want string) {
			t.Helper()
			for _, address := range pictures {
				b.gets(address, want)
			}
		}
		all("200 image/png")
		n.keeps("siege.test", 4)
		before := files.count()
		for what, change := range map[string][2]func(){
			"the peer is suspended": {func() { ok(t, n.peering("siege.test").Suspend(ctx, "peer.test")) }, func() { ok(t, n.peering("siege.test").Resume(ctx, "peer.test")) }},
			"its media may not come": {func() { n.policy("siege.test", "peer.test", func(p *storage.Peer) { p.In.Media = false }) },
				func() { n.policy("siege.test", "peer.test", func(p *storage.Peer) { p.In.Media = true }) }},
		} {
			change[0]()
			all("404")
			b.gets(fresh, "404")
			if files.count() != before {
				t.Errorf("%s, and it was asked for files", what)
			}
			change[1]()
			all("200 image/png")
		}
		// Posts may not come: what hangs on them is hidden with them.
		n.policy("siege.test", "peer.test", func(p *storage.Peer) { p.In.Posts = false })
		b.gets(seen, "404")
		n.policy("siege.test", "peer.test", func(p *storage.Peer) { p.In.Posts = true })
		author := ana.finds("bob@peer.test")
		n.update("siege.test", func(tx *storage.Tx) error { _, err := tx.SuspendAccount(ctx, author.ID); return err })
		for _, address := range pictures[:3] {
			b.gets(address, "404")
		}
		n.update("siege.test", func(tx *storage.Tx) error { _, err := tx.UnsuspendAccount(ctx, author.ID); return err })
		all("200 image/png")
		if files.count() != before {
			t.Errorf("what was here already was fetched %d times more", files.count()-before)
		}
		// Its author deletes the post: its file goes with it.
		bob.says(fmt.Sprintf(`{"id":"https://peer.test/a/9","type":"Delete","actor":%q,"to":["https://www.w3.org/ns/activitystreams#Public"],"object":"https://peer.test/n/1"}`, bob.id("bob")))
		b.gets(seen, "404")
		n.keeps("siege.test", 3)
		b.gets(fresh, "200 image/png")
		// The peer is blocked: what was copied is hidden at once and goes with the purge.
		ok(t, n.peering("siege.test").Block(ctx, "peer.test"))
		b.gets(fresh, "404")
		n.keeps("siege.test", 4)
		n.advance(storage.PurgeGrace + time.Minute)
		n.settle()
		n.keeps("siege.test", 0)
		all("404")
	})
}

func TestACopyThatNobodyAsksForGoesAndComesBack(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		n, ana, bob, files := hive(t, url)
		files.put("1.png", "image/png", drawing(t, 30, 20))
		files.put("2.png", "image/png", drawing(t, 30, 20))
		bob.says(bob.hangs("bob", "1", "look", [2]string{"image/png", "https://peer.test/files/1.png"}, [2]string{"image/png", "https://peer.test/files/2.png"}))
		b := ana.browser()
		s := b.home()[0]
		one, two := *s.MediaAttachments[0].URL, *s.MediaAttachments[1].URL
		b.gets(one, "200 image/png")
		b.gets(two, "200 image/png")
		for range 5 {
			n.advance(7 * 24 * time.Hour)
			n.settle()
			b.gets(one, "200 image/png")
		}
		n.keeps("siege.test", 1)
		if files.count("1.png") != 1 {
			t.Errorf("what is looked at every week was fetched %d times", files.count("1.png"))
		}
		b.gets(two, "200 image/png")
		if files.count("2.png") != 2 {
			t.Errorf("what nobody looked at was fetched %d times", files.count("2.png"))
		}
		n.keeps("siege.test", 2)
	})
}

func TestTheAddressOfAPeersFileIsMadeByThisNodeAlone(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		_, ana, bob, files := hive(t, url)
		files.put("1.png", "image/png", drawing(t, 30, 20))
		private := strings.ReplaceAll(bob.hangs("bob", "1", "for those who follow", [2]string{"image/png", "https://peer.test/files/1.png"}),
			`"to":["https://www.w3.org/ns/activitystreams#Public"],"cc":["`+bob.id("bob")+`/followers"]`, `"to":["`+bob.id("bob")+`/followers"]`)
		bob.says(private)
		b := ana.browser()
		s := b.home()[0]
		if s.Visibility != "private" {
			t.Fatalf("the post is %s", s.Visibility)
		}
		address := *s.MediaAttachments[0].URL
		path := strings.TrimPrefix(address, "https://siege.test")
		parts := strings.Split(path, "/")
		id, mark := parts[4], parts[5]
		for _, wrong := range []string{
			"/media/remote/attachment/" + id, "/media/remote/attachment/" + id + "/", "/media/remote/attachment/" + id + "/" + strings.Repeat("0", len(mark)),
			"/media/remote/attachment/" + id + "/" + mark[:39], "/media/remote/avatar/" + id + "/" + mark, "/media/remote/attachment/1/" + mark, "/media/remote/attachment/-1/" + mark,
			"/media/remote/https://peer.test/files/1.png", "/media/remote/", "/media/remote/a/b/c/d",
		} {
			if w := b.asks(wrong, ""); w.Code != http.StatusNotFound {
				t.Errorf("%s is answered %d", wrong, w.Code)
			}
		}
		if files.count() != 0 {
			t.Errorf("%v were fetched for addresses that this node didn't make", files.asked)
		}
		// A stranger reads neither the post nor, so, the address; who was given it sees the picture, as with our own people's.
		if w := b.asks("/api/v1/statuses/"+s.ID, ""); w.Code != http.StatusNotFound && w.Code != http.StatusUnauthorized {
			t.Errorf("a stranger's question for the post is answered %d", w.Code)
		}
		b.gets(address+"?url=https://peer.test/files/2.png", "200 image/png")
		if files.count("1.png") != 1 || files.count() != 1 {
			t.Errorf("asked for were %v", files.asked)
		}
		// Where the file moves, the old address ends.
		bob.says(strings.Replace(strings.NewReplacer("files/1.png", "files/2.png", `"type":"Create"`, `"type":"Update"`, `/create"`, `/update"`, `"content":`, `"updated":"2030-01-01T00:00:00Z","content":`).Replace(private), "look", "look again", 1))
		b.gets(address, "404")
	})
}
