package web_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"ruche/storage"
	"ruche/storage/storagetest"
)

func TestSignInsAreLimitedByAccountAndByAddress(t *testing.T) {
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	storagetest.EachWith(t, storage.Options{Clock: func() time.Time { return now }}, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		try := func(login, password, from string) int {
			b := n.browser()
			form := url.Values{"login": {login}, "password": {password}}
			return b.send("POST", "/auth/sign_in", form, "X-Forwarded-For", from).StatusCode
		}
		// The test's own address isn't a trusted proxy: what it forwards is nothing.
		for i := range 25 {
			login := []string{"ana", "@Ana", "ana@sales.test"}[i%3]
			if got := try(login, "wrong horse", "198.51.100."+strconv.Itoa(i)); got != 401 {
				t.Fatalf("try %d: %d", i, got)
			}
		}
		if got := try("ana", password, "198.51.100.99"); got != 429 {
			t.Errorf("the 26th try of an account: %d", got)
		}
		if got := try("luc", password, ""); got != 303 {
			t.Errorf("luc pays for ana: %d", got)
		}
		now = now.Add(time.Hour)
		if got := try("ana", password, ""); got != 303 {
			t.Errorf("an hour later: %d", got)
		}
		refused := 0
		for i := range 101 {
			if try("nobody"+strconv.Itoa(i), "x", "198.51.100."+strconv.Itoa(i)) == 429 {
				refused++
			}
		}
		if refused == 0 {
			t.Error("an address may try one account after the other")
		}
	})
}

func TestAFormOfAnotherSiteChangesNothing(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		b := n.browser()
		if a := b.send("POST", "/auth/sign_in", url.Values{"login": {"ana"}, "password": {password}}, "Sec-Fetch-Site", "cross-site"); a.StatusCode != 403 || len(b.cookies) != 0 {
			t.Errorf("another site signs somebody in: %d", a.StatusCode)
		}
		b.signIn("ana")
		c := n.register()
		form := fieldsOf(t, b.get(c.authorize(nil)).is(200).body, "/oauth/authorize")
		form.Set("decision", "allow")
		if a := b.send("POST", "/oauth/authorize", form, "Sec-Fetch-Site", "cross-site"); a.StatusCode != 403 {
			t.Errorf("another site consents: %d", a.StatusCode)
		}
		if a := b.send("POST", "/oauth/authorize", form, "Sec-Fetch-Site", "", "Origin", "https://evil.test"); a.StatusCode != 403 {
			t.Errorf("another origin consents: %d", a.StatusCode)
		}
		for _, csrf := range []string{"", "wrong"} {
			form.Set("csrf", csrf)
			b.send("POST", "/oauth/authorize", form).is(403)
			b.send("POST", "/auth/sign_out", url.Values{"csrf": {csrf}}).is(403)
		}
		b.get("/auth/account").is(200)
	})
}

func TestSigningOutEndsThisBrowserOnly(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		desk, phone := n.browser(), n.browser()
		desk.signIn("ana")
		phone.signIn("ana")
		old := *desk.cookies[firstCookie(desk)]
		desk.submit(desk.get("/auth/account").is(200).says("ana"), "/auth/sign_out", nil).is(303)
		if len(desk.cookies) != 0 {
			t.Error("the cookie stays")
		}
		desk.cookies[old.Name] = &old
		desk.get("/auth/account").is(303)
		phone.get("/auth/account").is(200)
	})
}

func firstCookie(b *browser) string {
	for name := range b.cookies {
		return name
	}
	b.t.Fatal("no cookie")
	return ""
}

func TestAPersonSeesTheirAppsAndTakesOneBack(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		c := n.register()
		b := n.browser()
		tok := decode[token](n.ask("POST", "/oauth/token", c.exchange(b.code(c), nil)).is(200))
		page := b.get("/auth/account").is(200).says(">Tusk</strong>")
		b.submit(page, "/auth/apps/revoke", nil).is(303)
		n.ask("GET", "/api/v1/whoami", "", "Authorization", "Bearer "+tok.AccessToken).is(401)
		if strings.Contains(b.get("/auth/account").body, ">Tusk</strong>") {
			t.Error("the app is still there")
		}
	})
}

func TestANewPasswordEndsEveryOtherSignIn(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		c := n.register()
		desk, phone := n.browser(), n.browser()
		phone.signIn("ana")
		tok := decode[token](n.ask("POST", "/oauth/token", c.exchange(desk.code(c), nil)).is(200))
		page := desk.get("/auth/account").is(200)
		change := func(current, next string) *answer {
			return desk.submit(page, "/auth/password", url.Values{"current": {current}, "new": {next}})
		}
		change("wrong horse", "battery staple").is(401)
		change(password, "short").is(422)
		change(password, "battery staple").is(303)
		desk.get("/auth/account").is(200)
		phone.get("/auth/account").is(303)
		n.ask("GET", "/api/v1/whoami", "", "Authorization", "Bearer "+tok.AccessToken).is(401)
		if got := n.browser().send("POST", "/auth/sign_in", url.Values{"login": {"ana"}, "password": {password}}).StatusCode; got != 401 {
			t.Errorf("the old password: %d", got)
		}
	})
}

func TestSignInLeadsNowhereElse(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		for to, want := range map[string]string{"//evil.test/": "/", "https://evil.test": "/", "/@luc": "/@luc"} {
			form := url.Values{"login": {"ana"}, "password": {password}, "return_to": {to}}
			got := n.browser().send("POST", "/auth/sign_in", form).is(303).Header.Get("Location")
			if want == "/" && (strings.Contains(got, "evil") || !strings.HasPrefix(got, "/")) || want != "/" && got != want {
				t.Errorf("%s leads to %s", to, got)
			}
		}
	})
}
