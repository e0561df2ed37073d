package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// A SecondFactor is what an account is asked for beside its password: a code of RFC 6238. The secret is kept
// as it is, since codes are computed from it.
type SecondFactor struct {
	bun.BaseModel `bun:"table:second_factors,alias:sf"`

	AccountID   int64 `bun:",pk"`
	Secret      string
	LastStep    int64 // of the last code that was used: no code up to it counts again
	CreatedAt   time.Time
	ConfirmedAt time.Time `bun:",nullzero"` // zero: never used yet, and not asked for
}

// SecondFactor finds an account's second factor, confirmed or not.
func (q *Queries) SecondFactor(ctx context.Context, account int64) (*SecondFactor, error) {
	f := new(SecondFactor)
	if err := q.idb.NewSelect().Model(f).Where("sf.account_id = ?", account).Scan(ctx); err != nil {
		return nil, notFound("second factor", err)
	}
	return f, nil
}

// BeginSecondFactor stores a secret that counts once a code of it has been shown. ErrExists if the account has a
// second factor.
func (tx *Tx) BeginSecondFactor(ctx context.Context, account int64, secret string) error {
	if _, err := tx.idb.NewDelete().Model((*SecondFactor)(nil)).Where("account_id = ? AND confirmed_at IS NULL", account).Exec(ctx); err != nil {
		return fmt.Errorf("begin second factor: %w", err)
	}
	f := &SecondFactor{AccountID: account, Secret: secret, CreatedAt: tx.Now()}
	if _, err := tx.idb.NewInsert().Model(f).Exec(ctx); err != nil {
		return duplicate("second factor", err)
	}
	return nil
}

// UseStep uses up the code of a step (30 seconds' number): false if that one or a later one has been used.
func (tx *Tx) UseStep(ctx context.Context, account, step int64) (bool, error) {
	res, err := tx.idb.NewRaw("UPDATE second_factors SET last_step = ? WHERE account_id = ? AND last_step < ?", step, account, step).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("use code: %w", err)
	}
	return changed(res), nil
}

// ConfirmSecondFactor makes the second factor count, with recovery codes of which only hashes are kept.
func (tx *Tx) ConfirmSecondFactor(ctx context.Context, account int64, codes []string) error {
	u, err := tx.UserByAccount(ctx, account)
	if err != nil {
		return err
	}
	if _, err := tx.idb.NewRaw("UPDATE second_factors SET confirmed_at = ? WHERE account_id = ?", tx.Now(), account).Exec(ctx); err != nil {
		return fmt.Errorf("confirm second factor: %w", err)
	}
	if err := tx.SetRecoveryCodes(ctx, account, codes); err != nil {
		return err
	}
	if err := tx.NoteSignIn(ctx, account, SecurityFactorOn); err != nil {
		return err
	}
	return tx.auditOthers(ctx, u, ActionAccountFactor)
}

// RemoveSecondFactor goes back to the password alone. ErrNotFound if there is none.
func (tx *Tx) RemoveSecondFactor(ctx context.Context, account int64) error {
	u, err := tx.UserByAccount(ctx, account)
	if err != nil {
		return err
	}
	res, err := tx.idb.NewDelete().Model((*SecondFactor)(nil)).Where("account_id = ?", account).Exec(ctx)
	if err != nil {
		return fmt.Errorf("remove second factor: %w", err)
	}
	if !changed(res) {
		return fmt.Errorf("second factor: %w", ErrNotFound)
	}
	if err := tx.SetRecoveryCodes(ctx, account, nil); err != nil {
		return err
	}
	if err := tx.NoteSignIn(ctx, account, SecurityFactorNo); err != nil {
		return err
	}
	return tx.auditOthers(ctx, u, ActionAccountFactor)
}

// SetRecoveryCodes replaces an account's recovery codes.
func (tx *Tx) SetRecoveryCodes(ctx context.Context, account int64, codes []string) error {
	if _, err := tx.idb.NewRaw("DELETE FROM recovery_codes WHERE account_id = ?", account).Exec(ctx); err != nil {
		return fmt.Errorf("forget recovery codes: %w", err)
	}
	for _, code := range codes {
		if _, err := tx.idb.NewRaw("INSERT INTO recovery_codes (account_id, hash) VALUES (?, ?)", account, HashSecret(code)).Exec(ctx); err != nil {
			return fmt.Errorf("store recovery code: %w", err)
		}
	}
	return nil
}

// RecoveryCodesLeft counts the codes that an account has not used.
func (q *Queries) RecoveryCodesLeft(ctx context.Context, account int64) (int, error) {
	var n int
	err := q.idb.NewRaw("SELECT COUNT(*) FROM recovery_codes WHERE account_id = ?", account).Scan(ctx, &n)
	return n, wrap("count recovery codes", err)
}

// UseRecoveryCode uses up a recovery code: false if it isn't one, or was used.
func (tx *Tx) UseRecoveryCode(ctx context.Context, account int64, code string) (bool, error) {
	res, err := tx.idb.NewRaw("DELETE FROM recovery_codes WHERE account_id = ? AND hash = ?", account, HashSecret(code)).Exec(ctx)
	if err != nil || !changed(res) {
		return false, wrap("use recovery code", err)
	}
	return true, tx.NoteSignIn(ctx, account, SecurityRecovery)
}

// A HalfSignIn is a browser whose password was right and whose second factor is awaited.
type HalfSignIn struct {
	bun.BaseModel `bun:"table:half_sign_ins,alias:hs"`

	Hash      string `bun:",pk"` // HashSecret of what the page holds
	AccountID int64
	ReturnTo  string
	Failures  int // wrong codes
	ExpiresAt time.Time
}

// AddHalfSignIn stores one.
func (tx *Tx) AddHalfSignIn(ctx context.Context, h *HalfSignIn) error {
	_, err := tx.idb.NewInsert().Model(h).Exec(ctx)
	return wrap("store half a sign-in", err)
}

// HalfSignInBySecret finds a live one.
func (q *Queries) HalfSignInBySecret(ctx context.Context, secret string) (*HalfSignIn, error) {
	h := new(HalfSignIn)
	if err := q.idb.NewSelect().Model(h).Where("hs.hash = ? AND hs.expires_at > ?", HashSecret(secret), q.now()).Scan(ctx); err != nil {
		return nil, notFound("half a sign-in", err)
	}
	return h, nil
}

// FailHalfSignIn counts a wrong code; the last one that is allowed ends it.
func (tx *Tx) FailHalfSignIn(ctx context.Context, h *HalfSignIn, allowed int) error {
	h.Failures++
	if _, err := tx.idb.NewRaw("UPDATE half_sign_ins SET failures = failures + 1 WHERE hash = ?", h.Hash).Exec(ctx); err != nil {
		return fmt.Errorf("count wrong code: %w", err)
	}
	_, err := tx.idb.NewRaw("DELETE FROM half_sign_ins WHERE hash = ? AND failures >= ?", h.Hash, allowed).Exec(ctx)
	return wrap("end half a sign-in", err)
}

// EndHalfSignIn uses one up: ErrNotFound if somebody has.
func (tx *Tx) EndHalfSignIn(ctx context.Context, h *HalfSignIn) error {
	res, err := tx.idb.NewDelete().Model((*HalfSignIn)(nil)).Where("hash = ?", h.Hash).Exec(ctx)
	if err != nil {
		return fmt.Errorf("end half a sign-in: %w", err)
	}
	if !changed(res) {
		return fmt.Errorf("half a sign-in: %w", ErrNotFound)
	}
	return nil
}
