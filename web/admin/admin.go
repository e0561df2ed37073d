// Package admin is the console: what admins and moderators do about their node in a browser.
//
// Every page is whole without JavaScript: a form is sent, the act is done or refused, and the page that
// follows says which, in the reader's language. What an act does stands in federation/peering, outbox and
// storage, which the command line and the API call as well; here is what is asked and what is shown.
//
// Who may do what, storage/permission.go decides, and each route names its act. Whoever may not is answered
// as if there were nothing.
package admin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"ruche/federation"
	"ruche/federation/peering"
	"ruche/outbox"
	"ruche/outbox/moderation"
	"ruche/storage"
	"ruche/web/auth"
	"ruche/web/view"
)

// Options are what the console needs.
type Options struct {
	DB      *storage.DB
	Peering *peering.Peering
	Auth    *auth.Server
	Desk    *moderation.Desk
	Domain  string
}

// Admin answers the console's pages.
type Admin struct{ Options }

// New makes an Admin.
func New(opt Options) *Admin { return &Admin{opt} }

// Routes lists the console.
func (a *Admin) Routes() []auth.Route {
	return []auth.Route{
		a.route("GET", "/admin", storage.ActReadPeers, a.front),
		a.route("GET", "/admin/peers", storage.ActReadPeers, a.peers),
		a.route("POST", "/admin/peers", storage.ActPeers, a.addPeer),
		a.route("GET", "/admin/peers/{host}", storage.ActReadPeers, a.peer),
		a.route("POST", "/admin/peers/{host}/policy", storage.ActPeers, a.savePolicy),
		a.route("POST", "/admin/peers/{host}/test", storage.ActReadPeers, a.testPeer),
		a.route("GET", "/admin/peers/{host}/code", storage.ActPeers, a.code),
		a.route("POST", "/admin/peers/{host}/{act}", storage.ActPeers, a.actOnPeer),
		a.route("GET", "/admin/lists", storage.ActPeers, a.lists),
		a.route("POST", "/admin/lists", storage.ActPeers, a.importList),
		a.route("GET", "/admin/lists/{which}.csv", storage.ActPeers, a.exportList),
		a.route("GET", "/admin/invitations", storage.ActPeers, a.invitations),
		a.route("POST", "/admin/invitations", storage.ActPeers, a.invite),
		a.route("POST", "/admin/invitations/open", storage.ActPeers, a.openInvitation),
		a.route("POST", "/admin/invitations/{id}/revoke", storage.ActPeers, a.revokeInvitation),
		a.route("GET", "/admin/organisation", storage.ActPeers, a.organisation),
		a.route("POST", "/admin/organisation/{act}", storage.ActPeers, a.actOnOrganisation),
		a.route("GET", "/admin/accounts", storage.ActReadAccounts, a.accounts),
		a.route("POST", "/admin/accounts", storage.ActRoles, a.createAccount),
		a.route("GET", "/admin/accounts/{name}", storage.ActReadAccounts, a.account),
		a.route("POST", "/admin/accounts/{name}/{act}", storage.ActReadAccounts, a.actOnAccount),
		a.route("GET", "/admin/reports", storage.ActReadReports, a.reports),
		a.route("GET", "/admin/reports/{id:[0-9]+}", storage.ActReadReports, a.report),
		a.route("POST", "/admin/reports/{id:[0-9]+}/{act}", storage.ActHandleReports, a.actOnReport),
		a.route("GET", "/admin/appeals", storage.ActDecideAppeals, a.appeals),
		a.route("POST", "/admin/appeals/{id:[0-9]+}", storage.ActDecideAppeals, a.decideAppeal),
		a.route("GET", "/admin/keywords", storage.ActKeywords, a.keywords),
		a.route("POST", "/admin/keywords", storage.ActKeywords, a.saveKeywords),
		a.route("GET", "/admin/people/invitations", storage.ActInvite, a.inviting),
		a.route("POST", "/admin/people/invitations", storage.ActInvite, a.invitePeople),
		a.route("POST", "/admin/people/invitations/{id:[0-9]+}/revoke", storage.ActInvite, a.revokeInvite),
		a.route("GET", "/admin/people/waiting", storage.ActApproveAccounts, a.waiting),
		a.route("POST", "/admin/people/waiting/{id:[0-9]+}/{act}", storage.ActApproveAccounts, a.decide),
		a.route("GET", announcementsPath, storage.ActAnnounce, a.announcements),
		a.route("POST", announcementsPath, storage.ActAnnounce, a.announce),
		a.route("POST", announcementsPath+"/{id:[0-9]+}/{act}", storage.ActAnnounce, a.changeAnnouncement),
		a.route("GET", "/admin/settings", storage.ActSettings, a.settings),
		a.route("POST", "/admin/settings", storage.ActSettings, a.saveSettings),
		a.route("GET", "/admin/jobs", storage.ActPeers, a.jobs),
		a.route("POST", "/admin/jobs/{id:[0-9]+}/resend", storage.ActPeers, a.resend),
		a.route("GET", "/admin/audit", storage.ActReadAudit, a.audit),
		a.route("POST", "/admin/audit/verify", storage.ActReadAudit, a.verifyAudit),
		a.route("POST", "/admin/audit/export", storage.ActReadAudit, a.exportAudit),
	}
}

