package outbox

import (
	"context"
	"encoding/json"
	"fmt"

	"ruche/federation/vocab"
	"ruche/storage"
	"ruche/storage/queue"
)

// erase removes what a deleted account left behind, a part at a time. Of one of ours the peers that know it are told
// first, while it is still known who they are.
func (o *Outbox) erase(ctx context.Context, job *storage.Job) error {
	var args storage.Erasure
	if err := json.Unmarshal([]byte(job.Args), &args); err != nil {
		return queue.Permanent(fmt.Errorf("read job: %w", err))
	}
	account, err := o.DB.AccountByID(ctx, args.Account)
	if err != nil {
		return queue.Permanent(err)
	}
	if account.Local() && !args.Told {
		err := o.DB.Update(ctx, func(tx *storage.Tx) error {
			if err := o.tellGone(ctx, tx, account); err != nil {
				return err
			}
			if err := tx.Enqueue(ctx, storage.NewJob{Kind: storage.JobErase, Args: storage.Erasure{Account: account.ID, Told: true}}); err != nil {
				return err
			}
			return tx.FinishJob(ctx, job)
		})
		if err != nil {
			return err
		}
		return queue.ErrFinished
	}
	for done := false; !done; {
		if err := ctx.Err(); err != nil {
			return err // it goes on where it was
		}
		err := o.DB.Update(ctx, func(tx *storage.Tx) error {
			var blobs []string
			var err error
			if done, blobs, err = tx.EraseAccount(ctx, account.ID); err != nil {
				return err
			}
			return ForgetMedia(ctx, tx, blobs)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// tellGone queues the Delete of a whole account for every peer that knows it: one activity, by which each of them
// removes the posts as well.
func (o *Outbox) tellGone(ctx context.Context, tx *storage.Tx, gone *storage.Account) error {
	targets, err := tx.InboxesKnowing(ctx, gone.ID)
	if err != nil || len(targets) == 0 {
		return err
	}
	body, err := o.Writer.Delete(gone.URI+"#delete", gone, gone.URI, []string{vocab.Public}, nil)
	if err != nil {
		return err
	}
	return o.send(ctx, tx, storage.CrossTakeback, gone, body, targets...)
}
