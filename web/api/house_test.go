package api_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"ruche/outbox"
	"ruche/storage"
	"ruche/storage/queue"
	"ruche/storage/storagetest"
	"ruche/web/api"
	"ruche/web/webtest"
)

func TestAPostForLaterIsPostedThenAndOnce(t *testing.T) {
	var now time.Time
	storagetest.EachWith(t, storage.Options{Clock: func() time.Time { return now }}, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		now = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
		n := webtest.Start(t, db, nil)
		q := queue.New(db, queue.Options{Alone: true})
		n.Outbox.Register(q)
		ana, eve := n.Person("ana"), n.Person("eve")
		later := func(at time.Time) *webtest.Answer {
			return ana.Ask("POST", "/api/v1/statuses", map[string]any{"status": "for later", "visibility": "private", "scheduled_at": at.Format(time.RFC3339)})
		}
		later(now.Add(time.Minute)).Is(422).Says("5 minutes")
		s := webtest.Into[api.ScheduledStatus](later(now.Add(20 * 24 * time.Hour)).Is(200))
		if s.Params.Text != "for later" || s.Params.Visibility != "private" || s.ScheduledAt != "2026-12-10T09:00:00.000Z" {
			t.Errorf("%+v", s)
		}
		for _, method := range []string{"GET", "DELETE", "PUT"} {
			eve.Ask(method, "/api/v1/scheduled_statuses/"+s.ID, nil).Is(404)
		}
		s = webtest.Into[api.ScheduledStatus](ana.Ask("PUT", "/api/v1/scheduled_statuses/"+s.ID, map[string]string{"scheduled_at": "2026-12-20T09:00:00Z"}).Is(200))
		if got := webtest.Into[[]api.ScheduledStatus](ana.Ask("GET", "/api/v1/scheduled_statuses", nil).Is(200)); len(got) != 1 || got[0].ScheduledAt != "2026-12-20T09:00:00.000Z" {
			t.Errorf("%+v", got)
		}
		gone := webtest.Into[api.ScheduledStatus](later(now.Add(time.Hour)).Is(200))
		ana.Ask("DELETE", "/api/v1/scheduled_statuses/"+gone.ID, nil).Is(200)
		for _, step := range []struct {
			days int
			home string
		}{{21, ""}, {31, "for later"}, {32, "for later"}} {
			now = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC).AddDate(0, 0, step.days)
			_, err := q.Drain(ctx)
			check(t, err)
			if got := home(t, ana); got != step.home {
				t.Errorf("after %d days, home: %q, want %q", step.days, got, step.home)
			}
		}
		if got := ana.Ask("GET", "/api/v1/scheduled_statuses", nil).Is(200).Body; got != "[]" {
			t.Errorf("still waiting: %s", got)
		}
	})
}

