package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// A Report is a complaint about an account and, often, some of its posts, by one of ours or by a peer.
type Report struct {
	bun.BaseModel `bun:"table:reports,alias:re"`

	ID        int64 `bun:",pk"`
	AccountID int64 // who complains; of a peer often its service actor
	TargetID  int64
	URI       string
	Category  string
	Comment   string // text
	Posts     []int64
	Forwarded bool // the target's own node was told
	CreatedAt time.Time
	ClosedAt  time.Time `bun:",nullzero"`
}

// AddReport keeps a complaint; a URI that exists already changes nothing and gives false.
func (tx *Tx) AddReport(ctx context.Context, r *Report) (bool, error) {
	if r.ID == 0 {
		r.ID = tx.NewID(tx.Now())
	}
	if r.URI == "" {
		r.URI = tx.uris.Activity(r.ID)
	}
	r.CreatedAt = tx.Now()
	res, err := tx.idb.NewInsert().Model(r).On("CONFLICT (uri) DO NOTHING").Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("add report: %w", err)
	}
	return changed(res), nil
}

// Reports pages through the complaints that are open, newest first.
func (q *Queries) Reports(ctx context.Context, page Page) ([]*Report, error) {
	var rows []*Report
	if err := page.apply(q.idb.NewSelect().Model(&rows).Where("re.closed_at IS NULL"), "re.id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("list reports: %w", err)
	}
	page.order(rows)
	return rows, nil
}
