package node

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"ruche/outbox"
	"ruche/storage"
	"ruche/storage/storagetest"
)

func pair(t testing.TB) (*testNodes, *testPerson, *testPerson) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test", "labo.test")
	for _, at := range n.order {
		for _, of := range n.order {
			if at != of {
				n.policy(at, of, func(p *storage.Peer) { p.Tier, p.Subscribe = storage.Partner, false })
			}
		}
	}
	return n, n.person("ana@siege.test"), n.person("luc@labo.test")
}

// policy changes what stands at a node about a peer.
func (n *testNodes) policy(at, of string, to func(*storage.Peer)) {
	n.t.Helper()
	ctx := context.Background()
	p, err := n.cores[at].db.PeerByHost(ctx, of)
	ok(n.t, err)
	to(p)
	ok(n.t, n.peering(at).Save(ctx, p))
}

// sent counts what was posted to a host's inboxes.
func (n *testNodes) sent(host string) int {
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	count := 0
	for _, line := range n.net.seen {
		if strings.HasPrefix(line, "POST https://"+host+"/") {
			count++
		}
	}
	return count
}

func (n *testNodes) jobs(at, host string) map[string]int {
	n.t.Helper()
	depths, err := n.cores[at].db.QueueDepths(context.Background())
	ok(n.t, err)
	states := map[string]int{}
	for _, d := range depths {
		if d.Host == host {
			states[d.State] += d.Jobs
		}
	}
	return states
}

func TestNothingLeavesForASuspendedPeerAndAllOfItTakesEffectOnceLater(t *testing.T) {
	n, ana, luc := pair(t)
	ctx := context.Background()
	const letters = 1000
	ana.follows("luc@labo.test")
	n.settle()
	for i := range letters {
		luc.posts(fmt.Sprintf("letter %d.", i), storage.Public)
	}
	before := n.sent("siege.test")
	ok(t, n.peering("labo.test").Suspend(ctx, "siege.test"))
	n.settle()
	if left := n.sent("siege.test") - before; left != 0 {
		t.Errorf("%d requests left for a suspended peer", left)
	}
	if states := n.jobs("labo.test", "siege.test"); states[storage.JobParked] != letters {
		t.Errorf("the deliveries are %v", states)
	}
	// What is taken back meanwhile waits as well, instead of being forgotten.
	mine, err := luc.c.db.AccountTimeline(ctx, luc.me.ID, luc.me.ID, storage.AccountFilter{}, storage.Page{Limit: 1})
	ok(t, err)
	_, err = luc.c.outbox.Delete(ctx, luc.me, mine[0].ID)
	ok(t, err)
	n.settle()
	ok(t, n.peering("labo.test").Resume(ctx, "siege.test"))
	n.settle()
	if got := n.sent("siege.test") - before; got != letters+1 {
		t.Errorf("%d requests were made for %d letters and a deletion", got, letters)
	}
	rows, err := ana.c.db.HomeTimeline(ctx, ana.me.ID, storage.Page{Limit: 2 * letters})
	ok(t, err)
	seen := map[string]int{}
	for _, r := range rows {
		seen[r.HTML]++
	}
	if len(rows) != letters-1 || len(seen) != letters-1 {
		t.Errorf("home holds %d posts, %d of them different", len(rows), len(seen))
	}
	if states := n.jobs("labo.test", "siege.test"); len(states) != 0 {
		t.Errorf("the deliveries are %v", states)
	}
}

