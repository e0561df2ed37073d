package main

import (
	"path/filepath"
	"strings"
	"testing"

	"ruche/storage"
)

// within acts on the site's database as the node does.
func (s *site) within(act func(db *storage.DB) error) {
	s.t.Helper()
	db, err := storage.Open(s.t.Context(), storage.Options{URL: "sqlite:" + filepath.Join(s.dir, "data", "ruche.db"), BaseURL: "https://siege.test"})
	if err != nil {
		s.t.Fatal(err)
	}
	err = act(db)
	if closing := db.Close(); err != nil || closing != nil {
		s.t.Fatal(err, closing)
	}
}

// complaint makes a report by one about another with a post of theirs, and gives both ids.
func (s *site) complaint(by, about, comment string) (report, post string) {
	s.t.Helper()
	ctx := s.t.Context()
	s.within(func(db *storage.DB) error {
		reporter, err := db.AccountByName(ctx, by, "")
		if err != nil {
			return err
		}
		target, err := db.AccountByName(ctx, about, "")
		if err != nil {
			return err
		}
		return db.Update(ctx, func(tx *storage.Tx) error {
			p := &storage.NewPost{Post: storage.Post{AuthorID: target.ID, HTML: "<p>rude</p>", Visibility: storage.Public, Circle: storage.CircleNode}}
			if _, err := tx.AddPost(ctx, p); err != nil {
				return err
			}
			r := &storage.Report{AccountID: reporter.ID, TargetID: target.ID, Category: storage.CategoryViolation, Comment: comment, Rules: []string{"1"}, Posts: []int64{p.ID}}
			_, err := tx.AddReport(ctx, r)
			report, post = storage.FormatID(r.ID), storage.FormatID(p.ID)
			return err
		})
	})
	return report, post
}

// wrote checks the latest entry of the audit log.
func (s *site) wrote(action, why string) {
	s.t.Helper()
	last := decoded[[]entry](s.t, s.does("audit", "list", "--json", "--limit", "1"))[0]
	if last.Action != action || last.About.Why != why || last.Actor != "cli" {
		s.t.Errorf("the last entry is %+v, not %s because %q", last, action, why)
	}
}

func TestReportsAreHandledByTheCommandLine(t *testing.T) {
	s := newSite(t)
	s.create("mia", "--role", "moderator")
	s.create("ana")
	s.create("luc")
	id, post := s.complaint("ana", "luc", "a rude\nword")
	line := lines(s.does("report", "list"))
	if len(line) != 1 || !strings.HasPrefix(line[0], id+"\t") || !strings.HasSuffix(line[0], "\topen\tviolation\tluc\tana\t\ta rude word") {
		t.Errorf("prints %q", line)
	}
	s.does("report", "assign", id, "mia", "--why", "she knows them")
	s.wrote(storage.ActionReportAssign, "she knows them")
	for _, one := range [][]string{{"--assigned", "mia"}, {"--about", "@luc@siege.test"}, {"--state", "all"}} {
		if got := decoded[[]report](t, s.does(append([]string{"report", "list", "--json"}, one...)...)); len(got) != 1 || got[0].Assigned != "mia" {
			t.Errorf("%v gives %+v", one, got)
		}
	}
	for _, none := range [][]string{{"--assigned", "nobody"}, {"--about", "ana"}, {"--host", "labo.test"}, {"--state", "closed"}, {"--before", id}} {
		if got := s.does(append([]string{"report", "list"}, none...)...); got != "" {
			t.Errorf("%v prints %q", none, got)
		}
	}
	s.does("report", "unassign", id)
	s.does("report", "note", id, "asked her")
	s.wrote(storage.ActionReportNote, "")
	s.does("report", "change", id, "spam")
	shown := decoded[fullReport](t, s.does("report", "show", id, "--json"))
	if shown.Category != "spam" || shown.Assigned != "" || len(shown.Notes) != 1 || shown.Notes[0].Text != "asked her" || len(shown.Posts) != 1 || shown.Posts[0] != post || len(shown.Measures) != 0 {
		t.Errorf("shows %+v", shown)
	}
	s.does("report", "close", id, "--why", "settled")
	s.wrote(storage.ActionReportResolve, "settled")
	if got := s.does("report", "show", id); !strings.Contains(got, "state\tclosed\n") || !strings.Contains(got, "\tasked her\n") {
		t.Errorf("shows %s", got)
	}
	s.does("report", "reopen", id)
	s.wrote(storage.ActionReportReopen, "")

	for _, act := range [][]string{{"show", "1"}, {"close", "x"}, {"note", "1", "x"}, {"assign", "1", "mia"}} {
		s.refuses(1, says("there is no report "+act[1], "ruche report list"), append([]string{"report"}, act...)...)
	}
	s.refuses(1, says("role", "somebody else"), "report", "assign", id, "luc")
	s.refuses(1, says("nobody known here is called eve"), "report", "assign", id, "eve")
	s.refuses(1, says("note"), "report", "note", id, " ")
	s.refuses(1, says("--limit"), "report", "list", "--limit", "0")
	s.refuses(1, says("--before"), "report", "list", "--before", "x")
	for _, wrong := range []string{"report", "report show", "report assign 1", "report change 1 boring", "report list --state half", "measure take luc", "measure take luc shout", "measure undo luc warn", "appeal grant", "keyword"} {
		s.refuses(2, says("ruche", "--help"), strings.Fields(wrong)...)
	}
}

