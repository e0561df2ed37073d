package api_test

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"ruche/storage"
	"ruche/storage/storagetest"
	"ruche/web/api"
	"ruche/web/webtest"
)

// A refusal is a request and what is said of it.
type refusal struct {
	method, path string
	body         any
	status       int
	says         string
}

func refuse(t *testing.T, p *webtest.Person, cases map[string]refusal) {
	t.Helper()
	for name, c := range cases {
		a := p.Ask(c.method, "/api/"+c.path, c.body)
		if a.StatusCode != c.status || !strings.HasPrefix(a.Body, `{"error":"`) || !strings.Contains(a.Body, c.says) {
			t.Errorf("%s: %s %s answers %d %s, want %d with %q", name, c.method, c.path, a.StatusCode, a.Body, c.status, c.says)
		}
	}
}

type object = map[string]any

func TestWhatIsOfAnotherTypeIsRefused(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := webtest.Start(t, db, nil)
		ana := n.Person("ana")
		refuse(t, ana, map[string]refusal{
			"a limit in letters":       {"GET", "v1/timelines/home?limit=many", nil, 422, "limit"},
			"an id in letters":         {"GET", "v1/statuses/abc", nil, 404, ""},
			"an id of 40 digits":       {"GET", "v1/statuses/" + strings.Repeat("9", 40), nil, 404, ""},
			"a negative id":            {"GET", "v1/statuses/-1", nil, 404, ""},
			"maybe":                    {"POST", "v1/statuses", object{"status": "x", "sensitive": "maybe"}, 422, "sensitive"},
			"a number of files":        {"POST", "v1/statuses", object{"status": "x", "media_ids": []any{1.5}}, 422, "media_ids"},
			"an object for a text":     {"POST", "v1/statuses", object{"status": object{"text": "x"}}, 422, "can't be blank"},
			"a time in words":          {"POST", "v1/statuses", object{"status": "x", "scheduled_at": "tomorrow"}, 422, "scheduled_at"},
			"a poll without end":       {"POST", "v1/statuses", object{"status": "x", "poll": object{"options": []string{"a", "b"}, "expires_in": "soon"}}, 422, "expires_in"},
			"a poll of one":            {"POST", "v1/statuses", object{"status": "x", "poll": object{"options": []string{"a"}, "expires_in": 3600}}, 422, ""},
			"a list as document":       {"POST", "v1/statuses", []string{"x"}, 400, "object"},
			"nested without end":       {"POST", "v1/statuses", object{"a": object{"a": object{"a": object{"a": object{"a": object{"a": object{"a": object{"a": object{"a": 1}}}}}}}}}, 400, "deeply"},
			"ids in letters":           {"GET", "v1/accounts/relationships?id[]=abc", nil, 422, "id"},
			"a focus in words":         {"PUT", "v1/media/1", object{"focus": "middle"}, 404, ""},
			"a vote in words":          {"POST", "v1/polls/1/votes", object{"choices": []string{"first"}}, 404, ""},
			"a time to mute for":       {"POST", "v1/accounts/" + storage.FormatID(ana.ID) + "/mute", object{"duration": "long"}, 422, ""},
			"an offset in words":       {"GET", "v2/search?q=x&offset=far", nil, 422, "offset"},
			"a marker in letters":      {"POST", "v1/markers", object{"home": object{"last_read_id": "abc"}}, 422, "last_read_id"},
			"an expiry in words":       {"POST", "v2/filters", object{"title": "x", "context": []string{"home"}, "expires_in": "soon"}, 422, "expires_in"},
			"a list of accounts":       {"POST", "v1/reports", object{"account_id": "abc"}, 422, "account_id"},
			"a picture that is a text": {"PATCH", "v1/accounts/update_credentials", object{"avatar": "http://elsewhere.test/x.png"}, 422, "avatar"},
		})
		raw := func(kind, body string) *webtest.Answer {
			t.Helper()
			r, err := http.NewRequestWithContext(t.Context(), "POST", n.URL+"/api/v1/statuses", strings.NewReader(body))
			check(t, err)
			r.Header.Set("Content-Type", kind)
			r.Header.Set("Authorization", "Bearer "+ana.Token)
			res, err := http.DefaultClient.Do(r)
			check(t, err)
			defer res.Body.Close()
			answer, err := io.ReadAll(res.Body)
			check(t, err)
			return &webtest.Answer{Response: res, T: t, Body: string(answer)}
		}
		raw("application/json", `{"status":`).Is(400).Says(`{"error":"`)
		raw("application/json", `{"status":"x"} {}`).Is(400)
		raw("application/json", `"x"`).Is(400)
		raw("text/plain", "status=x").Is(415)
		raw("a kind; of", "status=x").Is(415)
		raw("application/x-www-form-urlencoded", "status=%zz").Is(400)
		raw("application/json", `{"status":"`+strings.Repeat("x", 1<<20)+`"}`).Is(413)
		if got := len(webtest.Into[[]api.Status](ana.Ask("GET", "/api/v1/accounts/"+storage.FormatID(ana.ID)+"/statuses", nil).Is(200))); got != 0 {
			t.Errorf("%d posts came of it", got)
		}
	})
}

