package node

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ruche/storage"
	"ruche/storage/storagetest"
)

var root = filepath.Join("..", "..", "..")

// sources reads the Go files of the tree that fit.
func sources(t *testing.T, fits func(path string) bool) map[string]string {
	t.Helper()
	out := map[string]string{}
	ok(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git" || d.Name() == "testdata" || d.Name() == "tmp") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".go") && fits(path) {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			out[filepath.ToSlash(rel)] = string(text)
		}
		return nil
	}))
	return out
}

func TestTheSecurityPageNamesTestsThatExistAndLeavesOutNoCase(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "security.md"))
	ok(t, err)
	declared := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
	for _, text := range sources(t, func(path string) bool { return strings.HasSuffix(path, "_test.go") }) {
		for _, m := range function.FindAllStringSubmatch(text, -1) {
			declared[m[1]] = true
		}
	}
	named := regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w+`).FindAllString(string(page), -1)
	if len(named) < 100 {
		t.Errorf("the page names %d tests", len(named))
	}
	for _, name := range named {
		if !declared[name] {
			t.Errorf("the page names %s, which doesn't exist", name)
		}
	}
	for i := range 47 {
		if !strings.Contains(string(page), fmt.Sprintf("\n| %d | ", i+1)) {
			t.Errorf("the page leaves out advisory %d", i+1)
		}
	}
	gate := ""
	for _, text := range sources(t, func(path string) bool {
		return strings.HasSuffix(path, filepath.Join("federation", "signature_test.go")) || strings.HasSuffix(path, filepath.Join("federation", "rfc9421_test.go"))
	}) {
		gate += text
	}
	for i := range 25 {
		if name := fmt.Sprintf(`"R%d `, i+1); !strings.Contains(gate, name) {
			t.Errorf("no test of the gate is called %s…", name)
		}
	}
	for _, line := range strings.Split(string(page), "\n") {
		if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| case") && !strings.HasPrefix(line, "| # ") && !regexp.MustCompile(`(?:Test|Fuzz)[A-Z]\w+ *(?:, (?:Test|Fuzz|Benchmark)\w+ *)*\|$`).MatchString(line) {
			t.Errorf("a case without a test: %s", line)
		}
	}
}

func TestThereIsOneWayOut(t *testing.T) {
	out := regexp.MustCompile(`http\.(?:Client\{|Transport\{|Get\(|Post\(|PostForm\(|Head\(|DefaultClient|DefaultTransport)|net\.(?:Dial|Dialer\{)|tls\.Dial`)
	for path, text := range sources(t, func(path string) bool { return !strings.HasSuffix(path, "_test.go") }) {
		// The demonstration asks its own nodes on this machine whether they are ready.
		if path == "federation/dial.go" || path == "cmd/ruche/demo/demo.go" || !out.MatchString(text) {
			continue
		}
		t.Errorf("%s goes out by itself (%s): federation's client is the one way", path, out.FindString(text))
	}
}

func TestAnswersToPeersAreCachedForNobodyElse(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test", "labo.test")
	ana := n.person("ana@siege.test")
	post := ana.posts("for peers", storage.Public)
	for _, address := range []string{post.URI, post.URI + "/create", post.URI + "/replies", ana.me.URI, ana.me.OutboxURI, ana.me.FollowersURI, ana.me.FeaturedURI} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, address, nil)
		r.Header.Set("Accept", "application/activity+json")
		n.net.nodes["siege.test"].ServeHTTP(w, r)
		vary := strings.Join(w.Header().Values("Vary"), ", ")
		if !strings.Contains(vary, "Signature") || !strings.Contains(vary, "Accept") || w.Header().Get("Cache-Control") != "private" {
			t.Errorf("%s: %d, Vary %q, Cache-Control %q", address, w.Code, vary, w.Header().Get("Cache-Control"))
		}
	}
}
