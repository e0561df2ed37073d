package peering

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"ruche/federation"
)

// Limits of a message: a node's key is 0.8 kB of PEM and its terms a few lines.
const (
	maxMessage = 16 << 10
	// messageAge is how old or young a message may be while a handshake is under way.
	messageAge = 10 * time.Minute
)

// ErrMessage says that something isn't a message that this node can read or believe.
var ErrMessage = errors.New("not a message to be believed")

// Types of message.
const (
	typeAnswer       = "answer"       // to an invitation
	typeRenew        = "renew"        // a new comparison, after a key changed
	typeWelcome      = "welcome"      // the answer to both
	typeReveal       = "reveal"       // the nonce that was committed to
	typeConfirm      = "confirm"      // the codes are the same
	typeRefuse       = "refuse"       // they are not
	typeChanged      = "changed"      // the terms
	typeSuspended    = "suspended"    //
	typeResumed      = "resumed"      //
	typeRevoked      = "revoked"      // the link has ended
	typeKey          = "key"          // a new key, signed by the old
	typeOrganisation = "organisation" // the list has changed: read it again
	typeLeave        = "leave"        // take us off the list
)

// A message is what one node says to another about their link.
type message struct {
	Type string    `json:"type"`
	ID   string    `json:"id,omitempty"` // of the comparison
	From string    `json:"from"`         // hosts
	To   string    `json:"to"`
	At   time.Time `json:"at"`

	// Who speaks: in answer, renew and welcome.
	Actor   string `json:"actor,omitempty"`
	Inbox   string `json:"inbox,omitempty"`
	Domain  string `json:"domain,omitempty"` // after the @ of its accounts
	Name    string `json:"name,omitempty"`
	Circles bool   `json:"circles,omitempty"`

	Invitation string `json:"invitation,omitempty"`
	Proof      string `json:"proof,omitempty"`
	Commitment string `json:"commitment,omitempty"`
	Nonce      string `json:"nonce,omitempty"`
	Terms      *Terms `json:"terms,omitempty"`

	NewKey       string `json:"new_key,omitempty"`       // PEM
	NewSignature string `json:"new_signature,omitempty"` // by the new key, over the same
	Organisation string `json:"organisation,omitempty"`
}

// An envelope carries a message as the text that was signed.
type envelope struct {
	Message   string `json:"message"`
	Key       string `json:"key"` // PEM
	Signature string `json:"signature"`
}

// signedPrefix keeps a signature over a message from being one over anything else.
const signedPrefix = "ruche-peering/1\n"

// seal signs a message.
func seal(key crypto.PrivateKey, publicPEM string, m *message) ([]byte, error) {
	text, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("write message: %w", err)
	}
	signature, err := sign(key, []byte(signedPrefix+string(text)))
	if err != nil {
		return nil, err
	}
	return json.Marshal(envelope{string(text), publicPEM, signature})
}

// open reads an envelope and checks that the key in it signed the message. Whose key that is, the
// caller judges by the fingerprint.
func open(body []byte) (m *message, fingerprint string, err error) {
	var e envelope
	if err := strict(body, &e); err != nil {
		return nil, "", err
	}
	m = new(message)
	if err := strict([]byte(e.Message), m); err != nil {
		return nil, "", err
	}
	if fingerprint, err = federation.Fingerprint(e.Key); err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrMessage, err)
	}
	if err := verify(e.Key, []byte(signedPrefix+e.Message), e.Signature); err != nil {
		return nil, "", err
	}
	for _, host := range []string{m.From, m.To} {
		if normal, err := federation.NormalizeHost(host); err != nil || normal != host {
			return nil, "", fmt.Errorf("%q is no host: %w", host, ErrMessage)
		}
	}
	return m, fingerprint, nil
}

// strict reads one JSON value of a bounded size, with no fields that we don't know.
func strict(text []byte, v any) error {
	if len(text) > maxMessage {
		return fmt.Errorf("more than %d bytes: %w", maxMessage, ErrMessage)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%w: %w", ErrMessage, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("more than one value: %w", ErrMessage)
	}
	return nil
}

func sign(key crypto.PrivateKey, text []byte) (string, error) {
	var signature []byte
	var err error
	switch key := key.(type) {
	case *rsa.PrivateKey:
		sum := sha256.Sum256(text)
		signature, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	case ed25519.PrivateKey:
		signature = ed25519.Sign(key, text)
	default:
		err = fmt.Errorf("a key of type %T signs no messages", key)
	}
	if err != nil {
		return "", fmt.Errorf("sign message: %w", err)
	}
	return base64.StdEncoding.EncodeToString(signature), nil
}

func verify(publicPEM string, text []byte, signature string) error {
	raw, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return fmt.Errorf("signature: %w", ErrMessage)
	}
	key, err := federation.ParsePublicKey(publicPEM)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMessage, err)
	}
	switch key := key.(type) {
	case *rsa.PublicKey:
		sum := sha256.Sum256(text)
		if rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], raw) == nil {
			return nil
		}
	case ed25519.PublicKey:
		if ed25519.Verify(key, text, raw) {
			return nil
		}
	}
	return fmt.Errorf("the signature isn't by the key beside it: %w", ErrMessage)
}