func TestAnAnnouncementIsReadAndAnswered(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		ana, luc := n.Person("ana"), n.Person("luc")
		one := &storage.Announcement{Text: "party", HTML: "<p>party</p>"}
		over := &storage.Announcement{Text: "over", HTML: "<p>over</p>", EndsAt: db.Now().Add(-time.Hour)}
		check(t, db.Update(ctx, func(tx *storage.Tx) error {
			if err := tx.AddAnnouncement(ctx, over); err != nil {
				return err
			}
			return tx.AddAnnouncement(ctx, one)
		}))
		path := "/api/v1/announcements/" + storage.FormatID(one.ID)
		ana.Ask("PUT", path+"/reactions/"+url.PathEscape("🐝"), nil).Is(200)
		luc.Ask("PUT", path+"/reactions/"+url.PathEscape("🐝"), nil).Is(200)
		luc.Ask("PUT", path+"/reactions/"+url.PathEscape("👩‍🚀"), nil).Is(200)
		for _, bad := range []string{"hello", "1", "%20", "<b>"} {
			luc.Ask("PUT", path+"/reactions/"+url.PathEscape(bad), nil).Is(422)
		}
		luc.Ask("PUT", "/api/v1/announcements/"+storage.FormatID(over.ID)+"/reactions/"+url.PathEscape("🐝"), nil).Is(404)
		list := webtest.Into[[]api.Announcement](ana.Ask("GET", "/api/v1/announcements", nil).Is(200))
		if len(list) != 1 || list[0].Content != "<p>party</p>" || *list[0].Read || len(list[0].Reactions) != 2 || list[0].Reactions[0].Count != 2 || !list[0].Reactions[0].Me || list[0].Reactions[1].Me {
			t.Errorf("%+v", list)
		}
		ana.Ask("DELETE", path+"/reactions/"+url.PathEscape("🐝"), nil).Is(200)
		ana.Ask("POST", path+"/dismiss", nil).Is(200)
		if got := ana.Ask("GET", "/api/v1/announcements", nil).Is(200).Body; got != "[]" {
			t.Errorf("dismissed: %s", got)
		}
		if got := webtest.Into[[]api.Announcement](ana.Ask("GET", "/api/v1/announcements?with_dismissed=true", nil).Is(200)); len(got) != 1 || !*got[0].Read || got[0].Reactions[0].Count != 1 {
			t.Errorf("%+v", got)
		}
	})
}

func TestAnAnnouncementIsWrittenForLaterEditedAndEnded(t *testing.T) {
	var now time.Time
	storagetest.EachWith(t, storage.Options{Clock: func() time.Time { return now }}, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		now = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
		n := webtest.Start(t, db, nil)
		q := queue.New(db, queue.Options{Alone: true})
		n.Outbox.Register(q)
		ana := n.Person("ana")
		heard := make(chan storage.Event, 100)
		defer db.Subscribe(func(e storage.Event) {
			if e.Kind == storage.Announced || e.Kind == storage.AnnouncementRemoved {
				heard <- e
			}
		})()
		hears := func(what string, kind storage.EventKind) {
			t.Helper()
			_, err := q.Drain(ctx)
			check(t, err)
			select {
			case e := <-heard:
				if e.Kind != kind {
					t.Errorf("%s: heard %s, want %s", what, e.Kind, kind)
				}
			default:
				t.Errorf("%s: nothing was heard", what)
			}
		}
		reads := func(what, want string) {
			t.Helper()
			got := ""
			for _, a := range webtest.Into[[]api.Announcement](ana.Ask("GET", "/api/v1/announcements", nil).Is(200)) {
				got += a.Content
			}
			if got != want {
				t.Errorf("%s: ana reads %q, want %q", what, got, want)
			}
		}
		wrong := func(n outbox.Announcement) {
			t.Helper()
			if _, err := outbox.Announce(ctx, db, n); !errors.Is(err, outbox.ErrInvalid) {
				t.Errorf("%+v: %v", n, err)
			}
		}
		wrong(outbox.Announcement{Text: " \n"})
		wrong(outbox.Announcement{Text: strings.Repeat("é", outbox.MaxAnnouncement+1)})
		wrong(outbox.Announcement{Text: "x", Till: now})
		wrong(outbox.Announcement{Text: "x", From: now.Add(2 * time.Hour), Till: now.Add(time.Hour)})
		member := storage.ActingAs(ctx, storage.PersonActing(ana.Account, &storage.User{AccountID: ana.ID, Role: storage.RoleMember}, storage.Actor{}))
		if _, err := outbox.Announce(member, db, outbox.Announcement{Text: "x"}); !errors.Is(err, storage.ErrDenied) {
			t.Errorf("a member announces: %v", err)
		}

		a, err := outbox.Announce(ctx, db, outbox.Announcement{Text: "party", From: now.Add(time.Hour), Till: now.Add(3 * time.Hour)})
		check(t, err)
		hears("written for later", storage.AnnouncementRemoved)
		reads("before", "")
		now = now.Add(time.Hour)
		hears("it begins", storage.Announced)
		reads("it begins", "<p>party</p>")
		check(t, outbox.EditAnnouncement(ctx, db, a.ID, outbox.Announcement{Text: "big party", Till: now.Add(time.Hour)}))
		hears("edited", storage.Announced)
		reads("edited", "<p>big party</p>")
		now = now.Add(time.Hour)
		hears("it is over", storage.AnnouncementRemoved)
		reads("it is over", "")
		if err := outbox.EditAnnouncement(ctx, db, a.ID, outbox.Announcement{Text: "again"}); !errors.Is(err, outbox.ErrInvalid) {
			t.Errorf("edited after its end: %v", err)
		}

		a, err = outbox.Announce(ctx, db, outbox.Announcement{Text: "now"})
		check(t, err)
		hears("now", storage.Announced)
		check(t, outbox.EndAnnouncement(ctx, db, a.ID))
		hears("ended", storage.AnnouncementRemoved)
		reads("ended", "")
		if list, err := db.AllAnnouncements(ctx, storage.Page{Limit: 10}); err != nil || len(list) != 2 || list[0].State(now) != "over" {
			t.Errorf("who writes them finds %v %v", list, err)
		}
	})
}

