package outbox

import (
	"context"
	"errors"
	"strings"
	"time"

	"ruche/federation"
	"ruche/federation/vocab"
	"ruche/outbox/text"
	"ruche/storage"
)

// Limits of a post.
const (
	MaxChars    = 5000
	MaxMedia    = 4
	MaxMentions = 50
	MaxHashtags = 50
	MaxBytes    = 64 << 10
)

// A Draft is what somebody wants to post. Empty choices mean the author's own defaults.
type Draft struct {
	Text           string
	ContentWarning string
	Sensitive      bool
	Language       string
	Visibility     string
	Circle         string
	InReplyTo      int64
	Media          []int64
	Poll           *PollDraft // nil: no question
	Quote          int64      // the post to show within; 0: none
	QuotePolicy    string     // who may quote this one; empty: the author's own default
	Client         string     // the application's name
	IdempotencyKey string
	// PublishedAt is for the demo's seeder, which tells of past weeks; no route sets it.
	PublishedAt time.Time
}

// Post publishes a draft: it stores the post and queues it for the peers that host a follower
// or somebody it names. The same idempotency key gives the same post.
func (o *Outbox) Post(ctx context.Context, author *storage.Account, d Draft) (*storage.Post, error) {
	if err := active(author); err != nil {
		return nil, err
	}
	if d.IdempotencyKey != "" {
		id, err := o.DB.Remembered(ctx, author.ID, d.IdempotencyKey)
		if err == nil {
			return o.DB.PostByID(ctx, id)
		}
		if !errors.Is(err, storage.ErrNotFound) {
			return nil, err
		}
	}
	post, quoted, err := o.draft(ctx, author, d)
	if err != nil {
		return nil, err
	}
	fresh := *post
	err = o.DB.Update(ctx, func(tx *storage.Tx) error {
		*post = fresh // the act may run again
		post.ID = tx.PostID(d.PublishedAt, false)
		post.URL = tx.URIs().PostPage(author.Username, post.ID)
		if post.Quote != nil {
			q := *fresh.Quote
			post.Quote = &q
			prepareQuote(tx, &q, quoted, author)
		}
		if _, err := tx.AddPost(ctx, post); err != nil {
			return err
		}
		if post.Quote != nil {
			if err := o.askToQuote(ctx, tx, author, &post.Post, quoted, post.Quote); err != nil {
				return err
			}
		}
		if d.IdempotencyKey != "" {
			if err := tx.Remember(ctx, author.ID, d.IdempotencyKey, post.ID); err != nil {
				return err
			}
		}
		return o.publish(ctx, tx, author, post)
	})
	if errors.Is(err, storage.ErrExists) && d.IdempotencyKey != "" {
		id, err := o.DB.Remembered(ctx, author.ID, d.IdempotencyKey)
		if err != nil {
			return nil, err
		}
		return o.DB.PostByID(ctx, id)
	}
	if errors.Is(err, storage.ErrNotFound) {
		return nil, invalid("An attached file doesn't exist, or belongs to another post.")
	}
	if err != nil {
		return nil, err
	}
	return &post.Post, nil
}

// draft checks what was asked and resolves who is named, before any transaction.
func (o *Outbox) draft(ctx context.Context, author *storage.Account, d Draft) (post *storage.NewPost, quoted *storage.Post, err error) {
	user, err := o.DB.UserByAccount(ctx, author.ID)
	if err != nil {
		return nil, nil, err
	}
	if err := takeChosenCircle(&d); err != nil {
		return nil, nil, err
	}
	if err := o.choices(&d, user); err != nil {
		return nil, nil, err
	}
	if err := checkText(d.Text, d.ContentWarning, len(d.Media)); err != nil {
		return nil, nil, err
	}
	w, err := o.write(ctx, d.Text)
	if err != nil {
		return nil, nil, err
	}
	asked := o.DB.Now()
	if !d.PublishedAt.IsZero() {
		asked = d.PublishedAt
	}
	poll, err := d.Poll.poll(asked)
	if err != nil {
		return nil, nil, err
	}
	quoted, quote, err := o.quote(ctx, author, d.Quote)
	if err != nil {
		return nil, nil, err
	}
	post = &storage.NewPost{
		Post: storage.Post{
			AuthorID: author.ID, Text: d.Text, HTML: w.html, ContentWarning: d.ContentWarning,
			Sensitive: d.Sensitive || d.ContentWarning != "", Language: d.Language,
			Visibility: d.Visibility, Circle: d.Circle, PublishedAt: d.PublishedAt, Client: d.Client, QuotePolicy: d.QuotePolicy,
		},
		Mentions: w.mentions, Hashtags: w.hashtags, Media: d.Media, Poll: poll, Quote: quote,
	}
	if quoted != nil {
		post.HTML = quoteHTML(quoted) + post.HTML
		// What is shown within a post goes no further than it would by itself.
		post.Circle = narrower(post.Circle, quoted.Circle)
	}
	if d.InReplyTo != 0 {
		parent, err := o.visible(ctx, &o.DB.Queries, author, d.InReplyTo)
		if errors.Is(err, storage.ErrNotFound) {
			return nil, nil, invalid("The post that this answers doesn't exist any more.")
		}
		if err != nil {
			return nil, nil, err
		}
		post.InReplyToID = parent.ID
		// An answer goes no further than what it answers.
		post.Circle = narrower(post.Circle, parent.Circle)
	}
	if err := o.chooseCommunity(ctx, author, post); err != nil {
		return nil, nil, err
	}
	return post, quoted, nil
}

