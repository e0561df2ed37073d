//go:build interop

package interop

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ruche/federation/peering"
	"ruche/outbox"
	"ruche/storage"
)

// The matrix: somebody posts in every circle and visibility, and everybody tries every way to it.
//
// Node A holds the author. B is A's sibling, C a partner of A only, D and E are servers of Fedify (with and
// without the right to show posts on the open internet), U one that nobody listed; somebody without an account
// looks from outside. At A, B and C one reader follows the author and one doesn't. Direct posts name the readers
// who follow.

// columns are the readers, in the order of the marks below.
var columns = []string{
	"A, follows", "A, doesn't", "B sibling, follows", "B, doesn't", "C partner, follows", "C, doesn't",
	"D Fedify with `public-web`, follows", "E Fedify without, follows", "U unlisted", "nobody signed in",
}

// rows are the posts, with who may see them by the rule: an x for a reader who may.
var rows = []struct{ circle, visibility, may string }{
	{storage.CircleNode, storage.Public, "xx........"},
	{storage.CircleNode, storage.Unlisted, "xx........"},
	{storage.CircleNode, storage.Followers, "x........."},
	{storage.CircleNode, storage.Direct, "x........."},
	{storage.CircleOrganisation, storage.Public, "xxxx......"},
	{storage.CircleOrganisation, storage.Unlisted, "xxxx......"},
	{storage.CircleOrganisation, storage.Followers, "x.x......."},
	{storage.CircleOrganisation, storage.Direct, "x.x......."},
	{storage.CircleNetwork, storage.Public, "xxxxxxxx.."},
	{storage.CircleNetwork, storage.Unlisted, "xxxxxxxx.."},
	{storage.CircleNetwork, storage.Followers, "x.x.x.xx.."},
	{storage.CircleNetwork, storage.Direct, "x.x.x.xx.."},
}

// inCircle are the readers within a circle: who may see what is said publicly under a post of it.
var inCircle = map[string]string{storage.CircleNode: "xx........", storage.CircleOrganisation: "xxxx......", storage.CircleNetwork: "xxxxxxxx.."}

// pinned are the rows whose posts the author pins; a profile takes five.
var pinned = map[int]bool{0: true, 4: true, 6: true, 8: true, 10: true}

// A placed is one of the author's posts, with an answer of hers to a post that all see, in the same circle and visibility.
type placed struct {
	row         int
	post, child *storage.Post
	media       *storage.Media
	word        string // stands in the post
	below       string // stands in the answer
	tag         string
}

// A seeker is a reader.
type seeker struct {
	column int
	name   string
	home   *ruche // nil: no account on a node of ours
	me     *person
	token  string
	guest  *guest
	stream journal
}

type matrix struct {
	*flow
	a, b, c *ruche
	ana     *person
	seekers []*seeker
	root    *storage.Post
	posts   []*placed
	moved   map[[2]int]bool // row, column: whether a count moved when the post appeared
	written []said          // under the posts and around them
	end     context.CancelFunc
}

func TestWhoReachesWhat(t *testing.T) {
	databases := []string{"sqlite"}
	if os.Getenv("RUCHE_TEST_POSTGRES") != "" {
		databases = append(databases, "postgresql")
	}
	var first string
	for _, database := range databases {
		t.Run(database, func(t *testing.T) {
			text := circlesHead + runMatrix(t, database)
			if first == "" {
				first = text
			}
			if text != first {
				t.Errorf("the databases differ:\n%s\n%s", first, text)
			}
		})
	}
	if t.Failed() {
		return
	}
	if os.Getenv("RUCHE_TEST_UPDATE") != "" {
		if err := os.WriteFile(circlesFile, []byte(first), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Log("\n" + first)
	old, err := os.ReadFile(circlesFile)
	if err != nil || string(old) != first {
		t.Errorf("%s doesn't say what was shown (%v); RUCHE_TEST_UPDATE=1 writes it anew", circlesFile, err)
	}
}

var circlesFile = filepath.Join("..", "..", "..", "..", "docs", "federation", "circles.md")

const circlesHead = `# Who reaches a post

Somebody on node A posts in every circle and visibility, and everybody tries every way to each post. B is a sibling of A, C a partner of A
only, D and E are servers that aren't Ruche (Fedify), U is on nobody's list. Direct posts name the readers who follow. "nobody signed in" is the
open internet: with ` + "`public_pages`" + ` off, and in the last table on. ` + "`make test-interop`" + ` tries it all, fails where anybody reaches what the first
table doesn't grant or where these tables say something else than what was tried, and prints them; ` + "`RUCHE_TEST_UPDATE=1`" + ` writes them anew.

✓ reached · – refused · blank: that way doesn't exist for that reader

**Not enforceable.** What has been delivered to a server that isn't Ruche (columns D and E) is in that server's hands: whether it shows a
followers-only post to its other people, keeps what was deleted, or lets somebody share it there. Ruche decides what it hands over, and in which words:
posts of the circles ` + "`node` and `organisation`" + ` never go there; a public post goes to E addressed to followers, since E may not show it on the open internet.

`

func runMatrix(t *testing.T, database string) string {
	f := &flow{T: t, w: shared, fed: shared.fed, ctx: t.Context()}
	m := &matrix{flow: f, moved: map[[2]int]bool{}}
	m.build(database)
	defer m.end()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of A:\n%s", m.a.log.since(0))
		}
	})
	m.write()
	var out strings.Builder
	m.table(&out, "What the rule grants", "", func(r *seeker, p *placed) (bool, bool) { return m.may(r, p), true })
	for _, w := range ways {
		m.try(&out, w, "")
	}
	m.spread(&out)
	var after strings.Builder // the same tables again: nothing more is reached
	for _, w := range ways {
		m.try(&after, w, " after it was shared, answered and quoted")
	}
	m.words(&out)
	m.errors()
	m.publicPages(&out, database)
	return out.String()
}

