package node

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ruche/federation"
	"ruche/federation/peering"
	"ruche/outbox"
	"ruche/storage"
	"ruche/storage/storagetest"
)

func strangers(t testing.TB, hosts ...string) *testNodes {
	return startStrangers(t, func() string { return storagetest.SQLite(t) }, nil, hosts...)
}

func (n *testNodes) peering(host string) *peering.Peering { return n.cores[host].peering }

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func refused(t testing.TB, err error, words string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("got %v, want a refusal that says %q", err, words)
	}
}

func (n *testNodes) invite(at, tier string) string {
	n.t.Helper()
	i, err := n.peering(at).Invite(context.Background(), peering.AllTerms(tier), 0)
	ok(n.t, err)
	return i.Link
}

func (n *testNodes) code(at, of string) string {
	n.t.Helper()
	c, err := n.peering(at).Code(context.Background(), of)
	ok(n.t, err)
	return c.Comparison.Code
}

// link lets two nodes be linked: a invites, b answers, both compare, a confirms.
func (n *testNodes) link(a, b, tier string) {
	n.t.Helper()
	_, err := n.peering(b).Accept(context.Background(), n.invite(a, tier), peering.AllTerms(tier))
	ok(n.t, err)
	if one, other := n.code(a, b), n.code(b, a); one != other || len(one) != 9 {
		n.t.Errorf("the screens show %q and %q", one, other)
	}
	_, err = n.peering(a).Confirm(context.Background(), b)
	ok(n.t, err)
	n.settle()
}

func (n *testNodes) state(at, of string) string {
	n.t.Helper()
	p, err := n.cores[at].db.PeerByHost(context.Background(), of)
	if errors.Is(err, storage.ErrNotFound) {
		return "unknown"
	}
	ok(n.t, err)
	if p.Reason != "" {
		return p.State + " " + p.Reason
	}
	return p.State
}

func (n *testNodes) states(at, of, want string) {
	n.t.Helper()
	if got := n.state(at, of); got != want {
		n.t.Errorf("%s is %q at %s, want %q", of, got, at, want)
	}
}

func TestTwoNodesThatNeverMetAreLinkedByOneInvitation(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		databases := []string{url}
		n := startStrangers(t, nextDatabase(t, &databases), nil, "siege.test", "labo.test")
		ctx := context.Background()
		ana, luc := n.person("ana@siege.test"), n.person("luc@labo.test")
		if _, err := ana.c.federation.Account(ctx, "luc", "labo.test"); !errors.Is(err, federation.ErrNotPeer) {
			t.Fatalf("a stranger is asked: %v", err)
		}
		terms := peering.AllTerms(storage.Partner)
		terms.In.Direct = false
		terms.EndsAt = n.clock().AddDate(1, 0, 0).Truncate(time.Second)
		i, err := n.peering("siege.test").Invite(ctx, terms, 0)
		ok(t, err)
		wishes := peering.AllTerms(storage.Partner)
		wishes.Out.Shares = false
		_, err = n.peering("labo.test").Accept(ctx, i.Link, wishes)
		ok(t, err)
		n.states("siege.test", "labo.test", "invited")
		n.states("labo.test", "siege.test", "awaiting")
		if _, err := ana.c.federation.Account(ctx, "luc", "labo.test"); !errors.Is(err, federation.ErrNotPeer) {
			t.Errorf("before the codes are compared something passes: %v", err)
		}
		if a, b := n.code("siege.test", "labo.test"), n.code("labo.test", "siege.test"); a != b || a == "" {
			t.Errorf("the screens show %q and %q", a, b)
		}
		_, err = n.peering("labo.test").Confirm(ctx, "siege.test")
		refused(t, err, "the other side invited")
		_, err = n.peering("siege.test").Confirm(ctx, "labo.test")
		ok(t, err)
		n.settle()
		for _, pair := range [][2]string{{"siege.test", "labo.test"}, {"labo.test", "siege.test"}} {
			n.states(pair[0], pair[1], "active")
			p, err := n.cores[pair[0]].db.PeerByHost(ctx, pair[1])
			ok(t, err)
			if !p.Linked() || !p.Circles || p.SharedInbox == "" || !p.EndsAt.Equal(terms.EndsAt) {
				t.Errorf("%s knows %+v of %s", pair[0], p, pair[1])
			}
			// What one side keeps back, neither side expects.
			if at := pair[0] == "siege.test"; at && (p.In.Direct || p.In.Shares || !p.Out.Direct || !p.Out.Shares) || !at && (p.Out.Direct || p.Out.Shares || !p.In.Direct || !p.In.Shares) {
				t.Errorf("%s has agreed to in %v, out %v", pair[0], p.In.Names(), p.Out.Names())
			}
		}
		ana.follows("luc@labo.test")
		n.settle()
		luc.posts("hello, new friends", storage.Public)
		n.settle()
		ana.sees("hello, new friends", 1)

		// An invitation is for one; and a link is no link twice.
		_, err = n.peering("labo.test").Accept(ctx, i.Link, wishes)
		refused(t, err, "used")
	})
}

