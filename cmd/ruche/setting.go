package main

import (
	"fmt"
	"io"

	"ruche/cmd/ruche/node"
	"ruche/storage"
)

type settingCommand struct {
	List settingList `cmd:"" help:"List what can be set: name, value, meaning."`
	Show settingShow `cmd:"" help:"Print one setting as it is."`
	Set  settingSet  `cmd:"" help:"Make a setting; the running node goes by it at once."`
}

type settingList struct{}

func (settingList) Run(p *program) error {
	return p.withDB(func(_ node.Config, db *storage.DB) error {
		for _, c := range storage.Choices {
			value, err := db.Setting(p.ctx, c.Name)
			if err != nil {
				return err
			}
			if err := p.print(c.Name, value, c.Doc); err != nil {
				return err
			}
		}
		return nil
	})
}

type settingShow struct {
	Name string `arg:"" help:"Name, as list shows it."`
}

func (c settingShow) Run(p *program) error {
	return p.withDB(func(_ node.Config, db *storage.DB) error {
		for _, known := range storage.Choices {
			if known.Name == c.Name {
				value, err := db.Setting(p.ctx, c.Name)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintln(p.out, value)
				return err
			}
		}
		return fmt.Errorf("there is no setting %q: `ruche setting list` shows them", c.Name)
	})
}

type settingSet struct {
	Name  string `arg:"" help:"Name, as list shows it."`
	Value string `arg:"" help:"Value; - reads standard input; an empty text takes it back."`
}

// maxSettingInput bounds what is read from standard input, in bytes.
const maxSettingInput = 1 << 20

func (c settingSet) Run(p *program) error {
	if c.Value == "-" {
		text, err := io.ReadAll(io.LimitReader(p.in, maxSettingInput))
		if err != nil {
			return fmt.Errorf("read the value from standard input: %w", err)
		}
		c.Value = string(text)
	}
	return p.withDB(func(_ node.Config, db *storage.DB) error {
		return db.Update(p.ctx, func(tx *storage.Tx) error { return tx.Choose(p.ctx, c.Name, c.Value) })
	})
}
