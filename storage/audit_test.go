package storage_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ruche/storage"
	"ruche/storage/storagetest"
)

// admin gives a context in which an owner acts from an address.
func admin(a *storage.Account) context.Context {
	return storage.ActingAs(context.Background(), storage.PersonActing(a, &storage.User{Role: storage.RoleOwner}, storage.Actor{Address: "192.0.2.7", App: "Firefox"}))
}

// acts writes n entries about peers, each in an act of its own.
func acts(t testing.TB, db *storage.DB, ctx context.Context, n int) {
	t.Helper()
	for i := range n {
		must(t, db.Update(ctx, func(tx *storage.Tx) error {
			return tx.SavePeer(ctx, &storage.Peer{Host: "peer.test", Tier: storage.Partner, State: storage.PeerActive, Note: fmt.Sprint("note ", i)})
		}))
	}
}

func exec(t testing.TB, db *storage.DB, query string, args ...any) {
	t.Helper()
	must(t, db.Update(context.Background(), func(tx *storage.Tx) error { return tx.Exec(context.Background(), query, args...) }))
}

func verify(t testing.TB, db *storage.DB, known ...storage.KnownHead) *storage.AuditReport {
	t.Helper()
	report, err := db.VerifyAudit(context.Background(), known...)
	must(t, err)
	return report
}

func log(t testing.TB, db *storage.DB, f storage.AuditFilter) []*storage.AuditRecord {
	t.Helper()
	rows, err := db.AuditLog(context.Background(), f, storage.Page{Limit: 100})
	must(t, err)
	return rows
}

func TestAnEntrySaysWhoDidWhatWhyAndWhatChanged(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ana := storagetest.Person(t, db, "ana")
		ctx := storage.Because(admin(ana), "their contract began")
		acts(t, db, ctx, 1)
		must(t, db.Update(ctx, func(tx *storage.Tx) error {
			return tx.SavePeer(ctx, &storage.Peer{Host: "peer.test", Tier: storage.Partner, State: storage.PeerActive, Note: "note 0", PublicWeb: true})
		}))
		// The same again is no act, and what is undone leaves no entry.
		must(t, db.Update(ctx, func(tx *storage.Tx) error {
			return tx.SavePeer(ctx, &storage.Peer{Host: "peer.test", Tier: storage.Partner, State: storage.PeerActive, Note: "note 0", PublicWeb: true})
		}))
		undone := errors.New("undone")
		if err := db.Update(ctx, func(tx *storage.Tx) error {
			return errors.Join(tx.SavePeer(ctx, &storage.Peer{Host: "no.test", Tier: storage.Partner, State: storage.PeerActive}), undone)
		}); !errors.Is(err, undone) {
			t.Fatal(err)
		}
		must(t, db.Update(ctx, func(tx *storage.Tx) error { _, err := tx.RemovePeer(ctx, "peer.test"); return err }))
		rows := log(t, db, storage.AuditFilter{Subject: "peer peer.test"})
		if len(rows) != 3 {
			t.Fatalf("%d entries", len(rows))
		}
		for i, want := range []string{storage.ActionPeerRemove, storage.ActionPeerChange, storage.ActionPeerAllow} {
			r := rows[i]
			if r.Action != want || r.Actor != storage.ActorPerson || r.By != (storage.AuditBy{Name: "@ana", Role: "owner", Address: "192.0.2.7", App: "Firefox"}) || r.About.Why != "their contract began" {
				t.Errorf("entry %d: %+v, want %s", r.Number, r, want)
			}
		}
		if before, after := string(rows[1].About.Before), string(rows[1].About.After); before != `{"public_web":false}` || after != `{"public_web":true}` {
			t.Errorf("changed from %s to %s", before, after)
		}
		if r := verify(t, db); !r.Valid() || r.Head.Count != 4 {
			t.Errorf("%+v", r)
		}
	})
}

