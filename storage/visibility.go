package storage

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
)

// Who may see a post is decided in this file and nowhere else: people in visibleTo, peers in
// PeerMay and PeerSees.
//
// A person of this node is inside every circle (node ⊂ organisation ⊂ network), so for people
// the visibility decides, among posts whose origin is still a permitted peer and whose author
// isn't suspended. What somebody limited posts, their followers see. For a peer the circle decides first.

// Nobody is the viewer who hasn't signed in. They see nothing unless the node's pages are public.
const Nobody int64 = 0

// originActive is the condition that a row's host is ours or an active peer.
func originActive(column string) string {
	return fmt.Sprintf("(%[1]s = '' OR %[1]s IN (SELECT host FROM peers WHERE state = 'active'))", column)
}

// originShows is the condition that a post, share or direct message (under the alias) is ours, or of an
// active peer from which its kind may come: Refuses, asked in SQL.
func originShows(alias string) string {
	return fmt.Sprintf(`(%[1]s.origin = '' OR EXISTS (SELECT 1 FROM peers AS vp WHERE vp.host = %[1]s.origin AND vp.state = 'active'
		AND CASE WHEN %[1]s.share_of_id IS NOT NULL THEN vp.in_shares WHEN %[1]s.visibility = 'direct' THEN vp.in_direct ELSE vp.in_posts END))`, alias)
}

// originListed is the condition that a row's host is ours, or an active peer whose people may be
// found without knowing their names.
func originListed(column string) string {
	return fmt.Sprintf("(%[1]s = '' OR %[1]s IN (SELECT host FROM peers WHERE state = 'active' AND in_directory))", column)
}

// visibleTo narrows a query over posts (under the alias) to what the viewer may see. A share
// is visible where the post it passes on is.
func visibleTo(s *bun.SelectQuery, alias string, viewer int64) *bun.SelectQuery {
	one, args := visibleOne(alias, viewer)
	s = s.Where(one, args...)
	original, args := visibleOne("vo", viewer)
	return s.Where(fmt.Sprintf("(%[1]s.share_of_id IS NULL OR EXISTS (SELECT 1 FROM posts AS vo WHERE vo.id = %[1]s.share_of_id AND %[2]s))", alias, original), args...)
}

// stands is the condition that a post (under the alias) is there for somebody: not deleted, of a permitted origin, its
// author neither suspended nor gone.
func stands(alias string) string {
	return fmt.Sprintf(`%[1]s.deleted_at IS NULL AND %[2]s
		AND NOT EXISTS (SELECT 1 FROM accounts AS va WHERE va.id = %[1]s.author_id AND (va.suspended_at IS NOT NULL OR va.deleted_at IS NOT NULL))`,
		alias, originShows(alias))
}

func visibleOne(alias string, viewer int64) (string, []any) {
	base := stands(alias)
	if viewer == Nobody {
		return fmt.Sprintf("%s AND "+unlimited(alias)+" AND %s.visibility IN ('public', 'unlisted') AND %s.circle = 'network'", base, alias, alias), nil
	}
	// Of somebody limited, those who follow them see it. Whoever blocks the viewer isn't seen by them.
	base += fmt.Sprintf(` AND NOT EXISTS (SELECT 1 FROM accounts AS va WHERE va.id = %s.author_id AND va.limited_at IS NOT NULL AND va.id <> ?
		AND NOT EXISTS (SELECT 1 FROM follows AS vl WHERE vl.followee_id = va.id AND vl.follower_id = ? AND vl.state = 'accepted'))`, alias)
	base += fmt.Sprintf(" AND NOT EXISTS (SELECT 1 FROM blocks AS vb WHERE vb.account_id = %s.author_id AND vb.target_id = ?)", alias)
	return fmt.Sprintf(`%[2]s AND (%[1]s.visibility IN ('public', 'unlisted') OR %[1]s.author_id = ?
		OR (%[1]s.visibility = 'followers' AND EXISTS (SELECT 1 FROM follows AS vf WHERE vf.followee_id = %[1]s.author_id AND vf.follower_id = ? AND vf.state = 'accepted'))
		OR (%[1]s.visibility = 'members' AND EXISTS (SELECT 1 FROM community_posts AS vc JOIN follows AS vg ON vg.followee_id = vc.community_id
			WHERE vc.post_id = %[1]s.id AND vc.state = 'in' AND vg.follower_id = ? AND vg.state = 'accepted'))
		OR EXISTS (SELECT 1 FROM mentions AS vm WHERE vm.post_id = %[1]s.id AND vm.account_id = ?))`, alias, base),
		[]any{viewer, viewer, viewer, viewer, viewer, viewer, viewer}
}

