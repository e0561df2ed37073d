package text

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// directory knows ana here, luc at legal.test and bob at a node with a port.
func directory(m Mention) (Link, bool) {
	switch m.Acct {
	case "ana":
		return Link{URL: "https://sales.test/@ana", Acct: "ana", Username: "ana"}, true
	case "luc@legal.test":
		return Link{URL: "https://legal.test/@luc", Acct: "luc@legal.test", Username: "luc"}, true
	case "bob@labo.localhost:8442":
		return Link{URL: "http://labo.localhost:8442/@bob", Acct: "bob@labo.localhost:8442", Username: "Bob"}, true
	case "evil@legal.test":
		return Link{URL: `javascript:alert(1)`, Acct: "evil@legal.test", Username: "evil"}, true
	case "odd@legal.test":
		return Link{URL: `https://legal.test/"><script>`, Acct: "odd@legal.test", Username: "<b>odd</b>"}, true
	}
	return Link{}, false
}

func tagPage(tag string) string { return "https://sales.test/tags/" + tag }

const (
	anaLink = `<span class="h-card" translate="no"><a href="https://sales.test/@ana" class="u-url mention">@<span>ana</span></a></span>`
	lucLink = `<span class="h-card" translate="no"><a href="https://legal.test/@luc" class="u-url mention">@<span>luc</span></a></span>`
	bobLink = `<span class="h-card" translate="no"><a href="http://labo.localhost:8442/@bob" class="u-url mention">@<span>Bob</span></a></span>`
)

func webLink(scheme, rest string) string {
	return `<a href="` + scheme + rest + `" rel="nofollow noopener noreferrer" target="_blank" translate="no"><span class="invisible">` +
		scheme + `</span>` + rest + `</a>`
}

func tagLink(page, shown string) string {
	return `<a href="https://sales.test/tags/` + page + `" class="mention hashtag" rel="tag">#<span>` + shown + `</span></a>`
}

