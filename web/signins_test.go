package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ruche/storage"
	"ruche/storage/storagetest"
	"ruche/web"
	"ruche/web/auth"
)

const (
	firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"
	edge    = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"
	iphone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"
)

// behind is the node behind its proxy: requests come from 127.0.0.1 and say for whom.
func behind(n *node) *node {
	inner := n.main
	return &node{t: n.t, db: n.db, fed: n.fed, main: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.RemoteAddr = "127.0.0.1:1234"
		inner.ServeHTTP(w, r)
	})}
}

func TestAPersonSeesTheirOwnSignIns(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := behind(start(t, db, nil))
		stranger := n.browser()
		stranger.send("POST", "/auth/sign_in", url.Values{"login": {"ana"}, "password": {"wrong horse"}}, "User-Agent", iphone, "X-Forwarded-For", "198.51.100.66").is(401)
		b := n.browser()
		b.send("POST", "/auth/sign_in", url.Values{"login": {"ana"}, "password": {password}}, "User-Agent", firefox, "X-Forwarded-For", "198.51.100.7").is(303)
		c := n.register()
		tok := decode[token](n.ask("POST", "/oauth/token", c.exchange(b.code(c), nil), "X-Forwarded-For", "203.0.113.5").is(200))
		n.ask("GET", "/api/v1/whoami", "", "Authorization", "Bearer "+tok.AccessToken).is(200)
		luc := n.browser()
		luc.signIn("luc")
		luc.submit(luc.get("/auth/account"), "/auth/sign_out", nil).is(303)

		for lang, says := range map[string][]string{
			"en": {"A sign-in was refused</strong> · Safari, iPhone", "198.51.100.66", "Signed in</strong> · Firefox, Windows", "198.51.100.7", "An app may act for you</strong> · Tusk", "203.0.113.5", "Kept for 90 days"},
			"fr": {"Une connexion a été refusée</strong> · Safari, iPhone", "Connexion</strong> · Firefox, Windows", "Une application peut agir pour vous</strong> · Tusk", "Gardées 90 jours"},
		} {
			page := b.get("/auth/account?lang=" + lang).is(200).says(says...)
			if raw := regexp.MustCompile(`signins\.[a-z-]+`).FindString(page.body); raw != "" {
				t.Errorf("%s: the page says %q", lang, raw)
			}
			if strings.Contains(page.body, "Signed out") {
				t.Error("ana sees luc's sign-ins")
			}
		}
		page := b.get("/auth/account?lang=en")
		b.submit(page, "/auth/password", url.Values{"current": {"wrong horse"}, "new": {"battery staple"}}).is(401)
		b.submit(page, "/auth/password", url.Values{"current": {password}, "new": {"battery staple"}}).is(303)
		ana := account(t, db, "ana")
		var got []string
		events, err := db.OwnSecurityLog(t.Context(), ana.ID, storage.Page{})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			got = append(got, e.Kind)
		}
		want := []string{storage.SecurityPassword, storage.SecurityRefused, storage.SecurityToken, storage.SecuritySignIn, storage.SecurityRefused, storage.SecurityPassword}
		if !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		luc.signIn("luc")
		luc.get("/auth/account?lang=en").says("Signed out")
		// Why an owner looked stands there.
		owner := storage.ActingAs(t.Context(), storage.PersonActing(account(t, db, "luc"), &storage.User{Role: storage.RoleOwner}, storage.Actor{}))
		if err := db.Update(owner, func(tx *storage.Tx) error {
			_, err := tx.ReadSecurityLog(owner, ana.ID, "the laptop was stolen", storage.Page{})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		b.get("/auth/account?lang=en").says("@luc read this list", "reason: the laptop was stolen")
		b.get("/auth/account?lang=fr").says("@luc a lu cette liste", "motif : the laptop was stolen")
	})
}

