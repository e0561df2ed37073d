package federation

import (
	"bytes"
	"context"
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
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
)

const (
	anaKey = "https://sales.example/u/1#main-key"
	anaURI = "https://sales.example/u/1"
	inbox  = "https://legal.example/inbox"
)

// noon is the gate's clock.
var noon = time.Date(2026, 10, 5, 12, 0, 0, 0, time.UTC)

// gate lets sales.example into legal.example, and finds one key.
type gate struct {
	Gate
	permits, lookups, refreshes int
	stored, fresh               *Key
	err, refreshErr             error
}

func newGate(public crypto.PublicKey) *gate {
	g := &gate{stored: &Key{ID: anaKey, Owner: anaURI, Public: public}}
	g.fresh = g.stored
	g.Hosts = []string{"legal.example"}
	g.Now = func() time.Time { return noon }
	g.Permit = func(_ context.Context, host string) error {
		g.permits++
		if host != "sales.example" {
			return errors.New("not allowed")
		}
		return nil
	}
	g.Key = func(_ context.Context, keyID string, refresh bool) (*Key, error) {
		if refresh {
			g.refreshes++
			return g.fresh, g.refreshErr
		}
		g.lookups++
		if keyID != anaKey {
			return nil, ErrKeyGone
		}
		return g.stored, g.err
	}
	return g
}

func rsaKey(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// received makes the request that a server would see of what a client sends.
func received(t testing.TB, r *http.Request, body []byte) *http.Request {
	t.Helper()
	var wire bytes.Buffer
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	if err := r.Write(&wire); err != nil {
		t.Fatal(err)
	}
	got := httptest.NewRequest(r.Method, r.URL.RequestURI(), bytes.NewReader(body))
	got.Header = r.Header.Clone()
	got.Host = r.Host
	got.RequestURI = r.URL.RequestURI()
	return got
}

func signedBySign(t testing.TB, method, uri string, body []byte, key crypto.PrivateKey, at time.Time) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, uri, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/activity+json")
	}
	if err := Sign(r, body, anaKey, key, at); err != nil {
		t.Fatal(err)
	}
	return received(t, r, body)
}

// hand signs as another server might: it writes the lines that it is told, itself, without the code under test.
type hand struct {
	method, target, host string
	body                 []byte
	header               http.Header
	keyID                string
	params               string   // between keyId and headers, with a comma at the end
	covered              []string // names, in order
	values               map[string]string
	key                  crypto.PrivateKey
	noHeaders            bool
}

func newHand(key crypto.PrivateKey) *hand {
	body := []byte(`{"type":"Follow"}`)
	return &hand{
		method: "POST", target: "/inbox", host: "legal.example", body: body, keyID: anaKey, key: key,
		params:  `algorithm="rsa-sha256",`,
		header:  http.Header{"Date": {noon.Format(http.TimeFormat)}, "Digest": {"SHA-256=" + sum256(body)}},
		covered: []string{"(request-target)", "host", "date", "digest"},
		values:  map[string]string{},
	}
}

