package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"ruche/outbox/moderation"
	joining "ruche/outbox/people"
	"ruche/storage"
	"ruche/web/auth"
)

// AdminAccount is an account as moderators read it. E-mail and network addresses are nobody's business here: they are
// always empty.
type AdminAccount struct {
	ID            string     `json:"id"`
	Username      string     `json:"username"`
	Domain        *string    `json:"domain"`
	CreatedAt     string     `json:"created_at"`
	Email         string     `json:"email"`
	IP            *string    `json:"ip"`
	IPs           []struct{} `json:"ips"`
	Locale        *string    `json:"locale"`
	InviteRequest *string    `json:"invite_request"`
	Role          *Role      `json:"role"`
	Confirmed     bool       `json:"confirmed"`
	Approved      bool       `json:"approved"`
	Disabled      bool       `json:"disabled"`
	Silenced      bool       `json:"silenced"`
	Suspended     bool       `json:"suspended"`
	Sensitized    bool       `json:"sensitized"`
	Account       *Account   `json:"account"`
	CreatedBy     *string    `json:"created_by_application_id"`
	InvitedBy     *string    `json:"invited_by_account_id"`
}

// supervised are people with what moderators are told besides.
type supervised struct {
	*people
	users map[int64]*storage.User
}

func (rd reader) supervised(ctx context.Context, ids []int64) (*supervised, error) {
	p, err := rd.peopleByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	users, err := rd.DB.UsersByAccount(ctx, ids)
	return &supervised{p, users}, err
}

// entity is one of them; nil for nobody.
func (s *supervised) entity(account int64) *AdminAccount {
	a := s.byID[account]
	if a == nil {
		return nil
	}
	e := &AdminAccount{
		ID: id(a.ID), Username: a.Username, Domain: opt(a.Domain), CreatedAt: stamp(a.CreatedAt), IPs: []struct{}{}, Confirmed: true, Approved: true,
		Disabled: !a.FrozenAt.IsZero(), Silenced: !a.LimitedAt.IsZero(), Suspended: !a.SuspendedAt.IsZero(), Sensitized: !a.SensitiveAt.IsZero(), Account: unwatched(s.account(a)),
	}
	if u := s.users[a.ID]; u != nil {
		role := s.role(u.Role)
		e.Role, e.Locale = &role, opt(u.Locale)
	}
	return e
}

// unwatched takes out of an account when its person was last active.
func unwatched(a *Account) *Account {
	a.LastStatusAt = nil
	return a
}

// waiting writes somebody who asked for an account, which doesn't exist yet.
func (s *supervised) waiting(w *storage.SignUp) *AdminAccount {
	a := &storage.Account{ID: w.ID, Username: w.Username, DisplayName: w.DisplayName, Kind: storage.Person, CreatedAt: w.CreatedAt}
	a.URL = s.PublicURL + "/@" + w.Username
	a.URI = a.URL
	role := s.role(storage.RoleMember)
	return &AdminAccount{
		ID: id(w.ID), Username: w.Username, CreatedAt: stamp(w.CreatedAt), IPs: []struct{}{}, Locale: opt(w.Locale), InviteRequest: opt(w.Reason), Role: &role, Account: s.writeAccount(a),
	}
}

// statesOf are our words for the states that apps filter by.
var statesOf = map[string]string{
	"active": storage.StateActive, "disabled": storage.MeasureFreeze, "silenced": storage.MeasureLimit, "suspended": storage.MeasureSuspend, "sensitized": storage.MeasureSensitive,
}