func TestPeopleAreBroughtTogether(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := webtest.Start(t, db, nil)
		ana, luc, eve, max := n.Person("ana"), n.Person("luc"), n.Person("eve"), n.Person("max")
		follows(t, ana, luc)
		follows(t, luc, eve)
		got := webtest.Into[[]api.Suggestion](ana.Ask("GET", "/api/v2/suggestions", nil).Is(200))
		if len(got) != 2 || got[0].Account.Acct != "eve" || got[0].Sources[0] != "friends_of_friends" || got[1].Account.Acct != "max" {
			t.Errorf("%+v", got)
		}
		ana.Ask("DELETE", "/api/v1/suggestions/"+idOf(max), nil).Is(200)
		if got := webtest.Into[[]api.Account](ana.Ask("GET", "/api/v1/suggestions", nil).Is(200)); len(got) != 1 {
			t.Errorf("%+v", got)
		}
		if got := webtest.Into[[]api.Account](ana.Ask("GET", "/api/v1/directory?order=new&limit=2&offset=1", nil).Is(200)); len(got) != 2 || got[0].Acct != "eve" {
			t.Errorf("%+v", got)
		}
	})
}

func TestTrendsAreWhatManyPeopleShare(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		ana, luc, eve := n.Person("ana"), n.Person("luc"), n.Person("eve")
		posts := says(t, ana, "quiet #alone #alone2", "loud #bees")
		says(t, luc, "me too #bees")
		_, err := luc.Reblog(ctx, posts[1])
		check(t, err)
		_, err = eve.Favourite(ctx, posts[0])
		check(t, err)
		got, err := eve.GetTrendingStatuses(ctx, nil)
		check(t, err)
		if len(got) != 2 || got[0].ID != posts[1] {
			t.Errorf("%+v", got)
		}
		tags := webtest.Into[[]api.Tag](eve.Ask("GET", "/api/v1/trends/tags?limit=1", nil).Is(200))
		if len(tags) != 1 || tags[0].Name != "bees" {
			t.Errorf("%+v", tags)
		}
		if got := eve.Ask("GET", "/api/v1/trends/links", nil).Is(200).Body; got != "[]" {
			t.Errorf("links: %s", got)
		}
	})
}

