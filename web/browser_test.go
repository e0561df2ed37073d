package web_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"ruche/federation"
	"ruche/outbox/people"
	"ruche/storage"
	"ruche/storage/storagetest"
	"ruche/web"
	"ruche/web/auth"
	"ruche/web/pages"
	"ruche/web/view"
)

const password = "correct horse"

// A node is the handlers of a Web over a real database.
type node struct {
	t    *testing.T
	db   *storage.DB
	main http.Handler
	fed  http.Handler
}

// start makes a node with two people, ana and luc. change may alter its options.
func start(t *testing.T, db *storage.DB, change func(*web.Options)) *node {
	t.Helper()
	hash, err := people.HashPassword(password)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ana", "luc"} {
		a := storagetest.Person(t, db, name)
		update(t, db, func(tx *storage.Tx) error {
			u, err := tx.UserByAccount(t.Context(), a.ID)
			if err != nil {
				return err
			}
			u.PasswordHash = hash
			return tx.SaveUser(t.Context(), u)
		})
	}
	site := view.Site{Name: "Sales", Domain: "sales.test", Locale: "en"}
	views, err := view.New()
	if err != nil {
		t.Fatal(err)
	}
	proxies := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	opt := web.Options{DB: db, PublicURL: storagetest.BaseURL, Domain: "sales.test", TrustedProxies: proxies, Now: db.Now, RateLimits: true}
	server := auth.New(auth.Options{DB: db, Views: views, Site: site, PublicURL: opt.PublicURL, RateLimits: true, Mail: true, TrustedProxies: proxies})
	opt.Auth = server
	opt.Pages = pages.New(pages.Options{DB: db, Resolver: &federation.Resolver{DB: db}, Auth: server, Domain: "sales.test"}).Routes()
	opt.Files = map[string]http.Handler{"/assets/": views.Assets()}
	opt.API = []auth.Route{
		{Method: "GET", Path: "/api/v1/whoami", Scope: auth.AnyPerson, Handler: func(w http.ResponseWriter, r *http.Request) error {
			return auth.JSON(w, map[string]string{"me": auth.Account(r.Context()).Username})
		}},
		{Method: "GET", Path: "/api/v1/app", Scope: auth.AnyToken, Handler: func(w http.ResponseWriter, r *http.Request) error { return auth.JSON(w, "app") }},
		{Method: "GET", Path: "/api/v1/things/{id}", Scope: "read:statuses profile", Handler: func(w http.ResponseWriter, r *http.Request) error {
			return auth.JSON(w, map[string]string{"id": r.PathValue("id")})
		}},
		{Method: "POST", Path: "/api/v1/things", Scope: "write:statuses", Handler: func(w http.ResponseWriter, r *http.Request) error { return auth.JSON(w, "made") }},
		{Method: "GET", Path: "/api/v1/open", Scope: auth.Public, Handler: func(w http.ResponseWriter, r *http.Request) error { return auth.JSON(w, "open") }},
		{Method: "GET", Path: "/api/v1/panic", Scope: auth.Public, Handler: func(http.ResponseWriter, *http.Request) error { panic("on purpose") }},
		{Method: "GET", Path: "/api/v1/broken", Scope: auth.Public, Handler: func(http.ResponseWriter, *http.Request) error { return io.ErrUnexpectedEOF }},
	}
	if change != nil {
		change(&opt)
	}
	w := web.New(opt)
	return &node{t: t, db: db, main: w.Main(), fed: w.Federation()}
}

func update(t *testing.T, db *storage.DB, fn func(*storage.Tx) error) {
	t.Helper()
	if err := db.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// An answer is a response that has been read.
type answer struct {
	t *testing.T
	*http.Response
	body string
}

func (a *answer) is(status int) *answer {
	a.t.Helper()
	if a.StatusCode != status {
		a.t.Fatalf("%s %s: %d, want %d\n%s", a.Request.Method, a.Request.URL, a.StatusCode, status, a.body)
	}
	return a
}

func (a *answer) says(texts ...string) *answer {
	a.t.Helper()
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			a.t.Errorf("%s %s doesn't say %q:\n%s", a.Request.Method, a.Request.URL, text, a.body)
		}
	}
	return a
}

func (n *node) do(h http.Handler, r *http.Request) *answer {
	n.t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	res := w.Result()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	res.Request = r
	return &answer{n.t, res, string(body)}
}

// ask sends a request as an app does; headers are pairs.
func (n *node) ask(method, path, body string, headers ...string) *answer {
	n.t.Helper()
	r := httptest.NewRequest(method, storagetest.BaseURL+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	return n.do(n.main, r)
}

// A browser keeps cookies and sends forms as they are in the page.
type browser struct {
	*node
	cookies map[string]*http.Cookie
}

func (n *node) browser() *browser { return &browser{n, map[string]*http.Cookie{}} }

func (b *browser) send(method, path string, form url.Values, headers ...string) *answer {
	b.t.Helper()
	r := httptest.NewRequest(method, storagetest.BaseURL+path, strings.NewReader(form.Encode()))
	r.Header.Set("Accept", "text/html,application/xhtml+xml")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if method == "POST" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	for _, c := range b.cookies {
		r.AddCookie(c)
	}
	a := b.do(b.main, r)
	for _, c := range a.Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
			continue
		}
		b.cookies[c.Name] = c
	}
	return a
}

func (b *browser) get(path string) *answer { b.t.Helper(); return b.send("GET", path, nil) }

// submit sends the form of a page that has this action, with some fields filled in.
func (b *browser) submit(page *answer, action string, fill url.Values) *answer {
	b.t.Helper()
	form := fieldsOf(b.t, page.body, action)
	for k, v := range fill {
		form[k] = v
	}
	return b.send("POST", action, form)
}

func (b *browser) signIn(login string) *answer {
	b.t.Helper()
	return b.submit(b.get("/auth/sign_in"), "/auth/sign_in", url.Values{"login": {login}, "password": {password}}).is(http.StatusSeeOther)
}

// fieldsOf reads the inputs of the form with an action, as a browser would send them before
// anybody typed.
func fieldsOf(t *testing.T, page, action string) url.Values {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var form *html.Node
	for n := range doc.Descendants() {
		if n.Data == "form" && attr(n, "action") == action && strings.EqualFold(attr(n, "method"), "post") {
			form = n
			break
		}
	}
	if form == nil {
		t.Fatalf("the page has no form for %s:\n%s", action, page)
	}
	fields := url.Values{}
	for n := range form.Descendants() {
		if kind := attr(n, "type"); n.Data == "input" && attr(n, "name") != "" && kind != "submit" && kind != "checkbox" {
			fields.Add(attr(n, "name"), attr(n, "value"))
		}
	}
	return fields
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
