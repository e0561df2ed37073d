package admin

import (
	"fmt"
	"net/http"
	"strings"

	"ruche/storage"
	"ruche/web/auth"
	"ruche/web/view"
)

// long are the settings that take more than a line.
var long = map[string]bool{storage.SettingRules: true, storage.SettingAbout: true, storage.SettingPrivacy: true, storage.SettingTerms: true, storage.SettingWelcomeEN: true, storage.SettingWelcomeFR: true,
	storage.SettingCharterEN: true, storage.SettingCharterFR: true, storage.SettingPushHosts: true, storage.SettingRedirectHosts: true, storage.SettingCardHosts: true}

// settings is GET /admin/settings: the house's name, colour and words, and what else may be chosen.
func (a *Admin) settings(w http.ResponseWriter, r *http.Request) error {
	return a.showSettings(w, r, nil, nil)
}

func (a *Admin) showSettings(w http.ResponseWriter, r *http.Request, typed *auth.Values, cause error) error {
	page := view.AdminSettings{Outcome: outcome(r, cause)}
	for _, c := range storage.Choices {
		value, err := a.DB.Setting(r.Context(), c.Name)
		if err != nil {
			return err
		}
		if typed != nil && typed.Has(c.Name) {
			value = typed.Str(c.Name)
		}
		plain := strings.TrimSuffix(strings.TrimSuffix(c.Name, "_en"), "_fr")
		page.Settings = append(page.Settings, view.SettingLine{Name: c.Name, Value: value, Long: long[c.Name] || long[plain]})
	}
	return a.show(w, r, "adminsettings", page.Outcome, page)
}

// saveSettings is POST /admin/settings: all of them in one act, or none.
func (a *Admin) saveSettings(w http.ResponseWriter, r *http.Request) error {
	form, err := auth.Params(r)
	if err != nil {
		return err
	}
	ctx := reasoned(r.Context(), form)
	err = a.DB.Update(ctx, func(tx *storage.Tx) error {
		for _, c := range storage.Choices {
			if !form.Has(c.Name) {
				continue
			}
			if err := tx.Choose(ctx, c.Name, form.Str(c.Name)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return a.showSettings(w, r, form, err)
	}
	return done(w, r, "/admin/settings", "saved")
}

// jobs is GET /admin/jobs: what was given up, and can be tried once more.
func (a *Admin) jobs(w http.ResponseWriter, r *http.Request) error { return a.showJobs(w, r, nil) }

func (a *Admin) showJobs(w http.ResponseWriter, r *http.Request, cause error) error {
	q := r.URL.Query()
	page := view.AdminJobs{Outcome: outcome(r, cause), Host: q.Get("host")}
	ended, err := a.DB.EndedJobs(r.Context(), page.Host, storage.Page{Limit: perPage, MaxID: storage.ParseID(q.Get("before"))})
	if err != nil {
		return err
	}
	page.Ended = ended
	if page.Queue, err = a.DB.QueueDepths(r.Context()); err != nil {
		return err
	}
	if len(ended) == perPage {
		q.Set("before", storage.FormatID(ended[len(ended)-1].ID))
		q.Del("done")
		page.Older = "/admin/jobs?" + q.Encode()
	}
	return a.show(w, r, "adminjobs", page.Outcome, page)
}

// resend is POST /admin/jobs/{id}/resend.
func (a *Admin) resend(w http.ResponseWriter, r *http.Request) error {
	id := storage.ParseID(r.PathValue("id"))
	err := a.DB.Update(r.Context(), func(tx *storage.Tx) error {
		if err := tx.ResendJob(r.Context(), id); err != nil {
			return err
		}
		return tx.Audit(r.Context(), storage.AuditEntry{Action: storage.ActionResend, Subject: storage.Subject{Kind: "job", ID: fmt.Sprint(id)}})
	})
	if err != nil {
		return a.showJobs(w, r, err)
	}
	return done(w, r, "/admin/jobs", "resent")
}
