package outbox

import (
	"context"
	"slices"

	"ruche/storage"
)

// MaxComment is the longest complaint, in characters.
const MaxComment = 1000

// Limits of the rules that a complaint names.
const (
	maxRules  = 50
	maxRuleID = 20
)

// A Complaint is what somebody reports to this node's moderators.
type Complaint struct {
	Target   int64
	Posts    []int64
	Category string
	Rules    []string // ids of rules of the house
	Comment  string
	Forward  bool // to the target's own node as well, without the reporter's name
}

// CheckRules refuses what can't be ids of rules.
func CheckRules(ids []string) error {
	if len(ids) > maxRules || slices.ContainsFunc(ids, func(id string) bool { return len(id) > maxRuleID }) {
		return invalid("Validation failed: Rules must be at most %d ids of rules of this node", maxRules)
	}
	return nil
}

// Report keeps a complaint for the moderators. Posts that the reporter can't see, or of somebody else, are left out.
func (o *Outbox) Report(ctx context.Context, me *storage.Account, c Complaint) (*storage.Report, error) {
	if err := active(me); err != nil {
		return nil, err
	}
	if err := CheckRules(c.Rules); err != nil {
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
	r := &storage.Report{AccountID: me.ID, TargetID: them.ID, Category: c.Category, Rules: c.Rules, Comment: c.Comment, Forwarded: c.Forward && !them.Local()}
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
