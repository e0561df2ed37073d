package federation

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// peer starts an HTTPS server and a client that trusts its authority and may go to loopback.
func peer(t *testing.T, handler http.HandlerFunc, change func(*ClientConfig)) (*Client, *httptest.Server) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := ClientConfig{UserAgent: "Ruche/1 (+https://sales.example/)", CAFile: ca, PrivateNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	if change != nil {
		change(&cfg)
	}
	return newTestClient(t, cfg), server
}

func document(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/activity+json")
		io.WriteString(w, body)
	}
}

func TestADocumentIsFetched(t *testing.T) {
	var got *http.Request
	c, server := peer(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		document(`{"id":"x"}`)(w, r)
	}, nil)
	sign := func(r *http.Request) error { r.Header.Set("Signature", "ours"); return nil }
	body, final, err := c.GetDocument(t.Context(), server.URL+"/u/1?a=b#main-key", sign)
	if err != nil || string(body) != `{"id":"x"}` || final != server.URL+"/u/1?a=b" {
		t.Fatalf("%s from %s: %v", body, final, err)
	}
	if got.Header.Get("Accept") != `application/ld+json; profile="https://www.w3.org/ns/activitystreams", application/activity+json` ||
		got.Header.Get("User-Agent") != "Ruche/1 (+https://sales.example/)" || got.Header.Get("Signature") != "ours" {
		t.Errorf("header %v", got.Header)
	}
	if got.ProtoMajor != 2 || got.Header.Get("Accept-Encoding") != "" || got.Header.Get("Cookie") != "" {
		t.Errorf("%s, header %v", got.Proto, got.Header)
	}
}

func TestAnAddressOnAPrivateNetworkNeedsThatNetwork(t *testing.T) {
	c, server := peer(t, document("{}"), func(cfg *ClientConfig) { cfg.PrivateNetworks = nil })
	if _, _, err := c.GetDocument(t.Context(), server.URL, nil); !errors.Is(err, ErrAddress) {
		t.Errorf("%v, want ErrAddress", err)
	}
}

func TestACertificateOfNobodyKnownIsRefused(t *testing.T) {
	c, server := peer(t, document("{}"), func(cfg *ClientConfig) { cfg.CAFile = "" })
	if _, _, err := c.GetDocument(t.Context(), server.URL, nil); err == nil {
		t.Error("the certificate was trusted")
	}
}

func TestNobodyIsAskedWhoIsNotPermitted(t *testing.T) {
	notAllowed := errors.New("not allowed")
	var asked []string
	c, server := peer(t, func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") }, func(cfg *ClientConfig) {
		cfg.Permit = func(_ context.Context, host string) error {
			asked = append(asked, host)
			return notAllowed
		}
	})
	sign := func(*http.Request) error { t.Error("a request was signed"); return nil }
	if _, _, err := c.GetDocument(t.Context(), server.URL+"/", sign); !errors.Is(err, notAllowed) {
		t.Errorf("get: %v", err)
	}
	if _, err := c.Post(t.Context(), server.URL+"/", nil, sign); !errors.Is(err, notAllowed) {
		t.Errorf("post: %v", err)
	}
	if host := strings.TrimPrefix(server.URL, "https://"); len(asked) != 2 || asked[0] != host || asked[1] != host {
		t.Errorf("asked about %v", asked)
	}

	nobody, err := NewClient(ClientConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nobody.Get(t.Context(), server.URL, "", nil, 0); !errors.Is(err, ErrAddress) {
		t.Errorf("without Permit: %v", err)
	}
}

