package federation

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"ruche/storage"
	"ruche/storage/queue"
)

// This file makes the audit log hard to cut short: where it stands is signed with the service
// actor's key and told to those who will remember, the node's own log and its siblings.

// JobAuditHead tells a sibling where our audit log stands.
const JobAuditHead = "audit-head"

// auditHeadPath is where siblings tell each other.
const auditHeadPath = "/audit/head"

// Limits of a head that somebody tells us.
const (
	maxAuditHead     = 4 << 10
	maxHeadSignature = 1400 // base64 of RSA-8192
	maxHeadAge       = 25 * time.Hour
	maxHeadAhead     = 5 * time.Minute
)

// AuditHeads tells others where this node's audit log stands.
type AuditHeads struct {
	Node *Node
	mu   sync.Mutex
	told storage.AuditHead // what the log had last
}

// Register tells the queue who does its jobs.
func (a *AuditHeads) Register(q *queue.Queue) { q.Handle(JobAuditHead, a.send) }

// Tell is called every minute: the log gets the signed head if it has changed, and once a day every
// active sibling.
func (a *AuditHeads) Tell(ctx context.Context) error {
	head, err := a.Node.DB.AuditHead(ctx)
	if err != nil || head.Count == 0 {
		return err
	}
	if err := a.log(ctx, head); err != nil {
		return err
	}
	return a.Node.DB.Update(ctx, func(tx *storage.Tx) error {
		due, err := tx.TakeAuditDay(ctx)
		if err != nil || !due {
			return err
		}
		siblings, err := activeSiblings(ctx, &tx.Queries)
		if err != nil {
			return err
		}
		jobs := make([]storage.NewJob, len(siblings))
		for i, host := range siblings {
			jobs[i] = storage.NewJob{Kind: JobAuditHead, Host: host, Args: struct{}{}}
		}
		return tx.Enqueue(ctx, jobs...)
	})
}

func (a *AuditHeads) log(ctx context.Context, head storage.AuditHead) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if head == a.told {
		return nil
	}
	h, err := a.Node.signHead(ctx, head)
	if err != nil {
		return err
	}
	a.Node.Log.InfoContext(ctx, "audit head", "host", h.Host, "count", h.Count, "head", h.Head, "at", h.At.Format(time.RFC3339Nano), "signature", h.Signature)
	a.told = head
	return nil
}

func activeSiblings(ctx context.Context, q *storage.Queries) ([]string, error) {
	peers, err := q.Peers(ctx)
	if err != nil {
		return nil, err
	}
	var hosts []string
	for _, p := range peers {
		if p.Active() && p.Tier == storage.Sibling && !strings.HasPrefix(p.Host, "*.") {
			hosts = append(hosts, p.Host)
		}
	}
	return hosts, nil
}

func (n *Node) serviceKey(ctx context.Context) (*storage.Account, crypto.PrivateKey, error) {
	service, err := n.DB.ServiceActor(ctx)
	if err != nil {
		return nil, nil, err
	}
	key, err := ParsePrivateKey(service.PrivateKey)
	if err != nil {
		return nil, nil, fmt.Errorf("key of the service actor: %w", err)
	}
	return service, key, nil
}

// signHead signs where the log stands now.
func (n *Node) signHead(ctx context.Context, head storage.AuditHead) (*storage.SignedHead, error) {
	_, key, err := n.serviceKey(ctx)
	if err != nil {
		return nil, err
	}
	h := &storage.SignedHead{Host: n.Host, Count: head.Count, Head: head.Hash, At: n.DB.Now()}
	var raw []byte
	switch key := key.(type) {
	case *rsa.PrivateKey:
		sum := sha256.Sum256([]byte(h.Statement()))
		raw, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	case ed25519.PrivateKey:
		raw = ed25519.Sign(key, []byte(h.Statement()))
	}
	if err != nil {
		return nil, fmt.Errorf("sign audit head: %w", err)
	}
	h.Signature = base64.StdEncoding.EncodeToString(raw)
	return h, nil
}

