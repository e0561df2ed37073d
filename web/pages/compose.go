package pages

import (
	"errors"
	"net/http"
	"strings"

	"ruche/outbox"
	"ruche/storage"
	"ruche/web/auth"
	"ruche/web/view"
)

// compose prepares the form to post: as an answer, where there is something to answer; with what
// was typed before, where it was refused. Nobody who isn't signed in gets one.
func (p *Pages) compose(r *http.Request, answer *view.PostView, typed *view.Compose) *view.Compose {
	me, user := auth.Account(r.Context()), auth.User(r.Context())
	if me == nil || user == nil {
		return nil
	}
	c := &view.Compose{Visibility: user.DefaultVisibility, Circle: user.DefaultCircle, MaxChars: outbox.MaxChars, Return: localPath(r)}
	if c.Visibility == "" {
		c.Visibility = storage.Public
	}
	if c.Circle == "" {
		c.Circle = storage.CircleNetwork
	}
	if answer != nil {
		c.Answer, c.Circle, c.Circles = answer.ID, answer.Circle, circlesUpTo(answer.Circle)
		if narrow := answer.Visibility; narrow == storage.Followers || narrow == storage.Direct {
			c.Visibility = storage.Direct // an answer is heard by no more than what it answers
		}
		if answer.Visibility == storage.Members {
			c.Visibility = storage.Followers // which an answer in a community takes for its members
		}
		if !answer.Mine {
			c.Text = answer.Handle + " "
		}
	}
	if c.Circles == nil {
		c.Circles = circlesUpTo(storage.CircleNetwork)
	}
	if typed != nil {
		typed.Circles, typed.MaxChars = c.Circles, c.MaxChars
		return typed
	}
	return c
}

func circlesUpTo(widest string) []string {
	all := []string{storage.CircleNetwork, storage.CircleOrganisation, storage.CircleNode}
	for i, c := range all {
		if c == widest {
			return all[i:]
		}
	}
	return all
}

// publish is POST /compose.
func (p *Pages) publish(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	me := auth.Account(ctx)
	form, err := auth.Params(r)
	if err != nil {
		return err
	}
	draft := outbox.Draft{
		Text: form.Str("text"), ContentWarning: form.Str("warning"), Visibility: form.Str("visibility"), Circle: form.Str("circle"),
		InReplyTo: form.Int("answer", 0), IdempotencyKey: form.Str("once"), Client: "",
	}
	if err := form.Err(); err != nil {
		return err
	}
	if form.HasFile("picture") {
		file, header, err := form.File("picture")
		if err != nil {
			return err
		}
		defer file.Close()
		if header.Size > 0 { // an empty field of a browser is a file without bytes
			m, err := p.Outbox.Upload(ctx, me, outbox.Upload{Reader: file, Description: form.Str("alt")})
			if err != nil {
				return p.refused(w, r, form, err)
			}
			draft.Media = []int64{m.ID}
		}
	}
	post, err := p.Outbox.Post(ctx, me, draft)
	if err != nil {
		return p.refused(w, r, form, err)
	}
	back := "/home"
	if draft.InReplyTo != 0 {
		back = postPath(me, post)
	}
	http.Redirect(w, r, back, http.StatusSeeOther)
	return nil
}

// refused shows the form again, with what was typed and why it was refused.
func (p *Pages) refused(w http.ResponseWriter, r *http.Request, form *auth.Values, cause error) error {
	var why *outbox.Invalid
	if !errors.As(cause, &why) {
		return cause
	}
	typed := &view.Compose{
		Text: form.Str("text"), Warning: form.Str("warning"), Visibility: form.Str("visibility"), Circle: form.Str("circle"), Answer: form.Str("answer"),
		Return: "/home", Error: strings.TrimPrefix(why.Text, "Validation failed: "),
	}
	page := view.Timeline{Which: "compose", Compose: p.compose(r, nil, typed)}
	return p.Auth.Show(w, r, http.StatusUnprocessableEntity, "timeline", page)
}
