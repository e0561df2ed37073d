package mirror

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"ruche/outbox/picture"
	"ruche/storage"
	"ruche/storage/blob"
)

// errRefused says that a file isn't what its peer said, or nothing that we show.
var errRefused = errors.New("not a file that is shown")

// Limits of a file by what it is of, in bytes. The pixels of a picture have those of package picture.
const (
	maxPicture = 16 << 20 // attached: what we let our own people attach
	maxFace    = 8 << 20  // avatar or header
	maxEmoji   = 1 << 20
	maxFilm    = 64 << 20 // what comes within the client's total time on a common line
)

const (
	acceptPicture = "image/webp, image/png, image/jpeg, image/gif"
	acceptFilm    = "video/mp4, video/webm, audio/mpeg, audio/ogg, audio/mp4, video/*;q=0.5, audio/*;q=0.5"
)

// fetch gets a file and stores its bytes; the row is yet to be written. ours is an error that isn't the peer's.
func (m *Mirror) fetch(ctx context.Context, f *storage.RemoteFile) (c *storage.Copy, ours, err error) {
	limit, accept := int64(maxPicture), acceptPicture
	switch {
	case f.Of == storage.OfEmoji:
		limit = maxEmoji
	case f.Of != storage.OfAttachment:
		limit = maxFace
	case f.Kind != storage.MediaImage:
		limit, accept = maxFilm, acceptFilm
	}
	serves := func(host string) bool { return f.Peer.ShowsMedia(host) }
	err = m.Client.GetFile(ctx, f.URL, accept, serves, limit, func(header http.Header, body io.Reader) error {
		if coding := header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
			return fmt.Errorf("it is compressed as %q: %w", coding, errRefused)
		}
		if f.Kind == storage.MediaImage {
			p, err := m.Pictures.Read(ctx, body)
			if err != nil {
				return err
			}
			c, ours = m.keepPicture(ctx, f, p)
			return ours
		}
		var err error
		c, ours, err = m.keepFilm(ctx, body)
		return err
	})
	if err != nil {
		c = nil
	}
	return c, ours, err
}

// keepPicture stores a picture that we drew. Of what is shown small, the small form is all that is kept.
func (m *Mirror) keepPicture(ctx context.Context, f *storage.RemoteFile, p *picture.Picture) (*storage.Copy, error) {
	large, kind := p.Original, p.MIME
	if f.Of == storage.OfAvatar || f.Of == storage.OfEmoji {
		large, kind = p.Small, p.SmallMIME
	}
	c := &storage.Copy{MIME: kind, BlobKey: blob.NewKey(), Size: int64(len(large))}
	if err := m.Blobs.Put(ctx, c.BlobKey, bytes.NewReader(large)); err != nil {
		return nil, err
	}
	if f.Of != storage.OfAttachment || bytes.Equal(p.Small, large) {
		return c, nil
	}
	c.SmallKey, c.SmallMIME = blob.NewKey(), p.SmallMIME
	if err := m.Blobs.Put(ctx, c.SmallKey, bytes.NewReader(p.Small)); err != nil {
		_ = m.Blobs.Delete(ctx, c.BlobKey)
		return nil, err
	}
	c.Size += int64(len(p.Small))
	return c, nil
}

// keepFilm stores a film or sound as it comes, once its beginning says that it is one.
func (m *Mirror) keepFilm(ctx context.Context, body io.Reader) (c *storage.Copy, ours, err error) {
	in := bufio.NewReaderSize(body, picture.FilmHead)
	head, err := in.Peek(picture.FilmHead)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	kind := picture.Film(head)
	if kind == "" {
		return nil, nil, fmt.Errorf("neither film nor sound: %w", errRefused)
	}
	c = &storage.Copy{MIME: kind, BlobKey: blob.NewKey()}
	count := &counted{Reader: in}
	if err := m.Blobs.Put(ctx, c.BlobKey, count); err != nil {
		if count.err == nil {
			return nil, err, err
		}
		return nil, nil, err
	}
	c.Size = count.n
	return c, nil, nil
}

// counted counts what is read, and remembers what ended it.
type counted struct {
	io.Reader
	n   int64
	err error
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}
