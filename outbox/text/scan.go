package text

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"ruche/storage"
)

// Mention is somebody named in a text, in lower case.
type Mention struct {
	Username string
	Host     string // host or host:port, in ASCII; empty for somebody of our own node
	Acct     string // Username, or Username@Host
}

// Found is what a text names.
type Found struct {
	Mentions []Mention // each once, in order
	Hashtags []string  // without the #, in lower case and NFKC, each once, in order
}

// Scan returns whom and what the text s names. Addresses of pages are not
// looked into: https://a.test/@ana#go names nobody. HTML sees the same
// mentions and hashtags.
func Scan(s string) Found {
	var found Found
	mentions, tags := map[Mention]bool{}, map[string]bool{}
	pieces(clean(s), func(p piece) {
		switch {
		case p.kind == isMention && !mentions[p.mention]:
			mentions[p.mention] = true
			found.Mentions = append(found.Mentions, p.mention)
		case p.kind == isTag && !tags[p.tag]:
			tags[p.tag] = true
			found.Hashtags = append(found.Hashtags, p.tag)
		}
	})
	return found
}

const (
	// maxUsername and maxHost are what other servers and DNS allow; a longer
	// name can be nobody's.
	maxUsername = 64
	maxHost     = 253
	// maxURL is where browsers and servers stop agreeing.
	maxURL = 4096
)

type kind int

const (
	isText kind = iota
	isURL
	isMention
	isTag
)

// piece is a part of a text: the pieces of a text in a row are the text.
type piece struct {
	kind    kind
	typed   string
	mention Mention // of a mention
	tag     string  // of a hashtag, normalised
}

// pieces calls fn with each piece of the cleaned text s. Each byte is looked at
// a bounded number of times: what begins like something and is not is passed
// over whole or has a maximum length.
func pieces(s string, fn func(piece)) {
	begin := 0 // of the text not yet handed over
	before := ' '
	for i := 0; i < len(s); {
		var p piece
		passed := 0
		switch s[i] {
		case 'h', 'H':
			p, passed = urlAt(s[i:], before)
		case '@':
			p, passed = mentionAt(s[i:], before)
		case '#':
			p, passed = tagAt(s[i:], before)
		}
		if p.kind != isText {
			if begin < i {
				fn(piece{typed: s[begin:i]})
			}
			fn(p)
			begin = i + len(p.typed)
		}
		if passed == 0 {
			_, passed = utf8.DecodeRuneInString(s[i:])
		}
		i += passed
		before, _ = utf8.DecodeLastRuneInString(s[:i])
	}
	if begin < len(s) {
		fn(piece{typed: s[begin:]})
	}
}

// isWord reports whether r can be inside a word, so that what follows it does
// not begin something new. Combining marks belong to the letter before them.
func isWord(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

func isASCIIWord(r rune) bool {
	return r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

// The functions below look at what s begins with, knowing the rune before it.
// They return the piece, or a text piece, and how many bytes are dealt with (0
// for just the first letter).

// urlAt reads an http or https address up to white space or a letter that ends
// one. Punctuation that belongs to the sentence is left outside, and so is a
// closing bracket that was opened outside.
func urlAt(s string, before rune) (piece, int) {
	scheme := 0
	for _, each := range []string{"https://", "http://"} {
		if len(s) > len(each) && strings.EqualFold(s[:len(each)], each) {
			scheme = len(each)
		}
	}
	if scheme == 0 || isASCIIWord(before) || strings.ContainsRune("@#$", before) {
		return piece{}, 0
	}
	end := strings.IndexFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune("<>\"`“”„«»，。、！？；：（）「」『』", r)
	})
	if end < 0 {
		end = len(s)
	}
	if end > maxURL {
		return piece{}, end
	}
	typed := withoutTrailing(s[:end])
	u, err := url.Parse(typed)
	if err != nil || u.Hostname() == "" {
		// All of it is text: a # inside is no hashtag, and looking again at
		// each "http://" in here would take the square of its length.
		return piece{}, end
	}
	if first, _ := utf8.DecodeRuneInString(u.Hostname()); !isWord(first) && first != ':' {
		return piece{}, end
	}
	return piece{kind: isURL, typed: typed}, len(typed)
}

