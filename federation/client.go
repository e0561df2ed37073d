package federation

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Doer sends an HTTP request; *http.Client is one.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

var (
	// ErrTooLarge says that an answer had more bytes than were asked for.
	ErrTooLarge = errors.New("the answer is too large")
	// ErrMediaType says that an answer is not an ActivityStreams document, whatever it holds: a file that somebody
	// uploaded to a peer must not speak for it.
	ErrMediaType = errors.New("the answer is not an ActivityStreams document")
	// ErrRedirect says that an answer pointed to another host, to where it came from, or on and on.
	ErrRedirect = errors.New("the redirect is not followed")
)

// StatusError is an answer that is not the document that was asked for.
type StatusError struct {
	Status     int
	RetryAfter time.Duration // 0 when not said
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("the peer answered %d %s", e.Status, http.StatusText(e.Status))
}

const (
	// asProfile makes a JSON-LD document an ActivityStreams one (ActivityPub §3.2).
	asProfile = "https://www.w3.org/ns/activitystreams"
	// acceptDocument is understood by every server: PROTOCOL.md section 6, item 8.
	acceptDocument  = `application/ld+json; profile="` + asProfile + `", application/activity+json`
	activityContent = "application/activity+json"

	// maxDocument bounds a fetched document; Mastodon's bound is the same.
	maxDocument = 1 << 20
	// maxAnswer is how much of the answer to a delivery is kept, to be shown to an admin.
	maxAnswer    = 2 << 10
	maxRedirects = 3
	// maxRetryAfter bounds what a peer may ask us to wait; a delivery expires then anyway.
	maxRetryAfter = 7 * 24 * time.Hour
)

// ClientConfig is what a node's outbound client is made from.
type ClientConfig struct {
	UserAgent string // some servers refuse requests without one; default "Ruche"
	CAFile    string // PEM of certificate authorities trusted beside the system's

	// PrivateNetworks are the private or special networks that peers may live in; all others are refused.
	PrivateNetworks []netip.Prefix
	Proxy           string // URL of an HTTP proxy; never taken from the environment
	NoProxy         string // hosts that are connected to directly, as in the variable NO_PROXY

	// AllowLocalhost lets names under .localhost be reached on this machine, by plain HTTP too. Only a node that
	// is itself *.localhost without TLS sets it.
	AllowLocalhost bool

	// Permit says whether a host may be spoken to, and is asked before anything else, for each hop. A client
	// without it speaks to nobody.
	Permit func(ctx context.Context, host string) error

	ConnectTimeout time.Duration // default 5 s
	TLSTimeout     time.Duration // default 5 s
	HeaderTimeout  time.Duration // from the request sent to the answer's header; default 10 s
	TotalTimeout   time.Duration // for all redirects and the last byte; default 30 s
}

// Client is the one way out of a node. It speaks to permitted hosts only, on addresses that CheckAddress allows,
// over TLS, within a time and a number of bytes. It is safe for concurrent use.
type Client struct {
	// Doer sends the requests. Tests that run several nodes in one process put theirs here, before the first
	// request; permits, redirects and limits stay in force, and addresses are then the Doer's concern.
	Doer Doer
	// Schemes remembers how each host wants requests signed. Without it every host is asked anew.
	Schemes Schemes

	agent   string
	local   bool
	permit  func(ctx context.Context, host string) error
	timeout time.Duration
	guarded *guarded
}

// NewClient makes a client; it fails when the CA file or the proxy cannot be used.
func NewClient(cfg ClientConfig) (*Client, error) {
	cfg.UserAgent = cmp.Or(cfg.UserAgent, "Ruche")
	cfg.ConnectTimeout = cmp.Or(cfg.ConnectTimeout, 5*time.Second)
	cfg.TLSTimeout = cmp.Or(cfg.TLSTimeout, 5*time.Second)
	cfg.HeaderTimeout = cmp.Or(cfg.HeaderTimeout, 10*time.Second)
	cfg.TotalTimeout = cmp.Or(cfg.TotalTimeout, 30*time.Second)
	guarded, err := newGuarded(cfg)
	if err != nil {
		return nil, fmt.Errorf("outbound client: %w", err)
	}
	return &Client{
		Doer:    guarded,
		agent:   cfg.UserAgent,
		local:   cfg.AllowLocalhost,
		permit:  cfg.Permit,
		timeout: cfg.TotalTimeout,
		guarded: guarded,
	}, nil
}

// Close ends the connections that are kept for later.
func (c *Client) Close() { c.guarded.close() }

// Response is an answer, read to its end.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	URL    string // where it came from, after redirects
}

// Get fetches uri and reads at most limit bytes of what it says (0: 1 MiB); more is ErrTooLarge. It follows three
// redirects on the same origin and no others. sign, if not nil, signs each of the requests. The status is the
// caller's to judge.
func (c *Client) Get(ctx context.Context, uri, accept string, sign func(*http.Request) error, limit int64) (*Response, error) {
	return c.get(ctx, uri, fetch{accept: accept, sign: sign, limit: limit})
}

