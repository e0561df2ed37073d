package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ruche/storage/storagetest"
)

// patience is the upper bound of every wait for a process; nothing is measured with it.
const patience = 30 * time.Second

// until waits for something that another process brings about.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within %s", what, patience)
		case <-tick.C:
		}
	}
}

// serving runs the site's node until the test ends. Its address is the site's from then on.
type serving struct {
	*site
	base string
	stop func() (exit int)
	log  *bytes.Buffer
}

func (s *site) serve() *serving {
	s.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		s.t.Fatal(err)
	}
	s.env = append(s.env, "RUCHE_LISTEN="+address)
	cmd := s.command("serve")
	n := &serving{site: s, base: "http://" + address, log: new(bytes.Buffer)}
	cmd.Stderr = n.log
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	n.stop = sync.OnceValue(func() int {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		return cmd.ProcessState.ExitCode()
	})
	s.t.Cleanup(func() {
		if n.stop(); s.t.Failed() {
			s.t.Logf("log of the node:\n%s", n.log)
		}
	})
	until(s.t, "the node is ready", func() bool {
		select {
		case <-ended:
			s.t.Fatalf("the node ended: %s", n.log)
		default:
		}
		res, err := http.Get(n.base + "/readyz") // any Host
		if err != nil {
			return false
		}
		defer res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	return n
}

// call asks the client API as an app does, and decodes what it answers.
func (n *serving) call(method, path, token string, form url.Values, into any) int {
	n.t.Helper()
	req, err := http.NewRequest(method, n.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		n.t.Fatal(err)
	}
	req.Host = "siege.test"
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Forwarded-Proto", "https")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	if into != nil && res.StatusCode == http.StatusOK {
		if err := json.Unmarshal(body, into); err != nil {
			n.t.Fatalf("%v in %s", err, body)
		}
	}
	return res.StatusCode
}

// whoAmI gives the status of asking who a token acts for.
func (n *serving) whoAmI(token string) int {
	n.t.Helper()
	return n.call("GET", "/api/v1/accounts/verify_credentials", token, nil, nil)
}

func (n *serving) post(token, text string) (id string, status int) {
	n.t.Helper()
	var made struct{ ID string }
	status = n.call("POST", "/api/v1/statuses", token, url.Values{"status": {text}}, &made)
	return made.ID, status
}

func TestARunningNodeHearsTheCommandsBesideIt(t *testing.T) {
	s := newSite(t)
	n := s.serve()
	s.create("ana", "--role", "owner")
	s.create("luc")
	token := strings.TrimSpace(s.does("token", "create", "--account", "luc"))
	if got := n.whoAmI(token); got != http.StatusOK {
		t.Fatalf("a new token is answered %d", got)
	}
	if _, got := n.post(token, "hello"); got != http.StatusOK {
		t.Fatalf("a post is answered %d", got)
	}
	s.does("peer", "allow", "labo.test")
	s.does("peer", "list")
	s.does("migrate")
	s.does("account", "suspend", "luc")
	until(t, "the token of a suspended account is refused", func() bool { return n.whoAmI(token) != http.StatusOK })
	s.does("account", "unsuspend", "luc")
	token = strings.TrimSpace(s.does("token", "create", "--account", "luc"))
	until(t, "luc is back", func() bool { return n.whoAmI(token) == http.StatusOK })
	s.does("account", "reset-password", "luc")
	until(t, "a new password ends tokens", func() bool { return n.whoAmI(token) == http.StatusUnauthorized })

	// The data directory is served by one process only.
	s.env = append(s.env, "RUCHE_LISTEN=127.0.0.1:0")
	r := s.runWith("", "serve")
	if r.code != 1 || strings.Count(r.errs, "\n") != 1 || !strings.Contains(r.errs, "running node") {
		t.Errorf("a second serve: %+v", r)
	}
	if code := n.stop(); code != 0 {
		t.Errorf("the node's exit code is %d", code)
	}
}

// moving runs a test from each kind of database to each, with the variable that names it.
func moving(t *testing.T, test func(t *testing.T, from, to string)) {
	kinds := map[string]func() string{"sqlite": func() string { return "" }}
	if server := storagetest.Server(); server != "" {
		kinds["postgresql"] = func() string { return "RUCHE_DATABASE_URL=" + storagetest.Postgres(t, server) }
	}
	for a, from := range kinds {
		for b, to := range kinds {
			t.Run(a+" to "+b, func(t *testing.T) { test(t, from(), to()) })
		}
	}
}

func variable(set string) []string {
	if set == "" {
		return nil
	}
	return []string{set}
}

