package web_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"ruche/storage"
	"ruche/storage/storagetest"
)

const (
	callback = "https://app.test/callback?keep=1"
	oob      = "urn:ietf:wg:oauth:2.0:oob"
	verifier = "a-verifier-of-the-length-that-rfc-7636-asks-for-0123"
)

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

type client struct {
	ID           string   `json:"id"`
	Name         string   `json:"name"`
	Website      *string  `json:"website"`
	Scopes       []string `json:"scopes"`
	RedirectURI  string   `json:"redirect_uri"`
	RedirectURIs []string `json:"redirect_uris"`
	ClientID     string   `json:"client_id"`
	ClientSecret string   `json:"client_secret"`
	Expires      *int     `json:"client_secret_expires_at"`
	VapidKey     *string  `json:"vapid_key"`
}

func decode[T any](a *answer) T {
	a.t.Helper()
	var v T
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		a.t.Fatalf("%v in %s", err, a.body)
	}
	return v
}

func (n *node) register() client {
	n.t.Helper()
	form := url.Values{"client_name": {"Tusk"}, "redirect_uris": {callback + "\n" + oob}, "scopes": {"read write follow push"}, "website": {"https://app.test"}}
	return decode[client](n.ask("POST", "/api/v1/apps", form.Encode()).is(200))
}

func (c client) authorize(more url.Values) string {
	q := url.Values{"response_type": {"code"}, "client_id": {c.ClientID}, "redirect_uri": {callback}, "scope": {"read write"},
		"state": {"a state"}, "code_challenge": {challenge()}, "code_challenge_method": {"S256"}}
	for k, v := range more {
		if q[k] = v; v == nil {
			delete(q, k)
		}
	}
	return "/oauth/authorize?" + q.Encode()
}

// code goes through sign-in and consent and gives the code that the app gets.
func (b *browser) code(c client) string {
	b.t.Helper()
	if len(b.cookies) == 0 {
		b.signIn("ana")
	}
	page := b.get(c.authorize(nil)).is(200).says("Tusk")
	back, err := url.Parse(b.submit(page, "/oauth/authorize", url.Values{"decision": {"allow"}}).is(http.StatusSeeOther).Header.Get("Location"))
	if err != nil {
		b.t.Fatal(err)
	}
	if q := back.Query(); back.Host != "app.test" || back.Path != "/callback" || q.Get("keep") != "1" || q.Get("state") != "a state" || q.Get("code") == "" {
		b.t.Fatalf("sent back to %s", back)
	}
	return back.Query().Get("code")
}

func (c client) exchange(code string, more url.Values) string {
	form := url.Values{"grant_type": {"authorization_code"}, "client_id": {c.ClientID}, "client_secret": {c.ClientSecret}, "redirect_uri": {callback}, "code": {code}, "code_verifier": {verifier}}
	for k, v := range more {
		if form[k] = v; v == nil {
			delete(form, k)
		}
	}
	return form.Encode()
}

type token struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	Scope       string `json:"scope"`
	CreatedAt   int64  `json:"created_at"`
}

func TestAnAppIsRegisteredByFormMultipartAndJSON(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		var b bytes.Buffer
		m := multipart.NewWriter(&b)
		for _, f := range [][2]string{{"client_name", "Tusk"}, {"redirect_uris", callback + "\r\n" + oob}, {"scopes", "read write follow push"}, {"website", "https://app.test"}} {
			if err := m.WriteField(f[0], f[1]); err != nil {
				t.Fatal(err)
			}
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		lines, err := json.Marshal(map[string]any{"client_name": "Tusk", "redirect_uris": []string{callback, oob}, "scopes": "read write follow push", "website": "https://app.test"})
		if err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]client{
			"form":      n.register(),
			"multipart": decode[client](n.ask("POST", "/api/v1/apps", b.String(), "Content-Type", m.FormDataContentType()).is(200)),
			"json":      decode[client](n.ask("POST", "/api/v1/apps/", string(lines), "Content-Type", "application/json").is(200)),
		} {
			if c.ID == "" || c.Name != "Tusk" || c.Website == nil || *c.Website != "https://app.test" || strings.Join(c.Scopes, " ") != "read write follow push" ||
				len(c.RedirectURIs) != 2 || c.RedirectURIs[1] != oob || c.RedirectURI != callback+"\n"+oob || c.ClientID == "" || c.ClientSecret == "" ||
				c.Expires == nil || *c.Expires != 0 || c.VapidKey == nil {
				t.Errorf("by %s: %+v", name, c)
			}
		}
		for name, body := range map[string]string{
			"no name":          "redirect_uris=" + oob,
			"no address":       "client_name=x",
			"a script address": "client_name=x&redirect_uris=javascript:alert(1)",
			"a data address":   "client_name=x&redirect_uris=data:text/html,x",
			"unknown scopes":   "client_name=x&redirect_uris=" + oob + "&scopes=everything",
			"a script website": "client_name=x&redirect_uris=" + oob + "&website=javascript:alert(1)",
		} {
			if a := n.ask("POST", "/api/v1/apps", body); a.StatusCode != 422 || !strings.Contains(a.body, "Validation failed: ") {
				t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
			}
		}
	})
}

