package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"ruche/outbox"
	"ruche/outbox/people"
	"ruche/storage"
	"ruche/storage/storagetest"
)

func TestADeletedAccountIsGoneHereAndAtEveryPeerThatKnewIt(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, database string) {
		ctx := context.Background()
		databases := []string{database}
		n := startCores(t, nextDatabase(t, &databases), "siege.test", "labo.test", "usine.test", "loin.test")
		ana, eva := n.person("ana@siege.test"), n.person("eva@siege.test")
		luc, zoe, far := n.person("luc@labo.test"), n.person("zoe@usine.test"), n.person("far@loin.test")
		luc.follows("ana@siege.test")
		eva.follows("ana@siege.test")
		ana.follows("luc@labo.test")
		n.settle()
		// The node of luc has posts of hers, that of zoe one that names her; that of far has only been told that she likes something.
		file := ana.uploads()
		unused := ana.uploads()
		for i := range 120 { // more than one part of the removal
			ana.posts(fmt.Sprintf("bees %d", i), storage.Unlisted)
		}
		with, err := ana.c.outbox.Post(ctx, ana.me, outbox.Draft{Text: "bees, drawn by me", Visibility: storage.Public, Media: []int64{file.ID}})
		ok(t, err)
		ana.posts("@zoe@usine.test only for you", storage.Direct)
		n.settle()
		eva.follows("far@loin.test")
		n.settle()
		liked := far.posts("honey", storage.Public)
		n.settle()
		theirs, err := ana.c.db.PostByURI(ctx, liked.URI)
		ok(t, err)
		ok(t, ana.c.outbox.Like(ctx, ana.me, theirs.ID))
		n.settle()
		_, err = ana.c.outbox.Report(ctx, eva.me, outbox.Complaint{Target: ana.me.ID, Posts: []int64{with.ID}, Comment: "too many bees"})
		ok(t, err)
		luc.sees("drawn by me", 1)
		eva.sees("drawn by me", 1)
		copies := func(p *testPerson) []*storage.Post {
			t.Helper()
			a, err := p.c.db.AccountByURI(ctx, ana.me.URI)
			ok(t, err)
			rows, err := p.c.db.AccountTimeline(ctx, a.ID, a.ID, storage.AccountFilter{}, storage.Page{Limit: 500})
			ok(t, err)
			return rows
		}
		had := append(copies(luc), copies(zoe)...)
		if len(had) < 122 {
			t.Fatalf("the peers have %d posts", len(had))
		}

		ok(t, ana.c.db.Update(ctx, func(tx *storage.Tx) error { return people.Leave(ctx, tx, "ana") }))
		for what, got := range map[string]int{
			"the actor":  n.answer(ctx, "siege.test", fmt.Sprintf("/users/%d", ana.me.ID), activityJSON).Code,
			"in a page":  n.answer(ctx, "siege.test", fmt.Sprintf("/users/%d", ana.me.ID), "text/html").Code,
			"the finger": n.answer(ctx, "siege.test", "/.well-known/webfinger?resource="+url.QueryEscape("acct:ana@siege.test"), "*/*").Code - http.StatusNotFound + http.StatusGone,
		} {
			if got != http.StatusGone {
				t.Errorf("%s is answered %d", what, got)
			}
		}
		if got, want := n.answer(ctx, "siege.test", fmt.Sprintf("/users/%d", ana.me.ID), activityJSON).Body.String(), `"type":"Tombstone"`; !strings.Contains(got, want) || strings.Contains(got, "ana") {
			t.Errorf("the tombstone is %s", got)
		}
		eva.sees("drawn by me", 0) // before any of it is removed
		// One peer is down when the others are told: it is told later, signed by her key.
		n.cut("usine.test", true)
		n.settle()
		n.cut("usine.test", false)
		if a, err := zoe.c.db.AccountByURI(ctx, ana.me.URI); err != nil || !a.DeletedAt.IsZero() {
			t.Errorf("a peer that is down knows (%v)", err)
		}
		n.advance(2 * time.Hour)
		n.settle()

		for _, p := range []*testPerson{luc, zoe, far} {
			a, err := p.c.db.AccountByURI(ctx, ana.me.URI)
			ok(t, err)
			if a.DeletedAt.IsZero() || a.DisplayName != "" || a.PostsCount != 0 {
				t.Errorf("%s still has her: %+v", p.host, a)
			}
			if left := copies(p); len(left) != 0 {
				t.Errorf("%s still has %d posts", p.host, len(left))
			}
		}
		gone := 0
		for _, p := range had {
			for _, c := range []*core{luc.c, zoe.c} {
				kept, err := c.db.PostEvenDeleted(ctx, p.ID)
				if err != nil || kept.URI != p.URI {
					continue
				}
				if gone++; kept.DeletedAt.IsZero() || kept.HTML != "" || kept.Raw != "" {
					t.Errorf("a peer keeps %q", kept.HTML)
				}
			}
		}
		if gone != len(had) {
			t.Errorf("%d of %d posts were looked at", gone, len(had))
		}
		if p, err := far.c.db.PostByID(ctx, liked.ID); err != nil || p.LikesCount != 0 {
			t.Errorf("the like still counts: %+v (%v)", p, err)
		}
		if r, err := luc.c.db.Relations(ctx, luc.me.ID, []int64{had[0].AuthorID}); err != nil || r[0].Following || r[0].FollowedBy {
			t.Errorf("luc still follows her: %+v (%v)", r, err)
		}

		// Here nothing is left but her name, tombstones, the report and what the audit log says.
		if left := copies(ana); len(left) != 0 {
			t.Errorf("%d posts are left", len(left))
		}
		for _, m := range []*storage.Media{file, unused} {
			if _, err := ana.c.db.MediaByID(ctx, m.ID); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("a file's row is left: %v", err)
			}
			for _, key := range []string{m.BlobKey, m.SmallKey} {
				if f, _, err := ana.c.blobs.Open(ctx, key); err == nil {
					_ = f.Close()
					t.Error("a file is left")
				}
			}
		}
		if got := n.asks("labo.test", with.URI); !strings.HasPrefix(got, "410 ") {
			t.Errorf("a post of hers is answered %s", got)
		}
		if _, err := people.Create(ctx, ana.c.db, people.New{Username: "Ana", Email: "another@siege.test"}); !errors.Is(err, storage.ErrExists) {
			t.Errorf("her name is given again: %v", err)
		}
		reports, err := ana.c.db.Reports(ctx, storage.ReportFilter{Target: ana.me.ID}, storage.Page{Limit: 5})
		if err != nil || len(reports) != 1 || reports[0].Comment != "too many bees" {
			t.Errorf("the reports are %v (%v)", reports, err)
		}
		// Whoever writes to her is told.
		if err := luc.c.outbox.Follow(ctx, luc.me, had[0].AuthorID, outbox.FollowOptions{}); err == nil {
			t.Error("luc follows somebody who is gone")
		}
	})
}

