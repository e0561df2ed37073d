package storage_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"ruche/storage"
	"ruche/storage/queue"
	"ruche/storage/storagetest"
)

func addPoll(t *testing.T, db *storage.DB, author *storage.Account, multiple bool, ends time.Duration, titles ...string) *storage.Post {
	t.Helper()
	n := &storage.NewPost{
		Post: storage.Post{AuthorID: author.ID, HTML: "<p>Where?</p>", Visibility: storage.Public, Circle: storage.CircleNetwork},
		Poll: &storage.Poll{Multiple: multiple, ExpiresAt: db.Now().Add(ends)},
	}
	for _, title := range titles {
		n.Poll.Options = append(n.Poll.Options, &storage.PollOption{Title: title})
	}
	must(t, db.Update(context.Background(), func(tx *storage.Tx) error { _, err := tx.AddPost(context.Background(), n); return err }))
	return &n.Post
}

func vote(db *storage.DB, post *storage.Post, voter *storage.Account, positions ...int) error {
	return db.Update(context.Background(), func(tx *storage.Tx) error {
		_, err := tx.Vote(context.Background(), post.ID, voter.ID, "", positions...)
		return err
	})
}

func TestEachPersonVotesOnceAndSeesTheirOwnChoice(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		ana, luc, zoe := storagetest.Person(t, db, "ana"), storagetest.Person(t, db, "luc"), storagetest.Person(t, db, "zoe")
		one := addPoll(t, db, ana, false, time.Hour, "sea", "mountains")
		many := addPoll(t, db, ana, true, time.Hour, "red", "green", "blue")
		must(t, vote(db, one, luc, 1))
		must(t, vote(db, many, luc, 2, 0, 2))
		must(t, vote(db, many, zoe, 0))
		for name, tc := range map[string]struct {
			post  *storage.Post
			voter *storage.Account
			at    []int
			want  error
		}{
			"again":            {one, luc, []int{0}, storage.ErrVoted},
			"the same again":   {many, luc, []int{0}, storage.ErrVoted},
			"two of one":       {one, zoe, []int{0, 1}, storage.ErrNoOption},
			"none":             {one, zoe, nil, storage.ErrNoOption},
			"below the first":  {one, zoe, []int{-1}, storage.ErrNoOption},
			"beyond the last":  {many, ana, []int{0, 3}, storage.ErrNoOption},
			"where no poll is": {&storage.Post{ID: 17}, zoe, []int{0}, storage.ErrNotFound},
		} {
			if err := vote(db, tc.post, tc.voter, tc.at...); !errors.Is(err, tc.want) {
				t.Errorf("%s: got %v, want %v", name, err, tc.want)
			}
		}
		polls, err := db.PollsOf(ctx, luc.ID, []int64{one.ID, many.ID})
		must(t, err)
		if p := polls[one.ID]; p.Options[1].Votes != 1 || p.VotersCount != 1 || len(p.Chosen) != 1 || p.Chosen[0] != 1 {
			t.Errorf("the single choice: %+v", p)
		}
		if p := polls[many.ID]; p.Options[0].Votes != 2 || p.Options[2].Votes != 1 || p.VotersCount != 2 || p.Total() != 3 || len(p.Chosen) != 2 {
			t.Errorf("the multiple choice: %+v", p)
		}
		if others, err := db.PollsOf(ctx, zoe.ID, []int64{one.ID}); err != nil || others[one.ID].Chosen != nil {
			t.Errorf("zoe sees luc's choice as hers (%v)", err)
		}
	})
}

func TestAClosedPollTellsItsAuthorAndItsVoters(t *testing.T) {
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	storagetest.EachWith(t, storage.Options{Clock: func() time.Time { now = now.Add(time.Millisecond); return now }}, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		ana, luc, zoe := storagetest.Person(t, db, "ana"), storagetest.Person(t, db, "luc"), storagetest.Person(t, db, "zoe")
		post := addPoll(t, db, ana, false, 30*24*time.Hour, "sea", "mountains")
		must(t, vote(db, post, luc, 0))
		now = now.Add(30 * 24 * time.Hour)
		if err := vote(db, post, zoe, 0); !errors.Is(err, storage.ErrPollClosed) {
			t.Errorf("a vote after the end: %v", err)
		}
		closed := ""
		q := queue.New(db, queue.Options{})
		q.Handle(storage.JobClosePoll, func(_ context.Context, job *storage.Job) error { closed = job.Args; return nil })
		_, err := q.Drain(ctx)
		must(t, err)
		if closed != storage.FormatID(post.ID) {
			t.Fatalf("a month later no job closes the poll: %q", closed)
		}
		for want, i := true, 0; i < 2; want, i = false, i+1 {
			must(t, db.Update(ctx, func(tx *storage.Tx) error {
				did, err := tx.ClosePoll(ctx, post.ID)
				if did != want {
					t.Errorf("closing, time %d: %v", i, did)
				}
				return err
			}))
		}
		for who, want := range map[*storage.Account]int{ana: 1, luc: 1, zoe: 0} {
			told, err := db.Notifications(ctx, who.ID, storage.Told{Kinds: []string{storage.NotifyPoll}}, storage.Page{})
			if err != nil || len(told) != want {
				t.Errorf("%s is told %d times (%v)", who.Username, len(told), err)
			}
		}
	})
}

func TestAnEditKeepsVotesOnlyWhereTheSameIsAsked(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		ana, luc := storagetest.Person(t, db, "ana"), storagetest.Person(t, db, "luc")
		post := addPoll(t, db, ana, false, time.Hour, "sea", "mountains")
		must(t, vote(db, post, luc, 0))
		for _, tc := range []struct {
			second string
			votes  int64
		}{{"mountains", 1}, {"hills", 0}} {
			must(t, db.Update(ctx, func(tx *storage.Tx) error {
				return tx.ReplacePoll(ctx, post.ID, &storage.Poll{ExpiresAt: tx.Now().Add(2 * time.Hour), Options: []*storage.PollOption{{Title: "sea"}, {Title: tc.second}}})
			}))
			p, err := db.PollOf(ctx, post.ID)
			if err != nil || p.Options[1].Title != tc.second || p.Options[0].Votes != tc.votes || p.VotersCount != tc.votes {
				t.Errorf("asking for %s: %+v (%v)", tc.second, p, err)
			}
		}
		if err := vote(db, post, luc, 1); err != nil {
			t.Errorf("the new question can't be answered: %v", err)
		}
	})
}
