package node

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ruche/federation"
	"ruche/outbox"
	"ruche/storage"
	"ruche/storage/storagetest"
)

// A stranger is a server that this program didn't start: it has actors with real keys, serves
// their documents, and sends whatever a test wants.
type stranger struct {
	n       *testNodes
	host    string
	keys    map[string]crypto.PrivateKey
	docs    map[string]string
	fetched int
	posted  [][]byte
	refuses string // deliveries that hold this are answered 401
	// hook, where set, sees each request first, and says whether it answered.
	hook     func(w http.ResponseWriter, r *http.Request) bool
	header   http.Header              // of what it delivers
	unsigned bool                     // its header isn't covered by the signature
	status   map[string]int           // by path, instead of a document
	made     func(path string) string // a document made when it is asked for; "" is none
}

func (n *testNodes) stranger(host string, names ...string) *stranger {
	n.t.Helper()
	s := &stranger{n: n, host: host, keys: map[string]crypto.PrivateKey{}, docs: map[string]string{}}
	for _, name := range names {
		private, public, err := federation.GenerateKey()
		if err != nil {
			n.t.Fatal(err)
		}
		key, err := federation.ParsePrivateKey(private)
		if err != nil {
			n.t.Fatal(err)
		}
		s.keys[name] = key
		id := s.id(name)
		doc, err := json.Marshal(map[string]any{
			"@context": []string{"https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"},
			"id":       id, "type": "Person", "preferredUsername": name, "inbox": id + "/inbox", "followers": id + "/followers",
			"endpoints": map[string]string{"sharedInbox": "https://" + host + "/inbox"},
			"publicKey": map[string]string{"id": id + "#main-key", "owner": id, "publicKeyPem": public},
		})
		if err != nil {
			n.t.Fatal(err)
		}
		s.docs["/u/"+name] = string(doc)
	}
	n.net.nodes[host] = s
	return s
}

func (s *stranger) id(name string) string { return "https://" + s.host + "/u/" + name }

func (s *stranger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.hook != nil && s.hook(w, r) {
		return
	}
	if r.Method == http.MethodPost {
		var b bytes.Buffer
		_, _ = b.ReadFrom(r.Body)
		if s.refuses != "" && bytes.Contains(b.Bytes(), []byte(s.refuses)) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		s.posted = append(s.posted, b.Bytes())
		w.WriteHeader(http.StatusAccepted)
		return
	}
	s.fetched++
	if strings.HasPrefix(r.URL.Path, "/.well-known/webfinger") {
		acct := strings.TrimPrefix(r.URL.Query().Get("resource"), "acct:")
		name, _, _ := strings.Cut(acct, "@")
		w.Header().Set("Content-Type", "application/jrd+json")
		fmt.Fprintf(w, `{"subject":"acct:%s","links":[{"rel":"self","type":"application/activity+json","href":%q}]}`, acct, s.id(name))
		return
	}
	if status := s.status[r.URL.Path]; status != 0 {
		w.WriteHeader(status)
		return
	}
	doc, ok := s.docs[r.URL.Path]
	if !ok && s.made != nil {
		doc = s.made(r.URL.Path)
		ok = doc != ""
	}
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/activity+json")
	fmt.Fprint(w, doc)
}

// deliver posts a body to a node, signed by one of the stranger's actors, and gives the status.
func (s *stranger) deliver(to, path, signer, body string) int {
	s.n.t.Helper()
	return s.send(to, path, signer, "application/activity+json", body)
}

func (s *stranger) send(to, path, signer, kind, body string) int {
	s.n.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "https://"+to+path, strings.NewReader(body))
	r.Host = to
	r.Header.Set("Content-Type", kind)
	if !s.unsigned {
		for name, values := range s.header {
			r.Header[name] = values
		}
	}
	if signer != "" {
		if err := federation.Sign(r, []byte(body), s.id(signer)+"#main-key", s.keys[signer], s.n.clock()); err != nil {
			s.n.t.Fatal(err)
		}
		// What the server reads is a body of its own.
		r.Body = http.NoBody
		r2 := httptest.NewRequest(http.MethodPost, "https://"+to+path, strings.NewReader(body))
		r2.Header, r2.Host = r.Header, to
		for name, values := range s.header {
			r2.Header[name] = values
		}
		r = r2
	}
	w := httptest.NewRecorder()
	s.n.net.nodes[to].ServeHTTP(w, r)
	return w.Code
}

