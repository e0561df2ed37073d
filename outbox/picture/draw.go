package picture

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"

	"github.com/buckket/go-blurhash"
	"golang.org/x/image/draw"
)

// Sides in pixels.
const (
	maxSide   = 3840 // a screen of today, filled
	smallSide = 640  // a column of a client
	blurSide  = 32   // a blurhash of 4 by 3 needs no more
)

// quality of a JPEG: what is lost is not seen, and files stay small.
const quality = 85

// shrink returns the image fitted into side by side pixels, in its
// proportions; one that fits is returned itself.
func shrink(from image.Image, side int) image.Image {
	if from.Bounds().Dx() <= side && from.Bounds().Dy() <= side {
		return from
	}
	return scale(from, side, draw.ApproxBiLinear)
}

func scale(from image.Image, side int, how draw.Scaler) image.Image {
	w, h := from.Bounds().Dx(), from.Bounds().Dy()
	if w >= h {
		w, h = side, max(1, (h*side+w/2)/w)
	} else {
		w, h = max(1, (w*side+h/2)/h), side
	}
	to := image.NewRGBA(image.Rect(0, 0, w, h))
	how.Scale(to, to.Bounds(), from, from.Bounds(), draw.Src, nil)
	return to
}

// encode writes a photograph as JPEG, and as PNG a drawing and whatever has
// transparent parts. Neither encoder writes anything but pixels.
func encode(picture image.Image, drawing bool) (file []byte, mime string, err error) {
	var out bytes.Buffer
	if drawing || !isOpaque(picture) {
		err = png.Encode(&out, picture)
		return out.Bytes(), "image/png", err
	}
	err = jpeg.Encode(&out, picture, &jpeg.Options{Quality: quality})
	return out.Bytes(), "image/jpeg", err
}

func isOpaque(picture image.Image) bool {
	o, ok := picture.(interface{ Opaque() bool })
	return ok && o.Opaque()
}

// blur returns the blurhash, from a version small enough that the time it
// takes does not depend on the image. Here each pixel must be an average of
// all it stands for, so the scaler is the thorough one.
func blur(small image.Image) (string, error) {
	if small.Bounds().Dx() > blurSide || small.Bounds().Dy() > blurSide {
		small = scale(small, blurSide, draw.BiLinear)
	}
	return blurhash.Encode(4, 3, small)
}
