package peering

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"ruche/storage"
)

// A Code is what an admin compares with the other admin, aloud or by any channel that they trust.
type Code struct {
	*storage.Comparison
	Ours, Theirs string // full fingerprints, in groups
	// Confirmable: this side confirms, and may do it now.
	Confirmable bool
	Expired     bool
}

// Code shows the comparison with a host. Where the peer is held because another key appeared, it
// asks the host for a new comparison first.
func (p *Peering) Code(ctx context.Context, host string) (*Code, error) {
	me, err := p.self(ctx)
	if err != nil {
		return nil, err
	}
	c, err := p.DB.Comparison(ctx, host)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	peer, peerErr := p.DB.PeerByHost(ctx, host)
	if peerErr == nil && peer.HeldFingerprint != "" && (c == nil || c.Fingerprint != peer.HeldFingerprint || c.Ended != "" || !p.DB.Now().Before(c.ExpiresAt)) {
		if c, err = p.renew(ctx, me, peer); err != nil {
			return nil, err
		}
	}
	if c == nil {
		return nil, fmt.Errorf("nothing is to be compared with %s: %w", host, storage.ErrNotFound)
	}
	shown := &Code{Comparison: c, Ours: ShowFingerprint(me.fingerprint), Theirs: ShowFingerprint(c.Fingerprint), Expired: !p.DB.Now().Before(c.ExpiresAt)}
	shown.Confirmable = confirms(c) && c.Code != "" && c.Ended == "" && !shown.Expired
	return shown, nil
}

func confirms(c *storage.Comparison) bool {
	return c.Role == storage.RoleInviter || c.Role == storage.RoleRenewer
}

// renew asks a held peer, by the key that appeared, for a new comparison.
func (p *Peering) renew(ctx context.Context, me *self, peer *storage.Peer) (*storage.Comparison, error) {
	m := p.introduction(typeRenew, random(), peer.Host, me)
	told := termsOf(peer).told()
	m.Terms = &told
	return p.ask(ctx, me, m, Link{Host: peer.Host, Fingerprint: peer.HeldFingerprint}, storage.RoleRenewer, termsOf(peer))
}

// renewing is the other side of renew: a linked node noticed that our key changed.
func (p *Peering) renewing(ctx context.Context, m *message, fingerprint string) (*message, error) {
	peer, err := p.DB.PeerByHost(ctx, m.From)
	if err != nil || !peer.Linked() || peer.Fingerprint != fingerprint || peer.State == storage.PeerBlocked {
		return nil, refuse("not_linked", "this node isn't linked with yours")
	}
	if m.Terms == nil || m.Commitment == "" || ownWords(m) != nil || m.Actor != peer.ServiceActor {
		return nil, refuse("malformed", "the message isn't whole")
	}
	return p.welcome(ctx, m, fingerprint, termsOf(peer), storage.RoleRenewed, func(tx *storage.Tx) error {
		fresh, err := tx.PeerTold(ctx, m.From, m.At, "", "")
		if err == nil && !fresh {
			return refuse("replayed", "this message is an old one")
		}
		return err
	})
}

// Confirm says that the codes on both screens are the same: the host is active here from now on, with what both
// agreed to, and is told so, upon which it allows us. A held peer is active again under its new key.
func (p *Peering) Confirm(ctx context.Context, host string) (*storage.Peer, error) {
	me, err := p.self(ctx)
	if err != nil {
		return nil, err
	}
	var peer *storage.Peer
	err = p.DB.Update(ctx, func(tx *storage.Tx) error {
		c, err := tx.Comparison(ctx, host)
		if err != nil {
			return err
		}
		switch {
		case !confirms(c):
			return fmt.Errorf("the other side invited: its admin confirms, and %s is allowed here then", host)
		case c.Ended != "":
			return fmt.Errorf("this comparison is %s already", c.Ended)
		case c.Code == "":
			return fmt.Errorf("%s hasn't finished its answer yet", host)
		case !tx.Now().Before(c.ExpiresAt):
			return ErrTooLate
		}
		if peer, err = p.link(ctx, tx, c); err != nil {
			return err
		}
		if err := tx.Audit(ctx, storage.AuditEntry{Action: storage.ActionConfirm, Subject: storage.AboutPeer(host), After: c}); err != nil {
			return err
		}
		if err := p.tell(ctx, tx, me, &message{Type: typeConfirm, ID: c.ID, To: host}); err != nil {
			return err
		}
		if c.Role == storage.RoleInviter && peer.Tier == storage.Sibling {
			return p.addMember(ctx, tx, me, c)
		}
		return nil
	})
	return peer, err
}

