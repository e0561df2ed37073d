//go:build interop

// Package interop shows Ruche and an implementation that shares no code with it living together.
//
// The other side is Fedify, a framework from npm with its own signatures, verification and
// vocabulary, in a small server beside these tests (peer.mjs). Both sides are real: nodes that
// listen with TLS, on SQLite and on PostgreSQL, a process of another language, certificates of a
// CA made for the run. The tests tell people on either side what to do, and ask what the other
// side made of it. Each flow is a sentence; those that passed make the table in
// docs/federation/interop.md, and a complete run fails where the table says something else.
//
// TestWhoReachesWhat is the matrix of circles, visibilities, readers and ways (docs/federation/circles.md).
//
// `make test-interop` runs them: the names siege.test, labo.test, partenaire.test and fedify.test must lead to this machine
// (.ci/run writes them into /etc/hosts), and npm fetches the packages.
package interop

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"ruche/cmd/ruche/node"
	"ruche/cmd/ruche/node/nodetest"
	"ruche/federation"
	"ruche/storage"
)

// waiting is the upper bound of every wait, for a machine that does much else.
const waiting = time.Minute

// A world is a CA, the nodes and the Fedify server under it; all flows share one.
type world struct {
	dir   string
	ca    *nodetest.CA
	nodes []*ruche
	fed   *fedify
	// second is another server of the same kind, without the right to show posts on the open internet.
	second *fedify
	// stranger is on nobody's allow list.
	stranger *fedify
	ends     []func()
	mu       sync.Mutex
	people   int
	// An RSA key takes up to a second to make: the people of the nodes share one.
	private, public string
}

var shared *world

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if err := nodetest.Local("siege.test", "labo.test", "partenaire.test", "fedify.test"); err != nil {
		return 1, err
	}
	dir, err := os.MkdirTemp("", "ruche-interop")
	if err != nil {
		return 1, err
	}
	w := &world{dir: dir}
	defer w.end()
	if err := w.begin(); err != nil {
		return 1, err
	}
	shared = w
	code = m.Run()
	if code == 0 && flag.Lookup("test.run").Value.String() == "" {
		return code, checkTable()
	}
	return code, nil
}

func (w *world) begin() error {
	var err error
	if w.ca, err = nodetest.NewCA(w.dir); err != nil {
		return err
	}
	if w.private, w.public, err = federation.GenerateKey(); err != nil {
		return err
	}
	if w.fed, err = w.startFedify("fedify.test", nil); err != nil {
		return err
	}
	if w.second, err = w.startFedify("fedify.test", nil); err != nil {
		return err
	}
	if w.stranger, err = w.startFedify("fedify.test", nil); err != nil {
		return err
	}
	databases := []string{"sqlite"}
	if server := os.Getenv("RUCHE_TEST_POSTGRES"); server != "" {
		databases = append(databases, "postgresql")
	}
	for i, kind := range databases {
		n, err := w.startNode([]string{"siege.test", "labo.test"}[i], kind)
		if err != nil {
			return err
		}
		if err := errors.Join(n.allow(w.fed.host, true), n.allow(w.second.host, false)); err != nil {
			return err
		}
		for _, other := range w.nodes {
			if err := errors.Join(n.allow(other.domain, false), other.allow(n.domain, false)); err != nil {
				return err
			}
		}
		w.nodes = append(w.nodes, n)
	}
	return nil
}

// end stops everything, the youngest first.
func (w *world) end() {
	for i := len(w.ends) - 1; i >= 0; i-- {
		w.ends[i]()
	}
	_ = os.RemoveAll(w.dir)
}

// A ruche is a node of ours.
type ruche struct {
	*node.Node
	w        *world
	database string
	domain   string
	log      *journal
	ahead    atomic.Int64 // how far the node's clock is ahead, in nanoseconds
}

// startNode starts one under a name that leads to this machine, with more settings as in the environment.
func (w *world) startNode(name, database string, settings ...string) (*ruche, error) {
	ctx := context.Background()
	cert, key, err := w.ca.Certificate(name)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(address)
	n := &ruche{w: w, database: database, domain: name + ":" + port, log: new(journal)}
	cfg, err := node.Load(os.DevNull, true, append([]string{
		"RUCHE_DOMAIN=" + n.domain, "RUCHE_NAME=" + name, "RUCHE_LISTEN=" + address, "RUCHE_DATA_DIR=" + filepath.Join(w.dir, name+port),
		"RUCHE_TLS_CERT=" + cert, "RUCHE_TLS_KEY=" + key, "RUCHE_FEDERATION_CA_FILE=" + w.ca.File, "RUCHE_RATE_LIMITS=off",
	}, settings...))
	if err != nil {
		return nil, err
	}
	cfg.FederationPrivateNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	if database == "postgresql" {
		if cfg.DatabaseURL, err = w.postgres(); err != nil {
			return nil, err
		}
	}
	log := slog.New(slog.NewTextHandler(n.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if n.Node, err = node.New(ctx, cfg, node.Options{Version: "0.0.0-interop", Log: log, Clock: n.clock}); err != nil {
		return nil, err
	}
	if err := n.Start(); err != nil {
		return nil, err
	}
	w.ends = append(w.ends, func() {
		if err := n.Stop(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "stop a node:", err)
		}
	})
	return n, nil
}

func (n *ruche) clock() time.Time { return time.Now().Add(time.Duration(n.ahead.Load())) }

// advance moves the node's clock. All flows together stay within the hour that signatures are good for. What is
// due by then is done when the queue next has a reason to look.
func (n *ruche) advance(d time.Duration) { n.ahead.Add(int64(d)) }

// postgres makes an empty database, dropped when the world ends.
func (w *world) postgres() (string, error) {
	ctx := context.Background()
	server := os.Getenv("RUCHE_TEST_POSTGRES")
	name := "ruche_interop_" + strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(storage.NewSecret())[:16])
	do := func(sql string) error {
		admin, err := pgx.Connect(ctx, server)
		if err != nil {
			return fmt.Errorf("RUCHE_TEST_POSTGRES: %w", err)
		}
		defer admin.Close(ctx)
		_, err = admin.Exec(ctx, sql)
		return err
	}
	if err := do("CREATE DATABASE " + name); err != nil {
		return "", err
	}
	w.ends = append(w.ends, func() {
		if err := do("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			fmt.Fprintln(os.Stderr, "drop the database:", err)
		}
	})
	at := strings.LastIndex(server, "/")
	_, query, _ := strings.Cut(server[at:], "?")
	return server[:at+1] + name + "?" + query, nil
}

// allow puts a host on the node's allow list, with or without the right to show posts on the open internet.
func (n *ruche) allow(host string, publicWeb bool) error {
	return n.DB().Update(context.Background(), func(tx *storage.Tx) error {
		return tx.SavePeer(context.Background(), &storage.Peer{Host: host, Tier: storage.Partner, State: storage.PeerActive, PublicWeb: publicWeb})
	})
}

// A journal keeps what a node or a process wrote, for a flow that fails.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) len() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Len()
}

func (j *journal) all() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// since gives what was written after the first from bytes, the last part of it where it is long.
func (j *journal) since(from int) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	text := j.text.String()[from:]
	if len(text) > 6000 {
		text = "… " + text[len(text)-6000:]
	}
	return text
}
