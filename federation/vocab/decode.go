package vocab

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// A Document is a JSON object from outside that passed Decode. What it says is still anybody's claim.
type Document struct {
	Raw    []byte // the bytes as they came
	fields map[string]any
}

// list is an array: its first entries, and how many there were.
type list struct {
	items []any
	total int
}

// Decode reads a body: one JSON object of at most MaxBody bytes, nested at most MaxDepth deep,
// in valid UTF-8. A key given twice at any level is refused, also where the second is spelled differently
// (as:content, @id), because two readers would take different ones; so are JSON-LD's @graph, @included
// and @reverse, which say things about other objects than the one that holds them. The error is
// ErrMalformed.
func Decode(body []byte) (*Document, error) {
	if len(body) > MaxBody {
		return nil, fmt.Errorf("read %d bytes: %w", len(body), ErrTooLarge)
	}
	if !utf8.Valid(body) {
		return nil, fmt.Errorf("read: not UTF-8: %w", ErrMalformed)
	}
	r := &reader{body: body, dec: json.NewDecoder(bytes.NewReader(body))}
	r.dec.UseNumber()
	tok, err := r.token()
	if err != nil {
		return nil, err
	}
	if tok != json.Delim('{') {
		return nil, fmt.Errorf("read: not an object: %w", ErrMalformed)
	}
	doc, err := r.object(1, false)
	if err != nil {
		return nil, err
	}
	if _, err := r.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read: more after the object: %w", ErrMalformed)
	}
	return doc, nil
}

type reader struct {
	body []byte
	dec  *json.Decoder
}

func (r *reader) token() (json.Token, error) {
	tok, err := r.dec.Token()
	if err != nil {
		// The cause is the sender's, and holds bytes of theirs: it is told, not wrapped.
		return nil, fmt.Errorf("read at byte %d: %v: %w", r.dec.InputOffset(), err, ErrMalformed)
	}
	return tok, nil
}

// object reads what follows a brace. In a context, names are terms that are being defined, so
// they are left as they are.
func (r *reader) object(depth int, inContext bool) (*Document, error) {
	if depth > MaxDepth {
		return nil, fmt.Errorf("read: nested deeper than %d: %w", MaxDepth, ErrMalformed)
	}
	start := r.dec.InputOffset() - 1
	fields := make(map[string]any)
	for {
		tok, err := r.token()
		if err != nil {
			return nil, err
		}
		if tok == json.Delim('}') {
			return &Document{Raw: r.body[start:r.dec.InputOffset():r.dec.InputOffset()], fields: fields}, nil
		}
		key, ok := tok.(string)
		if !ok {
			return nil, fmt.Errorf("read: a key that isn't a string: %w", ErrMalformed)
		}
		if strings.ContainsRune(key, 0) {
			return nil, fmt.Errorf("read: a key with a NUL: %w", ErrMalformed)
		}
		if !inContext {
			key = plainName(key)
		}
		switch key {
		case "@graph", "@included", "@reverse":
			return nil, fmt.Errorf("read: %s isn't supported: %w", key, ErrMalformed)
		}
		if _, twice := fields[key]; twice {
			return nil, fmt.Errorf("read: a key is given twice: %w", ErrMalformed)
		}
		value, err := r.value(depth, inContext || key == "@context")
		if err != nil {
			return nil, err
		}
		fields[key] = value
	}
}

func (r *reader) value(depth int, inContext bool) (any, error) {
	tok, err := r.token()
	if err != nil {
		return nil, err
	}
	switch tok {
	case json.Delim('{'):
		return r.object(depth+1, inContext)
	case json.Delim('['):
		return r.array(depth+1, inContext)
	}
	return tok, nil // string, json.Number, bool or nil
}

func (r *reader) array(depth int, inContext bool) (any, error) {
	if depth > MaxDepth {
		return nil, fmt.Errorf("read: nested deeper than %d: %w", MaxDepth, ErrMalformed)
	}
	var l list
	for r.dec.More() {
		value, err := r.value(depth, inContext)
		if err != nil {
			return nil, err
		}
		if l.total++; l.total <= MaxEntries {
			l.items = append(l.items, value)
		}
	}
	_, err := r.token() // the bracket
	return l, err
}

// plainName gives the short name of an ActivityStreams property or type, and of the keywords that its
// context gives an alias.
func plainName(name string) string {
	switch name {
	case "@id":
		return "id"
	case "@type":
		return "type"
	}
	if short, ok := strings.CutPrefix(name, activityStreams+"#"); ok {
		return short
	}
	return strings.TrimPrefix(name, "as:")
}
