package admin

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"ruche/outbox"
	"ruche/outbox/moderation"
	"ruche/outbox/people"
	"ruche/storage"
	"ruche/web/auth"
	"ruche/web/view"
)

// accounts is GET /admin/accounts: who has an account here, with role and state. No address, no last activity:
// running a node needs neither.
func (a *Admin) accounts(w http.ResponseWriter, r *http.Request) error {
	return a.showAccounts(w, r, view.AdminAccounts{}, nil)
}

func (a *Admin) showAccounts(w http.ResponseWriter, r *http.Request, page view.AdminAccounts, cause error) error {
	ctx, q := r.Context(), r.URL.Query()
	page.Outcome, page.May, page.Query = outcome(r, cause), a.may(r, storage.ActRoles), strings.TrimPrefix(strings.TrimSpace(q.Get("q")), "@")
	found, err := a.DB.PeopleHere(ctx, page.Query, storage.Page{Limit: perPage, MaxID: storage.ParseID(q.Get("before"))})
	if err != nil {
		return err
	}
	ids := make([]int64, len(found))
	for i, acc := range found {
		ids[i] = acc.ID
	}
	users, err := a.DB.UsersByAccount(ctx, ids)
	if err != nil {
		return err
	}
	for _, acc := range found {
		page.Accounts = append(page.Accounts, accountLine(acc, users[acc.ID]))
	}
	if len(found) == perPage {
		q.Set("before", storage.FormatID(ids[perPage-1]))
		q.Del("done")
		page.Older = "/admin/accounts?" + q.Encode()
	}
	page.Roles = a.roles(r)
	return a.show(w, r, "adminaccounts", page.Outcome, page)
}

func accountLine(acc *storage.Account, u *storage.User) view.AccountLine {
	l := view.AccountLine{Account: acc, State: "active"}
	if u != nil {
		l.Role = u.Role
	}
	switch {
	case !acc.DeletedAt.IsZero():
		l.State = "deleted"
	case !acc.SuspendedAt.IsZero():
		l.State = "suspended"
	case !acc.FrozenAt.IsZero():
		l.State = "frozen"
	case !acc.LimitedAt.IsZero():
		l.State = "limited"
	}
	return l
}

// roles are those that the reader may give.
func (a *Admin) roles(r *http.Request) []string {
	var roles []string
	for _, role := range storage.Roles {
		if a.may(r, storage.ActRoles) && storage.MayGive(auth.User(r.Context()).Role, role) {
			roles = append(roles, role)
		}
	}
	return roles
}

// account is GET /admin/accounts/{name}: of one of ours, or of name@host as far as this node goes.
func (a *Admin) account(w http.ResponseWriter, r *http.Request) error {
	return a.showAccount(w, r, "", nil)
}

func (a *Admin) showAccount(w http.ResponseWriter, r *http.Request, link string, cause error) error {
	ctx := r.Context()
	who, err := a.someone(ctx, r.PathValue("name"))
	if err != nil {
		return err
	}
	page := view.AdminAccount{Outcome: outcome(r, cause), AccountLine: accountLine(who.Account, who.User), Roles: a.roles(r), Link: link}
	if page.MayModerate = a.DB.MayTo(ctx, storage.ActModerateAccounts, who.ID) == nil && who.DeletedAt.IsZero(); page.MayModerate {
		page.Measures, page.Lasting = measuresFor(who.Account, false), lasting(who.Account)
	}
	page.MayGive = who.User != nil && a.may(r, storage.ActRoles) && storage.MayGive(auth.User(ctx).Role, who.User.Role)
	page.MayDelete = who.User != nil && !who.SuspendedAt.IsZero() && a.DB.MayTo(ctx, storage.ActEraseAccounts, who.ID) == nil
	strikes, err := a.Desk.Strikes(ctx, who.ID)
	if err != nil {
		return err
	}
	if page.Strikes, err = a.strikeLines(ctx, strikes); err != nil {
		return err
	}
	if page.Open, err = a.DB.CountReports(ctx, storage.ReportFilter{Target: who.ID}); err != nil {
		return err
	}
	return a.show(w, r, "adminaccount", page.Outcome, page)
}

// someone finds one of ours with their sign-in, a community of ours, or somebody of a peer.
func (a *Admin) someone(ctx context.Context, acct string) (*people.Someone, error) {
	acc, err := a.named(ctx, acct)
	if err != nil {
		return nil, err
	}
	if acc.Local() && acc.Kind == storage.Application {
		return nil, auth.NotFound()
	}
	u, err := a.DB.UserByAccount(ctx, acc.ID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	return &people.Someone{Account: acc, User: u}, nil
}

// createAccount is POST /admin/accounts. The password that is made stands on the page that answers and nowhere else.
func (a *Admin) createAccount(w http.ResponseWriter, r *http.Request) error {
	form, err := auth.Params(r)
	if err != nil {
		return err
	}
	n := people.New{Username: strings.TrimSpace(form.Str("username")), Email: strings.TrimSpace(form.Str("email")), DisplayName: strings.TrimSpace(form.Str("name")),
		Department: strings.TrimSpace(form.Str("department")), Role: form.Str("role")}
	page := view.AdminAccounts{Typed: view.NewAccount{Username: n.Username, Email: n.Email, Name: n.DisplayName, Department: n.Department}}
	if n.Role != "" && !storage.MayGive(auth.User(r.Context()).Role, n.Role) {
		return a.showAccounts(w, r, page, storage.ErrDenied)
	}
	made, err := people.Create(r.Context(), a.DB, n)
	if err != nil {
		return a.showAccounts(w, r, page, err)
	}
	return a.showAccounts(w, r, view.AdminAccounts{Made: made.Account.Username, Password: made.Password}, nil)
}

// actOnAccount is POST /admin/accounts/{name}/{act}.
func (a *Admin) actOnAccount(w http.ResponseWriter, r *http.Request) error {
	form, err := auth.Params(r)
	if err != nil {
		return err
	}
	ctx := reasoned(r.Context(), form)
	who, err := a.someone(ctx, r.PathValue("name"))
	if err != nil {
		return err
	}
	what := ""
	switch r.PathValue("act") {
	case "role":
		what, err = "saved", people.SetRole(ctx, a.DB, who.Username, form.Str("role"))
	case "measure":
		what = "measure"
		_, err = a.Desk.Act(ctx, moderation.Measure{Account: who.ID, What: form.Str("what"), Text: strings.TrimSpace(form.Str("text"))})
	case "undo":
		what, err = "undone", a.Desk.Undo(ctx, who.ID, form.Str("what"))
	case "delete":
		if what = "deleted"; storage.ReasonOf(ctx) == "" {
			err = &outbox.Invalid{Text: "Write why: the audit log keeps it."}
		} else {
			err = people.Delete(ctx, a.DB, who.Username)
		}
	case "link":
		if err = a.DB.MayTo(ctx, storage.ActRoles, who.ID); err == nil {
			var secret string
			if secret, err = people.ResetLink(ctx, a.DB, who.Username); err == nil {
				return a.showAccount(w, r, a.Auth.PublicURL+"/auth/reset?token="+secret, nil)
			}
		}
	default:
		return auth.NotFound()
	}
	if err != nil {
		return a.showAccount(w, r, "", err)
	}
	return done(w, r, accountPath(who.Account), what)
}
