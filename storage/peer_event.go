package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// What happens to a peer by itself or by the other side is kept for its admin to read.
const (
	EventWarned      = "ends_soon" // detail: days left
	EventExpired     = "expired"
	EventAnswered    = "answered"     // it answered our invitation
	EventLinked      = "linked"       // both allow each other
	EventRefused     = "refused"      // an answer or comparison that failed; detail: why
	EventKeyHeld     = "key_held"     // another key appeared
	EventKeyChanged  = "key_changed"  // by its own signed word, or by an admin's
	EventTheyChanged = "they_changed" // it changed what it lets cross
	EventTheyEnded   = "they_ended"   // it revoked the link
	EventJoined      = "joined"       // a list brought it here; detail: the organisation
	EventLeft        = "left"         // the list no longer names it
	EventPurgeBegan  = "purge_began"
	EventPurged      = "purged"
)

// What admins do about links besides changing a peer's row, as the audit log calls it.
const (
	ActionInvite       = "peering.invite"
	ActionUninvite     = "peering.revoke-invitation"
	ActionAccept       = "peering.accept"
	ActionConfirm      = "peering.confirm"
	ActionRefuse       = "peering.refuse"
	ActionPurge        = "peering.purge"
	ActionRotateKey    = "peering.rotate-key"
	ActionOrganisation = "organisation.list"
	ActionFollowList   = "organisation.follow"
	ActionLeaveList    = "organisation.leave"
)

// A PeerEvent is one such thing.
type PeerEvent struct {
	bun.BaseModel `bun:"table:peer_events,alias:pv"`
	ID            int64     `bun:",pk" json:"id"`
	Host          string    `json:"host"`
	Kind          string    `json:"kind"`
	Detail        string    `json:"detail,omitempty"`
	At            time.Time `json:"at"`
}

// AddPeerEvent keeps what happened to a peer.
func (tx *Tx) AddPeerEvent(ctx context.Context, host, kind, detail string) error {
	e := &PeerEvent{ID: tx.NewID(tx.Now()), Host: host, Kind: kind, Detail: clip(detail, 500), At: tx.Now()}
	if _, err := tx.idb.NewInsert().Model(e).Exec(ctx); err != nil {
		return fmt.Errorf("keep event of peer %s: %w", host, err)
	}
	return nil
}

// PeerEvents pages through what happened to a peer, the latest first; host empty: to all.
func (q *Queries) PeerEvents(ctx context.Context, host string, page Page) ([]*PeerEvent, error) {
	var rows []*PeerEvent
	s := q.idb.NewSelect().Model(&rows)
	if host != "" {
		s = s.Where("pv.host = ?", host)
	}
	return rows, wrap("list events of peers", page.apply(s, "pv.id").Scan(ctx))
}

// JobPeers is the periodic job that ends contracts, warns before, and checks linked peers.
const JobPeers = "peers"

// PeersEvery is how often it runs; a contract that ends sooner is ended on time.
const PeersEvery = time.Hour

// warnings are the days before the end on which an admin is warned.
var warnings = []int{7, 30}

// settleEnd fits a peer that is being saved to its end date.
func (tx *Tx) settleEnd(p, old *Peer, now time.Time) error {
	if old != nil && old.EndsAt.Equal(p.EndsAt) {
		p.Warned = old.Warned
	} else {
		p.Warned = 0
	}
	if p.State == PeerActive && !p.EndsAt.IsZero() && !p.EndsAt.After(now) {
		return fmt.Errorf("the end date %s of %s has passed: give a later one", p.EndsAt.Format(time.DateOnly), p.Host)
	}
	if p.State == PeerExpired && (p.EndsAt.IsZero() || p.EndsAt.After(now)) {
		p.State, p.Reason = PeerActive, ""
	}
	return nil
}

// EndContracts suspends the peers whose end date has come, warns of those that end soon, and
// says when the next of either is due (zero: none in sight). Rows by a pattern follow theirs.
func (tx *Tx) EndContracts(ctx context.Context) (next time.Time, err error) {
	var rows []*Peer
	if err := tx.idb.NewSelect().Model(&rows).Where("pe.state = ? AND pe.ends_at IS NOT NULL AND pe.via = ''", PeerActive).Scan(ctx); err != nil {
		return next, fmt.Errorf("look for contracts that end: %w", err)
	}
	now := tx.Now()
	for _, p := range rows {
		if !p.EndsAt.After(now) {
			before := *p
			p.State, p.Reason = PeerExpired, "ended"
			if _, err := tx.idb.NewRaw("UPDATE peers SET state = ?, reason = ?, updated_at = ? WHERE host = ?", p.State, p.Reason, now, p.Host).Exec(ctx); err != nil {
				return next, fmt.Errorf("end contract of %s: %w", p.Host, err)
			}
			if err := tx.peerChanged(ctx, p); err != nil {
				return next, err
			}
			if err := tx.auditFrom(ctx, p.Host, &before); err != nil {
				return next, err
			}
			if err := tx.AddPeerEvent(ctx, p.Host, EventExpired, p.EndsAt.Format(time.DateOnly)); err != nil {
				return next, err
			}
			continue
		}
		if next.IsZero() || p.EndsAt.Before(next) {
			next = p.EndsAt
		}
		if err := tx.warn(ctx, p, now); err != nil {
			return next, err
		}
	}
	return next, nil
}

