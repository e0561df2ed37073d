package api

import (
	"fmt"
	"strings"

	"ruche/storage"
)

// Attachment is a file of a post, as apps read it.
type Attachment struct {
	ID               string  `json:"id"`
	Type             string  `json:"type"` // image, video, gifv, audio or unknown
	URL              *string `json:"url"`
	PreviewURL       *string `json:"preview_url"`
	RemoteURL        *string `json:"remote_url"`
	PreviewRemoteURL *string `json:"preview_remote_url"`
	TextURL          *string `json:"text_url"`
	Meta             Meta    `json:"meta"`
	Description      *string `json:"description"`
	Blurhash         *string `json:"blurhash"`
}

// Meta is how large a file is, and what in it matters most.
type Meta struct {
	Original *Size  `json:"original,omitempty"`
	Small    *Size  `json:"small,omitempty"`
	Focus    *Focus `json:"focus,omitempty"`
}

// Size is a width and a height, in pixels.
type Size struct {
	Width  int     `json:"width"`
	Height int     `json:"height"`
	Size   string  `json:"size"`
	Aspect float64 `json:"aspect"`
}

// Focus is the point that a crop keeps, from -1 to 1 either way.
type Focus struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
}

// attachments writes the files of a post.
func (g *gathered) attachments(post int64) []*Attachment {
	out := make([]*Attachment, 0, len(g.media[post]))
	for _, m := range g.media[post] {
		out = append(out, g.attachment(m))
	}
	return out
}

func (rd reader) attachment(m *storage.Media) *Attachment {
	e := &Attachment{ID: id(m.ID), Type: mediaType(m), Description: opt(m.Description), Blurhash: opt(m.Blurhash)}
	if m.BlobKey != "" {
		e.URL, e.PreviewURL = opt(rd.mediaURL(m.BlobKey)), opt(rd.mediaURL(m.BlobKey))
		if m.SmallKey != "" {
			e.PreviewURL = opt(rd.mediaURL(m.SmallKey))
		}
	} else {
		e.URL, e.PreviewURL, e.RemoteURL = opt(rd.remoteURL(m.RemoteURL)), opt(rd.remoteURL(m.RemoteURL)), opt(m.RemoteURL)
	}
	e.Meta.Original, e.Meta.Small = size(m.Width, m.Height), size(m.SmallWidth, m.SmallHeight)
	if e.Type == "image" {
		e.Meta.Focus = &Focus{m.FocusX, m.FocusY}
	}
	return e
}

// mediaType keeps to the kinds that apps know.
func mediaType(m *storage.Media) string {
	kind, _, _ := strings.Cut(m.MIME, "/")
	switch kind {
	case "image", "video", "audio":
		return kind
	case "":
		if m.Kind != storage.MediaFile {
			return m.Kind
		}
	}
	return "unknown"
}

func size(width, height int) *Size {
	if width <= 0 || height <= 0 {
		return nil
	}
	return &Size{width, height, fmt.Sprintf("%dx%d", width, height), float64(width) / float64(height)}
}

// mediaURL is the address of one of our files, on the host that the reader came to.
func (rd reader) mediaURL(key string) string { return rd.base + "/media/" + key }

// remoteURL is where an app gets a peer's picture: from the peer itself.
func (rd reader) remoteURL(address string) string { return address }

// tagURL is the page of a hashtag.
func (rd reader) tagURL(name string) string { return rd.DB.URIs().Base + "/tags/" + name }