func sum256(body []byte) string {
	sum := sha256.Sum256(body)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func (h *hand) request(t testing.TB) *http.Request {
	t.Helper()
	var lines []string
	for _, name := range h.covered {
		value, given := h.values[name]
		switch {
		case given:
		case name == "(request-target)":
			value = strings.ToLower(h.method) + " " + h.target
		case name == "host":
			value = h.host
		default:
			value = strings.Join(h.header.Values(name), ", ")
		}
		lines = append(lines, name+": "+value)
	}
	text := []byte(strings.Join(lines, "\n"))
	var raw []byte
	var err error
	switch key := h.key.(type) {
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
	r := httptest.NewRequest(h.method, h.target, bytes.NewReader(h.body))
	r.Host = h.host
	r.Header = h.header.Clone()
	signature := fmt.Sprintf(`keyId="%s",%s`, h.keyID, h.params)
	if !h.noHeaders {
		signature += fmt.Sprintf(`headers="%s",`, strings.Join(h.covered, " "))
	}
	r.Header.Set("Signature", signature+`signature="`+base64.StdEncoding.EncodeToString(raw)+`"`)
	return r
}

func TestWhatOtherServersSignIsAccepted(t *testing.T) {
	key := rsaKey(t, 2048)
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	unix := func(d time.Duration) string { return fmt.Sprint(noon.Add(d).Unix()) }

	for name, change := range map[string]func(h *hand){
		"A1 rsa-sha256":             func(h *hand) {},
		"A1 hs2019":                 func(h *hand) { h.params = `algorithm="hs2019",` },
		"A1 without an algorithm":   func(h *hand) { h.params = "" },
		"A1 RSA-SHA256 in capitals": func(h *hand) { h.params = `algorithm="RSA-SHA256",` },
		"A2 created instead of date": func(h *hand) {
			h.params = `algorithm="hs2019",created=` + unix(0) + `,`
			h.covered = []string{"(request-target)", "(created)", "host", "digest"}
			h.values["(created)"] = unix(0)
		},
		"A2 created first, without an algorithm": func(h *hand) {
			h.params = `created=` + unix(-time.Minute) + `,`
			h.covered = []string{"(created)", "(request-target)", "host", "digest"}
			h.values["(created)"] = unix(-time.Minute)
		},
		"A2 created four minutes ahead, and expires": func(h *hand) {
			h.params = `algorithm="hs2019",created=` + unix(4*time.Minute) + `,expires="` + unix(9*time.Minute) + `",`
			h.covered = []string{"(request-target)", "(created)", "(expires)", "digest", "host"}
			h.values["(created)"], h.values["(expires)"] = unix(4*time.Minute), unix(9*time.Minute)
		},
		"A2 created as the last line": func(h *hand) {
			h.params = `created=` + unix(0) + `,`
			h.covered = []string{"host", "(request-target)", "digest", "(created)"}
			h.values["(created)"] = unix(0)
		},
		"A3 with a query":                   func(h *hand) { h.target = "/inbox?a=b&c=%2F" },
		"A3 with a query that isn't signed": func(h *hand) { h.target = "/inbox?a=b"; h.values["(request-target)"] = "post /inbox" },
		"A5 Ed25519, hs2019":                func(h *hand) { h.key = ed; h.params = `algorithm="hs2019",` },
		"A5 Ed25519 by name":                func(h *hand) { h.key = ed; h.params = `algorithm="ed25519",` },
		"A5 Ed25519 without an algorithm":   func(h *hand) { h.key = ed; h.params = "" },
		"a space after the comma":           func(h *hand) { h.params = ` algorithm="hs2019" , ` },
		"a parameter that nobody knows":     func(h *hand) { h.params = `opaque="a,b=c",` },
		"a path with escapes":               func(h *hand) { h.target = "/u/a%2Fb/in%20box" },
		"a digest beside another":           func(h *hand) { h.header.Set("Digest", "SHA-512=AAAA, sha-256="+sum256(h.body)) },
		"the default port in Host":          func(h *hand) { h.host = "legal.example:443" },
		"Host in capitals":                  func(h *hand) { h.host = "Legal.Example" },
		"more headers covered": func(h *hand) {
			h.header.Set("Content-Type", "application/activity+json")
			h.header.Set("Collection-Synchronization", `collectionId="https://sales.example/u/1/followers", url="x"`)
			h.covered = append(h.covered, "content-type", "collection-synchronization")
		},
		"an empty header covered":         func(h *hand) { h.header.Set("X-Empty", ""); h.covered = append(h.covered, "x-empty") },
		"headers in another order":        func(h *hand) { h.covered = []string{"digest", "date", "host", "(request-target)"} },
		"59 minutes old":                  func(h *hand) { h.header.Set("Date", noon.Add(-59*time.Minute).Format(http.TimeFormat)) },
		"4 minutes ahead":                 func(h *hand) { h.header.Set("Date", noon.Add(4*time.Minute).Format(http.TimeFormat)) },
		"a GET":                           func(h *hand) { h.method, h.body = "GET", nil; h.covered = h.covered[:3] },
		"a POST without a body":           func(h *hand) { h.body = nil; h.header.Set("Digest", "SHA-256="+sum256(nil)) },
		"a Delete whose digest isn't due": func(h *hand) { h.method, h.body = "DELETE", nil; h.covered = h.covered[:3] },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHand(key)
			change(h)
			g := newGate(&key.PublicKey)
			if _, isEd := h.key.(ed25519.PrivateKey); isEd {
				g = newGate(ed.Public())
			}
			r := h.request(t)
			before := r.Header.Clone()
			signer, err := g.Verify(r, h.body)
			if err != nil {
				t.Fatal(err)
			}
			if signer.KeyID != anaKey || signer.Owner != anaURI || signer.Host != "sales.example" {
				t.Errorf("signer is %+v", signer)
			}
			if off := signer.SignedAt.Sub(noon).Abs(); off > time.Hour {
				t.Errorf("signed %s from the time of the gate", off)
			}
			if !reflect.DeepEqual(r.Header, before) {
				t.Errorf("the request was changed:\n%v\n%v", before, r.Header)
			}
		})
	}
}

