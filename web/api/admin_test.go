package api_test

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"ruche/outbox/people"
	"ruche/storage"
	"ruche/storage/storagetest"
	"ruche/web/api"
	"ruche/web/webtest"
)

// staffed is a node with an owner, an admin, a moderator and members, each with a token for the admin API.
type staffed struct {
	*webtest.Node
	t                       *testing.T
	owner, ada, mia         *webtest.Person
	ana, luc                *webtest.Person
	asOwner, asAda, asMia   string
	asMember, asMiaReadOnly string
}

func staffedNode(t *testing.T, db *storage.DB) *staffed {
	t.Helper()
	s := &staffed{Node: webtest.Start(t, db, nil), t: t}
	s.owner, s.ada, s.mia, s.ana, s.luc = s.Person("olga"), s.Person("ada"), s.Person("mia"), s.Person("ana"), s.Person("luc")
	for who, role := range map[*webtest.Person]string{s.owner: storage.RoleOwner, s.ada: storage.RoleAdmin, s.mia: storage.RoleModerator} {
		check(t, db.Update(t.Context(), func(tx *storage.Tx) error {
			u, err := tx.UserByAccount(t.Context(), who.ID)
			if err != nil {
				return err
			}
			u.Role = role
			return tx.SaveUser(t.Context(), u)
		}))
	}
	check(t, db.Update(t.Context(), func(tx *storage.Tx) error {
		return tx.AddAccount(t.Context(), &storage.Account{Username: "sales.test", Kind: storage.Application})
	}))
	const wide = "admin:read admin:write"
	s.asOwner, s.asAda, s.asMia, s.asMember = s.Token(s.owner.ID, wide), s.Token(s.ada.ID, wide), s.Token(s.mia.ID, wide), s.Token(s.ana.ID, wide)
	s.asMiaReadOnly = s.Token(s.mia.ID, "admin:read")
	return s
}

// said gives the latest entry of the audit log, which has to be of an action, by somebody and for a reason.
func (s *staffed) said(action, by, why string) *storage.AuditRecord {
	s.t.Helper()
	rows, err := s.DB.AuditLog(s.t.Context(), storage.AuditFilter{}, storage.Page{Limit: 10})
	check(s.t, err)
	for _, r := range rows {
		if r.Action == action {
			if r.ByPart == nil || r.By.Name != by || r.By.App != "Tusk" || r.About.Why != why {
				s.t.Errorf("%s is written down as by %q with %q because %q", action, r.By.Name, r.By.App, r.About.Why)
			}
			return r
		}
	}
	s.t.Fatalf("the audit log has no %s among its last entries", action)
	return nil
}

func keys(t *testing.T, body string) []string {
	t.Helper()
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &object); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return slices.Sorted(maps.Keys(object))
}

// attributes checks that an answer has all attributes of Mastodon's documentation.
func attributes(t *testing.T, body, documented string) {
	t.Helper()
	want := strings.Fields(documented)
	slices.Sort(want)
	if have := keys(t, body); !slices.Equal(have, want) {
		t.Errorf("the attributes are %v, not %v", have, want)
	}
}

const adminAccountHas = `id username domain created_at email ip ips locale invite_request role confirmed approved disabled silenced suspended sensitized account created_by_application_id invited_by_account_id`

