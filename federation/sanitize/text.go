package sanitize

import (
	"strings"

	"golang.org/x/net/html"
)

// Text returns the words of the HTML document s without any markup: a line
// feed for a line break, an empty line between paragraphs. The result is text,
// not HTML: it may hold "<" and must be escaped where it is shown.
func Text(s string) string {
	var w lines
	preformatted := 0
	tokens := html.NewTokenizer(strings.NewReader(HTML(s)))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return strings.TrimSpace(w.out.String())
		case html.TextToken:
			w.text(tokens.Token().Data, preformatted > 0)
		case html.StartTagToken:
			switch name := tokens.Token().Data; name {
			case "br":
				w.lineBreak()
			case "pre":
				preformatted++
				w.paragraph()
			case "p", "blockquote", "ul", "ol":
				w.paragraph()
			case "li":
				w.line()
			}
		case html.EndTagToken:
			switch name := tokens.Token().Data; name {
			case "pre":
				preformatted--
				w.paragraph()
			case "p", "blockquote", "ul", "ol":
				w.paragraph()
			case "li":
				w.line()
			}
		}
	}
}

// lines collects text and puts breaks between it, never before or after it.
type lines struct {
	out   strings.Builder
	feeds int  // line feeds owed before the next word
	space bool // a space owed before the next word
}

// text adds s. Outside of pre, white space is one space, as a browser shows it.
func (l *lines) text(s string, preformatted bool) {
	if preformatted {
		l.pay()
		l.out.WriteString(s)
		return
	}
	for i, word := range strings.FieldsFunc(s, isSpace) {
		if i > 0 || isSpace(rune(s[0])) {
			l.space = true
		}
		l.pay()
		l.out.WriteString(word)
	}
	if s != "" && isSpace(rune(s[len(s)-1])) {
		l.space = true
	}
}

// isSpace is HTML's white space: a no-break space, which French sets before its
// colons, is none.
func isSpace(r rune) bool { return r == ' ' || r == '\t' || r == '\n' }

// maxFeeds is one empty line; a hundred <br> push nothing off the screen.
const maxFeeds = 2

func (l *lines) lineBreak() { l.feeds = min(l.feeds+1, maxFeeds) }
func (l *lines) line()      { l.feeds = max(l.feeds, 1) }
func (l *lines) paragraph() { l.feeds = maxFeeds }

func (l *lines) pay() {
	if l.out.Len() > 0 {
		if l.feeds > 0 {
			l.out.WriteString("\n\n"[:l.feeds])
		} else if l.space {
			l.out.WriteByte(' ')
		}
	}
	l.feeds, l.space = 0, false
}
