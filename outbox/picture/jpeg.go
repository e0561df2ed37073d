package picture

import (
	"encoding/binary"
	"image"

	"golang.org/x/image/draw"
)

// maxScans is how many passes over the image a progressive JPEG may take.
// Encoders make about ten; each costs time for every pixel and hardly a byte,
// so a small file could keep a processor busy for minutes.
const maxScans = 100

// Markers of a JPEG file (ITU T.81, table B.1).
const (
	markerStart      = 0xD8
	markerEnd        = 0xD9
	markerScan       = 0xDA
	markerApp1       = 0xE1
	markerRestart0   = 0xD0
	markerRestart7   = 0xD7
	markerStuffed    = 0x00
	markerFill       = 0xFF
	markerLowest     = 0xC0
	segmentLengthLen = 2
)

// jpegFacts is what we must know about a JPEG beside its pixels.
type jpegFacts struct {
	orientation int
	scans       int
}

// readJPEG walks from segment to segment once. It is lenient: where it does not
// understand the file it stops, and the decoder will say what is wrong.
func readJPEG(file []byte) jpegFacts {
	facts := jpegFacts{orientation: upright}
	oriented := false
	if len(file) < 2 || file[0] != markerFill || file[1] != markerStart {
		return facts
	}
	for at := 2; ; {
		marker, begin := nextMarker(file, at)
		if marker < markerLowest || marker == markerEnd {
			return facts
		}
		if begin+segmentLengthLen > len(file) {
			return facts
		}
		length := int(binary.BigEndian.Uint16(file[begin:])) // counts itself
		if length < segmentLengthLen || begin+length > len(file) {
			return facts
		}
		switch marker {
		case markerScan:
			facts.scans++
		case markerApp1:
			if !oriented {
				facts.orientation, oriented = exifOrientation(file[begin+segmentLengthLen : begin+length])
			}
		}
		at = begin + length
	}
}

// nextMarker returns the next marker at or after at and where its segment
// begins; 0 if there is none. Between a scan's header and the next marker lie
// its pixels, in which 0xFF is stuffed or a restart.
func nextMarker(file []byte, at int) (marker byte, begin int) {
	for ; at+1 < len(file); at++ {
		if file[at] != markerFill {
			continue
		}
		m := file[at+1]
		if m == markerStuffed || m == markerFill || m >= markerRestart0 && m <= markerRestart7 {
			continue
		}
		return m, at + 2
	}
	return 0, at
}

// upright is the orientation of an image that is shown as it is stored.
const upright = 1

// exifOrientation reads the orientation tag from the payload of an APP1
// segment (Exif 2.3 §4.6.4, TIFF 6.0): 1 to 8, and whether it was there. Every
// number in it is an offset or a count from outside, and checked against what
// there is.
func exifOrientation(payload []byte) (orientation int, found bool) {
	const (
		header         = "Exif\x00\x00"
		entrySize      = 12
		tagOrientation = 0x0112
		typeShort      = 3
	)
	if len(payload) < len(header)+8 || string(payload[:len(header)]) != header {
		return upright, false
	}
	tiff := payload[len(header):]
	var order binary.ByteOrder
	switch string(tiff[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return upright, false
	}
	// A segment has at most 65,533 bytes, so sums of uint64 cannot overflow.
	directory := uint64(order.Uint32(tiff[4:]))
	if directory+2 > uint64(len(tiff)) {
		return upright, false
	}
	entries := tiff[directory+2:]
	for range order.Uint16(tiff[directory:]) {
		if len(entries) < entrySize {
			break
		}
		entry := entries[:entrySize]
		entries = entries[entrySize:]
		if order.Uint16(entry) != tagOrientation {
			continue
		}
		value := int(order.Uint16(entry[8:]))
		if order.Uint16(entry[2:]) != typeShort || order.Uint32(entry[4:]) != 1 || value < 1 || value > 8 {
			return upright, false
		}
		return value, true
	}
	return upright, false
}

// turn returns the image as the camera was held (Exif 2.3 §4.6.4: what the
// first row and the first column of the file show). The image of a wrong
// orientation is returned as it is.
func turn(stored image.Image, orientation int) image.Image {
	if orientation <= upright || orientation > 8 {
		return stored
	}
	w, h := stored.Bounds().Dx(), stored.Bounds().Dy()
	from, ok := stored.(*image.RGBA)
	if !ok {
		from = image.NewRGBA(image.Rect(0, 0, w, h))
		draw.Draw(from, from.Bounds(), stored, stored.Bounds().Min, draw.Src)
	}
	to := image.NewRGBA(image.Rect(0, 0, w, h))
	if orientation >= 5 { // the sides change places
		to = image.NewRGBA(image.Rect(0, 0, h, w))
	}
	for y := range to.Rect.Dy() {
		for x := range to.Rect.Dx() {
			var fx, fy int
			switch orientation {
			case 2:
				fx, fy = w-1-x, y
			case 3:
				fx, fy = w-1-x, h-1-y
			case 4:
				fx, fy = x, h-1-y
			case 5:
				fx, fy = y, x
			case 6:
				fx, fy = y, h-1-x
			case 7:
				fx, fy = w-1-y, h-1-x
			case 8:
				fx, fy = w-1-y, x
			}
			copy(to.Pix[y*to.Stride+4*x:][:4], from.Pix[fy*from.Stride+4*fx:][:4])
		}
	}
	return to
}