func (m *matrix) may(r *seeker, p *placed) bool { return rows[p.row].may[r.column] == 'x' }

// try walks one way for everybody, and holds every cell against the rule.
func (m *matrix) try(out *strings.Builder, w way, when string) {
	m.Helper()
	m.table(out, w.name, w.note, func(r *seeker, p *placed) (bool, bool) {
		seen, exists := w.reaches(m, r, p)
		if seen && !m.may(r, p) {
			m.Errorf("leak: %s, %q: %s reaches what is %s in the circle %s", w.name, when, columns[r.column], rows[p.row].visibility, rows[p.row].circle)
		}
		if w.always && exists && !seen && m.may(r, p) {
			m.Errorf("%s, %q: %s doesn't reach what is %s in the circle %s, and may", w.name, when, columns[r.column], rows[p.row].visibility, rows[p.row].circle)
		}
		return seen, exists
	})
}

func (m *matrix) table(out *strings.Builder, name, note string, cell func(r *seeker, p *placed) (seen, exists bool)) {
	fmt.Fprintf(out, "## %s\n\n", name)
	if note != "" {
		fmt.Fprintf(out, "%s\n\n", note)
	}
	fmt.Fprintf(out, "| circle | visibility | %s |\n|---|---|%s\n", strings.Join(columns, " | "), strings.Repeat(":-:|", len(columns)))
	for _, p := range m.posts {
		fmt.Fprintf(out, "| %s | %s |", rows[p.row].circle, rows[p.row].visibility)
		for _, r := range m.seekers {
			mark := ""
			if seen, exists := cell(r, p); seen {
				mark = "✓"
			} else if exists {
				mark = "–"
			}
			fmt.Fprintf(out, " %s |", mark)
		}
		out.WriteString("\n")
	}
	out.WriteString("\n")
}

// build starts the nodes, links them as admins do, and lets everybody follow whom they follow.
func (m *matrix) build(database string) {
	m.Helper()
	start := func(name, database string) *ruche {
		n, err := m.w.startNode(name, database)
		m.must(err)
		return n
	}
	m.a, m.b, m.c = start("siege.test", database), start("labo.test", "sqlite"), start("partenaire.test", "sqlite")
	_, err := m.a.Peering().CreateOrganisation(m.ctx, "Abeilles")
	m.must(err)
	m.link(m.a, m.b, storage.Sibling)
	m.link(m.a, m.c, storage.Partner)
	m.must(m.a.allow(m.w.fed.host, true))
	m.must(m.a.allow(m.w.second.host, false))
	at := func(n *ruche, name string) *person {
		on := *m.flow
		on.node = n
		return on.person(name)
	}
	m.ana = at(m.a, "ana")
	names := []string{"luc", "eve", "bea", "ben", "cleo", "cid"}
	for i, n := range []*ruche{m.a, m.a, m.b, m.b, m.c, m.c} {
		r := &seeker{column: i, name: names[i], home: n, me: at(n, names[i])}
		r.token = r.me.token("read write follow")
		m.seekers = append(m.seekers, r)
		if i%2 == 0 {
			ana, err := n.Resolver().Account(m.ctx, m.ana.me.Username, hostFor(n, m.a))
			m.must(err)
			m.must(n.Outbox().Follow(m.ctx, r.me.me, ana.ID, outbox.FollowOptions{}))
			eventually(m.T, names[i]+" follows", func() bool { return r.me.follow(r.me.me, ana) == storage.Accepted })
		}
	}
	for i, server := range []*fedify{m.w.fed, m.w.second, m.w.stranger} {
		r := &seeker{column: 6 + i, guest: m.flow.on(server).guest([]string{"lena", "olga", "ugo"}[i])}
		r.name = r.guest.name
		m.seekers = append(m.seekers, r)
		if i < 2 {
			r.guest.follows(m.ana)
		}
	}
	m.seekers = append(m.seekers, &seeker{column: 9, name: "nobody"})
	ctx, end := context.WithCancel(m.ctx)
	m.end = end
	for _, r := range m.seekers {
		m.listen(ctx, r)
	}
}

