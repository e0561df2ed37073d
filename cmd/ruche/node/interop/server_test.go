//go:build interop

package interop

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"ruche/outbox"
	"ruche/storage"
)

func TestAddressesAndLists(t *testing.T) {
	const area = "Addresses, profiles and lists"
	show(t, area, fromFedify, "Somebody of Ruche is found by user@domain and read with a signature; unsigned only their keys and inboxes are", "RFC 7033; ActivityPub 4.1", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		byName, byURI := lena.reads("acct:"+ana.acct()), lena.reads(ana.me.URI)
		if byName == nil || byURI == nil || byName.ID != ana.me.URI || byURI.Username != ana.me.Username || byURI.Inbox != ana.me.InboxURI || byURI.SharedInbox == "" || byURI.Keys == 0 || byURI.Name != "ana" {
			f.Errorf("found %+v by name and %+v by address", byName, byURI)
		}
		stub := (&guest{flow: f}).reads(ana.me.URI)
		if stub == nil || stub.Inbox != ana.me.InboxURI || stub.Keys == 0 || stub.Name != "" || stub.Username != "" {
			f.Errorf("unsigned, the actor is %+v", stub)
		}
	})
	show(t, area, fromFedify, "Followers, following and posts of somebody are listed to a signed request of a peer", "ActivityPub 5", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		lena.follows(ana)
		ana.follows(lena)
		post := ana.posts(outbox.Draft{Text: "listed", Visibility: storage.Public})
		direct := ana.posts(outbox.Draft{Text: "not listed", Visibility: storage.Direct})
		if got := lena.lists(ana.me.FollowersURI); !slices.Equal(got, []string{lena.uri}) {
			f.Errorf("followers: %v", got)
		}
		if got := lena.lists(ana.me.FollowingURI); !slices.Equal(got, []string{lena.uri}) {
			f.Errorf("following: %v", got)
		}
		posts := strings.Join(lena.lists(ana.me.OutboxURI), " ")
		if !strings.Contains(posts, post.URI) || strings.Contains(posts, direct.URI) {
			f.Errorf("posts: %s", posts)
		}
	})
	show(t, area, fromRuche, "A changed profile is known to followers at once", "ActivityPub 6.3", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		lena.follows(ana)
		name, note := "Ana the beekeeper", "I keep #bees"
		_, err := f.node.Outbox().UpdateProfile(f.ctx, ana.me, outbox.Profile{DisplayName: &name, Note: &note})
		f.must(err)
		o := lena.receives("Update", ana, about(ana.me.URI)).Object
		if o == nil || o.Name != name {
			f.Errorf("the profile is %+v", o)
		}
	})
	show(t, area, fromFedify, "A changed profile is known to followers at once", "ActivityPub 7.3", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		ana.follows(lena)
		lena.does("profile", args{"displayName": "Lena the baker", "summary": "<p>bread</p>"})
		eventually(f.T, "the new name is known", func() bool {
			a := ana.stored(lena)
			return a.DisplayName == "Lena the baker" && strings.Contains(a.NoteHTML, "bread")
		})
	})
}

