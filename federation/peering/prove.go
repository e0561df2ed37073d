package peering

import (
	"context"
	"errors"
	"fmt"

	"ruche/federation"
	"ruche/storage"
)

// Prove asks a linked node to sign something that it can't have signed before. A node that answers with another
// key is held; one that can't be reached is an error and nothing more.
func (p *Peering) Prove(ctx context.Context, peer *storage.Peer) error {
	me, err := p.self(ctx)
	if err != nil {
		return err
	}
	_, err = p.exchange(ctx, me, &message{Type: typeCheck, ID: random(), From: p.Node.Host, To: peer.Host, At: p.DB.Now()}, peer.Fingerprint)
	var other *otherKey
	if errors.As(err, &other) {
		return p.Node.HeldUnless(ctx, peer, other.fingerprint)
	}
	if errors.Is(err, ErrHandshake) || errors.Is(err, ErrMessage) {
		// It has answered and shown nothing, as whoever took its name would.
		return fmt.Errorf("%s doesn't show that it has its key: %w: %w", peer.Host, err, federation.ErrUntrusted)
	}
	return err
}

// checked is the other side of Prove: the answer is the signature around it. Who accepted our organisation knows our key
// without our knowing its own, so any active peer may ask.
func (p *Peering) checked(ctx context.Context, m *message, fingerprint string) (*message, error) {
	peer, err := p.DB.PeerByHost(ctx, m.From)
	if err != nil || !peer.Active() && peer.Fingerprint != fingerprint {
		return nil, refuse("not_linked", "this node isn't linked with yours")
	}
	return &message{Type: typeProof, ID: m.ID, From: p.Node.Host, To: m.From, At: p.DB.Now()}, nil
}

// otherKey is an answer by another key than was expected.
type otherKey struct {
	fingerprint string
	error
}

func (o *otherKey) Unwrap() error { return o.error }
