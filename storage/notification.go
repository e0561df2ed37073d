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
	NotifyPost          = "post" // somebody posted of whom one wants to hear
	NotifyEdit          = "edit" // a post that one shared has other words now
	NotifyPoll          = "poll" // a poll that one made or voted in is closed
	NotifyQuote         = "quote"
	NotifyWarning       = "warning" // moderators took a measure
	NotifyReport        = "report"  // somebody complains, to those who read reports
)

// aboutMore are the kinds whose PostID is no post's: see About.
const aboutMore = "'warning', 'report'"

// A Notification tells a local account that somebody did something that concerns it.
type Notification struct {
	bun.BaseModel `bun:"table:notifications,alias:n"`

	ID        int64 `bun:",pk"`
	AccountID int64 // whose
	Kind      string
	FromID    int64
	PostID    int64 // 0 where the kind has none; of a NotifyWarning the Strike, of a NotifyReport the Report
	Held      bool  // waits until its owner accepts what the sender does
	CreatedAt time.Time
}

// About gives the post that the notification is about, or the strike or the report; 0 where it is about none.
func (n *Notification) About() (post, strike, report int64) {
	switch n.Kind {
	case NotifyWarning:
		return 0, n.PostID, 0
	case NotifyReport:
		return 0, 0, n.PostID
	}
	return n.PostID, 0, 0
}

// notify tells a local account, once per (kind, from, post); about oneself never. What its owner's
// policy holds waits as a request, and what it drops isn't stored.
func (tx *Tx) notify(ctx context.Context, kind string, account, from, post int64) error {
	if account == from {
		return nil
	}
	return tx.notifyAlways(ctx, kind, account, from, post)
}

// notifyAlways is notify for what people are told of themselves: that their own poll is closed.
func (tx *Tx) notifyAlways(ctx context.Context, kind string, account, from, post int64) error {
	muted, err := tx.exists(ctx, "SELECT 1 FROM thread_mutes AS tm JOIN posts AS p ON p.thread_id = tm.thread_id WHERE tm.account_id = ? AND p.id = ?", account, post)
	if err != nil || muted {
		return err
	}
	if blocked, err := tx.Blocks(ctx, account, from); err != nil || blocked {
		return err
	}
	verdict, err := tx.judge(ctx, kind, account, from, post)
	if err != nil || verdict == PolicyDrop {
		return err
	}
	n := &Notification{ID: tx.NewID(tx.Now()), AccountID: account, Kind: kind, FromID: from, PostID: post, Held: verdict == PolicyHold, CreatedAt: tx.Now()}
	res, err := tx.idb.NewRaw(`INSERT INTO notifications (id, account_id, kind, from_id, post_id, held, created_at)
		SELECT ?, a.id, ?, ?, ?, ?, ? FROM accounts AS a WHERE a.id = ? AND a.peer = '' AND a.kind <> ? ON CONFLICT DO NOTHING`,
		n.ID, kind, from, post, n.Held, n.CreatedAt, account, Application).Exec(ctx)
	if err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	switch {
	case !changed(res):
		return nil
	case n.Held:
		return tx.askToNotify(ctx, account, from)
	}
	tx.Publish(Event{Kind: Notified, NotificationID: n.ID, AccountID: account})
	return tx.pushNotification(ctx, n)
}

// notifyAll tells several local accounts, found by a query, the same.
func (tx *Tx) notifyAll(ctx context.Context, kind string, from, post int64, query string, args ...any) error {
	var ids []int64
	if err := tx.idb.NewRaw(query, args...).Scan(ctx, &ids); err != nil {
		return fmt.Errorf("find whom to notify: %w", err)
	}
	for _, id := range ids {
		if err := tx.notify(ctx, kind, id, from, post); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) forgetNotification(ctx context.Context, kind string, account, from int64) error {
	if _, err := tx.idb.NewRaw("DELETE FROM notifications WHERE account_id = ? AND kind = ? AND from_id = ?", account, kind, from).Exec(ctx); err != nil {
		return fmt.Errorf("forget notification: %w", err)
	}
	return nil
}

// Told says which of an account's notifications are asked for.
type Told struct {
	Kinds   []string // where not empty, the only ones
	Without []string
	From    int64 // 0: anybody
	Held    bool  // those that wait as well
}

// Notifications pages through an account's notifications. Those whose post can't be seen any more,
// or whose sender is gone or hidden, are left out.
func (q *Queries) Notifications(ctx context.Context, account int64, told Told, page Page) ([]*Notification, error) {
	var rows []*Notification
	if err := page.apply(q.told(q.idb.NewSelect().Model(&rows), account, told), "n.id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read notifications: %w", err)
	}
	page.order(rows)
	return rows, nil
}

