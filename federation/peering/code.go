package peering

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/skip2/go-qrcode"

	"ruche/federation"
)

// secretBytes is the size of an invitation's secret, and of nonces.
const secretBytes = 16

func random() string {
	var b [secretBytes]byte
	rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// hashed is the SHA-256 of texts, each with its length before it so that no two lists are alike.
func hashed(what string, texts ...string) []byte {
	h := sha256.New()
	for _, t := range append([]string{"ruche-peering/1 " + what}, texts...) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(t)))
		h.Write(n[:])
		h.Write([]byte(t))
	}
	return h.Sum(nil)
}

// keyed is the same under a key.
func keyed(key, what string, texts ...string) string {
	m := hmac.New(sha256.New, []byte(key))
	m.Write(hashed(what, texts...))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// invitationID and proofKey are what the inviting node keeps of a secret.
func invitationID(secret string) string { return keyed(secret, "invitation")[:22] }
func proofKey(secret string) string     { return keyed(secret, "proof key") }

// proof shows that whoever answers knows the secret, without telling it, for this answer only.
func proof(proofKey string, m *message, fingerprint string) string {
	return keyed(proofKey, "proof", m.ID, m.From, m.To, m.Actor, fingerprint, m.Commitment)
}

func sameText(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }

// commitment binds a side to its nonce before it has seen the other's.
func commitment(id, host, fingerprint, nonce string) string {
	return hex.EncodeToString(hashed("commitment", id, host, fingerprint, nonce))
}

// A side is one of the two nodes in a comparison.
type side struct{ host, fingerprint, nonce string }

// code is what both screens show: eight digits over both hosts, keys and nonces. asked is the side that sent its
// nonce first, asking the side that had committed to its own. With one attempt, somebody in the middle
// passes once in a hundred million.
func code(id string, asked, committed side) string {
	sum := hashed("code", id, asked.host, asked.fingerprint, asked.nonce, committed.host, committed.fingerprint, committed.nonce)
	n := binary.BigEndian.Uint64(sum) % 100_000_000
	return fmt.Sprintf("%04d %04d", n/10_000, n%10_000)
}

// A Link is what an invitation's link says.
type Link struct {
	Host        string
	Fingerprint string // of the inviting node's key
	// Organisation: it invites to join the inviter's organisation, as a sibling.
	Organisation bool
	secret       string
}

// ErrLink says that a text is no invitation's link.
var ErrLink = errors.New("this is no invitation: copy the whole link, with all that stands behind the #")

// text is the link as it is handed over. What is behind the # stays in the browser.
func (l Link) text(scheme string) string {
	parts := []string{"1", l.secret, l.Fingerprint}
	if l.Organisation {
		parts = append(parts, "o")
	}
	return scheme + l.Host + invitePath + "#" + strings.Join(parts, ".")
}

// ParseLink reads an invitation's link. The error is ErrLink.
func ParseLink(text string) (Link, error) {
	text = strings.TrimSpace(text)
	if len(text) > 1024 {
		return Link{}, ErrLink
	}
	address, fragment, ok := strings.Cut(text, "#")
	u, err := url.Parse(address)
	host, hostErr := federation.HostOf(address)
	parts := strings.Split(fragment, ".")
	if !ok || err != nil || hostErr != nil || u.Path != invitePath || u.RawQuery != "" || len(parts) < 3 || len(parts) > 4 || parts[0] != "1" {
		return Link{}, ErrLink
	}
	secret, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
	if err != nil || len(secret) != secretBytes {
		return Link{}, ErrLink
	}
	print, err := hex.DecodeString(parts[2])
	if err != nil || len(print) != sha256.Size || strings.ToLower(parts[2]) != parts[2] {
		return Link{}, ErrLink
	}
	if len(parts) == 4 && parts[3] != "o" {
		return Link{}, ErrLink
	}
	return Link{Host: host, Fingerprint: parts[2], Organisation: len(parts) == 4, secret: parts[1]}, nil
}

// ShowFingerprint writes a fingerprint in groups, for people to compare.
func ShowFingerprint(print string) string {
	var groups []string
	for len(print) > 4 {
		groups, print = append(groups, print[:4]), print[4:]
	}
	return strings.Join(append(groups, print), " ")
}

// qr draws a link. Level M bears a crease or a stain.
func qr(link string) (*qrcode.QRCode, error) {
	q, err := qrcode.New(link, qrcode.Medium)
	if err != nil {
		return nil, fmt.Errorf("draw QR code: %w", err)
	}
	return q, nil
}

// QRText draws a link with half blocks, for a dark terminal.
func QRText(link string) (string, error) {
	q, err := qr(link)
	if err != nil {
		return "", err
	}
	return q.ToSmallString(false), nil
}

// QRSVG draws a link as a picture of its own, black on white, with its quiet zone.
func QRSVG(link string) (string, error) {
	q, err := qr(link)
	if err != nil {
		return "", err
	}
	cells := q.Bitmap()
	var path strings.Builder
	for y, row := range cells {
		for x, dark := range row {
			if dark {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x, y)
			}
		}
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[1]d" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h%[1]dv%[1]dH0z"/><path fill="#000" d="%[2]s"/></svg>`, len(cells), path.String()), nil
}
