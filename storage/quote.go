package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Who may quote a post (Post.QuotePolicy). Of peers' posts we also know those whom their server would ask.
const (
	QuoteUnsaid    = ""          // nobody said: asked for
	QuotePublic    = "public"    // whoever may see it
	QuoteFollowers = "followers" // who follows its author
	QuoteFollowing = "following" // whom its author follows
	QuoteAsk       = "ask"       // who asks and is let
	QuoteNobody    = "nobody"    // its author alone
)

// States of a quote.
const (
	QuotePending  = "pending"  // the quoted author's leave isn't known: not shown
	QuoteAccepted = "accepted" // the quoted author gave leave, or quotes themselves
	QuoteRejected = "rejected"
	QuoteRevoked  = "revoked" // leave was given and taken back
)

// A Quote is one post showing another within it, which takes the leave of the other's author (FEP-044f).
// A row can be older than the post that quotes: leave is often asked before the post is sent.
type Quote struct {
	bun.BaseModel `bun:"table:quotes,alias:qu"`

	ID          int64 `bun:",pk"`
	PostID      int64 `bun:",nullzero"` // what quotes; 0: not here yet
	PostURI     string
	AccountID   int64 // who quotes
	QuotedID    int64 `bun:",nullzero"` // 0: not here
	QuotedURI   string
	State       string
	RequestURI  string    // of the QuoteRequest, where there was one
	ApprovalURI string    // of the quoted author's stamp
	SaidAt      time.Time `bun:",nullzero"` // when a peer signed what we know of its post's quote
	CreatedAt   time.Time
	UpdatedAt   time.Time

	// Quoted is what the viewer is shown: nil unless the quote is accepted and they may see the post. QuotesOf fills it.
	Quoted *Post `bun:"-"`
	// QuotedGone says that the quoted post was deleted.
	QuotedGone bool `bun:"-"`
}

// MayQuote says what becomes of somebody's wish to quote a post: QuoteAccepted, QuotePending (its
// server is to be asked) or QuoteRejected. What isn't for everybody can't be quoted, except by its author.
func (q *Queries) MayQuote(ctx context.Context, p *Post, who *Account) (string, error) {
	switch {
	case p.ShareOfID != 0 || !p.DeletedAt.IsZero():
		return QuoteRejected, nil
	case p.Visibility != Public && p.Visibility != Unlisted:
		return QuoteRejected, nil
	case p.AuthorID == who.ID:
		return QuoteAccepted, nil
	}
	if blocked, err := q.Blocks(ctx, p.AuthorID, who.ID); err != nil || blocked {
		return QuoteRejected, err
	}
	if !p.Local() {
		if p.QuotePolicy == QuoteNobody {
			return QuoteRejected, nil
		}
		return QuotePending, nil
	}
	var follower, followee int64
	switch p.QuotePolicy {
	case QuotePublic:
		return QuoteAccepted, nil
	case QuoteFollowers:
		follower, followee = who.ID, p.AuthorID
	case QuoteFollowing:
		follower, followee = p.AuthorID, who.ID
	default:
		return QuoteRejected, nil
	}
	f, err := q.FollowBetween(ctx, follower, followee)
	if errors.Is(err, ErrNotFound) || err == nil && f.State != Accepted {
		return QuoteRejected, nil
	}
	if err != nil {
		return "", err
	}
	return QuoteAccepted, nil
}

// addQuote stores what a new post quotes. Leave that its author was given before counts.
func (tx *Tx) addQuote(ctx context.Context, p *Post, q *Quote) error {
	q.PostID, q.PostURI, q.AccountID = p.ID, p.URI, p.AuthorID
	if q.QuotedID == 0 {
		quoted, err := tx.PostByURI(ctx, q.QuotedURI)
		if err == nil && quoted.DeletedAt.IsZero() {
			q.QuotedID = quoted.ID
		} else if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	if q.State == "" {
		q.State = QuotePending
	}
	old, err := tx.QuoteByURIs(ctx, q.PostURI, q.QuotedURI)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if old != nil && old.AccountID == q.AccountID {
		*q = *old
		q.PostID = p.ID
		if _, err := tx.idb.NewUpdate().Model(q).Column("post_id").WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("tie quote: %w", err)
		}
		return tx.quoteCounts(ctx, q)
	}
	if old != nil { // somebody else asked for leave in this post's name
		if err := tx.removeQuote(ctx, old); err != nil {
			return err
		}
	}
	if err := tx.insertQuote(ctx, q); err != nil {
		return err
	}
	return tx.quoteCounts(ctx, q)
}

