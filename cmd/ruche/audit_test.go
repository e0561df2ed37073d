package main

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"
)

// tamper changes the database as somebody can who has its file.
func (s *site) tamper(statements ...string) {
	s.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(s.dir, "data", "ruche.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			s.t.Fatal(err)
		}
	}
}

func TestWhatTheCommandsDoIsInTheAuditLogWithWhoAndWhy(t *testing.T) {
	s := newSite(t)
	s.create("ana", "--role", "owner")
	s.create("luc")
	s.does("account", "suspend", "luc", "--why", "he left")
	s.does("peer", "allow", "labo.test", "--tier", "sibling", "--why", "our laboratory")
	s.refuses(1, says("suspended"), "token", "create", "--account", "luc", "--why", "no act, no entry")
	list := decoded[[]entry](t, s.does("audit", "list", "--json"))
	if len(list) != 4 {
		t.Fatalf("%+v", list)
	}
	allow, suspend := list[0], list[1]
	if allow.Number != 4 || allow.Action != "peer.allow" || allow.Subject != "peer labo.test" || allow.About.Why != "our laboratory" || !strings.Contains(string(allow.About.After), `"tier": "sibling"`) {
		t.Errorf("%+v", allow)
	}
	if suspend.Action != "account.suspend" || suspend.About.Name != "@luc" || suspend.About.Why != "he left" || suspend.Actor != "cli" || suspend.By.Name == "" || suspend.By.App != "ruche v1.2.3" {
		t.Errorf("%+v", suspend)
	}
	text := lines(s.does("audit", "list", "--action", "account", "--subject", suspend.Subject, "--limit", "1"))
	if len(text) != 1 || !strings.HasPrefix(text[0], "3\t") || !strings.Contains(text[0], "\taccount.suspend\t") || !strings.HasSuffix(text[0], "\the left") {
		t.Errorf("printed %q", text)
	}
	if got := s.does("audit", "list", "--before", "2", "--from", "2020-01-01"); len(lines(got)) != 1 || !strings.HasPrefix(got, "1\t") {
		t.Errorf("the next page is %q", got)
	}
	for _, none := range [][]string{{"--until", "2020-01-01"}, {"--actor", "ana"}} {
		if got := s.does(append([]string{"audit", "list"}, none...)...); got != "" {
			t.Errorf("%v prints %q", none, got)
		}
	}
	s.refuses(1, says("--from", "2026-11-20"), "audit", "list", "--from", "yesterday")
	s.refuses(1, says("ghost", "ruche account list"), "audit", "list", "--actor", "ghost")
	s.refuses(1, says("--limit"), "audit", "list", "--limit", "0")
}

