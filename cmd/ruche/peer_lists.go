package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"ruche/cmd/ruche/node"
	"ruche/federation/peering"
	"ruche/storage"
)

// open reads a file, or standard input where it is called -.
func (p *program) open(file string) (io.ReadCloser, error) {
	if file == "-" {
		return io.NopCloser(p.in), nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return f, nil
}

type peerImport struct {
	File    string `arg:"" help:"The list; - is standard input."`
	Blocked bool   `help:"A list without #severity is of hosts to block."`
	DryRun  bool   `help:"Say what would be done, and do nothing."`
}

func (c peerImport) Run(p *program) error {
	f, err := p.open(c.File)
	if err != nil {
		return err
	}
	entries, problems, err := peering.ReadCSV(f, c.Blocked)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return p.carry(entries, problems, false, c.DryRun)
}

// carry plans entries, does what the plan says unless it is a rehearsal, and prints both. Rows that can't be used
// don't keep the others from being used; the command fails all the same, so that somebody looks.
func (p *program) carry(entries []peering.Entry, problems []peering.Problem, prune, rehearse bool) error {
	return p.withNode(func(n *node.Node) error {
		plan, err := n.Peering().Plan(p.ctx, entries, prune)
		if err != nil {
			return err
		}
		if !rehearse {
			if err := n.Peering().Carry(p.ctx, plan); err != nil {
				return err
			}
		}
		for _, s := range plan.Steps {
			state := ""
			if s.After != nil {
				state = s.After.State
			}
			if err := p.print(s.What, s.Host, state); err != nil {
				return err
			}
		}
		problems = append(problems, plan.Problems...)
		for _, bad := range problems {
			if err := p.print("problem", bad.Host, fmt.Sprintf("line %d", bad.Line), bad.Why); err != nil {
				return err
			}
		}
		if len(problems) > 0 {
			return fmt.Errorf("%d rows could not be used; the others were", len(problems))
		}
		return nil
	})
}

type peerExport struct {
	Blocked bool `help:"The blocked and suspended hosts, instead of the allowed ones."`
}

func (c peerExport) Run(p *program) error {
	return p.withNode(func(n *node.Node) error { return n.Peering().WriteCSV(p.ctx, p.out, c.Blocked) })
}

type peerApply struct {
	File   string `arg:"" help:"TOML: [[peer]] tables, and prune = true to remove who isn't named; - is standard input."`
	DryRun bool   `help:"Say what would be done, and do nothing."`
}

func (c peerApply) Run(p *program) error {
	f, err := p.open(c.File)
	if err != nil {
		return err
	}
	file, err := node.ReadPeerFile(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	return p.carry(file.Peers, nil, file.Prune, c.DryRun)
}

// The organisation's commands stand here, beside the other lists of nodes.
type orgCommand struct {
	Create  orgCreate  `cmd:"" help:"Make an organisation whose list this node keeps."`
	Show    orgShow    `cmd:"" help:"The organisations that this node keeps, belongs to or accepts, with their nodes."`
	Remove  orgRemove  `cmd:"" help:"Take a node off the list that this node keeps."`
	Offered orgOffered `cmd:"" help:"Read another organisation's list and key, before accepting it."`
	Accept  orgAccept  `cmd:"" help:"Have all nodes of another organisation as partners, now and later."`
	Rotate  orgRotate  `cmd:"" name:"rotate-key" help:"Give the organisation whose list this node keeps a new key, by the word of the old one."`
	Leave   orgLeave   `cmd:"" help:"Leave an organisation, or accept it no longer."`
}

type orgCreate struct {
	Name string `arg:"" help:"What the organisation is called."`
}

func (c orgCreate) Run(p *program) error {
	return p.withNode(func(n *node.Node) error {
		org, err := n.Peering().CreateOrganisation(p.ctx, c.Name)
		if err != nil {
			return err
		}
		return p.print(org.URI, org.PublicKey)
	})
}

type orgShow struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (c orgShow) Run(p *program) error {
	return p.withDB(func(_ node.Config, db *storage.DB) error {
		orgs, err := db.Organisations(p.ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return p.printJSON(append([]*storage.Organisation{}, orgs...))
		}
		for _, o := range orgs {
			if err := p.print(o.URI, o.Name, o.Role, o.Version, o.PublicKey, o.Error); err != nil {
				return err
			}
			members, err := db.PeersOf(p.ctx, o.URI)
			if err != nil {
				return err
			}
			for _, m := range members {
				if err := p.print("", m.Host, m.State); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

type orgRemove struct{ peerHost }

func (c orgRemove) Run(p *program) error {
	return p.withPeer(c.peerHost, func(n *node.Node, host string) error { return n.Peering().RemoveMember(p.ctx, host) })
}

type orgRotate struct{}

func (c orgRotate) Run(p *program) error {
	return p.withNode(func(n *node.Node) error {
		key, err := n.Peering().RotateOrganisationKey(p.ctx)
		if err != nil {
			return err
		}
		return p.print(key)
	})
}

type orgOffered struct{ peerHost }

func (c orgOffered) Run(p *program) error {
	return p.withPeer(c.peerHost, func(n *node.Node, host string) error {
		list, key, err := n.Peering().Offered(p.ctx, host)
		if err != nil {
			return err
		}
		if err := p.print(list.Organisation, list.Name, list.Version, key); err != nil {
			return err
		}
		for _, m := range list.Members {
			if err := p.print("", m.Host, m.Name, peering.ShowFingerprint(m.Fingerprint)); err != nil {
				return err
			}
		}
		return nil
	})
}

type orgAccept struct {
	peerHost
	Key string `required:"" help:"The organisation's key, as its keeper told it by another way."`
	termsFlags
}

func (c orgAccept) Run(p *program) error {
	terms, err := c.terms()
	if err != nil {
		return err
	}
	return p.withPeer(c.peerHost, func(n *node.Node, host string) error {
		return n.Peering().AcceptOrganisation(p.ctx, host, c.Key, terms)
	})
}

type orgLeave struct {
	URI string `arg:"" help:"As ruche organisation show gives it."`
}

func (c orgLeave) Run(p *program) error {
	return p.withNode(func(n *node.Node) error { return n.Peering().LeaveOrganisation(p.ctx, c.URI) })
}
