package storage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/uptrace/bun"
)

// The security log: a person's own sign-ins, for that person. It is no part of the audit log.
// Nobody else reads it, but for an owner who writes down why; the person sees that, and the audit log
// has it.

// What happens to a sign-in.
const (
	SecuritySignIn   = "sign-in"
	SecuritySignOut  = "sign-out"
	SecurityRefused  = "refused" // a wrong password, or a suspended account
	SecurityToken    = "token"   // an app got the right to act
	SecurityPassword = "password"
	SecurityRead     = "read" // an owner read this log
	SecurityEmail    = "email"
	SecurityFactorOn = "factor-on" // a second factor is asked for from now on
	SecurityFactorNo = "factor-off"
	SecurityRecovery = "recovery" // a recovery code was used
)

// SecurityKept is how long these are kept. Tries with names that nobody has are kept for a day.
const (
	SecurityKept  = 90 * 24 * time.Hour
	strangersKept = 24 * time.Hour
)

// A SecurityEvent is one line of a person's security log.
type SecurityEvent struct {
	bun.BaseModel `bun:"table:security_log,alias:sl"`

	ID        int64 `bun:",pk"`
	AccountID int64
	Kind      string
	Address   string // where from
	App       string // with which app or browser
	Reader    string // SecurityRead: who read it
	Why       string // SecurityRead: the written reason
	At        time.Time
}

// ErrNoReason says that somebody may not read another's sign-ins: they are no owner, or gave no reason.
var ErrNoReason = errors.New("only an owner with a written reason may read this")

// minReason is how many letters a reason has at least: "test" is none.
const minReason = 10

// NoteSignIn writes down what happened to an account's sign-in, by whoever acts in the context. Of
// staff it is an entry of the audit log too. Account 0 is a name that nobody has: it costs the
// same, so that nobody can measure who exists.
func (tx *Tx) NoteSignIn(ctx context.Context, account int64, kind string) error {
	actor := ActorOf(ctx)
	app, err := tx.appName(ctx, actor.AppID, actor.App)
	if err != nil {
		return err
	}
	e := &SecurityEvent{ID: tx.NewID(tx.Now()), AccountID: account, Kind: kind, Address: actor.Address, App: auditText(app), At: tx.Now()}
	if _, err := tx.idb.NewInsert().Model(e).Exec(ctx); err != nil {
		return fmt.Errorf("note sign-in: %w", err)
	}
	action := map[string]string{SecuritySignIn: ActionStaffSignIn, SecurityRefused: ActionStaffRefused}[kind]
	if account == 0 || action == "" {
		return nil
	}
	a, u, err := tx.staff(ctx, account)
	if a == nil || err != nil {
		return err
	}
	if kind == SecuritySignIn {
		actor = PersonActing(a, u, actor)
	}
	return tx.Audit(ctx, AuditEntry{Actor: actor, Action: action, Subject: AboutAccount(a)})
}

// staff gives an account whose role is above member; nil where it isn't.
func (q *Queries) staff(ctx context.Context, account int64) (*Account, *User, error) {
	u, err := q.UserByAccount(ctx, account)
	if isNotFound(err) || err == nil && !u.Staff() {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	a, err := q.AccountByID(ctx, account)
	return a, u, err
}

// OwnSecurityLog is what a person sees of their own sign-ins, the latest first. To show it to
// anybody else: ReadSecurityLog.
func (q *Queries) OwnSecurityLog(ctx context.Context, me int64, page Page) ([]*SecurityEvent, error) {
	if me == 0 {
		return nil, fmt.Errorf("security log: %w", ErrNotFound)
	}
	var rows []*SecurityEvent
	err := page.apply(q.idb.NewSelect().Model(&rows).Where("sl.account_id = ?", me), "sl.id").Scan(ctx)
	return rows, wrap("read security log", err)
}

// ReadSecurityLog shows an owner, who acts in the context, somebody else's sign-ins. The reason is shown
// to that person, and the audit log has it.
func (tx *Tx) ReadSecurityLog(ctx context.Context, account int64, why string, page Page) ([]*SecurityEvent, error) {
	actor := ActorOf(ctx)
	why = strings.TrimSpace(why)
	if actor.Kind != ActorPerson || !RoleMay(actor.Role, ActReadSignIns) || utf8.RuneCountInString(why) < minReason {
		return nil, ErrNoReason
	}
	a, err := tx.AccountByID(ctx, account)
	if err != nil {
		return nil, err
	}
	if _, err := tx.UserByAccount(ctx, account); err != nil {
		return nil, err
	}
	rows, err := tx.OwnSecurityLog(ctx, account, page)
	if err != nil {
		return nil, err
	}
	e := &SecurityEvent{ID: tx.NewID(tx.Now()), AccountID: account, Kind: SecurityRead, Reader: actor.Name, Why: auditText(why), At: tx.Now()}
	if _, err := tx.idb.NewInsert().Model(e).Exec(ctx); err != nil {
		return nil, fmt.Errorf("tell whose security log was read: %w", err)
	}
	return rows, tx.Audit(ctx, AuditEntry{Action: ActionSecurityRead, Subject: AboutAccount(a), Why: why})
}
