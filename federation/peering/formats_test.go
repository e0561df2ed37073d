package peering

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"ruche/federation"
	"ruche/storage"
)

func someLink() Link {
	return Link{Host: "siege.test", Fingerprint: strings.Repeat("0f", 32), secret: random()}
}

func TestALinkIsReadAsItWasWritten(t *testing.T) {
	for _, org := range []bool{false, true} {
		l := someLink()
		l.Organisation = org
		got, err := ParseLink(" " + l.text("https://") + "\n")
		if err != nil || got != l {
			t.Errorf("%+v is read as %+v (%v)", l, got, err)
		}
	}
	good := someLink().text("https://")
	for name, bad := range map[string]string{
		"nothing":               "",
		"no secret":             strings.Split(good, "#")[0],
		"another page":          strings.Replace(good, "/peering#", "/admin#", 1),
		"a secret in the query": strings.Replace(good, "#", "?", 1),
		"a longer secret":       strings.Replace(good, "#1.", "#1.AAAA", 1),
		"another version":       strings.Replace(good, "#1.", "#2.", 1),
		"no fingerprint":        good[:len(good)-64],
		"a short fingerprint":   good[:len(good)-2],
		"upper case":            strings.ToUpper(good),
		"more":                  good + ".o.o",
		"a user":                strings.Replace(good, "https://", "https://siege.test@", 1),
		"another scheme":        strings.Replace(good, "https", "ftp", 1),
	} {
		if l, err := ParseLink(bad); !errors.Is(err, ErrLink) {
			t.Errorf("%s: %q is read as %+v (%v)", name, bad, l, err)
		}
	}
}

func FuzzParseLink(f *testing.F) {
	f.Add(someLink().text("https://"))
	f.Add("https://a.test/peering#1..")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := ParseLink(text)
		if err != nil {
			return
		}
		again, err := ParseLink(l.text("https://"))
		if err != nil || again != l {
			t.Errorf("%q gives %+v and then %+v (%v)", text, l, again, err)
		}
	})
}

func testKey(t testing.TB) (ed25519.PrivateKey, string) {
	t.Helper()
	private, public, err := federation.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	_ = private
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key, public
}

