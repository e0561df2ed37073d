package node

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"ruche/federation"
	"ruche/federation/peering"
	"ruche/federation/preview"
	"ruche/federation/vocab"
	"ruche/inbox"
	"ruche/inbox/mirror"
	"ruche/outbox"
	"ruche/outbox/picture"
	"ruche/storage"
	"ruche/storage/blob"
	"ruche/storage/queue"
	"ruche/web/push"
)

// Options are what a node is given besides its configuration. Zero values are those of a real
// node; tests replace the clock and the network.
type Options struct {
	Version string
	Log     *slog.Logger
	Clock   func() time.Time
	// Doer sends what the node sends to peers.
	Doer federation.Doer
	// AnyAge lifts the bound on how old a remote post's id may be. Only the demo does that.
	AnyAge bool
}

// core is a node without its listeners: everything that acts.
type core struct {
	db         *storage.DB
	federation *federation.Node
	outbox     *outbox.Outbox
	inbox      *inbox.Inbox
	mirror     *mirror.Mirror
	peering    *peering.Peering
	heads      *federation.AuditHeads
	queue      *queue.Queue
	blobs      blob.Store
	metrics    *metrics
	traffic    *traffic
	push       *federation.Client // the way out to push services
	pages      *federation.Client // the way out to pages that posts link to
}

func newCore(ctx context.Context, cfg Config, opt Options) (*core, error) {
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	if opt.Clock == nil {
		opt.Clock = time.Now
	}
	m := newMetrics()
	db, err := openDB(ctx, cfg, storage.Options{Clock: opt.Clock, Log: opt.Log, AnyAge: opt.AnyAge, Observe: m.transaction})
	if err != nil {
		return nil, err
	}
	c := &core{db: db, metrics: m, traffic: newTraffic(db)}
	if err := c.wire(ctx, cfg, opt); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return c, nil
}

func (c *core) wire(ctx context.Context, cfg Config, opt Options) error {
	var err error
	if c.blobs, err = OpenBlobs(cfg); err != nil {
		return err
	}
	writer := vocab.Writer{URIs: c.db.URIs(), Domain: cfg.Domain}
	node := &federation.Node{
		DB: c.db, Writer: writer, Log: opt.Log, Domain: cfg.Domain, Host: cfg.Host(),
		Name: cfg.Name, Version: opt.Version, Plain: cfg.Localhost(), PublicPages: cfg.PublicPages,
	}
	out := federation.ClientConfig{
		UserAgent: "Ruche/" + opt.Version + " (+" + cfg.PublicURL + ")",
		CAFile:    cfg.FederationCAFile, PrivateNetworks: cfg.FederationPrivateNetworks,
		Proxy: cfg.OutboundProxy, NoProxy: cfg.NoProxy, AllowLocalhost: cfg.Localhost(), Permit: node.PermitAny,
	}
	if node.Client, err = federation.NewClient(out); err != nil {
		return err
	}
	// Other hosts than the peers', by other lists.
	out.Permit = federation.Listed(c.db, storage.SettingPushHosts)
	if c.push, err = federation.NewClient(out); err != nil {
		return err
	}
	out.Permit = federation.Listed(c.db, storage.SettingCardHosts)
	if c.pages, err = federation.NewClient(out); err != nil {
		return err
	}
	if opt.Doer != nil {
		node.Client.Doer, c.push.Doer, c.pages.Doer = opt.Doer, opt.Doer, opt.Doer
	}
	pusher, err := push.New(ctx, push.Options{DB: c.db, Client: c.push, Contact: cfg.PublicURL, Locale: cfg.Locale, BaseURL: cfg.PublicURL})
	if err != nil {
		return err
	}
	node.Client.Schemes = node
	node.Gate = &federation.Gate{Hosts: []string{cfg.Host()}, Now: c.db.Now, Permit: node.Permit, Key: node.Keys()}
	if cfg.Localhost() {
		node.Gate.Scheme = "http"
	}
	c.federation = node
	pictures := picture.New(picture.Limits{})
	c.outbox = &outbox.Outbox{DB: c.db, Writer: writer, Resolver: node, Client: node.Client, Blobs: c.blobs, Pictures: pictures, Log: opt.Log}
	c.mirror = &mirror.Mirror{DB: c.db, Client: node.Client, Blobs: c.blobs, Pictures: pictures, Log: opt.Log}
	c.inbox = &inbox.Inbox{DB: c.db, Node: node, Outbox: c.outbox, Log: opt.Log, Refused: c.metrics.refused, Received: c.traffic.received}
	c.queue = queue.New(c.db, queue.Options{Alone: cfg.SQLite(), Process: processName(cfg), Log: opt.Log, Observe: c.observe})
	c.peering = &peering.Peering{DB: c.db, Node: node, Log: opt.Log, Refused: c.metrics.refused, ForgetMedia: outbox.ForgetMedia}
	c.peering.Register(c.queue)
	node.Prove = c.peering.Prove
	pusher.Register(c.queue)
	(&preview.Previews{DB: c.db, Client: c.pages}).Register(c.queue)
	c.outbox.Register(c.queue)
	c.inbox.Register(c.queue)
	c.federation.Register(c.queue)
	c.mirror.Register(c.queue)
	c.heads = &federation.AuditHeads{Node: node}
	c.heads.Register(c.queue)
	return nil
}

// observe is told how each run of a job ended.
func (c *core) observe(j *storage.Job, outcome string, took time.Duration) {
	c.metrics.job(j, outcome, took)
	c.traffic.job(j, outcome, took)
}

func (c *core) close() error {
	c.federation.Client.Close()
	c.push.Close()
	c.pages.Close()
	return c.db.Close()
}
