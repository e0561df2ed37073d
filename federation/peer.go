package federation

import (
	"context"
	"errors"
	"fmt"

	"ruche/storage"
)

// ErrNotPeer is the answer about any host that no admin has allow-listed.
var ErrNotPeer = errors.New("not an allowed peer")

// Permit says whether anything may pass between this node and a host: nil, or ErrNotPeer. It is
// asked before any fetch or crypto, in both directions, and reads the row each time, so that an
// admin's change counts at once.
func (n *Node) Permit(ctx context.Context, host string) error {
	_, err := n.Peer(ctx, host)
	return err
}

// PermitAny is Permit for the outbound client, which also asks account domains about their
// accounts by WebFinger.
func (n *Node) PermitAny(ctx context.Context, host string) error {
	_, err := n.PeerOfDomain(ctx, host)
	return err
}

// Peer finds an active peer by host, or gives ErrNotPeer.
func (n *Node) Peer(ctx context.Context, host string) (*storage.Peer, error) {
	p, err := n.DB.PeerByHost(ctx, host)
	if errors.Is(err, storage.ErrNotFound) || err == nil && !p.Active() {
		return nil, fmt.Errorf("%s: %w", host, ErrNotPeer)
	}
	return p, err
}

// PeerOfDomain finds the active peer whose accounts may have the domain after their @: its own
// host, or one that an admin named beside it.
func (n *Node) PeerOfDomain(ctx context.Context, domain string) (*storage.Peer, error) {
	p, err := n.Peer(ctx, domain)
	if !errors.Is(err, ErrNotPeer) {
		return p, err
	}
	peers, err := n.DB.Peers(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range peers {
		for _, d := range p.AccountDomains {
			if d == domain && p.Active() {
				return p, nil
			}
		}
	}
	return nil, fmt.Errorf("%s: %w", domain, ErrNotPeer)
}
