package node

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ruche/federation"
	"ruche/outbox"
	"ruche/storage"
	"ruche/storage/storagetest"
)

// fourPosts is how many posts go to all hosts, fourAuthors how many people write them.
const (
	fourPosts   = 1000
	fourAuthors = 10
)

// BenchmarkFourHosts sends a thousand posts to a healthy host, alone and then beside three that are ill: one accepts
// connections and never answers, one refuses them, one drips its answer, a byte a second. Sockets, time-outs and the
// clock are the real ones. What counts is how much later the healthy host gets its posts: p99-ratio.
func BenchmarkFourHosts(b *testing.B) {
	for b.Loop() {
		alone := fourHosts(b)
		beside := fourHosts(b, silent(b), refusing(b), dripping(b))
		for what, took := range map[string][]time.Duration{"alone": alone, "beside": beside} {
			report(b, what, took)
		}
		b.ReportMetric(float64(p99(beside))/float64(p99(alone)), "p99-ratio")
	}
}

func p99(took []time.Duration) time.Duration {
	slices.Sort(took)
	return took[len(took)*99/100]
}

// fourHosts measures, for each post, the time from the author's act to the healthy host's door.
func fourHosts(b *testing.B, ill ...string) []time.Duration {
	b.Helper()
	ctx := context.Background()
	var mu sync.Mutex
	written, arrived := map[string]time.Time{}, map[string]time.Time{}
	all := make(chan struct{})
	healthy := serving(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		at := strings.Index(string(body), "number-")
		if r.Method != http.MethodPost || at < 0 {
			return
		}
		number, _, _ := strings.Cut(string(body[at:at+20]), ".")
		mu.Lock()
		defer mu.Unlock()
		if _, twice := arrived[number]; !twice {
			if arrived[number] = time.Now(); len(arrived) == fourPosts {
				close(all)
			}
		}
	}))
	// Names under .localhost are this machine, for a node that is one itself.
	cfg := Config{Domain: "siege.localhost", PublicURL: "http://siege.localhost", Name: "siege", Locale: "en", DataDir: b.TempDir(), DatabaseURL: storagetest.SQLite(b)}
	c, err := newCore(ctx, cfg, Options{Version: "bench", Log: slog.New(slog.DiscardHandler), Clock: time.Now})
	ok(b, err)
	private, public, err := federation.GenerateKey()
	ok(b, err)
	authors := make([]*storage.Account, fourAuthors)
	ok(b, c.db.Update(ctx, func(tx *storage.Tx) error {
		for i := range authors {
			authors[i] = &storage.Account{Username: fmt.Sprint("ana", i), Kind: storage.Person, PublicKey: public, PrivateKey: private}
			if err := tx.AddAccount(ctx, authors[i]); err != nil {
				return err
			}
			if err := tx.AddUser(ctx, &storage.User{AccountID: authors[i].ID, Email: authors[i].Username + "@siege.test", Role: storage.RoleMember}); err != nil {
				return err
			}
		}
		for _, host := range append([]string{healthy}, ill...) {
			if err := tx.SavePeer(ctx, &storage.Peer{Host: host, Tier: storage.Partner, State: storage.PeerActive}); err != nil {
				return err
			}
			base := "http://" + host + "/users/bob"
			bob := &storage.Account{Username: "bob", Domain: host, Peer: host, Kind: storage.Person, URI: base, InboxURI: base + "/inbox", FollowersURI: base + "/followers", FetchedAt: tx.Now()}
			if err := tx.AddAccount(ctx, bob); err != nil {
				return err
			}
			for _, author := range authors {
				if _, _, err := tx.AddFollow(ctx, &storage.Follow{FollowerID: bob.ID, FolloweeID: author.ID, State: storage.Accepted, ShowShares: true}); err != nil {
					return err
				}
			}
		}
		return nil
	}))
	running, stop := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() { _ = c.queue.Run(running) })
	pace := time.NewTicker(10 * time.Millisecond) // what the healthy host alone keeps up with
	for i := range fourPosts {
		<-pace.C
		number := fmt.Sprint("number-", i)
		mu.Lock()
		written[number] = time.Now()
		mu.Unlock()
		if _, err := c.outbox.Post(ctx, authors[i%fourAuthors], outbox.Draft{Text: number + ".", Visibility: storage.Public, Circle: storage.CircleNetwork}); err != nil {
			b.Fatal(err)
		}
	}
	pace.Stop()
	select {
	case <-all:
	case <-time.After(2 * time.Minute):
		b.Fatalf("%d of %d posts arrived", len(arrived), fourPosts)
	}
	stop()
	work.Wait()
	ok(b, c.close())
	took := make([]time.Duration, 0, fourPosts)
	for number, at := range arrived {
		took = append(took, at.Sub(written[number]))
	}
	return took
}

// serving is a host under .localhost.
func serving(b *testing.B, h http.Handler) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ok(b, err)
	server := &http.Server{Handler: h}
	go func() { _ = server.Serve(l) }()
	b.Cleanup(func() { _ = server.Close() })
	return named(l)
}

func named(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return "peer.localhost:" + port
}

// silent accepts connections, reads, and never answers.
func silent(b *testing.B) string {
	return serving(b, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
}

// refusing is an address where nobody listens.
func refusing(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ok(b, err)
	host := named(l)
	ok(b, l.Close())
	return host
}

// dripping answers at once, and never comes to an end of it.
func dripping(b *testing.B) string {
	return serving(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Length", "100000")
		w.WriteHeader(http.StatusAccepted)
		every := time.NewTicker(time.Second)
		defer every.Stop()
		for {
			select {
			case <-r.Context().Done():
				return
			case <-every.C:
				if _, err := w.Write([]byte("x")); err != nil {
					return
				}
				_ = http.NewResponseController(w).Flush()
			}
		}
	}))
}
