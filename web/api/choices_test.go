package api_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-mastodon"

	"ruche/storage"
	"ruche/storage/storagetest"
	"ruche/web/api"
	"ruche/web/webtest"
)

// texts are what posts say, without markup, in their order.
func texts(posts []*mastodon.Status) string {
	var out []string
	for _, p := range posts {
		if p.Reblog != nil {
			p = p.Reblog
		}
		out = append(out, strings.NewReplacer("<p>", "", "</p>", "").Replace(p.Content))
	}
	return strings.Join(out, ", ")
}

func says(t *testing.T, p *webtest.Person, texts ...string) []mastodon.ID {
	t.Helper()
	var ids []mastodon.ID
	for _, text := range texts {
		post, err := p.PostStatus(t.Context(), toot(text, "public"))
		check(t, err)
		ids = append(ids, post.ID)
	}
	return ids
}

func follows(t *testing.T, p *webtest.Person, others ...*webtest.Person) {
	t.Helper()
	for _, o := range others {
		_, err := p.AccountFollow(t.Context(), mastodon.ID(idOf(o)))
		check(t, err)
	}
}

func home(t *testing.T, p *webtest.Person) string {
	t.Helper()
	posts, err := p.GetTimelineHome(t.Context(), nil)
	check(t, err)
	return texts(posts)
}

func TestWhoIsMutedIsNotSeenUntilItEnds(t *testing.T) {
	var now time.Time
	storagetest.EachWith(t, storage.Options{Clock: func() time.Time { return now }}, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		now = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
		n := webtest.Start(t, db, nil)
		ana, luc, eve := n.Person("ana"), n.Person("luc"), n.Person("eve")
		follows(t, ana, luc, eve)
		posts := says(t, eve, "noise")
		says(t, luc, "music")
		_, err := luc.Reblog(ctx, posts[0])
		check(t, err)
		rel := webtest.Into[api.Relationship](ana.Ask("POST", "/api/v1/accounts/"+idOf(eve)+"/mute", map[string]any{"duration": 3600}).Is(200))
		if !rel.Muting || !rel.MutingNotifications || rel.MutingExpiresAt == nil || *rel.MutingExpiresAt != "2026-11-20T10:00:00.000Z" {
			t.Errorf("%+v", rel)
		}
		says(t, eve, "hey @ana")
		if got := home(t, ana); got != "music" {
			t.Errorf("home: %s", got)
		}
		public, err := ana.GetTimelinePublic(ctx, true, nil)
		check(t, err)
		if got := texts(public); got != "music" {
			t.Errorf("public: %s", got)
		}
		told, err := ana.GetNotifications(ctx, nil)
		check(t, err)
		if len(told) != 0 {
			t.Errorf("ana is told: %+v", told)
		}
		muted := webtest.Into[[]api.MutedAccount](ana.Ask("GET", "/api/v1/mutes", nil).Is(200))
		if len(muted) != 1 || muted[0].Acct != "eve" || muted[0].MuteExpiresAt == nil {
			t.Errorf("%+v", muted)
		}
		// Who looks at them sees them.
		theirs, err := ana.GetAccountStatuses(ctx, mastodon.ID(idOf(eve)), nil)
		check(t, err)
		if len(theirs) != 2 {
			t.Errorf("their profile has %d posts", len(theirs))
		}
		now = now.Add(2 * time.Hour)
		if got := home(t, ana); !strings.Contains(got, "noise") {
			t.Errorf("after the mute, home: %s", got)
		}
		_, err = ana.AccountMute(ctx, mastodon.ID(idOf(eve)))
		check(t, err)
		_, err = ana.AccountUnmute(ctx, mastodon.ID(idOf(eve)))
		check(t, err)
		if got := home(t, ana); !strings.Contains(got, "noise") {
			t.Errorf("unmuted, home: %s", got)
		}
		ana.Ask("POST", "/api/v1/accounts/"+idOf(ana)+"/mute", nil).Is(422)
	})
}

