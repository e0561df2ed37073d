package storage_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"ruche/storage"
	"ruche/storage/storagetest"
)

func giveRole(t testing.TB, db *storage.DB, a *storage.Account, role string) {
	t.Helper()
	ctx := context.Background()
	must(t, db.Update(ctx, func(tx *storage.Tx) error {
		u, err := tx.UserByAccount(ctx, a.ID)
		if err != nil {
			return err
		}
		u.Role = role
		return tx.SaveUser(ctx, u)
	}))
}

func kinds(events []*storage.SecurityEvent) (out []string) {
	for _, e := range events {
		out = append(out, e.Kind)
	}
	return out
}

func actions(records []*storage.AuditRecord) (out []string) {
	for _, r := range records {
		out = append(out, r.Action)
	}
	return out
}

func own(t testing.TB, db *storage.DB, a *storage.Account) []*storage.SecurityEvent {
	t.Helper()
	events, err := db.OwnSecurityLog(context.Background(), a.ID, storage.Page{})
	must(t, err)
	return events
}

// visitor gives a context of a request by nobody yet.
func visitor() context.Context {
	return storage.ActingAs(context.Background(), storage.Actor{Kind: storage.ActorVisitor, Address: "192.0.2.9", App: "Firefox"})
}

// signInsOf does everything that happens to a sign-in, once.
func signInsOf(t testing.TB, db *storage.DB, a *storage.Account) {
	t.Helper()
	ctx := visitor()
	session := &storage.Session{Hash: storage.NewSecret(), AccountID: a.ID, ExpiresAt: db.Now().Add(time.Hour)}
	for _, act := range []func(tx *storage.Tx) error{
		func(tx *storage.Tx) error { return tx.NoteSignIn(ctx, a.ID, storage.SecurityRefused) },
		func(tx *storage.Tx) error { return tx.AddSession(ctx, session) },
		func(tx *storage.Tx) error {
			app := &storage.App{ClientID: storage.NewSecret(), Name: "Tusk"}
			if err := tx.AddApp(ctx, app); err != nil {
				return err
			}
			return tx.AddToken(ctx, &storage.Token{Hash: storage.NewSecret(), AppID: app.ID, AccountID: a.ID, Scopes: "read"})
		},
		func(tx *storage.Tx) error {
			u, err := tx.UserByAccount(ctx, a.ID)
			if err != nil {
				return err
			}
			self := storage.ActingAs(ctx, storage.PersonActing(a, u, storage.ActorOf(ctx)))
			u.PasswordHash = storage.NewSecret()
			return tx.SaveUser(self, u)
		},
		func(tx *storage.Tx) error { return tx.EndSession(ctx, session) },
		func(tx *storage.Tx) error { return tx.EndSession(ctx, session) }, // has ended already
	} {
		must(t, db.Update(ctx, act))
	}
}

func TestAMembersSignInsAreTheirsAndNoneOfTheAuditLogs(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ana, luc := storagetest.Person(t, db, "ana"), storagetest.Person(t, db, "luc")
		signInsOf(t, db, ana)
		events := own(t, db, ana)
		if got := kinds(events); !slices.Equal(got, []string{storage.SecuritySignOut, storage.SecurityPassword, storage.SecurityToken, storage.SecuritySignIn, storage.SecurityRefused}) {
			t.Fatalf("ana sees %v", got)
		}
		for _, e := range events {
			app := map[string]string{storage.SecurityToken: "Tusk"}[e.Kind]
			if app == "" {
				app = "Firefox"
			}
			if e.Address != "192.0.2.9" || e.App != app || e.At.IsZero() {
				t.Errorf("%+v", e)
			}
		}
		if events := own(t, db, luc); len(events) != 0 {
			t.Errorf("luc sees %v", kinds(events))
		}
		if rows := log(t, db, storage.AuditFilter{}); len(rows) != 2 { // the two accounts
			t.Errorf("the audit log has %v", actions(rows))
		}
		if _, err := db.OwnSecurityLog(context.Background(), 0, storage.Page{}); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("tries with unknown names are shown: %v", err)
		}
	})
}

