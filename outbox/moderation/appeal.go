package moderation

import (
	"context"
	"fmt"

	"ruche/storage"
)

// Warnings lists the measures taken against who asks, the latest first. Who took them is left out.
func (d *Desk) Warnings(ctx context.Context, account *storage.Account) ([]*storage.Strike, error) {
	strikes, err := d.DB.Strikes(ctx, account.ID)
	for _, s := range strikes {
		s.ByID, s.DecidedBy = 0, 0
	}
	return strikes, err
}

// Appeal answers a measure against oneself, once and within storage.AppealDays.
func (d *Desk) Appeal(ctx context.Context, account *storage.Account, strike int64, text string) error {
	text, err := written("an appeal", text)
	if err != nil {
		return err
	}
	return d.DB.Update(ctx, func(tx *storage.Tx) error {
		s, err := tx.StrikeByID(ctx, strike)
		if err != nil {
			return err
		}
		if s.AccountID != account.ID {
			return fmt.Errorf("measure: %w", storage.ErrNotFound) // another's is as good as absent
		}
		if err := tx.May(ctx, storage.ActAppeal); err != nil {
			return err
		}
		switch {
		case !s.AppealedAt.IsZero():
			return invalid("You have appealed against this already: an answer comes once somebody has decided.")
		case !s.MayAppeal(tx.Now()):
			return invalid("This is more than %d days old and can't be appealed against any more: write to the moderators.", storage.AppealDays)
		}
		s.Appeal, s.AppealedAt = text, tx.Now()
		return tx.SaveStrike(ctx, s)
	})
}

// Appeals pages through appeals: those that wait, or those that were decided.
func (d *Desk) Appeals(ctx context.Context, waiting bool, page storage.Page) ([]*storage.Strike, error) {
	if err := d.DB.May(ctx, storage.ActDecideAppeals); err != nil {
		return nil, err
	}
	return d.DB.Appeals(ctx, waiting, page)
}

// Decide grants an appeal, which undoes the measure as far as it can be, or rejects it.
func (d *Desk) Decide(ctx context.Context, strike int64, grant bool) error {
	return d.DB.Update(ctx, func(tx *storage.Tx) error {
		s, err := tx.StrikeByID(ctx, strike)
		if err != nil {
			return err
		}
		a, err := person(ctx, tx, storage.ActDecideAppeals, s.AccountID)
		if err != nil {
			return err
		}
		if !s.Pending() {
			return invalid("No appeal waits for a decision here.")
		}
		s.DecidedAt, s.DecidedBy, s.Granted = tx.Now(), me(ctx), grant
		if err := tx.SaveStrike(ctx, s); err != nil {
			return err
		}
		action := storage.ActionAppealReject
		if grant {
			action = storage.ActionAppealGrant
			if err := d.undo(ctx, tx, a, s); err != nil {
				return err
			}
		}
		return tx.Audit(ctx, storage.AuditEntry{Action: action, Subject: storage.AboutAccount(a), Before: map[string]string{"measure": s.Measure, "appeal": s.Appeal}})
	})
}

// undo takes a measure back. Deleted posts are gone, and what was said stays said.
func (d *Desk) undo(ctx context.Context, tx *storage.Tx, a *storage.Account, s *storage.Strike) error {
	if Lasts(s.Measure) {
		return d.lift(ctx, tx, a.ID, s.Measure)
	}
	if s.Measure != storage.MeasureMarkPosts {
		return nil
	}
	posts, err := postsOf(ctx, tx, a, s.Posts)
	if err != nil {
		return err
	}
	return d.mark(ctx, tx, a, posts, false)
}