func TestAPersonLetsAnAppActForThem(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		c := n.register()
		b := n.browser()
		signIn := b.get(strings.Replace(c.authorize(nil), "authorize?", "authorize/?", 1)).is(200)
		b.submit(signIn, "/auth/sign_in", url.Values{"login": {"ana"}, "password": {"wrong horse"}}).is(401)
		if len(b.cookies) != 0 {
			t.Fatal("a wrong password gives a cookie")
		}
		to := b.submit(signIn, "/auth/sign_in", url.Values{"login": {"ANA@sales.test"}, "password": {password}}).is(303)
		for _, cookie := range to.Cookies() {
			if !cookie.HttpOnly || !cookie.Secure || cookie.SameSite != http.SameSiteLaxMode || !strings.HasPrefix(cookie.Name, "ruche_") {
				t.Errorf("the cookie is %+v", cookie)
			}
		}
		consent := b.get(to.Header.Get("Location")).is(200).says("Tusk")
		if policy := consent.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' https:") {
			t.Errorf("the form can't lead to the app: %s", policy)
		}
		if consent.Header.Get("Cross-Origin-Opener-Policy") != "" {
			t.Error("an opener could not watch this window")
		}
		code := b.code(c)
		a := n.ask("POST", "/oauth/token", c.exchange(code, nil)).is(200)
		tok := decode[token](a)
		if tok.TokenType != "Bearer" || tok.Scope != "read write" || tok.CreatedAt == 0 || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%+v, %v", tok, a.Header)
		}
		n.ask("GET", "/api/v1/whoami", "", "Authorization", "Bearer "+tok.AccessToken).is(200).says(`"ana"`)
		n.ask("GET", "/api/v1/things/7/", "", "Authorization", "Bearer "+tok.AccessToken).is(200).says(`"7"`)

		n.ask("POST", "/oauth/token", c.exchange(code, nil)).is(400).says("invalid_grant")

		other := n.register()
		n.ask("POST", "/oauth/revoke", url.Values{"client_id": {other.ClientID}, "client_secret": {other.ClientSecret}, "token": {tok.AccessToken}}.Encode()).is(403).says("unauthorized_client")
		n.ask("GET", "/api/v1/whoami", "", "Authorization", "Bearer "+tok.AccessToken).is(200)
		revoke := url.Values{"client_id": {c.ClientID}, "client_secret": {c.ClientSecret}, "token": {tok.AccessToken}}.Encode()
		n.ask("POST", "/oauth/revoke", revoke).is(200)
		gone := n.ask("GET", "/api/v1/whoami", "", "Authorization", "Bearer "+tok.AccessToken).is(401).says(`{"error":"The access token is invalid"}`)
		if !strings.HasPrefix(gone.Header.Get("WWW-Authenticate"), "Bearer ") {
			t.Errorf("WWW-Authenticate: %q", gone.Header.Get("WWW-Authenticate"))
		}
		n.ask("POST", "/oauth/revoke", revoke).is(200)
	})
}

