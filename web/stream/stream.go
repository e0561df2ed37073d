// Package stream tells apps at once what happens: a post in somebody's home, a notification, an
// edit, a deletion.
//
// What comes in are the events of storage, which carry ids and no content. One goroutine takes
// them in their order, asks storage whom of those who listen each may concern, and puts it into
// their queues; every connection has a goroutine of its own that asks what its person may see of
// it at that moment, writes that, and waits for the next. What goes out is what the client API
// would have answered the same person.
//
// What must never happen: an event that reaches somebody who may not see it, or whose token has
// been revoked, or a slow reader that holds up a commit or another reader. A reader who falls
// behind is disconnected and catches up by paging.
package stream

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"

	"ruche/storage"
	"ruche/web/auth"
)

// Options are what a Server needs.
type Options struct {
	DB   *storage.DB
	Auth *auth.Server
	// Status and Notification write what an id stands for, as the client API answers the account
	// that reaches this node by the address base, or give storage.ErrNotFound where it may not be
	// seen (any more).
	Status       func(ctx context.Context, account int64, base string, post int64) (any, error)
	Notification func(ctx context.Context, account int64, base string, id int64) (any, error)
	Conversation func(ctx context.Context, account int64, base string, post int64) (any, error)
	Announcement func(ctx context.Context, account int64, base string, id int64) (any, error)
	// Reaction tells how many reacted to an announcement with one emoji.
	Reaction func(ctx context.Context, id int64, name string) (any, error)
	Log      *slog.Logger
}

// Server holds the open streams.
type Server struct {
	Options
	ctx  context.Context
	stop context.CancelFunc
	end  func() // of the subscription

	mu      sync.Mutex
	readers map[*connection]bool
	pending []storage.Event
	wake    chan struct{}
	work    sync.WaitGroup
}

// New makes a Server, which hears storage's events from now on. Close ends it.
func New(opt Options) *Server {
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{Options: opt, ctx: ctx, stop: stop, readers: map[*connection]bool{}, wake: make(chan struct{}, 1)}
	s.end = opt.DB.Subscribe(s.hear)
	s.work.Go(s.dispatch)
	return s
}

// Close ends every stream, and returns when none is left.
func (s *Server) Close() {
	s.end()
	s.mu.Lock()
	s.stop() // under the lock: none opens after it
	s.mu.Unlock()
	s.work.Wait()
}

// Open counts the connections that are open.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.readers)
}

// Routes lists the streams.
func (s *Server) Routes() []auth.Route {
	return []auth.Route{
		{Method: "GET", Path: "/api/v1/streaming/health", Scope: auth.Public, Handler: s.health},
		{Method: "GET", Path: "/api/v1/streaming", Scope: "read:statuses read:notifications", Handler: s.websocket},
		{Method: "GET", Path: "/api/v1/streaming/user", Scope: "read:statuses", Handler: s.events(fixed("user"))},
		{Method: "GET", Path: "/api/v1/streaming/user/notification", Scope: "read:notifications", Handler: s.events(fixed("user:notification"))},
		{Method: "GET", Path: "/api/v1/streaming/public", Scope: "read:statuses", Handler: s.events(withMedia("public"))},
		{Method: "GET", Path: "/api/v1/streaming/public/local", Scope: "read:statuses", Handler: s.events(withMedia("public:local"))},
		{Method: "GET", Path: "/api/v1/streaming/public/remote", Scope: "read:statuses", Handler: s.events(withMedia("public:remote"))},
		{Method: "GET", Path: "/api/v1/streaming/hashtag", Scope: "read:statuses", Handler: s.events(fixed("hashtag"))},
		{Method: "GET", Path: "/api/v1/streaming/hashtag/local", Scope: "read:statuses", Handler: s.events(fixed("hashtag:local"))},
		{Method: "GET", Path: "/api/v1/streaming/list", Scope: "read:statuses", Handler: s.events(fixed("list"))},
		{Method: "GET", Path: "/api/v1/streaming/direct", Scope: "read:statuses", Handler: s.events(fixed("direct"))},
	}
}