func TestWhatCrossesDepartmentsTrendsAndPicksStandFirst(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		people := map[string]*webtest.Person{}
		for name, department := range map[string]string{"ana": "Sales", "luc": "Sales", "eve": "Sales", "bob": "Legal", "zoe": "IT", "cm": "Communication"} {
			people[name] = n.Person(name)
			check(t, db.Update(ctx, func(tx *storage.Tx) error {
				a, err := tx.AccountByID(ctx, people[name].ID)
				if err != nil {
					return err
				}
				a.Department = department
				return tx.SaveAccount(ctx, a)
			}))
		}
		ana, luc, eve, bob, zoe := people["ana"], people["luc"], people["eve"], people["bob"], people["zoe"]
		loud, wide, quiet := says(t, ana, "loud in sales #loud #both")[0], says(t, ana, "across #wide")[0], says(t, ana, "quiet #quiet")[0]
		for _, p := range []*webtest.Person{luc, eve} {
			p.Ask("POST", "/api/v1/statuses/"+string(loud)+"/reblog", nil).Is(200)
			says(t, p, "so loud #loud")
		}
		bob.Ask("POST", "/api/v1/statuses/"+string(wide)+"/favourite", nil).Is(200)
		zoe.Ask("POST", "/api/v1/statuses", map[string]string{"status": "indeed", "in_reply_to_id": string(wide)}).Is(200)
		says(t, bob, "me too #wide")
		// What few may see is no sign.
		for range 3 {
			bob.Ask("POST", "/api/v1/statuses", map[string]string{"status": "@ana between us", "in_reply_to_id": string(quiet), "visibility": "direct"}).Is(200)
		}
		trending := func(who *webtest.Person, query string) (ids []string) {
			t.Helper()
			for _, s := range webtest.Into[[]api.Status](who.Ask("GET", "/api/v1/trends/statuses"+query, nil).Is(200)) {
				ids = append(ids, s.ID)
			}
			return ids
		}
		if got, want := trending(luc, ""), []string{string(wide), string(loud)}; !slices.Equal(got, want) {
			t.Errorf("trending are %v, want %v", got, want)
		}
		tags := func() (names []string) {
			for _, tag := range webtest.Into[[]api.Tag](luc.Ask("GET", "/api/v1/trends/tags?limit=3", nil).Is(200)) {
				names = append(names, tag.Name)
			}
			return names
		}
		if got := tags(); !slices.Equal(got[:2], []string{"wide", "loud"}) {
			t.Errorf("%v", got)
		}
		act := func(do func(tx *storage.Tx) error) error { return db.Update(ctx, do) }
		check(t, act(func(tx *storage.Tx) error { return tx.Pick(ctx, storage.PickPost, string(quiet)) }))
		check(t, act(func(tx *storage.Tx) error { return tx.Pick(ctx, storage.PickTag, "#Honey") }))
		if got, want := trending(luc, ""), []string{string(quiet), string(wide), string(loud)}; !slices.Equal(got, want) {
			t.Errorf("with a pick %v, want %v", got, want)
		}
		if got := trending(luc, "?limit=1&offset=1"); !slices.Equal(got, []string{string(wide)}) {
			t.Errorf("the second page: %v", got)
		}
		if got := tags(); got[0] != "honey" {
			t.Errorf("%v", got)
		}
		// A pick shows nobody more than they may see, or wish to.
		private, err := ana.PostStatus(ctx, toot("for followers", "private"))
		check(t, err)
		if err := act(func(tx *storage.Tx) error { return tx.Pick(ctx, storage.PickPost, string(private.ID)) }); !errors.Is(err, storage.ErrPick) {
			t.Errorf("a post for followers is picked: %v", err)
		}
		zoe.Ask("POST", "/api/v1/accounts/"+storage.FormatID(ana.ID)+"/block", nil).Is(200)
		if got := trending(zoe, ""); len(got) != 0 {
			t.Errorf("zoe, who blocked ana, sees %v", got)
		}
		check(t, act(func(tx *storage.Tx) error { return tx.Unpick(ctx, storage.PickPost, string(quiet)) }))
		if got := trending(luc, ""); got[0] != string(wide) {
			t.Errorf("the pick was taken back: %v", got)
		}
		check(t, act(func(tx *storage.Tx) error { return tx.Pick(ctx, storage.PickPost, string(quiet)) }))
		check(t, ana.DeleteStatus(ctx, quiet))
		if got := trending(luc, ""); got[0] != string(wide) {
			t.Errorf("a deleted pick: %v", got)
		}
	})
}

