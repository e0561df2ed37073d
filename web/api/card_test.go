package api_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"ruche/federation"
	"ruche/federation/preview"
	"ruche/storage"
	"ruche/storage/queue"
	"ruche/storage/storagetest"
	"ruche/web/api"
	"ruche/web/webtest"
)

// pages answers for the hosts of the world, and notes what it was asked.
type pages struct {
	asked []string
	down  bool
}

func (p *pages) Do(r *http.Request) (*http.Response, error) {
	p.asked = append(p.asked, r.URL.String())
	answer := func(status int, header, value, body string) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{header: {value}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
	switch {
	case p.down:
		return answer(503, "X", "y", "")
	case r.URL.Path == "/plan":
		return answer(200, "Content-Type", "text/html; charset=utf-8", `<html lang="fr"><title>Le <b>plan</b></title><meta name="description" content="Où nous allons"><meta property="og:image" content="https://evil.test/x.png">`)
	case r.URL.Path == "/away":
		return answer(302, "Location", "https://evil.test/", "")
	case r.URL.Path == "/picture":
		return answer(200, "Content-Type", "image/png", "\x89PNG")
	case r.URL.Path == "/huge":
		return answer(200, "Content-Type", "text/html", strings.Repeat("x", 1<<20+1))
	}
	return answer(404, "Content-Type", "text/html", "<title>Not there</title>")
}

func TestALinkIsShownWithWhatItsPageSays(t *testing.T) {
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	storagetest.EachWith(t, storage.Options{Clock: func() time.Time { return now }}, func(t *testing.T, db *storage.DB) {
		n := webtest.Start(t, db, nil)
		world := &pages{}
		client, err := federation.NewClient(federation.ClientConfig{Permit: federation.Listed(db, storage.SettingCardHosts)})
		check(t, err)
		client.Doer = world
		q := queue.New(db, queue.Options{})
		(&preview.Previews{DB: db, Client: client}).Register(q)
		n.Outbox.Register(q)
		ana, luc := n.Person("ana"), n.Person("luc")
		list := func(hosts string) {
			check(t, db.Update(t.Context(), func(tx *storage.Tx) error { return tx.SetSetting(t.Context(), storage.SettingCardHosts, hosts) }))
		}
		post := func(p *webtest.Person, text string) *api.Card {
			t.Helper()
			s := webtest.Into[api.Status](p.Ask("POST", "/api/v1/statuses", map[string]string{"status": text}).Is(200))
			_, err := q.Drain(t.Context())
			check(t, err)
			return webtest.Into[api.Status](luc.Ask("GET", "/api/v1/statuses/"+s.ID, nil).Is(200)).Card
		}
		if card := post(ana, "see https://wiki.test/plan"); card != nil || len(world.asked) > 0 {
			t.Fatalf("with an empty list: %+v, asked %v", card, world.asked)
		}
		list("wiki.test")
		card := post(ana, "hey @luc #plan see https://Wiki.test/plan#part and https://elsewhere.test/")
		if card == nil || card.Title != "Le <b>plan</b>" || card.Description != "Où nous allons" || card.URL != "https://wiki.test/plan" || card.Type != "link" || card.Image != nil || card.HTML != "" || *card.Language != "fr" || card.ProviderName != "wiki.test" {
			t.Fatalf("%+v", card)
		}
		if len(world.asked) != 1 {
			t.Errorf("asked %v", world.asked)
		}
		if card := post(luc, "again https://wiki.test/plan"); card == nil || len(world.asked) != 1 {
			t.Errorf("a second post: %+v, asked %v", card, world.asked)
		}
		for _, link := range []string{"https://wiki.test/away", "https://wiki.test/picture", "https://wiki.test/huge", "https://wiki.test/gone"} {
			if card := post(ana, link); card != nil {
				t.Errorf("%s: %+v", link, card)
			}
		}
		for _, asked := range world.asked {
			if !strings.HasPrefix(asked, "https://wiki.test/") {
				t.Errorf("asked %s", asked)
			}
		}

		// Who talks about it, and what is talked about most.
		timeline := webtest.Into[[]api.Status](luc.Ask("GET", "/api/v1/timelines/link?url=https%3A%2F%2Fwiki.test%2Fplan", nil).Is(200))
		if len(timeline) != 2 || timeline[0].Card == nil {
			t.Errorf("%d posts on the link's timeline", len(timeline))
		}
		luc.Ask("GET", "/api/v1/timelines/link?url=javascript:x", nil).Is(422)
		links := webtest.Into[[]api.TrendingLink](luc.Ask("GET", "/api/v1/trends/links", nil).Is(200))
		if len(links) != 1 || links[0].URL != "https://wiki.test/plan" {
			t.Errorf("%+v", links)
		}

		// Off the list, nothing is shown any more.
		list("other.test")
		home := webtest.Into[[]api.Status](ana.Ask("GET", "/api/v1/timelines/home", nil).Is(200))
		for _, s := range home {
			if s.Card != nil {
				t.Errorf("%+v", s.Card)
			}
		}
		luc.Ask("GET", "/api/v1/trends/links", nil).Is(200).Says("[]")

		// A page that doesn't answer is asked a few times and then left alone.
		list("wiki.test")
		world.down, world.asked = true, nil
		post(ana, "https://wiki.test/slow")
		for range 8 {
			now = now.Add(3 * time.Hour)
			_, err := q.Drain(t.Context())
			check(t, err)
		}
		if len(world.asked) < 2 || len(world.asked) > 4 {
			t.Errorf("asked %d times", len(world.asked))
		}
	})
}

func TestAnEditChangesTheCard(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := webtest.Start(t, db, nil)
		ana := n.Person("ana")
		check(t, db.Update(t.Context(), func(tx *storage.Tx) error {
			return tx.SetSetting(t.Context(), storage.SettingCardHosts, "wiki.test")
		}))
		s := webtest.Into[api.Status](ana.Ask("POST", "/api/v1/statuses", map[string]string{"status": "https://wiki.test/a"}).Is(200))
		check(t, db.Update(t.Context(), func(tx *storage.Tx) error {
			return tx.SaveCard(t.Context(), &storage.Card{URL: "https://wiki.test/a", Host: "wiki.test", Title: "A"})
		}))
		ana.Ask("GET", "/api/v1/statuses/"+s.ID, nil).Is(200).Says(`"title":"A"`)
		ana.Ask("GET", "/api/v1/statuses/"+s.ID+"/card", nil).Is(200).Says(`"title":"A"`)
		ana.Ask("PUT", "/api/v1/statuses/"+s.ID, map[string]string{"status": "nothing"}).Is(200).Says(`"card":null`)
		ana.Ask("GET", "/api/v1/statuses/"+s.ID+"/card", nil).Is(200).Says(`{}`)
		ana.Ask("PUT", "/api/v1/statuses/"+s.ID, map[string]string{"status": "https://wiki.test/a"}).Is(200).Says(`"title":"A"`)
		ana.Ask("DELETE", "/api/v1/statuses/"+s.ID, nil).Is(200)
	})
}
