package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/uptrace/bun"
)

// The audit log: what administrators and staff did, in the order in which it was committed.
//
// An entry is stored in the transaction of its act. Entries are numbered without gaps and each
// one's hash covers the hash before it, so that nothing can be edited, taken out or put in without
// breaking every hash that follows. What an entry says of persons is kept apart in two parts (by:
// who acted and from where; about: whom or what, before and after, why); the chain covers a salted
// digest of each, so that a part can be erased and the chain stays valid. docs/admin/audit.md
// tells others how to compute it all.

// Actions that are written down. They are words of the log's format: none is ever renamed.
const (
	ActionStaffSignIn     = "sign-in.staff"
	ActionStaffRefused    = "sign-in.refused"
	ActionTokenCreate     = "token.create"
	ActionTokenRevoke     = "token.revoke"
	ActionAccountCreate   = "account.create"
	ActionAccountRole     = "account.role"
	ActionAccountPassword = "account.password"
	ActionAccountEmail    = "account.email"
	ActionAccountFactor   = "account.second-factor"
	ActionAccountSuspend  = "account.suspend"
	ActionAccountRestore  = "account.unsuspend"
	ActionAccountDelete   = "account.delete"
	ActionAccountWarn     = "account.warn"
	ActionAccountLimit    = "account.limit"
	ActionAccountUnlimit  = "account.unlimit"
	ActionAccountFreeze   = "account.freeze"
	ActionAccountUnfreeze = "account.unfreeze"
	ActionAccountMark     = "account.sensitive"
	ActionAccountUnmark   = "account.unsensitive"
	ActionPostsDelete     = "posts.delete"
	ActionPostsMark       = "posts.sensitive"
	ActionReportChange    = "report.change"
	ActionReportAssign    = "report.assign"
	ActionReportNote      = "report.note"
	ActionReportResolve   = "report.resolve"
	ActionReportReopen    = "report.reopen"
	ActionAppealGrant     = "appeal.grant"
	ActionAppealReject    = "appeal.reject"
	ActionKeywords        = "node.keywords"
	ActionAccountApprove  = "account.approve"
	ActionAccountRefuse   = "account.refuse"
	ActionPersonInvite    = "invitation.create"
	ActionPersonRevoke    = "invitation.revoke"
	ActionPersonInvited   = "invitation.use"
	ActionPeerAllow       = "peer.allow"
	ActionPeerBlock       = "peer.block"
	ActionPeerChange      = "peer.change"
	ActionPeerRemove      = "peer.remove"
	ActionConfig          = "node.configuration"
	ActionTrendPick       = "trend.pick"
	ActionTrendUnpick     = "trend.unpick"
	ActionAnnounce        = "announcement.create"
	ActionAnnounceEdit    = "announcement.edit"
	ActionAnnounceEnd     = "announcement.end"
	ActionSetting         = "node.setting"
	ActionResend          = "job.resend"
	ActionBackup          = "node.backup"
	ActionRestore         = "node.restore"
	ActionAuditExport     = "audit.export"
	ActionAuditErase      = "audit.erase"
	ActionAuditConflict   = "audit.conflict" // a sibling's log no longer continues what it told us
	ActionSecurityRead    = "security.read"
)

// An AuditEntry is what Audit takes.
type AuditEntry struct {
	// Actor is who acts; left empty, who acts in the context.
	Actor  Actor
	Action string
	// Subject is what was acted on: a kind and an id, never a name. See AboutAccount, AboutPeer.
	Subject Subject
	// Before and After are what changed, of any form that JSON can write; nil: nothing.
	Before, After any
	// Why is the reason in words; left empty, the context's.
	Why string
	// Facts stand in the chain itself and can't be erased: nothing about any person.
	Facts string
}

// A Subject is what an act is about.
type Subject struct {
	Kind, ID  string
	Name      string // erasable
	AccountID int64  // whose erasure erases what the entry says about it
}

// AboutAccount names an account as what an act is about.
func AboutAccount(a *Account) Subject {
	return Subject{Kind: "account", ID: FormatID(a.ID), Name: "@" + a.Acct(), AccountID: a.ID}
}

// AboutPeer names a host.
func AboutPeer(host string) Subject { return Subject{Kind: "peer", ID: host} }

// AboutNode names this node.
func AboutNode() Subject { return Subject{Kind: "node"} }

func (s Subject) String() string { return strings.TrimSpace(s.Kind + " " + s.ID) }

// maxAuditText bounds each text of an entry: a reason, a state before or after.
const maxAuditText = 16 << 10

