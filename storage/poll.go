package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// Errors of voting.
var (
	ErrPollClosed = errors.New("the poll is closed")
	ErrVoted      = errors.New("voted already")
	ErrNoOption   = errors.New("no such option")
)

// Kinds of job that polls leave behind; the outbox does them. Their argument is the post's id.
const (
	JobClosePoll = "close-poll" // when the poll's time is over
	JobTellPoll  = "tell-poll"  // peers hear of new counts, some time after a vote
)

// PollTold is how long votes are gathered before peers hear of them.
const PollTold = 3 * time.Minute

// A Poll is the question that a post asks. Its id is the post's.
type Poll struct {
	bun.BaseModel `bun:"table:polls,alias:po"`

	PostID     int64 `bun:",pk"`
	Multiple   bool
	HideTotals bool      // until it is closed; the author's wish
	ExpiresAt  time.Time `bun:",nullzero"`
	ClosedAt   time.Time `bun:",nullzero"`
	// VotersCount is how many people voted; -1 where a peer doesn't tell.
	VotersCount int64
	CountedAt   time.Time `bun:",nullzero"` // when a peer signed the counts we have
	Telling     bool      // a JobTellPoll is queued

	Options []*PollOption `bun:"-"`
	// Chosen is where the viewer's votes went; nil: not voted. PollsOf fills it.
	Chosen []int `bun:"-"`
}

// A PollOption is one answer to choose.
type PollOption struct {
	bun.BaseModel `bun:"table:poll_options,alias:pt"`
	PostID        int64 `bun:",pk"`
	Position      int   `bun:",pk"` // from 0
	Title         string
	Votes         int64
}

// A PollVote is one answer that somebody chose.
type PollVote struct {
	bun.BaseModel `bun:"table:poll_votes,alias:pv"`
	ID            int64 `bun:",pk"`
	PostID        int64
	AccountID     int64
	Position      int
	URI           string // of the vote on the wire
	CreatedAt     time.Time
}

// Closed says whether nobody can vote any more.
func (p *Poll) Closed(now time.Time) bool {
	return !p.ClosedAt.IsZero() || !p.ExpiresAt.IsZero() && !now.Before(p.ExpiresAt)
}

// Total is how many answers were chosen.
func (p *Poll) Total() int64 {
	var n int64
	for _, o := range p.Options {
		n += o.Votes
	}
	return n
}

// Asks says whether two polls ask the same: a vote for one is a vote for the other.
func (p *Poll) Asks(other *Poll) bool {
	return p.Multiple == other.Multiple && slices.EqualFunc(p.Options, other.Options, func(a, b *PollOption) bool { return a.Title == b.Title })
}

// PollOf finds the poll of a post.
func (q *Queries) PollOf(ctx context.Context, post int64) (*Poll, error) {
	found, err := q.PollsOf(ctx, Nobody, []int64{post})
	if err != nil {
		return nil, err
	}
	if found[post] == nil {
		return nil, fmt.Errorf("poll: %w", ErrNotFound)
	}
	return found[post], nil
}

// PollsOf finds the polls of posts, keyed by post, with what the viewer chose. Whether the viewer
// may see the posts was asked before.
func (q *Queries) PollsOf(ctx context.Context, viewer int64, posts []int64) (map[int64]*Poll, error) {
	found := make(map[int64]*Poll)
	if len(posts) == 0 {
		return found, nil
	}
	var polls []*Poll
	if err := q.idb.NewSelect().Model(&polls).Where("po.post_id IN (?)", bun.List(posts)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read polls: %w", err)
	}
	if len(polls) == 0 {
		return found, nil
	}
	ids := make([]int64, len(polls))
	for i, p := range polls {
		found[p.PostID], ids[i] = p, p.PostID
	}
	var options []*PollOption
	if err := q.idb.NewSelect().Model(&options).Where("pt.post_id IN (?)", bun.List(ids)).Order("pt.post_id", "pt.position").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read poll options: %w", err)
	}
	for _, o := range options {
		found[o.PostID].Options = append(found[o.PostID].Options, o)
	}
	if viewer == Nobody {
		return found, nil
	}
	var votes []*PollVote
	if err := q.idb.NewSelect().Model(&votes).Where("pv.account_id = ? AND pv.post_id IN (?)", viewer, bun.List(ids)).Order("pv.position").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read own votes: %w", err)
	}
	for _, v := range votes {
		found[v.PostID].Chosen = append(found[v.PostID].Chosen, v.Position)
	}
	return found, nil
}