func TestACodeIsGoodForItsAppItsAddressItsVerifierAndTenMinutes(t *testing.T) {
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	storagetest.EachWith(t, storage.Options{Clock: func() time.Time { return now }}, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		c, other := n.register(), n.register()
		b := n.browser()
		for name, more := range map[string]url.Values{
			"a wrong verifier":     {"code_verifier": {"another-verifier-of-the-right-length-0123456789-0123"}},
			"no verifier":          {"code_verifier": nil},
			"another address":      {"redirect_uri": {oob}},
			"no address":           {"redirect_uri": nil},
			"another app's":        {"client_id": {other.ClientID}, "client_secret": {other.ClientSecret}},
			"nobody's code":        {"code": {"x"}},
			"a code of 43 ciphers": {"code": {strings.Repeat("x", 43)}},
		} {
			code := b.code(c)
			n.ask("POST", "/oauth/token", c.exchange(code, more)).is(400).says("invalid_grant", "error_description")
			if more["code"] == nil {
				// Somebody has seen this code: it is used up.
				if a := n.ask("POST", "/oauth/token", c.exchange(code, nil)); a.StatusCode != 400 {
					t.Errorf("after %s the code still works", name)
				}
			}
		}
		code := b.code(c)
		n.ask("POST", "/oauth/token", c.exchange(code, url.Values{"client_secret": {"wrong"}})).is(401).says("invalid_client")
		n.ask("POST", "/oauth/token", c.exchange(code, url.Values{"client_id": {"unknown"}})).is(401).says("invalid_client")
		basic := base64.StdEncoding.EncodeToString([]byte(c.ClientID + ":" + c.ClientSecret))
		n.ask("POST", "/oauth/token", c.exchange(code, url.Values{"client_secret": nil, "client_id": nil}), "Authorization", "Basic "+basic).is(200)
		late := b.code(c)
		now = now.Add(10*time.Minute + time.Second)
		n.ask("POST", "/oauth/token", c.exchange(late, nil)).is(400).says("invalid_grant")

		// A verifier where there was no challenge: somebody took the challenge out.
		page := b.get(c.authorize(url.Values{"code_challenge": nil, "code_challenge_method": nil})).is(200)
		to, err := url.Parse(b.submit(page, "/oauth/authorize", url.Values{"decision": {"allow"}}).is(303).Header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		n.ask("POST", "/oauth/token", c.exchange(to.Query().Get("code"), nil)).is(400).says("invalid_grant")
	})
}

func TestNobodyIsSentToAnAddressThatWasNotRegistered(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		c := n.register()
		b := n.browser()
		b.signIn("ana")
		for name, more := range map[string]url.Values{
			"another host":   {"redirect_uri": {"https://evil.test/callback"}},
			"a longer path":  {"redirect_uri": {callback + "&more=1"}},
			"an unknown app": {"client_id": {"unknown"}},
			"no address":     {"redirect_uri": nil},
		} {
			if a := b.get(c.authorize(more)); a.StatusCode != 400 || a.Header.Get("Location") != "" {
				t.Errorf("%s: %d %s", name, a.StatusCode, a.Header.Get("Location"))
			}
			form := fieldsOf(t, b.get(c.authorize(nil)).body, "/oauth/authorize")
			form.Set("decision", "allow")
			for k, v := range more {
				if form[k] = v; v == nil {
					delete(form, k)
				}
			}
			if a := b.send("POST", "/oauth/authorize", form); a.StatusCode != 400 || a.Header.Get("Location") != "" {
				t.Errorf("%s, by form: %d %s", name, a.StatusCode, a.Header.Get("Location"))
			}
		}
		for want, more := range map[string]url.Values{
			"invalid_scope":             {"scope": {"read admin:write"}},
			"unsupported_response_type": {"response_type": {"token"}},
			"invalid_request":           {"code_challenge_method": {"plain"}},
		} {
			to, err := url.Parse(b.get(c.authorize(more)).is(303).Header.Get("Location"))
			if err != nil {
				t.Fatal(err)
			}
			if to.Host != "app.test" || to.Query().Get("error") != want || to.Query().Get("state") != "a state" || to.Query().Get("code") != "" {
				t.Errorf("%v: sent to %s", more, to)
			}
		}
	})
}

