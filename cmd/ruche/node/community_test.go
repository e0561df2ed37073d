package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"ruche/outbox"
	"ruche/storage"
	"ruche/storage/storagetest"
)

func (p *testPerson) starts(name, admission string) *storage.Account {
	p.t.Helper()
	group, err := p.c.outbox.CreateCommunity(context.Background(), p.me, outbox.CommunityDraft{Username: name, DisplayName: name, Admission: admission})
	if err != nil {
		p.t.Fatal(err)
	}
	return group
}

// group makes the stranger's actor a Group.
func (s *stranger) group(name string) {
	s.docs["/u/"+name] = strings.Replace(s.docs["/u/"+name], `"type":"Person"`, `"type":"Group"`, 1)
}

// told lists what was posted to the stranger, by type and the type of its object.
func (s *stranger) told(words string) []string {
	s.n.t.Helper()
	var out []string
	for _, body := range s.posted {
		if !bytes.Contains(body, []byte(words)) {
			continue
		}
		var a struct {
			Type   string
			Object json.RawMessage
		}
		if err := json.Unmarshal(body, &a); err != nil {
			s.n.t.Fatal(err)
		}
		var inner struct{ Type string }
		_ = json.Unmarshal(a.Object, &inner)
		if inner.Type == "" {
			inner.Type = "id"
		}
		out = append(out, a.Type+" "+inner.Type)
	}
	return out
}

func (n *testNodes) id(p *testPerson, uri string) int64 {
	n.t.Helper()
	a, err := p.c.db.AccountByURI(context.Background(), uri)
	if err != nil {
		n.t.Fatal(err)
	}
	return a.ID
}

func TestWhatAMemberWritesInAnOpenCommunityReachesEachMemberOnce(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		databases := []string{url}
		n := startCores(t, nextDatabase(t, &databases), "siege.test", "labo.test", "usine.test")
		ctx := context.Background()
		ana, eva, luc, zoe := n.person("ana@siege.test"), n.person("eva@siege.test"), n.person("luc@labo.test"), n.person("zoe@usine.test")
		bob := n.stranger("web.test", "bob")
		n.allowAs("siege.test", storage.Peer{Host: "web.test", Tier: storage.Partner, PublicWeb: true})
		garden := ana.starts("garden", storage.OpenCommunity)
		for _, p := range []*testPerson{eva, luc, zoe} {
			p.follows("garden@siege.test")
		}
		zoe.follows("luc@labo.test")
		bob.deliver("siege.test", "/inbox", "bob", fmt.Sprintf(`{"id":"https://web.test/f","type":"Follow","actor":%q,"object":%q}`, bob.id("bob"), garden.URI))
		n.settle()

		post := luc.posts("tomatoes for all @garden@siege.test", storage.Public)
		n.settle()
		for _, p := range []*testPerson{ana, eva, zoe, luc} {
			p.sees("tomatoes for all", 1)
		}
		n.same("what other servers are told", bob.told(post.URI), []string{"Announce Create", "Announce id"})
		if got := bob.told("tomatoes")[0]; got != "Announce Create" {
			t.Errorf("the activity is told as %s", got)
		}
		for _, body := range bob.posted {
			if bytes.Contains(body, []byte("tomatoes")) && !bytes.Contains(body, []byte(fmt.Sprintf(`"audience":%q`, garden.URI))) {
				t.Errorf("it doesn't say for whom it is: %s", body)
			}
		}

		ana.posts("and beans @garden", storage.Public)
		n.settle()
		for _, p := range []*testPerson{ana, eva, zoe, luc} {
			p.sees("and beans", 1)
		}
		// An answer stays in the community without naming it.
		at, err := zoe.c.db.PostByURI(ctx, post.URI)
		if err != nil {
			t.Fatal(err)
		}
		zoe.answers(at, "mine are green", storage.Public)
		n.settle()
		ana.sees("mine are green", 1)
		eva.sees("mine are green", 1)

		if _, err := luc.c.outbox.Edit(ctx, luc.me, post.ID, outbox.Edit{Text: "red tomatoes for all @garden@siege.test"}); err != nil {
			t.Fatal(err)
		}
		n.settle()
		for _, p := range []*testPerson{ana, eva, zoe} {
			p.sees("red tomatoes", 1)
		}
		n.same("an edit", bob.told("red tomatoes"), []string{"Announce Update"})
		if _, err := luc.c.outbox.Delete(ctx, luc.me, post.ID); err != nil {
			t.Fatal(err)
		}
		n.settle()
		for _, p := range []*testPerson{ana, eva, zoe} {
			p.sees("red tomatoes", 0)
		}

		// Who isn't a member speaks of it, not in it.
		max := n.person("max@labo.test")
		max.posts("what is @garden@siege.test?", storage.Public)
		n.settle()
		eva.sees("what is", 0)
	})
}

