package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"ruche/storage"
	"ruche/web/webtest"
)

// TestAForgottenPasswordIsResetByTheRunningNode goes the whole way: the program, its queue and a mail server.
func TestAForgottenPasswordIsResetByTheRunningNode(t *testing.T) {
	mails := webtest.StartMail(t)
	s := newSite(t, "RUCHE_SMTP_URL="+mails.URL, "RUCHE_MAIL_FROM=ruche@siege.test", "RUCHE_LOCALE=fr")
	s.create("ana")
	token := strings.TrimSpace(s.does("token", "create", "--account", "ana"))
	n := s.serve()
	if got := n.whoAmI(token); got != http.StatusOK {
		t.Fatalf("before: %d", got)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	post := func(path string, form url.Values) (int, string) {
		t.Helper()
		res, err := browser.PostForm(n.base+path, form)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(body)
	}
	if status, body := post("/auth/forgot", url.Values{"login": {"ana"}}); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	var letters []webtest.Letter
	until(t, "the mail comes", func() bool {
		letters = append(letters, mails.Take()...)
		return len(letters) > 0
	})
	letter := letters[0]
	if letter.Subject != "Un nouveau mot de passe pour siege.test" || !strings.Contains(letter.From, "ruche@siege.test") || letter.To != "ana@siege.test" {
		t.Errorf("%+v", letter)
	}
	link := regexp.MustCompile(`/auth/reset\?token=(\S+)`).FindStringSubmatch(letter.Body)
	if link == nil {
		t.Fatalf("no link in %s", letter.Body)
	}
	if status, body := post("/auth/reset", url.Values{"token": {link[1]}, "new": {"battery staple"}}); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	if got := n.whoAmI(token); got != http.StatusUnauthorized {
		t.Errorf("the app may go on: %d", got)
	}
	// Beside the node: a link of the command line, once.
	printed := strings.TrimSpace(s.does("account", "reset-link", "ana"))
	secret := printed[strings.Index(printed, "token=")+len("token="):]
	if !strings.HasPrefix(printed, "https://siege.test/auth/reset?token=") {
		t.Errorf("printed %s", printed)
	}
	for _, want := range []int{http.StatusOK, http.StatusNotFound} {
		if status, _ := post("/auth/reset", url.Values{"token": {secret}, "new": {"another staple"}}); status != want {
			t.Errorf("%d, want %d", status, want)
		}
	}
	if strings.Contains(n.log.String(), "ana@") || strings.Contains(n.log.String(), link[1]) {
		t.Error("the log has an address or a secret")
	}
}

func TestWhoLostTheirTelephoneIsHelped(t *testing.T) {
	s := newSite(t)
	s.create("ana")
	s.refuses(exitRefused, says("second factor"), "account", "remove-factor", "ana")
	s.does("account", "set-email", "ana", "Ana.New@siege.test")
	if out := s.does("account", "show", "ana"); !strings.Contains(out, "email\tana.new@siege.test\n") {
		t.Error(out)
	}
	s.create("luc")
	s.refuses(exitRefused, says("exists"), "account", "set-email", "luc", "ana.new@siege.test")
	s.refuses(exitRefused, says("no e-mail address"), "account", "set-email", "luc", "luc")
	s.refuses(exitRefused, says("ruche account list"), "account", "reset-link", "nobody")
}

func TestAdminsChooseAndPick(t *testing.T) {
	s := newSite(t)
	if got := len(lines(s.does("setting", "list"))); got != len(storage.Choices) {
		t.Errorf("%d settings are listed", got)
	}
	s.does("setting", "set", "card_hosts", "wiki.siege.test, docs.siege.test:8443")
	if got := s.does("setting", "show", "card_hosts"); got != "wiki.siege.test, docs.siege.test:8443\n" {
		t.Errorf("%q", got)
	}
	s.refuses(exitRefused, says("https://wiki.test/", "host:port"), "setting", "set", "card_hosts", "https://wiki.test/")
	s.refuses(exitRefused, says("domain", "rules"), "setting", "set", "domain", "other.test")
	s.refuses(exitRefused, says("setting list"), "setting", "show", "push_private_key")
	if r := s.runWith("Be kind\nBe brief\n", "setting", "set", "rules", "-"); r.code != 0 {
		t.Errorf("%+v", r)
	}
	if got := s.does("setting", "show", "rules"); got != "Be kind\nBe brief\n" {
		t.Errorf("%q", got)
	}
	s.does("trend", "pick", "tag", "#Miel")
	if got := lines(s.does("trend", "list")); len(got) != 1 || !strings.HasPrefix(got[0], "tag\tmiel\t") {
		t.Errorf("%q", got)
	}
	s.refuses(exitRefused, says("public"), "trend", "pick", "post", "112233")
	s.does("trend", "unpick", "tag", "miel")
	s.refuses(exitRefused, says("pick"), "trend", "unpick", "tag", "miel")
	out := s.does("audit", "list")
	for _, action := range []string{"node.setting", "trend.pick", "trend.unpick"} {
		if !strings.Contains(out, action) {
			t.Errorf("%s isn't written down:\n%s", action, out)
		}
	}
}

// TestOpenStreamsEndWithTheRightTheyWereOpenedBy opens a stream for each way to lose a right, beside the running node.
func TestOpenStreamsEndWithTheRightTheyWereOpenedBy(t *testing.T) {
	s := newSite(t)
	n := s.serve()
	s.create("boss", "--role", "owner")
	for i, command := range [][]string{
		{"account", "set-role", "NAME", "moderator"}, {"account", "suspend", "NAME"}, {"account", "reset-password", "NAME"},
	} {
		name := "ana" + string(rune('a'+i))
		s.create(name)
		token := strings.TrimSpace(s.does("token", "create", "--account", name))
		until(t, "the token is known", func() bool { return n.whoAmI(token) == http.StatusOK })
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.base+"/api/v1/streaming/user", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "siege.test"
		r.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(r)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%v %v", res, err)
		}
		ended := make(chan struct{})
		go func() {
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			close(ended)
		}()
		for j := range command {
			command[j] = strings.ReplaceAll(command[j], "NAME", name)
		}
		s.does(command...)
		until(t, strings.Join(command, " ")+" ends the stream", func() bool {
			select {
			case <-ended:
				return true
			default:
				return false
			}
		})
	}
}
