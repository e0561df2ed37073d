package api

import (
	"net/http"
	"strconv"
	"strings"

	"ruche/outbox"
	"ruche/storage"
	"ruche/web/auth"
)

// uploadMedia is POST /api/v1/media and /api/v2/media: the file is ready when this answers.
func (a *API) uploadMedia(w http.ResponseWriter, r *http.Request) error {
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	focus, err := readFocus(v)
	if err != nil {
		return err
	}
	file, _, err := v.File("file")
	if err != nil {
		return err
	}
	defer file.Close()
	upload := outbox.Upload{Reader: file, Description: v.Str("description")}
	if focus != nil {
		upload.FocusX, upload.FocusY = focus[0], focus[1]
	}
	m, err := a.Outbox.Upload(r.Context(), auth.Account(r.Context()), upload)
	if err != nil {
		return err
	}
	return auth.JSON(w, a.reader(r).attachment(m))
}

// readFocus reads focus=x,y; nil where the request doesn't say.
func readFocus(v *auth.Values) (*[2]float64, error) {
	text := v.OptStr("focus")
	if text == nil || strings.TrimSpace(*text) == "" {
		return nil, nil
	}
	x, y, _ := strings.Cut(*text, ",")
	var focus [2]float64
	for i, s := range []string{x, y} {
		f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		if err != nil || !(f >= -1 && f <= 1) {
			return nil, auth.Invalid("focus must be two numbers between -1 and 1, separated by a comma")
		}
		focus[i] = f
	}
	return &focus, nil
}

// ownMedia finds a file of the reader's own.
func (a *API) ownMedia(r *http.Request) (*storage.Media, error) {
	m, err := a.DB.MediaByID(r.Context(), pathID(r))
	if err != nil {
		return nil, err
	}
	if m.AccountID != auth.Viewer(r.Context()) {
		return nil, auth.NotFound()
	}
	return m, nil
}

// showMedia is GET /api/v1/media/:id.
func (a *API) showMedia(w http.ResponseWriter, r *http.Request) error {
	m, err := a.ownMedia(r)
	if err != nil {
		return err
	}
	return auth.JSON(w, a.reader(r).attachment(m))
}

// deleteMedia is DELETE /api/v1/media/:id, for files that hang on nothing.
func (a *API) deleteMedia(w http.ResponseWriter, r *http.Request) error {
	m, err := a.ownMedia(r)
	if err != nil {
		return err
	}
	if err := a.Outbox.RemoveUpload(r.Context(), m); err != nil {
		return err
	}
	return empty(w)
}

// describeMedia is PUT /api/v1/media/:id.
func (a *API) describeMedia(w http.ResponseWriter, r *http.Request) error {
	m, err := a.ownMedia(r)
	if err != nil {
		return err
	}
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	focus, err := readFocus(v)
	if err != nil {
		return err
	}
	if m, err = a.Outbox.Describe(r.Context(), auth.Account(r.Context()), m.ID, v.OptStr("description"), focus); err != nil {
		return err
	}
	return auth.JSON(w, a.reader(r).attachment(m))
}
