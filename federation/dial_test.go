package federation

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestSpecialAddressesAreNotConnectedTo(t *testing.T) {
	for _, s := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.0", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255",
		"127.0.0.0", "127.0.0.1", "127.255.255.254", "169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255",
		"192.0.0.1", "192.0.0.170", "192.0.2.1", "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.168.0.1", "192.168.255.255", "192.175.48.1",
		"198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.7", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.254", "255.255.255.255",
		"::", "::1", "::2", "::127.0.0.1", "::10.0.0.1", "::8.8.8.8", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:8.8.8.8",
		"64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "100:0:0:1::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:10::1", "2001:20::1", "2001:1ff:ffff::1",
		"2001:db8::1", "2002::1", "2002:7f00:1::", "2002:808:808::1", "2620:4f:8000::1", "3fff::1", "4000::1", "5f00::1",
		"fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "febf::1", "fec0::1", "ff02::1", "ff0e::1",
	} {
		if err := CheckAddress(netip.MustParseAddr(s), nil); !errors.Is(err, ErrAddress) {
			t.Errorf("%s: %v, want ErrAddress", s, err)
		}
	}
	if err := CheckAddress(netip.Addr{}, nil); !errors.Is(err, ErrAddress) {
		t.Errorf("no address: %v", err)
	}
}

func TestOrdinaryAddressesAreConnectedTo(t *testing.T) {
	for _, s := range []string{
		"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1", "126.255.255.255", "128.0.0.1", "169.253.255.255", "172.15.0.1", "172.32.0.1",
		"192.0.1.1", "192.167.0.1", "192.169.0.1", "198.17.0.1", "198.20.0.1", "223.255.255.255", "2001:200::1", "2001:4860:4860::8888", "2003::1", "2606:4700::1111", "2a01:4f8::1", "3ffe::1",
	} {
		if err := CheckAddress(netip.MustParseAddr(s), nil); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func TestOnlyTheNetworksThatAnAdminNamesAreOpened(t *testing.T) {
	allowed := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00:1::/32")}
	for s, open := range map[string]bool{
		"10.1.2.3": true, "fd00:1::7": true, "10.2.0.1": false, "fd00:2::7": false, "127.0.0.1": false, "::ffff:10.1.2.3": false, "192.168.1.1": false,
	} {
		if err := CheckAddress(netip.MustParseAddr(s), allowed); (err == nil) != open {
			t.Errorf("%s: %v", s, err)
		}
	}
	// However wide the network, some addresses are nobody's.
	everything := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	for _, s := range []string{"0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "ff02::1"} {
		if err := CheckAddress(netip.MustParseAddr(s), everything); err == nil {
			t.Errorf("%s was allowed", s)
		}
	}
}

// permitAll permits every host: what is refused then is refused for where it leads.
func permitAll(context.Context, string) error { return nil }

func newTestClient(t *testing.T, cfg ClientConfig) *Client {
	t.Helper()
	if cfg.Permit == nil {
		cfg.Permit = permitAll
	}
	c, err := NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestAPrivateTargetSeesNoConnection(t *testing.T) {
	canary, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	connected := make(chan struct{}, 100)
	go func() {
		for {
			conn, err := canary.Accept()
			if err != nil {
				close(connected)
				return
			}
			conn.Close()
			connected <- struct{}{}
		}
	}()
	_, port, _ := net.SplitHostPort(canary.Addr().String())

	c := newTestClient(t, ClientConfig{})
	for _, uri := range []string{
		"https://127.0.0.1:" + port + "/", "https://localhost:" + port + "/", "https://127.1:" + port + "/", "https://2130706433:" + port + "/",
		"https://0x7f.1:" + port + "/", "https://0.0.0.0:" + port + "/", "https://[::]:" + port + "/", "https://[::ffff:127.0.0.1]:" + port + "/",
		"http://127.0.0.1:" + port + "/", "http://siege.localhost:" + port + "/", "file:///etc/passwd", "data:text/plain,x",
		"gopher://127.0.0.1:" + port + "/", "https://user@127.0.0.1:" + port + "/", "//127.0.0.1:" + port + "/", "",
	} {
		if _, err := c.Get(t.Context(), uri, "", nil, 0); !errors.Is(err, ErrAddress) {
			t.Errorf("get %q: %v, want ErrAddress", uri, err)
		}
		if _, err := c.Post(t.Context(), uri, []byte("{}"), nil); !errors.Is(err, ErrAddress) {
			t.Errorf("post to %q: %v, want ErrAddress", uri, err)
		}
	}
	canary.Close()
	for range connected {
		t.Error("the canary was connected to")
	}
}

func TestOnlyADemonstrationReachesLocalhostByPlainHTTP(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(r.Host)) }))
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())

	demo := newTestClient(t, ClientConfig{AllowLocalhost: true})
	resp, err := demo.Get(t.Context(), "http://labo.localhost:"+port+"/", "", nil, 0)
	if err != nil || string(resp.Body) != "labo.localhost:"+port {
		t.Errorf("%v, %v", resp, err)
	}
	for _, uri := range []string{
		"http://127.0.0.1:" + port + "/", "http://localhost:" + port + "/", "https://127.0.0.1:" + port + "/",
		"http://labo.localhost.example:" + port + "/", "http://xlocalhost:" + port + "/",
	} {
		if _, err := demo.Get(t.Context(), uri, "", nil, 0); !errors.Is(err, ErrAddress) {
			t.Errorf("%s: %v, want ErrAddress", uri, err)
		}
	}
}

