package node

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"net/http"
	"strings"
	"testing"
	"time"

	"ruche/storage"
	"ruche/storage/storagetest"
	"ruche/web/api"
)

// bomb is a PNG of a few bytes that claims a width and height.
func bomb(t testing.TB, width, height uint32) []byte {
	b := drawing(t, 1, 1)
	binary.BigEndian.PutUint32(b[16:], width)
	binary.BigEndian.PutUint32(b[20:], height)
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}

// film is the beginning of an MP4, and something behind it.
func film(behind string) []byte {
	return append([]byte("\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"), strings.Repeat(behind, 400)...)
}

func TestWhatIsNoPictureIsRefusedAndNothingOfItIsKept(t *testing.T) {
	const script = `<script>alert(document.domain)</script>`
	var squeezed bytes.Buffer
	z := gzip.NewWriter(&squeezed)
	_, err := z.Write(drawing(t, 30, 20))
	ok(t, err)
	ok(t, z.Close())
	whole := drawing(t, 300, 200)
	for name, tc := range map[string]struct {
		claims, served string
		body           []byte
		coding         string
	}{
		"SVG under its own name":          {"image/svg+xml", "image/svg+xml", []byte(`<svg xmlns="http://www.w3.org/2000/svg">` + script + `</svg>`), ""},
		"SVG called PNG":                  {"image/png", "image/png", []byte(`<svg xmlns="http://www.w3.org/2000/svg">` + script + `</svg>`), ""},
		"a page called PNG":               {"image/png", "image/png", []byte(`<!DOCTYPE html><title>x</title>` + script), ""},
		"a page that begins like a GIF":   {"image/gif", "image/gif", []byte(`GIF89a/*` + script + `*/=1;`), ""},
		"a document":                      {"image/jpeg", "image/jpeg", []byte("%PDF-1.7\n1 0 obj\n"), ""},
		"a film called picture":           {"image/png", "image/png", film("x"), ""},
		"a picture called film":           {"video/mp4", "video/mp4", whole, ""},
		"a page called film":              {"video/mp4", "video/mp4", []byte(script), ""},
		"half a picture":                  {"image/png", "image/png", whole[:len(whole)/2], ""},
		"nothing":                         {"image/png", "image/png", nil, ""},
		"gigabytes of pixels":             {"image/png", "image/png", bomb(t, 60_000, 60_000), ""},
		"a line of pixels without an end": {"image/png", "image/png", bomb(t, 1<<30, 1), ""},
		"more bytes than a picture has":   {"image/png", "image/png", append(drawing(t, 30, 20), make([]byte, 17<<20)...), ""},
		"more bytes than a film has":      {"video/mp4", "video/mp4", append(film("x"), make([]byte, 65<<20)...), ""},
		"compressed on the way":           {"image/png", "image/png", squeezed.Bytes(), "gzip"},
		"said to be compressed":           {"image/png", "image/png", drawing(t, 30, 20), "br"},
	} {
		t.Run(name, func(t *testing.T) {
			n, ana, bob, files := hive(t, storagetest.SQLite(t))
			files.files["x"] = func(w http.ResponseWriter) {
				w.Header().Set("Content-Type", tc.served)
				if tc.coding != "" {
					w.Header().Set("Content-Encoding", tc.coding)
				}
				_, _ = w.Write(tc.body)
			}
			bob.says(bob.hangs("bob", "1", "look", [2]string{tc.claims, "https://peer.test/files/x"}))
			b := ana.browser()
			for range 3 {
				b.gets(*b.home()[0].MediaAttachments[0].URL, "404")
			}
			n.keeps("siege.test", 0)
			if files.count() > 1 {
				t.Errorf("what was refused was fetched %d times", files.count())
			}
			// It stays a link, which apps don't load by themselves.
			if a := b.home()[0].MediaAttachments[0]; a.Type != "unknown" || a.PreviewURL != nil || a.RemoteURL == nil || *a.RemoteURL != "https://peer.test/files/x" {
				t.Errorf("it is shown as %+v", a)
			}
			page := b.asks("/@bob@peer.test/"+b.home()[0].ID, "").Body.String()
			if strings.Contains(page, `src="/media/remote/attachment`) || strings.Contains(page, `src="/media/remote/preview`) || !strings.Contains(page, `<a href="https://peer.test/files/x" rel="nofollow noopener noreferrer">`) {
				t.Errorf("the page shows %s", page)
			}
		})
	}
}

