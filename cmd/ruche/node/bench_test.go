package node

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"ruche/outbox"
	"ruche/storage"
	"ruche/storage/storagetest"
)

// The benchmarks measure acts end to end, inside one process, so that the network is not what is
// measured. Each reports p50, p95 and p99 besides the mean; compare them within one run only.

// report adds the percentiles of what was measured.
func report(b *testing.B, what string, times []time.Duration) {
	b.Helper()
	if len(times) == 0 {
		return
	}
	slices.Sort(times)
	for _, p := range []int{50, 95, 99} {
		b.ReportMetric(float64(times[min(len(times)-1, len(times)*p/100)].Microseconds()), fmt.Sprintf("%s-p%d-us", what, p))
	}
}

// benchNodes is startCores for benchmarks: real time, so that durations mean something.
func benchNodes(b *testing.B, hosts ...string) *testNodes {
	b.Helper()
	n := startCoresOn(b, func() string { return storagetest.SQLite(b) }, time.Now, hosts...)
	return n
}

// BenchmarkInbox takes signed Creates from the door until they are in a follower's home.
func BenchmarkInbox(b *testing.B) {
	for _, bystanders := range []int{0, 2000} {
		b.Run(fmt.Sprintf("bystanders=%d", bystanders), func(b *testing.B) {
			n := benchNodes(b, "siege.test")
			n.crowd("siege.test", bystanders)
			ana := n.person("ana@siege.test")
			peer := n.stranger("peer.test", "bob")
			n.allow("siege.test", "peer.test")
			n.followed(ana, peer, "bob")
			ctx, stop := context.WithCancel(context.Background())
			var running sync.WaitGroup
			running.Go(func() { _ = n.cores["siege.test"].queue.Run(ctx) })
			arrived := make(chan struct{}, 4096)
			end := ana.c.db.Subscribe(func(e storage.Event) {
				if e.Kind == storage.PostCreated {
					arrived <- struct{}{}
				}
			})
			var took []time.Duration
			run := 0
			for b.Loop() {
				run++
				began := time.Now()
				if got := peer.deliver("siege.test", "/inbox", "bob", peer.create("bob", fmt.Sprint(bystanders, "-", run), "hello", "")); got != http.StatusAccepted {
					b.Fatalf("answered %d", got)
				}
				<-arrived
				took = append(took, time.Since(began))
			}
			b.StopTimer()
			report(b, "readable", took)
			end()
			stop()
			running.Wait()
			if got := len(ana.home("hello")); got == 0 {
				b.Fatal("nothing is readable in home")
			}
		})
	}
}

// BenchmarkPost stores a post with its deliveries to 50 hosts: what the author waits for.
func BenchmarkPost(b *testing.B) {
	n := benchNodes(b, "siege.test")
	ana := n.person("ana@siege.test")
	for i := range 50 {
		host := fmt.Sprintf("peer%d.test", i)
		peer := n.stranger(host, "bob")
		n.allow("siege.test", host)
		follow := fmt.Sprintf(`{"id":"https://%s/f/1","type":"Follow","actor":%q,"object":%q}`, host, peer.id("bob"), ana.me.URI)
		if got := peer.deliver("siege.test", "/inbox", "bob", follow); got != http.StatusAccepted {
			b.Fatalf("answered %d", got)
		}
	}
	n.settle()
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		if _, err := ana.c.outbox.Post(context.Background(), ana.me, outbox.Draft{Text: "hello to fifty"}); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	b.StopTimer()
	report(b, "answered", took)
	began := time.Now()
	ran, err := n.cores["siege.test"].queue.Drain(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(ran)/time.Since(began).Seconds(), "deliveries/s")
}

// BenchmarkHome reads a page of home, with few and many posts stored.
func BenchmarkHome(b *testing.B) {
	for _, stored := range []int{100, 5000} {
		b.Run(fmt.Sprintf("stored=%d", stored), func(b *testing.B) {
			n := benchNodes(b, "siege.test")
			ana, luc := n.person("ana@siege.test"), n.person("luc@siege.test")
			if err := ana.c.outbox.Follow(context.Background(), ana.me, luc.me.ID, outbox.FollowOptions{}); err != nil {
				b.Fatal(err)
			}
			n.update("siege.test", func(tx *storage.Tx) error {
				for i := range stored {
					if _, err := tx.AddPost(context.Background(), &storage.NewPost{Post: storage.Post{AuthorID: luc.me.ID, HTML: fmt.Sprint("post ", i), Visibility: storage.Public, Circle: storage.CircleNetwork}}); err != nil {
						return err
					}
				}
				return nil
			})
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				rows, err := ana.c.db.HomeTimeline(context.Background(), ana.me.ID, storage.Page{Limit: 20})
				if err != nil || len(rows) != 20 {
					b.Fatal(err, len(rows))
				}
				took = append(took, time.Since(began))
			}
			report(b, "read", took)
		})
	}
}

// crowd adds local accounts that have nothing to do with what is measured.
func (n *testNodes) crowd(host string, people int) {
	n.t.Helper()
	n.update(host, func(tx *storage.Tx) error {
		for i := range people {
			a := &storage.Account{Username: fmt.Sprintf("bystander%d", i), Kind: storage.Person}
			if err := tx.AddAccount(context.Background(), a); err != nil {
				return err
			}
		}
		return nil
	})
}

// followed makes somebody follow a stranger's account, accepted at once.
func (n *testNodes) followed(p *testPerson, s *stranger, name string) {
	n.t.Helper()
	them := p.finds(name + "@" + s.host)
	n.update(p.host, func(tx *storage.Tx) error {
		_, _, err := tx.AddFollow(context.Background(), &storage.Follow{FollowerID: p.me.ID, FolloweeID: them.ID, FollowerLocal: true, State: storage.Accepted, ShowShares: true})
		return err
	})
}