func TestARequestThatCannotBeSignedIsNotSent(t *testing.T) {
	c, server := peer(t, func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") }, nil)
	noKey := errors.New("no key")
	if _, err := c.Post(t.Context(), server.URL, nil, func(*http.Request) error { return noKey }); !errors.Is(err, noKey) {
		t.Error(err)
	}
}

func TestOnlyActivityStreamsIsADocument(t *testing.T) {
	var kind, coding string
	c, server := peer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = nil
		if kind != "" {
			w.Header().Set("Content-Type", kind)
		}
		if coding != "" {
			w.Header().Set("Content-Encoding", coding)
		}
		io.WriteString(w, "{}")
	}, nil)
	for text, ok := range map[string]bool{
		"application/activity+json":                                                                  true,
		"Application/Activity+JSON; charset=utf-8":                                                   true,
		`application/ld+json; profile="https://www.w3.org/ns/activitystreams"`:                       true,
		`application/ld+json; profile="https://other.example https://www.w3.org/ns/activitystreams"`: true,
		`application/ld+json; charset=utf-8; profile="https://www.w3.org/ns/activitystreams"`:        true,
		"application/ld+json": false,
		`application/ld+json; profile="https://www.w3.org/ns/activitystreams/evil"`: false,
		"application/json":                      false,
		"text/html":                             false,
		"text/plain; application/activity+json": false,
		"application/octet-stream":              false,
		"":                                      false,
		"application/activity+json, text/html":  false,
	} {
		kind = text
		if _, _, err := c.GetDocument(t.Context(), server.URL, nil); (err == nil) != ok || !ok && !errors.Is(err, ErrMediaType) {
			t.Errorf("%s: %v", text, err)
		}
	}
	kind, coding = "application/activity+json", "gzip"
	if _, _, err := c.GetDocument(t.Context(), server.URL, nil); !errors.Is(err, ErrMediaType) {
		t.Errorf("compressed: %v", err)
	}
}

func TestAnotherStatusThan200IsSaid(t *testing.T) {
	for _, status := range []int{201, 204, 206, 304, 401, 404, 410, 429, 500} {
		c, server := peer(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/activity+json")
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(status)
		}, nil)
		_, _, err := c.GetDocument(t.Context(), server.URL, nil)
		var refusal *StatusError
		if !errors.As(err, &refusal) || refusal.Status != status || refusal.RetryAfter != 2*time.Minute {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestALargeAnswerIsCut(t *testing.T) {
	size := 1 << 20
	c, server := peer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/activity+json")
		http.NewResponseController(w).Flush() // so that no length is announced
		io.WriteString(w, strings.Repeat(" ", size))
	}, nil)
	if body, _, err := c.GetDocument(t.Context(), server.URL, nil); err != nil || len(body) != 1<<20 {
		t.Errorf("of 1 MiB: %d bytes, %v", len(body), err)
	}
	size++
	if _, _, err := c.GetDocument(t.Context(), server.URL, nil); !errors.Is(err, ErrTooLarge) {
		t.Errorf("of more: %v", err)
	}
	if _, err := c.Get(t.Context(), server.URL, "", nil, 10); !errors.Is(err, ErrTooLarge) {
		t.Errorf("of more than 10: %v", err)
	}
}

// dripping sends a byte now and then until the client has had enough.
func dripping(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/activity+json")
	out := http.NewResponseController(w)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
			io.WriteString(w, " ")
			if out.Flush() != nil {
				return
			}
		}
	}
}

func TestASlowAnswerIsCutByTheTotalTime(t *testing.T) {
	c, server := peer(t, dripping, func(cfg *ClientConfig) { cfg.TotalTimeout = 300 * time.Millisecond })
	if _, _, err := c.GetDocument(t.Context(), server.URL, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("get: %v, want DeadlineExceeded", err)
	}
	// A delivery is answered by its status; the rest is decoration.
	if res, err := c.Post(t.Context(), server.URL, nil, nil); err != nil || res.Status != 200 {
		t.Errorf("post: %v, %v", res, err)
	}
}

func TestAPeerThatHangsIsCutByTheHeaderTime(t *testing.T) {
	c, server := peer(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, func(cfg *ClientConfig) { cfg.HeaderTimeout = 200 * time.Millisecond })
	began := time.Now()
	if _, err := c.Post(t.Context(), server.URL, []byte("{}"), nil); err == nil {
		t.Error("it answered")
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("cut after %s", took)
	}
}

