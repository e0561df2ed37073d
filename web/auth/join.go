package auth

import (
	"errors"
	"net/http"
	"strings"

	"ruche/outbox"
	"ruche/outbox/people"
	"ruche/storage"
	"ruche/web/view"
)

// joinPath is where an invitation's link leads, and where an account is asked for.
const joinPath = "/auth/join"

// JoinURL is the link of an invitation.
func (s *Server) JoinURL(secret string) string {
	return s.PublicURL + joinPath + "?invitation=" + secret
}

// joinPage is GET /auth/join: with an invitation, the form that makes an account; without one, where anybody may, the one
// that asks for it.
func (s *Server) joinPage(w http.ResponseWriter, r *http.Request) error {
	noStore(w)
	if Account(r.Context()) != nil {
		http.Redirect(w, r, accountPath, http.StatusSeeOther)
		return nil
	}
	typed := people.Request{Invitation: r.URL.Query().Get("invitation")}
	if typed.Invitation != "" {
		if _, err := s.DB.PersonInvitationBySecret(r.Context(), typed.Invitation); err != nil {
			return s.joinRefused(w, r, typed, err)
		}
	} else if how, err := s.DB.Joining(r.Context()); err != nil {
		return err
	} else if how != storage.JoinApproval {
		return s.joinRefused(w, r, typed, people.ErrClosed)
	}
	return s.showJoin(w, r, http.StatusOK, typed, "")
}

// showJoin shows the form with what was typed before, except the password.
func (s *Server) showJoin(w http.ResponseWriter, r *http.Request, status int, typed people.Request, wrong string) error {
	page := view.Step{Action: joinPath, Error: wrong, Fields: []view.StepField{
		{Name: "username", Label: "join.username", Hint: "join.usernamehint", Type: "text", Autocomplete: "username", Max: 30, Value: typed.Username},
		{Name: "name", Label: "join.name", Type: "text", Autocomplete: "name", Max: outbox.MaxDisplayName, Value: typed.DisplayName, Optional: true},
		{Name: "email", Label: "join.email", Type: "email", Autocomplete: "email", Max: maxLogin, Value: typed.Email},
		{Name: "password", Label: "signin.password", Type: "password", Autocomplete: "new-password", Min: people.MinPassword, Max: people.MaxPassword},
	}}
	name := "join"
	if typed.Invitation == "" {
		name = "askjoin"
		page.Fields = append(page.Fields, view.StepField{Name: "reason", Label: "join.reason", Rows: 3, Max: people.MaxReason, Value: typed.Reason})
	} else {
		page.Hidden = map[string]string{"invitation": typed.Invitation}
	}
	return s.step(w, r, status, name, page)
}

// join is POST /auth/join. Who has an invitation is signed in by the same act; who asks is told that they wait.
func (s *Server) join(w http.ResponseWriter, r *http.Request) error {
	noStore(w)
	form, err := Params(r)
	if err != nil {
		return err
	}
	ctx := r.Context()
	typed := people.Request{Invitation: form.Str("invitation"), Reason: form.Str("reason"), New: people.New{
		Username: strings.TrimSpace(form.Str("username")), Email: strings.TrimSpace(form.Str("email")), DisplayName: strings.TrimSpace(form.Str("name")),
		Password: form.Str("password"), Locale: s.Locale(r), Locked: s.ApproveFollows,
	}}
	secret := ""
	joined, err := s.Join(r, typed, func(tx *storage.Tx, j *people.Joined) error {
		if secret = ""; j.Account == nil {
			return nil
		}
		var session *storage.Session
		session, secret = s.newSession(j.ID)
		if err := s.endThis(r, tx); err != nil {
			return err
		}
		return tx.AddSession(ctx, session)
	})
	if err != nil {
		return s.joinRefused(w, r, typed, err)
	}
	if joined.Account == nil {
		return s.step(w, r, http.StatusAccepted, "joinwaits", view.Step{Link: "/", LinkText: s.say(r, "join.front")})
	}
	s.setCookie(w, secret)
	http.Redirect(w, r, "/home", http.StatusSeeOther)
	return nil
}

// Join makes an account or asks for one (people.Join), for a page or an app: not too often from one address, and not more
// at once than the machine can hash passwords.
func (s *Server) Join(r *http.Request, asked people.Request, also func(*storage.Tx, *people.Joined) error) (*people.Joined, error) {
	if !s.joinsByAddress.Take(s.address(r)).OK {
		return nil, tooMany()
	}
	select {
	case s.hashing <- struct{}{}:
		defer func() { <-s.hashing }()
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	return people.Join(r.Context(), s.DB, asked, also)
}

// joinRefused says why there is no account: on the form, where typing something else helps, or on a page of its own.
func (s *Server) joinRefused(w http.ResponseWriter, r *http.Request, typed people.Request, err error) error {
	var over *storage.OverError
	var refused *Error
	switch {
	case errors.As(err, &over):
		status := http.StatusGone
		if over.Why == storage.InvitationUnknown {
			status = http.StatusNotFound
		}
		return s.step(w, r, status, "joinover", view.Step{Lead: s.say(r, "join.over."+over.Why)})
	case errors.Is(err, people.ErrClosed):
		return s.step(w, r, http.StatusForbidden, "joinclosed", view.Step{Link: signInPath, LinkText: s.say(r, "signin.title")})
	case errors.Is(err, people.ErrFull):
		return s.showJoin(w, r, http.StatusServiceUnavailable, typed, "join.full")
	case errors.As(err, &refused) && refused.Status == http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "1800")
		return s.showJoin(w, r, http.StatusTooManyRequests, typed, "signin.slow")
	case errors.Is(err, storage.ErrExists):
		return s.showJoin(w, r, http.StatusConflict, typed, "join.taken")
	case errors.Is(err, outbox.ErrInvalid):
		return s.showJoin(w, r, http.StatusUnprocessableEntity, typed, whyNotJoin(typed))
	}
	return err
}

// whyNotJoin is the message for what can't be typed so.
func whyNotJoin(typed people.Request) string {
	_, email := people.CleanEmail(typed.Email)
	switch {
	case people.CheckUsername(strings.TrimPrefix(typed.Username, "@"), false) != nil:
		return "join.badusername"
	case email != nil:
		return "account.bademail"
	case len(typed.Password) < people.MinPassword || len(typed.Password) > people.MaxPassword:
		return "account.badpassword"
	case people.CheckNewPassword(&storage.Account{Username: typed.Username}, &storage.User{Email: strings.ToLower(typed.Email)}, typed.Password) != nil:
		return "account.commonpassword"
	case typed.Invitation == "" && strings.TrimSpace(typed.Reason) == "":
		return "join.noreason"
	}
	return "join.bad"
}
