//go:build browser

// Package browser shows that a person with nothing but a browser can do what the pages are for.
//
// Nodes run in this process and answer real requests over loopback; headless Chromium clicks, types and
// reads. Every page that a test looks at is looked at in both languages, on a phone and on a desk, in
// light and in the dark: axe-core may find nothing serious there, nothing may stick out of the screen,
// and what was seen is left in tmp/screenshots for somebody to judge.
//
// `make test-browser` runs them. They need chromium, and npm, which fetches axe-core.
package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"ruche/cmd/ruche/node"
	"ruche/outbox/people"
	"ruche/storage"
)

const (
	password = "a long password"
	// waiting bounds each step of a browser, on a machine that does much else.
	waiting = time.Minute
	shots   = "../../../../tmp/screenshots"
)

// chrome is the one Chromium of a run; axe the rules that pages are held to.
var (
	chrome context.Context
	axe    string
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	script, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		return 1, fmt.Errorf("axe-core is missing, run `make test-browser`: %w", err)
	}
	axe = string(script)
	if err := os.MkdirAll(shots, 0o755); err != nil {
		return 1, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-dev-shm-usage", true))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	defer stop()
	var end context.CancelFunc
	chrome, end = chromedp.NewContext(allocator)
	defer end()
	if err := chromedp.Do(chrome); err != nil {
		return 1, fmt.Errorf("start chromium: %w", err)
	}
	return m.Run(), nil
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A house is a node of a test, reached as NAME.localhost.
type house struct {
	*node.Node
	t    *testing.T
	host string
	base string
}

func open(t *testing.T, name, title string) *house {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	address := l.Addr().String()
	ok(t, l.Close())
	_, port, _ := net.SplitHostPort(address)
	h := &house{t: t, host: name + ".localhost:" + port}
	h.base = "http://" + h.host
	cfg, err := node.Load(os.DevNull, true, []string{
		"RUCHE_DOMAIN=" + h.host, "RUCHE_PUBLIC_URL=" + h.base, "RUCHE_NAME=" + title, "RUCHE_LISTEN=" + address, "RUCHE_DATA_DIR=" + t.TempDir(), "RUCHE_RATE_LIMITS=off",
	})
	ok(t, err)
	h.Node, err = node.New(context.Background(), cfg, node.Options{Version: "0.0.0-browser", Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	ok(t, err)
	ok(t, h.Start())
	t.Cleanup(func() { ok(t, h.Stop(context.Background())) })
	return h
}

func (h *house) person(username, name, role string) *storage.Account {
	h.t.Helper()
	made, err := people.Create(context.Background(), h.DB(), people.New{Username: username, Email: username + "@example.org", DisplayName: name, Role: role, Password: password})
	ok(h.t, err)
	return made.Account
}

// until waits for something that a node does by itself.
func (h *house) until(what string, holds func() bool) {
	h.t.Helper()
	news := make(chan struct{}, 1)
	end := h.DB().Subscribe(func(storage.Event) {
		select {
		case news <- struct{}{}:
		default:
		}
	})
	defer end()
	limit := time.After(waiting)
	look := time.NewTicker(100 * time.Millisecond) // for what is no news
	defer look.Stop()
	for !holds() {
		select {
		case <-news:
		case <-look.C:
		case <-limit:
			h.t.Fatalf("%s: never", what)
		}
	}
}

// A visitor is one person's browser at a node, with cookies of its own.
type visitor struct {
	*house
	ctx context.Context
}

func (h *house) visitor() *visitor {
	h.t.Helper()
	ctx, end := chromedp.NewContext(chrome, chromedp.WithNewBrowserContext())
	h.t.Cleanup(end)
	v := &visitor{h, ctx}
	within(v, chromedp.EmulateViewport(1280, 900))
	return v
}

// arrives signs somebody in by the page for that.
func (h *house) arrives(username string) *visitor {
	h.t.Helper()
	v := h.visitor()
	v.visit("/auth/sign_in?lang=en")
	v.types(`input[name=login]`, username)
	v.types(`input[name=password]`, password)
	v.presses(`main form button`)
	return v
}

// within runs an action in a visitor's tab, and gives what it found.
func within[T any](v *visitor, act chromedp.Action[T]) T {
	v.t.Helper()
	// A first run starts the tab, which lives as long as the context that it was given.
	ok(v.t, chromedp.Do(v.ctx))
	ctx, cancel := context.WithTimeout(v.ctx, waiting)
	defer cancel()
	var found T
	v.must(settled(func() (err error) { found, err = chromedp.Run(ctx, act); return err }))
	return found
}

// settled does something again for as long as the browser says that the element that it found is gone: it tells of a
// loaded page once more when that is whole, and every element has another number from then on. Nothing was done to the
// element in that case.
func settled(act func() error) error {
	for {
		var gone *cdproto.Error
		if err := act(); !errors.As(err, &gone) || !strings.Contains(gone.Message, "given id") {
			return err
		}
	}
}

// must fails with what the page says.
func (v *visitor) must(err error) {
	v.t.Helper()
	if err != nil {
		where, _ := chromedp.Run(v.ctx, chromedp.Location())
		says, _ := chromedp.Run(v.ctx, chromedp.Evaluate[string]("document.body.innerText"))
		v.t.Fatalf("%v at %s, which says:\n%s", err, where, says)
	}
}

// loads does something that leads to another page, and waits for that.
func (v *visitor) loads(act chromedp.Action[chromedp.Void]) int64 {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, waiting)
	defer cancel()
	var status int64
	v.must(settled(func() error {
		res, err := chromedp.RunResponse(ctx, act)
		if err == nil {
			status = res.Status
		}
		return err
	}))
	return status
}

func (v *visitor) visit(path string) {
	v.t.Helper()
	if status := v.loads(chromedp.Navigate(v.base + path)); status != 200 {
		v.t.Errorf("%s answers %d", path, status)
	}
}

func (v *visitor) types(selector chromedp.CSS, text string) {
	v.t.Helper()
	within(v, chromedp.Steps(chromedp.Evaluate[chromedp.Void](fmt.Sprintf("document.querySelector(%q).value = ''", selector)), chromedp.SendKeys(selector, text)))
}

// presses a button or link that leads to another page.
func (v *visitor) presses(selector chromedp.CSS) {
	v.t.Helper()
	v.loads(chromedp.Click(selector, chromedp.NodeVisible))
}

// picks clicks something that changes this page only.
func (v *visitor) picks(selector chromedp.CSS) {
	v.t.Helper()
	within(v, chromedp.Click(selector, chromedp.NodeVisible))
}

func (v *visitor) reads(selector chromedp.CSS) string {
	v.t.Helper()
	return strings.Join(strings.Fields(within(v, chromedp.Text(selector, chromedp.NodeReady))), " ")
}

func (v *visitor) sees(texts ...string) {
	v.t.Helper()
	page := v.reads("body")
	for _, text := range texts {
		if !strings.Contains(page, text) {
			v.t.Errorf("%s doesn't say %q:\n%s", v.path(), text, page)
		}
	}
}

func (v *visitor) path() string {
	v.t.Helper()
	return within(v, chromedp.Evaluate[string]("location.pathname"))
}

// sizes are the screens that every page is looked at on.
var sizes = []struct {
	name          string
	width, height int64
}{{"phone", 390, 844}, {"desktop", 1280, 900}}

// looks holds a page to what everybody needs, in every language and on every size of screen, and keeps
// a picture of each. It ends on the page in English.
func (v *visitor) looks(name, path string) {
	v.t.Helper()
	for _, locale := range []string{"fr", "en"} {
		for _, size := range sizes {
			within(v, chromedp.EmulateViewport(size.width, size.height))
			u, err := url.Parse(v.base + path)
			ok(v.t, err)
			q := u.Query()
			q.Set("lang", locale)
			u.RawQuery = q.Encode()
			if status := v.loads(chromedp.Navigate(u.String())); status != 200 {
				v.t.Fatalf("%s answers %d", u, status)
			}
			v.pictured(fmt.Sprintf("%s-%s-%s", name, locale, size.name), size.width)
		}
		v.scheme("dark")
		v.judged(name + "-" + locale + "-dark")
		v.scheme("light")
	}
}

// seen looks at a page as it is, which has no address of its own: the answer to a form.
func (v *visitor) seen(name string) {
	v.t.Helper()
	for _, size := range sizes {
		within(v, chromedp.EmulateViewport(size.width, size.height))
		v.pictured(name+"-en-"+size.name, size.width)
	}
}

func (v *visitor) pictured(where string, width int64) {
	v.t.Helper()
	v.fits(where, width)
	v.judged(where)
	ok(v.t, os.WriteFile(filepath.Join(shots, where+".png"), within(v, chromedp.FullScreenshot(100)), 0o644))
}

func (v *visitor) scheme(is string) {
	v.t.Helper()
	within(v, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: is}}})
		return err
	}))
}

