package api_test

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"github.com/mattn/go-mastodon"

	"ruche/storage"
	"ruche/storage/storagetest"
	"ruche/web/api"
	"ruche/web/webtest"
)

func ptr[T any](v T) *T { return &v }

func idOf(p *webtest.Person) string { return storage.FormatID(p.ID) }

func TestAProfileIsChanged(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		ana := n.Person("ana")
		me, err := ana.AccountUpdate(ctx, &mastodon.Profile{
			DisplayName: ptr("Ana B."), Note: ptr("keeps <b>bees</b>"), Locked: ptr(true), Avatar: "data:image/png;base64," + base64.StdEncoding.EncodeToString(picture(t)),
			Fields: &[]mastodon.Field{{Name: "page", Value: "https://ana.test/"}, {Name: "floor", Value: "3 & 4"}},
			Source: &mastodon.AccountSource{Privacy: ptr("private"), Sensitive: ptr(true), Language: ptr("fr")},
		})
		check(t, err)
		if me.DisplayName != "Ana B." || !strings.Contains(me.Note, "&lt;b&gt;") || !me.Locked || !strings.Contains(me.Avatar, "/media/") || len(me.Fields) != 2 ||
			!strings.Contains(me.Fields[0].Value, `<a href="https://ana.test/"`) || me.Fields[1].Value != "3 &amp; 4" {
			t.Errorf("the profile is %+v", me)
		}
		if s := me.Source; *s.Privacy != "private" || !*s.Sensitive || *s.Language != "fr" || *s.Note != "keeps <b>bees</b>" || (*s.Fields)[0].Value != "https://ana.test/" {
			t.Errorf("its source is %+v", s)
		}
		post, err := ana.PostStatus(ctx, &mastodon.Toot{Status: "by default"})
		check(t, err)
		if post.Visibility != "private" || post.Language != "fr" || !post.Sensitive {
			t.Errorf("the defaults count for nothing: %+v", post)
		}
		ana.Ask("PATCH", "/api/v1/accounts/update_credentials", url.Values{"avatar": {"rubbish"}}).Is(422).Says("avatar")
		ana.Ask("PATCH", "/api/v1/accounts/update_credentials", url.Values{"source[privacy]": {"everybody"}}).Is(422)
		ana.Ask("PATCH", "/api/v1/accounts/update_credentials", url.Values{"display_name": {strings.Repeat("x", 61)}}).Is(422).Says("60")
		after := webtest.Into[api.Account](ana.Ask("PATCH", "/api/v1/accounts/update_credentials", url.Values{"avatar": {""}}).Is(200))
		if !strings.Contains(after.Avatar, "/assets/avatar") || after.DisplayName != "Ana B." {
			t.Errorf("without its picture: %+v", after)
		}
	})
}

func TestALockedAccountDecidesWhoFollowsIt(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		ana, luc, eve := n.Person("ana"), n.Person("luc"), n.Person("eve")
		_, err := ana.AccountUpdate(ctx, &mastodon.Profile{Locked: ptr(true)})
		check(t, err)
		for _, who := range []*webtest.Person{luc, eve} {
			rel, err := who.AccountFollow(ctx, mastodon.ID(idOf(ana)))
			check(t, err)
			if rel.Following || !rel.Requested {
				t.Errorf("%s: %+v", who.Username, rel)
			}
		}
		asked, err := ana.GetFollowRequests(ctx, nil)
		check(t, err)
		if len(asked) != 2 {
			t.Fatalf("%d ask", len(asked))
		}
		if got := webtest.Into[api.Account](ana.Ask("GET", "/api/v1/accounts/verify_credentials", nil).Is(200)); got.Source.FollowRequestsCount != 2 {
			t.Errorf("the count is %d", got.Source.FollowRequestsCount)
		}
		check(t, ana.FollowRequestAuthorize(ctx, mastodon.ID(idOf(luc))))
		check(t, ana.FollowRequestReject(ctx, mastodon.ID(idOf(eve))))
		post, err := ana.PostStatus(ctx, toot("for those who follow me", "private"))
		check(t, err)
		luc.Ask("GET", "/api/v1/statuses/"+string(post.ID), nil).Is(200)
		eve.Ask("GET", "/api/v1/statuses/"+string(post.ID), nil).Is(404)
		rel := webtest.Into[api.Relationship](ana.Ask("POST", "/api/v1/accounts/"+idOf(luc)+"/remove_from_followers", nil).Is(200))
		if rel.FollowedBy {
			t.Errorf("luc follows on: %+v", rel)
		}
		luc.Ask("GET", "/api/v1/statuses/"+string(post.ID), nil).Is(404)
		luc.Ask("POST", "/api/v1/accounts/"+idOf(luc)+"/follow", nil).Is(403)
	})
}

