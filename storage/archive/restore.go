package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"ruche/storage"
	"ruche/storage/blob"
)

// maxManifest bounds what is read into memory before anything of it is known.
const maxManifest = 4 << 20

// Check reads a whole archive and gives its manifest. Every hash, size and count is compared;
// what doesn't fit is ErrDamaged.
func Check(r io.Reader) (*Manifest, error) {
	found := &Manifest{}
	var claimed *Manifest
	sum := newMediaSum()
	err := each(r, func(name string, size int64, body io.Reader) error {
		if claimed != nil {
			return fmt.Errorf("%s stands after the manifest: %w", name, ErrDamaged)
		}
		table, isTable := tableOf(name)
		key, isMedia := strings.CutPrefix(name, mediaFolder)
		switch {
		case name == manifestName:
			m, err := readManifest(body, size)
			claimed = m
			return err
		case isTable:
			t, err := countTable(table, body)
			found.Tables = append(found.Tables, t)
			return err
		case isMedia:
			sum.begin(key, size)
			_, err := io.Copy(sum, body)
			return err
		}
		return fmt.Errorf("%s belongs in no archive: %w", name, ErrDamaged)
	})
	if err != nil {
		return nil, err
	}
	if claimed == nil {
		return nil, fmt.Errorf("there is no manifest at its end: %w", ErrDamaged)
	}
	found.Media = sum.total()
	if !slices.Equal(found.Tables, claimed.Tables) {
		return nil, fmt.Errorf("its tables aren't those of its manifest: %w", ErrDamaged)
	}
	if found.Media != claimed.Media {
		return nil, fmt.Errorf("its media files aren't those of its manifest: %w", ErrDamaged)
	}
	return claimed, nil
}

func readManifest(body io.Reader, size int64) (*Manifest, error) {
	if size > maxManifest {
		return nil, fmt.Errorf("its manifest has %d bytes: %w", size, ErrDamaged)
	}
	m := new(Manifest)
	if err := json.NewDecoder(body).Decode(m); err != nil {
		return nil, fmt.Errorf("read its manifest (%w): %w", err, ErrDamaged)
	}
	if m.Format != Format {
		return nil, fmt.Errorf("the archive has format %d, written by version %s; this program reads format %d: use that version", m.Format, m.Program, Format)
	}
	return m, nil
}

func countTable(name string, body io.Reader) (Table, error) {
	sum, lines := sha256.New(), &lineCounter{}
	if _, err := io.Copy(io.MultiWriter(sum, lines), body); err != nil {
		return Table{}, err
	}
	return Table{Name: name, Rows: lines.n, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}

type lineCounter struct{ n int64 }

func (c *lineCounter) Write(p []byte) (int, error) {
	c.n += int64(bytes.Count(p, []byte{'\n'}))
	return len(p), nil
}

func tableOf(name string) (string, bool) {
	table, ok := strings.CutPrefix(name, tablesFolder)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(table, tableEnding)
}

// each calls fn with every file of an archive, to the very end: a truncated one is found out.
func each(r io.Reader, fn func(name string, size int64, body io.Reader) error) error {
	damaged := func(err error) error { return fmt.Errorf("%w (%w)", ErrDamaged, err) }
	zipped, err := gzip.NewReader(bufio.NewReaderSize(r, 1<<16))
	if err != nil {
		return damaged(err)
	}
	in := tar.NewReader(zipped)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return damaged(err)
		}
		if h.Typeflag != tar.TypeReg {
			return fmt.Errorf("%s is no file: %w", h.Name, ErrDamaged)
		}
		body := &faultReader{r: in}
		if err := fn(h.Name, h.Size, body); err != nil {
			if body.err != nil {
				return damaged(body.err)
			}
			return err
		}
	}
	// The checksum stands behind the last byte.
	if _, err := io.Copy(io.Discard, zipped); err != nil {
		return damaged(err)
	}
	return nil
}

// faultReader remembers an error of the archive, so that it isn't taken for one of the reader's.
type faultReader struct {
	r   io.Reader
	err error
}

func (f *faultReader) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		f.err = err
	}
	return n, err
}

// Restore puts an archive that Check has passed into an unused database and a media store: first
// the media, then every row in one transaction. open opens the archive anew; it is read more than
// once. Where it fails, the database is as it was; media files without a row may be left, and
// another try uses them again.
func Restore(ctx context.Context, m *Manifest, open func() (io.ReadCloser, error), db *storage.DB, blobs blob.Store) error {
	err := db.View(ctx, func(q *storage.Queries) error {
		unused, what, err := q.Unused(ctx)
		if err == nil && !unused {
			err = fmt.Errorf("the database isn't empty (%s): %w", what, storage.ErrExists)
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := db.MigrateTo(ctx, m.Schema); err != nil {
		return err
	}
	if err := restoreMedia(ctx, m, open, blobs); err != nil {
		return err
	}
	return db.Replace(ctx, func(fill func(string, io.Reader) (int64, error)) error {
		return restoreTables(m, open, fill)
	})
}

func restoreMedia(ctx context.Context, m *Manifest, open func() (io.ReadCloser, error), blobs blob.Store) error {
	sum := newMediaSum()
	err := reading(open, func(name string, size int64, body io.Reader) error {
		key, isMedia := strings.CutPrefix(name, mediaFolder)
		if !isMedia {
			return nil
		}
		sum.begin(key, size)
		return blobs.Put(ctx, key, io.TeeReader(body, sum))
	})
	if err != nil {
		return err
	}
	if sum.total() != m.Media {
		return fmt.Errorf("its media files changed while they were read: %w", ErrDamaged)
	}
	return nil
}

func restoreTables(m *Manifest, open func() (io.ReadCloser, error), fill func(string, io.Reader) (int64, error)) error {
	var found []Table
	err := reading(open, func(name string, _ int64, body io.Reader) error {
		table, isTable := tableOf(name)
		if !isTable {
			return nil
		}
		sum := sha256.New()
		n, err := fill(table, io.TeeReader(body, sum))
		found = append(found, Table{Name: table, Rows: n, SHA256: hex.EncodeToString(sum.Sum(nil))})
		return err
	})
	if err != nil {
		return err
	}
	if !slices.Equal(found, m.Tables) {
		return fmt.Errorf("its tables changed while they were read: %w", ErrDamaged)
	}
	return nil
}

// reading opens an archive and goes through it once.
func reading(open func() (io.ReadCloser, error), fn func(name string, size int64, body io.Reader) error) error {
	in, err := open()
	if err != nil {
		return fmt.Errorf("open the archive: %w", err)
	}
	return errors.Join(each(in, fn), in.Close())
}
