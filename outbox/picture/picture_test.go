package picture

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

// The corners of the test picture, clockwise from the top left.
var (
	red    = color.RGBA{230, 20, 20, 255}
	green  = color.RGBA{20, 200, 20, 255}
	blue   = color.RGBA{20, 20, 230, 255}
	yellow = color.RGBA{230, 230, 20, 255}
)

// corners is a picture with a colour in each quarter.
func corners(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			switch {
			case x < w/2 && y < h/2:
				m.Set(x, y, red)
			case y < h/2:
				m.Set(x, y, green)
			case x >= w/2:
				m.Set(x, y, blue)
			default:
				m.Set(x, y, yellow)
			}
		}
	}
	return m
}

func asJPEG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, m, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func asPNG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, m); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// exif is an APP1 segment with an orientation and a GPS place in clear text.
func exif(order binary.AppendByteOrder, orientation uint16) []byte {
	tiff := []byte("II*\x00")
	if order.String() == "BigEndian" {
		tiff = []byte("MM\x00*")
	}
	tiff = order.AppendUint32(tiff, 8) // where the directory is
	tiff = order.AppendUint16(tiff, 2) // its entries
	for _, entry := range [][2]uint16{{0x0100, 640}, {0x0112, orientation}} {
		tiff = order.AppendUint16(tiff, entry[0])
		tiff = order.AppendUint16(tiff, 3)
		tiff = order.AppendUint32(tiff, 1)
		tiff = order.AppendUint16(tiff, entry[1])
		tiff = order.AppendUint16(tiff, 0)
	}
	tiff = order.AppendUint32(tiff, 0)
	return segment(0xE1, append([]byte("Exif\x00\x00"), append(tiff, "GPS 48.8584N 2.2945E"...)...))
}

func segment(marker byte, payload []byte) []byte {
	return append([]byte{0xFF, marker, byte((len(payload) + 2) >> 8), byte(len(payload) + 2)}, payload...)
}

// withSegments puts segments behind the start marker of a JPEG.
func withSegments(file []byte, segments ...[]byte) []byte {
	out := bytes.Clone(file[:2])
	for _, s := range segments {
		out = append(out, s...)
	}
	return append(out, file[2:]...)
}

// asWebP writes a lossless WebP (RFC 9649 §3) of one colour: five prefix codes
// of one symbol each, after which a pixel takes no bits at all.
func asWebP(w, h int, c color.NRGBA) []byte {
	var bits []byte
	n := 0
	put := func(value, count int) {
		for i := range count {
			if n%8 == 0 {
				bits = append(bits, 0)
			}
			bits[n/8] |= byte(value>>i&1) << (n % 8)
			n++
		}
	}
	put(0x2F, 8)
	put(w-1, 14)
	put(h-1, 14)
	put(1, 1)     // alpha is used
	put(0, 3)     // version
	put(0b000, 3) // no transform, no colour cache, no meta prefix codes
	for _, symbol := range []uint8{c.G, c.R, c.B, c.A, 0} {
		put(0b101, 3) // simple, one symbol, of eight bits
		put(int(symbol), 8)
	}
	bits = append(bits, 0, 0, 0)
	if len(bits)%2 == 1 {
		bits = append(bits, 0)
	}
	out := []byte("RIFF")
	out = binary.LittleEndian.AppendUint32(out, uint32(4+8+len(bits)))
	out = append(out, "WEBPVP8L"...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(bits)))
	return append(out, bits...)
}

