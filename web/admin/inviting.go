package admin

import (
	"fmt"
	"net/http"
	"strings"

	"ruche/outbox/people"
	"ruche/storage"
	"ruche/web/auth"
	"ruche/web/view"
)

// inviting is GET /admin/people/invitations: links with which people make their own account.
func (a *Admin) inviting(w http.ResponseWriter, r *http.Request) error {
	return a.showInviting(w, r, view.AdminInviting{Typed: view.NewInvite{Role: storage.RoleMember, Uses: 1, Days: 7}}, nil)
}

func (a *Admin) showInviting(w http.ResponseWriter, r *http.Request, page view.AdminInviting, cause error) error {
	ctx := r.Context()
	page.Outcome = outcome(r, cause)
	for _, role := range storage.Roles {
		if a.DB.MayInvite(ctx, role) == nil {
			page.Roles = append(page.Roles, role)
		}
	}
	list, err := a.DB.PersonInvitations(ctx)
	if err != nil {
		return err
	}
	by := make([]int64, len(list))
	for i, one := range list {
		by[i] = one.CreatedBy
	}
	names, err := a.DB.AccountsByID(ctx, by)
	if err != nil {
		return err
	}
	for _, one := range list {
		line := view.InviteLine{PersonInvitation: one, State: one.Over(a.DB.Now())}
		if line.State == "" {
			line.State = "open"
		}
		if who := names[one.CreatedBy]; who != nil {
			line.By = who.Username
		}
		page.Invited = append(page.Invited, line)
	}
	return a.show(w, r, "admininviting", page.Outcome, page)
}

// invitePeople is POST /admin/people/invitations. The link stands on the page that answers and nowhere else.
func (a *Admin) invitePeople(w http.ResponseWriter, r *http.Request) error {
	form, err := auth.Params(r)
	if err != nil {
		return err
	}
	typed := view.NewInvite{Role: form.Str("role"), Uses: form.Int("uses", 1), Days: form.Int("days", 7), Note: clip(form.Str("note"), 1000), Communities: clip(form.Str("communities"), 500)}
	if form.Err() != nil || typed.Uses < 1 || typed.Uses > people.MaxInvitationUses || typed.Days < 1 || typed.Days > people.MaxInvitationDays {
		err := fmt.Errorf("an invitation is for 1 to %d people and 1 to %d days: %w", people.MaxInvitationUses, people.MaxInvitationDays, errForm)
		typed.Uses, typed.Days = 1, 7
		return a.showInviting(w, r, view.AdminInviting{Typed: typed}, err)
	}
	in := people.Invite{Role: typed.Role, Uses: int(typed.Uses), Days: int(typed.Days), Note: typed.Note, Communities: strings.FieldsFunc(typed.Communities, func(c rune) bool { return c == ',' || c == ' ' })}
	made, secret, err := people.InvitePeople(r.Context(), a.DB, in)
	if err != nil {
		return a.showInviting(w, r, view.AdminInviting{Typed: typed}, err)
	}
	return a.showInviting(w, r, view.AdminInviting{Typed: typed, Link: a.Auth.JoinURL(secret), Until: made.ExpiresAt}, nil)
}

// revokeInvite is POST /admin/people/invitations/{id}/revoke.
func (a *Admin) revokeInvite(w http.ResponseWriter, r *http.Request) error {
	if err := people.RevokeInvitation(r.Context(), a.DB, storage.ParseID(r.PathValue("id"))); err != nil {
		return a.showInviting(w, r, view.AdminInviting{Typed: view.NewInvite{Role: storage.RoleMember, Uses: 1, Days: 7}}, err)
	}
	return done(w, r, "/admin/people/invitations", "invite-revoked")
}

// waiting is GET /admin/people/waiting: who asked for an account.
func (a *Admin) waiting(w http.ResponseWriter, r *http.Request) error {
	return a.showWaiting(w, r, nil)
}

func (a *Admin) showWaiting(w http.ResponseWriter, r *http.Request, cause error) error {
	q := r.URL.Query()
	page := view.AdminWaiting{Outcome: outcome(r, cause)}
	var err error
	if page.Waiting, err = a.DB.SignUps(r.Context(), storage.Page{Limit: perPage, MaxID: storage.ParseID(q.Get("before"))}); err != nil {
		return err
	}
	if len(page.Waiting) == perPage {
		page.Older = "/admin/people/waiting?before=" + storage.FormatID(page.Waiting[perPage-1].ID)
	}
	return a.show(w, r, "adminwaiting", page.Outcome, page)
}

// decide is POST /admin/people/waiting/{id}/{act}.
func (a *Admin) decide(w http.ResponseWriter, r *http.Request) error {
	id := storage.ParseID(r.PathValue("id"))
	what, err := "", error(nil)
	switch r.PathValue("act") {
	case "approve":
		what = "approved"
		_, err = people.Approve(r.Context(), a.DB, id, a.Auth.ApproveFollows)
	case "refuse":
		what, err = "turned-away", people.Refuse(r.Context(), a.DB, id)
	default:
		return auth.NotFound()
	}
	if err != nil {
		return a.showWaiting(w, r, err)
	}
	return done(w, r, "/admin/people/waiting", what)
}
