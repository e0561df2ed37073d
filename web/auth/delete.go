package auth

import (
	"errors"
	"net/http"

	"ruche/outbox/people"
	"ruche/storage"
	"ruche/web/view"
)

// deleteAccount is POST /auth/delete: the person's account ends for good. Besides the password the second factor is asked for
// where there is one: whoever sits down at an open browser has neither.
func (s *Server) deleteAccount(w http.ResponseWriter, r *http.Request) error {
	form, ok, err := s.withPassword(w, r)
	if !ok || err != nil {
		return err
	}
	ctx := r.Context()
	me, code := Account(ctx), form.Str("code")
	factor, err := s.DB.SecondFactor(ctx, me.ID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	asked := err == nil && !factor.ConfirmedAt.IsZero()
	if asked && !s.codesByAccount.Take(storage.FormatID(me.ID)).OK {
		return s.showAccount(w, r, http.StatusTooManyRequests, "", "signin.slow")
	}
	right := false
	err = s.DB.Update(ctx, func(tx *storage.Tx) error {
		right = !asked // the act may run twice
		if asked {
			var err error
			if right, err = people.UseAnyCode(ctx, tx, me.ID, code); err != nil {
				return err
			}
		}
		if !right {
			return tx.NoteSignIn(ctx, me.ID, storage.SecurityRefused)
		}
		return people.Leave(ctx, tx, me.Username)
	})
	if message, refused := whyNot(err, "account.lastowner"); refused {
		return s.showAccount(w, r, http.StatusUnprocessableEntity, "", message)
	}
	if err != nil {
		return err
	}
	if !right {
		return s.showAccount(w, r, http.StatusUnauthorized, "", "secondfactor.wrong")
	}
	s.setCookie(w, "")
	noStore(w)
	gone := r.WithContext(identity{}.in(ctx)) // nobody is signed in any more
	return s.step(w, gone, http.StatusOK, "deleted", view.Step{Link: "/", LinkText: s.say(r, "deleted.link")})
}
