package node

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"ruche/federation"
	"ruche/outbox"
	"ruche/storage"
	"ruche/storage/storagetest"
)

func (p *testPerson) account() *storage.Account {
	p.t.Helper()
	a, err := p.c.db.AccountByID(context.Background(), p.me.ID)
	if err != nil {
		p.t.Fatal(err)
	}
	return a
}

func (p *testPerson) isFollowing(acct string) bool {
	p.t.Helper()
	rel, err := p.c.db.Relations(context.Background(), p.me.ID, []int64{p.finds(acct).ID})
	if err != nil {
		p.t.Fatal(err)
	}
	return rel[0].Following
}

func TestFollowersMoveWithAnAccountThatBothSidesName(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		databases := []string{url}
		n := startCores(t, nextDatabase(t, &databases), "siege.test", "labo.test", "partenaire.test")
		ctx := context.Background()
		old, fresh := n.person("luc@labo.test"), n.person("luc@siege.test")
		zoe, ana, max := n.person("zoe@partenaire.test"), n.person("ana@siege.test"), n.person("max@labo.test")
		for _, p := range []*testPerson{zoe, ana, max} {
			p.follows("luc@labo.test")
		}
		n.settle()
		if err := old.c.outbox.Move(ctx, old.me, old.finds("luc@siege.test")); !errors.Is(err, outbox.ErrInvalid) {
			t.Errorf("a move that the new account doesn't confirm: %v", err)
		}
		if err := fresh.c.outbox.SetAliases(ctx, fresh.me, []*storage.Account{fresh.finds("luc@labo.test")}); err != nil {
			t.Fatal(err)
		}
		if err := old.c.outbox.Move(ctx, old.me, old.finds("luc@siege.test")); err != nil {
			t.Fatal(err)
		}
		n.settle()
		for _, p := range []*testPerson{zoe, ana, max} {
			if !p.isFollowing("luc@siege.test") || p.isFollowing("luc@labo.test") {
				t.Errorf("%s@%s follows the new one: %v, the old one: %v", p.me.Username, p.host, p.isFollowing("luc@siege.test"), p.isFollowing("luc@labo.test"))
			}
		}
		if a := fresh.account(); a.FollowersCount != 3 {
			t.Errorf("the new account has %d followers", a.FollowersCount)
		}
		if a := old.account(); a.FollowersCount != 0 || a.MovedTo != fresh.me.URI {
			t.Errorf("the old account has %d followers and moved to %q", a.FollowersCount, a.MovedTo)
		}
		fresh.posts("from my new place", storage.Public)
		n.settle()
		zoe.sees("from my new place", 1)
	})
}

