package storage

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// How people come to have an account. Whoever has an invitation's link makes one by themselves. Where the
// setting SettingJoin says so, anybody may ask for one: what they ask is no account yet, so that no
// timeline, peer or sign-in can know of it before somebody has approved it.

// SettingJoin says who may have an account.
const (
	SettingJoin    = "join"
	JoinInvitation = "invitation" // only who has a link; the default
	JoinApproval   = "approval"   // anybody may ask, and waits
)

// Joining is who may have an account.
func (q *Queries) Joining(ctx context.Context) (string, error) {
	how, err := q.Setting(ctx, SettingJoin)
	if how == "" {
		how = JoinInvitation
	}
	return how, err
}

// A PersonInvitation lets people make an account by themselves. Of the secret in its link only the hash is kept.
type PersonInvitation struct {
	bun.BaseModel `bun:"table:person_invitations,alias:pi"`

	ID          int64 `bun:",pk"`
	Hash        string
	Role        string
	Communities []int64 // which they join with it
	Note        string
	MaxUses     int
	Uses        int
	CreatedBy   int64 // account; 0: the command line
	CreatedAt   time.Time
	ExpiresAt   time.Time
	RevokedAt   time.Time `bun:",nullzero"`
}

// Why an invitation is worth nothing.
const (
	InvitationUnknown = "unknown"
	InvitationRevoked = "revoked"
	InvitationExpired = "expired"
	InvitationUsed    = "used"
	InvitationLapsed  = "lapsed" // who made it could no longer give it
)

// Over says why it is worth nothing any more, or "".
func (i *PersonInvitation) Over(now time.Time) string {
	switch {
	case !i.RevokedAt.IsZero():
		return InvitationRevoked
	case i.Uses >= i.MaxUses:
		return InvitationUsed
	case !now.Before(i.ExpiresAt):
		return InvitationExpired
	}
	return ""
}

// An OverError says why an invitation can't be used: one of the constants above.
type OverError struct{ Why string }

func (e *OverError) Error() string {
	return map[string]string{
		InvitationUnknown: "This is no invitation of this node: copy the whole link, or ask for another one",
		InvitationRevoked: "This invitation was taken back: ask for another one",
		InvitationExpired: "This invitation has expired: ask for another one",
		InvitationUsed:    "This invitation has been used up: ask for another one",
		InvitationLapsed:  "Whoever made this invitation may no longer invite you: ask for another one",
	}[e.Why]
}

// AddPersonInvitation keeps an invitation, and writes down who made it. May it be made: the caller asks MayInvite.
func (tx *Tx) AddPersonInvitation(ctx context.Context, i *PersonInvitation) error {
	i.ID, i.CreatedAt, i.CreatedBy = tx.NewID(tx.Now()), tx.Now(), ActorOf(ctx).AccountID
	if i.Communities == nil {
		i.Communities = []int64{}
	}
	if _, err := tx.idb.NewInsert().Model(i).Exec(ctx); err != nil {
		return fmt.Errorf("keep invitation: %w", err)
	}
	return tx.Audit(ctx, AuditEntry{Action: ActionPersonInvite, Subject: aboutInvitation(i.ID),
		After: map[string]any{"role": i.Role, "uses": i.MaxUses, "expires": i.ExpiresAt.UTC().Format(time.RFC3339), "communities": len(i.Communities), "note": i.Note}})
}

func aboutInvitation(id int64) Subject { return Subject{Kind: "invitation", ID: FormatID(id)} }

// PersonInvitations lists them, the latest first.
func (q *Queries) PersonInvitations(ctx context.Context) ([]*PersonInvitation, error) {
	var rows []*PersonInvitation
	return rows, wrap("list invitations", q.idb.NewSelect().Model(&rows).Order("pi.id DESC").Limit(200).Scan(ctx))
}

// RevokePersonInvitation ends one; ErrNotFound where there is none that is alive.
func (tx *Tx) RevokePersonInvitation(ctx context.Context, id int64) error {
	res, err := tx.idb.NewRaw("UPDATE person_invitations SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", tx.Now(), id).Exec(ctx)
	if err != nil {
		return fmt.Errorf("revoke invitation: %w", err)
	}
	if !changed(res) {
		return fmt.Errorf("invitation: %w", ErrNotFound)
	}
	return tx.Audit(ctx, AuditEntry{Action: ActionPersonRevoke, Subject: aboutInvitation(id)})
}

