package web_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"ruche/outbox/people"
	"ruche/storage"
	"ruche/storage/queue"
	"ruche/storage/storagetest"
	"ruche/web/mail"
	"ruche/web/view"
	"ruche/web/webtest"
)

// A post office is a mail server and the queue that brings mails there.
type postOffice struct {
	*webtest.MailServer
	queue *queue.Queue
	t     *testing.T
}

func openPost(t *testing.T, db *storage.DB) *postOffice {
	t.Helper()
	views, err := view.New()
	if err != nil {
		t.Fatal(err)
	}
	server := webtest.StartMail(t)
	mailer, err := mail.New(mail.Options{DB: db, Views: views, Site: view.Site{Name: "Sales", Domain: "sales.test", Locale: "en"}, PublicURL: storagetest.BaseURL, URL: server.URL, From: "ruche@sales.test"})
	if err != nil {
		t.Fatal(err)
	}
	q := queue.New(db, queue.Options{})
	mailer.Register(q)
	return &postOffice{server, q, t}
}

// deliver sends what waits and gives the mails that came.
func (p *postOffice) deliver() []webtest.Letter {
	p.t.Helper()
	if _, err := p.queue.Drain(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	return p.Take()
}

// link is the path of the one link of the one mail.
func (p *postOffice) link(to string) string {
	p.t.Helper()
	letters := p.deliver()
	if len(letters) != 1 || letters[0].To != to {
		p.t.Fatalf("%d mails, not one to %s: %+v", len(letters), to, letters)
	}
	found := regexp.MustCompile(regexp.QuoteMeta(storagetest.BaseURL) + `(/auth/\S+)`).FindStringSubmatch(letters[0].Body)
	if found == nil {
		p.t.Fatalf("no link in %q", letters[0].Body)
	}
	return found[1]
}

func (b *browser) tryPassword(login, word string) *answer {
	b.t.Helper()
	return b.submit(b.get("/auth/sign_in"), "/auth/sign_in", url.Values{"login": {login}, "password": {word}})
}

func TestAForgottenPasswordIsReplacedByMailOnce(t *testing.T) {
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	storagetest.EachWith(t, storage.Options{Clock: func() time.Time { return now }}, func(t *testing.T, db *storage.DB) {
		now = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
		n := start(t, db, nil)
		post := openPost(t, db)
		c := n.register()
		phone := n.browser()
		tok := decode[token](n.ask("POST", "/oauth/token", c.exchange(phone.code(c), nil)).is(200))

		b := n.browser()
		b.get("/auth/sign_in").says(`href="/auth/forgot"`)
		ask := func(login string) *answer {
			t.Helper()
			return b.submit(b.get("/auth/forgot").is(200), "/auth/forgot", url.Values{"login": {login}})
		}
		// The same answer and the same work, whether there is such a person or not.
		here, nobody := ask("ana@sales.test").is(200), ask("nobody@sales.test").is(200)
		if here.body != nobody.body {
			t.Errorf("the answers differ:\n%s\n%s", here.body, nobody.body)
		}
		first := post.link("ana@sales.test")
		if jobs, err := db.EndedJobs(t.Context(), "", storage.Page{}); err != nil || len(jobs) > 0 {
			t.Errorf("%d jobs are buried, %v", len(jobs), err)
		}

		// A newer link ends an older one; each is good for an hour, and once.
		ask("@Ana").is(200)
		second := post.link("ana@sales.test")
		b.get(first).is(404).says("no longer good")
		b.get(second).is(200).says("token=", "lang=fr") // in the other language it is the same link
		page := b.get(second).is(200)                   // looking uses nothing up
		b.submit(page, "/auth/reset", url.Values{"new": {"short"}}).is(422)
		b.submit(page, "/auth/reset", url.Values{"new": {"motdepasse"}}).is(422).says("anybody would try")
		b.submit(page, "/auth/reset", url.Values{"new": {"battery staple"}}).is(200).says("is changed")
		b.submit(page, "/auth/reset", url.Values{"new": {"another staple"}}).is(404)
		if letters := post.deliver(); len(letters) != 1 || !strings.Contains(letters[0].Body, "password was changed") {
			t.Errorf("told of it: %+v", letters)
		}

		// Everything that was open is closed, and the new password opens.
		n.ask("GET", "/api/v1/whoami", "", "Authorization", "Bearer "+tok.AccessToken).is(401)
		phone.get("/auth/account").is(303)
		n.browser().tryPassword("ana", password).is(401)
		n.browser().tryPassword("ana", "battery staple").is(303)

		ask("ana").is(200)
		late := post.link("ana@sales.test")
		now = now.Add(people.ResetLife + time.Second)
		b.get(late).is(404)

		// Not the fifth time within an hour of the same name, whoever it is.
		for _, login := range []string{"luc", "noone"} {
			for range 5 {
				ask(login).is(200)
			}
			ask(login).is(429)
		}
	})
}

func TestASuspendedPersonGetsNoLink(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		post := openPost(t, db)
		b := n.browser()
		b.submit(b.get("/auth/forgot"), "/auth/forgot", url.Values{"login": {"ana"}}).is(200)
		link := post.link("ana@sales.test")
		if err := people.Suspend(t.Context(), db, "ana"); err != nil {
			t.Fatal(err)
		}
		b.get(link).is(404)
		b.submit(b.get("/auth/forgot"), "/auth/forgot", url.Values{"login": {"ana"}}).is(200)
		if letters := post.deliver(); len(letters) != 0 {
			t.Errorf("%+v", letters)
		}
	})
}