func TestAnInvitationEndsInEveryWayThatItShould(t *testing.T) {
	n := strangers(t, "siege.test", "labo.test", "autre.test")
	ctx := context.Background()
	terms := peering.AllTerms(storage.Partner)

	late := n.invite("siege.test", storage.Partner)
	n.advance(4 * 24 * time.Hour)
	_, err := n.peering("labo.test").Accept(ctx, late, terms)
	refused(t, err, "expired")

	i, err := n.peering("siege.test").Invite(ctx, terms, time.Hour)
	ok(t, err)
	ok(t, n.peering("siege.test").Revoke(ctx, i.ID))
	_, err = n.peering("labo.test").Accept(ctx, i.Link, terms)
	refused(t, err, "revoked")

	// A wrong secret is an invitation that doesn't exist, and nobody is asked anything about it.
	good := n.invite("siege.test", storage.Partner)
	at := strings.Index(good, "#1.") + 3
	swapped := "A"
	if good[at] == 'A' {
		swapped = "B"
	}
	n.net.seen = nil
	_, err = n.peering("labo.test").Accept(ctx, good[:at]+swapped+good[at+1:], terms)
	refused(t, err, "no such invitation")
	if len(n.net.seen) != 1 {
		t.Errorf("a wrong secret makes requests: %v", n.net.seen)
	}
	n.states("siege.test", "labo.test", "unknown")
	n.states("labo.test", "siege.test", "unknown")

	// Codes that aren't compared in time are worth nothing, on either side.
	_, err = n.peering("labo.test").Accept(ctx, good, terms)
	ok(t, err)
	n.advance(peering.CodeLife)
	_, err = n.peering("siege.test").Confirm(ctx, "labo.test")
	if !errors.Is(err, peering.ErrTooLate) {
		t.Errorf("a late confirmation gives %v", err)
	}
	n.advance(2 * time.Hour)
	n.settle()
	n.states("siege.test", "labo.test", "unknown")
	n.states("labo.test", "siege.test", "unknown")

	// Refusing tells the other side, and the link stays worth nothing.
	again := n.invite("siege.test", storage.Partner)
	_, err = n.peering("labo.test").Accept(ctx, again, terms)
	ok(t, err)
	ok(t, n.peering("siege.test").Refuse(ctx, "labo.test"))
	n.settle()
	n.states("siege.test", "labo.test", "unknown")
	n.states("labo.test", "siege.test", "unknown")
	_, err = n.peering("siege.test").Confirm(ctx, "labo.test")
	refused(t, err, "refused already")
	_, err = n.peering("autre.test").Accept(ctx, again, terms)
	refused(t, err, "used")
}

