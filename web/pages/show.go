package pages

import (
	"context"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"

	"ruche/federation"
	"ruche/storage"
	"ruche/web/auth"
	"ruche/web/view"
)

// show turns posts that the reader may see into what the pages draw: a share becomes the post
// that it passes on, with the name of who did. Authors, files and originals are read for all of
// them at once.
func (p *Pages) show(r *http.Request, posts []*storage.Post) ([]view.PostView, error) {
	ctx := r.Context()
	var originals []int64
	for _, post := range posts {
		if post.ShareOfID != 0 {
			originals = append(originals, post.ShareOfID)
		}
	}
	shared, err := p.DB.VisiblePosts(ctx, auth.Viewer(ctx), originals)
	if err != nil {
		return nil, err
	}
	var people, ids []int64
	for _, post := range posts {
		people, ids = append(people, post.AuthorID), append(ids, post.ID)
	}
	for id, post := range shared {
		people, ids = append(people, post.AuthorID), append(ids, id)
	}
	if err := p.DB.CountsFor(ctx, auth.Viewer(ctx), slices.Concat(posts, slices.Collect(maps.Values(shared))), nil); err != nil {
		return nil, err
	}
	authors, err := p.DB.AccountsByID(ctx, people)
	if err != nil {
		return nil, err
	}
	avatars, err := p.avatars(ctx, authors)
	if err != nil {
		return nil, err
	}
	files, err := p.files(ctx, ids, authors)
	if err != nil {
		return nil, err
	}
	marks, err := p.DB.MarksOf(ctx, auth.Viewer(ctx), ids)
	if err != nil {
		return nil, err
	}
	picks, err := p.picks(ctx)
	if err != nil {
		return nil, err
	}
	csrf, here := csrfOf(r), localPath(r)
	whole := func(post *storage.Post, sharedBy string) view.PostView {
		author := authors[post.AuthorID]
		v := view.PostView{
			Author: name(author), Handle: p.handle(author), Profile: "/@" + author.Acct(), Avatar: avatars[author.ID],
			At: post.PublishedAt, Edited: !post.EditedAt.IsZero(), Warning: post.ContentWarning, Body: template.HTML(post.HTML), // sanitised when it was stored
			Replies: post.RepliesCount, Shares: post.SharesCount, Likes: post.LikesCount,
			Seen: view.SeenBy(post), Link: postPath(author, post), SharedBy: sharedBy,
			ID: storage.FormatID(post.ID), Visibility: post.Visibility, Circle: post.Circle, CSRF: csrf, Return: here,
			Mine: author.ID == auth.Viewer(ctx), Liked: marks[post.ID].Liked, Shared: marks[post.ID].Shared, Kept: marks[post.ID].Bookmarked,
			MayShare: post.Visibility == storage.Public || post.Visibility == storage.Unlisted, Department: author.Department,
		}
		v.Picked = picks[v.ID]
		v.MayPick = picks != nil && post.Visibility == storage.Public
		v.Sensitive = post.Sensitive
		files.hang(&v, post)
		return v
	}
	// A post that can't be drawn is said to be so, and takes no page down with it.
	drawn := func(post *storage.Post, sharedBy string) (v view.PostView) {
		defer func() {
			if cause := recover(); cause != nil || post.Damaged() {
				p.Log.ErrorContext(ctx, "a stored post can't be shown", "post", post.ID, "cause", fmt.Sprint(cause))
				author := authors[post.AuthorID]
				v = view.PostView{Author: name(author), Handle: p.handle(author), Profile: "/@" + author.Acct(), At: post.PublishedAt, Seen: view.SeenBy(post), Link: postPath(author, post), ID: storage.FormatID(post.ID), Unshown: true}
			}
		}()
		return whole(post, sharedBy)
	}
	var out []view.PostView
	for _, post := range posts {
		sharedBy := ""
		if post.ShareOfID != 0 {
			if by := authors[post.AuthorID]; by != nil {
				sharedBy = name(by)
			}
			post = shared[post.ShareOfID]
		}
		if post == nil || authors[post.AuthorID] == nil {
			continue
		}
		out = append(out, drawn(post, sharedBy))
	}
	return out, nil
}

// picks are the posts that stand first in the trends, for those who may choose them; nil for others.
func (p *Pages) picks(ctx context.Context) (map[string]bool, error) {
	if !auth.User(ctx).May(storage.ActPick) {
		return nil, nil
	}
	list, err := p.DB.Picks(ctx, storage.PickPost)
	out := map[string]bool{}
	for _, one := range list {
		out[one.Target] = true
	}
	return out, err
}

// mediaPath is the address of a file of ours, on whichever host the reader is.
func mediaPath(key string) string { return "/media/" + key }

// avatars gives the pictures of people, keyed by account.
func (p *Pages) avatars(ctx context.Context, people map[int64]*storage.Account) (map[int64]string, error) {
	var ids []int64
	var hosts []string
	for _, a := range people {
		hosts = append(hosts, a.Peer)
		if a.AvatarID != 0 {
			ids = append(ids, a.AvatarID)
		}
	}
	files, err := p.DB.MediaByIDs(ctx, ids)
	if err != nil {
		return nil, err
	}
	shown, err := federation.ShownOf(ctx, p.DB, hosts)
	if err != nil {
		return nil, err
	}
	out := make(map[int64]string, len(people))
	for id, a := range people {
		if m := files[a.AvatarID]; m != nil && m.BlobKey != "" {
			out[id] = mediaPath(m.BlobKey)
		} else if path := shown.Path(storage.OfAvatar, a.ID, a.Peer, a.AvatarURL); path != "" && a.Active() {
			out[id] = path
		}
	}
	return out, nil
}
