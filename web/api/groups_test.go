package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-mastodon"

	"ruche/storage"
	"ruche/storage/storagetest"
	"ruche/web/api"
	"ruche/web/webtest"
)

func TestNotificationsOfOneKindAboutOnePostAreOneGroup(t *testing.T) {
	var now time.Time
	storagetest.EachWith(t, storage.Options{Clock: func() time.Time { return now }}, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		now = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
		n := webtest.Start(t, db, nil)
		ana := n.Person("ana")
		first := says(t, ana, "first")[0]
		var people []*webtest.Person
		for i := range 3 {
			p := n.Person(fmt.Sprintf("p%d", i))
			people = append(people, p)
			_, err := p.Favourite(ctx, first)
			check(t, err)
		}
		_, err := people[0].PostStatus(ctx, toot("hello @ana", "public"))
		check(t, err)
		follows(t, people[1], ana)
		page := webtest.Into[api.GroupedNotifications](ana.Ask("GET", "/api/v2/notifications", nil).Is(200))
		var got []string
		for _, g := range page.Groups {
			got = append(got, fmt.Sprintf("%s %d %d", g.Type, g.Count, len(g.SampleAccountIDs)))
		}
		if want := "follow 1 1, mention 1 1, favourite 3 3"; strings.Join(got, ", ") != want {
			t.Errorf("groups: %v", got)
		}
		if len(page.Accounts) != 3 || len(page.Statuses) != 2 {
			t.Errorf("%d people and %d posts beside them", len(page.Accounts), len(page.Statuses))
		}
		likes := page.Groups[2]
		if *likes.StatusID != string(first) || !strings.HasPrefix(likes.GroupKey, "favourite-"+string(first)) {
			t.Errorf("%+v", likes)
		}
		if got := webtest.Into[[]api.Account](ana.Ask("GET", "/api/v2/notifications/"+likes.GroupKey+"/accounts", nil).Is(200)); len(got) != 3 {
			t.Errorf("%d liked it", len(got))
		}
		one := webtest.Into[api.GroupedNotifications](ana.Ask("GET", "/api/v2/notifications/"+likes.GroupKey, nil).Is(200))
		if len(one.Groups) != 1 || one.Groups[0].Count != 3 || one.Groups[0].GroupKey != likes.GroupKey {
			t.Errorf("%+v", one.Groups)
		}
		people[2].Ask("GET", "/api/v2/notifications/"+likes.GroupKey, nil).Is(404)
		people[2].Ask("GET", "/api/v2/notifications/"+page.Groups[1].GroupKey, nil).Is(404)
		ana.Ask("GET", "/api/v2/notifications/favourite-x-y", nil).Is(404)

		ungrouped := webtest.Into[api.GroupedNotifications](ana.Ask("GET", "/api/v2/notifications?grouped_types[]=follow", nil).Is(200))
		if len(ungrouped.Groups) != 5 {
			t.Errorf("%d groups where likes aren't grouped", len(ungrouped.Groups))
		}
		partial := webtest.Into[api.GroupedNotifications](ana.Ask("GET", "/api/v2/notifications?expand_accounts=partial_avatars&types[]=favourite", nil).Is(200))
		if len(partial.Accounts) != 1 || len(partial.PartialAccounts) != 2 {
			t.Errorf("%d whole and %d partial", len(partial.Accounts), len(partial.PartialAccounts))
		}
		// Pages count groups.
		a := ana.Ask("GET", "/api/v2/notifications?limit=2", nil).Is(200)
		if got := webtest.Into[api.GroupedNotifications](a); len(got.Groups) != 2 || !strings.Contains(a.Header.Get("Link"), `rel="next"`) {
			t.Errorf("%d groups, Link %s", len(got.Groups), a.Header.Get("Link"))
		}
		rest := webtest.Into[api.GroupedNotifications](ana.Ask("GET", "/api/v2/notifications?limit=2&max_id="+*page.Groups[1].PageMinID, nil).Is(200))
		if len(rest.Groups) != 1 || rest.Groups[0].Count != 3 {
			t.Errorf("the next page: %+v", rest.Groups)
		}
		ana.Ask("GET", "/api/v2/notifications/unread_count", nil).Is(200).Says(`{"count":3}`)
		ana.Ask("GET", "/api/v1/notifications/unread_count", nil).Is(200).Says(`{"count":5}`)
		ana.Ask("POST", "/api/v1/markers", map[string]any{"notifications": map[string]string{"last_read_id": *page.Groups[1].PageMinID}}).Is(200)
		ana.Ask("GET", "/api/v2/notifications/unread_count", nil).Is(200).Says(`{"count":1}`)
		ana.Ask("POST", "/api/v2/notifications/"+likes.GroupKey+"/dismiss", nil).Is(200)
		ana.Ask("GET", "/api/v2/notifications/"+likes.GroupKey, nil).Is(404)
		if left, err := ana.GetNotifications(ctx, nil); err != nil || len(left) != 2 {
			t.Errorf("left: %v %v", left, err)
		}
	})
}