// hear takes an event in the way of a commit, so it only notes it. What ends a right is done
// here and not later: nothing that is committed after it may reach the connection.
func (s *Server) hear(e storage.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.readers) == 0 {
		return
	}
	switch e.Kind {
	case storage.TokenRevoked:
		for c := range s.readers {
			if c.token == e.TokenID || e.TokenID == 0 && c.account == e.AccountID {
				c.cancel()
			}
		}
		return
	case storage.PostCreated, storage.PostEdited, storage.PostDeleted, storage.Notified, storage.Conversed, storage.FiltersChanged, storage.NotificationsMerged, storage.AccountChanged,
		storage.Announced, storage.AnnouncementRemoved, storage.AnnouncementReacted:
	default:
		return
	}
	s.pending = append(s.pending, e)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// dispatch hands events to those whom they may concern, in the order of their commits.
func (s *Server) dispatch() {
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.wake:
		}
		s.mu.Lock()
		events := s.pending
		s.pending = nil
		s.mu.Unlock()
		for _, e := range events {
			if err := s.spread(e); err != nil && s.ctx.Err() == nil {
				s.Log.ErrorContext(s.ctx, "event could not be streamed", "kind", e.Kind, "err", err)
			}
		}
	}
}

// listening gives the connections of people, and who these people are.
func (s *Server) listening() (all []*connection, people []int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.readers {
		all, people = append(all, c), append(people, c.account)
	}
	slices.Sort(people)
	return all, slices.Compact(people)
}

// spread puts one event into the queues of those whom it may concern.
func (s *Server) spread(e storage.Event) error {
	all, people := s.listening()
	if len(all) == 0 {
		return nil
	}
	n := news{kind: e.Kind, post: e.PostID, notification: e.NotificationID}
	switch e.Kind {
	case storage.AccountChanged:
		return s.accountChanged(e.AccountID, all)
	case storage.Announced, storage.AnnouncementRemoved, storage.AnnouncementReacted:
		for _, c := range all {
			c.put(news{kind: e.Kind, announcement: e.AnnouncementID, name: e.Name})
		}
		return nil
	case storage.Notified, storage.Conversed, storage.FiltersChanged, storage.NotificationsMerged:
		for _, c := range all {
			if c.account == e.AccountID {
				c.put(n)
			}
		}
		return nil
	}
	concerned, err := s.aboutPost(&n, people)
	if errors.Is(err, storage.ErrNotFound) {
		return nil // gone before its turn came
	}
	if err != nil {
		return err
	}
	for _, c := range all {
		n.atHome = slices.Contains(concerned, c.account)
		c.put(n)
	}
	return nil
}

// aboutPost fills in what everybody may know of a post's news, and gives those of the people whose
// home it concerns.
func (s *Server) aboutPost(n *news, people []int64) ([]int64, error) {
	p, err := s.DB.PostEvenDeleted(s.ctx, n.post)
	if err != nil {
		return nil, err
	}
	if !p.DeletedAt.IsZero() && n.kind != storage.PostDeleted {
		return nil, storage.ErrNotFound
	}
	n.public = p.Visibility == storage.Public && p.ShareOfID == 0 && !p.Backfilled
	n.front = n.public && (p.InReplyToURI == "" || p.InReplyToUser == p.AuthorID)
	n.local = p.Local()
	if n.kind == storage.PostDeleted {
		n.media = true // nobody knows any more
		return s.DB.HadPost(s.ctx, p, people)
	}
	if n.public {
		tags, err := s.DB.Hashtags(s.ctx, []int64{p.ID})
		if err != nil {
			return nil, err
		}
		files, err := s.DB.MediaOf(s.ctx, []int64{p.ID})
		if err != nil {
			return nil, err
		}
		n.tags, n.media = tags[p.ID], len(files[p.ID]) > 0
	}
	return s.DB.InHomes(s.ctx, p.ID, people)
}

// accountChanged ends the streams of somebody who may not act any more.
func (s *Server) accountChanged(account int64, all []*connection) error {
	if !slices.ContainsFunc(all, func(c *connection) bool { return c.account == account }) {
		return nil
	}
	a, err := s.DB.AccountByID(s.ctx, account)
	if err != nil {
		return err
	}
	if a.MayAct() {
		return nil
	}
	for _, c := range all {
		if c.account == account {
			c.cancel()
		}
	}
	return nil
}
