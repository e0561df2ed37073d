package federation

import (
	"cmp"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-fed/httpsig"
)

// What a Signature header may hold at most. A sender that signs all of its headers with RSA-4096 needs 1.5 KiB.
const (
	maxSignatureHeader = 8 << 10
	maxParameters      = 16
	maxCovered         = 32
)

// cavage is a signature by draft-cavage-http-signatures-12, read and not yet believed.
type cavage struct {
	keyID     string
	algorithm string // lower case; empty when absent
	covered   []string
	created   string // digits, empty when absent; so are expires
	expires   string
	signature string // standard base64 of at least one byte
}

func readCavage(r *http.Request) (*cavage, error) {
	text, err := signatureText(r.Header)
	if err != nil {
		return nil, err
	}
	params, err := parseParameters(text)
	if err != nil {
		return nil, err
	}
	c := &cavage{
		keyID:     params["keyid"],
		algorithm: strings.ToLower(params["algorithm"]),
		covered:   strings.Fields(strings.ToLower(params["headers"])),
		created:   params["created"],
		expires:   params["expires"],
		signature: params["signature"],
	}
	if c.keyID == "" || c.signature == "" {
		return nil, unverified("signature_incomplete", "keyId or signature is absent")
	}
	if raw, err := base64.StdEncoding.Strict().DecodeString(c.signature); err != nil || len(raw) == 0 {
		return nil, unverified("signature_encoding", "the signature is not base64")
	}
	for _, stamp := range []string{c.created, c.expires} {
		if _, err := unixTime(stamp); stamp != "" && err != nil {
			return nil, malformed("signature_malformed", "created or expires: %w", err)
		}
	}
	if len(c.covered) > maxCovered {
		return nil, malformed("signature_malformed", "more than %d headers are covered", maxCovered)
	}
	for i, name := range c.covered {
		if slices.Contains(c.covered[:i], name) {
			return nil, malformed("signature_malformed", "%s is covered twice", shown(name))
		}
		if !isHeaderName(name) && name != "(request-target)" && name != "(created)" && name != "(expires)" {
			return nil, unverified("header_unknown", "%s cannot be covered", shown(name))
		}
	}
	return c, nil
}

// signatureText finds the one header that holds the signature: Signature, or Authorization with that scheme.
func signatureText(h http.Header) (string, error) {
	found := slices.Clone(h["Signature"])
	for _, value := range h["Authorization"] {
		scheme, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
		if strings.EqualFold(scheme, "Signature") {
			found = append(found, rest)
		}
	}
	switch {
	case len(found) == 0:
		return "", unverified("unsigned", "there is no signature")
	case len(found) > 1:
		return "", malformed("signature_malformed", "there are %d signatures", len(found))
	case len(found[0]) > maxSignatureHeader:
		return "", malformed("signature_malformed", "the signature header has more than %d bytes", maxSignatureHeader)
	}
	return found[0], nil
}

// parseParameters reads `name="value", name=token, …`. Values may hold commas, and white space may stand around
// the commas: both occur, and both confuse the library. Each name may occur once: of two keyIds, the one that we
// permit must be the one that is verified. Names are given in lower case.
func parseParameters(s string) (map[string]string, error) {
	params := make(map[string]string)
	for {
		s = strings.TrimLeft(s, " \t")
		name, rest, found := strings.Cut(s, "=")
		name = strings.ToLower(strings.TrimRight(name, " \t"))
		if !found || !isHeaderName(name) {
			return nil, malformed("signature_malformed", "no parameter at %s", shown(s))
		}
		rest = strings.TrimLeft(rest, " \t")
		var value string
		if quoted, ok := strings.CutPrefix(rest, `"`); ok {
			value, rest, found = strings.Cut(quoted, `"`)
			if !found {
				return nil, malformed("signature_malformed", "the value of %s has no end", shown(name))
			}
		} else {
			end := strings.IndexAny(rest, ", \t")
			if end < 0 {
				end = len(rest)
			}
			value, rest = rest[:end], rest[end:]
			if value == "" {
				return nil, malformed("signature_malformed", "%s has no value", shown(name))
			}
		}
		// No value needs an escape, and readers differ on what one means.
		if i := strings.IndexFunc(value, func(c rune) bool { return c < ' ' || c > '~' || c == '\\' || c == '"' }); i >= 0 {
			return nil, malformed("signature_malformed", "%s holds a forbidden character", shown(name))
		}
		if _, twice := params[name]; twice {
			return nil, malformed("signature_malformed", "%s occurs twice", shown(name))
		}
		if len(params) == maxParameters {
			return nil, malformed("signature_malformed", "more than %d parameters", maxParameters)
		}
		params[name] = value

		rest = strings.TrimLeft(rest, " \t")
		if rest == "" {
			return params, nil
		}
		if rest[0] != ',' {
			return nil, malformed("signature_malformed", "no comma at %s", shown(rest))
		}
		s = rest[1:]
	}
}

