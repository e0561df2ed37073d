package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// Why a part of a conversation is missing here.
const (
	GapNotLinked  = "not_linked" // it is on a host that is no peer of this node
	GapGone       = "gone"       // its host says that it doesn't exist any more
	GapRefused    = "refused"    // its host doesn't give it to this node
	GapNoAnswer   = "no_answer"  // its host has not answered yet
	GapUnreadable = "unreadable" // what its host gave is no post that this node can trust
	GapTooMuch    = "too_much"   // there is more than this node fetches at once
)

// A MissingPart says that something is missing beside a post: what it answers (Above) or an answer to
// it. It holds no name, host or number: what is on a host that is no peer is nobody's business.
type MissingPart struct {
	PostID int64
	Above  bool
	Reason string
}

// NoteGap remembers why a part of a conversation, by its id on the wire, isn't here.
func (tx *Tx) NoteGap(ctx context.Context, post int64, part string, above bool, reason string) error {
	_, err := tx.idb.NewRaw(`INSERT INTO thread_gaps (post_id, part, above, reason, noted_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (post_id, part) DO UPDATE SET reason = EXCLUDED.reason, noted_at = EXCLUDED.noted_at`, post, part, above, reason, tx.Now()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("note missing part: %w", err)
	}
	return nil
}

// fillGaps forgets that a part was missing: it has arrived.
func (tx *Tx) fillGaps(ctx context.Context, part string) error {
	if _, err := tx.idb.NewRaw("DELETE FROM thread_gaps WHERE part = ?", part).Exec(ctx); err != nil {
		return fmt.Errorf("fill gaps: %w", err)
	}
	return nil
}

// ForgetGaps forgets what is missing below the posts: their answers are about to be asked for again.
func (tx *Tx) ForgetGaps(ctx context.Context, posts []int64) error {
	if len(posts) == 0 {
		return nil
	}
	if _, err := tx.idb.NewRaw("DELETE FROM thread_gaps WHERE post_id IN (?) AND above = ?", bun.List(posts), false).Exec(ctx); err != nil {
		return fmt.Errorf("forget gaps: %w", err)
	}
	return nil
}

// MissingParts says what is missing beside the posts of a conversation, of those that the viewer may
// see: what could not be fetched, and what is here but comes from a host that isn't a peer any more.
// Each reason is given once per post and side.
func (q *Queries) MissingParts(ctx context.Context, viewer int64, posts []*Post) ([]MissingPart, error) {
	if len(posts) == 0 {
		return nil, nil
	}
	ids := make([]int64, len(posts))
	for i, p := range posts {
		ids[i] = p.ID
	}
	seen, err := q.VisiblePosts(ctx, viewer, ids)
	if err != nil {
		return nil, err
	}
	ids = slices.DeleteFunc(ids, func(id int64) bool { return seen[id] == nil })
	if len(ids) == 0 {
		return nil, nil
	}
	var parts []MissingPart
	hidden := "NOT " + originActive("o.origin") + " AND o.deleted_at IS NULL AND o.share_of_id IS NULL"
	err = q.idb.NewRaw(`SELECT post_id, above, reason FROM thread_gaps WHERE post_id IN (?)
		UNION SELECT p.id AS post_id, ? AS above, ? AS reason FROM posts AS p JOIN posts AS o ON o.id = p.in_reply_to_id WHERE p.id IN (?) AND `+hidden+`
		UNION SELECT o.in_reply_to_id AS post_id, ? AS above, ? AS reason FROM posts AS o WHERE o.in_reply_to_id IN (?) AND `+hidden+`
		ORDER BY post_id, above, reason`,
		bun.List(ids), true, GapNotLinked, bun.List(ids), false, GapNotLinked, bun.List(ids)).Scan(ctx, &parts)
	if err != nil {
		return nil, fmt.Errorf("read missing parts: %w", err)
	}
	return parts, nil
}

// ThreadRoot finds the first known post of a conversation, looking at most MaxAncestors up.
func (q *Queries) ThreadRoot(ctx context.Context, post int64) (*Post, error) {
	p := new(Post)
	err := q.idb.NewSelect().Model(p).Where(`p.id = (WITH RECURSIVE up(id, parent, depth) AS (
		SELECT id, in_reply_to_id, 0 FROM posts WHERE id = ?
		UNION ALL SELECT q.id, q.in_reply_to_id, up.depth + 1 FROM posts AS q JOIN up ON q.id = up.parent WHERE up.depth < ?)
		SELECT id FROM up ORDER BY depth DESC LIMIT 1)`, post, MaxAncestors).Scan(ctx)
	if err != nil {
		return nil, notFound("thread", err)
	}
	return p, nil
}

