package stream_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"github.com/mattn/go-mastodon"

	"ruche/storage"
	"ruche/storage/storagetest"
	"ruche/web/stream"
	"ruche/web/webtest"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// a socket is an open websocket.
type socket struct {
	t *testing.T
	*websocket.Conn
}

type message struct {
	Stream  []string
	Event   string
	Payload string
	Error   string
}

// dial opens a websocket as an app does: the token in the address, the header or the protocol.
func dial(t *testing.T, n *webtest.Node, query url.Values, opt *websocket.DialOptions) *socket {
	t.Helper()
	c, res, err := websocket.Dial(t.Context(), n.URL+"/api/v1/streaming?"+query.Encode(), opt)
	if err != nil {
		t.Fatalf("%v: %+v", err, res)
	}
	t.Cleanup(func() { c.CloseNow() })
	return &socket{t, c}
}

func (s *socket) next() message {
	s.t.Helper()
	_, body, err := s.Read(s.t.Context())
	check(s.t, err)
	var m message
	check(s.t, json.Unmarshal(body, &m))
	return m
}

func (s *socket) send(v any) {
	s.t.Helper()
	body, err := json.Marshal(v)
	check(s.t, err)
	check(s.t, s.Write(s.t.Context(), websocket.MessageText, body))
}

// ended reads the end of the stream: nothing else may come before it.
func (s *socket) ended() {
	s.t.Helper()
	_, body, err := s.Read(s.t.Context())
	if err == nil {
		s.t.Errorf("the stream goes on with %s", body)
	}
}

func follow(t *testing.T, db *storage.DB, follower, followee *webtest.Person) {
	t.Helper()
	check(t, db.Update(t.Context(), func(tx *storage.Tx) error {
		_, _, err := tx.AddFollow(t.Context(), &storage.Follow{FollowerID: follower.ID, FolloweeID: followee.ID, FollowerLocal: true, State: storage.Accepted, ShowShares: true})
		return err
	}))
}

func TestWhatHappensReachesAnOpenApp(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		ana, luc := n.Person("ana"), n.Person("luc")
		follow(t, db, luc, ana)
		listening, cancel := context.WithCancel(ctx)
		defer cancel()
		events, err := luc.NewWSClient().StreamingWSUser(listening)
		check(t, err)
		webtest.Eventually(t, func() bool { return n.Stream.Open() == 1 })

		post, err := ana.PostStatus(ctx, &mastodon.Toot{Status: "hello @luc"})
		check(t, err)
		_, err = ana.UpdateStatus(ctx, &mastodon.Toot{Status: "hello again @luc"}, post.ID)
		check(t, err)
		check(t, ana.DeleteStatus(ctx, post.ID))
		// What is gone when its turn comes isn't shown: the deletion may overtake the rest, and is
		// the last in any case.
		for e := range events {
			switch e := e.(type) {
			case *mastodon.NotificationEvent:
				if e.Notification.Type != "mention" || e.Notification.Status.ID != post.ID {
					t.Errorf("luc is told of %+v", e.Notification)
				}
			case *mastodon.UpdateEvent:
				if e.Status.ID != post.ID || e.Status.Account.Acct != "ana" {
					t.Errorf("luc is shown %+v", e.Status)
				}
			case *mastodon.UpdateEditEvent:
				if !strings.Contains(e.Status.Content, "again") {
					t.Errorf("the edit says %s", e.Status.Content)
				}
			case *mastodon.DeleteEvent:
				if e.ID != post.ID {
					t.Errorf("%s is deleted", e.ID)
				}
				return
			default:
				t.Fatalf("%+v", e)
			}
		}
	})
}

