package inbox

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"ruche/federation"
	"ruche/federation/vocab"
	"ruche/storage"
	"ruche/storage/queue"
)

// announce: somebody on a peer shares a post. Of the embedded object only the id counts: its
// words come from its own host.
func (in *Inbox) announce(ctx context.Context, tx *storage.Tx, r *received) error {
	if inner := r.Object.Document; inner != nil && vocab.IsActivity(inner.Type()) {
		return in.announced(ctx, tx, r, inner)
	}
	return in.share(ctx, tx, r, cmp.Or(r.fetched, r.Object.ID))
}

// share keeps that the actor passes on the post with that id, after its reading where it isn't here.
func (in *Inbox) share(ctx context.Context, tx *storage.Tx, r *received, uri string) error {
	for _, id := range []string{r.ID, uri} {
		if dead, err := in.ended(ctx, tx, id); err != nil {
			return err
		} else if dead {
			return ignored("ended")
		}
	}
	original, err := tx.PostByURI(ctx, uri)
	if errors.Is(err, storage.ErrNotFound) {
		return in.fetchShared(ctx, tx, r, uri)
	}
	if err != nil {
		return err
	}
	taken, err := in.takenIn(ctx, tx, r.actor, original)
	if err != nil {
		return err
	}
	public := original.Visibility == storage.Public || original.Visibility == storage.Unlisted
	if !original.DeletedAt.IsZero() || original.ShareOfID != 0 || !public && !(taken && original.Visibility == storage.Members) {
		return ignored("not_to_be_shared")
	}
	if original.Local() {
		// A peer can share only what it can have read.
		how, err := tx.PeerSees(ctx, original, r.actor.Peer)
		if err != nil {
			return err
		}
		if how == storage.NotForPeer {
			return ignored("not_to_be_shared")
		}
	}
	if _, err := tx.ShareBy(ctx, r.actor.ID, original.ID); err == nil {
		return ignored("known")
	} else if !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	visibility := r.Visibility(r.actor.FollowersURI)
	if visibility == storage.Direct || !public {
		visibility = storage.Followers
	}
	share := &storage.NewPost{Post: storage.Post{
		AuthorID: r.actor.ID, Origin: r.actor.Peer, URI: r.ID, ActivityURI: r.ID, ShareOfID: original.ID,
		Visibility: visibility, Circle: original.Circle, PublishedAt: r.Published,
	}}
	added, err := tx.AddPost(ctx, share)
	if err == nil && !added {
		return ignored("known")
	}
	return err
}

// fetchShared queues the reading of a shared post in the lane of its own host; the share is
// applied after that.
func (in *Inbox) fetchShared(ctx context.Context, tx *storage.Tx, r *received, uri string) error {
	host, err := federation.HostOf(uri)
	if err != nil || host == in.Node.Host || r.fetched != "" {
		return ignored("unknown_post")
	}
	if err := in.Node.Permit(ctx, host); errors.Is(err, federation.ErrNotPeer) {
		return ignored("shared_from_stranger")
	} else if err != nil {
		return err
	}
	return tx.Enqueue(ctx, storage.NewJob{Kind: JobFetch, Key: "fetch " + r.ID, Host: host, Args: fetch{URI: uri, Then: true, SignedAt: r.signedAt}, Body: r.Raw})
}

// fetch is a job's arguments: what to read, and whether its body is an activity that waits for it.
type fetch struct {
	URI      string    `json:"uri"`
	Then     bool      `json:"then,omitempty"`
	Again    bool      `json:"again,omitempty"` // it is known here, and said to have changed
	SignedAt time.Time `json:"signed_at,omitzero"`
}

// Fetch reads a post from its host, then applies the share that waited for it.
func (in *Inbox) Fetch(ctx context.Context, job *storage.Job) error {
	var f fetch
	if err := json.Unmarshal([]byte(job.Args), &f); err != nil {
		return queue.Permanent(fmt.Errorf("read job: %w", err))
	}
	if f.Again {
		return in.rereadPost(ctx, job, f.URI)
	}
	p, err := in.Node.Post(ctx, f.URI)
	if err != nil {
		return fetchOutcome(in, ctx, f.URI, err)
	}
	if err := in.DB.Update(ctx, func(tx *storage.Tx) error { return in.checkQuote(ctx, tx, p.ID, 1) }); err != nil {
		return err
	}
	if !f.Then {
		return nil
	}
	// Its id may be another than the one that was asked for: a page, say. Applied by that one, the
	// share would be fetched for again, and again.
	args, err := json.Marshal(envelope{SignedAt: f.SignedAt, Object: p.URI})
	if err != nil {
		return queue.Permanent(err)
	}
	then := *job
	then.Args = string(args)
	return in.Apply(ctx, &then)
}

// fetchOutcome says what becomes of a job whose fetch failed.
func fetchOutcome(in *Inbox, ctx context.Context, uri string, err error) error {
	var status *federation.StatusError
	switch {
	case errors.Is(err, federation.ErrNotPeer), errors.Is(err, storage.ErrNotFound), errors.Is(err, federation.ErrUntrusted),
		errors.Is(err, federation.ErrMediaType), errors.Is(err, federation.ErrTooLarge), errors.Is(err, vocab.ErrMalformed):
		in.Refused("not_fetched")
		in.Log.InfoContext(ctx, "a post was not fetched", "uri", uri, "err", err)
		return nil
	case errors.As(err, &status) && status.Status < 500 && status.Status != http.StatusTooManyRequests && status.Status != http.StatusRequestTimeout:
		in.Refused("not_fetched")
		in.Log.InfoContext(ctx, "a post was not fetched", "uri", uri, "err", err)
		return nil
	}
	return &queue.HostError{Err: err, Answered: status != nil}
}
