package federation

import (
	"errors"
	"net/http"

	"ruche/storage"
)

// Featured lists the posts that an account of ours pinned, of those that the asking peer may read.
func (n *Node) Featured(w http.ResponseWriter, r *http.Request) {
	a, peer, ok := n.listed(w, r)
	if !ok {
		return
	}
	ctx := r.Context()
	pins, err := n.DB.Pins(ctx, a.ID)
	if err != nil {
		n.broken(w, r, err)
		return
	}
	posts, err := n.DB.PostsByID(ctx, pins)
	if err != nil {
		n.broken(w, r, err)
		return
	}
	var uris []string
	for _, id := range pins {
		p := posts[id]
		if p == nil {
			continue
		}
		how, err := n.DB.PeerSees(ctx, p, peer.Host)
		if err != nil {
			n.broken(w, r, err)
			return
		}
		if how != storage.NotForPeer {
			uris = append(uris, p.URI)
		}
	}
	body, err := n.Writer.Featured(a.URI+"/featured", uris)
	n.activity(w, r, body, err)
}

// FeaturedTags lists the tags on the profile of an account of ours.
func (n *Node) FeaturedTags(w http.ResponseWriter, r *http.Request) {
	a, _, ok := n.listed(w, r)
	if !ok {
		return
	}
	tags, err := n.DB.FeaturedTags(r.Context(), a.ID)
	if err != nil {
		n.broken(w, r, err)
		return
	}
	names := make([]string, len(tags))
	for i, t := range tags {
		names[i] = t.Name
	}
	body, err := n.Writer.FeaturedTags(a.URI+"/featured-tags", names)
	n.activity(w, r, body, err)
}

// Stamps serves the leave that one of ours gave to a quote of a post: to peers that may read the post. One that was
// taken back, or never was, or isn't for the asker, gets the same answer.
func (n *Node) Stamps(w http.ResponseWriter, r *http.Request) {
	host, ok := n.asker(w, r)
	if !ok {
		return
	}
	if host == "" && !n.PublicPages {
		n.fail(w, r, http.StatusUnauthorized, "this node shows quotes to signed requests of its peers only")
		return
	}
	body, err := n.stamp(r, host)
	if errors.Is(err, storage.ErrNotFound) {
		n.fail(w, r, http.StatusNotFound, "there is no such quote here for you")
		return
	}
	n.activity(w, r, body, err)
}

func (n *Node) stamp(r *http.Request, host string) ([]byte, error) {
	ctx := r.Context()
	q, err := n.DB.QuoteByID(ctx, pathID(r))
	if err != nil {
		return nil, err
	}
	if q.State != storage.QuoteAccepted || q.QuotedID == 0 || q.ApprovalURI != n.DB.URIs().Quote(q.ID) {
		return nil, storage.ErrNotFound
	}
	quoted, err := n.DB.PostByID(ctx, q.QuotedID)
	if err != nil {
		return nil, err
	}
	how, err := n.reads(ctx, quoted, host)
	if err != nil {
		return nil, err
	}
	if how == storage.NotForPeer {
		return nil, storage.ErrNotFound
	}
	author, err := n.DB.AccountByID(ctx, quoted.AuthorID)
	if err != nil {
		return nil, err
	}
	return n.Writer.Stamp(q, author)
}
