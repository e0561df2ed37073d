package storage

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite"
)

// Where the two databases differ is in this file: opening, errors, locks.

// Pool sizes. SQLite's readers never wait for the writer (WAL).
const (
	sqliteReaders = 4
	postgresConns = 20
)

var errBadConn = driver.ErrBadConn

func (db *DB) open(ctx context.Context) error {
	switch {
	case strings.HasPrefix(db.opt.URL, "sqlite:"):
		return db.openSQLite(ctx, strings.TrimPrefix(db.opt.URL, "sqlite:"))
	case strings.HasPrefix(db.opt.URL, "postgres://"), strings.HasPrefix(db.opt.URL, "postgresql://"):
		return db.openPostgres(ctx)
	}
	return fmt.Errorf("%q is neither sqlite:PATH nor postgres://…", db.opt.URL)
}

func (db *DB) openSQLite(ctx context.Context, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	// busy_timeout stands before journal_mode: switching to WAL takes a lock too. No mmap:
	// the CLI opens the same file from another process.
	pragmas := "_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=cache_size(-65536)&_pragma=temp_store(MEMORY)"
	file := "file:" + (&url.URL{Path: path}).EscapedPath()
	writing, err := sql.Open("sqlite", file+"?"+pragmas+"&_txlock=immediate")
	if err != nil {
		return err
	}
	writing.SetMaxOpenConns(1)
	if err := writing.PingContext(ctx); err != nil {
		return errors.Join(err, writing.Close())
	}
	reading, err := sql.Open("sqlite", file+"?"+pragmas+"&_pragma=query_only(1)")
	if err != nil {
		return errors.Join(err, writing.Close())
	}
	reading.SetMaxOpenConns(sqliteReaders)
	reading.SetMaxIdleConns(sqliteReaders)
	db.readers = bun.NewDB(reading, sqlitedialect.New())
	w := newGroupWriter(db, bun.NewDB(writing, sqlitedialect.New()))
	db.writer = w
	db.closers = []func() error{w.close, reading.Close, writing.Close}
	return nil
}

func (db *DB) openPostgres(ctx context.Context) error {
	cfg, err := pgx.ParseConfig(db.opt.URL)
	if err != nil {
		return err
	}
	// Measured faster than prepared statements here, and safe behind a connection pooler.
	cfg.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	cfg.RuntimeParams["synchronous_commit"] = "on"
	cfg.RuntimeParams["timezone"] = "UTC"
	pool := stdlib.OpenDB(*cfg)
	pool.SetMaxOpenConns(postgresConns)
	pool.SetMaxIdleConns(postgresConns)
	if err := pool.PingContext(ctx); err != nil {
		return errors.Join(err, pool.Close())
	}
	db.readers = bun.NewDB(pool, pgdialect.New())
	db.writer = &poolWriter{db: db, bun: db.readers}
	db.closers = []func() error{pool.Close}
	return nil
}

func (db *DB) postgres() bool { return db.readers.Dialect().Name() == dialect.PG }

// viewIsolation: SQLite's transactions are snapshots already, and its driver knows no levels.
func (db *DB) viewIsolation() sql.IsolationLevel {
	if db.postgres() {
		return sql.LevelRepeatableRead
	}
	return sql.LevelDefault
}

func (db *DB) migrator() *bun.DB {
	if w, ok := db.writer.(*groupWriter); ok {
		return w.bun
	}
	return db.readers
}

// Durability reads back, from the connection that writes, the settings on which "acknowledged
// means kept" rests.
func (db *DB) Durability(ctx context.Context) (map[string]string, error) {
	questions := map[string]string{"journal_mode": "PRAGMA journal_mode", "synchronous": "PRAGMA synchronous"}
	if db.postgres() {
		questions = map[string]string{"synchronous_commit": "SHOW synchronous_commit", "fsync": "SHOW fsync", "full_page_writes": "SHOW full_page_writes"}
	}
	answers := map[string]string{}
	err := db.Update(ctx, func(tx *Tx) error {
		for name, query := range questions {
			var value string
			if err := tx.idb.NewRaw(query).Scan(ctx, &value); err != nil {
				return fmt.Errorf("read %s: %w", name, err)
			}
			answers[name] = value
		}
		return nil
	})
	return answers, err
}

// duplicate turns a violated uniqueness into ErrExists.
func duplicate(what string, err error) error {
	var lite *sqlite.Error
	if errors.As(err, &lite) && (lite.Code() == 2067 || lite.Code() == 1555) {
		return fmt.Errorf("%s: %w", what, ErrExists)
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23505" {
		return fmt.Errorf("%s: %w", what, ErrExists)
	}
	return fmt.Errorf("store %s: %w", what, err)
}

// conflict says whether PostgreSQL refused an act because of another one beside it.
func conflict(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}

// lockKey makes acts on one key of the queue wait for each other until they commit. SQLite has
// one writer, so there is nothing to do.
func (tx *Tx) lockKey(ctx context.Context, key string) error {
	if !tx.db.postgres() {
		return nil
	}
	if _, err := tx.idb.NewRaw("SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", key).Exec(ctx); err != nil {
		return fmt.Errorf("lock %s: %w", key, err)
	}
	return nil
}

// skipLocked ends a query that picks rows to work on.
func (tx *Tx) skipLocked() string {
	if tx.db.postgres() {
		return " FOR UPDATE OF j SKIP LOCKED"
	}
	return ""
}

// likePrefix escapes a text for LIKE and lets anything follow.
func likePrefix(s string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s) + "%"
}