// Parts of an entry that can be erased.
const (
	partBy    = "by"
	partAbout = "about"
)

// AuditBy is who acted.
type AuditBy struct {
	Name    string `json:"name,omitempty"`
	Role    string `json:"role,omitempty"`
	Address string `json:"address,omitempty"`
	App     string `json:"app,omitempty"`
}

// AuditAbout is what was acted on, and why.
type AuditAbout struct {
	Name   string          `json:"name,omitempty"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
	Why    string          `json:"why,omitempty"`
}

// Audit writes an act down, in the act's own transaction: if the act is stored so is its entry.
// It takes its number when the rest of the act is done, so that acts wait for each other no
// longer than they must.
func (tx *Tx) Audit(ctx context.Context, e AuditEntry) error {
	if e.Actor.Kind == "" {
		e.Actor = ActorOf(ctx)
	}
	if e.Why == "" {
		e.Why = ReasonOf(ctx)
	}
	app, err := tx.appName(ctx, e.Actor.AppID, e.Actor.App)
	if err != nil {
		return err
	}
	p := pendingAudit{entry: auditRow{At: tx.Now(), Actor: e.Actor.Kind, Action: e.Action, Subject: auditText(e.Subject.String()), Facts: auditText(e.Facts)}}
	p.by, err = newPart(partBy, e.Actor.AccountID, AuditBy{Name: auditText(e.Actor.Name), Role: e.Actor.Role, Address: auditText(e.Actor.Address), App: auditText(app)})
	if err != nil {
		return err
	}
	about := AuditAbout{Name: auditText(e.Subject.Name), Why: auditText(e.Why)}
	if about.Before, err = auditState(e.Before); err != nil {
		return err
	}
	if about.After, err = auditState(e.After); err != nil {
		return err
	}
	if p.about, err = newPart(partAbout, e.Subject.AccountID, about); err != nil {
		return err
	}
	p.entry.ByDigest, p.entry.AboutDigest = p.by.digest(), p.about.digest()
	tx.audits = append(tx.audits, p)
	return nil
}

// auditState is a state as it is kept. One that is too long is cut, as a text.
func auditState(v any) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write down a state: %w", err)
	}
	if len(body) > maxAuditText {
		return json.Marshal(auditText(string(body)))
	}
	return body, nil
}

// auditText is a text as it is kept: valid, without NUL, which PostgreSQL doesn't take, and not
// longer than its bound.
func auditText(s string) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\uFFFD")
	if len(s) <= maxAuditText {
		return s
	}
	cut := maxAuditText
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// auditRow is an entry as the chain has it.
type auditRow struct {
	bun.BaseModel `bun:"table:audit_entries,alias:ae"`

	ID          int64 `bun:",pk"` // its number
	At          time.Time
	Actor       string // kind
	Action      string
	Subject     string
	Facts       string
	ByDigest    string
	AboutDigest string
	Hash        string
}

// auditPart is what an entry says of persons, with the salt without which its digest says nothing.
type auditPart struct {
	bun.BaseModel `bun:"table:audit_parts,alias:ap"`

	EntryID   int64  `bun:",pk"`
	Part      string `bun:",pk"`
	AccountID int64  // whom it is about; 0: nobody
	Salt      string
	Body      string // JSON
	Erasure   int64  // which erasure emptied it; 0: none
}

type pendingAudit struct {
	entry     auditRow
	by, about auditPart
}

func newPart(part string, account int64, body any) (auditPart, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return auditPart{}, fmt.Errorf("write down part %s: %w", part, err)
	}
	return auditPart{Part: part, AccountID: account, Salt: NewSecret(), Body: string(text)}, nil
}

// ZeroHash stands before the first entry.
var ZeroHash = strings.Repeat("0", 2*sha256.Size)

// fieldsText is the one encoding of what is hashed and signed: every field as its length in bytes, a
// colon, its bytes and a line feed. No two lists of fields have the same.
func fieldsText(fields ...string) string {
	var b strings.Builder
	for _, f := range fields {
		b.WriteString(strconv.Itoa(len(f)) + ":" + f + "\n")
	}
	return b.String()
}

func hashFields(fields ...string) string {
	sum := sha256.Sum256([]byte(fieldsText(fields...)))
	return hex.EncodeToString(sum[:])
}

// auditTime is how a time is hashed and exported: as fine as both databases keep it.
const auditTime = "2006-01-02T15:04:05.000000Z"

func (p *auditPart) digest() string {
	return hashFields("ruche audit part 1", p.Part, p.Salt, strconv.FormatInt(p.AccountID, 10), p.Body)
}

func (r *auditRow) hashAfter(previous string) string {
	return hashFields("ruche audit entry 1", previous, strconv.FormatInt(r.ID, 10), r.At.UTC().Format(auditTime),
		r.Actor, r.Action, r.Subject, r.Facts, r.ByDigest, r.AboutDigest)
}

// writeAudits appends what the act wrote down, as nearly the last thing before it commits. Acts that
// append wait for each other until they commit, so that two processes never continue from the
// same entry; nothing is locked after this, so they never wait in a circle.
func (tx *Tx) writeAudits(ctx context.Context) error {
	if len(tx.audits) == 0 {
		return nil
	}
	if err := tx.lockKey(ctx, "audit"); err != nil {
		return err
	}
	head, err := tx.AuditHead(ctx)
	if err != nil {
		return err
	}
	entries := make([]auditRow, len(tx.audits))
	parts := make([]auditPart, 0, 2*len(tx.audits))
	for i, p := range tx.audits {
		p.entry.ID = head.Count + 1
		p.entry.Hash = p.entry.hashAfter(head.Hash)
		p.by.EntryID, p.about.EntryID = p.entry.ID, p.entry.ID
		head = AuditHead{Count: p.entry.ID, Hash: p.entry.Hash}
		entries[i], parts = p.entry, append(parts, p.by, p.about)
	}
	if _, err := tx.idb.NewInsert().Model(&entries).Exec(ctx); err != nil {
		return fmt.Errorf("append to the audit log: %w", err)
	}
	if _, err := tx.idb.NewInsert().Model(&parts).Exec(ctx); err != nil {
		return fmt.Errorf("append to the audit log: %w", err)
	}
	return nil
}

// An AuditHead says how far the log goes: how many entries, and the hash of the last.
type AuditHead struct {
	Count int64
	Hash  string
}

// AuditHead is where the log ends now.
func (q *Queries) AuditHead(ctx context.Context) (AuditHead, error) {
	var rows []AuditHead
	if err := q.idb.NewRaw("SELECT id AS count, hash FROM audit_entries ORDER BY id DESC LIMIT 1").Scan(ctx, &rows); err != nil {
		return AuditHead{}, fmt.Errorf("read the head of the audit log: %w", err)
	}
	if len(rows) == 0 {
		return AuditHead{Hash: ZeroHash}, nil
	}
	return rows[0], nil
}

// EraseFromLogs takes a person out of what is kept about acts and sign-ins: who they were and where
// from in entries of theirs, everything said about them in entries of others, and their security
// log. The entries stay, and the chain stays valid; that there was an erasure is an entry itself,
// and how much it took. It says how many parts that was.
func (tx *Tx) EraseFromLogs(ctx context.Context, account int64) (int, error) {
	var parts []auditPart
	err := tx.idb.NewSelect().Model(&parts).Column("entry_id", "part").Where("ap.account_id = ?", account).Order("ap.entry_id", "ap.part").Scan(ctx)
	if err != nil {
		return 0, fmt.Errorf("look for what to erase: %w", err)
	}
	if _, err := tx.idb.NewRaw("DELETE FROM security_log WHERE account_id = ?", account).Exec(ctx); err != nil {
		return 0, fmt.Errorf("erase security log: %w", err)
	}
	if len(parts) == 0 {
		return 0, nil
	}
	erasure := tx.NewID(tx.Now())
	if _, err := tx.idb.NewRaw("UPDATE audit_parts SET salt = '', body = '', account_id = 0, erasure = ? WHERE account_id = ?", erasure, account).Exec(ctx); err != nil {
		return 0, fmt.Errorf("erase from the audit log: %w", err)
	}
	return len(parts), tx.Audit(ctx, AuditEntry{Action: ActionAuditErase, Subject: Subject{Kind: "account", ID: FormatID(account)}, Facts: erasureFacts(erasure, parts)})
}

// erasureFacts is what the chain says of an erasure: without it a part that is missing is a fault.
func erasureFacts(erasure int64, parts []auditPart) string {
	fields := []string{"ruche audit erasure 1", FormatID(erasure)}
	for _, p := range parts {
		fields = append(fields, strconv.FormatInt(p.EntryID, 10)+" "+p.Part)
	}
	return fmt.Sprintf("erasure=%d parts=%d sha256=%s", erasure, len(parts), hashFields(fields...))
}
