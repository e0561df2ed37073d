package vocab

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	ap "github.com/go-ap/activitypub"

	"ruche/storage"
)

// A Writer writes what is ours as ActivityStreams JSON. Its functions give ErrInvalid for
// what can't be written; they look nothing up.
type Writer struct {
	URIs storage.URIs
	// Domain stands after the @ of our accounts; empty where it is the host of our ids.
	Domain string
}

func (w Writer) domain() string {
	if w.Domain != "" {
		return w.Domain
	}
	u, err := url.Parse(w.URIs.Base)
	if err != nil {
		return ""
	}
	return u.Host
}

// acct is user@domain, for accounts of ours as well.
func (w Writer) acct(a *storage.Account) string {
	if a.Local() {
		return a.Username + "@" + w.domain()
	}
	return a.Username + "@" + a.Domain
}

// Contexts. Peers know the first two by heart, and another remote one would have to be fetched by
// each of them, so everything else is an inline term (PROTOCOL 6.9).
const (
	activityStreams = "https://www.w3.org/ns/activitystreams"
	securityV1      = "https://w3id.org/security/v1"
)

func plainContext() any { return activityStreams }

func circleContext() any {
	return []any{activityStreams, circleTerms(map[string]any{})}
}

func noteContext() any {
	return []any{activityStreams, quoteTerms(circleTerms(map[string]any{
		"sensitive":    "as:sensitive",
		"Hashtag":      "as:Hashtag",
		"ostatus":      "http://ostatus.org#",
		"conversation": "ostatus:conversation",
		"toot":         "http://joinmastodon.org/ns#",
		"blurhash":     "toot:blurhash",
		"focalPoint":   map[string]any{"@container": "@list", "@id": "toot:focalPoint"},
		"votersCount":  "toot:votersCount",
		"Emoji":        "toot:Emoji",
	}))}
}

func circleTerms(terms map[string]any) map[string]any {
	terms["circle"] = "urn:ruche:circle"
	terms["circleVisibility"] = "urn:ruche:circleVisibility"
	return terms
}

func actorContext() any {
	return []any{activityStreams, securityV1, multikeyContext, map[string]any{
		"assertionMethod":           assertionTerm(),
		"manuallyApprovesFollowers": "as:manuallyApprovesFollowers",
		"toot":                      "http://joinmastodon.org/ns#",
		"discoverable":              "toot:discoverable",
		"indexable":                 "toot:indexable",
		"suspended":                 "toot:suspended",
		"schema":                    "http://schema.org#",
		"PropertyValue":             "schema:PropertyValue",
		"value":                     "schema:value",
		"featured":                  map[string]any{"@id": "toot:featured", "@type": "@id"},
		"featuredTags":              map[string]any{"@id": "toot:featuredTags", "@type": "@id"},
		"alsoKnownAs":               map[string]any{"@id": "as:alsoKnownAs", "@type": "@id"},
		"movedTo":                   map[string]any{"@id": "as:movedTo", "@type": "@id"},
		"webfinger":                 "https://purl.archive.org/socialweb/webfinger#webfinger",
		"implements":                map[string]any{"@id": "https://w3id.org/fep/844e#implements", "@type": "@id"},
		"department":                "urn:ruche:department",
	}}
}

func stubContext() any {
	return []any{activityStreams, securityV1, multikeyContext, map[string]any{"assertionMethod": assertionTerm()}}
}

// assertionTerm defines what no context has that every peer knows by heart.
func assertionTerm() any {
	return map[string]any{"@id": "https://w3id.org/security#assertionMethod", "@type": "@id", "@container": "@set"}
}

// A thing is what go-ap can write of an object, and the fields that it can't.
type thing struct {
	core   ap.Item // nil: the fields are all there is
	fields []field
}

type field struct {
	name  string
	value any // written by encoding/json
}

func (t *thing) add(name string, value any) { t.fields = append(t.fields, field{name, value}) }

// addText leaves the field out where the text is empty.
func (t *thing) addText(name, text string) {
	if text != "" {
		t.add(name, text)
	}
}

// addTime writes milliseconds, which go-ap would cut: two edits within a second have an order.
func (t *thing) addTime(name string, at time.Time) {
	if !at.IsZero() {
		t.add(name, at.UTC().Format("2006-01-02T15:04:05.000Z"))
	}
}

// json writes the thing, with the context first where there is one. The core must hold nothing but ids
// that went through ids: go-ap escapes nothing, and leaves out what it fails to write.
func (t *thing) json(context any) ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	put := func(name string, value any) error {
		if out.Len() > 1 {
			out.WriteByte(',')
		}
		b, err := encode(value)
		if err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		fmt.Fprintf(&out, "%q:", name)
		out.Write(b)
		return nil
	}
	if context != nil {
		if err := put("@context", context); err != nil {
			return nil, err
		}
	}
	if t.core != nil {
		core, err := ap.MarshalJSON(t.core)
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", t.core.GetType(), err)
		}
		if core = bytes.TrimSpace(core); len(core) < 2 || core[0] != '{' || core[len(core)-1] != '}' {
			return nil, fmt.Errorf("write %s: go-ap gave no object: %w", t.core.GetType(), ErrInvalid)
		}
		if core = core[1 : len(core)-1]; len(core) > 0 {
			if out.Len() > 1 {
				out.WriteByte(',')
			}
			out.Write(core)
		}
	}
	for _, f := range t.fields {
		if err := put(f.name, f.value); err != nil {
			return nil, err
		}
	}
	out.WriteByte('}')
	if !json.Valid(out.Bytes()) {
		return nil, fmt.Errorf("write: not valid JSON: %w", ErrInvalid)
	}
	return out.Bytes(), nil
}

// encode is json.Marshal with markup left readable.
func encode(value any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// ids checks every id before go-ap gets it, and keeps the first complaint.
type ids struct{ err error }

// need gives an id that must be there.
func (c *ids) need(what, id string) ap.IRI {
	if err := CheckIRI(id); err != nil && c.err == nil {
		c.err = fmt.Errorf("%s %q: %w: %w", what, id, err, ErrInvalid)
	}
	return ap.IRI(id)
}

// may gives nil for an empty id.
func (c *ids) may(what, id string) ap.Item {
	if id == "" {
		return nil
	}
	return c.need(what, id)
}

// all keeps the order, and each id once.
func (c *ids) all(what string, list ...string) ap.ItemCollection {
	var out ap.ItemCollection
	seen := make(map[string]bool, len(list))
	for _, id := range list {
		if id == "" || seen[id] {
			continue
		}
		seen[id] = true
		out = append(out, c.need(what, id))
	}
	return out
}

// activity is the skeleton of everything that an account of ours says it did. object is nil where
// the caller adds it as a field.
func (c *ids) activity(kind ap.ActivityVocabularyType, id string, actor *storage.Account, object ap.Item, to, cc []string) *thing {
	return &thing{core: &ap.Activity{
		ID:     c.need("activity", id),
		Type:   kind,
		Actor:  c.need("actor", actor.URI),
		Object: object,
		To:     c.all("recipient", to...),
		CC:     c.all("recipient", cc...),
	}}
}
