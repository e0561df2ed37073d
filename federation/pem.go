package federation

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// RSA below 2048 bits can be forged by those with means; above 8192, verifying is a way to keep us busy.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// GenerateKey makes an RSA key of 2048 bits, still the only kind that every server verifies: the private half as
// PKCS #8, the public one as PKIX, both PEM.
func GenerateKey() (privatePEM, publicPEM string, err error) {
	key, err := rsa.GenerateKey(rand.Reader, minRSABits)
	if err != nil {
		return "", "", fmt.Errorf("generate key: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", "", fmt.Errorf("generate key: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return "", "", fmt.Errorf("generate key: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})), nil
}

// ParsePrivateKey reads a key that GenerateKey wrote (PKCS #8; RSA or Ed25519).
func ParsePrivateKey(text string) (crypto.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("private key: no PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	switch key.(type) {
	case *rsa.PrivateKey, ed25519.PrivateKey:
		return key, nil
	}
	return nil, fmt.Errorf("private key of type %T", key)
}

// maxPublicKey bounds the PEM of a public key; RSA-8192 is 1.5 KiB.
const maxPublicKey = 8 << 10

// ParsePublicKey reads a public key as servers publish it: PKIX or PKCS #1, RSA of 2048 to 8192 bits or Ed25519.
func ParsePublicKey(text string) (crypto.PublicKey, error) {
	if len(text) > maxPublicKey {
		return nil, fmt.Errorf("public key of more than %d bytes", maxPublicKey)
	}
	block, rest := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("public key: no PEM")
	}
	if strings.TrimSpace(string(rest)) != "" {
		return nil, errors.New("public key: more than one PEM block")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		old, olderr := x509.ParsePKCS1PublicKey(block.Bytes)
		if olderr != nil {
			return nil, fmt.Errorf("public key: %w", err)
		}
		key = old
	}
	if err := usableKey(key); err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	return key, nil
}

// Fingerprint names a public key, however its PEM is written: the SHA-256 of its PKIX form, in hexadecimal.
func Fingerprint(publicPEM string) (string, error) {
	key, err := ParsePublicKey(publicPEM)
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", fmt.Errorf("public key: %w", err)
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:]), nil
}

// usableKey tells whether signatures by a key are worth anything, and worth computing.
func usableKey(key crypto.PublicKey) error {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if key == nil || key.N == nil {
			return errors.New("an empty RSA key")
		}
		if bits := key.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return fmt.Errorf("an RSA key of %d bits", bits)
		}
		return nil
	case ed25519.PublicKey:
		if len(key) != ed25519.PublicKeySize {
			return fmt.Errorf("an Ed25519 key of %d bytes", len(key))
		}
		return nil
	}
	return fmt.Errorf("a key of type %T", key)
}
