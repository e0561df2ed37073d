// Package storage is what a node knows: accounts, posts, follows, shares, peers, jobs.
//
// Everything is read and written here and nowhere else; no other package writes SQL. Update is
// the only way to write: one act, its consequences, its jobs and its news are one transaction.
// View reads several things that must agree. The same code runs on SQLite and on PostgreSQL;
// the few differences are in dialect.go.
//
// What must never happen: an acknowledged write that a crash undoes, an act that is half there,
// a post shown to somebody whom visibility.go doesn't allow, the network inside a transaction.
package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"ruche/storage/migrations"
)

// Errors that callers act on.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("exists already")
	// ErrTooManyPins is one pinned post more than a profile has room for.
	ErrTooManyPins = errors.New("too many pinned posts")
)

// Options say where the database is and how the node that uses it is called.
type Options struct {
	// URL is sqlite:PATH or postgres://….
	URL string
	// BaseURL is the start of every id that is ours: https://host, no slash at the end.
	BaseURL string
	// Clock tells the time; nil means time.Now.
	Clock func() time.Time
	// Log hears of what nobody is waiting for; nil means slog.Default.
	Log *slog.Logger
	// AnyAge lifts the bound on how old a remote post's id may be. Only the demo does that.
	AnyAge bool
	// Observe, if set, is told how long each transaction took: "update" or "view".
	Observe func(what string, took time.Duration)
	// Asked, if set, hears of every query outside an act, for tests that count them.
	Asked func(query string)
}

// asked tells Options.Asked.
type asked struct{ tell func(string) }

func (a asked) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }
func (a asked) AfterQuery(_ context.Context, e *bun.QueryEvent)                    { a.tell(e.Query) }

// DB is an open database. Its Queries read outside any transaction.
type DB struct {
	Queries
	writer  writer
	readers *bun.DB
	closers []func() error
	hub     hub
	opt     Options
	log     *slog.Logger
	anyAge  bool
	process string
	seal    sealed
	stop    context.CancelFunc
	done    chan struct{}
}

// builder makes queries on one connection, pool or transaction.
type builder interface {
	NewSelect() *bun.SelectQuery
	NewInsert() *bun.InsertQuery
	NewUpdate() *bun.UpdateQuery
	NewDelete() *bun.DeleteQuery
	NewRaw(query string, args ...any) *bun.RawQuery
}

// Queries are the questions that can be asked, of the database as it stands or inside a
// transaction.
type Queries struct {
	idb  builder
	db   *DB
	uris URIs
}

// URIs makes the ids of what is ours.
func (q *Queries) URIs() URIs { return q.uris }

// Now is the node's time, in UTC, as fine as both databases keep it.
func (q *Queries) Now() time.Time { return q.now() }

func (q *Queries) now() time.Time { return q.db.opt.Clock().UTC().Truncate(time.Microsecond) }

// Tx is one transaction. What it publishes is heard once it has committed.
type Tx struct {
	Queries
	events []Event
	audits []pendingAudit
}

// writer runs acts, each wholly or not at all.
type writer interface {
	update(ctx context.Context, act func(idb builder) error) error
}