func readAll(t *testing.T, file []byte) *Picture {
	t.Helper()
	p, err := New(Limits{}).Read(t.Context(), bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []struct {
		file   []byte
		mime   string
		w, h   int
		atMost int
	}{{p.Original, p.MIME, p.Width, p.Height, 3840}, {p.Small, p.SmallMIME, p.SmallWidth, p.SmallHeight, 640}} {
		config, kind, err := image.DecodeConfig(bytes.NewReader(version.file))
		if err != nil {
			t.Fatal(err)
		}
		if "image/"+kind != version.mime || config.Width != version.w || config.Height != version.h {
			t.Errorf("said %s %dx%d, is %s %dx%d", version.mime, version.w, version.h, kind, config.Width, config.Height)
		}
		if max(config.Width, config.Height) > version.atMost {
			t.Errorf("%d by %d pixels", config.Width, config.Height)
		}
	}
	if len(p.Blurhash) != 4+2*4*3 {
		t.Errorf("blurhash %q", p.Blurhash)
	}
	return p
}

// cornersOf names the colours of the four corners, clockwise from the top left.
func cornersOf(t *testing.T, file []byte) string {
	t.Helper()
	m, _, err := image.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	names := ""
	for _, p := range []image.Point{{w / 8, h / 8}, {w - w/8, h / 8}, {w - w/8, h - h/8}, {w / 8, h - h/8}} {
		r, g, b, a := m.At(p.X, p.Y).RGBA()
		switch {
		case a == 0:
			names += "-"
		case r > 0x8000 && g > 0x8000:
			names += "Y"
		case r > 0x8000:
			names += "R"
		case g > 0x8000:
			names += "G"
		case b > 0x8000:
			names += "B"
		default:
			names += "?"
		}
	}
	return names
}

func TestEveryKindOfPictureIsRead(t *testing.T) {
	palette := image.NewPaletted(image.Rect(0, 0, 60, 40), color.Palette{red, green, blue, yellow})
	for y := range 40 {
		for x := range 60 {
			palette.Set(x, y, corners(60, 40).At(x, y))
		}
	}
	var gifFile bytes.Buffer
	if err := gif.Encode(&gifFile, palette, nil); err != nil {
		t.Fatal(err)
	}
	gray := image.NewGray(image.Rect(0, 0, 60, 40))
	deep := image.NewNRGBA64(image.Rect(0, 0, 60, 40))
	see := image.NewNRGBA(image.Rect(0, 0, 60, 40))
	for name, tc := range map[string]struct {
		file []byte
		mime string
	}{
		"JPEG":               {asJPEG(t, corners(60, 40)), "image/jpeg"},
		"grey JPEG":          {asJPEG(t, gray), "image/jpeg"},
		"PNG":                {asPNG(t, corners(60, 40)), "image/png"},
		"PNG with a palette": {asPNG(t, palette), "image/png"},
		"PNG of 16 bits":     {asPNG(t, deep), "image/png"},
		"transparent PNG":    {asPNG(t, see), "image/png"},
		"GIF":                {gifFile.Bytes(), "image/png"},
		"WebP":               {asWebP(60, 40, color.NRGBA{230, 20, 20, 255}), "image/jpeg"},
		"transparent WebP":   {asWebP(60, 40, color.NRGBA{230, 20, 20, 100}), "image/png"},
	} {
		t.Run(name, func(t *testing.T) {
			p := readAll(t, tc.file)
			if p.MIME != tc.mime || p.Width != 60 || p.Height != 40 {
				t.Errorf("%s %dx%d", p.MIME, p.Width, p.Height)
			}
			if !bytes.Equal(p.Small, p.Original) {
				t.Error("a small image has another preview")
			}
		})
	}
	if got := cornersOf(t, readAll(t, gifFile.Bytes()).Original); got != "RGBY" {
		t.Errorf("the GIF shows %s", got)
	}
	if got := cornersOf(t, readAll(t, asWebP(60, 40, color.NRGBA{20, 200, 20, 255})).Original); got != "GGGG" {
		t.Errorf("the WebP shows %s", got)
	}
}

func TestNothingButThePixelsOfAPhotographRemains(t *testing.T) {
	file := withSegments(asJPEG(t, corners(64, 48)),
		exif(binary.BigEndian, 1),
		segment(0xE1, []byte("http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta>GPS 48.8584N</x:xmpmeta>")),
		segment(0xE2, []byte("ICC_PROFILE\x00GPS")),
		segment(0xED, []byte("Photoshop 3.0\x00GPS")),
		segment(0xFE, []byte("a comment: GPS")))
	file = append(file, "PK\x03\x04<script>GPS</script>"...)
	p := readAll(t, file)
	for _, trace := range []string{"GPS", "Exif", "xmpmeta", "ICC_PROFILE", "Photoshop", "PK\x03\x04", "<script"} {
		if !bytes.Contains(file, []byte(trace)) {
			t.Fatalf("the upload of this test does not hold %q", trace)
		}
		if bytes.Contains(p.Original, []byte(trace)) || bytes.Contains(p.Small, []byte(trace)) {
			t.Errorf("%q is still there", trace)
		}
	}
	if got := cornersOf(t, p.Original); got != "RGBY" {
		t.Errorf("the photograph shows %s", got)
	}
}

func TestNothingButThePixelsOfADrawingRemains(t *testing.T) {
	file := asPNG(t, corners(64, 48))
	chunk := func(kind, data string) []byte {
		out := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
		out = append(out, kind+data...)
		return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE([]byte(kind+data)))
	}
	const header = 8 + 25 // signature and IHDR
	file = bytes.Join([][]byte{file[:header], chunk("tEXt", "Author\x00somebody"), chunk("eXIf", "MM\x00*somebody"), file[header:],
		[]byte("<?php somebody ?>")}, nil)
	p := readAll(t, file)
	if bytes.Contains(p.Original, []byte("somebody")) || bytes.Contains(p.Small, []byte("somebody")) {
		t.Error("somebody is still there")
	}
}

