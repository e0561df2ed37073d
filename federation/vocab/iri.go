package vocab

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CheckIRI says what is wrong with an id: it must be an absolute http or https address with a host
// and without credentials, at most MaxIRI bytes, and hold nothing that would mean something in JSON,
// HTML or a header (quotes, backslash, angle brackets, spaces, control characters). The error is ErrMalformed.
func CheckIRI(id string) error {
	if err := checkURI(id); err != nil {
		return err
	}
	u, err := url.Parse(id)
	switch {
	case err != nil:
		return fmt.Errorf("not an IRI: %w", ErrMalformed)
	case u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("not an http or https IRI: %w", ErrMalformed)
	case u.Hostname() == "" || u.Opaque != "":
		return fmt.Errorf("an IRI without a host: %w", ErrMalformed)
	case u.User != nil:
		return fmt.Errorf("an IRI with credentials: %w", ErrMalformed)
	}
	return nil
}

// checkURI is what is asked of an id that is only compared, such as a conversation's tag: URI.
func checkURI(id string) error {
	switch {
	case id == "":
		return fmt.Errorf("an empty IRI: %w", ErrMalformed)
	case len(id) > MaxIRI:
		return fmt.Errorf("an IRI longer than %d bytes: %w", MaxIRI, ErrMalformed)
	case !utf8.ValidString(id):
		return fmt.Errorf("an IRI that isn't UTF-8: %w", ErrMalformed)
	case strings.ContainsFunc(id, forbiddenInIRI):
		return fmt.Errorf("an IRI with a forbidden character: %w", ErrMalformed)
	}
	return nil
}

func forbiddenInIRI(r rune) bool {
	switch r {
	case '"', '\'', '\\', '<', '>', '`', '{', '}', '|', '^', utf8.RuneError:
		return true
	}
	return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
}
