package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"ruche/cmd/ruche/node"
	"ruche/outbox/people"
	"ruche/storage"
)

type accountInvite struct {
	Role      string   `enum:"owner,admin,moderator,community-manager,member,guest" default:"member" placeholder:"R" help:"One of ${enum}."`
	Uses      int      `default:"1" placeholder:"N" help:"How many accounts it makes."`
	Days      int      `default:"7" placeholder:"N" help:"How many days it is good."`
	Note      string   `placeholder:"N" help:"For whom: a note for those who look after the list."`
	Community []string `placeholder:"C" help:"A community of this node that they join with it; may be repeated."`
}

func (c accountInvite) Run(p *program) error {
	return p.withDB(func(cfg node.Config, db *storage.DB) error {
		_, secret, err := people.InvitePeople(p.ctx, db, people.Invite{Role: c.Role, Uses: c.Uses, Days: c.Days, Note: c.Note, Communities: c.Community})
		if err != nil {
			return err
		}
		return p.print(cfg.PublicURL + "/auth/join?invitation=" + secret)
	})
}

type accountInvitations struct{}

func (accountInvitations) Run(p *program) error {
	return p.withDB(func(_ node.Config, db *storage.DB) error {
		list, err := db.PersonInvitations(p.ctx)
		if err != nil {
			return err
		}
		for _, i := range list {
			state := i.Over(db.Now())
			if state == "" {
				state = "open"
			}
			if err := p.print(storage.FormatID(i.ID), i.Role, state, strconv.Itoa(i.Uses)+"/"+strconv.Itoa(i.MaxUses), i.ExpiresAt.UTC().Format(time.RFC3339), i.Note); err != nil {
				return err
			}
		}
		return nil
	})
}

type accountRevoke struct {
	ID string `arg:"" help:"Id, as invitations shows it."`
}

func (c accountRevoke) Run(p *program) error {
	return p.withDB(func(_ node.Config, db *storage.DB) error {
		err := people.RevokeInvitation(p.ctx, db, storage.ParseID(c.ID))
		if errors.Is(err, storage.ErrNotFound) {
			return fmt.Errorf("there is no invitation %s that is open: `ruche account invitations` shows them", c.ID)
		}
		return err
	})
}

type accountWaiting struct{}

func (accountWaiting) Run(p *program) error {
	return p.withDB(func(_ node.Config, db *storage.DB) error {
		list, err := db.SignUps(p.ctx, storage.Page{Limit: 1000})
		if err != nil {
			return err
		}
		for _, s := range list {
			if err := p.print(s.Username, s.Email, s.DisplayName, s.CreatedAt.UTC().Format(time.RFC3339), oneLine(s.Reason)); err != nil {
				return err
			}
		}
		return nil
	})
}

type accountApprove struct{ username }

func (c accountApprove) Run(p *program) error {
	return p.withDB(func(cfg node.Config, db *storage.DB) error {
		id, err := whoWaits(p, db, c.Username)
		if err != nil {
			return err
		}
		_, err = people.Approve(p.ctx, db, id, cfg.ApproveFollows)
		return err
	})
}

type accountRefuse struct{ username }

func (c accountRefuse) Run(p *program) error {
	return p.withDB(func(_ node.Config, db *storage.DB) error {
		id, err := whoWaits(p, db, c.Username)
		if err != nil {
			return err
		}
		return people.Refuse(p.ctx, db, id)
	})
}

func whoWaits(p *program, db *storage.DB, name string) (int64, error) {
	s, err := db.SignUpByLogin(p.ctx, name)
	if errors.Is(err, storage.ErrNotFound) {
		return 0, fmt.Errorf("nobody called %s waits: `ruche account waiting` shows who does", name)
	}
	if err != nil {
		return 0, err
	}
	return s.ID, nil
}
