package outbox

import (
	"context"

	"ruche/federation/vocab"
	"ruche/storage"
)

// Delete turns one's own post into a tombstone and tells every host that has it. It returns the
// post as it was, so that its author can write it anew.
func (o *Outbox) Delete(ctx context.Context, author *storage.Account, id int64) (*storage.Post, error) {
	p, err := o.DB.PostByID(ctx, id)
	if err != nil {
		return nil, err
	}
	if p.AuthorID != author.ID {
		return nil, storage.ErrNotFound
	}
	if p.ShareOfID != 0 {
		return p, o.Unshare(ctx, author, p.ShareOfID)
	}
	return p, o.DB.Update(ctx, func(tx *storage.Tx) error { return o.TakeBack(ctx, tx, author, p) })
}

// TakeBack turns a post of ours into a tombstone within an act, whoever decides it, and tells every host that has it.
func (o *Outbox) TakeBack(ctx context.Context, tx *storage.Tx, author *storage.Account, p *storage.Post) error {
	parts, targets, err := o.audience(ctx, tx, p)
	if err != nil {
		return err
	}
	reached, err := o.reached(ctx, tx, p.ID)
	if err != nil {
		return err
	}
	activity := p.URI + "/delete"
	deletion := func(v variant) ([]byte, error) {
		to, cc := author.FollowersURI, []string(nil)
		if p.Visibility == storage.Members && parts.Community != nil {
			to = parts.Community.FollowersURI
		}
		if v.how == storage.Openly {
			to = vocab.Public
		}
		if parts.Community != nil {
			cc = []string{parts.Community.URI}
		}
		return o.Writer.Delete(activity, author, p.URI, []string{to}, cc)
	}
	if err := o.PassOnChange(ctx, tx, p, deletion); err != nil {
		return err
	}
	gone, blobs, err := tx.DeletePost(ctx, p)
	if err != nil || !gone {
		return err
	}
	if err := ForgetMedia(ctx, tx, blobs); err != nil {
		return err
	}
	return o.sendWritten(ctx, tx, storage.CrossTakeback, author, p, append(targets, reached...), deletion)
}
