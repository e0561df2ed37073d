package api

import (
	"net/http"
	"strings"

	"ruche/web/auth"
)

// confirmEmail is POST /api/v1/emails/confirmations: the link to confirm an address is sent again, and to no other address. Mastodon lets
// an app name another one; here an address is what a password is reset by, and is changed on one's own page alone, with the password.
func (a *API) confirmEmail(w http.ResponseWriter, r *http.Request) error {
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	pending := auth.User(r.Context()).PendingEmail
	if pending == "" || !a.Auth.Mail {
		return auth.Fail(http.StatusForbidden, "This method is only available while the e-mail is awaiting confirmation")
	}
	if email := strings.ToLower(strings.TrimSpace(v.Str("email"))); email != "" && email != pending {
		return auth.Invalid("email is changed on the page of your account, with your password")
	}
	if err := a.Auth.AskToConfirm(r, pending); err != nil {
		return err
	}
	return auth.JSON(w, struct{}{})
}

// emailConfirmed is GET /api/v1/emails/check_confirmation: whether no address awaits a confirmation.
func (a *API) emailConfirmed(w http.ResponseWriter, r *http.Request) error {
	return auth.JSON(w, auth.User(r.Context()).PendingEmail == "")
}
