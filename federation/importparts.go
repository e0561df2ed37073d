package federation

import (
	"context"
	"errors"
	"fmt"
	"html"
	"strings"
	"time"

	"ruche/federation/sanitize"
	"ruche/federation/vocab"
	"ruche/storage"
)

// This file turns what hangs on a peer's object into what hangs on a post.

// words is a post's HTML. What isn't a Note is shown with its title, and what only lives on its own page (a video,
// an event) with the way there.
func words(o *vocab.Object) string {
	body := o.Content
	if strings.HasPrefix(o.MediaType, "text/") && o.MediaType != "text/html" { // PeerTube writes Markdown
		body = "<p>" + strings.ReplaceAll(html.EscapeString(strings.ReplaceAll(body, "\r\n", "\n")), "\n", "<br>") + "</p>"
		if o.Content == "" {
			body = ""
		}
	}
	if o.Name != "" && o.Type != "Note" && o.Type != "Question" {
		body = "<p><strong>" + html.EscapeString(o.Name) + "</strong></p>" + body
	}
	link := ""
	for _, at := range o.Attachments {
		if at.Type == "Link" && o.Type == "Page" { // Lemmy's link posts; Mastodon's are of what the text links already
			link = webPage(at.URL)
			break
		}
	}
	if link == "" && !writtenTypes[o.Type] {
		link = webPage(o.URL)
	}
	if link != "" {
		shown := html.EscapeString(link)
		body += `<p><a href="` + shown + `">` + shown + `</a></p>`
	}
	return sanitize.HTML(body)
}

// warning is what stands before a post's words. The summary of an article is an abstract, and hides nothing unless
// its author says that it should.
func warning(o *vocab.Object) string {
	if o.Type == "Note" || o.Type == "Question" || o.Sensitive {
		return o.Summary
	}
	return ""
}

// writtenTypes are those whose words are all there is.
var writtenTypes = map[string]bool{"Note": true, "Article": true, "Page": true, "Question": true}

// files are a peer's attachments, by what their media type says they are.
func files(o *vocab.Object, peer *storage.Peer) []*storage.Media {
	var out []*storage.Media
	for _, at := range o.Attachments {
		page := mediaOf(peer, at.URL)
		if page == "" || at.Type == "Link" || len(out) == vocab.MaxAttachments {
			continue
		}
		out = append(out, &storage.Media{Kind: fileKind(at), MIME: at.MediaType, RemoteURL: page, Width: at.Width, Height: at.Height,
			Blurhash: at.Blurhash, Description: at.Name, FocusX: at.FocusX, FocusY: at.FocusY})
	}
	return out
}

func fileKind(at vocab.Attachment) string {
	major, minor, _ := strings.Cut(strings.ToLower(at.MediaType), "/")
	if strings.Contains(minor, "svg") || strings.Contains(minor, "xml") {
		return storage.MediaFile // a document that can hold scripts is no picture
	}
	switch major {
	case storage.MediaImage, storage.MediaVideo, storage.MediaAudio:
		return major
	case "":
		switch kind := strings.ToLower(at.Type); kind {
		case storage.MediaImage, storage.MediaVideo, storage.MediaAudio:
			return kind
		}
		if at.Type == "Document" && at.Blurhash != "" {
			return storage.MediaImage
		}
	}
	return storage.MediaFile
}

// customs are the emojis that a peer's text may call, and their names.
func customs(list []vocab.Emoji, peer *storage.Peer) (rows []*storage.Emoji, names []string) {
	for _, e := range list {
		picture := mediaOf(peer, e.URL)
		if picture == "" {
			continue
		}
		uri := e.ID
		if uri != "" && sameHost(uri, "https://"+peer.Host) != nil {
			uri = "" // another host's id, which this one can't vouch for
		}
		names = append(names, e.Name)
		rows = append(rows, &storage.Emoji{Host: peer.Host, Name: e.Name, URI: uri, RemoteURL: picture, MIME: e.MediaType, UpdatedAt: e.Updated})
	}
	return rows, names
}

// maxVotes bounds a peer's counts, so that sums of them stay numbers.
const maxVotes = 1 << 40

// question is a peer's poll.
func question(p *vocab.Poll, now time.Time) *storage.Poll {
	if p == nil {
		return nil
	}
	out := &storage.Poll{Multiple: p.Multiple, ExpiresAt: p.EndTime, VotersCount: min(p.Voters, maxVotes)}
	if out.ExpiresAt.IsZero() {
		out.ExpiresAt = p.Closed // Mastodon of old wrote the end as closed, ahead of time
	}
	switch {
	case !p.Closed.IsZero() && !p.Closed.After(now):
		out.ClosedAt = p.Closed
	case p.Over:
		out.ClosedAt = now
	}
	for _, o := range p.Options {
		out.Options = append(out.Options, &storage.PollOption{Title: o.Name, Votes: min(o.Votes, maxVotes)})
	}
	return out
}

// quoted is what a peer's post quotes. Quoting oneself needs nobody's leave; of anybody else's the stamp is yet to
// be verified.
func quoted(ctx context.Context, q *storage.Queries, o *vocab.Object, author *storage.Account) (*storage.Quote, error) {
	if o.Quote == "" || o.Quote == o.ID {
		return nil, nil
	}
	out := &storage.Quote{QuotedURI: o.Quote, ApprovalURI: o.QuoteAuthorization, State: storage.QuotePending}
	p, err := q.PostByURI(ctx, o.Quote)
	if errors.Is(err, storage.ErrNotFound) {
		return out, nil
	}
	if err == nil && p.AuthorID == author.ID && (p.Visibility == storage.Public || p.Visibility == storage.Unlisted) {
		out.State = storage.QuoteAccepted
	}
	return out, err
}

// VerifyQuote says whether the quoted author gave a peer's post leave to quote: nil, or ErrUntrusted, or why the
// stamp couldn't be read. Only a stamp on the quoted author's own host counts, that names both posts.
func (n *Node) VerifyQuote(ctx context.Context, q *storage.Quote, quoted *storage.Post) error {
	if quoted.Visibility != storage.Public && quoted.Visibility != storage.Unlisted {
		return fmt.Errorf("%s isn't for everybody: %w", quoted.URI, ErrUntrusted)
	}
	if quoted.AuthorID == q.AccountID {
		return nil
	}
	if q.ApprovalURI == "" {
		return fmt.Errorf("no stamp: %w", ErrUntrusted)
	}
	author, err := n.DB.AccountByID(ctx, quoted.AuthorID)
	if err != nil {
		return err
	}
	if err := sameHost(q.ApprovalURI, author.URI); err != nil {
		return err
	}
	doc, err := n.document(ctx, q.ApprovalURI)
	if err != nil {
		return err
	}
	s, err := vocab.ParseStamp(doc)
	if err != nil {
		return err
	}
	if *s != (vocab.Stamp{ID: q.ApprovalURI, Author: author.URI, Quoting: q.PostURI, Quoted: quoted.URI}) {
		return fmt.Errorf("%s is a stamp for something else: %w", q.ApprovalURI, ErrUntrusted)
	}
	return nil
}
