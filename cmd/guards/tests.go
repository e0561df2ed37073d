package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// testTime is how long one test may take; one that hangs without a guard has noticed that it is gone.
const testTime = 5 * time.Minute

// A test is a test function in a compiled package.
type test struct {
	pkg, binary, name string
	took              time.Duration
	meets             []int
}

type tester struct {
	dir, work string
	tests     []*test
}

// compile builds the tests of packages from sources with switches in them.
func compile(dir string, sources []*source, packages []string) (*tester, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	work, err := os.MkdirTemp("", "guards") // outside the module, whose packages it would join
	if err != nil {
		return nil, err
	}
	t := &tester{dir: root, work: work}
	replace := map[string]string{}
	put := func(path string, text []byte) error {
		copied := filepath.Join(t.work, strings.ReplaceAll(path, "/", "_"))
		replace[filepath.Join(root, path)] = copied
		return os.WriteFile(copied, text, 0o644)
	}
	for _, s := range sources {
		if len(s.guards) == 0 {
			continue
		}
		if err := put(s.path, s.switched()); err != nil {
			return nil, err
		}
		if err := put(filepath.Join(filepath.Dir(s.path), "zz_switches.go"), switches(s.pkg)); err != nil {
			return nil, err
		}
	}
	overlay := filepath.Join(t.work, "overlay.json")
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(overlay, text, 0o644); err != nil {
		return nil, err
	}
	for _, pkg := range packages {
		binary := filepath.Join(t.work, strings.ReplaceAll(pkg, "/", "_")+".test")
		build := exec.Command("go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", binary, "./"+pkg)
		build.Dir = root
		if out, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("compile the tests of %s: %w\n%s", pkg, err, out)
		}
		if _, err := os.Stat(binary); err != nil {
			continue // it has no tests
		}
		list := exec.Command(binary, "-test.list", "^(Test|Fuzz)")
		list.Dir = filepath.Join(root, pkg)
		out, err := list.Output()
		if err != nil {
			return nil, fmt.Errorf("list the tests of %s: %w", pkg, err)
		}
		for _, name := range strings.Fields(string(out)) {
			if strings.HasPrefix(name, "Test") || strings.HasPrefix(name, "Fuzz") {
				t.tests = append(t.tests, &test{pkg: pkg, binary: binary, name: name})
			}
		}
	}
	return t, nil
}

// end removes what was compiled.
func (t *tester) end() { _ = os.RemoveAll(t.work) }

// run runs tests of one package; good: all passed.
func (t *tester) run(pkg, binary string, names []string, env ...string) (good bool, output string) {
	ctx, cancel := context.WithTimeout(context.Background(), testTime+10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "-test.run", "^("+strings.Join(names, "|")+")$", "-test.failfast", "-test.timeout", testTime.String())
	cmd.Dir = filepath.Join(t.dir, pkg)
	cmd.Env = append(os.Environ(), "RUCHE_TEST_POSTGRES=")
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	return err == nil, string(out)
}

// each does something with every index, on all processors.
func each(n int, do func(i int)) {
	var wait sync.WaitGroup
	next := make(chan int)
	for range runtime.NumCPU() {
		wait.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wait.Wait()
}

// learn runs every test alone and writes down which guards it meets.
func (t *tester) learn() error {
	var mu sync.Mutex
	var failed []string
	each(len(t.tests), func(i int) {
		one := t.tests[i]
		notes := filepath.Join(t.work, fmt.Sprint("notes", i))
		began := time.Now()
		good, output := t.run(one.pkg, one.binary, []string{one.name}, "RUCHE_GUARD=", "RUCHE_GUARD_NOTES="+notes)
		one.took = time.Since(began)
		if !good {
			mu.Lock()
			failed = append(failed, fmt.Sprintf("%s %s fails with every guard in place:\n%s", one.pkg, one.name, output))
			mu.Unlock()
			return
		}
		f, err := os.Open(notes)
		if err != nil {
			return // it met none
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if id, err := strconv.Atoi(lines.Text()); err == nil {
				one.meets = append(one.meets, id)
			}
		}
	})
	if len(failed) > 0 {
		return fmt.Errorf("%s", strings.Join(failed, "\n"))
	}
	fmt.Printf("%d tests say which guards they meet\n", len(t.tests))
	return nil
}

// try switches each guard off and runs the tests that meet it, until one fails.
func (t *tester) try(guards []*guard) {
	met := map[int][]*test{}
	for _, one := range t.tests {
		for _, id := range one.meets {
			met[id] = append(met[id], one)
		}
	}
	var mu sync.Mutex
	done := 0
	each(len(guards), func(i int) {
		g := guards[i]
		g.met = met[g.id]
		sort.Slice(g.met, func(a, b int) bool { return g.met[a].took < g.met[b].took })
		off := fmt.Sprint("RUCHE_GUARD=", g.id)
		alone := min(len(g.met), 4)
		for _, one := range g.met[:alone] {
			if good, _ := t.run(one.pkg, one.binary, []string{one.name}, off); !good {
				g.noticed = one.name
				break
			}
		}
		for _, pkg := range packages { // the rest a package at a time
			var names []string
			binary := ""
			for _, one := range g.met[alone:] {
				if one.pkg == pkg {
					names, binary = append(names, one.name), one.binary
				}
			}
			for from := 0; from < len(names) && g.noticed == ""; from += 12 {
				batch := names[from:min(from+12, len(names))]
				if good, output := t.run(pkg, binary, batch, off); !good {
					g.noticed = firstFailure(output, batch[0])
				}
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if done++; done%25 == 0 {
			fmt.Printf("%d of %d guards tried\n", done, len(guards))
		}
	})
}

func firstFailure(output, otherwise string) string {
	_, after, ok := strings.Cut(output, "--- FAIL: ")
	if !ok {
		return otherwise
	}
	name, _, _ := strings.Cut(after, " ")
	return name
}
