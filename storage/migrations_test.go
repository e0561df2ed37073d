package storage_test

import (
	"context"
	"strings"
	"testing"

	"ruche/storage"
	"ruche/storage/migrations"
	"ruche/storage/storagetest"
)

// schema describes every table, column and index of a database.
func schema(t *testing.T, db *storage.DB) string {
	t.Helper()
	query := "SELECT COALESCE(sql, name) FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
	if db.Postgres() {
		query = `SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || COALESCE(column_default, '') AS what
			FROM information_schema.columns WHERE table_schema = 'public' UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY what`
	}
	lines, err := db.Strings(context.Background(), query)
	must(t, err)
	return strings.Join(lines, "\n")
}

func TestEveryPastSchemaBecomesTheSameAsAFreshOne(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		ctx := context.Background()
		fresh := storagetest.OpenWith(t, storage.Options{URL: url})
		want := schema(t, fresh)
		for n := range len(migrations.All().Sorted()) {
			again := storagetest.SQLite(t)
			if fresh.Postgres() {
				again = storagetest.Postgres(t, storagetest.Server())
			}
			db, err := storage.Connect(ctx, storage.Options{URL: again, BaseURL: storagetest.BaseURL})
			must(t, err)
			must(t, migrations.Prefix(ctx, db.Migrator(), n))
			must(t, db.Migrate(ctx))
			must(t, db.Migrate(ctx)) // a second start changes nothing
			if got := schema(t, db); got != want {
				t.Errorf("from migration %d:\n%s\nfresh:\n%s", n, got, want)
			}
			must(t, db.Close())
		}
	})
}
