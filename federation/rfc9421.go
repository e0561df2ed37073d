package federation

import (
	"cmp"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dunglas/httpsfv"
	"github.com/yaronf/httpsign"
)

// The algorithms of RFC 9421 §3.3 that we know: the two that ActivityPub servers use.
const (
	algorithmRSA     = "rsa-v1_5-sha256"
	algorithmEd25519 = "ed25519"
)

// message is a signature by RFC 9421, read and not yet believed.
type message struct {
	scheme    string // of our addresses, by configuration
	keyID     string
	algorithm string // empty when absent
	covered   []string
	created   time.Time
	expires   time.Time // zero when absent
	input     string    // the covered components and parameters in their one canonical form
	signature []byte
}

// readRFC9421 reads the two headers of a signature strictly: one signature, each parameter once and of its type,
// plain components only. What a lenient reader would drop (of two keyids the first) is refused.
func readRFC9421(r *http.Request) (*message, error) {
	input, err := onlyMember(r.Header, "Signature-Input")
	if err != nil {
		return nil, err
	}
	list, ok := input.member.(httpsfv.InnerList)
	if !ok {
		return nil, malformed("signature_malformed", "Signature-Input is no list of components")
	}
	m := &message{}
	if m.input, err = httpsfv.Marshal(list); err != nil {
		return nil, malformed("signature_malformed", "Signature-Input: %w", err)
	}
	for _, item := range list.Items {
		name, ok := item.Value.(string)
		if !ok {
			return nil, malformed("signature_malformed", "a component that isn't a string")
		}
		if slices.Contains(m.covered, name) {
			return nil, malformed("signature_malformed", "%s is covered twice", shown(name))
		}
		if len(item.Params.Names()) > 0 || !isComponent(name) {
			return nil, unverified("header_unknown", "%s cannot be covered", shown(name))
		}
		m.covered = append(m.covered, name)
	}
	if len(m.covered) > maxCovered {
		return nil, malformed("signature_malformed", "more than %d components are covered", maxCovered)
	}
	if err := m.parameters(list.Params); err != nil {
		return nil, err
	}
	made, err := onlyMember(r.Header, "Signature")
	if err != nil {
		return nil, err
	}
	item, ok := made.member.(httpsfv.Item)
	if !ok || made.name != input.name {
		return nil, malformed("signature_malformed", "Signature and Signature-Input differ")
	}
	if m.signature, ok = item.Value.([]byte); !ok || len(m.signature) == 0 {
		return nil, unverified("signature_encoding", "the signature is no sequence of bytes")
	}
	return m, nil
}

// isComponent tells the derived components (RFC 9421 §2.2) that a request to us may cover, and header names.
func isComponent(name string) bool {
	switch name {
	case "@method", "@target-uri", "@authority", "@scheme", "@path", "@query":
		return true
	case "signature", "signature-input":
		return false
	}
	return isHeaderName(name)
}

func (m *message) parameters(params *httpsfv.Params) error {
	for _, name := range params.Names() {
		value, _ := params.Get(name)
		ok := true
		switch name {
		case "created", "expires":
			var seconds int64
			if seconds, ok = value.(int64); !ok || seconds <= 0 {
				return malformed("signature_malformed", "%s is no time", name)
			}
			if name == "created" {
				m.created = time.Unix(seconds, 0).UTC()
			} else {
				m.expires = time.Unix(seconds, 0).UTC()
			}
		case "keyid":
			m.keyID, ok = value.(string)
		case "alg":
			m.algorithm, ok = value.(string)
			ok = ok && m.algorithm != ""
		}
		if !ok {
			return malformed("signature_malformed", "%s is of another type", name)
		}
	}
	if m.keyID == "" {
		return unverified("signature_incomplete", "keyid is absent")
	}
	if m.created.IsZero() {
		return unverified("created_absent", "created is absent")
	}
	return nil
}

// check is the part of the gate that needs no key: PROTOCOL.md section 2.
func (m *message) check(r *http.Request, body []byte, now time.Time) (time.Time, error) {
	switch m.algorithm {
	case "", algorithmRSA, algorithmEd25519:
		// Whether it fits the key is verify's question.
	default:
		return time.Time{}, unverified("algorithm", "algorithm %s", shown(m.algorithm))
	}
	for name, reason := range map[string]string{"@method": "method_uncovered", "@target-uri": "target_uncovered"} {
		if !slices.Contains(m.covered, name) {
			return time.Time{}, unverified(reason, "%s is not covered", name)
		}
	}
	if (len(body) > 0 || r.Method == http.MethodPost) && !slices.Contains(m.covered, "content-digest") {
		if len(r.Header["Content-Digest"]) == 0 {
			return time.Time{}, unverified("digest_absent", "a body without Content-Digest")
		}
		return time.Time{}, unverified("digest_uncovered", "content-digest is not covered")
	}
	for _, name := range m.covered {
		if _, err := m.value(r, name); err != nil {
			return time.Time{}, err
		}
	}
	if slices.Contains(m.covered, "content-digest") {
		if err := checkContentDigest(r.Header, body); err != nil {
			return time.Time{}, err
		}
	}
	if err := inWindow(m.created, now); err != nil {
		return time.Time{}, err
	}
	if !m.expires.IsZero() && now.After(m.expires) {
		return time.Time{}, unverified("expired", "the signature expired at %s", m.expires)
	}
	return m.created, nil
}

