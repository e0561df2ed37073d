package push_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"ruche/federation"
	"ruche/storage"
	"ruche/storage/queue"
	"ruche/storage/storagetest"
	"ruche/web/api"
	"ruche/web/push"
	"ruche/web/webtest"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// service is a push service that keeps what it is sent.
type service struct {
	status int
	sent   []*http.Request
	bodies [][]byte
}

func (s *service) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	s.sent, s.bodies = append(s.sent, r), append(s.bodies, body)
	return &http.Response{StatusCode: s.status, Header: http.Header{}, Body: http.NoBody}, err
}

// phone decrypts what it is pushed (RFC 8291 §3, RFC 8188 §2).
type phone struct {
	key    *ecdh.PrivateKey
	secret []byte
}

func newPhone(t *testing.T) *phone {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	check(t, err)
	p := &phone{key, make([]byte, 16)}
	rand.Read(p.secret)
	return p
}

func (p *phone) subscription(endpoint string) map[string]any {
	return map[string]any{
		"subscription": map[string]any{"endpoint": endpoint, "keys": map[string]string{
			"p256dh": base64.RawURLEncoding.EncodeToString(p.key.PublicKey().Bytes()), "auth": base64.StdEncoding.EncodeToString(p.secret)}},
		"data": map[string]any{"alerts": map[string]bool{"mention": true, "follow": false}},
	}
}

func (p *phone) read(t *testing.T, body []byte) map[string]string {
	t.Helper()
	salt, length := body[:16], int(body[20])
	senders, sealed := body[21:21+length], body[21+length:]
	theirs, err := ecdh.P256().NewPublicKey(senders)
	check(t, err)
	shared, err := p.key.ECDH(theirs)
	check(t, err)
	derive := func(secret, salt []byte, info string, n int) []byte {
		out, err := hkdf.Key(sha256.New, secret, salt, info, n)
		check(t, err)
		return out
	}
	ikm := derive(shared, p.secret, "WebPush: info\x00"+string(p.key.PublicKey().Bytes())+string(senders), 32)
	block, err := aes.NewCipher(derive(ikm, salt, "Content-Encoding: aes128gcm\x00", 16))
	check(t, err)
	gcm, err := cipher.NewGCM(block)
	check(t, err)
	plain, err := gcm.Open(nil, derive(ikm, salt, "Content-Encoding: nonce\x00", 12), sealed, nil)
	check(t, err)
	var m map[string]string
	check(t, json.Unmarshal(plain[:bytes.LastIndexByte(plain, 2)], &m))
	return m
}

