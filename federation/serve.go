package federation

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"ruche/federation/vocab"
	"ruche/storage"
)

// Routes lists what peers may ask of this node; inbox adds what they may tell it.
func (n *Node) Routes() []Route {
	return []Route{
		{"GET", "/.well-known/webfinger", n.WebFinger},
		{"GET", "/.well-known/host-meta", n.HostMeta},
		{"GET", "/.well-known/host-meta.json", n.HostMeta},
		{"GET", "/.well-known/nodeinfo", n.NodeInfoIndex},
		{"GET", "/nodeinfo/{version}", n.NodeInfo},
		{"GET", "/users/{id}", n.Actors},
		{"GET", "/users/{id}/outbox", n.Outbox},
		{"GET", "/users/{id}/followers", n.FollowersOf},
		{"GET", "/users/{id}/followers_synchronization", n.PartOfFollowers},
		{"GET", "/users/{id}/following", n.FollowingOf},
		{"GET", "/users/{id}/moderators", n.ModeratorsOf},
		{"GET", "/users/{id}/featured", n.Featured},
		{"GET", "/users/{id}/featured-tags", n.FeaturedTags},
		{"GET", "/quotes/{id}", n.Stamps},
		{"GET", "/posts/{id}", n.Posts},
		{"GET", "/posts/{id}/create", n.Creates},
		{"GET", "/posts/{id}/replies", n.Replies},
		{"GET", "/posts/{id}/context", n.Context},
		{"GET", "/shares/{id}", n.Shares},
		{"GET", auditHeadPath, n.AuditHeadOf},
		{"POST", auditHeadPath, n.KeepAuditHead},
	}
}

// asker verifies who asks, if the request is signed at all. An unsigned request gives "". A bad
// signature has been answered when it returns false.
func (n *Node) asker(w http.ResponseWriter, r *http.Request) (host string, ok bool) {
	w.Header().Set("Vary", "Accept, Signature")
	w.Header().Set("Cache-Control", "private")
	if r.Header.Get("Signature") == "" && r.Header.Get("Signature-Input") == "" && !strings.HasPrefix(r.Header.Get("Authorization"), "Signature ") {
		return "", true
	}
	signer, err := n.Admit(r, nil)
	if err != nil {
		n.Refuse(w, r, err)
		return "", false
	}
	return signer.Host, true
}

// Refuse answers a request that the gate turned away, and logs it.
func (n *Node) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	status, reason := http.StatusUnauthorized, "unverified"
	var refusal *Refusal
	if errors.As(err, &refusal) {
		status, reason = refusal.Status, refusal.Reason
	}
	n.Log.InfoContext(r.Context(), "signed request refused", "reason", reason, "status", status, "path", r.URL.Path, "err", err)
	if status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", RetryAfterRate)
	}
	n.fail(w, r, status, "the request was refused: "+strings.ReplaceAll(reason, "_", " "))
}

func pathID(r *http.Request) int64 { return storage.ParseID(r.PathValue("id")) }

// wantsPage says whether a browser asks.
func wantsPage(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return strings.Contains(accept, "text/html") && !strings.Contains(accept, activityJSON) && !strings.Contains(accept, "application/ld+json")
}

// Actors serves an account of ours: in full to a permitted signature, otherwise its id, type,
// inbox, endpoints and keys only. Somebody suspended is served with that word and without what they say of themselves, since
// 410 would end what can still be undone. The service actor is readable by all, so that two nodes that
// both ask for signatures don't wait for each other.
func (n *Node) Actors(w http.ResponseWriter, r *http.Request) {
	host, ok := n.asker(w, r)
	if !ok {
		return
	}
	ctx := r.Context()
	a, err := n.DB.AccountByID(ctx, pathID(r))
	if err != nil || !a.Local() {
		n.fail(w, r, http.StatusNotFound, "there is no such account here")
		return
	}
	if !a.DeletedAt.IsZero() {
		n.gone(w, r, a.URI, time.Time{})
		return
	}
	if wantsPage(r) {
		http.Redirect(w, r, a.URL, http.StatusFound)
		return
	}
	if host == "" && a.Kind != storage.Application {
		var body []byte
		key, err := n.DB.ProofKey(ctx, a.ID)
		if err == nil {
			body, err = n.Writer.StubActor(a, key)
		}
		n.activity(w, r, body, err)
		return
	}
	if host != "" {
		peer, err := n.Peer(ctx, host)
		if err != nil {
			n.broken(w, r, err)
			return
		}
		if peer.Refuses(storage.Out, storage.CrossDirectory) != "" {
			a.Discoverable, a.Indexable = false, false // found by name only, there
		}
	}
	body, err := n.fullActor(ctx, a)
	n.activity(w, r, body, err)
}

