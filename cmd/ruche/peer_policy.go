package main

import (
	"errors"
	"fmt"
	"time"

	"ruche/cmd/ruche/node"
	"ruche/federation"
	"ruche/storage"
)

// withNode runs an act of a node that isn't started, beside a running one too.
func (p *program) withNode(act func(n *node.Node) error) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	n, err := node.New(p.ctx, cfg, node.Options{Version: version, Log: quiet()})
	if err != nil {
		return err
	}
	return errors.Join(act(n), n.Stop(p.ctx))
}

// withPeer is withNode for one peer; who isn't on the list is said in words.
func (p *program) withPeer(h peerHost, act func(n *node.Node, host string) error) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	host, err := h.host(cfg)
	if err != nil {
		return err
	}
	return p.withNode(func(n *node.Node) error {
		err := act(n, host)
		if !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		if _, rowErr := n.DB().PeerByHost(p.ctx, host); errors.Is(rowErr, storage.ErrNotFound) {
			return notListed(host)
		}
		return err
	})
}

// moment prints a time, or nothing.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// policyFlags are what may be chosen of a peer; what a flag doesn't name stays.
type policyFlags struct {
	In             []string `placeholder:"RIGHT" help:"What may come in: follows, posts, shares, direct, media, communities, directory; all, none."`
	Out            []string `placeholder:"RIGHT" help:"What may go out."`
	ApproveFollows *bool    `negatable:"" help:"Every follow from there waits for the person."`
	Subscribe      *bool    `negatable:"" help:"It gets every post that is public in a circle which includes it."`
	Rate           *int     `placeholder:"N" help:"Signed requests a minute that are taken from it; 0: no limit."`
	Contact        *string  `placeholder:"T" help:"Whom to call there."`
	Ends           *string  `placeholder:"DAY" help:"When the contract ends (YYYY-MM-DD); never: it doesn't."`
	AccountDomain  []string `placeholder:"D" help:"What may stand after the @ of its accounts, besides its host."`
	MediaHost      []string `placeholder:"H" help:"Where its pictures may live, besides its host: they are fetched from nowhere else."`
}

func (f policyFlags) onto(peer *storage.Peer) error {
	for _, side := range []struct {
		names  []string
		rights *storage.Rights
	}{{f.In, &peer.In}, {f.Out, &peer.Out}} {
		if side.names != nil {
			rights, err := storage.RightsOf(side.names)
			if err != nil {
				return err
			}
			*side.rights = rights
		}
	}
	none := storage.Rights{}
	if peer.In == none && peer.Out == none {
		return errors.New("that leaves no right at all: `ruche peer suspend` instead")
	}
	choose(&peer.ApproveFollows, f.ApproveFollows)
	choose(&peer.Subscribe, f.Subscribe)
	choose(&peer.Rate, f.Rate)
	choose(&peer.Contact, f.Contact)
	if f.Ends != nil {
		at, err := endOf(*f.Ends)
		if err != nil {
			return err
		}
		peer.EndsAt = at
	}
	for _, list := range []struct {
		given []string
		hosts *[]string
	}{{f.AccountDomain, &peer.AccountDomains}, {f.MediaHost, &peer.MediaHosts}} {
		if list.given == nil {
			continue
		}
		*list.hosts = nil
		for _, text := range list.given {
			host, err := federation.NormalizeHost(text)
			if err != nil {
				return err
			}
			*list.hosts = append(*list.hosts, host)
		}
	}
	return nil
}

func choose[T any](field *T, chosen *T) {
	if chosen != nil {
		*field = *chosen
	}
}

// endOf reads the last day of a contract; it ends when that day does, in UTC.
func endOf(text string) (time.Time, error) {
	if text == "never" {
		return time.Time{}, nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no day: write it as 2027-12-31, or never", text)
	}
	return day.AddDate(0, 0, 1), nil
}

type peerSuspend struct{ peerHost }

func (c peerSuspend) Run(p *program) error {
	return p.withPeer(c.peerHost, func(n *node.Node, host string) error { return n.Peering().Suspend(p.ctx, host) })
}

type peerResume struct{ peerHost }

func (c peerResume) Run(p *program) error {
	return p.withPeer(c.peerHost, func(n *node.Node, host string) error { return n.Peering().Resume(p.ctx, host) })
}

type peerPurge struct{ peerHost }

func (c peerPurge) Run(p *program) error {
	return p.withPeer(c.peerHost, func(n *node.Node, host string) error { return n.Peering().PurgeNow(p.ctx, host) })
}

type peerEvents struct {
	Peer string `arg:"" optional:"" help:"Of one node; without it, of all."`
	JSON bool   `name:"json" help:"Print JSON."`
}

func (c peerEvents) Run(p *program) error {
	return p.withDB(func(_ node.Config, db *storage.DB) error {
		events, err := db.PeerEvents(p.ctx, c.Peer, storage.Page{Limit: 200})
		if err != nil {
			return err
		}
		if c.JSON {
			return p.printJSON(append([]*storage.PeerEvent{}, events...))
		}
		for _, e := range events {
			if err := p.print(moment(e.At), e.Host, e.Kind, e.Detail); err != nil {
				return err
			}
		}
		return nil
	})
}

type peerTest struct {
	peerHost
	JSON bool `name:"json" help:"Print JSON."`
}

// Run prints what it tried, and fails where the last step failed.
func (c peerTest) Run(p *program) error {
	return p.withPeer(c.peerHost, func(n *node.Node, host string) error {
		steps, err := n.Peering().Test(p.ctx, host)
		if err != nil {
			return err
		}
		if c.JSON {
			if err := p.printJSON(steps); err != nil {
				return err
			}
		}
		for _, s := range steps {
			result := "ok"
			if !s.OK {
				result = "fails"
				err = fmt.Errorf("the link with %s fails at %s: %s", host, s.Step, s.Said)
			}
			if !c.JSON {
				if err := p.print(s.Step, result, s.Said); err != nil {
					return err
				}
			}
		}
		return err
	})
}
