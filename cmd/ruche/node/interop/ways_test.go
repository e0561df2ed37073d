//go:build interop

package interop

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"ruche/federation"
	"ruche/outbox"
	"ruche/storage"
)

// A way is something that a reader tries to get at a post. exists is false where the reader has no such way.
type way struct {
	name, note string
	// always: whoever may see the post reaches it this way.
	always  bool
	reaches func(m *matrix, r *seeker, p *placed) (seen, exists bool)
}

var ways = []way{
	{"Delivery", "Home timelines at A, B and C; inboxes at D, E and U.", false, func(m *matrix, r *seeker, p *placed) (bool, bool) {
		switch {
		case r.guest != nil:
			seen, err := r.guest.fed.seen()
			m.must(err)
			return slices.ContainsFunc(seen, func(a *activity) bool { return a.Object != nil && strings.Contains(a.Object.Content, p.word) }), true
		case r.home != nil:
			return m.reads(r, "/api/v1/timelines/home?limit=40", p.word), true
		}
		return false, false
	}},
	{"By its address, signed", "B and C fetch it for their reader's search; D, E and U as their person; A's own readers ask for it by id.", true, func(m *matrix, r *seeker, p *placed) (bool, bool) {
		switch {
		case r.guest != nil:
			o := r.guest.reads(p.post.URI)
			return o != nil && strings.Contains(o.Content, p.word), true
		case r.home == m.a:
			return m.reads(r, "/api/v1/statuses/"+storage.FormatID(p.post.ID), p.word), true
		case r.home != nil:
			return m.reads(r, "/api/v2/search?resolve=true&q="+url.QueryEscape(p.post.URI), p.word), true
		}
		return false, false
	}},
	{"By its address, unsigned", "Document, activity and page, without a signature or an account.", false, func(m *matrix, r *seeker, p *placed) (bool, bool) {
		return m.anyone(r, p.word, p.post.URI, p.post.URI+"/create", "/@"+m.ana.me.Username+"/"+storage.FormatID(p.post.ID), "/p/"+storage.FormatID(p.post.ID), "/api/v1/statuses/"+storage.FormatID(p.post.ID), "/api/oembed?url="+url.QueryEscape(p.post.URI))
	}},
	{"By its id at the reader's node", "The post, its history, and those of many that were asked for at once.", true, func(m *matrix, r *seeker, p *placed) (bool, bool) {
		if r.home == nil {
			return false, false
		}
		id := storage.FormatID(m.local(r, p.post))
		return m.reads(r, "/api/v1/statuses/"+id, p.word) || m.reads(r, "/api/v1/statuses/"+id+"/history", p.word) || m.reads(r, "/api/v1/statuses?id[]="+id, p.word) || m.reads(r, "/api/v1/statuses/"+id+"/source", p.word), true
	}},
	{"Timelines of the entity and the network", "Public, local and remote, and the hashtag.", false, func(m *matrix, r *seeker, p *placed) (bool, bool) {
		paths := []string{"/api/v1/timelines/public?limit=40", "/api/v1/timelines/public?local=true&limit=40", "/api/v1/timelines/public?remote=true&limit=40", "/api/v1/timelines/tag/" + p.tag}
		if r.guest != nil {
			return false, false
		}
		return slices.ContainsFunc(paths, func(path string) bool { return m.reads(r, path, p.word) }), true
	}},
	{"Profile of the author", "", false, func(m *matrix, r *seeker, p *placed) (bool, bool) {
		if r.home == nil {
			return m.anyone(r, p.word, "/@"+m.ana.me.Username, "/api/v1/accounts/"+storage.FormatID(m.ana.me.ID)+"/statuses?limit=40")
		}
		id := storage.FormatID(m.author(r))
		return m.reads(r, "/api/v1/accounts/"+id+"/statuses?limit=40", p.word) || m.reads(r, "/api/v1/accounts/"+id+"/statuses?pinned=true", p.word) || m.reads(r, "/api/v1/accounts/"+id+"/statuses?only_media=true&limit=40", p.word), true
	}},
	{"Search", "For a word of it, and for its hashtag.", false, func(m *matrix, r *seeker, p *placed) (bool, bool) {
		if r.guest != nil {
			return false, false
		}
		return m.reads(r, "/api/v2/search?type=statuses&q="+p.word, p.word) || m.reads(r, "/api/v2/search?type=hashtags&q="+p.tag, `"`+p.tag+`"`), true
	}},
	{"Trends", "Tags and posts.", false, func(m *matrix, r *seeker, p *placed) (bool, bool) {
		if r.guest != nil {
			return false, false
		}
		return m.reads(r, "/api/v1/trends/tags?limit=20", `"`+p.tag+`"`) || m.reads(r, "/api/v1/trends/statuses?limit=20", p.word), true
	}},
	{"The conversation", "An answer of the author's, in the same circle and visibility, to a post that all see: read there by people, listed there for servers.", false, func(m *matrix, r *seeker, p *placed) (bool, bool) {
		switch {
		case r.home != nil:
			return m.reads(r, "/api/v1/statuses/"+storage.FormatID(m.local(r, m.root))+"/context", p.below), true
		case r.guest != nil:
			return r.guest.finds(p.child.URI, m.root.URI+"/replies", m.root.URI+"/context"), true
		}
		return m.anyone(r, p.below, m.root.URI+"/replies", m.root.URI+"/replies?page=1", m.root.URI+"/context?page=1", "/@"+m.ana.me.Username+"/"+storage.FormatID(m.root.ID))
	}},
	{"Lists for servers", "The author's outbox and pins, signed by B, C, D, E and U, and unsigned.", false, func(m *matrix, r *seeker, p *placed) (bool, bool) {
		lists := []string{m.ana.me.OutboxURI, m.ana.me.FeaturedURI}
		switch {
		case r.guest != nil:
			return r.guest.finds(p.post.URI, lists...), true
		case r.home == m.a, r.column%2 == 1 && r.home != nil:
			return false, false
		case r.home != nil:
			return m.lists(r.home, p.post.URI, lists...), true
		}
		return m.anyone(r, p.post.URI, m.ana.me.OutboxURI, m.ana.me.OutboxURI+"?page=1", m.ana.me.FeaturedURI)
	}},
	{"Streams", "User and public, by server-sent events, from before it was written.", false, func(m *matrix, r *seeker, p *placed) (bool, bool) {
		if r.guest != nil {
			return false, false
		}
		return strings.Contains(r.stream.all(), p.word), true
	}},
	{"Pages", "Home, entity, network, profile and the post itself, signed in at A.", true, func(m *matrix, r *seeker, p *placed) (bool, bool) {
		if r.home != m.a {
			return false, false
		}
		for _, page := range []string{"/home", "/entity", "/network", "/tags/" + p.tag, "/@" + m.ana.me.Username, "/@" + m.ana.me.Username + "/" + storage.FormatID(p.post.ID)} {
			if m.page(r, page, p.word) {
				return true, true
			}
		}
		return false, true
	}},
	{"Feeds", "Addresses where other servers have feeds.", false, func(m *matrix, r *seeker, p *placed) (bool, bool) {
		name := m.ana.me.Username
		return m.anyone(r, p.word, "/@"+name+".rss", "/@"+name+".atom", "/@"+name+"/feed", "/users/"+name+".atom", "/feed", "/tags/"+p.tag+".rss")
	}},
	{"A guessed address of its picture", "From every number that readers see.", false, func(m *matrix, r *seeker, p *placed) (bool, bool) {
		if r.guest != nil {
			return false, false
		}
		key := p.media.BlobKey
		for _, guess := range []string{storage.FormatID(p.media.ID), storage.FormatID(p.post.ID), strconv.FormatInt(p.media.ID, 10), key[:len(key)-1] + "0", key[:len(key)-1] + "z", path.Dir(key) + "/", strings.ToUpper(key)} {
			if status, _ := m.asks(r, m.a, "/media/"+guess); status == http.StatusOK && guess != key {
				return true, true
			}
		}
		status, _ := m.asks(r, m.a, "/api/v1/media/"+storage.FormatID(p.media.ID))
		return status == http.StatusOK, true
	}},
	{"Counts that move", "Posts of the author, answers to the root, uses of the tag, posts of the instance, sizes of outbox and conversation: what moved when it was written.", false, func(m *matrix, r *seeker, p *placed) (bool, bool) {
		return m.moved[[2]int{p.row, r.column}], true
	}},
}

