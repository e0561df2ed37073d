package storage

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/uptrace/bun"
)

// An AuditRecord is an entry as it is read and exported.
type AuditRecord struct {
	Number      int64       `json:"number"`
	At          time.Time   `json:"-"`
	Time        string      `json:"at"` // as it is hashed
	Actor       string      `json:"actor"`
	Action      string      `json:"action"`
	Subject     string      `json:"subject"`
	Facts       string      `json:"facts"`
	ByDigest    string      `json:"by_digest"`
	AboutDigest string      `json:"about_digest"`
	Hash        string      `json:"hash"`
	ByPart      *PartRecord `json:"by"`    // nil where a row is missing
	AboutPart   *PartRecord `json:"about"` // likewise
	By          AuditBy     `json:"-"`     // what ByPart says; empty once erased
	About       AuditAbout  `json:"-"`
}

// A PartRecord is what an entry says of persons, or what is left of it.
type PartRecord struct {
	AccountID int64  `json:"account,string"`
	Salt      string `json:"salt"`
	Body      string `json:"body"`
	Erasure   int64  `json:"erasure,string"`
}

// Erased says whether a person was taken out of the part.
func (p *PartRecord) Erased() bool { return p != nil && p.Erasure != 0 }

// AuditFilter chooses entries; a zero field chooses all.
type AuditFilter struct {
	Actor   int64  // the account that acted
	Kind    string // kind of actor
	Action  string // a whole action, or the word before its dot
	Subject string // "peer legal.test", "account 123"
	From    time.Time
	Until   time.Time // not included
}

// AuditLog reads entries, the latest first, a page at a time: Page's ids are entries' numbers.
func (q *Queries) AuditLog(ctx context.Context, f AuditFilter, page Page) ([]*AuditRecord, error) {
	var rows []*auditRow
	s := q.idb.NewSelect().Model(&rows)
	if f.Actor != 0 {
		s = s.Where("ae.id IN (SELECT entry_id FROM audit_parts WHERE part = ? AND account_id = ?)", partBy, f.Actor)
	}
	if f.Kind != "" {
		s = s.Where("ae.actor = ?", f.Kind)
	}
	if f.Action != "" {
		s = s.Where("(ae.action = ? OR ae.action LIKE ? ESCAPE '\\')", f.Action, likePrefix(f.Action+"."))
	}
	if f.Subject != "" {
		s = s.Where("ae.subject = ?", f.Subject)
	}
	if !f.From.IsZero() {
		s = s.Where("ae.at >= ?", f.From.UTC())
	}
	if !f.Until.IsZero() {
		s = s.Where("ae.at < ?", f.Until.UTC())
	}
	if err := page.apply(s, "ae.id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	page.order(rows)
	return q.auditRecords(ctx, rows)
}

// auditRecords adds their parts to entries.
func (q *Queries) auditRecords(ctx context.Context, rows []*auditRow) ([]*AuditRecord, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	ids := make([]int64, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	var parts []*auditPart
	if err := q.idb.NewSelect().Model(&parts).Where("ap.entry_id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read what entries say: %w", err)
	}
	byEntry := make(map[int64][]*auditPart, len(rows))
	for _, p := range parts {
		byEntry[p.EntryID] = append(byEntry[p.EntryID], p)
	}
	out := make([]*AuditRecord, len(rows))
	for i, r := range rows {
		out[i] = auditRecord(r, byEntry[r.ID])
	}
	return out, nil
}

func auditRecord(r *auditRow, parts []*auditPart) *AuditRecord {
	out := &AuditRecord{Number: r.ID, At: r.At.UTC(), Time: r.At.UTC().Format(auditTime), Actor: r.Actor, Action: r.Action,
		Subject: r.Subject, Facts: r.Facts, ByDigest: r.ByDigest, AboutDigest: r.AboutDigest, Hash: r.Hash}
	for _, p := range parts {
		record, into := &PartRecord{p.AccountID, p.Salt, p.Body, p.Erasure}, any(&out.By)
		if p.Part == partBy {
			out.ByPart = record
		} else {
			out.AboutPart, into = record, &out.About
		}
		if p.Erasure == 0 {
			// A body that can't be read was changed by somebody: it is shown as it is, empty, and
			// VerifyAudit tells of it.
			_ = json.Unmarshal([]byte(p.Body), into)
		}
	}
	return out
}

// auditBatch is how many entries are read at once.
const auditBatch = 1000

// eachAuditRow reads every entry in order, with its parts.
func (q *Queries) eachAuditRow(ctx context.Context, fn func(r *auditRow, parts []*auditPart) error) error {
	last := int64(-1 << 62)
	for {
		var rows []*auditRow
		if err := q.idb.NewSelect().Model(&rows).Where("ae.id > ?", last).Order("ae.id").Limit(auditBatch).Scan(ctx); err != nil {
			return fmt.Errorf("read the audit log: %w", err)
		}
		end := int64(1<<63 - 1)
		if len(rows) == auditBatch {
			end = rows[len(rows)-1].ID
		}
		var parts []*auditPart
		if err := q.idb.NewSelect().Model(&parts).Where("ap.entry_id > ? AND ap.entry_id <= ?", last, end).Order("ap.entry_id", "ap.part").Scan(ctx); err != nil {
			return fmt.Errorf("read what entries say: %w", err)
		}
		for _, r := range rows {
			// Parts of no entry come with a nil row.
			for len(parts) > 0 && parts[0].EntryID < r.ID {
				if err := fn(nil, parts[:1]); err != nil {
					return err
				}
				parts = parts[1:]
			}
			n := 0
			for n < len(parts) && parts[n].EntryID == r.ID {
				n++
			}
			if err := fn(r, parts[:n]); err != nil {
				return err
			}
			parts = parts[n:]
		}
		for i := range parts {
			if err := fn(nil, parts[i:i+1]); err != nil {
				return err
			}
		}
		if len(rows) < auditBatch {
			return nil
		}
		last = end
	}
}

// ExportAudit writes the whole log as JSON Lines, in order, with all that is needed to verify it
// elsewhere, and says how many entries that were. That it was exported is the last of them.
func (db *DB) ExportAudit(ctx context.Context, w io.Writer) (int64, error) {
	err := db.Update(ctx, func(tx *Tx) error {
		return tx.Audit(ctx, AuditEntry{Action: ActionAuditExport, Subject: AboutNode()})
	})
	if err != nil {
		return 0, fmt.Errorf("export the audit log: %w", err)
	}
	out := bufio.NewWriter(w)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	var n int64
	err = db.View(ctx, func(q *Queries) error {
		return q.eachAuditRow(ctx, func(r *auditRow, parts []*auditPart) error {
			if r == nil {
				return nil // parts of no entry, which VerifyAudit tells of
			}
			n++
			return lines.Encode(auditRecord(r, parts))
		})
	})
	if err != nil {
		return n, fmt.Errorf("export the audit log: %w", err)
	}
	return n, out.Flush()
}
