package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"ruche/federation"
	"ruche/storage"
	"ruche/storage/blob"
)

// OpenDB opens a node's database, beside a running node too: the schema is brought up to date,
// the domain is checked against the one that the ids rest on, and the service actor exists.
func OpenDB(ctx context.Context, cfg Config, log *slog.Logger) (*storage.DB, error) {
	return openDB(ctx, cfg, storage.Options{Log: log})
}

func openDB(ctx context.Context, cfg Config, opt storage.Options) (*storage.DB, error) {
	opt.URL, opt.BaseURL = cfg.DatabaseURL, cfg.PublicURL
	db, err := storage.Open(ctx, opt)
	if err != nil {
		return nil, badDatabase(cfg, err)
	}
	err = checkDomain(ctx, db, cfg)
	if err == nil {
		err = makeServiceActor(ctx, db, cfg)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// ConnectDB opens a node's database as it is, for a restore: nothing is added to it.
func ConnectDB(ctx context.Context, cfg Config, log *slog.Logger) (*storage.DB, error) {
	db, err := storage.Connect(ctx, storage.Options{URL: cfg.DatabaseURL, BaseURL: cfg.PublicURL, Log: log})
	if err != nil {
		return nil, badDatabase(cfg, err)
	}
	return db, nil
}

func badDatabase(cfg Config, err error) error {
	return fmt.Errorf("RUCHE_DATABASE_URL is %q, which can't be used (%w): see that it is there and that this user may write it, or set another", redacted(cfg.DatabaseURL), err)
}

// OpenBlobs opens the media of a node.
func OpenBlobs(cfg Config) (blob.Store, error) {
	blobs, err := blob.Disk(filepath.Join(cfg.DataDir, "media"))
	if err != nil {
		return nil, fmt.Errorf("open media: %w", err)
	}
	return blobs, nil
}

// checkDomain refuses a domain or address that the existing ids contradict. Before the first
// account they may still change.
func checkDomain(ctx context.Context, db *storage.DB, cfg Config) error {
	return db.Update(ctx, func(tx *storage.Tx) error {
		accounts, err := tx.CountLocalAccounts(ctx)
		if err != nil {
			return err
		}
		for _, s := range []struct{ name, key, now string }{
			{storage.SettingDomain, "RUCHE_DOMAIN", cfg.Domain},
			{storage.SettingBaseURL, "RUCHE_PUBLIC_URL", cfg.PublicURL},
		} {
			before, err := tx.Setting(ctx, s.name)
			if err != nil {
				return err
			}
			if before == s.now {
				continue
			}
			if before != "" && accounts > 0 {
				return fmt.Errorf("%s is %q, but the accounts of this database were made under %q, and it can't change any more: set %s=%s", s.key, s.now, before, s.key, before)
			}
			if err := tx.SetSetting(ctx, s.name, s.now); err != nil {
				return err
			}
		}
		return nil
	})
}

// makeServiceActor gives the node its own account, once, under its own name, which no person can
// have: people's usernames have no dot.
func makeServiceActor(ctx context.Context, db *storage.DB, cfg Config) error {
	old, err := db.ServiceActor(ctx)
	if err == nil && old.URI == db.URIs().Actor(old.ID) {
		return nil
	}
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	private, public, err := federation.GenerateKey()
	if err != nil {
		return err
	}
	name := cfg.Domain
	if host, _, err := net.SplitHostPort(name); err == nil {
		name = host
	}
	err = db.Update(ctx, func(tx *storage.Tx) error {
		if old != nil {
			// The address changed before anybody had an account.
			if err := tx.RemoveServiceActor(ctx, old.ID); err != nil {
				return err
			}
		}
		return tx.AddAccount(ctx, &storage.Account{Username: name, Kind: storage.Application, DisplayName: cfg.Name, PublicKey: public, PrivateKey: private})
	})
	if errors.Is(err, storage.ErrExists) {
		return nil // another process was first
	}
	return err
}

// Lock makes sure that one process serves a data directory. The lock ends with the process.
func Lock(dataDir string) (release func(), err error) {
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dataDir, "ruche.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock data directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%s is in use by a running node: stop it first", dataDir), f.Close())
	}
	return func() { _ = f.Close() }, nil
}

// processName names the process that serves a data directory of this machine: by its lock there is
// one, so after a crash the next one may go on at once with what it held.
func processName(cfg Config) string {
	machine, err := os.Hostname()
	if err != nil {
		return ""
	}
	dir, err := filepath.Abs(cfg.DataDir)
	if err != nil {
		return ""
	}
	return storage.HashSecret(machine + " " + dir)[:16]
}
