package storage

import (
	"context"
	"fmt"
	"strings"
)

// A column is one of a table, as the database's own catalogue describes it.
type column struct {
	Name string
	Type string // as the database spells it
	kind columnKind
}

// columnKind is what a column holds, the same word on both databases.
type columnKind int

const (
	kindText columnKind = iota + 1
	kindInt
	kindFloat
	kindBool
	kindTime
	kindBytes
)

// Tables lists the tables that hold data, by name, as the database knows them: a new one can't be
// forgotten. What a database derives from them by itself (indexes, search) isn't among them, nor
// the record of migrations.
func (q *Queries) Tables(ctx context.Context) ([]string, error) {
	query := "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE 'bun\\_%' ESCAPE '\\' ORDER BY name"
	if q.db.postgres() {
		query = "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' AND table_name NOT LIKE 'bun\\_%' AND table_name <> 'post_words' ORDER BY table_name"
	}
	var names []string
	if err := q.idb.NewRaw(query).Scan(ctx, &names); err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	return names, nil
}

// columns describes a table. A type that nobody has taught the backup is an error, so that it is
// noticed when it comes and not when it is missed.
func (q *Queries) columns(ctx context.Context, table string) ([]column, error) {
	query := "SELECT name, type FROM pragma_table_info(?) ORDER BY cid"
	if q.db.postgres() {
		query = "SELECT column_name AS name, data_type AS type FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = ? ORDER BY ordinal_position"
	}
	var found []column
	if err := q.idb.NewRaw(query, table).Scan(ctx, &found); err != nil {
		return nil, fmt.Errorf("describe table %s: %w", table, err)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("table %s: %w", table, ErrNotFound)
	}
	for i, c := range found {
		switch strings.ToUpper(c.Type) {
		case "TEXT":
			found[i].kind = kindText
		case "INTEGER", "BIGINT":
			found[i].kind = kindInt
		case "REAL", "DOUBLE PRECISION":
			found[i].kind = kindFloat
		case "BOOLEAN":
			found[i].kind = kindBool
		case "TIMESTAMP", "TIMESTAMP WITH TIME ZONE":
			found[i].kind = kindTime
		case "BLOB", "BYTEA":
			found[i].kind = kindBytes
		default:
			return nil, fmt.Errorf("column %s of table %s has the type %s, which can't be kept", c.Name, table, c.Type)
		}
	}
	return found, nil
}

// deferReferences lets rows come in any order until checkReferences: a reply may stand before
// the post that it answers, and tables may point at each other.
func (tx *Tx) deferReferences(ctx context.Context) error {
	if !tx.db.postgres() {
		_, err := tx.idb.NewRaw("PRAGMA defer_foreign_keys = 1").Exec(ctx)
		return err
	}
	return tx.alterReferences(ctx, "DEFERRABLE INITIALLY DEFERRED")
}

// checkReferences says which table holds a row that points at nothing.
func (tx *Tx) checkReferences(ctx context.Context) error {
	if tx.db.postgres() {
		if _, err := tx.idb.NewRaw("SET CONSTRAINTS ALL IMMEDIATE").Exec(ctx); err != nil {
			return err
		}
		return tx.alterReferences(ctx, "NOT DEFERRABLE")
	}
	var broken []string
	if err := tx.idb.NewRaw(`SELECT "table" FROM pragma_foreign_key_check LIMIT 1`).Scan(ctx, &broken); err != nil {
		return err
	}
	if len(broken) > 0 {
		return fmt.Errorf("a row of %s refers to one that isn't there", broken[0])
	}
	return nil
}

// alterReferences changes when PostgreSQL checks foreign keys. It is undone with the transaction.
func (tx *Tx) alterReferences(ctx context.Context, how string) error {
	var statements []string
	err := tx.idb.NewRaw(`SELECT format('ALTER TABLE %s ALTER CONSTRAINT %I ', conrelid::regclass, conname) FROM pg_constraint
		WHERE contype = 'f' AND connamespace = current_schema()::regnamespace ORDER BY 1`).Scan(ctx, &statements)
	if err != nil {
		return err
	}
	for _, s := range statements {
		if _, err := tx.idb.NewRaw(s + how).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}
