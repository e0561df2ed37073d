package federation

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
)

// pen signs by RFC 9421 as another server might: it writes the lines that it is told, without the code under test.
type pen struct {
	method, target, host string
	body                 []byte
	header               http.Header
	covered              []string // as written: with quotes and parameters
	values               map[string]string
	params               string // what follows the list
	key                  any
	label                string
}

func newPen(key any) *pen {
	body := []byte(`{"type":"Follow"}`)
	return &pen{
		method: "POST", target: "/inbox", host: "legal.example", body: body, key: key, label: "sig1",
		header:  http.Header{"Content-Digest": {"sha-256=:" + sum256(body) + ":"}},
		covered: []string{`"@method"`, `"@target-uri"`, `"content-digest"`},
		params:  fmt.Sprintf(`;created=%d;keyid="%s"`, noon.Unix(), anaKey),
		values:  map[string]string{},
	}
}

func (p *pen) at(d time.Duration) {
	p.params = fmt.Sprintf(`;created=%d;keyid="%s"`, noon.Add(d).Unix(), anaKey)
}

func (p *pen) request(t testing.TB) *http.Request {
	t.Helper()
	var lines []string
	for _, name := range p.covered {
		plain := strings.Trim(name, `"`)
		value, given := p.values[plain]
		switch {
		case given:
		case plain == "@method":
			value = p.method
		case plain == "@target-uri":
			value = "https://legal.example" + p.target
		default:
			value = strings.Join(p.header.Values(plain), ", ")
		}
		lines = append(lines, name+": "+value)
	}
	input := "(" + strings.Join(p.covered, " ") + ")" + p.params
	text := []byte(strings.Join(append(lines, `"@signature-params": `+input), "\n"))
	var raw []byte
	var err error
	switch key := p.key.(type) {
	case *rsa.PrivateKey:
		sum := sha256.Sum256(text)
		raw, err = rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	case ed25519.PrivateKey:
		raw = ed25519.Sign(key, text)
	case []byte:
		mac := hmac.New(sha256.New, key)
		mac.Write(text)
		raw = mac.Sum(nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	// The address is what a server behind a proxy that ends TLS sees: a path.
	r := httptest.NewRequest(p.method, p.target, bytes.NewReader(p.body))
	r.Host, r.TLS = p.host, nil
	r.Header = p.header.Clone()
	r.Header.Set("Signature-Input", p.label+"="+input)
	r.Header.Set("Signature", p.label+"=:"+base64.StdEncoding.EncodeToString(raw)+":")
	return r
}

func TestWhatOtherServersSignByRFC9421IsAccepted(t *testing.T) {
	key := rsaKey(t, 2048)
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	for name, change := range map[string]func(p *pen){
		"A4 RSA":                   func(p *pen) {},
		"A4 RSA by name":           func(p *pen) { p.params += `;alg="rsa-v1_5-sha256"` },
		"A4 with expires":          func(p *pen) { p.params += fmt.Sprintf(`;expires=%d`, noon.Add(time.Minute).Unix()) },
		"A4 with nonce and tag":    func(p *pen) { p.params += `;nonce="a\"b";tag="fediverse"` },
		"A4 another label":         func(p *pen) { p.label = "*x-1" },
		"A4 in another order":      func(p *pen) { p.covered = []string{`"content-digest"`, `"@target-uri"`, `"@method"`} },
		"A4 59 minutes old":        func(p *pen) { p.at(-59 * time.Minute) },
		"A4 4 minutes ahead":       func(p *pen) { p.at(4 * time.Minute) },
		"A4 the default port":      func(p *pen) { p.host = "legal.example:443" },
		"A4 a query":               func(p *pen) { p.target = "/inbox?a=b&c=%2F" },
		"A4 a path with escapes":   func(p *pen) { p.target = "/u/a%2Fb/in%20box" },
		"A4 a digest beside it":    func(p *pen) { p.header.Set("Content-Digest", "sha-512=:AAAA:, "+p.header.Get("Content-Digest")) },
		"A4 a GET":                 func(p *pen) { p.method, p.body = "GET", nil; p.covered = p.covered[:2] },
		"A4 a POST without a body": func(p *pen) { p.body = nil; p.header.Set("Content-Digest", "sha-256=:"+sum256(nil)+":") },
		"A4 more components": func(p *pen) {
			p.header.Set("Content-Type", "application/activity+json")
			p.header.Set("Date", noon.Format(http.TimeFormat))
			p.covered = append(p.covered, `"content-type"`, `"date"`, `"host"`, `"@authority"`, `"@scheme"`, `"@path"`, `"@query"`)
			p.values = map[string]string{"host": "legal.example", "@authority": "legal.example", "@scheme": "https", "@path": "/inbox", "@query": "?"}
		},
		"A5 Ed25519":         func(p *pen) { p.key = ed },
		"A5 Ed25519 by name": func(p *pen) { p.key = ed; p.params += `;alg="ed25519"` },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPen(key)
			change(p)
			g := newGate(&key.PublicKey)
			if _, isEd := p.key.(ed25519.PrivateKey); isEd {
				g = newGate(ed.Public())
			}
			r := p.request(t)
			before := r.Header.Clone()
			signer, err := g.Verify(r, p.body)
			if err != nil {
				t.Fatal(err)
			}
			if signer.KeyID != anaKey || signer.Owner != anaURI || signer.Host != "sales.example" {
				t.Errorf("signer is %+v", signer)
			}
			if p.body != nil && !signer.Covers("Content-Digest") || signer.Covers("X-Other") {
				t.Errorf("it covers %v", signer.covered)
			}
			if !reflect.DeepEqual(r.Header, before) {
				t.Errorf("the request was changed:\n%v\n%v", before, r.Header)
			}
		})
	}
}

