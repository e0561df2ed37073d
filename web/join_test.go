package web_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"ruche/outbox/people"
	"ruche/storage"
	"ruche/storage/storagetest"
	"ruche/web"
	"ruche/web/admin"
	"ruche/web/webtest"
)

func as(t *testing.T, db *storage.DB, name, role string) *storage.Account {
	t.Helper()
	a, err := db.AccountByName(t.Context(), name, "")
	if err != nil {
		t.Fatal(err)
	}
	update(t, db, func(tx *storage.Tx) error {
		u, err := tx.UserByAccount(t.Context(), a.ID)
		if err != nil {
			return err
		}
		u.Role = role
		return tx.SaveUser(t.Context(), u)
	})
	return a
}

func withConsole(o *web.Options) {
	o.Pages = append(o.Pages, admin.New(admin.Options{DB: o.DB, Auth: o.Auth}).Routes()...)
}

// linkIn is the path of the invitation that a page shows.
func linkIn(t *testing.T, page string) string {
	t.Helper()
	_, rest, found := strings.Cut(page, storagetest.BaseURL+"/auth/join?invitation=")
	if !found {
		t.Fatalf("no link in\n%s", page)
	}
	secret, _, _ := strings.Cut(rest, "<")
	return "/auth/join?invitation=" + secret
}

func newcomer(name string) url.Values {
	return url.Values{"username": {name}, "name": {strings.ToUpper(name)}, "email": {name + "@sales.test"}, "password": {password}}
}

