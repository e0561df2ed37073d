//go:build interop

package interop

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Who acts first in a flow.
const (
	fromRuche  = "Ruche → Fedify"
	fromFedify = "Fedify → Ruche"
	both       = "both"
)

// A flow is one sentence being shown, on one of the nodes.
type flow struct {
	*testing.T
	w    *world
	node *ruche
	fed  *fedify
	ctx  context.Context
}

// on is the flow with another server in Fedify's place.
func (f *flow) on(other *fedify) *flow {
	changed := *f
	changed.fed = other
	return &changed
}

// fresh is the flow with a new server, of which the node knows nothing yet.
func (f *flow) fresh(options map[string]any) *flow {
	f.Helper()
	server, err := f.w.startFedify("fedify.test", options)
	f.must(err)
	f.must(f.node.allow(server.host, true))
	return f.on(server)
}

// shown is a line of the table.
type shown struct{ area, direction, sentence, rule string }

var (
	table   []shown
	tableMu sync.Mutex
)

// show runs a flow on a node of each database, and writes its line into the table. rule names
// what the flow shows to be kept: a section of a specification.
func show(t *testing.T, area, direction, sentence, rule string, do func(f *flow)) {
	t.Helper()
	ok := t.Run(strings.ReplaceAll(sentence, " ", "_"), func(t *testing.T) {
		for _, n := range shared.nodes {
			t.Run(n.database, func(t *testing.T) {
				ours, theirs := n.log.len(), shared.fed.log.len()
				t.Cleanup(func() {
					if t.Failed() {
						t.Logf("log of %s:\n%s\nlog of fedify:\n%s", n.domain, n.log.since(ours), shared.fed.log.since(theirs))
					}
				})
				do(&flow{T: t, w: shared, node: n, fed: shared.fed, ctx: t.Context()})
			})
		}
	})
	if ok {
		tableMu.Lock()
		defer tableMu.Unlock()
		table = append(table, shown{area, direction, sentence, rule})
	}
}

// tableFile is what people read of these tests.
var tableFile = filepath.Join("..", "..", "..", "..", "docs", "federation", "interop.md")

const tableHead = `# Shown with Fedify

Each line is a test between a Ruche node and a server built on Fedify 2.3.6 (` + "`@fedify/fedify`" + ` from npm): two programs that share no code,
over HTTPS, Fedify's own verification of signatures on, Ruche on SQLite and on PostgreSQL. ` + "`make test-interop`" + ` runs them, and fails where
this table says something else than what was shown; ` + "`RUCHE_TEST_UPDATE=1 make test-interop`" + ` writes it anew.

`

// checkTable compares the table of a complete run with the document.
func checkTable() error {
	var b strings.Builder
	b.WriteString(tableHead)
	area := ""
	for _, s := range table {
		if s.area != area {
			if area != "" {
				b.WriteString("\n")
			}
			fmt.Fprintf(&b, "## %s\n\n| who begins | what happens | rule |\n|---|---|---|\n", s.area)
			area = s.area
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", s.direction, s.sentence, s.rule)
	}
	if os.Getenv("RUCHE_TEST_UPDATE") != "" {
		if err := os.MkdirAll(filepath.Dir(tableFile), 0o755); err != nil {
			return err
		}
		return os.WriteFile(tableFile, []byte(b.String()), 0o644)
	}
	old, err := os.ReadFile(tableFile)
	if err != nil {
		return err
	}
	if string(old) != b.String() {
		return fmt.Errorf("%s doesn't say what was shown; RUCHE_TEST_UPDATE=1 writes it anew", tableFile)
	}
	return nil
}
