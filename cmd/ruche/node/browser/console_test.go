//go:build browser

package browser

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"ruche/outbox"
	"ruche/storage"
)

func (h *house) state(host string) string {
	p, err := h.DB().PeerByHost(context.Background(), host)
	if err != nil {
		return "unknown"
	}
	return p.State
}

func TestTwoAdminsLinkTheirNodesInTheConsole(t *testing.T) {
	siege, labo := open(t, "siege", "Siège"), open(t, "labo", "Labo")
	siege.person("ada", "Ada Martin", "owner")
	ana := siege.person("ana", "Ana Lima", "member")
	labo.person("bob", "Bob Roux", "admin")
	luc := labo.person("luc", "Luc Petit", "member")
	ada, bob := siege.arrives("ada"), labo.arrives("bob")

	// Who has no part in it finds nothing.
	stranger := siege.arrives("ana")
	if status := stranger.loads(chromedp.Navigate(siege.base + "/admin/peers")); status != 404 {
		t.Errorf("a member is answered %d", status)
	}

	ada.looks("peers-empty", "/admin/peers")
	ada.looks("invitations-empty", "/admin/invitations")
	ada.visit("/admin/invitations")
	ada.types("#note", "the lab")
	ada.presses(`form[action="/admin/invitations"] button`)
	link := ada.reads("code.link")
	ada.seen("invitation-made")

	bob.visit("/admin/invitations")
	bob.types("#link", "https://siege.localhost/peering")
	bob.presses(`form[action="/admin/invitations/open"] button`)
	bob.sees("This isn’t an invitation’s link")
	bob.seen("invitation-wrong")
	bob.types("#link", link)
	bob.presses(`form[action="/admin/invitations/open"] button`)
	theirs := bob.reads(".compare")

	ada.visit("/admin/invitations")
	ada.presses(`main a[href$="/code"]`)
	if ours := ada.reads(".compare"); ours != theirs || len(ours) < 8 {
		t.Errorf("the screens show %q and %q", ours, theirs)
	}
	ada.looks("code", ada.path())
	bob.looks("code-wait", bob.path())
	ada.presses(`form[action$="/confirm"] button`)
	ada.sees("both nodes allow each other")
	siege.until("labo is active", func() bool { return siege.state(labo.host) == storage.PeerActive })
	labo.until("siege is active", func() bool { return labo.state(siege.host) == storage.PeerActive })

	// A second use of the link is refused, in words.
	bob.visit("/admin/invitations")
	bob.types("#link", link)
	bob.presses(`form[action="/admin/invitations/open"] button`)
	bob.sees("has been used")

	// The link is tested, and something crosses.
	peer := "/admin/peers/" + labo.host
	ada.visit(peer)
	ada.presses(`form[action$="/test"] button`)
	ada.sees("It takes what we send")
	if bad := within(ada, chromedp.Evaluate[int](`document.querySelectorAll(".tried .fails").length`)); bad != 0 {
		t.Errorf("testing the link: %s", ada.reads(".tried"))
	}
	ada.seen("peer-tested")
	ada.visit(peer)
	ada.sees("ruche 0.0.0-browser")
	ctx := context.Background()
	seen, err := labo.Resolver().Account(ctx, "ana", siege.host)
	ok(t, err)
	ok(t, labo.Outbox().Follow(ctx, luc, seen.ID, outbox.FollowOptions{}))
	siege.until("luc follows ana", func() bool {
		a, err := siege.DB().AccountByID(ctx, ana.ID)
		return err == nil && a.FollowersCount == 1
	})

	// Policy: a wrong day is refused and says so; then direct messages no longer come in.
	ada.visit(peer)
	ada.picks(`input[name=in][value=direct]`)
	ada.types("#contact", "it@labo.example")
	ada.types("#policy-why", "the contract says so")
	ada.presses(`form[action$="/policy"] > button`)
	ada.sees("Saved. It counts from now on.", "it@labo.example")
	p, err := siege.DB().PeerByHost(ctx, labo.host)
	ok(t, err)
	if p.In.Direct || !p.In.Posts || !p.Out.Direct {
		t.Errorf("the policy is %+v", p.Policy)
	}
	siege.until("the figures are stored", func() bool {
		m, err := siege.DB().PeerMeasures(ctx, labo.host)
		return err == nil && m[labo.host] != nil && m[labo.host].Total().Received > 0
	})
	ada.looks("peer", peer)
	ada.looks("peers", "/admin/peers")
	ada.looks("invitations", "/admin/invitations")

	// Lists: bad rows are named, and a rehearsal changes nothing.
	file := filepath.Join(t.TempDir(), "list.csv")
	ok(t, os.WriteFile(file, []byte("#domain\nusine.example\nnot a host\n"), 0o600))
	ada.looks("lists", "/admin/lists")
	ada.visit("/admin/lists")
	within(ada, chromedp.SetUploadFiles(chromedp.CSS("#list"), []string{file}))
	ada.presses(`button[value=try]`)
	ada.sees("usine.example", "line 3", "not a host")
	ada.seen("lists-tried")
	if got := siege.state("usine.example"); got != "unknown" {
		t.Errorf("a rehearsal makes the node %s", got)
	}
	within(ada, chromedp.SetUploadFiles(chromedp.CSS("#list"), []string{file}))
	ada.presses(`button[value=apply]`)
	if got := siege.state("usine.example"); got != storage.PeerActive {
		t.Errorf("the list makes the node %s", got)
	}

	// Block, take it back, suspend.
	ada.visit("/admin/peers/usine.example")
	ada.picks(`details:has(form[action$="/block"]) summary`)
	ada.presses(`form[action$="/block"] button`)
	ada.sees("blocked", "will be deleted on")
	ada.looks("peer-blocked", "/admin/peers/usine.example")
	ada.visit("/admin/peers/usine.example")
	ada.picks(`details:has(form[action$="/resume"]) summary`)
	ada.presses(`form[action$="/resume"] button`)
	ada.picks(`details:has(form[action$="/suspend"]) summary`)
	ada.presses(`form[action$="/suspend"] button`)
	if got := siege.state("usine.example"); got != storage.PeerSuspended {
		t.Errorf("after suspending it is %s", got)
	}

	ada.looks("organisation-empty", "/admin/organisation")
	ada.visit("/admin/organisation")
	ada.types("#name", "Les Abeilles")
	ada.presses(`form[action$="/create"] button`)
	ada.sees("Les Abeilles", "this node keeps its list")
	ada.looks("organisation", "/admin/organisation")

	// The audit log is read, narrowed, verified.
	ada.visit("/admin/audit?action=peer&subject=" + labo.host)
	ada.sees("@ada", "changed a node", "Why: the contract says so")
	if text := ada.reads("ol.log"); strings.Contains(text, "usine.example") {
		t.Errorf("narrowed to one node the log says %s", text)
	}
	ada.looks("audit", "/admin/audit")
	ada.loads(chromedp.Navigate(siege.base + "/admin/audit?actor=nobody"))
	ada.sees("nobody here is called nobody")
	ada.visit("/admin/audit")
	ada.presses(`form[action$="/verify"] button`)
	ada.sees("The chain is whole")
	ada.seen("audit-verified")
}

