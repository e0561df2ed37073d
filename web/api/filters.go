package api

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"ruche/storage"
	"ruche/web/auth"
)

// Limits of filters.
const (
	maxFilterTitle    = 256
	maxFilterKeyword  = 256
	maxFilterKeywords = 100
	maxFilters        = 200
)

// Where filters apply, and what they do.
var (
	filterContexts = []string{"home", "notifications", "public", "thread", "account"}
	filterActions  = []string{storage.FilterWarn, storage.FilterHide, storage.FilterBlur}
)

// readFilter changes a filter as the request says.
func (a *API) readFilter(v *auth.Values, f *storage.Filter) error {
	if title := v.OptStr("title"); title != nil {
		f.Title = strings.TrimSpace(*title)
	}
	if v.Given("context") {
		f.Contexts = v.List("context")
	}
	if action := v.Str("filter_action"); action != "" {
		f.Action = action
	}
	if err := a.readExpiry(v, f); err != nil {
		return err
	}
	switch {
	case f.Title == "":
		return auth.Invalid("Title can't be blank")
	case len([]rune(f.Title)) > maxFilterTitle:
		return auth.Invalid("Title is longer than %d characters", maxFilterTitle)
	case len(f.Contexts) == 0:
		return auth.Invalid("Context can't be blank")
	case !slices.Contains(filterActions, f.Action):
		return auth.Invalid("filter_action must be one of %s", strings.Join(filterActions, ", "))
	}
	for _, c := range f.Contexts {
		if !slices.Contains(filterContexts, c) {
			return auth.Invalid("context must be of %s", strings.Join(filterContexts, ", "))
		}
	}
	return nil
}

// readExpiry reads in how many seconds a filter ends; an empty text means never.
func (a *API) readExpiry(v *auth.Values, f *storage.Filter) error {
	if !v.Given("expires_in") {
		return nil
	}
	f.ExpiresAt = time.Time{}
	seconds := v.Int("expires_in", 0)
	if err := v.Err(); err != nil {
		return err
	}
	if seconds > 0 && seconds < int64((100*365*24*time.Hour).Seconds()) {
		f.ExpiresAt = a.DB.Now().Add(time.Duration(seconds) * time.Second)
	}
	return nil
}

func checkKeyword(k *storage.FilterKeyword) error {
	k.Keyword = strings.TrimSpace(k.Keyword)
	switch {
	case k.Keyword == "":
		return auth.Invalid("Keyword can't be blank")
	case len([]rune(k.Keyword)) > maxFilterKeyword:
		return auth.Invalid("Keyword is longer than %d characters", maxFilterKeyword)
	}
	return nil
}

// listFilters is GET /api/v2/filters.
func (a *API) listFilters(w http.ResponseWriter, r *http.Request) error {
	found, err := a.DB.Filters(r.Context(), auth.Viewer(r.Context()), false)
	if err != nil {
		return err
	}
	out := make([]Filter, 0, len(found))
	for _, f := range found {
		out = append(out, filterEntity(f, true))
	}
	return auth.JSON(w, out)
}

func (a *API) ownFilter(r *http.Request) (*storage.Filter, error) {
	return a.DB.FilterByID(r.Context(), auth.Viewer(r.Context()), pathID(r))
}

// showFilter is GET /api/v2/filters/:id.
func (a *API) showFilter(w http.ResponseWriter, r *http.Request) error {
	f, err := a.ownFilter(r)
	if err != nil {
		return err
	}
	return auth.JSON(w, filterEntity(f, true))
}

// createFilter is POST /api/v2/filters.
func (a *API) createFilter(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	f := &storage.Filter{AccountID: auth.Viewer(ctx), Action: storage.FilterWarn}
	if err := a.readFilter(v, f); err != nil {
		return err
	}
	for _, k := range v.Each("keywords_attributes") {
		f.Keywords = append(f.Keywords, &storage.FilterKeyword{Keyword: k.Str("keyword"), WholeWord: k.Bool("whole_word", true)})
	}
	if err := v.Err(); err != nil {
		return err
	}
	if len(f.Keywords) > maxFilterKeywords {
		return auth.Invalid("a filter has at most %d keywords", maxFilterKeywords)
	}
	for _, k := range f.Keywords {
		if err := checkKeyword(k); err != nil {
			return err
		}
	}
	all, err := a.DB.Filters(ctx, f.AccountID, false)
	if err != nil {
		return err
	}
	if len(all) >= maxFilters {
		return auth.Invalid("there are %d filters already", maxFilters)
	}
	if err := a.DB.Update(ctx, func(tx *storage.Tx) error { return tx.AddFilter(ctx, f) }); err != nil {
		return err
	}
	return auth.JSON(w, filterEntity(f, true))
}

