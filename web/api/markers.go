package api

import (
	"context"
	"net/http"

	"ruche/storage"
	"ruche/web/auth"
)

// Marker is how far somebody has read a timeline.
type Marker struct {
	LastReadID string `json:"last_read_id"`
	Version    int64  `json:"version"`
	UpdatedAt  string `json:"updated_at"`
}

// markedTimelines are those that apps keep a marker of.
var markedTimelines = []string{"home", "notifications"}

// showMarkers is GET /api/v1/markers?timeline[]=….
func (a *API) showMarkers(w http.ResponseWriter, r *http.Request) error {
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	return a.answerMarkers(w, r.Context(), v.List("timeline"))
}

func (a *API) answerMarkers(w http.ResponseWriter, ctx context.Context, timelines []string) error {
	rows, err := a.DB.Markers(ctx, auth.Viewer(ctx), timelines)
	if err != nil {
		return err
	}
	out := map[string]Marker{}
	for _, m := range rows {
		out[m.Timeline] = Marker{LastReadID: id(m.LastReadID), Version: m.Version, UpdatedAt: stamp(m.UpdatedAt)}
	}
	return auth.JSON(w, out)
}

// saveMarkers is POST /api/v1/markers with home[last_read_id] and the like.
func (a *API) saveMarkers(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	read := map[string]int64{}
	var saved []string
	for _, timeline := range markedTimelines {
		if key := timeline + "[last_read_id]"; v.Has(key) {
			read[timeline] = v.Int(key, 0)
			saved = append(saved, timeline)
		}
	}
	if err := v.Err(); err != nil {
		return err
	}
	err = a.DB.Update(ctx, func(tx *storage.Tx) error {
		for _, timeline := range saved {
			if err := tx.SetMarker(ctx, auth.Viewer(ctx), timeline, read[timeline]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return a.answerMarkers(w, ctx, saved)
}