// GetFrom fetches, unsigned, from a host that is no peer itself but belongs to one: an account domain. The caller
// has asked whether it may; the address must be on that very host. Such a domain commonly redirects its WebFinger
// to the peer, so redirects to permitted hosts are followed here.
func (c *Client) GetFrom(ctx context.Context, host, uri, accept string, limit int64) (*Response, error) {
	if on, err := HostOf(uri); err != nil || on != host {
		return nil, fmt.Errorf("get %s from %s: %w", shown(uri), shown(host), ErrAddress)
	}
	return c.get(ctx, uri, fetch{accept: accept, limit: limit, vouched: func(on string) bool { return on == host }})
}

// GetFile fetches, unsigned, a file of a peer: from the hosts that serves says may keep it, also after a redirect, and from no other,
// peer or not. read is given the header of an answer of 200 and its body, whose end is ErrTooLarge after limit bytes; another
// status is a *StatusError.
func (c *Client) GetFile(ctx context.Context, uri, accept string, serves func(host string) bool, limit int64, read func(header http.Header, body io.Reader) error) error {
	_, err := c.get(ctx, uri, fetch{accept: accept, limit: limit, vouched: serves, only: true, read: read})
	return err
}

// fetch is what the hops of one Get have in common.
type fetch struct {
	accept  string
	sign    func(*http.Request) error
	limit   int64
	vouched func(host string) bool // the hosts for which the caller vouches, if any
	only    bool                   // and no others, whoever is permitted otherwise
	read    func(header http.Header, body io.Reader) error
}

func (c *Client) get(ctx context.Context, uri string, f fetch) (*Response, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if f.limit <= 0 {
		f.limit = maxDocument
	}
	target, err := c.permitted(ctx, uri, f)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", shown(uri), err)
	}
	visited := []string{target.String()}
	for {
		resp, next, err := c.getOnce(ctx, target, f)
		if err != nil {
			return nil, fmt.Errorf("get %s: %w", target, err)
		}
		if next == "" {
			return resp, nil
		}
		if target, err = c.redirected(ctx, target, next, visited, f); err != nil {
			return nil, fmt.Errorf("get %s: %w", shown(uri), err)
		}
		visited = append(visited, target.String())
	}
}

// GetDocument fetches an ActivityStreams document of at most 1 MiB. Anything but 200 is a *StatusError, another
// media type ErrMediaType. finalURL is where it was found: the caller compares it with the document's id.
func (c *Client) GetDocument(ctx context.Context, uri string, sign func(*http.Request) error) (body []byte, finalURL string, err error) {
	resp, err := c.Get(ctx, uri, acceptDocument, sign, maxDocument)
	if err != nil {
		return nil, "", err
	}
	if resp.Status != http.StatusOK {
		return nil, "", fmt.Errorf("get %s: %w", resp.URL, &StatusError{resp.Status, retryAfter(resp.Header)})
	}
	if !isDocument(resp.Header) {
		return nil, "", fmt.Errorf("get %s: %s: %w", resp.URL, shown(resp.Header.Get("Content-Type")), ErrMediaType)
	}
	return resp.Body, resp.URL, nil
}

// PostResult is how an inbox answered.
type PostResult struct {
	Status     int
	RetryAfter time.Duration // 0 when not said, at most 7 days
	Body       []byte        // at most the first 2 KiB
}

// Post delivers an activity to an inbox. Redirects are not followed: they are a status like others, and the status
// is the caller's to judge. sign sees the request complete, with its Content-Type.
func (c *Client) Post(ctx context.Context, inbox string, body []byte, sign func(*http.Request) error) (*PostResult, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	target, err := c.permitted(ctx, inbox, fetch{})
	if err != nil {
		return nil, fmt.Errorf("post to %s: %w", shown(inbox), err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("post to %s: %w", target, err)
	}
	req.Header.Set("Content-Type", activityContent)
	resp, err := c.send(req, sign)
	if err != nil {
		return nil, fmt.Errorf("post to %s: %w", target, err)
	}
	defer resp.Body.Close()
	// The status has arrived, so the act is done or refused; an explanation that breaks off changes nothing.
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return &PostResult{Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header), Body: answer}, nil
}

