// Package blob keeps media bytes.
//
// What comes in is a stream of bytes and a key that we made ourselves; what
// goes out is the same bytes, or ErrNotFound. A key is a capability: whoever
// holds it may fetch the bytes, because a peer fetches an attachment without a
// signature and an <img> sends no token. So a key is random, says nothing about
// its owner or its file, and nothing here ever lists keys to the outside.
//
// Three things must never happen: a name from outside decides a path, half a
// file is read under a finished key, or bytes that Put accepted are lost when
// the machine loses power.
package blob

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"io"
)

var (
	// ErrNotFound is returned for a key that holds nothing, and for a name
	// that no key could have: to a reader they are the same.
	ErrNotFound = errors.New("no such blob")
	// ErrKey is returned by Put for a name that NewKey cannot have made.
	ErrKey = errors.New("not a blob key")
)

// Store is a place where media is kept: a disk now, an object store where
// several replicas share one. It is safe for concurrent use.
//
// A key is what NewKey returns, optionally followed by a dot and an extension
// of one to five letters or digits ("….jpg").
type Store interface {
	// Put reads r to its end and keeps the bytes under key. When it returns
	// nil they are durable; when it does not, the key is as it was before.
	// Putting a key again replaces the bytes. ErrKey for a malformed key.
	Put(ctx context.Context, key string, r io.Reader) error

	// Open returns the bytes under key and how many there are, or
	// ErrNotFound. The caller closes the reader. On disk the reader can also
	// seek, which http.ServeContent makes use of.
	Open(ctx context.Context, key string) (io.ReadCloser, int64, error)

	// Delete forgets key for good. A key that holds nothing is no error: the
	// job that deletes may run twice.
	Delete(ctx context.Context, key string) error

	// Walk calls fn with each key and its size in bytes, in no promised
	// order, and stops at the first error, which it returns. It serves backup
	// and cleaning up, never a page.
	Walk(ctx context.Context, fn func(key string, size int64) error) error
}

// keyBytes is 160 bits: at least 128 are beyond guessing, and this many fill
// base32 groups exactly, so that no padding and no short last letter is needed.
const keyBytes = 20

// NewKey returns 32 lower-case base32 letters that nobody can guess and that
// mean nothing.
func NewKey() string {
	var random [keyBytes]byte
	// crypto/rand.Read never returns an error; it ends the program instead of
	// giving out a guessable key.
	rand.Read(random[:])
	return keyEncoding().EncodeToString(random[:])
}

func keyEncoding() *base32.Encoding {
	return base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
}

const (
	minKey       = 26 // letters: 130 bits, the least that carries 128
	maxKey       = 64 // letters: file systems end at 255, nobody needs half of it
	maxExtension = 5  // letters: "jpeg", "webp"
)

// validKey is strict on purpose: with only these letters there is no way to
// say "..", "/", NUL, a drive, a dotfile or a name of another case.
func validKey(key string) bool {
	n := 0
	for n < len(key) && ('a' <= key[n] && key[n] <= 'z' || '2' <= key[n] && key[n] <= '7') {
		n++
	}
	if n < minKey || n > maxKey {
		return false
	}
	if n == len(key) {
		return true
	}
	extension := key[n+1:]
	if key[n] != '.' || extension == "" || len(extension) > maxExtension {
		return false
	}
	for i := range len(extension) {
		c := extension[i]
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9') {
			return false
		}
	}
	return true
}
