package node

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"ruche/storage"
	"ruche/storage/storagetest"
)

func TestNobodyButACommunitySpeaksForIt(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test", "labo.test")
	ana, luc := n.person("ana@siege.test"), n.person("luc@labo.test")
	lemmy := n.stranger("peer.test", "club", "other", "bob", "eve", "idle")
	for _, g := range []string{"club", "other", "idle"} {
		lemmy.group(g)
	}
	n.allow("siege.test", "peer.test")
	for _, g := range []string{"club", "other", "bob", "eve"} {
		lemmy.accepts(ana, g)
	}
	lemmy.writes("bob", "in", "", fmt.Sprintf(`,"audience":%q`, lemmy.id("club")))
	lemmy.writes("bob", "elsewhere", "", "")
	lemmy.writes("bob", "idle", "", fmt.Sprintf(`,"audience":%q`, lemmy.id("idle")))
	// What bob wrote for his followers alone, whom ana is one of, goes nowhere else, whatever it is addressed to.
	if got := lemmy.deliver("siege.test", "/inbox", "bob", fmt.Sprintf(`{"id":"https://peer.test/n/own/create","type":"Create","actor":%[1]q,"to":["%[1]s/followers"],"object":{"id":"https://peer.test/n/own","type":"Note","attributedTo":%[1]q,"content":"among us","to":["%[1]s/followers"],"audience":%[2]q}}`, lemmy.id("bob"), lemmy.id("club"))); got != http.StatusAccepted {
		t.Fatalf("a post for followers is answered %d", got)
	}
	n.settle()
	if p, err := ana.c.db.PostByURI(t.Context(), "https://peer.test/n/own"); err != nil || p.Visibility != storage.Followers {
		t.Fatalf("a post for followers is kept as %+v (%v)", p, err)
	}
	lucs := luc.posts("luc is no member", storage.Public)
	announce := func(by, id, inner string) {
		t.Helper()
		body := fmt.Sprintf(`{"id":"https://peer.test/a/%s","type":"Announce","actor":%q,"to":[%q],"cc":["%s/followers"],"object":%s}`, id, lemmy.id(by), public, lemmy.id(by), inner)
		if got := lemmy.deliver("siege.test", "/inbox", by, body); got != http.StatusAccepted {
			t.Fatalf("%s: answered %d", id, got)
		}
		n.settle()
	}
	create := func(note, author, words string) string {
		return fmt.Sprintf(`{"id":"https://peer.test/n/%s/create","type":"Create","actor":%q,"to":[%q],"object":{"id":"https://peer.test/n/%s","type":"Note","attributedTo":%q,"content":%q,"audience":%q,"to":[%q]}}`, note, author, public, note, author, words, lemmy.id("club"), public)
	}
	before := n.rows("siege.test")
	for name, tc := range map[string]struct{ by, inner string }{
		"a person announces an activity":           {"eve", create("in", lemmy.id("bob"), "forged")},
		"another community":                        {"other", create("in", lemmy.id("bob"), "forged")},
		"a post that wasn't written for it":        {"club", create("elsewhere", lemmy.id("bob"), "forged")},
		"a post for its author's followers":        {"club", `"https://peer.test/n/own"`},
		"a post that isn't there":                  {"club", create("nothing", lemmy.id("bob"), "forged")},
		"a community without members here":         {"idle", create("idle", lemmy.id("bob"), "forged")},
		"an actor elsewhere than the post":         {"club", create("in", luc.me.URI, "forged")},
		"the deletion of a post that isn't in it":  {"club", fmt.Sprintf(`{"id":"https://peer.test/d","type":"Delete","actor":%q,"object":%q}`, lemmy.id("eve"), lucs.URI)},
		"a Follow in somebody's name":              {"club", fmt.Sprintf(`{"id":"https://peer.test/f","type":"Follow","actor":%q,"object":%q}`, lemmy.id("bob"), ana.me.URI)},
		"a Like in somebody's name":                {"club", fmt.Sprintf(`{"id":"https://peer.test/l","type":"Like","actor":%q,"object":%q}`, lemmy.id("bob"), lucs.URI)},
		"an activity that isn't one":               {"club", `{"id":"https://peer.test/x","type":"Create"}`},
		"an update of a post that isn't in it":     {"club", fmt.Sprintf(`{"id":"https://peer.test/u","type":"Update","actor":%q,"object":%q}`, luc.me.URI, lucs.URI)},
		"a Create on another host than its object": {"club", strings.Replace(create("in", lemmy.id("bob"), "forged"), `"id":"https://peer.test/n/in/create"`, `"id":"https://labo.test/n/in/create"`, 1)},
	} {
		announce(tc.by, strings.NewReplacer(" ", "-", "'", "").Replace(name), tc.inner)
		ana.sees("forged", 0)
		ana.sees("words of", 0)
	}
	if after := n.rows("siege.test"); !strings.Contains(after, "community_posts:0") {
		t.Errorf("forgeries changed\n%s into\n%s", before, after)
	}
	// The community itself is believed about what is in it, and its words come from their author's host.
	announce("club", "good", create("in", lemmy.id("bob"), "forged"))
	announce("club", "good-2", `"https://peer.test/n/in"`)
	ana.sees("words of in", 1)
	ana.sees("forged", 0)
	lemmy.writes("bob", "in2", "", fmt.Sprintf(`,"audience":%q`, lemmy.id("club")))
	lemmy.docs["/n/in2/create"] = create("in2", lemmy.id("bob"), "forged")
	announce("club", "by-its-id", `"https://peer.test/n/in2/create"`)
	ana.sees("words of in2", 1)
	// What its author changed is read anew; what its moderator removed is out.
	lemmy.docs["/n/in"] = strings.Replace(lemmy.docs["/n/in"], "words of in", "new words of in", 1)
	lemmy.docs["/n/in"] = strings.Replace(lemmy.docs["/n/in"], `"type":"Note"`, `"type":"Note","updated":"2026-11-21T00:00:00Z"`, 1)
	n.advance(48 * 3600e9)
	announce("club", "update", fmt.Sprintf(`{"id":"https://peer.test/u/1","type":"Update","actor":%q,"object":{"id":"https://peer.test/n/in","type":"Note","attributedTo":%q,"content":"forged","updated":"2026-11-22T00:00:00Z"}}`, lemmy.id("bob"), lemmy.id("bob")))
	ana.sees("new words of in", 1)
	ana.sees("forged", 0)
	announce("club", "delete", fmt.Sprintf(`{"id":"https://peer.test/d/1","type":"Delete","actor":%q,"object":"https://peer.test/n/in"}`, lemmy.id("eve")))
	ana.sees("new words of in", 0)
	if p := n.postAt(ana, "https://peer.test/n/in"); !p.DeletedAt.IsZero() {
		t.Error("a moderator deleted somebody's post")
	}
	announce("club", "back", create("in", lemmy.id("bob"), "words"))
	ana.sees("new words of in", 0)
	// What its author deleted is gone, if its host says so.
	announce("club", "author-delete", fmt.Sprintf(`{"id":"https://peer.test/d/2","type":"Delete","actor":%q,"object":"https://peer.test/n/in2"}`, lemmy.id("bob")))
	if p := n.postAt(ana, "https://peer.test/n/in2"); !p.DeletedAt.IsZero() {
		t.Error("a community deleted somebody's post")
	}
	delete(lemmy.docs, "/n/in2")
	announce("club", "author-delete-2", fmt.Sprintf(`{"id":"https://peer.test/d/3","type":"Delete","actor":%q,"object":"https://peer.test/n/in2"}`, lemmy.id("bob")))
	if p := n.postAt(ana, "https://peer.test/n/in2"); p.DeletedAt.IsZero() {
		t.Error("a post whose host says that it is gone is still here")
	}
}