// takeChosenCircle lets a circle that is written in the text count as the author's choice. Chosen twice,
// the line may only narrow what was chosen beside the text: which of two was meant, nobody can know, and
// the wider one can't be taken back.
func takeChosenCircle(d *Draft) error {
	rest, circle, err := takeCircle(d.Text)
	if err != nil || circle == "" {
		return err
	}
	if d.Circle != "" && narrower(d.Circle, circle) != circle {
		return invalid("The last line says !%s, but the post was to stay within the circle %q: take the line away, or choose the wider circle.", circle, d.Circle)
	}
	d.Text, d.Circle = rest, circle
	return nil
}

// choices fills what the draft leaves open and refuses what it can't be.
func (o *Outbox) choices(d *Draft, user *storage.User) error {
	for _, c := range []struct {
		field   *string
		own     string
		last    string
		allowed []string
		name    string
	}{
		{&d.Visibility, user.DefaultVisibility, storage.Public, []string{storage.Public, storage.Unlisted, storage.Followers, storage.Direct}, "visibility"},
		{&d.Circle, user.DefaultCircle, storage.CircleNetwork, []string{storage.CircleNode, storage.CircleOrganisation, storage.CircleNetwork}, "circle"},
		{&d.QuotePolicy, user.DefaultQuotePolicy, storage.QuotePublic, quotePolicies, "quote policy"},
		{&d.Language, user.DefaultLanguage, "", nil, "language"},
	} {
		if *c.field == "" {
			*c.field = c.own
		}
		if *c.field == "" {
			*c.field = c.last
		}
		if c.allowed != nil && !has(c.allowed, *c.field) {
			return invalid("%q is no %s; choose one of %s.", *c.field, c.name, strings.Join(c.allowed, ", "))
		}
	}
	if len(d.Language) > 35 { // RFC 5646 §4.4.1
		return invalid("%q is no language code.", d.Language[:35])
	}
	return nil
}

func checkText(body, warning string, media int) error {
	if strings.TrimSpace(body) == "" && media == 0 {
		return invalid("Validation failed: Text can't be blank")
	}
	if len(body)+len(warning) > MaxBytes {
		return invalid("Validation failed: Text is longer than %d characters", MaxChars)
	}
	if n := text.Length(body) + text.Length(warning); n > MaxChars {
		return invalid("Validation failed: Text has %d characters; the limit is %d", n, MaxChars)
	}
	if media > MaxMedia {
		return invalid("Validation failed: at most %d files can be attached", MaxMedia)
	}
	return nil
}

// written is what text becomes.
type written struct {
	html     string
	mentions []int64
	hashtags []string
}

