package storage

import (
	"crypto/rand"
	"encoding/binary"
	"strconv"
	"sync"
	"time"
)

// An id is 41 bits of milliseconds since idEpoch and 22 bits that make it unique. Ids made now
// have 19 decimal digits, from mid-2017 until 2079, so that text order is time order.
const idBits = 22

var idEpoch = time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC)

// earliest bounds old dates, so that every id has the same number of digits.
var earliest = time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC)

// ids makes ids that rise within a process. The start within a millisecond is random, so that
// processes on one database hardly ever meet; a meeting is a refused key, not a wrong row.
type ids struct {
	mu   sync.Mutex
	last int64
}

func firstIDAt(t time.Time) int64 {
	if t.Before(earliest) {
		t = earliest
	}
	return t.Sub(idEpoch).Milliseconds() << idBits
}

// IDTime says when an id was made, to the millisecond.
func IDTime(id int64) time.Time {
	return idEpoch.Add(time.Duration(id>>idBits) * time.Millisecond)
}

// FormatID and ParseID are how an id is written outside.
func FormatID(id int64) string { return strconv.FormatInt(id, 10) }

// ParseID reads an id; anything else gives 0, which is nobody's.
func ParseID(s string) int64 {
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil || id < 0 {
		return 0
	}
	return id
}

func (g *ids) next(t time.Time) int64 {
	var b [4]byte
	rand.Read(b[:]) // never fails
	// The low half of the space: room to rise within the millisecond.
	id := firstIDAt(t) | int64(binary.BigEndian.Uint32(b[:])>>(32-idBits+1))
	g.mu.Lock()
	defer g.mu.Unlock()
	if id <= g.last && id>>idBits == g.last>>idBits {
		id = g.last + 1
	}
	if id > g.last {
		g.last = id
	}
	return id
}

// NewID makes an id for something that came to be at t.
func (tx *Tx) NewID(t time.Time) int64 { return tx.db.hub.ids.next(t) }
