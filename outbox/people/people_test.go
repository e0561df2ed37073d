package people_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"ruche/outbox"
	"ruche/outbox/people"
	"ruche/storage"
	"ruche/storage/storagetest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func create(t testing.TB, db *storage.DB, username, role string) *storage.Account {
	t.Helper()
	made, err := people.Create(context.Background(), db, people.New{Username: username, Email: username + "@sales.test", Role: role})
	must(t, err)
	return made.Account
}

func TestANewAccountCanSignInAndIsFollowedAtOnce(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		made, err := people.Create(ctx, db, people.New{Username: "@Ana", Email: " Ana@Sales.test ", DisplayName: "Ana Dupont", Department: "R&D"})
		must(t, err)
		u, err := db.UserByLogin(ctx, "ana@sales.test")
		must(t, err)
		if !people.CheckPassword(u.PasswordHash, made.Password) || len(made.Password) < 20 {
			t.Errorf("the password %q doesn't fit", made.Password)
		}
		a := made.Account
		if u.Role != storage.RoleMember || u.DefaultVisibility != storage.Public || u.DefaultCircle != storage.CircleNetwork || a.Locked || !a.Discoverable || a.PrivateKey == "" {
			t.Errorf("made %+v with %+v", a, u)
		}
		made, err = people.Create(ctx, db, people.New{Username: "luc", Email: "luc@sales.test", Password: "correct horse", Locked: true, Role: storage.RoleOwner})
		must(t, err)
		if made.Password != "" || !made.Account.Locked {
			t.Errorf("made %+v", made)
		}
	})
}

func TestWhatNoAccountCanBe(t *testing.T) {
	db := storagetest.OpenWith(t, storage.Options{URL: storagetest.SQLite(t)})
	good := people.New{Username: "ana", Email: "ana@sales.test"}
	for name, change := range map[string]func(*people.New){
		"no username":             func(n *people.New) { n.Username = "" },
		"a dot":                   func(n *people.New) { n.Username = "a.na" },
		"an accent":               func(n *people.New) { n.Username = "é" },
		"31 letters":              func(n *people.New) { n.Username = strings.Repeat("a", 31) },
		"a reserved name":         func(n *people.New) { n.Username = "Postmaster" },
		"no e-mail":               func(n *people.New) { n.Email = "" },
		"an e-mail with a name":   func(n *people.New) { n.Email = "Ana <ana@sales.test>" },
		"half an e-mail":          func(n *people.New) { n.Email = "ana@" },
		"two e-mails":             func(n *people.New) { n.Email = "a@b.test,c@d.test" },
		"a role that isn't one":   func(n *people.New) { n.Role = "king" },
		"a short password":        func(n *people.New) { n.Password = "1234567" },
		"a long password":         func(n *people.New) { n.Password = strings.Repeat("x", 201) },
		"a common password":       func(n *people.New) { n.Password = "MotDePasse" },
		"the e-mail as password":  func(n *people.New) { n.Password = "ana@sales.test" },
		"a name of two lines":     func(n *people.New) { n.DisplayName = "a\nb" },
		"a name without end":      func(n *people.New) { n.DisplayName = strings.Repeat("x", 1000) },
		"a department for a book": func(n *people.New) { n.Department = strings.Repeat("x", 101) },
	} {
		t.Run(name, func(t *testing.T) {
			n := good
			change(&n)
			if _, err := people.Create(context.Background(), db, n); !errors.Is(err, outbox.ErrInvalid) {
				t.Errorf("the answer is %v", err)
			}
		})
	}
	if n, err := db.CountLocalAccounts(context.Background()); err != nil || n != 0 {
		t.Errorf("%d accounts were made (%v)", n, err)
	}
	_, err := people.Create(context.Background(), db, people.New{Username: "support", Email: "support@sales.test", Official: true})
	must(t, err)
}

func TestANameIsNeverGivenTwice(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		ana := create(t, db, "ana", "")
		for _, n := range []people.New{{Username: "ANA", Email: "other@sales.test"}, {Username: "other", Email: "Ana@sales.test"}} {
			if _, err := people.Create(ctx, db, n); !errors.Is(err, storage.ErrExists) {
				t.Errorf("%+v: the answer is %v", n, err)
			}
		}
		must(t, db.Update(ctx, func(tx *storage.Tx) error { return tx.EndAccount(ctx, ana.ID) }))
		if _, err := people.Create(ctx, db, people.New{Username: "ana", Email: "new@sales.test"}); !errors.Is(err, storage.ErrExists) {
			t.Errorf("the name of somebody who left: %v", err)
		}
	})
}

// signIn gives an account a token and a session.
func signIn(t testing.TB, db *storage.DB, account int64, secret string) {
	t.Helper()
	ctx := context.Background()
	must(t, db.Update(ctx, func(tx *storage.Tx) error {
		if err := tx.AddSession(ctx, &storage.Session{Hash: storage.HashSecret(secret), AccountID: account, ExpiresAt: tx.Now().AddDate(0, 0, 1)}); err != nil {
			return err
		}
		return tx.AddToken(ctx, &storage.Token{Hash: storage.HashSecret(secret), AccountID: account, Scopes: "read"})
	}))
}

