package admin

import (
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"ruche/federation/peering"
	"ruche/storage"
	"ruche/web/auth"
	"ruche/web/view"
)

// invitations is GET /admin/invitations.
func (a *Admin) invitations(w http.ResponseWriter, r *http.Request) error {
	return a.showInvitations(w, r, view.AdminInvitations{}, nil)
}

func (a *Admin) showInvitations(w http.ResponseWriter, r *http.Request, page view.AdminInvitations, cause error) error {
	ctx := r.Context()
	page.Outcome = outcome(r, cause)
	list, err := a.DB.Invitations(ctx)
	if err != nil {
		return err
	}
	for _, i := range list {
		state := i.Open(a.DB.Now())
		if state == "" {
			state = "open"
		}
		page.Invited = append(page.Invited, view.InvitationLine{Invitation: i, State: state})
	}
	peers, err := a.DB.Peers(ctx)
	if err != nil {
		return err
	}
	for _, p := range peers {
		if p.State == storage.PeerInvited || p.State == storage.PeerAwaiting || p.HeldFingerprint != "" {
			page.Asked = append(page.Asked, p.Host)
		}
	}
	orgs, err := a.DB.Organisations(ctx)
	if err != nil {
		return err
	}
	for _, o := range orgs {
		page.Keeps = page.Keeps || o.Role == storage.OrgKeeper
	}
	return a.show(w, r, "admininvitations", page.Outcome, page)
}

// termsOf reads what a form proposes.
func termsOf(form *auth.Values) (peering.Terms, error) {
	tier := storage.Partner
	if form.Bool("sibling", false) {
		tier = storage.Sibling
	}
	terms := peering.AllTerms(tier)
	terms.Note, terms.Contact = clip(form.Str("note"), 2000), clip(form.Str("contact"), 500)
	var err error
	terms.EndsAt, err = endOf(form.Str("ends"))
	return terms, err
}

