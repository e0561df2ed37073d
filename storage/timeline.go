package storage

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/uptrace/bun"
)

// A Page is a window on a list that is ordered by id, newest first. Zero ends are open.
// With MinID the page is the one just above it; otherwise the newest below MaxID.
type Page struct {
	MaxID, SinceID, MinID int64
	Limit                 int
}

func (pg Page) apply(s *bun.SelectQuery, column string) *bun.SelectQuery {
	if pg.MaxID > 0 {
		s = s.Where(column+" < ?", pg.MaxID)
	}
	if pg.SinceID > 0 {
		s = s.Where(column+" > ?", pg.SinceID)
	}
	if pg.MinID > 0 {
		return s.Where(column+" > ?", pg.MinID).Order(column + " ASC").Limit(int64(pg.limit()))
	}
	return s.Order(column + " DESC").Limit(int64(pg.limit()))
}

func (pg Page) limit() int {
	if pg.Limit <= 0 {
		return 20
	}
	return pg.Limit
}

// order turns rows read upwards from MinID newest first again.
func (pg Page) order(rows any) {
	if pg.MinID <= 0 {
		return
	}
	swap := reflect.Swapper(rows)
	for i, j := 0, reflect.ValueOf(rows).Len()-1; i < j; i, j = i+1, j-1 {
		swap(i, j)
	}
}

// HomeTimeline is what those whom the account follows posted and shared, and its own. Members of
// an exclusive list show there only.
func (q *Queries) HomeTimeline(ctx context.Context, account int64, page Page) ([]*Post, error) {
	var rows []*Post
	s := q.idb.NewSelect().Model(&rows).Join("JOIN home AS ho ON ho.post_id = p.id").Where("ho.account_id = ?", account)
	s = page.apply(q.inHome(s, account), "ho.post_id")
	if err := s.Scan(ctx); err != nil {
		return nil, fmt.Errorf("read home: %w", err)
	}
	page.order(rows)
	return rows, nil
}

// inHome narrows a query over home and posts to what home shows.
func (q *Queries) inHome(s *bun.SelectQuery, account int64) *bun.SelectQuery {
	return q.wantedBy(visibleTo(s, "p", account), "p", account).
		Where("NOT EXISTS (SELECT 1 FROM list_members AS xm JOIN lists AS xl ON xl.id = xm.list_id WHERE xl.account_id = ? AND xl.exclusive = ? AND xm.account_id = ho.author_id)", account, true)
}

// ShowsInHome says whether an account's home shows a post.
func (q *Queries) ShowsInHome(ctx context.Context, account, post int64) (bool, error) {
	s := q.idb.NewSelect().Model((*Post)(nil)).Join("JOIN home AS ho ON ho.post_id = p.id").Where("ho.account_id = ? AND p.id = ?", account, post)
	n, err := q.inHome(s, account).Count(ctx)
	return n > 0, wrap("look into home", err)
}

// Side narrows a public timeline to posts of this node or of peers.
type Side int

// Both sides, or one.
const (
	BothSides Side = iota
	LocalSide
	RemoteSide
)

// PublicTimeline is every public post that the viewer may see; no shares, no replies to others.
func (q *Queries) PublicTimeline(ctx context.Context, viewer int64, side Side, onlyMedia bool, page Page) ([]*Post, error) {
	var rows []*Post
	s := q.idb.NewSelect().Model(&rows).
		Where("p.visibility = ? AND p.share_of_id IS NULL AND p.backfilled = ?", Public, false).Where(unlimited("p")).
		Where("(p.in_reply_to_uri = '' OR p.in_reply_to_user = p.author_id)")
	return q.timeline(ctx, q.wantedBy(s, "p", viewer), &rows, viewer, side, onlyMedia, page)
}

// Tags chooses posts by hashtag: those with any of the first, all of the second, none of the third.
type Tags struct{ Any, All, None []string }