// hostFor is how a node calls another's accounts: its own have no host.
func hostFor(at, of *ruche) string {
	if at == of {
		return ""
	}
	return of.domain
}

func (m *matrix) link(a, b *ruche, tier string) {
	m.Helper()
	i, err := a.Peering().Invite(m.ctx, peering.AllTerms(tier), 0)
	m.must(err)
	_, err = b.Peering().Accept(m.ctx, i.Link, peering.AllTerms(tier))
	m.must(err)
	_, err = a.Peering().Confirm(m.ctx, b.domain)
	m.must(err)
	eventually(m.T, "both are active", func() bool {
		there, err := b.DB().PeerByHost(m.ctx, a.domain)
		here, err2 := a.DB().PeerByHost(m.ctx, b.domain)
		return err == nil && err2 == nil && there.Active() && here.Active() && here.Circles && there.Circles
	})
}

// write has the author post everything, one after the other, and waits until all of it has arrived where it goes.
func (m *matrix) write() {
	m.Helper()
	m.root = m.ana.posts(outbox.Draft{Text: "the root", Visibility: storage.Public, Circle: storage.CircleNetwork})
	named := ""
	for _, r := range m.seekers {
		switch {
		case r.guest != nil && r.column < 8:
			named += " @" + r.guest.acct
		case r.home != nil && r.column%2 == 0:
			named += " @" + strings.TrimSuffix(r.me.acct(), "@"+m.a.domain)
		}
	}
	before := m.counts()
	for i, row := range rows {
		p := &placed{row: i, word: fmt.Sprintf("ambre%c", 'a'+i), below: fmt.Sprintf("corail%c", 'a'+i), tag: fmt.Sprintf("pierre%c", 'a'+i)}
		text := p.word + " #" + p.tag
		below := p.below
		if row.visibility == storage.Direct {
			text, below = text+named, below+named
		}
		p.media = m.ana.uploads("a hive")
		p.post = m.ana.posts(outbox.Draft{Text: text, Visibility: row.visibility, Circle: row.circle, Media: []int64{p.media.ID}, QuotePolicy: storage.QuotePublic})
		p.child = m.ana.posts(outbox.Draft{Text: below, Visibility: row.visibility, Circle: row.circle, InReplyTo: m.root.ID})
		m.posts = append(m.posts, p)
		if pinned[i] {
			m.must(m.a.Outbox().Pin(m.ctx, m.ana.me, p.post.ID))
		}
		now := m.counts()
		for column := range columns {
			m.moved[[2]int{i, column}] = now[column] != before[column]
		}
		before = now
	}
	m.arrives(m.ana, "borne")
}

// arrives waits until a post of somebody's that all may see is everywhere: what they sent before is too.
func (m *matrix) arrives(from *person, text string) {
	m.Helper()
	from.posts(outbox.Draft{Text: text, Visibility: storage.Public, Circle: storage.CircleNetwork})
	for _, r := range m.seekers {
		switch {
		case r.home != nil && from == m.ana:
			eventually(m.T, r.name+" gets "+text, func() bool { return strings.Contains(r.stream.all(), text) })
		case r.guest != nil && r.column < 8 && from == m.ana:
			r.guest.receives("Create", from, holds(text))
		case r.home == m.a && from != m.ana:
			eventually(m.T, "A gets "+text, func() bool { return strings.Contains(r.stream.all(), text) })
		}
	}
}
