package outbox

import (
	"context"
	"errors"
	"strings"

	"ruche/storage"
)

// Pin keeps one's own post on top of one's profile.
func (o *Outbox) Pin(ctx context.Context, me *storage.Account, id int64) error {
	if err := active(me); err != nil {
		return err
	}
	p, err := o.own(ctx, me, id)
	if errors.Is(err, storage.ErrNotFound) {
		return invalid("Validation failed: someone else's post cannot be pinned")
	}
	if err != nil {
		return err
	}
	if p.Visibility == storage.Direct {
		return invalid("Validation failed: posts that are only visible to mentioned people cannot be pinned")
	}
	err = o.DB.Update(ctx, func(tx *storage.Tx) error {
		added, err := tx.AddPin(ctx, p)
		if err != nil || !added {
			return err
		}
		return o.tellPin(ctx, tx, me, p, o.Writer.Pin)
	})
	if errors.Is(err, storage.ErrTooManyPins) {
		return invalid("Validation failed: you have already pinned the maximum number of posts")
	}
	return err
}

// Unpin takes it off the top.
func (o *Outbox) Unpin(ctx context.Context, me *storage.Account, id int64) error {
	p, err := o.own(ctx, me, id)
	if err != nil {
		return err
	}
	return o.DB.Update(ctx, func(tx *storage.Tx) error {
		removed, err := tx.RemovePin(ctx, p)
		if err != nil || !removed {
			return err
		}
		return o.tellPin(ctx, tx, me, p, o.Writer.Unpin)
	})
}

// tellPin goes to the followers' nodes that the post may go to.
func (o *Outbox) tellPin(ctx context.Context, tx *storage.Tx, me *storage.Account, p *storage.Post, write func(id string, author *storage.Account, post string) ([]byte, error)) error {
	targets, err := tx.FollowerInboxes(ctx, me.ID)
	if err != nil {
		return err
	}
	activity := tx.URIs().Activity(tx.NewID(tx.Now()))
	return o.sendWritten(ctx, tx, storage.PostCrossing(p), me, p, targets, func(variant) ([]byte, error) { return write(activity, me, p.URI) })
}

// FeatureTag shows a hashtag on one's profile.
func (o *Outbox) FeatureTag(ctx context.Context, me *storage.Account, tag string) error {
	if err := active(me); err != nil {
		return err
	}
	tag = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(tag), "#"))
	if tag == "" || len(tag) > 200 || strings.ContainsAny(tag, " \t\n#@/") {
		return invalid("Validation failed: %q is no hashtag", tag)
	}
	return o.DB.Update(ctx, func(tx *storage.Tx) error {
		tags, err := tx.FeaturedTags(ctx, me.ID)
		if err != nil {
			return err
		}
		if len(tags) >= storage.MaxFeaturedTags {
			return invalid("Validation failed: at most %d hashtags can be featured", storage.MaxFeaturedTags)
		}
		added, err := tx.AddFeaturedTag(ctx, me.ID, tag)
		if err != nil || !added {
			return err
		}
		return o.tellFollowers(ctx, tx, me, func(id string) ([]byte, error) { return o.Writer.FeatureTag(id, me, tag) })
	})
}

// UnfeatureTag takes it off again.
func (o *Outbox) UnfeatureTag(ctx context.Context, me *storage.Account, tag string) error {
	return o.DB.Update(ctx, func(tx *storage.Tx) error {
		removed, err := tx.RemoveFeaturedTag(ctx, me.ID, tag)
		if err != nil || !removed {
			return err
		}
		return o.tellFollowers(ctx, tx, me, func(id string) ([]byte, error) { return o.Writer.UnfeatureTag(id, me, tag) })
	})
}

// tellFollowers queues an activity about the account itself.
func (o *Outbox) tellFollowers(ctx context.Context, tx *storage.Tx, me *storage.Account, write func(id string) ([]byte, error)) error {
	targets, err := tx.FollowerInboxes(ctx, me.ID)
	if err != nil || len(targets) == 0 {
		return err
	}
	body, err := write(tx.URIs().Activity(tx.NewID(tx.Now())))
	if err != nil {
		return err
	}
	return o.send(ctx, tx, storage.CrossAlways, me, body, targets...)
}
