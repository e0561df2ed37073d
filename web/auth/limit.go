package auth

import (
	"math"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxKept bounds how many callers a Limiter remembers: each costs about 200 bytes.
const maxKept = 50_000

// A Limiter allows each caller a number of events per stretch of time. Unused ones come back
// steadily, as in a bucket that drips full.
type Limiter struct {
	limit int
	per   time.Duration
	now   func() time.Time

	mu      sync.Mutex
	buckets map[string]*rate.Limiter
}

// NewLimiter makes one. now is the clock.
func NewLimiter(limit int, per time.Duration, now func() time.Time) *Limiter {
	return &Limiter{limit: limit, per: per, now: now, buckets: map[string]*rate.Limiter{}}
}

// A Verdict says whether an event is allowed, and what a caller may be told about it.
type Verdict struct {
	OK        bool
	Limit     int
	Remaining int
	Reset     time.Time // when everything is available again
}

// Take counts an event of a caller. A nil Limiter allows everything.
func (l *Limiter) Take(key string) Verdict {
	if l == nil {
		return Verdict{OK: true}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	b := l.buckets[key]
	if b == nil {
		l.makeRoom(now)
		b = rate.NewLimiter(rate.Limit(float64(l.limit)/l.per.Seconds()), l.limit)
		l.buckets[key] = b
	}
	ok := b.AllowN(now, 1)
	left := b.TokensAt(now)
	missing := float64(l.limit) - left
	return Verdict{
		OK:        ok,
		Limit:     l.limit,
		Remaining: max(0, int(math.Floor(left))),
		Reset:     now.Add(time.Duration(missing / float64(l.limit) * float64(l.per))),
	}
}

// makeRoom forgets callers whose buckets are full again, which changes nothing for them; if
// there are none, whichever come first, since memory has to end somewhere.
func (l *Limiter) makeRoom(now time.Time) {
	if len(l.buckets) < maxKept {
		return
	}
	for key, b := range l.buckets {
		if b.TokensAt(now) >= float64(l.limit) {
			delete(l.buckets, key)
		}
	}
	for key := range l.buckets {
		if len(l.buckets) < maxKept*9/10 {
			return
		}
		delete(l.buckets, key)
	}
}

// AddressKey is what stands for an address in a Limiter: of IPv6 the /64, since one household or
// host has all of it.
func AddressKey(a netip.Addr) string {
	a = a.Unmap()
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
