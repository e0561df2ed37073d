package api

import (
	"context"
	"net/http"
	"strings"

	"ruche/storage"
	"ruche/web/auth"
)

// AdminReport is a complaint as moderators read it.
type AdminReport struct {
	ID            string        `json:"id"`
	ActionTaken   bool          `json:"action_taken"`
	ActionTakenAt *string       `json:"action_taken_at"`
	Category      string        `json:"category"`
	Comment       string        `json:"comment"`
	Forwarded     bool          `json:"forwarded"`
	CreatedAt     string        `json:"created_at"`
	UpdatedAt     string        `json:"updated_at"`
	Account       *AdminAccount `json:"account"`
	TargetAccount *AdminAccount `json:"target_account"`
	Assigned      *AdminAccount `json:"assigned_account"`
	ActionTakenBy *AdminAccount `json:"action_taken_by_account"`
	Statuses      []*Status     `json:"statuses"`
	Rules         []Rule        `json:"rules"`
}

// adminReports writes reports with all that hangs on them, in as many queries for a hundred as for one.
func (a *API) adminReports(r *http.Request, reports []*storage.Report) ([]*AdminReport, error) {
	ctx, rd := r.Context(), a.reader(r)
	var ids []int64
	for _, report := range reports {
		ids = append(ids, report.AccountID, report.TargetID, report.AssignedTo, report.ClosedBy)
	}
	who, err := rd.supervised(ctx, ids)
	if err != nil {
		return nil, err
	}
	rules, err := a.rules(ctx)
	if err != nil {
		return nil, err
	}
	statuses, err := a.citedBy(ctx, rd, reports)
	if err != nil {
		return nil, err
	}
	out := make([]*AdminReport, 0, len(reports))
	for _, report := range reports {
		e := &AdminReport{
			ID: id(report.ID), ActionTaken: !report.Open(), ActionTakenAt: optStamp(report.ClosedAt), Category: report.Category, Comment: report.Comment, Forwarded: report.Forwarded,
			CreatedAt: stamp(report.CreatedAt), UpdatedAt: stamp(report.CreatedAt), Account: who.entity(report.AccountID), TargetAccount: who.entity(report.TargetID),
			Assigned: who.entity(report.AssignedTo), Statuses: []*Status{}, Rules: []Rule{},
		}
		if !report.Open() {
			e.UpdatedAt, e.ActionTakenBy = stamp(report.ClosedAt), who.entity(report.ClosedBy)
		}
		for _, post := range report.Posts {
			if s := statuses[id(post)]; s != nil {
				e.Statuses = append(e.Statuses, s)
			}
		}
		for _, broken := range report.Rules {
			for _, rule := range rules {
				if rule.ID == broken {
					e.Rules = append(e.Rules, rule)
				}
			}
		}
		out = append(out, e)
	}
	return out, nil
}

// citedBy writes the posts of reports, by id.
func (a *API) citedBy(ctx context.Context, rd reader, reports []*storage.Report) (map[string]*Status, error) {
	cited, err := a.Desk.Cited(ctx, reports)
	if err != nil {
		return nil, err
	}
	written, err := rd.statuses(ctx, cited)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]*Status, len(written))
	for _, s := range written {
		unwatched(s.Account)
		byID[s.ID] = s
	}
	return byID, nil
}

// listReports is GET /api/v1/admin/reports: those that are open, unless resolved says otherwise.
func (a *API) listReports(w http.ResponseWriter, r *http.Request) error {
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	page := readPage(v, defaultAdmin, maxAdmin)
	f := storage.ReportFilter{Account: v.Int("account_id", 0), Target: v.Int("target_account_id", 0), Host: strings.ToLower(strings.TrimSpace(v.Str("by_target_domain")))}
	if v.Bool("resolved", false) {
		f.State = storage.ReportsClosed
	}
	if err := v.Err(); err != nil {
		return err
	}
	found, err := a.Desk.Reports(r.Context(), f, page)
	if err != nil {
		return err
	}
	out, err := a.adminReports(r, found)
	if err != nil {
		return err
	}
	if n := len(found); n > 0 {
		a.link(w, r, page, found[0].ID, found[n-1].ID, n)
	}
	return auth.JSON(w, out)
}

// showReport is GET /api/v1/admin/reports/:id.
func (a *API) showReport(w http.ResponseWriter, r *http.Request) error {
	report, err := a.DB.ReportByID(r.Context(), pathID(r))
	if err != nil {
		return err
	}
	out, err := a.adminReports(r, []*storage.Report{report})
	if err != nil {
		return err
	}
	return auth.JSON(w, out[0])
}

// onReport is a route that changes a report, and answers with it.
func (a *API) onReport(act func(ctx context.Context, id int64, v *auth.Values) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		ctx, v, err := reasoned(r)
		if err != nil {
			return err
		}
		if err := act(ctx, pathID(r), v); err != nil {
			return err
		}
		return a.showReport(w, r)
	}
}

// updateReport is PUT /api/v1/admin/reports/:id.
func (a *API) updateReport(ctx context.Context, report int64, v *auth.Values) error {
	var rules *[]string
	if v.Given("rule_ids") {
		list := v.List("rule_ids")
		rules = &list
	}
	return a.Desk.Recategorise(ctx, report, v.OptStr("category"), rules)
}

// assignToSelf is POST /api/v1/admin/reports/:id/assign_to_self.
func (a *API) assignToSelf(ctx context.Context, report int64, _ *auth.Values) error {
	return a.Desk.Assign(ctx, report, auth.Viewer(ctx))
}

// unassign is POST /api/v1/admin/reports/:id/unassign.
func (a *API) unassign(ctx context.Context, report int64, _ *auth.Values) error {
	return a.Desk.Assign(ctx, report, 0)
}

// resolveReport is POST /api/v1/admin/reports/:id/resolve.
func (a *API) resolveReport(ctx context.Context, report int64, _ *auth.Values) error {
	return a.Desk.Resolve(ctx, report)
}

// reopenReport is POST /api/v1/admin/reports/:id/reopen.
func (a *API) reopenReport(ctx context.Context, report int64, _ *auth.Values) error {
	return a.Desk.Reopen(ctx, report)
}
