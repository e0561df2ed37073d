package people

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"ruche/storage"
)

// ImportColumns stand in the first line of a file to import, in any order. The first two are needed.
var ImportColumns = []string{"username", "email", "display_name", "department", "role"}

// A Row is what became of one line of a file: an account, or the reason why there is none.
type Row struct {
	Line int
	Made *Made
	Err  error
}

// Import creates an account for each row of a CSV file and tells what became of each, as it goes.
// A bad row keeps no other from being imported. The error is about the file as a whole, or what
// tell returned. locked says whether the accounts approve their followers.
func Import(ctx context.Context, db *storage.DB, file io.Reader, locked bool, tell func(Row) error) error {
	rows, err := openCSV(file)
	if err != nil {
		return err
	}
	first, err := rows.Read()
	if err != nil {
		return fmt.Errorf("read the first line, which names the columns: %w", err)
	}
	place, err := columnsOf(first)
	if err != nil {
		return err
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		fields, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		var bad *csv.ParseError
		if err != nil && !errors.As(err, &bad) {
			return fmt.Errorf("read the file: %w", err)
		}
		row := Row{}
		if bad != nil {
			row.Line, row.Err = bad.Line, bad.Err
		} else {
			row.Line, _ = rows.FieldPos(0)
			row.Made, row.Err = importRow(ctx, db, fields, place, locked)
		}
		if err := tell(row); err != nil {
			return err
		}
	}
}

func importRow(ctx context.Context, db *storage.DB, fields []string, place map[string]int, locked bool) (*Made, error) {
	field := func(name string) string {
		if i, ok := place[name]; ok {
			return strings.TrimSpace(fields[i])
		}
		return ""
	}
	return Create(ctx, db, New{
		Username: field("username"), Email: field("email"), DisplayName: field("display_name"),
		Department: field("department"), Role: field("role"), Locked: locked,
	})
}

// openCSV reads commas, or the semicolons that spreadsheets write where the comma is decimal.
func openCSV(file io.Reader) (*csv.Reader, error) {
	in := bufio.NewReader(file)
	if mark, err := in.Peek(3); err == nil && bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		_, _ = in.Discard(3)
	}
	start, err := in.Peek(in.Size())
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the file: %w", err)
	}
	header, _, _ := bytes.Cut(start, []byte("\n"))
	rows := csv.NewReader(in)
	if bytes.ContainsRune(header, ';') && !bytes.ContainsRune(header, ',') {
		rows.Comma = ';'
	}
	return rows, nil
}

func columnsOf(first []string) (map[string]int, error) {
	place := map[string]int{}
	for i, name := range first {
		name = strings.ToLower(strings.TrimSpace(name))
		if !slices.Contains(ImportColumns, name) {
			return nil, invalid("The first line names the column %q: allowed are %s.", name, strings.Join(ImportColumns, ", "))
		}
		if _, twice := place[name]; twice {
			return nil, invalid("The first line names the column %s twice: leave one out.", name)
		}
		place[name] = i
	}
	for _, needed := range ImportColumns[:2] {
		if _, ok := place[needed]; !ok {
			return nil, invalid("The first line doesn't name the column %s: it begins with the names %s.", needed, strings.Join(ImportColumns, ","))
		}
	}
	return place, nil
}