func TestTheHouseHasItsNameItsColourAndItsCharter(t *testing.T) {
	h := open(t, "siege", "Siège")
	h.person("ada", "Ada Martin", "owner")
	h.person("ana", "Ana Lima", "member")
	ada := h.arrives("ada")
	ada.looks("settings", "/admin/settings")
	ada.visit("/admin/settings")
	ada.types("#site_colour", "red")
	ada.presses(`form[action="/admin/settings"] button`)
	ada.sees("can’t be made as it is", "is no colour")
	ada.types("#site_name", "Coopérative des Abeilles")
	ada.types("#site_colour", "#1d4ed8")
	ada.types("#welcome_en", "Honey for everybody.")
	ada.types("#charter_en", "Be kind.\nAsk before you share.")
	ada.presses(`form[action="/admin/settings"] button`)
	ada.sees("Our charter", "Be kind.") // who wrote it accepts it, too
	ada.looks("charter", "/auth/charter")
	ada.visit("/admin/settings")
	ada.presses(`form[action="/auth/charter"] button`)
	if got := ada.path(); got != "/admin/settings" {
		t.Errorf("accepting leads to %s", got)
	}
	front := h.visitor()
	front.visit("/?lang=en")
	front.sees("Honey for everybody.", "Coopérative des Abeilles")
	if got := within(front, chromedp.Evaluate[string](`getComputedStyle(document.querySelector(".hero .button")).backgroundColor`)); got != "rgb(29, 78, 216)" {
		t.Errorf("the button is %s", got)
	}
	front.looks("landing-blue", "/")
	ana := h.arrives("ana")
	ana.sees("Our charter")
	ana.visit("/entity")
	ana.sees("Our charter") // there is no way around it
	ana.presses(`form[action="/auth/charter"] button`)
	ana.visit("/home")
	ana.sees("Home")

	ada.looks("accounts", "/admin/accounts")
	ada.visit("/admin/accounts")
	ada.picks("details.card summary")
	ada.types("#username", "marc")
	ada.types("#email", "marc@example.org")
	ada.presses(`form[action="/admin/accounts"][method=post] button`)
	ada.sees("@marc has an account")
	ada.visit("/admin/accounts/marc")
	ada.looks("account-of-marc", "/admin/accounts/marc")
	within(ada, chromedp.SetValue(chromedp.CSS("#role"), "moderator"))
	ada.presses(`form[action$="/role"] button`)
	ada.sees("Saved", "moderator")
	// The last owner stays one, and is told why.
	ada.visit("/admin/accounts/ada")
	within(ada, chromedp.SetValue(chromedp.CSS("#role"), "member"))
	ada.presses(`form[action$="/role"] button`)
	ada.sees("last owner")

	// What was given up is seen, and tried again.
	ctx := context.Background()
	ok(t, h.DB().Update(ctx, func(tx *storage.Tx) error {
		return tx.Enqueue(ctx, storage.NewJob{Kind: "no such work"})
	}))
	h.until("the job is given up", func() bool {
		ended, err := h.DB().EndedJobs(ctx, "", storage.Page{Limit: 5})
		return err == nil && len(ended) == 1
	})
	ada.looks("jobs", "/admin/jobs")
	ada.visit("/admin/jobs")
	ada.sees("nothing handles jobs of kind")
	ada.presses(`form[action$="/resend"] button`)
	ada.sees("It is tried again.")
}
