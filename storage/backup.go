package storage

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"ruche/storage/migrations"
)

// A table is written as one JSON object a line, with every column by its name: numbers as numbers,
// times in RFC 3339, bytes in base64, null for nothing. Both databases write and read the same
// lines, so that a node can move from one to the other.

// Limits of reading rows back. A batch is one statement.
const (
	maxRowLine = 64 << 20 // the largest row is a job with its body, of a few MiB
	batchRows  = 200
	batchBytes = 1 << 20
)

// Schema names the migrations that the database has had, in their order; none where it is new.
func (q *Queries) Schema(ctx context.Context) ([]string, error) {
	query := "SELECT name FROM sqlite_master WHERE name = 'bun_migrations'"
	if q.db.postgres() {
		query = "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = 'bun_migrations'"
	}
	there, err := q.exists(ctx, query)
	if err != nil || !there {
		return nil, err
	}
	var names []string
	if err := q.idb.NewRaw("SELECT name FROM bun_migrations ORDER BY name").Scan(ctx, &names); err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	return names, nil
}

// MigrateTo runs the named migrations, and no others, on a database that has had none or the same.
func (db *DB) MigrateTo(ctx context.Context, schema []string) error {
	has, err := db.Schema(ctx)
	if err != nil {
		return err
	}
	if slices.Equal(has, schema) {
		return nil
	}
	if len(has) > 0 {
		return fmt.Errorf("the database has another schema (%s) than the backup (%s): give it a new, empty database", strings.Join(has, " "), strings.Join(schema, " "))
	}
	return migrations.Only(ctx, db.migrator(), schema)
}

// Unused says whether nothing is in the database but what a node makes for itself on its first
// start: its settings, its own account, the news of them and the entry of the start. Otherwise it names a table that holds
// more.
func (q *Queries) Unused(ctx context.Context) (ok bool, inUse string, err error) {
	tables, err := q.Tables(ctx)
	if err != nil {
		return false, "", err
	}
	for _, table := range tables {
		query := "SELECT 1 FROM ?"
		switch table {
		case "settings", "changes", "audit_parts", "jobs": // a node's periodic jobs; others come of accounts and peers
			continue
		case "audit_entries":
			query = "SELECT 1 FROM ? WHERE action <> '" + ActionConfig + "'"
		case "accounts":
			query = "SELECT 1 FROM ? WHERE kind <> '" + Application + "' OR peer <> ''"
		case "keys":
			query = "SELECT 1 FROM ? WHERE account_id NOT IN (SELECT id FROM accounts WHERE kind = '" + Application + "' AND peer = '')"
		}
		found, err := q.exists(ctx, query, bun.Ident(table))
		if err != nil || found {
			return false, table, err
		}
	}
	return true, "", nil
}

// WriteRows writes every row of a table and says how many there were. Inside View the tables of
// one backup agree. Only one row is in memory at a time.
func (q *Queries) WriteRows(ctx context.Context, table string, w io.Writer) (int64, error) {
	columns, err := q.columns(ctx, table)
	if err != nil {
		return 0, err
	}
	query := q.idb.NewSelect().TableExpr("?", bun.Ident(table))
	for _, c := range columns {
		query = query.ColumnExpr("?", bun.Ident(c.Name))
	}
	rows, err := query.Rows(ctx)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", table, err)
	}
	defer rows.Close()
	out := bufio.NewWriter(w)
	var n int64
	values := make([]any, len(columns))
	for i, c := range columns {
		values[i] = c.kind.holder()
	}
	for ; rows.Next(); n++ {
		if err := rows.Scan(values...); err != nil {
			return n, fmt.Errorf("read %s: %w", table, err)
		}
		if err := writeRow(out, columns, values); err != nil {
			return n, fmt.Errorf("write a row of %s: %w", table, err)
		}
	}
	if err := rows.Err(); err != nil {
		return n, fmt.Errorf("read %s: %w", table, err)
	}
	return n, out.Flush()
}

func writeRow(out *bufio.Writer, columns []column, values []any) error {
	for i, c := range columns {
		separator := byte(',')
		if i == 0 {
			separator = '{'
		}
		body, err := json.Marshal(plain(values[i]))
		if err != nil {
			return err
		}
		// bufio keeps its first error for Flush.
		_ = out.WriteByte(separator)
		fmt.Fprintf(out, "%q:", c.Name)
		_, _ = out.Write(body)
	}
	_, err := out.WriteString("}\n")
	return err
}

// holder gives what a value of this kind is scanned into.
func (k columnKind) holder() any {
	switch k {
	case kindInt:
		return new(sql.Null[int64])
	case kindFloat:
		return new(sql.Null[float64])
	case kindBool:
		return new(sql.Null[bool])
	case kindTime:
		return new(sql.Null[time.Time])
	case kindBytes:
		return new([]byte)
	}
	return new(sql.Null[string])
}

