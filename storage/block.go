package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// A Block is one account that wants nothing to do with another.
type Block struct {
	bun.BaseModel `bun:"table:blocks,alias:bl"`
	ID            int64 `bun:",pk"`
	AccountID     int64 // who blocks
	TargetID      int64
	URI           string
	CreatedAt     time.Time
}

// AddBlock stores a block and ends the follows of the two both ways. Where the pair has one
// already it says false, and keeps the newer id.
func (tx *Tx) AddBlock(ctx context.Context, b *Block) (bool, error) {
	if b.ID == 0 {
		b.ID = tx.NewID(tx.Now())
	}
	if b.URI == "" {
		b.URI = tx.uris.Block(b.ID)
	}
	b.CreatedAt = tx.Now()
	res, err := tx.idb.NewInsert().Model(b).On("CONFLICT (account_id, target_id) DO NOTHING").Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("add block: %w", err)
	}
	if !changed(res) {
		_, err := tx.idb.NewRaw("UPDATE blocks SET uri = ? WHERE account_id = ? AND target_id = ?", b.URI, b.AccountID, b.TargetID).Exec(ctx)
		return false, err
	}
	for _, pair := range [][2]int64{{b.AccountID, b.TargetID}, {b.TargetID, b.AccountID}} {
		f, err := tx.FollowBetween(ctx, pair[0], pair[1])
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return false, err
		}
		if _, err := tx.RemoveFollow(ctx, f); err != nil {
			return false, err
		}
	}
	return true, nil
}

// BlockBetween finds one account's block of another.
func (q *Queries) BlockBetween(ctx context.Context, account, target int64) (*Block, error) {
	b := new(Block)
	if err := q.idb.NewSelect().Model(b).Where("bl.account_id = ? AND bl.target_id = ?", account, target).Scan(ctx); err != nil {
		return nil, notFound("block", err)
	}
	return b, nil
}

// BlockByURI finds a block by the id of its activity.
func (q *Queries) BlockByURI(ctx context.Context, uri string) (*Block, error) {
	b := new(Block)
	if err := q.idb.NewSelect().Model(b).Where("bl.uri = ?", uri).Limit(1).Scan(ctx); err != nil {
		return nil, notFound("block "+uri, err)
	}
	return b, nil
}

// Blocks says whether one account blocks another.
func (q *Queries) Blocks(ctx context.Context, account, target int64) (bool, error) {
	return q.exists(ctx, "SELECT 1 FROM blocks WHERE account_id = ? AND target_id = ?", account, target)
}

// RemoveBlock ends a block; it says whether there was one.
func (tx *Tx) RemoveBlock(ctx context.Context, b *Block) (bool, error) {
	res, err := tx.idb.NewDelete().Model((*Block)(nil)).Where("id = ?", b.ID).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("remove block: %w", err)
	}
	return changed(res), nil
}

// Blocked pages through those whom an account blocks.
func (q *Queries) Blocked(ctx context.Context, account int64, page Page) ([]*Account, []int64, error) {
	var rows []*Block
	s := q.idb.NewSelect().Model(&rows).Join("JOIN accounts AS a ON a.id = bl.target_id").Where("bl.account_id = ? AND a.deleted_at IS NULL", account)
	if err := page.apply(s, "bl.id").Scan(ctx); err != nil {
		return nil, nil, fmt.Errorf("list blocks: %w", err)
	}
	page.order(rows)
	ids, cursors := make([]int64, len(rows)), make([]int64, len(rows))
	for i, b := range rows {
		ids[i], cursors[i] = b.TargetID, b.ID
	}
	return q.accountsInOrder(ctx, ids, cursors)
}
