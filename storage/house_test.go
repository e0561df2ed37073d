package storage_test

import (
	"context"
	"errors"
	"testing"

	"ruche/storage"
	"ruche/storage/storagetest"
)

func TestAChangedCharterIsAcceptedAnew(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		ana := storagetest.Person(t, db, "ana")
		choose := func(name, value string) error {
			return db.Update(ctx, func(tx *storage.Tx) error { return tx.Choose(ctx, name, value) })
		}
		house := func() (*storage.House, *storage.User) {
			t.Helper()
			h, err := db.House(ctx)
			must(t, err)
			u, err := db.UserByAccount(ctx, ana.ID)
			must(t, err)
			return h, u
		}
		accept := func(version string) {
			t.Helper()
			must(t, db.Update(ctx, func(tx *storage.Tx) error { return tx.AcceptCharter(ctx, ana.ID, version) }))
		}
		if h, u := house(); h.Asks(u) || h.Version != "" {
			t.Errorf("without a charter the house is %+v", h)
		}
		must(t, choose(storage.SettingCharterFR, "Soyez aimables."))
		first, u := house()
		if !first.Asks(u) || first.In(first.Charter, "en") != "Soyez aimables." {
			t.Errorf("with a charter the house is %+v", first)
		}
		accept(first.Version)
		if h, u := house(); h.Asks(u) {
			t.Error("an accepted charter is asked for again")
		}
		must(t, choose(storage.SettingCharterEN, "Be kind."))
		second, u := house()
		if !second.Asks(u) || second.In(second.Charter, "en") != "Be kind." {
			t.Errorf("with a changed charter the house is %+v", second)
		}
		accept(first.Version) // an old tab
		if h, u := house(); !h.Asks(u) {
			t.Error("the version of before is accepted")
		}
		for name, value := range map[string]string{storage.SettingColour: "red", storage.SettingName: string(make([]byte, 61))} {
			if err := choose(name, value); !errors.Is(err, storage.ErrChoice) {
				t.Errorf("%s = %q: %v", name, value, err)
			}
		}
	})
}
