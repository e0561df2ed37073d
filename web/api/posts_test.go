package api_test

import (
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

func TestAPollIsAskedAnsweredAndCloses(t *testing.T) {
	var now time.Time
	storagetest.EachWith(t, storage.Options{Clock: func() time.Time { return now }}, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		now = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
		n := webtest.Start(t, db, nil)
		ana, luc, eve := n.Person("ana"), n.Person("luc"), n.Person("eve")
		post, err := ana.PostStatus(ctx, &mastodon.Toot{Status: "tea?", Poll: &mastodon.TootPoll{Options: []string{"yes", "no"}, ExpiresInSeconds: 3600, HideTotals: true}})
		check(t, err)
		if post.Poll == nil || len(post.Poll.Options) != 2 || !post.Poll.Voted {
			t.Fatalf("%+v", post.Poll)
		}
		poll, err := luc.PollVote(ctx, post.Poll.ID, 1)
		check(t, err)
		if !poll.Voted || len(poll.OwnVotes) != 1 || poll.OwnVotes[0] != 1 || poll.VotesCount != 1 || poll.Expired {
			t.Errorf("%+v", poll)
		}
		hidden := webtest.Into[api.Poll](eve.Ask("GET", "/api/v1/polls/"+string(post.ID), nil).Is(200))
		if hidden.Options[0].VotesCount != nil || *hidden.Voted || *hidden.VotersCount != 1 {
			t.Errorf("before the end: %+v", hidden)
		}
		votes := "/api/v1/polls/" + string(post.ID) + "/votes"
		luc.Ask("POST", votes, map[string]any{"choices": []int{0}}).Is(422).Says("already voted")
		eve.Ask("POST", votes, map[string]any{"choices": []int{7}}).Is(422)
		eve.Ask("POST", votes, map[string]any{"choices": []int{0, 1}}).Is(422)
		eve.Ask("POST", votes, url.Values{"choices[]": {"x"}}).Is(422)
		ana.Ask("POST", votes, map[string]any{"choices": []int{0}}).Is(422)
		now = now.Add(2 * time.Hour)
		eve.Ask("POST", votes, map[string]any{"choices": []int{0}}).Is(422).Says("ended")
		shown := webtest.Into[api.Poll](eve.Ask("GET", "/api/v1/polls/"+string(post.ID), nil).Is(200))
		if !shown.Expired || *shown.Options[1].VotesCount != 1 {
			t.Errorf("after the end: %+v", shown)
		}
		private := webtest.Into[api.Status](ana.Ask("POST", "/api/v1/statuses", map[string]any{"status": "us?", "visibility": "private", "poll": map[string]any{"options": []string{"a", "b"}, "expires_in": 600}}).Is(200))
		eve.Ask("GET", "/api/v1/polls/"+private.ID, nil).Is(404)
		eve.Ask("POST", "/api/v1/polls/"+private.ID+"/votes", map[string]any{"choices": []int{0}}).Is(404)
		ana.Ask("POST", "/api/v1/statuses", map[string]any{"status": "one?", "poll": map[string]any{"options": []string{"a"}, "expires_in": 600}}).Is(422)
	})
}

