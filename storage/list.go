package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Which answers a list shows.
const (
	RepliesFollowed = "followed" // to anybody whom its owner follows
	RepliesList     = "list"     // to members of the list
	RepliesNone     = "none"
)

// A List is some of those whom its owner follows, as a timeline of its own.
type List struct {
	bun.BaseModel `bun:"table:lists,alias:li"`
	ID            int64 `bun:",pk"`
	AccountID     int64
	Title         string
	Replies       string
	Exclusive     bool // its members' posts don't show in home
	CreatedAt     time.Time
}

type listMember struct {
	bun.BaseModel `bun:"table:list_members,alias:lm"`
	ID            int64 `bun:",pk"`
	ListID        int64
	AccountID     int64
}

// AddList stores a new list.
func (tx *Tx) AddList(ctx context.Context, l *List) error {
	l.ID, l.CreatedAt = tx.NewID(tx.Now()), tx.Now()
	_, err := tx.idb.NewInsert().Model(l).Exec(ctx)
	return wrap("add list", err)
}

// SaveList stores a list's changed title and rules.
func (tx *Tx) SaveList(ctx context.Context, l *List) error {
	_, err := tx.idb.NewUpdate().Model(l).Column("title", "replies", "exclusive").WherePK().Exec(ctx)
	return wrap("save list", err)
}

// RemoveList removes a list with its members' entries.
func (tx *Tx) RemoveList(ctx context.Context, list int64) error {
	if _, err := tx.idb.NewRaw("DELETE FROM list_members WHERE list_id = ?", list).Exec(ctx); err != nil {
		return fmt.Errorf("empty list: %w", err)
	}
	_, err := tx.idb.NewRaw("DELETE FROM lists WHERE id = ?", list).Exec(ctx)
	return wrap("remove list", err)
}

// Lists lists an account's lists, oldest first.
func (q *Queries) Lists(ctx context.Context, account int64) ([]*List, error) {
	var rows []*List
	err := q.idb.NewSelect().Model(&rows).Where("li.account_id = ?", account).Order("li.id").Scan(ctx)
	return rows, wrap("list lists", err)
}

// ListByID finds one of the account's own lists.
func (q *Queries) ListByID(ctx context.Context, account, id int64) (*List, error) {
	l := new(List)
	if err := q.idb.NewSelect().Model(l).Where("li.id = ? AND li.account_id = ?", id, account).Scan(ctx); err != nil {
		return nil, notFound("list", err)
	}
	return l, nil
}

// ListsWith lists those of the account's lists that hold somebody.
func (q *Queries) ListsWith(ctx context.Context, account, member int64) ([]*List, error) {
	var rows []*List
	err := q.idb.NewSelect().Model(&rows).Join("JOIN list_members AS lm ON lm.list_id = li.id").Where("li.account_id = ? AND lm.account_id = ?", account, member).Order("li.id").Scan(ctx)
	return rows, wrap("list lists", err)
}

// AddToList puts somebody whom its owner follows, or the owner, into a list; ErrNotFollowed where
// they aren't, ErrExists where they are in it already.
func (tx *Tx) AddToList(ctx context.Context, l *List, member int64) error {
	if member != l.AccountID {
		f, err := tx.FollowBetween(ctx, l.AccountID, member)
		if isNotFound(err) || err == nil && f.State != Accepted {
			return ErrNotFollowed
		}
		if err != nil {
			return err
		}
	}
	res, err := tx.idb.NewInsert().Model(&listMember{ID: tx.NewID(tx.Now()), ListID: l.ID, AccountID: member}).On("CONFLICT DO NOTHING").Exec(ctx)
	if err == nil && !changed(res) {
		return ErrExists
	}
	return wrap("add to list", err)
}

// RemoveFromList takes somebody out of a list.
func (tx *Tx) RemoveFromList(ctx context.Context, list, member int64) error {
	_, err := tx.idb.NewRaw("DELETE FROM list_members WHERE list_id = ? AND account_id = ?", list, member).Exec(ctx)
	return wrap("remove from list", err)
}

// leaveLists takes somebody out of all lists of one who no longer follows them.
func (tx *Tx) leaveLists(ctx context.Context, owner, member int64) error {
	_, err := tx.idb.NewRaw("DELETE FROM list_members WHERE account_id = ? AND list_id IN (SELECT id FROM lists WHERE account_id = ?)", member, owner).Exec(ctx)
	return wrap("leave lists", err)
}

// ListMembers pages through a list's members.
func (q *Queries) ListMembers(ctx context.Context, list int64, page Page) ([]*Account, []int64, error) {
	var rows []*listMember
	s := q.idb.NewSelect().Model(&rows).Join("JOIN accounts AS a ON a.id = lm.account_id").
		Where("lm.list_id = ? AND a.suspended_at IS NULL AND a.deleted_at IS NULL", list).Where(originActive("a.peer"))
	if err := page.apply(s, "lm.id").Scan(ctx); err != nil {
		return nil, nil, fmt.Errorf("list members: %w", err)
	}
	page.order(rows)
	ids, cursors := make([]int64, len(rows)), make([]int64, len(rows))
	for i, r := range rows {
		ids[i], cursors[i] = r.AccountID, r.ID
	}
	return q.accountsInOrder(ctx, ids, cursors)
}

// ListTimeline is what the members of a list posted and shared, of what its owner's home received.
func (q *Queries) ListTimeline(ctx context.Context, l *List, page Page) ([]*Post, error) {
	var rows []*Post
	s := q.inList(q.idb.NewSelect().Model(&rows).Join("JOIN home AS ho ON ho.post_id = p.id").Where("ho.account_id = ?", l.AccountID), l)
	s = page.apply(q.wantedBy(visibleTo(s, "p", l.AccountID), "p", l.AccountID), "ho.post_id")
	if err := s.Scan(ctx); err != nil {
		return nil, fmt.Errorf("read list: %w", err)
	}
	page.order(rows)
	return rows, nil
}

// inList narrows a query over home and posts to what a list shows.
func (q *Queries) inList(s *bun.SelectQuery, l *List) *bun.SelectQuery {
	s = s.Where("ho.author_id IN (SELECT lm.account_id FROM list_members AS lm WHERE lm.list_id = ?)", l.ID)
	switch l.Replies {
	case RepliesNone:
		s = s.Where("(p.in_reply_to_uri = '' OR p.in_reply_to_user = p.author_id)")
	case RepliesList:
		s = s.Where("(p.in_reply_to_uri = '' OR p.in_reply_to_user IN (p.author_id, ?) OR p.in_reply_to_user IN (SELECT lr.account_id FROM list_members AS lr WHERE lr.list_id = ?))", l.AccountID, l.ID)
	default:
		s = s.Where(`(p.in_reply_to_uri = '' OR p.in_reply_to_user IN (p.author_id, ?)
			OR EXISTS (SELECT 1 FROM follows AS lf WHERE lf.follower_id = ? AND lf.followee_id = p.in_reply_to_user AND lf.state = 'accepted'))`, l.AccountID, l.AccountID)
	}
	return s
}

// ShowsInList says whether a list shows a post.
func (q *Queries) ShowsInList(ctx context.Context, l *List, post int64) (bool, error) {
	s := q.inList(q.idb.NewSelect().Model((*Post)(nil)).Join("JOIN home AS ho ON ho.post_id = p.id").Where("ho.account_id = ? AND p.id = ?", l.AccountID, post), l)
	n, err := q.wantedBy(visibleTo(s, "p", l.AccountID), "p", l.AccountID).Count(ctx)
	return n > 0, wrap("look into list", err)
}
