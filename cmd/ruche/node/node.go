// Package node puts a node together: configuration, database, queue, listeners. It is the only
// package that knows all the others.
//
// New opens everything without listening, so that the command line and the demo can act beside a
// running node. Start listens and works; Stop lets what is running finish. Goroutines begin in
// Start and have ended when Stop returns.
package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"ruche/federation"
	"ruche/federation/peering"
	"ruche/outbox"
	"ruche/outbox/moderation"
	"ruche/storage"
	"ruche/web"
	"ruche/web/admin"
	"ruche/web/api"
	"ruche/web/auth"
	"ruche/web/mail"
	"ruche/web/pages"
	"ruche/web/stream"
	"ruche/web/view"
)

// Limits of a connection. A slow request costs a goroutine, never more than these times; what
// streams lifts the write limit for itself.
const (
	headerTime    = 10 * time.Second
	requestTime   = 2 * time.Minute // the largest upload on a slow line
	idleTime      = 2 * time.Minute
	maxHeader     = 64 << 10
	stopTime      = 15 * time.Second
	depthsRefresh = 5 * time.Second
)

// Node is one Ruche server.
type Node struct {
	*core
	cfg     Config
	opt     Options
	web     *web.Web
	stream  *stream.Server
	servers []*http.Server
	address string
	release func()
	stop    context.CancelFunc
	work    sync.WaitGroup
	// ended gets the error of a listener or of the queue that stopped by itself.
	ended chan error
}

// New opens a node that isn't started.
func New(ctx context.Context, cfg Config, opt Options) (*Node, error) {
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	c, err := newCore(ctx, cfg, opt)
	if err != nil {
		return nil, err
	}
	n := &Node{core: c, cfg: cfg, opt: opt, ended: make(chan error, 8)}
	if n.web, err = n.newWeb(); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return n, nil
}

func (n *Node) newWeb() (*web.Web, error) {
	views, err := view.New()
	if err != nil {
		return nil, err
	}
	cfg := n.cfg
	site := view.Site{Name: cfg.Name, Domain: cfg.Domain, Locale: cfg.Locale}
	roots, err := federation.TrustedRoots(cfg.FederationCAFile)
	if err != nil {
		return nil, err
	}
	mailer, err := mail.New(mail.Options{
		DB: n.db, Views: views, Site: site, PublicURL: cfg.PublicURL, URL: cfg.SMTPURL, From: cfg.MailFrom,
		TLS: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
	})
	if err != nil {
		return nil, err
	}
	mailer.Register(n.queue)
	server := auth.New(auth.Options{
		DB: n.db, Views: views, Site: site, Mail: mailer.Sends(), ApproveFollows: cfg.ApproveFollows,
		PublicURL: cfg.PublicURL, RateLimits: cfg.RateLimits, TrustedProxies: cfg.TrustedProxies, Log: n.opt.Log,
	})
	desk := n.Desk()
	apps := api.New(api.Options{
		DB: n.db, Outbox: n.outbox, Resolver: n.federation, Auth: server, Desk: desk, Peering: n.peering, Domain: cfg.Domain, PublicURL: cfg.PublicURL,
		Name: cfg.Name, Version: n.opt.Version, Locale: cfg.Locale, PublicPages: cfg.PublicPages, Log: n.opt.Log,
	})
	n.stream = stream.New(stream.Options{
		DB: n.db, Auth: server, Log: n.opt.Log, Status: apps.LiveStatus, Notification: apps.LiveNotification,
		Conversation: apps.LiveConversation, Announcement: apps.LiveAnnouncement, Reaction: apps.LiveReaction,
	})
	routes := append(n.federation.Routes(), n.inbox.Routes()...)
	routes = append(routes, n.peering.Routes()...)
	routes = append(routes, web.MediaRoute(n.db, n.blobs, n.opt.Log))
	browsers := pages.New(pages.Options{DB: n.db, Outbox: n.outbox, Resolver: n.federation, Auth: server, Domain: cfg.Domain, PublicPages: cfg.PublicPages, Log: n.opt.Log}).Routes()
	browsers = append(browsers, admin.New(admin.Options{DB: n.db, Peering: n.peering, Auth: server, Domain: cfg.Domain, Desk: desk}).Routes()...)
	return web.New(web.Options{
		Auth:       server,
		API:        append(apps.Routes(), n.stream.Routes()...),
		Pages:      browsers,
		Federation: routes,
		Files: map[string]http.Handler{"/assets/": views.Assets(), "/theme/": http.HandlerFunc(view.Theme),
			storage.CopyPath: web.RemoteMedia(n.mirror, n.opt.Log)},
		DB: n.db, Log: n.opt.Log, Metrics: n.metrics.registry, MetricsHere: cfg.MetricsListen == "",
		PublicURL: cfg.PublicURL, Domain: cfg.Domain, TrustedProxies: cfg.TrustedProxies, RateLimits: cfg.RateLimits,
	}), nil
}

// DB is the node's database.
func (n *Node) DB() *storage.DB { return n.db }

// Outbox carries out what the node's people do.
func (n *Node) Outbox() *outbox.Outbox { return n.outbox }

// Resolver finds accounts and posts, asking peers where it must.
func (n *Node) Resolver() *federation.Resolver { return n.federation }

// Peering carries out what admins decide about other nodes.
func (n *Node) Peering() *peering.Peering { return n.peering }