func TestAMoveThatOneSideAloneClaimsMovesNobody(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ana, other := n.person("ana@siege.test"), n.person("other@siege.test")
	bob := n.stranger("peer.test", "bob", "new", "eve")
	n.openly("siege.test", "peer.test")
	ana.follows("bob@peer.test")
	n.settle()
	n.update("siege.test", func(tx *storage.Tx) error {
		f, err := tx.FollowBetween(context.Background(), ana.me.ID, ana.finds("bob@peer.test").ID)
		if err != nil {
			return err
		}
		_, err = tx.AcceptFollow(context.Background(), f)
		return err
	})
	move := func(id, who, what, where string) {
		t.Helper()
		if got := bob.deliver("siege.test", "/inbox", who, fmt.Sprintf(`{"id":"https://peer.test/m/%s","type":"Move","actor":%q,"object":%q,"target":%q}`, id, bob.id(who), what, where)); got != http.StatusAccepted {
			t.Fatalf("answered %d", got)
		}
		n.settle()
	}
	say := func(who, property string) {
		bob.docs["/u/"+who] = strings.Replace(bob.docs["/u/"+who], `"type":"Person"`, `"type":"Person",`+property, 1)
	}
	moved := func() bool {
		f, err := ana.c.db.FollowBetween(context.Background(), ana.me.ID, ana.finds("bob@peer.test").ID)
		return err != nil || f.State != storage.Accepted
	}
	for name, try := range map[string]func(){
		"neither names the other": func() { move("1", "bob", bob.id("bob"), bob.id("new")) },
		"only the new one": func() {
			say("new", `"alsoKnownAs":"`+bob.id("bob")+`"`)
			move("2", "bob", bob.id("bob"), bob.id("new"))
		},
		"somebody else says so":        func() { move("3", "eve", bob.id("bob"), bob.id("eve")) },
		"to one of ours, who says no":  func() { move("4", "bob", bob.id("bob"), other.me.URI) },
		"to itself":                    func() { move("5", "bob", bob.id("bob"), bob.id("bob")) },
		"to a host that is no peer":    func() { move("6", "bob", bob.id("bob"), "https://nowhere.test/u/x") },
		"to where there is nobody now": func() { move("7", "bob", bob.id("bob"), "https://peer.test/u/nobody") },
	} {
		try()
		if moved() {
			t.Fatalf("%s: ana stopped following bob", name)
		}
	}
	still := bob.docs["/u/bob"]
	say("bob", `"movedTo":"`+bob.id("eve")+`"`)
	move("10", "bob", bob.id("bob"), bob.id("eve"))
	if moved() {
		t.Fatal("only the old one names the new one, and ana stopped following bob")
	}
	bob.docs["/u/bob"] = still
	say("bob", `"movedTo":"`+bob.id("new")+`"`)
	move("8", "bob", bob.id("eve"), bob.id("new"))
	if moved() {
		t.Fatal("bob says that eve moved, and ana stopped following bob")
	}
	move("9", "bob", bob.id("bob"), bob.id("new"))
	if !moved() {
		t.Error("both name the other, and ana follows bob still")
	}
	if f, err := ana.c.db.FollowBetween(context.Background(), ana.me.ID, ana.finds("new@peer.test").ID); err != nil || f.State != storage.Pending {
		t.Errorf("ana doesn't ask to follow the new account: %v", err)
	}
}

func TestWhatWasPinnedBeforeAFollowIsRead(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		databases := []string{url}
		n := startCores(t, nextDatabase(t, &databases), "siege.test", "labo.test")
		ctx := context.Background()
		ana, luc := n.person("ana@siege.test"), n.person("luc@labo.test")
		first, second := ana.posts("first", storage.Public), ana.posts("second", storage.Public)
		within := ana.posts("for followers", storage.Followers)
		for _, p := range []*storage.Post{first, within, second} {
			if err := ana.c.outbox.Pin(ctx, ana.me, p.ID); err != nil {
				t.Fatal(err)
			}
		}
		if err := ana.c.outbox.FeatureTag(ctx, ana.me, "#Bees"); err != nil {
			t.Fatal(err)
		}
		luc.follows("ana@siege.test")
		n.settle()
		there := luc.finds("ana@siege.test").ID
		posts, err := luc.c.db.PinnedPosts(ctx, luc.me.ID, there)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range posts {
			got = append(got, p.URI)
		}
		if want := []string{second.URI, within.URI, first.URI}; !slices.Equal(got, want) {
			t.Errorf("luc sees the pins %v, want %v", got, want)
		}
		if home, err := luc.c.db.HomeTimeline(ctx, luc.me.ID, storage.Page{Limit: 10}); err != nil || len(home) != 0 {
			t.Errorf("old pins enter home: %d (%v)", len(home), err)
		}
		tags, err := luc.c.db.FeaturedTags(ctx, there)
		if err != nil || len(tags) != 1 || tags[0].Name != "bees" {
			t.Errorf("luc sees the tags %v (%v)", tags, err)
		}
	})
}