// verifyHead checks the signature of a head against a public key in PEM.
func verifyHead(h *storage.SignedHead, publicKey string) error {
	key, err := ParsePublicKey(publicKey)
	if err != nil {
		return err
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(h.Signature)
	if err != nil {
		return fmt.Errorf("signature of audit head: %w", err)
	}
	switch key := key.(type) {
	case *rsa.PublicKey:
		sum := sha256.Sum256([]byte(h.Statement()))
		if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], raw); err != nil {
			return fmt.Errorf("signature of audit head: %w", err)
		}
		return nil
	case ed25519.PublicKey:
		if ed25519.Verify(key, []byte(h.Statement()), raw) {
			return nil
		}
	}
	return errors.New("signature of audit head: it doesn't fit")
}

// send carries out one telling. What is told is where the log stands now, not when it was queued.
func (a *AuditHeads) send(ctx context.Context, job *storage.Job) error {
	n := a.Node
	peer, err := n.DB.PeerByHost(ctx, job.Host)
	if errors.Is(err, storage.ErrNotFound) || err == nil && (!peer.Active() || peer.Tier != storage.Sibling) {
		return nil // no sibling any more: the next day asks who is
	}
	if err != nil {
		return err
	}
	head, err := n.DB.AuditHead(ctx)
	if err != nil {
		return err
	}
	h, err := n.signHead(ctx, head)
	if err != nil {
		return err
	}
	body, err := json.Marshal(h)
	if err != nil {
		return err
	}
	service, key, err := n.serviceKey(ctx)
	if err != nil {
		return err
	}
	result, err := n.Client.Post(ctx, n.scheme()+"://"+job.Host+auditHeadPath, body, func(r *http.Request) error {
		r.Header.Set("Content-Type", "application/json")
		return Sign(r, body, service.KeyID, key, n.DB.Now())
	})
	if err != nil {
		return &queue.HostError{Err: err}
	}
	switch s := result.Status; {
	case s >= 200 && s < 300:
		return nil
	case s == http.StatusNotFound, s == http.StatusMethodNotAllowed, s == http.StatusGone, s == http.StatusNotImplemented:
		return nil // it runs something that keeps no heads
	case s == http.StatusConflict:
		n.Log.ErrorContext(ctx, "a sibling remembers another audit log than this: verify it", "host", job.Host, "count", h.Count, "head", h.Head)
		return queue.Permanent(fmt.Errorf("%s remembers another audit log of this node: %s", job.Host, result.Body))
	case s == http.StatusUnauthorized, s == http.StatusForbidden:
		return &queue.HostError{Err: fmt.Errorf("%s refuses us: %d %s", job.Host, s, result.Body), Answered: true, Refusing: true}
	case s == http.StatusRequestTimeout, s == http.StatusTooManyRequests, s >= 500:
		return &queue.HostError{Err: fmt.Errorf("%s answered %d", job.Host, s), Answered: true, After: result.RetryAfter}
	default:
		return queue.Permanent(fmt.Errorf("%s answered %d: %s", job.Host, s, result.Body))
	}
}

// siblingAsking verifies that an active sibling's own actor signed a request; it has been answered
// when it returns nil.
func (n *Node) siblingAsking(w http.ResponseWriter, r *http.Request, body []byte) *storage.Account {
	w.Header().Set("Cache-Control", "private")
	signer, err := n.Gate.Verify(r, body)
	if err != nil {
		n.Refuse(w, r, err)
		return nil
	}
	ctx := r.Context()
	peer, err := n.Peer(ctx, signer.Host)
	if err != nil || peer.Tier != storage.Sibling {
		n.fail(w, r, http.StatusForbidden, "only the siblings of this node tell it of their audit logs")
		return nil
	}
	actor, err := n.DB.AccountByURI(ctx, signer.Owner)
	if err != nil || actor.Kind != storage.Application || actor.Peer != signer.Host {
		n.fail(w, r, http.StatusForbidden, "only a node's own actor tells of its audit log")
		return nil
	}
	return actor
}

