package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// JobMail is a mail to somebody of this node. Its Args are a Mail; nothing secret stands in them: a link's
// secret is made when the mail is written.
const JobMail = "mail"

// What is mailed.
const (
	MailReset   = "reset"   // a link to choose a new password
	MailConfirm = "confirm" // a link to confirm a new e-mail address
	MailChanged = "changed" // a sign-in's password, address or second factor changed
	MailWelcome = "welcome" // a request for an account was approved
	MailRefused = "refused" // it was refused; there is no account to ask about the address
)

// A Mail says what is to be written to whom.
type Mail struct {
	Kind    string
	Login   string // MailReset: what was typed; it may be nobody's
	Account int64  // the others
	To      string // MailChanged: an address that isn't the account's any more; empty: the account's; MailRefused: who asked
	Locale  string // MailRefused
	What    string // MailChanged: the message's key ends in it
}

// SendMail queues a mail.
func (tx *Tx) SendMail(ctx context.Context, m Mail) error {
	return tx.Enqueue(ctx, NewJob{Kind: JobMail, Args: m})
}

// A MailToken is the secret of a link that was mailed. Only its hash is kept.
type MailToken struct {
	bun.BaseModel `bun:"table:mail_tokens,alias:mt"`

	Hash      string `bun:",pk"` // HashSecret of what stands in the link
	AccountID int64
	Purpose   string // MailReset or MailConfirm
	Email     string // MailConfirm: which address
	ExpiresAt time.Time
}

// AddMailToken stores the token of a link. Links of the same purpose that went to the account before are dead.
func (tx *Tx) AddMailToken(ctx context.Context, t *MailToken) error {
	if _, err := tx.idb.NewDelete().Model((*MailToken)(nil)).Where("account_id = ? AND purpose = ?", t.AccountID, t.Purpose).Exec(ctx); err != nil {
		return fmt.Errorf("forget older links: %w", err)
	}
	if _, err := tx.idb.NewInsert().Model(t).Exec(ctx); err != nil {
		return fmt.Errorf("store link: %w", err)
	}
	return nil
}

// MailTokenBySecret finds the live token of a link; ErrNotFound if it was used, has expired or never was.
func (q *Queries) MailTokenBySecret(ctx context.Context, purpose, secret string) (*MailToken, error) {
	t := new(MailToken)
	err := q.idb.NewSelect().Model(t).Where("mt.hash = ? AND mt.purpose = ? AND mt.expires_at > ?", HashSecret(secret), purpose, q.now()).Scan(ctx)
	if err != nil {
		return nil, notFound("link", err)
	}
	return t, nil
}

// TakeMailToken uses up the token of a link: a second time gives ErrNotFound.
func (tx *Tx) TakeMailToken(ctx context.Context, purpose, secret string) (*MailToken, error) {
	t, err := tx.MailTokenBySecret(ctx, purpose, secret)
	if err != nil {
		return nil, err
	}
	res, err := tx.idb.NewDelete().Model((*MailToken)(nil)).Where("hash = ?", t.Hash).Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("use link: %w", err)
	}
	if !changed(res) {
		return nil, fmt.Errorf("link: %w", ErrNotFound)
	}
	return t, nil
}

// SetEmail gives an account another e-mail address at once; ErrExists if somebody has it.
func (tx *Tx) SetEmail(ctx context.Context, account int64, email string) error {
	u, err := tx.UserByAccount(ctx, account)
	if err != nil {
		return err
	}
	switch other, err := tx.UserByLogin(ctx, email); {
	case err == nil && other.AccountID != account:
		return fmt.Errorf("e-mail %s: %w", email, ErrExists)
	case err != nil && !errors.Is(err, ErrNotFound):
		return err
	}
	u.Email, u.PendingEmail = email, ""
	if err := tx.SaveUser(ctx, u); err != nil {
		return duplicate("e-mail "+email, err)
	}
	// Links that went to the old address end with it.
	if _, err := tx.idb.NewDelete().Model((*MailToken)(nil)).Where("account_id = ?", account).Exec(ctx); err != nil {
		return fmt.Errorf("forget older links: %w", err)
	}
	if err := tx.NoteSignIn(ctx, account, SecurityEmail); err != nil {
		return err
	}
	return tx.auditOthers(ctx, u, ActionAccountEmail)
}

// auditOthers writes an act on somebody's sign-in down, unless it is a member's own doing: that is in their
// security log alone.
func (tx *Tx) auditOthers(ctx context.Context, u *User, action string) error {
	if ActorOf(ctx).AccountID == u.AccountID && !u.Staff() {
		return nil
	}
	return tx.auditAccount(ctx, u.AccountID, action, nil, nil)
}
