package node

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ruche/federation"
	"ruche/outbox"
	"ruche/storage"
	"ruche/storage/storagetest"
)

// loses removes what a node knows of a follow, as a restored backup would.
func (n *testNodes) loses(at, follower, followee string) {
	n.t.Helper()
	ctx := context.Background()
	db := n.cores[at].db
	a, err := db.AccountByURI(ctx, follower)
	if err != nil {
		n.t.Fatal(err)
	}
	b, err := db.AccountByURI(ctx, followee)
	if err != nil {
		n.t.Fatal(err)
	}
	f, err := db.FollowBetween(ctx, a.ID, b.ID)
	if err != nil {
		n.t.Fatal(err)
	}
	n.update(at, func(tx *storage.Tx) error { _, err := tx.RemoveFollow(ctx, f); return err })
}

func (n *testNodes) following(at, follower, followee string) bool {
	n.t.Helper()
	ctx := context.Background()
	db := n.cores[at].db
	a, err := db.AccountByURI(ctx, follower)
	if err != nil {
		n.t.Fatal(err)
	}
	b, err := db.AccountByURI(ctx, followee)
	if err != nil {
		n.t.Fatal(err)
	}
	f, err := db.FollowBetween(ctx, a.ID, b.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return false
	}
	if err != nil {
		n.t.Fatal(err)
	}
	return f.State == storage.Accepted
}

func TestListsOfFollowersThatDriftedAreMendedBothWays(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		databases := []string{url}
		n := startCores(t, nextDatabase(t, &databases), "siege.test", "labo.test", "usine.test")
		luc := n.person("luc@labo.test")
		ana, eva, max := n.person("ana@siege.test"), n.person("eva@siege.test"), n.person("max@siege.test")
		zoe := n.person("zoe@usine.test")
		for _, p := range []*testPerson{ana, eva, max, zoe} {
			p.follows("luc@labo.test")
		}
		n.settle()
		luc.posts("all is well", storage.Followers)
		n.settle()
		for _, request := range n.net.seen {
			if strings.Contains(request, "followers_synchronization") {
				t.Errorf("lists that agree were compared: %s", request)
			}
		}
		// Ana's node forgot that she follows luc, luc's that eva follows him.
		n.loses("siege.test", ana.me.URI, luc.me.URI)
		n.loses("labo.test", eva.me.URI, luc.me.URI)
		luc.posts("for those who follow", storage.Followers)
		n.settle()
		for who, want := range map[*testPerson]bool{ana: false, eva: false, max: true, zoe: true} {
			here, there := n.following(who.host, who.me.URI, luc.me.URI), n.following("labo.test", who.me.URI, luc.me.URI)
			if here != want || there != want {
				t.Errorf("%s follows luc: %v on her own node, %v on his; want %v", who.me.Username, here, there, want)
			}
		}
	})
}

func TestAPeerReadsItsOwnPartOfAListOfFollowersOnly(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test", "labo.test", "usine.test")
	luc, ana, zoe := n.person("luc@labo.test"), n.person("ana@siege.test"), n.person("zoe@usine.test")
	ana.follows("luc@labo.test")
	zoe.follows("luc@labo.test")
	n.settle()
	part := luc.me.URI + "/followers_synchronization"
	for as, own := range map[string]*testPerson{"siege.test": ana, "usine.test": zoe} {
		other := map[*testPerson]*testPerson{ana: zoe, zoe: ana}[own]
		if got := n.asks(as, part+"?page=true"); !strings.HasPrefix(got, "200 ") || !strings.Contains(got, own.me.URI) || strings.Contains(got, other.me.URI) {
			t.Errorf("%s reads %s", as, got)
		}
	}
	r := httptest.NewRequest("GET", part, nil)
	r.Host = "labo.test"
	w := httptest.NewRecorder()
	n.net.nodes["labo.test"].ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized {
		t.Errorf("without a signature: %d", w.Code)
	}
	// An empty list would make a suspended peer drop its follows.
	n.update("labo.test", func(tx *storage.Tx) error {
		return tx.SavePeer(context.Background(), &storage.Peer{Host: "siege.test", Tier: storage.Sibling, State: storage.PeerBlocked})
	})
	for _, list := range []string{part, part + "?page=true", luc.me.FollowersURI} {
		if got := n.asks("siege.test", list); !strings.HasPrefix(got, "403 ") {
			t.Errorf("a suspended peer reads %s as %s", list, got)
		}
	}
}

func TestAPeerLearnsHowManyFollowWhoKeepsThemToThemselves(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test", "labo.test")
	luc, ana := n.person("luc@labo.test"), n.person("ana@siege.test")
	ana.follows("luc@labo.test")
	n.settle()
	list := luc.me.FollowersURI
	if got := n.asks("siege.test", list+"?page=true"); !strings.Contains(got, ana.me.URI) {
		t.Fatalf("before: %s", got)
	}
	hidden := true
	if _, err := luc.c.outbox.UpdateProfile(context.Background(), luc.me, outbox.Profile{HideCollections: &hidden}); err != nil {
		t.Fatal(err)
	}
	n.settle()
	if got := n.asks("siege.test", list+"?page=true"); !strings.HasPrefix(got, "200 ") || strings.Contains(got, ana.me.URI) {
		t.Errorf("siege reads %s", got)
	}
	if got := n.asks("siege.test", list); !strings.Contains(got, `"totalItems":1`) {
		t.Errorf("siege reads %s", got)
	}
	// Its own part keeps both nodes in step all the same.
	if got := n.asks("siege.test", luc.me.URI+"/followers_synchronization?page=true"); !strings.Contains(got, ana.me.URI) {
		t.Errorf("siege's own part is %s", got)
	}
}

