package vocab

import (
	"fmt"
	"net/url"
	"strings"

	ap "github.com/go-ap/activitypub"

	"ruche/storage"
)

// Pin tells the followers that a post stands on top of the profile of its author (Add to featured), Unpin that it
// doesn't any more (Remove).
func (w Writer) Pin(id string, author *storage.Account, post string) ([]byte, error) {
	return w.featured(ap.AddType, id, author, post)
}

// Unpin is the contrary of Pin.
func (w Writer) Unpin(id string, author *storage.Account, post string) ([]byte, error) {
	return w.featured(ap.RemoveType, id, author, post)
}

// FeatureTag tells the followers that an account shows a tag on its profile, UnfeatureTag that it doesn't any more.
func (w Writer) FeatureTag(id string, a *storage.Account, name string) ([]byte, error) {
	return w.featured(ap.AddType, id, a, w.hashtag(name))
}

// UnfeatureTag is the contrary of FeatureTag.
func (w Writer) UnfeatureTag(id string, a *storage.Account, name string) ([]byte, error) {
	return w.featured(ap.RemoveType, id, a, w.hashtag(name))
}

// featured writes what is added to or removed from featured: a post's id or, as Mastodon does, a Hashtag.
func (w Writer) featured(kind ap.ActivityVocabularyType, id string, a *storage.Account, object any) ([]byte, error) {
	var c ids
	act := c.activity(kind, id, a, nil, []string{a.FollowersURI}, nil)
	switch o := object.(type) {
	case string:
		act.add("object", string(c.need("pinned post", o)))
	case writtenTag:
		c.need("hashtag", o.Href)
		act.add("object", o)
	}
	act.add("target", string(c.need("featured", a.URI+"/featured")))
	if c.err != nil {
		return nil, fmt.Errorf("write %s to featured of %s: %w", kind, a.URI, c.err)
	}
	return act.json([]any{activityStreams, map[string]any{"Hashtag": "as:Hashtag"}})
}

func (w Writer) hashtag(name string) writtenTag {
	return writtenTag{hashtagType, w.URIs.Base + "/tags/" + url.PathEscape(name), "#" + name}
}

// Featured writes the list of an account's pinned posts, by their ids.
func (w Writer) Featured(id string, posts []string) ([]byte, error) {
	var c ids
	items := make([]any, 0, len(posts))
	for _, p := range posts {
		items = append(items, string(c.need("pinned post", p)))
	}
	if c.err != nil {
		return nil, fmt.Errorf("write collection %s: %w", id, c.err)
	}
	return w.whole(ap.OrderedCollectionType, "orderedItems", id, items, plainContext())
}

// FeaturedTags writes the list of the tags on a profile.
func (w Writer) FeaturedTags(id string, names []string) ([]byte, error) {
	items := make([]any, 0, len(names))
	for _, name := range names {
		items = append(items, w.hashtag(name))
	}
	return w.whole(ap.CollectionType, "items", id, items, []any{activityStreams, map[string]any{"Hashtag": "as:Hashtag"}})
}

func (w Writer) whole(kind ap.ActivityVocabularyType, field, id string, items []any, context any) ([]byte, error) {
	var c ids
	t := &thing{core: &ap.Object{ID: c.need("collection", id), Type: kind}}
	if c.err != nil {
		return nil, fmt.Errorf("write collection %s: %w", id, c.err)
	}
	t.add("totalItems", len(items))
	t.add(field, items)
	return t.json(context)
}

// ParseHashtag reads a tag by itself: its name without #, or nothing where it is none.
func ParseHashtag(d *Document) string {
	if d == nil || d.Type() != hashtagType {
		return ""
	}
	return strings.TrimLeft(d.text("name", MaxName), "#")
}
