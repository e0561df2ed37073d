// Package archive keeps a whole node in one file.
//
// Write takes a node's database at one moment, while it goes on working, then its media; Check
// reads an archive to its end and says whether every byte and every count is right; Restore
// checks and then fills an unused database and a media store, wholly or not at all.
//
// An archive is a tar, compressed with gzip: tables/NAME.jsonl, media/KEY, and manifest.json at
// the end, since it counts what stands before it. It holds private keys, sign-ins and posts: who
// has it has the node.
//
// What must never happen: a table that is forgotten, an archive that is restored in part, memory
// that grows with what a node has stored.
package archive

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"
	"time"

	"ruche/storage"
	"ruche/storage/blob"
)

// Format is the version of the archive's own layout. Another one is refused.
const Format = 1

// ErrDamaged says that an archive isn't whole, or isn't one at all.
var ErrDamaged = errors.New("the archive is damaged")

const (
	manifestName = "manifest.json"
	tablesFolder = "tables/"
	tableEnding  = ".jsonl"
	mediaFolder  = "media/"
)

// A Manifest says what an archive holds.
type Manifest struct {
	Format    int       `json:"format"`
	Program   string    `json:"program"` // version that wrote it
	Domain    string    `json:"domain"`
	PublicURL string    `json:"public_url"`
	MadeAt    time.Time `json:"made_at"`
	Schema    []string  `json:"schema"` // migrations of the database
	Tables    []Table   `json:"tables"`
	Media     Media     `json:"media"`
	// MediaMissing counts files that the database names and the store didn't have. Those that were
	// deleted while the archive was written are among them.
	MediaMissing int64 `json:"media_missing"`
}

// A Table is one file of rows.
type Table struct {
	Name   string `json:"name"`
	Rows   int64  `json:"rows"`
	SHA256 string `json:"sha256"`
}

// Media is every media file together; the hash runs over the name, a line feed and the bytes of
// each in their order, so that a manifest stays small beside a million pictures.
type Media struct {
	Files  int64  `json:"files"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Source is the node that is kept.
type Source struct {
	DB        *storage.DB
	Blobs     blob.Store
	Program   string
	Domain    string
	PublicURL string
	// Scratch is a folder with room for the largest table.
	Scratch string
}

// Write writes an archive of the node as it is now. Media that is deleted meanwhile is left out.
func Write(ctx context.Context, w io.Writer, s Source) (*Manifest, error) {
	zipped := gzip.NewWriter(w)
	out := &writer{tar: tar.NewWriter(zipped), source: s, manifest: &Manifest{
		Format: Format, Program: s.Program, Domain: s.Domain, PublicURL: s.PublicURL, MadeAt: s.DB.Now(),
	}}
	keys, err := scratch(s.Scratch)
	if err != nil {
		return nil, err
	}
	defer keys.drop()
	if err := s.DB.View(ctx, func(q *storage.Queries) error { return out.rows(ctx, q, keys) }); err != nil {
		return nil, err
	}
	if err := out.media(ctx, keys); err != nil {
		return nil, err
	}
	body, err := json.MarshalIndent(out.manifest, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := out.file(manifestName, int64(len(body)), strings.NewReader(string(body))); err != nil {
		return nil, err
	}
	if err := out.tar.Close(); err != nil {
		return nil, fmt.Errorf("write archive: %w", err)
	}
	if err := zipped.Close(); err != nil {
		return nil, fmt.Errorf("write archive: %w", err)
	}
	return out.manifest, nil
}

type writer struct {
	tar      *tar.Writer
	source   Source
	manifest *Manifest
}

// rows writes the tables, and notes the keys of the media that they name. tar wants a file's size
// before its bytes, so each table is written beside first.
func (w *writer) rows(ctx context.Context, q *storage.Queries, keys *scratchFile) error {
	var err error
	if w.manifest.Schema, err = q.Schema(ctx); err != nil {
		return err
	}
	tables, err := q.Tables(ctx)
	if err != nil {
		return err
	}
	for _, table := range tables {
		if err := w.table(ctx, q, table); err != nil {
			return fmt.Errorf("keep %s: %w", table, err)
		}
	}
	list := bufio.NewWriter(keys)
	if err := q.EachBlobKey(ctx, func(key string) error { _, err := fmt.Fprintln(list, key); return err }); err != nil {
		return err
	}
	return list.Flush()
}

func (w *writer) table(ctx context.Context, q *storage.Queries, table string) error {
	rows, err := scratch(w.source.Scratch)
	if err != nil {
		return err
	}
	defer rows.drop()
	sum := sha256.New()
	n, err := q.WriteRows(ctx, table, io.MultiWriter(rows, sum))
	if err != nil {
		return err
	}
	size, err := rows.rewind()
	if err != nil {
		return err
	}
	w.manifest.Tables = append(w.manifest.Tables, Table{Name: table, Rows: n, SHA256: hex.EncodeToString(sum.Sum(nil))})
	return w.file(tablesFolder+table+tableEnding, size, rows)
}

func (w *writer) media(ctx context.Context, keys *scratchFile) error {
	if _, err := keys.rewind(); err != nil {
		return err
	}
	sum := newMediaSum()
	for lines := bufio.NewScanner(keys); lines.Scan(); {
		key := lines.Text()
		bytes, size, err := w.source.Blobs.Open(ctx, key)
		if errors.Is(err, blob.ErrNotFound) {
			w.manifest.MediaMissing++
			continue
		}
		if err != nil {
			return err
		}
		sum.begin(key, size)
		err = w.file(mediaFolder+key, size, io.TeeReader(bytes, sum))
		if err := errors.Join(err, bytes.Close()); err != nil {
			return err
		}
	}
	w.manifest.Media = sum.total()
	return ctx.Err()
}

func (w *writer) file(name string, size int64, r io.Reader) error {
	if err := w.tar.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size, ModTime: w.manifest.MadeAt, Format: tar.FormatPAX}); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if _, err := io.CopyN(w.tar, r, size); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// mediaSum adds up the media files.
type mediaSum struct {
	hash.Hash
	files, bytes int64
}

func newMediaSum() *mediaSum { return &mediaSum{Hash: sha256.New()} }

func (m *mediaSum) begin(key string, size int64) {
	m.files, m.bytes = m.files+1, m.bytes+size
	fmt.Fprintf(m, "%s\n", key)
}

func (m *mediaSum) total() Media {
	return Media{Files: m.files, Bytes: m.bytes, SHA256: hex.EncodeToString(m.Sum(nil))}
}

// scratchFile is written, read once and gone.
type scratchFile struct{ *os.File }

func scratch(folder string) (*scratchFile, error) {
	f, err := os.CreateTemp(folder, ".ruche-backup-*")
	if err != nil {
		return nil, fmt.Errorf("make a file for rows: %w", err)
	}
	return &scratchFile{f}, nil
}

func (s *scratchFile) rewind() (size int64, err error) {
	if size, err = s.Seek(0, io.SeekCurrent); err != nil {
		return 0, err
	}
	_, err = s.Seek(0, io.SeekStart)
	return size, err
}

func (s *scratchFile) drop() {
	_ = s.Close()
	_ = os.Remove(s.Name())
}
