package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A package with guards of each shape, of which its tests notice some.
var fixture = map[string]string{
	"go.mod": "module fixture\n\ngo 1.26\n",
	"door.go": `package fixture

import "errors"

func Enter(name string, age int) error {
	if name == "" {
		return errors.New("nobody")
	}
	if age < 18 {
		return errors.New("too young")
	}
	return nil
}

func Both(a, b bool) bool { return a && b }

func Query() string { return "SELECT 1 WHERE a = 1 AND (b = 2 OR c = 3)" }

func Passes(f func() error) error {
	err := f()
	if err != nil {
		return err
	}
	return nil
}
`,
	"door_test.go": `package fixture

import (
	"strings"
	"testing"
)

func TestNobodyEnters(t *testing.T) {
	if Enter("", 20) == nil {
		t.Error("nobody entered")
	}
}

func TestTheYoungAreMet(t *testing.T) { _ = Enter("ana", 7) }

func TestBoth(t *testing.T) {
	if Both(true, false) || !Both(true, true) {
		t.Error("both")
	}
}

func TestQuery(t *testing.T) {
	if !strings.HasPrefix(Query(), "SELECT 1 WHERE a = 1") {
		t.Error(Query())
	}
}
`,
}

func TestWhatNobodyNoticesIsFound(t *testing.T) {
	dir := t.TempDir()
	for name, text := range fixture {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := readSource(dir, "door.go")
	if err != nil {
		t.Fatal(err)
	}
	for i, g := range s.guards {
		g.id = i + 1
	}
	tests, err := compile(dir, []*source{s}, []string{"."})
	if err != nil {
		t.Fatal(err)
	}
	defer tests.end()
	if err := tests.learn(); err != nil {
		t.Fatal(err)
	}
	tests.try(s.guards)
	got := map[string]string{}
	for _, g := range s.guards {
		got[strings.TrimPrefix(g.key(), "door.go ")] = g.noticed
	}
	want := map[string]string{
		`Enter: name == ""`:               "TestNobodyEnters",
		"Enter: age < 18":                 "",
		"Both: return … a":                "",
		"Both: return … b":                "TestBoth",
		"Query: WHERE … a = 1":            "TestQuery",
		"Query: WHERE … (b = 2 OR c = 3)": "",
	}
	for key, noticed := range want {
		if by, there := got[key]; !there || by != noticed {
			t.Errorf("%s: noticed by %q, want %q (%v)", key, by, noticed, got)
		}
	}
	if len(got) != len(want) {
		t.Errorf("the guards are %v", got)
	}
}
