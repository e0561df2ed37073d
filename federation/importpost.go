package federation

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"ruche/federation/vocab"
	"ruche/storage"
)

// Translate turns a peer's object into a post of its author, not stored yet. The id, the page and
// the author must be on the author's host. Text is sanitised here, once.
func Translate(ctx context.Context, q *storage.Queries, o *vocab.Object, author *storage.Account) (*storage.NewPost, error) {
	if !vocab.IsPost(o.Type) {
		return nil, fmt.Errorf("a %s is no post: %w", o.Type, ErrUntrusted)
	}
	if err := sameHost(o.ID, author.URI); err != nil {
		return nil, err
	}
	if len(o.AttributedTo) == 0 || o.AttributedTo[0] != author.URI {
		return nil, fmt.Errorf("%s isn't attributed to %s: %w", o.ID, author.URI, ErrUntrusted)
	}
	for _, other := range o.AttributedTo[1:] { // the group that it is in: its own host's to say
		if err := sameHost(other, author.URI); err != nil {
			return nil, err
		}
	}
	n := &storage.NewPost{Post: storage.Post{
		AuthorID: author.ID, Origin: author.Peer, URI: o.ID, URL: webPage(o.URL),
		InReplyToURI: o.InReplyTo, Context: o.Context, HTML: words(o),
		ContentWarning: warning(o), Sensitive: o.Sensitive, Language: o.Language,
		Visibility: o.Visibility(author.FollowersURI), Circle: o.Circle, PublishedAt: o.Published, Raw: string(o.Raw),
		Kind: o.Type, QuotePolicy: o.QuotePolicy(author.FollowersURI, author.FollowingURI),
	}}
	if n.Circle != storage.CircleOrganisation {
		n.Circle = storage.CircleNetwork
	}
	if n.Context == "" {
		n.Context = o.Conversation
	}
	if o.Updated.After(o.Published) {
		n.EditedAt = o.Updated
	}
	if o.InReplyTo != "" {
		parent, err := q.PostByURI(ctx, o.InReplyTo)
		if err == nil && parent.DeletedAt.IsZero() {
			n.InReplyToID = parent.ID
		} else if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return nil, err
		}
	}
	if err := forCommunity(ctx, q, o, n); err != nil {
		return nil, err
	}
	seen := map[int64]bool{}
	for _, m := range o.Mentions {
		a, err := q.AccountByURI(ctx, m.Href)
		if errors.Is(err, storage.ErrNotFound) {
			continue // somebody we don't know; the text names them all the same
		}
		if err != nil {
			return nil, err
		}
		if !seen[a.ID] {
			seen[a.ID] = true
			n.Mentions = append(n.Mentions, a.ID)
		}
	}
	// Who is addressed without being named in the text may see it too.
	for _, uri := range append(append([]string{}, o.To...), o.Cc...) {
		if kind, id, ok := q.URIs().Ours(uri); ok && kind == "users" && !seen[id] && n.Visibility == storage.Direct {
			if a, err := q.AccountByURI(ctx, uri); err == nil {
				seen[id] = true
				n.Mentions = append(n.Mentions, a.ID)
			}
		}
	}
	for _, tag := range o.Hashtags {
		if strings.ContainsAny(tag, "<>\"'& \t\n") {
			continue // no tag, and perhaps a trick
		}
		if tag = storage.NormalTag(tag); tag != "" {
			n.Hashtags = append(n.Hashtags, tag)
		}
	}
	peer, err := q.PeerByHost(ctx, author.Peer)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	if peer.Refuses(storage.In, storage.CrossMedia) == "" {
		n.Attached = files(o, peer)
	}
	n.Customs, n.Emojis = customs(o.Emojis, peer)
	if o.Type == "Question" {
		n.Poll = question(o.Poll, q.Now())
	}
	if n.Quote, err = quoted(ctx, q, o, author); err != nil {
		return nil, err
	}
	return n, nil
}

