package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"ruche/storage"
)

// create makes an account with a known password.
func (s *site) create(username string, flags ...string) {
	s.t.Helper()
	s.does(append([]string{"account", "create", "--username", username, "--email", username + "@siege.test", "--password", "correct horse"}, flags...)...)
}

func lines(out string) []string { return strings.Split(strings.TrimSuffix(out, "\n"), "\n") }

func TestAnAccountIsCreatedListedAndShown(t *testing.T) {
	s := newSite(t)
	s.does("account", "create", "--username", "ana", "--email", "Ana@siege.test", "--password", "correct horse", "--display-name", "Ana Dupont", "--role", "owner", "--department", "R&D", "--official")
	made := s.does("account", "create", "--username", "luc", "--email", "luc@siege.test")
	if !regexp.MustCompile(`^[a-z2-7]{5}(-[a-z2-7]{5}){3}\n$`).MatchString(made) {
		t.Errorf("the made password is printed as %q", made)
	}
	if r := s.runWith("from standard input\n", "account", "create", "--username", "zoe", "--email", "zoe@siege.test", "--password-stdin"); r.code != 0 || r.out != "" {
		t.Errorf("--password-stdin: %+v", r)
	}
	for name, args := range map[string][]string{
		"the name exists":   {"--username", "ANA", "--email", "other@siege.test"},
		"the e-mail exists": {"--username", "other", "--email", "ana@siege.test"},
		"a bad name":        {"--username", "a.na", "--email", "other@siege.test"},
		"a reserved name":   {"--username", "postmaster", "--email", "other@siege.test"},
		"a bad e-mail":      {"--username", "other", "--email", "nobody"},
		"a weak password":   {"--username", "other", "--email", "other@siege.test", "--password", "12345678"},
		"an empty password": {"--username", "other", "--email", "other@siege.test", "--password", ""},
		"an empty stdin":    {"--username", "other", "--email", "other@siege.test", "--password-stdin"},
	} {
		t.Run(name, func(t *testing.T) {
			s := *s
			s.t = t
			s.refuses(1, nil, append([]string{"account", "create"}, args...)...)
		})
	}
	want := []string{"ana\towner\tactive\tana@siege.test\tAna Dupont\tR&D", "luc\tmember\tactive\tluc@siege.test\t\t", "zoe\tmember\tactive\tzoe@siege.test\t\t"}
	if got := lines(s.does("account", "list")); !slices.Equal(got, want) {
		t.Errorf("the list is %q", got)
	}
	list := decoded[[]account](t, s.does("account", "list", "--json"))
	if len(list) != 3 || list[0].Username != "ana" || list[0].Role != "owner" || !list[0].Official || list[0].Handle != "ana@siege.test" || len(list[0].ID) != 19 || list[0].Locked {
		t.Errorf("the list is %+v", list)
	}
	one := decoded[account](t, s.does("account", "show", "@Ana", "--json"))
	if one != list[0] {
		t.Errorf("ana is %+v, in the list %+v", one, list[0])
	}
	if got := lines(s.does("account", "show", "luc")); !slices.Contains(got, "role\tmember") || !slices.Contains(got, "handle\tluc@siege.test") || !slices.Contains(got, "state\tactive") {
		t.Errorf("luc is %q", got)
	}
	s.refuses(1, says("ghost", "ruche account list"), "account", "show", "ghost")
}

func TestAnEmptyNodeHasEmptyLists(t *testing.T) {
	s := newSite(t)
	for _, what := range []string{"account", "peer"} {
		if got := s.does(what, "list"); got != "" {
			t.Errorf("%s list prints %q", what, got)
		}
		if got := s.does(what, "list", "--json"); strings.TrimSpace(got) != "[]" {
			t.Errorf("%s list --json prints %q", what, got)
		}
	}
}

func TestAnAccountChanges(t *testing.T) {
	s := newSite(t, "RUCHE_ACCOUNTS_APPROVE_FOLLOWS=on")
	s.create("ana", "--role", "owner")
	s.create("luc")
	shown := func(name string) account { return decoded[account](t, s.does("account", "show", name, "--json")) }
	if !shown("luc").Locked {
		t.Error("the node asks for approval of follows, and luc doesn't")
	}
	s.does("account", "set-role", "luc", "community-manager")
	s.does("account", "suspend", "luc")
	s.does("account", "suspend", "luc") // again
	if a := shown("luc"); a.Role != "community-manager" || a.State != "suspended" {
		t.Errorf("luc is %+v", a)
	}
	s.does("account", "unsuspend", "luc")
	if a := shown("luc"); a.State != "active" {
		t.Errorf("luc is %+v", a)
	}
	if got := s.does("account", "reset-password", "luc"); len(got) != 24 {
		t.Errorf("the new password is printed as %q", got)
	}
	s.refuses(1, says("ana", "last owner", "somebody else"), "account", "suspend", "ana")
	s.refuses(1, says("ana", "last owner", "somebody else"), "account", "set-role", "ana", "admin")
	for _, command := range []string{"set-role ghost member", "suspend ghost", "unsuspend ghost", "reset-password ghost", "show siege.test"} {
		s.refuses(1, says("not found", "ruche account list"), append([]string{"account"}, strings.Fields(command)...)...)
	}
}