func TestThePeerThatIsToldTwiceOrNeverBelievesTheOwnNode(t *testing.T) {
	ctx := context.Background()
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test", "labo.test")
	ana, luc := n.person("ana@siege.test"), n.person("luc@labo.test")
	luc.follows("ana@siege.test")
	n.settle()
	ana.posts("bees", storage.Public)
	n.settle()
	job := storage.NewJob{Kind: storage.JobErase, Args: storage.Erasure{Account: ana.me.ID}}
	// Of somebody who is there nothing is removed, whatever a job says.
	n.update("siege.test", func(tx *storage.Tx) error {
		return tx.Enqueue(ctx, storage.NewJob{Kind: storage.JobErase, Args: storage.Erasure{Account: ana.me.ID, Told: true}})
	})
	n.settle()
	luc.sees("bees", 1)
	if a, err := ana.c.db.AccountByID(ctx, ana.me.ID); err != nil || a.PostsCount != 1 {
		t.Errorf("%+v (%v)", a, err)
	}
	ok(t, ana.c.db.Update(ctx, func(tx *storage.Tx) error { return people.Leave(ctx, tx, "ana") }))
	n.settle()
	n.update("siege.test", func(tx *storage.Tx) error { return tx.Enqueue(ctx, job) })
	n.settle()
	luc.sees("bees", 0)
	if ended, err := ana.c.db.EndedJobs(ctx, "", storage.Page{}); err != nil || len(ended) != 0 {
		t.Errorf("%d jobs were given up (%v)", len(ended), err)
	}
}

// uploads gives the person's node a picture.
func (p *testPerson) uploads() *storage.Media {
	p.t.Helper()
	m, err := p.c.outbox.Upload(context.Background(), p.me, outbox.Upload{Reader: bytes.NewReader(drawing(p.t, 40, 30))})
	if err != nil {
		p.t.Fatal(err)
	}
	return m
}