func TestSomebodyInTheMiddleShowsTwoCodes(t *testing.T) {
	n := strangers(t, "siege.test", "labo.test", "milieu.test")
	ctx := context.Background()
	terms := peering.AllTerms(storage.Partner)
	// The invitation for labo falls into other hands, which answer it and hand labo one of their own.
	stolen := n.invite("siege.test", storage.Partner)
	_, err := n.peering("milieu.test").Accept(ctx, stolen, terms)
	ok(t, err)
	_, err = n.peering("labo.test").Accept(ctx, n.invite("milieu.test", storage.Partner), terms)
	ok(t, err)
	if a, b := n.code("siege.test", "milieu.test"), n.code("labo.test", "milieu.test"); a == b {
		t.Errorf("both screens show %s", a)
	}
	// Whoever answers in siege's place has another key than the link names.
	link := n.invite("siege.test", storage.Partner)
	print := link[strings.LastIndex(link, ".")+1:]
	_, err = n.peering("labo.test").Accept(ctx, strings.Replace(link, print, strings.Repeat("0f", 32), 1), terms)
	refused(t, err, "somebody may be in between")
	n.states("labo.test", "siege.test", "unknown")
	// A link that keeps siege's name and has another key is noticed by whoever opens it.
	forged := strings.Replace(n.invite("milieu.test", storage.Partner), "milieu.test", "siege.test", 1)
	_, err = n.peering("labo.test").Accept(ctx, forged, terms)
	refused(t, err, "no such invitation")
	n.states("labo.test", "siege.test", "unknown")
}

func TestAnAnswerInAnotherHostsNameIsRefused(t *testing.T) {
	n := strangers(t, "siege.test", "labo.test")
	ctx := context.Background()
	terms := peering.AllTerms(storage.Partner)
	link := n.invite("siege.test", storage.Partner)
	real := n.cores["labo.test"]
	// It calls itself labo, and isn't where labo is.
	fake, err := newCore(ctx, Config{Domain: "labo.test", PublicURL: "https://labo.test", DataDir: t.TempDir(), DatabaseURL: storagetest.SQLite(t)}, Options{Clock: n.clock, Doer: n.net})
	ok(t, err)
	defer func() { ok(t, fake.close()) }()
	theirs, err := real.db.ServiceActor(ctx)
	ok(t, err)
	ok(t, fake.db.Update(ctx, func(tx *storage.Tx) error {
		a, err := tx.ServiceActor(ctx)
		if err != nil {
			return err
		}
		if err := tx.RemoveServiceActor(ctx, a.ID); err != nil {
			return err
		}
		a.ID = theirs.ID // it knows everything of labo but the key
		return tx.AddAccount(ctx, a)
	}))
	_, err = fake.peering.Accept(ctx, link, terms)
	refused(t, err, "shows another key")
	n.states("siege.test", "labo.test", "unknown")
	// The true one may still answer; but not after five false ones.
	for range storage.InvitationFailures - 1 {
		_, err = fake.peering.Accept(ctx, link, terms)
		refused(t, err, "labo.test")
	}
	_, err = real.peering.Accept(ctx, link, terms)
	refused(t, err, "failed")
}

func TestWhatOneSideChangesOrEndsTheOtherIsTold(t *testing.T) {
	n := strangers(t, "siege.test", "labo.test")
	ctx := context.Background()
	n.link("siege.test", "labo.test", storage.Partner)
	siege := n.cores["siege.test"]
	p, err := siege.db.PeerByHost(ctx, "labo.test")
	ok(t, err)
	p.Out.Shares = false
	ok(t, siege.peering.Save(ctx, p))
	n.settle()
	theirs, err := n.cores["labo.test"].db.PeerByHost(ctx, "siege.test")
	ok(t, err)
	if strings.Contains(theirs.TheirTerms, `"shares"],"out"`) || theirs.TheirTerms == "" {
		t.Errorf("labo heard %s", theirs.TheirTerms)
	}
	ok(t, siege.peering.Suspend(ctx, "labo.test"))
	n.settle()
	if p, _ := n.cores["labo.test"].db.PeerByHost(ctx, "siege.test"); p.TheirState != storage.PeerSuspended || !p.Active() {
		t.Errorf("labo heard that it is %q there, and siege is %s", p.TheirState, p.State)
	}
	ok(t, siege.peering.Resume(ctx, "labo.test"))
	ok(t, siege.peering.Remove(ctx, "labo.test"))
	n.settle()
	n.states("siege.test", "labo.test", "unknown")
	n.states("labo.test", "siege.test", "suspended revoked")
	events, err := n.cores["labo.test"].db.PeerEvents(ctx, "siege.test", storage.Page{})
	ok(t, err)
	if len(events) == 0 || events[0].Kind != storage.EventTheyEnded {
		t.Errorf("labo's admin reads %v", events)
	}
}

