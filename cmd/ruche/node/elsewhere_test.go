package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"ruche/federation"
	"ruche/federation/vocab"
	"ruche/storage"
	"ruche/storage/storagetest"
)

// What this node asks of others: of whom, and what it believes of the answer.

// asked gives the requests that went to a host since the last time, and forgets them.
func (n *testNodes) asked(host string) (to []string) {
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	for _, r := range n.net.seen {
		if strings.Contains(r, "://"+host+"/") {
			to = append(to, r)
		}
	}
	n.net.seen = nil
	return to
}

// webfinger lets a stranger's WebFinger answer about a subject with an actor, whatever was asked.
func (s *stranger) webfinger(subject, self string) {
	s.hook = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/.well-known/webfinger") {
			return false
		}
		w.Header().Set("Content-Type", "application/jrd+json")
		_ = json.NewEncoder(w).Encode(map[string]any{"subject": subject, "links": []map[string]string{{"rel": "self", "type": "application/activity+json", "href": self}}})
		return true
	}
}

func TestWebFingerSpeaksOfWhomItWasAskedAndOfItsOwnHost(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ctx := context.Background()
	bob, eve := n.stranger("peer.test", "bob"), n.stranger("evil.test", "eve")
	n.openly("siege.test", "peer.test")
	n.openly("siege.test", "evil.test")
	node := n.cores["siege.test"].federation
	eve.webfinger("acct:eve@evil.test", bob.id("bob"))
	if a, err := node.Account(ctx, "eve", "evil.test"); !errors.Is(err, federation.ErrUntrusted) || n.asked("peer.test") != nil {
		t.Errorf("an actor elsewhere: %+v, %v", a, err)
	}
	eve.webfinger("acct:mallory@evil.test", eve.id("eve"))
	if a, err := node.Account(ctx, "eve", "evil.test"); !errors.Is(err, federation.ErrUntrusted) {
		t.Errorf("somebody else than was asked about: %+v, %v", a, err)
	}
	for status, want := range map[int]error{404: storage.ErrNotFound, 410: storage.ErrNotFound, 500: new(federation.StatusError)} {
		eve.hook = func(w http.ResponseWriter, r *http.Request) bool { w.WriteHeader(status); return true }
		_, err := node.Account(ctx, "eve", "evil.test")
		if said := (*federation.StatusError)(nil); want == storage.ErrNotFound && !errors.Is(err, want) || status == 500 && (!errors.As(err, &said) || said.Status != 500) {
			t.Errorf("answered %d: %v", status, err)
		}
	}

	// A peer with two account domains: somebody of one of them isn't found under the other.
	n.allowAs("siege.test", storage.Peer{Host: "evil.test", Tier: storage.Partner, PublicWeb: true, AccountDomains: []string{"a.test", "b.test"}})
	n.net.nodes["a.test"], n.net.nodes["b.test"] = eve, eve
	eve.change("eve", func(doc map[string]any) { doc["webfinger"] = "eve@b.test" })
	eve.hook = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/.well-known/webfinger") {
			return false
		}
		w.Header().Set("Content-Type", "application/jrd+json")
		fmt.Fprintf(w, `{"subject":%q,"links":[{"rel":"self","type":"application/activity+json","href":%q}]}`, r.URL.Query().Get("resource"), eve.id("eve"))
		return true
	}
	if a, err := node.Account(ctx, "eve", "a.test"); !errors.Is(err, federation.ErrUntrusted) {
		t.Errorf("eve@a.test is %+v, %v", a, err)
	}
	if a, err := node.Account(ctx, "eve", "b.test"); err != nil || a.Domain != "b.test" {
		t.Errorf("eve@b.test is %+v, %v", a, err)
	}
	// An account domain gives no documents.
	n.asked("a.test")
	if a, err := node.RefreshActor(ctx, "https://a.test/u/eve"); !errors.Is(err, federation.ErrNotPeer) || n.asked("a.test") != nil {
		t.Errorf("an actor on an account domain: %+v, %v", a, err)
	}
}