func TestRedirectsStayOnTheirOriginAndEnd(t *testing.T) {
	canary := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the canary was asked") }))
	defer canary.Close()
	var self string
	permits := 0
	c, server := peer(t, func(w http.ResponseWriter, r *http.Request) {
		to := map[string]string{
			"/1": "/2", "/2": "3?x=y", "/3": self + "/4", "/4": "/end", "/0": "/1",
			"/loop": "/loop", "/a": "/b", "/b": "/a", "/fragment": "/fragment#x",
			"/away": canary.URL + "/", "/plain": strings.Replace(self, "https:", "http:", 1) + "/end",
			"/name": strings.Replace(self, "127.0.0.1", "localhost", 1) + "/end", "/user": strings.Replace(self, "https://", "https://u@", 1),
			"/file": "file:///etc/passwd", "/data": "data:application/activity+json,{}", "/rel": "//evil.example/", "/nowhere": "", "/bad": "https://[::1", "/private": "https://169.254.169.254/",
		}
		if next, ok := to[r.URL.Path]; ok {
			w.Header()["Location"] = []string{next}
			w.WriteHeader(http.StatusFound)
			return
		}
		document("{}")(w, r)
	}, func(cfg *ClientConfig) {
		cfg.Permit = func(context.Context, string) error { permits++; return nil }
	})
	self = server.URL

	signed := 0
	sign := func(*http.Request) error { signed++; return nil }
	if _, final, err := c.GetDocument(t.Context(), server.URL+"/2", sign); err != nil || final != server.URL+"/end" {
		t.Errorf("three redirects led to %s: %v", final, err)
	}
	if signed != 4 || permits != 4 {
		t.Errorf("%d requests were signed and %d permitted, want 4", signed, permits)
	}
	for _, path := range []string{"/1", "/0", "/loop", "/a", "/fragment", "/away", "/plain", "/name", "/user", "/file", "/data", "/rel", "/nowhere", "/private"} {
		if _, _, err := c.GetDocument(t.Context(), server.URL+path, nil); !errors.Is(err, ErrRedirect) {
			t.Errorf("%s: %v, want ErrRedirect", path, err)
		}
	}
	if _, _, err := c.GetDocument(t.Context(), server.URL+"/bad", nil); err == nil {
		t.Error("a redirect that cannot be read was followed")
	}
	if res, err := c.Post(t.Context(), server.URL+"/1", []byte("{}"), nil); err != nil || res.Status != http.StatusFound {
		t.Errorf("post: %v, %v, want 302 itself", res, err)
	}
}

func TestAPeerThatIsRemovedInBetweenIsNotFollowed(t *testing.T) {
	gone := errors.New("removed")
	permits := 0
	c, server := peer(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/next", http.StatusFound) }, func(cfg *ClientConfig) {
		cfg.Permit = func(context.Context, string) error {
			if permits++; permits > 1 {
				return gone
			}
			return nil
		}
	})
	if _, err := c.Get(t.Context(), server.URL, "", nil, 0); !errors.Is(err, gone) {
		t.Error(err)
	}
}

// doer answers in place of the network.
type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

func TestAnAccountDomainMayRedirectToItsPeer(t *testing.T) {
	c := newTestClient(t, ClientConfig{Permit: func(_ context.Context, host string) error {
		if host != "social.sales.example" {
			return errors.New("not allowed")
		}
		return nil
	}})
	target := "https://social.sales.example/.well-known/webfinger"
	var hosts []string
	c.Doer = doer(func(r *http.Request) (*http.Response, error) {
		hosts = append(hosts, r.URL.Host)
		w := httptest.NewRecorder()
		if r.URL.Host == "sales.example" {
			http.Redirect(w, r, target, http.StatusMovedPermanently)
		} else {
			io.WriteString(w, "found")
		}
		return w.Result(), nil
	})
	const uri = "https://sales.example/.well-known/webfinger"
	res, err := c.GetFrom(t.Context(), "sales.example", uri, "application/jrd+json", 0)
	if err != nil || string(res.Body) != "found" || res.URL != target {
		t.Errorf("%v, %v", res, err)
	}
	if _, err := c.Get(t.Context(), uri, "", nil, 0); err == nil {
		t.Error("the domain was asked though it is no peer")
	}
	if _, err := c.GetFrom(t.Context(), "sales.example", "https://evil.example/", "", 0); !errors.Is(err, ErrAddress) {
		t.Errorf("an address on another host: %v", err)
	}
	target = "https://evil.example/"
	if _, err := c.GetFrom(t.Context(), "sales.example", uri, "", 0); err == nil {
		t.Error("a redirect to a host that is no peer was followed")
	}
	if got := strings.Join(hosts, " "); got != "sales.example social.sales.example sales.example" {
		t.Errorf("asked %s", got)
	}
}

