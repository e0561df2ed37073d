package api

import (
	"context"

	"ruche/storage"
)

// Notification tells somebody what concerns them, as apps read it.
type Notification struct {
	ID        string   `json:"id"`
	Type      string   `json:"type"`
	GroupKey  string   `json:"group_key"`
	CreatedAt string   `json:"created_at"`
	Account   *Account `json:"account"`
	Status    *Status  `json:"status,omitempty"`
}

// kindsOut are our kinds of notification in the apps' words.
var kindsOut = map[string]string{
	storage.NotifyMention: "mention", storage.NotifyShare: "reblog", storage.NotifyLike: "favourite",
	storage.NotifyFollow: "follow", storage.NotifyFollowRequest: "follow_request", storage.NotifyPost: "status", storage.NotifyEdit: "update",
	storage.NotifyPoll: "poll", storage.NotifyQuote: "quote",
}

// kindsIn translates kinds that an app names; those that this node doesn't know are dropped.
func kindsIn(names []string) []string {
	var out []string
	for ours, theirs := range kindsOut {
		for _, name := range names {
			if name == theirs {
				out = append(out, ours)
			}
		}
	}
	return out
}

// notifications writes what the reader is told. One whose sender or post can't be shown any more
// is left out.
func (rd reader) notifications(ctx context.Context, list []*storage.Notification) ([]*Notification, error) {
	var ids, senders []int64
	for _, n := range list {
		senders = append(senders, n.FromID)
		if n.PostID != 0 {
			ids = append(ids, n.PostID)
		}
	}
	byID, err := rd.DB.VisiblePosts(ctx, rd.me, ids)
	if err != nil {
		return nil, err
	}
	posts := make([]*storage.Post, 0, len(byID))
	for _, p := range byID {
		posts = append(posts, p)
	}
	statuses, err := rd.statuses(ctx, posts)
	if err != nil {
		return nil, err
	}
	shown := make(map[string]*Status, len(statuses))
	for _, s := range statuses {
		shown[s.ID] = s
	}
	people, err := rd.peopleByID(ctx, senders)
	if err != nil {
		return nil, err
	}
	out := make([]*Notification, 0, len(list))
	for _, n := range list {
		e := &Notification{ID: id(n.ID), Type: kindsOut[n.Kind], GroupKey: groupKey(n, groupable), CreatedAt: stamp(n.CreatedAt), Account: people.entity(n.FromID)}
		if n.PostID != 0 {
			if e.Status = shown[id(n.PostID)]; e.Status == nil {
				continue
			}
		}
		if e.Account != nil && e.Type != "" {
			out = append(out, e)
		}
	}
	return out, nil
}
