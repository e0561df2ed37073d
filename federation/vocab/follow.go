package vocab

import (
	"fmt"

	ap "github.com/go-ap/activitypub"

	"ruche/storage"
)

// Follow asks the followee to let one of ours follow it.
func (w Writer) Follow(f *storage.Follow, follower, followee *storage.Account) ([]byte, error) {
	act, err := follow(f, follower, followee)
	if err != nil {
		return nil, err
	}
	return act.json(plainContext())
}

// UndoFollow ends a follow of ours.
func (w Writer) UndoFollow(id string, f *storage.Follow, follower, followee *storage.Account) ([]byte, error) {
	act, err := follow(f, follower, followee)
	if err != nil {
		return nil, err
	}
	return undo(id, follower, act, []string{followee.URI}, nil)
}

func follow(f *storage.Follow, follower, followee *storage.Account) (*thing, error) {
	var c ids
	act := c.activity(ap.FollowType, f.URI, follower, c.need("followee", followee.URI), []string{followee.URI}, nil)
	if c.err != nil {
		return nil, fmt.Errorf("write follow %s: %w", f.URI, c.err)
	}
	return act, nil
}
