package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"ruche/storage"
)

// An oauthError is an error of RFC 6749 §5.2.
type oauthError struct {
	status      int
	code        string
	description string
}

func (e *oauthError) Error() string { return e.code + ": " + e.description }

func refuseGrant(code, description string) error {
	return &oauthError{http.StatusBadRequest, code, description}
}

// The words are those of Mastodon's answers, which apps show.
func invalidClient() error {
	return &oauthError{http.StatusUnauthorized, "invalid_client", "Client authentication failed due to unknown client, no client authentication included, or unsupported authentication method."}
}

func invalidGrant() error {
	return refuseGrant("invalid_grant", "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client.")
}

// oauthAnswer writes the errors of RFC 6749 in its own form and passes on the others.
func oauthAnswer(w http.ResponseWriter, r *http.Request, err error) error {
	var e *oauthError
	if !errors.As(err, &e) {
		return err
	}
	if e.status == http.StatusUnauthorized && r.Header.Get("Authorization") != "" {
		w.Header().Set("WWW-Authenticate", `Basic realm="Ruche"`) // §5.2
	}
	return JSONStatus(w, e.status, map[string]string{"error": e.code, "error_description": e.description})
}

// tokenEntity is what a client gets.
type tokenEntity struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	Scope       string `json:"scope"`
	CreatedAt   int64  `json:"created_at"`
}

// giveToken is POST /oauth/token.
func (s *Server) giveToken(w http.ResponseWriter, r *http.Request) error {
	noStore(w)
	if !s.tokensByAddress.Take(s.address(r)).OK {
		return tooMany()
	}
	v, err := Params(r)
	if err != nil {
		return err
	}
	answer, err := s.grant(r, v)
	if err != nil {
		return oauthAnswer(w, r, err)
	}
	return JSON(w, answer)
}

func (s *Server) grant(r *http.Request, v *Values) (*tokenEntity, error) {
	grant := v.Str("grant_type")
	switch grant {
	case "authorization_code", "client_credentials":
	case "":
		return nil, refuseGrant("invalid_request", "Missing required parameter: grant_type.")
	default:
		// The password grant among them: only our own page asks for passwords. And refresh_token: as Mastodon's, tokens live
		// until they are revoked, and none is given to refresh them with.
		return nil, refuseGrant("unsupported_grant_type", "The authorization grant type is not supported by the authorization server.")
	}
	app, err := s.client(r, v)
	if err != nil {
		return nil, err
	}
	if grant == "client_credentials" {
		return s.grantToApp(r.Context(), app, v)
	}
	return s.grantForCode(r.Context(), app, v)
}

// client finds the app that asks, by HTTP Basic or by fields (RFC 6749 §2.3.1).
func (s *Server) client(r *http.Request, v *Values) (*storage.App, error) {
	id, secret := v.Str("client_id"), v.Str("client_secret")
	if user, password, ok := r.BasicAuth(); ok {
		var err1, err2 error
		id, err1 = url.QueryUnescape(user)
		secret, err2 = url.QueryUnescape(password)
		if err1 != nil || err2 != nil {
			return nil, invalidClient()
		}
	}
	app, err := s.DB.AppByClientID(r.Context(), id)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, invalidClient()
	}
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare([]byte(storage.HashSecret(secret)), []byte(app.SecretHash)) != 1 {
		return nil, invalidClient()
	}
	return app, nil
}

func (s *Server) grantToApp(ctx context.Context, app *storage.App, v *Values) (*tokenEntity, error) {
	scopes, err := scopesFor(app, v.Str("scope"))
	if err != nil {
		return nil, err
	}
	secret := storage.NewSecret()
	t := &storage.Token{Hash: storage.HashSecret(secret), AppID: app.ID, Scopes: scopes}
	if err := s.DB.Update(ctx, func(tx *storage.Tx) error { return tx.AddToken(ctx, t) }); err != nil {
		return nil, err
	}
	return entityOf(t, secret), nil
}

// scopesFor checks the wanted scopes against those that the app registered. Nothing wanted is
// "read", as Mastodon has it, or all of the app's if it hasn't got that.
func scopesFor(app *storage.App, wanted string) (string, error) {
	clean, unknown := CleanScopes(wanted)
	if len(unknown) > 0 || !CoversAll(app.Scopes, clean) {
		return "", refuseGrant("invalid_scope", "The requested scope is invalid, unknown, or malformed.")
	}
	if clean == "" {
		if clean = app.Scopes; Covers(app.Scopes, DefaultScopes) {
			clean = DefaultScopes
		}
	}
	return clean, nil
}