func TestAPolicyStopsEachThingOnItsOwn(t *testing.T) {
	for name, tc := range map[string]struct {
		at     string // whose policy about the other changes
		change func(*storage.Peer)
		lost   string // what ana at siege no longer sees of luc at labo
	}{
		"posts don't come in":     {"siege.test", func(p *storage.Peer) { p.In.Posts = false }, "a post, a picture"},
		"posts don't go out":      {"labo.test", func(p *storage.Peer) { p.Out.Posts = false }, "a post, a picture"},
		"direct doesn't come in":  {"siege.test", func(p *storage.Peer) { p.In.Direct = false }, "a word for ana"},
		"direct doesn't go out":   {"labo.test", func(p *storage.Peer) { p.Out.Direct = false }, "a word for ana"},
		"shares don't come in":    {"siege.test", func(p *storage.Peer) { p.In.Shares = false }, "something shared"},
		"shares don't go out":     {"labo.test", func(p *storage.Peer) { p.Out.Shares = false }, "something shared"},
		"media don't come in":     {"siege.test", func(p *storage.Peer) { p.In.Media = false }, "a picture"},
		"media don't go out":      {"labo.test", func(p *storage.Peer) { p.Out.Media = false }, "a picture"},
		"everything crosses else": {"siege.test", func(p *storage.Peer) {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, ana, luc := pair(t)
			ctx := context.Background()
			ana.follows("luc@labo.test")
			mine := ana.posts("something shared", storage.Public)
			n.settle()
			n.policy(tc.at, map[string]string{"siege.test": "labo.test", "labo.test": "siege.test"}[tc.at], tc.change)
			luc.posts("a post", storage.Public)
			luc.posts("@ana@siege.test a word for ana", storage.Direct)
			luc.picture("a picture")
			if theirs, err := luc.c.federation.Post(ctx, mine.URI); err == nil {
				_, err = luc.c.outbox.Share(ctx, luc.me, theirs.ID, time.Time{})
				ok(t, err)
			} else if !strings.Contains(tc.lost, "post") || tc.at != "siege.test" {
				t.Log(err)
			}
			n.settle()
			if got := len(ana.home("a post")); got == 1 == strings.Contains(tc.lost, "a post") {
				t.Errorf("ana sees %d posts", got)
			}
			if got := len(ana.home("a word for ana")); got == 1 == strings.Contains(tc.lost, "word") {
				t.Errorf("ana sees %d direct posts", got)
			}
			pictures := 0
			for _, p := range ana.home("a picture") {
				files, err := ana.c.db.MediaOf(ctx, []int64{p.ID})
				ok(t, err)
				pictures += len(files[p.ID])
			}
			if pictures == 1 == strings.Contains(tc.lost, "a picture") {
				t.Errorf("ana sees %d pictures", pictures)
			}
			p, err := ana.c.db.PostByID(ctx, mine.ID)
			ok(t, err)
			if p.SharesCount == 1 == strings.Contains(tc.lost, "shared") {
				t.Errorf("ana's post was shared %d times", p.SharesCount)
			}
		})
	}
}

// picture posts a file that somebody uploaded.
func (p *testPerson) picture(text string) {
	p.t.Helper()
	ctx := context.Background()
	var id int64
	p.update(p.host, func(tx *storage.Tx) error {
		m := &storage.Media{AccountID: p.me.ID, Kind: "image", MIME: "image/png", BlobKey: storage.NewSecret()}
		err := tx.AddMedia(ctx, m)
		id = m.ID
		return err
	})
	_, err := p.c.outbox.Post(ctx, p.me, outbox.Draft{Text: text, Visibility: storage.Public, Media: []int64{id}})
	ok(p.t, err)
}

func TestAPolicyChangeIsFeltByWhatIsHereAlready(t *testing.T) {
	n, ana, luc := pair(t)
	ctx := context.Background()
	ana.follows("luc@labo.test")
	n.settle()
	luc.posts("hello #bees", storage.Public)
	n.settle()
	counts := func() string {
		tagged, err := ana.c.db.HashtagTimeline(ctx, ana.me.ID, storage.Tags{Any: []string{"bees"}}, storage.BothSides, false, storage.Page{})
		ok(t, err)
		found, err := ana.c.db.SearchAccounts(ctx, "luc", 10, 0)
		ok(t, err)
		return fmt.Sprintf("home %d, public %d, tag %d, people %d", len(ana.home("hello")), ana.publicTimeline("hello"), len(tagged), len(found))
	}
	is := func(want string) {
		t.Helper()
		if got := counts(); got != want {
			t.Errorf("ana finds %s, want %s", got, want)
		}
	}
	is("home 1, public 1, tag 1, people 1")
	n.policy("siege.test", "labo.test", func(p *storage.Peer) { p.In.Posts = false })
	is("home 0, public 0, tag 0, people 1")
	n.policy("siege.test", "labo.test", func(p *storage.Peer) { p.In.Posts, p.In.Directory = true, false })
	is("home 1, public 1, tag 1, people 0")
	ok(t, n.peering("siege.test").Suspend(ctx, "labo.test"))
	is("home 0, public 0, tag 0, people 0")
	ok(t, n.peering("siege.test").Resume(ctx, "labo.test"))
	is("home 1, public 1, tag 1, people 0")
}