func TestACommunityManagerPicksByAnApp(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		ana, cm := n.Person("ana"), n.Person("cm")
		check(t, db.Update(ctx, func(tx *storage.Tx) error {
			if err := tx.SetSetting(ctx, storage.SettingCardHosts, "wiki.test"); err != nil {
				return err
			}
			u, err := tx.UserByAccount(ctx, cm.ID)
			if err != nil {
				return err
			}
			u.Role = storage.RoleCommunityManager
			return tx.SaveUser(ctx, u)
		}))
		post := says(t, ana, "look #bees https://wiki.test/plan")[0]
		check(t, db.Update(ctx, func(tx *storage.Tx) error {
			return tx.SaveCard(ctx, &storage.Card{URL: "https://wiki.test/plan", Host: "wiki.test", Title: "Plan"})
		}))
		wide := n.Token(cm.ID, "admin:read admin:write")
		const admin = "/api/v1/admin/trends/"
		n.Ask("GET", admin+"tags", n.Token(ana.ID, "admin:read"), nil).Is(403).Says("community managers")
		n.Ask("POST", admin+"statuses/"+string(post)+"/approve", n.Token(ana.ID, "admin:write"), nil).Is(403)
		n.Ask("GET", admin+"statuses", wide, nil).Is(200).Says("[]")
		n.Ask("POST", admin+"statuses/"+string(post)+"/approve", wide, nil).Is(200).Says(`"id":"`+string(post)+`"`, `"requires_review":false`)
		n.Ask("GET", admin+"statuses", wide, nil).Is(200).Says(`"id":"` + string(post) + `"`)
		ana.Ask("GET", "/api/v1/trends/statuses", nil).Is(200).Says(`"id":"` + string(post) + `"`)
		n.Ask("POST", admin+"statuses/"+string(post)+"/reject", wide, nil).Is(200)
		n.Ask("POST", admin+"statuses/"+string(post)+"/reject", wide, nil).Is(200)
		ana.Ask("GET", "/api/v1/trends/statuses", nil).Is(200).Says("[]")
		n.Ask("POST", admin+"statuses/112233/approve", wide, nil).Is(404)

		n.Ask("POST", admin+"tags/Honey/approve", wide, nil).Is(200).Says(`"trendable":true`)
		n.Ask("GET", admin+"tags?limit=1", wide, nil).Is(200).Says(`"name":"honey"`)
		links := webtest.Into[[]api.AdminLink](n.Ask("GET", admin+"links", wide, nil).Is(200))
		if len(links) != 1 || links[0].URL != "https://wiki.test/plan" {
			t.Fatalf("%+v", links)
		}
		n.Ask("POST", admin+"links/"+links[0].ID+"/approve", wide, nil).Is(200).Says(`"title":"Plan"`)
		n.Ask("POST", admin+"links/nonsense/approve", wide, nil).Is(404)
		if picks, err := db.Picks(ctx, ""); err != nil || len(picks) != 2 {
			t.Errorf("%v %v", picks, err)
		}
	})
}

