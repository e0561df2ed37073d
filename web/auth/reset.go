package auth

import (
	"errors"
	"net/http"
	"strings"

	"ruche/outbox/people"
	"ruche/storage"
	"ruche/web/view"
)

const (
	forgotPath  = "/auth/forgot"
	resetPath   = "/auth/reset"
	confirmPath = "/auth/confirm"
)

// forgotPage is GET /auth/forgot: who has forgotten their password asks for a link.
func (s *Server) forgotPage(w http.ResponseWriter, r *http.Request) error {
	if !s.Mail {
		return NotFound()
	}
	return s.showForgot(w, r, http.StatusOK, "")
}

func (s *Server) showForgot(w http.ResponseWriter, r *http.Request, status int, wrong string) error {
	return s.step(w, r, status, "forgot", view.Step{Action: forgotPath, Error: wrong,
		Fields: []view.StepField{{Name: "login", Label: "signin.login", Type: "text", Autocomplete: "username", Max: maxLogin}}})
}

// forgot is POST /auth/forgot. The same is done and said whoever asks: whether there is such a person is found out by the
// job, later.
func (s *Server) forgot(w http.ResponseWriter, r *http.Request) error {
	if !s.Mail {
		return NotFound()
	}
	form, err := Params(r)
	if err != nil {
		return err
	}
	login := strings.ToLower(strings.TrimSpace(form.Str("login")))
	if login == "" || len(login) > maxLogin {
		return s.showForgot(w, r, http.StatusUnprocessableEntity, "forgot.whom")
	}
	if !s.resetsByAddress.Take(s.address(r)).OK || !s.resetsByLogin.Take(strings.TrimPrefix(login, "@")).OK {
		w.Header().Set("Retry-After", "300")
		return s.showForgot(w, r, http.StatusTooManyRequests, "signin.slow")
	}
	err = s.DB.Update(r.Context(), func(tx *storage.Tx) error {
		return tx.SendMail(r.Context(), storage.Mail{Kind: storage.MailReset, Login: login})
	})
	if err != nil {
		return err
	}
	return s.step(w, r, http.StatusOK, "forgotten", view.Step{})
}

// resetPage is GET /auth/reset?token=…: where the mailed link leads. Looking uses nothing up: mail servers look, too.
func (s *Server) resetPage(w http.ResponseWriter, r *http.Request) error {
	noStore(w)
	token := r.URL.Query().Get("token")
	if _, err := s.DB.MailTokenBySecret(r.Context(), storage.MailReset, token); err != nil {
		return s.deadLink(w, r, err)
	}
	return s.showReset(w, r, http.StatusOK, token, "")
}

func (s *Server) showReset(w http.ResponseWriter, r *http.Request, status int, token, wrong string) error {
	return s.step(w, r, status, "reset", view.Step{Action: resetPath, Hidden: map[string]string{"token": token}, Error: wrong,
		Fields: []view.StepField{{Name: "new", Label: "account.new", Type: "password", Autocomplete: "new-password", Max: people.MaxPassword, Min: people.MinPassword}}})
}

// deadLink tells a person that a link has been used or is too old; another error is passed on.
func (s *Server) deadLink(w http.ResponseWriter, r *http.Request, err error) error {
	if !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	page := view.Step{}
	if s.Mail {
		page.Link, page.LinkText = forgotPath, s.say(r, "forgot.title")
	}
	return s.step(w, r, http.StatusNotFound, "deadlink", page)
}

// reset is POST /auth/reset: the new password. Nobody is signed in by it: a second factor is still asked for.
func (s *Server) reset(w http.ResponseWriter, r *http.Request) error {
	noStore(w)
	form, err := Params(r)
	if err != nil {
		return err
	}
	ctx := r.Context()
	if !s.signInsByAddress.Take(s.address(r)).OK {
		return tooMany()
	}
	token, password := form.Str("token"), form.Str("new")
	link, err := s.DB.MailTokenBySecret(ctx, storage.MailReset, token)
	if err != nil {
		return s.deadLink(w, r, err)
	}
	account, user, err := s.person(ctx, link.AccountID)
	if err == nil && !account.Active() {
		err = storage.ErrNotFound
	}
	if err != nil {
		return s.deadLink(w, r, err)
	}
	hash, wrong, err := s.newPassword(account, user, password)
	if wrong != "" || err != nil {
		if err != nil {
			return err
		}
		return s.showReset(w, r, http.StatusUnprocessableEntity, token, wrong)
	}
	err = s.DB.Update(ctx, func(tx *storage.Tx) error {
		if _, err := tx.TakeMailToken(ctx, storage.MailReset, token); err != nil {
			return err
		}
		if err := people.SetPassword(ctx, tx, account.ID, hash); err != nil {
			return err
		}
		return tx.SendMail(ctx, storage.Mail{Kind: storage.MailChanged, Account: account.ID, What: "password"})
	})
	if err != nil {
		return s.deadLink(w, r, err)
	}
	s.setCookie(w, "")
	return s.step(w, r, http.StatusOK, "wasreset", view.Step{Link: signInPath, LinkText: s.say(r, "signin.title")})
}

