package auth

import (
	"slices"
	"strings"
)

// followScopes are what "follow" stands for, which Mastodon keeps for old apps.
var followScopes = []string{
	"read:blocks", "write:blocks", "read:follows", "write:follows", "read:mutes", "write:mutes",
}

// scopeTree lists the scopes that an app may ask for; an empty list has no parts. Mastodon's
// documentation of OAuth scopes is the source.
var scopeTree = map[string][]string{
	"profile": nil,
	"follow":  nil,
	"push":    nil,
	"read": {"accounts", "blocks", "bookmarks", "collections", "favourites", "filters", "follows", "lists",
		"mutes", "notifications", "search", "statuses"},
	"write": {"accounts", "blocks", "bookmarks", "collections", "conversations", "favourites", "filters", "follows",
		"lists", "media", "mutes", "notifications", "reports", "statuses"},
	"admin:read": {"accounts", "reports", "domain_allows", "domain_blocks", "ip_blocks", "email_domain_blocks",
		"canonical_email_blocks"},
	"admin:write": {"accounts", "reports", "domain_allows", "domain_blocks", "ip_blocks", "email_domain_blocks",
		"canonical_email_blocks"},
}

// DefaultScopes is what an app has that asks for nothing.
const DefaultScopes = "read"

// Covers says whether the granted scopes, separated by spaces, hold the needed one: "read" covers
// "read:statuses", "follow" the relations' scopes, "admin:read" "admin:read:accounts".
func Covers(granted, needed string) bool {
	if needed == "" {
		return true
	}
	for have := range strings.FieldsSeq(granted) {
		switch {
		case have == needed, strings.HasPrefix(needed, have+":"):
			return true
		case have == "follow" && slices.Contains(followScopes, needed):
			return true
		case needed == "follow" && (have == "read" || have == "write") && Covers(granted, "read") && Covers(granted, "write"):
			return true
		}
	}
	return false
}

// CoversAll says whether every one of the wanted scopes, separated by spaces, is covered.
func CoversAll(granted, wanted string) bool {
	for w := range strings.FieldsSeq(wanted) {
		if !Covers(granted, w) {
			return false
		}
	}
	return true
}

// KnownScope says whether an app may ask for the scope at all.
func KnownScope(scope string) bool {
	if _, ok := scopeTree[scope]; ok {
		return true
	}
	cut := strings.LastIndexByte(scope, ':')
	return cut > 0 && slices.Contains(scopeTree[scope[:cut]], scope[cut+1:])
}

// CleanScopes brings scopes into one spelling: each once, separated by single spaces, in the
// order given. The second result names those that nobody knows.
func CleanScopes(scopes string) (clean string, unknown []string) {
	var kept []string
	// Some apps send "read+write" with the plus encoded, some commas.
	for s := range strings.FieldsFuncSeq(scopes, func(c rune) bool { return c == ' ' || c == '+' || c == ',' || c == '\n' || c == '\t' }) {
		switch {
		case !KnownScope(s):
			unknown = append(unknown, s)
		case !slices.Contains(kept, s):
			kept = append(kept, s)
		}
	}
	return strings.Join(kept, " "), unknown
}

// AllScopes lists every scope, sorted.
func AllScopes() []string {
	var all []string
	for scope, parts := range scopeTree {
		all = append(all, scope)
		for _, p := range parts {
			all = append(all, scope+":"+p)
		}
	}
	slices.Sort(all)
	return all
}
