package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"ruche/federation"
	"ruche/storage"
	"ruche/web/auth"
)

// Search is what was found, as apps read it.
type Search struct {
	Accounts []*Account `json:"accounts"`
	Statuses []*Status  `json:"statuses"`
	Hashtags []Tag      `json:"hashtags"`
}

const defaultResults = 20

// accountQuery is what somebody looks for among people.
type accountQuery struct {
	text          string
	limit, offset int
	resolve       bool // ask a peer about a full address that isn't known here
	following     bool // only whom the reader follows
}

// findAccounts searches people. A full address or the page of a profile is looked up first, at
// its peer too where that was asked for.
func (a *API) findAccounts(ctx context.Context, q accountQuery) ([]*storage.Account, error) {
	text := strings.TrimSpace(q.text)
	found, err := a.DB.SearchAccounts(ctx, text, q.limit, q.offset)
	if err != nil {
		return nil, err
	}
	if q.offset == 0 {
		exact, err := a.exactAccount(ctx, text, q.resolve && auth.Account(ctx) != nil)
		if err != nil {
			return nil, err
		}
		if exact != nil {
			rest := []*storage.Account{exact}
			for _, f := range found {
				if f.ID != exact.ID && len(rest) < q.limit {
					rest = append(rest, f)
				}
			}
			found = rest
		}
	}
	if !q.following {
		return found, nil
	}
	ids := make([]int64, len(found))
	for i, f := range found {
		ids[i] = f.ID
	}
	relations, err := a.DB.Relations(ctx, auth.Viewer(ctx), ids)
	if err != nil {
		return nil, err
	}
	var followed []*storage.Account
	for i, r := range relations {
		if r.Following {
			followed = append(followed, found[i])
		}
	}
	return followed, nil
}

// exactAccount finds whom user@domain or an address means; nobody is no error.
func (a *API) exactAccount(ctx context.Context, text string, resolve bool) (*storage.Account, error) {
	var found *storage.Account
	var err error
	switch {
	case isAddress(text):
		found, err = a.accountByAddress(ctx, text, resolve)
	case strings.Contains(strings.TrimPrefix(text, "@"), "@"):
		if found, err = a.accountByAcct(ctx, text); isAbsent(err) && resolve {
			username, domain, _ := strings.Cut(strings.TrimPrefix(text, "@"), "@")
			found, err = a.Resolver.Account(ctx, username, domain)
		}
	default:
		return nil, nil
	}
	if err == nil && a.known(ctx, found) == nil && found.Active() {
		return found, nil
	}
	return nil, a.unlessAbsent(ctx, err)
}

// unlessAbsent keeps faults of ours. That a peer doesn't know somebody, can't be reached or isn't
// allowed is no fault: nothing was found.
func (a *API) unlessAbsent(ctx context.Context, err error) error {
	if err == nil || isAbsent(err) || errors.Is(err, federation.ErrNotPeer) {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	a.Log.InfoContext(ctx, "nothing was found at a peer", "err", err)
	return nil
}

func isAbsent(err error) bool {
	var e *auth.Error
	return errors.Is(err, storage.ErrNotFound) || errors.As(err, &e) && e.Status == http.StatusNotFound
}

func isAddress(text string) bool {
	return strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "http://")
}

// accountByAddress finds an account by its id or the page of its profile.
func (a *API) accountByAddress(ctx context.Context, address string, resolve bool) (*storage.Account, error) {
	if rest, ours := a.ownPage(address); ours {
		if strings.Contains(rest, "/") {
			return nil, storage.ErrNotFound
		}
		return a.accountByAcct(ctx, rest)
	}
	found, err := a.DB.AccountByURI(ctx, address)
	if isAbsent(err) && resolve {
		found, err = a.Resolver.Actor(ctx, address)
	}
	return found, err
}

// ownPage gives what follows the @ in the address of a page of this node.
func (a *API) ownPage(address string) (rest string, ours bool) {
	return strings.CutPrefix(address, a.PublicURL+"/@")
}

// postByAddress finds a post by its id or page, if the reader may see it; nil where there is none.
func (a *API) postByAddress(ctx context.Context, address string, resolve bool) (*storage.Post, error) {
	var found *storage.Post
	var err error
	if rest, ours := a.ownPage(address); ours {
		_, number, _ := strings.Cut(rest, "/")
		found = &storage.Post{ID: storage.ParseID(number)}
	} else if found, err = a.DB.PostByURI(ctx, address); isAbsent(err) && resolve {
		found, err = a.Resolver.Post(ctx, address)
	}
	if err == nil {
		found, err = a.DB.VisiblePost(ctx, auth.Viewer(ctx), found.ID)
	}
	if err != nil {
		return nil, a.unlessAbsent(ctx, err)
	}
	return found, nil
}

// search is GET /api/v2/search.
func (a *API) search(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	kind := v.Str("type")
	q := accountQuery{text: strings.TrimSpace(v.Str("q")), limit: readLimit(v, defaultResults, maxPosts), offset: int(max(0, v.Int("offset", 0))), resolve: v.Bool("resolve", false), following: v.Bool("following", false)}
	if err := v.Err(); err != nil {
		return err
	}
	out := Search{Accounts: []*Account{}, Statuses: []*Status{}, Hashtags: []Tag{}}
	if q.text == "" {
		return auth.JSON(w, out)
	}
	rd := a.reader(r)
	if kind == "" || kind == "accounts" {
		found, err := a.findAccounts(ctx, q)
		if err != nil {
			return err
		}
		if out.Accounts, err = rd.accounts(ctx, found); err != nil {
			return err
		}
	}
	if (kind == "" || kind == "statuses") && isAddress(q.text) && q.offset == 0 && len(out.Accounts) == 0 {
		found, err := a.postByAddress(ctx, q.text, q.resolve && rd.me != storage.Nobody)
		if err != nil {
			return err
		}
		if found != nil {
			if out.Statuses, err = rd.statuses(ctx, []*storage.Post{found}); err != nil {
				return err
			}
		}
	}
	if (kind == "" || kind == "hashtags") && !isAddress(q.text) {
		found, err := a.DB.SearchHashtags(ctx, rd.me, tagName(q.text), q.limit, q.offset)
		if err != nil {
			return err
		}
		if out.Hashtags, err = rd.tags(ctx, found); err != nil {
			return err
		}
	}
	return auth.JSON(w, out)
}