func TestTheHostThatIsPermittedIsTheHostThatIsAsked(t *testing.T) {
	var permitted, asked string
	c := newTestClient(t, ClientConfig{Permit: func(_ context.Context, host string) error { permitted = host; return nil }})
	c.Doer = doer(func(r *http.Request) (*http.Response, error) {
		asked = r.URL.Host
		return httptest.NewRecorder().Result(), nil
	})
	for _, uri := range []string{"https://BÜCHER.example.:443/x", "https://xn--bcher-kva.example/x", "https://bücher。example/x"} {
		if res, err := c.Get(t.Context(), uri, "", nil, 0); err != nil || asked != "xn--bcher-kva.example" || permitted != asked || res.URL != "https://xn--bcher-kva.example/x" {
			t.Errorf("%s: permitted %s, asked %s, %v", uri, permitted, asked, err)
		}
	}
}

func TestADeliveryIsOneSignedPost(t *testing.T) {
	key := rsaKey(t, 2048)
	body := []byte(`{"type":"Create"}`)
	verified := make(chan error, 1)
	var g *gate
	c, server := peer(t, func(w http.ResponseWriter, r *http.Request) {
		read, err := io.ReadAll(r.Body)
		if err == nil {
			_, err = g.Verify(r, read)
		}
		if err == nil && r.Header.Get("Content-Type") != "application/activity+json" {
			err = fmt.Errorf("media type %s", r.Header.Get("Content-Type"))
		}
		verified <- err
		w.Header().Set("Retry-After", "99999999")
		w.WriteHeader(http.StatusAccepted)
		io.WriteString(w, strings.Repeat("x", 5000))
	}, nil)
	g = newGate(&key.PublicKey)
	g.Hosts = []string{strings.TrimPrefix(server.URL, "https://")}
	res, err := c.Post(t.Context(), server.URL+"/inbox?a=%2Fb", body, func(r *http.Request) error { return Sign(r, body, anaKey, key, noon) })
	if err != nil {
		t.Fatal(err)
	}
	if err := <-verified; err != nil {
		t.Error(err)
	}
	if res.Status != http.StatusAccepted || res.RetryAfter != 7*24*time.Hour || len(res.Body) != 2<<10 {
		t.Errorf("%d, %s, %d bytes", res.Status, res.RetryAfter, len(res.Body))
	}
}

func TestRetryAfterIsADelayOrADate(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": 0, "30": 30 * time.Second, "-5": 0, "soon": 0, "99999999999999": 0,
		"Mon, 05 Oct 2026 12:01:00 GMT": time.Minute, "Mon, 05 Oct 2026 11:00:00 GMT": 0,
	} {
		c, server := peer(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", noon.Format(http.TimeFormat))
			w.Header().Set("Retry-After", text)
			w.WriteHeader(http.StatusServiceUnavailable)
		}, nil)
		if res, err := c.Post(t.Context(), server.URL, nil, nil); err != nil || res.RetryAfter != want {
			t.Errorf("%q: %v, %v", text, res, err)
		}
	}
}

func TestARedirectToWhereItCameFromIsNotFollowedAgain(t *testing.T) {
	asked := 0
	c, server := peer(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		http.Redirect(w, r, "/", http.StatusFound)
	}, nil)
	if _, err := c.Get(t.Context(), server.URL+"/", "", nil, 0); !errors.Is(err, ErrRedirect) || asked != 1 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}

func TestADocumentOfTwoMediaTypesIsNone(t *testing.T) {
	c, server := peer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = []string{"application/activity+json", "text/html"}
		io.WriteString(w, "{}")
	}, nil)
	if _, _, err := c.GetDocument(t.Context(), server.URL, nil); !errors.Is(err, ErrMediaType) {
		t.Errorf("%v, want ErrMediaType", err)
	}
}

func TestWhatIsPostedToAHostGoesThereAndItsAnswerIsBounded(t *testing.T) {
	asked := 0
	c, server := peer(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		io.WriteString(w, strings.Repeat("x", 100))
	}, nil)
	host := strings.TrimPrefix(server.URL, "https://")
	if _, err := c.PostTo(t.Context(), "else.example", server.URL+"/", []byte("{}"), 100); !errors.Is(err, ErrAddress) || asked != 0 {
		t.Errorf("to another host than was named, asked %d times: %v", asked, err)
	}
	if res, err := c.PostTo(t.Context(), host, server.URL+"/", []byte("{}"), 100); err != nil || len(res.Body) != 100 {
		t.Errorf("a hundred bytes: %v", err)
	}
	if _, err := c.PostTo(t.Context(), host, server.URL+"/", []byte("{}"), 99); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a byte too many: %v, want ErrTooLarge", err)
	}
}
