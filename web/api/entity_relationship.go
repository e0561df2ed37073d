package api

import "ruche/storage"

// Relationship is how the reader stands to somebody, as apps read it.
type Relationship struct {
	ID                  string   `json:"id"`
	Following           bool     `json:"following"`
	ShowingReblogs      bool     `json:"showing_reblogs"`
	Notifying           bool     `json:"notifying"`
	Languages           []string `json:"languages"`
	FollowedBy          bool     `json:"followed_by"`
	Blocking            bool     `json:"blocking"`
	BlockedBy           bool     `json:"blocked_by"`
	Muting              bool     `json:"muting"`
	MutingNotifications bool     `json:"muting_notifications"`
	MutingExpiresAt     *string  `json:"muting_expires_at"`
	Requested           bool     `json:"requested"`
	RequestedBy         bool     `json:"requested_by"`
	DomainBlocking      bool     `json:"domain_blocking"`
	Endorsed            bool     `json:"endorsed"`
	Note                string   `json:"note"`
}

func relationship(r storage.Relation) Relationship {
	e := Relationship{
		ID: id(r.Other), Following: r.Following, ShowingReblogs: (r.Following || r.Requested) && r.ShowShares, Notifying: r.Notify,
		FollowedBy: r.FollowedBy, Requested: r.Requested, RequestedBy: r.RequestedBy, DomainBlocking: r.HostHidden, Endorsed: r.Endorsed, Note: r.Note,
	}
	e.Blocking, e.BlockedBy = r.Blocking, r.BlockedBy
	if r.Mute != nil {
		e.Muting, e.MutingNotifications, e.MutingExpiresAt = true, r.Mute.Notifications, optStamp(r.Mute.ExpiresAt)
	}
	return e
}