func TestAPhoneIsWokenBySealedWords(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := t.Context()
		n := webtest.Start(t, db, nil)
		sent := &service{status: http.StatusCreated}
		client, err := federation.NewClient(federation.ClientConfig{Permit: federation.Listed(db, storage.SettingPushHosts)})
		check(t, err)
		client.Doer = sent
		pusher, err := push.New(ctx, push.Options{DB: db, Client: client, Contact: storagetest.BaseURL, Locale: "en", BaseURL: storagetest.BaseURL})
		check(t, err)
		q := queue.New(db, queue.Options{Alone: true})
		pusher.Register(q)
		n.Outbox.Register(q)
		drain := func() {
			t.Helper()
			_, err := q.Drain(ctx)
			check(t, err)
		}
		ana, luc := n.Person("ana"), n.Person("luc")
		phone := newPhone(t)
		const endpoint = "https://push.test/abc"
		ana.Ask("POST", "/api/v1/push/subscription", phone.subscription(endpoint)).Is(422).Says("push.test")
		ana.Ask("GET", "/api/v2/instance", nil).Is(200).Says(`"public_key":""`)
		check(t, db.Update(ctx, func(tx *storage.Tx) error {
			return tx.SetSetting(ctx, storage.SettingPushHosts, "push.test, other.test")
		}))
		for name, bad := range map[string]map[string]any{"another host": phone.subscription("https://elsewhere.test/abc"), "plain http": phone.subscription("http://push.test/abc"), "no keys": {"subscription": map[string]any{"endpoint": endpoint}}} {
			if a := ana.Ask("POST", "/api/v1/push/subscription", bad); a.StatusCode != 422 {
				t.Errorf("%s: %d %s", name, a.StatusCode, a.Body)
			}
		}
		s := webtest.Into[api.PushSubscription](ana.Ask("POST", "/api/v1/push/subscription", phone.subscription(endpoint)).Is(200))
		if s.ServerKey == "" || !s.Alerts["mention"] || s.Alerts["follow"] || s.Policy != "all" {
			t.Errorf("%+v", s)
		}
		luc.Ask("GET", "/api/v1/push/subscription", nil).Is(404)

		luc.Ask("POST", "/api/v1/statuses", map[string]string{"status": "@ana for you alone", "visibility": "direct"}).Is(200)
		luc.Ask("POST", "/api/v1/accounts/"+storage.FormatID(ana.ID)+"/follow", nil).Is(200)
		drain()
		if len(sent.sent) != 1 {
			t.Fatalf("%d were sent", len(sent.sent))
		}
		r := sent.sent[0]
		if r.URL.String() != endpoint || r.Header.Get("Content-Encoding") != "aes128gcm" || !strings.HasPrefix(r.Header.Get("Authorization"), "vapid t=") || r.Header.Get("TTL") == "" {
			t.Errorf("%s %v", r.URL, r.Header)
		}
		if m := phone.read(t, sent.bodies[0]); m["title"] != "luc mentioned you" || m["body"] != "@ana for you alone" || m["notification_type"] != "mention" || m["access_token"] != "" {
			t.Errorf("%v", m)
		}

		// What can't be seen any more isn't told.
		gone := webtest.Into[api.Status](luc.Ask("POST", "/api/v1/statuses", map[string]string{"status": "@ana oops"}).Is(200))
		luc.Ask("DELETE", "/api/v1/statuses/"+gone.ID, nil).Is(200)
		drain()
		zoe := n.Person("zoe")
		zoe.Ask("POST", "/api/v1/statuses", map[string]string{"status": "@ana from somebody suspended"}).Is(200)
		check(t, db.Update(ctx, func(tx *storage.Tx) error {
			_, err := tx.SuspendAccount(ctx, zoe.ID)
			return err
		}))
		drain()
		// Whom ana doesn't follow doesn't wake her.
		ana.Ask("PUT", "/api/v1/push/subscription", map[string]any{"data": map[string]any{"alerts": map[string]bool{"mention": true}, "policy": "followed"}}).Is(200).Says(`"policy":"followed"`)
		luc.Ask("POST", "/api/v1/statuses", map[string]string{"status": "@ana again"}).Is(200)
		drain()
		if len(sent.sent) != 1 {
			t.Errorf("%d were sent", len(sent.sent))
		}
		// A place that is gone is forgotten, and so is one whose token ends.
		ana.Ask("PUT", "/api/v1/push/subscription", map[string]any{"data": map[string]any{"policy": "all"}}).Is(200)
		sent.status = http.StatusGone
		luc.Ask("POST", "/api/v1/statuses", map[string]string{"status": "@ana third"}).Is(200)
		drain()
		ana.Ask("GET", "/api/v1/push/subscription", nil).Is(404)
		ana.Ask("POST", "/api/v1/push/subscription", phone.subscription(endpoint)).Is(200)
		luc.Ask("POST", "/api/v1/statuses", map[string]string{"status": "@ana fourth"}).Is(200)
		check(t, db.Update(ctx, func(tx *storage.Tx) error { return tx.EndSignIns(ctx, ana.ID) }))
		before := len(sent.sent)
		drain()
		if len(sent.sent) != before {
			t.Error("an app is woken whose token has ended")
		}
	})
}
