// Package migrations brings a database's schema from any earlier state to this one.
//
// Each migration is a numbered file that never changes once released and calls no other code
// of ours: the types it would lean on will have moved on by the time it runs.
package migrations

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/migrate"
)

// All lists the migrations in their order.
func All() *migrate.Migrations {
	all := migrate.NewMigrations()
	all.Add(migrate.Migration{Name: "0001", Comment: "start", Up: statements(start), Down: nil})
	all.Add(migrate.Migration{Name: "0002", Comment: "keys", Up: statements(keys, proofKeys), Down: nil})
	all.Add(migrate.Migration{Name: "0003", Comment: "vocabulary", Up: statements(vocabulary), Down: nil})
	all.Add(migrate.Migration{Name: "0010", Comment: "markers", Up: statements(markers), Down: nil})
	all.Add(migrate.Migration{Name: "0011", Comment: "preferences", Up: statements(preferences), Down: nil})
	all.Add(migrate.Migration{Name: "0012", Comment: "conversations", Up: statements(conversations), Down: nil})
	all.Add(migrate.Migration{Name: "0013", Comment: "notifications", Up: statements(notifications), Down: nil})
	all.Add(migrate.Migration{Name: "0014", Comment: "house", Up: statements(house), Down: nil})
	all.Add(migrate.Migration{Name: "0015", Comment: "search", Up: either(searchSQLite, searchPostgres), Down: nil})
	all.Add(migrate.Migration{Name: "0016", Comment: "push", Up: statements(push), Down: nil})
	all.Add(migrate.Migration{Name: "0030", Comment: "audit", Up: statements(audit), Down: nil})
	all.Add(migrate.Migration{Name: "0040", Comment: "peering", Up: statements(peering), Down: nil})
	all.Add(migrate.Migration{Name: "0050", Comment: "threads", Up: statements(threads), Down: nil})
	all.Add(migrate.Migration{Name: "0051", Comment: "communities", Up: statements(communities), Down: nil})
	all.Add(migrate.Migration{Name: "0055", Comment: "open counts", Up: statements(openCounts), Down: nil})
	all.Add(migrate.Migration{Name: "0080", Comment: "self-service", Up: statements(selfService), Down: nil})
	all.Add(migrate.Migration{Name: "0081", Comment: "cards", Up: statements(cards), Down: nil})
	all.Add(migrate.Migration{Name: "0082", Comment: "trends", Up: statements(trends), Down: nil})
	all.Add(migrate.Migration{Name: "0083", Comment: "copies", Up: statements(copies), Down: nil})
	all.Add(migrate.Migration{Name: "0090", Comment: "moderation", Up: statements(moderation), Down: nil})
	all.Add(migrate.Migration{Name: "0092", Comment: "joining", Up: statements(joining), Down: nil})
	all.Add(migrate.Migration{Name: "0095", Comment: "traffic", Up: statements(traffic), Down: nil})
	all.Add(migrate.Migration{Name: "0096", Comment: "charter", Up: statements(charter), Down: nil})
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
	return apply(ctx, db, all)
}

// Only applies the named migrations and no others, so that a backup is restored into the schema
// that it was made under.
func Only(ctx context.Context, db *bun.DB, names []string) error {
	some := migrate.NewMigrations()
	for _, m := range All().Sorted() {
		if slices.Contains(names, m.Name) {
			some.Add(m)
		}
	}
	if known := len(some.Sorted()); known != len(names) {
		return fmt.Errorf("this program knows %d of the schema's %d migrations: use a newer program", known, len(names))
	}
	return apply(ctx, db, some)
}

func apply(ctx context.Context, db *bun.DB, all *migrate.Migrations) error {
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

// either runs the DDL of whichever database it is.
func either(sqlite, postgres string) func(context.Context, *migrate.Migrator, *migrate.Migration) error {
	return func(ctx context.Context, m *migrate.Migrator, migration *migrate.Migration) error {
		ddl := sqlite
		if m.DB().Dialect().Name() == dialect.PG {
			ddl = postgres
		}
		return statements(ddl)(ctx, m, migration)
	}
}

// statements runs DDL that is written once for both databases: ID, TIME, BOOL and BYTES are
// replaced by the type's name in each. What DDL can't do is done by then, in the same transaction.
func statements(ddl string, then ...func(context.Context, bun.Tx) error) func(context.Context, *migrate.Migrator, *migrate.Migration) error {
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
		for _, do := range then {
			if err := do(ctx, tx); err != nil {
				return err
			}
		}
		return tx.Commit()
	}
}
