package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"ruche/storage"
	"ruche/storage/queue"
)

// A showcase is a job's arguments: the account whose pins and tags are read.
type showcase struct {
	Account int64 `json:"account"`
}

// wantShowcase asks for what an account had pinned before somebody here followed it: whoever follows is told of later
// pins only.
func (in *Inbox) wantShowcase(ctx context.Context, tx *storage.Tx, a *storage.Account) error {
	if a.FeaturedURI == "" && a.FeaturedTagsURI == "" {
		return nil
	}
	return tx.Enqueue(ctx, storage.NewJob{Kind: JobShowcase, Host: a.Peer, Args: showcase{a.ID}})
}

// Showcase carries out a JobShowcase: it adds what the account shows and takes nothing away, since what was removed meanwhile
// is told by itself.
func (in *Inbox) Showcase(ctx context.Context, job *storage.Job) error {
	var s showcase
	if err := json.Unmarshal([]byte(job.Args), &s); err != nil {
		return queue.Permanent(fmt.Errorf("read job: %w", err))
	}
	a, err := in.DB.AccountByID(ctx, s.Account)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	pins, err := in.Node.Showcase(ctx, a, a.FeaturedURI)
	if err != nil {
		return fetchOutcome(in, ctx, a.FeaturedURI, err)
	}
	var posts []*storage.Post
	for _, pin := range pins[:min(len(pins), storage.MaxPins)] {
		p, err := in.Node.Post(ctx, pin.ID)
		if err != nil {
			if outcome := fetchOutcome(in, ctx, pin.ID, err); outcome != nil {
				return outcome
			}
			continue
		}
		if pinnable(a, p) == nil {
			posts = append(posts, p)
		}
	}
	tags, err := in.Node.Showcase(ctx, a, a.FeaturedTagsURI)
	if err != nil {
		return fetchOutcome(in, ctx, a.FeaturedTagsURI, err)
	}
	return in.DB.Update(ctx, func(tx *storage.Tx) error {
		for _, p := range slices.Backward(posts) { // the list begins with the newest
			if _, err := tx.AddPin(ctx, p); err != nil {
				return err
			}
		}
		for _, shown := range tags {
			if tag, err := shownTag(shown.Document); err != nil || tag == "" {
				continue
			} else if _, err := tx.AddFeaturedTag(ctx, a.ID, tag); err != nil {
				return err
			}
		}
		return nil
	})
}
