package federation

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"ruche/federation/vocab"
	"ruche/storage"
)

const anaProofKey = anaURI + "#ed25519-key"

const said = `{"@context":["https://www.w3.org/ns/activitystreams",{"circle":"urn:ruche:circle"}],"id":"https://sales.example/a/1","type":"Create","actor":"` + anaURI + `",` +
	`"to":["https://www.w3.org/ns/activitystreams#Public"],"x":{"unknown":[1,2.5,true,null,"é€\u20ac"]},` +
	`"object":{"id":"https://sales.example/n/1","type":"Note","attributedTo":"` + anaURI + `","content":"<p>hello</p>"}}`

// prover gives a gate that knows ana's proof key, and the key.
func prover(t testing.TB) (*gate, *storage.Key) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	g := newGate(nil)
	g.stored = &Key{ID: anaProofKey, Owner: anaURI, Public: public, Proofs: true}
	g.fresh = g.stored
	g.Key = func(_ context.Context, keyID string, refresh bool) (*Key, error) {
		if refresh {
			g.refreshes++
			return g.fresh, g.refreshErr
		}
		g.lookups++
		if keyID != anaProofKey {
			return nil, ErrKeyGone
		}
		return g.stored, g.err
	}
	return g, &storage.Key{ID: anaProofKey, Proofs: true, Private: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))}
}

