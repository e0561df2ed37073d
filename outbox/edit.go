package outbox

import (
	"context"
	"errors"

	"ruche/storage"
)

// An Edit is a post's new words. Media nil leaves the files as they are; Poll nil leaves the poll, and one
// without options takes it away.
type Edit struct {
	Text           string
	Circle         string // the one that it has, if any is named: it can't change
	ContentWarning string
	Sensitive      bool
	Language       string
	Media          []int64
	Poll           *PollDraft
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
	if circle != "" && circle != old.Circle || e.Circle != "" && e.Circle != old.Circle {
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
	var poll *storage.Poll
	if e.Poll != nil && len(e.Poll.Options) > 0 {
		if poll, err = e.Poll.poll(o.DB.Now()); err != nil {
			return nil, err
		}
	}
	post := &storage.NewPost{Post: *old, Mentions: w.mentions, Hashtags: w.hashtags, Media: e.Media}
	if before, err := o.DB.QuoteOf(ctx, id); err == nil {
		quoted, err := o.DB.PostEvenDeleted(ctx, before.QuotedID)
		if err == nil {
			w.html = quoteHTML(quoted) + w.html
		} else if !errors.Is(err, storage.ErrNotFound) {
			return nil, err
		}
	} else if !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	post.Text, post.HTML, post.ContentWarning, post.Sensitive = e.Text, w.html, e.ContentWarning, e.Sensitive || e.ContentWarning != ""
	if e.Language != "" {
		post.Language = e.Language
	}
	err = o.DB.Update(ctx, func(tx *storage.Tx) error {
		if err := tx.EditPost(ctx, post, tx.Now()); err != nil {
			return err
		}
		if e.Poll != nil {
			if err := tx.ReplacePoll(ctx, post.ID, poll); err != nil {
				return err
			}
		}
		return o.TellAgain(ctx, tx, &post.Post)
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