func (tx *Tx) insertQuote(ctx context.Context, q *Quote) error {
	if q.ID == 0 {
		q.ID = tx.NewID(tx.Now())
	}
	q.CreatedAt, q.UpdatedAt = tx.Now(), tx.Now()
	if _, err := tx.idb.NewInsert().Model(q).Exec(ctx); err != nil {
		return fmt.Errorf("store quote: %w", err)
	}
	return nil
}

// AskedQuote stores a peer's request to quote a local post. The post that quotes finds it when it comes.
func (tx *Tx) AskedQuote(ctx context.Context, q *Quote) error { return tx.insertQuote(ctx, q) }

// SetQuote gives a quote another state, with its consequences: what is accepted is counted, and told to a local author.
func (tx *Tx) SetQuote(ctx context.Context, q *Quote) error {
	q.UpdatedAt = tx.Now()
	if _, err := tx.idb.NewUpdate().Model(q).Column("state", "approval_uri", "request_uri", "quoted_id", "said_at", "updated_at").WherePK().Exec(ctx); err != nil {
		return fmt.Errorf("change quote: %w", err)
	}
	return tx.quoteCounts(ctx, q)
}

// ReplaceQuote keeps what a peer's post quotes now, as was signed at a moment. The same quote with the same stamp,
// or with none while leave was given here, stays, and so does what was signed later; it says whether it is another one
// than before.
func (tx *Tx) ReplaceQuote(ctx context.Context, p *Post, q *Quote, signedAt time.Time) (bool, error) {
	old, err := tx.QuoteOf(ctx, p.ID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return false, err
	}
	if old == nil && q == nil || old != nil && signedAt.Before(old.SaidAt) {
		return false, nil
	}
	if q != nil {
		q.SaidAt = signedAt.UTC()
	}
	if old != nil && q != nil && old.QuotedURI == q.QuotedURI {
		switch {
		case q.State == QuoteAccepted, q.ApprovalURI == old.ApprovalURI:
			return false, nil
		case q.ApprovalURI == "" && old.State == QuoteAccepted && tx.ours(old.ApprovalURI):
			return false, nil // our own leave isn't theirs to take
		case q.ApprovalURI == "":
			old.State, old.ApprovalURI = QuoteRevoked, ""
		default:
			old.State, old.ApprovalURI = QuotePending, q.ApprovalURI
		}
		old.SaidAt = q.SaidAt
		return true, tx.SetQuote(ctx, old)
	}
	if old != nil {
		if err := tx.removeQuote(ctx, old); err != nil {
			return false, err
		}
	}
	if q == nil {
		return true, nil
	}
	return true, tx.addQuote(ctx, p, q)
}

func (tx *Tx) ours(uri string) bool {
	_, _, ok := tx.uris.Ours(uri)
	return ok
}

