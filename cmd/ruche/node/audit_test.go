package node

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"ruche/federation"
	"ruche/storage"
	"ruche/storage/storagetest"
)

func (n *testNodes) tell(hosts ...string) {
	n.t.Helper()
	for _, host := range hosts {
		if err := n.cores[host].heads.Tell(context.Background()); err != nil {
			n.t.Fatal(err)
		}
	}
	n.settle()
}

func (n *testNodes) head(host string) storage.AuditHead {
	n.t.Helper()
	head, err := n.cores[host].db.AuditHead(context.Background())
	if err != nil {
		n.t.Fatal(err)
	}
	return head
}

// remembers is what one node remembers of another's audit log.
func (n *testNodes) remembers(at, of string) storage.AuditHead {
	h, err := n.cores[at].db.LastAuditHead(context.Background(), of)
	if err != nil {
		return storage.AuditHead{}
	}
	return storage.AuditHead{Count: h.Count, Hash: h.Head}
}

func (n *testNodes) act(at string) {
	n.t.Helper()
	n.update(at, func(tx *storage.Tx) error {
		return tx.Audit(context.Background(), storage.AuditEntry{Action: "test.act", Subject: storage.AboutNode()})
	})
}

func TestWhereTheAuditLogStandsIsLoggedWithASignatureWhenItChanged(t *testing.T) {
	nodes := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test", "labo.test")
	var log bytes.Buffer
	core := nodes.cores["siege.test"]
	core.federation.Log = slog.New(slog.NewJSONHandler(&log, nil))
	nodes.tell("siege.test")
	nodes.tell("siege.test")
	nodes.act("siege.test")
	nodes.tell("siege.test")
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("logged:\n%s", log.String())
	}
	var line struct {
		Msg, Host, Head, At, Signature string
		Count                          int64
	}
	if err := json.Unmarshal([]byte(lines[1]), &line); err != nil {
		t.Fatal(err)
	}
	if head := nodes.head("siege.test"); line.Msg != "audit head" || line.Host != "siege.test" || line.Count != head.Count || line.Head != head.Hash {
		t.Fatalf("%+v", line)
	}
	// What docs/admin/audit.md says of the signature, without the package.
	service, err := core.db.ServiceActor(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	key, err := federation.ParsePublicKey(service.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.Parse(time.RFC3339Nano, line.At)
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, field := range []string{"ruche audit head 1", "siege.test", strconv.FormatInt(line.Count, 10), line.Head, at.Format("2006-01-02T15:04:05.000000Z")} {
		text += fmt.Sprintf("%d:%s\n", len(field), field)
	}
	signature, err := base64.StdEncoding.DecodeString(line.Signature)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(text))
	if err := rsa.VerifyPKCS1v15(key.(*rsa.PublicKey), crypto.SHA256, sum[:], signature); err != nil {
		t.Error(err)
	}
}

func TestSiblingsRememberOnceADayWhereTheAuditLogStands(t *testing.T) {
	nodes := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test", "labo.test", "part.test")
	nodes.update("siege.test", func(tx *storage.Tx) error {
		return tx.SavePeer(context.Background(), &storage.Peer{Host: "part.test", Tier: storage.Partner, State: storage.PeerActive})
	})
	nodes.tell("siege.test")
	first := nodes.head("siege.test")
	if got := nodes.remembers("labo.test", "siege.test"); got != first {
		t.Errorf("the sibling remembers %+v, want %+v", got, first)
	}
	if got := nodes.remembers("part.test", "siege.test"); got.Count != 0 {
		t.Errorf("the partner was told: %+v", got)
	}
	nodes.act("siege.test")
	nodes.tell("siege.test")
	if got := nodes.remembers("labo.test", "siege.test"); got != first {
		t.Errorf("it was told twice in a day: %+v", got)
	}
	nodes.advance(24 * time.Hour)
	nodes.tell("siege.test")
	if got := nodes.remembers("labo.test", "siege.test"); got != nodes.head("siege.test") {
		t.Errorf("the next day the sibling remembers %+v", got)
	}
}

