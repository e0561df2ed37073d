package storage

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// A Key is one of an account's: of a remote one, whatever its document lists; of a local one, the Ed25519 key that
// signs what it says (its RSA key, which signs requests, is the account's own). A key's id is one account's only.
type Key struct {
	bun.BaseModel `bun:"table:keys,alias:k"`

	ID        string `bun:",pk"`
	AccountID int64
	Proofs    bool      // may sign activities, not only requests
	Public    string    // PKIX PEM
	Private   string    // PKCS#8 PEM; local only
	ExpiresAt time.Time `bun:",nullzero"`
}

// KeyByID finds the key that a signature names.
func (q *Queries) KeyByID(ctx context.Context, id string) (*Key, error) {
	k := new(Key)
	if err := q.idb.NewSelect().Model(k).Where("k.id = ?", id).Scan(ctx); err != nil {
		return nil, notFound("key "+id, err)
	}
	return k, nil
}

// ProofKey is the key by which a local account signs what it says.
func (q *Queries) ProofKey(ctx context.Context, account int64) (*Key, error) {
	k := new(Key)
	err := q.idb.NewSelect().Model(k).Where("k.account_id = ?", account).Where("k.private <> ''").Limit(1).Scan(ctx)
	if err != nil {
		return nil, notFound(fmt.Sprintf("proof key of account %d", account), err)
	}
	return k, nil
}

// addKeys stores the keys of a new account: those of its document, or one made here for a local account.
func (tx *Tx) addKeys(ctx context.Context, a *Account) error {
	switch {
	case a.Local():
		key, err := newProofKey(a)
		if err != nil {
			return err
		}
		return tx.addKey(ctx, key)
	case a.Keys == nil && a.KeyID != "" && a.PublicKey != "":
		return tx.addKey(ctx, &Key{ID: a.KeyID, AccountID: a.ID, Public: a.PublicKey})
	}
	return tx.replaceKeys(ctx, a)
}

// replaceKeys makes the keys of a remote account those of the document that was just read, if one was: a key that
// is no longer listed is revoked.
func (tx *Tx) replaceKeys(ctx context.Context, a *Account) error {
	if a.Local() || a.Keys == nil {
		return nil
	}
	if _, err := tx.idb.NewRaw("DELETE FROM keys WHERE account_id = ?", a.ID).Exec(ctx); err != nil {
		return fmt.Errorf("replace keys of %s: %w", a.Acct(), err)
	}
	for _, k := range a.Keys {
		k.AccountID = a.ID
		if err := tx.addKey(ctx, k); err != nil {
			return err
		}
	}
	return nil
}

// addKey stores a key, unless its id is another account's.
func (tx *Tx) addKey(ctx context.Context, k *Key) error {
	if other, err := tx.KeyByID(ctx, k.ID); err == nil {
		return fmt.Errorf("key %s is account %d's: %w", k.ID, other.AccountID, ErrExists)
	} else if !errors.Is(err, ErrNotFound) {
		return err
	}
	if _, err := tx.idb.NewInsert().Model(k).Exec(ctx); err != nil {
		return duplicate("key "+k.ID, err)
	}
	return nil
}

func newProofKey(a *Account) (*Key, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make proof key: %w", err)
	}
	publicDER, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("make proof key: %w", err)
	}
	privateDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("make proof key: %w", err)
	}
	return &Key{
		ID: a.URI + "#ed25519-key", AccountID: a.ID, Proofs: true,
		Public:  string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: publicDER})),
		Private: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: privateDER})),
	}, nil
}

// SchemeOf is the scheme of signature that a host is known to take; empty: not known.
func (q *Queries) SchemeOf(ctx context.Context, host string) (string, error) {
	var scheme string
	err := q.idb.NewRaw("SELECT scheme FROM hosts WHERE host = ?", host).Scan(ctx, &scheme)
	if err != nil {
		if err = notFound("host", err); !isNotFound(err) {
			return "", fmt.Errorf("read scheme of %s: %w", host, err)
		}
	}
	return scheme, nil
}

// LearnScheme remembers which scheme of signature a host takes.
func (tx *Tx) LearnScheme(ctx context.Context, host, scheme string) error {
	_, err := tx.idb.NewRaw(`INSERT INTO hosts (host, failures, last_error, refusing, scheme) VALUES (?, 0, '', ?, ?)
		ON CONFLICT (host) DO UPDATE SET scheme = EXCLUDED.scheme`, host, false, scheme).Exec(ctx)
	if err != nil {
		return fmt.Errorf("learn scheme of %s: %w", host, err)
	}
	return nil
}
