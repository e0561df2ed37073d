package api

import "ruche/web/auth"

// Routes lists the whole API: method, path, who may, handler. What shows posts or people is for
// those who are signed in, unless the node's pages are public.
func (a *API) Routes() []auth.Route {
	readers := func(scopes string) string {
		if a.PublicPages {
			return auth.PublicOr + scopes
		}
		return scopes
	}
	return []auth.Route{
		// instance.go
		{Method: "GET", Path: "/api/v1/instance", Scope: auth.Public, Handler: a.instanceV1},
		{Method: "GET", Path: "/api/v2/instance", Scope: auth.Public, Handler: a.instanceV2},
		{Method: "GET", Path: "/api/v1/custom_emojis", Scope: auth.Public, Handler: a.customEmojis},

		// credentials.go
		{Method: "GET", Path: "/api/v1/apps/verify_credentials", Scope: auth.AnyToken, Handler: a.verifyApp},
		{Method: "GET", Path: "/api/v1/accounts/verify_credentials", Scope: "profile read:accounts", Handler: a.verifyCredentials},
		{Method: "PATCH", Path: "/api/v1/accounts/update_credentials", Scope: "write:accounts", Handler: a.updateCredentials},
		{Method: "GET", Path: "/api/v1/preferences", Scope: "read:accounts", Handler: a.preferences},

		// accounts.go, follows.go
		{Method: "GET", Path: "/api/v1/accounts/lookup", Scope: readers("read:accounts"), Handler: a.lookupAccount},
		{Method: "GET", Path: "/api/v1/accounts/search", Scope: "read:accounts", Handler: a.searchAccounts},
		{Method: "GET", Path: "/api/v1/accounts/relationships", Scope: "read:follows", Handler: a.relationships},
		{Method: "GET", Path: "/api/v1/accounts", Scope: readers("read:accounts"), Handler: a.listAccounts},
		{Method: "GET", Path: "/api/v1/accounts/{id:[0-9]+}", Scope: readers("read:accounts"), Handler: a.showAccount},
		{Method: "GET", Path: "/api/v1/accounts/{id:[0-9]+}/statuses", Scope: readers("read:statuses"), Handler: a.accountStatuses},
		{Method: "GET", Path: "/api/v1/accounts/{id:[0-9]+}/followers", Scope: readers("read:accounts"), Handler: a.followers},
		{Method: "GET", Path: "/api/v1/accounts/{id:[0-9]+}/following", Scope: readers("read:accounts"), Handler: a.following},
		{Method: "POST", Path: "/api/v1/accounts/{id:[0-9]+}/follow", Scope: "write:follows", Handler: a.follow},
		{Method: "POST", Path: "/api/v1/accounts/{id:[0-9]+}/unfollow", Scope: "write:follows", Handler: a.relate(a.Outbox.Unfollow)},
		{Method: "POST", Path: "/api/v1/accounts/{id:[0-9]+}/remove_from_followers", Scope: "write:follows", Handler: a.relate(a.Outbox.RemoveFollower)},
		{Method: "GET", Path: "/api/v1/follow_requests", Scope: "read:follows", Handler: a.followRequests},
		{Method: "POST", Path: "/api/v1/follow_requests/{id:[0-9]+}/authorize", Scope: "write:follows", Handler: a.relate(a.Outbox.AcceptFollower)},
		{Method: "POST", Path: "/api/v1/follow_requests/{id:[0-9]+}/reject", Scope: "write:follows", Handler: a.relate(a.Outbox.RejectFollower)},

		// statuses.go
		{Method: "POST", Path: "/api/v1/statuses", Scope: "write:statuses", Handler: a.createStatus},
		{Method: "GET", Path: "/api/v1/statuses", Scope: readers("read:statuses"), Handler: a.listStatuses},
		{Method: "GET", Path: "/api/v1/statuses/{id:[0-9]+}", Scope: readers("read:statuses"), Handler: a.showStatus},
		{Method: "PUT", Path: "/api/v1/statuses/{id:[0-9]+}", Scope: "write:statuses", Handler: a.editStatus},
		{Method: "DELETE", Path: "/api/v1/statuses/{id:[0-9]+}", Scope: "write:statuses", Handler: a.deleteStatus},
		{Method: "GET", Path: "/api/v1/statuses/{id:[0-9]+}/context", Scope: readers("read:statuses"), Handler: a.showContext},
		{Method: "GET", Path: "/api/v1/statuses/{id:[0-9]+}/source", Scope: "read:statuses", Handler: a.showSource},
		{Method: "GET", Path: "/api/v1/statuses/{id:[0-9]+}/history", Scope: readers("read:statuses"), Handler: a.showHistory},

		// reactions.go
		{Method: "POST", Path: "/api/v1/statuses/{id:[0-9]+}/favourite", Scope: "write:favourites", Handler: a.react(a.Outbox.Like)},
		{Method: "POST", Path: "/api/v1/statuses/{id:[0-9]+}/unfavourite", Scope: "write:favourites", Handler: a.react(a.Outbox.Unlike)},
		{Method: "POST", Path: "/api/v1/statuses/{id:[0-9]+}/reblog", Scope: "write:statuses", Handler: a.reblog},
		{Method: "POST", Path: "/api/v1/statuses/{id:[0-9]+}/unreblog", Scope: "write:statuses", Handler: a.react(a.Outbox.Unshare)},
		{Method: "POST", Path: "/api/v1/statuses/{id:[0-9]+}/bookmark", Scope: "write:bookmarks", Handler: a.react(a.Outbox.Bookmark)},
		{Method: "POST", Path: "/api/v1/statuses/{id:[0-9]+}/unbookmark", Scope: "write:bookmarks", Handler: a.react(a.Outbox.Unbookmark)},
		{Method: "GET", Path: "/api/v1/statuses/{id:[0-9]+}/favourited_by", Scope: readers("read:accounts"), Handler: a.favouritedBy},
		{Method: "GET", Path: "/api/v1/statuses/{id:[0-9]+}/reblogged_by", Scope: readers("read:accounts"), Handler: a.rebloggedBy},
		{Method: "GET", Path: "/api/v1/favourites", Scope: "read:favourites", Handler: a.favourites},
		{Method: "GET", Path: "/api/v1/bookmarks", Scope: "read:bookmarks", Handler: a.bookmarks},

		// timelines.go
		{Method: "GET", Path: "/api/v1/timelines/home", Scope: "read:statuses", Handler: a.home},
		{Method: "GET", Path: "/api/v1/timelines/public", Scope: readers("read:statuses"), Handler: a.public},
		{Method: "GET", Path: "/api/v1/timelines/tag/{tag}", Scope: readers("read:statuses"), Handler: a.tagTimeline},
		{Method: "GET", Path: "/api/v1/markers", Scope: "read:statuses", Handler: a.showMarkers},
		{Method: "POST", Path: "/api/v1/markers", Scope: "write:statuses", Handler: a.saveMarkers},

		// notifications.go
		{Method: "GET", Path: "/api/v1/notifications", Scope: "read:notifications", Handler: a.notifications},
		{Method: "POST", Path: "/api/v1/notifications/clear", Scope: "write:notifications", Handler: a.clearNotifications},
		{Method: "GET", Path: "/api/v1/notifications/{id:[0-9]+}", Scope: "read:notifications", Handler: a.showNotification},
		{Method: "POST", Path: "/api/v1/notifications/{id:[0-9]+}/dismiss", Scope: "write:notifications", Handler: a.dismissNotification},

		// media.go
		{Method: "POST", Path: "/api/v1/media", Scope: "write:media", Handler: a.uploadMedia},
		{Method: "POST", Path: "/api/v2/media", Scope: "write:media", Handler: a.uploadMedia},
		{Method: "GET", Path: "/api/v1/media/{id:[0-9]+}", Scope: "write:media", Handler: a.showMedia},
		{Method: "PUT", Path: "/api/v1/media/{id:[0-9]+}", Scope: "write:media", Handler: a.describeMedia},

		// search.go
		{Method: "GET", Path: "/api/v2/search", Scope: readers("read:search"), Handler: a.search},
	}
}