func TestAnImportNamesEachBadLine(t *testing.T) {
	s := newSite(t)
	s.write("people.csv", "username,email,display_name,department,role\nana,ana@siege.test,Ana,R&D,owner\nluc,nobody,Luc,,\nzoe,zoe@siege.test,Zoé,,king\neve,eve@siege.test,Ève,Vente,\n")
	r := s.runWith("", "account", "import", "people.csv")
	errs := lines(r.errs)
	if r.code != 1 || len(errs) != 3 || !strings.HasPrefix(errs[0], "people.csv line 3: ") || !strings.Contains(errs[0], "nobody") ||
		!strings.HasPrefix(errs[1], "people.csv line 4: ") || !strings.Contains(errs[1], "king") || !strings.HasPrefix(errs[2], "ruche: 2 accounts were imported, 2 lines were not") {
		t.Errorf("exit %d: %s", r.code, r.errs)
	}
	made := lines(r.out)
	if len(made) != 2 || !strings.HasPrefix(made[0], "ana\t") || !strings.HasPrefix(made[1], "eve\t") {
		t.Errorf("printed %q", r.out)
	}
	if got := lines(s.does("account", "list")); len(got) != 2 {
		t.Errorf("the list is %q", got)
	}
	s.write("good.csv", "email,username\nluc@siege.test,luc\n")
	s.does("account", "import", "good.csv")
	s.write("bad.csv", "name,mail\n")
	s.refuses(1, says("bad.csv", `"name"`, "username"), "account", "import", "bad.csv")
	s.refuses(1, says("none.csv"), "account", "import", "none.csv")
}

func TestATokenIsPrintedAlone(t *testing.T) {
	s := newSite(t)
	s.create("ana", "--role", "admin")
	s.create("luc")
	for _, args := range [][]string{{"--account", "luc"}, {"--account", "@luc", "--scopes", "read:statuses,write"}, {"--account", "ana", "--scopes", "read admin:read admin:write:accounts"}} {
		if got := s.does(append([]string{"token", "create"}, args...)...); !regexp.MustCompile(`^[A-Za-z0-9_-]{43}\n$`).MatchString(got) {
			t.Errorf("%v prints %q", args, got)
		}
	}
	s.refuses(1, says("luc", "member", "admin:"), "token", "create", "--account", "luc", "--scopes", "read admin:read")
	s.refuses(1, says("everything", "read:statuses"), "token", "create", "--account", "luc", "--scopes", "everything")
	s.refuses(1, says("needs a scope"), "token", "create", "--account", "luc", "--scopes", "")
	s.refuses(1, says("ghost", "ruche account list"), "token", "create", "--account", "ghost")
	s.does("account", "suspend", "luc")
	s.refuses(1, says("luc", "suspended", "unsuspend"), "token", "create", "--account", "luc")
}

func TestThePeersAreAList(t *testing.T) {
	s := newSite(t)
	type peer struct {
		Host, Tier, State, Note string
		PublicWeb               bool     `json:"public_web"`
		AccountDomains          []string `json:"account_domains"`
	}
	s.does("peer", "allow", "LABO.test.", "--tier", "sibling", "--note", "the lab")
	s.does("peer", "allow", "labo.test:443") // again: what isn't said stays
	s.does("peer", "allow", "bücher.test:8443", "--public-web")
	s.does("peer", "block", "bad.test")
	want := []string{"bad.test\tpartner\tblocked\tfalse\t", "labo.test\tsibling\tactive\tfalse\tthe lab", "xn--bcher-kva.test:8443\tpartner\tactive\ttrue\t"}
	if got := lines(s.does("peer", "list")); !slices.Equal(got, want) {
		t.Errorf("the list is %q", got)
	}
	list := decoded[[]peer](t, s.does("peer", "list", "--json"))
	if len(list) != 3 || list[1].Host != "labo.test" || list[1].AccountDomains == nil || !list[2].PublicWeb {
		t.Errorf("the list is %+v", list)
	}
	s.does("peer", "allow", "labo.test", "--tier", "partner", "--note", "")
	s.does("peer", "allow", "BÜCHER.test:8443", "--no-public-web")
	s.does("peer", "allow", "bad.test")
	if got := decoded[peer](t, s.does("peer", "show", "Labo.test", "--json")); got.Tier != "partner" || got.Note != "" || got.State != "active" {
		t.Errorf("labo.test is %+v", got)
	}
	if got := lines(s.does("peer", "show", "bücher.test:8443")); !slices.Contains(got, "host\txn--bcher-kva.test:8443") || !slices.Contains(got, "public_web\tfalse") {
		t.Errorf("it is %q", got)
	}
	s.does("peer", "remove", "bad.test")
	s.refuses(1, says("bad.test", "ruche peer list"), "peer", "remove", "bad.test")
	s.refuses(1, says("bad.test", "ruche peer list"), "peer", "show", "bad.test")
	for _, host := range []string{"https://labo.test", "a b", "ana@labo.test", "siege.test", ""} {
		s.refuses(1, nil, "peer", "allow", host)
	}
}

func TestASuspendedAccountIsDeletedByTheCommandLine(t *testing.T) {
	s := newSite(t)
	s.create("ana", "--role", "owner")
	s.create("luc")
	s.refuses(1, says("suspend"), "account", "delete", "luc")
	s.does("account", "suspend", "luc")
	if got := s.does("account", "delete", "luc", "--why", "he left"); got != "" {
		t.Errorf("prints %q", got)
	}
	s.wrote(storage.ActionAccountDelete, "he left")
	s.refuses(1, says("not found", "ruche account list"), "account", "delete", "luc")
	s.refuses(1, says("not found"), "account", "unsuspend", "luc")
	s.refuses(1, says("never given twice"), "account", "create", "--username", "luc", "--email", "new@siege.test")
	if got := lines(s.does("account", "list")); len(got) != 1 {
		t.Errorf("the list is %q", got)
	}
}