// fits fails where something sticks out of the screen to the right.
func (v *visitor) fits(where string, width int64) {
	v.t.Helper()
	wide := within(v, chromedp.Evaluate[[]string](fmt.Sprintf(`document.documentElement.scrollWidth <= %d ? [] :
		[...document.querySelectorAll("main *, header *")].filter(e => e.getBoundingClientRect().right > %d).slice(0, 5).map(e => e.outerHTML.slice(0, 120))`, width, width+1)))
	if len(wide) > 0 {
		v.t.Errorf("%s: wider than the screen: %s", where, strings.Join(wide, "\n"))
	}
}

// judged runs axe on the page as it is.
func (v *visitor) judged(where string) {
	v.t.Helper()
	within(v, chromedp.Evaluate[chromedp.Void](axe+";null"))
	found := within(v, chromedp.Evaluate[string](`axe.run(document, {resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations.map(v =>
		({id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.slice(0, 5).map(n => n.html.slice(0, 200) + " " + (n.failureSummary || "").replace(/\s+/g, " "))}))))`, chromedp.EvalAwaitPromise))
	var violations []struct {
		ID, Impact, Help string
		Nodes            []string
	}
	ok(v.t, json.Unmarshal([]byte(found), &violations))
	for _, bad := range violations {
		text := fmt.Sprintf("%s: %s (%s): %s\n%s", where, bad.ID, bad.Impact, bad.Help, strings.Join(bad.Nodes, "\n"))
		if bad.Impact == "serious" || bad.Impact == "critical" {
			v.t.Error(text)
			continue
		}
		v.t.Log(text)
	}
}