func (n *Node) fullActor(ctx context.Context, a *storage.Account) ([]byte, error) {
	parts, err := ActorParts(ctx, &n.DB.Queries, a)
	if err != nil {
		return nil, err
	}
	return n.Writer.Actor(a, parts)
}

// Posts serves a post of ours to the hosts that it was or would be delivered to. Everybody else
// gets one answer, whether it exists or not.
func (n *Node) Posts(w http.ResponseWriter, r *http.Request) {
	n.post(w, r, func(p *storage.Post, author *storage.Account, host string, how storage.Addressing) ([]byte, error) {
		parts, err := n.partsFor(r.Context(), p, host)
		if err != nil {
			return nil, err
		}
		return n.Writer.Note(p, author, parts, how)
	})
}

// Creates serves the activity that published a post, as Posts does the post.
func (n *Node) Creates(w http.ResponseWriter, r *http.Request) {
	n.post(w, r, func(p *storage.Post, author *storage.Account, host string, how storage.Addressing) ([]byte, error) {
		parts, err := n.partsFor(r.Context(), p, host)
		if err != nil {
			return nil, err
		}
		return n.Writer.Create(p.URI+"/create", p, author, parts, how)
	})
}

// Shares serves a share of ours.
func (n *Node) Shares(w http.ResponseWriter, r *http.Request) {
	n.post(w, r, func(p *storage.Post, author *storage.Account, _ string, how storage.Addressing) ([]byte, error) {
		return n.writeShare(r.Context(), p, author, how)
	})
}

func (n *Node) writeShare(ctx context.Context, p *storage.Post, author *storage.Account, how storage.Addressing) ([]byte, error) {
	original, err := n.DB.PostByID(ctx, p.ShareOfID)
	if err != nil {
		return nil, err
	}
	writer, err := n.DB.AccountByID(ctx, original.AuthorID)
	if err != nil {
		return nil, err
	}
	return n.Writer.Announce(p, author, original.URI, writer.URI, how)
}

type postWriter func(p *storage.Post, author *storage.Account, host string, how storage.Addressing) ([]byte, error)

// partsFor is what hangs on a post, as far as the host may have it.
func (n *Node) partsFor(ctx context.Context, p *storage.Post, host string) (vocab.NoteParts, error) {
	parts, err := NoteParts(ctx, &n.DB.Queries, p)
	if err != nil || host == "" || len(parts.Media) == 0 {
		return parts, err
	}
	peer, err := n.Peer(ctx, host)
	if err == nil && peer.Refuses(storage.Out, storage.CrossMedia) != "" {
		parts.Media = nil
	}
	return parts, err
}