func TestTheLogIsReadByActorActionSubjectAndTime(t *testing.T) {
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	storagetest.EachWith(t, storage.Options{Clock: func() time.Time { return now }}, func(t *testing.T, db *storage.DB) {
		now = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
		ana, luc := storagetest.Person(t, db, "ana"), storagetest.Person(t, db, "luc")
		acts(t, db, admin(ana), 2)
		now = now.Add(time.Hour)
		acts(t, db, admin(luc), 2)
		must(t, db.Update(admin(luc), func(tx *storage.Tx) error { _, err := tx.SuspendAccount(admin(luc), ana.ID); return err }))
		for name, tc := range map[string]struct {
			filter storage.AuditFilter
			want   []int64
		}{
			"all":                  {storage.AuditFilter{}, []int64{7, 6, 5, 4, 3, 2, 1}},
			"who":                  {storage.AuditFilter{Actor: luc.ID}, []int64{7, 6, 5}},
			"kind":                 {storage.AuditFilter{Kind: storage.ActorNode}, []int64{2, 1}},
			"action":               {storage.AuditFilter{Action: storage.ActionPeerAllow}, []int64{3}},
			"actions":              {storage.AuditFilter{Action: "peer"}, []int64{6, 5, 4, 3}},
			"no part of a word":    {storage.AuditFilter{Action: "pee"}, nil},
			"on whom":              {storage.AuditFilter{Subject: "account " + storage.FormatID(ana.ID)}, []int64{7, 1}},
			"since":                {storage.AuditFilter{From: now}, []int64{7, 6, 5}},
			"until":                {storage.AuditFilter{Until: now}, []int64{4, 3, 2, 1}},
			"who, what and when":   {storage.AuditFilter{Actor: ana.ID, Action: "peer", Until: now}, []int64{4, 3}},
			"nothing of this kind": {storage.AuditFilter{Actor: ana.ID, Action: "account"}, nil},
		} {
			var got []int64
			for _, r := range log(t, db, tc.filter) {
				got = append(got, r.Number)
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("%s: %v, want %v", name, got, tc.want)
			}
		}
		page, err := db.AuditLog(context.Background(), storage.AuditFilter{}, storage.Page{MaxID: 5, Limit: 2})
		must(t, err)
		if len(page) != 2 || page[0].Number != 4 || page[1].Number != 3 {
			t.Errorf("page %v", page)
		}
	})
}

