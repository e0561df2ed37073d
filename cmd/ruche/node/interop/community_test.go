//go:build interop

package interop

import (
	"slices"
	"strings"
	"testing"

	"ruche/outbox"
	"ruche/storage"
)

func TestCommunities(t *testing.T) {
	const area = "Communities"
	show(t, area, fromFedify, "Somebody of Fedify joins an open community of Ruche and is sent what its members write, as activity and as post", "FEP-1b12", func(f *flow) {
		ana, eva, lena := f.person("ana"), f.person("eva"), f.guest("lena")
		garden := ana.starts(storage.OpenCommunity)
		lena.follows(garden)
		eva.joins(garden)
		if o := lena.reads(garden.me.URI); o == nil || o.Type != "Group" || o.Author == "" {
			f.Errorf("the community is %+v", o)
		}
		post := eva.posts(outbox.Draft{Text: "tomatoes for all @" + garden.acct(), Visibility: storage.Public})
		whole := lena.receives("Announce", garden, func(a *activity) bool { return a.ObjectID == post.URI+"/create" })
		if whole.Object == nil || whole.Object.Type != "Create" || whole.Object.Actor != eva.me.URI || !slices.Contains(whole.To, public) {
			f.Errorf("the announced activity is %+v", whole)
		}
		lena.receives("Announce", garden, about(post.URI))
		if o := lena.reads(post.URI); o == nil || o.Audience != garden.me.URI {
			f.Errorf("the post is %+v", o)
		}
	})
	show(t, area, fromFedify, "What a member on Fedify writes for a community of Ruche reaches its members there, once", "FEP-1b12", func(f *flow) {
		ana, eva, lena := f.person("ana"), f.person("eva"), f.guest("lena")
		garden := ana.starts(storage.OpenCommunity)
		lena.follows(garden)
		eva.joins(garden)
		id := lena.does("post", args{"content": "<p>beans for all</p>", "group": garden.acct(), "mentions": []string{garden.acct()}})
		share := eva.sees("beans for all")
		if words := eva.finds(share.ShareOfID); words.URI != id {
			f.Errorf("the community shares %s", words.URI)
		}
		lena.receives("Announce", garden, about(id))
		lena.does("edit", args{"id": id, "content": "<p>green beans for all</p>"})
		eva.sees("green beans for all")
	})
	show(t, area, fromFedify, "Somebody of Fedify isn't taken into a community that keeps its posts among members, and is told why", "Ruche: closed communities", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		garden := ana.starts(storage.ByApproval)
		follow := lena.does("follow", args{"target": garden.me.URI})
		lena.receives("Reject", garden, about(follow))
		lena.receives("Create", garden, holds("takes members only"))
	})
	show(t, area, fromRuche, "Somebody of Ruche joins a group of Fedify, writes for it, and what its members write shows once", "FEP-1b12", func(f *flow) {
		ana, eva, lena, club := f.person("ana"), f.person("eva"), f.guest("lena"), f.guestWith("club", args{"kind": "Group"})
		ana.follows(club)
		eva.follows(club)
		post := ana.posts(outbox.Draft{Text: "swarms ahead @" + club.acct, Visibility: storage.Public})
		a := club.receives("Create", ana, holds("swarms ahead"))
		if a.Object.Audience != club.uri {
			f.Errorf("it is written for %q", a.Object.Audience)
		}
		if share := eva.sees("swarms ahead"); share.ShareOfID != post.ID || share.AuthorID != eva.stored(club).ID {
			f.Errorf("eva sees %+v", share)
		}
		lena.does("follow", args{"target": club.acct})
		id := lena.does("post", args{"content": "<p>mites ahead</p>", "group": club.acct, "mentions": []string{club.acct}})
		share := eva.sees("mites ahead")
		if words := eva.finds(share.ShareOfID); words.URI != id || words.AuthorID != eva.stored(lena).ID {
			f.Errorf("the group shares %s", words.URI)
		}
	})
}

