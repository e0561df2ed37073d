package api

import (
	"strings"

	"ruche/outbox"
	"ruche/outbox/picture"
	"ruche/storage"
)

// What apps go by when they decide how to speak with a server: the newest version of Mastodon
// whose API this is, and the number of that API's own count.
const (
	spokenVersion = "4.5.0"
	apiVersion    = 7 // quotes
)

// versionText begins with three numbers, which apps compare, and ends with ours.
func (a *API) versionText() string {
	return spokenVersion + " (compatible; Ruche " + a.Version + ")"
}

// Configuration is what this node takes.
type Configuration struct {
	URLs              ConfigURLs      `json:"urls"`
	Vapid             Vapid           `json:"vapid"`
	Accounts          AccountLimits   `json:"accounts"`
	Statuses          StatusLimits    `json:"statuses"`
	MediaAttachments  MediaLimits     `json:"media_attachments"`
	Polls             PollLimits      `json:"polls"`
	Translation       Enabled         `json:"translation"`
	TimelinesAccess   TimelinesAccess `json:"timelines_access"`
	LimitedFederation bool            `json:"limited_federation"`
}

// ConfigURLs are addresses beside the API.
type ConfigURLs struct {
	Streaming      string  `json:"streaming"`
	Status         *string `json:"status"`
	About          *string `json:"about"`
	PrivacyPolicy  *string `json:"privacy_policy"`
	TermsOfService *string `json:"terms_of_service"`
}

// Vapid is the key that web push is signed with.
type Vapid struct {
	PublicKey string `json:"public_key"`
}

// AccountLimits are the limits of a profile.
type AccountLimits struct {
	MaxDisplayName       int `json:"max_display_name_length"`
	MaxNote              int `json:"max_note_length"`
	MaxFeaturedTags      int `json:"max_featured_tags"`
	MaxPinned            int `json:"max_pinned_statuses"`
	MaxProfileFields     int `json:"max_profile_fields"`
	FieldNameLimit       int `json:"profile_field_name_limit"`
	FieldValueLimit      int `json:"profile_field_value_limit"`
	MaxAvatarDescription int `json:"max_avatar_description_length"`
	MaxHeaderDescription int `json:"max_header_description_length"`
}

// StatusLimits are the limits of a post.
type StatusLimits struct {
	MaxCharacters      int `json:"max_characters"`
	MaxMedia           int `json:"max_media_attachments"`
	CharactersReserved int `json:"characters_reserved_per_url"`
}

// MediaLimits are the limits of a file.
type MediaLimits struct {
	DescriptionLimit int      `json:"description_limit"`
	SupportedTypes   []string `json:"supported_mime_types"`
	ImageSize        int64    `json:"image_size_limit"`
	ImageMatrix      int      `json:"image_matrix_limit"`
	VideoSize        int64    `json:"video_size_limit"`
	VideoFrameRate   int      `json:"video_frame_rate_limit"`
	VideoMatrix      int      `json:"video_matrix_limit"`
}

// PollLimits are the limits of a poll.
type PollLimits struct {
	MaxOptions    int `json:"max_options"`
	MaxCharacters int `json:"max_characters_per_option"`
	MinExpiration int `json:"min_expiration"`
	MaxExpiration int `json:"max_expiration"`
}

// Enabled says whether there is such a thing here.
type Enabled struct {
	Enabled bool `json:"enabled"`
}

// TimelinesAccess says who may read what without a relation: public, authenticated or disabled.
type TimelinesAccess struct {
	LiveFeeds         FeedAccess `json:"live_feeds"`
	HashtagFeeds      FeedAccess `json:"hashtag_feeds"`
	TrendingLinkFeeds FeedAccess `json:"trending_link_feeds"`
}

// FeedAccess is the access to posts of this node and of peers.
type FeedAccess struct {
	Local  string `json:"local"`
	Remote string `json:"remote"`
}

func (rd reader) configuration(pushKey string) Configuration {
	limits := picture.DefaultLimits()
	who := "authenticated"
	if rd.PublicPages {
		who = "public"
	}
	feeds := FeedAccess{who, who}
	return Configuration{
		URLs: ConfigURLs{Streaming: rd.streamingURL()}, Vapid: Vapid{pushKey},
		Accounts: AccountLimits{
			MaxDisplayName: outbox.MaxDisplayName, MaxNote: outbox.MaxNote, MaxProfileFields: outbox.MaxFields, FieldNameLimit: outbox.MaxFieldText, FieldValueLimit: outbox.MaxFieldText,
			MaxFeaturedTags: storage.MaxFeaturedTags, MaxPinned: storage.MaxPins,
			MaxAvatarDescription: outbox.MaxDescription, MaxHeaderDescription: outbox.MaxDescription,
		},
		Statuses: StatusLimits{outbox.MaxChars, outbox.MaxMedia, 23},
		MediaAttachments: MediaLimits{
			DescriptionLimit: outbox.MaxDescription, SupportedTypes: []string{"image/jpeg", "image/png", "image/gif", "image/webp"},
			ImageSize: limits.Bytes, ImageMatrix: limits.Pixels,
		},
		Polls:           PollLimits{outbox.MaxPollOptions, outbox.MaxPollOptionText, int(outbox.MinPollTime.Seconds()), int(outbox.MaxPollTime.Seconds())},
		TimelinesAccess: TimelinesAccess{feeds, feeds, feeds}, LimitedFederation: true,
	}
}

