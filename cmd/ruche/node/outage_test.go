package node

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ruche/storage"
	"ruche/storage/storagetest"
)

const day = 24 * time.Hour

// received lists, oldest first, the numbers of the posts "n of …" in somebody's home.
func (p *testPerson) received() []string {
	p.t.Helper()
	var out []string
	for _, post := range p.home(" of many") {
		text := strings.TrimPrefix(post.HTML, "<p>")
		out = append(out, text[:strings.Index(text, " ")])
	}
	slices.Reverse(out)
	return out
}

func TestAfterSixDaysOfOutageEverythingArrivesOnceAndInOrder(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		databases := []string{url}
		n := startCores(t, nextDatabase(t, &databases), "siege.test", "labo.test")
		ana, luc := n.person("ana@siege.test"), n.person("luc@labo.test")
		luc.follows("ana@siege.test")
		n.settle()
		n.cut("labo.test", true)
		var want []string
		for i := range 12 {
			ana.posts(fmt.Sprintf("%d of many", i), storage.Public)
			want = append(want, fmt.Sprint(i))
			n.settle()
			n.advance(day / 2)
			n.settle()
			if i == 6 {
				n.restart("siege.test")
				ana = ana.back()
			}
		}
		n.cut("labo.test", false)
		n.advance(2 * time.Hour) // the longest pause between two probes
		n.settle()
		if got := luc.received(); !slices.Equal(got, want) {
			t.Errorf("arrived %v, want %v", got, want)
		}
		// Days later nothing is sent again.
		n.advance(3 * day)
		n.settle()
		if got := luc.received(); !slices.Equal(got, want) {
			t.Errorf("later: %v, want %v", got, want)
		}
	})
}

func TestAfterEightDaysDeliveriesAreExpiredShownAndCanBeSentAgain(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		ctx := context.Background()
		databases := []string{url}
		n := startCores(t, nextDatabase(t, &databases), "siege.test", "labo.test")
		ana, luc := n.person("ana@siege.test"), n.person("luc@labo.test")
		luc.follows("ana@siege.test")
		n.settle()
		n.cut("labo.test", true)
		for i := range 3 {
			ana.posts(fmt.Sprintf("%d of many", i), storage.Public)
			n.settle()
		}
		n.advance(8 * day)
		n.cut("labo.test", false)
		n.settle()
		if got := luc.received(); len(got) != 0 {
			t.Errorf("expired deliveries arrived: %v", got)
		}
		ended, err := ana.c.db.EndedJobs(ctx, "labo.test", storage.Page{})
		if err != nil || len(ended) != 3 {
			t.Fatalf("%d ended deliveries are shown (%v), want 3", len(ended), err)
		}
		slices.Reverse(ended)
		for _, j := range ended {
			if j.State != storage.JobExpired || !strings.Contains(j.Error, "answer") {
				t.Errorf("delivery is %s: %q", j.State, j.Error)
			}
			n.update("siege.test", func(tx *storage.Tx) error { return tx.ResendJob(ctx, j.ID) })
		}
		n.settle()
		if got, want := luc.received(), []string{"0", "1", "2"}; !slices.Equal(got, want) {
			t.Errorf("sent again, arrived %v, want %v", got, want)
		}
	})
}
