package auth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"ruche/storage"
)

// OutOfBand is the address of apps that have none: the person copies the code from a page.
const OutOfBand = "urn:ietf:wg:oauth:2.0:oob"

// Limits of a registration, in bytes and in number.
const (
	maxAppName      = 200
	maxAppAddress   = 2000
	maxAppAddresses = 20
)

// AppEntity is an app as clients read it (Mastodon's Application).
type AppEntity struct {
	ID           string   `json:"id"`
	Name         string   `json:"name"`
	Website      *string  `json:"website"`
	Scopes       []string `json:"scopes"`
	RedirectURIs []string `json:"redirect_uris"`
	RedirectURI  string   `json:"redirect_uri"` // before 4.3: lines
	VapidKey     string   `json:"vapid_key"`
}

// credentials are an app with its secret, told once.
type credentials struct {
	AppEntity
	ClientID              string `json:"client_id"`
	ClientSecret          string `json:"client_secret"`
	ClientSecretExpiresAt int    `json:"client_secret_expires_at"` // 0: never
}

// DescribeApp gives what clients read of an app.
func DescribeApp(a *storage.App) AppEntity {
	e := AppEntity{
		ID: strconv.FormatInt(a.ID, 10), Name: a.Name, Scopes: strings.Fields(a.Scopes),
		RedirectURIs: a.RedirectURIs, RedirectURI: strings.Join(a.RedirectURIs, "\n"),
	}
	if a.Website != "" {
		e.Website = &a.Website
	}
	return e
}

// registerApp is dynamic registration as Mastodon has it: POST /api/v1/apps, by anybody.
func (s *Server) registerApp(w http.ResponseWriter, r *http.Request) error {
	if !s.appsByAddress.Take(s.address(r)).OK {
		return tooMany()
	}
	v, err := Params(r)
	if err != nil {
		return err
	}
	app, err := readApp(v)
	if err != nil {
		return err
	}
	for _, uri := range app.RedirectURIs {
		if err := s.checkRedirectHost(r.Context(), uri); err != nil {
			return err
		}
	}
	secret := storage.NewSecret()
	app.ClientID, app.SecretHash = storage.NewSecret(), storage.HashSecret(secret)
	if err := s.DB.Update(r.Context(), func(tx *storage.Tx) error { return tx.AddApp(r.Context(), app) }); err != nil {
		return err
	}
	e := credentials{AppEntity: DescribeApp(app), ClientID: app.ClientID, ClientSecret: secret}
	if e.VapidKey, err = s.DB.PushKey(r.Context()); err != nil {
		return err
	}
	noStore(w)
	return JSON(w, e)
}

func readApp(v *Values) (*storage.App, error) {
	app := &storage.App{Name: strings.TrimSpace(v.Str("client_name")), Website: strings.TrimSpace(v.Str("website"))}
	if app.Name == "" {
		return nil, Invalid("client_name can't be blank")
	}
	if len(app.Name) > maxAppName {
		return nil, Invalid("client_name is longer than %d bytes", maxAppName)
	}
	if app.Website != "" {
		u, err := url.Parse(app.Website)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(app.Website) > maxAppAddress {
			return nil, Invalid("website must be an http or https address")
		}
	}
	for _, lines := range v.List("redirect_uris") {
		app.RedirectURIs = append(app.RedirectURIs, strings.Fields(lines)...)
	}
	if len(app.RedirectURIs) == 0 {
		return nil, Invalid("redirect_uris can't be blank")
	}
	if len(app.RedirectURIs) > maxAppAddresses {
		return nil, Invalid("redirect_uris are more than %d", maxAppAddresses)
	}
	for _, uri := range app.RedirectURIs {
		if err := checkRedirect(uri); err != nil {
			return nil, Invalid("redirect_uris holds an address that can't be used: %v", err)
		}
	}
	scopes, unknown := CleanScopes(strings.Join(v.List("scopes"), " "))
	if len(unknown) > 0 {
		return nil, Invalid("scopes holds %s, which this server doesn't know", strings.Join(unknown, " "))
	}
	if app.Scopes = scopes; scopes == "" {
		app.Scopes = DefaultScopes
	}
	return app, nil
}

// forbiddenSchemes would run or show something of the app's choosing in our origin, or open a
// file.
var forbiddenSchemes = map[string]bool{
	"javascript": true, "data": true, "vbscript": true, "file": true, "blob": true, "about": true, "view-source": true,
}

// checkRedirect says why a browser may not be sent to an address: http, https, and schemes of
// an app's own are fine.
func checkRedirect(uri string) error {
	if uri == OutOfBand {
		return nil
	}
	if len(uri) > maxAppAddress {
		return errors.New("it is too long")
	}
	u, err := url.Parse(uri)
	switch {
	case err != nil || u.Scheme == "":
		return errors.New("it isn't absolute")
	case forbiddenSchemes[strings.ToLower(u.Scheme)]:
		return errors.New("its scheme isn't allowed")
	case u.Fragment != "" || strings.Contains(uri, "#"):
		return errors.New("it has a fragment") // RFC 6749 §3.1.2
	case (u.Scheme == "http" || u.Scheme == "https") && u.Host == "":
		return errors.New("it has no host")
	case u.User != nil:
		return errors.New("it has a user name")
	}
	return nil
}

// checkRedirectHost says whether a web client's host may be given tokens, by the admin's list. What stays on the person's
// machine (a scheme of an app's own, a port of localhost, RFC 8252 §7) isn't on it, and neither is this node.
func (s *Server) checkRedirectHost(ctx context.Context, uri string) error {
	u, err := url.Parse(uri)
	if err != nil || uri == OutOfBand || u.Scheme != "https" && u.Scheme != "http" || Loopback(u.Host) {
		return nil
	}
	allowed, err := s.DB.HostList(ctx, storage.SettingRedirectHosts)
	if err != nil || len(allowed) == 0 || slices.Contains(allowed, strings.ToLower(u.Host)) || strings.HasPrefix(uri, s.PublicURL+"/") {
		return err
	}
	return Invalid("redirect_uris names the host %s, which isn't on this node's list of web clients: ask an admin to add it", u.Host)
}

func noStore(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache") // RFC 6749 §5.1
}
