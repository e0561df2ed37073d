package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// An Invitation lets one node that nobody here knows yet answer once. The secret itself is with whoever got
// the link; what is kept proves that an answer knows it.
type Invitation struct {
	bun.BaseModel `bun:"table:invitations,alias:iv"`
	ID            string    `bun:",pk" json:"id"`
	ProofKey      string    `json:"-"`
	Terms         string    `json:"terms"` // JSON of what is proposed
	Note          string    `json:"note"`
	CreatedAt     time.Time `json:"created_at"`
	ExpiresAt     time.Time `json:"expires_at"`
	UsedAt        time.Time `bun:",nullzero" json:"used_at,omitzero"`
	UsedBy        string    `json:"used_by,omitempty"`
	RevokedAt     time.Time `bun:",nullzero" json:"revoked_at,omitzero"`
	Failures      int       `json:"failures"` // answers that knew the secret and were refused
}

// InvitationFailures is how many such answers an invitation bears.
const InvitationFailures = 5

// Open says why an invitation can't be answered any more, or "".
func (i *Invitation) Open(now time.Time) string {
	switch {
	case !i.RevokedAt.IsZero():
		return "revoked"
	case !i.UsedAt.IsZero():
		return "used"
	case !now.Before(i.ExpiresAt):
		return "expired"
	case i.Failures >= InvitationFailures:
		return "failed"
	}
	return ""
}

// AddInvitation keeps an invitation.
func (tx *Tx) AddInvitation(ctx context.Context, i *Invitation) error {
	i.CreatedAt = tx.Now()
	if _, err := tx.idb.NewInsert().Model(i).Exec(ctx); err != nil {
		return duplicate("invitation", err)
	}
	return nil
}

// Invitation finds one by its id.
func (q *Queries) Invitation(ctx context.Context, id string) (*Invitation, error) {
	i := new(Invitation)
	if err := q.idb.NewSelect().Model(i).Where("iv.id = ?", id).Scan(ctx); err != nil {
		return nil, notFound("invitation", err)
	}
	return i, nil
}

// Invitations lists them, the latest first.
func (q *Queries) Invitations(ctx context.Context) ([]*Invitation, error) {
	var rows []*Invitation
	return rows, wrap("list invitations", q.idb.NewSelect().Model(&rows).OrderExpr("iv.created_at DESC, iv.id").Limit(200).Scan(ctx))
}

// UseInvitation marks it as answered by a host; false where it was answered, revoked or has expired.
func (tx *Tx) UseInvitation(ctx context.Context, id, host string) (bool, error) {
	res, err := tx.idb.NewRaw("UPDATE invitations SET used_at = ?, used_by = ? WHERE id = ? AND used_at IS NULL AND revoked_at IS NULL AND expires_at > ? AND failures < ?",
		tx.Now(), host, id, tx.Now(), InvitationFailures).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("use invitation: %w", err)
	}
	return changed(res), nil
}

// FailInvitation counts an answer that knew the secret and was refused all the same.
func (tx *Tx) FailInvitation(ctx context.Context, id string) error {
	_, err := tx.idb.NewRaw("UPDATE invitations SET failures = failures + 1 WHERE id = ?", id).Exec(ctx)
	return wrap("count failed answer", err)
}

// RevokeInvitation makes an invitation worth nothing; false where it was answered already.
func (tx *Tx) RevokeInvitation(ctx context.Context, id string) (bool, error) {
	res, err := tx.idb.NewRaw("UPDATE invitations SET revoked_at = ? WHERE id = ? AND used_at IS NULL AND revoked_at IS NULL", tx.Now(), id).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("revoke invitation: %w", err)
	}
	return changed(res), nil
}

// Roles in a comparison, and how one ends.
const (
	RoleInviter  = "inviter"  // we confirm
	RoleAnswerer = "answerer" // they confirm
	RoleRenewer  = "renewer"  // their key changed: we asked them for a new code, and confirm
	RoleRenewed  = "renewed"  // our key changed, and they confirm

	ComparisonDone    = "confirmed"
	ComparisonRefused = "refused"
)

// A Comparison is the code that two admins compare, once, within its time. There is one per host, the latest.
type Comparison struct {
	bun.BaseModel `bun:"table:comparisons,alias:cm"`
	Host          string    `bun:",pk" json:"host"`
	ID            string    `json:"id"`
	Role          string    `json:"role"`
	Invitation    string    `json:"invitation,omitempty"`
	ServiceActor  string    `json:"service_actor"`
	Fingerprint   string    `json:"fingerprint"` // of the other side's key
	Theirs        string    `json:"-"`           // what they said of themselves, JSON
	Commitment    string    `json:"-"`           // to the nonce that the answering side reveals last
	Nonce         string    `json:"-"`           // ours
	Code          string    `json:"code"`        // empty until both nonces are known
	Terms         string    `json:"-"`           // JSON: what both agreed to, seen from here
	OpenedAt      time.Time `json:"opened_at"`
	ExpiresAt     time.Time `json:"expires_at"`
	Ended         string    `json:"ended,omitempty"`
}

// SaveComparison keeps a comparison in the place of an earlier one with the host.
func (tx *Tx) SaveComparison(ctx context.Context, c *Comparison) error {
	if _, err := tx.idb.NewDelete().Model((*Comparison)(nil)).Where("host = ?", c.Host).Exec(ctx); err != nil {
		return fmt.Errorf("open comparison with %s: %w", c.Host, err)
	}
	if _, err := tx.idb.NewInsert().Model(c).Exec(ctx); err != nil {
		return fmt.Errorf("open comparison with %s: %w", c.Host, err)
	}
	tx.Publish(Event{Kind: PeerChanged, Host: c.Host})
	return nil
}

// Comparison finds the latest comparison with a host.
func (q *Queries) Comparison(ctx context.Context, host string) (*Comparison, error) {
	c := new(Comparison)
	if err := q.idb.NewSelect().Model(c).Where("cm.host = ?", host).Scan(ctx); err != nil {
		return nil, notFound("comparison with "+host, err)
	}
	return c, nil
}

// EndComparison notes how a comparison ended; false where it had ended.
func (tx *Tx) EndComparison(ctx context.Context, c *Comparison, how string) (bool, error) {
	res, err := tx.idb.NewRaw("UPDATE comparisons SET ended = ? WHERE host = ? AND id = ? AND ended = ''", how, c.Host, c.ID).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("end comparison with %s: %w", c.Host, err)
	}
	return changed(res), nil
}

// ForgetUnlinked removes the rows of hosts with which a handshake was begun and not ended in time.
func (tx *Tx) ForgetUnlinked(ctx context.Context) error {
	_, err := tx.idb.NewRaw(`DELETE FROM peers WHERE state IN (?, ?) AND NOT EXISTS (SELECT 1 FROM comparisons AS c WHERE c.host = peers.host AND c.ended = '' AND c.expires_at > ?)`,
		PeerInvited, PeerAwaiting, tx.Now()).Exec(ctx)
	return wrap("forget unlinked hosts", err)
}