// link makes a compared host an active peer, known by its key.
func (p *Peering) link(ctx context.Context, tx *storage.Tx, c *storage.Comparison) (*storage.Peer, error) {
	if done, err := tx.EndComparison(ctx, c, storage.ComparisonDone); err != nil || !done {
		return nil, errors.Join(err, refuse("no_comparison", "there is nothing to confirm"))
	}
	var theirs message
	var terms Terms
	if err := errors.Join(json.Unmarshal([]byte(c.Theirs), &theirs), json.Unmarshal([]byte(c.Terms), &terms)); err != nil {
		return nil, fmt.Errorf("read what was agreed: %w", err)
	}
	peer, err := tx.PeerByHost(ctx, c.Host)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		peer = &storage.Peer{Host: c.Host}
	case err != nil:
		return nil, err
	}
	peer.Via = ""
	switch c.Role {
	case storage.RoleRenewed:
		return peer, nil // it is our key that they confirmed; nothing changes here
	case storage.RoleRenewer:
		if peer.Reason == "key_changed" {
			peer.State = storage.PeerActive
		}
	default:
		peer.State = storage.PeerActive
	}
	if c.Role == storage.RoleInviter || c.Role == storage.RoleAnswerer {
		terms.onto(peer)
		peer.Organisation = terms.Organisation
		if peer.Note == "" {
			peer.Note = theirs.Name
		}
		if theirs.Domain != "" && theirs.Domain != c.Host {
			// What it calls its accounts' domain counts once WebFinger there says the same (resolve.go), and never if it
			// is another peer's.
			peer.AccountDomains = []string{theirs.Domain}
		}
	}
	if peer.State == storage.PeerActive {
		peer.Reason = ""
	}
	if err := tx.PinPeer(ctx, c.Host, c.ServiceActor, c.Fingerprint); err != nil { // before: a held peer can't be active
		return nil, err
	}
	if err := tx.SavePeer(ctx, peer); err != nil {
		return nil, err
	}
	if err := tx.LearnPeer(ctx, c.Host, theirs.Inbox, theirs.Circles); err != nil {
		return nil, err
	}
	if err := tx.PinPeer(ctx, c.Host, c.ServiceActor, c.Fingerprint); err != nil {
		return nil, err
	}
	kind := storage.EventLinked
	if c.Role == storage.RoleRenewer {
		kind = storage.EventKeyChanged
	}
	return peer, tx.AddPeerEvent(ctx, c.Host, kind, c.Fingerprint)
}

// Refuse says that the codes differ, or that the link isn't wanted after all. The other side is told; a new
// attempt needs a new invitation.
func (p *Peering) Refuse(ctx context.Context, host string) error {
	me, err := p.self(ctx)
	if err != nil {
		return err
	}
	return p.DB.Update(ctx, func(tx *storage.Tx) error {
		c, err := tx.Comparison(ctx, host)
		if err != nil {
			return err
		}
		if c.Ended != "" {
			return fmt.Errorf("this comparison is %s already", c.Ended)
		}
		if err := p.end(ctx, tx, c, "refused by an admin of this node"); err != nil {
			return err
		}
		if err := tx.Audit(ctx, storage.AuditEntry{Action: storage.ActionRefuse, Subject: storage.AboutPeer(host), After: c}); err != nil {
			return err
		}
		return p.tell(ctx, tx, me, &message{Type: typeRefuse, ID: c.ID, To: host})
	})
}

// confirmed is the answering side of Confirm and Refuse.
func (p *Peering) confirmed(ctx context.Context, m *message, fingerprint string) error {
	return p.DB.Update(ctx, func(tx *storage.Tx) error {
		c, err := tx.Comparison(ctx, m.From)
		if errors.Is(err, storage.ErrNotFound) || err == nil && (c.ID != m.ID || c.Fingerprint != fingerprint) {
			return refuse("no_comparison", "there is nothing to confirm")
		}
		if err != nil || c.Ended == storage.ComparisonDone && m.Type == typeConfirm || c.Ended == storage.ComparisonRefused && m.Type == typeRefuse {
			return err // told once more
		}
		if c.Ended != "" || m.Type == typeConfirm && confirms(c) {
			return refuse("no_comparison", "there is nothing to confirm")
		}
		if m.Type == typeRefuse {
			return p.end(ctx, tx, c, "refused by the other admin")
		}
		if tx.Now().After(c.ExpiresAt.Add(confirmSlack)) {
			return refuse("too_late", "the comparison has expired here")
		}
		peer, err := p.link(ctx, tx, c)
		if err != nil {
			return err
		}
		if _, err := tx.PeerTold(ctx, m.From, m.At, storage.PeerActive, ""); err != nil {
			return err
		}
		if c.Role == storage.RoleAnswerer && peer.Tier == storage.Sibling {
			return p.joined(ctx, tx, c)
		}
		return nil
	})
}
