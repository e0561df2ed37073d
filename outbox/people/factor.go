package people

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"image/png"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"ruche/storage"
)

// The codes are those of every authenticator app (RFC 6238): six digits, SHA-1, a new one every 30 seconds.
// The one before and the one after are taken too, for clocks that differ.
const (
	factorPeriod   = 30
	recoveryCodes  = 10
	recoveryLength = 16 // letters and digits of base 32: 80 bits
	qrSize         = 240
)

// A Factor is the secret of a second factor, in the forms in which an app takes it.
type Factor struct {
	Secret string // base 32, to type
	URI    string // otpauth://…
	PNG    []byte // the same as a QR code
}

// NewFactor makes a secret. issuer and account are what the app shows beside its codes.
func NewFactor(issuer, account string) (*Factor, error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: strings.ReplaceAll(issuer, ":", " "), AccountName: account, Period: factorPeriod})
	if err != nil {
		return nil, fmt.Errorf("make a second factor: %w", err)
	}
	picture, err := key.Image(qrSize, qrSize)
	if err != nil {
		return nil, fmt.Errorf("draw a second factor: %w", err)
	}
	var out bytes.Buffer
	if err := png.Encode(&out, picture); err != nil {
		return nil, fmt.Errorf("draw a second factor: %w", err)
	}
	return &Factor{Secret: key.Secret(), URI: key.URL(), PNG: out.Bytes()}, nil
}

// step says which 30 seconds a code belongs to; false if it belongs to none of those around now.
func step(secret, code string, now time.Time) (int64, bool) {
	code = strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return -1
		}
		return r
	}, code)
	found := int64(-1)
	for _, drift := range []int64{-1, 0, 1} {
		at := now.Add(time.Duration(drift*factorPeriod) * time.Second)
		want, err := totp.GenerateCodeCustom(secret, at, totp.ValidateOpts{Period: factorPeriod, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			found = at.Unix() / factorPeriod
		}
	}
	return found, found >= 0
}

// UseFactorCode says whether a code is right for an account now, and uses it up: neither it nor an older one
// counts again.
func UseFactorCode(ctx context.Context, tx *storage.Tx, account int64, code string) (bool, error) {
	f, err := tx.SecondFactor(ctx, account)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	at, ok := step(f.Secret, code, tx.Now())
	if !ok {
		return false, nil
	}
	return tx.UseStep(ctx, account, at)
}

// UseAnyCode is UseFactorCode that takes a recovery code as well.
func UseAnyCode(ctx context.Context, tx *storage.Tx, account int64, code string) (bool, error) {
	if ok, err := UseFactorCode(ctx, tx, account, code); ok || err != nil {
		return ok, err
	}
	return tx.UseRecoveryCode(ctx, account, plainRecovery(code))
}

// NewRecoveryCodes makes the codes for a lost telephone: as they are shown, and as they are stored.
func NewRecoveryCodes() (shown, stored []string) {
	for range recoveryCodes {
		code := strings.ToLower(rand.Text())[:recoveryLength]
		stored = append(stored, code)
		shown = append(shown, code[:4]+"-"+code[4:8]+"-"+code[8:12]+"-"+code[12:])
	}
	return shown, stored
}

// plainRecovery is a recovery code however it was typed.
func plainRecovery(code string) string {
	return strings.NewReplacer("-", "", " ", "").Replace(strings.ToLower(strings.TrimSpace(code)))
}

// RemoveFactor takes an account's second factor away, for somebody who lost it and the recovery codes, and ends
// its sign-ins.
func RemoveFactor(ctx context.Context, db *storage.DB, username string) error {
	return change(ctx, db, username, func(tx *storage.Tx, who *Someone) error {
		if err := tx.RemoveSecondFactor(ctx, who.ID); err != nil {
			return err
		}
		return tx.EndSignIns(ctx, who.ID)
	})
}
