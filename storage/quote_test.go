package storage_test

import (
	"context"
	"testing"
	"time"

	"ruche/storage"
	"ruche/storage/storagetest"
)

func remoteAccount(t *testing.T, db *storage.DB, name string) *storage.Account {
	t.Helper()
	uri := "https://peer.test/u/" + name
	a := &storage.Account{Username: name, Domain: "peer.test", Peer: "peer.test", Kind: storage.Person, URI: uri, InboxURI: uri + "/inbox", FollowersURI: uri + "/followers"}
	must(t, db.Update(context.Background(), func(tx *storage.Tx) error {
		if err := tx.SavePeer(context.Background(), &storage.Peer{Host: "peer.test", Tier: storage.Partner, State: storage.PeerActive}); err != nil {
			return err
		}
		return tx.AddAccount(context.Background(), a)
	}))
	return a
}

func TestTheNewestWordOnAQuoteCounts(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		bob := remoteAccount(t, db, "bob")
		now := db.Now()
		n := &storage.NewPost{
			Post:  storage.Post{AuthorID: bob.ID, Origin: "peer.test", URI: "https://peer.test/n/1", HTML: "x", Visibility: storage.Public, Circle: storage.CircleNetwork},
			Quote: &storage.Quote{QuotedURI: "https://other.test/n/2"},
		}
		must(t, db.Update(ctx, func(tx *storage.Tx) error { _, err := tx.AddPost(ctx, n); return err }))
		for _, tc := range []struct {
			name, stamp, quoted string
			ago                 time.Duration
			another             bool
			want                string
		}{
			{"a stamp", "https://other.test/s/1", "https://other.test/n/2", 50 * time.Minute, true, "https://other.test/s/1"},
			{"the same", "https://other.test/s/1", "https://other.test/n/2", 40 * time.Minute, false, "https://other.test/s/1"},
			{"none any more", "", "https://other.test/n/2", 30 * time.Minute, true, ""},
			{"the first one, replayed", "https://other.test/s/1", "https://other.test/n/2", 50 * time.Minute, false, ""},
			{"of another post", "https://other.test/s/3", "https://other.test/n/3", 10 * time.Minute, true, "https://other.test/s/3"},
		} {
			must(t, db.Update(ctx, func(tx *storage.Tx) error {
				another, err := tx.ReplaceQuote(ctx, &n.Post, &storage.Quote{QuotedURI: tc.quoted, ApprovalURI: tc.stamp, State: storage.QuotePending}, now.Add(-tc.ago))
				if another != tc.another {
					t.Errorf("%s: another %v, want %v", tc.name, another, tc.another)
				}
				return err
			}))
			if q, err := db.QuoteOf(ctx, n.ID); err != nil || q.ApprovalURI != tc.want {
				t.Errorf("%s: the stamp is %q, want %q (%v)", tc.name, q.ApprovalURI, tc.want, err)
			}
		}
		must(t, db.Update(ctx, func(tx *storage.Tx) error { _, err := tx.ReplaceQuote(ctx, &n.Post, nil, now); return err }))
		if found, err := db.QuotesOf(ctx, storage.Nobody, []int64{n.ID}); err != nil || len(found) != 0 {
			t.Errorf("a quote that was edited away is still there (%v)", err)
		}
	})
}

func TestAnEmojiIsShownOnceThereIsACopyOfThisPicture(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		save := func(picture, copied string) {
			t.Helper()
			must(t, db.Update(ctx, func(tx *storage.Tx) error {
				return tx.SaveEmojis(ctx, []*storage.Emoji{{Host: "peer.test", Name: "owl", RemoteURL: picture, BlobKey: copied}})
			}))
		}
		for _, tc := range []struct {
			picture, copied string
			shown           int
		}{{"https://peer.test/1.png", "", 0}, {"https://peer.test/2.png", "k3y", 1}, {"https://peer.test/2.png", "", 1}, {"https://peer.test/3.png", "", 0}} {
			save(tc.picture, tc.copied)
			if shown, err := db.ShownEmojis(ctx, "peer.test", []string{"owl", "cat"}); err != nil || len(shown) != tc.shown {
				t.Errorf("%+v: %d are shown (%v)", tc, len(shown), err)
			}
		}
		if shown, err := db.ShownEmojis(ctx, "other.test", []string{"owl"}); err != nil || len(shown) != 0 {
			t.Errorf("another host's owl is shown (%v)", err)
		}
	})
}
