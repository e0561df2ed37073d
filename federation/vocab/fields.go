package vocab

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// This file takes single fields out of a Document. Two manners: what decides who said what to whom (ids,
// actors, keys) must be as it should or the whole document is refused; what decorates (texts, numbers, pictures,
// links) is cut to its limit, or left out where it makes no sense.

// ID is the document's id, or empty where it has none. A wrong one is ErrMalformed.
func (d *Document) ID() (string, error) { return d.iri("id") }

// Type is the first type that we know, else the first one given, else empty.
func (d *Document) Type() string {
	first := ""
	for _, v := range d.entries("type") {
		s, ok := v.(string)
		if !ok {
			continue
		}
		s = cut(plainType(s), MaxName)
		if knownType(s) {
			return s
		}
		if first == "" {
			first = s
		}
	}
	return first
}

// entries is the value as a list: none for absent or null, one for a single value.
func (d *Document) entries(name string) []any {
	switch v := d.fields[name].(type) {
	case nil:
		return nil
	case list:
		return v.items
	default:
		return []any{v}
	}
}

// count is how many entries were sent, of which entries gives at most MaxEntries.
func (d *Document) count(name string) int {
	if l, ok := d.fields[name].(list); ok {
		return l.total
	}
	return len(d.entries(name))
}

// refuseMore is for lists in which a missing entry would change who may read or who is told.
func (d *Document) refuseMore(name string) error {
	if n := d.count(name); n > MaxEntries {
		return fmt.Errorf("%s has %d entries: %w", name, n, ErrTooMany)
	}
	return nil
}

// one is the value, a list of one included; a list of several is ErrMalformed.
func (d *Document) one(name string) (any, error) {
	all := slices.DeleteFunc(slices.Clone(d.entries(name)), func(v any) bool { return v == nil })
	switch len(all) {
	case 0:
		return nil, nil
	case 1:
		return all[0], nil
	}
	return nil, fmt.Errorf("%s has several values: %w", name, ErrMalformed)
}

// iri is an id, or that of an embedded object; empty where there is none, ErrMalformed where it isn't one.
func (d *Document) iri(name string) (string, error) {
	v, err := d.one(name)
	if err != nil || v == nil {
		return "", err
	}
	return iriOf(name, v)
}

func iriOf(name string, v any) (string, error) {
	if doc, ok := v.(*Document); ok {
		if name == "id" {
			return "", fmt.Errorf("id is an object: %w", ErrMalformed)
		}
		return doc.iri("id")
	}
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("%s isn't an IRI: %w", name, ErrMalformed)
	}
	if s == "" && name != "id" {
		return "", nil
	}
	if err := CheckIRI(s); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// iris lists ids, each once, in their order; any that isn't one is ErrMalformed.
func (d *Document) iris(name string) ([]string, error) {
	if err := d.refuseMore(name); err != nil {
		return nil, err
	}
	var out []string
	for _, v := range d.entries(name) {
		if v == nil {
			continue
		}
		id, err := iriOf(name, v)
		if err != nil {
			return nil, err
		}
		if id != "" {
			out = append(out, id)
		}
	}
	return unique(out), nil
}

// recipients lists who is addressed. The public collection is always spelled Public; what isn't an id addresses
// nobody, and is left out.
func (d *Document) recipients(name string) ([]string, error) {
	if err := d.refuseMore(name); err != nil {
		return nil, err
	}
	var out []string
	for _, v := range d.entries(name) {
		if s, ok := v.(string); ok && (s == "Public" || s == "as:Public") {
			v = Public
		}
		if id, err := iriOf(name, v); err == nil && id != "" {
			out = append(out, id)
		}
	}
	return unique(out), nil
}

func unique(list []string) []string {
	seen := make(map[string]bool, len(list))
	return slices.DeleteFunc(list, func(s string) bool {
		was := seen[s]
		seen[s] = true
		return was
	})
}

// ref is an id or an embedded object.
func (d *Document) ref(name string) (Ref, error) {
	v, err := d.one(name)
	if err != nil {
		return Ref{}, err
	}
	return refOf(name, v)
}

