package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"ruche/outbox"
	"ruche/storage"
	"ruche/storage/storagetest"
)

// chaos is a wire between the nodes of a test that stalls, resets and cuts connections as its
// random numbers say.
type chaos struct {
	t     *testing.T
	mu    sync.Mutex
	rand  *rand.Rand
	calm  bool
	hurt  map[string]int // what was done to connections, and how often
	ports map[string]string
}

// patience is how long the nodes wait for an answer: short, since every stall costs it.
const patience = 500 * time.Millisecond

func newChaos(t *testing.T, n *testNodes) *chaos {
	seed := uint64(time.Now().UnixNano())
	if given := os.Getenv("RUCHE_TEST_SEED"); given != "" {
		var err error
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("the wire's seed is %d: RUCHE_TEST_SEED=%d repeats it", seed, seed)
	c := &chaos{t: t, rand: rand.New(rand.NewPCG(seed, seed)), hurt: map[string]int{}, ports: map[string]string{}}
	authority := x509.NewCertPool()
	for _, host := range n.order {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n.net.nodes[host].ServeHTTP(w, r)
		}))
		server.Config.ErrorLog = log.New(io.Discard, "", 0) // broken handshakes are the point
		server.StartTLS()
		t.Cleanup(server.Close)
		c.ports[host] = c.proxy(server.Listener.Addr().String())
		authority.AddCert(server.Certificate())
	}
	// The certificates of these servers are made out to example.com.
	secure := &tls.Config{RootCAs: authority, ServerName: "example.com", MinVersion: tls.VersionTLS12}
	dial := func(ctx context.Context, _, address string) (net.Conn, error) {
		host, _, _ := net.SplitHostPort(address)
		return new(net.Dialer).DialContext(ctx, "tcp", c.ports[host])
	}
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DialContext: dial, TLSClientConfig: secure, TLSHandshakeTimeout: patience, DisableKeepAlives: true}}
	n.net.carry = client.Do
	return c
}

// proxy listens and passes on to a server, more or less.
func (c *chaos) proxy(server string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		c.t.Fatal(err)
	}
	var open sync.WaitGroup
	c.t.Cleanup(func() { _ = l.Close(); open.Wait() })
	open.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { c.pass(client, server) })
		}
	})
	return l.Addr().String()
}

func (c *chaos) pass(client net.Conn, address string) {
	defer client.Close()
	what, bytes := c.fate()
	if what == "reset" {
		_ = client.(*net.TCPConn).SetLinger(0)
		return
	}
	if what == "stall" {
		_, _ = io.Copy(io.Discard, client) // until the node loses patience
		return
	}
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	var both sync.WaitGroup
	both.Go(func() {
		if what == "cut request" {
			_, _ = io.CopyN(server, client, bytes)
			_ = client.Close()
		} else {
			_, _ = io.Copy(server, client)
		}
		_ = server.(*net.TCPConn).CloseWrite()
	})
	if what == "cut answer" { // it took effect, and nobody hears of it
		_, _ = io.CopyN(client, server, bytes/2)
	} else {
		_, _ = io.Copy(client, server)
	}
	_ = client.Close()
	both.Wait()
}

func (c *chaos) fate() (string, int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	what := "none"
	if !c.calm {
		what = []string{"none", "none", "none", "reset", "stall", "cut request", "cut answer", "cut answer"}[c.rand.IntN(8)]
	}
	c.hurt[what]++
	return what, c.rand.Int64N(6000)
}

func (c *chaos) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calm = true
}

func TestOnABadWireEveryActivityTakesEffectExactlyOnce(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		ctx := context.Background()
		databases := []string{url}
		n := startCores(t, nextDatabase(t, &databases), "siege.test", "labo.test")
		ana, luc := n.person("ana@siege.test"), n.person("luc@labo.test")
		luc.follows("ana@siege.test")
		ana.follows("luc@labo.test")
		n.settle()
		wire := newChaos(t, n)
		const posts = 15
		var own []*storage.Post
		for i := range posts {
			own = append(own, ana.posts(fmt.Sprintf("%d of many", i), storage.Public))
			n.settle()
			n.advance(3 * time.Second)
			// Luc thanks for and shares what has arrived so far.
			for _, post := range luc.home(" of many") {
				must(t, luc.c.outbox.Like(ctx, luc.me, post.ID))
				_, err := luc.c.outbox.Share(ctx, luc.me, post.ID, time.Time{})
				must(t, err)
			}
		}
		for i, post := range own[:5] {
			_, err := ana.c.outbox.Edit(ctx, ana.me, post.ID, outbox.Edit{Text: fmt.Sprintf("%d of many, edited", i)})
			must(t, err)
			n.settle()
			n.advance(3 * time.Second)
		}
		_, err := ana.c.outbox.Delete(ctx, ana.me, own[5].ID)
		must(t, err)
		for range 6 {
			n.settle()
			n.advance(2 * time.Hour)
		}
		wire.end()
		for range 3 {
			n.settle()
			n.advance(2 * time.Hour)
			for _, post := range luc.home(" of many") {
				must(t, luc.c.outbox.Like(ctx, luc.me, post.ID))
				_, err := luc.c.outbox.Share(ctx, luc.me, post.ID, time.Time{})
				must(t, err)
			}
		}
		n.settle()
		t.Logf("what happened to connections: %v", wire.hurt)
		for _, host := range n.order {
			ended, err := n.cores[host].db.EndedJobs(ctx, "", storage.Page{})
			must(t, err)
			for _, j := range ended {
				t.Errorf("%s gave up a %s to %s: %s", host, j.Kind, j.Host, j.Error)
			}
		}
		for i, post := range own {
			texts := map[string]int{}
			for _, seen := range luc.home(fmt.Sprintf(">%d of many", i)) {
				texts[strings.Trim(seen.HTML, "<p>/")]++
			}
			want := fmt.Sprintf("%d of many", i)
			if i < 5 {
				want += ", edited"
			}
			if i == 5 {
				if len(texts) != 0 {
					t.Errorf("the deleted post shows: %v", texts)
				}
				continue
			}
			if len(texts) != 1 || texts[want] != 1 {
				t.Errorf("luc has %v, want %q once", texts, want)
			}
			now, err := ana.c.db.PostByID(ctx, post.ID)
			must(t, err)
			if now.LikesCount != 1 || now.SharesCount != 1 {
				t.Errorf("post %d counts %d likes and %d shares, want one of each", i, now.LikesCount, now.SharesCount)
			}
		}
		if wire.hurt["cut answer"] == 0 || wire.hurt["stall"] == 0 {
			t.Errorf("the wire was too good: %v", wire.hurt)
		}
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
