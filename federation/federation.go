// Package federation is how two nodes talk: signatures, fetching, discovery, who is a peer.
//
// Every way in and out asks Permit first, with the host that the request is about, before a
// signature is looked at or a connection is opened. What is read from a peer is checked against
// where it came from: the id's host is the host that was asked, the actor's key lives on the
// actor's host, and nobody is believed about somebody on another host.
//
// Files: host.go normalises hosts · signature.go is the gate, cavage.go and rfc9421.go its two schemes, proof.go what
// activities themselves prove · knock.go chooses the scheme for a host · dial.go and client.go are the one outbound
// HTTP client · peer.go says who is a peer, introduce.go reads one before it is, rate.go counts · resolve.go reads
// remote actors, importpost.go and importparts.go turn their objects into posts · key.go finds the key of a signature ·
// serve.go, collections.go, featured.go and discover.go answer peers.
package federation

import (
	"context"
	"log/slog"
	"net/http"
	"sync"

	"ruche/federation/vocab"
	"ruche/storage"
)

// Node is what the files of this package share: this node's place among its peers.
type Node struct {
	DB     *storage.DB
	Client *Client
	Writer vocab.Writer
	Log    *slog.Logger
	// Domain stands after the @ of our accounts; Host is the authority of our ids.
	Domain, Host string
	// Name is the entity's, for people; Version is the program's.
	Name, Version string
	// Plain: this node and its peers on *.localhost speak plain HTTP (the demo).
	Plain bool
	// PublicPages: posts that are public in the whole network may be read without a signature.
	PublicPages bool
	Gate        *Gate

	// Prove has a linked peer show that it has the key that we know, and holds it if it hasn't; nil: its document is
	// compared instead.
	Prove func(ctx context.Context, peer *storage.Peer) error

	rates  rates
	proven sync.Map // host → when
}

// A Route is a way in for peers. The handler finds {id} by r.PathValue.
type Route struct {
	Method, Path string
	Handler      http.HandlerFunc
}