func TestAPolicyHoldsWhatStrangersDo(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		ana, luc, eve := n.Person("ana"), n.Person("luc"), n.Person("eve")
		follows(t, ana, luc)
		ana.Ask("GET", "/api/v2/notifications/policy", nil).Is(200).Says(`"for_not_following":"accept"`)
		ana.Ask("PATCH", "/api/v2/notifications/policy", map[string]string{"for_not_following": "filter"}).Is(200).Says(`"for_not_following":"filter"`)
		ana.Ask("PATCH", "/api/v2/notifications/policy", map[string]string{"for_not_following": "burn"}).Is(422)
		says(t, luc, "@ana from somebody known")
		says(t, eve, "@ana from a stranger", "@ana again")
		told := func() string {
			list, err := ana.GetNotifications(ctx, nil)
			check(t, err)
			var from []string
			for _, one := range list {
				from = append(from, one.Account.Acct)
			}
			return strings.Join(from, " ")
		}
		if got := told(); got != "luc" {
			t.Errorf("ana is told of %s", got)
		}
		requests := webtest.Into[[]api.NotificationRequest](ana.Ask("GET", "/api/v1/notifications/requests", nil).Is(200))
		if len(requests) != 1 || requests[0].Account.Acct != "eve" || requests[0].Count != "2" || requests[0].LastStatus == nil {
			t.Fatalf("%+v", requests)
		}
		ana.Ask("GET", "/api/v2/notifications/policy", nil).Is(200).Says(`"pending_requests_count":1`, `"pending_notifications_count":2`)
		luc.Ask("POST", "/api/v1/notifications/requests/"+requests[0].ID+"/accept", nil).Is(404)
		luc.Ask("GET", "/api/v1/notifications/requests/"+requests[0].ID, nil).Is(404)
		ana.Ask("POST", "/api/v1/notifications/requests/"+requests[0].ID+"/accept", nil).Is(200)
		says(t, eve, "@ana thanks")
		if got := told(); got != "eve eve eve luc" {
			t.Errorf("after accepting, ana is told of %s", got)
		}
		ana.Ask("PATCH", "/api/v2/notifications/policy", map[string]string{"for_not_following": "drop"}).Is(200)
		says(t, n.Person("max"), "@ana from another")
		if got := told(); strings.Contains(got, "max") {
			t.Errorf("what is dropped is told: %s", got)
		}
		ana.Ask("PATCH", "/api/v2/notifications/policy", map[string]string{"for_not_following": "filter"}).Is(200)
		says(t, n.Person("kim"), "@ana from a third")
		requests = webtest.Into[[]api.NotificationRequest](ana.Ask("GET", "/api/v1/notifications/requests", nil).Is(200))
		ana.Ask("POST", "/api/v1/notifications/requests/dismiss", map[string]any{"id": []string{requests[0].ID}}).Is(200)
		ana.Ask("GET", "/api/v2/notifications/policy", nil).Is(200).Says(`"pending_notifications_count":0`)
	})
}

func TestOneIsToldOfWhatOneAskedFor(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		ana, luc := n.Person("ana"), n.Person("luc")
		luc.Ask("POST", "/api/v1/accounts/"+idOf(ana)+"/follow", map[string]bool{"notify": true}).Is(200).Says(`"notifying":true`)
		post := says(t, ana, "news")[0]
		_, err := luc.Reblog(ctx, post)
		check(t, err)
		_, err = ana.UpdateStatus(ctx, &mastodon.Toot{Status: "newer"}, post)
		check(t, err)
		list, err := luc.GetNotifications(ctx, nil)
		check(t, err)
		if len(list) != 2 || list[0].Type != "update" || list[1].Type != "status" || list[1].Status.ID != post {
			t.Errorf("luc is told %+v", list)
		}
	})
}

func TestDirectPostsAreConversations(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		ana, luc, eve := n.Person("ana"), n.Person("luc"), n.Person("eve")
		post, err := ana.PostStatus(ctx, toot("@luc a word", "direct"))
		check(t, err)
		second, err := luc.PostStatus(ctx, &mastodon.Toot{Status: "@ana yes?", Visibility: "direct", InReplyToID: post.ID})
		check(t, err)
		for who, want := range map[*webtest.Person]bool{ana: true, luc: false} {
			list, err := who.GetConversations(ctx, nil)
			check(t, err)
			if len(list) != 1 || list[0].Unread != want || list[0].LastStatus.ID != second.ID || len(list[0].Accounts) != 1 {
				t.Fatalf("%s: %+v", who.Username, list)
			}
		}
		if list, err := eve.GetConversations(ctx, nil); err != nil || len(list) != 0 {
			t.Errorf("eve: %+v %v", list, err)
		}
		if direct := webtest.Into[[]api.Status](ana.Ask("GET", "/api/v1/timelines/direct", nil).Is(200)); len(direct) != 2 {
			t.Errorf("%d direct posts", len(direct))
		}
		check(t, luc.DeleteStatus(ctx, second.ID))
		list, err := ana.GetConversations(ctx, nil)
		check(t, err)
		if len(list) != 1 || list[0].LastStatus.ID != post.ID {
			t.Errorf("after the last post is gone: %+v", list)
		}
		eve.Ask("POST", "/api/v1/conversations/"+string(list[0].ID)+"/read", nil).Is(404)
		eve.Ask("DELETE", "/api/v1/conversations/"+string(list[0].ID), nil).Is(404)
		check(t, ana.MarkConversationAsRead(ctx, list[0].ID))
		if list, err = ana.GetConversations(ctx, nil); err != nil || list[0].Unread {
			t.Errorf("read: %+v %v", list, err)
		}
		check(t, ana.DeleteConversation(ctx, list[0].ID))
		if list, err = ana.GetConversations(ctx, nil); err != nil || len(list) != 0 {
			t.Errorf("forgotten: %+v %v", list, err)
		}
		ana.Ask("GET", "/api/v1/statuses/"+string(post.ID), nil).Is(200)
	})
}