func TestAnActorIsWhatItsOwnHostSaysUnderItsOwnId(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ctx := context.Background()
	ana := n.person("ana@siege.test")
	bob, eve := n.stranger("peer.test", "bob"), n.stranger("evil.test", "eve", "amy")
	n.openly("siege.test", "peer.test")
	n.openly("siege.test", "evil.test")
	node := n.cores["siege.test"].federation
	refused := func(what, uri string) {
		t.Helper()
		n.asked("")
		before := n.rows("siege.test")
		if a, err := node.RefreshActor(ctx, uri); !errors.Is(err, federation.ErrUntrusted) {
			t.Errorf("%s: %+v, %v", what, a, err)
		}
		if to := n.asked("peer.test"); to != nil {
			t.Errorf("%s: %v was asked", what, to)
		}
		if after := n.rows("siege.test"); after != before {
			t.Errorf("%s changed\n%s into\n%s", what, before, after)
		}
	}
	eve.docs["/page"] = strings.Replace(eve.docs["/u/eve"], `"id":"https://evil.test/u/eve"`, `"id":"https://peer.test/u/bob"`, 1)
	refused("a page in another host's name", "https://evil.test/page")
	eve.docs["/page"] = strings.ReplaceAll(eve.docs["/u/eve"], "/u/eve", "/u/amy")
	eve.docs["/u/amy"] = eve.docs["/u/eve"]
	refused("an id that answers with another", "https://evil.test/page")
	for name, change := range map[string]func(map[string]any){
		"an inbox elsewhere":         func(doc map[string]any) { doc["inbox"] = "https://peer.test/inbox" },
		"a shared inbox elsewhere":   func(doc map[string]any) { doc["endpoints"] = map[string]any{"sharedInbox": "https://peer.test/inbox"} },
		"followers elsewhere":        func(doc map[string]any) { doc["followers"] = "https://peer.test/u/bob/followers" },
		"no name":                    func(doc map[string]any) { doc["preferredUsername"] = "" },
		"a name without an end":      func(doc map[string]any) { doc["preferredUsername"] = strings.Repeat("a", 129) },
		"a name with a space":        func(doc map[string]any) { doc["preferredUsername"] = "eve bob" },
		"a name of another alphabet": func(doc map[string]any) { doc["preferredUsername"] = "еve" },
		"a name with a host":         func(doc map[string]any) { doc["preferredUsername"] = "eve@peer.test" },
	} {
		good := eve.docs["/u/eve"]
		eve.change("eve", change)
		refused(name, eve.id("eve"))
		eve.docs["/u/eve"] = good
	}
	if _, err := node.RefreshActor(ctx, eve.id("eve")); err != nil {
		t.Error(err)
	}

	// A key's document holds the key that was asked for, and its owner is on its host.
	gate := node.Gate
	eve.docs["/k/1"] = `{"id":"https://evil.test/k/2","owner":"https://evil.test/u/eve","publicKeyPem":"x"}`
	if key, err := gate.Key(ctx, "https://evil.test/k/1", false); !errors.Is(err, federation.ErrUntrusted) {
		t.Errorf("another key: %+v, %v", key, err)
	}
	eve.docs["/k/3"] = fmt.Sprintf(`{"id":"https://evil.test/k/3","owner":%q,"publicKeyPem":"x"}`, bob.id("bob"))
	n.asked("")
	if key, err := gate.Key(ctx, "https://evil.test/k/3", false); !errors.Is(err, federation.ErrUntrusted) || n.asked("peer.test") != nil {
		t.Errorf("an owner elsewhere: %+v, %v", key, err)
	}
	if key, err := gate.Key(ctx, ana.me.KeyID, false); err == nil {
		t.Errorf("a key of ours counts for a request from outside: %+v", key)
	}

	// What is known of somebody counts for as long as their host is a peer.
	ana.finds("bob@peer.test")
	n.update("siege.test", func(tx *storage.Tx) error { _, err := tx.RemovePeer(ctx, "peer.test"); return err })
	if a, err := node.Actor(ctx, bob.id("bob")); !errors.Is(err, federation.ErrNotPeer) {
		t.Errorf("somebody of a host that is no peer any more: %+v, %v", a, err)
	}
}

