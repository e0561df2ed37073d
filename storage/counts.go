package storage

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// Counts tells how many rows each table has, for diagnosis and for tests that say "nothing changed".
func (q *Queries) Counts(ctx context.Context) (map[string]int, error) {
	tables, err := q.Tables(ctx)
	if err != nil {
		return nil, err
	}
	out := make(map[string]int, len(tables))
	for _, table := range tables {
		var n int
		if err := q.idb.NewRaw("SELECT COUNT(*) FROM ?", bun.Ident(table)).Scan(ctx, &n); err != nil {
			return nil, fmt.Errorf("count %s: %w", table, err)
		}
		out[table] = n
	}
	return out, nil
}
