package peering

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"ruche/federation"
	"ruche/storage"
)

// Times of a handshake.
const (
	// InvitationLife is how long an invitation is good where nobody chose.
	InvitationLife = 3 * 24 * time.Hour
	maxInvitation  = 30 * 24 * time.Hour
	// CodeLife is how long two admins have to compare.
	CodeLife = 10 * time.Minute
	// confirmSlack is how late the word of a confirmation may reach the other side.
	confirmSlack = time.Hour
)

// Errors that callers act on. Their texts are for the admin.
var (
	ErrHandshake = errors.New("the handshake failed")
	ErrTooLate   = errors.New("the ten minutes for comparing have passed: make a new invitation")
)

// Invitation is what the inviting admin hands over.
type Invitation struct {
	*storage.Invitation
	Link string
}

// Invite makes an invitation: whoever gets its link may answer once, before it expires, and is then
// confirmed by Confirm. terms are what is proposed, seen from here; with Tier sibling the other joins the organisation
// that this node keeps.
func (p *Peering) Invite(ctx context.Context, terms Terms, life time.Duration) (*Invitation, error) {
	if life == 0 {
		life = InvitationLife
	}
	if life < time.Minute || life > maxInvitation {
		return nil, fmt.Errorf("an invitation is good for a minute at least and %d days at most", int(maxInvitation.Hours()/24))
	}
	me, err := p.self(ctx)
	if err != nil {
		return nil, err
	}
	link := Link{Host: p.Node.Host, Fingerprint: me.fingerprint, secret: random()}
	if terms.Tier == storage.Sibling {
		org, err := p.kept(ctx)
		if err != nil {
			return nil, err
		}
		terms.Organisation, terms.OrganisationKey, link.Organisation = org.URI, org.PublicKey, true
	}
	text, err := json.Marshal(terms)
	if err != nil {
		return nil, fmt.Errorf("write terms: %w", err)
	}
	i := &storage.Invitation{ID: invitationID(link.secret), ProofKey: proofKey(link.secret), Terms: string(text), Note: terms.Note}
	err = p.DB.Update(ctx, func(tx *storage.Tx) error {
		i.ExpiresAt = tx.Now().Add(life)
		if err := tx.AddInvitation(ctx, i); err != nil {
			return err
		}
		return tx.Audit(ctx, storage.AuditEntry{Action: storage.ActionInvite, Subject: storage.Subject{Kind: "invitation", ID: i.ID}, After: i})
	})
	return &Invitation{i, link.text(p.address("", ""))}, err
}

// Revoke makes an invitation worth nothing, unless it was answered.
func (p *Peering) Revoke(ctx context.Context, id string) error {
	return p.DB.Update(ctx, func(tx *storage.Tx) error {
		done, err := tx.RevokeInvitation(ctx, id)
		if err == nil && !done {
			return fmt.Errorf("there is no open invitation %s: %w", id, storage.ErrNotFound)
		}
		if err != nil {
			return err
		}
		return tx.Audit(ctx, storage.AuditEntry{Action: storage.ActionUninvite, Subject: storage.Subject{Kind: "invitation", ID: id}})
	})
}

// Accept answers an invitation. wishes are our terms; Tier sibling agrees to join the organisation that the
// link invites to. It gives the code to compare with the inviting admin, who then confirms.
func (p *Peering) Accept(ctx context.Context, text string, wishes Terms) (*storage.Comparison, error) {
	link, err := ParseLink(text)
	if err != nil {
		return nil, err
	}
	if link.Host == p.Node.Host {
		return nil, fmt.Errorf("this invitation is this node's own: %w", ErrLink)
	}
	me, err := p.self(ctx)
	if err != nil {
		return nil, err
	}
	m := p.introduction(typeAnswer, random(), link.Host, me)
	told := wishes.told()
	m.Invitation, m.Terms = invitationID(link.secret), &told
	return p.ask(ctx, me, m, link, storage.RoleAnswerer, wishes)
}