// HashtagTimeline is every public post with the tags.
func (q *Queries) HashtagTimeline(ctx context.Context, viewer int64, tags Tags, side Side, onlyMedia bool, page Page) ([]*Post, error) {
	var rows []*Post
	s := q.idb.NewSelect().Model(&rows).Where("p.visibility = ? AND p.share_of_id IS NULL", Public).Where(unlimited("p"))
	if len(tags.Any) == 1 { // the index gives them in order
		s = s.Join("JOIN hashtags AS h ON h.post_id = p.id").Where("h.name = ?", tags.Any[0])
	} else {
		s = s.Where("p.id IN (SELECT h.post_id FROM hashtags AS h WHERE h.name IN (?))", bun.List(tags.Any))
	}
	for _, name := range tags.All {
		s = s.Where("EXISTS (SELECT 1 FROM hashtags AS ha WHERE ha.post_id = p.id AND ha.name = ?)", name)
	}
	if len(tags.None) > 0 {
		s = s.Where("NOT EXISTS (SELECT 1 FROM hashtags AS hn WHERE hn.post_id = p.id AND hn.name IN (?))", bun.List(tags.None))
	}
	return q.timeline(ctx, q.wantedBy(s, "p", viewer), &rows, viewer, side, onlyMedia, page)
}

func (q *Queries) timeline(ctx context.Context, s *bun.SelectQuery, rows *[]*Post, viewer int64, side Side, onlyMedia bool, page Page) ([]*Post, error) {
	switch side {
	case LocalSide:
		s = s.Where("p.origin = ''")
	case RemoteSide:
		s = s.Where("p.origin <> ''")
	}
	if onlyMedia {
		s = s.Where("EXISTS (SELECT 1 FROM media AS me WHERE me.post_id = p.id)")
	}
	if err := page.apply(visibleTo(s, "p", viewer), "p.id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read timeline: %w", err)
	}
	page.order(*rows)
	return *rows, nil
}

// An AccountFilter narrows what is shown of an account.
type AccountFilter struct {
	OnlyMedia, NoReplies, NoShares bool
	Tagged                         string
}

// AccountTimeline is what the viewer may see of an account's posts and shares.
func (q *Queries) AccountTimeline(ctx context.Context, viewer, account int64, f AccountFilter, page Page) ([]*Post, error) {
	var rows []*Post
	s := q.idb.NewSelect().Model(&rows).Where("p.author_id = ?", account)
	if f.NoReplies {
		s = s.Where("(p.in_reply_to_uri = '' OR p.in_reply_to_user = p.author_id)")
	}
	if f.NoShares {
		s = s.Where("p.share_of_id IS NULL")
	}
	if f.Tagged != "" {
		s = s.Where("EXISTS (SELECT 1 FROM hashtags AS h WHERE h.post_id = p.id AND h.name = ?)", f.Tagged)
	}
	return q.timeline(ctx, s, &rows, viewer, BothSides, f.OnlyMedia, page)
}

// OutboxPosts is what a peer's server may read of a local account's outbox: its public posts
// and shares in the peer's circles, newest first.
func (q *Queries) OutboxPosts(ctx context.Context, account int64, peer *Peer, page Page) ([]*Post, error) {
	var rows []*Post
	s := q.idb.NewSelect().Model(&rows).
		Where("p.author_id = ? AND p.visibility IN (?, ?) AND p.circle IN (?) AND p.deleted_at IS NULL", account, Public, Unlisted, bun.List(circlesFor(peer)))
	if err := page.apply(s, "p.id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	page.order(rows)
	return rows, nil
}

// RepliesTo pages through the direct answers to a post, whoever may see them: the caller asks that
// of each.
func (q *Queries) RepliesTo(ctx context.Context, post int64, page Page) ([]*Post, error) {
	var rows []*Post
	if err := page.apply(q.idb.NewSelect().Model(&rows).Where("p.in_reply_to_id = ? AND p.deleted_at IS NULL", post), "p.id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read replies: %w", err)
	}
	page.order(rows)
	return rows, nil
}

// Bookmarked and Liked page through what the account put aside or liked: posts, and the ids
// that pages count by.
func (q *Queries) Bookmarked(ctx context.Context, account int64, page Page) ([]*Post, []int64, error) {
	return q.marked(ctx, "bookmarks", account, page)
}

