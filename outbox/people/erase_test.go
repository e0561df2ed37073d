package people_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"ruche/outbox"
	"ruche/outbox/people"
	"ruche/storage"
	"ruche/storage/storagetest"
)

func TestASuspendedAccountIsDeletedForGoodByThoseWhoMay(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		olga, ada, mia, luc := create(t, db, "olga", storage.RoleOwner), create(t, db, "ada", storage.RoleAdmin), create(t, db, "mia", storage.RoleModerator), create(t, db, "luc", storage.RoleMember)
		must(t, db.Update(ctx, func(tx *storage.Tx) error {
			u, err := tx.UserByAccount(ctx, luc.ID)
			must(t, err)
			luc.DisplayName, luc.NoteText, luc.NoteHTML, luc.Fields = "Luc Petit", "I keep bees", "<p>I keep bees</p>", storage.Fields{{Name: "phone", Value: "1234"}}
			u.DefaultLanguage = "fr"
			return errors.Join(tx.SaveAccount(ctx, luc), tx.SaveUser(ctx, u))
		}))
		if err := people.Delete(as(ada), db, "luc"); !errors.Is(err, storage.ErrDenied) {
			t.Errorf("somebody who isn't suspended is deleted: %v", err)
		}
		must(t, people.Suspend(ctx, db, "luc"))
		must(t, people.Suspend(ctx, db, "mia"))
		for who, by := range map[string]*storage.Account{"luc": mia, "mia": mia, "ada": ada} {
			if err := people.Delete(as(by), db, who); !errors.Is(err, storage.ErrDenied) {
				t.Errorf("%s is deleted by %s: %v", who, by.Username, err)
			}
		}
		if err := people.Delete(as(ada), db, "nobody"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("nobody is deleted: %v", err)
		}
		if a, err := db.AccountByID(ctx, luc.ID); err != nil || !a.DeletedAt.IsZero() {
			t.Fatalf("luc is gone by what was refused (%v)", err)
		}

		signIn(t, db, luc.ID, "luc's")
		must(t, people.Delete(storage.Because(as(ada), "he left the company"), db, "@Luc"))
		a, err := db.AccountByID(ctx, luc.ID)
		must(t, err)
		if a.DeletedAt.IsZero() || a.Username != "luc" || a.PrivateKey == "" || a.DisplayName+a.NoteText+a.NoteHTML+fmt.Sprint(a.Fields) != "[]" {
			t.Errorf("luc is %+v", a)
		}
		for what, err := range map[string]error{
			"token": second(db.TokenBySecret(ctx, "luc's")), "session": second(db.SessionBySecret(ctx, "luc's")),
			"sign-in": second(db.UserByAccount(ctx, luc.ID)), "login": second(db.UserByLogin(ctx, "luc@sales.test")), "handle": second(people.Find(ctx, &db.Queries, "luc")),
		} {
			if !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("the %s is there: %v", what, err)
			}
		}
		if err := people.Delete(as(ada), db, "luc"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("deleted a second time: %v", err)
		}
		if _, err := people.Create(ctx, db, people.New{Username: "LUC", Email: "new@sales.test"}); !errors.Is(err, storage.ErrExists) {
			t.Errorf("the name is given again: %v", err)
		}
		// The address isn't kept, so whoever has it may come again, under another name.
		_, err = people.Create(ctx, db, people.New{Username: "luc2", Email: "luc@sales.test"})
		must(t, err)
		log, err := db.AuditLog(ctx, storage.AuditFilter{}, storage.Page{Limit: 20})
		must(t, err)
		found := slices.IndexFunc(log, func(e *storage.AuditRecord) bool { return e.Action == storage.ActionAccountDelete })
		if found < 0 || log[found].By.Name != "@ada" || log[found].About.Why != "he left the company" || log[found].About.Name != "@luc" {
			t.Errorf("the audit log has %+v", log)
		}
		_ = olga
	})
}

func second[T any](_ T, err error) error { return err }

func TestWhoLeavesLeavesAnOwnerAndTheCommunitiesToOwners(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		olga, ana := create(t, db, "olga", storage.RoleOwner), create(t, db, "ana", storage.RoleMember)
		leave := func(who *storage.Account) error {
			return db.Update(as(who), func(tx *storage.Tx) error { return people.Leave(as(who), tx, who.Username) })
		}
		if err := leave(olga); !errors.Is(err, outbox.ErrInvalid) {
			t.Errorf("the last owner leaves: %v", err)
		}
		groups := map[string]*storage.Account{}
		must(t, db.Update(ctx, func(tx *storage.Tx) error {
			for _, name := range []string{"alone", "shared", "asleep"} {
				g := &storage.Account{Username: name, Kind: storage.Group}
				must(t, tx.AddAccount(ctx, g))
				must(t, tx.AddCommunity(ctx, &storage.Community{AccountID: g.ID, Admission: storage.OpenCommunity, CreatedBy: ana.ID}))
				must(t, tx.SetStanding(ctx, g.ID, ana.ID, storage.Moderator, ana.ID))
				groups[name] = g
			}
			return nil
		}))
		luc, sus := create(t, db, "luc", storage.RoleMember), create(t, db, "sus", storage.RoleMember)
		must(t, db.Update(ctx, func(tx *storage.Tx) error {
			return errors.Join(tx.SetStanding(ctx, groups["shared"].ID, luc.ID, storage.Moderator, ana.ID), tx.SetStanding(ctx, groups["asleep"].ID, sus.ID, storage.Moderator, ana.ID))
		}))
		must(t, people.Suspend(ctx, db, "sus"))
		must(t, leave(ana))
		for name, want := range map[string]string{"alone": "[olga]", "shared": "[luc]", "asleep": "[sus olga]"} {
			who, err := db.WithStanding(ctx, groups[name].ID, storage.Moderator)
			must(t, err)
			var names []string
			for _, a := range who {
				names = append(names, a.Username)
			}
			if got := fmt.Sprint(names); got != want {
				t.Errorf("%s is looked after by %s, not %s", name, got, want)
			}
		}
		log, err := db.AuditLog(ctx, storage.AuditFilter{}, storage.Page{Limit: 1})
		must(t, err)
		if e := log[0]; e.Action != storage.ActionAccountDelete || e.By.Name != "@ana" || string(e.About.After) != `{"communities_handed_to_owners":["@alone","@asleep"]}` {
			t.Errorf("the audit log says %+v", e)
		}
		must(t, people.SetRole(ctx, db, "luc", storage.RoleOwner))
		must(t, leave(olga))
		// What olga looked after alone is luc's now.
		if who, err := db.WithStanding(ctx, groups["alone"].ID, storage.Moderator); err != nil || len(who) != 1 || who[0].ID != luc.ID {
			t.Errorf("looked after by %v (%v)", who, err)
		}
	})
}
