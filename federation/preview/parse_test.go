package preview

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAPageSaysWhatItIs(t *testing.T) {
	for name, tc := range map[string]struct {
		body, kind string
		want       Page
	}{
		"made for cards": {`<!doctype html><html lang="fr-FR"><head><title>Autre</title><meta property="og:title" content="Le plan &amp; la suite"><meta name="description" content="x">
			<meta property="og:description" content="Deux
			lignes"><meta property="og:site_name" content="Wiki"><meta name="author" content="Ana"></head>`, "text/html", Page{"Le plan & la suite", "Deux lignes", "Wiki", "Ana", "fr"}},
		"an ordinary page":          {`<title> Plan </title><meta name="description" content="Words"><body><meta property="og:title" content="too late">`, "text/html; charset=utf-8", Page{Title: "Plan", Description: "Words"}},
		"Latin-1":                   {"<title>\xe9t\xe9</title>", "text/html; charset=iso-8859-1", Page{Title: "été"}},
		"encoding in the page":      {"<meta charset=windows-1252><title>\x93oui\x94</title>", "text/html", Page{Title: "“oui”"}},
		"markup in the title":       {`<title><b>bold</b><script>x</script></title>`, "text/html", Page{Title: "<b>bold</b><script>x</script>"}},
		"turned round":              {"<title>a\u202eb\u200bc</title>", "text/html; charset=utf-8", Page{Title: "abc"}},
		"an address for the author": {`<meta property="article:author" content="https://x.test/ana"><title>t</title>`, "text/html", Page{Title: "t"}},
		"no language":               {`<html lang="<script>"><title>t</title>`, "text/html", Page{Title: "t"}},
		"nothing":                   {"", "text/html", Page{}},
		"not HTML":                  {"\x89PNG\r\n", "text/html", Page{}},
		"the first of two":          {`<meta property="og:title" content="one"><meta property="og:title" content="two">`, "text/html", Page{Title: "one"}},
	} {
		if got := Parse([]byte(tc.body), tc.kind); got != tc.want {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, tc.want)
		}
	}
	if got := Parse([]byte("<title>"+strings.Repeat("é ", 1000)+"</title>"), "text/html; charset=utf-8"); utf8.RuneCountInString(got.Title) > maxTitle || !strings.HasSuffix(got.Title, "…") {
		t.Errorf("a long title is %q", got.Title)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`<html lang=fr><head><title>x</title><meta property="og:title" content="y">`), "text/html")
	f.Add([]byte("<meta charset=utf-16><title>\xff\xfe"), "text/html; charset=utf-8")
	f.Add([]byte("<title><![CDATA[ <meta name=author content='"), "application/xhtml+xml")
	f.Fuzz(func(t *testing.T, body []byte, kind string) {
		p := Parse(body, kind)
		for _, s := range []struct {
			text string
			most int
		}{{p.Title, maxTitle}, {p.Description, maxDescription}, {p.Provider, maxName}, {p.Author, maxName}, {p.Language, maxLanguage}} {
			if !utf8.ValidString(s.text) || utf8.RuneCountInString(s.text) > s.most || strings.ContainsAny(s.text, "\n\r\t\u202e") {
				t.Errorf("%q", s.text)
			}
		}
	})
}
