package api

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"ruche/storage"
	"ruche/web/auth"
)

// A reader is for whom an answer is written.
type reader struct {
	*API
	me   int64  // storage.Nobody where nobody has signed in
	base string // the address by which the reader reaches this node
}

func (a *API) reader(r *http.Request) reader {
	return reader{a, auth.Viewer(r.Context()), a.Auth.BaseURL(r)}
}

// word chooses between the two languages of the node.
func (rd reader) word(english, french string) string {
	if rd.Locale == "fr" {
		return french
	}
	return english
}

// gathered is what a page of posts needs, read at once for all of them.
type gathered struct {
	reader
	people   *people
	mentions map[int64][]int64
	hashtags map[int64][]string
	media    map[int64][]*storage.Media
	uncopied map[int64]bool // peers' files that can't be had just now
	marks    map[int64]storage.Marks
	muted    map[int64]bool // conversations
	pinned   map[int64]bool
	filters  []*storage.Filter
	polls    map[int64]*storage.Poll
	quotes   map[int64]*storage.Quote
	cards    map[int64]*storage.Card
	// broken logs that a post can't be written.
	broken func(p *storage.Post, cause any)
	// relations are how the reader stands to the authors.
	relations map[int64]storage.Relation
}

// gather reads what hangs on posts. The number of queries doesn't grow with them.
func (rd reader) gather(ctx context.Context, posts []*storage.Post) (*gathered, error) {
	g := &gathered{reader: rd, broken: func(p *storage.Post, cause any) {
		rd.Log.ErrorContext(ctx, "a stored post can't be shown", "post", p.ID, "cause", fmt.Sprint(cause))
	}}
	posts, err := g.withQuoted(ctx, posts)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, 0, len(posts))
	authors := make([]int64, 0, len(posts))
	threads := make([]int64, 0, len(posts))
	for _, p := range posts {
		ids, authors, threads = append(ids, p.ID), append(authors, p.AuthorID), append(threads, p.ThreadID)
	}
	if err := g.relate(ctx, authors); err != nil {
		return nil, err
	}
	if err := g.readParts(ctx, posts); err != nil {
		return nil, err
	}
	for _, named := range g.mentions {
		authors = append(authors, named...)
	}
	if g.people, err = rd.peopleByID(ctx, authors, posts...); err != nil {
		return nil, err
	}
	if err := rd.DB.CountsFor(ctx, rd.me, posts, nil); err != nil {
		return nil, err
	}
	if g.polls, err = rd.DB.PollsOf(ctx, rd.me, ids); err != nil {
		return nil, err
	}
	if g.pinned, err = rd.DB.Pinned(ctx, ids); err != nil {
		return nil, err
	}
	if g.media, err = rd.DB.MediaOf(ctx, ids); err != nil {
		return nil, err
	}
	if g.uncopied, err = rd.DB.UncopiedOf(ctx, remoteFiles(g.media)); err != nil {
		return nil, err
	}
	if g.cards, err = rd.DB.CardsOf(ctx, ids); err != nil {
		return nil, err
	}
	if g.marks, err = rd.DB.MarksOf(ctx, rd.me, ids); err != nil {
		return nil, err
	}
	if g.muted, err = rd.DB.MutedThreads(ctx, rd.me, threads); err != nil {
		return nil, err
	}
	g.filters, err = rd.filters(ctx)
	return g, err
}

// readParts reads whom and which tags the posts name: those that aren't remembered at their revision, at once.
func (g *gathered) readParts(ctx context.Context, posts []*storage.Post) error {
	g.mentions, g.hashtags = map[int64][]int64{}, map[int64][]string{}
	var missing []int64
	for _, p := range posts {
		parts, ok := g.caches.posts.get(postKey{p.ID, p.Revision})
		if !ok {
			missing = append(missing, p.ID)
			continue
		}
		g.mentions[p.ID], g.hashtags[p.ID] = parts.mentions, parts.hashtags
	}
	mentions, err := g.DB.Mentions(ctx, missing)
	if err != nil {
		return err
	}
	hashtags, err := g.DB.Hashtags(ctx, missing)
	if err != nil {
		return err
	}
	maps.Copy(g.mentions, mentions)
	maps.Copy(g.hashtags, hashtags)
	for _, p := range posts {
		if slices.Contains(missing, p.ID) && len(mentions[p.ID])+len(hashtags[p.ID]) <= maxKeptParts {
			g.caches.posts.add(postKey{p.ID, p.Revision}, postParts{mentions[p.ID], hashtags[p.ID]})
		}
	}
	return nil
}

