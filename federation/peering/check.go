package peering

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"ruche/federation"
	"ruche/storage"
)

// A Tried is one step of testing a link.
type Tried struct {
	Step string `json:"step"` // listed, webfinger, actor, key, fetch, ping
	OK   bool   `json:"ok"`
	// Code is what fails in a word, for those who say it in their own language: unlisted, inactive, unnamed, unreadable,
	// other_key, silent, signature, refused, too_many, broken.
	Code string `json:"code,omitempty"`
	// Said is what was found, or what fails and what to do about it.
	Said string `json:"said"`
}

// Test walks the link with a host step by step and stops at the first that fails: is it listed, does WebFinger name its
// actor, can that be read, is its key the one that we know, does it answer our signature, and does it take
// what we send.
func (p *Peering) Test(ctx context.Context, host string) ([]Tried, error) {
	var steps []Tried
	ok := func(step, format string, args ...any) {
		steps = append(steps, Tried{Step: step, OK: true, Said: fmt.Sprintf(format, args...)})
	}
	fail := func(step, code, format string, args ...any) []Tried {
		return append(steps, Tried{step, false, code, fmt.Sprintf(format, args...)})
	}
	peer, err := p.DB.PeerByHost(ctx, host)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return fail("listed", "unlisted", "%s isn't on this node's list: allow it, or invite it", host), nil
	case err != nil:
		return nil, err
	case !peer.Active():
		return fail("listed", "inactive", "%s is %s here, so nothing passes", host, stateWords(peer)), nil
	}
	ok("listed", "%s is an active %s", host, peer.Tier)

	uri, err := p.Node.ServiceURI(ctx, host)
	if err != nil && peer.ServiceActor != "" {
		uri = peer.ServiceActor
		ok("webfinger", "%s names no actor of its own by WebFinger (%v); we know it from the handshake", host, err)
	} else if err != nil {
		return fail("webfinger", "unnamed", "%s names no actor of its own by WebFinger: %s", host, inWords(err)), nil
	} else {
		ok("webfinger", "it names its actor %s", uri)
	}

	seen, err := p.Node.Introduce(ctx, uri)
	if err != nil {
		return fail("actor", "unreadable", "its actor can't be read without a signature: %s", inWords(err)), nil
	}
	ok("actor", "its actor can be read")
	if peer.Linked() && seen.Fingerprint != peer.Fingerprint {
		return fail("key", "other_key", "it shows the key %s, and we know %s: compare codes with its admin", ShowFingerprint(seen.Fingerprint), ShowFingerprint(peer.Fingerprint)), nil
	}
	ok("key", "its key is %s", ShowFingerprint(seen.Fingerprint))

	me, err := p.self(ctx)
	if err != nil {
		return nil, err
	}
	get := func(r *http.Request) error {
		return federation.Sign(r, nil, me.account.KeyID, me.key, p.DB.Now())
	}
	res, err := p.Node.Client.Get(ctx, uri+"/outbox", "application/activity+json", get, 1<<20)
	if err != nil {
		return fail("fetch", "silent", "a signed question gets no answer: %s", inWords(err)), nil
	}
	switch s := res.Status; {
	case s == http.StatusUnauthorized:
		return fail("fetch", "signature", "it doesn't accept our signature (401): its clock may be wrong, or it can't read our key at %s", me.account.URI), nil
	case s == http.StatusForbidden:
		return fail("fetch", "refused", "it knows who asks and refuses (403): its admin hasn't allowed %s, or has suspended it", p.Node.Host), nil
	case s == http.StatusTooManyRequests:
		return fail("fetch", "too_many", "it says that we ask too often (429): wait a minute"), nil
	case s >= 500:
		return fail("fetch", "broken", "it can't answer (%d): its log says why", s), nil
	}
	ok("fetch", "it answers our signature")
	return p.ping(ctx, me, peer, seen, steps)
}

// ping sends an activity that means nothing: every server answers whether it would have taken it.
func (p *Peering) ping(ctx context.Context, me *self, peer *storage.Peer, seen *federation.Introduced, steps []Tried) ([]Tried, error) {
	var id string
	if err := p.DB.Update(ctx, func(tx *storage.Tx) error {
		id = tx.URIs().Activity(tx.NewID(tx.Now()))
		return nil
	}); err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]any{"@context": "https://www.w3.org/ns/activitystreams", "id": id, "type": "Ping", "actor": me.account.URI, "object": seen.Actor, "to": []string{seen.Actor}})
	if err != nil {
		return nil, err
	}
	res, err := p.Node.Client.Post(ctx, seen.Inbox, body, func(r *http.Request) error {
		return federation.Sign(r, body, me.account.KeyID, me.key, p.DB.Now())
	})
	switch {
	case err != nil:
		return append(steps, Tried{"ping", false, "silent", "its inbox doesn't answer: " + inWords(err)}), nil
	case res.Status >= 200 && res.Status < 300:
		steps = append(steps, Tried{"ping", true, "", "its inbox takes what we sign"})
		software, err := p.software(ctx, peer.Host)
		if err != nil {
			return steps, nil // it needn't say
		}
		return steps, p.DB.Update(ctx, func(tx *storage.Tx) error { return tx.PeerChecked(ctx, peer.Host, software) })
	}
	return append(steps, Tried{"ping", false, "broken", fmt.Sprintf("its inbox answers %d %s: a proxy before it may change requests or refuse POST", res.Status, http.StatusText(res.Status))}), nil
}

func stateWords(p *storage.Peer) string {
	switch p.Reason {
	case "key_changed":
		return "suspended because another key appeared"
	case "left":
		return "suspended because it left the organisation"
	case "revoked":
		return "suspended because its admin ended the link"
	}
	if p.State == storage.PeerExpired {
		return "suspended since its end date " + p.EndsAt.Format("2006-01-02")
	}
	return p.State
}

// inWords is an error as far as it helps an admin.
func inWords(err error) string {
	var status *federation.StatusError
	switch {
	case errors.As(err, &status):
		return fmt.Sprintf("it answered %d", status.Status)
	case errors.Is(err, storage.ErrNotFound):
		return "it knows nobody of that name"
	}
	return err.Error()
}