func TestAPostIsQuotedWithItsAuthorsLeave(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		ana, luc := n.Person("ana"), n.Person("luc")
		post := says(t, ana, "worth quoting")[0]
		s := webtest.Into[api.Status](luc.Ask("GET", "/api/v1/statuses/"+string(post), nil).Is(200))
		if s.QuoteApproval.CurrentUser != "automatic" || s.QuoteApproval.Automatic[0] != "public" || s.Quote != nil {
			t.Errorf("%+v", s.QuoteApproval)
		}
		quoting := webtest.Into[api.Status](luc.Ask("POST", "/api/v1/statuses", map[string]any{"status": "look", "quoted_status_id": string(post)}).Is(200))
		quote := quoting.Quote.(map[string]any)
		if quote["state"] != "accepted" || quote["quoted_status"].(map[string]any)["id"] != string(post) {
			t.Errorf("%v", quote)
		}
		deeper := webtest.Into[api.Status](ana.Ask("POST", "/api/v1/statuses", map[string]any{"status": "look who looks", "quoted_status_id": quoting.ID}).Is(200))
		inner := deeper.Quote.(map[string]any)["quoted_status"].(map[string]any)["quote"].(map[string]any)
		if inner["state"] != "accepted" || inner["quoted_status_id"] != string(post) || inner["quoted_status"] != nil {
			t.Errorf("within the quoted post: %v", inner)
		}
		list := webtest.Into[[]api.Status](ana.Ask("GET", "/api/v1/statuses/"+string(post)+"/quotes", nil).Is(200))
		if len(list) != 1 || list[0].ID != quoting.ID {
			t.Errorf("%+v", list)
		}
		luc.Ask("POST", "/api/v1/statuses/"+string(post)+"/quotes/"+quoting.ID+"/revoke", nil).Is(404)
		revoked := webtest.Into[api.Status](ana.Ask("POST", "/api/v1/statuses/"+string(post)+"/quotes/"+quoting.ID+"/revoke", nil).Is(200))
		if q := revoked.Quote.(map[string]any); q["state"] != "revoked" || q["quoted_status"] != nil {
			t.Errorf("revoked: %v", q)
		}
		luc.Ask("PUT", "/api/v1/statuses/"+string(post)+"/interaction_policy", map[string]string{"quote_approval_policy": "nobody"}).Is(404)
		ana.Ask("PUT", "/api/v1/statuses/"+string(post)+"/interaction_policy", map[string]string{"quote_approval_policy": "nobody"}).Is(200).Says(`"current_user":"automatic"`)
		s = webtest.Into[api.Status](luc.Ask("GET", "/api/v1/statuses/"+string(post), nil).Is(200))
		if s.QuoteApproval.CurrentUser != "denied" || len(s.QuoteApproval.Automatic) != 0 {
			t.Errorf("%+v", s.QuoteApproval)
		}
		if a := luc.Ask("POST", "/api/v1/statuses", map[string]any{"status": "again", "quoted_status_id": string(post)}); a.StatusCode/100 != 4 {
			t.Errorf("quoted without leave: %d %s", a.StatusCode, a.Body)
		}
		told, err := ana.GetNotifications(ctx, nil)
		check(t, err)
		if len(told) == 0 || told[len(told)-1].Type != "quote" {
			t.Errorf("%+v", told)
		}
	})
}

func TestABlockPartsTwoPeople(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		ana, eve := n.Person("ana"), n.Person("eve")
		follows(t, eve, ana)
		follows(t, ana, eve)
		post := says(t, ana, "hello")[0]
		says(t, eve, "noise")
		rel, err := ana.AccountBlock(ctx, mastodon.ID(idOf(eve)))
		check(t, err)
		if !rel.Blocking || rel.Following || rel.FollowedBy {
			t.Errorf("%+v", rel)
		}
		eve.Ask("GET", "/api/v1/statuses/"+string(post), nil).Is(404)
		eve.Ask("GET", "/api/v1/accounts/relationships?id[]="+idOf(ana), nil).Is(200).Says(`"blocked_by":true`)
		eve.Ask("POST", "/api/v1/accounts/"+idOf(ana)+"/follow", nil).Is(403)
		says(t, eve, "@ana are you there?")
		told, err := ana.GetNotifications(ctx, nil)
		check(t, err)
		if len(told) != 0 {
			t.Errorf("ana is told %+v", told[0])
		}
		public, err := ana.GetTimelinePublic(ctx, true, nil)
		check(t, err)
		if got := texts(public); got != "hello" {
			t.Errorf("public: %s", got)
		}
		// Or nobody could be unblocked.
		if found, err := ana.Search(ctx, "eve", false); err != nil || len(found.Accounts) != 1 {
			t.Errorf("%+v %v", found, err)
		}
		blocked, err := ana.GetBlocks(ctx, nil)
		check(t, err)
		if len(blocked) != 1 || blocked[0].Acct != "eve" {
			t.Errorf("%+v", blocked)
		}
		rel, err = ana.AccountUnblock(ctx, mastodon.ID(idOf(eve)))
		check(t, err)
		if rel.Blocking {
			t.Errorf("%+v", rel)
		}
		eve.Ask("GET", "/api/v1/statuses/"+string(post), nil).Is(200)
		// What was done during the block isn't told afterwards.
		if told, err = ana.GetNotifications(ctx, nil); err != nil || len(told) != 1 || told[0].Type != "follow" {
			t.Errorf("after the block ana is told %+v (%v)", told, err)
		}
	})
}