// accountFilter reads the parameters of both versions of the list. pending says that those are asked for who wait for an account.
func (rd reader) accountFilter(v *auth.Values) (f storage.PeopleFilter, pending bool, err error) {
	f = storage.PeopleFilter{Username: strings.TrimPrefix(strings.TrimSpace(v.Str("username")), "@"), DisplayName: strings.TrimSpace(v.Str("display_name")), Domain: strings.TrimSpace(v.Str("by_domain"))}
	for _, none := range []string{"email", "ip", "invited_by"} {
		if v.Str(none) != "" {
			return f, false, auth.Invalid("%s is nothing that people are looked for by here", none)
		}
	}
	switch origin := v.Str("origin"); {
	case origin == storage.OriginLocal || v.Bool("local", false):
		f.Origin = storage.OriginLocal
	case origin == storage.OriginRemote || v.Bool("remote", false):
		f.Origin = storage.OriginRemote
	case origin != "":
		return f, false, auth.Invalid("origin must be local or remote")
	}
	status := v.Str("status")
	if status != "" && status != "pending" && statesOf[status] == "" {
		return f, false, auth.Invalid("status must be active, pending, disabled, silenced or suspended")
	}
	for name, state := range statesOf {
		if status == name || v.Bool(name, false) {
			f.States = append(f.States, state)
		}
	}
	switch permissions := v.Str("permissions"); {
	case permissions == "staff" || v.Bool("staff", false):
		f.Roles = storage.StaffRoles()
	case permissions != "":
		return f, false, auth.Invalid("permissions must be staff")
	}
	if ids := v.List("role_ids"); len(ids) > 0 {
		f.Roles = slices.DeleteFunc(slices.Clone(storage.Roles), func(role string) bool { return !slices.Contains(ids, rd.role(role).ID) })
	}
	return f, status == "pending" || v.Bool("pending", false), v.Err()
}

// adminAccounts is GET /api/v1/admin/accounts, and v2.
func (a *API) adminAccounts(w http.ResponseWriter, r *http.Request) error {
	ctx, rd := r.Context(), a.reader(r)
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	page := readPage(v, defaultAdmin, maxAdmin)
	f, pending, err := rd.accountFilter(v)
	if err != nil {
		return err
	}
	if pending {
		return a.pendingAccounts(w, r, f, page)
	}
	found, err := a.DB.KnownAccounts(ctx, f, page)
	if err != nil {
		return err
	}
	ids := make([]int64, len(found))
	for i, account := range found {
		ids[i] = account.ID
	}
	who, err := rd.supervised(ctx, ids)
	if err != nil {
		return err
	}
	out := make([]*AdminAccount, 0, len(ids))
	for _, one := range ids {
		if e := who.entity(one); e != nil {
			out = append(out, e)
		}
	}
	a.linkCursors(w, r, page, ids)
	return auth.JSON(w, out)
}

// pendingAccounts lists those who wait for an account. Who is left out by name makes a page shorter, not the list.
func (a *API) pendingAccounts(w http.ResponseWriter, r *http.Request, f storage.PeopleFilter, page storage.Page) error {
	out, cursors := []*AdminAccount{}, []int64{}
	if f.Origin == storage.OriginRemote || f.Domain != "" || f.Roles != nil || len(f.States) > 0 {
		return auth.JSON(w, out)
	}
	found, err := a.DB.SignUps(r.Context(), page)
	if err != nil {
		return err
	}
	who, err := a.reader(r).supervised(r.Context(), nil)
	if err != nil {
		return err
	}
	begins := func(text, with string) bool {
		return strings.HasPrefix(strings.ToLower(text), strings.ToLower(with))
	}
	for _, s := range found {
		cursors = append(cursors, s.ID)
		if begins(s.Username, f.Username) && begins(s.DisplayName, f.DisplayName) {
			out = append(out, who.waiting(s))
		}
	}
	a.linkCursors(w, r, page, cursors)
	return auth.JSON(w, out)
}

// adminAccount is GET /api/v1/admin/accounts/:id.
func (a *API) adminAccount(w http.ResponseWriter, r *http.Request) error {
	account := pathID(r)
	if s, err := a.DB.SignUpByID(r.Context(), account); err == nil {
		return a.answerWaiting(w, r, s)
	} else if !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	return a.answerAdminAccount(w, r, account)
}

func (a *API) answerWaiting(w http.ResponseWriter, r *http.Request, s *storage.SignUp) error {
	who, err := a.reader(r).supervised(r.Context(), nil)
	if err != nil {
		return err
	}
	return auth.JSON(w, who.waiting(s))
}

func (a *API) answerAdminAccount(w http.ResponseWriter, r *http.Request, account int64) error {
	who, err := a.reader(r).supervised(r.Context(), []int64{account})
	if err != nil {
		return err
	}
	if found := who.byID[account]; found == nil || !found.DeletedAt.IsZero() || found.Kind == storage.Application {
		return auth.NotFound()
	}
	return auth.JSON(w, who.entity(account))
}