func TestAMailThatIsNotTakenIsTriedAgainOrBuried(t *testing.T) {
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	storagetest.EachWith(t, storage.Options{Clock: func() time.Time { return now }}, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		post := openPost(t, db)
		b := n.browser()
		ask := func() {
			b.submit(b.get("/auth/forgot"), "/auth/forgot", url.Values{"login": {"ana"}}).is(200)
		}
		post.Refuse("451 later")
		ask()
		if letters := post.deliver(); len(letters) != 0 {
			t.Fatalf("%+v", letters)
		}
		post.Refuse("")
		now = now.Add(10 * time.Minute)
		b.get(post.link("ana@sales.test")).is(200)
		post.Refuse("550 ana@sales.test: no such mailbox")
		ask()
		post.deliver()
		jobs, err := db.EndedJobs(t.Context(), "", storage.Page{})
		if err != nil || len(jobs) != 1 {
			t.Fatalf("%d failed jobs, %v", len(jobs), err)
		}
		if strings.Contains(jobs[0].Error, "@") || !strings.Contains(jobs[0].Error, "550") {
			t.Errorf("an admin reads %q", jobs[0].Error)
		}
	})
}

func TestAnotherAddressCountsOnceItIsConfirmed(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		post := openPost(t, db)
		b := n.browser()
		b.signIn("ana")
		change := func(word, email string) *answer {
			t.Helper()
			return b.submit(b.get("/auth/account"), "/auth/email", url.Values{"current": {word}, "email": {email}})
		}
		change("wrong horse", "new@sales.test").is(401)
		change(password, "a%b@sales.test").is(422)
		change(password, "New@sales.test").is(303)
		b.get("/auth/account").says("new@sales.test waits for you")
		link := post.link("new@sales.test")
		n.browser().tryPassword("new@sales.test", password).is(401)
		page := b.get(link).is(200).says("new@sales.test")
		b.submit(page, "/auth/confirm", nil).is(200)
		b.submit(page, "/auth/confirm", nil).is(404)
		if letters := post.deliver(); len(letters) != 1 || letters[0].To != "ana@sales.test" || !strings.Contains(letters[0].Body, "e-mail address was changed") {
			t.Errorf("the old address is told: %+v", letters)
		}
		n.browser().tryPassword("new@sales.test", password).is(303)
		n.browser().tryPassword("ana@sales.test", password).is(401)

		// Somebody else's address is found out by who reads its mail, and not taken.
		change(password, "luc@sales.test").is(303)
		page = b.get(post.link("luc@sales.test")).is(200)
		b.submit(page, "/auth/confirm", nil).is(409)
		n.browser().tryPassword("luc@sales.test", password).is(303)
	})
}

// letters finds the secret that a page shows.
var secretOf = regexp.MustCompile(`<code class="server">([A-Z2-7]{16,})</code>`)

