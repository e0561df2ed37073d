package moderation_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-mastodon"

	"ruche/outbox"
	"ruche/outbox/moderation"
	"ruche/storage"
	"ruche/storage/storagetest"
	"ruche/web/api"
	"ruche/web/webtest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// house is a node with a moderator (mia), an admin (ada), members (ana, luc, eve) and its service actor.
type house struct {
	*webtest.Node
	t                        testing.TB
	desk                     *moderation.Desk
	now                      time.Time
	mia, ada, ana, luc, eve  *webtest.Person
	asMia, asAda, asAna, cli context.Context
}

func each(t *testing.T, test func(t *testing.T, h *house)) {
	h := &house{}
	storagetest.EachWith(t, storage.Options{Clock: func() time.Time { return h.now }}, func(t *testing.T, db *storage.DB) {
		h.t, h.now = t, time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
		h.Node = webtest.Start(t, db, nil)
		h.desk = &moderation.Desk{DB: db, Outbox: h.Outbox}
		must(t, db.Update(t.Context(), func(tx *storage.Tx) error {
			return tx.AddAccount(t.Context(), &storage.Account{Username: "sales.test", Kind: storage.Application})
		}))
		h.mia, h.ada, h.ana, h.luc, h.eve = h.Person("mia"), h.Person("ada"), h.Person("ana"), h.Person("luc"), h.Person("eve")
		h.role(h.mia, storage.RoleModerator)
		h.role(h.ada, storage.RoleAdmin)
		h.asMia, h.asAda, h.asAna = h.as(h.mia), h.as(h.ada), h.as(h.ana)
		h.cli = storage.ActingAs(t.Context(), storage.Actor{Kind: storage.ActorCLI})
		test(t, h)
	})
}

func (h *house) as(p *webtest.Person) context.Context {
	return storage.ActingAs(h.t.Context(), storage.Actor{Kind: storage.ActorPerson, AccountID: p.ID, Name: "@" + p.Username})
}

func (h *house) role(p *webtest.Person, role string) {
	h.t.Helper()
	must(h.t, h.DB.Update(h.t.Context(), func(tx *storage.Tx) error {
		u, err := tx.UserByAccount(h.t.Context(), p.ID)
		if err != nil {
			return err
		}
		u.Role = role
		return tx.SaveUser(h.t.Context(), u)
	}))
}

// posts writes a post as somebody's app does, and gives its id.
func (h *house) posts(p *webtest.Person, text, visibility string) int64 {
	h.t.Helper()
	s := webtest.Into[api.Status](p.Ask("POST", "/api/v1/statuses", map[string]any{"status": text, "visibility": visibility}).Is(200))
	return storage.ParseID(s.ID)
}

// acts lists what the audit log says was done, the latest first.
func (h *house) acts() []string {
	h.t.Helper()
	rows, err := h.DB.AuditLog(h.t.Context(), storage.AuditFilter{}, storage.Page{Limit: 40})
	must(h.t, err)
	var out []string
	for _, r := range rows {
		out = append(out, r.Action)
	}
	return out
}

func (h *house) refused(err error, want error) {
	h.t.Helper()
	if !errors.Is(err, want) {
		h.t.Errorf("the answer is %v, not %v", err, want)
	}
}

// take takes a measure as the moderator.
func (h *house) take(m moderation.Measure) *storage.Strike {
	h.t.Helper()
	s, err := h.desk.Act(h.asMia, m)
	must(h.t, err)
	return s
}

func (h *house) home(p *webtest.Person, path string) string {
	h.t.Helper()
	return p.Ask("GET", path, nil).Is(200).Body
}

