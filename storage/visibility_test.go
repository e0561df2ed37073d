package storage_test

import (
	"context"
	"testing"

	"ruche/storage"
	"ruche/storage/storagetest"
)

// In each case somebody else stands in the relation that would open the post, so that a condition that asks about
// anybody instead of this viewer, this author or this post is seen.
func TestWhoSeesAPostIsAskedOfThisViewerThisAuthorAndThisPost(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		ana, luc, eve, gone := storagetest.Person(t, db, "ana"), storagetest.Person(t, db, "luc"), storagetest.Person(t, db, "eve"), storagetest.Person(t, db, "gone")
		act := func(do func(tx *storage.Tx) error) {
			t.Helper()
			must(t, db.Update(ctx, do))
		}
		follow := func(follower, followee *storage.Account, state string) {
			t.Helper()
			act(func(tx *storage.Tx) error {
				_, _, err := tx.AddFollow(ctx, &storage.Follow{FollowerID: follower.ID, FolloweeID: followee.ID, FollowerLocal: true, State: state, ShowShares: true})
				return err
			})
		}
		write := func(n storage.NewPost) *storage.Post {
			t.Helper()
			if n.AuthorID == 0 {
				n.AuthorID = ana.ID
			}
			if n.Circle == "" {
				n.Circle = storage.CircleNetwork
			}
			act(func(tx *storage.Tx) error {
				_, err := tx.AddPost(ctx, &n)
				return err
			})
			return &n.Post
		}
		sees := func(what string, viewer int64, p *storage.Post, want bool) {
			t.Helper()
			if _, err := db.VisiblePost(ctx, viewer, p.ID); (err == nil) != want {
				t.Errorf("%s: %v, want seen %v", what, err, want)
			}
		}
		post := func(visibility string) storage.NewPost {
			return storage.NewPost{Post: storage.Post{HTML: "<p>x</p>", Visibility: visibility}}
		}

		// Somebody else is suspended: nobody but they vanishes.
		hers := write(storage.NewPost{Post: storage.Post{AuthorID: gone.ID, HTML: "<p>gone</p>", Visibility: storage.Public}})
		lucsShare := write(storage.NewPost{Post: storage.Post{AuthorID: luc.ID, ShareOfID: hers.ID, Visibility: storage.Public}})
		open := write(post(storage.Public))
		openShare := write(storage.NewPost{Post: storage.Post{AuthorID: luc.ID, ShareOfID: open.ID, Visibility: storage.Public}})
		act(func(tx *storage.Tx) error { _, err := tx.SuspendAccount(ctx, gone.ID); return err })
		sees("a suspended author's post", eve.ID, hers, false)
		sees("a share of it", eve.ID, lucsShare, false)
		sees("another's post", eve.ID, open, true)
		sees("a share of that", eve.ID, openShare, true)

		// A share of what its reader may not see, while other posts are open to them.
		followers := write(post(storage.Followers))
		hiddenShare := write(storage.NewPost{Post: storage.Post{AuthorID: luc.ID, ShareOfID: followers.ID, Visibility: storage.Public}})
		sees("a share of what is for followers", eve.ID, hiddenShare, false)

		// To follow somebody is not to follow the author.
		follow(eve, luc, storage.Accepted)
		follow(luc, ana, storage.Accepted)
		sees("for followers, by who follows another", eve.ID, followers, false)
		sees("for followers, by who follows", luc.ID, followers, true)

		// To be named somewhere is not to be named here.
		direct := post(storage.Direct)
		direct.Mentions = []int64{luc.ID}
		named := write(direct)
		other := post(storage.Direct)
		other.Mentions = []int64{eve.ID}
		write(other)
		sees("direct, by who is named elsewhere", eve.ID, named, false)
		sees("direct, by who is named", luc.ID, named, true)

		// Among the members of a community: of this one, as a member, and while the post is in it.
		group := func(name string) *storage.Account {
			a := &storage.Account{Username: name, Kind: storage.Group}
			act(func(tx *storage.Tx) error { return tx.AddAccount(ctx, a) })
			return a
		}
		bees, wasps := group("bees"), group("wasps")
		follow(luc, bees, storage.Accepted)
		follow(eve, wasps, storage.Accepted)
		put := func(p *storage.Post, community *storage.Account, state string) {
			t.Helper()
			act(func(tx *storage.Tx) error { _, err := tx.PutInCommunity(ctx, p.ID, community.ID, state); return err })
		}
		inside, elsewhere := write(post(storage.Members)), write(post(storage.Members))
		put(inside, bees, storage.InCommunity)
		put(elsewhere, wasps, storage.InCommunity)
		sees("members, by a member", luc.ID, inside, true)
		sees("members, by a member of another community", eve.ID, inside, false)
		sees("members of the other, by one", eve.ID, elsewhere, true)
		sees("members of the other, by another's", luc.ID, elsewhere, false)
		follow(eve, bees, storage.Pending)
		sees("members, by who asked to be one", eve.ID, inside, false)
		put(inside, bees, storage.Removed)
		sees("members, once it is taken out", luc.ID, inside, false)

		// Of somebody limited: their followers see it, not those of others, nor who only asked to follow. Nobody else is.
		loud := storagetest.Person(t, db, "loud")
		louds := post(storage.Public)
		louds.AuthorID = loud.ID
		limited := write(louds)
		act(func(tx *storage.Tx) error {
			_, err := tx.TakeMeasure(ctx, loud.ID, storage.MeasureLimit)
			return err
		})
		follow(luc, loud, storage.Accepted)
		sees("limited, by who follows another", eve.ID, limited, false)
		follow(eve, loud, storage.Pending)
		sees("limited, by who asked to follow", eve.ID, limited, false)
		sees("limited, by who follows", luc.ID, limited, true)
		sees("limited, by nobody", storage.Nobody, limited, false)
		sees("another's, who isn't limited", eve.ID, open, true)
		sees("another's, by nobody", storage.Nobody, open, true)

		// From outside: the circle of the network, and nothing else.
		for circle, want := range map[string]bool{storage.CircleNode: false, storage.CircleOrganisation: false, storage.CircleNetwork: true} {
			p := post(storage.Public)
			p.Circle = circle
			sees("nobody signed in, "+circle, storage.Nobody, write(p), want)
		}
		for _, visibility := range []string{storage.Followers, storage.Direct, storage.Members} {
			sees("nobody signed in, "+visibility, storage.Nobody, write(post(visibility)), false)
		}
	})
}