func TestWhoTookANodesNameAndHasNotItsKeyIsNotBelieved(t *testing.T) {
	n := strangers(t, "siege.test", "labo.test")
	ctx := context.Background()
	ana, luc := n.person("ana@siege.test"), n.person("luc@labo.test")
	n.link("siege.test", "labo.test", storage.Partner)
	ana.follows("luc@labo.test")
	n.settle()
	luc.posts("I am luc", storage.Public)
	n.settle()
	ana.sees("I am luc", 1)
	// The document of the node's own actor stays as it was; whoever signs for it now has another key.
	private, public, err := federation.GenerateKey()
	ok(t, err)
	whole := n.net.nodes["labo.test"]
	service, err := n.cores["labo.test"].db.ServiceActor(ctx)
	ok(t, err)
	copied := httptest.NewRecorder()
	whole.ServeHTTP(copied, httptest.NewRequest(http.MethodGet, service.URI, nil))
	n.net.nodes["labo.test"] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if "https://labo.test"+r.URL.Path == service.URI {
			w.Header().Set("Content-Type", copied.Header().Get("Content-Type"))
			_, _ = w.Write(copied.Body.Bytes())
			return
		}
		whole.ServeHTTP(w, r)
	})
	n.changeKey("labo.test")
	n.update("labo.test", func(tx *storage.Tx) error {
		a, err := tx.AccountByID(ctx, luc.me.ID)
		if err != nil {
			return err
		}
		a.PrivateKey, a.PublicKey = private, public
		return tx.SaveAccount(ctx, a)
	})
	n.advance(federationKeyPause)
	luc.posts("I am not", storage.Public)
	n.settle()
	ana.sees("I am not", 0)
	n.states("siege.test", "labo.test", "suspended key_changed")
}

// changeKey gives a node another key without a word to anybody.
func (n *testNodes) changeKey(host string) {
	n.t.Helper()
	ctx := context.Background()
	private, public, err := federation.GenerateKey()
	ok(n.t, err)
	n.update(host, func(tx *storage.Tx) error {
		a, err := tx.ServiceActor(ctx)
		if err != nil {
			return err
		}
		a.PrivateKey, a.PublicKey = private, public
		return tx.SaveAccount(ctx, a)
	})
}

func TestALinkedNodeWithAnotherKeyIsHeldUntilTheNewCodeIsConfirmed(t *testing.T) {
	n := strangers(t, "siege.test", "labo.test")
	ctx := context.Background()
	ana, luc := n.person("ana@siege.test"), n.person("luc@labo.test")
	n.link("siege.test", "labo.test", storage.Partner)
	ana.follows("luc@labo.test")
	n.settle()
	n.changeKey("labo.test")
	n.advance(federationKeyPause)
	// What labo's node signs now isn't believed, and is noticed.
	steps, err := n.peering("labo.test").Test(ctx, "siege.test")
	ok(t, err)
	if last := steps[len(steps)-1]; last.OK {
		t.Errorf("an unknown key is believed: %v", steps)
	}
	n.states("siege.test", "labo.test", "suspended key_changed")
	luc.posts("is this still luc?", storage.Public)
	n.settle()
	ana.sees("is this still luc?", 0)
	if err := n.peering("siege.test").Resume(ctx, "labo.test"); !errors.Is(err, storage.ErrKeyHeld) {
		t.Errorf("a held peer is let in without a code: %v", err)
	}
	if a, b := n.code("siege.test", "labo.test"), n.code("labo.test", "siege.test"); a != b || a == "" {
		t.Errorf("the screens show %q and %q", a, b)
	}
	_, err = n.peering("siege.test").Confirm(ctx, "labo.test")
	ok(t, err)
	n.settle()
	n.states("siege.test", "labo.test", "active")
	n.advance(2 * time.Hour)
	n.settle()
	ana.sees("is this still luc?", 1)

	// A change that the old key signed needs nobody.
	ok(t, n.peering("labo.test").RotateKey(ctx))
	n.settle()
	n.advance(federationKeyPause)
	steps, err = n.peering("labo.test").Test(ctx, "siege.test")
	ok(t, err)
	if last := steps[len(steps)-1]; !last.OK {
		t.Errorf("after a rotation: %v", steps)
	}
	n.states("siege.test", "labo.test", "active")
}

