// Package web is what a browser, an app or another node reaches: one router, and around it what
// every request needs.
//
// The packages that answer list their routes as data; this one mounts them: the client API with
// tokens and JSON, the pages with sessions and HTML, the federation as it is. A request gets an
// id, passes the host check, headers and limits, finds its route and its person, and whatever
// goes wrong on the way is answered in the form that the caller reads: JSON or a page. gorilla/mux
// is used in this file only, so that another router could take its place.
//
// What must never happen: a panic that reaches a client, an answer to a host that isn't ours, an
// error that tells a stranger what is stored.
package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"

	"ruche/federation"
	"ruche/storage"
	"ruche/web/auth"
)

// Options are what a Web mounts and what it needs for that.
type Options struct {
	Auth *auth.Server
	// API is the client API: tokens, JSON.
	API []auth.Route
	// Pages are for browsers: sessions, HTML.
	Pages []auth.Route
	// Federation is what peers ask and tell, media included: both listeners have it.
	Federation []federation.Route
	// Files are whole folders that answer by themselves, such as "/assets/": main listener only.
	Files map[string]http.Handler

	DB  *storage.DB
	Log *slog.Logger
	// Metrics, if set, gets the figures of requests, and is what MetricsHandler shows.
	Metrics *prometheus.Registry
	// MetricsHere shows the metrics on the main listener too, to this machine.
	MetricsHere bool
	// Ready says what is still missing beside the database; nil: nothing ever.
	Ready func(ctx context.Context) error

	PublicURL string // https://host, no slash at the end
	// Domain is what stands after the @: peers may ask for it where it isn't the host.
	Domain         string
	TrustedProxies []netip.Prefix
	RateLimits     bool
	// Now is the clock of the limits; nil means time.Now.
	Now func() time.Time
}

// Web answers everything that a node is asked over HTTP.
type Web struct {
	opt       Options
	hosts     map[string]bool
	figures   *figures
	byToken   *auth.Limiter
	byAddress *auth.Limiter
}

// New makes a Web.
func New(opt Options) *Web {
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	opt.PublicURL = strings.TrimSuffix(opt.PublicURL, "/")
	w := &Web{opt: opt, hosts: map[string]bool{}, figures: newFigures(opt.Metrics)}
	if host, err := federation.HostOf(opt.PublicURL); err == nil {
		w.hosts[host] = true
	}
	if host, err := federation.NormalizeHost(opt.Domain); err == nil {
		w.hosts[host] = true
	}
	if opt.RateLimits {
		// Mastodon's 300 per token; of an address more, since a company shares one.
		w.byToken = auth.NewLimiter(300, limitPeriod, opt.Now)
		w.byAddress = auth.NewLimiter(1500, limitPeriod, opt.Now)
	}
	return w
}

// Main is the handler of the main listener: everything.
func (w *Web) Main() http.Handler {
	router := newRouter()
	w.mountFederation(router)
	for _, r := range w.opt.Auth.Routes() {
		// Where tokens are given, one that an app still holds counts for nothing, good or bad.
		mount(router, r.Method, r.Path, w.limitStrangers(w.json(r)))
	}
	for _, r := range w.opt.API {
		mount(router, r.Method, r.Path, w.opt.Auth.Authenticate(w.limitApps(w.json(r))))
	}
	for _, r := range append(w.opt.Auth.Pages(), w.opt.Pages...) {
		mount(router, r.Method, r.Path, w.page(r))
	}
	for prefix, files := range w.opt.Files {
		router.PathPrefix(prefix).Methods(http.MethodGet, http.MethodHead).Handler(files)
	}
	w.mountLost(router)
	return w.around(router, w.opt.MetricsHere)
}

// Federation is the handler of the second listener: what peers need and nothing else.
func (w *Web) Federation() http.Handler {
	router := newRouter()
	w.mountFederation(router)
	w.mountLost(router)
	return w.around(router, false)
}

func newRouter() *mux.Router {
	// A path is taken as it came: redirecting to a cleaner one turns a POST into a GET.
	return mux.NewRouter().SkipClean(true)
}