// Desk is where moderators work.
func (n *Node) Desk() *moderation.Desk { return &moderation.Desk{DB: n.db, Outbox: n.outbox} }

// Addr is where the main listener of a started node listens.
func (n *Node) Addr() string { return n.address }

// Start locks the data directory, listens and begins to work.
func (n *Node) Start() error {
	var err error
	if n.release, err = Lock(n.cfg.DataDir); err != nil {
		return err
	}
	err = auditConfig(context.Background(), n.db, n.cfg, n.opt.Version)
	if err == nil {
		err = n.peering.Begin(context.Background())
	}
	if err != nil {
		n.release()
		return err
	}
	listeners, err := n.listen()
	if err != nil {
		n.release()
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	n.stop = stop
	n.db.Listen()
	n.work.Go(func() {
		if err := n.queue.Run(ctx); err != nil {
			n.ended <- fmt.Errorf("run the queue: %w", err)
		}
	})
	n.work.Go(func() {
		if err := n.db.IndexOlder(ctx); err != nil && ctx.Err() == nil {
			n.opt.Log.Error("older posts can't be found by their words", "err", err)
		}
	})
	n.work.Go(func() { n.metrics.watch(ctx, n.db, depthsRefresh) })
	n.work.Go(func() { n.watchAudit(ctx) })
	n.work.Go(func() { n.traffic.watch(ctx, n.opt.Log) })
	for _, l := range listeners {
		n.servers = append(n.servers, l.server)
		n.work.Go(func() {
			if err := l.serve(); !errors.Is(err, http.ErrServerClosed) {
				n.ended <- fmt.Errorf("listen on %s: %w", l.Addr(), err)
			}
		})
	}
	n.opt.Log.Info("node is ready", "domain", n.cfg.Domain, "url", n.cfg.PublicURL, "listen", n.address, "version", n.opt.Version)
	return nil
}

// listener is an open port and who answers there.
type listener struct {
	net.Listener
	server *http.Server
	secure bool
}

func (l listener) serve() error {
	if l.secure {
		return l.server.ServeTLS(l.Listener, "", "")
	}
	return l.server.Serve(l.Listener)
}

// listen opens every port before any is served, so that a taken one is said at once.
func (n *Node) listen() ([]listener, error) {
	cfg := n.cfg
	var certificate *tls.Config
	if cfg.TLSCert != "" {
		pair, err := tls.LoadX509KeyPair(cfg.TLSCert, cfg.TLSKey)
		if err != nil {
			return nil, fmt.Errorf("RUCHE_TLS_CERT (%s) and RUCHE_TLS_KEY (%s) can't be used: %w", cfg.TLSCert, cfg.TLSKey, err)
		}
		certificate = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	var out []listener
	for _, port := range []struct {
		name, address string
		handler       func() http.Handler
		tls           *tls.Config
	}{
		{"RUCHE_LISTEN", cfg.Listen, n.web.Main, certificate},
		{"RUCHE_FEDERATION_LISTEN", cfg.FederationListen, n.web.Federation, certificate},
		{"RUCHE_METRICS_LISTEN", cfg.MetricsListen, n.web.MetricsHandler, nil},
	} {
		if port.address == "" {
			continue
		}
		l, err := net.Listen("tcp", port.address)
		if err != nil {
			for _, opened := range out {
				_ = opened.Close()
			}
			return nil, fmt.Errorf("%s is %q, where this node can't listen (%w): stop what listens there, or set another address", port.name, port.address, err)
		}
		server := &http.Server{
			Handler: port.handler(), TLSConfig: port.tls, MaxHeaderBytes: maxHeader,
			ReadHeaderTimeout: headerTime, ReadTimeout: requestTime, WriteTimeout: requestTime, IdleTimeout: idleTime,
			ErrorLog: slog.NewLogLogger(n.opt.Log.Handler(), slog.LevelDebug), // what strangers' connections do wrong
		}
		if len(out) == 0 {
			n.address = l.Addr().String()
		}
		out = append(out, listener{l, server, port.tls != nil})
	}
	return out, nil
}

// Stop ends a node: no new requests, what is running may finish within a time, and jobs that
// could not are given back.
func (n *Node) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTime)
	defer cancel()
	n.stream.Close() // streams don't end by themselves
	var stopping sync.WaitGroup
	for _, s := range n.servers {
		stopping.Go(func() {
			if s.Shutdown(ctx) != nil {
				_ = s.Close()
			}
		})
	}
	if n.stop != nil {
		n.stop()
	}
	stopping.Wait()
	n.work.Wait()
	err := n.core.close()
	if n.release != nil {
		n.release()
	}
	return err
}

// Run runs a node until ctx ends or something of it fails.
func Run(ctx context.Context, cfg Config, opt Options) error {
	n, err := New(ctx, cfg, opt)
	if err != nil {
		return err
	}
	if err := n.Start(); err != nil {
		n.stream.Close()
		return errors.Join(err, n.core.close())
	}
	select {
	case <-ctx.Done():
	case err = <-n.ended:
	}
	n.opt.Log.Info("node stops", "domain", n.cfg.Domain)
	return errors.Join(err, n.Stop(context.WithoutCancel(ctx)))
}

// Logger makes the log of a node: one line per event, with the id of the request that it belongs to.
func Logger(cfg Config) *slog.Logger {
	return slog.New(web.LogHandler(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: cfg.LogLevel})))
}