func TestAMessageIsBelievedAsItWasSigned(t *testing.T) {
	private, public, err := federation.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	key, err := federation.ParsePrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	m := &message{Type: typeChanged, From: "a.test", To: "b.test", At: time.Now().UTC()}
	body, err := seal(key, public, m)
	if err != nil {
		t.Fatal(err)
	}
	got, print, err := open(body)
	if want, _ := federation.Fingerprint(public); err != nil || got.From != m.From || !got.At.Equal(m.At) || print != want {
		t.Errorf("read as %+v by %s (%v)", got, print, err)
	}
	_, other := testKey(t)
	for name, bad := range map[string]string{
		"another word":      strings.Replace(string(body), "a.test", "c.test", 1),
		"another key":       string(mustJSON(t, envelope{string(mustJSON(t, m)), other, "AAAA"})),
		"a field more":      strings.Replace(string(body), `{"message"`, `{"extra":1,"message"`, 1),
		"two":               string(body) + string(body),
		"a host with a dot": strings.Replace(string(body), "b.test", "B.test", 1),
		"too long":          strings.Repeat(" ", maxMessage) + string(body),
	} {
		if m, _, err := open([]byte(bad)); !errors.Is(err, ErrMessage) {
			t.Errorf("%s is read as %+v (%v)", name, m, err)
		}
	}
}

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte(`{"message":"{\"type\":\"answer\",\"from\":\"a.test\",\"to\":\"b.test\"}","key":"","signature":""}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if m, _, err := open(body); err == nil {
			t.Errorf("somebody signed %q: %+v", body, m)
		}
	})
}

func TestACodeRestsOnEverything(t *testing.T) {
	asked, committed := side{"a.test", "1", "x"}, side{"b.test", "2", "y"}
	seen := map[string]string{code("id", asked, committed): "itself"}
	for name, other := range map[string]string{
		"another id":          code("other", asked, committed),
		"another nonce here":  code("id", side{"a.test", "1", "z"}, committed),
		"another nonce there": code("id", asked, side{"b.test", "2", "z"}),
		"another key here":    code("id", side{"a.test", "3", "x"}, committed),
		"another host there":  code("id", asked, side{"c.test", "2", "y"}),
		"sides swapped":       code("id", committed, asked),
		"moved boundary":      code("id", side{"a.test1", "", "x"}, committed),
	} {
		if before, ok := seen[other]; ok {
			t.Errorf("%s gives the code of %s", name, before)
		}
		if len(other) != 9 {
			t.Errorf("the code %q hasn't eight digits", other)
		}
		seen[other] = name
	}
}

func TestQRCodesHoldTheLink(t *testing.T) {
	link := someLink().text("https://")
	text, err := QRText(link)
	if err != nil || strings.Count(text, "\n") < 20 {
		t.Errorf("as text: %q (%v)", text, err)
	}
	svg, err := QRSVG(link)
	if err != nil || !strings.HasPrefix(svg, "<svg ") || strings.Contains(svg, "NaN") {
		t.Errorf("as picture: %.80q (%v)", svg, err)
	}
}

// keeper signs lists as the node that keeps them.
type keeper struct {
	t   *testing.T
	org storage.Organisation
}

func newKeeper(t *testing.T) *keeper {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &keeper{t, storage.Organisation{URI: "https://siege.test" + organisationPath, PublicKey: base64.StdEncoding.EncodeToString(public), PrivateKey: base64.StdEncoding.EncodeToString(private)}}
}

func (k *keeper) list(version int64, hosts ...string) []byte {
	k.t.Helper()
	l := &List{Organisation: k.org.URI, Name: "Abeilles", Keeper: "siege.test", Version: version}
	for _, h := range hosts {
		l.Members = append(l.Members, Member{Host: h, Actor: "https://" + h + "/users/1", Inbox: "https://" + h + "/inbox", Fingerprint: strings.Repeat("ab", 32)})
	}
	return k.sign(l, nil)
}

func (k *keeper) sign(l *List, rotations []rotation) []byte {
	k.t.Helper()
	if err := signList(&k.org, l, rotations); err != nil {
		k.t.Fatal(err)
	}
	return []byte(k.org.Document)
}

func TestAListIsBelievedByTheOrganisationsKeyAlone(t *testing.T) {
	k := newKeeper(t)
	good := k.list(3, "siege.test", "labo.test")
	l, _, err := ReadList(good, k.org.URI, k.org.PublicKey)
	if err != nil || l.Version != 3 || len(l.Members) != 2 {
		t.Fatalf("read as %+v (%v)", l, err)
	}
	other := newKeeper(t)
	elsewhere := &List{Organisation: k.org.URI, Keeper: "siege.test", Version: 4, Members: []Member{{Host: "evil.test", Actor: "https://siege.test/users/1", Inbox: "https://evil.test/inbox", Fingerprint: strings.Repeat("ab", 32)}}}
	for name, document := range map[string][]byte{
		"another key":                 other.list(4, "siege.test"),
		"a changed list":              []byte(strings.Replace(string(good), "labo.test", "evil.test", 1)),
		"a member's actor elsewhere":  k.sign(elsewhere, nil),
		"a member named twice":        k.list(4, "siege.test", "siege.test"),
		"no version":                  k.list(0, "siege.test"),
		"nothing":                     nil,
		"too large":                   []byte(strings.Repeat(" ", maxList+1)),
		"a rotation by somebody else": other.sign(&List{Organisation: k.org.URI, Keeper: "siege.test", Version: 4}, []rotation{{k.org.PublicKey, other.org.PublicKey, "AAAA"}}),
	} {
		if l, _, err := ReadList(document, k.org.URI, k.org.PublicKey); !errors.Is(err, ErrList) {
			t.Errorf("%s: read as %+v (%v)", name, l, err)
		}
	}
	if _, _, err := ReadList(good, "https://labo.test"+organisationPath, k.org.PublicKey); !errors.Is(err, ErrList) {
		t.Errorf("a list counts for another organisation (%v)", err)
	}
}

func TestAnOrganisationsKeyChangesByTheWordOfTheOldOne(t *testing.T) {
	old := newKeeper(t)
	fresh := newKeeper(t)
	private, err := base64.StdEncoding.DecodeString(old.org.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	word := rotation{old.org.PublicKey, fresh.org.PublicKey, base64.StdEncoding.EncodeToString(ed25519.Sign(private, rotationText(old.org.URI, old.org.PublicKey, fresh.org.PublicKey)))}
	document := fresh.sign(&List{Organisation: old.org.URI, Keeper: "siege.test", Version: 9}, []rotation{word})
	_, key, err := ReadList(document, old.org.URI, old.org.PublicKey)
	if err != nil || key != fresh.org.PublicKey {
		t.Errorf("the key is %s (%v)", key, err)
	}
	// From then on the old key signs nothing.
	if _, _, err := ReadList(old.list(10, "siege.test"), old.org.URI, key); !errors.Is(err, ErrList) {
		t.Errorf("the old key is believed: %v", err)
	}
}

func FuzzReadList(f *testing.F) {
	f.Add([]byte(`{"list":"{}","key":"","signature":"","rotations":[{}]}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		if l, _, err := ReadList(document, "https://siege.test"+organisationPath, "AAAA"); err == nil {
			t.Errorf("somebody signed %q: %+v", document, l)
		}
	})
}