func TestWhatIsTypedBecomesHTML(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"nothing":                              {"", ""},
		"only space":                           {" \n\t\n ", ""},
		"a line":                               {"hello", "<p>hello</p>"},
		"a line break":                         {"a\nb", "<p>a<br>b</p>"},
		"paragraphs":                           {"a\n\nb\n \n\n\nc\n", "<p>a</p><p>b</p><p>c</p>"},
		"line ends of Windows and old Macs":    {"a\r\nb\rc\r\n\r\nd", "<p>a<br>b<br>c</p><p>d</p>"},
		"markup is shown, not run":             {"<script>alert('&amp;')</script>", "<p>&lt;script&gt;alert(&#39;&amp;amp;&#39;)&lt;/script&gt;</p>"},
		"control characters are dropped":       {"a\x00b\x1b[0mc\u0085d\te", "<p>ab[0mcd\te</p>"},
		"letters are composed":                 {"e\u0301te\u0301", "<p>été</p>"},
		"bytes that are no letters":            {"a\xffb", "<p>a\uFFFDb</p>"},
		"a mention of somebody here":           {"hi @ana!", "<p>hi " + anaLink + "!</p>"},
		"a mention of somebody elsewhere":      {"@luc@legal.test, hi", "<p>" + lucLink + ", hi</p>"},
		"a mention ends a sentence":            {"ask @luc@legal.test.", "<p>ask " + lucLink + ".</p>"},
		"a mention with a port":                {"(@bob@labo.localhost:8442)", "<p>(" + bobLink + ")</p>"},
		"a mention and a colon":                {"@luc@legal.test: 3", "<p>" + lucLink + ": 3</p>"},
		"a mention in capitals":                {"@Luc@Legal.TEST", "<p>" + lucLink + "</p>"},
		"a mention of nobody":                  {"@nobody <b>", "<p>@nobody &lt;b&gt;</p>"},
		"a mention that leads to a script":     {"@evil@legal.test", "<p>@evil@legal.test</p>"},
		"a mention that tries markup":          {"@odd@legal.test", `<p><span class="h-card" translate="no"><a href="https://legal.test/&#34;&gt;&lt;script&gt;" class="u-url mention">@<span>&lt;b&gt;odd&lt;/b&gt;</span></a></span></p>`},
		"a mail address":                       {"ana@legal.test", "<p>ana@legal.test</p>"},
		"a hashtag":                            {"#Go is fun", "<p>" + tagLink("go", "Go") + " is fun</p>"},
		"a hashtag with accents":               {"#Été_2026!", "<p>" + tagLink("été_2026", "Été_2026") + "!</p>"},
		"a number":                             {"#1 and C# and &#39;", "<p>#1 and C# and &amp;#39;</p>"},
		"a link":                               {"see https://a.test/x?y=1&z=2.", `<p>see <a href="https://a.test/x?y=1&amp;z=2" rel="nofollow noopener noreferrer" target="_blank" translate="no"><span class="invisible">https://</span>a.test/x?y=1&amp;z=2</a>.</p>`},
		"a link in brackets":                   {"(http://a.test/b)", "<p>(" + webLink("http://", "a.test/b") + ")</p>"},
		"a link with brackets":                 {"https://a.test/Go_(game)", "<p>" + webLink("https://", "a.test/Go_(game)") + "</p>"},
		"a link with brackets in brackets":     {"(https://a.test/Go_(game)).", "<p>(" + webLink("https://", "a.test/Go_(game)") + ").</p>"},
		"a link between French quotes":         {"«https://a.test»", "<p>«" + webLink("https://", "a.test") + "»</p>"},
		"a link holds no mention and no tag":   {"https://a.test/@ana#go", "<p>" + webLink("https://", "a.test/@ana#go") + "</p>"},
		"a link in capitals":                   {"HTTPS://A.test", "<p>" + webLink("HTTPS://", "A.test") + "</p>"},
		"a link to nowhere":                    {"https:// http://# https://?x http://%zz", "<p>https:// http://# https://?x http://%zz</p>"},
		"a link of another kind":               {"javascript:alert(1) ftp://a.test", "<p>javascript:alert(1) ftp://a.test</p>"},
		"a link inside a word":                 {"xhttps://a.test", "<p>xhttps://a.test</p>"},
		"a link cannot leave its attribute":    {`https://a.test/"onclick="x`, `<p>` + webLink("https://", "a.test/") + `&#34;onclick=&#34;x</p>`},
		"a link with an apostrophe":            {`https://a.test/'x`, `<p><a href="https://a.test/&#39;x" rel="nofollow noopener noreferrer" target="_blank" translate="no"><span class="invisible">https://</span>a.test/&#39;x</a></p>`},
		"a long link is shortened":             {"https://a.test/" + strings.Repeat("x", 40), `<p><a href="https://a.test/` + strings.Repeat("x", 40) + `" rel="nofollow noopener noreferrer" target="_blank" translate="no"><span class="invisible">https://</span><span class="ellipsis">a.test/` + strings.Repeat("x", 23) + `</span><span class="invisible">` + strings.Repeat("x", 17) + `</span></a></p>`},
		"a long host is shown whole":           {"https://bank.test." + strings.Repeat("x", 40) + ".evil.test/a", `<p><a href="https://bank.test.` + strings.Repeat("x", 40) + `.evil.test/a" rel="nofollow noopener noreferrer" target="_blank" translate="no"><span class="invisible">https://</span><span class="ellipsis">bank.test.` + strings.Repeat("x", 40) + `.evil.test</span><span class="invisible">/a</span></a></p>`},
		"a mention, a tag and a link together": {"@ana #go https://a.test", "<p>" + anaLink + " " + tagLink("go", "go") + " " + webLink("https://", "a.test") + "</p>"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := HTML(tc.in, directory, tagPage); got != tc.want {
				t.Errorf("HTML(%q)\n got %s\nwant %s", tc.in, got, tc.want)
			}
			mustHoldOnlyOurs(t, tc.in)
		})
	}
}

func TestWithoutAnswersEverythingStaysText(t *testing.T) {
	if got := HTML("@ana #go", nil, nil); got != "<p>@ana #go</p>" {
		t.Error(got)
	}
	nowhere := func(string) string { return "" }
	if got := HTML("#go", nil, nowhere); got != "<p>#go</p>" {
		t.Error(got)
	}
}

func TestEachMentionIsAskedForOnce(t *testing.T) {
	var asked []string
	HTML("@ana @Ana\n@luc@legal.test @nobody @nobody @ana", func(m Mention) (Link, bool) {
		asked = append(asked, m.Acct)
		return directory(m)
	}, nil)
	if want := []string{"ana", "luc@legal.test", "nobody"}; !slices.Equal(asked, want) {
		t.Errorf("asked for %v, want %v", asked, want)
	}
}

