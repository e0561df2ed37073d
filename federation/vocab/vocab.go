// Package vocab translates between what the node stores and ActivityStreams, the words nodes
// speak to each other.
//
// Coming in, a body from outside is read once by Decode, which trusts nothing: it is bounded in
// size, depth and length, refuses what two readers could read differently (a key given twice, a
// JSON-LD keyword that moves properties elsewhere), and keeps the bytes as they came. ParseActivity,
// ParseObject, ParseActor and ParseCollection then take what we know out of it. Contexts are not
// expanded: a name means what ActivityStreams and the fediverse's habits say it means, whatever
// the sender's context claims. Texts come out as they were sent; to sanitise them, and to judge who may say
// what, is the caller's work.
//
// Going out, a Writer turns posts, accounts, follows and likes of ours into JSON, one file for each
// kind of thing we say. go-ap/activitypub gives the names, the types and the skeleton; what it can't
// carry is spliced in. It never decodes or encodes what a stranger wrote: its decoder takes a minute
// for 180 kB of recipients, and its encoder writes ids unescaped. So every id passes CheckIRI before
// it is handed over, and every text is written by encoding/json.
//
// No other package knows go-ap, and what leaves this one is either valid JSON or an error.
package vocab

import "errors"

// Errors of reading. ErrTooMany and ErrTooLarge are also ErrMalformed.
var (
	// ErrMalformed is a document that isn't what it must be: the sender is at fault, and sending it
	// again won't help.
	ErrMalformed = errors.New("malformed document")
	ErrTooMany   = malformed("too many entries")
	ErrTooLarge  = malformed("document too large")
	// ErrInvalid is a thing of ours that can't be written: an id that isn't an IRI, or a post that
	// isn't for the peer.
	ErrInvalid = errors.New("cannot be written")
)

// Limits on what is read. What is longer is cut where cutting does no harm (texts, lists of
// decoration), and refused where it would change the meaning (ids, recipients, tags).
const (
	MaxBody        = 1 << 20 // bytes; the same that other servers accept
	MaxDepth       = 64
	MaxEntries     = 1000 // of any array; recipients and tags beyond it are refused
	MaxIRI         = 2048 // bytes
	MaxContent     = 256 << 10
	MaxSummary     = 20 << 10 // of a post's warning or an actor's biography
	MaxName        = 2048
	MaxDescription = 10 << 10 // alt text
	MaxOptions     = 500      // of a poll
	MaxFields      = 50       // of a profile
	MaxAliases     = 256
	MaxAttachments = 64
	MaxKeys        = 16
	MaxPEM         = 16 << 10
	MaxLanguages   = 50 // of a contentMap
)

// Names of our own.
const (
	// Public is the collection of everybody (ActivityPub §5.6).
	Public = "https://www.w3.org/ns/activitystreams#Public"
	// CirclesIRI is what a server implements (FEP-844e) that keeps our circles: a post for the
	// organisation stays in the organisation, and public within a circle is never shown outside.
	CirclesIRI = "urn:ruche:circle:1"
)

type malformedError struct{ what string }

func (e *malformedError) Error() string        { return e.what }
func (e *malformedError) Is(target error) bool { return target == ErrMalformed }

func malformed(what string) error { return &malformedError{what} }
