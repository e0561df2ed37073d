package auth

import (
	"net/http"
	"net/netip"
	"strings"
)

// maxForwards bounds how many hops of an X-Forwarded-For are looked at.
const maxForwards = 20

// ClientIP is the address that a request comes from. X-Forwarded-For is believed only as far as
// trusted proxies wrote it: from the right, up to the first address that isn't one of them.
// Where nothing can be read it is the zero Addr, which all such callers share.
func ClientIP(r *http.Request, trusted []netip.Prefix) netip.Addr {
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := remote.Addr().Unmap().WithZone("")
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && len(hops)-i <= maxForwards && inside(addr, trusted); i-- {
		next, err := parseHop(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		addr = next
	}
	return addr
}

// parseHop reads an address with or without a port, which some proxies add.
func parseHop(s string) (netip.Addr, error) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), nil
	}
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	return a.Unmap().WithZone(""), err
}

func inside(a netip.Addr, networks []netip.Prefix) bool {
	for _, n := range networks {
		if n.Contains(a) {
			return true
		}
	}
	return false
}
