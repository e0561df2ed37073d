package node

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"ruche/storage"
	"ruche/storage/storagetest"
)

const public = "https://www.w3.org/ns/activitystreams#Public"

// writes makes the stranger serve a note, with further fields as JSON.
func (s *stranger) writes(name, note, answers, more string) string {
	uri := fmt.Sprintf("https://%s/n/%s", s.host, note)
	reply := ""
	if answers != "" {
		reply = fmt.Sprintf(`,"inReplyTo":%q`, answers)
	}
	s.docs["/n/"+note] = fmt.Sprintf(`{"id":%q,"type":"Note","attributedTo":%q,"content":"words of %s","to":[%q]%s%s}`, uri, s.id(name), note, public, reply, more)
	return uri
}

// tells delivers the Create of a note that the stranger serves.
func (s *stranger) tells(to, name, note string) {
	s.n.t.Helper()
	body := fmt.Sprintf(`{"id":"https://%s/n/%s/create","type":"Create","actor":%q,"to":[%q],"object":%s}`, s.host, note, s.id(name), public, s.docs["/n/"+note])
	if got := s.deliver(to, "/inbox", name, body); got != http.StatusAccepted {
		s.n.t.Fatalf("the Create of %s is answered %d", note, got)
	}
	s.n.settle()
}

// thread gives what a person sees around a post, in order, and what is said to be missing.
func (p *testPerson) thread(uri string) (words []string, missing []string) {
	p.t.Helper()
	ctx := context.Background()
	post, err := p.c.db.PostByURI(ctx, uri)
	if err != nil {
		p.t.Fatal(err)
	}
	above, err := p.c.db.Ancestors(ctx, p.me.ID, post)
	if err != nil {
		p.t.Fatal(err)
	}
	below, err := p.c.db.Descendants(ctx, p.me.ID, post)
	if err != nil {
		p.t.Fatal(err)
	}
	all := append(append(above, post), below...)
	for _, q := range all {
		words = append(words, strings.TrimSuffix(strings.TrimPrefix(q.HTML, "<p>"), "</p>"))
	}
	parts, err := p.c.db.MissingParts(ctx, p.me.ID, all)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, part := range parts {
		side := "below"
		if part.Above {
			side = "above"
		}
		missing = append(missing, side+" "+part.Reason)
	}
	return words, missing
}

func (p *testPerson) opens(uri string) {
	p.t.Helper()
	post, err := p.c.db.PostByURI(context.Background(), uri)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.c.federation.OpenThread(context.Background(), post); err != nil {
		p.t.Fatal(err)
	}
	p.settle()
}

func (n *testNodes) same(what string, got, want []string) {
	n.t.Helper()
	if !slices.Equal(got, want) {
		n.t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func TestAThreadIsCompletedFromThePeersThatHaveItsParts(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		databases := []string{url}
		n := startCores(t, nextDatabase(t, &databases), "siege.test")
		ana := n.person("ana@siege.test")
		bob, cid := n.stranger("peer.test", "bob"), n.stranger("other.test", "cid")
		n.stranger("inconnu.test", "eve")
		n.allow("siege.test", "peer.test")
		n.allow("siege.test", "other.test")
		root := cid.writes("cid", "root", "", `,"replies":{"id":"https://other.test/n/root/replies","type":"Collection","first":{"type":"CollectionPage","next":"https://other.test/n/root/replies2","items":[]}}`)
		middle := bob.writes("bob", "middle", root, "")
		last := bob.writes("bob", "last", middle, "")
		aside := bob.writes("bob", "aside", root, "")
		cid.docs["/n/root/replies"] = `{"id":"https://other.test/n/root/replies","type":"Collection","first":{"type":"CollectionPage","next":"https://other.test/n/root/replies2","items":[]}}`
		cid.docs["/n/root/replies2"] = fmt.Sprintf(`{"id":"https://other.test/n/root/replies2","type":"CollectionPage","items":[%q,"https://inconnu.test/n/secret","https://other.test/n/deleted"]}`, aside)

		bob.tells("siege.test", "bob", "last")
		words, missing := ana.thread(last)
		n.same("the thread", words, []string{"words of root", "words of middle", "words of last"})
		n.same("missing", missing, []string{"below gone", "below not_linked"})
		words, _ = ana.thread(root)
		n.same("the whole thread", words, []string{"words of root", "words of middle", "words of last", "words of aside"})
		ana.sees("words of", 0) // it enters no home

		// A deleted part that exists again is asked for, but not at once.
		cid.writes("cid", "deleted", root, "")
		ana.opens(root)
		before := cid.fetched
		ana.opens(last)
		if cid.fetched != before {
			t.Error("a thread was fetched twice in a moment")
		}
		n.advance(storage.ThreadRefresh + time.Minute)
		ana.opens(last)
		words, missing = ana.thread(root)
		n.same("later", words, []string{"words of root", "words of middle", "words of last", "words of aside", "words of deleted"})
		n.same("still missing", missing, []string{"below not_linked"})

		// What was here hides with its peer, and is said to.
		n.update("siege.test", func(tx *storage.Tx) error {
			_, err := tx.RemovePeer(context.Background(), "other.test")
			return err
		})
		words, missing = ana.thread(middle)
		n.same("without a peer", words, []string{"words of middle", "words of last"})
		n.same("missing without a peer", missing, []string{"above not_linked"})
	})
}