func TestAPhotographIsTurnedUpright(t *testing.T) {
	// What the stored picture, red green / yellow blue, looks like upright.
	for orientation, want := range map[uint16]string{
		1: "RGBY", 2: "GRYB", 3: "BYRG", 4: "YBGR", 5: "RYBG", 6: "YRGB", 7: "BGRY", 8: "GBYR",
		0: "RGBY", 9: "RGBY", 65535: "RGBY",
	} {
		for _, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
			t.Run(fmt.Sprint(orientation, order), func(t *testing.T) {
				p := readAll(t, withSegments(asJPEG(t, corners(64, 32)), exif(order, orientation)))
				if got := cornersOf(t, p.Original); got != want {
					t.Errorf("shows %s, want %s", got, want)
				}
				w, h := 64, 32
				if orientation >= 5 && orientation <= 8 {
					w, h = 32, 64
				}
				if p.Width != w || p.Height != h {
					t.Errorf("%d by %d, want %d by %d", p.Width, p.Height, w, h)
				}
			})
		}
	}
}

func TestALargePictureIsShrunkInItsProportions(t *testing.T) {
	p := readAll(t, withSegments(asJPEG(t, corners(4000, 1000)), exif(binary.BigEndian, 6)))
	if p.Width != 960 || p.Height != 3840 || p.SmallWidth != 160 || p.SmallHeight != 640 {
		t.Errorf("%dx%d and %dx%d", p.Width, p.Height, p.SmallWidth, p.SmallHeight)
	}
	if full, small := cornersOf(t, p.Original), cornersOf(t, p.Small); full != "YRGB" || small != "YRGB" {
		t.Errorf("they show %s and %s", full, small)
	}
	if p := readAll(t, asPNG(t, corners(8000, 1))); p.Width != 3840 || p.Height != 1 || p.SmallHeight != 1 {
		t.Errorf("%dx%d and %dx%d", p.Width, p.Height, p.SmallWidth, p.SmallHeight)
	}
}

func TestTheFirstFrameOfAnAnimationIsShownWhereItStands(t *testing.T) {
	colours := color.Palette{color.RGBA{}, red, blue}
	first := image.NewPaletted(image.Rect(20, 20, 40, 40), colours)
	second := image.NewPaletted(image.Rect(0, 0, 40, 40), colours)
	for i := range first.Pix {
		first.Pix[i] = 1
	}
	for i := range second.Pix {
		second.Pix[i] = 2
	}
	var file bytes.Buffer
	err := gif.EncodeAll(&file, &gif.GIF{
		Image: []*image.Paletted{first, second}, Delay: []int{1, 1},
		Config: image.Config{ColorModel: colours, Width: 40, Height: 40},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := cornersOf(t, readAll(t, file.Bytes()).Original); got != "--R-" {
		t.Errorf("shows %s", got)
	}
}

// pngHeader claims a size and holds nothing.
func pngHeader(w, h uint32) []byte {
	ihdr := binary.BigEndian.AppendUint32([]byte("IHDR"), w)
	ihdr = append(binary.BigEndian.AppendUint32(ihdr, h), 8, 6, 0, 0, 0)
	out := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), ihdr...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(ihdr))
}