func TestScanFindsWhoAndWhatIsNamed(t *testing.T) {
	for in, want := range map[string]Found{
		"":                             {},
		"@ana":                         {Mentions: []Mention{{"ana", "", "ana"}}},
		".@Ana/@luc@legal.test":        {Mentions: []Mention{{"ana", "", "ana"}}},
		"@ana @ANA @luc@Legal.Test":    {Mentions: []Mention{{"ana", "", "ana"}, {"luc", "legal.test", "luc@legal.test"}}},
		"@b@labo.localhost:8442, :":    {Mentions: []Mention{{"b", "labo.localhost:8442", "b@labo.localhost:8442"}}},
		"@b@labo.localhost:8442x":      {Mentions: []Mention{{"b", "labo.localhost", "b@labo.localhost"}}},
		"@b@labo.localhost:123456":     {Mentions: []Mention{{"b", "labo.localhost", "b@labo.localhost"}}},
		"@a.b-c_1@x.test":              {Mentions: []Mention{{"a.b-c_1", "x.test", "a.b-c_1@x.test"}}},
		"@ana.":                        {Mentions: []Mention{{"ana", "", "ana"}}},
		"@ana@":                        {Mentions: []Mention{{"ana", "", "ana"}}},
		"@ana@-x":                      {Mentions: []Mention{{"ana", "", "ana"}}},
		"@luc@café.test":               {Mentions: []Mention{{"luc", "xn--caf-dma.test", "luc@xn--caf-dma.test"}}},
		"@renée @" + long('a', 65):     {},
		"@" + long('a', 64):            {Mentions: []Mention{{long('a', 64), "", long('a', 64)}}},
		"a@b.test x/@ana =@ana @@ana":  {},
		"#Go #go #GO #élan #ＧＯ":        {Hashtags: []string{"go", "élan"}},
		"#e\u0301lan":                  {Hashtags: []string{"élan"}},
		"#日本語 #под_1 #1a #٣":           {Hashtags: []string{"日本語", "под_1", "1a"}},
		"#42 #_ # ## a#b /#c &#d #️⃣x": {},
		"#a-b #c.d":                    {Hashtags: []string{"a", "c"}},
		"#" + long('é', 100):           {Hashtags: []string{long('é', 100)}},
		"#" + long('é', 101):           {},
		"#x" + "ﷺ":                     {Hashtags: []string{"xصلىاللهعليهوسلم"}},
		"https://a.test/@ana#go":       {},
		"http://%zz/@ana#go":           {},
		"https://a.test @ana (#go)":    {Mentions: []Mention{{"ana", "", "ana"}}, Hashtags: []string{"go"}},
		"line\n#go\n@ana":              {Mentions: []Mention{{"ana", "", "ana"}}, Hashtags: []string{"go"}},
		"https://a.test/" + long('x', 5000) + "#go": {},
	} {
		if got := Scan(in); !reflect.DeepEqual(got, want) {
			t.Errorf("Scan(%.80q)\n got %+v\nwant %+v", in, got, want)
		}
	}
}

func long(r rune, n int) string { return strings.Repeat(string(r), n) }

func TestLengthIsCountedAsClientsCount(t *testing.T) {
	for in, want := range map[string]int{
		"":                0,
		"hello":           5,
		"a\r\nb":          3,
		"e\u0301te\u0301": 3,
		"👩‍💻👍🏽🇫🇷🇨🇦❤️": 5,
		"นี่":                              1,
		"https://a.test/" + long('x', 200): 23,
		"(https://a.test).":                26,
		"@luc@legal.test hi":               7,
		"@bob@labo.localhost:8442":         4,
		"@ana":                             4,
		"#été":                             4,
		long('x', 500):                     500,
	} {
		if got := Length(in); got != want {
			t.Errorf("Length(%.60q) = %d, want %d", in, got, want)
		}
	}
}

