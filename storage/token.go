package storage

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// An App is a client that registered itself.
type App struct {
	bun.BaseModel `bun:"table:apps,alias:ap"`
	ID            int64 `bun:",pk"`
	ClientID      string
	SecretHash    string
	Name          string
	Website       string
	RedirectURIs  []string `bun:"redirect_uris"`
	Scopes        string
	CreatedAt     time.Time
}

// A Token lets an app act for an account (AccountID 0: for itself). Only its hash is kept.
type Token struct {
	bun.BaseModel `bun:"table:tokens,alias:t"`
	ID            int64  `bun:",pk"`
	Hash          string // HashSecret of what the client holds
	AppID         int64
	AccountID     int64 `bun:",nullzero"`
	Scopes        string
	CreatedAt     time.Time
}

// A Code is what an app changes into a token, once, within minutes.
type Code struct {
	bun.BaseModel `bun:"table:codes,alias:c"`
	Hash          string `bun:",pk"`
	AppID         int64
	AccountID     int64
	RedirectURI   string
	Scopes        string
	Challenge     string // PKCE S256
	ExpiresAt     time.Time
}

// A Session is a browser that is signed in.
type Session struct {
	bun.BaseModel `bun:"table:sessions,alias:s"`
	Hash          string `bun:",pk"`
	AccountID     int64
	CSRF          string
	Browser       string // with what, such as "Firefox, Windows", and from which address, for its owner to know it again
	Address       string
	CreatedAt     time.Time
	ExpiresAt     time.Time
}

// NewSecret makes 256 random bits to hand to a client, URL-safe.
func NewSecret() string {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// HashSecret is what is kept of a secret. The secrets are random, so a plain hash is enough.
func HashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// AddApp registers a client.
func (tx *Tx) AddApp(ctx context.Context, a *App) error {
	a.ID, a.CreatedAt = tx.NewID(tx.Now()), tx.Now()
	if _, err := tx.idb.NewInsert().Model(a).Exec(ctx); err != nil {
		return fmt.Errorf("register app: %w", err)
	}
	return nil
}

// AppByClientID finds a registered client.
func (q *Queries) AppByClientID(ctx context.Context, clientID string) (*App, error) {
	a := new(App)
	if err := q.idb.NewSelect().Model(a).Where("ap.client_id = ?", clientID).Scan(ctx); err != nil {
		return nil, notFound("app", err)
	}
	return a, nil
}

// AppByID finds a registered client.
func (q *Queries) AppByID(ctx context.Context, id int64) (*App, error) {
	a := new(App)
	if err := q.idb.NewSelect().Model(a).Where("ap.id = ?", id).Scan(ctx); err != nil {
		return nil, notFound("app", err)
	}
	return a, nil
}

// AddToken stores a token under its hash.
func (tx *Tx) AddToken(ctx context.Context, t *Token) error {
	t.ID, t.CreatedAt = tx.NewID(tx.Now()), tx.Now()
	if _, err := tx.idb.NewInsert().Model(t).Exec(ctx); err != nil {
		return fmt.Errorf("store token: %w", err)
	}
	return tx.auditToken(ctx, ActionTokenCreate, t)
}

// TokenBySecret finds the live token that a client shows.
func (q *Queries) TokenBySecret(ctx context.Context, secret string) (*Token, error) {
	t := new(Token)
	if err := q.idb.NewSelect().Model(t).Where("t.hash = ?", HashSecret(secret)).Scan(ctx); err != nil {
		return nil, notFound("token", err)
	}
	return t, nil
}

// TokenLives says whether a token still lets its app act.
func (q *Queries) TokenLives(ctx context.Context, id int64) (bool, error) {
	return q.exists(ctx, "SELECT 1 FROM tokens WHERE id = ?", id)
}

// TokensOf lists an account's tokens, newest first.
func (q *Queries) TokensOf(ctx context.Context, account int64) ([]*Token, error) {
	var rows []*Token
	if err := q.idb.NewSelect().Model(&rows).Where("t.account_id = ?", account).Order("t.id DESC").Scan(ctx); err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	return rows, nil
}

// RevokeToken ends a token, and with it every stream that it opened.
func (tx *Tx) RevokeToken(ctx context.Context, t *Token) error {
	res, err := tx.idb.NewDelete().Model((*Token)(nil)).Where("id = ?", t.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("revoke token: %w", err)
	}
	if err := tx.RemovePush(ctx, t.ID); err != nil {
		return err
	}
	tx.Publish(Event{Kind: TokenRevoked, TokenID: t.ID, AccountID: t.AccountID})
	if !changed(res) {
		return nil
	}
	return tx.auditToken(ctx, ActionTokenRevoke, t)
}

// AddCode stores an authorization code.
func (tx *Tx) AddCode(ctx context.Context, c *Code) error {
	if _, err := tx.idb.NewInsert().Model(c).Exec(ctx); err != nil {
		return fmt.Errorf("store code: %w", err)
	}
	return nil
}

// TakeCode uses up an authorization code: a second time gives ErrNotFound, as does an expired one.
func (tx *Tx) TakeCode(ctx context.Context, secret string) (*Code, error) {
	c := new(Code)
	if err := tx.idb.NewSelect().Model(c).Where("c.hash = ?", HashSecret(secret)).Scan(ctx); err != nil {
		return nil, notFound("code", err)
	}
	res, err := tx.idb.NewDelete().Model((*Code)(nil)).Where("hash = ?", c.Hash).Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("use code: %w", err)
	}
	if !changed(res) || !c.ExpiresAt.After(tx.Now()) {
		return nil, fmt.Errorf("code: %w", ErrNotFound)
	}
	return c, nil
}