func TestSignatures(t *testing.T) {
	const area = "Signatures and keys"
	show(t, area, fromRuche, "What Ruche signs by the older scheme passes Fedify's verification, with a proof of who said it", "draft-cavage-http-signatures-12; FEP-8b32, FEP-521a", func(f *flow) {
		ana, lena := f.person("ana"), f.fresh(nil).guest("lena")
		lena.follows(ana)
		ana.posts(outbox.Draft{Text: "signed", Visibility: storage.Public})
		if a := lena.receives("Create", ana, holds("signed")); a.Scheme != "cavage" || a.Proof != "good" {
			f.Errorf("arrived signed by %q, its proof %q", a.Scheme, a.Proof)
		}
		refused, err := lena.fed.refused(ana.me.URI)
		f.must(err)
		if len(refused) != 0 {
			f.Errorf("refused: %+v", refused[0])
		}
	})
	show(t, area, fromRuche, "A server that takes RFC 9421 alone gets it at the second knock, and at the first from then on", "RFC 9421; the two knocks of the HTTP signatures report", func(f *flow) {
		ana, lena := f.person("ana"), f.fresh(args{"only": "RFC 9421"}).guest("lena")
		lena.follows(ana)
		for _, text := range []string{"signed anew", "and again", "and once more"} {
			ana.posts(outbox.Draft{Text: text, Visibility: storage.Public})
			if a := lena.receives("Create", ana, holds(text)); a.Scheme != "RFC 9421" || a.Proof != "good" {
				f.Errorf("arrived signed by %q, its proof %q", a.Scheme, a.Proof)
			}
		}
		refused, err := lena.fed.refused(ana.me.URI)
		f.must(err)
		if len(refused) != 1 {
			f.Errorf("%d deliveries were refused, want the first knock alone", len(refused))
		}
	})
	for _, c := range []struct {
		sentence, rule, scheme string
		options                args
	}{
		{"What Fedify signs by RFC 9421, its first choice, is taken at once", "RFC 9421", "RFC 9421", nil},
		{"What Fedify signs by the older scheme is taken at once", "draft-cavage-http-signatures-12", "cavage", args{"firstKnock": "draft-cavage-http-signatures-12"}},
	} {
		show(t, area, fromFedify, c.sentence, c.rule, func(f *flow) {
			ana, lena := f.person("ana"), f.fresh(c.options).guest("lena")
			lena.follows(ana)
			sent, err := lena.fed.sent(f.node.domain)
			f.must(err)
			// What comes after is signed by the older scheme in any case: Fedify then fetches the key of a proof, signs
			// the address with its fragment, which is no part of the target (RFC 9110 §7.1), and remembers the refusal.
			first := slices.IndexFunc(sent, func(s sending) bool { return s.Method == http.MethodPost })
			for _, s := range sent[:first+1] {
				if s.Scheme != c.scheme && s.Scheme != "" || s.Status >= 300 {
					f.Errorf("a %s by %s of %s was answered %d", s.Method, s.Scheme, s.URL, s.Status)
				}
			}
		})
	}
	show(t, area, fromFedify, "What somebody else passes on is believed for its author's proof, and nothing is fetched", "FEP-8b32; ActivityPub 7.1.2", func(f *flow) {
		ana, lena, olga := f.person("ana"), f.guest("lena"), f.on(f.w.second).guest("olga")
		ana.follows(lena)
		lena.does("set", args{"forwards": true})
		asked := lena.does("post", args{"content": "<p>who has seen a lynx?</p>"})
		post := ana.sees("who has seen a lynx?")
		id := olga.does("post", args{"content": "<p>a lynx it was</p>", "inReplyTo": asked, "mentions": []string{lena.acct}, "alsoTo": []string{lena.uri + "/followers"}})
		eventually(f.T, "the answer is in the thread", func() bool {
			below, err := f.node.DB().Descendants(f.ctx, ana.me.ID, post)
			f.must(err)
			return len(below) == 1 && below[0].URI == id
		})
		var answer struct{ Fetched []struct{ Path string } }
		f.must(olga.fed.try("fetched", nil, &answer))
		for _, one := range answer.Fetched {
			if strings.HasSuffix(id, one.Path) {
				f.Errorf("%s was fetched", one.Path)
			}
		}
	})
	show(t, area, fromFedify, "After a change of keys the new one is fetched, and what it signs is taken", "ActivityPub and HTTP Signatures report: key rotation", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		ana.follows(lena)
		lena.does("post", args{"content": "<p>old key</p>"})
		ana.sees("old key")
		before := ana.stored(lena).PublicKey
		lena.does("rotate", args{})
		lena.does("post", args{"content": "<p>new key</p>"})
		ana.sees("new key")
		if after := ana.stored(lena).PublicKey; after == before {
			f.Error("the stored key is still the old one")
		}
	})
	show(t, area, fromFedify, "A server that nobody allow-listed is refused, whatever it signs", "Ruche: default-deny", func(f *flow) {
		ana := f.person("ana")
		stranger := &guest{flow: f.on(f.w.stranger), name: f.w.next("eve")}
		var made struct{ URI, Acct string }
		f.must(stranger.fed.try("person", args{"name": stranger.name}, &made))
		_, err := stranger.tries("post", args{"content": "<p>hello</p>", "recipients": []args{{"id": ana.me.URI, "inbox": ana.me.InboxURI}}})
		if failed := (*actError)(nil); !errors.As(err, &failed) || failed.Status != http.StatusForbidden {
			f.Errorf("a stranger's post ends with %v, want a 403", err)
		}
	})
	show(t, area, fromRuche, "A server in trouble gets what it missed when it is well again, once and in order", "Ruche: delivery", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		lena.follows(ana)
		lena.does("trouble", args{"on": true})
		for _, text := range []string{"missed 1", "missed 2", "missed 3"} {
			ana.posts(outbox.Draft{Text: text, Visibility: storage.Public})
		}
		eventually(f.T, "a delivery is answered 503", func() bool {
			var answer struct{ Turned int }
			f.must(f.fed.try("trouble", args{}, &answer))
			return answer.Turned > 0
		})
		lena.does("trouble", args{"on": false})
		lena.receives("Create", ana, holds("missed 3"))
		var got []string
		for _, a := range lena.all("Create", ana) {
			got = append(got, strings.Trim(strings.ReplaceAll(a.Object.Content, "<p>", ""), "</p>"))
		}
		if !slices.Equal(got, []string{"missed 1", "missed 2", "missed 3"}) {
			f.Errorf("arrived: %q", got)
		}
	})
}

// lists has the guest read a collection to its end.
func (g *guest) lists(uri string) []string {
	g.Helper()
	var answer struct {
		Found bool
		Items []string
	}
	g.must(g.fed.try("list", args{"by": g.name, "uri": uri}, &answer))
	if !answer.Found {
		g.Errorf("%s is no list", uri)
	}
	return answer.Items
}

// stored is what the node knows of a guest, without asking.
func (p *person) stored(g *guest) *storage.Account {
	p.Helper()
	a, err := p.node.DB().AccountByURI(p.ctx, g.uri)
	p.must(err)
	return a
}
