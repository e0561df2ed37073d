package federation

import (
	"context"
	"fmt"
	"net/http"

	"ruche/federation/vocab"
	"ruche/storage"
)

// Before two nodes are peers, one reads the other's service actor once, because an admin or
// somebody whom an admin invited named it; and afterwards, to see whether its key is still the one
// that was confirmed.

// An Introduced node is what its own service actor says, read without a signature.
type Introduced struct {
	Host, Actor, Inbox string
	PublicKey          string // PEM
	Fingerprint        string
	Circles            bool
}

// Introduce reads the service actor at uri. The caller vouches that its host may be asked at all.
func (n *Node) Introduce(ctx context.Context, uri string) (*Introduced, error) {
	host, err := HostOf(uri)
	if err != nil {
		return nil, err
	}
	res, err := n.Client.GetFrom(ctx, host, uri, acceptDocument, maxDocument)
	if err != nil {
		return nil, err
	}
	if res.Status != http.StatusOK {
		return nil, fmt.Errorf("get %s: %w", uri, &StatusError{Status: res.Status})
	}
	if !isDocument(res.Header) {
		return nil, fmt.Errorf("get %s: %w", uri, ErrMediaType)
	}
	if err := sameHost(res.URL, uri); err != nil {
		return nil, err
	}
	doc, err := vocab.Decode(res.Body)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", uri, err)
	}
	actor, err := vocab.ParseActor(doc)
	if err != nil {
		return nil, err
	}
	if actor.ID != uri || actor.Type != storage.Application {
		return nil, fmt.Errorf("%s is no node's own actor: %w", uri, ErrUntrusted)
	}
	in := &Introduced{Host: host, Actor: uri, Inbox: actor.SharedInbox, Circles: actor.Circles}
	if in.Inbox == "" {
		in.Inbox = actor.Inbox
	}
	if err := sameHost(in.Inbox, uri); err != nil {
		return nil, err
	}
	for _, key := range actor.PublicKeys {
		if key.Owner != uri {
			return nil, fmt.Errorf("the key %s of %s belongs to %s: %w", key.ID, uri, key.Owner, ErrUntrusted)
		}
		if print, err := Fingerprint(key.PEM); err == nil {
			in.PublicKey, in.Fingerprint = key.PEM, print
			return in, nil
		}
	}
	return nil, fmt.Errorf("%s has no key that can be used: %w", uri, ErrUntrusted)
}

// CheckService reads a linked peer's service actor and holds the peer if its key isn't the one that was
// confirmed (the error is ErrUntrusted then).
func (n *Node) CheckService(ctx context.Context, peer *storage.Peer) error {
	if !peer.Linked() || peer.ServiceActor == "" {
		return nil
	}
	now, err := n.Introduce(ctx, peer.ServiceActor)
	if err != nil {
		return err
	}
	return n.heldUnless(ctx, peer, now.Fingerprint)
}

// pinned holds a linked peer whose service actor comes with another key than the one confirmed.
func (n *Node) pinned(ctx context.Context, a *storage.Account) error {
	peer, err := n.DB.PeerByHost(ctx, a.Peer)
	if err != nil || !peer.Linked() || a.URI != peer.ServiceActor {
		return nil // Permit was asked before; only linked peers have a key to compare
	}
	print, err := Fingerprint(a.PublicKey)
	if err != nil {
		return fmt.Errorf("key of %s: %w: %w", a.URI, err, ErrUntrusted)
	}
	return n.heldUnless(ctx, peer, print)
}

func (n *Node) heldUnless(ctx context.Context, peer *storage.Peer, print string) error {
	if print == peer.Fingerprint {
		return nil
	}
	if err := n.DB.Update(ctx, func(tx *storage.Tx) error { return tx.HoldPeer(ctx, peer.Host, print) }); err != nil {
		return err
	}
	return fmt.Errorf("%s appears with another key: it is held until an admin confirms it: %w", peer.Host, ErrUntrusted)
}

// ServiceURI finds the actor of a host's node by WebFinger of its address (FEP-d556). The caller
// vouches that the host may be asked.
func (n *Node) ServiceURI(ctx context.Context, host string) (string, error) {
	base := n.scheme() + "://" + host
	answer, err := n.askWebFinger(ctx, host, base+"/")
	if err != nil {
		return "", err
	}
	return answer.self, sameHost(answer.self, base)
}
