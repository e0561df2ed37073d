package vocab

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	ap "github.com/go-ap/activitypub"

	"ruche/storage"
)

// An Object is a Note, or another thing that reads as a post: Article, Page, Question, Image,
// Video, Audio, Event, Document; or a Tombstone. All texts are as sent, not sanitised.
type Object struct {
	ID           string
	Type         string // the first type we know, or the first one given
	AttributedTo []string
	URL          string // the page for people
	InReplyTo    string
	Content      string
	ContentMap   map[string]string // language → content
	MediaType    string            // of Content, where it isn't HTML
	Language     string            // what Content is written in, where it can be known
	Summary      string
	Name         string // the title
	Sensitive    bool
	Published    time.Time
	Updated      time.Time
	To, Cc       []string // as:Public is always spelled Public
	Audience     []string // the groups that it was written for (FEP-1b12)
	Mentions     []Mention
	Hashtags     []string // without #
	Attachments  []Attachment
	Emojis       []Emoji
	Poll         *Poll  // of a Question; nil where it has none
	Quote        string // the id of the post that this one quotes
	// QuoteAuthorization is where the quoted author's leave is said to be.
	QuoteAuthorization string
	CanQuote           *Policy // who may quote this; nil: it doesn't say
	Context            string  // the conversation's id (FEP-7888)
	Conversation       string  // the older word for it
	Replies            Ref     // the collection of replies
	// Circle is organisation or network where a Ruche node sent one, CircleVisibility what an
	// object addressed to followers is within that circle.
	Circle           string
	CircleVisibility string
	Raw              []byte
}

// A Mention names an actor in a text.
type Mention struct{ Href, Name string }

// An Attachment is a file beside a text.
type Attachment struct {
	Type, MediaType, URL string
	Name                 string // alt text
	Blurhash             string
	Width, Height        int
	FocusX, FocusY       float64 // -1 … 1
}

// ParseObject reads a post or a Tombstone. An id and a type must be there; whether the type reads as
// a post is IsPost's to say. The error is ErrMalformed.
func ParseObject(d *Document) (*Object, error) {
	o := &Object{
		Type:         d.Type(),
		URL:          d.link("url"),
		Content:      d.text("content", MaxContent),
		ContentMap:   d.texts("contentMap", MaxContent),
		MediaType:    d.text("mediaType", MaxName),
		Summary:      d.text("summary", MaxSummary),
		Name:         d.text("name", MaxName),
		Sensitive:    d.yes("sensitive"),
		Published:    d.date("published"),
		Updated:      d.date("updated"),
		Attachments:  attachments(d),
		Emojis:       emojis(d),
		Poll:         d.poll(),
		CanQuote:     d.policy(),
		Context:      d.conversation("context"),
		Conversation: d.conversation("conversation"),
		Raw:          d.Raw,
	}
	var err error
	fail := func(err error) (*Object, error) { return nil, fmt.Errorf("read %s object: %w", shortType(o.Type), err) }
	if o.ID, err = d.ID(); err != nil {
		return fail(err)
	}
	if o.ID == "" || o.Type == "" {
		return fail(fmt.Errorf("it needs an id and a type: %w", ErrMalformed))
	}
	if o.AttributedTo, err = d.iris("attributedTo"); err != nil {
		return fail(err)
	}
	if o.InReplyTo, err = d.iri("inReplyTo"); err != nil {
		return fail(err)
	}
	if o.To, err = d.recipients("to"); err != nil {
		return fail(err)
	}
	if o.Cc, err = d.recipients("cc"); err != nil {
		return fail(err)
	}
	if o.Audience, err = d.recipients("audience"); err != nil {
		return fail(err)
	}
	if replies, err := d.ref("replies"); err == nil {
		o.Replies = replies
	}
	if err = o.readTags(d); err != nil {
		return fail(err)
	}
	o.readQuote(d)
	o.readLanguage(d)
	o.Circle, o.CircleVisibility = circleOf(d)
	return o, nil
}

// Visibility is who the post is for, one of storage's visibilities; followersURI is the author's
// followers collection as their actor names it. Within a circle, a post addressed to the followers
// alone can be public or unlisted: whether the sender is one that may say so is the caller's to judge.
func (o *Object) Visibility(followersURI string) string {
	return visibility(o.To, o.Cc, followersURI, o.Circle, o.CircleVisibility)
}

