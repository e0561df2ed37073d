package api_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"ruche/storage"
	"ruche/storage/storagetest"
	"ruche/web/auth"
	"ruche/web/webtest"
)

// docs/clients.md lists the API from the routes themselves, so that it can't be wrong.
func TestTheDocumentListsTheRoutes(t *testing.T) {
	db := storagetest.OpenWith(t, storage.Options{URL: storagetest.SQLite(t)})
	n := webtest.Start(t, db, nil)
	var b strings.Builder
	b.WriteString(`# What apps can call

Apps speak Mastodon's client API with a node. This list is written by a test from the routes
themselves. *Token* says what a token has to hold: of several scopes one is enough; *anybody* needs none, *any token* takes an app's own,
*any person* a token of somebody. Where an admin switched public pages on, what is public in the whole network can
be read without a token as well. Everything else under ` + "`/api`" + ` answers 404 with a JSON error.

| method | path | token |
|---|---|---|
`)
	for _, r := range append(n.API.Routes(), n.Stream.Routes()...) {
		token := strings.Join(strings.Fields(r.Scope), " or ")
		switch r.Scope {
		case auth.Public:
			token = "anybody"
		case auth.AnyToken:
			token = "any token"
		case auth.AnyPerson:
			token = "any person"
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s |\n", r.Method, strings.NewReplacer(":[0-9]+", "").Replace(r.Path), token)
	}
	const path = "../../docs/clients.md"
	if *update {
		check(t, os.WriteFile(path, []byte(b.String()), 0o644))
		return
	}
	have, err := os.ReadFile(path)
	check(t, err)
	if string(have) != b.String() {
		t.Errorf("docs/clients.md isn't what the routes say: run the test with -update")
	}
}
