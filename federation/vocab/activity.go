package vocab

import (
	"fmt"
	"time"

	ap "github.com/go-ap/activitypub"
)

// A Ref points to something by its id, with the thing itself where the sender embedded it. An
// embedded thing is only what the sender says: trust it as far as its id's host and the signer agree.
type Ref struct {
	ID       string    // empty where an embedded object has none
	Document *Document // the embedded object, or nil
}

// An Activity is something an actor says it did.
type Activity struct {
	ID    string
	Type  string // the first type we know, or the first one given
	Actor string // exactly one
	// Object is what it was done to; empty where none or, for a Flag, several were given.
	Object  Ref
	Objects []Ref // all of them
	Target  Ref
	// Instrument is the quoting post of a QuoteRequest, Result the stamp of its Accept.
	Instrument, Result Ref
	Content            string   // of a Flag: what is complained of
	To, Cc             []string // as:Public is always spelled Public
	Published          time.Time
	Circle             string // our extension, on an Announce
	// CircleVisibility is what a share addressed to followers is within its circle.
	CircleVisibility string
	Raw              []byte
}

// ParseActivity reads an activity. An id, a type and exactly one actor must be there, and at most one
// object unless it is a Flag. The error is ErrMalformed.
func ParseActivity(d *Document) (*Activity, error) {
	a := &Activity{Type: d.Type(), Published: d.date("published"), Content: d.text("content", MaxSummary), Raw: d.Raw}
	var err error
	fail := func(err error) (*Activity, error) {
		return nil, fmt.Errorf("read %s activity: %w", shortType(a.Type), err)
	}
	if a.ID, err = d.ID(); err != nil {
		return fail(err)
	}
	if a.Actor, err = d.iri("actor"); err != nil {
		return fail(err)
	}
	if a.ID == "" || a.Type == "" || a.Actor == "" {
		return fail(fmt.Errorf("it needs an id, a type and an actor: %w", ErrMalformed))
	}
	if err = d.refuseMore("object"); err != nil {
		return fail(err)
	}
	if a.Objects, err = d.refs("object"); err != nil {
		return fail(err)
	}
	switch {
	case len(a.Objects) == 1:
		a.Object = a.Objects[0]
	case len(a.Objects) > 1 && a.Type != string(ap.FlagType):
		return fail(fmt.Errorf("it has several objects: %w", ErrMalformed))
	}
	for _, f := range []struct {
		name string
		to   *Ref
	}{{"target", &a.Target}, {"instrument", &a.Instrument}, {"result", &a.Result}} {
		if *f.to, err = d.ref(f.name); err != nil {
			return fail(err)
		}
	}
	if a.To, err = d.recipients("to"); err != nil {
		return fail(err)
	}
	if a.Cc, err = d.recipients("cc"); err != nil {
		return fail(err)
	}
	a.Circle, a.CircleVisibility = circleOf(d)
	return a, nil
}

// Visibility is who a share is for; see Object.Visibility.
func (a *Activity) Visibility(followersURI string) string {
	return visibility(a.To, a.Cc, followersURI, a.Circle, a.CircleVisibility)
}

// shortType is a stranger's type as an error may tell it.
func shortType(t string) string {
	if t == "" {
		return "an untyped"
	}
	return fmt.Sprintf("%q", cut(t, 40))
}
