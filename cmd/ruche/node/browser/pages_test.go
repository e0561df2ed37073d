//go:build browser

package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestAPersonWithoutAnAppLivesHere(t *testing.T) {
	h := open(t, "siege", "Siège")
	h.person("ana", "Ana Lima", "member")
	h.person("luc", "Luc Petit", "member")
	h.visitor().looks("signin", "/auth/sign_in")

	ana := h.arrives("ana")
	ana.looks("home-empty", "/home")
	ana.visit("/home")
	ana.types("#text", "Who knows how to weld titanium? #welding")
	ana.picks("details.audience summary")
	ana.picks(`input[name=circle][value=node]`)
	if will := ana.reads(".audience .will"); !strings.Contains(will, "never leaves here") {
		t.Errorf("before posting it says %q", will)
	}
	ana.presses(".compose > button")
	ana.visit("/entity")
	ana.sees("weld titanium", "this entity only")

	luc := h.arrives("luc")
	luc.visit("/entity")
	luc.presses("article .when")
	luc.sees("weld titanium", "Conversation")
	luc.types("#text", "@ana I do, come and see me.")
	luc.presses(".compose > button")
	luc.sees("come and see me")
	ana.looks("thread", luc.path())
	for name, path := range map[string]string{"landing": "/?about", "home": "/home", "entity": "/entity", "people": "/people", "profile": "/@luc", "notifications": "/notifications", "account": "/auth/account"} {
		ana.looks(name, path)
	}

	// Without a mouse: the first stop leads past the navigation, and one can see where one is.
	ana.visit("/home")
	within(ana, chromedp.KeyEvent("\t"))
	first := within(ana, chromedp.Evaluate[string](`document.activeElement.getAttribute("href")`))
	within(ana, chromedp.KeyEvent("\t"))
	outline := within(ana, chromedp.Evaluate[string](`getComputedStyle(document.activeElement).outlineStyle`))
	if first != "#main" || outline != "solid" {
		t.Errorf("the first stop leads to %q; the second is outlined %q", first, outline)
	}
}

func TestAPersonReadsWhatGoesAndDeletesTheirAccount(t *testing.T) {
	h := open(t, "siege", "Siège")
	h.person("ada", "Ada Martin", "owner")
	ana := h.person("ana", "Ana Lima", "member")
	person, owner := h.arrives("ana"), h.arrives("ada")
	owner.visit("/auth/account")
	owner.picks("#delete summary")
	owner.types("#delete-current", password)
	owner.presses(`form[action="/auth/delete"] button`)
	owner.sees("You are the last owner")

	person.visit("/auth/account")
	person.picks("#delete summary")
	person.sees("can’t be undone", "never given to anybody else")
	person.seen("account-delete")
	person.types("#delete-current", password)
	person.presses(`form[action="/auth/delete"] button`)
	person.sees("Your account is deleted", "To the front page")
	if a, err := h.DB().AccountByID(t.Context(), ana.ID); err != nil || a.DeletedAt.IsZero() {
		t.Errorf("ana is there (%v)", err)
	}
	person.loads(chromedp.Navigate(h.base + "/home"))
	if got := person.path(); !strings.HasPrefix(got, "/auth/sign_in") {
		t.Errorf("who has deleted their account arrives at %s", got)
	}

	// What an admin reads before they delete somebody.
	luc := h.person("luc", "Luc Petit", "member")
	owner.visit("/admin/accounts/luc")
	owner.picks(`#decide input[value=suspend]`)
	owner.types("#text", "He left.")
	owner.presses(`#decide > button`)
	owner.visit("/admin/accounts/luc")
	owner.picks("#delete summary")
	owner.seen("account-delete-console")
	owner.types("#delete-why", "He left the company.")
	owner.presses(`form[action$="/delete"] button`)
	owner.sees("Deleted. What they wrote is being removed.", "deleted")
	if a, err := h.DB().AccountByID(t.Context(), luc.ID); err != nil || a.DeletedAt.IsZero() {
		t.Errorf("luc is there (%v)", err)
	}
}
