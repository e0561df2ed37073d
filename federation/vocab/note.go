package vocab

import (
	"encoding/json"
	"fmt"

	ap "github.com/go-ap/activitypub"

	"ruche/storage"
)

// NoteParts is what hangs on a post.
type NoteParts struct {
	Mentions  []*storage.Account
	Hashtags  []string // without #
	Media     []*storage.Media
	InReplyTo string           // the parent's id on the wire, or empty
	Also      []string         // further recipients: the followers of whoever is answered
	Community *storage.Account // the group that it is written for, or nil
	Poll      *storage.Poll
	Quote     *storage.Quote
	Emojis    []*storage.Emoji
}

// Note writes a local post as it is addressed to one class of peers.
func (w Writer) Note(p *storage.Post, author *storage.Account, parts NoteParts, how storage.Addressing) ([]byte, error) {
	note, _, err := w.note(p, author, parts, how)
	if err != nil {
		return nil, err
	}
	return note.json(noteContext())
}

// Create writes the activity that publishes a post.
func (w Writer) Create(id string, p *storage.Post, author *storage.Account, parts NoteParts, how storage.Addressing) ([]byte, error) {
	return w.aboutNote(ap.CreateType, id, p, author, parts, how)
}

// Update writes the activity that publishes an edit.
func (w Writer) Update(id string, p *storage.Post, author *storage.Account, parts NoteParts, how storage.Addressing) ([]byte, error) {
	return w.aboutNote(ap.UpdateType, id, p, author, parts, how)
}

func (w Writer) aboutNote(kind ap.ActivityVocabularyType, id string, p *storage.Post, author *storage.Account, parts NoteParts, how storage.Addressing) ([]byte, error) {
	note, to, err := w.note(p, author, parts, how)
	if err != nil {
		return nil, err
	}
	object, err := note.json(nil)
	if err != nil {
		return nil, err
	}
	var c ids
	act := c.activity(kind, id, author, nil, to.to, to.cc)
	if c.err != nil {
		return nil, fmt.Errorf("write %s of %s: %w", kind, p.URI, c.err)
	}
	at := p.PublishedAt
	if kind == ap.UpdateType {
		at = p.EditedAt
	}
	act.addTime("published", at)
	addAudience(act, parts.Community)
	act.add("object", json.RawMessage(object))
	return act.json(noteContext())
}

// recipients is where a post goes, and what our own nodes read beside it.
type recipients struct {
	to, cc           []string
	circle           string // empty: not written
	circleVisibility string
}

// address spells a visibility out for the wire. Mastodon reads only to and cc, and makes a direct
// post of what hasn't the followers in either, so "public within the circle" is addressed to the followers,
// with the circle beside it for those who know it (PROTOCOL 1.10).
func address(p *storage.Post, author *storage.Account, mentions []string, how storage.Addressing) (recipients, error) {
	var r recipients
	followers := author.FollowersURI
	switch how {
	case storage.Openly:
		switch p.Visibility {
		case storage.Public:
			r.to, r.cc = []string{Public}, append([]string{followers}, mentions...)
		case storage.Unlisted:
			r.to, r.cc = []string{followers}, append([]string{Public}, mentions...)
		}
	case storage.ToFollowers:
		if p.Visibility == storage.Public || p.Visibility == storage.Unlisted {
			r.to, r.cc = []string{followers}, mentions
			r.circleVisibility = p.Visibility
		}
	default:
		return r, fmt.Errorf("post %s isn't for this peer: %w", p.URI, ErrInvalid)
	}
	switch p.Visibility {
	case storage.Public, storage.Unlisted:
	case storage.Followers:
		r.to, r.cc = []string{followers}, mentions
	case storage.Direct, storage.Members: // those named; the members are among them
		r.to = mentions
	default:
		return r, fmt.Errorf("post %s has the unknown visibility %q: %w", p.URI, p.Visibility, ErrInvalid)
	}
	if p.Circle != storage.CircleNetwork || how != storage.Openly {
		r.circle = p.Circle
	}
	return r, nil
}

