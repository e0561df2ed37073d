package storage_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"ruche/storage"
	"ruche/storage/storagetest"
)

// rowsOf writes every table of a database.
func rowsOf(t *testing.T, db *storage.DB) map[string]string {
	t.Helper()
	ctx := context.Background()
	tables, err := db.Tables(ctx)
	must(t, err)
	rows := map[string]string{}
	for _, table := range tables {
		var out bytes.Buffer
		_, err := db.WriteRows(ctx, table, &out)
		must(t, err)
		rows[table] = out.String()
	}
	return rows
}

func feed(rows map[string]string) func(func(string, io.Reader) (int64, error)) error {
	return func(fill func(string, io.Reader) (int64, error)) error {
		for table, text := range rows {
			if _, err := fill(table, strings.NewReader(text)); err != nil {
				return err
			}
		}
		return nil
	}
}

// The catalogue is asked, so that a table which a later migration adds is in the next backup.
func TestEveryTableOfTheSchemaIsKept(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		must(t, db.Update(ctx, func(tx *storage.Tx) error { return tx.Exec(ctx, "CREATE TABLE flavours (name TEXT PRIMARY KEY)") }))
		must(t, db.Update(ctx, func(tx *storage.Tx) error { return tx.Exec(ctx, "INSERT INTO flavours VALUES ('honey')") }))
		if got := rowsOf(t, db)["flavours"]; got != "{\"name\":\"honey\"}\n" {
			t.Errorf("the new table is %q", got)
		}
		must(t, db.Update(ctx, func(tx *storage.Tx) error { return tx.Exec(ctx, "CREATE TABLE oddities (n NUMERIC(3, 1))") }))
		if _, err := db.WriteRows(ctx, "oddities", io.Discard); err == nil || !strings.Contains(err.Error(), "NUMERIC") && !strings.Contains(err.Error(), "numeric") {
			t.Errorf("a type that nobody knows: %v", err)
		}
	})
}

func TestReplacedRowsAreGuardedAsBefore(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		old := storagetest.OpenWith(t, storage.Options{URL: storagetest.SQLite(t)})
		storagetest.Person(t, old, "ana")
		rows := rowsOf(t, old)
		broken := rowsOf(t, old)
		broken["accounts"] = ""
		if err := db.Replace(ctx, feed(broken)); err == nil || !strings.Contains(err.Error(), "refer") {
			t.Errorf("a user without an account: %v", err)
		}
		delete(broken, "accounts")
		if err := db.Replace(ctx, feed(broken)); err == nil || !strings.Contains(err.Error(), "accounts") {
			t.Errorf("a backup without accounts: %v", err)
		}
		must(t, db.Replace(ctx, feed(rows)))
		if db.Postgres() {
			left, err := db.Strings(ctx, "SELECT conname::text FROM pg_constraint WHERE condeferrable")
			must(t, err)
			if len(left) > 0 {
				t.Errorf("these are still checked late: %v", left)
			}
		}
		if err := db.Replace(ctx, feed(rows)); err == nil || !strings.Contains(err.Error(), "isn't empty") {
			t.Errorf("a second time: %v", err)
		}
	})
}