func TestWhoFollowsSomebodyMayBeTheirsAlone(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := webtest.Start(t, db, nil)
		ana, luc, eve := n.Person("ana"), n.Person("luc"), n.Person("eve")
		follows(t, luc, ana)
		follows(t, ana, luc)
		follows(t, eve, luc)
		path := "/api/v1/accounts/" + storage.FormatID(ana.ID)
		lists := func(who *webtest.Person, want int) {
			t.Helper()
			for _, list := range []string{"/followers", "/following"} {
				if got := webtest.Into[[]api.Account](who.Ask("GET", path+list, nil).Is(200)); len(got) != want {
					t.Errorf("%s: %s sees %d, want %d", list, who.Username, len(got), want)
				}
			}
		}
		familiar := func() string {
			return eve.Ask("GET", "/api/v1/accounts/familiar_followers?id[]="+storage.FormatID(ana.ID), nil).Is(200).Body
		}
		lists(eve, 1)
		if !strings.Contains(familiar(), `"acct":"luc"`) {
			t.Error(familiar())
		}
		ana.Ask("PATCH", "/api/v1/accounts/update_credentials", map[string]bool{"hide_collections": true}).Is(200).Says(`"hide_collections":true`)
		lists(eve, 0)
		lists(ana, 1)
		eve.Ask("GET", path, nil).Is(200).Says(`"hide_collections":true`, `"followers_count":1`)
		if strings.Contains(familiar(), `"acct":"luc"`) {
			t.Error(familiar())
		}
		ana.Ask("GET", "/api/v1/profile", nil).Is(200).Says(`"hide_collections":true`)
		ana.Ask("PATCH", "/api/v1/profile", map[string]bool{"hide_collections": false}).Is(200)
		lists(eve, 1)
	})
}

func TestNoPostIsSentToATranslator(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := webtest.Start(t, db, nil)
		ana, luc := n.Person("ana"), n.Person("luc")
		post := says(t, ana, "bonjour")[0]
		a := luc.Ask("POST", "/api/v1/statuses/"+string(post)+"/translate", map[string]string{"lang": "en"})
		if a.StatusCode != 404 || !strings.Contains(a.Body, `{"error":"Translation is unavailable`) {
			t.Errorf("%d %s", a.StatusCode, a.Body)
		}
		n.Ask("GET", "/api/v1/instance/translation_languages", "", nil).Is(200).Says("{}")
		n.Ask("GET", "/api/v2/instance", "", nil).Is(200).Says(`"translation":{"enabled":false}`)
	})
}

func TestTheHouseSpeaksTheReadersLanguage(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		choose := func(name, text string) {
			t.Helper()
			check(t, db.Update(ctx, func(tx *storage.Tx) error { return tx.Choose(ctx, name, text) }))
		}
		rules := func() string { return n.Ask("GET", "/api/v1/instance/rules", "", nil).Is(200).Body }
		terms := func(language string) string {
			return webtest.Into[api.Document](n.Ask("GET", "/api/v1/instance/terms_of_service?lang="+language, "", nil).Is(200)).Content
		}
		// One language is enough: everybody reads that.
		choose("rules_fr", "Soyez aimables\nSoyez brefs\n")
		choose("terms_of_service_fr", "Comme convenu")
		if got := rules(); !strings.Contains(got, `"text":"Soyez aimables"`) || !strings.Contains(got, `"translations":{"fr":{"text":"Soyez aimables","hint":""}}`) {
			t.Errorf("rules in French only: %s", got)
		}
		if got := terms("en"); got != "<p>Comme convenu</p>" {
			t.Errorf("terms in French only: %s", got)
		}
		choose(storage.SettingRules, "Be kind\n\nBe brief\nBe there")
		choose("terms_of_service_en", "As agreed")
		got := webtest.Into[[]api.Rule](n.Ask("GET", "/api/v1/instance/rules", "", nil).Is(200))
		if len(got) != 3 || got[1].ID != "2" || got[1].Text != "Be brief" || got[1].Translations["fr"].Text != "Soyez brefs" || len(got[2].Translations) != 0 {
			t.Errorf("rules: %+v", got)
		}
		if en, fr := terms("en"), terms("fr"); en != "<p>As agreed</p>" || fr != "<p>Comme convenu</p>" {
			t.Errorf("terms: %s, %s", en, fr)
		}
	})
}

