package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"ruche/federation"
	"ruche/storage"
	"ruche/web/auth"
)

// maxAccountNote is the longest note about somebody, in characters.
const maxAccountNote = 2000

// mute is POST /api/v1/accounts/:id/mute.
func (a *API) mute(w http.ResponseWriter, r *http.Request) error {
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	m := &storage.Mute{Notifications: v.Bool("notifications", true)}
	if seconds := v.Int("duration", 0); seconds > 0 {
		m.ExpiresAt = a.DB.Now().Add(time.Duration(min(seconds, int64((10*365*24*time.Hour).Seconds()))) * time.Second)
	}
	if err := v.Err(); err != nil {
		return err
	}
	return a.relate(func(ctx context.Context, me *storage.Account, other int64) error {
		if other == me.ID {
			return auth.Invalid("nobody can mute themselves")
		}
		m.AccountID, m.TargetID = me.ID, other
		return a.DB.Update(ctx, func(tx *storage.Tx) error { return tx.AddMute(ctx, m) })
	})(w, r)
}

// unmute is POST /api/v1/accounts/:id/unmute.
func (a *API) unmute(ctx context.Context, me *storage.Account, other int64) error {
	return a.DB.Update(ctx, func(tx *storage.Tx) error { return tx.RemoveMute(ctx, me.ID, other) })
}

// MutedAccount is somebody muted, and until when.
type MutedAccount struct {
	*Account
	MuteExpiresAt *string `json:"mute_expires_at"`
}

// mutes is GET /api/v1/mutes.
func (a *API) mutes(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	page := readPage(v, defaultAccounts, maxAccounts)
	if err := v.Err(); err != nil {
		return err
	}
	list, mutes, err := a.DB.Mutes(ctx, auth.Viewer(ctx), page)
	if err != nil {
		return err
	}
	shown, err := a.reader(r).accounts(ctx, list)
	if err != nil {
		return err
	}
	out := make([]MutedAccount, len(shown))
	cursors := make([]int64, len(mutes))
	for i, m := range mutes {
		out[i], cursors[i] = MutedAccount{shown[i], optStamp(m.ExpiresAt)}, m.ID
	}
	a.linkCursors(w, r, page, cursors)
	return auth.JSON(w, out)
}

// blocks is GET /api/v1/blocks.
func (a *API) blocks(w http.ResponseWriter, r *http.Request) error {
	return a.answerAccounts(w, r, func(ctx context.Context, page storage.Page) ([]*storage.Account, []int64, error) {
		return a.DB.Blocked(ctx, auth.Viewer(ctx), page)
	})
}

// muteThread is POST /api/v1/statuses/:id/mute; what is said in its conversation isn't told any more.
func (a *API) muteThread(ctx context.Context, me *storage.Account, post int64) error {
	return a.onThread(ctx, post, func(tx *storage.Tx, thread int64) error { return tx.MuteThread(ctx, me.ID, thread) })
}

// unmuteThread is POST /api/v1/statuses/:id/unmute.
func (a *API) unmuteThread(ctx context.Context, me *storage.Account, post int64) error {
	return a.onThread(ctx, post, func(tx *storage.Tx, thread int64) error { return tx.UnmuteThread(ctx, me.ID, thread) })
}

func (a *API) onThread(ctx context.Context, post int64, act func(tx *storage.Tx, thread int64) error) error {
	return a.DB.Update(ctx, func(tx *storage.Tx) error {
		p, err := tx.PostByID(ctx, post)
		if err != nil {
			return err
		}
		return act(tx, p.ThreadID)
	})
}

// note is POST /api/v1/accounts/:id/note.
func (a *API) note(w http.ResponseWriter, r *http.Request) error {
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	comment := strings.TrimSpace(v.Str("comment"))
	if len([]rune(comment)) > maxAccountNote {
		return auth.Invalid("Comment is longer than %d characters", maxAccountNote)
	}
	return a.relate(func(ctx context.Context, me *storage.Account, other int64) error {
		return a.DB.Update(ctx, func(tx *storage.Tx) error { return tx.SetNote(ctx, me.ID, other, comment) })
	})(w, r)
}

// endorse is POST /api/v1/accounts/:id/endorse (and …/pin).
func (a *API) endorse(ctx context.Context, me *storage.Account, other int64) error {
	err := a.DB.Update(ctx, func(tx *storage.Tx) error { return tx.Endorse(ctx, me.ID, other) })
	if errors.Is(err, storage.ErrNotFollowed) {
		return auth.Invalid("you must be already following the person you want to endorse")
	}
	return err
}

// unendorse is POST /api/v1/accounts/:id/unendorse (and …/unpin).
func (a *API) unendorse(ctx context.Context, me *storage.Account, other int64) error {
	return a.DB.Update(ctx, func(tx *storage.Tx) error { return tx.Unendorse(ctx, me.ID, other) })
}

// endorsements is GET /api/v1/endorsements.
func (a *API) endorsements(w http.ResponseWriter, r *http.Request) error {
	return a.answerAccounts(w, r, func(ctx context.Context, page storage.Page) ([]*storage.Account, []int64, error) {
		return a.DB.Endorsements(ctx, auth.Viewer(ctx), page)
	})
}

// endorsementsOf is GET /api/v1/accounts/:id/endorsements.
func (a *API) endorsementsOf(w http.ResponseWriter, r *http.Request) error {
	return a.answerFollows(w, r, a.DB.Endorsements)
}

// hiddenHosts is GET /api/v1/domain_blocks.
func (a *API) hiddenHosts(w http.ResponseWriter, r *http.Request) error {
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	page := readPage(v, 100, 200)
	if err := v.Err(); err != nil {
		return err
	}
	hosts, cursors, err := a.DB.HiddenHosts(r.Context(), auth.Viewer(r.Context()), page)
	if err != nil {
		return err
	}
	if hosts == nil {
		hosts = []string{}
	}
	a.linkCursors(w, r, page, cursors)
	return auth.JSON(w, hosts)
}

// hideHost is POST /api/v1/domain_blocks, showHost DELETE.
func (a *API) hideHost(w http.ResponseWriter, r *http.Request) error {
	return a.changeHost(w, r, func(ctx context.Context, tx *storage.Tx, host string) error {
		return tx.HideHost(ctx, auth.Viewer(ctx), host)
	})
}

func (a *API) showHost(w http.ResponseWriter, r *http.Request) error {
	return a.changeHost(w, r, func(ctx context.Context, tx *storage.Tx, host string) error {
		return tx.ShowHost(ctx, auth.Viewer(ctx), host)
	})
}

func (a *API) changeHost(w http.ResponseWriter, r *http.Request, change func(context.Context, *storage.Tx, string) error) error {
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	host, err := federation.NormalizeHost(v.Str("domain"))
	if err != nil || host == a.Resolver.Host || host == a.Domain {
		return auth.Invalid("Domain is not a valid domain name")
	}
	if peer, err := a.Resolver.PeerOfDomain(r.Context(), host); err == nil {
		host = peer.Host // what stands after the @ may be another name of it
	}
	if err := a.DB.Update(r.Context(), func(tx *storage.Tx) error { return change(r.Context(), tx, host) }); err != nil {
		return err
	}
	return empty(w)
}
