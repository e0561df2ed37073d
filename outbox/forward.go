package outbox

import (
	"context"

	"ruche/storage"
)

// Forward passes on, as it came, a peer's answer to a post of ours that addressed our author's
// followers (ActivityPub §7.1.2): only our node knows where they are. It goes to the nodes of those
// followers, not back to its own, in the act that stored it and so once. to is everybody whom the
// activity addressed.
//
// A node is left out where the circle of either post leaves it out, and where it would show openly
// what its own author's server would have written for it in another way.
func (o *Outbox) Forward(ctx context.Context, tx *storage.Tx, answer *storage.Post, to []string, body []byte) error {
	if answer.InReplyToID == 0 {
		return nil
	}
	parent, err := tx.PostByID(ctx, answer.InReplyToID)
	if err != nil || !parent.Local() || parent.Visibility == storage.Direct {
		return absent(err)
	}
	author, err := tx.AccountByID(ctx, parent.AuthorID)
	if err != nil || !author.Active() || !has(to, author.FollowersURI) {
		return err
	}
	targets, err := tx.FollowerInboxes(ctx, author.ID)
	if err != nil {
		return err
	}
	return o.passOn(ctx, tx, author, parent, answer, targets, to, storage.PostCrossing(answer), body)
}

// ForwardChange passes on what becomes of a forwarded answer, its edit or its deletion, to the nodes
// that it was forwarded to.
func (o *Outbox) ForwardChange(ctx context.Context, tx *storage.Tx, answer *storage.Post, what storage.Crossing, body []byte) error {
	targets, err := o.reached(ctx, tx, answer.ID)
	if err != nil || len(targets) == 0 || answer.InReplyToID == 0 {
		return err
	}
	parent, err := tx.PostByID(ctx, answer.InReplyToID)
	if err != nil || !parent.Local() {
		return absent(err)
	}
	author, err := tx.AccountByID(ctx, parent.AuthorID)
	if err != nil {
		return err
	}
	return o.passOn(ctx, tx, author, parent, answer, targets, nil, what, body)
}

func (o *Outbox) passOn(ctx context.Context, tx *storage.Tx, by *storage.Account, parent, answer *storage.Post, targets []storage.InboxTarget, to []string, what storage.Crossing, body []byte) error {
	hosts := make([]string, 0, len(targets))
	for _, t := range targets {
		hosts = append(hosts, t.Peer)
	}
	peers, err := tx.PeersByHost(ctx, hosts)
	if err != nil {
		return err
	}
	var kept []storage.InboxTarget
	for _, t := range targets {
		if t.Peer != answer.Origin && storage.InCircle(parent, peers[t.Peer]) != storage.NotForPeer {
			kept = append(kept, t)
		}
	}
	return o.sendLike(ctx, tx, delivery{What: what, Forwarded: true}, by, answer, kept, AsItCame(body, to))
}
