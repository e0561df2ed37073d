package federation

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"ruche/storage"
)

// WebFinger (RFC 7033), host-meta (RFC 6415) and NodeInfo: how others find out what is here.

// maxJRD bounds a WebFinger answer.
const maxJRD = 64 << 10

type jrdLink struct {
	Rel      string `json:"rel"`
	Type     string `json:"type,omitempty"`
	Href     string `json:"href,omitempty"`
	Template string `json:"template,omitempty"`
}

type jrd struct {
	Subject string    `json:"subject"`
	Aliases []string  `json:"aliases,omitempty"`
	Links   []jrdLink `json:"links"`

	self string
}

func (n *Node) scheme() string {
	if n.Plain {
		return "http"
	}
	return "https"
}

// webfinger asks a permitted domain about user@domain and gives the actor's id in self.
func (n *Node) webfinger(ctx context.Context, domain, acct string) (*jrd, error) {
	if _, err := n.PeerOfDomain(ctx, domain); err != nil {
		return nil, err
	}
	answer, err := n.askWebFinger(ctx, domain, "acct:"+acct)
	if err != nil {
		return nil, err
	}
	if !strings.EqualFold(answer.Subject, "acct:"+acct) {
		return nil, fmt.Errorf("WebFinger of %s answers about %q instead of %s: %w", domain, answer.Subject, acct, ErrUntrusted)
	}
	return answer, nil
}

// askWebFinger asks a domain, for which the caller vouches, about a resource.
func (n *Node) askWebFinger(ctx context.Context, domain, resource string) (*jrd, error) {
	uri := n.scheme() + "://" + domain + "/.well-known/webfinger?resource=" + url.QueryEscape(resource)
	res, err := n.Client.GetFrom(ctx, domain, uri, "application/jrd+json, application/json", maxJRD)
	if err != nil {
		return nil, fmt.Errorf("ask %s about %s: %w", domain, resource, err)
	}
	if res.Status == http.StatusNotFound || res.Status == http.StatusGone {
		return nil, fmt.Errorf("%s: %w", resource, storage.ErrNotFound)
	}
	if res.Status != http.StatusOK {
		return nil, fmt.Errorf("ask %s about %s: %w", domain, resource, &StatusError{Status: res.Status})
	}
	var answer jrd
	if err := json.Unmarshal(res.Body, &answer); err != nil {
		return nil, fmt.Errorf("read WebFinger of %s: %w", domain, err)
	}
	for _, l := range answer.Links {
		if l.Rel == "self" && (l.Type == activityJSON || strings.HasPrefix(l.Type, "application/ld+json")) {
			answer.self = l.Href
			return &answer, nil
		}
	}
	return nil, fmt.Errorf("%s: %w", resource, storage.ErrNotFound)
}

const activityJSON = "application/activity+json"

// WebFinger answers who acct:user@domain is, or an id or page of ours, or the node itself.
func (n *Node) WebFinger(w http.ResponseWriter, r *http.Request) {
	resource := r.URL.Query().Get("resource")
	if resource == "" || len(resource) > 2048 {
		n.fail(w, r, http.StatusBadRequest, "give one resource, such as acct:name@"+n.Domain)
		return
	}
	a, err := n.resource(r.Context(), resource)
	if err != nil || !a.Local() || !a.DeletedAt.IsZero() {
		n.fail(w, r, http.StatusNotFound, "there is nobody of that name here")
		return
	}
	if !a.SuspendedAt.IsZero() {
		n.fail(w, r, http.StatusGone, "there is nobody of that name here")
		return
	}
	answer := jrd{Subject: "acct:" + a.Username + "@" + n.Domain, Aliases: []string{a.URL, a.URI}, Links: []jrdLink{
		{Rel: "http://webfinger.net/rel/profile-page", Type: "text/html", Href: a.URL},
		{Rel: "self", Type: activityJSON, Href: a.URI},
	}}
	w.Header().Set("Cache-Control", "max-age=600")
	n.json(w, r, http.StatusOK, "application/jrd+json; charset=utf-8", answer)
}

