package stream

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"sync"

	"ruche/storage"
	"ruche/web/auth"
)

// queueLength is how many events a reader may be behind before the connection is dropped.
const queueLength = 256

// news is an event on its way to one connection.
type news struct {
	kind         storage.EventKind
	post         int64
	notification int64
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

	mu      sync.Mutex
	streams []string // names of what it has subscribed to, each once
}

// A message is what a reader is sent.
type message struct {
	Stream  []string `json:"stream"`
	Event   string   `json:"event"`
	Payload string   `json:"payload,omitempty"`
}

// open registers a connection of who acts in the request. The context that it gets ends when the
// token or the server does.
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

// put queues news; who is too far behind is disconnected.
func (c *connection) put(n news) {
	select {
	case c.queue <- n:
	default:
		c.cancel()
	}
}

// Names of streams, with the scope that each needs.
var streamScopes = map[string]string{"user": "read:statuses", "user:notification": "read:notifications"}

// subscribe adds a stream. The error says why it can't be had.
func (c *connection) subscribe(name string) error {
	scope, known := streamScopes[name]
	if !known {
		return auth.Fail(http.StatusBadRequest, "Unknown stream type")
	}
	if !auth.Covers(c.scopes, scope) {
		return auth.Fail(http.StatusUnauthorized, "Access token does not have the required scopes: "+scope)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Contains(c.streams, name) {
		c.streams = append(c.streams, name)
	}
	return nil
}

func (c *connection) unsubscribe(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.streams = slices.DeleteFunc(c.streams, func(s string) bool { return s == name })
}

// messages writes what news means for this reader now: nothing where they may not see it.
func (c *connection) messages(n news) ([]message, error) {
	c.mu.Lock()
	streams := slices.Clone(c.streams)
	c.mu.Unlock()
	var out []message
	for _, name := range streams {
		if n.kind != storage.Notified && name == "user" {
			out = append(out, message{Stream: []string{name}})
		}
		if n.kind == storage.Notified && (name == "user:notification" || name == "user" && auth.Covers(c.scopes, "read:notifications")) {
			out = append(out, message{Stream: []string{name}})
		}
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
	var entity any
	switch n.kind {
	case storage.PostDeleted:
		return "delete", storage.FormatID(n.post), nil
	case storage.Notified:
		event = "notification"
		entity, err = c.server.Notification(c.ctx, c.account, c.base, n.notification)
	case storage.PostEdited:
		event = "status.update"
		entity, err = c.server.Status(c.ctx, c.account, c.base, n.post)
	default:
		event = "update"
		entity, err = c.server.Status(c.ctx, c.account, c.base, n.post)
	}
	if err != nil {
		return "", "", err
	}
	body, err := json.Marshal(entity)
	return event, string(body), err
}
