package peering

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"ruche/federation"
	"ruche/storage"
)

// Limits of a list.
const (
	maxMembers = 500
	maxList    = 512 << 10
)

// Errors about a list. Their texts are for the admin.
var (
	ErrList    = errors.New("the list isn't to be believed")
	ErrOldList = fmt.Errorf("it is older than the one that this node knows: %w", ErrList)
)

// A Member is a node on an organisation's list.
type Member struct {
	Host        string `json:"host"`
	Actor       string `json:"actor"`
	Inbox       string `json:"inbox"`
	Domain      string `json:"domain,omitempty"`
	Name        string `json:"name,omitempty"`
	Fingerprint string `json:"fingerprint"`
}

// A List names the nodes of an organisation.
type List struct {
	Organisation string    `json:"organisation"` // the URI that it is served at
	Name         string    `json:"name"`
	Keeper       string    `json:"keeper"` // host
	Version      int64     `json:"version"`
	At           time.Time `json:"at"`
	Members      []Member  `json:"members"`
}

func (l *List) has(host string) bool {
	return slices.ContainsFunc(l.Members, func(m Member) bool { return m.Host == host })
}

// signedList carries a list as the text that was signed, and how the organisation came to its key.
type signedList struct {
	List      string     `json:"list"`
	Key       string     `json:"key"` // Ed25519, base64
	Signature string     `json:"signature"`
	Rotations []rotation `json:"rotations,omitempty"`
}

// A rotation is an old key's word for the new one.
type rotation struct {
	Old       string `json:"old"`
	New       string `json:"new"`
	Signature string `json:"signature"` // by old
}

const listPrefix = "ruche-organisation/1\n"

func rotationText(uri, old, fresh string) []byte {
	return hashed("organisation key", uri, old, fresh)
}

// signList writes a list with the organisation's key.
func signList(org *storage.Organisation, l *List, rotations []rotation) error {
	text, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("write list: %w", err)
	}
	private, err := base64.StdEncoding.DecodeString(org.PrivateKey)
	if err != nil || len(private) != ed25519.PrivateKeySize {
		return fmt.Errorf("this node doesn't keep the organisation %s", org.URI)
	}
	signature := ed25519.Sign(private, []byte(listPrefix+string(text)))
	document, err := json.Marshal(signedList{string(text), org.PublicKey, base64.StdEncoding.EncodeToString(signature), rotations})
	if err != nil {
		return fmt.Errorf("write list: %w", err)
	}
	org.Document, org.Version, org.Name = string(document), l.Version, l.Name
	return nil
}

// ReadList reads a list as it was served. trusted is the key that this node knows the organisation by; the document's own
// must be that one, or follow from it by the word of each key for the next. The error wraps ErrList.
func ReadList(document []byte, uri, trusted string) (*List, string, error) {
	if len(document) > maxList {
		return nil, "", fmt.Errorf("more than %d bytes: %w", maxList, ErrList)
	}
	var s signedList
	if err := json.Unmarshal(document, &s); err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrList, err)
	}
	key := trusted
	for _, r := range s.Rotations[:min(len(s.Rotations), maxRotations)] {
		if r.Old == key && signedBy(r.Old, rotationText(uri, r.Old, r.New), r.Signature) {
			key = r.New
		}
	}
	if s.Key != key {
		return nil, "", fmt.Errorf("it is signed by the key %q, which isn't the organisation's: %w", clipText(s.Key), ErrList)
	}
	if !signedBy(s.Key, []byte(listPrefix+s.List), s.Signature) {
		return nil, "", fmt.Errorf("its signature is wrong: %w", ErrList)
	}
	l := new(List)
	if err := json.Unmarshal([]byte(s.List), l); err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrList, err)
	}
	keeper, err := federation.HostOf(uri)
	if err != nil || l.Organisation != uri || l.Keeper != keeper || l.Version < 1 || len(l.Members) > maxMembers {
		return nil, "", fmt.Errorf("it isn't the list of %s: %w", uri, ErrList)
	}
	seen := map[string]bool{}
	for _, m := range l.Members {
		if err := m.check(); err != nil || seen[m.Host] {
			return nil, "", fmt.Errorf("member %q: %w", clipText(m.Host), ErrList)
		}
		seen[m.Host] = true
	}
	return l, key, nil
}