func TestEachHearsWhatTheyMaySee(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		ana, luc, eve := n.Person("ana"), n.Person("luc"), n.Person("eve")
		follow(t, db, luc, ana)
		ofLuc := dial(t, n, url.Values{"access_token": {luc.Token}, "stream": {"user"}}, nil)
		ofEve := dial(t, n, url.Values{"stream": {"user"}}, &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + eve.Token}}})

		post, err := ana.PostStatus(ctx, &mastodon.Toot{Status: "for my followers", Visibility: "private"})
		check(t, err)
		if m := ofLuc.next(); m.Event != "update" || fmt.Sprint(m.Stream) != "[user]" || !strings.Contains(m.Payload, "for my followers") {
			t.Errorf("luc hears %+v", m)
		}
		check(t, ana.DeleteStatus(ctx, post.ID))
		if m := ofLuc.next(); m.Event != "delete" || m.Payload != string(post.ID) {
			t.Errorf("luc hears %+v", m)
		}
		_, err = ana.PostStatus(ctx, &mastodon.Toot{Status: "@eve in private", Visibility: "direct"})
		check(t, err)
		if m := ofEve.next(); m.Event != "notification" || !strings.Contains(m.Payload, "in private") {
			t.Errorf("eve hears %+v", m)
		}
		_, err = ana.PostStatus(ctx, &mastodon.Toot{Status: "bye"})
		check(t, err)
		if m := ofLuc.next(); m.Event != "update" || !strings.Contains(m.Payload, "bye") {
			t.Errorf("luc hears %+v", m)
		}
	})
}

func TestAStreamEndsWithItsToken(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := webtest.Start(t, db, nil)
		for name, end := range map[string]func(tx *storage.Tx, p *webtest.Person) error{
			"the token is revoked": func(tx *storage.Tx, p *webtest.Person) error {
				token, err := tx.TokenBySecret(t.Context(), p.Token)
				if err != nil {
					return err
				}
				return tx.RevokeToken(t.Context(), token)
			},
			"a new password":      func(tx *storage.Tx, p *webtest.Person) error { return tx.EndSignIns(t.Context(), p.ID) },
			"the account is gone": func(tx *storage.Tx, p *webtest.Person) error { return tx.EndAccount(t.Context(), p.ID) },
			"a suspension": func(tx *storage.Tx, p *webtest.Person) error {
				_, err := tx.SuspendAccount(t.Context(), p.ID)
				return err
			},
		} {
			t.Run(name, func(t *testing.T) {
				ana := n.Person("ana" + storage.NewSecret()[:5])
				other := n.Of(ana.Account)
				s := dial(t, n, url.Values{"access_token": {ana.Token}, "stream": {"user"}}, nil)
				check(t, db.Update(t.Context(), func(tx *storage.Tx) error {
					if err := end(tx, ana); err != nil {
						return err
					}
					// In the same breath: what follows the end of the right may not be shown.
					_, err := tx.AddPost(t.Context(), &storage.NewPost{Post: storage.Post{AuthorID: ana.ID, HTML: "<p>late</p>", Visibility: storage.Public, Circle: storage.CircleNetwork}})
					return err
				}))
				s.ended()
				_ = other
			})
		}
	})
}