func TestTheSignatureMayStandInAuthorization(t *testing.T) {
	key := rsaKey(t, 2048)
	h := newHand(key)
	r := h.request(t)
	r.Header.Set("Authorization", "Signature "+r.Header.Get("Signature"))
	r.Header.Del("Signature")
	if _, err := newGate(&key.PublicKey).Verify(r, h.body); err != nil {
		t.Error(err)
	}
	r.Header.Set("Signature", "x=y")
	refused(t, newGate(&key.PublicKey), r, h.body, 400, "signature_malformed")

	r = h.request(t)
	r.Header.Set("Authorization", "Bearer abc")
	if _, err := newGate(&key.PublicKey).Verify(r, h.body); err != nil {
		t.Errorf("beside a token of another scheme: %v", err)
	}
}

func refused(t *testing.T, g *gate, r *http.Request, body []byte, status int, reason string) {
	t.Helper()
	before := r.Header.Clone()
	signer, err := g.Verify(r, body)
	var refusal *Refusal
	if err == nil || signer != nil || !errors.As(err, &refusal) {
		t.Fatalf("signer %v, error %v; want %d %s", signer, err, status, reason)
	}
	if refusal.Status != status || refusal.Reason != reason {
		t.Errorf("refused with %d %s (%v), want %d %s", refusal.Status, refusal.Reason, refusal.Err, status, reason)
	}
	if !reflect.DeepEqual(r.Header, before) {
		t.Errorf("the request was changed:\n%v\n%v", before, r.Header)
	}
}

