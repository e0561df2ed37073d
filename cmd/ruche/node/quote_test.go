package node

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"ruche/outbox"
	"ruche/storage"
	"ruche/storage/storagetest"
)

func (p *testPerson) quotes(text string, quoted int64) *storage.Post {
	p.t.Helper()
	post, err := p.c.outbox.Post(context.Background(), p.me, outbox.Draft{Text: text, Visibility: storage.Public, Quote: quoted})
	if err != nil {
		p.t.Fatal(err)
	}
	return post
}

// shown says how a person is shown the quote in a post: its state, and the words of what it quotes if they see them.
func (p *testPerson) shown(post int64) string {
	p.t.Helper()
	found, err := p.c.db.QuotesOf(context.Background(), p.me.ID, []int64{post})
	if err != nil {
		p.t.Fatal(err)
	}
	q := found[post]
	switch {
	case q == nil:
		return "none"
	case q.QuotedGone:
		return q.State + ", gone"
	case q.Quoted == nil:
		return q.State
	}
	return q.State + ": " + q.Quoted.HTML
}

func (p *testPerson) policy(post int64, policy string) {
	p.t.Helper()
	if _, err := p.c.outbox.SetQuotePolicy(context.Background(), p.me, post, policy); err != nil {
		p.t.Fatal(err)
	}
}

func TestAQuoteIsShownWithLeaveAndHiddenWhenItIsTakenBack(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		databases := []string{url}
		n := startCores(t, nextDatabase(t, &databases), "siege.test", "labo.test", "partenaire.test")
		ctx := context.Background()
		ana, luc, zoe := n.person("ana@siege.test"), n.person("luc@labo.test"), n.person("zoe@partenaire.test")
		ana.follows("luc@labo.test")
		luc.follows("ana@siege.test")
		zoe.follows("luc@labo.test")
		n.settle()
		mine := ana.posts("the bees came back", storage.Public)
		n.settle()
		quoting := luc.quotes("what news", luc.reads("the bees came back").ID)
		if got := luc.shown(quoting.ID); got != storage.QuotePending {
			t.Errorf("before ana's node answers, luc's quote is %q", got)
		}
		n.settle()
		const accepted = "accepted: <p>the bees came back</p>"
		if got := luc.shown(quoting.ID); got != accepted {
			t.Errorf("luc sees %q", got)
		}
		if got := ana.shown(ana.reads("what news").ID); got != accepted {
			t.Errorf("ana sees %q", got)
		}
		if got := zoe.shown(zoe.reads("what news").ID); got != accepted {
			t.Errorf("on a third node zoe sees %q", got)
		}
		if got := ana.told(storage.NotifyQuote); len(got) != 1 || got[0].PostID != ana.reads("what news").ID {
			t.Errorf("ana is told of the quote %d times", len(got))
		}
		if p, err := ana.c.db.PostByID(ctx, mine.ID); err != nil || p.QuotesCount != 1 {
			t.Errorf("ana's post counts %d quotes (%v)", p.QuotesCount, err)
		}
		if in, err := ana.c.db.QuotedIn(ctx, ana.me.ID, mine.ID, storage.Page{}); err != nil || len(in) != 1 {
			t.Errorf("ana's post is quoted in %d posts (%v)", len(in), err)
		}

		// An edit keeps the quote.
		if _, err := luc.c.outbox.Edit(ctx, luc.me, quoting.ID, outbox.Edit{Text: "what great news"}); err != nil {
			t.Fatal(err)
		}
		n.settle()
		if p := zoe.reads("what great news"); zoe.shown(p.ID) != accepted || !strings.Contains(p.HTML, "quote-inline") {
			t.Errorf("after an edit zoe sees %q in %s", zoe.shown(p.ID), p.HTML)
		}

		if err := ana.c.outbox.RevokeQuote(ctx, ana.me, mine.ID, ana.reads("what great news").ID); err != nil {
			t.Fatal(err)
		}
		n.settle()
		for _, who := range []*testPerson{ana, luc, zoe} {
			if got := who.shown(who.reads("what great news").ID); got != storage.QuoteRevoked {
				t.Errorf("after ana took her leave back, %s sees %q", who.me.Username, got)
			}
		}
		if p, err := ana.c.db.PostByID(ctx, mine.ID); err != nil || p.QuotesCount != 0 {
			t.Errorf("ana's post counts %d quotes (%v)", p.QuotesCount, err)
		}
	})
}