func TestPinsAndFeaturedTagsTravel(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		databases := []string{url}
		n := startCores(t, nextDatabase(t, &databases), "siege.test", "labo.test")
		ctx := context.Background()
		ana, luc := n.person("ana@siege.test"), n.person("luc@labo.test")
		before := ana.posts("older than any follower", storage.Public)
		luc.follows("ana@siege.test")
		n.settle()
		later := ana.posts("later", storage.Public)
		secret := ana.posts("for one only", storage.Direct)
		for _, id := range []int64{before.ID, later.ID} {
			if err := ana.c.outbox.Pin(ctx, ana.me, id); err != nil {
				t.Fatal(err)
			}
		}
		if err := ana.c.outbox.Pin(ctx, ana.me, secret.ID); !errors.Is(err, outbox.ErrInvalid) {
			t.Errorf("a direct post can be pinned: %v", err)
		}
		if err := ana.c.outbox.FeatureTag(ctx, ana.me, "#Bees"); err != nil {
			t.Fatal(err)
		}
		n.settle()
		pins := func() string {
			t.Helper()
			posts, err := luc.c.db.PinnedPosts(ctx, luc.me.ID, luc.finds("ana@siege.test").ID)
			if err != nil {
				t.Fatal(err)
			}
			var words []string
			for _, p := range posts {
				words = append(words, strings.TrimSuffix(strings.TrimPrefix(p.HTML, "<p>"), "</p>"))
			}
			return strings.Join(words, ", ")
		}
		if got := strings.Split(pins(), ", "); len(got) != 2 {
			t.Errorf("luc sees the pins %v", got)
		}
		tags, err := luc.c.db.FeaturedTags(ctx, luc.finds("ana@siege.test").ID)
		if err != nil || len(tags) != 1 || tags[0].Name != "bees" {
			t.Errorf("luc sees the tags %v (%v)", tags, err)
		}
		if err := ana.c.outbox.Unpin(ctx, ana.me, later.ID); err != nil {
			t.Fatal(err)
		}
		if err := ana.c.outbox.UnfeatureTag(ctx, ana.me, "bees"); err != nil {
			t.Fatal(err)
		}
		n.settle()
		if got := pins(); got != "older than any follower" {
			t.Errorf("after one was taken off, luc sees the pins %q", got)
		}
		if tags, err := luc.c.db.FeaturedTags(ctx, luc.finds("ana@siege.test").ID); err != nil || len(tags) != 0 {
			t.Errorf("luc sees the tags %v (%v)", tags, err)
		}
		for i := range storage.MaxPins + 1 {
			err := ana.c.outbox.Pin(ctx, ana.me, ana.posts(fmt.Sprint("pin ", i), storage.Public).ID)
			if full := i >= storage.MaxPins-1; errors.Is(err, outbox.ErrInvalid) != full {
				t.Errorf("pin %d: %v", i, err)
			}
		}
		if got := n.get("siege.test", strings.TrimPrefix(ana.me.FeaturedURI, "https://siege.test")); got != http.StatusUnauthorized {
			t.Errorf("without a signature the pins are answered with %d", got)
		}
	})
}

func TestNobodyPinsForSomebodyElse(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ctx := context.Background()
	ana := n.person("ana@siege.test")
	bob := n.stranger("peer.test", "bob", "eve")
	for _, who := range []string{"bob", "eve"} {
		bob.docs["/u/"+who] = strings.Replace(bob.docs["/u/"+who], `"type":"Person"`, `"type":"Person","featured":"`+bob.id(who)+`/pins"`, 1)
	}
	n.openly("siege.test", "peer.test")
	ana.finds("bob@peer.test")
	ana.finds("eve@peer.test")
	bob.deliver("siege.test", "/inbox", "bob", bob.create("bob", "1", "bob's words", ""))
	mine := ana.posts("ana's words", storage.Public)
	n.settle()
	pin := func(who, object, target string) {
		t.Helper()
		body := fmt.Sprintf(`{"id":"https://peer.test/p/%d","type":"Add","actor":%q,"object":%q,"target":%q}`, len(object)+len(target), bob.id(who), object, target)
		if got := bob.deliver("siege.test", "/inbox", who, body); got != http.StatusAccepted {
			t.Fatalf("answered %d", got)
		}
		n.settle()
	}
	pin("eve", "https://peer.test/n/1", bob.id("eve")+"/pins")
	pin("eve", "https://peer.test/n/1", bob.id("bob")+"/pins")
	pin("eve", mine.URI, bob.id("eve")+"/pins")
	pin("bob", "https://peer.test/n/1", bob.id("bob")+"/lists/1")
	pin("bob", "https://peer.test/n/absent", bob.id("bob")+"/pins")
	if rows := n.rows("siege.test"); !strings.Contains(rows, " pins:0 ") {
		t.Errorf("something is pinned: %s", rows)
	}
	pin("bob", "https://peer.test/n/1", bob.id("bob")+"/pins")
	if pins, err := ana.c.db.PinnedPosts(ctx, ana.me.ID, ana.finds("bob@peer.test").ID); err != nil || len(pins) != 1 {
		t.Errorf("bob's own pin is %d pins (%v)", len(pins), err)
	}
}

