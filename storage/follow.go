package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// States of a follow.
const (
	Pending  = "pending"
	Accepted = "accepted"
)

// A Follow is a relation: the follower receives what the followee posts, once it is accepted.
type Follow struct {
	bun.BaseModel `bun:"table:follows,alias:f"`

	ID            int64 `bun:",pk"`
	FollowerID    int64
	FolloweeID    int64
	FollowerLocal bool
	URI           string // of the Follow activity
	State         string
	ShowShares    bool
	Notify        bool
	CreatedAt     time.Time
}

// FollowBetween finds the follow of one account to another, in any state.
func (q *Queries) FollowBetween(ctx context.Context, follower, followee int64) (*Follow, error) {
	f := new(Follow)
	if err := q.idb.NewSelect().Model(f).Where("f.follower_id = ? AND f.followee_id = ?", follower, followee).Scan(ctx); err != nil {
		return nil, notFound("follow", err)
	}
	return f, nil
}

// FollowByURI finds a follow by the id of its activity.
func (q *Queries) FollowByURI(ctx context.Context, uri string) (*Follow, error) {
	f := new(Follow)
	if err := q.idb.NewSelect().Model(f).Where("f.uri = ?", uri).Scan(ctx); err != nil {
		return nil, notFound("follow "+uri, err)
	}
	return f, nil
}

// Followers pages through those who follow the account, newest first: (before, limit).
func (q *Queries) Followers(ctx context.Context, account int64, page Page) ([]*Account, []int64, error) {
	return q.followSide(ctx, "f.followee_id = ?", "f.follower_id", account, Accepted, page)
}

// Following pages through those whom the account follows.
func (q *Queries) Following(ctx context.Context, account int64, page Page) ([]*Account, []int64, error) {
	return q.followSide(ctx, "f.follower_id = ?", "f.followee_id", account, Accepted, page)
}

// LocalFollowers lists the follows of an account by people of this node, in any state.
func (q *Queries) LocalFollowers(ctx context.Context, account int64) ([]*Follow, error) {
	var rows []*Follow
	if err := q.idb.NewSelect().Model(&rows).Where("f.followee_id = ? AND f.follower_local = ?", account, true).Order("f.id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("list local followers: %w", err)
	}
	return rows, nil
}

// FollowRequests pages through those who wait for the account's approval.
func (q *Queries) FollowRequests(ctx context.Context, account int64, page Page) ([]*Account, []int64, error) {
	return q.followSide(ctx, "f.followee_id = ?", "f.follower_id", account, Pending, page)
}

// CountFollowRequests counts those who wait for the account's approval.
func (q *Queries) CountFollowRequests(ctx context.Context, account int64) (int, error) {
	n, err := q.idb.NewSelect().Model((*Follow)(nil)).Where("f.followee_id = ? AND f.state = ?", account, Pending).Count(ctx)
	if err != nil {
		return 0, fmt.Errorf("count follow requests: %w", err)
	}
	return int(n), nil
}

