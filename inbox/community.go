package inbox

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"

	"ruche/federation"
	"ruche/federation/vocab"
	"ruche/outbox"
	"ruche/storage"
	"ruche/storage/queue"
)

// announced: a community on a peer passes on what somebody did in it (FEP-1b12). Its own word counts for
// what is in it and for nothing else: what the embedded activity says of its actor is read from that
// actor's host, unless it holds the actor's proof.
func (in *Inbox) announced(ctx context.Context, tx *storage.Tx, r *received, doc *vocab.Document) error {
	inner, err := vocab.ParseActivity(doc)
	if err != nil {
		return ignored("malformed_object")
	}
	if r.actor.Kind != storage.Group {
		return ignored("not_a_community")
	}
	if known, err := tx.HasLocalFollower(ctx, r.actor.ID); err != nil {
		return err
	} else if !known {
		return ignored("community_without_members")
	}
	switch inner.Type {
	case "Create":
		if err := sameHosts(inner.Actor, inner.ID, inner.Object.ID); err != nil {
			return err
		}
		if r.inner != nil {
			if err := in.create(ctx, tx, r.inner); err != nil && !errors.As(err, new(errIgnored)) {
				return err // what is known already, say, is passed on all the same
			}
		}
		return in.shareFor(ctx, tx, r, cmp.Or(r.fetched, inner.Object.ID))
	case "Update", "Delete":
		return in.changed(ctx, tx, r, inner)
	}
	return ignored("unknown_type")
}

// proven reads what a community passes on, if it holds a valid proof by its actor (FEP-8b32): it counts then
// as if it had come from there. The key may have to be fetched, so this is asked before the transaction.
func (in *Inbox) proven(ctx context.Context, r *received) *received {
	doc := r.Object.Document
	if r.Type != "Announce" || r.actor.Kind != storage.Group || doc == nil {
		return nil
	}
	inner, err := vocab.ParseActivity(doc)
	if err != nil || inner.Type != "Create" && inner.Type != "Update" && inner.Type != "Delete" || sameHosts(inner.Actor, inner.ID) != nil {
		return nil
	}
	host, err := federation.HostOf(inner.Actor)
	if err != nil {
		return nil
	}
	peer, err := in.Node.Peer(ctx, host)
	if err != nil || peer.Refuses(storage.In, storage.CrossPosts) != "" {
		return nil
	}
	signedAt, err := in.Node.Gate.VerifyProof(ctx, doc, inner.Actor)
	if err != nil {
		in.Log.InfoContext(ctx, "announced without a valid proof", "activity", inner.ID, "by", r.actor.URI, "err", err)
		return nil
	}
	actor, err := in.DB.AccountByURI(ctx, inner.Actor)
	if err != nil || !actor.Active() {
		return nil
	}
	return &received{Activity: inner, actor: actor, peer: peer, signedAt: signedAt, body: doc.Raw}
}

// sameHosts says whether an activity speaks of what is its actor's.
func sameHosts(actor string, ids ...string) error {
	host, err := federation.HostOf(actor)
	for _, id := range ids {
		if on, e := federation.HostOf(id); err != nil || e != nil || on != host {
			return ignored("object_elsewhere")
		}
	}
	return nil
}

// shareFor is share for a post that must be in the community that passes it on.
func (in *Inbox) shareFor(ctx context.Context, tx *storage.Tx, r *received, uri string) error {
	p, err := tx.PostByURI(ctx, uri)
	if err == nil {
		var taken bool
		if taken, err = in.takenIn(ctx, tx, r.actor, p); err == nil && !taken {
			return ignored("not_in_community")
		}
	}
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	return in.share(ctx, tx, r, uri)
}

// takenIn says whether a post that a group passes on is in it, and keeps that: the post itself must say
// that it was written for the group, and it must not have been removed.
func (in *Inbox) takenIn(ctx context.Context, tx *storage.Tx, group *storage.Account, p *storage.Post) (bool, error) {
	if group.Kind != storage.Group || !p.DeletedAt.IsZero() || p.ShareOfID != 0 {
		return false, nil
	}
	known, err := tx.CommunityOf(ctx, p.ID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return false, err
	}
	switch {
	case err == nil && known.CommunityID != group.ID, err == nil && known.State == storage.Removed:
		return false, nil
	case err == nil && known.State == storage.InCommunity:
		return true, nil
	case err != nil && !writtenFor(p, group):
		return false, nil
	}
	_, err = tx.PutInCommunity(ctx, p.ID, group.ID, storage.InCommunity)
	return err == nil, err
}

