package api

import (
	"context"

	"ruche/storage"
)

// Notification tells somebody what concerns them, as apps read it.
type Notification struct {
	ID        string   `json:"id"`
	Type      string   `json:"type"`
	GroupKey  string   `json:"group_key"`
	CreatedAt string   `json:"created_at"`
	Account   *Account `json:"account"`
	Status    *Status  `json:"status,omitempty"`

	ModerationWarning *AccountWarning `json:"moderation_warning,omitempty"`
	Report            *Report         `json:"report,omitempty"`
}

// AccountWarning is a measure of moderators, as the person reads it whom it is about.
type AccountWarning struct {
	ID            string         `json:"id"`
	Action        string         `json:"action"`
	Text          string         `json:"text"`
	StatusIDs     []string       `json:"status_ids"`
	TargetAccount *Account       `json:"target_account"`
	Appeal        *WarningAppeal `json:"appeal"`
	CreatedAt     string         `json:"created_at"`
}

// WarningAppeal is what the person answered, and how it stands.
type WarningAppeal struct {
	Text  string `json:"text"`
	State string `json:"state"`
}

// measuresOut are measures in the apps' words.
var measuresOut = map[string]string{
	storage.MeasureWarn: "none", storage.MeasureMarkPosts: "mark_statuses_as_sensitive", storage.MeasureDeletePosts: "delete_statuses",
	storage.MeasureSensitive: "sensitive", storage.MeasureLimit: "silence", storage.MeasureFreeze: "disable", storage.MeasureSuspend: "suspend",
}

func (p *people) warning(s *storage.Strike) *AccountWarning {
	e := &AccountWarning{ID: id(s.ID), Action: measuresOut[s.Measure], Text: s.Text, StatusIDs: idStrings(s.Posts), TargetAccount: p.entity(s.AccountID), CreatedAt: stamp(s.CreatedAt)}
	if !s.AppealedAt.IsZero() {
		e.Appeal = &WarningAppeal{Text: s.Appeal, State: "rejected"}
		if s.Pending() {
			e.Appeal.State = "pending"
		} else if s.Granted {
			e.Appeal.State = "approved"
		}
	}
	return e
}

// kindsOut are our kinds of notification in the apps' words.
var kindsOut = map[string]string{
	storage.NotifyMention: "mention", storage.NotifyShare: "reblog", storage.NotifyLike: "favourite",
	storage.NotifyFollow: "follow", storage.NotifyFollowRequest: "follow_request", storage.NotifyPost: "status", storage.NotifyEdit: "update",
	storage.NotifyPoll: "poll", storage.NotifyQuote: "quote",
	storage.NotifyWarning: "moderation_warning", storage.NotifyReport: "admin.report",
}

// kindsIn translates kinds that an app names; those that this node doesn't know are dropped.
func kindsIn(names []string) []string {
	var out []string
	for ours, theirs := range kindsOut {
		for _, name := range names {
			if name == theirs {
				out = append(out, ours)
			}
		}
	}
	return out
}

// notifications writes what the reader is told. One whose sender or post can't be shown any more
// is left out.
func (rd reader) notifications(ctx context.Context, list []*storage.Notification) ([]*Notification, error) {
	var ids, senders, strikeIDs, reportIDs []int64
	for _, n := range list {
		senders = append(senders, n.FromID)
		switch post, strike, report := n.About(); {
		case post != 0:
			ids = append(ids, post)
		case strike != 0:
			strikeIDs, senders = append(strikeIDs, strike), append(senders, n.AccountID)
		case report != 0:
			reportIDs = append(reportIDs, report)
		}
	}
	strikes, err := rd.DB.StrikesByID(ctx, strikeIDs)
	if err != nil {
		return nil, err
	}
	reports, err := rd.DB.ReportsByID(ctx, reportIDs)
	if err != nil {
		return nil, err
	}
	for _, r := range reports {
		senders = append(senders, r.TargetID)
	}
	byID, err := rd.DB.VisiblePosts(ctx, rd.me, ids)
	if err != nil {
		return nil, err
	}
	posts := make([]*storage.Post, 0, len(byID))
	for _, p := range byID {
		posts = append(posts, p)
	}
	statuses, err := rd.statuses(ctx, posts)
	if err != nil {
		return nil, err
	}
	shown := make(map[string]*Status, len(statuses))
	for _, s := range statuses {
		shown[s.ID] = s
	}
	people, err := rd.peopleByID(ctx, senders)
	if err != nil {
		return nil, err
	}
	out := make([]*Notification, 0, len(list))
	for _, n := range list {
		e := &Notification{ID: id(n.ID), Type: kindsOut[n.Kind], GroupKey: groupKey(n, groupable), CreatedAt: stamp(n.CreatedAt), Account: people.entity(n.FromID)}
		if post, strike, report := n.About(); post != 0 {
			if e.Status = shown[id(post)]; e.Status == nil {
				continue
			}
		} else if s := strikes[strike]; s != nil {
			e.ModerationWarning = people.warning(s)
		} else if r := reports[report]; r != nil {
			e.Report = people.report(r)
		}
		if e.Account != nil && e.Type != "" {
			out = append(out, e)
		}
	}
	return out, nil
}
