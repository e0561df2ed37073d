package outbox

import (
	"context"
	"errors"
	"fmt"

	"ruche/storage"
)

// FollowOptions are what the follower wants to see; nil leaves it as it is.
type FollowOptions struct {
	ShowShares *bool
	Notify     *bool
}

// Follow asks to receive what an account posts. One of ours accepts by itself unless it is
// locked; a peer's answers with Accept or Reject, and until then the follow is pending. Following
// again changes the options only.
func (o *Outbox) Follow(ctx context.Context, me *storage.Account, target int64, opt FollowOptions) error {
	if err := active(me); err != nil {
		return err
	}
	them, err := o.DB.AccountByID(ctx, target)
	if err != nil {
		return err
	}
	if them.ID == me.ID || !them.Active() || them.Kind == storage.Application {
		return fmt.Errorf("this account can't be followed: %w", ErrForbidden)
	}
	if !them.Local() {
		peer, err := o.Resolver.Peer(ctx, them.Peer)
		if err != nil {
			return err
		}
		if peer.Refuses(storage.Out, crossing(them)) != "" {
			return fmt.Errorf("what is agreed with %s lets nobody follow its people: %w", them.Peer, ErrForbidden)
		}
	}
	return o.DB.Update(ctx, func(tx *storage.Tx) error { return o.follow(ctx, tx, me, them, opt) })
}

func (o *Outbox) follow(ctx context.Context, tx *storage.Tx, me, them *storage.Account, opt FollowOptions) error {
	if apart, err := apart(ctx, tx, me.ID, them.ID); err != nil || apart {
		return errors.Join(err, fmt.Errorf("one of you blocks the other: %w", ErrForbidden))
	}
	f := &storage.Follow{ID: tx.NewID(tx.Now()), FollowerID: me.ID, FolloweeID: them.ID, FollowerLocal: true, State: storage.Pending, ShowShares: true}
	f.URI = tx.URIs().Follow(f.ID)
	if them.Local() && !them.Locked {
		f.State = storage.Accepted
	}
	if them.Local() && them.Kind == storage.Group {
		state, refusal, err := o.Admit(ctx, tx, them, me)
		if err != nil {
			return err
		}
		if refusal != "" {
			return invalid("%s", refusal)
		}
		f.State = state
	}
	f, added, err := tx.AddFollow(ctx, f)
	if err != nil {
		return err
	}
	if opt.ShowShares != nil || opt.Notify != nil {
		if err := tx.SetFollowOptions(ctx, f.ID, pick(opt.ShowShares, f.ShowShares), pick(opt.Notify, f.Notify)); err != nil {
			return err
		}
	}
	// A pending follow is asked again: the first answer may have been lost.
	if them.Local() || (!added && f.State != storage.Pending) {
		return nil
	}
	body, err := o.Writer.Follow(f, me, them)
	if err != nil {
		return err
	}
	return o.send(ctx, tx, crossing(them), me, body, storage.InboxTarget{Peer: them.Peer, Inbox: them.InboxURI})
}

// crossing is what following somebody is, for the policy of their peer.
func crossing(them *storage.Account) storage.Crossing {
	if them.Kind == storage.Group {
		return storage.CrossCommunities
	}
	return storage.CrossFollows
}

func pick(asked *bool, now bool) bool {
	if asked != nil {
		return *asked
	}
	return now
}

// Unfollow ends a follow, or takes the request back; without one it does nothing.
func (o *Outbox) Unfollow(ctx context.Context, me *storage.Account, target int64) error {
	them, err := o.DB.AccountByID(ctx, target)
	if err != nil {
		return err
	}
	return o.DB.Update(ctx, func(tx *storage.Tx) error { return o.unfollow(ctx, tx, me, them) })
}

func (o *Outbox) unfollow(ctx context.Context, tx *storage.Tx, me, them *storage.Account) error {
	f, err := tx.FollowBetween(ctx, me.ID, them.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := tx.RemoveFollow(ctx, f); err != nil || them.Local() {
		return err
	}
	body, err := o.Writer.UndoFollow(f.URI+"/undo", f, me, them)
	if err != nil {
		return err
	}
	return o.send(ctx, tx, storage.CrossTakeback, me, body, storage.InboxTarget{Peer: them.Peer, Inbox: them.InboxURI})
}

// AcceptFollower says yes to a request.
func (o *Outbox) AcceptFollower(ctx context.Context, me *storage.Account, follower int64) error {
	return o.DB.Update(ctx, func(tx *storage.Tx) error {
		f, err := tx.FollowBetween(ctx, follower, me.ID)
		if err != nil {
			return err
		}
		return o.AcceptFollow(ctx, tx, f)
	})
}

// AcceptFollow makes a follow of a local account effective and answers its follower, in the
// caller's transaction. An accepted one is answered again: the first answer may have been lost.
func (o *Outbox) AcceptFollow(ctx context.Context, tx *storage.Tx, f *storage.Follow) error {
	if _, err := tx.AcceptFollow(ctx, f); err != nil {
		return err
	}
	return o.answer(ctx, tx, f, o.Writer.Accept)
}

// RejectFollower says no to a request.
func (o *Outbox) RejectFollower(ctx context.Context, me *storage.Account, follower int64) error {
	return o.endFollower(ctx, me, follower, storage.Pending)
}

// RemoveFollower ends somebody's follow of oneself, whatever its state.
func (o *Outbox) RemoveFollower(ctx context.Context, me *storage.Account, follower int64) error {
	return o.endFollower(ctx, me, follower, "")
}

func (o *Outbox) endFollower(ctx context.Context, me *storage.Account, follower int64, only string) error {
	return o.DB.Update(ctx, func(tx *storage.Tx) error {
		f, err := tx.FollowBetween(ctx, follower, me.ID)
		if err != nil {
			return err
		}
		if only != "" && f.State != only {
			return storage.ErrNotFound
		}
		if _, err := tx.RemoveFollow(ctx, f); err != nil {
			return err
		}
		if err := tx.EndActivity(ctx, f.URI, tx.Now()); err != nil {
			return err
		}
		return o.answer(ctx, tx, f, o.Writer.Reject)
	})
}

type answerWriter func(id string, f *storage.Follow, follower, followee *storage.Account) ([]byte, error)

func (o *Outbox) answer(ctx context.Context, tx *storage.Tx, f *storage.Follow, write answerWriter) error {
	follower, err := tx.AccountByID(ctx, f.FollowerID)
	if err != nil || follower.Local() {
		return err
	}
	followee, err := tx.AccountByID(ctx, f.FolloweeID)
	if err != nil {
		return err
	}
	body, err := write(tx.URIs().Activity(tx.NewID(tx.Now())), f, follower, followee)
	if err != nil {
		return err
	}
	return o.send(ctx, tx, storage.CrossTakeback, followee, body, storage.InboxTarget{Peer: follower.Peer, Inbox: follower.InboxURI})
}

// DisownFollow tells a peer's account that one of ours doesn't follow it, whatever its node believes,
// in the caller's transaction.
func (o *Outbox) DisownFollow(ctx context.Context, tx *storage.Tx, me, them *storage.Account) error {
	f := &storage.Follow{ID: tx.NewID(tx.Now()), FollowerID: me.ID, FolloweeID: them.ID}
	f.URI = tx.URIs().Follow(f.ID)
	body, err := o.Writer.UndoFollow(f.URI+"/undo", f, me, them)
	if err != nil {
		return err
	}
	return o.send(ctx, tx, storage.CrossTakeback, me, body, storage.InboxTarget{Peer: them.Peer, Inbox: them.InboxURI})
}
