package main

import (
	"errors"
	"fmt"
	"strings"

	"ruche/storage"
)

type reportCommand struct {
	List     reportList     `cmd:"" help:"List reports, the latest first: id, when, state, category, about whom, by whom, taken by, comment."`
	Show     reportShow     `cmd:"" help:"Show one report with its posts, notes and what was done about its person before."`
	Assign   reportAssign   `cmd:"" help:"Give a report to somebody who takes care of it."`
	Unassign reportUnassign `cmd:"" help:"Give a report to nobody."`
	Note     reportNote     `cmd:"" help:"Write something beside a report, for those who handle it."`
	Change   reportChange   `cmd:"" help:"Correct the category of a report."`
	Close    reportClose    `cmd:"" help:"Close a report; nothing else happens by it."`
	Reopen   reportReopen   `cmd:"" help:"Open a closed report again."`
}

// report is how a report is shown.
type report struct {
	ID        string   `json:"id"`
	At        string   `json:"at"`
	State     string   `json:"state"` // open or closed
	Category  string   `json:"category"`
	About     string   `json:"about"`
	By        string   `json:"by"`
	Assigned  string   `json:"assigned,omitempty"`
	Comment   string   `json:"comment"`
	Rules     []string `json:"rules"`
	Posts     []string `json:"posts"`
	Forwarded bool     `json:"forwarded"`
	ClosedAt  string   `json:"closed_at,omitempty"`
	ClosedBy  string   `json:"closed_by,omitempty"`
}

func (h handles) report(r *storage.Report) report {
	out := report{ID: storage.FormatID(r.ID), At: moment(r.CreatedAt), State: storage.ReportsOpen, Category: r.Category, About: h.of(r.TargetID), By: h.of(r.AccountID), Assigned: h.of(r.AssignedTo),
		Comment: r.Comment, Rules: append([]string{}, r.Rules...), Posts: idTexts(r.Posts), Forwarded: r.Forwarded, ClosedAt: moment(r.ClosedAt), ClosedBy: h.of(r.ClosedBy)}
	if !r.Open() {
		out.State = storage.ReportsClosed
	}
	return out
}

type reportList struct {
	State    string `enum:"open,closed,all" default:"open" placeholder:"S" help:"One of ${enum}."`
	Assigned string `placeholder:"U" help:"Only those that somebody has taken; nobody: only those that nobody has."`
	About    string `placeholder:"U" help:"Only those about somebody: user, or user@host."`
	Host     string `placeholder:"H" help:"Only those about people of this peer."`
	pageFlags
}

// unassigned stands for nobody, in --assigned. It may be a username: then @nobody is somebody.
const unassigned = "nobody"

func (c reportList) Run(p *program) error {
	page, err := c.page()
	if err != nil {
		return err
	}
	return p.withDesk(func(d desk) error {
		f := storage.ReportFilter{State: c.State, Host: strings.ToLower(c.Host), Unassigned: c.Assigned == unassigned}
		for _, who := range []struct {
			handle string
			into   *int64
		}{{c.Assigned, &f.AssignedTo}, {c.About, &f.Target}} {
			if who.handle == "" || who.into == &f.AssignedTo && f.Unassigned {
				continue
			}
			a, err := d.someone(p.ctx, who.handle)
			if err != nil {
				return err
			}
			*who.into = a.ID
		}
		found, err := d.Reports(p.ctx, f, page)
		if err != nil {
			return err
		}
		var ids []int64
		for _, r := range found {
			ids = append(ids, r.AccountID, r.TargetID, r.AssignedTo, r.ClosedBy)
		}
		names, err := d.handles(p.ctx, ids...)
		if err != nil {
			return err
		}
		list := make([]report, len(found))
		for i, r := range found {
			list[i] = names.report(r)
		}
		if c.JSON {
			return p.printJSON(list)
		}
		for _, r := range list {
			if err := p.print(r.ID, r.At, r.State, r.Category, r.About, r.By, r.Assigned, r.Comment); err != nil {
				return err
			}
		}
		return nil
	})
}

// reportID is the argument of the commands on one report.
type reportID struct {
	ID string `arg:"" help:"Id, as list shows it."`
}

func noReport(id string) error {
	return fmt.Errorf("there is no report %s: `ruche report list --state all` shows them", id)
}