func TestPeopleComeByAnInvitation(t *testing.T) {
	start0 := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	now := start0
	storagetest.EachWith(t, storage.Options{Clock: func() time.Time { return now }}, func(t *testing.T, db *storage.DB) {
		now = start0
		ctx := t.Context()
		n := start(t, db, withConsole)
		ana := as(t, db, "ana", storage.RoleCommunityManager)
		update(t, db, func(tx *storage.Tx) error {
			a := &storage.Account{Username: "bees", Kind: storage.Group, DisplayName: "Bees"}
			if err := tx.AddAccount(ctx, a); err != nil {
				return err
			}
			return tx.AddCommunity(ctx, &storage.Community{AccountID: a.ID, Admission: storage.ByInvitation, CreatedBy: ana.ID})
		})
		const at = "/admin/people/invitations"
		n.browser().signInAs("luc").get(at).is(404)
		manager := n.browser().signInAs("ana")
		invite := func(fill url.Values) *answer {
			t.Helper()
			return manager.submit(manager.get(at).is(200), at, fill)
		}
		// One invites with a role below one's own, for some people and some days, to what there is.
		page := manager.get(at).is(200).says(`value="member"`, `value="guest"`, "Nobody is invited")
		if strings.Contains(page.body, `value="moderator"`) || strings.Contains(page.body, `value="community-manager"`) {
			t.Error("a community manager may invite a moderator")
		}
		invite(url.Values{"role": {"admin"}}).is(422).says("Your role doesn")
		invite(url.Values{"role": {"queen"}}).is(422)
		invite(url.Values{"role": {"member"}, "uses": {"0"}}).is(422)
		invite(url.Values{"role": {"member"}, "days": {"1000"}}).is(422)
		invite(url.Values{"role": {"guest"}, "communities": {"wasps"}}).is(422).says("wasps")

		// The link makes an account, signed in by the same act, once.
		link := linkIn(t, invite(url.Values{"role": {"guest"}, "note": {"the auditors"}, "communities": {"@bees"}}).is(200).body)
		b := n.browser()
		form := b.get(link).is(200).says("You are invited")
		for name, tc := range map[string][2]string{
			"a bad name":      {"username", "a b"},
			"a reserved name": {"username", "postmaster"},
			"a bad e-mail":    {"email", "nobody"},
			"a short word":    {"password", "short"},
			"a common word":   {"password", "motdepasse"},
			"no word":         {"password", ""},
			"a long name":     {"name", strings.Repeat("x", 200)},
		} {
			fill := newcomer("eve")
			fill.Set(tc[0], tc[1])
			if a := b.submit(form, "/auth/join", fill).is(422).says(`role="alert"`); strings.Contains(a.body, "correct horse") {
				t.Errorf("%s: the page shows the password", name)
			}
		}
		taken := newcomer("eve")
		taken.Set("username", "Luc")
		b.submit(form, "/auth/join", taken).is(409).says("Somebody has this")
		taken = newcomer("eve")
		taken.Set("email", "LUC@sales.test")
		b.submit(form, "/auth/join", taken).is(409)
		b.submit(form, "/auth/join", newcomer("eve")).is(303)
		b.get("/auth/account").is(200).says("@eve@sales.test")
		eve, err := people.Find(ctx, &db.Queries, "eve")
		if err != nil || eve.User.Role != storage.RoleGuest || eve.User.Email != "eve@sales.test" || eve.DisplayName != "EVE" {
			t.Fatalf("%+v %v", eve, err)
		}
		bees, err := db.AccountByName(ctx, "bees", "")
		if err != nil {
			t.Fatal(err)
		}
		if member, err := db.IsMember(ctx, bees.ID, eve.ID); err != nil || !member {
			t.Errorf("eve is a member: %v %v", member, err)
		}
		other := n.browser()
		other.get(link).is(410).says("used up")
		other.submit(form, "/auth/join", newcomer("zoe")).is(410).says("used up")

		// Wrong, taken back, expired, and made by somebody who may no longer: each in its sentence, on the page and on the form.
		refused := func(link, sentence string, status int) {
			t.Helper()
			other.get(link).is(status).says(sentence)
			fill := newcomer("zoe")
			fill.Set("invitation", strings.TrimPrefix(link, "/auth/join?invitation="))
			other.send("POST", "/auth/join", fill).is(status).says(sentence)
		}
		refused("/auth/join?invitation=wrong", "no invitation of this node", 404)
		back := linkIn(t, invite(url.Values{"role": {"member"}, "note": {"back"}}).is(200).body)
		list, err := db.PersonInvitations(ctx)
		if err != nil || len(list) != 2 || list[0].Note != "back" {
			t.Fatalf("%+v %v", list, err)
		}
		revoke := at + "/" + storage.FormatID(list[0].ID) + "/revoke"
		manager.submit(manager.get(at), revoke, nil).is(303)
		manager.get(at).is(200).says("taken back", "1 / 1")
		refused(back, "was taken back", 410)
		late := linkIn(t, invite(url.Values{"role": {"member"}, "days": {"1"}}).is(200).body)
		lapsed := linkIn(t, invite(url.Values{"role": {"member"}, "days": {"9"}}).is(200).body)
		n.browser().get(late).is(200)
		now = now.Add(24 * time.Hour)
		refused(late, "has expired", 410)
		as(t, db, "ana", storage.RoleMember)
		refused(lapsed, "may no longer invite you", 410)
		if _, err := people.Find(ctx, &db.Queries, "zoe"); err == nil {
			t.Error("zoe has an account")
		}

		// Without an invitation nobody comes in, and the audit log has it all.
		other.get("/auth/join").is(403).says("by invitation")
		other.send("POST", "/auth/join", newcomer("zoe")).is(403)
		for action, want := range map[string]int{"invitation.create": 4, "invitation.revoke": 1, "invitation.use": 1} {
			entries, err := db.AuditLog(ctx, storage.AuditFilter{Action: action}, storage.Page{})
			if err != nil || len(entries) != want {
				t.Errorf("%s: %d entries, want %d, %v", action, len(entries), want, err)
			}
		}
	})
}

func TestTwoPeopleNeverShareTheLastUse(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		_, secret, err := people.InvitePeople(storage.ActingAs(t.Context(), storage.Actor{Kind: storage.ActorCLI}), db, people.Invite{Uses: 2})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		for _, name := range []string{"a1", "a2", "a3", "a4"} {
			go func() {
				_, err := people.Join(t.Context(), db, people.Request{Invitation: secret, New: people.New{Username: name, Email: name + "@sales.test", Password: password}}, func(*storage.Tx, *people.Joined) error { return nil })
				done <- err
			}()
		}
		came := 0
		for range 4 {
			if err := <-done; err == nil {
				came++
			} else if !strings.Contains(err.Error(), "used up") {
				t.Error(err)
			}
		}
		if n, err := db.CountLocalAccounts(t.Context()); err != nil || n != 2 || came != 2 {
			t.Errorf("%d came, %d accounts, %v", came, n, err)
		}
	})
}

