package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"ruche/storage"
	"ruche/web/auth"
)

// maxRelationships is how many accounts one request can name.
const maxRelationships = 100

// somebody finds the account of a route's {id}. Nodes are nobody, and who deleted their account
// is gone.
func (a *API) somebody(r *http.Request) (*storage.Account, error) {
	of, err := a.DB.AccountByID(r.Context(), pathID(r))
	if err != nil {
		return nil, err
	}
	return of, a.known(r.Context(), of)
}

// known refuses accounts that nobody is shown.
func (a *API) known(ctx context.Context, of *storage.Account) error {
	if of.Kind == storage.Application || !of.DeletedAt.IsZero() {
		return auth.NotFound()
	}
	if of.Local() {
		return nil
	}
	peer, err := a.DB.PeerByHost(ctx, of.Peer)
	if err == nil && peer.Active() {
		return nil
	}
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	return auth.NotFound()
}

// showAccount is GET /api/v1/accounts/:id.
func (a *API) showAccount(w http.ResponseWriter, r *http.Request) error {
	of, err := a.somebody(r)
	if err != nil {
		return err
	}
	return a.answerAccount(w, r, of)
}

func (a *API) answerAccount(w http.ResponseWriter, r *http.Request, of *storage.Account) error {
	e, err := a.reader(r).account(r.Context(), of)
	if err != nil {
		return err
	}
	return auth.JSON(w, e)
}

// listAccounts is GET /api/v1/accounts?id[]=….
func (a *API) listAccounts(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	ids := v.IDs("id")
	if err := v.Err(); err != nil {
		return err
	}
	if len(ids) > maxRelationships {
		return auth.Invalid("id names more than %d accounts", maxRelationships)
	}
	byID, err := a.DB.AccountsByID(ctx, ids)
	if err != nil {
		return err
	}
	var list []*storage.Account
	for _, id := range ids {
		if of := byID[id]; of != nil && a.known(ctx, of) == nil {
			list = append(list, of)
			delete(byID, id)
		}
	}
	out, err := a.reader(r).accounts(ctx, list)
	if err != nil {
		return err
	}
	return auth.JSON(w, out)
}

// lookupAccount is GET /api/v1/accounts/lookup?acct=…: only what is known here already.
func (a *API) lookupAccount(w http.ResponseWriter, r *http.Request) error {
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	of, err := a.accountByAcct(r.Context(), v.Str("acct"))
	if err != nil {
		return err
	}
	return a.answerAccount(w, r, of)
}

// accountByAcct finds user or user@domain; our own domain is no other.
func (a *API) accountByAcct(ctx context.Context, acct string) (*storage.Account, error) {
	username, domain, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(acct), "@"), "@")
	if strings.EqualFold(domain, a.Domain) || strings.EqualFold(domain, a.Resolver.Host) {
		domain = ""
	}
	of, err := a.DB.AccountByName(ctx, username, domain)
	if err != nil {
		return nil, err
	}
	return of, a.known(ctx, of)
}

// searchAccounts is GET /api/v1/accounts/search.
func (a *API) searchAccounts(w http.ResponseWriter, r *http.Request) error {
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	q := accountQuery{
		text: v.Str("q"), limit: readLimit(v, defaultAccounts, maxAccounts), offset: int(max(0, v.Int("offset", 0))),
		resolve: v.Bool("resolve", false), following: v.Bool("following", false),
	}
	if err := v.Err(); err != nil {
		return err
	}
	found, err := a.findAccounts(r.Context(), q)
	if err != nil {
		return err
	}
	out, err := a.reader(r).accounts(r.Context(), found)
	if err != nil {
		return err
	}
	return auth.JSON(w, out)
}

// answerAccounts reads a page of accounts and writes it with its links.
func (a *API) answerAccounts(w http.ResponseWriter, r *http.Request, list func(ctx context.Context, page storage.Page) ([]*storage.Account, []int64, error)) error {
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	page := readPage(v, defaultAccounts, maxAccounts)
	if err := v.Err(); err != nil {
		return err
	}
	found, cursors, err := list(r.Context(), page)
	if err != nil {
		return err
	}
	out, err := a.reader(r).accounts(r.Context(), found)
	if err != nil {
		return err
	}
	a.linkCursors(w, r, page, cursors)
	return auth.JSON(w, out)
}

// followers is GET /api/v1/accounts/:id/followers, as far as this node knows them.
func (a *API) followers(w http.ResponseWriter, r *http.Request) error {
	return a.answerFollows(w, r, a.DB.Followers)
}

// following is GET /api/v1/accounts/:id/following.
func (a *API) following(w http.ResponseWriter, r *http.Request) error {
	return a.answerFollows(w, r, a.DB.Following)
}

func (a *API) answerFollows(w http.ResponseWriter, r *http.Request, list func(context.Context, int64, storage.Page) ([]*storage.Account, []int64, error)) error {
	of, err := a.somebody(r)
	if err != nil {
		return err
	}
	if !of.Active() || of.HideCollections && of.ID != auth.Viewer(r.Context()) {
		return auth.JSON(w, []*Account{})
	}
	return a.answerAccounts(w, r, func(ctx context.Context, page storage.Page) ([]*storage.Account, []int64, error) {
		return list(ctx, of.ID, page)
	})
}
