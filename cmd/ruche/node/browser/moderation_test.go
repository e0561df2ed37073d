//go:build browser

package browser

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"ruche/outbox"
	"ruche/storage"
)

func TestAModeratorHandlesAReportAndGrantsAnAppeal(t *testing.T) {
	h := open(t, "siege", "Siège")
	h.person("ada", "Ada Martin", "owner")
	h.person("mia", "Mia Roy", "moderator")
	ana := h.person("ana", "Ana Lima", "member")
	luc := h.person("luc", "Luc Petit", "member")
	ctx := context.Background()
	account := func() *storage.Account {
		a, err := h.DB().AccountByID(ctx, luc.ID)
		ok(t, err)
		return a
	}

	mia := h.arrives("mia")
	mia.looks("reports-empty", "/admin/reports")
	mia.looks("appeals-empty", "/admin/appeals")

	// The words that are looked out for.
	mia.visit("/admin/keywords")
	mia.types("#words", "!!!")
	mia.presses(`form[action="/admin/keywords"] button`)
	mia.sees("isn’t possible", "neither letter nor digit")
	mia.types("#words", "grève")
	mia.presses(`form[action="/admin/keywords"] button`)
	mia.sees("Saved")
	mia.looks("keywords", "/admin/keywords")

	// Somebody writes, somebody else reports it.
	writer := h.arrives("luc")
	writer.visit("/home")
	writer.types("#text", "Buy my honey, the best of all, now at half the price! La GREVE, no.")
	writer.presses(".compose > button")
	posts, err := h.DB().AccountTimeline(ctx, luc.ID, luc.ID, storage.AccountFilter{}, storage.Page{Limit: 1})
	ok(t, err)
	_, err = h.Outbox().Report(ctx, ana, outbox.Complaint{Target: luc.ID, Posts: []int64{posts[0].ID}, Category: storage.CategorySpam, Comment: "He does this every morning,\nand I asked him to stop."})
	ok(t, err)

	// The moderator is told, finds it in the queue, takes it, notes something.
	mia.visit("/notifications")
	mia.sees("made a report")
	mia.looks("notifications-report", "/notifications")
	mia.looks("reports", "/admin/reports")
	mia.visit("/admin/reports?whose=unassigned&target=luc")
	mia.sees("unwanted advertising", "a word that is looked out for", "@ana")
	mia.presses(`tbody tr:has(td:nth-of-type(1) .clip):first-child th a`)
	mia.sees("every morning", "Buy my honey", "Nothing so far.")
	mia.presses(`form[action$="/take"] button`)
	mia.sees("@mia takes care of it")
	mia.types("#note", "I wrote to him on Monday.")
	mia.presses(`form[action$="/note"] button`)
	mia.sees("The note is kept.", "I wrote to him on Monday.", "noted something beside a report")
	mia.looks("report", mia.path())

	// The measure needs its reason; then it closes the report.
	report := mia.path()
	mia.visit(report)
	mia.picks(`#decide input[value=warn]`)
	mia.presses(`#decide > button`)
	mia.sees("isn’t possible", "Write what the person is to be warned of")
	mia.picks(`#decide input[value=limit]`)
	mia.types("#text", "Advertising isn’t what this place is for.")
	mia.presses(`#decide > button`)
	mia.sees("Done, and written down.", "closed by @mia", "Limited: only followers see the posts")
	mia.looks("report-closed", report)
	if account().LimitedAt.IsZero() {
		t.Error("the account isn't limited")
	}
	reader := h.arrives("ana")
	reader.visit("/entity")
	if page := reader.reads("main"); page == "" || strings.Contains(page, "Buy my honey") {
		t.Errorf("who doesn't follow reads %q", page)
	}
	// The other one is closed without a measure.
	mia.visit("/admin/reports")
	mia.sees("a word that is looked out for")
	mia.presses(`tbody tr:first-child th a`)
	mia.presses(`form[action$="/resolve"] button`)
	mia.sees("Closed.")
	mia.presses(`form[action$="/reopen"] button`)
	mia.sees("Open again.")
	mia.presses(`form[action$="/resolve"] button`)

	// The person reads it, and appeals.
	writer.visit("/notifications")
	writer.sees("took a measure about your account")
	writer.presses(`main a[href="/auth/warnings"]`)
	writer.sees("Advertising isn’t what this place is for.", "Your account is limited")
	if page := writer.reads("main"); strings.Contains(page, "mia") {
		t.Errorf("the person reads who it was: %s", page)
	}
	writer.looks("warnings", "/auth/warnings")
	writer.visit("/auth/warnings")
	writer.types("textarea", "It was for the school fête, and once only.")
	writer.presses(`form[action="/auth/warnings"] button`)
	writer.sees("Your appeal is with the moderators.", "A moderator will decide.")

	mia.looks("appeals", "/admin/appeals")
	mia.visit("/admin/appeals")
	mia.sees("for the school fête")
	mia.presses(`button[value=grant]`)
	mia.sees("Granted: the measure is undone.", "No appeal waits.")
	mia.looks("appeals-decided", "/admin/appeals")
	if !account().LimitedAt.IsZero() {
		t.Error("the account is still limited")
	}
	writer.visit("/auth/warnings")
	writer.sees("Granted: the measure was undone")
	reader.visit("/entity")
	reader.sees("Buy my honey")

	// From the account's page: frozen, who then reads why and nothing else, and released.
	mia.visit("/admin/accounts/luc")
	mia.picks(`#decide input[value=freeze]`)
	mia.types("#text", "Your password was seen on a stolen list: come to see us.")
	mia.presses(`#decide > button`)
	mia.sees("frozen", "Undo this")
	mia.looks("account-frozen", "/admin/accounts/luc")
	writer.loads(chromedp.Navigate(h.base + "/home"))
	if got := writer.path(); got != "/auth/warnings" {
		t.Errorf("who is frozen arrives at %s", got)
	}
	writer.looks("warnings-frozen", "/auth/warnings")
	mia.visit("/admin/accounts/luc")
	mia.presses(`form[action$="/undo"] button`)
	mia.sees("Undone.")
	writer.visit("/home")
	writer.sees("Home")
	// Nobody acts on who stands above.
	mia.visit("/admin/accounts/ada")
	if n := within(mia, chromedp.Evaluate[int](`document.querySelectorAll("#decide").length`)); n != 0 {
		t.Error("a moderator may act on an owner")
	}
	ada := h.arrives("ada")
	ada.visit("/admin/audit?action=report")
	ada.sees("@mia", "closed a report", "said who takes care of a report")
	ada.visit("/admin/audit?action=appeal")
	ada.sees("granted an appeal")
}
