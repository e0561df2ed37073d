//go:build browser

package browser

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"ruche/storage"
)

// webClient serves testdata/client on an origin of its own, and gives that.
func webClient(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.FileServer(http.Dir("testdata/client")))
	t.Cleanup(s.Close)
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	ok(t, err)
	return "client.localhost:" + port
}

// comes waits until the page on the other origin says something.
func (v *visitor) comes(selector, text string) {
	v.t.Helper()
	within(v, chromedp.Poll[chromedp.Void](fmt.Sprintf("document.querySelector(%q).innerText.includes(%q)", selector, text),
		chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(waiting)))
}

// popup does what opens a window, and gives who sits before that.
func (v *visitor) popup(open func()) *visitor {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, waiting)
	defer cancel()
	opened := chromedp.WaitNewTarget(ctx, func(info *target.Info) bool { return info.Type == "page" })
	open()
	id, found := <-opened
	if !found {
		v.t.Fatal("no window was opened")
	}
	tab, end := chromedp.NewContext(v.ctx, chromedp.WithTargetID(id))
	v.t.Cleanup(end)
	return &visitor{v.house, tab}
}

func TestAWebClientOfAnotherOriginIsUsed(t *testing.T) {
	h := open(t, "siege", "Siège")
	h.person("ana", "Ana Lima", "member")
	h.person("luc", "Luc Petit", "member")
	origin := webClient(t)
	only := func(hosts string) {
		ok(t, h.DB().Update(context.Background(), func(tx *storage.Tx) error {
			return tx.SetSetting(context.Background(), storage.SettingRedirectHosts, hosts)
		}))
	}

	ana := h.visitor()
	ana.loads(chromedp.Navigate("http://" + origin + "/"))
	ana.types("input[name=server]", h.base)

	// A client that the admin doesn't name is told so, and gets nothing to sign in with.
	only("phanpy.test")
	ana.picks("#enter button")
	ana.comes("#state", "failed: 422")
	ana.sees(origin, "ask an admin to add it")

	only("phanpy.test, " + origin)
	window := ana.popup(func() { ana.picks("#enter button") })
	within(window, chromedp.WaitVisible("input[name=login]"))
	window.sees("A web client")
	window.types("input[name=login]", "ana")
	window.types("input[name=password]", password)
	window.presses("main form button")
	window.sees(origin, "act for @ana")
	window.picks(`button[value=allow]`) // the window is gone with the answer
	ana.comes("#state", "signed in as ana")
	ana.comes("#log", "stream open as true")

	ana.types("#write input", "Seen from another origin")
	ana.picks("#write button")
	ana.comes("#state", "posted An orange field 64x48 true next page true")
	ana.comes("#log", "update user <p>Seen from another origin</p>")

	ana.types("#follow input", "luc")
	ana.picks("#follow button")
	ana.comes("#state", "follows luc true")
	luc := h.arrives("luc")
	luc.visit("/home")
	luc.types("#text", "Posted from a page of the node")
	luc.presses(".compose > button")
	ana.comes("#log", "update user <p>Posted from a page of the node</p>")

	// What the node shows of the client's post is the picture too.
	luc.visit("/entity")
	luc.sees("Seen from another origin")
	if alt := within(luc, chromedp.Evaluate[string](`document.querySelector("article img[alt^='An orange']")?.alt ?? ""`)); alt != "An orange field" {
		t.Errorf("the picture is told as %q", alt)
	}

	// Taken back where the person sees their apps, the client hears it at once.
	person := h.arrives("ana")
	person.visit("/auth/account")
	person.sees("A web client")
	person.presses(`form[action="/auth/apps/revoke"] button`)
	ana.comes("#log", "stream closed")
	ana.picks("#follow button")
	ana.comes("#state", "failed: 401 The access token is invalid")
}
