//go:build interop

package interop

import (
	"testing"

	"ruche/storage"
)

func TestFollows(t *testing.T) {
	const area = "Follows"
	show(t, area, fromRuche, "A follow is accepted, and ended by the follower", "ActivityPub 7.5, 7.6, 7.10", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		ana.follows(lena)
		ana.unfollows(lena)
		undo := lena.receives("Undo", ana, func(a *activity) bool { return a.Object != nil && a.Object.Type == "Follow" })
		if undo.Object.ObjectID != lena.uri {
			f.Errorf("the Undo ends a follow of %s", undo.Object.ObjectID)
		}
	})
	show(t, area, fromRuche, "A follow waits until it is accepted, and a refused one never was", "ActivityPub 7.6, 7.7", func(f *flow) {
		ana := f.person("ana")
		later, no := f.guestWith("lena", args{"answers": "later"}), f.guestWith("nora", args{"answers": "no"})
		ana.asks(later)
		ana.asks(no)
		later.receives("Follow", ana, about(later.uri))
		if got := ana.follow(ana.me, ana.knows(later)); got != storage.Pending {
			f.Errorf("before the answer the follow is %q", got)
		}
		later.does("answer", args{"follower": ana.me.URI, "yes": true})
		eventually(f.T, "the follow is accepted", func() bool { return ana.follow(ana.me, ana.knows(later)) == storage.Accepted })
		eventually(f.T, "the refused follow is gone", func() bool { return ana.follow(ana.me, ana.knows(no)) == "" })
	})
	show(t, area, fromRuche, "A follower is removed after having been accepted", "ActivityPub 7.7", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		ana.follows(lena)
		lena.does("answer", args{"follower": ana.me.URI, "yes": false})
		eventually(f.T, "the follow is gone", func() bool { return ana.follow(ana.me, ana.knows(lena)) == "" })
	})
	show(t, area, fromFedify, "A follow is accepted, and ended by the follower", "ActivityPub 7.5, 7.6, 7.10", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		lena.follows(ana)
		if got := ana.follow(ana.knows(lena), ana.me); got != storage.Accepted {
			f.Errorf("the follow is %q", got)
		}
		ana.told(storage.NotifyFollow, ana.knows(lena))
		lena.does("unfollow", args{"target": ana.me.URI})
		eventually(f.T, "the follow is gone", func() bool { return ana.follow(ana.knows(lena), ana.me) == "" })
	})
	show(t, area, fromFedify, "A follow waits until its target decides, and can be taken back or refused", "ActivityPub 7.6, 7.7", func(f *flow) {
		ana := f.personWith("ana", func(a *storage.Account) { a.Locked = true })
		lena, nora, olga := f.guest("lena"), f.guest("nora"), f.guest("olga")
		asked := map[*guest]string{}
		for _, g := range []*guest{lena, nora, olga} {
			asked[g] = g.does("follow", args{"target": ana.me.URI})
			ana.told(storage.NotifyFollowRequest, ana.knows(g))
		}
		f.must(f.node.Outbox().AcceptFollower(f.ctx, ana.me, ana.knows(lena).ID))
		lena.receives("Accept", ana, about(asked[lena]))
		f.must(f.node.Outbox().RejectFollower(f.ctx, ana.me, ana.knows(nora).ID))
		nora.receives("Reject", ana, about(asked[nora]))
		olga.does("unfollow", args{"target": ana.me.URI})
		eventually(f.T, "the request is gone", func() bool { return ana.follow(ana.knows(olga), ana.me) == "" })
	})
}
