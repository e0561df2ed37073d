package storage_test

import (
	"context"
	"testing"

	"ruche/storage"
	"ruche/storage/storagetest"
)

func TestAnOwnerWhoCantActIsNoneThatIsLeft(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		owner := func(name string) *storage.Account {
			a := storagetest.Person(t, db, name)
			must(t, db.Update(ctx, func(tx *storage.Tx) error {
				u, err := tx.UserByAccount(ctx, a.ID)
				if err != nil {
					return err
				}
				u.Role = storage.RoleOwner
				return tx.SaveUser(ctx, u)
			}))
			return a
		}
		ana := owner("ana")
		left := func(want int) {
			t.Helper()
			must(t, db.Update(ctx, func(tx *storage.Tx) error {
				n, err := tx.OwnersLeft(ctx, ana.ID)
				if n != want {
					t.Errorf("%d owners are left, want %d", n, want)
				}
				return err
			}))
		}
		left(0)
		frozen, suspended, gone := owner("frozen"), owner("suspended"), owner("gone")
		left(3)
		for i, act := range []func(tx *storage.Tx) error{
			func(tx *storage.Tx) error {
				_, err := tx.TakeMeasure(ctx, frozen.ID, storage.MeasureFreeze)
				return err
			},
			func(tx *storage.Tx) error {
				_, err := tx.TakeMeasure(ctx, suspended.ID, storage.MeasureSuspend)
				return err
			},
			func(tx *storage.Tx) error { return tx.EndAccount(ctx, gone.ID) },
		} {
			must(t, db.Update(ctx, act))
			left(2 - i)
		}
	})
}
