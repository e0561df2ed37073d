package outbox

import (
	"context"
	"errors"

	"ruche/storage"
)

// Like thanks the author of a post. A second like of the same post changes nothing.
func (o *Outbox) Like(ctx context.Context, me *storage.Account, id int64) error {
	if err := active(me); err != nil {
		return err
	}
	p, writer, err := o.withAuthor(ctx, me, id)
	if err != nil {
		return err
	}
	return o.DB.Update(ctx, func(tx *storage.Tx) error {
		like := &storage.Like{AccountID: me.ID, PostID: p.ID}
		added, err := tx.AddLike(ctx, like)
		if err != nil || !added || writer.Local() {
			return err
		}
		body, err := o.Writer.Like(like, me, p.URI, writer.URI)
		if err != nil {
			return err
		}
		return o.send(ctx, tx, storage.CrossAlways, me, body, inboxOf(writer))
	})
}

// Unlike takes a like back; without one it does nothing.
func (o *Outbox) Unlike(ctx context.Context, me *storage.Account, id int64) error {
	p, writer, err := o.withAuthor(ctx, me, id)
	if err != nil {
		return err
	}
	return o.DB.Update(ctx, func(tx *storage.Tx) error {
		like, err := tx.LikeBy(ctx, me.ID, p.ID)
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		removed, err := tx.RemoveLike(ctx, like)
		if err != nil || !removed || writer.Local() {
			return err
		}
		body, err := o.Writer.UndoLike(like.URI+"/undo", like, me, p.URI, writer.URI)
		if err != nil {
			return err
		}
		return o.send(ctx, tx, storage.CrossTakeback, me, body, inboxOf(writer))
	})
}

// Bookmark puts a post aside for oneself; nobody is told.
func (o *Outbox) Bookmark(ctx context.Context, me *storage.Account, id int64) error {
	p, err := o.visible(ctx, &o.DB.Queries, me, id)
	if err != nil {
		return err
	}
	return o.DB.Update(ctx, func(tx *storage.Tx) error { return tx.AddBookmark(ctx, me.ID, p.ID) })
}

// Unbookmark takes a bookmark away.
func (o *Outbox) Unbookmark(ctx context.Context, me *storage.Account, id int64) error {
	p, err := o.visible(ctx, &o.DB.Queries, me, id)
	if err != nil {
		return err
	}
	return o.DB.Update(ctx, func(tx *storage.Tx) error { return tx.RemoveBookmark(ctx, me.ID, p.ID) })
}

func (o *Outbox) withAuthor(ctx context.Context, me *storage.Account, id int64) (*storage.Post, *storage.Account, error) {
	p, err := o.visible(ctx, &o.DB.Queries, me, id)
	if err != nil {
		return nil, nil, err
	}
	writer, err := o.DB.AccountByID(ctx, p.AuthorID)
	return p, writer, err
}
