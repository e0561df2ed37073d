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
		ana.Ask("POST", again, map[string]string{"email": "nothing"}).Is(422).Says("e-mail")
		ana.Ask("POST", again, map[string]string{"email": "Other@sales.test"}).Is(200)
		after, err := db.Counts(ctx)
		check(t, err)
		if after["jobs"] != before["jobs"]+2 {
			t.Errorf("%d mails wait", after["jobs"]-before["jobs"])
		}
		u, err := db.UserByAccount(ctx, ana.ID)
		check(t, err)
		if u.PendingEmail != "other@sales.test" || u.Email != "ana@sales.test" {
			t.Errorf("%+v", u)
		}
		// The same address as now: nothing waits any more.
		ana.Ask("POST", again, map[string]string{"email": "ana@sales.test"}).Is(200)
		ana.Ask("GET", confirmed, nil).Is(200).Says("true")
	})
}
