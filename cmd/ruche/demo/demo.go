// Package demo shows Ruche at work on one machine: three companies' nodes, linked, with people
// who have been talking for some weeks.
//
// The story is data (story.go). Each node is a process of its own, with its own database and
// domain under localhost. The story is played by acting for its people, so that every follow,
// reply and share between nodes travels as signed activities; no row is written behind the
// program's back. Started again, the demo goes on where it was.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"ruche/cmd/ruche/node"
	"ruche/outbox/people"
	"ruche/storage"
)

// Password is everybody's in the demo. Its nodes listen on this machine only.
const Password = "abeille-demo"

// readyTime bounds how long a node may take to start, and how long the story may stand still.
const readyTime = 60 * time.Second

// stage is one node of the demo: a process, and a way to act for its people beside it.
type stage struct {
	Node
	cfg     node.Config
	acts    *node.Node
	process *exec.Cmd
	log     string
	ended   chan error
}

// Config is how a node of the demo is set up, in a folder of its own.
func Config(n Node, dir string) (node.Config, error) {
	_, port, err := net.SplitHostPort(n.Domain)
	if err != nil {
		return node.Config{}, fmt.Errorf("domain %q: %w", n.Domain, err)
	}
	return node.Load(os.DevNull, true, []string{
		"RUCHE_DOMAIN=" + n.Domain, "RUCHE_NAME=" + n.Title, "RUCHE_LOCALE=fr", "RUCHE_LISTEN=127.0.0.1:" + port,
		"RUCHE_DATA_DIR=" + filepath.Join(dir, n.Name), "RUCHE_RATE_LIMITS=off",
	})
}

// Run plays the demo until ctx ends. executable is this program, which is started once per node.
func Run(ctx context.Context, dir, executable string, out io.Writer) error {
	story, err := Load()
	if err != nil {
		return err
	}
	stages := map[string]*stage{}
	defer func() { stop(stages, out) }()
	for _, n := range story.Nodes {
		s, err := open(ctx, n, dir)
		if err != nil {
			return err
		}
		stages[n.Name] = s
	}
	if err := settle(ctx, story, stages, out); err != nil {
		return err
	}
	for _, s := range stages {
		if err := s.start(ctx, executable, dir); err != nil {
			return err
		}
	}
	p, err := newPlay(story, stages, filepath.Join(dir, "played"), out)
	if err != nil {
		return err
	}
	if err := p.run(ctx); err != nil {
		return errors.Join(err, p.close())
	}
	if err := p.close(); err != nil {
		return err
	}
	welcome(story, stages, out)
	select {
	case <-ctx.Done():
		return nil
	case err := <-anyEnds(ctx, stages):
		return err
	}
}

func open(ctx context.Context, n Node, dir string) (*stage, error) {
	cfg, err := Config(n, dir)
	if err != nil {
		return nil, err
	}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	acts, err := node.New(ctx, cfg, node.Options{Version: "demo", Log: quiet, AnyAge: true})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", n.Name, err)
	}
	return &stage{Node: n, cfg: cfg, acts: acts, log: filepath.Join(dir, n.Name, "log"), ended: make(chan error, 1)}, nil
}

// start runs the node as a process of its own and waits until it is ready.
func (s *stage) start(ctx context.Context, executable, dir string) error {
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	s.process = exec.Command(executable, "demo-node", "--dir", dir, s.Name)
	s.process.Stdout, s.process.Stderr = log, log
	// Ctrl-C in a terminal goes to the whole group; the nodes are told by us, after the play.
	s.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.process.Start(); err != nil {
		return fmt.Errorf("start %s: %w", s.Name, err)
	}
	go func() { s.ended <- s.process.Wait() }()
	ready, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if req, err := http.NewRequestWithContext(ready, http.MethodGet, "http://"+s.cfg.Listen+"/readyz", nil); err == nil {
			if res, err := http.DefaultTransport.RoundTrip(req); err == nil {
				_ = res.Body.Close()
				if res.StatusCode == http.StatusOK {
					return nil
				}
			}
		}
		select {
		case err := <-s.ended:
			s.ended <- err
			return fmt.Errorf("%s ended at once; the end of its log (%s):\n%s", s.Name, s.log, lastLines(s.log))
		case <-ready.Done():
			return fmt.Errorf("%s isn't ready within %s; see %s", s.Name, readyTime, s.log)
		case <-tick.C:
		}
	}
}

