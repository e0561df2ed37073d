package storage

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// trafficKept is how many weeks of figures of a peer are kept.
const trafficKept = 53

// Traffic is what crossed to and from a peer in a week.
type Traffic struct {
	bun.BaseModel `bun:"table:peer_traffic,alias:pt"`

	Host         string    `bun:",pk"`
	Week         string    `bun:",pk"` // its Monday, YYYY-MM-DD, in UTC
	Sent         int64     // deliveries that were taken
	Failed       int64     // tries that weren't
	Received     int64     // activities that we took
	TookMS       int64     `bun:"took_ms"` // of those sent, together, in milliseconds
	LastSent     time.Time `bun:",nullzero"`
	LastReceived time.Time `bun:",nullzero"`
}

// WeekOf is the week of a moment, as Traffic has it.
func WeekOf(t time.Time) string {
	t = t.UTC()
	return t.AddDate(0, 0, -(int(t.Weekday())+6)%7).Format(time.DateOnly)
}

// Add adds another row's figures.
func (t *Traffic) Add(o *Traffic) {
	t.Sent, t.Failed, t.Received, t.TookMS = t.Sent+o.Sent, t.Failed+o.Failed, t.Received+o.Received, t.TookMS+o.TookMS
	if o.LastSent.After(t.LastSent) {
		t.LastSent = o.LastSent
	}
	if o.LastReceived.After(t.LastReceived) {
		t.LastReceived = o.LastReceived
	}
}

// AddTraffic adds figures to what is stored.
func (tx *Tx) AddTraffic(ctx context.Context, rows []*Traffic) error {
	// In one order, so that two processes never wait for each other in a circle.
	slices.SortFunc(rows, func(a, b *Traffic) int { return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Week, b.Week)) })
	for _, row := range rows {
		_, err := tx.idb.NewInsert().Model(row).On("CONFLICT (host, week) DO UPDATE").
			Set("sent = pt.sent + EXCLUDED.sent").Set("failed = pt.failed + EXCLUDED.failed").
			Set("received = pt.received + EXCLUDED.received").Set("took_ms = pt.took_ms + EXCLUDED.took_ms").
			Set("last_sent = COALESCE(EXCLUDED.last_sent, pt.last_sent)").Set("last_received = COALESCE(EXCLUDED.last_received, pt.last_received)").Exec(ctx)
		if err != nil {
			return fmt.Errorf("count what crosses to %s: %w", row.Host, err)
		}
	}
	return nil
}

// ForgetTraffic removes figures that are older than a year.
func (tx *Tx) ForgetTraffic(ctx context.Context) error {
	_, err := tx.idb.NewRaw("DELETE FROM peer_traffic WHERE week < ?", WeekOf(tx.Now().AddDate(0, 0, -7*trafficKept))).Exec(ctx)
	return wrap("forget old figures", err)
}

// PeerMeasure is how the link with a peer is.
type PeerMeasure struct {
	Health
	Waiting int       // deliveries and other work that isn't done
	Since   time.Time // when the oldest of it was queued
	Ended   int       // what was given up, and is still kept
	Weeks   []Traffic // the latest first
}

// Total is what crossed in the weeks that are kept.
func (m *PeerMeasure) Total() Traffic {
	var sum Traffic
	for i := range m.Weeks {
		sum.Add(&m.Weeks[i])
	}
	return sum
}

// Recent is what crossed in this week and the last one.
func (m *PeerMeasure) Recent(now time.Time) Traffic {
	var sum Traffic
	for i := range m.Weeks {
		if m.Weeks[i].Week >= WeekOf(now.AddDate(0, 0, -7)) {
			sum.Add(&m.Weeks[i])
		}
	}
	return sum
}

// PeerMeasures says how the links are, by host: with one, or, where host is empty, with all. Hosts of
// which nothing is known are absent.
func (q *Queries) PeerMeasures(ctx context.Context, host string) (map[string]*PeerMeasure, error) {
	found := map[string]*PeerMeasure{}
	of := func(h string) *PeerMeasure {
		if found[h] == nil {
			found[h] = &PeerMeasure{Health: Health{Host: h}}
		}
		return found[h]
	}
	var jobs []QueueDepth
	var healths []Health
	var weeks []Traffic
	work := q.idb.NewSelect().TableExpr("jobs AS j").ColumnExpr("'' AS kind, j.host, j.state, COUNT(*) AS jobs, MIN(j.created_at) AS oldest").Where("j.host <> ''").GroupExpr("j.host, j.state")
	health := q.idb.NewSelect().Model(&healths)
	traffic := q.idb.NewSelect().Model(&weeks).OrderExpr("pt.week DESC")
	if host != "" {
		work, health, traffic = work.Where("j.host = ?", host), health.Where("ho.host = ?", host), traffic.Where("pt.host = ?", host)
	} else {
		traffic = traffic.Where("pt.week >= ?", WeekOf(q.now().AddDate(0, 0, -7)))
	}
	if err := work.Scan(ctx, &jobs); err != nil {
		return nil, fmt.Errorf("count jobs of peers: %w", err)
	}
	if err := health.Scan(ctx); err != nil {
		return nil, fmt.Errorf("read how peers answer: %w", err)
	}
	if err := traffic.Scan(ctx); err != nil {
		return nil, fmt.Errorf("read what crosses: %w", err)
	}
	for _, j := range jobs {
		m := of(j.Host)
		if j.State == JobBuried || j.State == JobExpired {
			m.Ended += j.Jobs
			continue
		}
		m.Waiting += j.Jobs
		if m.Since.IsZero() || j.Oldest.Before(m.Since) {
			m.Since = j.Oldest
		}
	}
	for _, h := range healths {
		of(h.Host).Health = h
	}
	for _, w := range weeks {
		m := of(w.Host)
		m.Weeks = append(m.Weeks, w)
	}
	return found, nil
}
