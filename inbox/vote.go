package inbox

import (
	"context"
	"errors"
	"slices"

	"ruche/federation/vocab"
	"ruche/storage"
)

func looksLikeVote(o *vocab.Object) bool {
	return o.Type == "Note" && o.Name != "" && o.Content == "" && o.InReplyTo != "" && len(o.Attachments) == 0
}

// vote: a Note that has a name and no content and answers a poll is a vote in it. It says whether the
// object is one.
func (in *Inbox) vote(ctx context.Context, tx *storage.Tx, r *received, o *vocab.Object) (bool, error) {
	if !looksLikeVote(o) {
		return false, nil
	}
	p, err := tx.PostByURI(ctx, o.InReplyTo)
	if errors.Is(err, storage.ErrNotFound) {
		return true, ignored("unknown_post")
	}
	if err != nil {
		return true, err
	}
	poll, err := tx.PollOf(ctx, p.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return true, err
	}
	if len(o.AttributedTo) != 1 || o.AttributedTo[0] != r.actor.URI {
		return true, ignored("untrusted_object")
	}
	if p, err = in.readableByPeer(ctx, tx, r, p.URI); err != nil {
		return true, err // a peer's poll too: its votes are its own to count
	}
	at := slices.IndexFunc(poll.Options, func(option *storage.PollOption) bool { return option.Title == o.Name })
	_, err = tx.Vote(ctx, p.ID, r.actor.ID, o.ID, at)
	switch {
	case errors.Is(err, storage.ErrPollClosed):
		return true, ignored("poll_closed")
	case errors.Is(err, storage.ErrVoted):
		return true, ignored("voted_already")
	case errors.Is(err, storage.ErrNoOption):
		return true, ignored("no_such_option")
	case err != nil:
		return true, err
	}
	return true, tx.TellPoll(ctx, p.ID)
}

// updatePoll keeps the counts that a peer gives for its poll, and another question where an edit asks one. It says
// whether the counts were news.
func updatePoll(ctx context.Context, tx *storage.Tx, r *received, post *storage.Post, said *storage.Poll, edited bool) (bool, error) {
	old, err := tx.PollOf(ctx, post.ID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return false, err
	}
	if old != nil && said != nil && old.Asks(said) {
		if edited {
			if err := tx.ReplacePoll(ctx, post.ID, said); err != nil {
				return false, err
			}
		}
		return tx.CountPoll(ctx, post.ID, said, r.signedAt)
	}
	if !edited {
		return false, nil
	}
	return said != nil || old != nil, tx.ReplacePoll(ctx, post.ID, said)
}
