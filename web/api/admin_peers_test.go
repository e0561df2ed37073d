package api_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"ruche/storage"
	"ruche/storage/storagetest"
	"ruche/web/api"
	"ruche/web/webtest"
)

func TestAProgramKeepsThePeersAsAListSays(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		s := staffedNode(t, db)
		const path = "/api/ruche/v1/peers"
		list := func(prune bool, peers ...map[string]any) map[string]any {
			return map[string]any{"prune": prune, "peers": peers}
		}
		labo := map[string]any{"host": "Labo.test", "tier": "sibling", "note": "our laboratory", "in": []string{"posts", "follows"}, "ends": "2030-01-01T00:00:00Z"}
		hosts := func() string {
			t.Helper()
			var out []string
			for _, p := range webtest.Into[api.PeerList](s.Ask("GET", path, s.asMia, nil).Is(200)).Peers {
				out = append(out, p.Host)
			}
			return strings.Join(out, " ")
		}

		tried := webtest.Into[api.PeerPlan](s.Ask("PUT", path+"?dry_run=true", s.asAda, list(false, labo)).Is(200))
		if !tried.DryRun || len(tried.Steps) != 1 || tried.Steps[0].What != "add" || tried.Steps[0].Before != nil || tried.Steps[0].After.Tier != "sibling" || hosts() != "" {
			t.Errorf("the rehearsal says %+v, and leaves %q", tried, hosts())
		}
		s.Ask("PUT", path+"?why=as+agreed", s.asAda, list(false, labo, map[string]any{"host": "ami.test"})).Is(200).Says(`"problems":[]`)
		s.said(storage.ActionPeerAllow, "@ada", "as agreed")
		if hosts() != "ami.test labo.test" {
			t.Error(hosts())
		}
		shown := s.Ask("GET", path+"/LABO.test", s.asMia, nil).Is(200).Says(`"tier":"sibling"`, `"state":"active"`, `"in":["follows","posts"]`, `"ends":"2030-01-01T00:00:00Z"`, `"link":{`)
		// What was read can be sent back as it is, and changes nothing.
		back := webtest.Into[map[string]any](shown)
		s.Ask("PUT", path+"/labo.test", s.asAda, back).Is(200).Says(`"what":"same"`)
		back["note"] = "still ours"
		s.Ask("PUT", path+"/labo.test?dry_run=1", s.asAda, back).Is(200).Says(`"what":"change"`)
		s.Ask("GET", path+"/labo.test", s.asMia, nil).Is(200).Says("our laboratory")
		s.Ask("PUT", path+"/labo.test", s.asAda, back).Is(200).Says(`"note":"our laboratory"`, `"note":"still ours"`)
		s.said(storage.ActionPeerChange, "@ada", "")
		s.Ask("PUT", path+"/labo.test", s.asAda, map[string]any{"state": "blocked"}).Is(200)
		s.said(storage.ActionPeerBlock, "@ada", "")

		// Each entry that can't be used is named; the others are used.
		mixed := s.Ask("PUT", path, s.asAda, list(false, map[string]any{"host": "bon.test"}, map[string]any{"host": "not a host"}, map[string]any{"host": "x.test", "tier": "friend"}, map[string]any{"host": "sales.test"},
			map[string]any{"host": "y.test", "in": []string{"gossip"}}, map[string]any{"host": "bon.test"}, map[string]any{"host": "z.test", "rate": -1}, map[string]any{"host": "w.test", "in": []string{}, "out": []string{}},
			map[string]any{"host": "v.test", "state": "awaiting"}, map[string]any{"host": "u.test", "note": strings.Repeat("x", 2001)}, map[string]any{"host": "t.test", "contact": strings.Repeat("x", 501)},
			map[string]any{"host": "s.test", "rate": 1_000_001}, map[string]any{"host": "r.test", "media_hosts": slices.Repeat([]string{"m.test"}, 101)})).Is(422)
		plan := webtest.Into[api.PeerPlan](mixed)
		if plan.Error == "" || len(plan.Steps) != 1 || plan.Steps[0].Host != "bon.test" || len(plan.Problems) != 12 {
			t.Errorf("%+v", plan)
		}
		for i, why := range []string{"not a host", "friend", "this node itself", "gossip", "named twice", "negative", "no right at all", "awaiting", "2000", "500", "1000000", "100 hosts"} {
			if p := plan.Problems[i]; p.Entry != i+2 || !strings.Contains(p.Why, why) {
				t.Errorf("problem %d is %+v, which doesn't say %q", i, p, why)
			}
		}
		if hosts() != "ami.test bon.test labo.test" {
			t.Error(hosts())
		}
		s.Ask("PUT", path+"?dry_run=true", s.asAda, list(true, map[string]any{"host": "bon.test"})).Is(200).Says(`"what":"remove","host":"ami.test"`)
		s.Ask("PUT", path+"?why=the+year+ended", s.asAda, list(true, map[string]any{"host": "bon.test"})).Is(200)
		s.said(storage.ActionPeerRemove, "@ada", "the year ended")
		if hosts() != "bon.test" {
			t.Error(hosts())
		}

		s.Ask("DELETE", path+"/bon.test?dry_run=true", s.asAda, nil).Is(200).Says(`"dry_run":true`)
		if hosts() != "bon.test" {
			t.Error("a rehearsal removed bon.test")
		}
		s.Ask("DELETE", path+"/bon.test?why=gone", s.asAda, nil).Is(200).Says(`"what":"remove"`)
		s.said(storage.ActionPeerRemove, "@ada", "gone")
		s.Ask("DELETE", path+"/bon.test", s.asAda, nil).Is(404)
		s.Ask("GET", path+"/nobody.test", s.asAda, nil).Is(404)
		s.Ask("GET", path+"/no%20host", s.asAda, nil).Is(404)
		s.Ask("PUT", path+"/*.example.test", s.asAda, map[string]any{}).Is(200).Says(`"host":"*.example.test"`)

		for body, says := range map[string]string{
			`{"tiers":"partner"}`: `no key \"tiers\"`, `{"rate":"fast"}`: "rate", ``: "empty", `{"host":"other.test"}`: "address says", `{"ends":"soon"}`: "soon",
		} {
			if a := raw(t, s, "PUT", path+"/labo.test", s.asAda, body); a.StatusCode != 422 && a.StatusCode != 400 || !strings.Contains(a.Body, says) {
				t.Errorf("%s: %d %s", body, a.StatusCode, a.Body)
			}
		}
		raw(t, s, "PUT", path+"/labo.test", s.asAda, `{"note":`).Is(400)
		raw(t, s, "PUT", path+"/labo.test", s.asAda, `{} {}`).Is(400)
		raw(t, s, "PUT", path+"/labo.test", s.asAda, `{"note":"`+strings.Repeat("x", 1<<20)+`"}`).Is(413)
		s.Ask("PUT", path+"/labo.test?dry_run=maybe", s.asAda, map[string]any{}).Is(422).Says("dry_run")
		s.Ask("PUT", path+"/labo.test?why="+strings.Repeat("x", 1001), s.asAda, map[string]any{}).Is(422).Says("why")

		s.Ask("PUT", path+"/d.test", s.asMia, map[string]any{}).Is(403).Says("owners and admins")
		s.Ask("DELETE", path+"/d.test", s.asMia, nil).Is(403)
		s.Ask("GET", path, s.asMember, nil).Is(403)
		s.Ask("PUT", path, s.Token(s.ada.ID, "admin:read"), list(true)).Is(403).Says("admin:write")
	})
}

// raw sends a body as it stands.
func raw(t *testing.T, s *staffed, method, path, token, body string) *webtest.Answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	check(t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := s.Client().Do(r)
	check(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	check(t, err)
	return &webtest.Answer{Response: res, T: t, Body: string(text)}
}
