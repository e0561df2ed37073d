package storage_test

import (
	"context"
	"testing"
	"time"

	"ruche/storage"
	"ruche/storage/storagetest"
)

func TestWhatCrossesIsAddedUpByWeekAndForgottenAfterAYear(t *testing.T) {
	clock := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC) // a Wednesday
	storagetest.EachWith(t, storage.Options{Clock: func() time.Time { return clock }}, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		clock = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
		count := func(rows ...*storage.Traffic) {
			t.Helper()
			must(t, db.Update(ctx, func(tx *storage.Tx) error { return tx.AddTraffic(ctx, rows) }))
		}
		week := storage.WeekOf(clock)
		count(&storage.Traffic{Host: "labo.test", Week: week, Sent: 3, TookMS: 60, LastSent: clock}, &storage.Traffic{Host: "autre.test", Week: week, Received: 9})
		count(&storage.Traffic{Host: "labo.test", Week: week, Failed: 1, Received: 2, LastReceived: clock.Add(-time.Hour)})
		count(&storage.Traffic{Host: "labo.test", Week: "2026-02-23", Sent: 1}, &storage.Traffic{Host: "labo.test", Week: "2026-02-16", Sent: 100})
		must(t, db.Update(ctx, func(tx *storage.Tx) error {
			if err := tx.SavePeer(ctx, &storage.Peer{Host: "labo.test", Tier: storage.Partner, State: storage.PeerActive}); err != nil {
				return err
			}
			if err := tx.HostFailed(ctx, "labo.test", "it is away", false, clock.Add(time.Hour)); err != nil {
				return err
			}
			return tx.Enqueue(ctx, storage.NewJob{Kind: "deliver", Host: "labo.test"}, storage.NewJob{Kind: "deliver", Host: "labo.test"})
		}))
		all, err := db.PeerMeasures(ctx, "labo.test")
		must(t, err)
		m := all["labo.test"]
		if len(all) != 1 || m.Waiting != 2 || !m.Since.Equal(clock) || m.Failures != 1 || m.LastError != "it is away" || len(m.Weeks) != 3 {
			t.Fatalf("the link is %+v", m)
		}
		got := m.Recent(clock)
		if got.Sent != 4 || got.Failed != 1 || got.Received != 2 || got.TookMS != 60 || !got.LastSent.Equal(clock) || !got.LastReceived.Equal(clock.Add(-time.Hour)) {
			t.Errorf("lately there crossed %+v", got)
		}
		if got := m.Total().Sent; got != 104 {
			t.Errorf("all in all %d were sent", got)
		}
		all, err = db.PeerMeasures(ctx, "")
		must(t, err)
		if all["autre.test"].Weeks[0].Received != 9 || len(all["labo.test"].Weeks) != 2 {
			t.Errorf("of all it is %+v", all)
		}
		clock = clock.AddDate(1, 1, 0)
		must(t, db.Update(ctx, func(tx *storage.Tx) error { return tx.ForgetTraffic(ctx) }))
		all, err = db.PeerMeasures(ctx, "labo.test")
		must(t, err)
		if len(all["labo.test"].Weeks) != 0 {
			t.Errorf("after a year it is %+v", all["labo.test"])
		}
	})
}