// introduction is a message that says who speaks.
func (p *Peering) introduction(kind, id, to string, me *self) *message {
	m := &message{Type: kind, ID: id, From: p.Node.Host, To: to, At: p.DB.Now(),
		Actor: me.account.URI, Inbox: me.account.SharedInboxURI, Name: p.Node.Name, Circles: true}
	if p.Node.Domain != p.Node.Host {
		m.Domain = p.Node.Domain
	}
	return m
}

// ask begins a comparison with a host for which an admin vouches: we commit to a nonce, get the other's, keep
// the code, and reveal ours.
func (p *Peering) ask(ctx context.Context, me *self, m *message, link Link, role string, wishes Terms) (*storage.Comparison, error) {
	if err := p.notBlocked(ctx, &p.DB.Queries, link.Host); err != nil {
		return nil, err
	}
	nonce := random()
	m.Commitment = commitment(m.ID, m.From, me.fingerprint, nonce)
	if link.secret != "" {
		m.Proof = proof(proofKey(link.secret), m, me.fingerprint)
	}
	theirs, err := p.exchange(ctx, me, m, link.Fingerprint)
	if err != nil {
		return nil, err
	}
	if theirs.Type != typeWelcome || theirs.Nonce == "" || theirs.Terms == nil {
		return nil, fmt.Errorf("%s didn't answer as a node that invites: %w", link.Host, ErrHandshake)
	}
	if err := ownWords(theirs); err != nil {
		return nil, err
	}
	c := &storage.Comparison{Host: link.Host, ID: m.ID, Role: role, Invitation: m.Invitation, ServiceActor: theirs.Actor, Fingerprint: link.Fingerprint, Nonce: nonce,
		Code: code(m.ID, side{link.Host, link.Fingerprint, theirs.Nonce}, side{m.From, me.fingerprint, nonce})}
	err = p.DB.Update(ctx, func(tx *storage.Tx) error {
		if err := p.open(ctx, tx, c, theirs, wishes, storage.PeerAwaiting); err != nil {
			return err
		}
		return tx.Audit(ctx, storage.AuditEntry{Action: storage.ActionAccept, Subject: storage.AboutPeer(c.Host), After: c})
	})
	if err != nil {
		return nil, err
	}
	reveal := &message{Type: typeReveal, ID: m.ID, From: m.From, To: m.To, At: p.DB.Now(), Nonce: nonce}
	if _, err := p.exchange(ctx, me, reveal, link.Fingerprint); err != nil {
		return nil, errors.Join(err, p.DB.Update(ctx, func(tx *storage.Tx) error {
			return p.end(ctx, tx, c, err.Error())
		}))
	}
	return c, nil
}

// open keeps a comparison with what the other side said, and a row for a host that has none. state is that row's.
func (p *Peering) open(ctx context.Context, tx *storage.Tx, c *storage.Comparison, theirs *message, ours Terms, state string) error {
	said, err := json.Marshal(theirs)
	if err != nil {
		return fmt.Errorf("keep message: %w", err)
	}
	agreed, err := json.Marshal(ours.agreed(*theirs.Terms))
	if err != nil {
		return fmt.Errorf("keep terms: %w", err)
	}
	c.Theirs, c.Terms, c.OpenedAt, c.ExpiresAt = string(said), string(agreed), tx.Now(), tx.Now().Add(CodeLife)
	if err := tx.SaveComparison(ctx, c); err != nil {
		return err
	}
	if err := p.notBlocked(ctx, &tx.Queries, c.Host); err != nil {
		return err
	}
	if old, err := tx.PeerByHost(ctx, c.Host); err == nil && old.Via == "" || err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err // what stands already stays until the codes are confirmed
	}
	return tx.SavePeer(ctx, &storage.Peer{Host: c.Host, Tier: storage.Partner, State: state})
}

func (p *Peering) notBlocked(ctx context.Context, q *storage.Queries, host string) error {
	old, err := q.PeerByHost(ctx, host)
	if err == nil && old.State == storage.PeerBlocked {
		return fmt.Errorf("%s is blocked here: unblock it first", host)
	}
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	return err
}

