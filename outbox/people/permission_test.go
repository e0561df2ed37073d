package people_test

import (
	"context"
	"errors"
	"testing"

	"ruche/outbox/people"
	"ruche/storage"
	"ruche/storage/storagetest"
)

// as lets somebody act, as a request of theirs would.
func as(a *storage.Account) context.Context {
	return storage.ActingAs(context.Background(), storage.Actor{Kind: storage.ActorPerson, AccountID: a.ID, Name: "@" + a.Username})
}

func TestRolesAreGivenByThoseWhoHaveThem(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		owner, admin, mod := create(t, db, "olga", storage.RoleOwner), create(t, db, "ana", storage.RoleAdmin), create(t, db, "max", storage.RoleModerator)
		create(t, db, "luc", storage.RoleMember)
		for _, c := range []struct {
			who        *storage.Account
			name, role string
			may        bool
		}{
			{mod, "luc", storage.RoleGuest, false}, {admin, "luc", storage.RoleOwner, false}, {admin, "olga", storage.RoleMember, false},
			{admin, "luc", storage.RoleAdmin, true}, {admin, "luc", storage.RoleMember, true}, {owner, "luc", storage.RoleOwner, true},
			{owner, "olga", storage.RoleMember, true},
		} {
			err := people.SetRole(as(c.who), db, c.name, c.role)
			if c.may != (err == nil) || err != nil && !errors.Is(err, storage.ErrDenied) {
				t.Errorf("%s makes %s %s: %v", c.who.Username, c.name, c.role, err)
			}
		}
	})
}
