package storage_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ruche/storage"
	"ruche/storage/storagetest"
)

// gallery is a peer with two people, their pictures, two emojis and a post with three pictures.
type gallery struct {
	*storage.DB
	zoe, max *storage.Account
	emojis   []int64
	files    []*storage.Media
}

func newGallery(t *testing.T, db *storage.DB) *gallery {
	t.Helper()
	ctx := context.Background()
	g := &gallery{DB: db}
	person := func(name string) *storage.Account {
		base := "https://peer.test/u/" + name
		return &storage.Account{Username: name, Domain: "peer.test", Peer: "peer.test", Kind: storage.Person, URI: base, InboxURI: base + "/inbox", AvatarURL: base + "/face", HeaderURL: base + "/sky"}
	}
	g.zoe, g.max = person("zoe"), person("max")
	must(t, db.Update(ctx, func(tx *storage.Tx) error {
		if err := tx.SavePeer(ctx, &storage.Peer{Host: "peer.test", Tier: storage.Partner, State: storage.PeerActive}); err != nil {
			return err
		}
		for _, a := range []*storage.Account{g.zoe, g.max} {
			if err := tx.AddAccount(ctx, a); err != nil {
				return err
			}
		}
		if err := tx.SaveEmojis(ctx, []*storage.Emoji{{Host: "peer.test", Name: "bee", RemoteURL: "https://peer.test/bee"}, {Host: "peer.test", Name: "owl", RemoteURL: "https://peer.test/owl"}}); err != nil {
			return err
		}
		post := &storage.NewPost{Post: storage.Post{AuthorID: g.zoe.ID, Origin: "peer.test", URI: "https://peer.test/n/1", HTML: "<p>look</p>", Visibility: storage.Public, Circle: storage.CircleNetwork}}
		for i := range 3 {
			post.Attached = append(post.Attached, &storage.Media{Kind: storage.MediaImage, RemoteURL: fmt.Sprint("https://peer.test/file", i)})
		}
		_, err := tx.AddPost(ctx, post)
		g.files = post.Attached
		return err
	}))
	found, err := db.EmojisOf(ctx, []string{"peer.test"}, []string{"bee", "owl"})
	must(t, err)
	g.emojis = []int64{found["peer.test"]["bee"].ID, found["peer.test"]["owl"].ID}
	return g
}

func (g *gallery) file(t *testing.T, of string, id int64) *storage.RemoteFile {
	t.Helper()
	f, err := g.RemoteFile(context.Background(), of, id)
	must(t, err)
	return f
}

func (g *gallery) save(t *testing.T, f *storage.RemoteFile, c storage.Copy) error {
	t.Helper()
	return g.Update(context.Background(), func(tx *storage.Tx) error { _, err := tx.SaveCopy(context.Background(), f, &c); return err })
}

func TestAPeersFileIsFoundByItsRowWhileItMayBeShown(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		g := newGallery(t, db)
		for url, f := range map[string]*storage.RemoteFile{
			g.zoe.AvatarURL: g.file(t, storage.OfAvatar, g.zoe.ID), g.max.AvatarURL: g.file(t, storage.OfAvatar, g.max.ID),
			g.zoe.HeaderURL: g.file(t, storage.OfHeader, g.zoe.ID), g.max.HeaderURL: g.file(t, storage.OfHeader, g.max.ID),
			"https://peer.test/bee": g.file(t, storage.OfEmoji, g.emojis[0]), "https://peer.test/owl": g.file(t, storage.OfEmoji, g.emojis[1]),
			"https://peer.test/file0": g.file(t, storage.OfAttachment, g.files[0].ID), "https://peer.test/file2": g.file(t, storage.OfAttachment, g.files[2].ID),
		} {
			if f.URL != url || f.Host != "peer.test" || f.Peer.Host != "peer.test" || f.Kind != storage.MediaImage {
				t.Errorf("the file at %s is found as %+v", url, f)
			}
		}
		ana := storagetest.Person(t, db, "ana")
		none := func(of string, id int64, why string) {
			t.Helper()
			if f, err := db.RemoteFile(ctx, of, id); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("%s: %+v, %v", why, f, err)
			}
		}
		none("face", g.zoe.ID, "of nothing that there is")
		none(storage.OfAvatar, ana.ID, "somebody of ours")
		none(storage.OfAttachment, 1, "no row")
		must(t, db.Update(ctx, func(tx *storage.Tx) error {
			return tx.Exec(ctx, "UPDATE accounts SET header_url = '' WHERE id = ?", g.zoe.ID)
		}))
		none(storage.OfHeader, g.zoe.ID, "without a header")
		must(t, db.Update(ctx, func(tx *storage.Tx) error { _, err := tx.SuspendAccount(ctx, g.zoe.ID); return err }))
		none(storage.OfAvatar, g.zoe.ID, "suspended")
		none(storage.OfAttachment, g.files[0].ID, "of a suspended author")
		must(t, db.Update(ctx, func(tx *storage.Tx) error { return tx.EndAccount(ctx, g.max.ID) }))
		none(storage.OfAvatar, g.max.ID, "deleted")
	})
}

