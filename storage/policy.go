package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// What a policy does with a notification.
const (
	PolicyAccept = "accept"
	PolicyHold   = "filter" // it waits as a request
	PolicyDrop   = "drop"
)

// A NotificationPolicy says what happens with notifications from people whom its owner doesn't
// know: without one, all are accepted but those of limited people.
type NotificationPolicy struct {
	bun.BaseModel   `bun:"table:notification_policies,alias:pol"`
	AccountID       int64 `bun:",pk"`
	NotFollowing    string
	NotFollowers    string
	NewAccounts     string
	PrivateMentions string
	LimitedAccounts string
}

// A NotificationRequest is that somebody's notifications wait.
type NotificationRequest struct {
	bun.BaseModel `bun:"table:notification_requests,alias:nr"`
	ID            int64 `bun:",pk"`
	AccountID     int64
	FromID        int64
	CreatedAt     time.Time
}

// How long an account is new, and how long a follower must have followed to count as one.
const (
	newAccount  = 30 * 24 * time.Hour
	newFollower = 3 * 24 * time.Hour
)

// NotificationPolicyOf reads an account's policy.
func (q *Queries) NotificationPolicyOf(ctx context.Context, account int64) (*NotificationPolicy, error) {
	p, err := q.policy(ctx, account)
	if isNotFound(err) {
		return &NotificationPolicy{AccountID: account, NotFollowing: PolicyAccept, NotFollowers: PolicyAccept, NewAccounts: PolicyAccept, PrivateMentions: PolicyAccept, LimitedAccounts: PolicyHold}, nil
	}
	return p, err
}

func (q *Queries) policy(ctx context.Context, account int64) (*NotificationPolicy, error) {
	p := new(NotificationPolicy)
	if err := q.idb.NewSelect().Model(p).Where("pol.account_id = ?", account).Scan(ctx); err != nil {
		return nil, notFound("notification policy", err)
	}
	return p, nil
}

// SaveNotificationPolicy stores an account's policy. It counts for what comes from now on.
func (tx *Tx) SaveNotificationPolicy(ctx context.Context, p *NotificationPolicy) error {
	_, err := tx.idb.NewInsert().Model(p).On("CONFLICT (account_id) DO UPDATE").
		Set("not_following = EXCLUDED.not_following").Set("not_followers = EXCLUDED.not_followers").Set("new_accounts = EXCLUDED.new_accounts").
		Set("private_mentions = EXCLUDED.private_mentions").Set("limited_accounts = EXCLUDED.limited_accounts").Exec(ctx)
	return wrap("save notification policy", err)
}

// judge says what an account's policy does with a notification: the strictest rule that fits.
func (tx *Tx) judge(ctx context.Context, kind string, account, from, post int64) (string, error) {
	if account == from || kind == NotifyEdit || kind == NotifyPost || kind == NotifyWarning || kind == NotifyReport {
		return PolicyAccept, nil
	}
	sender, err := tx.AccountByID(ctx, from)
	if err != nil {
		return "", err
	}
	policy, err := tx.policy(ctx, account)
	if isNotFound(err) && sender.LimitedAt.IsZero() {
		return PolicyAccept, nil // as nearly always
	}
	if isNotFound(err) {
		policy, err = tx.NotificationPolicyOf(ctx, account)
	}
	if err != nil {
		return "", err
	}
	permitted, err := tx.exists(ctx, "SELECT 1 FROM notification_permits WHERE account_id = ? AND from_id = ?", account, from)
	if err != nil || permitted {
		return PolicyAccept, err
	}
	relations, err := tx.Relations(ctx, account, []int64{from})
	if err != nil {
		return "", err
	}
	verdict := PolicyAccept
	apply := func(rule string, fits bool) {
		if fits && (rule == PolicyDrop || rule == PolicyHold && verdict == PolicyAccept) {
			verdict = rule
		}
	}
	r := relations[0]
	apply(policy.NotFollowing, !r.Following)
	apply(policy.LimitedAccounts, !r.Following && !sender.LimitedAt.IsZero())
	apply(policy.NewAccounts, !r.Following && tx.Now().Sub(sender.CreatedAt) < newAccount)
	if policy.NotFollowers != PolicyAccept {
		f, err := tx.FollowBetween(ctx, from, account)
		if err != nil && !isNotFound(err) {
			return "", err
		}
		apply(policy.NotFollowers, f == nil || f.State != Accepted || tx.Now().Sub(f.CreatedAt) < newFollower)
	}
	if kind == NotifyMention && policy.PrivateMentions != PolicyAccept && !r.Following {
		p, err := tx.PostByID(ctx, post)
		if err != nil {
			return "", err
		}
		apply(policy.PrivateMentions, p.Visibility == Direct && p.InReplyToUser != account)
	}
	return verdict, nil
}