func account(t *testing.T, db *storage.DB, name string) *storage.Account {
	t.Helper()
	a, err := db.AccountByName(t.Context(), name, "")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Whoever measures learns nothing: a try with a name that nobody has is written down as well.
func TestEveryRefusedTryIsWrittenDown(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		count := func() int {
			counts, err := db.Counts(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return counts["security_log"]
		}
		before := count()
		for i, login := range []string{"ana", "nobody"} {
			n.browser().send("POST", "/auth/sign_in", url.Values{"login": {login}, "password": {"wrong horse"}}).is(401)
			if got := count() - before; got != i+1 {
				t.Errorf("after %s there are %d lines", login, got)
			}
		}
	})
}

// Wherever a person acts, in a browser or by an app, the door of the act knows who, where from and with what.
func TestWhoActsIsKnownToTheActsThemselves(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		block := func(w http.ResponseWriter, r *http.Request) error {
			err := db.Update(r.Context(), func(tx *storage.Tx) error {
				return tx.SavePeer(r.Context(), &storage.Peer{Host: r.URL.Query().Get("host"), Tier: storage.Partner, State: storage.PeerBlocked})
			})
			if err != nil {
				return err
			}
			return auth.JSON(w, "done")
		}
		n := behind(start(t, db, func(opt *web.Options) {
			opt.API = append(opt.API, auth.Route{Method: "POST", Path: "/api/v1/block", Scope: "write", Handler: block})
			opt.Pages = append(opt.Pages, auth.Route{Method: "POST", Path: "/block", Scope: auth.AnyPerson, Handler: block})
		}))
		ana := account(t, db, "ana")
		update(t, db, func(tx *storage.Tx) error {
			u, err := tx.UserByAccount(t.Context(), ana.ID)
			if err != nil {
				return err
			}
			u.Role = storage.RoleAdmin
			return tx.SaveUser(t.Context(), u)
		})
		b := n.browser()
		b.send("POST", "/auth/sign_in", url.Values{"login": {"ana"}, "password": {password}}, "User-Agent", edge, "X-Forwarded-For", "198.51.100.7").is(303)
		form := fieldsOf(t, b.get("/auth/account").body, "/auth/sign_out")
		b.send("POST", "/block?host=page.test", form, "User-Agent", edge, "X-Forwarded-For", "198.51.100.7").is(200)
		c := n.register()
		tok := decode[token](n.ask("POST", "/oauth/token", c.exchange(b.code(c), nil)).is(200))
		n.ask("POST", "/api/v1/block?host=app.test", "", "Authorization", "Bearer "+tok.AccessToken, "X-Forwarded-For", "203.0.113.5").is(200)
		for subject, want := range map[string]storage.AuditBy{
			"peer page.test": {Name: "@ana", Role: "admin", Address: "198.51.100.7", App: "Edge, Windows"},
			"peer app.test":  {Name: "@ana", Role: "admin", Address: "203.0.113.5", App: "Tusk"},
		} {
			rows, err := db.AuditLog(context.Background(), storage.AuditFilter{Actor: ana.ID, Subject: subject, Kind: storage.ActorPerson}, storage.Page{})
			if err != nil || len(rows) != 1 || rows[0].By != want || rows[0].Action != storage.ActionPeerBlock {
				t.Errorf("%s: %+v %v", subject, rows, err)
			}
		}
		rows, err := db.AuditLog(context.Background(), storage.AuditFilter{Action: storage.ActionStaffSignIn}, storage.Page{})
		if err != nil || len(rows) != 1 || rows[0].By.Address != "198.51.100.7" {
			t.Errorf("%+v %v", rows, err)
		}
	})
}

func FuzzBrowserName(f *testing.F) {
	f.Add(firefox)
	f.Add(edge)
	f.Add(strings.Repeat("Firefox\x00\xff", 1000))
	f.Fuzz(func(t *testing.T, agent string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("User-Agent", agent)
		if actor := storage.ActorOf(auth.Visited(r, nil)); len(actor.App) > 20 || strings.ContainsAny(actor.App, "<\x00") || actor.Kind != storage.ActorVisitor {
			t.Errorf("%q is %+v", agent, actor)
		}
	})
}
