package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Two nodes compare who of one follows an account of the other (FEP-8fcf). What is compared is the
// accepted follows; one that still waits is known, but doesn't count.

// FollowerURIs lists, by their ids on the wire, who on a host follows the account, page by page; host
// empty: here. Beside them are the ids that pages count by.
func (q *Queries) FollowerURIs(ctx context.Context, account int64, host string, page Page) (uris []string, cursors []int64, err error) {
	var rows []struct {
		ID  int64
		URI string
	}
	s := q.idb.NewSelect().TableExpr("follows AS f").ColumnExpr("f.id, a.uri").Join("JOIN accounts AS a ON a.id = f.follower_id").
		Where("f.followee_id = ? AND f.state = ? AND a.peer = ? AND a.deleted_at IS NULL", account, Accepted, host)
	if err := page.apply(s, "f.id").Scan(ctx, &rows); err != nil {
		return nil, nil, fmt.Errorf("list followers on host: %w", err)
	}
	for _, r := range rows {
		uris, cursors = append(uris, r.URI), append(cursors, r.ID)
	}
	return uris, cursors, nil
}

// A LocalFollow is the follow by one of ours, with its id on the wire.
type LocalFollow struct {
	Follow
	FollowerURI string
}

// LocalFollowsOf lists who here follows the account or has asked to.
func (q *Queries) LocalFollowsOf(ctx context.Context, account int64) ([]*LocalFollow, error) {
	var rows []*LocalFollow
	err := q.idb.NewSelect().Model((*Follow)(nil)).ColumnExpr("f.*").ColumnExpr("a.uri AS follower_uri").Join("JOIN accounts AS a ON a.id = f.follower_id").
		Where("f.followee_id = ? AND f.follower_local = ?", account, true).Order("f.id").Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("list local followers: %w", err)
	}
	return rows, nil
}

// BeginSync notes that an account's followers here are being compared with its own node's list,
// unless that was done within the time: then it gives false.
func (tx *Tx) BeginSync(ctx context.Context, account int64, within time.Duration) (bool, error) {
	res, err := tx.idb.NewRaw("INSERT INTO follower_syncs (account_id, at) VALUES (?, ?) ON CONFLICT (account_id) DO UPDATE SET at = EXCLUDED.at WHERE follower_syncs.at <= ?",
		account, tx.Now(), tx.Now().Add(-within)).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("begin comparing followers: %w", err)
	}
	return changed(res), nil
}

// LocalByURIs finds active accounts of ours by their ids on the wire; what isn't one is left out.
func (q *Queries) LocalByURIs(ctx context.Context, uris []string) ([]*Account, error) {
	var rows []*Account
	if len(uris) == 0 {
		return nil, nil
	}
	err := q.idb.NewSelect().Model(&rows).Where("a.uri IN (?) AND a.peer = '' AND a.deleted_at IS NULL AND a.kind <> ?", bun.List(uris), Application).Order("a.id").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read accounts: %w", err)
	}
	return rows, nil
}
