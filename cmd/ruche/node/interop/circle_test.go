//go:build interop

package interop

import (
	"slices"
	"testing"

	"ruche/outbox"
	"ruche/storage"
)

func TestCircles(t *testing.T) {
	const area = "Circles, and servers on the open internet"
	show(t, area, fromRuche, "A public post goes as public to a server with that right, and to the author's followers to one without", "Ruche: circles; ActivityPub 5.6", func(f *flow) {
		ana, lena, olga := f.person("ana"), f.guest("lena"), f.on(f.w.second).guest("olga")
		lena.follows(ana)
		olga.follows(ana)
		for _, visibility := range []string{storage.Public, storage.Unlisted} {
			text := "for all, " + visibility
			post := ana.posts(outbox.Draft{Text: text + " @" + olga.acct, Visibility: visibility})
			open, closed := lena.receives("Create", ana, holds(text)), olga.receives("Create", ana, holds(text))
			for _, list := range [][]string{open.To, open.Object.To} {
				if !slices.Contains(slices.Concat(list, open.Cc), public) {
					f.Errorf("%s, with the right: to %v cc %v", visibility, open.To, open.Cc)
				}
			}
			for _, o := range []*object{&closed.object, &closed.Object.object} {
				if !slices.Equal(o.To, []string{ana.me.FollowersURI}) || !slices.Equal(o.Cc, []string{olga.uri}) {
					f.Errorf("%s, without: to %v cc %v", visibility, o.To, o.Cc)
				}
			}
			if o := lena.reads(post.URI); o == nil || !slices.Contains(slices.Concat(o.To, o.Cc), public) {
				f.Errorf("%s, fetched with the right: %+v", visibility, o)
			}
			if o := olga.reads(post.URI); o == nil || slices.Contains(slices.Concat(o.To, o.Cc), public) {
				f.Errorf("%s, fetched without: %+v", visibility, o)
			}
		}
	})
	show(t, area, fromRuche, "A server without that right where nobody follows the author isn't given a public post", "Ruche: circles", func(f *flow) {
		ana, lena, olga := f.person("ana"), f.guest("lena"), f.on(f.w.second).guest("olga")
		post := ana.posts(outbox.Draft{Text: "for all", Visibility: storage.Public})
		if o := olga.reads(post.URI); o != nil {
			f.Errorf("without the right it is given: %+v", o)
		}
		if o := lena.reads(post.URI); o == nil {
			f.Error("with the right it isn't given")
		}
	})
	show(t, area, fromRuche, "A post for the node or the organisation reaches no other server, even one that it names", "Ruche: circles", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		lena.follows(ana)
		for _, circle := range []string{storage.CircleNode, storage.CircleOrganisation} {
			post := ana.posts(outbox.Draft{Text: "inside @" + lena.acct, Visibility: storage.Public, Circle: circle})
			if o := lena.reads(post.URI); o != nil {
				f.Errorf("the post for the %s is given: %+v", circle, o)
			}
		}
		// One lane for both: what is sent later arrives later.
		ana.posts(outbox.Draft{Text: "outside", Visibility: storage.Public})
		lena.receives("Create", ana, holds("outside"))
		if got := lena.all("Create", ana); len(got) != 1 {
			f.Errorf("%d posts arrived, want 1", len(got))
		}
	})
}
