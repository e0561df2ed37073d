package node

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"ruche/storage"
	"ruche/storage/storagetest"
)

// lines is a log that a test reads.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return l.text.String()
}

// refusals reads the counters of what was refused, by reason.
func refusals(t *testing.T, c *core) map[string]float64 {
	t.Helper()
	families, err := c.metrics.registry.Gather()
	ok(t, err)
	out := map[string]float64{}
	for _, f := range families {
		if f.GetName() != "ruche_inbox_refusals_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			out[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
		}
	}
	return out
}

func TestEveryRefusalHasItsStatusCounterAndLineAndChangesNothing(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		databases := []string{url}
		log := new(lines)
		n := startLogged(t, nextDatabase(t, &databases), slog.New(slog.NewTextHandler(log, nil)), "siege.test")
		ctx := context.Background()
		ana := n.person("ana@siege.test")
		bob, eve := n.stranger("peer.test", "bob", "sus"), n.stranger("inconnu.test", "eve")
		n.openly("siege.test", "peer.test")
		bob.deliver("siege.test", "/inbox", "bob", bob.create("bob", "0", "first", ""))
		bob.deliver("siege.test", "/inbox", "sus", bob.create("sus", "00", "first", ""))
		n.settle()
		n.update("siege.test", func(tx *storage.Tx) error {
			a, err := tx.AccountByURI(ctx, bob.id("sus"))
			if err != nil {
				return err
			}
			a.SuspendedAt = tx.Now()
			_, err = tx.SuspendAccount(ctx, a.ID)
			return err
		})
		good := bob.create("bob", "1", "hello", "")
		const kind = "application/activity+json"
		for name, tc := range map[string]struct {
			from                      *stranger
			path, signer, media, body string
			status                    int
			reason, host, id          string
		}{
			"unlisted host":         {eve, "/inbox", "eve", kind, eve.create("eve", "1", "x", ""), 403, "not_a_peer", "inconnu.test", ""},
			"no signature":          {bob, "/inbox", "", kind, good, 401, "unsigned", "", ""},
			"another media type":    {bob, "/inbox", "bob", "text/plain", good, 415, "media_type", "peer.test", ""},
			"too large":             {bob, "/inbox", "bob", kind, strings.Repeat(" ", 1<<20) + good, 413, "too_large", "peer.test", ""},
			"no JSON":               {bob, "/inbox", "bob", kind, "{", 400, "malformed", "peer.test", ""},
			"an id on another host": {bob, "/inbox", "bob", kind, strings.Replace(good, "https://peer.test/n/1/create", "https://siege.test/n/1/create", 1), 400, "id_elsewhere", "peer.test", "https://siege.test/n/1/create"},
			"an inbox that isn't":   {bob, "/users/17/inbox", "bob", kind, good, 404, "no_such_inbox", "peer.test", ""},
			"a suspended author":    {bob, "/inbox", "sus", kind, bob.create("sus", "2", "x", ""), 403, "suspended", "peer.test", "https://peer.test/n/2/create"},
		} {
			before, counted := n.rows("siege.test"), refusals(t, ana.c)
			log.take()
			if got := tc.from.send("siege.test", tc.path, tc.signer, tc.media, tc.body); got != tc.status {
				t.Errorf("%s: answered %d, want %d", name, got, tc.status)
			}
			n.settle()
			now := refusals(t, ana.c)
			if now[tc.reason] != counted[tc.reason]+1 {
				t.Errorf("%s: %q is counted %v times more: %v", name, tc.reason, now[tc.reason]-counted[tc.reason], now)
			}
			line := log.take()
			for _, part := range []string{"reason=" + tc.reason, fmt.Sprint("status=", tc.status), tc.host, tc.id} {
				if !strings.Contains(line, part) {
					t.Errorf("%s: the log doesn't say %q: %s", name, part, line)
				}
			}
			if after := n.rows("siege.test"); after != before {
				t.Errorf("%s changed\n%s into\n%s", name, before, after)
			}
		}
	})
}

