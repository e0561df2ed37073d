package main

import (
	"fmt"
	"strings"

	"ruche/cmd/ruche/node"
	"ruche/outbox/people"
	"ruche/storage"
	"ruche/web/auth"
)

type tokenCommand struct {
	Create tokenCreate `cmd:"" help:"Create an access token for an account, and print it alone."`
}

type tokenCreate struct {
	Account string `required:"" placeholder:"U" help:"Username of whom the token acts for."`
	Scopes  string `default:"read write follow push" help:"What the token may do; scopes of admin: are for owners and admins."`
}

func (c tokenCreate) Run(p *program) error {
	scopes, unknown := auth.CleanScopes(c.Scopes)
	if len(unknown) > 0 {
		return fmt.Errorf("there is no scope %s: choose from %s", strings.Join(unknown, ", "), strings.Join(auth.AllScopes(), " "))
	}
	if scopes == "" {
		return fmt.Errorf("a token needs a scope: choose from %s", strings.Join(auth.AllScopes(), " "))
	}
	return p.withDB(func(_ node.Config, db *storage.DB) error {
		secret := storage.NewSecret()
		err := db.Update(p.ctx, func(tx *storage.Tx) error {
			who, err := people.Find(p.ctx, &tx.Queries, c.Account)
			if err != nil {
				return known(err)
			}
			if !who.MayAct() {
				return fmt.Errorf("%s is suspended or frozen: `ruche account unsuspend %s` or `ruche account unfreeze %s` first", who.Username, who.Username, who.Username)
			}
			if strings.Contains(" "+scopes, " admin:") && !who.User.Staff() {
				return fmt.Errorf("%s is %s, and scopes of admin: are for staff: leave them out, or `ruche account set-role %s moderator` first", who.Username, who.User.Role, who.Username)
			}
			return tx.AddToken(p.ctx, &storage.Token{Hash: storage.HashSecret(secret), AccountID: who.ID, Scopes: scopes})
		})
		if err != nil {
			return err
		}
		return p.print(secret)
	})
}
