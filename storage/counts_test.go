package storage_test

import (
	"context"
	"testing"

	"ruche/storage"
	"ruche/storage/storagetest"
)

func TestCountsTellNothingOfPostsThatNotEverybodySees(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		ana := storagetest.Person(t, db, "ana")
		write := func(n storage.NewPost) *storage.Post {
			t.Helper()
			n.AuthorID = ana.ID
			must(t, db.Update(ctx, func(tx *storage.Tx) error {
				_, err := tx.AddPost(ctx, &n)
				return err
			}))
			return &n.Post
		}
		open := write(storage.NewPost{Post: storage.Post{HTML: "<p>open</p>", Visibility: storage.Public, Circle: storage.CircleNetwork}})
		counts := func(viewer int64) [3]int64 {
			t.Helper()
			p, err := db.PostByID(ctx, open.ID)
			must(t, err)
			a, err := db.AccountByID(ctx, ana.ID)
			must(t, err)
			must(t, db.CountsFor(ctx, viewer, []*storage.Post{p}, []*storage.Account{a}))
			return [3]int64{a.PostsCount, p.RepliesCount, p.SharesCount}
		}
		for _, c := range []struct {
			what               string
			visibility, circle string
			share              bool
			people, anonymous  [3]int64
		}{
			{"an answer to followers", storage.Followers, storage.CircleNetwork, false, [3]int64{1, 0, 0}, [3]int64{1, 0, 0}},
			{"an answer to one", storage.Direct, storage.CircleNetwork, false, [3]int64{1, 0, 0}, [3]int64{1, 0, 0}},
			{"an answer for the node", storage.Public, storage.CircleNode, false, [3]int64{2, 1, 0}, [3]int64{1, 0, 0}},
			{"a share to followers", storage.Followers, storage.CircleNetwork, true, [3]int64{2, 1, 0}, [3]int64{1, 0, 0}},
			{"an answer for all", storage.Unlisted, storage.CircleNetwork, false, [3]int64{3, 2, 0}, [3]int64{2, 1, 0}},
		} {
			n := storage.NewPost{Post: storage.Post{HTML: "<p>more</p>", Visibility: c.visibility, Circle: c.circle, InReplyToID: open.ID}}
			if c.share {
				n.Post = storage.Post{ShareOfID: open.ID, Visibility: c.visibility, Circle: c.circle}
			}
			write(n)
			if got := counts(ana.ID); got != c.people {
				t.Errorf("after %s people see %v posts, replies and shares, want %v", c.what, got, c.people)
			}
			if got := counts(storage.Nobody); got != c.anonymous {
				t.Errorf("after %s the open internet sees %v posts, replies and shares, want %v", c.what, got, c.anonymous)
			}
		}
	})
}
