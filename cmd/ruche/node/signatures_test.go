package node

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"ruche/federation"
	"ruche/federation/vocab"
	"ruche/storage"
	"ruche/storage/storagetest"
)

// change rewrites the document of one of the stranger's actors.
func (s *stranger) change(name string, edit func(doc map[string]any)) {
	s.n.t.Helper()
	var doc map[string]any
	if err := json.Unmarshal([]byte(s.docs["/u/"+name]), &doc); err != nil {
		s.n.t.Fatal(err)
	}
	edit(doc)
	text, err := json.Marshal(doc)
	if err != nil {
		s.n.t.Fatal(err)
	}
	s.docs["/u/"+name] = string(text)
}

// rotate gives an actor another RSA key, under the same id.
func (s *stranger) rotate(name string) {
	s.n.t.Helper()
	private, public, err := federation.GenerateKey()
	if err != nil {
		s.n.t.Fatal(err)
	}
	if s.keys[name], err = federation.ParsePrivateKey(private); err != nil {
		s.n.t.Fatal(err)
	}
	s.change(name, func(doc map[string]any) { doc["publicKey"].(map[string]any)["publicKeyPem"] = public })
}

// proves gives an actor a key for proofs, and the function that proves an activity by it.
func (s *stranger) proves(name string) func(activity string) string {
	s.n.t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		s.n.t.Fatal(err)
	}
	id := s.id(name)
	s.change(name, func(doc map[string]any) {
		doc["assertionMethod"] = []any{map[string]any{"id": id + "#ed25519-key", "type": "Multikey", "controller": id, "publicKeyMultibase": vocab.Multibase(public)}}
	})
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		s.n.t.Fatal(err)
	}
	key := &storage.Key{ID: id + "#ed25519-key", Private: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))}
	return func(activity string) string {
		var compact bytes.Buffer
		if err := json.Compact(&compact, []byte(activity)); err != nil {
			s.n.t.Fatal(err)
		}
		body, err := federation.Prove(compact.Bytes(), key, s.n.clock())
		if err != nil {
			s.n.t.Fatal(err)
		}
		return string(body)
	}
}

// taking makes the stranger answer 401 to every signature but those of one scheme; it gives the schemes that it saw.
func (s *stranger) taking(scheme federation.Scheme) func() string {
	var seen []string
	var mu sync.Mutex
	s.hook = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Signature") == "" {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		came := federation.Cavage
		if r.Header.Get("Signature-Input") != "" {
			came = federation.RFC9421
		}
		seen = append(seen, string(came))
		if came == scheme {
			return false
		}
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		out := strings.Join(seen, " ")
		seen = nil
		return out
	}
}

func TestEachPeerIsWrittenToByTheSchemeThatItTakes(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		databases := []string{url}
		n := startCores(t, nextDatabase(t, &databases), "siege.test")
		ana := n.person("ana@siege.test")
		bob := n.stranger("peer.test", "bob")
		n.allow("siege.test", "peer.test")
		seen := bob.taking(federation.RFC9421)
		ana.follows("bob@peer.test")
		n.settle()
		if got := seen(); got != "cavage rfc9421 rfc9421" {
			t.Errorf("its document was asked for and it was followed with signatures by %s", got)
		}
		if len(bob.posted) != 1 {
			t.Fatalf("%d activities arrived", len(bob.posted))
		}
		// It is known after a restart, and forgotten when it no longer holds.
		n.restart("siege.test")
		if _, err := n.cores["siege.test"].federation.RefreshActor(t.Context(), bob.id("bob")); err != nil {
			t.Fatal(err)
		}
		if got := seen(); got != "rfc9421" {
			t.Errorf("known, it is asked by %s", got)
		}
		seen = bob.taking(federation.Cavage)
		for range 2 {
			if _, err := n.cores["siege.test"].federation.RefreshActor(t.Context(), bob.id("bob")); err != nil {
				t.Fatal(err)
			}
		}
		if got := seen(); got != "rfc9421 cavage cavage" {
			t.Errorf("having changed, it is asked by %s", got)
		}
	})
}

func TestAPeerThatTakesNoSignatureIsKnockedAtTwice(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	bob := n.stranger("peer.test", "bob")
	n.allow("siege.test", "peer.test")
	seen := bob.taking("")
	_, err := n.cores["siege.test"].federation.RefreshActor(t.Context(), bob.id("bob"))
	if err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("got %v", err)
	}
	if got := seen(); got != "cavage rfc9421" {
		t.Errorf("it was asked by %s", got)
	}
	if scheme, err := n.cores["siege.test"].db.SchemeOf(t.Context(), "peer.test"); err != nil || scheme != "" {
		t.Errorf("remembered as taking %q (%v)", scheme, err)
	}
}

