package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Tiers and states of a peer.
const (
	Sibling = "sibling" // same organisation
	Partner = "partner"

	PeerActive  = "active"
	PeerBlocked = "blocked"
)

// A Peer is another node that an admin has named: allow-listed (active), or blocked.
type Peer struct {
	bun.BaseModel `bun:"table:peers,alias:pe"`

	Host string `bun:",pk" json:"host"` // canonical host[:port], the authority of ids and keys
	Tier string `json:"tier"`
	// State is active or blocked; what isn't active is refused everywhere.
	State string `json:"state"`
	// PublicWeb: this peer shows public posts on the open internet, and that is accepted.
	PublicWeb bool   `json:"public_web"`
	Note      string `json:"note"`
	// AccountDomains may stand after the @ of its accounts, besides Host.
	AccountDomains []string  `json:"account_domains"`
	SharedInbox    string    `json:"shared_inbox"` // learned
	Circles        bool      `json:"circles"`      // learned: declares that it keeps our circles
	CreatedAt      time.Time `json:"created_at"`
	UpdatedAt      time.Time `json:"updated_at"`
}

// Active says whether anything may pass between us and the peer.
func (p *Peer) Active() bool { return p != nil && p.State == PeerActive }

// Peers lists every peer by host.
func (q *Queries) Peers(ctx context.Context) ([]*Peer, error) {
	var rows []*Peer
	if err := q.idb.NewSelect().Model(&rows).Order("pe.host").Scan(ctx); err != nil {
		return nil, fmt.Errorf("list peers: %w", err)
	}
	return rows, nil
}

// PeerByHost finds a peer by its canonical host.
func (q *Queries) PeerByHost(ctx context.Context, host string) (*Peer, error) {
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
	return found, nil
}

// SavePeer adds or changes a peer; what was learned from it stays.
func (tx *Tx) SavePeer(ctx context.Context, p *Peer) error {
	if p.CreatedAt.IsZero() {
		p.CreatedAt = tx.Now()
	}
	p.UpdatedAt = tx.Now()
	before, err := tx.peerAsStored(ctx, p.Host)
	if err != nil {
		return err
	}
	_, err = tx.idb.NewInsert().Model(p).
		On("CONFLICT (host) DO UPDATE").
		Set("tier = EXCLUDED.tier").Set("state = EXCLUDED.state").Set("public_web = EXCLUDED.public_web").
		Set("note = EXCLUDED.note").Set("account_domains = EXCLUDED.account_domains").Set("updated_at = EXCLUDED.updated_at").
		Exec(ctx)
	if err != nil {
		return fmt.Errorf("save peer %s: %w", p.Host, err)
	}
	if err := tx.peerJobs(ctx, p.Host, p.State); err != nil {
		return err
	}
	after, err := tx.peerAsStored(ctx, p.Host)
	if err != nil {
		return err
	}
	tx.Publish(Event{Kind: PeerChanged, Host: p.Host})
	return tx.auditPeer(ctx, p.Host, before, after)
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
	if err := tx.peerJobs(ctx, host, ""); err != nil {
		return false, err
	}
	tx.Publish(Event{Kind: PeerChanged, Host: host})
	return changed(res), tx.auditPeer(ctx, host, before, nil)
}

// LearnPeer keeps what a peer's documents say about its whole host.
func (tx *Tx) LearnPeer(ctx context.Context, host, sharedInbox string, circles bool) error {
	res, err := tx.idb.NewRaw("UPDATE peers SET shared_inbox = ?, circles = ? WHERE host = ? AND (shared_inbox <> ? OR circles <> ?)",
		sharedInbox, circles, host, sharedInbox, circles).Exec(ctx)
	if err != nil {
		return fmt.Errorf("learn about peer %s: %w", host, err)
	}
	if changed(res) {
		tx.Publish(Event{Kind: PeerChanged, Host: host})
	}
	return nil
}
