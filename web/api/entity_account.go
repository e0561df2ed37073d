package api

import (
	"html"
	"net/url"
	"strconv"
	"strings"
	"time"

	"ruche/federation"
	"ruche/storage"
)

// Account is a person or community, as apps read it.
type Account struct {
	ID                string      `json:"id"`
	Username          string      `json:"username"`
	Acct              string      `json:"acct"`
	DisplayName       string      `json:"display_name"`
	Locked            bool        `json:"locked"`
	Bot               bool        `json:"bot"`
	Group             bool        `json:"group"`
	Discoverable      *bool       `json:"discoverable"`
	NoIndex           *bool       `json:"noindex"`
	Indexable         bool        `json:"indexable"`
	CreatedAt         string      `json:"created_at"`
	Note              string      `json:"note"`
	URL               string      `json:"url"`
	URI               string      `json:"uri"`
	Avatar            string      `json:"avatar"`
	AvatarStatic      string      `json:"avatar_static"`
	AvatarDescription string      `json:"avatar_description"`
	Header            string      `json:"header"`
	HeaderStatic      string      `json:"header_static"`
	HeaderDescription string      `json:"header_description"`
	FollowersCount    int64       `json:"followers_count"`
	FollowingCount    int64       `json:"following_count"`
	StatusesCount     int64       `json:"statuses_count"`
	LastStatusAt      *string     `json:"last_status_at"`
	HideCollections   *bool       `json:"hide_collections"`
	Emojis            []Emoji     `json:"emojis"`
	Roles             []NamedRole `json:"roles"`
	Fields            []Field     `json:"fields"`
	Moved             *Account    `json:"moved,omitempty"`
	Suspended         bool        `json:"suspended,omitempty"`
	Limited           bool        `json:"limited,omitempty"`
	Memorial          bool        `json:"memorial,omitempty"`

	// Of oneself only.
	Source *Source `json:"source,omitempty"`
	Role   *Role   `json:"role,omitempty"`
}

// Source is a profile as its owner typed it, with their choices.
type Source struct {
	Privacy             string   `json:"privacy"`
	Sensitive           bool     `json:"sensitive"`
	Language            *string  `json:"language"`
	Note                string   `json:"note"`
	Fields              []Field  `json:"fields"`
	FollowRequestsCount int      `json:"follow_requests_count"`
	HideCollections     *bool    `json:"hide_collections"`
	Discoverable        *bool    `json:"discoverable"`
	Indexable           bool     `json:"indexable"`
	AttributionDomains  []string `json:"attribution_domains"`
	QuotePolicy         string   `json:"quote_policy"`
}

// Field is a line of a profile.
type Field struct {
	Name       string  `json:"name"`
	Value      string  `json:"value"`
	VerifiedAt *string `json:"verified_at"`
}

// NamedRole is a role as others see it.
type NamedRole struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Color string `json:"color"`
}

// Role is one's own role, with what it may do as a number of flags.
type Role struct {
	NamedRole
	Permissions string `json:"permissions"`
	Highlighted bool   `json:"highlighted"`
}

// Emoji is a picture that stands for a word.
type Emoji struct {
	Shortcode       string  `json:"shortcode"`
	URL             string  `json:"url"`
	StaticURL       string  `json:"static_url"`
	VisibleInPicker bool    `json:"visible_in_picker"`
	Category        *string `json:"category"`
}

// people are accounts with what is needed to show them.
type people struct {
	reader
	byID    map[int64]*storage.Account
	files   map[int64]*storage.Media
	roles   map[int64]string
	emojis  emojis
	shown   federation.Shown
	missing struct{ avatar, header string }
}

// entity is one of the people as apps read them; nil for somebody unknown.
func (p *people) entity(id int64) *Account {
	a := p.byID[id]
	if a == nil {
		return nil
	}
	return p.account(a)
}

// account writes one of the people. The entity is the caller's own: what it holds by reference is shared and isn't changed.
func (p *people) account(a *storage.Account) *Account {
	if len(a.Emojis) > 0 {
		return p.writeAccount(a) // its emojis change without it
	}
	key := p.keyOf(a)
	kept, ok := p.caches.accounts.get(key)
	if !ok {
		kept = *p.writeAccount(a)
		p.caches.accounts.add(key, kept)
	}
	return &kept
}

