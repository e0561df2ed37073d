package outbox

import (
	"context"
	"errors"

	"ruche/storage"
)

// An Edit is a post's new words. Media nil leaves the files as they are.
type Edit struct {
	Text           string
	ContentWarning string
	Sensitive      bool
	Language       string
	Media          []int64
}

// Edit changes the words of one's own post, and tells every host that has it. Who may see it
// never changes.
func (o *Outbox) Edit(ctx context.Context, author *storage.Account, id int64, e Edit) (*storage.Post, error) {
	if err := active(author); err != nil {
		return nil, err
	}
	old, err := o.own(ctx, author, id)
	if err != nil {
		return nil, err
	}
	rest, circle, err := takeCircle(e.Text)
	if err != nil {
		return nil, err
	}
	if circle != "" && circle != old.Circle {
		return nil, invalid("The circle of a post can't change once it is out: write a new post.")
	}
	e.Text = rest
	files, err := o.DB.MediaOf(ctx, []int64{id})
	if err != nil {
		return nil, err
	}
	media := len(files[id])
	if e.Media != nil {
		media = len(e.Media)
	}
	if err := checkText(e.Text, e.ContentWarning, media); err != nil {
		return nil, err
	}
	w, err := o.write(ctx, e.Text)
	if err != nil {
		return nil, err
	}
	post := &storage.NewPost{Post: *old, Mentions: w.mentions, Hashtags: w.hashtags, Media: e.Media}
	post.Text, post.HTML, post.ContentWarning, post.Sensitive = e.Text, w.html, e.ContentWarning, e.Sensitive || e.ContentWarning != ""
	if e.Language != "" {
		post.Language = e.Language
	}
	err = o.DB.Update(ctx, func(tx *storage.Tx) error {
		if err := tx.EditPost(ctx, post, tx.Now()); err != nil {
			return err
		}
		parts, targets, err := o.audience(ctx, tx, &post.Post)
		if err != nil {
			return err
		}
		reached, err := o.reached(ctx, tx, post.ID)
		if err != nil {
			return err
		}
		activity := tx.URIs().Activity(tx.NewID(tx.Now()))
		update := func(how storage.Addressing) ([]byte, error) {
			return o.Writer.Update(activity, &post.Post, author, parts, how)
		}
		if err := o.sendWritten(ctx, tx, author, &post.Post, append(targets, reached...), update); err != nil {
			return err
		}
		return o.PassOnChange(ctx, tx, &post.Post, update)
	})
	if errors.Is(err, storage.ErrNotFound) {
		return nil, invalid("The post is gone, or an attached file isn't yours.")
	}
	if err != nil {
		return nil, err
	}
	return &post.Post, nil
}

// own finds one's own post; somebody else's is as good as absent.
func (o *Outbox) own(ctx context.Context, me *storage.Account, id int64) (*storage.Post, error) {
	p, err := o.DB.PostByID(ctx, id)
	if err != nil {
		return nil, err
	}
	if p.AuthorID != me.ID || p.ShareOfID != 0 {
		return nil, storage.ErrNotFound
	}
	return p, nil
}

// reached is where a post has gone: every such host hears of its edits and its deletion.
func (o *Outbox) reached(ctx context.Context, tx *storage.Tx, post int64) ([]storage.InboxTarget, error) {
	hosts, err := tx.Reach(ctx, post)
	if err != nil {
		return nil, err
	}
	var targets []storage.InboxTarget
	for _, host := range hosts {
		peer, err := tx.PeerByHost(ctx, host)
		if errors.Is(err, storage.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if peer.SharedInbox != "" {
			targets = append(targets, storage.InboxTarget{Peer: host, Inbox: peer.SharedInbox, Shared: true})
		}
	}
	return targets, nil
}