func proven(t testing.TB, activity string, key *storage.Key) string {
	t.Helper()
	body, err := Prove([]byte(activity), key, noon)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func decoded(t testing.TB, body string) *vocab.Document {
	t.Helper()
	doc, err := vocab.Decode([]byte(body))
	if err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return doc
}

func TestWhatIsProvenIsVerifiedByWhoeverGetsIt(t *testing.T) {
	g, key := prover(t)
	body := proven(t, said, key)
	at, err := g.VerifyProof(t.Context(), decoded(t, body), anaURI)
	if err != nil || !at.Equal(noon) {
		t.Fatal(at, err)
	}
	if !strings.HasPrefix(body, `{"@context":["https://www.w3.org/ns/activitystreams","https://w3id.org/security/data-integrity/v1",{"circle"`) {
		t.Errorf("the contexts are %.200s", body)
	}
	if again := proven(t, body, key); again != body {
		t.Error("a proven activity was proven again")
	}
	// White space and the order of names mean nothing, and change nothing.
	var fields map[string]any
	if err := json.Unmarshal([]byte(body), &fields); err != nil {
		t.Fatal(err)
	}
	pretty, err := json.MarshalIndent(fields, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.VerifyProof(t.Context(), decoded(t, string(pretty)), anaURI); err != nil {
		t.Error("written in another way:", err)
	}
}

func TestAnyChangeMakesAProofInvalid(t *testing.T) {
	g, key := prover(t)
	body := proven(t, said, key)
	for i := range len(body) {
		for _, bit := range []byte{1, 4} {
			changed := []byte(body)
			changed[i] ^= bit
			doc, err := vocab.Decode(changed)
			if err != nil {
				continue // nobody reads it
			}
			if at, err := g.VerifyProof(t.Context(), doc, anaURI); err == nil {
				t.Fatalf("byte %d changed from %q to %q, and proven at %s:\n%s", i, body[i], changed[i], at, changed)
			}
		}
	}
	for name, change := range map[string]string{
		"a property more":         strings.Replace(body, `"x":`, `"y":1,"x":`, 1),
		"an unknown one less":     strings.Replace(body, `"x":{"unknown":[1,2.5,true,null,"é€\u20ac"]},`, ``, 1),
		"another context":         strings.Replace(body, `{"circle":"urn:ruche:circle"}`, `{"circle":"as:to"}`, 1),
		"a context more":          strings.Replace(body, `urn:ruche:circle"}]`, `urn:ruche:circle"},"https://evil.example/c"]`, 1),
		"an option more":          strings.Replace(body, `"proofPurpose"`, `"domain":"evil.example","proofPurpose"`, 1),
		"a number with more":      strings.Replace(body, `2.5`, `2.50000000000000000001`, 1),
		"a signature as a string": strings.Replace(body, `"x":`, `"signature":"a","x":`, 1),
	} {
		if change == body {
			t.Fatalf("%s: nothing changed", name)
		}
		if _, err := g.VerifyProof(t.Context(), decoded(t, change), anaURI); err == nil {
			t.Errorf("%s: the proof holds", name)
		}
	}
}

func TestALinkedDataSignatureIsLookedAtByNobody(t *testing.T) {
	g, key := prover(t)
	body := proven(t, said, key)
	signed := strings.Replace(body, `"x":`, `"signature":{"type":"RsaSignature2017","creator":"`+anaKey+`","signatureValue":"AAAA"},"x":`, 1)
	if _, err := g.VerifyProof(t.Context(), decoded(t, signed), anaURI); err != nil {
		t.Error("a proof from before the other signature:", err)
	}
	alone := strings.Replace(said, `"x":`, `"signature":{"type":"RsaSignature2017","creator":"`+anaKey+`","signatureValue":"AAAA"},"x":`, 1)
	if _, err := g.VerifyProof(t.Context(), decoded(t, alone), anaURI); !errors.Is(err, ErrNoProof) {
		t.Errorf("the other signature alone: %v", err)
	}
}

func TestAProofIsTheActorsOwnAndOfNow(t *testing.T) {
	edit := func(from, to string) func(string) string {
		return func(body string) string {
			if !strings.Contains(body, from) {
				t.Fatalf("no %s in %s", from, body)
			}
			return strings.Replace(body, from, to, 1)
		}
	}
	other, _, _ := ed25519.GenerateKey(rand.Reader)
	for name, tc := range map[string]struct {
		change func(string) string
		gate   func(*gate)
		actor  string
		want   error // nil: a *Refusal
	}{
		"none":                        {change: func(string) string { return said }, want: ErrNoProof},
		"of another suite":            {change: edit("eddsa-jcs-2022", "eddsa-rdfc-2022"), want: ErrNoProof},
		"of another type":             {change: edit("DataIntegrityProof", "RsaSignature2017"), want: ErrNoProof},
		"null":                        {change: func(string) string { return strings.Replace(said, `"x":`, `"proof":null,"x":`, 1) }, want: ErrNoProof},
		"too many":                    {change: func(string) string { return strings.Replace(said, `"x":`, `"proof":[1,2,3,4,5],"x":`, 1) }, want: ErrProof},
		"of a number":                 {change: func(string) string { return strings.Replace(said, `"x":`, `"proof":7,"x":`, 1) }, want: ErrNoProof},
		"a value that is a number":    {change: edit(`"proofValue":"`, `"proofValue":7,"z":"`), want: ErrProof},
		"names in another case":       {change: edit(`"proofValue"`, `"ProofValue"`), want: ErrProof},
		"for another purpose":         {change: edit(`"proofPurpose":"assertionMethod"`, `"proofPurpose":"authentication"`), want: ErrProof},
		"another base":                {change: edit(`"proofValue":"z`, `"proofValue":"u`), want: ErrProof},
		"half a value":                {change: func(b string) string { return b[:len(b)-20] + `"}}` }, want: ErrProof},
		"a long value":                {change: edit(`"proofValue":"z`, `"proofValue":"z`+strings.Repeat("1", 200)), want: ErrProof},
		"a key elsewhere":             {change: edit(anaProofKey, "https://evil.example/u/1#ed25519-key"), want: ErrProof},
		"a key under did:":            {change: edit(anaProofKey, "did:key:z6Mk"), want: ErrProof},
		"an actor who is no peer":     {change: func(b string) string { return strings.ReplaceAll(b, "sales.example", "evil.example") }, actor: "https://evil.example/u/1"},
		"another's":                   {gate: func(g *gate) { g.stored.Owner = "https://sales.example/u/2" }, want: ErrProof},
		"by a key for requests only":  {gate: func(g *gate) { g.stored.Proofs = false }, want: ErrProof},
		"by a key of another kind":    {gate: func(g *gate) { g.stored.Public = rsaKey(t, 2048).Public() }, want: ErrProof},
		"by another key":              {gate: func(g *gate) { g.stored.Public = other }, want: ErrProof},
		"by a key that is over":       {gate: func(g *gate) { g.err = ErrKeyExpired }},
		"by a key that is away":       {gate: func(g *gate) { g.err = ErrKeyUnavailable }},
		"from the future":             {gate: func(g *gate) { g.Now = func() time.Time { return noon.Add(-6 * time.Minute) } }, want: ErrProof},
		"after nine days":             {gate: func(g *gate) { g.Now = func() time.Time { return noon.Add(storage.EndedKept) } }, want: ErrProofOld},
		"expired":                     {change: edit(`"created"`, `"expires":"2026-10-05T11:59:59Z","created"`), want: ErrProof},
		"with a time of another form": {change: edit(`"created":"2026-10-05T12:00:00Z"`, `"created":"yesterday"`), want: ErrProof},
	} {
		t.Run(name, func(t *testing.T) {
			g, key := prover(t)
			body := proven(t, said, key)
			if tc.change != nil {
				body = tc.change(body)
			}
			if tc.gate != nil {
				tc.gate(g)
			}
			actor := tc.actor
			if actor == "" {
				actor = anaURI
			}
			_, err := g.VerifyProof(t.Context(), decoded(t, body), actor)
			var refusal *Refusal
			if err == nil || tc.want != nil && !errors.Is(err, tc.want) || tc.want == nil && !errors.As(err, &refusal) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
			if tc.actor != "" && g.lookups > 0 {
				t.Error("a key was looked up for a host that is no peer")
			}
		})
	}
}

// signedOptions proves by hand, with options of the test's own.
func signedOptions(t *testing.T, key *storage.Key, options map[string]any) string {
	t.Helper()
	private, err := ParsePrivateKey(key.Private)
	if err != nil {
		t.Fatal(err)
	}
	document := map[string]any{"@context": "https://www.w3.org/ns/activitystreams", "id": "https://sales.example/a/1", "type": "Create", "actor": anaURI}
	all := map[string]any{"type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022", "verificationMethod": anaProofKey, "proofPurpose": "assertionMethod", "created": "2026-10-05T12:00:00Z"}
	for name, value := range options {
		all[name] = value
	}
	var hash []byte
	for _, part := range []any{all, document} {
		text, err := json.Marshal(part) // canonical for what is in it
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(text)
		hash = append(hash, sum[:]...)
	}
	all["proofValue"] = "z" + vocab.EncodeBase58(ed25519.Sign(private.(ed25519.PrivateKey), hash))
	document["proof"] = all
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestWhatAProofSaysOfItselfIsHeeded(t *testing.T) {
	g, key := prover(t)
	for name, tc := range map[string]struct {
		options map[string]any
		ok      bool
	}{
		"nothing more":         {nil, true},
		"its context":          {map[string]any{"@context": "https://www.w3.org/ns/activitystreams"}, true},
		"an option of its own": {map[string]any{"nonce": "1"}, true},
		"good until later":     {map[string]any{"expires": "2026-10-05T12:00:01Z"}, true},
		"expired":              {map[string]any{"expires": "2026-10-05T11:59:59Z"}, false},
		"an expiry of no form": {map[string]any{"expires": "later"}, false},
		"an expiry in numbers": {map[string]any{"expires": 4102444800}, false},
		"another purpose":      {map[string]any{"proofPurpose": "authentication"}, false},
		"another's key":        {map[string]any{"verificationMethod": "https://sales.example/u/2#ed25519-key"}, false},
	} {
		if _, err := g.VerifyProof(t.Context(), decoded(t, signedOptions(t, key, tc.options)), anaURI); (err == nil) != tc.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAProofOfTheRotatedKeyCounts(t *testing.T) {
	g, key := prover(t)
	body := proven(t, said, key)
	old, _, _ := ed25519.GenerateKey(rand.Reader)
	g.fresh = &Key{ID: anaProofKey, Owner: anaURI, Public: g.stored.Public, Proofs: true}
	g.stored = &Key{ID: anaProofKey, Owner: anaURI, Public: old, Proofs: true}
	if _, err := g.VerifyProof(t.Context(), decoded(t, body), anaURI); err != nil || g.refreshes != 1 {
		t.Errorf("%v after %d refreshes", err, g.refreshes)
	}
}

func TestOneOfSeveralProofsIsEnough(t *testing.T) {
	g, key := prover(t)
	body := proven(t, said, key)
	at := strings.Index(body, `"proof":`) + len(`"proof":`)
	one := body[at : len(body)-1]
	bad := strings.Replace(one, "Z\"", "Z\",\"nonce\":\"1\"", 1)
	if _, err := g.VerifyProof(t.Context(), decoded(t, body[:at]+"["+bad+","+one+"]}"), anaURI); err != nil {
		t.Error(err)
	}
	if _, err := g.VerifyProof(t.Context(), decoded(t, body[:at]+"["+bad+"]}"), anaURI); !errors.Is(err, ErrProof) {
		t.Errorf("the bad one alone: %v", err)
	}
}

// The public examples of VC Data Integrity EdDSA Cryptosuites §B.2 (with the context in the proof) and of FEP-8b32
// (without).
func TestThePublicExamplesHold(t *testing.T) {
	raw, err := vocab.DecodeBase58("6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2")
	if err != nil {
		t.Fatal(err)
	}
	public := ed25519.PublicKey(raw[2:])
	for name, body := range map[string]string{
		"VC": `{"@context":["https://www.w3.org/ns/credentials/v2","https://www.w3.org/ns/credentials/examples/v2"],"id":"urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
			"type":["VerifiableCredential","AlumniCredential"],"name":"Alumni Credential","description":"A minimum viable example of an Alumni Credential.",
			"issuer":"https://vc.example/issuers/5678","validFrom":"2023-01-01T00:00:00Z","credentialSubject":{"id":"did:example:abcdefgh","alumniOf":"The School of Examples"},
			"proof":{"type":"DataIntegrityProof","cryptosuite":"eddsa-jcs-2022","created":"2023-02-24T23:36:38Z",
			"verificationMethod":"did:key:z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2#z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2","proofPurpose":"assertionMethod",
			"@context":["https://www.w3.org/ns/credentials/v2","https://www.w3.org/ns/credentials/examples/v2"],
			"proofValue":"z2HnFSSPPBzR36zdDgK8PbEHeXbR56YF24jwMpt3R1eHXQzJDMWS93FCzpvJpwTWd3GAVFuUfjoJdcnTMuVor51aX"}}`,
		"FEP-8b32": `{"@context":["https://www.w3.org/ns/activitystreams","https://w3id.org/security/data-integrity/v1"],"type":"Create","actor":"https://server.example/users/alice",
			"object":{"type":"Note","content":"Hello world"},
			"proof":{"type":"DataIntegrityProof","cryptosuite":"eddsa-jcs-2022","verificationMethod":"https://server.example/users/alice#ed25519-key","proofPurpose":"assertionMethod",
			"proofValue":"z3sXaxjKs4M3BRicwWA9peyNPJvJqxtGsDmpt1jjoHCjgeUf71TRFz56osPSfDErszyLp5Ks1EhYSgpDaNM977Rg2","created":"2023-02-24T23:36:38Z"}}`,
	} {
		for _, change := range []bool{false, true} {
			if change {
				body = strings.Replace(body, "ello", "ullo", 1)
				body = strings.Replace(body, "Alumni", "Alumnae", 1)
			}
			proofs, fields, err := readProofs([]byte(body))
			if err != nil || len(proofs) != 1 {
				t.Fatal(name, proofs, err)
			}
			signature, err := vocab.DecodeBase58(proofs[0].Value[1:])
			if err != nil {
				t.Fatal(err)
			}
			if err := proofs[0].verify(fields, signature, crypto.PublicKey(public)); (err != nil) != change {
				t.Errorf("%s, changed %v: %v", name, change, err)
			}
		}
	}
}

func TestNothingIsProvenWithAWrongKeyOrForm(t *testing.T) {
	_, key := prover(t)
	rsaPEM, _, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		body string
		key  *storage.Key
	}{
		"no key":          {said, &storage.Key{ID: anaProofKey}},
		"an RSA key":      {said, &storage.Key{ID: anaProofKey, Private: rsaPEM}},
		"not JSON":        {"{", key},
		"no context":      {`{"id":"x"}`, key},
		"a later context": {`{"id":"x","@context":"https://www.w3.org/ns/activitystreams"}`, key},
	} {
		if body, err := Prove([]byte(tc.body), tc.key, noon); err == nil {
			t.Errorf("%s: %s", name, body)
		}
	}
}

func TestWhatIsWrongWithAProofIsSaid(t *testing.T) {
	g, key := prover(t)
	_, err := Prove([]byte(`{"id":"x","@context":"https://www.w3.org/ns/activitystreams"}`), key, noon)
	if err == nil || !strings.Contains(err.Error(), "context") {
		t.Errorf("a context that stands later: %v", err)
	}
	long := `{"@context":"https://www.w3.org/ns/activitystreams","id":"https://sales.example/a/1","type":"Create","actor":"` + anaURI + `","x":123456789012345678901234567890}`
	if _, err := g.VerifyProof(t.Context(), decoded(t, long), anaURI); !errors.Is(err, ErrNoProof) {
		t.Errorf("no proof, and a long number: %v", err)
	}
}

// FuzzProof throws documents and proofs at the verifier: none may hold but what the key signed, nothing panics.
func FuzzProof(f *testing.F) {
	g, key := prover(f)
	good := proven(f, said, key)
	for _, s := range []string{good, said, "{}", `{"proof":[]}`, `{"proof":{}}`, `{"@context":"\u0000","proof":{"type":"DataIntegrityProof","cryptosuite":"eddsa-jcs-2022"}}`,
		strings.Replace(good, `2.5`, `1e999`, 1), strings.Replace(good, "hello", `\ud800`, 1), strings.Replace(good, "hello", strings.Repeat(`\"`, 100), 1),
		strings.Replace(good, `"proof":{`, `"proof":{"@context":{"a":[[[[]]]]},"y":{`, 1), `{"proof":` + strings.Repeat(`[`, 50) + strings.Repeat(`]`, 50) + `}`} {
		f.Add([]byte(s))
	}
	want := canonicalWithoutProof(f, []byte(good))
	f.Fuzz(func(t *testing.T, body []byte) {
		doc, err := vocab.Decode(body)
		if err != nil {
			return
		}
		if _, err := g.VerifyProof(context.Background(), doc, anaURI); err == nil && !bytes.Equal(canonicalWithoutProof(t, body), want) {
			t.Errorf("proven: %s", body)
		}
	})
}

func canonicalWithoutProof(t testing.TB, body []byte) []byte {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal(body, &fields); err != nil {
		t.Fatal(err)
	}
	delete(fields, "proof")
	delete(fields, "signature")
	out, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", body, err))
	}
	return out
}

func TestAProofsValueSaysThatItIsBase58(t *testing.T) {
	g, key := prover(t)
	body := signedOptions(t, key, nil)
	if _, err := g.VerifyProof(t.Context(), decoded(t, body), anaURI); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"without its z": `"proofValue":"`, "with another letter": `"proofValue":"u`, "behind zeros": `"proofValue":"z` + strings.Repeat("1", 4000)} {
		if _, err := g.VerifyProof(t.Context(), decoded(t, strings.Replace(body, `"proofValue":"z`, value, 1)), anaURI); !errors.Is(err, ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