func TestAMemberOnAnotherServerPostsByAudienceOrMention(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ana, eva := n.person("ana@siege.test"), n.person("eva@siege.test")
	bob := n.stranger("web.test", "bob", "eve")
	n.allowAs("siege.test", storage.Peer{Host: "web.test", Tier: storage.Partner, PublicWeb: true})
	garden := ana.starts("garden", storage.OpenCommunity)
	eva.follows("garden@siege.test")
	bob.deliver("siege.test", "/inbox", "bob", fmt.Sprintf(`{"id":"https://web.test/f","type":"Follow","actor":%q,"object":%q}`, bob.id("bob"), garden.URI))
	n.settle()
	for i, extra := range []string{
		fmt.Sprintf(`,"audience":%q`, garden.URI),
		fmt.Sprintf(`,"tag":[{"type":"Mention","href":%q,"name":"@garden"}]`, garden.URI),
	} {
		bob.deliver("siege.test", "/inbox", "bob", bob.create("bob", fmt.Sprint("in", i), fmt.Sprint("number ", i), extra))
		bob.deliver("siege.test", "/inbox", "eve", bob.create("eve", fmt.Sprint("out", i), fmt.Sprint("stranger ", i), extra))
		n.settle()
		eva.sees(fmt.Sprint("number ", i), 1)
		eva.sees(fmt.Sprint("stranger ", i), 0)
	}
	// To a community goes what is public: not what its author's followers alone may read.
	private := strings.ReplaceAll(bob.create("bob", "priv", "among friends", fmt.Sprintf(`,"audience":%q`, garden.URI)), public, bob.id("bob")+"/followers")
	bob.deliver("siege.test", "/inbox", "bob", private)
	n.settle()
	eva.sees("among friends", 0)
}

