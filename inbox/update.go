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

// update: a peer's account changed its profile or the words of a post. Who may see the post
// never changes.
func (in *Inbox) update(ctx context.Context, tx *storage.Tx, r *received) error {
	if r.profile != nil {
		return federation.KeepActor(ctx, tx, r.profile)
	}
	if r.Object.Document == nil {
		return ignored("nothing_to_update")
	}
	object, err := ownObject(r)
	if err != nil {
		return err
	}
	return in.edited(ctx, tx, r, object)
}

// edited keeps an author's new words for a post.
func (in *Inbox) edited(ctx context.Context, tx *storage.Tx, r *received, object *vocab.Object) error {
	old, err := tx.PostByURI(ctx, object.ID)
	if errors.Is(err, storage.ErrNotFound) || err == nil && !old.DeletedAt.IsZero() {
		return ignored("unknown_post")
	}
	if err != nil {
		return err
	}
	if old.AuthorID != r.actor.ID {
		return ignored("not_theirs_to_update")
	}
	written := old.EditedAt
	if written.IsZero() {
		written = old.PublishedAt
	}
	at := object.Updated
	if at.IsZero() {
		at = r.signedAt
	}
	if !at.After(written) {
		return ignored("older_than_known")
	}
	if now := tx.Now(); at.After(now) {
		at = now
	}
	post, err := translate(ctx, tx, r, object)
	if err != nil {
		return err
	}
	words := post.Post
	post.Post = *old
	post.HTML, post.ContentWarning, post.Sensitive, post.Language, post.Raw = words.HTML, words.ContentWarning, words.Sensitive, words.Language, words.Raw
	if post.Attached == nil {
		post.Attached = []*storage.Media{}
	}
	if err := tx.EditPost(ctx, post, at); err != nil {
		return err
	}
	if err := in.Outbox.PassOnChange(ctx, tx, &post.Post, outbox.AsItCame(r.body, addressed(r, object))); err != nil {
		return err
	}
	return in.Outbox.ForwardChange(ctx, tx, &post.Post, r.body)
}

// delete: a peer's account deleted a post of its own, or itself.
func (in *Inbox) delete(ctx context.Context, tx *storage.Tx, r *received) error {
	if r.Object.ID == r.actor.URI {
		return tx.EndAccount(ctx, r.actor.ID)
	}
	p, err := tx.PostByURI(ctx, r.Object.ID)
	if errors.Is(err, storage.ErrNotFound) {
		if !onActorsHost(r, r.Object.ID) {
			return ignored("object_elsewhere")
		}
		// Its Create may still be on the way.
		return tx.EndActivity(ctx, r.Object.ID, r.signedAt)
	}
	if err != nil {
		return err
	}
	if p.AuthorID != r.actor.ID {
		return in.moderated(ctx, tx, r, p)
	}
	if err := in.Outbox.PassOnChange(ctx, tx, p, outbox.AsItCame(r.body, slices.Concat(r.To, r.Cc))); err != nil {
		return err
	}
	if err := in.Outbox.ForwardChange(ctx, tx, p, r.body); err != nil {
		return err
	}
	_, blobs, err := tx.DeletePost(ctx, p)
	if err != nil {
		return err
	}
	return outbox.ForgetMedia(ctx, tx, blobs)
}
