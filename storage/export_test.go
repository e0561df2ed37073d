package storage

import (
	"context"

	"github.com/uptrace/bun"
)

// Migrator is the connection that migrations run on.
func (db *DB) Migrator() *bun.DB { return db.migrator() }

// Exec runs a statement of a test's own inside an act.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) error {
	_, err := tx.idb.NewRaw(query, args...).Exec(ctx)
	return err
}

// Strings asks for one column.
func (q *Queries) Strings(ctx context.Context, query string, args ...any) ([]string, error) {
	var out []string
	err := q.idb.NewRaw(query, args...).Scan(ctx, &out)
	return out, err
}

// Postgres says which database this is.
func (db *DB) Postgres() bool { return db.postgres() }
