package pages

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"ruche/storage"
	"ruche/web/auth"
	"ruche/web/view"
)

// peoplePerPage is how many people a search or the directory shows.
const peoplePerPage = 40

// people is GET /people: the directory of this node, or who fits what was typed. A whole handle is
// looked up at its entity.
func (p *Pages) people(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	query := strings.TrimSpace(r.URL.Query().Get("q"))
	found, err := p.find(ctx, query)
	if err != nil {
		return err
	}
	cards, err := p.cards(r, found)
	if err != nil {
		return err
	}
	return p.Auth.Show(w, r, http.StatusOK, "people", view.People{Query: query, People: cards})
}

func (p *Pages) find(ctx context.Context, query string) ([]*storage.Account, error) {
	if query == "" {
		return p.DB.Directory(ctx, peoplePerPage)
	}
	name, domain, whole := strings.Cut(strings.TrimPrefix(query, "@"), "@")
	if whole && name != "" && domain != "" && !strings.ContainsAny(domain, " /") {
		// Why an entity can't be asked is said by the empty list: it isn't linked, or nobody has that name.
		if a, err := p.Resolver.Account(ctx, name, domain); err == nil && a.Active() && a.Kind != storage.Application {
			return []*storage.Account{a}, nil
		}
	}
	if len(query) > 200 {
		query = query[:200]
	}
	return p.DB.SearchAccounts(ctx, query, peoplePerPage, 0)
}

// cards describes people, and how the reader stands to each.
func (p *Pages) cards(r *http.Request, people []*storage.Account) ([]view.PersonCard, error) {
	ctx := r.Context()
	byID := map[int64]*storage.Account{}
	var ids []int64
	for _, a := range people {
		byID[a.ID], ids = a, append(ids, a.ID)
	}
	avatars, err := p.avatars(ctx, byID)
	if err != nil {
		return nil, err
	}
	viewer := auth.Viewer(ctx)
	relations, err := p.DB.Relations(ctx, viewer, ids)
	if err != nil {
		return nil, err
	}
	csrf := csrfOf(r)
	cards := make([]view.PersonCard, len(people))
	for i, a := range people {
		cards[i] = view.PersonCard{
			ID: storage.FormatID(a.ID), Name: name(a), Handle: p.handle(a), Profile: "/@" + a.Acct(), Avatar: avatars[a.ID], Department: a.Department, Official: a.Official,
			Me: a.ID == viewer, Following: relations[i].Following, Requested: relations[i].Requested, FollowsMe: relations[i].FollowedBy, AsksMe: relations[i].RequestedBy,
			CSRF: csrf, Return: localPath(r),
		}
	}
	return cards, nil
}

func csrfOf(r *http.Request) string {
	if s := auth.Session(r.Context()); s != nil {
		return s.CSRF
	}
	return ""
}

// linkOf is where a notification leads that is about no post.
func linkOf(n *storage.Notification) string {
	switch _, strike, report := n.About(); {
	case strike != 0:
		return "/auth/warnings"
	case report != 0:
		return "/admin/reports/" + storage.FormatID(report)
	}
	return ""
}

// notifications is GET /notifications: who did something that concerns the reader, and who asks to
// follow.
func (p *Pages) notifications(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	me := auth.Account(ctx)
	rows, err := p.DB.Notifications(ctx, me.ID, storage.Told{}, storage.Page{Limit: peoplePerPage, MaxID: storage.ParseID(r.URL.Query().Get("max_id"))})
	if err != nil {
		return err
	}
	var people, posts []int64
	for _, n := range rows {
		people = append(people, n.FromID)
		if post, _, _ := n.About(); post != 0 {
			posts = append(posts, post)
		}
	}
	accounts, err := p.DB.AccountsByID(ctx, people)
	if err != nil {
		return err
	}
	visible, err := p.DB.VisiblePosts(ctx, me.ID, posts)
	if err != nil {
		return err
	}
	cards, err := p.cards(r, slices.Collect(maps.Values(accounts)))
	if err != nil {
		return err
	}
	shown, err := p.show(r, slices.Collect(maps.Values(visible)))
	if err != nil {
		return err
	}
	cardOf, postOf := map[string]view.PersonCard{}, map[string]*view.PostView{}
	for _, c := range cards {
		cardOf[c.ID] = c
	}
	for i := range shown {
		postOf[shown[i].ID] = &shown[i]
	}
	page := view.Notifications{}
	for _, n := range rows {
		if card, known := cardOf[storage.FormatID(n.FromID)]; known {
			page.Lines = append(page.Lines, view.NotificationLine{Key: "notice." + n.Kind, From: card, At: n.CreatedAt, Post: postOf[storage.FormatID(n.PostID)], Link: linkOf(n)})
		}
	}
	if len(rows) == peoplePerPage {
		page.Older = "/notifications?max_id=" + storage.FormatID(rows[len(rows)-1].ID)
	}
	return p.Auth.Show(w, r, http.StatusOK, "notifications", page)
}