// accepts lets a person follow one of the stranger's actors.
func (s *stranger) accepts(p *testPerson, name string) {
	s.n.t.Helper()
	p.follows(name + "@" + s.host)
	s.n.settle()
	f, err := p.c.db.FollowBetween(context.Background(), p.me.ID, p.finds(name+"@"+s.host).ID)
	if err != nil {
		s.n.t.Fatal(err)
	}
	s.deliver(p.host, "/inbox", name, fmt.Sprintf(`{"id":"https://%s/a/%d","type":"Accept","actor":%q,"object":%q}`, s.host, f.ID, s.id(name), f.URI))
	s.n.settle()
}

func (s *stranger) create(name, note, text, extra string) string {
	id := s.id(name)
	return fmt.Sprintf(`{"@context":"https://www.w3.org/ns/activitystreams","id":"https://%[1]s/n/%[2]s/create","type":"Create","actor":%[3]q,"to":["https://www.w3.org/ns/activitystreams#Public"],"cc":[%[4]q],
	"object":{"id":"https://%[1]s/n/%[2]s","type":"Note","attributedTo":%[3]q,"content":%[5]q,"to":["https://www.w3.org/ns/activitystreams#Public"],"cc":[%[4]q]%[6]s}}`, s.host, note, id, id+"/followers", text, extra)
}

// rows counts what a node has stored, so that "nothing changed" can be said of all of it.
func (n *testNodes) rows(at string) string {
	n.t.Helper()
	counts, err := n.cores[at].db.Counts(context.Background())
	if err != nil {
		n.t.Fatal(err)
	}
	return fmt.Sprint(counts)
}

func TestANodeThatNobodyAllowListedIsRefusedBeforeAnythingIsFetched(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		databases := []string{url}
		n := startCores(t, nextDatabase(t, &databases), "siege.test")
		n.person("ana@siege.test")
		eve := n.stranger("inconnu.test", "eve")
		before := n.rows("siege.test")
		if got := eve.deliver("siege.test", "/inbox", "eve", eve.create("eve", "1", "hello", "")); got != http.StatusForbidden {
			t.Errorf("a stranger's Create is answered %d, want 403", got)
		}
		n.settle()
		if eve.fetched != 0 {
			t.Errorf("%d documents of a stranger were fetched", eve.fetched)
		}
		if after := n.rows("siege.test"); after != before {
			t.Errorf("a stranger's Create changed\n%s into\n%s", before, after)
		}
	})
}

