package web_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"ruche/outbox/moderation"
	"ruche/outbox/people"
	"ruche/storage"
	"ruche/storage/storagetest"
	"ruche/web"
	"ruche/web/admin"
)

func (b *browser) deletes(fill url.Values) *answer {
	b.t.Helper()
	return b.submit(b.get("/auth/account").is(200), "/auth/delete", fill)
}

func there(t *testing.T, db *storage.DB, name string) bool {
	t.Helper()
	return account(t, db, name).DeletedAt.IsZero()
}

func TestAPersonDeletesTheirOwnAccount(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		c := n.register()
		phone := n.browser()
		tok := decode[token](n.ask("POST", "/oauth/token", c.exchange(phone.code(c), nil)).is(200))
		b := n.browser()
		b.signIn("ana")
		page := b.get("/auth/account").is(200).says("can’t be undone", "never given to anybody else", "the owners of this node")
		if strings.Contains(page.body, `name="code"`) {
			t.Error("a code is asked for where there is no second factor")
		}
		if to := n.browser().submit(page, "/auth/delete", url.Values{"current": {password}}).is(303).Header.Get("Location"); !strings.HasPrefix(to, "/auth/sign_in") {
			t.Errorf("who isn't signed in is led to %s", to)
		}
		b.deletes(url.Values{"current": {"wrong horse"}}).is(401).says("current password isn&#39;t right")
		b.send("POST", "/auth/delete", url.Values{"current": {password}}).is(403)
		if !there(t, db, "ana") {
			t.Fatal("ana is gone by a wrong password, or without the page's token")
		}
		b.deletes(url.Values{"current": {password}}).is(200).says("Your account is deleted")
		if there(t, db, "ana") || len(b.cookies) != 0 {
			t.Errorf("ana is there; the browser keeps %v", b.cookies)
		}
		phone.get("/auth/account").is(303)
		n.ask("GET", "/api/v1/whoami", "", "Authorization", "Bearer "+tok.AccessToken).is(401)
		for _, login := range []string{"ana", "ana@sales.test"} {
			n.browser().tryPassword(login, password).is(401)
		}
		if _, err := people.Create(t.Context(), db, people.New{Username: "ana", Email: "new@sales.test"}); !errors.Is(err, storage.ErrExists) {
			t.Errorf("the name is given again: %v", err)
		}
		log, err := db.AuditLog(t.Context(), storage.AuditFilter{}, storage.Page{Limit: 1})
		if err != nil || log[0].Action != storage.ActionAccountDelete || log[0].By.Name != "@ana" || log[0].Actor != storage.ActorPerson {
			t.Errorf("the audit log says %+v (%v)", log, err)
		}
	})
}

func TestTheSecondFactorIsAskedForBeforeAnAccountIsDeleted(t *testing.T) {
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	storagetest.EachWith(t, storage.Options{Clock: func() time.Time { return now }}, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		b := n.browser()
		b.signIn("ana")
		ana := account(t, db, "ana")
		f, err := people.NewFactor("Sales", "ana")
		if err != nil {
			t.Fatal(err)
		}
		shown, stored := people.NewRecoveryCodes()
		update(t, db, func(tx *storage.Tx) error { return tx.BeginSecondFactor(t.Context(), ana.ID, f.Secret) })
		update(t, db, func(tx *storage.Tx) error { return tx.ConfirmSecondFactor(t.Context(), ana.ID, stored) })
		for _, code := range []string{"", "000000", strings.Repeat("x", 41)} {
			b.deletes(url.Values{"current": {password}, "code": {code}}).is(401).says("This code isn&#39;t right")
		}
		if signIns, err := db.OwnSecurityLog(t.Context(), ana.ID, storage.Page{Limit: 1}); err != nil || signIns[0].Kind != storage.SecurityRefused {
			t.Errorf("a wrong code isn't written down (%v)", err)
		}
		for range 7 {
			b.deletes(url.Values{"current": {password}, "code": {"000000"}}).is(401)
		}
		code, err := totp.GenerateCode(f.Secret, now)
		if err != nil {
			t.Fatal(err)
		}
		b.deletes(url.Values{"current": {password}, "code": {code}}).is(429)
		if !there(t, db, "ana") {
			t.Fatal("ana is gone by wrong codes, or too many")
		}
		now = now.Add(16 * time.Minute)
		b.deletes(url.Values{"current": {password}, "code": {shown[0]}}).is(200).says("Your account is deleted")
		if there(t, db, "ana") {
			t.Error("ana is there")
		}
	})
}

