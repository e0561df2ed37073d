package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Measures that moderators take. They are words of the audit log's and of stored rows: none is ever renamed.
const (
	MeasureWarn        = "warn"         // a word to the person, nothing else
	MeasureMarkPosts   = "mark-posts"   // some posts are shown as sensitive
	MeasureDeletePosts = "delete-posts" // some posts are gone for good
	MeasureSensitive   = "sensitive"    // whatever they post is shown as sensitive
	MeasureLimit       = "limit"        // only their followers see what they post
	MeasureFreeze      = "freeze"       // they can't sign in or act; what they wrote stays
	MeasureSuspend     = "suspend"      // they can't sign in or act, and nobody sees them
)

// Measures lists them, from the mildest to the hardest.
var Measures = []string{MeasureWarn, MeasureMarkPosts, MeasureDeletePosts, MeasureSensitive, MeasureLimit, MeasureFreeze, MeasureSuspend}

// A Strike is a measure that was taken against an account, in words that its owner reads; and their appeal.
type Strike struct {
	bun.BaseModel `bun:"table:strikes,alias:st"`

	ID         int64 `bun:",pk"`
	AccountID  int64
	ByID       int64 // who took it; their name is for moderators alone. 0: the command line
	Measure    string
	Text       string // why, to the person
	Posts      []int64
	ReportID   int64 // 0: none led to it
	CreatedAt  time.Time
	Appeal     string
	AppealedAt time.Time `bun:",nullzero"`
	DecidedAt  time.Time `bun:",nullzero"`
	DecidedBy  int64
	Granted    bool
}

// AppealDays is how long after a measure its person may appeal.
const AppealDays = 20

// MayAppeal says whether the person may still appeal.
func (s *Strike) MayAppeal(now time.Time) bool {
	return s.AppealedAt.IsZero() && now.Before(s.CreatedAt.AddDate(0, 0, AppealDays))
}

// Pending says whether an appeal waits for a decision.
func (s *Strike) Pending() bool { return !s.AppealedAt.IsZero() && s.DecidedAt.IsZero() }

// AddStrike keeps a measure, and tells its person if they are one of ours.
func (tx *Tx) AddStrike(ctx context.Context, s *Strike, tell bool) error {
	s.ID, s.CreatedAt = tx.NewID(tx.Now()), tx.Now()
	if _, err := tx.idb.NewInsert().Model(s).Exec(ctx); err != nil {
		return fmt.Errorf("keep measure: %w", err)
	}
	if !tell {
		return nil
	}
	service, err := tx.ServiceActor(ctx)
	if isNotFound(err) {
		return nil // the first start makes it
	}
	if err != nil {
		return err
	}
	return tx.notify(ctx, NotifyWarning, s.AccountID, service.ID, s.ID)
}

// StrikeByID finds a measure.
func (q *Queries) StrikeByID(ctx context.Context, id int64) (*Strike, error) {
	s := new(Strike)
	if err := q.idb.NewSelect().Model(s).Where("st.id = ?", id).Scan(ctx); err != nil {
		return nil, notFound("measure", err)
	}
	return s, nil
}

// StrikesByID finds many at once, keyed by id; unknown ids are absent.
func (q *Queries) StrikesByID(ctx context.Context, ids []int64) (map[int64]*Strike, error) {
	found := make(map[int64]*Strike, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	var rows []*Strike
	if err := q.idb.NewSelect().Model(&rows).Where("st.id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read measures: %w", err)
	}
	for _, s := range rows {
		found[s.ID] = s
	}
	return found, nil
}

// maxStrikes bounds what is read of one account's.
const maxStrikes = 100

// Strikes lists the measures taken against an account, the latest first.
func (q *Queries) Strikes(ctx context.Context, account int64) ([]*Strike, error) {
	var rows []*Strike
	err := q.idb.NewSelect().Model(&rows).Where("st.account_id = ?", account).Order("st.id DESC").Limit(maxStrikes).Scan(ctx)
	return rows, wrap("list measures", err)
}

