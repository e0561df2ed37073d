package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// States of a job. All but buried and expired are unfinished.
const (
	JobReady   = "ready"   // may be claimed once RunAt has come
	JobHeld    = "held"    // its host has not answered lately: a probe takes one of them now and then
	JobBehind  = "behind"  // an older job of its key isn't finished
	JobRunning = "running" // a process holds a lease on it
	JobParked  = "parked"  // its peer isn't allowed now; it resumes if the peer returns in time
	JobBuried  = "buried"  // failed for good: kept for an admin to see and send again
	JobExpired = "expired" // not done within its time: kept likewise
)

// unfinished jobs keep their place in the order of their key.
const unfinished = "('ready', 'held', 'behind', 'running', 'parked')"

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

	Body  []byte `bun:"-"` // loaded by Claim
	Probe bool   `bun:"-"` // set by Claim: its host has not answered lately
}

// NewJob is what Enqueue takes. Jobs that share a body share its row: see AddBody.
type NewJob struct {
	Kind   string
	Key    string
	Host   string
	Args   any
	Body   []byte
	BodyID int64
	RunAt  time.Time // zero: now; JobLife counts from then
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
	for chunk := range slices.Chunk(jobs, 50) {
		if err := tx.enqueue(ctx, chunk); err != nil {
			return fmt.Errorf("enqueue %s: %w", chunk[0].Kind, err)
		}
	}
	tx.Publish(Event{Kind: JobsAdded})
	return nil
}

