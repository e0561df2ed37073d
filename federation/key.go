package federation

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"ruche/storage"
)

const (
	// keyPause is how long a key that could not be had, or was fetched anew, is left alone: a
	// thousand requests with one unknown keyId cause one fetch.
	keyPause = 5 * time.Minute
	// keyAge is how old a stored key may be before its actor is read again at the next use. When its
	// host is away then, the old key still counts.
	keyAge = 48 * time.Hour
	// maxKeysOfHost bounds how many different keyIds make us ask one host within keyPause, and so what
	// strangers' keyIds can make us remember. Only peers' hosts get here, and each has its own share.
	maxKeysOfHost = 1000
	// maxKeyHosts bounds the hosts: only a rule for all subdomains of a domain lets there be so many.
	maxKeyHosts = 10_000
)

// keyring finds the keys of signatures: stored with their actor, or fetched once.
type keyring struct {
	node  *Node
	mu    sync.Mutex
	hosts map[string]map[string]*keyFetch // host → keyId
	tidy  time.Time                       // when what is over was dropped last
}

// keyFetch is the last time that a key was asked for. Whoever needs the same key meanwhile waits for the answer.
type keyFetch struct {
	at   time.Time
	done chan struct{}
	err  error // set before done is closed
}

// Keys is the KeySource of this node's gate.
func (n *Node) Keys() KeySource {
	k := &keyring{node: n, hosts: map[string]map[string]*keyFetch{}}
	return k.find
}

func (k *keyring) find(ctx context.Context, keyID string, refresh bool) (*Key, error) {
	stored, err := k.stored(ctx, keyID)
	switch {
	case err == nil && !refresh && !stored.old:
		return stored.use()
	case err != nil && !errors.Is(err, storage.ErrNotFound):
		return nil, fmt.Errorf("%w: %w", ErrKeyUnavailable, err)
	}
	if err := k.fetch(ctx, keyID); err != nil {
		if stored != nil && !refresh && errors.Is(err, ErrKeyUnavailable) {
			return stored.use() // it is old, and its host away
		}
		return nil, err
	}
	// Also when it was fetched a moment ago, by another request: that may be what this one lacks.
	if stored, err = k.stored(ctx, keyID); errors.Is(err, storage.ErrNotFound) {
		return nil, fmt.Errorf("key %s: %w", keyID, ErrKeyGone)
	} else if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeyUnavailable, err)
	}
	return stored.use()
}

// proofAge is how long a linked node that showed that it has its key isn't asked again.
const proofAge = 5 * time.Minute

// sameNode is asked when a key is new here, or another than before: a linked peer must show that it still has the key
// that was confirmed. Its document alone shows nothing: whoever took its name can serve a copy.
func (n *Node) sameNode(ctx context.Context, host string) error {
	peer, err := n.Peer(ctx, host)
	if err != nil || !peer.Linked() {
		return err
	}
	if n.Prove == nil {
		err = n.CheckService(ctx, peer)
		if status := (*StatusError)(nil); errors.As(err, &status) {
			return fmt.Errorf("%w: %w", ErrKeyUnavailable, err) // that the node's own actor is gone says nothing of a person's
		}
		return err
	}
	now := n.DB.Now()
	if at, ok := n.proven.Load(host); ok && now.Sub(at.(time.Time)) < proofAge && now.Sub(at.(time.Time)) >= 0 {
		return nil
	}
	if err := n.Prove(ctx, peer); err != nil {
		return err
	}
	n.proven.Store(host, now)
	return nil
}

// storedKey is a key with what is known of its owner.
type storedKey struct {
	*storage.Key
	owner *storage.Account
	now   time.Time
	old   bool // its actor was read long ago
}

