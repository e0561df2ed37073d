package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// A Marker is how far an account has read a timeline ("home", "notifications"), so that its apps
// on several devices agree.
type Marker struct {
	bun.BaseModel `bun:"table:markers,alias:mk"`
	AccountID     int64  `bun:",pk"`
	Timeline      string `bun:",pk"`
	LastReadID    int64
	Version       int64 // grows with every change
	UpdatedAt     time.Time
}

// Markers lists the account's markers of these timelines.
func (q *Queries) Markers(ctx context.Context, account int64, timelines []string) ([]*Marker, error) {
	var rows []*Marker
	if len(timelines) == 0 {
		return nil, nil
	}
	err := q.idb.NewSelect().Model(&rows).Where("mk.account_id = ? AND mk.timeline IN (?)", account, bun.List(timelines)).Order("mk.timeline").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read markers: %w", err)
	}
	return rows, nil
}

// SetMarker notes how far the account has read.
func (tx *Tx) SetMarker(ctx context.Context, account int64, timeline string, lastRead int64) error {
	m := &Marker{AccountID: account, Timeline: timeline, LastReadID: lastRead, Version: 1, UpdatedAt: tx.Now()}
	_, err := tx.idb.NewInsert().Model(m).On("CONFLICT (account_id, timeline) DO UPDATE").
		Set("last_read_id = EXCLUDED.last_read_id").Set("version = mk.version + 1").Set("updated_at = EXCLUDED.updated_at").Exec(ctx)
	if err != nil {
		return fmt.Errorf("set marker: %w", err)
	}
	return nil
}