func TestWhatTheGateRefusesOfRFC9421(t *testing.T) {
	key, other := rsaKey(t, 2048), rsaKey(t, 2048)
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	secret := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	header := func(name string, change func(string) string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, change(r.Header.Get(name))) }
	}
	input := func(from, to string) func(*http.Request) {
		return header("Signature-Input", func(text string) string {
			if !strings.Contains(text, from) {
				t.Fatalf("no %s in %s", from, text)
			}
			return strings.Replace(text, from, to, 1)
		})
	}
	covered := func(names ...string) func(*pen, *gate) { return func(p *pen, _ *gate) { p.covered = names } }
	at := func(d time.Duration) func(*pen, *gate) { return func(p *pen, _ *gate) { p.at(d) } }
	params := func(text string) func(*pen, *gate) { return func(p *pen, _ *gate) { p.params += text } }

	for name, tc := range map[string]struct {
		sign   func(p *pen, g *gate) // before signing
		tamper func(r *http.Request) // after
		status int
		reason string
	}{
		"R1 no Signature":      {tamper: func(r *http.Request) { r.Header.Del("Signature") }, status: 401, reason: "signature_incomplete"},
		"R1 nothing":           {tamper: func(r *http.Request) { r.Header = http.Header{} }, status: 401, reason: "unsigned"},
		"R2 body changed":      {sign: func(p *pen, _ *gate) { p.body = []byte(`{"type":"Delete"}`) }, status: 401, reason: "digest_mismatch"},
		"R2 body longer":       {sign: func(p *pen, _ *gate) { p.body = append(p.body, ' ') }, status: 401, reason: "digest_mismatch"},
		"R3 no Content-Digest": {sign: func(p *pen, _ *gate) { p.header.Del("Content-Digest"); p.covered = p.covered[:2] }, status: 401, reason: "digest_absent"},
		"R3 on an empty POST": {sign: func(p *pen, _ *gate) {
			p.body = nil
			p.header.Del("Content-Digest")
			p.covered = p.covered[:2]
		}, status: 401, reason: "digest_absent"},
		"R3 on a GET with a body": {sign: func(p *pen, _ *gate) {
			p.method = "GET"
			p.header.Del("Content-Digest")
			p.covered = p.covered[:2]
		}, status: 401, reason: "digest_absent"},
		"R3 a Digest of the other scheme": {sign: func(p *pen, _ *gate) {
			p.header = http.Header{"Digest": {"SHA-256=" + sum256(p.body)}}
			p.covered = []string{`"@method"`, `"@target-uri"`, `"digest"`}
		}, status: 401, reason: "digest_absent"},
		"R4 not covered": {sign: covered(`"@method"`, `"@target-uri"`), status: 401, reason: "digest_uncovered"},
		"R5 another algorithm": {sign: func(p *pen, _ *gate) {
			sum := sha512.Sum512(p.body)
			p.header.Set("Content-Digest", "sha-512=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
		}, status: 401, reason: "digest_algorithm"},
		"R5 of another type": {sign: func(p *pen, _ *gate) { p.header.Set("Content-Digest", `sha-256="`+sum256(p.body)+`"`) }, status: 401, reason: "digest_algorithm"},
		"R6 two headers":     {sign: func(p *pen, _ *gate) { p.header.Add("Content-Digest", "sha-256=:"+sum256(nil)+":") }, status: 401, reason: "header_twice"},
		"R6 two in one header": {sign: func(p *pen, _ *gate) {
			p.header.Set("Content-Digest", "sha-256=:"+sum256(nil)+":, "+p.header.Get("Content-Digest"))
		}, status: 400, reason: "signature_malformed"},
		"R7 only content-digest": {sign: covered(`"content-digest"`), status: 401},
		"R7 nothing":             {sign: covered(), status: 401},
		"R8 only the authority":  {sign: covered(`"@authority"`), status: 401},
		"R9 no target":           {sign: covered(`"@method"`, `"content-digest"`), status: 401, reason: "target_uncovered"},
		"R9 the path only":       {sign: covered(`"@method"`, `"@path"`, `"content-digest"`), status: 401, reason: "target_uncovered"},
		"no method":              {sign: covered(`"@target-uri"`, `"content-digest"`), status: 401, reason: "method_uncovered"},
		"R10 other path":         {tamper: func(r *http.Request) { r.RequestURI = "/u/2/inbox" }, status: 401, reason: "signature_invalid"},
		"R10 another query":      {sign: func(p *pen, _ *gate) { p.target = "/inbox?a=1" }, tamper: func(r *http.Request) { r.RequestURI = "/inbox?a=2" }, status: 401, reason: "signature_invalid"},
		"R10 the query left out": {sign: func(p *pen, _ *gate) {
			p.target = "/inbox?a=1"
			p.values["@target-uri"] = "https://legal.example/inbox"
		}, status: 401, reason: "signature_invalid"},
		"R10 the other scheme":     {sign: func(p *pen, _ *gate) { p.values["@target-uri"] = "http://legal.example/inbox" }, status: 401, reason: "signature_invalid"},
		"R10 a target of two ways": {tamper: func(r *http.Request) { r.RequestURI = "/inbox#x" }, status: 401, reason: "signature_invalid"},
		"R11 other method":         {tamper: func(r *http.Request) { r.Method = "PUT" }, status: 401, reason: "signature_invalid"},
		"R12 other Host":           {sign: func(p *pen, _ *gate) { p.host = "evil.example" }, status: 401, reason: "host_mismatch"},
		"R12 signed for another":   {sign: func(p *pen, _ *gate) { p.values["@target-uri"] = "https://evil.example/inbox" }, status: 401, reason: "signature_invalid"},
		"R12 two Hosts": {sign: func(p *pen, _ *gate) {
			p.header["Host"] = []string{"evil.example"}
			p.covered = append(p.covered, `"host"`)
		}, status: 401, reason: "header_twice"},
		"R13 too old":             {sign: at(-61 * time.Minute), status: 401, reason: "date_old"},
		"R14 in the future":       {sign: at(6 * time.Minute), status: 401, reason: "date_future"},
		"R15 expired":             {sign: params(fmt.Sprintf(`;expires=%d`, noon.Add(-time.Second).Unix())), status: 401, reason: "expired"},
		"R16 created absent":      {sign: func(p *pen, _ *gate) { p.params = `;keyid="` + anaKey + `"` }, status: 401, reason: "created_absent"},
		"R16 created of a string": {sign: func(p *pen, _ *gate) { p.params = `;created="now";keyid="` + anaKey + `"` }, status: 400, reason: "signature_malformed"},
		"R16 created of 0":        {sign: func(p *pen, _ *gate) { p.params = `;created=0;keyid="` + anaKey + `"` }, status: 400, reason: "signature_malformed"},
		"R17 keyid twice":         {sign: params(`;keyid="` + anaKey + `"`), status: 400, reason: "signature_malformed"},
		"R17 another keyid first": {tamper: input(`;created`, `;keyid="https://evil.example/u/1#main-key";created`), status: 400, reason: "signature_malformed"},
		"R17 created twice":       {sign: params(fmt.Sprintf(`;created=%d`, noon.Unix())), status: 400, reason: "signature_malformed"},
		"R17 an unknown twice":    {sign: params(`;x=1;x=1`), status: 400, reason: "signature_malformed"},
		"R17 the label twice":     {tamper: header("Signature", func(s string) string { return s + ", " + s }), status: 400, reason: "signature_malformed"},
		"R17 two signatures": {tamper: func(r *http.Request) {
			r.Header.Set("Signature-Input", r.Header.Get("Signature-Input")+`, sig2=("@method");created=1;keyid="x"`)
			r.Header.Set("Signature", r.Header.Get("Signature")+", sig2=:AAAA:")
		}, status: 400, reason: "signature_malformed"},
		"R17 two headers":             {tamper: func(r *http.Request) { r.Header.Add("Signature-Input", r.Header.Get("Signature-Input")) }, status: 400, reason: "signature_malformed"},
		"R17 a component twice":       {sign: covered(`"@method"`, `"@target-uri"`, `"content-digest"`, `"@method"`), status: 400, reason: "signature_malformed"},
		"R18 another actor's key":     {sign: func(p *pen, _ *gate) { p.key = other }, status: 401, reason: "signature_invalid"},
		"R18 owned elsewhere":         {sign: func(_ *pen, g *gate) { g.stored.Owner = "https://evil.example/u/1" }, status: 401, reason: "key_owner"},
		"R19 key gone":                {sign: func(_ *pen, g *gate) { g.err = fmt.Errorf("410: %w", ErrKeyGone) }, status: 401, reason: "key_gone"},
		"R19 key expired or revoked":  {sign: func(_ *pen, g *gate) { g.err = fmt.Errorf("since May: %w", ErrKeyExpired) }, status: 401, reason: "key_expired"},
		"R20 no peer":                 {sign: func(p *pen, _ *gate) { p.params = strings.Replace(p.params, "sales.example", "evil.example", 1) }, status: 403, reason: "not_a_peer"},
		"R21 the source says no":      {sign: func(_ *pen, g *gate) { g.err = errors.New("the owner does not point back") }, status: 401, reason: "key_refused"},
		"R22 HMAC by name":            {sign: func(p *pen, _ *gate) { p.key = secret; p.params += `;alg="hmac-sha256"` }, status: 401, reason: "algorithm"},
		"R22 HMAC without a name":     {sign: func(p *pen, _ *gate) { p.key = secret }, status: 401, reason: "signature_invalid"},
		"R22 HMAC by RSA's name":      {sign: func(p *pen, _ *gate) { p.key = secret; p.params += `;alg="rsa-v1_5-sha256"` }, status: 401, reason: "signature_invalid"},
		"R23 algorithm none":          {sign: params(`;alg="none"`), status: 401, reason: "algorithm"},
		"R23 algorithm of a token":    {sign: params(`;alg=none`), status: 400, reason: "signature_malformed"},
		"R23 an empty algorithm":      {sign: params(`;alg=""`), status: 400, reason: "signature_malformed"},
		"R23 RSA-PSS":                 {sign: params(`;alg="rsa-pss-sha512"`), status: 401, reason: "algorithm"},
		"R23 ed25519 by RSA":          {sign: params(`;alg="ed25519"`), status: 401, reason: "algorithm"},
		"R23 RSA by Ed25519":          {sign: func(p *pen, g *gate) { p.key, g.stored.Public = ed, ed.Public(); p.params += `;alg="rsa-v1_5-sha256"` }, status: 401, reason: "algorithm"},
		"R24 an absent header":        {sign: covered(`"@method"`, `"@target-uri"`, `"content-digest"`, `"x-absent"`), status: 401, reason: "header_absent"},
		"R24 an unknown component":    {sign: covered(`"@method"`, `"@target-uri"`, `"content-digest"`, `"@status"`), status: 401, reason: "header_unknown"},
		"a component of a dictionary": {sign: covered(`"@method"`, `"@target-uri"`, `"content-digest";key="sha-256"`), status: 401, reason: "header_unknown"},
		"a component of the request":  {sign: covered(`"@method";req`, `"@target-uri"`, `"content-digest"`), status: 401, reason: "header_unknown"},
		"its own signature":           {sign: covered(`"@method"`, `"@target-uri"`, `"content-digest"`, `"signature"`), status: 401, reason: "header_unknown"},
		"R25 the source disagrees":    {sign: func(_ *pen, g *gate) { g.err = errors.New("a key is given in two forms") }, status: 401, reason: "key_refused"},
		"the key can't be had":        {sign: func(_ *pen, g *gate) { g.err = fmt.Errorf("timeout: %w", ErrKeyUnavailable) }, status: 503, reason: "key_unavailable"},
		"no keyid":                    {sign: func(p *pen, _ *gate) { p.params = fmt.Sprintf(`;created=%d`, noon.Unix()) }, status: 401, reason: "signature_incomplete"},
		"another label":               {tamper: header("Signature", func(s string) string { return "x" + s }), status: 400, reason: "signature_malformed"},
		"no bytes":                    {tamper: func(r *http.Request) { r.Header.Set("Signature", "sig1=::") }, status: 401, reason: "signature_encoding"},
		"no byte sequence":            {tamper: func(r *http.Request) { r.Header.Set("Signature", `sig1="AAAA"`) }, status: 401, reason: "signature_encoding"},
		"bad base64":                  {tamper: func(r *http.Request) { r.Header.Set("Signature", "sig1=:A*A:") }, status: 400, reason: "signature_malformed"},
		"one byte":                    {tamper: func(r *http.Request) { r.Header.Set("Signature", "sig1=:AA==:") }, status: 401, reason: "signature_invalid"},
		"no list":                     {tamper: func(r *http.Request) { r.Header.Set("Signature-Input", `sig1="x"`) }, status: 400, reason: "signature_malformed"},
		"tokens as components":        {tamper: input(`"@method"`, `method`), status: 400, reason: "signature_malformed"},
		"an empty Signature-Input":    {tamper: func(r *http.Request) { r.Header.Set("Signature-Input", "") }, status: 400, reason: "signature_malformed"},
		"9 KiB":                       {sign: params(`;x="` + strings.Repeat("x", 9<<10) + `"`), status: 400, reason: "signature_malformed"},
		"a line end in a header": {sign: func(p *pen, _ *gate) {
			p.header["X-A"] = []string{"1\n\"@method\": GET"}
			p.covered = append(p.covered, `"x-a"`)
		}, status: 400, reason: "header_malformed"},
		"a signature by draft-cavage": {tamper: func(r *http.Request) {
			r.Header.Set("Signature", `keyId="`+anaKey+`",headers="date",signature="AAAA"`)
		}, status: 400, reason: "signature_malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			p, g := newPen(key), newGate(&key.PublicKey)
			if tc.sign != nil {
				tc.sign(p, g)
			}
			r := p.request(t)
			if tc.tamper != nil {
				tc.tamper(r)
			}
			if tc.reason == "" { // more than one thing is missing
				if _, err := g.Verify(r, p.body); err == nil || err.(*Refusal).Status != tc.status {
					t.Errorf("got %v, want %d", err, tc.status)
				}
				return
			}
			refused(t, g, r, p.body, tc.status, tc.reason)
			if (tc.status == 403 || tc.status == 400) && g.lookups+g.refreshes > 0 {
				t.Error("a key was looked up")
			}
		})
	}
}

