package storage

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// Roles, from most to least.
const (
	RoleOwner            = "owner"
	RoleAdmin            = "admin"
	RoleModerator        = "moderator"
	RoleCommunityManager = "community-manager"
	RoleMember           = "member"
	RoleGuest            = "guest"
)

// Roles lists every role, from most to least.
var Roles = []string{RoleOwner, RoleAdmin, RoleModerator, RoleCommunityManager, RoleMember, RoleGuest}

// A User is the sign-in side of a local account.
type User struct {
	bun.BaseModel `bun:"table:users,alias:u"`

	AccountID         int64  `bun:",pk"`
	Email             string // lower case
	PendingEmail      string // the person asked for this address instead, and hasn't confirmed it yet
	PasswordHash      string
	Role              string
	Locale            string // fr or en; empty: the node's
	DefaultVisibility string
	DefaultCircle     string
	DefaultSensitive  bool
	DefaultLanguage   string
	// DefaultQuotePolicy is who may quote their posts; empty: everybody in the post's circle.
	DefaultQuotePolicy string
	// Charter is the version of the charter that they accepted.
	Charter       string
	CreatedAt     time.Time
	PasswordSetAt time.Time
}

// UserByAccount finds the sign-in side of a local account.
func (q *Queries) UserByAccount(ctx context.Context, account int64) (*User, error) {
	u := new(User)
	if err := q.idb.NewSelect().Model(u).Where("u.account_id = ?", account).Scan(ctx); err != nil {
		return nil, notFound("user", err)
	}
	return u, nil
}

// RolesOf tells the roles of local accounts, keyed by account; plain members and guests are left out.
func (q *Queries) RolesOf(ctx context.Context, accounts []int64) (map[int64]string, error) {
	out := map[int64]string{}
	if len(accounts) == 0 {
		return out, nil
	}
	var rows []*User
	err := q.idb.NewSelect().Model(&rows).Column("account_id", "role").
		Where("u.account_id IN (?) AND u.role NOT IN (?, ?)", bun.List(accounts), RoleMember, RoleGuest).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read roles: %w", err)
	}
	for _, u := range rows {
		out[u.AccountID] = u.Role
	}
	return out, nil
}

// UsersByAccount finds the sign-in sides of many accounts at once; those without one are absent.
func (q *Queries) UsersByAccount(ctx context.Context, accounts []int64) (map[int64]*User, error) {
	found := make(map[int64]*User, len(accounts))
	if len(accounts) == 0 {
		return found, nil
	}
	var rows []*User
	if err := q.idb.NewSelect().Model(&rows).Where("u.account_id IN (?)", bun.List(accounts)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	for _, u := range rows {
		found[u.AccountID] = u
	}
	return found, nil
}

// UserByLogin finds a user by e-mail or by local username.
func (q *Queries) UserByLogin(ctx context.Context, login string) (*User, error) {
	login = strings.ToLower(strings.TrimSpace(login))
	u := new(User)
	err := q.idb.NewSelect().Model(u).Join("JOIN accounts AS a ON a.id = u.account_id").
		Where("u.email = ? OR (a.peer = '' AND lower(a.username) = ?)", login, strings.TrimPrefix(login, "@")).Limit(1).Scan(ctx)
	if err != nil {
		return nil, notFound("user", err)
	}
	return u, nil
}

// AddUser gives a local account its sign-in. An e-mail that exists gives ErrExists.
func (tx *Tx) AddUser(ctx context.Context, u *User) error {
	u.Email = strings.ToLower(strings.TrimSpace(u.Email))
	u.CreatedAt, u.PasswordSetAt = tx.Now(), tx.Now()
	n, err := tx.idb.NewSelect().Model((*User)(nil)).Where("u.email = ?", u.Email).Count(ctx)
	if err != nil {
		return fmt.Errorf("look for e-mail: %w", err)
	}
	if n > 0 {
		return fmt.Errorf("e-mail %s: %w", u.Email, ErrExists)
	}
	if _, err := tx.idb.NewInsert().Model(u).Exec(ctx); err != nil {
		return duplicate("e-mail "+u.Email, err)
	}
	return tx.auditAccount(ctx, u.AccountID, ActionAccountCreate, nil, roleState(u))
}

// SaveUser stores changed preferences, role or password. A new role or password ends sign-ins
// through EndSignIns, which the caller's act decides.
func (tx *Tx) SaveUser(ctx context.Context, u *User) error {
	before, err := tx.UserByAccount(ctx, u.AccountID)
	if err != nil {
		return err
	}
	if _, err := tx.idb.NewUpdate().Model(u).ExcludeColumn("created_at").WherePK().Exec(ctx); err != nil {
		return fmt.Errorf("save user: %w", err)
	}
	tx.Publish(Event{Kind: AccountChanged, AccountID: u.AccountID})
	return tx.auditUser(ctx, before, u)
}

// OwnersLeft counts the active owners besides the account. Acts that ask it wait for each other,
// so that two of them never take away the last two owners side by side.
func (tx *Tx) OwnersLeft(ctx context.Context, besides int64) (int, error) {
	if err := tx.lockKey(ctx, "owners"); err != nil {
		return 0, err
	}
	n, err := tx.idb.NewSelect().Model((*User)(nil)).Join("JOIN accounts AS a ON a.id = u.account_id").
		Where("u.role = ? AND u.account_id <> ? AND a.suspended_at IS NULL AND a.frozen_at IS NULL AND a.deleted_at IS NULL", RoleOwner, besides).Count(ctx)
	if err != nil {
		return 0, fmt.Errorf("count owners: %w", err)
	}
	return int(n), nil
}
