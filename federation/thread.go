package federation

import (
	"context"
	"errors"
	"strings"

	"ruche/federation/vocab"
	"ruche/storage"
	"ruche/storage/queue"
)

// JobThread is the kind of the jobs that complete conversations: threadwalk.go carries them out.
const JobThread = "thread"

// Register tells the queue who completes conversations.
func (n *Node) Register(q *queue.Queue) { q.Handle(JobThread, n.walkThread) }

// How far one walk goes. What all walks of a conversation may spend is storage's to count.
const (
	threadUp    = 50  // posts upwards from where it began
	threadDown  = 20  // levels of answers
	threadPages = 10  // of one collection
	threadItems = 200 // of one collection
	threadKnown = 50  // posts that we have already, whose answers are asked for again
	maxThreadID = 2048
)

// threadWork is a job's arguments: what one walk wants from one host.
type threadWork struct {
	Thread int64        `json:"thread"` // the first post that was known when the walk began
	Run    int64        `json:"run"`
	Items  []threadItem `json:"items"`
}

// Kinds of threadItem.
const (
	wantParent  = "parent"
	wantReply   = "reply"
	wantReplies = "replies" // the collection of answers to a post
	wantContext = "context" // the collection of a whole conversation (FEP-7888)
)

// A threadItem is one thing to fetch.
type threadItem struct {
	URI   string `json:"uri"`
	Kind  string `json:"kind"`
	Of    int64  `json:"of"`           // the post here beside which it is missing
	In    string `json:"in,omitempty"` // for a reply: what it must answer, or the conversation that it must be in
	Depth int    `json:"depth,omitempty"`
}

func (i threadItem) above() bool { return i.Kind == wantParent }

// WantParent is called when a peer's post has arrived that answers something unknown here: it begins
// a walk up, or remembers why there can be none. It belongs to the act that stored the post.
func (n *Node) WantParent(ctx context.Context, tx *storage.Tx, p *storage.Post) error {
	items, err := n.parentItem(ctx, tx, p, 0)
	if err != nil || len(items) == 0 {
		return err
	}
	run, err := tx.StartThread(ctx, p.ID, p.Origin)
	if err != nil {
		return err
	}
	if run == 0 { // its host has made us ask enough; whoever opens the conversation asks again
		return tx.NoteGap(ctx, p.ID, p.InReplyToURI, true, storage.GapNoAnswer)
	}
	return n.enqueueThread(ctx, tx, p.ID, run, items)
}

// OpenThread is called when somebody opens a conversation: unless that was done a moment ago, its
// missing beginnings and the answers that peers know of are asked for, in the background.
func (n *Node) OpenThread(ctx context.Context, p *storage.Post) error {
	root, err := n.DB.ThreadRoot(ctx, p.ID)
	if err != nil {
		return err
	}
	if due, err := n.DB.ThreadDue(ctx, root.ID); err != nil || !due {
		return err
	}
	known, err := n.DB.RemoteInThread(ctx, root.ID, threadKnown)
	if err != nil {
		return err
	}
	if len(known) == 0 && (root.Local() || root.InReplyToURI == "") {
		return nil
	}
	return n.DB.Update(ctx, func(tx *storage.Tx) error {
		run, err := tx.StartThread(ctx, root.ID, "")
		if err != nil || run == 0 {
			return err
		}
		items, err := n.parentItem(ctx, tx, root, 0)
		if err != nil {
			return err
		}
		ids := make([]int64, len(known))
		for i, p := range known {
			ids[i] = p.ID
			items = append(items, repliesItem(p, 0)...)
		}
		if !root.Local() && root.Context != "" {
			items = append(items, threadItem{URI: root.Context, Kind: wantContext, Of: root.ID})
		}
		if err := tx.ForgetGaps(ctx, ids); err != nil {
			return err
		}
		return n.enqueueThread(ctx, tx, root.ID, run, items)
	})
}

// parentItem is what a post answers, where that isn't here but can be asked for.
func (n *Node) parentItem(ctx context.Context, tx *storage.Tx, p *storage.Post, depth int) ([]threadItem, error) {
	if p.InReplyToID != 0 || p.InReplyToURI == "" || len(p.InReplyToURI) > maxThreadID {
		return nil, nil
	}
	if parent, err := tx.PostByURI(ctx, p.InReplyToURI); err == nil && !parent.DeletedAt.IsZero() {
		return nil, tx.NoteGap(ctx, p.ID, p.InReplyToURI, true, storage.GapGone)
	} else if err == nil || !errors.Is(err, storage.ErrNotFound) {
		return nil, err // here after all: a circle that adoptReplies left open
	}
	if depth >= threadUp {
		return nil, tx.NoteGap(ctx, p.ID, p.InReplyToURI, true, storage.GapTooMuch)
	}
	return []threadItem{{URI: p.InReplyToURI, Kind: wantParent, Of: p.ID, Depth: depth}}, nil
}

// repliesItem is the collection of answers that a peer's post names, as its server wrote it.
func repliesItem(p *storage.Post, depth int) []threadItem {
	if p.Local() || p.Raw == "" || depth >= threadDown {
		return nil
	}
	doc, err := vocab.Decode([]byte(p.Raw))
	if err != nil {
		return nil
	}
	o, err := vocab.ParseObject(doc)
	if err != nil || o.Replies.ID == "" || sameHost(o.Replies.ID, p.URI) != nil {
		return nil
	}
	return []threadItem{{URI: o.Replies.ID, Kind: wantReplies, Of: p.ID, In: p.URI, Depth: depth}}
}

// enqueueThread gives each host's part of a walk to a job in the lane of that host. What can't be
// asked for is remembered with its reason; the rest is "not answered yet" until it is.
func (n *Node) enqueueThread(ctx context.Context, tx *storage.Tx, thread, run int64, items []threadItem) error {
	byHost := map[string][]threadItem{}
	var hosts []string
	for _, item := range items {
		host, err := HostOf(item.URI)
		reason := storage.GapNoAnswer
		switch {
		case err != nil && item.Kind == wantContext:
			continue // a tag: URI, say, which is only a name
		case err != nil:
			reason = storage.GapUnreadable
		case host == n.Host:
			reason = storage.GapGone // ours are all here
		default:
			if err := n.Permit(ctx, host); errors.Is(err, ErrNotPeer) {
				reason = storage.GapNotLinked
			} else if err != nil {
				return err
			}
		}
		if item.Kind == wantParent || item.Kind == wantReply {
			if err := tx.NoteGap(ctx, item.Of, item.URI, item.above(), reason); err != nil {
				return err
			}
		}
		if reason != storage.GapNoAnswer {
			continue
		}
		if byHost[host] == nil {
			hosts = append(hosts, host)
		}
		byHost[host] = append(byHost[host], item)
	}
	jobs := make([]storage.NewJob, len(hosts))
	for i, host := range hosts {
		jobs[i] = storage.NewJob{Kind: JobThread, Host: host, Args: threadWork{Thread: thread, Run: run, Items: byHost[host]}}
	}
	if len(jobs) == 0 {
		return nil
	}
	return tx.Enqueue(ctx, jobs...)
}

// threadKey makes two spellings of one id one, for remembering what was asked.
func threadKey(uri string) string {
	uri, _, _ = strings.Cut(uri, "#")
	return uri
}
