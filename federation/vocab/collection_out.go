package vocab

import (
	"encoding/json"
	"fmt"

	ap "github.com/go-ap/activitypub"
)

// OrderedCollection writes the front of a list: how much is in it, and where its first page is (empty:
// the pages aren't shown).
func (w Writer) OrderedCollection(id string, total int64, first string) ([]byte, error) {
	var c ids
	t := &thing{core: &ap.OrderedCollection{
		ID: c.need("collection", id), Type: ap.OrderedCollectionType, First: c.may("first page", first), TotalItems: uint(max(0, total)),
	}}
	if c.err != nil {
		return nil, fmt.Errorf("write collection %s: %w", id, c.err)
	}
	return t.json(plainContext())
}

// A Page is one page of a list of ours. Give either IRIs or Items.
type Page struct {
	ID, PartOf string
	Next, Prev string // empty where there is none
	Total      int64
	IRIs       []string
	Items      []json.RawMessage // as this package wrote them
}

// OrderedCollectionPage writes a page.
func (w Writer) OrderedCollectionPage(p Page) ([]byte, error) {
	var c ids
	t := &thing{core: &ap.OrderedCollectionPage{
		ID: c.need("page", p.ID), Type: ap.OrderedCollectionPageType, PartOf: c.need("collection", p.PartOf),
		Next: c.may("next page", p.Next), Prev: c.may("previous page", p.Prev), TotalItems: uint(max(0, p.Total)),
	}}
	items := make([]any, 0, len(p.IRIs)+len(p.Items))
	for _, id := range p.IRIs {
		items = append(items, string(c.need("item", id)))
	}
	for _, item := range p.Items {
		items = append(items, item)
	}
	if c.err != nil {
		return nil, fmt.Errorf("write page %s: %w", p.ID, c.err)
	}
	t.add("orderedItems", items)
	return t.json(plainContext())
}
