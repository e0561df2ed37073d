package storage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// Tiers of a peer.
const (
	Sibling = "sibling" // same organisation
	Partner = "partner"
)

// States of a peer. Only an active one is spoken with; the others are refused everywhere.
const (
	PeerInvited   = "invited"   // it answered our invitation: an admin compares codes and confirms
	PeerAwaiting  = "awaiting"  // we answered its invitation, and it hasn't confirmed yet
	PeerActive    = "active"    //
	PeerSuspended = "suspended" // hidden, its jobs parked, nothing deleted
	PeerExpired   = "expired"   // the same, because its end date has come
	PeerBlocked   = "blocked"   // the same, and what came from it is purged after PurgeGrace
)

// PurgeGrace is how long after a peer was blocked the purge of what came from it begins: until
// then the block can be undone whole.
const PurgeGrace = 24 * time.Hour

// ErrDomainTaken says that an account domain belongs to another peer already.
var ErrDomainTaken = errors.New("the account domain belongs to another peer")

// ErrPurging says that a purge has begun, so that what was blocked can't come back as it was.
var ErrPurging = errors.New("the purge has begun")

// ErrKeyHeld says that another key appeared at a linked peer, and nobody has compared codes yet.
var ErrKeyHeld = errors.New("another key appeared there: compare codes before it is allowed again")

