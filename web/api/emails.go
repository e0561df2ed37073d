package api

import (
	"net/http"

	"ruche/web/auth"
)

// confirmEmail is POST /api/v1/emails/confirmations: the link to confirm an address is sent again, to another one where
// the app says so. Which address somebody signs in with is changed on their page, with their password.
func (a *API) confirmEmail(w http.ResponseWriter, r *http.Request) error {
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	pending := auth.User(r.Context()).PendingEmail
	if pending == "" || !a.Auth.Mail {
		return auth.Fail(http.StatusForbidden, "This method is only available while the e-mail is awaiting confirmation")
	}
	if email := v.Str("email"); email != "" {
		pending = email
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
