package federation

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/http/httpproxy"
)

// ErrAddress says that a connection was not made because of where it would have led: an address that is private
// or special, a scheme that is not ours, a name that must not be asked of the proxy.
var ErrAddress = errors.New("this address is not connected to")

// CheckAddress tells whether a resolved address may be connected to: nil, or an error that wraps ErrAddress.
// Everything that is not an ordinary address of the public internet is refused unless it lies in allowed, the
// networks that the admin says peers live in. It is asked at dial time, so that a name that resolves differently
// the second time gains nothing.
func CheckAddress(addr netip.Addr, allowed []netip.Prefix) error {
	refused := fmt.Errorf("%s: %w", addr, ErrAddress)
	switch {
	case !addr.IsValid(), addr.Zone() != "", addr.Is4In6():
		return refused
	case addr.IsUnspecified(), addr.IsMulticast(), addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		// No peer lives there, whatever range somebody allowed: 0.0.0.0 is this machine.
		return refused
	}
	for _, network := range allowed {
		if network.Contains(addr) {
			return nil
		}
	}
	if addr.Is6() && !ipv6Global.Contains(addr) {
		return refused
	}
	for _, network := range special {
		if network.Contains(addr) {
			return refused
		}
	}
	return nil
}

// ipv6Global is all of IPv6 that has been given out for ordinary use (RFC 4291 §2.4). Refusing the rest covers ::,
// ::1, IPv4-mapped and -compatible, 64:ff9b::/96 and 64:ff9b:1::/48, 100::/64, 5f00::/16, fc00::/7, fe80::/10,
// fec0::/10, ff00::/8, and whatever special range is invented next.
var ipv6Global = netip.MustParsePrefix("2000::/3")

// special are the registered exceptions: IANA's special-purpose registries for IPv4, and for IPv6 those within
// 2000::/3.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),         // this network
	netip.MustParsePrefix("10.0.0.0/8"),        // private
	netip.MustParsePrefix("100.64.0.0/10"),     // carrier-grade NAT
	netip.MustParsePrefix("127.0.0.0/8"),       // loopback
	netip.MustParsePrefix("169.254.0.0/16"),    // link-local, and the metadata services of clouds
	netip.MustParsePrefix("172.16.0.0/12"),     // private
	netip.MustParsePrefix("192.0.0.0/24"),      // protocol assignments
	netip.MustParsePrefix("192.0.2.0/24"),      // documentation
	netip.MustParsePrefix("192.31.196.0/24"),   // AS112
	netip.MustParsePrefix("192.52.193.0/24"),   // multicast tunnels
	netip.MustParsePrefix("192.88.99.0/24"),    // 6to4 relays
	netip.MustParsePrefix("192.168.0.0/16"),    // private
	netip.MustParsePrefix("192.175.48.0/24"),   // AS112
	netip.MustParsePrefix("198.18.0.0/15"),     // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"),   // documentation
	netip.MustParsePrefix("203.0.113.0/24"),    // documentation
	netip.MustParsePrefix("224.0.0.0/4"),       // multicast
	netip.MustParsePrefix("240.0.0.0/4"),       // reserved, broadcast
	netip.MustParsePrefix("2001::/23"),         // protocol assignments, Teredo, ORCHID
	netip.MustParsePrefix("2001:db8::/32"),     // documentation
	netip.MustParsePrefix("2002::/16"),         // 6to4: holds an IPv4 address
	netip.MustParsePrefix("2620:4f:8000::/48"), // AS112
	netip.MustParsePrefix("3fff::/20"),         // documentation
}

// guarded is the Doer of a node: every connection it makes is one that CheckAddress allowed, or goes to the proxy.
type guarded struct {
	direct  *http.Client
	proxied *http.Client // nil without a proxy
	proxyOf func(*url.URL) (*url.URL, error)
	local   bool // ClientConfig.AllowLocalhost
}

