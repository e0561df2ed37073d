package node

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"ruche/federation"
	"ruche/outbox"
	"ruche/storage"
	"ruche/storage/storagetest"
)

// openStreams is how many apps listen at once.
const openStreams = 2000

// BenchmarkStreams opens 2,000 websockets of as many people on one node, over TCP, and posts: for one of them, who follows the
// author, and for all of them. What counts is how long after the author began each of those concerned holds the event, and what an
// open stream costs in memory. The readers are bare connections, so that what they take of the same process is hardly anything.
func BenchmarkStreams(b *testing.B) {
	for _, concerned := range []int{1, openStreams} {
		b.Run(fmt.Sprintf("concerned=%d", concerned), func(b *testing.B) {
			ctx := context.Background()
			cfg := Config{Domain: "siege.localhost", PublicURL: "http://siege.localhost", Name: "siege", Locale: "en", Listen: "127.0.0.1:0", DataDir: b.TempDir(), DatabaseURL: storagetest.SQLite(b)}
			n, err := New(ctx, cfg, Options{Version: "bench", Log: slog.New(slog.DiscardHandler), Clock: time.Now})
			ok(b, err)
			ok(b, n.Start())
			defer func() { ok(b, n.Stop(ctx)) }()
			author, tokens := listeners(b, n.db, concerned)

			before := memory()
			sockets := make([]net.Conn, openStreams)
			for i, token := range tokens {
				sockets[i] = listen(b, n.Addr(), token)
				defer sockets[i].Close()
			}
			each := float64(memory()-before) / openStreams

			arrived := make(chan time.Time, openStreams)
			for _, socket := range sockets {
				go hear(socket, "update", arrived)
			}
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				if _, err := n.outbox.Post(ctx, author, outbox.Draft{Text: "hello to who listens", Visibility: storage.Public}); err != nil {
					b.Fatal(err)
				}
				for range concerned {
					took = append(took, (<-arrived).Sub(began))
				}
			}
			b.StopTimer()
			report(b, "event", took)
			b.ReportMetric(each, "B/stream")
			if open := n.stream.Open(); open != openStreams {
				b.Errorf("%d streams are open in the end", open)
			}
		})
	}
}

// listeners makes an author and openStreams people with an app's token each, the first of whom follow the author.
func listeners(b *testing.B, db *storage.DB, following int) (author *storage.Account, tokens []string) {
	b.Helper()
	ctx := context.Background()
	private, public, err := federation.GenerateKey()
	ok(b, err)
	ok(b, db.Update(ctx, func(tx *storage.Tx) error {
		join := func(name string) (*storage.Account, error) {
			a := &storage.Account{Username: name, Kind: storage.Person, PublicKey: public, PrivateKey: private}
			if err := tx.AddAccount(ctx, a); err != nil {
				return nil, err
			}
			return a, tx.AddUser(ctx, &storage.User{AccountID: a.ID, Email: name + "@example.org", Role: storage.RoleMember})
		}
		if author, err = join("ana"); err != nil {
			return err
		}
		app := &storage.App{ClientID: storage.NewSecret(), Name: "Tusk", RedirectURIs: []string{"https://app.test/"}, Scopes: "read"}
		if err := tx.AddApp(ctx, app); err != nil {
			return err
		}
		for i := range openStreams {
			a, err := join(fmt.Sprint("luc", i))
			if err != nil {
				return err
			}
			tokens = append(tokens, storage.NewSecret())
			if err := tx.AddToken(ctx, &storage.Token{Hash: storage.HashSecret(tokens[i]), AppID: app.ID, AccountID: a.ID, Scopes: "read"}); err != nil {
				return err
			}
			if i >= following {
				continue
			}
			if _, _, err := tx.AddFollow(ctx, &storage.Follow{FollowerID: a.ID, FolloweeID: author.ID, FollowerLocal: true, State: storage.Accepted, ShowShares: true}); err != nil {
				return err
			}
		}
		return nil
	}))
	return author, tokens
}

// memory is what the process has in use.
func memory() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// listen opens a websocket and keeps nothing of it but the connection.
func listen(b *testing.B, address, token string) net.Conn {
	b.Helper()
	socket, err := net.Dial("tcp", address)
	ok(b, err)
	_, err = fmt.Fprintf(socket, "GET /api/v1/streaming?stream=user HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nAuthorization: Bearer %s\r\n\r\n", token)
	ok(b, err)
	res, err := http.ReadResponse(bufio.NewReader(socket), nil) // nothing is sent after it before there is news
	ok(b, err)
	if res.StatusCode != http.StatusSwitchingProtocols {
		b.Fatalf("a stream is answered %s", res.Status)
	}
	return socket
}

// hear reads frames (RFC 6455 §5.2), answers pings, and tells when each event of a kind came.
func hear(socket net.Conn, kind string, arrived chan<- time.Time) {
	r := bufio.NewReader(socket)
	for {
		var head [2]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return
		}
		length := int64(head[1] & 0x7f)
		if length == 126 {
			var long [2]byte
			if _, err := io.ReadFull(r, long[:]); err != nil {
				return
			}
			length = int64(binary.BigEndian.Uint16(long[:]))
		}
		body := make([]byte, length)
		if _, err := io.ReadFull(r, body); err != nil {
			return
		}
		switch head[0] & 0x0f {
		case 1:
			if strings.Contains(string(body), `"event":"`+kind+`"`) {
				arrived <- time.Now()
			}
		case 9: // masked with zeros
			if _, err := socket.Write(append([]byte{0x8a, 0x80 | byte(length), 0, 0, 0, 0}, body...)); err != nil {
				return
			}
		}
	}
}