func TestWhatAHostSeesIsAskedOfThisHostAndThisPost(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		ana, luc := storagetest.Person(t, db, "ana"), storagetest.Person(t, db, "luc")
		act := func(do func(tx *storage.Tx) error) {
			t.Helper()
			must(t, db.Update(ctx, do))
		}
		remote := map[string]*storage.Account{}
		for _, host := range []string{"one.test", "two.test"} {
			act(func(tx *storage.Tx) error {
				if err := tx.SavePeer(ctx, &storage.Peer{Host: host, Tier: storage.Partner, State: storage.PeerActive}); err != nil {
					return err
				}
				a := &storage.Account{Username: "bob", Domain: host, Peer: host, Kind: storage.Person, URI: "https://" + host + "/bob", InboxURI: "https://" + host + "/bob/inbox", FollowersURI: "https://" + host + "/bob/followers"}
				remote[host] = a
				return tx.AddAccount(ctx, a)
			})
		}
		write := func(n storage.NewPost) *storage.Post {
			t.Helper()
			if n.AuthorID == 0 {
				n.AuthorID = ana.ID
			}
			if n.Circle == "" {
				n.Circle = storage.CircleNetwork
			}
			act(func(tx *storage.Tx) error { _, err := tx.AddPost(ctx, &n); return err })
			return &n.Post
		}
		sees := func(what, host string, p *storage.Post, want bool) {
			t.Helper()
			if how, err := db.PeerSees(ctx, p, host); err != nil || (how != storage.NotForPeer) != want {
				t.Errorf("%s: %s sees it %v (%v), want %v", what, host, how, err, want)
			}
		}
		direct := storage.NewPost{Post: storage.Post{HTML: "<p>x</p>", Visibility: storage.Direct}, Mentions: []int64{remote["one.test"].ID}}
		named := write(direct)
		direct.Post = storage.Post{HTML: "<p>y</p>", Visibility: storage.Direct}
		direct.Mentions = []int64{remote["two.test"].ID}
		other := write(direct)
		sees("direct, named there", "one.test", named, true)
		sees("direct, named elsewhere", "two.test", named, false)
		sees("direct, the other", "one.test", other, false)
		// A host that was sent one post may read that one again.
		followers, second := write(storage.NewPost{Post: storage.Post{HTML: "<p>f</p>", Visibility: storage.Followers}}), write(storage.NewPost{Post: storage.Post{HTML: "<p>g</p>", Visibility: storage.Followers}})
		act(func(tx *storage.Tx) error { return tx.AddReach(ctx, followers.ID, "one.test") })
		sees("sent there", "one.test", followers, true)
		sees("sent elsewhere", "two.test", followers, false)
		sees("another that wasn't sent", "one.test", second, false)
		sees("a host that nobody listed", "inconnu.test", followers, false)
		// The author's state, and the post's.
		lucs := write(storage.NewPost{Post: storage.Post{AuthorID: luc.ID, HTML: "<p>l</p>", Visibility: storage.Followers}})
		act(func(tx *storage.Tx) error { return tx.AddReach(ctx, lucs.ID, "one.test") })
		sees("an active author", "one.test", lucs, true)
		act(func(tx *storage.Tx) error { _, err := tx.SuspendAccount(ctx, luc.ID); return err })
		sees("a suspended author", "one.test", lucs, false)
		act(func(tx *storage.Tx) error { _, _, err := tx.DeletePost(ctx, followers); return err })
		gone, err := db.PostEvenDeleted(ctx, followers.ID)
		must(t, err)
		sees("a deleted post", "one.test", gone, false)
		theirs := write(storage.NewPost{Post: storage.Post{AuthorID: remote["two.test"].ID, Origin: "two.test", URI: "https://two.test/1", HTML: "<p>t</p>", Visibility: storage.Public}})
		act(func(tx *storage.Tx) error { return tx.AddReach(ctx, theirs.ID, "one.test") })
		sees("somebody else's post", "one.test", theirs, false)
		// The policy, and what peers count.
		act(func(tx *storage.Tx) error { return tx.AddReach(ctx, second.ID, "one.test") })
		act(func(tx *storage.Tx) error {
			p, err := tx.PeerByHost(ctx, "one.test")
			if err != nil {
				return err
			}
			p.Out.Posts = false
			return tx.SavePeer(ctx, p)
		})
		sees("a policy without posts", "one.test", second, false)
		if storage.InCircle(second, nil) != storage.NotForPeer {
			t.Error("a host without a row gets a post")
		}
		permitted := &storage.Peer{State: storage.PeerActive, Policy: storage.DefaultPolicy(storage.Partner)}
		if (*storage.Peer)(nil).ShowsMedia("one.test") || permitted.ShowsMedia("") {
			t.Error("files are shown from nowhere")
		}
		if (*storage.Peer)(nil).ServesMedia("one.test") || (&storage.Peer{Host: "one.test"}).ServesMedia("") {
			t.Error("nobody serves media")
		}

		peer, err := db.PeerByHost(ctx, "two.test")
		must(t, err)
		before, err := db.OutboxTotal(ctx, ana.ID, peer)
		must(t, err)
		for _, p := range []storage.Post{{Visibility: storage.Followers}, {Visibility: storage.Public, Circle: storage.CircleNode}, {Visibility: storage.Public, Circle: storage.CircleOrganisation}, {Visibility: storage.Public}} {
			p.HTML = "<p>c</p>"
			write(storage.NewPost{Post: p})
		}
		if now, err := db.OutboxTotal(ctx, ana.ID, peer); err != nil || now != before+1 {
			t.Errorf("a partner counts %d posts more (%v), want 1", now-before, err)
		}
		peer.Tier = storage.Sibling
		if now, err := db.OutboxTotal(ctx, ana.ID, peer); err != nil || now != before+2 {
			t.Errorf("a sibling counts %d posts more (%v), want 2", now-before, err)
		}
		open := write(storage.NewPost{Post: storage.Post{HTML: "<p>o</p>", Visibility: storage.Public}})
		act(func(tx *storage.Tx) error { _, _, err := tx.DeletePost(ctx, open); return err })
		if now, err := db.OutboxTotal(ctx, ana.ID, peer); err != nil || now != before+2 {
			t.Errorf("a deleted post counts: %d more (%v)", now-before, err)
		}
		// Figures from outside: of the posts that are asked about, and not of what is deleted.
		root, aside := write(storage.NewPost{Post: storage.Post{HTML: "<p>r</p>", Visibility: storage.Public}}), write(storage.NewPost{Post: storage.Post{HTML: "<p>s</p>", Visibility: storage.Public}})
		answer := write(storage.NewPost{Post: storage.Post{HTML: "<p>a</p>", Visibility: storage.Public, InReplyToID: root.ID}})
		count := func() int64 {
			t.Helper()
			p, err := db.PostByID(ctx, root.ID)
			must(t, err)
			q, err := db.PostByID(ctx, aside.ID)
			must(t, err)
			must(t, db.CountsFor(ctx, storage.Nobody, []*storage.Post{p, q}, nil))
			if q.RepliesCount != 0 {
				t.Errorf("another post counts %d answers", q.RepliesCount)
			}
			return p.RepliesCount
		}
		if n := count(); n != 1 {
			t.Errorf("%d answers, want 1", n)
		}
		act(func(tx *storage.Tx) error { _, _, err := tx.DeletePost(ctx, answer); return err })
		if n := count(); n != 0 {
			t.Errorf("a deleted answer counts: %d", n)
		}
	})
}

