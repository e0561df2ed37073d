// Command guards takes each guard of the code that protects a node out, one at a time, and expects a test to turn red.
//
// A guard is an `if` that ends in a refusal, a part of a condition that is returned as a verdict, or a part of a WHERE that
// decides who sees what. Which files hold guards is said in kinds, below; within them nothing is picked by hand.
//
// All guards are made switchable at once: the sources are copied with a switch in each guard, and the tests are compiled
// from the copies (go test -overlay), once. Every test then runs alone and writes down which guards held something up in
// it: only those tests can notice that one is gone. For each guard those run again, with that guard switched off, the quickest
// first, until one fails. A guard whose loss nobody notices is printed and makes the command fail, unless explained.tsv says
// why no test can notice it; an explanation that explains nothing fails too.
//
//	go run ./cmd/guards                      all of them
//	go run ./cmd/guards -only signature      of one kind, or of one file
//	go run ./cmd/guards -list                says which there are
package main

import (
	"bufio"
	"bytes"
	_ "embed"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
)

// kinds are the files whose guards are taken out, by what they protect.
var kinds = []struct {
	name  string
	files []string
}{
	{"signature", []string{"federation/signature.go", "federation/cavage.go", "federation/rfc9421.go", "federation/proof.go", "federation/key.go", "federation/pem.go"}},
	{"origin", []string{"inbox/receive.go", "inbox/forwarded.go", "inbox/create.go", "inbox/update.go", "inbox/announce.go", "inbox/undo.go", "inbox/follow.go", "inbox/like.go", "inbox/move.go", "inbox/quote.go",
		"inbox/vote.go", "inbox/feature.go", "inbox/community.go", "inbox/gone.go", "federation/resolve.go", "federation/importpost.go", "federation/discover.go"}},
	{"permit", []string{"federation/peer.go", "federation/host.go", "federation/dial.go", "federation/rate.go", "storage/peer_policy.go", "storage/peer_wildcard.go"}},
	{"visibility", []string{"storage/visibility.go", "federation/serve.go", "federation/collections.go", "federation/featured.go"}},
	{"limit", []string{"federation/client.go", "federation/vocab/decode.go", "federation/thread.go", "federation/threadwalk.go", "web/auth/limit.go"}},
	{"media", []string{"inbox/mirror/mirror.go", "inbox/mirror/fetch.go", "inbox/mirror/hosts.go", "storage/copy.go", "storage/seal.go", "federation/shown.go"}},
	{"circle", []string{"outbox/circle.go", "outbox/post.go", "outbox/share.go", "outbox/quote.go", "outbox/deliver.go"}},
	{"role", []string{"web/auth/scope.go", "web/auth/route.go", "web/auth/bearer.go", "web/auth/token.go", "web/auth/session.go", "storage/user.go", "storage/permission.go"}},
}

// packages are those whose tests are asked; the quick ones first.
var packages = []string{"federation/vocab", "federation/sanitize", "federation/peering", "federation", "inbox/mirror", "outbox", "outbox/text", "outbox/people", "outbox/moderation", "storage", "web/auth", "web/stream", "web/api", "web", "cmd/ruche/node"}

//go:embed explained.tsv
var explained string

func main() {
	only := flag.String("only", "", "a kind, or a file")
	list := flag.Bool("list", false, "say which guards there are, and run nothing")
	dir := flag.String("dir", ".", "the module's root")
	flag.Parse()
	if err := run(*dir, *only, *list); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(dir, only string, list bool) error {
	var guards []*guard
	var sources []*source
	for _, k := range kinds {
		for _, file := range k.files {
			if only != "" && only != k.name && only != file {
				continue
			}
			if _, err := os.Stat(filepath.Join(dir, file)); os.IsNotExist(err) {
				return fmt.Errorf("%s is among the files of the kind %s and doesn't exist: change the list in cmd/guards", file, k.name)
			}
			s, err := readSource(dir, file)
			if err != nil {
				return err
			}
			for _, g := range s.guards {
				g.kind = k.name
				guards = append(guards, g)
			}
			sources = append(sources, s)
		}
	}
	for i, g := range guards {
		g.id = i + 1
	}
	reasons, err := explanations()
	if err != nil {
		return err
	}
	if list {
		for _, g := range guards {
			fmt.Println(g.kind, g.key())
		}
		return nil
	}
	t, err := compile(dir, sources, packages)
	if err != nil {
		return err
	}
	defer t.end()
	if err := t.learn(); err != nil {
		return err
	}
	t.try(guards)
	return report(guards, reasons, only == "")
}

// explanations are why some guards can't be missed by any test, by key.
func explanations() (map[string]string, error) {
	out := map[string]string{}
	lines := bufio.NewScanner(strings.NewReader(explained))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if lines.Text() == "" || strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		key, reason, ok := strings.Cut(lines.Text(), "\t")
		if !ok || strings.TrimSpace(reason) == "" {
			return nil, fmt.Errorf("explained.tsv: %q has no reason behind a tab", lines.Text())
		}
		out[key] = reason
	}
	return out, nil
}

func report(guards []*guard, reasons map[string]string, whole bool) error {
	type sums struct{ all, noticed, explained int }
	by := map[string]*sums{}
	var missed []*guard
	used := map[string]bool{}
	for _, g := range guards {
		s := by[g.kind]
		if s == nil {
			s = new(sums)
			by[g.kind] = s
		}
		s.all++
		switch reason, ok := reasons[g.key()]; {
		case g.noticed != "":
			s.noticed++
			fmt.Printf("red       %-10s %s  (%s)\n", g.kind, g.key(), g.noticed)
		case ok:
			s.explained++
			used[g.key()] = true
			fmt.Printf("explained %-10s %s: %s\n", g.kind, g.key(), reason)
		default:
			missed = append(missed, g)
		}
	}
	for _, g := range missed {
		fmt.Printf("MISSED    %-10s %s  (%d tests meet it)\n", g.kind, g.key(), len(g.met))
	}
	fmt.Printf("\n%-10s %6s %6s %10s\n", "kind", "guards", "red", "explained")
	total := sums{}
	names := make([]string, 0, len(by))
	for name := range by {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		s := by[name]
		fmt.Printf("%-10s %6d %6d %10d\n", name, s.all, s.noticed, s.explained)
		total.all, total.noticed, total.explained = total.all+s.all, total.noticed+s.noticed, total.explained+s.explained
	}
	good := total.noticed + total.explained
	fmt.Printf("%-10s %6d %6d %10d   %.1f %%\n", "all", total.all, total.noticed, total.explained, 100*float64(good)/float64(max(total.all, 1)))
	var stale []string
	for key := range reasons {
		if whole && !used[key] {
			stale = append(stale, key)
		}
	}
	slices.Sort(stale)
	for _, key := range stale {
		fmt.Println("explained.tsv explains what isn't missed:", key)
	}
	if len(missed)+len(stale) > 0 {
		return fmt.Errorf("%d guards can be taken out unnoticed, %d explanations explain nothing", len(missed), len(stale))
	}
	return nil
}

// oneLine is source text without its line breaks, as keys have it.
func oneLine(text []byte) string { return string(bytes.Join(bytes.Fields(text), []byte(" "))) }