func TestAWordThatNobodyKnowsIsRefused(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := webtest.Start(t, db, nil)
		ana, luc := n.Person("ana"), n.Person("luc")
		list := webtest.Into[struct{ ID string }](ana.Ask("POST", "/api/v1/lists", object{"title": "x"}).Is(200)).ID
		refuse(t, ana, map[string]refusal{
			"visibility":         {"POST", "v1/statuses", object{"status": "x", "visibility": "everybody"}, 422, "everybody"},
			"quote policy":       {"POST", "v1/statuses", object{"status": "x", "quote_approval_policy": "friends"}, 422, ""},
			"default visibility": {"PATCH", "v1/accounts/update_credentials", object{"source": object{"privacy": "everybody"}}, 422, "everybody"},
			"context":            {"POST", "v2/filters", object{"title": "x", "context": []string{"kitchen"}}, 422, "context"},
			"no context":         {"POST", "v2/filters", object{"title": "x"}, 422, "Context"},
			"filter action":      {"POST", "v2/filters", object{"title": "x", "context": []string{"home"}, "filter_action": "burn"}, 422, "filter_action"},
			"replies policy":     {"POST", "v1/lists", object{"title": "x", "replies_policy": "some"}, 422, "replies_policy"},
			"changed policy":     {"PUT", "v1/lists/" + list, object{"title": "x", "replies_policy": "some"}, 422, "replies_policy"},
			"kind of search":     {"GET", "v2/search?q=x&type=everything", nil, 422, "type"},
			"report category":    {"POST", "v1/reports", object{"account_id": storage.FormatID(luc.ID), "category": "boring"}, 422, "category"},
			"policy of news":     {"PATCH", "v2/notifications/policy", object{"for_not_following": "burn"}, 422, "for_not_following"},
		})
	})
}

