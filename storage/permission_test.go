package storage_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"ruche/storage"
	"ruche/storage/storagetest"
)

var update = flag.Bool("update", false, "write the documents that tests compare")

const rolesDoc = `# Roles

Everybody who can sign in has one role. ` + "`ruche account set-role NAME ROLE`" + ` gives it, and so do those who may. This table is written by a test from the one
that the node asks, whatever the way: a page, an app, the command line.

`

const rolesRules = `
Beside the table:

- Nobody acts on somebody whose role isn't below their own, nor on themselves. Owners act on anybody else.
- A role is given and taken by those who have at least that role and may give roles: admins make admins, only owners make owners.
- The last owner can't be given another role, suspended or deleted: make somebody else an owner first.
- An invitation carries a role that who makes it may give, or one below their own.
- A guest sees and follows the communities that they were invited to, and who is in them; nothing that is written for everybody.
- A role that changes ends the person's sign-ins; an app that acts with an older token is asked for the role at each act.
- The command line has the rights of the machine: all acts but the reading of sign-ins, which is for a person with a reason.
- No role shows a person's address, last activity or figures to somebody else.
`

func TestTheDocumentListsTheRoles(t *testing.T) {
	const path = "../docs/admin/roles.md"
	want := rolesDoc + storage.PermissionsTable() + rolesRules
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != want {
		t.Error("docs/admin/roles.md isn't what the table says: run the test with -update")
	}
}

func TestMoreOfARoleNeverMeansLess(t *testing.T) {
	for _, p := range storage.Permissions {
		if p.Doc == "" || len(p.Roles) == 0 || p.Roles[0] != storage.RoleOwner {
			t.Errorf("%s: %q for %v", p.Act, p.Doc, p.Roles)
		}
		for _, r := range p.Roles {
			if !slices.Contains(storage.Roles, r) {
				t.Errorf("%s is for %q, which is no role", p.Act, r)
			}
		}
		if storage.RoleMay(storage.RoleGuest, p.Act) != (len(p.Roles) == len(storage.Roles)) {
			t.Errorf("%s: guests may what others may not", p.Act)
		}
	}
	for _, role := range []string{"", "king"} {
		if storage.RoleMay(role, storage.ActRead) || storage.Outranks(role, storage.RoleGuest) {
			t.Errorf("role %q may something", role)
		}
	}
	if storage.RoleMay(storage.RoleOwner, "fly") {
		t.Error("an act that nobody knows is allowed")
	}
}

func withRole(t testing.TB, db *storage.DB, name, role string) *storage.Account {
	t.Helper()
	a := storagetest.Person(t, db, name)
	err := db.Update(t.Context(), func(tx *storage.Tx) error {
		u, err := tx.UserByAccount(t.Context(), a.ID)
		if err != nil {
			return err
		}
		u.Role = role
		return tx.SaveUser(t.Context(), u)
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestNobodyActsOnTheirEqualsOrWithARoleThatTheyHadOnce(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ids := map[string]int64{}
		for _, role := range storage.Roles {
			ids[role] = withRole(t, db, strings.ReplaceAll(role, "-", ""), role).ID
			ids["other "+role] = withRole(t, db, "other"+strings.ReplaceAll(role, "-", ""), role).ID
		}
		as := func(who string) context.Context { // the role in the context is what a session remembers, and no argument
			return storage.ActingAs(t.Context(), storage.Actor{Kind: storage.ActorPerson, AccountID: ids[who], Role: storage.RoleOwner})
		}
		for i, role := range storage.Roles {
			for j, other := range storage.Roles {
				err := db.MayTo(as(role), storage.ActModerateAccounts, ids["other "+other])
				if may := storage.RoleMay(role, storage.ActModerateAccounts) && (i < j || i == 0); may != (err == nil) || err != nil && !errors.Is(err, storage.ErrDenied) {
					t.Errorf("%s on %s: %v", role, other, err)
				}
				err = db.MayGiveRole(as(role), ids["other "+other], other)
				if may := storage.RoleMay(role, storage.ActRoles) && i <= j; may != (err == nil) {
					t.Errorf("%s gives %s: %v", role, other, err)
				}
			}
			if err := db.MayTo(as(role), storage.ActModerateAccounts, ids[role]); !errors.Is(err, storage.ErrDenied) {
				t.Errorf("%s on themselves: %v", role, err)
			}
		}
		if err := db.May(storage.ActingAs(t.Context(), storage.Actor{Kind: storage.ActorVisitor, Role: storage.RoleOwner}), storage.ActRead); !errors.Is(err, storage.ErrDenied) {
			t.Errorf("a visitor's claim: %v", err)
		}
		if err := db.May(storage.ActingAs(t.Context(), storage.Actor{Kind: storage.ActorCLI}), storage.ActPeers); err != nil {
			t.Errorf("the command line: %v", err)
		}
	})
}