// isHeaderName tells whether a lower-case name is made of the characters that header names have in practice. The
// library splits its input at commas, quotes, equal signs and spaces; none of them passes here.
func isHeaderName(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == ""
}

// unixTime reads the seconds of (created) and (expires), in the one spelling that has no sign and no leading zero.
func unixTime(digits string) (time.Time, error) {
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n <= 0 || strconv.FormatInt(n, 10) != digits {
		return time.Time{}, fmt.Errorf("%s is no time", shown(digits))
	}
	return time.Unix(n, 0).UTC(), nil
}

// check is the part of the gate that needs no key: PROTOCOL.md section 2.
func (c *cavage) check(r *http.Request, body []byte, now time.Time) (time.Time, error) {
	switch c.algorithm {
	case "", "hs2019", "rsa-sha256", "ed25519":
		// Whether it fits the key is verify's question.
	default:
		return time.Time{}, unverified("algorithm", "algorithm %s", shown(c.algorithm))
	}
	if err := c.covers(r, body); err != nil {
		return time.Time{}, err
	}
	for _, name := range c.covered {
		if _, err := c.value(r, name); err != nil {
			return time.Time{}, err
		}
	}
	if c.has("digest") {
		if err := checkDigest(r.Header["Digest"][0], body); err != nil {
			return time.Time{}, err
		}
	}
	return c.time(r, now)
}

func (c *cavage) has(name string) bool { return slices.Contains(c.covered, name) }

// covers checks that what the signature must vouch for is in it: the path, the receiver, the time and the body.
func (c *cavage) covers(r *http.Request, body []byte) error {
	if !c.has("(request-target)") {
		return unverified("target_uncovered", "(request-target) is not covered")
	}
	if !c.has("host") {
		return unverified("host_uncovered", "host is not covered")
	}
	if !c.has("date") && !c.has("(created)") {
		return unverified("date_uncovered", "neither date nor (created) is covered")
	}
	if (c.has("(created)") || c.has("(expires)")) && c.algorithm != "" && c.algorithm != "hs2019" {
		// draft-cavage-12 §2.3: the pseudo-headers came with hs2019.
		return unverified("algorithm", "(created) with algorithm %s", shown(c.algorithm))
	}
	if (len(body) > 0 || r.Method == http.MethodPost) && !c.has("digest") {
		if len(r.Header["Digest"]) == 0 {
			return unverified("digest_absent", "a body without Digest")
		}
		return unverified("digest_uncovered", "digest is not covered")
	}
	return nil
}

// value gives what a covered name stands for in the signing string: draft-cavage-12 §2.3. A header must be there
// exactly once, or two readers could pick two of its values.
func (c *cavage) value(r *http.Request, name string) (string, error) {
	var value string
	switch name {
	case "(request-target)":
		value = strings.ToLower(r.Method) + " " + requestTarget(r)
	case "(created)", "(expires)":
		value = c.created
		if name == "(expires)" {
			value = c.expires
		}
		if value == "" {
			return "", unverified("header_absent", "%s is covered and has no value", name)
		}
	case "host":
		// net/http takes Host out of the header; if one is left there, it must be the same.
		if left := r.Header["Host"]; len(left) > 1 || len(left) == 1 && left[0] != r.Host {
			return "", unverified("header_twice", "there are two hosts")
		}
		value = r.Host
	default:
		values := r.Header[textproto.CanonicalMIMEHeaderKey(name)]
		if len(values) == 0 {
			return "", unverified("header_absent", "%s is covered and absent", name)
		}
		if len(values) > 1 {
			return "", unverified("header_twice", "%s is covered and occurs %d times", name, len(values))
		}
		value = strings.Trim(values[0], " \t")
	}
	// The signing string has one line for each name: a value with a line end in it would be two of them.
	if strings.ContainsAny(value, "\r\n\x00") {
		return "", malformed("header_malformed", "%s holds a line end", name)
	}
	return value, nil
}

