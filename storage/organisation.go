package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Roles of this node towards an organisation.
const (
	OrgKeeper   = "keeper"   // we keep and sign its list, and are a member
	OrgMember   = "member"   // we are on the list, and its nodes are our siblings
	OrgAccepted = "accepted" // we aren't on it, and its nodes are our partners
)

// An Organisation is a signed list of nodes that this node follows or keeps.
type Organisation struct {
	bun.BaseModel `bun:"table:organisations,alias:og"`
	URI           string    `bun:",pk" json:"uri"` // where the list is served
	Name          string    `json:"name"`
	Role          string    `json:"role"`
	Keeper        string    `json:"keeper"`     // host
	PublicKey     string    `json:"public_key"` // Ed25519, base64
	PrivateKey    string    `json:"-"`          // the keeper's alone
	Version       int64     `json:"version"`
	Document      string    `json:"-"` // the list as it was signed
	Terms         string    `json:"-"` // JSON: the policy that members get here
	FetchedAt     time.Time `json:"fetched_at"`
	Error         string    `json:"error,omitempty"` // of the last attempt to read it
}

// Organisations lists those that this node keeps, belongs to or accepts.
func (q *Queries) Organisations(ctx context.Context) ([]*Organisation, error) {
	var rows []*Organisation
	return rows, wrap("list organisations", q.idb.NewSelect().Model(&rows).Order("og.uri").Scan(ctx))
}

// Organisation finds one by its URI.
func (q *Queries) Organisation(ctx context.Context, uri string) (*Organisation, error) {
	o := new(Organisation)
	if err := q.idb.NewSelect().Model(o).Where("og.uri = ?", uri).Scan(ctx); err != nil {
		return nil, notFound("organisation "+uri, err)
	}
	return o, nil
}

// SaveOrganisation adds or changes one.
func (tx *Tx) SaveOrganisation(ctx context.Context, o *Organisation) error {
	o.FetchedAt = tx.Now()
	_, err := tx.idb.NewInsert().Model(o).On("CONFLICT (uri) DO UPDATE").
		Set("name = EXCLUDED.name").Set("role = EXCLUDED.role").Set("keeper = EXCLUDED.keeper").Set("public_key = EXCLUDED.public_key").
		Set("private_key = EXCLUDED.private_key").Set("version = EXCLUDED.version").Set("document = EXCLUDED.document").
		Set("terms = EXCLUDED.terms").Set("fetched_at = EXCLUDED.fetched_at").Set("error = EXCLUDED.error").Exec(ctx)
	if err != nil {
		return fmt.Errorf("save organisation %s: %w", o.URI, err)
	}
	return nil
}

// OrganisationFailed keeps why a list could not be read or wasn't taken.
func (tx *Tx) OrganisationFailed(ctx context.Context, uri, cause string) error {
	_, err := tx.idb.NewRaw("UPDATE organisations SET error = ? WHERE uri = ?", clip(cause, 500), uri).Exec(ctx)
	return wrap("keep error of "+uri, err)
}

// RemoveOrganisation forgets one; its members' rows are the caller's to settle.
func (tx *Tx) RemoveOrganisation(ctx context.Context, uri string) error {
	_, err := tx.idb.NewDelete().Model((*Organisation)(nil)).Where("uri = ?", uri).Exec(ctx)
	return wrap("remove organisation "+uri, err)
}

// PeersOf lists the peers that a list brought here.
func (q *Queries) PeersOf(ctx context.Context, organisation string) ([]*Peer, error) {
	var rows []*Peer
	return rows, wrap("list members", q.idb.NewSelect().Model(&rows).Where("pe.organisation = ?", organisation).Order("pe.host").Scan(ctx))
}

// Subscribers lists the shared inboxes of the peers that get whatever is public in a circle that includes
// them.
func (q *Queries) Subscribers(ctx context.Context) ([]InboxTarget, error) {
	var rows []InboxTarget
	err := q.idb.NewRaw("SELECT host AS peer, shared_inbox AS inbox, ? AS shared FROM peers WHERE state = ? AND subscribe AND shared_inbox <> '' ORDER BY host", true, PeerActive).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("list subscribers: %w", err)
	}
	return rows, nil
}
