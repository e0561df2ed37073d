package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
)

// A guard is one place where something is refused.
type guard struct {
	id       int
	kind     string
	file, fn string
	text     string // the condition
	again    int    // which of several alike in one function; 0 the first

	met     []*test
	noticed string // by which test
}

// key names a guard in a way that outlives changes elsewhere in its file.
func (g *guard) key() string {
	key := g.file + " " + g.fn + ": " + g.text
	if g.again > 0 {
		key += fmt.Sprintf(" #%d", g.again+1)
	}
	return key
}

// A source is a file with its guards, and how to write it with switches in them.
type source struct {
	path, pkg string
	text      []byte
	guards    []*guard
	edits     []edit
}

// An edit puts text at a place, made when the guard has its number.
type edit struct {
	from, to int
	with     func() string
}

func readSource(dir, path string) (*source, error) {
	text, err := os.ReadFile(filepath.Join(dir, path))
	if err != nil {
		return nil, err
	}
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, path, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	s := &source{path: path, pkg: f.Name.Name, text: text}
	at := func(p token.Pos) int { return files.Position(p).Offset }
	seen := map[string]int{}
	add := func(fn, text string) *guard {
		g := &guard{file: path, fn: fn, text: text}
		g.again = seen[fn+text]
		seen[fn+text]++
		s.guards = append(s.guards, g)
		return g
	}
	for _, d := range f.Decls {
		decl, ok := d.(*ast.FuncDecl)
		if !ok || decl.Body == nil {
			continue
		}
		fn := decl.Name.Name
		verdict := givesBool(decl.Type)
		ast.Inspect(decl.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncLit:
				was := verdict
				verdict = givesBool(n.Type)
				_ = was
			case *ast.IfStmt:
				if !refuses(n) {
					return true
				}
				from, to := at(n.Cond.Pos()), at(n.Cond.End())
				cond := oneLine(text[from:to])
				name := cond
				if n.Init != nil {
					name = oneLine(text[at(n.Init.Pos()):at(n.Init.End())]) + "; " + cond
				}
				g := add(fn, name)
				s.edits = append(s.edits,
					edit{from, from, func() string { return fmt.Sprintf("zzFires(%d, ", g.id) }},
					edit{to, to, func() string { return ")" }})
			case *ast.ReturnStmt:
				if !verdict || len(n.Results) != 1 {
					return true
				}
				for _, part := range conjuncts(n.Results[0]) {
					from, to := at(part.Pos()), at(part.End())
					g := add(fn, "return … "+oneLine(text[from:to]))
					s.edits = append(s.edits,
						edit{from, from, func() string { return fmt.Sprintf("zzHolds(%d, ", g.id) }},
						edit{to, to, func() string { return ")" }})
				}
			case *ast.BasicLit:
				if n.Kind != token.STRING || !asked.Match([]byte(n.Value)) {
					return true
				}
				cuts := whereParts(n.Value)
				if len(cuts) == 0 {
					return true
				}
				var made []*guard
				for _, c := range cuts {
					made = append(made, add(fn, "WHERE … "+oneLine([]byte(n.Value[c[0]:c[1]]))))
				}
				from, to := at(n.Pos()), at(n.End())
				s.edits = append(s.edits, edit{from, to, func() string {
					// Offsets count within the literal as it is written: only raw strings and plain quoted ones without
					// escapes are cut, in which both are the same.
					var b strings.Builder
					fmt.Fprintf(&b, "zzWhere(%s", n.Value)
					for i, c := range cuts {
						fmt.Fprintf(&b, ", [3]int{%d, %d, %d}", made[i].id, c[0]-1, c[1]-1)
					}
					return b.String() + ")"
				}})
			}
			return true
		})
	}
	return s, nil
}

// switched is the file with its switches.
func (s *source) switched() []byte {
	edits := append([]edit{}, s.edits...)
	sort.SliceStable(edits, func(i, j int) bool { return edits[i].from < edits[j].from })
	var b bytes.Buffer
	last := 0
	for _, e := range edits {
		if e.from < last {
			continue // within a literal that is replaced as a whole
		}
		b.Write(s.text[last:e.from])
		b.WriteString(e.with())
		last = e.to
	}
	b.Write(s.text[last:])
	return b.Bytes()
}

// switches is what a package with guards has besides: whether one is switched off, and the note that one held
// something up.
func switches(pkg string) []byte {
	return []byte(`package ` + pkg + `

import (
	zzfmt "fmt"
	zzos "os"
	zzconv "strconv"
	zzsync "sync"
)

var (
	zzOff, _ = zzconv.Atoi(zzos.Getenv("RUCHE_GUARD"))
	zzNotes  = zzos.Getenv("RUCHE_GUARD_NOTES")
	zzMu     zzsync.Mutex
	zzMet    = map[int]bool{}
)

func zzNote(id int) {
	if zzNotes == "" {
		return
	}
	zzMu.Lock()
	defer zzMu.Unlock()
	if zzMet[id] {
		return
	}
	zzMet[id] = true
	if f, err := zzos.OpenFile(zzNotes, zzos.O_APPEND|zzos.O_CREATE|zzos.O_WRONLY, 0o600); err == nil {
		_, _ = zzfmt.Fprintln(f, id)
		_ = f.Close()
	}
}

func zzFires(id int, refused bool) bool {
	if !refused {
		return false
	}
	zzNote(id)
	return id != zzOff
}

func zzHolds(id int, holds bool) bool {
	if holds {
		return true
	}
	zzNote(id)
	return id == zzOff
}

func zzWhere(sql string, cuts ...[3]int) string {
	for _, c := range cuts {
		zzNote(c[0])
		if c[0] == zzOff {
			return sql[:c[1]] + "(1 = 1 OR " + sql[c[1]:c[2]] + ")" + sql[c[2]:]
		}
	}
	return sql
}

var _ = []any{zzFires, zzHolds, zzWhere}
`)
}