// plain gives the value in a holder, nil for NULL.
func plain(holder any) any {
	switch h := holder.(type) {
	case *sql.Null[string]:
		if h.Valid {
			return h.V
		}
	case *sql.Null[int64]:
		if h.Valid {
			return h.V
		}
	case *sql.Null[float64]:
		if h.Valid {
			return h.V
		}
	case *sql.Null[bool]:
		if h.Valid {
			return h.V
		}
	case *sql.Null[time.Time]:
		if h.Valid {
			return h.V.UTC()
		}
	case *[]byte:
		if *h != nil {
			return *h
		}
	}
	return nil
}

// Replace fills an unused database with rows that WriteRows wrote, in one transaction: wholly or
// not at all. feed calls fill once for every table of the schema, in any order, and may still
// refuse after the last. It may be called more than once.
func (db *DB) Replace(ctx context.Context, feed func(fill func(table string, rows io.Reader) (int64, error)) error) error {
	return db.Update(ctx, func(tx *Tx) error {
		unused, what, err := tx.Unused(ctx)
		if err != nil {
			return err
		}
		if !unused {
			return fmt.Errorf("the database isn't empty (%s): %w", what, ErrExists)
		}
		missing, err := tx.Tables(ctx)
		if err != nil {
			return err
		}
		if err := tx.deferReferences(ctx); err != nil {
			return fmt.Errorf("let rows come in any order: %w", err)
		}
		for _, table := range missing {
			if _, err := tx.idb.NewRaw("DELETE FROM ?", bun.Ident(table)).Exec(ctx); err != nil {
				return fmt.Errorf("empty %s: %w", table, err)
			}
		}
		err = feed(func(table string, rows io.Reader) (int64, error) {
			i := slices.Index(missing, table)
			if i < 0 {
				return 0, fmt.Errorf("the table %s isn't in this schema, or stands twice in the backup", table)
			}
			missing = slices.Delete(missing, i, i+1)
			return tx.readRows(ctx, table, rows)
		})
		if err != nil {
			return err
		}
		if len(missing) > 0 {
			return fmt.Errorf("the backup has no table %s", strings.Join(missing, ", "))
		}
		if err := tx.checkReferences(ctx); err != nil {
			return fmt.Errorf("check what rows refer to: %w", err)
		}
		return tx.forgetIndex(ctx)
	})
}

// readRows inserts what WriteRows wrote.
func (tx *Tx) readRows(ctx context.Context, table string, r io.Reader) (int64, error) {
	columns, err := tx.columns(ctx, table)
	if err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxRowLine)
	var n int64
	var batch [][]any
	size := 0
	flush := func() error {
		err := tx.insertRows(ctx, table, columns, batch)
		batch, size = nil, 0
		return err
	}
	for lines.Scan() {
		n++
		row, err := parseRow(columns, lines.Bytes())
		if err != nil {
			return n, fmt.Errorf("row %d of %s: %w", n, table, err)
		}
		batch, size = append(batch, row), size+len(lines.Bytes())
		if len(batch) >= batchRows || size >= batchBytes {
			if err := flush(); err != nil {
				return n, err
			}
		}
	}
	if err := lines.Err(); err != nil {
		return n, fmt.Errorf("row %d of %s: %w", n+1, table, err)
	}
	return n, flush()
}

// parseRow reads one line. It has to have exactly the table's columns.
func parseRow(columns []column, line []byte) ([]any, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil {
		return nil, err
	}
	if len(fields) != len(columns) {
		return nil, fmt.Errorf("has %d columns instead of %d", len(fields), len(columns))
	}
	row := make([]any, len(columns))
	for i, c := range columns {
		raw, ok := fields[c.Name]
		if !ok {
			return nil, fmt.Errorf("has no column %s", c.Name)
		}
		if bytes.Equal(raw, []byte("null")) {
			continue
		}
		var err error
		switch c.kind {
		case kindInt:
			row[i], err = parse[int64](raw)
		case kindFloat:
			row[i], err = parse[float64](raw)
		case kindBool:
			row[i], err = parse[bool](raw)
		case kindTime:
			row[i], err = parse[time.Time](raw)
		case kindBytes:
			row[i], err = parse[[]byte](raw)
		default:
			row[i], err = parse[string](raw)
		}
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", c.Name, err)
		}
	}
	return row, nil
}

func parse[T any](raw json.RawMessage) (any, error) {
	var v T
	err := json.Unmarshal(raw, &v)
	return v, err
}

func (tx *Tx) insertRows(ctx context.Context, table string, columns []column, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	places := strings.TrimSuffix(strings.Repeat("?, ", len(columns)), ", ")
	query := "INSERT INTO ? (" + places + ") VALUES (" + strings.TrimSuffix(strings.Repeat(places+"), (", len(rows)), ", (")
	args := []any{bun.Ident(table)}
	for _, c := range columns {
		args = append(args, bun.Ident(c.Name))
	}
	for _, row := range rows {
		args = append(args, row...)
	}
	if _, err := tx.idb.NewRaw(query, args...).Exec(ctx); err != nil {
		return fmt.Errorf("fill %s: %w", table, err)
	}
	return nil
}
