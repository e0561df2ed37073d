package sanitize

import (
	"regexp"
	"sync"

	"github.com/microcosm-cc/bluemonday"
)

// allowed is the list of what comes in. It is built once and never changed, so
// sharing it is as harmless as sharing a constant.
//
// Classes, rel and translate pass whole here; shape.go keeps the parts we know.
var allowed = sync.OnceValue(func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()

	p.AllowElements("p", "br", "a", "span", "s", "del", "pre", "code", "em", "strong", "b", "i", "u",
		"blockquote", "ul", "ol", "li")
	// These are let in to be rewritten: a heading becomes a strong paragraph,
	// since a post has no outline of its own, and the rest become line breaks,
	// so that words of two boxes do not run into one.
	p.AllowElements("h1", "h2", "h3", "h4", "h5", "h6")
	p.AllowElements("div", "section", "article", "header", "footer", "figure", "figcaption", "table", "tr",
		"dl", "dt", "dd", "hr")
	p.AllowNoAttrs().OnElements("a", "span")

	p.AllowAttrs("class").OnElements("a", "span", "p")
	p.AllowAttrs("translate").OnElements("a", "span", "p", "code", "pre")
	p.AllowAttrs("lang").Matching(regexp.MustCompile(`^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8}){0,7}$`)).
		OnElements("p", "span", "a", "blockquote", "ul", "ol", "li", "em", "strong")

	p.AllowAttrs("href", "rel").OnElements("a")
	p.AllowURLSchemes("http", "https")
	p.RequireParseableURLs(true)
	p.AllowRelativeURLs(false)

	number := regexp.MustCompile(`^-?[0-9]{1,9}$`)
	p.AllowAttrs("start").Matching(number).OnElements("ol")
	p.AllowAttrs("reversed").OnElements("ol")
	p.AllowAttrs("value").Matching(number).OnElements("li")

	// What is inside these is never text that a reader was meant to see.
	p.SkipElementsContent("template", "svg", "math", "audio", "video", "canvas", "applet",
		"select", "button", "textarea", "xmp", "plaintext")
	return p
})
