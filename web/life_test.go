package web_test

import (
	"io"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"ruche/federation"
	"ruche/federation/vocab"
	"ruche/outbox"
	"ruche/storage"
	"ruche/storage/storagetest"
	"ruche/web"
	"ruche/web/pages"
)

// lived starts a node whose pages can act, as a person without an app uses it.
func lived(t *testing.T, db *storage.DB) *node {
	t.Helper()
	return start(t, db, func(o *web.Options) {
		log := slog.New(slog.NewTextHandler(io.Discard, nil))
		writer := vocab.Writer{URIs: db.URIs(), Domain: "sales.test"}
		resolver := &federation.Node{DB: db, Writer: writer, Log: log, Domain: "sales.test", Host: "sales.test"}
		o.Pages = pages.New(pages.Options{DB: db, Auth: o.Auth, Resolver: resolver, Domain: "sales.test",
			Outbox: &outbox.Outbox{DB: db, Writer: writer, Resolver: resolver, Log: log}}).Routes()
	})
}

func (n *node) member(login string) *browser {
	n.t.Helper()
	b := n.browser()
	b.signIn(login)
	return b
}

// press sends the form of the button that has this action.
func (b *browser) press(page *answer, action string) *answer {
	b.t.Helper()
	if !strings.Contains(page.body, `formaction="`+action+`"`) {
		b.t.Fatalf("the page has no button for %s:\n%s", action, page.body)
	}
	return b.send("POST", action, url.Values{"csrf": {csrfIn(b.t, page.body)}, "return": {page.Request.URL.RequestURI()}})
}

func csrfIn(t *testing.T, page string) string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Data == "input" && attr(n, "name") == "csrf" {
			return attr(n, "value")
		}
	}
	t.Fatal("the page has no token")
	return ""
}

func (b *browser) write(text, visibility, circle string) *answer {
	b.t.Helper()
	return b.submit(b.get("/home"), "/compose", url.Values{"text": {text}, "visibility": {visibility}, "circle": {circle}})
}

// theirs gives the id of somebody's latest post.
func theirs(t *testing.T, db *storage.DB, username string) (account, post string) {
	t.Helper()
	a, err := db.AccountByName(t.Context(), username, "")
	if err != nil {
		t.Fatal(err)
	}
	posts, err := db.AccountTimeline(t.Context(), a.ID, a.ID, storage.AccountFilter{}, storage.Page{Limit: 1})
	if err != nil || len(posts) == 0 {
		t.Fatalf("%s has no post: %v", username, err)
	}
	return storage.FormatID(a.ID), storage.FormatID(posts[0].ID)
}

func TestAPersonWithoutAnAppCanLiveOnThePages(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := lived(t, db)
		ana, luc := n.member("ana"), n.member("luc")
		if to := ana.get("/").is(303).Header.Get("Location"); to != "/home" {
			t.Errorf("who is signed in is led to %s", to)
		}
		ana.write("who knows #welding?", storage.Public, storage.CircleNode).is(303)
		account, post := theirs(t, db, "ana")
		ana.get("/home").is(200).says("who knows", "this entity only")
		luc.get("/entity").is(200).says("who knows")
		luc.get("/tags/welding").is(200).says("who knows")
		if page := luc.get("/home").is(200); strings.Contains(page.body, "who knows") {
			t.Error("luc's home shows somebody whom he doesn't follow")
		}
		luc.press(luc.get("/people?q=ana").is(200), "/people/"+account+"/follow").is(303)
		luc.get("/home").is(200).says("who knows")

		thread := luc.get("/@ana/" + post).is(200)
		luc.press(thread, "/p/"+post+"/like").is(303)
		luc.submit(luc.get("/@ana/"+post), "/compose", url.Values{"text": {"@ana I do"}, "visibility": {storage.Public}, "circle": {storage.CircleNetwork}}).is(303)
		ana.get("/@ana/"+post).is(200).says("who knows", "I do", "thanks: 1")
		ana.get("/notifications").is(200).says("thanked you for your post", "named or answered you", "follows you now")

		// An answer goes no further than what it answers, whatever the form says.
		_, answered := theirs(t, db, "luc")
		p, err := db.PostByID(t.Context(), storage.ParseID(answered))
		if err != nil || p.Circle != storage.CircleNode || storage.FormatID(p.InReplyToID) != post {
			t.Errorf("the answer is %+v (%v)", p, err)
		}
		luc.press(luc.get("/@ana/"+post), "/p/"+post+"/unlike").is(303)
		ana.get("/@ana/" + post).says("thanks: 0")
		ana.press(ana.get("/@ana/"+post), "/p/"+post+"/delete").is(303)
		luc.get("/@ana/" + post).is(404)
	})
}

func TestWhatIsRefusedComesBackAsItWasTyped(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := lived(t, db)
		ana := n.member("ana")
		page := ana.submit(ana.get("/home"), "/compose", url.Values{"text": {"too far\n!nod"}, "warning": {"long story"}, "visibility": {storage.Public}, "circle": {storage.CircleNode}}).is(422)
		page.says("too far", "long story", "is no circle", `role="alert"`)
		ana.write("", storage.Public, storage.CircleNode).is(422)
		a, err := db.AccountByName(t.Context(), "ana", "")
		if err != nil || a.PostsCount != 0 {
			t.Errorf("%d posts (%v)", a.PostsCount, err)
		}
	})
}

func TestNobodyActsInAnothersName(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := lived(t, db)
		ana, luc := n.member("ana"), n.member("luc")
		ana.write("mine", storage.Public, storage.CircleNetwork).is(303)
		_, post := theirs(t, db, "ana")
		token := csrfIn(t, luc.get("/home").body)
		luc.send("POST", "/p/"+post+"/delete", url.Values{"csrf": {token}}).is(404)
		luc.send("POST", "/p/"+post+"/like", url.Values{"csrf": {"stolen"}}).is(403)
		luc.send("POST", "/p/"+post+"/unknown", url.Values{"csrf": {token}}).is(404)
		if to := luc.send("POST", "/p/"+post+"/like", url.Values{"csrf": {token}, "return": {"//evil.test/"}}).is(303).Header.Get("Location"); to != "/home" {
			t.Errorf("led to %s", to)
		}
		ana.get("/@ana/" + post).is(200).says("mine")
		for _, path := range []string{"/home", "/entity", "/network", "/people", "/notifications", "/tags/bees"} {
			if to := n.browser().get(path).is(303).Header.Get("Location"); !strings.HasPrefix(to, "/auth/sign_in?") {
				t.Errorf("%s leads a stranger to %s", path, to)
			}
		}
		n.browser().send("POST", "/compose", url.Values{"text": {"hello"}}).is(303)
	})
}