func TestACopyIsOfOneFileAsItWas(t *testing.T) {
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	storagetest.EachWith(t, storage.Options{Clock: func() time.Time { now = now.Add(time.Millisecond); return now }}, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		g := newGallery(t, db)
		face, sky := g.file(t, storage.OfAvatar, g.zoe.ID), g.file(t, storage.OfHeader, g.zoe.ID)
		must(t, g.save(t, face, storage.Copy{BlobKey: "face"}))
		must(t, g.save(t, sky, storage.Copy{BlobKey: "sky"}))
		must(t, g.save(t, g.file(t, storage.OfAvatar, g.max.ID), storage.Copy{BlobKey: "other"}))
		is := func(f *storage.RemoteFile, key string) *storage.Copy {
			t.Helper()
			c, err := db.CopyOf(ctx, f)
			must(t, err)
			if c.BlobKey != key {
				t.Errorf("the copy of %s is %+v", f.URL, c)
			}
			return c
		}
		was := is(sky, "sky").AskedAt
		now = now.Add(48 * time.Hour)
		must(t, db.Update(ctx, func(tx *storage.Tx) error { return tx.NoteCopy(ctx, is(face, "face")) }))
		if c := is(sky, "sky"); !c.AskedAt.Equal(was) || !db.CopyAsked(c) {
			t.Errorf("the sky was noted with the face: %+v", c)
		}
		if c := is(face, "face"); !c.AskedAt.After(was) || db.CopyAsked(c) {
			t.Errorf("the face wasn't noted: %+v", c)
		}
		moved := *face
		moved.URL += "2"
		if c, err := db.CopyOf(ctx, &moved); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("a file that moved has the copy %+v (%v)", c, err)
		}
		if err := g.save(t, &moved, storage.Copy{BlobKey: "late"}); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("what was fetched from elsewhere is kept: %v", err)
		}
		is(face, "face")
	})
}

func TestOnlyWhatCantBeHadNowIsALink(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		g := newGallery(t, db)
		later, before := db.Now().Add(time.Hour), db.Now().Add(-time.Hour)
		must(t, g.save(t, g.file(t, storage.OfAttachment, g.files[0].ID), storage.Copy{Failed: "not a picture", RetryAt: later}))
		must(t, g.save(t, g.file(t, storage.OfAttachment, g.files[1].ID), storage.Copy{Failed: "no answer", RetryAt: before}))
		must(t, g.save(t, g.file(t, storage.OfAttachment, g.files[2].ID), storage.Copy{BlobKey: "x", RetryAt: later}))
		must(t, g.save(t, g.file(t, storage.OfAvatar, g.zoe.ID), storage.Copy{Failed: "not a picture", RetryAt: later}))
		got, err := db.UncopiedOf(ctx, []int64{g.files[0].ID, g.files[1].ID, g.files[2].ID, g.zoe.ID})
		must(t, err)
		if len(got) != 1 || !got[g.files[0].ID] {
			t.Errorf("links are %v", got)
		}
		if got, err = db.UncopiedOf(ctx, []int64{g.files[1].ID}); err != nil || len(got) != 0 {
			t.Errorf("of another file: %v (%v)", got, err)
		}
	})
}

func TestASweepTakesCopiesWhoseOriginalIsGoneOrMovedAndNoOthers(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		g := newGallery(t, db)
		dead := &storage.Account{Username: "eve", Domain: "peer.test", Peer: "peer.test", Kind: storage.Person, URI: "https://peer.test/u/eve", AvatarURL: "https://peer.test/u/eve/face", HeaderURL: "https://peer.test/u/eve/sky"}
		must(t, db.Update(ctx, func(tx *storage.Tx) error {
			if err := tx.AddAccount(ctx, dead); err != nil {
				return err
			}
			return tx.EndAccount(ctx, dead.ID)
		}))
		put := func(of string, id int64, url, key string, asked time.Time) {
			t.Helper()
			must(t, db.Update(ctx, func(tx *storage.Tx) error {
				return tx.Exec(ctx, `INSERT INTO copies (of, row_id, host, remote_url, mime, small_mime, blob_key, small_key, size, failed, tries, asked_at, created_at)
					VALUES (?, ?, 'peer.test', ?, 'image/png', '', ?, '', 1, '', 0, ?, ?)`, of, id, url, key, asked, asked)
			}))
		}
		now := db.Now()
		for of, rows := range map[string]struct {
			live, other int64
			url         string
		}{
			storage.OfAttachment: {g.files[0].ID, g.files[1].ID, "https://peer.test/file0"},
			storage.OfAvatar:     {g.zoe.ID, g.max.ID, g.zoe.AvatarURL},
			storage.OfHeader:     {g.zoe.ID, g.max.ID, g.zoe.HeaderURL},
			storage.OfEmoji:      {g.emojis[0], g.emojis[1], "https://peer.test/bee"},
		} {
			put(of, rows.live, rows.url, of+" live", now)
			put(of, rows.other, "https://peer.test/old", of+" moved", now)
			put(of, 99, rows.url, of+" gone", now)
		}
		put(storage.OfAvatar, dead.ID, dead.AvatarURL, "avatar dead", now)
		put(storage.OfHeader, dead.ID, dead.HeaderURL, "header dead", now)
		put(storage.OfAttachment, g.files[2].ID, "https://peer.test/file2", "attachment forgotten", now.Add(-31*24*time.Hour))
		sweep := func() (done bool, keys []string) {
			t.Helper()
			must(t, db.Update(ctx, func(tx *storage.Tx) error {
				var err error
				done, keys, err = tx.SweepCopies(ctx)
				return err
			}))
			slices.Sort(keys)
			return done, keys
		}
		done, keys := sweep()
		want := "attachment forgotten, attachment gone, attachment moved, avatar dead, avatar gone, avatar moved, emoji gone, emoji moved, header dead, header gone, header moved"
		if got := strings.Join(keys, ", "); !done || got != want {
			t.Errorf("the sweep took\n%s, want\n%s (%v)", got, want, done)
		}
		for i := range 201 {
			put(storage.OfEmoji, int64(1000+i), "x", "x", now)
		}
		if done, keys = sweep(); done || len(keys) != 200 {
			t.Errorf("a long sweep takes %d at first (%v)", len(keys), done)
		}
		if done, keys = sweep(); !done || len(keys) != 1 {
			t.Errorf("and %d then (%v)", len(keys), done)
		}
	})
}
