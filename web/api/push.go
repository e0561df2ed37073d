package api

import (
	"crypto/ecdh"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"

	"ruche/federation"
	"ruche/storage"
	"ruche/web/auth"
)

// PushSubscription is where an app is woken, as it reads it.
type PushSubscription struct {
	ID        string          `json:"id"`
	Endpoint  string          `json:"endpoint"`
	Standard  bool            `json:"standard"`
	ServerKey string          `json:"server_key"`
	Alerts    map[string]bool `json:"alerts"`
	Policy    string          `json:"policy"`
}

func (a *API) answerPush(w http.ResponseWriter, r *http.Request, s *storage.PushSubscription) error {
	e := PushSubscription{ID: id(s.ID), Endpoint: s.Endpoint, Standard: s.Standard, Policy: s.Policy, Alerts: map[string]bool{"admin.sign_up": false}}
	for ours, theirs := range kindsOut {
		e.Alerts[theirs] = slices.Contains(s.Alerts, ours)
	}
	var err error
	if e.ServerKey, err = a.DB.PushKey(r.Context()); err != nil {
		return err
	}
	return auth.JSON(w, e)
}

// readAlerts reads of which kinds of notification an app wants to hear.
func readAlerts(v *auth.Values, s *storage.PushSubscription) error {
	if v.Given("data[alerts]") {
		s.Alerts = []string{}
		for ours, theirs := range kindsOut {
			if v.Bool("data[alerts]["+theirs+"]", false) {
				s.Alerts = append(s.Alerts, ours)
			}
		}
		slices.Sort(s.Alerts)
	}
	policy := v.Str("data[policy]")
	if policy == "" {
		policy = v.Str("policy")
	}
	switch policy {
	case "":
	case storage.PushAll, storage.PushFollowed, storage.PushFollowers, storage.PushNone:
		s.Policy = policy
	default:
		return auth.Invalid("policy must be one of all, followed, follower, none")
	}
	return v.Err()
}

// subscribePush is POST /api/v1/push/subscription.
func (a *API) subscribePush(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	s := &storage.PushSubscription{
		TokenID: auth.Token(ctx).ID, AccountID: auth.Viewer(ctx), Endpoint: v.Str("subscription[endpoint]"), P256dh: v.Str("subscription[keys][p256dh]"), Auth: v.Str("subscription[keys][auth]"),
		Standard: v.Bool("subscription[standard]", false), Alerts: []string{}, Policy: storage.PushAll,
	}
	if err := readAlerts(v, s); err != nil {
		return err
	}
	key, err := pushBytes(s.P256dh)
	if err == nil {
		_, err = ecdh.P256().NewPublicKey(key)
	}
	if err != nil {
		return auth.Invalid("subscription[keys][p256dh] is no key")
	}
	if secret, err := pushBytes(s.Auth); err != nil || len(secret) != 16 { // RFC 8291 §3.2
		return auth.Invalid("subscription[keys][auth] is no secret of 16 bytes")
	}
	if s.Host, err = federation.HostOf(s.Endpoint); err != nil || !strings.HasPrefix(s.Endpoint, "https://") || len(s.Endpoint) > 2048 {
		return auth.Invalid("subscription[endpoint] must be an https address")
	}
	hosts, err := a.DB.PushHosts(ctx)
	if err != nil {
		return err
	}
	if !slices.Contains(hosts, s.Host) {
		return auth.Invalid("this node sends nothing to %s: an admin has to allow that push service", s.Host)
	}
	if err := a.DB.Update(ctx, func(tx *storage.Tx) error { return tx.SavePush(ctx, s) }); err != nil {
		return err
	}
	return a.answerPush(w, r, s)
}

// pushBytes decodes what browsers and apps write in either base64.
func pushBytes(s string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(s))
}

// showPush is GET /api/v1/push/subscription.
func (a *API) showPush(w http.ResponseWriter, r *http.Request) error {
	s, err := a.DB.PushOf(r.Context(), auth.Token(r.Context()).ID)
	if err != nil {
		return err
	}
	return a.answerPush(w, r, s)
}

// changePush is PUT /api/v1/push/subscription.
func (a *API) changePush(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	s, err := a.DB.PushOf(ctx, auth.Token(ctx).ID)
	if err != nil {
		return err
	}
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	if err := readAlerts(v, s); err != nil {
		return err
	}
	if err := a.DB.Update(ctx, func(tx *storage.Tx) error { return tx.ChangePush(ctx, s) }); err != nil {
		return err
	}
	return a.answerPush(w, r, s)
}

// unsubscribePush is DELETE /api/v1/push/subscription.
func (a *API) unsubscribePush(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	if err := a.DB.Update(ctx, func(tx *storage.Tx) error { return tx.RemovePush(ctx, auth.Token(ctx).ID) }); err != nil {
		return err
	}
	return empty(w)
}
