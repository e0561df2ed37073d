package federation

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"

	"github.com/dunglas/httpsfv"

	"ruche/storage"
)

// A Scheme is a way to sign requests.
type Scheme string

// Schemes of signature. Every server of the fediverse took Cavage once; some now take only RFC9421.
const (
	Cavage  Scheme = "cavage"
	RFC9421 Scheme = "rfc9421"
)

// Schemes remembers which scheme each host takes.
type Schemes interface {
	// SchemeOf is the scheme that a host is known to take; empty: not known.
	SchemeOf(ctx context.Context, host string) Scheme
	// LearnScheme is told what a host took.
	LearnScheme(ctx context.Context, host string, scheme Scheme)
}

type schemeKey struct{}

func contextWith(ctx context.Context, s Scheme) context.Context {
	return context.WithValue(ctx, schemeKey{}, s)
}

// schemeOf is the scheme by which Sign is to sign a request: the client says so, who knows the host.
func schemeOf(r *http.Request) Scheme {
	if s, ok := r.Context().Value(schemeKey{}).(Scheme); ok {
		return s
	}
	return Cavage
}

// knock sends a request signed by the scheme that its host is known to take, or by Cavage. Where that is
// refused as unsigned or malformed, the same request goes once more by the other scheme, and what is taken then is remembered. When
// neither is taken, the first answer counts.
func (c *Client) knock(req *http.Request, sign func(*http.Request) error) (*http.Response, error) {
	ctx, host := req.Context(), req.URL.Host
	known := Scheme("")
	if c.Schemes != nil {
		known = c.Schemes.SchemeOf(ctx, host)
	}
	first, second := Cavage, RFC9421
	if known == RFC9421 {
		first, second = RFC9421, Cavage
	}
	resp, signed, err := c.signed(req, first, sign)
	if err != nil {
		return nil, err
	}
	if !signed {
		return resp, nil // what the caller put on it is no signature of ours, and no host of that kind
	}
	if !unheard(resp) {
		if known == "" && acceptsSignature(resp.Header) {
			c.learn(ctx, host, RFC9421)
		}
		return resp, nil
	}
	// The first answer is kept, as much of it as anybody reads, and its connection is free for the second.
	said, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(said))
	again, _, err := c.signed(req, second, sign)
	if err != nil {
		return resp, nil //nolint:nilerr // the first answer stands
	}
	if unheard(again) {
		_ = again.Body.Close()
		return resp, nil
	}
	if again.StatusCode < http.StatusInternalServerError {
		c.learn(ctx, host, second)
	}
	return again, nil
}

func (c *Client) signed(req *http.Request, scheme Scheme, sign func(*http.Request) error) (_ *http.Response, signed bool, _ error) {
	one := req.Clone(contextWith(req.Context(), scheme))
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil, false, err
		}
		one.Body = body
	}
	if err := sign(one); err != nil {
		return nil, false, err
	}
	resp, err := c.Doer.Do(one)
	return resp, one.Header.Get("Signature") != "", err
}

func (c *Client) learn(ctx context.Context, host string, scheme Scheme) {
	if c.Schemes != nil {
		c.Schemes.LearnScheme(ctx, host, scheme)
	}
}

// unheard says whether an answer may mean that the signature wasn't understood.
func unheard(r *http.Response) bool {
	return r.StatusCode == http.StatusUnauthorized || r.StatusCode == http.StatusBadRequest
}

// acceptsSignature says whether a host asks for signatures by RFC 9421 (§5.1), over no more than we sign.
func acceptsSignature(h http.Header) bool {
	values := h["Accept-Signature"]
	if len(values) != 1 || len(values[0]) > maxSignatureHeader {
		return false
	}
	asked, err := httpsfv.UnmarshalDictionary(values)
	if err != nil {
		return false
	}
	for _, name := range asked.Names() {
		member, _ := asked.Get(name)
		list, ok := member.(httpsfv.InnerList)
		if !ok {
			continue
		}
		if _, once := list.Params.Get("nonce"); once {
			continue // for the answer to this very request, which is over
		}
		if !slices.ContainsFunc(list.Items, func(i httpsfv.Item) bool {
			name, _ := i.Value.(string)
			return len(i.Params.Names()) > 0 || name != "@method" && name != "@target-uri" && name != "content-digest" && name != "content-type"
		}) {
			return true
		}
	}
	return false
}

// SchemeOf is the scheme that a host is known to take.
func (n *Node) SchemeOf(ctx context.Context, host string) Scheme {
	scheme, err := n.DB.SchemeOf(ctx, host)
	if err != nil {
		n.Log.WarnContext(ctx, "scheme of a host is not known", "host", host, "err", err)
	}
	return Scheme(scheme)
}

// LearnScheme remembers what a host took. Forgetting it costs a request.
func (n *Node) LearnScheme(ctx context.Context, host string, scheme Scheme) {
	err := n.DB.Update(ctx, func(tx *storage.Tx) error { return tx.LearnScheme(ctx, host, string(scheme)) })
	if err != nil {
		n.Log.WarnContext(ctx, "scheme of a host is not remembered", "host", host, "err", err)
	}
}