func TestWhatIsTooLongIsRefusedWithItsLimit(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := webtest.Start(t, db, nil)
		ana, luc := n.Person("ana"), n.Person("luc")
		list := webtest.Into[struct{ ID string }](ana.Ask("POST", "/api/v1/lists", object{"title": "x"}).Is(200)).ID
		file, err := ana.UploadMediaFromBytes(t.Context(), picture(t))
		check(t, err)
		long := func(letters int) string { return strings.Repeat("é", letters) }
		refuse(t, ana, map[string]refusal{
			"a post":          {"POST", "v1/statuses", object{"status": long(5001)}, 422, "5000"},
			"a warning":       {"POST", "v1/statuses", object{"status": "x", "spoiler_text": long(5001)}, 422, "5000"},
			"a choice":        {"POST", "v1/statuses", object{"status": "x", "poll": object{"options": []string{"a", long(1000)}, "expires_in": 3600}}, 422, "characters"},
			"choices":         {"POST", "v1/statuses", object{"status": "x", "poll": object{"options": strings.Split(strings.Repeat("a,", 50), ","), "expires_in": 3600}}, 422, "2 to 10 options"},
			"a name":          {"PATCH", "v1/accounts/update_credentials", object{"display_name": long(61)}, 422, "60"},
			"a biography":     {"PATCH", "v1/accounts/update_credentials", object{"note": long(1001)}, 422, "1000"},
			"a field":         {"PATCH", "v1/accounts/update_credentials", object{"fields_attributes": []object{{"name": "x", "value": long(256)}}}, 422, "255"},
			"a list's title":  {"POST", "v1/lists", object{"title": long(300)}, 422, "characters"},
			"changed title":   {"PUT", "v1/lists/" + list, object{"title": long(300)}, 422, "characters"},
			"a filter":        {"POST", "v2/filters", object{"title": long(300), "context": []string{"home"}}, 422, "characters"},
			"an old filter":   {"POST", "v1/filters", object{"phrase": long(600), "context": []string{"home"}}, 422, "characters"},
			"alt text":        {"PUT", "v1/media/" + string(file.ID), object{"description": long(1501)}, 422, "1500"},
			"a note":          {"POST", "v1/accounts/" + storage.FormatID(luc.ID) + "/note", object{"comment": long(2001)}, 422, "2000"},
			"a report":        {"POST", "v1/reports", object{"account_id": storage.FormatID(luc.ID), "comment": long(1001)}, 422, "1000"},
			"a featured tag":  {"POST", "v1/featured_tags", object{"name": long(300)}, 422, ""},
			"an app":          {"POST", "v1/apps", object{"client_name": strings.Repeat("x", 201), "redirect_uris": "urn:ietf:wg:oauth:2.0:oob"}, 422, "200"},
			"ids at once":     {"GET", "v1/accounts/relationships?" + strings.Repeat("id[]=1&", 200), nil, 422, ""},
			"files of a post": {"POST", "v1/statuses", object{"status": "x", "media_ids": []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17"}}, 422, ""},
		})
	})
}

func TestAFileThatCannotBeShownIsRefused(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := webtest.Start(t, db, nil)
		ana := n.Person("ana")
		upload := func(path, field, name string, content []byte) *webtest.Answer {
			t.Helper()
			var body bytes.Buffer
			m := multipart.NewWriter(&body)
			part, err := m.CreateFormFile(field, name)
			check(t, err)
			_, err = part.Write(content)
			check(t, err)
			check(t, m.Close())
			r, err := http.NewRequestWithContext(t.Context(), "POST", n.URL+path, &body)
			check(t, err)
			r.Header.Set("Content-Type", m.FormDataContentType())
			r.Header.Set("Authorization", "Bearer "+ana.Token)
			res, err := http.DefaultClient.Do(r)
			check(t, err)
			defer res.Body.Close()
			answer, err := io.ReadAll(res.Body)
			check(t, err)
			return &webtest.Answer{Response: res, T: t, Body: string(answer)}
		}
		for name, content := range map[string][]byte{
			"empty.png":   {},
			"broken.png":  []byte("\x89PNG\r\n\x1a\nnot really"),
			"page.html":   []byte("<!doctype html><script>alert(1)</script>"),
			"drawing.svg": []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`),
			"program.exe": []byte("MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00"),
		} {
			for _, path := range []string{"/api/v1/media", "/api/v2/media"} {
				if a := upload(path, "file", name, content); a.StatusCode != 422 || !strings.HasPrefix(a.Body, `{"error":"`) {
					t.Errorf("%s to %s: %d %s", name, path, a.StatusCode, a.Body)
				}
			}
		}
		upload("/api/v2/media", "picture", "x.png", nil).Is(422).Says("file")
		ana.Ask("POST", "/api/v2/media", object{"file": "x"}).Is(422).Says("file")
	})
}