func TestASecondFactorIsAskedForAndItsCodesCountOnce(t *testing.T) {
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	storagetest.EachWith(t, storage.Options{Clock: func() time.Time { return now }}, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		b := n.browser()
		b.signIn("ana")
		with := url.Values{"current": {password}}
		b.submit(b.get("/auth/account"), "/auth/factor", url.Values{"current": {"wrong horse"}}).is(401)
		page := b.submit(b.get("/auth/account"), "/auth/factor", with).is(200).says(`src="data:image/png;base64,`)
		secret := secretOf.FindStringSubmatch(page.body)[1]
		code := func() string {
			t.Helper()
			c, err := totp.GenerateCode(secret, now)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		// It isn't asked for before the person has shown a code of it.
		n.browser().tryPassword("ana", password).is(303)
		b.submit(page, "/auth/factor/confirm", url.Values{"code": {"000000"}}).is(422)
		shown := b.submit(page, "/auth/factor/confirm", url.Values{"code": {code()}}).is(200)
		recovery := regexp.MustCompile(`[a-z2-7]{4}(?:-[a-z2-7]{4}){3}`).FindAllString(shown.body, -1)
		if len(recovery) != 10 {
			t.Fatalf("%d recovery codes", len(recovery))
		}
		b.get("/auth/account").says("Recovery codes left: 10")

		phone := n.browser()
		step := phone.tryPassword("ana", password).is(200).says("One more step")
		if len(phone.cookies) != 0 {
			t.Error("the password alone signs in")
		}
		// The code that switched it on was used; nor does an older one count.
		phone.submit(step, "/auth/sign_in/code", url.Values{"code": {code()}}).is(401)
		now = now.Add(30 * time.Second)
		phone.submit(step, "/auth/sign_in/code", url.Values{"code": {code()}}).is(303)
		phone.get("/auth/account").is(200)
		phone.submit(step, "/auth/sign_in/code", url.Values{"code": {code()}}).is(401)

		other := n.browser()
		step = other.tryPassword("ana", password).is(200)
		other.submit(step, "/auth/sign_in/code", url.Values{"code": {code()}}).is(401)
		other.submit(step, "/auth/sign_in/code", url.Values{"code": {strings.ToUpper(recovery[3])}}).is(303)
		third := n.browser()
		step = third.tryPassword("ana", password).is(200)
		third.submit(step, "/auth/sign_in/code", url.Values{"code": {recovery[3]}}).is(401)

		// An app's sign-in asks for it too, and leads back to the question.
		c := n.register()
		app := n.browser()
		step = app.submit(app.get(c.authorize(nil)), "/auth/sign_in", url.Values{"login": {"ana"}, "password": {password}}).is(200)
		now = now.Add(30 * time.Second)
		if to := app.submit(step, "/auth/sign_in/code", url.Values{"code": {code()}}).is(303).Header.Get("Location"); !strings.HasPrefix(to, "/oauth/authorize?") {
			t.Errorf("leads to %s", to)
		}

		// A reset password doesn't take it away.
		link, err := people.ResetLink(t.Context(), db, "ana")
		if err != nil {
			t.Fatal(err)
		}
		fresh := n.browser()
		fresh.submit(fresh.get("/auth/reset?token="+link), "/auth/reset", url.Values{"new": {"battery staple"}}).is(200)
		fresh.tryPassword("ana", "battery staple").is(200).says("One more step")

		if err := people.RemoveFactor(t.Context(), db, "ana"); err != nil {
			t.Fatal(err)
		}
		fresh.tryPassword("ana", "battery staple").is(303)
	})
}

