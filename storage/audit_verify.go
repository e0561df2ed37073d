package storage

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A KnownHead is a head that somebody remembers: an admin, the node's log, a sibling. What was in the
// log then must be in it still.
type KnownHead struct {
	Source string
	Count  int64 // negative: not known
	Hash   string
}

// ParseHead reads a head as it is written in the log of a node: COUNT:HASH, or the hash alone.
func ParseHead(s string) (KnownHead, error) {
	h := KnownHead{Count: -1, Hash: strings.ToLower(strings.TrimSpace(s))}
	if count, hash, ok := strings.Cut(h.Hash, ":"); ok {
		n, err := strconv.ParseInt(count, 10, 64)
		if err != nil || n < 0 {
			return h, fmt.Errorf("%q is no head: it is COUNT:HASH, or a hash of 64 digits", s)
		}
		h.Count, h.Hash = n, hash
	}
	if raw, err := hex.DecodeString(h.Hash); err != nil || len(raw) != len(ZeroHash)/2 {
		return h, fmt.Errorf("%q is no head: it is COUNT:HASH, or a hash of 64 digits", s)
	}
	return h, nil
}

// An AuditFault is something that can't be as it was written.
type AuditFault struct {
	Number int64 // of the entry; 0: the log as a whole
	What   string
}

func (f AuditFault) String() string {
	if f.Number == 0 {
		return f.What
	}
	return fmt.Sprintf("entry %d: %s", f.Number, f.What)
}

// AuditReport is what a verification found.
type AuditReport struct {
	Head   AuditHead
	Erased int          // parts that erasures emptied, as entries say
	Faults []AuditFault // the first ones
	Wrong  int          // how many there are
}

// Valid says whether nothing is wrong.
func (r *AuditReport) Valid() bool { return r.Wrong == 0 }

// maxFaults bounds what a report lists: after one change everything may be wrong.
const maxFaults = 50

func (r *AuditReport) fault(number int64, format string, args ...any) {
	if r.Wrong++; len(r.Faults) < maxFaults {
		r.Faults = append(r.Faults, AuditFault{number, fmt.Sprintf(format, args...)})
	}
}

// VerifyAudit computes the whole chain anew. By itself it finds what was edited, taken out, put in or
// moved; against heads that are known it also finds a log that was cut short, or rewritten from
// some point with all its hashes.
func (db *DB) VerifyAudit(ctx context.Context, known ...KnownHead) (*AuditReport, error) {
	report := &AuditReport{Head: AuditHead{Hash: ZeroHash}}
	v := verification{AuditReport: report, erased: map[int64][]auditPart{}, said: map[int64]auditRow{}, known: known, found: make([]bool, len(known)), byHash: map[string][]int{}}
	for i, k := range known {
		v.byHash[k.Hash] = append(v.byHash[k.Hash], i)
	}
	err := db.View(ctx, func(q *Queries) error {
		v.seeHeads()
		return q.eachAuditRow(ctx, func(r *auditRow, parts []*auditPart) error {
			if r == nil {
				report.fault(0, "part %q belongs to entry %d, which isn't there", parts[0].Part, parts[0].EntryID)
				return nil
			}
			v.entry(r, parts)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	v.erasures()
	v.heads()
	return report, nil
}

type verification struct {
	*AuditReport
	erased map[int64][]auditPart // by erasure
	said   map[int64]auditRow    // erasure → the entry that tells of it
	known  []KnownHead
	found  []bool
	byHash map[string][]int // where in known
}

func (v *verification) entry(r *auditRow, parts []*auditPart) {
	switch missing := r.ID - v.Head.Count - 1; {
	case missing == 1:
		v.fault(0, "entry %d is missing", v.Head.Count+1)
	case missing > 1:
		v.fault(0, "entries %d to %d are missing", v.Head.Count+1, r.ID-1)
	case missing < 0:
		v.fault(r.ID, "the number can't be")
	}
	if r.hashAfter(v.Head.Hash) != r.Hash {
		v.fault(r.ID, "it was changed, or what stood before it was: its hash doesn't fit")
	}
	// Going on from the hash as it is stored, a single change is one fault and not all that follows.
	v.Head = AuditHead{Count: r.ID, Hash: r.Hash}
	v.seeHeads()
	v.part(r, partAbout, r.AboutDigest, parts)
	v.part(r, partBy, r.ByDigest, parts)
	for _, p := range parts {
		if p.Part != partBy && p.Part != partAbout {
			v.fault(r.ID, "it has a part %q, which no entry has", p.Part)
		}
	}
	if r.Action == ActionAuditErase {
		var erasure int64
		if _, err := fmt.Sscanf(r.Facts, "erasure=%d ", &erasure); err == nil {
			v.said[erasure] = *r
		}
	}
}

func (v *verification) part(r *auditRow, name, digest string, parts []*auditPart) {
	for _, p := range parts {
		switch {
		case p.Part != name:
			continue
		case p.Erasure != 0:
			v.Erased++
			v.erased[p.Erasure] = append(v.erased[p.Erasure], *p)
		case p.digest() != digest:
			v.fault(r.ID, "what it says of persons (part %q) was changed", name)
		}
		return
	}
	v.fault(r.ID, "what it says of persons (part %q) was taken out, and not by an erasure", name)
}

// erasures checks that nothing is empty but what an entry says was emptied.
func (v *verification) erasures() {
	for _, erasure := range slices.Sorted(maps.Keys(v.erased)) {
		entry, ok := v.said[erasure]
		if !ok || entry.Facts != erasureFacts(erasure, v.erased[erasure]) {
			first := v.erased[erasure][0]
			v.fault(first.EntryID, "what it says of persons (part %q) was emptied, and no entry tells of such an erasure", first.Part)
		}
	}
	for _, erasure := range slices.Sorted(maps.Keys(v.said)) {
		if v.erased[erasure] == nil {
			v.fault(v.said[erasure].ID, "it tells of an erasure of which there is no trace")
		}
	}
}

// seeHeads looks whether the log, as far as it has been read, ends in a head that is known.
func (v *verification) seeHeads() {
	for _, i := range v.byHash[v.Head.Hash] {
		if k := v.known[i]; k.Count < 0 || k.Count == v.Head.Count {
			v.found[i] = true
		}
	}
}

func (v *verification) heads() {
	for i, k := range v.known {
		switch {
		case v.found[i]:
		case k.Count > v.Head.Count:
			v.fault(0, "%s knows a head after %d entries, and there are %d: the log was cut short", k.Source, k.Count, v.Head.Count)
		case k.Count >= 0:
			v.fault(0, "%s knows another hash of entry %d: the log was rewritten", k.Source, k.Count)
		default:
			v.fault(0, "%s knows a head that no entry has: the log was cut short or rewritten", k.Source)
		}
	}
}
