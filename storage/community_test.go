package storage_test

import (
	"context"
	"testing"

	"ruche/storage"
	"ruche/storage/storagetest"
)

func TestAPostThatWasTakenOutOfACommunityNeverComesBack(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		err := db.Update(ctx, func(tx *storage.Tx) error {
			var groups [2]*storage.Account
			for i, name := range []string{"garden", "board"} {
				groups[i] = &storage.Account{Username: name, Kind: storage.Group}
				if err := tx.AddAccount(ctx, groups[i]); err != nil {
					return err
				}
			}
			p := &storage.NewPost{Post: storage.Post{AuthorID: groups[0].ID, Visibility: storage.Public, Circle: storage.CircleNetwork}}
			if _, err := tx.AddPost(ctx, p); err != nil {
				return err
			}
			for i, step := range []struct {
				group int
				state string
				news  bool
			}{
				{0, storage.Asked, true}, {0, storage.Asked, false}, {1, storage.InCommunity, false},
				{0, storage.InCommunity, true}, {0, storage.Asked, false}, {0, storage.InCommunity, false},
				{1, storage.Removed, false}, {0, storage.Removed, true}, {0, storage.InCommunity, false}, {0, storage.Asked, false},
			} {
				news, err := tx.PutInCommunity(ctx, p.ID, groups[step.group].ID, step.state)
				if err != nil {
					return err
				}
				if news != step.news {
					t.Errorf("step %d, %s: news is %v", i, step.state, news)
				}
			}
			at, err := tx.CommunityOf(ctx, p.ID)
			if err == nil && (at.CommunityID != groups[0].ID || at.State != storage.Removed) {
				t.Errorf("it ends as %+v", at)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
