package storage

import (
	"context"
	"fmt"
	"time"
)

// Population is how many there are, as a node tells everybody who asks what it is.
type Population struct {
	People      int // local accounts
	Posts       int // of this node, as far as the whole network may see them
	Peers       int
	ActiveMonth int // of the people, who posted within four weeks; 0 where that would point at somebody
}

// activeThreshold is the smallest group of people about whom anything is said.
const activeThreshold = 10

// Population counts the node's people, their posts and its peers.
func (q *Queries) Population(ctx context.Context) (Population, error) {
	var p Population
	since := q.now().AddDate(0, 0, -28).Format(time.DateOnly)
	err := q.idb.NewRaw(`SELECT COUNT(*) AS people, (SELECT COUNT(*) FROM posts AS p WHERE p.origin = '' AND `+openTo("p", Nobody)+`) AS posts, COALESCE(SUM(CASE WHEN last_post_on >= ? THEN 1 ELSE 0 END), 0) AS active_month,
		(SELECT COUNT(*) FROM peers WHERE state = ?) AS peers
		FROM accounts WHERE peer = '' AND kind <> ? AND deleted_at IS NULL AND suspended_at IS NULL`, since, PeerActive, Application).Scan(ctx, &p)
	if err != nil {
		return p, fmt.Errorf("count people: %w", err)
	}
	if p.ActiveMonth < activeThreshold {
		p.ActiveMonth = 0
	}
	return p, nil
}