func TestASiblingFindsOutThatAnAuditLogWasCutShort(t *testing.T) {
	ctx := context.Background()
	var urls []string
	nodes := startCores(t, func() string {
		urls = append(urls, storagetest.SQLite(t))
		return urls[len(urls)-1]
	}, "siege.test", "labo.test")
	for range 3 {
		nodes.act("siege.test")
	}
	nodes.tell("siege.test")
	told := nodes.head("siege.test")
	siege, labo := nodes.cores["siege.test"], nodes.cores["labo.test"]
	verify := func() *storage.AuditReport {
		t.Helper()
		known, err := siege.federation.RememberedHeads(ctx)
		if err != nil || len(known) != 1 || known[0].Source != "labo.test" {
			t.Fatalf("%v %v", known, err)
		}
		report, err := siege.db.VerifyAudit(ctx, known...)
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	nodes.act("siege.test")
	if r := verify(); !r.Valid() {
		t.Fatal(r.Faults)
	}
	truncateAudit(t, urls[0], told.Count-1)
	if r := verify(); r.Wrong != 1 || !strings.Contains(r.Faults[0].What, "labo.test knows a head after 4 entries, and there are 3") {
		t.Errorf("%v", r.Faults)
	}
	// And the sibling notices by itself when it is told the next time, and goes on noticing.
	for range 2 {
		nodes.advance(24 * time.Hour)
		nodes.tell("siege.test")
	}
	if got := nodes.remembers("labo.test", "siege.test"); got != told {
		t.Errorf("it remembers %+v instead of %+v", got, told)
	}
	rows, err := labo.db.AuditLog(ctx, storage.AuditFilter{Action: storage.ActionAuditConflict}, storage.Page{})
	if err != nil || len(rows) != 2 || rows[0].Subject != "peer siege.test" || rows[0].Actor != storage.ActorPeer {
		t.Errorf("the sibling's own log: %v %v", rows, err)
	}
	buried, err := siege.db.EndedJobs(ctx, "labo.test", storage.Page{})
	if err != nil || len(buried) != 2 || !strings.Contains(buried[0].Error, "remembers another audit log") {
		t.Errorf("the admin is shown %v %v", buried, err)
	}
	// The same day again isn't a second entry: the sibling's log is not to be filled by others.
	nodes.post(t, "siege.test", "labo.test", signedHead(t, siege, 2, strings.Repeat("a", 64)), http.StatusConflict)
	if rows, _ := labo.db.AuditLog(ctx, storage.AuditFilter{Action: storage.ActionAuditConflict}, storage.Page{}); len(rows) != 2 {
		t.Errorf("%d entries", len(rows))
	}
}

func TestAHeadIsTakenFromASiblingsOwnActorOnly(t *testing.T) {
	ctx := context.Background()
	nodes := startCores(t, func() string { return storagetest.SQLite(t) }, "siege.test", "labo.test", "part.test")
	nodes.update("labo.test", func(tx *storage.Tx) error {
		return tx.SavePeer(ctx, &storage.Peer{Host: "part.test", Tier: storage.Partner, State: storage.PeerActive})
	})
	siege := nodes.cores["siege.test"]
	hash := strings.Repeat("a", 64)
	good := signedHead(t, siege, 7, hash)
	change := func(from, to string) []byte {
		if !bytes.Contains(good, []byte(from)) {
			t.Fatalf("%s isn't in %s", from, good)
		}
		return bytes.Replace(good, []byte(from), []byte(to), 1)
	}
	for name, tc := range map[string]struct {
		body []byte
		want int
	}{
		"no JSON":              {[]byte("x"), 422},
		"null":                 {[]byte("null"), 422},
		"another count":        {change(`"count":7`, `"count":8`), 422},
		"no entries":           {signedHead(t, siege, 0, hash), 422},
		"another hash":         {change(hash, strings.Repeat("b", 64)), 422},
		"no hash":              {signedHead(t, siege, 7, "x"), 422},
		"a hash in capitals":   {signedHead(t, siege, 7, strings.ToUpper(hash)), 422},
		"another host's":       {change(`"siege.test"`, `"part.test"`), 422},
		"another day's":        {change(`"at":"2026`, `"at":"2025`), 422},
		"too long":             {append(good, bytes.Repeat([]byte(" "), 5000)...), 413},
		"a signature too long": {change(`"signature":"`, `"signature":"`+strings.Repeat("A", 1400)), 422},
	} {
		t.Run(name, func(t *testing.T) { nodes.post(t, "siege.test", "labo.test", tc.body, tc.want) })
	}
	nodes.post(t, "part.test", "labo.test", signedHead(t, nodes.cores["part.test"], 7, hash), http.StatusForbidden)
	if got := nodes.remembers("labo.test", "siege.test"); got.Count != 0 {
		t.Errorf("it remembers %+v", got)
	}
	nodes.post(t, "siege.test", "labo.test", good, http.StatusNoContent)
	nodes.post(t, "siege.test", "labo.test", good, http.StatusNoContent)
	later := signedHead(t, siege, 8, hash)
	nodes.post(t, "siege.test", "labo.test", later, http.StatusNoContent)
	nodes.post(t, "siege.test", "labo.test", good, http.StatusNoContent) // late, not a contradiction
	if got := nodes.remembers("labo.test", "siege.test"); got.Count != 8 {
		t.Errorf("it remembers %+v", got)
	}
	// A person of the sibling isn't the sibling.
	ana := nodes.person("ana@siege.test")
	nodes.postAs(t, ana.me, "labo.test", signedHead(t, siege, 9, hash), http.StatusForbidden)
	// Unsigned, nobody is told or believed.
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		r, err := http.NewRequest(method, "https://labo.test/audit/head", bytes.NewReader(good))
		if err != nil {
			t.Fatal(err)
		}
		res, err := nodes.net.Do(r)
		if err != nil || res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s unsigned: %v %v", method, res, err)
		}
	}
}