// time tells when the request was signed, if that is inside the window.
func (c *cavage) time(r *http.Request, now time.Time) (time.Time, error) {
	var stamps []time.Time
	if c.has("(created)") {
		created, err := unixTime(c.created)
		if err != nil {
			return time.Time{}, malformed("signature_malformed", "created: %w", err)
		}
		stamps = append(stamps, created)
	}
	if c.has("date") {
		date, err := http.ParseTime(strings.Trim(r.Header["Date"][0], " \t"))
		if err != nil {
			return time.Time{}, unverified("date_malformed", "Date: %w", err)
		}
		stamps = append(stamps, date.UTC())
	}
	for _, signed := range stamps {
		if err := inWindow(signed, now); err != nil {
			return time.Time{}, err
		}
	}
	if c.expires != "" {
		// Covered or not: heeding it can only refuse more.
		if expires, err := unixTime(c.expires); err != nil || now.After(expires) {
			return time.Time{}, unverified("expired", "the signature expired at %s", shown(c.expires))
		}
	}
	return stamps[0], nil
}

// requestTarget is the path and query as they came, before any router changed them.
func requestTarget(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		return r.RequestURI
	}
	return r.URL.RequestURI()
}

// checkDigest compares a Digest header (RFC 3230) with the bytes that were read. Others may be listed beside
// SHA-256; they vouch for nothing.
func checkDigest(header string, body []byte) error {
	var sums []string
	for item := range strings.SplitSeq(header, ",") {
		name, sum, _ := strings.Cut(strings.TrimSpace(item), "=")
		if strings.EqualFold(name, "SHA-256") {
			sums = append(sums, sum)
		}
	}
	if len(sums) != 1 {
		return unverified("digest_algorithm", "Digest holds %d values of SHA-256", len(sums))
	}
	if sums[0] != digest(body) {
		return unverified("digest_mismatch", "the body is not the one that was signed")
	}
	return nil
}

func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// verify computes the signature over the request's target with its query, then without: Fedify leaves it out.
// The key says which algorithm it is; what the request says may only agree.
func (c *cavage) verify(r *http.Request, key crypto.PublicKey) error {
	if err := usableKey(key); err != nil {
		return unverified("key_unusable", "%w", err)
	}
	algorithm, contrary := httpsig.RSA_SHA256, "ed25519"
	if _, ok := key.(ed25519.PublicKey); ok {
		algorithm, contrary = httpsig.ED25519, "rsa-sha256"
	}
	if c.algorithm == contrary {
		return unverified("algorithm", "algorithm %s with a key of type %T", c.algorithm, key)
	}
	target := requestTarget(r)
	err := c.verifyTarget(r, target, key, algorithm)
	if path, _, hasQuery := strings.Cut(target, "?"); err != nil && hasQuery {
		err = c.verifyTarget(r, path, key, algorithm)
	}
	if err != nil {
		return unverified("signature_invalid", "verify: %w", err)
	}
	return nil
}

