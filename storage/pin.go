package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// MaxPins is how many posts one account keeps on top of its profile, and MaxFeaturedTags how many tags.
const (
	MaxPins         = 5
	MaxFeaturedTags = 10
)

// A Pin keeps a post on top of its author's profile.
type Pin struct {
	bun.BaseModel `bun:"table:pins,alias:pi"`
	ID            int64 `bun:",pk"`
	AccountID     int64
	PostID        int64
	CreatedAt     time.Time
}

// AddPin keeps a post on top of its author's profile; false where it is there already. A peer's oldest pin gives
// way to its newest; of one of ours a pin too many is ErrTooManyPins.
func (tx *Tx) AddPin(ctx context.Context, p *Post) (bool, error) {
	pin := &Pin{ID: tx.NewID(tx.Now()), AccountID: p.AuthorID, PostID: p.ID, CreatedAt: tx.Now()}
	res, err := tx.idb.NewInsert().Model(pin).On("CONFLICT (account_id, post_id) DO NOTHING").Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("pin post: %w", err)
	}
	if !changed(res) {
		return false, nil
	}
	var ids []int64
	if err := tx.idb.NewRaw("SELECT id FROM pins WHERE account_id = ? ORDER BY id DESC", p.AuthorID).Scan(ctx, &ids); err != nil {
		return false, fmt.Errorf("count pins: %w", err)
	}
	if len(ids) <= MaxPins {
		return true, nil
	}
	if p.Local() {
		return false, ErrTooManyPins
	}
	if _, err := tx.idb.NewRaw("DELETE FROM pins WHERE id IN (?)", bun.List(ids[MaxPins:])).Exec(ctx); err != nil {
		return false, fmt.Errorf("drop old pins: %w", err)
	}
	return true, nil
}

// RemovePin takes a post off the top; it says whether it was there.
func (tx *Tx) RemovePin(ctx context.Context, p *Post) (bool, error) {
	res, err := tx.idb.NewRaw("DELETE FROM pins WHERE account_id = ? AND post_id = ?", p.AuthorID, p.ID).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("unpin post: %w", err)
	}
	return changed(res), nil
}

// PinnedPosts is what the viewer may see of what an account pinned, the newest pin first.
func (q *Queries) PinnedPosts(ctx context.Context, viewer, account int64) ([]*Post, error) {
	ids, err := q.Pins(ctx, account)
	if err != nil {
		return nil, err
	}
	return q.visibleInOrder(ctx, viewer, ids)
}

// Pins lists the posts that an account pinned, the newest pin first, whoever may see them.
func (q *Queries) Pins(ctx context.Context, account int64) ([]int64, error) {
	var ids []int64
	if err := q.idb.NewRaw("SELECT post_id FROM pins WHERE account_id = ? ORDER BY id DESC", account).Scan(ctx, &ids); err != nil {
		return nil, fmt.Errorf("list pins: %w", err)
	}
	return ids, nil
}

// Pinned says which of the posts their authors pinned.
func (q *Queries) Pinned(ctx context.Context, posts []int64) (map[int64]bool, error) {
	out := make(map[int64]bool)
	if len(posts) == 0 {
		return out, nil
	}
	var ids []int64
	if err := q.idb.NewRaw("SELECT post_id FROM pins WHERE post_id IN (?)", bun.List(posts)).Scan(ctx, &ids); err != nil {
		return nil, fmt.Errorf("read pins: %w", err)
	}
	for _, id := range ids {
		out[id] = true
	}
	return out, nil
}

// A FeaturedTag is a hashtag that an account shows on its profile.
type FeaturedTag struct {
	bun.BaseModel `bun:"table:featured_tags,alias:ft"`
	ID            int64 `bun:",pk"`
	AccountID     int64
	Name          string // lower case, without #
	CreatedAt     time.Time
}

// AddFeaturedTag shows a tag on a profile; false where it is there already or there are MaxFeaturedTags.
func (tx *Tx) AddFeaturedTag(ctx context.Context, account int64, name string) (bool, error) {
	tags, err := tx.FeaturedTags(ctx, account)
	if err != nil || len(tags) >= MaxFeaturedTags {
		return false, err
	}
	t := &FeaturedTag{ID: tx.NewID(tx.Now()), AccountID: account, Name: name, CreatedAt: tx.Now()}
	res, err := tx.idb.NewInsert().Model(t).On("CONFLICT (account_id, name) DO NOTHING").Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("feature tag: %w", err)
	}
	return changed(res), nil
}

// RemoveFeaturedTag takes a tag off a profile; it says whether it was there.
func (tx *Tx) RemoveFeaturedTag(ctx context.Context, account int64, name string) (bool, error) {
	res, err := tx.idb.NewRaw("DELETE FROM featured_tags WHERE account_id = ? AND name = ?", account, name).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("unfeature tag: %w", err)
	}
	return changed(res), nil
}

// FeaturedTags lists the tags on an account's profile, in the order of their coming.
func (q *Queries) FeaturedTags(ctx context.Context, account int64) ([]*FeaturedTag, error) {
	var rows []*FeaturedTag
	if err := q.idb.NewSelect().Model(&rows).Where("ft.account_id = ?", account).Order("ft.id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("list featured tags: %w", err)
	}
	return rows, nil
}

// TagUse is how often an account used a tag in its public posts, and when last (a day, or empty).
type TagUse struct {
	Posts  int
	LastOn string
}

// TagUses counts the public posts of an account with each of the tags.
func (q *Queries) TagUses(ctx context.Context, account int64, names []string) (map[string]TagUse, error) {
	out := map[string]TagUse{}
	if len(names) == 0 {
		return out, nil
	}
	var rows []struct {
		Name   string
		Posts  int
		LastID int64
	}
	err := q.idb.NewRaw(`SELECT h.name AS name, COUNT(*) AS posts, MAX(p.id) AS last_id FROM hashtags AS h JOIN posts AS p ON p.id = h.post_id
		WHERE p.author_id = ? AND h.name IN (?) AND p.visibility IN (?, ?) AND p.deleted_at IS NULL GROUP BY h.name`, account, bun.List(names), Public, Unlisted).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count tags: %w", err)
	}
	for _, r := range rows {
		out[r.Name] = TagUse{r.Posts, IDTime(r.LastID).UTC().Format(time.DateOnly)}
	}
	return out, nil
}

// OwnTags lists the tags that an account used most in its public posts.
func (q *Queries) OwnTags(ctx context.Context, account int64, limit int) ([]string, error) {
	var names []string
	err := q.idb.NewRaw(`SELECT h.name FROM hashtags AS h JOIN posts AS p ON p.id = h.post_id
		WHERE p.author_id = ? AND p.visibility IN (?, ?) AND p.deleted_at IS NULL GROUP BY h.name ORDER BY COUNT(*) DESC, h.name LIMIT ?`, account, Public, Unlisted, limit).Scan(ctx, &names)
	if err != nil {
		return nil, fmt.Errorf("list own tags: %w", err)
	}
	return names, nil
}
