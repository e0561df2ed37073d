package auth

import (
	"fmt"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"ruche/outbox/people"
)

func TestScopesCoverWhatIsBelowThem(t *testing.T) {
	for _, tc := range []struct {
		granted, needed string
		want            bool
	}{
		{"read", "read:statuses", true},
		{"read write", "write:media", true},
		{"read:statuses", "read", false},
		{"read:statuses", "read:accounts", false},
		{"read", "readmore", false},
		{"follow", "write:follows", true},
		{"follow", "read:mutes", true},
		{"follow", "write:statuses", false},
		{"read", "admin:read", false},
		{"admin:read", "admin:read:accounts", true},
		{"admin:read", "admin:write:accounts", false},
		{"read write", "follow", true},
		{"read", "follow", false},
		{"", "read", false},
		{"", "", true},
	} {
		if got := Covers(tc.granted, tc.needed); got != tc.want {
			t.Errorf("Covers(%q, %q) = %v", tc.granted, tc.needed, got)
		}
	}
	if clean, unknown := CleanScopes("read  write:statuses read everything"); clean != "read write:statuses" || fmt.Sprint(unknown) != "[everything]" {
		t.Errorf("%q, %q", clean, unknown)
	}
}

func TestALimitIsPerCallerAndComesBack(t *testing.T) {
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	l := NewLimiter(3, time.Hour, func() time.Time { return now })
	for i := range 3 {
		if v := l.Take("ana"); !v.OK || v.Remaining != 2-i {
			t.Errorf("try %d: %+v", i, v)
		}
	}
	if v := l.Take("ana"); v.OK || !v.Reset.Equal(now.Add(time.Hour)) {
		t.Errorf("the fourth: %+v", v)
	}
	if !l.Take("luc").OK {
		t.Error("luc pays for ana")
	}
	now = now.Add(20 * time.Minute)
	if !l.Take("ana").OK || l.Take("ana").OK {
		t.Error("a third of an hour gives one back, and only one")
	}
}

func TestALimiterForgetsBeforeItFillsTheMemory(t *testing.T) {
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	l := NewLimiter(3, time.Hour, func() time.Time { return now })
	for i := range 2 * maxKept {
		l.Take(fmt.Sprint(i))
	}
	if len(l.buckets) > maxKept {
		t.Errorf("%d callers are kept", len(l.buckets))
	}
}

func TestOnlyTrustedProxiesSayWhereARequestComesFrom(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for name, tc := range map[string]struct {
		remote  string
		forward []string
		want    string
	}{
		"no proxy":                       {"192.0.2.7:99", nil, "192.0.2.7"},
		"a stranger claims":              {"192.0.2.7:99", []string{"198.51.100.1"}, "192.0.2.7"},
		"our proxy says":                 {"127.0.0.1:99", []string{"198.51.100.1"}, "198.51.100.1"},
		"a client lies to our proxy":     {"127.0.0.1:99", []string{"203.0.113.9, 198.51.100.1"}, "198.51.100.1"},
		"two proxies":                    {"127.0.0.1:99", []string{"203.0.113.9, 198.51.100.1, 10.1.2.3"}, "198.51.100.1"},
		"two headers":                    {"127.0.0.1:99", []string{"203.0.113.9", "198.51.100.1, 10.1.2.3"}, "198.51.100.1"},
		"nonsense before our proxy":      {"127.0.0.1:99", []string{"unknown"}, "127.0.0.1"},
		"an address with a port":         {"[::1]:99", []string{"198.51.100.1:4711"}, "198.51.100.1"},
		"IPv6":                           {"[::1]:99", []string{"2001:db8::1"}, "2001:db8::1"},
		"IPv4 written as IPv6":           {"[::ffff:127.0.0.1]:99", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		"only proxies all the way":       {"127.0.0.1:99", []string{"10.1.1.1"}, "10.1.1.1"},
		"an address that can't be known": {"pipe", []string{"198.51.100.1"}, "invalid IP"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = tc.remote
		for _, f := range tc.forward {
			r.Header.Add("X-Forwarded-For", f)
		}
		if got := ClientIP(r, trusted).String(); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

func FuzzClientIPNeverBelievesAStranger(f *testing.F) {
	f.Add("192.0.2.7:99", "198.51.100.1")
	f.Add("127.0.0.1:99", "a, b, [::1], ::1%eth0, 1.2.3.4:5")
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	f.Fuzz(func(t *testing.T, remote, forward string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = remote
		r.Header["X-Forwarded-For"] = []string{forward}
		got := ClientIP(r, trusted)
		from, err := netip.ParseAddrPort(remote)
		if err == nil && !from.Addr().Unmap().IsLoopback() && got != from.Addr().Unmap().WithZone("") {
			t.Fatalf("%s said it is %s", remote, got)
		}
		_ = AddressKey(got)
	})
}

func TestAReturnAddressStaysOnThisNode(t *testing.T) {
	for to, want := range map[string]string{
		"/@ana":                   "/@ana",
		"/oauth/authorize?a=b&c":  "/oauth/authorize?a=b&c",
		"//evil.example":          "",
		"/\\evil.example":         "",
		"https://evil.example":    "",
		"javascript:alert(1)":     "",
		"evil":                    "",
		"":                        "",
		"/a\nSet-Cookie: b=c":     "",
		"\\\\evil.example":        "",
		"/\t/evil.example":        "",
		"http:///evil.example/@a": "",
	} {
		if got := localPath(to); got != want {
			t.Errorf("localPath(%q) = %q, want %q", to, got, want)
		}
	}
}

func TestAnAppIsAnsweredAtDecentAddressesOnly(t *testing.T) {
	for uri, fine := range map[string]bool{
		"https://app.example/callback":         true,
		"http://localhost:3000/cb?x=1":         true,
		"urn:ietf:wg:oauth:2.0:oob":            true,
		"myapp://oauth":                        true,
		"com.example.app:/oauth":               true,
		"javascript:alert(1)":                  false,
		"JavaScript:alert(1)":                  false,
		"data:text/html,x":                     false,
		"file:///etc/passwd":                   false,
		"/relative":                            false,
		"https:///nohost":                      false,
		"https://app.example/#fragment":        false,
		"https://user@app.example/":            false,
		"":                                     false,
		"https://" + strings.Repeat("a", 3000): false,
	} {
		if err := checkRedirect(uri); (err == nil) != fine {
			t.Errorf("%.60q: %v", uri, err)
		}
	}
}

func TestTheDecoyIsNobodysPassword(t *testing.T) {
	for _, p := range []string{"", "correct horse"} {
		if people.CheckPassword(decoyHash, p) {
			t.Errorf("%q fits the decoy", p)
		}
	}
}

func TestAScopeThatNobodyKnowsIsNamed(t *testing.T) {
	clean, unknown := CleanScopes("read read:statuses read:everything write:read nothing: :statuses")
	if clean != "read read:statuses" || len(unknown) != 4 {
		t.Errorf("%q, unknown %q", clean, unknown)
	}
}
