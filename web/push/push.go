// Package push wakes apps that aren't open: it tells a push service, which tells the telephone.
//
// What comes in are jobs that storage queued beside a notification; what goes out is a short text,
// encrypted for the app alone (RFC 8291) and signed by the node (RFC 8292), so that the service in
// between learns when somebody is told something and nothing else. It is sent through the node's
// guarded way out, to hosts that an admin named and to no other: without any, push is off.
//
// What must never happen: words of a post that its reader may not see any more, or a request to a
// host that isn't on the list.
package push

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/SherClockHolmes/webpush-go"

	"ruche/federation"
	"ruche/outbox/text"
	"ruche/storage"
	"ruche/storage/queue"
)

// life is how long news are news: what could not be told within it isn't told.
const life = 48 * time.Hour

// maxBody is the longest text shown, in characters: the whole has to fit into 4 KiB.
const maxBody = 180

// Options are what a Pusher needs.
type Options struct {
	DB *storage.DB
	// Client is the way out to push services: federation.Listed of storage.SettingPushHosts is its permission.
	Client  *federation.Client
	Contact string // whom a push service may write to: a mailto: or https: address
	Locale  string // of people who chose none
	BaseURL string // where pictures of ours are
}

// Pusher sends what storage queues.
type Pusher struct {
	Options
	private, public string
}

// New makes a Pusher with the node's key, which is made once and kept.
func New(ctx context.Context, opt Options) (*Pusher, error) {
	p := &Pusher{Options: opt}
	err := opt.DB.Update(ctx, func(tx *storage.Tx) error {
		var err error
		if p.private, err = tx.Setting(ctx, storage.SettingPushPrivate); err != nil {
			return err
		}
		if p.public, err = tx.Setting(ctx, storage.SettingPushPublic); err != nil || p.private != "" {
			return err
		}
		if p.private, p.public, err = webpush.GenerateVAPIDKeys(); err != nil {
			return err
		}
		if err := tx.SetSetting(ctx, storage.SettingPushPrivate, p.private); err != nil {
			return err
		}
		return tx.SetSetting(ctx, storage.SettingPushPublic, p.public)
	})
	if err != nil {
		return nil, fmt.Errorf("key of web push: %w", err)
	}
	return p, nil
}

// Register tells the queue who wakes apps.
func (p *Pusher) Register(q *queue.Queue) { q.Handle(storage.JobPush, p.push) }

// A message is what the app reads, in the form that Mastodon's apps know. The token is the app's
// secret, of which the node keeps no copy; the app finds its account by the subscription.
type message struct {
	AccessToken      string `json:"access_token"`
	PreferredLocale  string `json:"preferred_locale"`
	NotificationID   string `json:"notification_id"`
	NotificationType string `json:"notification_type"`
	Icon             string `json:"icon"`
	Title            string `json:"title"`
	Body             string `json:"body"`
}

func (p *Pusher) push(ctx context.Context, job *storage.Job) error {
	var args storage.Push
	if err := json.Unmarshal([]byte(job.Args), &args); err != nil {
		return queue.Permanent(err)
	}
	if p.DB.Now().Sub(job.CreatedAt) > life {
		return nil
	}
	s, err := p.DB.PushByID(ctx, args.Subscription)
	if errors.Is(err, storage.ErrNotFound) {
		return nil // unsubscribed, or the token has ended
	}
	if err != nil {
		return err
	}
	m, err := p.message(ctx, s.AccountID, args.Notification)
	if errors.Is(err, storage.ErrNotFound) {
		return nil // dismissed, or nothing to be seen any more
	}
	if err != nil {
		return err
	}
	return p.send(ctx, s, m)
}