func TestWhatStaffSignInsDoIsInTheAuditLogToo(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		for _, role := range []string{storage.RoleOwner, storage.RoleAdmin, storage.RoleModerator, storage.RoleCommunityManager} {
			a := storagetest.Person(t, db, strings.ReplaceAll(role, "-", ""))
			giveRole(t, db, a, role)
			signInsOf(t, db, a)
			rows := log(t, db, storage.AuditFilter{Subject: "account " + storage.FormatID(a.ID)})
			want := []string{storage.ActionAccountPassword, storage.ActionTokenCreate, storage.ActionStaffSignIn, storage.ActionStaffRefused, storage.ActionAccountRole, storage.ActionAccountCreate}
			if got := actions(rows); !slices.Equal(got, want) {
				t.Fatalf("of %s the log has %v", role, got)
			}
			if by := rows[2].By; by != (storage.AuditBy{Name: "@" + a.Username, Role: role, Address: "192.0.2.9", App: "Firefox"}) {
				t.Errorf("signed in: %+v", by)
			}
			if rows[3].Actor != storage.ActorVisitor || rows[3].By.Name != "" {
				t.Errorf("who was refused isn't known: %+v", rows[3])
			}
			if string(rows[1].About.After) != `{"app":"Tusk","scopes":"read"}` {
				t.Errorf("token: %s", rows[1].About.After)
			}
			if got := kinds(own(t, db, a)); len(got) != 5 {
				t.Errorf("%s sees %v", role, got)
			}
		}
	})
}

func TestWhatTheCommandLineDoesToAnAccountIsWrittenDown(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ana := storagetest.Person(t, db, "ana")
		ctx := storage.Because(storage.ActingAs(context.Background(), storage.Actor{Kind: storage.ActorCLI, Name: "root", App: "ruche"}), "they asked")
		for _, act := range []func(tx *storage.Tx) error{
			func(tx *storage.Tx) error {
				u, err := tx.UserByAccount(ctx, ana.ID)
				if err != nil {
					return err
				}
				u.PasswordHash, u.DefaultLanguage = "new", "fr"
				return tx.SaveUser(ctx, u)
			},
			func(tx *storage.Tx) error {
				return tx.AddToken(ctx, &storage.Token{Hash: "h", AccountID: ana.ID, Scopes: "read"})
			},
			func(tx *storage.Tx) error {
				u, err := tx.UserByAccount(ctx, ana.ID)
				if err != nil {
					return err
				}
				u.Role, u.DefaultLanguage = storage.RoleModerator, "en"
				return tx.SaveUser(ctx, u)
			},
			func(tx *storage.Tx) error { _, err := tx.SuspendAccount(ctx, ana.ID); return err },
			func(tx *storage.Tx) error { _, err := tx.SuspendAccount(ctx, ana.ID); return err }, // is already
			func(tx *storage.Tx) error { _, err := tx.UnsuspendAccount(ctx, ana.ID); return err },
		} {
			must(t, db.Update(ctx, act))
		}
		rows := log(t, db, storage.AuditFilter{Kind: storage.ActorCLI})
		if got := actions(rows); !slices.Equal(got, []string{storage.ActionAccountRestore, storage.ActionAccountSuspend, storage.ActionAccountRole, storage.ActionTokenCreate, storage.ActionAccountPassword}) {
			t.Fatalf("%v", got)
		}
		for _, r := range rows {
			if r.By != (storage.AuditBy{Name: "root", App: "ruche"}) || r.About.Why != "they asked" || r.About.Name != "@ana" {
				t.Errorf("%s: %+v %+v", r.Action, r.By, r.About)
			}
		}
		if a := rows[2].About; string(a.Before) != `{"role":"member"}` || string(a.After) != `{"role":"moderator"}` {
			t.Errorf("role: %s to %s", a.Before, a.After)
		}
		if events := own(t, db, ana); !slices.Equal(kinds(events), []string{storage.SecurityToken, storage.SecurityPassword}) || events[0].App != "ruche" {
			t.Errorf("ana sees %v", kinds(events))
		}
	})
}