func (q *Queries) told(s *bun.SelectQuery, account int64, told Told) *bun.SelectQuery {
	visible, args := visibleOne("np", account)
	s = s.Where("n.account_id = ?", account).
		Where("(n.post_id = 0 OR n.kind IN ("+aboutMore+") OR EXISTS (SELECT 1 FROM posts AS np WHERE np.id = n.post_id AND "+visible+"))", args...).
		Where("EXISTS (SELECT 1 FROM accounts AS na WHERE na.id = n.from_id AND na.suspended_at IS NULL AND na.deleted_at IS NULL AND "+originActive("na.peer")+")").
		Where("NOT EXISTS (SELECT 1 FROM mutes AS nm WHERE nm.account_id = n.account_id AND nm.target_id = n.from_id AND nm.notifications = ? AND (nm.expires_at IS NULL OR nm.expires_at > ?))", true, q.now()).
		Where("NOT EXISTS (SELECT 1 FROM blocks AS nk WHERE nk.account_id = n.account_id AND nk.target_id = n.from_id)").
		Where("NOT EXISTS (SELECT 1 FROM hidden_hosts AS nh JOIN accounts AS nb ON nb.peer = nh.host WHERE nh.account_id = n.account_id AND nb.id = n.from_id)")
	if !told.Held {
		s = s.Where("n.held = ?", false)
	}
	if told.From != 0 {
		s = s.Where("n.from_id = ?", told.From)
	}
	if len(told.Kinds) > 0 {
		s = s.Where("n.kind IN (?)", bun.List(told.Kinds))
	}
	if len(told.Without) > 0 {
		s = s.Where("n.kind NOT IN (?)", bun.List(told.Without))
	}
	return s
}

// CountNotifications counts those above an id, at most limit.
func (q *Queries) CountNotifications(ctx context.Context, account int64, told Told, above int64, limit int) (int, error) {
	var ids []int64
	if err := q.told(q.idb.NewSelect().Model((*Notification)(nil)).Column("n.id"), account, told).Where("n.id > ?", above).Limit(int64(limit)).Scan(ctx, &ids); err != nil {
		return 0, fmt.Errorf("count notifications: %w", err)
	}
	return len(ids), nil
}

// A NotificationGroup is what of one kind concerns one post (0: none) on one day.
type NotificationGroup struct {
	Kind string
	Post int64
	Day  int64 // days since idEpoch
}

// GroupOf says which group a notification belongs to.
func (n *Notification) GroupOf() NotificationGroup {
	return NotificationGroup{n.Kind, n.PostID, int64(IDTime(n.ID).Sub(idEpoch) / (24 * time.Hour))}
}

// groupRows bounds how much of a group is read.
const groupRows = 1000

// NotificationsOf lists what is in a group, newest first.
func (q *Queries) NotificationsOf(ctx context.Context, account int64, g NotificationGroup) ([]*Notification, error) {
	var rows []*Notification
	s := q.inGroup(q.told(q.idb.NewSelect().Model(&rows), account, Told{}), g)
	if err := s.Order("n.id DESC").Limit(groupRows).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read notifications: %w", err)
	}
	return rows, nil
}

func (q *Queries) inGroup(s *bun.SelectQuery, g NotificationGroup) *bun.SelectQuery {
	begin := idEpoch.AddDate(0, 0, int(g.Day))
	return s.Where("n.kind = ? AND n.post_id = ? AND n.id >= ? AND n.id < ?", g.Kind, g.Post, firstIDAt(begin), firstIDAt(begin.AddDate(0, 0, 1)))
}

// GroupSizes counts, of groups of these posts and kinds since an id, how much each holds.
func (q *Queries) GroupSizes(ctx context.Context, account int64, kinds []string, posts []int64, since int64) (map[NotificationGroup]int, error) {
	out := map[NotificationGroup]int{}
	if len(kinds) == 0 || len(posts) == 0 {
		return out, nil
	}
	day := IDTime(since).Truncate(24 * time.Hour)
	var rows []*Notification
	err := q.told(q.idb.NewSelect().Model(&rows).Column("n.id", "n.kind", "n.post_id"), account, Told{Kinds: kinds}).
		Where("n.post_id IN (?) AND n.id >= ?", bun.List(posts), firstIDAt(day)).Order("n.id DESC").Limit(10 * groupRows).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("count notifications: %w", err)
	}
	for _, n := range rows {
		out[n.GroupOf()]++
	}
	return out, nil
}

// NotificationByID finds one of the account's own notifications.
func (q *Queries) NotificationByID(ctx context.Context, account, id int64) (*Notification, error) {
	n := new(Notification)
	if err := q.idb.NewSelect().Model(n).Where("n.id = ? AND n.account_id = ?", id, account).Scan(ctx); err != nil {
		return nil, notFound("notification", err)
	}
	return n, nil
}

// DismissGroup removes all that is in a group.
func (tx *Tx) DismissGroup(ctx context.Context, account int64, g NotificationGroup) error {
	ids := tx.inGroup(tx.idb.NewSelect().Model((*Notification)(nil)).Column("n.id").Where("n.account_id = ?", account), g)
	var found []int64
	if err := ids.Scan(ctx, &found); err != nil || len(found) == 0 {
		return wrap("dismiss notifications", err)
	}
	_, err := tx.idb.NewDelete().Model((*Notification)(nil)).Where("id IN (?)", bun.List(found)).Exec(ctx)
	return wrap("dismiss notifications", err)
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
