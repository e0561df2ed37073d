package web_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ruche/federation"
	"ruche/storage"
	"ruche/storage/storagetest"
	"ruche/web"
	"ruche/web/pages"
)

func TestScriptsOfAnySiteMayCallTheAPI(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		for _, path := range []string{"/api/v1/things", "/oauth/token", "/oauth/revoke", "/nodeinfo/2.0", "/.well-known/webfinger", "/api/v1/unknown"} {
			a := n.ask("OPTIONS", path, "", "Origin", "https://client.test", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,idempotency-key").is(204)
			for name, want := range map[string]string{"Origin": "*", "Methods": "DELETE", "Headers": "Idempotency-Key"} {
				if got := a.Header.Get("Access-Control-Allow-" + name); !strings.Contains(got, want) {
					t.Errorf("%s: Access-Control-Allow-%s is %q", path, name, got)
				}
			}
			if a.Header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s allows cookies", path)
			}
		}
		a := n.ask("GET", "/api/v1/whoami", "", "Origin", "https://client.test").is(401)
		if a.Header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(a.Header.Get("Access-Control-Expose-Headers"), "Link") {
			t.Errorf("an error without CORS: %v", a.Header)
		}
		if got := n.ask("GET", "/auth/sign_in", "", "Origin", "https://client.test").Header.Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("other sites read the sign-in page: %q", got)
		}
	})
}

func TestWhatDoesNotExistIsSaidInTheCallersForm(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		for _, path := range []string{"/api/v1/unknown", "/api", "/oauth/unknown", "/.well-known/unknown", "//api/v1/open", "/api/v1//open"} {
			a := n.ask("GET", path, "", "Accept", "application/json").is(404).says(`{"error":"Record not found"}`)
			if !strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") {
				t.Errorf("%s: %s", path, a.Header.Get("Content-Type"))
			}
		}
		n.ask("GET", "/api/v1/unknown", "", "Accept", "text/html").is(404).says(`{"error":`)
		page := n.ask("GET", "/unknown", "", "Accept", "text/html").is(404)
		if !strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") {
			t.Errorf("a browser gets %s", page.Header.Get("Content-Type"))
		}
		a := n.ask("DELETE", "/api/v1/things", "").is(405)
		if got := a.Header.Get("Allow"); got != "POST" {
			t.Errorf("Allow: %q", got)
		}
		n.ask("HEAD", "/api/v1/open", "").is(200)
		n.ask("GET", "/api/v1/open/", "").is(200)
	})
}

func TestAFaultOfOursIsLoggedAndNotTold(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		var log bytes.Buffer
		n := start(t, db, func(o *web.Options) {
			o.Log = slog.New(web.LogHandler(slog.NewTextHandler(&log, nil)))
		})
		for _, path := range []string{"/api/v1/panic", "/api/v1/broken"} {
			log.Reset()
			a := n.ask("GET", path, "").is(500).says(`{"error":"`)
			if strings.Contains(a.body, "purpose") || strings.Contains(a.body, "EOF") {
				t.Errorf("%s tells %s", path, a.body)
			}
			id := a.Header.Get("X-Request-Id")
			if id == "" || !strings.Contains(log.String(), "request_id="+id) {
				t.Errorf("%s: id %q isn't in the log: %s", path, id, log.String())
			}
		}
	})
}

func TestOnlyOurOwnNamesAreAnswered(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, func(o *web.Options) { o.Domain = "sales-mail.test" })
		for host, want := range map[string]int{
			"sales.test": 200, "SALES.test": 200, "sales.test:443": 200, "sales-mail.test": 200, "localhost:8080": 200, "127.0.0.1:8080": 200, "[::1]:8080": 200,
			"evil.test": 421, "sales.test.evil.test": 421, "sales.test:8080": 421, "10.0.0.1": 421, "": 421,
		} {
			if a := n.ask("GET", "/api/v1/open", "", "Host", host); a.StatusCode != want {
				t.Errorf("Host %q: %d, want %d", host, a.StatusCode, want)
			}
		}
		n.ask("GET", "/livez", "", "Host", "10.0.0.1").is(200)
		n.ask("GET", "/readyz", "", "Host", "10.0.0.1:8080").is(200)
	})
}