func TestWhatTheGateRefuses(t *testing.T) {
	key, other := rsaKey(t, 2048), rsaKey(t, 2048)
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	publicDER, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: publicDER})
	date := func(d time.Duration) func(*hand, *gate) {
		return func(h *hand, _ *gate) { h.header.Set("Date", noon.Add(d).Format(http.TimeFormat)) }
	}
	unix := func(d time.Duration) string { return fmt.Sprint(noon.Add(d).Unix()) }
	created := func(d time.Duration) func(*hand, *gate) {
		return func(h *hand, _ *gate) {
			h.params = `algorithm="hs2019",created=` + unix(d) + `,`
			h.covered = []string{"(request-target)", "(created)", "host", "digest"}
			h.values["(created)"] = unix(d)
		}
	}
	header := func(change func(http.Header)) func(*http.Request) {
		return func(r *http.Request) { change(r.Header) }
	}
	edit := func(from, to string) func(*http.Request) {
		return func(r *http.Request) {
			text := r.Header.Get("Signature")
			if !strings.Contains(text, from) {
				t.Fatalf("no %s in %s", from, text)
			}
			r.Header.Set("Signature", strings.Replace(text, from, to, 1))
		}
	}

	for name, tc := range map[string]struct {
		sign   func(h *hand, g *gate) // before signing
		tamper func(r *http.Request)  // after
		status int
		reason string
	}{
		"R1 unsigned": {tamper: header(func(h http.Header) { h.Del("Signature") }), status: 401, reason: "unsigned"},
		"R2 body changed": {sign: func(h *hand, _ *gate) { h.body = []byte(`{"type":"Delete"}`) },
			status: 401, reason: "digest_mismatch"},
		"R2 body longer": {sign: func(h *hand, _ *gate) { h.body = append(h.body, ' ') }, status: 401, reason: "digest_mismatch"},
		"R3 no digest": {sign: func(h *hand, _ *gate) { h.header.Del("Digest"); h.covered = h.covered[:3] },
			status: 401, reason: "digest_absent"},
		"R3 no digest on a GET with a body": {sign: func(h *hand, _ *gate) {
			h.method = "GET"
			h.header.Del("Digest")
			h.covered = h.covered[:3]
		}, status: 401, reason: "digest_absent"},
		"R3 no digest on an empty POST": {sign: func(h *hand, _ *gate) {
			h.body = nil
			h.header.Del("Digest")
			h.covered = h.covered[:3]
		}, status: 401, reason: "digest_absent"},
		"R4 digest not covered": {sign: func(h *hand, _ *gate) { h.covered = h.covered[:3] }, status: 401, reason: "digest_uncovered"},
		"R5 digest of another algorithm": {sign: func(h *hand, _ *gate) {
			sum := sha512.Sum512(h.body)
			h.header.Set("Digest", "SHA-512="+base64.StdEncoding.EncodeToString(sum[:]))
		}, status: 401, reason: "digest_algorithm"},
		"R5 digest without a name": {sign: func(h *hand, _ *gate) { h.header.Set("Digest", sum256(h.body)) },
			status: 401, reason: "digest_algorithm"},
		"R6 two Digest headers": {sign: func(h *hand, _ *gate) { h.header.Add("Digest", "SHA-256="+sum256(nil)) },
			status: 401, reason: "header_twice"},
		"R6 two digests in one header": {sign: func(h *hand, _ *gate) {
			h.header.Set("Digest", "SHA-256="+sum256(h.body)+",sha-256="+sum256(nil))
		}, status: 401, reason: "digest_algorithm"},
		"R7 only date": {sign: func(h *hand, _ *gate) { h.covered = []string{"date"} }, status: 401, reason: "target_uncovered"},
		"R7 no headers parameter": {sign: func(h *hand, _ *gate) { h.covered, h.noHeaders = []string{"date"}, true },
			status: 401, reason: "target_uncovered"},
		"R8 only host":       {sign: func(h *hand, _ *gate) { h.covered = []string{"host"} }, status: 401, reason: "target_uncovered"},
		"R8 nothing at all":  {sign: func(h *hand, _ *gate) { h.covered = nil }, status: 401, reason: "target_uncovered"},
		"R9 no target":       {sign: func(h *hand, _ *gate) { h.covered = h.covered[1:] }, status: 401, reason: "target_uncovered"},
		"no host":            {sign: func(h *hand, _ *gate) { h.covered = []string{"(request-target)", "date", "digest"} }, status: 401, reason: "host_uncovered"},
		"no date":            {sign: func(h *hand, _ *gate) { h.covered = []string{"(request-target)", "host", "digest"} }, status: 401, reason: "date_uncovered"},
		"R10 other path":     {tamper: func(r *http.Request) { r.RequestURI = "/u/2/inbox" }, status: 401, reason: "signature_invalid"},
		"R10 other query":    {sign: func(h *hand, _ *gate) { h.target = "/inbox?a=1" }, tamper: func(r *http.Request) { r.RequestURI = "/inbox?a=2" }, status: 401, reason: "signature_invalid"},
		"R11 other method":   {tamper: func(r *http.Request) { r.Method = "PUT" }, status: 401, reason: "signature_invalid"},
		"R12 other Host":     {sign: func(h *hand, _ *gate) { h.host = "evil.example" }, status: 401, reason: "host_mismatch"},
		"R12 our other Host": {tamper: func(r *http.Request) { r.Host = "LEGAL.example" }, status: 401, reason: "signature_invalid"},
		"R12 no Host":        {tamper: func(r *http.Request) { r.Host = "" }, status: 400, reason: "host_malformed"},
		"two Hosts": {tamper: header(func(h http.Header) { h["Host"] = []string{"evil.example"} }),
			status: 401, reason: "header_twice"},
		"R13 too old":               {sign: date(-61 * time.Minute), status: 401, reason: "date_old"},
		"R13 created too long ago":  {sign: created(-61 * time.Minute), status: 401, reason: "date_old"},
		"R14 in the future":         {sign: date(6 * time.Minute), status: 401, reason: "date_future"},
		"R14 created in the future": {sign: created(6 * time.Minute), status: 401, reason: "date_future"},
		"R14 created now, dated tomorrow": {sign: func(h *hand, g *gate) {
			created(0)(h, g)
			date(24*time.Hour)(h, g)
			h.covered = append(h.covered, "date")
		}, status: 401, reason: "date_future"},
		"R15 expired": {sign: func(h *hand, g *gate) {
			created(-2*time.Minute)(h, g)
			h.params += `expires=` + unix(-time.Minute) + `,`
		},
			status: 401, reason: "expired"},
		"created with rsa-sha256": {sign: func(h *hand, g *gate) {
			created(0)(h, g)
			h.params = strings.Replace(h.params, "hs2019", "rsa-sha256", 1)
		}, status: 401, reason: "algorithm"},
		"created covered and absent": {sign: func(h *hand, g *gate) { created(0)(h, g); h.params = "" }, status: 401, reason: "header_absent"},
		"created is no number":       {sign: func(h *hand, g *gate) { created(0)(h, g); h.params = "created=now," }, status: 400, reason: "signature_malformed"},
		"Date is no date":            {sign: func(h *hand, _ *gate) { h.header.Set("Date", "yesterday") }, status: 401, reason: "date_malformed"},
		"two Dates":                  {tamper: header(func(h http.Header) { h.Add("Date", h.Get("Date")) }), status: 401, reason: "header_twice"},
		"R17 keyId twice": {tamper: edit(`keyId="`, `keyId="https://sales.example/u/2#main-key",keyId="`),
			status: 400, reason: "signature_malformed"},
		"R17 keyid in another case": {tamper: edit(`keyId="`, `keyid="https://sales.example/u/2#main-key",keyId="`),
			status: 400, reason: "signature_malformed"},
		"R17 signature twice":     {tamper: edit(`signature="`, `signature="AAAA",signature="`), status: 400, reason: "signature_malformed"},
		"R17 an unknown twice":    {tamper: edit(`keyId="`, `x="1",x="1",keyId="`), status: 400, reason: "signature_malformed"},
		"a header covered twice":  {sign: func(h *hand, _ *gate) { h.covered = append(h.covered, "date") }, status: 400, reason: "signature_malformed"},
		"two Signature headers":   {tamper: header(func(h http.Header) { h.Add("Signature", h.Get("Signature")) }), status: 400, reason: "signature_malformed"},
		"a Signature of 9 KiB":    {tamper: edit(`keyId="`, `x="`+strings.Repeat("x", 9<<10)+`",keyId="`), status: 400, reason: "signature_malformed"},
		"R18 another actor's key": {sign: func(h *hand, _ *gate) { h.key = other }, status: 401, reason: "signature_invalid"},
		"R18 the key of an actor elsewhere": {sign: func(_ *hand, g *gate) { g.stored.Owner = "https://evil.example/u/1" },
			status: 401, reason: "key_owner"},
		"R18 the key of nobody": {sign: func(_ *hand, g *gate) { g.stored.Owner = "" }, status: 401, reason: "key_owner"},
		"R19 key gone":          {sign: func(_ *hand, g *gate) { g.err = fmt.Errorf("410: %w", ErrKeyGone) }, status: 401, reason: "key_gone"},
		"R21 the source says no": {sign: func(_ *hand, g *gate) { g.err = errors.New("the owner does not point back") },
			status: 401, reason: "key_refused"},
		"no key and no error":  {sign: func(_ *hand, g *gate) { g.stored = nil }, status: 401, reason: "key_gone"},
		"the key can't be had": {sign: func(_ *hand, g *gate) { g.err = fmt.Errorf("timeout: %w", ErrKeyUnavailable) }, status: 503, reason: "key_unavailable"},
		"the look-up is cut":   {sign: func(_ *hand, g *gate) { g.err = context.DeadlineExceeded }, status: 503, reason: "key_unavailable"},
		"R20 no peer":          {sign: func(h *hand, _ *gate) { h.keyID = "https://evil.example/u/1#main-key" }, status: 403, reason: "not_a_peer"},
		"R20 a port is not a peer": {sign: func(h *hand, _ *gate) { h.keyID = "https://sales.example:8443/u/1#main-key" },
			status: 403, reason: "not_a_peer"},
		"keyId of acct":       {sign: func(h *hand, _ *gate) { h.keyID = "acct:ana@sales.example" }, status: 401, reason: "key_id"},
		"keyId with userinfo": {sign: func(h *hand, _ *gate) { h.keyID = "https://sales.example@evil.example/" }, status: 401, reason: "key_id"},
		"R22 HMAC with the public key": {sign: func(h *hand, _ *gate) { h.key, h.params = publicPEM, `algorithm="hmac-sha256",` },
			status: 401, reason: "algorithm"},
		"R22 HMAC called hs2019":       {sign: func(h *hand, _ *gate) { h.key, h.params = publicPEM, `algorithm="hs2019",` }, status: 401, reason: "signature_invalid"},
		"R23 algorithm none":           {sign: func(h *hand, _ *gate) { h.params = `algorithm="none",` }, status: 401, reason: "algorithm"},
		"R23 algorithm rsa-sha1":       {sign: func(h *hand, _ *gate) { h.params = `algorithm="rsa-sha1",` }, status: 401, reason: "algorithm"},
		"R23 rsa-sha256 by Ed25519":    {sign: func(h *hand, g *gate) { h.key = ed; g.stored.Public = ed.Public() }, status: 401, reason: "algorithm"},
		"R23 ed25519 by RSA":           {sign: func(h *hand, _ *gate) { h.params = `algorithm="ed25519",` }, status: 401, reason: "algorithm"},
		"R24 an absent header":         {sign: func(h *hand, _ *gate) { h.covered = append(h.covered, "x-absent") }, status: 401, reason: "header_absent"},
		"R24 an unknown pseudo-header": {sign: func(h *hand, _ *gate) { h.covered = append(h.covered, "(status)") }, status: 401, reason: "header_unknown"},
		"a key of another kind":        {sign: func(_ *hand, g *gate) { g.stored.Public = []byte("secret") }, status: 401, reason: "key_unusable"},
		"a nil key":                    {sign: func(_ *hand, g *gate) { g.stored.Public = (*rsa.PublicKey)(nil) }, status: 401, reason: "key_unusable"},
		"a short Ed25519 key":          {sign: func(h *hand, g *gate) { h.params = ""; g.stored.Public = ed25519.PublicKey{1} }, status: 401, reason: "key_unusable"},
		"no keyId":                     {tamper: edit(`keyId=`, `keyIdentifier=`), status: 401, reason: "signature_incomplete"},
		"an empty signature":           {tamper: header(func(h http.Header) { h.Set("Signature", `keyId="`+anaKey+`",signature=""`) }), status: 401, reason: "signature_incomplete"},
		"truncated base64":             {tamper: edit(`signature="`, `signature="A`), status: 401, reason: "signature_encoding"},
		"a signature of one byte": {tamper: header(func(h http.Header) {
			h.Set("Signature", h.Get("Signature")[:strings.Index(h.Get("Signature"), `signature=`)]+`signature="AA=="`)
		}), status: 401, reason: "signature_invalid"},
		"an empty header":   {tamper: header(func(h http.Header) { h.Set("Signature", "") }), status: 400, reason: "signature_malformed"},
		"no end of a value": {tamper: header(func(h http.Header) { h.Set("Signature", `keyId="x`) }), status: 400, reason: "signature_malformed"},
		"a comma too many":  {tamper: header(func(h http.Header) { h.Set("Signature", h.Get("Signature")+",") }), status: 400, reason: "signature_malformed"},
		"a line end in a header": {tamper: header(func(h http.Header) {
			h["Date"] = []string{h.Get("Date") + "\ndigest: SHA-256=" + sum256([]byte("x"))}
		}), status: 400, reason: "header_malformed"},
		"a signature that says it is by RFC 9421": {tamper: header(func(h http.Header) {
			h.Set("Signature-Input", `sig1=("@method" "@target-uri" "content-digest");created=1791201600;keyid="`+anaKey+`"`)
		}), status: 400, reason: "signature_malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			h, g := newHand(key), newGate(&key.PublicKey)
			if tc.sign != nil {
				tc.sign(h, g)
			}
			r := h.request(t)
			if tc.tamper != nil {
				tc.tamper(r)
			}
			refused(t, g, r, h.body, tc.status, tc.reason)
			if tc.status == 403 && g.lookups+g.refreshes > 0 {
				t.Error("a key was looked up for a host that is no peer")
			}
			if tc.status == 400 && g.lookups > 0 {
				t.Error("a key was looked up for a malformed request")
			}
		})
	}
}

