package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// A Report is a complaint about an account and, often, some of its posts, by one of ours or by a peer; or
// the node's own word that a post has one of the words that moderators look out for.
type Report struct {
	bun.BaseModel `bun:"table:reports,alias:re"`

	ID         int64 `bun:",pk"`
	AccountID  int64 // who complains; of a peer often its service actor, of a word ours
	TargetID   int64
	URI        string
	Category   string
	Rules      []string // which rules of the house were broken, as who complains sees it
	Comment    string   // text
	Posts      []int64
	Forwarded  bool // the target's own node was told
	AssignedTo int64
	CreatedAt  time.Time
	ClosedAt   time.Time `bun:",nullzero"`
	ClosedBy   int64     // 0: it is open, or the command line closed it
}

// Categories of reports.
const (
	CategorySpam      = "spam"
	CategoryLegal     = "legal"
	CategoryViolation = "violation"
	CategoryOther     = "other"
)

// Categories lists them.
var Categories = []string{CategorySpam, CategoryLegal, CategoryViolation, CategoryOther}

// Open says whether nobody has closed the report yet.
func (r *Report) Open() bool { return r.ClosedAt.IsZero() }

// AddReport keeps a complaint and tells those who read reports; a URI that exists already changes nothing
// and gives false.
func (tx *Tx) AddReport(ctx context.Context, r *Report) (bool, error) {
	if r.ID == 0 {
		r.ID = tx.NewID(tx.Now())
	}
	if r.URI == "" {
		r.URI = tx.uris.Activity(r.ID)
	}
	r.CreatedAt = tx.Now()
	res, err := tx.idb.NewInsert().Model(r).On("CONFLICT (uri) DO NOTHING").Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("add report: %w", err)
	}
	if !changed(res) {
		return false, nil
	}
	var readers []int64
	if err := tx.idb.NewSelect().Model((*User)(nil)).Column("account_id").Where("u.role IN (?)", bun.List(rolesThatMay(ActReadReports))).Scan(ctx, &readers); err != nil {
		return false, fmt.Errorf("find who reads reports: %w", err)
	}
	for _, reader := range readers {
		if reader == r.TargetID {
			continue // somebody else looks into it
		}
		if err := tx.notify(ctx, NotifyReport, reader, r.AccountID, r.ID); err != nil {
			return false, err
		}
	}
	return true, nil
}

// States of reports, for ReportFilter.
const (
	ReportsOpen   = "open"
	ReportsClosed = "closed"
	ReportsAll    = "all"
)

// A ReportFilter chooses reports; a zero field chooses all, of State those that are open.
type ReportFilter struct {
	State      string
	AssignedTo int64
	Unassigned bool
	Account    int64  // who complains
	Target     int64  // about whom
	Host       string // about whom of that node
}

func (f ReportFilter) apply(s *bun.SelectQuery) *bun.SelectQuery {
	switch f.State {
	case ReportsClosed:
		s = s.Where("re.closed_at IS NOT NULL")
	case ReportsAll:
	default:
		s = s.Where("re.closed_at IS NULL")
	}
	if f.AssignedTo != 0 {
		s = s.Where("re.assigned_to = ?", f.AssignedTo)
	}
	if f.Unassigned {
		s = s.Where("re.assigned_to = 0")
	}
	if f.Account != 0 {
		s = s.Where("re.account_id = ?", f.Account)
	}
	if f.Target != 0 {
		s = s.Where("re.target_id = ?", f.Target)
	}
	if f.Host != "" {
		s = s.Where("EXISTS (SELECT 1 FROM accounts AS rt WHERE rt.id = re.target_id AND rt.peer = ?)", f.Host)
	}
	return s
}

// Reports pages through complaints, newest first.
func (q *Queries) Reports(ctx context.Context, f ReportFilter, page Page) ([]*Report, error) {
	var rows []*Report
	if err := page.apply(f.apply(q.idb.NewSelect().Model(&rows)), "re.id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("list reports: %w", err)
	}
	page.order(rows)
	return rows, nil
}

// CountReports counts complaints.
func (q *Queries) CountReports(ctx context.Context, f ReportFilter) (int, error) {
	n, err := f.apply(q.idb.NewSelect().Model((*Report)(nil))).Count(ctx)
	return int(n), wrap("count reports", err)
}