func TestAReportIsTakenNotedAndClosedWithAMeasure(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		post := h.posts(h.luc, "a rude word", "public")
		h.ana.Ask("POST", "/api/v1/reports", map[string]any{"account_id": storage.FormatID(h.luc.ID), "status_ids": []string{storage.FormatID(post)}, "comment": "rude", "rule_ids": []string{"1"}}).Is(200)

		told, err := h.mia.GetNotifications(ctx, nil)
		must(t, err)
		if len(told) != 1 || told[0].Type != "admin.report" || told[0].Account.Username != "ana" {
			t.Errorf("the moderator is told %+v", told)
		}
		if told, err = h.luc.GetNotifications(ctx, nil); err != nil || len(told) != 0 {
			t.Errorf("who is reported is told %+v, %v", told, err)
		}
		_, err = h.desk.Reports(h.asAna, storage.ReportFilter{}, storage.Page{})
		h.refused(err, storage.ErrDenied)
		open, err := h.desk.Reports(h.asMia, storage.ReportFilter{Unassigned: true}, storage.Page{})
		must(t, err)
		if len(open) != 1 || open[0].Category != storage.CategoryViolation || !slices.Equal(open[0].Rules, []string{"1"}) {
			t.Fatalf("the queue is %+v", open)
		}
		id := open[0].ID
		for what, err := range map[string]error{"assign": h.desk.Assign(h.asAna, id, h.ana.ID), "note": h.desk.Note(h.asAna, id, "x"), "resolve": h.desk.Resolve(h.asAna, id)} {
			if !errors.Is(err, storage.ErrDenied) {
				t.Errorf("a member may %s: %v", what, err)
			}
		}
		_, err = h.desk.Report(h.asAna, id)
		h.refused(err, storage.ErrDenied)
		h.refused(h.desk.Assign(h.asMia, id, h.luc.ID), outbox.ErrInvalid) // whose role doesn't read reports
		h.refused(h.desk.Note(h.asMia, id, " "), outbox.ErrInvalid)
		h.refused(h.desk.Note(h.asMia, id, strings.Repeat("é", moderation.MaxText+1)), outbox.ErrInvalid)
		must(t, h.desk.Assign(h.asMia, id, h.mia.ID))
		must(t, h.desk.Assign(h.asMia, id, h.mia.ID)) // again: no second entry
		must(t, h.desk.Note(h.asMia, id, "I know luc, he is tired"))
		if mine, err := h.desk.Reports(h.asMia, storage.ReportFilter{AssignedTo: h.mia.ID, Target: h.luc.ID, Account: h.ana.ID}, storage.Page{}); err != nil || len(mine) != 1 {
			t.Errorf("mine are %v, %v", mine, err)
		}
		if far, err := h.desk.Reports(h.asMia, storage.ReportFilter{Host: "labo.test", State: storage.ReportsAll}, storage.Page{}); err != nil || len(far) != 0 {
			t.Errorf("of another node are %v, %v", far, err)
		}

		strike := h.take(moderation.Measure{Account: h.luc.ID, What: storage.MeasureDeletePosts, Posts: []int64{post}, Text: "not here, luc", Report: id})
		if _, err := h.DB.PostByID(ctx, post); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("the post is still there: %v", err)
		}
		c, err := h.desk.Report(h.asMia, id)
		must(t, err)
		if c.Open() || c.ClosedBy != h.mia.ID || c.AssignedTo != h.mia.ID || len(c.Notes) != 1 || c.Notes[0].ByID != h.mia.ID || len(c.Strikes) != 1 || c.Strikes[0].ReportID != id || len(c.Posts) != 0 || c.Target.ID != h.luc.ID || c.Reporter.ID != h.ana.ID || c.Others != 0 {
			t.Errorf("the case is %+v", c)
		}
		var history []string
		for _, e := range c.History {
			history = append(history, e.Action)
		}
		if want := []string{storage.ActionReportResolve, storage.ActionReportNote, storage.ActionReportAssign}; !slices.Equal(history, want) {
			t.Errorf("the history is %v, not %v", history, want)
		}
		if got := h.acts()[:2]; !slices.Equal(got, []string{storage.ActionReportResolve, storage.ActionPostsDelete}) {
			t.Errorf("written down: %v", got)
		}
		rows, err := h.DB.AuditLog(ctx, storage.AuditFilter{Action: storage.ActionPostsDelete}, storage.Page{})
		must(t, err)
		if rows[0].By.Name != "@mia" || rows[0].About.Why != "not here, luc" || rows[0].About.Name != "@luc" {
			t.Errorf("the entry is %+v", rows[0])
		}

		said := webtest.Into[[]api.Notification](h.luc.Ask("GET", "/api/v1/notifications", nil).Is(200))
		if len(said) != 1 || said[0].Type != "moderation_warning" || said[0].ModerationWarning == nil || said[0].ModerationWarning.Action != "delete_statuses" || said[0].ModerationWarning.Text != "not here, luc" || said[0].ModerationWarning.ID != storage.FormatID(strike.ID) || said[0].Account.Username == "mia" {
			t.Errorf("the person reads %+v", said)
		}
		must(t, h.desk.Reopen(h.asMia, id))
		must(t, h.desk.Resolve(h.asAda, id))
		if r, err := h.DB.ReportByID(ctx, id); err != nil || r.ClosedBy != h.ada.ID {
			t.Errorf("closed again: %+v, %v", r, err)
		}
	})
}

