package node

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"ruche/storage"
	"ruche/storage/storagetest"
)

// What comes in by the inbox, case by case where one thing alone is wrong with it.

// counted says how often a node refused something for a reason.
func (n *testNodes) counted(at, reason string) float64 {
	n.t.Helper()
	return refusals(n.t.(*testing.T), n.cores[at])[reason]
}

func TestTheSizeOfABodyIsBoundedWhetherItIsSaidOrNot(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	post := func(body io.Reader, length int64) int {
		r := httptest.NewRequest(http.MethodPost, "https://siege.test/inbox", body)
		r.Header.Set("Content-Type", "application/activity+json")
		r.ContentLength = length
		w := httptest.NewRecorder()
		n.net.nodes["siege.test"].ServeHTTP(w, r)
		return w.Code
	}
	if got := post(unread{t}, 1<<20+1); got != http.StatusRequestEntityTooLarge {
		t.Errorf("a body that says that it is too large is answered %d", got)
	}
	if got := post(strings.NewReader(strings.Repeat(" ", 1<<20+1)), -1); got != http.StatusRequestEntityTooLarge {
		t.Errorf("a body that is too large is answered %d", got)
	}
	if got := post(strings.NewReader(strings.Repeat(" ", 1<<20)), -1); got != http.StatusUnauthorized {
		t.Errorf("the largest body is answered %d", got)
	}
}

// unread is a body that nobody may begin to read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("a body that is too large is read")
	return 0, io.EOF
}

func TestWhoeverIsGoneSaysNothingMore(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ctx := context.Background()
	ana := n.person("ana@siege.test")
	bob, eve := n.stranger("peer.test", "bob"), n.stranger("evil.test", "eve", "ghost")
	n.openly("siege.test", "peer.test")
	n.openly("siege.test", "evil.test")
	bobs := ana.finds("bob@peer.test")
	n.update("siege.test", func(tx *storage.Tx) error { return tx.EndAccount(ctx, bobs.ID) })
	if got := bob.deliver("siege.test", "/inbox", "bob", bob.create("bob", "1", "hello", "")); got >= 500 {
		t.Errorf("answered %d", got)
	}
	n.settle()
	if _, err := ana.c.db.PostByURI(ctx, "https://peer.test/n/1"); err == nil || n.counted("siege.test", "deleted_actor") != 1 {
		t.Errorf("somebody who was deleted posts (%v)", err)
	}

	// A Delete of oneself with a key that is gone is believed of nobody else, and of no stranger.
	delete(eve.docs, "/u/ghost")
	farewell := func(actor string) string {
		return fmt.Sprintf(`{"id":"%[1]s#delete","type":"Delete","actor":%[1]q,"object":%[1]q}`, actor)
	}
	if got := eve.deliver("siege.test", "/inbox", "ghost", farewell(eve.id("ghost"))); got != http.StatusAccepted {
		t.Errorf("the Delete of somebody unknown who is gone is answered %d", got)
	}
	if got := eve.deliver("siege.test", "/inbox", "ghost", farewell("https://peer.test/u/zed")); got != http.StatusUnauthorized {
		t.Errorf("a Delete of somebody on another host is answered %d", got)
	}
	stranger := n.stranger("inconnu.test", "mal")
	if got := stranger.deliver("siege.test", "/inbox", "mal", farewell(stranger.id("mal"))); got != http.StatusForbidden {
		t.Errorf("a stranger's Delete is answered %d", got)
	}
}

func TestWhatIsPassedOnOfAStrangerOrWithoutNeedIsNotLookedAt(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	bob, carl, eve := n.stranger("peer.test", "bob"), n.stranger("labo.test", "carl"), n.stranger("inconnu.test", "eve")
	n.openly("siege.test", "peer.test")
	n.openly("siege.test", "labo.test")
	bob.deliver("siege.test", "/inbox", "bob", bob.create("bob", "1", "hello", ""))
	n.settle()
	before := n.rows("siege.test")
	if got := bob.deliver("siege.test", "/inbox", "bob", eve.create("eve", "1", "hello", "")); got != http.StatusAccepted {
		t.Errorf("a stranger's post in other hands is answered %d", got)
	}
	if n.counted("siege.test", "forwarded_from_stranger") != 1 || n.rows("siege.test") != before {
		t.Errorf("a stranger's post in other hands changed\n%s into\n%s", before, n.rows("siege.test"))
	}
	for i, body := range []string{
		fmt.Sprintf(`{"id":"https://labo.test/l/1","type":"Like","actor":%q,"object":"https://labo.test/n/1"}`, carl.id("carl")),
		fmt.Sprintf(`{"id":"https://labo.test/u/2","type":"Update","actor":%q,"object":"https://peer.test/n/1"}`, carl.id("carl")),
		fmt.Sprintf(`{"id":"https://labo.test/u/3","type":"Delete","actor":%q,"object":"not an address"}`, carl.id("carl")),
	} {
		if got := bob.deliver("siege.test", "/inbox", "bob", body); got >= 500 {
			t.Errorf("answered %d to %s", got, body)
		}
		if got := n.counted("siege.test", "forwarded_unproven"); got != float64(i+1) && i < 2 {
			t.Errorf("%s: counted %v times", body, got)
		}
	}
	n.settle()
	if carl.fetched > 1 { // carl's key, for the proof that isn't there
		t.Errorf("%d documents were fetched", carl.fetched)
	}
}