// ask sends a node a request signed by one of the stranger's actors, and gives the status and the answer.
func (s *stranger) ask(to, path, signer string) (int, string) {
	s.n.t.Helper()
	r := httptest.NewRequest(http.MethodGet, "https://"+to+path, nil)
	r.Host = to
	r.Header.Set("Accept", "application/activity+json")
	if err := federation.Sign(r, nil, s.id(signer)+"#main-key", s.keys[signer], s.n.clock()); err != nil {
		s.n.t.Fatal(err)
	}
	w := httptest.NewRecorder()
	s.n.net.nodes[to].ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestPinsAndStampsAreForThoseWhoMayReadThePost(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test", "labo.test")
	ctx := context.Background()
	ana, luc := n.person("ana@siege.test"), n.person("luc@labo.test")
	bob := n.stranger("peer.test", "bob")
	n.openly("siege.test", "peer.test")
	luc.follows("ana@siege.test")
	n.settle()
	open := ana.posts("for the network", storage.Public)
	inside, err := ana.c.outbox.Post(ctx, ana.me, outbox.Draft{Text: "for the organisation", Visibility: storage.Public, Circle: storage.CircleOrganisation})
	if err != nil {
		t.Fatal(err)
	}
	n.settle()
	for _, p := range []*storage.Post{open, inside} {
		if err := ana.c.outbox.Pin(ctx, ana.me, p.ID); err != nil {
			t.Fatal(err)
		}
	}
	luc.quotes("quoting the open one", luc.reads("for the network").ID)
	luc.quotes("quoting the inner one", luc.reads("for the organisation").ID)
	n.settle()
	if status, list := bob.ask("siege.test", strings.TrimPrefix(ana.me.FeaturedURI, "https://siege.test"), "bob"); status != http.StatusOK || !strings.Contains(list, open.URI) || strings.Contains(list, inside.URI) {
		t.Errorf("a partner reads the pins as %d %s", status, list)
	}
	for quoted, want := range map[*storage.Post]int{open: http.StatusOK, inside: http.StatusNotFound} {
		in, err := ana.c.db.QuotedIn(ctx, ana.me.ID, quoted.ID, storage.Page{})
		if err != nil || len(in) != 1 {
			t.Fatal(err, len(in))
		}
		q, err := ana.c.db.QuoteOf(ctx, in[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := bob.ask("siege.test", strings.TrimPrefix(q.ApprovalURI, "https://siege.test"), "bob"); got != want {
			t.Errorf("a partner's request for the stamp on %s is answered %d, want %d", quoted.HTML, got, want)
		}
	}
}

func TestAPostHasOneAuthorOfItsOwnHost(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ana := n.person("ana@siege.test")
	bob := n.stranger("peer.test", "bob", "eve")
	n.openly("siege.test", "peer.test")
	for i, tc := range []struct {
		authors string
		kept    bool
	}{
		{`["https://peer.test/u/bob"]`, true},
		{`[{"type":"Person","id":"https://peer.test/u/bob"},{"type":"Group","id":"https://peer.test/c/lab"}]`, true},
		{`["https://peer.test/u/eve","https://peer.test/u/bob"]`, false},
		{`["https://peer.test/u/bob","https://elsewhere.test/u/x"]`, false},
		{`["https://peer.test/u/bob",` + fmt.Sprintf("%q", ana.me.URI) + `]`, false},
		{`1`, false}, {`{}`, false}, {`[]`, false}, {`["https://peer.test/u/bob",1]`, false},
	} {
		note := fmt.Sprint(i)
		bob.deliver("siege.test", "/inbox", "bob", strings.Replace(bob.create("bob", note, "x", ""), `"attributedTo":"https://peer.test/u/bob"`, `"attributedTo":`+tc.authors, 1))
		n.settle()
		if _, err := ana.c.db.PostByURI(context.Background(), "https://peer.test/n/"+note); (err == nil) != tc.kept {
			t.Errorf("attributed to %s: kept %v, want %v", tc.authors, err == nil, tc.kept)
		}
	}
}

func TestAPostThatAnswersUnderAnotherIdIsFetchedOnce(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ana := n.person("ana@siege.test")
	bob := n.stranger("peer.test", "bob")
	bob.docs["/u/bob"] = strings.Replace(bob.docs["/u/bob"], `"type":"Person"`, `"type":"Person","featured":"https://peer.test/u/bob/pins"`, 1)
	n.openly("siege.test", "peer.test")
	ana.finds("bob@peer.test")
	note := fmt.Sprintf(`{"id":"https://peer.test/n/real","type":"Note","attributedTo":%q,"content":"x","to":["as:Public"]}`, bob.id("bob"))
	bob.docs["/n/real"], bob.docs["/n/page"] = note, note
	for _, activity := range []string{"Announce", "Add"} {
		before := bob.fetched
		bob.deliver("siege.test", "/inbox", "bob", fmt.Sprintf(`{"id":"https://peer.test/a/%s","type":%q,"actor":%q,"to":["as:Public"],"object":"https://peer.test/n/page","target":"https://peer.test/u/bob/pins"}`, activity, activity, bob.id("bob")))
		n.settle()
		if got := bob.fetched - before; got > 2 {
			t.Errorf("for one %s, %d documents are fetched", activity, got)
		}
	}
}

func TestAnUpdateNeverWidensWhoMayRead(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ctx := context.Background()
	ana := n.person("ana@siege.test")
	bob := n.stranger("peer.test", "bob")
	n.openly("siege.test", "peer.test")
	for _, kind := range []string{"Note", "Article", "Page", "Question"} {
		uri := "https://peer.test/x/" + kind
		body := func(what, to, words string) string {
			return fmt.Sprintf(`{"id":"%[1]s/%[2]s","type":%[2]q,"actor":%[3]q,"object":{"id":%[1]q,"type":%[4]q,"attributedTo":%[3]q,"content":%[5]q,"to":[%[6]q],"updated":"2026-11-20T09:00:00Z","published":"2026-11-20T08:00:00Z",
				"oneOf":[{"name":"a"},{"name":"b"}]}}`, uri, what, bob.id("bob"), kind, words, to)
		}
		bob.deliver("siege.test", "/inbox", "bob", body("Create", bob.id("bob")+"/followers", "narrow"))
		n.settle()
		bob.deliver("siege.test", "/inbox", "bob", strings.Replace(body("Update", "as:Public", "wide"), "T09:00:00Z", "T10:00:00Z", 1))
		n.settle()
		p, err := ana.c.db.PostByURI(ctx, uri)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		if p.HTML != "wide" || p.Visibility != storage.Followers {
			t.Errorf("%s: after its Update it is %q for %s", kind, p.HTML, p.Visibility)
		}
		if _, err := ana.c.db.VisiblePost(ctx, ana.me.ID, p.ID); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("%s: somebody who doesn't follow bob reads it (%v)", kind, err)
		}
	}
}

func TestABlockEndsFollowsBothWaysAndIsRemembered(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		databases := []string{url}
		n := startCores(t, nextDatabase(t, &databases), "siege.test", "labo.test")
		ctx := context.Background()
		ana, luc := n.person("ana@siege.test"), n.person("luc@labo.test")
		ana.follows("luc@labo.test")
		luc.follows("ana@siege.test")
		n.settle()
		luc.posts("before the quarrel", storage.Public)
		n.settle()
		ana.sees("before the quarrel", 1)
		if err := luc.c.outbox.Block(ctx, luc.me, luc.finds("ana@siege.test").ID); err != nil {
			t.Fatal(err)
		}
		n.settle()
		for _, p := range []*testPerson{ana, luc} {
			if a := p.account(); a.FollowersCount != 0 || a.FollowingCount != 0 {
				t.Errorf("%s has %d followers and follows %d", p.me.Username, a.FollowersCount, a.FollowingCount)
			}
		}
		theirs, err := ana.c.db.AccountTimeline(ctx, ana.me.ID, ana.finds("luc@labo.test").ID, storage.AccountFilter{}, storage.Page{})
		if err != nil || len(theirs) != 0 {
			t.Errorf("ana sees %d posts of luc, who blocks her (%v)", len(theirs), err)
		}
		if err := ana.c.outbox.Follow(ctx, ana.me, ana.finds("luc@labo.test").ID, outbox.FollowOptions{}); !errors.Is(err, outbox.ErrForbidden) {
			t.Errorf("ana asks to follow luc, who blocks her: %v", err)
		}
		if err := luc.c.outbox.Unblock(ctx, luc.me, luc.finds("ana@siege.test").ID); err != nil {
			t.Fatal(err)
		}
		n.settle()
		ana.follows("luc@labo.test")
		n.settle()
		if !ana.isFollowing("luc@labo.test") {
			t.Error("after the block ana can't follow luc")
		}
	})
}

