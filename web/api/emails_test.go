package api_test

import (
	"testing"

	"ruche/storage"
	"ruche/storage/storagetest"
	"ruche/web/webtest"
)

func TestALinkToConfirmAnAddressIsSentAgain(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		ana := n.Person("ana")
		const again, confirmed = "/api/v1/emails/confirmations", "/api/v1/emails/check_confirmation"
		ana.Ask("POST", again, nil).Is(403).Says("awaiting confirmation")
		ana.Ask("GET", confirmed, nil).Is(200).Says("true")
		check(t, db.Update(ctx, func(tx *storage.Tx) error {
			u, err := tx.UserByAccount(ctx, ana.ID)
			if err != nil {
				return err
			}
			u.PendingEmail = "new@sales.test"
			return tx.SaveUser(ctx, u)
		}))
		ana.Ask("GET", confirmed, nil).Is(200).Says("false")
		before, err := db.Counts(ctx)
		check(t, err)
		if got := ana.Ask("POST", again, nil).Is(200).Body; got != "{}" {
			t.Error(got)
		}
		ana.Ask("POST", again, map[string]string{"email": "New@sales.test"}).Is(200)
		after, err := db.Counts(ctx)
		check(t, err)
		if after["jobs"] != before["jobs"]+2 {
			t.Errorf("%d mails wait", after["jobs"]-before["jobs"])
		}
		// An app, which may hold the narrowest token, sends no link to an address of its own choosing.
		narrow := n.Token(ana.ID, "read:search")
		for _, email := range []string{"eve@elsewhere.test", "nothing", "ana@sales.test"} {
			n.Ask("POST", again, narrow, map[string]string{"email": email}).Is(422).Says("password")
		}
		u, err := db.UserByAccount(ctx, ana.ID)
		check(t, err)
		if u.PendingEmail != "new@sales.test" || u.Email != "ana@sales.test" {
			t.Errorf("%+v", u)
		}
	})
}
