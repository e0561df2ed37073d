package federation

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// ErrHost says that a text names no host: a peer cannot be compared with it, so nothing it vouches for counts.
var ErrHost = errors.New("not a host")

const (
	// maxURI bounds what is read as an address; longer ones are only sent to make somebody work.
	maxURI = 2048
	// maxHostInput bounds a host before it is mapped: punycode makes names shorter or longer, never tenfold.
	maxHostInput = 1024
	// RFC 1035 §2.3.4.
	maxHostName  = 253
	maxHostLabel = 63
)

// NormalizeHost turns the name of a node into the one spelling in which hosts are stored and compared: `host` or
// `host:port`, in lower case, as IDNA's ASCII form, without a trailing dot, and without the port where everybody
// assumes it (443, and 80 for *.localhost, where a demonstration speaks plain HTTP).
//
// Two hosts are the same when their normal forms are equal bytes, and only then: an allow list that compares
// anything else can be talked round by a full-width dot or a capital letter.
//
// Addresses are IPv4 in four decimal parts or IPv6 in brackets. Whatever else ends in a number (127.1, 0x7f.1,
// 2130706433) is refused, since resolvers read it as an address that we would not recognise. Errors wrap ErrHost.
func NormalizeHost(s string) (string, error) {
	if s == "" || len(s) > maxHostInput || !utf8.ValidString(s) {
		return "", fmt.Errorf("host %s: empty, too long or not text: %w", shown(s), ErrHost)
	}
	for _, c := range s {
		// IDNA would refuse most of these too; said here, it doesn't depend on its tables.
		if unicode.IsSpace(c) || unicode.IsControl(c) || strings.ContainsRune(`@/\?#%*"'<>`+"`", c) {
			return "", fmt.Errorf("host %s: a character that no host has: %w", shown(s), ErrHost)
		}
	}
	name, port, err := splitPort(s)
	if err != nil {
		return "", fmt.Errorf("host %s: %w", shown(s), err)
	}
	if strings.HasPrefix(name, "[") {
		name, err = normalIPv6(name)
	} else {
		name, err = normalName(name)
	}
	if err != nil {
		return "", fmt.Errorf("host %s: %w", shown(s), err)
	}
	switch {
	case port == 0, port == 443, port == 80 && isLocalhost(name):
		return name, nil
	}
	return name + ":" + strconv.Itoa(port), nil
}

// HostOf gives the normal host of an absolute http or https URI: the peer that may speak for it. It refuses
// anything that two readers could understand differently: user names, quotes, backslashes, spaces, control
// characters, the default port of the other scheme, more than 2048 bytes. Errors wrap ErrHost.
func HostOf(uri string) (string, error) {
	if len(uri) > maxURI || !utf8.ValidString(uri) {
		return "", fmt.Errorf("address %s: too long or not text: %w", shown(uri), ErrHost)
	}
	for _, c := range uri {
		if unicode.IsSpace(c) || unicode.IsControl(c) || strings.ContainsRune(`"\<>`+"`", c) {
			return "", fmt.Errorf("address %s: a character that no address has: %w", shown(uri), ErrHost)
		}
	}
	scheme, rest, found := strings.Cut(uri, "://")
	scheme = strings.ToLower(scheme)
	if !found || scheme != "https" && scheme != "http" {
		return "", fmt.Errorf("address %s: not http or https: %w", shown(uri), ErrHost)
	}
	authority := rest
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority = rest[:end]
	}
	// The standard parser must see the same authority, or the client would connect elsewhere than we permitted.
	parsed, err := url.Parse(uri)
	if err != nil || parsed.Host != authority || parsed.User != nil {
		return "", fmt.Errorf("address %s: cannot be read in one way only: %w", shown(uri), ErrHost)
	}
	host, err := NormalizeHost(authority)
	if err != nil {
		return "", err
	}
	switch port := parsed.Port(); {
	case scheme == "http" && port == "443", scheme == "https" && port == "80" && isLocalhost(host):
		// NormalizeHost would drop the port, which here isn't the one that would be assumed.
		return "", fmt.Errorf("address %s: the port of the other scheme: %w", shown(uri), ErrHost)
	case scheme == "http" && port == "80":
		return strings.TrimSuffix(host, ":80"), nil
	}
	return host, nil
}

// splitPort takes the port off a host; 0 is no port.
func splitPort(s string) (name string, port int, err error) {
	colon := strings.LastIndexByte(s, ':')
	if colon < 0 || strings.HasSuffix(s, "]") {
		return s, 0, nil
	}
	name, digits := s[:colon], s[colon+1:]
	// Atoi alone would take "+443" and "0443": other spellings of the same port.
	port, err = strconv.Atoi(digits)
	if err != nil || port < 1 || port > 65535 || strconv.Itoa(port) != digits {
		return "", 0, fmt.Errorf("port %s: %w", shown(digits), ErrHost)
	}
	return name, port, nil
}

// normalIPv6 reads a bracketed IPv6 address. IPv4 inside IPv6 has a plainer spelling, and a host has only one.
func normalIPv6(s string) (string, error) {
	inner, closed := strings.CutSuffix(strings.TrimPrefix(s, "["), "]")
	addr, err := netip.ParseAddr(inner)
	if !closed || err != nil || !addr.Is6() || addr.Is4In6() || addr.Zone() != "" {
		return "", fmt.Errorf("not an IPv6 address: %w", ErrHost)
	}
	return "[" + addr.String() + "]", nil
}

// normalName maps a DNS name as browsers do (UTS 46, non-transitional) and checks what comes out, not what went in.
func normalName(s string) (string, error) {
	name, err := idna.Lookup.ToASCII(s)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrHost, err)
	}
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	if name == "" || len(name) > maxHostName {
		return "", fmt.Errorf("no name, or more than %d bytes: %w", maxHostName, ErrHost)
	}
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if label == "" || len(label) > maxHostLabel || label[0] == '-' || label[len(label)-1] == '-' {
			return "", fmt.Errorf("a label that is empty, too long or bounded by hyphens: %w", ErrHost)
		}
		for i := range len(label) {
			if c := label[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				return "", fmt.Errorf("a character that no host has: %w", ErrHost)
			}
		}
	}
	if endsInNumber(labels[len(labels)-1]) {
		addr, err := netip.ParseAddr(name)
		if err != nil || !addr.Is4() {
			return "", fmt.Errorf("an address in an unusual form: %w", ErrHost)
		}
		return addr.String(), nil
	}
	return name, nil
}

// endsInNumber is the URL standard's test of a last label that some resolver would read as part of an IPv4 address.
func endsInNumber(label string) bool {
	if hex, ok := strings.CutPrefix(label, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}

// isLocalhost tells whether a normal host (with or without a port) is a name under localhost, RFC 6761 §6.3.
func isLocalhost(host string) bool {
	name, _, _ := strings.Cut(host, ":")
	return strings.HasSuffix(name, ".localhost")
}

// shown quotes hostile text for an error message, short enough for a log line.
func shown(s string) string {
	const enough = 80
	if len(s) > enough {
		s = s[:enough] + "…"
	}
	return strconv.QuoteToASCII(s)
}
