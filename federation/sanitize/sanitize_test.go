package sanitize

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

func TestWhatServersSendIsKept(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"a paragraph":  {`<p>Bonjour &amp; bienvenue</p>`, `<p>Bonjour &amp; bienvenue</p>`},
		"a line break": {`<p>a<br />b<br>c</p>`, `<p>a<br>b<br>c</p>`},
		"a mention": {
			`<p><span class="h-card" translate="no"><a href="https://legal.test/@luc" class="u-url mention">@<span>luc</span></a></span> hi</p>`,
			`<p><span class="h-card" translate="no"><a href="https://legal.test/@luc" class="u-url mention" rel="nofollow noopener noreferrer" target="_blank">@<span>luc</span></a></span> hi</p>`},
		"a hashtag": {
			`<a href="https://legal.test/tags/go" class="mention hashtag" rel="tag">#<span>Go</span></a>`,
			`<a href="https://legal.test/tags/go" class="mention hashtag" rel="nofollow noopener noreferrer tag" target="_blank">#<span>Go</span></a>`},
		"a shortened link": {
			`<a href="https://a.test/x" target="_blank" rel="nofollow noopener"><span class="invisible">https://</span><span class="ellipsis">a.test</span><span class="invisible">/x</span></a>`,
			`<a href="https://a.test/x" rel="nofollow noopener noreferrer" target="_blank"><span class="invisible">https://</span><span class="ellipsis">a.test</span><span class="invisible">/x</span></a>`},
		"known classes without the unknown ones": {
			`<span class="btn mention btn-danger mention">x</span><p class="quote-inline">RE: x</p>`,
			`<span class="mention">x</span><p class="quote-inline">RE: x</p>`},
		"emphasis, code and quotes": {
			"<blockquote><p><em>a</em> <strong>b</strong> <b>c</b> <i>d</i> <u>e</u> <s>f</s> <del>g</del></p></blockquote><pre><code>x\n  y</code></pre>",
			"<blockquote><p><em>a</em> <strong>b</strong> <b>c</b> <i>d</i> <u>e</u> <s>f</s> <del>g</del></p></blockquote><pre><code>x\n  y</code></pre>"},
		"lists": {
			`<ol start="3" reversed type="a"><li value="7">a</li><li>b<ul><li>c</li></ul></li></ol>`,
			`<ol start="3" reversed=""><li value="7">a</li><li>b<ul><li>c</li></ul></li></ol>`},
		"a language":                      {`<p lang="pt-BR" dir="rtl">x</p>`, `<p lang="pt-BR">x</p>`},
		"a heading as a strong paragraph": {`<h1>Title</h1><p>x</p>`, `<p><strong>Title</strong></p><p>x</p>`},
		"boxes as lines":                  {`<div>a</div><div>b<div>c</div></div><p>d</p>`, `a<br>b<br>c<p>d</p>`},
		"table rows as lines":             {`<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>`, `ab<br>c`},
		"a query with several values":     {`<a href="https://a.test/?a=1&amp;b=2#c">x</a>`, `<a href="https://a.test/?a=1&amp;b=2#c" rel="nofollow noopener noreferrer" target="_blank">x</a>`},
		"text that looks like an entity":  {`&lt;b&gt; 1 < 2`, `&lt;b&gt; 1 &lt; 2`},
		"letters of all kinds":            {`<p>œuvre 你好 👩‍💻 e` + "\u0301" + `</p>`, `<p>œuvre 你好 👩‍💻 e` + "\u0301" + `</p>`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := HTML(tc.in); got != tc.want {
				t.Errorf("HTML(%q)\n got %s\nwant %s", tc.in, got, tc.want)
			}
			mustBeHarmless(t, tc.in)
		})
	}
}

func TestWhatIsBrokenIsMended(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"left open":                   {`<p><em>a`, `<p><em>a</em></p>`},
		"closed but never opened":     {`</p></span></a></blockquote>a</div>`, `a`},
		"overlapping":                 {`<b><i>a</b>b</i>`, `<b><i>a</i></b>b`},
		"a paragraph in a paragraph":  {`<p>a<p>b`, `<p>a</p><p>b</p>`},
		"a list in a paragraph":       {`<p>a<ul><li>b`, `<p>a</p><ul><li>b</li></ul>`},
		"items left open":             {`<ul><li>a<li>b</ul>`, `<ul><li>a</li><li>b</li></ul>`},
		"a link in a link":            {`<a href="https://a.test">a<a href="https://b.test">b</a></a>c`, `<a href="https://a.test" rel="nofollow noopener noreferrer" target="_blank">a</a><a href="https://b.test" rel="nofollow noopener noreferrer" target="_blank">b</a>c`},
		"a link to nowhere":           {`<a name="x">a</a> <a href="">b</a> <a href="/local">c</a>`, `a b c`},
		"an element closed by itself": {`<p/>a<b/>b`, `<p>a<b>b</b></p>`},
		"too deep":                    {strings.Repeat("<b>", 1000) + "x", strings.Repeat("<b>", 32) + "x" + strings.Repeat("</b>", 32)},
		"the same attribute twice":    {`<a href="https://a.test" href="https://b.test">x</a>`, `<a href="https://a.test" rel="nofollow noopener noreferrer" target="_blank">x</a>`},
		"control characters":          {"a\x00b\x01c&#0;d&#1;e\r\nf", "abc\uFFFDde\nf"},
		"no valid UTF-8":              {"a\xffb", "a\uFFFDb"},
		"nothing":                     {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := HTML(tc.in); got != tc.want {
				t.Errorf("HTML(%q)\n got %s\nwant %s", tc.in, got, tc.want)
			}
			mustBeHarmless(t, tc.in)
		})
	}
}

