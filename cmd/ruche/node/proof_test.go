package node

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"ruche/federation/vocab"
	"ruche/storage"
	"ruche/storage/storagetest"
)

// passed sets up a node that knows two strangers: carl, who proves what he says, and bob elsewhere, who passes it on. ana follows carl.
func passed(t *testing.T) (n *testNodes, ana *testPerson, carl, bob *stranger, prove func(string) string) {
	t.Helper()
	n = startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ana = n.person("ana@siege.test")
	carl, bob = n.stranger("author.test", "carl"), n.stranger("peer.test", "bob")
	n.allow("siege.test", "author.test")
	n.allow("siege.test", "peer.test")
	prove = carl.proves("carl")
	ana.follows("carl@author.test")
	f, err := ana.c.db.FollowBetween(t.Context(), ana.me.ID, ana.finds("carl@author.test").ID)
	if err != nil {
		t.Fatal(err)
	}
	carl.deliver("siege.test", "/inbox", "carl", fmt.Sprintf(`{"id":"https://author.test/a/1","type":"Accept","actor":%q,"object":%q}`, carl.id("carl"), f.URI))
	n.settle()
	carl.fetched = 0
	return n, ana, carl, bob, prove
}

func TestWhatIsPassedOnWithTheAuthorsProofCounts(t *testing.T) {
	n, ana, carl, bob, prove := passed(t)
	pass := func(body string) {
		t.Helper()
		if got := bob.deliver("siege.test", "/inbox", "bob", body); got != 202 {
			t.Errorf("answered %d to %.120s", got, body)
		}
		n.settle()
	}
	create := prove(carl.create("carl", "1", "carl's words", ""))
	pass(create)
	ana.sees("carl&#39;s words", 1)
	if carl.fetched != 0 {
		t.Errorf("%d documents were fetched of what was proven", carl.fetched)
	}
	pass(create)
	ana.sees("carl&#39;s words", 1)
	note := `"object":{"id":"https://author.test/n/1","type":"Note","attributedTo":"` + carl.id("carl") + `","content":"better words","updated":"` + n.clock().Format(time.RFC3339Nano) + `","to":["https://www.w3.org/ns/activitystreams#Public"]}`
	pass(prove(`{"@context":"https://www.w3.org/ns/activitystreams","id":"https://author.test/u/1","type":"Update","actor":"` + carl.id("carl") + `",` + note + `}`))
	ana.sees("better words", 1)
	pass(prove(`{"@context":"https://www.w3.org/ns/activitystreams","id":"https://author.test/d/1","type":"Delete","actor":"` + carl.id("carl") + `","object":"https://author.test/n/1"}`))
	ana.sees("better words", 0)
	pass(create) // late, or again
	ana.sees("carl&#39;s words", 0)
}

func TestWhatIsPassedOnWithoutAValidProofIsReadFromItsOwnHost(t *testing.T) {
	n, ana, carl, bob, prove := passed(t)
	note := func(number, text string) string {
		var create struct {
			Object json.RawMessage `json:"object"`
		}
		if err := json.Unmarshal([]byte(carl.create("carl", number, text, "")), &create); err != nil {
			t.Fatal(err)
		}
		return string(create.Object)
	}
	old := prove(carl.create("carl", "5", "forged", ""))
	for name, body := range map[string]string{
		"1 no proof":               carl.create("carl", "1", "forged", ""),
		"2 another's words":        strings.Replace(prove(carl.create("carl", "2", "true", "")), "true", "forged", 1),
		"3 a property more":        strings.Replace(prove(carl.create("carl", "3", "forged", "")), `"type":"Note"`, `"type":"Note","x":1`, 1),
		"4 a linked-data one only": strings.Replace(carl.create("carl", "4", "forged", ""), `"type":"Create"`, `"type":"Create","signature":{"type":"RsaSignature2017"}`, 1),
		"5 older than we remember": old,
	} {
		number := name[:1]
		if number == "5" {
			n.advance(storage.EndedKept + time.Hour)
		}
		carl.docs["/n/"+number] = note(number, "true words "+number)
		if got := bob.deliver("siege.test", "/inbox", "bob", body); got != 202 {
			t.Errorf("%s: answered %d", name, got)
		}
		n.settle()
		p, err := ana.c.db.PostByURI(t.Context(), "https://author.test/n/"+number)
		if err != nil || !strings.Contains(p.HTML, "true words "+number) {
			t.Errorf("%s: it holds %+v (%v)", name, p, err)
		}
	}
	ana.sees("forged", 0)
}

