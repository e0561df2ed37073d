package api

import (
	"context"
	"html"
	"net/http"
	"strconv"
	"strings"

	"ruche/outbox/text"
	"ruche/web/auth"
)

// What the node says about itself in whole texts. Admins write them as plain text, kept as settings.

// Document is a text about the node.
type Document struct {
	UpdatedAt *string `json:"updated_at"`
	Content   string  `json:"content"`
}

// rules are the rules of the house, with their translations.
func (a *API) rules(ctx context.Context) ([]Rule, error) {
	rules, err := a.DB.Rules(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Rule, len(rules))
	for i, rule := range rules {
		out[i] = Rule{ID: strconv.Itoa(i + 1), Text: rule.Text, Translations: map[string]RuleTranslation{}}
		for language, text := range rule.In {
			out[i].Translations[language] = RuleTranslation{Text: text}
		}
	}
	return out, nil
}

// showRules is GET /api/v1/instance/rules.
func (a *API) showRules(w http.ResponseWriter, r *http.Request) error {
	out, err := a.rules(r.Context())
	if err != nil {
		return err
	}
	return auth.JSON(w, out)
}

// document answers with a text of the house in the reader's language as HTML, or with what holds where no admin wrote one.
func (a *API) document(setting string, otherwise func(rd reader) string) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		body, err := a.DB.Words(r.Context(), setting, a.Auth.Locale(r))
		if err != nil {
			return err
		}
		content := text.HTML(body, nil, nil)
		if strings.TrimSpace(body) == "" {
			if otherwise == nil {
				return auth.NotFound()
			}
			content = "<p>" + html.EscapeString(otherwise(a.reader(r))) + "</p>"
		}
		return auth.JSON(w, Document{Content: content})
	}
}

func privacyNotice(rd reader) string {
	return rd.word(
		"What you write here is stored on this entity's own server and goes only to the entities that it is linked with, as far as the circle that you choose. Nobody else receives it. Nobody can see your figures but you.",
		"Ce que vous écrivez ici est conservé sur le serveur de cette entité et ne va qu'aux entités qui lui sont liées, dans la limite du cercle que vous choisissez. Personne d'autre ne le reçoit. Personne d'autre que vous ne voit vos chiffres.")
}

// activity is GET /api/v1/instance/activity: posts by week. Sign-ins and registrations are nobody's
// business.
func (a *API) activity(w http.ResponseWriter, r *http.Request) error {
	weeks, err := a.DB.Weeks(r.Context(), auth.Viewer(r.Context()), 12)
	if err != nil {
		return err
	}
	out := make([]map[string]string, len(weeks))
	for i, week := range weeks {
		out[i] = map[string]string{"week": strconv.FormatInt(week.Begin.Unix(), 10), "statuses": strconv.Itoa(week.Posts), "logins": "0", "registrations": "0"}
	}
	return auth.JSON(w, out)
}

// peers is GET /api/v1/instance/peers, for those who are signed in: which entities a company works
// with isn't public.
func (a *API) peers(w http.ResponseWriter, r *http.Request) error {
	list, err := a.DB.Peers(r.Context())
	if err != nil {
		return err
	}
	hosts := []string{}
	for _, p := range list {
		if p.Active() {
			hosts = append(hosts, p.Host)
		}
	}
	return auth.JSON(w, hosts)
}

// OEmbed is a post to be shown in another page.
type OEmbed struct {
	Type         string `json:"type"`
	Version      string `json:"version"`
	AuthorName   string `json:"author_name"`
	AuthorURL    string `json:"author_url"`
	ProviderName string `json:"provider_name"`
	ProviderURL  string `json:"provider_url"`
	CacheAge     int    `json:"cache_age"`
	HTML         string `json:"html"`
	Width        int    `json:"width"`
	Height       *int   `json:"height"`
}

// oEmbed is GET /api/oembed?url=…: the words of a post of ours, without a frame or a script.
func (a *API) oEmbed(w http.ResponseWriter, r *http.Request) error {
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	width := v.Int("maxwidth", 400)
	if err := v.Err(); err != nil {
		return err
	}
	p, err := a.postByAddress(r.Context(), v.Str("url"), false)
	if err != nil {
		return err
	}
	if p == nil || !p.Local() || p.ShareOfID != 0 {
		return auth.NotFound()
	}
	s, err := a.reader(r).status(r.Context(), p)
	if err != nil {
		return err
	}
	name := s.Account.DisplayName
	if name == "" {
		name = s.Account.Username
	}
	content := s.Content
	if s.SpoilerText != "" {
		content = "<details><summary>" + html.EscapeString(s.SpoilerText) + "</summary>" + content + "</details>"
	}
	return auth.JSON(w, OEmbed{
		Type: "rich", Version: "1.0", AuthorName: name, AuthorURL: s.Account.URL, ProviderName: a.Name, ProviderURL: a.PublicURL + "/", CacheAge: 3600, Width: int(max(1, min(width, 4000))),
		HTML: "<blockquote>" + content + `<footer><a href="` + html.EscapeString(*s.URL) + `">` + html.EscapeString(name) + "</a></footer></blockquote>",
	})
}

// translate is POST /api/v1/statuses/:id/translate: this node sends no post to a translator.
func (a *API) translate(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.visible(r); err != nil {
		return err
	}
	return auth.Fail(http.StatusNotFound, "Translation is unavailable on this server")
}

// translationLanguages is GET /api/v1/instance/translation_languages.
func (a *API) translationLanguages(w http.ResponseWriter, _ *http.Request) error {
	return auth.JSON(w, struct{}{})
}
