package api

import (
	"strings"

	"ruche/storage"
)

// Status is a post, or the passing on of one, as apps read it.
type Status struct {
	ID                 string         `json:"id"`
	CreatedAt          string         `json:"created_at"`
	InReplyToID        *string        `json:"in_reply_to_id"`
	InReplyToAccountID *string        `json:"in_reply_to_account_id"`
	Sensitive          bool           `json:"sensitive"`
	SpoilerText        string         `json:"spoiler_text"`
	Visibility         string         `json:"visibility"`
	LocalOnly          bool           `json:"local_only,omitempty"` // it never leaves this node
	Language           *string        `json:"language"`
	URI                string         `json:"uri"`
	URL                *string        `json:"url"`
	RepliesCount       int64          `json:"replies_count"`
	ReblogsCount       int64          `json:"reblogs_count"`
	FavouritesCount    int64          `json:"favourites_count"`
	QuotesCount        int64          `json:"quotes_count"`
	EditedAt           *string        `json:"edited_at"`
	Content            string         `json:"content"`
	Reblog             *Status        `json:"reblog"`
	Application        *Application   `json:"application,omitempty"` // of one's own
	Account            *Account       `json:"account"`
	MediaAttachments   []*Attachment  `json:"media_attachments"`
	Mentions           []Mention      `json:"mentions"`
	Tags               []StatusTag    `json:"tags"`
	Emojis             []Emoji        `json:"emojis"`
	Card               *Card          `json:"card"`
	Poll               *Poll          `json:"poll"`
	Quote              any            `json:"quote"` // *Quote, or *ShallowQuote within a quoted post
	QuoteApproval      *QuoteApproval `json:"quote_approval,omitempty"`

	// Of one's own posts only, once they are deleted.
	Text *string `json:"text,omitempty"`

	// What the reader did with it; absent where nobody has signed in.
	Favourited *bool       `json:"favourited,omitempty"`
	Reblogged  *bool       `json:"reblogged,omitempty"`
	Muted      *bool       `json:"muted,omitempty"`
	Bookmarked *bool       `json:"bookmarked,omitempty"`
	Pinned     *bool       `json:"pinned,omitempty"` // one's own posts
	Filtered   *[]Filtered `json:"filtered,omitempty"`
}

// Application is the app that wrote a post.
type Application struct {
	Name    string  `json:"name"`
	Website *string `json:"website"`
}

// Mention is somebody whom a post names.
type Mention struct {
	ID       string `json:"id"`
	Username string `json:"username"`
	URL      string `json:"url"`
	Acct     string `json:"acct"`
}

// StatusTag is a hashtag of a post.
type StatusTag struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

// Context is what stands around a post in its conversation.
type Context struct {
	Ancestors   []*Status `json:"ancestors"`
	Descendants []*Status `json:"descendants"`
}

// StatusSource is a post as its author typed it.
type StatusSource struct {
	ID          string `json:"id"`
	Text        string `json:"text"`
	SpoilerText string `json:"spoiler_text"`
}

// StatusEdit is how a post stood at one time.
type StatusEdit struct {
	Content          string        `json:"content"`
	SpoilerText      string        `json:"spoiler_text"`
	Sensitive        bool          `json:"sensitive"`
	CreatedAt        string        `json:"created_at"`
	Account          *Account      `json:"account"`
	MediaAttachments []*Attachment `json:"media_attachments"`
	Poll             *EditPoll     `json:"poll,omitempty"`
	Emojis           []Emoji       `json:"emojis"`
	Quote            any           `json:"quote"`
}

// EditPoll is the question that a post asked at one time.
type EditPoll struct {
	Options []EditPollOption `json:"options"`
}

// EditPollOption is one of its answers.
type EditPollOption struct {
	Title string `json:"title"`
}

// status writes one of the gathered posts; nil where its author is unknown.
func (g *gathered) status(p *storage.Post) *Status { return g.write(p, true) }

// write is status; deep: with the post that it quotes. A post that can't be written is said to be so, and takes no page down with it.
func (g *gathered) write(p *storage.Post, deep bool) (s *Status) {
	author := g.people.entity(p.AuthorID)
	if author == nil {
		return nil
	}
	defer func() {
		if cause := recover(); cause != nil {
			g.broken(p, cause)
			s = g.unshown(p, author)
		}
	}()
	if p.Damaged() {
		g.broken(p, "its row is damaged")
		return g.unshown(p, author)
	}
	return g.whole(p, author, deep)
}

