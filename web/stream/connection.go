package stream

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"

	"ruche/storage"
	"ruche/web/auth"
)

// queueLength is how many events a reader may be behind before the connection is dropped.
const queueLength = 256

// news is an event on its way to one connection, with what everybody may know of it.
type news struct {
	kind         storage.EventKind
	post         int64
	notification int64
	announcement int64
	name         string

	public bool // a public post, and no share
	front  bool // and no answer to others: the public timeline has it
	local  bool
	media  bool
	tags   []string
	atHome bool // of this connection's person
}

// A connection is one open stream, or several on one websocket.
type connection struct {
	server  *Server
	account int64
	token   int64
	scopes  string
	base    string
	ctx     context.Context
	cancel  context.CancelFunc
	queue   chan news

	mu       sync.Mutex
	channels []channel
}

// A message is what a reader is sent.
type message struct {
	Stream  []string `json:"stream"`
	Event   string   `json:"event"`
	Payload string   `json:"payload,omitempty"`
}

// open registers a connection of who acts in the request. Its context ends when the token or the
// server does.
func (s *Server) open(r *http.Request) (*connection, error) {
	token := auth.Token(r.Context())
	ctx, cancel := context.WithCancel(s.ctx)
	c := &connection{
		server: s, account: auth.Account(r.Context()).ID, token: token.ID, scopes: token.Scopes, base: s.Auth.BaseURL(r),
		ctx: ctx, cancel: cancel, queue: make(chan news, queueLength),
	}
	if !s.admit(c) {
		return nil, auth.Fail(http.StatusServiceUnavailable, "This node is stopping")
	}
	// The token may have been revoked between the look at it and the line above.
	alive, err := s.DB.TokenLives(r.Context(), token.ID)
	if err == nil && !alive {
		err = auth.Fail(http.StatusUnauthorized, "The access token is invalid")
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// admit notes a connection, unless the server has ended.
func (s *Server) admit(c *connection) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return false
	}
	s.readers[c] = true
	s.work.Add(1)
	return true
}

func (c *connection) close() {
	c.cancel()
	c.server.mu.Lock()
	delete(c.server.readers, c)
	c.server.mu.Unlock()
	c.server.work.Done()
}

// put queues news that may concern one of the channels; who is too far behind is disconnected.
func (c *connection) put(n news) {
	for _, ch := range c.subscribed() {
		if !ch.may(n) {
			continue
		}
		select {
		case c.queue <- n:
		default:
			c.cancel()
		}
		return
	}
}

// messages writes what news means for this reader now: nothing where they may not see it, or don't
// want to.
func (c *connection) messages(n news) ([]message, error) {
	var out []message
	for _, ch := range c.subscribed() {
		if !ch.may(n) || n.kind == storage.Notified && !auth.Covers(c.scopes, "read:notifications") {
			continue
		}
		if n.kind == storage.PostCreated || n.kind == storage.PostEdited {
			shown, err := c.shows(ch, n)
			if err != nil {
				return nil, err
			}
			if !shown {
				continue
			}
		}
		out = append(out, message{Stream: ch.label()})
	}
	if len(out) == 0 {
		return nil, nil
	}
	event, payload, err := c.payload(n)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	for i := range out {
		out[i].Event, out[i].Payload = event, payload
	}
	return out, err
}

func (c *connection) payload(n news) (event, payload string, err error) {
	s := c.server
	var entity any
	switch n.kind {
	case storage.PostDeleted:
		return "delete", storage.FormatID(n.post), nil
	case storage.FiltersChanged:
		return "filters_changed", "", nil
	case storage.AnnouncementRemoved:
		return "announcement.delete", storage.FormatID(n.announcement), nil
	case storage.Announced:
		event = "announcement"
		entity, err = s.Announcement(c.ctx, c.account, c.base, n.announcement)
	case storage.AnnouncementReacted:
		event = "announcement.reaction"
		entity, err = s.Reaction(c.ctx, n.announcement, n.name)
	case storage.NotificationsMerged:
		return "notifications_merged", "1", nil
	case storage.Notified:
		event = "notification"
		entity, err = s.Notification(c.ctx, c.account, c.base, n.notification)
	case storage.Conversed:
		event = "conversation"
		entity, err = s.Conversation(c.ctx, c.account, c.base, n.post)
	case storage.PostEdited:
		event = "status.update"
		entity, err = s.Status(c.ctx, c.account, c.base, n.post)
	default:
		event = "update"
		entity, err = s.Status(c.ctx, c.account, c.base, n.post)
	}
	if err != nil {
		return "", "", err
	}
	body, err := json.Marshal(entity)
	return event, string(body), err
}
