// Package webtest starts what apps reach of a node over real HTTP, for tests: the API and the
// streams above a real database, with people who have tokens.
package webtest

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-mastodon"

	"ruche/federation"
	"ruche/federation/peering"
	"ruche/federation/vocab"
	"ruche/outbox"
	"ruche/outbox/moderation"
	"ruche/outbox/picture"
	"ruche/storage"
	"ruche/storage/blob"
	"ruche/storage/storagetest"
	"ruche/web"
	"ruche/web/api"
	"ruche/web/auth"
	"ruche/web/stream"
	"ruche/web/view"
)

// Node is a node without peers: what it would send waits in its queue.
type Node struct {
	*httptest.Server
	T      testing.TB
	DB     *storage.DB
	Outbox *outbox.Outbox
	API    *api.API
	Auth   *auth.Server
	Stream *stream.Server
}

// Start starts a node for the length of a test. change may alter the API's options.
func Start(t testing.TB, db *storage.DB, change func(*api.Options)) *Node {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	views, err := view.New()
	check(t, err)
	blobs, err := blob.Disk(t.TempDir())
	check(t, err)
	writer := vocab.Writer{URIs: db.URIs(), Domain: "sales.test"}
	resolver := &federation.Node{DB: db, Writer: writer, Log: log, Domain: "sales.test", Host: "sales.test", Name: "Sales"}
	server := auth.New(auth.Options{DB: db, Views: views, Site: view.Site{Name: "Sales", Domain: "sales.test", Locale: "en"}, PublicURL: storagetest.BaseURL, Mail: true, Log: log})
	opt := api.Options{
		DB: db, Outbox: &outbox.Outbox{DB: db, Writer: writer, Resolver: resolver, Blobs: blobs, Pictures: picture.New(picture.Limits{}), Log: log},
		Resolver: resolver, Auth: server, Peering: &peering.Peering{DB: db, Node: resolver, Log: log, ForgetMedia: outbox.ForgetMedia}, Domain: "sales.test", PublicURL: storagetest.BaseURL, Name: "Sales", Version: "0.1.0", Locale: "en", Log: log,
	}
	opt.Desk = &moderation.Desk{DB: db, Outbox: opt.Outbox}
	if change != nil {
		change(&opt)
	}
	n := &Node{T: t, DB: db, Outbox: opt.Outbox, API: api.New(opt), Auth: server}
	n.Stream = stream.New(stream.Options{
		DB: db, Auth: server, Log: log,
		Status:       n.API.LiveStatus,
		Notification: n.API.LiveNotification,
		Conversation: n.API.LiveConversation,
		Announcement: n.API.LiveAnnouncement,
		Reaction:     n.API.LiveReaction,
	})
	n.Server = httptest.NewServer(web.New(web.Options{
		Auth: server, API: append(n.API.Routes(), n.Stream.Routes()...), DB: db, Log: log, PublicURL: storagetest.BaseURL, Domain: "sales.test",
		Federation: []federation.Route{web.MediaRoute(db, blobs, log)}, Files: map[string]http.Handler{"/assets/": views.Assets()},
	}).Main())
	t.Cleanup(func() {
		n.Stream.Close()
		n.Close()
	})
	return n
}

// With gives the same node with another server of streams, at an address of its own.
func (n *Node) With(s *stream.Server) *Node {
	n.T.Helper()
	other := *n
	other.Stream = s
	other.Server = httptest.NewServer(web.New(web.Options{Auth: n.Auth, API: s.Routes(), DB: n.DB, PublicURL: storagetest.BaseURL, Domain: "sales.test"}).Main())
	n.T.Cleanup(func() {
		s.Close()
		other.Close()
	})
	return &other
}