// followSide returns accounts and, beside them, the follow ids that pages count by.
func (q *Queries) followSide(ctx context.Context, where, other string, account int64, state string, page Page) ([]*Account, []int64, error) {
	var follows []*Follow
	s := q.idb.NewSelect().Model(&follows).
		Join("JOIN accounts AS a ON a.id = "+other).
		Where(where, account).Where("f.state = ?", state).
		Where("a.suspended_at IS NULL AND a.deleted_at IS NULL").Where(originActive("a.peer"))
	if err := page.apply(s, "f.id").Scan(ctx); err != nil {
		return nil, nil, fmt.Errorf("list follows: %w", err)
	}
	page.order(follows)
	ids := make([]int64, len(follows))
	for i, f := range follows {
		ids[i] = f.FollowerID
		if other == "f.followee_id" {
			ids[i] = f.FolloweeID
		}
	}
	byID, err := q.AccountsByID(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	var accounts []*Account
	var cursors []int64
	for i, id := range ids {
		if a := byID[id]; a != nil {
			accounts, cursors = append(accounts, a), append(cursors, follows[i].ID)
		}
	}
	return accounts, cursors, nil
}

// Relation is how one account stands to another.
type Relation struct {
	Other       int64
	Following   bool
	Requested   bool
	FollowedBy  bool
	RequestedBy bool
	ShowShares  bool
	Notify      bool

	Blocking   bool
	BlockedBy  bool
	Mute       *Mute // nil: not muted
	HostHidden bool
	Endorsed   bool
	Note       string
}

// Relations says how the account stands to each of the others, in their order.
func (q *Queries) Relations(ctx context.Context, account int64, others []int64) ([]Relation, error) {
	if len(others) == 0 {
		return nil, nil
	}
	var rows []*Follow
	err := q.idb.NewSelect().Model(&rows).
		Where("(f.follower_id = ? AND f.followee_id IN (?)) OR (f.followee_id = ? AND f.follower_id IN (?))", account, bun.List(others), account, bun.List(others)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read relations: %w", err)
	}
	byOther := make(map[int64]*Relation, len(others))
	out := make([]Relation, len(others))
	for i, id := range others {
		out[i].Other = id
		byOther[id] = &out[i]
	}
	for _, f := range rows {
		if r := byOther[f.FolloweeID]; f.FollowerID == account && r != nil {
			r.Following, r.Requested = f.State == Accepted, f.State == Pending
			r.ShowShares, r.Notify = f.ShowShares, f.Notify
		}
		if r := byOther[f.FollowerID]; f.FolloweeID == account && r != nil {
			r.FollowedBy, r.RequestedBy = f.State == Accepted, f.State == Pending
		}
	}
	return out, q.fillRelations(ctx, account, others, byOther)
}

// fillRelations adds what the account chose for itself about each of the others.
func (q *Queries) fillRelations(ctx context.Context, account int64, others []int64, byOther map[int64]*Relation) error {
	var mutes []*Mute
	if err := q.idb.NewSelect().Model(&mutes).Where("mu.account_id = ? AND mu.target_id IN (?) AND (mu.expires_at IS NULL OR mu.expires_at > ?)", account, bun.List(others), q.now()).Scan(ctx); err != nil {
		return fmt.Errorf("read mutes: %w", err)
	}
	for _, m := range mutes {
		byOther[m.TargetID].Mute = m
	}
	var rows []struct {
		What     string
		TargetID int64
		Text     string
	}
	err := q.idb.NewRaw(`SELECT 'note' AS what, target_id, text FROM notes WHERE account_id = ? AND target_id IN (?)
		UNION ALL SELECT 'blocking', target_id, '' FROM blocks WHERE account_id = ? AND target_id IN (?)
		UNION ALL SELECT 'blocked', account_id, '' FROM blocks WHERE target_id = ? AND account_id IN (?)
		UNION ALL SELECT 'endorsed', target_id, '' FROM endorsements WHERE account_id = ? AND target_id IN (?)
		UNION ALL SELECT 'hidden', a.id, '' FROM accounts AS a JOIN hidden_hosts AS hh ON hh.host = a.peer WHERE hh.account_id = ? AND a.id IN (?)`,
		account, bun.List(others), account, bun.List(others), account, bun.List(others), account, bun.List(others), account, bun.List(others)).Scan(ctx, &rows)
	if err != nil {
		return fmt.Errorf("read relations: %w", err)
	}
	for _, row := range rows {
		r := byOther[row.TargetID]
		switch row.What {
		case "note":
			r.Note = row.Text
		case "blocking":
			r.Blocking = true
		case "blocked":
			r.BlockedBy = true
		case "endorsed":
			r.Endorsed = true
		case "hidden":
			r.HostHidden = true
		}
	}
	return nil
}

// AddFollow stores a follow. Where the pair has one already it is returned unchanged with false.
// A pending follow makes a request notification, an accepted one a follow notification and the
// follower's home.
func (tx *Tx) AddFollow(ctx context.Context, f *Follow) (*Follow, bool, error) {
	if f.ID == 0 {
		f.ID = tx.NewID(tx.Now())
	}
	f.CreatedAt = tx.Now()
	res, err := tx.idb.NewInsert().Model(f).On("CONFLICT (follower_id, followee_id) DO NOTHING").Exec(ctx)
	if err != nil {
		return nil, false, fmt.Errorf("add follow: %w", err)
	}
	if !changed(res) {
		old, err := tx.FollowBetween(ctx, f.FollowerID, f.FolloweeID)
		return old, false, err
	}
	kind := NotifyFollowRequest
	if f.State == Accepted {
		kind = NotifyFollow
		if err := tx.followTakesEffect(ctx, f); err != nil {
			return nil, false, err
		}
	}
	return f, true, tx.notify(ctx, kind, f.FolloweeID, f.FollowerID, 0)
}

// AcceptFollow makes a pending follow effective; it says whether it was pending.
func (tx *Tx) AcceptFollow(ctx context.Context, f *Follow) (bool, error) {
	res, err := tx.idb.NewRaw("UPDATE follows SET state = ? WHERE id = ? AND state = ?", Accepted, f.ID, Pending).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("accept follow: %w", err)
	}
	if !changed(res) {
		return false, nil
	}
	f.State = Accepted
	if err := tx.followTakesEffect(ctx, f); err != nil {
		return false, err
	}
	if err := tx.forgetNotification(ctx, NotifyFollowRequest, f.FolloweeID, f.FollowerID); err != nil {
		return false, err
	}
	return true, tx.notify(ctx, NotifyFollow, f.FolloweeID, f.FollowerID, 0)
}