func TestAnImpossibleClaimIsRefusedBeforeMemoryIsTaken(t *testing.T) {
	gifHeader := append([]byte("GIF89a\xff\xff\xff\xff\x00\x00\x00"), ',')
	animated := append([]byte("RIFF\x20\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02\x00\x00\x00\xff\x3f\x00\xff\x3f\x00"), make([]byte, 10)...)
	hugeWebP := bytes.Clone(animated)
	hugeWebP[20] = 0
	jpegFile := asJPEG(t, corners(16, 16))
	frame := bytes.Index(jpegFile, []byte{0xFF, 0xC0})
	copy(jpegFile[frame+5:], []byte{0xFF, 0xFF, 0xFF, 0xFF})
	for name, tc := range map[string]struct {
		file []byte
		want error
	}{
		"a wide PNG":           {pngHeader(8193, 1), ErrTooLarge},
		"a high PNG":           {pngHeader(1, 8193), ErrTooLarge},
		"a PNG of many pixels": {pngHeader(8000, 8000), ErrTooLarge},
		"a PNG of 4 gigapixel": {pngHeader(65535, 65535), ErrTooLarge},
		"the largest PNG":      {pngHeader(1<<31-1, 1<<31-1), ErrDamaged},
		"a PNG of no pixels":   {pngHeader(0, 0), ErrDamaged},
		"a GIF":                {gifHeader, ErrTooLarge},
		"a JPEG":               {jpegFile, ErrTooLarge},
		"a WebP":               {hugeWebP, ErrTooLarge},
		"an animated WebP":     {animated, ErrUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			reader := New(Limits{})
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := reader.Read(t.Context(), bytes.NewReader(tc.file))
			runtime.ReadMemStats(&after)
			if !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
			if taken := after.TotalAlloc - before.TotalAlloc; taken > 1<<20 {
				t.Errorf("took %d bytes", taken)
			}
		})
	}
}

