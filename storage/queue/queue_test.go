package queue_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"ruche/storage"
	"ruche/storage/queue"
	"ruche/storage/storagetest"
)

// A post office is a queue whose jobs are letters: hosts that answer keep what they got.
type office struct {
	t     *testing.T
	db    *storage.DB
	queue *queue.Queue

	mu    sync.Mutex
	now   time.Time
	fails map[string]error // by host, or by letter
	got   []string
}

func eachOffice(t *testing.T, test func(*office)) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		o := &office{t: t, now: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), fails: map[string]error{}}
		o.db = storagetest.OpenWith(t, storage.Options{URL: url, Clock: o.clock})
		o.queue = o.newQueue()
		test(o)
	})
}

func (o *office) newQueue() *queue.Queue {
	q := queue.New(o.db, queue.Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	q.Handle("letter", o.carry)
	return q
}

func (o *office) clock() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now = o.now.Add(time.Millisecond)
	return o.now
}

func (o *office) advance(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now = o.now.Add(d)
}

func (o *office) carry(_ context.Context, j *storage.Job) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	letter := string(j.Body)
	for _, name := range []string{letter, j.Host} {
		if err := o.fails[name]; err != nil {
			return err
		}
	}
	o.got = append(o.got, letter)
	return nil
}

func (o *office) set(name string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fails[name] = err
}