func (tx *Tx) followTakesEffect(ctx context.Context, f *Follow) error {
	if err := tx.addToCount(ctx, f.FollowerID, "following_count", 1); err != nil {
		return err
	}
	if err := tx.addToCount(ctx, f.FolloweeID, "followers_count", 1); err != nil {
		return err
	}
	if f.FollowerLocal {
		return tx.fillHome(ctx, f.FollowerID, f.FolloweeID)
	}
	return nil
}

// RemoveFollow ends a follow in any state; it says whether there was one.
func (tx *Tx) RemoveFollow(ctx context.Context, f *Follow) (bool, error) {
	res, err := tx.idb.NewDelete().Model((*Follow)(nil)).Where("id = ?", f.ID).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("remove follow: %w", err)
	}
	if !changed(res) {
		return false, nil
	}
	if err := tx.forgetNotification(ctx, NotifyFollowRequest, f.FolloweeID, f.FollowerID); err != nil {
		return false, err
	}
	if f.State != Accepted {
		return true, nil
	}
	if err := tx.Unendorse(ctx, f.FollowerID, f.FolloweeID); err != nil {
		return false, err
	}
	if err := tx.leaveLists(ctx, f.FollowerID, f.FolloweeID); err != nil {
		return false, err
	}
	if err := tx.addToCount(ctx, f.FollowerID, "following_count", -1); err != nil {
		return false, err
	}
	if err := tx.addToCount(ctx, f.FolloweeID, "followers_count", -1); err != nil {
		return false, err
	}
	if f.FollowerLocal {
		if _, err := tx.idb.NewRaw("DELETE FROM home WHERE account_id = ? AND author_id = ?", f.FollowerID, f.FolloweeID).Exec(ctx); err != nil {
			return false, fmt.Errorf("clear home: %w", err)
		}
	}
	return true, nil
}

// SetFollowURI notes that the follower speaks of its follow by another id from now on.
func (tx *Tx) SetFollowURI(ctx context.Context, f *Follow, uri string) error {
	if _, err := tx.idb.NewRaw("UPDATE follows SET uri = ? WHERE id = ?", uri, f.ID).Exec(ctx); err != nil {
		return fmt.Errorf("set follow id: %w", err)
	}
	f.URI = uri
	return nil
}

