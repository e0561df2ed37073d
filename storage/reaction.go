package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// A Like is somebody's thanks for a post.
type Like struct {
	bun.BaseModel `bun:"table:likes,alias:l"`
	ID            int64 `bun:",pk"`
	AccountID     int64
	PostID        int64
	URI           string
	CreatedAt     time.Time
}

// A Bookmark is a post put aside by its reader; nobody else learns of it.
type Bookmark struct {
	bun.BaseModel `bun:"table:bookmarks,alias:b"`
	ID            int64 `bun:",pk"`
	AccountID     int64
	PostID        int64
	CreatedAt     time.Time
}

// AddLike stores a like with its count and notification; false where the pair has one already.
func (tx *Tx) AddLike(ctx context.Context, l *Like) (bool, error) {
	if l.ID == 0 {
		l.ID = tx.NewID(tx.Now())
	}
	if l.URI == "" {
		l.URI = tx.uris.Like(l.ID)
	}
	l.CreatedAt = tx.Now()
	res, err := tx.idb.NewInsert().Model(l).On("CONFLICT (account_id, post_id) DO NOTHING").Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("add like: %w", err)
	}
	if !changed(res) {
		return false, nil
	}
	if err := tx.countOnPost(ctx, l.PostID, "likes_count", 1); err != nil {
		return false, err
	}
	p, err := tx.PostByID(ctx, l.PostID)
	if err != nil {
		return false, err
	}
	return true, tx.notify(ctx, NotifyLike, p.AuthorID, l.AccountID, p.ID)
}

// LikeBy finds the account's like of a post.
func (q *Queries) LikeBy(ctx context.Context, account, post int64) (*Like, error) {
	l := new(Like)
	if err := q.idb.NewSelect().Model(l).Where("l.account_id = ? AND l.post_id = ?", account, post).Scan(ctx); err != nil {
		return nil, notFound("like", err)
	}
	return l, nil
}

// LikeByURI finds a like by the id of its activity.
func (q *Queries) LikeByURI(ctx context.Context, uri string) (*Like, error) {
	l := new(Like)
	if err := q.idb.NewSelect().Model(l).Where("l.uri = ?", uri).Scan(ctx); err != nil {
		return nil, notFound("like "+uri, err)
	}
	return l, nil
}

// RemoveLike takes a like back; it says whether there was one.
func (tx *Tx) RemoveLike(ctx context.Context, l *Like) (bool, error) {
	res, err := tx.idb.NewDelete().Model((*Like)(nil)).Where("id = ?", l.ID).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("remove like: %w", err)
	}
	if !changed(res) {
		return false, nil
	}
	if _, err := tx.idb.NewRaw("DELETE FROM notifications WHERE kind = ? AND post_id = ? AND from_id = ?", NotifyLike, l.PostID, l.AccountID).Exec(ctx); err != nil {
		return false, fmt.Errorf("remove like: %w", err)
	}
	return true, tx.countOnPost(ctx, l.PostID, "likes_count", -1)
}

// LikedBy pages through who likes a post: accounts, and the like ids that pages count by.
func (q *Queries) LikedBy(ctx context.Context, post int64, page Page) ([]*Account, []int64, error) {
	var likes []*Like
	s := q.idb.NewSelect().Model(&likes).Join("JOIN accounts AS a ON a.id = l.account_id").
		Where("l.post_id = ? AND a.suspended_at IS NULL AND a.deleted_at IS NULL", post).Where(originActive("a.peer"))
	if err := page.apply(s, "l.id").Scan(ctx); err != nil {
		return nil, nil, fmt.Errorf("list likes: %w", err)
	}
	page.order(likes)
	ids, cursors := make([]int64, len(likes)), make([]int64, len(likes))
	for i, l := range likes {
		ids[i], cursors[i] = l.AccountID, l.ID
	}
	return q.accountsInOrder(ctx, ids, cursors)
}

// SharedBy pages through who shared a post, of the shares that the viewer may see.
func (q *Queries) SharedBy(ctx context.Context, viewer, post int64, page Page) ([]*Account, []int64, error) {
	var shares []*Post
	s := visibleTo(q.idb.NewSelect().Model(&shares).Where("p.share_of_id = ?", post), "p", viewer)
	if err := page.apply(s, "p.id").Scan(ctx); err != nil {
		return nil, nil, fmt.Errorf("list shares: %w", err)
	}
	page.order(shares)
	ids, cursors := make([]int64, len(shares)), make([]int64, len(shares))
	for i, p := range shares {
		ids[i], cursors[i] = p.AuthorID, p.ID
	}
	return q.accountsInOrder(ctx, ids, cursors)
}

func (q *Queries) accountsInOrder(ctx context.Context, ids, cursors []int64) ([]*Account, []int64, error) {
	byID, err := q.AccountsByID(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	var accounts []*Account
	var kept []int64
	for i, id := range ids {
		if a := byID[id]; a != nil {
			accounts, kept = append(accounts, a), append(kept, cursors[i])
		}
	}
	return accounts, kept, nil
}

// AddBookmark puts a post aside.
func (tx *Tx) AddBookmark(ctx context.Context, account, post int64) error {
	b := &Bookmark{ID: tx.NewID(tx.Now()), AccountID: account, PostID: post, CreatedAt: tx.Now()}
	if _, err := tx.idb.NewInsert().Model(b).On("CONFLICT (account_id, post_id) DO NOTHING").Exec(ctx); err != nil {
		return fmt.Errorf("add bookmark: %w", err)
	}
	return nil
}

// RemoveBookmark takes a bookmark away.
func (tx *Tx) RemoveBookmark(ctx context.Context, account, post int64) error {
	if _, err := tx.idb.NewDelete().Model((*Bookmark)(nil)).Where("account_id = ? AND post_id = ?", account, post).Exec(ctx); err != nil {
		return fmt.Errorf("remove bookmark: %w", err)
	}
	return nil
}

// Marks is what one viewer did with a post.
type Marks struct{ Liked, Shared, Bookmarked bool }

// MarksOf says what the viewer did with each of the posts.
func (q *Queries) MarksOf(ctx context.Context, viewer int64, posts []int64) (map[int64]Marks, error) {
	out := make(map[int64]Marks, len(posts))
	if len(posts) == 0 || viewer == 0 {
		return out, nil
	}
	var rows []struct {
		PostID int64
		What   string
	}
	err := q.idb.NewRaw(`SELECT post_id, 'like' AS what FROM likes WHERE account_id = ? AND post_id IN (?)
		UNION ALL SELECT post_id, 'bookmark' FROM bookmarks WHERE account_id = ? AND post_id IN (?)
		UNION ALL SELECT share_of_id, 'share' FROM posts WHERE author_id = ? AND deleted_at IS NULL AND share_of_id IN (?)`,
		viewer, bun.List(posts), viewer, bun.List(posts), viewer, bun.List(posts)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read marks: %w", err)
	}
	for _, r := range rows {
		m := out[r.PostID]
		switch r.What {
		case "like":
			m.Liked = true
		case "bookmark":
			m.Bookmarked = true
		case "share":
			m.Shared = true
		}
		out[r.PostID] = m
	}
	return out, nil
}
