package inbox

import (
	"context"
	"errors"

	"ruche/storage"
)

// like: somebody on a peer thanks one of ours for a post.
func (in *Inbox) like(ctx context.Context, tx *storage.Tx, r *received) error {
	if dead, err := in.ended(ctx, tx, r.ID); err != nil {
		return err
	} else if dead {
		return ignored("ended")
	}
	p, err := tx.PostByURI(ctx, r.Object.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return ignored("unknown_post")
	}
	if err != nil {
		return err
	}
	how, err := tx.PeerSees(ctx, p, r.actor.Peer)
	if err != nil {
		return err
	}
	if how == storage.NotForPeer {
		return ignored("unknown_post")
	}
	added, err := tx.AddLike(ctx, &storage.Like{AccountID: r.actor.ID, PostID: p.ID, URI: r.ID})
	if err == nil && !added {
		return ignored("known")
	}
	return err
}
