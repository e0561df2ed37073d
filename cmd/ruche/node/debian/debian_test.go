//go:build debian

// Package debian shows that the clients which Debian packages work with a node as they are: python3-mastodon, the library that
// most scripts are written with, and toot, a client for the terminal.
//
// Two linked nodes listen with TLS under a CA of the run, which the clients are told of as an admin would tell them. The clients
// sign in by the authorization-code flow; the tests sit at the browser, over HTTP.
//
// `make test-debian` runs them. They need the two packages, and the names siege.test and labo.test to lead to this machine.
package debian

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"image"
	"image/png"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"ruche/cmd/ruche/node"
	"ruche/cmd/ruche/node/nodetest"
	"ruche/outbox"
	"ruche/outbox/people"
	"ruche/storage"
)

const (
	password = "a long password"
	// waiting bounds each wait, on a machine that does much else.
	waiting = time.Minute
)

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A house is a node of the test.
type house struct {
	*node.Node
	t    *testing.T
	ca   *nodetest.CA
	host string
}

func open(t *testing.T, ca *nodetest.CA, name string) *house {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	address := l.Addr().String()
	ok(t, l.Close())
	_, port, _ := net.SplitHostPort(address)
	h := &house{t: t, ca: ca, host: name + ":" + port}
	cert, key, err := ca.Certificate(name)
	ok(t, err)
	cfg, err := node.Load(os.DevNull, true, []string{
		"RUCHE_DOMAIN=" + h.host, "RUCHE_NAME=" + name, "RUCHE_LISTEN=" + address, "RUCHE_DATA_DIR=" + t.TempDir(), "RUCHE_TLS_CERT=" + cert, "RUCHE_TLS_KEY=" + key,
		"RUCHE_FEDERATION_CA_FILE=" + ca.File, "RUCHE_RATE_LIMITS=off",
	})
	ok(t, err)
	cfg.FederationPrivateNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	h.Node, err = node.New(t.Context(), cfg, node.Options{Version: "0.0.0-debian", Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	ok(t, err)
	ok(t, h.Start())
	t.Cleanup(func() { ok(t, h.Stop(context.Background())) })
	return h
}

// linked opens two nodes that allow each other.
func linked(t *testing.T) (siege, labo *house) {
	t.Helper()
	ok(t, nodetest.Local("siege.test", "labo.test"))
	ca, err := nodetest.NewCA(t.TempDir())
	ok(t, err)
	siege, labo = open(t, ca, "siege.test"), open(t, ca, "labo.test")
	siege.allow(labo.host)
	labo.allow(siege.host)
	return siege, labo
}

func (h *house) allow(host string) {
	h.t.Helper()
	ok(h.t, h.DB().Update(h.t.Context(), func(tx *storage.Tx) error {
		return tx.SavePeer(h.t.Context(), &storage.Peer{Host: host, Tier: storage.Partner, State: storage.PeerActive})
	}))
}

func (h *house) person(name string) *storage.Account {
	h.t.Helper()
	made, err := people.Create(h.t.Context(), h.DB(), people.New{Username: name, Email: name + "@example.org", DisplayName: strings.ToUpper(name[:1]) + name[1:], Role: "member", Password: password})
	ok(h.t, err)
	return made.Account
}

func (h *house) post(author *storage.Account, d outbox.Draft) *storage.Post {
	h.t.Helper()
	d.Visibility = storage.Public
	p, err := h.Outbox().Post(h.t.Context(), author, d)
	ok(h.t, err)
	return p
}

// eventually waits for what the other side does by itself, and gives what was found.
func eventually[T any](t *testing.T, what string, find func() (found T, is bool)) T {
	t.Helper()
	limit := time.After(waiting)
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		if found, is := find(); is {
			return found
		}
		select {
		case <-look.C:
		case <-limit:
			t.Fatalf("%s: never", what)
		}
	}
}

// home waits for a post in somebody's home.
func (h *house) home(reader *storage.Account, text string) *storage.Post {
	h.t.Helper()
	return eventually(h.t, text+" in home", func() (*storage.Post, bool) {
		posts, err := h.DB().HomeTimeline(h.t.Context(), reader.ID, storage.Page{Limit: 40})
		ok(h.t, err)
		return with(posts, text)
	})
}

// answer waits for an answer to a post.
func (h *house) answer(to *storage.Post, text string) *storage.Post {
	h.t.Helper()
	return eventually(h.t, text+" as an answer", func() (*storage.Post, bool) {
		posts, err := h.DB().RepliesTo(h.t.Context(), to.ID, storage.Page{Limit: 40})
		ok(h.t, err)
		return with(posts, text)
	})
}

func with(posts []*storage.Post, text string) (*storage.Post, bool) {
	at := slices.IndexFunc(posts, func(p *storage.Post) bool { return strings.Contains(p.HTML, text) })
	if at < 0 {
		return nil, false
	}
	return posts[at], true
}

// followed waits until somebody has a follower.
func (h *house) followed(a *storage.Account) {
	h.t.Helper()
	eventually(h.t, a.Username+" is followed", func() (any, bool) {
		followers, _, err := h.DB().Followers(h.t.Context(), a.ID, storage.Page{Limit: 1})
		ok(h.t, err)
		return nil, len(followers) > 0
	})
}

// grants does what a person does at a browser: follows the client's address, signs in, lets it in, and copies the code.
func (h *house) grants(address, login string) string {
	h.t.Helper()
	jar, err := cookiejar.New(nil)
	ok(h.t, err)
	browser := &http.Client{Jar: jar, Timeout: waiting, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: h.ca.Pool()}}}
	res, err := browser.Get(address)
	page := read(h.t, res, err)
	page = page.submit(browser, "/auth/sign_in", url.Values{"login": {login}, "password": {password}})
	page = page.submit(browser, "/oauth/authorize", url.Values{"decision": {"allow"}})
	for n := range page.Descendants() {
		if n.Data == "input" && attr(n, "id") == "code" {
			return attr(n, "value")
		}
	}
	h.t.Fatalf("no code is shown at %s", page.at)
	return ""
}

