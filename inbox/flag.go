package inbox

import (
	"context"
	"errors"

	"ruche/federation/sanitize"
	"ruche/storage"
)

// maxReported is how many posts one report keeps.
const maxReported = 50

// flag: a peer complains about one of ours. It is kept for the moderators.
func (in *Inbox) flag(ctx context.Context, tx *storage.Tx, r *received) error {
	report := &storage.Report{AccountID: r.actor.ID, URI: r.ID, Category: "other", Comment: sanitize.Text(r.Content)}
	for _, ref := range r.Objects {
		kind, _, ours := tx.URIs().Ours(ref.ID)
		switch {
		case !ours:
		case kind == "users" && report.TargetID == 0:
			a, err := localAccount(ctx, tx, ref.ID)
			if err != nil {
				return err
			}
			report.TargetID = a.ID
		case kind == "posts" && len(report.Posts) < maxReported:
			p, err := in.readableByPeer(ctx, tx, r, ref.ID)
			var none errIgnored
			if errors.As(err, &none) {
				continue
			}
			if err != nil {
				return err
			}
			if report.TargetID == 0 { // some servers name the posts only
				report.TargetID = p.AuthorID
			}
			if p.AuthorID == report.TargetID {
				report.Posts = append(report.Posts, p.ID)
			}
		}
	}
	if report.TargetID == 0 {
		return ignored("no_such_account")
	}
	added, err := tx.AddReport(ctx, report)
	if err == nil && !added {
		return ignored("known")
	}
	return err
}
