package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"ruche/federation"
	"ruche/storage"
	"ruche/storage/queue"
)

// A moving is a job's arguments: the ids of who moves and where to.
type moving struct {
	Old    string `json:"old"`
	Target string `json:"target"`
}

// move: a peer's account says that it is another one from now on. What both say of each other is read in the
// lane of the other one's host.
func (in *Inbox) move(ctx context.Context, tx *storage.Tx, r *received) error {
	if dead, err := in.ended(ctx, tx, r.ID); err != nil {
		return err
	} else if dead {
		return ignored("ended")
	}
	if r.Object.ID != r.actor.URI || r.Target.ID == "" || r.Target.ID == r.actor.URI {
		return ignored("not_theirs_to_move")
	}
	host, err := federation.HostOf(r.Target.ID)
	if err != nil {
		return ignored("malformed_object")
	}
	job := storage.NewJob{Kind: JobMove, Key: "move " + r.actor.URI, Args: moving{r.actor.URI, r.Target.ID}}
	if host != in.Node.Host {
		if err := in.Node.Permit(ctx, host); errors.Is(err, federation.ErrNotPeer) {
			return ignored("moved_to_stranger")
		} else if err != nil {
			return err
		}
		job.Host = host
	}
	// The same Move again, say from a replay, moves nobody twice.
	if err := tx.EndActivity(ctx, r.ID, r.signedAt); err != nil {
		return err
	}
	return tx.Enqueue(ctx, job)
}

// Move makes our followers of a moved account follow the new one, if each of the two names the other: the old one
// by movedTo, the new one by alsoKnownAs.
func (in *Inbox) Move(ctx context.Context, job *storage.Job) error {
	var m moving
	if err := json.Unmarshal([]byte(job.Args), &m); err != nil {
		return queue.Permanent(fmt.Errorf("read job: %w", err))
	}
	old, err := in.Node.RefreshActor(ctx, m.Old)
	if err != nil {
		if outcome := fetchOutcome(in, ctx, m.Old, err); outcome == nil {
			return nil
		}
		return err // the lane is the target's host, which isn't to blame
	}
	target, err := in.DB.AccountByURI(ctx, m.Target)
	if errors.Is(err, storage.ErrNotFound) || err == nil && !target.Local() {
		target, err = in.Node.RefreshActor(ctx, m.Target)
	}
	if err != nil {
		return fetchOutcome(in, ctx, m.Target, err)
	}
	if old.MovedTo != target.URI || !slices.Contains(target.Aliases, old.URI) || !target.Active() {
		in.Refused("move_not_confirmed")
		in.Log.InfoContext(ctx, "a move is said by one side only", "old", m.Old, "target", m.Target)
		return nil
	}
	return in.DB.Update(ctx, func(tx *storage.Tx) error { return in.Outbox.FollowersMove(ctx, tx, old, target) })
}
