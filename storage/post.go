package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Visibilities: who in a post's circle may see it.
const (
	Public    = "public"
	Unlisted  = "unlisted"
	Followers = "followers"
	Direct    = "direct"
	Members   = "members" // of the community that it is in, when that isn't open to everybody
)

// Circles: how far a post may go at most.
const (
	CircleNode         = "node"
	CircleOrganisation = "organisation"
	CircleNetwork      = "network"
)

// A Post is something somebody wrote, or, with ShareOfID, the passing on of a post. Shares
// are rows of the same table so that one id orders a timeline.
type Post struct {
	bun.BaseModel `bun:"table:posts,alias:p"`

	ID       int64 `bun:",pk"`
	AuthorID int64
	// Origin is the host of the author's ids; empty for a local post.
	Origin      string
	URI         string
	URL         string
	ActivityURI string // of its Create or Announce, where one is known

	ShareOfID     int64  `bun:",nullzero"`
	InReplyToID   int64  `bun:",nullzero"`
	InReplyToURI  string // kept even where the parent isn't known here
	InReplyToUser int64  `bun:",nullzero"` // the parent's author
	ThreadID      int64  // the first post known of the conversation; its own id where it begins one
	Context       string // the conversation's id on the wire

	Text           string // what the author typed; local posts
	HTML           string // sanitised
	ContentWarning string
	Sensitive      bool
	Language       string
	Visibility     string
	Circle         string

	PublishedAt time.Time
	EditedAt    time.Time `bun:",nullzero"`
	DeletedAt   time.Time `bun:",nullzero"` // the row stays as a tombstone
	ArrivedAt   time.Time
	Backfilled  bool // fetched for a thread: never in home, streams or notifications

	// Kind is the type on the wire of what was received: Note, Article, Page, Question, Video…
	Kind   string
	Emojis Names // names of the custom emojis in its text
	// QuotePolicy is who may quote it: see quote.go. Empty: its author never said.
	QuotePolicy string

	RepliesCount int64
	SharesCount  int64
	LikesCount   int64
	QuotesCount  int64
	Revision     int64
	Raw          string // the received object, for reading it again with better code
	Client       string // the application that wrote it; local
}

// Damaged says that its row can't be read whole: it is said to be so instead of shown.
func (p *Post) Damaged() bool { return p.Emojis.Damaged() }

// Local says whether the post was written here.
func (p *Post) Local() bool { return p.Origin == "" }

// A NewPost is a post with what hangs on it, as AddPost takes it.
type NewPost struct {
	Post
	Mentions []int64 // accounts
	Hashtags []string
	Media    []int64  // ids of media that belong to the author and to no other post; local
	Attached []*Media // a peer's media, stored with the post
	Poll     *Poll    // nil: it asks nothing
	Quote    *Quote   // nil: it quotes nothing
	Customs  []*Emoji // what a peer says of the emojis that the text calls
	// Community is the group that a peer's post says it was written for. Whether it is in it, the
	// community says.
	Community int64
}

// A Mention ties a post to an account that it names.
type Mention struct {
	bun.BaseModel `bun:"table:mentions,alias:m"`
	PostID        int64 `bun:",pk"`
	AccountID     int64 `bun:",pk"`
}

// A Hashtag ties a post to a tag, in lower case without the #.
type Hashtag struct {
	bun.BaseModel `bun:"table:hashtags,alias:h"`
	PostID        int64  `bun:",pk"`
	Name          string `bun:",pk"`
}

// A PostEdit is how a post stood before an edit.
type PostEdit struct {
	bun.BaseModel  `bun:"table:post_edits,alias:pe"`
	ID             int64 `bun:",pk"`
	PostID         int64
	HTML           string
	Text           string
	ContentWarning string
	Sensitive      bool
	WrittenAt      time.Time
}

