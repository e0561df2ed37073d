package web_test

import (
	"net/url"
	"testing"

	"ruche/outbox"
	"ruche/outbox/moderation"
	"ruche/outbox/people"
	"ruche/storage"
	"ruche/storage/storagetest"
)

func TestWhoIsHeldReadsWhyAppealsAndDoesNothingElse(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := lived(t, db)
		desk := &moderation.Desk{DB: db, Outbox: &outbox.Outbox{DB: db}}
		for name, what := range map[string]string{"ana": storage.MeasureFreeze, "luc": storage.MeasureSuspend} {
			ana, err := db.AccountByName(t.Context(), name, "")
			if err != nil {
				t.Fatal(err)
			}
			b := n.browser()
			b.signIn(ana.Username)
			b.get("/auth/account").is(200)
			strike, err := desk.Act(t.Context(), moderation.Measure{Account: ana.ID, What: what, Text: "you wrote 500 posts in a minute"})
			if err != nil {
				t.Fatal(err)
			}
			if what == storage.MeasureSuspend {
				b.get("/auth/warnings").is(303) // signed out; the password still shows who it is
			}
			b = n.member(ana.Username)
			for _, page := range []string{"/auth/account", "/oauth/authorize", "/home", "/auth/charter"} {
				if to := b.get(page).is(303).Header.Get("Location"); to != "/auth/warnings" {
					t.Errorf("%s: %s leads to %s", what, page, to)
				}
			}
			csrf := csrfIn(t, b.get("/auth/warnings").is(200).says("500 posts in a minute").body)
			b.send("POST", "/auth/password", url.Values{"csrf": {csrf}, "current": {password}, "new": {"another pass phrase"}}).is(303)
			b.submit(b.get("/auth/warnings"), "/auth/warnings", url.Values{"appeal": {" "}}).is(422)
			b.submit(b.get("/auth/warnings"), "/auth/warnings", url.Values{"appeal": {"It was the printer."}}).is(303)
			b.get("/auth/warnings").is(200).says("It was the printer.")
			if u, err := db.UserByAccount(t.Context(), ana.ID); err != nil || !people.CheckPassword(u.PasswordHash, password) {
				t.Errorf("%s: who is held changed the password: %v", what, err)
			}
			if err := desk.Decide(t.Context(), strike.ID, true); err != nil {
				t.Fatal(err)
			}
			b.get("/auth/account").is(200)
		}
	})
}
