// Package api is what an app reaches: the client API of Mastodon, as the apps of the fediverse
// speak it.
//
// routes.go lists every way in with the scope that it needs. A handler reads what was asked, calls
// one act of the outbox or one question of storage, and writes entities: the files entity_*.go
// are the only place where our words become Mastodon's, and load.go the only one that gathers
// what a page of them needs, in as many queries for forty posts as for one. To add an endpoint,
// write its handler in the file of its resource and one line in routes.go; the test that walks the
// routes covers it from then on.
//
// What must never happen: an answer that shows what storage's visibility doesn't allow its reader,
// or one that tells whether something exists that they may not see: both are 404.
package api

import (
	"log/slog"
	"net/http"
	"strings"

	"ruche/federation"
	"ruche/federation/peering"
	"ruche/outbox"
	"ruche/outbox/moderation"
	"ruche/storage"
	"ruche/web/auth"
)

// Options are what the API needs.
type Options struct {
	DB       *storage.DB
	Outbox   *outbox.Outbox
	Resolver *federation.Resolver
	Auth     *auth.Server // knows the address that a request came to, and the pictures of the house
	Desk     *moderation.Desk
	Peering  *peering.Peering

	Domain    string // what stands after the @
	PublicURL string
	Name      string // the entity's
	Version   string // Ruche's own
	Locale    string // en or fr
	// PublicPages: what is public in the whole network can be read without a token.
	PublicPages bool
	Log         *slog.Logger
}

// API answers apps.
type API struct {
	Options
	caches caches
}

// New makes an API.
func New(opt Options) *API {
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	opt.PublicURL = strings.TrimSuffix(opt.PublicURL, "/")
	return &API{opt, newCaches()}
}

// pathID is the id in a route's address.
func pathID(r *http.Request) int64 { return storage.ParseID(r.PathValue("id")) }

// empty is the answer that says nothing but that it was done.
func empty(w http.ResponseWriter) error { return auth.JSON(w, struct{}{}) }

// id writes an id as apps read it.
func id(n int64) string { return storage.FormatID(n) }

// optID writes an id that may be absent.
func optID(n int64) *string {
	if n == 0 {
		return nil
	}
	s := id(n)
	return &s
}

// opt gives nil for an empty text.
func opt(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
