package outbox

import (
	"context"
	"errors"
	"time"

	"ruche/storage"
)

// Share passes a post on to one's followers, within the circle of the post. Sharing again gives
// the share that there is. at is when it happened, for the demo's seeder; zero means now.
func (o *Outbox) Share(ctx context.Context, author *storage.Account, id int64, at time.Time) (*storage.Post, error) {
	if err := active(author); err != nil {
		return nil, err
	}
	original, err := o.visible(ctx, &o.DB.Queries, author, id)
	if err != nil {
		return nil, err
	}
	if original.Visibility != storage.Public && original.Visibility != storage.Unlisted {
		return nil, invalid("This post was written for a chosen few, so it can't be shared.")
	}
	writer, err := o.DB.AccountByID(ctx, original.AuthorID)
	if err != nil {
		return nil, err
	}
	var share *storage.Post
	err = o.DB.Update(ctx, func(tx *storage.Tx) error {
		old, err := tx.ShareBy(ctx, author.ID, original.ID)
		if err == nil {
			share = old
			return nil
		}
		if !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		n := &storage.NewPost{Post: storage.Post{AuthorID: author.ID, ShareOfID: original.ID, Visibility: original.Visibility, Circle: original.Circle, PublishedAt: at}}
		n.ID = tx.PostID(at, false)
		n.URI = tx.URIs().Share(n.ID)
		n.URL = tx.URIs().PostPage(author.Username, n.ID)
		n.ActivityURI = n.URI
		if _, err := tx.AddPost(ctx, n); err != nil {
			return err
		}
		share = &n.Post
		targets, err := o.shareTargets(ctx, tx, author, writer)
		if err != nil {
			return err
		}
		return o.sendWritten(ctx, tx, storage.CrossShares, author, share, targets, func(v variant) ([]byte, error) {
			return o.Writer.Announce(share, author, original.URI, writer.URI, v.how)
		})
	})
	return share, err
}

// Unshare takes one's share of a post back; without one it does nothing.
func (o *Outbox) Unshare(ctx context.Context, author *storage.Account, id int64) error {
	original, err := o.visible(ctx, &o.DB.Queries, author, id)
	if err != nil {
		return err
	}
	return o.DB.Update(ctx, func(tx *storage.Tx) error {
		share, err := tx.ShareBy(ctx, author.ID, original.ID)
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return o.unshare(ctx, tx, author, share, original)
	})
}

// unshare takes a share back and tells every host that has it.
func (o *Outbox) unshare(ctx context.Context, tx *storage.Tx, author *storage.Account, share, original *storage.Post) error {
	writer, err := tx.AccountByID(ctx, original.AuthorID)
	if err != nil {
		return err
	}
	targets, err := o.shareTargets(ctx, tx, author, writer)
	if err != nil {
		return err
	}
	reached, err := o.reached(ctx, tx, share.ID)
	if err != nil {
		return err
	}
	gone, _, err := tx.DeletePost(ctx, share)
	if err != nil || !gone {
		return err
	}
	activity := share.URI + "/undo"
	return o.sendWritten(ctx, tx, storage.CrossTakeback, author, share, append(targets, reached...), func(v variant) ([]byte, error) {
		return o.Writer.UndoAnnounce(activity, share, author, original.URI, writer.URI, v.how)
	})
}

func (o *Outbox) shareTargets(ctx context.Context, tx *storage.Tx, sharer, writer *storage.Account) ([]storage.InboxTarget, error) {
	targets, err := tx.FollowerInboxes(ctx, sharer.ID)
	if !writer.Local() {
		targets = append(targets, inboxOf(writer))
	}
	return targets, err
}
