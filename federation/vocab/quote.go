package vocab

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	ap "github.com/go-ap/activitypub"

	"ruche/storage"
)

// Types of FEP-044f, which go-ap doesn't know.
const (
	QuoteRequestType       = "QuoteRequest"
	QuoteAuthorizationType = "QuoteAuthorization"
)

// A Policy is whom an author lets quote a post: ids of actors and collections, who get leave at once
// or may ask for it.
type Policy struct{ Automatic, Manual []string }

// policy reads interactionPolicy.canQuote (GoToSocial's namespace); nil where the author says nothing of it. The
// names before 2025 were always and approvalRequired.
func (d *Document) policy() *Policy {
	all, ok := d.fields["interactionPolicy"].(*Document)
	if !ok {
		return nil
	}
	can, ok := all.fields["canQuote"].(*Document)
	if !ok {
		return nil
	}
	var p Policy
	for _, part := range []struct {
		names [2]string
		to    *[]string
	}{{[2]string{"automaticApproval", "always"}, &p.Automatic}, {[2]string{"manualApproval", "approvalRequired"}, &p.Manual}} {
		for _, name := range part.names {
			// More of them than anybody reads is a policy that we can't judge: nobody's.
			if ids, err := can.recipients(name); err == nil {
				*part.to = append(*part.to, ids...)
			}
		}
	}
	return &p
}

// QuotePolicy is who may quote the post, one of storage's quote policies, given its author's own collections.
func (o *Object) QuotePolicy(followersURI, followingURI string) string {
	p := o.CanQuote
	if p == nil {
		return storage.QuoteUnsaid
	}
	has := func(list []string, id string) bool { return id != "" && slices.Contains(list, id) }
	others := func(list []string) bool {
		return slices.ContainsFunc(list, func(id string) bool { return !slices.Contains(o.AttributedTo, id) })
	}
	switch {
	case has(p.Automatic, Public):
		return storage.QuotePublic
	case has(p.Automatic, followersURI):
		return storage.QuoteFollowers
	case has(p.Automatic, followingURI):
		return storage.QuoteFollowing
	case others(p.Automatic), others(p.Manual):
		return storage.QuoteAsk
	}
	return storage.QuoteNobody
}

// readQuote finds what the post quotes, in the words of FEP-044f, of the servers before it, and of FEP-e232. What is
// no id counts as none: a quote decorates.
func (o *Object) readQuote(d *Document) {
	for _, name := range []string{"quote", "quoteUri", "quoteUrl", "_misskey_quote"} {
		if id, err := d.iri(name); err == nil && id != "" {
			o.Quote = id
			break
		}
	}
	if o.Quote == "" {
		o.Quote = linkedQuote(d)
	}
	if id, err := d.iri("quoteAuthorization"); err == nil {
		o.QuoteAuthorization = id
	}
}

// linkedQuote finds a quote among the object links of FEP-e232.
func linkedQuote(d *Document) string {
	for _, v := range d.entries("tag") {
		tag, ok := v.(*Document)
		if !ok || tag.Type() != string(ap.LinkType) {
			continue
		}
		media := tag.bare("mediaType")
		if !strings.HasPrefix(media, "application/ld+json") && !strings.HasPrefix(media, "application/activity+json") {
			continue
		}
		quote := strings.HasPrefix(tag.bare("name"), "RE:")
		for _, rel := range tag.entries("rel") {
			quote = quote || rel == "https://misskey-hub.net/ns#_misskey_quote" || rel == "https://w3id.org/fep/044f#quote"
		}
		if href := tag.bare("href"); quote && CheckIRI(href) == nil {
			return href
		}
	}
	return ""
}

// A Stamp is a QuoteAuthorization: its author lets the post Quoting quote the post Quoted.
type Stamp struct{ ID, Author, Quoting, Quoted string }

// ParseStamp reads a QuoteAuthorization. The error is ErrMalformed.
func ParseStamp(d *Document) (*Stamp, error) {
	s := &Stamp{}
	if d.Type() != QuoteAuthorizationType {
		return nil, fmt.Errorf("read stamp: a %s: %w", shortType(d.Type()), ErrMalformed)
	}
	for _, f := range []struct {
		name string
		to   *string
	}{{"id", &s.ID}, {"attributedTo", &s.Author}, {"interactingObject", &s.Quoting}, {"interactionTarget", &s.Quoted}} {
		var err error
		if *f.to, err = d.iri(f.name); err == nil && *f.to == "" {
			err = ErrMalformed
		}
		if err != nil {
			return nil, fmt.Errorf("read stamp: %s: %w", f.name, err)
		}
	}
	return s, nil
}

// Stamp writes the leave that an account of ours gave to a quote, as it is served.
func (w Writer) Stamp(q *storage.Quote, author *storage.Account) ([]byte, error) {
	t, err := stamp(q, author)
	if err != nil {
		return nil, err
	}
	return t.json(quoteContext())
}

