package auth

import (
	"encoding/base64"
	"errors"
	"net/http"
	"time"

	"ruche/outbox/people"
	"ruche/storage"
	"ruche/web/view"
)

const (
	codePath       = signInPath + "/code"
	factorPath     = "/auth/factor"
	factorConfirm  = factorPath + "/confirm"
	factorCodes    = factorPath + "/codes"
	factorRemove   = factorPath + "/remove"
	halfLife       = 10 * time.Minute // from the password to the code
	codesPerSignIn = 5                // wrong codes, after which the password is asked for again
	maxCode        = 40               // bytes: a recovery code, however it is typed
)

// askCode is what follows a right password where an account has a second factor. done is false where it has none.
func (s *Server) askCode(w http.ResponseWriter, r *http.Request, account int64, returnTo string) (done bool, err error) {
	ctx := r.Context()
	f, err := s.DB.SecondFactor(ctx, account)
	if errors.Is(err, storage.ErrNotFound) || err == nil && f.ConfirmedAt.IsZero() {
		return false, nil
	}
	if err != nil {
		return true, err
	}
	secret := storage.NewSecret()
	half := &storage.HalfSignIn{Hash: storage.HashSecret(secret), AccountID: account, ReturnTo: returnTo, ExpiresAt: s.DB.Now().Add(halfLife)}
	if err := s.DB.Update(ctx, func(tx *storage.Tx) error { return tx.AddHalfSignIn(ctx, half) }); err != nil {
		return true, err
	}
	return true, s.showCodeStep(w, r, http.StatusOK, secret, "")
}

func (s *Server) showCodeStep(w http.ResponseWriter, r *http.Request, status int, ticket, wrong string) error {
	noStore(w)
	return s.step(w, r, status, "secondfactor", view.Step{Action: codePath, Hidden: map[string]string{"ticket": ticket}, Error: wrong,
		Fields: []view.StepField{{Name: "code", Label: "secondfactor.code", Type: "text", Autocomplete: "one-time-code", Max: maxCode}}})
}

// signInCode is POST /auth/sign_in/code: the second half of a sign-in. A code counts once; wrong ones are few.
func (s *Server) signInCode(w http.ResponseWriter, r *http.Request) error {
	form, err := Params(r)
	if err != nil {
		return err
	}
	ctx := r.Context()
	ticket, code := form.Str("ticket"), form.Str("code")
	again := func(status int, why string) error { return s.showSignIn(w, r, status, signInScreen{Wrong: why}) }
	half, err := s.DB.HalfSignInBySecret(ctx, ticket)
	if errors.Is(err, storage.ErrNotFound) {
		return again(http.StatusUnauthorized, "secondfactor.again")
	}
	if err != nil {
		return err
	}
	if !s.signInsByAddress.Take(s.address(r)).OK || !s.codesByAccount.Take(storage.FormatID(half.AccountID)).OK {
		w.Header().Set("Retry-After", "900")
		return again(http.StatusTooManyRequests, "signin.slow")
	}
	session, secret := s.newSession(half.AccountID)
	right := false
	err = s.DB.Update(ctx, func(tx *storage.Tx) error {
		right = false // the act may run twice
		account, err := tx.AccountByID(ctx, half.AccountID)
		if err != nil {
			return err
		}
		if account.DeletedAt.IsZero() && len(code) <= maxCode {
			if right, err = people.UseAnyCode(ctx, tx, half.AccountID, code); err != nil {
				return err
			}
		}
		if !right {
			if err := tx.NoteSignIn(ctx, half.AccountID, storage.SecurityRefused); err != nil {
				return err
			}
			return tx.FailHalfSignIn(ctx, half, codesPerSignIn)
		}
		if err := tx.EndHalfSignIn(ctx, half); err != nil {
			return err
		}
		if err := s.endThis(r, tx); err != nil {
			return err
		}
		return tx.AddSession(ctx, session)
	})
	if errors.Is(err, storage.ErrNotFound) { // used up by another tab meanwhile
		return again(http.StatusUnauthorized, "secondfactor.again")
	}
	if err != nil {
		return err
	}
	if !right {
		if half.Failures >= codesPerSignIn {
			return again(http.StatusUnauthorized, "secondfactor.again")
		}
		return s.showCodeStep(w, r, http.StatusUnauthorized, ticket, "secondfactor.wrong")
	}
	s.setCookie(w, secret)
	http.Redirect(w, r, orAccount(half.ReturnTo), http.StatusSeeOther)
	return nil
}

// beginFactor is POST /auth/factor: a secret for the person's app, which counts once a code of it has come back.
func (s *Server) beginFactor(w http.ResponseWriter, r *http.Request) error {
	_, ok, err := s.withPassword(w, r)
	if !ok || err != nil {
		return err
	}
	ctx := r.Context()
	me := Account(ctx)
	f, err := people.NewFactor(s.Site.Name, me.Username+"@"+s.Site.Domain)
	if err != nil {
		return err
	}
	err = s.DB.Update(ctx, func(tx *storage.Tx) error { return tx.BeginSecondFactor(ctx, me.ID, f.Secret) })
	if errors.Is(err, storage.ErrExists) {
		http.Redirect(w, r, accountPath, http.StatusSeeOther)
		return nil
	}
	if err != nil {
		return err
	}
	return s.showFactor(w, r, http.StatusOK, f, "")
}

