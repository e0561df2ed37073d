package node

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"ruche/storage"
	"ruche/storage/storagetest"
)

// What this node tells who asks: how much, and in which words it refuses.

// answer asks a node for a path without a signature, and gives the whole answer.
func (n *testNodes) answer(ctx context.Context, host, path, accept string, header ...string) *httptest.ResponseRecorder {
	n.t.Helper()
	r := httptest.NewRequest(http.MethodGet, "https://"+host+path, nil).WithContext(ctx)
	r.Host = host
	r.Header.Set("Accept", accept)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	n.net.nodes[host].ServeHTTP(w, r)
	return w
}

const activityJSON = "application/activity+json"

func TestWebFingerAndNodeInfoAnswerAboutThisNodeOnly(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ctx := context.Background()
	ana, sus, gone := n.person("ana@siege.test"), n.person("sus@siege.test"), n.person("gone@siege.test")
	bob := n.stranger("peer.test", "bob")
	n.openly("siege.test", "peer.test")
	ana.finds("bob@peer.test")
	n.update("siege.test", func(tx *storage.Tx) error {
		_, err := tx.SuspendAccount(ctx, sus.me.ID)
		ok(t, err)
		return tx.EndAccount(ctx, gone.me.ID)
	})
	for resource, want := range map[string]int{
		"":                           400,
		strings.Repeat("a", 2049):    400,
		"acct:ana@siege.test":        200,
		"@ana@siege.test":            200,
		"acct:nobody@siege.test":     404,
		"acct:ana":                   404,
		"acct:ana@":                  404,
		"acct:ana@evil.test":         404,
		"acct:bob@peer.test":         404,
		bob.id("bob"):                404,
		"https://siege.test/":        200,
		"https://siege.test/@ana":    200,
		"https://siege.test/@nobody": 404,
		"acct:sus@siege.test":        410,
		"acct:gone@siege.test":       404,
	} {
		if w := n.answer(ctx, "siege.test", "/.well-known/webfinger?resource="+url.QueryEscape(resource), "*/*"); w.Code != want {
			t.Errorf("%.40q: answered %d %s, want %d", resource, w.Code, w.Body, want)
		}
	}
	for version, want := range map[string]int{"2.0": 200, "2.1": 200, "1.0": 404, "3.0": 404} {
		if w := n.answer(ctx, "siege.test", "/nodeinfo/"+version, "*/*"); w.Code != want {
			t.Errorf("NodeInfo %s: %d, want %d", version, w.Code, want)
		}
	}
	bobs := ana.finds("bob@peer.test")
	for path, want := range map[string]int{
		fmt.Sprintf("/users/%d", ana.me.ID):  200,
		fmt.Sprintf("/users/%d", bobs.ID):    404,
		fmt.Sprintf("/users/%d", gone.me.ID): 410,
		fmt.Sprintf("/users/%d", sus.me.ID):  200,
		"/users/17":                          404,
		"/users/x":                           404,
	} {
		if w := n.answer(ctx, "siege.test", path, activityJSON); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
	// A list is of somebody who is here.
	for path, want := range map[string]int{
		fmt.Sprintf("/users/%d/followers", ana.me.ID):  200,
		fmt.Sprintf("/users/%d/followers", bobs.ID):    404,
		fmt.Sprintf("/users/%d/followers", gone.me.ID): 404,
		fmt.Sprintf("/users/%d/followers", sus.me.ID):  404,
		"/users/17/followers":                          404,
	} {
		if got, _ := bob.ask("siege.test", path, "bob"); got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
}

func TestABrowserIsShownThePageAndAServerTheDocument(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ctx := context.Background()
	ana := n.person("ana@siege.test")
	post := ana.posts("hello", storage.Public)
	for _, path := range []string{fmt.Sprintf("/users/%d", ana.me.ID), fmt.Sprintf("/posts/%d", post.ID)} {
		if w := n.answer(ctx, "siege.test", path, "text/html,*/*;q=0.8"); w.Code != http.StatusFound {
			t.Errorf("%s: a browser is answered %d", path, w.Code)
		}
		for _, accept := range []string{"text/html, " + activityJSON, `application/ld+json; profile="https://www.w3.org/ns/activitystreams", text/html`} {
			if w := n.answer(ctx, "siege.test", path, accept); w.Code == http.StatusFound {
				t.Errorf("%s: who takes %q is sent to the page", path, accept)
			}
		}
	}
}

func TestAPostIsReadByThoseWhoMayAndTheRestLearnNothing(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test", "labo.test")
	ctx := context.Background()
	ana, luc := n.person("ana@siege.test"), n.person("luc@labo.test")
	bob := n.stranger("peer.test", "bob")
	n.openly("siege.test", "peer.test")
	luc.follows("ana@siege.test")
	n.settle()
	public, close := ana.posts("for all", storage.Public), ana.posts("for those I know", storage.Followers)
	bob.deliver("siege.test", "/inbox", "bob", bob.create("bob", "1", "bob's own words", ""))
	n.settle()
	theirs, err := ana.c.db.PostByURI(ctx, "https://peer.test/n/1")
	ok(t, err)
	path := func(p *storage.Post) string { return fmt.Sprintf("/posts/%d", p.ID) }

	// A bad signature is answered once, whatever is asked for.
	for _, at := range []string{path(public), fmt.Sprintf("/users/%d", ana.me.ID), fmt.Sprintf("/users/%d/followers", ana.me.ID)} {
		for _, accept := range []string{activityJSON, "text/html"} {
			w := n.answer(ctx, "siege.test", at, accept, "Signature", "rubbish")
			var said map[string]string
			if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || w.Code != http.StatusBadRequest || said["error"] == "" {
				t.Errorf("%s for %s: answered %d %s (%v)", at, accept, w.Code, w.Body, err)
			}
		}
	}
	if w := n.answer(ctx, "siege.test", path(public), activityJSON); w.Code != http.StatusUnauthorized {
		t.Errorf("without a signature: %d", w.Code)
	}

	node := n.cores["siege.test"].federation
	node.PublicPages = true
	for p, want := range map[*storage.Post]int{public: 200, close: 404, theirs: 404} {
		if w := n.answer(ctx, "siege.test", path(p), activityJSON); w.Code != want {
			t.Errorf("where pages are public, %q is answered %d, want %d", p.HTML, w.Code, want)
		}
	}
	ended, end := context.WithCancel(ctx)
	end()
	if w := n.answer(ended, "siege.test", path(public), activityJSON); w.Code != http.StatusInternalServerError {
		t.Errorf("a database that doesn't answer: %d, want 500", w.Code)
	}
	node.PublicPages = false

	// Who had a post learns that it is gone; who never did learns nothing.
	if _, err := ana.c.outbox.Delete(ctx, ana.me, close.ID); err != nil {
		t.Fatal(err)
	}
	if got := n.asks("labo.test", close.URI); !strings.HasPrefix(got, "410 ") || !strings.Contains(got, "Tombstone") {
		t.Errorf("who had it reads %s", got)
	}
	if got, _ := bob.ask("siege.test", path(close), "bob"); got != 404 {
		t.Errorf("who never had it is answered %d", got)
	}
}