func TestPlainGivesTheWordsBack(t *testing.T) {
	for _, in := range []string{
		"hello", "a\nb", "a\n\nb\nc", "1 < 2 && \"x\" 'y'", "two  spaces", "#Go and https://a.test/" + long('x', 80),
		"@ana, hi", "@nobody@nowhere.test",
	} {
		if got := Plain(HTML(in, directory, tagPage)); got != in {
			t.Errorf("Plain(HTML(%q)) = %q", in, got)
		}
	}
	for in, want := range map[string]string{
		"<p>a</p>\n  <p>b\n   c</p>":                "a\n\nb c",
		"<ul><li>a</li><li>b</li></ul>":             "a\nb",
		"<pre>a\n  b</pre>c":                        "a\n  b\n\nc",
		"<script>x</script>a<style>y</style>":       "a",
		"a<br/><br><br><br>b":                       "a\n\nb",
		"&lt;b&gt;&nbsp;!":                          "<b>\u00a0!",
		"<p>hi " + lucLink + "</p>":                 "hi @luc",
		"<blockquote><p>q</p></blockquote><p>a</p>": "q\n\na",
		"</pre></script>a\n b<p":                    "a b",
		"<!-- c -->":                                "",
	} {
		if got := Plain(in); got != want {
			t.Errorf("Plain(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestAMegabyteOfAnythingIsReadInTime(t *testing.T) {
	for _, unit := range []string{
		"a", "@", "#", "@a", "@a@", "@a@b.test ", "@a@b.", "#a", "#a ", "##", "http://", "https://a.test ",
		"http://a", "http://%zz", "https://a.test/((((", ")", "h", "\n", "\n\n", "a\n", "<", "&", "e\u0301", "\u0301",
		"@" + long('a', 64), ".-", "@a.-", "👩‍", "\xff", "https://a.test/.... ",
	} {
		t.Run(fmt.Sprintf("%.20q", unit), func(t *testing.T) {
			in := strings.Repeat(unit, 1_000_000/len(unit))
			start := time.Now()
			out := HTML(in, directory, tagPage)
			Scan(in)
			Length(in)
			Plain(out)
			// Generous: it guards against quadratic growth, which takes
			// minutes, not against a slow machine.
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func FuzzHTML(f *testing.F) {
	for _, in := range []string{
		"", "hi @ana and @luc@legal.test:8442, see (https://a.test/x_(y)). #été", "<b>&amp;\"'</b>\x00\r\n\r\n@odd@legal.test",
		"http://[::1]:80/%3c#x", "#️⃣ 👩‍💻 ﷺ", "@evil@legal.test\n\n\n@a@b@c@d#e#f",
	} {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		mustHoldOnlyOurs(t, in)
		Plain(in)
		if n := Length(in); n < 0 {
			t.Errorf("Length(%q) = %d", in, n)
		}
		found := Scan(in)
		for _, m := range found.Mentions {
			if m.Username == "" || m.Acct != strings.ToLower(m.Acct) || strings.ContainsAny(m.Acct, " /\n\"<>") {
				t.Errorf("Scan(%q) names %+v", in, m)
			}
			if again := Scan("@" + m.Acct); len(again.Mentions) != 1 || again.Mentions[0] != m {
				t.Errorf("Scan(%q) names %+v, which reads as %+v", in, m, again)
			}
		}
		for _, tag := range found.Hashtags {
			if tag == "" || strings.ContainsFunc(tag, func(r rune) bool { return !isWord(r) }) {
				t.Errorf("Scan(%q) has the tag %q", in, tag)
			}
		}
	})
}

// mustHoldOnlyOurs checks that HTML(in) holds the elements this package writes
// and no other, each closed, with words in paragraphs only.
func mustHoldOnlyOurs(t *testing.T, in string) {
	t.Helper()
	out := HTML(in, directory, tagPage)
	var open []string
	tokens := html.NewTokenizer(strings.NewReader(out))
	for tokens.Next() != html.ErrorToken {
		token := tokens.Token()
		switch token.Type {
		case html.TextToken:
			if len(open) == 0 {
				t.Errorf("HTML(%q) = %q: text outside of a paragraph", in, out)
			}
			if strings.ContainsFunc(token.Data, func(r rune) bool { return r < ' ' && r != '\t' }) {
				t.Errorf("HTML(%q) = %q holds control characters", in, out)
			}
		case html.StartTagToken:
			if !slices.Contains([]string{"p", "br", "a", "span"}, token.Data) {
				t.Errorf("HTML(%q) = %q holds %v", in, out, token)
			}
			for _, a := range token.Attr {
				if !slices.Contains([]string{"href", "rel", "target", "translate", "class"}, a.Key) {
					t.Errorf("HTML(%q) = %q holds %v", in, out, token)
				}
				if a.Key == "href" && !isWebPage(a.Val) {
					t.Errorf("HTML(%q) = %q leads to %q", in, out, a.Val)
				}
			}
			if token.Data != "br" {
				open = append(open, token.Data)
			}
		case html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != token.Data {
				t.Fatalf("HTML(%q) = %q closes %s out of turn", in, out, token.Data)
			}
			open = open[:len(open)-1]
		default:
			t.Errorf("HTML(%q) = %q holds %v", in, out, token)
		}
	}
	if len(open) > 0 {
		t.Errorf("HTML(%q) = %q leaves open %v", in, out, open)
	}
}