func TestNothingInTheLogCanBeChangedUnnoticed(t *testing.T) {
	cases := map[string]struct {
		queries []string
		fault   string
	}{
		"the action of an entry":         {[]string{"UPDATE audit_entries SET action = 'peer.remove' WHERE id = 4"}, "entry 4: it was changed"},
		"its subject":                    {[]string{"UPDATE audit_entries SET subject = 'peer other.test' WHERE id = 4"}, "entry 4: it was changed"},
		"its time":                       {[]string{"UPDATE audit_entries SET at = '2020-01-01 00:00:00+00:00' WHERE id = 4"}, "entry 4: it was changed"},
		"its facts":                      {[]string{"UPDATE audit_entries SET facts = 'x' WHERE id = 4"}, "entry 4: it was changed"},
		"the kind of its actor":          {[]string{"UPDATE audit_entries SET actor = 'node' WHERE id = 4"}, "entry 4: it was changed"},
		"its hash":                       {[]string{"UPDATE audit_entries SET hash = '" + strings.Repeat("a", 64) + "' WHERE id = 4"}, "entry 4: it was changed"},
		"who acted":                      {[]string{`UPDATE audit_parts SET body = '{"name":"@luc"}' WHERE entry_id = 4 AND part = 'by'`}, `entry 4: what it says of persons (part "by") was changed`},
		"whose part it is":               {[]string{"UPDATE audit_parts SET account_id = 7 WHERE entry_id = 4 AND part = 'by'"}, `entry 4: what it says of persons (part "by") was changed`},
		"what was changed":               {[]string{`UPDATE audit_parts SET body = '{}' WHERE entry_id = 4 AND part = 'about'`}, `entry 4: what it says of persons (part "about") was changed`},
		"who acted, with its digest":     {[]string{`UPDATE audit_parts SET body = '{}' WHERE entry_id = 4 AND part = 'by'`, "UPDATE audit_entries SET by_digest = 'x' WHERE id = 4"}, "entry 4: it was changed"},
		"a part is taken out":            {[]string{"DELETE FROM audit_parts WHERE entry_id = 4 AND part = 'by'"}, "taken out, and not by an erasure"},
		"a part is emptied by hand":      {[]string{"UPDATE audit_parts SET body = '', salt = '', account_id = 0, erasure = 99 WHERE entry_id = 4 AND part = 'by'"}, "no entry tells of such an erasure"},
		"a part is moved":                {[]string{"UPDATE audit_parts SET entry_id = 99 WHERE entry_id = 4 AND part = 'by'"}, `part "by" belongs to entry 99`},
		"a part more":                    {[]string{"INSERT INTO audit_parts (entry_id, part, account_id, salt, body, erasure) VALUES (4, 'note', 0, '', '', 0)"}, `it has a part "note"`},
		"an entry is deleted":            {[]string{"DELETE FROM audit_entries WHERE id = 4"}, "entry 4 is missing"},
		"entries are deleted":            {[]string{"DELETE FROM audit_entries WHERE id IN (3, 4)"}, "entries 3 to 4 are missing"},
		"the first is deleted":           {[]string{"DELETE FROM audit_entries WHERE id = 1"}, "entry 1 is missing"},
		"deleted, and the gap closed":    {[]string{"DELETE FROM audit_entries WHERE id = 4", "DELETE FROM audit_parts WHERE entry_id = 4", "UPDATE audit_entries SET id = 4 WHERE id = 5", "UPDATE audit_parts SET entry_id = 4 WHERE entry_id = 5", "UPDATE audit_entries SET id = 5 WHERE id = 6", "UPDATE audit_parts SET entry_id = 5 WHERE entry_id = 6"}, "entry 4: it was changed, or what stood before it was"},
		"two change places":              {[]string{"UPDATE audit_entries SET id = 99 WHERE id = 4", "UPDATE audit_entries SET id = 4 WHERE id = 5", "UPDATE audit_entries SET id = 5 WHERE id = 99", "UPDATE audit_parts SET entry_id = 99 WHERE entry_id = 4", "UPDATE audit_parts SET entry_id = 4 WHERE entry_id = 5", "UPDATE audit_parts SET entry_id = 5 WHERE entry_id = 99"}, "entry 4: it was changed, or what stood before it was"},
		"one is put in before the first": {[]string{"INSERT INTO audit_entries SELECT 0, at, actor, action, subject, facts, by_digest, about_digest, hash FROM audit_entries WHERE id = 1", "INSERT INTO audit_parts SELECT 0, part, account_id, salt, body, erasure FROM audit_parts WHERE entry_id = 1"}, "the number can't be"},
	}
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ana := storagetest.Person(t, db, "ana")
		acts(t, db, admin(ana), 5)
		for _, table := range []string{"audit_entries", "audit_parts"} {
			exec(t, db, "CREATE TABLE kept_"+table+" AS SELECT * FROM "+table)
		}
		for name, tc := range cases {
			if r := verify(t, db); !r.Valid() {
				t.Fatalf("%s: wrong before: %v", name, r.Faults)
			}
			for _, q := range tc.queries {
				exec(t, db, q)
			}
			r := verify(t, db)
			if !slices.ContainsFunc(r.Faults, func(f storage.AuditFault) bool { return strings.Contains(f.String(), tc.fault) }) {
				t.Errorf("%s: found %v, want %q", name, r.Faults, tc.fault)
			}
			if r.Wrong > 6 {
				t.Errorf("%s gives %d faults: %v", name, r.Wrong, r.Faults)
			}
			for _, table := range []string{"audit_entries", "audit_parts"} {
				exec(t, db, "DELETE FROM "+table)
				exec(t, db, "INSERT INTO "+table+" SELECT * FROM kept_"+table)
			}
		}
	})
}