var (
	// refusal is how the code says no.
	refusal = regexp.MustCompile(`(?i)^(?:refuse\w*|fail|fault|invalid|notfound|hidden|denied|deny|forbid\w*|unauthor\w*|Errorf|New|Join|Permanent|invalidf|tooMany\w*|unknown|broken|none|wrap)$`)
	// checks are functions whose error is a verdict.
	checks = regexp.MustCompile(`(?i)^(?:verify\w*|check\w*|permit\w*|same\w*|valid\w*|normali[sz]e\w*|admit\w*|allow\w*|fits|may\w*|active|commitment|activityType|inboxExists)$`)
	// asked is text that decides which rows are seen.
	asked = regexp.MustCompile(`(?:^.|\s)(?:AND|WHERE)\s`)
)

// refuses says whether an if ends in a refusal.
func refuses(n *ast.IfStmt) bool {
	if len(n.Body.List) == 0 {
		return false
	}
	if isErr(n.Cond) { // an error passed on is no guard, unless what failed is a check
		call := false
		for _, part := range []ast.Node{n.Init} {
			if part == nil || n.Init == nil {
				continue
			}
			ast.Inspect(part, func(c ast.Node) bool {
				if c, ok := c.(*ast.CallExpr); ok && checks.MatchString(name(c.Fun)) {
					call = true
				}
				return true
			})
		}
		if !call {
			return false
		}
	}
	switch last := n.Body.List[len(n.Body.List)-1].(type) {
	case *ast.ReturnStmt:
		for _, r := range last.Results {
			if saysNo(r) {
				return true
			}
		}
		for _, before := range n.Body.List[:len(n.Body.List)-1] {
			if e, ok := before.(*ast.ExprStmt); ok {
				if c, ok := e.X.(*ast.CallExpr); ok && refusal.MatchString(name(c.Fun)) {
					return true
				}
			}
		}
		return isErr(n.Cond) && len(last.Results) > 0
	}
	return false
}

func saysNo(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name == "false" || strings.HasPrefix(e.Name, "Err") || e.Name == "NotForPeer"
	case *ast.SelectorExpr:
		return strings.HasPrefix(e.Sel.Name, "Err") || e.Sel.Name == "NotForPeer"
	case *ast.CallExpr:
		return refusal.MatchString(name(e.Fun))
	case *ast.UnaryExpr:
		return e.Op == token.AND && saysNoType(e.X)
	case *ast.BasicLit:
		return e.Kind == token.STRING && len(e.Value) > 2
	}
	return false
}

func saysNoType(e ast.Expr) bool {
	c, ok := e.(*ast.CompositeLit)
	return ok && regexp.MustCompile(`(?i)refus|error|fault`).MatchString(name(c.Type))
}

func isErr(e ast.Expr) bool {
	b, ok := e.(*ast.BinaryExpr)
	if !ok || b.Op != token.NEQ {
		return false
	}
	x, ok := b.X.(*ast.Ident)
	y, ok2 := b.Y.(*ast.Ident)
	return ok && ok2 && strings.HasPrefix(x.Name, "e") && y.Name == "nil"
}

func name(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

func givesBool(t *ast.FuncType) bool {
	if t.Results == nil || len(t.Results.List) != 1 || len(t.Results.List[0].Names) > 1 {
		return false
	}
	id, ok := t.Results.List[0].Type.(*ast.Ident)
	return ok && id.Name == "bool"
}

// conjuncts are the parts of a && b && c; a single expression is none.
func conjuncts(e ast.Expr) []ast.Expr {
	b, ok := e.(*ast.BinaryExpr)
	if !ok || b.Op != token.LAND {
		return nil
	}
	var out []ast.Expr
	var walk func(ast.Expr)
	walk = func(e ast.Expr) {
		if b, ok := e.(*ast.BinaryExpr); ok && b.Op == token.LAND {
			walk(b.X)
			walk(b.Y)
			return
		}
		out = append(out, e)
	}
	walk(b)
	return out
}

// whereParts gives, as offsets within a literal, the parts of SQL that stand behind WHERE or AND.
func whereParts(lit string) (parts [][2]int) {
	if lit[0] == '"' && strings.ContainsRune(lit, '\\') {
		return nil
	}
	word := regexp.MustCompile(`\b(?:WHERE|AND)\s+`)
	for _, m := range word.FindAllStringIndex(lit, -1) {
		from, depth := m[1], 0
		to := len(lit) - 1
	scan:
		for i := from; i < len(lit)-1; i++ {
			switch c := lit[i]; {
			case c == '(':
				depth++
			case c == ')':
				if depth--; depth < 0 {
					to = i
					break scan
				}
			case depth == 0 && ends.MatchString(lit[i:]):
				to = i
				break scan
			}
		}
		part := strings.TrimRight(lit[from:to], " \n\t")
		if part == "" || strings.HasPrefix(part, "CASE") {
			continue
		}
		parts = append(parts, [2]int{from, from + len(part)})
	}
	return parts
}

var ends = regexp.MustCompile(`^\s(?:AND|OR|THEN|ORDER|GROUP|LIMIT|UNION|ON|END|RETURNING)\b`)
