package vocab

import (
	"fmt"

	ap "github.com/go-ap/activitypub"

	"ruche/storage"
)

// Announce writes a share of ours, of the post with the id original by originalAuthor. The
// author is among the recipients, so that its server learns of it.
func (w Writer) Announce(share *storage.Post, sharer *storage.Account, original, originalAuthor string, how storage.Addressing) ([]byte, error) {
	act, _, err := w.announce(share, sharer, original, originalAuthor, how)
	if err != nil {
		return nil, err
	}
	return act.json(circleContext())
}

// UndoAnnounce takes a share back.
func (w Writer) UndoAnnounce(id string, share *storage.Post, sharer *storage.Account, original, originalAuthor string, how storage.Addressing) ([]byte, error) {
	act, r, err := w.announce(share, sharer, original, originalAuthor, how)
	if err != nil {
		return nil, err
	}
	return undo(id, sharer, act, r.to, r.cc)
}

func (w Writer) announce(share *storage.Post, sharer *storage.Account, original, originalAuthor string, how storage.Addressing) (*thing, recipients, error) {
	r, err := address(share, sharer, []string{originalAuthor}, how)
	if err != nil {
		return nil, r, err
	}
	var c ids
	act := c.activity(ap.AnnounceType, share.URI, sharer, c.need("shared post", original), r.to, r.cc)
	if c.err != nil {
		return nil, r, fmt.Errorf("write share %s: %w", share.URI, c.err)
	}
	act.addTime("published", share.PublishedAt)
	addCircle(act, r)
	return act, r, nil
}