func TestReadyMeansThatEverythingRuns(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		var missing error
		n := start(t, db, func(o *web.Options) { o.Ready = func(context.Context) error { return missing } })
		n.ask("GET", "/readyz", "").is(200)
		missing = errors.New("the queue stands still")
		a := n.ask("GET", "/readyz", "").is(503)
		if strings.Contains(a.body, "queue") {
			t.Errorf("strangers learn %q", a.body)
		}
		n.ask("GET", "/livez", "").is(200)
	})
}

func TestMetricsAreForThisMachine(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, func(o *web.Options) { o.Metrics, o.MetricsHere = prometheus.NewRegistry(), true })
		n.ask("GET", "/api/v1/open", "").is(200)
		from := func(remote string, headers ...string) *answer {
			r := httptest.NewRequest("GET", storagetest.BaseURL+"/metrics", nil)
			r.RemoteAddr = remote
			for i := 0; i+1 < len(headers); i += 2 {
				r.Header.Set(headers[i], headers[i+1])
			}
			return n.do(n.main, r)
		}
		from("127.0.0.1:99").is(200).says(`ruche_http_request_seconds_count{method="GET",route="/api/v1/open",status="200"} 1`)
		from("192.0.2.1:99").is(404)
		from("127.0.0.1:99", "X-Forwarded-For", "192.0.2.1").is(404)
	})
}

func TestTheAPIIsLimitedByTokenAndByAddress(t *testing.T) {
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	storagetest.EachWith(t, storage.Options{Clock: func() time.Time { return now }}, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		ana, err := db.AccountByName(t.Context(), "ana", "")
		if err != nil {
			t.Fatal(err)
		}
		update(t, db, func(tx *storage.Tx) error {
			return tx.AddToken(t.Context(), &storage.Token{Hash: storage.HashSecret("secret"), AccountID: ana.ID, Scopes: "read"})
		})
		bearer := []string{"Authorization", "Bearer secret"}
		a := n.ask("GET", "/api/v1/whoami", "", bearer...).is(200)
		if a.Header.Get("X-RateLimit-Limit") != "300" || a.Header.Get("X-RateLimit-Remaining") != "299" || a.Header.Get("X-RateLimit-Reset") == "" {
			t.Errorf("the limits are told as %v", a.Header)
		}
		for range 299 {
			n.ask("GET", "/api/v1/whoami", "", bearer...).is(200)
		}
		n.ask("GET", "/api/v1/whoami", "", bearer...).is(429).says(`{"error":"Too many requests"}`)
		n.ask("GET", "/api/v1/open", "").is(200)
		now = now.Add(5 * time.Minute)
		n.ask("GET", "/api/v1/whoami", "", bearer...).is(200)
	})
}

func TestTheSecondListenerAnswersPeersOnly(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, func(o *web.Options) {
			o.Federation = []federation.Route{{Method: "GET", Path: "/users/{id}", Handler: func(w http.ResponseWriter, r *http.Request) {
				_, _ = w.Write([]byte("user " + r.PathValue("id")))
			}}}
		})
		for _, h := range []http.Handler{n.main, n.fed} {
			n.do(h, httptest.NewRequest("GET", storagetest.BaseURL+"/users/7", nil)).is(200).says("user 7")
			n.do(h, httptest.NewRequest("GET", storagetest.BaseURL+"/readyz", nil)).is(200)
		}
		for _, path := range []string{"/api/v1/open", "/auth/sign_in", "/oauth/authorize", "/"} {
			n.do(n.fed, httptest.NewRequest("GET", storagetest.BaseURL+path, nil)).is(404)
		}
	})
}

func TestPagesAreGuardedByTheirHeaders(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		h := n.browser().get("/auth/sign_in").is(200).Header
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Strict-Transport-Security": "max-age",
		} {
			if !strings.Contains(h.Get(name), want) {
				t.Errorf("%s is %q", name, h.Get(name))
			}
		}
	})
}

