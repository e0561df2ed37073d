package api

import (
	"net/http"

	"ruche/web/auth"
)

// instanceV2 is GET /api/v2/instance.
func (a *API) instanceV2(w http.ResponseWriter, r *http.Request) error {
	n, err := a.DB.Population(r.Context())
	if err != nil {
		return err
	}
	return auth.JSON(w, a.reader(r).instance(n))
}

// instanceV1 is GET /api/v1/instance.
func (a *API) instanceV1(w http.ResponseWriter, r *http.Request) error {
	n, err := a.DB.Population(r.Context())
	if err != nil {
		return err
	}
	return auth.JSON(w, a.reader(r).instanceV1(n))
}

// customEmojis is GET /api/v1/custom_emojis: this node has none.
func (a *API) customEmojis(w http.ResponseWriter, _ *http.Request) error {
	return auth.JSON(w, []Emoji{})
}
