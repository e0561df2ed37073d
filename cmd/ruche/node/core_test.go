package node

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"ruche/federation"
	"ruche/outbox"
	"ruche/storage"
	"ruche/storage/storagetest"
)

// network carries requests between the nodes of a test by their host, in process.
type network struct {
	mu    sync.Mutex
	nodes map[string]http.Handler
	down  map[string]bool
	seen  []string
	// carry, if set, carries requests in another way.
	carry func(*http.Request) (*http.Response, error)
}

func (n *network) Do(r *http.Request) (*http.Response, error) {
	if n.carry != nil {
		return n.carry(r)
	}
	n.mu.Lock()
	h, down := n.nodes[r.URL.Host], n.down[r.URL.Host]
	n.seen = append(n.seen, r.Method+" "+r.URL.String())
	n.mu.Unlock()
	if h == nil || down {
		return nil, fmt.Errorf("%s doesn't answer", r.URL.Host)
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	in := httptest.NewRequest(r.Method, r.URL.String(), bytes.NewReader(body))
	in.Header = r.Header.Clone()
	in.Host = r.URL.Host
	w := httptest.NewRecorder()
	h.ServeHTTP(w, in)
	res := w.Result()
	res.Request = r
	return res, nil
}

type testNodes struct {
	t     testing.TB
	net   *network
	cores map[string]*core
	open  map[string]func() (*core, error)
	order []string
	mu    sync.Mutex
	now   time.Time
	real  func() time.Time // where set, the clock
}

// startCores starts nodes that know and allow each other, with a clock that tests move.
func startCores(t testing.TB, database func() string, hosts ...string) *testNodes {
	t.Helper()
	return startCoresOn(t, database, nil, hosts...)
}

func startCoresOn(t testing.TB, database func() string, clock func() time.Time, hosts ...string) *testNodes {
	t.Helper()
	nodes := startStrangers(t, database, clock, hosts...)
	for _, a := range hosts {
		for _, b := range hosts {
			if a != b {
				nodes.allow(a, b)
			}
		}
	}
	return nodes
}

// startStrangers starts nodes that don't know each other.
func startStrangers(t testing.TB, database func() string, clock func() time.Time, hosts ...string) *testNodes {
	t.Helper()
	level := slog.LevelError
	if os.Getenv("RUCHE_TEST_LOG") != "" {
		level = slog.LevelDebug
	}
	return startNodes(t, database, clock, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})), hosts...)
}

// startLogged is startStrangers with a log that the test reads.
func startLogged(t testing.TB, database func() string, log *slog.Logger, hosts ...string) *testNodes {
	t.Helper()
	return startNodes(t, database, nil, log, hosts...)
}

func startNodes(t testing.TB, database func() string, clock func() time.Time, logger *slog.Logger, hosts ...string) *testNodes {
	t.Helper()
	nodes := &testNodes{t: t, real: clock, net: &network{nodes: map[string]http.Handler{}, down: map[string]bool{}}, cores: map[string]*core{}, open: map[string]func() (*core, error){}, order: hosts, now: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)}
	for _, host := range hosts {
		cfg := Config{Domain: host, PublicURL: "https://" + host, Name: host, Locale: "en", DataDir: t.TempDir(), DatabaseURL: database()}
		log := logger.With("node", host)
		nodes.open[host] = func() (*core, error) {
			return newCore(context.Background(), cfg, Options{Version: "test", Log: log, Clock: nodes.clock, Doer: nodes.net})
		}
		nodes.begin(host)
		t.Cleanup(func() {
			if err := nodes.cores[host].close(); err != nil {
				t.Error(err)
			}
		})
	}
	return nodes
}

// begin opens a node on its database and puts it on the network.
func (n *testNodes) begin(host string) {
	n.t.Helper()
	c, err := n.open[host]()
	if err != nil {
		n.t.Fatal(err)
	}
	mux := http.NewServeMux()
	for _, r := range append(append(c.federation.Routes(), c.inbox.Routes()...), c.peering.Routes()...) {
		mux.HandleFunc(r.Method+" "+r.Path, r.Handler)
	}
	n.net.mu.Lock()
	n.net.nodes[host] = mux
	n.net.mu.Unlock()
	n.cores[host] = c
	ok(n.t, c.peering.Begin(context.Background()))
}

