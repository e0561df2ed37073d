package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// EventKind says what happened.
type EventKind string

// What can happen. The last three are heard by every process on the database.
const (
	PostCreated EventKind = "post_created"
	PostEdited  EventKind = "post_edited"
	PostDeleted EventKind = "post_deleted"
	Notified    EventKind = "notified"
	JobsAdded   EventKind = "jobs_added"

	Conversed      EventKind = "conversed"       // a direct post, for one of those who take part
	FiltersChanged EventKind = "filters_changed" // of one account
	// NotificationsMerged: what waited of a sender is shown to the account now.
	NotificationsMerged EventKind = "notifications_merged"

	Announced           EventKind = "announced"
	AnnouncementRemoved EventKind = "announcement_removed"
	AnnouncementReacted EventKind = "announcement_reacted" // Name: with which emoji

	PeerChanged    EventKind = "peer_changed"
	AccountChanged EventKind = "account_changed"
	TokenRevoked   EventKind = "token_revoked" // TokenID 0: all of the account's
)

// An Event is news of a committed act. It carries ids, never content: who hears it asks again
// what may be seen.
type Event struct {
	Kind           EventKind
	PostID         int64  `json:",omitempty"`
	AccountID      int64  `json:",omitempty"`
	NotificationID int64  `json:",omitempty"`
	TokenID        int64  `json:",omitempty"`
	AnnouncementID int64  `json:",omitempty"`
	Name           string `json:",omitempty"`
	Host           string `json:",omitempty"`
}

func (e Event) forAll() bool {
	switch e.Kind {
	case PeerChanged, AccountChanged, TokenRevoked, Announced, AnnouncementRemoved:
		return true
	}
	return false
}

// Publish gives news that is heard once the transaction has committed.
func (tx *Tx) Publish(e Event) { tx.events = append(tx.events, e) }

// hub hands events to the subscribers of this process.
type hub struct {
	ids  ids
	mu   sync.RWMutex
	next int
	subs map[int]func(Event)
}

// Subscribe calls fn with every event, in the order of commits. fn must return at once: it runs
// in the way of the next commit. The returned function ends it.
func (db *DB) Subscribe(fn func(Event)) (end func()) {
	db.hub.mu.Lock()
	defer db.hub.mu.Unlock()
	if db.hub.subs == nil {
		db.hub.subs = map[int]func(Event){}
	}
	id := db.hub.next
	db.hub.next++
	db.hub.subs[id] = fn
	return func() {
		db.hub.mu.Lock()
		defer db.hub.mu.Unlock()
		delete(db.hub.subs, id)
	}
}

func (h *hub) publish(events []Event) {
	if len(events) == 0 {
		return
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, e := range events {
		for _, fn := range h.subs {
			fn(e)
		}
	}
}

// The change table carries an event to the other processes on the database: the CLI beside a
// running node, and one day replicas. It is polled; a row is kept for an hour.
const (
	changePoll = 250 * time.Millisecond
	changeKept = time.Hour
	// changeSlack covers transactions that commit in another order than they began.
	changeSlack = 10 * time.Second
)

// writeChanges is, before writeAudits, the last thing an act does before it commits.
func (tx *Tx) writeChanges(ctx context.Context) error {
	for _, e := range tx.events {
		if !e.forAll() {
			continue
		}
		body, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("write change: %w", err)
		}
		if _, err := tx.idb.NewRaw("INSERT INTO changes (id, process, event, at) VALUES (?, ?, ?, ?)", tx.NewID(tx.Now()), tx.db.process, string(body), time.Now().UTC()).Exec(ctx); err != nil {
			return fmt.Errorf("write change: %w", err)
		}
	}
	return nil
}

// Listen starts hearing the changes that other processes on the database make, until Close.
func (db *DB) Listen() {
	ctx, stop := context.WithCancel(context.Background())
	db.stop, db.done = stop, make(chan struct{})
	go func() {
		defer close(db.done)
		heard := map[int64]time.Time{}
		tick := time.NewTicker(changePoll)
		defer tick.Stop()
		began := time.Now().UTC()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := db.hear(ctx, began, heard); err != nil && ctx.Err() == nil {
				db.log.WarnContext(ctx, "changes of other processes could not be read", "err", err)
			}
		}
	}()
}

