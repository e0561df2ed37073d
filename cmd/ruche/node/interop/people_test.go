//go:build interop

package interop

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"ruche/outbox"
	"ruche/storage"
)

// next makes a name that nobody has yet.
func (w *world) next(name string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.people++
	return fmt.Sprintf("%s%d", name, w.people)
}

func (f *flow) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// A person lives on the Ruche node.
type person struct {
	*flow
	me *storage.Account
}

func (f *flow) person(name string) *person {
	f.Helper()
	return f.personWith(name, func(*storage.Account) {})
}

func (f *flow) personWith(name string, change func(*storage.Account)) *person {
	f.Helper()
	a := &storage.Account{Username: f.w.next(name), Kind: storage.Person, DisplayName: name, Discoverable: true, PublicKey: f.w.public, PrivateKey: f.w.private}
	change(a)
	f.must(f.node.DB().Update(f.ctx, func(tx *storage.Tx) error {
		if err := tx.AddAccount(f.ctx, a); err != nil {
			return err
		}
		return tx.AddUser(f.ctx, &storage.User{AccountID: a.ID, Email: a.Username + "@example.test", Role: storage.RoleMember})
	}))
	return &person{flow: f, me: a}
}

func (p *person) acct() string { return p.me.Username + "@" + p.node.domain }

// knows finds somebody of Fedify's, asking there.
func (p *person) knows(g *guest) *storage.Account {
	p.Helper()
	name, host, _ := strings.Cut(g.acct, "@")
	a, err := p.node.Resolver().Account(p.ctx, name, host)
	p.must(err)
	return a
}

func (p *person) asks(g *guest) {
	p.Helper()
	p.must(p.node.Outbox().Follow(p.ctx, p.me, p.knows(g).ID, outbox.FollowOptions{}))
}

func (p *person) unfollows(g *guest) {
	p.Helper()
	p.must(p.node.Outbox().Unfollow(p.ctx, p.me, p.knows(g).ID))
}

// follows asks, and waits for the answer.
func (p *person) follows(g *guest) {
	p.Helper()
	p.asks(g)
	eventually(p.T, g.acct+" accepts", func() bool { return p.follow(p.me, p.knows(g)) == storage.Accepted })
}

// follow is the state of a follow on the node; empty: none.
func (p *person) follow(follower, followee *storage.Account) string {
	row, err := p.node.DB().FollowBetween(p.ctx, follower.ID, followee.ID)
	if err != nil {
		return ""
	}
	return row.State
}

func (p *person) posts(d outbox.Draft) *storage.Post {
	p.Helper()
	post, err := p.node.Outbox().Post(p.ctx, p.me, d)
	p.must(err)
	return post
}

// home gives the posts in the person's home that hold a text, by themselves or shared.
func (p *person) home(text string) (found []*storage.Post) {
	p.Helper()
	rows, err := p.node.DB().HomeTimeline(p.ctx, p.me.ID, storage.Page{Limit: 100})
	p.must(err)
	for _, r := range rows {
		words := r
		if r.ShareOfID != 0 {
			if words, err = p.node.DB().VisiblePost(p.ctx, p.me.ID, r.ShareOfID); err != nil {
				continue
			}
		}
		if strings.Contains(words.HTML, text) {
			found = append(found, r)
		}
	}
	return found
}

// sees waits until a post with a text is in the person's home, once, and gives it.
func (p *person) sees(text string) *storage.Post {
	p.Helper()
	var post *storage.Post
	eventually(p.T, fmt.Sprintf("%s sees %q", p.me.Username, text), func() bool {
		found := p.home(text)
		if len(found) == 0 {
			return false
		}
		if len(found) > 1 {
			p.Fatalf("%q shows %d times", text, len(found))
		}
		post = found[0]
		return true
	})
	return post
}

