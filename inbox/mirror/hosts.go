package mirror

import (
	"fmt"
	"sync"
	"time"
)

// What is asked of one peer.
const (
	atOnce    = 4
	perMinute = 300
	quietFor  = time.Minute      // after it didn't answer
	waitFor   = 10 * time.Second // for others' fetches to end
)

// hosts keep what is asked of each peer within bounds. Only peers have a place here, and only while something was asked of them
// lately.
type hosts struct {
	mu sync.Mutex
	of map[string]*host
}

type host struct {
	slots  chan struct{}
	users  int
	quiet  time.Time
	minute time.Time
	asked  int
}

// enter waits for a place among what is asked of a peer; leave gives it back.
func (h *hosts) enter(name string, now time.Time) (leave func(), err error) {
	one, err := h.count(name, now)
	if err != nil {
		return nil, err
	}
	wait := time.NewTimer(waitFor)
	defer wait.Stop()
	select {
	case one.slots <- struct{}{}:
	case <-wait.C:
		h.drop(one)
		return nil, fmt.Errorf("%s has too much to do: %w", name, ErrBusy)
	}
	return func() {
		<-one.slots
		h.drop(one)
	}, nil
}

func (h *hosts) count(name string, now time.Time) (*host, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forget(now)
	one := h.get(name)
	if one.quiet.After(now) {
		return nil, fmt.Errorf("%s didn't answer lately: %w", name, ErrBusy)
	}
	if minute := now.Truncate(time.Minute); !minute.Equal(one.minute) {
		one.minute, one.asked = minute, 0
	}
	if one.asked >= perMinute {
		return nil, fmt.Errorf("%s was asked enough in this minute: %w", name, ErrBusy)
	}
	one.asked++
	one.users++
	return one, nil
}

func (h *hosts) get(name string) *host {
	if h.of == nil {
		h.of = map[string]*host{}
	}
	one := h.of[name]
	if one == nil {
		one = &host{slots: make(chan struct{}, atOnce)}
		h.of[name] = one
	}
	return one
}

// forget drops those of whom there is nothing to remember.
func (h *hosts) forget(now time.Time) {
	for name, one := range h.of {
		if one.users == 0 && !one.quiet.After(now) && now.Sub(one.minute) >= time.Minute {
			delete(h.of, name)
		}
	}
}

func (h *hosts) drop(one *host) {
	h.mu.Lock()
	defer h.mu.Unlock()
	one.users--
}

// quiet lets a peer be until a time.
func (h *hosts) quiet(name string, until time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if one := h.get(name); one.quiet.Before(until) {
		one.quiet = until
	}
}