func TestTheProxyIsAskedForPublicNamesOnly(t *testing.T) {
	asked := make(chan string, 10)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.Host
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer proxy.Close()
	c := newTestClient(t, ClientConfig{Proxy: proxy.URL, NoProxy: "direct.invalid", AllowLocalhost: true})

	if _, err := c.Get(t.Context(), "https://peer.example/x", "", nil, 0); err == nil {
		t.Error("a proxy that refuses led somewhere")
	}
	if got := <-asked; got != "CONNECT peer.example:443" {
		t.Errorf("the proxy was asked for %s", got)
	}
	for _, uri := range []string{
		"https://peer.example:8443/", "https://8.8.8.8/", "https://[2001:4860:4860::8888]/", "https://10.0.0.1/", "https://127.0.0.1/", "https://localhost/", "https://intranet/",
	} {
		if _, err := c.Get(t.Context(), uri, "", nil, 0); !errors.Is(err, ErrAddress) {
			t.Errorf("%s: %v, want ErrAddress", uri, err)
		}
	}
	for _, uri := range []string{"https://direct.invalid/", "https://siege.localhost:1/"} {
		if _, err := c.Get(t.Context(), uri, "", nil, 0); err == nil {
			t.Errorf("%s was reached", uri)
		}
	}
	close(asked)
	for got := range asked {
		t.Errorf("the proxy was also asked for %s", got)
	}
}

func TestTheEnvironmentChoosesNoProxy(t *testing.T) {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY"} {
		t.Setenv(name, "http://127.0.0.1:1")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	c := newTestClient(t, ClientConfig{AllowLocalhost: true})
	if _, err := c.Get(t.Context(), "http://a.localhost:"+port+"/", "", nil, 0); err != nil {
		t.Error(err)
	}
}

func TestAWrongConfigurationIsSaidAtOnce(t *testing.T) {
	for name, cfg := range map[string]ClientConfig{
		"no such file":   {CAFile: "/nonexistent/ca.pem"},
		"no certificate": {CAFile: "/dev/null"},
		"a socks proxy":  {Proxy: "socks5://user:secret@127.0.0.1:1"},
		"no proxy host":  {Proxy: "http://"},
		"not a URL":      {Proxy: "http://%zz:secret@x"},
	} {
		_, err := NewClient(cfg)
		if err == nil {
			t.Errorf("%s was accepted", name)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error tells the password: %v", name, err)
		}
	}
}