func TestWhoAsksForAnAccountWaits(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := start(t, db, withConsole)
		post := openPost(t, db)
		as(t, db, "ana", storage.RoleModerator)
		b := n.browser()
		if strings.Contains(b.get("/auth/sign_in").body, "/auth/join") {
			t.Error("the sign-in page leads to a closed door")
		}
		update(t, db, func(tx *storage.Tx) error { return tx.Choose(ctx, storage.SettingJoin, storage.JoinApproval) })
		if err := db.Update(ctx, func(tx *storage.Tx) error { return tx.Choose(ctx, storage.SettingJoin, "everybody") }); err == nil {
			t.Error("everybody may join")
		}
		b.get("/auth/sign_in").says(`href="/auth/join"`)
		ask := func(name, reason string) *answer {
			t.Helper()
			fill := newcomer(name)
			fill.Set("reason", reason)
			return b.submit(b.get("/auth/join").is(200).says("Ask for an account"), "/auth/join", fill)
		}
		ask("eve", "").is(422).says("Say in a sentence")
		ask("eve", strings.Repeat("x", people.MaxReason+1)).is(422)
		waits := ask("eve", "I keep <b>bees</b>.").is(202).says("is waiting")
		ask("Eve", "again").is(409)
		ask("zoe", "I am new").is(202)

		// Who has an e-mail here isn't told to strangers.
		fill := newcomer("other")
		fill.Set("email", "luc@sales.test")
		fill.Set("reason", "curious")
		if again := b.submit(b.get("/auth/join"), "/auth/join", fill).is(202); again.body != waits.body {
			t.Error("the answer tells that luc@sales.test is somebody's")
		}

		// Until somebody decides there is nothing to see or to sign in to; only the right password is told why.
		b.tryPassword("eve", password).is(403).says("waiting for approval")
		b.tryPassword("eve@sales.test", password).is(403).says("waiting for approval")
		b.tryPassword("eve", "wrong horse").is(401)
		if _, err := db.AccountByName(ctx, "eve", ""); err == nil {
			t.Error("eve is visible")
		}
		if _, err := people.Create(ctx, db, people.New{Username: "EVE", Email: "x@sales.test"}); err == nil {
			t.Error("the name that somebody waits for is given away")
		}

		const at = "/admin/people/waiting"
		n.browser().signInAs("luc").get(at).is(404)
		n.browser().signInAs("luc").send("POST", at+"/1/approve", nil).is(403)
		moderator := n.browser().signInAs("ana")
		page := moderator.get(at).is(200).says("I keep &lt;b&gt;bees&lt;/b&gt;.", "@zoe")
		eve, err := db.SignUpByLogin(ctx, "eve")
		if err != nil {
			t.Fatal(err)
		}
		zoe, err := db.SignUpByLogin(ctx, "zoe@sales.test")
		if err != nil {
			t.Fatal(err)
		}
		decide := func(id int64, act string) *answer {
			t.Helper()
			form := fieldsOf(t, page.body, at+"/"+storage.FormatID(eve.ID)+"/approve")
			return moderator.send("POST", at+"/"+storage.FormatID(id)+"/"+act, form)
		}
		decide(eve.ID, "approve").is(303)
		decide(eve.ID, "approve").is(422)
		decide(zoe.ID, "refuse").is(303)
		decide(zoe.ID, "approve").is(422)
		moderator.get(at+"?done=approved").is(200).says("Nobody waits", "may sign in")
		letters := post.deliver()
		slices.SortFunc(letters, func(a, b webtest.Letter) int { return strings.Compare(a.To, b.To) })
		if len(letters) != 2 || letters[0].To != "eve@sales.test" || !strings.Contains(letters[0].Body, "@eve is approved") || letters[1].To != "zoe@sales.test" || !strings.Contains(letters[1].Body, "not accepted") {
			t.Errorf("%+v", letters)
		}
		n.browser().tryPassword("zoe", password).is(401)
		n.browser().tryPassword("eve", password).is(303)
		if a, err := db.AccountByName(ctx, "eve", ""); err != nil || a.ID != eve.ID || a.PrivateKey == "" {
			t.Errorf("%+v %v", a, err)
		}
		for action, want := range map[string]string{"account.approve": "@eve", "account.refuse": "@zoe"} {
			entries, err := db.AuditLog(ctx, storage.AuditFilter{Action: action}, storage.Page{})
			if err != nil || len(entries) != 1 || entries[0].By.Name != "@ana" || entries[0].About.Name != want {
				t.Errorf("%s: %+v %v", action, entries, err)
			}
		}
	})
}

func (b *browser) signInAs(login string) *browser {
	b.t.Helper()
	b.signIn(login)
	return b
}