// streamingURL is where websockets are opened.
func (rd reader) streamingURL() string { return "ws" + strings.TrimPrefix(rd.base, "http") }

// Instance is what this node says about itself.
type Instance struct {
	Domain        string         `json:"domain"`
	Title         string         `json:"title"`
	Version       string         `json:"version"`
	SourceURL     string         `json:"source_url"`
	Description   string         `json:"description"`
	Usage         Usage          `json:"usage"`
	Thumbnail     Thumbnail      `json:"thumbnail"`
	Icon          []Icon         `json:"icon"`
	Languages     []string       `json:"languages"`
	Configuration Configuration  `json:"configuration"`
	Registrations Registrations  `json:"registrations"`
	APIVersions   map[string]int `json:"api_versions"`
	Contact       Contact        `json:"contact"`
	Rules         []Rule         `json:"rules"`
	Wrapstodon    *int           `json:"wrapstodon"`
}

// Usage is how many people are about.
type Usage struct {
	Users struct {
		ActiveMonth int `json:"active_month"`
	} `json:"users"`
}

// Thumbnail is the picture of a node.
type Thumbnail struct {
	URL         string            `json:"url"`
	Blurhash    *string           `json:"blurhash"`
	Description *string           `json:"description"`
	Versions    map[string]string `json:"versions"`
}

// Icon is the node's mark in one size.
type Icon struct {
	Src  string `json:"src"`
	Size string `json:"size"`
}

// Registrations says how somebody gets an account: from the company, by an invitation, or by asking and waiting.
type Registrations struct {
	Enabled          bool    `json:"enabled"`
	ApprovalRequired bool    `json:"approval_required"`
	ReasonRequired   *bool   `json:"reason_required"`
	Message          *string `json:"message"`
	MinAge           *int    `json:"min_age"`
	URL              *string `json:"url"`
}

// Contact is whom to ask.
type Contact struct {
	Email   string   `json:"email"`
	Account *Account `json:"account"`
}

// Rule is a rule of the house.
type Rule struct {
	ID           string                     `json:"id"`
	Text         string                     `json:"text"`
	Hint         string                     `json:"hint"`
	Translations map[string]RuleTranslation `json:"translations"` // by language
}

// RuleTranslation is a rule in one language.
type RuleTranslation struct {
	Text string `json:"text"`
	Hint string `json:"hint"`
}

// InstanceV1 is the same in the words of older apps.
type InstanceV1 struct {
	URI              string            `json:"uri"`
	Title            string            `json:"title"`
	ShortDescription string            `json:"short_description"`
	Description      string            `json:"description"`
	Email            string            `json:"email"`
	Version          string            `json:"version"`
	URLs             map[string]string `json:"urls"`
	Stats            InstanceStats     `json:"stats"`
	Thumbnail        *string           `json:"thumbnail"`
	Languages        []string          `json:"languages"`
	Registrations    bool              `json:"registrations"`
	ApprovalRequired bool              `json:"approval_required"`
	InvitesEnabled   bool              `json:"invites_enabled"`
	Configuration    Configuration     `json:"configuration"`
	ContactAccount   *Account          `json:"contact_account"`
	Rules            []Rule            `json:"rules"`
}

// InstanceStats are the counts of a node.
type InstanceStats struct {
	UserCount   int `json:"user_count"`
	StatusCount int `json:"status_count"`
	DomainCount int `json:"domain_count"`
}

func (rd reader) description() string {
	return rd.word("The social network of "+rd.Name+", linked with those of its partners.", "Le réseau social de "+rd.Name+", relié à ceux de ses partenaires.")
}

func (rd reader) instance(n known) Instance {
	picture := rd.base + rd.Auth.Views.Asset("avatar.png")
	e := Instance{
		Domain: rd.Domain, Title: rd.Name, Version: rd.versionText(), SourceURL: "", Description: rd.description(),
		Thumbnail: Thumbnail{URL: picture, Versions: map[string]string{}}, Icon: []Icon{{Src: picture, Size: "240x240"}},
		Languages: rd.languages(), Configuration: rd.configuration(n.pushKey), APIVersions: map[string]int{"mastodon": apiVersion}, Contact: n.contact, Rules: n.rules,
	}
	e.Usage.Users.ActiveMonth = n.ActiveMonth
	e.Registrations.Enabled, e.Registrations.ApprovalRequired = n.asks, n.asks
	if page := rd.base + "/auth/join"; n.asks {
		e.Registrations.ReasonRequired, e.Registrations.URL = &n.asks, &page
	}
	return e
}

func (rd reader) languages() []string {
	if rd.Locale == "fr" {
		return []string{"fr", "en"}
	}
	return []string{"en", "fr"}
}

func (rd reader) instanceV1(n known) InstanceV1 {
	picture := rd.base + rd.Auth.Views.Asset("avatar.png")
	return InstanceV1{
		URI: rd.Domain, Title: rd.Name, ShortDescription: rd.description(), Description: rd.description(), Version: rd.versionText(),
		URLs: map[string]string{"streaming_api": rd.streamingURL()}, Stats: InstanceStats{n.People, n.Posts, n.Peers}, Thumbnail: &picture,
		Languages: rd.languages(), Configuration: rd.configuration(n.pushKey), Email: n.contact.Email, ContactAccount: n.contact.Account, Rules: n.rules,
		Registrations: n.asks, ApprovalRequired: n.asks, InvitesEnabled: true,
	}
}