func TestWhatIsNotAPictureIsRefused(t *testing.T) {
	whole := asJPEG(t, corners(64, 64))
	drawing := asPNG(t, corners(64, 64))
	for name, tc := range map[string]struct {
		file string
		want error
	}{
		"nothing":                {"", ErrUnsupported},
		"text":                   {"hello", ErrUnsupported},
		"HTML":                   {"<html><script>alert(1)</script>", ErrUnsupported},
		"SVG":                    {`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`, ErrUnsupported},
		"a ZIP":                  {"PK\x03\x04\x14\x00\x00\x00", ErrUnsupported},
		"a PDF":                  {"%PDF-1.7\n", ErrUnsupported},
		"a program":              {"\x7fELF\x02\x01\x01", ErrUnsupported},
		"a BMP":                  {"BM\x46\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28", ErrUnsupported},
		"NULs":                   {strings.Repeat("\x00", 5000), ErrUnsupported},
		"HTML before a JPEG":     {"<html>" + string(whole), ErrUnsupported},
		"half a JPEG":            {string(whole[:len(whole)/2]), ErrDamaged},
		"half a PNG":             {string(drawing[:len(drawing)/2]), ErrDamaged},
		"a JPEG's first bytes":   {"\xff\xd8\xff\xe0", ErrDamaged},
		"a GIF that is a script": {"GIF89a/*\x00\x00*/=alert(1)//;", ErrDamaged},
		"a PNG of garbage":       {"\x89PNG\r\n\x1a\n" + strings.Repeat("garbage", 100), ErrDamaged},
		"a WebP of garbage":      {"RIFF\x10\x00\x00\x00WEBPVP8 garbagegarbage", ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := New(Limits{}).Read(t.Context(), strings.NewReader(tc.file))
			if !errors.Is(err, tc.want) || p != nil {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

func TestAPhotographOfCountlessScansIsRefused(t *testing.T) {
	file := asJPEG(t, corners(16, 16))
	begin := bytes.Index(file, []byte{0xFF, 0xDA})
	scan := file[begin : len(file)-2]
	many := append(bytes.Clone(file[:begin]), bytes.Repeat(scan, 101)...)
	_, err := New(Limits{}).Read(t.Context(), bytes.NewReader(append(many, 0xFF, 0xD9)))
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "scans") {
		t.Errorf("got %v", err)
	}
	// A thumbnail with scans of its own is no scan of the picture.
	thumbnail := append([]byte("JFXX\x00"), bytes.Repeat(scan, 101)...)
	if len(thumbnail) > 60_000 {
		t.Fatal("the thumbnail of this test does not fit")
	}
	readAll(t, withSegments(file, segment(0xE0, thumbnail)))
}

func TestTheLimitsOfTheCallerHold(t *testing.T) {
	file := asPNG(t, corners(100, 50))
	for name, tc := range map[string]struct {
		limits Limits
		want   error
	}{
		"just enough":      {Limits{Bytes: int64(len(file)), Side: 100, Pixels: 5000}, nil},
		"a byte too many":  {Limits{Bytes: int64(len(file)) - 1}, ErrTooLarge},
		"a pixel too wide": {Limits{Side: 99}, ErrTooLarge},
		"a pixel too many": {Limits{Pixels: 4999}, ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(tc.limits).Read(t.Context(), bytes.NewReader(file)); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

func TestABrokenUploadSaysSo(t *testing.T) {
	broken := errors.New("the line broke")
	if _, err := New(Limits{}).Read(t.Context(), iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestWhoWaitsForATurnMayGiveUp(t *testing.T) {
	reader := New(Limits{})
	for range maxAtOnce {
		reader.slots <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	file := asPNG(t, corners(4, 4))
	if _, err := reader.Read(ctx, bytes.NewReader(file)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	<-reader.slots
	if _, err := reader.Read(t.Context(), bytes.NewReader(file)); err != nil {
		t.Errorf("with a free place: %v", err)
	}
	if len(reader.slots) != maxAtOnce-1 {
		t.Error("the place was not given back")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(withSegments(asJPEG(f, corners(16, 8)), exif(binary.LittleEndian, 6)))
	f.Add(asPNG(f, corners(16, 8)))
	f.Add(asWebP(16, 8, color.NRGBA{1, 2, 3, 4}))
	f.Add([]byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"))
	f.Add(pngHeader(20, 20))
	reader := New(Limits{Bytes: 1 << 16, Side: 64, Pixels: 2048})
	f.Fuzz(func(t *testing.T, file []byte) {
		p, err := reader.Read(t.Context(), bytes.NewReader(file))
		if err != nil {
			if !errors.Is(err, ErrUnsupported) && !errors.Is(err, ErrTooLarge) && !errors.Is(err, ErrDamaged) {
				t.Errorf("an error of no kind: %v", err)
			}
			return
		}
		config, kind, err := image.DecodeConfig(bytes.NewReader(p.Original))
		if err != nil || "image/"+kind != p.MIME || config.Width != p.Width || config.Height != p.Height {
			t.Errorf("made a %s of %dx%d (%v), said %s of %dx%d", kind, config.Width, config.Height, err, p.MIME, p.Width, p.Height)
		}
		if p.Width*p.Height > 2048 || p.Blurhash == "" {
			t.Errorf("%d by %d, blurhash %q", p.Width, p.Height, p.Blurhash)
		}
	})
}

func FuzzOrientation(f *testing.F) {
	f.Add(exif(binary.BigEndian, 6)[4:])
	f.Add(exif(binary.LittleEndian, 3)[4:])
	f.Add([]byte("Exif\x00\x00MM\x00*\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		if got, _ := exifOrientation(payload); got < 1 || got > 8 {
			t.Errorf("orientation %d", got)
		}
		if got := readJPEG(append([]byte{0xFF, 0xD8}, payload...)).orientation; got < 1 || got > 8 {
			t.Errorf("orientation %d", got)
		}
	})
}
