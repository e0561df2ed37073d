package storage

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// JobPush wakes an app: see package push. Its arguments are a Push.
const JobPush = "push"

// Push says what is told to which subscription.
type Push struct {
	Subscription int64 `json:"subscription"`
	Notification int64 `json:"notification"`
}

// Whose notifications wake an app.
const (
	PushAll       = "all"
	PushFollowed  = "followed"
	PushFollowers = "follower"
	PushNone      = "none"
)

// A PushSubscription is where the app that holds a token is woken (RFC 8030).
type PushSubscription struct {
	bun.BaseModel `bun:"table:push_subscriptions,alias:ps"`
	ID            int64 `bun:",pk"`
	TokenID       int64
	AccountID     int64
	Endpoint      string
	Host          string // of the endpoint
	P256dh        string `bun:"p256dh"`
	Auth          string
	Standard      bool     // it reads RFC 8291 and not the draft before it
	Alerts        []string // kinds of notification
	Policy        string
	CreatedAt     time.Time
}

// PushHosts are the hosts of push services that an admin allows: none means that push is off.
func (q *Queries) PushHosts(ctx context.Context) ([]string, error) {
	return q.HostList(ctx, SettingPushHosts)
}

// PushKey is the node's key of web push, as apps need it; empty while push is off.
func (q *Queries) PushKey(ctx context.Context) (string, error) {
	hosts, err := q.PushHosts(ctx)
	if err != nil || len(hosts) == 0 {
		return "", err
	}
	return q.Setting(ctx, SettingPushPublic)
}

// SavePush stores where the app of a token is woken, in place of where it was.
func (tx *Tx) SavePush(ctx context.Context, s *PushSubscription) error {
	if err := tx.RemovePush(ctx, s.TokenID); err != nil {
		return err
	}
	s.ID, s.CreatedAt = tx.NewID(tx.Now()), tx.Now()
	_, err := tx.idb.NewInsert().Model(s).Exec(ctx)
	return wrap("save push subscription", err)
}

// ChangePush stores other alerts and another policy.
func (tx *Tx) ChangePush(ctx context.Context, s *PushSubscription) error {
	_, err := tx.idb.NewUpdate().Model(s).Column("alerts", "policy").WherePK().Exec(ctx)
	return wrap("change push subscription", err)
}

// RemovePush ends the subscription of a token.
func (tx *Tx) RemovePush(ctx context.Context, token int64) error {
	_, err := tx.idb.NewRaw("DELETE FROM push_subscriptions WHERE token_id = ?", token).Exec(ctx)
	return wrap("remove push subscription", err)
}

// PushOf finds the subscription of a token.
func (q *Queries) PushOf(ctx context.Context, token int64) (*PushSubscription, error) {
	return q.pushWhere(ctx, "ps.token_id = ?", token)
}

// PushByID finds a subscription whose token is still alive.
func (q *Queries) PushByID(ctx context.Context, id int64) (*PushSubscription, error) {
	return q.pushWhere(ctx, "ps.id = ? AND EXISTS (SELECT 1 FROM tokens AS t WHERE t.id = ps.token_id)", id)
}

func (q *Queries) pushWhere(ctx context.Context, where string, arg int64) (*PushSubscription, error) {
	s := new(PushSubscription)
	if err := q.idb.NewSelect().Model(s).Where(where, arg).Scan(ctx); err != nil {
		return nil, notFound("push subscription", err)
	}
	return s, nil
}

// pushNotification queues the waking of the apps that want to know of a notification.
func (tx *Tx) pushNotification(ctx context.Context, n *Notification) error {
	var rows []*PushSubscription
	if err := tx.idb.NewSelect().Model(&rows).Where("ps.account_id = ?", n.AccountID).Scan(ctx); err != nil {
		return fmt.Errorf("look for push subscriptions: %w", err)
	}
	var jobs []NewJob
	for _, s := range rows {
		if !slices.Contains(s.Alerts, n.Kind) {
			continue
		}
		wanted, err := tx.pushWanted(ctx, s, n)
		if err != nil {
			return err
		}
		if wanted {
			jobs = append(jobs, NewJob{Kind: JobPush, Host: s.Host, Args: Push{s.ID, n.ID}})
		}
	}
	if len(jobs) == 0 {
		return nil
	}
	return tx.Enqueue(ctx, jobs...)
}

func (tx *Tx) pushWanted(ctx context.Context, s *PushSubscription, n *Notification) (bool, error) {
	follower, followee := n.AccountID, n.FromID
	switch s.Policy {
	case PushNone:
		return false, nil
	case PushFollowers:
		follower, followee = followee, follower
	case PushFollowed:
	default:
		return true, nil
	}
	f, err := tx.FollowBetween(ctx, follower, followee)
	if isNotFound(err) {
		return false, nil
	}
	return err == nil && f.State == Accepted, err
}