func visibility(to, cc []string, followersURI, circle, within string) string {
	switch {
	case slices.Contains(to, Public):
		return storage.Public
	case slices.Contains(cc, Public):
		return storage.Unlisted
	case followersURI == "" || !slices.Contains(to, followersURI) && !slices.Contains(cc, followersURI):
		return storage.Direct
	case circle != "" && within != "":
		return within
	}
	return storage.Followers
}

// circleOf reads our own extension; a value that isn't ours counts as none.
func circleOf(d *Document) (circle, within string) {
	switch circle = d.bare("circle"); circle {
	case storage.CircleOrganisation, storage.CircleNetwork:
	default:
		return "", ""
	}
	switch within = d.bare("circleVisibility"); within {
	case storage.Public, storage.Unlisted:
	default:
		within = ""
	}
	return circle, within
}

// conversation is an id that is only compared: often a tag: URI, so any scheme will do.
func (d *Document) conversation(name string) string {
	v, err := d.one(name)
	if err != nil {
		return ""
	}
	if doc, ok := v.(*Document); ok {
		v = doc.fields["id"]
	}
	if s, ok := v.(string); ok && checkURI(s) == nil {
		return s
	}
	return ""
}

func (o *Object) readTags(d *Document) error {
	if err := d.refuseMore("tag"); err != nil {
		return err
	}
	for _, v := range d.entries("tag") {
		tag, ok := v.(*Document)
		if !ok {
			continue
		}
		name := tag.text("name", MaxName)
		switch tag.Type() {
		case string(ap.MentionType):
			if href := tag.link("href"); href != "" {
				o.Mentions = append(o.Mentions, Mention{Href: href, Name: name})
			}
		case hashtagType:
			if name = strings.TrimLeft(name, "#"); name != "" {
				o.Hashtags = append(o.Hashtags, name)
			}
		}
	}
	return nil
}

// readLanguage finds the language of the content, and the content where only a map was sent.
func (o *Object) readLanguage(d *Document) {
	if o.Summary == "" {
		o.Summary = firstText(d.texts("summaryMap", MaxSummary))
	}
	if o.Name == "" {
		o.Name = firstText(d.texts("nameMap", MaxName))
	}
	for _, lang := range slices.Sorted(maps.Keys(o.ContentMap)) {
		if o.Content == "" {
			o.Content = o.ContentMap[lang]
		}
		if o.ContentMap[lang] == o.Content {
			o.Language = lang
			return
		}
	}
	// Lemmy writes {"identifier": "fr", "name": "Français"}.
	if said, ok := d.fields["language"].(*Document); ok {
		if lang := said.bare("identifier"); languageTag(lang) {
			o.Language = lang
		}
	}
}

func firstText(texts map[string]string) string {
	for _, lang := range slices.Sorted(maps.Keys(texts)) {
		return texts[lang]
	}
	return ""
}

func attachments(d *Document) []Attachment {
	var out []Attachment
	for _, v := range d.entries("attachment") {
		file, ok := v.(*Document)
		if !ok {
			continue
		}
		a := Attachment{
			Type:      file.Type(),
			MediaType: file.text("mediaType", MaxName),
			URL:       file.link("url"),
			Name:      file.text("name", MaxDescription),
			Blurhash:  file.text("blurhash", MaxName),
			Width:     file.size("width"),
			Height:    file.size("height"),
		}
		if a.URL == "" {
			a.URL = file.link("href")
		}
		if a.Name == "" { // Pleroma and Misskey-likes use summary for alt text
			a.Name = file.text("summary", MaxDescription)
		}
		if a.URL == "" {
			continue
		}
		if point := file.entries("focalPoint"); len(point) == 2 {
			a.FocusX, a.FocusY = coordinate(point[0]), coordinate(point[1])
		}
		if out = append(out, a); len(out) == MaxAttachments {
			break
		}
	}
	return out
}

func coordinate(v any) float64 {
	n, ok := v.(json.Number)
	if !ok {
		return 0
	}
	f, err := n.Float64()
	if err != nil || !(f >= -1 && f <= 1) {
		return 0
	}
	return f
}