func TestOnlyFollowersSeeWhatSomebodyLimitedPosts(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		_, err := h.eve.AccountFollow(ctx, mastodon.ID(storage.FormatID(h.luc.ID)))
		must(t, err)
		post := h.posts(h.luc, "buy my honey #honey", "public")
		shows := func(p *webtest.Person) map[string]bool {
			return map[string]bool{
				"post":    p.Ask("GET", "/api/v1/statuses/"+storage.FormatID(post), nil).StatusCode == 200,
				"home":    strings.Contains(h.home(p, "/api/v1/timelines/home"), "buy my honey"),
				"public":  strings.Contains(h.home(p, "/api/v1/timelines/public"), "buy my honey"),
				"tag":     strings.Contains(h.home(p, "/api/v1/timelines/tag/honey"), "buy my honey"),
				"search":  strings.Contains(h.home(p, "/api/v2/search?type=statuses&q=honey"), "buy my honey"),
				"trend":   strings.Contains(h.home(p, "/api/v1/trends/tags"), `"honey"`),
				"profile": strings.Contains(h.home(p, "/api/v1/accounts/"+storage.FormatID(h.luc.ID)+"/statuses"), "buy my honey"),
				"people":  strings.Contains(h.home(p, "/api/v1/directory"), `"luc"`),
				"prefix":  strings.Contains(h.home(p, "/api/v2/search?type=accounts&q=lu"), `"luc"`),
				"name":    strings.Contains(h.home(p, "/api/v2/search?type=accounts&q=luc"), `"luc"`),
			}
		}
		all := map[string]bool{"post": true, "home": true, "public": true, "tag": true, "search": true, "trend": true, "profile": true, "people": true, "prefix": true, "name": true}
		same := func(who string, got, want map[string]bool) {
			t.Helper()
			for what := range all {
				if got[what] != want[what] {
					t.Errorf("%s: %s is %v", who, what, got[what])
				}
			}
		}
		same("a follower before", shows(h.eve), all)
		h.take(moderation.Measure{Account: h.luc.ID, What: storage.MeasureLimit, Text: "advertising"})
		same("a follower", shows(h.eve), map[string]bool{"post": true, "home": true, "profile": true, "name": true})
		same("somebody else", shows(h.ana), map[string]bool{"name": true})
		own := shows(h.luc)
		if !own["post"] || !own["home"] || !own["profile"] {
			t.Errorf("of one's own: %v", own)
		}
		if !h.limited(h.luc) {
			t.Error("the account isn't said to be limited")
		}
		// Whom nobody follows reaches nobody: what they do waits as a request.
		h.posts(h.luc, "@ana look", "public")
		h.posts(h.luc, "@eve look", "public")
		if told, err := h.ana.GetNotifications(ctx, nil); err != nil || len(told) != 0 {
			t.Errorf("ana is told %+v, %v", told, err)
		}
		if told, err := h.eve.GetNotifications(ctx, nil); err != nil || len(told) != 1 || told[0].Type != "mention" {
			t.Errorf("eve is told %+v, %v", told, err)
		}
		must(t, h.desk.Undo(h.asMia, h.luc.ID, storage.MeasureLimit))
		must(t, h.desk.Undo(h.asMia, h.luc.ID, storage.MeasureLimit)) // no second entry
		same("after", shows(h.eve), all)
		if got := h.acts()[:2]; !slices.Equal(got, []string{storage.ActionAccountUnlimit, storage.ActionAccountLimit}) {
			t.Errorf("written down: %v", got)
		}
	})
}

