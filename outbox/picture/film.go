package picture

import (
	"github.com/gabriel-vasile/mimetype"
)

// FilmHead is how much of a film's or sound's beginning Film looks at, in bytes.
const FilmHead = 3072

// films are the kinds of moving pictures and sounds that browsers play, by what they are called in the end: containers that hold
// both are told apart by nobody but their players.
func films() map[string]string {
	return map[string]string{
		"video/mp4": "video/mp4", "video/quicktime": "video/mp4", "video/webm": "video/webm", "video/x-m4v": "video/mp4", "video/ogg": "video/ogg",
		"audio/mpeg": "audio/mpeg", "audio/mp4": "audio/mp4", "audio/x-m4a": "audio/mp4", "audio/aac": "audio/aac", "audio/ogg": "audio/ogg",
		"application/ogg": "audio/ogg", "audio/flac": "audio/flac", "audio/wav": "audio/wav",
	}
}

// Film tells a film or sound by its first bytes, and gives the type to serve it under; empty for anything else.
func Film(head []byte) string {
	names := films()
	for kind := mimetype.Detect(head); kind != nil; kind = kind.Parent() {
		for name, served := range names {
			if kind.Is(name) {
				return served
			}
		}
	}
	return ""
}
