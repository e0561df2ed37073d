package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"ruche/federation"
	"ruche/web/auth"
)

// limitPeriod is the stretch of time that the API's limits count in.
const limitPeriod = 5 * time.Minute

// maxBody is the backstop behind every reader's own limit.
const maxBody = auth.MaxUpload + auth.MaxBody

// around puts what every request needs around a router, outermost first: id, log, panics, probes,
// host, headers.
func (w *Web) around(router http.Handler, metricsHere bool) http.Handler {
	h := w.headers(w.visited(router))
	h = w.knownHost(h)
	h = w.probes(h, metricsHere)
	h = w.noPanic(h)
	return w.observed(h)
}

// visited says who acts, as far as a request alone tells.
func (w *Web) visited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(rw, r.WithContext(auth.Visited(r, w.opt.TrustedProxies)))
	})
}

type requestKey struct{}

// request is what is known of a request while it runs.
type request struct {
	id    string
	route string
}

func requestOf(ctx context.Context) *request {
	r, _ := ctx.Value(requestKey{}).(*request)
	return r
}

func noteRoute(r *http.Request, route string) {
	if rq := requestOf(r.Context()); rq != nil {
		rq.route = route
	}
}

// RequestID is what joins an answer (X-Request-Id) with the lines of the log; empty outside a
// request.
func RequestID(ctx context.Context) string {
	if r := requestOf(ctx); r != nil {
		return r.id
	}
	return ""
}

// LogHandler adds the request's id to every line that is logged with its context.
func LogHandler(h slog.Handler) slog.Handler { return logHandler{h} }

type logHandler struct{ slog.Handler }

func (h logHandler) Handle(ctx context.Context, rec slog.Record) error {
	if id := RequestID(ctx); id != "" {
		rec.AddAttrs(slog.String("request_id", id))
	}
	return h.Handler.Handle(ctx, rec)
}

func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logHandler{h.Handler.WithAttrs(attrs)}
}
func (h logHandler) WithGroup(name string) slog.Handler { return logHandler{h.Handler.WithGroup(name)} }

// response notes how far an answer has got. Unwrap and Flush keep streams working.
type response struct {
	http.ResponseWriter
	status int
}

func (w *response) WriteHeader(status int) {
	if w.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

func (w *response) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func begun(rw http.ResponseWriter) bool {
	w, ok := rw.(*response)
	return ok && w.status != 0
}

// observed gives the request its id, bounds its body, and notes how it went: at debug level, since
// what people read is nobody's business.
func (w *Web) observed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		began := time.Now()
		rq := &request{id: newRequestID(), route: "none"}
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, rq))
		rw.Header().Set("X-Request-Id", rq.id)
		out := &response{ResponseWriter: rw}
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = http.MaxBytesReader(rw, r.Body, maxBody)
		}
		defer func() {
			took := time.Since(began)
			if out.status == 0 {
				out.status = http.StatusOK
			}
			w.figures.observe(r.Method, rq.route, out.status, took)
			w.opt.Log.DebugContext(r.Context(), "request", "method", r.Method, "path", r.URL.Path, "route", rq.route, "status", out.status, "took", took)
		}()
		next.ServeHTTP(out, r)
	})
}

func newRequestID() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// noPanic turns a panic into a 500 and a line in the log with its stack.
func (w *Web) noPanic(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler { // the way to hang up on purpose
				panic(p)
			}
			w.opt.Log.ErrorContext(r.Context(), "handler panicked", "method", r.Method, "path", r.URL.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			if begun(rw) {
				panic(http.ErrAbortHandler) // half an answer must not look whole
			}
			w.fail(rw, r, auth.Fail(http.StatusInternalServerError, "Something went wrong here; the log of this node says what"))
		}()
		next.ServeHTTP(rw, r)
	})
}