func TestADigestThatLiesEndsNoFollow(t *testing.T) {
	none := strings.Repeat("0", 64)
	for name, tc := range map[string]struct {
		header  func(s *stranger) string
		list    string
		unsaid  bool // the header isn't covered by the signature
		asked   bool // whether the list may be read at all
		follows bool
	}{
		"a list that agrees with its digest": {func(s *stranger) string {
			return fmt.Sprintf(`collectionId="%s/followers", url="https://peer.test/part", digest="%s"`, s.id("bob"), none)
		}, `[]`, false, true, false},
		"a list that doesn't": {func(s *stranger) string {
			return fmt.Sprintf(`collectionId="%s/followers", url="https://peer.test/part", digest="%s"`, s.id("bob"), strings.Repeat("1", 64))
		}, `[]`, false, true, true},
		"an unreadable list": {func(s *stranger) string {
			return fmt.Sprintf(`collectionId="%s/followers", url="https://peer.test/part", digest="%s"`, s.id("bob"), none)
		}, `[{"id":7}]`, false, true, true},
		"a list that goes on elsewhere": {func(s *stranger) string {
			return fmt.Sprintf(`collectionId="%s/followers", url="https://peer.test/part", digest="%s"`, s.id("bob"), none)
		}, `[],"next":"https://other.test/part"`, false, true, true},
		"a list without end": {func(s *stranger) string {
			return fmt.Sprintf(`collectionId="%s/followers", url="https://peer.test/part", digest="%s"`, s.id("bob"), none)
		}, `[],"next":"https://peer.test/part/MORE"`, false, true, true},
		"another account's list": {func(s *stranger) string {
			return fmt.Sprintf(`collectionId="%s/followers", url="https://peer.test/part", digest="%s"`, s.id("eve"), none)
		}, `[]`, false, false, true},
		"a list on another host": {func(s *stranger) string {
			return fmt.Sprintf(`collectionId="%s/followers", url="https://other.test/part", digest="%s"`, s.id("bob"), none)
		}, `[]`, false, false, true},
		"a header that wasn't signed": {func(s *stranger) string {
			return fmt.Sprintf(`collectionId="%s/followers", url="https://peer.test/part", digest="%s"`, s.id("bob"), none)
		}, `[]`, true, false, true},
		"no header": {func(s *stranger) string { return `digest=""` }, `[]`, false, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
			ana := n.person("ana@siege.test")
			bob, other := n.stranger("peer.test", "bob", "eve"), n.stranger("other.test")
			n.allow("siege.test", "peer.test")
			n.allow("siege.test", "other.test")
			bob.accepts(ana, "bob")
			pages := 0
			bob.made = func(path string) string {
				if !strings.HasPrefix(path, "/part") {
					return ""
				}
				pages++
				return fmt.Sprintf(`{"id":"https://peer.test%s","type":"OrderedCollection","orderedItems":%s}`, path, strings.ReplaceAll(tc.list, "MORE", fmt.Sprint(pages)))
			}
			bob.header = http.Header{federation.SyncHeader: {tc.header(bob)}}
			bob.unsigned = tc.unsaid
			if got := bob.deliver("siege.test", "/inbox", "bob", bob.create("bob", "1", "hello", "")); got != http.StatusAccepted {
				t.Fatalf("answered %d", got)
			}
			n.settle()
			if (pages > 0) != tc.asked || pages > 10 || other.fetched > 0 {
				t.Errorf("%d pages were read, and %d elsewhere", pages, other.fetched)
			}
			if got := n.following("siege.test", ana.me.URI, bob.id("bob")); got != tc.follows {
				t.Errorf("ana follows bob: %v, want %v", got, tc.follows)
			}
		})
	}
}

func TestADigestIsActedOnOnceInAWhile(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ana := n.person("ana@siege.test")
	bob := n.stranger("peer.test", "bob")
	n.allow("siege.test", "peer.test")
	bob.accepts(ana, "bob")
	pages := 0
	bob.made = func(path string) string {
		if path != "/part" {
			return ""
		}
		pages++
		return fmt.Sprintf(`{"id":"https://peer.test%s","type":"OrderedCollection","orderedItems":[]}`, path)
	}
	bob.header = http.Header{federation.SyncHeader: {fmt.Sprintf(`collectionId="%s/followers", url="https://peer.test/part", digest="%s"`, bob.id("bob"), strings.Repeat("2", 64))}}
	for i := range 20 {
		bob.deliver("siege.test", "/inbox", "bob", bob.create("bob", fmt.Sprint(i), "hello", ""))
		n.settle()
	}
	if pages != 1 {
		t.Errorf("%d lists were read for twenty deliveries", pages)
	}
	n.advance(time.Hour)
	bob.deliver("siege.test", "/inbox", "bob", bob.create("bob", "99", "hello", ""))
	n.settle()
	if pages != 2 {
		t.Errorf("%d lists were read an hour later", pages)
	}
}
