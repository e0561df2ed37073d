package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// A Mute hides somebody from its owner, without them knowing.
type Mute struct {
	bun.BaseModel `bun:"table:mutes,alias:mu"`
	ID            int64 `bun:",pk"`
	AccountID     int64
	TargetID      int64
	Notifications bool      // what they do isn't told either
	ExpiresAt     time.Time `bun:",nullzero"`
	CreatedAt     time.Time
}

// AddMute hides somebody, or changes for how long and how far.
func (tx *Tx) AddMute(ctx context.Context, m *Mute) error {
	m.ID, m.CreatedAt = tx.NewID(tx.Now()), tx.Now()
	_, err := tx.idb.NewInsert().Model(m).On("CONFLICT (account_id, target_id) DO UPDATE").
		Set("notifications = EXCLUDED.notifications").Set("expires_at = EXCLUDED.expires_at").Exec(ctx)
	return wrap("add mute", err)
}

// RemoveMute shows somebody again.
func (tx *Tx) RemoveMute(ctx context.Context, account, target int64) error {
	_, err := tx.idb.NewDelete().Model((*Mute)(nil)).Where("account_id = ? AND target_id = ?", account, target).Exec(ctx)
	return wrap("remove mute", err)
}

// Mutes pages through those whom the account hides now, with the mutes beside them.
func (q *Queries) Mutes(ctx context.Context, account int64, page Page) ([]*Account, []*Mute, error) {
	var mutes []*Mute
	s := q.idb.NewSelect().Model(&mutes).Join("JOIN accounts AS a ON a.id = mu.target_id").
		Where("mu.account_id = ? AND a.deleted_at IS NULL AND (mu.expires_at IS NULL OR mu.expires_at > ?)", account, q.now())
	if err := page.apply(s, "mu.id").Scan(ctx); err != nil {
		return nil, nil, fmt.Errorf("list mutes: %w", err)
	}
	page.order(mutes)
	ids := make([]int64, len(mutes))
	for i, m := range mutes {
		ids[i] = m.TargetID
	}
	byID, err := q.AccountsByID(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	accounts := make([]*Account, len(mutes))
	for i, id := range ids {
		accounts[i] = byID[id]
	}
	return accounts, mutes, nil
}

// MuteThread stops telling an account of a conversation.
func (tx *Tx) MuteThread(ctx context.Context, account, thread int64) error {
	_, err := tx.idb.NewRaw("INSERT INTO thread_mutes (account_id, thread_id, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", account, thread, tx.Now()).Exec(ctx)
	return wrap("mute conversation", err)
}

// UnmuteThread tells an account of a conversation again.
func (tx *Tx) UnmuteThread(ctx context.Context, account, thread int64) error {
	_, err := tx.idb.NewRaw("DELETE FROM thread_mutes WHERE account_id = ? AND thread_id = ?", account, thread).Exec(ctx)
	return wrap("unmute conversation", err)
}

// MutedThreads lists, of the conversations, those that the account has muted.
func (q *Queries) MutedThreads(ctx context.Context, account int64, threads []int64) (map[int64]bool, error) {
	out := map[int64]bool{}
	if account == Nobody || len(threads) == 0 {
		return out, nil
	}
	var ids []int64
	if err := q.idb.NewRaw("SELECT thread_id FROM thread_mutes WHERE account_id = ? AND thread_id IN (?)", account, bun.List(threads)).Scan(ctx, &ids); err != nil {
		return nil, fmt.Errorf("read muted conversations: %w", err)
	}
	for _, id := range ids {
		out[id] = true
	}
	return out, nil
}

// HideHost hides a whole host from an account; ShowHost undoes it.
func (tx *Tx) HideHost(ctx context.Context, account int64, host string) error {
	_, err := tx.idb.NewRaw("INSERT INTO hidden_hosts (id, account_id, host, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", tx.NewID(tx.Now()), account, host, tx.Now()).Exec(ctx)
	return wrap("hide host", err)
}

// ShowHost shows a hidden host's people again.
func (tx *Tx) ShowHost(ctx context.Context, account int64, host string) error {
	_, err := tx.idb.NewRaw("DELETE FROM hidden_hosts WHERE account_id = ? AND host = ?", account, host).Exec(ctx)
	return wrap("show host", err)
}

// HiddenHosts pages through the hosts that an account hides, with the ids that pages count by.
func (q *Queries) HiddenHosts(ctx context.Context, account int64, page Page) (hosts []string, cursors []int64, err error) {
	var rows []*hiddenHost
	s := q.idb.NewSelect().Model(&rows).Where("hh.account_id = ?", account)
	if err := page.apply(s, "hh.id").Scan(ctx); err != nil {
		return nil, nil, fmt.Errorf("list hidden hosts: %w", err)
	}
	page.order(rows)
	for _, r := range rows {
		hosts, cursors = append(hosts, r.Host), append(cursors, r.ID)
	}
	return hosts, cursors, nil
}

type hiddenHost struct {
	bun.BaseModel `bun:"table:hidden_hosts,alias:hh"`
	ID            int64 `bun:",pk"`
	Host          string
}

// SetNote keeps what an account notes for itself about somebody; an empty note goes.
func (tx *Tx) SetNote(ctx context.Context, account, target int64, text string) error {
	if text == "" {
		_, err := tx.idb.NewRaw("DELETE FROM notes WHERE account_id = ? AND target_id = ?", account, target).Exec(ctx)
		return wrap("remove note", err)
	}
	_, err := tx.idb.NewRaw("INSERT INTO notes (account_id, target_id, text) VALUES (?, ?, ?) ON CONFLICT (account_id, target_id) DO UPDATE SET text = EXCLUDED.text", account, target, text).Exec(ctx)
	return wrap("keep note", err)
}

// ErrNotFollowed is returned where something needs a follow that isn't there.
var ErrNotFollowed = errors.New("not followed")

// Endorse shows on the account's profile somebody whom it follows.
func (tx *Tx) Endorse(ctx context.Context, account, target int64) error {
	f, err := tx.FollowBetween(ctx, account, target)
	if isNotFound(err) || err == nil && f.State != Accepted {
		return ErrNotFollowed
	}
	if err != nil {
		return err
	}
	_, err = tx.idb.NewRaw("INSERT INTO endorsements (id, account_id, target_id, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", tx.NewID(tx.Now()), account, target, tx.Now()).Exec(ctx)
	return wrap("endorse", err)
}

// Unendorse takes somebody off the account's profile.
func (tx *Tx) Unendorse(ctx context.Context, account, target int64) error {
	_, err := tx.idb.NewRaw("DELETE FROM endorsements WHERE account_id = ? AND target_id = ?", account, target).Exec(ctx)
	return wrap("unendorse", err)
}

type endorsement struct {
	bun.BaseModel `bun:"table:endorsements,alias:en"`
	ID            int64 `bun:",pk"`
	AccountID     int64
	TargetID      int64
}

// Endorsements pages through those whom an account shows on its profile.
func (q *Queries) Endorsements(ctx context.Context, account int64, page Page) ([]*Account, []int64, error) {
	var rows []*endorsement
	s := q.idb.NewSelect().Model(&rows).Join("JOIN accounts AS a ON a.id = en.target_id").
		Where("en.account_id = ? AND a.suspended_at IS NULL AND a.deleted_at IS NULL", account).Where(originActive("a.peer"))
	if err := page.apply(s, "en.id").Scan(ctx); err != nil {
		return nil, nil, fmt.Errorf("list endorsements: %w", err)
	}
	page.order(rows)
	ids, cursors := make([]int64, len(rows)), make([]int64, len(rows))
	for i, r := range rows {
		ids[i], cursors[i] = r.TargetID, r.ID
	}
	return q.accountsInOrder(ctx, ids, cursors)
}