// A ReportDay is what happens to a report on a day.
type ReportDay string

// What ReportsByDay counts.
const (
	ReportOpened ReportDay = "created_at"
	ReportClosed ReportDay = "closed_at"
)

// ReportsByDay counts the complaints that were made, or closed, on each day in UTC (YYYY-MM-DD); days without any are absent.
func (q *Queries) ReportsByDay(ctx context.Context, what ReportDay, from, until time.Time) (map[string]int, error) {
	var times []time.Time
	column := bun.Ident("re." + string(what))
	if err := q.idb.NewSelect().Model((*Report)(nil)).ColumnExpr("?", column).Where("? >= ? AND ? < ?", column, from, column, until).Scan(ctx, &times); err != nil {
		return nil, fmt.Errorf("count reports by day: %w", err)
	}
	days := map[string]int{}
	for _, at := range times {
		days[at.UTC().Format(time.DateOnly)]++
	}
	return days, nil
}

// ReportByID finds a complaint.
func (q *Queries) ReportByID(ctx context.Context, id int64) (*Report, error) {
	r := new(Report)
	if err := q.idb.NewSelect().Model(r).Where("re.id = ?", id).Scan(ctx); err != nil {
		return nil, notFound("report", err)
	}
	return r, nil
}

// ReportsByID finds many at once, keyed by id; unknown ids are absent.
func (q *Queries) ReportsByID(ctx context.Context, ids []int64) (map[int64]*Report, error) {
	found := make(map[int64]*Report, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	var rows []*Report
	if err := q.idb.NewSelect().Model(&rows).Where("re.id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read reports: %w", err)
	}
	for _, r := range rows {
		found[r.ID] = r
	}
	return found, nil
}

// SaveReport stores what moderators change of a report, and writes it down as the act that it is.
func (tx *Tx) SaveReport(ctx context.Context, r *Report, action string) error {
	before, err := tx.ReportByID(ctx, r.ID)
	if err != nil {
		return err
	}
	if _, err := tx.idb.NewUpdate().Model(r).Column("category", "rules", "assigned_to", "closed_at", "closed_by").WherePK().Exec(ctx); err != nil {
		return fmt.Errorf("save report: %w", err)
	}
	was, is, err := differences(before, r)
	if err != nil {
		return err
	}
	return tx.auditReport(ctx, r.ID, r.TargetID, action, was, is)
}

// A ReportNote is what a moderator wrote beside a report, for the others.
type ReportNote struct {
	bun.BaseModel `bun:"table:report_notes,alias:rn"`

	ID        int64 `bun:",pk"`
	ReportID  int64
	ByID      int64 // 0: by the command line
	Text      string
	CreatedAt time.Time
}

// AddReportNote keeps a note.
func (tx *Tx) AddReportNote(ctx context.Context, n *ReportNote) error {
	r, err := tx.ReportByID(ctx, n.ReportID)
	if err != nil {
		return err
	}
	n.ID, n.CreatedAt = tx.NewID(tx.Now()), tx.Now()
	if _, err := tx.idb.NewInsert().Model(n).Exec(ctx); err != nil {
		return fmt.Errorf("keep note: %w", err)
	}
	return tx.auditReport(ctx, r.ID, r.TargetID, ActionReportNote, nil, nil)
}

// maxNotes bounds what is read of the notes of one report.
const maxNotes = 200

// ReportNotes lists the notes of a report, oldest first.
func (q *Queries) ReportNotes(ctx context.Context, report int64) ([]*ReportNote, error) {
	var rows []*ReportNote
	err := q.idb.NewSelect().Model(&rows).Where("rn.report_id = ?", report).Order("rn.id").Limit(maxNotes).Scan(ctx)
	return rows, wrap("list notes", err)
}

// AboutReport names a report as what an act is about; what is said of it goes with the person that it is about.
func AboutReport(id, target int64) Subject {
	return Subject{Kind: "report", ID: FormatID(id), AccountID: target}
}

func (tx *Tx) auditReport(ctx context.Context, id, target int64, action string, before, after any) error {
	return tx.Audit(ctx, AuditEntry{Action: action, Subject: AboutReport(id, target), Before: before, After: after})
}
