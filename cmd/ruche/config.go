package main

import (
	"fmt"
	"strings"

	"ruche/cmd/ruche/node"
	"ruche/storage"
)

type configCommand struct {
	Check configCheck `cmd:"" help:"Print the configuration in force, or what is wrong with it."`
}

type configCheck struct{}

func (configCheck) Run(p *program) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.out, strings.Join(cfg.Lines(), "\n"))
	return err
}

type migrate struct{}

// Run opens the database, which migrates it, and prints the migrations that it has had.
func (migrate) Run(p *program) error {
	return p.withDB(func(_ node.Config, db *storage.DB) error {
		schema, err := db.Schema(p.ctx)
		if err != nil {
			return err
		}
		return p.print("schema", strings.Join(schema, " "))
	})
}
