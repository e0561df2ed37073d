package moderation

import (
	"context"
	"maps"
	"slices"
	"time"

	"ruche/outbox"
	"ruche/storage"
)

// Reports pages through complaints.
func (d *Desk) Reports(ctx context.Context, f storage.ReportFilter, page storage.Page) ([]*storage.Report, error) {
	if err := d.DB.May(ctx, storage.ActReadReports); err != nil {
		return nil, err
	}
	return d.DB.Reports(ctx, f, page)
}

// Cited reads the posts that reports are about, whoever may see them; those that are gone are left out.
func (d *Desk) Cited(ctx context.Context, reports []*storage.Report) ([]*storage.Post, error) {
	if err := d.DB.May(ctx, storage.ActReadReports); err != nil {
		return nil, err
	}
	var ids []int64
	for _, r := range reports {
		ids = append(ids, r.Posts...)
	}
	found, err := d.DB.PostsByID(ctx, ids)
	return slices.Collect(maps.Values(found)), err
}

// A Case is a report with all that is needed to decide about it.
type Case struct {
	*storage.Report
	Target, Reporter *storage.Account
	Posts            []*storage.Post // whoever may see them; those that are gone are left out
	Notes            []*storage.ReportNote
	Strikes          []*storage.Strike      // what was done about the target before
	History          []*storage.AuditRecord // of the report, the latest first
	Others           int                    // other open reports about the target
}

// maxHistory bounds how much of a report's history is read.
const maxHistory = 100

// Report reads one complaint.
func (d *Desk) Report(ctx context.Context, id int64) (*Case, error) {
	if err := d.DB.May(ctx, storage.ActReadReports); err != nil {
		return nil, err
	}
	var c *Case
	err := d.DB.View(ctx, func(q *storage.Queries) error {
		r, err := q.ReportByID(ctx, id)
		if err != nil {
			return err
		}
		c = &Case{Report: r}
		if c.Target, err = q.AccountByID(ctx, r.TargetID); err != nil {
			return err
		}
		if c.Reporter, err = q.AccountByID(ctx, r.AccountID); err != nil {
			return err
		}
		posts, err := q.PostsByID(ctx, r.Posts)
		if err != nil {
			return err
		}
		for _, id := range r.Posts {
			if p := posts[id]; p != nil {
				c.Posts = append(c.Posts, p)
			}
		}
		if c.Notes, err = q.ReportNotes(ctx, id); err != nil {
			return err
		}
		if c.Strikes, err = q.Strikes(ctx, r.TargetID); err != nil {
			return err
		}
		if c.Others, err = q.CountReports(ctx, storage.ReportFilter{Target: r.TargetID}); err != nil {
			return err
		}
		if r.Open() {
			c.Others--
		}
		c.History, err = q.AuditLog(ctx, storage.AuditFilter{Subject: storage.AboutReport(r.ID, r.TargetID).String()}, storage.Page{Limit: maxHistory})
		return err
	})
	return c, err
}

// change lets a moderator change a report. change says whether it did.
func (d *Desk) change(ctx context.Context, id int64, action string, change func(*storage.Tx, *storage.Report) (bool, error)) error {
	return d.DB.Update(ctx, func(tx *storage.Tx) error {
		if err := tx.May(ctx, storage.ActHandleReports); err != nil {
			return err
		}
		r, err := tx.ReportByID(ctx, id)
		if err != nil {
			return err
		}
		changed, err := change(tx, r)
		if err != nil || !changed {
			return err
		}
		return tx.SaveReport(ctx, r, action)
	})
}

// Assign gives a report to a moderator, who takes care of it; 0 to nobody.
func (d *Desk) Assign(ctx context.Context, id, to int64) error {
	return d.change(ctx, id, storage.ActionReportAssign, func(tx *storage.Tx, r *storage.Report) (bool, error) {
		if to != 0 {
			u, err := tx.UserByAccount(ctx, to)
			if err != nil {
				return false, err
			}
			if !u.May(storage.ActHandleReports) {
				return false, invalid("This person's role doesn't allow to handle reports: choose somebody else.")
			}
		}
		changed := r.AssignedTo != to
		r.AssignedTo = to
		return changed, nil
	})
}

// Resolve closes a report; nothing else happens by it.
func (d *Desk) Resolve(ctx context.Context, id int64) error {
	return d.change(ctx, id, storage.ActionReportResolve, func(tx *storage.Tx, r *storage.Report) (bool, error) {
		return closeIt(ctx, tx, r), nil
	})
}

func closeIt(ctx context.Context, tx *storage.Tx, r *storage.Report) bool {
	if !r.Open() {
		return false
	}
	r.ClosedAt, r.ClosedBy = tx.Now(), me(ctx)
	if r.AssignedTo == 0 {
		r.AssignedTo = me(ctx)
	}
	return true
}

// Reopen opens a closed report again.
func (d *Desk) Reopen(ctx context.Context, id int64) error {
	return d.change(ctx, id, storage.ActionReportReopen, func(_ *storage.Tx, r *storage.Report) (bool, error) {
		changed := !r.Open()
		r.ClosedAt, r.ClosedBy = time.Time{}, 0
		return changed, nil
	})
}

// Recategorise corrects what a report is about: a category, and rules of the house; nil leaves them.
func (d *Desk) Recategorise(ctx context.Context, id int64, category *string, rules *[]string) error {
	return d.change(ctx, id, storage.ActionReportChange, func(_ *storage.Tx, r *storage.Report) (bool, error) {
		before, had := r.Category, r.Rules
		if category != nil {
			if !slices.Contains(storage.Categories, *category) {
				return false, invalid("%q is no category of reports: choose one of spam, legal, violation, other.", *category)
			}
			r.Category = *category
		}
		if rules != nil {
			if err := outbox.CheckRules(*rules); err != nil {
				return false, err
			}
			r.Rules = *rules
		}
		return before != r.Category || !slices.Equal(had, r.Rules), nil
	})
}

// Note writes something beside a report for other moderators.
func (d *Desk) Note(ctx context.Context, id int64, text string) error {
	text, err := written("a note", text)
	if err != nil {
		return err
	}
	return d.DB.Update(ctx, func(tx *storage.Tx) error {
		if err := tx.May(ctx, storage.ActHandleReports); err != nil {
			return err
		}
		return tx.AddReportNote(ctx, &storage.ReportNote{ReportID: id, ByID: me(ctx), Text: text})
	})
}