func TestGuessingCodesEnds(t *testing.T) {
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	storagetest.EachWith(t, storage.Options{Clock: func() time.Time { return now }}, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		ana := account(t, db, "ana")
		f, err := people.NewFactor("Sales", "ana")
		if err != nil {
			t.Fatal(err)
		}
		update(t, db, func(tx *storage.Tx) error {
			if err := tx.BeginSecondFactor(t.Context(), ana.ID, f.Secret); err != nil {
				return err
			}
			return tx.ConfirmSecondFactor(t.Context(), ana.ID, nil)
		})
		right, err := totp.GenerateCode(f.Secret, now)
		if err != nil {
			t.Fatal(err)
		}
		wrong := "000000"
		if right == wrong {
			wrong = "000001"
		}
		b := n.browser()
		tries := func() (got []int) {
			step := b.tryPassword("ana", password)
			for range 5 {
				got = append(got, b.submit(step, "/auth/sign_in/code", url.Values{"code": {wrong}}).StatusCode)
			}
			// The password has to be typed again, whatever code comes now.
			b.submit(step, "/auth/sign_in/code", url.Values{"code": {right}}).is(401)
			return got
		}
		tries()
		tries()
		step := b.tryPassword("ana", password).is(200)
		b.submit(step, "/auth/sign_in/code", url.Values{"code": {right}}).is(429)
		b.get("/auth/account").is(303)
		now = now.Add(9 * time.Minute)
		right, _ = totp.GenerateCode(f.Secret, now)
		b.submit(step, "/auth/sign_in/code", url.Values{"code": {right}}).is(303)
	})
}

func TestAPersonSignsOneOfTheirBrowsersOut(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := behind(start(t, db, nil))
		desk, phone, luc := n.browser(), n.browser(), n.browser()
		sign := func(b *browser, who, agent, from string) {
			b.send("POST", "/auth/sign_in", url.Values{"login": {who}, "password": {password}}, "User-Agent", agent, "X-Forwarded-For", from).is(303)
		}
		sign(phone, "ana", iphone, "198.51.100.66")
		sign(desk, "ana", firefox, "198.51.100.7")
		sign(luc, "luc", edge, "198.51.100.8")
		page := desk.get("/auth/account").is(200).says("Safari, iPhone", "198.51.100.66", "Firefox, Windows</strong> · this one")
		if strings.Contains(page.body, "Edge") {
			t.Error("ana sees luc's browser")
		}
		id := fieldsOf(t, page.body, "/auth/sessions/end").Get("id")
		// Luc can't end it.
		luc.submit(luc.get("/auth/account"), "/auth/sign_out", nil) // signs out himself
		sign(luc, "luc", edge, "198.51.100.8")
		csrf := fieldsOf(t, luc.get("/auth/account").body, "/auth/sign_out").Get("csrf")
		luc.send("POST", "/auth/sessions/end", url.Values{"csrf": {csrf}, "id": {id}}).is(303)
		phone.get("/auth/account").is(200)
		desk.submit(page, "/auth/sessions/end", nil).is(303)
		phone.get("/auth/account").is(303)
		desk.get("/auth/account").is(200)
	})
}

func TestACommunityManagerHighlightsAPost(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := start(t, db, nil)
		ana, luc := n.browser(), n.browser()
		ana.signIn("ana")
		luc.signIn("luc")
		post := &storage.NewPost{Post: storage.Post{AuthorID: account(t, db, "luc").ID, HTML: "<p>look</p>", Visibility: storage.Public, Circle: storage.CircleNetwork}}
		update(t, db, func(tx *storage.Tx) error { _, err := tx.AddPost(t.Context(), post); return err })
		press := func(b *browser, act string) *answer {
			csrf := fieldsOf(t, b.get("/auth/account").body, "/auth/sign_out").Get("csrf")
			return b.send("POST", "/p/"+storage.FormatID(post.ID)+"/"+act, url.Values{"csrf": {csrf}, "return": {"/entity"}})
		}
		if strings.Contains(ana.get("/entity").is(200).says("look").body, "/pick") {
			t.Error("a member may highlight")
		}
		press(ana, "pick").is(404)
		update(t, db, func(tx *storage.Tx) error {
			u, err := tx.UserByAccount(t.Context(), account(t, db, "ana").ID)
			if err != nil {
				return err
			}
			u.Role = storage.RoleCommunityManager
			return tx.SaveUser(t.Context(), u)
		})
		ana.get("/entity").is(200).says("/pick", ">Highlight<")
		press(ana, "pick").is(303)
		ana.get("/entity").is(200).says("/unpick", ">Highlighted<")
		if strings.Contains(luc.get("/entity").is(200).body, `pick" aria-pressed`) {
			t.Error("a member may highlight")
		}
		press(ana, "unpick").is(303)
		if picks, err := db.Picks(t.Context(), ""); err != nil || len(picks) != 0 {
			t.Errorf("%v %v", picks, err)
		}
	})
}
