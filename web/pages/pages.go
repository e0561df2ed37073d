// Package pages is what a person sees of the node in a browser, besides signing in: the front
// door, home, a thread, a profile, people, notifications, and the form to post. It is the least with
// which somebody without an app can live here, and it works without JavaScript.
//
// Which posts they see, storage's visibility decides. Whoever isn't signed in is led to the
// sign-in page before anything is looked up, so that an address that exists and one that doesn't
// answer alike; where the node's pages are public, what may not be seen is answered that way too.
package pages

import (
	"context"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"ruche/federation"
	"ruche/outbox"
	"ruche/storage"
	"ruche/web/auth"
	"ruche/web/view"
)

// perPage is how many posts a profile shows.
const perPage = 20

// Options are what the pages need.
type Options struct {
	DB       *storage.DB
	Outbox   *outbox.Outbox
	Resolver *federation.Resolver
	Auth     *auth.Server // writes the pages, as it knows who reads
	// Domain is what stands after the @ of our accounts.
	Domain string
	// PublicPages: what is public in the whole network can be read without signing in.
	PublicPages bool
	Log         *slog.Logger
}

// Pages answers browsers.
type Pages struct{ Options }

// New makes Pages.
func New(opt Options) *Pages {
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	return &Pages{opt}
}

// Routes lists the pages.
func (p *Pages) Routes() []auth.Route {
	readers := auth.AnyPerson
	if p.PublicPages {
		readers = auth.Public
	}
	return []auth.Route{
		{Method: "GET", Path: "/", Scope: auth.Public, Handler: p.landing},
		{Method: "GET", Path: "/@{name}", Scope: readers, Handler: p.profile},
		{Method: "GET", Path: "/@{name}/{id:[0-9]+}", Scope: readers, Handler: p.post},
		{Method: "GET", Path: "/p/{id:[0-9]+}", Scope: readers, Handler: p.postByID},
		{Method: "GET", Path: "/home", Scope: auth.AnyPerson, Handler: p.home},
		{Method: "GET", Path: "/entity", Scope: auth.AnyPerson, Handler: p.entity},
		{Method: "GET", Path: "/network", Scope: auth.AnyPerson, Handler: p.network},
		{Method: "GET", Path: "/tags/{tag}", Scope: auth.AnyPerson, Handler: p.tag},
		{Method: "GET", Path: "/people", Scope: auth.AnyPerson, Handler: p.people},
		{Method: "GET", Path: "/notifications", Scope: auth.AnyPerson, Handler: p.notifications},
		{Method: "POST", Path: "/compose", Scope: auth.AnyPerson, Handler: p.publish},
		{Method: "POST", Path: "/p/{id:[0-9]+}/{act}", Scope: auth.AnyPerson, Handler: p.act(p.postActs())},
		{Method: "POST", Path: "/people/{id:[0-9]+}/{act}", Scope: auth.AnyPerson, Handler: p.act(p.personActs())},
	}
}

// landing is GET /: the front door with the texts of the house, or home for who is in already.
func (p *Pages) landing(w http.ResponseWriter, r *http.Request) error {
	if auth.Account(r.Context()) != nil && !r.URL.Query().Has("about") {
		http.Redirect(w, r, "/home", http.StatusSeeOther)
		return nil
	}
	server := strings.TrimPrefix(strings.TrimPrefix(p.Auth.BaseURL(r), "https://"), "http://")
	page := view.Landing{Server: server}
	language := p.Auth.Locale(r)
	rules, err := p.DB.Rules(r.Context())
	if err != nil {
		return err
	}
	for _, rule := range rules {
		page.Rules = append(page.Rules, rule.Say(language))
	}
	for _, part := range []struct{ id, setting string }{{"about", storage.SettingAbout}, {"terms", storage.SettingTerms}, {"privacy", storage.SettingPrivacy}} {
		text, err := p.DB.Words(r.Context(), part.setting, language)
		if err != nil {
			return err
		}
		if text != "" {
			page.Texts = append(page.Texts, view.HouseText{ID: part.id, Text: text})
		}
	}
	return p.Auth.Show(w, r, http.StatusOK, "landing", page)
}

// hidden answers what isn't there for the reader: whoever might see more once signed in is led
// to the sign-in page.
func (p *Pages) hidden(w http.ResponseWriter, r *http.Request) error {
	if auth.Account(r.Context()) == nil {
		http.Redirect(w, r, auth.SignInURL(r.URL.RequestURI()), http.StatusSeeOther)
		return nil
	}
	return auth.NotFound()
}

