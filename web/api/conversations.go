package api

import (
	"context"
	"net/http"

	"ruche/storage"
	"ruche/web/auth"
)

// Conversation is a thread of direct posts, as apps read it.
type Conversation struct {
	ID         string     `json:"id"`
	Unread     bool       `json:"unread"`
	Accounts   []*Account `json:"accounts"`
	LastStatus *Status    `json:"last_status"`
}

// conversations writes conversations with their last post and who takes part besides the reader.
func (rd reader) conversations(ctx context.Context, list []*storage.Conversation) ([]Conversation, error) {
	ids := make([]int64, len(list))
	for i, c := range list {
		ids[i] = c.LastPostID
	}
	byID, err := rd.DB.VisiblePosts(ctx, rd.me, ids)
	if err != nil {
		return nil, err
	}
	posts := make([]*storage.Post, 0, len(byID))
	for _, p := range byID {
		posts = append(posts, p)
	}
	g, err := rd.gather(ctx, posts)
	if err != nil {
		return nil, err
	}
	out := make([]Conversation, 0, len(list))
	for _, c := range list {
		e := Conversation{ID: id(c.ID), Unread: c.Unread, Accounts: []*Account{}}
		if p := byID[c.LastPostID]; p != nil {
			e.LastStatus = g.status(p)
			for _, account := range append([]int64{p.AuthorID}, g.mentions[p.ID]...) {
				if a := g.people.entity(account); a != nil && account != rd.me {
					e.Accounts = append(e.Accounts, a)
				}
			}
		}
		out = append(out, e)
	}
	return out, nil
}

// listConversations is GET /api/v1/conversations.
func (a *API) listConversations(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	page := readPage(v, defaultPosts, maxPosts)
	if err := v.Err(); err != nil {
		return err
	}
	list, err := a.DB.Conversations(ctx, auth.Viewer(ctx), page)
	if err != nil {
		return err
	}
	out, err := a.reader(r).conversations(ctx, list)
	if err != nil {
		return err
	}
	if n := len(list); n > 0 {
		a.link(w, r, page, list[0].LastPostID, list[n-1].LastPostID, n)
	}
	return auth.JSON(w, out)
}

func (a *API) ownConversation(r *http.Request) (*storage.Conversation, error) {
	return a.DB.ConversationByID(r.Context(), auth.Viewer(r.Context()), pathID(r))
}

// readConversation is POST /api/v1/conversations/:id/read.
func (a *API) readConversation(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	c, err := a.ownConversation(r)
	if err != nil {
		return err
	}
	if err := a.DB.Update(ctx, func(tx *storage.Tx) error { return tx.ReadConversation(ctx, c.ID) }); err != nil {
		return err
	}
	c.Unread = false
	out, err := a.reader(r).conversations(ctx, []*storage.Conversation{c})
	if err != nil {
		return err
	}
	return auth.JSON(w, out[0])
}

// deleteConversation is DELETE /api/v1/conversations/:id.
func (a *API) deleteConversation(w http.ResponseWriter, r *http.Request) error {
	c, err := a.ownConversation(r)
	if err != nil {
		return err
	}
	if err := a.DB.Update(r.Context(), func(tx *storage.Tx) error { return tx.ForgetConversation(r.Context(), c.ID) }); err != nil {
		return err
	}
	return empty(w)
}

// directTimeline is GET /api/v1/timelines/direct.
func (a *API) directTimeline(w http.ResponseWriter, r *http.Request) error {
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	return a.answerPosts(w, r, v, a.DB.DirectTimeline)
}
