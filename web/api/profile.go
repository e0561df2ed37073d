package api

import (
	"net/http"

	"ruche/outbox"
	"ruche/web/auth"
)

// Profile is one's own profile with what can be changed of it, as typed.
type Profile struct {
	ID                 string        `json:"id"`
	DisplayName        string        `json:"display_name"`
	Note               string        `json:"note"`
	Fields             []Field       `json:"fields"`
	Avatar             *string       `json:"avatar"`
	AvatarStatic       *string       `json:"avatar_static"`
	AvatarDescription  string        `json:"avatar_description"`
	Header             *string       `json:"header"`
	HeaderStatic       *string       `json:"header_static"`
	HeaderDescription  string        `json:"header_description"`
	Locked             bool          `json:"locked"`
	Bot                bool          `json:"bot"`
	HideCollections    bool          `json:"hide_collections"`
	Discoverable       bool          `json:"discoverable"`
	Indexable          bool          `json:"indexable"`
	ShowMedia          bool          `json:"show_media"`
	ShowMediaReplies   bool          `json:"show_media_replies"`
	ShowFeatured       bool          `json:"show_featured"`
	AttributionDomains []string      `json:"attribution_domains"`
	FeaturedTags       []FeaturedTag `json:"featured_tags"`
}

// showProfile is GET /api/v1/profile.
func (a *API) showProfile(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	me, err := a.DB.AccountByID(ctx, auth.Viewer(ctx))
	if err != nil {
		return err
	}
	e, err := a.reader(r).account(ctx, me)
	if err != nil {
		return err
	}
	out := Profile{
		ID: e.ID, DisplayName: me.DisplayName, Note: me.NoteText, Fields: []Field{}, AvatarDescription: e.AvatarDescription, HeaderDescription: e.HeaderDescription,
		Locked: me.Locked, Bot: me.Bot, HideCollections: me.HideCollections, Discoverable: me.Discoverable, Indexable: me.Indexable, ShowMedia: true, ShowMediaReplies: true, ShowFeatured: true,
		AttributionDomains: []string{},
	}
	if out.FeaturedTags, err = a.reader(r).featuredTags(ctx, me); err != nil {
		return err
	}
	for _, f := range me.Fields {
		out.Fields = append(out.Fields, Field{Name: f.Name, Value: f.Value})
	}
	if me.AvatarID != 0 {
		out.Avatar, out.AvatarStatic = &e.Avatar, &e.AvatarStatic
	}
	if me.HeaderID != 0 {
		out.Header, out.HeaderStatic = &e.Header, &e.HeaderStatic
	}
	return auth.JSON(w, out)
}

// updateProfile is PATCH /api/v1/profile.
func (a *API) updateProfile(w http.ResponseWriter, r *http.Request) error {
	p, err := a.profileOf(r)
	if err != nil {
		return err
	}
	if _, err := a.Outbox.UpdateProfile(r.Context(), auth.Account(r.Context()), p); err != nil {
		return err
	}
	return a.showProfile(w, r)
}

// removeAvatar is DELETE /api/v1/profile/avatar.
func (a *API) removeAvatar(w http.ResponseWriter, r *http.Request) error {
	return a.saveProfile(w, r, outbox.Profile{Avatar: new(int64)})
}

// removeHeader is DELETE /api/v1/profile/header.
func (a *API) removeHeader(w http.ResponseWriter, r *http.Request) error {
	return a.saveProfile(w, r, outbox.Profile{Header: new(int64)})
}
