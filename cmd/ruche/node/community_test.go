package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
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
	ours := ana.posts("the figures @board", storage.Public)
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
		if got := n.get("usine.test", post.URI); !strings.HasPrefix(got, "404 ") {
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
		if got := n.get("usine.test", ana.me.URI+list); strings.Contains(got, "figures") {
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
	luc.follows("club@siege.test")
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
			if _, err := zoe.c.db.VisiblePost(ctx, zoe.me.ID, n.post(zoe, post.URI).ID); err != nil {
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

func (n *testNodes) post(p *testPerson, uri string) *storage.Post {
	n.t.Helper()
	post, err := p.c.db.PostByURI(context.Background(), uri)
	if err != nil {
		n.t.Fatal(err)
	}
	return post
}

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
	if p := n.post(ana, "https://peer.test/n/in"); !p.DeletedAt.IsZero() {
		t.Error("a moderator deleted somebody's post")
	}
	announce("club", "back", create("in", lemmy.id("bob"), "words"))
	ana.sees("new words of in", 0)
	// What its author deleted is gone, if its host says so.
	announce("club", "author-delete", fmt.Sprintf(`{"id":"https://peer.test/d/2","type":"Delete","actor":%q,"object":"https://peer.test/n/in2"}`, lemmy.id("bob")))
	if p := n.post(ana, "https://peer.test/n/in2"); !p.DeletedAt.IsZero() {
		t.Error("a community deleted somebody's post")
	}
	delete(lemmy.docs, "/n/in2")
	announce("club", "author-delete-2", fmt.Sprintf(`{"id":"https://peer.test/d/3","type":"Delete","actor":%q,"object":"https://peer.test/n/in2"}`, lemmy.id("bob")))
	if p := n.post(ana, "https://peer.test/n/in2"); p.DeletedAt.IsZero() {
		t.Error("a post whose host says that it is gone is still here")
	}
}
