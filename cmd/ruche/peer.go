package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"ruche/cmd/ruche/node"
	"ruche/federation"
	"ruche/storage"
)

type peerCommand struct {
	Allow  peerAllow  `cmd:"" help:"Let a node talk with this one; again changes what is given."`
	Block  peerBlock  `cmd:"" help:"Refuse a node, and bury what waits for it."`
	Remove peerRemove `cmd:"" help:"Take a node off the list; what waits for it is parked."`
	Show   peerShow   `cmd:"" help:"Show one node of the list."`
	List   peerList   `cmd:"" help:"List the nodes: host, tier, state, public-web, note."`
}

// peerHost is the argument of the commands on one peer.
type peerHost struct {
	Peer string `arg:"" help:"host[:port], such as labo.example."`
}

// host gives the one spelling of the peer's name.
func (h peerHost) host(cfg node.Config) (string, error) {
	host, err := federation.NormalizeHost(h.Peer)
	if err != nil {
		return "", fmt.Errorf("%q is no peer: give a host, such as labo.example or labo.example:8443", h.Peer)
	}
	if host == cfg.Host() || host == cfg.Domain {
		return "", fmt.Errorf("%s is this node: name another one", host)
	}
	return host, nil
}

type peerAllow struct {
	peerHost
	Tier      *string `enum:"sibling,partner" placeholder:"T" help:"sibling (same organisation) or partner; partner where nothing is said."`
	PublicWeb *bool   `negatable:"" help:"The peer shows public posts on the open internet, and that is accepted."`
	Note      *string `placeholder:"T" help:"What the peer is, for those who read the list."`
}

// Run leaves what a flag doesn't name as it is, so that allowing a sibling again keeps it one.
func (c peerAllow) Run(p *program) error {
	return p.changePeer(c.peerHost, func(peer *storage.Peer) {
		peer.State = storage.PeerActive
		if c.Tier != nil {
			peer.Tier = *c.Tier
		}
		if c.PublicWeb != nil {
			peer.PublicWeb = *c.PublicWeb
		}
		if c.Note != nil {
			peer.Note = *c.Note
		}
	})
}

type peerBlock struct{ peerHost }

func (c peerBlock) Run(p *program) error {
	return p.changePeer(c.peerHost, func(peer *storage.Peer) { peer.State = storage.PeerBlocked })
}

// changePeer changes a peer, or adds one.
func (p *program) changePeer(h peerHost, change func(*storage.Peer)) error {
	return p.withDB(func(cfg node.Config, db *storage.DB) error {
		host, err := h.host(cfg)
		if err != nil {
			return err
		}
		return db.Update(p.ctx, func(tx *storage.Tx) error {
			peer, err := tx.PeerByHost(p.ctx, host)
			if errors.Is(err, storage.ErrNotFound) {
				peer, err = &storage.Peer{Host: host, Tier: storage.Partner}, nil
			}
			if err != nil {
				return err
			}
			change(peer)
			return tx.SavePeer(p.ctx, peer)
		})
	})
}

type peerRemove struct{ peerHost }

func (c peerRemove) Run(p *program) error {
	return p.withDB(func(cfg node.Config, db *storage.DB) error {
		host, err := c.host(cfg)
		if err != nil {
			return err
		}
		return db.Update(p.ctx, func(tx *storage.Tx) error {
			there, err := tx.RemovePeer(p.ctx, host)
			if err == nil && !there {
				err = notListed(host)
			}
			return err
		})
	})
}

func notListed(host string) error {
	return fmt.Errorf("%s isn't on the list: `ruche peer list` shows who is", host)
}

type peerShow struct {
	peerHost
	JSON bool `name:"json" help:"Print JSON."`
}

func (c peerShow) Run(p *program) error {
	return p.withDB(func(cfg node.Config, db *storage.DB) error {
		host, err := c.host(cfg)
		if err != nil {
			return err
		}
		peer, err := db.PeerByHost(p.ctx, host)
		if errors.Is(err, storage.ErrNotFound) {
			return notListed(host)
		}
		if err != nil {
			return err
		}
		if c.JSON {
			return p.printJSON(listed(peer))
		}
		for _, line := range [][2]any{
			{"host", peer.Host}, {"tier", peer.Tier}, {"state", peer.State}, {"public_web", peer.PublicWeb}, {"note", peer.Note},
			{"account_domains", strings.Join(peer.AccountDomains, " ")}, {"shared_inbox", peer.SharedInbox}, {"circles", peer.Circles},
			{"created_at", peer.CreatedAt.UTC().Format(time.RFC3339)}, {"updated_at", peer.UpdatedAt.UTC().Format(time.RFC3339)},
		} {
			if err := p.print(line[0], line[1]); err != nil {
				return err
			}
		}
		return nil
	})
}

// listed gives a peer as JSON shows it: lists are lists, times are UTC.
func listed(peer *storage.Peer) *storage.Peer {
	shown := *peer
	if shown.AccountDomains == nil {
		shown.AccountDomains = []string{}
	}
	shown.CreatedAt, shown.UpdatedAt = shown.CreatedAt.UTC(), shown.UpdatedAt.UTC()
	return &shown
}

type peerList struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (c peerList) Run(p *program) error {
	return p.withDB(func(_ node.Config, db *storage.DB) error {
		peers, err := db.Peers(p.ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			list := make([]*storage.Peer, len(peers))
			for i, peer := range peers {
				list[i] = listed(peer)
			}
			return p.printJSON(list)
		}
		for _, peer := range peers {
			if err := p.print(peer.Host, peer.Tier, peer.State, peer.PublicWeb, peer.Note); err != nil {
				return err
			}
		}
		return nil
	})
}
