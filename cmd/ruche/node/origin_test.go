package node

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"ruche/storage"
	"ruche/storage/storagetest"
)

// Who is believed about what: documents and names of another host than the one that gives them.

func TestADocumentInAnotherHostsNameChangesNothing(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ctx := context.Background()
	ana := n.person("ana@siege.test")
	bob, eve := n.stranger("peer.test", "bob"), n.stranger("evil.test", "eve")
	n.openly("siege.test", "peer.test")
	n.openly("siege.test", "evil.test")
	bobs := ana.finds("bob@peer.test")
	ana.finds("eve@evil.test")
	bob.docs["/n/1"] = fmt.Sprintf(`{"id":"https://peer.test/n/1","type":"Note","attributedTo":%q,"content":"bob's own words","to":["as:Public"]}`, bob.id("bob"))
	bob.deliver("siege.test", "/inbox", "bob", createOf(bob, "bob", bob.docs["/n/1"]))
	n.settle()
	before := n.rows("siege.test")

	// A copy of bob's actor with eve's key and inbox, and of his note with other words, both served by evil.test.
	forged := strings.Replace(eve.docs["/u/eve"], `"id":"https://evil.test/u/eve"`, `"id":"https://peer.test/u/bob"`, 1)
	forged = strings.Replace(forged, `"owner":"https://evil.test/u/eve"`, `"owner":"https://peer.test/u/bob"`, 1)
	eve.docs["/u/bob"] = forged
	eve.docs["/n/1"] = strings.Replace(bob.docs["/n/1"], "bob's own words", "forged", 1)
	if a, err := ana.c.federation.Actor(ctx, "https://evil.test/u/bob"); err == nil && a.InboxURI != bobs.InboxURI {
		t.Errorf("an actor is believed of another host: %+v", a)
	}
	if p, err := ana.c.federation.Post(ctx, "https://evil.test/n/1"); err == nil && strings.Contains(p.HTML, "forged") {
		t.Errorf("a post is believed of another host: %s", p.HTML)
	}
	// The same, asked for by what eve sends.
	for i, body := range []string{
		`{"id":"https://evil.test/a/%d","type":"Announce","actor":"https://evil.test/u/eve","to":["as:Public"],"object":"https://evil.test/n/1"}`,
		`{"id":"https://evil.test/a/%d","type":"Create","actor":"https://evil.test/u/eve","to":["as:Public"],"object":"https://evil.test/n/1"}`,
		`{"id":"https://evil.test/a/%d","type":"Update","actor":"https://evil.test/u/eve","object":"https://peer.test/u/bob"}`,
		`{"id":"https://evil.test/a/%d","type":"Add","actor":"https://evil.test/u/eve","object":"https://peer.test/n/1","target":"https://peer.test/u/bob/pins"}`,
	} {
		if got := eve.deliver("siege.test", "/inbox", "eve", fmt.Sprintf(body, i)); got >= 500 {
			t.Errorf("answered %d to %s", got, body)
		}
		n.settle()
	}
	now := ana.finds("bob@peer.test")
	if now.PublicKey != bobs.PublicKey || now.InboxURI != bobs.InboxURI || now.URI != bobs.URI {
		t.Errorf("bob became %+v", now)
	}
	p, err := ana.c.db.PostByURI(ctx, "https://peer.test/n/1")
	if err != nil || !strings.Contains(p.HTML, "own words") {
		t.Errorf("bob's post became %+v (%v)", p, err)
	}
	if _, err := ana.c.db.PostByURI(ctx, "https://evil.test/n/1"); err == nil {
		t.Error("a post is stored under an id that isn't its own")
	}
	// The share that eve may make of bob's own post, fetched from peer.test, is the most that may have come.
	after := n.rows("siege.test")
	if strings.Contains(after, "forged") || !same(before, after, "posts", "media", "users", "follows", "pins") {
		t.Errorf("forgeries changed\n%s into\n%s", before, after)
	}
}

