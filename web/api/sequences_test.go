package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"ruche/storage"
	"ruche/storage/storagetest"
	"ruche/web/webtest"
)

// What the models of an app can't be without, by the sources that are named with each sequence below: "a.b" is a field in an object, "[]" each
// of at least one element. The app refuses the whole answer where one of them is missing or null.
const (
	tuskyStatus   = "id account.id account.username account.acct account.url account.avatar content created_at emojis reblogs_count favourites_count replies_count reblogged favourited bookmarked sensitive spoiler_text visibility media_attachments mentions"
	androidStatus = "id uri created_at account.id account.username account.acct account.url account.display_name account.note account.avatar account.header account.created_at visibility spoiler_text media_attachments mentions tags emojis"
	iosStatus     = "id uri created_at account.id account.username account.acct account.url account.created_at content media_attachments reblogs_count favourites_count"
	iceStatus     = "id content account.id account.username account.display_name account.avatar account.header account.acct account.created_at account.emojis account.fields created_at media_attachments mentions replies_count reblogs_count favourites_count emojis visibility spoiler_text sensitive"
	oneAccount    = "id username acct url display_name note avatar header created_at followers_count following_count statuses_count source.privacy source.sensitive"
)

// each says the same of every element of a list.
func each(needs string) string { return "[]." + strings.ReplaceAll(needs, " ", " [].") }

// parts are the fields of a multipart body; "file" brings a picture.
type parts [][2]string

// A step is one request of an app: its body is a form, parts or JSON, and {name} stands for the id that an earlier step kept.
type step struct {
	method, path string
	body         any
	status       int
	needs        string
	keeps        string
}

