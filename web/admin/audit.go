package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"ruche/outbox/people"
	"ruche/storage"
	"ruche/web/view"
)

// perPage is how many entries of the log a page shows.
const perPage = 50

// actions are the groups that the log can be narrowed to: the word before the dot of an action.
var actions = []string{"sign-in", "token", "account", "posts", "report", "appeal", "peer", "peering", "organisation", "node", "audit", "security", "trend", "job"}

// audit is GET /admin/audit: the log, the latest first, narrowed by what the address says.
func (a *Admin) audit(w http.ResponseWriter, r *http.Request) error { return a.showAudit(w, r, nil) }

func (a *Admin) showAudit(w http.ResponseWriter, r *http.Request, verified *storage.AuditReport) error {
	q := r.URL.Query()
	page := view.AdminAudit{Actor: q.Get("actor"), Action: q.Get("action"), Subject: q.Get("subject"), From: q.Get("from"), Until: q.Get("until"), Actions: actions, Verified: verified}
	filter, err := a.filterOf(r, page)
	if err != nil {
		page.Outcome = outcome(r, err)
		return a.show(w, r, "adminaudit", page.Outcome, page)
	}
	records, err := a.DB.AuditLog(r.Context(), filter, storage.Page{Limit: perPage, MaxID: storage.ParseID(q.Get("before"))})
	if err != nil {
		return err
	}
	for _, rec := range records {
		page.Entries = append(page.Entries, view.AuditLine{AuditRecord: rec, Label: label(rec), Changes: changes(rec.About), ErasedBy: rec.ByPart.Erased(), ErasedSubject: rec.AboutPart.Erased()})
	}
	if len(records) == perPage {
		q.Set("before", fmt.Sprint(records[len(records)-1].Number))
		q.Del("done")
		page.Older = "/admin/audit?" + q.Encode()
	}
	return a.show(w, r, "adminaudit", page.Outcome, page)
}

func (a *Admin) filterOf(r *http.Request, page view.AdminAudit) (storage.AuditFilter, error) {
	f := storage.AuditFilter{Action: page.Action, Subject: strings.TrimSpace(page.Subject)}
	if f.Subject != "" && !strings.Contains(f.Subject, " ") {
		f.Subject = "peer " + f.Subject // a host alone
	}
	if page.Actor != "" {
		who, err := people.Find(r.Context(), &a.DB.Queries, strings.TrimPrefix(page.Actor, "@"))
		if errors.Is(err, storage.ErrNotFound) {
			return f, fmt.Errorf("nobody here is called %s: %w", page.Actor, errForm)
		}
		if err != nil {
			return f, err
		}
		f.Actor = who.ID
	}
	for _, day := range []struct {
		text string
		into *time.Time
		end  int
	}{{page.From, &f.From, 0}, {page.Until, &f.Until, 1}} {
		if day.text == "" {
			continue
		}
		at, err := time.Parse(time.DateOnly, day.text)
		if err != nil {
			return f, fmt.Errorf("%q is no day: write it as 2027-12-31: %w", day.text, errForm)
		}
		*day.into = at.AddDate(0, 0, day.end)
	}
	return f, nil
}

// label is what an entry is about: the name that it was given, or the host or id alone.
func label(rec *storage.AuditRecord) string {
	kind, id, _ := strings.Cut(rec.Subject, " ")
	switch {
	case rec.About.Name != "":
		return rec.About.Name
	case kind == "node":
		return ""
	case kind == "peer":
		return id
	}
	return rec.Subject
}

// changes sets what was beside what is, field by field.
func changes(about storage.AuditAbout) []view.Change {
	before, after := fields(about.Before), fields(about.After)
	all := maps.Clone(before)
	maps.Copy(all, after)
	var out []view.Change
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, view.Change{Name: name, Before: before[name], After: after[name]})
	}
	return out
}

// fields are those of a state as texts; a state that is no object is one text without a name.
func fields(state json.RawMessage) map[string]string {
	out := map[string]string{}
	if len(state) == 0 {
		return out
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(state, &object) != nil {
		out[""] = plain(state)
		return out
	}
	for name, value := range object {
		out[name] = plain(value)
	}
	return out
}

func plain(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	var list []string
	if json.Unmarshal(value, &list) == nil {
		return strings.Join(list, ", ")
	}
	return string(value)
}

// verifyAudit is POST /admin/audit/verify: the whole chain is computed anew.
func (a *Admin) verifyAudit(w http.ResponseWriter, r *http.Request) error {
	report, err := a.DB.VerifyAudit(r.Context())
	if err != nil {
		return err
	}
	return a.showAudit(w, r, report)
}

// exportAudit is POST /admin/audit/export: the whole log as JSON Lines. It is a form and no link, because it is
// written down who took it.
func (a *Admin) exportAudit(w http.ResponseWriter, r *http.Request) error {
	// A large log takes longer than other answers.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
	download(w, "application/jsonl", "audit-"+a.DB.Now().UTC().Format("20060102-150405")+".jsonl")
	_, err := a.DB.ExportAudit(r.Context(), w)
	return err
}
