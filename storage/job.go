package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// States of a job. ready, behind, running and parked jobs are unfinished.
const (
	JobReady   = "ready"   // may be claimed once RunAt has come
	JobBehind  = "behind"  // an older job of its key isn't finished
	JobRunning = "running" // a process holds a lease on it
	JobParked  = "parked"  // its peer isn't allowed now; it resumes if the peer returns in time
	JobBuried  = "buried"  // failed for good: kept for an admin to see and send again
	JobExpired = "expired" // not done within its time: kept likewise
)

// JobLife is how long after it was queued a job is tried.
const JobLife = 7 * 24 * time.Hour

// A Job is work for later, in the order of its key, for the host that it talks to.
type Job struct {
	bun.BaseModel `bun:"table:jobs,alias:j"`

	ID       int64 `bun:",pk"`
	Kind     string
	OrderKey string // jobs of one key run one after the other; empty: in no order
	Host     string // whom it talks to; empty: nobody
	Args     string // JSON, for the kind's handler
	BodyID   int64  `bun:",nullzero"`
	State    string
	RunAt    time.Time
	Attempts int
	LeaseBy  string
	LeaseTo  time.Time `bun:",nullzero"`
	Error    string    // of the last attempt, for an admin

	CreatedAt time.Time
	ExpiresAt time.Time

	Body []byte `bun:"-"` // loaded by Claim
}

// NewJob is what Enqueue takes. Jobs that share a body share its row: see AddBody.
type NewJob struct {
	Kind   string
	Key    string
	Host   string
	Args   any
	Body   []byte
	BodyID int64
	RunAt  time.Time // zero: now
}

// AddBody stores bytes that several jobs will carry.
func (tx *Tx) AddBody(ctx context.Context, body []byte) (int64, error) {
	id := tx.NewID(tx.Now())
	if _, err := tx.idb.NewRaw("INSERT INTO job_bodies (id, body) VALUES (?, ?)", id, body).Exec(ctx); err != nil {
		return 0, fmt.Errorf("store job body: %w", err)
	}
	return id, nil
}

// Enqueue adds jobs, to run after this transaction has committed. They keep their order within
// a key.
func (tx *Tx) Enqueue(ctx context.Context, jobs ...NewJob) error {
	// A fixed order of keys, so that two acts never wait for each other in a circle.
	keys := make([]string, 0, len(jobs))
	for _, n := range jobs {
		if n.Key != "" {
			keys = append(keys, n.Key)
		}
	}
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		if err := tx.lockKey(ctx, key); err != nil {
			return err
		}
	}
	for _, n := range jobs {
		if err := tx.enqueue(ctx, n); err != nil {
			return fmt.Errorf("enqueue %s: %w", n.Kind, err)
		}
	}
	tx.Publish(Event{Kind: JobsAdded})
	return nil
}

func (tx *Tx) enqueue(ctx context.Context, n NewJob) error {
	args, err := json.Marshal(n.Args)
	if err != nil {
		return err
	}
	j := &Job{ID: tx.NewID(tx.Now()), Kind: n.Kind, OrderKey: n.Key, Host: n.Host, Args: string(args), BodyID: n.BodyID,
		State: JobReady, RunAt: n.RunAt, CreatedAt: tx.Now(), ExpiresAt: tx.Now().Add(JobLife)}
	if j.RunAt.IsZero() {
		j.RunAt = tx.Now()
	} else {
		j.ExpiresAt = j.RunAt.Add(JobLife) // a poll closes a month from now
	}
	if n.Body != nil {
		if j.BodyID, err = tx.AddBody(ctx, n.Body); err != nil {
			return err
		}
	}
	if n.Key != "" {
		behind, err := tx.exists(ctx, "SELECT 1 FROM jobs WHERE order_key = ? AND state IN ('ready', 'behind', 'running', 'parked')", n.Key)
		if err != nil {
			return err
		}
		if behind {
			j.State = JobBehind
		}
	}
	if n.Host != "" {
		health, err := tx.HostHealth(ctx, n.Host)
		if err != nil {
			return err
		}
		if health.Failures > 0 && health.RetryAt.After(j.RunAt) {
			j.RunAt = health.RetryAt
		}
	}
	_, err = tx.idb.NewInsert().Model(j).Exec(ctx)
	return err
}