// A Peer is another node that an admin has named, or, as *.example.com, every subdomain of a domain
// for which no more specific row stands.
type Peer struct {
	bun.BaseModel `bun:"table:peers,alias:pe"`

	Host  string `bun:",pk" json:"host"` // canonical host[:port], the authority of ids and keys; or *.domain
	Tier  string `json:"tier"`
	State string `json:"state"`
	// Reason says in a word why it isn't active: admin, ended, key_changed, left, revoked.
	Reason string `json:"reason,omitempty"`
	// PublicWeb: this peer shows public posts on the open internet, and that is accepted.
	PublicWeb bool `json:"public_web"`
	Policy    `bun:"embed:"`
	Contact   string `json:"contact"`
	Note      string `json:"note"`
	// EndsAt is when the contract ends: the peer expires then by itself.
	EndsAt time.Time `bun:",nullzero" json:"ends_at,omitzero"`
	Warned int       `json:"-"` // days before the end of the last warning
	// AccountDomains may stand after the @ of its accounts, besides Host.
	AccountDomains []string `json:"account_domains"`
	// MediaHosts may serve its attachments, besides Host and AccountDomains. Where there are none, attachments on other hosts
	// are kept as links; they are never fetched.
	MediaHosts []string `json:"media_hosts"`
	// Via is the *.domain row whose policy this row follows; empty: its own.
	Via string `json:"via,omitempty"`
	// Organisation is the URI of the list that brought it here; empty: an admin or a handshake did.
	Organisation string `json:"organisation,omitempty"`

	// Learned, not chosen.
	SharedInbox string `json:"shared_inbox"`
	Circles     bool   `json:"circles"` // declares that it keeps our circles
	Software    string `json:"software,omitempty"`
	// ServiceActor and Fingerprint are the node's own actor and its key, as they were when the two
	// nodes were linked; empty for servers that were listed by hand.
	ServiceActor    string    `json:"service_actor,omitempty"`
	Fingerprint     string    `json:"fingerprint,omitempty"`
	HeldFingerprint string    `json:"held_fingerprint,omitempty"` // another key that appeared: held until it is confirmed
	TheirState      string    `json:"their_state,omitempty"`      // what it says that we are there
	TheirTerms      string    `json:"their_terms,omitempty"`      // JSON: what it says that it lets cross
	ToldAt          time.Time `bun:",nullzero" json:"-"`          // of its last message to us: older ones are replays
	CheckedAt       time.Time `bun:",nullzero" json:"checked_at,omitzero"`

	PurgeAt      time.Time `bun:",nullzero" json:"purge_at,omitzero"`
	PurgeBeganAt time.Time `bun:",nullzero" json:"purge_began_at,omitzero"`
	PurgeTotal   int       `json:"purge_total,omitempty"`
	PurgeDone    int       `json:"purge_done,omitempty"`
	PurgedAt     time.Time `bun:",nullzero" json:"purged_at,omitzero"`

	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// chosen are the columns that SavePeer changes; the others are learned or kept by other acts.
var chosen = []string{"tier", "state", "reason", "public_web", "in_follows", "in_posts", "in_shares", "in_direct", "in_media", "in_communities", "in_directory",
	"out_follows", "out_posts", "out_shares", "out_direct", "out_media", "out_communities", "out_directory", "approve_follows", "subscribe", "rate",
	"contact", "note", "ends_at", "warned", "account_domains", "media_hosts", "via", "organisation", "purge_at", "purge_began_at", "purge_total", "purge_done", "purged_at", "updated_at"}

// Active says whether anything may pass between us and the peer.
func (p *Peer) Active() bool { return p != nil && p.State == PeerActive }

// Linked says whether the two nodes made each other's acquaintance, so that they tell each other
// of changes and each knows the other's key.
func (p *Peer) Linked() bool { return p != nil && p.Fingerprint != "" }

// Wildcard says whether the row stands for the subdomains of a domain.
func (p *Peer) Wildcard() bool { return strings.HasPrefix(p.Host, "*.") }

// Peers lists every peer by host.
func (q *Queries) Peers(ctx context.Context) ([]*Peer, error) {
	var rows []*Peer
	if err := q.idb.NewSelect().Model(&rows).Order("pe.host").Scan(ctx); err != nil {
		return nil, fmt.Errorf("list peers: %w", err)
	}
	return rows, nil
}

// PeerByHost finds a peer by its canonical host: its own row, or the most specific *.domain that
// covers it, as the row that it would have.
func (q *Queries) PeerByHost(ctx context.Context, host string) (*Peer, error) {
	p, err := q.peerRow(ctx, host)
	if err == nil || !errors.Is(err, ErrNotFound) {
		return p, err
	}
	if wide, err := q.wildcardOver(ctx, host); err != nil || wide != nil {
		return wide, err
	}
	return nil, err
}

func (q *Queries) peerRow(ctx context.Context, host string) (*Peer, error) {
	p := new(Peer)
	if err := q.idb.NewSelect().Model(p).Where("pe.host = ?", host).Scan(ctx); err != nil {
		return nil, notFound("peer "+host, err)
	}
	return p, nil
}

// PeersByHost finds many at once, keyed by host; unknown hosts are absent.
func (q *Queries) PeersByHost(ctx context.Context, hosts []string) (map[string]*Peer, error) {
	found := make(map[string]*Peer, len(hosts))
	if len(hosts) == 0 {
		return found, nil
	}
	var rows []*Peer
	if err := q.idb.NewSelect().Model(&rows).Where("pe.host IN (?)", bun.List(hosts)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read peers: %w", err)
	}
	for _, p := range rows {
		found[p.Host] = p
	}
	for _, host := range hosts {
		if host == "" || found[host] != nil {
			continue
		}
		wide, err := q.wildcardOver(ctx, host)
		if err != nil {
			return nil, err
		}
		if wide != nil {
			found[host] = wide
		}
	}
	return found, nil
}

// SavePeer adds or changes a peer, and makes the change felt: its jobs go on, are parked, or, once
// it is blocked, wait for the purge. What was learned from it stays. A peer that is saved without any right
// keeps those that it has, or gets its tier's.
func (tx *Tx) SavePeer(ctx context.Context, p *Peer) error {
	now := tx.Now()
	old, err := tx.peerAsStored(ctx, p.Host)
	if err != nil {
		return err
	}
	if err := tx.checkDomains(ctx, p); err != nil {
		return err
	}
	if p.CreatedAt.IsZero() {
		p.CreatedAt = now
	}
	p.UpdatedAt = now
	if old != nil && old.HeldFingerprint != "" && p.State == PeerActive {
		return fmt.Errorf("%s: %w", p.Host, ErrKeyHeld)
	}
	switch {
	case p.unsaid() && old != nil:
		p.Policy = old.Policy
	case p.unsaid():
		p.Policy = DefaultPolicy(p.Tier)
	}
	if p.State == PeerActive {
		p.Reason = ""
	}
	if err := tx.settleEnd(p, old, now); err != nil {
		return err
	}
	blockedNow := p.State == PeerBlocked && (old == nil || old.State != PeerBlocked)
	switch {
	case blockedNow:
		p.PurgeAt, p.PurgeBeganAt, p.PurgedAt, p.PurgeTotal, p.PurgeDone = now.Add(PurgeGrace), time.Time{}, time.Time{}, 0, 0
	case p.State != PeerBlocked:
		if old != nil && old.State == PeerBlocked && !old.PurgeBeganAt.IsZero() && old.PurgedAt.IsZero() {
			return fmt.Errorf("%s: %w", p.Host, ErrPurging)
		}
		p.PurgeAt, p.PurgeBeganAt = time.Time{}, time.Time{}
	case old != nil:
		p.PurgeAt, p.PurgeBeganAt, p.PurgedAt, p.PurgeTotal, p.PurgeDone = old.PurgeAt, old.PurgeBeganAt, old.PurgedAt, old.PurgeTotal, old.PurgeDone
	}
	insert := tx.idb.NewInsert().Model(p).On("CONFLICT (host) DO UPDATE")
	for _, column := range chosen {
		insert = insert.Set("? = EXCLUDED.?", bun.Ident(column), bun.Ident(column))
	}
	if _, err := insert.Exec(ctx); err != nil {
		return fmt.Errorf("save peer %s: %w", p.Host, err)
	}
	look := now.Add(PeersEvery)
	if p.State == PeerActive && !p.EndsAt.IsZero() && p.EndsAt.Before(look) {
		look = p.EndsAt
	}
	if err := tx.EnsureJob(ctx, JobPeers, look); err != nil {
		return err
	}
	if blockedNow {
		if err := tx.Enqueue(ctx, NewJob{Kind: JobPurge, Args: p.Host, RunAt: p.PurgeAt}); err != nil {
			return err
		}
	}
	if err := tx.peerChanged(ctx, p); err != nil {
		return err
	}
	return tx.auditFrom(ctx, p.Host, old)
}

// peerChanged makes a peer's new state felt by its jobs, by the hosts that follow a *.domain, and
// by every process.
func (tx *Tx) peerChanged(ctx context.Context, p *Peer) error {
	if p.Wildcard() {
		if err := tx.followWildcards(ctx, p.Host); err != nil {
			return err
		}
	} else if err := tx.peerJobs(ctx, p.Host, p.State); err != nil {
		return err
	}
	tx.Publish(Event{Kind: PeerChanged, Host: p.Host})
	return nil
}

// auditFrom writes down what an act made of a peer's row.
func (tx *Tx) auditFrom(ctx context.Context, host string, before *Peer) error {
	after, err := tx.peerAsStored(ctx, host)
	if err != nil {
		return err
	}
	return tx.auditPeer(ctx, host, before, after)
}

// checkDomains refuses an account domain that is another peer's.
func (tx *Tx) checkDomains(ctx context.Context, p *Peer) error {
	if len(p.AccountDomains) == 0 {
		return nil
	}
	peers, err := tx.Peers(ctx)
	if err != nil {
		return err
	}
	for _, domain := range p.AccountDomains {
		for _, other := range peers {
			if other.Host != p.Host && (other.Host == domain || containsText(other.AccountDomains, domain)) {
				return fmt.Errorf("%s is %s's: %w", domain, other.Host, ErrDomainTaken)
			}
		}
	}
	return nil
}

// RemovePeer takes a host off the list: its jobs are parked and its posts hidden, until it is
// allowed again. It says whether the peer was there.
func (tx *Tx) RemovePeer(ctx context.Context, host string) (bool, error) {
	before, err := tx.peerAsStored(ctx, host)
	if err != nil {
		return false, err
	}
	res, err := tx.idb.NewDelete().Model((*Peer)(nil)).Where("host = ?", host).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("remove peer %s: %w", host, err)
	}
	if changed(res) {
		// Where a *.domain covers the host, it speaks now.
		if err := tx.settleVia(ctx, host); err != nil {
			return false, err
		}
	}
	if err := tx.peerChanged(ctx, &Peer{Host: host, State: tx.stateOf(ctx, host)}); err != nil {
		return false, err
	}
	return changed(res), tx.auditPeer(ctx, host, before, nil)
}

func (tx *Tx) stateOf(ctx context.Context, host string) string {
	if p, err := tx.peerRow(ctx, host); err == nil {
		return p.State
	}
	return ""
}

// LearnPeer keeps what a peer's documents say about its whole host. A host that is allowed by a
// *.domain gets a row of its own here, before anything of it is stored.
func (tx *Tx) LearnPeer(ctx context.Context, host, sharedInbox string, circles bool) error {
	p, err := tx.peerRow(ctx, host)
	if errors.Is(err, ErrNotFound) {
		if err := tx.settleVia(ctx, host); err != nil {
			return err
		}
		p, err = tx.peerRow(ctx, host)
	}
	if errors.Is(err, ErrNotFound) || err == nil && p.SharedInbox == sharedInbox && p.Circles == circles {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := tx.idb.NewRaw("UPDATE peers SET shared_inbox = ?, circles = ? WHERE host = ?", sharedInbox, circles, host).Exec(ctx); err != nil {
		return fmt.Errorf("learn about peer %s: %w", host, err)
	}
	tx.Publish(Event{Kind: PeerChanged, Host: host})
	return nil
}
