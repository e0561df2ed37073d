package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// A TagFollow brings public posts with a tag into its owner's home.
type TagFollow struct {
	bun.BaseModel `bun:"table:tag_follows,alias:tf"`
	ID            int64 `bun:",pk"`
	AccountID     int64
	Name          string
	CreatedAt     time.Time
}

// FollowTag begins to follow a tag.
func (tx *Tx) FollowTag(ctx context.Context, account int64, name string) error {
	t := &TagFollow{ID: tx.NewID(tx.Now()), AccountID: account, Name: name, CreatedAt: tx.Now()}
	_, err := tx.idb.NewInsert().Model(t).On("CONFLICT DO NOTHING").Exec(ctx)
	return wrap("follow tag", err)
}

// UnfollowTag ends it, and takes out of home what came by this tag alone.
func (tx *Tx) UnfollowTag(ctx context.Context, account int64, name string) error {
	if _, err := tx.idb.NewRaw("DELETE FROM tag_follows WHERE account_id = ? AND name = ?", account, name).Exec(ctx); err != nil {
		return fmt.Errorf("unfollow tag: %w", err)
	}
	_, err := tx.idb.NewRaw(`DELETE FROM home WHERE account_id = ? AND author_id <> ? AND post_id IN (SELECT h.post_id FROM hashtags AS h WHERE h.name = ?)
		AND NOT EXISTS (SELECT 1 FROM follows AS f WHERE f.follower_id = ? AND f.followee_id = home.author_id)
		AND NOT EXISTS (SELECT 1 FROM tag_follows AS tf JOIN hashtags AS h ON h.name = tf.name WHERE tf.account_id = ? AND h.post_id = home.post_id)`, account, account, name, account, account).Exec(ctx)
	return wrap("clear home of tag", err)
}

// FollowedTags pages through the tags that an account follows.
func (q *Queries) FollowedTags(ctx context.Context, account int64, page Page) ([]*TagFollow, error) {
	var rows []*TagFollow
	if err := page.apply(q.idb.NewSelect().Model(&rows).Where("tf.account_id = ?", account), "tf.id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("list followed tags: %w", err)
	}
	page.order(rows)
	return rows, nil
}

// FollowsTags lists, of the tags, those that the account follows.
func (q *Queries) FollowsTags(ctx context.Context, account int64, names []string) (map[string]bool, error) {
	out := map[string]bool{}
	if account == Nobody || len(names) == 0 {
		return out, nil
	}
	var found []string
	if err := q.idb.NewRaw("SELECT name FROM tag_follows WHERE account_id = ? AND name IN (?)", account, bun.List(names)).Scan(ctx, &found); err != nil {
		return nil, fmt.Errorf("read followed tags: %w", err)
	}
	for _, name := range found {
		out[name] = true
	}
	return out, nil
}

// spreadByTag puts a public post into the homes of those who follow one of its tags.
func (tx *Tx) spreadByTag(ctx context.Context, p *Post) error {
	if p.Visibility != Public || p.ShareOfID != 0 {
		return nil
	}
	_, err := tx.idb.NewRaw(`INSERT INTO home (account_id, post_id, author_id, subject_id)
		SELECT DISTINCT tf.account_id, ?, ?, ? FROM tag_follows AS tf JOIN hashtags AS h ON h.name = tf.name WHERE h.post_id = ? ON CONFLICT DO NOTHING`, p.ID, p.AuthorID, p.ID, p.ID).Exec(ctx)
	return wrap("spread by tag", err)
}
