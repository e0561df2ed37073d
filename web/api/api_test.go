package api_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
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

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func toot(text, visibility string) *mastodon.Toot {
	return &mastodon.Toot{Status: text, Visibility: visibility}
}

func picture(t testing.TB) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 60, 40))
	for x := range 60 {
		img.Set(x, x%40, color.RGBA{200, uint8(x), 0, 255})
	}
	var b bytes.Buffer
	check(t, png.Encode(&b, img))
	return b.Bytes()
}

func TestAPersonPostsAndItsReadersReact(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		ana, luc := n.Person("ana"), n.Person("luc")
		rel, err := luc.AccountFollow(ctx, mastodon.ID(storage.FormatID(ana.ID)))
		check(t, err)
		if !rel.Following {
			t.Fatalf("luc doesn't follow: %+v", rel)
		}
		file, err := ana.UploadMediaFromMedia(ctx, &mastodon.Media{File: bytes.NewReader(picture(t)), Description: "a hive"})
		check(t, err)
		post, err := ana.PostStatus(ctx, &mastodon.Toot{Status: "hello @luc, look at these #Bees", MediaIDs: []mastodon.ID{file.ID}, SpoilerText: "insects", Language: "en"})
		check(t, err)
		if post.Visibility != "public" || len(post.Mentions) != 1 || post.Mentions[0].Acct != "luc" || len(post.Tags) != 1 || post.Tags[0].Name != "bees" ||
			len(post.MediaAttachments) != 1 || post.MediaAttachments[0].Description != "a hive" || !post.Sensitive || post.SpoilerText != "insects" || post.Language != "en" {
			t.Errorf("the post came out as %+v", post)
		}
		res, err := http.Get(post.MediaAttachments[0].URL)
		check(t, err)
		res.Body.Close()
		if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "image/png" {
			t.Errorf("the picture at %s: %d %s", post.MediaAttachments[0].URL, res.StatusCode, res.Header.Get("Content-Type"))
		}
		home, err := luc.GetTimelineHome(ctx, nil)
		check(t, err)
		if len(home) != 1 || home[0].ID != post.ID {
			t.Fatalf("luc's home: %+v", home)
		}
		answer, err := luc.PostStatus(ctx, &mastodon.Toot{Status: "@ana nice", InReplyToID: post.ID})
		check(t, err)
		around, err := ana.GetStatusContext(ctx, answer.ID)
		check(t, err)
		if len(around.Ancestors) != 1 || around.Ancestors[0].ID != post.ID {
			t.Errorf("above the answer: %+v", around.Ancestors)
		}
		shared, err := luc.Reblog(ctx, post.ID)
		check(t, err)
		if shared.Reblog == nil || shared.Reblog.ID != post.ID || shared.Reblog.ReblogsCount != 1 || !shared.Reblog.Reblogged.(bool) {
			t.Errorf("the share: %+v", shared)
		}
		_, err = luc.Favourite(ctx, post.ID)
		check(t, err)
		marked, err := luc.Bookmark(ctx, post.ID)
		check(t, err)
		if !marked.Favourited.(bool) || !marked.Bookmarked.(bool) || !marked.Reblogged.(bool) || marked.FavouritesCount != 1 || marked.RepliesCount != 1 {
			t.Errorf("after all that: %+v", marked)
		}
		for name, list := range map[string]func() ([]*mastodon.Account, error){
			"favourited_by": func() ([]*mastodon.Account, error) { return ana.GetFavouritedBy(ctx, post.ID, nil) },
			"reblogged_by":  func() ([]*mastodon.Account, error) { return ana.GetRebloggedBy(ctx, post.ID, nil) },
			"followers": func() ([]*mastodon.Account, error) {
				return ana.GetAccountFollowers(ctx, mastodon.ID(storage.FormatID(ana.ID)), nil)
			},
		} {
			got, err := list()
			if err != nil || len(got) != 1 || got[0].Acct != "luc" {
				t.Errorf("%s: %v %v", name, got, err)
			}
		}
		for name, list := range map[string]func() ([]*mastodon.Status, error){
			"favourites": func() ([]*mastodon.Status, error) { return luc.GetFavourites(ctx, nil) },
			"bookmarks":  func() ([]*mastodon.Status, error) { return luc.GetBookmarks(ctx, nil) },
			"hashtag":    func() ([]*mastodon.Status, error) { return luc.GetTimelineHashtag(ctx, "Bees", true, nil) },
			"media":      func() ([]*mastodon.Status, error) { return luc.GetTimelineMedia(ctx, true, nil) },
			"account": func() ([]*mastodon.Status, error) {
				return luc.GetAccountStatuses(ctx, mastodon.ID(storage.FormatID(ana.ID)), nil)
			},
		} {
			got, err := list()
			if err != nil || len(got) != 1 || got[0].ID != post.ID {
				t.Errorf("%s: %v %v", name, got, err)
			}
		}
		kinds := map[string]bool{}
		told, err := ana.GetNotifications(ctx, nil)
		check(t, err)
		for _, one := range told {
			kinds[one.Type] = true
		}
		if fmt.Sprint(kinds) != "map[favourite:true follow:true mention:true reblog:true]" {
			t.Errorf("ana is told of %v", kinds)
		}
		gone, err := luc.Unreblog(ctx, post.ID)
		check(t, err)
		if gone.Reblogged.(bool) || gone.ReblogsCount != 0 {
			t.Errorf("after unreblog: %+v", gone)
		}
		deleted := webtest.Into[api.Status](ana.Ask("DELETE", "/api/v1/statuses/"+string(post.ID), nil).Is(200))
		if deleted.Text == nil || *deleted.Text != "hello @luc, look at these #Bees" {
			t.Errorf("deleted: %+v", deleted)
		}
		luc.Ask("GET", "/api/v1/statuses/"+string(post.ID), nil).Is(404)
	})
}

