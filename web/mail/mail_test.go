package mail

import (
	"context"
	"net"
	"strings"
	"testing"

	gomail "github.com/wneessen/go-mail"

	"ruche/storage"
	"ruche/storage/storagetest"
	"ruche/web/view"
	"ruche/web/webtest"
)

func mailer(t *testing.T, address string) *Mailer {
	t.Helper()
	views, err := view.New()
	if err != nil {
		t.Fatal(err)
	}
	db := storagetest.OpenWith(t, storage.Options{URL: storagetest.SQLite(t)})
	m, err := New(Options{DB: db, Views: views, Site: view.Site{Name: "Siège & Cie", Domain: "sales.test", Locale: "fr"}, PublicURL: storagetest.BaseURL, URL: address, From: "ruche@sales.test"})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAPasswordIsNeverSentOverANetworkInTheClear(t *testing.T) {
	server := webtest.StartMail(t)
	to := strings.TrimPrefix(server.URL, "smtp://")
	dial := gomail.WithDialContextFunc(func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, to)
	})
	remote := mailer(t, "smtp://ruche:secret@mail.sales.test:587")
	remote.with = append(remote.with, dial)
	err := remote.send(t.Context(), &letter{"ana@sales.test", "x", "y"})
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("to a server without TLS: %v", err)
	}
	if heard := server.Heard(); strings.Contains(heard, "AUTH") || strings.Contains(heard, "MAIL") {
		t.Errorf("the server heard %s", heard)
	}
	// On this very machine nobody listens in.
	local := mailer(t, "smtp://ruche:secret@"+to)
	if err := local.send(t.Context(), &letter{"ana@sales.test", "Été", "Où allons-nous ?\n.\nLà.\n"}); err != nil {
		t.Fatal(err)
	}
	if heard := server.Heard(); !strings.Contains(heard, "AUTH") {
		t.Errorf("the server heard %s", heard)
	}
	got := server.Take()
	if len(got) != 1 || got[0].Subject != "Été" || !strings.Contains(got[0].Body, "Où allons-nous ?\n.\nLà.\n") || got[0].To != "ana@sales.test" {
		t.Errorf("%+v", got)
	}
}

func TestAMailServersAddressIsReadOrRefused(t *testing.T) {
	for address, good := range map[string]bool{
		"": true, "smtp://mail.test": true, "smtps://u:p%40ss@mail.test:465": true, "smtp://[::1]:25": true,
		"mail.test": false, "http://mail.test": false, "smtp://": false, "smtp://mail.test:port": false,
	} {
		if _, err := New(Options{URL: address}); (err == nil) != good {
			t.Errorf("%q: %v", address, err)
		}
	}
	if mailer(t, "").Sends() {
		t.Error("without a server mails are sent")
	}
}