func TestTheLastOwnerAndThoseWhoAreHeldDontDeleteTheirAccount(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		as(t, db, "ana", storage.RoleOwner)
		ana, luc := n.browser(), n.browser()
		ana.signIn("ana")
		luc.signIn("luc")
		ana.deletes(url.Values{"current": {password}}).is(422).says("You are the last owner of this node", `action="/auth/delete"`)
		page := luc.get("/auth/account").is(200)
		update(t, db, func(tx *storage.Tx) error {
			_, err := tx.TakeMeasure(t.Context(), account(t, db, "luc").ID, storage.MeasureFreeze)
			return err
		})
		if to := luc.submit(page, "/auth/delete", url.Values{"current": {password}}).is(303).Header.Get("Location"); to != "/auth/warnings" {
			t.Errorf("who is frozen is led to %s", to)
		}
		if !there(t, db, "ana") || !there(t, db, "luc") {
			t.Error("the last owner is gone, or who was frozen")
		}
		as(t, db, "luc", storage.RoleOwner) // frozen: nobody yet to succeed her
		ana.deletes(url.Values{"current": {password}}).is(422)
		update(t, db, func(tx *storage.Tx) error {
			_, err := tx.LiftMeasure(t.Context(), account(t, db, "luc").ID, storage.MeasureFreeze)
			return err
		})
		ana.deletes(url.Values{"current": {password}}).is(200)
	})
}

func TestAnAdminDeletesASuspendedAccountInTheConsoleWithAReason(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, func(o *web.Options) {
			o.Pages = append(o.Pages, admin.New(admin.Options{DB: o.DB, Auth: o.Auth, Desk: &moderation.Desk{DB: db}}).Routes()...)
		})
		as(t, db, "ana", storage.RoleAdmin)
		ana := n.browser()
		ana.signIn("ana")
		act := func(why string) *answer {
			t.Helper()
			return ana.send("POST", "/admin/accounts/luc/delete", url.Values{"csrf": {csrfIn(t, ana.get("/auth/account").is(200).body)}, "why": {why}})
		}
		if page := ana.get("/admin/accounts/luc").is(200); strings.Contains(page.body, "/delete") {
			t.Error("the page offers to delete somebody who isn't suspended")
		}
		act("he left").is(422).says("suspend it first")
		if err := people.Suspend(t.Context(), db, "luc"); err != nil {
			t.Fatal(err)
		}
		act("  ").is(422).says("Write why")
		if !there(t, db, "luc") {
			t.Fatal("luc is gone without a reason")
		}
		page := ana.submit(ana.get("/admin/accounts/luc").is(200).says("never given again"), "/admin/accounts/luc/delete", url.Values{"why": {"he left"}}).is(303)
		ana.get(page.Header.Get("Location")).is(200).says("Deleted.", "deleted")
		if there(t, db, "luc") {
			t.Error("luc is there")
		}
		act("again").is(422)
		log, err := db.AuditLog(t.Context(), storage.AuditFilter{}, storage.Page{Limit: 1})
		if err != nil || log[0].Action != storage.ActionAccountDelete || log[0].By.Name != "@ana" || log[0].About.Name != "@luc" || log[0].About.Why != "he left" {
			t.Errorf("the audit log says %+v (%v)", log, err)
		}
		ana.get("/admin/audit").is(200).says("deleted an account for good")
	})
}
