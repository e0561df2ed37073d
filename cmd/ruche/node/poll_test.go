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

func (p *testPerson) asks(text string, multiple bool, lasts time.Duration, options ...string) *storage.Post {
	p.t.Helper()
	post, err := p.c.outbox.Post(context.Background(), p.me, outbox.Draft{Text: text, Visibility: storage.Public, Poll: &outbox.PollDraft{Options: options, Multiple: multiple, ExpiresIn: lasts}})
	if err != nil {
		p.t.Fatal(err)
	}
	return post
}

// reads gives the one post in the person's home that holds a text.
func (p *testPerson) reads(text string) *storage.Post {
	p.t.Helper()
	home := p.home(text)
	if len(home) != 1 {
		p.t.Fatalf("%s@%s sees %q %d times, want once", p.me.Username, p.host, text, len(home))
	}
	return home[0]
}

// counts tells the votes of a poll as a person sees them.
func (p *testPerson) counts(post int64) string {
	p.t.Helper()
	polls, err := p.c.db.PollsOf(context.Background(), p.me.ID, []int64{post})
	if err != nil || polls[post] == nil {
		p.t.Fatalf("no poll: %v", err)
	}
	var votes []string
	for _, o := range polls[post].Options {
		votes = append(votes, fmt.Sprintf("%s:%d", o.Title, o.Votes))
	}
	return fmt.Sprintf("%s by %d, own %v", strings.Join(votes, " "), polls[post].VotersCount, polls[post].Chosen)
}

func (p *testPerson) told(kind string) []*storage.Notification {
	p.t.Helper()
	list, err := p.c.db.Notifications(context.Background(), p.me.ID, storage.Told{Kinds: []string{kind}}, storage.Page{Limit: 40})
	if err != nil {
		p.t.Fatal(err)
	}
	return list
}

// settleSoon lets what is due a little later happen too.
func (n *testNodes) settleSoon() {
	n.t.Helper()
	n.settle()
	n.advance(storage.PollTold + time.Minute)
	n.settle()
}

func TestAPollIsAnsweredOnTwoNodesAndClosesOnBoth(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		databases := []string{url}
		n := startCores(t, nextDatabase(t, &databases), "siege.test", "labo.test")
		ctx := context.Background()
		ana, luc, zoe, max := n.person("ana@siege.test"), n.person("luc@labo.test"), n.person("zoe@siege.test"), n.person("max@labo.test")
		luc.follows("ana@siege.test")
		max.follows("ana@siege.test")
		n.settle()
		mine := ana.asks("Where do we go?", false, 14*24*time.Hour, "sea", "mountains")
		n.settle()
		theirs := luc.reads("Where do we go?")
		if got, want := luc.counts(theirs.ID), "sea:0 mountains:0 by 0, own []"; got != want {
			t.Errorf("the poll arrives as %s, want %s", got, want)
		}
		if _, err := luc.c.outbox.Vote(ctx, luc.me, theirs.ID, []int{1}); err != nil {
			t.Fatal(err)
		}
		if got, want := luc.counts(theirs.ID), "sea:0 mountains:1 by 1, own [1]"; got != want {
			t.Errorf("luc sees his own vote as %s, want %s", got, want)
		}
		if _, err := zoe.c.outbox.Vote(ctx, zoe.me, mine.ID, []int{0}); err != nil {
			t.Fatal(err)
		}
		if _, err := luc.c.outbox.Vote(ctx, luc.me, theirs.ID, []int{0}); !errors.Is(err, outbox.ErrInvalid) {
			t.Errorf("a second vote: %v", err)
		}
		if _, err := ana.c.outbox.Vote(ctx, ana.me, mine.ID, []int{0}); !errors.Is(err, outbox.ErrInvalid) {
			t.Errorf("a vote in one's own poll: %v", err)
		}
		n.settleSoon()
		for who, want := range map[*testPerson]string{ana: "sea:1 mountains:1 by 2, own []", zoe: "sea:1 mountains:1 by 2, own [0]"} {
			if got := who.counts(mine.ID); got != want {
				t.Errorf("%s counts %s, want %s", who.me.Username, got, want)
			}
		}
		if got, want := max.counts(theirs.ID), "sea:1 mountains:1 by 2, own []"; got != want {
			t.Errorf("the other node counts %s, want %s", got, want)
		}
		if edits, err := luc.c.db.PostEdits(ctx, theirs.ID); err != nil || len(edits) != 0 {
			t.Errorf("new counts are taken for %d edits (%v)", len(edits), err)
		}
		n.advance(14 * 24 * time.Hour)
		n.settle()
		for _, who := range []*testPerson{ana, luc, zoe} {
			if got := len(who.told(storage.NotifyPoll)); got != 1 {
				t.Errorf("%s is told %d times that the poll is over", who.me.Username, got)
			}
		}
		if len(max.told(storage.NotifyPoll)) != 0 {
			t.Error("max, who didn't vote, is told that the poll is over")
		}
		for at, post := range map[*testPerson]int64{ana: mine.ID, luc: theirs.ID} {
			p, err := at.c.db.PollOf(ctx, post)
			if err != nil || p.ClosedAt.IsZero() {
				t.Errorf("on %s the poll is open (%v)", at.host, err)
			}
		}
		if _, err := max.c.outbox.Vote(ctx, max.me, theirs.ID, []int{0}); !errors.Is(err, outbox.ErrInvalid) {
			t.Errorf("a vote after the end: %v", err)
		}
	})
}

