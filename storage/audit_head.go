package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// A SignedHead is a head of a node's audit log, as the node told it: whoever remembers one can say
// later whether the log still continues it.
type SignedHead struct {
	bun.BaseModel `bun:"table:audit_heads,alias:ah" json:"-"`

	Host       string    `bun:",pk" json:"host"`
	Day        string    `bun:",pk" json:"-"` // YYYY-MM-DD on which it came: the last of a day is kept
	Count      int64     `json:"count"`
	Head       string    `json:"head"`
	At         time.Time `json:"at"`        // by its node's clock
	Signature  string    `json:"signature"` // base64
	PublicKey  string    `json:"-"`         // the key that fitted then
	ReceivedAt time.Time `json:"-"`
}

// auditHeadKept is how long a sibling's heads are remembered.
const auditHeadKept = 2 * 366 * 24 * time.Hour

// Statement is what the signature of a head covers.
func (h *SignedHead) Statement() string {
	return fieldsText("ruche audit head 1", h.Host, fmt.Sprint(h.Count), h.Head, h.At.UTC().Format(auditTime))
}

// LastAuditHead is the last head that a node told us.
func (q *Queries) LastAuditHead(ctx context.Context, host string) (*SignedHead, error) {
	h := new(SignedHead)
	if err := q.idb.NewSelect().Model(h).Where("ah.host = ?", host).Order("ah.day DESC").Limit(1).Scan(ctx); err != nil {
		return nil, notFound("audit head of "+host, err)
	}
	return h, nil
}

// KeepAuditHead remembers a head of another node. It says false, and keeps what it had, where the
// new one can't continue it: fewer entries, or as many with another hash. The first time in a
// day that this happens is an entry of our own log.
func (tx *Tx) KeepAuditHead(ctx context.Context, h *SignedHead) (bool, error) {
	if err := tx.lockKey(ctx, "audit head "+h.Host); err != nil {
		return false, err
	}
	last, err := tx.LastAuditHead(ctx, h.Host)
	if err != nil && !isNotFound(err) {
		return false, err
	}
	if last != nil && h.At.Before(last.At) {
		return true, nil // it was late on its way, and says nothing new
	}
	if last != nil && (h.Count < last.Count || h.Count == last.Count && h.Head != last.Head) {
		return false, tx.noteConflict(ctx, last, h)
	}
	h.ReceivedAt = tx.Now()
	h.Day = h.ReceivedAt.Format(time.DateOnly)
	h.At = h.At.UTC()
	_, err = tx.idb.NewInsert().Model(h).On("CONFLICT (host, day) DO UPDATE").
		Set("count = EXCLUDED.count").Set("head = EXCLUDED.head").Set("at = EXCLUDED.at").Set("signature = EXCLUDED.signature").
		Set("public_key = EXCLUDED.public_key").Set("received_at = EXCLUDED.received_at").Exec(ctx)
	return true, wrap("remember audit head of "+h.Host, err)
}

func (tx *Tx) noteConflict(ctx context.Context, last, told *SignedHead) error {
	about := AboutPeer(told.Host)
	day := tx.Now().Truncate(24 * time.Hour)
	said, err := tx.AuditLog(ctx, AuditFilter{Action: ActionAuditConflict, Subject: about.String(), From: day}, Page{Limit: 1})
	if err != nil || len(said) > 0 {
		return err
	}
	return tx.Audit(ctx, AuditEntry{Actor: Actor{Kind: ActorPeer, Name: told.Host}, Action: ActionAuditConflict, Subject: about, Before: last, After: told})
}

// TakeAuditDay says true once for each day, to whichever process asks first: what is done daily
// is then its task.
func (tx *Tx) TakeAuditDay(ctx context.Context) (bool, error) {
	if err := tx.lockKey(ctx, "audit day"); err != nil {
		return false, err
	}
	today := tx.Now().Format(time.DateOnly)
	last, err := tx.Setting(ctx, settingAuditDay)
	if err != nil || last >= today {
		return false, err
	}
	return true, tx.SetSetting(ctx, settingAuditDay, today)
}

// settingAuditDay is the day on which siblings were last told of the log's head.
const settingAuditDay = "audit_day"