func TestAQuoteThatItsAuthorDoesNotWishIsRefused(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test", "labo.test")
	ctx := context.Background()
	ana, luc := n.person("ana@siege.test"), n.person("luc@labo.test")
	luc.follows("ana@siege.test")
	n.settle()
	refuses := func(who *testPerson, post int64, why string) {
		t.Helper()
		if _, err := who.c.outbox.Post(ctx, who.me, outbox.Draft{Text: "look", Quote: post}); !errors.Is(err, outbox.ErrInvalid) {
			t.Errorf("%s: got %v, want it refused in words", why, err)
		}
	}
	private := ana.posts("for followers", storage.Followers)
	fan := n.person("fan@siege.test")
	fan.follows("ana@siege.test")
	refuses(fan, private.ID, "on the same node, a post for followers")
	mine := ana.posts("open so far", storage.Public)
	n.settle()
	refuses(luc, luc.reads("for followers").ID, "a post for followers")
	theirs := luc.reads("open so far").ID
	ana.policy(mine.ID, storage.QuoteNobody)
	eve := n.person("eve@siege.test")
	refuses(eve, mine.ID, "on the same node, a post that nobody may quote")
	// Luc's node hasn't heard of it, and asks: it is told no.
	quoting := luc.quotes("too late", theirs)
	n.settle()
	if got := luc.shown(quoting.ID); got != storage.QuoteRejected {
		t.Errorf("a quote against the author's wish is %q", got)
	}
	if got := ana.told(storage.NotifyQuote); len(got) != 0 {
		t.Errorf("ana is told of a refused quote %d times", len(got))
	}
	refuses(luc, theirs, "by now luc's node knows")

	// Followers only: luc, who follows, may; eve may not.
	ana.policy(mine.ID, storage.QuoteFollowers)
	n.settle()
	refuses(eve, mine.ID, "who doesn't follow")
	again := luc.quotes("as a follower", theirs)
	n.settle()
	if got := luc.shown(again.ID); !strings.HasPrefix(got, storage.QuoteAccepted) {
		t.Errorf("a follower's quote is %q", got)
	}
	if err := ana.c.outbox.Block(ctx, ana.me, ana.finds("luc@labo.test").ID); err != nil {
		t.Fatal(err)
	}
	n.settle()
	if _, err := luc.c.outbox.Post(ctx, luc.me, outbox.Draft{Text: "blocked", Quote: theirs}); err == nil {
		t.Error("who is blocked can quote")
	}
}

func TestAQuoteOfADeletedPostSaysThatItIsGone(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test", "labo.test")
	ana, luc := n.person("ana@siege.test"), n.person("luc@labo.test")
	luc.follows("ana@siege.test")
	n.settle()
	mine := ana.posts("short-lived", storage.Public)
	own := ana.quotes("and I mean it", mine.ID)
	n.settle()
	if got := ana.shown(own.ID); got != "accepted: <p>short-lived</p>" {
		t.Errorf("a quote of oneself is %q", got)
	}
	if got := luc.shown(luc.reads("and I mean it").ID); got != "accepted: <p>short-lived</p>" {
		t.Errorf("elsewhere a quote of oneself is %q", got)
	}
	if _, err := ana.c.outbox.Delete(context.Background(), ana.me, mine.ID); err != nil {
		t.Fatal(err)
	}
	n.settle()
	for _, who := range []*testPerson{ana, luc} {
		if got := who.shown(who.reads("and I mean it").ID); got != "accepted, gone" {
			t.Errorf("%s sees %q", who.me.Username, got)
		}
	}
}

func TestAQuoteShowsNothingThatItsReaderMayNotSee(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test", "labo.test")
	ctx := context.Background()
	ana, luc, max := n.person("ana@siege.test"), n.person("luc@labo.test"), n.person("max@labo.test")
	luc.follows("ana@siege.test")
	max.follows("luc@labo.test")
	n.settle()
	mine, other := ana.posts("ana's words", storage.Public), ana.posts("another of hers", storage.Public)
	n.settle()
	luc.quotes("see there", luc.reads("ana&#39;s words").ID)
	n.settle()
	if got := max.shown(max.reads("see there").ID); got != "accepted: <p>ana&#39;s words</p>" {
		t.Errorf("max is shown %q", got)
	}
	if err := ana.c.outbox.Block(ctx, ana.me, ana.finds("max@labo.test").ID); err != nil {
		t.Fatal(err)
	}
	n.settle()
	if got := max.shown(max.reads("see there").ID); got != storage.QuoteAccepted {
		t.Errorf("max, whom ana blocks, is shown %q", got)
	}
	in, err := ana.c.db.QuotedIn(ctx, ana.me.ID, mine.ID, storage.Page{})
	if err != nil || len(in) != 1 {
		t.Fatal(err, len(in))
	}
	for name, try := range map[string]func() error{
		"as a quote of another post":   func() error { return ana.c.outbox.RevokeQuote(ctx, ana.me, other.ID, in[0].ID) },
		"by somebody else of the node": func() error { return ana.c.outbox.RevokeQuote(ctx, n.person("eve@siege.test").me, mine.ID, in[0].ID) },
	} {
		if err := try(); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("taken back %s: %v", name, err)
		}
	}
}

