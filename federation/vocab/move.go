package vocab

import (
	"fmt"

	ap "github.com/go-ap/activitypub"

	"ruche/storage"
)

// Move tells the followers of an account of ours that it is another one from now on.
func (w Writer) Move(id string, a *storage.Account, target string) ([]byte, error) {
	var c ids
	act := c.activity(ap.MoveType, id, a, c.need("old account", a.URI), []string{a.FollowersURI}, nil)
	act.add("target", string(c.need("new account", target)))
	if c.err != nil {
		return nil, fmt.Errorf("write move of %s: %w", a.URI, c.err)
	}
	return act.json(plainContext())
}
