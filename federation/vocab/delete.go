package vocab

import (
	"encoding/json"
	"fmt"
	"time"

	ap "github.com/go-ap/activitypub"

	"ruche/storage"
)

// Tombstone is what stands where a post or an account of ours stood, answered with 410: a post's to those who could see
// it, with the time of its end; an account's to everybody, without.
func (w Writer) Tombstone(id string, deleted time.Time) ([]byte, error) {
	var c ids
	t := tombstone(&c, id)
	if c.err != nil {
		return nil, fmt.Errorf("write tombstone of %s: %w", id, c.err)
	}
	t.addTime("deleted", deleted)
	return t.json(plainContext())
}

// Delete tells that a post of the actor, or the actor itself, is gone. The object is a Tombstone for a post
// and the bare id for the actor, which is how other servers tell the two apart.
func (w Writer) Delete(id string, actor *storage.Account, object string, to, cc []string) ([]byte, error) {
	var c ids
	act := c.activity(ap.DeleteType, id, actor, nil, to, cc)
	gone := tombstone(&c, object)
	if c.err != nil {
		return nil, fmt.Errorf("write delete of %s: %w", object, c.err)
	}
	if object == actor.URI {
		act.add("object", object)
		return act.json(plainContext())
	}
	written, err := gone.json(nil)
	if err != nil {
		return nil, err
	}
	act.add("object", json.RawMessage(written))
	return act.json(plainContext())
}

func tombstone(c *ids, id string) *thing {
	return &thing{core: &ap.Tombstone{ID: c.need("deleted object", id), Type: ap.TombstoneType}}
}