func TestAgainstAHeadALogThatWasCutOrRewrittenIsFound(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		ana := storagetest.Person(t, db, "ana")
		acts(t, db, admin(ana), 5)
		before, err := db.AuditHead(ctx)
		must(t, err)
		full, err := storage.ParseHead(fmt.Sprintf("%d:%s", before.Count, before.Hash))
		must(t, err)
		bare, err := storage.ParseHead(strings.ToUpper(before.Hash))
		must(t, err)
		full.Source, bare.Source = "labo.test", "the admin"
		acts(t, db, admin(ana), 1)
		exec(t, db, "UPDATE peers SET note = 'otherwise'") // not the log
		acts(t, db, admin(ana), 3)
		if r := verify(t, db, full, bare, storage.KnownHead{Hash: storage.ZeroHash}); !r.Valid() || r.Head.Count != 10 {
			t.Fatalf("%+v", r)
		}

		exec(t, db, "DELETE FROM audit_entries WHERE id > 5")
		exec(t, db, "DELETE FROM audit_parts WHERE entry_id > 5")
		if r := verify(t, db); !r.Valid() {
			t.Errorf("a shorter log is a whole one to who knows no head: %v", r.Faults)
		}
		r := verify(t, db, full, bare)
		if r.Wrong != 2 || r.Faults[0].What != "labo.test knows a head after 6 entries, and there are 5: the log was cut short" || !strings.Contains(r.Faults[1].What, "cut short or rewritten") {
			t.Errorf("cut short: %v", r.Faults)
		}

		// Somebody with the database goes on from there: the chain is whole, and another one.
		acts(t, db, admin(ana), 5)
		if r := verify(t, db); !r.Valid() {
			t.Errorf("%v", r.Faults)
		}
		r = verify(t, db, full, bare)
		if r.Wrong != 2 || r.Faults[0].What != "labo.test knows another hash of entry 6: the log was rewritten" {
			t.Errorf("rewritten: %v", r.Faults)
		}
	})
}

func TestAHeadIsReadAsItIsLogged(t *testing.T) {
	for _, s := range []string{"", "12", "12:", "-1:" + storage.ZeroHash, "x:" + storage.ZeroHash, storage.ZeroHash[1:], strings.Repeat("g", 64), storage.ZeroHash + "00"} {
		if h, err := storage.ParseHead(s); err == nil {
			t.Errorf("%q is read as %+v", s, h)
		}
	}
}

func FuzzParseHead(f *testing.F) {
	f.Add("12:" + storage.ZeroHash)
	f.Add(storage.ZeroHash)
	f.Add(":")
	f.Fuzz(func(t *testing.T, s string) {
		if h, err := storage.ParseHead(s); err == nil && (len(h.Hash) != 64 || h.Count < -1) {
			t.Errorf("%q is read as %+v", s, h)
		}
	})
}

func TestErasingAPersonLeavesTheChainValid(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		ana, luc := storagetest.Person(t, db, "ana"), storagetest.Person(t, db, "luc")
		acts(t, db, admin(ana), 2)
		because := storage.Because(admin(ana), "Luc wrote bad things")
		must(t, db.Update(because, func(tx *storage.Tx) error { _, err := tx.SuspendAccount(because, luc.ID); return err }))
		acts(t, db, admin(luc), 1)
		must(t, db.Update(ctx, func(tx *storage.Tx) error { return tx.NoteSignIn(ctx, luc.ID, storage.SecuritySignOut) }))
		before, err := db.AuditHead(ctx)
		must(t, err)

		erase := func(who *storage.Account) (n int) {
			must(t, db.Update(admin(ana), func(tx *storage.Tx) error {
				n, err = tx.EraseFromLogs(admin(ana), who.ID)
				return err
			}))
			return n
		}
		if n := erase(luc); n != 3 { // made, suspended, one act
			t.Errorf("%d parts were erased", n)
		}
		var all bytes.Buffer
		_, err = db.ExportAudit(ctx, &all)
		must(t, err)
		if text := all.String(); strings.Contains(text, "luc") || strings.Contains(text, "Luc") || !strings.Contains(text, "@ana") {
			t.Errorf("after the erasure the log says:\n%s", text)
		}
		if own, err := db.OwnSecurityLog(ctx, luc.ID, storage.Page{}); err != nil || len(own) != 0 {
			t.Errorf("luc's sign-ins are still there: %v %v", own, err)
		}
		r := verify(t, db, storage.KnownHead{Count: before.Count, Hash: before.Hash})
		if !r.Valid() || r.Erased != 3 || r.Head.Count != before.Count+2 { // the erasure and the export
			t.Errorf("%+v", r)
		}
		// The same person acts on, and is erased again; so is who erased.
		acts(t, db, admin(luc), 2) // the first of them changes nothing
		if n := erase(luc); n != 1 {
			t.Errorf("%d parts were erased", n)
		}
		if n := erase(luc); n != 0 {
			t.Errorf("%d parts were erased", n)
		}
		erase(ana)
		if r := verify(t, db); !r.Valid() {
			t.Errorf("%v", r.Faults)
		}
		// What erasures say is held against what is empty.
		exec(t, db, "UPDATE audit_parts SET salt = '', body = '', account_id = 0, erasure = (SELECT MIN(erasure) FROM audit_parts WHERE erasure <> 0) WHERE erasure = 0 AND entry_id = (SELECT MAX(entry_id) FROM audit_parts WHERE erasure = 0) AND part = 'by'")
		if r := verify(t, db); r.Valid() {
			t.Error("more was emptied than the erasure says")
		}
	})
}

