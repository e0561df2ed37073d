package federation

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gowebpki/jcs"

	"ruche/federation/vocab"
	"ruche/storage"
)

// Names of FEP-8b32 and of the specification behind it, VC Data Integrity.
const (
	proofContext   = "https://w3id.org/security/data-integrity/v1"
	proofType      = "DataIntegrityProof"
	proofSuite     = "eddsa-jcs-2022"
	proofPurpose   = "assertionMethod"
	maxProofs      = 4
	maxProofValue  = 128 // base 58 of 64 bytes is 88
	maxNumberWidth = 17  // digits beyond it are lost in what is signed: RFC 8785 §3.2.2.3
)

var (
	// ErrNoProof is an activity without a proof that we read.
	ErrNoProof = errors.New("there is no proof")
	// ErrProof is a proof that doesn't hold.
	ErrProof = errors.New("the proof is not valid")
	// ErrProofOld is a proof from before what we remember of ended activities: what it says may be over.
	ErrProofOld = errors.New("the proof is too old")
)

type proofOptions struct {
	Context  json.RawMessage `json:"@context,omitempty"`
	Type     string          `json:"type"`
	Suite    string          `json:"cryptosuite"`
	Method   string          `json:"verificationMethod"`
	Purpose  string          `json:"proofPurpose"`
	Created  string          `json:"created"`
	Expires  string          `json:"expires,omitempty"`
	Value    string          `json:"proofValue,omitempty"`
	instant  time.Time
	document []byte // of the proof, as it came
}

// Prove adds to an activity of ours the proof that its account said it (FEP-8b32), so that whoever gets it from
// somebody else can believe it. Any later change makes it invalid. What has a proof already stays as it is.
func Prove(activity []byte, key *storage.Key, now time.Time) ([]byte, error) {
	parsed, err := ParsePrivateKey(key.Private)
	if err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	private, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("prove with a key of type %T", parsed)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(activity, &fields); err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	if fields["proof"] != nil {
		return activity, nil
	}
	const head = `{"@context":`
	rest, found := bytes.CutPrefix(activity, append([]byte(head), fields["@context"]...))
	if !found || len(rest) < 2 {
		return nil, errors.New("prove: the context isn't at the beginning")
	}
	contexts, err := withProofContext(fields["@context"])
	if err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	options := proofOptions{
		Context: contexts, Type: proofType, Suite: proofSuite, Method: key.ID, Purpose: proofPurpose,
		Created: now.UTC().Truncate(time.Second).Format(time.RFC3339),
	}
	plain, err := json.Marshal(options)
	if err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	document := append(append([]byte(head), contexts...), rest...)
	hash, err := proofHash(plain, document)
	if err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	options.Value = "z" + vocab.EncodeBase58(ed25519.Sign(private, hash))
	proof, err := json.Marshal(options)
	if err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	document = append(document[:len(document)-1], `,"proof":`...)
	return append(append(document, proof...), '}'), nil
}

// withProofContext adds the context that defines proofs after the last one that is named by its address, so that
// terms of our own stay last.
func withProofContext(raw json.RawMessage) (json.RawMessage, error) {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		list = []json.RawMessage{raw}
	}
	named, at := []byte(`"`+proofContext+`"`), 0
	for i, one := range list {
		if bytes.Equal(one, named) {
			return raw, nil
		}
		if bytes.HasPrefix(one, []byte(`"`)) {
			at = i + 1
		}
	}
	list = append(list[:at:at], append([]json.RawMessage{named}, list[at:]...)...)
	return json.Marshal(list)
}

// proofHash is what eddsa-jcs-2022 signs: the canonical forms (RFC 8785) of the proof without its value and of
// the document without its proof.
func proofHash(options, document []byte) ([]byte, error) {
	var out []byte
	for _, text := range [][]byte{options, document} {
		canonical, err := jcs.Transform(text)
		if err != nil {
			return nil, fmt.Errorf("canonical form: %w", err)
		}
		sum := sha256.Sum256(canonical)
		out = append(out, sum[:]...)
	}
	return out, nil
}

// VerifyProof tells when an actor signed an activity, if it holds a valid proof by a key that the actor lists for
// that, and the actor's host is a peer. doc passed Decode, so that it can be read in one way only. The error
// is ErrNoProof, ErrProof, ErrProofOld or a *Refusal.
func (g *Gate) VerifyProof(ctx context.Context, doc *vocab.Document, actor string) (time.Time, error) {
	proofs, fields, err := readProofs(doc.Raw)
	if err != nil {
		return time.Time{}, err
	}
	err = ErrNoProof
	for _, p := range proofs {
		if err = g.verifyProof(ctx, p, fields, actor); err == nil {
			return p.instant, nil
		}
	}
	return time.Time{}, err
}

