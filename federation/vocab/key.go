package vocab

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Key is a public key of an actor.
type Key struct {
	ID, Owner, PEM string
	// Proofs: the actor lists it in assertionMethod (FEP-521a), so that it may sign activities.
	Proofs bool
	// Expires and Revoked are when it is no longer good; zero where that isn't said.
	Expires, Revoked time.Time
}

// Over says whether a key is no longer good.
func (k Key) Over(now time.Time) bool {
	return !k.Expires.IsZero() && !now.Before(k.Expires) || !k.Revoked.IsZero() && !now.Before(k.Revoked)
}

// ParseKeyDocument reads what is fetched at a key's id: the key itself (with a publicKeyPem, or a Multikey), or an
// actor that holds it, which needn't have an inbox (GoToSocial answers with a stub). At least one key must be
// there. Whether the owner points back is the caller's to check. The error is ErrMalformed.
func ParseKeyDocument(d *Document) ([]Key, error) {
	_, holder := d.fields["publicKey"]
	if _, asserts := d.fields["assertionMethod"]; !holder && !asserts {
		k, known, err := parseKey(d)
		if err == nil && !known {
			err = fmt.Errorf("a kind of key that isn't read here: %w", ErrMalformed)
		}
		if err != nil {
			return nil, fmt.Errorf("read key: %w", err)
		}
		return []Key{k}, nil
	}
	keys, err := actorKeys(d)
	if err == nil && len(keys) == 0 {
		err = fmt.Errorf("no key: %w", ErrMalformed)
	}
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	return keys, nil
}

// actorKeys reads the keys of an actor: those of publicKey, then those that only assertionMethod has; each an object or
// several. Keys that are only named by an id are left out, since there is nothing to verify with. One id that stands for two keys,
// wherever and in whichever form, refuses the whole: two readers would trust different ones.
func actorKeys(d *Document) ([]Key, error) {
	var keys []Key
	for _, list := range []string{"publicKey", "assertionMethod"} {
		if d.count(list) > MaxKeys {
			return nil, fmt.Errorf("%s: %w", list, ErrTooMany)
		}
		for _, v := range d.entries(list) {
			doc, ok := v.(*Document)
			if !ok {
				continue
			}
			k, known, err := parseKey(doc)
			if err != nil && list == "assertionMethod" && !slices.ContainsFunc(keys, func(other Key) bool { return other.ID == k.ID }) {
				continue // a key of another's, or under a did: identifier, is none that we could use
			}
			if err != nil {
				return nil, err
			}
			if !known {
				continue
			}
			k.Proofs = list == "assertionMethod"
			same := slices.IndexFunc(keys, func(other Key) bool { return other.ID == k.ID })
			if same < 0 {
				keys = append(keys, k)
				continue
			}
			one := &keys[same]
			if one.Owner != k.Owner || !one.Expires.Equal(k.Expires) || !one.Revoked.Equal(k.Revoked) || !samePEM(one.PEM, k.PEM) {
				return nil, fmt.Errorf("a key is given twice and disagrees: %w", ErrMalformed)
			}
			one.Proofs = one.Proofs || k.Proofs
		}
	}
	return keys, nil
}

// parseKey reads one key. It isn't known when its kind isn't read here.
func parseKey(d *Document) (k Key, known bool, err error) {
	if k.ID, err = d.ID(); err != nil {
		return k, false, err
	}
	for _, name := range []string{"owner", "controller"} {
		said, err := d.iri(name)
		if err != nil {
			return k, false, err
		}
		if k.Owner == "" {
			k.Owner = said
		}
		if said != "" && said != k.Owner {
			return k, false, fmt.Errorf("a key with two owners: %w", ErrMalformed)
		}
	}
	// A key that is over isn't good again because the time that it says can't be read.
	for name, to := range map[string]*time.Time{"expires": &k.Expires, "revoked": &k.Revoked} {
		if _, said := d.fields[name]; said {
			if *to = d.date(name); to.IsZero() {
				*to = time.Unix(0, 0).UTC()
			}
		}
	}
	text, multibase := d.bare("publicKeyPem"), d.bare("publicKeyMultibase")
	if len(text) > MaxPEM || strings.ContainsRune(text, 0) {
		return k, false, fmt.Errorf("publicKeyPem: %w", ErrMalformed)
	}
	k.PEM, known = strings.TrimSpace(text), text != ""
	if multibase != "" {
		decoded, read, err := multikeyPEM(multibase)
		switch {
		case err != nil:
			return k, false, err
		case known && (!read || !samePEM(k.PEM, decoded)):
			return k, false, fmt.Errorf("a key is given in two forms that disagree: %w", ErrMalformed)
		case !known && !read:
			return k, false, nil
		case !known:
			k.PEM, known = decoded, true
		}
	}
	if _, jwk := d.fields["publicKeyJwk"]; jwk {
		if known {
			return k, false, fmt.Errorf("a key is given in two forms: %w", ErrMalformed)
		}
		return k, false, nil
	}
	if k.ID == "" || k.Owner == "" || k.PEM == "" {
		return k, false, fmt.Errorf("a key needs an id, an owner and the key itself: %w", ErrMalformed)
	}
	return k, true, nil
}
