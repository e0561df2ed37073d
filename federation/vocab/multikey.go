package vocab

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"

	"ruche/storage"
)

// maxMultibase bounds publicKeyMultibase: RSA-8192 takes 1.4 kB. Base 58 costs the square of its length.
const maxMultibase = 2 << 10

// The multicodec prefixes, as varints, of the kinds of key that we read.
var (
	ed25519Codec = []byte{0xed, 0x01}
	rsaCodec     = []byte{0x85, 0x24}
)

// multikeyContext is the context of Multikey; peers know it by heart.
const multikeyContext = "https://w3id.org/security/multikey/v1"

// Multibase writes an Ed25519 public key as a Multikey has it: FEP-521a.
func Multibase(key ed25519.PublicKey) string {
	return "z" + EncodeBase58(append(append([]byte{}, ed25519Codec...), key...))
}

// multikeyPEM reads a publicKeyMultibase (base 58 of Ed25519, or RSA as PKCS #1) and gives PKIX PEM; false where
// it is of another kind, which is no fault.
func multikeyPEM(multibase string) (text string, known bool, err error) {
	rest, is58 := strings.CutPrefix(multibase, "z")
	if !is58 || len(multibase) > maxMultibase {
		return "", false, nil
	}
	raw, err := DecodeBase58(rest)
	if err != nil {
		return "", false, fmt.Errorf("publicKeyMultibase: %w", err)
	}
	var key crypto.PublicKey
	switch {
	case len(raw) == 2+ed25519.PublicKeySize && string(raw[:2]) == string(ed25519Codec):
		key = ed25519.PublicKey(raw[2:])
	case len(raw) > 2 && string(raw[:2]) == string(rsaCodec):
		k, err := x509.ParsePKCS1PublicKey(raw[2:])
		if err != nil {
			return "", false, fmt.Errorf("publicKeyMultibase: not an RSA key: %w", ErrMalformed)
		}
		key = k
	default:
		return "", false, nil
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", false, fmt.Errorf("publicKeyMultibase: %w", ErrMalformed)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), true, nil
}

// samePEM says whether two PEM texts hold one key, however they are written.
func samePEM(a, b string) bool {
	ka, kb := parsePEM(a), parsePEM(b)
	switch ka := ka.(type) {
	case *rsa.PublicKey:
		return ka.Equal(kb)
	case ed25519.PublicKey:
		return ka.Equal(kb)
	}
	return a == b
}

func parsePEM(text string) crypto.PublicKey {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil
	}
	if key, err := x509.ParsePKIXPublicKey(block.Bytes); err == nil {
		return key
	}
	if key, err := x509.ParsePKCS1PublicKey(block.Bytes); err == nil {
		return key
	}
	return nil
}

const base58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// EncodeBase58 writes bytes in the base that Multikeys and proofs use (Bitcoin's alphabet).
func EncodeBase58(raw []byte) string {
	n, radix, digit := new(big.Int).SetBytes(raw), big.NewInt(58), new(big.Int)
	var out []byte
	for n.Sign() > 0 {
		n.DivMod(n, radix, digit)
		out = append(out, base58[digit.Int64()])
	}
	for _, b := range raw {
		if b != 0 {
			break
		}
		out = append(out, base58[0])
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return string(out)
}

// DecodeBase58 reads what EncodeBase58 writes. The caller bounds the length. The error is ErrMalformed.
func DecodeBase58(text string) ([]byte, error) {
	n, radix := new(big.Int), big.NewInt(58)
	zeros := len(text) - len(strings.TrimLeft(text, base58[:1]))
	for i := range len(text) {
		digit := strings.IndexByte(base58, text[i])
		if digit < 0 {
			return nil, fmt.Errorf("not base 58: %w", ErrMalformed)
		}
		n.Mul(n, radix)
		n.Add(n, big.NewInt(int64(digit)))
	}
	return append(make([]byte, zeros), n.Bytes()...), nil
}

// writtenMultikey is a key in assertionMethod.
type writtenMultikey struct {
	ID         string `json:"id"`
	Type       string `json:"type"`
	Controller string `json:"controller"`
	Multibase  string `json:"publicKeyMultibase"`
}

// addProofKey writes the key by which an account of ours signs what it says. publicKey stays one RSA object, for
// servers that read nothing else.
func (w Writer) addProofKey(t *thing, a *storage.Account, k *storage.Key) error {
	if k == nil {
		return nil
	}
	key, ok := parsePEM(k.Public).(ed25519.PublicKey)
	if !ok || CheckIRI(k.ID) != nil {
		return fmt.Errorf("write proof key of %s: %w", a.URI, ErrInvalid)
	}
	t.add("assertionMethod", []writtenMultikey{{k.ID, "Multikey", a.URI, Multibase(key)}})
	return nil
}