func (o *office) post(key, host string, letters ...string) {
	o.t.Helper()
	o.update(func(tx *storage.Tx) error {
		for _, l := range letters {
			if err := tx.Enqueue(context.Background(), storage.NewJob{Kind: "letter", Key: key, Host: host, Body: []byte(l)}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (o *office) update(fn func(*storage.Tx) error) {
	o.t.Helper()
	if err := o.db.Update(context.Background(), fn); err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) drain() int {
	o.t.Helper()
	n, err := o.queue.Drain(context.Background())
	if err != nil {
		o.t.Fatal(err)
	}
	return n
}

// has says what has been carried so far, in order.
func (o *office) has(want ...string) {
	o.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if !slices.Equal(o.got, want) {
		o.t.Errorf("carried %v, want %v", o.got, want)
	}
}

func (o *office) states() map[string]int {
	o.t.Helper()
	rows, err := o.db.QueueDepths(context.Background())
	if err != nil {
		o.t.Fatal(err)
	}
	out := map[string]int{}
	for _, r := range rows {
		out[r.State] += r.Jobs
	}
	return out
}

var silent = &queue.HostError{Err: errors.New("no answer")}

func TestLettersOfOneKeyKeepTheirOrderThroughFailures(t *testing.T) {
	eachOffice(t, func(o *office) {
		o.set("a.test", silent)
		o.post("ana", "a.test", "1", "2", "3")
		o.drain()
		o.post("ana", "a.test", "4")
		o.has()
		o.set("a.test", nil)
		o.advance(time.Minute)
		o.drain()
		o.has("1", "2", "3", "4")
		if n := o.states(); len(n) != 0 {
			t.Errorf("left behind: %v", n)
		}
	})
}

func TestAHostThatIsDownIsTriedByOneProbeAtATime(t *testing.T) {
	eachOffice(t, func(o *office) {
		o.set("a.test", silent)
		for i := range 50 {
			o.post(fmt.Sprint("author ", i), "a.test", fmt.Sprint(i))
		}
		if n := o.drain(); n != 1 {
			t.Errorf("%d jobs were tried before the host was known to be down, want one", n)
		}
		o.advance(10 * time.Hour)
		if n := o.drain(); n != 1 {
			t.Errorf("%d jobs were tried at a host that is down, want one probe", n)
		}
		o.set("a.test", nil)
		o.advance(2 * time.Hour)
		o.drain()
		if len(o.got) != 50 {
			t.Errorf("%d letters arrived after the host came back, want all 50", len(o.got))
		}
	})
}

func TestManyHostsThatAreDownHideNoneThatIsUp(t *testing.T) {
	eachOffice(t, func(o *office) {
		for h := range 40 {
			host := fmt.Sprintf("down%d.test", h)
			o.set(host, silent)
			for i := range 10 {
				o.post(fmt.Sprintf("%s %d", host, i), host, "lost")
			}
		}
		o.drain()
		o.advance(3 * time.Hour) // all their pauses are over
		o.post("ana", "up.test", "hello")
		jobs := 0
		o.update(func(tx *storage.Tx) error {
			claimed, err := tx.Claim(context.Background(), "test", time.Minute, storage.Room{Total: 32, Probes: 16, Slots: func(string, bool) int { return 4 }})
			for _, j := range claimed {
				if string(j.Body) == "hello" {
					jobs++
				}
			}
			return err
		})
		if jobs != 1 {
			t.Error("the first claim doesn't hold the letter to the host that is up")
		}
	})
}

func TestALetterThatItsHostCannotTakeHoldsUpNoOtherAuthor(t *testing.T) {
	eachOffice(t, func(o *office) {
		o.set("bad", &queue.HostError{Err: errors.New("500"), Answered: true})
		o.post("ana", "a.test", "bad")
		for i := range 20 {
			o.post(fmt.Sprint("author ", i), "a.test", fmt.Sprint(i))
		}
		for range 10 {
			o.drain()
			o.advance(2 * time.Second)
		}
		if len(o.got) != 20 {
			t.Errorf("%d of 20 letters arrived beside the bad one", len(o.got))
		}
	})
}

func TestAPermanentFailureIsBuriedAndFreesItsKey(t *testing.T) {
	eachOffice(t, func(o *office) {
		o.set("bad", queue.Permanent(errors.New("410")))
		o.post("ana", "a.test", "bad", "good")
		o.drain()
		o.has("good")
		buried, err := o.db.EndedJobs(context.Background(), "a.test", storage.Page{})
		if err != nil || len(buried) != 1 || buried[0].Error != "410" || buried[0].State != storage.JobBuried {
			t.Fatalf("buried: %v, %v", buried, err)
		}
		o.set("bad", nil)
		o.update(func(tx *storage.Tx) error { return tx.ResendJob(context.Background(), buried[0].ID) })
		o.drain()
		o.has("good", "bad")
		if n := o.states(); len(n) != 0 {
			t.Errorf("left behind: %v", n)
		}
	})
}

func TestAfterAWeekALetterExpiresAndCanBeSentAgain(t *testing.T) {
	eachOffice(t, func(o *office) {
		o.set("a.test", silent)
		o.post("ana", "a.test", "1", "2")
		o.drain()
		o.advance(6 * 24 * time.Hour)
		o.post("ana", "a.test", "3")
		o.drain()
		o.advance(25 * time.Hour)
		o.set("a.test", nil)
		o.drain()
		o.has("3")
		if n := o.states(); n[storage.JobExpired] != 2 || len(n) != 1 {
			t.Fatalf("states: %v", n)
		}
		expired, err := o.db.EndedJobs(context.Background(), "", storage.Page{})
		if err != nil {
			t.Fatal(err)
		}
		slices.Reverse(expired)
		o.update(func(tx *storage.Tx) error {
			for _, j := range expired {
				if err := tx.ResendJob(context.Background(), j.ID); err != nil {
					return err
				}
			}
			return nil
		})
		o.drain()
		o.has("3", "1", "2")
	})
}

func TestARemovedPeersLettersWaitAndGoOnInOrder(t *testing.T) {
	eachOffice(t, func(o *office) {
		peer := &storage.Peer{Host: "a.test", Tier: storage.Partner, State: storage.PeerActive}
		o.update(func(tx *storage.Tx) error { return tx.SavePeer(context.Background(), peer) })
		o.post("ana", "a.test", "1", "2")
		o.update(func(tx *storage.Tx) error { _, err := tx.RemovePeer(context.Background(), "a.test"); return err })
		o.drain()
		o.has()
		if n := o.states(); n[storage.JobParked] != 2 {
			t.Fatalf("states: %v", n)
		}
		o.post("ana", "b.test", "other")
		o.update(func(tx *storage.Tx) error { return tx.SavePeer(context.Background(), peer) })
		o.drain()
		slices.Sort(o.got)
		o.has("1", "2", "other")
		o.post("ana", "a.test", "3")
		o.update(func(tx *storage.Tx) error {
			return tx.SavePeer(context.Background(), &storage.Peer{Host: "a.test", Tier: storage.Partner, State: storage.PeerBlocked})
		})
		o.drain()
		if n := o.states(); n[storage.JobParked] != 1 {
			t.Errorf("blocking leaves %v", n)
		}
		o.update(func(tx *storage.Tx) error { return tx.SkipGrace(context.Background(), "a.test") })
		o.update(func(tx *storage.Tx) error {
			_, _, err := tx.PurgePeer(context.Background(), "a.test")
			return err
		})
		if n := o.states(); n[storage.JobBuried] != 1 {
			t.Errorf("the purge leaves %v", n)
		}
	})
}

func TestAnotherProcessTakesOverWhatADeadOneHeld(t *testing.T) {
	eachOffice(t, func(o *office) {
		o.post("ana", "a.test", "1", "2")
		o.update(func(tx *storage.Tx) error {
			_, err := tx.Claim(context.Background(), "dead", time.Minute, storage.Room{Total: 8, Slots: func(string, bool) int { return 4 }})
			return err
		})
		o.drain()
		o.has() // the lease is good
		o.advance(2 * time.Minute)
		o.update(func(tx *storage.Tx) error {
			n, err := tx.TakeBackLapsed(context.Background(), false, "")
			if n != 1 {
				t.Errorf("%d jobs were taken back, want 1", n)
			}
			return err
		})
		o.drain()
		o.has("1", "2")
	})
}

func TestARestartedProcessGoesOnAtOnceWithWhatItHeld(t *testing.T) {
	eachOffice(t, func(o *office) {
		o.post("ana", "", "1")
		o.update(func(tx *storage.Tx) error {
			_, err := tx.Claim(context.Background(), "machine one", time.Hour, storage.Room{Total: 8, Slots: func(string, bool) int { return 4 }})
			return err
		})
		arrived := make(chan string, 1)
		q := queue.New(o.db, queue.Options{Process: "machine one", Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
		q.Handle("letter", func(_ context.Context, j *storage.Job) error { arrived <- string(j.Body); return nil })
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- q.Run(ctx) }()
		if got := <-arrived; got != "1" {
			t.Errorf("got %s", got)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestAPanicBuriesOneJobOnly(t *testing.T) {
	eachOffice(t, func(o *office) {
		o.queue.Handle("explodes", func(context.Context, *storage.Job) error { panic("on purpose") })
		o.update(func(tx *storage.Tx) error {
			return tx.Enqueue(context.Background(), storage.NewJob{Kind: "explodes", Key: "ana"}, storage.NewJob{Kind: "unknown", Key: "ana"}, storage.NewJob{Kind: "letter", Key: "ana", Body: []byte("1")})
		})
		o.drain()
		o.has("1")
		if n := o.states(); n[storage.JobBuried] != 2 {
			t.Errorf("states: %v", n)
		}
	})
}

func TestARunningQueueHearsOfNewJobsAndStops(t *testing.T) {
	eachOffice(t, func(o *office) {
		arrived := make(chan string, 8)
		o.queue.Handle("letter", func(_ context.Context, j *storage.Job) error {
			arrived <- string(j.Body)
			return nil
		})
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- o.queue.Run(ctx) }()
		for _, l := range []string{"1", "2", "3"} {
			o.post("ana", "", l)
			if got := <-arrived; got != l {
				t.Errorf("got %s, want %s", got, l)
			}
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
