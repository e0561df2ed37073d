package federation

import (
	"cmp"
	"context"
	"crypto"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// oldestSignature and newestSignature bound what a request may say about when it was signed. A sender signs each
// attempt anew, so an hour is for wrong clocks and slow proxies only.
const (
	oldestSignature = time.Hour
	newestSignature = 5 * time.Minute
)

var (
	// ErrKeyUnavailable is what a KeySource answers when a key may exist but cannot be had just now. The request
	// is answered with 503, so that the peer sends it again.
	ErrKeyUnavailable = errors.New("the key cannot be fetched now")
	// ErrKeyGone is what a KeySource answers when there is no such key, or no longer: 401.
	ErrKeyGone = errors.New("the key is gone")
	// ErrKeyExpired is what a KeySource answers when the key is there and over: 401.
	ErrKeyExpired = errors.New("the key is over")
)

// Key is what a keyId stands for.
type Key struct {
	ID     string           // as the request names it
	Owner  string           // the actor whose key it is; on the same host as ID
	Public crypto.PublicKey // *rsa.PublicKey or ed25519.PublicKey
	Proofs bool             // it may sign activities too
}

// KeySource finds the key of a keyId whose host is permitted. With refresh set, the key it gave before did not
// verify: it fetches again, once, and limits how often it does so; if it may not fetch it gives the old key again.
type KeySource func(ctx context.Context, keyID string, refresh bool) (*Key, error)

// Gate decides whether a request was signed by somebody whom we may hear. All fields are needed; a Gate without
// Permit or Key lets nobody in. It is safe for concurrent use.
type Gate struct {
	// Hosts are our own hosts in normal form; a request signed for another one was meant for somebody else.
	Hosts []string
	// Scheme is that of our addresses; empty is https. Behind a proxy a request doesn't say it.
	Scheme string
	// Now is the clock; nil is the real one.
	Now func() time.Time
	// Permit says whether we hear the host of a key at all. It is asked before any fetch and any arithmetic.
	// Its error means 403, unless it is a *Refusal of its own.
	Permit func(ctx context.Context, host string) error
	// Key finds public keys.
	Key KeySource
}

// Signer is who signed a request that was verified.
type Signer struct {
	KeyID    string
	Owner    string    // URI of the actor
	Host     string    // normal host of KeyID and Owner: the peer
	SignedAt time.Time // by the signer's clock, within the window
	covered  []string  // names of headers, in lower case
}

// Covers says whether a header of the request was signed.
func (s *Signer) Covers(header string) bool {
	return slices.Contains(s.covered, strings.ToLower(header))
}

// Refusal is why a request was not let through.
type Refusal struct {
	Status int    // 400 malformed, 401 not verified, 403 not a peer, 503 ask again later
	Reason string // a constant, for counters and logs: "digest_mismatch"
	Err    error  // the particulars
}

func (r *Refusal) Error() string {
	if r.Err == nil {
		return "signature refused: " + r.Reason
	}
	return fmt.Sprintf("signature refused: %s: %v", r.Reason, r.Err)
}

func (r *Refusal) Unwrap() error { return r.Err }

// keyGone is the reason of a refusal whose key is no longer where it was: the actor may be gone.
const keyGone = "key_gone"

// Gone says whether a request was refused because its key is no longer where it was.
func (r *Refusal) Gone() bool { return r.Reason == keyGone }

func malformed(reason, format string, args ...any) error {
	return &Refusal{http.StatusBadRequest, reason, fmt.Errorf(format, args...)}
}

func unverified(reason, format string, args ...any) error {
	return &Refusal{http.StatusUnauthorized, reason, fmt.Errorf(format, args...)}
}

// Verify lets a request through, or gives a *Refusal. body is what was read of it, all of it. The request is
// only read.
//
// The checks run from cheap to dear: what can be said of the header alone, whether the host of the key is a peer,
// what must be covered, the time, the digest; and only then a key is looked up, and the signature computed.
func (g *Gate) Verify(r *http.Request, body []byte) (*Signer, error) {
	ctx := r.Context()
	claim, err := g.readClaim(r)
	if err != nil {
		return nil, err
	}
	host, err := g.permitted(ctx, claim.keyID)
	if err != nil {
		return nil, err
	}
	if err := g.meantForUs(r); err != nil {
		return nil, err
	}
	signedAt, err := claim.check(r, body, g.now())
	if err != nil {
		return nil, err
	}

	key, err := g.withKey(ctx, claim.keyID, host, func(key *Key) error { return claim.verify(r, key.Public) })
	if err != nil {
		return nil, err
	}
	return &Signer{KeyID: claim.keyID, Owner: key.Owner, Host: host, SignedAt: signedAt, covered: claim.covered}, nil
}

// withKey gives the key by which a signature verifies: the stored one, or that of now.
func (g *Gate) withKey(ctx context.Context, keyID, host string, verify func(*Key) error) (*Key, error) {
	key, err := g.key(ctx, keyID, host, false)
	if err != nil {
		return nil, err
	}
	if err := verify(key); err != nil {
		// Perhaps the key was changed since we stored it.
		fresh, ferr := g.key(ctx, keyID, host, true)
		if refusal := (*Refusal)(nil); errors.As(ferr, &refusal) && (refusal.Status == http.StatusServiceUnavailable || refusal.Gone()) {
			return nil, ferr
		}
		if ferr != nil || sameKey(key.Public, fresh.Public) && key.Proofs == fresh.Proofs {
			return nil, err
		}
		if err := verify(fresh); err != nil {
			return nil, err
		}
		key = fresh
	}
	return key, nil
}

// ParseKeyID reads which key a request says it is signed with, and verifies nothing. The error is a *Refusal.
func ParseKeyID(r *http.Request) (string, error) {
	claim, err := (&Gate{}).readClaim(r)
	if err != nil {
		return "", err
	}
	return claim.keyID, nil
}

func (g *Gate) now() time.Time {
	if g.Now == nil {
		return time.Now()
	}
	return g.Now()
}

// permitted gives the host of a key if it is a peer's.
func (g *Gate) permitted(ctx context.Context, keyID string) (string, error) {
	host, err := HostOf(keyID)
	if err != nil {
		return "", unverified("key_id", "keyId: %w", err)
	}
	if g.Permit == nil {
		return "", &Refusal{http.StatusForbidden, "not_a_peer", errors.New("nobody is permitted")}
	}
	if err := g.Permit(ctx, host); err != nil {
		return "", asRefusal(err, http.StatusForbidden, "not_a_peer")
	}
	return host, nil
}

// meantForUs checks that the Host of the request, which every signature covers, is one of ours. A signature made
// for another node could otherwise be carried here.
func (g *Gate) meantForUs(r *http.Request) error {
	host, err := NormalizeHost(r.Host)
	if err != nil {
		return malformed("host_malformed", "Host: %w", err)
	}
	if !slices.Contains(g.Hosts, host) {
		return unverified("host_mismatch", "Host %s is not ours", host)
	}
	return nil
}

// key looks a key up and checks that whoever owns it is on its host (PROTOCOL: same origin).
func (g *Gate) key(ctx context.Context, keyID, host string, refresh bool) (*Key, error) {
	if g.Key == nil {
		return nil, &Refusal{http.StatusServiceUnavailable, "key_unavailable", ErrKeyUnavailable}
	}
	key, err := g.Key(ctx, keyID, refresh)
	switch {
	case errors.Is(err, ErrKeyUnavailable), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil, asRefusal(err, http.StatusServiceUnavailable, "key_unavailable")
	case errors.Is(err, ErrKeyGone):
		return nil, asRefusal(err, http.StatusUnauthorized, keyGone)
	case errors.Is(err, ErrKeyExpired):
		return nil, asRefusal(err, http.StatusUnauthorized, "key_expired")
	case err != nil:
		return nil, asRefusal(err, http.StatusUnauthorized, "key_refused")
	case key == nil:
		return nil, &Refusal{http.StatusUnauthorized, keyGone, ErrKeyGone}
	}
	if owner, err := HostOf(key.Owner); err != nil || owner != host {
		return nil, unverified("key_owner", "the key on %s belongs to %s", host, shown(key.Owner))
	}
	return key, nil
}

// asRefusal keeps the verdict of a hook that has one, and gives its error ours otherwise.
func asRefusal(err error, status int, reason string) error {
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return refusal
	}
	return &Refusal{status, reason, err}
}

