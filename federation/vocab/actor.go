package vocab

import (
	"fmt"
	"time"

	"ruche/storage"
)

// An Actor is who acts, as its server describes it. All texts are as sent, not sanitised.
type Actor struct {
	ID, Type             string // Type is one of storage's kinds of account
	PreferredUsername    string
	Name, Summary        string
	URL                  string
	Inbox, Outbox        string
	Followers, Following string
	SharedInbox          string
	Featured             string // the collection of its pinned posts
	FeaturedTags         string
	Emojis               []Emoji
	Icon, Image          string // URLs of the avatar and the header picture
	ManuallyApproves     bool
	Discoverable         bool
	Indexable            bool
	Bot                  bool // a Service or Application
	Suspended            bool
	PublicKeys           []Key // of publicKey, then of assertionMethod
	AlsoKnownAs          []string
	MovedTo              string
	Webfinger            string // user@domain (FEP-2c59), or empty
	Fields               []storage.Field
	Department           string // our extension
	Circles              bool   // its server keeps our circles (CirclesIRI)
	Published            time.Time
	Raw                  []byte
}

// ParseActor reads an actor. An id, a type that acts and an inbox must be there. A key that is given
// twice in ways that disagree refuses the whole: two readers would trust different ones. The
// error is ErrMalformed.
func ParseActor(d *Document) (*Actor, error) {
	a := &Actor{
		Type:              d.Type(),
		PreferredUsername: d.text("preferredUsername", MaxName),
		Name:              d.text("name", MaxName),
		Summary:           d.text("summary", MaxSummary),
		URL:               d.link("url"),
		Icon:              d.link("icon"),
		Image:             d.link("image"),
		ManuallyApproves:  d.yes("manuallyApprovesFollowers"),
		Discoverable:      d.yes("discoverable"),
		Indexable:         d.yes("indexable"),
		Suspended:         d.yes("suspended"),
		Webfinger:         d.text("webfinger", MaxName),
		Fields:            profileFields(d),
		Emojis:            emojis(d),
		Department:        d.text("department", MaxName),
		Circles:           implements(d, CirclesIRI),
		Published:         d.date("published"),
		Raw:               d.Raw,
	}
	a.Bot = a.Type == storage.Service || a.Type == storage.Application
	fail := func(err error) (*Actor, error) { return nil, fmt.Errorf("read %s actor: %w", shortType(a.Type), err) }
	for _, f := range []struct {
		name string
		to   *string
	}{
		{"id", &a.ID}, {"inbox", &a.Inbox}, {"outbox", &a.Outbox},
		{"followers", &a.Followers}, {"following", &a.Following}, {"movedTo", &a.MovedTo},
	} {
		var err error
		if *f.to, err = d.iri(f.name); err != nil {
			return fail(err)
		}
	}
	if a.ID == "" || a.Inbox == "" || !IsActor(a.Type) {
		return fail(fmt.Errorf("it needs an id, a type that acts and an inbox: %w", ErrMalformed))
	}
	var err error
	if endpoints, ok := d.fields["endpoints"].(*Document); ok {
		if a.SharedInbox, err = endpoints.iri("sharedInbox"); err != nil {
			return fail(err)
		}
	}
	// A wrong one of these costs the list, not the actor.
	if id, err := d.iri("featured"); err == nil {
		a.Featured = id
	}
	if id, err := d.iri("featuredTags"); err == nil {
		a.FeaturedTags = id
	}
	// Mitra lists did: identifiers among its aliases; they are left out.
	if a.AlsoKnownAs, err = d.recipients("alsoKnownAs"); err != nil {
		return fail(err)
	}
	a.AlsoKnownAs = a.AlsoKnownAs[:min(len(a.AlsoKnownAs), MaxAliases)]
	if a.PublicKeys, err = actorKeys(d); err != nil {
		return fail(err)
	}
	return a, nil
}

func profileFields(d *Document) []storage.Field {
	var out []storage.Field
	for _, v := range d.entries("attachment") {
		f, ok := v.(*Document)
		if !ok || f.Type() != "PropertyValue" {
			continue
		}
		out = append(out, storage.Field{Name: f.text("name", MaxName), Value: f.text("value", MaxName)})
		if len(out) == MaxFields {
			break
		}
	}
	return out
}

// implements says whether the actor's server declares a capability (FEP-844e).
func implements(d *Document, capability string) bool {
	generator, ok := d.fields["generator"].(*Document)
	if !ok {
		return false
	}
	for _, v := range generator.entries("implements") {
		if doc, ok := v.(*Document); ok {
			if v = doc.fields["href"]; v == nil {
				v = doc.fields["id"]
			}
		}
		if v == capability {
			return true
		}
	}
	return false
}
