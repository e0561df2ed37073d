package api

import (
	"errors"
	"net/http"

	"ruche/outbox"
	"ruche/storage"
	"ruche/web/auth"
)

// maxStatuses is how many posts one request can name.
const maxStatuses = 100

// createStatus is POST /api/v1/statuses.
func (a *API) createStatus(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	me := auth.Account(ctx)
	draft := outbox.Draft{
		Text: v.Str("status"), ContentWarning: v.Str("spoiler_text"), Language: v.Str("language"),
		Sensitive: v.Bool("sensitive", auth.User(ctx).DefaultSensitive), InReplyTo: v.Int("in_reply_to_id", 0), Media: v.IDs("media_ids"),
		IdempotencyKey: r.Header.Get("Idempotency-Key"), Poll: readPoll(v), Quote: v.Int("quoted_status_id", 0), QuotePolicy: v.Str("quote_approval_policy"),
	}
	if draft.Visibility, draft.Circle, err = readAudience(v); err != nil {
		return err
	}
	if err := v.Err(); err != nil {
		return err
	}
	if draft.Client, err = a.clientName(r); err != nil {
		return err
	}
	at, later, err := readTime(v, "scheduled_at")
	if err != nil {
		return err
	}
	if later {
		s, err := a.Outbox.Schedule(ctx, me, draft, at)
		if err != nil {
			return err
		}
		return a.answerScheduled(w, r, s)
	}
	post, err := a.Outbox.Post(ctx, me, draft)
	if err != nil {
		return err
	}
	return a.answerStatus(w, r, post)
}

// readAudience reads who shall see a post: Mastodon's visibilities, and what its forks say for a post
// that stays on this node, local_only or the visibility local. false chooses no circle, since apps send it
// with every post: the author's default holds.
func readAudience(v *auth.Values) (visibility, circle string, err error) {
	visibility = visibilityIn(v.Str("visibility"))
	local := v.OptBool("local_only")
	if visibility == visibilityLocal {
		if local != nil && !*local {
			return "", "", auth.Invalid("visibility local says that the post stays on this node, local_only false that it doesn't: choose one")
		}
		return storage.Public, storage.CircleNode, nil
	}
	if local != nil && *local {
		circle = storage.CircleNode
	}
	return visibility, circle, nil
}

