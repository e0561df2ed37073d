package admin

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"ruche/federation"
	"ruche/outbox/moderation"
	"ruche/storage"
	"ruche/web/auth"
	"ruche/web/view"
)

// Whose reports the queue can be narrowed to.
const (
	anybodys = "all"
	mine     = "mine"
	nobodys  = "unassigned"
)

// reports is GET /admin/reports: the queue, narrowed by what the address says.
func (a *Admin) reports(w http.ResponseWriter, r *http.Request) error {
	ctx, q := r.Context(), r.URL.Query()
	page := view.AdminReports{Outcome: outcome(r, nil), State: q.Get("state"), Whose: q.Get("whose"), Target: strings.TrimPrefix(strings.TrimSpace(q.Get("target")), "@"), Host: strings.TrimSpace(q.Get("host")),
		States: []string{storage.ReportsOpen, storage.ReportsClosed, storage.ReportsAll}, Whoses: []string{anybodys, mine, nobodys}}
	if !slices.Contains(page.States, page.State) {
		page.State = storage.ReportsOpen
	}
	f := storage.ReportFilter{State: page.State, Host: strings.ToLower(page.Host), Unassigned: page.Whose == nobodys}
	if page.Whose == mine {
		f.AssignedTo = auth.Viewer(ctx)
	}
	if page.Target != "" {
		who, err := a.named(ctx, page.Target)
		if err != nil {
			page.Outcome = outcome(r, fmt.Errorf("nobody known here is called %s: %w", page.Target, errForm))
			return a.show(w, r, "adminreports", page.Outcome, page)
		}
		f.Target = who.ID
	}
	found, err := a.Desk.Reports(ctx, f, storage.Page{Limit: perPage, MaxID: storage.ParseID(q.Get("before"))})
	if err != nil {
		return err
	}
	names, err := a.namesOf(ctx, found...)
	if err != nil {
		return err
	}
	for _, report := range found {
		page.Reports = append(page.Reports, names.report(report))
	}
	if len(found) == perPage {
		q.Set("before", storage.FormatID(found[perPage-1].ID))
		q.Del("done")
		page.Older = "/admin/reports?" + q.Encode()
	}
	return a.show(w, r, "adminreports", page.Outcome, page)
}

// named finds an account, ours or a peer's, by what stands for it in a text.
func (a *Admin) named(ctx context.Context, acct string) (*storage.Account, error) {
	name, domain, _ := strings.Cut(strings.TrimPrefix(acct, "@"), "@")
	if strings.EqualFold(domain, a.Domain) {
		domain = ""
	}
	return a.DB.AccountByName(ctx, name, domain)
}

// handles are accounts that a page names, by id.
type handles map[int64]*storage.Account

// of is @name; empty for nobody, and for the node itself.
func (n handles) of(id int64) string {
	a := n[id]
	if a == nil || a.Local() && a.Kind == storage.Application {
		return ""
	}
	return "@" + a.Acct()
}

func (n handles) report(r *storage.Report) view.ReportLine {
	return view.ReportLine{Report: r, Target: n[r.TargetID], Reporter: n.of(r.AccountID), Assigned: n.of(r.AssignedTo)}
}

func (n handles) strike(s *storage.Strike) view.StrikeLine {
	return view.StrikeLine{Strike: s, Of: n[s.AccountID], By: n.of(s.ByID), DecidedBy: n.of(s.DecidedBy)}
}

func (a *Admin) namesOf(ctx context.Context, reports ...*storage.Report) (handles, error) {
	var ids []int64
	for _, r := range reports {
		ids = append(ids, r.TargetID, r.AccountID, r.AssignedTo, r.ClosedBy)
	}
	return a.DB.AccountsByID(ctx, ids)
}

func (a *Admin) strikeLines(ctx context.Context, strikes []*storage.Strike) ([]view.StrikeLine, error) {
	var ids []int64
	for _, s := range strikes {
		ids = append(ids, s.AccountID, s.ByID, s.DecidedBy)
	}
	people, err := a.DB.AccountsByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	lines := make([]view.StrikeLine, len(strikes))
	for i, s := range strikes {
		lines[i] = handles(people).strike(s)
		lines[i].May = a.DB.MayTo(ctx, storage.ActDecideAppeals, s.AccountID) == nil
	}
	return lines, nil
}

// report is GET /admin/reports/{id}.
func (a *Admin) report(w http.ResponseWriter, r *http.Request) error { return a.showReport(w, r, nil) }