func TestAnUpdateThatTheOldKeySignedBringsTheNewOne(t *testing.T) {
	n := strangers(t, "siege.test", "labo.test")
	ctx := context.Background()
	n.link("siege.test", "labo.test", storage.Partner)
	labo := n.cores["labo.test"]
	a, err := labo.db.ServiceActor(ctx)
	ok(t, err)
	oldKey, err := federation.ParsePrivateKey(a.PrivateKey)
	ok(t, err)
	private, public, err := federation.GenerateKey()
	ok(t, err)
	a.PrivateKey, a.PublicKey = private, public
	parts, err := federation.ActorParts(ctx, &labo.db.Queries, a)
	ok(t, err)
	body, err := labo.federation.Writer.UpdateActor(a.URI+"#update", a, parts)
	ok(t, err)
	res, err := labo.federation.Client.Post(ctx, "https://siege.test/inbox", body, func(r *http.Request) error {
		return federation.Sign(r, body, a.KeyID, oldKey, n.clock())
	})
	ok(t, err)
	if res.Status != http.StatusAccepted {
		t.Fatalf("the update is answered %d %s", res.Status, res.Body)
	}
	n.update("labo.test", func(tx *storage.Tx) error { return tx.SaveAccount(ctx, a) })
	n.settle()
	n.advance(federationKeyPause)
	steps, err := n.peering("labo.test").Test(ctx, "siege.test")
	ok(t, err)
	if last := steps[len(steps)-1]; !last.OK {
		t.Errorf("after the update: %v", steps)
	}
	n.states("siege.test", "labo.test", "active")
}

// federationKeyPause is how long a key that was fetched anew is left alone.
const federationKeyPause = 6 * time.Minute

func (n *testNodes) organisation(hosts ...string) {
	n.t.Helper()
	_, err := n.peering(hosts[0]).CreateOrganisation(context.Background(), "Abeilles")
	ok(n.t, err)
	for _, host := range hosts[1:] {
		n.link(hosts[0], host, storage.Sibling)
	}
}

func (p *testPerson) publicTimeline(text string) int {
	p.t.Helper()
	rows, err := p.c.db.PublicTimeline(context.Background(), p.me.ID, storage.RemoteSide, false, storage.Page{Limit: 100})
	ok(p.t, err)
	found := 0
	for _, r := range rows {
		if strings.Contains(r.HTML, text) {
			found++
		}
	}
	return found
}

func TestAFourthNodeJoinsAnOrganisationOfThreeByOneAct(t *testing.T) {
	n := strangers(t, "siege.test", "labo.test", "usine.test", "ventes.test")
	ctx := context.Background()
	n.organisation("siege.test", "labo.test", "usine.test")
	n.states("usine.test", "labo.test", "active")
	luc, zoe := n.person("luc@labo.test"), n.person("zoe@usine.test")

	eve := n.person("eve@ventes.test")
	n.link("siege.test", "ventes.test", storage.Sibling)
	for _, a := range n.order {
		for _, b := range n.order {
			if a == b {
				continue
			}
			p, err := n.cores[a].db.PeerByHost(ctx, b)
			ok(t, err)
			if !p.Active() || p.Tier != storage.Sibling || !p.Subscribe || !p.Linked() {
				t.Errorf("%s has %s as %s %s", a, b, p.State, p.Tier)
			}
		}
	}
	post, err := eve.c.outbox.Post(ctx, eve.me, outbox.Draft{Text: "hello from #ventes", Visibility: storage.Public, Circle: storage.CircleOrganisation})
	ok(t, err)
	n.settle()
	for _, who := range []*testPerson{luc, zoe} {
		if got := who.publicTimeline("hello from"); got != 1 {
			t.Errorf("%s finds the post %d times on the organisation's timeline", who.host, got)
		}
		tagged, err := who.c.db.HashtagTimeline(ctx, who.me.ID, storage.Tags{Any: []string{"ventes"}}, storage.BothSides, false, storage.Page{})
		ok(t, err)
		if len(tagged) != 1 {
			t.Errorf("%s finds %d posts under the tag", who.host, len(tagged))
		}
		who.sees("hello from", 0) // a home is for those whom one follows
	}
	_, err = eve.c.outbox.Delete(ctx, eve.me, post.ID)
	ok(t, err)
	n.settle()
	if got := luc.publicTimeline("hello from"); got != 0 {
		t.Errorf("a deleted post is still there %d times", got)
	}

	// Leaving is one act as well.
	orgs, err := n.cores["ventes.test"].db.Organisations(ctx)
	ok(t, err)
	ok(t, n.peering("ventes.test").LeaveOrganisation(ctx, orgs[0].URI))
	n.settle()
	n.states("labo.test", "ventes.test", "suspended left")
	n.states("ventes.test", "labo.test", "suspended left")
	n.states("labo.test", "usine.test", "active")
}

