package main

import (
	"time"

	"ruche/cmd/ruche/node"
	"ruche/storage"
)

type trendCommand struct {
	Pick   trendPick   `cmd:"" help:"Show something first in everybody's trends."`
	Unpick trendUnpick `cmd:"" help:"Take a pick back."`
	List   trendList   `cmd:"" help:"List the picks, the latest first: kind, target, since when."`
}

// picked is the argument of the commands on one pick.
type picked struct {
	Kind   string `arg:"" enum:"post,tag,link" help:"One of ${enum}."`
	Target string `arg:"" help:"Id of a public post, name of a tag, or address of a page that has a card."`
}

type trendPick struct{ picked }

func (c trendPick) Run(p *program) error {
	return p.withDB(func(_ node.Config, db *storage.DB) error {
		return db.Update(p.ctx, func(tx *storage.Tx) error { return tx.Pick(p.ctx, c.Kind, c.Target) })
	})
}

type trendUnpick struct{ picked }

func (c trendUnpick) Run(p *program) error {
	return p.withDB(func(_ node.Config, db *storage.DB) error {
		return db.Update(p.ctx, func(tx *storage.Tx) error { return tx.Unpick(p.ctx, c.Kind, c.Target) })
	})
}

type trendList struct{}

func (trendList) Run(p *program) error {
	return p.withDB(func(_ node.Config, db *storage.DB) error {
		picks, err := db.Picks(p.ctx, "")
		if err != nil {
			return err
		}
		for _, one := range picks {
			if err := p.print(one.Kind, one.Target, one.PickedAt.UTC().Format(time.RFC3339)); err != nil {
				return err
			}
		}
		return nil
	})
}
