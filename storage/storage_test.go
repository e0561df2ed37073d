package storage_test

import (
	"context"
	"errors"
	"testing"

	"ruche/storage"
	"ruche/storage/storagetest"
)

func TestAPostIsInTheHomesOfItsLocalFollowers(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		ana, luc, eve := storagetest.Person(t, db, "ana"), storagetest.Person(t, db, "luc"), storagetest.Person(t, db, "eve")
		must(t, db.Update(ctx, func(tx *storage.Tx) error {
			_, _, err := tx.AddFollow(ctx, &storage.Follow{FollowerID: luc.ID, FolloweeID: ana.ID, FollowerLocal: true, State: storage.Accepted, ShowShares: true})
			return err
		}))
		post := &storage.NewPost{Post: storage.Post{AuthorID: ana.ID, HTML: "<p>hello</p>", Visibility: storage.Followers, Circle: storage.CircleNetwork}, Hashtags: []string{"bees"}, Mentions: []int64{ana.ID}}
		must(t, db.Update(ctx, func(tx *storage.Tx) error {
			_, err := tx.AddPost(ctx, post)
			return err
		}))
		for who, want := range map[*storage.Account]int{ana: 1, luc: 1, eve: 0} {
			got, err := db.HomeTimeline(ctx, who.ID, storage.Page{})
			must(t, err)
			if len(got) != want {
				t.Errorf("%s's home has %d posts, want %d", who.Username, len(got), want)
			}
			_, err = db.VisiblePost(ctx, who.ID, post.ID)
			if seen := err == nil; seen != (want == 1) {
				t.Errorf("%s sees the post: %v (%v)", who.Username, seen, err)
			}
			if err != nil && !errors.Is(err, storage.ErrNotFound) {
				t.Error(err)
			}
		}
		a, err := db.AccountByID(ctx, ana.ID)
		must(t, err)
		if a.PostsCount != 0 || a.FollowersCount != 1 { // a count that moved would tell everybody of the post
			t.Errorf("ana's counts are %d posts, %d followers", a.PostsCount, a.FollowersCount)
		}
		must(t, db.Update(ctx, func(tx *storage.Tx) error { _, _, err := tx.DeletePost(ctx, &post.Post); return err }))
		got, err := db.HomeTimeline(ctx, luc.ID, storage.Page{})
		must(t, err)
		if len(got) != 0 {
			t.Errorf("a deleted post is still in home")
		}
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