func TestWhoIsSuspendedNeitherActsNorIsMet(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := webtest.Start(t, db, nil)
		ana, luc := n.Person("ana"), n.Person("luc")
		post := says(t, ana, "hello #bees")[0]
		narrow := n.Token(luc.ID, "read:statuses")
		check(t, db.Update(t.Context(), func(tx *storage.Tx) error { _, err := tx.SuspendAccount(t.Context(), ana.ID); return err }))
		ana.Ask("POST", "/api/v1/statuses", object{"status": "x"}).Is(401)
		n.Of(ana.Account).Ask("POST", "/api/v1/statuses", object{"status": "x"}).Is(403).Says("disabled")
		path := "/api/v1/accounts/" + storage.FormatID(ana.ID)
		luc.Ask("GET", path, nil).Is(200).Says(`"suspended":true`)
		for _, list := range []string{path + "/statuses", path + "/followers", path + "/following", "/api/v1/timelines/tag/bees", "/api/v1/timelines/public"} {
			if a := luc.Ask("GET", list, nil).Is(200); a.Body != "[]" {
				t.Errorf("%s: %s", list, a.Body)
			}
		}
		luc.Ask("GET", "/api/v1/statuses/"+string(post), nil).Is(404)
		for _, act := range []string{"favourite", "reblog", "bookmark"} {
			luc.Ask("POST", "/api/v1/statuses/"+string(post)+"/"+act, nil).Is(404)
		}
		// A right that isn't there is named.
		n.Ask("POST", "/api/v1/statuses", narrow, object{"status": "x"}).Is(403).Says(`{"error":"`, "write:statuses")
		n.Ask("GET", "/api/v1/notifications", narrow, nil).Is(403).Says("read:notifications")
	})
}

// TestWhatNobodyBuiltIsNotThereInJSON walks what Mastodon has and we don't.
func TestWhatNobodyBuiltIsNotThereInJSON(t *testing.T) {
	db := storagetest.OpenWith(t, storage.Options{URL: storagetest.SQLite(t)})
	n := webtest.Start(t, db, nil)
	ana := n.Person("ana")
	for _, route := range []string{
		"GET /api/proofs", "GET /api/v1/1/collections", "GET /api/v1/1/in_collections", "GET /api/v1/accounts/1/identity_proofs", "GET /api/v1/annual_reports",
		"GET /api/v1/annual_reports/2026", "POST /api/v1/annual_reports/2026/generate", "POST /api/v1/annual_reports/2026/read", "GET /api/v1/annual_reports/2026/state", "POST /api/v1/collections",
		"POST /api/v1/collections/1/items", "DELETE /api/v1/collections/1/items/1", "POST /api/v1/collections/1/items/1/revoke", "DELETE /api/v1/collections/1", "GET /api/v1/collections/1", "PATCH /api/v1/collections/1",
		"GET /api/v1/instance/domain_blocks", "GET /api/v1/instance/terms_of_service/2026-01-01", "POST /api/v1/notifications/dismiss", "GET /api/v1/search", "GET /api/v1_alpha/async_refreshes/1",
		"GET /api/v2_alpha/notifications", "GET /api/v2_alpha/notifications/x", "POST /api/v2_alpha/notifications/x/dismiss", "GET /api/v2_alpha/notifications/unread_count", "GET /health",
		"GET /api/v1/nothing", "GET /api/v9/statuses", "GET /api", "GET /api/", "GET /oauth/nothing",
	} {
		method, path, _ := strings.Cut(route, " ")
		for _, token := range []string{"", ana.Token} {
			a := n.Ask(method, path, token, nil, "Accept", "text/html,application/xhtml+xml")
			if (a.StatusCode != 404 && a.StatusCode != 405) || !strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") || !strings.HasPrefix(a.Body, `{"error":"`) {
				t.Errorf("%s: %d %s %s", route, a.StatusCode, a.Header.Get("Content-Type"), a.Body)
			}
		}
	}
}
