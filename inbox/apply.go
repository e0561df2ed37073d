package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"ruche/federation"
	"ruche/federation/vocab"
	"ruche/storage"
	"ruche/storage/queue"
)

// received is one activity of a known, verified actor.
type received struct {
	*vocab.Activity
	actor    *storage.Account
	peer     *storage.Peer
	signedAt time.Time
	body     []byte // as it came, for passing it on
	fetched  string // the id of the post that was read for it, if one had to be
	// inner is what a community passes on, where its actor's own proof holds.
	inner *received
	// profile is the actor's own new document, translated before the transaction; Update only.
	profile *storage.Account
}

// errIgnored is what a handler answers when the activity has no effect: it undoes the
// transaction, is counted by its reason, and is not an error of ours.
type errIgnored struct{ reason string }

func (e errIgnored) Error() string { return e.reason }

func ignored(reason string) error { return errIgnored{reason} }

type handler func(in *Inbox, ctx context.Context, tx *storage.Tx, r *received) error

var handlers = map[string]handler{
	"Follow":   (*Inbox).follow,
	"Accept":   (*Inbox).accept,
	"Reject":   (*Inbox).reject,
	"Undo":     (*Inbox).undo,
	"Create":   (*Inbox).create,
	"Update":   (*Inbox).update,
	"Delete":   (*Inbox).delete,
	"Announce": (*Inbox).announce,
	"Like":     (*Inbox).like,
	"Move":     (*Inbox).move,
	"Block":    (*Inbox).block,
	"Flag":     (*Inbox).flag,
	"Add":      (*Inbox).add,
	"Remove":   (*Inbox).remove,
	// A face is thanks too; which face stays with its own server.
	vocab.EmojiReactType:   (*Inbox).like,
	vocab.QuoteRequestType: (*Inbox).quoteRequest,
}

// Apply carries out a received activity.
func (in *Inbox) Apply(ctx context.Context, job *storage.Job) error {
	r, err := in.prepare(ctx, job)
	if err == nil {
		err = in.DB.Update(ctx, func(tx *storage.Tx) error {
			if err := handlers[r.Type](in, ctx, tx, r); err != nil {
				return err
			}
			return tx.FinishJob(ctx, job)
		})
	}
	var none errIgnored
	switch {
	case err == nil:
		return queue.ErrFinished
	case errors.As(err, &none):
		in.Refused(none.reason)
		id := ""
		if r != nil {
			id = r.ID
		}
		in.Log.InfoContext(ctx, "activity without effect", "reason", none.reason, "activity", id)
		return nil
	}
	return err
}

// prepare reads the job and does, before the transaction, what may need the network.
func (in *Inbox) prepare(ctx context.Context, job *storage.Job) (*received, error) {
	var e envelope
	if err := json.Unmarshal([]byte(job.Args), &e); err != nil {
		return nil, queue.Permanent(fmt.Errorf("read job: %w", err))
	}
	doc, err := vocab.Decode(job.Body)
	if err != nil {
		return nil, queue.Permanent(err)
	}
	a, err := vocab.ParseActivity(doc)
	if err != nil {
		return nil, queue.Permanent(err)
	}
	r := &received{Activity: a, signedAt: e.SignedAt, body: job.Body, fetched: e.Object}
	if handlers[a.Type] == nil {
		return r, ignored("unknown_type")
	}
	if r.actor, err = in.DB.AccountByURI(ctx, a.Actor); err != nil {
		return r, queue.Permanent(err)
	}
	// The peer may have been removed, or its policy changed, since it was let in.
	peer, err := in.Node.Peer(ctx, r.actor.Peer)
	if errors.Is(err, federation.ErrNotPeer) {
		return r, ignored("no_longer_a_peer")
	}
	if err != nil {
		return r, err
	}
	if reason := peer.Refuses(storage.In, crossing(a, r.actor)); reason != "" {
		return r, ignored(reason)
	}
	r.peer = peer
	r.inner = in.proven(ctx, r)
	if a.Type == "Update" && a.Object.ID == a.Actor && a.Object.Document != nil {
		actor, err := vocab.ParseActor(a.Object.Document)
		if err != nil {
			return r, ignored("malformed_profile")
		}
		if r.profile, err = in.Node.TranslateActor(ctx, actor); err != nil {
			return r, ignored("untrusted_profile")
		}
	}
	return r, nil
}

// crossing is what kind of thing an activity brings, for the peer's policy.
func crossing(a *vocab.Activity, actor *storage.Account) storage.Crossing {
	switch a.Type {
	case "Follow":
		return storage.CrossFollows
	case "Delete", "Undo", "Reject":
		return storage.CrossTakeback
	case "Create", "Announce", "Update":
		if a.Object.ID == a.Actor {
			return storage.CrossAlways // a profile
		}
		if actor.Kind == storage.Group {
			return storage.CrossCommunities
		}
		if a.Type == "Announce" {
			return storage.CrossShares
		}
		if a.Visibility(actor.FollowersURI) == storage.Direct && (len(a.To) > 0 || len(a.Cc) > 0) {
			if o, err := embedded(a); err == nil && looksLikeVote(o) {
				return storage.CrossAlways // what turns out to be a word after all is asked again by create
			}
			return storage.CrossDirect
		}
		return storage.CrossPosts
	}
	return storage.CrossAlways
}

// embedded reads what is embedded, before anything is known of it.
func embedded(a *vocab.Activity) (*vocab.Object, error) {
	if a.Object.Document == nil {
		return nil, vocab.ErrMalformed
	}
	return vocab.ParseObject(a.Object.Document)
}

// ended says whether an activity was undone before: late and replayed ones stay dead. A Follow
// may use its id again, if it was signed after what ended it (PROTOCOL 6.5).
func (in *Inbox) ended(ctx context.Context, tx *storage.Tx, uri string) (bool, error) {
	_, dead, err := tx.ActivityEnded(ctx, uri)
	return dead, err
}

// onActorsHost says whether an id that an actor speaks about is on its own host.
func onActorsHost(r *received, uri string) bool {
	host, err := federation.HostOf(uri)
	return err == nil && host == r.actor.Peer
}