func (a *Admin) showReport(w http.ResponseWriter, r *http.Request, cause error) error {
	ctx := r.Context()
	c, err := a.Desk.Report(ctx, storage.ParseID(r.PathValue("id")))
	if err != nil {
		return err
	}
	people, err := a.namesOf(ctx, c.Report)
	if err != nil {
		return err
	}
	page := view.AdminReport{Outcome: outcome(r, cause), ReportLine: people.report(c.Report), Others: c.Others, Gone: len(c.Report.Posts) - len(c.Posts),
		Mine: c.AssignedTo == auth.Viewer(ctx), Account: accountPath(c.Target), ClosedBy: people.of(c.ClosedBy)}
	if page.Posts, err = a.postViews(ctx, c); err != nil {
		return err
	}
	if page.Rules, err = a.rules(r, c.Rules); err != nil {
		return err
	}
	var writers []int64
	for _, n := range c.Notes {
		writers = append(writers, n.ByID)
	}
	authors, err := a.DB.AccountsByID(ctx, writers)
	if err != nil {
		return err
	}
	for _, n := range c.Notes {
		page.Notes = append(page.Notes, view.NoteLine{By: handles(authors).of(n.ByID), Text: n.Text, At: n.CreatedAt})
	}
	if page.Strikes, err = a.strikeLines(ctx, c.Strikes); err != nil {
		return err
	}
	for _, e := range c.History {
		page.History = append(page.History, view.AuditLine{AuditRecord: e, ErasedBy: e.ByPart.Erased(), ErasedSubject: e.AboutPart.Erased()})
	}
	if page.MayModerate = a.DB.MayTo(ctx, storage.ActModerateAccounts, c.TargetID) == nil; page.MayModerate {
		page.Measures = measuresFor(c.Target, len(c.Posts) > 0)
	}
	return a.show(w, r, "adminreport", page.Outcome, page)
}

func accountPath(acc *storage.Account) string { return "/admin/accounts/" + acc.Acct() }

// measuresFor are those that can be taken about somebody.
func measuresFor(acc *storage.Account, posts bool) []string {
	return slices.DeleteFunc(slices.Clone(storage.Measures), func(what string) bool {
		switch what {
		case storage.MeasureWarn:
			return !acc.Local()
		case storage.MeasureFreeze:
			return !acc.Local() || !acc.FrozenAt.IsZero()
		case storage.MeasureMarkPosts, storage.MeasureDeletePosts:
			return !posts
		case storage.MeasureSensitive:
			return !acc.SensitiveAt.IsZero()
		case storage.MeasureLimit:
			return !acc.LimitedAt.IsZero()
		}
		return !acc.SuspendedAt.IsZero()
	})
}

// lasting are the measures in force against somebody.
func lasting(acc *storage.Account) []string {
	return slices.DeleteFunc(slices.Clone(storage.Measures), func(what string) bool {
		return !moderation.Lasts(what) || slices.Contains(measuresFor(acc, false), what) || what == storage.MeasureFreeze && acc.FrozenAt.IsZero()
	})
}

// postViews shows reported posts, whoever may see them, with their files; what lives elsewhere is a link.
func (a *Admin) postViews(ctx context.Context, c *moderation.Case) ([]view.PostView, error) {
	ids := make([]int64, len(c.Posts))
	for i, p := range c.Posts {
		ids[i] = p.ID
	}
	files, err := a.DB.MediaOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	name := c.Target.DisplayName
	if name == "" {
		name = c.Target.Username
	}
	var out []view.PostView
	for _, p := range c.Posts {
		v := view.PostView{ID: storage.FormatID(p.ID), Author: name, Handle: "@" + c.Target.Acct(), Profile: accountPath(c.Target), At: p.PublishedAt, Edited: !p.EditedAt.IsZero(), Warning: p.ContentWarning,
			Body: template.HTML(p.HTML), // sanitised when it was stored
			Seen: view.SeenBy(p), Sensitive: p.Sensitive, Replies: p.RepliesCount, Shares: p.SharesCount, Likes: p.LikesCount, Link: "/@" + c.Target.Acct() + "/" + storage.FormatID(p.ID)}
		for _, m := range files[p.ID] {
			if m.BlobKey != "" && m.Kind == storage.MediaImage {
				v.Pictures = append(v.Pictures, view.Picture{URL: "/media/" + m.BlobKey, Alt: m.Description})
			} else if host, err := federation.HostOf(m.RemoteURL); err == nil {
				v.Files = append(v.Files, view.FileLink{URL: m.RemoteURL, Host: host, Alt: m.Description})
			}
		}
		out = append(out, v)
	}
	return out, nil
}

// rules gives the words of rules of the house, by their numbers, to who reads them; what isn't one is left out.
func (a *Admin) rules(r *http.Request, ids []string) ([]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	all, err := a.DB.Rules(r.Context())
	if err != nil {
		return nil, err
	}
	var out []string
	for _, id := range ids {
		if n, err := strconv.Atoi(id); err == nil && n > 0 && n <= len(all) {
			out = append(out, all[n-1].Say(a.Auth.Locale(r)))
		}
	}
	return out, nil
}