func TestAMutedConversationIsNotTold(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		ana, luc := n.Person("ana"), n.Person("luc")
		post := says(t, ana, "start")[0]
		s := webtest.Into[api.Status](ana.Ask("POST", "/api/v1/statuses/"+string(post)+"/mute", nil).Is(200))
		if !*s.Muted {
			t.Error("the conversation isn't muted")
		}
		_, err := luc.PostStatus(ctx, &mastodon.Toot{Status: "@ana on and on", InReplyToID: post})
		check(t, err)
		s = webtest.Into[api.Status](ana.Ask("POST", "/api/v1/statuses/"+string(post)+"/unmute", nil).Is(200))
		if *s.Muted {
			t.Error("the conversation is muted on")
		}
		told, err := ana.GetNotifications(ctx, nil)
		check(t, err)
		if len(told) != 0 {
			t.Errorf("ana is told %+v", told[0])
		}
	})
}

func TestAHiddenHostIsNotSeen(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := webtest.Start(t, db, nil)
		ana := n.Person("ana")
		zoe := n.Remote("zoe", "partner.test")
		check(t, db.Update(t.Context(), func(tx *storage.Tx) error {
			_, err := tx.AddPost(t.Context(), &storage.NewPost{Post: storage.Post{AuthorID: zoe.ID, Origin: "partner.test", URI: "https://partner.test/1", HTML: "<p>from afar</p>", Visibility: storage.Public, Circle: storage.CircleNetwork}})
			return err
		}))
		count := func() int {
			return len(webtest.Into[[]api.Status](ana.Ask("GET", "/api/v1/timelines/public", nil).Is(200)))
		}
		if count() != 1 {
			t.Error("zoe isn't seen at all")
		}
		ana.Ask("POST", "/api/v1/domain_blocks", url.Values{"domain": {"Partner.test"}}).Is(200)
		ana.Ask("GET", "/api/v1/domain_blocks", nil).Is(200).Says(`["partner.test"]`)
		ana.Ask("GET", "/api/v1/accounts/relationships?id[]="+storage.FormatID(zoe.ID), nil).Is(200).Says(`"domain_blocking":true`)
		if count() != 0 {
			t.Error("zoe is seen")
		}
		ana.Ask("DELETE", "/api/v1/domain_blocks", url.Values{"domain": {"partner.test"}}).Is(200)
		if count() != 1 {
			t.Error("zoe isn't seen again")
		}
		ana.Ask("POST", "/api/v1/domain_blocks", url.Values{"domain": {"sales.test"}}).Is(422)
	})
}

func TestAListIsATimelineOfItsOwn(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		ana, luc, eve := n.Person("ana"), n.Person("luc"), n.Person("eve")
		follows(t, ana, luc)
		l, err := ana.CreateList(ctx, "lab")
		check(t, err)
		check(t, ana.AddToList(ctx, l.ID, mastodon.ID(idOf(luc))))
		ana.Ask("POST", "/api/v1/lists/"+string(l.ID)+"/accounts", map[string]any{"account_ids": []string{idOf(eve)}}).Is(404)
		ana.Ask("POST", "/api/v1/lists/"+string(l.ID)+"/accounts", map[string]any{"account_ids": []string{idOf(luc)}}).Is(422)
		members, err := ana.GetListAccounts(ctx, l.ID)
		if err != nil || len(members) != 1 || members[0].Acct != "luc" {
			t.Errorf("%+v %v", members, err)
		}
		says(t, ana, "mine")
		question := says(t, eve, "a question")[0]
		says(t, luc, "from the lab")
		_, err = luc.PostStatus(ctx, &mastodon.Toot{Status: "an answer", InReplyToID: question})
		check(t, err)
		list := func() string {
			posts, err := ana.GetTimelineList(ctx, l.ID, nil)
			check(t, err)
			return texts(posts)
		}
		for policy, want := range map[string]string{"list": "from the lab", "followed": "from the lab", "none": "from the lab"} {
			ana.Ask("PUT", "/api/v1/lists/"+string(l.ID), map[string]any{"replies_policy": policy}).Is(200).Says(`"replies_policy":"` + policy + `"`)
			if got := list(); got != want {
				t.Errorf("with replies of %s: %s", policy, got)
			}
		}
		follows(t, ana, eve)
		ana.Ask("PUT", "/api/v1/lists/"+string(l.ID), map[string]any{"replies_policy": "followed"}).Is(200)
		if got := list(); got != "an answer, from the lab" {
			t.Errorf("with an answer to somebody followed: %s", got)
		}
		ana.Ask("PUT", "/api/v1/lists/"+string(l.ID), map[string]any{"exclusive": true, "title": "The lab"}).Is(200)
		if got := home(t, ana); strings.Contains(got, "lab") || !strings.Contains(got, "mine") {
			t.Errorf("home beside an exclusive list: %s", got)
		}
		holding, err := ana.GetAccountLists(ctx, mastodon.ID(idOf(luc)))
		if err != nil || len(holding) != 1 || holding[0].Title != "The lab" {
			t.Errorf("%+v %v", holding, err)
		}
		_, err = ana.AccountUnfollow(ctx, mastodon.ID(idOf(luc)))
		check(t, err)
		if members, err = ana.GetListAccounts(ctx, l.ID); err != nil || len(members) != 0 {
			t.Errorf("who isn't followed any more is in the list: %+v %v", members, err)
		}
		for _, path := range []string{"/api/v1/lists/" + string(l.ID), "/api/v1/timelines/list/" + string(l.ID), "/api/v1/lists/" + string(l.ID) + "/accounts"} {
			eve.Ask("GET", path, nil).Is(404)
		}
		ana.Ask("PUT", "/api/v1/lists/"+string(l.ID), map[string]any{"replies_policy": "some"}).Is(422)
		ana.Ask("POST", "/api/v1/lists", map[string]any{"title": " "}).Is(422)
		check(t, ana.DeleteList(ctx, l.ID))
		ana.Ask("GET", "/api/v1/lists/"+string(l.ID), nil).Is(404)
	})
}