func TestWhyAThreadHasNoBeginning(t *testing.T) {
	for name, tc := range map[string]struct {
		parent string
		serve  func(s *stranger)
		want   string
	}{
		"its host is no peer":      {"https://inconnu.test/n/1", nil, "above not_linked"},
		"it is gone":               {"https://other.test/n/1", nil, "above gone"},
		"its host refuses":         {"https://other.test/secret", func(s *stranger) { s.status = map[string]int{"/secret": 403} }, "above refused"},
		"its host is down":         {"https://other.test/n/1", func(s *stranger) { s.n.net.down["other.test"] = true }, "above no_answer"},
		"its host is ill":          {"https://other.test/n/1", func(s *stranger) { s.status = map[string]int{"/n/1": 503} }, "above no_answer"},
		"somebody else's":          {"https://other.test/n/1", func(s *stranger) { s.docs["/n/1"] = `{"id":"https://peer.test/n/7","type":"Note"}` }, "above unreadable"},
		"it isn't a post":          {"https://other.test/u/cid", nil, "above unreadable"},
		"it is ours and never was": {"https://siege.test/posts/17", nil, "above gone"},
	} {
		t.Run(name, func(t *testing.T) {
			n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
			ana := n.person("ana@siege.test")
			bob, cid := n.stranger("peer.test", "bob"), n.stranger("other.test", "cid")
			n.allow("siege.test", "peer.test")
			n.allow("siege.test", "other.test")
			if tc.serve != nil {
				tc.serve(cid)
			}
			uri := bob.writes("bob", "1", tc.parent, "")
			bob.tells("siege.test", "bob", "1")
			_, missing := ana.thread(uri)
			n.same("missing", missing, []string{tc.want})
		})
	}
}

func TestAChainOfTenThousandRepliesIsNotFollowedToItsEnd(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ana := n.person("ana@siege.test")
	bob := n.stranger("peer.test", "bob")
	n.allow("siege.test", "peer.test")
	for i := range 10_000 {
		bob.writes("bob", fmt.Sprint(i), fmt.Sprintf("https://peer.test/n/%d", i+1), "")
	}
	bob.tells("siege.test", "bob", "0")
	words, missing := ana.thread("https://peer.test/n/0")
	if len(words) < 20 || bob.fetched > 60 {
		t.Errorf("%d posts of the chain are here after %d requests", len(words), bob.fetched)
	}
	n.same("missing", missing, []string{"above too_much"})
}

func TestAnEndlessCollectionEnds(t *testing.T) {
	for name, page := range map[string]func(s *stranger, path string) string{
		"pages without end": func(s *stranger, path string) string {
			return fmt.Sprintf(`{"id":"https://peer.test%s","type":"CollectionPage","next":"https://peer.test%sx","items":["https://peer.test%s/item"]}`, path, path, path)
		},
		"pages in a circle": func(s *stranger, path string) string {
			return `{"id":"https://peer.test/replies","type":"CollectionPage","next":"https://peer.test/replies","items":[]}`
		},
		"a page elsewhere": func(s *stranger, path string) string {
			return `{"id":"https://peer.test/replies","type":"CollectionPage","next":"https://other.test/replies","items":[]}`
		},
		"a thousand entries on a page": func(s *stranger, path string) string {
			items := make([]string, 1000)
			for i := range items {
				items[i] = fmt.Sprintf("https://peer.test%s/%d", path, i)
			}
			list, _ := json.Marshal(items)
			return fmt.Sprintf(`{"id":"https://peer.test%s","type":"Collection","next":"https://peer.test%sx","items":%s}`, path, path, list)
		},
		"a tree without end": func(s *stranger, path string) string {
			branch := strings.TrimPrefix(path, "/replies")
			var items []string
			for i := range 8 {
				note := fmt.Sprintf("1%s.%d", branch, i)
				items = append(items, s.writes("bob", note, "https://peer.test/n/1"+branch, fmt.Sprintf(`,"replies":"https://peer.test/replies%s.%d"`, branch, i)))
			}
			list, _ := json.Marshal(items)
			return fmt.Sprintf(`{"id":"https://peer.test%s","type":"Collection","items":%s}`, path, list)
		},
		"a circle of replies": func(s *stranger, path string) string {
			s.writes("bob", "2", "https://peer.test/n/1", `,"replies":"https://peer.test/replies"`)
			return `{"id":"https://peer.test/replies","type":"Collection","items":["https://peer.test/n/1","https://peer.test/n/2","https://peer.test/n/2"]}`
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
			ana := n.person("ana@siege.test")
			bob, other := n.stranger("peer.test", "bob"), n.stranger("other.test", "cid")
			n.allow("siege.test", "peer.test")
			n.allow("siege.test", "other.test")
			bob.made = func(path string) string {
				if strings.HasPrefix(path, "/replies") && !strings.Contains(path, "/item") {
					return page(bob, path)
				}
				return ""
			}
			bob.writes("bob", "1", "", `,"replies":"https://peer.test/replies"`)
			bob.tells("siege.test", "bob", "1")
			ana.opens("https://peer.test/n/1")
			most := 40
			if name == "a thousand entries on a page" || name == "a tree without end" {
				most = storage.ThreadRequests + 20
			}
			if bob.fetched > most || other.fetched > 0 {
				t.Errorf("%d requests, and %d to a host that the list names as its own", bob.fetched, other.fetched)
			}
		})
	}
}

