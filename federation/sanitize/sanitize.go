// Package sanitize turns foreign HTML into the small HTML we accept.
//
// What comes in is whatever another server calls the content of a post or the
// text of a profile. What goes out is paragraphs, line breaks, links, lists,
// quotes, code and emphasis, well nested and closed, so that it can neither run
// anything nor break out of the place on our page where it is shown. The
// result of HTML is a fixed point: sanitising it again changes nothing.
//
// It happens in two passes. An allow-list (policy.go) decides which elements
// and attributes come in at all. Then shape.go rewrites what is left: it keeps
// the few classes that clients know, gives every link the same rel and target,
// and closes what was left open. Neither pass builds a tree, so a document made
// to blow a tree up costs what it weighs.
package sanitize

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxInput is how many bytes of a document are read; the rest is cut off. It is
// the size of the largest activity we accept, so only a document that came
// another way can reach it.
const MaxInput = 1 << 20

// HTML returns what we accept of s. It never fails: what cannot be understood
// is text or nothing.
func HTML(s string) string {
	return shape(allowed().Sanitize(readable(s)))
}

// readable cuts s at MaxInput and removes what no text needs: invalid UTF-8,
// NUL (PostgreSQL refuses it, and old parsers read over it) and the other
// control characters.
func readable(s string) string {
	if len(s) > MaxInput {
		cut := MaxInput
		for cut > MaxInput-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut]
	}
	return printable(strings.ToValidUTF8(s, "\uFFFD"))
}

// printable removes control characters except line feed and tab. A character
// reference can bring one back after parsing, so it is asked twice.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s)
}
