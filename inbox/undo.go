package inbox

import (
	"context"
	"errors"

	"ruche/federation/vocab"
	"ruche/storage"
)

// undo: a peer's account takes back its follow, like, share or block. What is undone is remembered by
// its id, so that a late or replayed copy of it stays dead.
func (in *Inbox) undo(ctx context.Context, tx *storage.Tx, r *received) error {
	var inner *vocab.Activity
	if r.Object.Document != nil {
		var err error
		if inner, err = vocab.ParseActivity(r.Object.Document); err != nil {
			return ignored("malformed_object")
		}
		if inner.Actor != r.actor.URI {
			return ignored("not_theirs_to_undo")
		}
	}
	if !onActorsHost(r, r.Object.ID) {
		return ignored("object_elsewhere")
	}
	// What was ended by this very request, or a later one, stays as it is: its actor may have done the same anew.
	if at, dead, err := tx.ActivityEnded(ctx, r.Object.ID); err != nil {
		return err
	} else if dead && !r.signedAt.After(at) {
		return ignored("ended")
	}
	for _, find := range []func(context.Context, *storage.Tx, *received, *vocab.Activity) (bool, error){undoFollow, undoLike, undoShare, undoBlock} {
		if done, err := find(ctx, tx, r, inner); err != nil || done {
			if err != nil {
				return err
			}
			break
		}
	}
	return tx.EndActivity(ctx, r.Object.ID, r.signedAt)
}

func undoFollow(ctx context.Context, tx *storage.Tx, r *received, inner *vocab.Activity) (bool, error) {
	f, err := tx.FollowByURI(ctx, r.Object.ID)
	if errors.Is(err, storage.ErrNotFound) && inner != nil && inner.Type == "Follow" {
		target, err := tx.AccountByURI(ctx, inner.Object.ID)
		if err != nil {
			return false, absent(err)
		}
		if f, err = tx.FollowBetween(ctx, r.actor.ID, target.ID); err != nil {
			return false, absent(err)
		}
	} else if err != nil {
		return false, absent(err)
	}
	if f.FollowerID != r.actor.ID {
		return false, ignored("not_theirs_to_undo")
	}
	return tx.RemoveFollow(ctx, f)
}

func undoLike(ctx context.Context, tx *storage.Tx, r *received, inner *vocab.Activity) (bool, error) {
	l, err := tx.LikeByURI(ctx, r.Object.ID)
	if errors.Is(err, storage.ErrNotFound) && inner != nil && inner.Type == "Like" {
		p, err := tx.PostByURI(ctx, inner.Object.ID)
		if err != nil {
			return false, absent(err)
		}
		if l, err = tx.LikeBy(ctx, r.actor.ID, p.ID); err != nil {
			return false, absent(err)
		}
	} else if err != nil {
		return false, absent(err)
	}
	if l.AccountID != r.actor.ID {
		return false, ignored("not_theirs_to_undo")
	}
	return tx.RemoveLike(ctx, l)
}

func undoShare(ctx context.Context, tx *storage.Tx, r *received, inner *vocab.Activity) (bool, error) {
	p, err := tx.PostByURI(ctx, r.Object.ID)
	if errors.Is(err, storage.ErrNotFound) && inner != nil && inner.Type == "Announce" {
		original, err := tx.PostByURI(ctx, inner.Object.ID)
		if err != nil {
			return false, absent(err)
		}
		if p, err = tx.ShareBy(ctx, r.actor.ID, original.ID); err != nil {
			return false, absent(err)
		}
	} else if err != nil {
		return false, absent(err)
	}
	if p.AuthorID != r.actor.ID || p.ShareOfID == 0 {
		return false, ignored("not_theirs_to_undo")
	}
	gone, _, err := tx.DeletePost(ctx, p)
	return gone, err
}

// absent turns "there is none" into no error: the Undo came first, or twice.
func absent(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	return err
}