func TestHostileDocumentsBecomeHarmless(t *testing.T) {
	for _, in := range hostile {
		mustBeHarmless(t, in)
		// The same in the middle of a post, and inside what we let through.
		mustBeHarmless(t, `<p>a `+in+` b</p>`)
		mustBeHarmless(t, `<blockquote><a href="https://a.test/">`+in+`</a>`)
		mustBeHarmless(t, `<pre title="`+in+`">x</pre>`)
	}
	if len(hostile) < 60 {
		t.Errorf("only %d hostile documents", len(hostile))
	}
}

func TestNoWordOfAScriptIsShown(t *testing.T) {
	for _, in := range []string{
		`<script>hidden()</script>`, `<style>hidden{}</style>`, `<svg><style>hidden</style></svg>`,
		`<template>hidden</template>`, `<iframe>hidden</iframe>`, `<noscript>hidden</noscript>`,
		`<title>hidden</title>`, `<textarea>hidden</textarea>`, `<select><option>hidden</option></select>`,
		`<math><annotation-xml>hidden</annotation-xml></math>`, `<object>hidden</object>`,
		`<!-- hidden -->`, `<!DOCTYPE hidden>`, `<?php hidden ?>`, `<p title="hidden">`,
	} {
		if got := HTML(in); strings.Contains(got, "hidden") {
			t.Errorf("HTML(%q) = %q", in, got)
		}
	}
}

func TestAMegabyteOfAnythingIsReadInTime(t *testing.T) {
	for name, unit := range map[string]string{
		"open elements":      `<b>`,
		"links":              `<a href="https://a.test">`,
		"paragraphs":         `<p><i class="mention">x`,
		"closings":           `</b>`,
		"angles":             `<`,
		"comments":           `<!--`,
		"attributes":         `<p `,
		"entities":           `&amp`,
		"boxes":              `<div>x`,
		"scripts":            `<script>`,
		"lists":              `<ul><li>`,
		"alternating":        `<b></i><i></b>`,
		"quotes":             `"'`,
		"dropped with stack": `<svg>`,
	} {
		t.Run(name, func(t *testing.T) {
			in := strings.Repeat(unit, MaxInput/len(unit)+1)
			start := time.Now()
			out := HTML(in)
			// Generous: it guards against quadratic growth, which takes
			// minutes, not against a slow machine.
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("took %v", took)
			}
			if len(out) > 60*MaxInput {
				t.Errorf("%d bytes became %d", len(in), len(out))
			}
		})
	}
}

func TestOneAttributeListOfAMegabyteIsReadInTime(t *testing.T) {
	in := `<a href="https://a.test" class="` + strings.Repeat("u-url u-x ", 50_000) + `" ` +
		strings.Repeat(`class="mention" `, 30_000) + `>x</a>`
	want := `<a href="https://a.test" class="u-url u-x" rel="nofollow noopener noreferrer" target="_blank">x</a>`
	if got := HTML(in); got != want {
		t.Errorf("got %.300s", got)
	}
}

func TestMoreThanTheLimitIsCutBetweenLetters(t *testing.T) {
	in := strings.Repeat("é", MaxInput) // two bytes each
	got := HTML("x" + in)
	if len(got) > MaxInput || strings.Contains(got, "\uFFFD") || !strings.HasPrefix(got, "xé") {
		t.Errorf("%d bytes, replacement: %v", len(got), strings.Contains(got, "\uFFFD"))
	}
}