// unlimited is the condition that the author of a post (under the alias) isn't limited: what is shown to those who
// don't ask for anybody, such as timelines of everybody, search and trends.
func unlimited(alias string) string {
	return fmt.Sprintf("NOT EXISTS (SELECT 1 FROM accounts AS vn WHERE vn.id = %s.author_id AND vn.limited_at IS NOT NULL)", alias)
}

// Open says whether everybody of this node may see the post. Only such posts move the counts that everybody
// sees: another would be told of by them.
func (p *Post) Open() bool { return p.Visibility == Public || p.Visibility == Unlisted }

// openTo is the condition that a post (under the alias) is open to everybody of the node, or for Nobody to the
// open internet: what figures are made of.
func openTo(alias string, viewer int64) string {
	open := fmt.Sprintf("%[1]s.visibility IN ('public', 'unlisted') AND %[1]s.deleted_at IS NULL", alias)
	if viewer == Nobody {
		open += fmt.Sprintf(" AND %s.circle = 'network'", alias)
	}
	return open
}

// CountsFor sets the counts of posts and accounts to what the viewer may know of: for Nobody those of posts
// that are open to the internet. The rows are the caller's own copies.
func (q *Queries) CountsFor(ctx context.Context, viewer int64, posts []*Post, accounts []*Account) error {
	if viewer != Nobody {
		return nil
	}
	ids, owners := make([]int64, len(posts)), make([]int64, len(accounts))
	for i, p := range posts {
		ids[i] = p.ID
	}
	for i, a := range accounts {
		owners[i] = a.ID
	}
	open := openTo("c", Nobody)
	replies, err := q.countBy(ctx, "c.in_reply_to_id", "posts AS c", open, ids)
	if err != nil {
		return err
	}
	shares, err := q.countBy(ctx, "c.share_of_id", "posts AS c", open, ids)
	if err != nil {
		return err
	}
	quotes, err := q.countBy(ctx, "q.quoted_id", "quotes AS q JOIN posts AS c ON c.id = q.post_id", "q.state = 'accepted' AND "+open, ids)
	if err != nil {
		return err
	}
	written, err := q.countBy(ctx, "c.author_id", "posts AS c", open, owners)
	if err != nil {
		return err
	}
	for _, p := range posts {
		p.RepliesCount, p.SharesCount, p.QuotesCount = replies[p.ID], shares[p.ID], quotes[p.ID]
	}
	for _, a := range accounts {
		a.PostsCount, a.LastPostOn = written[a.ID], ""
	}
	return nil
}

func (q *Queries) countBy(ctx context.Context, column, from, where string, ids []int64) (map[int64]int64, error) {
	out := map[int64]int64{}
	if len(ids) == 0 {
		return out, nil
	}
	var rows []struct{ ID, N int64 }
	if err := q.idb.NewRaw(fmt.Sprintf("SELECT %[1]s AS id, COUNT(*) AS n FROM %[2]s WHERE %[1]s IN (?) AND %[3]s GROUP BY %[1]s", column, from, where), bun.List(ids)).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("count: %w", err)
	}
	for _, r := range rows {
		out[r.ID] = r.N
	}
	return out, nil
}

// circlesFor are the circles of which a peer may read.
func circlesFor(peer *Peer) []string {
	if peer.Tier == Sibling {
		return []string{CircleNetwork, CircleOrganisation}
	}
	return []string{CircleNetwork}
}

// OutboxTotal counts the posts and shares of an account that are open in a circle of the peer's.
func (q *Queries) OutboxTotal(ctx context.Context, account int64, peer *Peer) (int64, error) {
	return q.openIn(ctx, "author_id", account, peer)
}