type handler func(w http.ResponseWriter, r *http.Request) error

// route is a way into the console for those whose role allows an act.
func (a *Admin) route(method, path string, act storage.Act, h handler) auth.Route {
	return auth.Route{Method: method, Path: path, Scope: auth.AnyPerson, Handler: func(w http.ResponseWriter, r *http.Request) error {
		if err := a.DB.May(r.Context(), act); errors.Is(err, storage.ErrDenied) {
			return auth.NotFound()
		} else if err != nil {
			return err
		}
		return h(w, r)
	}}
}

// front is GET /admin: the first section that the reader may open.
func (a *Admin) front(w http.ResponseWriter, r *http.Request) error {
	user := auth.User(r.Context())
	for _, s := range view.Console {
		if user.May(s.Act) {
			http.Redirect(w, r, s.Path, http.StatusSeeOther)
			return nil
		}
	}
	return auth.NotFound()
}

// may says whether the reader's role allows an act, so that a page shows its forms or leaves them out.
func (a *Admin) may(r *http.Request, act storage.Act) bool { return auth.User(r.Context()).May(act) }

func (a *Admin) show(w http.ResponseWriter, r *http.Request, page string, out view.Outcome, data any) error {
	status := http.StatusOK
	if out.Why != "" {
		status = http.StatusUnprocessableEntity
	}
	return a.Auth.Show(w, r, status, page, data)
}

// done leads to a page that says what was done.
func done(w http.ResponseWriter, r *http.Request, path, what string) error {
	http.Redirect(w, r, path+"?"+url.Values{"done": {what}}.Encode(), http.StatusSeeOther)
	return nil
}

// dones are what pages say was done.
var dones = []string{"added", "saved", "suspended", "resumed", "blocked", "purging", "removed", "confirmed", "refused", "revoked", "created", "member-removed", "accepted", "left", "rotated", "resent", "assigned", "unassigned", "noted", "resolved", "reopened", "measure", "undone", "granted", "rejected", "invite-revoked", "approved", "turned-away", "deleted", "announced", "announcement-ended"}

// outcome is what the address says was done, and what went wrong.
func outcome(r *http.Request, err error) view.Outcome {
	var out view.Outcome
	if d := r.URL.Query().Get("done"); slices.Contains(dones, d) && err == nil {
		out.Done = d
	}
	if err != nil {
		out.Why, out.Detail = why(err), err.Error()
	}
	return out
}

// why is the message for an admin whose act was refused. What isn't known here is shown as it was said.
func why(err error) string {
	text := err.Error()
	switch {
	case errors.Is(err, errForm):
		return "form"
	case errors.Is(err, errSibling):
		return "sibling"
	case errors.Is(err, peering.ErrTooLate):
		return "late"
	case errors.Is(err, peering.ErrLink):
		return "link"
	case errors.Is(err, federation.ErrHost):
		return "host"
	case errors.Is(err, storage.ErrDomainTaken):
		return "domain"
	case errors.Is(err, storage.ErrPurging):
		return "purging"
	case errors.Is(err, storage.ErrKeyHeld):
		return "held"
	case errors.Is(err, peering.ErrOldList), errors.Is(err, peering.ErrList):
		return "list"
	case errors.Is(err, peering.ErrHandshake):
		for _, what := range []string{"used", "expired", "revoked"} {
			if strings.HasSuffix(text, "it is "+what+": "+peering.ErrHandshake.Error()) {
				return what
			}
		}
		return "handshake"
	case errors.Is(err, storage.ErrChoice):
		return "setting"
	case errors.Is(err, storage.ErrDenied):
		return "denied"
	case errors.Is(err, outbox.ErrInvalid):
		return "invalid"
	case errors.Is(err, storage.ErrNotFound):
		return "gone"
	case errors.Is(err, storage.ErrExists):
		return "exists"
	case errors.Is(err, context.DeadlineExceeded):
		return "slow"
	}
	return "other"
}

// errForm says that a form isn't filled in as it has to be; what it wraps says where.
var errForm = errors.New("the form can't be used as it is")

// errSibling says that somebody opens an invitation into an organisation without agreeing to join it, or the
// other way round.
var errSibling = errors.New("what the invitation proposes isn't what was agreed to")