func (h *house) limited(p *webtest.Person) bool {
	return webtest.Into[api.Account](h.ana.Ask("GET", "/api/v1/accounts/"+storage.FormatID(p.ID), nil).Is(200)).Limited
}

func TestSomebodyFrozenIsReadAndDoesNothing(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		post := h.posts(h.luc, "hello", "public")
		h.take(moderation.Measure{Account: h.luc.ID, What: storage.MeasureFreeze})
		h.luc.Ask("GET", "/api/v1/accounts/verify_credentials", nil).Is(403).Says("Your login is currently disabled")
		h.luc.Ask("POST", "/api/v1/statuses", map[string]any{"status": "still me"}).Is(403)
		if _, err := h.Outbox.Post(t.Context(), h.account(h.luc), outbox.Draft{Text: "by the back door"}); !errors.Is(err, outbox.ErrForbidden) {
			t.Errorf("the act is %v", err)
		}
		h.ana.Ask("GET", "/api/v1/statuses/"+storage.FormatID(post), nil).Is(200)
		must(t, h.desk.Undo(h.asMia, h.luc.ID, storage.MeasureFreeze))
		h.luc.Ask("GET", "/api/v1/accounts/verify_credentials", nil).Is(200) // the same token

		h.take(moderation.Measure{Account: h.luc.ID, What: storage.MeasureSuspend})
		h.ana.Ask("GET", "/api/v1/statuses/"+storage.FormatID(post), nil).Is(404)
		h.luc.Ask("GET", "/api/v1/accounts/verify_credentials", nil).Is(401)
		must(t, h.desk.Undo(h.asMia, h.luc.ID, storage.MeasureSuspend))
		h.ana.Ask("GET", "/api/v1/statuses/"+storage.FormatID(post), nil).Is(200)
	})
}

func (h *house) account(p *webtest.Person) *storage.Account {
	h.t.Helper()
	a, err := h.DB.AccountByID(h.t.Context(), p.ID)
	must(h.t, err)
	return a
}

func TestPostsAreMarkedOrAllThatSomebodyPosts(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		one, two := h.posts(h.luc, "a wound", "public"), h.posts(h.luc, "another", "public")
		sensitive := func(id int64) bool {
			return webtest.Into[api.Status](h.ana.Ask("GET", "/api/v1/statuses/"+storage.FormatID(id), nil).Is(200)).Sensitive
		}
		marked := h.take(moderation.Measure{Account: h.luc.ID, What: storage.MeasureMarkPosts, Posts: []int64{one}})
		if !sensitive(one) || sensitive(two) {
			t.Error("not the one post is marked")
		}
		h.take(moderation.Measure{Account: h.luc.ID, What: storage.MeasureSensitive})
		if !sensitive(two) {
			t.Error("what a marked account posts isn't sensitive")
		}
		must(t, h.desk.Undo(h.asMia, h.luc.ID, storage.MeasureSensitive))
		if sensitive(two) {
			t.Error("the mark stays")
		}
		must(t, h.desk.Appeal(h.as(h.luc), h.account(h.luc), marked.ID, "it is a tomato"))
		must(t, h.desk.Decide(h.asMia, marked.ID, true))
		if sensitive(one) {
			t.Error("the granted appeal changed nothing")
		}
	})
}

