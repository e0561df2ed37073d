package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Kinds of notification.
const (
	NotifyMention       = "mention"
	NotifyShare         = "share"
	NotifyLike          = "like"
	NotifyFollow        = "follow"
	NotifyFollowRequest = "follow_request"
	NotifyPoll          = "poll" // a poll that one made or voted in is closed
	NotifyQuote         = "quote"
)

// A Notification tells a local account that somebody did something that concerns it.
type Notification struct {
	bun.BaseModel `bun:"table:notifications,alias:n"`

	ID        int64 `bun:",pk"`
	AccountID int64 // whose
	Kind      string
	FromID    int64
	PostID    int64 // 0 where the kind has none
	CreatedAt time.Time
}

// notify tells a local account, once per (kind, from, post); about oneself never.
func (tx *Tx) notify(ctx context.Context, kind string, account, from, post int64) error {
	if account == from {
		return nil
	}
	return tx.notifyAlways(ctx, kind, account, from, post)
}

// notifyAlways is notify for what people are told of themselves: that their own poll is closed.
func (tx *Tx) notifyAlways(ctx context.Context, kind string, account, from, post int64) error {
	n := &Notification{ID: tx.NewID(tx.Now()), AccountID: account, Kind: kind, FromID: from, PostID: post, CreatedAt: tx.Now()}
	res, err := tx.idb.NewRaw(`INSERT INTO notifications (id, account_id, kind, from_id, post_id, created_at)
		SELECT ?, a.id, ?, ?, ?, ? FROM accounts AS a WHERE a.id = ? AND a.peer = '' AND a.kind <> ? ON CONFLICT DO NOTHING`,
		n.ID, kind, from, post, n.CreatedAt, account, Application).Exec(ctx)
	if err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	if changed(res) {
		tx.Publish(Event{Kind: Notified, NotificationID: n.ID, AccountID: account})
	}
	return nil
}

func (tx *Tx) forgetNotification(ctx context.Context, kind string, account, from int64) error {
	if _, err := tx.idb.NewRaw("DELETE FROM notifications WHERE account_id = ? AND kind = ? AND from_id = ?", account, kind, from).Exec(ctx); err != nil {
		return fmt.Errorf("forget notification: %w", err)
	}
	return nil
}

// Notifications pages through an account's notifications. kinds, where not empty, are the only
// ones; without are left out. Those whose post can't be seen any more, or whose sender is gone, are left out.
func (q *Queries) Notifications(ctx context.Context, account int64, kinds, without []string, page Page) ([]*Notification, error) {
	var rows []*Notification
	visible, args := visibleOne("np", account)
	s := q.idb.NewSelect().Model(&rows).Where("n.account_id = ?", account).
		Where("(n.post_id = 0 OR EXISTS (SELECT 1 FROM posts AS np WHERE np.id = n.post_id AND "+visible+"))", args...).
		Where("EXISTS (SELECT 1 FROM accounts AS na WHERE na.id = n.from_id AND na.suspended_at IS NULL AND na.deleted_at IS NULL AND " + originActive("na.peer") + ")")
	if len(kinds) > 0 {
		s = s.Where("n.kind IN (?)", bun.List(kinds))
	}
	if len(without) > 0 {
		s = s.Where("n.kind NOT IN (?)", bun.List(without))
	}
	if err := page.apply(s, "n.id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read notifications: %w", err)
	}
	page.order(rows)
	return rows, nil
}

// NotificationByID finds one of the account's own notifications.
func (q *Queries) NotificationByID(ctx context.Context, account, id int64) (*Notification, error) {
	n := new(Notification)
	if err := q.idb.NewSelect().Model(n).Where("n.id = ? AND n.account_id = ?", id, account).Scan(ctx); err != nil {
		return nil, notFound("notification", err)
	}
	return n, nil
}

// DismissNotification removes one of the account's notifications; 0 removes all.
func (tx *Tx) DismissNotification(ctx context.Context, account, id int64) error {
	d := tx.idb.NewDelete().Model((*Notification)(nil)).Where("account_id = ?", account)
	if id != 0 {
		d = d.Where("id = ?", id)
	}
	if _, err := d.Exec(ctx); err != nil {
		return fmt.Errorf("dismiss notification: %w", err)
	}
	return nil
}