func TestAScopeOpensItsStreamsOnly(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := webtest.Start(t, db, nil)
		ana := n.Person("ana")
		told := n.Token(ana.ID, "read:notifications")
		for query, status := range map[string]int{
			"":                                      http.StatusUnauthorized,
			"access_token=wrong":                    http.StatusUnauthorized,
			"access_token=" + told + "&stream=user": http.StatusUnauthorized,
			"access_token=" + told + "&stream=none": http.StatusBadRequest,
			"access_token=" + n.Token(ana.ID, "write"): http.StatusForbidden,
		} {
			_, res, err := websocket.Dial(t.Context(), n.URL+"/api/v1/streaming?"+query, nil)
			if err == nil || res == nil || res.StatusCode != status {
				t.Errorf("%q: %v, %+v", query, err, res)
			}
		}
		n.Ask("GET", "/api/v1/streaming", ana.Token, nil).Is(http.StatusUpgradeRequired).Says(`{"error":`)
		n.Ask("GET", "/api/v1/streaming/health", "", nil).Is(200).Says("OK")

		s := dial(t, n, nil, &websocket.DialOptions{Subprotocols: []string{told}})
		if s.Subprotocol() != told {
			t.Errorf("the protocol is %q", s.Subprotocol())
		}
		s.send(map[string]string{"type": "subscribe", "stream": "user"})
		if m := s.next(); !strings.Contains(m.Error, "read:statuses") {
			t.Errorf("%+v", m)
		}
		s.send(map[string]string{"type": "subscribe", "stream": "user:notification"})
		s.send("nonsense")
		s.send(map[string]string{"type": "subscribe", "stream": "none"})
		if m := s.next(); m.Error != "Unknown stream type" {
			t.Errorf("%+v", m)
		}
		luc := n.Person("luc")
		_, err := luc.PostStatus(t.Context(), &mastodon.Toot{Status: "hello @ana"})
		check(t, err)
		if m := s.next(); m.Event != "notification" || fmt.Sprint(m.Stream) != "[user:notification]" {
			t.Errorf("%+v", m)
		}
		s.send(map[string]string{"type": "unsubscribe", "stream": "user:notification"})
		s.send(map[string]string{"type": "subscribe", "stream": "none"})
		s.next()
		_, err = luc.PostStatus(t.Context(), &mastodon.Toot{Status: "again @ana"})
		check(t, err)
		s.send(map[string]string{"type": "subscribe", "stream": "none"})
		if m := s.next(); m.Error == "" {
			t.Errorf("after unsubscribing: %+v", m)
		}
	})
}

func TestASlowReaderIsDroppedAndHoldsUpNobody(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		base := webtest.Start(t, db, nil)
		ana, luc := base.Person("ana"), base.Person("luc")
		follow(t, db, luc, ana)
		released := make(chan struct{})
		var once sync.Once
		release := func() { once.Do(func() { close(released) }) }
		n := base.With(stream.New(stream.Options{DB: db, Auth: base.Auth, Status: func(_ context.Context, account int64, _ string, _ int64) (any, error) {
			if account == ana.ID {
				<-released // as a reader whose line is stuck
			}
			return "a post", nil
		}}))
		t.Cleanup(release)
		slow := dial(t, n, url.Values{"access_token": {ana.Token}, "stream": {"user"}}, nil)
		quick := dial(t, n, url.Values{"access_token": {luc.Token}, "stream": {"user"}}, nil)
		for range 4 {
			check(t, db.Update(t.Context(), func(tx *storage.Tx) error {
				for range 100 {
					if _, err := tx.AddPost(t.Context(), &storage.NewPost{Post: storage.Post{AuthorID: ana.ID, HTML: "<p>x</p>", Visibility: storage.Public, Circle: storage.CircleNetwork}}); err != nil {
						return err
					}
				}
				return nil
			}))
			for range 100 {
				if m := quick.next(); m.Event != "update" {
					t.Fatalf("%+v", m)
				}
			}
		}
		release()
		for {
			if _, _, err := slow.Read(t.Context()); err != nil {
				return // dropped
			}
		}
	})
}