// claim is what the signature of a request says, in whichever scheme it says it.
type claim struct {
	keyID   string
	covered []string // names of headers, in lower case
	// check tells when the request was signed, if the signature covers what it must and the headers are true.
	check func(r *http.Request, body []byte, now time.Time) (time.Time, error)
	// verify computes the signature.
	verify func(r *http.Request, key crypto.PublicKey) error
}

// readClaim reads the signature by RFC 9421 where the request has one, and by draft-cavage otherwise: never one
// by the rules of the other, and never the second when the first fails.
func (g *Gate) readClaim(r *http.Request) (*claim, error) {
	if len(r.Header["Signature-Input"]) > 0 {
		m, err := readRFC9421(r)
		if err != nil {
			return nil, err
		}
		m.scheme = cmp.Or(g.Scheme, "https")
		return &claim{keyID: m.keyID, covered: m.covered, check: m.check, verify: m.verify}, nil
	}
	c, err := readCavage(r)
	if err != nil {
		return nil, err
	}
	return &claim{keyID: c.keyID, covered: c.covered, check: c.check, verify: c.verify}, nil
}

// inWindow says whether a request may have been signed at a time.
func inWindow(signed, now time.Time) error {
	if age := now.Sub(signed); age > oldestSignature {
		return unverified("date_old", "signed %s ago", age)
	} else if -age > newestSignature {
		return unverified("date_future", "signed %s from now", -age)
	}
	return nil
}

// sameKey tells whether a refreshed key is the one that failed. A stored key that is of no use is never the same.
func sameKey(a, b crypto.PublicKey) bool {
	known, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && usableKey(a) == nil && usableKey(b) == nil && known.Equal(b)
}