func TestModeratorsFindAccountsByAnApp(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		s := staffedNode(t, db)
		zoe := s.Remote("zoe", "partner.test")
		cli := storage.ActingAs(t.Context(), storage.Actor{Kind: storage.ActorCLI})
		check(t, db.Update(cli, func(tx *storage.Tx) error { return tx.Choose(cli, storage.SettingJoin, storage.JoinApproval) }))
		_, err := people.Join(t.Context(), db, people.Request{New: people.New{Username: "eve", Email: "eve@new.test", Password: "correct horse"}, Reason: "I keep bees"}, func(*storage.Tx, *people.Joined) error { return nil })
		check(t, err)
		toot := says(t, s.luc, "hello")[0]
		if toot == "" {
			t.Fatal("no post")
		}
		const path = "/api/v1/admin/accounts"
		names := func(query string) string {
			t.Helper()
			var out []string
			for _, a := range webtest.Into[[]api.AdminAccount](s.Ask("GET", query, s.asMia, nil).Is(200)) {
				out = append(out, a.Account.Acct)
			}
			slices.Sort(out)
			return strings.Join(out, " ")
		}
		for query, want := range map[string]string{
			path: "ada ana luc mia olga zoe@partner.test", "/api/v2/admin/accounts": "ada ana luc mia olga zoe@partner.test",
			path + "?remote=true": "zoe@partner.test", "/api/v2/admin/accounts?origin=local": "ada ana luc mia olga", path + "?by_domain=PARTNER.test": "zoe@partner.test",
			path + "?staff=true": "ada mia olga", "/api/v2/admin/accounts?permissions=staff&username=a": "ada", "/api/v2/admin/accounts?role_ids[]=1&role_ids[]=3": "mia olga", "/api/v2/admin/accounts?role_ids[]=77": "",
			path + "?username=AN": "ana", path + "?display_name=lu": "luc", path + "?username=_": "",
			path + "?silenced=true": "", path + "?active=true&local=true": "ada ana luc mia olga", path + "?pending=true": "eve", "/api/v2/admin/accounts?status=pending&username=x": "", path + "?pending=true&remote=true": "",
		} {
			if got := names(query); got != want {
				t.Errorf("%s gives %q, not %q", query, got, want)
			}
		}
		first := s.Ask("GET", path+"?limit=2", s.asMia, nil).Is(200)
		next := strings.TrimPrefix(strings.Split(strings.Split(first.Header.Get("Link"), ">")[0], "<")[1], s.URL)
		if got := webtest.Into[[]api.AdminAccount](s.Ask("GET", next, s.asMia, nil).Is(200)); len(got) != 2 || got[0].ID >= webtest.Into[[]api.AdminAccount](first)[1].ID {
			t.Errorf("the next page is %+v", got)
		}
		for _, bad := range []string{"?email=ana@sales.test", "?ip=192.0.2.1", "?invited_by=1", "?origin=moon", "?status=happy", "?permissions=all", "?local=perhaps"} {
			s.Ask("GET", path+bad, s.asMia, nil).Is(422)
		}

		luc := s.Ask("GET", path+"/"+storage.FormatID(s.luc.ID), s.asMia, nil).Is(200).Says(`"username":"luc"`, `"email":""`, `"ip":null`, `"ips":[]`, `"approved":true`, `"last_status_at":null`, `"domain":null`, `"name":""`)
		attributes(t, luc.Body, adminAccountHas)
		if strings.Contains(luc.Body, "@sales.test") || strings.Contains(luc.Body, "luc@") {
			t.Errorf("an address is shown: %s", luc.Body)
		}
		s.Ask("GET", path+"/"+storage.FormatID(zoe.ID), s.asMia, nil).Is(200).Says(`"domain":"partner.test"`, `"role":null`)
		s.Ask("GET", path+"/112233445566778899", s.asMia, nil).Is(404)
		s.Ask("GET", path, s.asMember, nil).Is(403).Says("owners, admins and moderators")
		s.Ask("GET", path, s.Token(s.mia.ID, "admin:read:reports read"), nil).Is(403).Says("admin:read:accounts")
		for _, list := range []string{"email_domain_blocks", "ip_blocks", "canonical_email_blocks"} {
			if got := s.Ask("GET", "/api/v1/admin/"+list, s.asMia, nil).Is(200).Body; got != "[]" {
				t.Errorf("%s: %s", list, got)
			}
		}

		// Who waits is let in or refused.
		waits := webtest.Into[[]api.AdminAccount](s.Ask("GET", path+"?pending=true", s.asMia, nil).Is(200))[0]
		asked := s.Ask("GET", path+"/"+waits.ID, s.asMia, nil).Is(200).Says(`"approved":false`, `"invite_request":"I keep bees"`, `"email":""`)
		attributes(t, asked.Body, adminAccountHas)
		s.Ask("POST", path+"/"+waits.ID+"/approve", s.asMiaReadOnly, nil).Is(403).Says("admin:write:accounts")
		s.Ask("POST", path+"/"+waits.ID+"/approve", s.asMember, nil).Is(403)
		s.Ask("POST", path+"/"+waits.ID+"/approve", s.asMia, map[string]string{"why": "I know her"}).Is(200).Says(`"approved":true`, `"acct":"eve"`)
		s.said(storage.ActionAccountApprove, "@mia", "I know her")
		s.Ask("POST", path+"/"+waits.ID+"/reject", s.asMia, nil).Is(404)
		s.Ask("POST", path+"/"+waits.ID+"/approve", s.asMia, map[string]string{"why": strings.Repeat("x", 1001)}).Is(422).Says("why")
		_, err = people.Join(t.Context(), db, people.Request{New: people.New{Username: "max", Email: "max@new.test", Password: "correct horse"}, Reason: "me"}, func(*storage.Tx, *people.Joined) error { return nil })
		check(t, err)
		waits = webtest.Into[[]api.AdminAccount](s.Ask("GET", path+"?pending=true", s.asMia, nil).Is(200))[0]
		s.Ask("POST", path+"/"+waits.ID+"/reject", s.asMia, nil).Is(200).Says(`"username":"max"`)
		s.said(storage.ActionAccountRefuse, "@mia", "")
		s.Ask("GET", path+"/"+waits.ID, s.asMia, nil).Is(404)
	})
}

