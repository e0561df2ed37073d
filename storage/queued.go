package storage

import (
	"context"
	"fmt"
)

// Queued says whether a job of an order key isn't finished yet, so that nobody's repeating makes a second one.
func (tx *Tx) Queued(ctx context.Context, key string) (bool, error) {
	var n int
	if err := tx.idb.NewRaw("SELECT COUNT(*) FROM jobs WHERE order_key = ? AND state IN "+unfinished, key).Scan(ctx, &n); err != nil {
		return false, fmt.Errorf("look for jobs of %s: %w", key, err)
	}
	return n > 0, nil
}
