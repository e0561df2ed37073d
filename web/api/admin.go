package api

import (
	"context"
	"net/http"
	"strings"
	"unicode/utf8"

	"ruche/storage"
	"ruche/web/auth"
)

// Mastodon's admin API, as far as this product has what it is about: what moderators and admins do by an app. Each act
// goes through the door that the console and the command line use, which asks storage/permission.go and writes to
// the audit log. No person's address, network address or last activity is in any answer.

// Sizes of the admin API's pages.
const defaultAdmin, maxAdmin = 100, 200

// maxWhy bounds the reason that may stand beside any act, in characters.
const maxWhy = 1000

// staff lets those in whose role allows an act.
func (a *API) staff(act storage.Act, answer func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := a.DB.May(r.Context(), act); err != nil {
			return err
		}
		return answer(w, r)
	}
}

// reasoned reads a request, and the reason for the audit log that any act may have beside it as "why".
func reasoned(r *http.Request) (context.Context, *auth.Values, error) {
	v, err := auth.Params(r)
	if err != nil {
		return nil, nil, err
	}
	why := strings.TrimSpace(v.Str("why"))
	if utf8.RuneCountInString(why) > maxWhy {
		return nil, nil, auth.Invalid("why has more than %d characters", maxWhy)
	}
	if why == "" {
		return r.Context(), v, nil
	}
	return storage.Because(r.Context(), why), v, nil
}

// nothing is the answer for lists of what this product doesn't have: an app's page stays whole.
func nothing(w http.ResponseWriter, _ *http.Request) error { return auth.JSON(w, []string{}) }