// conversation is the part of a query that walks down from a post, the post itself included.
const conversation = `WITH RECURSIVE down(id, depth) AS (
	SELECT id, 0 FROM posts WHERE id = ?
	UNION ALL SELECT q.id, down.depth + 1 FROM posts AS q JOIN down ON q.in_reply_to_id = down.id WHERE down.depth < 50) `

// RemoteInThread lists the posts of peers in a conversation, from its first post down, oldest first.
func (q *Queries) RemoteInThread(ctx context.Context, root int64, limit int) ([]*Post, error) {
	var rows []*Post
	err := q.idb.NewSelect().Model(&rows).Where("p.id IN ("+conversation+"SELECT id FROM down)", root).
		Where("p.origin <> '' AND p.deleted_at IS NULL").Where(originActive("p.origin")).Order("p.id").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read thread: %w", err)
	}
	return rows, nil
}

// PublicInThread pages through what of a conversation is public in the whole network, and counts it:
// the list that peers may ask for. Of each local post the caller asks whether the peer sees it.
func (q *Queries) PublicInThread(ctx context.Context, root int64, page Page) ([]*Post, int64, error) {
	var rows []*Post
	s := q.idb.NewSelect().Model(&rows).Where("p.id IN ("+conversation+"SELECT id FROM down)", root)
	s = visibleTo(s, "p", Nobody)
	total, err := s.Count(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("count thread: %w", err)
	}
	if err := page.apply(s, "p.id").Scan(ctx); err != nil {
		return nil, 0, fmt.Errorf("read thread: %w", err)
	}
	page.order(rows)
	return rows, int64(total), nil
}

// A ThreadFetch is one walk through a conversation on peers' nodes, and what it has spent so far.
// However many jobs it becomes, they share its budget.
type ThreadFetch struct {
	bun.BaseModel `bun:"table:thread_fetches,alias:tf"`

	PostID    int64 `bun:",pk"` // the first known post of the conversation
	Run       int64 // which walk: an older one's jobs have nothing left to spend
	Origin    string
	StartedAt time.Time
	Requests  int
	Posts     int
	Bytes     int
	Hosts     string // JSON, each once
}

// What one fetch of a thread may cost, and how often it may be done.
const (
	ThreadRefresh  = 5 * time.Minute
	ThreadTime     = 15 * time.Minute
	ThreadRequests = 200
	ThreadPosts    = 150
	ThreadBytes    = 16 << 20
	ThreadHosts    = 20
	// ThreadsPerOrigin bounds, by the hour, the fetches that one peer's posts can cause.
	ThreadsPerOrigin = 300
)

// ThreadDue says whether a conversation may be fetched (again).
func (q *Queries) ThreadDue(ctx context.Context, root int64) (bool, error) {
	recent, err := q.exists(ctx, "SELECT 1 FROM thread_fetches WHERE post_id = ? AND started_at > ?", root, q.now().Add(-ThreadRefresh))
	return !recent, err
}

// StartThread begins a walk, unless there was one a moment ago or the origin, where there is one,
// has caused enough of them. It gives the walk's number, or 0.
func (tx *Tx) StartThread(ctx context.Context, root int64, origin string) (int64, error) {
	if origin != "" {
		var n int
		if err := tx.idb.NewRaw("SELECT COUNT(*) FROM thread_fetches WHERE origin = ? AND started_at > ?", origin, tx.Now().Add(-time.Hour)).Scan(ctx, &n); err != nil {
			return 0, fmt.Errorf("start thread: %w", err)
		}
		if n >= ThreadsPerOrigin {
			return 0, nil
		}
	}
	run := tx.NewID(tx.Now())
	res, err := tx.idb.NewRaw(`INSERT INTO thread_fetches (post_id, run, origin, started_at, requests, posts, bytes, hosts) VALUES (?, ?, ?, ?, 0, 0, 0, '[]')
		ON CONFLICT (post_id) DO UPDATE SET run = EXCLUDED.run, started_at = EXCLUDED.started_at, requests = 0, posts = 0, bytes = 0, hosts = '[]'
		WHERE thread_fetches.started_at <= ?`, root, run, origin, tx.Now(), tx.Now().Add(-ThreadRefresh)).Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("start thread: %w", err)
	}
	if !changed(res) {
		return 0, nil
	}
	return run, nil
}

