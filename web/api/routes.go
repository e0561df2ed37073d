package api

import (
	"ruche/storage"
	"ruche/web/auth"
)

// Routes lists the whole API: method, path, who may, handler. What shows posts or people is for
// those who are signed in, unless the node's pages are public.
func (a *API) Routes() []auth.Route {
	readers := func(scopes string) string {
		if a.PublicPages {
			return auth.PublicOr + scopes
		}
		return scopes
	}
	anybody := auth.AnyPerson
	if a.PublicPages {
		anybody = auth.Public
	}
	return []auth.Route{
		// instance.go, about.go
		{Method: "GET", Path: "/api/v1/instance/rules", Scope: auth.Public, Handler: a.showRules},
		{Method: "GET", Path: "/api/v1/instance/extended_description", Scope: auth.Public, Handler: a.document(storage.SettingAbout, reader.description)},
		{Method: "GET", Path: "/api/v1/instance/privacy_policy", Scope: auth.Public, Handler: a.document(storage.SettingPrivacy, privacyNotice)},
		{Method: "GET", Path: "/api/v1/instance/terms_of_service", Scope: auth.Public, Handler: a.document(storage.SettingTerms, nil)},
		{Method: "GET", Path: "/api/v1/instance/translation_languages", Scope: auth.Public, Handler: a.translationLanguages},
		{Method: "GET", Path: "/api/v1/instance/activity", Scope: anybody, Handler: a.activity},
		{Method: "GET", Path: "/api/v1/instance/peers", Scope: auth.AnyPerson, Handler: a.peers},
		{Method: "GET", Path: "/api/oembed", Scope: readers("read:statuses"), Handler: a.oEmbed},
		{Method: "POST", Path: "/api/v1/statuses/{id:[0-9]+}/translate", Scope: "read:statuses", Handler: a.translate},

		// announcements.go
		{Method: "GET", Path: "/api/v1/announcements", Scope: auth.AnyPerson, Handler: a.announcements},
		{Method: "POST", Path: "/api/v1/announcements/{id:[0-9]+}/dismiss", Scope: "write:accounts", Handler: a.onAnnouncement(dismissAnnouncement)},
		{Method: "PUT", Path: "/api/v1/announcements/{id:[0-9]+}/reactions/{name}", Scope: "write:favourites", Handler: a.onAnnouncement(addReaction)},
		{Method: "DELETE", Path: "/api/v1/announcements/{id:[0-9]+}/reactions/{name}", Scope: "write:favourites", Handler: a.onAnnouncement(removeReaction)},

		// discover.go
		{Method: "GET", Path: "/api/v1/suggestions", Scope: "read:accounts", Handler: a.suggestionsV1},
		{Method: "GET", Path: "/api/v2/suggestions", Scope: "read:accounts", Handler: a.suggestions},
		{Method: "DELETE", Path: "/api/v1/suggestions/{id:[0-9]+}", Scope: "write:accounts", Handler: a.waveAway},
		{Method: "GET", Path: "/api/v1/directory", Scope: anybody, Handler: a.directory},
		{Method: "GET", Path: "/api/v1/trends/tags", Scope: anybody, Handler: a.trend(10, 20, a.trendingTags)},
		{Method: "GET", Path: "/api/v1/trends", Scope: anybody, Handler: a.trend(10, 20, a.trendingTags)},
		{Method: "GET", Path: "/api/v1/trends/statuses", Scope: anybody, Handler: a.trend(defaultPosts, maxPosts, a.trendingStatuses)},
		{Method: "GET", Path: "/api/v1/trends/links", Scope: anybody, Handler: a.trend(10, 20, a.trendingLinks)},
		{Method: "GET", Path: "/api/v1/timelines/link", Scope: readers("read:statuses"), Handler: a.linkTimeline},

		// admin.go, admin_accounts.go
		{Method: "GET", Path: "/api/v1/admin/accounts", Scope: "admin:read:accounts", Handler: a.staff(storage.ActReadAccounts, a.adminAccounts)},
		{Method: "GET", Path: "/api/v2/admin/accounts", Scope: "admin:read:accounts", Handler: a.staff(storage.ActReadAccounts, a.adminAccounts)},
		{Method: "GET", Path: "/api/v1/admin/accounts/{id:[0-9]+}", Scope: "admin:read:accounts", Handler: a.staff(storage.ActReadAccounts, a.adminAccount)},
		{Method: "DELETE", Path: "/api/v1/admin/accounts/{id:[0-9]+}", Scope: "admin:write:accounts", Handler: a.staff(storage.ActEraseAccounts, a.deleteAccount)},
		{Method: "POST", Path: "/api/v1/admin/accounts/{id:[0-9]+}/action", Scope: "admin:write:accounts", Handler: a.staff(storage.ActModerateAccounts, a.actOnAccount)},
		{Method: "POST", Path: "/api/v1/admin/accounts/{id:[0-9]+}/enable", Scope: "admin:write:accounts", Handler: a.staff(storage.ActModerateAccounts, a.lifting(storage.MeasureFreeze))},
		{Method: "POST", Path: "/api/v1/admin/accounts/{id:[0-9]+}/unsilence", Scope: "admin:write:accounts", Handler: a.staff(storage.ActModerateAccounts, a.lifting(storage.MeasureLimit))},
		{Method: "POST", Path: "/api/v1/admin/accounts/{id:[0-9]+}/unsensitive", Scope: "admin:write:accounts", Handler: a.staff(storage.ActModerateAccounts, a.lifting(storage.MeasureSensitive))},
		{Method: "POST", Path: "/api/v1/admin/accounts/{id:[0-9]+}/unsuspend", Scope: "admin:write:accounts", Handler: a.staff(storage.ActModerateAccounts, a.lifting(storage.MeasureSuspend))},
		{Method: "POST", Path: "/api/v1/admin/accounts/{id:[0-9]+}/approve", Scope: "admin:write:accounts", Handler: a.staff(storage.ActApproveAccounts, a.approveAccount)},
		{Method: "POST", Path: "/api/v1/admin/accounts/{id:[0-9]+}/reject", Scope: "admin:write:accounts", Handler: a.staff(storage.ActApproveAccounts, a.rejectAccount)},
		{Method: "GET", Path: "/api/v1/admin/email_domain_blocks", Scope: "admin:read:email_domain_blocks", Handler: a.staff(storage.ActReadAccounts, nothing)},
		{Method: "GET", Path: "/api/v1/admin/ip_blocks", Scope: "admin:read:ip_blocks", Handler: a.staff(storage.ActReadAccounts, nothing)},
		{Method: "GET", Path: "/api/v1/admin/canonical_email_blocks", Scope: "admin:read:canonical_email_blocks", Handler: a.staff(storage.ActReadAccounts, nothing)},

		// admin_reports.go
		{Method: "GET", Path: "/api/v1/admin/reports", Scope: "admin:read:reports", Handler: a.staff(storage.ActReadReports, a.listReports)},
		{Method: "GET", Path: "/api/v1/admin/reports/{id:[0-9]+}", Scope: "admin:read:reports", Handler: a.staff(storage.ActReadReports, a.showReport)},
		{Method: "PUT", Path: "/api/v1/admin/reports/{id:[0-9]+}", Scope: "admin:write:reports", Handler: a.staff(storage.ActHandleReports, a.onReport(a.updateReport))},
		{Method: "POST", Path: "/api/v1/admin/reports/{id:[0-9]+}/assign_to_self", Scope: "admin:write:reports", Handler: a.staff(storage.ActHandleReports, a.onReport(a.assignToSelf))},
		{Method: "POST", Path: "/api/v1/admin/reports/{id:[0-9]+}/unassign", Scope: "admin:write:reports", Handler: a.staff(storage.ActHandleReports, a.onReport(a.unassign))},
		{Method: "POST", Path: "/api/v1/admin/reports/{id:[0-9]+}/resolve", Scope: "admin:write:reports", Handler: a.staff(storage.ActHandleReports, a.onReport(a.resolveReport))},
		{Method: "POST", Path: "/api/v1/admin/reports/{id:[0-9]+}/reopen", Scope: "admin:write:reports", Handler: a.staff(storage.ActHandleReports, a.onReport(a.reopenReport))},

		// admin_domains.go
		{Method: "GET", Path: "/api/v1/admin/domain_allows", Scope: "admin:read:domain_allows", Handler: a.staff(storage.ActReadPeers, listDomains(a, isAllowed, domainAllow))},
		{Method: "POST", Path: "/api/v1/admin/domain_allows", Scope: "admin:write:domain_allows", Handler: a.staff(storage.ActPeers, a.allowDomain)},
		{Method: "GET", Path: "/api/v1/admin/domain_allows/{id:[0-9]+}", Scope: "admin:read:domain_allows", Handler: a.staff(storage.ActReadPeers, showDomain(a, isAllowed, domainAllow))},
		{Method: "DELETE", Path: "/api/v1/admin/domain_allows/{id:[0-9]+}", Scope: "admin:write:domain_allows", Handler: a.staff(storage.ActPeers, a.removeDomain)},
		{Method: "GET", Path: "/api/v1/admin/domain_blocks", Scope: "admin:read:domain_blocks", Handler: a.staff(storage.ActReadPeers, listDomains(a, isBlocked, domainBlock))},
		{Method: "POST", Path: "/api/v1/admin/domain_blocks", Scope: "admin:write:domain_blocks", Handler: a.staff(storage.ActPeers, a.blockDomain)},
		{Method: "GET", Path: "/api/v1/admin/domain_blocks/{id:[0-9]+}", Scope: "admin:read:domain_blocks", Handler: a.staff(storage.ActReadPeers, showDomain(a, isBlocked, domainBlock))},
		{Method: "PUT", Path: "/api/v1/admin/domain_blocks/{id:[0-9]+}", Scope: "admin:write:domain_blocks", Handler: a.staff(storage.ActPeers, a.changeBlock)},
		{Method: "DELETE", Path: "/api/v1/admin/domain_blocks/{id:[0-9]+}", Scope: "admin:write:domain_blocks", Handler: a.staff(storage.ActPeers, a.unblockDomain)},

		// admin_measures.go
		{Method: "POST", Path: "/api/v1/admin/measures", Scope: "admin:read", Handler: a.staff(storage.ActReadReports, a.measures)},
		{Method: "POST", Path: "/api/v1/admin/dimensions", Scope: "admin:read", Handler: a.staff(storage.ActMeasures, a.dimensions)},
		{Method: "POST", Path: "/api/v1/admin/retention", Scope: "admin:read", Handler: a.staff(storage.ActMeasures, nothing)},

		// admin_peers.go
		{Method: "GET", Path: "/api/ruche/v1/peers", Scope: "admin:read", Handler: a.staff(storage.ActReadPeers, a.listPeers)},
		{Method: "PUT", Path: "/api/ruche/v1/peers", Scope: "admin:write", Handler: a.staff(storage.ActPeers, a.savePeers)},
		{Method: "GET", Path: "/api/ruche/v1/peers/{host}", Scope: "admin:read", Handler: a.staff(storage.ActReadPeers, a.showPeer)},
		{Method: "PUT", Path: "/api/ruche/v1/peers/{host}", Scope: "admin:write", Handler: a.staff(storage.ActPeers, a.savePeer)},
		{Method: "DELETE", Path: "/api/ruche/v1/peers/{host}", Scope: "admin:write", Handler: a.staff(storage.ActPeers, a.removePeer)},

		// admintrends.go
		{Method: "GET", Path: "/api/v1/admin/trends/statuses", Scope: "admin:read", Handler: a.staff(storage.ActPick, a.trend(defaultPosts, maxPosts, a.adminStatuses))},
		{Method: "GET", Path: "/api/v1/admin/trends/tags", Scope: "admin:read", Handler: a.staff(storage.ActPick, a.trend(10, 20, a.adminTags))},
		{Method: "GET", Path: "/api/v1/admin/trends/links", Scope: "admin:read", Handler: a.staff(storage.ActPick, a.trend(10, 20, a.adminLinks))},
		{Method: "POST", Path: "/api/v1/admin/trends/statuses/{id:[0-9]+}/approve", Scope: "admin:write", Handler: a.picking(storage.PickPost, true)},
		{Method: "POST", Path: "/api/v1/admin/trends/statuses/{id:[0-9]+}/reject", Scope: "admin:write", Handler: a.picking(storage.PickPost, false)},
		{Method: "POST", Path: "/api/v1/admin/trends/tags/{name}/approve", Scope: "admin:write", Handler: a.picking(storage.PickTag, true)},
		{Method: "POST", Path: "/api/v1/admin/trends/tags/{name}/reject", Scope: "admin:write", Handler: a.picking(storage.PickTag, false)},
		{Method: "POST", Path: "/api/v1/admin/trends/links/{name}/approve", Scope: "admin:write", Handler: a.picking(storage.PickLink, true)},
		{Method: "POST", Path: "/api/v1/admin/trends/links/{name}/reject", Scope: "admin:write", Handler: a.picking(storage.PickLink, false)},

		// profile.go
		{Method: "GET", Path: "/api/v1/profile", Scope: "profile read:accounts", Handler: a.showProfile},
		{Method: "PATCH", Path: "/api/v1/profile", Scope: "write:accounts", Handler: a.updateProfile},
		{Method: "DELETE", Path: "/api/v1/profile/avatar", Scope: "write:accounts", Handler: a.removeAvatar},
		{Method: "DELETE", Path: "/api/v1/profile/header", Scope: "write:accounts", Handler: a.removeHeader},

		// scheduled.go
		{Method: "GET", Path: "/api/v1/scheduled_statuses", Scope: "read:statuses", Handler: a.listScheduled},
		{Method: "GET", Path: "/api/v1/scheduled_statuses/{id:[0-9]+}", Scope: "read:statuses", Handler: a.showScheduled},
		{Method: "PUT", Path: "/api/v1/scheduled_statuses/{id:[0-9]+}", Scope: "write:statuses", Handler: a.updateScheduled},
		{Method: "DELETE", Path: "/api/v1/scheduled_statuses/{id:[0-9]+}", Scope: "write:statuses", Handler: a.deleteScheduled},

		// instance.go
		{Method: "GET", Path: "/api/v1/instance", Scope: auth.Public, Handler: a.instanceV1},
		{Method: "GET", Path: "/api/v2/instance", Scope: auth.Public, Handler: a.instanceV2},
		{Method: "GET", Path: "/api/v1/custom_emojis", Scope: auth.Public, Handler: a.customEmojis},

		// credentials.go
		{Method: "GET", Path: "/api/v1/apps/verify_credentials", Scope: auth.AnyToken, Handler: a.verifyApp},
		{Method: "GET", Path: "/api/v1/accounts/verify_credentials", Scope: "profile read:accounts", Handler: a.verifyCredentials},
		{Method: "PATCH", Path: "/api/v1/accounts/update_credentials", Scope: "write:accounts", Handler: a.updateCredentials},
		{Method: "GET", Path: "/api/v1/preferences", Scope: "read:accounts", Handler: a.preferences},

		{Method: "POST", Path: "/api/v1/emails/confirmations", Scope: auth.AnyPerson, Handler: a.confirmEmail},
		{Method: "GET", Path: "/api/v1/emails/check_confirmation", Scope: auth.AnyPerson, Handler: a.emailConfirmed},

		// accounts.go, follows.go
		{Method: "POST", Path: "/api/v1/accounts", Scope: auth.AnyToken, Handler: a.Auth.RegisterPerson},
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

		{Method: "GET", Path: "/api/v1/accounts/familiar_followers", Scope: "read:follows", Handler: a.familiarFollowers},

		// mutes.go
		{Method: "POST", Path: "/api/v1/accounts/{id:[0-9]+}/mute", Scope: "write:mutes", Handler: a.mute},
		{Method: "POST", Path: "/api/v1/accounts/{id:[0-9]+}/unmute", Scope: "write:mutes", Handler: a.relate(a.unmute)},
		{Method: "POST", Path: "/api/v1/accounts/{id:[0-9]+}/block", Scope: "write:blocks", Handler: a.relate(a.Outbox.Block)},
		{Method: "POST", Path: "/api/v1/accounts/{id:[0-9]+}/unblock", Scope: "write:blocks", Handler: a.relate(a.Outbox.Unblock)},
		{Method: "GET", Path: "/api/v1/blocks", Scope: "read:blocks", Handler: a.blocks},
		{Method: "GET", Path: "/api/v1/mutes", Scope: "read:mutes", Handler: a.mutes},
		{Method: "POST", Path: "/api/v1/statuses/{id:[0-9]+}/mute", Scope: "write:mutes", Handler: a.react(a.muteThread)},
		{Method: "POST", Path: "/api/v1/statuses/{id:[0-9]+}/unmute", Scope: "write:mutes", Handler: a.react(a.unmuteThread)},
		{Method: "GET", Path: "/api/v1/domain_blocks", Scope: "read:blocks", Handler: a.hiddenHosts},
		{Method: "POST", Path: "/api/v1/domain_blocks", Scope: "write:blocks", Handler: a.hideHost},
		{Method: "DELETE", Path: "/api/v1/domain_blocks", Scope: "write:blocks", Handler: a.showHost},
		{Method: "POST", Path: "/api/v1/accounts/{id:[0-9]+}/note", Scope: "write:accounts", Handler: a.note},
		{Method: "POST", Path: "/api/v1/accounts/{id:[0-9]+}/endorse", Scope: "write:accounts", Handler: a.relate(a.endorse)},
		{Method: "POST", Path: "/api/v1/accounts/{id:[0-9]+}/unendorse", Scope: "write:accounts", Handler: a.relate(a.unendorse)},
		{Method: "POST", Path: "/api/v1/accounts/{id:[0-9]+}/pin", Scope: "write:accounts", Handler: a.relate(a.endorse)},
		{Method: "POST", Path: "/api/v1/accounts/{id:[0-9]+}/unpin", Scope: "write:accounts", Handler: a.relate(a.unendorse)},
		{Method: "GET", Path: "/api/v1/accounts/{id:[0-9]+}/endorsements", Scope: readers("read:accounts"), Handler: a.endorsementsOf},
		{Method: "GET", Path: "/api/v1/endorsements", Scope: "read:accounts", Handler: a.endorsements},

		// lists.go
		{Method: "GET", Path: "/api/v1/lists", Scope: "read:lists", Handler: a.listLists},
		{Method: "POST", Path: "/api/v1/lists", Scope: "write:lists", Handler: a.createList},
		{Method: "GET", Path: "/api/v1/lists/{id:[0-9]+}", Scope: "read:lists", Handler: a.showList},
		{Method: "PUT", Path: "/api/v1/lists/{id:[0-9]+}", Scope: "write:lists", Handler: a.updateList},
		{Method: "DELETE", Path: "/api/v1/lists/{id:[0-9]+}", Scope: "write:lists", Handler: a.deleteList},
		{Method: "GET", Path: "/api/v1/lists/{id:[0-9]+}/accounts", Scope: "read:lists", Handler: a.listMembers},
		{Method: "POST", Path: "/api/v1/lists/{id:[0-9]+}/accounts", Scope: "write:lists", Handler: a.addToList},
		{Method: "DELETE", Path: "/api/v1/lists/{id:[0-9]+}/accounts", Scope: "write:lists", Handler: a.removeFromList},
		{Method: "GET", Path: "/api/v1/accounts/{id:[0-9]+}/lists", Scope: "read:lists", Handler: a.listsWith},
		{Method: "GET", Path: "/api/v1/timelines/list/{id:[0-9]+}", Scope: "read:lists", Handler: a.listTimeline},

		// filters.go, filterposts.go
		{Method: "GET", Path: "/api/v2/filters", Scope: "read:filters", Handler: a.listFilters},
		{Method: "POST", Path: "/api/v2/filters", Scope: "write:filters", Handler: a.createFilter},
		{Method: "GET", Path: "/api/v2/filters/{id:[0-9]+}", Scope: "read:filters", Handler: a.showFilter},
		{Method: "PUT", Path: "/api/v2/filters/{id:[0-9]+}", Scope: "write:filters", Handler: a.updateFilter},
		{Method: "DELETE", Path: "/api/v2/filters/{id:[0-9]+}", Scope: "write:filters", Handler: a.deleteFilter},
		{Method: "GET", Path: "/api/v2/filters/{id:[0-9]+}/keywords", Scope: "read:filters", Handler: a.listKeywords},
		{Method: "POST", Path: "/api/v2/filters/{id:[0-9]+}/keywords", Scope: "write:filters", Handler: a.addKeyword},
		{Method: "GET", Path: "/api/v2/filters/keywords/{id:[0-9]+}", Scope: "read:filters", Handler: a.showKeyword},
		{Method: "PUT", Path: "/api/v2/filters/keywords/{id:[0-9]+}", Scope: "write:filters", Handler: a.updateKeyword},
		{Method: "DELETE", Path: "/api/v2/filters/keywords/{id:[0-9]+}", Scope: "write:filters", Handler: a.deleteKeyword},
		{Method: "GET", Path: "/api/v2/filters/{id:[0-9]+}/statuses", Scope: "read:filters", Handler: a.listFilterStatuses},
		{Method: "POST", Path: "/api/v2/filters/{id:[0-9]+}/statuses", Scope: "write:filters", Handler: a.addFilterStatus},
		{Method: "GET", Path: "/api/v2/filters/statuses/{id:[0-9]+}", Scope: "read:filters", Handler: a.showFilterStatus},
		{Method: "DELETE", Path: "/api/v2/filters/statuses/{id:[0-9]+}", Scope: "write:filters", Handler: a.deleteFilterStatus},
		{Method: "GET", Path: "/api/v1/filters", Scope: "read:filters", Handler: a.listFiltersV1},
		{Method: "POST", Path: "/api/v1/filters", Scope: "write:filters", Handler: a.createFilterV1},
		{Method: "GET", Path: "/api/v1/filters/{id:[0-9]+}", Scope: "read:filters", Handler: a.showFilterV1},
		{Method: "PUT", Path: "/api/v1/filters/{id:[0-9]+}", Scope: "write:filters", Handler: a.updateFilterV1},
		{Method: "DELETE", Path: "/api/v1/filters/{id:[0-9]+}", Scope: "write:filters", Handler: a.deleteFilterV1},

		// featured.go, reports.go
		{Method: "GET", Path: "/api/v1/featured_tags", Scope: "read:accounts", Handler: a.ownFeaturedTags},
		{Method: "POST", Path: "/api/v1/featured_tags", Scope: "write:accounts", Handler: a.featureTag},
		{Method: "GET", Path: "/api/v1/featured_tags/suggestions", Scope: "read:accounts", Handler: a.featuredSuggestions},
		{Method: "DELETE", Path: "/api/v1/featured_tags/{id:[0-9]+}", Scope: "write:accounts", Handler: a.unfeatureTag},
		{Method: "GET", Path: "/api/v1/accounts/{id:[0-9]+}/featured_tags", Scope: readers("read:accounts"), Handler: a.featuredTagsOf},
		{Method: "POST", Path: "/api/v1/tags/{tag}/feature", Scope: "write:accounts", Handler: a.featureByName(a.Outbox.FeatureTag)},
		{Method: "POST", Path: "/api/v1/tags/{tag}/unfeature", Scope: "write:accounts", Handler: a.featureByName(a.Outbox.UnfeatureTag)},
		{Method: "POST", Path: "/api/v1/reports", Scope: "write:reports", Handler: a.createReport},

		// polls.go, quotes.go
		{Method: "GET", Path: "/api/v1/polls/{id:[0-9]+}", Scope: readers("read:statuses"), Handler: a.showPoll},
		{Method: "POST", Path: "/api/v1/polls/{id:[0-9]+}/votes", Scope: "write:statuses", Handler: a.vote},
		{Method: "GET", Path: "/api/v1/statuses/{id:[0-9]+}/quotes", Scope: "read:statuses", Handler: a.quotes},
		{Method: "POST", Path: "/api/v1/statuses/{id:[0-9]+}/quotes/{quoting:[0-9]+}/revoke", Scope: "write:statuses", Handler: a.revokeQuote},
		{Method: "PUT", Path: "/api/v1/statuses/{id:[0-9]+}/interaction_policy", Scope: "write:statuses", Handler: a.setQuotePolicy},
		{Method: "POST", Path: "/api/v1/statuses/{id:[0-9]+}/pin", Scope: "write:accounts", Handler: a.react(a.Outbox.Pin)},
		{Method: "POST", Path: "/api/v1/statuses/{id:[0-9]+}/unpin", Scope: "write:accounts", Handler: a.react(a.Outbox.Unpin)},

		// tags.go
		{Method: "GET", Path: "/api/v1/tags/{tag}", Scope: readers("read:statuses"), Handler: a.showTag},
		{Method: "POST", Path: "/api/v1/tags/{tag}/follow", Scope: "write:follows", Handler: a.onTag(followTag)},
		{Method: "POST", Path: "/api/v1/tags/{tag}/unfollow", Scope: "write:follows", Handler: a.onTag(unfollowTag)},
		{Method: "GET", Path: "/api/v1/followed_tags", Scope: "read:follows", Handler: a.followedTags},

		// statuses.go
		{Method: "POST", Path: "/api/v1/statuses", Scope: "write:statuses", Handler: a.createStatus},
		{Method: "GET", Path: "/api/v1/statuses", Scope: readers("read:statuses"), Handler: a.listStatuses},
		{Method: "GET", Path: "/api/v1/statuses/{id:[0-9]+}", Scope: readers("read:statuses"), Handler: a.showStatus},
		{Method: "PUT", Path: "/api/v1/statuses/{id:[0-9]+}", Scope: "write:statuses", Handler: a.editStatus},
		{Method: "DELETE", Path: "/api/v1/statuses/{id:[0-9]+}", Scope: "write:statuses", Handler: a.deleteStatus},
		{Method: "GET", Path: "/api/v1/statuses/{id:[0-9]+}/context", Scope: readers("read:statuses"), Handler: a.showContext},
		{Method: "GET", Path: "/api/v1/statuses/{id:[0-9]+}/card", Scope: readers("read:statuses"), Handler: a.showCard},
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

		// conversations.go
		{Method: "GET", Path: "/api/v1/conversations", Scope: "read:statuses", Handler: a.listConversations},
		{Method: "DELETE", Path: "/api/v1/conversations/{id:[0-9]+}", Scope: "write:conversations", Handler: a.deleteConversation},
		{Method: "POST", Path: "/api/v1/conversations/{id:[0-9]+}/read", Scope: "write:conversations", Handler: a.readConversation},
		{Method: "GET", Path: "/api/v1/timelines/direct", Scope: "read:statuses", Handler: a.directTimeline},

		// notifications.go
		{Method: "GET", Path: "/api/v1/notifications", Scope: "read:notifications", Handler: a.notifications},
		{Method: "POST", Path: "/api/v1/notifications/clear", Scope: "write:notifications", Handler: a.clearNotifications},
		{Method: "GET", Path: "/api/v1/notifications/{id:[0-9]+}", Scope: "read:notifications", Handler: a.showNotification},
		{Method: "POST", Path: "/api/v1/notifications/{id:[0-9]+}/dismiss", Scope: "write:notifications", Handler: a.dismissNotification},

		{Method: "GET", Path: "/api/v1/notifications/unread_count", Scope: "read:notifications", Handler: a.unreadCount},

		// groups.go, policy.go
		{Method: "GET", Path: "/api/v2/notifications", Scope: "read:notifications", Handler: a.groupedNotifications},
		{Method: "GET", Path: "/api/v2/notifications/unread_count", Scope: "read:notifications", Handler: a.unreadGroups},
		{Method: "GET", Path: "/api/v2/notifications/policy", Scope: "read:notifications", Handler: a.showPolicy},
		{Method: "PATCH", Path: "/api/v2/notifications/policy", Scope: "write:notifications", Handler: a.savePolicy},
		{Method: "GET", Path: "/api/v2/notifications/{key}", Scope: "read:notifications", Handler: a.showGroup},
		{Method: "GET", Path: "/api/v2/notifications/{key}/accounts", Scope: "read:notifications", Handler: a.groupAccounts},
		{Method: "POST", Path: "/api/v2/notifications/{key}/dismiss", Scope: "write:notifications", Handler: a.dismissGroup},
		{Method: "GET", Path: "/api/v1/notifications/requests", Scope: "read:notifications", Handler: a.notificationRequests},
		{Method: "GET", Path: "/api/v1/notifications/requests/merged", Scope: "read:notifications", Handler: a.requestsMerged},
		{Method: "POST", Path: "/api/v1/notifications/requests/accept", Scope: "write:notifications", Handler: a.answerRequests((*storage.Tx).AcceptNotifications)},
		{Method: "POST", Path: "/api/v1/notifications/requests/dismiss", Scope: "write:notifications", Handler: a.answerRequests((*storage.Tx).DismissNotifications)},
		{Method: "GET", Path: "/api/v1/notifications/requests/{id:[0-9]+}", Scope: "read:notifications", Handler: a.showRequest},
		{Method: "POST", Path: "/api/v1/notifications/requests/{id:[0-9]+}/accept", Scope: "write:notifications", Handler: a.answerRequests((*storage.Tx).AcceptNotifications)},
		{Method: "POST", Path: "/api/v1/notifications/requests/{id:[0-9]+}/dismiss", Scope: "write:notifications", Handler: a.answerRequests((*storage.Tx).DismissNotifications)},

		// push.go
		{Method: "GET", Path: "/api/v1/push/subscription", Scope: "push", Handler: a.showPush},
		{Method: "POST", Path: "/api/v1/push/subscription", Scope: "push", Handler: a.subscribePush},
		{Method: "PUT", Path: "/api/v1/push/subscription", Scope: "push", Handler: a.changePush},
		{Method: "DELETE", Path: "/api/v1/push/subscription", Scope: "push", Handler: a.unsubscribePush},

		// media.go
		{Method: "POST", Path: "/api/v1/media", Scope: "write:media", Handler: a.uploadMedia},
		{Method: "POST", Path: "/api/v2/media", Scope: "write:media", Handler: a.uploadMedia},
		{Method: "GET", Path: "/api/v1/media/{id:[0-9]+}", Scope: "write:media", Handler: a.showMedia},
		{Method: "PUT", Path: "/api/v1/media/{id:[0-9]+}", Scope: "write:media", Handler: a.describeMedia},
		{Method: "DELETE", Path: "/api/v1/media/{id:[0-9]+}", Scope: "write:media", Handler: a.deleteMedia},

		// search.go
		{Method: "GET", Path: "/api/v2/search", Scope: readers("read:search"), Handler: a.search},
	}
}