func TestThreads(t *testing.T) {
	const area = "Threads and forwarding"
	show(t, area, fromFedify, "What an answer answers is fetched, to the beginning of its thread", "ActivityPub: inReplyTo", func(f *flow) {
		ana, lena, nora, olga := f.person("ana"), f.guest("lena"), f.guest("nora"), f.on(f.w.second).guest("olga")
		ana.follows(lena)
		first := olga.does("post", args{"content": "<p>the beginning</p>"})
		second := nora.does("post", args{"content": "<p>the middle</p>", "inReplyTo": first})
		lena.does("post", args{"content": "<p>the end</p>", "inReplyTo": second})
		end := ana.sees("the end")
		eventually(f.T, "the thread is whole", func() bool {
			above, err := f.node.DB().Ancestors(f.ctx, ana.me.ID, ana.again(end))
			f.must(err)
			return len(above) == 2 && above[0].URI == first && above[1].URI == second
		})
	})
	show(t, area, fromFedify, "A public post's thread is listed by its context to a peer", "FEP-7888", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		asked := ana.posts(outbox.Draft{Text: "a thread begins", Visibility: storage.Public})
		answer := lena.does("post", args{"content": "<p>and goes on</p>", "inReplyTo": asked.URI, "mentions": []string{ana.acct()}})
		ana.told(storage.NotifyMention, ana.knows(lena))
		o := lena.reads(asked.URI)
		if o.Context == "" {
			f.Fatalf("the post names no context: %+v", o)
		}
		if got := lena.lists(o.Context); !slices.Contains(got, asked.URI) || !slices.Contains(got, answer) {
			f.Errorf("the context lists %v", got)
		}
	})
	show(t, area, both, "An answer from a third server is passed on to the followers of whom it answers, with its author's proof, and taken there", "ActivityPub 7.1.2; FEP-8b32", func(f *flow) {
		ana, lena, olga := f.person("ana"), f.guest("lena"), f.on(f.w.second).guest("olga")
		lena.follows(ana)
		asked := ana.posts(outbox.Draft{Text: "who has seen a bear?", Visibility: storage.Public})
		lena.receives("Create", ana, holds("who has seen a bear?"))
		olga.does("post", args{"content": "<p>olga has seen one</p>", "inReplyTo": asked.URI, "mentions": []string{ana.acct()}, "alsoTo": []string{ana.me.FollowersURI}})
		a := lena.seesFrom(olga.uri, "Create", holds("olga has seen one"))
		if a.Proof != "good" {
			f.Errorf("its proof is %q", a.Proof)
		}
	})
	show(t, area, fromRuche, "An answer from another Ruche node is passed on with the proof that its author's node made, and Fedify takes it for that alone", "ActivityPub 7.1.2; FEP-8b32", func(f *flow) {
		there := *f
		for _, n := range f.w.nodes {
			if n != f.node {
				there.node = n
			}
		}
		if there.node == f.node {
			f.Skip("there is one node: set RUCHE_TEST_POSTGRES for a second")
		}
		ana, luc, lena := f.person("ana"), there.person("luc"), f.guest("lena")
		lena.follows(ana)
		asked := ana.posts(outbox.Draft{Text: "who has seen a lizard?", Visibility: storage.Public})
		lena.receives("Create", ana, holds("who has seen a lizard?"))
		at, err := there.node.Resolver().Post(f.ctx, asked.URI)
		f.must(err)
		luc.posts(outbox.Draft{Text: "luc has seen one @" + ana.acct(), InReplyTo: at.ID, Visibility: storage.Public})
		if a := lena.receives("Create", luc, holds("luc has seen one")); a.Proof != "good" || a.Object.InReplyTo != asked.URI {
			f.Errorf("it arrives with a proof that is %q, as %+v", a.Proof, a.Object)
		}
	})
	show(t, area, both, "A forwarded answer that Fedify doesn't take holds up nothing of what people write themselves", "ActivityPub 7.1.2", func(f *flow) {
		ana, lena, olga := f.person("ana"), f.guest("lena"), f.on(f.w.second).guestWith("olga", args{"plain": true})
		lena.follows(ana)
		asked := ana.posts(outbox.Draft{Text: "who has seen a wolf?", Visibility: storage.Public})
		lena.receives("Create", ana, holds("who has seen a wolf?"))
		olga.does("post", args{"content": "<p>olga saw it</p>", "inReplyTo": asked.URI, "mentions": []string{ana.acct()}, "alsoTo": []string{ana.me.FollowersURI}})
		ana.told(storage.NotifyMention, ana.knows(olga))
		ana.posts(outbox.Draft{Text: "something later", Visibility: storage.Public})
		lena.receives("Create", ana, holds("something later"))
		if got := lena.by(olga.uri, "Create"); len(got) != 0 {
			f.Errorf("what nobody could verify was taken: %+v", got[0])
		}
	})
	show(t, area, fromFedify, "An answer that Fedify passes on is read from its author's server, with a proof and without", "ActivityPub 7.1.2; FEP-8b32", func(f *flow) {
		for _, plain := range []bool{false, true} {
			ana, lena, olga := f.person("ana"), f.guest("lena"), f.on(f.w.second).guestWith("olga", args{"plain": plain})
			ana.follows(lena)
			lena.does("set", args{"forwards": true})
			asked := lena.does("post", args{"content": "<p>who has seen a fox?</p>"})
			post := ana.sees("who has seen a fox?")
			olga.does("post", args{"content": "<p>a fox it was</p>", "inReplyTo": asked, "mentions": []string{lena.acct}, "alsoTo": []string{lena.uri + "/followers"}})
			eventually(f.T, "the answer is in the thread", func() bool {
				below, err := f.node.DB().Descendants(f.ctx, ana.me.ID, post)
				f.must(err)
				return len(below) == 1 && strings.Contains(below[0].HTML, "a fox it was")
			})
		}
	})
}