func TestNothingButPixelsOfAPictureIsServed(t *testing.T) {
	n, ana, bob, files := hive(t, storagetest.SQLite(t))
	const script = "<script>alert(1)</script>"
	files.put("1.png", "text/html", append(drawing(t, 30, 20), script...))
	files.put("2.mp4", "text/html", film(script))
	bob.says(bob.hangs("bob", "1", "look", [2]string{"image/png", "https://peer.test/files/1.png"}, [2]string{"video/mp4", "https://peer.test/files/2.mp4"}))
	b := ana.browser()
	list := b.home()[0].MediaAttachments
	for i, kind := range []string{"image/png", "video/mp4"} {
		w := b.asks(strings.TrimPrefix(*list[i].URL, "https://siege.test"), "")
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != kind || w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Content-Security-Policy") != "default-src 'none'; sandbox" {
			t.Errorf("%s is answered %d %v", kind, w.Code, w.Header())
		}
		if kind == "image/png" && strings.Contains(w.Body.String(), script) {
			t.Error("what was behind the picture is served with it")
		}
	}
	if list[1].Type != "video" {
		t.Errorf("the film is %+v", list[1])
	}
	page := b.asks("/@bob@peer.test/"+b.home()[0].ID, "")
	if !strings.Contains(page.Body.String(), `<video class="picture" src="`+strings.TrimPrefix(*list[1].URL, "https://siege.test")) || !strings.Contains(page.Header().Get("Content-Security-Policy"), "media-src 'self'") {
		t.Errorf("the page shows %s under %s", page.Body, page.Header().Get("Content-Security-Policy"))
	}
	n.keeps("siege.test", 2)
}

func TestAPeersFilesComeFromItsOwnHostsAlone(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		n, ana, bob, files := hive(t, url)
		// Three other hosts: nobody's, a peer's, and one that an admin will name.
		others := map[string]*shelf{}
		for _, host := range []string{"fremd.test", "labo.test", "files.test", "id.test"} {
			others[host] = n.stranger(host).shelf()
			others[host].put("x.png", "image/png", drawing(t, 30, 20))
			files.files["to-"+host] = func(w http.ResponseWriter) {
				w.Header().Set("Location", "https://"+host+"/files/x.png")
				w.WriteHeader(http.StatusFound)
			}
		}
		n.allow("siege.test", "labo.test")
		for name, location := range map[string]string{"home": "/files/x.png", "plain": "http://peer.test/files/x.png", "round": "/files/round", "inside": "https://127.0.0.1/files/x.png", "other port": "https://peer.test:8443/files/x.png"} {
			files.files[strings.ReplaceAll(name, " ", "-")] = func(w http.ResponseWriter) {
				w.Header().Set("Location", location)
				w.WriteHeader(http.StatusMovedPermanently)
			}
		}
		files.put("x.png", "image/png", drawing(t, 30, 20))
		var note int
		// ask says how a picture at an address is answered.
		b := ana.browser()
		ask := func(address string) (string, *api.Attachment) {
			t.Helper()
			note++
			bob.says(bob.hangs("bob", fmt.Sprint(note), "look", [2]string{"image/png", address}))
			list := b.home()[0].MediaAttachments
			if len(list) != 1 {
				return "left out", nil
			}
			return b.picture(*list[0].URL), list[0]
		}
		is := func(address, want string) {
			t.Helper()
			if got, a := ask(address); got != want || got == "404" && a.RemoteURL == nil {
				t.Errorf("a picture at %s is answered %s, want %s (%+v)", address, got, want, a)
			}
		}
		quiet := func(hosts ...string) {
			t.Helper()
			for _, host := range hosts {
				if got := others[host].count(); got != 0 {
					t.Errorf("%s was asked %d times", host, got)
				}
			}
		}
		for host := range others {
			is("https://"+host+"/files/x.png", "404")
			is("https://peer.test/files/to-"+host, "404")
		}
		for _, name := range []string{"plain", "round", "inside", "other-port"} {
			is("https://peer.test/files/"+name, "404")
		}
		is("http://peer.test/files/x.png", "404")
		is("https://peer.test:8443/files/x.png", "404")
		is("https://peer.test/files/home", "200 image/png")
		if a := b.home(); a[1].MediaAttachments[0].Type != "unknown" {
			t.Errorf("a picture that isn't fetched is %+v", a[1].MediaAttachments[0])
		}
		quiet("fremd.test", "labo.test", "files.test", "id.test")
		// An admin names a media host and an account domain: these, and no others.
		n.policy("siege.test", "peer.test", func(p *storage.Peer) { p.MediaHosts, p.AccountDomains = []string{"files.test"}, []string{"id.test"} })
		is("https://files.test/files/x.png", "200 image/png")
		is("https://id.test/files/x.png", "200 image/png")
		is("https://peer.test/files/to-files.test", "200 image/png")
		is("https://peer.test/files/to-labo.test", "404")
		quiet("fremd.test", "labo.test")
		is("https://fremd.test/files/x.png", "left out")
		// And takes it back: what was copied from there isn't shown any more.
		seen := ""
		for _, p := range b.home() {
			if len(p.MediaAttachments) == 1 && *p.MediaAttachments[0].RemoteURL == "https://files.test/files/x.png" && p.MediaAttachments[0].Type == "image" {
				seen = *p.MediaAttachments[0].URL
			}
		}
		b.gets(seen, "200 image/png")
		n.policy("siege.test", "peer.test", func(p *storage.Peer) { p.MediaHosts, p.AccountDomains = nil, nil })
		b.gets(seen, "404")
	})
}