func TestNobodysWordIsPassedOnByForce(t *testing.T) {
	n, ana, carl, bob, prove := passed(t)
	eve := n.stranger("inconnu.test", "eve")
	eves := eve.proves("eve")
	post := ana.posts("mine", storage.Public)
	n.settle()
	before := n.rows("siege.test")
	for name, tc := range map[string]struct {
		body string
		want int
	}{
		"a Like without a proof":      {fmt.Sprintf(`{"id":"https://author.test/l/1","type":"Like","actor":%q,"object":%q}`, carl.id("carl"), post.URI), 202},
		"a Delete without a proof":    {fmt.Sprintf(`{"id":"https://author.test/d/1","type":"Delete","actor":%q,"object":%q}`, carl.id("carl"), carl.id("carl")), 202},
		"proven by who is no peer":    {eves(eve.create("eve", "1", "forged", "")), 202},
		"in the name of one of ours":  {strings.ReplaceAll(carl.create("carl", "1", "forged", ""), "author.test", "siege.test"), 202},
		"a Follow, even if proven":    {prove(fmt.Sprintf(`{"@context":"https://www.w3.org/ns/activitystreams","id":"https://author.test/f/1","type":"Follow","actor":%q,"object":%q}`, carl.id("carl"), ana.me.URI)), 401},
		"an Accept, even if proven":   {prove(fmt.Sprintf(`{"@context":"https://www.w3.org/ns/activitystreams","id":"https://author.test/f/2","type":"Accept","actor":%q,"object":%q}`, carl.id("carl"), ana.me.URI)), 401},
		"an Undo of a follow, proven": {prove(fmt.Sprintf(`{"@context":"https://www.w3.org/ns/activitystreams","id":"https://author.test/f/3","type":"Undo","actor":%q,"object":{"id":"https://author.test/f/1","type":"Follow","actor":%q,"object":%q}}`, carl.id("carl"), carl.id("carl"), ana.me.URI)), 401},
		"an Undo of who knows what":   {prove(fmt.Sprintf(`{"@context":"https://www.w3.org/ns/activitystreams","id":"https://author.test/f/4","type":"Undo","actor":%q,"object":"https://author.test/f/1"}`, carl.id("carl"))), 202},
		"a proof of bob's for carl":   {strings.Replace(prove(carl.create("carl", "2", "forged", "")), carl.id("carl")+"#ed25519-key", bob.id("bob")+"#main-key", 1), 202},
		"proven, its id on our host":  {prove(strings.Replace(carl.create("carl", "3", "forged", ""), `"id":"https://author.test/n/3/create"`, `"id":"https://siege.test/n/3/create"`, 1)), 400},
		"proven, of another's object": {prove(fmt.Sprintf(`{"@context":"https://www.w3.org/ns/activitystreams","id":"https://author.test/d/2","type":"Delete","actor":%q,"object":%q}`, carl.id("carl"), post.URI)), 202},
	} {
		if got := bob.deliver("siege.test", "/inbox", "bob", tc.body); got != tc.want {
			t.Errorf("%s: answered %d, want %d", name, got, tc.want)
		}
		n.settle()
	}
	if eve.fetched > 0 {
		t.Errorf("%d documents of a stranger were read", eve.fetched)
	}
	if after := n.rows("siege.test"); strip(after) != strip(before) {
		t.Errorf("changed\n%s into\n%s", before, after)
	}
}

func TestAProvenProfileFromBeforeBringsNoOldKeyBack(t *testing.T) {
	n, _, carl, bob, prove := passed(t)
	update := prove(fmt.Sprintf(`{"@context":"https://www.w3.org/ns/activitystreams","id":"https://author.test/u/1","type":"Update","actor":%q,"object":%s}`, carl.id("carl"), carl.docs["/u/carl"]))
	stolen := carl.keys["carl"]
	carl.rotate("carl")
	n.advance(6 * time.Minute)
	if got := carl.deliver("siege.test", "/inbox", "carl", carl.create("carl", "1", "with the new key", "")); got != 202 {
		t.Fatalf("the new key is answered %d", got)
	}
	if got := bob.deliver("siege.test", "/inbox", "bob", update); got != 202 {
		t.Errorf("the old profile is answered %d", got)
	}
	n.settle()
	carl.keys["carl"] = stolen
	if got := carl.deliver("siege.test", "/inbox", "carl", carl.create("carl", "2", "with the old key", "")); got != 401 {
		t.Errorf("the old key is answered %d", got)
	}
}