func (n *Node) resource(ctx context.Context, resource string) (*storage.Account, error) {
	base := n.DB.URIs().Base
	switch {
	case resource == base, resource == base+"/":
		return n.DB.ServiceActor(ctx) // FEP-d556
	case strings.HasPrefix(resource, base+"/@"):
		return n.DB.AccountByName(ctx, strings.TrimPrefix(resource, base+"/@"), "")
	case strings.HasPrefix(resource, base+"/"):
		return n.DB.AccountByURI(ctx, resource)
	}
	acct := strings.TrimPrefix(strings.TrimPrefix(resource, "acct:"), "@")
	name, domain, _ := strings.Cut(acct, "@")
	host, err := NormalizeHost(domain)
	if err != nil || (host != n.Domain && host != n.Host) {
		return nil, storage.ErrNotFound
	}
	return n.DB.AccountByName(ctx, name, "")
}

// HostMeta points to WebFinger, for servers that begin there.
func (n *Node) HostMeta(w http.ResponseWriter, r *http.Request) {
	template := n.DB.URIs().Base + "/.well-known/webfinger?resource={uri}"
	if strings.Contains(r.Header.Get("Accept"), "json") || strings.HasSuffix(r.URL.Path, ".json") {
		n.json(w, r, http.StatusOK, "application/json", map[string]any{"links": []jrdLink{{Rel: "lrdd", Template: template}}})
		return
	}
	type link struct {
		Rel      string `xml:"rel,attr"`
		Template string `xml:"template,attr"`
	}
	body, err := xml.Marshal(struct {
		XMLName xml.Name `xml:"http://docs.oasis-open.org/ns/xri/xrd-1.0 XRD"`
		Link    link
	}{Link: link{"lrdd", template}})
	if err != nil {
		n.fail(w, r, http.StatusInternalServerError, "the answer could not be written")
		return
	}
	w.Header().Set("Content-Type", "application/xrd+xml; charset=utf-8")
	_, _ = w.Write(append([]byte(xml.Header), body...))
}

// NodeInfoIndex points to the documents below (NodeInfo 2.1 §2).
func (n *Node) NodeInfoIndex(w http.ResponseWriter, r *http.Request) {
	base := n.DB.URIs().Base
	n.json(w, r, http.StatusOK, "application/json", map[string]any{"links": []jrdLink{
		{Rel: "http://nodeinfo.diaspora.software/ns/schema/2.0", Href: base + "/nodeinfo/2.0"},
		{Rel: "http://nodeinfo.diaspora.software/ns/schema/2.1", Href: base + "/nodeinfo/2.1"},
		{Rel: "https://www.w3.org/ns/activitystreams#Application", Href: n.serviceURI(r.Context())},
	}})
}

func (n *Node) serviceURI(ctx context.Context) string {
	a, err := n.DB.ServiceActor(ctx)
	if err != nil {
		return n.DB.URIs().Base
	}
	return a.URI
}

// NodeInfo says what software runs here. It counts accounts, as others do, and tells nothing
// about what anybody does.
func (n *Node) NodeInfo(w http.ResponseWriter, r *http.Request) {
	version := r.PathValue("version")
	if version != "2.0" && version != "2.1" {
		n.fail(w, r, http.StatusNotFound, "NodeInfo 2.0 and 2.1 are here")
		return
	}
	users, err := n.DB.CountLocalAccounts(r.Context())
	if err != nil {
		n.broken(w, r, err)
		return
	}
	software := map[string]any{"name": "ruche", "version": n.Version}
	n.json(w, r, http.StatusOK, `application/json; profile="http://nodeinfo.diaspora.software/ns/schema/`+version+`#"`, map[string]any{
		"version": version, "software": software, "protocols": []string{"activitypub"},
		"services": map[string]any{"inbound": []string{}, "outbound": []string{}}, "openRegistrations": false,
		"usage":    map[string]any{"users": map[string]any{"total": users}},
		"metadata": map[string]any{"nodeName": n.Name},
	})
}