// RepliesTotal counts the direct answers to a post that are open in a circle of the host's; no host is the
// open internet.
func (q *Queries) RepliesTotal(ctx context.Context, post int64, host string) (int64, error) {
	peer := new(Peer)
	if host != "" {
		var err error
		if peer, err = q.PeerByHost(ctx, host); err != nil {
			return 0, err
		}
	}
	return q.openIn(ctx, "in_reply_to_id", post, peer)
}

func (q *Queries) openIn(ctx context.Context, column string, id int64, peer *Peer) (int64, error) {
	n, err := q.idb.NewSelect().Model((*Post)(nil)).Where("p.? = ? AND p.visibility IN ('public', 'unlisted') AND p.deleted_at IS NULL AND p.circle IN (?)",
		bun.Ident(column), id, bun.List(circlesFor(peer))).Count(ctx)
	if err != nil {
		return 0, fmt.Errorf("count posts: %w", err)
	}
	return int64(n), nil
}

// VisiblePost finds a post or share that the viewer may see. What they may not see is
// ErrNotFound, as what doesn't exist.
func (q *Queries) VisiblePost(ctx context.Context, viewer, id int64) (*Post, error) {
	p := new(Post)
	if err := visibleTo(q.idb.NewSelect().Model(p).Where("p.id = ?", id), "p", viewer).Scan(ctx); err != nil {
		return nil, notFound("post", err)
	}
	return p, nil
}

// VisiblePosts finds, of the ids, the posts that the viewer may see.
func (q *Queries) VisiblePosts(ctx context.Context, viewer int64, ids []int64) (map[int64]*Post, error) {
	found := make(map[int64]*Post, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	var rows []*Post
	if err := visibleTo(q.idb.NewSelect().Model(&rows).Where("p.id IN (?)", bun.List(ids)), "p", viewer).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read posts: %w", err)
	}
	for _, p := range rows {
		found[p.ID] = p
	}
	return found, nil
}

// RemoteFile finds a file at a peer that may be shown here now: its post stands, or its account does; its peer is active and its
// media may come. As with files of ours, whoever was given its address may see it, since an <img> sends no token.
func (q *Queries) RemoteFile(ctx context.Context, of string, id int64) (*RemoteFile, error) {
	var query string
	switch of {
	case OfAttachment:
		query = "SELECT me.remote_url AS url, me.kind AS kind, p.origin AS host FROM media AS me JOIN posts AS p ON p.id = me.post_id WHERE me.id = ? AND " + stands("p")
	case OfAvatar, OfHeader:
		query = "SELECT a." + of + "_url AS url, 'image' AS kind, a.peer AS host FROM accounts AS a WHERE a.id = ? AND a.suspended_at IS NULL AND a.deleted_at IS NULL AND " + originActive("a.peer")
	case OfEmoji:
		query = "SELECT em.remote_url AS url, 'image' AS kind, em.host AS host FROM emojis AS em WHERE em.id = ? AND " + originActive("em.host")
	default:
		return nil, fmt.Errorf("file of %q: %w", of, ErrNotFound)
	}
	f := &RemoteFile{Of: of, ID: id}
	if err := q.idb.NewRaw(query, id).Scan(ctx, &f.URL, &f.Kind, &f.Host); err != nil {
		return nil, notFound("file", err)
	}
	if f.URL == "" || f.Host == "" {
		return nil, fmt.Errorf("file of %s %d: %w", of, id, ErrNotFound)
	}
	var err error
	if f.Peer, err = q.PeerByHost(ctx, f.Host); err == nil && f.Peer.Refuses(In, CrossMedia) != "" {
		err = fmt.Errorf("file of %s: %w", f.Host, ErrNotFound)
	}
	return f, err
}

// Addressing is how a post is written for one peer.
type Addressing int

// A post doesn't go to a peer at all, or goes there openly (as:Public), or addressed to the
// author's followers with the circle beside it (PROTOCOL 1.10).
const (
	NotForPeer Addressing = iota
	Openly
	ToFollowers
)

// PeerMay says whether a local post may go to the peer at all, by the policy and its circle, and how
// it is addressed there. It looks at no relation: PeerSees does.
func PeerMay(p *Post, peer *Peer) Addressing {
	if peer.Refuses(Out, PostCrossing(p)) != "" {
		return NotForPeer
	}
	return InCircle(p, peer)
}

