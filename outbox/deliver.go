package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"ruche/federation"
	"ruche/federation/vocab"
	"ruche/storage"
	"ruche/storage/queue"
)

// A delivery is a job's arguments: whose activity goes to which inbox. The body is the job's own;
// the signature is made when it is sent.
type delivery struct {
	Inbox  string `json:"inbox"`
	Actor  int64  `json:"actor"`
	Shared bool   `json:"shared,omitempty"`
	Post   int64  `json:"post,omitempty"`
	// Sync: it is for followers alone, so their list is compared with the receiver's (FEP-8fcf).
	Sync bool `json:"sync,omitempty"`
	// What is asked of the peer's policy again when it is sent.
	What storage.Crossing `json:"what,omitempty"`
	// Forwarded: what somebody else wrote, as it came. A server that can't verify whose it is refuses it.
	Forwarded bool `json:"forwarded,omitempty"`
}

func laneKey(host string, actor int64) string { return host + " " + strconv.FormatInt(actor, 10) }

// send queues an activity that is the same for every peer.
func (o *Outbox) send(ctx context.Context, tx *storage.Tx, what storage.Crossing, actor *storage.Account, body []byte, targets ...storage.InboxTarget) error {
	return o.sendWritten(ctx, tx, what, actor, nil, targets, func(variant) ([]byte, error) { return body, nil })
}

// A variant is how an activity is written for some of the peers.
type variant struct {
	how storage.Addressing
	// bare: without attachments, which the peer's policy keeps here.
	bare bool
}

func (v variant) of(parts vocab.NoteParts) vocab.NoteParts {
	if v.bare {
		parts.Media = nil
	}
	return parts
}

// sendWritten queues an activity about a post: one job per inbox, to the peers that their policy and the
// post's circle include. write is called once per variant; what gives nil isn't for those peers.
func (o *Outbox) sendWritten(ctx context.Context, tx *storage.Tx, what storage.Crossing, actor *storage.Account, post *storage.Post, targets []storage.InboxTarget, write func(variant) ([]byte, error)) error {
	return o.sendLike(ctx, tx, delivery{What: what}, actor, post, targets, write)
}

// sendLike is sendWritten for deliveries that have more in common than actor and post: what like says.
func (o *Outbox) sendLike(ctx context.Context, tx *storage.Tx, like delivery, actor *storage.Account, post *storage.Post, targets []storage.InboxTarget, write func(variant) ([]byte, error)) error {
	hosts := make([]string, 0, len(targets))
	for _, t := range targets {
		hosts = append(hosts, t.Peer)
	}
	peers, err := tx.PeersByHost(ctx, hosts)
	if err != nil {
		return err
	}
	bodies := map[variant]int64{}
	seen := map[string]bool{}
	var jobs []storage.NewJob
	var reached []string
	for _, t := range targets {
		peer := peers[t.Peer]
		if seen[t.Inbox] || peer.Refuses(storage.Out, like.What) != "" {
			continue
		}
		seen[t.Inbox] = true
		v := variant{how: storage.Openly}
		if post != nil {
			v.how = storage.InCircle(post, peer)
			v.bare = peer.Refuses(storage.Out, storage.CrossMedia) != "" && like.What != storage.CrossTakeback
		}
		if v.how == storage.NotForPeer {
			continue
		}
		if _, written := bodies[v]; !written {
			body, err := write(v)
			if err != nil {
				return err
			}
			if body == nil {
				bodies[v] = 0
				continue
			}
			if body, err = prove(ctx, tx, actor, body); err != nil {
				return err
			}
			if bodies[v], err = tx.AddBody(ctx, body); err != nil {
				return err
			}
		}
		if bodies[v] == 0 {
			continue
		}
		args := like
		args.Inbox, args.Actor, args.Shared = t.Inbox, actor.ID, t.Shared
		if post != nil {
			args.Post = post.ID
			args.Sync = actor.ID == post.AuthorID && (post.Visibility == storage.Followers || v.how == storage.ToFollowers && post.Visibility != storage.Direct && post.Visibility != storage.Members)
			reached = append(reached, t.Peer)
		}
		jobs = append(jobs, storage.NewJob{Kind: JobDeliver, Key: laneKey(t.Peer, actor.ID), Host: t.Peer, Args: args, BodyID: bodies[v]})
	}
	if len(jobs) == 0 {
		return nil
	}
	if post != nil {
		if err := tx.AddReach(ctx, post.ID, reached...); err != nil {
			return err
		}
	}
	return tx.Enqueue(ctx, jobs...)
}

