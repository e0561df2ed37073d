package migrations

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"

	"github.com/uptrace/bun"
)

// Every key by its own id: an actor may have several, and a local account now signs what it says (FEP-8b32)
// with an Ed25519 key beside the RSA one. Which scheme of signature a host takes is kept with the host.
const keys = `
CREATE TABLE keys (
	id TEXT PRIMARY KEY,
	account_id {id} NOT NULL REFERENCES accounts (id),
	proofs {bool} NOT NULL,
	public TEXT NOT NULL,
	private TEXT NOT NULL,
	expires_at {time}
);
CREATE INDEX keys_account ON keys (account_id);
INSERT INTO keys (id, account_id, proofs, public, private)
	SELECT a.key_id, a.id, FALSE, a.public_key, '' FROM accounts a WHERE a.peer <> '' AND a.key_id <> '' AND a.public_key <> ''
	AND NOT EXISTS (SELECT 1 FROM accounts b WHERE b.key_id = a.key_id AND b.id < a.id);
DROP INDEX accounts_key;
ALTER TABLE hosts ADD COLUMN scheme TEXT NOT NULL DEFAULT ''
`

// proofKeys gives those who have an account already the key that new accounts are born with.
func proofKeys(ctx context.Context, tx bun.Tx) error {
	var accounts []struct {
		ID  int64
		URI string
	}
	if err := tx.NewRaw("SELECT id, uri FROM accounts WHERE peer = ''").Scan(ctx, &accounts); err != nil {
		return err
	}
	for _, a := range accounts {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return err
		}
		publicDER, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			return err
		}
		privateDER, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			return err
		}
		_, err = tx.NewRaw("INSERT INTO keys (id, account_id, proofs, public, private) VALUES (?, ?, ?, ?, ?)",
			a.URI+"#ed25519-key", a.ID, true, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: publicDER})),
			string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: privateDER}))).Exec(ctx)
		if err != nil {
			return err
		}
	}
	return nil
}