// client trusts the CA of this run.
func (w *world) client() *http.Client {
	return &http.Client{Timeout: 10 * time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: w.ca.Pool()}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (p *person) token(scopes string) string {
	p.Helper()
	secret := storage.NewSecret()
	p.must(p.node.DB().Update(p.ctx, func(tx *storage.Tx) error {
		return tx.AddToken(p.ctx, &storage.Token{Hash: storage.HashSecret(secret), AccountID: p.me.ID, Scopes: scopes})
	}))
	return secret
}

func (m *matrix) do(method, address string, headers map[string]string, body io.Reader) (int, string) {
	m.Helper()
	req, err := http.NewRequestWithContext(m.ctx, method, address, body)
	m.must(err)
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	client := m.w.client()
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	m.must(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	m.must(err)
	return res.StatusCode, res.Header.Get("Location") + "\n" + string(text)
}

// asks asks a node as the reader: with a token at the reader's own, as nobody elsewhere.
func (m *matrix) asks(r *seeker, n *ruche, path string) (int, string) {
	m.Helper()
	headers := map[string]string{}
	if r.home == n {
		headers["Authorization"] = "Bearer " + r.token
	}
	return m.do(http.MethodGet, "https://"+n.domain+path, headers, nil)
}

// reads says whether the reader's answer holds a text; who has no account asks A.
func (m *matrix) reads(r *seeker, path, text string) bool {
	m.Helper()
	n := r.home
	if n == nil {
		n = m.a
	}
	status, body := m.asks(r, n, path)
	return status == http.StatusOK && strings.Contains(body, text)
}

// anyone tries addresses of A's without an account, as apps, servers and browsers ask; only the last column has that way.
func (m *matrix) anyone(r *seeker, text string, addresses ...string) (seen, exists bool) {
	m.Helper()
	if r.home != nil || r.guest != nil {
		return false, false
	}
	for _, address := range addresses {
		if strings.HasPrefix(address, "/") {
			address = "https://" + m.a.domain + address
		}
		for _, accept := range []string{"application/activity+json", "text/html", "application/json"} {
			if _, body := m.do(http.MethodGet, address, map[string]string{"Accept": accept}, nil); strings.Contains(body[strings.Index(body, "\n"):], text) {
				return true, true
			}
		}
	}
	return false, true
}

// page is a page of A's, for a reader who is signed in.
func (m *matrix) page(r *seeker, path, text string) bool {
	m.Helper()
	secret := storage.NewSecret()
	m.must(m.a.DB().Update(m.ctx, func(tx *storage.Tx) error {
		return tx.KeepSession(m.ctx, &storage.Session{Hash: storage.HashSecret(secret), AccountID: r.me.me.ID, CSRF: storage.NewSecret(), ExpiresAt: tx.Now().Add(time.Hour)})
	}))
	sum := sha256.Sum256([]byte("https://" + m.a.domain))
	status, body := m.do(http.MethodGet, "https://"+m.a.domain+path, map[string]string{"Cookie": "ruche_" + hex.EncodeToString(sum[:4]) + "=" + secret, "Accept": "text/html"}, nil)
	return status == http.StatusOK && strings.Contains(body, text)
}

// local is the id of a post at the reader's node; a post that isn't there has A's.
func (m *matrix) local(r *seeker, p *storage.Post) int64 {
	if there, err := r.home.DB().PostByURI(m.ctx, p.URI); err == nil {
		return there.ID
	}
	return p.ID
}

func (m *matrix) author(r *seeker) int64 {
	if r.home == m.a {
		return m.ana.me.ID
	}
	a, err := r.home.DB().AccountByURI(m.ctx, m.ana.me.URI)
	m.must(err)
	return a.ID
}

// finds says whether a list that Fedify reads, signed, holds an id, or what carries it.
func (g *guest) finds(uri string, lists ...string) bool {
	g.Helper()
	for _, list := range lists {
		var answer struct {
			Found bool
			Items []string
		}
		if err := g.fed.try("list", args{"by": g.name, "uri": list}, &answer); err != nil {
			g.Fatalf("list %s: %v", list, err)
		}
		if slices.ContainsFunc(answer.Items, func(item string) bool { return item == uri || item == uri+"/create" }) {
			return true
		}
	}
	return false
}

// signed gets a document as a node's own actor; nil where it isn't given.
func (m *matrix) signed(n *ruche, address string) map[string]any {
	m.Helper()
	service, err := n.DB().ServiceActor(m.ctx)
	m.must(err)
	key, err := federation.ParsePrivateKey(service.PrivateKey)
	m.must(err)
	req, err := http.NewRequestWithContext(m.ctx, http.MethodGet, address, nil)
	m.must(err)
	req.Header.Set("Accept", "application/activity+json")
	m.must(federation.Sign(req, nil, service.KeyID, key, time.Now()))
	client := m.w.client()
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	m.must(err)
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil
	}
	var doc map[string]any
	m.must(json.NewDecoder(res.Body).Decode(&doc))
	return doc
}

// lists says whether a list that a node reads, page by page, holds an id.
func (m *matrix) lists(n *ruche, uri string, lists ...string) bool {
	m.Helper()
	for _, list := range lists {
		doc := m.signed(n, list)
		next, _ := doc["first"].(string)
		for doc != nil {
			text, err := json.Marshal(doc)
			m.must(err)
			if strings.Contains(string(text), `"`+uri+`"`) {
				return true
			}
			if next == "" {
				break
			}
			doc = m.signed(n, next)
			next, _ = doc["next"].(string)
		}
	}
	return false
}

// listen opens the reader's streams, and leaves them open.
func (m *matrix) listen(ctx context.Context, r *seeker) {
	m.Helper()
	if r.guest != nil {
		return
	}
	for _, name := range []string{"user", "public"} {
		n, headers := r.home, http.Header{}
		if n == nil {
			n = m.a
		} else {
			headers.Set("Authorization", "Bearer "+r.token)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+n.domain+"/api/v1/streaming/"+name, nil)
		m.must(err)
		req.Header = headers
		res, err := m.w.client().Do(req)
		m.must(err)
		if res.StatusCode != http.StatusOK {
			_ = res.Body.Close()
			if r.home != nil {
				m.Fatalf("%s's stream answers %s", r.name, res.Status)
			}
			continue
		}
		go func() {
			defer res.Body.Close()
			lines := bufio.NewReader(res.Body)
			for {
				line, err := lines.ReadBytes('\n')
				_, _ = r.stream.Write(line)
				if err != nil {
					return
				}
			}
		}()
	}
}

// counts is, for each column, everything that the reader is told as a number.
func (m *matrix) counts() []string {
	m.Helper()
	out := make([]string, len(columns))
	for _, r := range m.seekers {
		var b strings.Builder
		number := func(body string, fields ...string) {
			var doc any
			if json.Unmarshal([]byte(body[strings.Index(body, "\n"):]), &doc) != nil {
				return
			}
			b.WriteString(figures(doc, fields))
		}
		ask := func(path string, fields ...string) {
			_, body := m.asks(r, m.a, path)
			number(body, fields...)
		}
		switch {
		case r.home == m.a || r.column == 9:
			ask("/api/v1/accounts/"+storage.FormatID(m.ana.me.ID), "statuses_count", "last_status_at")
			ask("/api/v1/statuses/"+storage.FormatID(m.root.ID), "replies_count", "reblogs_count", "quotes_count")
			ask("/api/v1/instance", "status_count", "user_count")
			ask("/api/v1/instance/activity", "statuses")
			ask("/nodeinfo/2.1", "localPosts", "localComments", "activeMonth")
			for i := range rows {
				ask(fmt.Sprintf("/api/v1/tags/pierre%c", 'a'+i), "uses", "accounts")
			}
			if r.column == 9 {
				ask("/users/"+m.ana.me.Username+"/outbox", "totalItems")
				_, body := m.do(http.MethodGet, m.ana.me.OutboxURI, map[string]string{"Accept": "application/activity+json"}, nil)
				number(body, "totalItems")
			}
		case r.guest != nil:
			for _, list := range []string{m.ana.me.OutboxURI, m.root.URI + "/replies", m.root.URI + "/context"} {
				var answer struct{ Total int }
				m.must(r.guest.fed.try("list", args{"by": r.guest.name, "uri": list}, &answer))
				fmt.Fprint(&b, answer.Total, " ")
			}
		case r.column%2 == 0:
			for _, list := range []string{m.ana.me.OutboxURI, m.root.URI + "/replies", m.root.URI + "/context"} {
				b.WriteString(figures(anything(m.signed(r.home, list)), []string{"totalItems"}))
			}
		}
		out[r.column] = b.String()
	}
	return out
}

func anything(doc map[string]any) any { return doc }

// figures gives the values of fields, wherever they are in a document.
func figures(doc any, fields []string) string {
	switch d := doc.(type) {
	case map[string]any:
		var b strings.Builder
		names := make([]string, 0, len(d))
		for name := range d {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			if slices.Contains(fields, name) {
				fmt.Fprint(&b, name, "=", d[name], " ")
				continue
			}
			b.WriteString(figures(d[name], fields))
		}
		return b.String()
	case []any:
		var b strings.Builder
		for _, one := range d {
			b.WriteString(figures(one, fields))
		}
		return b.String()
	}
	return ""
}

// posts sends a form to the reader's node.
func (m *matrix) sends(r *seeker, path string, form url.Values) (int, string) {
	m.Helper()
	return m.do(http.MethodPost, "https://"+r.home.domain+path, map[string]string{"Authorization": "Bearer " + r.token, "Content-Type": "application/x-www-form-urlencoded"}, strings.NewReader(form.Encode()))
}

// said is what a reader wrote under a post, or around it.
type said struct {
	by     *seeker
	of     *placed
	word   string
	status int
}

// spread has every reader with an account share, answer and quote every post, as widely as they can.
func (m *matrix) spread(out *strings.Builder) {
	m.Helper()
	acts := []struct {
		name, note string
		do         func(r *seeker, id, word string) (int, string)
	}{
		{"Sharing", "✓: the node takes it. A share stays in the post's circle; what isn't public isn't shared.", func(r *seeker, id, _ string) (int, string) {
			return m.sends(r, "/api/v1/statuses/"+id+"/reblog", url.Values{"visibility": {"public"}})
		}},
		{"Answering, publicly and for the network", "✓: the node takes it, in the post's circle at most.", func(r *seeker, id, word string) (int, string) {
			return m.sends(r, "/api/v1/statuses", url.Values{"status": {word + "\n!network"}, "in_reply_to_id": {id}, "visibility": {"public"}})
		}},
		{"Quoting, publicly and for the network", "✓: the node takes it, in the post's circle at most.", func(r *seeker, id, word string) (int, string) {
			return m.sends(r, "/api/v1/statuses", url.Values{"status": {word + "\n!network"}, "quoted_status_id": {id}, "visibility": {"public"}})
		}},
	}
	m.written = nil
	for i, act := range acts {
		m.table(out, act.name, act.note, func(r *seeker, p *placed) (bool, bool) {
			if r.home == nil {
				return false, false
			}
			word := fmt.Sprintf("nacre%c%c%c", 'a'+i, 'a'+p.row, 'a'+r.column)
			status, body := act.do(r, storage.FormatID(m.local(r, p.post)), word)
			if status >= 500 {
				m.Errorf("%s of %s answers %d: %s", act.name, p.word, status, body)
			}
			if status == http.StatusOK && !m.may(r, p) {
				m.Errorf("leak: %s of %s by %s, who doesn't see it: %s", act.name, p.word, r.name, body)
			}
			if i > 0 {
				m.written = append(m.written, said{r, p, word, status})
			}
			return status == http.StatusOK, true
		})
	}
	for _, r := range m.seekers[:6:6] {
		if r.home != m.c || r.column%2 == 0 {
			m.arrivesFrom(r)
		}
	}
	m.arrives(m.ana, "finis")
}

// arrivesFrom waits until what a reader sent to A before is there.
func (m *matrix) arrivesFrom(r *seeker) {
	m.Helper()
	if r.home == m.a {
		return
	}
	word := "jalon" + r.name
	r.me.posts(outbox.Draft{Text: word + " @" + m.seekers[0].me.acct(), Visibility: storage.Direct, Circle: storage.CircleNetwork})
	eventually(m.T, "A gets "+word, func() bool { return strings.Contains(m.seekers[0].stream.all(), word) })
}

// words says who finds what readers wrote under the posts: at most who is in the post's circle.
func (m *matrix) words(out *strings.Builder) {
	m.Helper()
	taken := map[string]bool{}
	for _, s := range m.written {
		if s.status != http.StatusOK {
			continue
		}
		taken[rows[s.of.row].circle] = true
		for _, r := range m.seekers {
			if r.guest != nil {
				continue
			}
			if m.reads(r, "/api/v2/search?type=statuses&q="+s.word, s.word) && inCircle[rows[s.of.row].circle][r.column] != 'x' {
				m.Errorf("leak: %s finds %s, which %s wrote to what is in the circle %s", columns[r.column], s.word, s.by.name, rows[s.of.row].circle)
			}
		}
		for _, r := range m.seekers {
			if r.guest == nil || inCircle[rows[s.of.row].circle][r.column] == 'x' {
				continue
			}
			seen, err := r.guest.fed.seen()
			m.must(err)
			if slices.ContainsFunc(seen, func(a *activity) bool { return a.Object != nil && strings.Contains(a.Object.Content, s.word) }) {
				m.Errorf("leak: %s was sent %s, which %s wrote to what is in the circle %s", columns[r.column], s.word, s.by.name, rows[s.of.row].circle)
			}
		}
	}
	for _, circle := range []string{storage.CircleNode, storage.CircleOrganisation, storage.CircleNetwork} {
		if !taken[circle] {
			m.Errorf("nobody could write anything to a post in the circle %s", circle)
		}
	}
	out.WriteString("Nobody outside a post's circle finds or is sent what was written under it or around it, whatever circle its writer asked for.\n\n")
}

// errors compares what a reader is told of a post that they may not see with what they are told of one that never was.
func (m *matrix) errors() {
	m.Helper()
	compared := 0
	for _, r := range m.seekers {
		if r.guest != nil {
			continue
		}
		n := r.home
		if n == nil {
			n = m.a
		}
		for _, p := range m.posts {
			if m.may(r, p) {
				continue
			}
			id := p.post.ID
			if r.home != nil {
				id = m.local(r, p.post)
			}
			hidden, absent := storage.FormatID(id), storage.FormatID(id+1)
			for _, path := range []string{"/api/v1/statuses/%s", "/api/v1/statuses/%s/context", "/api/v1/statuses/%s/history", "/api/v1/statuses/%s/source", "/api/v1/statuses/%s/favourited_by", "/api/v1/statuses/%s/reblogged_by",
				"/api/v1/statuses/%s/quotes", "/api/v1/statuses?id[]=%s", "/p/%s", "/posts/%s", "/posts/%s/create", "/posts/%s/replies", "/posts/%s/context", "/shares/%s", "/api/oembed?url=https://" + n.domain + "/posts/%s"} {
				one, two := fmt.Sprintf(path, hidden), fmt.Sprintf(path, absent)
				s1, b1 := m.asks(r, n, one)
				s2, b2 := m.asks(r, n, two)
				if compared++; s1 != s2 || strings.ReplaceAll(b1, hidden, "ID") != strings.ReplaceAll(b2, absent, "ID") {
					m.Errorf("%s is told of %s (%s, %s): %d %s; of none: %d %s", r.name, one, rows[p.row].circle, rows[p.row].visibility, s1, b1, s2, b2)
				}
			}
			if r.home == nil {
				continue
			}
			for _, act := range []string{"favourite", "bookmark", "reblog", "mute", "pin", "unreblog", "unfavourite", "translate"} {
				s1, b1 := m.sends(r, "/api/v1/statuses/"+hidden+"/"+act, nil)
				s2, b2 := m.sends(r, "/api/v1/statuses/"+absent+"/"+act, nil)
				if compared++; s1 != s2 || strings.ReplaceAll(b1, hidden, "ID") != strings.ReplaceAll(b2, absent, "ID") {
					m.Errorf("%s asks to %s %s (%s, %s): %d %s; what isn't there: %d %s", r.name, act, hidden, rows[p.row].circle, rows[p.row].visibility, s1, b1, s2, b2)
				}
			}
			for _, field := range []string{"in_reply_to_id", "quoted_status_id"} {
				s1, b1 := m.sends(r, "/api/v1/statuses", url.Values{"status": {"what?"}, field: {hidden}})
				s2, b2 := m.sends(r, "/api/v1/statuses", url.Values{"status": {"what?"}, field: {absent}})
				if compared++; s1 != s2 || s1 == http.StatusOK || b1 != b2 {
					m.Errorf("%s writes with %s=%s: %d %s; of none: %d %s", r.name, field, hidden, s1, b1, s2, b2)
				}
			}
		}
	}
	if compared < 1000 {
		m.Errorf("only %d answers were compared", compared)
	}
}

// publicPages starts a node whose pages are public, and looks from outside.
func (m *matrix) publicPages(out *strings.Builder, database string) {
	m.Helper()
	n, err := m.w.startNode("siege.test", database, "RUCHE_PUBLIC_PAGES=on")
	m.must(err)
	on := *m.flow
	on.node = n
	open := &matrix{flow: &on, a: n, ana: on.person("ana"), moved: map[[2]int]bool{}, seekers: []*seeker{{column: 9, name: "nobody"}}, end: func() {}}
	open.write()
	may := map[int]bool{8: true, 9: true}
	fmt.Fprintf(out, "## With public pages, for who isn't signed in\n\n| circle | visibility |")
	tried := []way{}
	for _, w := range ways {
		if _, exists := w.reaches(open, open.seekers[0], open.posts[0]); exists {
			tried = append(tried, w)
			fmt.Fprintf(out, " %s |", w.name)
		}
	}
	fmt.Fprintf(out, "\n|---|---|%s\n", strings.Repeat(":-:|", len(tried)))
	for _, p := range open.posts {
		fmt.Fprintf(out, "| %s | %s |", rows[p.row].circle, rows[p.row].visibility)
		for _, w := range tried {
			seen, _ := w.reaches(open, open.seekers[0], p)
			mark := "–"
			if seen {
				mark = "✓"
			}
			fmt.Fprintf(out, " %s |", mark)
			if seen && !may[p.row] {
				m.Errorf("leak: with public pages %s shows what is %s in the circle %s", w.name, rows[p.row].visibility, rows[p.row].circle)
			}
		}
		out.WriteString("\n")
	}
}