// inboxOf is where one remote account is reached: its server's shared inbox, or its own.
func inboxOf(a *storage.Account) storage.InboxTarget {
	if a.SharedInboxURI != "" {
		return storage.InboxTarget{Peer: a.Peer, Inbox: a.SharedInboxURI, Shared: true}
	}
	return storage.InboxTarget{Peer: a.Peer, Inbox: a.InboxURI}
}

// Deliver carries out one delivery. What is tried again and what is buried: docs/architecture.md.
func (o *Outbox) Deliver(ctx context.Context, job *storage.Job) error {
	var d delivery
	if err := json.Unmarshal([]byte(job.Args), &d); err != nil {
		return queue.Permanent(fmt.Errorf("read delivery: %w", err))
	}
	// A peer may have been removed since this was queued.
	peer, err := o.DB.PeerByHost(ctx, job.Host)
	if errors.Is(err, storage.ErrNotFound) {
		return queue.ErrPark
	}
	if err != nil {
		return err
	}
	if !peer.Active() {
		return queue.ErrPark // the purge buries what a blocked peer didn't get
	}
	if reason := peer.Refuses(storage.Out, d.What); reason != "" {
		return queue.Permanent(fmt.Errorf("the policy of %s changed: %s", job.Host, reason))
	}
	actor, err := o.DB.AccountByID(ctx, d.Actor)
	if err != nil {
		return queue.Permanent(err)
	}
	key, err := federation.ParsePrivateKey(actor.PrivateKey)
	if err != nil {
		return queue.Permanent(fmt.Errorf("key of %s: %w", actor.Username, err))
	}
	var sync string
	if d.Sync {
		said, ok, err := o.Resolver.Synchronization(ctx, actor, job.Host)
		if err != nil {
			return err
		}
		if ok {
			sync = said.String()
		}
	}
	result, err := o.Client.Post(ctx, d.Inbox, job.Body, func(r *http.Request) error {
		if sync != "" {
			r.Header.Set(federation.SyncHeader, sync)
		}
		return federation.Sign(r, job.Body, actor.KeyID, key, o.DB.Now())
	})
	if err != nil {
		return &queue.HostError{Err: err}
	}
	switch s := result.Status; {
	case s >= 200 && s < 300:
		return nil
	case d.Forwarded && (s == http.StatusUnauthorized || s == http.StatusForbidden):
		// It says so of this activity, not of us: what our own people write must not wait behind it.
		return queue.Permanent(fmt.Errorf("%s takes nothing forwarded that it can't verify: %d %s", job.Host, s, result.Body))
	case s == http.StatusUnauthorized, s == http.StatusForbidden:
		return &queue.HostError{Err: fmt.Errorf("%s refuses us: %d %s", job.Host, s, result.Body), Answered: true, Refusing: true}
	case s == http.StatusRequestTimeout, s == http.StatusTooManyRequests, s >= 500:
		return &queue.HostError{Err: fmt.Errorf("%s answered %d", job.Host, s), Answered: true, After: result.RetryAfter}
	case d.Shared && (s == http.StatusNotFound || s == http.StatusGone):
		return o.personally(ctx, job, d)
	default:
		return queue.Permanent(fmt.Errorf("%s answered %d: %s", job.Host, s, result.Body))
	}
}

// personally sends to each one's own inbox what a shared inbox no longer takes.
func (o *Outbox) personally(ctx context.Context, job *storage.Job, d delivery) error {
	err := o.DB.Update(ctx, func(tx *storage.Tx) error {
		inboxes, err := tx.PersonalInboxes(ctx, d.Actor, d.Post, job.Host)
		if err != nil {
			return err
		}
		jobs := make([]storage.NewJob, len(inboxes))
		for i, inbox := range inboxes {
			jobs[i] = storage.NewJob{Kind: JobDeliver, Key: job.OrderKey, Host: job.Host, Args: delivery{Inbox: inbox, Actor: d.Actor, Post: d.Post, What: d.What, Forwarded: d.Forwarded}, BodyID: job.BodyID}
		}
		if err := tx.Enqueue(ctx, jobs...); err != nil {
			return err
		}
		return tx.FinishJob(ctx, job)
	})
	if err != nil {
		return err
	}
	return queue.ErrFinished
}

// forgetMedia removes bytes whose rows are gone.
func (o *Outbox) forgetMedia(ctx context.Context, job *storage.Job) error {
	var keys []string
	if err := json.Unmarshal([]byte(job.Args), &keys); err != nil {
		return queue.Permanent(err)
	}
	for _, key := range keys {
		if err := o.Blobs.Delete(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

// ForgetMedia queues the removal of bytes whose rows go in this transaction.
func ForgetMedia(ctx context.Context, tx *storage.Tx, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	return tx.Enqueue(ctx, storage.NewJob{Kind: JobForgetMedia, Args: keys})
}