func TestWhatTheDoorRefusesChangesNothing(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ana := n.person("ana@siege.test")
	bob := n.stranger("peer.test", "bob", "eve")
	n.allow("siege.test", "peer.test")
	ana.follows("bob@peer.test")
	n.settle()
	if got := bob.deliver("siege.test", "/inbox", "bob", bob.create("bob", "0", "first", "")); got != http.StatusAccepted {
		t.Fatalf("a good Create is answered %d", got)
	}
	n.settle()
	before := n.rows("siege.test")
	good := bob.create("bob", "1", "hello", "")
	for name, tc := range map[string]struct {
		path, signer, kind, body string
		want                     int
	}{
		"no signature":              {"/inbox", "", "application/activity+json", good, 401},
		"somebody else's key":       {"/inbox", "eve", "application/activity+json", good, 401},
		"a form":                    {"/inbox", "bob", "application/x-www-form-urlencoded", good, 415},
		"plain JSON":                {"/inbox", "bob", "application/json", good, 415},
		"not JSON":                  {"/inbox", "bob", "application/activity+json", "{", 400},
		"null":                      {"/inbox", "bob", "application/activity+json", "null", 400},
		"an array":                  {"/inbox", "bob", "application/activity+json", "[]", 400},
		"a number":                  {"/inbox", "bob", "application/activity+json", "1", 400},
		"two readings of one key":   {"/inbox", "bob", "application/activity+json", strings.Replace(good, `"type":"Create"`, `"type":"Create","type":"Delete"`, 1), 400},
		"an id on another host":     {"/inbox", "bob", "application/activity+json", strings.Replace(good, `"id":"https://peer.test/n/1/create"`, `"id":"https://siege.test/n/1/create"`, 1), 400},
		"too large":                 {"/inbox", "bob", "application/activity+json", strings.Replace(good, "hello", strings.Repeat("x", 1<<20), 1), 413},
		"an inbox that isn't there": {"/users/17/inbox", "bob", "application/activity+json", good, 404},
		"too deep":                  {"/inbox", "bob", "application/activity+json", strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100), 400},
		// Passing on is allowed, and told from a forgery by nobody: 202, and what it says is not believed.
		"an actor elsewhere than its signer": {"/inbox", "bob", "application/activity+json", strings.ReplaceAll(good, "peer.test", "labo.test"), 202},
	} {
		if got := bob.send("siege.test", tc.path, tc.signer, tc.kind, tc.body); got != tc.want {
			t.Errorf("%s: answered %d, want %d", name, got, tc.want)
		}
	}
	n.settle()
	// To refuse eve's signature her key was read; nothing else.
	if after := n.rows("siege.test"); strip(after) != strip(before) {
		t.Errorf("refusals changed\n%s into\n%s", before, after)
	}
}

func TestNobodyIsBelievedAboutSomebodyElse(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test", "labo.test")
	ana, luc := n.person("ana@siege.test"), n.person("luc@labo.test")
	ana.follows("luc@labo.test")
	bob := n.stranger("peer.test", "bob", "eve")
	n.allow("siege.test", "peer.test")
	ana.follows("bob@peer.test")
	n.settle()
	for _, p := range []string{"bob"} {
		// Bob accepts ana's follow.
		f, err := ana.c.db.FollowBetween(context.Background(), ana.me.ID, ana.finds(p+"@peer.test").ID)
		if err != nil {
			t.Fatal(err)
		}
		bob.deliver("siege.test", "/inbox", p, fmt.Sprintf(`{"id":"https://peer.test/a/1","type":"Accept","actor":%q,"object":%q}`, bob.id(p), f.URI))
	}
	lucs := luc.posts("luc's own words", storage.Public)
	bob.deliver("siege.test", "/inbox", "bob", bob.create("bob", "1", "bob's own words", ""))
	n.settle()
	ana.sees("luc&#39;s own words", 1)
	ana.sees("bob&#39;s own words", 1)
	before := n.rows("siege.test")
	for name, body := range map[string]string{
		"an Update of another's post on the same host": fmt.Sprintf(`{"id":"https://peer.test/a/2","type":"Update","actor":%q,"object":{"id":"https://peer.test/n/1","type":"Note","attributedTo":%q,"content":"forged","updated":"2030-01-01T00:00:00Z","to":["https://www.w3.org/ns/activitystreams#Public"]}}`, bob.id("eve"), bob.id("eve")),
		"a Delete of another's post on the same host":  fmt.Sprintf(`{"id":"https://peer.test/a/3","type":"Delete","actor":%q,"object":"https://peer.test/n/1"}`, bob.id("eve")),
		"a Delete of another host's post":              fmt.Sprintf(`{"id":"https://peer.test/a/4","type":"Delete","actor":%q,"object":%q}`, bob.id("eve"), lucs.URI),
		"a post attributed to another host":            strings.Replace(bob.create("eve", "9", "forged", ""), `"attributedTo":"https://peer.test/u/eve"`, fmt.Sprintf(`"attributedTo":%q`, luc.me.URI), 1),
		"a post attributed to a number":                strings.Replace(bob.create("eve", "10", "forged", ""), `"attributedTo":"https://peer.test/u/eve"`, `"attributedTo":1`, 1),
		"a post with an id on another host":            strings.Replace(bob.create("eve", "11", "forged", ""), `"id":"https://peer.test/n/11"`, `"id":"https://labo.test/n/11"`, 1),
		"an Accept in another's name":                  fmt.Sprintf(`{"id":"https://peer.test/a/5","type":"Accept","actor":%q,"object":{"type":"Follow","id":"https://peer.test/x","actor":%q,"object":%q}}`, bob.id("eve"), ana.me.URI, luc.me.URI),
		"an Undo of another's follow":                  fmt.Sprintf(`{"id":"https://peer.test/a/6","type":"Undo","actor":%q,"object":{"type":"Follow","id":"https://peer.test/y","actor":%q,"object":%q}}`, bob.id("eve"), bob.id("bob"), ana.me.URI),
		"an Announce with a forged copy":               fmt.Sprintf(`{"id":"https://peer.test/a/7","type":"Announce","actor":%q,"to":["https://www.w3.org/ns/activitystreams#Public"],"object":{"id":"https://labo.test/posts/17","type":"Note","attributedTo":%q,"content":"forged"}}`, bob.id("eve"), luc.me.URI),
	} {
		if got := bob.deliver("siege.test", "/inbox", "eve", body); got >= 500 {
			t.Errorf("%s: answered %d", name, got)
		}
		n.settle()
	}
	ana.sees("forged", 0)
	ana.sees("luc&#39;s own words", 1)
	ana.sees("bob&#39;s own words", 1)
	after := n.rows("siege.test")
	// Eve's own actor may be known now; nothing else.
	if strip(before) != strip(after) {
		t.Errorf("forgeries changed\n%s into\n%s", before, after)
	}
}

