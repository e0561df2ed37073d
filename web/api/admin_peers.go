package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"ruche/federation/peering"
	"ruche/storage"
	"ruche/web/auth"
)

// The peers for programs that keep them as a list elsewhere: what `ruche peer apply` reads from a file, over HTTP and in
// JSON. It is this node's own API, beside Mastodon's.

// Peer is a peer as a program writes it, and, in answers, what is known of the link besides.
type Peer struct {
	peering.Entry
	Link *PeerLink `json:"link,omitempty"`
}

// PeerLink is what nobody chooses of a peer: it is read, and what is sent of it is left aside.
type PeerLink struct {
	Reason       string    `json:"reason,omitempty"`
	Via          string    `json:"via,omitempty"`
	Organisation string    `json:"organisation,omitempty"`
	Software     string    `json:"software,omitempty"`
	Fingerprint  string    `json:"fingerprint,omitempty"`
	Held         string    `json:"held_fingerprint,omitempty"`
	TheirState   string    `json:"their_state,omitempty"`
	Circles      bool      `json:"circles"`
	PurgeAt      time.Time `json:"purge_at,omitzero"`
	PurgeTotal   int       `json:"purge_total,omitempty"`
	PurgeDone    int       `json:"purge_done,omitempty"`
	CreatedAt    time.Time `json:"created_at"`
	UpdatedAt    time.Time `json:"updated_at"`
}

// PeerList is what is sent to make the list of peers another.
type PeerList struct {
	Prune bool   `json:"prune"`
	Peers []Peer `json:"peers"`
}

// PeerPlan is what was done with the peers, or would be.
type PeerPlan struct {
	Error    string        `json:"error,omitempty"`
	DryRun   bool          `json:"dry_run"`
	Steps    []PeerStep    `json:"steps"`
	Problems []PeerProblem `json:"problems"`
}

// PeerStep is what is done with one of them: add, change, remove, or same, which is nothing.
type PeerStep struct {
	What   string         `json:"what"`
	Host   string         `json:"host"`
	Before *peering.Entry `json:"before"`
	After  *peering.Entry `json:"after"`
}

// PeerProblem is an entry that can't be used, by its place in the list, and why.
type PeerProblem struct {
	Entry int    `json:"entry"`
	Host  string `json:"host"`
	Why   string `json:"why"`
}

func peerOf(p *storage.Peer) Peer {
	return Peer{peering.EntryOf(p), &PeerLink{
		Reason: p.Reason, Via: p.Via, Organisation: p.Organisation, Software: p.Software, Fingerprint: p.Fingerprint, Held: p.HeldFingerprint, TheirState: p.TheirState, Circles: p.Circles,
		PurgeAt: p.PurgeAt, PurgeTotal: p.PurgeTotal, PurgeDone: p.PurgeDone, CreatedAt: p.CreatedAt.UTC(), UpdatedAt: p.UpdatedAt.UTC(),
	}}
}

// listPeers is GET /api/ruche/v1/peers: all of them, by host.
func (a *API) listPeers(w http.ResponseWriter, r *http.Request) error {
	peers, err := a.DB.Peers(r.Context())
	if err != nil {
		return err
	}
	out := PeerList{Peers: []Peer{}}
	for _, p := range peers {
		out.Peers = append(out.Peers, peerOf(p))
	}
	return auth.JSON(w, out)
}

// showPeer is GET /api/ruche/v1/peers/:host.
func (a *API) showPeer(w http.ResponseWriter, r *http.Request) error {
	p, err := a.DB.PeerByHost(r.Context(), peerHost(r))
	if err != nil {
		return err
	}
	return auth.JSON(w, peerOf(p))
}

// peerHost is the host in a route's address, in its one spelling; what is no host is nobody's.
func peerHost(r *http.Request) string {
	host, err := peering.ParseHost(r.PathValue("host"))
	if err != nil {
		return ""
	}
	return host
}

// savePeers is PUT /api/ruche/v1/peers: the list as it shall be; with prune whoever isn't named is removed.
func (a *API) savePeers(w http.ResponseWriter, r *http.Request) error {
	var list PeerList
	if err := readJSON(r, &list); err != nil {
		return err
	}
	entries := make([]peering.Entry, len(list.Peers))
	for i, p := range list.Peers {
		entries[i] = p.Entry
		entries[i].Line = i + 1
	}
	return a.carry(w, r, entries, list.Prune)
}

