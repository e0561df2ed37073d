package auth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"ruche/storage"
)

// codeLife is how long an app has to change a code into a token (RFC 6749 §4.1.2: at most 10 minutes).
const codeLife = 10 * time.Minute

// maxState bounds what we carry through the pages for an app.
const maxState = 4096

// An authorization is what an app asks a person for. Its redirect address is one that the app
// registered.
type authorization struct {
	app         *storage.App
	redirectURI string
	scopes      string
	state       string
	challenge   string
}

// A refusal goes back to the app (RFC 6749 §4.1.2.1).
type refusal struct{ code, description string }

func (e *refusal) Error() string { return e.code + ": " + e.description }

// authorization reads a request. Without a known app and address the error is an Error, for the
// person: nobody is sent to an address that wasn't registered. Every other fault is a refusal.
func (s *Server) authorization(ctx context.Context, v *Values) (*authorization, error) {
	app, err := s.DB.AppByClientID(ctx, v.Str("client_id"))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, Fail(http.StatusBadRequest, "This app isn't known here. Remove this server from the app and add it again.")
	}
	if err != nil {
		return nil, err
	}
	a := &authorization{app: app, redirectURI: v.Str("redirect_uri"), state: v.Str("state"), challenge: v.Str("code_challenge")}
	if a.redirectURI == "" && len(app.RedirectURIs) == 1 {
		a.redirectURI = app.RedirectURIs[0]
	}
	if !slices.Contains(app.RedirectURIs, a.redirectURI) || checkRedirect(a.redirectURI) != nil {
		return nil, Fail(http.StatusBadRequest, "The app asks to be answered at an address that it didn't register.")
	}
	if err := s.checkRedirectHost(ctx, a.redirectURI); err != nil {
		return nil, err
	}
	if len(a.state) > maxState {
		a.state = ""
		return a, &refusal{"invalid_request", "The state is too long."}
	}
	if kind := v.Str("response_type"); kind != "code" {
		return a, &refusal{"unsupported_response_type", "The authorization server does not support this response type."}
	}
	if a.scopes, err = scopesFor(app, v.Str("scope")); err != nil {
		return a, &refusal{"invalid_scope", "The requested scope is invalid, unknown, or malformed."}
	}
	method := v.Str("code_challenge_method")
	if a.challenge != "" && (method != "S256" || len(a.challenge) != 43) || a.challenge == "" && method != "" {
		return a, &refusal{"invalid_request", "The code_challenge_method must be S256, with its challenge."}
	}
	return a, nil
}

// fields are what the consent form brings back.
func (a *authorization) fields() url.Values {
	f := url.Values{"response_type": {"code"}, "client_id": {a.app.ClientID}, "redirect_uri": {a.redirectURI}, "scope": {a.scopes}}
	if a.state != "" {
		f.Set("state", a.state)
	}
	if a.challenge != "" {
		f.Set("code_challenge", a.challenge)
		f.Set("code_challenge_method", "S256")
	}
	return f
}

// sendBack leads the browser to the app with an answer.
func (s *Server) sendBack(w http.ResponseWriter, r *http.Request, a *authorization, answer url.Values) error {
	if a.redirectURI == OutOfBand {
		if code := answer.Get("code"); code != "" {
			http.Redirect(w, r, "/oauth/authorize/native?"+url.Values{"code": {code}, "client_id": {a.app.ClientID}}.Encode(), http.StatusSeeOther)
			return nil
		}
		return Fail(http.StatusBadRequest, answer.Get("error_description"))
	}
	u, err := url.Parse(a.redirectURI)
	if err != nil {
		return Fail(http.StatusBadRequest, "The address of the app can't be read.")
	}
	if a.state != "" {
		answer.Set("state", a.state)
	}
	// What the app registered stays in front (RFC 6749 §3.1.2).
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += answer.Encode()
	noStore(w)
	w.Header().Set("Location", u.String())
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

func (s *Server) sendRefusal(w http.ResponseWriter, r *http.Request, a *authorization, e *refusal) error {
	return s.sendBack(w, r, a, url.Values{"error": {e.code}, "error_description": {e.description}})
}

// askConsent is GET /oauth/authorize: sign-in, then the question, every time.
func (s *Server) askConsent(w http.ResponseWriter, r *http.Request) error {
	noStore(w)
	v, err := Params(r)
	if err != nil {
		return err
	}
	a, err := s.authorization(r.Context(), v)
	var refused *refusal
	if errors.As(err, &refused) {
		return s.sendRefusal(w, r, a, refused)
	}
	if err != nil {
		return err
	}
	back := r.URL.Query()
	force := v.Bool("force_login", false)
	if back.Del("force_login"); Account(r.Context()) == nil || force {
		return s.showSignIn(w, r, http.StatusOK, signInScreen{ReturnTo: "/oauth/authorize?" + back.Encode(), App: a.app})
	}
	return s.showConsent(w, r, a)
}

// formTarget is where the consent form may lead, for the page's policy: browsers apply form-action
// to the redirects that follow a form too, and an app's page may redirect again.
func formTarget(uri string) string {
	u, err := url.Parse(uri)
	switch {
	case err != nil || uri == OutOfBand:
		return ""
	case u.Scheme == "https" || u.Scheme == "http":
		return "https: http:"
	default:
		return u.Scheme + ":"
	}
}

// takeConsent is POST /oauth/authorize: the person's answer.
func (s *Server) takeConsent(w http.ResponseWriter, r *http.Request) error {
	noStore(w)
	form, err := Params(r)
	if err != nil {
		return err
	}
	me := Account(r.Context())
	a, err := s.authorization(r.Context(), form)
	var refused *refusal
	if errors.As(err, &refused) {
		return s.sendRefusal(w, r, a, refused)
	}
	if err != nil {
		return err
	}
	if me == nil { // signed out meanwhile
		http.Redirect(w, r, SignInURL("/oauth/authorize?"+a.fields().Encode()), http.StatusSeeOther)
		return nil
	}
	// Only a plain yes is one.
	if form.Str("decision") != "allow" {
		return s.sendRefusal(w, r, a, &refusal{"access_denied", "The resource owner or authorization server denied the request."})
	}
	secret := storage.NewSecret()
	code := &storage.Code{
		Hash: storage.HashSecret(secret), AppID: a.app.ID, AccountID: me.ID, RedirectURI: a.redirectURI,
		Scopes: a.scopes, Challenge: a.challenge, ExpiresAt: s.DB.Now().Add(codeLife),
	}
	if err := s.DB.Update(r.Context(), func(tx *storage.Tx) error { return tx.AddCode(r.Context(), code) }); err != nil {
		return err
	}
	return s.sendBack(w, r, a, url.Values{"code": {secret}})
}

// showCode is the page of a code for an app that has no address.
func (s *Server) showCode(w http.ResponseWriter, r *http.Request) error {
	noStore(w)
	code := r.URL.Query().Get("code")
	// Only what can be a code is shown: this page isn't for anybody's text.
	if len(code) != 43 || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		return Fail(http.StatusBadRequest, "There is no code here.")
	}
	app, err := s.DB.AppByClientID(r.Context(), r.URL.Query().Get("client_id"))
	if err != nil {
		return err
	}
	return s.showCodePage(w, r, app, code)
}