// quoteCounts makes right what follows from a quote's state.
func (tx *Tx) quoteCounts(ctx context.Context, q *Quote) error {
	if q.PostID != 0 {
		if err := tx.touchPost(ctx, q.PostID); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	if q.QuotedID == 0 {
		return nil
	}
	_, err := tx.idb.NewRaw(`UPDATE posts SET revision = revision + 1, quotes_count = (SELECT COUNT(*) FROM quotes AS q JOIN posts AS r ON r.id = q.post_id
		WHERE q.quoted_id = posts.id AND q.state = ? AND r.visibility IN ('public', 'unlisted')) WHERE id = ?`, QuoteAccepted, q.QuotedID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("count quotes: %w", err)
	}
	if q.State != QuoteAccepted || q.PostID == 0 {
		return nil
	}
	both, err := tx.PostsByID(ctx, []int64{q.PostID, q.QuotedID})
	if err != nil {
		return err
	}
	quoting, quoted := both[q.PostID], both[q.QuotedID]
	if quoting == nil || quoted == nil || quoting.Backfilled {
		return nil
	}
	return tx.notify(ctx, NotifyQuote, quoted.AuthorID, q.AccountID, q.PostID)
}

func (tx *Tx) removeQuote(ctx context.Context, q *Quote) error {
	if _, err := tx.idb.NewRaw("DELETE FROM quotes WHERE id = ?", q.ID).Exec(ctx); err != nil {
		return fmt.Errorf("remove quote: %w", err)
	}
	gone := *q
	gone.State = QuoteRevoked
	return tx.quoteCounts(ctx, &gone)
}

// dropQuotes removes what a deleted post quoted. Quotes of it stay, and show that it is gone.
func (tx *Tx) dropQuotes(ctx context.Context, post int64) error {
	q, err := tx.QuoteOf(ctx, post)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return tx.removeQuote(ctx, q)
}

// adoptQuotes ties to a post the quotes of it that arrived before.
func (tx *Tx) adoptQuotes(ctx context.Context, p *Post) error {
	var waiting []*Quote
	if err := tx.idb.NewSelect().Model(&waiting).Where("qu.quoted_uri = ? AND qu.quoted_id IS NULL", p.URI).Scan(ctx); err != nil {
		return fmt.Errorf("adopt quotes: %w", err)
	}
	for _, q := range waiting {
		q.QuotedID = p.ID
		if err := tx.SetQuote(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

func (q *Queries) quote(ctx context.Context, where string, args ...any) (*Quote, error) {
	found := new(Quote)
	if err := q.idb.NewSelect().Model(found).Where(where, args...).Limit(1).Scan(ctx); err != nil {
		return nil, notFound("quote", err)
	}
	return found, nil
}

// QuoteOf finds what a post quotes, whoever may see that: QuotesOf is for showing.
func (q *Queries) QuoteOf(ctx context.Context, post int64) (*Quote, error) {
	return q.quote(ctx, "qu.post_id = ?", post)
}

// QuoteByID finds a quote.
func (q *Queries) QuoteByID(ctx context.Context, id int64) (*Quote, error) {
	return q.quote(ctx, "qu.id = ?", id)
}

// QuoteByURIs finds the quote of one post in another by their ids on the wire.
func (q *Queries) QuoteByURIs(ctx context.Context, quoting, quoted string) (*Quote, error) {
	return q.quote(ctx, "qu.post_uri = ? AND qu.quoted_uri = ?", quoting, quoted)
}

// QuoteByRequest finds a quote by the id of its QuoteRequest.
func (q *Queries) QuoteByRequest(ctx context.Context, uri string) (*Quote, error) {
	return q.quote(ctx, "qu.request_uri = ? AND qu.request_uri <> ''", uri)
}

// QuoteByApproval finds a quote by the id of its stamp.
func (q *Queries) QuoteByApproval(ctx context.Context, uri string) (*Quote, error) {
	return q.quote(ctx, "qu.approval_uri = ? AND qu.approval_uri <> ''", uri)
}

// QuotesOf finds what posts quote, keyed by the quoting post, with what of it the viewer may see.
func (q *Queries) QuotesOf(ctx context.Context, viewer int64, posts []int64) (map[int64]*Quote, error) {
	found := make(map[int64]*Quote)
	if len(posts) == 0 {
		return found, nil
	}
	var rows []*Quote
	if err := q.idb.NewSelect().Model(&rows).Where("qu.post_id IN (?)", bun.List(posts)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read quotes: %w", err)
	}
	var ids []int64
	for _, r := range rows {
		found[r.PostID] = r
		if r.QuotedID != 0 {
			ids = append(ids, r.QuotedID)
		}
	}
	visible, err := q.VisiblePosts(ctx, viewer, ids)
	if err != nil {
		return nil, err
	}
	alive, err := q.PostsByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		r.QuotedGone = r.QuotedID != 0 && alive[r.QuotedID] == nil
		if r.State == QuoteAccepted {
			r.Quoted = visible[r.QuotedID]
		}
	}
	return found, nil
}

// QuotedIn pages through the posts that quote a post with its author's leave, of those that the viewer may see.
func (q *Queries) QuotedIn(ctx context.Context, viewer, post int64, page Page) ([]*Post, error) {
	var rows []*Post
	s := q.idb.NewSelect().Model(&rows).Join("JOIN quotes AS qu ON qu.post_id = p.id").Where("qu.quoted_id = ? AND qu.state = ?", post, QuoteAccepted)
	return q.timeline(ctx, s, &rows, viewer, BothSides, false, page)
}

// SetQuotePolicy changes who may quote a post.
func (tx *Tx) SetQuotePolicy(ctx context.Context, post int64, policy string) error {
	if _, err := tx.idb.NewRaw("UPDATE posts SET quote_policy = ? WHERE id = ?", policy, post).Exec(ctx); err != nil {
		return fmt.Errorf("set quote policy: %w", err)
	}
	return tx.touchPost(ctx, post)
}
