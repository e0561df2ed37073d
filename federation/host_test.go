package federation

import (
	"errors"
	"strings"
	"testing"
)

func TestAHostHasOneSpelling(t *testing.T) {
	for in, want := range map[string]string{
		"example.com":                     "example.com",
		"EXAMPLE.com.":                    "example.com",
		"Example.COM:443":                 "example.com",
		"example.com.:443":                "example.com",
		"example.com:8443":                "example.com:8443",
		"example.com:80":                  "example.com:80",
		"siege.localhost:8441":            "siege.localhost:8441",
		"siege.localhost:80":              "siege.localhost",
		"siege.localhost:443":             "siege.localhost",
		"bücher.example":                  "xn--bcher-kva.example",
		"BÜCHER.example":                  "xn--bcher-kva.example",
		"bu\u0308cher.example":            "xn--bcher-kva.example",
		"xn--bcher-kva.example":           "xn--bcher-kva.example",
		"XN--BCHER-KVA.example":           "xn--bcher-kva.example",
		"\uff45\uff58\uff41mple\uff0ecom": "example.com", // full-width letters and dot
		"example。com":                     "example.com",
		"example\uff61com":                "example.com",
		"example。com。":                    "example.com",
		"ex\u00adample.com":               "example.com", // a soft hyphen is invisible, and no other host
		"straße.example":                  "xn--strae-oqa.example",
		"192.0.2.7":                       "192.0.2.7",
		"192.0.2.7:8080":                  "192.0.2.7:8080",
		"\uff11\uff12\uff17.0.0.1":        "127.0.0.1", // refused when dialled, like its plain form
		"[2001:DB8::1]":                   "[2001:db8::1]",
		"[2001:db8:0:0:0:0:0:1]:99":       "[2001:db8::1]:99",
		"[2001:db8::1]:443":               "[2001:db8::1]",
		"intranet":                        "intranet",
		"a-b.example":                     "a-b.example",
		"1.example":                       "1.example",
	} {
		got, err := NormalizeHost(in)
		if err != nil || got != want {
			t.Errorf("NormalizeHost(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestWhatIsNoHostIsRefused(t *testing.T) {
	for _, in := range []string{
		"", ".", "..", ".example.com", "example..com", "example.com..", "a.。b",
		"user@example.com", "user:pw@example.com", "example.com/", "example.com/path", "example.com?q", "example.com#f",
		"exam ple.com", " example.com", "example.com ", "example.com\t", "example.com\n", "exam\x00ple.com", "example.com\x7f",
		"example%2ecom", "%65xample.com", "example.com%00", "*.example.com", "*", "exa*mple.com",
		`example.com\evil.com`, `"example.com"`, "<example.com>", "https://example.com",
		"example.com:", "example.com:0", "example.com:65536", "example.com:+443", "example.com:0443", "example.com:443:443",
		"example.com:https", ":443", "example.com\uff1a443", "example.com:\uff14\uff14\uff13",
		"-example.com", "example-.com", "exa_mple.com", "example.com,evil.com", "example.com;", "ex\u200cample.com",
		"127.1", "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "1.2.3.4.5", "256.1.1.1", "1.2.3.04", "example.1", "example.0x",
		"\uff11\uff12\uff17.1", "::1", "2001:db8::1", "[::1", "::1]", "[]", "[127.0.0.1]", "[::ffff:127.0.0.1]", "[fe80::1%eth0]", "[fe80::1%25eth0]", "[::1]x", "[::1]:",
		"xn--a.example", "xn--", "example.com\uff0fevil", "user\uff20example.com", "example\uff052ecom",
		"\xff.example", "example.\ufdd0",
		strings.Repeat("a", 64) + ".example",
		strings.Repeat("abcdefg.", 32) + "example",
		strings.Repeat("a", 100_000),
	} {
		if got, err := NormalizeHost(in); err == nil {
			t.Errorf("NormalizeHost(%q) = %q, want it refused", in, got)
		} else if !errors.Is(err, ErrHost) {
			t.Errorf("NormalizeHost(%q): %v, want ErrHost", in, err)
		}
	}
}

func TestTheHostOfAnAddress(t *testing.T) {
	for in, want := range map[string]string{
		"https://example.com":                      "example.com",
		"HTTPS://EXAMPLE.com./users/1?x=a/b#key":   "example.com",
		"https://example.com:443/users/1":          "example.com",
		"https://example.com:8443/users/1":         "example.com:8443",
		"https://example.com:80/":                  "example.com:80",
		"https://example.com#main-key":             "example.com",
		"https://example.com?a=b":                  "example.com",
		"http://example.com/users/1":               "example.com",
		"http://example.com:80/users/1":            "example.com",
		"http://siege.localhost:8441/u/1#main-key": "siege.localhost:8441",
		"http://siege.localhost/":                  "siege.localhost",
		"http://siege.localhost:80/":               "siege.localhost",
		"https://bücher.example/é":                 "xn--bcher-kva.example",
		"https://[2001:db8::1]:444/":               "[2001:db8::1]:444",
		"https://example.com/it's/@ana":            "example.com",
	} {
		got, err := HostOf(in)
		if err != nil || got != want {
			t.Errorf("HostOf(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestAnAddressThatCanBeReadTwoWaysIsRefused(t *testing.T) {
	for _, in := range []string{
		"", "example.com", "//example.com/", "/path", "https:/example.com", "https:example.com", "https://", "https:///path",
		"acct:ana@example.com", "ftp://example.com/", "file:///etc/passwd", "data:text/plain,x", "gopher://example.com/", "javascript://example.com/",
		"https://user@example.com/", "https://user:pw@example.com/", "https://good.example@evil.example/", "https://@example.com/",
		`https://example.com\@evil.example/`, `https://example.com/"`, "https://example.com/a b", " https://example.com/", "https://example.com/\n",
		"https://example.com/\x00", "https://example.com/\u0085", "https://example.com/\u2028", "https://ex%61mple.com/", "https://example.com%2f@evil.example/",
		"https://example.com:/", "https://example.com:x/", "http://example.com:443/", "https://siege.localhost:80/", "https://*.example.com/",
		"https://127.1/", "https://[::1/", "https://example.com/%zz",
		"https://example.com/" + strings.Repeat("a", 2048),
	} {
		if got, err := HostOf(in); err == nil {
			t.Errorf("HostOf(%q) = %q, want it refused", in, got)
		} else if !errors.Is(err, ErrHost) {
			t.Errorf("HostOf(%q): %v, want ErrHost", in, err)
		}
	}
}

func FuzzNormalizeHost(f *testing.F) {
	for _, s := range []string{"example.com", "EXAMPLE.com.:443", "example。com", "xn--bcher-kva.de", "[::1]:8", "127.1", "a.localhost:80", "％2e"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		host, err := NormalizeHost(s)
		if err != nil {
			return
		}
		again, err := NormalizeHost(host)
		if err != nil || again != host {
			t.Errorf("%q became %q, then %q (%v)", s, host, again, err)
		}
		if len(host) > 253+6 || strings.ToLower(host) != host || strings.ContainsAny(host, "@/\\ %*\"") {
			t.Errorf("%q became %q", s, host)
		}
		if of, err := HostOf("https://" + host + "/x"); err != nil || of != host {
			t.Errorf("HostOf of %q is %q (%v)", host, of, err)
		}
	})
}

func FuzzHostOf(f *testing.F) {
	for _, s := range []string{"https://example.com/a?b#c", "http://a.localhost:80", "https://a@b/", "https://[::1]:443/", "HTTPS://Ö.de"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		host, err := HostOf(s)
		if err != nil {
			return
		}
		// A port 80 dropped from plain http is the one difference between the two readings.
		if again, err := NormalizeHost(host); err != nil || again != host {
			t.Errorf("%q is on %q, which becomes %q (%v)", s, host, again, err)
		}
	})
}
