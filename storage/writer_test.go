package storage_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"ruche/storage"
	"ruche/storage/storagetest"
)

// busy is a statement that takes long enough to be interrupted in its middle.
const busy = `INSERT INTO settings (name, value)
	WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT 'busy ' || CAST(i AS TEXT), '' FROM n WHERE i % 3000 = 0`

func TestActsOfOneCommitAreEachThereOrNot(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		// An act that holds the writer, so that the next three wait together.
		held, release := make(chan struct{}), make(chan struct{})
		var waiting sync.WaitGroup
		waiting.Go(func() {
			must(t, db.Update(ctx, func(*storage.Tx) error {
				close(held)
				<-release
				return nil
			}))
		})
		<-held
		leaving, leave := context.WithCancel(ctx)
		var cancelled, failed, done error
		waiting.Go(func() {
			cancelled = db.Update(leaving, func(tx *storage.Tx) error {
				if err := tx.SetSetting(leaving, "cancelled 1", "x"); err != nil {
					return err
				}
				go leave()
				if err := tx.Exec(leaving, busy); err != nil {
					return err
				}
				return tx.SetSetting(leaving, "cancelled 2", "x")
			})
		})
		refused := errors.New("refused")
		waiting.Go(func() {
			failed = db.Update(ctx, func(tx *storage.Tx) error {
				if err := tx.SetSetting(ctx, "failed", "x"); err != nil {
					return err
				}
				return refused
			})
		})
		waiting.Go(func() {
			done = db.Update(ctx, func(tx *storage.Tx) error {
				if err := tx.SetSetting(ctx, "done 1", "x"); err != nil {
					return err
				}
				return tx.SetSetting(ctx, "done 2", "x")
			})
		})
		close(release)
		waiting.Wait()
		// The act whose caller left may still be under way: one more act comes after it.
		must(t, db.Update(ctx, func(*storage.Tx) error { return nil }))
		if db.Postgres() {
			waitForActs(t, db)
		}

		if !errors.Is(cancelled, context.Canceled) {
			t.Errorf("the caller that left hears %v", cancelled)
		}
		if !errors.Is(failed, refused) {
			t.Errorf("the act that failed says %v", failed)
		}
		if done != nil {
			t.Errorf("the act beside them says %v", done)
		}
		names, err := db.Strings(ctx, "SELECT name FROM settings WHERE name LIKE 'cancelled%' OR name LIKE 'failed%' OR name LIKE 'done%' ORDER BY name")
		must(t, err)
		rows, err := db.Strings(ctx, "SELECT name FROM settings WHERE name LIKE 'busy %'")
		must(t, err)
		got := fmt.Sprintf("%s and %d", strings.Join(names, ", "), len(rows))
		// An act that has begun is finished, whoever leaves meanwhile.
		if want := "cancelled 1, cancelled 2, done 1, done 2 and 100"; got != want {
			t.Errorf("stored are\n %s, want\n %s", got, want)
		}
	})
}

// waitForActs returns once no transaction is open beside our own.
func waitForActs(t *testing.T, db *storage.DB) {
	t.Helper()
	for range 1000 {
		open, err := db.Strings(context.Background(), "SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()")
		must(t, err)
		if len(open) == 0 {
			return
		}
	}
	t.Fatal("an act doesn't end")
}

func TestAnActThatBreaksTheConnectionCostsOthersNothing(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		breaks := "ROLLBACK" // ends the transaction that all share
		if db.Postgres() {
			breaks = "SELECT pg_terminate_backend(pg_backend_pid())"
		}
		var waiting sync.WaitGroup
		errs := make([]error, 20)
		for i := range errs {
			waiting.Go(func() {
				errs[i] = db.Update(ctx, func(tx *storage.Tx) error {
					if err := tx.SetSetting(ctx, fmt.Sprint("act ", i), "x"); err != nil {
						return err
					}
					if i%5 == 0 {
						return tx.Exec(ctx, breaks)
					}
					if i%7 == 0 {
						panic("on purpose")
					}
					return nil
				})
			})
		}
		waiting.Wait()
		names, err := db.Strings(ctx, "SELECT name FROM settings WHERE name LIKE 'act %'")
		must(t, err)
		stored := map[string]bool{}
		for _, n := range names {
			stored[n] = true
		}
		for i, err := range errs {
			if (err == nil) != stored[fmt.Sprint("act ", i)] {
				t.Errorf("act %d says %v, stored: %v", i, err, stored[fmt.Sprint("act ", i)])
			}
			if i%5 != 0 && i%7 != 0 && err != nil {
				t.Errorf("act %d had no part in it and says %v", i, err)
			}
		}
	})
}

func TestWhatIsAcknowledgedIsDurable(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		got, err := db.Durability(context.Background())
		must(t, err)
		want := map[string]string{"journal_mode": "wal", "synchronous": "2"}
		if db.Postgres() {
			want = map[string]string{"synchronous_commit": "on", "full_page_writes": "on"}
			if got["fsync"] != "on" {
				// A server for tests may be set up without; a node's must not.
				t.Logf("this server's fsync is %q", got["fsync"])
			}
		}
		for name, value := range want {
			if got[name] != value {
				t.Errorf("%s is %q, want %q", name, got[name], value)
			}
		}
	})
}

func TestActsAfterTheEndAreRefused(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		db, err := storage.Open(context.Background(), storage.Options{URL: url, BaseURL: storagetest.BaseURL})
		must(t, err)
		must(t, db.Close())
		if err := db.Update(context.Background(), func(*storage.Tx) error { return nil }); err == nil {
			t.Error("a closed database takes an act")
		}
	})
}

// A driver whose interrupted queries leave connections stuck also leaves a log that never shrinks.
func TestCancelledReadsLeaveTheDatabaseWell(t *testing.T) {
	url := storagetest.SQLite(t)
	db := storagetest.OpenWith(t, storage.Options{URL: url})
	ctx := context.Background()
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			for range 1250 {
				leaving, leave := context.WithCancel(ctx)
				go leave()
				_, _ = db.Strings(leaving, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) SELECT 'x' FROM n, settings")
				leave()
			}
		})
	}
	for i := range 500 {
		must(t, db.Update(ctx, func(tx *storage.Tx) error {
			return tx.SetSetting(ctx, fmt.Sprint("under load ", i%50), strings.Repeat("x", 4000))
		}))
	}
	readers.Wait()
	for i := range 2000 {
		must(t, db.Update(ctx, func(tx *storage.Tx) error {
			return tx.SetSetting(ctx, fmt.Sprint("after ", i%50), strings.Repeat("y", 4000))
		}))
	}
	if rows, err := db.Strings(ctx, "SELECT name FROM settings WHERE name LIKE 'after %'"); err != nil || len(rows) != 50 {
		t.Errorf("read after the cancelled reads: %d rows, %v", len(rows), err)
	}
	info, err := os.Stat(strings.TrimPrefix(url, "sqlite:") + "-wal")
	must(t, err)
	// 2,000 writes of a page and more each are above 10 MB if nothing is ever taken back.
	if info.Size() > 8<<20 {
		t.Errorf("the log has grown to %d bytes", info.Size())
	}
}

func TestAnIDIsNeverTwice(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		seen := map[int64]bool{}
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		must(t, db.Update(ctx, func(tx *storage.Tx) error {
			for range 10_000 {
				id := tx.NewID(at)
				if seen[id] || len(storage.FormatID(id)) != 19 {
					t.Fatalf("id %d", id)
				}
				seen[id] = true
			}
			return nil
		}))
	})
}
