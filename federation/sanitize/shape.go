package sanitize

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/html"
)

// maxDepth is how deep elements may nest. A quote in a list in a quote is 5;
// parsers of clients start to give up at some hundreds.
const maxDepth = 32

// shape makes the allowed elements of s well-formed: each is closed, none
// overlaps another, and none is where a browser would move it away from (a
// paragraph in a paragraph, a link in a link).
func shape(s string) string {
	w := writer{}
	tokens := html.NewTokenizer(strings.NewReader(s))
	for {
		switch tokens.Next() {
		case html.ErrorToken: // the end: a string cannot fail to be read
			w.closeTo(0)
			return w.out.String()
		case html.TextToken:
			w.text(printable(tokens.Token().Data))
		case html.StartTagToken, html.SelfClosingTagToken:
			// HTML knows no self-closing elements: <p/> is <p>.
			w.start(tokens.Token())
		case html.EndTagToken:
			w.end(tokens.Token().Data)
		}
	}
}

// writer writes elements and remembers which are open.
type writer struct {
	out  strings.Builder
	open []element
	// broken: a box began or ended here, so a line break belongs before the
	// next words, unless they start a line anyway.
	broken    bool
	lineStart bool
}

// element is one that is open. Its closing is "" for one that is not shown, as
// a link to nowhere, whose end tag must still find it.
type element struct {
	name    string
	closing string
}

func (w *writer) text(s string) {
	if strings.TrimSpace(s) != "" {
		w.words()
		w.lineStart = false
	}
	w.out.WriteString(html.EscapeString(s))
}

// words says that something is about to be shown.
func (w *writer) words() {
	if w.broken && !w.lineStart && w.out.Len() > 0 {
		w.out.WriteString("<br>")
		w.lineStart = true
	}
	w.broken = false
}

func (w *writer) start(t html.Token) {
	switch t.Data {
	case "br":
		w.words()
		w.out.WriteString("<br>")
		w.lineStart = true
		return
	case "p", "blockquote", "pre", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6":
		w.closeOpen(isParagraph, nil)
		if t.Data == "li" {
			w.closeOpen(isItem, isList)
		}
	case "div", "section", "article", "header", "footer", "figure", "figcaption", "table", "tr",
		"dl", "dt", "dd", "hr":
		w.broken = true
		return
	case "a":
		w.closeOpen(isLink, nil)
	}
	if len(w.open) >= maxDepth {
		return
	}
	switch t.Data {
	case "p", "blockquote", "pre", "ul", "ol", "li":
		w.push(t.Data, "<"+t.Data+attributes(t)+">", "</"+t.Data+">")
		w.lineStart, w.broken = true, false
	case "h1", "h2", "h3", "h4", "h5", "h6":
		w.push(t.Data, "<p><strong>", "</strong></p>")
		w.lineStart, w.broken = true, false
	case "a":
		w.words()
		href, ok := link(t)
		if !ok {
			w.push("a", "", "")
			return
		}
		w.push("a", `<a href="`+html.EscapeString(href)+`"`+attributes(t)+
			` rel="nofollow noopener noreferrer`+tagRelation(t)+`" target="_blank">`, "</a>")
	case "span", "s", "del", "code", "em", "strong", "b", "i", "u":
		w.words()
		w.push(t.Data, "<"+t.Data+attributes(t)+">", "</"+t.Data+">")
	}
}

func (w *writer) end(name string) {
	switch name {
	case "div", "section", "article", "header", "footer", "figure", "figcaption", "table", "tr",
		"dl", "dt", "dd":
		w.broken = true
		return
	}
	w.closeOpen(func(open string) bool { return open == name }, nil)
}

func (w *writer) push(name, opening, closing string) {
	w.out.WriteString(opening)
	w.open = append(w.open, element{name, closing})
}

// closeOpen closes the innermost element that is asked for and all inside it,
// if there is one, and none that is a border is on the way.
func (w *writer) closeOpen(wanted, border func(name string) bool) {
	for i := len(w.open) - 1; i >= 0; i-- {
		name := w.open[i].name
		if wanted(name) {
			w.closeTo(i)
			return
		}
		if border != nil && border(name) {
			return
		}
	}
}

// closeTo closes elements until only depth are open.
func (w *writer) closeTo(depth int) {
	for len(w.open) > depth {
		last := w.open[len(w.open)-1]
		w.open = w.open[:len(w.open)-1]
		w.out.WriteString(last.closing)
		if isBlock(last.name) {
			w.lineStart, w.broken = true, false
		}
	}
}

func isParagraph(name string) bool { return name == "p" || len(name) == 2 && name[0] == 'h' }
func isItem(name string) bool      { return name == "li" }
func isList(name string) bool      { return name == "ul" || name == "ol" }
func isLink(name string) bool      { return name == "a" }
func isBlock(name string) bool {
	return isParagraph(name) || isItem(name) || isList(name) || name == "blockquote" || name == "pre"
}

// attributes writes what we keep of an element's attributes except those of a
// link's target: each at most once, in one order, the first of two as browsers
// do.
func attributes(t html.Token) string {
	var out strings.Builder
	if class, ok := attribute(t, "class"); ok {
		if kept := classes(class); kept != "" {
			out.WriteString(` class="` + html.EscapeString(kept) + `"`)
		}
	}
	if lang, ok := attribute(t, "lang"); ok {
		out.WriteString(` lang="` + html.EscapeString(lang) + `"`)
	}
	if translate, ok := attribute(t, "translate"); ok && strings.EqualFold(translate, "no") {
		out.WriteString(` translate="no"`)
	}
	if start, ok := attribute(t, "start"); ok {
		out.WriteString(` start="` + html.EscapeString(start) + `"`)
	}
	if _, ok := attribute(t, "reversed"); ok {
		out.WriteString(` reversed=""`)
	}
	if value, ok := attribute(t, "value"); ok {
		out.WriteString(` value="` + html.EscapeString(value) + `"`)
	}
	return out.String()
}

func attribute(t html.Token, key string) (string, bool) {
	for _, a := range t.Attr {
		if a.Key == key && a.Namespace == "" {
			return a.Val, true
		}
	}
	return "", false
}

// knownClass is what clients look for: mentions, hashtags, shortened links,
// quotes, and the microformats. Any other class could borrow a look from our
// pages, such as a button.
var knownClass = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(mention|hashtag|ellipsis|invisible|quote-inline|h-card|[pue]-[a-z][a-z-]{0,30})$`)
})

// maxClasses is more than any server sends; each is looked for among the ones
// before it.
const maxClasses = 8

func classes(s string) string {
	var kept []string
	for class := range strings.FieldsSeq(s) {
		if len(kept) == maxClasses {
			break
		}
		if knownClass().MatchString(class) && !slices.Contains(kept, class) {
			kept = append(kept, class)
		}
	}
	return strings.Join(kept, " ")
}

// link returns where a goes, in the spelling that parses to itself, and whether
// it is a place on the web at all.
func link(t html.Token) (string, bool) {
	href, ok := attribute(t, "href")
	if !ok {
		return "", false
	}
	u, err := url.Parse(printable(strings.TrimSpace(href)))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return "", false
	}
	spelt := u.String()
	again, err := url.Parse(spelt)
	if err != nil || again.String() != spelt {
		return "", false
	}
	return spelt, true
}

// tagRelation keeps rel="tag", by which clients know a hashtag.
func tagRelation(t html.Token) string {
	rel, _ := attribute(t, "rel")
	for relation := range strings.FieldsSeq(rel) {
		if strings.EqualFold(relation, "tag") {
			return " tag"
		}
	}
	return ""
}