func TestTheSchemeOfOurAddressesIsConfigured(t *testing.T) {
	key := rsaKey(t, 2048)
	p, g := newPen(key), newGate(&key.PublicKey)
	p.values["@target-uri"] = "http://legal.example/inbox"
	g.Scheme = "http"
	if _, err := g.Verify(p.request(t), p.body); err != nil {
		t.Error(err)
	}
}

func TestWhatWeSignByRFC9421IsVerified(t *testing.T) {
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	for name, key := range map[string]interface{ Public() crypto.PublicKey }{"RSA": rsaKey(t, 2048), "Ed25519": ed} {
		for _, tc := range []struct {
			method, uri string
			body        []byte
		}{
			{"POST", inbox, []byte(`{"type":"Follow"}`)},
			{"POST", inbox + "?a=b", []byte{}},
			{"GET", "https://legal.example/u/a%2Fb?page=1&x=%20", nil},
			{"GET", "https://LEGAL.example:443", nil},
		} {
			r := signedBy(t, RFC9421, tc.method, tc.uri, tc.body, key)
			if tc.body != nil && r.Header.Get("Digest") != "" {
				t.Error("the other scheme's Digest is left")
			}
			signer, err := newGate(key.Public()).Verify(r, tc.body)
			if err != nil || !signer.SignedAt.Equal(noon) {
				t.Errorf("%s, %s %s: %v, %v", name, tc.method, tc.uri, signer, err)
				continue
			}
			if tc.body != nil && (!signer.Covers("Content-Type") || !signer.Covers("Collection-Synchronization")) {
				t.Errorf("it covers %v", signer.covered)
			}
		}
	}
}

