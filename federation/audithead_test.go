package federation

import (
	"strings"
	"testing"
	"time"
)

func FuzzReadAuditHead(f *testing.F) {
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	hash := strings.Repeat("a", 64)
	f.Add([]byte(`{"host":"siege.test","count":7,"head":"` + hash + `","at":"2026-11-20T09:00:00.000001Z","signature":"AAAA"}`))
	f.Add([]byte(`{"host":"siege.test","count":7,"head":"7:` + hash + `","at":"2026-11-20T09:00:00Z","signature":"AAAA"}`))
	f.Add([]byte(`{"count":-1}`))
	f.Add([]byte(`null`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		h, err := readAuditHead(body, "siege.test", now)
		if err != nil {
			return
		}
		if h.Host != "siege.test" || h.Count < 1 || len(h.Head) != 64 || len(h.Signature) > maxHeadSignature || h.At.Sub(now).Abs() > maxHeadAge || !h.ReceivedAt.IsZero() || h.PublicKey != "" {
			t.Errorf("%s is read as %+v", body, h)
		}
		if verifyHead(h, "") == nil {
			t.Error("no key fits")
		}
	})
}