// sequences are what apps ask from their start until somebody has posted, reconstructed from their public sources.
var sequences = []struct {
	app, sources string
	steps        []step
}{
	{"Tusky", "github.com/tuskyapp/Tusky: network/MastodonApi.kt, network/MediaUploadApi.kt, entity/Status.kt", []step{
		{"POST", "/api/v1/apps", url.Values{"client_name": {"Tusky"}, "redirect_uris": {"oauth2redirect://tusky"}, "scopes": {"read write follow push"}, "website": {"https://tusky.app"}}, 200, "client_id client_secret", ""},
		{"GET", "/api/v1/accounts/verify_credentials", nil, 200, oneAccount, ""},
		{"GET", "/api/v1/instance", nil, 200, "uri version configuration.statuses.max_characters configuration.media_attachments.supported_mime_types configuration.polls.max_options", ""},
		{"GET", "/api/v1/custom_emojis", nil, 200, "", ""},
		{"GET", "/api/v1/filters", nil, 200, "", ""},
		{"GET", "/api/v1/timelines/home?limit=30", nil, 200, each(tuskyStatus), ""},
		{"GET", "/api/v1/notifications?limit=30&exclude_types[]=poll&exclude_types[]=status", nil, 200, "[].type [].id [].account.id", ""},
		{"GET", "/api/v1/markers?timeline[]=notifications", nil, 200, "", ""},
		{"POST", "/api/v2/media", parts{{"file", ""}, {"description", "a hive"}}, 200, "id", "media"},
		{"GET", "/api/v1/media/{media}", nil, 200, "id type url", ""},
		{"PUT", "/api/v1/media/{media}", url.Values{"description": {"a hive"}, "focus": {"0.0,0.5"}}, 200, "id type url preview_url meta.focus.y description", ""},
		{"POST", "/api/v1/statuses", map[string]any{"status": "from Tusky", "spoiler_text": "", "visibility": "public", "sensitive": false, "media_ids": []string{"{media}"}, "scheduled_at": nil, "poll": nil, "language": "en"}, 200, tuskyStatus, "post"},
		{"GET", "/api/v1/statuses/{post}/context", nil, 200, "ancestors descendants", ""},
		{"DELETE", "/api/v1/statuses/{post}", nil, 200, "text spoiler_text visibility sensitive media_attachments created_at", ""},
	}},
	{"Mastodon for Android", "github.com/mastodon/mastodon-android: api/requests (accounts, instance, markers, notifications, statuses/CreateStatus.java), model/Status.java, model/Account.java", []step{
		{"GET", "/api/v2/instance", nil, 200, "domain title version description thumbnail.url languages configuration.urls.streaming registrations.enabled contact.email rules api_versions.mastodon", ""},
		{"POST", "/api/v1/apps", map[string]any{"client_name": "Mastodon for Android", "redirect_uris": "mastodon-android-auth://callback", "scopes": "read write follow push", "website": "https://app.joinmastodon.org/android"}, 200, "name client_id client_secret vapid_key", ""},
		{"GET", "/api/v1/accounts/verify_credentials", nil, 200, oneAccount, ""},
		{"GET", "/api/v1/preferences", nil, 200, "posting:default:visibility posting:default:sensitive reading:expand:media reading:expand:spoilers", ""},
		{"GET", "/api/v2/filters", nil, 200, "", ""},
		{"GET", "/api/v1/custom_emojis", nil, 200, "", ""},
		{"GET", "/api/v1/announcements", nil, 200, "", ""},
		{"GET", "/api/v1/lists", nil, 200, "", ""},
		{"GET", "/api/v1/timelines/home?limit=20", nil, 200, each(androidStatus), ""},
		{"GET", "/api/v1/markers?timeline[]=home&timeline[]=notifications", nil, 200, "", ""},
		{"GET", "/api/v2/notifications?limit=40&grouped_types[]=favourite&grouped_types[]=reblog&grouped_types[]=follow", nil, 200, "accounts statuses notification_groups", ""},
		{"GET", "/api/v2/notifications/unread_count", nil, 200, "count", ""},
		{"POST", "/api/v2/media", parts{{"file", ""}}, 200, "id type preview_url", "media"},
		{"POST", "/api/v1/statuses", map[string]any{"status": "from Android", "media_ids": []string{"{media}"}, "sensitive": true, "spoiler_text": "bees", "visibility": "private", "language": "en"}, 200, androidStatus, "post"},
		{"POST", "/api/v1/statuses", map[string]any{"status": "asked from Android", "in_reply_to_id": "{post}", "sensitive": false, "visibility": "public", "language": "en",
			"poll": map[string]any{"options": []string{"yes", "no"}, "expires_in": 86400, "multiple": false, "hide_totals": false}}, 200, androidStatus + " in_reply_to_id poll.id poll.options poll.votes_count", ""},
	}},
	{"Mastodon for iOS", "github.com/mastodon/mastodon-ios: MastodonSDK/API/Mastodon+API+Statuses.swift, Mastodon+API+V2+Media.swift, Entity/Mastodon+Entity+Status.swift", []step{
		{"GET", "/api/v2/instance", nil, 200, "domain title version description configuration.statuses.max_characters rules", ""},
		{"GET", "/api/v1/accounts/verify_credentials", nil, 200, oneAccount, ""},
		{"GET", "/api/v2/filters", nil, 200, "", ""},
		{"GET", "/api/v1/preferences", nil, 200, "posting:default:visibility", ""},
		{"GET", "/api/v1/timelines/home?limit=20&local=false", nil, 200, each(iosStatus), ""},
		{"GET", "/api/v1/notifications", nil, 200, "[].id [].type [].created_at [].account.id", ""},
		{"POST", "/api/v2/media", parts{{"file", ""}, {"description", "a hive"}, {"focus", "0.0,0.0"}}, 200, "id type preview_url", "media"},
		{"POST", "/api/v1/statuses", parts{{"status", "from iOS"}, {"media_ids[]", "{media}"}, {"sensitive", "true"}, {"spoiler_text", "bees"}, {"visibility", "public"}, {"language", "en"}}, 200, iosStatus, "post"},
		{"POST", "/api/v1/statuses", parts{{"status", "asked from iOS"}, {"poll[options][]", "yes"}, {"poll[options][]", "no"}, {"poll[expires_in]", "3600"}, {"in_reply_to_id", "{post}"}, {"visibility", "unlisted"}}, 200, iosStatus + " in_reply_to_id poll.id poll.options", ""},
		{"GET", "/api/v1/statuses/{post}/context", nil, 200, "ancestors " + strings.ReplaceAll(each(iosStatus), "[]", "descendants.[]"), ""},
	}},
	{"Ice Cubes", "github.com/Dimillian/IceCubesApp: Packages/NetworkClient/Endpoint (Statuses.swift, Timelines.swift, Markers.swift, Media.swift), Packages/Models/Status.swift", []step{
		{"GET", "/api/v1/instance", nil, 200, "title short_description email version stats.user_count configuration.statuses.max_characters configuration.polls.max_options", ""},
		{"GET", "/api/v1/accounts/verify_credentials", nil, 200, oneAccount, ""},
		{"GET", "/api/v1/preferences", nil, 200, "posting:default:visibility", ""},
		{"GET", "/api/v1/followed_tags", nil, 200, "", ""},
		{"GET", "/api/v1/lists", nil, 200, "", ""},
		{"GET", "/api/v1/custom_emojis", nil, 200, "", ""},
		{"GET", "/api/v1/timelines/home?limit=50", nil, 200, each(iceStatus), ""},
		{"GET", "/api/v1/markers?timeline[]=home&timeline[]=notifications", nil, 200, "", ""},
		{"POST", "/api/v1/markers", map[string]any{"home": map[string]any{"last_read_id": "{theirs}"}}, 200, "home.last_read_id home.updated_at home.version", ""},
		{"POST", "/api/v2/media", parts{{"file", ""}}, 200, "id type url preview_url", "media"},
		{"PUT", "/api/v1/media/{media}", map[string]any{"description": "a hive"}, 200, "id type url description", ""},
		{"POST", "/api/v1/statuses", map[string]any{"status": "from Ice Cubes", "visibility": "public", "media_ids": []string{"{media}"}, "media_attributes": []any{map[string]any{"id": "{media}", "description": "a hive"}}, "language": "en"}, 200, iceStatus, "post"},
		{"PUT", "/api/v1/statuses/{post}", map[string]any{"status": "edited", "visibility": "public", "media_ids": []string{"{media}"}, "media_attributes": []any{map[string]any{"id": "{media}", "description": "two hives"}}}, 200, iceStatus + " edited_at", ""},
		{"POST", "/api/v1/statuses", map[string]any{"status": "quoted", "visibility": "public", "quoted_status_id": "{post}"}, 200, iceStatus + " quote.state", ""},
		{"GET", "/api/v1/statuses/{post}/history", nil, 200, "[].content [].created_at [].account.id", ""},
		// It puts what it says into the address, with an empty body.
		{"POST", "/api/v1/reports?account_id={luc}&status_ids[]={theirs}&comment=rude", nil, 200, "id", ""},
	}},
}