func (k *keyring) stored(ctx context.Context, keyID string) (*storedKey, error) {
	key, err := k.node.DB.KeyByID(ctx, keyID)
	if err != nil {
		return nil, err
	}
	owner, err := k.node.DB.AccountByID(ctx, key.AccountID)
	if err != nil {
		return nil, err
	}
	if owner.Local() {
		return nil, fmt.Errorf("key %s is ours: %w", keyID, storage.ErrNotFound)
	}
	now := k.node.DB.Now()
	return &storedKey{Key: key, owner: owner, now: now, old: now.Sub(owner.FetchedAt) > keyAge}, nil
}

func (s *storedKey) use() (*Key, error) {
	if !s.ExpiresAt.IsZero() && !s.now.Before(s.ExpiresAt) {
		return nil, fmt.Errorf("key %s expired or was revoked: %w", s.ID, ErrKeyExpired)
	}
	public, err := ParsePublicKey(s.Public)
	if err != nil {
		return nil, fmt.Errorf("key of %s: %w", s.owner.URI, err)
	}
	return &Key{ID: s.ID, Owner: s.owner.URI, Public: public, Proofs: s.Proofs}, nil
}

// fetch reads the actor of a key from its host, at most once per keyPause; within it the answer of that time
// counts, so that a key which was gone isn't good again a second later.
func (k *keyring) fetch(ctx context.Context, keyID string) error {
	f, mine, err := k.begin(keyID)
	if err != nil {
		return err
	}
	if mine {
		// What came of it is for all who wait, so it doesn't end with the one who asked first.
		ctx := context.WithoutCancel(ctx)
		var err error
		// The node behind a key must still be the one that we know, before anything new of it is stored.
		if host, hostErr := HostOf(keyID); hostErr == nil {
			err = k.node.sameNode(ctx, host)
		}
		if err == nil {
			_, err = k.node.fetchKeyOwner(ctx, keyID)
		}
		f.err = keyVerdict(keyID, err)
		close(f.done)
	}
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrKeyUnavailable, ctx.Err())
	}
}

func keyVerdict(keyID string, err error) error {
	var status *StatusError
	switch {
	case err == nil, errors.Is(err, ErrKeyUnavailable):
		return err
	case errors.As(err, &status) && (status.Status == http.StatusNotFound || status.Status == http.StatusGone):
		return fmt.Errorf("key %s: %w", keyID, ErrKeyGone)
	case errors.Is(err, ErrUntrusted), errors.Is(err, storage.ErrExists), errors.Is(err, ErrNotPeer):
		return fmt.Errorf("key %s: %w", keyID, err)
	}
	return fmt.Errorf("key %s: %w: %w", keyID, ErrKeyUnavailable, err)
}

// begin gives the fetch that counts for a key now, and whether it is the caller's to make.
func (k *keyring) begin(keyID string) (f *keyFetch, mine bool, err error) {
	host, err := HostOf(keyID)
	if err != nil {
		return nil, false, fmt.Errorf("%w: %w", err, ErrUntrusted)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.node.DB.Now()
	if now.Sub(k.tidy) >= keyPause {
		k.forget(now)
	}
	asked := k.hosts[host]
	if f := asked[keyID]; f != nil && now.Sub(f.at) < keyPause {
		return f, false, nil
	}
	if len(asked) >= maxKeysOfHost || asked == nil && len(k.hosts) >= maxKeyHosts {
		return nil, false, fmt.Errorf("%s was asked for %d keys just now: %w", host, len(asked), ErrKeyUnavailable)
	}
	if asked == nil {
		asked = map[string]*keyFetch{}
		k.hosts[host] = asked
	}
	f = &keyFetch{at: now, done: make(chan struct{})}
	asked[keyID] = f
	return f, true, nil
}

// forget drops what is older than the pause.
func (k *keyring) forget(now time.Time) {
	k.tidy = now
	for host, asked := range k.hosts {
		for id, f := range asked {
			if now.Sub(f.at) >= keyPause {
				delete(asked, id)
			}
		}
		if len(asked) == 0 {
			delete(k.hosts, host)
		}
	}
}