// SetFollowOptions keeps what the follower wants to see of the followee.
func (tx *Tx) SetFollowOptions(ctx context.Context, id int64, showShares, notify bool) error {
	if _, err := tx.idb.NewRaw("UPDATE follows SET show_shares = ?, notify = ? WHERE id = ?", showShares, notify, id).Exec(ctx); err != nil {
		return fmt.Errorf("set follow options: %w", err)
	}
	return nil
}

// An InboxTarget is a place to deliver to, and its host.
type InboxTarget struct {
	Peer   string
	Inbox  string
	Shared bool
}

// FollowerInboxes lists where to deliver what the account says to its followers:
// one shared inbox per host, personal ones where there is none.
func (q *Queries) FollowerInboxes(ctx context.Context, account int64) ([]InboxTarget, error) {
	var rows []InboxTarget
	err := q.idb.NewRaw(`SELECT DISTINCT a.peer AS peer, CASE WHEN a.shared_inbox_uri <> '' THEN a.shared_inbox_uri ELSE a.inbox_uri END AS inbox,
		a.shared_inbox_uri <> '' AS shared FROM follows AS f JOIN accounts AS a ON a.id = f.follower_id
		WHERE f.followee_id = ? AND f.state = ? AND f.follower_local = ? AND a.deleted_at IS NULL`, account, Accepted, false).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("list follower inboxes: %w", err)
	}
	return rows, nil
}

// FollowersOnHost says whether anybody on the peer follows the account.
func (q *Queries) FollowersOnHost(ctx context.Context, account int64, host string) (bool, error) {
	return q.exists(ctx, "SELECT 1 FROM follows AS f JOIN accounts AS a ON a.id = f.follower_id WHERE f.followee_id = ? AND f.state = ? AND a.peer = ?", account, Accepted, host)
}

// PersonalInboxes lists the own inboxes, on one host, of those who follow the account or are named
// by the post (0: none), for a host whose shared inbox has gone.
func (q *Queries) PersonalInboxes(ctx context.Context, account, post int64, host string) ([]string, error) {
	var inboxes []string
	err := q.idb.NewRaw(`SELECT a.inbox_uri FROM accounts AS a WHERE a.peer = ? AND a.deleted_at IS NULL AND (
		EXISTS (SELECT 1 FROM follows AS f WHERE f.followee_id = ? AND f.follower_id = a.id AND f.state = ?)
		OR EXISTS (SELECT 1 FROM mentions AS m WHERE m.post_id = ? AND m.account_id = a.id)) ORDER BY a.id`, host, account, Accepted, post).Scan(ctx, &inboxes)
	if err != nil {
		return nil, fmt.Errorf("list personal inboxes: %w", err)
	}
	return inboxes, nil
}

// FamiliarFollowers lists, for each of the accounts, whom of its followers the viewer follows, at
// most limit of each.
func (q *Queries) FamiliarFollowers(ctx context.Context, viewer int64, of []int64, limit int) (map[int64][]int64, error) {
	out := map[int64][]int64{}
	if len(of) == 0 {
		return out, nil
	}
	var rows []struct{ FolloweeID, FollowerID int64 }
	err := q.idb.NewRaw(`SELECT theirs.followee_id, theirs.follower_id FROM follows AS mine
		JOIN follows AS theirs ON theirs.follower_id = mine.followee_id AND theirs.state = ?
		JOIN accounts AS a ON a.id = theirs.follower_id
		JOIN accounts AS whose ON whose.id = theirs.followee_id
		WHERE mine.follower_id = ? AND mine.state = ? AND theirs.followee_id IN (?) AND NOT a.hide_collections AND NOT whose.hide_collections AND a.suspended_at IS NULL AND a.deleted_at IS NULL
		ORDER BY theirs.id DESC LIMIT ?`, Accepted, viewer, Accepted, bun.List(of), limit*len(of)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("find familiar followers: %w", err)
	}
	for _, r := range rows {
		if len(out[r.FolloweeID]) < limit {
			out[r.FolloweeID] = append(out[r.FolloweeID], r.FollowerID)
		}
	}
	return out, nil
}