// PostTo sends JSON, unsigned by HTTP, to a host that is no peer yet or no longer: what two nodes tell each other about
// their link. The caller vouches for the host, as with GetFrom; at most limit bytes of the answer are read.
func (c *Client) PostTo(ctx context.Context, host, uri string, body []byte, limit int64) (*Response, error) {
	if on, err := HostOf(uri); err != nil || on != host {
		return nil, fmt.Errorf("post %s to %s: %w", shown(uri), shown(host), ErrAddress)
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	target, err := c.permitted(ctx, uri, fetch{vouched: func(on string) bool { return on == host }})
	if err != nil {
		return nil, fmt.Errorf("post to %s: %w", shown(uri), err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("post to %s: %w", target, err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.send(req, nil)
	if err != nil {
		return nil, fmt.Errorf("post to %s: %w", target, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("post to %s: read the answer: %w", target, err)
	}
	if int64(len(answer)) > limit {
		return nil, fmt.Errorf("post to %s: more than %d bytes: %w", target, limit, ErrTooLarge)
	}
	return &Response{Status: resp.StatusCode, Header: resp.Header, Body: answer, URL: target.String()}, nil
}

// permitted reads an address and asks whether its host may be spoken to, unless the caller vouches for it. The URL that it gives has the host in
// normal form, so that what was permitted, what is dialled and what the certificate must name are the same bytes.
func (c *Client) permitted(ctx context.Context, uri string, f fetch) (*url.URL, error) {
	host, err := HostOf(uri)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAddress, err)
	}
	if f.vouched == nil || !f.vouched(host) {
		if f.only || c.permit == nil {
			return nil, fmt.Errorf("%s isn't permitted: %w", host, ErrAddress)
		}
		if err := c.permit(ctx, host); err != nil {
			return nil, err
		}
	}
	target, err := url.Parse(uri)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAddress, err)
	}
	if target.Scheme != "https" && !(target.Scheme == "http" && c.local && isLocalhost(host)) {
		return nil, fmt.Errorf("scheme %s: %w", target.Scheme, ErrAddress)
	}
	target.Host = host
	target.Fragment, target.RawFragment = "", ""
	return target, nil
}

// redirected reads where an answer points to: on the same origin (or away from an account domain), not yet
// visited, and not too far on.
func (c *Client) redirected(ctx context.Context, from *url.URL, location string, visited []string, f fetch) (*url.URL, error) {
	if len(visited) > maxRedirects {
		return nil, fmt.Errorf("more than %d redirects: %w", maxRedirects, ErrRedirect)
	}
	// Location is relative to the request (RFC 9110 §10.2.2).
	next, err := from.Parse(location)
	if err != nil {
		return nil, fmt.Errorf("to %s: %w", shown(location), ErrRedirect)
	}
	host, err := HostOf(next.String())
	if err != nil || next.Scheme != from.Scheme || host != from.Host && f.vouched == nil {
		return nil, fmt.Errorf("to %s: %w", shown(location), ErrRedirect)
	}
	target, err := c.permitted(ctx, next.String(), f)
	if err != nil {
		return nil, err
	}
	if slices.Contains(visited, target.String()) {
		return nil, fmt.Errorf("back to %s: %w", shown(location), ErrRedirect)
	}
	return target, nil
}

// getOnce sends one GET. It gives the answer, or where a redirect leads.
func (c *Client) getOnce(ctx context.Context, target *url.URL, f fetch) (_ *Response, next string, _ error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, "", err
	}
	if f.accept != "" {
		req.Header.Set("Accept", f.accept)
	}
	resp, err := c.send(req, f.sign)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		location := resp.Header.Get("Location")
		if location == "" {
			return nil, "", fmt.Errorf("to nowhere: %w", ErrRedirect)
		}
		return nil, location, nil
	}
	if f.read != nil {
		if resp.StatusCode != http.StatusOK {
			return nil, "", &StatusError{resp.StatusCode, retryAfter(resp.Header)}
		}
		return &Response{Status: resp.StatusCode, Header: resp.Header, URL: target.String()}, "", f.read(resp.Header, &bounded{resp.Body, f.limit})
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, f.limit+1))
	if err != nil {
		return nil, "", fmt.Errorf("read the answer: %w", err)
	}
	if int64(len(body)) > f.limit {
		return nil, "", fmt.Errorf("more than %d bytes: %w", f.limit, ErrTooLarge)
	}
	return &Response{Status: resp.StatusCode, Header: resp.Header, Body: body, URL: target.String()}, "", nil
}

// bounded reads as many bytes as are left; one more is ErrTooLarge.
type bounded struct {
	io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p[:min(int64(len(p)), b.left+1)])
	if b.left -= int64(n); b.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}

func (c *Client) send(req *http.Request, sign func(*http.Request) error) (*http.Response, error) {
	req.Header.Set("User-Agent", c.agent)
	if sign == nil {
		return c.Doer.Do(req)
	}
	return c.knock(req, sign)
}

// isDocument tells an ActivityStreams document by its media type. We ask for no compression; what is compressed
// anyway could not be bounded by its bytes, and is not read.
func isDocument(h http.Header) bool {
	if coding := h.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return false
	}
	if len(h.Values("Content-Type")) != 1 {
		return false
	}
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return false
	}
	switch kind {
	case activityContent:
		return true
	case "application/ld+json":
		return slices.Contains(strings.Fields(params["profile"]), asProfile)
	}
	return false
}

// retryAfter reads how long a peer asks us to wait (RFC 9110 §10.2.3), within reason.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
		return min(max(time.Duration(seconds)*time.Second, 0), maxRetryAfter)
	}
	until, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	// The peer's clock and ours may differ: its Date says what it takes for now.
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return min(max(until.Sub(now), 0), maxRetryAfter)
}
