package api

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"ruche/federation"
	"ruche/federation/peering"
	"ruche/storage"
	"ruche/web/auth"
)

// Peers as Mastodon's lists of domains have them: an active one is allowed; a suspended one is silenced and a blocked one
// suspended, as in the lists that are imported and exported. Whoever is in neither list is kept out.

// DomainAllow is a peer that this node speaks with.
type DomainAllow struct {
	ID        string `json:"id"`
	Domain    string `json:"domain"`
	CreatedAt string `json:"created_at"`
}

// DomainBlock is a peer that this node doesn't speak with any more.
type DomainBlock struct {
	ID             string  `json:"id"`
	Domain         string  `json:"domain"`
	Digest         string  `json:"digest"`
	CreatedAt      string  `json:"created_at"`
	Severity       string  `json:"severity"`
	RejectMedia    bool    `json:"reject_media"`
	RejectReports  bool    `json:"reject_reports"`
	PrivateComment *string `json:"private_comment"`
	PublicComment  *string `json:"public_comment"`
	Obfuscate      bool    `json:"obfuscate"`
}

// severities are Mastodon's words for the states of peers that are kept out.
var severities = map[string]string{storage.PeerBlocked: "suspend", storage.PeerSuspended: "silence"}

// maxComment bounds the note about a peer, in characters.
const maxComment = 2000

// domainID is the number that stands for a host: the protocol has ids where this node has names. It is always the same one.
func domainID(host string) int64 {
	sum := sha256.Sum256([]byte(host))
	return int64(binary.BigEndian.Uint64(sum[:8]) >> 1)
}

// digestOf is what Mastodon's lists name a domain by that isn't told.
func digestOf(host string) string {
	sum := sha256.Sum256([]byte(host))
	return hex.EncodeToString(sum[:])
}

func domainAllow(p *storage.Peer) DomainAllow {
	return DomainAllow{ID: id(domainID(p.Host)), Domain: p.Host, CreatedAt: stamp(p.CreatedAt)}
}

func domainBlock(p *storage.Peer) DomainBlock {
	return DomainBlock{
		ID: id(domainID(p.Host)), Domain: p.Host, Digest: digestOf(p.Host), CreatedAt: stamp(p.UpdatedAt), Severity: severities[p.State], RejectMedia: true, RejectReports: true, PrivateComment: opt(p.Note),
	}
}

func isAllowed(p *storage.Peer) bool { return p.Active() }
func isBlocked(p *storage.Peer) bool { return severities[p.State] != "" }

// listDomains is the list of those peers that a choice takes. Hosts that only follow a *.domain are left out, as in
// lists that are exported.
func listDomains[E any](a *API, chosen func(*storage.Peer) bool, write func(*storage.Peer) E) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		v, err := auth.Params(r)
		if err != nil {
			return err
		}
		page := readPage(v, defaultAdmin, maxAdmin)
		if err := v.Err(); err != nil {
			return err
		}
		peers, err := a.DB.Peers(r.Context())
		if err != nil {
			return err
		}
		peers = slices.DeleteFunc(peers, func(p *storage.Peer) bool { return p.Via != "" || !chosen(p) })
		out, cursors := []E{}, []int64{}
		for _, p := range pageOfPeers(peers, page) {
			out, cursors = append(out, write(p)), append(cursors, domainID(p.Host))
		}
		a.linkCursors(w, r, page, cursors)
		return auth.JSON(w, out)
	}
}

// pageOfPeers takes a page out of peers, in the order of their numbers, the greatest first.
func pageOfPeers(peers []*storage.Peer, page storage.Page) []*storage.Peer {
	slices.SortFunc(peers, func(a, b *storage.Peer) int { return cmp.Compare(domainID(b.Host), domainID(a.Host)) })
	peers = slices.DeleteFunc(peers, func(p *storage.Peer) bool {
		n := domainID(p.Host)
		return page.MaxID > 0 && n >= page.MaxID || page.SinceID > 0 && n <= page.SinceID || page.MinID > 0 && n <= page.MinID
	})
	if len(peers) <= page.Limit {
		return peers
	}
	if page.MinID > 0 {
		return peers[len(peers)-page.Limit:]
	}
	return peers[:page.Limit]
}

// domainPeer finds the peer of a route's number among those that a choice takes.
func (a *API) domainPeer(r *http.Request, chosen func(*storage.Peer) bool) (*storage.Peer, error) {
	peers, err := a.DB.Peers(r.Context())
	if err != nil {
		return nil, err
	}
	for _, p := range peers {
		if chosen(p) && domainID(p.Host) == pathID(r) {
			return p, nil
		}
	}
	return nil, auth.NotFound()
}

func showDomain[E any](a *API, chosen func(*storage.Peer) bool, write func(*storage.Peer) E) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		p, err := a.domainPeer(r, chosen)
		if err != nil {
			return err
		}
		return auth.JSON(w, write(p))
	}
}

// refusal says in words why an act on a peer was refused.
func refusal(err error) error {
	for _, known := range []error{federation.ErrHost, storage.ErrDomainTaken, storage.ErrPurging, storage.ErrKeyHeld, peering.ErrState} {
		if errors.Is(err, known) {
			return auth.Invalid("%v", err)
		}
	}
	return err
}

