package vocab_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"ruche/federation/vocab"
)

const keyHolder = "https://mitra.test/users/eve"

func pemOf(t testing.TB, key any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func TestKeysAreReadFromBothPlacesAndInAllForms(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ed, _, _ := ed25519.GenerateKey(rand.Reader)
	other, _, _ := ed25519.GenerateKey(rand.Reader)
	rsaPEM := pemOf(t, &private.PublicKey)
	rsaMultibase := "z" + vocab.EncodeBase58(append([]byte{0x85, 0x24}, x509.MarshalPKCS1PublicKey(&private.PublicKey)...))
	pkcs1 := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&private.PublicKey)}))
	type object = map[string]any
	main := func(text string) object {
		return object{"id": keyHolder + "#main-key", "owner": keyHolder, "publicKeyPem": text}
	}
	multi := func(id, multibase string) object {
		return object{"id": keyHolder + id, "type": "Multikey", "controller": keyHolder, "publicKeyMultibase": multibase}
	}
	with := func(o object, name string, value any) object { o[name] = value; return o }
	for name, tc := range map[string]struct {
		public, asserts any
		want            string // ids without the actor's, those for proofs with a star; "refused"
	}{
		"RSA and Ed25519":                 {main(rsaPEM), []any{multi("#ed", vocab.Multibase(ed))}, "#main-key #ed*"},
		"one Multikey, no list":           {main(rsaPEM), multi("#ed", vocab.Multibase(ed)), "#main-key #ed*"},
		"RSA in both places":              {main(rsaPEM), []any{multi("#main-key", rsaMultibase), multi("#ed", vocab.Multibase(ed))}, "#main-key* #ed*"},
		"RSA as PKCS #1 and as Multikey":  {main(pkcs1), []any{multi("#main-key", rsaMultibase)}, "#main-key*"},
		"both forms in one object":        {with(main(rsaPEM), "publicKeyMultibase", rsaMultibase), nil, "#main-key"},
		"forms that disagree":             {with(main(rsaPEM), "publicKeyMultibase", vocab.Multibase(ed)), nil, "refused"},
		"a form that can't be compared":   {with(main(rsaPEM), "publicKeyMultibase", "uAAAA"), nil, "refused"},
		"a JWK beside the PEM":            {with(main(rsaPEM), "publicKeyJwk", object{"kty": "RSA"}), nil, "refused"},
		"places that disagree":            {main(rsaPEM), []any{multi("#main-key", vocab.Multibase(ed))}, "refused"},
		"one id, two Multikeys":           {nil, []any{multi("#ed", vocab.Multibase(ed)), multi("#ed", vocab.Multibase(other))}, "refused"},
		"one id, two times":               {nil, []any{multi("#ed", vocab.Multibase(ed)), with(multi("#ed", vocab.Multibase(ed)), "expires", "2020-01-01T00:00:00Z")}, "refused"},
		"two owners":                      {with(main(rsaPEM), "controller", keyHolder+"2"), nil, "refused"},
		"a kind that isn't read":          {main(rsaPEM), []any{multi("#p256", "zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv")}, "#main-key"},
		"a JWK":                           {main(rsaPEM), []any{object{"id": keyHolder + "#j", "controller": keyHolder, "publicKeyJwk": object{"kty": "OKP"}}}, "#main-key"},
		"a controller of another scheme":  {main(rsaPEM), []any{with(multi("#did", vocab.Multibase(ed)), "controller", "did:key:z6Mk")}, "#main-key"},
		"a Multikey that is no base 58":   {main(rsaPEM), []any{multi("#ed", "z0OIl")}, "#main-key"},
		"an Ed25519 key that is too long": {main(rsaPEM), []any{multi("#ed", "z"+vocab.EncodeBase58(append([]byte{0xed, 0x01}, make([]byte, 33)...)))}, "#main-key"},
	} {
		t.Run(name, func(t *testing.T) {
			body, err := json.Marshal(object{"id": keyHolder, "type": "Person", "inbox": keyHolder + "/inbox", "publicKey": tc.public, "assertionMethod": tc.asserts})
			if err != nil {
				t.Fatal(err)
			}
			a, err := vocab.ParseActor(decode(t, string(body)))
			if tc.want == "refused" {
				if !errors.Is(err, vocab.ErrMalformed) {
					t.Errorf("got %+v, %v, want ErrMalformed", a, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, k := range a.PublicKeys {
				id := strings.TrimPrefix(k.ID, keyHolder)
				if k.Proofs {
					id += "*"
				}
				got = append(got, id)
			}
			if s := strings.Join(got, " "); s != tc.want {
				t.Errorf("got %s, want %s", s, tc.want)
			}
		})
	}
}

func TestAKeyIsOverWhenItExpiredOrWasRevoked(t *testing.T) {
	ed, _, _ := ed25519.GenerateKey(rand.Reader)
	now := time.Date(2026, 10, 5, 12, 0, 0, 0, time.UTC)
	for said, want := range map[string]bool{
		``:                                  false,
		`"expires":"2026-10-05T12:00:00Z",`: true,
		`"expires":"2026-10-05T12:00:01Z",`: false,
		`"revoked":"2026-10-05T11:00:00Z",`: true,
		`"expires":"soon",`:                 true,
		`"revoked":true,`:                   true,
		`"expires":"2027-01-01T00:00:00Z","revoked":"2026-01-01T00:00:00Z",`: true,
	} {
		keys, err := vocab.ParseKeyDocument(decode(t, `{"id":"`+keyHolder+`#ed","type":"Multikey",`+said+`"controller":"`+keyHolder+`","publicKeyMultibase":"`+vocab.Multibase(ed)+`"}`))
		if err != nil {
			t.Fatal(said, err)
		}
		if got := keys[0].Over(now); got != want {
			t.Errorf("%s: over is %v, want %v", said, got, want)
		}
	}
}

func TestBase58ReadsWhatItWrites(t *testing.T) {
	for _, raw := range [][]byte{{}, {0}, {0, 0, 1}, {255}, []byte("hello world"), make([]byte, 70)} {
		back, err := vocab.DecodeBase58(vocab.EncodeBase58(raw))
		if err != nil || string(back) != string(raw) {
			t.Errorf("%x became %x, %v", raw, back, err)
		}
	}
	// The example of draft-msporny-base58.
	if got := vocab.EncodeBase58([]byte("Hello World!")); got != "2NEpo7TZRRrLZSi2U" {
		t.Errorf("got %s", got)
	}
	if _, err := vocab.DecodeBase58("0"); !errors.Is(err, vocab.ErrMalformed) {
		t.Errorf("a digit that base 58 hasn't: %v", err)
	}
}
