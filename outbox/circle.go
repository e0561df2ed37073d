package outbox

import (
	"strings"

	"ruche/storage"
)

// circleWords are what an author may write, alone on the last line of a post, to choose its circle
// from any app.
var circleWords = map[string]string{
	"!node": storage.CircleNode, "!organisation": storage.CircleOrganisation, "!network": storage.CircleNetwork,
}

// takeCircle reads a circle off the last line of a text and takes the line away; without one the
// circle is empty. Another !word alone there is refused: a misspelt circle must not become a
// wider post.
func takeCircle(text string) (rest, circle string, err error) {
	trimmed := strings.TrimRight(text, " \t\r\n")
	before, last := "", trimmed
	if i := strings.LastIndexByte(trimmed, '\n'); i >= 0 {
		before, last = trimmed[:i], trimmed[i+1:]
	}
	word := strings.TrimSpace(last)
	if len(word) < 2 || word[0] != '!' || strings.ContainsAny(word, " \t") || strings.Trim(word, "!") == "" {
		return text, "", nil
	}
	circle, known := circleWords[strings.ToLower(word)]
	if !known {
		return "", "", invalid("The last line %q is no circle: write !node, !organisation or !network, or something after it.", word)
	}
	return strings.TrimRight(before, " \t\r\n"), circle, nil
}