// withoutTrailing cuts the punctuation of the sentence off an address.
func withoutTrailing(address string) string {
	const opening, closing = "([{", ")]}"
	var unopened [len(closing)]int
	for i := range closing {
		unopened[i] = strings.Count(address, closing[i:i+1]) - strings.Count(address, opening[i:i+1])
	}
	for {
		last, size := utf8.DecodeLastRuneInString(address)
		bracket := strings.IndexRune(closing, last)
		switch {
		case size == 0:
			return address
		case strings.ContainsRune(".,;:!?'’…*", last):
		case bracket >= 0 && unopened[bracket] > 0:
			unopened[bracket]--
		default:
			return address
		}
		address = address[:len(address)-size]
	}
}

// mentionAt reads @user, @user@host or @user@host:port.
func mentionAt(s string, before rune) (piece, int) {
	if isWord(before) || strings.ContainsRune("/=@", before) {
		return piece{}, 0
	}
	name := nameAt(s[1:], maxUsername, isASCIIWord)
	end := 1 + len(name)
	if name == "" {
		return piece{}, 0
	}
	m := Mention{Username: strings.ToLower(name)}
	if end < len(s) && s[end] == '@' {
		host := nameAt(s[end+1:], maxHost, isWord)
		port := portAt(s[end+1+len(host):])
		if ascii, ok := normalHost(host); ok {
			m.Host = ascii + strings.ToLower(port)
			end += 1 + len(host) + len(port)
		}
	}
	// Stopping in the middle of a word would name somebody else: @ren in
	// @renée, or a name that is longer than any.
	if next, _ := utf8.DecodeRuneInString(s[end:]); end < len(s) && isWord(next) {
		return piece{}, 0
	}
	m.Acct = m.Username
	if m.Host != "" {
		m.Acct += "@" + m.Host
	}
	return piece{kind: isMention, typed: s[:end], mention: m}, end
}

// nameAt returns the longest beginning of s, up to most bytes, made of letters
// and, inside but not at its ends, dots and hyphens.
func nameAt(s string, most int, letter func(rune) bool) string {
	end := 0
	for i, r := range s {
		if i >= most {
			break
		}
		if letter(r) {
			end = i + utf8.RuneLen(r)
		} else if i == 0 || r != '.' && r != '-' {
			break
		}
	}
	return s[:end]
}

// portAt returns ":8442" at the beginning of s, or "". One digit is more likely
// to be the sentence going on, and nobody listens there.
func portAt(s string) string {
	if s == "" || s[0] != ':' {
		return ""
	}
	end := 1
	for end < len(s) && end <= 5 && '0' <= s[end] && s[end] <= '9' {
		end++
	}
	if end < 3 {
		return ""
	}
	if next, _ := utf8.DecodeRuneInString(s[end:]); end < len(s) && isWord(next) {
		return ""
	}
	return s[:end]
}

// normalHost returns host as it stands in an address on the wire: in lower case
// and ASCII (RFC 5891).
func normalHost(host string) (string, bool) {
	if host == "" {
		return "", false
	}
	ascii, err := idna.Lookup.ToASCII(host)
	if err != nil || len(ascii) > maxHost {
		return "", false
	}
	return ascii, true
}

// tagAt reads #tag: letters of any script, digits and underscores, and at least
// one letter.
func tagAt(s string, before rune) (piece, int) {
	if isWord(before) || strings.ContainsRune("/&#", before) {
		return piece{}, 0
	}
	end := 1
	for _, r := range s[1:] {
		if !isWord(r) {
			break
		}
		end += utf8.RuneLen(r)
	}
	tag := storage.NormalTag(s[1:end])
	// A # that carries a mark is another letter: the emoji of a key, #️⃣.
	if first, _ := utf8.DecodeRuneInString(s[1:]); tag == "" || unicode.IsMark(first) {
		return piece{}, end
	}
	return piece{kind: isTag, typed: s[:end], tag: tag}, end
}
