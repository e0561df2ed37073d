package preview

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"
)

// Limits of what is kept of a page, in characters.
const (
	maxTitle       = 200
	maxDescription = 400
	maxName        = 100
	maxLanguage    = 10
	// maxTokens bounds the work: what describes a page stands at its beginning.
	maxTokens = 20_000
)

// A Page is what a page says of itself, in plain text on one line each.
type Page struct {
	Title, Description, Provider, Author, Language string
}

// Parse reads the head of an HTML document in whichever encoding contentType or the document names. What the page has made for
// cards (Open Graph) wins over what it has for everybody. It never fails: what can't be read says nothing.
func Parse(body []byte, contentType string) Page {
	var p Page
	text, err := charset.NewReader(bytes.NewReader(body), contentType)
	if err != nil {
		return p
	}
	found := map[string]string{}
	z := html.NewTokenizer(text)
	z.SetMaxBuf(256 << 10)
	title := false
	for range maxTokens {
		switch z.Next() {
		case html.ErrorToken:
			return fill(p, found)
		case html.TextToken:
			if title && found["title"] == "" {
				found["title"] = string(z.Text())
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			title = false
			if atom.Lookup(name) == atom.Head {
				return fill(p, found)
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			tag := z.Token()
			title = tag.DataAtom == atom.Title
			switch tag.DataAtom {
			case atom.Body:
				return fill(p, found)
			case atom.Html:
				p.Language = of(tag, "lang")
			case atom.Meta:
				name := strings.ToLower(of(tag, "property"))
				if name == "" {
					name = strings.ToLower(of(tag, "name"))
				}
				if content := of(tag, "content"); found["meta "+name] == "" {
					found["meta "+name] = content
				}
			}
		}
	}
	return fill(p, found)
}

func of(tag html.Token, name string) string {
	for _, a := range tag.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func fill(p Page, found map[string]string) Page {
	p.Title = plain(maxTitle, found["meta og:title"], found["meta twitter:title"], found["title"])
	p.Description = plain(maxDescription, found["meta og:description"], found["meta description"])
	p.Provider = plain(maxName, found["meta og:site_name"], found["meta application-name"])
	p.Author = plain(maxName, found["meta author"], found["meta article:author"])
	if strings.Contains(p.Author, "://") {
		p.Author = "" // some give an address there
	}
	p.Language = plain(maxLanguage, strings.ToLower(p.Language))
	if p.Language, _, _ = strings.Cut(p.Language, "-"); len(p.Language) > 3 || strings.Trim(p.Language, "abcdefghijklmnopqrstuvwxyz") != "" {
		p.Language = ""
	}
	return p
}

// plain gives the first text that says something, on one line, without what can't be seen, cut to so many characters.
func plain(most int, texts ...string) string {
	for _, text := range texts {
		text = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
			switch {
			case r == utf8.RuneError, unicode.Is(unicode.Cf, r), unicode.IsControl(r) && !unicode.IsSpace(r):
				return -1 // directions that would turn the rest of a line round, too
			}
			return r
		}, text)), " ")
		if text == "" {
			continue
		}
		if runes := []rune(text); len(runes) > most {
			text = strings.TrimSpace(string(runes[:most-1])) + "…"
		}
		return text
	}
	return ""
}
