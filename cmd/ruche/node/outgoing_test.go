package node

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"ruche/outbox"
	"ruche/storage"
	"ruche/storage/storagetest"
)

// What people may post, and what leaves.

func TestWhatIsTooMuchIsRefusedInWords(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ctx := context.Background()
	ana, luc := n.person("ana@siege.test"), n.person("luc@siege.test")
	box := ana.c.outbox
	refused := func(what string, err error, words string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v, want %q", what, err, words)
		}
	}
	many := func(form string, count int) string {
		var b strings.Builder
		for i := range count {
			fmt.Fprintf(&b, form, i)
		}
		return b.String()
	}
	for what, tc := range map[string]struct {
		draft outbox.Draft
		words string
	}{
		"a language that is none":      {outbox.Draft{Text: "x", Language: strings.Repeat("e", 36)}, "no language code"},
		"an address of 70,000 bytes":   {outbox.Draft{Text: "https://example.test/" + strings.Repeat("a", 70000)}, "longer than 5000"},
		"five files":                   {outbox.Draft{Text: "x", Media: []int64{1, 2, 3, 4, 5}}, "at most 4 files"},
		"fifty-one people":             {outbox.Draft{Text: many("@p%d ", 51)}, "at most 50 people"},
		"fifty-one hashtags":           {outbox.Draft{Text: many("#t%d ", 51)}, "at most 50 hashtags"},
		"a quote of what isn't there":  {outbox.Draft{Text: "x", Quote: 17}, "to quote doesn't exist"},
		"an answer to what isn't here": {outbox.Draft{Text: "x", InReplyTo: 17}, "doesn't exist any more"},
	} {
		_, err := box.Post(ctx, ana.me, tc.draft)
		refused(what, err, tc.words)
	}
	post := ana.posts("hello", storage.Public)
	_, err := box.SetQuotePolicy(ctx, ana.me, post.ID, "whoever")
	refused("a quote policy that is none", err, "no quote policy")

	// What is for followers is read by them and not passed on.
	luc.follows("ana@siege.test")
	n.settle()
	close := ana.posts("for those I know", storage.Followers)
	_, err = luc.c.outbox.Share(ctx, luc.me, close.ID, time.Time{})
	refused("a share of what is for followers", err, "chosen few")

	// Somebody frozen reads and does nothing.
	frozen := *luc.me
	frozen.FrozenAt = n.clock()
	if _, err := luc.c.outbox.Post(ctx, &frozen, outbox.Draft{Text: "x"}); !errors.Is(err, outbox.ErrForbidden) {
		t.Errorf("somebody frozen posts: %v", err)
	}
	if _, err := luc.c.outbox.Share(ctx, &frozen, post.ID, time.Time{}); !errors.Is(err, outbox.ErrForbidden) {
		t.Errorf("somebody frozen shares: %v", err)
	}
}

func TestWhatThePolicyNoLongerAllowsDoesNotLeave(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test", "labo.test")
	ctx := context.Background()
	ana, luc := n.person("ana@siege.test"), n.person("luc@labo.test")
	luc.follows("ana@siege.test")
	n.settle()
	ana.posts("queued while allowed", storage.Public)
	n.update("siege.test", func(tx *storage.Tx) error {
		peer, err := tx.PeerByHost(ctx, "labo.test")
		ok(t, err)
		peer.Out.Posts = false
		return tx.SavePeer(ctx, peer)
	})
	n.settle()
	luc.sees("queued while allowed", 0)
}
