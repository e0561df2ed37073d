package federation

import (
	"strings"
	"testing"
)

func TestTheDigestOfFollowersIsThatOfFEP8fcf(t *testing.T) {
	// The example of FEP-8fcf.
	got := FollowersDigest([]string{"https://testing.example.org/users/1", "https://testing.example.org/users/2"})
	if want := "c33f48cd341ef046a206b8a72ec97af65079f9a3a9b90eef79c5920dce45c61f"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := FollowersDigest(nil); got != strings.Repeat("0", 64) {
		t.Errorf("nobody gives %s", got)
	}
}

func FuzzParseSynchronization(f *testing.F) {
	zero := strings.Repeat("0", 64)
	f.Add(Synchronization{"https://a.test/followers", "https://a.test/part", zero}.String())
	f.Add(`collectionId="a",collectionId="b",url="c",digest="` + zero + `"`)
	f.Add(`collectionId="a", url="c", digest="` + zero[2:] + `"`)
	f.Add("collectionId=\"a\x00\", url=\"\\\"\", digest=")
	f.Fuzz(func(t *testing.T, header string) {
		s, err := ParseSynchronization(header)
		if err != nil {
			return
		}
		again, err := ParseSynchronization(s.String())
		if err != nil || again != s {
			t.Errorf("%q is read as %+v, and that as %+v (%v)", header, s, again, err)
		}
	})
}
