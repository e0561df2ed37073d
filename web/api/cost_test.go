package api_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/mattn/go-mastodon"

	"ruche/storage"
	"ruche/storage/storagetest"
	"ruche/web/api"
	"ruche/web/webtest"
)

// TestAPageCostsTheSameHoweverMuchIsOnIt asks every list for one entry and for forty, each time of a node that remembers nothing.
func TestAPageCostsTheSameHoweverMuchIsOnIt(t *testing.T) {
	asked := 0
	storagetest.EachWith(t, storage.Options{Asked: func(string) { asked++ }}, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		ana := n.Person("ana")
		luc := n.Person("luc")
		list := webtest.Into[struct{ ID string }](ana.Ask("POST", "/api/v1/lists", map[string]string{"title": "all"}).Is(200)).ID
		first := webtest.Into[api.Status](ana.Ask("POST", "/api/v1/statuses", map[string]string{"status": "the first #bees"}).Is(200))
		check(t, db.Update(ctx, func(tx *storage.Tx) error { return tx.SetSetting(ctx, storage.SettingCardHosts, "wiki.test") }))
		var ids, authors []string
		count := 0
		fill := func(most int) {
			for ; count < most; count++ {
				of := n.Person(fmt.Sprintf("p%d", count))
				authors = append(authors, storage.FormatID(of.ID))
				file, err := of.UploadMediaFromBytes(ctx, picture(t))
				check(t, err)
				s := webtest.Into[api.Status](of.Ask("POST", "/api/v1/statuses", map[string]any{
					"status": fmt.Sprintf("hello @ana honey #bees #n%d https://wiki.test/plan", count), "media_ids": []mastodon.ID{file.ID}, "in_reply_to_id": first.ID}).Is(200))
				ids = append(ids, s.ID)
				of.Ask("POST", "/api/v1/statuses", map[string]string{"status": "hello all #bees " + fmt.Sprint(count)}).Is(200)
				of.Ask("POST", "/api/v1/statuses", map[string]any{"status": "choose", "poll": map[string]any{"options": []string{"a", "b"}, "expires_in": 3600}, "quoted_status_id": first.ID}).Is(200)
				of.Ask("POST", "/api/v1/statuses", map[string]string{"status": "@ana for you", "visibility": "direct"}).Is(200)
				of.Ask("POST", "/api/v1/statuses/"+first.ID+"/favourite", nil).Is(200)
				of.Ask("POST", "/api/v1/statuses/"+first.ID+"/reblog", nil).Is(200)
				of.Ask("POST", "/api/v1/accounts/"+storage.FormatID(ana.ID)+"/follow", nil).Is(200)
				for _, act := range []string{"favourite", "bookmark", "reblog"} {
					ana.Ask("POST", "/api/v1/statuses/"+s.ID+"/"+act, nil).Is(200)
				}
				ana.Ask("POST", "/api/v1/accounts/"+storage.FormatID(of.ID)+"/follow", nil).Is(200)
				ana.Ask("POST", "/api/v1/lists/"+list+"/accounts", map[string]any{"account_ids": []string{storage.FormatID(of.ID)}}).Is(200)
				luc.Ask("POST", "/api/v1/accounts/"+storage.FormatID(of.ID)+"/mute", nil).Is(200)
			}
		}
		measure := func() map[string]int {
			fresh := func() *webtest.Node { return webtest.Start(t, db, nil) }
			many := url.Values{"id[]": ids[:min(len(ids), 20)]}.Encode()
			out := map[string]int{}
			for _, path := range []string{
				"timelines/home?limit=40", "timelines/public?limit=40", "timelines/public?local=true&limit=40", "timelines/tag/bees?limit=40", "timelines/list/" + list + "?limit=40",
				"timelines/link?url=https%3A%2F%2Fwiki.test%2Fplan&limit=40", "timelines/direct?limit=40", "conversations?limit=40", "favourites?limit=40", "bookmarks?limit=40", "statuses?" + many,
				"statuses/" + first.ID, "statuses/" + first.ID + "/context", "statuses/" + first.ID + "/reblogged_by?limit=80", "statuses/" + first.ID + "/favourited_by?limit=80", "statuses/" + first.ID + "/quotes?limit=40",
				"accounts/" + storage.FormatID(ana.ID) + "/statuses?limit=40", "accounts/" + storage.FormatID(ana.ID) + "/followers?limit=80", "accounts/" + storage.FormatID(ana.ID) + "/following?limit=80",
				"accounts?" + url.Values{"id[]": authors[:min(len(authors), 40)]}.Encode(), "accounts/relationships?" + url.Values{"id[]": authors[:min(len(authors), 40)]}.Encode(),
				"notifications?limit=80", "/api/v2/notifications?limit=80", "/api/v2/search?q=hello&type=statuses&limit=40", "/api/v2/search?q=p&type=accounts&limit=40", "/api/v2/search?q=n&type=hashtags&limit=40",
				"accounts/search?q=p&limit=80", "trends/statuses?limit=40", "trends/tags?limit=20", "directory?limit=80", "suggestions?limit=40",
			} {
				address := path
				if !strings.HasPrefix(path, "/") {
					address = "/api/v1/" + path
				}
				node := fresh()
				asked = 0
				node.Ask("GET", address, ana.Token, nil).Is(200)
				key, _, _ := strings.Cut(path, "id%5B")
				out[key] = asked
			}
			for _, path := range []string{"mutes?limit=80", "timelines/home?limit=40"} {
				node := fresh()
				asked = 0
				node.Ask("GET", "/api/v1/"+path, luc.Token, nil).Is(200)
				out["luc: "+path] = asked
			}
			return out
		}
		fill(1)
		few := measure()
		fill(40)
		for path, cost := range measure() {
			if cost != few[path] {
				t.Errorf("%s costs %d queries with one entry and %d with forty", path, few[path], cost)
			}
			if cost > 45 {
				t.Errorf("%s costs %d queries", path, cost)
			}
		}
	})
}

