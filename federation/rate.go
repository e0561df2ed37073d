package federation

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// rates count the signed requests of each peer in the current minute. They are asked after the
// signature: a stranger can't use up a peer's share by writing its name.
type rates struct {
	mu     sync.Mutex
	minute time.Time
	taken  map[string]int
}

// take says whether one more request fits.
func (c *rates) take(host string, limit int, now time.Time) bool {
	if limit <= 0 {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if minute := now.Truncate(time.Minute); !minute.Equal(c.minute) || c.taken == nil {
		c.minute, c.taken = minute, map[string]int{}
	}
	if c.taken[host] >= limit {
		return false
	}
	c.taken[host]++
	return true
}

// RetryAfterRate is what a peer that asks too often is told to wait.
const RetryAfterRate = "60"

// Admit verifies who signed a request, and counts it against what the peer may ask in a minute.
// The error is a *Refusal.
func (n *Node) Admit(r *http.Request, body []byte) (*Signer, error) {
	signer, err := n.Gate.Verify(r, body)
	if err != nil {
		return nil, err
	}
	peer, err := n.Peer(r.Context(), signer.Host)
	if err != nil {
		return nil, asRefusal(err, http.StatusForbidden, "not_a_peer")
	}
	if !n.rates.take(signer.Host, peer.Rate, n.DB.Now()) {
		return nil, &Refusal{http.StatusTooManyRequests, "too_many_requests", fmt.Errorf("%s may ask %d times a minute", signer.Host, peer.Rate)}
	}
	return signer, nil
}
