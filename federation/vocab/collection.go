package vocab

import "fmt"

// A Collection is a list on the wire, or one page of it.
type Collection struct {
	ID, Type  string
	Total     int64 // -1 where it isn't told
	First     Ref
	Next      string
	PartOf    string
	Items     []Ref // at most MaxEntries
	Truncated bool  // there were more than MaxEntries
	Raw       []byte
}

// ParseCollection reads a list or a page of one. The error is ErrMalformed.
func ParseCollection(d *Document) (*Collection, error) {
	c := &Collection{Type: d.Type(), Total: d.number("totalItems", -1), Raw: d.Raw}
	fail := func(err error) (*Collection, error) { return nil, fmt.Errorf("read %s: %w", shortType(c.Type), err) }
	if !isCollection(c.Type) {
		return fail(fmt.Errorf("not a collection: %w", ErrMalformed))
	}
	var err error
	if c.ID, err = d.ID(); err != nil {
		return fail(err)
	}
	if c.First, err = d.ref("first"); err != nil {
		return fail(err)
	}
	if c.Next, err = d.iri("next"); err != nil {
		return fail(err)
	}
	if c.PartOf, err = d.iri("partOf"); err != nil {
		return fail(err)
	}
	for _, name := range []string{"orderedItems", "items"} {
		items, err := d.refs(name)
		if err != nil {
			return fail(err)
		}
		c.Items = append(c.Items, items...)
		c.Truncated = c.Truncated || d.count(name) > MaxEntries
	}
	if len(c.Items) > MaxEntries {
		c.Items, c.Truncated = c.Items[:MaxEntries], true
	}
	return c, nil
}