func TestTheNodeTellsAboutItself(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		ana := n.Person("ana")
		n.Remote("zoe", "partner.test")
		n.Ask("GET", "/api/v1/instance/terms_of_service", "", nil).Is(404)
		n.Ask("GET", "/api/v1/instance/privacy_policy", "", nil).Is(200).Says("linked")
		check(t, db.Update(ctx, func(tx *storage.Tx) error {
			for name, text := range map[string]string{storage.SettingRules: "Be kind\n\nBe brief", storage.SettingTerms: "As <agreed>", storage.SettingContact: "ana", storage.SettingContactMail: "help@sales.test"} {
				if err := tx.SetSetting(ctx, name, text); err != nil {
					return err
				}
			}
			return nil
		}))
		rules := webtest.Into[[]api.Rule](n.Ask("GET", "/api/v1/instance/rules", "", nil).Is(200))
		if len(rules) != 2 || rules[1].ID != "2" || rules[1].Text != "Be brief" {
			t.Errorf("%+v", rules)
		}
		n.Ask("GET", "/api/v1/instance/terms_of_service", "", nil).Is(200).Says(`As \u0026lt;agreed`)
		about := webtest.Into[api.Instance](n.Ask("GET", "/api/v2/instance", "", nil).Is(200))
		if about.Contact.Email != "help@sales.test" || about.Contact.Account == nil || about.Contact.Account.Acct != "ana" || len(about.Rules) != 2 {
			t.Errorf("%+v", about.Contact)
		}
		v1, err := ana.GetInstance(ctx)
		check(t, err)
		if !strings.HasPrefix(v1.Version, "4.") || v1.Stats.UserCount != 1 || v1.Stats.DomainCount != 1 {
			t.Errorf("%+v", v1)
		}
		if hosts, err := ana.GetInstancePeers(ctx); err != nil || len(hosts) != 1 || hosts[0] != "partner.test" {
			t.Errorf("%v %v", hosts, err)
		}
		says(t, ana, "one")
		weeks, err := ana.GetInstanceActivity(ctx)
		check(t, err)
		if len(weeks) != 12 || weeks[0].Statuses != 1 {
			t.Errorf("%+v", weeks)
		}
	})
}

func TestAPostIsShownInOtherPagesByItsWordsAlone(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := webtest.Start(t, db, func(o *api.Options) { o.PublicPages = true })
		ana := n.Person("ana")
		post, err := ana.PostStatus(t.Context(), toot("a word", "public"))
		check(t, err)
		private, err := ana.PostStatus(t.Context(), toot("a secret", "private"))
		check(t, err)
		body := n.Ask("GET", "/api/oembed?url="+url.QueryEscape(post.URL), "", nil).Is(200).Body
		var e api.OEmbed
		check(t, json.Unmarshal([]byte(body), &e))
		if e.Type != "rich" || !strings.Contains(e.HTML, "<p>a word</p>") || strings.Contains(e.HTML, "<script") || strings.Contains(e.HTML, "<iframe") {
			t.Errorf("%+v", e)
		}
		n.Ask("GET", "/api/oembed?url="+url.QueryEscape(private.URL), "", nil).Is(404)
		n.Ask("GET", "/api/oembed?url=nonsense", "", nil).Is(404)
	})
}

func TestWhatHangsOnNothingCanBeRemoved(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := webtest.Start(t, db, nil)
		ana := n.Person("ana")
		upload := func() string {
			file, err := ana.UploadMediaFromBytes(t.Context(), picture(t))
			check(t, err)
			return string(file.ID)
		}
		file := upload()
		ana.Ask("DELETE", "/api/v1/media/"+file, nil).Is(200)
		ana.Ask("GET", "/api/v1/media/"+file, nil).Is(404)
		file = upload()
		ana.Ask("POST", "/api/v1/statuses", map[string]any{"status": "x", "media_ids": []string{file}}).Is(200)
		ana.Ask("DELETE", "/api/v1/media/"+file, nil).Is(422)

		ana.Ask("PATCH", "/api/v1/profile", map[string]any{"display_name": "Ana", "note": "typed"}).Is(200).Says(`"note":"typed"`, `"avatar":null`)
		ana.Ask("DELETE", "/api/v1/profile/avatar", nil).Is(200).Says(`"source"`)
	})
}
