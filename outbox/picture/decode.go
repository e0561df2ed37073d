package picture

import (
	"bytes"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"github.com/gabriel-vasile/mimetype"
	"golang.org/x/image/draw"
	"golang.org/x/image/webp"
)

// format is a kind of image that we read. Its decoders are named here and not
// taken from package image's registry, which any import can add to.
type format struct {
	mime    string
	config  func(io.Reader) (image.Config, error)
	decode  func(io.Reader) (image.Image, error)
	drawing bool // rather a drawing than a photograph: stays without loss
}

func formats() []format {
	return []format{
		{"image/jpeg", jpeg.DecodeConfig, jpeg.Decode, false},
		{"image/png", png.DecodeConfig, png.Decode, true},
		{"image/gif", gif.DecodeConfig, gif.Decode, true},
		{"image/webp", webp.DecodeConfig, webp.Decode, false},
	}
}

// sniff finds the format by the file's first bytes. What the uploader or the
// file's name says is not asked.
func sniff(file []byte) (format, bool) {
	for kind := mimetype.Detect(file); kind != nil; kind = kind.Parent() {
		// An animated PNG is a kind of PNG, so parents are asked too.
		for _, f := range formats() {
			if kind.Is(f.mime) {
				return f, true
			}
		}
	}
	return format{}, false
}

type decoded struct {
	image       image.Image // its bounds begin at 0, 0
	orientation int
	drawing     bool
}

// decode reads the claims of the file, then the file.
func (r *Reader) decode(file []byte) (decoded, error) {
	f, ok := sniff(file)
	if !ok {
		return decoded{}, ErrUnsupported
	}
	if isAnimatedWebP(file) {
		return decoded{}, fmt.Errorf("%w: it is an animated WebP", ErrUnsupported)
	}
	claim, err := f.config(bytes.NewReader(file))
	if err != nil {
		return decoded{}, fmt.Errorf("%w: read its size: %w", ErrDamaged, err)
	}
	if claim.Width <= 0 || claim.Height <= 0 {
		return decoded{}, fmt.Errorf("%w: it is %d by %d pixels", ErrDamaged, claim.Width, claim.Height)
	}
	// Both sides are bounded before they are multiplied.
	if claim.Width > r.limits.Side || claim.Height > r.limits.Side || claim.Width*claim.Height > r.limits.Pixels {
		return decoded{}, fmt.Errorf("%w: %d by %d pixels, at most %d a side and %d in all are taken",
			ErrTooLarge, claim.Width, claim.Height, r.limits.Side, r.limits.Pixels)
	}
	d := decoded{orientation: upright, drawing: f.drawing}
	if f.mime == "image/jpeg" {
		about := readJPEG(file)
		if about.scans > maxScans {
			return decoded{}, fmt.Errorf("%w: more than %d scans", ErrDamaged, maxScans)
		}
		d.orientation = about.orientation
	}
	picture, err := f.decode(bytes.NewReader(file))
	if err != nil {
		return decoded{}, fmt.Errorf("%w: decode it: %w", ErrDamaged, err)
	}
	d.image = whole(picture, claim)
	return d, nil
}

// isAnimatedWebP looks at the animation bit of the extended header (RFC 9649
// §2.7.1). The decoder reads still images only, and would call it damaged.
func isAnimatedWebP(file []byte) bool {
	return len(file) > 20 && string(file[:4]) == "RIFF" && string(file[8:16]) == "WEBPVP8X" && file[20]&0x02 != 0
}

// whole returns the decoded image with its corner at 0, 0, in the size the file
// claims and eight bits a colour. The first frame of a GIF may cover only a
// part; 16-bit images hold more than a screen shows; CMYK is for printers.
func whole(decoded image.Image, claim image.Config) image.Image {
	full := image.Rect(0, 0, claim.Width, claim.Height)
	if decoded.Bounds() == full {
		switch decoded.(type) {
		case *image.YCbCr, *image.Gray, *image.Paletted, *image.RGBA, *image.NRGBA:
			return decoded
		}
	}
	canvas := image.NewRGBA(full)
	draw.Draw(canvas, decoded.Bounds(), decoded, decoded.Bounds().Min, draw.Src)
	return canvas
}