func TestACommunityThatIsNotOpenStaysAmongItsMembers(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test", "labo.test", "usine.test")
	ctx := context.Background()
	ana, eva, luc, zoe := n.person("ana@siege.test"), n.person("eva@siege.test"), n.person("luc@labo.test"), n.person("zoe@usine.test")
	bob := n.stranger("web.test", "bob")
	n.allowAs("siege.test", storage.Peer{Host: "web.test", Tier: storage.Partner, PublicWeb: true})
	board := ana.starts("board", storage.ByApproval)

	// A server that doesn't keep circles is told why, once.
	for i := range 3 {
		bob.deliver("siege.test", "/inbox", "bob", fmt.Sprintf(`{"id":"https://web.test/f/%d","type":"Follow","actor":%q,"object":%q}`, i, bob.id("bob"), board.URI))
		n.settle()
	}
	n.same("what a server without circles is told", bob.told(""), []string{"Reject Follow", "Create Note", "Reject Follow", "Reject Follow"})
	if !bytes.Contains(bob.posted[1], []byte("only from servers that keep its posts among its members")) {
		t.Errorf("it is told %s", bob.posted[1])
	}

	luc.follows("board@siege.test")
	eva.follows("board@siege.test")
	zoe.follows("luc@labo.test")
	zoe.follows("ana@siege.test")
	n.settle()
	if n.following("labo.test", luc.me.URI, board.URI) || n.following("siege.test", eva.me.URI, board.URI) {
		t.Error("a member without a moderator's yes")
	}
	for _, p := range []string{luc.me.URI, eva.me.URI} {
		if err := ana.c.outbox.AcceptMember(ctx, eva.me, board.ID, n.id(ana, p)); !errors.Is(err, outbox.ErrForbidden) {
			t.Errorf("somebody else said yes: %v", err)
		}
		if err := ana.c.outbox.AcceptMember(ctx, ana.me, board.ID, n.id(ana, p)); err != nil {
			t.Fatal(err)
		}
	}
	n.settle()
	if !n.following("labo.test", luc.me.URI, board.URI) {
		t.Error("a moderator's yes made no member")
	}
	ours := ana.posts("the figures @board, and @bob@web.test", storage.Public)
	theirs := luc.posts("my figures @board@siege.test", storage.Public)
	n.settle()
	for _, p := range []*testPerson{ana, eva, luc} {
		p.sees("the figures", 1)
		p.sees("my figures", 1)
	}
	zoe.sees("figures", 0)
	for _, post := range []*storage.Post{ours, theirs} {
		if post.Visibility != storage.Members {
			t.Errorf("%q is for %s", post.Text, post.Visibility)
		}
		if got := n.asks("usine.test", post.URI); !strings.HasPrefix(got, "404 ") {
			t.Errorf("a node without members reads %s", got)
		}
	}
	outsider := n.person("max@siege.test")
	outsider.follows("ana@siege.test")
	outsider.sees("figures", 0)
	if words, _ := outsider.c.db.VisiblePost(ctx, outsider.me.ID, ours.ID); words != nil {
		t.Error("somebody on the same node reads it by its id")
	}
	for _, list := range []string{"/outbox?page=true", "/followers?page=true"} {
		if got := n.asks("usine.test", ana.me.URI+list); strings.Contains(got, "figures") {
			t.Errorf("%s tells %s", list, got)
		}
	}
	if len(bob.told("figures")) > 0 {
		t.Error("it went to a server without circles")
	}
	// An answer is for the members, too, whatever an app asks for.
	at, err := luc.c.db.PostByURI(ctx, ours.URI)
	if err != nil {
		t.Fatal(err)
	}
	if answer := luc.answers(at, "figures agree", storage.Followers); answer.Visibility != storage.Members {
		t.Errorf("an answer is for %s", answer.Visibility)
	}
	n.settle()
	eva.sees("figures agree", 1)
	zoe.sees("figures agree", 0)
	// Whoever leaves reads no more.
	if err := luc.c.outbox.Unfollow(ctx, luc.me, n.id(luc, board.URI)); err != nil {
		t.Fatal(err)
	}
	n.settle()
	luc.sees("the figures", 0)
}

func TestMembersOnThreeNodesReadEachOtherInACommunityThatIsNotOpen(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test", "labo.test", "usine.test")
	ctx := context.Background()
	ana, luc, zoe := n.person("ana@siege.test"), n.person("luc@labo.test"), n.person("zoe@usine.test")
	club := ana.starts("club", storage.ByApproval)
	luc.follows("club@siege.test")
	zoe.follows("club@siege.test")
	n.settle()
	for _, who := range []string{luc.me.URI, zoe.me.URI} {
		if err := ana.c.outbox.AcceptMember(ctx, ana.me, club.ID, n.id(ana, who)); err != nil {
			t.Fatal(err)
		}
	}
	n.settle()
	// Luc's node doesn't know who else is a member: that zoe reads it rests on his proof.
	post := luc.posts("between us @club@siege.test", storage.Public)
	n.settle()
	ana.sees("between us", 1)
	zoe.sees("between us", 1)
	if _, err := luc.c.outbox.Edit(ctx, luc.me, post.ID, outbox.Edit{Text: "strictly between us @club@siege.test"}); err != nil {
		t.Fatal(err)
	}
	n.settle()
	zoe.sees("strictly between us", 1)
	if _, err := luc.c.outbox.Delete(ctx, luc.me, post.ID); err != nil {
		t.Fatal(err)
	}
	n.settle()
	zoe.sees("between us", 0)
	ana.sees("between us", 0)
}