// savePeer is PUT /api/ruche/v1/peers/:host: one peer as it shall be.
func (a *API) savePeer(w http.ResponseWriter, r *http.Request) error {
	var p Peer
	if err := readJSON(r, &p); err != nil {
		return err
	}
	named, err := peering.ParseHost(r.PathValue("host"))
	if err != nil {
		return refusal(err)
	}
	if p.Host != "" {
		if said, err := peering.ParseHost(p.Host); err != nil || said != named {
			return auth.Invalid("host is %q, and the address says %s: leave it out, or make them the same", p.Host, named)
		}
	}
	p.Host, p.Line = named, 1
	return a.carry(w, r, []peering.Entry{p.Entry}, false)
}

// carry plans entries and, unless it is a rehearsal, does what the plan says. Entries that can't be used don't keep the
// others from being used, but the answer is 422, so that somebody looks.
func (a *API) carry(w http.ResponseWriter, r *http.Request, entries []peering.Entry, prune bool) error {
	asked, err := readAsked(r)
	if err != nil {
		return err
	}
	ctx := storage.Because(r.Context(), asked.why)
	plan, err := a.Peering.Plan(ctx, entries, prune)
	if err != nil {
		return err
	}
	if !asked.dry {
		if err := a.Peering.Carry(ctx, plan); err != nil {
			return err
		}
	}
	out := PeerPlan{DryRun: asked.dry, Steps: []PeerStep{}, Problems: []PeerProblem{}}
	for _, s := range plan.Steps {
		out.Steps = append(out.Steps, PeerStep{s.What, s.Host, entryOf(s.Before), entryOf(s.After)})
	}
	for _, bad := range plan.Problems {
		out.Problems = append(out.Problems, PeerProblem{bad.Line, bad.Host, bad.Why})
	}
	if n := len(out.Problems); n > 0 {
		out.Error = fmt.Sprintf("%d of %d entries can't be used; problems says why, steps has the others", n, len(entries))
		return auth.JSONStatus(w, http.StatusUnprocessableEntity, out)
	}
	return auth.JSON(w, out)
}

func entryOf(p *storage.Peer) *peering.Entry {
	if p == nil {
		return nil
	}
	e := peering.EntryOf(p)
	return &e
}

// removePeer is DELETE /api/ruche/v1/peers/:host.
func (a *API) removePeer(w http.ResponseWriter, r *http.Request) error {
	asked, err := readAsked(r)
	if err != nil {
		return err
	}
	p, err := a.DB.PeerByHost(r.Context(), peerHost(r))
	if err != nil {
		return err
	}
	if !asked.dry {
		if err := a.Peering.Remove(storage.Because(r.Context(), asked.why), p.Host); err != nil {
			return refusal(err)
		}
	}
	return auth.JSON(w, PeerPlan{DryRun: asked.dry, Steps: []PeerStep{{peering.PlanRemove, p.Host, entryOf(p), nil}}, Problems: []PeerProblem{}})
}

// asked is what the address of a request says beside its body.
type asked struct {
	dry bool
	why string
}

func readAsked(r *http.Request) (asked, error) {
	q := r.URL.Query()
	out := asked{why: strings.TrimSpace(q.Get("why"))}
	switch dry := q.Get("dry_run"); dry {
	case "", "false", "0":
	case "true", "1":
		out.dry = true
	default:
		return out, auth.Invalid("dry_run must be true or false")
	}
	if utf8.RuneCountInString(out.why) > maxWhy {
		return out, auth.Invalid("why has more than %d characters", maxWhy)
	}
	return out, nil
}

// readJSON reads a body. A key that doesn't exist is an error, since it would be a choice that isn't made.
func readJSON(r *http.Request, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, auth.MaxBody))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	var tooLarge *http.MaxBytesError
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			return auth.Fail(http.StatusBadRequest, "Something follows the JSON")
		}
		return nil
	case errors.As(err, &tooLarge):
		return err
	case errors.As(err, &wrong):
		return auth.Invalid("%s can't be %s", wrong.Field, wrong.Value)
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		return auth.Invalid("there is no key %s", strings.TrimPrefix(err.Error(), "json: unknown field "))
	case errors.Is(err, io.EOF):
		return auth.Invalid("the body is empty: send JSON")
	}
	return auth.Fail(http.StatusBadRequest, "The JSON can't be read: "+err.Error())
}
