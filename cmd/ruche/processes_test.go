//go:build processes

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mattn/go-mastodon"

	"ruche/cmd/ruche/node/nodetest"
	"ruche/storage/storagetest"
)

// These tests run real nodes: the built binary, a process each, over HTTPS with a CA of their
// own, driven by a client library and the command line. Their names must lead to this machine:
// .ci/run writes them into /etc/hosts.

const password = "correct horse battery"

// waiting is the upper bound of every wait. On PostgreSQL the jobs of a killed process are taken
// over when their lease of 30 s has lapsed.
const waiting = 90 * time.Second

var hostNames = []string{"siege.test", "labo.test", "partenaire.test", "inconnu.test"}

// a world is a CA and the nodes under it.
type world struct {
	t      *testing.T
	dir    string
	binary string
	ca     *nodetest.CA
	http   *http.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	check(t, nodetest.Local(hostNames...))
	w := &world{t: t, dir: t.TempDir()}
	w.binary = filepath.Join(w.dir, "ruche")
	build := exec.Command("go", "build", "-o", w.binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	var err error
	w.ca, err = nodetest.NewCA(w.dir)
	check(t, err)
	w.http = &http.Client{Timeout: waiting, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: w.ca.Pool()}}}
	return w
}

// a realNode is one process, its directory and its configuration.
type realNode struct {
	*world
	domain string
	base   string
	env    []string
	cmd    *exec.Cmd
	log    *bytes.Buffer
}

// node prepares a node that isn't started yet. database is its DATABASE_URL; empty: SQLite.
func (w *world) node(name, database string) *realNode {
	w.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(w.t, err)
	address := l.Addr().String()
	check(w.t, l.Close())
	_, port, _ := net.SplitHostPort(address)
	n := &realNode{world: w, domain: name + ":" + port, log: new(bytes.Buffer)}
	n.base = "https://" + n.domain
	dir := filepath.Join(w.dir, name+"-"+port)
	check(w.t, os.MkdirAll(dir, 0o700))
	cert, certKey, err := w.ca.Certificate(name)
	check(w.t, err)
	n.env = append(os.Environ(), "RUCHE_DOMAIN="+n.domain, "RUCHE_LISTEN=127.0.0.1:"+port, "RUCHE_DATA_DIR="+filepath.Join(dir, "data"), "RUCHE_TLS_CERT="+cert, "RUCHE_TLS_KEY="+certKey,
		"RUCHE_FEDERATION_CA_FILE="+w.ca.File, "RUCHE_FEDERATION_PRIVATE_NETWORKS=127.0.0.0/8", "RUCHE_RATE_LIMITS=off")
	if database != "" {
		n.env = append(n.env, "RUCHE_DATABASE_URL="+database)
	}
	w.t.Cleanup(n.kill)
	return n
}

// run runs a command beside the node, and gives what it printed.
func (n *realNode) run(args ...string) string {
	n.t.Helper()
	cmd := exec.Command(n.binary, args...)
	cmd.Env, cmd.Dir = n.env, n.dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		n.t.Fatalf("%s: ruche %s: %v\n%s%s", n.domain, strings.Join(args, " "), err, &out, &errs)
	}
	return out.String()
}