func TestAPeerThatAsksForRFC9421IsAskedThatWay(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	bob := n.stranger("peer.test", "bob")
	n.allow("siege.test", "peer.test")
	for said, want := range map[string]string{
		`sig1=("@method" "@target-uri" "content-digest");created;keyid`: "rfc9421",
		`sig1=("@method" "x-token");created`:                            "",
		`sig1=("@method" "@target-uri");nonce="1"`:                      "",
		`sig1="`: "",
	} {
		n.update("siege.test", func(tx *storage.Tx) error { return tx.LearnScheme(t.Context(), "peer.test", "") })
		bob.hook = func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Accept-Signature", said)
			return false
		}
		if _, err := n.cores["siege.test"].federation.RefreshActor(t.Context(), bob.id("bob")); err != nil {
			t.Fatal(err)
		}
		if scheme, err := n.cores["siege.test"].db.SchemeOf(t.Context(), "peer.test"); err != nil || scheme != want {
			t.Errorf("after %s: %q, want %q (%v)", said, scheme, want, err)
		}
	}
}

func TestNodesThatSpeakOnlyRFC9421UnderstandEachOther(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test", "labo.test")
	for at, of := range map[string]string{"siege.test": "labo.test", "labo.test": "siege.test"} {
		n.update(at, func(tx *storage.Tx) error {
			return tx.LearnScheme(t.Context(), of, string(federation.RFC9421))
		})
	}
	ana, luc := n.person("ana@siege.test"), n.person("luc@labo.test")
	ana.follows("luc@labo.test")
	n.settle()
	luc.posts("signed anew", storage.Public)
	n.settle()
	ana.sees("signed anew", 1)
	for at, of := range map[string]string{"siege.test": "labo.test", "labo.test": "siege.test"} {
		if scheme, err := n.cores[at].db.SchemeOf(t.Context(), of); err != nil || scheme != "rfc9421" {
			t.Errorf("%s now writes to %s by %q (%v)", at, of, scheme, err)
		}
	}
}

