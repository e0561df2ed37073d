package peering

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ruche/federation"
	"ruche/storage"
	"ruche/storage/storagetest"
)

// A house is one node's side of things, with another node played by the test.
type house struct {
	*Peering
	t   *testing.T
	now time.Time
	// other is the node that the test plays.
	other *self
}

const otherHost = "labo.test"

func newHouse(t *testing.T, url string) *house {
	h := &house{t: t, now: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)}
	db := storagetest.OpenWith(t, storage.Options{URL: url, Clock: func() time.Time { h.now = h.now.Add(time.Millisecond); return h.now }})
	private, public, err := federation.GenerateKey()
	h.fine(err)
	h.fine(db.Update(context.Background(), func(tx *storage.Tx) error {
		return tx.AddAccount(context.Background(), &storage.Account{Username: "sales.test", Kind: storage.Application, PublicKey: public, PrivateKey: private})
	}))
	host, err := federation.HostOf(storagetest.BaseURL)
	h.fine(err)
	h.Peering = &Peering{DB: db, Node: &federation.Node{DB: db, Host: host, Domain: host, Name: "sales"}, Log: slog.New(slog.DiscardHandler), Refused: func(string) {}}
	private, public, err = federation.GenerateKey()
	h.fine(err)
	key, err := federation.ParsePrivateKey(private)
	h.fine(err)
	print, err := federation.Fingerprint(public)
	h.fine(err)
	h.other = &self{&storage.Account{URI: "https://" + otherHost + "/users/1", SharedInboxURI: "https://" + otherHost + "/inbox", PublicKey: public}, key, print}
	return h
}

