// Package queue runs the jobs that acts leave behind: deliveries, received activities, fetches.
//
// It knows jobs, not their meaning: a handler is registered for each kind. Jobs of one key run
// in order; each host has its slots, so that one which hangs never slows another; hosts that
// have not answered lately share a small part of all slots, one job each, as a probe. A claim is
// a lease: when a process dies, another takes its jobs over.
//
// A job may run twice. What must never happen: a job is lost, two jobs of a key change places,
// or a dead host holds up a living one.
package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"ruche/storage"
)

// A Handler does the work of a job. Its error says what becomes of the job: none, or ErrFinished,
// and it is done; Permanent buries it; Failed holds the whole host; anything else is tried again
// later.
type Handler func(ctx context.Context, job *storage.Job) error

// ErrFinished is returned by a handler that has called FinishJob in its own act.
var ErrFinished = errors.New("finished already")

// ErrPark is returned when the job's peer isn't allowed now: it waits until the peer is again.
var ErrPark = errors.New("parked")

type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent means never again, and show it to an admin.
func Permanent(err error) error { return permanent{err} }

// A HostError means that the job's host didn't do its part, so that nothing else need be tried
// there for a while.
type HostError struct {
	Err      error
	After    time.Duration // what the host asked for (Retry-After); 0: our own back-off
	Answered bool          // it answered, so perhaps it is this job alone that it can't take
	Refusing bool          // it answered 401 or 403: it refuses us
}

func (h *HostError) Error() string { return h.Err.Error() }
func (h *HostError) Unwrap() error { return h.Err }

// Options are the limits of a queue. Zero values mean the defaults below.
type Options struct {
	Slots        int // all jobs that run at once in this process
	HostSlots    int // of one host
	LocalSlots   int // of jobs that talk to nobody
	FailingSlots int // of all hosts together that have not answered lately
	// Alone: no other process works on this database, so jobs found running at the start are ours.
	Alone bool
	// Process names this process among those on the database; the same after a restart, so that it
	// goes on at once with what it held. Empty: a name that nobody had before.
	Process string
	Log     *slog.Logger
	// Observe is told how each run ended: done, retried, buried, expired, parked.
	Observe func(job *storage.Job, outcome string, took time.Duration)
}

// Queue claims jobs and runs them.
type Queue struct {
	db       *storage.DB
	opt      Options
	handlers map[string]Handler
	process  string
	wake     chan struct{}

	mu      sync.Mutex
	running map[string]int  // by host
	failing map[string]bool // hosts that are being probed
	total   int
}

const (
	lease     = 30 * time.Second
	renewal   = 10 * time.Second
	batch     = 32
	idlePoll  = time.Second // other processes may have added jobs
	stopGrace = 10 * time.Second
)