func TestFollowsAreAskedOrRefusedAsThePolicySays(t *testing.T) {
	n, ana, luc := pair(t)
	ctx := context.Background()
	them := ana.finds("luc@labo.test")
	n.policy("siege.test", "labo.test", func(p *storage.Peer) { p.Out.Follows = false })
	if err := ana.c.outbox.Follow(ctx, ana.me, them.ID, outbox.FollowOptions{}); !errors.Is(err, outbox.ErrForbidden) {
		t.Errorf("following is answered %v", err)
	}
	n.policy("siege.test", "labo.test", func(p *storage.Peer) { p.Out.Follows = true })
	n.policy("labo.test", "siege.test", func(p *storage.Peer) { p.In.Follows = false })
	ana.follows("luc@labo.test")
	n.settle()
	if n := n.jobs("siege.test", "labo.test"); n[storage.JobBuried] != 1 {
		t.Errorf("the refused follow is %v", n)
	}
	n.policy("labo.test", "siege.test", func(p *storage.Peer) { p.In.Follows, p.ApproveFollows = true, true })
	ana.follows("luc@labo.test")
	n.settle()
	if waiting, err := luc.c.db.CountFollowRequests(ctx, luc.me.ID); err != nil || waiting != 1 {
		t.Errorf("%d follows wait for luc (%v)", waiting, err)
	}
}

func TestAPeerThatAsksTooOftenIsTold(t *testing.T) {
	n, ana, luc := pair(t)
	ana.follows("luc@labo.test")
	n.settle()
	n.policy("siege.test", "labo.test", func(p *storage.Peer) { p.Rate = 3 })
	n.advance(time.Minute)
	for i := range 5 {
		luc.posts(fmt.Sprintf("post %d", i), storage.Public)
	}
	n.settle()
	if got := len(ana.home("post ")); got != 3 {
		t.Errorf("%d posts came within the minute", got)
	}
	steps, err := n.peering("labo.test").Test(context.Background(), "siege.test")
	ok(t, err)
	if last := steps[len(steps)-1]; last.OK || !strings.Contains(last.Said, "429") {
		t.Errorf("the test says %v", last)
	}
	n.advance(2 * time.Minute)
	n.settle()
	n.advance(2 * time.Minute)
	n.settle()
	if got := len(ana.home("post ")); got != 5 {
		t.Errorf("%d posts came in the end", got)
	}
}

func TestWhatIsTakenBackWhileAPeerIsSuspendedIsTakenBackLater(t *testing.T) {
	n, ana, luc := pair(t)
	ctx := context.Background()
	ana.follows("luc@labo.test")
	n.settle()
	post := luc.posts("a slip", storage.Public)
	n.settle()
	ok(t, n.peering("labo.test").Suspend(ctx, "siege.test"))
	_, err := luc.c.outbox.Delete(ctx, luc.me, post.ID)
	ok(t, err)
	before := n.sent("siege.test")
	n.settle()
	if n.sent("siege.test") != before {
		t.Error("something left for a suspended peer")
	}
	ana.sees("a slip", 1)
	ok(t, n.peering("labo.test").Resume(ctx, "siege.test"))
	n.settle()
	ana.sees("a slip", 0)
}

func TestWhatWaitsIsHeldToThePolicyOfItsDay(t *testing.T) {
	n, ana, luc := pair(t)
	ctx := context.Background()
	ana.follows("luc@labo.test")
	// The follow has been taken in at labo and waits there.
	_, err := n.cores["siege.test"].queue.Drain(ctx)
	ok(t, err)
	n.policy("labo.test", "siege.test", func(p *storage.Peer) { p.In.Follows = false })
	n.settle()
	if rel, err := luc.c.db.Relations(ctx, luc.me.ID, []int64{luc.finds("ana@siege.test").ID}); err != nil || rel[0].FollowedBy {
		t.Errorf("a follow that the policy no longer allows took effect (%v)", err)
	}
}

func TestTestingALinkSaysWhichStepFails(t *testing.T) {
	n := strangers(t, "siege.test", "labo.test")
	ctx := context.Background()
	says := func(step, words string) {
		t.Helper()
		steps, err := n.peering("siege.test").Test(ctx, "labo.test")
		ok(t, err)
		if last := steps[len(steps)-1]; last.Step != step || !strings.Contains(last.Said, words) {
			t.Errorf("the last step is %+v, want %s: …%s…", last, step, words)
		}
	}
	says("listed", "isn't on this node's list")
	n.allow("siege.test", "labo.test")
	says("fetch", "hasn't allowed siege.test")
	n.allow("labo.test", "siege.test")
	says("ping", "takes what we sign")
	n.net.down["labo.test"] = true
	says("webfinger", "doesn't answer")
	n.net.down["labo.test"] = false
	whole := n.net.nodes["labo.test"]
	n.net.nodes["labo.test"] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		whole.ServeHTTP(w, r)
	})
	says("ping", "405")
	ok(t, n.peering("siege.test").Suspend(ctx, "labo.test"))
	says("listed", "suspended")
}

