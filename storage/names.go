package storage

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
)

// Names are words that are kept as JSON in one column. A column that can't be read doesn't take down the page that its row is on: it is
// Damaged.
type Names []string

// Damaged says that the column couldn't be read.
func (n Names) Damaged() bool { return len(n) == 1 && n[0] == "" }

// Scan reads the column.
func (n *Names) Scan(src any) error {
	if !readJSON(src, (*[]string)(n)) {
		*n = Names{""}
	}
	return nil
}

// Value writes the column.
func (n Names) Value() (driver.Value, error) { return writeJSON(n == nil, n) }

// Fields are the lines of a profile, kept as JSON in one column; those that can't be read are none.
type Fields []Field

// Scan reads the column.
func (f *Fields) Scan(src any) error {
	if !readJSON(src, (*[]Field)(f)) {
		*f = nil
	}
	return nil
}

// Value writes the column.
func (f Fields) Value() (driver.Value, error) { return writeJSON(f == nil, f) }

func readJSON(src, to any) bool {
	switch v := src.(type) {
	case nil:
		return json.Unmarshal([]byte("null"), to) == nil
	case []byte:
		return json.Unmarshal(v, to) == nil
	case string:
		return json.Unmarshal([]byte(v), to) == nil
	}
	return false
}

func writeJSON(null bool, v any) (driver.Value, error) {
	if null {
		return nil, nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write a list: %w", err)
	}
	return string(b), nil
}