func TestModeratorsTakeMeasuresByAnApp(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		s := staffedNode(t, db)
		zoe := s.Remote("zoe", "partner.test")
		path := func(who int64) string { return "/api/v1/admin/accounts/" + storage.FormatID(who) }
		act := func(who int64, token, kind, text string) *webtest.Answer {
			t.Helper()
			return s.Ask("POST", path(who)+"/action", token, map[string]string{"type": kind, "text": text})
		}
		for kind, measure := range map[string]struct{ attribute, undo, done, undone string }{
			"disable":   {"disabled", "enable", storage.ActionAccountFreeze, storage.ActionAccountUnfreeze},
			"silence":   {"silenced", "unsilence", storage.ActionAccountLimit, storage.ActionAccountUnlimit},
			"sensitive": {"sensitized", "unsensitive", storage.ActionAccountMark, storage.ActionAccountUnmark},
			"suspend":   {"suspended", "unsuspend", storage.ActionAccountSuspend, storage.ActionAccountRestore},
		} {
			act(s.luc.ID, s.asMia, kind, "too loud: "+kind).Is(200).Says("{}")
			s.said(measure.done, "@mia", "too loud: "+kind)
			s.Ask("GET", path(s.luc.ID), s.asMia, nil).Is(200).Says(`"` + measure.attribute + `":true`)
			s.Ask("GET", "/api/v1/admin/accounts?"+measure.attribute+"=true", s.asMia, nil).Is(200).Says(`"username":"luc"`)
			s.Ask("POST", path(s.luc.ID)+"/"+measure.undo, s.asMia, map[string]string{"why": "quiet now"}).Is(200).Says(`"` + measure.attribute + `":false`)
			s.said(measure.undone, "@mia", "quiet now")
		}
		act(s.luc.ID, s.asMia, "none", "be kinder").Is(200)
		strikes, err := db.Strikes(t.Context(), s.luc.ID)
		check(t, err)
		if len(strikes) != 5 || strikes[0].Measure != storage.MeasureWarn || strikes[0].Text != "be kinder" || strikes[0].ByID != s.mia.ID {
			t.Errorf("luc reads %+v", strikes)
		}
		told, err := s.luc.GetNotifications(t.Context(), nil)
		if err == nil && len(told) > 0 {
			t.Errorf("luc's old token, ended by a suspension, still tells %v", told)
		}
		before, err := db.Notifications(t.Context(), s.luc.ID, storage.Told{}, storage.Page{})
		check(t, err)
		s.Ask("POST", path(s.luc.ID)+"/action", s.asMia, map[string]any{"type": "silence", "send_email_notification": false}).Is(200)
		after, err := db.Notifications(t.Context(), s.luc.ID, storage.Told{}, storage.Page{})
		check(t, err)
		if len(before) != 5 || len(after) != 5 {
			t.Errorf("luc was told of %d measures, then %d; want 5 and no more", len(before), len(after))
		}

		act(zoe.ID, s.asMia, "suspend", "spam").Is(200)
		s.Ask("GET", path(zoe.ID), s.asMia, nil).Is(200).Says(`"suspended":true`)
		act(zoe.ID, s.asMia, "disable", "spam").Is(422).Says("another node")

		act(s.ada.ID, s.asMia, "silence", "x").Is(403).Says("isn't below yours")
		act(s.mia.ID, s.asMia, "silence", "x").Is(403).Says("own account")
		act(s.owner.ID, s.asAda, "disable", "x").Is(403)
		s.Ask("POST", path(s.ada.ID)+"/unsilence", s.asMia, nil).Is(403)
		act(s.luc.ID, s.asMember, "silence", "x").Is(403).Says("owners, admins and moderators")
		act(s.luc.ID, s.asMiaReadOnly, "silence", "x").Is(403).Says("admin:write:accounts")
		act(112233445566778899, s.asMia, "silence", "x").Is(404)
		act(s.luc.ID, s.asMia, "shout", "x").Is(422).Says("type must be")
		act(s.luc.ID, s.asMia, "none", "").Is(422).Says("warned of")
		act(s.luc.ID, s.asMia, "silence", strings.Repeat("x", 2001)).Is(422)
		s.Ask("POST", path(s.luc.ID)+"/action", s.asMia, map[string]string{"type": "silence", "warning_preset_id": "1"}).Is(422).Says("warning_preset_id")
	})
}

