package api

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"ruche/storage"
	"ruche/web/auth"
)

// What Mastodon's admin API counts. Here are the figures that are about work and not about people: nobody's sign-ins,
// visits or returns are counted, and what isn't counted is left out of the answers.

// Measure is a figure by day.
type Measure struct {
	Key           string       `json:"key"`
	Unit          *string      `json:"unit"`
	Total         string       `json:"total"`
	PreviousTotal string       `json:"previous_total"`
	Data          []MeasureDay `json:"data"`
}

// MeasureDay is a figure on one day.
type MeasureDay struct {
	Date  string `json:"date"`
	Value string `json:"value"`
}

// Dimension is a list of figures that belong together.
type Dimension struct {
	Key  string           `json:"key"`
	Data []DimensionValue `json:"data"`
}

// DimensionValue is one of them.
type DimensionValue struct {
	Key      string `json:"key"`
	HumanKey string `json:"human_key"`
	Value    string `json:"value"`
}

// Bounds of what is asked at once.
const (
	maxMeasureDays = 366
	maxMeasureKeys = 50
)

// counted are the figures that there are.
var counted = map[string]storage.ReportDay{"opened_reports": storage.ReportOpened, "resolved_reports": storage.ReportClosed}

// period reads from when to when figures are asked: whole days in UTC, the last one included.
func period(v *auth.Values) (from, until time.Time, err error) {
	for _, end := range []struct {
		key  string
		into *time.Time
	}{{"start_at", &from}, {"end_at", &until}} {
		text := strings.TrimSpace(v.Str(end.key))
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			at, err = time.Parse(time.DateOnly, text)
		}
		if err != nil || at.Year() < 2000 || at.Year() > 2200 {
			return from, until, auth.Invalid("%s must be a time such as 2026-11-20T00:00:00Z", end.key)
		}
		*end.into = at.UTC().Truncate(24 * time.Hour)
	}
	until = until.AddDate(0, 0, 1)
	if days := until.Sub(from) / (24 * time.Hour); days < 1 || days > maxMeasureDays {
		return from, until, auth.Invalid("end_at must be at or after start_at, and at most %d days later", maxMeasureDays-1)
	}
	return from, until, nil
}

// wanted reads which figures are asked.
func wanted(v *auth.Values) ([]string, error) {
	keys := v.List("keys")
	if len(keys) > maxMeasureKeys {
		return nil, auth.Invalid("keys can't be more than %d", maxMeasureKeys)
	}
	return keys, nil
}

// measures is POST /api/v1/admin/measures.
func (a *API) measures(w http.ResponseWriter, r *http.Request) error {
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	from, until, err := period(v)
	if err != nil {
		return err
	}
	keys, err := wanted(v)
	if err != nil {
		return err
	}
	out := []Measure{}
	for _, key := range keys {
		which, ok := counted[key]
		if !ok || slices.ContainsFunc(out, func(m Measure) bool { return m.Key == key }) {
			continue
		}
		before := from.Add(from.Sub(until)) // as long before
		days, err := a.DB.ReportsByDay(r.Context(), which, before, until)
		if err != nil {
			return err
		}
		m, total, previous := Measure{Key: key, Data: []MeasureDay{}}, 0, 0
		for day := before; day.Before(until); day = day.AddDate(0, 0, 1) {
			n := days[day.Format(time.DateOnly)]
			if day.Before(from) {
				previous += n
				continue
			}
			total += n
			m.Data = append(m.Data, MeasureDay{Date: day.Format(time.RFC3339), Value: strconv.Itoa(n)})
		}
		m.Total, m.PreviousTotal = strconv.Itoa(total), strconv.Itoa(previous)
		out = append(out, m)
	}
	return auth.JSON(w, out)
}

// dimensions is POST /api/v1/admin/dimensions.
func (a *API) dimensions(w http.ResponseWriter, r *http.Request) error {
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	keys, err := wanted(v)
	if err != nil {
		return err
	}
	out := []Dimension{}
	if slices.Contains(keys, "software_versions") {
		out = append(out, Dimension{"software_versions", []DimensionValue{{"ruche", "Ruche", a.Version}}})
	}
	return auth.JSON(w, out)
}
