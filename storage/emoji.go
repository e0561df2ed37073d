package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// An Emoji is a small picture that texts of its host call by :Name:. One of ours is stored under BlobKey; one of a peer is shown
// through a copy (RemoteFile): a reader's browser asks nobody else for anything.
type Emoji struct {
	bun.BaseModel `bun:"table:emojis,alias:em"`

	ID        int64  `bun:",pk"`
	Host      string // empty: ours
	Name      string // without colons
	URI       string
	RemoteURL string
	MIME      string
	BlobKey   string
	UpdatedAt time.Time
}

// SaveEmojis keeps what a host says of its emojis. A picture that moved loses its copy here.
func (tx *Tx) SaveEmojis(ctx context.Context, emojis []*Emoji) error {
	for _, e := range emojis {
		row := *e
		row.ID = tx.NewID(tx.Now())
		if row.UpdatedAt.IsZero() {
			row.UpdatedAt = tx.Now()
		}
		_, err := tx.idb.NewInsert().Model(&row).On(`CONFLICT (host, name) DO UPDATE`).
			Set("blob_key = CASE WHEN em.remote_url = EXCLUDED.remote_url THEN em.blob_key ELSE EXCLUDED.blob_key END").
			Set("uri = EXCLUDED.uri, remote_url = EXCLUDED.remote_url, mime = EXCLUDED.mime, updated_at = EXCLUDED.updated_at").Exec(ctx)
		if err != nil {
			return fmt.Errorf("keep emoji: %w", err)
		}
	}
	return nil
}

// ShownEmojis finds, of the names that a host's texts call, those that have a copy here.
func (q *Queries) ShownEmojis(ctx context.Context, host string, names []string) ([]*Emoji, error) {
	if len(names) == 0 {
		return nil, nil
	}
	var rows []*Emoji
	if err := q.idb.NewSelect().Model(&rows).Where("em.host = ? AND em.name IN (?) AND em.blob_key <> ''", host, bun.List(names)).Order("em.name").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read emojis: %w", err)
	}
	return rows, nil
}

// EmojisOf finds the emojis of several hosts, keyed by host and name.
func (q *Queries) EmojisOf(ctx context.Context, hosts, names []string) (map[string]map[string]*Emoji, error) {
	out := map[string]map[string]*Emoji{}
	if len(names) == 0 {
		return out, nil
	}
	var rows []*Emoji
	if err := q.idb.NewSelect().Model(&rows).Where("em.host IN (?) AND em.name IN (?) AND (em.blob_key <> '' OR em.remote_url <> '')", bun.List(hosts), bun.List(names)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read emojis: %w", err)
	}
	for _, e := range rows {
		if out[e.Host] == nil {
			out[e.Host] = map[string]*Emoji{}
		}
		out[e.Host][e.Name] = e
	}
	return out, nil
}

// OwnEmojis lists the emojis of this node.
func (q *Queries) OwnEmojis(ctx context.Context) ([]*Emoji, error) {
	var rows []*Emoji
	if err := q.idb.NewSelect().Model(&rows).Where("em.host = '' AND em.blob_key <> ''").Order("em.name").Scan(ctx); err != nil {
		return nil, fmt.Errorf("list emojis: %w", err)
	}
	return rows, nil
}