func TestAPartnerAcceptsAnOrganisationOnce(t *testing.T) {
	n := strangers(t, "siege.test", "labo.test", "partenaire.test", "usine.test")
	ctx := context.Background()
	n.organisation("siege.test", "labo.test")
	list, key, err := n.peering("partenaire.test").Offered(ctx, "siege.test")
	ok(t, err)
	if len(list.Members) != 2 {
		t.Fatalf("the list names %v", list.Members)
	}
	ok(t, n.peering("partenaire.test").AcceptOrganisation(ctx, "siege.test", key, peering.AllTerms(storage.Partner)))
	n.states("partenaire.test", "labo.test", "active")
	n.link("siege.test", "usine.test", storage.Sibling)
	n.advance(2 * time.Hour)
	n.settle()
	n.states("partenaire.test", "usine.test", "active")
	p, err := n.cores["partenaire.test"].db.PeerByHost(ctx, "usine.test")
	ok(t, err)
	if p.Tier != storage.Partner || p.Subscribe {
		t.Errorf("a node of an accepted organisation is a %s, subscribed: %v", p.Tier, p.Subscribe)
	}
	ok(t, n.peering("siege.test").RemoveMember(ctx, "usine.test"))
	n.settle()
	n.states("labo.test", "usine.test", "suspended left")
	n.advance(2 * time.Hour)
	n.settle()
	n.states("partenaire.test", "usine.test", "suspended left")
	if err := n.peering("partenaire.test").AcceptOrganisation(ctx, "siege.test", "AAAA", peering.AllTerms(storage.Partner)); !errors.Is(err, peering.ErrList) {
		t.Errorf("another key than the list's is believed: %v", err)
	}
}

func TestAnOrganisationsNewKeyIsTrustedByTheOldOnesWord(t *testing.T) {
	n := strangers(t, "siege.test", "labo.test", "partenaire.test", "usine.test")
	ctx := context.Background()
	n.organisation("siege.test", "labo.test")
	_, old, err := n.peering("partenaire.test").Offered(ctx, "siege.test")
	ok(t, err)
	ok(t, n.peering("partenaire.test").AcceptOrganisation(ctx, "siege.test", old, peering.AllTerms(storage.Partner)))
	for range 2 {
		fresh, err := n.peering("siege.test").RotateOrganisationKey(ctx)
		ok(t, err)
		n.settle()
		n.advance(2 * time.Hour)
		n.settle()
		for _, host := range []string{"siege.test", "labo.test", "partenaire.test"} {
			orgs, err := n.cores[host].db.Organisations(ctx)
			ok(t, err)
			if len(orgs) != 1 || orgs[0].PublicKey != fresh || orgs[0].Error != "" || fresh == old {
				t.Errorf("%s knows %+v, want the key %s", host, orgs, fresh)
			}
		}
	}
	// Lists go on under the new key.
	n.link("siege.test", "usine.test", storage.Sibling)
	n.advance(2 * time.Hour)
	n.settle()
	n.states("labo.test", "usine.test", "active")
	n.states("partenaire.test", "usine.test", "active")
	_, err = n.peering("labo.test").RotateOrganisationKey(ctx)
	refused(t, err, "keeps no organisation")
}
