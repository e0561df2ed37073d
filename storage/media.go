package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Kinds of media.
const (
	MediaImage = "image"
	MediaVideo = "video"
	MediaAudio = "audio"
	MediaFile  = "file" // anything else: shown as a link
)

// Media is a picture or file: uploaded here (BlobKey), or a peer's (RemoteURL).
type Media struct {
	bun.BaseModel `bun:"table:media,alias:me"`

	ID          int64 `bun:",pk"`
	AccountID   int64
	PostID      int64  `bun:",nullzero"` // 0 until it hangs on a post; avatars and headers stay 0
	Position    int    // order within the post
	Kind        string // MediaImage…
	MIME        string
	BlobKey     string // in the blob store; also what its URL ends in
	SmallKey    string
	RemoteURL   string
	Width       int
	Height      int
	SmallWidth  int
	SmallHeight int
	Blurhash    string
	Description string
	FocusX      float64 `bun:"focus_x"`
	FocusY      float64 `bun:"focus_y"`
	Size        int64
	CreatedAt   time.Time
}

// MediaByID finds a file.
func (q *Queries) MediaByID(ctx context.Context, id int64) (*Media, error) {
	m := new(Media)
	if err := q.idb.NewSelect().Model(m).Where("me.id = ?", id).Scan(ctx); err != nil {
		return nil, notFound("media", err)
	}
	return m, nil
}

// MediaByIDs finds many at once, keyed by id.
func (q *Queries) MediaByIDs(ctx context.Context, ids []int64) (map[int64]*Media, error) {
	found := make(map[int64]*Media, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	var rows []*Media
	if err := q.idb.NewSelect().Model(&rows).Where("me.id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read media: %w", err)
	}
	for _, m := range rows {
		found[m.ID] = m
	}
	return found, nil
}

// MediaByKey finds the file that a media URL names, by its own key or its preview's.
func (q *Queries) MediaByKey(ctx context.Context, key string) (*Media, error) {
	m := new(Media)
	if err := q.idb.NewSelect().Model(m).Where("me.blob_key = ? OR me.small_key = ?", key, key).Limit(1).Scan(ctx); err != nil {
		return nil, notFound("media", err)
	}
	return m, nil
}

// MediaOf lists the files of each post in their order, keyed by post.
func (q *Queries) MediaOf(ctx context.Context, posts []int64) (map[int64][]*Media, error) {
	out := make(map[int64][]*Media, len(posts))
	if len(posts) == 0 {
		return out, nil
	}
	var rows []*Media
	if err := q.idb.NewSelect().Model(&rows).Where("me.post_id IN (?)", bun.List(posts)).Order("me.post_id", "me.position").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read media: %w", err)
	}
	for _, m := range rows {
		out[m.PostID] = append(out[m.PostID], m)
	}
	return out, nil
}

// AddMedia stores an uploaded file's row; its bytes are in the blob store already.
func (tx *Tx) AddMedia(ctx context.Context, m *Media) error {
	m.ID, m.CreatedAt = tx.NewID(tx.Now()), tx.Now()
	if _, err := tx.idb.NewInsert().Model(m).Exec(ctx); err != nil {
		return fmt.Errorf("store media: %w", err)
	}
	return nil
}

// DescribeMedia changes a file's alt text and focus.
func (tx *Tx) DescribeMedia(ctx context.Context, m *Media) error {
	if _, err := tx.idb.NewUpdate().Model(m).Column("description", "focus_x", "focus_y").WherePK().Exec(ctx); err != nil {
		return fmt.Errorf("describe media: %w", err)
	}
	return nil
}

// attach hangs uploaded files on a post. A file that isn't the author's, or hangs on another
// post, gives ErrNotFound.
func (tx *Tx) attach(ctx context.Context, p *Post, ids []int64) error {
	for i, id := range ids {
		res, err := tx.idb.NewRaw("UPDATE media SET post_id = ?, position = ? WHERE id = ? AND account_id = ? AND (post_id IS NULL OR post_id = ?)", p.ID, i, id, p.AuthorID, p.ID).Exec(ctx)
		if err != nil {
			return fmt.Errorf("attach media: %w", err)
		}
		if !changed(res) {
			return fmt.Errorf("attach media %d: %w", id, ErrNotFound)
		}
	}
	return nil
}

// detach takes a post's files off, except those kept: uploaded ones wait for another post, a
// peer's go.
func (tx *Tx) detach(ctx context.Context, post int64, keep []int64) error {
	if len(keep) == 0 {
		keep = []int64{0}
	}
	if _, err := tx.idb.NewRaw("DELETE FROM media WHERE post_id = ? AND remote_url <> ''", post).Exec(ctx); err != nil {
		return fmt.Errorf("detach media: %w", err)
	}
	if _, err := tx.idb.NewRaw("UPDATE media SET post_id = NULL WHERE post_id = ? AND id NOT IN (?)", post, bun.List(keep)).Exec(ctx); err != nil {
		return fmt.Errorf("detach media: %w", err)
	}
	return nil
}

// dropMedia removes a post's files and gives the keys of the bytes that are left over.
func (tx *Tx) dropMedia(ctx context.Context, post int64) ([]string, error) {
	files, err := tx.MediaOf(ctx, []int64{post})
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, m := range files[post] {
		for _, key := range []string{m.BlobKey, m.SmallKey} {
			if key != "" {
				keys = append(keys, key)
			}
		}
	}
	copied, err := tx.dropCopies(ctx, "of = ? AND row_id IN (SELECT id FROM media WHERE post_id = ?)", OfAttachment, post)
	if err != nil {
		return nil, err
	}
	if _, err := tx.idb.NewRaw("DELETE FROM media WHERE post_id = ?", post).Exec(ctx); err != nil {
		return nil, fmt.Errorf("remove media: %w", err)
	}
	return append(keys, copied...), nil
}

// RemoveMedia removes a file's row unless something shows it; it says whether it did.
func (tx *Tx) RemoveMedia(ctx context.Context, id int64) (bool, error) {
	res, err := tx.idb.NewRaw("DELETE FROM media WHERE id = ? AND post_id IS NULL AND NOT EXISTS (SELECT 1 FROM accounts WHERE avatar_id = ? OR header_id = ?)", id, id, id).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("remove media: %w", err)
	}
	return changed(res), nil
}

// EachBlobKey calls fn with the key of every stored file, for backup. Copies of what lives at peers aren't among them: they can be
// had again.
func (q *Queries) EachBlobKey(ctx context.Context, fn func(key string) error) error {
	rows, err := q.idb.NewSelect().ColumnExpr("key").
		TableExpr("(SELECT blob_key AS key FROM media WHERE blob_key <> '' UNION SELECT small_key FROM media WHERE small_key <> '') AS keys").Rows(ctx)
	if err != nil {
		return fmt.Errorf("list media keys: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			return fmt.Errorf("list media keys: %w", err)
		}
		if err := fn(key); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("list media keys: %w", err)
	}
	return nil
}
