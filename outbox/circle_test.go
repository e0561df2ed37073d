package outbox

import "testing"

func TestACircleIsReadOffTheLastLine(t *testing.T) {
	for in, want := range map[string][3]string{
		"hello":                      {"hello", "", ""},
		"hello\n!node":               {"hello", "node", ""},
		"hello\n\n !Organisation \n": {"hello", "organisation", ""},
		"!network":                   {"", "network", ""},
		"!node\nhello":               {"!node\nhello", "", ""},
		"look out!":                  {"look out!", "", ""},
		"what\n!!!":                  {"what\n!!!", "", ""},
		"what\n!":                    {"what\n!", "", ""},
		"see\n!important things":     {"see\n!important things", "", ""},
		"hello\n!nod":                {"", "", "refused"},
		"hello\r\n!node":             {"hello", "node", ""},
	} {
		rest, circle, err := takeCircle(in)
		got := [3]string{rest, circle, ""}
		if err != nil {
			got = [3]string{"", "", "refused"}
		}
		if got != want {
			t.Errorf("takeCircle(%q) = %q, want %q", in, got, want)
		}
	}
}
