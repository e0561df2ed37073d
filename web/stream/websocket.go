package stream

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"

	"ruche/web/auth"
)

// Limits of a websocket: what a reader may send, how long a write may take, and how often one that
// is silent is asked whether it is still there.
const (
	maxRequest = 4 << 10
	writeTime  = 10 * time.Second
	pingEvery  = 30 * time.Second
	closeTime  = time.Second // for a reader to say goodbye too
)

// health is GET /api/v1/streaming/health.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("OK")) // who hung up needs no answer
	return nil
}

// A request is what a reader sends over a websocket.
type request struct {
	Type   string `json:"type"` // subscribe or unsubscribe
	Stream string `json:"stream"`
	Tag    string `json:"tag"`
	List   string `json:"list"`
}

// websocket is GET /api/v1/streaming: any number of streams over one connection.
func (s *Server) websocket(w http.ResponseWriter, r *http.Request) error {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		return auth.Fail(http.StatusUpgradeRequired, "Open a websocket here, or read a stream under /api/v1/streaming/")
	}
	c, err := s.open(r)
	if err != nil {
		return err
	}
	defer c.close()
	if q := r.URL.Query(); q.Get("stream") != "" {
		if err := c.subscribe(r.Context(), q.Get("stream"), q.Get("tag"), q.Get("list")); err != nil {
			return err
		}
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		// Scripts of any site may come: what counts is the token, and cookies count for nothing.
		InsecureSkipVerify: true,
		// Browsers that bring their token as a protocol want to hear it accepted.
		Subprotocols: r.Header.Values("Sec-WebSocket-Protocol"),
	})
	if err != nil {
		return nil // Accept has answered
	}
	defer conn.CloseNow()
	conn.SetReadLimit(maxRequest)
	// Ending this context cuts the connection, so it outlives the stream's by the goodbye.
	reading, cut := context.WithCancel(context.WithoutCancel(c.ctx))
	defer cut()
	s.work.Go(func() { c.listen(reading, conn) })
	if err := c.serve(conn); err != nil && c.ctx.Err() == nil {
		s.Log.DebugContext(c.ctx, "stream ended", "err", err)
	}
	time.AfterFunc(closeTime, cut)
	_ = conn.Close(websocket.StatusGoingAway, "")
	return nil
}

// listen reads what the reader asks for until the connection ends, and ends it then.
func (c *connection) listen(ctx context.Context, conn *websocket.Conn) {
	defer c.cancel()
	for {
		_, body, err := conn.Read(ctx)
		if err != nil {
			return
		}
		var asked request
		if json.Unmarshal(body, &asked) != nil {
			continue // Mastodon ignores what it can't read
		}
		switch asked.Type {
		case "subscribe":
			if err := c.subscribe(ctx, asked.Stream, asked.Tag, asked.List); err != nil {
				status, text := auth.StatusOf(err)
				if c.write(conn, map[string]any{"error": text, "status": status}) != nil {
					return
				}
			}
		case "unsubscribe":
			c.unsubscribe(asked.Stream, asked.Tag, asked.List)
		}
	}
}

// serve writes news as they come.
func (c *connection) serve(conn *websocket.Conn) error {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return nil
		case <-ping.C:
			ctx, cancel := context.WithTimeout(c.ctx, writeTime)
			err := conn.Ping(ctx)
			cancel()
			if err != nil {
				return err
			}
		case n := <-c.queue:
			messages, err := c.messages(n)
			if err != nil {
				return err
			}
			for _, m := range messages {
				if err := c.write(conn, m); err != nil {
					return err
				}
			}
		}
	}
}

func (c *connection) write(conn *websocket.Conn, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.ctx, writeTime)
	defer cancel()
	return conn.Write(ctx, websocket.MessageText, body)
}