func TestAReportReachesTheOtherNodeWithoutItsAuthor(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		databases := []string{url}
		n := startCores(t, nextDatabase(t, &databases), "siege.test", "labo.test")
		ctx := context.Background()
		ana, luc := n.person("ana@siege.test"), n.person("luc@labo.test")
		ana.follows("luc@labo.test")
		n.settle()
		luc.posts("rude words", storage.Public)
		n.settle()
		kept, err := ana.c.outbox.Report(ctx, ana.me, outbox.Complaint{Target: ana.finds("luc@labo.test").ID, Posts: []int64{ana.reads("rude words").ID}, Comment: "look <b>at</b> this", Forward: true})
		if err != nil || len(kept.Posts) != 1 {
			t.Fatal(err, kept)
		}
		n.settle()
		reports, err := luc.c.db.Reports(ctx, storage.ReportFilter{}, storage.Page{})
		if err != nil || len(reports) != 1 {
			t.Fatalf("%d reports (%v)", len(reports), err)
		}
		r := reports[0]
		by, err := luc.c.db.AccountByID(ctx, r.AccountID)
		if err != nil || by.Kind != storage.Application || r.TargetID != luc.me.ID || len(r.Posts) != 1 || r.Comment != "look at this" {
			t.Errorf("the report is %+v by %+v (%v)", r, by, err)
		}
	})
}

