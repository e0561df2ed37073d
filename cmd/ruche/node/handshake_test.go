package node

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ruche/federation/peering"
	"ruche/storage"
	"ruche/storage/storagetest"
)

// These tests link real nodes over HTTPS, each with its listeners, its queue and a certificate of
// one authority that all trust.

type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
	// ahead is how far the clock of all nodes is before the real one.
	ahead atomic.Int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	var err error
	a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	ok(t, err)
	a.cert, err = x509.ParseCertificate(der)
	ok(t, err)
	a.file = a.write("ca.pem", "CERTIFICATE", der)
	return a
}

func (a *authority) write(name, kind string, der []byte) string {
	path := filepath.Join(a.dir, name)
	ok(a.t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	return path
}

// node starts a node on a port of its own; its host is the address.
func (a *authority) node() (*Node, string) {
	t := a.t
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	host := l.Addr().String()
	ok(t, l.Close())
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: host}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	ok(t, err)
	keyDER, err := x509.MarshalECPrivateKey(key)
	ok(t, err)
	name := strings.ReplaceAll(host, ":", "-")
	cfg := Config{Domain: host, PublicURL: "https://" + host, Name: "node " + host, Locale: "en", Listen: host, DataDir: t.TempDir(), DatabaseURL: storagetest.SQLite(t),
		TLSCert: a.write(name+".pem", "CERTIFICATE", der), TLSKey: a.write(name+".key", "EC PRIVATE KEY", keyDER), FederationCAFile: a.file,
		FederationPrivateNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, RateLimits: true}
	n, err := New(context.Background(), cfg, Options{Version: "test", Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Clock: func() time.Time { return time.Now().Add(time.Duration(a.ahead.Load())) }})
	ok(t, err)
	ok(t, n.Start())
	t.Cleanup(func() { ok(t, n.Stop(context.Background())) })
	return n, host
}

// becomes waits until a node says of a host what is wanted.
func (a *authority) becomes(n *Node, host, want string) {
	a.t.Helper()
	news := make(chan struct{}, 1)
	end := n.DB().Subscribe(func(storage.Event) {
		select {
		case news <- struct{}{}:
		default:
		}
	})
	defer end()
	limit := time.After(20 * time.Second)
	for {
		p, err := n.DB().PeerByHost(context.Background(), host)
		state := "unknown"
		if err == nil {
			state = strings.TrimSpace(p.State + " " + p.Reason)
		}
		if state == want {
			return
		}
		select {
		case <-news:
		case <-limit:
			a.t.Fatalf("%s stays %q, want %q", host, state, want)
		}
	}
}

func (a *authority) code(n *Node, host string) string {
	a.t.Helper()
	c, err := n.Peering().Code(context.Background(), host)
	ok(a.t, err)
	return c.Comparison.Code
}

func TestTheHandshakeOverHTTPS(t *testing.T) {
	a := newAuthority(t)
	ctx := context.Background()
	terms := peering.AllTerms(storage.Partner)
	siege, siegeHost := a.node()
	labo, laboHost := a.node()

	// Expiry: of the invitation, and of the code.
	i, err := siege.Peering().Invite(ctx, terms, time.Hour)
	ok(t, err)
	a.ahead.Add(int64(time.Hour))
	_, err = labo.Peering().Accept(ctx, i.Link, terms)
	refused(t, err, "expired")
	i, err = siege.Peering().Invite(ctx, terms, time.Hour)
	ok(t, err)
	_, err = labo.Peering().Accept(ctx, i.Link, terms)
	ok(t, err)
	a.ahead.Add(int64(peering.CodeLife))
	_, err = siege.Peering().Confirm(ctx, laboHost)
	refused(t, err, "ten minutes")

	// Success.
	i, err = siege.Peering().Invite(ctx, terms, time.Hour)
	ok(t, err)
	_, err = labo.Peering().Accept(ctx, i.Link, terms)
	ok(t, err)
	if one, other := a.code(siege, laboHost), a.code(labo, siegeHost); one != other {
		t.Errorf("the screens show %q and %q", one, other)
	}
	_, err = siege.Peering().Confirm(ctx, laboHost)
	ok(t, err)
	a.becomes(siege, laboHost, "active")
	a.becomes(labo, siegeHost, "active")
	for _, try := range []struct {
		n    *Node
		host string
	}{{siege, laboHost}, {labo, siegeHost}} {
		steps, err := try.n.Peering().Test(ctx, try.host)
		ok(t, err)
		if last := steps[len(steps)-1]; last.Step != "ping" || !last.OK {
			t.Errorf("testing the link to %s: %+v", try.host, steps)
		}
	}

	// Second use.
	third, thirdHost := a.node()
	_, err = third.Peering().Accept(ctx, i.Link, terms)
	refused(t, err, "used")

	// Somebody in the middle: the codes differ, and the admin refuses.
	i, err = siege.Peering().Invite(ctx, terms, time.Hour)
	ok(t, err)
	_, err = third.Peering().Accept(ctx, i.Link, terms)
	ok(t, err)
	victim, victimHost := a.node()
	relayed, err := third.Peering().Invite(ctx, terms, time.Hour)
	ok(t, err)
	_, err = victim.Peering().Accept(ctx, relayed.Link, terms)
	ok(t, err)
	if one, other := a.code(siege, thirdHost), a.code(victim, thirdHost); one == other {
		t.Errorf("both screens show %q", one)
	}
	ok(t, siege.Peering().Refuse(ctx, thirdHost))
	a.becomes(third, siegeHost, "unknown")
	a.becomes(siege, thirdHost, "unknown")
	a.becomes(siege, victimHost, "unknown")

	// Another key: held, compared anew, confirmed.
	silently := &testNodes{t: t, cores: map[string]*core{laboHost: labo.core}}
	silently.changeKey(laboHost)
	a.ahead.Add(int64(federationKeyPause))
	_, err = labo.Peering().Test(ctx, siegeHost)
	ok(t, err)
	a.becomes(siege, laboHost, "suspended key_changed")
	if one, other := a.code(siege, laboHost), a.code(labo, siegeHost); one != other {
		t.Errorf("the screens show %q and %q", one, other)
	}
	_, err = siege.Peering().Confirm(ctx, laboHost)
	ok(t, err)
	a.becomes(siege, laboHost, "active")

	// Revocation: the other side hears of it.
	ok(t, siege.Peering().Remove(ctx, laboHost))
	a.becomes(labo, siegeHost, "suspended revoked")
}

func TestStrangersMessagesChangeNothing(t *testing.T) {
	a := newAuthority(t)
	n, host := a.node()
	before, err := n.DB().Counts(context.Background())
	ok(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}, Timeout: 10 * time.Second}
	for _, body := range []string{"", "{}", "null", "[]", `{"message":"{}","key":"","signature":""}`, strings.Repeat("[", 20000), `{"message":"` + strings.Repeat("a", 20000) + `"}`} {
		res, err := client.Post("https://"+host+"/peering/messages", "application/json", strings.NewReader(body))
		ok(t, err)
		ok(t, res.Body.Close())
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("%.40q is answered %d", body, res.StatusCode)
		}
	}
	after, err := n.DB().Counts(context.Background())
	ok(t, err)
	for table, rows := range before {
		// The node notes of itself in its settings how far it has got with its own work.
		if after[table] != rows && table != "settings" {
			t.Errorf("%s had %d rows and has %d", table, rows, after[table])
		}
	}
}