func strip(rows string) string {
	var kept []string
	for _, field := range strings.Fields(strings.TrimSuffix(strings.TrimPrefix(rows, "map["), "]")) {
		if !strings.HasPrefix(field, "accounts:") && !strings.HasPrefix(field, "keys:") && !strings.HasPrefix(field, "changes:") && !strings.HasPrefix(field, "ended_activities:") && !strings.HasPrefix(field, "hosts:") {
			kept = append(kept, field)
		}
	}
	return strings.Join(kept, " ")
}

func TestAReplayedActivityHasNoSecondEffect(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ana := n.person("ana@siege.test")
	bob := n.stranger("peer.test", "bob")
	n.allow("siege.test", "peer.test")
	n.update("siege.test", func(tx *storage.Tx) error {
		return tx.SavePeer(context.Background(), &storage.Peer{Host: "peer.test", Tier: storage.Partner, State: storage.PeerActive, PublicWeb: true})
	})
	post := ana.posts("like me", storage.Public)
	like := fmt.Sprintf(`{"id":"https://peer.test/l/1","type":"Like","actor":%q,"object":%q}`, bob.id("bob"), post.URI)
	follow := fmt.Sprintf(`{"id":"https://peer.test/f/1","type":"Follow","actor":%q,"object":%q}`, bob.id("bob"), ana.me.URI)
	undo := func(id, inner string) string {
		return fmt.Sprintf(`{"id":%q,"type":"Undo","actor":%q,"object":%s}`, id, bob.id("bob"), inner)
	}
	likes := func() int64 {
		p, err := ana.c.db.PostByID(context.Background(), post.ID)
		if err != nil {
			t.Fatal(err)
		}
		return p.LikesCount
	}
	send := func(body string) {
		if got := bob.deliver("siege.test", "/inbox", "bob", body); got != http.StatusAccepted {
			t.Fatalf("answered %d to %s", got, body)
		}
		n.settle()
	}
	send(like)
	send(like)
	if likes() != 1 {
		t.Errorf("a like sent twice counts %d", likes())
	}
	send(undo("https://peer.test/u/1", like))
	send(like)
	if likes() != 0 {
		t.Errorf("a like replayed after its Undo counts %d", likes())
	}
	send(follow)
	send(follow)
	a, err := ana.c.db.AccountByID(context.Background(), ana.me.ID)
	if err != nil || a.FollowersCount != 1 {
		t.Errorf("a follow sent twice counts %d (%v)", a.FollowersCount, err)
	}
	send(bob.create("bob", "1", "short-lived", ""))
	send(fmt.Sprintf(`{"id":"https://peer.test/d/1","type":"Delete","actor":%q,"object":"https://peer.test/n/1"}`, bob.id("bob")))
	send(bob.create("bob", "1", "short-lived", ""))
	if _, err := ana.c.db.PostByURI(context.Background(), "https://peer.test/n/1"); err != nil {
		t.Error(err)
	}
	rows, err := ana.c.db.PublicTimeline(context.Background(), ana.me.ID, storage.RemoteSide, false, storage.Page{})
	if err != nil || len(rows) != 0 {
		t.Errorf("a deleted post came back: %d (%v)", len(rows), err)
	}
}

