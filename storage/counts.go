package storage

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// counted are the tables whose rows say what a node has taken in.
var counted = []string{"accounts", "users", "peers", "follows", "posts", "post_edits", "mentions", "hashtags", "home", "reach", "media",
	"likes", "bookmarks", "notifications", "jobs", "job_bodies", "hosts", "ended_activities", "tokens", "sessions", "markers",
	"thread_gaps", "thread_fetches", "follower_syncs", "communities", "community_people", "community_posts"}

// Counts tells how many rows each table has, for diagnosis and for tests that say "nothing changed".
func (q *Queries) Counts(ctx context.Context) (map[string]int, error) {
	out := make(map[string]int, len(counted))
	for _, table := range counted {
		var n int
		if err := q.idb.NewRaw("SELECT COUNT(*) FROM ?", bun.Ident(table)).Scan(ctx, &n); err != nil {
			return nil, fmt.Errorf("count %s: %w", table, err)
		}
		out[table] = n
	}
	return out, nil
}
