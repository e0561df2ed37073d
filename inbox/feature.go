package inbox

import (
	"context"
	"errors"
	"strings"

	"ruche/federation/vocab"
	"ruche/storage"
)

// add: a peer's account puts a post of its own, or a hashtag, on top of its profile. Other collections than its
// featured ones aren't ours to keep.
func (in *Inbox) add(ctx context.Context, tx *storage.Tx, r *received) error {
	if tag, err := featuredTag(r); err != nil {
		return err
	} else if tag != "" {
		_, err := tx.AddFeaturedTag(ctx, r.actor.ID, tag)
		return err
	}
	if !onActorsHost(r, r.Object.ID) {
		return ignored("object_elsewhere")
	}
	p, err := tx.PostByURI(ctx, r.Object.ID)
	if errors.Is(err, storage.ErrNotFound) && r.fetched != "" {
		return ignored("unknown_post")
	}
	if errors.Is(err, storage.ErrNotFound) {
		// An older post than any we have. Once it is read, the Add comes again.
		return tx.Enqueue(ctx, storage.NewJob{Kind: JobFetch, Key: "fetch " + r.ID, Host: r.actor.Peer, Args: fetch{URI: r.Object.ID, Then: true, SignedAt: r.signedAt}, Body: r.Raw})
	}
	if err != nil {
		return err
	}
	if err := pinnable(r.actor, p); err != nil {
		return err
	}
	added, err := tx.AddPin(ctx, p)
	if err == nil && !added {
		return ignored("known")
	}
	return err
}

// remove: a peer's account takes a post or a hashtag off the top of its profile.
func (in *Inbox) remove(ctx context.Context, tx *storage.Tx, r *received) error {
	if tag, err := featuredTag(r); err != nil {
		return err
	} else if tag != "" {
		_, err := tx.RemoveFeaturedTag(ctx, r.actor.ID, tag)
		return err
	}
	p, err := tx.PostByURI(ctx, r.Object.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return ignored("unknown_post")
	}
	if err != nil {
		return err
	}
	if err := pinnable(r.actor, p); err != nil {
		return err
	}
	_, err = tx.RemovePin(ctx, p)
	return err
}

// featuredTag gives the tag that is featured, if it is one, and refuses what isn't about the actor's own collections.
func featuredTag(r *received) (string, error) {
	if r.Target.ID == "" || r.Target.ID != r.actor.FeaturedURI && r.Target.ID != r.actor.FeaturedTagsURI {
		return "", ignored("not_their_collection")
	}
	return shownTag(r.Object.Document)
}

// shownTag reads a hashtag that a profile shows, without #; it is empty where the document is something else.
func shownTag(d *vocab.Document) (string, error) {
	tag := strings.ToLower(vocab.ParseHashtag(d))
	if len(tag) > 200 {
		return "", ignored("malformed_object")
	}
	return tag, nil
}

func pinnable(a *storage.Account, p *storage.Post) error {
	switch {
	case !p.DeletedAt.IsZero():
		return ignored("unknown_post")
	case p.AuthorID != a.ID || p.ShareOfID != 0 || p.Visibility == storage.Direct:
		return ignored("not_theirs_to_pin")
	}
	return nil
}
