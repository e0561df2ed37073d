package mirror_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"ruche/federation"
	"ruche/inbox/mirror"
	"ruche/outbox/picture"
	"ruche/storage"
	"ruche/storage/blob"
	"ruche/storage/storagetest"
)

// drip is a body that never ends, and gives nothing once its beginning is read.
type drip struct {
	io.Reader
	ctx context.Context
}

func (d drip) Read(p []byte) (int, error) {
	if n, _ := d.Reader.Read(p); n > 0 {
		return n, nil
	}
	<-d.ctx.Done()
	return 0, d.ctx.Err()
}

func (drip) Close() error { return nil }

type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// start gives a mirror of a node with one peer, which answers by a function.
func start(t *testing.T, db *storage.DB, total time.Duration, answer func(r *http.Request) *http.Response) *mirror.Mirror {
	t.Helper()
	client, err := federation.NewClient(federation.ClientConfig{TotalTimeout: total})
	check(t, err)
	client.Doer = doer(func(r *http.Request) (*http.Response, error) { return answer(r), nil })
	blobs, err := blob.Disk(t.TempDir())
	check(t, err)
	check(t, db.Update(t.Context(), func(tx *storage.Tx) error {
		return tx.SavePeer(t.Context(), &storage.Peer{Host: "partner.test", Tier: storage.Partner, State: storage.PeerActive})
	}))
	return &mirror.Mirror{DB: db, Client: client, Blobs: blobs, Pictures: picture.New(picture.Limits{}), Log: slog.New(slog.DiscardHandler)}
}

// opens opens an emoji of the peer as its address names it.
func opens(t *testing.T, m *mirror.Mirror, id int64, url string) error {
	t.Helper()
	seal, err := m.DB.Seal(t.Context())
	check(t, err)
	path := seal.Path(storage.OfEmoji, id, url)
	file, err := m.Open(t.Context(), storage.OfEmoji, id, path[len(path)-40:])
	if err == nil {
		check(t, file.Close())
	}
	return err
}

// emojis gives a peer some, by their addresses.
func emojis(t *testing.T, db *storage.DB, count int) map[string]int64 {
	t.Helper()
	var rows []*storage.Emoji
	var names []string
	for i := range count {
		name := fmt.Sprint("bee", i)
		names, rows = append(names, name), append(rows, &storage.Emoji{Host: "partner.test", Name: name, RemoteURL: "https://partner.test/" + name})
	}
	check(t, db.Update(t.Context(), func(tx *storage.Tx) error { return tx.SaveEmojis(t.Context(), rows) }))
	found, err := db.EmojisOf(t.Context(), []string{"partner.test"}, names)
	check(t, err)
	out := map[string]int64{}
	for _, e := range found["partner.test"] {
		out[e.RemoteURL] = e.ID
	}
	return out
}

func drawn(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	check(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, 100, 100))))
	return b.Bytes()
}

func TestAPictureThatDripsIsCutAndNotKept(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		asked, body := 0, drawn(t)
		m := start(t, db, 50*time.Millisecond, func(r *http.Request) *http.Response {
			asked++
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: drip{bytes.NewReader(body), r.Context()}}
		})
		for url, id := range emojis(t, db, 1) {
			for range 2 {
				if err := opens(t, m, id, url); !errors.Is(err, storage.ErrNotFound) {
					t.Error(err)
				}
			}
		}
		if asked != 1 {
			t.Errorf("a picture that drips was asked for %d times", asked)
		}
		check(t, m.Blobs.Walk(t.Context(), func(key string, _ int64) error { return errors.New("something was kept") }))
	})
}

func TestAPeerIsAskedForSoManyFilesAMinute(t *testing.T) {
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	storagetest.EachWith(t, storage.Options{Clock: func() time.Time { return now }}, func(t *testing.T, db *storage.DB) {
		asked := 0
		m := start(t, db, time.Minute, func(*http.Request) *http.Response {
			asked++
			return &http.Response{StatusCode: 404, Header: http.Header{}, Body: http.NoBody}
		})
		busy := ""
		list := emojis(t, db, 301)
		for url, id := range list {
			switch err := opens(t, m, id, url); {
			case errors.Is(err, mirror.ErrBusy):
				busy = url
			case !errors.Is(err, storage.ErrNotFound):
				t.Fatal(err)
			}
		}
		if asked != 300 || busy == "" {
			t.Errorf("%d files were asked for in a minute", asked)
		}
		now = now.Add(time.Minute)
		if err := opens(t, m, list[busy], busy); !errors.Is(err, storage.ErrNotFound) || asked != 301 {
			t.Errorf("a minute later: %v, asked %d times", err, asked)
		}
	})
}

// forgetful is a store that loses what it is given.
type forgetful struct{ blob.Store }

func (forgetful) Open(context.Context, string) (io.ReadCloser, int64, error) {
	return nil, 0, blob.ErrNotFound
}

func TestACopyWhoseBytesAreGoneIsFetchedAgain(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		asked, body := 0, drawn(t)
		m := start(t, db, time.Minute, func(*http.Request) *http.Response {
			asked++
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body))}
		})
		for url, id := range emojis(t, db, 1) {
			check(t, opens(t, m, id, url))
			check(t, m.Blobs.Walk(t.Context(), func(key string, _ int64) error { return m.Blobs.Delete(t.Context(), key) }))
			check(t, opens(t, m, id, url))
			check(t, opens(t, m, id, url))
			if asked != 2 {
				t.Errorf("it was fetched %d times", asked)
			}
			m.Blobs = forgetful{m.Blobs}
			if err := opens(t, m, id, url); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("bytes that nobody keeps: %v", err)
			}
		}
	})
}