// A page is what the browser shows.
type page struct {
	*html.Node
	t  *testing.T
	at *url.URL
}

func read(t *testing.T, res *http.Response, err error) *page {
	t.Helper()
	ok(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	ok(t, err)
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s is answered %s\n%s", res.Request.URL, res.Status, body)
	}
	doc, err := html.Parse(bytes.NewReader(body))
	ok(t, err)
	return &page{doc, t, res.Request.URL}
}

// submit sends the form that leads to a path, with some fields filled in.
func (p *page) submit(browser *http.Client, path string, fill url.Values) *page {
	p.t.Helper()
	for form := range p.Descendants() {
		if form.Data != "form" || attr(form, "action") != path {
			continue
		}
		for n := range form.Descendants() {
			if n.Data == "input" && attr(n, "type") == "hidden" {
				fill.Set(attr(n, "name"), attr(n, "value"))
			}
		}
		res, err := browser.PostForm(p.at.ResolveReference(&url.URL{Path: path}).String(), fill)
		return read(p.t, res, err)
	}
	p.t.Fatalf("%s has no form for %s", p.at, path)
	return nil
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// picture writes one to upload.
func picture(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "comb.png")
	var b bytes.Buffer
	ok(t, png.Encode(&b, image.NewRGBA(image.Rect(0, 0, 64, 48))))
	ok(t, os.WriteFile(path, b.Bytes(), 0o600))
	return path
}

// command prepares a client: it trusts the CA of the run, and keeps what it knows in a directory of its own.
func (h *house) command(dir, name string, args ...string) *exec.Cmd {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*waiting)
	h.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "REQUESTS_CA_BUNDLE="+h.ca.File, "XDG_CONFIG_HOME="+dir, "HOME="+dir, "PYTHONUNBUFFERED=1", "PYTHONDONTWRITEBYTECODE=1", "PYTHONIOENCODING=utf-8")
	return cmd
}

// converse runs a client, and answers each line of it as answer says; "" is no answer. It gives all lines.
func converse(t *testing.T, cmd *exec.Cmd, answer func(line string) string) string {
	t.Helper()
	var errs bytes.Buffer
	cmd.Stderr = &errs
	in, err := cmd.StdinPipe()
	ok(t, err)
	out, err := cmd.StdoutPipe()
	ok(t, err)
	ok(t, cmd.Start())
	var all strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		fmt.Fprintln(&all, lines.Text())
		if text := answer(lines.Text()); text != "" {
			_, err := io.WriteString(in, text)
			ok(t, err)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%s: %v\n%s%s", cmd, err, all.String(), errs.String())
	}
	return all.String()
}