// actOnReport is POST /admin/reports/{id}/{act}.
func (a *Admin) actOnReport(w http.ResponseWriter, r *http.Request) error {
	form, err := auth.Params(r)
	if err != nil {
		return err
	}
	ctx, id, what := reasoned(r.Context(), form), storage.ParseID(r.PathValue("id")), ""
	switch r.PathValue("act") {
	case "take":
		what, err = "assigned", a.Desk.Assign(ctx, id, auth.Viewer(ctx))
	case "give":
		what, err = "assigned", a.give(ctx, id, form.Str("to"))
	case "leave":
		what, err = "unassigned", a.Desk.Assign(ctx, id, 0)
	case "note":
		what, err = "noted", a.Desk.Note(ctx, id, form.Str("note"))
	case "resolve":
		what, err = "resolved", a.Desk.Resolve(ctx, id)
	case "reopen":
		what, err = "reopened", a.Desk.Reopen(ctx, id)
	case "category":
		category := form.Str("category")
		what, err = "saved", a.Desk.Recategorise(ctx, id, &category, nil)
	case "measure":
		what, err = "measure", a.measureOf(ctx, id, form)
	default:
		return auth.NotFound()
	}
	if err != nil {
		return a.showReport(w, r, err)
	}
	return done(w, r, "/admin/reports/"+storage.FormatID(id), what)
}

// give assigns a report to another moderator.
func (a *Admin) give(ctx context.Context, id int64, to string) error {
	who, err := a.named(ctx, strings.TrimSpace(to))
	if err != nil {
		return fmt.Errorf("nobody known here is called %s: %w", to, errForm)
	}
	return a.Desk.Assign(ctx, id, who.ID)
}

// measureOf takes the measure that a report's form says, about the one whom the report is about.
func (a *Admin) measureOf(ctx context.Context, id int64, form *auth.Values) error {
	report, err := a.DB.ReportByID(ctx, id)
	if err != nil {
		return err
	}
	m := moderation.Measure{Account: report.TargetID, What: form.Str("what"), Text: strings.TrimSpace(form.Str("text")), Posts: form.IDs("posts"), Report: id}
	if err := form.Err(); err != nil {
		return fmt.Errorf("%v: %w", err, errForm)
	}
	_, err = a.Desk.Act(ctx, m)
	return err
}

// appeals is GET /admin/appeals.
func (a *Admin) appeals(w http.ResponseWriter, r *http.Request) error {
	return a.showAppeals(w, r, nil)
}

// decidedShown is how many decided appeals the page has.
const decidedShown = 20

func (a *Admin) showAppeals(w http.ResponseWriter, r *http.Request, cause error) error {
	ctx, q := r.Context(), r.URL.Query()
	page := view.AdminAppeals{Outcome: outcome(r, cause)}
	waiting, err := a.Desk.Appeals(ctx, true, storage.Page{Limit: perPage, MaxID: storage.ParseID(q.Get("before"))})
	if err != nil {
		return err
	}
	decided, err := a.Desk.Appeals(ctx, false, storage.Page{Limit: decidedShown})
	if err != nil {
		return err
	}
	if page.Waiting, err = a.strikeLines(ctx, waiting); err != nil {
		return err
	}
	if page.Decided, err = a.strikeLines(ctx, decided); err != nil {
		return err
	}
	if len(waiting) == perPage {
		page.Older = "/admin/appeals?before=" + storage.FormatID(waiting[perPage-1].ID)
	}
	return a.show(w, r, "adminappeals", page.Outcome, page)
}

// decideAppeal is POST /admin/appeals/{id}.
func (a *Admin) decideAppeal(w http.ResponseWriter, r *http.Request) error {
	form, err := auth.Params(r)
	if err != nil {
		return err
	}
	what := "rejected"
	if form.Str("decision") == "grant" {
		what = "granted"
	} else if form.Str("decision") != "reject" {
		return a.showAppeals(w, r, fmt.Errorf("choose whether to grant or to reject: %w", errForm))
	}
	if err := a.Desk.Decide(reasoned(r.Context(), form), storage.ParseID(r.PathValue("id")), what == "granted"); err != nil {
		return a.showAppeals(w, r, err)
	}
	return done(w, r, "/admin/appeals", what)
}

// keywords is GET /admin/keywords.
func (a *Admin) keywords(w http.ResponseWriter, r *http.Request) error {
	words, err := a.Desk.Keywords(r.Context())
	if err != nil {
		return err
	}
	return a.showKeywords(w, r, strings.Join(words, "\n"), nil)
}

func (a *Admin) showKeywords(w http.ResponseWriter, r *http.Request, words string, cause error) error {
	page := view.AdminKeywords{Outcome: outcome(r, cause), Words: words, Most: storage.MaxKeywords}
	return a.show(w, r, "adminkeywords", page.Outcome, page)
}

// saveKeywords is POST /admin/keywords.
func (a *Admin) saveKeywords(w http.ResponseWriter, r *http.Request) error {
	form, err := auth.Params(r)
	if err != nil {
		return err
	}
	words := form.Str("words")
	if err := a.Desk.SetKeywords(reasoned(r.Context(), form), strings.Split(words, "\n")); err != nil {
		return a.showKeywords(w, r, words, err)
	}
	return done(w, r, "/admin/keywords", "saved")
}
