//go:build interop

package interop

import (
	"slices"
	"strings"
	"testing"

	"ruche/outbox"
	"ruche/storage"
)

func TestMoves(t *testing.T) {
	const area = "Moves"
	show(t, area, fromFedify, "Followers follow an account that moved, once both sides name each other", "ActivityPub: Move; alsoKnownAs both ways", func(f *flow) {
		ana, old, new := f.person("ana"), f.guest("lena"), f.guest("lenanew")
		ana.follows(old)
		new.does("set", args{"aliases": []string{old.uri}})
		old.does("move", args{"target": new.acct})
		new.receives("Follow", ana, about(new.uri))
		eventually(f.T, "the new account is followed and the old one not", func() bool {
			return ana.follow(ana.me, ana.stored(new)) == storage.Accepted && ana.follow(ana.me, ana.stored(old)) == ""
		})
	})
	show(t, area, fromFedify, "A move that the new account doesn't confirm moves nobody", "ActivityPub: Move; alsoKnownAs both ways", func(f *flow) {
		ana, old, new, third := f.person("ana"), f.guest("lena"), f.guest("victim"), f.guest("third")
		ana.follows(old)
		ana.follows(third)
		old.does("move", args{"target": new.acct})
		// A move that is confirmed comes later and is through: the first one had its time.
		next := f.guest("next")
		next.does("set", args{"aliases": []string{third.uri}})
		third.does("move", args{"target": next.acct})
		next.receives("Follow", ana, about(next.uri))
		if got := ana.follow(ana.me, ana.stored(old)); got != storage.Accepted {
			f.Errorf("the follow of the account that said it moved is %q", got)
		}
		if slices.ContainsFunc(new.all("Follow", ana), about(new.uri)) {
			f.Error("the account that was named is followed")
		}
	})
	show(t, area, fromRuche, "An account that moves to Fedify says so to its followers, who find both sides' word for it", "ActivityPub: Move; alsoKnownAs both ways", func(f *flow) {
		ana, lena, new := f.person("ana"), f.guest("lena"), f.guest("ananew")
		lena.follows(ana)
		new.does("set", args{"aliases": []string{ana.me.URI}})
		f.must(f.node.Outbox().Move(f.ctx, ana.me, ana.knows(new)))
		move := lena.receives("Move", ana, about(ana.me.URI))
		if move.TargetID != new.uri {
			f.Errorf("moved to %s", move.TargetID)
		}
		if o := lena.reads(ana.me.URI); o == nil || o.MovedTo != new.uri {
			f.Errorf("the old account says %+v", o)
		}
	})
	show(t, area, fromRuche, "An account of Ruche names its other accounts, so that one of Fedify can move to it", "ActivityPub: alsoKnownAs", func(f *flow) {
		ana, luc, old := f.person("ana"), f.person("luc"), f.guest("lena")
		luc.follows(old)
		f.must(f.node.Outbox().SetAliases(f.ctx, ana.me, []*storage.Account{ana.knows(old)}))
		if o := old.reads(ana.me.URI); !slices.Equal(o.Aliases, []string{old.uri}) {
			f.Errorf("aliases %v", o.Aliases)
		}
		old.does("move", args{"target": ana.acct()})
		eventually(f.T, "luc follows ana", func() bool { return luc.follow(luc.me, ana.me) == storage.Accepted })
	})
}

func TestPinsBlocksAndReports(t *testing.T) {
	const area = "Pins, blocks and reports"
	show(t, area, both, "A pinned post is listed on top of a profile, and not when it is unpinned", "Mastodon: featured; ActivityPub 6.6, 6.7", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		lena.follows(ana)
		ana.follows(lena)
		post := ana.posts(outbox.Draft{Text: "pin me", Visibility: storage.Public})
		f.must(f.node.Outbox().Pin(f.ctx, ana.me, post.ID))
		lena.receives("Add", ana, about(post.URI))
		f.must(f.node.Outbox().Unpin(f.ctx, ana.me, post.ID))
		lena.receives("Remove", ana, about(post.URI))

		id := lena.does("post", args{"content": "<p>pinned there</p>"})
		theirs := ana.sees("pinned there")
		lena.does("pin", args{"id": id})
		eventually(f.T, "the pin is known", func() bool { return ana.pinned(theirs) })
		lena.does("pin", args{"id": id, "off": true})
		eventually(f.T, "the pin is gone", func() bool { return !ana.pinned(theirs) })
	})
	show(t, area, fromRuche, "A block reaches the blocked one's server, ends the follows, and is lifted", "ActivityPub 6.9", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		lena.follows(ana)
		ana.follows(lena)
		f.must(f.node.Outbox().Block(f.ctx, ana.me, ana.stored(lena).ID))
		block := lena.receives("Block", ana, about(lena.uri))
		if ana.follow(ana.me, ana.stored(lena)) != "" || ana.follow(ana.stored(lena), ana.me) != "" {
			f.Error("a follow outlives the block")
		}
		f.must(f.node.Outbox().Unblock(f.ctx, ana.me, ana.stored(lena).ID))
		lena.receives("Undo", ana, about(block.ID))
	})
	show(t, area, fromFedify, "A block ends the follows and is heeded, and is lifted", "ActivityPub 7.9", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		ana.follows(lena)
		lena.does("block", args{"target": ana.acct()})
		eventually(f.T, "the block is known", func() bool {
			blocked, err := f.node.DB().Blocks(f.ctx, ana.stored(lena).ID, ana.me.ID)
			f.must(err)
			return blocked && ana.follow(ana.me, ana.stored(lena)) == ""
		})
		lena.does("unblock", args{"target": ana.acct()})
		eventually(f.T, "the block is lifted", func() bool {
			blocked, err := f.node.DB().Blocks(f.ctx, ana.stored(lena).ID, ana.me.ID)
			f.must(err)
			return !blocked
		})
	})
	show(t, area, both, "A complaint reaches the other side's moderators, ours without the name of who complains", "ActivityStreams vocabulary: Flag", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		ana.follows(lena)
		id := lena.does("post", args{"content": "<p>rude words</p>"})
		post := ana.sees("rude words")
		_, err := f.node.Outbox().Report(f.ctx, ana.me, outbox.Complaint{Target: ana.stored(lena).ID, Posts: []int64{post.ID}, Comment: "this is rude", Forward: true})
		f.must(err)
		eventually(f.T, "the complaint arrives at fedify", func() bool {
			seen, err := f.fed.seen()
			f.must(err)
			return slices.ContainsFunc(seen, func(a *activity) bool {
				return a.Type == "Flag" && strings.HasPrefix(a.Actor, "https://"+f.node.domain+"/") && a.Actor != ana.me.URI && a.Content == "this is rude" && slices.Contains(a.Objects, id)
			})
		})
		ours := ana.posts(outbox.Draft{Text: "ruder words", Visibility: storage.Public})
		lena.does("flag", args{"target": ana.acct(), "posts": []string{ours.URI}, "comment": "no, that is"})
		eventually(f.T, "the complaint arrives at ruche", func() bool {
			reports, err := f.node.DB().Reports(f.ctx, storage.ReportFilter{}, storage.Page{Limit: 40})
			f.must(err)
			return slices.ContainsFunc(reports, func(r *storage.Report) bool {
				return r.TargetID == ana.me.ID && r.Comment == "no, that is" && slices.Equal(r.Posts, []int64{ours.ID})
			})
		})
	})
}

func (p *person) pinned(post *storage.Post) bool {
	p.Helper()
	found, err := p.node.DB().Pinned(p.ctx, []int64{post.ID})
	p.must(err)
	return found[post.ID]
}