func TestFollowersSynchronisation(t *testing.T) {
	const area = "Followers synchronisation"
	show(t, area, fromRuche, "A followers-only post carries the digest that Fedify counts for its followers there, who are listed to it alone", "FEP-8fcf", func(f *flow) {
		ana, lena, nora, olga := f.person("ana"), f.guest("lena"), f.guest("nora"), f.on(f.w.second).guest("olga")
		for _, g := range []*guest{lena, nora, olga} {
			g.follows(ana)
		}
		ana.posts(outbox.Draft{Text: "among us", Visibility: storage.Followers})
		got := lena.receives("Create", ana, holds("among us")).Sync
		var want struct{ Header string }
		f.must(f.fed.try("synchronization", args{"collection": ana.me.FollowersURI, "followers": []string{lena.uri, nora.uri}}, &want))
		if part(got, "collectionId") != ana.me.FollowersURI || part(got, "digest") != part(want.Header, "digest") {
			f.Errorf("the header is %s\nfedify counts %s", got, want.Header)
		}
		listed := lena.lists(part(got, "url"))
		slices.Sort(listed)
		if w := slices.Sorted(slices.Values([]string{lena.uri, nora.uri})); !slices.Equal(listed, w) {
			f.Errorf("listed are %v, want %v", listed, w)
		}
	})
	show(t, area, fromFedify, "Lists that drifted apart are mended by the header of a followers-only post, both ways", "FEP-8fcf", func(f *flow) {
		ana, eva, zoe, lena := f.person("ana"), f.person("eva"), f.person("zoe"), f.guest("lena")
		ana.follows(lena)
		eva.follows(lena)
		lena.does("drift", args{"lost": []string{ana.me.URI}, "added": []string{zoe.me.URI}})
		lena.does("post", args{"content": "<p>among them</p>", "visibility": "followers", "sync": true})
		eventually(f.T, "ana no longer follows", func() bool { return ana.follow(ana.me, ana.stored(lena)) == "" })
		lena.receives("Undo", zoe, func(a *activity) bool { return true })
		if got := eva.follow(eva.me, eva.stored(lena)); got != storage.Accepted {
			f.Errorf("eva's follow is %q", got)
		}
	})
}

// part is a parameter of a Collection-Synchronization header.
func part(header, name string) string {
	_, rest, _ := strings.Cut(header, name+`="`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// starts founds a community, and gives it as somebody whom others can follow.
func (p *person) starts(admission string) *person {
	p.Helper()
	group, err := p.node.Outbox().CreateCommunity(p.ctx, p.me, outbox.CommunityDraft{Username: p.w.next("garden"), DisplayName: "Garden", Admission: admission})
	p.must(err)
	return &person{flow: p.flow, me: group}
}

// joins follows a community of the same node.
func (p *person) joins(group *person) {
	p.Helper()
	p.must(p.node.Outbox().Follow(p.ctx, p.me, group.me.ID, outbox.FollowOptions{}))
}
