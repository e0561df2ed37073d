package pages

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"ruche/outbox"
	"ruche/storage"
	"ruche/web/auth"
)

// acts are what a button below a post or beside a person does: POST /p/{id}/{act} and
// POST /people/{id}/{act}.
type act func(ctx context.Context, me *storage.Account, id int64) error

func (p *Pages) postActs() map[string]act {
	return map[string]act{
		"like":   p.Outbox.Like,
		"unlike": p.Outbox.Unlike,
		"share": func(ctx context.Context, me *storage.Account, id int64) error {
			_, err := p.Outbox.Share(ctx, me, id, time.Time{})
			return err
		},
		"unshare":    p.Outbox.Unshare,
		"pick":       p.picking((*storage.Tx).Pick),
		"unpick":     p.picking((*storage.Tx).Unpick),
		"bookmark":   p.Outbox.Bookmark,
		"unbookmark": p.Outbox.Unbookmark,
		"delete": func(ctx context.Context, me *storage.Account, id int64) error {
			_, err := p.Outbox.Delete(ctx, me, id)
			return err
		},
	}
}

// picking is the act of a community manager on a post that everybody is to see.
func (p *Pages) picking(do func(tx *storage.Tx, ctx context.Context, kind, target string) error) act {
	return func(ctx context.Context, _ *storage.Account, id int64) error {
		if !auth.User(ctx).May(storage.ActPick) {
			return storage.ErrNotFound
		}
		err := p.DB.Update(ctx, func(tx *storage.Tx) error { return do(tx, ctx, storage.PickPost, storage.FormatID(id)) })
		if errors.Is(err, storage.ErrPick) {
			return storage.ErrNotFound
		}
		return err
	}
}

func (p *Pages) personActs() map[string]act {
	return map[string]act{
		"follow": func(ctx context.Context, me *storage.Account, id int64) error {
			return p.Outbox.Follow(ctx, me, id, outbox.FollowOptions{})
		},
		"unfollow": p.Outbox.Unfollow,
		"accept":   p.Outbox.AcceptFollower,
		"reject":   p.Outbox.RejectFollower,
	}
}

func (p *Pages) act(acts map[string]act) func(w http.ResponseWriter, r *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		do := acts[r.PathValue("act")]
		if do == nil {
			return auth.NotFound()
		}
		form, err := auth.Params(r)
		if err != nil {
			return err
		}
		if err := do(r.Context(), auth.Account(r.Context()), storage.ParseID(r.PathValue("id"))); err != nil {
			return err
		}
		back := form.Str("return")
		if !ownPath(back) || r.PathValue("act") == "delete" {
			back = "/home"
		}
		http.Redirect(w, r, back, http.StatusSeeOther)
		return nil
	}
}

// localPath is where a form on this page leads back to.
func localPath(r *http.Request) string {
	if r.Method != http.MethodGet {
		return "/home"
	}
	return r.URL.RequestURI()
}

// ownPath says whether a return address is a page of ours and nothing else.
func ownPath(to string) bool {
	return strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "//") && !strings.ContainsAny(to, "\\\r\n\t")
}