func TestAWeakRSAKeyIsRefused(t *testing.T) {
	key := rsaKey(t, 1024)
	h := newHand(key)
	refused(t, newGate(&key.PublicKey), h.request(t), h.body, 401, "key_unusable")
}

func TestAGateWithoutHooksLetsNobodyIn(t *testing.T) {
	key := rsaKey(t, 2048)
	h := newHand(key)
	g := newGate(&key.PublicKey)
	g.Key = nil
	refused(t, g, h.request(t), h.body, 503, "key_unavailable")
	g.Permit = nil
	refused(t, g, h.request(t), h.body, 403, "not_a_peer")
	g = newGate(&key.PublicKey)
	g.Hosts = nil
	refused(t, g, h.request(t), h.body, 401, "host_mismatch")
}

func TestAHookMayGiveItsOwnVerdict(t *testing.T) {
	key := rsaKey(t, 2048)
	h := newHand(key)
	g := newGate(&key.PublicKey)
	g.Permit = func(context.Context, string) error {
		return fmt.Errorf("read peers: %w", &Refusal{Status: 503, Reason: "database"})
	}
	refused(t, g, h.request(t), h.body, 503, "database")
}

func TestAChangedKeyIsFetchedOnce(t *testing.T) {
	old, current := rsaKey(t, 2048), rsaKey(t, 2048)
	h := newHand(current)

	g := newGate(&old.PublicKey)
	g.fresh = &Key{ID: anaKey, Owner: anaURI, Public: &current.PublicKey}
	if _, err := g.Verify(h.request(t), h.body); err != nil || g.lookups != 1 || g.refreshes != 1 {
		t.Errorf("with the changed key: %v after %d look-ups and %d refreshes", err, g.lookups, g.refreshes)
	}

	g = newGate(&current.PublicKey)
	if _, err := g.Verify(h.request(t), h.body); err != nil || g.refreshes != 0 {
		t.Errorf("with the stored key: %v after %d refreshes", err, g.refreshes)
	}

	g = newGate(&old.PublicKey)
	g.refreshErr = errors.New("refreshed a moment ago")
	refused(t, g, h.request(t), h.body, 401, "signature_invalid")

	g = newGate(&old.PublicKey)
	g.refreshErr = ErrKeyUnavailable
	refused(t, g, h.request(t), h.body, 503, "key_unavailable")

	g = newGate(&old.PublicKey)
	g.fresh = &Key{ID: anaKey, Owner: "https://evil.example/u/1", Public: &current.PublicKey}
	refused(t, g, h.request(t), h.body, 401, "signature_invalid")

	// Keys that are none, on either side.
	for _, none := range []crypto.PublicKey{nil, (*rsa.PublicKey)(nil), ed25519.PublicKey{}} {
		g = newGate(&old.PublicKey)
		g.fresh = &Key{ID: anaKey, Owner: anaURI, Public: none}
		refused(t, g, h.request(t), h.body, 401, "key_unusable")
		g = newGate(none)
		g.fresh = &Key{ID: anaKey, Owner: anaURI, Public: &current.PublicKey}
		if _, err := g.Verify(h.request(t), h.body); err != nil {
			t.Errorf("%T stored: %v", none, err)
		}
	}
}

