package node

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"ruche/storage"
	"ruche/storage/storagetest"
)

// knows makes the stranger's actor follow a person, so that the person's node knows where it is.
func (s *stranger) knows(p *testPerson, name string) {
	s.n.t.Helper()
	if got := s.deliver(p.host, "/inbox", name, fmt.Sprintf(`{"id":"https://%s/f/%s","type":"Follow","actor":%q,"object":%q}`, s.host, name, s.id(name), p.me.URI)); got != http.StatusAccepted {
		s.n.t.Fatalf("a Follow is answered %d", got)
	}
	s.n.settle()
}

func (n *testNodes) allowAs(at string, peer storage.Peer) {
	n.t.Helper()
	peer.State = storage.PeerActive
	n.update(at, func(tx *storage.Tx) error { return tx.SavePeer(context.Background(), &peer) })
}

func TestAnAnswerIsForwardedOnceToThoseWhoFollowWhomItAnswers(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ana := n.person("ana@siege.test")
	bob, cid, dan := n.stranger("peer.test", "bob"), n.stranger("web.test", "cid"), n.stranger("partenaire.test", "dan")
	n.allowAs("siege.test", storage.Peer{Host: "peer.test", Tier: storage.Sibling, PublicWeb: true})
	n.allowAs("siege.test", storage.Peer{Host: "web.test", Tier: storage.Partner, PublicWeb: true})
	n.allowAs("siege.test", storage.Peer{Host: "partenaire.test", Tier: storage.Partner})
	bob.knows(ana, "bob")
	cid.knows(ana, "cid")
	dan.knows(ana, "dan")
	post := ana.posts("what do you think?", storage.Public)
	inside := ana.postsIn("for the organisation", storage.CircleOrganisation)
	n.settle()
	forwarded := func(s *stranger, words string) [][]byte {
		return slices.DeleteFunc(slices.Clone(s.posted), func(b []byte) bool { return !bytes.Contains(b, []byte(words)) })
	}
	answer := func(id, to, words string, more ...string) string {
		return fmt.Sprintf(` {"id":"https://peer.test/n/%s/create", "type":"Create","actor":%q,"to":[%q], "cc":[%q],  "object":{"id":"https://peer.test/n/%s","type":"Note","attributedTo":%q,"content":%q,"inReplyTo":%q,"to":[%q],"cc":[%q]%s}}`+"\n",
			id, bob.id("bob"), public, ana.me.FollowersURI, id, bob.id("bob"), words, to, public, ana.me.FollowersURI, strings.Join(more, ""))
	}
	send := func(body string) {
		t.Helper()
		if got := bob.deliver("siege.test", "/inbox", "bob", body); got != http.StatusAccepted {
			t.Fatalf("answered %d", got)
		}
		n.settle()
	}
	body := answer("1", post.URI, "I agree")
	send(body)
	send(body)
	if got := forwarded(cid, "I agree"); len(got) != 1 || string(got[0]) != body {
		t.Errorf("forwarded %d times, as %q, want once, as %q", len(got), got, body)
	}
	if len(forwarded(bob, "I agree")) > 0 {
		t.Error("it went back to where it came from")
	}
	if len(forwarded(dan, "I agree")) > 0 {
		t.Error("what says that it is public went to a peer without the right to what is public")
	}
	send(answer("2", inside.URI, "among us"))
	if len(forwarded(cid, "among us")) > 0 {
		t.Error("an answer left the circle of what it answers")
	}
	send(strings.ReplaceAll(answer("3", post.URI, "to nobody else"), ana.me.FollowersURI, bob.id("bob")+"/followers"))
	if len(forwarded(cid, "to nobody else")) > 0 {
		t.Error("an answer that didn't address the followers was forwarded")
	}
	send(answer("4", "https://peer.test/n/1", "an answer to an answer"))
	if len(forwarded(cid, "an answer to an answer")) > 0 {
		t.Error("an answer to somebody else's post was forwarded")
	}
	// Whoever has it hears what becomes of it.
	gone := fmt.Sprintf(`{"id":"https://peer.test/d/1","type":"Delete","actor":%q,"object":"https://peer.test/n/1"}`, bob.id("bob"))
	send(gone)
	if got := forwarded(cid, "/d/1"); len(got) != 1 || string(got[0]) != gone {
		t.Errorf("its deletion was forwarded as %q", got)
	}
	if len(forwarded(dan, "/d/1")) > 0 {
		t.Error("its deletion went where it never was")
	}
}

func TestAForwardedAnswerThatAServerRefusesHoldsUpNothing(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ana := n.person("ana@siege.test")
	bob, cid := n.stranger("peer.test", "bob"), n.stranger("web.test", "cid")
	for _, host := range []string{"peer.test", "web.test"} {
		n.allowAs("siege.test", storage.Peer{Host: host, Tier: storage.Partner, PublicWeb: true})
	}
	bob.knows(ana, "bob")
	cid.knows(ana, "cid")
	post := ana.posts("what do you think?", storage.Public)
	n.settle()
	cid.refuses = "I agree"
	body := fmt.Sprintf(`{"id":"https://peer.test/n/1/create","type":"Create","actor":%q,"to":[%q],"cc":[%q],"object":{"id":"https://peer.test/n/1","type":"Note","attributedTo":%q,"content":"I agree","inReplyTo":%q,"to":[%q],"cc":[%q]}}`,
		bob.id("bob"), public, ana.me.FollowersURI, bob.id("bob"), post.URI, public, ana.me.FollowersURI)
	if got := bob.deliver("siege.test", "/inbox", "bob", body); got != http.StatusAccepted {
		t.Fatalf("answered %d", got)
	}
	n.settle()
	ana.posts("something later", storage.Public)
	n.settle()
	if got := len(cid.told("something later")); got != 1 {
		t.Errorf("what ana wrote later arrived %d times, want 1", got)
	}
	ended, err := ana.c.db.EndedJobs(context.Background(), "web.test", storage.Page{})
	if err != nil || len(ended) != 1 || !strings.Contains(ended[0].Error, "forwarded") {
		t.Errorf("the refused answer is shown as %d ended deliveries (%v)", len(ended), err)
	}
}

func TestAnAnswerReachesTheReadersOfWhatItAnswers(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test", "labo.test", "usine.test")
	ana, luc, zoe := n.person("ana@siege.test"), n.person("luc@labo.test"), n.person("zoe@usine.test")
	luc.follows("ana@siege.test")
	zoe.follows("ana@siege.test")
	n.settle()
	post := ana.posts("a question", storage.Public)
	n.settle()
	at, err := luc.c.db.PostByURI(context.Background(), post.URI)
	if err != nil {
		t.Fatal(err)
	}
	luc.answers(at, "an answer", storage.Public)
	n.settle()
	words, missing := zoe.thread(post.URI)
	n.same("what a reader of the question sees", words, []string{"a question", "an answer"})
	n.same("missing", missing, nil)
}