// PostByID finds a post or share that isn't deleted, whoever may see it: callers that show it
// ask VisiblePost instead.
func (q *Queries) PostByID(ctx context.Context, id int64) (*Post, error) {
	p := new(Post)
	if err := q.idb.NewSelect().Model(p).Where("p.id = ? AND p.deleted_at IS NULL", id).Scan(ctx); err != nil {
		return nil, notFound("post", err)
	}
	return p, nil
}

// PostByURI finds a post or share by its id on the wire, deleted or not (see DeletedAt).
func (q *Queries) PostByURI(ctx context.Context, uri string) (*Post, error) {
	p := new(Post)
	if err := q.idb.NewSelect().Model(p).Where("p.uri = ?", uri).Scan(ctx); err != nil {
		return nil, notFound("post "+uri, err)
	}
	return p, nil
}

// PostEvenDeleted finds a post or its tombstone.
func (q *Queries) PostEvenDeleted(ctx context.Context, id int64) (*Post, error) {
	p := new(Post)
	if err := q.idb.NewSelect().Model(p).Where("p.id = ?", id).Scan(ctx); err != nil {
		return nil, notFound("post", err)
	}
	return p, nil
}

// PostsByID finds many at once, deleted ones left out.
func (q *Queries) PostsByID(ctx context.Context, ids []int64) (map[int64]*Post, error) {
	found := make(map[int64]*Post, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	var rows []*Post
	if err := q.idb.NewSelect().Model(&rows).Where("p.id IN (?) AND p.deleted_at IS NULL", bun.List(ids)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read posts: %w", err)
	}
	for _, p := range rows {
		found[p.ID] = p
	}
	return found, nil
}

// Mentions lists the accounts that each post names, keyed by post.
func (q *Queries) Mentions(ctx context.Context, posts []int64) (map[int64][]int64, error) {
	out := make(map[int64][]int64, len(posts))
	if len(posts) == 0 {
		return out, nil
	}
	var rows []Mention
	if err := q.idb.NewSelect().Model(&rows).Where("m.post_id IN (?)", bun.List(posts)).Order("m.post_id", "m.account_id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read mentions: %w", err)
	}
	for _, m := range rows {
		out[m.PostID] = append(out[m.PostID], m.AccountID)
	}
	return out, nil
}

// Hashtags lists the tags of each post, keyed by post.
func (q *Queries) Hashtags(ctx context.Context, posts []int64) (map[int64][]string, error) {
	out := make(map[int64][]string, len(posts))
	if len(posts) == 0 {
		return out, nil
	}
	var rows []Hashtag
	if err := q.idb.NewSelect().Model(&rows).Where("h.post_id IN (?)", bun.List(posts)).Order("h.post_id", "h.name").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read hashtags: %w", err)
	}
	for _, h := range rows {
		out[h.PostID] = append(out[h.PostID], h.Name)
	}
	return out, nil
}

// PostEdits lists how a post stood before each edit, oldest first.
func (q *Queries) PostEdits(ctx context.Context, post int64) ([]*PostEdit, error) {
	var rows []*PostEdit
	if err := q.idb.NewSelect().Model(&rows).Where("pe.post_id = ?", post).Order("pe.id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read edits: %w", err)
	}
	return rows, nil
}

// LateDays is how many days before its arrival a remote post's id may be dated at most, so
// that a late delivery still shows in home.
const LateDays = 7

// PostID makes the id of a post: from when it was published, never in the future and, for a
// remote one, never more than LateDays before now (unless the node lifts that bound).
func (tx *Tx) PostID(published time.Time, remote bool) int64 {
	now := tx.Now()
	if published.After(now) || published.IsZero() {
		published = now
	}
	if oldest := now.AddDate(0, 0, -LateDays); remote && !tx.db.anyAge && published.Before(oldest) {
		published = oldest
	}
	return tx.NewID(published)
}