func TestAnUndoPassedOnAgainUndoesNothingNewer(t *testing.T) {
	n, ana, carl, bob, prove := passed(t)
	post := ana.posts("like me", storage.Public)
	like := func(number string) string {
		return fmt.Sprintf(`{"id":"https://author.test/l/%s","type":"Like","actor":%q,"object":%q}`, number, carl.id("carl"), post.URI)
	}
	undo := prove(fmt.Sprintf(`{"@context":"https://www.w3.org/ns/activitystreams","id":"https://author.test/l/1/undo","type":"Undo","actor":%q,"object":%s}`, carl.id("carl"), like("1")))
	likes := func() int64 {
		n.settle()
		p, err := ana.c.db.PostByID(t.Context(), post.ID)
		if err != nil {
			t.Fatal(err)
		}
		return p.LikesCount
	}
	n.update("siege.test", func(tx *storage.Tx) error {
		return tx.SavePeer(t.Context(), &storage.Peer{Host: "author.test", Tier: storage.Partner, State: storage.PeerActive, PublicWeb: true})
	})
	carl.deliver("siege.test", "/inbox", "carl", like("1"))
	if likes() != 1 {
		t.Fatal("the like doesn't count")
	}
	bob.deliver("siege.test", "/inbox", "bob", undo)
	if likes() != 0 {
		t.Error("its Undo, passed on, doesn't count")
	}
	carl.deliver("siege.test", "/inbox", "carl", like("2"))
	bob.deliver("siege.test", "/inbox", "bob", undo)
	if likes() != 1 {
		t.Error("the old Undo, passed on again, ended a newer like")
	}
}

func TestASuspendedAuthorSaysNothingThroughOthers(t *testing.T) {
	n, ana, carl, bob, prove := passed(t)
	n.update("siege.test", func(tx *storage.Tx) error {
		_, err := tx.SuspendAccount(t.Context(), ana.finds("carl@author.test").ID)
		return err
	})
	if got := bob.deliver("siege.test", "/inbox", "bob", prove(carl.create("carl", "1", "unheard", ""))); got != 202 {
		t.Errorf("answered %d", got)
	}
	n.settle()
	if _, err := ana.c.db.PostByURI(t.Context(), "https://author.test/n/1"); err == nil {
		t.Error("a suspended author's post was stored")
	}
}

func TestWhatOurPeopleSayIsProven(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test", "labo.test")
	ana := n.person("ana@siege.test")
	open, closed := n.stranger("open.test", "eve"), n.stranger("closed.test", "bob")
	for host, web := range map[string]bool{"open.test": true, "closed.test": false} {
		n.update("siege.test", func(tx *storage.Tx) error {
			return tx.SavePeer(t.Context(), &storage.Peer{Host: host, Tier: storage.Partner, State: storage.PeerActive, PublicWeb: web})
		})
	}
	for _, s := range []*stranger{open, closed} {
		name := map[string]string{"open.test": "eve", "closed.test": "bob"}[s.host]
		s.deliver("siege.test", "/inbox", name, fmt.Sprintf(`{"id":"https://%s/f/1","type":"Follow","actor":%q,"object":%q}`, s.host, s.id(name), ana.me.URI))
	}
	n.settle()
	post := ana.posts("proven words", storage.Public)
	n.settle()
	if _, err := ana.c.outbox.Delete(t.Context(), ana.me, post.ID); err != nil {
		t.Fatal(err)
	}
	n.settle()
	// Whoever gets them can verify them with nothing but ana's document.
	labo := n.cores["labo.test"].federation
	bodies := map[string]bool{}
	for _, s := range []*stranger{open, closed} {
		if len(s.posted) != 3 {
			t.Fatalf("%s got %d activities", s.host, len(s.posted))
		}
		for _, body := range s.posted {
			doc, err := vocab.Decode(body)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := labo.Gate.VerifyProof(t.Context(), doc, ana.me.URI); err != nil {
				t.Errorf("%s: %v in %s", s.host, err, body)
			}
			if strings.Contains(string(body), "proven words") {
				bodies[string(body)] = true
			}
		}
	}
	if len(bodies) != 2 {
		t.Errorf("the post went out in %d forms, each with its own proof; want 2", len(bodies))
	}
}

func TestAPostPassedOnByAThirdNodeArrivesWithItsProof(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test", "labo.test")
	ana, luc := n.person("ana@siege.test"), n.person("luc@labo.test")
	ana.follows("luc@labo.test")
	bob := n.stranger("peer.test", "bob")
	n.allow("siege.test", "peer.test")
	n.allow("labo.test", "peer.test")
	bob.deliver("labo.test", "/inbox", "bob", fmt.Sprintf(`{"id":"https://peer.test/f/1","type":"Follow","actor":%q,"object":%q}`, bob.id("bob"), luc.me.URI))
	n.settle()
	n.cut("siege.test", true) // luc's own delivery doesn't get through
	luc.posts("the long way round", storage.Public)
	n.settle()
	n.cut("siege.test", false)
	n.cut("labo.test", true)
	body := bob.posted[len(bob.posted)-1]
	if got := bob.deliver("siege.test", "/inbox", "bob", string(body)); got != http.StatusAccepted {
		t.Fatalf("answered %d to %s", got, body)
	}
	n.settle()
	ana.sees("the long way round", 1)
}
