package api

import (
	"context"
	"net/http"

	"ruche/storage"
	"ruche/web/auth"
)

// quotes is GET /api/v1/statuses/:id/quotes.
func (a *API) quotes(w http.ResponseWriter, r *http.Request) error {
	p, err := a.visible(r)
	if err != nil {
		return err
	}
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	return a.answerPosts(w, r, v, func(ctx context.Context, viewer int64, page storage.Page) ([]*storage.Post, error) {
		return a.DB.QuotedIn(ctx, viewer, p.ID, page)
	})
}

// revokeQuote is POST /api/v1/statuses/:id/quotes/:quoting_status_id/revoke. The answer is the post
// that quoted.
func (a *API) revokeQuote(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	p, err := a.own(r)
	if err != nil {
		return err
	}
	quoting, err := a.DB.VisiblePost(ctx, auth.Viewer(ctx), storage.ParseID(r.PathValue("quoting")))
	if err != nil {
		return err
	}
	if err := a.Outbox.RevokeQuote(ctx, auth.Account(ctx), p.ID, quoting.ID); err != nil {
		return err
	}
	return a.answerStatus(w, r, quoting)
}

// setQuotePolicy is PUT /api/v1/statuses/:id/interaction_policy.
func (a *API) setQuotePolicy(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	p, err := a.own(r)
	if err != nil {
		return err
	}
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	if policy := v.Str("quote_approval_policy"); policy != "" {
		if p, err = a.Outbox.SetQuotePolicy(ctx, auth.Account(ctx), p.ID, policy); err != nil {
			return err
		}
	}
	return a.answerStatus(w, r, p)
}
