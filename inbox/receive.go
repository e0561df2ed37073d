package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"ruche/federation"
	"ruche/federation/vocab"
	"ruche/storage"
)

// bodyTime is how long a peer may take to send a body: a drip must not hold a connection.
const bodyTime = 15 * time.Second

// envelope is what is known of a received activity besides its body.
type envelope struct {
	SignedAt time.Time `json:"signed_at"`
	// Object is the id of what was fetched for the activity, where it had to be.
	Object string `json:"object,omitempty"`
}

// refusal is an answer at the door: nothing was stored.
type refusal struct {
	status int
	reason string
	err    error
}

func (r *refusal) Error() string { return fmt.Sprintf("%s: %v", r.reason, r.err) }
func (r *refusal) Unwrap() error { return r.err }

func refuse(status int, reason, format string, args ...any) error {
	return &refusal{status, reason, fmt.Errorf(format, args...)}
}

// Receive is the door of the shared inbox and of each account's own. What is decided here:
// media type, size, signature (which asks first whether the host is a peer), shape, that the
// signer is the actor, that the id is on the actor's host. Everything later is 202.
func (in *Inbox) Receive(w http.ResponseWriter, r *http.Request) {
	activity, err := in.receive(w, r)
	if err == nil {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	status, reason := http.StatusInternalServerError, "internal"
	var ours *refusal
	var gate *federation.Refusal
	switch {
	case errors.As(err, &ours):
		status, reason = ours.status, ours.reason
	case errors.As(err, &gate):
		status, reason = gate.Status, gate.Reason
	}
	in.Refused(reason)
	id, host := "", ""
	if activity != nil {
		id = activity.ID
	}
	if keyID, e := federation.ParseKeyID(r); e == nil {
		host, _ = federation.HostOf(keyID)
	}
	in.Log.WarnContext(r.Context(), "delivery refused", "reason", reason, "status", status, "host", host, "activity", id, "err", err)
	body, _ := json.Marshal(map[string]string{"error": "refused: " + strings.ReplaceAll(reason, "_", " ")})
	w.Header().Set("Content-Type", "application/json")
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "60")
	}
	if status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", federation.RetryAfterRate)
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func (in *Inbox) receive(w http.ResponseWriter, r *http.Request) (*vocab.Activity, error) {
	ctx := r.Context()
	if err := activityType(r.Header.Get("Content-Type")); err != nil {
		return nil, err
	}
	body, err := readBody(w, r)
	if err != nil {
		return nil, err
	}
	signer, err := in.Node.Admit(r, body)
	if err != nil {
		if gone, e := in.goneActor(ctx, r, body, err); gone || e != nil {
			return nil, e
		}
		return nil, err
	}
	if err := in.inboxExists(ctx, r); err != nil {
		return nil, err
	}
	doc, err := vocab.Decode(body)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "malformed", "%w", err)
	}
	a, err := vocab.ParseActivity(doc)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "malformed", "%w", err)
	}
	host, err := federation.HostOf(a.Actor)
	if err != nil {
		return a, refuse(http.StatusBadRequest, "malformed", "%w", err)
	}
	if idHost, err := federation.HostOf(a.ID); err != nil || idHost != host {
		return a, refuse(http.StatusBadRequest, "id_elsewhere", "the id %q isn't on the actor's host %s", a.ID, host)
	}
	if signer.Owner != a.Actor {
		return a, in.forwarded(ctx, doc, a, signer)
	}
	return a, in.keep(ctx, a, body, envelope{SignedAt: signer.SignedAt}, func(tx *storage.Tx, actor *storage.Account) error {
		return in.compareFollowers(ctx, tx, r, signer, actor)
	})
}

// keep stores what a known, verified actor said, as it came, to be applied. also, where not nil, is part of the act.
func (in *Inbox) keep(ctx context.Context, a *vocab.Activity, body []byte, e envelope, also func(*storage.Tx, *storage.Account) error) error {
	actor, err := in.DB.AccountByURI(ctx, a.Actor)
	if err != nil {
		return err
	}
	if !actor.DeletedAt.IsZero() {
		in.Refused("deleted_actor")
		return nil
	}
	if !actor.SuspendedAt.IsZero() && !mayWhileSuspended[a.Type] {
		return refuse(http.StatusForbidden, "suspended", "%s is suspended here", a.Actor)
	}
	peer, err := in.Node.Peer(ctx, actor.Peer)
	if err != nil {
		return refuse(http.StatusForbidden, "not_a_peer", "%w", err)
	}
	if reason := peer.Refuses(storage.In, crossing(a, actor)); reason != "" {
		// Not 403: that would say that we refuse the whole peer, and hold up all that it has for us.
		return refuse(http.StatusUnprocessableEntity, reason, "%s may not send this", actor.Peer)
	}
	err = in.DB.Update(ctx, func(tx *storage.Tx) error {
		if also != nil {
			if err := also(tx, actor); err != nil {
				return err
			}
		}
		return tx.Enqueue(ctx, storage.NewJob{Kind: JobApply, Key: "in " + a.Actor, Args: e, Body: body})
	})
	if err == nil && in.Received != nil {
		in.Received(actor.Peer)
	}
	return err
}

var mayWhileSuspended = map[string]bool{"Delete": true, "Reject": true, "Undo": true, "Update": true}

func activityType(header string) error {
	kind, params, err := mime.ParseMediaType(header)
	if err == nil && (kind == "application/activity+json" || kind == "application/ld+json" && (params["profile"] == "" || strings.Contains(params["profile"], "https://www.w3.org/ns/activitystreams"))) {
		return nil
	}
	return refuse(http.StatusUnsupportedMediaType, "media_type", "%q isn't application/activity+json", header)
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > vocab.MaxBody {
		return nil, refuse(http.StatusRequestEntityTooLarge, "too_large", "the body is larger than %d bytes", vocab.MaxBody)
	}
	// Not every ResponseWriter has deadlines; where it has none the server's own hold.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime))
	body, err := io.ReadAll(io.LimitReader(r.Body, vocab.MaxBody+1))
	if err != nil {
		return nil, refuse(http.StatusRequestTimeout, "slow_body", "%w", err)
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	if len(body) > vocab.MaxBody {
		return nil, refuse(http.StatusRequestEntityTooLarge, "too_large", "the body is larger than %d bytes", vocab.MaxBody)
	}
	return body, nil
}

func (in *Inbox) inboxExists(ctx context.Context, r *http.Request) error {
	if r.PathValue("id") == "" {
		return nil
	}
	a, err := in.DB.AccountByID(ctx, storage.ParseID(r.PathValue("id")))
	if errors.Is(err, storage.ErrNotFound) || err == nil && (!a.Local() || !a.DeletedAt.IsZero()) {
		return refuse(http.StatusNotFound, "no_such_inbox", "there is no such inbox")
	}
	return err
}
