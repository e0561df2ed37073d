package api

import (
	"context"
	"net/http"

	"ruche/outbox"
	"ruche/storage"
	"ruche/web/auth"
)

// relationships is GET /api/v1/accounts/relationships.
func (a *API) relationships(w http.ResponseWriter, r *http.Request) error {
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
	known, err := a.DB.AccountsByID(r.Context(), ids)
	if err != nil {
		return err
	}
	var others []int64
	for _, id := range ids {
		if of := known[id]; of != nil {
			others = append(others, id)
			delete(known, id)
		}
	}
	out, err := a.relationsTo(r.Context(), others)
	if err != nil {
		return err
	}
	return auth.JSON(w, out)
}

func (a *API) relationsTo(ctx context.Context, others []int64) ([]Relationship, error) {
	relations, err := a.DB.Relations(ctx, auth.Viewer(ctx), others)
	if err != nil {
		return nil, err
	}
	out := make([]Relationship, 0, len(relations))
	for _, r := range relations {
		out = append(out, relationship(r))
	}
	return out, nil
}

func (a *API) answerRelation(w http.ResponseWriter, r *http.Request, other int64) error {
	out, err := a.relationsTo(r.Context(), []int64{other})
	if err != nil {
		return err
	}
	return auth.JSON(w, out[0])
}

// relate carries out an act towards the account of a route's {id} and answers with the relation.
func (a *API) relate(act func(ctx context.Context, me *storage.Account, other int64) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		other, err := a.somebody(r)
		if err != nil {
			return err
		}
		if err := act(r.Context(), auth.Account(r.Context()), other.ID); err != nil {
			return err
		}
		return a.answerRelation(w, r, other.ID)
	}
}

// follow is POST /api/v1/accounts/:id/follow.
func (a *API) follow(w http.ResponseWriter, r *http.Request) error {
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	options := outbox.FollowOptions{ShowShares: v.OptBool("reblogs"), Notify: v.OptBool("notify")}
	if err := v.Err(); err != nil {
		return err
	}
	return a.relate(func(ctx context.Context, me *storage.Account, other int64) error {
		return a.Outbox.Follow(ctx, me, other, options)
	})(w, r)
}

// followRequests is GET /api/v1/follow_requests.
func (a *API) followRequests(w http.ResponseWriter, r *http.Request) error {
	return a.answerAccounts(w, r, func(ctx context.Context, page storage.Page) ([]*storage.Account, []int64, error) {
		return a.DB.FollowRequests(ctx, auth.Viewer(ctx), page)
	})
}

// FamiliarFollowers are those whom the reader follows and who follow somebody.
type FamiliarFollowers struct {
	ID       string     `json:"id"`
	Accounts []*Account `json:"accounts"`
}

// maxFamiliar is how many accounts one request can ask about, and how many are named of each.
const maxFamiliar = 40

// familiarFollowers is GET /api/v1/accounts/familiar_followers.
func (a *API) familiarFollowers(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	ids := v.IDs("id")
	if err := v.Err(); err != nil {
		return err
	}
	if len(ids) > maxFamiliar {
		return auth.Invalid("id names more than %d accounts", maxFamiliar)
	}
	found, err := a.DB.FamiliarFollowers(ctx, auth.Viewer(ctx), ids, maxFamiliar)
	if err != nil {
		return err
	}
	var all []int64
	for _, followers := range found {
		all = append(all, followers...)
	}
	people, err := a.reader(r).peopleByID(ctx, all)
	if err != nil {
		return err
	}
	out := make([]FamiliarFollowers, 0, len(ids))
	for _, of := range ids {
		e := FamiliarFollowers{ID: id(of), Accounts: []*Account{}}
		for _, f := range found[of] {
			if shown := people.entity(f); shown != nil {
				e.Accounts = append(e.Accounts, shown)
			}
		}
		out = append(out, e)
	}
	return auth.JSON(w, out)
}
