package text

import (
	"strings"

	"golang.org/x/net/html"
)

// Plain returns the words of HTML that we store, for a notification or a
// preview: <br> is a line feed and paragraphs stand apart by an empty line. The
// result is text and must be escaped where it is shown.
//
// It does not give back what was typed: @luc may have been @luc@legal.test. To
// let somebody edit a post, store what they typed.
func Plain(document string) string {
	var out strings.Builder
	feeds := 0          // line feeds owed before the next word
	pre, hidden := 0, 0 // how deep we are in elements of these kinds
	write := func(s string) {
		if s == "" || hidden > 0 {
			return
		}
		if out.Len() > 0 {
			out.WriteString("\n\n"[:feeds])
		}
		feeds = 0
		out.WriteString(s)
	}
	tokens := html.NewTokenizer(strings.NewReader(document))
	for {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			return strings.TrimSpace(out.String())
		}
		token := tokens.Token()
		depth := 1
		if kind == html.EndTagToken {
			depth = -1
		}
		switch {
		case kind == html.TextToken && pre > 0:
			write(token.Data)
		case kind == html.TextToken:
			write(oneLine(token.Data, feeds > 0 || out.Len() == 0))
		case kind != html.StartTagToken && kind != html.EndTagToken && kind != html.SelfClosingTagToken:
		case token.Data == "br":
			feeds = min(feeds+1, 2)
		case token.Data == "li" || token.Data == "div" || token.Data == "tr":
			feeds = max(feeds, 1)
		case token.Data == "pre":
			pre = max(pre+depth, 0)
			feeds = 2
		case token.Data == "p" || token.Data == "blockquote" || token.Data == "ul" || token.Data == "ol":
			feeds = 2
		case (token.Data == "script" || token.Data == "style") && kind != html.SelfClosingTagToken:
			hidden = max(hidden+depth, 0)
		}
	}
}

// oneLine removes the line feeds that the source of a document has and its
// reader does not see. Several spaces stay, as somebody typed them. At the
// beginning of a line there is no space.
func oneLine(s string, atStart bool) string {
	if strings.Contains(s, "\n") {
		lines := strings.Split(s, "\n")
		for i, line := range lines {
			if i > 0 {
				line = strings.TrimLeft(line, " \t")
			}
			if i < len(lines)-1 {
				line = strings.TrimRight(line, " \t")
			}
			lines[i] = line
		}
		s = strings.Join(lines, " ")
	}
	if atStart {
		s = strings.TrimLeft(s, " \t")
	}
	return s
}
