package peering

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"golang.org/x/net/publicsuffix"

	"ruche/federation"
	"ruche/storage"
)

// ErrState says that a peer can't be made what was asked from the state that it is in.
var ErrState = errors.New("the peer's state doesn't allow that")

// ParseHost reads the name of a peer as an admin writes it: a host, or *.domain for the subdomains of a domain
// that somebody owns.
func ParseHost(text string) (string, error) {
	text = strings.TrimSpace(text)
	domain, wild := strings.CutPrefix(text, "*.")
	host, err := federation.NormalizeHost(domain)
	if err != nil || !wild {
		return host, err
	}
	if _, _, err := net.SplitHostPort(host); err == nil || strings.HasPrefix(host, "[") || net.ParseIP(host) != nil {
		return "", fmt.Errorf("*.%s: a pattern is for names, without a port: %w", host, federation.ErrHost)
	}
	if suffix, _ := publicsuffix.PublicSuffix(host); suffix == host {
		return "", fmt.Errorf("*.%s would allow whoever registers a name under it; name a domain that one entity owns: %w", host, federation.ErrHost)
	}
	return "*." + host, nil
}

// Save adds or changes a peer as an admin decided, from the next request on. A linked node is told of
// new terms.
func (p *Peering) Save(ctx context.Context, peer *storage.Peer) error {
	return p.DB.Update(ctx, func(tx *storage.Tx) error { return p.save(ctx, tx, peer) })
}

func (p *Peering) save(ctx context.Context, tx *storage.Tx, peer *storage.Peer) error {
	if peer.Host == p.Node.Host {
		return fmt.Errorf("%s is this node itself: %w", peer.Host, federation.ErrHost)
	}
	old, err := tx.PeerByHost(ctx, peer.Host)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	if err := tx.SavePeer(ctx, peer); err != nil || old == nil || !old.Linked() {
		return err
	}
	switch {
	case old.State == storage.PeerActive && peer.State != storage.PeerActive:
		return p.tellLinked(ctx, tx, old, &message{Type: typeSuspended})
	case old.State != storage.PeerActive && peer.State == storage.PeerActive:
		return p.tellLinked(ctx, tx, old, &message{Type: typeResumed})
	case old.In != peer.In || old.Out != peer.Out || !old.EndsAt.Equal(peer.EndsAt):
		told := termsOf(peer).told()
		return p.tellLinked(ctx, tx, old, &message{Type: typeChanged, Terms: &told})
	}
	return nil
}

// change is Save of one thing of a peer that there is.
func (p *Peering) change(ctx context.Context, host string, to func(*storage.Peer) error) error {
	return p.DB.Update(ctx, func(tx *storage.Tx) error {
		peer, err := tx.PeerByHost(ctx, host)
		if err != nil {
			return err
		}
		peer.Via = ""
		if err := to(peer); err != nil {
			return err
		}
		return p.save(ctx, tx, peer)
	})
}

// Suspend hides what came from a peer and parks what is for it; nothing is deleted.
func (p *Peering) Suspend(ctx context.Context, host string) error {
	return p.change(ctx, host, func(peer *storage.Peer) error {
		if peer.State == storage.PeerBlocked {
			return fmt.Errorf("%s is blocked, which is more: %w", host, ErrState)
		}
		peer.State, peer.Reason = storage.PeerSuspended, "admin"
		return nil
	})
}

// Resume lets a suspended, expired or blocked peer be active again; after an end date the new one is
// set first.
func (p *Peering) Resume(ctx context.Context, host string) error {
	return p.change(ctx, host, func(peer *storage.Peer) error {
		if peer.State == storage.PeerInvited || peer.State == storage.PeerAwaiting {
			return fmt.Errorf("the handshake with %s isn't finished: %w", host, ErrState)
		}
		peer.State = storage.PeerActive
		return nil
	})
}

// Block hides everything at once, and has what came from the peer purged after storage.PurgeGrace.
func (p *Peering) Block(ctx context.Context, host string) error {
	return p.DB.Update(ctx, func(tx *storage.Tx) error {
		peer, err := tx.PeerByHost(ctx, host)
		if errors.Is(err, storage.ErrNotFound) {
			peer, err = &storage.Peer{Host: host, Tier: storage.Partner}, nil
		}
		if err != nil {
			return err
		}
		peer.State, peer.Reason, peer.Via = storage.PeerBlocked, "admin", ""
		return p.save(ctx, tx, peer)
	})
}

// PurgeNow has the purge of a blocked peer begin without waiting longer. It can't be undone.
func (p *Peering) PurgeNow(ctx context.Context, host string) error {
	return p.DB.Update(ctx, func(tx *storage.Tx) error { return tx.SkipGrace(ctx, host) })
}

// Remove takes a peer off the list, as if it had never been on it; what came from it is hidden. A linked node is
// told that the link has ended.
func (p *Peering) Remove(ctx context.Context, host string) error {
	return p.DB.Update(ctx, func(tx *storage.Tx) error { return p.remove(ctx, tx, host) })
}

func (p *Peering) remove(ctx context.Context, tx *storage.Tx, host string) error {
	peer, err := tx.PeerByHost(ctx, host)
	if err != nil {
		return err
	}
	if peer.State == storage.PeerBlocked && !peer.PurgeBeganAt.IsZero() && peer.PurgedAt.IsZero() {
		return fmt.Errorf("%s: %w", host, storage.ErrPurging)
	}
	if err := p.tellLinked(ctx, tx, peer, &message{Type: typeRevoked}); err != nil {
		return err
	}
	_, err = tx.RemovePeer(ctx, host)
	return err
}