func TestAStrangerLearnsNothingOfWhatExists(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		stranger, luc := n.browser(), n.browser()
		luc.signIn("luc")
		public, private := postsOfAna(t, db)
		for path, forLuc := range map[string]int{
			"/@ana": 200, "/@nobody": 404, "/@ana/" + storage.FormatID(public): 200, "/@ana/" + storage.FormatID(private): 404, "/@ana/112233": 404,
			"/@luc/" + storage.FormatID(public): 404,
		} {
			a := stranger.get(path).is(303)
			if to := a.Header.Get("Location"); !strings.HasPrefix(to, "/auth/sign_in?return_to=") || a.body != strings.ReplaceAll(a.body, "bees", "") {
				t.Errorf("%s: sent to %s\n%s", path, to, a.body)
			}
			if got := luc.get(path).StatusCode; got != forLuc {
				t.Errorf("luc gets %d for %s, want %d", got, path, forLuc)
			}
		}
		luc.get("/@ana/" + storage.FormatID(public)).says("bees are public")
		stranger.get("/").is(200)
	})
}

// postsOfAna adds a public post and one for followers, of whom she has none.
func postsOfAna(t *testing.T, db *storage.DB) (public, private int64) {
	t.Helper()
	ana, err := db.AccountByName(t.Context(), "ana", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []struct {
		id         *int64
		visibility string
	}{{&public, storage.Public}, {&private, storage.Followers}} {
		update(t, db, func(tx *storage.Tx) error {
			post := storage.Post{AuthorID: ana.ID, HTML: "<p>bees are " + p.visibility + "</p>", Text: "bees", Visibility: p.visibility, Circle: storage.CircleNetwork}
			added := &storage.NewPost{Post: post}
			_, err := tx.AddPost(t.Context(), added)
			*p.id = added.ID
			return err
		})
	}
	return public, private
}

func TestWherePagesArePublicAStrangerSeesWhatIsPublicAndNoMore(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, func(o *web.Options) {
			o.Pages = pages.New(pages.Options{DB: db, Resolver: &federation.Resolver{DB: db}, Auth: o.Auth, Domain: "sales.test", PublicPages: true}).Routes()
		})
		public, private := postsOfAna(t, db)
		stranger := n.browser()
		stranger.get("/@ana/" + storage.FormatID(public)).is(200).says("bees are public")
		if profile := stranger.get("/@ana").is(200).says("bees are public"); strings.Contains(profile.body, "bees are followers") {
			t.Error("a post for followers is on the profile")
		}
		if to := stranger.get("/p/" + storage.FormatID(public)).is(303).Header.Get("Location"); to != "/@ana/"+storage.FormatID(public) {
			t.Errorf("the number leads to %s", to)
		}
		for _, path := range []string{"/@ana/" + storage.FormatID(private), "/@ana/112233", "/p/" + storage.FormatID(private), "/p/112233", "/@nobody"} {
			if a := stranger.get(path).is(303); !strings.HasPrefix(a.Header.Get("Location"), "/auth/sign_in?") {
				t.Errorf("%s: sent to %s", path, a.Header.Get("Location"))
			}
		}
	})
}

func TestAnOldTokenDoesNotKeepAnAppFromGettingANewOne(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		n.ask("POST", "/api/v1/apps", "client_name=x&redirect_uris="+oob, "Authorization", "Bearer revoked").is(200)
	})
}

func TestPagesSpeakTheReadersLanguage(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		b := n.browser()
		b.get("/auth/sign_in").is(200).says("Password")
		b.get("/auth/sign_in?lang=fr").is(200).says("Mot de passe")
		b.get("/auth/sign_in").is(200).says("Mot de passe")
		b.submit(b.get("/auth/sign_in"), "/auth/sign_in", url.Values{"login": {"ana"}, "password": {"wrong"}}).is(401).says("Mot de passe")
	})
}