func (s *Server) showFactor(w http.ResponseWriter, r *http.Request, status int, f *people.Factor, wrong string) error {
	noStore(w)
	page := view.Step{Action: factorConfirm, Error: wrong,
		Fields: []view.StepField{{Name: "code", Label: "secondfactor.code", Type: "text", Autocomplete: "one-time-code", Max: maxCode}}}
	if f != nil {
		page.Picture, page.PictureText, page.Codes = dataPNG(base64.StdEncoding.EncodeToString(f.PNG)), s.say(r, "factor.picture"), []string{f.Secret}
	} else {
		page.Lead = s.say(r, "factor.retry")
	}
	return s.step(w, r, status, "factor", page)
}

// confirmFactor is POST /auth/factor/confirm: the first code, for which the person gets recovery codes.
func (s *Server) confirmFactor(w http.ResponseWriter, r *http.Request) error {
	if !s.signedIn(w, r) {
		return nil
	}
	form, err := Params(r)
	if err != nil {
		return err
	}
	ctx := r.Context()
	me := Account(ctx)
	if !s.codesByAccount.Take(storage.FormatID(me.ID)).OK {
		return tooMany()
	}
	shown, stored := people.NewRecoveryCodes()
	right := false
	err = s.DB.Update(ctx, func(tx *storage.Tx) error {
		right = false
		f, err := tx.SecondFactor(ctx, me.ID)
		if err != nil || !f.ConfirmedAt.IsZero() {
			return err
		}
		if right, err = people.UseFactorCode(ctx, tx, me.ID, form.Str("code")); err != nil || !right {
			return err
		}
		if err := tx.ConfirmSecondFactor(ctx, me.ID, stored); err != nil {
			return err
		}
		return tx.SendMail(ctx, storage.Mail{Kind: storage.MailChanged, Account: me.ID, What: "factor"})
	})
	if err != nil {
		return err
	}
	if !right {
		return s.showFactor(w, r, http.StatusUnprocessableEntity, nil, "secondfactor.wrong")
	}
	return s.showRecovery(w, r, shown)
}

// showRecovery shows the recovery codes, this once.
func (s *Server) showRecovery(w http.ResponseWriter, r *http.Request, codes []string) error {
	noStore(w)
	return s.step(w, r, http.StatusOK, "recovery", view.Step{Codes: codes, Link: accountPath, LinkText: s.say(r, "account.title")})
}

// renewCodes is POST /auth/factor/codes: new recovery codes in the place of the old ones.
func (s *Server) renewCodes(w http.ResponseWriter, r *http.Request) error {
	_, ok, err := s.withPassword(w, r)
	if !ok || err != nil {
		return err
	}
	ctx := r.Context()
	me := Account(ctx)
	shown, stored := people.NewRecoveryCodes()
	err = s.DB.Update(ctx, func(tx *storage.Tx) error {
		f, err := tx.SecondFactor(ctx, me.ID)
		if err == nil && f.ConfirmedAt.IsZero() {
			err = storage.ErrNotFound
		}
		if err != nil {
			return err
		}
		return tx.SetRecoveryCodes(ctx, me.ID, stored)
	})
	if err != nil {
		return err
	}
	return s.showRecovery(w, r, shown)
}

// removeFactor is POST /auth/factor/remove.
func (s *Server) removeFactor(w http.ResponseWriter, r *http.Request) error {
	_, ok, err := s.withPassword(w, r)
	if !ok || err != nil {
		return err
	}
	ctx := r.Context()
	me := Account(ctx)
	err = s.DB.Update(ctx, func(tx *storage.Tx) error {
		if err := tx.RemoveSecondFactor(ctx, me.ID); err != nil {
			return err
		}
		return tx.SendMail(ctx, storage.Mail{Kind: storage.MailChanged, Account: me.ID, What: "nofactor"})
	})
	if err != nil {
		return err
	}
	http.Redirect(w, r, accountPath, http.StatusSeeOther)
	return nil
}

// endBrowser is POST /auth/sessions/end: one of the person's browsers, or all but this one, are signed out.
func (s *Server) endBrowser(w http.ResponseWriter, r *http.Request) error {
	if !s.signedIn(w, r) {
		return nil
	}
	form, err := Params(r)
	if err != nil {
		return err
	}
	ctx := r.Context()
	which, others, this := form.Str("id"), form.Str("id") == "others", Session(ctx).Hash
	err = s.DB.Update(ctx, func(tx *storage.Tx) error {
		sessions, err := tx.SessionsOf(ctx, Account(ctx).ID)
		if err != nil {
			return err
		}
		for _, one := range sessions {
			if one.Hash == which || others && one.Hash != this {
				if err := tx.EndSession(ctx, one); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	http.Redirect(w, r, accountPath+"#browsers", http.StatusSeeOther)
	return nil
}