// unshown stands in the place of a post that can't be written.
func (g *gathered) unshown(p *storage.Post, author *Account) *Status {
	return &Status{ID: id(p.ID), CreatedAt: stamp(p.PublishedAt), Visibility: visibilityOut(p.Visibility), URI: p.URI, URL: opt(p.URL), Account: author,
		Content:          "<p><em>" + g.word("This post can't be shown here.", "Ce message ne peut pas être affiché ici.") + "</em></p>",
		MediaAttachments: []*Attachment{}, Mentions: []Mention{}, Tags: []StatusTag{}, Emojis: []Emoji{}}
}

func (g *gathered) whole(p *storage.Post, author *Account, deep bool) *Status {
	s := &Status{
		ID: id(p.ID), CreatedAt: stamp(p.PublishedAt), InReplyToID: optID(p.InReplyToID), InReplyToAccountID: optID(p.InReplyToUser),
		Sensitive: p.Sensitive || !g.people.byID[p.AuthorID].SensitiveAt.IsZero(), SpoilerText: p.ContentWarning, Visibility: visibilityOut(p.Visibility), LocalOnly: p.Circle == storage.CircleNode, Language: opt(p.Language),
		URI: p.URI, URL: opt(p.URL), RepliesCount: p.RepliesCount, ReblogsCount: p.SharesCount, FavouritesCount: p.LikesCount,
		QuotesCount: p.QuotesCount, EditedAt: optStamp(p.EditedAt), Content: p.HTML, Account: author,
		MediaAttachments: g.attachments(p), Mentions: []Mention{}, Tags: []StatusTag{}, Emojis: g.people.emojisOf(p.Origin, p.Emojis),
	}
	if p.ShareOfID == 0 {
		s.Quote, s.QuoteApproval = g.quote(p, deep), g.approval(p)
	}
	if poll := g.polls[p.ID]; poll != nil {
		s.Poll = g.poll(poll, p.AuthorID)
	}
	if p.URL == "" && p.ShareOfID == 0 {
		s.URL = &s.URI
	}
	s.Card = cardOf(g.cards[p.ID])
	for _, m := range g.mentions[p.ID] {
		if a := g.people.byID[m]; a != nil {
			s.Mentions = append(s.Mentions, Mention{ID: id(a.ID), Username: a.Username, URL: pageOf(a), Acct: a.Acct()})
		}
	}
	for _, name := range g.hashtags[p.ID] {
		s.Tags = append(s.Tags, StatusTag{Name: name, URL: g.tagURL(name)})
	}
	if g.me != storage.Nobody {
		m := g.marks[p.ID]
		muted := g.muted[p.ThreadID]
		s.Favourited, s.Reblogged, s.Bookmarked, s.Muted, s.Filtered = &m.Liked, &m.Shared, &m.Bookmarked, &muted, g.filtered(p)
		if p.AuthorID == g.me {
			pinned := g.pinned[p.ID]
			if s.Pinned = &pinned; p.Client != "" {
				s.Application = &Application{Name: p.Client}
			}
		}
	}
	return s
}

// share writes a post that passes on another: its own words are empty, what was done with the
// original is said of it too.
func (g *gathered) share(p, original *storage.Post) *Status {
	s, inner := g.status(p), g.status(original)
	if s == nil || inner == nil {
		return nil
	}
	s.Reblog = inner
	s.Content, s.SpoilerText, s.Sensitive, s.Language = inner.Content, inner.SpoilerText, inner.Sensitive, inner.Language
	s.Mentions, s.Tags, s.MediaAttachments, s.Emojis = inner.Mentions, inner.Tags, inner.MediaAttachments, inner.Emojis
	s.Card = inner.Card
	s.Poll, s.Quote, s.QuoteApproval, s.QuotesCount = inner.Poll, inner.Quote, inner.QuoteApproval, inner.QuotesCount
	s.RepliesCount, s.ReblogsCount, s.FavouritesCount = inner.RepliesCount, inner.ReblogsCount, inner.FavouritesCount
	s.Favourited, s.Reblogged, s.Bookmarked, s.Muted, s.Filtered = inner.Favourited, inner.Reblogged, inner.Bookmarked, inner.Muted, inner.Filtered
	return s
}

// visibilityLocal is how forks of Mastodon call what is public on this node alone.
const visibilityLocal = "local"

// visibilityOut and visibilityIn translate who sees a post: apps call followers private.
func visibilityOut(v string) string {
	switch v {
	case storage.Followers, storage.Members:
		return "private"
	case "":
		return storage.Public
	}
	return v
}

func visibilityIn(v string) string {
	if v = strings.TrimSpace(v); v == "private" {
		return storage.Followers
	}
	return v
}