// verifyTarget hands the library a request that we wrote ourselves: the covered headers, once each, and a
// Signature header without surprises. Its parser never sees what a stranger wrote, and what it adds to the
// header of a request stays out of ours.
//
// (created) and (expires) are put on the line above theirs, as the library would otherwise compare them with its
// own clock and its own tolerance of 10 seconds. It still does so when one of them is the first line.
func (c *cavage) verifyTarget(r *http.Request, target string, key crypto.PublicKey, algorithm httpsig.Algorithm) error {
	clean := &http.Request{Method: strings.ToLower(r.Method), URL: &url.URL{}, Header: http.Header{}}
	signature := `keyId="key",`
	var names []string
	var last *string // where the value of the last real line is kept, to add a line to it
	lines := make(map[string]*string)
	for _, name := range c.covered {
		value, err := c.value(r, name)
		if err != nil {
			return err
		}
		switch {
		case name == "(request-target)":
			value = target
		case name != "(created)" && name != "(expires)":
		case last != nil:
			*last += "\n" + name + ": " + value
			continue
		default:
			signature += strings.Trim(name, "()") + "=" + value + ","
			names = append(names, name)
			continue
		}
		last = &value
		lines[name] = last
		names = append(names, name)
	}
	for name, value := range lines {
		if name == "(request-target)" {
			clean.URL.Path = *value
		} else {
			clean.Header[textproto.CanonicalMIMEHeaderKey(name)] = []string{*value}
		}
	}
	signature += `headers="` + strings.Join(names, " ") + `",signature="` + c.signature + `"`
	clean.Header.Set("Signature", signature)
	verifier, err := httpsig.NewVerifier(clean)
	if err != nil {
		return err
	}
	return verifier.Verify(key, algorithm)
}

// Sign signs a request by the scheme that its host takes, as the client knows it: by draft-cavage, unless the
// request comes from a client that knows better. It sets Host and Signature, and Date and Digest or Signature-Input and
// Content-Digest. The signature covers the target, host and date; with a body (or a POST, whose body may be empty) the digest, and content-type if it is set. key is an
// *rsa.PrivateKey or an ed25519.PrivateKey. Signing again replaces what was set before: each attempt of a
// delivery is signed anew.
func Sign(r *http.Request, body []byte, keyID string, key crypto.PrivateKey, now time.Time) error {
	if _, err := HostOf(keyID); err != nil {
		return fmt.Errorf("sign: keyId: %w", err)
	}
	if schemeOf(r) == RFC9421 {
		return signRFC9421(r, body, keyID, key, now)
	}
	host, err := HostOf(r.URL.String())
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	// "hs2019" would be the honest name, but some servers know only the old one (Misskey), and none refuses it.
	algorithm, label := httpsig.RSA_SHA256, "rsa-sha256"
	switch key.(type) {
	case *rsa.PrivateKey:
	case ed25519.PrivateKey:
		algorithm, label = httpsig.ED25519, "hs2019"
	default:
		return fmt.Errorf("sign with a key of type %T", key)
	}
	// Misskey wants these four in this order.
	covered := []string{httpsig.RequestTarget, "host", "date"}
	clean := &http.Request{Method: cmp.Or(r.Method, http.MethodGet), URL: &url.URL{Path: r.URL.RequestURI()}, Header: http.Header{}}
	clean.Header.Set("Host", host)
	clean.Header.Set("Date", now.UTC().Format(http.TimeFormat))
	if len(body) > 0 || r.Method == http.MethodPost {
		clean.Header.Set("Digest", "SHA-256="+digest(body))
		covered = append(covered, "digest")
		if kind := r.Header.Get("Content-Type"); kind != "" {
			clean.Header.Set("Content-Type", kind)
			covered = append(covered, "content-type")
		}
	}
	if sync := r.Header.Get(SyncHeader); sync != "" {
		clean.Header.Set(SyncHeader, sync)
		covered = append(covered, strings.ToLower(SyncHeader))
	}
	// A signer of the library may not be shared between goroutines, and costs nothing beside the arithmetic.
	signer, chosen, err := httpsig.NewSigner([]httpsig.Algorithm{algorithm}, httpsig.DigestSha256, covered, httpsig.Signature, 0)
	if err != nil || chosen != algorithm {
		return fmt.Errorf("sign with %s: %w", algorithm, err)
	}
	if err := signer.SignRequest(key, keyID, clean, nil); err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	r.Host = host
	r.Header.Set("Date", clean.Header.Get("Date"))
	for _, name := range []string{"Digest", "Signature-Input", "Content-Digest"} {
		r.Header.Del(name)
	}
	if d := clean.Header.Get("Digest"); d != "" {
		r.Header.Set("Digest", d)
	}
	r.Header.Set("Signature", strings.Replace(clean.Header.Get("Signature"), `algorithm="hs2019"`, `algorithm="`+label+`"`, 1))
	return nil
}
