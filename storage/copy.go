package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// JobCopies removes copies that nobody asked for lately, or whose original is gone.
const JobCopies = "copies"

// What a file at a peer is of.
const (
	OfAttachment = "attachment" // a file of a post; by the id of its Media
	OfAvatar     = "avatar"     // by the id of the account
	OfHeader     = "header"
	OfEmoji      = "emoji"
)

const (
	copyKept = 30 * 24 * time.Hour // after it was last asked for
	// copyNoted is how fine that is noted: not every look at a picture is a write.
	copyNoted = 24 * time.Hour
	copyBatch = 200
)

// A RemoteFile is a file at a peer that may be shown here now, through a copy: visibility.go finds it.
type RemoteFile struct {
	Of   string // OfAttachment…
	ID   int64
	Kind string // MediaImage…: what its peer says it is
	URL  string // where it lives
	Host string
	Peer *Peer
}

// A Copy is our copy of a file at a peer, or the memory of why there is none.
type Copy struct {
	bun.BaseModel `bun:"table:copies,alias:cp"`

	Of        string `bun:",pk"`
	RowID     int64  `bun:",pk"`
	Host      string
	RemoteURL string // what was copied; another address since then makes the copy stale
	MIME      string
	SmallMIME string
	BlobKey   string
	SmallKey  string // of an attached picture
	Size      int64
	Failed    string    // why there is no copy; empty: there is
	Tries     int       // that failed, one after the other
	RetryAt   time.Time `bun:",nullzero"`
	AskedAt   time.Time
	CreatedAt time.Time
}

func (c *Copy) keys() []string {
	var keys []string
	for _, key := range []string{c.BlobKey, c.SmallKey} {
		if key != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

// CopyOf finds what is known of the copy of a file.
func (q *Queries) CopyOf(ctx context.Context, f *RemoteFile) (*Copy, error) {
	c := new(Copy)
	if err := q.idb.NewSelect().Model(c).Where("cp.of = ? AND cp.row_id = ? AND cp.remote_url = ?", f.Of, f.ID, f.URL).Scan(ctx); err != nil {
		return nil, notFound("copy", err)
	}
	return c, nil
}

// SaveCopy keeps a copy, or why there is none, if the file may still be shown as it was when it was fetched: otherwise ErrNotFound.
// The keys of the copy before it are the caller's to forget.
func (tx *Tx) SaveCopy(ctx context.Context, f *RemoteFile, c *Copy) ([]string, error) {
	now, err := tx.RemoteFile(ctx, f.Of, f.ID)
	if err != nil {
		return nil, err
	}
	if now.URL != f.URL {
		return nil, fmt.Errorf("%s moved: %w", f.URL, ErrNotFound)
	}
	old, err := tx.dropCopies(ctx, "of = ? AND row_id = ?", f.Of, f.ID)
	if err != nil {
		return nil, err
	}
	c.Of, c.RowID, c.Host, c.RemoteURL = f.Of, f.ID, f.Host, f.URL
	c.AskedAt, c.CreatedAt = tx.Now(), tx.Now()
	if _, err := tx.idb.NewInsert().Model(c).Exec(ctx); err != nil {
		return nil, duplicate("copy", err)
	}
	return old, tx.EnsureJob(ctx, JobCopies, tx.Now().Add(copyNoted))
}

// CopyAsked says whether it should be noted that a copy is still asked for; NoteCopy does.
func (q *Queries) CopyAsked(c *Copy) bool { return q.now().Sub(c.AskedAt) > copyNoted }

// NoteCopy notes that a copy is still asked for.
func (tx *Tx) NoteCopy(ctx context.Context, c *Copy) error {
	_, err := tx.idb.NewRaw("UPDATE copies SET asked_at = ? WHERE of = ? AND row_id = ?", tx.Now(), c.Of, c.RowID).Exec(ctx)
	return wrap("note a copy", err)
}

// UncopiedOf finds, of the ids, the attachments that can't be had just now: they are links.
func (q *Queries) UncopiedOf(ctx context.Context, ids []int64) (map[int64]bool, error) {
	out := map[int64]bool{}
	if len(ids) == 0 {
		return out, nil
	}
	var rows []int64
	if err := q.idb.NewRaw("SELECT row_id FROM copies WHERE of = ? AND row_id IN (?) AND failed <> '' AND retry_at > ?", OfAttachment, bun.List(ids), q.now()).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("look for copies: %w", err)
	}
	for _, id := range rows {
		out[id] = true
	}
	return out, nil
}

// SweepCopies removes the next copies that nobody asked for lately, or whose original is gone or moved. It says whether
// that was all; the keys are the caller's to forget.
func (tx *Tx) SweepCopies(ctx context.Context) (done bool, keys []string, err error) {
	var rows []*Copy
	err = tx.idb.NewSelect().Model(&rows).Where(`cp.asked_at < ?
		OR cp.of = 'attachment' AND NOT EXISTS (SELECT 1 FROM media AS me WHERE me.id = cp.row_id AND me.remote_url = cp.remote_url)
		OR cp.of = 'avatar' AND NOT EXISTS (SELECT 1 FROM accounts AS a WHERE a.id = cp.row_id AND a.avatar_url = cp.remote_url AND a.deleted_at IS NULL)
		OR cp.of = 'header' AND NOT EXISTS (SELECT 1 FROM accounts AS a WHERE a.id = cp.row_id AND a.header_url = cp.remote_url AND a.deleted_at IS NULL)
		OR cp.of = 'emoji' AND NOT EXISTS (SELECT 1 FROM emojis AS em WHERE em.id = cp.row_id AND em.remote_url = cp.remote_url)`, tx.Now().Add(-copyKept)).
		Order("cp.of", "cp.row_id").Limit(copyBatch).Scan(ctx)
	if err != nil {
		return false, nil, fmt.Errorf("look for copies to remove: %w", err)
	}
	for _, c := range rows {
		keys = append(keys, c.keys()...)
		if _, err := tx.idb.NewDelete().Model(c).WherePK().Exec(ctx); err != nil {
			return false, nil, fmt.Errorf("remove a copy: %w", err)
		}
	}
	if len(rows) == copyBatch {
		return false, keys, nil
	}
	left, err := tx.exists(ctx, "SELECT 1 FROM copies")
	if err == nil && left {
		err = tx.EnsureJob(ctx, JobCopies, tx.Now().Add(copyNoted))
	}
	return true, keys, err
}

// dropCopies forgets the copies that fit and gives the keys of their bytes.
func (tx *Tx) dropCopies(ctx context.Context, where string, args ...any) ([]string, error) {
	var rows []*Copy
	if err := tx.idb.NewSelect().Model(&rows).Where(where, args...).Scan(ctx); err != nil {
		return nil, fmt.Errorf("look for copies: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	var keys []string
	for _, c := range rows {
		keys = append(keys, c.keys()...)
	}
	if _, err := tx.idb.NewDelete().Model((*Copy)(nil)).Where(where, args...).Exec(ctx); err != nil {
		return nil, fmt.Errorf("remove copies: %w", err)
	}
	return keys, nil
}
