package auth

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"ruche/outbox/people"
	"ruche/storage"
)

const (
	signInPath  = "/auth/sign_in"
	accountPath = "/auth/account"
)

// maxLogin bounds an e-mail address or username (RFC 5321 §4.5.3.1 allows 254).
const maxLogin = 320

// signInPage is GET /auth/sign_in.
func (s *Server) signInPage(w http.ResponseWriter, r *http.Request) error {
	to := localPath(r.URL.Query().Get("return_to"))
	if Account(r.Context()) != nil {
		http.Redirect(w, r, orAccount(to), http.StatusSeeOther)
		return nil
	}
	return s.showSignIn(w, r, http.StatusOK, signInScreen{ReturnTo: to})
}

func orAccount(to string) string {
	if to == "" {
		return accountPath
	}
	return to
}

// signIn is POST /auth/sign_in. Whether the name or the password was wrong isn't said, nor to be
// measured.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) error {
	form, err := Params(r)
	if err != nil {
		return err
	}
	screen := signInScreen{ReturnTo: localPath(form.Str("return_to")), Login: firstOf(form, "login", "username", "email")}
	if len(screen.Login) > maxLogin {
		screen.Login = ""
	}
	account, err := s.checkSignIn(r, screen.Login, form.Str("password"))
	var refused *Error
	if errors.As(err, &refused) {
		s.Log.InfoContext(r.Context(), "sign-in refused", "status", refused.Status)
		if refused.Status == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "300")
		}
		screen.Wrong = whyRefused(refused)
		return s.showSignIn(w, r, refused.Status, screen)
	}
	if err != nil {
		return err
	}
	if done, err := s.askCode(w, r, account.ID, screen.ReturnTo); done || err != nil {
		return err
	}
	session, secret := s.newSession(account.ID)
	err = s.DB.Update(r.Context(), func(tx *storage.Tx) error {
		if err := s.endThis(r, tx); err != nil {
			return err
		}
		return tx.AddSession(r.Context(), session)
	})
	if err != nil {
		return err
	}
	s.setCookie(w, secret)
	http.Redirect(w, r, orAccount(screen.ReturnTo), http.StatusSeeOther)
	return nil
}

// endThis signs out who was signed in with this browser, since somebody signs in anew.
func (s *Server) endThis(r *http.Request, tx *storage.Tx) error {
	if old := Session(r.Context()); old != nil {
		return tx.EndSession(r.Context(), old)
	}
	return nil
}

// whyRefused is the sentence for a refused sign-in, by its message key.
func whyRefused(e *Error) string {
	if e == errWaiting {
		return "signin.waiting"
	}
	switch e.Status {
	case http.StatusTooManyRequests:
		return "signin.slow"
	default:
		return "signin.wrong"
	}
}

func firstOf(form *Values, keys ...string) string {
	for _, k := range keys {
		if s := strings.TrimSpace(form.Str(k)); s != "" {
			return s
		}
	}
	return ""
}

// decoyHash is checked when nobody has the name, so that the answer takes as long. No password
// has it: a key of zeros.
const decoyHash = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// checkSignIn gives the account of a login and password. The limits come before the work. Who is suspended or frozen
// may sign in, to read why and to appeal: see openToHeld.
func (s *Server) checkSignIn(r *http.Request, login, password string) (*storage.Account, error) {
	ctx := r.Context()
	if !s.signInsByAddress.Take(s.address(r)).OK {
		return nil, tooMany()
	}
	user, err := s.DB.UserByLogin(ctx, login)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	hash, key := decoyHash, "name "+strings.ToLower(strings.TrimPrefix(login, "@"))
	if user != nil {
		// Name and e-mail are one account, counted together.
		key = strconv.FormatInt(user.AccountID, 10)
		if user.PasswordHash != "" {
			hash = user.PasswordHash
		}
	}
	if !s.signInsByAccount.Take(key).OK {
		return nil, tooMany()
	}
	waits, err := s.waiting(ctx, login, user == nil)
	if err != nil {
		return nil, err
	}
	if waits != nil {
		hash = waits.PasswordHash
	}
	fits, err := s.passwordFits(ctx, hash, password)
	if err != nil {
		return nil, err
	}
	if fits && waits != nil {
		return nil, errWaiting
	}
	if !fits || user == nil {
		if err := s.noteRefused(ctx, user); err != nil {
			return nil, err
		}
		return nil, Fail(http.StatusUnauthorized, "This name and this password don't belong together")
	}
	account, err := s.DB.AccountByID(ctx, user.AccountID)
	if err != nil {
		return nil, err
	}
	if !account.DeletedAt.IsZero() {
		if err := s.noteRefused(ctx, user); err != nil {
			return nil, err
		}
		return nil, Fail(http.StatusForbidden, "Your login is currently disabled")
	}
	return account, nil
}

// errWaiting is what somebody hears who has asked for an account and isn't let in yet: only with the right password.
var errWaiting = &Error{Status: http.StatusForbidden, Text: "Your login is currently pending approval"}

// waiting finds what somebody asked for who has no account under this login.
func (s *Server) waiting(ctx context.Context, login string, nobody bool) (*storage.SignUp, error) {
	if !nobody {
		return nil, nil
	}
	w, err := s.DB.SignUpByLogin(ctx, login)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	return w, err
}

// noteRefused writes a try down that failed, for the person to see; one with a name that nobody has
// as well, so that it takes as long. Who leaves before the answer isn't spared it.
func (s *Server) noteRefused(ctx context.Context, user *storage.User) error {
	ctx = context.WithoutCancel(ctx)
	account := int64(0)
	if user != nil {
		account = user.AccountID
	}
	return s.DB.Update(ctx, func(tx *storage.Tx) error { return tx.NoteSignIn(ctx, account, storage.SecurityRefused) })
}

// passwordFits checks a password when it is its turn: memory for a few hashes, not for a crowd.
func (s *Server) passwordFits(ctx context.Context, hash, password string) (bool, error) {
	select {
	case s.hashing <- struct{}{}:
		defer func() { <-s.hashing }()
		return people.CheckPassword(hash, password), nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// signOut is POST /auth/sign_out: this browser only.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request) error {
	if session := Session(r.Context()); session != nil {
		if err := s.DB.Update(r.Context(), func(tx *storage.Tx) error { return tx.EndSession(r.Context(), session) }); err != nil {
			return err
		}
	}
	s.setCookie(w, "")
	to := localPath(r.URL.Query().Get("return_to"))
	if to == "" {
		to = "/"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}