// newPassword hashes one, or gives the message that says why it can't be.
func (s *Server) newPassword(a *storage.Account, u *storage.User, password string) (hash, wrong string, err error) {
	if len(password) < people.MinPassword || len(password) > people.MaxPassword {
		return "", "account.badpassword", nil
	}
	if wrong, bad := whyNot(people.CheckNewPassword(a, u, password), "account.commonpassword"); bad {
		return "", wrong, nil
	}
	hash, err = people.HashPassword(password)
	return hash, "", err
}

// changeEmail is POST /auth/email: another address, which counts once a link that is sent there has been followed.
func (s *Server) changeEmail(w http.ResponseWriter, r *http.Request) error {
	form, ok, err := s.withPassword(w, r)
	if !ok || err != nil {
		return err
	}
	if !s.Mail {
		return NotFound()
	}
	err = s.AskToConfirm(r, form.Str("email"))
	if wrong, bad := whyNot(err, "account.bademail"); bad {
		return s.showAccount(w, r, http.StatusUnprocessableEntity, "", wrong)
	}
	var refused *Error
	if errors.As(err, &refused) {
		return s.showAccount(w, r, refused.Status, "", "signin.slow")
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, accountPath+"?mailed=1", http.StatusSeeOther)
	return nil
}

// AskToConfirm notes that who acts wants another e-mail address and sends a link there. Whether somebody else has it is
// said when the link is followed: by then they have shown that it is theirs. 429 after a few; outbox.ErrInvalid for what
// is no address.
func (s *Server) AskToConfirm(r *http.Request, email string) error {
	ctx := r.Context()
	me := Account(ctx)
	email, err := people.CleanEmail(email)
	if err != nil {
		return err
	}
	if !s.confirmsByAccount.Take(storage.FormatID(me.ID)).OK {
		return tooMany()
	}
	return s.DB.Update(ctx, func(tx *storage.Tx) error {
		u, err := tx.UserByAccount(ctx, me.ID)
		if err != nil {
			return err
		}
		if u.PendingEmail = email; email == u.Email {
			u.PendingEmail = ""
		}
		if err := tx.SaveUser(ctx, u); err != nil || u.PendingEmail == "" {
			return err
		}
		return tx.SendMail(ctx, storage.Mail{Kind: storage.MailConfirm, Account: me.ID})
	})
}

// confirmPage is GET /auth/confirm?token=…: where the mailed link leads.
func (s *Server) confirmPage(w http.ResponseWriter, r *http.Request) error {
	noStore(w)
	token := r.URL.Query().Get("token")
	link, err := s.DB.MailTokenBySecret(r.Context(), storage.MailConfirm, token)
	if err != nil {
		return s.deadLink(w, r, err)
	}
	return s.step(w, r, http.StatusOK, "confirm", view.Step{Action: confirmPath, Hidden: map[string]string{"token": token}, Codes: []string{link.Email}})
}

// confirm is POST /auth/confirm: the new address counts from now on, and the old one is told.
func (s *Server) confirm(w http.ResponseWriter, r *http.Request) error {
	noStore(w)
	form, err := Params(r)
	if err != nil {
		return err
	}
	ctx := r.Context()
	err = s.DB.Update(ctx, func(tx *storage.Tx) error {
		link, err := tx.TakeMailToken(ctx, storage.MailConfirm, form.Str("token"))
		if err != nil {
			return err
		}
		u, err := tx.UserByAccount(ctx, link.AccountID)
		if err != nil {
			return err
		}
		if u.PendingEmail != link.Email {
			return storage.ErrNotFound
		}
		if err := tx.SetEmail(ctx, u.AccountID, link.Email); err != nil {
			return err
		}
		return tx.SendMail(ctx, storage.Mail{Kind: storage.MailChanged, Account: u.AccountID, To: u.Email, What: "email"})
	})
	if errors.Is(err, storage.ErrExists) {
		return s.step(w, r, http.StatusConflict, "emailtaken", view.Step{})
	}
	if err != nil {
		return s.deadLink(w, r, err)
	}
	return s.step(w, r, http.StatusOK, "confirmed", view.Step{Link: accountPath, LinkText: s.say(r, "account.title")})
}