func TestWhatAppsAskFromStartToPostIsAnswered(t *testing.T) {
	for _, s := range sequences {
		t.Run(s.app, func(t *testing.T) {
			storagetest.Each(t, func(t *testing.T, db *storage.DB) {
				n := webtest.Start(t, db, nil)
				ana, luc := n.Person("ana"), n.Person("luc")
				ana.Ask("POST", "/api/v1/accounts/"+storage.FormatID(luc.ID)+"/follow", nil).Is(200)
				theirs, err := luc.PostStatus(t.Context(), toot("hello @ana", "public"))
				check(t, err)
				kept := map[string]string{"luc": storage.FormatID(luc.ID), "theirs": string(theirs.ID)}
				for _, st := range s.steps {
					answer := st.ask(t, n, ana.Token, kept)
					if status, body := answer.status, answer.body; status != st.status {
						t.Fatalf("%s %s: %d, want %d (%s)\n%s", st.method, st.path, status, st.status, s.sources, body)
					}
					var got any
					if err := json.Unmarshal(answer.body, &got); err != nil {
						t.Fatalf("%s %s: %v in %s", st.method, st.path, err, answer.body)
					}
					for _, path := range strings.Fields(st.needs) {
						if err := present(got, path); err != nil {
							t.Errorf("%s %s: %s: %v (%s)\n%s", st.method, st.path, path, err, s.sources, answer.body)
						}
					}
					if fields, isObject := got.(map[string]any); isObject && st.keeps != "" {
						kept[st.keeps] = fields["id"].(string)
					}
				}
			})
		})
	}
}

// present says why a needed field isn't there.
func present(v any, path string) error {
	for path != "" {
		var name string
		name, path, _ = strings.Cut(path, ".")
		if name != "[]" {
			object, _ := v.(map[string]any)
			if v = object[name]; v == nil {
				return fmt.Errorf("%s is missing or null", name)
			}
			continue
		}
		list, _ := v.([]any)
		if len(list) == 0 {
			return fmt.Errorf("there is no element to look at")
		}
		for _, element := range list {
			if err := present(element, path); err != nil {
				return err
			}
		}
		return nil
	}
	return nil
}

type reply struct {
	status int
	body   []byte
}

// ask sends the step as the app does.
func (s step) ask(t *testing.T, n *webtest.Node, token string, kept map[string]string) reply {
	t.Helper()
	var pairs []string
	for name, id := range kept {
		pairs = append(pairs, "{"+name+"}", id)
	}
	fill := strings.NewReplacer(pairs...).Replace
	var body bytes.Buffer
	kind := ""
	switch b := s.body.(type) {
	case nil:
	case url.Values:
		kind = "application/x-www-form-urlencoded"
		body.WriteString(b.Encode())
	case parts:
		m := multipart.NewWriter(&body)
		for _, p := range b {
			if p[0] != "file" {
				check(t, m.WriteField(p[0], fill(p[1])))
				continue
			}
			w, err := m.CreateFormFile("file", "hive.png")
			check(t, err)
			_, err = w.Write(picture(t))
			check(t, err)
		}
		check(t, m.Close())
		kind = m.FormDataContentType()
	default:
		text, err := json.Marshal(b)
		check(t, err)
		kind = "application/json; charset=utf-8"
		body.WriteString(fill(string(text)))
	}
	r, err := http.NewRequestWithContext(t.Context(), s.method, n.URL+fill(s.path), &body)
	check(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	res, err := n.Client().Do(r)
	check(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	check(t, err)
	return reply{res.StatusCode, text}
}