func TestFiltersSayWhichPostsTheyMeet(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		ana, luc := n.Person("ana"), n.Person("luc")
		follows(t, ana, luc)
		ids := says(t, luc, "Football tonight", "footballers", "nothing", "L'ÉTÉ")
		f := webtest.Into[api.Filter](ana.Ask("POST", "/api/v2/filters", map[string]any{
			"title": "sports", "context": []string{"home", "public"}, "filter_action": "hide",
			"keywords_attributes": []map[string]any{{"keyword": "football", "whole_word": true}, {"keyword": "été", "whole_word": false}},
		}).Is(200))
		ana.Ask("POST", "/api/v2/filters/"+f.ID+"/statuses", map[string]any{"status_id": string(ids[2])}).Is(200)
		got := map[string]string{}
		for _, s := range webtest.Into[[]api.Status](ana.Ask("GET", "/api/v1/timelines/home", nil).Is(200)) {
			var met []string
			for _, m := range *s.Filtered {
				met = append(met, fmt.Sprint(m.Filter.Title, m.KeywordMatches, len(m.StatusMatches)))
			}
			got[s.Content] = strings.Join(met, " ")
		}
		want := map[string]string{"<p>Football tonight</p>": "sports[football] 0", "<p>footballers</p>": "", "<p>nothing</p>": "sports[] 1", "<p>L&#39;ÉTÉ</p>": "sports[été] 0"}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("the filters met\n%v, want\n%v", got, want)
		}
		f = webtest.Into[api.Filter](ana.Ask("PUT", "/api/v2/filters/"+f.ID, map[string]any{"title": "ball games", "expires_in": 3600, "keywords_attributes": []map[string]any{
			{"id": f.Keywords[0].ID, "keyword": "soccer"}, {"id": f.Keywords[1].ID, "_destroy": true}, {"keyword": "tennis"},
		}}).Is(200))
		if f.Title != "ball games" || f.ExpiresAt == nil || len(f.Keywords) != 2 || f.Keywords[0].Keyword != "soccer" || f.Keywords[1].Keyword != "tennis" || !f.Keywords[1].WholeWord || len(f.Statuses) != 1 {
			t.Errorf("changed: %+v", f)
		}
		for _, path := range []string{"/api/v2/filters/" + f.ID, "/api/v2/filters/keywords/" + f.Keywords[0].ID, "/api/v2/filters/statuses/" + f.Statuses[0].ID, "/api/v2/filters/" + f.ID + "/keywords", "/api/v1/filters/" + f.Keywords[0].ID} {
			ana.Ask("GET", path, nil).Is(200)
			luc.Ask("GET", path, nil).Is(404)
		}
		luc.Ask("DELETE", "/api/v2/filters/keywords/"+f.Keywords[0].ID, nil).Is(404)
		luc.Ask("DELETE", "/api/v2/filters/statuses/"+f.Statuses[0].ID, nil).Is(404)
		ana.Ask("POST", "/api/v2/filters", map[string]any{"title": "x", "context": []string{"everywhere"}}).Is(422)
		ana.Ask("POST", "/api/v2/filters", map[string]any{"title": "x", "context": []string{"home"}, "filter_action": "burn"}).Is(422)

		old, err := ana.CreateFilter(ctx, &mastodon.Filter{Phrase: "golf", Context: []string{"home"}, WholeWord: true, Irreversible: true})
		check(t, err)
		old.Phrase = "chess"
		_, err = ana.UpdateFilter(ctx, old.ID, old)
		check(t, err)
		all, err := ana.GetFilters(ctx)
		check(t, err)
		if len(all) != 3 || all[2].Phrase != "chess" || !all[2].Irreversible {
			t.Errorf("in the words of older apps: %+v", all)
		}
		check(t, ana.DeleteFilter(ctx, old.ID))
		ana.Ask("DELETE", "/api/v2/filters/"+f.ID, nil).Is(200)
		if got := ana.Ask("GET", "/api/v2/filters", nil).Is(200).Body; got != "[]" {
			t.Errorf("left: %s", got)
		}
	})
}