func TestNothingIsShownAsItWas(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := webtest.Start(t, db, nil)
		ana, luc := n.Person("ana"), n.Person("luc")
		n.Person("eve")
		s := webtest.Into[api.Status](ana.Ask("POST", "/api/v1/statuses", map[string]string{"status": "hello @luc #bees"}).Is(200))
		see := func(texts ...string) *webtest.Answer {
			t.Helper()
			return luc.Ask("GET", "/api/v1/statuses/"+s.ID, nil).Is(200).Says(texts...)
		}
		see(`"display_name":"ana"`, `"name":"bees"`, `"acct":"luc"`)
		see(`"display_name":"ana"`)
		// One's own profile holds more, for oneself; the answer to a change is the change.
		ana.Ask("GET", "/api/v1/accounts/verify_credentials", nil).Is(200).Says(`"source":{`)
		for i := range 3 {
			name := fmt.Sprintf("Ana %d", i)
			ana.Ask("PATCH", "/api/v1/accounts/update_credentials", map[string]string{"display_name": name}).Is(200).Says(`"display_name":"`+name+`"`, `"source":{`)
			if a := see(`"display_name":"` + name + `"`); strings.Contains(a.Body, `"source"`) {
				t.Errorf("luc reads ana's own part: %s", a.Body)
			}
		}
		ana.Ask("PUT", "/api/v1/statuses/"+s.ID, map[string]string{"status": "hello @eve #wasps"}).Is(200).Says(`"name":"wasps"`)
		if a := see(`"name":"wasps"`, `"acct":"eve"`); strings.Contains(a.Body, `"name":"bees"`) {
			t.Errorf("the tag of before: %s", a.Body)
		}
		// What one did with it is one's own.
		luc.Ask("POST", "/api/v1/statuses/"+s.ID+"/favourite", nil).Is(200).Says(`"favourited":true`, `"favourites_count":1`)
		ana.Ask("GET", "/api/v1/statuses/"+s.ID, nil).Is(200).Says(`"favourited":false`, `"favourites_count":1`)
		see(`"favourited":true`)
		// Addresses begin with how the reader came here.
		see(`"avatar":"` + n.URL + "/")
		r, err := http.NewRequestWithContext(t.Context(), "GET", n.URL+"/api/v1/statuses/"+s.ID, nil)
		check(t, err)
		r.Host = "sales.test"
		r.Header.Set("Authorization", "Bearer "+luc.Token)
		res, err := http.DefaultClient.Do(r)
		check(t, err)
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		check(t, err)
		if !strings.Contains(string(body), `"avatar":"`+storagetest.BaseURL+"/") {
			t.Errorf("asked by another address: %s", body)
		}
		for _, role := range []string{storage.RoleModerator, storage.RoleMember} {
			check(t, db.Update(t.Context(), func(tx *storage.Tx) error {
				u, err := tx.UserByAccount(t.Context(), ana.ID)
				if err != nil {
					return err
				}
				u.Role = role
				return tx.SaveUser(t.Context(), u)
			}))
			if shown := strings.Contains(see().Body, `"name":"Moderator"`); shown != (role == storage.RoleModerator) {
				t.Errorf("as %s the role is shown: %v", role, shown)
			}
		}
		check(t, db.Update(t.Context(), func(tx *storage.Tx) error { _, err := tx.SuspendAccount(t.Context(), ana.ID); return err }))
		luc.Ask("GET", "/api/v1/accounts/"+storage.FormatID(ana.ID), nil).Is(200).Says(`"display_name":""`, `"suspended":true`)
	})
}