// again reads a post as it is now, and as the person sees it; nil: not at all.
func (p *person) again(post *storage.Post) *storage.Post {
	now, err := p.node.DB().VisiblePost(p.ctx, p.me.ID, post.ID)
	if err != nil {
		return nil
	}
	return now
}

// told waits for a notification of a kind from somebody.
func (p *person) told(kind string, from *storage.Account) *storage.Notification {
	p.Helper()
	var found *storage.Notification
	eventually(p.T, fmt.Sprintf("%s is told of a %s by %s", p.me.Username, kind, from.Username), func() bool {
		rows, err := p.node.DB().Notifications(p.ctx, p.me.ID, storage.Told{Kinds: []string{kind}, Held: true}, storage.Page{Limit: 40})
		p.must(err)
		for _, n := range rows {
			if n.FromID == from.ID {
				found = n
				return true
			}
		}
		return false
	})
	return found
}

func (p *person) shares(post *storage.Post) *storage.Post {
	p.Helper()
	share, err := p.node.Outbox().Share(p.ctx, p.me, post.ID, time.Time{})
	p.must(err)
	return share
}

// A guest lives on the Fedify server.
type guest struct {
	*flow
	name, uri, acct string
}

func (f *flow) guest(name string) *guest { f.Helper(); return f.guestWith(name, args{}) }

func (f *flow) guestWith(name string, with args) *guest {
	f.Helper()
	g := &guest{flow: f, name: f.w.next(name)}
	with["name"] = g.name
	var made struct{ URI, Acct string }
	f.must(f.fed.try("person", with, &made))
	g.uri, g.acct = made.URI, made.Acct
	return g
}

// does has the guest act, and gives the id of what they did or made.
func (g *guest) does(act string, with args) string {
	g.Helper()
	id, err := g.tries(act, with)
	g.must(err)
	return id
}

func (g *guest) tries(act string, with args) (string, error) {
	g.Helper()
	with["by"] = g.name
	var done struct{ ID string }
	err := g.fed.try(act, with, &done)
	return done.ID, err
}

// follows follows somebody of the node, and waits for the answer.
func (g *guest) follows(p *person) {
	g.Helper()
	g.receives("Accept", p, about(g.does("follow", args{"target": p.me.URI})))
}

// receives waits until an activity of a kind by somebody of the node is there that fits.
func (g *guest) receives(kind string, from *person, fits func(*activity) bool) *activity {
	g.Helper()
	return g.seesFrom(from.me.URI, kind, fits)
}

// seesFrom is receives, of an actor of any server.
func (g *guest) seesFrom(actor, kind string, fits func(*activity) bool) (found *activity) {
	g.Helper()
	eventually(g.T, fmt.Sprintf("a %s of %s arrives at fedify", kind, actor), func() bool {
		if at := slices.IndexFunc(g.by(actor, kind), fits); at >= 0 {
			found = g.by(actor, kind)[at]
		}
		return found != nil
	})
	return found
}

// all gives what arrived of a kind by somebody.
func (g *guest) all(kind string, from *person) []*activity {
	g.Helper()
	return g.by(from.me.URI, kind)
}

func (g *guest) by(actor, kind string) (found []*activity) {
	g.Helper()
	seen, err := g.fed.seen()
	g.must(err)
	for _, a := range seen {
		if a.Type == kind && a.Actor == actor {
			found = append(found, a)
		}
	}
	return found
}

func holds(text string) func(*activity) bool {
	return func(a *activity) bool { return a.Object != nil && strings.Contains(a.Object.Content, text) }
}

func about(id string) func(*activity) bool {
	return func(a *activity) bool { return a.ObjectID == id }
}

// reads has the guest fetch something; nil where it isn't given.
func (g *guest) reads(uri string) *object {
	g.Helper()
	var answer struct {
		Found  bool
		Object *object
	}
	g.must(g.fed.try("get", args{"by": g.name, "uri": uri}, &answer))
	if !answer.Found {
		return nil
	}
	return answer.Object
}
