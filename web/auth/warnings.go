package auth

import (
	"errors"
	"net/http"

	"ruche/outbox"
	"ruche/outbox/moderation"
	"ruche/web/view"
)

// warningsPath is where somebody reads what moderators did about them, and appeals.
const warningsPath = "/auth/warnings"

// openToHeld is all that a suspended or frozen person may still open once signed in: what was done, and the way out.
var openToHeld = map[string]bool{warningsPath: true, "/auth/sign_out": true}

// warningsPage is GET /auth/warnings.
func (s *Server) warningsPage(w http.ResponseWriter, r *http.Request) error {
	return s.showWarnings(w, r, http.StatusOK, false)
}

func (s *Server) showWarnings(w http.ResponseWriter, r *http.Request, status int, refused bool) error {
	me := Account(r.Context())
	desk := &moderation.Desk{DB: s.DB}
	strikes, err := desk.Warnings(r.Context(), me)
	if err != nil {
		return err
	}
	page := view.Warnings{Account: me, Refused: refused, Appealed: r.URL.Query().Has("appealed")}
	for _, strike := range strikes {
		page.Strikes = append(page.Strikes, view.WarningLine{Strike: strike, MayAppeal: strike.MayAppeal(s.DB.Now())})
	}
	return s.Show(w, r, status, "warnings", page)
}

// appeal is POST /auth/warnings.
func (s *Server) appeal(w http.ResponseWriter, r *http.Request) error {
	form, err := Params(r)
	if err != nil {
		return err
	}
	strike := form.Int("strike", 0)
	if err := form.Err(); err != nil {
		return err
	}
	desk := &moderation.Desk{DB: s.DB}
	err = desk.Appeal(r.Context(), Account(r.Context()), strike, form.Str("appeal"))
	if errors.Is(err, outbox.ErrInvalid) {
		return s.showWarnings(w, r, http.StatusUnprocessableEntity, true)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, warningsPath+"?appealed=1", http.StatusSeeOther)
	return nil
}
