package storage

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// Streams ask here who of the people that listen may be concerned by a post, and what each of them
// is then shown of it.

// InHomes lists, of the accounts, those in whose home the post is.
func (q *Queries) InHomes(ctx context.Context, post int64, among []int64) ([]int64, error) {
	return q.among(ctx, among, "SELECT account_id FROM home WHERE post_id = ? AND account_id IN (?)", post, bun.List(among))
}

// HadPost lists, of the accounts, those who may have been shown a post that is deleted now: its
// author, those it named and, unless it was for these alone, the author's followers.
func (q *Queries) HadPost(ctx context.Context, p *Post, among []int64) ([]int64, error) {
	list := bun.List(among)
	return q.among(ctx, among, `SELECT id FROM accounts WHERE id = ? AND id IN (?)
		UNION SELECT account_id FROM mentions WHERE post_id = ? AND account_id IN (?)
		UNION SELECT follower_id FROM follows WHERE followee_id = ? AND state = ? AND ? NOT IN (?, ?) AND follower_id IN (?)`,
		p.AuthorID, list, p.ID, list, p.AuthorID, Accepted, p.Visibility, Direct, Members, list)
}

func (q *Queries) among(ctx context.Context, among []int64, query string, args ...any) ([]int64, error) {
	var ids []int64
	if len(among) == 0 {
		return nil, nil
	}
	if err := q.idb.NewRaw(query, args...).Scan(ctx, &ids); err != nil {
		return nil, fmt.Errorf("ask who is concerned: %w", err)
	}
	return ids, nil
}

// ShowsInPublic says whether the public timeline, and those of its tags, show a post to a viewer.
func (q *Queries) ShowsInPublic(ctx context.Context, viewer, post int64) (bool, error) {
	s := q.idb.NewSelect().Model((*Post)(nil)).Where("p.id = ? AND p.visibility = ? AND p.share_of_id IS NULL", post, Public)
	n, err := q.wantedBy(visibleTo(s, "p", viewer), "p", viewer).Count(ctx)
	return n > 0, wrap("look into the public timeline", err)
}
