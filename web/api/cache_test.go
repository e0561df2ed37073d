package api

import "testing"

func TestACacheKeepsWhatIsAskedForWithinItsBound(t *testing.T) {
	c := newCache[int, int](100)
	for i := range 10_000 {
		c.add(i, i)
		if v, ok := c.get(0); !ok || v != 0 {
			t.Fatalf("after %d others what is asked for all the time is gone", i)
		}
	}
	if kept := len(c.young) + len(c.old); kept > 100 {
		t.Errorf("%d are kept", kept)
	}
	if _, ok := c.get(5000); ok {
		t.Error("what nobody asked for is kept")
	}
}