func TestAProfileShowsWhatItsOwnerPutOnIt(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		ana, luc := n.Person("ana"), n.Person("luc")
		posts := says(t, ana, "first #bees", "second")
		ana.Ask("POST", "/api/v1/statuses/"+string(posts[0])+"/pin", nil).Is(200).Says(`"pinned":true`)
		luc.Ask("POST", "/api/v1/statuses/"+string(posts[0])+"/pin", nil).Is(422)
		pinned, err := luc.GetAccountPinnedStatuses(ctx, mastodon.ID(idOf(ana)))
		check(t, err)
		if len(pinned) != 1 || pinned[0].ID != posts[0] {
			t.Errorf("%+v", pinned)
		}
		ana.Ask("POST", "/api/v1/statuses/"+string(posts[0])+"/unpin", nil).Is(200).Says(`"pinned":false`)

		tag := webtest.Into[api.FeaturedTag](ana.Ask("POST", "/api/v1/featured_tags", map[string]string{"name": "#Bees"}).Is(200))
		if tag.Name != "bees" || tag.StatusesCount != "1" || tag.LastStatusAt == nil {
			t.Errorf("%+v", tag)
		}
		if got := webtest.Into[[]api.FeaturedTag](luc.Ask("GET", "/api/v1/accounts/"+idOf(ana)+"/featured_tags", nil).Is(200)); len(got) != 1 {
			t.Errorf("%+v", got)
		}
		ana.Ask("GET", "/api/v1/tags/bees", nil).Is(200).Says(`"featuring":true`)
		ana.Ask("GET", "/api/v1/featured_tags/suggestions", nil).Is(200).Says(`"name":"bees"`)
		luc.Ask("DELETE", "/api/v1/featured_tags/"+tag.ID, nil).Is(404)
		ana.Ask("DELETE", "/api/v1/featured_tags/"+tag.ID, nil).Is(200)
		ana.Ask("POST", "/api/v1/tags/wasps/feature", nil).Is(200).Says(`"featuring":true`)
		ana.Ask("POST", "/api/v1/featured_tags", map[string]string{"name": "two words"}).Is(200).Says(`"name":"twowords"`)
	})
}

func TestAReportReachesTheModerators(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		ana, eve := n.Person("ana"), n.Person("eve")
		post := says(t, eve, "rude")[0]
		hidden, err := eve.PostStatus(ctx, toot("secret", "private"))
		check(t, err)
		e := webtest.Into[api.Report](ana.Ask("POST", "/api/v1/reports", map[string]any{"account_id": idOf(eve), "status_ids": []string{string(post), string(hidden.ID)}, "comment": "not kind", "rule_ids": []string{"1"}}).Is(200))
		if e.Category != "violation" || len(e.StatusIDs) != 1 || e.StatusIDs[0] != string(post) || e.TargetAccount.Acct != "eve" {
			t.Errorf("%+v", e)
		}
		kept, err := db.Reports(ctx, storage.ReportFilter{}, storage.Page{})
		check(t, err)
		if len(kept) != 1 || kept[0].Comment != "not kind" || kept[0].AccountID != ana.ID {
			t.Errorf("%+v", kept)
		}
		ana.Ask("POST", "/api/v1/reports", map[string]any{"account_id": "112233"}).Is(404)
		ana.Ask("POST", "/api/v1/reports", map[string]any{"account_id": idOf(eve), "category": "boring"}).Is(422)
	})
}

func TestEmojisAreShownFromHere(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		ana := n.Person("ana")
		zoe := n.Remote("zoe", "partner.test")
		var post storage.NewPost
		check(t, db.Update(ctx, func(tx *storage.Tx) error {
			if err := tx.SaveEmojis(ctx, []*storage.Emoji{{Host: "partner.test", Name: "bee", URI: "https://partner.test/e/1", RemoteURL: "https://partner.test/bee.png", MIME: "image/png"},
				{Host: "partner.test", Name: "wasp", URI: "https://partner.test/e/2", RemoteURL: "https://elsewhere.test/wasp.png"}, {Name: "hive", BlobKey: "abcdefghijklmnopqrstuvwxyz234566"}}); err != nil {
				return err
			}
			post = storage.NewPost{Post: storage.Post{AuthorID: zoe.ID, Origin: zoe.Peer, URI: zoe.URI + "/1", HTML: "<p>:bee: :wasp: :hive:</p>", Emojis: []string{"bee", "wasp", "hive"}, Visibility: storage.Public, Circle: storage.CircleNetwork}}
			_, err := tx.AddPost(ctx, &post)
			return err
		}))
		s := webtest.Into[api.Status](ana.Ask("GET", "/api/v1/statuses/"+storage.FormatID(post.ID), nil).Is(200))
		if len(s.Emojis) != 1 || s.Emojis[0].Shortcode != "bee" || !strings.HasPrefix(s.Emojis[0].URL, n.URL+"/media/remote/emoji/") {
			t.Errorf("%+v", s.Emojis)
		}
		own := webtest.Into[[]api.Emoji](n.Ask("GET", "/api/v1/custom_emojis", "", nil).Is(200))
		if len(own) != 1 || own[0].Shortcode != "hive" || !own[0].VisibleInPicker {
			t.Errorf("%+v", own)
		}
	})
}
