package inbox

import (
	"context"
	"errors"

	"ruche/federation/vocab"
	"ruche/storage"
)

// follow: somebody on a peer asks to follow one of ours. A locked account is asked, another
// accepts by itself.
func (in *Inbox) follow(ctx context.Context, tx *storage.Tx, r *received) error {
	endedAt, dead, err := tx.ActivityEnded(ctx, r.ID)
	if err != nil {
		return err
	}
	if dead {
		if !r.signedAt.After(endedAt) {
			return ignored("ended")
		}
		if err := tx.ReviveActivity(ctx, r.ID); err != nil {
			return err
		}
	}
	target, err := localAccount(ctx, tx, r.Object.ID)
	if err != nil {
		return err
	}
	f := &storage.Follow{FollowerID: r.actor.ID, FolloweeID: target.ID, URI: r.ID, State: storage.Pending, ShowShares: true}
	asked := target.Locked || r.peer.ApproveFollows
	if !asked {
		f.State = storage.Accepted
	}
	if blocked, err := tx.Blocks(ctx, target.ID, r.actor.ID); err != nil {
		return err
	} else if blocked && target.Kind != storage.Group { // a community says so
		return ignored("blocked")
	}
	if target.Kind == storage.Group {
		state, refusal, err := in.Outbox.Admit(ctx, tx, target, r.actor)
		if err != nil {
			return err
		}
		if refusal != "" {
			return in.Outbox.RefuseMember(ctx, tx, target, r.actor, r.ID, refusal)
		}
		f.State = state
	}
	f, added, err := tx.AddFollow(ctx, f)
	if err != nil {
		return err
	}
	if !added && f.URI != r.ID {
		// The follower forgot its earlier request; from now on it speaks of this one.
		if err := tx.SetFollowURI(ctx, f, r.ID); err != nil {
			return err
		}
	}
	if f.State == storage.Pending && asked {
		if target.Kind != storage.Group {
			return nil
		}
		// Somebody may have been invited since they asked.
		if state, _, err := in.Outbox.Admit(ctx, tx, target, r.actor); err != nil || state != storage.Accepted {
			return err
		}
	}
	return in.Outbox.AcceptFollow(ctx, tx, f)
}

// accept: a peer's account agrees that one of ours follows or quotes it.
func (in *Inbox) accept(ctx context.Context, tx *storage.Tx, r *received) error {
	if q, err := answeredQuote(ctx, tx, r); err != nil {
		return err
	} else if q != nil {
		return in.acceptQuote(ctx, tx, r, q)
	}
	f, err := answered(ctx, tx, r)
	if err != nil {
		return err
	}
	if now, err := tx.AcceptFollow(ctx, f); err != nil || !now {
		return err
	}
	return in.wantShowcase(ctx, tx, r.actor)
}

// reject: a peer's account declines a follow or a quote, or ends one that it had accepted.
func (in *Inbox) reject(ctx context.Context, tx *storage.Tx, r *received) error {
	if q, err := answeredQuote(ctx, tx, r); err != nil {
		return err
	} else if q != nil {
		return in.rejectQuote(ctx, tx, r, q)
	}
	f, err := answered(ctx, tx, r)
	if err != nil {
		return err
	}
	_, err = tx.RemoveFollow(ctx, f)
	return err
}

// answered finds the follow by one of ours that an Accept or Reject is about. Only the followed
// account itself may answer.
func answered(ctx context.Context, tx *storage.Tx, r *received) (*storage.Follow, error) {
	f, err := tx.FollowByURI(ctx, r.Object.ID)
	if errors.Is(err, storage.ErrNotFound) && r.Object.Document != nil {
		// Some servers embed the Follow under an id of their own making.
		var inner *vocab.Activity
		if inner, err = vocab.ParseActivity(r.Object.Document); err != nil || inner.Type != "Follow" || inner.Object.ID != r.actor.URI {
			return nil, ignored("unknown_follow")
		}
		follower, err := localAccount(ctx, tx, inner.Actor)
		if err != nil {
			return nil, err
		}
		if f, err = tx.FollowBetween(ctx, follower.ID, r.actor.ID); errors.Is(err, storage.ErrNotFound) {
			return nil, ignored("unknown_follow")
		} else if err != nil {
			return nil, err
		}
		return f, nil
	}
	if errors.Is(err, storage.ErrNotFound) {
		return nil, ignored("unknown_follow")
	}
	if err != nil {
		return nil, err
	}
	if f.FolloweeID != r.actor.ID {
		return nil, ignored("not_theirs_to_answer")
	}
	return f, nil
}

func localAccount(ctx context.Context, tx *storage.Tx, uri string) (*storage.Account, error) {
	a, err := tx.AccountByURI(ctx, uri)
	if errors.Is(err, storage.ErrNotFound) || err == nil && (!a.Local() || !a.Active() || a.Kind == storage.Application) {
		return nil, ignored("no_such_account")
	}
	return a, err
}