func TestEveryAccountHasAKeyForProofsAndShowsIt(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	ana := n.person("ana@siege.test")
	service, err := ana.c.db.ServiceActor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []*storage.Account{ana.me, service} {
		w := httptest.NewRecorder()
		n.net.nodes["siege.test"].ServeHTTP(w, httptest.NewRequest("GET", a.URI, nil))
		var doc struct {
			Public  map[string]string   `json:"publicKey"`
			Asserts []map[string]string `json:"assertionMethod"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
			t.Fatal(err, w.Body)
		}
		if doc.Public["id"] != a.URI+"#main-key" || !strings.Contains(doc.Public["publicKeyPem"], "PUBLIC KEY") {
			t.Errorf("publicKey is %v", doc.Public)
		}
		if len(doc.Asserts) != 1 || doc.Asserts[0]["id"] != a.URI+"#ed25519-key" || doc.Asserts[0]["controller"] != a.URI || !strings.HasPrefix(doc.Asserts[0]["publicKeyMultibase"], "z6Mk") {
			t.Errorf("assertionMethod is %v", doc.Asserts)
		}
	}
}

func TestAChangedKeyIsReadOnceAndThenKnown(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	bob := n.stranger("peer.test", "bob")
	n.allow("siege.test", "peer.test")
	deliver := func(number string) int {
		return bob.deliver("siege.test", "/inbox", "bob", bob.create("bob", number, "hello", ""))
	}
	if got := deliver("1"); got != 202 {
		t.Fatal(got)
	}
	bob.rotate("bob")
	bob.fetched = 0
	n.advance(6 * time.Minute)
	// Many at once: one of them reads the new key, and none is refused for it.
	var wg sync.WaitGroup
	codes := make([]int, 8)
	for i := range codes {
		wg.Go(func() { codes[i] = deliver(fmt.Sprint("many", i)) })
	}
	wg.Wait()
	for i, code := range codes {
		if code != 202 {
			t.Errorf("delivery %d with the new key is answered %d", i, code)
		}
	}
	if bob.fetched != 1 {
		t.Errorf("the key was read %d times", bob.fetched)
	}
	// Junk in bob's name makes us ask no more often than every five minutes.
	bob.fetched = 0
	good := bob.keys["bob"]
	bob.keys["bob"] = n.stranger("other.test", "eve").keys["eve"]
	for range 20 {
		if got := deliver("junk"); got != 401 {
			t.Errorf("junk is answered %d", got)
		}
	}
	n.advance(6 * time.Minute)
	for range 20 {
		deliver("junk")
	}
	if bob.fetched != 1 {
		t.Errorf("for junk the key was read %d times", bob.fetched)
	}
	bob.keys["bob"] = good
	if got := deliver("after"); got != 202 {
		t.Errorf("after the junk bob is answered %d", got)
	}
}

func TestAnUnknownKeyIsAskedForOnceHoweverManyWantIt(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	bob := n.stranger("peer.test", "bob")
	n.allow("siege.test", "peer.test")
	var wg sync.WaitGroup
	codes := make([]int, 8)
	for i := range codes {
		wg.Go(func() {
			codes[i] = bob.deliver("siege.test", "/inbox", "bob", bob.create("bob", fmt.Sprint(i), "hello", ""))
		})
	}
	wg.Wait()
	for i, code := range codes {
		if code != 202 {
			t.Errorf("delivery %d of somebody new is answered %d", i, code)
		}
	}
	if bob.fetched != 1 {
		t.Errorf("the key was asked for %d times", bob.fetched)
	}
}

func TestOnePeersUnknownKeysDontShutOutAnother(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	eve, bob := n.stranger("flood.test", "eve"), n.stranger("peer.test", "bob")
	n.allow("siege.test", "flood.test")
	n.allow("siege.test", "peer.test")
	eve.hook = func(w http.ResponseWriter, r *http.Request) bool {
		eve.fetched++
		http.NotFound(w, r)
		return true
	}
	keys := n.cores["siege.test"].federation.Gate.Key
	for i := range 1100 {
		if _, err := keys(t.Context(), fmt.Sprintf("https://flood.test/u/%d#main-key", i), false); err == nil {
			t.Fatal("a key was found")
		}
	}
	if eve.fetched != 1000 {
		t.Errorf("the flooding peer was asked %d times", eve.fetched)
	}
	if got := bob.deliver("siege.test", "/inbox", "bob", bob.create("bob", "1", "hello", "")); got != 202 {
		t.Errorf("the other peer is answered %d", got)
	}
}

func TestKeyIDsAreOneActorsOnly(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	bob := n.stranger("peer.test", "bob", "eve")
	n.allow("siege.test", "peer.test")
	if got := bob.deliver("siege.test", "/inbox", "bob", bob.create("bob", "1", "hello", "")); got != 202 {
		t.Fatal(got)
	}
	key := func(name string) map[string]any {
		var doc map[string]any
		if err := json.Unmarshal([]byte(bob.docs["/u/"+name]), &doc); err != nil {
			t.Fatal(err)
		}
		return doc["publicKey"].(map[string]any)
	}
	eves := key("eve")
	for name, list := range map[string]any{
		"R25 bob's key id with eve's key":     []any{eves, map[string]any{"id": bob.id("bob") + "#main-key", "owner": bob.id("eve"), "publicKeyPem": eves["publicKeyPem"]}},
		"R21 a key that bob is said to own":   []any{eves, map[string]any{"id": bob.id("eve") + "#2", "owner": bob.id("bob"), "publicKeyPem": eves["publicKeyPem"]}},
		"R25 one id and two keys":             []any{eves, map[string]any{"id": bob.id("eve") + "#main-key", "owner": bob.id("eve"), "publicKeyPem": key("bob")["publicKeyPem"]}},
		"a key on another host":               []any{eves, map[string]any{"id": "https://else.test/u/eve#main-key", "owner": bob.id("eve"), "publicKeyPem": eves["publicKeyPem"]}},
		"R21 only somebody else's key at all": []any{key("bob")},
	} {
		n.advance(6 * time.Minute)
		bob.change("eve", func(doc map[string]any) { doc["publicKey"] = list })
		if got := bob.deliver("siege.test", "/inbox", "eve", bob.create("eve", "2", "hello", "")); got != 401 {
			t.Errorf("%s: eve is answered %d", name, got)
		}
	}
	if got := bob.deliver("siege.test", "/inbox", "bob", bob.create("bob", "3", "hello", "")); got != 202 {
		t.Errorf("bob is answered %d", got)
	}
}

func TestAKeyDocumentCountsWhenItsOwnerPointsBack(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	bob := n.stranger("peer.test", "bob")
	n.allow("siege.test", "peer.test")
	id := "https://peer.test/u/bob/main-key"
	var public any
	bob.change("bob", func(doc map[string]any) {
		doc["publicKey"].(map[string]any)["id"] = id
		public = doc["publicKey"]
	})
	first, err := json.Marshal(map[string]any{"id": "https://peer.test/u/bob", "type": "Person", "publicKey": []any{
		map[string]any{"id": "https://peer.test/u/eve#main-key", "owner": "https://peer.test/u/eve", "publicKeyPem": "x"}, public}})
	if err != nil {
		t.Fatal(err)
	}
	bob.docs["/u/bob/main-key"] = string(first)
	key, err := n.cores["siege.test"].federation.Gate.Key(t.Context(), id, false)
	if err != nil || key.Owner != bob.id("bob") {
		t.Errorf("got %+v, %v", key, err)
	}
	// A document at another address names a key that its owner doesn't list.
	n.advance(6 * time.Minute)
	bob.docs["/k"] = fmt.Sprintf(`{"id":"https://peer.test/k","owner":%q,"publicKeyPem":%q}`, bob.id("bob"), "x")
	if key, err := n.cores["siege.test"].federation.Gate.Key(t.Context(), "https://peer.test/k", false); !errors.Is(err, federation.ErrUntrusted) {
		t.Errorf("a key that nobody points back to: %+v, %v", key, err)
	}
}

func TestAKeyThatIsOverIsRefused(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	bob := n.stranger("peer.test", "bob")
	n.allow("siege.test", "peer.test")
	deliver := func(number string) int {
		return bob.deliver("siege.test", "/inbox", "bob", bob.create("bob", number, "hello", ""))
	}
	bob.change("bob", func(doc map[string]any) {
		doc["publicKey"].(map[string]any)["expires"] = n.clock().Add(time.Hour).Format(time.RFC3339)
	})
	if got := deliver("1"); got != 202 {
		t.Errorf("before it expires bob is answered %d", got)
	}
	n.advance(2 * time.Hour)
	if got := deliver("2"); got != 401 {
		t.Errorf("R19: with a key that expired bob is answered %d", got)
	}
	bob.change("bob", func(doc map[string]any) {
		key := doc["publicKey"].(map[string]any)
		delete(key, "expires")
		key["revoked"] = n.clock().Add(-time.Hour).Format(time.RFC3339)
	})
	n.advance(49 * time.Hour)
	if got := deliver("3"); got != 401 {
		t.Errorf("R19: with a key that was revoked bob is answered %d", got)
	}
}

func TestAnOldKeyIsReadAgainAtItsNextUse(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	bob := n.stranger("peer.test", "bob")
	n.allow("siege.test", "peer.test")
	deliver := func(number string) int {
		return bob.deliver("siege.test", "/inbox", "bob", bob.create("bob", number, "hello", ""))
	}
	deliver("1")
	bob.fetched = 0
	n.advance(47 * time.Hour)
	if got := deliver("2"); got != 202 || bob.fetched != 0 {
		t.Errorf("after 47 hours: %d, %d documents read", got, bob.fetched)
	}
	n.advance(2 * time.Hour)
	n.cut("peer.test", true)
	if got := deliver("3"); got != 202 {
		t.Errorf("while its host is away an old key is answered %d", got)
	}
	n.cut("peer.test", false)
	n.advance(6 * time.Minute)
	if got := deliver("4"); got != 202 || bob.fetched != 1 {
		t.Errorf("after 49 hours: %d, %d documents read", got, bob.fetched)
	}
	// What is gone by then is refused, and not for the first request only.
	n.advance(49 * time.Hour)
	delete(bob.docs, "/u/bob")
	for i := range 2 {
		if got := deliver("5"); got != 401 {
			t.Errorf("request %d with a key that is gone is answered %d", i, got)
		}
	}
}

func TestADeletedActorIsBelievedByItsHostOnly(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	bob := n.stranger("peer.test", "bob", "eve", "carl", "nobody")
	n.allow("siege.test", "peer.test")
	deleted := func(name string) string {
		return fmt.Sprintf(`{"id":"%[1]s#delete","type":"Delete","actor":%[1]q,"object":%[1]q}`, bob.id(name))
	}
	ended := func(name string) bool {
		a, err := n.cores["siege.test"].db.AccountByURI(context.Background(), bob.id(name))
		if err != nil {
			t.Fatal(err)
		}
		return !a.DeletedAt.IsZero()
	}
	for _, name := range []string{"bob", "eve", "carl"} {
		if got := bob.deliver("siege.test", "/inbox", name, bob.create(name, name, "hello", "")); got != 202 {
			t.Fatal(name, got)
		}
	}
	n.settle()
	n.advance(6 * time.Minute)
	status := map[string]int{"/u/bob": 410, "/u/nobody": 410, "/u/carl": 404}
	bob.hook = func(w http.ResponseWriter, r *http.Request) bool {
		if code := status[r.URL.Path]; code != 0 && r.Method == "GET" {
			w.WriteHeader(code)
			return true
		}
		return false
	}
	wrong := bob.keys["eve"]
	bob.keys["bob"], bob.keys["carl"] = wrong, wrong // nothing that anybody could verify
	if got := bob.deliver("siege.test", "/inbox", "nobody", deleted("nobody")); got != 202 {
		t.Errorf("somebody unknown who is gone is answered %d", got)
	}
	for range 3 {
		for _, name := range []string{"bob", "carl"} {
			if got := bob.deliver("siege.test", "/inbox", name, deleted(name)); got != 202 {
				t.Errorf("%s, who is gone, is answered %d", name, got)
			}
		}
	}
	bob.keys["eve"] = n.stranger("other.test", "x").keys["x"]
	if got := bob.deliver("siege.test", "/inbox", "eve", deleted("eve")); got != 401 {
		t.Errorf("a forged Delete of eve, who is there, is answered %d", got)
	}
	n.settle()
	if !ended("bob") || ended("carl") || ended("eve") {
		t.Errorf("ended: bob %v, carl %v (not found once), eve %v", ended("bob"), ended("carl"), ended("eve"))
	}
	n.advance(25 * time.Hour)
	n.settle()
	if !ended("carl") || ended("eve") {
		t.Errorf("ended a day later: carl %v, eve %v", ended("carl"), ended("eve"))
	}
}

func TestAChangedKeyThatCantBeReadNowIsWaitedFor(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	bob := n.stranger("peer.test", "bob")
	n.allow("siege.test", "peer.test")
	deliver := func(number string) int {
		return bob.deliver("siege.test", "/inbox", "bob", bob.create("bob", number, "hello", ""))
	}
	deliver("1")
	n.advance(6 * time.Minute)
	bob.rotate("bob")
	n.cut("peer.test", true)
	for i := range 2 {
		if got := deliver("2"); got != 503 {
			t.Errorf("request %d while its new key can't be read is answered %d", i, got)
		}
	}
	n.cut("peer.test", false)
	n.advance(6 * time.Minute)
	if got := deliver("2"); got != 202 {
		t.Errorf("then it is answered %d", got)
	}
}

func TestJunkInTheNameOfALinkedPeerAsksItsNodeOnce(t *testing.T) {
	n := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test")
	bob := n.stranger("peer.test", "bob", "service")
	n.cores["siege.test"].federation.Prove = nil // it serves documents and nothing else
	bob.change("service", func(doc map[string]any) { doc["type"] = "Application" })
	var doc struct {
		Key struct {
			PEM string `json:"publicKeyPem"`
		} `json:"publicKey"`
	}
	if err := json.Unmarshal([]byte(bob.docs["/u/service"]), &doc); err != nil {
		t.Fatal(err)
	}
	print, err := federation.Fingerprint(doc.Key.PEM)
	if err != nil {
		t.Fatal(err)
	}
	n.update("siege.test", func(tx *storage.Tx) error {
		return tx.SavePeer(t.Context(), &storage.Peer{Host: "peer.test", Tier: storage.Partner, State: storage.PeerActive, Fingerprint: print, ServiceActor: bob.id("service")})
	})
	deliver := func() int { return bob.deliver("siege.test", "/inbox", "bob", bob.create("bob", "1", "hello", "")) }
	deliver()
	n.advance(6 * time.Minute)
	bob.fetched = 0
	good := bob.keys["bob"]
	bob.keys["bob"] = bob.keys["service"]
	for range 20 {
		if got := deliver(); got != 401 {
			t.Errorf("junk is answered %d", got)
		}
	}
	if bob.fetched != 2 {
		t.Errorf("bob and the node's own actor were read %d times in all", bob.fetched)
	}
	// That the node's own actor is gone says nothing of a person's key: the sender may try again.
	bob.keys["bob"] = good
	bob.rotate("bob")
	bob.status = map[string]int{"/u/service": 410}
	n.advance(6 * time.Minute)
	if got := deliver(); got != 503 {
		t.Errorf("a changed key at a node without an actor is answered %d", got)
	}
	bob.status = nil
	// With another key of the node itself, a changed key of one of its people counts for nothing.
	bob.rotate("bob")
	bob.rotate("service")
	n.advance(6 * time.Minute)
	if got := deliver(); got < 400 {
		t.Errorf("a changed key at a node with a changed key is answered %d", got)
	}
}