// knownHost refuses names that aren't ours: behind one, a browser would take this node for
// somebody else's (DNS rebinding), and links would lead there. localhost is for who tries the
// node out on its machine.
func (w *Web) knownHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		host, err := federation.NormalizeHost(r.Host)
		if (err != nil || !w.hosts[host]) && !auth.Loopback(r.Host) {
			w.opt.Log.WarnContext(r.Context(), "request for another host refused", "host", r.Host)
			auth.WriteError(rw, r, auth.Fail(http.StatusMisdirectedRequest, "This is "+w.opt.PublicURL+", and it answers to no other name. A proxy before it has to pass on the Host header."), w.opt.Log)
			return
		}
		next.ServeHTTP(rw, r)
	})
}

// openTo are the paths that scripts of any site may call: what they need to act is a token, and
// cookies count for nothing there.
var openTo = []string{"/api/", "/oauth/token", "/oauth/revoke", "/nodeinfo", "/.well-known/", "/media/"}

func crossOrigin(path string) bool {
	for _, prefix := range openTo {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

// headers sets what every answer carries, answers preflights, and forgives a slash at the end of
// a path.
func (w *Web) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		h := rw.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		// Pages bring their own policy (package view); whatever isn't a page loads nothing.
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		if strings.HasPrefix(w.opt.PublicURL, "https://") && !auth.Loopback(r.Host) {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if crossOrigin(r.URL.Path) {
			h.Set("Access-Control-Allow-Origin", "*")
			h.Set("Access-Control-Expose-Headers", "Link, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-Id")
			if r.Method == http.MethodOptions {
				h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
				h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key")
				h.Set("Access-Control-Max-Age", "86400")
				rw.WriteHeader(http.StatusNoContent)
				return
			}
		}
		next.ServeHTTP(rw, withoutSlash(r))
	})
}

// withoutSlash takes the slash off the end of a path. RequestURI keeps it, since signatures
// cover what was sent.
func withoutSlash(r *http.Request) *http.Request {
	path := strings.TrimSuffix(r.URL.Path, "/")
	if path == "" || path == r.URL.Path || strings.HasSuffix(path, "/") {
		return r
	}
	out := r.WithContext(r.Context())
	out.URL = new(url.URL)
	*out.URL = *r.URL
	out.URL.Path, out.URL.RawPath = path, strings.TrimSuffix(r.URL.RawPath, "/")
	return out
}

// limitApps counts what a token, or an address without one, asks of the API, and says so in
// Mastodon's headers.
func (w *Web) limitApps(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var verdict auth.Verdict
		if token := auth.Token(r.Context()); token != nil {
			verdict = w.byToken.Take(strconv.FormatInt(token.ID, 10))
		} else {
			verdict = w.byAddress.Take(w.address(r))
		}
		w.judged(rw, r, verdict, next)
	})
}

// limitStrangers counts what an address asks without saying who it is.
func (w *Web) limitStrangers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.judged(rw, r, w.byAddress.Take(w.address(r)), next)
	})
}

func (w *Web) address(r *http.Request) string {
	return auth.AddressKey(auth.ClientIP(r, w.opt.TrustedProxies))
}

func (w *Web) judged(rw http.ResponseWriter, r *http.Request, v auth.Verdict, next http.Handler) {
	if v.Limit > 0 {
		h := rw.Header()
		h.Set("X-RateLimit-Limit", strconv.Itoa(v.Limit))
		h.Set("X-RateLimit-Remaining", strconv.Itoa(v.Remaining))
		h.Set("X-RateLimit-Reset", v.Reset.UTC().Format("2006-01-02T15:04:05.000000Z"))
	}
	if !v.OK {
		rw.Header().Set("Retry-After", strconv.Itoa(int(limitPeriod.Seconds())))
		auth.WriteError(rw, r, auth.Fail(http.StatusTooManyRequests, "Too many requests"), w.opt.Log)
		return
	}
	next.ServeHTTP(rw, r)
}
