package auth

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"ruche/storage"
)

// streaming is where a token may stand in the address or the protocol too: a browser's WebSocket
// and EventSource can't send headers. Elsewhere an address would leave it in logs.
const streaming = "/api/v1/streaming"

const invalidToken = "The access token is invalid"

// Authenticate finds out whose token a request shows and puts Account, User and Token into its
// context. No token is nobody; a wrong one is 401 in JSON, even where none is needed, since the
// app has to know. The token is looked up each time: a revoked one ends at once.
func (s *Server) Authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secret := bearer(r)
		if secret == "" {
			next.ServeHTTP(w, r)
			return
		}
		ctx, err := s.Identify(r.Context(), secret)
		if err != nil {
			Challenge(w, err)
			WriteError(w, r, err, s.Log)
			return
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// Challenge adds the header that RFC 6750 §3 asks for beside a 401.
func Challenge(w http.ResponseWriter, err error) {
	if status, text := StatusOf(err); status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="Ruche", error="invalid_token", error_description="`+text+`"`)
	}
}

// Identify gives a context in which the owner of a token acts: 401 for a token that isn't one
// (any more), 403 for a person who is suspended or frozen.
func (s *Server) Identify(ctx context.Context, secret string) (context.Context, error) {
	token, err := s.DB.TokenBySecret(ctx, secret)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, Fail(http.StatusUnauthorized, invalidToken)
	}
	if err != nil {
		return nil, err
	}
	if token.AccountID == 0 {
		return WithToken(ctx, nil, nil, token), nil
	}
	account, user, err := s.person(ctx, token.AccountID)
	if errors.Is(err, storage.ErrNotFound) {
		// A token without an account is given to whoever asks for one: it counts once they are let in.
		return nil, errWaiting
	}
	if err != nil {
		return nil, err
	}
	if !account.MayAct() {
		return nil, Fail(http.StatusForbidden, "Your login is currently disabled")
	}
	return WithToken(ctx, account, user, token), nil
}

func (s *Server) person(ctx context.Context, id int64) (*storage.Account, *storage.User, error) {
	account, err := s.DB.AccountByID(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	user, err := s.DB.UserByAccount(ctx, id)
	return account, user, err
}

// bearer takes the token out of a request (RFC 6750 §2.1).
func bearer(r *http.Request) string {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") && strings.TrimSpace(secret) != "" {
		return strings.TrimSpace(secret)
	}
	if strings.HasPrefix(r.URL.Path, streaming) {
		if secret := r.URL.Query().Get("access_token"); secret != "" {
			return secret
		}
		return r.Header.Get("Sec-WebSocket-Protocol")
	}
	return ""
}

// Allow says whether who acts may use a route with this scope (see Route.Scope).
func Allow(ctx context.Context, scope string) error {
	if scope == Public {
		return nil
	}
	token := Token(ctx)
	scopes, open := strings.CutPrefix(scope, PublicOr)
	if open && (token == nil || coversOne(token.Scopes, scopes)) {
		return nil
	}
	if token == nil {
		return Fail(http.StatusUnauthorized, invalidToken)
	}
	if scope == AnyToken {
		return nil
	}
	if Account(ctx) == nil && !open {
		return Fail(http.StatusUnprocessableEntity, "This method requires an authenticated user")
	}
	if scope == AnyPerson {
		return nil
	}
	if coversOne(token.Scopes, scopes) {
		return nil
	}
	return Fail(http.StatusForbidden, "This action is outside the authorized scopes: it needs "+strings.Join(strings.Fields(scopes), " or "))
}

func coversOne(granted, scopes string) bool {
	for one := range strings.FieldsSeq(scopes) {
		if Covers(granted, one) {
			return true
		}
	}
	return false
}

// Require is Allow for whoever mounts a handler by itself, such as a stream.
func (s *Server) Require(scope string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := Allow(r.Context(), scope); err != nil {
				Challenge(w, err)
				WriteError(w, r, err, s.Log)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}