func TestPeopleOfASuspendedPeerAreInNoList(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		ana := storagetest.Person(t, db, "ana")
		peer := &storage.Peer{Host: "one.test", Tier: storage.Partner, State: storage.PeerActive}
		bob := &storage.Account{Username: "bob", Domain: "one.test", Peer: "one.test", Kind: storage.Person, Discoverable: true, URI: "https://one.test/bob", InboxURI: "https://one.test/bob/inbox", FollowersURI: "https://one.test/bob/followers"}
		must(t, db.Update(ctx, func(tx *storage.Tx) error {
			if err := tx.SavePeer(ctx, peer); err != nil {
				return err
			}
			if err := tx.AddAccount(ctx, bob); err != nil {
				return err
			}
			_, _, err := tx.AddFollow(ctx, &storage.Follow{FollowerID: bob.ID, FolloweeID: ana.ID, State: storage.Accepted, ShowShares: true})
			return err
		}))
		listed := func() int {
			t.Helper()
			rows, _, err := db.Followers(ctx, ana.ID, storage.Page{Limit: 10})
			must(t, err)
			return len(rows)
		}
		if n := listed(); n != 1 {
			t.Errorf("%d followers, want 1", n)
		}
		peer.State = storage.PeerSuspended
		must(t, db.Update(ctx, func(tx *storage.Tx) error { return tx.SavePeer(ctx, peer) }))
		if n := listed(); n != 0 {
			t.Errorf("%d followers of a suspended peer are listed", n)
		}
	})
}

