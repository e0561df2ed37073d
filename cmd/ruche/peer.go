package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"ruche/cmd/ruche/node"
	"ruche/federation/peering"
	"ruche/storage"
)

type peerCommand struct {
	Allow   peerAllow   `cmd:"" help:"Let a node talk with this one; again changes what is given."`
	Suspend peerSuspend `cmd:"" help:"Hide a node and park what waits for it; nothing is deleted."`
	Resume  peerResume  `cmd:"" help:"Let a suspended, expired or blocked node talk again."`
	Block   peerBlock   `cmd:"" help:"Hide a node, and purge what came from it after a day."`
	Purge   peerPurge   `cmd:"" help:"Purge what came from a blocked node now. It can't be undone."`
	Remove  peerRemove  `cmd:"" help:"Take a node off the list; what waits for it is parked."`
	Show    peerShow    `cmd:"" help:"Show one node of the list."`
	List    peerList    `cmd:"" help:"List the nodes: host, tier, state, public-web, note."`
	Events  peerEvents  `cmd:"" help:"What happened to nodes by itself or by their own doing, the latest first."`
	Test    peerTest    `cmd:"" help:"Walk the link with a node step by step, and say which fails and why."`

	Invite      peerInvite      `cmd:"" help:"Invite a node: a link for its admin, good for one answer."`
	Invitations peerInvitations `cmd:"" help:"List the invitations."`
	Revoke      peerRevoke      `cmd:"" help:"Make an invitation worth nothing."`
	Accept      peerAccept      `cmd:"" help:"Answer another node's invitation."`
	Code        peerCode        `cmd:"" help:"Show the code to compare with the other admin."`
	Confirm     peerConfirm     `cmd:"" help:"The codes are the same: both nodes allow each other."`
	Refuse      peerRefuse      `cmd:"" help:"The codes differ, or the link isn't wanted."`
	RotateKey   peerRotateKey   `cmd:"" help:"Give this node a new key and tell every linked node, signed by the old one."`

	Import peerImport `cmd:"" help:"Take over a list in Mastodon's form (CSV)."`
	Export peerExport `cmd:"" help:"Write the list in Mastodon's form (CSV)."`
	Apply  peerApply  `cmd:"" help:"Make the list what a TOML file says."`
}

// peerHost is the argument of the commands on one peer.
type peerHost struct {
	Peer string `arg:"" help:"host[:port], such as labo.example; or *.example.com for its subdomains."`
}

// host gives the one spelling of the peer's name.
func (h peerHost) host(cfg node.Config) (string, error) {
	host, err := peering.ParseHost(h.Peer)
	if err != nil {
		return "", fmt.Errorf("%q is no peer: give a host, such as labo.example or labo.example:8443 (%w)", h.Peer, err)
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
	policyFlags
}

// Run leaves what a flag doesn't name as it is, so that allowing a sibling again keeps it one.
func (c peerAllow) Run(p *program) error {
	return p.changePeer(c.peerHost, func(peer *storage.Peer) error {
		peer.State = storage.PeerActive
		if c.Tier != nil && *c.Tier != peer.Tier {
			peer.Tier = *c.Tier
			peer.Subscribe = peer.Tier == storage.Sibling
		}
		if peer.CreatedAt.IsZero() {
			peer.Policy = storage.DefaultPolicy(peer.Tier)
		}
		if c.PublicWeb != nil {
			peer.PublicWeb = *c.PublicWeb
		}
		if c.Note != nil {
			peer.Note = *c.Note
		}
		return c.onto(peer)
	})
}

// changePeer changes a peer, or adds one.
func (p *program) changePeer(h peerHost, change func(*storage.Peer) error) error {
	return p.withPeer(h, func(n *node.Node, host string) error {
		peer, err := n.DB().PeerByHost(p.ctx, host)
		if errors.Is(err, storage.ErrNotFound) {
			peer, err = &storage.Peer{Host: host, Tier: storage.Partner}, nil
		}
		if err != nil {
			return err
		}
		peer.Via = ""
		if err := change(peer); err != nil {
			return err
		}
		return n.Peering().Save(p.ctx, peer)
	})
}

type peerBlock struct{ peerHost }

func (c peerBlock) Run(p *program) error {
	return p.withPeer(c.peerHost, func(n *node.Node, host string) error { return n.Peering().Block(p.ctx, host) })
}

type peerRemove struct{ peerHost }

func (c peerRemove) Run(p *program) error {
	return p.withPeer(c.peerHost, func(n *node.Node, host string) error { return n.Peering().Remove(p.ctx, host) })
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
			{"reason", peer.Reason}, {"contact", peer.Contact}, {"ends_at", moment(peer.EndsAt)}, {"in", strings.Join(peer.In.Names(), " ")}, {"out", strings.Join(peer.Out.Names(), " ")},
			{"approve_follows", peer.ApproveFollows}, {"subscribe", peer.Subscribe}, {"rate", peer.Rate}, {"via", peer.Via}, {"organisation", peer.Organisation},
			{"software", peer.Software}, {"fingerprint", peer.Fingerprint}, {"their_state", peer.TheirState}, {"purge_at", moment(peer.PurgeAt)}, {"purge_done", peer.PurgeDone},
			{"account_domains", strings.Join(peer.AccountDomains, " ")}, {"media_hosts", strings.Join(peer.MediaHosts, " ")}, {"shared_inbox", peer.SharedInbox}, {"circles", peer.Circles},
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
	if shown.MediaHosts == nil {
		shown.MediaHosts = []string{}
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
