package api

import (
	"net/http"
	"slices"

	"ruche/outbox"
	"ruche/storage"
	"ruche/web/auth"
)

// Report is a complaint to the moderators, as who made it reads it.
type Report struct {
	ID            string   `json:"id"`
	ActionTaken   bool     `json:"action_taken"`
	ActionTakenAt *string  `json:"action_taken_at"`
	Category      string   `json:"category"`
	Comment       string   `json:"comment"`
	Forwarded     bool     `json:"forwarded"`
	CreatedAt     string   `json:"created_at"`
	StatusIDs     []string `json:"status_ids"`
	RuleIDs       []string `json:"rule_ids"`
	TargetAccount *Account `json:"target_account"`
}

// createReport is POST /api/v1/reports.
func (a *API) createReport(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	c := outbox.Complaint{Target: v.Int("account_id", 0), Posts: v.IDs("status_ids"), Category: v.Str("category"), Comment: v.Str("comment"), Forward: v.Bool("forward", false)}
	rules := v.List("rule_ids")
	if err := v.Err(); err != nil {
		return err
	}
	if c.Category == "" && len(rules) > 0 {
		c.Category = "violation"
	}
	if c.Category != "" && !slices.Contains([]string{"spam", "legal", "violation", "other"}, c.Category) {
		return auth.Invalid("category must be one of spam, legal, violation, other")
	}
	of, err := a.DB.AccountByID(ctx, c.Target)
	if err != nil {
		return err
	}
	if err := a.known(ctx, of); err != nil {
		return err
	}
	kept, err := a.Outbox.Report(ctx, auth.Account(ctx), c)
	if err != nil {
		return err
	}
	e := Report{ID: id(kept.ID), Category: kept.Category, Comment: kept.Comment, Forwarded: kept.Forwarded, CreatedAt: stamp(kept.CreatedAt), StatusIDs: []string{}, RuleIDs: []string{}}
	for _, p := range kept.Posts {
		e.StatusIDs = append(e.StatusIDs, storage.FormatID(p))
	}
	if rules != nil {
		e.RuleIDs = rules
	}
	if e.TargetAccount, err = a.reader(r).account(ctx, of); err != nil {
		return err
	}
	return auth.JSON(w, e)
}
