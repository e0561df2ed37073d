package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/mattn/go-mastodon"

	"ruche/storage"
	"ruche/storage/storagetest"
	"ruche/web/webtest"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	ids      = regexp.MustCompile(`\b\d{19}\b`)
	blobKeys = regexp.MustCompile(`/media/[a-z2-7]{32}`)
	assets   = regexp.MustCompile(`/assets/([a-z]+)-[0-9a-f]{12}`)
)

// settle gives what differs from run to run one name: ids by their order, keys, the port.
func settle(n *webtest.Node, body string) string {
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(body), "", "  "); err != nil {
		return body
	}
	names := map[string]string{}
	out := ids.ReplaceAllStringFunc(b.String(), func(id string) string {
		if names[id] == "" {
			names[id] = fmt.Sprintf("ID%d", len(names)+1)
		}
		return names[id]
	})
	out = blobKeys.ReplaceAllString(out, "/media/KEY")
	out = assets.ReplaceAllString(out, "/assets/$1-HASH")
	out = regexp.MustCompile(`(/media/remote/[a-z]+/[^/"]+/)[0-9a-f]{40}`).ReplaceAllString(out, "${1}MARK")
	u, _ := url.Parse(n.URL)
	out = regexp.MustCompile(regexp.QuoteMeta(u.Host)).ReplaceAllString(out, "HOST")
	return out + "\n"
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".json")
	if *update {
		check(t, os.MkdirAll("testdata", 0o755))
		check(t, os.WriteFile(path, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(path)
	check(t, err)
	if got != string(want) {
		t.Errorf("%s is\n%s\nwant\n%s", name, got, want)
	}
}

func TestEntitiesKeepTheirShape(t *testing.T) {
	var now time.Time
	storagetest.EachWith(t, storage.Options{Clock: func() time.Time { return now }}, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		now = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
		n := webtest.Start(t, db, nil)
		ana, luc := n.Person("ana"), n.Person("luc")
		zoe := n.Remote("zoe", "partner.test")
		check(t, db.Update(ctx, func(tx *storage.Tx) error {
			u, err := tx.UserByAccount(ctx, ana.ID)
			if err != nil {
				return err
			}
			u.Role = storage.RoleCommunityManager
			return tx.SaveUser(ctx, u)
		}))
		ana.Ask("PATCH", "/api/v1/accounts/update_credentials", map[string]any{
			"display_name": "Ana", "note": "keeps bees", "fields_attributes": []map[string]string{{"name": "page", "value": "https://ana.test/"}}, "source": map[string]any{"privacy": "unlisted", "language": "fr"},
		}).Is(200)
		_, err := luc.AccountFollow(ctx, mastodon.ID(storage.FormatID(ana.ID)))
		check(t, err)
		file, err := ana.UploadMediaFromMedia(ctx, &mastodon.Media{File: bytes.NewReader(picture(t)), Description: "a hive", Focus: "0.5,-0.5"})
		check(t, err)
		post, err := ana.PostStatus(ctx, &mastodon.Toot{Status: "hello @luc and @zoe@partner.test #Bees https://bees.test/", MediaIDs: []mastodon.ID{file.ID}, Visibility: "public"})
		check(t, err)
		now = now.Add(time.Minute)
		answer, err := luc.PostStatus(ctx, &mastodon.Toot{Status: "nice", InReplyToID: post.ID, SpoilerText: "an opinion"})
		check(t, err)
		share, err := luc.Reblog(ctx, post.ID)
		check(t, err)
		now = now.Add(time.Minute)
		_, err = luc.UpdateStatus(ctx, &mastodon.Toot{Status: "very nice"}, answer.ID)
		check(t, err)
		luc.Ask("POST", "/api/v1/markers", map[string]any{"home": map[string]string{"last_read_id": string(post.ID)}}).Is(200)
		for name, c := range map[string]struct {
			who  *webtest.Person
			path string
		}{
			"status":        {luc, "/api/v1/statuses/" + string(post.ID)},
			"status_own":    {ana, "/api/v1/statuses/" + string(post.ID)},
			"status_edited": {luc, "/api/v1/statuses/" + string(answer.ID)},
			"share":         {ana, "/api/v1/statuses/" + string(share.ID)},
			"context":       {ana, "/api/v1/statuses/" + string(answer.ID) + "/context"},
			"source":        {luc, "/api/v1/statuses/" + string(answer.ID) + "/source"},
			"history":       {luc, "/api/v1/statuses/" + string(answer.ID) + "/history"},
			"credentials":   {ana, "/api/v1/accounts/verify_credentials"},
			"account":       {luc, "/api/v1/accounts/" + storage.FormatID(ana.ID)},
			"account_peer":  {luc, "/api/v1/accounts/" + storage.FormatID(zoe.ID)},
			"relationships": {luc, "/api/v1/accounts/relationships?id[]=" + storage.FormatID(ana.ID)},
			"notifications": {ana, "/api/v1/notifications"},
			"media":         {ana, "/api/v1/media/" + string(file.ID)},
			"search":        {luc, "/api/v2/search?q=bees&type=hashtags"},
			"markers":       {luc, "/api/v1/markers?timeline[]=home"},
			"preferences":   {ana, "/api/v1/preferences"},
			"app":           {ana, "/api/v1/apps/verify_credentials"},
			"instance":      {ana, "/api/v2/instance"},
			"instance_v1":   {ana, "/api/v1/instance"},
		} {
			golden(t, name, settle(n, c.who.Ask("GET", c.path, nil).Is(200).Body))
		}
	})
}