// complain makes a report by ana about luc's post, and gives its id.
func (s *staffed) complain(text string) string {
	s.t.Helper()
	post := says(s.t, s.luc, text)[0]
	s.ana.Ask("POST", "/api/v1/reports", map[string]any{"account_id": storage.FormatID(s.luc.ID), "status_ids": []string{string(post)}, "comment": "rude", "rule_ids": []string{"2"}}).Is(200)
	return storage.FormatID(s.latestReport().ID)
}

func (s *staffed) latestReport() *storage.Report {
	s.t.Helper()
	list, err := s.DB.Reports(s.t.Context(), storage.ReportFilter{State: storage.ReportsAll}, storage.Page{Limit: 1})
	check(s.t, err)
	return list[0]
}

func TestModeratorsHandleReportsByAnApp(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		s := staffedNode(t, db)
		cli := storage.ActingAs(t.Context(), storage.Actor{Kind: storage.ActorCLI})
		check(t, db.Update(cli, func(tx *storage.Tx) error { return tx.Choose(cli, storage.SettingRules, "No shouting\nBe kind") }))
		report := s.complain("a rude word")
		const path = "/api/v1/admin/reports"
		one := path + "/" + report
		shown := s.Ask("GET", one, s.asMia, nil).Is(200).Says(`"comment":"rude"`, `"category":"violation"`, `a rude word`, `"text":"Be kind"`, `"action_taken":false`, `"assigned_account":null`, `"last_status_at":null`)
		attributes(t, shown.Body, `id action_taken action_taken_at category comment forwarded created_at updated_at account target_account assigned_account action_taken_by_account statuses rules`)
		if strings.Contains(shown.Body, "No shouting") || strings.Contains(shown.Body, `"last_status_at":"`) || strings.Contains(shown.Body, "@sales.test\"") {
			t.Error(shown.Body)
		}
		lists := func(query string, n int) {
			t.Helper()
			if got := webtest.Into[[]api.AdminReport](s.Ask("GET", path+query, s.asMia, nil).Is(200)); len(got) != n {
				t.Errorf("%s gives %d reports, not %d", query, len(got), n)
			}
		}
		lists("", 1)
		lists("?resolved=true", 0)
		lists("?account_id="+storage.FormatID(s.ana.ID)+"&target_account_id="+storage.FormatID(s.luc.ID), 1)
		lists("?account_id="+storage.FormatID(s.luc.ID), 0)
		lists("?by_target_domain=partner.test", 0)
		s.Ask("GET", path+"?resolved=often", s.asMia, nil).Is(422)

		s.Ask("POST", one+"/assign_to_self", s.asMia, nil).Is(200).Says(`"assigned_account":{"id":"` + storage.FormatID(s.mia.ID))
		s.said(storage.ActionReportAssign, "@mia", "")
		s.Ask("POST", one+"/unassign", s.asMia, nil).Is(200).Says(`"assigned_account":null`)
		s.Ask("PUT", one, s.asMia, map[string]any{"category": "spam"}).Is(200).Says(`"category":"spam"`, `"Be kind"`)
		s.Ask("PUT", one, s.asMia, map[string]any{"rule_ids": []string{}}).Is(200).Says(`"rules":[]`, `"category":"spam"`)
		s.said(storage.ActionReportChange, "@mia", "")
		s.Ask("PUT", one, s.asMia, map[string]any{"category": "boring"}).Is(422).Says("category")
		s.Ask("POST", one+"/resolve", s.asMia, map[string]string{"why": "a misunderstanding"}).Is(200).Says(`"action_taken":true`, `"action_taken_by_account":{"id":"`+storage.FormatID(s.mia.ID))
		s.said(storage.ActionReportResolve, "@mia", "a misunderstanding")
		lists("", 0)
		lists("?resolved=true", 1)
		s.Ask("POST", one+"/reopen", s.asMia, nil).Is(200).Says(`"action_taken":false`, `"action_taken_by_account":null`)
		s.said(storage.ActionReportReopen, "@mia", "")

		// A measure closes the report that led to it; no action without a word only closes it.
		act := func(about int64, kind, text, report string) *webtest.Answer {
			t.Helper()
			return s.Ask("POST", "/api/v1/admin/accounts/"+storage.FormatID(about)+"/action", s.asMia, map[string]string{"type": kind, "text": text, "report_id": report})
		}
		act(s.ana.ID, "none", "", report).Is(422)
		act(s.ana.ID, "silence", "", report).Is(422)
		act(s.luc.ID, "silence", "", "112233445566778899").Is(404)
		act(s.luc.ID, "silence", "", "x").Is(422)
		act(s.luc.ID, "silence", "enough", report).Is(200)
		s.Ask("GET", one, s.asMia, nil).Is(200).Says(`"action_taken":true`, `"silenced":true`)
		second := s.complain("another one")
		act(s.luc.ID, "none", "", second).Is(200)
		s.Ask("GET", path+"/"+second, s.asMia, nil).Is(200).Says(`"action_taken":true`)
		if strikes, err := db.Strikes(t.Context(), s.luc.ID); err != nil || len(strikes) != 1 {
			t.Errorf("luc has %d strikes, %v", len(strikes), err)
		}

		s.Ask("GET", path+"/112233445566778899", s.asMia, nil).Is(404)
		s.Ask("POST", path+"/112233445566778899/resolve", s.asMia, nil).Is(404)
		s.Ask("GET", one, s.asMember, nil).Is(403).Says("owners, admins and moderators")
		s.Ask("POST", one+"/resolve", s.asMiaReadOnly, nil).Is(403).Says("admin:write:reports")
		s.Ask("GET", path, s.Token(s.mia.ID, "admin:read:accounts"), nil).Is(403).Says("admin:read:reports")
	})
}