func TestAPostIsWhatItsAuthorsHostSaysUnderItsOwnId(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ctx := context.Background()
	ana := n.person("ana@siege.test")
	bob, eve := n.stranger("peer.test", "bob"), n.stranger("evil.test", "eve")
	n.openly("siege.test", "peer.test")
	n.openly("siege.test", "evil.test")
	node := n.cores["siege.test"].federation
	note := func(id, author string) string {
		return fmt.Sprintf(`{"id":%q,"type":"Note","attributedTo":%q,"content":"hello","to":["as:Public"]}`, id, author)
	}
	refused := func(what, uri string, want error) {
		t.Helper()
		n.asked("")
		if p, err := node.Post(ctx, uri); !errors.Is(err, want) {
			t.Errorf("%s: %+v, %v", what, p, err)
		}
		if to := n.asked("peer.test"); to != nil {
			t.Errorf("%s: %v was asked", what, to)
		}
	}
	eve.docs["/n/1"] = note("https://evil.test/n/1", bob.id("bob"))
	refused("an author elsewhere", "https://evil.test/n/1", federation.ErrUntrusted)
	eve.docs["/page"] = note("https://evil.test/n/2", eve.id("eve"))
	eve.docs["/n/2"] = note("https://evil.test/n/3", eve.id("eve"))
	refused("an id that answers with another", "https://evil.test/page", federation.ErrUntrusted)
	refused("a post of ours that isn't", "https://siege.test/posts/17", storage.ErrNotFound)
	if to := n.asked("siege.test"); to != nil {
		t.Errorf("this node asked itself: %v", to)
	}

	// Translate is asked by what was delivered too.
	eves, err := node.Actor(ctx, eve.id("eve"))
	ok(t, err)
	doc, err := vocab.Decode([]byte(note("https://peer.test/n/1", eve.id("eve"))))
	ok(t, err)
	object, err := vocab.ParseObject(doc)
	ok(t, err)
	if p, err := federation.Translate(ctx, &n.cores["siege.test"].db.Queries, object, eves); !errors.Is(err, federation.ErrUntrusted) {
		t.Errorf("an id on another host than its author's: %+v, %v", p, err)
	}

	// What is known is read again.
	eve.docs["/n/4"] = note("https://evil.test/n/4", eve.id("eve"))
	_, err = node.Post(ctx, "https://evil.test/n/4")
	ok(t, err)
	eve.docs["/n/4"] = note("https://evil.test/n/5", eve.id("eve"))
	eve.docs["/n/5"] = note("https://evil.test/n/5", eve.id("eve"))
	if o, _, err := node.Reread(ctx, "https://evil.test/n/4"); !errors.Is(err, federation.ErrUntrusted) {
		t.Errorf("a post that answers with another now: %+v, %v", o, err)
	}
	eve.docs["/n/4"] = `{"id":"https://evil.test/n/4","type":"Tombstone"}`
	var status *federation.StatusError
	if o, _, err := node.Reread(ctx, "https://evil.test/n/4"); !errors.As(err, &status) || status.Status != http.StatusGone {
		t.Errorf("a tombstone: %+v, %v", o, err)
	}

	// What is deleted here isn't there, and isn't asked for again.
	eve.deliver("siege.test", "/inbox", "eve", `{"id":"https://evil.test/d/4","type":"Delete","actor":"https://evil.test/u/eve","object":"https://evil.test/n/4"}`)
	n.settle()
	refused("a deleted post", "https://evil.test/n/4", storage.ErrNotFound)

	// Whose posts aren't let in aren't fetched.
	peer := storage.Peer{Host: "evil.test", Tier: storage.Partner, PublicWeb: true, Policy: storage.DefaultPolicy(storage.Partner)}
	peer.In.Posts = false
	n.allowAs("siege.test", peer)
	eve.docs["/n/6"] = note("https://evil.test/n/6", eve.id("eve"))
	n.asked("")
	if p, err := node.Post(ctx, "https://evil.test/n/6"); !errors.Is(err, federation.ErrNotPeer) || n.asked("evil.test") != nil {
		t.Errorf("a post that the policy keeps out: %+v, %v", p, err)
	}
	_ = ana
}
