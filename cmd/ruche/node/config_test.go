package node

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write the documents instead of comparing with them")

func TestTheReferenceOfTheConfigurationIsCurrent(t *testing.T) {
	file := filepath.Join("..", "..", "..", "docs", "admin", "configuration.md")
	want := ConfigReference()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is out of date: go test ./cmd/ruche/node -run Reference -update", file)
	}
}
