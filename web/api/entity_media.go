package api

import (
	"context"
	"fmt"

	"ruche/federation"
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
func (g *gathered) attachments(p *storage.Post) []*Attachment {
	out := make([]*Attachment, 0, len(g.media[p.ID]))
	for _, m := range g.media[p.ID] {
		if m.BlobKey != "" {
			out = append(out, g.attachment(m))
		} else {
			out = append(out, g.remoteAttachment(m, p.Origin))
		}
	}
	return out
}

func (rd reader) attachment(m *storage.Media) *Attachment {
	e := &Attachment{ID: id(m.ID), Type: mediaType(m), Description: opt(m.Description), Blurhash: opt(m.Blurhash)}
	e.URL, e.PreviewURL = opt(rd.mediaURL(m.BlobKey)), opt(rd.mediaURL(m.BlobKey))
	if m.SmallKey != "" {
		e.PreviewURL = opt(rd.mediaURL(m.SmallKey))
	}
	return e.measured(m)
}

// remoteAttachment writes a file at a peer: shown through a copy of ours, or else a link. Apps show what is unknown by the address where it
// lives, and load nothing from there; many can't read an attachment without an address, so that it has ours all the same.
func (g *gathered) remoteAttachment(m *storage.Media, host string) *Attachment {
	e := &Attachment{ID: id(m.ID), Type: mediaType(m), Description: opt(m.Description), Blurhash: opt(m.Blurhash), RemoteURL: opt(m.RemoteURL)}
	e.URL = opt(g.base + g.people.shown.Seal.Path(storage.OfAttachment, m.ID, m.RemoteURL))
	if g.people.remote(storage.OfAttachment, m.ID, host, m.RemoteURL) == "" || g.uncopied[m.ID] {
		e.Type = "unknown"
	}
	if e.Type == "image" {
		e.PreviewURL = opt(g.base + g.people.shown.Seal.SmallPath(m.ID, m.RemoteURL))
	}
	return e.measured(m)
}

func (e *Attachment) measured(m *storage.Media) *Attachment {
	e.Meta.Original, e.Meta.Small = size(m.Width, m.Height), size(m.SmallWidth, m.SmallHeight)
	if e.Type == "image" {
		e.Meta.Focus = &Focus{within(m.FocusX), within(m.FocusY)}
	}
	return e
}

// within keeps a part of a focus to what it can be: JSON has no word for other numbers.
func within(f float64) float64 {
	if !(f >= -1 && f <= 1) {
		return 0
	}
	return f
}

// mediaType keeps to the kinds that apps know.
func mediaType(m *storage.Media) string {
	if m.Kind == "" || m.Kind == storage.MediaFile {
		return "unknown"
	}
	return m.Kind
}

func size(width, height int) *Size {
	if width <= 0 || height <= 0 {
		return nil
	}
	return &Size{width, height, fmt.Sprintf("%dx%d", width, height), float64(width) / float64(height)}
}

// mediaURL is the address of one of our files, on the host that the reader came to.
func (rd reader) mediaURL(key string) string { return rd.base + "/media/" + key }

// remoteFiles are the ids of those files that live at peers.
func remoteFiles(media map[int64][]*storage.Media) []int64 {
	var ids []int64
	for _, files := range media {
		for _, m := range files {
			if m.BlobKey == "" {
				ids = append(ids, m.ID)
			}
		}
	}
	return ids
}

// readShown reads what it takes to show what lives at the peers of the people and posts.
func (p *people) readShown(ctx context.Context, posts []*storage.Post) error {
	var hosts []string
	for _, a := range p.byID {
		hosts = append(hosts, a.Peer)
	}
	for _, post := range posts {
		hosts = append(hosts, post.Origin)
	}
	var err error
	p.shown, err = federation.ShownOf(ctx, p.DB, hosts)
	return err
}

// remote is the address of the copy of a file at a peer; empty where it isn't shown.
func (p *people) remote(of string, id int64, host, address string) string {
	path := p.shown.Path(of, id, host, address)
	if path == "" {
		return ""
	}
	return p.base + path
}

// tagURL is the page of a hashtag.
func (rd reader) tagURL(name string) string { return rd.DB.URIs().Base + "/tags/" + name }