// Appeals pages through measures whose person appealed, the latest first: those that wait for a decision, or the others.
func (q *Queries) Appeals(ctx context.Context, waiting bool, page Page) ([]*Strike, error) {
	var rows []*Strike
	s := q.idb.NewSelect().Model(&rows).Where("st.appealed_at IS NOT NULL")
	if waiting {
		s = s.Where("st.decided_at IS NULL")
	} else {
		s = s.Where("st.decided_at IS NOT NULL")
	}
	if err := page.apply(s, "st.id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("list appeals: %w", err)
	}
	page.order(rows)
	return rows, nil
}

// SaveStrike stores an appeal, or what was decided about it.
func (tx *Tx) SaveStrike(ctx context.Context, s *Strike) error {
	_, err := tx.idb.NewUpdate().Model(s).Column("appeal", "appealed_at", "decided_at", "decided_by", "granted").WherePK().Exec(ctx)
	return wrap("save measure", err)
}

// A standing is a state of an account that moderators set and lift.
type standing struct{ column, set, lifted string }

var standings = map[string]standing{
	MeasureLimit:     {"limited_at", ActionAccountLimit, ActionAccountUnlimit},
	MeasureFreeze:    {"frozen_at", ActionAccountFreeze, ActionAccountUnfreeze},
	MeasureSensitive: {"sensitive_at", ActionAccountMark, ActionAccountUnmark},
}

// TakeMeasure limits or freezes an account, marks it as sensitive or suspends it; LiftMeasure undoes it. Both say
// whether anything changed.
func (tx *Tx) TakeMeasure(ctx context.Context, account int64, measure string) (bool, error) {
	if measure == MeasureSuspend {
		return tx.SuspendAccount(ctx, account)
	}
	s, ok := standings[measure]
	if !ok {
		return false, fmt.Errorf("%q is no standing of an account", measure)
	}
	res, err := tx.idb.NewRaw("UPDATE accounts SET ? = ?, revision = revision + 1 WHERE id = ? AND ? IS NULL", bun.Ident(s.column), tx.Now(), account, bun.Ident(s.column)).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("%s account: %w", measure, err)
	}
	if !changed(res) {
		return false, nil
	}
	tx.Publish(Event{Kind: AccountChanged, AccountID: account})
	return true, tx.auditAccount(ctx, account, s.set, nil, nil)
}

// LiftMeasure undoes TakeMeasure.
func (tx *Tx) LiftMeasure(ctx context.Context, account int64, measure string) (bool, error) {
	if measure == MeasureSuspend {
		return tx.UnsuspendAccount(ctx, account)
	}
	s, ok := standings[measure]
	if !ok {
		return false, fmt.Errorf("%q is no standing of an account", measure)
	}
	res, err := tx.idb.NewRaw("UPDATE accounts SET ? = NULL, revision = revision + 1 WHERE id = ? AND ? IS NOT NULL", bun.Ident(s.column), account, bun.Ident(s.column)).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("lift %s: %w", measure, err)
	}
	if !changed(res) {
		return false, nil
	}
	tx.Publish(Event{Kind: AccountChanged, AccountID: account})
	return true, tx.auditAccount(ctx, account, s.lifted, nil, nil)
}

// MarkSensitive shows a post as sensitive, or no longer; it says whether anything changed.
func (tx *Tx) MarkSensitive(ctx context.Context, p *Post, sensitive bool) (bool, error) {
	res, err := tx.idb.NewRaw("UPDATE posts SET sensitive = ?, edited_at = ?, revision = revision + 1 WHERE id = ? AND sensitive <> ? AND deleted_at IS NULL", sensitive, tx.Now(), p.ID, sensitive).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("mark post: %w", err)
	}
	if !changed(res) {
		return false, nil
	}
	p.Sensitive, p.EditedAt = sensitive, tx.Now()
	tx.Publish(Event{Kind: PostEdited, PostID: p.ID, AccountID: p.AuthorID})
	return true, nil
}