// clientName is the name of the app that asks; empty for a token made on the command line.
func (a *API) clientName(r *http.Request) (string, error) {
	app, err := a.DB.AppByID(r.Context(), auth.Token(r.Context()).AppID)
	if errors.Is(err, storage.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return app.Name, nil
}

func (a *API) answerStatus(w http.ResponseWriter, r *http.Request, p *storage.Post) error {
	s, err := a.reader(r).status(r.Context(), p)
	if err != nil {
		return err
	}
	return auth.JSON(w, s)
}

// visible finds the post of a route's {id}, if the reader may see it.
func (a *API) visible(r *http.Request) (*storage.Post, error) {
	return a.DB.VisiblePost(r.Context(), auth.Viewer(r.Context()), pathID(r))
}

// showStatus is GET /api/v1/statuses/:id.
func (a *API) showStatus(w http.ResponseWriter, r *http.Request) error {
	p, err := a.visible(r)
	if err != nil {
		return err
	}
	return a.answerStatus(w, r, p)
}

// listStatuses is GET /api/v1/statuses?id[]=…: those of them that the reader may see.
func (a *API) listStatuses(w http.ResponseWriter, r *http.Request) error {
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	ids := v.IDs("id")
	if err := v.Err(); err != nil {
		return err
	}
	if len(ids) > maxStatuses {
		return auth.Invalid("id names more than %d posts", maxStatuses)
	}
	rd := a.reader(r)
	found, err := a.DB.VisiblePosts(r.Context(), rd.me, ids)
	if err != nil {
		return err
	}
	var posts []*storage.Post
	for _, id := range ids {
		if p := found[id]; p != nil {
			posts = append(posts, p)
			delete(found, id)
		}
	}
	out, err := rd.statuses(r.Context(), posts)
	if err != nil {
		return err
	}
	return auth.JSON(w, out)
}

// showContext is GET /api/v1/statuses/:id/context.
func (a *API) showContext(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	p, err := a.visible(r)
	if err != nil {
		return err
	}
	rd := a.reader(r)
	if rd.me != storage.Nobody {
		if err := a.Resolver.OpenThread(ctx, p); err != nil {
			return err
		}
	}
	above, err := a.DB.Ancestors(ctx, rd.me, p)
	if err != nil {
		return err
	}
	below, err := a.DB.Descendants(ctx, rd.me, p)
	if err != nil {
		return err
	}
	var out Context
	if out.Ancestors, err = rd.statuses(ctx, above); err != nil {
		return err
	}
	if out.Descendants, err = rd.statuses(ctx, below); err != nil {
		return err
	}
	return auth.JSON(w, out)
}

// deleteStatus is DELETE /api/v1/statuses/:id. The answer is the post as it was with its source,
// so that its author can write it anew.
func (a *API) deleteStatus(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	me := auth.Account(ctx)
	p, err := a.visible(r)
	if err != nil {
		return err
	}
	if p.AuthorID != me.ID {
		return auth.NotFound()
	}
	s, err := a.reader(r).status(ctx, p)
	if err != nil {
		return err
	}
	if _, err := a.Outbox.Delete(ctx, me, p.ID); err != nil {
		return err
	}
	s.Text = &p.Text
	return auth.JSON(w, s)
}

// editStatus is PUT /api/v1/statuses/:id.
func (a *API) editStatus(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	edit := outbox.Edit{Text: v.Str("status"), ContentWarning: v.Str("spoiler_text"), Sensitive: v.Bool("sensitive", false), Language: v.Str("language"), Poll: readPoll(v)}
	if _, edit.Circle, err = readAudience(v); err != nil {
		return err
	}
	if v.Given("media_ids") {
		if edit.Media = v.IDs("media_ids"); edit.Media == nil {
			edit.Media = []int64{}
		}
	}
	// The alt text of what hangs on the post can be changed with it.
	type change struct {
		file        int64
		description *string
		focus       *[2]float64
	}
	var changes []change
	for _, m := range v.Each("media_attributes") {
		c := change{file: m.Int("id", 0), description: m.OptStr("description")}
		if c.focus, err = readFocus(m); err != nil {
			return err
		}
		changes = append(changes, c)
	}
	if err := v.Err(); err != nil {
		return err
	}
	me := auth.Account(ctx)
	if _, err := a.own(r); err != nil {
		return err
	}
	for _, c := range changes {
		if _, err := a.Outbox.Describe(ctx, me, c.file, c.description, c.focus); err != nil {
			return err
		}
	}
	post, err := a.Outbox.Edit(ctx, me, pathID(r), edit)
	if err != nil {
		return err
	}
	return a.answerStatus(w, r, post)
}

// own finds the post of a route's {id}, if the reader wrote it.
func (a *API) own(r *http.Request) (*storage.Post, error) {
	p, err := a.visible(r)
	if err != nil {
		return nil, err
	}
	if p.AuthorID != auth.Viewer(r.Context()) {
		return nil, auth.NotFound()
	}
	return p, nil
}

// showSource is GET /api/v1/statuses/:id/source.
func (a *API) showSource(w http.ResponseWriter, r *http.Request) error {
	p, err := a.own(r)
	if err != nil {
		return err
	}
	return auth.JSON(w, StatusSource{ID: id(p.ID), Text: p.Text, SpoilerText: p.ContentWarning})
}

// showHistory is GET /api/v1/statuses/:id/history: how the post stood, oldest first, and stands.
func (a *API) showHistory(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	p, err := a.visible(r)
	if err != nil {
		return err
	}
	edits, err := a.DB.PostEdits(ctx, p.ID)
	if err != nil {
		return err
	}
	now, err := a.reader(r).status(ctx, p)
	if err != nil {
		return err
	}
	entry := StatusEdit{Account: now.Account, MediaAttachments: now.MediaAttachments, Emojis: now.Emojis, Quote: now.Quote}
	if now.Poll != nil {
		entry.Poll = &EditPoll{}
		for _, o := range now.Poll.Options {
			entry.Poll.Options = append(entry.Poll.Options, EditPollOption{o.Title})
		}
	}
	out := make([]StatusEdit, 0, len(edits)+1)
	for _, e := range edits {
		entry.Content, entry.SpoilerText, entry.Sensitive, entry.CreatedAt = e.HTML, e.ContentWarning, e.Sensitive, stamp(e.WrittenAt)
		out = append(out, entry)
	}
	entry.Content, entry.SpoilerText, entry.Sensitive, entry.CreatedAt = now.Content, now.SpoilerText, now.Sensitive, now.CreatedAt
	if now.EditedAt != nil {
		entry.CreatedAt = *now.EditedAt
	}
	return auth.JSON(w, append(out, entry))
}
