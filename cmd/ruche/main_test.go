package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// These tests run the built program as other programs do: arguments and variables in; an exit
// code and two streams out.

// program under test, built once.
var binary string

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "ruche-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "ruche")
	build := exec.Command("go", "build", "-ldflags", "-X main.version=v1.2.3", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// A site is a directory with a configuration, where commands are run.
type site struct {
	t   *testing.T
	dir string
	env []string
}

func newSite(t *testing.T, env ...string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir()}
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "RUCHE_") {
			s.env = append(s.env, e)
		}
	}
	s.env = append(s.env, "RUCHE_DOMAIN=siege.test")
	s.env = append(s.env, env...)
	return s
}

// command prepares the program; the last of several variables of one name counts.
func (s *site) command(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Dir, cmd.Env = s.dir, s.env
	return cmd
}

type result struct {
	code      int
	out, errs string
}

func (s *site) runWith(stdin string, args ...string) result {
	s.t.Helper()
	cmd := s.command(args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatalf("ruche %s: %v", strings.Join(args, " "), err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// does runs a command that has to succeed, quietly on standard error.
func (s *site) does(args ...string) string {
	s.t.Helper()
	r := s.runWith("", args...)
	if r.code != 0 || r.errs != "" {
		s.t.Fatalf("ruche %s: exit %d\n%s%s", strings.Join(args, " "), r.code, r.out, r.errs)
	}
	return r.out
}

// refuses runs a command that has to fail with a code, one line, and every text in it.
func (s *site) refuses(code int, texts []string, args ...string) {
	s.t.Helper()
	r := s.runWith("", args...)
	line, rest, _ := strings.Cut(r.errs, "\n")
	if r.code != code || r.out != "" || rest != "" || !strings.HasPrefix(line, "ruche: ") {
		s.t.Errorf("ruche %s: exit %d instead of %d\nout: %s\nerr: %s", strings.Join(args, " "), r.code, code, r.out, r.errs)
	}
	for _, text := range texts {
		if !strings.Contains(line, text) {
			s.t.Errorf("ruche %s: the line doesn't say %q: %s", strings.Join(args, " "), text, line)
		}
	}
}

func says(texts ...string) []string { return texts }

// decoded reads what a command printed as JSON.
func decoded[T any](t *testing.T, text string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

func TestWrongUsageIsExit2AndSaysWhereToRead(t *testing.T) {
	s := newSite(t)
	for _, line := range []string{
		"", "bogus", "account", "account list extra", "account create", "account create --username ana", "account show",
		"account create --username ana --email a@b.test --role king", "account create --username ana --email a@b.test --password x --password-stdin",
		"account set-role ana", "account set-role ana king", "account import", "token create", "token", "peer", "peer allow",
		"peer allow labo.test --tier friend", "peer list --tier", "backup", "restore", "config", "serve --bogus", "serve now", "version --config", "audit", "audit verify --head", "audit export",
	} {
		s.refuses(2, says("ruche", "--help"), strings.Fields(line)...)
	}
	if entries, err := os.ReadDir(s.dir); err != nil || len(entries) > 0 {
		t.Errorf("wrong usage left %v (%v)", entries, err)
	}
}

func TestHelpAndVersionNeedNoConfiguration(t *testing.T) {
	s := newSite(t, "RUCHE_DOMAIN=not a domain")
	if got := s.does("version"); got != "v1.2.3\n" {
		t.Errorf("version prints %q", got)
	}
	if got := s.does("--help"); !strings.Contains(got, "serve") || strings.Contains(got, "demo-node") {
		t.Errorf("help prints %s", got)
	}
	s.does("account", "create", "--help")
	s.does("version", "--config", "nowhere.toml")
}

func TestAWrongConfigurationNamesKeyValueAndWhatIsAllowed(t *testing.T) {
	for name, tc := range map[string]struct {
		env  []string
		file string
		says []string
	}{
		"an unknown variable":        {env: []string{"RUCHE_DOMIAN=x"}, says: says("RUCHE_DOMIAN", `"x"`, "RUCHE_DOMAIN")},
		"an unknown key":             {file: "domian = \"x\"\n", says: says("domian", `"x"`, "ruche.toml", "domain")},
		"an unknown key of a table":  {file: "[federation]\nca = \"x\"\n", says: says("federation.ca", `"x"`, "federation.ca_file")},
		"a value that isn't one":     {env: []string{"RUCHE_PUBLIC_PAGES=perhaps"}, says: says("RUCHE_PUBLIC_PAGES", `"perhaps"`, "true, false")},
		"a value in the file":        {file: "log_level = \"loud\"\n", says: says("log_level", "ruche.toml", `"loud"`, "debug, info, warn, error")},
		"an address":                 {env: []string{"RUCHE_LISTEN=8080"}, says: says("RUCHE_LISTEN", `"8080"`, "host:port")},
		"a network":                  {env: []string{"RUCHE_FEDERATION_PRIVATE_NETWORKS=10.0.0.0/99"}, says: says("RUCHE_FEDERATION_PRIVATE_NETWORKS", "10.0.0.0/99", "networks such as")},
		"a database":                 {env: []string{"RUCHE_DATABASE_URL=mysql://x"}, says: says("RUCHE_DATABASE_URL", "mysql://x", "sqlite:", "postgres://")},
		"no domain":                  {env: []string{"RUCHE_DOMAIN="}, says: says("RUCHE_DOMAIN", "not set")},
		"a domain that isn't one":    {env: []string{"RUCHE_DOMAIN=a b"}, says: says("RUCHE_DOMAIN", `"a b"`, "host name")},
		"a public URL with a path":   {env: []string{"RUCHE_PUBLIC_URL=https://siege.test/x"}, says: says("RUCHE_PUBLIC_URL", "https://siege.test/x", "https://host")},
		"plain HTTP":                 {env: []string{"RUCHE_PUBLIC_URL=http://siege.test"}, says: says("RUCHE_PUBLIC_URL", "http://siege.test", "https://host")},
		"half of TLS":                {env: []string{"RUCHE_TLS_CERT=cert.pem"}, says: says("RUCHE_TLS_CERT", "RUCHE_TLS_KEY")},
		"mail without a sender":      {env: []string{"RUCHE_SMTP_URL=smtp://mail.test"}, says: says("RUCHE_MAIL_FROM", `""`, "ruche@siege.test")},
		"a mail server without host": {env: []string{"RUCHE_SMTP_URL=smtp://", "RUCHE_MAIL_FROM=ruche@siege.test"}, says: says("RUCHE_SMTP_URL", "smtp://user:password@host:587")},
		"no TOML":                    {file: "domain = \n", says: says("ruche.toml")},
		"two faults":                 {env: []string{"RUCHE_LISTEN=x", "RUCHE_LOCALE=de"}, says: says("RUCHE_LISTEN", "RUCHE_LOCALE", `"de"`, "en, fr")},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, tc.env...)
			if tc.file != "" {
				s.write("ruche.toml", tc.file)
			}
			for _, command := range []string{"config check", "serve", "account list", "migrate"} {
				s.refuses(1, tc.says, strings.Fields(command)...)
			}
		})
	}
	newSite(t).refuses(1, says("nowhere.toml"), "config", "check", "--config", "nowhere.toml")
}

// write puts a file into the site's directory.
func (s *site) write(name, body string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(body), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func TestAConfigurationComesFromAFileAndVariablesWin(t *testing.T) {
	s := newSite(t, "RUCHE_TEST_ANYTHING=goes", "RUCHE_LOG_LEVEL=warn", "RUCHE_DATABASE_URL=postgres://ruche:secret@db.test/ruche")
	s.write("other.toml", "domain = \"labo.test\"\nlog_level = \"debug\"\nname = \"Le labo\"\n[federation]\nprivate_networks = [\"10.1.2.3/8\", \"fd00::/8\"]\n[accounts]\napprove_follows = true\n")
	s.env = slices.DeleteFunc(s.env, func(e string) bool { return strings.HasPrefix(e, "RUCHE_DOMAIN=") })
	for _, args := range [][]string{{"config", "check", "--config", "other.toml"}, {"--config=other.toml", "config", "check"}} {
		got := s.does(args...)
		for _, line := range []string{
			`domain = "labo.test"`, `public_url = "https://labo.test"`, `log_level = "warn"`, `name = "Le labo"`,
			`federation.private_networks = "10.0.0.0/8,fd00::/8"`, `accounts.approve_follows = "true"`, `listen = "127.0.0.1:8080"`,
		} {
			if !strings.Contains(got, line+"\n") {
				t.Errorf("no line %s in\n%s", line, got)
			}
		}
		if strings.Contains(got, "secret") {
			t.Errorf("a password is shown:\n%s", got)
		}
	}
}

func TestWhatKeepsANodeFromStartingIsSaidInOneLine(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, key := range []string{"RUCHE_LISTEN", "RUCHE_FEDERATION_LISTEN", "RUCHE_METRICS_LISTEN"} {
		s := newSite(t, "RUCHE_LISTEN=127.0.0.1:0", key+"="+taken.Addr().String())
		s.refuses(1, says(key, taken.Addr().String(), "in use", "set another"), "serve")
	}

	s := newSite(t)
	s.write("data", "a file where a directory should be")
	s.refuses(1, says("RUCHE_DATABASE_URL", "ruche.db"), "serve")
	s.refuses(1, says("RUCHE_DATABASE_URL", "ruche.db"), "account", "list")
	s = newSite(t, "RUCHE_DATABASE_URL=sqlite:nonsense.db")
	s.write("nonsense.db", strings.Repeat("this is no database\n", 100))
	s.refuses(1, says("RUCHE_DATABASE_URL", "nonsense.db", "not a database"), "serve")
	s = newSite(t, "RUCHE_DATABASE_URL=postgres://ruche:secret@127.0.0.1:1/ruche")
	r := s.runWith("", "serve")
	if strings.Contains(r.errs, "secret") {
		t.Errorf("a password is shown: %s", r.errs)
	}
	s.refuses(1, says("RUCHE_DATABASE_URL", "127.0.0.1:1", "refused"), "serve")

	s = newSite(t, "RUCHE_TLS_CERT=none.pem", "RUCHE_TLS_KEY=none.pem")
	s.refuses(1, says("RUCHE_TLS_CERT", "none.pem"), "serve")
}

func TestADomainChangesUntilSomebodyHasAnAccount(t *testing.T) {
	s := newSite(t)
	s.does("migrate")
	s.env = append(s.env, "RUCHE_DOMAIN=labo.test")
	s.does("account", "create", "--username", "ana", "--email", "ana@labo.test", "--password", "correct horse")
	s.env = append(s.env, "RUCHE_DOMAIN=siege.test")
	for _, command := range []string{"serve", "account list", "migrate", "peer allow autre.test"} {
		s.refuses(1, says("RUCHE_DOMAIN", `"siege.test"`, `"labo.test"`, "set RUCHE_DOMAIN=labo.test"), strings.Fields(command)...)
	}
	s.env = append(s.env, "RUCHE_DOMAIN=labo.test", "RUCHE_PUBLIC_URL=https://social.labo.test")
	s.refuses(1, says("RUCHE_PUBLIC_URL", "https://social.labo.test", "set RUCHE_PUBLIC_URL=https://labo.test"), "serve")
}
