package auth

import (
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"ruche/storage"
	"ruche/web/view"
)

// Options are what a Server needs.
type Options struct {
	DB        *storage.DB
	Views     *view.Views
	Site      view.Site
	PublicURL string // https://host, no slash at the end
	// Now is the clock; nil means the database's.
	Now func() time.Time
	// RateLimits: sign-ins and registrations are limited per address and account.
	RateLimits bool
	// Mail: there is a mail server, so that people can have a link sent to them.
	Mail bool
	// ApproveFollows: those who join approve each follower.
	ApproveFollows bool
	// TrustedProxies may say where a request comes from.
	TrustedProxies []netip.Prefix
	Log            *slog.Logger
}

// Server signs people in, and lets them give apps the right to act for them.
type Server struct {
	Options
	cookie      string
	crossOrigin *http.CrossOriginProtection
	// hashing bounds how many passwords are checked at once: each takes 19 MiB and a core.
	hashing chan struct{}

	signInsByAddress *Limiter
	signInsByAccount *Limiter
	appsByAddress    *Limiter
	tokensByAddress  *Limiter

	joinsByAddress    *Limiter
	resetsByAddress   *Limiter
	resetsByLogin     *Limiter
	confirmsByAccount *Limiter
	codesByAccount    *Limiter
}

// New makes a Server.
func New(opt Options) *Server {
	if opt.Now == nil {
		opt.Now = opt.DB.Now
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	opt.PublicURL = strings.TrimSuffix(opt.PublicURL, "/")
	s := &Server{Options: opt, cookie: cookieName(opt.PublicURL), crossOrigin: http.NewCrossOriginProtection(), hashing: make(chan struct{}, 4)}
	// A proxy may give us another Host than the browser's; the public one is ours all the same.
	if err := s.crossOrigin.AddTrustedOrigin(opt.PublicURL); err != nil {
		opt.Log.Warn("public address can't be trusted as an origin", "err", err)
	}
	if opt.RateLimits {
		// A whole office may share an address; an account is one person's (Mastodon: 25 an hour).
		s.signInsByAddress = NewLimiter(100, 5*time.Minute, opt.Now)
		s.signInsByAccount = NewLimiter(25, time.Hour, opt.Now)
		s.appsByAddress = NewLimiter(100, 10*time.Minute, opt.Now)
		s.tokensByAddress = NewLimiter(300, 5*time.Minute, opt.Now)
		s.joinsByAddress = NewLimiter(30, 30*time.Minute, opt.Now)
		s.resetsByAddress = NewLimiter(30, 5*time.Minute, opt.Now)
		s.resetsByLogin = NewLimiter(5, time.Hour, opt.Now)
		s.confirmsByAccount = NewLimiter(5, time.Hour, opt.Now)
		// Ten codes of a million a quarter of an hour, three of which are right: a guess takes years.
		s.codesByAccount = NewLimiter(10, 15*time.Minute, opt.Now)
	}
	return s
}

// cookieName differs from node to node: browsers keep cookies per host without the port, and
// several nodes of a demo share localhost.
func cookieName(publicURL string) string {
	sum := sha256.Sum256([]byte(publicURL))
	return "ruche_" + hex.EncodeToString(sum[:4])
}

// Routes lists what apps ask for. The answers, errors too, are JSON.
func (s *Server) Routes() []Route {
	return []Route{
		{"POST", "/api/v1/apps", Public, s.registerApp},
		{"POST", "/oauth/token", Public, s.giveToken},
		{"POST", "/oauth/revoke", Public, s.revokeToken},
		{"GET", "/.well-known/oauth-authorization-server", Public, s.metadata},
	}
}

// Pages lists what browsers ask for: they run inside Browser, and their errors are pages.
func (s *Server) Pages() []Route {
	return []Route{
		{"GET", "/oauth/authorize", Public, s.askConsent},
		{"POST", "/oauth/authorize", Public, s.takeConsent},
		{"GET", "/oauth/authorize/native", Public, s.showCode},
		{"GET", "/auth/sign_in", Public, s.signInPage},
		{"POST", "/auth/sign_in", Public, s.signIn},
		{"POST", codePath, Public, s.signInCode},
		{"POST", "/auth/sign_out", Public, s.signOut},
		{"GET", joinPath, Public, s.joinPage},
		{"POST", joinPath, Public, s.join},
		{"GET", charterPath, AnyPerson, s.charterPage},
		{"POST", charterPath, AnyPerson, s.acceptCharter},
		{"GET", warningsPath, AnyPerson, s.warningsPage},
		{"POST", warningsPath, AnyPerson, s.appeal},
		{"GET", forgotPath, Public, s.forgotPage},
		{"POST", forgotPath, Public, s.forgot},
		{"GET", resetPath, Public, s.resetPage},
		{"POST", resetPath, Public, s.reset},
		{"GET", confirmPath, Public, s.confirmPage},
		{"POST", confirmPath, Public, s.confirm},
		{"GET", "/auth/account", Public, s.accountPage},
		{"POST", "/auth/password", Public, s.changePassword},
		{"POST", "/auth/email", Public, s.changeEmail},
		{"POST", factorPath, Public, s.beginFactor},
		{"POST", factorConfirm, Public, s.confirmFactor},
		{"POST", factorCodes, Public, s.renewCodes},
		{"POST", factorRemove, Public, s.removeFactor},
		{"POST", "/auth/sessions/end", Public, s.endBrowser},
		{"POST", "/auth/apps/revoke", Public, s.revokeApp},
		{"POST", "/auth/delete", Public, s.deleteAccount},
	}
}

// BaseURL is how this request reached the node: its public address, or localhost where somebody
// tries it out there. Links that the same client follows begin with it.
func (s *Server) BaseURL(r *http.Request) string {
	if u, err := url.Parse(s.PublicURL); err == nil && u.Host == r.Host || !Loopback(r.Host) {
		return s.PublicURL
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// Loopback says whether a Host header names this very machine: localhost, 127.0.0.1 or [::1],
// with or without a port.
func Loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.IsLoopback()
}

// address is the Limiter's key for where a request comes from.
func (s *Server) address(r *http.Request) string {
	return AddressKey(ClientIP(r, s.TrustedProxies))
}

// tooMany is the answer to a caller whom a Limiter stops.
func tooMany() error {
	return Fail(http.StatusTooManyRequests, "Too many requests: wait a few minutes")
}