// ownWords checks that what a node says of itself is on its own host.
func ownWords(m *message) error {
	for _, uri := range []string{m.Actor, m.Inbox} {
		if host, err := federation.HostOf(uri); err != nil || host != m.From {
			return fmt.Errorf("%s speaks of %q: %w", m.From, uri, ErrMessage)
		}
	}
	if m.Domain != "" {
		if normal, err := federation.NormalizeHost(m.Domain); err != nil || normal != m.Domain {
			return fmt.Errorf("%q is no domain: %w", m.Domain, ErrMessage)
		}
	}
	if m.Terms.Tier != storage.Sibling && m.Terms.Tier != storage.Partner {
		return fmt.Errorf("%q is no tier: %w", m.Terms.Tier, ErrMessage)
	}
	return nil
}

// exchange sends a message and reads the answer, which the key with the fingerprint must have signed.
func (p *Peering) exchange(ctx context.Context, me *self, m *message, fingerprint string) (*message, error) {
	body, err := seal(me.key, me.account.PublicKey, m)
	if err != nil {
		return nil, err
	}
	res, err := p.Node.Client.PostTo(ctx, m.To, p.address(m.To, answerPath), body, 2*maxMessage)
	if err != nil {
		return nil, fmt.Errorf("%s can't be reached: %w", m.To, err)
	}
	if res.Status != http.StatusOK {
		return nil, fmt.Errorf("%s refused: %s: %w", m.To, saidWhy(res), ErrHandshake)
	}
	answer, print, err := open(res.Body)
	if err != nil {
		return nil, fmt.Errorf("answer of %s: %w", m.To, err)
	}
	if print != fingerprint {
		return nil, fmt.Errorf("%s answers with the key %s, and the invitation names %s: somebody may be in between: %w", m.To, ShowFingerprint(print), ShowFingerprint(fingerprint), ErrHandshake)
	}
	if answer.From != m.To || answer.To != m.From || answer.ID != m.ID {
		return nil, fmt.Errorf("%s answers something else: %w", m.To, ErrHandshake)
	}
	return answer, nil
}

// saidWhy is a refusal in the other's words, as far as they are short.
func saidWhy(res *federation.Response) string {
	var said struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(res.Body, &said) != nil || said.Error == "" || len(said.Error) > 300 {
		return fmt.Sprintf("it answered %d", res.Status)
	}
	return said.Error
}

// answered is the inviting side of an answer: the invitation, the proof, and that whoever answers has the host that
// it names. Nothing is fetched before the proof.
func (p *Peering) answered(ctx context.Context, m *message, fingerprint string) (*message, error) {
	now := p.DB.Now()
	i, err := p.DB.Invitation(ctx, m.Invitation)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, refuse("no_invitation", "there is no such invitation")
	}
	if err != nil {
		return nil, err
	}
	if !sameText(proof(i.ProofKey, m, fingerprint), m.Proof) {
		return nil, refuse("no_invitation", "there is no such invitation")
	}
	if why := i.Open(now); why != "" {
		return nil, refuse("invitation_"+why, "the invitation can't be answered any more: it is "+why)
	}
	fail := func(reason, words string, cause error) error {
		err := p.DB.Update(ctx, func(tx *storage.Tx) error {
			if err := tx.FailInvitation(ctx, i.ID); err != nil {
				return err
			}
			return tx.AddPeerEvent(ctx, m.From, storage.EventRefused, words)
		})
		return errors.Join(refuse(reason, words), cause, err)
	}
	if m.Terms == nil || m.Commitment == "" || m.ID == "" {
		return nil, fail("malformed", "the answer isn't whole", nil)
	}
	if err := ownWords(m); err != nil {
		return nil, fail("malformed", "the answer speaks of another host", err)
	}
	seen, err := p.Node.Introduce(ctx, m.Actor)
	if err != nil {
		return nil, fail("host_unproven", "the actor of "+m.From+" can't be read from here", err)
	}
	if seen.Fingerprint != fingerprint {
		return nil, fail("host_unproven", m.From+" itself shows another key than the one that answered", nil)
	}
	var ours Terms
	if err := json.Unmarshal([]byte(i.Terms), &ours); err != nil {
		return nil, fmt.Errorf("read terms: %w", err)
	}
	return p.welcome(ctx, m, fingerprint, ours, storage.RoleInviter, func(tx *storage.Tx) error {
		used, err := tx.UseInvitation(ctx, i.ID, m.From)
		if err == nil && !used {
			return refuse("invitation_used", "the invitation can't be answered any more: it is used")
		}
		return err
	})
}

