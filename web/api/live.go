package api

import (
	"context"

	"ruche/storage"
)

// LiveStatus writes a post for somebody's stream as this API would answer them now:
// storage.ErrNotFound where they may not see it. base is the address by which they reach this node.
func (a *API) LiveStatus(ctx context.Context, account int64, base string, post int64) (any, error) {
	s, err := reader{a, account, base}.statusByID(ctx, post)
	if err != nil {
		return nil, err // not a nil *Status in an interface
	}
	return s, nil
}

// LiveConversation writes somebody's conversation that holds a direct post, for their stream.
func (a *API) LiveConversation(ctx context.Context, account int64, base string, post int64) (any, error) {
	c, err := a.DB.ConversationOf(ctx, account, post)
	if err != nil {
		return nil, err
	}
	out, err := reader{a, account, base}.conversations(ctx, []*storage.Conversation{c})
	if err != nil {
		return nil, err
	}
	if out[0].LastStatus == nil {
		return nil, storage.ErrNotFound
	}
	return out[0], nil
}

// LiveNotification writes one of somebody's notifications for their stream.
func (a *API) LiveNotification(ctx context.Context, account int64, base string, id int64) (any, error) {
	n, err := a.DB.NotificationByID(ctx, account, id)
	if err != nil {
		return nil, err
	}
	out, err := reader{a, account, base}.notifications(ctx, []*storage.Notification{n})
	if err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, storage.ErrNotFound
	}
	return out[0], nil
}

// LiveAnnouncement writes an announcement for somebody's stream.
func (a *API) LiveAnnouncement(ctx context.Context, account int64, _ string, id int64) (any, error) {
	one, err := a.DB.AnnouncementByID(ctx, account, id)
	if err != nil {
		return nil, err
	}
	return announcement(one), nil
}

// LiveReaction tells how many reacted to an announcement with one emoji.
func (a *API) LiveReaction(ctx context.Context, announcement int64, name string) (any, error) {
	one, err := a.DB.AnnouncementByID(ctx, storage.Nobody, announcement)
	if err != nil {
		return nil, err
	}
	count := 0
	for _, r := range one.Reactions {
		if r.Name == name {
			count = r.Count
		}
	}
	return map[string]any{"name": name, "count": count, "announcement_id": id(announcement)}, nil
}