func TestMastodonsListsAreReadRowByRow(t *testing.T) {
	for name, tc := range map[string]struct {
		text    string
		blocked bool
		want    string
		wrong   string
	}{
		"allowed":              {"#domain\nlabo.example\n*.usine.example\n", false, "labo.example active, *.usine.example active", ""},
		"no header":            {"labo.example\r\nusine.example\r\n", false, "labo.example active, usine.example active", ""},
		"the old header":       {"domain\nlabo.example\n", false, "labo.example active", ""},
		"a mark and spaces":    {"\ufeff#domain\n labo.example \n", false, "labo.example active", ""},
		"blocked":              {"#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate\nspam.example,suspend,true,true,\"spam, much\",false\nloud.example,silence,,,,\n", false, "spam.example blocked, loud.example suspended", ""},
		"columns in any order": {"#severity,#domain\nsuspend,spam.example\n", false, "spam.example blocked", ""},
		"told to block":        {"spam.example\n", true, "spam.example blocked", ""},
		"bad rows are named":   {"#domain,#severity\nspam.example,suspend\nx.example,noop\n,suspend\nlate.example,suspend\n", false, "spam.example blocked, late.example blocked", "3 x.example, 4 "},
	} {
		t.Run(name, func(t *testing.T) {
			entries, problems, err := ReadCSV(strings.NewReader(tc.text), tc.blocked)
			if err != nil {
				t.Fatal(err)
			}
			var got, wrong []string
			for _, e := range entries {
				got = append(got, e.Host+" "+e.State)
			}
			for _, p := range problems {
				wrong = append(wrong, fmt.Sprint(p.Line, " ", p.Host))
			}
			if strings.Join(got, ", ") != tc.want || strings.Join(wrong, ", ") != tc.wrong {
				t.Errorf("got %q, wrong %q", got, wrong)
			}
		})
	}
	if _, _, err := ReadCSV(strings.NewReader("#host,#severity\na,b\n"), false); err == nil {
		t.Error("a list without domains is read")
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add("#domain,#severity\na.example,suspend\n\"", false)
	f.Fuzz(func(t *testing.T, text string, blocked bool) {
		entries, _, err := ReadCSV(strings.NewReader(text), blocked)
		if err != nil {
			return
		}
		for _, e := range entries {
			if e.Host == "" || e.Line == 0 {
				t.Errorf("%q gives %+v", text, e)
			}
		}
	})
}

func TestPatternsAreForDomainsThatSomebodyOwns(t *testing.T) {
	for text, want := range map[string]string{
		"Labo.Example.com": "labo.example.com", "*.Example.com": "*.example.com", "*.labo.example.co.uk": "*.labo.example.co.uk", "example.com:8443": "example.com:8443",
		"*.com": "", "*.co.uk": "", "*": "", "*.": "", "a.*.example.com": "", "*.*.example.com": "", "*.example.com:8443": "", "*.github.io": "", "*.127.0.0.1": "", "*.[::1]": "",
	} {
		got, err := ParseHost(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s is read as %q (%v), want %q", text, got, err, want)
		}
	}
}

func TestTermsMeetInTheMiddle(t *testing.T) {
	a, b := AllTerms(storage.Sibling), AllTerms(storage.Partner)
	a.In.Direct, b.Out.Shares = false, false
	a.EndsAt = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	x, y := a.agreed(b), b.agreed(a)
	if x.In != y.Out || x.Out != y.In || !x.EndsAt.Equal(y.EndsAt) || x.Tier != y.Tier || x.Tier != storage.Partner || x.Subscribe {
		t.Errorf("one side has %+v, the other %+v", x, y)
	}
	if x.In.Direct || x.In.Shares || !x.Out.Direct {
		t.Errorf("agreed: %+v", x)
	}
}