func (p *Pusher) send(ctx context.Context, s *storage.PushSubscription, m *message) error {
	body, err := json.Marshal(m)
	if err != nil {
		return queue.Permanent(err)
	}
	var answer *federation.PostResult
	var sendErr error
	way := doer(func(r *http.Request) (*http.Response, error) {
		encrypted, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		answer, sendErr = p.Client.Post(ctx, s.Endpoint, encrypted, func(out *http.Request) error {
			for name, values := range r.Header {
				out.Header[name] = values
			}
			return nil
		})
		if sendErr != nil {
			return nil, sendErr
		}
		return &http.Response{StatusCode: answer.Status, Body: io.NopCloser(bytes.NewReader(nil))}, nil
	})
	_, err = webpush.SendNotificationWithContext(ctx, body, &webpush.Subscription{Endpoint: s.Endpoint, Keys: webpush.Keys{Auth: s.Auth, P256dh: s.P256dh}}, &webpush.Options{
		HTTPClient: way, Subscriber: p.Contact, TTL: int(life.Seconds()), Urgency: webpush.UrgencyNormal, VAPIDPublicKey: p.public, VAPIDPrivateKey: p.private,
		VapidExpiration: p.DB.Now().Add(12 * time.Hour),
	})
	switch {
	case errors.Is(sendErr, federation.ErrNotPeer):
		return p.forget(ctx, s) // an admin took the service off the list
	case sendErr != nil:
		return &queue.HostError{Err: sendErr}
	case err != nil:
		return p.forget(ctx, s) // keys that can't be used
	case answer.Status >= 200 && answer.Status < 300:
		return nil
	case answer.Status == http.StatusRequestTimeout, answer.Status == http.StatusTooManyRequests, answer.Status >= 500:
		return &queue.HostError{Err: fmt.Errorf("%s answered %d", s.Host, answer.Status), Answered: true, After: answer.RetryAfter}
	default:
		return p.forget(ctx, s) // RFC 8030 §7.3: gone, or never there
	}
}

type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

func (p *Pusher) forget(ctx context.Context, s *storage.PushSubscription) error {
	return p.DB.Update(ctx, func(tx *storage.Tx) error { return tx.RemovePush(ctx, s.TokenID) })
}

// message writes what is told, as far as its reader may see it now.
func (p *Pusher) message(ctx context.Context, account, id int64) (*message, error) {
	n, err := p.DB.NotificationByID(ctx, account, id)
	if err != nil {
		return nil, err
	}
	user, err := p.DB.UserByAccount(ctx, account)
	if err != nil {
		return nil, err
	}
	from, err := p.DB.AccountByID(ctx, n.FromID)
	if err != nil {
		return nil, err
	}
	m := &message{PreferredLocale: user.Locale, NotificationID: storage.FormatID(n.ID), NotificationType: kinds[n.Kind].name}
	if m.PreferredLocale == "" {
		m.PreferredLocale = p.Locale
	}
	name := from.DisplayName
	if name == "" {
		name = from.Acct()
	}
	if m.Title = fmt.Sprintf(kinds[n.Kind].english, name); m.PreferredLocale == "fr" {
		m.Title = fmt.Sprintf(kinds[n.Kind].french, name)
	}
	files, err := p.DB.MediaByIDs(ctx, []int64{from.AvatarID})
	if err != nil {
		return nil, err
	}
	if picture := files[from.AvatarID]; picture != nil && picture.BlobKey != "" {
		m.Icon = p.BaseURL + "/media/" + picture.BlobKey
	}
	about, _, _ := n.About()
	if about == 0 {
		m.Body = "@" + from.Acct()
		return m, nil
	}
	post, err := p.DB.VisiblePost(ctx, account, about)
	if err != nil {
		return nil, err
	}
	if m.Body = post.ContentWarning; m.Body == "" {
		m.Body = text.Plain(post.HTML)
	}
	if utf8.RuneCountInString(m.Body) > maxBody {
		m.Body = string([]rune(m.Body)[:maxBody-1]) + "…"
	}
	return m, nil
}

// kinds are the kinds of notification in the apps' words, and what is said of them.
var kinds = map[string]struct{ name, english, french string }{
	storage.NotifyMention:       {"mention", "%s mentioned you", "%s vous mentionne"},
	storage.NotifyShare:         {"reblog", "%s shared your post", "%s a partagé votre publication"},
	storage.NotifyLike:          {"favourite", "%s liked your post", "%s aime votre publication"},
	storage.NotifyFollow:        {"follow", "%s follows you", "%s vous suit"},
	storage.NotifyFollowRequest: {"follow_request", "%s would like to follow you", "%s souhaite vous suivre"},
	storage.NotifyPoll:          {"poll", "A poll of %s has ended", "Un sondage de %s est terminé"},
	storage.NotifyPost:          {"status", "%s posted", "%s a publié"},
	storage.NotifyEdit:          {"update", "%s edited a post that you shared", "%s a modifié une publication que vous avez partagée"},
	storage.NotifyWarning:       {"moderation_warning", "The moderators of %s have something to tell you", "La modération de %s a quelque chose à vous dire"},
	storage.NotifyReport:        {"admin.report", "%s reported something", "%s a fait un signalement"},
	storage.NotifyQuote:         {"quote", "%s quoted your post", "%s a cité votre publication"},
}
