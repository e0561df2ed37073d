package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"ruche/storage"
)

// sessionLife is how long a browser stays signed in.
const sessionLife = 14 * 24 * time.Hour

// CSRFField is the name under which every form sends back its session's token.
const CSRFField = "csrf"

// Browser finds out whose browser asks, by the cookie of a session, and guards what a page of
// another site could make a browser do: a request that changes something comes from our own
// pages (CrossOriginProtection reads Sec-Fetch-Site or Origin) and brings the session's token.
// Tokens of apps count for nothing here, and sessions for nothing in the API.
func (s *Server) Browser(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, err := s.bySession(r)
		if err != nil {
			s.WriteErrorPage(w, r, err)
			return
		}
		house, err := s.DB.House(r.Context())
		if err != nil {
			s.WriteErrorPage(w, r, err)
			return
		}
		r = r.WithContext(context.WithValue(who.in(r.Context()), houseKey{}, house))
		s.rememberLocale(w, r)
		if house.Asks(who.user) && who.account.MayAct() && r.URL.Path != charterPath && r.URL.Path != "/auth/sign_out" {
			s.toCharter(w, r)
			return
		}
		if who.account != nil && !who.account.MayAct() && !openToHeld[r.URL.Path] {
			http.Redirect(w, r, warningsPath, http.StatusSeeOther)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			form, err := s.ownForm(r)
			defer RemoveFiles(r)
			if err != nil {
				s.WriteErrorPage(w, r, err)
				return
			}
			r = r.WithContext(context.WithValue(r.Context(), formKey{}, form))
		}
		next.ServeHTTP(w, r)
	})
}

// ownForm reads a form and makes sure that a page of ours sent it. Who signs in has no session
// yet, or an old one in a forgotten tab: there the origin decides alone.
func (s *Server) ownForm(r *http.Request) (*Values, error) {
	const stale = "This form is too old or comes from elsewhere: go back, load the page again and retry"
	if err := s.crossOrigin.Check(r); err != nil {
		return nil, Fail(http.StatusForbidden, stale)
	}
	form, err := Params(r)
	if err != nil {
		return nil, err
	}
	session := Session(r.Context())
	if session == nil || strings.HasPrefix(r.URL.Path, signInPath) {
		return form, nil
	}
	if subtle.ConstantTimeCompare([]byte(form.Str(CSRFField)), []byte(session.CSRF)) != 1 {
		return nil, Fail(http.StatusForbidden, stale)
	}
	return form, nil
}

// bySession gives the identity behind a request's cookie; an unknown or expired one, or one of
// an account that is gone, is nobody's.
func (s *Server) bySession(r *http.Request) (identity, error) {
	cookie, err := r.Cookie(s.cookie)
	if err != nil || cookie.Value == "" {
		return identity{}, nil
	}
	ctx := r.Context()
	session, err := s.DB.SessionBySecret(ctx, cookie.Value)
	if errors.Is(err, storage.ErrNotFound) {
		return identity{}, nil
	}
	if err != nil {
		return identity{}, err
	}
	account, user, err := s.person(ctx, session.AccountID)
	if errors.Is(err, storage.ErrNotFound) || err == nil && !account.DeletedAt.IsZero() {
		return identity{}, nil
	}
	return identity{account: account, user: user, session: session}, err
}

// newSession makes the row of a session and the secret that its browser keeps.
func (s *Server) newSession(account int64) (*storage.Session, string) {
	secret := storage.NewSecret()
	return &storage.Session{Hash: storage.HashSecret(secret), AccountID: account, CSRF: storage.NewSecret(), ExpiresAt: s.DB.Now().Add(sessionLife)}, secret
}

// setCookie hands a session to the browser; an empty secret takes it away.
func (s *Server) setCookie(w http.ResponseWriter, secret string) {
	c := &http.Cookie{
		Name: s.cookie, Value: secret, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: strings.HasPrefix(s.PublicURL, "https://"), MaxAge: int(sessionLife.Seconds()),
	}
	if secret == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// localPath keeps a return address only if it stays on this node: a path, nothing that a browser
// could read as another host.
func localPath(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(to, "/") ||
		strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
		return ""
	}
	return to
}

// SignInURL is where a page sends somebody who has to sign in first, to come back afterwards.
func SignInURL(returnTo string) string {
	return signInPath + "?" + url.Values{"return_to": {returnTo}}.Encode()
}