// value gives a covered header, which must be there exactly once; derived components are the library's.
func (m *message) value(r *http.Request, name string) (string, error) {
	if strings.HasPrefix(name, "@") {
		return "", nil
	}
	values := r.Header[textproto.CanonicalMIMEHeaderKey(name)]
	if name == "host" {
		// net/http takes Host out of the header; if one is left there, it must be the same.
		if len(values) > 1 || len(values) == 1 && values[0] != r.Host {
			return "", unverified("header_twice", "there are two hosts")
		}
		values = []string{r.Host}
	}
	switch {
	case len(values) == 0:
		return "", unverified("header_absent", "%s is covered and absent", name)
	case len(values) > 1:
		return "", unverified("header_twice", "%s is covered and occurs %d times", name, len(values))
	case strings.ContainsAny(values[0], "\r\n\x00"):
		return "", malformed("header_malformed", "%s holds a line end", name)
	}
	return strings.Trim(values[0], " \t"), nil
}

// verify computes the signature. The key says which algorithm it is; what the request says may only agree. The
// library sees a request that we wrote ourselves: the covered headers, once each, and the address as configured,
// since behind a proxy neither the connection nor the request line tells the scheme.
func (m *message) verify(r *http.Request, key crypto.PublicKey) error {
	if err := usableKey(key); err != nil {
		return unverified("key_unusable", "%w", err)
	}
	// Time, coverage and key are the gate's, and checked; the library has a clock of its own.
	config := httpsign.NewVerifyConfig().SetVerifyCreated(false).SetRejectExpired(false)
	var verifier *httpsign.Verifier
	var err error
	algorithm := algorithmRSA
	switch key := key.(type) {
	case *rsa.PublicKey:
		verifier, err = httpsign.NewRSAVerifier(*key, config, httpsign.Headers("@method", "@target-uri"))
	case ed25519.PublicKey:
		algorithm = algorithmEd25519
		verifier, err = httpsign.NewEd25519Verifier(key, config, httpsign.Headers("@method", "@target-uri"))
	}
	if err != nil {
		return unverified("key_unusable", "%w", err)
	}
	if m.algorithm != "" && m.algorithm != algorithm {
		return unverified("algorithm", "algorithm %s with a key of type %T", m.algorithm, key)
	}
	clean, err := m.clean(r)
	if err != nil {
		return err
	}
	if err := httpsign.VerifyRequest("s", *verifier, clean); err != nil {
		return unverified("signature_invalid", "verify: %w", err)
	}
	return nil
}

func (m *message) clean(r *http.Request) (*http.Request, error) {
	// The gate has checked that this is one of our hosts.
	host, err := NormalizeHost(r.Host)
	if err != nil {
		return nil, malformed("host_malformed", "Host: %w", err)
	}
	address := m.scheme + "://" + host + requestTarget(r)
	target, err := url.Parse(address)
	if err != nil || target.String() != address {
		return nil, malformed("target_malformed", "the target %s cannot be read in one way only", shown(requestTarget(r)))
	}
	signature, err := httpsfv.Marshal(httpsfv.NewItem(m.signature))
	if err != nil {
		return nil, malformed("signature_malformed", "Signature: %w", err)
	}
	clean := &http.Request{Method: r.Method, URL: target, Host: host, Header: http.Header{
		"Signature-Input": {"s=" + m.input}, "Signature": {"s=" + signature},
	}}
	for _, name := range m.covered {
		value, err := m.value(r, name)
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(name, "@") {
			clean.Header[textproto.CanonicalMIMEHeaderKey(name)] = []string{value}
		}
	}
	return clean, nil
}

// checkContentDigest compares a Content-Digest (RFC 9530) with the bytes that were read. Others may be listed
// beside sha-256; they vouch for nothing.
func checkContentDigest(h http.Header, body []byte) error {
	dictionary, err := readDictionary(h, "Content-Digest")
	if err != nil {
		return err
	}
	member, _ := dictionary.Get("sha-256")
	item, _ := member.(httpsfv.Item)
	sum, ok := item.Value.([]byte)
	if !ok {
		return unverified("digest_algorithm", "Content-Digest holds no value of sha-256")
	}
	if want := sha256.Sum256(body); string(sum) != string(want[:]) {
		return unverified("digest_mismatch", "the body is not the one that was signed")
	}
	return nil
}