func TestAPeerThatDoesntAnswerIsLeftAloneForAWhile(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		n, ana, bob, files := hive(t, url)
		files.put("1.png", "image/png", drawing(t, 30, 20))
		files.put("2.png", "image/png", drawing(t, 30, 20))
		files.files["broken"] = func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) }
		bob.says(bob.hangs("bob", "1", "look", [2]string{"image/png", "https://peer.test/files/1.png"}, [2]string{"image/png", "https://peer.test/files/2.png"},
			[2]string{"image/png", "https://peer.test/files/broken"}))
		b := ana.browser()
		list := b.home()[0].MediaAttachments
		one, two, broken := *list[0].URL, *list[1].URL, *list[2].URL
		tried := func() int {
			n.net.mu.Lock()
			defer n.net.mu.Unlock()
			count := 0
			for _, line := range n.net.seen {
				if strings.HasPrefix(line, "GET https://peer.test/files/") {
					count++
				}
			}
			return count
		}
		n.cut("peer.test", true)
		for range 3 {
			b.gets(one, "404")
			b.gets(two, "503") // not even tried
		}
		if tried() != 1 {
			t.Errorf("a peer that is down was asked %d times", tried())
		}
		n.cut("peer.test", false)
		n.advance(2 * time.Minute)
		b.gets(two, "200 image/png")
		b.gets(one, "404")
		n.advance(10 * time.Minute)
		b.gets(one, "200 image/png")
		// An error of one file is of that file; it is asked for less and less.
		asked := 0
		for range 24 {
			b.gets(broken, "404")
			n.advance(5 * time.Minute)
		}
		if asked = files.count("broken"); asked != 4 {
			t.Errorf("a file that is broken was asked for %d times in two hours", asked)
		}
		n.keeps("siege.test", 2)
	})
}

func TestAFileIsFetchedOnceHoweverManyWantIt(t *testing.T) {
	n, ana, bob, files := hive(t, storagetest.SQLite(t))
	come, go_ := make(chan struct{}), make(chan struct{})
	files.files["1.png"] = func(w http.ResponseWriter) {
		come <- struct{}{}
		<-go_
		_, _ = w.Write(drawing(t, 30, 20))
	}
	bob.says(bob.hangs("bob", "1", "look", [2]string{"image/png", "https://peer.test/files/1.png"}))
	b := ana.browser()
	address := *b.home()[0].MediaAttachments[0].URL
	const readers = 8
	answers := make(chan string, readers)
	for range readers {
		go func() { answers <- b.picture(address) }()
	}
	<-come
	close(go_)
	for range readers {
		if got := <-answers; got != "200 image/png" {
			t.Errorf("a reader is answered %s", got)
		}
	}
	if files.count() != 1 {
		t.Errorf("the file was fetched %d times", files.count())
	}
	n.keeps("siege.test", 1)
}

func TestAPostThatGoesWhileItsFileIsFetchedLeavesNothing(t *testing.T) {
	n, ana, bob, files := hive(t, storagetest.SQLite(t))
	come, go_ := make(chan struct{}), make(chan struct{})
	files.files["1.png"] = func(w http.ResponseWriter) {
		come <- struct{}{}
		<-go_
		_, _ = w.Write(drawing(t, 900, 20))
	}
	bob.says(bob.hangs("bob", "1", "look", [2]string{"image/png", "https://peer.test/files/1.png"}))
	b := ana.browser()
	address := *b.home()[0].MediaAttachments[0].URL
	answer := make(chan string)
	go func() { answer <- b.picture(address) }()
	<-come
	bob.says(fmt.Sprintf(`{"id":"https://peer.test/a/9","type":"Delete","actor":%q,"to":["https://www.w3.org/ns/activitystreams#Public"],"object":"https://peer.test/n/1"}`, bob.id("bob")))
	close(go_)
	if got := <-answer; got != "404" {
		t.Errorf("the reader is answered %s", got)
	}
	n.settle()
	n.keeps("siege.test", 0)
}
