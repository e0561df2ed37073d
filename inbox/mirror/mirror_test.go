package mirror_test

import (
	"bytes"
	"context"
	"errors"
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

func TestAPictureThatDripsIsCutAndNotKept(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		var drawn bytes.Buffer
		check(t, png.Encode(&drawn, image.NewGray(image.Rect(0, 0, 100, 100))))
		asked := 0
		client, err := federation.NewClient(federation.ClientConfig{TotalTimeout: 50 * time.Millisecond})
		check(t, err)
		client.Doer = doer(func(r *http.Request) (*http.Response, error) {
			asked++
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: drip{bytes.NewReader(drawn.Bytes()), r.Context()}}, nil
		})
		blobs, err := blob.Disk(t.TempDir())
		check(t, err)
		m := &mirror.Mirror{DB: db, Client: client, Blobs: blobs, Pictures: picture.New(picture.Limits{}), Log: slog.New(slog.DiscardHandler)}
		zoe := &storage.Account{Username: "zoe", Domain: "partner.test", Peer: "partner.test", Kind: storage.Person, URI: "https://partner.test/u/zoe", AvatarURL: "https://partner.test/a.png"}
		check(t, db.Update(ctx, func(tx *storage.Tx) error {
			if err := tx.SavePeer(ctx, &storage.Peer{Host: "partner.test", Tier: storage.Partner, State: storage.PeerActive}); err != nil {
				return err
			}
			return tx.AddAccount(ctx, zoe)
		}))
		seal, err := db.Seal(ctx)
		check(t, err)
		path := seal.Path(storage.OfAvatar, zoe.ID, zoe.AvatarURL)
		for range 2 {
			file, err := m.Open(ctx, storage.OfAvatar, zoe.ID, path[len(path)-40:])
			if !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("%v, %v", file, err)
			}
		}
		if asked != 1 {
			t.Errorf("a picture that drips was asked for %d times", asked)
		}
		check(t, blobs.Walk(ctx, func(key string, _ int64) error { return errors.New("something was kept") }))
	})
}
