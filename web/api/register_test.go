package api_test

import (
	"testing"

	"ruche/outbox/people"
	"ruche/storage"
	"ruche/storage/storagetest"
	"ruche/web/webtest"
)

// An app may make its person's account, through the same door as the page.
func TestAnAppMakesAnAccountForItsPerson(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		n.Person("ana")
		cli := storage.ActingAs(ctx, storage.Actor{Kind: storage.ActorCLI})
		app := n.Token(0, "read write:accounts write:statuses")
		const path = "/api/v1/accounts"
		form := func(name string, more ...string) map[string]any {
			m := map[string]any{"username": name, "email": name + "@new.test", "password": "correct horse", "agreement": true, "locale": "fr-CA"}
			for i := 0; i+1 < len(more); i += 2 {
				m[more[i]] = more[i+1]
			}
			return m
		}
		n.Ask("POST", path, n.Token(0, "read"), form("eve")).Is(403).Says("write:accounts")
		n.Ask("POST", path, app, form("eve")).Is(403).Says("by invitation")
		n.Ask("GET", "/api/v1/instance", "", nil).Is(200).Says(`"registrations":false`)
		check(t, db.Update(cli, func(tx *storage.Tx) error { return tx.Choose(cli, storage.SettingJoin, storage.JoinApproval) }))
		n.Ask("GET", "/api/v1/instance", "", nil).Is(200).Says(`"registrations":true`, `"approval_required":true`)
		n.Ask("GET", "/api/v2/instance", "", nil).Is(200).Says(`"enabled":true,"approval_required":true,"reason_required":true`)
		refusing := form("eve", "reason", "I keep bees")
		refusing["agreement"] = false
		n.Ask("POST", path, app, refusing).Is(422).Says("Agreement")
		n.Ask("POST", path, app, form("eve")).Is(422).Says("sentence")
		n.Ask("POST", path, app, form("Ana", "reason", "me again")).Is(422).Says("taken")
		n.Ask("POST", path, app, form("e v", "reason", "x")).Is(422).Says("no username")

		// The token counts once somebody has let its person in.
		token := webtest.Into[struct {
			AccessToken string `json:"access_token"`
			Scope       string
		}](n.Ask("POST", path, app, form("eve", "reason", "I keep bees")).Is(200))
		n.Ask("GET", "/api/v1/accounts/verify_credentials", token.AccessToken, nil).Is(403).Says("pending approval")
		// As does the one of somebody whose address another has: nobody learns of it.
		other := webtest.Into[struct {
			AccessToken string `json:"access_token"`
		}](n.Ask("POST", path, app, form("other", "reason", "x", "email", "ana@sales.test")).Is(200))
		n.Ask("GET", "/api/v1/accounts/verify_credentials", other.AccessToken, nil).Is(403).Says("pending approval")
		waits, err := db.SignUps(ctx, storage.Page{})
		check(t, err)
		if len(waits) != 1 || waits[0].Username != "eve" || waits[0].Locale != "fr" {
			t.Fatalf("%+v", waits)
		}
		_, err = people.Approve(cli, db, waits[0].ID, false)
		check(t, err)
		n.Ask("POST", "/api/v1/statuses", token.AccessToken, map[string]string{"status": "hello"}).Is(200).Says(`"acct":"eve"`)

		// With an invitation it counts at once; with one that is over there is no account.
		_, secret, err := people.InvitePeople(cli, db, people.Invite{})
		check(t, err)
		n.Ask("POST", path, app, form("zoe", "invite_code", "wrong")).Is(403).Says("no invitation of this node")
		zoe := webtest.Into[struct {
			AccessToken string `json:"access_token"`
		}](n.Ask("POST", path, app, form("zoe", "invite_code", secret)).Is(200))
		n.Ask("POST", "/api/v1/statuses", zoe.AccessToken, map[string]string{"status": "hello"}).Is(200)
		n.Ask("POST", path, app, form("max", "invite_code", secret)).Is(403).Says("used up")

		// Where there is a charter, it is read first.
		check(t, db.Update(cli, func(tx *storage.Tx) error { return tx.Choose(cli, storage.SettingCharterEN, "Be kind.") }))
		n.Ask("POST", path, app, form("max", "reason", "x")).Is(403).Says("/auth/join")
	})
}