// restart ends a node and opens it again.
func (n *testNodes) restart(host string) {
	n.t.Helper()
	if err := n.cores[host].close(); err != nil {
		n.t.Fatal(err)
	}
	n.begin(host)
}

// cut takes a node off the network, or puts it back.
func (n *testNodes) cut(host string, down bool) {
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	n.net.down[host] = down
}

func (n *testNodes) clock() time.Time {
	if n.real != nil {
		return n.real()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.now = n.now.Add(time.Millisecond)
	return n.now
}

func (n *testNodes) advance(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.now = n.now.Add(d)
}

func (n *testNodes) allow(at, peer string) {
	n.t.Helper()
	n.update(at, func(tx *storage.Tx) error {
		return tx.SavePeer(context.Background(), &storage.Peer{Host: peer, Tier: storage.Sibling, State: storage.PeerActive})
	})
}

func (n *testNodes) update(at string, fn func(*storage.Tx) error) {
	n.t.Helper()
	if err := n.cores[at].db.Update(context.Background(), fn); err != nil {
		n.t.Fatal(err)
	}
}

// settle runs the queues of all nodes until nothing is due anywhere.
func (n *testNodes) settle() {
	n.t.Helper()
	for {
		ran := 0
		for _, host := range n.order {
			did, err := n.cores[host].queue.Drain(context.Background())
			if err != nil {
				n.t.Fatal(err)
			}
			ran += did
		}
		if ran == 0 {
			return
		}
	}
}

type testPerson struct {
	*testNodes
	host string
	c    *core
	me   *storage.Account
}

// back is the person on their node as it is after a restart.
func (p *testPerson) back() *testPerson {
	return &testPerson{testNodes: p.testNodes, host: p.host, c: p.cores[p.host], me: p.me}
}

func (n *testNodes) person(acct string) *testPerson {
	n.t.Helper()
	name, host, _ := strings.Cut(acct, "@")
	private, public, err := federation.GenerateKey()
	if err != nil {
		n.t.Fatal(err)
	}
	a := &storage.Account{Username: name, Kind: storage.Person, DisplayName: name, PublicKey: public, PrivateKey: private}
	n.update(host, func(tx *storage.Tx) error {
		if err := tx.AddAccount(context.Background(), a); err != nil {
			return err
		}
		return tx.AddUser(context.Background(), &storage.User{AccountID: a.ID, Email: acct, Role: storage.RoleMember})
	})
	return &testPerson{testNodes: n, host: host, c: n.cores[host], me: a}
}

func (p *testPerson) finds(acct string) *storage.Account {
	p.t.Helper()
	name, host, _ := strings.Cut(acct, "@")
	a, err := p.c.federation.Account(context.Background(), name, host)
	if err != nil {
		p.t.Fatalf("%s finds %s: %v", p.me.Username, acct, err)
	}
	return a
}

func (p *testPerson) follows(acct string) {
	p.t.Helper()
	if err := p.c.outbox.Follow(context.Background(), p.me, p.finds(acct).ID, outbox.FollowOptions{}); err != nil {
		p.t.Fatal(err)
	}
}

func (p *testPerson) posts(text, visibility string) *storage.Post {
	p.t.Helper()
	post, err := p.c.outbox.Post(context.Background(), p.me, outbox.Draft{Text: text, Visibility: visibility})
	if err != nil {
		p.t.Fatal(err)
	}
	return post
}

func (p *testPerson) postsIn(text, circle string) *storage.Post {
	p.t.Helper()
	post, err := p.c.outbox.Post(context.Background(), p.me, outbox.Draft{Text: text, Visibility: storage.Public, Circle: circle})
	if err != nil {
		p.t.Fatal(err)
	}
	return post
}

func (p *testPerson) answers(to *storage.Post, text, visibility string) *storage.Post {
	p.t.Helper()
	post, err := p.c.outbox.Post(context.Background(), p.me, outbox.Draft{Text: text, Visibility: visibility, InReplyTo: to.ID})
	if err != nil {
		p.t.Fatal(err)
	}
	return post
}

// asks reads a document as the node of a host would, signed by its service actor, and gives its body.
func (n *testNodes) asks(as, uri string) string {
	n.t.Helper()
	ctx := context.Background()
	service, err := n.cores[as].db.ServiceActor(ctx)
	if err != nil {
		n.t.Fatal(err)
	}
	key, err := federation.ParsePrivateKey(service.PrivateKey)
	if err != nil {
		n.t.Fatal(err)
	}
	res, err := n.cores[as].federation.Client.Get(ctx, uri, "application/activity+json", func(r *http.Request) error {
		return federation.Sign(r, nil, service.KeyID, key, n.clock())
	}, 0)
	if err != nil {
		n.t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", res.Status, res.Body)
}

// home gives the posts in the person's home that hold a text, by themselves or shared.
func (p *testPerson) home(text string) []*storage.Post {
	p.t.Helper()
	ctx := context.Background()
	rows, err := p.c.db.HomeTimeline(ctx, p.me.ID, storage.Page{Limit: 100})
	if err != nil {
		p.t.Fatal(err)
	}
	var out []*storage.Post
	for _, r := range rows {
		words := r
		if r.ShareOfID != 0 {
			if words, err = p.c.db.VisiblePost(ctx, p.me.ID, r.ShareOfID); err != nil {
				p.t.Fatal(err)
			}
		}
		if strings.Contains(words.HTML, text) {
			out = append(out, r)
		}
	}
	return out
}

func (p *testPerson) sees(text string, times int) {
	p.t.Helper()
	if got := len(p.home(text)); got != times {
		p.t.Errorf("%s@%s sees %q %d times, want %d", p.me.Username, p.host, text, got, times)
	}
}

func TestPostsSharesLikesEditsAndDeletionsTravel(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		databases := []string{url}
		n := startCores(t, nextDatabase(t, &databases), "siege.test", "labo.test", "partenaire.test")
		ctx := context.Background()
		ana, luc, zoe := n.person("ana@siege.test"), n.person("luc@labo.test"), n.person("zoe@partenaire.test")
		ana.follows("luc@labo.test")
		zoe.follows("ana@siege.test")
		n.settle()
		luc.posts("bees are well", storage.Public)
		n.settle()
		ana.sees("bees are well", 1)
		zoe.sees("bees are well", 0)
		seen := ana.home("bees are well")[0]
		if _, err := ana.c.outbox.Share(ctx, ana.me, seen.ID, time.Time{}); err != nil {
			t.Fatal(err)
		}
		n.settle()
		zoe.sees("bees are well", 1)
		shared := zoe.home("bees are well")[0]
		if err := zoe.c.outbox.Like(ctx, zoe.me, shared.ShareOfID); err != nil {
			t.Fatal(err)
		}
		n.settle()
		mine, err := luc.c.db.AccountTimeline(ctx, luc.me.ID, luc.me.ID, storage.AccountFilter{}, storage.Page{})
		if err != nil || len(mine) != 1 {
			t.Fatal(err, len(mine))
		}
		if mine[0].LikesCount != 1 || mine[0].SharesCount != 1 {
			t.Errorf("the author counts %d likes and %d shares", mine[0].LikesCount, mine[0].SharesCount)
		}
		if _, err := luc.c.outbox.Edit(ctx, luc.me, mine[0].ID, outbox.Edit{Text: "bees are very well"}); err != nil {
			t.Fatal(err)
		}
		n.settle()
		ana.sees("bees are very well", 1)
		zoe.sees("bees are very well", 1)
		if _, err := luc.c.outbox.Delete(ctx, luc.me, mine[0].ID); err != nil {
			t.Fatal(err)
		}
		n.settle()
		ana.sees("bees are", 0)
		zoe.sees("bees are", 0)
	})
}

func nextDatabase(t *testing.T, first *[]string) func() string {
	return func() string {
		if len(*first) > 0 {
			url := (*first)[0]
			*first = (*first)[1:]
			return url
		}
		return storagetest.SQLite(t)
	}
}
