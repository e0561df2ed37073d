package federation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"ruche/federation/vocab"
	"ruche/storage"
	"ruche/storage/queue"
)

// threadStep is how long one job may walk on one host: a host that drips keeps a slot no longer.
const threadStep = 2 * time.Minute

var (
	errUnrelated = errors.New("not of this conversation")
	errSpent     = errors.New("the walk may spend no more")
)

// walk is one job: it fetches from one host and leaves what it finds elsewhere to other jobs.
type walk struct {
	*Node
	host  string
	work  threadWork
	todo  []threadItem
	later []threadItem
	asked map[string]bool
	spent string // why nothing more may be spent
}

// walkThread carries out a JobThread. Running it again finds what it fetched before and goes on.
func (n *Node) walkThread(ctx context.Context, job *storage.Job) error {
	w := &walk{Node: n, host: job.Host, asked: map[string]bool{}}
	if err := json.Unmarshal([]byte(job.Args), &w.work); err != nil {
		return queue.Permanent(fmt.Errorf("read job: %w", err))
	}
	// A peer may have been removed since this was queued.
	if err := n.Permit(ctx, job.Host); errors.Is(err, ErrNotPeer) {
		w.later, w.work.Items = w.work.Items, nil // to be remembered as such
	} else if err != nil {
		return err
	}
	w.todo = w.work.Items
	step, cancel := context.WithTimeout(ctx, threadStep)
	defer cancel()
	failed := w.walk(step)
	if ctx.Err() != nil {
		return ctx.Err() // the node stops
	}
	err := n.DB.Update(ctx, func(tx *storage.Tx) error {
		if err := n.enqueueThread(ctx, tx, w.work.Thread, w.work.Run, w.later); err != nil {
			return err
		}
		for _, left := range w.todo {
			if err := noteGap(ctx, tx, left, reasonOr(w.spent, storage.GapNoAnswer)); err != nil {
				return err
			}
		}
		if failed != nil {
			return nil
		}
		return tx.FinishJob(ctx, job)
	})
	if err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	return queue.ErrFinished
}

// noteGap remembers why an item isn't here. A list that was not read, or not to its end, is a gap
// only where that is our doing: many servers keep their lists to themselves.
func noteGap(ctx context.Context, tx *storage.Tx, item threadItem, reason string) error {
	if item.Kind == wantParent || item.Kind == wantReply || reason == storage.GapTooMuch {
		return tx.NoteGap(ctx, item.Of, item.URI, item.above(), reason)
	}
	return nil
}

func reasonOr(reason, otherwise string) string {
	if reason == "" {
		return otherwise
	}
	return reason
}

// walk works through what is to do. An error is the host's: nothing more will be had there just now.
func (w *walk) walk(ctx context.Context) error {
	for len(w.todo) > 0 {
		item := w.todo[0]
		if host, err := HostOf(item.URI); err != nil || host != w.host {
			w.todo, w.later = w.todo[1:], append(w.later, item)
			continue
		}
		if w.asked[threadKey(item.URI)] {
			w.todo = w.todo[1:]
			continue
		}
		w.asked[threadKey(item.URI)] = true
		more, err := w.one(ctx, item)
		if errors.Is(err, errSpent) {
			w.todo = append(w.todo, more...)
			return nil // what is left is remembered as too much
		}
		if err != nil {
			return err
		}
		w.todo = w.todo[1:]
		// Upwards first: a beginning is worth more than one more answer.
		if len(more) > 0 && more[0].Kind == wantParent {
			w.todo, more = append([]threadItem{more[0]}, w.todo...), more[1:]
		}
		w.todo = append(w.todo, more...)
	}
	return nil
}

func (w *walk) one(ctx context.Context, item threadItem) ([]threadItem, error) {
	if item.Kind == wantReplies || item.Kind == wantContext {
		return w.collection(ctx, item)
	}
	known, err := w.DB.PostByURI(ctx, item.URI)
	if err == nil {
		if !known.DeletedAt.IsZero() {
			return nil, w.note(ctx, item, storage.GapGone)
		}
		if err := w.unnote(ctx, item); err != nil {
			return nil, err
		}
		return w.around(ctx, known, item)
	}
	if !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	if err := w.spend(ctx); err != nil {
		return nil, err
	}
	p, err := w.fetchPost(ctx, item.URI, func(o *vocab.Object) error {
		if item.Kind == wantReply && o.InReplyTo != item.In && (o.Context == "" || o.Context != item.In) {
			return errUnrelated // what a collection names must say the same of itself
		}
		return nil
	})
	if err != nil {
		return nil, w.failed(ctx, item, err)
	}
	if err := w.DB.Update(ctx, func(tx *storage.Tx) error {
		if err := tx.ForgetPart(ctx, item.Of, item.URI); err != nil { // its id may be another
			return err
		}
		return tx.CountOnThread(ctx, w.work.Thread, w.work.Run, 1, len(p.Raw))
	}); err != nil {
		return nil, err
	}
	return w.around(ctx, p, item)
}

