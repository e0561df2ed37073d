package api

import (
	"context"
	"net/http"

	"ruche/storage"
	"ruche/web/auth"
)

// emojis are those that texts call, by host and name.
type emojis map[string]map[string]*storage.Emoji

// readEmojis reads the emojis that the people's names and biographies and the posts call.
func (p *people) readEmojis(ctx context.Context, posts []*storage.Post) error {
	var hosts, names []string
	for _, a := range p.byID {
		if len(a.Emojis) > 0 {
			hosts, names = append(hosts, a.Peer), append(names, a.Emojis...)
		}
	}
	for _, post := range posts {
		if len(post.Emojis) > 0 {
			hosts, names = append(hosts, post.Origin), append(names, post.Emojis...)
		}
	}
	var err error
	p.emojis, err = p.DB.EmojisOf(ctx, hosts, names)
	return err
}

// emojisOf writes those emojis that a text of a host calls.
func (p *people) emojisOf(host string, names []string) []Emoji {
	out := []Emoji{}
	for _, name := range names {
		found := p.emojis[host][name]
		if found == nil {
			continue
		}
		if found.BlobKey != "" {
			out = append(out, p.emoji(found, p.mediaURL(found.BlobKey)))
		} else if url := p.remote(storage.OfEmoji, found.ID, host, found.RemoteURL); url != "" {
			out = append(out, p.emoji(found, url))
		}
	}
	return out
}

func (rd reader) emoji(e *storage.Emoji, url string) Emoji {
	return Emoji{Shortcode: e.Name, URL: url, StaticURL: url, VisibleInPicker: e.Host == ""}
}

// customEmojis is GET /api/v1/custom_emojis: this node's own.
func (a *API) customEmojis(w http.ResponseWriter, r *http.Request) error {
	list, err := a.DB.OwnEmojis(r.Context())
	if err != nil {
		return err
	}
	rd, out := a.reader(r), []Emoji{}
	for _, e := range list {
		out = append(out, rd.emoji(e, rd.mediaURL(e.BlobKey)))
	}
	return auth.JSON(w, out)
}