// withQuoted adds to posts those that they show within them, and what these quote in their turn.
func (g *gathered) withQuoted(ctx context.Context, posts []*storage.Post) ([]*storage.Post, error) {
	g.quotes = map[int64]*storage.Quote{}
	all := append([]*storage.Post{}, posts...)
	level := posts
	for range 2 {
		ids := make([]int64, len(level))
		for i, p := range level {
			ids[i] = p.ID
		}
		found, err := g.DB.QuotesOf(ctx, g.me, ids)
		if err != nil {
			return nil, err
		}
		level = nil
		for id, q := range found {
			if g.quotes[id] = q; q.Quoted != nil {
				level = append(level, q.Quoted)
			}
		}
		all = append(all, level...)
	}
	return all, nil
}

// relate reads how the reader stands to authors.
func (g *gathered) relate(ctx context.Context, authors []int64) error {
	g.relations = map[int64]storage.Relation{}
	if g.me == storage.Nobody {
		return nil
	}
	list := slices.Clone(authors)
	slices.Sort(list)
	relations, err := g.DB.Relations(ctx, g.me, slices.Compact(list))
	for _, r := range relations {
		g.relations[r.Other] = r
	}
	return err
}

// statuses writes posts that the reader may see. A share whose original they may not see is left
// out.
func (rd reader) statuses(ctx context.Context, posts []*storage.Post) ([]*Status, error) {
	var originals []int64
	for _, p := range posts {
		if p.ShareOfID != 0 {
			originals = append(originals, p.ShareOfID)
		}
	}
	shared, err := rd.DB.VisiblePosts(ctx, rd.me, originals)
	if err != nil {
		return nil, err
	}
	all := append([]*storage.Post{}, posts...)
	for _, p := range shared {
		all = append(all, p)
	}
	g, err := rd.gather(ctx, all)
	if err != nil {
		return nil, err
	}
	out := make([]*Status, 0, len(posts))
	for _, p := range posts {
		var s *Status
		if p.ShareOfID == 0 {
			s = g.status(p)
		} else if original := shared[p.ShareOfID]; original != nil {
			s = g.share(p, original)
		}
		if s != nil {
			out = append(out, s)
		}
	}
	return out, nil
}

// status writes one post, or storage.ErrNotFound where it can't be shown after all.
func (rd reader) status(ctx context.Context, p *storage.Post) (*Status, error) {
	out, err := rd.statuses(ctx, []*storage.Post{p})
	if err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, storage.ErrNotFound
	}
	return out[0], nil
}

// statusByID reads a post as the reader may see it now.
func (rd reader) statusByID(ctx context.Context, post int64) (*Status, error) {
	p, err := rd.DB.VisiblePost(ctx, rd.me, post)
	if err != nil {
		return nil, err
	}
	return rd.status(ctx, p)
}

// peopleByID reads accounts with what is needed to show them, and the emojis of posts beside.
func (rd reader) peopleByID(ctx context.Context, ids []int64, posts ...*storage.Post) (*people, error) {
	byID, err := rd.DB.AccountsByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	return rd.peopleOf(ctx, byID, posts...)
}

func (rd reader) peopleOf(ctx context.Context, byID map[int64]*storage.Account, posts ...*storage.Post) (*people, error) {
	p := &people{reader: rd, byID: byID}
	if err := rd.DB.CountsFor(ctx, rd.me, nil, slices.Collect(maps.Values(byID))); err != nil {
		return nil, err
	}
	if err := p.readEmojis(ctx, posts); err != nil {
		return nil, err
	}
	p.missing.avatar = rd.base + rd.Auth.Views.Asset("avatar.png")
	p.missing.header = rd.base + rd.Auth.Views.Asset("header.png")
	if err := p.readShown(ctx, posts); err != nil {
		return nil, err
	}
	var files, locals []int64
	for _, a := range byID {
		if !a.Local() {
			continue
		}
		locals = append(locals, a.ID)
		for _, file := range []int64{a.AvatarID, a.HeaderID} {
			if file != 0 {
				files = append(files, file)
			}
		}
	}
	var err error
	if p.files, err = rd.DB.MediaByIDs(ctx, files); err != nil {
		return nil, err
	}
	p.roles, err = rd.DB.RolesOf(ctx, locals)
	return p, err
}

// accounts writes accounts in their order.
func (rd reader) accounts(ctx context.Context, list []*storage.Account) ([]*Account, error) {
	byID := make(map[int64]*storage.Account, len(list))
	for _, a := range list {
		byID[a.ID] = a
	}
	p, err := rd.peopleOf(ctx, byID)
	if err != nil {
		return nil, err
	}
	out := make([]*Account, 0, len(list))
	for _, a := range list {
		out = append(out, p.account(a))
	}
	return out, nil
}

func (rd reader) account(ctx context.Context, a *storage.Account) (*Account, error) {
	out, err := rd.accounts(ctx, []*storage.Account{a})
	if err != nil {
		return nil, err
	}
	return out[0], nil
}