// addPoll stores the poll of a new post, and the job that closes it.
func (tx *Tx) addPoll(ctx context.Context, post int64, p *Poll) error {
	p.PostID = post
	if _, err := tx.idb.NewInsert().Model(p).Exec(ctx); err != nil {
		return fmt.Errorf("store poll: %w", err)
	}
	for i, o := range p.Options {
		o.PostID, o.Position = post, i
	}
	if len(p.Options) > 0 {
		if _, err := tx.idb.NewInsert().Model(&p.Options).Exec(ctx); err != nil {
			return fmt.Errorf("store poll options: %w", err)
		}
	}
	if p.ExpiresAt.IsZero() || p.Closed(tx.Now()) {
		return nil
	}
	return tx.Enqueue(ctx, NewJob{Kind: JobClosePoll, Args: post, RunAt: p.ExpiresAt})
}

// ReplacePoll gives an edited post another poll, or none. Votes stay only where the same is asked.
func (tx *Tx) ReplacePoll(ctx context.Context, post int64, p *Poll) error {
	old, err := tx.PollOf(ctx, post)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if old != nil && p != nil && old.Asks(p) {
		if _, err := tx.idb.NewRaw("UPDATE polls SET hide_totals = ?, expires_at = ? WHERE post_id = ?", p.HideTotals, bun.NullTime{Time: p.ExpiresAt}, post).Exec(ctx); err != nil {
			return fmt.Errorf("change poll: %w", err)
		}
		if p.ExpiresAt.Equal(old.ExpiresAt) || p.ExpiresAt.IsZero() {
			return nil
		}
		return tx.Enqueue(ctx, NewJob{Kind: JobClosePoll, Args: post, RunAt: p.ExpiresAt})
	}
	if err := tx.dropPoll(ctx, post); err != nil || p == nil {
		return err
	}
	return tx.addPoll(ctx, post, p)
}

func (tx *Tx) dropPoll(ctx context.Context, post int64) error {
	for _, table := range []string{"poll_votes", "poll_options", "polls"} {
		if _, err := tx.idb.NewRaw("DELETE FROM ? WHERE post_id = ?", bun.Ident(table), post).Exec(ctx); err != nil {
			return fmt.Errorf("remove poll: %w", err)
		}
	}
	return nil
}

// lockPoll makes votes on one poll wait for each other: a single choice stays single.
func (tx *Tx) lockPoll(ctx context.Context, post int64) error {
	return tx.lockKey(ctx, "poll "+FormatID(post))
}

// Vote stores what somebody chose, local or a peer's, and counts it. A single-choice poll takes
// one answer once; of a multiple one, what was chosen already is ErrVoted. uri, where not empty, is the id that a peer
// gave the vote; otherwise ids are made. Errors: ErrPollClosed, ErrVoted, ErrNoOption.
func (tx *Tx) Vote(ctx context.Context, post, voter int64, uri string, positions ...int) ([]*PollVote, error) {
	if err := tx.lockPoll(ctx, post); err != nil {
		return nil, err
	}
	polls, err := tx.PollsOf(ctx, voter, []int64{post})
	if err != nil {
		return nil, err
	}
	p := polls[post]
	slices.Sort(positions)
	positions = slices.Compact(positions)
	switch {
	case p == nil:
		return nil, fmt.Errorf("poll: %w", ErrNotFound)
	case p.Closed(tx.Now()):
		return nil, ErrPollClosed
	case len(positions) == 0, !p.Multiple && len(positions) > 1:
		return nil, ErrNoOption
	case !p.Multiple && p.Chosen != nil:
		return nil, ErrVoted
	}
	var votes []*PollVote
	for _, at := range positions {
		if at < 0 || at >= len(p.Options) {
			return nil, ErrNoOption
		}
		if slices.Contains(p.Chosen, at) {
			return nil, ErrVoted
		}
		v := &PollVote{ID: tx.NewID(tx.Now()), PostID: post, AccountID: voter, Position: at, URI: uri, CreatedAt: tx.Now()}
		if uri == "" {
			v.URI = tx.uris.Vote(v.ID)
		}
		votes = append(votes, v)
	}
	if _, err := tx.idb.NewInsert().Model(&votes).Exec(ctx); err != nil {
		return nil, fmt.Errorf("store votes: %w", err)
	}
	for _, v := range votes {
		if _, err := tx.idb.NewRaw("UPDATE poll_options SET votes = votes + 1 WHERE post_id = ? AND position = ?", post, v.Position).Exec(ctx); err != nil {
			return nil, fmt.Errorf("count vote: %w", err)
		}
	}
	if p.Chosen == nil && p.VotersCount >= 0 {
		if _, err := tx.idb.NewRaw("UPDATE polls SET voters_count = voters_count + 1 WHERE post_id = ?", post).Exec(ctx); err != nil {
			return nil, fmt.Errorf("count voter: %w", err)
		}
	}
	return votes, tx.touchPost(ctx, post)
}

