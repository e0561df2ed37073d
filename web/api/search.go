package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

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

// findPosts finds the post that an address means, or posts by their words.
func (a *API) findPosts(ctx context.Context, v *auth.Values, q accountQuery) ([]*storage.Post, error) {
	me := auth.Viewer(ctx)
	if isAddress(q.text) {
		found, err := a.postByAddress(ctx, q.text, q.resolve && me != storage.Nobody)
		if err != nil || found == nil || q.offset > 0 {
			return nil, err
		}
		return []*storage.Post{found}, nil
	}
	if me == storage.Nobody {
		return nil, nil
	}
	what, err := a.readSearch(ctx, q.text)
	if err != nil {
		return nil, err
	}
	what.Page = storage.Page{MaxID: storage.ParseID(v.Str("max_id")), MinID: storage.ParseID(v.Str("min_id")), Limit: q.limit}
	what.Offset = q.offset
	if author := v.Int("account_id", 0); author != 0 {
		what.From = author
	}
	return a.DB.SearchPosts(ctx, me, what)
}

// readSearch takes apart what somebody typed: words, "phrases", -words, and the operators from:,
// language:, has:media, is:reply, before:, after: and during:. An author whom nobody knows finds nothing.
func (a *API) readSearch(ctx context.Context, text string) (storage.Search, error) {
	var s storage.Search
	for part := range searchParts(text) {
		negative := strings.HasPrefix(part, "-")
		bare := strings.TrimPrefix(part, "-")
		name, value, operator := strings.Cut(bare, ":")
		yes := !negative
		day, dayErr := time.Parse(time.DateOnly, value)
		switch {
		case strings.HasPrefix(bare, `"`) && !negative:
			s.Phrases = append(s.Phrases, strings.Trim(bare, `"`))
		case operator && name == "from" && value == "me":
			s.From = auth.Viewer(ctx)
		case operator && name == "from":
			of, err := a.accountByAcct(ctx, value)
			if err != nil && !isAbsent(err) {
				return s, err
			}
			if s.From = -1; err == nil {
				s.From = of.ID
			}
		case operator && name == "language":
			s.Language = strings.ToLower(value)
		case operator && name == "has" && (value == "media" || value == "image"):
			s.Media = &yes
		case operator && name == "is" && value == "reply":
			s.Replies = &yes
		case operator && name == "before" && dayErr == nil:
			s.Before = day
		case operator && name == "after" && dayErr == nil:
			s.After = day.AddDate(0, 0, 1)
		case operator && name == "during" && dayErr == nil:
			s.After, s.Before = day, day.AddDate(0, 0, 1)
		case operator && name == "in": // library, public, all: whatever the reader may see is searched
		case negative:
			s.Without = append(s.Without, strings.Trim(bare, `"`))
		default:
			s.Words = append(s.Words, bare)
		}
	}
	return s, nil
}

// maxSearchParts bounds what one search asks for.
const maxSearchParts = 20

// searchParts gives the words of a search; what stands between quotation marks is one.
func searchParts(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for range maxSearchParts {
			text = strings.TrimSpace(text)
			if text == "" {
				return
			}
			end := strings.IndexFunc(text, unicode.IsSpace)
			if open := strings.IndexByte(text, '"'); open == 0 || open == 1 && text[0] == '-' {
				if closing := strings.IndexByte(text[open+1:], '"'); closing >= 0 {
					end = open + 1 + closing + 1
				}
			}
			if end < 0 {
				end = len(text)
			}
			if !yield(text[:end]) {
				return
			}
			text = text[end:]
		}
	}
}

// search is GET /api/v2/search.
func (a *API) search(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	kind := v.Str("type")
	if !slices.Contains([]string{"", "accounts", "hashtags", "statuses"}, kind) {
		return auth.Invalid("type must be accounts, hashtags or statuses")
	}
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
	if (kind == "" || kind == "statuses") && len(out.Accounts) == 0 || kind == "" && !isAddress(q.text) {
		found, err := a.findPosts(ctx, v, q)
		if err != nil {
			return err
		}
		if out.Statuses, err = rd.statuses(ctx, found); err != nil {
			return err
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