// same compares the counts of some tables, leaving room for one share among posts.
func same(before, after string, tables ...string) bool {
	count := func(rows, table string) (n int) {
		for _, field := range strings.Fields(strings.Trim(rows, "map[]")) {
			if name, value, _ := strings.Cut(field, ":"); name == table {
				_, _ = fmt.Sscan(value, &n)
			}
		}
		return n
	}
	for _, table := range tables {
		more := count(after, table) - count(before, table)
		if more != 0 && (table != "posts" || more != 1) {
			return false
		}
	}
	return true
}

func TestWebFingerGivesNobodyAnotherHostsName(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ctx := context.Background()
	ana := n.person("ana@siege.test")
	bob, eve := n.stranger("peer.test", "bob"), n.stranger("evil.test", "eve")
	n.openly("siege.test", "peer.test")
	n.openly("siege.test", "evil.test")
	answer := ""
	eve.hook = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/.well-known/webfinger") || answer == "" {
			return false
		}
		w.Header().Set("Content-Type", "application/jrd+json")
		fmt.Fprint(w, answer)
		return true
	}
	self := func(href string) string {
		text, _ := json.Marshal(map[string]any{"subject": "acct:eve@peer.test", "links": []map[string]string{{"rel": "self", "type": "application/activity+json", "href": href}}})
		return string(text)
	}
	// evil.test says that its eve is called eve@peer.test, then that bob of peer.test is its own eve, then that
	// somebody of an unlisted host or of this node is.
	for _, href := range []string{eve.id("eve"), bob.id("bob"), "https://inconnu.test/u/x", ana.me.URI, "javascript:alert(1)", "https://evil.test@peer.test/u/bob", "https://evil.test/u/eve#fragment"} {
		answer = self(href)
		a, err := ana.c.federation.Account(ctx, "eve", "evil.test")
		if err == nil && (a.URI != eve.id("eve") || a.Domain != "evil.test") {
			t.Errorf("%s: eve@evil.test is %s@%s, %s", href, a.Username, a.Domain, a.URI)
		}
	}
	if a, err := ana.c.db.AccountByName(ctx, "eve", "peer.test"); err == nil {
		t.Errorf("there is an eve@peer.test now: %s", a.URI)
	}
	// An actor that claims the account domain of another peer keeps its own host's.
	eve.docs["/u/mal"] = strings.ReplaceAll(strings.Replace(eve.docs["/u/eve"], `"type":"Person"`, `"type":"Person","webfinger":"mal@peer.test"`, 1), "/u/eve", "/u/mal")
	eve.docs["/u/mal"] = strings.Replace(eve.docs["/u/mal"], `"preferredUsername":"eve"`, `"preferredUsername":"mal"`, 1)
	answer = ""
	if a, err := ana.c.federation.Actor(ctx, "https://evil.test/u/mal"); err != nil || a.Domain != "evil.test" {
		t.Errorf("an actor of evil.test is at %+v (%v)", a, err)
	}
	n.update("siege.test", func(tx *storage.Tx) error {
		err := tx.SavePeer(ctx, &storage.Peer{Host: "evil.test", Tier: storage.Partner, State: storage.PeerActive, AccountDomains: []string{"peer.test"}})
		if err == nil {
			t.Error("a peer may have another peer's domain for its accounts")
		}
		return nil
	})
}

func TestOneHostHasOneNameHoweverItIsWritten(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	n.person("ana@siege.test")
	bob := n.stranger("peer.test", "bob")
	n.openly("siege.test", "peer.test")
	before := n.rows("siege.test")
	for _, host := range []string{"реer.test", "peer.test.", "peer%2etest", "peer．test", "xn--er-8kcb.test", "peer.test:444", "eve@peer.test", "peer.test\\@evil.test", "[::1]", "peer.test%00.evil.test"} {
		body := strings.ReplaceAll(bob.create("bob", "1", "hello", ""), "https://peer.test/", "https://"+host+"/")
		if got := bob.deliver("siege.test", "/inbox", "bob", body); got < 400 && got != http.StatusAccepted || got >= 500 {
			t.Errorf("%s: answered %d", host, got)
		}
		n.settle()
	}
	if after := n.rows("siege.test"); strip(after) != strip(before) {
		t.Errorf("hosts that look alike changed\n%s into\n%s", before, after)
	}
}
