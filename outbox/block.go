package outbox

import (
	"context"
	"errors"

	"ruche/storage"
)

// Block ends what is between two accounts: neither follows the other, and the blocked one no longer sees what the
// blocker posts.
func (o *Outbox) Block(ctx context.Context, me *storage.Account, target int64) error {
	if err := active(me); err != nil {
		return err
	}
	them, err := o.DB.AccountByID(ctx, target)
	if err != nil {
		return err
	}
	if them.ID == me.ID {
		return invalid("You can't block yourself.")
	}
	return o.DB.Update(ctx, func(tx *storage.Tx) error { return o.block(ctx, tx, me, them) })
}

func (o *Outbox) block(ctx context.Context, tx *storage.Tx, me, them *storage.Account) error {
	b := &storage.Block{AccountID: me.ID, TargetID: them.ID}
	added, err := tx.AddBlock(ctx, b)
	if err != nil || !added || them.Local() {
		return err
	}
	body, err := o.Writer.Block(b, me, them)
	if err != nil {
		return err
	}
	return o.send(ctx, tx, storage.CrossTakeback, me, body, storage.InboxTarget{Peer: them.Peer, Inbox: them.InboxURI})
}

// Unblock takes a block back; the follows that it ended stay ended.
func (o *Outbox) Unblock(ctx context.Context, me *storage.Account, target int64) error {
	them, err := o.DB.AccountByID(ctx, target)
	if err != nil {
		return err
	}
	return o.DB.Update(ctx, func(tx *storage.Tx) error { return o.unblock(ctx, tx, me, them) })
}

func (o *Outbox) unblock(ctx context.Context, tx *storage.Tx, me, them *storage.Account) error {
	b, err := tx.BlockBetween(ctx, me.ID, them.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := tx.RemoveBlock(ctx, b); err != nil || them.Local() {
		return err
	}
	body, err := o.Writer.UndoBlock(b.URI+"/undo", b, me, them)
	if err != nil {
		return err
	}
	return o.send(ctx, tx, storage.CrossTakeback, me, body, storage.InboxTarget{Peer: them.Peer, Inbox: them.InboxURI})
}