func TestNobodyUndoesWhatAnotherDidByItsId(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ctx := context.Background()
	ana := n.person("ana@siege.test")
	bob := n.stranger("peer.test", "bob", "eve")
	n.openly("siege.test", "peer.test")
	post := ana.posts("hello", storage.Public)
	send := func(by, body string) {
		t.Helper()
		if got := bob.deliver("siege.test", "/inbox", by, body); got != http.StatusAccepted {
			t.Fatalf("answered %d to %s", got, body)
		}
		n.settle()
	}
	send("bob", fmt.Sprintf(`{"id":"https://peer.test/f/1","type":"Follow","actor":%q,"object":%q}`, bob.id("bob"), ana.me.URI))
	send("bob", fmt.Sprintf(`{"id":"https://peer.test/l/1","type":"Like","actor":%q,"object":%q}`, bob.id("bob"), post.URI))
	send("bob", fmt.Sprintf(`{"id":"https://peer.test/s/1","type":"Announce","actor":%q,"object":%q,"to":["as:Public"]}`, bob.id("bob"), post.URI))
	send("bob", bob.create("bob", "1", "bob's own words", ""))
	for i, id := range []string{"f/1", "l/1", "s/1", "n/1"} {
		send("eve", fmt.Sprintf(`{"id":"https://peer.test/u/%d","type":"Undo","actor":%q,"object":"https://peer.test/%s"}`, i, bob.id("eve"), id))
	}
	// Bob himself deletes his post by a Delete, not by an Undo.
	send("bob", fmt.Sprintf(`{"id":"https://peer.test/u/9","type":"Undo","actor":%q,"object":"https://peer.test/n/1"}`, bob.id("bob")))
	a, err := ana.c.db.AccountByID(ctx, ana.me.ID)
	ok(t, err)
	p, err := ana.c.db.PostByID(ctx, post.ID)
	ok(t, err)
	if a.FollowersCount != 1 || p.LikesCount != 1 || p.SharesCount != 1 {
		t.Errorf("%d follow, %d like, %d share what eve undid", a.FollowersCount, p.LikesCount, p.SharesCount)
	}
	if his, err := ana.c.db.PostByURI(ctx, "https://peer.test/n/1"); err != nil || !his.DeletedAt.IsZero() {
		t.Errorf("bob's post: %+v (%v)", his, err)
	}
}

func TestOnlyAVoteIsAVote(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ctx := context.Background()
	ana := n.person("ana@siege.test")
	bob := n.stranger("peer.test", "bob")
	n.openly("siege.test", "peer.test")
	poll := ana.asks("Rain?", false, 24*3600e9, "yes", "no")
	picture := `,"attachment":[{"type":"Image","url":"https://peer.test/p.png","mediaType":"image/png"}]`
	for i, object := range []string{
		`"type":"Article","name":"yes","inReplyTo":"` + poll.URI + `"`,
		`"type":"Note","inReplyTo":"` + poll.URI + `"`,
		`"type":"Note","name":"yes","content":"if you ask me","inReplyTo":"` + poll.URI + `"`,
		`"type":"Note","name":"yes"`,
		`"type":"Note","name":"yes","inReplyTo":"` + poll.URI + `"` + picture,
	} {
		id := fmt.Sprintf("https://peer.test/n/%d", i)
		body := fmt.Sprintf(`{"id":"%[1]s/create","type":"Create","actor":%[2]q,"to":["as:Public"],"object":{"id":%[1]q,"attributedTo":%[2]q,"to":["as:Public"],%[3]s}}`, id, bob.id("bob"), object)
		if got := bob.deliver("siege.test", "/inbox", "bob", body); got != http.StatusAccepted {
			t.Fatalf("answered %d", got)
		}
		n.settle()
		if _, err := ana.c.db.PostByURI(ctx, id); err != nil {
			t.Errorf("%s is no post: %v", object, err)
		}
	}
	if got := ana.counts(poll.ID); !strings.HasPrefix(got, "yes:0 no:0") {
		t.Errorf("what is no vote counts %s", got)
	}
	// A vote in what isn't here is not kept for later.
	unknown := fmt.Sprintf(`{"id":"https://peer.test/v/1/create","type":"Create","actor":%[1]q,"to":[%[2]q],"object":{"id":"https://peer.test/v/1","type":"Note","name":"yes","attributedTo":%[1]q,"to":[%[2]q],"inReplyTo":"https://siege.test/posts/17"}}`, bob.id("bob"), ana.me.URI)
	bob.deliver("siege.test", "/inbox", "bob", unknown)
	n.settle()
	if n.counted("siege.test", "unknown_post") != 1 {
		t.Error("a vote in an unknown post isn't counted as one")
	}
	// An Update that says of no edit leaves the question as it is.
	question := `{"id":"https://peer.test/q/1/%s","type":"%s","actor":"https://peer.test/u/bob","object":{"id":"https://peer.test/q/1","type":"Question","attributedTo":"https://peer.test/u/bob","content":"Snow?","published":"2026-11-20T08:00:00Z","to":["as:Public"],"endTime":"2026-11-25T08:00:00Z","oneOf":[{"type":"Note","name":"yes"},{"type":"Note","name":"%s"}]}}`
	bob.deliver("siege.test", "/inbox", "bob", fmt.Sprintf(question, "create", "Create", "no"))
	n.settle()
	bob.deliver("siege.test", "/inbox", "bob", fmt.Sprintf(question, "update", "Update", "never"))
	n.settle()
	p, err := ana.c.db.PostByURI(ctx, "https://peer.test/q/1")
	ok(t, err)
	if got := ana.counts(p.ID); !strings.HasPrefix(got, "yes:0 no:0") {
		t.Errorf("an Update without an edit asks %s", got)
	}
}

