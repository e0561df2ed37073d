package node

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"ruche/outbox"
	"ruche/storage"
)

// trafficEvery is how often what was counted is stored.
const trafficEvery = 10 * time.Second

// traffic counts what crosses to and from each peer. It is counted in memory and stored now and then, so
// that no delivery costs a write more; what a crash loses are a few seconds of figures.
type traffic struct {
	db   *storage.DB
	mu   sync.Mutex
	rows map[[2]string]*storage.Traffic // by host and week
}

func newTraffic(db *storage.DB) *traffic {
	return &traffic{db: db, rows: map[[2]string]*storage.Traffic{}}
}

func (t *traffic) count(host string, add func(row *storage.Traffic, now time.Time)) {
	now := t.db.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	key := [2]string{host, storage.WeekOf(now)}
	if t.rows[key] == nil {
		t.rows[key] = &storage.Traffic{Host: host, Week: key[1]}
	}
	add(t.rows[key], now)
}

// job counts a delivery that was tried.
func (t *traffic) job(j *storage.Job, outcome string, took time.Duration) {
	if j.Kind != outbox.JobDeliver || j.Host == "" {
		return
	}
	switch outcome {
	case "done":
		t.count(j.Host, func(row *storage.Traffic, now time.Time) {
			row.Sent, row.TookMS, row.LastSent = row.Sent+1, row.TookMS+took.Milliseconds(), now
		})
	case "retried", "buried":
		t.count(j.Host, func(row *storage.Traffic, _ time.Time) { row.Failed++ })
	}
}

// received counts an activity that was taken.
func (t *traffic) received(host string) {
	t.count(host, func(row *storage.Traffic, now time.Time) { row.Received, row.LastReceived = row.Received+1, now })
}

// flush stores what was counted. What can't be stored is counted on.
func (t *traffic) flush(ctx context.Context) error {
	t.mu.Lock()
	rows := slices.Collect(maps.Values(t.rows))
	t.rows = map[[2]string]*storage.Traffic{}
	t.mu.Unlock()
	if len(rows) == 0 {
		return nil
	}
	err := t.db.Update(ctx, func(tx *storage.Tx) error { return tx.AddTraffic(ctx, rows) })
	if err != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		for _, row := range rows {
			if key := [2]string{row.Host, row.Week}; t.rows[key] != nil {
				t.rows[key].Add(row)
			} else {
				t.rows[key] = row
			}
		}
	}
	return err
}

// watch stores what was counted until ctx ends, and a last time then.
func (t *traffic) watch(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(trafficEvery)
	defer tick.Stop()
	for ended := false; !ended; {
		select {
		case <-ctx.Done():
			ended = true
		case <-tick.C:
		}
		if err := t.flush(context.WithoutCancel(ctx)); err != nil {
			log.ErrorContext(ctx, "how much crossed could not be stored", "err", err)
		}
	}
}
