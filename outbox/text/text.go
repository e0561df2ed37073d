// Package text turns what people type into the HTML we store.
//
// What comes in is plain text from a person; what goes out is the small HTML
// that clients of the fediverse expect: paragraphs and line breaks, links,
// mentions and hashtags, and everything else escaped. Who a mention means and
// where a hashtag leads is asked of the caller, so nothing here knows a
// database or a network.
//
// What must never happen: that something typed becomes markup, that a link
// hides where it leads, or that a long text takes more than its length in time.
package text

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/text/unicode/norm"
)

// Link is what a mention leads to.
type Link struct {
	URL      string // the profile page that a person opens
	Acct     string // user, or user@host for somebody of another node
	Username string // shown after the @
}

// HTML returns the text s as HTML. An empty line begins a new paragraph and a
// single line feed is a <br>.
//
// mention says whom a mention means; it is asked once for each different one,
// and where it answers false the mention stays text. tagURL returns the page of
// a hashtag, which it gets in the normalised form that Scan reports; the shown
// tag keeps the typed case. Either may be nil, and an answer that is not an
// http or https URL counts as none.
//
// HTML puts no limit on the length of s, which is the caller's; the time it
// takes is in proportion.
func HTML(s string, mention func(Mention) (Link, bool), tagURL func(tag string) string) string {
	w := writer{mention: mention, tagURL: tagURL, known: map[Mention]Link{}}
	for _, paragraph := range paragraphs(clean(s)) {
		w.out.WriteString("<p>")
		for i, line := range paragraph {
			if i > 0 {
				w.out.WriteString("<br>")
			}
			w.line(line)
		}
		w.out.WriteString("</p>")
	}
	return w.out.String()
}

// clean brings s into the form that everything here works on: line feeds alone
// end lines, there are no other control characters but tabs, and letters are
// composed (NFC), since a Mac types é in two pieces and a search does not.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\r':
			return '\n'
		case unicode.IsControl(r) && r != '\n' && r != '\t':
			return -1
		}
		return r
	}, s)
	return norm.NFC.String(s)
}

// paragraphs splits cleaned text at its empty lines. No paragraph is empty.
func paragraphs(s string) [][]string {
	var all [][]string
	var current []string
	for line := range strings.SplitSeq(s, "\n") {
		line = strings.TrimRightFunc(line, unicode.IsSpace)
		if line != "" {
			current = append(current, line)
		} else if current != nil {
			all = append(all, current)
			current = nil
		}
	}
	if current != nil {
		all = append(all, current)
	}
	return all
}

type writer struct {
	out     strings.Builder
	mention func(Mention) (Link, bool)
	tagURL  func(string) string
	known   map[Mention]Link // answers so far; without a URL for "nobody"
}

func (w *writer) line(line string) {
	pieces(line, func(p piece) {
		switch p.kind {
		case isURL:
			w.url(p.typed)
		case isMention:
			w.mentioned(p)
		case isTag:
			w.tag(p)
		default:
			w.out.WriteString(html.EscapeString(p.typed))
		}
	})
}

// shownRunes is how much of an address after its scheme is shown, in runes; it
// is what other servers show.
const shownRunes = 30

// url writes a link. The scheme and the end of a long address are there for
// those who copy, in spans that clients hide. The host is never hidden, however
// long: it is what tells a reader whether to trust the link.
func (w *writer) url(typed string) {
	w.out.WriteString(`<a href="` + html.EscapeString(typed) +
		`" rel="nofollow noopener noreferrer" target="_blank" translate="no">`)
	authority := strings.Index(typed, "://") + len("://")
	scheme, rest := typed[:authority], typed[authority:]
	w.out.WriteString(`<span class="invisible">` + html.EscapeString(scheme) + `</span>`)
	always := strings.IndexAny(rest, "/?#\\")
	if always < 0 {
		always = len(rest)
	}
	shown := max(always, prefixLength(rest, shownRunes))
	if shown == len(rest) {
		w.out.WriteString(html.EscapeString(rest))
	} else {
		w.out.WriteString(`<span class="ellipsis">` + html.EscapeString(rest[:shown]) + `</span>` +
			`<span class="invisible">` + html.EscapeString(rest[shown:]) + `</span>`)
	}
	w.out.WriteString(`</a>`)
}

// prefixLength returns how many bytes the first n runes of s take.
func prefixLength(s string, n int) int {
	length := 0
	for ; n > 0 && length < len(s); n-- {
		_, size := utf8.DecodeRuneInString(s[length:])
		length += size
	}
	return length
}

func (w *writer) mentioned(p piece) {
	link, ok := w.known[p.mention]
	if !ok {
		link = w.resolve(p.mention)
		w.known[p.mention] = link
	}
	if link.URL == "" {
		w.out.WriteString(html.EscapeString(p.typed))
		return
	}
	w.out.WriteString(`<span class="h-card" translate="no"><a href="` + html.EscapeString(link.URL) +
		`" class="u-url mention">@<span>` + html.EscapeString(link.Username) + `</span></a></span>`)
}

// resolve returns the zero Link for nobody.
func (w *writer) resolve(m Mention) Link {
	if w.mention == nil {
		return Link{}
	}
	link, ok := w.mention(m)
	if !ok || !isWebPage(link.URL) {
		return Link{}
	}
	if link.Username == "" {
		link.Username = m.Username
	}
	return link
}

func (w *writer) tag(p piece) {
	page := ""
	if w.tagURL != nil {
		page = w.tagURL(p.tag)
	}
	if !isWebPage(page) {
		w.out.WriteString(html.EscapeString(p.typed))
		return
	}
	w.out.WriteString(`<a href="` + html.EscapeString(page) + `" class="mention hashtag" rel="tag">#<span>` +
		html.EscapeString(strings.TrimPrefix(p.typed, "#")) + `</span></a>`)
}

// isWebPage: a profile page's address comes from another server, which may say
// "javascript:".
func isWebPage(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}
