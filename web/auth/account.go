package auth

import (
	"errors"
	"net/http"

	"ruche/outbox/people"
	"ruche/storage"
	"ruche/web/view"
)

// accountPage is GET /auth/account: who am I here, and which apps act for me.
func (s *Server) accountPage(w http.ResponseWriter, r *http.Request) error {
	if !s.signedIn(w, r) {
		return nil
	}
	saved := ""
	if r.URL.Query().Has("changed") {
		saved = "account.passwordchanged"
	}
	if r.URL.Query().Has("mailed") {
		saved = "account.mailed"
	}
	return s.showAccount(w, r, http.StatusOK, saved, "")
}

// appsOf groups a person's tokens by app, the latest first.
func (s *Server) appsOf(r *http.Request) ([]view.AppLine, error) {
	ctx := r.Context()
	tokens, err := s.DB.TokensOf(ctx, Account(ctx).ID)
	if err != nil {
		return nil, err
	}
	var lines []view.AppLine
	place := map[int64]int{}
	for _, t := range tokens {
		i, seen := place[t.AppID]
		if !seen {
			line := view.AppLine{ID: storage.FormatID(t.AppID), Name: "ruche token"}
			app, err := s.DB.AppByID(ctx, t.AppID)
			switch {
			case err == nil:
				line.Name, line.Website = app.Name, app.Website
			case !errors.Is(err, storage.ErrNotFound): // a token made on the command line has no app
				return nil, err
			}
			i = len(lines)
			place[t.AppID] = i
			lines = append(lines, line)
		}
		lines[i].Since = t.CreatedAt // newest first, so the last one seen began it
	}
	return lines, nil
}

// browsersOf lists where a person is signed in.
func (s *Server) browsersOf(r *http.Request) ([]view.BrowserLine, error) {
	ctx := r.Context()
	sessions, err := s.DB.SessionsOf(ctx, Account(ctx).ID)
	if err != nil {
		return nil, err
	}
	lines := make([]view.BrowserLine, len(sessions))
	for i, one := range sessions {
		lines[i] = view.BrowserLine{ID: one.Hash, Name: one.Browser, Address: one.Address, Since: one.CreatedAt, This: one.Hash == Session(ctx).Hash}
	}
	return lines, nil
}

// signInsShown is how many lines of one's own sign-ins the page has.
const signInsShown = 30

// signInsOf is what happened to a person's sign-in lately, for that person.
func (s *Server) signInsOf(r *http.Request) ([]view.SignInLine, error) {
	ctx := r.Context()
	events, err := s.DB.OwnSecurityLog(ctx, Account(ctx).ID, storage.Page{Limit: signInsShown})
	if err != nil {
		return nil, err
	}
	lines := make([]view.SignInLine, len(events))
	for i, e := range events {
		lines[i] = view.SignInLine{At: e.At, What: "signins." + e.Kind, App: e.App, Address: e.Address, Reader: e.Reader, Why: e.Why}
	}
	return lines, nil
}

// revokeApp is POST /auth/apps/revoke: the app may act for this person no longer.
func (s *Server) revokeApp(w http.ResponseWriter, r *http.Request) error {
	if !s.signedIn(w, r) {
		return nil
	}
	form, err := Params(r)
	if err != nil {
		return err
	}
	app := form.Int("id", -1)
	if err := form.Err(); err != nil {
		return err
	}
	me := Account(r.Context())
	err = s.DB.Update(r.Context(), func(tx *storage.Tx) error { return tx.RevokeApp(r.Context(), me.ID, app) })
	if err != nil {
		return err
	}
	http.Redirect(w, r, accountPath, http.StatusSeeOther)
	return nil
}

// whyPasswordRefused is the sentence for a wrong current password, by its message key.
func whyPasswordRefused(e *Error) string {
	if e.Status == http.StatusTooManyRequests {
		return "signin.slow"
	}
	return "account.wrongpassword"
}

// changePassword is POST /auth/password. Every other browser and every app has to sign in again:
// a new password is what people reach for when somebody else has got in.
func (s *Server) changePassword(w http.ResponseWriter, r *http.Request) error {
	form, ok, err := s.withPassword(w, r)
	if !ok || err != nil {
		return err
	}
	ctx := r.Context()
	me := Account(ctx)
	hash, wrong, err := s.newPassword(me, User(ctx), form.Str("new"))
	if err != nil {
		return err
	}
	if wrong != "" {
		return s.showAccount(w, r, http.StatusUnprocessableEntity, "", wrong)
	}
	session, secret := s.newSession(me.ID)
	err = s.DB.Update(ctx, func(tx *storage.Tx) error {
		if err := people.SetPassword(ctx, tx, me.ID, hash); err != nil {
			return err
		}
		if err := tx.SendMail(ctx, storage.Mail{Kind: storage.MailChanged, Account: me.ID, What: "password"}); err != nil {
			return err
		}
		return tx.KeepSession(ctx, session)
	})
	if err != nil {
		return err
	}
	s.setCookie(w, secret)
	http.Redirect(w, r, accountPath+"?changed=1", http.StatusSeeOther)
	return nil
}
