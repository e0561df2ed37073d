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

// keyPause is how long a key that could not be had, or was fetched anew, is left alone: a
// thousand requests with one unknown keyId cause one fetch.
const keyPause = 5 * time.Minute

// keyring finds the keys of signatures: stored with their actor, or fetched once.
type keyring struct {
	node *Node
	mu   sync.Mutex
	last map[string]time.Time // keyId → when it was fetched, or tried
}

// maxPaused bounds what strangers' keyIds can make us remember. Only peers' hosts get here.
const maxPaused = 10_000

// Keys is the KeySource of this node's gate.
func (n *Node) Keys() KeySource {
	k := &keyring{node: n, last: map[string]time.Time{}}
	return k.find
}

func (k *keyring) find(ctx context.Context, keyID string, refresh bool) (*Key, error) {
	a, err := k.node.DB.AccountByKeyID(ctx, keyID)
	if err == nil && !a.Local() && !refresh {
		return keyOf(a)
	}
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, fmt.Errorf("%w: %w", ErrKeyUnavailable, err)
	}
	if !k.mayFetch(keyID) {
		if refresh {
			return nil, fmt.Errorf("key %s was fetched a moment ago", keyID)
		}
		return nil, fmt.Errorf("key %s could not be had a moment ago: %w", keyID, ErrKeyUnavailable)
	}
	a, err = k.node.fetchKeyOwner(ctx, keyID)
	if err == nil && refresh {
		// A person's key changes seldom; when it does, the node behind it must still be the one that we know.
		err = k.node.sameNode(ctx, a.Peer)
	}
	if err != nil {
		var status *StatusError
		if errors.As(err, &status) && (status.Status == http.StatusNotFound || status.Status == http.StatusGone) {
			return nil, fmt.Errorf("key %s is gone: %w", keyID, ErrKeyGone)
		}
		if errors.Is(err, ErrUntrusted) {
			return nil, err
		}
		return nil, fmt.Errorf("%w: %w", ErrKeyUnavailable, err)
	}
	return keyOf(a)
}

// sameNode holds a linked peer if its own key isn't the one that was confirmed.
func (n *Node) sameNode(ctx context.Context, host string) error {
	peer, err := n.Peer(ctx, host)
	if err != nil {
		return err
	}
	return n.CheckService(ctx, peer)
}

func (k *keyring) mayFetch(keyID string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.node.DB.Now()
	if last, ok := k.last[keyID]; ok && now.Sub(last) < keyPause {
		return false
	}
	if len(k.last) >= maxPaused {
		for id, at := range k.last {
			if now.Sub(at) >= keyPause {
				delete(k.last, id)
			}
		}
		if len(k.last) >= maxPaused {
			return false
		}
	}
	k.last[keyID] = now
	return true
}

func keyOf(a *storage.Account) (*Key, error) {
	public, err := ParsePublicKey(a.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("key of %s: %w", a.URI, err)
	}
	return &Key{ID: a.KeyID, Owner: a.URI, Public: public}, nil
}