func TestPeopleAndPostsAreFound(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		ana, luc := n.Person("ana"), n.Person("luc")
		zoe := n.Remote("zoe", "partner.test")
		post, err := ana.PostStatus(ctx, toot("about #Bees", "public"))
		check(t, err)
		for query, want := range map[string]string{
			"an": "ana", "@ana": "ana", "ana@sales.test": "ana", "zoe": "zoe@partner.test", "@zoe@partner.test": "zoe@partner.test", zoe.URI: "zoe@partner.test",
			storagetest.BaseURL + "/@ana": "ana", "nobody": "", "nobody@partner.test": "", "nobody@elsewhere.test": "", "": "",
		} {
			got, err := luc.Search(ctx, query, false)
			check(t, err)
			var names []string
			for _, a := range got.Accounts {
				names = append(names, a.Acct)
			}
			if strings.Join(names, " ") != want {
				t.Errorf("%q finds %v", query, names)
			}
		}
		for _, address := range []string{post.URL, post.URI} {
			got, err := luc.Search(ctx, address, true)
			check(t, err)
			if len(got.Statuses) != 1 || got.Statuses[0].ID != post.ID {
				t.Errorf("%s finds %+v", address, got.Statuses)
			}
		}
		private, err := ana.PostStatus(ctx, toot("a #Secret", "private"))
		check(t, err)
		for _, query := range []string{private.URL, private.URI, "Secret"} {
			got, err := luc.Search(ctx, query, true)
			check(t, err)
			if len(got.Statuses)+len(got.Hashtags) != 0 {
				t.Errorf("%s finds %+v", query, got)
			}
		}
		got, err := luc.Search(ctx, "bee", false)
		check(t, err)
		if len(got.Hashtags) != 1 || got.Hashtags[0].Name != "bees" {
			t.Errorf("tags: %+v", got.Hashtags)
		}
		found, err := luc.AccountLookup(ctx, "zoe@partner.test")
		if err != nil || found.Acct != "zoe@partner.test" {
			t.Errorf("lookup: %+v %v", found, err)
		}
		luc.Ask("GET", "/api/v1/accounts/lookup?acct=nobody", nil).Is(404)
	})
}

func TestWhoIsGoneIsNotShown(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		ana, luc := n.Person("ana"), n.Person("luc")
		zoe := n.Remote("zoe", "partner.test")
		_, err := ana.AccountUpdate(ctx, &mastodon.Profile{Note: ptr("a secret")})
		check(t, err)
		check(t, db.Update(ctx, func(tx *storage.Tx) error {
			_, err := tx.SuspendAccount(ctx, ana.ID)
			return err
		}))
		luc.Ask("GET", "/api/v1/accounts/"+idOf(ana), nil).Is(200).Says(`"suspended":true`, `"note":""`)
		ana.Ask("GET", "/api/v1/accounts/verify_credentials", nil).Is(401)
		if body := luc.Ask("GET", "/api/v1/accounts/"+idOf(ana)+"/statuses", nil).Is(200).Body; body != "[]" {
			t.Errorf("their posts: %s", body)
		}
		check(t, db.Update(ctx, func(tx *storage.Tx) error {
			_, err := tx.RemovePeer(ctx, "partner.test")
			return err
		}))
		luc.Ask("GET", "/api/v1/accounts/"+storage.FormatID(zoe.ID), nil).Is(404)
		luc.Ask("GET", "/api/v1/accounts/lookup?acct=zoe@partner.test", nil).Is(404)
	})
}