// updateFilter is PUT /api/v2/filters/:id; keywords_attributes add, change (id) and remove
// (_destroy) words.
func (a *API) updateFilter(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	f, err := a.ownFilter(r)
	if err != nil {
		return err
	}
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	if err := a.readFilter(v, f); err != nil {
		return err
	}
	var added, changed, removed []*storage.FilterKeyword
	for _, o := range v.Each("keywords_attributes") {
		number := o.Int("id", 0)
		at := slices.IndexFunc(f.Keywords, func(k *storage.FilterKeyword) bool { return k.ID == number })
		k := &storage.FilterKeyword{WholeWord: true}
		switch {
		case number != 0 && at < 0:
			return auth.NotFound()
		case number != 0:
			k = f.Keywords[at]
		}
		if o.Bool("_destroy", false) {
			removed = append(removed, k)
			continue
		}
		if keyword := o.OptStr("keyword"); keyword != nil {
			k.Keyword = *keyword
		}
		k.WholeWord = o.Bool("whole_word", k.WholeWord)
		if err := checkKeyword(k); err != nil {
			return err
		}
		if number == 0 {
			added = append(added, k)
		} else {
			changed = append(changed, k)
		}
	}
	if err := v.Err(); err != nil {
		return err
	}
	if len(f.Keywords)+len(added) > maxFilterKeywords {
		return auth.Invalid("a filter has at most %d keywords", maxFilterKeywords)
	}
	err = a.DB.Update(ctx, func(tx *storage.Tx) error {
		if err := tx.SaveFilter(ctx, f); err != nil {
			return err
		}
		for _, k := range added {
			if err := tx.AddKeyword(ctx, f, k); err != nil {
				return err
			}
		}
		for _, k := range changed {
			if err := tx.SaveKeyword(ctx, f, k); err != nil {
				return err
			}
		}
		for _, k := range removed {
			if k.ID == 0 {
				continue
			}
			if err := tx.RemoveKeyword(ctx, f, k); err != nil {
				return err
			}
		}
		f, err = tx.FilterByID(ctx, f.AccountID, f.ID)
		return err
	})
	if err != nil {
		return err
	}
	return auth.JSON(w, filterEntity(f, true))
}

// deleteFilter is DELETE /api/v2/filters/:id.
func (a *API) deleteFilter(w http.ResponseWriter, r *http.Request) error {
	f, err := a.ownFilter(r)
	if err != nil {
		return err
	}
	if err := a.DB.Update(r.Context(), func(tx *storage.Tx) error { return tx.RemoveFilter(r.Context(), f) }); err != nil {
		return err
	}
	return empty(w)
}

// listKeywords is GET /api/v2/filters/:id/keywords.
func (a *API) listKeywords(w http.ResponseWriter, r *http.Request) error {
	f, err := a.ownFilter(r)
	if err != nil {
		return err
	}
	return auth.JSON(w, filterEntity(f, true).Keywords)
}

// addKeyword is POST /api/v2/filters/:id/keywords.
func (a *API) addKeyword(w http.ResponseWriter, r *http.Request) error {
	f, err := a.ownFilter(r)
	if err != nil {
		return err
	}
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	k := &storage.FilterKeyword{Keyword: v.Str("keyword"), WholeWord: v.Bool("whole_word", true)}
	if err := v.Err(); err != nil {
		return err
	}
	if err := checkKeyword(k); err != nil {
		return err
	}
	if len(f.Keywords) >= maxFilterKeywords {
		return auth.Invalid("a filter has at most %d keywords", maxFilterKeywords)
	}
	if err := a.DB.Update(r.Context(), func(tx *storage.Tx) error { return tx.AddKeyword(r.Context(), f, k) }); err != nil {
		return err
	}
	return auth.JSON(w, keywordEntity(k))
}

func (a *API) ownKeyword(r *http.Request) (*storage.Filter, *storage.FilterKeyword, error) {
	return a.DB.FilterOfKeyword(r.Context(), auth.Viewer(r.Context()), pathID(r))
}

// showKeyword is GET /api/v2/filters/keywords/:id.
func (a *API) showKeyword(w http.ResponseWriter, r *http.Request) error {
	_, k, err := a.ownKeyword(r)
	if err != nil {
		return err
	}
	return auth.JSON(w, keywordEntity(k))
}

// updateKeyword is PUT /api/v2/filters/keywords/:id.
func (a *API) updateKeyword(w http.ResponseWriter, r *http.Request) error {
	f, k, err := a.ownKeyword(r)
	if err != nil {
		return err
	}
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	if keyword := v.OptStr("keyword"); keyword != nil {
		k.Keyword = *keyword
	}
	k.WholeWord = v.Bool("whole_word", k.WholeWord)
	if err := v.Err(); err != nil {
		return err
	}
	if err := checkKeyword(k); err != nil {
		return err
	}
	if err := a.DB.Update(r.Context(), func(tx *storage.Tx) error { return tx.SaveKeyword(r.Context(), f, k) }); err != nil {
		return err
	}
	return auth.JSON(w, keywordEntity(k))
}

// deleteKeyword is DELETE /api/v2/filters/keywords/:id.
func (a *API) deleteKeyword(w http.ResponseWriter, r *http.Request) error {
	f, k, err := a.ownKeyword(r)
	if err != nil {
		return err
	}
	if err := a.DB.Update(r.Context(), func(tx *storage.Tx) error { return tx.RemoveKeyword(r.Context(), f, k) }); err != nil {
		return err
	}
	return empty(w)
}