// readDictionary reads a header that is a dictionary of structured fields (RFC 8941) and occurs once. The format lets a
// reader drop what is given twice and keep the last; here it is refused, by comparing what was read with
// what was written.
func readDictionary(h http.Header, name string) (*httpsfv.Dictionary, error) {
	values := h[name]
	switch {
	case len(values) == 0:
		return nil, unverified("signature_incomplete", "%s is absent", name)
	case len(values) > 1:
		return nil, malformed("signature_malformed", "there are %d of %s", len(values), name)
	case len(values[0]) > maxSignatureHeader:
		return nil, malformed("signature_malformed", "%s has more than %d bytes", name, maxSignatureHeader)
	}
	dictionary, err := httpsfv.UnmarshalDictionary(values)
	if err != nil {
		return nil, malformed("signature_malformed", "%s: %w", name, err)
	}
	again, err := httpsfv.Marshal(dictionary)
	if err != nil || squeezed(again) != squeezed(values[0]) {
		return nil, malformed("signature_malformed", "%s can be read in two ways", name)
	}
	return dictionary, nil
}

type member struct {
	name   string
	member httpsfv.Member
}

func onlyMember(h http.Header, name string) (member, error) {
	dictionary, err := readDictionary(h, name)
	if err != nil {
		return member{}, err
	}
	names := dictionary.Names()
	if len(names) != 1 {
		return member{}, malformed("signature_malformed", "%s has %d members", name, len(names))
	}
	value, _ := dictionary.Get(names[0])
	return member{names[0], value}, nil
}

// squeezed leaves out the white space of a structured field that is outside of its strings.
func squeezed(s string) string {
	var out strings.Builder
	quoted, escaped := false, false
	for i := range len(s) {
		c := s[i]
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		}
		if quoted || c != ' ' && c != '\t' {
			out.WriteByte(c)
		}
	}
	return out.String()
}

// signedIfSet are the headers that a signature covers where a request has them.
var signedIfSet = [...]string{"content-type", "collection-synchronization"}

// signRFC9421 signs a request by RFC 9421 and sets its Signature-Input, Signature and, with a body, Content-Digest. The
// library verifies, and doesn't sign: it takes the time from the machine, not from the caller.
func signRFC9421(r *http.Request, body []byte, keyID string, key crypto.PrivateKey, now time.Time) error {
	host, err := HostOf(r.URL.String())
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	algorithm := algorithmRSA
	switch key.(type) {
	case *rsa.PrivateKey:
	case ed25519.PrivateKey:
		algorithm = algorithmEd25519
	default:
		return fmt.Errorf("sign with a key of type %T", key)
	}
	method := cmp.Or(r.Method, http.MethodGet)
	values := []string{"@method", method, "@target-uri", r.URL.Scheme + "://" + host + r.URL.RequestURI()}
	for _, name := range []string{"Content-Digest", "Digest"} {
		r.Header.Del(name)
	}
	if len(body) > 0 || method == http.MethodPost {
		value := "sha-256=:" + digest(body) + ":"
		r.Header.Set("Content-Digest", value)
		values = append(values, "content-digest", value)
	}
	for _, name := range signedIfSet {
		if value := strings.TrimSpace(r.Header.Get(name)); value != "" {
			values = append(values, name, value)
		}
	}
	list := httpsfv.InnerList{Params: httpsfv.NewParams()}
	var base strings.Builder
	for pair := range slices.Chunk(values, 2) {
		list.Items = append(list.Items, httpsfv.NewItem(pair[0]))
		fmt.Fprintf(&base, "%q: %s\n", pair[0], pair[1])
	}
	list.Params.Add("created", now.Unix())
	list.Params.Add("keyid", keyID)
	list.Params.Add("alg", algorithm)
	input, err := httpsfv.Marshal(list)
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	fmt.Fprintf(&base, "\"@signature-params\": %s", input)
	var raw []byte
	switch key := key.(type) {
	case *rsa.PrivateKey:
		sum := sha256.Sum256([]byte(base.String()))
		raw, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	case ed25519.PrivateKey:
		raw = ed25519.Sign(key, []byte(base.String()))
	}
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	signature, err := httpsfv.Marshal(httpsfv.NewItem(raw))
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	r.Host = host
	r.Header.Set("Signature-Input", "sig1="+input)
	r.Header.Set("Signature", "sig1="+signature)
	return nil
}