func TestWithPublicPagesAStrangerReadsWhatIsPublic(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, func(o *api.Options) { o.PublicPages = true })
		ana := n.Person("ana")
		open, err := ana.PostStatus(ctx, toot("for all", "public"))
		check(t, err)
		closed, err := ana.PostStatus(ctx, toot("for few", "private"))
		check(t, err)
		a := n.Ask("GET", "/api/v1/statuses/"+string(open.ID), "", nil).Is(200).Says("for all")
		if strings.Contains(a.Body, "favourited\"") {
			t.Errorf("nobody's marks: %s", a.Body)
		}
		n.Ask("GET", "/api/v1/statuses/"+string(closed.ID), "", nil).Is(404)
		if got := webtest.Into[[]api.Status](n.Ask("GET", "/api/v1/timelines/public", "", nil).Is(200)); len(got) != 1 {
			t.Errorf("strangers see %d posts", len(got))
		}
		if got := webtest.Into[[]api.Status](n.Ask("GET", "/api/v1/accounts/"+idOf(ana)+"/statuses", "", nil).Is(200)); len(got) != 1 {
			t.Errorf("strangers see %d posts of ana", len(got))
		}
	})
}

func TestPostsAreFoundByTheirWords(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		ana, luc, eve := n.Person("ana"), n.Person("luc"), n.Person("eve")
		follows(t, luc, ana)
		says(t, ana, "Le nœud de l’École, à côté de l'été", "Straße & œuvre d’Ærø", "bees make honey", "honey bees")
		for text, visibility := range map[string]string{"honey for my followers": "private", "@luc honey between us": "direct"} {
			_, err := ana.PostStatus(ctx, toot(text, visibility))
			check(t, err)
		}
		_, err := eve.AccountUpdate(ctx, &mastodon.Profile{Note: ptr("x")})
		check(t, err)
		eve.Ask("PATCH", "/api/v1/accounts/update_credentials", map[string]bool{"indexable": false}).Is(200)
		says(t, eve, "hidden honey")
		count := func(p *webtest.Person, query string) int {
			t.Helper()
			return len(webtest.Into[api.Search](p.Ask("GET", "/api/v2/search?type=statuses&q="+url.QueryEscape(query), nil).Is(200)).Statuses)
		}
		for query, want := range map[string]int{
			"ecole": 1, "ÉCOLE noeud": 1, "nœuds": 0, "ete": 1, "strasse": 1, "oeuvre aero": 1, "œuv": 1, "honey": 4, `"honey bees"`: 1, `"bees honey"`: 0,
			"honey -bees": 2, "from:ana honey": 4, "from:eve honey": 0, "from:nobody honey": 0, "honey has:media": 0, "honey -has:media": 4, "honey is:reply": 0,
			"honey before:2020-01-01": 0, "honey after:2020-01-01": 4, "honey language:fr": 0, "the a b": 0, "'\"&|!:*()": 0, "-honey": 0, `"`: 0, "NOT OR AND": 0,
		} {
			if got := count(luc, query); got != want {
				t.Errorf("luc finds %d posts for %s, want %d", got, query, want)
			}
		}
		if got := count(ana, "honey"); got != 4 {
			t.Errorf("ana finds %d", got)
		}
		if got := count(eve, "honey"); got != 3 { // two public ones, and her own
			t.Errorf("eve finds %d", got)
		}
		follows(t, luc, eve)
		if got := count(luc, "hidden honey"); got != 1 {
			t.Errorf("a follower finds %d", got)
		}
		post := says(t, ana, "a rare wrod")[0]
		_, err = ana.UpdateStatus(ctx, toot("a rare word", ""), post)
		check(t, err)
		if count(luc, "wrod") != 0 || count(luc, "rare word") != 1 {
			t.Error("the edit isn't in the index")
		}
		check(t, ana.DeleteStatus(ctx, post))
		if count(luc, "rare word") != 0 {
			t.Error("a deleted post is found")
		}
		check(t, db.IndexOlder(ctx))
		if got := count(luc, "from:ana honey"); got != 4 {
			t.Errorf("indexed again, luc finds %d", got)
		}
	})
}
