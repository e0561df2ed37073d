package auth

import (
	"errors"
	"net/http"
	"strings"

	"ruche/outbox"
	"ruche/outbox/people"
	"ruche/storage"
)

// RegisterPerson is POST /api/v1/accounts: an app makes an account for its person, with an invitation, or asks for one. The
// token that it gets counts once the person is let in. Where the house has a charter, people read it before
// they come: on a page.
func (s *Server) RegisterPerson(w http.ResponseWriter, r *http.Request) error {
	noStore(w)
	ctx := r.Context()
	const scope = "write:accounts"
	with := Token(ctx)
	if !Covers(with.Scopes, scope) {
		return Fail(http.StatusForbidden, "This action is outside the authorized scopes: it needs "+scope)
	}
	v, err := Params(r)
	if err != nil {
		return err
	}
	asked := people.Request{Invitation: v.Str("invite_code"), Reason: v.Str("reason"), New: people.New{Username: v.Str("username"), Email: v.Str("email"), Password: v.Str("password"), Locked: s.ApproveFollows}}
	if locale, _, _ := strings.Cut(v.Str("locale"), "-"); locale == "fr" || locale == "en" {
		asked.Locale = locale
	}
	agreed := v.Bool("agreement", false)
	if err := v.Err(); err != nil {
		return err
	}
	for _, field := range [][2]string{{"Username", asked.Username}, {"E-mail", asked.Email}, {"Password", asked.Password}} {
		if strings.TrimSpace(field[1]) == "" {
			return Invalid("%s can't be blank", field[0])
		}
	}
	if !agreed {
		return Invalid("Agreement must be accepted")
	}
	house, err := s.DB.House(ctx)
	if err != nil {
		return err
	}
	if house.Version != "" {
		return Fail(http.StatusForbidden, "Accounts here are made on a page, where the charter is read: "+s.BaseURL(r)+joinPath)
	}
	secret := storage.NewSecret()
	var token *storage.Token
	_, err = s.Join(r, asked, func(tx *storage.Tx, j *people.Joined) error {
		token = &storage.Token{Hash: storage.HashSecret(secret), AppID: with.AppID, AccountID: j.ID, Scopes: with.Scopes}
		return tx.AddToken(ctx, token)
	})
	var over *storage.OverError
	var why *outbox.Invalid
	switch {
	case errors.Is(err, people.ErrClosed):
		return Fail(http.StatusForbidden, "Accounts here are made by invitation: ask somebody of this entity for one")
	case errors.As(err, &over):
		return Fail(http.StatusForbidden, over.Error())
	case errors.Is(err, people.ErrFull):
		return Fail(http.StatusServiceUnavailable, "Too many requests wait already: try again in a few days, or ask for an invitation")
	case errors.Is(err, storage.ErrExists):
		return Invalid("Username or e-mail has already been taken")
	case errors.As(err, &why):
		return Invalid("%s", why.Text)
	case err != nil:
		return err
	}
	return JSON(w, entityOf(token, secret))
}