func TestVerifyNamesWhatIsNotAsItWasWritten(t *testing.T) {
	s := newSite(t)
	s.create("ana", "--role", "owner")
	s.create("luc")
	s.does("account", "suspend", "luc")
	head, rest, _ := strings.Cut(s.does("audit", "verify", "--siblings"), "\t")
	if !strings.HasPrefix(head, "3:") || rest != "3 entries\t0 parts erased\t0 known heads fit\n" {
		t.Fatalf("prints %q %q", head, rest)
	}
	count, hash, _ := strings.Cut(head, ":")
	line := func(host string) string {
		return fmt.Sprintf("time=2026-11-20T09:00:00.000Z level=INFO msg=\"audit head\" host=%s count=%s head=%s at=2026-11-20T09:00:00Z signature=\"AAAA=\"\n", host, count, hash)
	}
	s.write("node.log", "time=x level=INFO msg=\"node is ready\"\n"+strings.Repeat("x", 2<<20)+"\n"+line("siege.test")+line("siege.test"))
	s.write("other.log", line("labo.test"))
	s.does("account", "unsuspend", "luc")
	if got := s.does("audit", "verify", "--head", head, "--head", hash, "--log", "node.log"); !strings.HasPrefix(got, "4:") || !strings.HasSuffix(got, "\t4 known heads fit\n") {
		t.Errorf("prints %q", got)
	}
	s.refuses(1, says("no head", "COUNT:HASH"), "audit", "verify", "--head", "x")
	s.refuses(1, says("other.log", "no audit head of siege.test"), "audit", "verify", "--log", "other.log")
	s.refuses(1, says("none.log"), "audit", "verify", "--log", "none.log")

	found := func(fault string, args ...string) {
		t.Helper()
		r := s.runWith("", append([]string{"audit", "verify"}, args...)...)
		if r.code != 1 || !strings.Contains(r.out, fault) || !strings.HasPrefix(r.errs, "ruche: the audit log isn't what was written") || strings.Count(r.errs, "\n") != 1 {
			t.Errorf("exit %d\n%s%s", r.code, r.out, r.errs)
		}
	}
	s.tamper("UPDATE audit_entries SET subject = 'account 1' WHERE id = 4")
	found("entry 4: it was changed")
	s.tamper("DELETE FROM audit_entries WHERE id > 2", "DELETE FROM audit_parts WHERE entry_id > 2")
	s.does("audit", "verify")
	found("--head knows a head after 3 entries, and there are 2: the log was cut short", "--head", head)
	found("node.log knows a head after 3 entries, and there are 2: the log was cut short", "--log", "node.log")
}

func TestTheLogOfARunningNodeHoldsWhatVerifyNeeds(t *testing.T) {
	s := newSite(t)
	n := s.serve()
	s.create("ana", "--role", "owner")
	n.stop() // the last head is told then
	s.write("node.log", n.log.String())
	if got := s.does("audit", "verify", "--log", "node.log"); !strings.HasPrefix(got, "2:") || strings.HasSuffix(got, "\t0 known heads fit\n") {
		t.Errorf("prints %q", got)
	}
	s.tamper("DELETE FROM audit_entries WHERE id = 2", "DELETE FROM audit_parts WHERE entry_id = 2")
	if r := s.runWith("", "audit", "verify", "--log", "node.log"); r.code != 1 || !strings.Contains(r.out, "the log was cut short") {
		t.Errorf("exit %d\n%s%s", r.code, r.out, r.errs)
	}
}

func TestTheAuditLogIsExportedAndSaysSo(t *testing.T) {
	s := newSite(t)
	s.create("ana", "--role", "owner")
	if got := s.does("audit", "export", "audit.jsonl"); got != "audit.jsonl\t2 entries\n" {
		t.Errorf("prints %q", got)
	}
	info, err := os.Stat(filepath.Join(s.dir, "audit.jsonl"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v (%v)", info, err)
	}
	s.refuses(1, says("audit.jsonl", "isn't there yet"), "audit", "export", "audit.jsonl")
	if got := lines(s.does("audit", "export", "-")); len(got) != 3 || !strings.Contains(got[2], `"action":"audit.export"`) {
		t.Errorf("prints %q", got)
	}
}

func TestABackupCarriesTheAuditLogAndARestoreIsAnEntry(t *testing.T) {
	s := newSite(t)
	s.create("ana", "--role", "owner")
	s.does("backup", "all.tar.gz", "--why", "every night")
	elsewhere := newSite(t)
	n := elsewhere.serve() // a start alone leaves a database that a backup may go into
	n.stop()
	elsewhere.does("restore", filepath.Join(s.dir, "all.tar.gz"), "--why", "the disk broke")
	list := decoded[[]entry](t, elsewhere.does("audit", "list", "--json"))
	if len(list) != 3 || list[0].Action != "node.restore" || list[0].About.Why != "the disk broke" || list[1].Action != "node.backup" || list[1].About.Why != "every night" || list[2].Action != "account.create" {
		t.Errorf("%+v", list)
	}
	if got := elsewhere.does("audit", "verify"); !strings.HasPrefix(got, "3:") {
		t.Errorf("prints %q", got)
	}
}