// New makes a queue that Run or Drain will work through.
func New(db *storage.DB, opt Options) *Queue {
	for _, d := range []struct {
		field *int
		value int
	}{{&opt.Slots, 128}, {&opt.HostSlots, 4}, {&opt.LocalSlots, 32}, {&opt.FailingSlots, 16}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	if opt.Observe == nil {
		opt.Observe = func(*storage.Job, string, time.Duration) {}
	}
	if opt.Process == "" {
		opt.Process = storage.NewSecret()[:16]
	}
	return &Queue{db: db, opt: opt, handlers: map[string]Handler{}, process: opt.Process,
		wake: make(chan struct{}, 1), running: map[string]int{}, failing: map[string]bool{}}
}

// Handle registers what does the jobs of a kind. Before Run only.
func (q *Queue) Handle(kind string, h Handler) { q.handlers[kind] = h }

// Run works until ctx ends, then waits for what is running and gives back what it can't finish.
func (q *Queue) Run(ctx context.Context) error {
	if err := q.takeBack(ctx, q.opt.Alone, q.process); err != nil {
		return err
	}
	end := q.db.Subscribe(func(e storage.Event) {
		if e.Kind == storage.JobsAdded {
			q.poke()
		}
	})
	defer end()
	var jobs sync.WaitGroup
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	go q.keepLeases(ctx)
	if err := q.expire(ctx); err != nil {
		return err
	}
	for ctx.Err() == nil {
		claimed, err := q.claim(ctx)
		if err != nil && ctx.Err() == nil {
			q.opt.Log.ErrorContext(ctx, "jobs could not be claimed", "err", err)
		}
		for _, job := range claimed {
			jobs.Go(func() {
				q.run(work, job)
				q.poke()
			})
		}
		if len(claimed) == 0 {
			q.rest(ctx)
		}
	}
	finished := make(chan struct{})
	go func() { jobs.Wait(); close(finished) }()
	select {
	case <-finished:
	case <-time.After(stopGrace):
		stopWork()
		<-finished
	}
	return nil
}

// Drain runs every due job until none is left, and says how many ran. Tests use it in the place
// of waiting.
func (q *Queue) Drain(ctx context.Context) (int, error) {
	ran := 0
	if err := q.expire(ctx); err != nil {
		return 0, err
	}
	for {
		claimed, err := q.claim(ctx)
		if err != nil || len(claimed) == 0 {
			return ran, err
		}
		var jobs sync.WaitGroup
		for _, job := range claimed {
			ran++
			jobs.Go(func() { q.run(ctx, job) })
		}
		jobs.Wait()
	}
}

func (q *Queue) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// rest waits for news, for the next job's time, or a moment.
func (q *Queue) rest(ctx context.Context) {
	wait := idlePoll
	if at, ok, err := q.db.NextJobAt(ctx); err == nil && ok {
		if due := at.Sub(q.db.Now()); due > 0 {
			wait = min(wait, due)
		}
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-q.wake:
	case <-timer.C:
	}
}

func (q *Queue) claim(ctx context.Context) ([]*storage.Job, error) {
	room := q.room()
	if room.Total <= 0 {
		return nil, nil
	}
	var jobs []*storage.Job
	err := q.db.Update(ctx, func(tx *storage.Tx) error {
		var err error
		jobs, err = tx.Claim(ctx, q.process, lease, room)
		return err
	})
	if err != nil {
		return nil, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, j := range jobs {
		q.running[j.Host]++
		q.total++
		if j.Probe {
			q.failing[j.Host] = true
		}
	}
	return jobs, nil
}

// room is what this process can run beside what it is running. Only the loop that claims asks, so
// what it says holds until that claim.
func (q *Queue) room() storage.Room {
	q.mu.Lock()
	defer q.mu.Unlock()
	room := storage.Room{Total: min(q.opt.Slots-q.total, batch), Probes: q.opt.FailingSlots - len(q.failing)}
	running := make(map[string]int, len(q.running))
	for host, n := range q.running {
		running[host] = n
		if n >= q.slotsOf(host, true) || q.failing[host] {
			room.Busy = append(room.Busy, host)
		}
	}
	room.Slots = func(host string, known bool) int { return q.slotsOf(host, known) - running[host] }
	return room
}

// slotsOf: a host that has never answered gets one slot until it does, so that many silent ones
// can't fill the room before they are known to be silent.
func (q *Queue) slotsOf(host string, known bool) int {
	switch {
	case host == "":
		return q.opt.LocalSlots
	case !known:
		return 1
	default:
		return q.opt.HostSlots
	}
}

func (q *Queue) run(ctx context.Context, job *storage.Job) {
	defer func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.total--
		delete(q.failing, job.Host)
		if q.running[job.Host]--; q.running[job.Host] <= 0 {
			delete(q.running, job.Host)
		}
	}()
	began := time.Now()
	err := q.call(ctx, job)
	outcome, settled := q.settle(ctx, job, err)
	if settled != nil {
		// The lease will lapse and the job run again: handlers are made for that.
		q.opt.Log.ErrorContext(ctx, "a job's end could not be stored", "kind", job.Kind, "job", job.ID, "err", settled)
	}
	q.opt.Observe(job, outcome, time.Since(began))
	if err != nil && outcome != "done" {
		q.opt.Log.WarnContext(ctx, "job failed", "kind", job.Kind, "job", job.ID, "host", job.Host, "attempt", job.Attempts+1, "outcome", outcome, "err", err)
	}
}

func (q *Queue) call(ctx context.Context, job *storage.Job) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = Permanent(fmt.Errorf("the handler panicked: %v", r))
		}
	}()
	h := q.handlers[job.Kind]
	if h == nil {
		return Permanent(fmt.Errorf("nothing handles jobs of kind %q", job.Kind))
	}
	return h(ctx, job)
}