func TestConsentIsAskedEveryTimeAndOnlyAYesIsOne(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		c := n.register()
		b := n.browser()
		b.code(c)
		page := b.get(c.authorize(nil)).is(200)
		for _, decision := range []string{"deny", "", "perhaps"} {
			to := b.submit(page, "/oauth/authorize", url.Values{"decision": {decision}}).is(303).Header.Get("Location")
			if !strings.Contains(to, "error=access_denied") || strings.Contains(to, "code=") {
				t.Errorf("%q: %s", decision, to)
			}
		}
		fieldsOf(t, b.get(c.authorize(url.Values{"force_login": {"true"}})).is(200).body, "/auth/sign_in")
		a := b.send("HEAD", c.authorize(nil), nil).is(200)
		if a.Header.Get("Content-Type") == "" {
			t.Error("HEAD tells nothing")
		}
	})
}

func TestAnAppWithoutAnAddressGetsItsCodeFromAPage(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		c := n.register()
		b := n.browser()
		b.signIn("ana")
		page := b.get(c.authorize(url.Values{"redirect_uri": {oob}})).is(200)
		to := b.submit(page, "/oauth/authorize", url.Values{"decision": {"allow"}}).is(303).Header.Get("Location")
		u, err := url.Parse(to)
		if err != nil || u.Host != "" || u.Path != "/oauth/authorize/native" {
			t.Fatalf("sent to %s", to)
		}
		code := u.Query().Get("code")
		b.get(to).is(200).says(code)
		n.ask("POST", "/oauth/token", c.exchange(code, url.Values{"redirect_uri": {oob}})).is(200)
		b.get("/oauth/authorize/native?code=call+0800+now").is(400)
	})
}

func TestAnAppMayActForItselfButForNobodyElse(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		c := n.register()
		form := func(kind, scope string) string {
			return url.Values{"grant_type": {kind}, "client_id": {c.ClientID}, "client_secret": {c.ClientSecret}, "scope": {scope}, "username": {"ana"}, "password": {password}}.Encode()
		}
		tok := decode[token](n.ask("POST", "/oauth/token", form("client_credentials", "read")).is(200))
		n.ask("GET", "/api/v1/app", "", "Authorization", "Bearer "+tok.AccessToken).is(200)
		n.ask("GET", "/api/v1/whoami", "", "Authorization", "Bearer "+tok.AccessToken).is(422).says("This method requires an authenticated user")
		n.ask("GET", "/api/v1/things/7", "", "Authorization", "Bearer "+tok.AccessToken).is(422)
		n.ask("POST", "/oauth/token", form("client_credentials", "read admin:read")).is(400).says("invalid_scope")
		n.ask("POST", "/oauth/token", form("password", "read")).is(400).says("unsupported_grant_type")
		n.ask("POST", "/oauth/token", form("", "read")).is(400).says("invalid_request")
		n.ask("POST", "/oauth/token", `{"grant_type":"client_credentials","client_id":"`+c.ClientID+`","client_secret":"`+c.ClientSecret+`"}`, "Content-Type", "application/json").is(200).says(`"scope":"read"`)
	})
}

func TestARouteIsOpenToItsScopesOnly(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		ana, err := db.AccountByName(t.Context(), "ana", "")
		if err != nil {
			t.Fatal(err)
		}
		with := func(scopes string) []string {
			secret := storage.NewSecret()
			update(t, db, func(tx *storage.Tx) error {
				return tx.AddToken(t.Context(), &storage.Token{Hash: storage.HashSecret(secret), AccountID: ana.ID, Scopes: scopes})
			})
			return []string{"Authorization", "Bearer " + secret}
		}
		n.ask("POST", "/api/v1/things", "", with("read")...).is(403).says("This action is outside the authorized scopes", "write:statuses")
		n.ask("POST", "/api/v1/things", "", with("write:media")...).is(403)
		n.ask("POST", "/api/v1/things", "", with("write")...).is(200)
		n.ask("GET", "/api/v1/things/1", "", with("profile")...).is(200)
		n.ask("GET", "/api/v1/things/1", "").is(401).says(`{"error":"The access token is invalid"}`)
		n.ask("GET", "/api/v1/open", "", "Authorization", "Bearer nonsense").is(401)
		n.ask("GET", "/api/v1/open?access_token="+with("read")[1][len("Bearer "):], "").is(200)
		n.ask("GET", "/api/v1/whoami?access_token="+with("read")[1][len("Bearer "):], "").is(401)

		b := n.browser()
		b.signIn("ana")
		b.get("/api/v1/whoami").is(401) // a session is nothing in the API

		mine := with("read")
		update(t, db, func(tx *storage.Tx) error { _, err := tx.SuspendAccount(t.Context(), ana.ID); return err })
		n.ask("GET", "/api/v1/whoami", "", mine...).is(401)
		n.ask("GET", "/api/v1/whoami", "", with("read")...).is(403).says("Your login is currently disabled")
	})
}