// Health is how a host has answered lately.
type Health struct {
	bun.BaseModel `bun:"table:hosts,alias:ho"`
	Host          string    `bun:",pk"`
	Failures      int       // in a row; 0: it answers
	RetryAt       time.Time `bun:",nullzero"`
	LastOK        time.Time `bun:",nullzero"`
	LastError     string
	Refusing      bool // it answers, with 401 or 403
}

// HostHealth is how a host has answered lately; an unknown one is healthy.
func (q *Queries) HostHealth(ctx context.Context, host string) (Health, error) {
	var h Health
	err := q.idb.NewSelect().Model(&h).Where("ho.host = ?", host).Scan(ctx)
	if err != nil {
		if err = notFound("host", err); !isNotFound(err) {
			return h, err
		}
	}
	h.Host = host
	return h, nil
}

// Slots says how many more jobs a host may have running. failures is how often it has failed in
// a row.
type Slots func(host string, failures int) int

// Claim takes up to limit due jobs under a lease, leaving alone the busy hosts and asking slots
// for each of the others. The oldest of each key comes first; a later one is never taken before
// the earlier is finished.
func (tx *Tx) Claim(ctx context.Context, by string, lease time.Duration, busy []string, limit int, slots Slots) ([]*Job, error) {
	var candidates []struct {
		ID       int64
		Host     string
		Failures int
	}
	query := `SELECT j.id AS id, j.host AS host, COALESCE((SELECT h.failures FROM hosts AS h WHERE h.host = j.host), 0) AS failures
		FROM jobs AS j WHERE j.state = 'ready' AND j.run_at <= ?`
	args := []any{tx.Now()}
	if len(busy) > 0 {
		query += " AND j.host NOT IN (?)"
		args = append(args, bun.List(busy))
	}
	query += " ORDER BY j.run_at, j.id LIMIT ?" + tx.skipLocked()
	if err := tx.idb.NewRaw(query, append(args, 4*limit)...).Scan(ctx, &candidates); err != nil {
		return nil, fmt.Errorf("look for jobs: %w", err)
	}
	taken := map[string]int{}
	var ids []int64
	for _, c := range candidates {
		if len(ids) < limit && taken[c.Host] < slots(c.Host, c.Failures) {
			taken[c.Host]++
			ids = append(ids, c.ID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	if _, err := tx.idb.NewRaw("UPDATE jobs SET state = 'running', lease_by = ?, lease_to = ? WHERE id IN (?)", by, tx.Now().Add(lease), bun.List(ids)).Exec(ctx); err != nil {
		return nil, fmt.Errorf("claim jobs: %w", err)
	}
	var jobs []*Job
	if err := tx.idb.NewSelect().Model(&jobs).Where("j.id IN (?)", bun.List(ids)).Order("j.run_at", "j.id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read claimed jobs: %w", err)
	}
	return jobs, tx.loadBodies(ctx, jobs)
}

func (tx *Tx) loadBodies(ctx context.Context, jobs []*Job) error {
	var ids []int64
	for _, j := range jobs {
		if j.BodyID != 0 {
			ids = append(ids, j.BodyID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	var rows []struct {
		ID   int64
		Body []byte
	}
	if err := tx.idb.NewRaw("SELECT id, body FROM job_bodies WHERE id IN (?)", bun.List(ids)).Scan(ctx, &rows); err != nil {
		return fmt.Errorf("read job bodies: %w", err)
	}
	bodies := make(map[int64][]byte, len(rows))
	for _, r := range rows {
		bodies[r.ID] = r.Body
	}
	for _, j := range jobs {
		j.Body = bodies[j.BodyID]
	}
	return nil
}

// FinishJob removes a job that is done and lets the next of its key go. A handler may call it in
// its own act, so that work and completion are one transaction; finishing twice is harmless.
func (tx *Tx) FinishJob(ctx context.Context, j *Job) error {
	if err := tx.lockIfKeyed(ctx, j); err != nil {
		return err
	}
	if _, err := tx.idb.NewRaw("DELETE FROM jobs WHERE id = ?", j.ID).Exec(ctx); err != nil {
		return fmt.Errorf("finish job: %w", err)
	}
	if j.BodyID != 0 {
		if _, err := tx.idb.NewRaw("DELETE FROM job_bodies WHERE id = ? AND NOT EXISTS (SELECT 1 FROM jobs WHERE body_id = ?)", j.BodyID, j.BodyID).Exec(ctx); err != nil {
			return fmt.Errorf("drop job body: %w", err)
		}
	}
	return tx.promote(ctx, j.OrderKey)
}

func (tx *Tx) lockIfKeyed(ctx context.Context, j *Job) error {
	if j.OrderKey == "" {
		return nil
	}
	return tx.lockKey(ctx, j.OrderKey)
}

// promote lets the oldest waiting job of a key go, if none of the key is before it.
func (tx *Tx) promote(ctx context.Context, key string) error {
	if key == "" {
		return nil
	}
	_, err := tx.idb.NewRaw(`UPDATE jobs SET state = 'ready' WHERE state = 'behind'
		AND id = (SELECT MIN(o.id) FROM jobs AS o WHERE o.order_key = ? AND o.state IN ('ready', 'behind', 'running', 'parked'))`, key).Exec(ctx)
	if err != nil {
		return fmt.Errorf("let the next job go: %w", err)
	}
	tx.Publish(Event{Kind: JobsAdded})
	return nil
}

// RetryJob puts a job back until at, with what went wrong. Its key waits with it.
func (tx *Tx) RetryJob(ctx context.Context, j *Job, at time.Time, cause string) error {
	_, err := tx.idb.NewRaw("UPDATE jobs SET state = 'ready', run_at = ?, attempts = attempts + 1, lease_by = '', lease_to = NULL, error = ? WHERE id = ? AND state = 'running'", at.UTC(), clip(cause, 500), j.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("put job back: %w", err)
	}
	return nil
}

// BuryJob ends a job without success, as buried or expired; it stays for an admin to see and
// send again, and frees its key.
func (tx *Tx) BuryJob(ctx context.Context, j *Job, state, cause string) error {
	if err := tx.lockIfKeyed(ctx, j); err != nil {
		return err
	}
	_, err := tx.idb.NewRaw("UPDATE jobs SET state = ?, attempts = attempts + 1, lease_by = '', lease_to = NULL, error = ? WHERE id = ?", state, clip(cause, 500), j.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("bury job: %w", err)
	}
	return tx.promote(ctx, j.OrderKey)
}

// RenewLeases keeps a process's jobs its own for another while.
func (tx *Tx) RenewLeases(ctx context.Context, by string, lease time.Duration) error {
	if _, err := tx.idb.NewRaw("UPDATE jobs SET lease_to = ? WHERE state = 'running' AND lease_by = ?", tx.Now().Add(lease), by).Exec(ctx); err != nil {
		return fmt.Errorf("renew leases: %w", err)
	}
	return nil
}

// TakeBackLapsed frees the jobs whose process has gone: those whose lease has run out, or, when
// the caller is the only process that works, all that are running. It returns how many.
func (tx *Tx) TakeBackLapsed(ctx context.Context, all bool) (int64, error) {
	query, args := "UPDATE jobs SET state = 'ready', lease_by = '', lease_to = NULL WHERE state = 'running'", []any{}
	if !all {
		query, args = query+" AND lease_to < ?", []any{tx.Now()}
	}
	res, err := tx.idb.NewRaw(query, args...).Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("take back lapsed jobs: %w", err)
	}
	return res.RowsAffected()
}

// HostFailed notes that a host didn't answer, or refused, and holds all that waits for it until
// retryAt. It returns how often in a row.
func (tx *Tx) HostFailed(ctx context.Context, host, cause string, refusing bool, retryAt time.Time) error {
	_, err := tx.idb.NewRaw(`INSERT INTO hosts (host, failures, retry_at, last_error, refusing) VALUES (?, 1, ?, ?, ?)
		ON CONFLICT (host) DO UPDATE SET failures = hosts.failures + 1, retry_at = EXCLUDED.retry_at, last_error = EXCLUDED.last_error, refusing = EXCLUDED.refusing`,
		host, retryAt.UTC(), clip(cause, 500), refusing).Exec(ctx)
	if err != nil {
		return fmt.Errorf("note failure of %s: %w", host, err)
	}
	if _, err := tx.idb.NewRaw("UPDATE jobs SET run_at = ? WHERE host = ? AND state = 'ready' AND run_at < ?", retryAt.UTC(), host, retryAt.UTC()).Exec(ctx); err != nil {
		return fmt.Errorf("hold jobs of %s: %w", host, err)
	}
	return nil
}

// HostAnswered notes that a host answers, and lets go what was held for it.
func (tx *Tx) HostAnswered(ctx context.Context, host string) error {
	h, err := tx.HostHealth(ctx, host)
	if err != nil {
		return err
	}
	if h.Failures == 0 && tx.Now().Sub(h.LastOK) < time.Minute {
		return nil // a write per delivery would tell nothing new
	}
	_, err = tx.idb.NewRaw(`INSERT INTO hosts (host, failures, last_ok, last_error, refusing) VALUES (?, 0, ?, '', ?)
		ON CONFLICT (host) DO UPDATE SET failures = 0, last_ok = EXCLUDED.last_ok, retry_at = NULL, refusing = EXCLUDED.refusing`, host, tx.Now(), false).Exec(ctx)
	if err != nil {
		return fmt.Errorf("note answer of %s: %w", host, err)
	}
	if h.Failures == 0 {
		return nil
	}
	if _, err := tx.idb.NewRaw("UPDATE jobs SET run_at = ? WHERE host = ? AND state = 'ready' AND run_at > ?", tx.Now(), host, tx.Now()).Exec(ctx); err != nil {
		return fmt.Errorf("let jobs of %s go: %w", host, err)
	}
	tx.Publish(Event{Kind: JobsAdded})
	return nil
}

// peerJobs fits the jobs of a host to its peer's state: parked while it isn't allowed, buried
// when it is blocked, and resumed in order when it is allowed (again).
func (tx *Tx) peerJobs(ctx context.Context, host, state string) error {
	var statements []string
	switch state {
	case PeerActive:
		statements = []string{
			"UPDATE jobs SET state = 'behind' WHERE host = ? AND state = 'parked'",
			`UPDATE jobs SET state = 'ready' WHERE host = ? AND state = 'behind' AND (order_key = '' OR NOT EXISTS (SELECT 1 FROM jobs AS o
				WHERE o.order_key = jobs.order_key AND o.id < jobs.id AND o.state IN ('ready', 'behind', 'running', 'parked')))`,
		}
	case PeerBlocked:
		statements = []string{"UPDATE jobs SET state = 'buried', error = 'the peer is blocked' WHERE host = ? AND state IN ('ready', 'behind', 'parked')"}
	default:
		statements = []string{"UPDATE jobs SET state = 'parked' WHERE host = ? AND state IN ('ready', 'behind')"}
	}
	for _, s := range statements {
		if _, err := tx.idb.NewRaw(s, host).Exec(ctx); err != nil {
			return fmt.Errorf("fit jobs of %s: %w", host, err)
		}
	}
	tx.Publish(Event{Kind: JobsAdded})
	return nil
}

// ParkJob puts a claimed job aside because its peer isn't allowed now.
func (tx *Tx) ParkJob(ctx context.Context, j *Job) error {
	if _, err := tx.idb.NewRaw("UPDATE jobs SET state = 'parked', lease_by = '', lease_to = NULL WHERE id = ?", j.ID).Exec(ctx); err != nil {
		return fmt.Errorf("park job: %w", err)
	}
	return nil
}

// NextJobAt says when the next job is due; false where none waits.
func (q *Queries) NextJobAt(ctx context.Context) (time.Time, bool, error) {
	var at []time.Time
	if err := q.idb.NewRaw("SELECT run_at FROM jobs WHERE state = 'ready' ORDER BY run_at LIMIT 1").Scan(ctx, &at); err != nil {
		return time.Time{}, false, fmt.Errorf("look for the next job: %w", err)
	}
	if len(at) == 0 {
		return time.Time{}, false, nil
	}
	return at[0], true, nil
}

// QueueDepth is how many jobs of a kind, host and state there are, and since when.
type QueueDepth struct {
	Kind, Host, State string
	Jobs              int
	Oldest            time.Time
}

// QueueDepths counts the jobs, for metrics and admins.
func (q *Queries) QueueDepths(ctx context.Context) ([]QueueDepth, error) {
	var rows []QueueDepth
	err := q.idb.NewSelect().TableExpr("jobs").ColumnExpr("kind, host, state, COUNT(*) AS jobs, MIN(created_at) AS oldest").
		GroupExpr("kind, host, state").OrderExpr("kind, host, state").Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count jobs: %w", err)
	}
	return rows, nil
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