// InCircle is PeerMay without the policy: whom a deletion may reach.
func InCircle(p *Post, peer *Peer) Addressing {
	if peer == nil {
		return NotForPeer
	}
	switch p.Circle {
	case CircleNetwork:
	case CircleOrganisation:
		if peer.Tier != Sibling {
			return NotForPeer
		}
	default:
		return NotForPeer
	}
	if p.Visibility == Members && !peer.Circles {
		return NotForPeer // it would show it to its author's followers
	}
	open := p.Open()
	if open && p.Circle == CircleNetwork && (peer.Circles || peer.PublicWeb) {
		return Openly
	}
	return ToFollowers
}

// PeerSees says whether a peer that asks for a local post gets it: if it was or would be
// delivered to that host. A post goes to a host openly, or because somebody there follows its
// author, or is named by it, or because it was sent there before.
func (q *Queries) PeerSees(ctx context.Context, p *Post, host string) (Addressing, error) {
	if !p.Local() || !p.DeletedAt.IsZero() {
		return NotForPeer, nil
	}
	peer, err := q.PeerByHost(ctx, host)
	if errors.Is(err, ErrNotFound) {
		return NotForPeer, nil
	}
	if err != nil {
		return NotForPeer, err
	}
	author, err := q.AccountByID(ctx, p.AuthorID)
	if err != nil || !author.Active() {
		return NotForPeer, err
	}
	how := PeerMay(p, peer)
	if limited := !author.LimitedAt.IsZero(); how == NotForPeer || how == Openly && !limited {
		return how, nil
	} else if p.Open() && peer.Circles && !limited {
		return how, nil // it keeps our circles, and this one includes it
	}
	if p.Visibility == Members {
		members, err := q.communityOn(ctx, p.ID, host)
		if err != nil || members {
			return how, err
		}
	} else if p.Visibility != Direct {
		follows, err := q.FollowersOnHost(ctx, p.AuthorID, host)
		if err != nil || follows {
			return how, err
		}
	}
	named, err := q.exists(ctx, "SELECT 1 FROM mentions AS m JOIN accounts AS a ON a.id = m.account_id WHERE m.post_id = ? AND a.peer = ? UNION ALL SELECT 1 FROM reach WHERE post_id = ? AND host = ?", p.ID, host, p.ID, host)
	if err != nil || named {
		return how, err
	}
	return NotForPeer, nil
}

// communityOn says whether a host is that of the community that a post was written for, or has members
// of it.
func (q *Queries) communityOn(ctx context.Context, post int64, host string) (bool, error) {
	return q.exists(ctx, `SELECT 1 FROM community_posts AS cp JOIN accounts AS g ON g.id = cp.community_id WHERE cp.post_id = ? AND cp.state <> ?
		AND (g.peer = ? OR cp.state = ? AND EXISTS (SELECT 1 FROM follows AS f JOIN accounts AS a ON a.id = f.follower_id
			WHERE f.followee_id = g.id AND f.state = ? AND a.peer = ?))`, post, Removed, host, InCommunity, Accepted, host)
}

// AddReach remembers that hosts were sent a post or fetched it: a Delete goes to all of them.
func (tx *Tx) AddReach(ctx context.Context, post int64, hosts ...string) error {
	if len(hosts) == 0 {
		return nil
	}
	rows, args := make([]string, len(hosts)), make([]any, 0, 3*len(hosts))
	for i, host := range hosts {
		rows[i], args = "(?, ?, ?)", append(args, post, host, tx.Now())
	}
	if _, err := tx.idb.NewRaw("INSERT INTO reach (post_id, host, first_at) VALUES "+strings.Join(rows, ", ")+" ON CONFLICT DO NOTHING", args...).Exec(ctx); err != nil {
		return fmt.Errorf("remember reach: %w", err)
	}
	return nil
}

// Reach lists the hosts that were sent a post or fetched it.
func (q *Queries) Reach(ctx context.Context, post int64) ([]string, error) {
	var hosts []string
	if err := q.idb.NewRaw("SELECT host FROM reach WHERE post_id = ? ORDER BY host", post).Scan(ctx, &hosts); err != nil {
		return nil, fmt.Errorf("read reach: %w", err)
	}
	return hosts, nil
}
