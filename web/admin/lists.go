package admin

import (
	"bytes"
	"fmt"
	"net/http"

	"ruche/federation/peering"
	"ruche/web/auth"
	"ruche/web/view"
)

// maxList bounds a list that is imported.
const maxList = 4 << 20

// lists is GET /admin/lists: lists of peers in Mastodon's form, in and out.
func (a *Admin) lists(w http.ResponseWriter, r *http.Request) error {
	return a.showLists(w, r, view.AdminLists{}, nil)
}

func (a *Admin) showLists(w http.ResponseWriter, r *http.Request, page view.AdminLists, cause error) error {
	page.Outcome = outcome(r, cause)
	return a.show(w, r, "adminlists", page.Outcome, page)
}

// importList is POST /admin/lists. The first button rehearses and the second does; either names every row that
// can't be used, and the others count.
func (a *Admin) importList(w http.ResponseWriter, r *http.Request) error {
	form, err := auth.Params(r)
	if err != nil {
		return err
	}
	page := view.AdminLists{Shown: true, Rehearsal: form.Str("do") != "apply"}
	entries, problems, err := readList(form)
	if err != nil {
		return a.showLists(w, r, view.AdminLists{}, err)
	}
	plan, err := a.Peering.Plan(r.Context(), entries, false)
	if err != nil {
		return err
	}
	if !page.Rehearsal {
		if err := a.Peering.Carry(r.Context(), plan); err != nil {
			return err
		}
	}
	for _, s := range plan.Steps {
		step := view.ListStep{What: s.What, Host: s.Host}
		if s.After != nil {
			step.State = s.After.State
		}
		page.Steps = append(page.Steps, step)
	}
	for _, bad := range append(problems, plan.Problems...) {
		page.Problems = append(page.Problems, view.ListProblem{Line: bad.Line, Host: bad.Host, Why: bad.Why})
	}
	return a.showLists(w, r, page, nil)
}

func readList(form *auth.Values) ([]peering.Entry, []peering.Problem, error) {
	if !form.HasFile("list") {
		return nil, nil, fmt.Errorf("choose a file first: %w", errForm)
	}
	file, header, err := form.File("list")
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	if header.Size == 0 || header.Size > maxList {
		return nil, nil, fmt.Errorf("the file is empty, or larger than %d MiB: %w", maxList>>20, errForm)
	}
	entries, problems, err := peering.ReadCSV(file, form.Bool("blocked", false))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", err, errForm)
	}
	return entries, problems, nil
}

// exportList is GET /admin/lists/allowed.csv and blocked.csv.
func (a *Admin) exportList(w http.ResponseWriter, r *http.Request) error {
	which := r.PathValue("which")
	if which != "allowed" && which != "blocked" {
		return auth.NotFound()
	}
	var out bytes.Buffer
	if err := a.Peering.WriteCSV(r.Context(), &out, which == "blocked"); err != nil {
		return err
	}
	download(w, "text/csv; charset=utf-8", which+".csv")
	_, _ = w.Write(out.Bytes())
	return nil
}

// download has the browser keep what follows as a file.
func download(w http.ResponseWriter, kind, name string) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
}