func TestAReactionCountsAsALikeUntilItIsUndone(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ana := n.person("ana@siege.test")
	bob := n.stranger("peer.test", "bob")
	n.openly("siege.test", "peer.test")
	mine := ana.posts("react", storage.Public)
	react := func(id, face string) string {
		return fmt.Sprintf(`{"id":"https://peer.test/r/%s","type":"EmojiReact","actor":%q,"object":%q,"content":%q}`, id, bob.id("bob"), mine.URI, face)
	}
	for _, tc := range []struct {
		body string
		want int64
	}{
		{react("1", "🔥"), 1}, {react("2", ":spool:"), 1}, {fmt.Sprintf(`{"id":"https://peer.test/u/2","type":"Undo","actor":%q,"object":%s}`, bob.id("bob"), react("2", ":spool:")), 1},
		{fmt.Sprintf(`{"id":"https://peer.test/u/1","type":"Undo","actor":%q,"object":%s}`, bob.id("bob"), react("1", "🔥")), 0},
	} {
		if got := bob.deliver("siege.test", "/inbox", "bob", tc.body); got != http.StatusAccepted {
			t.Fatalf("answered %d", got)
		}
		n.settle()
		if p, err := ana.c.db.PostByID(context.Background(), mine.ID); err != nil || p.LikesCount != tc.want {
			t.Errorf("after %s it has %d likes (%v)", tc.body, p.LikesCount, err)
		}
	}
}
