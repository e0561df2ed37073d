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
		if err := keyFollows(ctx, tx, r); err != nil {
			return err
		}
		return federation.KeepActor(ctx, tx, r.profile)
	}
	if r.Object.Document == nil {
		return ignored("nothing_to_update")
	}
	object, err := ownObject(r)
	if err != nil {
		return err
	}
	if err := in.edited(ctx, tx, r, object); err != nil {
		return err
	}
	p, err := tx.PostByURI(ctx, object.ID)
	if err != nil {
		return err
	}
	if err := in.Outbox.PassOnChange(ctx, tx, p, outbox.AsItCame(r.body, addressed(r, object))); err != nil {
		return err
	}
	return in.Outbox.ForwardChange(ctx, tx, p, storage.PostCrossing(p), r.body)
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
	if now := tx.Now(); at.After(now) {
		at = now
	}
	post, err := translate(ctx, tx, r, object)
	if err != nil {
		return err
	}
	edited := at.After(written)
	if edited && object.Updated.IsZero() {
		if edited, err = otherWords(ctx, tx, old, post); err != nil {
			return err
		}
	}
	quote := post.Quote
	news, err := updatePoll(ctx, tx, r, old, post.Poll, edited)
	if err != nil {
		return err
	}
	if post.QuotePolicy != old.QuotePolicy {
		news = true
		if err := tx.SetQuotePolicy(ctx, old.ID, post.QuotePolicy); err != nil {
			return err
		}
	}
	if edited {
		news = true
		if err := tx.EditPost(ctx, keepPlace(post, old), at); err != nil {
			return err
		}
	}
	another, err := tx.ReplaceQuote(ctx, old, quote, r.signedAt)
	if err != nil {
		return err
	}
	if another {
		return in.checkQuote(ctx, tx, old.ID, 1)
	}
	if !news {
		return ignored("older_than_known")
	}
	return nil
}

// keepPlace makes of a post's new form what may change of the old: its words and what hangs on them, never
// who may see it or where it stands.
func keepPlace(post *storage.NewPost, old *storage.Post) *storage.NewPost {
	words := post.Post
	post.Post = *old
	post.HTML, post.ContentWarning, post.Sensitive, post.Language, post.Raw = words.HTML, words.ContentWarning, words.Sensitive, words.Language, words.Raw
	post.Emojis, post.QuotePolicy = words.Emojis, words.QuotePolicy
	if post.Attached == nil {
		post.Attached = []*storage.Media{}
	}
	return post
}

// otherWords says whether an Update that doesn't tell when its author edited brings other words or files than we
// have: servers also send one when only counts, a stamp or a policy changed.
func otherWords(ctx context.Context, tx *storage.Tx, old *storage.Post, post *storage.NewPost) (bool, error) {
	if post.HTML != old.HTML || post.ContentWarning != old.ContentWarning || post.Sensitive != old.Sensitive || post.Language != old.Language {
		return true, nil
	}
	files, err := tx.MediaOf(ctx, []int64{old.ID})
	if err != nil {
		return false, err
	}
	return !slices.EqualFunc(files[old.ID], post.Attached, func(a, b *storage.Media) bool {
		return a.RemoteURL == b.RemoteURL && a.Description == b.Description
	}), nil
}

// delete: a peer's account deleted a post of its own, or itself.
func (in *Inbox) delete(ctx context.Context, tx *storage.Tx, r *received) error {
	if r.Object.ID == r.actor.URI {
		return tx.EndAccount(ctx, r.actor.ID)
	}
	if onActorsHost(r, r.Object.ID) {
		if stamp, err := in.deleteStamp(ctx, tx, r); err != nil || stamp {
			return err
		}
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
	if err := in.Outbox.ForwardChange(ctx, tx, p, storage.CrossTakeback, r.body); err != nil {
		return err
	}
	_, blobs, err := tx.DeletePost(ctx, p)
	if err != nil {
		return err
	}
	return outbox.ForgetMedia(ctx, tx, blobs)
}

// keyFollows takes over the new key of a linked node's own actor: the word for it came signed by the
// key that was known, so that nobody need compare a code.
func keyFollows(ctx context.Context, tx *storage.Tx, r *received) error {
	if !r.peer.Linked() || r.actor.URI != r.peer.ServiceActor {
		return nil
	}
	print, err := federation.Fingerprint(r.profile.PublicKey)
	if err != nil {
		return ignored("untrusted_profile")
	}
	if print == r.peer.Fingerprint {
		return nil
	}
	if err := tx.PinPeer(ctx, r.peer.Host, r.actor.URI, print); err != nil {
		return err
	}
	return tx.AddPeerEvent(ctx, r.peer.Host, storage.EventKeyChanged, print)
}
