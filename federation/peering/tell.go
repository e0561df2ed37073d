package peering

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"ruche/federation"
	"ruche/storage"
	"ruche/storage/queue"
)

// refusal is an answer to another node: a word for counters, and words for its admin.
type refusal struct{ reason, words string }

func (r *refusal) Error() string { return r.words }

func refuse(reason, words string) error { return &refusal{reason, words} }

// receive is the one door for messages about links.
func (p *Peering) receive(w http.ResponseWriter, r *http.Request) {
	answer, err := p.read(r)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if err == nil {
		_, _ = w.Write(answer)
		return
	}
	status, said := http.StatusInternalServerError, &refusal{"internal", "this node could not answer; its log says why"}
	switch {
	case errors.As(err, &said):
		status = http.StatusForbidden
	case errors.Is(err, ErrMessage):
		status, said = http.StatusBadRequest, &refusal{"malformed", "this is no message of a node"}
	}
	p.Refused("peering_" + said.reason)
	p.Log.WarnContext(r.Context(), "message about a link refused", "reason", said.reason, "err", err)
	body, _ := json.Marshal(map[string]string{"error": said.words})
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func (p *Peering) read(r *http.Request) ([]byte, error) {
	ctx := r.Context()
	body, err := io.ReadAll(io.LimitReader(r.Body, maxMessage+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	m, fingerprint, err := open(body)
	if err != nil {
		return nil, err
	}
	if m.To != p.Node.Host || m.From == p.Node.Host {
		return nil, refuse("not_for_us", "this message is for another node")
	}
	if age := p.DB.Now().Sub(m.At); (m.Type == typeAnswer || m.Type == typeRenew || m.Type == typeReveal) && (age > messageAge || age < -messageAge) {
		return nil, refuse("clock", "the clocks of the two nodes differ too much, or the message is an old one")
	}
	ctx = storage.ActingAs(ctx, storage.Actor{Kind: storage.ActorPeer, Name: m.From})
	var answer *message
	switch m.Type {
	case typeAnswer:
		answer, err = p.answered(ctx, m, fingerprint)
	case typeRenew:
		answer, err = p.renewing(ctx, m, fingerprint)
	case typeReveal:
		answer, err = p.revealed(ctx, m, fingerprint)
	case typeConfirm, typeRefuse:
		err = p.confirmed(ctx, m, fingerprint)
	default:
		err = p.told(ctx, m, fingerprint)
	}
	if err != nil || answer == nil {
		return []byte("{}"), err
	}
	me, err := p.self(ctx)
	if err != nil {
		return nil, err
	}
	return seal(me.key, me.account.PublicKey, answer)
}

// told is what a linked node says of the link. Only the key that was confirmed is believed, and
// only words newer than its last.
func (p *Peering) told(ctx context.Context, m *message, fingerprint string) error {
	return p.DB.Update(ctx, func(tx *storage.Tx) error {
		peer, err := tx.PeerByHost(ctx, m.From)
		if errors.Is(err, storage.ErrNotFound) || err == nil && (!peer.Linked() || peer.Fingerprint != fingerprint || peer.State == storage.PeerBlocked) {
			return refuse("not_linked", "this node isn't linked with yours")
		}
		if err != nil {
			return err
		}
		state, terms := "", ""
		switch m.Type {
		case typeChanged:
			if m.Terms == nil {
				return refuse("malformed", "the message isn't whole")
			}
			said, err := json.Marshal(m.Terms.told())
			if err != nil {
				return err
			}
			terms = string(said)
		case typeSuspended:
			state = storage.PeerSuspended
		case typeResumed:
			state = storage.PeerActive
		case typeRevoked:
			state = "revoked"
		}
		fresh, err := tx.PeerTold(ctx, m.From, m.At, state, terms)
		if err != nil || !fresh {
			return err // said before: the answer to it was lost, or somebody replays it
		}
		return p.heed(ctx, tx, peer, m)
	})
}

// heed does what a fresh message asks for.
func (p *Peering) heed(ctx context.Context, tx *storage.Tx, peer *storage.Peer, m *message) error {
	switch m.Type {
	case typeChanged:
		return tx.AddPeerEvent(ctx, m.From, storage.EventTheyChanged, "terms")
	case typeSuspended, typeResumed:
		return tx.AddPeerEvent(ctx, m.From, storage.EventTheyChanged, m.Type)
	case typeRevoked:
		if peer.State == storage.PeerActive {
			peer.State, peer.Reason = storage.PeerSuspended, "revoked"
			if err := tx.SavePeer(ctx, peer); err != nil {
				return err
			}
		}
		return tx.AddPeerEvent(ctx, m.From, storage.EventTheyEnded, "")
	case typeKey:
		return p.newKey(ctx, tx, peer, m)
	case typeOrganisation:
		return p.listChanged(ctx, tx, m)
	case typeLeave:
		return p.leaving(ctx, tx, m)
	}
	return refuse("unknown_type", "this node doesn't know messages of this type")
}

// tell queues a message to a node, signed now: a key that changes meanwhile was ours when we said it.
func (p *Peering) tell(ctx context.Context, tx *storage.Tx, me *self, m *message) error {
	m.From, m.At = p.Node.Host, tx.Now()
	body, err := seal(me.key, me.account.PublicKey, m)
	if err != nil {
		return err
	}
	// No host: it is said to a peer that is suspended here, too.
	return tx.Enqueue(ctx, storage.NewJob{Kind: JobTell, Key: "tell " + m.To, Args: m.To, Body: body})
}

// tellLinked is tell for those with whom we are linked; others have no ear for it.
func (p *Peering) tellLinked(ctx context.Context, tx *storage.Tx, peer *storage.Peer, m *message) error {
	if !peer.Linked() {
		return nil
	}
	me, err := p.self(ctx)
	if err != nil {
		return err
	}
	m.To = peer.Host
	return p.tell(ctx, tx, me, m)
}

// deliverTold carries a message to its node.
func (p *Peering) deliverTold(ctx context.Context, job *storage.Job) error {
	var host string
	if err := json.Unmarshal([]byte(job.Args), &host); err != nil {
		return queue.Permanent(err)
	}
	res, err := p.Node.Client.PostTo(ctx, host, p.address(host, answerPath), job.Body, 2*maxMessage)
	if err != nil {
		return err
	}
	switch s := res.Status; {
	case s >= 200 && s < 300:
		return nil
	case s == http.StatusTooManyRequests, s == http.StatusRequestTimeout, s >= 500:
		return fmt.Errorf("%s answered %d", host, s)
	}
	return queue.Permanent(fmt.Errorf("%s refused: %s", host, saidWhy(res)))
}

// RotateKey gives this node a new key and tells it to every linked node, signed by the old one, so
// that none of them holds us.
func (p *Peering) RotateKey(ctx context.Context) error {
	old, err := p.self(ctx)
	if err != nil {
		return err
	}
	private, public, err := federation.GenerateKey()
	if err != nil {
		return err
	}
	key, err := federation.ParsePrivateKey(private)
	if err != nil {
		return err
	}
	signature, err := sign(key, newKeyText(p.Node.Host, public))
	if err != nil {
		return err
	}
	return p.DB.Update(ctx, func(tx *storage.Tx) error {
		peers, err := tx.Peers(ctx)
		if err != nil {
			return err
		}
		for _, peer := range peers {
			if peer.Linked() {
				if err := p.tell(ctx, tx, old, &message{Type: typeKey, To: peer.Host, NewKey: public, NewSignature: signature}); err != nil {
					return err
				}
			}
		}
		a, err := tx.ServiceActor(ctx)
		if err != nil {
			return err
		}
		a.PublicKey, a.PrivateKey = public, private
		if err := tx.SaveAccount(ctx, a); err != nil {
			return err
		}
		print, err := federation.Fingerprint(public)
		if err != nil {
			return err
		}
		if err := tx.Audit(ctx, storage.AuditEntry{Action: storage.ActionRotateKey, Subject: storage.AboutNode(), Facts: print}); err != nil {
			return err
		}
		return p.memberKey(ctx, tx, p.Node.Host, print)
	})
}

func newKeyText(host, public string) []byte { return hashed("new key", host, public) }

// newKey takes over the key that a linked node's old key signed, if the new key wants it too.
func (p *Peering) newKey(ctx context.Context, tx *storage.Tx, peer *storage.Peer, m *message) error {
	print, err := federation.Fingerprint(m.NewKey)
	if err == nil {
		err = verify(m.NewKey, newKeyText(m.From, m.NewKey), m.NewSignature)
	}
	if err != nil {
		return errors.Join(refuse("malformed", "the new key doesn't sign for itself"), err)
	}
	if err := tx.PinPeer(ctx, m.From, peer.ServiceActor, print); err != nil {
		return err
	}
	if peer.State == storage.PeerSuspended && peer.Reason == "key_changed" && peer.HeldFingerprint == print {
		// It appeared before its word did.
		peer.State = storage.PeerActive
		if err := tx.SavePeer(ctx, peer); err != nil {
			return err
		}
	}
	if err := p.memberKey(ctx, tx, m.From, print); err != nil {
		return err
	}
	return tx.AddPeerEvent(ctx, m.From, storage.EventKeyChanged, print)
}