func TestAFollowIsPendingUntilTheFollowedAccountAccepts(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test", "labo.test")
	ctx := context.Background()
	ana, luc := n.person("ana@siege.test"), n.person("luc@labo.test")
	locked := true
	if _, err := luc.c.outbox.UpdateProfile(ctx, luc.me, outbox.Profile{Locked: &locked}); err != nil {
		t.Fatal(err)
	}
	ana.follows("luc@labo.test")
	n.settle()
	luc.posts("for those I know", storage.Followers)
	n.settle()
	ana.sees("for those I know", 0)
	waiting, _, err := luc.c.db.FollowRequests(ctx, luc.me.ID, storage.Page{})
	if err != nil || len(waiting) != 1 {
		t.Fatal(err, len(waiting))
	}
	if err := luc.c.outbox.AcceptFollower(ctx, luc.me, waiting[0].ID); err != nil {
		t.Fatal(err)
	}
	n.settle()
	luc.posts("now you know me", storage.Followers)
	n.settle()
	ana.sees("now you know me", 1)
	if err := luc.c.outbox.RemoveFollower(ctx, luc.me, waiting[0].ID); err != nil {
		t.Fatal(err)
	}
	n.settle()
	luc.posts("no more", storage.Followers)
	n.settle()
	ana.sees("no more", 0)
	rel, err := ana.c.db.Relations(ctx, ana.me.ID, []int64{ana.finds("luc@labo.test").ID})
	if err != nil || rel[0].Following {
		t.Errorf("ana still follows luc (%v)", err)
	}
}

func TestAPeerThatIsRemovedIsHeldAndHiddenAndComesBack(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test", "labo.test")
	ctx := context.Background()
	ana, luc := n.person("ana@siege.test"), n.person("luc@labo.test")
	ana.follows("luc@labo.test")
	n.settle()
	luc.posts("before", storage.Public)
	n.settle()
	ana.sees("before", 1)
	luc.posts("queued while allowed", storage.Public)
	n.update("labo.test", func(tx *storage.Tx) error { _, err := tx.RemovePeer(ctx, "siege.test"); return err })
	n.settle()
	ana.sees("queued while allowed", 0)
	n.update("siege.test", func(tx *storage.Tx) error { _, err := tx.RemovePeer(ctx, "labo.test"); return err })
	ana.sees("before", 0)
	n.allow("siege.test", "labo.test")
	n.allow("labo.test", "siege.test")
	n.settle()
	ana.sees("before", 1)
	ana.sees("queued while allowed", 1)
}

func TestAHostThatIsDownGetsEverythingLaterInOrder(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test", "labo.test")
	ana, luc := n.person("ana@siege.test"), n.person("luc@labo.test")
	ana.follows("luc@labo.test")
	n.settle()
	n.net.down["siege.test"] = true
	for i := range 5 {
		luc.posts(fmt.Sprintf("post %d", i), storage.Public)
		n.settle()
		n.advance(time.Minute)
		n.settle()
	}
	n.net.down["siege.test"] = false
	n.advance(2 * time.Hour)
	n.settle()
	home := ana.home("post ")
	if len(home) != 5 {
		t.Fatalf("%d posts arrived", len(home))
	}
	for i, p := range home {
		if want := fmt.Sprintf("post %d", 4-i); !strings.Contains(p.HTML, want) {
			t.Errorf("place %d is %q, want %q", i, p.HTML, want)
		}
	}
}