func signedBy(t testing.TB, scheme Scheme, method, uri string, body []byte, key crypto.PrivateKey) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, uri, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/activity+json")
		r.Header.Set("Collection-Synchronization", `collectionId="https://sales.example/f"`)
	}
	// First by the other scheme, of which nothing may be left.
	for _, s := range []Scheme{Cavage, RFC9421, scheme} {
		r = r.WithContext(contextWith(r.Context(), s))
		if err := Sign(r, body, anaKey, key, noon); err != nil {
			t.Fatal(err)
		}
	}
	return received(t, r, body)
}

func TestASignatureByRFC9421HasTheFormThatServersRead(t *testing.T) {
	r := signedBy(t, RFC9421, "POST", inbox, []byte(`{}`), rsaKey(t, 2048))
	want := fmt.Sprintf(`sig1=("@method" "@target-uri" "content-digest" "content-type" "collection-synchronization");created=%d;keyid="%s";alg="rsa-v1_5-sha256"`, noon.Unix(), anaKey)
	if got := r.Header.Get("Signature-Input"); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got := r.Header.Get("Content-Digest"); got != "sha-256=:"+sum256([]byte(`{}`))+":" {
		t.Errorf("Content-Digest is %s", got)
	}
	if got, err := ParseKeyID(r); err != nil || got != anaKey {
		t.Errorf("ParseKeyID: %q, %v", got, err)
	}
}