func TestMeasuresAndAppealsAreDecidedByTheCommandLine(t *testing.T) {
	s := newSite(t)
	s.create("olga", "--role", "owner")
	s.create("ana")
	s.create("luc")
	id, post := s.complaint("ana", "luc", "rude")
	taken := strings.TrimSpace(s.does("measure", "take", "luc", "limit", "--text", "too loud", "--report", id, "--post", post))
	s.wrote(storage.ActionReportResolve, "too loud")
	if got := s.does("report", "list"); got != "" {
		t.Errorf("the report is still open: %q", got)
	}
	if got := lines(s.does("account", "list")); !strings.Contains(strings.Join(got, "\n"), "luc\tmember\tlimited\t") {
		t.Errorf("the accounts are %q", got)
	}
	s.does("measure", "take", "luc", "mark-posts", "--post", post)
	s.does("measure", "take", "luc", "freeze", "--silent", "--why", "for the auditors")
	s.wrote(storage.ActionAccountFreeze, "for the auditors")
	s.does("measure", "undo", "luc", "freeze")
	s.wrote(storage.ActionAccountUnfreeze, "")
	list := decoded[[]strike](t, s.does("measure", "list", "luc", "--json"))
	if len(list) != 3 || list[2].ID != taken || list[2].Report != id || list[2].Text != "too loud" || list[2].State != "none" || list[1].Posts[0] != post {
		t.Errorf("the measures are %+v", list)
	}

	appeal := func(strike, text string) {
		t.Helper()
		s.within(func(db *storage.DB) error {
			return db.Update(t.Context(), func(tx *storage.Tx) error {
				one, err := tx.StrikeByID(t.Context(), storage.ParseID(strike))
				if err != nil {
					return err
				}
				one.Appeal, one.AppealedAt = text, tx.Now()
				return tx.SaveStrike(t.Context(), one)
			})
		})
	}
	appeal(taken, "I was not")
	if got := lines(s.does("appeal", "list")); len(got) != 1 || !strings.HasPrefix(got[0], taken+"\t") || !strings.HasSuffix(got[0], "\tluc\tlimit\twaiting\tI was not") {
		t.Errorf("the appeals are %q", got)
	}
	s.does("appeal", "grant", taken, "--why", "he was not")
	s.wrote(storage.ActionAppealGrant, "he was not")
	if got := s.does("account", "list"); !strings.Contains(got, "luc\tmember\tactive\t") {
		t.Errorf("the accounts are %q", got)
	}
	appeal(list[1].ID, "it isn't rude")
	s.does("appeal", "reject", list[1].ID)
	s.wrote(storage.ActionAppealReject, "")
	if got := lines(s.does("appeal", "list", "--decided")); len(got) != 2 || !strings.Contains(got[0], "\trejected\t") || !strings.Contains(got[1], "\tgranted\t") {
		t.Errorf("the decided appeals are %q", got)
	}
	s.refuses(1, says("No appeal waits"), "appeal", "grant", taken)
	s.refuses(1, says("there is no appeal 1"), "appeal", "reject", "1")

	s.refuses(1, says("last owner"), "measure", "take", "olga", "suspend")
	s.refuses(1, says("nobody known here is called eve@labo.test"), "measure", "take", "eve@labo.test", "suspend")
	s.refuses(1, says("warned of"), "measure", "take", "luc", "warn")
	s.refuses(1, says("--post"), "measure", "take", "luc", "mark-posts", "--post", "x")
	s.refuses(1, says("Choose the posts"), "measure", "take", "luc", "mark-posts")
	s.refuses(1, says("there is no report 1"), "measure", "take", "luc", "limit", "--report", "1")
	s.refuses(1, says("somebody else"), "measure", "take", "ana", "limit", "--report", id)
}

func TestWordsThatMakeReportsAreChosenByTheCommandLine(t *testing.T) {
	s := newSite(t)
	s.create("ana")
	s.does("keyword", "set", "wasp", "Bad  honey", "WASP", "--why", "it stings")
	s.wrote(storage.ActionKeywords, "it stings")
	if got := s.does("keyword", "list"); got != "wasp\nBad honey\n" {
		t.Errorf("prints %q", got)
	}
	if r := s.runWith("hornet\n\nmite\n", "keyword", "set", "-"); r.code != 0 {
		t.Errorf("%+v", r)
	}
	if got := decoded[[]string](t, s.does("keyword", "list", "--json")); len(got) != 2 || got[1] != "mite" {
		t.Errorf("lists %q", got)
	}
	s.refuses(1, says("never be found"), "keyword", "set", "!!!")
	s.does("keyword", "set")
	if got := s.does("keyword", "list"); got != "" {
		t.Errorf("prints %q", got)
	}
}
