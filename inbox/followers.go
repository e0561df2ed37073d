package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"ruche/federation"
	"ruche/storage"
	"ruche/storage/queue"
)

// syncPause is how often an account's followers here are compared with its node's list, at most: a
// digest that lies costs its sender's node one list in that time.
const syncPause = 10 * time.Minute

// maxMended bounds the follows that one comparison ends.
const maxMended = 1000

// comparison is a job's arguments: what an account's node says of its followers here.
type comparison struct {
	Account int64  `json:"account"`
	URL     string `json:"url"`
	Digest  string `json:"digest"`
}

// compareFollowers looks at the header by which an account's node tells whom of us it counts among its
// followers (FEP-8fcf), and queues the reading of the list where we count otherwise. A header that
// isn't as it must be is nothing.
func (in *Inbox) compareFollowers(ctx context.Context, tx *storage.Tx, r *http.Request, signer *federation.Signer, actor *storage.Account) error {
	headers := r.Header.Values(federation.SyncHeader)
	if len(headers) != 1 || !signer.Covers(federation.SyncHeader) || actor.FollowersURI == "" {
		return nil
	}
	said, err := federation.ParseSynchronization(headers[0])
	if err != nil || said.Collection != actor.FollowersURI {
		return nil
	}
	if host, err := federation.HostOf(said.URL); err != nil || host != signer.Host {
		return nil
	}
	ours, _, err := tx.FollowerURIs(ctx, actor.ID, "", storage.Page{Limit: maxLocalFollowers})
	if err != nil || federation.FollowersDigest(ours) == said.Digest {
		return err
	}
	if begun, err := tx.BeginSync(ctx, actor.ID, syncPause); err != nil || !begun {
		return err
	}
	return tx.Enqueue(ctx, storage.NewJob{Kind: JobFollowers, Host: signer.Host, Key: "followers " + actor.URI, Args: comparison{actor.ID, said.URL, said.Digest}})
}

// maxLocalFollowers is more than a node has people.
const maxLocalFollowers = 1 << 20

// Followers reads who an account's node believes to follow it from here, and mends what differs: it is
// told to forget those who don't, and where its list is the one whose digest it announced, our people
// stop following whom they aren't on the list of.
func (in *Inbox) Followers(ctx context.Context, job *storage.Job) error {
	var c comparison
	if err := json.Unmarshal([]byte(job.Args), &c); err != nil {
		return queue.Permanent(fmt.Errorf("read job: %w", err))
	}
	actor, err := in.DB.AccountByID(ctx, c.Account)
	if errors.Is(err, storage.ErrNotFound) || err == nil && !actor.Active() {
		return nil
	}
	if err != nil {
		return err
	}
	listed, whole, err := in.Node.FollowersHere(ctx, c.URL)
	if err != nil {
		return fetchOutcome(in, ctx, c.URL, err)
	}
	err = in.DB.Update(ctx, func(tx *storage.Tx) error {
		follows, err := tx.LocalFollowsOf(ctx, actor.ID)
		if err != nil {
			return err
		}
		if err := in.forgetStrangers(ctx, tx, actor, listed, follows); err != nil {
			return err
		}
		if whole && federation.FollowersDigest(listed) == c.Digest {
			if err := in.endUnlisted(ctx, tx, actor, listed, follows); err != nil {
				return err
			}
		}
		return tx.FinishJob(ctx, job)
	})
	if err != nil {
		return err
	}
	return queue.ErrFinished
}

// forgetStrangers takes back the follows that the account's node believes in and nobody here knows of.
func (in *Inbox) forgetStrangers(ctx context.Context, tx *storage.Tx, actor *storage.Account, listed []string, follows []*storage.LocalFollow) error {
	strangers := slices.DeleteFunc(slices.Clone(listed), func(uri string) bool {
		return slices.ContainsFunc(follows, func(f *storage.LocalFollow) bool { return f.FollowerURI == uri })
	})
	people, err := tx.LocalByURIs(ctx, strangers[:min(len(strangers), maxMended)])
	if err != nil {
		return err
	}
	for _, p := range people {
		if err := in.Outbox.DisownFollow(ctx, tx, p, actor); err != nil {
			return err
		}
	}
	return nil
}

func (in *Inbox) endUnlisted(ctx context.Context, tx *storage.Tx, actor *storage.Account, listed []string, follows []*storage.LocalFollow) error {
	for _, f := range follows {
		if f.State != storage.Accepted || slices.Contains(listed, f.FollowerURI) {
			continue
		}
		in.Log.InfoContext(ctx, "a follow ended that its peer had lost", "host", actor.Peer)
		if _, err := tx.RemoveFollow(ctx, &f.Follow); err != nil {
			return err
		}
	}
	return nil
}
