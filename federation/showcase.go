package federation

import (
	"context"

	"ruche/federation/vocab"
	"ruche/storage"
)

// Showcase reads one of the lists that a peer's account keeps of itself (a.FeaturedURI, a.FeaturedTagsURI), its first
// page at most: a longer one than we keep is cut anyway. A list that isn't told, or stands on another host than its
// account, is empty; of the entries, those that are on another host are left out.
func (n *Node) Showcase(ctx context.Context, a *storage.Account, uri string) ([]vocab.Ref, error) {
	if uri == "" || sameHost(uri, a.URI) != nil {
		return nil, nil
	}
	doc, err := n.document(ctx, uri)
	if err != nil {
		return nil, err
	}
	c, err := vocab.ParseCollection(doc)
	if err != nil {
		return nil, err
	}
	if len(c.Items) == 0 && (c.First.Document != nil || c.First.ID != "" && sameHost(c.First.ID, a.URI) == nil) {
		page := c.First.Document
		if page == nil {
			if page, err = n.document(ctx, c.First.ID); err != nil {
				return nil, err
			}
		}
		if c, err = vocab.ParseCollection(page); err != nil {
			return nil, err
		}
	}
	var own []vocab.Ref
	for _, item := range c.Items {
		if item.ID == "" || sameHost(item.ID, a.URI) == nil {
			own = append(own, item)
		}
	}
	return own, nil
}