func TestACommunityThatIsNotOpenTakesInNothingThatIsPublic(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ctx := context.Background()
	ana, eva := n.person("ana@siege.test"), n.person("eva@siege.test")
	bob := n.stranger("peer.test", "bob")
	bob.docs["/u/bob"] = strings.Replace(bob.docs["/u/bob"], `"type":"Person"`, `"type":"Person","generator":{"type":"Application","implements":["urn:ruche:circle:1"]}`, 1)
	n.allow("siege.test", "peer.test")
	board := ana.starts("board", storage.ByInvitation)
	bob.knows(ana, "bob")
	for _, who := range []int64{n.id(ana, bob.id("bob")), eva.me.ID} {
		if err := ana.c.outbox.Invite(ctx, ana.me, board.ID, who); err != nil {
			t.Fatal(err)
		}
	}
	eva.follows("board@siege.test")
	bob.deliver("siege.test", "/inbox", "bob", fmt.Sprintf(`{"id":"https://peer.test/f","type":"Follow","actor":%q,"object":%q}`, bob.id("bob"), board.URI))
	n.settle()
	loud := bob.create("bob", "loud", "for all the world", fmt.Sprintf(`,"audience":%q`, board.URI))
	bob.deliver("siege.test", "/inbox", "bob", loud)
	n.settle()
	eva.sees("for all the world", 0)
	quiet := strings.NewReplacer(public, board.FollowersURI, bob.id("bob")+"/followers", board.URI).
		Replace(bob.create("bob", "quiet", "for the members", fmt.Sprintf(`,"audience":%q`, board.URI)))
	bob.deliver("siege.test", "/inbox", "bob", quiet)
	n.settle()
	eva.sees("for the members", 1)
	ana.sees("for the members", 1)
	stranger := n.person("max@siege.test")
	if _, err := stranger.c.db.VisiblePost(ctx, stranger.me.ID, n.postAt(ana, "https://peer.test/n/quiet").ID); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("somebody who isn't a member reads it: %v", err)
	}
}

func TestAClosedCommunityIsJoinedByInvitation(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test", "labo.test")
	ctx := context.Background()
	ana, eva, luc := n.person("ana@siege.test"), n.person("eva@siege.test"), n.person("luc@labo.test")
	club := ana.starts("club", storage.ByInvitation)
	if err := eva.c.outbox.Follow(ctx, eva.me, club.ID, outbox.FollowOptions{}); !errors.Is(err, outbox.ErrInvalid) {
		t.Errorf("joined without an invitation: %v", err)
	}
	luc.follows("club@siege.test")
	n.settle()
	luc.sees("by invitation", 0)
	if n.following("labo.test", luc.me.URI, club.URI) {
		t.Error("joined without an invitation")
	}
	for _, p := range []string{luc.me.URI, eva.me.URI} {
		if err := ana.c.outbox.Invite(ctx, ana.me, club.ID, n.id(ana, p)); err != nil {
			t.Fatal(err)
		}
	}
	luc.follows("club@siege.test")
	eva.follows("club@siege.test")
	n.settle()
	if !n.following("labo.test", luc.me.URI, club.URI) || !n.following("siege.test", eva.me.URI, club.URI) {
		t.Error("an invitation doesn't let them in")
	}
	// A ban holds against an invitation, and what the banned write isn't taken in.
	if err := ana.c.outbox.Ban(ctx, ana.me, club.ID, n.id(ana, luc.me.URI)); err != nil {
		t.Fatal(err)
	}
	n.settle()
	if n.following("labo.test", luc.me.URI, club.URI) {
		t.Error("a banned member is still one")
	}
	if err := ana.c.outbox.Invite(ctx, ana.me, club.ID, n.id(ana, luc.me.URI)); err != nil {
		t.Fatal(err)
	}
	if err := luc.c.outbox.Follow(ctx, luc.me, n.id(luc, club.URI), outbox.FollowOptions{}); !errors.Is(err, outbox.ErrForbidden) {
		t.Errorf("a banned member asks again: %v", err)
	}
	n.settle()
	if n.following("labo.test", luc.me.URI, club.URI) {
		t.Error("a banned member came back")
	}
	luc.posts("hello again @club@siege.test", storage.Public)
	n.settle()
	eva.sees("hello again", 0)
}

