// Package storagetest opens fresh databases for tests: SQLite always, PostgreSQL as well where
// RUCHE_TEST_POSTGRES names a server.
package storagetest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"ruche/storage"
)

// BaseURL is where the ids of a test database begin.
const BaseURL = "https://sales.test"

// Each runs a test on a fresh database of every kind.
func Each(t *testing.T, test func(t *testing.T, db *storage.DB)) {
	t.Helper()
	EachWith(t, storage.Options{}, test)
}

// EachWith is Each with options of the test's own; the URL is filled in.
func EachWith(t *testing.T, opt storage.Options, test func(t *testing.T, db *storage.DB)) {
	t.Helper()
	EachURL(t, func(t *testing.T, url string) {
		opt := opt
		opt.URL = url
		test(t, OpenWith(t, opt))
	})
}

// EachURL runs a test with the address of an empty database of every kind.
func EachURL(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	if server := Server(); server != "" {
		t.Run("postgresql", func(t *testing.T) { test(t, Postgres(t, server)) })
	}
}

// Server is the address of the PostgreSQL server to test on; empty: none.
func Server() string { return os.Getenv("RUCHE_TEST_POSTGRES") }

// OpenWith opens a database for the length of a test.
func OpenWith(t testing.TB, opt storage.Options) *storage.DB {
	t.Helper()
	if opt.BaseURL == "" {
		opt.BaseURL = BaseURL
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	db, err := storage.Open(context.Background(), opt)
	if err != nil {
		t.Fatalf("open %s: %v", opt.URL, err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}

// SQLite is the address of an empty SQLite database.
func SQLite(t testing.TB) string {
	t.Helper()
	record(t, "sqlite")
	return "sqlite:" + filepath.Join(t.TempDir(), "ruche.db")
}

// Postgres makes an empty PostgreSQL database on the server and drops it after the test.
func Postgres(t testing.TB, server string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	admin, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatalf("RUCHE_TEST_POSTGRES: %v", err)
	}
	defer admin.Close(ctx)
	name := "ruche_test_" + strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(storage.NewSecret()[:20]))
	if _, err := admin.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
		t.Fatalf("make a database: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		admin, err := pgx.Connect(ctx, server)
		if err != nil {
			t.Errorf("drop the database: %v", err)
			return
		}
		defer admin.Close(ctx)
		if _, err := admin.Exec(ctx, "DROP DATABASE "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)"); err != nil {
			t.Errorf("drop the database: %v", err)
		}
	})
	record(t, "postgresql")
	u, err := url.Parse(server)
	if err != nil {
		t.Fatalf("RUCHE_TEST_POSTGRES: %v", err)
	}
	u.Path = "/" + name
	return u.String()
}

// record notes, for make test, which databases were really opened.
func record(t testing.TB, kind string) {
	path := os.Getenv("RUCHE_TEST_RECORD")
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatalf("RUCHE_TEST_RECORD: %v", err)
	}
	defer f.Close()
	if _, err := fmt.Fprintln(f, kind); err != nil {
		t.Fatalf("RUCHE_TEST_RECORD: %v", err)
	}
}

// Person adds a local account that can sign in, for tests.
func Person(t testing.TB, db *storage.DB, username string) *storage.Account {
	t.Helper()
	a := &storage.Account{Username: username, Kind: storage.Person, DisplayName: username, Discoverable: true, Indexable: true}
	err := db.Update(context.Background(), func(tx *storage.Tx) error {
		if err := tx.AddAccount(context.Background(), a); err != nil {
			return err
		}
		return tx.AddUser(context.Background(), &storage.User{AccountID: a.ID, Email: username + "@sales.test", Role: storage.RoleMember, DefaultVisibility: storage.Public, DefaultCircle: storage.CircleNetwork})
	})
	if err != nil {
		t.Fatalf("add %s: %v", username, err)
	}
	return a
}
