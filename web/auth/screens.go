package auth

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"ruche/storage"
	"ruche/web/view"
)

// This file is where what happened becomes a page.

// Show writes a page for whoever asks: in their language, with their session's token for forms.
// pages uses it too.
func (s *Server) Show(w http.ResponseWriter, r *http.Request, status int, page string, data any) error {
	req := view.Request{Locale: s.Locale(r), Path: r.URL.Path}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		req.Query = r.URL.Query()
	} else {
		req.Posted = true
	}
	if me := Account(r.Context()); me != nil {
		req.SignedIn = me.Username
	}
	for _, section := range view.Console {
		if User(r.Context()).May(section.Act) {
			req.Console = append(req.Console, section)
		}
	}
	if session := Session(r.Context()); session != nil {
		req.CSRF = session.CSRF
	}
	return s.Views.Render(w, status, page, s.site(r, req.Locale), req, data)
}

// Locale is the language for whoever asks: what they chose, else what their browser says, else the house's.
func (s *Server) Locale(r *http.Request) string {
	site := s.Site.Locale
	if u := User(r.Context()); u != nil && u.Locale != "" {
		site = u.Locale
	}
	return view.Locale(r, site)
}

// rememberLocale keeps the language that somebody chose by a link (or an app for them, by lang).
func (s *Server) rememberLocale(w http.ResponseWriter, r *http.Request) {
	if l := r.URL.Query().Get("lang"); l == "en" || l == "fr" {
		http.SetCookie(w, &http.Cookie{Name: view.LocaleCookie, Value: l, Path: "/", MaxAge: 365 * 24 * 3600,
			HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: strings.HasPrefix(s.PublicURL, "https://")})
	}
}

// say gives a sentence in the reader's language.
func (s *Server) say(r *http.Request, key string) string { return s.Views.T(s.Locale(r), key) }

// WriteErrorPage answers with an error as a page, and logs what somebody should look into.
func (s *Server) WriteErrorPage(w http.ResponseWriter, r *http.Request, err error) {
	status, text := StatusOf(err)
	LogError(r, status, err, s.Log)
	failure := view.Failure{Status: status, RequestID: w.Header().Get("X-Request-Id")}
	switch key := failureKey(status); key {
	case "error.refused":
		failure.Title, failure.Text = s.say(r, key), text
	default:
		failure.Title, failure.Text = s.say(r, key), s.say(r, key+"text")
	}
	if err := s.Show(w, r, status, "error", failure); err != nil {
		s.Log.ErrorContext(r.Context(), "error page could not be shown", "err", err)
		http.Error(w, text, status)
	}
}

// failureKey is the message that says what a status means to a person.
func failureKey(status int) string {
	switch {
	case status == http.StatusNotFound, status == http.StatusGone:
		return "error.notfound"
	case status == http.StatusForbidden:
		return "error.expired" // a form without its session's token: nothing else of a page is forbidden
	case status == http.StatusTooManyRequests:
		return "error.slow"
	case status >= http.StatusInternalServerError:
		return "error.broken"
	default:
		return "error.refused"
	}
}

type signInScreen struct {
	ReturnTo string
	Login    string
	App      *storage.App // who asks, if an app does
	Wrong    string       // message key: why it was refused
}

func (s *Server) showSignIn(w http.ResponseWriter, r *http.Request, status int, screen signInScreen) error {
	page := view.SignIn{Action: signInPath, Login: screen.Login, ReturnTo: screen.ReturnTo}
	if s.Mail {
		page.Forgot = forgotPath
	}
	how, err := s.DB.Joining(r.Context())
	if err != nil {
		return err
	}
	if how == storage.JoinApproval {
		page.Join = joinPath
	}
	if screen.App != nil {
		page.App = screen.App.Name
	}
	if screen.Wrong != "" {
		page.Error = s.say(r, screen.Wrong)
	}
	return s.Show(w, r, status, "signin", page)
}

func (s *Server) showConsent(w http.ResponseWriter, r *http.Request, a *authorization) error {
	page := view.Consent{
		Action: "/oauth/authorize", App: a.app.Name, Website: a.app.Website, Target: a.redirectURI, Redirect: formTarget(a.redirectURI),
		Account: "@" + Account(r.Context()).Username, Fields: map[string]string{},
		SignOut: "/auth/sign_out?" + url.Values{"return_to": {"/oauth/authorize?" + a.fields().Encode()}}.Encode(),
	}
	for name, values := range a.fields() {
		page.Fields[name] = values[0]
	}
	for scope := range strings.FieldsSeq(a.scopes) {
		if grant := (view.Grant{Key: scopeKey(scope)}); !slices.Contains(page.Grants, grant) {
			page.Grants = append(page.Grants, grant)
		}
	}
	return s.Show(w, r, http.StatusOK, "consent", page)
}

// scopeKey is the message that says what a scope lets an app do.
func scopeKey(scope string) string {
	switch {
	case strings.HasPrefix(scope, "admin:"):
		return "scope.admin"
	case strings.Contains(scope, ":"):
		return "scope.part"
	default:
		return "scope." + scope
	}
}

func (s *Server) showCodePage(w http.ResponseWriter, r *http.Request, app *storage.App, code string) error {
	return s.Show(w, r, http.StatusOK, "code", view.Code{App: app.Name, Code: code})
}

// showAccount is the page of one's own account; saved and wrong are message keys.
func (s *Server) showAccount(w http.ResponseWriter, r *http.Request, status int, saved, wrong string) error {
	me := Account(r.Context())
	apps, err := s.appsOf(r)
	if err != nil {
		return err
	}
	signIns, err := s.signInsOf(r)
	if err != nil {
		return err
	}
	browsers, err := s.browsersOf(r)
	if err != nil {
		return err
	}
	codesLeft, err := s.DB.RecoveryCodesLeft(r.Context(), me.ID)
	if err != nil {
		return err
	}
	factor, err := s.DB.SecondFactor(r.Context(), me.ID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	page := view.Account{
		Browsers: browsers, MayMail: s.Mail, Email: User(r.Context()).Email, PendingEmail: User(r.Context()).PendingEmail,
		Factor: factor != nil && !factor.ConfirmedAt.IsZero(), CodesLeft: codesLeft,
		SignIns: signIns,
		Name:    me.DisplayName, Handle: "@" + me.Username + "@" + s.Site.Domain, Department: me.Department,
		Server: strings.TrimPrefix(strings.TrimPrefix(s.BaseURL(r), "https://"), "http://"),
		Apps:   apps, RevokeAction: "/auth/apps/revoke", PasswordAction: "/auth/password", SignOutAction: "/auth/sign_out",
	}
	if page.Name == "" {
		page.Name = me.Username
	}
	if saved != "" {
		page.Saved = s.say(r, saved)
	}
	if wrong != "" {
		page.Error = s.say(r, wrong)
	}
	return s.Show(w, r, status, "account", page)
}