// readable finds the post of a request, and how the asker reads it. Where there is none for the
// asker, it has been answered, the same for "absent" and "not for you".
func (n *Node) readable(w http.ResponseWriter, r *http.Request) (p *storage.Post, how storage.Addressing, host string, ok bool) {
	host, ok = n.asker(w, r)
	if !ok {
		return nil, 0, "", false
	}
	ctx := r.Context()
	if host == "" && wantsPage(r) {
		n.toPage(w, r)
		return nil, 0, "", false
	}
	if host == "" && !n.PublicPages {
		n.fail(w, r, http.StatusUnauthorized, "this node shows posts to signed requests of its peers only")
		return nil, 0, "", false
	}
	p, err := n.DB.PostEvenDeleted(ctx, pathID(r))
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		n.broken(w, r, err)
		return nil, 0, "", false
	}
	if err == nil && p.Local() && !p.DeletedAt.IsZero() && n.hadIt(ctx, p, host) {
		n.gone(w, r, p.URI, p.DeletedAt)
		return nil, 0, "", false
	}
	if err == nil && strings.HasPrefix(r.URL.Path, "/shares/") == (p.ShareOfID != 0) {
		how, err = n.reads(ctx, p, host)
		if err != nil {
			n.broken(w, r, err)
			return nil, 0, "", false
		}
	}
	if how == storage.NotForPeer {
		n.fail(w, r, http.StatusNotFound, "there is no such post here for you")
		return nil, 0, "", false
	}
	return p, how, host, true
}

func (n *Node) post(w http.ResponseWriter, r *http.Request, write postWriter) {
	p, how, host, ok := n.readable(w, r)
	if !ok {
		return
	}
	ctx := r.Context()
	author, err := n.DB.AccountByID(ctx, p.AuthorID)
	if err != nil {
		n.broken(w, r, err)
		return
	}
	body, err := write(p, author, host, how)
	if err == nil && host != "" {
		err = n.DB.Update(ctx, func(tx *storage.Tx) error { return tx.AddReach(ctx, p.ID, host) })
	}
	n.activity(w, r, body, err)
}

// reads says how an asker ("" is anybody, where pages are public) reads a post.
func (n *Node) reads(ctx context.Context, p *storage.Post, host string) (storage.Addressing, error) {
	if host != "" {
		return n.DB.PeerSees(ctx, p, host)
	}
	if !p.Local() {
		return storage.NotForPeer, nil
	}
	if _, err := n.DB.VisiblePost(ctx, storage.Nobody, p.ID); errors.Is(err, storage.ErrNotFound) {
		return storage.NotForPeer, nil
	} else if err != nil {
		return storage.NotForPeer, err
	}
	return storage.Openly, nil
}

func (n *Node) hadIt(ctx context.Context, p *storage.Post, host string) bool {
	hosts, err := n.DB.Reach(ctx, p.ID)
	if err != nil {
		return false
	}
	for _, h := range hosts {
		if h == host {
			return true
		}
	}
	return false
}

func (n *Node) toPage(w http.ResponseWriter, r *http.Request) {
	// The page decides who may see it; it answers the same for absent posts.
	http.Redirect(w, r, "/p/"+strconv.FormatInt(pathID(r), 10), http.StatusFound)
}

func (n *Node) activity(w http.ResponseWriter, r *http.Request, body []byte, err error) {
	if err != nil {
		n.broken(w, r, err)
		return
	}
	w.Header().Set("Content-Type", activityJSON)
	_, _ = w.Write(body)
}

// gone answers with the tombstone of what stood here.
func (n *Node) gone(w http.ResponseWriter, r *http.Request, id string, at time.Time) {
	body, err := n.Writer.Tombstone(id, at)
	if err != nil {
		n.broken(w, r, err)
		return
	}
	w.Header().Set("Content-Type", activityJSON)
	w.WriteHeader(http.StatusGone)
	_, _ = w.Write(body)
}

func (n *Node) json(w http.ResponseWriter, r *http.Request, status int, kind string, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		n.broken(w, r, err)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// fail answers in JSON, in words that say what to do.
func (n *Node) fail(w http.ResponseWriter, r *http.Request, status int, text string) {
	body, _ := json.Marshal(map[string]string{"error": text})
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func (n *Node) broken(w http.ResponseWriter, r *http.Request, err error) {
	n.Log.ErrorContext(r.Context(), "peer could not be answered", "path", r.URL.Path, "err", err)
	n.fail(w, r, http.StatusInternalServerError, "this node could not answer; its log says why")
}