func TestWhatWeSignIsVerified(t *testing.T) {
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
			r := signedBySign(t, tc.method, tc.uri, tc.body, key, noon)
			if r.Host != "legal.example" {
				t.Errorf("%s: Host is %s", tc.uri, r.Host)
			}
			signer, err := newGate(key.Public()).Verify(r, tc.body)
			if err != nil || !signer.SignedAt.Equal(noon) {
				t.Errorf("%s, %s %s: %v, %v", name, tc.method, tc.uri, signer, err)
			}
		}
	}
}

func TestASignatureHasTheFormThatEveryServerReads(t *testing.T) {
	r := signedBySign(t, "POST", inbox, []byte(`{}`), rsaKey(t, 2048), noon)
	want := `keyId="` + anaKey + `",algorithm="rsa-sha256",headers="(request-target) host date digest content-type",signature="`
	if got := r.Header.Get("Signature"); !strings.HasPrefix(got, want) {
		t.Errorf("got %s\nwant %s…", got, want)
	}
	if got := r.Header.Get("Date"); got != "Mon, 05 Oct 2026 12:00:00 GMT" {
		t.Errorf("Date is %s", got)
	}
	if got := r.Header.Get("Digest"); got != "SHA-256="+sum256([]byte(`{}`)) {
		t.Errorf("Digest is %s", got)
	}
	if got, err := ParseKeyID(r); err != nil || got != anaKey {
		t.Errorf("ParseKeyID: %q, %v", got, err)
	}
	r.Header.Del("Signature")
	var refusal *Refusal
	if _, err := ParseKeyID(r); !errors.As(err, &refusal) || refusal.Reason != "unsigned" {
		t.Errorf("ParseKeyID without a signature: %v", err)
	}
}