func (s *Server) grantForCode(ctx context.Context, app *storage.App, v *Values) (*tokenEntity, error) {
	if v.Str("code") == "" {
		return nil, refuseGrant("invalid_request", "Missing required parameter: code.")
	}
	secret := storage.NewSecret()
	var t *storage.Token
	err := s.DB.Update(ctx, func(tx *storage.Tx) error {
		t = nil // the act may run twice
		code, err := tx.TakeCode(ctx, v.Str("code"))
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.checkRedirectHost(ctx, code.RedirectURI); err != nil {
			return nil
		}
		// A code that somebody tried in vain is used up all the same: it may have been seen.
		if code.AppID != app.ID || code.RedirectURI != v.Str("redirect_uri") || !proves(code.Challenge, v.Str("code_verifier")) {
			return nil
		}
		t = &storage.Token{Hash: storage.HashSecret(secret), AppID: app.ID, AccountID: code.AccountID, Scopes: code.Scopes}
		return tx.AddToken(ctx, t)
	})
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, invalidGrant()
	}
	return entityOf(t, secret), nil
}

// proves says whether a verifier fits the challenge (RFC 7636 §4.6). A verifier without a
// challenge is refused as well: somebody may have taken the challenge out (RFC 9700 §2.1.1).
func proves(challenge, verifier string) bool {
	if challenge == "" || verifier == "" {
		return challenge == verifier
	}
	sum := sha256.Sum256([]byte(verifier))
	got := base64.RawURLEncoding.EncodeToString(sum[:])
	return subtle.ConstantTimeCompare([]byte(got), []byte(challenge)) == 1
}

func entityOf(t *storage.Token, secret string) *tokenEntity {
	return &tokenEntity{AccessToken: secret, TokenType: "Bearer", Scope: t.Scopes, CreatedAt: t.CreatedAt.Unix()}
}

// revokeToken is POST /oauth/revoke (RFC 7009): a token that doesn't exist is as good as revoked.
func (s *Server) revokeToken(w http.ResponseWriter, r *http.Request) error {
	noStore(w)
	if !s.tokensByAddress.Take(s.address(r)).OK {
		return tooMany()
	}
	v, err := Params(r)
	if err != nil {
		return err
	}
	app, err := s.client(r, v)
	if err != nil {
		return oauthAnswer(w, r, notYours(err))
	}
	ctx := r.Context()
	token, err := s.DB.TokenBySecret(ctx, v.Str("token"))
	if errors.Is(err, storage.ErrNotFound) {
		return JSON(w, struct{}{})
	}
	if err != nil {
		return err
	}
	if token.AppID != app.ID {
		return oauthAnswer(w, r, notYours(invalidClient()))
	}
	if err := s.DB.Update(ctx, func(tx *storage.Tx) error { return tx.RevokeToken(ctx, token) }); err != nil {
		return err
	}
	return JSON(w, struct{}{})
}

// notYours is how Mastodon answers a client that may not revoke: 403, not 401.
func notYours(err error) error {
	var e *oauthError
	if errors.As(err, &e) {
		return &oauthError{http.StatusForbidden, "unauthorized_client", "You are not authorized to revoke this token"}
	}
	return err
}

// metadata is RFC 8414's description of this server.
func (s *Server) metadata(w http.ResponseWriter, r *http.Request) error {
	base := s.BaseURL(r)
	return JSON(w, map[string]any{
		"issuer":                                base,
		"authorization_endpoint":                base + "/oauth/authorize",
		"token_endpoint":                        base + "/oauth/token",
		"revocation_endpoint":                   base + "/oauth/revoke",
		"app_registration_endpoint":             base + "/api/v1/apps",
		"scopes_supported":                      AllScopes(),
		"response_types_supported":              []string{"code"},
		"response_modes_supported":              []string{"query"},
		"grant_types_supported":                 []string{"authorization_code", "client_credentials"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		"code_challenge_methods_supported":      []string{"S256"},
		"service_documentation":                 strings.TrimSuffix(base, "/") + "/",
	})
}
