package vocab

import (
	"fmt"
	"slices"
	"strings"
)

// A Key is a public key of an actor.
type Key struct{ ID, Owner, PEM string }

// ParseKeyDocument reads what is fetched at a key's id: the key itself (id, owner, publicKeyPem), or an
// actor that holds it, which needn't have an inbox (GoToSocial answers with a stub). At least one key must be
// there. Whether the owner points back is the caller's to check. The error is ErrMalformed.
func ParseKeyDocument(d *Document) ([]Key, error) {
	if _, holder := d.fields["publicKey"]; !holder {
		k, err := parseKey(d)
		if err != nil {
			return nil, fmt.Errorf("read key: %w", err)
		}
		return []Key{k}, nil
	}
	keys, err := publicKeys(d)
	if err == nil && len(keys) == 0 {
		err = fmt.Errorf("no key: %w", ErrMalformed)
	}
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	return keys, nil
}

// publicKeys reads the keys of an actor: an object or several. Keys that are only named by an id are
// left out, since there is nothing to verify with.
func publicKeys(d *Document) ([]Key, error) {
	if d.count("publicKey") > MaxKeys {
		return nil, fmt.Errorf("publicKey: %w", ErrTooMany)
	}
	var keys []Key
	for _, v := range d.entries("publicKey") {
		doc, ok := v.(*Document)
		if !ok {
			continue
		}
		k, err := parseKey(doc)
		if err != nil {
			return nil, err
		}
		same := slices.IndexFunc(keys, func(other Key) bool { return other.ID == k.ID })
		if same < 0 {
			keys = append(keys, k)
		} else if keys[same] != k {
			return nil, fmt.Errorf("publicKey is given twice and disagrees: %w", ErrMalformed)
		}
	}
	// FEP-521a gives further keys in assertionMethod, under ids of their own. The same id there is a second
	// form of the key, which we could only compare by decoding both: refused.
	for _, v := range d.entries("assertionMethod") {
		doc, ok := v.(*Document)
		if !ok {
			continue
		}
		id, err := doc.ID()
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(keys, func(k Key) bool { return k.ID == id }) {
			return nil, fmt.Errorf("a key is given in two forms: %w", ErrMalformed)
		}
	}
	return keys, nil
}

func parseKey(d *Document) (Key, error) {
	var k Key
	var err error
	if k.ID, err = d.ID(); err != nil {
		return k, err
	}
	if k.Owner, err = d.iri("owner"); err != nil {
		return k, err
	}
	pem := d.bare("publicKeyPem")
	if _, both := d.fields["publicKeyMultibase"]; both && pem != "" {
		return k, fmt.Errorf("a key is given in two forms: %w", ErrMalformed)
	}
	if len(pem) > MaxPEM || strings.ContainsRune(pem, 0) {
		return k, fmt.Errorf("publicKeyPem: %w", ErrMalformed)
	}
	k.PEM = strings.TrimSpace(pem)
	if k.ID == "" || k.Owner == "" || k.PEM == "" {
		return k, fmt.Errorf("a key needs an id, an owner and a publicKeyPem: %w", ErrMalformed)
	}
	return k, nil
}