// AddPost is the one door for posts and shares, written here or received. It stores the post
// and, unless it is backfilled, its consequences: mentions, tags, counters, home rows,
// notifications and news. A URI that exists already gives that post and false, and changes nothing.
func (tx *Tx) AddPost(ctx context.Context, n *NewPost) (bool, error) {
	p := &n.Post
	if p.ID == 0 {
		p.ID = tx.PostID(p.PublishedAt, p.Origin != "")
	}
	if p.Kind == "" {
		p.Kind = "Note"
		if n.Poll != nil {
			p.Kind = "Question"
		}
	}
	p.ArrivedAt = tx.Now()
	if p.PublishedAt.IsZero() || p.PublishedAt.After(p.ArrivedAt) {
		p.PublishedAt = p.ArrivedAt
	}
	if p.URI == "" {
		p.URI = tx.uris.Post(p.ID)
		if p.ShareOfID != 0 {
			p.URI = tx.uris.Share(p.ID)
		}
	}
	var parent *Post
	var err error
	if p.InReplyToID != 0 {
		if parent, err = tx.PostByID(ctx, p.InReplyToID); errors.Is(err, ErrNotFound) {
			parent, p.InReplyToID = nil, 0
		} else if err != nil {
			return false, err
		}
	}
	p.ThreadID = p.ID
	if parent != nil {
		p.InReplyToURI, p.InReplyToUser, p.ThreadID = parent.URI, parent.AuthorID, parent.ThreadID
		if p.Context == "" {
			p.Context = parent.Context
		}
	}
	if p.Context == "" && p.Local() {
		p.Context = tx.uris.Post(p.ThreadID) + "/context"
	}
	res, err := tx.idb.NewInsert().Model(p).On("CONFLICT (uri) DO NOTHING").Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("store post: %w", err)
	}
	if !changed(res) {
		old, err := tx.PostByURI(ctx, p.URI)
		if err != nil {
			return false, err
		}
		n.Post = *old
		return false, nil
	}
	if err := tx.addParts(ctx, n); err != nil {
		return false, err
	}
	if err := tx.adoptReplies(ctx, p); err != nil {
		return false, err
	}
	if err := tx.postConsequences(ctx, n, parent); err != nil {
		return false, err
	}
	if n.Quote != nil {
		if err := tx.addQuote(ctx, p, n.Quote); err != nil {
			return false, err
		}
	}
	if err := tx.indexPost(ctx, p, len(n.Media)+len(n.Attached) > 0 || n.Poll != nil, true); err != nil {
		return false, err
	}
	if err := tx.linkCard(ctx, p); err != nil {
		return false, err
	}
	return true, tx.adoptQuotes(ctx, p)
}

func (tx *Tx) addParts(ctx context.Context, n *NewPost) error {
	p := &n.Post
	for _, id := range n.Mentions {
		if _, err := tx.idb.NewInsert().Model(&Mention{PostID: p.ID, AccountID: id}).On("CONFLICT DO NOTHING").Exec(ctx); err != nil {
			return fmt.Errorf("store mention: %w", err)
		}
	}
	for _, name := range n.Hashtags {
		if _, err := tx.idb.NewInsert().Model(&Hashtag{PostID: p.ID, Name: name}).On("CONFLICT DO NOTHING").Exec(ctx); err != nil {
			return fmt.Errorf("store hashtag: %w", err)
		}
	}
	if err := tx.attach(ctx, p, n.Media); err != nil {
		return err
	}
	if n.Poll != nil {
		if err := tx.addPoll(ctx, p.ID, n.Poll); err != nil {
			return err
		}
	}
	if err := tx.SaveEmojis(ctx, n.Customs); err != nil {
		return err
	}
	for i, m := range n.Attached {
		m.ID, m.AccountID, m.PostID, m.Position, m.CreatedAt = tx.NewID(tx.Now()), p.AuthorID, p.ID, i, tx.Now()
		if _, err := tx.idb.NewInsert().Model(m).Exec(ctx); err != nil {
			return fmt.Errorf("store attachment: %w", err)
		}
	}
	return nil
}