// enqueue stores jobs with one statement, which also finds out for each whether another of its key
// is before it and whether its host is held.
func (tx *Tx) enqueue(ctx context.Context, jobs []NewJob) error {
	const row = `(?, ?, ?, ?, ?, ?, CASE WHEN ? OR EXISTS (SELECT 1 FROM jobs WHERE order_key = ? AND order_key <> '' AND state IN ` + unfinished + `) THEN 'behind'
		WHEN EXISTS (SELECT 1 FROM hosts WHERE host = ? AND failures > 0) THEN 'held' ELSE 'ready' END, ?, 0, '', '', ?, ?)`
	now := tx.Now()
	rows, args := make([]string, len(jobs)), make([]any, 0, 12*len(jobs))
	seen := map[string]bool{"": false}
	for i, n := range jobs {
		spoken, err := json.Marshal(n.Args)
		if err != nil {
			return err
		}
		if n.Body != nil {
			if n.BodyID, err = tx.AddBody(ctx, n.Body); err != nil {
				return err
			}
		}
		if n.RunAt.IsZero() {
			n.RunAt = now
		}
		var body any
		if n.BodyID != 0 {
			body = n.BodyID
		}
		rows[i] = row
		args = append(args, tx.NewID(now), n.Kind, n.Key, n.Host, string(spoken), body, seen[n.Key], n.Key, n.Host, n.RunAt.UTC(), now, n.RunAt.UTC().Add(JobLife)) // what is for a month from now isn't late in a week
		seen[n.Key] = n.Key != ""
	}
	_, err := tx.idb.NewRaw("INSERT INTO jobs (id, kind, order_key, host, args, body_id, state, run_at, attempts, lease_by, error, created_at, expires_at) VALUES "+strings.Join(rows, ", "), args...).Exec(ctx)
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

// Room is how much more a process can run.
type Room struct {
	Total  int // jobs
	Probes int // of them for hosts that have not answered lately, one each
	// Busy are hosts that have their share running.
	Busy []string
	// Slots says how many more jobs a host may have running. known: it has answered before.
	Slots func(host string, known bool) int
}

// Claim takes due jobs under a lease, as far as there is room. The oldest of each key comes first;
// a later one is never taken before the earlier is finished. Jobs of hosts that have not answered
// lately come as probes only, so that however many wait there, they are in nobody's way.
func (tx *Tx) Claim(ctx context.Context, by string, lease time.Duration, room Room) ([]*Job, error) {
	ids, err := tx.dueJobs(ctx, room)
	if err != nil {
		return nil, err
	}
	due := len(ids)
	if probes := min(room.Probes, room.Total-len(ids)); probes > 0 {
		more, err := tx.probes(ctx, probes, room.Busy)
		if err != nil {
			return nil, err
		}
		ids = append(ids, more...)
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
	for _, j := range jobs {
		j.Probe = slices.Contains(ids[due:], j.ID)
	}
	return jobs, tx.loadBodies(ctx, jobs)
}

// dueJobs picks ready jobs, the longest due first, looking at a few times as many as there is room for:
// one host's many must not hide the next host's.
func (tx *Tx) dueJobs(ctx context.Context, room Room) ([]int64, error) {
	var candidates []struct {
		ID    int64
		Host  string
		Known bool
	}
	query := `SELECT j.id AS id, j.host AS host, EXISTS (SELECT 1 FROM hosts AS h WHERE h.host = j.host AND h.last_ok IS NOT NULL) AS known
		FROM jobs AS j WHERE j.state = 'ready' AND j.run_at <= ?`
	args := []any{tx.Now()}
	if len(room.Busy) > 0 {
		query += " AND j.host NOT IN (?)"
		args = append(args, bun.List(room.Busy))
	}
	query += " ORDER BY j.run_at, j.id LIMIT ?" + tx.skipLocked()
	if err := tx.idb.NewRaw(query, append(args, 4*room.Total)...).Scan(ctx, &candidates); err != nil {
		return nil, fmt.Errorf("look for jobs: %w", err)
	}
	taken := map[string]int{}
	var ids []int64
	for _, c := range candidates {
		if len(ids) < room.Total && taken[c.Host] < room.Slots(c.Host, c.Known) {
			taken[c.Host]++
			ids = append(ids, c.ID)
		}
	}
	return ids, nil
}

// probes picks one held job of each host whose pause is over. Of a host's jobs it is the one that
// has waited longest since it was last tried, so that a single bad one doesn't keep the host shut.
func (tx *Tx) probes(ctx context.Context, limit int, busy []string) ([]int64, error) {
	query := "SELECT h.host FROM hosts AS h WHERE h.failures > 0 AND h.retry_at <= ? AND EXISTS (SELECT 1 FROM jobs AS j WHERE j.host = h.host AND j.state = 'held')"
	args := []any{tx.Now()}
	if len(busy) > 0 {
		query += " AND h.host NOT IN (?)"
		args = append(args, bun.List(busy))
	}
	var hosts []string
	if err := tx.idb.NewRaw(query+" ORDER BY h.retry_at LIMIT ?", append(args, limit)...).Scan(ctx, &hosts); err != nil {
		return nil, fmt.Errorf("look for hosts to probe: %w", err)
	}
	var ids []int64
	for _, host := range hosts {
		var id []int64
		if err := tx.idb.NewRaw("SELECT j.id FROM jobs AS j WHERE j.host = ? AND j.state = 'held' ORDER BY j.run_at, j.id LIMIT 1"+tx.skipLocked(), host).Scan(ctx, &id); err != nil {
			return nil, fmt.Errorf("look for a probe of %s: %w", host, err)
		}
		ids = append(ids, id...)
	}
	return ids, nil
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
	_, err := tx.idb.NewRaw("UPDATE jobs SET state = "+readyOrHeld+" WHERE state = 'behind' AND id = (SELECT MIN(o.id) FROM jobs AS o WHERE o.order_key = ? AND o.state IN "+unfinished+")", key).Exec(ctx)
	if err != nil {
		return fmt.Errorf("let the next job go: %w", err)
	}
	tx.Publish(Event{Kind: JobsAdded})
	return nil
}

// readyOrHeld is the state of a job that nothing is before.
const readyOrHeld = "CASE WHEN EXISTS (SELECT 1 FROM hosts AS h WHERE h.host = jobs.host AND h.failures > 0) THEN 'held' ELSE 'ready' END"

// RetryJob puts a job back until at, with what went wrong. Its key waits with it.
func (tx *Tx) RetryJob(ctx context.Context, j *Job, at time.Time, cause string) error {
	_, err := tx.idb.NewRaw("UPDATE jobs SET state = "+readyOrHeld+", run_at = ?, attempts = attempts + 1, lease_by = '', lease_to = NULL, error = ? WHERE id = ? AND state = 'running'", at.UTC(), clip(cause, 500), j.ID).Exec(ctx)
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
// the caller is the only process that works, all that are running; by, where not empty, names a
// process that is known to have gone. It returns how many.
func (tx *Tx) TakeBackLapsed(ctx context.Context, all bool, by string) (int64, error) {
	query, args := "UPDATE jobs SET state = "+readyOrHeld+", lease_by = '', lease_to = NULL WHERE state = 'running'", []any{}
	if !all {
		query, args = query+" AND (lease_to < ? OR lease_by = ?)", []any{tx.Now(), by}
	}
	res, err := tx.idb.NewRaw(query, args...).Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("take back lapsed jobs: %w", err)
	}
	return res.RowsAffected()
}

// HostFailed notes that a host didn't answer, or refused, and holds all that waits for it: from
// retryAt on a probe finds out whether it answers again.
func (tx *Tx) HostFailed(ctx context.Context, host, cause string, refusing bool, retryAt time.Time) error {
	_, err := tx.idb.NewRaw(`INSERT INTO hosts (host, failures, retry_at, last_error, refusing) VALUES (?, 1, ?, ?, ?)
		ON CONFLICT (host) DO UPDATE SET failures = hosts.failures + 1, retry_at = EXCLUDED.retry_at, last_error = EXCLUDED.last_error, refusing = EXCLUDED.refusing`,
		host, retryAt.UTC(), clip(cause, 500), refusing).Exec(ctx)
	if err != nil {
		return fmt.Errorf("note failure of %s: %w", host, err)
	}
	if _, err := tx.idb.NewRaw("UPDATE jobs SET state = 'held' WHERE host = ? AND state = 'ready'", host).Exec(ctx); err != nil {
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
	if _, err := tx.idb.NewRaw("UPDATE jobs SET state = 'ready' WHERE host = ? AND state = 'held'", host).Exec(ctx); err != nil {
		return fmt.Errorf("let jobs of %s go: %w", host, err)
	}
	tx.Publish(Event{Kind: JobsAdded})
	return nil
}

// peerJobs fits the jobs of a host to its peer's state: parked while it isn't allowed, and resumed
// in order when it is allowed (again). The purge of a blocked peer buries them.
func (tx *Tx) peerJobs(ctx context.Context, host, state string) error {
	var statements []string
	switch state {
	case PeerActive:
		statements = []string{
			"UPDATE jobs SET state = 'behind' WHERE host = ? AND state = 'parked'",
			"UPDATE jobs SET state = " + readyOrHeld + ` WHERE host = ? AND state = 'behind' AND (order_key = '' OR NOT EXISTS (SELECT 1 FROM jobs AS o
				WHERE o.order_key = jobs.order_key AND o.id < jobs.id AND o.state IN ` + unfinished + `))`,
		}
	default:
		statements = []string{"UPDATE jobs SET state = 'parked' WHERE host = ? AND state IN ('ready', 'held', 'behind')"}
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

// ExpireJobs ends the jobs that were not done within their time: they stay for an admin to see and
// send again, and free their keys. It says how many.
func (tx *Tx) ExpireJobs(ctx context.Context) (int, error) {
	// Ids tell the time, so that only the oldest rows are looked at.
	var old []*Job
	err := tx.idb.NewSelect().Model(&old).Column("id", "order_key").
		Where("j.id < ? AND j.expires_at <= ? AND j.state IN ('ready', 'held', 'behind', 'parked')", firstIDAt(tx.Now().Add(time.Minute-JobLife)), tx.Now()).Scan(ctx)
	if err != nil || len(old) == 0 {
		return 0, wrap("look for expired jobs", err)
	}
	ids, keys := make([]int64, len(old)), make([]string, 0, len(old))
	for i, j := range old {
		ids[i], keys = j.ID, append(keys, j.OrderKey)
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	for _, key := range keys {
		if err := tx.lockIfKeyed(ctx, &Job{OrderKey: key}); err != nil {
			return 0, err
		}
	}
	if _, err := tx.idb.NewRaw("UPDATE jobs SET state = 'expired', error = CASE WHEN error = '' THEN 'it waited behind an older one that got no answer' ELSE error END WHERE id IN (?) AND state <> 'running'", bun.List(ids)).Exec(ctx); err != nil {
		return 0, fmt.Errorf("expire jobs: %w", err)
	}
	for _, key := range keys {
		if err := tx.promote(ctx, key); err != nil {
			return 0, err
		}
	}
	return len(old), nil
}

// ResendJob queues a buried or expired job again, as the last of its key, with its time before it.
func (tx *Tx) ResendJob(ctx context.Context, id int64) error {
	j := new(Job)
	if err := tx.idb.NewSelect().Model(j).Where("j.id = ? AND j.state IN (?, ?)", id, JobBuried, JobExpired).Scan(ctx); err != nil {
		return notFound("job", err)
	}
	if err := tx.Enqueue(ctx, NewJob{Kind: j.Kind, Key: j.OrderKey, Host: j.Host, Args: json.RawMessage(j.Args), BodyID: j.BodyID}); err != nil {
		return err
	}
	_, err := tx.idb.NewRaw("DELETE FROM jobs WHERE id = ?", id).Exec(ctx)
	return wrap("resend job", err)
}

// EndedJobs pages through the buried and expired jobs, the latest first; host empty: of all.
func (q *Queries) EndedJobs(ctx context.Context, host string, page Page) ([]*Job, error) {
	var rows []*Job
	s := q.idb.NewSelect().Model(&rows).Where("j.state IN (?, ?)", JobBuried, JobExpired)
	if host != "" {
		s = s.Where("j.host = ?", host)
	}
	return rows, wrap("list ended jobs", page.apply(s, "j.id").Scan(ctx))
}

// EndedJobsKept is how long a buried or expired job can be seen and sent again.
const EndedJobsKept = 30 * 24 * time.Hour

// forgetJobs removes what ended long ago, with the bodies that nobody needs any more.
func (tx *Tx) forgetJobs(ctx context.Context) error {
	oldest := firstIDAt(tx.Now().Add(-EndedJobsKept))
	if _, err := tx.idb.NewRaw("DELETE FROM jobs WHERE id < ? AND state IN (?, ?)", oldest, JobBuried, JobExpired).Exec(ctx); err != nil {
		return fmt.Errorf("forget jobs: %w", err)
	}
	_, err := tx.idb.NewRaw("DELETE FROM job_bodies WHERE id < ? AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.body_id = job_bodies.id)", oldest).Exec(ctx)
	return wrap("forget job bodies", err)
}

// NextJobAt says when the next job or probe is due; false where none waits.
func (q *Queries) NextJobAt(ctx context.Context) (time.Time, bool, error) {
	var at []time.Time
	if err := q.idb.NewRaw(`SELECT run_at AS at FROM (SELECT run_at FROM jobs WHERE state = 'ready' ORDER BY run_at LIMIT 1) AS r
		UNION ALL SELECT retry_at FROM (SELECT h.retry_at FROM hosts AS h WHERE h.failures > 0 AND EXISTS (SELECT 1 FROM jobs AS j WHERE j.host = h.host AND j.state = 'held') ORDER BY h.retry_at LIMIT 1) AS p
		ORDER BY at LIMIT 1`).Scan(ctx, &at); err != nil {
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
