package stream

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// thumpEvery is how often a silent stream of server-sent events is given a comment, so that
// proxies keep it open and a reader that has gone is noticed.
const thumpEvery = 15 * time.Second

// events answers one stream as server-sent events. name turns the request into the stream's name.
func (s *Server) events(name func(r *http.Request) string) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		c, err := s.open(r)
		if err != nil {
			return err
		}
		defer c.close()
		q := r.URL.Query()
		if err := c.subscribe(r.Context(), name(r), q.Get("tag"), q.Get("list")); err != nil {
			return err
		}
		h := w.Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("Cache-Control", "private, no-store")
		h.Set("X-Accel-Buffering", "no") // nginx would wait for a page of events
		control := http.NewResponseController(w)
		send := func(text string) error {
			// The server's limit is for answers that end; each write here has its own.
			if err := control.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
				return err
			}
			if _, err := io.WriteString(w, text); err != nil {
				return err
			}
			return control.Flush()
		}
		if err := send(":)\n"); err != nil {
			return nil // gone already
		}
		thump := time.NewTicker(thumpEvery)
		defer thump.Stop()
		for {
			select {
			case <-c.ctx.Done():
				return nil
			case <-r.Context().Done():
				return nil
			case <-thump.C:
				if send(":thump\n") != nil {
					return nil
				}
			case n := <-c.queue:
				messages, err := c.messages(n)
				if err != nil {
					return err
				}
				for _, m := range messages {
					if c.ctx.Err() != nil || send(fmt.Sprintf("event: %s\ndata: %s\n\n", m.Event, m.Payload)) != nil {
						return nil
					}
				}
			}
		}
	}
}

func fixed(name string) func(*http.Request) string { return func(*http.Request) string { return name } }

// withMedia is the name of a public stream, narrowed to posts with files where only_media asks for it.
func withMedia(name string) func(*http.Request) string {
	return func(r *http.Request) string {
		if v := strings.ToLower(r.URL.Query().Get("only_media")); v == "true" || v == "1" {
			return name + ":media"
		}
		return name
	}
}