func TestAdminsAllowAndBlockDomainsByAnApp(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		s := staffedNode(t, db)
		const allows, blocks = "/api/v1/admin/domain_allows", "/api/v1/admin/domain_blocks"
		peer := func(host string) *storage.Peer {
			t.Helper()
			p, err := db.PeerByHost(context.Background(), host)
			check(t, err)
			return p
		}
		made := s.Ask("POST", allows, s.asAda, map[string]string{"domain": " Labo.test ", "why": "our laboratory"}).Is(200).Says(`"domain":"labo.test"`)
		attributes(t, made.Body, `id domain created_at`)
		s.said(storage.ActionPeerAllow, "@ada", "our laboratory")
		if p := peer("labo.test"); p.Tier != storage.Partner || !p.Active() || p.Policy != storage.DefaultPolicy(storage.Partner) {
			t.Errorf("%+v", p)
		}
		labo := webtest.Into[api.DomainAllow](made)
		if again := webtest.Into[api.DomainAllow](s.Ask("POST", allows, s.asAda, map[string]string{"domain": "labo.test"}).Is(200)); again != labo {
			t.Errorf("allowed again it is %+v, not %+v", again, labo)
		}
		s.Ask("GET", allows, s.asMia, nil).Is(200).Says(`"id":"` + labo.ID + `"`)
		s.Ask("GET", allows+"/"+labo.ID, s.asMia, nil).Is(200).Says("labo.test")
		for _, bad := range []string{"", "not a host", "sales.test", "*.co.uk"} {
			s.Ask("POST", allows, s.asAda, map[string]string{"domain": bad}).Is(422)
		}

		silenced := s.Ask("POST", blocks, s.asAda, map[string]string{"domain": "labo.test", "private_comment": "spam from there"}).Is(200).Says(`"severity":"silence"`, `"private_comment":"spam from there"`, `"id":"`+labo.ID+`"`)
		attributes(t, silenced.Body, `id domain digest created_at severity reject_media reject_reports private_comment public_comment obfuscate`)
		if p := peer("labo.test"); p.State != storage.PeerSuspended || p.Reason != "admin" {
			t.Errorf("%+v", p)
		}
		s.said("peer.suspended", "@ada", "")
		s.Ask("GET", allows+"/"+labo.ID, s.asMia, nil).Is(404)
		s.Ask("POST", blocks, s.asAda, map[string]string{"domain": "labo.test"}).Is(422).Says("already")
		s.Ask("PUT", blocks+"/"+labo.ID, s.asAda, map[string]string{"severity": "suspend"}).Is(200).Says(`"severity":"suspend"`, "spam from there")
		s.said(storage.ActionPeerBlock, "@ada", "")
		s.Ask("PUT", blocks+"/"+labo.ID, s.asAda, map[string]string{"severity": "noop"}).Is(422)
		s.Ask("PUT", blocks+"/"+labo.ID, s.asAda, map[string]string{"severity": "mild"}).Is(422)
		s.Ask("PUT", blocks+"/"+labo.ID, s.asAda, map[string]string{"private_comment": strings.Repeat("x", 2001)}).Is(422)
		s.Ask("GET", blocks, s.asMia, nil).Is(200).Says("labo.test")

		// What was blocked is in no list any more; what was silenced is a peer as before.
		s.Ask("DELETE", blocks+"/"+labo.ID, s.asAda, nil).Is(200)
		if _, err := db.PeerByHost(t.Context(), "labo.test"); err == nil {
			t.Error("labo.test is still in the list")
		}
		s.Ask("POST", allows, s.asAda, map[string]string{"domain": "labo.test"}).Is(200)
		s.Ask("POST", blocks, s.asAda, map[string]string{"domain": "labo.test"}).Is(200)
		s.Ask("DELETE", blocks+"/"+labo.ID, s.asAda, nil).Is(200)
		if !peer("labo.test").Active() {
			t.Error("labo.test isn't active")
		}
		s.Ask("POST", blocks, s.asAda, map[string]string{"domain": "nowhere.test"}).Is(422).Says("kept out anyway")
		s.Ask("POST", blocks, s.asAda, map[string]string{"domain": "nowhere.test", "severity": "suspend"}).Is(200)
		s.Ask("DELETE", allows+"/"+labo.ID, s.asAda, map[string]string{"why": "the contract ended"}).Is(200)
		s.said(storage.ActionPeerRemove, "@ada", "the contract ended")

		for _, host := range []string{"a.test", "b.test", "c.test"} {
			s.Ask("POST", allows, s.asAda, map[string]string{"domain": host}).Is(200)
		}
		var seen []string
		for at := allows + "?limit=2"; at != ""; {
			page := s.Ask("GET", at, s.asMia, nil).Is(200)
			for _, d := range webtest.Into[[]api.DomainAllow](page) {
				seen = append(seen, d.Domain)
			}
			at = ""
			if link := page.Header.Get("Link"); strings.Contains(link, `rel="next"`) {
				at = strings.TrimPrefix(strings.Split(strings.Split(link, ">")[0], "<")[1], s.URL)
			}
		}
		if slices.Sort(seen); !slices.Equal(seen, []string{"a.test", "b.test", "c.test"}) {
			t.Errorf("the pages have %v", seen)
		}

		s.Ask("POST", allows, s.asMia, map[string]string{"domain": "d.test"}).Is(403).Says("owners and admins")
		s.Ask("GET", allows, s.asMember, nil).Is(403)
		s.Ask("POST", allows, s.Token(s.ada.ID, "admin:read admin:write:accounts"), map[string]string{"domain": "d.test"}).Is(403).Says("admin:write:domain_allows")
		s.Ask("DELETE", allows+"/112233445566778899", s.asAda, nil).Is(404)
		s.Ask("PUT", blocks+"/112233445566778899", s.asAda, nil).Is(404)
	})
}