// mount adds a route. HEAD works where GET does; the handler finds {id} by r.PathValue.
func mount(router *mux.Router, method, path string, h http.Handler) {
	methods := []string{method}
	if method == http.MethodGet {
		methods = append(methods, http.MethodHead)
	}
	router.Path(path).Methods(methods...).HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range mux.Vars(r) {
			r.SetPathValue(name, value)
		}
		if route := mux.CurrentRoute(r); route != nil {
			noteRoute(r, path)
		}
		h.ServeHTTP(w, r)
	})
}

func (w *Web) mountFederation(router *mux.Router) {
	for _, r := range w.opt.Federation {
		h := http.Handler(r.Handler)
		if strings.HasPrefix(r.Path, "/.well-known/") || strings.HasPrefix(r.Path, "/peering") {
			h = w.limitStrangers(h)
		}
		mount(router, r.Method, r.Path, h)
	}
}

// mountLost answers what no route does.
func (w *Web) mountLost(router *mux.Router) {
	router.NotFoundHandler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.fail(rw, r, auth.NotFound())
	})
	router.MethodNotAllowedHandler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Allow", strings.Join(allowed(router, r), ", "))
		w.fail(rw, r, auth.Fail(http.StatusMethodNotAllowed, "This address is not for "+r.Method))
	})
}

// allowed lists the methods that a path has.
func allowed(router *mux.Router, r *http.Request) []string {
	var methods []string
	for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		try := r.Clone(r.Context())
		try.Method = m
		var match mux.RouteMatch
		if router.Match(try, &match) && match.MatchErr == nil {
			methods = append(methods, m)
		}
	}
	return methods
}

// json wraps a route for apps: may they, and errors as JSON.
func (w *Web) json(route auth.Route) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		defer auth.RemoveFiles(r)
		err := auth.Allow(r.Context(), route.Scope)
		if err == nil {
			err = route.Handler(rw, r)
		}
		if err != nil {
			w.answer(rw, r, err, func() {
				auth.Challenge(rw, err)
				auth.WriteError(rw, r, err, w.opt.Log)
			})
		}
	})
}

// page wraps a route for browsers. A route that isn't public leads strangers to the sign-in page
// before anything is looked up, so that they learn nothing of what exists.
func (w *Web) page(route auth.Route) http.Handler {
	return w.opt.Auth.Browser(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if route.Scope != auth.Public && auth.Account(r.Context()) == nil {
			back := "/"
			if r.Method == http.MethodGet || r.Method == http.MethodHead {
				back = r.URL.RequestURI()
			}
			http.Redirect(rw, r, auth.SignInURL(back), http.StatusSeeOther)
			return
		}
		if err := route.Handler(rw, r); err != nil {
			w.answer(rw, r, err, func() { w.opt.Auth.WriteErrorPage(rw, r, err) })
		}
	}))
}

// answer writes an error unless the handler had begun to answer: then it can only be logged.
func (w *Web) answer(rw http.ResponseWriter, r *http.Request, err error, write func()) {
	if begun(rw) {
		status, _ := auth.StatusOf(err)
		auth.LogError(r, status, err, w.opt.Log)
		return
	}
	write()
}

// fail answers outside any route, in the form that the caller reads.
func (w *Web) fail(rw http.ResponseWriter, r *http.Request, err error) {
	if wantsPage(r) {
		w.opt.Auth.WriteErrorPage(rw, r, err)
		return
	}
	auth.WriteError(rw, r, err, w.opt.Log)
}

// wantsPage says whether a person at a browser waits, and not a program.
func wantsPage(r *http.Request) bool {
	for _, name := range []string{"api", "oauth", ".well-known", "nodeinfo", "inbox", "users", "peering", "health"} {
		first, _, _ := strings.Cut(strings.TrimLeft(r.URL.Path, "/"), "/")
		if first == name && r.URL.Path != "/oauth/authorize" {
			return false
		}
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// checkReady says whether the node can do its work: the database answers, and what Ready knows.
func (w *Web) checkReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if w.opt.DB == nil {
		return errors.New("there is no database")
	}
	if err := w.opt.DB.Ping(ctx); err != nil {
		return err
	}
	if w.opt.Ready == nil {
		return nil
	}
	return w.opt.Ready(ctx)
}
