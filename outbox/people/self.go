package people

import (
	"context"
	"net/mail"
	"strings"
	"time"

	"ruche/storage"
)

// How long a mailed link is good.
const (
	ResetLife   = time.Hour
	ConfirmLife = 48 * time.Hour
)

// CheckNewPassword says why a new password can't be somebody's, as outbox.ErrInvalid; nil if it can.
func CheckNewPassword(a *storage.Account, u *storage.User, password string) error {
	n := New{Username: a.Username, Email: u.Email, Password: password}
	return n.checkPassword()
}

// SetPassword gives an account the password of a hash (HashPassword) and ends its sign-ins and mailed links.
func SetPassword(ctx context.Context, tx *storage.Tx, account int64, hash string) error {
	u, err := tx.UserByAccount(ctx, account)
	if err != nil {
		return err
	}
	u.PasswordHash, u.PasswordSetAt = hash, tx.Now()
	if err := tx.SaveUser(ctx, u); err != nil {
		return err
	}
	return tx.EndSignIns(ctx, account)
}

// NewLink makes the secret of a link for an account, good for life: MailReset to choose a password, MailConfirm to
// confirm the address email.
func NewLink(ctx context.Context, tx *storage.Tx, account int64, purpose, email string, life time.Duration) (string, error) {
	secret := storage.NewSecret()
	err := tx.AddMailToken(ctx, &storage.MailToken{Hash: storage.HashSecret(secret), AccountID: account, Purpose: purpose, Email: email, ExpiresAt: tx.Now().Add(life)})
	return secret, err
}

// ResetLink makes the secret of a link with which somebody chooses a new password; the old one is good until then.
func ResetLink(ctx context.Context, db *storage.DB, username string) (string, error) {
	secret := ""
	err := change(ctx, db, username, func(tx *storage.Tx, who *Someone) error {
		var err error
		secret, err = NewLink(ctx, tx, who.ID, storage.MailReset, "", ResetLife)
		return err
	})
	return secret, err
}

// CleanEmail brings an address into the form in which it is kept, or says that it is none, as outbox.ErrInvalid.
func CleanEmail(email string) (string, error) {
	email = strings.ToLower(strings.TrimSpace(email))
	if address, err := mail.ParseAddress(email); err != nil || address.Address != email || len(email) > maxEmail || strings.ContainsAny(email, "%,\"") {
		return "", invalid("%q is no e-mail address: give one such as name@host.", email)
	}
	return email, nil
}

// SetEmail gives an account another e-mail address, without asking anybody to confirm it.
func SetEmail(ctx context.Context, db *storage.DB, username, email string) error {
	email, err := CleanEmail(email)
	if err != nil {
		return err
	}
	return change(ctx, db, username, func(tx *storage.Tx, who *Someone) error { return tx.SetEmail(ctx, who.ID, email) })
}
