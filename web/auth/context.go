package auth

import (
	"context"

	"ruche/storage"
)

type contextKey struct{}

// identity is who a request comes from. Of an app's own token only the token is known.
type identity struct {
	account *storage.Account
	user    *storage.User
	token   *storage.Token
	session *storage.Session
}

func (i identity) in(ctx context.Context) context.Context {
	return context.WithValue(i.acting(ctx), contextKey{}, i)
}

func identityOf(ctx context.Context) identity {
	i, _ := ctx.Value(contextKey{}).(identity)
	return i
}

// Account is who acts; nil for an app's own token and for nobody.
func Account(ctx context.Context) *storage.Account { return identityOf(ctx).account }

// User is the sign-in side of who acts; nil where Account is.
func User(ctx context.Context) *storage.User { return identityOf(ctx).user }

// Token is what an app showed; nil for browsers and for nobody.
func Token(ctx context.Context) *storage.Token { return identityOf(ctx).token }

// Session is the browser's; nil for apps and for nobody.
func Session(ctx context.Context) *storage.Session { return identityOf(ctx).session }

// Viewer is the id that storage's visibility asks for: who acts, or storage.Nobody.
func Viewer(ctx context.Context) int64 {
	if a := Account(ctx); a != nil {
		return a.ID
	}
	return storage.Nobody
}

// WithToken gives a context in which an app acts: for Authenticate, and for tests of handlers.
func WithToken(ctx context.Context, a *storage.Account, u *storage.User, t *storage.Token) context.Context {
	return identity{account: a, user: u, token: t}.in(ctx)
}