// PersonInvitationBySecret finds the invitation of a link, if it is good; an *OverError if it isn't.
func (q *Queries) PersonInvitationBySecret(ctx context.Context, secret string) (*PersonInvitation, error) {
	i := new(PersonInvitation)
	err := q.idb.NewSelect().Model(i).Where("pi.hash = ?", HashSecret(secret)).Scan(ctx)
	if err != nil {
		if err = notFound("invitation", err); isNotFound(err) {
			err = &OverError{InvitationUnknown}
		}
		return nil, err
	}
	if why := i.Over(q.now()); why != "" {
		return nil, &OverError{why}
	}
	// It is worth what the right of whoever made it is worth now.
	if i.CreatedBy != 0 {
		by, err := q.UserByAccount(ctx, i.CreatedBy)
		if isNotFound(err) {
			return nil, &OverError{InvitationLapsed}
		}
		if err != nil {
			return nil, err
		}
		inviter, err := q.AccountByID(ctx, i.CreatedBy)
		if err != nil {
			return nil, err
		}
		if !inviter.Active() || !by.May(ActInvite) || !MayGive(by.Role, i.Role) {
			return nil, &OverError{InvitationLapsed}
		}
	}
	return i, nil
}

// TakePersonInvitation uses an invitation once, for the account that it makes. It is asked in the
// transaction that makes the account: two people never share the last use.
func (tx *Tx) TakePersonInvitation(ctx context.Context, secret string) (*PersonInvitation, error) {
	i, err := tx.PersonInvitationBySecret(ctx, secret)
	if err != nil {
		return nil, err
	}
	res, err := tx.idb.NewRaw("UPDATE person_invitations SET uses = uses + 1 WHERE id = ? AND uses < max_uses AND revoked_at IS NULL AND expires_at > ?", i.ID, tx.Now()).Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("use invitation: %w", err)
	}
	if !changed(res) {
		return nil, &OverError{InvitationUsed}
	}
	return i, nil
}

// NoteInvited writes down that an account was made with an invitation.
func (tx *Tx) NoteInvited(ctx context.Context, a *Account, i *PersonInvitation) error {
	return tx.Audit(ctx, AuditEntry{Action: ActionPersonInvited, Subject: AboutAccount(a), After: map[string]string{"invitation": FormatID(i.ID), "role": i.Role}})
}

// A SignUp is what somebody asks who wants an account. Its id becomes the account's.
type SignUp struct {
	bun.BaseModel `bun:"table:sign_ups,alias:su"`

	ID           int64 `bun:",pk"`
	Username     string
	Email        string // lower case
	DisplayName  string
	PasswordHash string
	Locale       string
	Reason       string
	CreatedAt    time.Time
}

// AddSignUp keeps what somebody asks, under the id that it has; ErrExists where another asks for the name or the e-mail.
func (tx *Tx) AddSignUp(ctx context.Context, s *SignUp) error {
	s.CreatedAt = tx.Now()
	if _, err := tx.idb.NewInsert().Model(s).Exec(ctx); err != nil {
		return duplicate("a request for this name or this e-mail", err)
	}
	return nil
}

// SignUpByLogin finds a request by any of some usernames and e-mails.
func (q *Queries) SignUpByLogin(ctx context.Context, logins ...string) (*SignUp, error) {
	s := new(SignUp)
	names := make([]string, len(logins))
	for i, l := range logins {
		names[i] = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(l), "@"))
	}
	if err := q.idb.NewSelect().Model(s).Where("su.email IN (?) OR lower(su.username) IN (?)", bun.List(names), bun.List(names)).Limit(1).Scan(ctx); err != nil {
		return nil, notFound("request for an account", err)
	}
	return s, nil
}

// SignUpByID finds a request.
func (q *Queries) SignUpByID(ctx context.Context, id int64) (*SignUp, error) {
	s := new(SignUp)
	if err := q.idb.NewSelect().Model(s).Where("su.id = ?", id).Scan(ctx); err != nil {
		return nil, notFound("request for an account", err)
	}
	return s, nil
}

// SignUps lists who waits, by the page; the latest first.
func (q *Queries) SignUps(ctx context.Context, page Page) ([]*SignUp, error) {
	var rows []*SignUp
	return rows, wrap("list requests for accounts", page.apply(q.idb.NewSelect().Model(&rows), "su.id").Scan(ctx))
}

// CountSignUps says how many wait.
func (q *Queries) CountSignUps(ctx context.Context) (int, error) {
	n, err := q.idb.NewSelect().Model((*SignUp)(nil)).Count(ctx)
	return int(n), wrap("count requests for accounts", err)
}

// TakeSignUp ends a request, approved or not, and writes down who decided: false for the second of two who decide.
func (tx *Tx) TakeSignUp(ctx context.Context, s *SignUp, approved bool) (bool, error) {
	res, err := tx.idb.NewRaw("DELETE FROM sign_ups WHERE id = ?", s.ID).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("end request for an account: %w", err)
	}
	if !changed(res) {
		return false, nil
	}
	action := ActionAccountApprove
	if !approved {
		action = ActionAccountRefuse
		// What an app was given while its person waits.
		if _, err := tx.idb.NewRaw("DELETE FROM tokens WHERE account_id = ?", s.ID).Exec(ctx); err != nil {
			return false, fmt.Errorf("end tokens: %w", err)
		}
	}
	return true, tx.Audit(ctx, AuditEntry{Action: action, Subject: Subject{Kind: "account", ID: FormatID(s.ID), Name: "@" + s.Username, AccountID: s.ID}})
}