func TestAnAppealIsMadeOnceInTimeAndUndoesTheMeasure(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		limit := h.take(moderation.Measure{Account: h.luc.ID, What: storage.MeasureLimit, Text: "advertising"})
		luc := h.as(h.luc)
		h.refused(h.desk.Appeal(h.asAna, h.ana.Account, limit.ID, "not mine"), storage.ErrNotFound)
		h.refused(h.desk.Appeal(luc, h.luc.Account, limit.ID, " "), outbox.ErrInvalid)
		h.refused(h.desk.Appeal(luc, h.luc.Account, limit.ID, strings.Repeat("x", moderation.MaxText+1)), outbox.ErrInvalid)
		h.refused(h.desk.Decide(h.asMia, limit.ID, true), outbox.ErrInvalid) // nobody appealed
		h.now = h.now.AddDate(0, 0, storage.AppealDays-1)
		must(t, h.desk.Appeal(luc, h.luc.Account, limit.ID, "it was a gift"))
		h.refused(h.desk.Appeal(luc, h.luc.Account, limit.ID, "again"), outbox.ErrInvalid)
		own, err := h.desk.Warnings(luc, h.luc.Account)
		must(t, err)
		if len(own) != 1 || own[0].ByID != 0 || !own[0].Pending() {
			t.Errorf("the person reads %+v", own)
		}
		_, err = h.desk.Appeals(h.asAna, true, storage.Page{})
		h.refused(err, storage.ErrDenied)
		waiting, err := h.desk.Appeals(h.asMia, true, storage.Page{})
		must(t, err)
		if len(waiting) != 1 || waiting[0].Appeal != "it was a gift" {
			t.Errorf("the queue is %+v", waiting)
		}
		h.refused(h.desk.Decide(h.asAna, limit.ID, true), storage.ErrDenied)
		must(t, h.desk.Decide(h.asMia, limit.ID, true))
		h.refused(h.desk.Decide(h.asMia, limit.ID, false), outbox.ErrInvalid) // it is decided
		if a := h.account(h.luc); !a.LimitedAt.IsZero() {
			t.Error("the limit stands")
		}
		if got := h.acts()[:3]; !slices.Equal(got, []string{storage.ActionAppealGrant, storage.ActionAccountUnlimit, storage.ActionAccountLimit}) {
			t.Errorf("written down: %v", got)
		}

		freeze := h.take(moderation.Measure{Account: h.luc.ID, What: storage.MeasureFreeze})
		must(t, h.desk.Appeal(luc, h.luc.Account, freeze.ID, "please"))
		must(t, h.desk.Decide(h.asAda, freeze.ID, false))
		if a := h.account(h.luc); a.MayAct() {
			t.Error("a rejected appeal undid the measure")
		}
		late := h.take(moderation.Measure{Account: h.luc.ID, What: storage.MeasureWarn, Text: "a last word"})
		h.now = h.now.AddDate(0, 0, storage.AppealDays)
		h.refused(h.desk.Appeal(luc, h.luc.Account, late.ID, "I was away"), outbox.ErrInvalid)
		if decided, err := h.DB.Appeals(ctx, false, storage.Page{}); err != nil || len(decided) != 2 || decided[0].Granted || !decided[1].Granted || decided[0].DecidedBy != h.ada.ID {
			t.Errorf("decided: %+v, %v", decided, err)
		}
	})
}