func (db *DB) hear(ctx context.Context, began time.Time, heard map[int64]time.Time) error {
	// Real time, not the node's clock: other processes write with theirs.
	since := time.Now().UTC().Add(-changeSlack)
	if since.Before(began) {
		since = began.Add(-time.Second)
	}
	var rows []struct {
		ID    int64
		Event string
	}
	if err := db.readers.NewRaw("SELECT id, event FROM changes WHERE at > ? AND process <> ? ORDER BY id", since, db.process).Scan(ctx, &rows); err != nil {
		return err
	}
	for id, at := range heard {
		if time.Since(at) > 2*changeSlack {
			delete(heard, id)
		}
	}
	for _, r := range rows {
		if _, ok := heard[r.ID]; ok {
			continue
		}
		heard[r.ID] = time.Now()
		var e Event
		if err := json.Unmarshal([]byte(r.Event), &e); err != nil {
			return fmt.Errorf("read change: %w", err)
		}
		db.hub.publish([]Event{e})
	}
	return nil
}

// Tidy forgets what is kept only for a time: changes, ended activities, expired codes, old
// ended jobs, sign-ins of some time ago.
func (tx *Tx) Tidy(ctx context.Context) error {
	for statement, age := range map[string]time.Duration{
		"DELETE FROM thread_fetches WHERE started_at < ?": 24 * time.Hour,
		"DELETE FROM changes WHERE at < ?":                changeKept,
		"DELETE FROM ended_activities WHERE at < ?":       EndedKept,
		"DELETE FROM codes WHERE expires_at < ?":          0,
		"DELETE FROM sessions WHERE expires_at < ?":       0,
		"DELETE FROM mail_tokens WHERE expires_at < ?":    0,
		"DELETE FROM half_sign_ins WHERE expires_at < ?":  0,
		"DELETE FROM cards WHERE fetched_at < ? AND NOT EXISTS (SELECT 1 FROM post_cards AS pc WHERE pc.url = cards.url)": 2 * cardKept,
		"DELETE FROM idempotency WHERE created_at < ?":                                                                    24 * time.Hour,
		"DELETE FROM security_log WHERE at < ?":                                                                           SecurityKept,
		"DELETE FROM audit_heads WHERE received_at < ?":                                                                   auditHeadKept,
		"DELETE FROM security_log WHERE account_id = 0 AND at < ?":                                                        strangersKept,
	} {
		if _, err := tx.idb.NewRaw(statement, tx.Now().Add(-age)).Exec(ctx); err != nil {
			return fmt.Errorf("tidy: %w", err)
		}
	}
	return tx.forgetJobs(ctx)
}

// EndedKept is how long an ended activity's id is remembered: longer than a delivery lives, so
// that a late or replayed one stays dead.
const EndedKept = 9 * 24 * time.Hour

// EndActivity remembers that an activity was undone, rejected or deleted.
func (tx *Tx) EndActivity(ctx context.Context, uri string, signedAt time.Time) error {
	if uri == "" {
		return nil
	}
	_, err := tx.idb.NewRaw("INSERT INTO ended_activities (uri, at, signed_at) VALUES (?, ?, ?) ON CONFLICT (uri) DO UPDATE SET at = EXCLUDED.at, signed_at = EXCLUDED.signed_at", uri, tx.Now(), signedAt.UTC()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("remember ended activity: %w", err)
	}
	return nil
}

// ActivityEnded says when the request that ended an activity was signed; false where it lives.
func (q *Queries) ActivityEnded(ctx context.Context, uri string) (time.Time, bool, error) {
	var at time.Time
	err := q.idb.NewRaw("SELECT signed_at FROM ended_activities WHERE uri = ?", uri).Scan(ctx, &at)
	if err != nil {
		err = notFound("ended activity", err)
		if isNotFound(err) {
			return at, false, nil
		}
		return at, false, err
	}
	return at, true, nil
}

// ReviveActivity forgets that an activity ended: some servers use a Follow's id again.
func (tx *Tx) ReviveActivity(ctx context.Context, uri string) error {
	if _, err := tx.idb.NewRaw("DELETE FROM ended_activities WHERE uri = ?", uri).Exec(ctx); err != nil {
		return fmt.Errorf("revive activity: %w", err)
	}
	return nil
}