// write turns what was typed into HTML, asking peers about those named whom we don't know yet.
// A name that can't be found stays as text.
func (o *Outbox) write(ctx context.Context, typed string) (*written, error) {
	found := text.Scan(typed)
	if len(found.Mentions) > MaxMentions {
		return nil, invalid("Validation failed: at most %d people can be named", MaxMentions)
	}
	if len(found.Hashtags) > MaxHashtags {
		return nil, invalid("Validation failed: at most %d hashtags", MaxHashtags)
	}
	w := &written{hashtags: found.Hashtags}
	links := map[string]text.Link{}
	for _, m := range found.Mentions {
		a, err := o.Resolver.Account(ctx, m.Username, m.Host)
		if err != nil {
			o.Log.InfoContext(ctx, "a mention stays text", "host", m.Host, "err", err)
			continue
		}
		if !a.Active() {
			continue
		}
		page := a.URL
		if page == "" {
			page = a.URI
		}
		links[m.Username+"@"+m.Host] = text.Link{URL: page, Acct: a.Acct(), Username: a.Username}
		w.mentions = append(w.mentions, a.ID)
	}
	w.html = text.HTML(typed, func(m text.Mention) (text.Link, bool) {
		l, ok := links[m.Username+"@"+m.Host]
		return l, ok
	}, func(tag string) string { return o.DB.URIs().Base + "/tags/" + tag })
	return w, nil
}

// publish queues a new post's Create, and gives it to the community that it was written for.
func (o *Outbox) publish(ctx context.Context, tx *storage.Tx, author *storage.Account, n *storage.NewPost) error {
	p := &n.Post
	if n.Community != 0 {
		if _, err := tx.PutInCommunity(ctx, p.ID, n.Community, storage.Asked); err != nil {
			return err
		}
	}
	if err := o.announcePost(ctx, tx, author, p); err != nil || n.Community == 0 {
		return err
	}
	parts, err := federation.NoteParts(ctx, &tx.Queries, p)
	if err != nil {
		return err
	}
	return o.TakeIn(ctx, tx, n.Community, author, p, func(v variant) ([]byte, error) {
		return o.Writer.Create(p.URI+"/create", p, author, v.of(parts), v.how)
	})
}

// announcePost queues a new post's Create.
func (o *Outbox) announcePost(ctx context.Context, tx *storage.Tx, author *storage.Account, p *storage.Post) error {
	parts, targets, err := o.audience(ctx, tx, p)
	if err != nil {
		return err
	}
	return o.sendWritten(ctx, tx, storage.PostCrossing(p), author, p, targets, func(v variant) ([]byte, error) {
		return o.Writer.Create(p.URI+"/create", p, author, v.of(parts), v.how)
	})
}

// audience gathers what is written of a post and where it goes: to its author's followers
// (unless it is direct), to those it names, to the author of what it answers, and, if it is public, to
// the peers that subscribe.
func (o *Outbox) audience(ctx context.Context, tx *storage.Tx, p *storage.Post) (vocab.NoteParts, []storage.InboxTarget, error) {
	parts, err := federation.NoteParts(ctx, &tx.Queries, p)
	if err != nil {
		return parts, nil, err
	}
	var targets []storage.InboxTarget
	for _, a := range parts.Mentions {
		if !a.Local() {
			targets = append(targets, inboxOf(a))
		}
	}
	if parts.Community != nil && !parts.Community.Local() {
		targets = append(targets, inboxOf(parts.Community))
	}
	if p.Visibility == storage.Direct || p.Visibility == storage.Members {
		return parts, targets, nil
	}
	if p.InReplyToUser != 0 && (p.Visibility == storage.Public || p.Visibility == storage.Unlisted) {
		answered, err := tx.AccountByID(ctx, p.InReplyToUser)
		if err != nil {
			return parts, nil, err
		}
		if !answered.Local() {
			targets = append(targets, inboxOf(answered))
		}
	}
	if parts.Quote != nil && parts.Quote.QuotedID != 0 && (p.Visibility == storage.Public || p.Visibility == storage.Unlisted) {
		quoted, err := tx.PostByID(ctx, parts.Quote.QuotedID)
		if err == nil {
			var writer *storage.Account
			if writer, err = tx.AccountByID(ctx, quoted.AuthorID); err == nil && !writer.Local() {
				targets = append(targets, inboxOf(writer))
			}
		}
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return parts, nil, err
		}
	}
	followers, err := tx.FollowerInboxes(ctx, p.AuthorID)
	if err != nil {
		return parts, nil, err
	}
	targets = append(targets, followers...)
	if p.Visibility == storage.Public {
		subscribers, err := tx.Subscribers(ctx)
		if err != nil {
			return parts, nil, err
		}
		targets = append(targets, subscribers...)
	}
	return parts, targets, nil
}

var circleWidth = map[string]int{storage.CircleNode: 0, storage.CircleOrganisation: 1, storage.CircleNetwork: 2}

func narrower(a, b string) string {
	if circleWidth[a] < circleWidth[b] {
		return a
	}
	return b
}

func has(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
