// Package view is what a browser shows: templates, style and words, embedded in the program.
//
// A caller gives the name of a page and its data; the page comes out in the reader's language,
// with headers that let it load nothing from elsewhere. Everything works without JavaScript.
// Every visible sentence is in messages/en.json and messages/fr.json, written for the person and
// not for the protocol.
package view

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"golang.org/x/text/language"

	"ruche/storage"
)

//go:embed templates/*.html assets/* messages/*.json
var files embed.FS

// Locales are the languages that pages speak; the first is the one to fall back on.
var Locales = []string{"en", "fr"}

// Site is whose pages these are.
type Site struct {
	Name   string // the entity's name
	Domain string // what stands after the @, and what is typed into an app
	Locale string // for readers who ask for none of Locales
	// Colour (#rrggbb) and Welcome are an admin's; empty: the node's own.
	Colour, Welcome string
}

// Theme is the address of the style that the site's colour makes; empty: there is none.
func (s Site) Theme() string {
	if s.Colour == "" {
		return ""
	}
	return "/theme/" + strings.ToLower(strings.TrimPrefix(s.Colour, "#")) + ".css"
}

// Request is what a page knows of who reads it.
type Request struct {
	Locale   string     // one of Locales
	Path     string     // of this page, to mark where the reader is
	Query    url.Values // of this page's address: links that change the language keep it
	Posted   bool       // the page answers a form: its address can't be opened in another language
	SignedIn string     // the reader's username; empty: nobody
	CSRF     string     // goes into every form
	Console  []Section  // the parts of the console that the reader may open
}

// In is the address of the same page in another language.
func (r Request) In(locale string) string {
	q := url.Values{}
	for name, values := range r.Query {
		q[name] = values
	}
	q.Set("lang", locale)
	return "?" + q.Encode()
}

// A FormTarget is page data whose form leads, after a redirect, to another address, which the
// page's policy has to allow.
type FormTarget interface {
	FormAction() string // an origin such as https://client.example, or a scheme such as app:
}

// Views are the parsed pages. They are safe for concurrent use.
type Views struct {
	pages    map[string]*template.Template
	messages map[string]map[string]string
	assets   map[string]asset
	names    map[string]string // asset → its address
}

type asset struct {
	kind string
	body []byte
}

// New parses every page and catalogue once.
func New() (*Views, error) {
	v := &Views{pages: map[string]*template.Template{}, messages: map[string]map[string]string{}, assets: map[string]asset{}, names: map[string]string{}}
	if err := v.readAssets(); err != nil {
		return nil, err
	}
	for _, locale := range Locales {
		body, err := files.ReadFile("messages/" + locale + ".json")
		if err != nil {
			return nil, err
		}
		var words map[string]string
		if err := json.Unmarshal(body, &words); err != nil {
			return nil, fmt.Errorf("read messages of %s: %w", locale, err)
		}
		v.messages[locale] = words
	}
	entries, err := files.ReadDir("templates")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Name() == "layout.html" || e.Name() == "console.html" {
			continue // parts of pages
		}
		page, err := template.New("layout.html").Funcs(template.FuncMap{
			"t": func(string, ...any) string { return "" }, "asset": v.asset, "under": under, "known": func(string, string) string { return "" }, "date": date, "day": date, "initial": initial, "form": form,
			"categories":   func() []string { return storage.Categories },
			"visibilities": func() []string { return []string{"public", "unlisted", "followers", "direct"} },
			"circles":      func() []string { return []string{"network", "organisation", "node"} },
		}).
			ParseFS(files, "templates/layout.html", "templates/console.html", "templates/"+e.Name())
		if err != nil {
			return nil, fmt.Errorf("read page %s: %w", e.Name(), err)
		}
		v.pages[strings.TrimSuffix(e.Name(), ".html")] = page
	}
	return v, nil
}

// shown is what a template is given.
type shown struct {
	Site    Site
	Request Request
	Other   string // the other language
	Data    any
}