func TestAHostSeesWhatIsInACommunityOfItsOwnOrOfItsMembers(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		ana := storagetest.Person(t, db, "ana")
		act := func(do func(tx *storage.Tx) error) {
			t.Helper()
			must(t, db.Update(ctx, do))
		}
		account := func(name, host, kind string) *storage.Account {
			a := &storage.Account{Username: name, Domain: host, Peer: host, Kind: kind}
			if host != "" {
				a.URI = "https://" + host + "/" + name
				a.InboxURI, a.FollowersURI = a.URI+"/inbox", a.URI+"/followers"
			}
			act(func(tx *storage.Tx) error { return tx.AddAccount(ctx, a) })
			return a
		}
		for _, host := range []string{"one.test", "two.test"} {
			act(func(tx *storage.Tx) error {
				if err := tx.SavePeer(ctx, &storage.Peer{Host: host, Tier: storage.Sibling, State: storage.PeerActive}); err != nil {
					return err
				}
				return tx.LearnPeer(ctx, host, "https://"+host+"/inbox", true)
			})
		}
		bees, wasps, ants := account("bees", "", storage.Group), account("wasps", "", storage.Group), account("ants", "two.test", storage.Group)
		bob, amy := account("bob", "one.test", storage.Person), account("amy", "two.test", storage.Person)
		join := func(who, group *storage.Account, state string) {
			act(func(tx *storage.Tx) error {
				_, _, err := tx.AddFollow(ctx, &storage.Follow{FollowerID: who.ID, FolloweeID: group.ID, State: state, URI: who.URI + "/" + group.Username})
				return err
			})
		}
		join(bob, bees, storage.Accepted)
		join(amy, bees, storage.Pending)
		join(amy, wasps, storage.Accepted)
		write := func(group *storage.Account, state string) *storage.Post {
			n := storage.NewPost{Post: storage.Post{AuthorID: ana.ID, HTML: "<p>x</p>", Visibility: storage.Members, Circle: storage.CircleNetwork}}
			act(func(tx *storage.Tx) error {
				if _, err := tx.AddPost(ctx, &n); err != nil {
					return err
				}
				_, err := tx.PutInCommunity(ctx, n.ID, group.ID, state)
				return err
			})
			return &n.Post
		}
		sees := func(what string, p *storage.Post, host string, want bool) {
			t.Helper()
			how, err := db.PeerSees(ctx, p, host)
			if err != nil || (how != storage.NotForPeer) != want {
				t.Errorf("%s: %v (%v), want seen %v", what, how, err, want)
			}
		}
		inBees, inWasps := write(bees, storage.InCommunity), write(wasps, storage.InCommunity)
		sees("a member's host", inBees, "one.test", true)
		sees("the host of who asked to be one, and is a member of another", inBees, "two.test", false)
		sees("another community's post, by its member's host", inWasps, "two.test", true)
		sees("another community's post, by others", inWasps, "one.test", false)
		sees("asked for, by a member's host", write(bees, storage.Asked), "one.test", false)
		sees("asked for, by the community's own host", write(ants, storage.Asked), "two.test", true)
		sees("asked for, by a third", write(ants, storage.Asked), "one.test", false)
		sees("taken out, by the community's own host", write(ants, storage.Removed), "two.test", false)
	})
}