func TestWhatNoMeasureCanBe(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		far := h.Remote("bob", "labo.test")
		service, err := h.DB.ServiceActor(t.Context())
		must(t, err)
		hers := h.posts(h.ana, "hello", "public")
		report := func(about *webtest.Person) int64 {
			r, err := h.Outbox.Report(t.Context(), h.eve.Account, outbox.Complaint{Target: about.ID})
			must(t, err)
			return r.ID
		}
		before := h.acts()
		for name, tc := range map[string]struct {
			as   context.Context
			m    moderation.Measure
			want error
		}{
			"by a member":              {h.asAna, moderation.Measure{Account: h.luc.ID, What: storage.MeasureLimit}, storage.ErrDenied},
			"by nobody":                {storage.ActingAs(t.Context(), storage.Actor{Kind: storage.ActorVisitor}), moderation.Measure{Account: h.luc.ID, What: storage.MeasureLimit}, storage.ErrDenied},
			"about who is above":       {h.asMia, moderation.Measure{Account: h.ada.ID, What: storage.MeasureLimit}, storage.ErrDenied},
			"about oneself":            {h.asMia, moderation.Measure{Account: h.mia.ID, What: storage.MeasureLimit}, storage.ErrDenied},
			"about nobody":             {h.asMia, moderation.Measure{Account: 12345, What: storage.MeasureLimit}, storage.ErrNotFound},
			"about the node":           {h.asMia, moderation.Measure{Account: service.ID, What: storage.MeasureSuspend}, outbox.ErrInvalid},
			"that there isn't":         {h.asMia, moderation.Measure{Account: h.luc.ID, What: "shout"}, outbox.ErrInvalid},
			"a warning without a word": {h.asMia, moderation.Measure{Account: h.luc.ID, What: storage.MeasureWarn}, outbox.ErrInvalid},
			"a novel":                  {h.asMia, moderation.Measure{Account: h.luc.ID, What: storage.MeasureWarn, Text: strings.Repeat("x", moderation.MaxText+1)}, outbox.ErrInvalid},
			"of no posts":              {h.asMia, moderation.Measure{Account: h.luc.ID, What: storage.MeasureDeletePosts}, outbox.ErrInvalid},
			"of another's posts":       {h.asMia, moderation.Measure{Account: h.luc.ID, What: storage.MeasureDeletePosts, Posts: []int64{hers}}, outbox.ErrInvalid},
			"of too many posts":        {h.asMia, moderation.Measure{Account: h.luc.ID, What: storage.MeasureDeletePosts, Posts: make([]int64, moderation.MaxPosts+1)}, outbox.ErrInvalid},
			"for another's report":     {h.asMia, moderation.Measure{Account: h.luc.ID, What: storage.MeasureLimit, Report: report(h.ana)}, outbox.ErrInvalid},
			"a freeze far away":        {h.asMia, moderation.Measure{Account: far.ID, What: storage.MeasureFreeze}, outbox.ErrInvalid},
			"a warning far away":       {h.asMia, moderation.Measure{Account: far.ID, What: storage.MeasureWarn, Text: "x"}, outbox.ErrInvalid},
		} {
			if _, err := h.desk.Act(tc.as, tc.m); !errors.Is(err, tc.want) {
				t.Errorf("a measure %s: %v, not %v", name, err, tc.want)
			}
		}
		h.refused(h.desk.Undo(h.asMia, h.luc.ID, storage.MeasureWarn), outbox.ErrInvalid)
		h.refused(h.desk.Undo(h.asAna, h.luc.ID, storage.MeasureLimit), storage.ErrDenied)
		h.refused(h.desk.Undo(h.asMia, h.ada.ID, storage.MeasureLimit), storage.ErrDenied)
		if after := h.acts(); len(after) != len(before) {
			t.Errorf("what failed is written down: %v", after[:len(after)-len(before)])
		}
		if a := h.account(h.luc); !a.Active() || !a.LimitedAt.IsZero() {
			t.Errorf("what failed changed something: %+v", a)
		}
		h.role(h.ada, storage.RoleOwner)
		for _, what := range []string{storage.MeasureFreeze, storage.MeasureSuspend} {
			_, err := h.desk.Act(h.cli, moderation.Measure{Account: h.ada.ID, What: what})
			h.refused(err, outbox.ErrInvalid)
		}
	})
}

func TestSomebodyOfAPeerIsLimitedAndSuspendedHere(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		far := h.Remote("bob", "labo.test")
		post := &storage.NewPost{Post: storage.Post{AuthorID: far.ID, Origin: "labo.test", URI: "https://labo.test/p/1", HTML: "<p>far</p>", Visibility: storage.Public, Circle: storage.CircleNetwork}}
		must(t, h.DB.Update(t.Context(), func(tx *storage.Tx) error { _, err := tx.AddPost(t.Context(), post); return err }))
		path := "/api/v1/statuses/" + storage.FormatID(post.ID)
		h.ana.Ask("GET", path, nil).Is(200)
		h.take(moderation.Measure{Account: far.ID, What: storage.MeasureLimit})
		h.ana.Ask("GET", path, nil).Is(404)
		// What their server says of them later leaves it in force.
		must(t, h.DB.Update(t.Context(), func(tx *storage.Tx) error {
			fresh := *far
			fresh.DisplayName = "Bob the second"
			return tx.SaveAccount(t.Context(), &fresh)
		}))
		h.ana.Ask("GET", path, nil).Is(404)
		must(t, h.desk.Undo(h.asMia, far.ID, storage.MeasureLimit))
		h.ana.Ask("GET", path, nil).Is(200)
		h.take(moderation.Measure{Account: far.ID, What: storage.MeasureSuspend})
		h.ana.Ask("GET", path, nil).Is(404)
		must(t, h.desk.Undo(h.asMia, far.ID, storage.MeasureSuspend))
		h.take(moderation.Measure{Account: far.ID, What: storage.MeasureDeletePosts, Posts: []int64{post.ID}})
		h.ana.Ask("GET", path, nil).Is(404)
	})
}

