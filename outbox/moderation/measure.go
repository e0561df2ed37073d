package moderation

import (
	"context"
	"slices"

	"ruche/outbox"
	"ruche/storage"
)

// A Measure is what a moderator decides to do about somebody.
type Measure struct {
	Account int64
	What    string  // one of storage.Measures
	Text    string  // why, to the person; where the context has no reason it is the audit log's too
	Posts   []int64 // which the person is shown, and which MeasureMarkPosts and MeasureDeletePosts are about
	Report  int64   // the complaint that led to it, which is closed by it; 0: none
	Silent  bool    // the person isn't notified; they still find it among their warnings
}

// Act takes a measure. The strike that it gives is what its person reads, and may appeal against.
func (d *Desk) Act(ctx context.Context, m Measure) (*storage.Strike, error) {
	if !slices.Contains(storage.Measures, m.What) {
		return nil, invalid("%q is no measure: choose one of %v.", m.What, storage.Measures)
	}
	if err := short("the reason", m.Text); err != nil {
		return nil, err
	}
	if m.What == storage.MeasureWarn {
		if _, err := written("what the person is to be warned of", m.Text); err != nil {
			return nil, err
		}
	}
	if len(m.Posts) > MaxPosts {
		return nil, invalid("At most %d posts can be dealt with at once: take fewer.", MaxPosts)
	}
	ctx = becauseOf(ctx, m.Text)
	var strike *storage.Strike
	err := d.DB.Update(ctx, func(tx *storage.Tx) error {
		a, err := d.mayTake(ctx, tx, m)
		if err != nil {
			return err
		}
		posts, err := postsOf(ctx, tx, a, m.Posts)
		if err != nil {
			return err
		}
		if err := d.take(ctx, tx, a, m.What, posts); err != nil {
			return err
		}
		strike = &storage.Strike{AccountID: a.ID, ByID: me(ctx), Measure: m.What, Text: m.Text, Posts: idsOf(posts), ReportID: m.Report}
		if err := tx.AddStrike(ctx, strike, !m.Silent); err != nil || m.Report == 0 {
			return err
		}
		r, err := tx.ReportByID(ctx, m.Report)
		if err != nil {
			return err
		}
		if r.TargetID != a.ID {
			return invalid("This report is about somebody else: choose the one that is about this person.")
		}
		if !closeIt(ctx, tx, r) {
			return nil
		}
		return tx.SaveReport(ctx, r, storage.ActionReportResolve)
	})
	if err != nil {
		return nil, err
	}
	return strike, nil
}

// becauseOf makes what the person reads the reason in the audit log, where none was given for that.
func becauseOf(ctx context.Context, text string) context.Context {
	if storage.ReasonOf(ctx) != "" {
		return ctx
	}
	return storage.Because(ctx, text)
}

// mayTake finds whom a measure is about, and refuses what can't be done to them.
func (d *Desk) mayTake(ctx context.Context, tx *storage.Tx, m Measure) (*storage.Account, error) {
	act := storage.ActModerateAccounts
	if m.What == storage.MeasureMarkPosts || m.What == storage.MeasureDeletePosts {
		act = storage.ActModeratePosts
		if len(m.Posts) == 0 {
			return nil, invalid("Choose the posts that this is about.")
		}
	}
	if m.Report != 0 {
		if err := tx.May(ctx, storage.ActHandleReports); err != nil {
			return nil, err
		}
	}
	a, err := person(ctx, tx, act, m.Account)
	if err != nil {
		return nil, err
	}
	if !a.Local() && (m.What == storage.MeasureWarn || m.What == storage.MeasureFreeze) {
		return nil, invalid("%s is somebody of another node: limit or suspend them here, or report them to the moderators there.", a.Acct())
	}
	if m.What == storage.MeasureFreeze || m.What == storage.MeasureSuspend {
		return a, keepAnOwner(ctx, tx, a)
	}
	return a, nil
}

// postsOf finds posts of one account; another's are refused, and those that are gone are left out.
func postsOf(ctx context.Context, tx *storage.Tx, a *storage.Account, ids []int64) ([]*storage.Post, error) {
	found, err := tx.PostsByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	var posts []*storage.Post
	for _, id := range ids {
		p := found[id]
		if p == nil {
			continue
		}
		if p.AuthorID != a.ID {
			return nil, invalid("A post isn't by %s: choose posts of one person.", a.Acct())
		}
		posts = append(posts, p)
		delete(found, id)
	}
	return posts, nil
}