func (m Member) check() error {
	if normal, err := federation.NormalizeHost(m.Host); err != nil || normal != m.Host {
		return ErrList
	}
	for _, uri := range []string{m.Actor, m.Inbox} {
		if host, err := federation.HostOf(uri); err != nil || host != m.Host {
			return ErrList
		}
	}
	if m.Domain != "" {
		if normal, err := federation.NormalizeHost(m.Domain); err != nil || normal != m.Domain {
			return ErrList
		}
	}
	if len(m.Fingerprint) != 64 {
		return ErrList
	}
	return nil
}

func signedBy(key string, text []byte, signature string) bool {
	public, err := base64.StdEncoding.DecodeString(key)
	raw, err2 := base64.StdEncoding.DecodeString(signature)
	return err == nil && err2 == nil && len(public) == ed25519.PublicKeySize && ed25519.Verify(public, text, raw)
}

func clipText(s string) string {
	if len(s) > 60 {
		return s[:60]
	}
	return s
}

// CreateOrganisation makes an organisation that this node keeps and is the first member of.
func (p *Peering) CreateOrganisation(ctx context.Context, name string) (*storage.Organisation, error) {
	me, err := p.self(ctx)
	if err != nil {
		return nil, err
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate key: %w", err)
	}
	org := &storage.Organisation{URI: p.address(p.Node.Host, organisationPath), Name: name, Role: storage.OrgKeeper, Keeper: p.Node.Host,
		PublicKey: base64.StdEncoding.EncodeToString(public), PrivateKey: base64.StdEncoding.EncodeToString(private)}
	err = p.DB.Update(ctx, func(tx *storage.Tx) error {
		orgs, err := tx.Organisations(ctx)
		if err != nil {
			return err
		}
		for _, o := range orgs {
			if o.Role != storage.OrgAccepted {
				return fmt.Errorf("this node belongs to %s already: a node has one organisation: %w", o.Name, storage.ErrExists)
			}
		}
		own := Member{Host: p.Node.Host, Actor: me.account.URI, Inbox: me.account.SharedInboxURI, Name: p.Node.Name, Fingerprint: me.fingerprint}
		if p.Node.Domain != p.Node.Host {
			own.Domain = p.Node.Domain
		}
		if err := signList(org, &List{Organisation: org.URI, Name: name, Keeper: org.Keeper, Version: 1, At: tx.Now(), Members: []Member{own}}, nil); err != nil {
			return err
		}
		if err := tx.SaveOrganisation(ctx, org); err != nil {
			return err
		}
		return tx.Audit(ctx, storage.AuditEntry{Action: storage.ActionOrganisation, Subject: storage.Subject{Kind: "organisation", ID: org.URI}, After: org})
	})
	return org, err
}

// kept is the organisation that this node keeps.
func (p *Peering) kept(ctx context.Context) (*storage.Organisation, error) {
	return keptBy(ctx, &p.DB.Queries)
}

func keptBy(ctx context.Context, q *storage.Queries) (*storage.Organisation, error) {
	orgs, err := q.Organisations(ctx)
	if err != nil {
		return nil, err
	}
	for _, o := range orgs {
		if o.Role == storage.OrgKeeper {
			return o, nil
		}
	}
	return nil, fmt.Errorf("this node keeps no organisation; one node of it does, and invites the others: %w", storage.ErrNotFound)
}

// publish signs the next version of the list that this node keeps and tells every linked node of it.
func (p *Peering) publish(ctx context.Context, tx *storage.Tx, me *self, change func(*List) error) error {
	return p.republish(ctx, tx, me, func(_ *storage.Organisation, _ *signedList, l *List) error { return change(l) })
}