func TestEachAttemptIsSignedAnew(t *testing.T) {
	key := rsaKey(t, 2048)
	r := httptest.NewRequest("POST", inbox, nil)
	for _, at := range []time.Time{noon.Add(-3 * time.Hour), noon} {
		if err := Sign(r, []byte("x"), anaKey, key, at); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := newGate(&key.PublicKey).Verify(r, []byte("x")); err != nil {
		t.Error(err)
	}
	if n := len(r.Header.Values("Signature")) + len(r.Header.Values("Digest")) + len(r.Header.Values("Date")); n != 3 {
		t.Errorf("%d headers: %v", n, r.Header)
	}
}

func TestNothingIsSignedWithAWrongKeyOrName(t *testing.T) {
	key := rsaKey(t, 2048)
	for name, err := range map[string]error{
		"a public key":    Sign(httptest.NewRequest("GET", inbox, nil), nil, anaKey, &key.PublicKey, noon),
		"no key":          Sign(httptest.NewRequest("GET", inbox, nil), nil, anaKey, nil, noon),
		"a quoted keyId":  Sign(httptest.NewRequest("GET", inbox, nil), nil, anaKey+`",x="`, key, noon),
		"a relative URL":  Sign(httptest.NewRequest("GET", "/inbox", nil), nil, anaKey, key, noon),
		"an empty keyId":  Sign(httptest.NewRequest("GET", inbox, nil), nil, "", key, noon),
		"a strange proto": Sign(httptest.NewRequest("GET", "ftp://legal.example/", nil), nil, anaKey, key, noon),
	} {
		if err == nil {
			t.Errorf("signed with %s", name)
		}
	}
}

func TestAGeneratedKeySignsAndVerifies(t *testing.T) {
	privatePEM, publicPEM, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	private, err := ParsePrivateKey(privatePEM)
	if err != nil {
		t.Fatal(err)
	}
	public, err := ParsePublicKey(publicPEM)
	if err != nil {
		t.Fatal(err)
	}
	r := signedBySign(t, "POST", inbox, []byte("x"), private, noon)
	if _, err := newGate(public).Verify(r, []byte("x")); err != nil {
		t.Error(err)
	}
	if bits := public.(*rsa.PublicKey).N.BitLen(); bits != 2048 {
		t.Errorf("%d bits", bits)
	}
}

func TestPublicKeysAreReadAsServersPublishThem(t *testing.T) {
	key, weak := rsaKey(t, 2048), rsaKey(t, 1024)
	ed, _, _ := ed25519.GenerateKey(rand.Reader)
	pkix := func(key any) []byte {
		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	for name, tc := range map[string]struct {
		text string
		want interface{ Equal(crypto.PublicKey) bool }
	}{
		"PKIX":                {block("PUBLIC KEY", pkix(&key.PublicKey)), &key.PublicKey},
		"PKCS #1":             {block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&key.PublicKey)), &key.PublicKey},
		"Ed25519":             {block("PUBLIC KEY", pkix(ed)), ed},
		"with white space":    {"\n" + block("PUBLIC KEY", pkix(&key.PublicKey)) + "\n\n", &key.PublicKey},
		"weak":                {block("PUBLIC KEY", pkix(&weak.PublicKey)), nil},
		"two keys":            {block("PUBLIC KEY", pkix(&key.PublicKey)) + block("PUBLIC KEY", pkix(ed)), nil},
		"no PEM":              {"AAAA", nil},
		"nothing":             {"", nil},
		"rubbish in PEM":      {block("PUBLIC KEY", []byte("rubbish")), nil},
		"a private key":       {block("PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)), nil},
		"a certificate":       {block("CERTIFICATE", []byte{0x30, 0x03, 0x02, 0x01, 0x01}), nil},
		"nine thousand bytes": {strings.Repeat("x\n", 4500) + block("PUBLIC KEY", pkix(ed)), nil},
	} {
		got, err := ParsePublicKey(tc.text)
		if tc.want == nil && err == nil {
			t.Errorf("%s: accepted as %T", name, got)
		}
		if tc.want != nil && (err != nil || !tc.want.Equal(got)) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if _, err := ParsePrivateKey("x"); err == nil {
		t.Error("a private key was read from x")
	}
}

func TestWhyAPublicKeyCantBeReadIsSaid(t *testing.T) {
	_, err := ParsePublicKey(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("rubbish")})))
	if err == nil || strings.Contains(err.Error(), "empty RSA key") {
		t.Errorf("rubbish is read as a key: %v", err)
	}
}