func TestAnOwnerReadsSomebodysSignInsOnlyWithAReasonThatThePersonSees(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ana, luc := storagetest.Person(t, db, "ana"), storagetest.Person(t, db, "luc")
		signInsOf(t, db, luc)
		as := func(role string) context.Context {
			return storage.ActingAs(context.Background(), storage.PersonActing(ana, &storage.User{Role: role}, storage.Actor{Address: "192.0.2.7"}))
		}
		read := func(ctx context.Context, why string) (events []*storage.SecurityEvent, err error) {
			err = db.Update(ctx, func(tx *storage.Tx) error {
				events, err = tx.ReadSecurityLog(ctx, luc.ID, why, storage.Page{})
				return err
			})
			return events, err
		}
		const why = "a laptop of Luc's was stolen on Monday"
		for name, tc := range map[string]struct {
			ctx context.Context
			why string
		}{
			"no reason":         {as(storage.RoleOwner), ""},
			"hardly a reason":   {as(storage.RoleOwner), "   test        "},
			"an admin":          {as(storage.RoleAdmin), why},
			"a moderator":       {as(storage.RoleModerator), why},
			"nobody":            {context.Background(), why},
			"the command line":  {storage.ActingAs(context.Background(), storage.Actor{Kind: storage.ActorCLI, Role: storage.RoleOwner}), why},
			"a visitor's claim": {storage.ActingAs(context.Background(), storage.Actor{Kind: storage.ActorVisitor, Role: storage.RoleOwner}), why},
		} {
			if events, err := read(tc.ctx, tc.why); !errors.Is(err, storage.ErrNoReason) || events != nil {
				t.Errorf("%s: %v %v", name, kinds(events), err)
			}
		}
		events, err := read(as(storage.RoleOwner), why)
		must(t, err)
		if len(events) != 5 {
			t.Errorf("the owner sees %v", kinds(events))
		}
		seen := own(t, db, luc)
		if len(seen) != 6 || seen[0].Kind != storage.SecurityRead || seen[0].Reader != "@ana" || seen[0].Why != why {
			t.Errorf("luc sees %+v", seen[0])
		}
		rows := log(t, db, storage.AuditFilter{Action: storage.ActionSecurityRead})
		if len(rows) != 1 || rows[0].About.Why != why || rows[0].By.Name != "@ana" || rows[0].About.Name != "@luc" {
			t.Errorf("%+v", rows)
		}
	})
}

func TestSignInsAreForgottenAfterNinetyDays(t *testing.T) {
	start := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	now := start
	storagetest.EachWith(t, storage.Options{Clock: func() time.Time { return now }}, func(t *testing.T, db *storage.DB) {
		now = start
		ctx := visitor()
		ana := storagetest.Person(t, db, "ana")
		note := func(account int64) {
			must(t, db.Update(ctx, func(tx *storage.Tx) error { return tx.NoteSignIn(ctx, account, storage.SecurityRefused) }))
		}
		rows := func() string {
			n, err := db.Strings(ctx, "SELECT CAST(account_id AS TEXT) FROM security_log ORDER BY id")
			must(t, err)
			return strings.ReplaceAll(strings.Join(n, " "), storage.FormatID(ana.ID), "ana")
		}
		note(ana.ID)
		note(0)
		now = now.Add(23 * time.Hour)
		note(ana.ID)
		for _, step := range []struct {
			after time.Duration
			want  string
		}{{0, "ana 0 ana"}, {2 * time.Hour, "ana ana"}, {89 * 24 * time.Hour, "ana"}, {24 * time.Hour, ""}} {
			now = now.Add(step.after)
			must(t, db.Update(ctx, func(tx *storage.Tx) error { return tx.Tidy(ctx) }))
			if got := rows(); got != step.want {
				t.Errorf("after %s there are %q, want %q", now.Sub(start), got, step.want)
			}
		}
	})
}