func TestRolePasswordAndSuspensionEndSignIns(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		ana := create(t, db, "ana", "")
		for name, act := range map[string]func() error{
			"role":     func() error { return people.SetRole(ctx, db, "@Ana", storage.RoleAdmin) },
			"password": func() error { _, err := people.ResetPassword(ctx, db, "ana"); return err },
			"suspend":  func() error { return people.Suspend(ctx, db, "ana") },
		} {
			signIn(t, db, ana.ID, name)
			must(t, act())
			if _, err := db.TokenBySecret(ctx, name); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("%s: the token lives: %v", name, err)
			}
			if _, err := db.SessionBySecret(ctx, name); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("%s: the session lives: %v", name, err)
			}
			must(t, people.Unsuspend(ctx, db, "ana"))
		}
		signIn(t, db, ana.ID, "same")
		must(t, people.SetRole(ctx, db, "ana", storage.RoleAdmin)) // it is one already
		if _, err := db.TokenBySecret(ctx, "same"); err != nil {
			t.Errorf("nothing changed, and the token is gone: %v", err)
		}
	})
}

func TestTheLastOwnerStays(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		create(t, db, "ana", storage.RoleOwner)
		create(t, db, "luc", storage.RoleOwner)
		must(t, people.Suspend(ctx, db, "luc"))
		for name, err := range map[string]error{
			"another role": people.SetRole(ctx, db, "ana", storage.RoleMember),
			"a suspension": people.Suspend(ctx, db, "ana"),
		} {
			if !errors.Is(err, outbox.ErrInvalid) {
				t.Errorf("%s of the last owner: %v", name, err)
			}
		}
		must(t, people.Unsuspend(ctx, db, "luc"))
		// Both at once: one of them is the last.
		for range 20 {
			done := make(chan error, 2)
			for _, name := range []string{"ana", "luc"} {
				go func() { done <- people.SetRole(ctx, db, name, storage.RoleMember) }()
			}
			refused := 0
			for range 2 {
				if err := <-done; errors.Is(err, outbox.ErrInvalid) {
					refused++
				} else {
					must(t, err)
				}
			}
			if refused != 1 {
				t.Fatalf("%d of two owners were kept", refused)
			}
			for _, name := range []string{"ana", "luc"} {
				must(t, people.SetRole(ctx, db, name, storage.RoleOwner))
			}
		}
	})
}

func TestNobodyIsFoundUnderAnUnknownName(t *testing.T) {
	db := storagetest.OpenWith(t, storage.Options{URL: storagetest.SQLite(t)})
	ctx := context.Background()
	must(t, db.Update(ctx, func(tx *storage.Tx) error {
		return tx.AddAccount(ctx, &storage.Account{Username: "sales.test", Kind: storage.Application})
	}))
	for _, name := range []string{"ghost", "sales.test", ""} {
		if err := people.Suspend(ctx, db, name); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestAnImportTakesTheGoodRowsAndNamesTheBad(t *testing.T) {
	for name, file := range map[string]string{
		"commas":     "username,email,display_name,department,role\nana,ana@sales.test,\"Dupont, Ana\",R&D,owner\nluc,nonsense,,,\nzoe,zoe@sales.test,a,b\n\nANA,other@sales.test,,,\neve,eve@sales.test,Eve,,\n",
		"semicolons": "\xef\xbb\xbfUsername;Email;Display_Name;Department;Role\r\nana;ana@sales.test;\"Dupont, Ana\";R&D;owner\r\nluc;nonsense;;;\r\nzoe;zoe@sales.test;a;b\r\n\r\nANA;other@sales.test;;;\r\neve;eve@sales.test;Eve;;\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			db := storagetest.OpenWith(t, storage.Options{URL: storagetest.SQLite(t)})
			ctx := context.Background()
			var good []string
			var bad []int
			must(t, people.Import(ctx, db, strings.NewReader(file), false, func(r people.Row) error {
				if r.Err != nil {
					bad = append(bad, r.Line)
				} else {
					good = append(good, fmt.Sprint(r.Line, r.Made.Account.Username))
				}
				return nil
			}))
			if !slices.Equal(good, []string{"2ana", "7eve"}) || !slices.Equal(bad, []int{3, 4, 6}) {
				t.Errorf("good %v, bad %v", good, bad)
			}
			ana, err := people.Find(ctx, &db.Queries, "ana")
			must(t, err)
			if ana.DisplayName != "Dupont, Ana" || ana.Department != "R&D" || ana.User.Role != storage.RoleOwner {
				t.Errorf("imported %+v", ana)
			}
			all, err := people.All(ctx, &db.Queries)
			must(t, err)
			if len(all) != 2 {
				t.Errorf("%d people", len(all))
			}
		})
	}
}

func TestAFileWithoutItsColumnsIsRefused(t *testing.T) {
	db := storagetest.OpenWith(t, storage.Options{URL: storagetest.SQLite(t)})
	for _, file := range []string{"", "ana,ana@sales.test\n", "username,role\nana,owner\n", "username,email,email\n", "username,email,salary\n"} {
		err := people.Import(context.Background(), db, strings.NewReader(file), false, func(people.Row) error { return errors.New("a row was read") })
		if err == nil || err.Error() == "a row was read" {
			t.Errorf("%q: %v", file, err)
		}
	}
}

// Whatever a file holds, reading it ends, and every row has an account or a reason.
func FuzzImport(f *testing.F) {
	f.Add("username,email\nana\n\"")
	f.Add("username;email\n;\n")
	f.Add("\xef\xbb\xbf")
	db := storagetest.OpenWith(f, storage.Options{URL: storagetest.SQLite(f)})
	f.Fuzz(func(t *testing.T, file string) {
		enough := errors.New("enough")
		n := 0
		_ = people.Import(context.Background(), db, strings.NewReader(file), false, func(r people.Row) error {
			if (r.Err == nil) == (r.Made == nil) || r.Line < 1 {
				t.Errorf("row %+v", r)
			}
			if n++; n > 5 {
				return enough // keys take time
			}
			return nil
		})
	})
}