func (tx *Tx) askToNotify(ctx context.Context, account, from int64) error {
	_, err := tx.idb.NewInsert().Model(&NotificationRequest{ID: tx.NewID(tx.Now()), AccountID: account, FromID: from, CreatedAt: tx.Now()}).On("CONFLICT (account_id, from_id) DO NOTHING").Exec(ctx)
	return wrap("ask to notify", err)
}

// NotificationRequests pages through those whose notifications wait.
func (q *Queries) NotificationRequests(ctx context.Context, account int64, page Page) ([]*NotificationRequest, error) {
	var rows []*NotificationRequest
	s := q.idb.NewSelect().Model(&rows).Join("JOIN accounts AS a ON a.id = nr.from_id").
		Where("nr.account_id = ? AND a.suspended_at IS NULL AND a.deleted_at IS NULL", account).Where(originActive("a.peer"))
	if err := page.apply(s, "nr.id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("list notification requests: %w", err)
	}
	page.order(rows)
	return rows, nil
}

// NotificationRequestsByID finds, of the ids, the account's own requests.
func (q *Queries) NotificationRequestsByID(ctx context.Context, account int64, ids []int64) ([]*NotificationRequest, error) {
	var rows []*NotificationRequest
	if len(ids) == 0 {
		return nil, nil
	}
	err := q.idb.NewSelect().Model(&rows).Where("nr.account_id = ? AND nr.id IN (?)", account, bun.List(ids)).Order("nr.id").Scan(ctx)
	return rows, wrap("read notification requests", err)
}

// Waiting is how much waits of one sender, and what came last.
type Waiting struct {
	Count    int
	LastPost int64
	LastAt   time.Time
}

// HeldFrom counts what waits of each sender.
func (q *Queries) HeldFrom(ctx context.Context, account int64, senders []int64) (map[int64]Waiting, error) {
	out := map[int64]Waiting{}
	if len(senders) == 0 {
		return out, nil
	}
	var rows []struct {
		FromID   int64
		Count    int
		LastPost int64
		LastID   int64
	}
	err := q.idb.NewRaw(`SELECT from_id, COUNT(*) AS count, MAX(post_id) AS last_post, MAX(id) AS last_id FROM notifications
		WHERE account_id = ? AND held = ? AND from_id IN (?) GROUP BY from_id`, account, true, bun.List(senders)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count held notifications: %w", err)
	}
	for _, r := range rows {
		out[r.FromID] = Waiting{r.Count, r.LastPost, IDTime(r.LastID)}
	}
	return out, nil
}

// CountHeld counts the requests of an account, and the notifications that wait.
func (q *Queries) CountHeld(ctx context.Context, account int64) (requests, notifications int, err error) {
	var row struct{ Requests, Notifications int }
	err = q.idb.NewRaw(`SELECT (SELECT COUNT(*) FROM notification_requests WHERE account_id = ?) AS requests,
		(SELECT COUNT(*) FROM notifications WHERE account_id = ? AND held = ?) AS notifications`, account, account, true).Scan(ctx, &row)
	return row.Requests, row.Notifications, wrap("count held notifications", err)
}

// AcceptNotifications lets a sender's notifications through, those that wait and those to come.
func (tx *Tx) AcceptNotifications(ctx context.Context, r *NotificationRequest) error {
	if _, err := tx.idb.NewRaw("INSERT INTO notification_permits (account_id, from_id) VALUES (?, ?) ON CONFLICT DO NOTHING", r.AccountID, r.FromID).Exec(ctx); err != nil {
		return fmt.Errorf("accept notifications: %w", err)
	}
	if _, err := tx.idb.NewRaw("UPDATE notifications SET held = ? WHERE account_id = ? AND from_id = ?", false, r.AccountID, r.FromID).Exec(ctx); err != nil {
		return fmt.Errorf("accept notifications: %w", err)
	}
	tx.Publish(Event{Kind: NotificationsMerged, AccountID: r.AccountID})
	return tx.endRequest(ctx, r)
}

// DismissNotifications removes what waits of a sender.
func (tx *Tx) DismissNotifications(ctx context.Context, r *NotificationRequest) error {
	if _, err := tx.idb.NewRaw("DELETE FROM notifications WHERE account_id = ? AND from_id = ? AND held = ?", r.AccountID, r.FromID, true).Exec(ctx); err != nil {
		return fmt.Errorf("dismiss notifications: %w", err)
	}
	return tx.endRequest(ctx, r)
}

func (tx *Tx) endRequest(ctx context.Context, r *NotificationRequest) error {
	_, err := tx.idb.NewDelete().Model(r).WherePK().Exec(ctx)
	return wrap("end notification request", err)
}