func refOf(name string, v any) (Ref, error) {
	if v == nil {
		return Ref{}, nil
	}
	id, err := iriOf(name, v)
	if err != nil {
		return Ref{}, err
	}
	doc, _ := v.(*Document)
	return Ref{ID: id, Document: doc}, nil
}

// refs lists ids and embedded objects, at most MaxEntries.
func (d *Document) refs(name string) ([]Ref, error) {
	var out []Ref
	for _, v := range d.entries(name) {
		r, err := refOf(name, v)
		if err != nil {
			return nil, err
		}
		if r != (Ref{}) {
			out = append(out, r)
		}
	}
	return out, nil
}

// link is an address that is only shown or fetched on wish: the first usable one of a string, a Link with
// href, or an object with url; HTML pages before other media types.
func (d *Document) link(name string) string {
	return linkIn(d.entries(name), 0)
}

func linkIn(entries []any, depth int) string {
	found := ""
	for _, v := range entries {
		candidate, page := "", false
		switch v := v.(type) {
		case string:
			candidate = v
		case *Document:
			candidate = v.bare("href")
			if candidate == "" && depth < 2 {
				candidate = linkIn(v.entries("url"), depth+1)
			}
			page = v.text("mediaType", MaxName) == "text/html"
		}
		if CheckIRI(candidate) != nil {
			continue
		}
		if page {
			return candidate
		}
		if found == "" {
			found = candidate
		}
	}
	return found
}

// bare is a string as it was sent, uncut; empty for anything else.
func (d *Document) bare(name string) string {
	s, _ := d.fields[name].(string)
	return s
}

// text is a string without NUL, cut to at most limit bytes; of a list the first, of a tagged value its text.
func (d *Document) text(name string, limit int) string {
	for _, v := range d.entries(name) {
		if doc, ok := v.(*Document); ok {
			v = doc.fields["@value"]
		}
		if s, ok := v.(string); ok {
			return cut(s, limit)
		}
	}
	return ""
}

// texts is a language map.
func (d *Document) texts(name string, limit int) map[string]string {
	doc, ok := d.fields[name].(*Document)
	if !ok {
		return nil
	}
	langs := make([]string, 0, len(doc.fields))
	for lang, v := range doc.fields {
		if _, ok := v.(string); ok && languageTag(lang) {
			langs = append(langs, lang)
		}
	}
	if len(langs) == 0 {
		return nil
	}
	slices.Sort(langs)
	out := make(map[string]string)
	for _, lang := range langs[:min(len(langs), MaxLanguages)] {
		out[lang] = doc.text(lang, limit)
	}
	return out
}

func languageTag(s string) bool {
	return s != "" && len(s) <= 35 && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

// cut takes NUL out, which no database column takes, and what is longer than the limit in bytes, between
// two characters.
func cut(s string, limit int) string {
	s = strings.ReplaceAll(s, "\x00", "")
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

// yes is a boolean; anything but true (or "true", which some servers write) is false.
func (d *Document) yes(name string) bool {
	v := d.fields[name]
	return v == true || v == "true"
}

// number is a whole number of at least 0, or otherwise.
func (d *Document) number(name string, otherwise int64) int64 {
	n, ok := d.fields[name].(json.Number)
	if !ok {
		return otherwise
	}
	i, err := n.Int64()
	if err != nil || i < 0 {
		return otherwise
	}
	return i
}

// size is a width or height in pixels, or 0.
func (d *Document) size(name string) int {
	n := d.number(name, 0)
	if n > math.MaxInt32 {
		return 0
	}
	return int(n)
}

// date is a moment, or zero. Dates before 1970 and after 9999 are clocks gone wrong.
func (d *Document) date(name string) time.Time {
	s := d.bare(name)
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05"} {
		if at, err := time.Parse(layout, s); err == nil && at.Unix() > 0 && at.Year() <= 9999 {
			return at.UTC()
		}
	}
	return time.Time{}
}
