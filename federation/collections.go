package federation

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"ruche/federation/vocab"
	"ruche/storage"
)

// pageSize is how many entries of a list a peer reads at once.
const pageSize = 40

// listed finds the account whose list is asked for by a permitted signature.
func (n *Node) listed(w http.ResponseWriter, r *http.Request) (*storage.Account, *storage.Peer, bool) {
	host, ok := n.asker(w, r)
	if !ok {
		return nil, nil, false
	}
	if host == "" {
		n.fail(w, r, http.StatusUnauthorized, "this node shows lists to signed requests of its peers only")
		return nil, nil, false
	}
	peer, err := n.Peer(r.Context(), host)
	if err != nil {
		n.fail(w, r, http.StatusForbidden, "your server isn't an allowed peer of this node")
		return nil, nil, false
	}
	a, err := n.DB.AccountByID(r.Context(), pathID(r))
	if err != nil || !a.Local() || !a.Active() {
		n.fail(w, r, http.StatusNotFound, "there is no such account here")
		return nil, nil, false
	}
	return a, peer, true
}

// A pager reads one page; last is where the next one begins, 0 where there is none.
type pager func(ctx context.Context, page storage.Page) (iris []string, items []json.RawMessage, last int64, err error)

// collection answers the front of a list, or, with ?max_id=…, a page of it.
func (n *Node) collection(w http.ResponseWriter, r *http.Request, id string, total int64, read pager) {
	n.pages(w, r, id, total, pageSize, read)
}

func (n *Node) pages(w http.ResponseWriter, r *http.Request, id string, total int64, size int, read pager) {
	query := r.URL.Query()
	if !query.Has("page") {
		body, err := n.Writer.OrderedCollection(id, total, id+"?page=true")
		n.activity(w, r, body, err)
		return
	}
	max := storage.ParseID(query.Get("max_id"))
	iris, items, last, err := read(r.Context(), storage.Page{MaxID: max, Limit: size})
	if err != nil {
		n.broken(w, r, err)
		return
	}
	p := vocab.Page{ID: id + "?page=true", PartOf: id, Total: total, IRIs: iris, Items: items}
	if max > 0 {
		p.ID += "&max_id=" + strconv.FormatInt(max, 10)
	}
	if last > 0 {
		p.Next = id + "?page=true&max_id=" + strconv.FormatInt(last, 10)
	}
	body, err := n.Writer.OrderedCollectionPage(p)
	n.activity(w, r, body, err)
}

// FollowersOf lists who follows an account of ours.
func (n *Node) FollowersOf(w http.ResponseWriter, r *http.Request) {
	a, _, ok := n.listed(w, r)
	if ok {
		n.collection(w, r, a.FollowersURI, a.FollowersCount, n.accounts(a, n.DB.Followers))
	}
}

// FollowingOf lists whom an account of ours follows.
func (n *Node) FollowingOf(w http.ResponseWriter, r *http.Request) {
	a, _, ok := n.listed(w, r)
	if ok {
		n.collection(w, r, a.FollowingURI, a.FollowingCount, n.accounts(a, n.DB.Following))
	}
}

// accounts pages through a list of those whom an account knows; of somebody who keeps them to themselves a peer learns how many there are.
func (n *Node) accounts(of *storage.Account, read func(context.Context, int64, storage.Page) ([]*storage.Account, []int64, error)) pager {
	return func(ctx context.Context, page storage.Page) ([]string, []json.RawMessage, int64, error) {
		if of.HideCollections {
			return nil, nil, 0, nil
		}
		list, cursors, err := read(ctx, of.ID, page)
		var uris []string
		var last int64
		for i, a := range list {
			uris, last = append(uris, a.URI), cursors[i]
		}
		if len(list) < page.Limit {
			last = 0
		}
		return uris, nil, last, err
	}
}

