package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"ruche/federation"
	"ruche/federation/vocab"
	"ruche/storage"
	"ruche/storage/queue"
)

// secondLook is how long after an actor was not found it is looked for again, before it counts as deleted: a
// proxy that was wrong for a minute must not cost a relation.
const secondLook = 24 * time.Hour

// gone is a job's arguments: an actor that is said to have deleted itself.
type gone struct {
	Actor string `json:"actor"`
	Again bool   `json:"again,omitempty"` // it was not found a day ago
}

// goneActor says whether a refused delivery is a peer's account that deletes itself, with a key that can't be had
// any more. If we never knew the account, there is nothing to do. If we do, nobody is believed: its own host is asked.
func (in *Inbox) goneActor(ctx context.Context, r *http.Request, body []byte, cause error) (bool, error) {
	var gate *federation.Refusal
	if !errors.As(cause, &gate) || gate.Status == http.StatusForbidden || gate.Status == http.StatusBadRequest {
		return false, nil
	}
	keyID, err := federation.ParseKeyID(r)
	if err != nil {
		return false, nil
	}
	doc, err := vocab.Decode(body)
	if err != nil {
		return false, nil
	}
	a, err := vocab.ParseActivity(doc)
	if err != nil || a.Type != "Delete" || a.Object.ID != a.Actor {
		return false, nil
	}
	keyHost, err := federation.HostOf(keyID)
	if host, hostErr := federation.HostOf(a.Actor); err != nil || hostErr != nil || keyHost != host {
		return false, nil
	}
	actor, err := in.DB.AccountByURI(ctx, a.Actor)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return true, nil
	case err != nil:
		return false, err
	case !actor.DeletedAt.IsZero():
		return true, nil
	case actor.Local() || !gate.Gone():
		return false, nil
	}
	return true, in.DB.Update(ctx, func(tx *storage.Tx) error {
		return in.lookFor(ctx, tx, actor, gone{Actor: actor.URI}, time.Time{})
	})
}

// lookFor queues the question whether an actor is still there, once.
func (in *Inbox) lookFor(ctx context.Context, tx *storage.Tx, actor *storage.Account, args gone, at time.Time) error {
	key := "gone " + actor.URI
	if args.Again {
		key = "gone again " + actor.URI
	}
	if queued, err := tx.Queued(ctx, key); err != nil || queued {
		return err
	}
	return tx.Enqueue(ctx, storage.NewJob{Kind: JobGone, Key: key, Host: actor.Peer, Args: args, RunAt: at})
}

// Gone asks the host of an actor that is said to have deleted itself.
func (in *Inbox) Gone(ctx context.Context, job *storage.Job) error {
	var args gone
	if err := json.Unmarshal([]byte(job.Args), &args); err != nil {
		return queue.Permanent(fmt.Errorf("read job: %w", err))
	}
	actor, err := in.DB.AccountByURI(ctx, args.Actor)
	if err != nil {
		return queue.Permanent(err)
	}
	_, err = in.Node.RefreshActor(ctx, args.Actor)
	var status *federation.StatusError
	if err == nil || !errors.As(err, &status) || status.Status != http.StatusGone && status.Status != http.StatusNotFound {
		if err != nil {
			return fetchOutcome(in, ctx, args.Actor, err)
		}
		return nil // it is there
	}
	err = in.DB.Update(ctx, func(tx *storage.Tx) error {
		var err error
		if status.Status == http.StatusGone || args.Again {
			err = tx.EndAccount(ctx, actor.ID)
		} else {
			err = in.lookFor(ctx, tx, actor, gone{Actor: actor.URI, Again: true}, tx.Now().Add(secondLook))
		}
		if err != nil {
			return err
		}
		return tx.FinishJob(ctx, job)
	})
	if err != nil {
		return err
	}
	return queue.ErrFinished
}