func TestAdminsDeleteASuspendedAccountByAnApp(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		s := staffedNode(t, db)
		zoe := s.Remote("zoe", "partner.test")
		path := func(who int64) string { return "/api/v1/admin/accounts/" + storage.FormatID(who) }
		group := &storage.Account{Username: "garden", Kind: storage.Group}
		check(t, db.Update(t.Context(), func(tx *storage.Tx) error { return tx.AddAccount(t.Context(), group) }))
		service, err := db.ServiceActor(t.Context())
		check(t, err)
		s.Ask("DELETE", path(s.luc.ID), s.asAda, nil).Is(403).Says("suspend it first")
		s.Ask("POST", path(s.luc.ID)+"/action", s.asMia, map[string]string{"type": "suspend", "text": "spam"}).Is(200)
		s.Ask("DELETE", path(s.luc.ID), s.asMember, nil).Is(403)
		s.Ask("DELETE", path(s.luc.ID), s.asMia, nil).Is(403).Says("owners and admins")
		s.Ask("DELETE", path(s.luc.ID), s.Token(s.ada.ID, "admin:read admin:write:reports"), nil).Is(403).Says("admin:write:accounts")
		s.Ask("DELETE", path(s.luc.ID), s.asAda, map[string]string{"why": strings.Repeat("x", 1001)}).Is(422).Says("why")
		s.Ask("DELETE", path(s.owner.ID), s.asAda, nil).Is(403)
		s.Ask("DELETE", path(zoe.ID), s.asAda, nil).Is(422).Says("of this node")
		s.Ask("DELETE", path(group.ID), s.asAda, nil).Is(422).Says("community")
		s.Ask("DELETE", path(service.ID), s.asAda, nil).Is(404)
		s.Ask("DELETE", path(112233445566778899), s.asAda, nil).Is(404)
		gone := s.Ask("DELETE", path(s.luc.ID), s.asAda, map[string]string{"why": "he left"}).Is(200).Says(`"username":"luc"`, `"suspended":true`, `"email":""`)
		attributes(t, gone.Body, adminAccountHas)
		s.said(storage.ActionAccountDelete, "@ada", "he left")
		s.Ask("GET", path(s.luc.ID), s.asAda, nil).Is(404)
		s.Ask("DELETE", path(s.luc.ID), s.asAda, nil).Is(404)
		s.Ask("POST", path(s.luc.ID)+"/unsuspend", s.asAda, nil).Is(404)
	})
}
