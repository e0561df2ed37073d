package main

import (
	"strings"
	"testing"
)

func TestAListOfPeersIsImportedRowByRow(t *testing.T) {
	s := newSite(t)
	s.write("allowed.csv", "#domain\nlabo.test\nnot a host\n*.com\nusine.test\nlabo.test\nsiege.test\n")
	check := func(args ...string) {
		t.Helper()
		r := s.runWith("", args...)
		if r.code != 1 || !strings.Contains(r.errs, "4 rows") {
			t.Errorf("exit %d, %s", r.code, r.errs)
		}
		for _, line := range []string{"add\tlabo.test\tactive", "add\tusine.test\tactive", "problem\tnot a host\tline 3", "problem\t*.com\tline 4", "problem\tlabo.test\tline 6\tit is named twice", "problem\tsiege.test\tline 7"} {
			if !strings.Contains(r.out, line) {
				t.Errorf("no %q in\n%s", line, r.out)
			}
		}
	}
	check("peer", "import", "allowed.csv", "--dry-run")
	if got := s.does("peer", "list"); got != "" {
		t.Errorf("a rehearsal added %s", got)
	}
	check("peer", "import", "allowed.csv")
	s.write("blocked.csv", "#domain,#severity,#public_comment\nspam.test,suspend,much\nusine.test,silence,\n")
	if got := s.does("peer", "import", "blocked.csv"); got != "add\tspam.test\tblocked\nchange\tusine.test\tsuspended\n" {
		t.Errorf("blocking prints %s", got)
	}
	if got := s.does("peer", "export"); got != "#domain\nlabo.test\n" {
		t.Errorf("the allowed are %s", got)
	}
	got := s.does("peer", "export", "--blocked")
	if !strings.Contains(got, "\nspam.test,suspend,") || !strings.Contains(got, "\nusine.test,silence,") {
		t.Errorf("the blocked are %s", got)
	}
	s.write("again.csv", got)
	if again := s.does("peer", "import", "again.csv"); again != "same\tspam.test\tblocked\nsame\tusine.test\tsuspended\n" {
		t.Errorf("what was exported is imported as %s", again)
	}
}

func TestAFileSaysWhatTheListOfPeersIs(t *testing.T) {
	s := newSite(t)
	s.does("peer", "allow", "old.test")
	s.write("peers.toml", `
prune = true

[[peer]]
host = "labo.test"
tier = "sibling"
contact = "it@labo.test"

[[peer]]
host = "*.partner.example"
in = ["posts", "follows"]
out = ["posts"]
approve_follows = true
rate = 300
ends = 2040-12-31T00:00:00Z
media_hosts = ["files.partner.example"]
`)
	want := "add\tlabo.test\tactive\nadd\t*.partner.example\tactive\nremove\told.test\t\n"
	if got := s.does("peer", "apply", "peers.toml", "--dry-run"); got != want {
		t.Errorf("a rehearsal says %s", got)
	}
	if got := s.does("peer", "apply", "peers.toml"); got != want {
		t.Errorf("applying says %s", got)
	}
	if got := s.does("peer", "apply", "peers.toml"); got != "same\tlabo.test\tactive\nsame\t*.partner.example\tactive\n" {
		t.Errorf("applying again says %s", got)
	}
	shown := decoded[struct {
		In, Out        []string
		ApproveFollows bool   `json:"approve_follows"`
		Via            string `json:"via"`
		Rate           int
	}](t, s.does("peer", "show", "deep.under.partner.example", "--json"))
	if strings.Join(shown.In, " ") != "follows posts" || strings.Join(shown.Out, " ") != "posts" || !shown.ApproveFollows || shown.Rate != 300 || shown.Via != "*.partner.example" {
		t.Errorf("a subdomain has %+v", shown)
	}
	for name, body := range map[string]string{
		"there is no key": "[[peer]]\nhost = \"a.test\"\nteir = \"sibling\"\n", "line 2": "[[peer]]\nhost = 3\n",
	} {
		s.write("bad.toml", body)
		s.refuses(1, says("bad.toml", name), "peer", "apply", "bad.toml")
	}
}

func TestAPolicyIsChosenByFlags(t *testing.T) {
	s := newSite(t)
	s.does("peer", "allow", "labo.test", "--in", "posts,follows", "--ends", "2040-12-31", "--rate", "60", "--account-domain", "labo-mail.test")
	s.does("peer", "allow", "labo.test", "--contact", "it@labo.test") // what isn't said stays
	got := s.does("peer", "show", "labo.test")
	for _, line := range []string{"in\tfollows posts\n", "out\tfollows posts shares direct media communities directory\n", "ends_at\t2041-01-01T00:00:00Z\n", "rate\t60\n", "contact\tit@labo.test\n", "account_domains\tlabo-mail.test\n"} {
		if !strings.Contains(got, line) {
			t.Errorf("no %q in\n%s", line, got)
		}
	}
	s.refuses(1, says("everything"), "peer", "allow", "labo.test", "--in", "everything")
	s.refuses(1, says("2040"), "peer", "allow", "labo.test", "--ends", "31.12.2040")
	s.refuses(1, says("end date"), "peer", "allow", "labo.test", "--ends", "2020-01-01")
	s.refuses(1, says("labo.test"), "peer", "allow", "thief.test", "--account-domain", "labo.test")
	s.refuses(1, says("whoever registers"), "peer", "allow", "*.co.uk")
	s.does("peer", "suspend", "labo.test")
	s.refuses(1, says("end date"), "peer", "allow", "labo.test", "--ends", "2020-01-01")
	s.does("peer", "resume", "labo.test")
	s.does("peer", "block", "labo.test")
	s.does("peer", "resume", "labo.test")
	s.refuses(1, says("nothing is to be compared"), "peer", "code", "labo.test")
	s.refuses(1, says("ruche peer list"), "peer", "code", "nobody.test")
	s.refuses(1, says("whole link"), "peer", "accept", "https://labo.test/peering")
	s.refuses(1, says("--sibling"), "peer", "accept", "https://labo.test/peering#1.AAAAAAAAAAAAAAAAAAAAAA."+strings.Repeat("0f", 32)+".o")
	s.refuses(1, says("keeps no organisation"), "peer", "invite", "--sibling")
}

func TestAnInvitationIsPrintedListedAndRevoked(t *testing.T) {
	s := newSite(t)
	link := strings.TrimSpace(s.does("peer", "invite", "--note", "the lab", "--svg", "code.svg"))
	if !strings.HasPrefix(link, "https://siege.test/peering#1.") {
		t.Errorf("the link is %s", link)
	}
	if got := s.does("peer", "invite", "--qr"); strings.Count(got, "\n") < 20 {
		t.Errorf("the QR code is %s", got)
	}
	list := decoded[[]struct{ ID, Note string }](t, s.does("peer", "invitations", "--json"))
	if len(list) != 2 || strings.Contains(s.does("peer", "invitations"), strings.Split(link, ".")[2]) {
		t.Fatalf("the invitations are %+v", list)
	}
	s.does("peer", "revoke", list[0].ID)
	s.refuses(1, says(list[0].ID), "peer", "revoke", list[0].ID)
	if got := s.does("peer", "invitations"); strings.Count(got, "\trevoked\t") != 1 || strings.Count(got, "\topen\t") != 1 {
		t.Errorf("the invitations are %s", got)
	}
}
