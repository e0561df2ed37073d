package api

import (
	"context"
	"net/http"

	"ruche/storage"
	"ruche/web/auth"
)

// NotificationPolicy says what happens with notifications from people whom somebody doesn't know.
type NotificationPolicy struct {
	ForNotFollowing    string        `json:"for_not_following"`
	ForNotFollowers    string        `json:"for_not_followers"`
	ForNewAccounts     string        `json:"for_new_accounts"`
	ForPrivateMentions string        `json:"for_private_mentions"`
	ForLimitedAccounts string        `json:"for_limited_accounts"`
	Summary            PolicySummary `json:"summary"`
}

// PolicySummary is how much waits.
type PolicySummary struct {
	PendingRequests      int `json:"pending_requests_count"`
	PendingNotifications int `json:"pending_notifications_count"`
}

// showPolicy is GET /api/v2/notifications/policy.
func (a *API) showPolicy(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	p, err := a.DB.NotificationPolicyOf(ctx, auth.Viewer(ctx))
	if err != nil {
		return err
	}
	e := NotificationPolicy{ForNotFollowing: p.NotFollowing, ForNotFollowers: p.NotFollowers, ForNewAccounts: p.NewAccounts, ForPrivateMentions: p.PrivateMentions, ForLimitedAccounts: p.LimitedAccounts}
	if e.Summary.PendingRequests, e.Summary.PendingNotifications, err = a.DB.CountHeld(ctx, p.AccountID); err != nil {
		return err
	}
	return auth.JSON(w, e)
}

// savePolicy is PATCH /api/v2/notifications/policy.
func (a *API) savePolicy(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	p, err := a.DB.NotificationPolicyOf(ctx, auth.Viewer(ctx))
	if err != nil {
		return err
	}
	for key, field := range map[string]*string{
		"for_not_following": &p.NotFollowing, "for_not_followers": &p.NotFollowers, "for_new_accounts": &p.NewAccounts,
		"for_private_mentions": &p.PrivateMentions, "for_limited_accounts": &p.LimitedAccounts,
	} {
		switch said := v.Str(key); said {
		case "":
		case storage.PolicyAccept, storage.PolicyHold, storage.PolicyDrop:
			*field = said
		default:
			return auth.Invalid("%s must be accept, filter or drop", key)
		}
	}
	if err := a.DB.Update(ctx, func(tx *storage.Tx) error { return tx.SaveNotificationPolicy(ctx, p) }); err != nil {
		return err
	}
	return a.showPolicy(w, r)
}

// NotificationRequest is that somebody's notifications wait.
type NotificationRequest struct {
	ID         string   `json:"id"`
	CreatedAt  string   `json:"created_at"`
	UpdatedAt  string   `json:"updated_at"`
	Count      string   `json:"notifications_count"`
	Account    *Account `json:"account"`
	LastStatus *Status  `json:"last_status"`
}

func (rd reader) requests(ctx context.Context, list []*storage.NotificationRequest) ([]NotificationRequest, error) {
	senders := make([]int64, len(list))
	for i, r := range list {
		senders[i] = r.FromID
	}
	waiting, err := rd.DB.HeldFrom(ctx, rd.me, senders)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, w := range waiting {
		ids = append(ids, w.LastPost)
	}
	byID, err := rd.DB.VisiblePosts(ctx, rd.me, ids)
	if err != nil {
		return nil, err
	}
	var posts []*storage.Post
	for _, p := range byID {
		posts = append(posts, p)
	}
	statuses, err := rd.statuses(ctx, posts)
	if err != nil {
		return nil, err
	}
	people, err := rd.peopleByID(ctx, senders)
	if err != nil {
		return nil, err
	}
	out := make([]NotificationRequest, 0, len(list))
	for _, r := range list {
		held := waiting[r.FromID]
		e := NotificationRequest{ID: id(r.ID), CreatedAt: stamp(r.CreatedAt), UpdatedAt: stamp(r.CreatedAt), Count: id(int64(held.Count)), Account: people.entity(r.FromID)}
		if held.Count > 0 {
			e.UpdatedAt = stamp(held.LastAt)
		}
		for _, s := range statuses {
			if s.ID == id(held.LastPost) {
				e.LastStatus = s
			}
		}
		if e.Account != nil {
			out = append(out, e)
		}
	}
	return out, nil
}

// notificationRequests is GET /api/v1/notifications/requests.
func (a *API) notificationRequests(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	page := readPage(v, defaultAccounts, maxAccounts)
	if err := v.Err(); err != nil {
		return err
	}
	list, err := a.DB.NotificationRequests(ctx, auth.Viewer(ctx), page)
	if err != nil {
		return err
	}
	out, err := a.reader(r).requests(ctx, list)
	if err != nil {
		return err
	}
	if n := len(list); n > 0 {
		a.link(w, r, page, list[0].ID, list[n-1].ID, n)
	}
	return auth.JSON(w, out)
}

// showRequest is GET /api/v1/notifications/requests/:id.
func (a *API) showRequest(w http.ResponseWriter, r *http.Request) error {
	list, err := a.DB.NotificationRequestsByID(r.Context(), auth.Viewer(r.Context()), []int64{pathID(r)})
	if err != nil {
		return err
	}
	out, err := a.reader(r).requests(r.Context(), list)
	if err != nil {
		return err
	}
	if len(out) == 0 {
		return auth.NotFound()
	}
	return auth.JSON(w, out[0])
}

// answerRequests carries out an act on the request of a route's {id}, or on those that the body
// names.
func (a *API) answerRequests(act func(tx *storage.Tx, ctx context.Context, r *storage.NotificationRequest) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		ctx := r.Context()
		ids := []int64{pathID(r)}
		if r.PathValue("id") == "" {
			v, err := auth.Params(r)
			if err != nil {
				return err
			}
			ids = v.IDs("id")
			if err := v.Err(); err != nil {
				return err
			}
		}
		list, err := a.DB.NotificationRequestsByID(ctx, auth.Viewer(ctx), ids)
		if err != nil {
			return err
		}
		if len(list) < len(ids) {
			return auth.NotFound()
		}
		err = a.DB.Update(ctx, func(tx *storage.Tx) error {
			for _, one := range list {
				if err := act(tx, ctx, one); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		return empty(w)
	}
}

// requestsMerged is GET /api/v1/notifications/requests/merged: what is accepted shows at once.
func (a *API) requestsMerged(w http.ResponseWriter, _ *http.Request) error {
	return auth.JSON(w, map[string]bool{"merged": true})
}