// settle stores what became of a job.
func (q *Queue) settle(ctx context.Context, job *storage.Job, cause error) (string, error) {
	if errors.Is(cause, ErrFinished) {
		return "done", nil
	}
	outcome := ""
	stopped := ctx.Err() != nil
	ctx = context.WithoutCancel(ctx)
	err := q.db.Update(ctx, func(tx *storage.Tx) error {
		var never permanent
		var host *HostError
		now := tx.Now()
		switch {
		case cause == nil:
			outcome = "done"
			if job.Host != "" {
				if err := tx.HostAnswered(ctx, job.Host); err != nil {
					return err
				}
			}
			return tx.FinishJob(ctx, job)
		case errors.Is(cause, ErrPark):
			outcome = "parked"
			return tx.ParkJob(ctx, job)
		case stopped:
			outcome = "retried"
			return tx.RetryJob(ctx, job, now, "the node was stopped meanwhile")
		case errors.As(cause, &never):
			outcome = "buried"
			if job.Host != "" {
				// It answered; only this job displeased it.
				if err := tx.HostAnswered(ctx, job.Host); err != nil {
					return err
				}
			}
			return tx.BuryJob(ctx, job, storage.JobBuried, cause.Error())
		}
		at := now.Add(backoff(job.Attempts))
		if errors.As(cause, &host) {
			health, err := tx.HostHealth(ctx, job.Host)
			if err != nil {
				return err
			}
			until := now.Add(max(backoff(health.Failures), host.After))
			if err := tx.HostFailed(ctx, job.Host, cause.Error(), host.Refusing, until); err != nil {
				return err
			}
			if !host.Answered {
				at = now // it waits for its host, not for itself
			}
		}
		outcome = "retried"
		return tx.RetryJob(ctx, job, at, cause.Error())
	})
	return outcome, err
}

// backoff is how long to wait after n failures in a row: the first tries within seconds, then
// slower, an hour at most, with a fifth of jitter so that jobs don't march in step.
func backoff(n int) time.Duration {
	wait := time.Second << min(n, 12)
	wait = min(wait, time.Hour)
	return wait + time.Duration(rand.Int64N(int64(wait)/5+1))
}

// expire ends what was not done within its time, without trying it once more: what a peer gets
// after a week is no news.
func (q *Queue) expire(ctx context.Context) error {
	return q.db.Update(ctx, func(tx *storage.Tx) error {
		n, err := tx.ExpireJobs(ctx)
		if n > 0 {
			q.opt.Log.WarnContext(ctx, "jobs expired", "jobs", n)
		}
		return err
	})
}

func (q *Queue) takeBack(ctx context.Context, all bool, by string) error {
	return q.db.Update(ctx, func(tx *storage.Tx) error {
		n, err := tx.TakeBackLapsed(ctx, all, by)
		if n > 0 {
			q.opt.Log.InfoContext(ctx, "jobs of a process that has gone were taken back", "jobs", n)
		}
		return err
	})
}

func (q *Queue) keepLeases(ctx context.Context) {
	tick := time.NewTicker(renewal)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := q.db.Update(ctx, func(tx *storage.Tx) error { return tx.RenewLeases(ctx, q.process, lease) })
		if err == nil {
			err = q.takeBack(ctx, false, "")
		}
		if err == nil {
			err = q.expire(ctx)
		}
		if err == nil {
			err = q.db.Update(ctx, func(tx *storage.Tx) error { return tx.Tidy(ctx) })
		}
		if err != nil && ctx.Err() == nil {
			q.opt.Log.ErrorContext(ctx, "leases could not be renewed", "err", err)
		}
	}
}
