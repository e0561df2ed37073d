//go:build interop

package interop

import (
	"slices"
	"testing"

	"ruche/outbox"
	"ruche/storage"
)

func TestSharesAndLikes(t *testing.T) {
	const area = "Shares and likes"
	show(t, area, fromRuche, "A share reaches followers and author, and is taken back", "ActivityPub 6.10, 7.11", func(f *flow) {
		ana, lena, nora := f.person("ana"), f.guest("lena"), f.guest("nora")
		ana.follows(lena)
		nora.follows(ana)
		id := lena.does("post", args{"content": "<p>worth sharing</p>"})
		post := ana.sees("worth sharing")
		share := ana.shares(post)
		a := nora.receives("Announce", ana, about(id))
		if a.ID != share.URI || !slices.Contains(a.To, public) || !slices.Contains(a.Cc, lena.uri) {
			f.Errorf("the share is %+v", a)
		}
		f.must(f.node.Outbox().Unshare(f.ctx, ana.me, post.ID))
		undo := nora.receives("Undo", ana, func(a *activity) bool { return a.ObjectID == share.URI })
		if undo.Object == nil || undo.Object.Type != "Announce" || undo.Object.ObjectID != id {
			f.Errorf("the Undo holds %+v", undo.Object)
		}
	})
	show(t, area, fromRuche, "A like reaches the author, and is taken back", "ActivityPub 6.8, 6.10", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		ana.follows(lena)
		id := lena.does("post", args{"content": "<p>worth liking</p>"})
		post := ana.sees("worth liking")
		f.must(f.node.Outbox().Like(f.ctx, ana.me, post.ID))
		like := lena.receives("Like", ana, about(id))
		f.must(f.node.Outbox().Unlike(f.ctx, ana.me, post.ID))
		undo := lena.receives("Undo", ana, about(like.ID))
		if undo.Object == nil || undo.Object.Type != "Like" {
			f.Errorf("the Undo holds %+v", undo.Object)
		}
	})
	show(t, area, fromFedify, "A share counts, shows to the sharer's followers, tells the author, and is taken back", "ActivityPub 7.10, 7.11", func(f *flow) {
		ana, luc, lena := f.person("ana"), f.person("luc"), f.guest("lena")
		luc.follows(lena)
		post := ana.posts(outbox.Draft{Text: "share me", Visibility: storage.Public})
		lena.does("react", args{"kind": "Announce", "id": post.URI, "author": ana.acct()})
		if share := luc.sees("share me"); share.ShareOfID != post.ID {
			f.Errorf("luc sees post %d, which shares %d", share.ID, share.ShareOfID)
		}
		ana.told(storage.NotifyShare, ana.knows(lena))
		if now := ana.again(post); now.SharesCount != 1 {
			f.Errorf("the post counts %d shares", now.SharesCount)
		}
		lena.does("unreact", args{"kind": "Announce", "id": post.URI, "author": ana.acct()})
		eventually(f.T, "the share is gone", func() bool { return ana.again(post).SharesCount == 0 && len(luc.home("share me")) == 0 })
	})
	show(t, area, fromFedify, "A share of a third person's post brings that post, fetched from its own host", "ActivityPub 7.11", func(f *flow) {
		ana, lena, nora := f.person("ana"), f.guest("lena"), f.guest("nora")
		ana.follows(lena)
		id := nora.does("post", args{"content": "<p>nora wrote this</p>"})
		lena.does("react", args{"kind": "Announce", "id": id, "author": nora.acct})
		share := ana.sees("nora wrote this")
		if words := ana.finds(share.ShareOfID); words.URI != id || words.AuthorID != ana.knows(nora).ID {
			f.Errorf("shared is %s by %d", words.URI, words.AuthorID)
		}
	})
	show(t, area, fromFedify, "A like counts and tells the author, and is taken back", "ActivityPub 7.10", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		post := ana.posts(outbox.Draft{Text: "like me", Visibility: storage.Public})
		lena.does("react", args{"kind": "Like", "id": post.URI, "author": ana.acct()})
		ana.told(storage.NotifyLike, ana.knows(lena))
		if now := ana.again(post); now.LikesCount != 1 {
			f.Errorf("the post counts %d likes", now.LikesCount)
		}
		lena.does("unreact", args{"kind": "Like", "id": post.URI, "author": ana.acct()})
		eventually(f.T, "the like is gone", func() bool { return ana.again(post).LikesCount == 0 })
	})
}