// Render writes a page: name is a file of templates without its ending, data what that page's
// type says. Nothing is written before the page is whole.
func (v *Views) Render(w http.ResponseWriter, status int, name string, site Site, req Request, data any) error {
	page := v.pages[name]
	if page == nil {
		return fmt.Errorf("there is no page %q", name)
	}
	if v.messages[req.Locale] == nil {
		req.Locale = Locales[0]
	}
	page, err := page.Clone()
	if err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	page.Funcs(template.FuncMap{
		"t": func(key string, args ...any) string { return v.T(req.Locale, key, args...) },
		// known is a message of a family, or the word itself where the family has none for it.
		"under": under, "known": func(family, word string) string {
			if message, ok := v.messages[req.Locale][family+"."+word]; ok {
				return message
			}
			return word
		},
		"date": func(t time.Time) string { return dateIn(req.Locale, t) },
		"day":  func(t time.Time) string { return dayIn(req.Locale, t) },
	})
	other := Locales[0]
	if req.Locale == other {
		other = Locales[1]
	}
	var out bytes.Buffer
	if err := page.Execute(&out, shown{Site: site, Request: req, Other: other, Data: data}); err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	action := "'self'"
	if target, ok := data.(FormTarget); ok && target.FormAction() != "" {
		action += " " + target.FormAction()
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self' data:; media-src 'self'; form-action "+action+"; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Content-Language", req.Locale)
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	h.Add("Vary", "Accept-Language, Cookie")
	w.WriteHeader(status)
	_, err = w.Write(out.Bytes())
	return err
}

// T gives a message in a language, with fmt's verbs filled in. A key that doesn't exist is shown
// as it is: a test sees to it that none is used.
func (v *Views) T(locale, key string, args ...any) string {
	message, ok := v.messages[locale][key]
	if !ok {
		return key
	}
	if len(args) == 0 {
		return message
	}
	return fmt.Sprintf(message, args...)
}

// LocaleCookie remembers a language that a reader chose.
const LocaleCookie = "ruche_lang"

// Locale chooses the language of a request: ?lang=, then the cookie, then what the browser asks
// for, then the site's own.
func Locale(r *http.Request, site string) string {
	if l := r.URL.Query().Get("lang"); l == "en" || l == "fr" {
		return l
	}
	if c, err := r.Cookie(LocaleCookie); err == nil && (c.Value == "en" || c.Value == "fr") {
		return c.Value
	}
	if header := r.Header.Get("Accept-Language"); header != "" && len(header) < 1000 {
		tags, _, err := language.ParseAcceptLanguage(header)
		if err == nil && len(tags) > 0 {
			if _, i, sure := language.NewMatcher([]language.Tag{language.English, language.French}).Match(tags...); sure > language.No {
				return Locales[i]
			}
		}
	}
	if site == "fr" {
		return "fr"
	}
	return "en"
}

func (v *Views) readAssets() error {
	entries, err := files.ReadDir("assets")
	if err != nil {
		return err
	}
	for _, e := range entries {
		body, err := files.ReadFile("assets/" + e.Name())
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		ending := path.Ext(e.Name())
		name := strings.TrimSuffix(e.Name(), ending) + "-" + hex.EncodeToString(sum[:6]) + ending
		kinds := map[string]string{".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png"}
		v.assets[name] = asset{kinds[ending], body}
		v.names[e.Name()] = "/assets/" + name
	}
	return nil
}

// asset gives the address of an embedded file; its content is part of its name.
func (v *Views) asset(name string) (string, error) {
	address, ok := v.names[name]
	if !ok {
		return "", fmt.Errorf("there is no asset %q", name)
	}
	return address, nil
}

// Asset gives the address of an embedded file, empty where there is none.
func (v *Views) Asset(name string) string { return v.names[name] }

// Assets serves the embedded files, for /assets/.
func (v *Views) Assets() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := v.assets[strings.TrimPrefix(r.URL.Path, "/assets/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", a.kind)
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.body))
	})
}

func date(t time.Time) string { return dateIn("en", t) }

var frenchMonths = []string{"janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."}

func dateIn(locale string, t time.Time) string {
	if locale == "fr" {
		return fmt.Sprintf("%d %s %d, %s", t.Day(), frenchMonths[t.Month()-1], t.Year(), t.Format("15 h 04"))
	}
	return t.Format("2 Jan 2006, 15:04")
}

func dayIn(locale string, t time.Time) string {
	if locale == "fr" {
		return fmt.Sprintf("%d %s %d", t.Day(), frenchMonths[t.Month()-1], t.Year())
	}
	return t.Format("2 Jan 2006")
}

// under says whether a path is a page or one below it.
func under(path, page string) bool { return path == page || strings.HasPrefix(path, page+"/") }

// initial is what stands in the place of a picture.
func initial(name string) string {
	for _, r := range name {
		return strings.ToUpper(string(r))
	}
	return "?"
}

// form is what the form to post is given: its data, and the session's token.
func form(csrf string, c *Compose) map[string]any { return map[string]any{"CSRF": csrf, "Compose": c} }