func TestASlowRequestIsCut(t *testing.T) {
	t.Parallel() // the cut is in real time
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	before := n.rows("siege.test")
	server := httptest.NewServer(n.net.nodes["siege.test"])
	defer server.Close()
	c, err := net.Dial("tcp", server.Listener.Addr().String())
	ok(t, err)
	defer c.Close()
	fmt.Fprintf(c, "POST /inbox HTTP/1.1\r\nHost: siege.test\r\nContent-Type: application/activity+json\r\nContent-Length: 1000\r\n\r\n{")
	done := make(chan struct{})
	defer close(done)
	go func() { // a byte now and then, for as long as anybody reads
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				_, _ = c.Write([]byte(" "))
			}
		}
	}()
	ok(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("a drip is never answered: %v", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusRequestTimeout {
		t.Errorf("answered %d, want 408", res.StatusCode)
	}
	if after := n.rows("siege.test"); after != before {
		t.Errorf("it changed\n%s into\n%s", before, after)
	}
}

func TestAFloodFromOnePeerLeavesRoomForAnother(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ctx := context.Background()
	ana := n.person("ana@siege.test")
	loud, quiet := n.stranger("loud.test", "bob"), n.stranger("quiet.test", "zoe")
	n.openly("siege.test", "loud.test")
	n.openly("siege.test", "quiet.test")
	n.update("siege.test", func(tx *storage.Tx) error {
		p, err := tx.PeerByHost(ctx, "loud.test")
		if err != nil {
			return err
		}
		p.Rate = 20
		return tx.SavePeer(ctx, p)
	})
	tooMany := 0
	for i := range 100 {
		// Mentions and follows, each with an id of its own.
		body := fmt.Sprintf(`{"id":"https://loud.test/f/%d","type":"Follow","actor":%q,"object":%q}`, i, loud.id("bob"), ana.me.URI)
		if i%2 == 0 {
			body = loud.create("bob", fmt.Sprint(i), "hey", fmt.Sprintf(`,"tag":[{"type":"Mention","href":%q,"name":"@ana@siege.test"}]`, ana.me.URI))
		}
		if loud.deliver("siege.test", "/inbox", "bob", body) == http.StatusTooManyRequests {
			tooMany++
		}
	}
	if tooMany < 70 {
		t.Errorf("of 100 activities in a moment %d were answered 429", tooMany)
	}
	if got := quiet.deliver("siege.test", "/inbox", "zoe", quiet.create("zoe", "1", "quiet words", fmt.Sprintf(`,"tag":[{"type":"Mention","href":%q,"name":"@ana@siege.test"}]`, ana.me.URI))); got != http.StatusAccepted {
		t.Errorf("meanwhile another peer is answered %d", got)
	}
	n.settle()
	rows, err := ana.c.db.Notifications(ctx, ana.me.ID, storage.Told{Held: true}, storage.Page{Limit: 200})
	ok(t, err)
	zoe := 0
	for _, r := range rows {
		if a, err := ana.c.db.AccountByID(ctx, r.FromID); err == nil && a.Peer == "quiet.test" {
			zoe++
		}
	}
	if len(rows) > 31 || zoe != 1 {
		t.Errorf("ana is told of %d things, %d of them by the other peer", len(rows), zoe)
	}
}

func TestScriptsInAnyTextAreTextOrNothing(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ctx := context.Background()
	ana := n.person("ana@siege.test")
	evil := `<script>alert(1)</script><img src=x onerror=alert(1)><svg onload=alert(1)>`
	quoted := strings.ReplaceAll(evil, `"`, `\"`)
	bob := n.stranger("peer.test", "bob")
	n.openly("siege.test", "peer.test")
	bob.docs["/u/bob"] = strings.Replace(bob.docs["/u/bob"], `"type":"Person"`, `"type":"Person","name":"`+quoted+`","summary":"`+quoted+`","url":"javascript:alert(1)",
		"attachment":[{"type":"PropertyValue","name":"`+quoted+`","value":"`+quoted+`"}],"icon":{"type":"Image","url":"javascript:alert(1)"},"featured":"javascript:alert(1)"`, 1)
	ana.finds("bob@peer.test")
	body := bob.create("bob", "1", evil+"words", fmt.Sprintf(`,"summary":"%[1]s","name":"%[1]s","url":"javascript:alert(1)","attachment":[{"type":"Document","mediaType":"image/svg+xml","url":"https://peer.test/x.svg","name":"%[1]s"},{"type":"Image","mediaType":"image/png","url":"data:text/html,x","name":"%[1]s"}],
		"tag":[{"type":"Hashtag","name":"#%[1]s"},{"type":"Mention","href":"javascript:alert(1)","name":"@%[1]s"},{"type":"Emoji","name":":%[1]s:","icon":{"type":"Image","url":"javascript:alert(1)"}}],"contentMap":{"%[1]s":"%[1]s"}`, quoted))
	if got := bob.deliver("siege.test", "/inbox", "bob", body); got != http.StatusAccepted {
		t.Fatalf("answered %d", got)
	}
	n.settle()
	p, err := ana.c.db.PostByURI(ctx, "https://peer.test/n/1")
	ok(t, err)
	a, err := ana.c.db.AccountByURI(ctx, bob.id("bob"))
	ok(t, err)
	html := p.HTML + a.NoteHTML
	for _, f := range a.Fields {
		html += f.Value
	}
	for _, bad := range []string{"<script", "<img", "<svg", "onerror=", "onload=", "javascript:"} {
		if strings.Contains(strings.ToLower(html), bad) {
			t.Errorf("stored as HTML: %s", html)
		}
	}
	for what, address := range map[string]string{"post": p.URL, "profile": a.URL, "picture": a.AvatarURL, "pins": a.FeaturedURI} {
		if address != "" && !strings.HasPrefix(address, "https://peer.test/") {
			t.Errorf("the address of the %s is %q", what, address)
		}
	}
	files, err := ana.c.db.MediaOf(ctx, []int64{p.ID})
	ok(t, err)
	for _, m := range files[p.ID] {
		if m.MIME == "image/svg+xml" && m.Kind == "image" || !strings.HasPrefix(m.RemoteURL, "https://") {
			t.Errorf("an attachment is %s, %s at %q", m.MIME, m.Kind, m.RemoteURL)
		}
	}
	tags, err := ana.c.db.Hashtags(ctx, []int64{p.ID})
	ok(t, err)
	if strings.ContainsAny(fmt.Sprint(tags), "<>") {
		t.Errorf("tags are %v", tags)
	}
}
