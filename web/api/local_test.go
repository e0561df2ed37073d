package api_test

import (
	"testing"
	"time"

	"ruche/storage"
	"ruche/storage/storagetest"
	"ruche/web/api"
	"ruche/web/webtest"
)

// Apps of Mastodon's forks say that a post stays at home in two ways. Whatever else is said beside
// them, nothing is wider than the narrowest of it.
func TestAPostStaysOnTheNodeAsForksOfMastodonSayIt(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := webtest.Start(t, db, nil)
		ana := n.Person("ana")
		for name, tc := range map[string]struct {
			ask                map[string]any
			circle, visibility string
			def                string // the account's own circle
		}{
			"local_only":                       {map[string]any{"status": "x", "local_only": true}, "node", "public", ""},
			"local_only as text":               {map[string]any{"status": "x", "local_only": "1"}, "node", "public", ""},
			"local_only to followers":          {map[string]any{"status": "x", "local_only": true, "visibility": "private"}, "node", "followers", ""},
			"visibility local":                 {map[string]any{"status": "x", "visibility": "local"}, "node", "public", ""},
			"both":                             {map[string]any{"status": "x", "visibility": "local", "local_only": true}, "node", "public", ""},
			"with the line for it":             {map[string]any{"status": "x\n!node", "local_only": true}, "node", "public", ""},
			"narrower than the default":        {map[string]any{"status": "x", "local_only": true}, "node", "public", "organisation"},
			"false widens no default":          {map[string]any{"status": "x", "local_only": false}, "node", "public", "node"},
			"false with a line":                {map[string]any{"status": "x\n!organisation", "local_only": false}, "organisation", "public", ""},
			"said by nobody":                   {map[string]any{"status": "x"}, "network", "public", ""},
			"local_only, but the line is more": {map[string]any{"status": "x\n!network", "local_only": true}, "", "", ""},
			"local, but the line is more":      {map[string]any{"status": "x\n!organisation", "visibility": "local"}, "", "", ""},
			"local, but local_only false":      {map[string]any{"status": "x", "visibility": "local", "local_only": false}, "", "", ""},
		} {
			t.Run(name, func(t *testing.T) {
				def := tc.def
				if def == "" {
					def = storage.CircleNetwork
				}
				check(t, db.Update(t.Context(), func(tx *storage.Tx) error {
					u, err := tx.UserByAccount(t.Context(), ana.ID)
					if err != nil {
						return err
					}
					u.DefaultCircle = def
					return tx.SaveUser(t.Context(), u)
				}))
				answer := ana.Ask("POST", "/api/v1/statuses", tc.ask)
				later := map[string]any{"scheduled_at": db.Now().Add(time.Hour).Format(time.RFC3339)}
				for k, v := range tc.ask {
					later[k] = v
				}
				scheduled := ana.Ask("POST", "/api/v1/statuses", later)
				if tc.circle == "" {
					answer.Is(422).Says("choose")
					scheduled.Is(422)
					return
				}
				s := webtest.Into[api.Status](answer.Is(200))
				p, err := db.PostByID(t.Context(), storage.ParseID(s.ID))
				check(t, err)
				if p.Circle != tc.circle || p.Visibility != tc.visibility || s.LocalOnly != (tc.circle == "node") || p.Text != "x" {
					t.Errorf("circle %s, visibility %s, local_only %v, text %q", p.Circle, p.Visibility, s.LocalOnly, p.Text)
				}
				waiting := webtest.Into[api.ScheduledStatus](scheduled.Is(200))
				if local := tc.ask["local_only"] == true || tc.ask["local_only"] == "1" || tc.ask["visibility"] == "local"; waiting.Params.LocalOnly != local {
					t.Errorf("scheduled: local_only %v", waiting.Params.LocalOnly)
				}
				if tc.circle == "node" {
					ana.Ask("PUT", "/api/v1/statuses/"+s.ID, map[string]any{"status": "y", "local_only": true}).Is(200).Says(`"local_only":true`)
					ana.Ask("PUT", "/api/v1/statuses/"+s.ID, map[string]any{"status": "y", "local_only": false}).Is(200).Says(`"local_only":true`)
				} else {
					ana.Ask("PUT", "/api/v1/statuses/"+s.ID, map[string]any{"status": "y", "local_only": true}).Is(422).Says("can't change")
					ana.Ask("PUT", "/api/v1/statuses/"+s.ID, map[string]any{"status": "y", "visibility": "local"}).Is(422)
				}
			})
		}
	})
}