// Liked pages through what the account liked.
func (q *Queries) Liked(ctx context.Context, account int64, page Page) ([]*Post, []int64, error) {
	return q.marked(ctx, "likes", account, page)
}

func (q *Queries) marked(ctx context.Context, table string, account int64, page Page) ([]*Post, []int64, error) {
	var rows []*Bookmark
	s := q.idb.NewSelect().Model(&rows).ModelTableExpr("? AS b", bun.Ident(table)).Column("b.id", "b.post_id").
		Join("JOIN posts AS p ON p.id = b.post_id").Where("b.account_id = ?", account)
	if err := page.apply(visibleTo(s, "p", account), "b.id").Scan(ctx); err != nil {
		return nil, nil, fmt.Errorf("list %s: %w", table, err)
	}
	page.order(rows)
	ids := make([]int64, len(rows))
	for i, r := range rows {
		ids[i] = r.PostID
	}
	byID, err := q.PostsByID(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	var posts []*Post
	var cursors []int64
	for i, id := range ids {
		if p := byID[id]; p != nil {
			posts, cursors = append(posts, p), append(cursors, rows[i].ID)
		}
	}
	return posts, cursors, nil
}

// Thread limits: how much of a conversation is read at once.
const (
	MaxAncestors   = 100
	MaxDescendants = 1000
)

// Ancestors lists what a post answers, the first of the conversation first, as far as the
// viewer may see.
func (q *Queries) Ancestors(ctx context.Context, viewer int64, p *Post) ([]*Post, error) {
	var ids []int64
	err := q.idb.NewRaw(`WITH RECURSIVE up(id, parent, depth) AS (
		SELECT id, in_reply_to_id, 0 FROM posts WHERE id = ?
		UNION ALL SELECT q.id, q.in_reply_to_id, up.depth + 1 FROM posts AS q JOIN up ON q.id = up.parent WHERE up.depth < ?)
		SELECT id FROM up WHERE depth > 0 ORDER BY depth DESC`, p.ID, MaxAncestors).Scan(ctx, &ids)
	if err != nil {
		return nil, fmt.Errorf("read ancestors: %w", err)
	}
	return q.visibleInOrder(ctx, viewer, ids)
}

// Descendants lists the answers to a post, each after what it answers, as far as the viewer may see.
func (q *Queries) Descendants(ctx context.Context, viewer int64, p *Post) ([]*Post, error) {
	var rows []*Post
	err := q.idb.NewRaw(`WITH RECURSIVE down(id, depth) AS (
		SELECT id, 0 FROM posts WHERE id = ?
		UNION ALL SELECT q.id, down.depth + 1 FROM posts AS q JOIN down ON q.in_reply_to_id = down.id WHERE down.depth < 50)
		SELECT id FROM down WHERE depth > 0 ORDER BY id LIMIT ?`, p.ID, MaxDescendants).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read descendants: %w", err)
	}
	ids := make([]int64, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	posts, err := q.visibleInOrder(ctx, viewer, ids)
	if err != nil {
		return nil, err
	}
	// Depth first, as a reader follows a conversation.
	children := map[int64][]*Post{}
	for _, d := range posts {
		children[d.InReplyToID] = append(children[d.InReplyToID], d)
	}
	var out []*Post
	var walk func(int64)
	walk = func(id int64) {
		below := children[id]
		delete(children, id) // nobody is visited twice, whatever circle peers may have made
		for _, c := range below {
			out = append(out, c)
			walk(c.ID)
		}
	}
	walk(p.ID)
	return out, nil
}

func (q *Queries) visibleInOrder(ctx context.Context, viewer int64, ids []int64) ([]*Post, error) {
	byID, err := q.VisiblePosts(ctx, viewer, ids)
	if err != nil {
		return nil, err
	}
	var out []*Post
	for _, id := range ids {
		if p := byID[id]; p != nil {
			out = append(out, p)
			delete(byID, id)
		}
	}
	return out, nil
}

// HomeBackfill is how many posts of somebody newly followed enter home, and HomeLength how
// long home is kept. Home is a cache: FillHome can make it again from follows and posts.
const (
	HomeBackfill = 40
	HomeLength   = 2000
)

// spreadHome puts a post in front of the author's local followers and the author. A share of
// something that a follower has seen within a day isn't put there again.
func (tx *Tx) spreadHome(ctx context.Context, p *Post) error {
	if p.Visibility == Direct {
		return tx.spreadDirect(ctx, p)
	}
	if p.Visibility == Members {
		return tx.ownHome(ctx, p, p.ID) // the members get it by the community's share
	}
	subject := p.ID
	if p.ShareOfID != 0 {
		subject = p.ShareOfID
	}
	args := []any{p.ID, p.AuthorID, subject, p.AuthorID, Accepted, true}
	query := `INSERT INTO home (account_id, post_id, author_id, subject_id)
		SELECT f.follower_id, ?, ?, ? FROM follows AS f WHERE f.followee_id = ? AND f.state = ? AND f.follower_local = ?`
	if p.ShareOfID != 0 {
		query += ` AND f.show_shares = ? AND NOT EXISTS (SELECT 1 FROM home AS seen WHERE seen.account_id = f.follower_id AND seen.subject_id = ? AND seen.post_id > ?)`
		args = append(args, true, subject, firstIDAt(tx.Now().Add(-24*time.Hour)))
	}
	if _, err := tx.idb.NewRaw(query+" ON CONFLICT DO NOTHING", args...).Exec(ctx); err != nil {
		return fmt.Errorf("spread to homes: %w", err)
	}
	if err := tx.spreadByTag(ctx, p); err != nil {
		return err
	}
	return tx.ownHome(ctx, p, subject)
}

// ownHome puts what one of ours wrote or shared into its author's own home.
func (tx *Tx) ownHome(ctx context.Context, p *Post, subject int64) error {
	if !p.Local() {
		return nil
	}
	own := "INSERT INTO home (account_id, post_id, author_id, subject_id) SELECT a.id, ?, a.id, ? FROM accounts AS a WHERE a.id = ?"
	args := []any{p.ID, subject, p.AuthorID}
	if p.ShareOfID != 0 {
		own += " AND NOT EXISTS (SELECT 1 FROM home AS seen WHERE seen.account_id = a.id AND seen.subject_id = ? AND seen.post_id > ?)"
		args = append(args, subject, firstIDAt(tx.Now().Add(-24*time.Hour)))
	}
	if _, err := tx.idb.NewRaw(own+" ON CONFLICT DO NOTHING", args...).Exec(ctx); err != nil {
		return fmt.Errorf("spread to own home: %w", err)
	}
	return nil
}

// spreadDirect shows a direct post in the homes of those followers whom it names.
func (tx *Tx) spreadDirect(ctx context.Context, p *Post) error {
	_, err := tx.idb.NewRaw(`INSERT INTO home (account_id, post_id, author_id, subject_id)
		SELECT f.follower_id, ?, ?, ? FROM follows AS f JOIN mentions AS m ON m.account_id = f.follower_id AND m.post_id = ?
		WHERE f.followee_id = ? AND f.state = ? AND f.follower_local = ? ON CONFLICT DO NOTHING`, p.ID, p.AuthorID, p.ID, p.ID, p.AuthorID, Accepted, true).Exec(ctx)
	if err != nil {
		return fmt.Errorf("spread direct post: %w", err)
	}
	return nil
}

// fillHome puts the newest posts of somebody newly followed into the follower's home.
func (tx *Tx) fillHome(ctx context.Context, follower, followee int64) error {
	_, err := tx.idb.NewRaw(`INSERT INTO home (account_id, post_id, author_id, subject_id)
		SELECT ?, p.id, p.author_id, COALESCE(p.share_of_id, p.id) FROM posts AS p
		WHERE p.author_id = ? AND p.deleted_at IS NULL AND p.visibility <> ? AND p.backfilled = ?
		ORDER BY p.id DESC LIMIT ? ON CONFLICT DO NOTHING`, follower, followee, Direct, false, HomeBackfill).Exec(ctx)
	if err != nil {
		return fmt.Errorf("fill home: %w", err)
	}
	return nil
}
