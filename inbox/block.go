package inbox

import (
	"context"
	"errors"

	"ruche/federation/vocab"
	"ruche/storage"
)

// block: somebody on a peer wants nothing to do with one of ours. Follows end both ways, and it is remembered.
func (in *Inbox) block(ctx context.Context, tx *storage.Tx, r *received) error {
	endedAt, dead, err := tx.ActivityEnded(ctx, r.ID)
	if err != nil {
		return err
	}
	if dead { // as a Follow's, its id may be used again
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
	added, err := tx.AddBlock(ctx, &storage.Block{AccountID: r.actor.ID, TargetID: target.ID, URI: r.ID})
	if err == nil && !added {
		return ignored("known")
	}
	return err
}

func undoBlock(ctx context.Context, tx *storage.Tx, r *received, inner *vocab.Activity) (bool, error) {
	b, err := tx.BlockByURI(ctx, r.Object.ID)
	if errors.Is(err, storage.ErrNotFound) && inner != nil && inner.Type == "Block" {
		target, err := tx.AccountByURI(ctx, inner.Object.ID)
		if err != nil {
			return false, absent(err)
		}
		if b, err = tx.BlockBetween(ctx, r.actor.ID, target.ID); err != nil {
			return false, absent(err)
		}
	} else if err != nil {
		return false, absent(err)
	}
	if b.AccountID != r.actor.ID {
		return false, ignored("not_theirs_to_undo")
	}
	return tx.RemoveBlock(ctx, b)
}
