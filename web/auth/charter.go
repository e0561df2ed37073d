package auth

import (
	"net/http"
	"net/url"

	"ruche/storage"
	"ruche/web/view"
)

// charterPath is where somebody reads and accepts the charter of the house.
const charterPath = "/auth/charter"

type houseKey struct{}

// site is whose pages these are, as admins have set it.
func (s *Server) site(r *http.Request, locale string) view.Site {
	site := s.Site
	house, ok := r.Context().Value(houseKey{}).(*storage.House)
	if !ok { // a page outside of every route
		var err error
		if house, err = s.DB.House(r.Context()); err != nil {
			return site
		}
	}
	if house.Name != "" {
		site.Name = house.Name
	}
	site.Colour, site.Welcome = house.Colour, house.In(house.Welcome, locale)
	return site
}

// toCharter leads somebody who hasn't accepted the charter to it, and afterwards back.
func (s *Server) toCharter(w http.ResponseWriter, r *http.Request) {
	back := "/home"
	if r.Method == http.MethodGet {
		back = r.URL.RequestURI()
	}
	http.Redirect(w, r, charterPath+"?"+url.Values{"return_to": {back}}.Encode(), http.StatusSeeOther)
}

// charterPage is GET /auth/charter.
func (s *Server) charterPage(w http.ResponseWriter, r *http.Request) error {
	house, err := s.DB.House(r.Context())
	if err != nil {
		return err
	}
	if house.Version == "" {
		return NotFound()
	}
	return s.Show(w, r, http.StatusOK, "charter", view.Charter{Text: house.In(house.Charter, s.Locale(r)), Version: house.Version,
		Asks: house.Asks(User(r.Context())), ReturnTo: localPath(r.URL.Query().Get("return_to"))})
}

// acceptCharter is POST /auth/charter.
func (s *Server) acceptCharter(w http.ResponseWriter, r *http.Request) error {
	form, err := Params(r)
	if err != nil {
		return err
	}
	err = s.DB.Update(r.Context(), func(tx *storage.Tx) error {
		return tx.AcceptCharter(r.Context(), Account(r.Context()).ID, form.Str("version"))
	})
	if err != nil {
		return err
	}
	to := localPath(form.Str("return_to"))
	if to == "" {
		to = "/home"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}
