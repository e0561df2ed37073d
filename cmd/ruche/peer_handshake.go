package main

import (
	"fmt"
	"os"
	"time"

	"ruche/cmd/ruche/node"
	"ruche/federation/peering"
	"ruche/storage"
)

// termsFlags are what one side of a handshake lets cross.
type termsFlags struct {
	Sibling        bool     `help:"As nodes of one organisation: the invited one joins it."`
	In             []string `placeholder:"RIGHT" help:"What may come in: follows, posts, shares, direct, media, communities, directory; all (where nothing is said), none."`
	Out            []string `placeholder:"RIGHT" help:"What may go out."`
	ApproveFollows bool     `help:"Every follow from there waits for the person."`
	Rate           int      `placeholder:"N" help:"Signed requests a minute that are taken from it; 0: no limit."`
	Contact        string   `placeholder:"T" help:"Whom to call there."`
	Note           string   `placeholder:"T" help:"What the node is, for those who read the list."`
	Ends           string   `default:"never" placeholder:"DAY" help:"When the contract ends (YYYY-MM-DD)."`
}

func (f termsFlags) terms() (peering.Terms, error) {
	tier := storage.Partner
	if f.Sibling {
		tier = storage.Sibling
	}
	t := peering.AllTerms(tier)
	t.ApproveFollows, t.Rate, t.Contact, t.Note = f.ApproveFollows, f.Rate, f.Contact, f.Note
	var err error
	if t.EndsAt, err = endOf(f.Ends); err != nil {
		return t, err
	}
	if f.In != nil {
		if t.In, err = storage.RightsOf(f.In); err != nil {
			return t, err
		}
	}
	if f.Out != nil {
		t.Out, err = storage.RightsOf(f.Out)
	}
	return t, err
}

type peerInvite struct {
	termsFlags
	For  time.Duration `default:"72h" help:"How long the invitation is good."`
	QR   bool          `name:"qr" help:"Print a QR code too."`
	SVG  string        `name:"svg" placeholder:"FILE" help:"Write the QR code into a file."`
	JSON bool          `name:"json" help:"Print JSON."`
}

func (c peerInvite) Run(p *program) error {
	terms, err := c.terms()
	if err != nil {
		return err
	}
	return p.withNode(func(n *node.Node) error {
		i, err := n.Peering().Invite(p.ctx, terms, c.For)
		if err != nil {
			return err
		}
		if c.SVG != "" {
			svg, err := peering.QRSVG(i.Link)
			if err != nil {
				return err
			}
			if err := os.WriteFile(c.SVG, []byte(svg), 0o600); err != nil {
				return fmt.Errorf("write QR code: %w", err)
			}
		}
		if c.JSON {
			return p.printJSON(struct {
				*storage.Invitation
				Link string `json:"link"`
			}{i.Invitation, i.Link})
		}
		if err := p.print(i.Link); err != nil || !c.QR {
			return err
		}
		text, err := peering.QRText(i.Link)
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(p.out, text)
		return err
	})
}

type peerInvitations struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (c peerInvitations) Run(p *program) error {
	return p.withDB(func(_ node.Config, db *storage.DB) error {
		list, err := db.Invitations(p.ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return p.printJSON(append([]*storage.Invitation{}, list...))
		}
		for _, i := range list {
			state := i.Open(db.Now())
			if state == "" {
				state = "open"
			}
			if err := p.print(i.ID, state, moment(i.ExpiresAt), i.UsedBy, i.Note); err != nil {
				return err
			}
		}
		return nil
	})
}

type peerRevoke struct {
	ID string `arg:"" help:"As ruche peer invitations shows it."`
}

func (c peerRevoke) Run(p *program) error {
	return p.withNode(func(n *node.Node) error { return n.Peering().Revoke(p.ctx, c.ID) })
}

type peerAccept struct {
	Link string `arg:"" help:"The invitation's link, in quotes."`
	termsFlags
	JSON bool `name:"json" help:"Print JSON."`
}

func (c peerAccept) Run(p *program) error {
	link, err := peering.ParseLink(c.Link)
	if err != nil {
		return err
	}
	if link.Organisation != c.Sibling {
		if link.Organisation {
			return fmt.Errorf("%s invites this node to join its organisation, whose nodes would all be allowed here: say --sibling to agree", link.Host)
		}
		return fmt.Errorf("%s invites as a partner, not as a sibling: leave --sibling out", link.Host)
	}
	wishes, err := c.terms()
	if err != nil {
		return err
	}
	return p.withNode(func(n *node.Node) error {
		if _, err := n.Peering().Accept(p.ctx, c.Link, wishes); err != nil {
			return err
		}
		return p.showCode(n, link.Host, c.JSON)
	})
}

// showCode prints a comparison.
func (p *program) showCode(n *node.Node, host string, asJSON bool) error {
	c, err := n.Peering().Code(p.ctx, host)
	if err != nil {
		return err
	}
	if asJSON {
		return p.printJSON(struct {
			*storage.Comparison
			Ours   string `json:"our_fingerprint"`
			Theirs string `json:"their_fingerprint"`
			May    bool   `json:"confirmable"`
		}{c.Comparison, c.Ours, c.Theirs, c.Confirmable})
	}
	state := "open"
	switch {
	case c.Ended != "":
		state = c.Ended
	case c.Expired:
		state = "expired"
	}
	for _, line := range [][2]any{{"code", c.Comparison.Code}, {"host", host}, {"state", state}, {"until", moment(c.ExpiresAt)}, {"our_key", c.Ours}, {"their_key", c.Theirs}, {"we_confirm", c.Confirmable}} {
		if err := p.print(line[0], line[1]); err != nil {
			return err
		}
	}
	return nil
}

type peerCode struct {
	peerHost
	JSON bool `name:"json" help:"Print JSON."`
}

func (c peerCode) Run(p *program) error {
	return p.withPeer(c.peerHost, func(n *node.Node, host string) error { return p.showCode(n, host, c.JSON) })
}

type peerConfirm struct{ peerHost }

func (c peerConfirm) Run(p *program) error {
	return p.withPeer(c.peerHost, func(n *node.Node, host string) error {
		_, err := n.Peering().Confirm(p.ctx, host)
		return err
	})
}

type peerRefuse struct{ peerHost }

func (c peerRefuse) Run(p *program) error {
	return p.withPeer(c.peerHost, func(n *node.Node, host string) error { return n.Peering().Refuse(p.ctx, host) })
}

type peerRotateKey struct{}

func (peerRotateKey) Run(p *program) error {
	return p.withNode(func(n *node.Node) error { return n.Peering().RotateKey(p.ctx) })
}
