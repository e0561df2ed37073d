package vocab

import (
	"fmt"

	ap "github.com/go-ap/activitypub"

	"ruche/storage"
)

// Like writes a like of ours, of the post with the id post by author. It goes to the author alone.
func (w Writer) Like(l *storage.Like, liker *storage.Account, post, author string) ([]byte, error) {
	act, err := like(l, liker, post, author)
	if err != nil {
		return nil, err
	}
	return act.json(plainContext())
}

// UndoLike takes a like back.
func (w Writer) UndoLike(id string, l *storage.Like, liker *storage.Account, post, author string) ([]byte, error) {
	act, err := like(l, liker, post, author)
	if err != nil {
		return nil, err
	}
	return undo(id, liker, act, []string{author}, nil)
}

func like(l *storage.Like, liker *storage.Account, post, author string) (*thing, error) {
	var c ids
	act := c.activity(ap.LikeType, l.URI, liker, c.need("liked post", post), []string{author}, nil)
	if c.err != nil {
		return nil, fmt.Errorf("write like %s: %w", l.URI, c.err)
	}
	return act, nil
}