func (w Writer) note(p *storage.Post, author *storage.Account, parts NoteParts, how storage.Addressing) (*thing, recipients, error) {
	var mentioned []string
	for _, a := range parts.Mentions {
		mentioned = append(mentioned, a.URI)
	}
	mentioned = audience(p, parts.Community, append(mentioned, parts.Also...))
	r, err := address(p, author, mentioned, how)
	if err != nil {
		return nil, r, err
	}
	page := p.URL
	if page == "" {
		page = p.URI
	}
	var c ids
	kind := ap.NoteType
	if parts.Poll != nil {
		kind = ap.QuestionType
	}
	note := &thing{core: &ap.Note{
		ID:           c.need("post", p.URI),
		Type:         kind,
		AttributedTo: c.need("author", author.URI),
		InReplyTo:    c.may("parent", parts.InReplyTo),
		URL:          c.need("page", page),
		To:           c.all("recipient", r.to...),
		CC:           c.all("recipient", r.cc...),
		Replies:      c.need("replies", p.URI+"/replies"),
	}}
	tags := make([]any, 0, len(parts.Mentions)+len(parts.Hashtags))
	for _, a := range parts.Mentions {
		tags = append(tags, writtenTag{string(ap.MentionType), string(c.need("mention", a.URI)), "@" + w.acct(a)})
	}
	for _, name := range parts.Hashtags {
		tag := w.hashtag(name)
		c.need("hashtag", tag.Href)
		tags = append(tags, tag)
	}
	for _, e := range parts.Emojis {
		tags = append(tags, w.emoji(&c, e))
	}
	if parts.Quote != nil {
		addQuote(note, &c, parts.Quote)
	}
	files := make([]writtenFile, 0, len(parts.Media))
	for _, m := range parts.Media {
		files = append(files, w.file(&c, m))
	}
	if c.err != nil {
		return nil, r, fmt.Errorf("write post %s: %w", p.URI, c.err)
	}

	note.add("content", p.HTML)
	if p.Language != "" {
		note.add("contentMap", map[string]string{p.Language: p.HTML})
	}
	note.addText("summary", p.ContentWarning)
	note.add("sensitive", p.Sensitive || !author.SensitiveAt.IsZero())
	note.addTime("published", p.PublishedAt)
	note.addTime("updated", p.EditedAt)
	// Empty arrays are written: some readers take an absent tag or attachment as unchanged by an Update.
	note.add("tag", tags)
	note.add("attachment", files)
	if checkURI(p.Context) == nil {
		note.add("conversation", p.Context)
		note.add("context", p.Context)
	}
	addAudience(note, parts.Community)
	if p.Text != "" {
		note.add("source", writtenSource{p.Text, "text/plain"})
	}
	if parts.Poll != nil {
		addPoll(note, parts.Poll)
	}
	note.add("interactionPolicy", quotePolicy(p, author))
	addCircle(note, r)
	return note, r, nil
}

func addCircle(t *thing, r recipients) {
	t.addText("circle", r.circle)
	t.addText("circleVisibility", r.circleVisibility)
}

const hashtagType = "Hashtag" // as:Hashtag, which go-ap doesn't know

type writtenSource struct {
	Content   string `json:"content"`
	MediaType string `json:"mediaType"`
}

type writtenTag struct {
	Type string `json:"type"`
	Href string `json:"href"`
	Name string `json:"name"`
}

type writtenFile struct {
	Type       string      `json:"type"`
	MediaType  string      `json:"mediaType"`
	URL        string      `json:"url"`
	Name       string      `json:"name,omitempty"`
	Blurhash   string      `json:"blurhash,omitempty"`
	Width      int         `json:"width,omitempty"`
	Height     int         `json:"height,omitempty"`
	FocalPoint *[2]float64 `json:"focalPoint,omitempty"`
}

// file writes an attachment. It is a Document, as Mastodon writes it, whatever its kind: the media
// type says the rest.
func (w Writer) file(c *ids, m *storage.Media) writtenFile {
	f := writtenFile{
		Type: string(ap.DocumentType), MediaType: m.MIME, URL: string(c.need("attachment", w.mediaURL(m))),
		Name: m.Description, Blurhash: m.Blurhash, Width: m.Width, Height: m.Height,
	}
	if m.FocusX != 0 || m.FocusY != 0 {
		f.FocalPoint = &[2]float64{m.FocusX, m.FocusY}
	}
	return f
}

func (w Writer) mediaURL(m *storage.Media) string {
	if m.BlobKey == "" {
		return m.RemoteURL
	}
	return w.URIs.Media(m.BlobKey)
}