// FuzzSignatureInput throws headers at the gate: it may refuse them, and never lets one in that our key didn't
// sign, never panics and never changes the request.
func FuzzSignatureInput(f *testing.F) {
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	good := fmt.Sprintf(`sig1=("@method" "@target-uri" "content-digest");created=%d;keyid="%s"`, noon.Unix(), anaKey)
	digest := "sha-256=:" + sum256([]byte("{}")) + ":"
	for _, s := range []string{
		good, good + `;alg="ed25519"`, good + `;keyid="` + anaKey + `"`, `sig1=()`, `sig1`, `sig1=("@method"`, "", "\x00", `sig1=("a" "a");x=?1`,
		strings.Replace(good, `"content-digest"`, `"content-digest";sf`, 1), strings.Repeat(good+", ", 3) + good,
	} {
		f.Add(s, "sig1=:AAAA:", digest, "/inbox?x")
		f.Add(s, "sig1=:AAAA:, sig1=:AAAA:", digest+", sha-256=:AAAA:", "/a%zz")
	}
	f.Fuzz(func(t *testing.T, input, signature, digest, target string) {
		g := newGate(public)
		r := httptest.NewRequest("POST", "/inbox", nil)
		r.Host, r.RequestURI = "legal.example", target
		r.Header = http.Header{"Signature-Input": {input}, "Signature": {signature}, "Content-Digest": {digest}}
		before := r.Header.Clone()
		_, err := g.Verify(r, []byte("{}"))
		var refusal *Refusal
		if !errors.As(err, &refusal) || refusal.Reason == "" || refusal.Status < 400 {
			t.Errorf("%q gave %v", input, err)
		}
		if !reflect.DeepEqual(r.Header, before) {
			t.Errorf("%q changed the request", input)
		}
	})
}