// Outbox lists what of an account's public posts and shares the asking peer may read.
func (n *Node) Outbox(w http.ResponseWriter, r *http.Request) {
	a, peer, ok := n.listed(w, r)
	if !ok {
		return
	}
	total, err := n.DB.OutboxTotal(r.Context(), a.ID, peer)
	if err != nil {
		n.broken(w, r, err)
		return
	}
	n.collection(w, r, a.OutboxURI, total, func(ctx context.Context, page storage.Page) ([]string, []json.RawMessage, int64, error) {
		posts, err := n.DB.OutboxPosts(ctx, a.ID, peer, page)
		if err != nil {
			return nil, nil, 0, err
		}
		var items []json.RawMessage
		var last int64
		for _, p := range posts {
			last = p.ID
			how, err := n.DB.PeerSees(ctx, p, peer.Host)
			if err != nil {
				return nil, nil, 0, err
			}
			if how == storage.NotForPeer {
				continue
			}
			body, err := n.writePost(ctx, p, a, peer.Host, how)
			if err != nil {
				return nil, nil, 0, err
			}
			items = append(items, body)
		}
		if len(posts) < page.Limit {
			last = 0
		}
		return nil, items, last, nil
	})
}

func (n *Node) writePost(ctx context.Context, p *storage.Post, author *storage.Account, host string, how storage.Addressing) ([]byte, error) {
	if p.ShareOfID != 0 {
		return n.writeShare(ctx, p, author, how)
	}
	parts, err := n.partsFor(ctx, p, host)
	if err != nil {
		return nil, err
	}
	return n.Writer.Create(p.URI+"/create", p, author, parts, how)
}

// Replies lists the direct answers to a post of ours that the asking peer may read.
func (n *Node) Replies(w http.ResponseWriter, r *http.Request) {
	p, _, host, ok := n.readable(w, r)
	if !ok {
		return
	}
	total, err := n.DB.RepliesTotal(r.Context(), p.ID, host)
	if err != nil {
		n.broken(w, r, err)
		return
	}
	n.collection(w, r, p.URI+"/replies", total, func(ctx context.Context, page storage.Page) ([]string, []json.RawMessage, int64, error) {
		replies, err := n.DB.RepliesTo(ctx, p.ID, page)
		if err != nil {
			return nil, nil, 0, err
		}
		uris, last, err := n.readableURIs(ctx, replies, host)
		return uris, nil, last, err
	})
}

// Context lists the conversation that a post of ours began, as far as the asking peer may read it and it is
// public in the network (FEP-7888).
func (n *Node) Context(w http.ResponseWriter, r *http.Request) {
	p, _, host, ok := n.readable(w, r)
	if !ok {
		return
	}
	_, total, err := n.DB.PublicInThread(r.Context(), p.ID, storage.Page{Limit: 1})
	if err != nil {
		n.broken(w, r, err)
		return
	}
	n.collection(w, r, p.URI+"/context", total, func(ctx context.Context, page storage.Page) ([]string, []json.RawMessage, int64, error) {
		posts, _, err := n.DB.PublicInThread(ctx, p.ID, page)
		if err != nil {
			return nil, nil, 0, err
		}
		uris, last, err := n.readableURIs(ctx, posts, host)
		return uris, nil, last, err
	})
}

// readableURIs names, of the posts, those that the asker may read: ours by their rules, others'
// where they are public in the network. last is as a pager gives it.
func (n *Node) readableURIs(ctx context.Context, posts []*storage.Post, host string) (uris []string, last int64, err error) {
	for _, p := range posts {
		last = p.ID
		readable := !p.Local() && (p.Visibility == storage.Public || p.Visibility == storage.Unlisted) && p.Circle == storage.CircleNetwork
		if p.Local() {
			how, err := n.reads(ctx, p, host)
			if err != nil {
				return nil, 0, err
			}
			readable = how != storage.NotForPeer
		}
		if readable {
			uris = append(uris, p.URI)
		}
	}
	if len(posts) < pageSize {
		last = 0
	}
	return uris, last, nil
}