// on runs an act on a report; one that isn't there is said in words.
func (c reportID) on(p *program, act func(d desk, id int64) error) error {
	return p.withDesk(func(d desk) error {
		err := act(d, storage.ParseID(c.ID))
		if errors.Is(err, storage.ErrNotFound) {
			return noReport(c.ID)
		}
		return err
	})
}

// fullReport is a report with what stands beside it.
type fullReport struct {
	report
	Others int    `json:"other_open_reports"`
	Notes  []note `json:"notes"`
	// Measures are those that were taken against its person, the latest first.
	Measures []strike `json:"measures"`
}

type note struct {
	At   string `json:"at"`
	By   string `json:"by"` // empty: the command line
	Text string `json:"text"`
}

type reportShow struct {
	reportID
	JSON bool `name:"json" help:"Print JSON."`
}

func (c reportShow) Run(p *program) error {
	return c.on(p, func(d desk, id int64) error {
		found, err := d.Report(p.ctx, id)
		if err != nil {
			return err
		}
		ids := []int64{found.AccountID, found.TargetID, found.AssignedTo, found.ClosedBy}
		for _, n := range found.Notes {
			ids = append(ids, n.ByID)
		}
		names, err := d.handles(p.ctx, ids...)
		if err != nil {
			return err
		}
		full := fullReport{report: names.report(found.Report), Others: found.Others, Notes: []note{}}
		for _, n := range found.Notes {
			full.Notes = append(full.Notes, note{moment(n.CreatedAt), names.of(n.ByID), n.Text})
		}
		if full.Measures, err = d.strikes(p.ctx, found.Strikes); err != nil {
			return err
		}
		if c.JSON {
			return p.printJSON(full)
		}
		lines := [][]any{
			{"id", full.ID}, {"at", full.At}, {"state", full.State}, {"category", full.Category}, {"about", full.About}, {"by", full.By}, {"assigned", full.Assigned}, {"comment", full.Comment},
			{"rules", strings.Join(full.Rules, " ")}, {"posts", strings.Join(full.Posts, " ")}, {"forwarded", full.Forwarded}, {"closed_at", full.ClosedAt}, {"closed_by", full.ClosedBy}, {"other_open_reports", full.Others},
		}
		for _, n := range full.Notes {
			lines = append(lines, []any{"note", n.At, n.By, n.Text})
		}
		for _, m := range full.Measures {
			lines = append(lines, []any{"measure", m.At, m.By, m.Measure, m.Text})
		}
		for _, line := range lines {
			if err := p.print(line...); err != nil {
				return err
			}
		}
		return nil
	})
}

type reportAssign struct {
	reportID
	username
}

func (c reportAssign) Run(p *program) error {
	return p.withDesk(func(d desk) error {
		who, err := d.someone(p.ctx, c.Username)
		if err != nil {
			return err
		}
		if _, err := d.DB.ReportByID(p.ctx, storage.ParseID(c.ID)); errors.Is(err, storage.ErrNotFound) {
			return noReport(c.ID)
		}
		err = d.Assign(p.ctx, storage.ParseID(c.ID), who.ID)
		if errors.Is(err, storage.ErrNotFound) {
			return fmt.Errorf("%s can't sign in here, and handles no reports: choose a moderator of this node", c.Username)
		}
		return err
	})
}

type reportUnassign struct{ reportID }

func (c reportUnassign) Run(p *program) error {
	return c.on(p, func(d desk, id int64) error { return d.Assign(p.ctx, id, 0) })
}

type reportNote struct {
	reportID
	Text string `arg:"" help:"What to remember."`
}

func (c reportNote) Run(p *program) error {
	return c.on(p, func(d desk, id int64) error { return d.Note(p.ctx, id, c.Text) })
}

type reportChange struct {
	reportID
	Category string `arg:"" enum:"spam,legal,violation,other" help:"One of ${enum}."`
}

func (c reportChange) Run(p *program) error {
	return c.on(p, func(d desk, id int64) error { return d.Recategorise(p.ctx, id, &c.Category, nil) })
}

type reportClose struct{ reportID }

func (c reportClose) Run(p *program) error {
	return c.on(p, func(d desk, id int64) error { return d.Resolve(p.ctx, id) })
}

type reportReopen struct{ reportID }

func (c reportReopen) Run(p *program) error {
	return c.on(p, func(d desk, id int64) error { return d.Reopen(p.ctx, id) })
}