func TestAModeratorTakesAPostOutOfTheCommunityOnly(t *testing.T) {
	for _, remote := range []bool{false, true} {
		t.Run(fmt.Sprintf("on another node: %v", remote), func(t *testing.T) {
			n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test", "labo.test", "usine.test")
			ctx := context.Background()
			ana, eva, luc, zoe := n.person("ana@siege.test"), n.person("eva@siege.test"), n.person("luc@labo.test"), n.person("zoe@usine.test")
			bob := n.stranger("web.test", "bob", "mod")
			n.allowAs("siege.test", storage.Peer{Host: "web.test", Tier: storage.Partner, PublicWeb: true})
			garden := ana.starts("garden", storage.OpenCommunity)
			luc.follows("garden@siege.test")
			zoe.follows("garden@siege.test")
			for _, who := range []string{"bob", "mod"} {
				bob.deliver("siege.test", "/inbox", who, fmt.Sprintf(`{"id":"https://web.test/f/%s","type":"Follow","actor":%q,"object":%q}`, who, bob.id(who), garden.URI))
			}
			eva.follows("luc@labo.test")
			n.settle()
			post := luc.posts("buy my car @garden@siege.test", storage.Public)
			n.settle()
			zoe.sees("buy my car", 1)
			ana.sees("buy my car", 1)
			at, err := ana.c.db.PostByURI(ctx, post.URI)
			if err != nil {
				t.Fatal(err)
			}
			remove := func(who string) {
				bob.deliver("siege.test", "/inbox", who, fmt.Sprintf(`{"id":"https://web.test/d/%s","type":"Delete","actor":%q,"to":[%q],"cc":[%q],"object":%q}`, who, bob.id(who), public, garden.URI, post.URI))
				n.settle()
			}
			remove("bob")
			if err := ana.c.outbox.RemoveFromCommunity(ctx, eva.me, at.ID); !errors.Is(err, outbox.ErrForbidden) {
				t.Errorf("anybody can: %v", err)
			}
			zoe.sees("buy my car", 1)
			if remote {
				if err := ana.c.outbox.AddModerator(ctx, ana.me, garden.ID, n.id(ana, bob.id("mod"))); err != nil {
					t.Fatal(err)
				}
				remove("mod")
			} else {
				if err := ana.c.outbox.RemoveFromCommunity(ctx, ana.me, at.ID); err != nil {
					t.Fatal(err)
				}
				n.settle()
			}
			zoe.sees("buy my car", 0)
			ana.sees("buy my car", 0)
			luc.sees("buy my car", 1)
			eva.sees("buy my car", 1) // follows its author
			if _, err := zoe.c.db.VisiblePost(ctx, zoe.me.ID, n.postAt(zoe, post.URI).ID); err != nil {
				t.Errorf("it isn't its author's any more: %v", err)
			}
			told := bob.told("")
			if got := told[len(told)-2:]; got[0] != "Announce Delete" || got[1] != "Undo Announce" {
				t.Errorf("other servers are told %q", got)
			}
			// Its author's edit doesn't bring it back.
			if _, err := luc.c.outbox.Edit(ctx, luc.me, post.ID, outbox.Edit{Text: "buy my car now @garden@siege.test"}); err != nil {
				t.Fatal(err)
			}
			n.settle()
			zoe.sees("buy my car", 0)
		})
	}
}

func (n *testNodes) postAt(p *testPerson, uri string) *storage.Post {
	n.t.Helper()
	post, err := p.c.db.PostByURI(context.Background(), uri)
	if err != nil {
		n.t.Fatal(err)
	}
	return post
}
