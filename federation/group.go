package federation

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"ruche/federation/vocab"
	"ruche/storage"
)

// maxAudience bounds the accounts that are looked at to find the community of a post.
const maxAudience = 20

// forCommunity finds the group that a peer's post says it was written for, among those that we know,
// and whether it is for its members alone.
func forCommunity(ctx context.Context, q *storage.Queries, o *vocab.Object, n *storage.NewPost) error {
	if n.Visibility == storage.Followers {
		return nil
	}
	named := slices.Concat(o.Audience, o.To, o.Cc)
	for _, m := range o.Mentions {
		named = append(named, m.Href)
	}
	for i, uri := range named {
		if uri == vocab.Public || i >= maxAudience {
			continue
		}
		group, err := q.AccountByURI(ctx, uri)
		if errors.Is(err, storage.ErrNotFound) || err == nil && (group.Kind != storage.Group || !group.Active()) {
			continue
		}
		if err != nil {
			return err
		}
		if n.Visibility == storage.Direct {
			if !slices.Contains(o.To, group.FollowersURI) && !slices.Contains(o.Cc, group.FollowersURI) {
				continue
			}
			n.Visibility = storage.Members
		}
		n.Community = group.ID
		return nil
	}
	return nil
}

// ModeratorsOf lists who looks after a community of ours.
func (n *Node) ModeratorsOf(w http.ResponseWriter, r *http.Request) {
	a, _, ok := n.listed(w, r)
	if !ok {
		return
	}
	if a.Kind != storage.Group {
		n.fail(w, r, http.StatusNotFound, "there is no such community here")
		return
	}
	moderators, err := n.DB.WithStanding(r.Context(), a.ID, storage.Moderator)
	if err != nil {
		n.broken(w, r, err)
		return
	}
	n.collection(w, r, vocab.Moderators(a), int64(len(moderators)), func(context.Context, storage.Page) ([]string, []json.RawMessage, int64, error) {
		var uris []string
		for _, m := range moderators {
			uris = append(uris, m.URI)
		}
		return uris, nil, 0, nil
	})
}