func TestAWordThatModeratorsLookOutForMakesAReport(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		h.refused(h.desk.SetKeywords(h.asAna, []string{"x"}), storage.ErrDenied)
		_, err := h.desk.Keywords(h.asAna)
		h.refused(err, storage.ErrDenied)
		h.refused(h.desk.SetKeywords(h.asMia, []string{"!?"}), outbox.ErrInvalid)
		h.refused(h.desk.SetKeywords(h.asMia, []string{strings.Repeat("x", storage.MaxKeyword+1)}), outbox.ErrInvalid)
		many := make([]string, storage.MaxKeywords+1)
		for i := range many {
			many[i] = "word" + storage.FormatID(int64(i))
		}
		h.refused(h.desk.SetKeywords(h.asMia, many), outbox.ErrInvalid)
		must(t, h.desk.SetKeywords(h.asMia, []string{" Délit  d'initié ", "", "delit d initie", "grève"}))
		if words, err := h.desk.Keywords(h.asMia); err != nil || !slices.Equal(words, []string{"Délit d'initié", "grève"}) {
			t.Errorf("kept: %q, %v", words, err)
		}
		if got := h.acts()[0]; got != storage.ActionKeywords {
			t.Errorf("written down: %s", got)
		}
		reported := func() []*storage.Report {
			r, err := h.DB.Reports(ctx, storage.ReportFilter{State: storage.ReportsAll}, storage.Page{})
			must(t, err)
			return r
		}
		h.posts(h.luc, "grèves, regrettable: a word within a word", "public")
		h.posts(h.luc, "@ana la GREVE, between us", "direct")
		if r := reported(); len(r) != 0 {
			t.Errorf("reported: %+v", r)
		}
		found := h.posts(h.luc, "un DELIT d’initié?", "private")
		r := reported()
		service, err := h.DB.ServiceActor(ctx)
		must(t, err)
		if len(r) != 1 || r[0].TargetID != h.luc.ID || r[0].AccountID != service.ID || r[0].Comment != "Délit d'initié" || !slices.Equal(r[0].Posts, []int64{found}) {
			t.Fatalf("reported: %+v", r)
		}
		h.luc.Ask("GET", "/api/v1/statuses/"+storage.FormatID(found), nil).Is(200) // never hidden
		if c, err := h.desk.Report(h.asMia, r[0].ID); err != nil || len(c.Posts) != 1 {
			t.Errorf("the case is %+v, %v", c, err)
		}
		must(t, h.desk.Resolve(h.asMia, r[0].ID))
		edit := "/api/v1/statuses/" + storage.FormatID(found)
		h.luc.Ask("PUT", edit, map[string]any{"status": "la grève, un délit d'initié"}).Is(200)
		if r := reported(); len(r) != 1 {
			t.Errorf("an edit is reported again: %+v", r)
		}
		far := h.Remote("bob", "labo.test")
		must(t, h.DB.Update(ctx, func(tx *storage.Tx) error {
			_, err := tx.AddPost(ctx, &storage.NewPost{Post: storage.Post{AuthorID: far.ID, Origin: "labo.test", URI: "https://labo.test/p/1", HTML: "<p>la <b>grève</b></p>", Visibility: storage.Public, Circle: storage.CircleNetwork}})
			return err
		}))
		if r := reported(); len(r) != 2 || r[0].TargetID != far.ID {
			t.Errorf("what arrives isn't reported: %+v", r)
		}
	})
}