func TestAParameterWithoutANameIsRefused(t *testing.T) {
	h := newHand(rsaKey(t, 2048))
	r := h.request(t)
	r.Header.Set("Signature", r.Header.Get("Signature")+`,="x"`)
	refused(t, newGate(nil), r, h.body, http.StatusBadRequest, "signature_malformed")
}

// FuzzSignatureHeader throws headers at the gate: it may refuse them, and never lets one in that our key didn't
// sign, never panics and never changes the request.
func FuzzSignatureHeader(f *testing.F) {
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	covers := `headers="(request-target) host date digest",signature="AAAA"`
	for _, s := range []string{
		"", `keyId="` + anaKey + `",` + covers, `keyId="` + anaKey + `" , algorithm=hs2019, ` + covers, `keyId="a,b=c",` + covers,
		`keyId="` + anaKey + `",created=1791201600,expires=1791201600,headers="(created) (expires) (request-target) host digest",signature="AAAA"`,
		`keyId=x,keyId=y`, `=`, `,`, `a="\"`, `keyId="` + anaKey + `",headers="(request-target)  host date digest x=y , ()",signature="AAAA"`,
	} {
		f.Add(s, noon.Format(http.TimeFormat), "/inbox?x")
	}
	f.Fuzz(func(t *testing.T, signature, date, target string) {
		g := newGate(public)
		body := []byte("{}")
		r := httptest.NewRequest("POST", "/inbox", nil)
		r.Host, r.RequestURI = "legal.example", target
		r.Header = http.Header{"Signature": {signature}, "Date": {date}, "Digest": {"SHA-256=" + sum256(body)}}
		before := r.Header.Clone()
		_, err := g.Verify(r, body)
		var refusal *Refusal
		if !errors.As(err, &refusal) || refusal.Reason == "" || refusal.Status < 400 {
			t.Errorf("%q gave %v", signature, err)
		}
		if !reflect.DeepEqual(r.Header, before) {
			t.Errorf("%q changed the request", signature)
		}
	})
}