func TestVotesOverTheWireCountOnceAndOnlyWhereTheyMay(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ctx := context.Background()
	ana := n.person("ana@siege.test")
	bob := n.stranger("peer.test", "bob", "eve")
	n.openly("siege.test", "peer.test")
	open := ana.asks("Tea?", false, time.Hour, "yes", "no")
	secret, err := ana.c.outbox.Post(ctx, ana.me, outbox.Draft{Text: "For us", Visibility: storage.Followers, Poll: &outbox.PollDraft{Options: []string{"yes", "no"}, ExpiresIn: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	vote := func(id, who, question, answer, extra string) string {
		return fmt.Sprintf(`{"id":"https://peer.test/v/%[1]s/create","type":"Create","actor":%[2]q,"to":[%[5]q],"object":{"id":"https://peer.test/v/%[1]s","type":"Note","attributedTo":%[2]q,"inReplyTo":%[3]q,"name":%[4]q,"to":[%[5]q]%[6]s}}`,
			id, bob.id(who), question, answer, ana.me.URI, extra)
	}
	for _, tc := range []struct {
		name, body, signer, want string
	}{
		{"an answer that isn't one", vote("1", "bob", open.URI, "perhaps", ""), "bob", "yes:0 no:0 by 0"},
		{"in a poll that isn't for the node", vote("2", "bob", secret.URI, "yes", ""), "bob", "yes:0 no:0 by 0"},
		{"in another's name", strings.Replace(vote("3", "bob", open.URI, "yes", ""), `"attributedTo":"https://peer.test/u/bob"`, `"attributedTo":"https://peer.test/u/eve"`, 1), "bob", "yes:0 no:0 by 0"},
		{"a vote", vote("4", "bob", open.URI, "yes", ""), "bob", "yes:1 no:0 by 1"},
		{"the same again", vote("4", "bob", open.URI, "yes", ""), "bob", "yes:1 no:0 by 1"},
		{"a second one", vote("5", "bob", open.URI, "no", ""), "bob", "yes:1 no:0 by 1"},
		{"of somebody else", vote("6", "eve", open.URI, "no", ""), "eve", "yes:1 no:1 by 2"},
	} {
		if got := bob.deliver("siege.test", "/inbox", tc.signer, tc.body); got != http.StatusAccepted {
			t.Errorf("%s: answered %d", tc.name, got)
		}
		n.settle()
		if got := ana.counts(open.ID); got != tc.want+", own []" {
			t.Errorf("%s: counts %s, want %s", tc.name, got, tc.want)
		}
	}
	if got := ana.counts(secret.ID); !strings.HasPrefix(got, "yes:0 no:0") {
		t.Errorf("the poll for followers counts %s", got)
	}
	// An answer to a question that isn't there is ignored for that reason, and not tried again.
	ignored := n.counted("siege.test", "unknown_post")
	if got := bob.deliver("siege.test", "/inbox", "bob", vote("8", "bob", "https://siege.test/posts/nothing", "yes", "")); got != http.StatusAccepted {
		t.Errorf("a vote in a poll that isn't there is answered %d", got)
	}
	n.settle()
	if got := n.counted("siege.test", "unknown_post"); got != ignored+1 {
		t.Errorf("a vote in a poll that isn't there is ignored %v times for that", got-ignored)
	}
	before := n.rows("siege.test")
	n.advance(time.Hour)
	n.settle()
	late := vote("7", "eve", open.URI, "no", "")
	bob.deliver("siege.test", "/inbox", "eve", late)
	n.settle()
	if got := ana.counts(open.ID); got != "yes:1 no:1 by 2, own []" {
		t.Errorf("a late vote counts: %s", got)
	}
	if got := ana.told(storage.NotifyMention); len(got) != 0 {
		t.Errorf("votes are shown as %d mentions", len(got))
	}
	if strings.Contains(before, "posts:3") {
		t.Errorf("votes are stored as posts: %s", before)
	}
}

// openly allows a peer that doesn't keep circles, and accepts that its pages are public.
func (n *testNodes) openly(at, peer string) {
	n.t.Helper()
	n.update(at, func(tx *storage.Tx) error {
		return tx.SavePeer(context.Background(), &storage.Peer{Host: peer, Tier: storage.Partner, State: storage.PeerActive, PublicWeb: true})
	})
}

func TestAPeersPollKeepsItsNewestCountsAndItsQuestion(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ana := n.person("ana@siege.test")
	bob := n.stranger("peer.test", "bob")
	n.openly("siege.test", "peer.test")
	question := func(what string, yes int, extra string) string {
		return fmt.Sprintf(`{"id":"https://peer.test/q/1/%[1]s-%[2]d","type":%[1]q,"actor":%[3]q,"object":{"id":"https://peer.test/q/1","type":"Question","attributedTo":%[3]q,"content":"Rain?","published":"2026-11-20T08:00:00Z",
			"to":["as:Public"],"endTime":"2026-11-25T08:00:00Z","votersCount":%[2]d,"oneOf":[{"type":"Note","name":"yes","replies":{"totalItems":%[2]d}},{"type":"Note","name":"no"}]%[4]s}}`, what, yes, bob.id("bob"), extra)
	}
	send := func(body string) {
		t.Helper()
		if got := bob.deliver("siege.test", "/inbox", "bob", body); got != http.StatusAccepted {
			t.Fatalf("answered %d to %s", got, body)
		}
		n.settle()
	}
	send(question("Create", 1, ""))
	post, err := ana.c.db.PostByURI(context.Background(), "https://peer.test/q/1")
	if err != nil {
		t.Fatal(err)
	}
	send(question("Update", 5, ""))
	if got := ana.counts(post.ID); got != "yes:5 no:0 by 5, own []" {
		t.Errorf("after an Update it counts %s", got)
	}
	n.update("siege.test", func(tx *storage.Tx) error {
		said := &storage.Poll{VotersCount: 2, Options: []*storage.PollOption{{Votes: 2}, {}}}
		kept, err := tx.CountPoll(context.Background(), post.ID, said, n.clock().Add(-10*time.Minute))
		if kept {
			t.Error("counts that were signed before the ones we have are kept")
		}
		return err
	})
	send(question("Update", 7, `,"closed":"2026-11-20T08:30:00Z"`))
	if p, err := ana.c.db.PollOf(context.Background(), post.ID); err != nil || p.ClosedAt.IsZero() || p.Options[0].Votes != 7 {
		t.Errorf("the peer closed it, and it is %+v (%v)", p, err)
	}
	other := strings.NewReplacer(`"name":"no"`, `"name":"never"`, `"content":"Rain?"`, `"content":"Rain now?","updated":"2026-11-20T09:00:00Z"`, "Update-8", "Update-again").Replace(question("Update", 8, ""))
	send(other)
	if got := ana.counts(post.ID); got != "yes:8 never:0 by 8, own []" {
		t.Errorf("an edit that asks something else counts %s", got)
	}
	if edited, err := ana.c.db.PostByID(context.Background(), post.ID); err != nil || !strings.Contains(edited.HTML, "Rain now?") {
		t.Errorf("its words: %v (%v)", edited, err)
	}
}