// republish is publish for a change of the key as well: of the organisation's keys, and of the rotations in s.
func (p *Peering) republish(ctx context.Context, tx *storage.Tx, me *self, change func(org *storage.Organisation, s *signedList, l *List) error) error {
	org, err := keptBy(ctx, &tx.Queries)
	if err != nil {
		return err
	}
	list, _, err := ReadList([]byte(org.Document), org.URI, org.PublicKey)
	if err != nil {
		return fmt.Errorf("read our own list: %w", err)
	}
	var s signedList
	if err := json.Unmarshal([]byte(org.Document), &s); err != nil {
		return fmt.Errorf("read our own list: %w", err)
	}
	if err := change(org, &s, list); err != nil {
		return err
	}
	list.Version, list.At = list.Version+1, tx.Now()
	slices.SortFunc(list.Members, func(a, b Member) int {
		if a.Host < b.Host {
			return -1
		}
		return 1
	})
	if err := signList(org, list, s.Rotations); err != nil {
		return err
	}
	if err := tx.SaveOrganisation(ctx, org); err != nil {
		return err
	}
	if err := tx.Audit(ctx, storage.AuditEntry{Action: storage.ActionOrganisation, Subject: storage.Subject{Kind: "organisation", ID: org.URI}, After: list}); err != nil {
		return err
	}
	if err := p.reconcile(ctx, tx, org, list, nil); err != nil {
		return err
	}
	peers, err := tx.Peers(ctx)
	if err != nil {
		return err
	}
	for _, peer := range peers {
		// Those who accepted the organisation as partners hear of it too.
		if peer.Linked() && peer.State == storage.PeerActive || peer.Organisation == org.URI {
			if err := p.tell(ctx, tx, me, &message{Type: typeOrganisation, To: peer.Host, Organisation: org.URI}); err != nil {
				return err
			}
		}
	}
	return nil
}

// maxRotations is how many changes of its key a list tells of.
const maxRotations = 100

// RotateOrganisationKey gives the organisation that this node keeps a new key, and publishes its list with the old
// key's word for it: who trusts the old one trusts the new one from then on, and the old one signs nothing more.
// It gives the new public key. Whoever has the old private key can do the same: once it may have been copied, the
// organisation is made anew.
func (p *Peering) RotateOrganisationKey(ctx context.Context) (string, error) {
	me, err := p.self(ctx)
	if err != nil {
		return "", err
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", fmt.Errorf("generate key: %w", err)
	}
	fresh := base64.StdEncoding.EncodeToString(public)
	err = p.DB.Update(ctx, func(tx *storage.Tx) error {
		return p.republish(ctx, tx, me, func(org *storage.Organisation, s *signedList, _ *List) error {
			if len(s.Rotations) >= maxRotations {
				return fmt.Errorf("the key changed %d times, and a list tells of no more: make the organisation anew", maxRotations)
			}
			old, err := base64.StdEncoding.DecodeString(org.PrivateKey)
			if err != nil || len(old) != ed25519.PrivateKeySize {
				return fmt.Errorf("the key of %s is broken here: restore it from a backup", org.Name)
			}
			word := ed25519.Sign(old, rotationText(org.URI, org.PublicKey, fresh))
			s.Rotations = append(s.Rotations, rotation{Old: org.PublicKey, New: fresh, Signature: base64.StdEncoding.EncodeToString(word)})
			org.PublicKey, org.PrivateKey = fresh, base64.StdEncoding.EncodeToString(private)
			return tx.Audit(ctx, storage.AuditEntry{Action: storage.ActionRotateKey, Subject: storage.Subject{Kind: "organisation", ID: org.URI}, Facts: fresh})
		})
	})
	return fresh, err
}

// serveOrganisation shows the list that this node keeps to whoever asks: it is signed, and names
// nodes, not people.
func (p *Peering) serveOrganisation(w http.ResponseWriter, r *http.Request) {
	org, err := p.kept(r.Context())
	if err != nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write([]byte(org.Document))
}
