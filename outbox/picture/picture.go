// Package picture makes an uploaded image safe to show.
//
// What comes in are bytes that somebody says are a picture. What goes out is a
// picture that we drew ourselves: decoded, turned upright and encoded again, in
// a size that screens can show, with a small preview and a blurhash. So nothing
// of the file survives but its pixels: no place where a photograph was taken,
// no serial number of a camera, no second file hidden behind the first.
//
// A few bytes can claim to be an image of gigabytes. The claim is read and
// refused before anything is decoded, and at most two images are decoded at
// once, so that uploads cannot take the memory of the node.
package picture

import (
	"context"
	"errors"
	"fmt"
	"io"
)

var (
	// ErrUnsupported: not an image, or of a kind that we do not read.
	ErrUnsupported = errors.New("not a JPEG, PNG, GIF or still WebP image")
	// ErrTooLarge: more bytes or pixels than the limits allow.
	ErrTooLarge = errors.New("the image is too large")
	// ErrDamaged: it begins like an image and cannot be read as one.
	ErrDamaged = errors.New("the image is damaged")
)

// Picture is an image ready to be stored and shown.
type Picture struct {
	Original      []byte // as large as it came, at most 3840 pixels a side
	MIME          string // of Original: image/jpeg or image/png
	Width, Height int    // of Original, upright, in pixels

	// Small fits into 640 by 640 pixels. Of an image that is no larger it is
	// Original itself, the same bytes.
	Small                   []byte
	SmallMIME               string
	SmallWidth, SmallHeight int

	Blurhash string // 4 by 3 components
}

// Limits is what an upload may ask of us. A field that is zero has the value of
// DefaultLimits.
type Limits struct {
	Bytes  int64 // of the file
	Side   int   // width or height, in pixels
	Pixels int   // width times height
}

// DefaultLimits takes what telephones make: 16 MiB, 8192 pixels a side, 36
// megapixels, which is about 150 MB decoded (three times that for a
// progressive JPEG).
func DefaultLimits() Limits {
	return Limits{Bytes: 16 << 20, Side: 8192, Pixels: 36_000_000}
}

// maxAtOnce is how many images a Reader decodes at the same time.
const maxAtOnce = 2

// Reader reads pictures. It is safe for concurrent use.
type Reader struct {
	limits Limits
	slots  chan struct{}
}

// New returns a Reader that keeps to limits. A node needs one.
func New(limits Limits) *Reader {
	standard := DefaultLimits()
	if limits.Bytes <= 0 {
		limits.Bytes = standard.Bytes
	}
	if limits.Side <= 0 {
		limits.Side = standard.Side
	}
	if limits.Pixels <= 0 {
		limits.Pixels = standard.Pixels
	}
	return &Reader{limits: limits, slots: make(chan struct{}, maxAtOnce)}
}

// Read makes a Picture of the file that in holds. An image with several frames
// gives the first. It waits its turn until ctx ends. The error is one of the
// three above, the one that reading in ended with, or that of ctx.
func (r *Reader) Read(ctx context.Context, in io.Reader) (*Picture, error) {
	// All of it is read before a slot is asked for: a slow line must not hold
	// up others.
	file, err := io.ReadAll(io.LimitReader(in, r.limits.Bytes+1))
	if err != nil {
		return nil, fmt.Errorf("read the upload: %w", err)
	}
	if int64(len(file)) > r.limits.Bytes {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, r.limits.Bytes)
	}
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait to decode an image: %w", ctx.Err())
	}
	return r.draw(file)
}

// draw decodes the file and draws it anew. A decoder that stumbles over a file
// made for it costs that upload, not the node.
func (r *Reader) draw(file []byte) (p *Picture, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			p, err = nil, fmt.Errorf("%w: the decoder gave up: %v", ErrDamaged, cause)
		}
	}()
	decoded, err := r.decode(file)
	if err != nil {
		return nil, err
	}
	full := turn(shrink(decoded.image, maxSide), decoded.orientation)
	p = &Picture{Width: full.Bounds().Dx(), Height: full.Bounds().Dy()}
	if p.Original, p.MIME, err = encode(full, decoded.drawing); err != nil {
		return nil, fmt.Errorf("encode the image: %w", err)
	}

	small := shrink(full, smallSide)
	p.SmallWidth, p.SmallHeight = small.Bounds().Dx(), small.Bounds().Dy()
	if small == full {
		p.Small, p.SmallMIME = p.Original, p.MIME
	} else if p.Small, p.SmallMIME, err = encode(small, decoded.drawing); err != nil {
		return nil, fmt.Errorf("encode the preview: %w", err)
	}

	if p.Blurhash, err = blur(small); err != nil {
		return nil, fmt.Errorf("make the blurhash: %w", err)
	}
	return p, nil
}
