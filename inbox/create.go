package inbox

import (
	"context"
	"errors"
	"slices"

	"ruche/federation"
	"ruche/federation/vocab"
	"ruche/outbox"
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
	if err != nil {
		return err
	}
	if !added {
		return ignored("known")
	}
	if err := in.checkQuote(ctx, tx, post.ID, 1); err != nil {
		return err
	}
	if err := in.Node.WantParent(ctx, tx, &post.Post); err != nil {
		return err
	}
	to := addressed(r, object)
	if post.Community != 0 {
		if err := in.Outbox.TakeIn(ctx, tx, post.Community, r.actor, &post.Post, outbox.AsItCame(r.body, to)); err != nil {
			return err
		}
	}
	return in.Outbox.Forward(ctx, tx, &post.Post, to, r.body)
}

// addressed is everybody whom an activity or its object names as a recipient.
func addressed(r *received, object *vocab.Object) []string {
	return slices.Concat(r.To, r.Cc, object.To, object.Cc)
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
