package inbox

import (
	"context"
	"errors"

	"ruche/federation"
	"ruche/federation/vocab"
	"ruche/storage"
)

// create: somebody on a peer wrote a post.
func (in *Inbox) create(ctx context.Context, tx *storage.Tx, r *received) error {
	if r.Object.Document == nil {
		if !onActorsHost(r, r.Object.ID) {
			return ignored("object_elsewhere")
		}
		return tx.Enqueue(ctx, storage.NewJob{Kind: JobFetch, Host: r.actor.Peer, Args: fetch{URI: r.Object.ID}})
	}
	object, err := ownObject(r)
	if err != nil {
		return err
	}
	for _, id := range []string{r.ID, object.ID} {
		if dead, err := in.ended(ctx, tx, id); err != nil {
			return err
		} else if dead {
			return ignored("ended")
		}
	}
	if vote, err := in.vote(ctx, tx, r, object); vote || err != nil {
		return err
	}
	post, err := translate(ctx, tx, r, object)
	if err != nil {
		return err
	}
	added, err := tx.AddPost(ctx, post)
	if err == nil && !added {
		return ignored("known")
	}
	if err != nil {
		return err
	}
	return in.checkQuote(ctx, tx, post.ID, 1)
}

// ownObject reads the embedded object, if it is the actor's own to speak of.
func ownObject(r *received) (*vocab.Object, error) {
	object, err := vocab.ParseObject(r.Object.Document)
	if err != nil {
		return nil, ignored("malformed_object")
	}
	if !onActorsHost(r, object.ID) {
		return nil, ignored("object_elsewhere")
	}
	return object, nil
}

// translate makes a post of an object. A circle narrower than the network means our organisation
// only when a sibling says so; from anybody else it means that the post goes no further.
func translate(ctx context.Context, tx *storage.Tx, r *received, object *vocab.Object) (*storage.NewPost, error) {
	post, err := federation.Translate(ctx, &tx.Queries, object, r.actor)
	if errors.Is(err, federation.ErrUntrusted) {
		return nil, ignored("untrusted_object")
	}
	if err != nil {
		return nil, err
	}
	post.ActivityURI = r.ID
	// What the object itself says counts, whatever the activity around it was addressed to.
	if reason := r.peer.Refuses(storage.In, storage.PostCrossing(&post.Post)); reason != "" && r.actor.Kind != storage.Group {
		return nil, ignored(reason)
	}
	if post.Circle == storage.CircleOrganisation {
		peer, err := tx.PeerByHost(ctx, r.actor.Peer)
		if err != nil {
			return nil, err
		}
		if peer.Tier != storage.Sibling {
			post.Circle = storage.CircleNode
		}
	}
	return post, nil
}