func TestWhatACollectionNamesMustBelongToTheThread(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ana := n.person("ana@siege.test")
	bob, cid := n.stranger("peer.test", "bob"), n.stranger("other.test", "cid")
	n.allow("siege.test", "peer.test")
	n.allow("siege.test", "other.test")
	unrelated := cid.writes("cid", "1", "", "")
	forged := fmt.Sprintf(`{"id":"https://other.test/n/2","type":"Note","attributedTo":%q,"content":"forged","inReplyTo":"https://peer.test/n/1","to":[%q]}`, cid.id("cid"), public)
	bob.docs["/replies"] = fmt.Sprintf(`{"id":"https://peer.test/replies","type":"Collection","items":[%q,%s]}`, unrelated, forged)
	root := bob.writes("bob", "1", "", `,"replies":"https://peer.test/replies"`)
	bob.tells("siege.test", "bob", "1")
	ana.opens(root)
	words, missing := ana.thread(root)
	n.same("the thread", words, []string{"words of 1"})
	n.same("missing", missing, []string{"below gone"})
	if _, err := ana.c.db.PostByURI(context.Background(), unrelated); err == nil {
		t.Error("an unrelated post was stored")
	}
}

func TestACircleOfPostsHarmsNobody(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ana := n.person("ana@siege.test")
	bob := n.stranger("peer.test", "bob")
	n.allow("siege.test", "peer.test")
	self := bob.writes("bob", "self", "https://peer.test/n/self", "")
	bob.tells("siege.test", "bob", "self")
	a := bob.writes("bob", "a", "https://peer.test/n/b", "")
	bob.writes("bob", "b", "https://peer.test/n/a", "")
	bob.tells("siege.test", "bob", "a")
	words, _ := ana.thread(self)
	n.same("a post that answers itself", words, []string{"words of self"})
	words, _ = ana.thread(a)
	n.same("two that answer each other", words, []string{"words of a", "words of b"})
}

func TestANodeTellsPeersItsConversations(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test", "labo.test")
	ctx := context.Background()
	ana, luc := n.person("ana@siege.test"), n.person("luc@labo.test")
	ana.follows("luc@labo.test")
	n.settle()
	root := luc.posts("a question", storage.Public)
	n.settle()
	first := luc.answers(root, "an aside", storage.Followers)
	for i := range 50 {
		luc.answers(root, fmt.Sprintf("answer %d", i), storage.Unlisted)
	}
	// Delivered already: forget, and fetch.
	n.settle()
	n.update("siege.test", func(tx *storage.Tx) error { return tx.Tidy(ctx) })
	other := n.person("zoe@siege.test")
	words, _ := other.thread(root.URI)
	if len(words) != 51 {
		t.Errorf("%d posts", len(words))
	}
	for _, w := range words {
		if strings.Contains(w, "aside") {
			t.Error("what is for followers is shown to somebody else")
		}
	}
	_ = first
	body := n.asks("siege.test", root.URI+"/context?page=true")
	if strings.Contains(body, first.URI) || !strings.Contains(body, root.URI+`"`) && strings.Count(body, "/posts/") < 40 {
		t.Errorf("the conversation is told as %s", body)
	}
	if !strings.Contains(body, `"next"`) {
		t.Errorf("it has no second page: %s", body)
	}
}

func TestAShareOfAPageIsFetchedOnceForThePostBehindIt(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ana := n.person("ana@siege.test")
	bob := n.stranger("peer.test", "bob")
	n.allow("siege.test", "peer.test")
	bob.accepts(ana, "bob")
	bob.writes("bob", "1", "", "")
	bob.docs["/page"] = bob.docs["/n/1"]
	before := bob.fetched
	bob.deliver("siege.test", "/inbox", "bob", fmt.Sprintf(`{"id":"https://peer.test/s/1","type":"Announce","actor":%q,"to":[%q],"object":"https://peer.test/page"}`, bob.id("bob"), public))
	n.settle()
	ana.sees("words of 1", 1)
	if got := bob.fetched - before; got > 3 {
		t.Errorf("%d requests", got)
	}
}