func TestAnUpdateOfFilesAloneIsAnEdit(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ctx := context.Background()
	ana := n.person("ana@siege.test")
	bob := n.stranger("peer.test", "bob")
	n.openly("siege.test", "peer.test")
	note := func(what string, i int, file, description string) string {
		return fmt.Sprintf(`{"id":"https://peer.test/n/1/%[1]s-%[2]d","type":%[1]q,"actor":"https://peer.test/u/bob","to":["as:Public"],"object":{"id":"https://peer.test/n/1","type":"Note","attributedTo":"https://peer.test/u/bob","content":"look","published":"2026-11-20T08:00:00Z","to":["as:Public"],
			"attachment":[{"type":"Image","mediaType":"image/png","url":"https://peer.test/%[3]s","name":%[4]q}]}}`, what, i, file, description)
	}
	for i, tc := range []struct{ what, file, description string }{{"Create", "a.png", "a bee"}, {"Update", "a.png", "a wasp"}, {"Update", "b.png", "a wasp"}} {
		if got := bob.deliver("siege.test", "/inbox", "bob", note(tc.what, i, tc.file, tc.description)); got != http.StatusAccepted {
			t.Fatal(got)
		}
		n.settle()
		n.advance(60e9)
		p, err := ana.c.db.PostByURI(ctx, "https://peer.test/n/1")
		ok(t, err)
		files, err := ana.c.db.MediaOf(ctx, []int64{p.ID})
		ok(t, err)
		if got := files[p.ID]; len(got) != 1 || got[0].RemoteURL != "https://peer.test/"+tc.file || got[0].Description != tc.description {
			t.Errorf("after %v: %+v", tc, got)
		}
	}
}

func TestAQuoteOfAStrangersPostIsNotLookedFor(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	bob := n.stranger("peer.test", "bob")
	n.openly("siege.test", "peer.test")
	stranger := n.stranger("inconnu.test", "eve")
	bob.deliver("siege.test", "/inbox", "bob", bob.create("bob", "1", "see", `,"quote":"https://inconnu.test/n/1","quoteAuthorization":"https://inconnu.test/stamps/1"`))
	n.settle()
	if n.counted("siege.test", "quoted_from_stranger") != 1 || stranger.fetched != 0 {
		t.Errorf("counted %v, fetched %d", n.counted("siege.test", "quoted_from_stranger"), stranger.fetched)
	}
}

func TestNobodyTakesPostsInButACommunityAndOnlyWhatIsOpen(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ana := n.person("ana@siege.test")
	lemmy := n.stranger("peer.test", "club", "bob", "eve")
	lemmy.group("club")
	n.openly("siege.test", "peer.test")
	for _, name := range []string{"club", "bob", "eve"} {
		lemmy.accepts(ana, name)
	}
	announce := func(by, id, object string) {
		t.Helper()
		body := fmt.Sprintf(`{"id":"https://peer.test/a/%s","type":"Announce","actor":%q,"to":[%q],"cc":["%s/followers"],"object":%q}`, id, lemmy.id(by), public, lemmy.id(by), object)
		if got := lemmy.deliver("siege.test", "/inbox", by, body); got != http.StatusAccepted {
			t.Fatalf("%s: answered %d", id, got)
		}
		n.settle()
	}
	lemmy.deliver("siege.test", "/inbox", "bob", lemmy.create("bob", "1", "to eve", fmt.Sprintf(`,"audience":%q`, lemmy.id("eve"))))
	n.settle()
	announce("eve", "1", "https://peer.test/n/1")
	close := lemmy.create("bob", "2", "for followers", fmt.Sprintf(`,"audience":%q`, lemmy.id("club")))
	close = strings.ReplaceAll(close, `"to":["https://www.w3.org/ns/activitystreams#Public"],"cc"`, `"to"`)
	lemmy.deliver("siege.test", "/inbox", "bob", close)
	n.settle()
	announce("club", "2", "https://peer.test/n/2")
	if after := n.rows("siege.test"); !strings.Contains(after, "community_posts:0") || !strings.Contains(after, "posts:3") {
		t.Errorf("in a community now: %s", after)
	}
}