// readProofs gives the proofs of a kind that we read, and the document's fields without them.
func readProofs(raw []byte) ([]*proofOptions, map[string]json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrProof, err)
	}
	said := fields["proof"]
	if said == nil {
		return nil, nil, ErrNoProof
	}
	delete(fields, "proof")
	if err := exactNumbers(raw); err != nil {
		return nil, nil, err
	}
	var list []json.RawMessage
	if json.Unmarshal(said, &list) != nil {
		list = []json.RawMessage{said}
	}
	if len(list) > maxProofs {
		return nil, nil, fmt.Errorf("%d proofs: %w", len(list), ErrProof)
	}
	var proofs []*proofOptions
	for _, one := range list {
		// Names without case are Go's; here they must be as written.
		var exact map[string]json.RawMessage
		p := &proofOptions{document: one}
		if json.Unmarshal(one, &exact) != nil {
			continue
		}
		for name, to := range map[string]any{"@context": &p.Context, "type": &p.Type, "cryptosuite": &p.Suite, "verificationMethod": &p.Method,
			"proofPurpose": &p.Purpose, "created": &p.Created, "expires": &p.Expires, "proofValue": &p.Value} {
			if value, there := exact[name]; there && json.Unmarshal(value, to) != nil {
				return nil, nil, fmt.Errorf("%s of a proof is of another type: %w", name, ErrProof)
			}
		}
		if p.Type == proofType && p.Suite == proofSuite {
			proofs = append(proofs, p)
		}
	}
	return proofs, fields, nil
}

// exactNumbers refuses numbers of which what is signed keeps only a part: two of them would have one proof.
func exactNumbers(raw []byte) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrProof, err)
		}
		if number, ok := token.(json.Number); ok && len(number) > maxNumberWidth {
			return fmt.Errorf("a number of %d digits: %w", len(number), ErrProof)
		}
	}
}

func (g *Gate) verifyProof(ctx context.Context, p *proofOptions, fields map[string]json.RawMessage, actor string) error {
	if p.Purpose != proofPurpose {
		return fmt.Errorf("its purpose is %s: %w", shown(p.Purpose), ErrProof)
	}
	if err := p.time(g.now()); err != nil {
		return err
	}
	text, is58 := strings.CutPrefix(p.Value, "z")
	if !is58 || len(p.Value) > maxProofValue {
		return fmt.Errorf("its value is no base 58: %w", ErrProof)
	}
	signature, err := vocab.DecodeBase58(text)
	if err != nil || len(signature) != ed25519.SignatureSize {
		return fmt.Errorf("its value is no signature: %w", ErrProof)
	}
	host, err := HostOf(actor)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrProof, err)
	}
	if keyHost, err := HostOf(p.Method); err != nil || keyHost != host {
		return fmt.Errorf("a key of %s, not on %s: %w", shown(p.Method), host, ErrProof)
	}
	if _, err := g.permitted(ctx, p.Method); err != nil {
		return err
	}
	_, err = g.withKey(ctx, p.Method, host, func(key *Key) error {
		if key.Owner != actor || !key.Proofs {
			return fmt.Errorf("%s doesn't sign with %s: %w", actor, shown(p.Method), ErrProof)
		}
		return p.verify(fields, signature, key.Public)
	})
	return err
}

// time bounds when a proof may have been made: not in the future, not before what we remember.
func (p *proofOptions) time(now time.Time) error {
	created, err := time.Parse(time.RFC3339, p.Created)
	if err != nil {
		return fmt.Errorf("created: %w", ErrProof)
	}
	p.instant = created.UTC()
	if created.Sub(now) > newestSignature {
		return fmt.Errorf("made in the future: %w", ErrProof)
	}
	if p.Expires != "" {
		if expires, err := time.Parse(time.RFC3339, p.Expires); err != nil || now.After(expires) {
			return fmt.Errorf("expired: %w", ErrProof)
		}
	}
	if now.Sub(created) >= storage.EndedKept {
		return ErrProofOld
	}
	return nil
}

// verify computes the signature over the document as it is. Some servers leave the context out of the proof that
// they send and not of the one that they sign; and some add a linked-data signature afterwards, which nobody here
// looks at, so that it may be left out.
func (p *proofOptions) verify(fields map[string]json.RawMessage, signature []byte, key crypto.PublicKey) error {
	public, ok := key.(ed25519.PublicKey)
	if !ok || usableKey(public) != nil {
		return fmt.Errorf("a key of type %T: %w", key, ErrProof)
	}
	var options map[string]json.RawMessage
	if err := json.Unmarshal(p.document, &options); err != nil {
		return fmt.Errorf("%w: %w", ErrProof, err)
	}
	delete(options, "proofValue")
	documents := []map[string]json.RawMessage{fields}
	if s := fields["signature"]; len(s) > 0 && s[0] == '{' {
		without := make(map[string]json.RawMessage, len(fields))
		for name, value := range fields {
			if name != "signature" {
				without[name] = value
			}
		}
		documents = append(documents, without)
	}
	for _, document := range documents {
		for _, context := range []bool{false, true} {
			if context && (p.Context != nil || fields["@context"] == nil) {
				continue
			}
			if context {
				options["@context"] = fields["@context"]
			} else if p.Context == nil {
				delete(options, "@context")
			}
			if hash, err := hashOf(options, document); err != nil {
				return fmt.Errorf("%w: %w", ErrProof, err)
			} else if ed25519.Verify(public, hash, signature) {
				return nil
			}
		}
	}
	return ErrProof
}

func hashOf(options, document map[string]json.RawMessage) ([]byte, error) {
	o, err := json.Marshal(options)
	if err != nil {
		return nil, err
	}
	d, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	return proofHash(o, d)
}