// said fails where one of the texts isn't there.
func said(t *testing.T, all string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(all, text) {
			t.Errorf("it doesn't say %q:\n%s", text, all)
		}
	}
}

func TestAScriptWithPython3MastodonWorksHere(t *testing.T) {
	t.Parallel() // most of the time is the clients starting
	siege, labo := linked(t)
	siege.person("ana")
	luc := labo.person("luc")
	friend := "luc@" + labo.host
	// Debian's own Python has the library; another one in the path doesn't.
	cmd := siege.command(t.TempDir(), "/usr/bin/python3", "testdata/talk.py", "https://"+siege.host, friend, picture(t))
	var theirs *storage.Post
	all := converse(t, cmd, func(line string) string {
		asked, isQuestion := strings.CutPrefix(line, "please ")
		if !isQuestion {
			return ""
		}
		switch address, signIn := strings.CutPrefix(asked, "open "); {
		case signIn:
			return siege.grants(address, "ana") + "\n"
		case asked == "let them post":
			theirs = labo.post(luc, outbox.Draft{Text: "seen from the other node"})
		case asked == "let them answer":
			got := labo.answer(theirs, "an answer from here")
			labo.post(luc, outbox.Draft{Text: "@ana@" + siege.host + " and back", InReplyTo: got.ID})
		}
		return "done\n"
	})
	said(t, all, "signed in as ana on siege.test", "posted with a picture An orange field", "paged", "searched", "follows "+friend, "talked across nodes", "edited and deleted", "signed out")
}

func TestTootWorksHere(t *testing.T) {
	t.Parallel() // most of the time is the clients starting
	siege, labo := linked(t)
	ana, luc := siege.person("ana"), labo.person("luc")
	friend := "luc@" + labo.host
	dir := t.TempDir()
	toot := func(args ...string) string {
		t.Helper()
		return converse(t, siege.command(dir, "toot", append(args, "--no-color")...), func(string) string { return "" })
	}
	all := converse(t, siege.command(dir, "toot", "login", "-i", siege.host, "--no-color"), func(line string) string {
		if !strings.HasPrefix(line, "https://"+siege.host+"/oauth/authorize") {
			return ""
		}
		// It asks whether to open a browser by itself, then for the code.
		return "n\n" + siege.grants(line, "ana") + "\n"
	})
	said(t, all, "Successfully logged in")
	said(t, toot("whoami"), "@ana")
	said(t, toot("instance"), "siege.test")

	said(t, toot("upload", "-d", "An orange field", picture(t)), "Successfully uploaded media", "type 'image'")
	said(t, toot("post", "Swarms like titanium #honey", "-m", picture(t), "-d", "A comb"), "https://"+siege.host+"/@ana/")
	for i := range 3 {
		toot("post", fmt.Sprint("post ", i), "-v", "unlisted")
	}
	mine := siege.home(ana, "titanium")
	said(t, toot("timeline", "-1", "-c", "2"), "post 2", "post 1")
	said(t, toot("timeline", "-1", "-c", "2", "-r"), "post 1", "post 2")
	said(t, toot("timeline", "-1", "-t", "honey"), "Swarms like titanium")
	said(t, toot("search", "#honey"), "honey")

	said(t, toot("search", friend, "-r"), friend)
	said(t, toot("follow", friend), "You are now following "+friend)
	labo.followed(luc)
	theirs := labo.post(luc, outbox.Draft{Text: "seen from the other node"})
	seen := siege.home(ana, "seen from the other node")
	said(t, toot("timeline", "-1", "-c", "1"), "seen from the other node", friend)
	id := storage.FormatID(seen.ID)
	for _, act := range []string{"favourite", "reblog", "bookmark"} {
		said(t, toot(act, id), "✓")
	}
	said(t, toot("bookmarks", "-1"), "seen from the other node")
	toot("post", "an answer", "-r", id)
	labo.answer(theirs, "an answer")
	said(t, toot("thread", id), "seen from the other node", "an answer")
	said(t, toot("following", "ana"), friend)

	labo.post(luc, outbox.Draft{Text: "@ana@" + siege.host + " well met"})
	eventually(t, "ana is told", func() (any, bool) { return nil, strings.Contains(toot("notifications"), "well met") })
	said(t, toot("delete", storage.FormatID(mine.ID)), "deleted")
	said(t, toot("auth"), "ana@"+siege.host)
}