// stampDoc makes what a peer serves as its leave.
func stampDoc(id, author, quoting, quoted string) string {
	return fmt.Sprintf(`{"id":%q,"type":"QuoteAuthorization","attributedTo":%q,"interactingObject":%q,"interactionTarget":%q}`, id, author, quoting, quoted)
}

// PROTOCOL: an approval is bound to the quote, the quoted post and its author, on the author's host.
func TestOnlyAStampOfTheQuotedAuthorCounts(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ana := n.person("ana@siege.test")
	bob, eve := n.stranger("peer.test", "bob", "mallory"), n.stranger("evil.test", "eve")
	n.openly("siege.test", "peer.test")
	n.openly("siege.test", "evil.test")
	for _, who := range []string{"bob@peer.test", "eve@evil.test"} {
		ana.finds(who)
	}
	quoted := "https://peer.test/n/q"
	bob.docs["/n/q"] = fmt.Sprintf(`{"id":%q,"type":"Note","attributedTo":%q,"content":"bob's words","to":["as:Public"]}`, quoted, bob.id("bob"))
	bob.docs["/n/private"] = fmt.Sprintf(`{"id":"https://peer.test/n/private","type":"Note","attributedTo":%q,"content":"bob's secret","to":[%q]}`, bob.id("bob"), bob.id("bob")+"/followers")
	for i, tc := range []struct {
		name, quotes, at, doc, want string
		on                          *stranger
	}{
		{"a good stamp", quoted, "https://peer.test/s/%d", stampDoc("https://peer.test/s/%d", bob.id("bob"), "%s", quoted), "accepted: bob&#39;s words", bob},
		{"for another post", quoted, "https://peer.test/s/%d", stampDoc("https://peer.test/s/%d", bob.id("bob"), "https://evil.test/n/other", quoted), "pending", bob},
		{"for another quoted post", quoted, "https://peer.test/s/%d", stampDoc("https://peer.test/s/%d", bob.id("bob"), "%s", "https://peer.test/n/other"), "pending", bob},
		{"by another author of the host", quoted, "https://peer.test/s/%d", stampDoc("https://peer.test/s/%d", bob.id("mallory"), "%s", quoted), "pending", bob},
		{"with another id", quoted, "https://peer.test/s/%d", stampDoc("https://peer.test/s/0", bob.id("bob"), "%s", quoted), "pending", bob},
		{"of another type", quoted, "https://peer.test/s/%d", strings.Replace(stampDoc("https://peer.test/s/%d", bob.id("bob"), "%s", quoted), "QuoteAuthorization", "Note", 1), "pending", bob},
		{"on the quoting host", quoted, "https://evil.test/s/%d", stampDoc("https://evil.test/s/%d", bob.id("bob"), "%s", quoted), "pending", eve},
		{"for a private post", "https://peer.test/n/private", "https://peer.test/s/%d", stampDoc("https://peer.test/s/%d", bob.id("bob"), "%s", "https://peer.test/n/private"), "pending", bob},
		{"none", quoted, "", "", "pending", bob},
		{"that isn't there", quoted, "https://peer.test/s/%d", "", "pending", bob},
	} {
		note := fmt.Sprintf("https://evil.test/n/%d", i)
		fill := func(s, with string) string {
			return strings.Replace(strings.Replace(s, "%d", fmt.Sprint(i), 1), "%s", with, 1)
		}
		extra := fmt.Sprintf(`,"quote":%q`, tc.quotes)
		if tc.at != "" {
			extra += fmt.Sprintf(`,"quoteAuthorization":%q`, fill(tc.at, ""))
		}
		if tc.doc != "" {
			tc.on.docs[fmt.Sprintf("/s/%d", i)] = fill(tc.doc, note)
		}
		if got := eve.deliver("siege.test", "/inbox", "eve", eve.create("eve", fmt.Sprint(i), "see", extra)); got != http.StatusAccepted {
			t.Fatalf("%s: answered %d", tc.name, got)
		}
		n.settle()
		p, err := ana.c.db.PostByURI(context.Background(), note)
		if err != nil {
			t.Fatal(err)
		}
		if got := ana.shown(p.ID); got != tc.want {
			t.Errorf("a stamp %s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestARequestToQuoteIsAnsweredForItsOwnAuthorOnly(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ctx := context.Background()
	ana := n.person("ana@siege.test")
	bob := n.stranger("peer.test", "bob", "eve")
	n.openly("siege.test", "peer.test")
	mine := ana.posts("quote me", storage.Public)
	hidden := ana.posts("not you", storage.Direct)
	ask := func(id, who, quoted, note string) string {
		return fmt.Sprintf(`{"id":"https://peer.test/ask/%s","type":"QuoteRequest","actor":%q,"object":%q,"instrument":%s}`, id, bob.id(who), quoted, note)
	}
	answers := func(kind string) int {
		count := 0
		for _, body := range bob.posted {
			if strings.Contains(string(body), `"type":"`+kind+`"`) {
				count++
			}
		}
		return count
	}
	send := func(who, body string) {
		t.Helper()
		if got := bob.deliver("siege.test", "/inbox", who, body); got != http.StatusAccepted {
			t.Fatalf("answered %d to %s", got, body)
		}
		n.settle()
	}
	before := n.rows("siege.test")
	send("bob", ask("1", "bob", hidden.URI, `"https://peer.test/n/1"`))
	send("bob", ask("2", "bob", mine.URI, `"https://elsewhere.test/n/1"`))
	send("bob", ask("3", "bob", mine.URI, fmt.Sprintf(`{"id":"https://peer.test/n/1","type":"Note","attributedTo":%q,"quote":%q}`, bob.id("eve"), mine.URI)))
	send("bob", ask("4", "bob", mine.URI, fmt.Sprintf(`{"id":"https://peer.test/n/1","type":"Note","attributedTo":%q,"quote":"https://siege.test/posts/9"}`, bob.id("bob"))))
	if after := n.rows("siege.test"); strip(after) != strip(before) || len(bob.posted) != 0 {
		t.Errorf("requests that can't be granted changed\n%s into\n%s, and were answered %d times", before, after, len(bob.posted))
	}
	send("bob", ask("5", "bob", mine.URI, `"https://peer.test/n/1"`))
	if answers("Accept") != 1 {
		t.Fatalf("a good request is answered with %d Accepts: %q", answers("Accept"), bob.posted)
	}
	// Eve can't use the leave that bob has, nor ask for one in the name of his post.
	send("eve", ask("6", "eve", mine.URI, `"https://peer.test/n/1"`))
	if answers("Accept") != 1 {
		t.Error("eve got leave for bob's post")
	}
	send("eve", ask("7", "eve", mine.URI, `"https://peer.test/n/2"`))
	if err := ana.c.outbox.Block(ctx, ana.me, ana.finds("eve@peer.test").ID); err != nil {
		t.Fatal(err)
	}
	granted := answers("Accept")
	send("eve", ask("7b", "eve", mine.URI, `"https://peer.test/n/3"`))
	if answers("Accept") != granted {
		t.Error("eve, whom ana blocks, got leave")
	}
	send("bob", bob.create("bob", "2", "bob quotes", fmt.Sprintf(`,"quote":%q`, mine.URI)))
	p, err := ana.c.db.PostByURI(ctx, "https://peer.test/n/2")
	if err != nil {
		t.Fatal(err)
	}
	if got := ana.shown(p.ID); got != storage.QuotePending {
		t.Errorf("with leave that eve asked for, bob's post is %q", got)
	}
	send("bob", bob.create("bob", "1", "bob quotes with leave", fmt.Sprintf(`,"quote":%q`, mine.URI)))
	if p, err = ana.c.db.PostByURI(ctx, "https://peer.test/n/1"); err != nil {
		t.Fatal(err)
	}
	if got := ana.shown(p.ID); got != "accepted: <p>quote me</p>" {
		t.Errorf("with leave, bob's post is %q", got)
	}
	// A leave that was taken back isn't given again for the asking.
	if err := ana.c.outbox.RevokeQuote(ctx, ana.me, mine.ID, p.ID); err != nil {
		t.Fatal(err)
	}
	n.settle()
	if answers("Delete") == 0 {
		t.Error("bob's node isn't told that the leave is taken back")
	}
	accepts := answers("Accept")
	send("bob", ask("8", "bob", mine.URI, `"https://peer.test/n/1"`))
	if answers("Accept") != accepts || answers("Reject") == 0 {
		t.Errorf("asked again after it was taken back: %d Accepts, %d Rejects", answers("Accept"), answers("Reject"))
	}
	if got := ana.shown(p.ID); got != storage.QuoteRevoked {
		t.Errorf("the quote is %q", got)
	}
}

func TestNobodyElseAnswersOrRevokesAQuote(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ctx := context.Background()
	ana := n.person("ana@siege.test")
	bob := n.stranger("peer.test", "bob", "eve")
	n.openly("siege.test", "peer.test")
	ana.finds("bob@peer.test")
	bob.deliver("siege.test", "/inbox", "bob", bob.create("bob", "q", "bob's words", ""))
	n.settle()
	theirs, err := ana.c.db.PostByURI(ctx, "https://peer.test/n/q")
	if err != nil {
		t.Fatal(err)
	}
	mine := ana.quotes("hear bob", theirs.ID)
	n.settle()
	q, err := ana.c.db.QuoteOf(ctx, mine.ID)
	if err != nil || q.RequestURI == "" {
		t.Fatal(err, q)
	}
	say := func(who, body string) {
		t.Helper()
		if got := bob.deliver("siege.test", "/inbox", who, body); got != http.StatusAccepted {
			t.Fatalf("answered %d to %s", got, body)
		}
		n.settle()
	}
	accept := func(id, who, stamp string) string {
		return fmt.Sprintf(`{"id":"https://peer.test/a/%s","type":"Accept","actor":%q,"object":%q,"result":%q}`, id, bob.id(who), q.RequestURI, stamp)
	}
	say("eve", accept("1", "eve", "https://peer.test/s/1"))
	say("bob", accept("2", "bob", "https://elsewhere.test/s/1"))
	say("bob", accept("3", "bob", ""))
	if got := ana.shown(mine.ID); got != storage.QuotePending {
		t.Errorf("after answers that don't count, the quote is %q", got)
	}
	say("bob", accept("4", "bob", "https://peer.test/s/1"))
	say("eve", fmt.Sprintf(`{"id":"https://peer.test/d/1","type":"Delete","actor":%q,"object":"https://peer.test/s/1"}`, bob.id("eve")))
	say("eve", fmt.Sprintf(`{"id":"https://peer.test/d/2","type":"Reject","actor":%q,"object":%q}`, bob.id("eve"), q.RequestURI))
	if got := ana.shown(mine.ID); got != "accepted: bob&#39;s words" {
		t.Errorf("after bob's leave and eve's lies, the quote is %q", got)
	}
	say("bob", fmt.Sprintf(`{"id":"https://peer.test/d/3","type":"Delete","actor":%q,"object":"https://peer.test/s/1"}`, bob.id("bob")))
	say("bob", accept("4", "bob", "https://peer.test/s/1"))
	if got := ana.shown(mine.ID); got != storage.QuoteRevoked {
		t.Errorf("after bob took it back, and a replay of his leave, the quote is %q", got)
	}
}

func TestAStampIsServedToThoseWhoMayReadThePostOnly(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test", "labo.test")
	ctx := context.Background()
	ana, luc := n.person("ana@siege.test"), n.person("luc@labo.test")
	luc.follows("ana@siege.test")
	n.settle()
	mine := ana.posts("stamped", storage.Public)
	n.settle()
	luc.quotes("with a stamp", luc.reads("stamped").ID)
	n.settle()
	q, err := ana.c.db.QuoteByURIs(ctx, luc.reads("with a stamp").URI, mine.URI)
	if err != nil || q.State != storage.QuoteAccepted {
		t.Fatal(err, q)
	}
	quoted, err := luc.c.db.PostByURI(ctx, mine.URI)
	if err != nil {
		t.Fatal(err)
	}
	if err := luc.c.federation.VerifyQuote(ctx, q, quoted); err != nil {
		t.Errorf("luc's node can't verify the stamp: %v", err)
	}
	unsigned := n.get("siege.test", strings.TrimPrefix(q.ApprovalURI, "https://siege.test"))
	if unsigned != http.StatusUnauthorized {
		t.Errorf("without a signature the stamp is answered with %d", unsigned)
	}
	if err := ana.c.outbox.RevokeQuote(ctx, ana.me, mine.ID, q.PostID); err != nil {
		t.Fatal(err)
	}
	if err := luc.c.federation.VerifyQuote(ctx, q, quoted); err == nil {
		t.Error("a stamp that was taken back is served")
	}
}

// get asks a node for a path without a signature, and gives the status.
func (n *testNodes) get(host, path string) int {
	n.t.Helper()
	r, err := http.NewRequest(http.MethodGet, "https://"+host+path, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	res, err := n.net.Do(r)
	if err != nil {
		n.t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}
