package storage_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"ruche/storage"
	"ruche/storage/migrations"
	"ruche/storage/storagetest"
)

func TestAccountsFromBeforeGetTheirKeys(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		ctx := context.Background()
		db, err := storage.Connect(ctx, storage.Options{URL: url, BaseURL: storagetest.BaseURL})
		must(t, err)
		defer func() { must(t, db.Close()) }()
		must(t, migrations.Prefix(ctx, db.Migrator(), 1))
		for _, row := range []string{
			"1, 'ana', '', '', 'https://sales.test/users/1', 'https://sales.test/users/1#main-key', 'A', 'B'",
			"2, 'bob', 'peer.test', 'peer.test', 'https://peer.test/u/2', 'https://peer.test/u/2#main-key', 'C', ''",
			"3, 'eve', 'peer.test', 'peer.test', 'https://peer.test/u/3', 'https://peer.test/u/2#main-key', 'D', ''",
			"4, 'old', 'peer.test', 'peer.test', 'https://peer.test/u/4', '', '', ''",
		} {
			_, err := db.Migrator().ExecContext(ctx, `INSERT INTO accounts (id, username, domain, peer, uri, key_id, public_key, private_key,
				kind, url, inbox_uri, shared_inbox_uri, outbox_uri, followers_uri, following_uri, display_name, note_text, note_html, avatar_url, header_url,
				locked, discoverable, indexable, bot, official, department, circles, posts_count, followers_count, following_count, last_post_on,
				created_at, updated_at, moved_to, raw, revision) VALUES (`+row+`, 'Person', '', '', '', '', '', '', '', '', '', '', '',
				FALSE, FALSE, FALSE, FALSE, FALSE, '', FALSE, 0, 0, 0, '', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '', '', 0)`)
			must(t, err)
		}
		must(t, db.Migrate(ctx))
		ours, err := db.ProofKey(ctx, 1)
		must(t, err)
		if ours.ID != "https://sales.test/users/1#ed25519-key" || !ours.Proofs || !strings.Contains(ours.Private, "PRIVATE KEY") {
			t.Errorf("ana's key is %+v", ours)
		}
		theirs, err := db.KeyByID(ctx, "https://peer.test/u/2#main-key")
		must(t, err)
		if theirs.AccountID != 2 || theirs.Public != "C" || theirs.Proofs {
			t.Errorf("bob's key is %+v", theirs)
		}
		for _, remote := range []int64{2, 3, 4} {
			if k, err := db.ProofKey(ctx, remote); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("account %d has a private key: %+v, %v", remote, k, err)
			}
		}
	})
}

func TestAKeysIDIsOneAccountsOnly(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		remote := func(name string, keys ...*storage.Key) *storage.Account {
			return &storage.Account{Username: name, Domain: "peer.test", Peer: "peer.test", Kind: storage.Person, URI: "https://peer.test/u/" + name, Keys: keys}
		}
		save := func(a *storage.Account) error {
			return db.Update(ctx, func(tx *storage.Tx) error {
				if a.ID == 0 {
					return tx.AddAccount(ctx, a)
				}
				return tx.SaveAccount(ctx, a)
			})
		}
		bob := remote("bob", &storage.Key{ID: "https://peer.test/k/1", Public: "A"}, &storage.Key{ID: "https://peer.test/k/2", Public: "B", Proofs: true})
		must(t, save(bob))
		if err := save(remote("eve", &storage.Key{ID: "https://peer.test/k/1", Public: "X"})); !errors.Is(err, storage.ErrExists) {
			t.Errorf("eve takes bob's key: %v", err)
		}
		// A profile that wasn't read anew leaves the keys; one that was revokes what it no longer lists.
		bob.Keys = nil
		must(t, save(bob))
		if _, err := db.KeyByID(ctx, "https://peer.test/k/1"); err != nil {
			t.Error(err)
		}
		bob.Keys = []*storage.Key{{ID: "https://peer.test/k/2", Public: "C"}}
		must(t, save(bob))
		if _, err := db.KeyByID(ctx, "https://peer.test/k/1"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("the key that is no longer listed: %v", err)
		}
		if k, err := db.KeyByID(ctx, "https://peer.test/k/2"); err != nil || k.Public != "C" || k.Proofs {
			t.Errorf("the key that is: %+v, %v", k, err)
		}
	})
}
