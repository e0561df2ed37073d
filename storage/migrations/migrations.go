// Package migrations brings a database's schema from any earlier state to this one.
//
// Each migration is a numbered file that never changes once released and calls no other code
// of ours: the types it would lean on will have moved on by the time it runs.
package migrations

import (
	"context"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/migrate"
)

// All lists the migrations in their order.
func All() *migrate.Migrations {
	all := migrate.NewMigrations()
	all.Add(migrate.Migration{Name: "0001", Comment: "start", Up: statements(start), Down: nil})
	all.Add(migrate.Migration{Name: "0010", Comment: "markers", Up: statements(markers), Down: nil})
	all.Add(migrate.Migration{Name: "0050", Comment: "threads", Up: statements(threads), Down: nil})
	all.Add(migrate.Migration{Name: "0051", Comment: "communities", Up: statements(communities), Down: nil})
	return all
}

// Run applies what the database hasn't had. Two processes that start at once don't meet: the
// second waits or says that migrations are under way.
func Run(ctx context.Context, db *bun.DB) error {
	return Prefix(ctx, db, -1)
}

// Prefix applies the first n migrations (all: -1), so that a test can stand at any point of history.
func Prefix(ctx context.Context, db *bun.DB, n int) error {
	all := All()
	if n >= 0 {
		some := migrate.NewMigrations()
		for i, m := range all.Sorted() {
			if i < n {
				some.Add(m)
			}
		}
		all = some
	}
	m := migrate.NewMigrator(db, all, migrate.WithMarkAppliedOnSuccess(true))
	if err := m.Init(ctx); err != nil {
		return fmt.Errorf("prepare migrations: %w", err)
	}
	if pending, err := m.MigrationsWithStatus(ctx); err == nil && len(pending.Unapplied()) == 0 {
		return nil
	}
	if err := m.Lock(ctx); err != nil {
		return fmt.Errorf("migrations are under way in another process, or one was killed in the middle (then delete the row of bun_migration_locks): %w", err)
	}
	defer func() { _ = m.Unlock(ctx) }()
	if _, err := m.Migrate(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// statements runs DDL that is written once for both databases: ID, TIME, BOOL and BYTES are
// replaced by the type's name in each.
func statements(ddl string) func(context.Context, *migrate.Migrator, *migrate.Migration) error {
	return func(ctx context.Context, m *migrate.Migrator, _ *migrate.Migration) error {
		db := m.DB()
		types := strings.NewReplacer("{id}", "INTEGER", "{int}", "INTEGER", "{time}", "TIMESTAMP", "{bool}", "BOOLEAN", "{bytes}", "BLOB", "{float}", "REAL", "{norowid}", "WITHOUT ROWID")
		if db.Dialect().Name() == dialect.PG {
			types = strings.NewReplacer("{id}", "BIGINT", "{int}", "BIGINT", "{time}", "TIMESTAMPTZ", "{bool}", "BOOLEAN", "{bytes}", "BYTEA", "{float}", "DOUBLE PRECISION", "{norowid}", "")
		}
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		for s := range strings.SplitSeq(types.Replace(ddl), ";") {
			if strings.TrimSpace(s) == "" {
				continue
			}
			if _, err := tx.ExecContext(ctx, s); err != nil {
				return fmt.Errorf("%s: %w", strings.TrimSpace(s), err)
			}
		}
		return tx.Commit()
	}
}
