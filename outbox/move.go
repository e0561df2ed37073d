package outbox

import (
	"context"
	"errors"
	"slices"

	"ruche/storage"
)

// maxAliases is how many other accounts one can say one is.
const maxAliases = 16

// SetAliases says which other accounts are oneself, so that they can move here.
func (o *Outbox) SetAliases(ctx context.Context, me *storage.Account, accounts []*storage.Account) error {
	if len(accounts) > maxAliases {
		return invalid("Validation failed: at most %d aliases", maxAliases)
	}
	var uris []string
	for _, a := range accounts {
		if a.ID != me.ID && !slices.Contains(uris, a.URI) {
			uris = append(uris, a.URI)
		}
	}
	return o.DB.Update(ctx, func(tx *storage.Tx) error {
		account, err := tx.AccountByID(ctx, me.ID)
		if err != nil {
			return err
		}
		account.Aliases = uris
		if err := tx.SaveAccount(ctx, account); err != nil {
			return err
		}
		return o.AnnounceProfile(ctx, tx, account)
	})
}

// Move says that one is another account from now on, which must have named this one as its alias. The
// followers are asked to follow there; those of this node do at once.
func (o *Outbox) Move(ctx context.Context, me, target *storage.Account) error {
	if err := active(me); err != nil {
		return err
	}
	if target.ID == me.ID || !target.Active() {
		return invalid("You can't move to this account.")
	}
	if !target.Local() {
		var err error
		if target, err = o.Resolver.RefreshActor(ctx, target.URI); err != nil {
			return err
		}
	}
	if !slices.Contains(target.Aliases, me.URI) {
		return invalid("First name this account as an alias of the new one, there.")
	}
	return o.DB.Update(ctx, func(tx *storage.Tx) error {
		account, err := tx.AccountByID(ctx, me.ID)
		if err != nil {
			return err
		}
		account.MovedTo = target.URI
		if err := tx.SaveAccount(ctx, account); err != nil {
			return err
		}
		if err := o.AnnounceProfile(ctx, tx, account); err != nil {
			return err
		}
		if err := o.tellFollowers(ctx, tx, account, func(id string) ([]byte, error) { return o.Writer.Move(id, account, target.URI) }); err != nil {
			return err
		}
		return o.FollowersMove(ctx, tx, account, target)
	})
}

// FollowersMove makes the followers of an account on this node follow another one instead, in the caller's
// transaction. Whoever blocks the new one, or is blocked by it, only stops following the old one.
func (o *Outbox) FollowersMove(ctx context.Context, tx *storage.Tx, old, target *storage.Account) error {
	followers, err := tx.LocalFollowers(ctx, old.ID)
	if err != nil {
		return err
	}
	for _, f := range followers {
		me, err := tx.AccountByID(ctx, f.FollowerID)
		if err != nil {
			return err
		}
		if err := o.unfollow(ctx, tx, me, old); err != nil {
			return err
		}
		apart, err := apart(ctx, tx, me.ID, target.ID)
		if err != nil {
			return err
		}
		if apart || me.ID == target.ID || !me.Active() {
			continue
		}
		if err := o.follow(ctx, tx, me, target, FollowOptions{ShowShares: &f.ShowShares, Notify: &f.Notify}); err != nil && !errors.Is(err, ErrForbidden) {
			return err
		}
	}
	return nil
}

// apart says whether one of two accounts blocks the other.
func apart(ctx context.Context, tx *storage.Tx, a, b int64) (bool, error) {
	yes, err := tx.Blocks(ctx, a, b)
	if err != nil || yes {
		return yes, err
	}
	return tx.Blocks(ctx, b, a)
}