// deleteAccount is DELETE /api/v1/admin/accounts/:id. The answer is the account as it was.
func (a *API) deleteAccount(w http.ResponseWriter, r *http.Request) error {
	ctx, _, err := reasoned(r)
	if err != nil {
		return err
	}
	who, err := a.reader(r).supervised(ctx, []int64{pathID(r)})
	if err != nil {
		return err
	}
	gone := who.byID[pathID(r)]
	if gone == nil {
		return auth.NotFound()
	}
	if !gone.Local() || gone.Kind == storage.Group {
		return auth.Invalid("only people of this node are deleted: somebody of another node, or a community, can be suspended")
	}
	was := who.entity(gone.ID)
	if err := joining.Delete(ctx, a.DB, gone.Username); err != nil {
		return err
	}
	return auth.JSON(w, was)
}

// measuresOf are our words for the kinds of action that apps know.
var measuresOf = map[string]string{
	"none": storage.MeasureWarn, "sensitive": storage.MeasureSensitive, "disable": storage.MeasureFreeze, "silence": storage.MeasureLimit, "suspend": storage.MeasureSuspend,
}

// actOnAccount is POST /api/v1/admin/accounts/:id/action.
func (a *API) actOnAccount(w http.ResponseWriter, r *http.Request) error {
	ctx, v, err := reasoned(r)
	if err != nil {
		return err
	}
	m := moderation.Measure{
		Account: pathID(r), What: measuresOf[v.Str("type")], Text: strings.TrimSpace(v.Str("text")), Report: v.Int("report_id", 0), Silent: !v.Bool("send_email_notification", true),
	}
	switch {
	case v.Err() != nil:
		return v.Err()
	case m.What == "":
		return auth.Invalid("type must be none, sensitive, disable, silence or suspend")
	case v.Str("warning_preset_id") != "":
		return auth.Invalid("warning_preset_id must be left out: this node has no texts to choose from, write one as text")
	}
	if m.What == storage.MeasureWarn && m.Text == "" && m.Report != 0 {
		err = a.closeWithout(ctx, m)
	} else {
		_, err = a.Desk.Act(ctx, m)
	}
	if err != nil {
		return err
	}
	return empty(w)
}

// closeWithout closes a report about somebody without doing anything: that is what no action with a report and no
// text means to apps.
func (a *API) closeWithout(ctx context.Context, m moderation.Measure) error {
	report, err := a.DB.ReportByID(ctx, m.Report)
	if err != nil {
		return err
	}
	if report.TargetID != m.Account {
		return auth.Invalid("report_id must be of a report about this account")
	}
	return a.Desk.Resolve(ctx, m.Report)
}

// lifting is POST /api/v1/admin/accounts/:id/enable and its like, which undo a measure.
func (a *API) lifting(measure string) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		ctx, _, err := reasoned(r)
		if err != nil {
			return err
		}
		if err := a.Desk.Undo(ctx, pathID(r), measure); err != nil {
			return err
		}
		return a.answerAdminAccount(w, r, pathID(r))
	}
}

// approveAccount is POST /api/v1/admin/accounts/:id/approve.
func (a *API) approveAccount(w http.ResponseWriter, r *http.Request) error {
	ctx, _, err := reasoned(r)
	if err != nil {
		return err
	}
	made, err := joining.Approve(ctx, a.DB, pathID(r), a.Auth.ApproveFollows)
	if err != nil {
		return err
	}
	return a.answerAdminAccount(w, r, made.ID)
}

// rejectAccount is POST /api/v1/admin/accounts/:id/reject.
func (a *API) rejectAccount(w http.ResponseWriter, r *http.Request) error {
	ctx, _, err := reasoned(r)
	if err != nil {
		return err
	}
	asked, err := a.DB.SignUpByID(ctx, pathID(r))
	if err != nil {
		return err
	}
	if err := joining.Refuse(ctx, a.DB, asked.ID); err != nil {
		return err
	}
	return a.answerWaiting(w, r, asked)
}