func lastLines(file string) string {
	body, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(body)), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], "\n")
}

func anyEnds(ctx context.Context, stages map[string]*stage) <-chan error {
	out := make(chan error, len(stages))
	for _, s := range stages {
		go func() {
			select {
			case err := <-s.ended:
				s.ended <- err
				out <- fmt.Errorf("%s ended by itself; the end of its log (%s):\n%s", s.Name, s.log, lastLines(s.log))
			case <-ctx.Done():
			}
		}()
	}
	return out
}

func stop(stages map[string]*stage, out io.Writer) {
	var waiting sync.WaitGroup
	for _, s := range stages {
		waiting.Go(func() {
			if s.process != nil && s.process.Process != nil {
				_ = s.process.Process.Signal(syscall.SIGTERM)
				select {
				case <-s.ended:
				case <-time.After(readyTime):
					_ = s.process.Process.Kill()
				}
			}
			if s.acts != nil {
				_ = s.acts.Stop(context.Background())
			}
		})
	}
	waiting.Wait()
	fmt.Fprintln(out, "The demo has stopped; `make demo` goes on where it was.")
}

// settle makes the accounts and the links between the nodes, where they aren't yet.
func settle(ctx context.Context, story *Story, stages map[string]*stage, out io.Writer) error {
	for i, p := range story.People {
		fmt.Fprintf(out, "\rPeople move in: %d of %d", i+1, len(story.People))
		if err := moveIn(ctx, stages[p.Node].acts.DB(), p); err != nil {
			return fmt.Errorf("%s@%s: %w", p.Username, p.Node, err)
		}
	}
	fmt.Fprintln(out)
	for _, s := range stages {
		for _, other := range stages {
			if s == other {
				continue
			}
			tier := storage.Partner
			if s.Organisation == other.Organisation {
				tier = storage.Sibling
			}
			err := s.acts.DB().Update(ctx, func(tx *storage.Tx) error {
				return tx.SavePeer(ctx, &storage.Peer{Host: other.Domain, Tier: tier, State: storage.PeerActive, Note: other.Title})
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func moveIn(ctx context.Context, db *storage.DB, p Person) error {
	if _, err := db.AccountByName(ctx, p.Username, ""); err == nil || !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	_, err := people.Create(ctx, db, people.New{
		Username: p.Username, Email: p.Username + "@" + p.Node + ".demo.invalid", Password: Password, DisplayName: p.DisplayName,
		Role: p.Role, Department: p.Department, Official: p.Official, Locale: p.Locale,
	})
	return err
}

// welcome says where to look and how to sign in.
func welcome(story *Story, stages map[string]*stage, out io.Writer) {
	fmt.Fprintf(out, "\nThree linked nodes are running. Everybody's password is %s.\n\n", Password)
	for _, n := range story.Nodes {
		_, port, _ := net.SplitHostPort(n.Domain)
		employee, admin := "", ""
		for _, p := range story.People {
			if p.Node != n.Name {
				continue
			}
			if slices.Contains([]string{storage.RoleOwner, storage.RoleAdmin}, p.Role) {
				admin = p.Username
			} else if employee == "" && p.Role == "" || p.Role == storage.RoleMember && employee == "" {
				employee = p.Username
			}
		}
		fmt.Fprintf(out, "  %-26s http://localhost:%s   employee: %s   admin: %s   (handles end in @%s)\n", n.Title, port, employee, admin, n.Domain)
	}
	fmt.Fprintf(out, "\nOpen one in a browser, or give its address to a Mastodon client. Ctrl-C ends the demo.\n")
}

// Serve runs one node of the demo, in the process that start made for it.
func Serve(ctx context.Context, dir, name, version string, log *slog.Logger) error {
	story, err := Load()
	if err != nil {
		return err
	}
	for _, n := range story.Nodes {
		if n.Name == name {
			cfg, err := Config(n, dir)
			if err != nil {
				return err
			}
			return node.Run(ctx, cfg, node.Options{Version: version, Log: log, AnyAge: true})
		}
	}
	return fmt.Errorf("the story has no node %q", name)
}