// namedDomain reads the host that a request names.
func (a *API) namedDomain(ctx context.Context, v *auth.Values) (string, *storage.Peer, error) {
	host, err := peering.ParseHost(v.Str("domain"))
	if err != nil {
		return "", nil, refusal(err)
	}
	p, err := a.DB.PeerByHost(ctx, host)
	if errors.Is(err, storage.ErrNotFound) {
		return host, nil, nil
	}
	return host, p, err
}

// answerDomain answers with what an act has made of a peer.
func answerDomain[E any](a *API, w http.ResponseWriter, r *http.Request, host string, write func(*storage.Peer) E) error {
	p, err := a.DB.PeerByHost(r.Context(), host)
	if err != nil {
		return err
	}
	return auth.JSON(w, write(p))
}

// allowDomain is POST /api/v1/admin/domain_allows: a new partner with the policy of partners; one that is suspended, expired
// or blocked is active again with the policy that it had.
func (a *API) allowDomain(w http.ResponseWriter, r *http.Request) error {
	ctx, v, err := reasoned(r)
	if err != nil {
		return err
	}
	host, known, err := a.namedDomain(ctx, v)
	switch {
	case err != nil:
		return err
	case known == nil:
		err = a.Peering.Save(ctx, &storage.Peer{Host: host, Tier: storage.Partner, State: storage.PeerActive})
	case !known.Active():
		err = a.Peering.Resume(ctx, host)
	}
	if err != nil {
		return refusal(err)
	}
	return answerDomain(a, w, r, host, domainAllow)
}

// removeDomain is DELETE /api/v1/admin/domain_allows/:id.
func (a *API) removeDomain(w http.ResponseWriter, r *http.Request) error {
	ctx, _, err := reasoned(r)
	if err != nil {
		return err
	}
	p, err := a.domainPeer(r, isAllowed)
	if err != nil {
		return err
	}
	if err := a.Peering.Remove(ctx, p.Host); err != nil {
		return refusal(err)
	}
	return empty(w)
}

// noteOf reads what is to be remembered about a peer, or nil.
func noteOf(v *auth.Values) (*string, error) {
	note := v.OptStr("private_comment")
	if note == nil {
		note = v.OptStr("public_comment")
	}
	if note != nil {
		if *note = strings.TrimSpace(*note); utf8.RuneCountInString(*note) > maxComment {
			return nil, auth.Invalid("private_comment has more than %d characters", maxComment)
		}
	}
	return note, nil
}

// stateOf reads a severity as the state of a peer.
func stateOf(v *auth.Values, otherwise string) (string, error) {
	switch severity := v.Str("severity"); severity {
	case "":
		return otherwise, nil
	case "silence":
		return storage.PeerSuspended, nil
	case "suspend":
		return storage.PeerBlocked, nil
	case "noop":
		return "", auth.Invalid("severity can't be noop: whoever isn't allowed is kept out anyway")
	}
	return "", auth.Invalid("severity must be silence or suspend")
}

// blockDomain is POST /api/v1/admin/domain_blocks.
func (a *API) blockDomain(w http.ResponseWriter, r *http.Request) error {
	ctx, v, err := reasoned(r)
	if err != nil {
		return err
	}
	host, known, err := a.namedDomain(ctx, v)
	if err != nil {
		return err
	}
	state, err := stateOf(v, storage.PeerSuspended)
	if err != nil {
		return err
	}
	switch {
	case known == nil && state == storage.PeerSuspended:
		return auth.Invalid("domain is in no list: whoever isn't allowed is kept out anyway; to purge what came from there, send severity=suspend")
	case known == nil:
		known = &storage.Peer{Host: host, Tier: storage.Partner}
	case isBlocked(known):
		return auth.Invalid("domain is in the list already: change what is there")
	}
	return a.keepOut(ctx, w, r, v, known, state)
}

// changeBlock is PUT /api/v1/admin/domain_blocks/:id.
func (a *API) changeBlock(w http.ResponseWriter, r *http.Request) error {
	ctx, v, err := reasoned(r)
	if err != nil {
		return err
	}
	p, err := a.domainPeer(r, isBlocked)
	if err != nil {
		return err
	}
	state, err := stateOf(v, p.State)
	if err != nil {
		return err
	}
	return a.keepOut(ctx, w, r, v, p, state)
}

// keepOut suspends or blocks a peer and keeps the note about it, in one act.
func (a *API) keepOut(ctx context.Context, w http.ResponseWriter, r *http.Request, v *auth.Values, p *storage.Peer, state string) error {
	note, err := noteOf(v)
	if err != nil {
		return err
	}
	if note != nil {
		p.Note = *note
	}
	p.Via = ""
	if p.State != state {
		p.State, p.Reason = state, "admin"
	}
	if err := a.Peering.Save(ctx, p); err != nil {
		return refusal(err)
	}
	return answerDomain(a, w, r, p.Host, domainBlock)
}

// unblockDomain is DELETE /api/v1/admin/domain_blocks/:id. One that was suspended is a peer as before; one that was blocked
// is in no list any more, which keeps it out until it is allowed.
func (a *API) unblockDomain(w http.ResponseWriter, r *http.Request) error {
	ctx, _, err := reasoned(r)
	if err != nil {
		return err
	}
	p, err := a.domainPeer(r, isBlocked)
	if err != nil {
		return err
	}
	if p.State == storage.PeerBlocked {
		err = a.Peering.Remove(ctx, p.Host)
	} else {
		err = a.Peering.Resume(ctx, p.Host)
	}
	if err != nil {
		return refusal(err)
	}
	return empty(w)
}