func TestAnEditKeepsHowItWas(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		ana, luc := n.Person("ana"), n.Person("luc")
		post, err := ana.PostStatus(ctx, toot("frist", "public"))
		check(t, err)
		_, err = ana.UpdateStatus(ctx, toot("first", ""), post.ID)
		check(t, err)
		history, err := luc.GetStatusHistory(ctx, post.ID)
		check(t, err)
		if len(history) != 2 || !strings.Contains(history[0].Content, "frist") || !strings.Contains(history[1].Content, "first") || !history[1].CreatedAt.After(history[0].CreatedAt) {
			t.Errorf("history: %+v", history)
		}
		source, err := ana.GetStatusSource(ctx, post.ID)
		check(t, err)
		if source.Text != "first" {
			t.Errorf("source: %+v", source)
		}
		luc.Ask("GET", "/api/v1/statuses/"+string(post.ID)+"/source", nil).Is(404)
		luc.Ask("PUT", "/api/v1/statuses/"+string(post.ID), url.Values{"status": {"mine"}}).Is(404)
		luc.Ask("DELETE", "/api/v1/statuses/"+string(post.ID), nil).Is(404)
	})
}

func TestBadPostsAreRefusedInWords(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := webtest.Start(t, db, nil)
		ana := n.Person("ana")
		for name, c := range map[string]struct {
			body url.Values
			says string
		}{
			"empty":              {url.Values{"status": {""}}, "can't be blank"},
			"unknown visibility": {url.Values{"status": {"x"}, "visibility": {"everybody"}}, "visibility"},
			"too long":           {url.Values{"status": {strings.Repeat("x", 5001)}}, "5000"},
			"no such file":       {url.Values{"status": {"x"}, "media_ids[]": {"112233"}}, "file"},
			"no number":          {url.Values{"status": {"x"}, "media_ids[]": {"y"}}, "media_ids"},
			"no such parent":     {url.Values{"status": {"x"}, "in_reply_to_id": {"112233"}}, "answers"},
		} {
			t.Run(name, func(t *testing.T) {
				ana.Ask("POST", "/api/v1/statuses", c.body).Is(422).Says(`{"error":"Validation failed`, c.says)
			})
		}
	})
}

func TestTheSameIdempotencyKeyMakesOnePost(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := webtest.Start(t, db, nil)
		ana := n.Person("ana")
		var ids []string
		for range 2 {
			ids = append(ids, webtest.Into[api.Status](ana.Ask("POST", "/api/v1/statuses", map[string]any{"status": "once"}, "Idempotency-Key", "k").Is(200)).ID)
		}
		if ids[0] != ids[1] {
			t.Errorf("two posts: %v", ids)
		}
	})
}

func TestPagesLeadOnByAbsoluteLinks(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		ana := n.Person("ana")
		for i := range 5 {
			_, err := ana.PostStatus(ctx, toot(fmt.Sprintf("number %d", i), "public"))
			check(t, err)
		}
		var seen []string
		path := "/api/v1/timelines/home?limit=2"
		for path != "" {
			a := ana.Ask("GET", path, nil).Is(200)
			for _, s := range webtest.Into[[]api.Status](a) {
				seen = append(seen, s.Content)
			}
			path = ""
			for link := range strings.SplitSeq(a.Header.Get("Link"), ", ") {
				if target, ok := strings.CutSuffix(link, `>; rel="next"`); ok {
					if path, ok = strings.CutPrefix(target, "<"+n.URL); !ok || !strings.Contains(path, "limit=2") {
						t.Fatalf("Link: %s", link)
					}
				}
			}
		}
		if want := "<p>number 4</p> <p>number 3</p> <p>number 2</p> <p>number 1</p> <p>number 0</p>"; strings.Join(seen, " ") != want {
			t.Errorf("paged through %v", seen)
		}
		pg := &mastodon.Pagination{Limit: 2}
		first, err := ana.GetTimelineHome(ctx, pg)
		check(t, err)
		newer, err := ana.PostStatus(ctx, toot("newer", "public"))
		check(t, err)
		above, err := ana.GetTimelineHome(ctx, &mastodon.Pagination{MinID: first[0].ID})
		check(t, err)
		if len(above) != 1 || above[0].ID != newer.ID {
			t.Errorf("above the first page: %+v", above)
		}
		if got := len(webtest.Into[[]api.Status](ana.Ask("GET", "/api/v1/timelines/home?limit=-4", nil).Is(200))); got != 6 {
			t.Errorf("a senseless limit gives %d", got)
		}
	})
}