func TestABlockedPeerIsPurgedUnlessItIsUndoneInTime(t *testing.T) {
	n, ana, luc := pair(t)
	ctx := context.Background()
	siege := n.cores["siege.test"]
	ana.follows("luc@labo.test")
	n.settle()
	for i := range 120 {
		luc.posts(fmt.Sprintf("post %d.", i), storage.Public)
	}
	n.settle()
	kept := func(want int) {
		t.Helper()
		if got := len(ana.home("post ")); got != min(want, 100) {
			t.Errorf("ana sees %d posts, want %d", got, want)
		}
	}
	kept(120)
	ok(t, siege.peering.Block(ctx, "labo.test"))
	kept(0)
	n.advance(23 * time.Hour)
	n.settle()
	ok(t, siege.peering.Resume(ctx, "labo.test"))
	n.advance(2 * time.Hour)
	n.settle()
	kept(120)
	// Undone in time and blocked anew, the grace begins anew: the first block's purge doesn't come.
	ok(t, siege.peering.Block(ctx, "labo.test"))
	n.advance(2 * time.Hour)
	ok(t, siege.peering.Resume(ctx, "labo.test"))
	ok(t, siege.peering.Block(ctx, "labo.test"))
	n.advance(23 * time.Hour)
	n.settle()
	ok(t, siege.peering.Resume(ctx, "labo.test"))
	kept(120)
	ok(t, siege.peering.Block(ctx, "labo.test"))
	n.advance(25 * time.Hour)
	n.settle()
	p, err := siege.db.PeerByHost(ctx, "labo.test")
	ok(t, err)
	if p.PurgedAt.IsZero() || p.PurgeTotal != 120 || p.PurgeDone != 120 {
		t.Errorf("the purge has done %d of %d, ended %v", p.PurgeDone, p.PurgeTotal, p.PurgedAt)
	}
	ok(t, siege.peering.Resume(ctx, "labo.test"))
	kept(0)
	rel, err := siege.db.Relations(ctx, ana.me.ID, []int64{ana.finds("luc@labo.test").ID})
	ok(t, err)
	if rel[0].Following {
		t.Error("ana still follows luc")
	}
	// Skipping the grace: at once.
	ana.follows("luc@labo.test")
	n.settle()
	luc.posts("post again", storage.Public)
	n.advance(2 * time.Hour)
	n.settle()
	kept(1)
	ok(t, siege.peering.Block(ctx, "labo.test"))
	ok(t, siege.peering.PurgeNow(ctx, "labo.test"))
	n.settle()
	if p, _ := siege.db.PeerByHost(ctx, "labo.test"); p.PurgedAt.IsZero() {
		t.Error("the purge waits although the grace was skipped")
	}
}

func TestAContractEndsByItselfAfterTwoWarnings(t *testing.T) {
	n, ana, luc := pair(t)
	ctx := context.Background()
	siege := n.cores["siege.test"]
	ana.follows("luc@labo.test")
	n.settle()
	luc.posts("under contract", storage.Public)
	n.settle()
	n.policy("siege.test", "labo.test", func(p *storage.Peer) { p.EndsAt = n.clock().Add(40 * 24 * time.Hour) })
	var kinds []string
	for range 41 * 4 {
		n.advance(6 * time.Hour)
		_, err := siege.queue.Drain(ctx)
		ok(t, err)
	}
	events, err := siege.db.PeerEvents(ctx, "labo.test", storage.Page{})
	ok(t, err)
	for _, e := range events {
		kinds = append(kinds, e.Kind+" "+e.Detail)
	}
	if got := strings.Join(kinds, ", "); !strings.HasPrefix(got, "expired ") || !strings.HasSuffix(got, ", ends_soon 7, ends_soon 30") || len(events) != 3 {
		t.Errorf("the admin reads %s", got)
	}
	n.states("siege.test", "labo.test", "expired ended")
	ana.sees("under contract", 0)
	refused(t, siege.peering.Resume(ctx, "labo.test"), "give a later one")
	n.policy("siege.test", "labo.test", func(p *storage.Peer) { p.State, p.EndsAt = storage.PeerActive, n.clock().Add(20*time.Minute) })
	ana.sees("under contract", 1)
	n.advance(20 * time.Minute)
	n.settle()
	n.states("siege.test", "labo.test", "expired ended")
}