// writtenFor reads from a peer's post, as its own host gave it, whether it is for the group.
func writtenFor(p *storage.Post, group *storage.Account) bool {
	if p.Local() || p.Visibility == storage.Followers || p.Visibility == storage.Direct {
		return false
	}
	doc, err := vocab.Decode([]byte(p.Raw))
	if err != nil {
		return false
	}
	o, err := vocab.ParseObject(doc)
	return err == nil && o.For(group.URI)
}

// changed: a community tells that a post in it was edited, deleted by its author, or taken out of it.
func (in *Inbox) changed(ctx context.Context, tx *storage.Tx, r *received, inner *vocab.Activity) error {
	p, err := tx.PostByURI(ctx, inner.Object.ID)
	if errors.Is(err, storage.ErrNotFound) || err == nil && !p.DeletedAt.IsZero() {
		return ignored("unknown_post")
	}
	if err != nil {
		return err
	}
	at, err := tx.CommunityOf(ctx, p.ID)
	if errors.Is(err, storage.ErrNotFound) || err == nil && at.CommunityID != r.actor.ID {
		return ignored("not_in_community")
	}
	if err != nil {
		return err
	}
	author, err := tx.AccountByID(ctx, p.AuthorID)
	if err != nil {
		return err
	}
	if author.URI == inner.Actor {
		if p.Local() {
			return ignored("known")
		}
		if r.inner != nil {
			if inner.Type == "Delete" {
				return in.delete(ctx, tx, r.inner)
			}
			return in.update(ctx, tx, r.inner)
		}
		return tx.Enqueue(ctx, storage.NewJob{Kind: JobFetch, Key: "again " + p.URI, Host: p.Origin, Args: fetch{URI: p.URI, Again: true}})
	}
	if inner.Type != "Delete" {
		return ignored("not_theirs_to_update")
	}
	// A moderator's act, within the community only: the post stays its author's.
	if _, err := tx.PutInCommunity(ctx, p.ID, r.actor.ID, storage.Removed); err != nil {
		return err
	}
	share, err := tx.ShareBy(ctx, r.actor.ID, p.ID)
	if err != nil {
		return absent(err)
	}
	_, _, err = tx.DeletePost(ctx, share)
	return err
}

// moderated: somebody on a peer deletes what isn't theirs. As a moderator of a community of ours they take
// it out of that community.
func (in *Inbox) moderated(ctx context.Context, tx *storage.Tx, r *received, p *storage.Post) error {
	err := in.Outbox.RemovedByPeer(ctx, tx, r.actor, p, r.body, slices.Concat(r.To, r.Cc))
	if errors.Is(err, outbox.ErrForbidden) {
		return ignored("not_theirs_to_delete")
	}
	return err
}

// rereadPost reads a known post from its host, because somebody else says that it changed or is gone, and
// applies what its host says.
func (in *Inbox) rereadPost(ctx context.Context, job *storage.Job, uri string) error {
	o, author, err := in.Node.Reread(ctx, uri)
	var status *federation.StatusError
	gone := errors.As(err, &status) && (status.Status == http.StatusNotFound || status.Status == http.StatusGone)
	if err != nil && !gone {
		return fetchOutcome(in, ctx, uri, err)
	}
	peer, err := in.Node.Peer(ctx, job.Host)
	if err != nil {
		return fetchOutcome(in, ctx, uri, err)
	}
	err = in.DB.Update(ctx, func(tx *storage.Tx) error {
		p, err := tx.PostByURI(ctx, uri)
		if err != nil || !p.DeletedAt.IsZero() {
			return absent(err)
		}
		if gone {
			_, blobs, err := tx.DeletePost(ctx, p)
			if err != nil {
				return err
			}
			return outbox.ForgetMedia(ctx, tx, blobs)
		}
		r := &received{Activity: &vocab.Activity{ID: p.ActivityURI, Type: "Update"}, actor: author, peer: peer, signedAt: o.Updated}
		return in.edited(ctx, tx, r, o)
	})
	var none errIgnored
	if errors.As(err, &none) {
		in.Refused(none.reason)
		return nil
	}
	if err != nil {
		return err
	}
	if err := in.DB.Update(ctx, func(tx *storage.Tx) error { return tx.FinishJob(ctx, job) }); err != nil {
		return err
	}
	return queue.ErrFinished
}