// AddSession stores a sign-in, for the person to see, and forgets those that have expired.
func (tx *Tx) AddSession(ctx context.Context, s *Session) error {
	if err := tx.KeepSession(ctx, s); err != nil {
		return err
	}
	return tx.NoteSignIn(ctx, s.AccountID, SecuritySignIn)
}

// KeepSession stores the session of a browser that stays signed in.
func (tx *Tx) KeepSession(ctx context.Context, s *Session) error {
	s.CreatedAt = tx.Now()
	actor := ActorOf(ctx)
	s.Browser, s.Address = actor.App, actor.Address
	if _, err := tx.idb.NewDelete().Model((*Session)(nil)).Where("expires_at < ?", tx.Now()).Exec(ctx); err != nil {
		return fmt.Errorf("forget old sessions: %w", err)
	}
	if _, err := tx.idb.NewInsert().Model(s).Exec(ctx); err != nil {
		return fmt.Errorf("store session: %w", err)
	}
	return nil
}

// SessionBySecret finds the live session of a browser.
func (q *Queries) SessionBySecret(ctx context.Context, secret string) (*Session, error) {
	s := new(Session)
	if err := q.idb.NewSelect().Model(s).Where("s.hash = ? AND s.expires_at > ?", HashSecret(secret), q.now()).Scan(ctx); err != nil {
		return nil, notFound("session", err)
	}
	return s, nil
}

// SessionsOf lists the browsers in which an account is signed in, the latest first.
func (q *Queries) SessionsOf(ctx context.Context, account int64) ([]*Session, error) {
	var rows []*Session
	err := q.idb.NewSelect().Model(&rows).Where("s.account_id = ? AND s.expires_at > ?", account, q.now()).Order("s.created_at DESC", "s.hash").Scan(ctx)
	return rows, wrap("list sessions", err)
}

// EndSession signs a browser out.
func (tx *Tx) EndSession(ctx context.Context, s *Session) error {
	res, err := tx.idb.NewDelete().Model((*Session)(nil)).Where("hash = ?", s.Hash).Exec(ctx)
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	if !changed(res) {
		return nil
	}
	return tx.NoteSignIn(ctx, s.AccountID, SecuritySignOut)
}

// RevokeApp ends what an app may do for an account: its tokens, with their streams and push, and the codes
// that it hasn't changed into tokens yet.
func (tx *Tx) RevokeApp(ctx context.Context, account, app int64) error {
	if _, err := tx.idb.NewDelete().Model((*Code)(nil)).Where("account_id = ? AND app_id = ?", account, app).Exec(ctx); err != nil {
		return fmt.Errorf("end codes: %w", err)
	}
	tokens, err := tx.TokensOf(ctx, account)
	if err != nil {
		return err
	}
	for _, t := range tokens {
		if t.AppID != app {
			continue
		}
		if err := tx.RevokeToken(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// EndSignIns ends every session, token and code of an account, what was mailed to it and what waits for a
// second factor: after a new password or role, or a suspension.
func (tx *Tx) EndSignIns(ctx context.Context, account int64) error {
	for _, table := range []string{"sessions", "tokens", "codes", "push_subscriptions", "mail_tokens", "half_sign_ins"} {
		if _, err := tx.idb.NewRaw("DELETE FROM ? WHERE account_id = ?", bun.Ident(table), account).Exec(ctx); err != nil {
			return fmt.Errorf("end sign-ins: %w", err)
		}
	}
	tx.Publish(Event{Kind: TokenRevoked, AccountID: account})
	return nil
}

// Remembered finds what an Idempotency-Key made before, within a day.
func (q *Queries) Remembered(ctx context.Context, account int64, key string) (int64, error) {
	var id int64
	err := q.idb.NewRaw("SELECT post_id FROM idempotency WHERE account_id = ? AND key = ? AND created_at > ?", account, key, q.now().Add(-24*time.Hour)).Scan(ctx, &id)
	if err != nil {
		return 0, notFound("idempotency key", err)
	}
	return id, nil
}

// Remember ties an Idempotency-Key to the post that it made. A second act with the same key
// gives ErrExists, so that its transaction is undone.
func (tx *Tx) Remember(ctx context.Context, account int64, key string, post int64) error {
	if _, err := tx.idb.NewRaw("DELETE FROM idempotency WHERE created_at < ?", tx.Now().Add(-24*time.Hour)).Exec(ctx); err != nil {
		return fmt.Errorf("forget old idempotency keys: %w", err)
	}
	res, err := tx.idb.NewRaw("INSERT INTO idempotency (account_id, key, post_id, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", account, key, post, tx.Now()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("remember idempotency key: %w", err)
	}
	if !changed(res) {
		return fmt.Errorf("idempotency key: %w", ErrExists)
	}
	return nil
}