// Open opens the database and brings its schema up to date.
func Open(ctx context.Context, opt Options) (*DB, error) {
	db, err := Connect(ctx, opt)
	if err != nil {
		return nil, err
	}
	if err := db.Migrate(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// Connect opens the database as it is.
func Connect(ctx context.Context, opt Options) (*DB, error) {
	if opt.Clock == nil {
		opt.Clock = time.Now
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	if opt.Observe == nil {
		opt.Observe = func(string, time.Duration) {}
	}
	db := &DB{opt: opt, log: opt.Log, anyAge: opt.AnyAge, process: NewSecret()[:16]}
	db.uris = URIs{Base: strings.TrimSuffix(opt.BaseURL, "/")}
	db.Queries.db = db
	if err := db.open(ctx); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if opt.Asked != nil {
		db.readers = db.readers.WithQueryHook(asked{opt.Asked})
	}
	db.idb = db.readers
	return db, nil
}

// Migrate runs the migrations that the database hasn't had.
func (db *DB) Migrate(ctx context.Context) error {
	return migrations.Run(ctx, db.migrator())
}

// Close ends the database's use. Acts under way finish first.
func (db *DB) Close() error {
	if db.stop != nil {
		db.stop()
		<-db.done
	}
	var errs []error
	for _, c := range db.closers {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

// Ping says whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	var one int
	return db.readers.NewRaw("SELECT 1").Scan(ctx, &one)
}

// Update runs an act in one transaction. If fn returns an error, nothing of it is stored. The
// caller's context ends only its waiting: an act that has begun is finished, and with an error
// of the context its outcome is unknown to this caller. fn may run more than once, and never
// touches the network.
func (db *DB) Update(ctx context.Context, fn func(*Tx) error) error {
	began := time.Now()
	defer func() { db.opt.Observe("update", time.Since(began)) }()
	return db.writer.update(ctx, func(b builder) error {
		tx := b.(*actBuilder).tx
		if err := fn(tx); err != nil {
			return err
		}
		if err := tx.writeChanges(context.WithoutCancel(ctx)); err != nil {
			return err
		}
		return tx.writeAudits(context.WithoutCancel(ctx))
	})
}

// View reads several things that must agree.
func (db *DB) View(ctx context.Context, fn func(*Queries) error) error {
	began := time.Now()
	defer func() { db.opt.Observe("view", time.Since(began)) }()
	return db.readers.RunInTx(ctx, &sql.TxOptions{ReadOnly: db.postgres(), Isolation: db.viewIsolation()}, func(ctx context.Context, tx bun.Tx) error {
		return fn(&Queries{idb: tx, db: db, uris: db.uris})
	})
}

// actBuilder is the connection of one act. It strips the cancellation of the contexts that
// statements are given: cancelling one in mid-INSERT would roll the whole transaction back, and
// with it the acts that share it.
type actBuilder struct {
	db   *bun.DB
	conn bun.IConn
	tx   *Tx
}

func (db *DB) newAct(bdb *bun.DB, conn bun.IConn) *actBuilder {
	b := &actBuilder{db: bdb, conn: steady{conn}}
	b.tx = &Tx{Queries: Queries{idb: b, db: db, uris: db.uris}}
	return b
}

func (b *actBuilder) NewSelect() *bun.SelectQuery { return b.db.NewSelect().Conn(b.conn) }
func (b *actBuilder) NewInsert() *bun.InsertQuery { return b.db.NewInsert().Conn(b.conn) }
func (b *actBuilder) NewUpdate() *bun.UpdateQuery { return b.db.NewUpdate().Conn(b.conn) }
func (b *actBuilder) NewDelete() *bun.DeleteQuery { return b.db.NewDelete().Conn(b.conn) }
func (b *actBuilder) NewRaw(query string, args ...any) *bun.RawQuery {
	return b.db.NewRaw(query, args...).Conn(b.conn)
}

type steady struct{ conn bun.IConn }

func (s steady) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return s.conn.QueryContext(context.WithoutCancel(ctx), query, args...)
}

func (s steady) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return s.conn.ExecContext(context.WithoutCancel(ctx), query, args...)
}

func (s steady) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return s.conn.QueryRowContext(context.WithoutCancel(ctx), query, args...)
}

// runAct calls an act so that its panic is an error of its own and not of those beside it.
func runAct(act func(builder) error, b builder) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("act panicked: %v", r)
		}
	}()
	return act(b)
}

func (q *Queries) exists(ctx context.Context, query string, args ...any) (bool, error) {
	var n int
	err := q.idb.NewRaw("SELECT CASE WHEN EXISTS ("+query+") THEN 1 ELSE 0 END", args...).Scan(ctx, &n)
	if err != nil {
		return false, fmt.Errorf("ask whether it exists: %w", err)
	}
	return n == 1, nil
}

func notFound(what string, err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%s: %w", what, ErrNotFound)
	}
	return fmt.Errorf("read %s: %w", what, err)
}

func changed(res sql.Result) bool {
	n, err := res.RowsAffected()
	return err == nil && n > 0
}

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }

// wrap adds what was being done to an error, if there is one.
func wrap(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
