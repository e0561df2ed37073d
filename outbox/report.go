package outbox

import (
	"context"

	"ruche/storage"
)

// MaxComment is the longest complaint, in characters.
const MaxComment = 1000

// A Complaint is what somebody reports to this node's moderators.
type Complaint struct {
	Target   int64
	Posts    []int64
	Category string
	Comment  string
	Forward  bool // to the target's own node as well, without the reporter's name
}

// Report keeps a complaint for the moderators. Posts that the reporter can't see, or of somebody else, are left out.
func (o *Outbox) Report(ctx context.Context, me *storage.Account, c Complaint) (*storage.Report, error) {
	if err := active(me); err != nil {
		return nil, err
	}
	if len([]rune(c.Comment)) > MaxComment {
		return nil, invalid("Validation failed: Comment is longer than %d characters", MaxComment)
	}
	them, err := o.DB.AccountByID(ctx, c.Target)
	if err != nil {
		return nil, err
	}
	visible, err := o.DB.VisiblePosts(ctx, me.ID, c.Posts)
	if err != nil {
		return nil, err
	}
	r := &storage.Report{AccountID: me.ID, TargetID: them.ID, Category: c.Category, Comment: c.Comment, Forwarded: c.Forward && !them.Local()}
	if r.Category == "" {
		r.Category = "other"
	}
	var uris []string
	for _, id := range c.Posts {
		if p := visible[id]; p != nil && p.AuthorID == them.ID {
			r.Posts, uris = append(r.Posts, p.ID), append(uris, p.URI)
		}
	}
	return r, o.DB.Update(ctx, func(tx *storage.Tx) error {
		if _, err := tx.AddReport(ctx, r); err != nil || !r.Forwarded {
			return err
		}
		service, err := tx.ServiceActor(ctx)
		if err != nil {
			return err
		}
		body, err := o.Writer.Flag(r, service, them.URI, uris)
		if err != nil {
			return err
		}
		return o.send(ctx, tx, storage.CrossAlways, service, body, storage.InboxTarget{Peer: them.Peer, Inbox: them.InboxURI})
	})
}