func TestAFollowedTagComesHome(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		ana, luc := n.Person("ana"), n.Person("luc")
		tag, err := ana.TagFollow(ctx, "Bees")
		check(t, err)
		if tag.Name != "bees" || !tag.Following {
			t.Errorf("%+v", tag)
		}
		says(t, luc, "about #bees", "about wasps")
		_, err = luc.PostStatus(ctx, toot("a private #bees", "private"))
		check(t, err)
		if got := home(t, ana); !strings.HasPrefix(got, "about <a") || strings.Contains(got, "private") || strings.Contains(got, "wasps") {
			t.Errorf("home: %s", got)
		}
		followed, err := ana.TagsFollowed(ctx, nil)
		check(t, err)
		if len(followed) != 1 || followed[0].Name != "bees" {
			t.Errorf("%+v", followed)
		}
		_, err = ana.TagUnfollow(ctx, "bees")
		check(t, err)
		if got := home(t, ana); got != "" {
			t.Errorf("home after all: %s", got)
		}
		says(t, luc, "#bees and #wasps")
		for query, want := range map[string]int{"bees": 2, "bees?all[]=wasps": 1, "bees?none[]=wasps": 1, "nothing?any[]=wasps": 1, "nothing": 0} {
			if got := len(webtest.Into[[]api.Status](ana.Ask("GET", "/api/v1/timelines/tag/"+query, nil).Is(200))); got != want {
				t.Errorf("%s: %d posts, want %d", query, got, want)
			}
		}
	})
}

func TestWhatOneKeepsAboutOthers(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := webtest.Start(t, db, nil)
		ana, luc, eve := n.Person("ana"), n.Person("luc"), n.Person("eve")
		ana.Ask("POST", "/api/v1/accounts/"+idOf(luc)+"/note", map[string]string{"comment": " knows bees "}).Is(200).Says(`"note":"knows bees"`)
		ana.Ask("POST", "/api/v1/accounts/"+idOf(luc)+"/endorse", nil).Is(422)
		follows(t, ana, luc)
		follows(t, luc, eve)
		ana.Ask("POST", "/api/v1/accounts/"+idOf(luc)+"/pin", nil).Is(200).Says(`"endorsed":true`, `"note":"knows bees"`)
		for _, path := range []string{"/api/v1/endorsements", "/api/v1/accounts/" + idOf(ana) + "/endorsements"} {
			if got := webtest.Into[[]api.Account](ana.Ask("GET", path, nil).Is(200)); len(got) != 1 || got[0].Acct != "luc" {
				t.Errorf("%s: %+v", path, got)
			}
		}
		if got := webtest.Into[[]api.FamiliarFollowers](ana.Ask("GET", "/api/v1/accounts/familiar_followers?id[]="+idOf(eve), nil).Is(200)); len(got) != 1 || len(got[0].Accounts) != 1 || got[0].Accounts[0].Acct != "luc" {
			t.Errorf("%+v", got)
		}
		ana.Ask("POST", "/api/v1/accounts/"+idOf(luc)+"/unfollow", nil).Is(200).Says(`"endorsed":false`)
	})
}
