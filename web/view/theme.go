package view

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
)

// readable is the least contrast of a text with what is behind it (WCAG 2, level AA).
const readable = 4.5

// Theme serves the style that one colour makes, for /theme/RRGGBB.css. Whatever colour an admin picks, texts on
// it and links in it stay readable: the colour's lightness gives way.
func Theme(w http.ResponseWriter, r *http.Request) {
	hex, ok := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/theme/"), ".css")
	n, err := strconv.ParseUint(hex, 16, 32)
	if !ok || err != nil || len(hex) != 6 {
		http.NotFound(w, r)
		return
	}
	c := rgb{float64(n >> 16), float64(n >> 8 & 255), float64(n & 255)}
	ink, white := rgb{20, 20, 20}, rgb{255, 255, 255}
	on := ink
	if contrast(c, white) > contrast(c, ink) {
		on = white
	}
	h := w.Header()
	h.Set("Content-Type", "text/css; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = fmt.Fprintf(w, ":root { --honey: %s; --on: %s; --deep: %s; }\n@media (prefers-color-scheme: dark) { :root { --deep: %s; } }\n",
		c, on, c.until(rgb{0, 0, 0}, rgb{0xfa, 0xf7, 0xf1}), c.until(white, rgb{0x38, 0x41, 0x4c}))
}

type rgb [3]float64

func (c rgb) String() string {
	return fmt.Sprintf("#%02x%02x%02x", int(math.Round(c[0])), int(math.Round(c[1])), int(math.Round(c[2])))
}

// until mixes a colour with another until it can be read on a background.
func (c rgb) until(with, on rgb) rgb {
	mixed := c
	for part := 0.0; part <= 1 && contrast(mixed, on) < readable; part += 0.05 {
		for i := range mixed {
			mixed[i] = c[i]*(1-part) + with[i]*part
		}
	}
	return mixed
}

func (c rgb) luminance() float64 {
	var l float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		v := c[i] / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		l += weight * v
	}
	return l
}

func contrast(a, b rgb) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}