// invite is POST /admin/invitations. The link stands on the page that answers and nowhere else: who loses it
// makes another.
func (a *Admin) invite(w http.ResponseWriter, r *http.Request) error {
	form, err := auth.Params(r)
	if err != nil {
		return err
	}
	terms, err := termsOf(form)
	if err != nil {
		return a.showInvitations(w, r, view.AdminInvitations{}, err)
	}
	days := form.Int("days", 3)
	if form.Err() != nil || days < 1 || days > 30 {
		return a.showInvitations(w, r, view.AdminInvitations{}, fmt.Errorf("an invitation is good for 1 to 30 days: %w", errForm))
	}
	made, err := a.Peering.Invite(r.Context(), terms, time.Duration(days)*24*time.Hour)
	if err != nil {
		return a.showInvitations(w, r, view.AdminInvitations{}, err)
	}
	svg, err := peering.QRSVG(made.Link)
	if err != nil {
		return err
	}
	return a.showInvitations(w, r, view.AdminInvitations{Link: made.Link, Until: made.ExpiresAt, QR: template.URL("data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString([]byte(svg)))}, nil)
}

// openInvitation is POST /admin/invitations/open: the link that another node's admin handed over is answered.
func (a *Admin) openInvitation(w http.ResponseWriter, r *http.Request) error {
	form, err := auth.Params(r)
	if err != nil {
		return err
	}
	typed := view.AdminInvitations{Typed: clip(form.Str("link"), 1024)}
	link, err := peering.ParseLink(form.Str("link"))
	if err != nil {
		return a.showInvitations(w, r, typed, err)
	}
	if link.Organisation != form.Bool("sibling", false) {
		return a.showInvitations(w, r, typed, fmt.Errorf("%s: %w", link.Host, errSibling))
	}
	terms, err := termsOf(form)
	if err == nil {
		_, err = a.Peering.Accept(r.Context(), form.Str("link"), terms)
	}
	if err != nil {
		return a.showInvitations(w, r, typed, err)
	}
	http.Redirect(w, r, peerPath(link.Host)+"/code", http.StatusSeeOther)
	return nil
}

// revokeInvitation is POST /admin/invitations/{id}/revoke.
func (a *Admin) revokeInvitation(w http.ResponseWriter, r *http.Request) error {
	if err := a.Peering.Revoke(r.Context(), r.PathValue("id")); err != nil {
		return a.showInvitations(w, r, view.AdminInvitations{}, err)
	}
	return done(w, r, "/admin/invitations", "revoked")
}

// code is GET /admin/peers/{host}/code: what two admins compare.
func (a *Admin) code(w http.ResponseWriter, r *http.Request) error {
	return a.showCode(w, r, r.PathValue("host"), nil)
}

func (a *Admin) showCode(w http.ResponseWriter, r *http.Request, host string, cause error) error {
	c, err := a.Peering.Code(r.Context(), host)
	if errors.Is(err, storage.ErrNotFound) {
		return auth.NotFound()
	}
	if err != nil { // a held peer that doesn't answer
		return a.showPeer(w, r, host, nil, err)
	}
	page := view.AdminCode{Outcome: outcome(r, cause), Host: host, Code: c.Comparison.Code, Ours: c.Ours, Theirs: c.Theirs, Until: c.ExpiresAt}
	switch {
	case c.Ended != "":
		page.State = c.Ended
	case c.Expired:
		page.State = "expired"
	case c.Comparison.Code == "":
		page.State = "unfinished"
	case c.Confirmable:
		page.State = "compare"
	default:
		page.State = "wait"
	}
	return a.show(w, r, "admincode", page.Outcome, page)
}

// organisation is GET /admin/organisation.
func (a *Admin) organisation(w http.ResponseWriter, r *http.Request) error {
	return a.showOrganisation(w, r, nil, nil)
}

func (a *Admin) showOrganisation(w http.ResponseWriter, r *http.Request, offer *view.Offer, cause error) error {
	orgs, err := a.DB.Organisations(r.Context())
	if err != nil {
		return err
	}
	page := view.AdminOrganisation{Outcome: outcome(r, cause), Offer: offer}
	for _, o := range orgs {
		members, err := a.DB.PeersOf(r.Context(), o.URI)
		if err != nil {
			return err
		}
		page.Organisations = append(page.Organisations, view.OrganisationLine{Organisation: o, Members: members})
		page.Belongs = page.Belongs || o.Role != storage.OrgAccepted
	}
	return a.show(w, r, "adminorganisation", page.Outcome, page)
}

// actOnOrganisation is POST /admin/organisation/{act}.
func (a *Admin) actOnOrganisation(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	form, err := auth.Params(r)
	if err != nil {
		return err
	}
	what := ""
	switch r.PathValue("act") {
	case "create":
		what = "created"
		if name := clip(form.Str("name"), 200); name == "" {
			err = fmt.Errorf("an organisation needs a name: %w", errForm)
		} else {
			_, err = a.Peering.CreateOrganisation(ctx, name)
		}
	case "remove":
		what, err = "member-removed", a.Peering.RemoveMember(ctx, form.Str("host"))
	case "rotate":
		what = "rotated"
		_, err = a.Peering.RotateOrganisationKey(ctx)
	case "leave":
		what, err = "left", a.Peering.LeaveOrganisation(ctx, form.Str("uri"))
	case "offered":
		return a.offered(w, r, form.Str("host"))
	case "accept":
		what, err = "accepted", a.Peering.AcceptOrganisation(ctx, form.Str("host"), form.Str("key"), peering.AllTerms(storage.Partner))
	default:
		return auth.NotFound()
	}
	if err != nil {
		return a.showOrganisation(w, r, nil, err)
	}
	return done(w, r, "/admin/organisation", what)
}

// offered shows what another organisation says of itself, so that its key can be compared first.
func (a *Admin) offered(w http.ResponseWriter, r *http.Request, text string) error {
	host, err := peering.ParseHost(text)
	if err != nil {
		return a.showOrganisation(w, r, nil, err)
	}
	list, key, err := a.Peering.Offered(r.Context(), host)
	if err != nil {
		return a.showOrganisation(w, r, nil, err)
	}
	offer := &view.Offer{Host: host, URI: list.Organisation, Name: list.Name, Key: key}
	for _, m := range list.Members {
		offer.Members = append(offer.Members, [2]string{m.Host, m.Name})
	}
	return a.showOrganisation(w, r, offer, nil)
}
