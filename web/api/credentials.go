package api

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"

	"ruche/outbox"
	"ruche/storage"
	"ruche/web/auth"
)

// verifyApp is GET /api/v1/apps/verify_credentials.
func (a *API) verifyApp(w http.ResponseWriter, r *http.Request) error {
	token := auth.Token(r.Context())
	app, err := a.DB.AppByID(r.Context(), token.AppID)
	if errors.Is(err, storage.ErrNotFound) {
		app = &storage.App{Name: "ruche token", Scopes: token.Scopes, RedirectURIs: []string{}} // made on the command line
	} else if err != nil {
		return err
	}
	e := auth.DescribeApp(app)
	if e.VapidKey, err = a.DB.PushKey(r.Context()); err != nil {
		return err
	}
	return auth.JSON(w, e)
}

// verifyCredentials is GET /api/v1/accounts/verify_credentials.
func (a *API) verifyCredentials(w http.ResponseWriter, r *http.Request) error {
	return a.answerMyself(w, r, auth.Account(r.Context()), auth.User(r.Context()))
}

func (a *API) answerMyself(w http.ResponseWriter, r *http.Request, me *storage.Account, user *storage.User) error {
	ctx := r.Context()
	rd := a.reader(r)
	e, err := rd.account(ctx, me)
	if err != nil {
		return err
	}
	requests, err := a.DB.CountFollowRequests(ctx, me.ID)
	if err != nil {
		return err
	}
	rd.source(e, me, user, requests)
	return auth.JSON(w, e)
}

// updateCredentials is PATCH /api/v1/accounts/update_credentials.
func (a *API) updateCredentials(w http.ResponseWriter, r *http.Request) error {
	p, err := a.profileOf(r)
	if err != nil {
		return err
	}
	return a.saveProfile(w, r, p)
}

// profileOf reads what a request changes of a profile, pictures included.
func (a *API) profileOf(r *http.Request) (outbox.Profile, error) {
	v, err := auth.Params(r)
	if err != nil {
		return outbox.Profile{}, err
	}
	p := readProfile(v)
	if err := v.Err(); err != nil {
		return p, err
	}
	for _, picture := range []struct {
		key   string
		field **int64
	}{{"avatar", &p.Avatar}, {"header", &p.Header}} {
		if *picture.field, err = a.readPicture(r, v, picture.key); err != nil {
			return p, err
		}
	}
	return p, nil
}

func (a *API) saveProfile(w http.ResponseWriter, r *http.Request, p outbox.Profile) error {
	ctx := r.Context()
	me, err := a.Outbox.UpdateProfile(ctx, auth.Account(ctx), p)
	if err != nil {
		return err
	}
	user, err := a.DB.UserByAccount(ctx, me.ID)
	if err != nil {
		return err
	}
	return a.answerMyself(w, r, me, user)
}

// readProfile reads what an app may change of a profile, pictures excepted.
func readProfile(v *auth.Values) outbox.Profile {
	p := outbox.Profile{
		DisplayName: v.OptStr("display_name"), Note: v.OptStr("note"),
		Locked: v.OptBool("locked"), Discoverable: v.OptBool("discoverable"), Indexable: v.OptBool("indexable"), Bot: v.OptBool("bot"),
		HideCollections:   v.OptBool("hide_collections"),
		DefaultVisibility: v.OptStr("source[privacy]"), DefaultLanguage: v.OptStr("source[language]"), DefaultSensitive: v.OptBool("source[sensitive]"),
		DefaultQuotePolicy: v.OptStr("source[quote_policy]"),
	}
	if p.DefaultVisibility != nil {
		visibility := visibilityIn(*p.DefaultVisibility)
		p.DefaultVisibility = &visibility
	}
	if v.Given("fields_attributes") {
		fields := []storage.Field{}
		for _, f := range v.Each("fields_attributes") {
			if field := (storage.Field{Name: f.Str("name"), Value: f.Str("value")}); field != (storage.Field{}) {
				fields = append(fields, field)
			}
		}
		p.Fields = &fields
	}
	return p
}

// readPicture stores an uploaded avatar or header; an empty text takes the picture away, and nil
// leaves it as it is.
func (a *API) readPicture(r *http.Request, v *auth.Values, key string) (*int64, error) {
	var content io.Reader
	if v.HasFile(key) {
		file, _, err := v.File(key)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		content = file
	} else {
		text := v.OptStr(key)
		if text == nil {
			return nil, nil
		}
		if *text == "" {
			return new(int64), nil
		}
		// Some apps send the picture as a data: address (RFC 2397).
		head, encoded, ok := strings.Cut(*text, ",")
		if !ok || !strings.HasPrefix(head, "data:image/") || !strings.HasSuffix(head, ";base64") {
			return nil, auth.Invalid("%s must be a file", key)
		}
		content = base64.NewDecoder(base64.StdEncoding, strings.NewReader(encoded))
	}
	m, err := a.Outbox.Upload(r.Context(), auth.Account(r.Context()), outbox.Upload{Reader: content, Description: v.Str(key + "_description")})
	if err != nil {
		return nil, err
	}
	return &m.ID, nil
}

// preferences is GET /api/v1/preferences.
func (a *API) preferences(w http.ResponseWriter, r *http.Request) error {
	user := auth.User(r.Context())
	return auth.JSON(w, map[string]any{
		"posting:default:visibility": visibilityOut(user.DefaultVisibility), "posting:default:sensitive": user.DefaultSensitive,
		"posting:default:language": opt(user.DefaultLanguage), "posting:default:quote_policy": quotePolicyOut(user.DefaultQuotePolicy),
		"reading:expand:media": "default", "reading:expand:spoilers": false, "reading:autoplay:gifs": false,
	})
}
