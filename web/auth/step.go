package auth

import (
	"errors"
	"html/template"
	"net/http"

	"ruche/outbox"
	"ruche/web/view"
)

// step shows a page of one question: its sentences are the messages NAME.title, NAME.lead and NAME.button.
func (s *Server) step(w http.ResponseWriter, r *http.Request, status int, name string, page view.Step) error {
	if page.Action != "" && page.Button == "" {
		page.Button = s.say(r, name+".button")
	}
	page.Title = s.say(r, name+".title")
	if page.Lead == "" {
		page.Lead = s.say(r, name+".lead")
	}
	for i, f := range page.Fields {
		page.Fields[i].Label = s.say(r, f.Label)
		if f.Hint != "" {
			page.Fields[i].Hint = s.say(r, f.Hint)
		}
	}
	if page.Error != "" {
		page.Error = s.say(r, page.Error)
	}
	return s.Show(w, r, status, "step", page)
}

// dataPNG is a picture in the page itself.
func dataPNG(encoded string) template.URL { return template.URL("data:image/png;base64," + encoded) }

// whyNot is the message for an outbox.ErrInvalid: its words are English, so each case has its own.
func whyNot(err error, message string) (string, bool) {
	return message, errors.Is(err, outbox.ErrInvalid)
}

// signedIn says whether somebody asks; a stranger is sent to sign in.
func (s *Server) signedIn(w http.ResponseWriter, r *http.Request) bool {
	if Account(r.Context()) != nil {
		return true
	}
	http.Redirect(w, r, SignInURL(accountPath), http.StatusSeeOther)
	return false
}

// withPassword reads a form of the account page that needs the current password, and says whether it was right; if not,
// the page has been shown.
func (s *Server) withPassword(w http.ResponseWriter, r *http.Request) (*Values, bool, error) {
	if !s.signedIn(w, r) {
		return nil, false, nil
	}
	form, err := Params(r)
	if err != nil {
		return nil, false, err
	}
	_, err = s.checkSignIn(r, User(r.Context()).Email, form.Str("current"))
	var refused *Error
	if errors.As(err, &refused) {
		return nil, false, s.showAccount(w, r, refused.Status, "", whyPasswordRefused(refused))
	}
	return form, err == nil, err
}