func newGuarded(cfg ClientConfig) (*guarded, error) {
	trust, err := TrustedRoots(cfg.CAFile)
	if err != nil {
		return nil, err
	}
	g := &guarded{local: cfg.AllowLocalhost}
	g.direct = newHTTPClient(cfg, trust, nil, guardedDial(cfg))
	if cfg.Proxy == "" {
		return g, nil
	}
	proxy, err := url.Parse(cfg.Proxy)
	if err != nil || proxy.Scheme != "http" && proxy.Scheme != "https" || proxy.Host == "" || proxy.Path != "" && proxy.Path != "/" {
		// The address may hold a password: it isn't repeated.
		return nil, errors.New("the proxy is not an http or https URL without a path")
	}
	g.proxyOf = (&httpproxy.Config{HTTPSProxy: cfg.Proxy, NoProxy: cfg.NoProxy}).ProxyFunc()
	// The proxy is the admin's choice and mostly on a private network; this dialer connects to nothing else.
	plain := &net.Dialer{Timeout: cfg.ConnectTimeout}
	g.proxied = newHTTPClient(cfg, trust, http.ProxyURL(proxy), plain.DialContext)
	return g, nil
}

// Do sends one request. Redirects are given back, not followed.
func (g *guarded) Do(r *http.Request) (*http.Response, error) {
	if g.proxied == nil || g.local && isLocalhost(r.URL.Host) {
		return g.direct.Do(r)
	}
	proxy, err := g.proxyOf(r.URL)
	if err != nil {
		return nil, fmt.Errorf("proxy for %s: %w", r.URL.Host, err)
	}
	if proxy == nil {
		return g.direct.Do(r)
	}
	// What the proxy reaches we cannot see: it is asked for public names on the usual port only.
	name := r.URL.Hostname()
	_, literal := netip.ParseAddr(name)
	if r.URL.Scheme != "https" || r.URL.Port() != "" && r.URL.Port() != "443" || literal == nil ||
		name == "localhost" || isLocalhost(name) || !strings.Contains(name, ".") {
		return nil, fmt.Errorf("%s is not asked of the proxy: %w", r.URL.Host, ErrAddress)
	}
	return g.proxied.Do(r)
}

// close ends idle connections.
func (g *guarded) close() {
	g.direct.CloseIdleConnections()
	if g.proxied != nil {
		g.proxied.CloseIdleConnections()
	}
}

type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// newHTTPClient makes a client that has no cookies, takes nothing from the environment, follows no redirect and
// decompresses nothing: a limit on bytes is then a limit on what is read.
func newHTTPClient(cfg ClientConfig, trust *x509.CertPool, proxy func(*http.Request) (*url.URL, error), dial dialFunc) *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  proxy,
			DialContext:            dial,
			TLSClientConfig:        &tls.Config{RootCAs: trust, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    cfg.TLSTimeout,
			ResponseHeaderTimeout:  cfg.HeaderTimeout,
			MaxResponseHeaderBytes: 64 << 10,
			DisableCompression:     true,
			ForceAttemptHTTP2:      true,
			MaxIdleConns:           256,
			MaxIdleConnsPerHost:    4,
			IdleConnTimeout:        90 * time.Second,
		},
	}
}

// guardedDial checks each resolved address just before the connection is made: net calls Control with the very
// address that it then connects to.
func guardedDial(cfg ClientConfig) dialFunc {
	allowed := slices.Clone(cfg.PrivateNetworks)
	checked := &net.Dialer{
		Timeout: cfg.ConnectTimeout,
		Control: func(network, address string, _ syscall.RawConn) error {
			target, err := netip.ParseAddrPort(address)
			if err != nil || network != "tcp4" && network != "tcp6" {
				return fmt.Errorf("%s %s: %w", network, address, ErrAddress)
			}
			return CheckAddress(target.Addr(), allowed)
		},
	}
	if !cfg.AllowLocalhost {
		return checked.DialContext
	}
	// RFC 6761 §6.3: names under localhost are this machine. Most resolvers don't know, so they aren't asked.
	loopback := &net.Dialer{Timeout: cfg.ConnectTimeout}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		name, port, err := net.SplitHostPort(addr)
		if err != nil || !isLocalhost(name) {
			return checked.DialContext(ctx, network, addr)
		}
		conn, err := loopback.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", port))
		if err != nil {
			if six, err6 := loopback.DialContext(ctx, "tcp", net.JoinHostPort("::1", port)); err6 == nil {
				return six, nil
			}
		}
		return conn, err
	}
}

// TrustedRoots is the system's certificate authorities and the company's own.
func TrustedRoots(caFile string) (*x509.CertPool, error) {
	if caFile == "" {
		return nil, nil // the system's
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	text, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("read certificate authorities: %w", err)
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", caFile)
	}
	return pool, nil
}