func TestTextIsWhatAReaderSees(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"paragraphs":        {"<p>a</p>\n<p>b<br>c</p>", "a\n\nb\nc"},
		"many breaks":       {"a<br><br><br><br>b", "a\n\nb"},
		"entities":          {"1 &lt; 2 &amp;&amp; &quot;x&quot;", `1 < 2 && "x"`},
		"white space":       {"  a \n\t b<b> c</b>d ", "a b cd"},
		"a no-break space":  {"Oui&nbsp;: non", "Oui\u00a0: non"},
		"a mention":         {`<p><a href="https://a.test/@b">@<span>b</span></a>, hi</p>`, "@b, hi"},
		"a shortened link":  {`<a href="https://a.test/x"><span class="invisible">https://</span>a.test/x</a>`, "https://a.test/x"},
		"a list":            {"x<ul><li>a</li><li>b</li></ul>y", "x\n\na\nb\n\ny"},
		"code":              {"<pre>a\n  b</pre>c", "a\n  b\n\nc"},
		"a script":          {"<script>alert(1)</script>a", "a"},
		"a script, twice":   {"&lt;script&gt;alert(1)&lt;/script&gt;", "<script>alert(1)</script>"},
		"nothing but boxes": {"<div></div><p> </p>", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Text(tc.in); got != tc.want {
				t.Errorf("Text(%q)\n got %q\nwant %q", tc.in, got, tc.want)
			}
		})
	}
}

func FuzzHTML(f *testing.F) {
	for _, in := range hostile {
		f.Add(in)
	}
	f.Add(`<div>a</div><h2>b<p>c</h2><ol start=1><li value=2>d</ol><a href="http://[::1%25a]:80/%zz?%3c">e</a>`)
	f.Fuzz(func(t *testing.T, in string) {
		mustBeHarmless(t, in)
		if text := Text(in); strings.ContainsRune(text, 0) {
			t.Errorf("Text(%q) holds NUL", in)
		}
	})
}

// mustBeHarmless checks the promise of HTML on one document: only what we list
// here comes out, well nested, and a second pass changes nothing. The list is
// written out again so that a slip in the policy is seen.
func mustBeHarmless(t *testing.T, in string) {
	t.Helper()
	out := HTML(in)
	if again := HTML(out); again != out {
		t.Errorf("HTML(%q)\nfirst  %s\nsecond %s", in, out, again)
	}
	var open []string
	tokens := html.NewTokenizer(strings.NewReader(out))
	for {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			break
		}
		token := tokens.Token()
		switch kind {
		case html.TextToken:
			if strings.ContainsFunc(token.Data, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' }) {
				t.Errorf("HTML(%q) = %q holds control characters", in, out)
			}
		case html.StartTagToken:
			mustBeAllowed(t, in, token.Data, token.Attr)
			if token.Data != "br" {
				open = append(open, token.Data)
			}
		case html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != token.Data {
				t.Errorf("HTML(%q) = %q closes %s out of turn", in, out, token.Data)
				return
			}
			open = open[:len(open)-1]
		default:
			t.Errorf("HTML(%q) = %q holds %v", in, out, token)
		}
	}
	if len(open) > 0 {
		t.Errorf("HTML(%q) = %q leaves open %v", in, out, open)
	}
	// What a browser would build of it must be the same elements.
	nodes, err := html.ParseFragment(strings.NewReader(out), &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body})
	if err != nil {
		t.Errorf("HTML(%q) = %q: %v", in, out, err)
	}
	for _, n := range nodes {
		for d := range n.Descendants() {
			if d.Type == html.ElementNode {
				mustBeAllowed(t, in, d.Data, d.Attr)
			}
		}
	}
}

func mustBeAllowed(t *testing.T, in, element string, attributes []html.Attribute) {
	t.Helper()
	elements := strings.Fields("p br a span s del pre code em strong b i u blockquote ul ol li")
	if !slices.Contains(elements, element) {
		t.Errorf("HTML(%q) lets the element %q in", in, element)
	}
	seen := map[string]string{}
	for _, a := range attributes {
		if _, twice := seen[a.Key]; twice || a.Namespace != "" {
			t.Errorf("HTML(%q): attribute %v is out of place", in, a)
		}
		seen[a.Key] = a.Val
		ok := false
		switch a.Key {
		case "href":
			u, err := url.Parse(a.Val)
			ok = err == nil && element == "a" && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
			ok = ok && (strings.HasPrefix(a.Val, "http://") || strings.HasPrefix(a.Val, "https://"))
		case "rel":
			ok = element == "a" && strings.HasPrefix(a.Val, "nofollow noopener noreferrer")
		case "target":
			ok = element == "a" && a.Val == "_blank"
		case "class":
			ok = true
			for _, class := range strings.Split(a.Val, " ") {
				known := slices.Contains(strings.Fields("mention hashtag ellipsis invisible quote-inline h-card"), class)
				micro := len(class) > 2 && class[1] == '-' && strings.Contains("pue", class[:1])
				ok = ok && (known || micro)
			}
		case "lang":
			ok = !strings.ContainsAny(a.Val, " \"'<>&=")
		case "translate":
			ok = a.Val == "no"
		case "start", "reversed":
			ok = element == "ol"
		case "value":
			ok = element == "li"
		}
		if !ok {
			t.Errorf("HTML(%q) lets %s=%q in on %s", in, a.Key, a.Val, element)
		}
	}
	if element == "a" && (seen["href"] == "" || seen["rel"] == "" || seen["target"] == "") {
		t.Errorf("HTML(%q): a link without href, rel or target: %v", in, seen)
	}
}