// warn tells the admin once, 30 days and again 7 days before a contract ends.
func (tx *Tx) warn(ctx context.Context, p *Peer, now time.Time) error {
	for _, days := range warnings {
		if p.EndsAt.Sub(now) > time.Duration(days)*24*time.Hour || p.Warned != 0 && p.Warned <= days {
			continue
		}
		if _, err := tx.idb.NewRaw("UPDATE peers SET warned = ? WHERE host = ?", days, p.Host).Exec(ctx); err != nil {
			return fmt.Errorf("warn of %s: %w", p.Host, err)
		}
		return tx.AddPeerEvent(ctx, p.Host, EventWarned, fmt.Sprint(days))
	}
	return nil
}

// EnsureJob enqueues a periodic job unless one of its kind waits already.
func (tx *Tx) EnsureJob(ctx context.Context, kind string, at time.Time) error {
	if err := tx.lockKey(ctx, kind); err != nil {
		return err
	}
	waits, err := tx.exists(ctx, "SELECT 1 FROM jobs WHERE kind = ? AND host = '' AND state = 'ready' AND run_at <= ?", kind, at)
	if err != nil || waits {
		return err
	}
	return tx.Enqueue(ctx, NewJob{Kind: kind, RunAt: at})
}

// PinPeer keeps the actor and key by which a linked node is known from now on.
func (tx *Tx) PinPeer(ctx context.Context, host, actor, fingerprint string) error {
	before, err := tx.peerAsStored(ctx, host)
	if err != nil || before == nil {
		return err
	}
	if _, err := tx.idb.NewRaw("UPDATE peers SET service_actor = ?, fingerprint = ?, held_fingerprint = '' WHERE host = ?", actor, fingerprint, host).Exec(ctx); err != nil {
		return fmt.Errorf("keep the key of %s: %w", host, err)
	}
	return tx.auditFrom(ctx, host, before)
}

// HoldPeer suspends a linked peer whose service actor appeared with another key.
func (tx *Tx) HoldPeer(ctx context.Context, host, fingerprint string) error {
	p, err := tx.peerRow(ctx, host)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil || p.HeldFingerprint == fingerprint {
		return err
	}
	before := *p
	if p.State == PeerActive {
		p.State, p.Reason = PeerSuspended, "key_changed"
	}
	if _, err := tx.idb.NewRaw("UPDATE peers SET state = ?, reason = ?, held_fingerprint = ?, updated_at = ? WHERE host = ?", p.State, p.Reason, fingerprint, tx.Now(), host).Exec(ctx); err != nil {
		return fmt.Errorf("hold %s: %w", host, err)
	}
	if err := tx.peerChanged(ctx, p); err != nil {
		return err
	}
	if err := tx.auditFrom(ctx, host, &before); err != nil {
		return err
	}
	return tx.AddPeerEvent(ctx, host, EventKeyHeld, fingerprint)
}

// PeerTold keeps what a linked peer said of the link, and when. It says false for a message that
// isn't newer than the last one.
func (tx *Tx) PeerTold(ctx context.Context, host string, at time.Time, state, terms string) (bool, error) {
	res, err := tx.idb.NewRaw(`UPDATE peers SET told_at = ?, their_state = CASE WHEN ? = '' THEN their_state ELSE ? END, their_terms = CASE WHEN ? = '' THEN their_terms ELSE ? END
		WHERE host = ? AND (told_at IS NULL OR told_at < ?)`, at.UTC(), state, state, terms, terms, host, at.UTC()).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("keep what %s said: %w", host, err)
	}
	return changed(res), nil
}

// PeerChecked keeps what the last check of a peer found.
func (tx *Tx) PeerChecked(ctx context.Context, host, software string) error {
	_, err := tx.idb.NewRaw("UPDATE peers SET software = ?, checked_at = ? WHERE host = ?", clip(software, 100), tx.Now(), host).Exec(ctx)
	return wrap("keep the check of "+host, err)
}
