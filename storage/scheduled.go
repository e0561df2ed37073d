package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// A ScheduledPost is a draft that is posted later. What it says is the outbox's, as JSON.
type ScheduledPost struct {
	bun.BaseModel `bun:"table:scheduled_posts,alias:sp"`
	ID            int64 `bun:",pk"`
	AccountID     int64
	At            time.Time
	Draft         string
	Media         []int64
	Error         string // why it could not be posted
	CreatedAt     time.Time
}

// AddScheduled keeps a draft for later.
func (tx *Tx) AddScheduled(ctx context.Context, s *ScheduledPost) error {
	s.ID, s.CreatedAt = tx.NewID(tx.Now()), tx.Now()
	_, err := tx.idb.NewInsert().Model(s).Exec(ctx)
	return wrap("schedule post", err)
}

// SaveScheduled stores another time, or why a draft could not be posted.
func (tx *Tx) SaveScheduled(ctx context.Context, s *ScheduledPost) error {
	_, err := tx.idb.NewUpdate().Model(s).Column("at", "error").WherePK().Exec(ctx)
	return wrap("change scheduled post", err)
}

// RemoveScheduled forgets a draft; it says whether there was one.
func (tx *Tx) RemoveScheduled(ctx context.Context, id int64) (bool, error) {
	res, err := tx.idb.NewRaw("DELETE FROM scheduled_posts WHERE id = ?", id).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("remove scheduled post: %w", err)
	}
	return changed(res), nil
}

// Scheduled pages through an account's drafts for later.
func (q *Queries) Scheduled(ctx context.Context, account int64, page Page) ([]*ScheduledPost, error) {
	var rows []*ScheduledPost
	if err := page.apply(q.idb.NewSelect().Model(&rows).Where("sp.account_id = ?", account), "sp.id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("list scheduled posts: %w", err)
	}
	page.order(rows)
	return rows, nil
}

// CountScheduled counts an account's drafts for later, and those of one day.
func (q *Queries) CountScheduled(ctx context.Context, account int64, day time.Time) (all, thatDay int, err error) {
	var row struct{ Everything, That int }
	begin := day.UTC().Truncate(24 * time.Hour)
	err = q.idb.NewRaw("SELECT COUNT(*) AS everything, COALESCE(SUM(CASE WHEN at >= ? AND at < ? THEN 1 ELSE 0 END), 0) AS that FROM scheduled_posts WHERE account_id = ?", begin, begin.AddDate(0, 0, 1), account).Scan(ctx, &row)
	return row.Everything, row.That, wrap("count scheduled posts", err)
}

// ScheduledByID finds a draft for later, whosever it is (account 0) or one of the account's own.
func (q *Queries) ScheduledByID(ctx context.Context, account, id int64) (*ScheduledPost, error) {
	s := new(ScheduledPost)
	sel := q.idb.NewSelect().Model(s).Where("sp.id = ?", id)
	if account != 0 {
		sel = sel.Where("sp.account_id = ?", account)
	}
	if err := sel.Scan(ctx); err != nil {
		return nil, notFound("scheduled post", err)
	}
	return s, nil
}