func TestABackupUnderLoadIsRestoredElsewhereWithEveryAcknowledgedPost(t *testing.T) {
	moving(t, func(t *testing.T, from, to string) {
		s := newSite(t, append(variable(from), "RUCHE_RATE_LIMITS=off")...)
		n := s.serve()
		s.create("ana", "--role", "owner")
		token := strings.TrimSpace(s.does("token", "create", "--account", "ana"))
		var mu sync.Mutex
		var acknowledged []string
		var writing sync.WaitGroup
		stop, enough := make(chan struct{}), make(chan struct{})
		for range 3 {
			writing.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					id, status := n.post(token, "under load")
					if status != http.StatusOK {
						t.Errorf("a post is answered %d", status)
						return
					}
					mu.Lock()
					if acknowledged = append(acknowledged, id); len(acknowledged) == 30 {
						close(enough)
					}
					mu.Unlock()
				}
			})
		}
		<-enough
		mu.Lock()
		before := slices.Clone(acknowledged)
		mu.Unlock()
		archive := filepath.Join(t.TempDir(), "all.tar.gz")
		if got := s.does("backup", archive); !strings.HasPrefix(got, archive+"\t") || !strings.Contains(got, " rows\t") {
			t.Errorf("backup prints %q", got)
		}
		close(stop)
		writing.Wait()
		if entries, err := os.ReadDir(filepath.Dir(archive)); err != nil || len(entries) != 1 {
			t.Errorf("backup left %v (%v)", entries, err)
		}
		// What is served, or has somebody in it, is not overwritten.
		s.refuses(1, says("running node", "stop it"), "restore", archive)
		if code := n.stop(); code != 0 {
			t.Errorf("the node's exit code is %d", code)
		}
		s.refuses(1, says("isn't empty", "nothing was restored"), "restore", archive)

		elsewhere := newSite(t, append(variable(to), "RUCHE_RATE_LIMITS=off")...)
		elsewhere.does("restore", archive)
		restored := elsewhere.serve()
		for _, id := range before {
			if status := restored.call("GET", "/api/v1/statuses/"+id, token, nil, nil); status != http.StatusOK {
				t.Errorf("the acknowledged post %s is answered %d after the restore", id, status)
			}
		}
		if _, status := restored.post(token, "life goes on"); status != http.StatusOK {
			t.Errorf("a new post is answered %d", status)
		}
	})
}

func TestARestoreThatCannotBeLeavesNothing(t *testing.T) {
	s := newSite(t)
	s.create("ana")
	s.does("backup", "all.tar.gz")
	whole, err := os.ReadFile(filepath.Join(s.dir, "all.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(s.dir, "all.tar.gz"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the archive holds keys and has the mode %v (%v)", info.Mode(), err)
	}
	elsewhere := newSite(t)
	changed := bytes.Clone(whole)
	changed[len(changed)/3] ^= 4
	elsewhere.write("whole.tar.gz", string(whole))
	elsewhere.write("changed.tar.gz", string(changed))
	elsewhere.write("half.tar.gz", string(whole[:len(whole)/2]))
	elsewhere.write("text.tar.gz", "hello")
	for _, file := range []string{"changed.tar.gz", "half.tar.gz", "text.tar.gz"} {
		elsewhere.refuses(1, says(file, "damaged", "nothing was restored"), "restore", file)
	}
	elsewhere.refuses(1, says("none.tar.gz"), "restore", "none.tar.gz")
	elsewhere.env = append(elsewhere.env, "RUCHE_DOMAIN=labo.test")
	elsewhere.refuses(1, says("RUCHE_DOMAIN", "labo.test", "set RUCHE_DOMAIN=siege.test"), "restore", "whole.tar.gz")
	if _, err := os.Stat(filepath.Join(elsewhere.dir, "data")); !os.IsNotExist(err) {
		t.Errorf("a refused restore made a data directory (%v)", err)
	}
	elsewhere.env = append(elsewhere.env, "RUCHE_DOMAIN=siege.test")
	elsewhere.does("restore", "whole.tar.gz")
	if got := elsewhere.does("account", "list"); !strings.HasPrefix(got, "ana\t") {
		t.Errorf("the restored list is %q", got)
	}
	// A backup that can't be written leaves the one before.
	s.refuses(1, says("backup"), "backup", "nowhere/all.tar.gz")
	if again, err := os.ReadFile(filepath.Join(s.dir, "all.tar.gz")); err != nil || !bytes.Equal(again, whole) {
		t.Errorf("the first archive has changed (%v)", err)
	}
}