func TestTheServerDescribesItself(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		n.ask("GET", "/.well-known/oauth-authorization-server", "").is(200).says(`"https://sales.test/oauth/token"`, `"S256"`, `"read:statuses"`)
		n.ask("GET", "/.well-known/oauth-authorization-server", "", "Host", "localhost:8441").is(200).says(`//localhost:8441/oauth/token"`)
	})
}

func TestOnlyWebClientsOnTheListGetTokens(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		before := n.register() // of a time when there was no list
		allow := func(list string) {
			update(t, db, func(tx *storage.Tx) error { return tx.SetSetting(t.Context(), storage.SettingRedirectHosts, list) })
		}
		b := n.browser()
		code := b.code(before)
		allow("phanpy.test, Elk.test:8443")
		try := func(uri string) *answer {
			return n.ask("POST", "/api/v1/apps", url.Values{"client_name": {"Web"}, "redirect_uris": {uri}}.Encode())
		}
		for uri, status := range map[string]int{
			"https://phanpy.test/": 200, "https://elk.test:8443/back": 200, "myapp://callback": 200, oob: 200,
			"http://localhost:3000/": 200, "http://127.0.0.1:9/": 200, "https://sales.test/x": 200,
			"https://elk.test/back": 422, "https://evil.test/": 422, "https://phanpy.test.evil.test/": 422, "https://sales.test.evil.test/": 422,
			"http://localhost.evil.test/": 422, "https://phanpy.test/ https://evil.test/": 422,
		} {
			if a := try(uri); a.StatusCode != status {
				t.Errorf("%s: %d, want %d %s", uri, a.StatusCode, status, a.body)
			}
		}
		try("https://evil.test/").says("evil.test", "ask an admin")
		// An app of before asks in vain, and so does a code that it got before.
		b.get(before.authorize(nil)).is(422)
		n.ask("POST", "/oauth/token", before.exchange(code, nil)).is(400)
		b.get(before.authorize(url.Values{"redirect_uri": {oob}})).is(200)
		allow("app.test")
		b.get(before.authorize(nil)).is(200)
	})
}

func TestTokensAreNotRefreshedAndPasswordsNotTraded(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		c := n.register()
		b := n.browser()
		answered := n.ask("POST", "/oauth/token", c.exchange(b.code(c), nil)).is(200)
		if strings.Contains(answered.body, "refresh_token") || strings.Contains(answered.body, "expires_in") {
			t.Errorf("a token that lives until it is revoked: %s", answered.body)
		}
		n.ask("POST", "/oauth/token", c.exchange("", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {decode[token](answered).AccessToken}})).is(400).says("unsupported_grant_type")
		n.ask("GET", "/.well-known/oauth-authorization-server", "").is(200).says(`"grant_types_supported":["authorization_code","client_credentials"]`)
	})
}

func TestAnAppThatIsTakenBackLosesItsCodesToo(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		c := n.register()
		b := n.browser()
		n.ask("POST", "/oauth/token", c.exchange(b.code(c), nil)).is(200)
		waiting := b.code(c)
		b.submit(b.get("/auth/account"), "/auth/apps/revoke", nil).is(303)
		n.ask("POST", "/oauth/token", c.exchange(waiting, nil)).is(400).says("invalid_grant")
	})
}

func TestTokensAreAskedForInAMeasure(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		c := n.register()
		n.ask("POST", "/oauth/token", c.exchange("", nil)).is(400).says("Missing required parameter: code")
		for range 300 {
			n.ask("POST", "/oauth/token", "")
		}
		n.ask("POST", "/oauth/token", "").is(429)
		n.ask("POST", "/oauth/revoke", "").is(429)
	})
}
