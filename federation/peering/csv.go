package peering

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"ruche/storage"
)

// Mastodon's lists: of allowed domains, a column #domain; of blocked ones, #domain, #severity and more.

const maxRows = 100_000

// ReadCSV reads a list in Mastodon's form. A row that can't be used becomes a problem; the others count. blocked says
// what a list without the column #severity is of.
func ReadCSV(r io.Reader, blocked bool) ([]Entry, []Problem, error) {
	rows := csv.NewReader(r)
	rows.FieldsPerRecord, rows.TrimLeadingSpace, rows.LazyQuotes = -1, true, true
	column := map[string]int{"#domain": 0}
	var entries []Entry
	var problems []Problem
	for first := true; ; first = false {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return entries, problems, nil
		}
		var bad *csv.ParseError
		if errors.As(err, &bad) {
			problems = append(problems, Problem{bad.Line, "", bad.Err.Error()})
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read list: %w", err)
		}
		if len(entries)+len(problems) >= maxRows {
			return nil, nil, fmt.Errorf("the list has more than %d rows", maxRows)
		}
		line, _ := rows.FieldPos(0)
		row[0] = strings.TrimPrefix(row[0], "\ufeff")
		if first && isHeader(row) {
			column = map[string]int{}
			for i, name := range row {
				column["#"+strings.TrimPrefix(strings.ToLower(strings.TrimSpace(name)), "#")] = i
			}
			if _, ok := column["#domain"]; !ok {
				return nil, nil, errors.New("the list has no column #domain")
			}
			continue
		}
		cell := func(name string) string {
			if i, ok := column[name]; ok && i < len(row) {
				return strings.TrimSpace(row[i])
			}
			return ""
		}
		e := Entry{Host: cell("#domain"), Note: cell("#public_comment"), Line: line, merge: true, State: storage.PeerActive}
		if blocked {
			e.State = storage.PeerBlocked
		}
		if _, ok := column["#severity"]; ok {
			switch s := strings.ToLower(cell("#severity")); s {
			case "suspend":
				e.State = storage.PeerBlocked
			case "silence":
				e.State = storage.PeerSuspended
			default:
				problems = append(problems, Problem{line, e.Host, fmt.Sprintf("the severity %q means nothing here: whoever isn't allowed is kept out anyway", s)})
				continue
			}
		}
		if e.Host == "" {
			problems = append(problems, Problem{line, "", "it names no domain"})
			continue
		}
		entries = append(entries, e)
	}
}

// isHeader says whether a first row names columns.
func isHeader(row []string) bool {
	name := strings.ToLower(strings.TrimSpace(row[0]))
	return strings.HasPrefix(name, "#") || name == "domain"
}

// WriteCSV writes the allowed peers in Mastodon's form, or the suspended and blocked ones.
func (p *Peering) WriteCSV(ctx context.Context, w io.Writer, blocked bool) error {
	peers, err := p.DB.Peers(ctx)
	if err != nil {
		return err
	}
	out := csv.NewWriter(w)
	header := []string{"#domain"}
	if blocked {
		header = []string{"#domain", "#severity", "#reject_media", "#reject_reports", "#public_comment", "#obfuscate"}
	}
	_ = out.Write(header) // a writer keeps its first error for Error
	for _, peer := range peers {
		if peer.Via != "" {
			continue
		}
		severity := map[string]string{storage.PeerBlocked: "suspend", storage.PeerSuspended: "silence"}[peer.State]
		switch {
		case !blocked && peer.Active():
			_ = out.Write([]string{peer.Host})
		case blocked && severity != "":
			_ = out.Write([]string{peer.Host, severity, "true", "true", plainCell(peer.Note), "false"})
		}
	}
	out.Flush()
	return out.Error()
}

// plainCell keeps a text from being a formula in somebody's spreadsheet.
func plainCell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