// welcome opens a comparison with who asked for one, and answers with our nonce.
func (p *Peering) welcome(ctx context.Context, m *message, fingerprint string, ours Terms, role string, first func(*storage.Tx) error) (*message, error) {
	me, err := p.self(ctx)
	if err != nil {
		return nil, err
	}
	answer := p.introduction(typeWelcome, m.ID, m.From, me)
	told := ours.told()
	answer.Nonce, answer.Terms = random(), &told
	c := &storage.Comparison{Host: m.From, ID: m.ID, Role: role, Invitation: m.Invitation, ServiceActor: m.Actor, Fingerprint: fingerprint, Commitment: m.Commitment, Nonce: answer.Nonce}
	err = p.DB.Update(ctx, func(tx *storage.Tx) error {
		if err := first(tx); err != nil {
			return err
		}
		if err := p.open(ctx, tx, c, m, ours, storage.PeerInvited); err != nil {
			return err
		}
		return tx.AddPeerEvent(ctx, m.From, storage.EventAnswered, m.Name)
	})
	return answer, err
}

// revealed is the inviting side of a reveal: one attempt.
func (p *Peering) revealed(ctx context.Context, m *message, fingerprint string) (*message, error) {
	me, err := p.self(ctx)
	if err != nil {
		return nil, err
	}
	var why error
	err = p.DB.Update(ctx, func(tx *storage.Tx) error {
		why = nil
		c, err := tx.Comparison(ctx, m.From)
		if errors.Is(err, storage.ErrNotFound) || err == nil && (c.ID != m.ID || c.Fingerprint != fingerprint || c.Ended != "" || c.Code != "" || c.Commitment == "" || !tx.Now().Before(c.ExpiresAt)) {
			why = refuse("no_comparison", "there is nothing to reveal")
			return nil
		}
		if err != nil {
			return err
		}
		if !sameText(commitment(c.ID, c.Host, fingerprint, m.Nonce), c.Commitment) {
			why = refuse("commitment_broken", "this isn't the nonce that was committed to")
			return p.end(ctx, tx, c, "the nonce isn't the one that was committed to")
		}
		c.Code = code(c.ID, side{p.Node.Host, me.fingerprint, c.Nonce}, side{c.Host, fingerprint, m.Nonce})
		return tx.SaveComparison(ctx, c)
	})
	if err = errors.Join(err, why); err != nil {
		return nil, err
	}
	return &message{Type: typeWelcome, ID: m.ID, From: p.Node.Host, To: m.From, At: p.DB.Now()}, nil
}

// end closes a comparison without success; the row of a host that was nothing before goes with it.
func (p *Peering) end(ctx context.Context, tx *storage.Tx, c *storage.Comparison, why string) error {
	if _, err := tx.EndComparison(ctx, c, storage.ComparisonRefused); err != nil {
		return err
	}
	peer, err := tx.PeerByHost(ctx, c.Host)
	if err == nil && (peer.State == storage.PeerInvited || peer.State == storage.PeerAwaiting) {
		if _, err := tx.RemovePeer(ctx, c.Host); err != nil {
			return err
		}
	} else if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	return tx.AddPeerEvent(ctx, c.Host, storage.EventRefused, why)
}