func idsOf(posts []*storage.Post) []int64 {
	ids := make([]int64, len(posts))
	for i, p := range posts {
		ids[i] = p.ID
	}
	return ids
}

// take does what a measure says.
func (d *Desk) take(ctx context.Context, tx *storage.Tx, a *storage.Account, what string, posts []*storage.Post) error {
	switch what {
	case storage.MeasureWarn:
		return tx.Audit(ctx, storage.AuditEntry{Action: storage.ActionAccountWarn, Subject: storage.AboutAccount(a)})
	case storage.MeasureMarkPosts:
		return d.mark(ctx, tx, a, posts, true)
	case storage.MeasureDeletePosts:
		for _, p := range posts {
			if err := d.deletePost(ctx, tx, a, p); err != nil {
				return err
			}
		}
		return auditPosts(ctx, tx, storage.ActionPostsDelete, a, posts)
	}
	changed, err := tx.TakeMeasure(ctx, a.ID, what)
	if err != nil || !changed {
		return err
	}
	return d.tellPeers(ctx, tx, a.ID, what)
}

func auditPosts(ctx context.Context, tx *storage.Tx, action string, a *storage.Account, posts []*storage.Post) error {
	ids := make([]string, len(posts))
	for i, p := range posts {
		ids[i] = storage.FormatID(p.ID)
	}
	return tx.Audit(ctx, storage.AuditEntry{Action: action, Subject: storage.AboutAccount(a), After: map[string]any{"posts": ids}})
}

// deletePost takes a post away: one of ours everywhere, a peer's from this node.
func (d *Desk) deletePost(ctx context.Context, tx *storage.Tx, a *storage.Account, p *storage.Post) error {
	if p.Local() && p.ShareOfID == 0 {
		return d.Outbox.TakeBack(ctx, tx, a, p)
	}
	_, blobs, err := tx.DeletePost(ctx, p)
	if err != nil {
		return err
	}
	return outbox.ForgetMedia(ctx, tx, blobs)
}

func (d *Desk) mark(ctx context.Context, tx *storage.Tx, a *storage.Account, posts []*storage.Post, sensitive bool) error {
	for _, p := range posts {
		changed, err := tx.MarkSensitive(ctx, p, sensitive)
		if err != nil {
			return err
		}
		if changed && p.Local() && p.ShareOfID == 0 {
			if err := d.Outbox.TellAgain(ctx, tx, p); err != nil {
				return err
			}
		}
	}
	return auditPosts(ctx, tx, storage.ActionPostsMark, a, posts)
}

// tellPeers lets the peers that follow one of ours know that they were suspended, or no longer are.
func (d *Desk) tellPeers(ctx context.Context, tx *storage.Tx, account int64, what string) error {
	if what != storage.MeasureSuspend {
		return nil
	}
	a, err := tx.AccountByID(ctx, account)
	if err != nil || !a.Local() {
		return err
	}
	return d.Outbox.AnnounceProfile(ctx, tx, a)
}

// Undo lifts a measure that lasts: a limit, a freeze, a suspension, a mark on the account. Where it isn't in
// force nothing changes.
func (d *Desk) Undo(ctx context.Context, account int64, what string) error {
	return d.DB.Update(ctx, func(tx *storage.Tx) error {
		if _, err := person(ctx, tx, storage.ActModerateAccounts, account); err != nil {
			return err
		}
		return d.lift(ctx, tx, account, what)
	})
}

func (d *Desk) lift(ctx context.Context, tx *storage.Tx, account int64, what string) error {
	if !Lasts(what) {
		return invalid("%q can't be undone: only limit, freeze, suspend and sensitive can.", what)
	}
	changed, err := tx.LiftMeasure(ctx, account, what)
	if err != nil || !changed {
		return err
	}
	return d.tellPeers(ctx, tx, account, what)
}

// Lasts says whether a measure stays in force until it is undone.
func Lasts(what string) bool {
	return slices.Contains([]string{storage.MeasureSensitive, storage.MeasureLimit, storage.MeasureFreeze, storage.MeasureSuspend}, what)
}

// Strikes lists the measures that were taken against an account, the latest first, for moderators.
func (d *Desk) Strikes(ctx context.Context, account int64) ([]*storage.Strike, error) {
	if err := d.DB.May(ctx, storage.ActReadAccounts); err != nil {
		return nil, err
	}
	return d.DB.Strikes(ctx, account)
}