// TellPoll queues the telling of a local poll's new counts, unless it is queued already.
func (tx *Tx) TellPoll(ctx context.Context, post int64) error {
	res, err := tx.idb.NewRaw("UPDATE polls SET telling = ? WHERE post_id = ? AND telling = ?", true, post, false).Exec(ctx)
	if err != nil {
		return fmt.Errorf("queue poll counts: %w", err)
	}
	if !changed(res) {
		return nil
	}
	return tx.Enqueue(ctx, NewJob{Kind: JobTellPoll, Args: post, RunAt: tx.Now().Add(PollTold)})
}

// ToldPoll notes that peers are being told now: the next vote queues it anew.
func (tx *Tx) ToldPoll(ctx context.Context, post int64) error {
	if _, err := tx.idb.NewRaw("UPDATE polls SET telling = ? WHERE post_id = ?", false, post).Exec(ctx); err != nil {
		return fmt.Errorf("note poll counts: %w", err)
	}
	return nil
}

// CountPoll keeps what a peer says about its own poll, signed at a moment: counts of the options in their order,
// voters (-1: not told), and whether it is closed. What was signed before what we have is
// left out; it says whether anything was kept.
func (tx *Tx) CountPoll(ctx context.Context, post int64, said *Poll, signedAt time.Time) (bool, error) {
	if err := tx.lockPoll(ctx, post); err != nil {
		return false, err
	}
	res, err := tx.idb.NewRaw("UPDATE polls SET voters_count = ?, counted_at = ? WHERE post_id = ? AND (counted_at IS NULL OR counted_at <= ?)",
		said.VotersCount, signedAt.UTC(), post, signedAt.UTC()).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("keep poll counts: %w", err)
	}
	if !changed(res) {
		return false, nil
	}
	for i, o := range said.Options {
		if _, err := tx.idb.NewRaw("UPDATE poll_options SET votes = ? WHERE post_id = ? AND position = ?", o.Votes, post, i).Exec(ctx); err != nil {
			return false, fmt.Errorf("keep poll counts: %w", err)
		}
	}
	if said.Closed(tx.Now()) {
		if _, err := tx.ClosePoll(ctx, post); err != nil {
			return false, err
		}
	}
	return true, tx.touchPost(ctx, post)
}

// ClosePoll ends a poll and tells its author and the voters of this node; false where it was
// closed before.
func (tx *Tx) ClosePoll(ctx context.Context, post int64) (bool, error) {
	res, err := tx.idb.NewRaw("UPDATE polls SET closed_at = ? WHERE post_id = ? AND closed_at IS NULL", tx.Now(), post).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("close poll: %w", err)
	}
	if !changed(res) {
		return false, nil
	}
	p, err := tx.PostByID(ctx, post)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var told []int64
	if err := tx.idb.NewRaw(`SELECT DISTINCT v.account_id FROM poll_votes AS v JOIN accounts AS a ON a.id = v.account_id
		WHERE v.post_id = ? AND a.peer = '' AND v.account_id <> ? ORDER BY v.account_id`, post, p.AuthorID).Scan(ctx, &told); err != nil {
		return false, fmt.Errorf("find voters: %w", err)
	}
	for _, account := range append(told, p.AuthorID) {
		if err := tx.notifyAlways(ctx, NotifyPoll, account, p.AuthorID, post); err != nil {
			return false, err
		}
	}
	return true, tx.touchPost(ctx, post)
}

// PollVoters lists the hosts whose people voted in a poll: they hear of its counts.
func (q *Queries) PollVoters(ctx context.Context, post int64) ([]InboxTarget, error) {
	var rows []InboxTarget
	err := q.idb.NewRaw(`SELECT DISTINCT a.peer AS peer, CASE WHEN a.shared_inbox_uri <> '' THEN a.shared_inbox_uri ELSE a.inbox_uri END AS inbox,
		a.shared_inbox_uri <> '' AS shared FROM poll_votes AS v JOIN accounts AS a ON a.id = v.account_id
		WHERE v.post_id = ? AND a.peer <> '' AND a.deleted_at IS NULL`, post).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("list voters' inboxes: %w", err)
	}
	return rows, nil
}

// touchPost makes readers of a post read it again.
func (tx *Tx) touchPost(ctx context.Context, post int64) error {
	p, err := tx.PostByID(ctx, post)
	if err != nil {
		return err
	}
	if _, err := tx.idb.NewRaw("UPDATE posts SET revision = revision + 1 WHERE id = ?", post).Exec(ctx); err != nil {
		return fmt.Errorf("touch post: %w", err)
	}
	tx.Publish(Event{Kind: PostEdited, PostID: post, AccountID: p.AuthorID})
	return nil
}