func (h *house) fine(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// says sends a message of the other node to the door, and gives the status and the answer.
func (h *house) says(m *message) (int, string) {
	h.t.Helper()
	m.From, m.To = otherHost, h.Node.Host
	if m.At.IsZero() {
		m.At = h.now
	}
	body, err := seal(h.other.key, h.other.account.PublicKey, m)
	h.fine(err)
	return h.hears(body)
}

func (h *house) hears(body []byte) (int, string) {
	w := httptest.NewRecorder()
	h.receive(w, httptest.NewRequest(http.MethodPost, answerPath, strings.NewReader(string(body))))
	return w.Code, w.Body.String()
}

// linked makes the other node a linked peer.
func (h *house) linked() {
	h.t.Helper()
	ctx := context.Background()
	h.fine(h.DB.Update(ctx, func(tx *storage.Tx) error {
		if err := tx.SavePeer(ctx, &storage.Peer{Host: otherHost, Tier: storage.Partner, State: storage.PeerActive}); err != nil {
			return err
		}
		return tx.PinPeer(ctx, otherHost, h.other.account.URI, h.other.fingerprint)
	}))
}

func (h *house) peer() *storage.Peer {
	h.t.Helper()
	p, err := h.DB.PeerByHost(context.Background(), otherHost)
	h.fine(err)
	return p
}

func each(t *testing.T, test func(h *house)) {
	storagetest.EachURL(t, func(t *testing.T, url string) { test(newHouse(t, url)) })
}

// asked opens a comparison as if the invitation had been answered, committed to a nonce.
func (h *house) asked(id, nonce string) {
	h.t.Helper()
	terms := AllTerms(storage.Partner)
	m := &message{Type: typeAnswer, ID: id, From: otherHost, Actor: h.other.account.URI, Inbox: h.other.account.SharedInboxURI, Terms: &terms,
		Commitment: commitment(id, otherHost, h.other.fingerprint, nonce)}
	_, err := h.welcome(context.Background(), m, h.other.fingerprint, terms, storage.RoleInviter, func(*storage.Tx) error { return nil })
	h.fine(err)
}

func TestARevealIsHeldToItsCommitmentAndHappensOnce(t *testing.T) {
	each(t, func(h *house) {
		ctx := context.Background()
		h.asked("one", "nonce")
		if status, said := h.says(&message{Type: typeReveal, ID: "other", Nonce: "nonce"}); status != http.StatusForbidden {
			h.t.Errorf("a reveal of something else is answered %d %s", status, said)
		}
		if status, said := h.says(&message{Type: typeReveal, ID: "one", Nonce: "another"}); status != http.StatusForbidden || !strings.Contains(said, "committed") {
			h.t.Errorf("another nonce is answered %d %s", status, said)
		}
		// That was the one attempt.
		if status, _ := h.says(&message{Type: typeReveal, ID: "one", Nonce: "nonce"}); status != http.StatusForbidden {
			h.t.Errorf("a second attempt is answered %d", status)
		}
		if _, err := h.Confirm(ctx, otherHost); err == nil {
			h.t.Error("a comparison that failed is confirmed")
		}
		if _, err := h.DB.PeerByHost(ctx, otherHost); !errors.Is(err, storage.ErrNotFound) {
			h.t.Errorf("the host stays on the list (%v)", err)
		}
		h.asked("two", "nonce")
		if status, said := h.says(&message{Type: typeReveal, ID: "two", Nonce: "nonce"}); status != http.StatusOK {
			h.t.Fatalf("the reveal is answered %d %s", status, said)
		}
		c, err := h.DB.Comparison(ctx, otherHost)
		h.fine(err)
		// A reveal after the code is shown can't change it.
		if status, _ := h.says(&message{Type: typeReveal, ID: "two", Nonce: "nonce"}); status != http.StatusForbidden {
			h.t.Errorf("revealing again is answered %d", status)
		}
		if again, _ := h.DB.Comparison(ctx, otherHost); again.Code != c.Code || c.Code == "" {
			h.t.Errorf("the code was %q and is %q", c.Code, again.Code)
		}
		// It is ours to confirm; their word for it counts for nothing.
		if status, _ := h.says(&message{Type: typeConfirm, ID: "two"}); status != http.StatusForbidden || h.peer().State != storage.PeerInvited {
			h.t.Errorf("the invited side confirms itself: %d, %s", status, h.peer().State)
		}
	})
}

func TestWhoKnowsNoSecretIsAskedNothingAbout(t *testing.T) {
	each(t, func(h *house) {
		i, err := h.Invite(context.Background(), AllTerms(storage.Partner), 0)
		h.fine(err)
		link, err := ParseLink(i.Link)
		h.fine(err)
		terms := AllTerms(storage.Partner)
		// The house has no client: asking anybody anything would be a panic.
		for name, change := range map[string]func(*message){
			"no proof":           func(m *message) { m.Proof = "" },
			"another's proof":    func(m *message) { m.Proof = proof(proofKey(random()), m, h.other.fingerprint) },
			"another key":        func(m *message) { m.Proof = proof(proofKey(link.secret), m, strings.Repeat("0f", 32)) },
			"another commitment": func(m *message) { m.Commitment = strings.Repeat("0f", 32) },
			"another comparison": func(m *message) { m.ID = random() },
			"another invitation": func(m *message) { m.Invitation = invitationID(random()) },
			"an old one":         func(m *message) { m.At = h.now.Add(-time.Hour) },
		} {
			m := &message{Type: typeAnswer, ID: random(), From: otherHost, To: h.Node.Host, Actor: h.other.account.URI, Inbox: h.other.account.SharedInboxURI, Terms: &terms,
				Invitation: invitationID(link.secret), Commitment: commitment("x", otherHost, h.other.fingerprint, "y")}
			m.Proof = proof(proofKey(link.secret), m, h.other.fingerprint)
			change(m)
			if status, said := h.says(m); status != http.StatusForbidden {
				h.t.Errorf("%s: answered %d %s", name, status, said)
			}
		}
		if again, err := h.DB.Invitation(context.Background(), i.ID); err != nil || again.Failures != 0 || again.Open(h.now) != "" {
			h.t.Errorf("the invitation is %+v (%v)", again, err)
		}
	})
}

func TestOnlyTheLinkedKeyIsHeardAndNoMessageTwice(t *testing.T) {
	each(t, func(h *house) {
		if status, _ := h.says(&message{Type: typeRevoked}); status != http.StatusForbidden {
			h.t.Errorf("a stranger's message is answered %d", status)
		}
		h.linked()
		body, err := seal(h.other.key, h.other.account.PublicKey, &message{Type: typeSuspended, From: otherHost, To: h.Node.Host, At: h.now})
		h.fine(err)
		if status, said := h.hears(body); status != http.StatusOK || h.peer().TheirState != storage.PeerSuspended {
			h.t.Errorf("answered %d %s, their state %q", status, said, h.peer().TheirState)
		}
		h.now = h.now.Add(time.Minute)
		h.says(&message{Type: typeResumed})
		if status, _ := h.hears(body); status != http.StatusOK || h.peer().TheirState != storage.PeerActive {
			h.t.Errorf("a replayed message makes their state %q (%d)", h.peer().TheirState, status)
		}
		elsewhere, err := seal(h.other.key, h.other.account.PublicKey, &message{Type: typeRevoked, From: otherHost, To: "third.test", At: h.now.Add(time.Minute)})
		h.fine(err)
		if status, _ := h.hears(elsewhere); status != http.StatusForbidden || h.peer().State != storage.PeerActive {
			h.t.Errorf("a message for another node is answered %d", status)
		}
		thief := newHouse(h.t, storagetest.SQLite(h.t)).other
		forged, err := seal(thief.key, thief.account.PublicKey, &message{Type: typeRevoked, From: otherHost, To: h.Node.Host, At: h.now.Add(time.Minute)})
		h.fine(err)
		if status, _ := h.hears(forged); status != http.StatusForbidden || h.peer().State != storage.PeerActive {
			h.t.Errorf("another key is answered %d", status)
		}
		// A new key has to want it too.
		if status, _ := h.says(&message{Type: typeKey, NewKey: thief.account.PublicKey, NewSignature: "AAAA"}); status != http.StatusForbidden || h.peer().Fingerprint != h.other.fingerprint {
			h.t.Errorf("a key that didn't sign is taken over: %d", status)
		}
	})
}

func TestAnOlderListIsNeverTakenOver(t *testing.T) {
	each(t, func(h *house) {
		ctx := context.Background()
		k := newKeeper(h.t)
		own := h.Node.Host
		take := func(document []byte) error {
			return h.DB.Update(ctx, func(tx *storage.Tx) error { return h.takeOver(ctx, tx, k.org.URI, document) })
		}
		h.fine(h.DB.Update(ctx, func(tx *storage.Tx) error {
			return h.follow(ctx, tx, k.org.URI, k.org.PublicKey, storage.OrgMember, AllTerms(storage.Sibling))
		}))
		second, third := k.list(2, own, "siege.test", "labo.test"), k.list(3, own, "siege.test")
		h.fine(take(second))
		if p := h.peer(); !p.Active() || p.Tier != storage.Sibling || !p.Linked() || p.SharedInbox == "" {
			h.t.Errorf("labo is %+v", p)
		}
		h.fine(take(third))
		if p := h.peer(); p.State != storage.PeerSuspended || p.Reason != "left" {
			h.t.Errorf("labo, off the list, is %s %s", p.State, p.Reason)
		}
		if err := take(second); !errors.Is(err, ErrOldList) {
			h.t.Errorf("the older list gives %v", err)
		}
		if err := take(k.list(3, own, "siege.test", "labo.test")); !errors.Is(err, ErrList) {
			h.t.Errorf("another list of the same version gives %v", err)
		}
		if err := take(newKeeper(h.t).list(9, own, "siege.test", "labo.test")); !errors.Is(err, ErrList) {
			h.t.Errorf("another key's list gives %v", err)
		}
		if p := h.peer(); p.State != storage.PeerSuspended {
			h.t.Errorf("labo is %s again", p.State)
		}
		// Following anew doesn't forget how far we were.
		h.fine(h.DB.Update(ctx, func(tx *storage.Tx) error {
			return h.follow(ctx, tx, k.org.URI, k.org.PublicKey, storage.OrgMember, AllTerms(storage.Sibling))
		}))
		if err := take(second); !errors.Is(err, ErrOldList) {
			h.t.Errorf("after following anew the older list gives %v", err)
		}
		// What an admin here decided stands, whatever the list says; off the list ourselves, we are nobody's sibling.
		h.fine(take(k.list(4, own, "siege.test", "labo.test")))
		h.fine(h.Block(ctx, otherHost))
		h.fine(take(k.list(5, own, "siege.test", "labo.test")))
		if p := h.peer(); p.State != storage.PeerBlocked {
			h.t.Errorf("the list made a blocked peer %s", p.State)
		}
		h.fine(take(k.list(6, "siege.test", "labo.test")))
		if siege, err := h.DB.PeerByHost(ctx, "siege.test"); err != nil || siege.State != storage.PeerSuspended || siege.Tier != storage.Partner {
			h.t.Errorf("after we were taken off siege is %+v (%v)", siege, err)
		}
	})
}
