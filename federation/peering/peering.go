// Package peering is how two nodes become peers, and how they stay true to each other.
//
// An admin invites; another answers; both compare a code; the first confirms, and both
// allow-lists change. From then on each node knows the other's key and tells it, signed, what it
// changes: terms, suspension, the end, a new key. An organisation is a signed list of nodes, kept by
// one of them, that the others take as their siblings. docs/federation/peering.md has the formats.
//
// Files: invite.go and confirm.go are the handshake, code.go its arithmetic, message.go what is
// signed, tell.go what linked nodes say later · organisation.go and join.go are the list · admin.go, csv.go and
// plan.go are what an admin does without the other side · check.go tests a link · keep.go runs by itself.
//
// What must never happen: something that nobody invited is acted on, or makes this node ask
// anybody anything; a code is shown twice to somebody who may be in the middle; an older message or
// list undoes a newer one.
package peering

import (
	"context"
	"crypto"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"ruche/federation"
	"ruche/storage"
	"ruche/storage/queue"
)

// Peering carries out what admins decide about other nodes, and answers what those tell.
type Peering struct {
	DB   *storage.DB
	Node *federation.Node
	Log  *slog.Logger
	// Refused is told the reason of everything that was turned away.
	Refused func(reason string)
	// ForgetMedia queues the removal of bytes whose rows go in this transaction.
	ForgetMedia func(ctx context.Context, tx *storage.Tx, keys []string) error
}

// Kinds of job.
const (
	JobTell         = "peering-tell"         // a signed message to a linked node
	JobOrganisation = "peering-organisation" // read a list again
	JobCheck        = "peering-check"        // is a peer's key still the same, and what does it run
)

// Register tells the queue who does the jobs of peering.
func (p *Peering) Register(q *queue.Queue) {
	q.Handle(JobTell, p.deliverTold)
	q.Handle(JobOrganisation, p.refreshJob)
	q.Handle(JobCheck, p.check)
	q.Handle(storage.JobPeers, p.keep)
	q.Handle(storage.JobPurge, p.purge)
}

// Routes lists what other nodes and admins may reach without being peers.
func (p *Peering) Routes() []federation.Route {
	return []federation.Route{
		{Method: "GET", Path: invitePath, Handler: p.invitePage},
		{Method: "POST", Path: answerPath, Handler: p.receive},
		{Method: "GET", Path: organisationPath, Handler: p.serveOrganisation},
	}
}

const (
	invitePath       = "/peering"
	answerPath       = "/peering/messages"
	organisationPath = "/.well-known/ruche-organisation"
)

// address is a path on a host.
func (p *Peering) address(host, path string) string {
	scheme := "https://"
	if p.Node.Plain {
		scheme = "http://"
	}
	return scheme + host + path
}

// self is this node as its messages name it.
type self struct {
	account     *storage.Account
	key         crypto.PrivateKey
	fingerprint string
}

func (p *Peering) self(ctx context.Context) (*self, error) { return selfOf(ctx, &p.DB.Queries) }

func selfOf(ctx context.Context, q *storage.Queries) (*self, error) {
	a, err := q.ServiceActor(ctx)
	if err != nil {
		return nil, err
	}
	key, err := federation.ParsePrivateKey(a.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("key of the service actor: %w", err)
	}
	print, err := federation.Fingerprint(a.PublicKey)
	return &self{a, key, print}, err
}

// invitePage is what somebody sees who opens an invitation's link in a browser. The secret is
// behind the #, which no browser sends.
func (p *Peering) invitePage(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = fmt.Fprintf(w, "This link invites another node to be linked with %s.\nGive it to the admin of that node, who opens it there: ruche peer accept 'LINK'\n\n"+
		"Ce lien invite un autre nœud à se relier à %s.\nDonnez-le à l'admin de ce nœud, qui l'ouvre là-bas : ruche peer accept 'LIEN'\n", p.Node.Name, p.Node.Name)
}

// Terms are what one side lets cross, and how the other stands to it.
type Terms struct {
	Tier string         `json:"tier"`
	In   storage.Rights `json:"in"`
	Out  storage.Rights `json:"out"`
	// EndsAt is when the contract ends; the earlier of both sides' counts.
	EndsAt time.Time `json:"ends_at,omitzero"`
	// Organisation is what siblings belong to.
	Organisation    string `json:"organisation,omitempty"`
	OrganisationKey string `json:"organisation_key,omitempty"`

	// For this side alone; never told.
	Contact        string `json:"contact,omitempty"`
	Note           string `json:"note,omitempty"`
	ApproveFollows bool   `json:"approve_follows,omitempty"`
	PublicWeb      bool   `json:"public_web,omitempty"`
	Subscribe      bool   `json:"subscribe,omitempty"`
	Rate           int    `json:"rate,omitempty"`
}

// AllTerms are those of a peer of a tier where nobody chose otherwise.
func AllTerms(tier string) Terms {
	return Terms{Tier: tier, In: storage.AllRights, Out: storage.AllRights, Subscribe: tier == storage.Sibling}
}

// told is what of the terms the other side hears.
func (t Terms) told() Terms {
	return Terms{Tier: t.Tier, In: t.In, Out: t.Out, EndsAt: t.EndsAt, Organisation: t.Organisation, OrganisationKey: t.OrganisationKey}
}

// agreed is what of our terms theirs allow: what comes in here must go out there.
func (t Terms) agreed(theirs Terms) Terms {
	t.In, t.Out = t.In.And(theirs.Out), t.Out.And(theirs.In)
	if t.EndsAt.IsZero() || !theirs.EndsAt.IsZero() && theirs.EndsAt.Before(t.EndsAt) {
		t.EndsAt = theirs.EndsAt
	}
	if t.Tier != storage.Sibling || theirs.Tier != storage.Sibling {
		t.Tier, t.Organisation, t.OrganisationKey, t.Subscribe = storage.Partner, "", "", t.Subscribe && t.Tier != storage.Sibling
	} else if t.Organisation == "" {
		t.Organisation, t.OrganisationKey = theirs.Organisation, theirs.OrganisationKey
	}
	return t
}

// termsOf are those of a row.
func termsOf(p *storage.Peer) Terms {
	return Terms{Tier: p.Tier, In: p.In, Out: p.Out, EndsAt: p.EndsAt}
}

// onto writes the terms into a row.
func (t Terms) onto(p *storage.Peer) {
	p.Tier, p.In, p.Out, p.EndsAt = t.Tier, t.In, t.Out, t.EndsAt
	p.ApproveFollows, p.PublicWeb, p.Subscribe, p.Rate = t.ApproveFollows, t.PublicWeb, t.Subscribe, t.Rate
	if t.Contact != "" {
		p.Contact = t.Contact
	}
	if t.Note != "" {
		p.Note = t.Note
	}
}