// around is what a post that is here now points to: what it answers, and who answers it.
func (w *walk) around(ctx context.Context, p *storage.Post, item threadItem) ([]threadItem, error) {
	var more []threadItem
	if item.Kind == wantParent {
		err := w.DB.Update(ctx, func(tx *storage.Tx) error {
			var err error
			more, err = w.parentItem(ctx, tx, p, item.Depth+1)
			return err
		})
		if err != nil {
			return nil, err
		}
		return append(more, repliesItem(p, 0)...), nil
	}
	return repliesItem(p, item.Depth+1), nil
}

// collection reads a list page by page, on the host of the list only, and gives what it names.
func (w *walk) collection(ctx context.Context, item threadItem) ([]threadItem, error) {
	var out []threadItem
	seen := map[string]bool{item.In: true}
	uri := item.URI
	if item.Kind == wantContext {
		item.In = item.URI
	}
	for page := 0; page < threadPages && uri != "" && len(out) < threadItems; page++ {
		if err := w.spend(ctx); err != nil {
			return out, err
		}
		doc, err := w.document(ctx, uri)
		var c *vocab.Collection
		if err == nil {
			c, err = vocab.ParseCollection(doc)
		}
		if err != nil {
			return out, w.failed(ctx, item, err)
		}
		if err := w.DB.Update(ctx, func(tx *storage.Tx) error {
			return tx.CountOnThread(ctx, w.work.Thread, w.work.Run, 0, len(doc.Raw))
		}); err != nil {
			return out, err
		}
		list := c.Items
		next := c.Next
		if c.First.Document != nil {
			if first, err := vocab.ParseCollection(c.First.Document); err == nil {
				list, next = append(list, first.Items...), first.Next
			}
		} else if c.First.ID != "" {
			next = c.First.ID
		}
		for _, ref := range list {
			// Of what is embedded only the id counts: its words come from its own host.
			if ref.ID == "" || seen[ref.ID] || len(out) >= threadItems {
				continue
			}
			seen[ref.ID] = true
			out = append(out, threadItem{URI: ref.ID, Kind: wantReply, Of: item.Of, In: item.In, Depth: item.Depth})
		}
		if uri = next; uri == "" || seen[uri] || sameHost(uri, item.URI) != nil {
			return out, nil // its end, a circle, or somebody else's host
		}
		seen[uri] = true
	}
	if uri != "" {
		return out, w.note(ctx, item, storage.GapTooMuch)
	}
	return out, nil
}

func (w *walk) spend(ctx context.Context) error {
	err := w.DB.Update(ctx, func(tx *storage.Tx) error {
		var err error
		w.spent, err = tx.SpendOnThread(ctx, w.work.Thread, w.work.Run, w.host)
		return err
	})
	if err == nil && w.spent != "" {
		return errSpent
	}
	return err
}

func (w *walk) note(ctx context.Context, item threadItem, reason string) error {
	return w.DB.Update(ctx, func(tx *storage.Tx) error { return noteGap(ctx, tx, item, reason) })
}

// failed remembers why something could not be had. It gives an error only where the host is at fault
// and may do better later.
func (w *walk) failed(ctx context.Context, item threadItem, cause error) error {
	var status *StatusError
	reason := ""
	switch {
	case errors.Is(cause, errUnrelated):
		return w.unnote(ctx, item)
	case errors.Is(cause, ErrNotPeer):
		reason = storage.GapNotLinked
	case errors.Is(cause, storage.ErrNotFound):
		reason = storage.GapGone
	case errors.Is(cause, ErrUntrusted), errors.Is(cause, ErrMediaType), errors.Is(cause, ErrTooLarge), errors.Is(cause, ErrRedirect),
		errors.Is(cause, ErrAddress), errors.Is(cause, vocab.ErrMalformed), errors.Is(cause, ErrHost), errors.Is(cause, storage.ErrExists):
		reason = storage.GapUnreadable
	case errors.As(cause, &status):
		switch s := status.Status; {
		case s == http.StatusNotFound, s == http.StatusGone:
			reason = storage.GapGone
		case s == http.StatusRequestTimeout, s == http.StatusTooManyRequests, s >= 500:
			return &queue.HostError{Err: cause, Answered: true, After: status.RetryAfter}
		default:
			reason = storage.GapRefused
		}
	default:
		return &queue.HostError{Err: cause}
	}
	w.Log.InfoContext(ctx, "a part of a conversation was not fetched", "reason", reason, "uri", item.URI, "err", cause)
	return w.note(ctx, item, reason)
}

// unnote forgets a part that turned out not to be missing, or not to be one.
func (w *walk) unnote(ctx context.Context, item threadItem) error {
	return w.DB.Update(ctx, func(tx *storage.Tx) error { return tx.ForgetPart(ctx, item.Of, item.URI) })
}