// profile is GET /@user or /@user@domain.
func (p *Pages) profile(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	a, err := p.account(ctx, r.PathValue("name"))
	if errors.Is(err, storage.ErrNotFound) || err == nil && !a.Active() {
		return p.hidden(w, r)
	}
	if err != nil {
		return err
	}
	posts, err := p.DB.AccountTimeline(ctx, auth.Viewer(ctx), a.ID, storage.AccountFilter{NoReplies: true}, storage.Page{Limit: perPage})
	if err != nil {
		return err
	}
	shown, err := p.show(r, posts)
	if err != nil {
		return err
	}
	cards, err := p.cards(r, []*storage.Account{a})
	if err != nil {
		return err
	}
	if err := p.DB.CountsFor(ctx, auth.Viewer(ctx), nil, []*storage.Account{a}); err != nil {
		return err
	}
	page := view.Profile{
		Person: cards[0],
		Bio:    template.HTML(a.NoteHTML), Posts: shown, PostsCount: a.PostsCount, Followers: a.FollowersCount, Following: a.FollowingCount,
	}
	for _, f := range a.Fields {
		value := template.HTML(f.Value) // sanitised when it came in
		if a.Local() {
			value = template.HTML(template.HTMLEscapeString(f.Value))
		}
		page.Fields = append(page.Fields, view.ProfileField{Name: f.Name, Value: value})
	}
	return p.Auth.Show(w, r, http.StatusOK, "profile", page)
}

// account finds user or user@domain; our own domain is no other.
func (p *Pages) account(ctx context.Context, acct string) (*storage.Account, error) {
	username, domain, _ := strings.Cut(acct, "@")
	if strings.EqualFold(domain, p.Domain) {
		domain = ""
	}
	a, err := p.DB.AccountByName(ctx, username, domain)
	if err == nil && a.Kind == storage.Application {
		return nil, storage.ErrNotFound // a node is nobody
	}
	return a, err
}

// post is GET /@user/id.
func (p *Pages) post(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	post, author, err := p.visible(ctx, storage.ParseID(r.PathValue("id")))
	if errors.Is(err, storage.ErrNotFound) || err == nil && !strings.EqualFold(author.Acct(), r.PathValue("name")) {
		return p.hidden(w, r)
	}
	if err != nil {
		return err
	}
	return p.thread(w, r, post)
}

// thread shows a post with what it answers above and its answers below.
func (p *Pages) thread(w http.ResponseWriter, r *http.Request, post *storage.Post) error {
	ctx := r.Context()
	viewer := auth.Viewer(ctx)
	subject := post
	if post.ShareOfID != 0 {
		var err error
		if subject, err = p.DB.VisiblePost(ctx, viewer, post.ShareOfID); errors.Is(err, storage.ErrNotFound) {
			return p.hidden(w, r) // a share of what may not be seen
		} else if err != nil {
			return err
		}
	}
	if viewer != storage.Nobody {
		if err := p.Resolver.OpenThread(ctx, subject); err != nil {
			return err
		}
	}
	before, err := p.DB.Ancestors(ctx, viewer, subject)
	if err != nil {
		return err
	}
	after, err := p.DB.Descendants(ctx, viewer, subject)
	if err != nil {
		return err
	}
	page := view.Post{}
	for _, part := range []struct {
		posts []*storage.Post
		shown *[]view.PostView
	}{{before, &page.Before}, {[]*storage.Post{post}, &page.Here}, {after, &page.After}} {
		if *part.shown, err = p.show(r, part.posts); err != nil {
			return err
		}
	}
	if len(page.Here) == 0 {
		return p.hidden(w, r)
	}
	if page.NotAbove, page.NotBelow, err = p.missing(ctx, viewer, slices.Concat(before, []*storage.Post{subject}, after)); err != nil {
		return err
	}
	page.Compose = p.compose(r, &page.Here[0], nil)
	return p.Auth.Show(w, r, http.StatusOK, "post", page)
}

// missing says, each reason once, which parts of a conversation aren't here.
func (p *Pages) missing(ctx context.Context, viewer int64, posts []*storage.Post) (above, below []string, err error) {
	parts, err := p.DB.MissingParts(ctx, viewer, posts)
	for _, part := range parts {
		side, key := &below, "missing.below."
		if part.Above {
			side, key = &above, "missing.above."
		}
		if key += part.Reason; !slices.Contains(*side, key) {
			*side = append(*side, key)
		}
	}
	return above, below, err
}

// postByID leads from a post's number to its page: federation sends browsers here.
func (p *Pages) postByID(w http.ResponseWriter, r *http.Request) error {
	post, author, err := p.visible(r.Context(), storage.ParseID(r.PathValue("id")))
	if errors.Is(err, storage.ErrNotFound) {
		return p.hidden(w, r)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, postPath(author, post), http.StatusSeeOther)
	return nil
}

func (p *Pages) visible(ctx context.Context, id int64) (*storage.Post, *storage.Account, error) {
	post, err := p.DB.VisiblePost(ctx, auth.Viewer(ctx), id)
	if err != nil {
		return nil, nil, err
	}
	author, err := p.DB.AccountByID(ctx, post.AuthorID)
	return post, author, err
}

func postPath(author *storage.Account, post *storage.Post) string {
	return "/@" + author.Acct() + "/" + storage.FormatID(post.ID)
}

func name(a *storage.Account) string {
	if a.DisplayName != "" {
		return a.DisplayName
	}
	return a.Username
}

func (p *Pages) handle(a *storage.Account) string {
	if a.Local() {
		return "@" + a.Username + "@" + p.Domain
	}
	return "@" + a.Acct()
}

// normalTag is how a hashtag is stored.
func normalTag(tag string) string { return strings.ToLower(strings.TrimPrefix(tag, "#")) }