func (tx *Tx) postConsequences(ctx context.Context, n *NewPost, parent *Post) error {
	p := &n.Post
	if err := tx.countPost(ctx, p, 1); err != nil {
		return err
	}
	if p.Backfilled {
		return nil
	}
	if err := tx.spreadHome(ctx, p); err != nil {
		return err
	}
	if p.ShareOfID != 0 {
		original, err := tx.PostByID(ctx, p.ShareOfID)
		if err != nil {
			return err
		}
		if err := tx.notify(ctx, NotifyShare, original.AuthorID, p.AuthorID, original.ID); err != nil {
			return err
		}
	}
	for _, id := range n.Mentions {
		if err := tx.notify(ctx, NotifyMention, id, p.AuthorID, p.ID); err != nil {
			return err
		}
	}
	if p.ShareOfID == 0 && p.InReplyToURI == "" && p.Visibility != Direct && p.Visibility != Members {
		err := tx.notifyAll(ctx, NotifyPost, p.AuthorID, p.ID, "SELECT follower_id FROM follows WHERE followee_id = ? AND state = ? AND follower_local = ? AND notify = ?", p.AuthorID, Accepted, true, true)
		if err != nil {
			return err
		}
	}
	if err := tx.converse(ctx, p, n.Mentions); err != nil {
		return err
	}
	tx.Publish(Event{Kind: PostCreated, PostID: p.ID, AccountID: p.AuthorID})
	return nil
}

// countPost makes right what everybody sees counted of a post that came (by: 1) or went (-1).
func (tx *Tx) countPost(ctx context.Context, p *Post, by int) error {
	if !p.Open() {
		return tx.countHiddenShare(ctx, p, by)
	}
	if err := tx.addToCount(ctx, p.AuthorID, "posts_count", by); err != nil {
		return err
	}
	if by > 0 {
		day := p.PublishedAt.UTC().Format(time.DateOnly)
		if _, err := tx.idb.NewRaw("UPDATE accounts SET last_post_on = ? WHERE id = ? AND last_post_on < ?", day, p.AuthorID, day).Exec(ctx); err != nil {
			return fmt.Errorf("note last post: %w", err)
		}
	}
	if p.InReplyToID != 0 {
		if err := tx.countOnPost(ctx, p.InReplyToID, "replies_count", by); err != nil {
			return err
		}
	}
	if p.ShareOfID != 0 {
		return tx.countOnPost(ctx, p.ShareOfID, "shares_count", by)
	}
	return nil
}

// countHiddenShare counts a share that isn't open where the original isn't either: those who see the count
// see the share.
func (tx *Tx) countHiddenShare(ctx context.Context, p *Post, by int) error {
	if p.ShareOfID == 0 {
		return nil
	}
	original, err := tx.PostEvenDeleted(ctx, p.ShareOfID)
	if err != nil || original.Open() || original.Visibility != p.Visibility {
		return err
	}
	return tx.countOnPost(ctx, p.ShareOfID, "shares_count", by)
}

func (tx *Tx) countOnPost(ctx context.Context, post int64, column string, by int) error {
	_, err := tx.idb.NewRaw("UPDATE posts SET ? = CASE WHEN ? + ? < 0 THEN 0 ELSE ? + ? END, revision = revision + 1 WHERE id = ?",
		bun.Ident(column), bun.Ident(column), by, bun.Ident(column), by, post).Exec(ctx)
	if err != nil {
		return fmt.Errorf("count %s: %w", column, err)
	}
	return nil
}

// ShareBy finds the account's live share of a post.
func (q *Queries) ShareBy(ctx context.Context, account, post int64) (*Post, error) {
	p := new(Post)
	err := q.idb.NewSelect().Model(p).Where("p.author_id = ? AND p.share_of_id = ? AND p.deleted_at IS NULL", account, post).Limit(1).Scan(ctx)
	if err != nil {
		return nil, notFound("share", err)
	}
	return p, nil
}
