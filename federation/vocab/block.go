package vocab

import (
	"fmt"

	ap "github.com/go-ap/activitypub"

	"ruche/storage"
)

// Block tells a peer's account that one of ours wants nothing to do with it, so that its server ends the follows too.
func (w Writer) Block(b *storage.Block, blocker, blocked *storage.Account) ([]byte, error) {
	act, err := block(b, blocker, blocked)
	if err != nil {
		return nil, err
	}
	return act.json(plainContext())
}

// UndoBlock takes a block back.
func (w Writer) UndoBlock(id string, b *storage.Block, blocker, blocked *storage.Account) ([]byte, error) {
	act, err := block(b, blocker, blocked)
	if err != nil {
		return nil, err
	}
	return undo(id, blocker, act, []string{blocked.URI}, nil)
}

func block(b *storage.Block, blocker, blocked *storage.Account) (*thing, error) {
	var c ids
	act := c.activity(ap.BlockType, b.URI, blocker, c.need("blocked account", blocked.URI), []string{blocked.URI}, nil)
	if c.err != nil {
		return nil, fmt.Errorf("write block %s: %w", b.URI, c.err)
	}
	return act, nil
}