// KeepAuditHead is POST /audit/head: a sibling tells where its audit log stands.
func (n *Node) KeepAuditHead(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAuditHead))
	if err != nil {
		n.fail(w, r, http.StatusRequestEntityTooLarge, "this is more than a head")
		return
	}
	actor := n.siblingAsking(w, r, body)
	if actor == nil {
		return
	}
	h, err := readAuditHead(body, actor.Peer, n.DB.Now())
	if err == nil {
		err = verifyHead(h, actor.PublicKey)
	}
	if err != nil {
		n.Log.InfoContext(r.Context(), "audit head refused", "host", actor.Peer, "err", err)
		n.fail(w, r, http.StatusUnprocessableEntity, "this is no head that your node signed now")
		return
	}
	h.PublicKey = actor.PublicKey
	kept := false
	err = n.DB.Update(r.Context(), func(tx *storage.Tx) error {
		kept, err = tx.KeepAuditHead(r.Context(), h)
		return err
	})
	switch {
	case err != nil:
		n.broken(w, r, err)
	case !kept:
		n.Log.WarnContext(r.Context(), "a sibling's audit log no longer continues what it told us", "host", h.Host, "count", h.Count, "head", h.Head)
		n.fail(w, r, http.StatusConflict, "this doesn't continue what this node remembers of your audit log")
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// readAuditHead reads a head of host as it came, and bounds everything in it.
func readAuditHead(body []byte, host string, now time.Time) (*storage.SignedHead, error) {
	h := new(storage.SignedHead)
	if err := json.Unmarshal(body, h); err != nil {
		return nil, fmt.Errorf("audit head: %w", err)
	}
	known, err := storage.ParseHead(h.Head)
	switch {
	case err != nil || known.Count >= 0 || known.Hash != h.Head:
		return nil, fmt.Errorf("audit head: %s is no hash", shown(h.Head))
	case h.Host != host:
		return nil, fmt.Errorf("audit head: of %s, from %s", shown(h.Host), host)
	case h.Count < 1:
		return nil, fmt.Errorf("audit head: after %d entries", h.Count)
	case h.At.Before(now.Add(-maxHeadAge)) || h.At.After(now.Add(maxHeadAhead)):
		return nil, fmt.Errorf("audit head: of %s", h.At)
	case len(h.Signature) > maxHeadSignature:
		return nil, errors.New("audit head: the signature is too long")
	}
	h.At = h.At.UTC().Truncate(time.Microsecond) // as fine as it is signed and kept
	return h, nil
}

// AuditHeadOf is GET /audit/head: what we remember of the audit log of the sibling that asks.
func (n *Node) AuditHeadOf(w http.ResponseWriter, r *http.Request) {
	actor := n.siblingAsking(w, r, nil)
	if actor == nil {
		return
	}
	h, err := n.DB.LastAuditHead(r.Context(), actor.Peer)
	if errors.Is(err, storage.ErrNotFound) {
		n.fail(w, r, http.StatusNotFound, "this node remembers no head of your audit log")
		return
	}
	if err != nil {
		n.broken(w, r, err)
		return
	}
	n.json(w, r, http.StatusOK, "application/json", h)
}

// RememberedHeads asks every active sibling what it remembers of this node's audit log. Who can't say
// is in the error; the others count all the same.
func (n *Node) RememberedHeads(ctx context.Context) ([]storage.KnownHead, error) {
	siblings, err := activeSiblings(ctx, &n.DB.Queries)
	if err != nil {
		return nil, err
	}
	service, err := n.DB.ServiceActor(ctx)
	if err != nil {
		return nil, err
	}
	sign, err := n.signAsService(ctx)
	if err != nil {
		return nil, err
	}
	var known []storage.KnownHead
	var faults []error
	for _, host := range siblings {
		h, err := n.rememberedBy(ctx, host, service.PublicKey, sign)
		if err != nil {
			faults = append(faults, fmt.Errorf("ask %s: %w", host, err))
			continue
		}
		known = append(known, storage.KnownHead{Source: host, Count: h.Count, Hash: h.Head})
	}
	return known, errors.Join(faults...)
}

func (n *Node) rememberedBy(ctx context.Context, host, publicKey string, sign func(*http.Request) error) (*storage.SignedHead, error) {
	resp, err := n.Client.Get(ctx, n.scheme()+"://"+host+auditHeadPath, "application/json", sign, maxAuditHead)
	if err != nil {
		return nil, err
	}
	if resp.Status != http.StatusOK {
		return nil, &StatusError{Status: resp.Status}
	}
	h := new(storage.SignedHead)
	if err := json.Unmarshal(resp.Body, h); err != nil {
		return nil, fmt.Errorf("audit head: %w", err)
	}
	if h.Host != n.Host {
		return nil, fmt.Errorf("it gave a head of %s", shown(h.Host))
	}
	if err := verifyHead(h, publicKey); err != nil {
		return nil, fmt.Errorf("the head that it gave was not signed with the present key of this node: %w", err)
	}
	return h, nil
}