func TestEveryStreamCarriesWhatIsItsOwn(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		ana, luc, eve := n.Person("ana"), n.Person("luc"), n.Person("eve")
		zoe := n.Remote("zoe", "partner.test")
		follow(t, db, ana, luc)
		list := &storage.List{AccountID: ana.ID, Title: "lab", Replies: storage.RepliesList}
		check(t, db.Update(ctx, func(tx *storage.Tx) error {
			if err := tx.AddList(ctx, list); err != nil {
				return err
			}
			if err := tx.AddMute(ctx, &storage.Mute{AccountID: ana.ID, TargetID: eve.ID}); err != nil {
				return err
			}
			return tx.AddToList(ctx, list, luc.ID)
		}))
		s := dial(t, n, url.Values{"access_token": {ana.Token}}, nil)
		for _, stream := range []map[string]string{{"stream": "public"}, {"stream": "public:local"}, {"stream": "public:remote"}, {"stream": "hashtag", "tag": "Bees"}, {"stream": "list", "list": storage.FormatID(list.ID)}, {"stream": "direct"}, {"stream": "user"}} {
			stream["type"] = "subscribe"
			s.send(stream)
		}
		s.send(map[string]string{"type": "subscribe", "stream": "hashtag"})
		if m := s.next(); !strings.Contains(m.Error, "tag") {
			t.Errorf("%+v", m)
		}
		hears := func(what string, want ...string) {
			t.Helper()
			for range want {
				m := s.next()
				got := strings.Join(m.Stream, " ") + ": " + m.Event
				i := slices.Index(want, got)
				if i < 0 {
					t.Errorf("%s: %s, want %v", what, got, want)
					continue
				}
				want = slices.Delete(slices.Clone(want), i, i+1)
			}
		}
		post, err := luc.PostStatus(ctx, &mastodon.Toot{Status: "about #bees"})
		check(t, err)
		ofList := "list " + storage.FormatID(list.ID) + ": "
		hears("a post", "public: update", "public:local: update", "hashtag bees: update", ofList+"update", "user: update")
		_, err = luc.UpdateStatus(ctx, &mastodon.Toot{Status: "more about #bees"}, post.ID)
		check(t, err)
		hears("an edit", "public: status.update", "public:local: status.update", "hashtag bees: status.update", ofList+"status.update", "user: status.update")
		check(t, luc.DeleteStatus(ctx, post.ID))
		hears("a deletion", "public: delete", "public:local: delete", "hashtag bees: delete", ofList+"delete", "user: delete")
		_, err = eve.PostStatus(ctx, &mastodon.Toot{Status: "noise about #bees"})
		check(t, err)
		check(t, db.Update(ctx, func(tx *storage.Tx) error {
			_, err := tx.AddPost(ctx, &storage.NewPost{Post: storage.Post{AuthorID: zoe.ID, Origin: zoe.Peer, URI: zoe.URI + "/1", HTML: "<p>from afar</p>", Visibility: storage.Public, Circle: storage.CircleNetwork}})
			return err
		}))
		hears("a peer's post", "public: update", "public:remote: update")
		_, err = luc.PostStatus(ctx, &mastodon.Toot{Status: "@ana in private", Visibility: "direct"})
		check(t, err)
		hears("a direct post", "user: notification", "direct: conversation", "user: update", ofList+"update")
		check(t, db.Update(ctx, func(tx *storage.Tx) error {
			return tx.AddFilter(ctx, &storage.Filter{AccountID: ana.ID, Title: "x", Contexts: []string{"home"}, Action: storage.FilterWarn})
		}))
		hears("a filter", "user: filters_changed")
	})
}

func TestServerSentEventsDoTheSame(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		n := webtest.Start(t, db, nil)
		ana, luc := n.Person("ana"), n.Person("luc")
		follow(t, db, luc, ana)
		listening, cancel := context.WithCancel(t.Context())
		defer cancel()
		for name, open := range map[string]func(context.Context) (chan mastodon.Event, error){
			"user": luc.StreamingUser,
			"hashtag": func(ctx context.Context) (chan mastodon.Event, error) {
				return luc.StreamingHashtag(ctx, "bees", false)
			},
			"public": func(ctx context.Context) (chan mastodon.Event, error) { return luc.StreamingPublic(ctx, true) },
		} {
			before := n.Stream.Open()
			events, err := open(listening)
			check(t, err)
			webtest.Eventually(t, func() bool { return n.Stream.Open() == before+1 })
			post, err := ana.PostStatus(t.Context(), &mastodon.Toot{Status: "for " + name + " #bees"})
			check(t, err)
			switch e := (<-events).(type) {
			case *mastodon.UpdateEvent:
				if e.Status.ID != post.ID {
					t.Errorf("%s: %+v", name, e.Status)
				}
			default:
				t.Errorf("%s: %+v", name, e)
			}
			go func() {
				for range events { // so that nothing waits for us
				}
			}()
		}
		check(t, db.Update(t.Context(), func(tx *storage.Tx) error { return tx.EndSignIns(t.Context(), luc.ID) }))
		webtest.Eventually(t, func() bool { return n.Stream.Open() == 0 })
	})
}
