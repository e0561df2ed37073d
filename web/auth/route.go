// Package auth answers two questions about every request: who is this, and may they do that.
//
// Apps show an OAuth 2 token, which a person gave them on the consent page; browsers show the
// cookie of a session, which the sign-in page gave them. Either becomes an account in the
// request's context (Account, User, Token, Session) and nothing after this package looks at
// cookies or headers again. What its siblings share is here too, because everybody needs it
// beside the account: what a route is, how bodies are read (Params), how errors are answered
// (WriteError).
//
// What must never happen: a secret that is kept in the clear or logged, a code or a token that
// works twice or after its end, an answer that tells a stranger whether somebody has an account,
// a browser led to an address that the app didn't register.
package auth

import "net/http"

// A Route is a way in. Each child of web lists its own; web mounts them on its one router.
type Route struct {
	Method string
	Path   string // with {id} as gorilla/mux writes it; the handler finds it by r.PathValue("id")
	// Scope says who may: Public, AnyToken, AnyPerson or client scopes such as "read:statuses";
	// of several, separated by spaces, one is enough.
	Scope   string
	Handler func(w http.ResponseWriter, r *http.Request) error
}

// Scopes of routes beside those that a client asks for.
const (
	Public    = ""      // everybody; who shows a token is known all the same
	AnyToken  = "token" // any token, an app's own too
	AnyPerson = "user"  // any token of a person
	// PublicOr before client scopes: everybody, but a token that is shown needs one of them.
	PublicOr = "?"
)