// truncateAudit takes entries off the end of a log, as only somebody with the file can.
func truncateAudit(t *testing.T, url string, keep int64) {
	t.Helper()
	file, err := sql.Open("sqlite", strings.TrimPrefix(url, "sqlite:")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, statement := range []string{"DELETE FROM audit_entries WHERE id > ?", "DELETE FROM audit_parts WHERE entry_id > ?"} {
		if _, err := file.Exec(statement, keep); err != nil {
			t.Fatal(err)
		}
	}
}

// signedHead is a head with a signature that fits, whatever the log holds.
func signedHead(t *testing.T, c *core, count int64, hash string) []byte {
	t.Helper()
	service, err := c.db.ServiceActor(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	key, err := federation.ParsePrivateKey(service.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	h := &storage.SignedHead{Host: c.federation.Host, Count: count, Head: hash, At: c.db.Now()}
	sum := sha256.Sum256([]byte(h.Statement()))
	raw, err := rsa.SignPKCS1v15(nil, key.(*rsa.PrivateKey), crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	h.Signature = base64.StdEncoding.EncodeToString(raw)
	body, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func (n *testNodes) post(t *testing.T, from, to string, body []byte, want int) {
	t.Helper()
	service, err := n.cores[from].db.ServiceActor(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	n.postAs(t, service, to, body, want)
}

func (n *testNodes) postAs(t *testing.T, actor *storage.Account, to string, body []byte, want int) {
	t.Helper()
	key, err := federation.ParsePrivateKey(actor.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, "https://"+to+"/audit/head", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if err := federation.Sign(r, body, actor.KeyID, key, n.clock()); err != nil {
		t.Fatal(err)
	}
	res, err := n.net.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != want {
		t.Errorf("answered %d, want %d", res.StatusCode, want)
	}
}

func TestTheConfigurationIsWrittenDownAtAStartWhenItChanged(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		cfg := Config{Domain: "siege.test", Name: "Siège", SMTPURL: "smtp://mail:geheim@mail.test", DatabaseURL: "postgres://h/db?user=u&password=geheim", MailFrom: "no-reply@siege.test"}
		start := func(version string) []*storage.AuditRecord {
			t.Helper()
			if err := auditConfig(ctx, db, cfg, version); err != nil {
				t.Fatal(err)
			}
			rows, err := db.AuditLog(ctx, storage.AuditFilter{Action: storage.ActionConfig}, storage.Page{})
			if err != nil {
				t.Fatal(err)
			}
			return rows
		}
		first := start("1.0")
		if again := start("1.0"); len(first) != 1 || len(again) != 1 {
			t.Fatalf("%d and %d entries", len(first), len(again))
		}
		if r := first[0]; r.Actor != storage.ActorNode || r.Subject != "node" || !strings.HasPrefix(r.Facts, "sha256=") || !strings.Contains(string(r.About.After), `"name":"Siège"`) {
			t.Errorf("%+v", r)
		}
		if strings.Contains(first[0].AboutPart.Body, "geheim") {
			t.Errorf("a password is in the log: %s", first[0].AboutPart.Body)
		}
		cfg.Name, cfg.SMTPURL = "Labo", "smtp://mail:anders@mail.test"
		rows := start("1.1")
		if len(rows) != 2 || string(rows[0].About.Before) != `{"name":"Siège","version":"1.0"}` || string(rows[0].About.After) != `{"name":"Labo","version":"1.1"}` || rows[0].Facts == rows[1].Facts {
			t.Errorf("%s → %s", rows[0].About.Before, rows[0].About.After)
		}
	})
}