// Eventually waits until something holds. The wait is bounded by the test's own time.
func Eventually(t testing.TB, holds func() bool) {
	t.Helper()
	for !holds() {
		select {
		case <-t.Context().Done():
			t.Fatal("it never came to hold")
		case <-time.After(time.Millisecond):
		}
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Everything is what an ordinary app asks for.
const Everything = "profile read write follow push"

// A Person is somebody of the node with an app of theirs.
type Person struct {
	*storage.Account
	*mastodon.Client
	Token string
	node  *Node
}

// Person adds somebody, with a token for everything.
func (n *Node) Person(name string) *Person {
	n.T.Helper()
	return n.Of(storagetest.Person(n.T, n.DB, name))
}

// Of gives a person's app.
func (n *Node) Of(a *storage.Account) *Person {
	n.T.Helper()
	token := n.Token(a.ID, Everything)
	client := mastodon.NewClient(&mastodon.Config{Server: n.URL, AccessToken: token})
	return &Person{Account: a, Client: client, Token: token, node: n}
}

// Token makes a token; account 0 is the app itself.
func (n *Node) Token(account int64, scopes string) string {
	n.T.Helper()
	secret := storage.NewSecret()
	check(n.T, n.DB.Update(n.T.Context(), func(tx *storage.Tx) error {
		app := &storage.App{ClientID: storage.NewSecret(), Name: "Tusk", Website: "https://app.test", RedirectURIs: []string{"https://app.test/"}, Scopes: Everything}
		if err := tx.AddApp(n.T.Context(), app); err != nil {
			return err
		}
		return tx.AddToken(n.T.Context(), &storage.Token{Hash: storage.HashSecret(secret), AppID: app.ID, AccountID: account, Scopes: scopes})
	}))
	return secret
}

// Remote adds somebody of a peer, and the peer.
func (n *Node) Remote(name, host string) *storage.Account {
	n.T.Helper()
	base := "https://" + host + "/users/" + name
	a := &storage.Account{
		Username: name, Domain: host, Peer: host, Kind: storage.Person, DisplayName: name, URI: base, URL: "https://" + host + "/@" + name,
		InboxURI: base + "/inbox", OutboxURI: base + "/outbox", FollowersURI: base + "/followers", FollowingURI: base + "/following",
		AvatarURL: "https://" + host + "/a.png", Discoverable: true, Indexable: true, FetchedAt: n.DB.Now(),
	}
	check(n.T, n.DB.Update(n.T.Context(), func(tx *storage.Tx) error {
		if err := tx.SavePeer(n.T.Context(), &storage.Peer{Host: host, Tier: storage.Partner, State: storage.PeerActive}); err != nil {
			return err
		}
		return tx.AddAccount(n.T.Context(), a)
	}))
	return a
}

// Ask asks as the person does: by JSON where body is a map, by form where it is url.Values.
func (p *Person) Ask(method, path string, body any, headers ...string) *Answer {
	p.node.T.Helper()
	return p.node.Ask(method, path, p.Token, body, headers...)
}

// An Answer is a response that has been read.
type Answer struct {
	*http.Response
	T    testing.TB
	Body string
}

// Ask sends a request with a token, which may be empty. headers are pairs.
func (n *Node) Ask(method, path, token string, body any, headers ...string) *Answer {
	n.T.Helper()
	var reader io.Reader
	kind := ""
	switch b := body.(type) {
	case nil:
	case url.Values:
		reader, kind = strings.NewReader(b.Encode()), "application/x-www-form-urlencoded"
	default:
		encoded, err := json.Marshal(b)
		check(n.T, err)
		reader, kind = strings.NewReader(string(encoded)), "application/json"
	}
	r, err := http.NewRequestWithContext(n.T.Context(), method, n.URL+path, reader)
	check(n.T, err)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := n.Client().Do(r)
	check(n.T, err)
	defer res.Body.Close()
	content := io.Reader(res.Body)
	if res.Header.Get("Content-Type") == "text/event-stream" {
		content = io.LimitReader(content, 1) // it doesn't end by itself
	}
	text, err := io.ReadAll(content)
	check(n.T, err)
	return &Answer{res, n.T, string(text)}
}

// Is checks the status.
func (a *Answer) Is(status int) *Answer {
	a.T.Helper()
	if a.StatusCode != status {
		a.T.Fatalf("%s %s: %d, want %d\n%s", a.Request.Method, a.Request.URL.Path, a.StatusCode, status, a.Body)
	}
	return a
}

// Says checks that the answer holds texts.
func (a *Answer) Says(texts ...string) *Answer {
	a.T.Helper()
	for _, text := range texts {
		if !strings.Contains(a.Body, text) {
			a.T.Errorf("%s %s doesn't say %s:\n%s", a.Request.Method, a.Request.URL.Path, text, a.Body)
		}
	}
	return a
}

// Into decodes the answer.
func Into[T any](a *Answer) T {
	a.T.Helper()
	var v T
	if err := json.Unmarshal([]byte(a.Body), &v); err != nil {
		a.T.Fatalf("%s %s: %v in %s", a.Request.Method, a.Request.URL.Path, err, a.Body)
	}
	return v
}