func stamp(q *storage.Quote, author *storage.Account) (*thing, error) {
	var c ids
	t := &thing{core: &ap.Object{ID: c.need("stamp", q.ApprovalURI), Type: QuoteAuthorizationType, AttributedTo: c.need("author", author.URI)}}
	t.add("interactingObject", string(c.need("quoting post", q.PostURI)))
	t.add("interactionTarget", string(c.need("quoted post", q.QuotedURI)))
	if c.err != nil {
		return nil, fmt.Errorf("write stamp of %s: %w", q.PostURI, c.err)
	}
	return t, nil
}

// RevokeStamp takes the leave back.
func (w Writer) RevokeStamp(id string, q *storage.Quote, author *storage.Account, to []string) ([]byte, error) {
	t, err := stamp(q, author)
	if err != nil {
		return nil, err
	}
	return aboutIn(quoteContext(), ap.DeleteType, id, author, t, nil, to, nil)
}

// QuoteRequest asks the author of a quoted post for leave. note is the quoting post as Note wrote it.
func (w Writer) QuoteRequest(q *storage.Quote, author *storage.Account, quoted string, note []byte) ([]byte, error) {
	var c ids
	act := c.activity(QuoteRequestType, q.RequestURI, author, c.need("quoted post", q.QuotedURI), []string{quoted}, nil)
	if c.err != nil {
		return nil, fmt.Errorf("write request to quote %s: %w", q.QuotedURI, c.err)
	}
	act.add("instrument", json.RawMessage(note))
	return act.json(quoteContext())
}

// AcceptQuote gives leave: the result is where the stamp is.
func (w Writer) AcceptQuote(id string, q *storage.Quote, author, asker *storage.Account) ([]byte, error) {
	return answerQuote(ap.AcceptType, id, q, author, asker, q.ApprovalURI)
}

// RejectQuote refuses it.
func (w Writer) RejectQuote(id string, q *storage.Quote, author, asker *storage.Account) ([]byte, error) {
	return answerQuote(ap.RejectType, id, q, author, asker, "")
}

func answerQuote(kind ap.ActivityVocabularyType, id string, q *storage.Quote, author, asker *storage.Account, result string) ([]byte, error) {
	var c ids
	request := c.activity(QuoteRequestType, q.RequestURI, asker, c.need("quoted post", q.QuotedURI), nil, nil)
	request.add("instrument", string(c.need("quoting post", q.PostURI)))
	if result != "" {
		c.need("stamp", result)
	}
	if c.err != nil {
		return nil, fmt.Errorf("write answer to %s: %w", q.RequestURI, c.err)
	}
	var extra []field
	if result != "" {
		extra = []field{{"result", result}}
	}
	return aboutIn(quoteContext(), kind, id, author, request, extra, []string{asker.URI}, nil)
}

// addQuote writes what a post quotes, in the word of FEP-044f and those that servers read before it.
func addQuote(note *thing, c *ids, q *storage.Quote) {
	id := string(c.need("quoted post", q.QuotedURI))
	for _, name := range []string{"quote", "quoteUri", "_misskey_quote"} {
		note.add(name, id)
	}
	if q.State == storage.QuoteAccepted && q.ApprovalURI != "" {
		note.add("quoteAuthorization", string(c.need("stamp", q.ApprovalURI)))
	}
}

type writtenPolicy struct {
	CanQuote struct {
		Automatic []string `json:"automaticApproval"`
	} `json:"canQuote"`
}

// quotePolicy writes whom the author lets quote a post. What isn't for everybody can be quoted by its author alone.
func quotePolicy(p *storage.Post, author *storage.Account) writtenPolicy {
	var w writtenPolicy
	who := author.URI
	if p.Visibility == storage.Public || p.Visibility == storage.Unlisted {
		switch p.QuotePolicy {
		case storage.QuotePublic:
			who = Public
		case storage.QuoteFollowers:
			who = author.FollowersURI
		}
	}
	w.CanQuote.Automatic = []string{who}
	return w
}

func quoteContext() any {
	return []any{activityStreams, quoteTerms(circleTerms(map[string]any{}))}
}

func quoteTerms(terms map[string]any) map[string]any {
	id := func(iri string) any { return map[string]any{"@id": iri, "@type": "@id"} }
	const fep = "https://w3id.org/fep/044f#"
	terms[QuoteRequestType] = fep + QuoteRequestType
	terms[QuoteAuthorizationType] = fep + QuoteAuthorizationType
	terms["quote"] = id(fep + "quote")
	terms["quoteAuthorization"] = id(fep + "quoteAuthorization")
	terms["quoteUri"] = "http://fedibird.com/ns#quoteUri"
	terms["_misskey_quote"] = "https://misskey-hub.net/ns#_misskey_quote"
	terms["gts"] = "https://gotosocial.org/ns#"
	terms["interactionPolicy"] = id("gts:interactionPolicy")
	terms["canQuote"] = id("gts:canQuote")
	terms["automaticApproval"] = id("gts:automaticApproval")
	terms["interactingObject"] = id("gts:interactingObject")
	terms["interactionTarget"] = id("gts:interactionTarget")
	return terms
}
