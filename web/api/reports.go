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
	c := outbox.Complaint{Target: v.Int("account_id", 0), Posts: v.IDs("status_ids"), Category: v.Str("category"), Rules: v.List("rule_ids"), Comment: v.Str("comment"), Forward: v.Bool("forward", false)}
	if err := v.Err(); err != nil {
		return err
	}
	if c.Category == "" && len(c.Rules) > 0 {
		c.Category = "violation"
	}
	if c.Category != "" && !slices.Contains(storage.Categories, c.Category) {
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
	people, err := a.reader(r).peopleByID(ctx, []int64{of.ID})
	if err != nil {
		return err
	}
	return auth.JSON(w, people.report(kept))
}

func (p *people) report(r *storage.Report) *Report {
	e := &Report{
		ID: id(r.ID), ActionTaken: !r.Open(), ActionTakenAt: optStamp(r.ClosedAt), Category: r.Category, Comment: r.Comment, Forwarded: r.Forwarded,
		CreatedAt: stamp(r.CreatedAt), StatusIDs: idStrings(r.Posts), RuleIDs: r.Rules, TargetAccount: p.entity(r.TargetID),
	}
	if e.RuleIDs == nil {
		e.RuleIDs = []string{}
	}
	return e
}

func idStrings(ids []int64) []string {
	out := make([]string, len(ids))
	for i, one := range ids {
		out[i] = id(one)
	}
	return out
}
