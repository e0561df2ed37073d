package pages

import (
	"context"

	"ruche/federation"
	"ruche/storage"
	"ruche/web/view"
)

// files are what hangs on the posts of a page.
type files struct {
	of       map[int64][]*storage.Media
	shown    federation.Shown
	uncopied map[int64]bool
}

func (p *Pages) files(ctx context.Context, posts []int64, authors map[int64]*storage.Account) (*files, error) {
	var hosts []string
	for _, a := range authors {
		hosts = append(hosts, a.Peer)
	}
	f := &files{}
	var err error
	if f.shown, err = federation.ShownOf(ctx, p.DB, hosts); err != nil {
		return nil, err
	}
	if f.of, err = p.DB.MediaOf(ctx, posts); err != nil {
		return nil, err
	}
	var remote []int64
	for _, list := range f.of {
		for _, m := range list {
			if m.BlobKey == "" {
				remote = append(remote, m.ID)
			}
		}
	}
	f.uncopied, err = p.DB.UncopiedOf(ctx, remote)
	return f, err
}

// hang adds a post's files to what is drawn of it. A peer's are shown through copies of ours; what isn't shown is a link, which asks
// nobody for anything until somebody follows it.
func (f *files) hang(v *view.PostView, post *storage.Post) {
	for _, m := range f.of[post.ID] {
		large, small := mediaPath(m.BlobKey), mediaPath(m.BlobKey)
		if m.BlobKey == "" {
			large, small = f.shown.Path(storage.OfAttachment, m.ID, post.Origin, m.RemoteURL), f.shown.Seal.SmallPath(m.ID, m.RemoteURL)
			if f.uncopied[m.ID] {
				large = ""
			}
		}
		switch {
		case large == "" || m.Kind == storage.MediaFile:
			if host, err := federation.HostOf(m.RemoteURL); err == nil {
				v.Files = append(v.Files, view.FileLink{URL: m.RemoteURL, Host: host, Alt: m.Description})
			}
		case m.Kind == storage.MediaVideo || m.Kind == storage.MediaAudio:
			v.Films = append(v.Films, view.Film{URL: large, Alt: m.Description, Sound: m.Kind == storage.MediaAudio})
		default:
			v.Pictures = append(v.Pictures, view.Picture{URL: small, Alt: m.Description})
		}
	}
}