func TestAnErasureThatNeverWasIsFound(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		must(t, db.Update(ctx, func(tx *storage.Tx) error {
			return tx.Audit(ctx, storage.AuditEntry{Action: storage.ActionAuditErase, Facts: "erasure=12 parts=1 sha256=00"})
		}))
		if r := verify(t, db); r.Wrong != 1 || !strings.Contains(r.Faults[0].What, "no trace") {
			t.Errorf("%v", r.Faults)
		}
	})
}

// Two processes on one PostgreSQL, or many acts on SQLite: no number twice, none left out, no fork.
func TestActsSideBySideNeverForkTheChain(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		ctx := context.Background()
		one := storagetest.OpenWith(t, storage.Options{URL: url})
		two := storagetest.OpenWith(t, storage.Options{URL: url})
		const writers, each = 8, 20
		var done sync.WaitGroup
		for w := range writers {
			db := []*storage.DB{one, two}[w%2]
			done.Go(func() {
				for i := range each {
					err := db.Update(ctx, func(tx *storage.Tx) error {
						for _, what := range []string{"a", "b"} {
							if err := tx.Audit(ctx, storage.AuditEntry{Action: "test." + what, Subject: storage.AboutPeer(fmt.Sprint("w", w, ".test"))}); err != nil {
								return err
							}
						}
						if i%5 == 0 { // an act that fails after it wrote something down leaves no gap
							return errUndone
						}
						return nil
					})
					if err != nil && !errors.Is(err, errUndone) {
						t.Error(err)
					}
				}
			})
		}
		done.Wait()
		want := int64(writers * each / 5 * 4 * 2)
		r := verify(t, two)
		if !r.Valid() || r.Head.Count != want {
			t.Fatalf("%d entries, want %d: %v", r.Head.Count, want, r.Faults)
		}
		rows, err := one.AuditLog(ctx, storage.AuditFilter{}, storage.Page{Limit: int(want)})
		must(t, err)
		for i := 1; i < len(rows); i += 2 { // newest first: b, then its a
			if rows[i-1].Action != "test.b" || rows[i].Action != "test.a" || rows[i].Subject != rows[i-1].Subject {
				t.Fatalf("the entries of an act are parted at %d", rows[i].Number)
			}
		}
	})
}

var errUndone = errors.New("undone")

// exported is a line of the export, as somebody else's program reads it.
type exported struct {
	Number                            int64
	At, Actor, Action, Subject, Facts string
	ByDigest                          string `json:"by_digest"`
	AboutDigest                       string `json:"about_digest"`
	Hash                              string
	By, About                         exportedPart
}

type exportedPart struct{ Account, Salt, Body, Erasure string }

func (e exported) after(previous string) string {
	return hash("ruche audit entry 1", previous, fmt.Sprint(e.Number), e.At, e.Actor, e.Action, e.Subject, e.Facts, e.ByDigest, e.AboutDigest)
}