// Post finds a post by its id, asking its host when we don't know it. What it fetches is
// backfill: it enters no home and notifies nobody.
func (n *Node) Post(ctx context.Context, uri string) (*storage.Post, error) {
	p, err := n.DB.PostByURI(ctx, uri)
	if err == nil && !p.DeletedAt.IsZero() {
		return nil, storage.ErrNotFound
	}
	if err == nil || !errors.Is(err, storage.ErrNotFound) {
		return p, err
	}
	return n.fetchPost(ctx, uri, nil)
}

// fetchPost reads a post from its host and keeps it as backfill. fits, where not nil, says whether
// it is what was looked for; what isn't is not kept.
func (n *Node) fetchPost(ctx context.Context, uri string, fits func(*vocab.Object) error) (*storage.Post, error) {
	host, err := HostOf(uri)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, storage.ErrNotFound)
	}
	if host == n.Host {
		return nil, storage.ErrNotFound
	}
	peer, err := n.Peer(ctx, host)
	if err != nil {
		return nil, err
	}
	if reason := peer.Refuses(storage.In, storage.CrossPosts); reason != "" {
		return nil, fmt.Errorf("%s: %w", reason, ErrNotPeer)
	}
	o, err := n.readObject(ctx, uri)
	if err != nil {
		return nil, err
	}
	if o.ID != uri {
		if p, err := n.DB.PostByURI(ctx, o.ID); err == nil {
			return p, nil
		}
	}
	if fits != nil {
		if err := fits(o); err != nil {
			return nil, err
		}
	}
	if len(o.AttributedTo) == 0 {
		return nil, fmt.Errorf("%s has no author: %w", uri, ErrUntrusted)
	}
	if err := sameHost(o.AttributedTo[0], o.ID); err != nil {
		return nil, err
	}
	author, err := n.Actor(ctx, o.AttributedTo[0])
	if err != nil {
		return nil, err
	}
	post, err := Translate(ctx, &n.DB.Queries, o, author)
	if err != nil {
		return nil, err
	}
	post.Backfilled = true
	err = n.DB.Update(ctx, func(tx *storage.Tx) error {
		_, err := tx.AddPost(ctx, post)
		return err
	})
	return &post.Post, err
}

// readObject fetches an object and makes sure that it answers for its own id. What is asked for may be
// its page, or the activity that published it.
func (n *Node) readObject(ctx context.Context, uri string) (*vocab.Object, error) {
	doc, err := n.document(ctx, uri)
	if err != nil {
		return nil, err
	}
	o, err := vocab.ParseObject(doc)
	if err != nil {
		return nil, err
	}
	id := o.ID
	if o.Type == "Create" {
		act, err := vocab.ParseActivity(doc)
		if err != nil {
			return nil, err
		}
		id = act.Object.ID
	}
	if id == uri {
		return o, nil
	}
	// The id counts, on the same host, and must answer for itself.
	if err := sameHost(id, uri); err != nil {
		return nil, err
	}
	if doc, err = n.document(ctx, id); err != nil {
		return nil, err
	}
	if o, err = vocab.ParseObject(doc); err != nil {
		return nil, err
	}
	if o.ID != id {
		return nil, fmt.Errorf("%s answers with %s: %w", id, o.ID, ErrUntrusted)
	}
	return o, nil
}

// Reread reads a post that is known here from its host once more, and gives what the host says now and
// who wrote it. A Tombstone is a *StatusError of 410.
func (n *Node) Reread(ctx context.Context, uri string) (*vocab.Object, *storage.Account, error) {
	p, err := n.DB.PostByURI(ctx, uri)
	if err != nil {
		return nil, nil, err
	}
	author, err := n.DB.AccountByID(ctx, p.AuthorID)
	if err != nil {
		return nil, nil, err
	}
	o, err := n.readObject(ctx, uri)
	if err != nil {
		return nil, nil, err
	}
	if vocab.IsTombstone(o.Type) {
		return nil, nil, &StatusError{Status: http.StatusGone}
	}
	if o.ID != uri {
		return nil, nil, fmt.Errorf("%s answers with %s: %w", uri, o.ID, ErrUntrusted)
	}
	return o, author, nil
}