func (n *realNode) start() {
	n.t.Helper()
	n.cmd = exec.Command(n.binary, "serve")
	n.cmd.Env, n.cmd.Dir, n.cmd.Stdout, n.cmd.Stderr = n.env, n.dir, n.log, n.log
	check(n.t, n.cmd.Start())
	n.t.Cleanup(func() {
		if n.t.Failed() {
			n.t.Logf("log of %s:\n%s", n.domain, tail(n.log.String(), 4000))
		}
	})
	eventually(n.t, n.domain+" is ready", func() bool {
		res, err := n.http.Get(n.base + "/readyz")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// kill ends the process as a power cut would, as far as the process is concerned.
func (n *realNode) kill() {
	if n.cmd != nil && n.cmd.Process != nil {
		_ = n.cmd.Process.Signal(syscall.SIGKILL)
		_ = n.cmd.Wait()
		n.cmd = nil
	}
}

func (n *realNode) person(username string) {
	n.t.Helper()
	n.run("account", "create", "--username", username, "--email", username+"@example.test", "--password", password)
}

// signIn goes through the code flow as a person with a browser would, out of band.
func (n *realNode) signIn(username string) *mastodon.Client {
	n.t.Helper()
	ctx := context.Background()
	const oob = "urn:ietf:wg:oauth:2.0:oob"
	app, err := mastodon.RegisterApp(ctx, &mastodon.AppConfig{Client: *n.http, Server: n.base, ClientName: "go-mastodon", RedirectURIs: oob, Scopes: "read write follow"})
	check(n.t, err)
	code := n.authorize(app.AuthURI, username)
	client := mastodon.NewClient(&mastodon.Config{Server: n.base, ClientID: app.ClientID, ClientSecret: app.ClientSecret})
	client.Client = *n.http
	check(n.t, client.GetUserAccessToken(ctx, code, oob))
	return client
}

var (
	formInput  = regexp.MustCompile(`(?s)<input[^>]*>`)
	inputName  = regexp.MustCompile(`name="([^"]*)"`)
	inputValue = regexp.MustCompile(`value="([^"]*)"`)
	formAction = regexp.MustCompile(`(?s)<form[^>]*method="post"[^>]*action="([^"]*)"|<form[^>]*action="([^"]*)"[^>]*method="post"`)
	shownCode  = regexp.MustCompile(`(?s)id="code"[^>]*value="([^"]+)"|value="([^"]+)"[^>]*id="code"`)
)

// authorize fills in the sign-in form, then the consent, and reads the code off the page.
func (n *realNode) authorize(authURI, username string) string {
	n.t.Helper()
	jar, err := cookiejar.New(nil)
	check(n.t, err)
	browser := &http.Client{Jar: jar, Transport: n.http.Transport, Timeout: waiting}
	page, at := read(n.t, browser, func() (*http.Response, error) { return browser.Get(authURI) })
	for range 3 {
		if m := shownCode.FindStringSubmatch(page); m != nil {
			return strings.TrimSpace(m[1] + m[2])
		}
		action := formAction.FindStringSubmatch(page)
		if action == nil {
			break
		}
		form := url.Values{}
		for _, input := range formInput.FindAllString(page, -1) {
			name, value := inputName.FindStringSubmatch(input), inputValue.FindStringSubmatch(input)
			if name == nil {
				continue
			}
			form.Set(name[1], "")
			if value != nil {
				form.Set(name[1], unescape(value[1]))
			}
			if strings.Contains(input, `type="password"`) {
				form.Set(name[1], password)
			}
			if strings.Contains(input, `autocomplete="username`) {
				form.Set(name[1], username)
			}
		}
		form.Set("decision", "allow")
		target, err := at.Parse(unescape(action[1] + action[2]))
		check(n.t, err)
		page, at = read(n.t, browser, func() (*http.Response, error) { return browser.PostForm(target.String(), form) })
	}
	n.t.Fatalf("no code on the last page, %s:\n%s", at, tail(page, 3000))
	return ""
}

func read(t *testing.T, browser *http.Client, get func() (*http.Response, error)) (string, *url.URL) {
	t.Helper()
	res, err := get()
	check(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	check(t, err)
	return string(body), res.Request.URL
}

func unescape(s string) string {
	return strings.NewReplacer("&amp;", "&", "&#43;", "+", "&#34;", `"`, "&quot;", `"`, "&#39;", "'").Replace(s)
}

// eventually waits until something holds; waiting is an upper bound and no part of the test.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(waiting)
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("%s: not within %s", what, waiting)
		case <-tick.C:
		}
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func tail(s string, n int) string {
	if len(s) > n {
		return s[len(s)-n:]
	}
	return s
}

func (n *realNode) allow(others ...*realNode) {
	n.t.Helper()
	for _, o := range others {
		n.run("peer", "allow", o.domain, "--tier", "sibling")
	}
}

func (n *realNode) find(client *mastodon.Client, acct string) *mastodon.Account {
	n.t.Helper()
	found, err := client.AccountsSearchResolve(context.Background(), acct, 5, true)
	check(n.t, err)
	if len(found) == 0 {
		n.t.Fatalf("%s: %s was not found", n.domain, acct)
	}
	return found[0]
}

// follow follows somebody, and waits until it is accepted.
func (n *realNode) follow(client *mastodon.Client, acct string) {
	n.t.Helper()
	ctx := context.Background()
	them := n.find(client, acct)
	_, err := client.AccountFollow(ctx, them.ID)
	check(n.t, err)
	eventually(n.t, acct+" accepts", func() bool {
		rel, err := client.GetAccountRelationships(ctx, []string{string(them.ID)})
		return err == nil && len(rel) == 1 && rel[0].Following
	})
}

// homeHas counts the posts in home that hold a text, shared ones too.
func homeHas(t *testing.T, client *mastodon.Client, text string) (count int, last *mastodon.Status) {
	t.Helper()
	home, err := client.GetTimelineHome(context.Background(), &mastodon.Pagination{Limit: 40})
	if err != nil {
		t.Logf("read home: %v", err)
		return 0, nil
	}
	for _, s := range home {
		body := s.Content
		if s.Reblog != nil {
			body = s.Reblog.Content
		}
		if strings.Contains(body, text) {
			count, last = count+1, s
		}
	}
	return count, last
}

func TestAPostTravelsFromTheLabToTheHeadOfficeToThePartner(t *testing.T) {
	w := newWorld(t)
	siege, labo, partenaire := w.node("siege.test", ""), w.node("labo.test", ""), w.node("partenaire.test", "")
	all := []*realNode{siege, labo, partenaire}
	for _, n := range all {
		n.start()
		for _, o := range all {
			if o != n {
				n.allow(o)
			}
		}
	}
	siege.person("ana")
	labo.person("luc")
	partenaire.person("zoe")
	ana, luc, zoe := siege.signIn("ana"), labo.signIn("luc"), partenaire.signIn("zoe")
	siege.follow(ana, "luc@"+labo.domain)
	partenaire.follow(zoe, "ana@"+siege.domain)

	ctx := context.Background()
	_, err := luc.PostStatus(ctx, &mastodon.Toot{Status: "bees from the lab"})
	check(t, err)
	var post *mastodon.Status
	eventually(t, "the post is in ana's home", func() bool {
		var n int
		n, post = homeHas(t, ana, "bees from the lab")
		return n == 1
	})
	_, err = ana.Reblog(ctx, post.ID)
	check(t, err)
	eventually(t, "zoe sees the share", func() bool {
		n, s := homeHas(t, zoe, "bees from the lab")
		return n == 1 && s.Reblog != nil && s.Reblog.Account.Acct == "luc@"+labo.domain
	})
	eventually(t, "luc hears of the share", func() bool {
		list, err := luc.GetNotifications(ctx, nil)
		if err != nil {
			return false
		}
		for _, n := range list {
			if n.Type == "reblog" && n.Account.Acct == "ana@"+siege.domain {
				return true
			}
		}
		return false
	})
}

func TestAKilledSenderLosesNothing(t *testing.T) {
	w := newWorld(t)
	rounds := 20
	storagetest.EachURL(t, func(t *testing.T, database string) {
		other := ""
		if strings.HasPrefix(database, "postgres") {
			other = storagetest.Postgres(t, os.Getenv("RUCHE_TEST_POSTGRES"))
		} else {
			database = ""
		}
		w := *w
		w.t = t
		sender, receiver := w.node("siege.test", database), w.node("labo.test", other)
		for _, n := range []*realNode{sender, receiver} {
			n.start()
		}
		sender.allow(receiver)
		receiver.allow(sender)
		sender.person("ana")
		receiver.person("luc")
		ana, luc := sender.signIn("ana"), receiver.signIn("luc")
		receiver.follow(luc, "ana@"+sender.domain)
		for i := range rounds {
			receiver.kill()
			text := fmt.Sprintf("round %02d of %d", i, rounds)
			_, err := ana.PostStatus(context.Background(), &mastodon.Toot{Status: text})
			check(t, err)
			sender.kill()
			sender.start()
			receiver.start()
			eventually(t, text+" arrives", func() bool { n, _ := homeHas(t, luc, text); return n > 0 })
		}
		for i := range rounds {
			if n, _ := homeHas(t, luc, fmt.Sprintf("round %02d of %d", i, rounds)); n != 1 {
				t.Errorf("round %d shows %d times", i, n)
			}
		}
	})
}