func hash(fields ...string) string {
	h := sha256.New()
	for _, f := range fields {
		fmt.Fprintf(h, "%d:%s\n", len(f), f)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func export(t testing.TB, db *storage.DB) (lines []exported, n int64) {
	t.Helper()
	var out bytes.Buffer
	n, err := db.ExportAudit(context.Background(), &out)
	must(t, err)
	for line := range strings.SplitSeq(strings.TrimSpace(out.String()), "\n") {
		var e exported
		must(t, json.Unmarshal([]byte(line), &e))
		lines = append(lines, e)
	}
	return lines, n
}

// Whoever has the database can compute every hash anew: the chain is whole, and another one.
func TestAChainThatWasComputedAnewIsFoundAgainstAHead(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ana := storagetest.Person(t, db, "ana")
		acts(t, db, admin(ana), 5)
		head, err := db.AuditHead(context.Background())
		must(t, err)
		exec(t, db, "UPDATE audit_entries SET action = 'peer.remove' WHERE id = 4")
		lines, _ := export(t, db)
		previous := storage.ZeroHash
		for _, e := range lines {
			previous = e.after(previous)
			exec(t, db, "UPDATE audit_entries SET hash = ? WHERE id = ?", previous, e.Number)
		}
		if r := verify(t, db); !r.Valid() {
			t.Errorf("the test didn't compute the chain: %v", r.Faults)
		}
		r := verify(t, db, storage.KnownHead{Source: "labo.test", Count: head.Count, Hash: head.Hash})
		if r.Wrong != 1 || r.Faults[0].What != "labo.test knows another hash of entry 6: the log was rewritten" {
			t.Errorf("%v", r.Faults)
		}
	})
}

// Somebody else's program computes the chain from the export by the document alone: this is
// that program, and uses nothing of the package.
func TestTheExportIsEnoughToVerifyTheLogElsewhere(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		ana := storagetest.Person(t, db, "ana")
		acts(t, db, storage.Because(admin(ana), "é\x00\xff <&>"), 3)
		must(t, db.Update(ctx, func(tx *storage.Tx) error { _, err := tx.EraseFromLogs(ctx, ana.ID); return err }))
		acts(t, db, admin(ana), 1)
		lines, n := export(t, db)
		head, err := db.AuditHead(ctx)
		must(t, err)

		previous, count := strings.Repeat("0", 64), int64(0)
		for _, e := range lines {
			count++
			for name, p := range map[string]exportedPart{"by": e.By, "about": e.About} {
				digest := map[string]string{"by": e.ByDigest, "about": e.AboutDigest}[name]
				if p.Erasure == "0" && hash("ruche audit part 1", name, p.Salt, p.Account, p.Body) != digest {
					t.Errorf("entry %d: part %s doesn't fit", e.Number, name)
				}
			}
			previous = e.after(previous)
			if e.Number != count || previous != e.Hash {
				t.Errorf("entry %d: %s, computed %s", e.Number, e.Hash, previous)
			}
		}
		if count != n || count != head.Count || previous != head.Hash {
			t.Errorf("the export ends after %d (%d) at %s, the log after %d at %s", count, n, previous, head.Count, head.Hash)
		}
	})
}

func BenchmarkVerifyAudit(b *testing.B) {
	ctx := context.Background()
	const entries = 50_000
	bench := func(b *testing.B, url string) {
		db := storagetest.OpenWith(b, storage.Options{URL: url})
		for range entries / 1000 {
			must(b, db.Update(ctx, func(tx *storage.Tx) error {
				for i := range 1000 {
					e := storage.AuditEntry{Actor: storage.Actor{Kind: storage.ActorPerson, AccountID: 7, Name: "@ana", Role: storage.RoleOwner, Address: "192.0.2.7"},
						Action: storage.ActionPeerChange, Subject: storage.AboutPeer(fmt.Sprint("p", i, ".test")), Before: map[string]bool{"public_web": false}, After: map[string]bool{"public_web": true}, Why: "a contract"}
					if err := tx.Audit(ctx, e); err != nil {
						return err
					}
				}
				return nil
			}))
		}
		for b.Loop() {
			if r := verify(b, db); !r.Valid() || r.Head.Count != entries {
				b.Fatalf("%+v", r)
			}
		}
		b.ReportMetric(float64(entries)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	}
	b.Run("sqlite", func(b *testing.B) { bench(b, storagetest.SQLite(b)) })
	if server := storagetest.Server(); server != "" {
		b.Run("postgresql", func(b *testing.B) { bench(b, storagetest.Postgres(b, server)) })
	}
}
