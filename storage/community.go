package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// A community is an account of kind Group; to be a member is to follow it. What is kept here beside the
// account is how one is admitted, how somebody stands to it, and which posts are in it. The posts of
// peers' communities are kept likewise, as those communities tell them.

// How a community admits.
const (
	OpenCommunity = "open"     // whoever follows is a member
	ByApproval    = "approval" // a moderator says yes
	ByInvitation  = "closed"   // a moderator asks first
)

// A Community is what only this node knows of a Group account of its own.
type Community struct {
	bun.BaseModel `bun:"table:communities,alias:c"`
	AccountID     int64 `bun:",pk"`
	Admission     string
	CreatedBy     int64
	CreatedAt     time.Time
}

// Standings: how somebody stands to a community besides being a member.
const (
	Moderator = "moderator"
	Invited   = "invited"
	Banned    = "banned"
)

// States of a post in a community.
const (
	Asked       = "asked" // written for it; it hasn't said yet that it took it in
	InCommunity = "in"
	Removed     = "removed" // by a moderator: it stays its author's
)

// A CommunityPost ties a post to the one community that it was written for.
type CommunityPost struct {
	bun.BaseModel `bun:"table:community_posts,alias:cp"`
	PostID        int64 `bun:",pk"`
	CommunityID   int64
	State         string
	At            time.Time
}

// AddCommunity makes a Group account of ours a community.
func (tx *Tx) AddCommunity(ctx context.Context, c *Community) error {
	c.CreatedAt = tx.Now()
	if _, err := tx.idb.NewInsert().Model(c).Exec(ctx); err != nil {
		return duplicate("community", err)
	}
	return nil
}

// CommunityByID finds a community of this node by its account.
func (q *Queries) CommunityByID(ctx context.Context, account int64) (*Community, error) {
	c := new(Community)
	if err := q.idb.NewSelect().Model(c).Where("c.account_id = ?", account).Scan(ctx); err != nil {
		return nil, notFound("community", err)
	}
	return c, nil
}

// IsMember says whether the account is a member of the community, ours or a peer's.
func (q *Queries) IsMember(ctx context.Context, community, account int64) (bool, error) {
	return q.exists(ctx, "SELECT 1 FROM follows WHERE followee_id = ? AND follower_id = ? AND state = ?", community, account, Accepted)
}

// HasLocalFollower says whether anybody here follows the account.
func (q *Queries) HasLocalFollower(ctx context.Context, account int64) (bool, error) {
	return q.exists(ctx, "SELECT 1 FROM follows WHERE followee_id = ? AND follower_local = ? AND state = ?", account, true, Accepted)
}

// HasStanding says whether somebody stands so to a community.
func (q *Queries) HasStanding(ctx context.Context, community, account int64, standing string) (bool, error) {
	return q.exists(ctx, "SELECT 1 FROM community_people WHERE community_id = ? AND account_id = ? AND standing = ?", community, account, standing)
}

// WithStanding lists who stands so to a community, the earliest first.
func (q *Queries) WithStanding(ctx context.Context, community int64, standing string) ([]*Account, error) {
	var rows []*Account
	err := q.idb.NewSelect().Model(&rows).Join("JOIN community_people AS cc ON cc.account_id = a.id").
		Where("cc.community_id = ? AND cc.standing = ? AND a.deleted_at IS NULL", community, standing).Order("cc.at", "a.id").Limit(1000).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list %s of community: %w", standing, err)
	}
	return rows, nil
}

// SetStanding remembers how somebody stands to a community, and by whose act.
func (tx *Tx) SetStanding(ctx context.Context, community, account int64, standing string, by int64) error {
	_, err := tx.idb.NewRaw("INSERT INTO community_people (community_id, account_id, standing, by_id, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", community, account, standing, by, tx.Now()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("set standing: %w", err)
	}
	return nil
}

// ClearStanding forgets that somebody stands so to a community.
func (tx *Tx) ClearStanding(ctx context.Context, community, account int64, standing string) error {
	if _, err := tx.idb.NewRaw("DELETE FROM community_people WHERE community_id = ? AND account_id = ? AND standing = ?", community, account, standing).Exec(ctx); err != nil {
		return fmt.Errorf("clear standing: %w", err)
	}
	return nil
}

// CommunityOf tells which community a post was written for, and whether it is in it.
func (q *Queries) CommunityOf(ctx context.Context, post int64) (*CommunityPost, error) {
	cp := new(CommunityPost)
	if err := q.idb.NewSelect().Model(cp).Where("cp.post_id = ?", post).Scan(ctx); err != nil {
		return nil, notFound("community of post", err)
	}
	return cp, nil
}

// PutInCommunity notes how a post stands to a community: asked, then in, then perhaps removed, and never
// back. It says whether that is news. A post is in one community at most.
func (tx *Tx) PutInCommunity(ctx context.Context, post, community int64, state string) (bool, error) {
	res, err := tx.idb.NewRaw(`INSERT INTO community_posts (post_id, community_id, state, at) VALUES (?, ?, ?, ?)
		ON CONFLICT (post_id) DO UPDATE SET state = EXCLUDED.state, at = EXCLUDED.at
		WHERE community_posts.community_id = EXCLUDED.community_id AND EXCLUDED.state <> ? AND community_posts.state <> ? AND community_posts.state <> EXCLUDED.state`,
		post, community, state, tx.Now(), Asked, Removed).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("put post in community: %w", err)
	}
	return changed(res), nil
}