func (p *people) writeAccount(a *storage.Account) *Account {
	noIndex, discoverable, hidden := !a.Indexable, a.Discoverable, a.HideCollections
	e := &Account{
		ID: id(a.ID), Username: a.Username, Acct: a.Acct(), DisplayName: a.DisplayName,
		Locked: a.Locked, Bot: a.Bot || a.Kind == storage.Service || a.Kind == storage.Application, Group: a.Kind == storage.Group,
		Discoverable: &discoverable, NoIndex: &noIndex, Indexable: a.Indexable, HideCollections: &hidden,
		CreatedAt: a.CreatedAt.UTC().Format("2006-01-02T00:00:00.000Z"), // the day is enough
		Note:      a.NoteHTML, URL: pageOf(a), URI: a.URI,
		FollowersCount: a.FollowersCount, FollowingCount: a.FollowingCount, StatusesCount: a.PostsCount, LastStatusAt: opt(a.LastPostOn),
		Emojis: p.emojisOf(a.Peer, a.Emojis), Roles: []NamedRole{}, Fields: []Field{},
	}
	e.Avatar, e.AvatarDescription = p.picture(a.AvatarID, p.remote(storage.OfAvatar, a.ID, a.Peer, a.AvatarURL), p.missing.avatar)
	e.Header, e.HeaderDescription = p.picture(a.HeaderID, p.remote(storage.OfHeader, a.ID, a.Peer, a.HeaderURL), p.missing.header)
	e.AvatarStatic, e.HeaderStatic = e.Avatar, e.Header
	if !a.Active() {
		// Nothing that somebody suspended wrote is shown.
		e.Suspended, e.DisplayName, e.Note = true, "", ""
		e.Avatar, e.Header = p.missing.avatar, p.missing.header
		e.AvatarStatic, e.HeaderStatic, e.AvatarDescription, e.HeaderDescription = e.Avatar, e.Header, "", ""
		return e
	}
	e.Limited = !a.LimitedAt.IsZero()
	for _, f := range a.Fields {
		value := f.Value // sanitised when it came in
		if a.Local() {
			value = fieldHTML(f.Value)
		}
		e.Fields = append(e.Fields, Field{Name: f.Name, Value: value})
	}
	if a.Department != "" {
		e.Fields = append(e.Fields, Field{Name: p.word("Department", "Service"), Value: html.EscapeString(a.Department)})
	}
	if role := p.roles[a.ID]; role != "" {
		e.Roles = append(e.Roles, p.role(role).NamedRole)
	}
	return e
}

// picture is the address of an avatar or header, and its description.
func (p *people) picture(media int64, remote, missing string) (address, description string) {
	if m := p.files[media]; m != nil && m.BlobKey != "" {
		return p.mediaURL(m.BlobKey), m.Description
	}
	if remote != "" {
		return remote, ""
	}
	return missing, ""
}

// pageOf is where a browser finds an account.
func pageOf(a *storage.Account) string {
	if a.URL != "" {
		return a.URL
	}
	return a.URI
}

// fieldHTML turns a typed value into HTML: an address into a link, anything else into text.
func fieldHTML(typed string) string {
	escaped := html.EscapeString(typed)
	u, err := url.Parse(typed)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || strings.ContainsAny(typed, " \t\n\"<>") {
		return escaped
	}
	return `<a href="` + escaped + `" rel="nofollow noopener noreferrer me" target="_blank">` + escaped + `</a>`
}

// mayEverything is the flag of Mastodon's administrators, before whom apps ask no other.
const mayEverything = "1"

// roleFlags are Mastodon's flags of roles, by what they let people do here.
var roleFlags = []struct {
	act  storage.Act
	flag int
}{
	{storage.ActReadReports, 1 << 3}, {storage.ActHandleReports, 1 << 4}, {storage.ActPeers, 1 << 5}, {storage.ActPick, 1 << 8},
	{storage.ActDecideAppeals, 1 << 9}, {storage.ActModerateAccounts, 1 << 10}, {storage.ActInvite, 1<<11 | 1<<16}, {storage.ActAnnounce, 1 << 13},
}

func flagsOf(role string) string {
	flags := 0
	for _, f := range roleFlags {
		if storage.RoleMay(role, f.act) {
			flags |= f.flag
		}
	}
	return strconv.Itoa(flags)
}

// role describes a role. The ids are fixed, since roles are words of this program.
func (rd reader) role(name string) Role {
	r := Role{NamedRole: NamedRole{ID: "-99"}, Permissions: flagsOf(name)}
	switch name {
	case storage.RoleOwner:
		r.NamedRole, r.Permissions = NamedRole{ID: "1", Name: rd.word("Owner", "Propriétaire")}, mayEverything
	case storage.RoleAdmin:
		r.NamedRole, r.Permissions = NamedRole{ID: "2", Name: rd.word("Admin", "Administration")}, mayEverything
	case storage.RoleModerator:
		r.NamedRole = NamedRole{ID: "3", Name: rd.word("Moderator", "Modération")}
	case storage.RoleCommunityManager:
		r.NamedRole = NamedRole{ID: "4", Name: rd.word("Community manager", "Animation de communauté")}
	case storage.RoleGuest:
		r.NamedRole = NamedRole{ID: "5", Name: rd.word("Guest", "Invité")}
	}
	r.Highlighted = name != storage.RoleMember && name != storage.RoleGuest
	return r
}

// source adds to an account what its owner alone reads.
func (rd reader) source(e *Account, a *storage.Account, u *storage.User, requests int) {
	fields := make([]Field, 0, len(a.Fields))
	for _, f := range a.Fields {
		fields = append(fields, Field{Name: f.Name, Value: f.Value})
	}
	e.Source = &Source{
		Privacy: visibilityOut(u.DefaultVisibility), Sensitive: u.DefaultSensitive, Language: opt(u.DefaultLanguage),
		Note: a.NoteText, Fields: fields, FollowRequestsCount: requests, HideCollections: e.HideCollections,
		Discoverable: &a.Discoverable, Indexable: a.Indexable, AttributionDomains: []string{}, QuotePolicy: quotePolicyOut(u.DefaultQuotePolicy),
	}
	role := rd.role(u.Role)
	e.Role = &role
}

// quotePolicyOut is who may quote by default; without a choice, everybody in the post's circle.
func quotePolicyOut(policy string) string {
	if policy == "" {
		return storage.QuotePublic
	}
	return policy
}

// stamp writes a time as apps read it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func optStamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := stamp(t)
	return &s
}