// SpendOnThread takes one request to a host from what a walk may still spend. Where nothing is left
// it gives the reason: GapTooMuch, or GapNoAnswer where the time is over.
func (tx *Tx) SpendOnThread(ctx context.Context, root, run int64, host string) (reason string, err error) {
	res, err := tx.idb.NewRaw("UPDATE thread_fetches SET requests = requests + 1 WHERE post_id = ? AND run = ? AND requests < ? AND posts < ? AND bytes < ?",
		root, run, ThreadRequests, ThreadPosts, ThreadBytes).Exec(ctx)
	if err != nil {
		return "", fmt.Errorf("spend on thread: %w", err)
	}
	f := new(ThreadFetch)
	if err := tx.idb.NewSelect().Model(f).Where("tf.post_id = ? AND tf.run = ?", root, run).Scan(ctx); err != nil {
		if err = notFound("thread fetch", err); isNotFound(err) {
			return GapNoAnswer, nil // a newer walk is under way
		}
		return "", err
	}
	if tx.Now().Sub(f.StartedAt) > ThreadTime {
		return GapNoAnswer, nil
	}
	if !changed(res) {
		return GapTooMuch, nil
	}
	var hosts []string
	if err := json.Unmarshal([]byte(f.Hosts), &hosts); err != nil {
		return "", fmt.Errorf("read hosts of thread: %w", err)
	}
	if slices.Contains(hosts, host) {
		return "", nil
	}
	if len(hosts) >= ThreadHosts {
		return GapTooMuch, nil
	}
	list, err := json.Marshal(append(hosts, host))
	if err != nil {
		return "", err
	}
	if _, err := tx.idb.NewRaw("UPDATE thread_fetches SET hosts = ? WHERE post_id = ?", string(list), root).Exec(ctx); err != nil {
		return "", fmt.Errorf("spend on thread: %w", err)
	}
	return "", nil
}

// CountOnThread adds what a request brought.
func (tx *Tx) CountOnThread(ctx context.Context, root, run int64, posts, bytes int) error {
	if _, err := tx.idb.NewRaw("UPDATE thread_fetches SET posts = posts + ?, bytes = bytes + ? WHERE post_id = ? AND run = ?", posts, bytes, root, run).Exec(ctx); err != nil {
		return fmt.Errorf("count on thread: %w", err)
	}
	return nil
}

// ForgetPart forgets that a part was missing beside a post: it was none.
func (tx *Tx) ForgetPart(ctx context.Context, post int64, part string) error {
	if _, err := tx.idb.NewRaw("DELETE FROM thread_gaps WHERE post_id = ? AND part = ?", post, part).Exec(ctx); err != nil {
		return fmt.Errorf("forget part: %w", err)
	}
	return nil
}

// adoptReplies ties to a post the answers that arrived before it, and fills the gap that it left in
// its conversation. What the post itself answers, however far up, is never its answer: a peer could
// make a circle of posts, and readers would walk round it.
func (tx *Tx) adoptReplies(ctx context.Context, p *Post) error {
	if p.ShareOfID != 0 || p.Local() {
		return nil // an answer to a local post always finds it
	}
	if err := tx.fillGaps(ctx, p.URI); err != nil {
		return err
	}
	_, err := tx.idb.NewRaw(`UPDATE posts SET in_reply_to_id = ?, in_reply_to_user = ? WHERE in_reply_to_uri = ? AND in_reply_to_uri <> '' AND in_reply_to_id IS NULL AND deleted_at IS NULL
		AND id NOT IN (WITH RECURSIVE up(id, parent, depth) AS (
			SELECT id, in_reply_to_id, 0 FROM posts WHERE id = ?
			UNION ALL SELECT q.id, q.in_reply_to_id, up.depth + 1 FROM posts AS q JOIN up ON q.id = up.parent WHERE up.depth < ?)
			SELECT id FROM up)`, p.ID, p.AuthorID, p.URI, p.ID, MaxAncestors).Exec(ctx)
	if err != nil {
		return fmt.Errorf("adopt replies: %w", err)
	}
	if _, err := tx.idb.NewRaw("UPDATE posts SET revision = revision + 1, replies_count = (SELECT COUNT(*) FROM posts AS r WHERE r.in_reply_to_id = posts.id AND "+openTo("r", p.AuthorID)+") WHERE id = ?", p.ID).Exec(ctx); err != nil {
		return fmt.Errorf("count replies: %w", err)
	}
	return nil
}
