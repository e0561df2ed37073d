package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"ruche/cmd/ruche/node"
	"ruche/outbox/people"
	"ruche/storage"
)

type accountCommand struct {
	Create        accountCreate        `cmd:"" help:"Create an account; without a password one is made and printed, alone."`
	List          accountList          `cmd:"" help:"List the accounts: username, role, state, e-mail, display name, department."`
	Show          accountShow          `cmd:"" help:"Show one account."`
	SetRole       accountSetRole       `cmd:"" help:"Give an account a role, and end its sign-ins."`
	Suspend       accountSuspend       `cmd:"" help:"Take an account out of sight, and end its sign-ins."`
	Unsuspend     accountUnsuspend     `cmd:"" help:"Let a suspended account act and be seen again."`
	Delete        accountDelete        `cmd:"" help:"Delete a suspended account for good, with all that it wrote; peers are told."`
	ResetPassword accountResetPassword `cmd:"" help:"Give an account a new password, print it, and end its sign-ins."`
	ResetLink     accountResetLink     `cmd:"" help:"Print a link with which somebody chooses a new password within an hour."`
	SetEmail      accountSetEmail      `cmd:"" help:"Give an account another e-mail address."`
	RemoveFactor  accountRemoveFactor  `cmd:"" help:"Take a second factor away whose telephone and recovery codes are lost, and end the account's sign-ins."`
	Invite        accountInvite        `cmd:"" help:"Print a link with which people make an account by themselves."`
	Invitations   accountInvitations   `cmd:"" help:"List invitations: id, role, state, uses, end, note."`
	Revoke        accountRevoke        `cmd:"" help:"Take an invitation back."`
	Waiting       accountWaiting       `cmd:"" help:"List who asked for an account and waits: username, e-mail, display name, when, reason."`
	Approve       accountApprove       `cmd:"" help:"Let somebody in who waits, and tell them by mail."`
	Refuse        accountRefuse        `cmd:"" help:"Refuse an account to somebody who waits, and tell them by mail."`
	Import        accountImport        `cmd:"" help:"Create the accounts of a CSV file; prints username and password of each."`
}

type accountCreate struct {
	Username      string  `required:"" placeholder:"U" help:"1 to 30 letters a-z, digits and underscores."`
	Email         string  `required:"" placeholder:"E" help:"E-mail address."`
	Password      *string `xor:"password" placeholder:"P" help:"Password, 8 to 200 characters. Other users of this machine can see it: prefer --password-stdin."`
	PasswordStdin bool    `xor:"password" help:"Read the password from standard input."`
	DisplayName   string  `placeholder:"N" help:"Name that people read."`
	Role          string  `enum:"owner,admin,moderator,community-manager,member,guest" default:"member" placeholder:"R" help:"One of ${enum}."`
	Department    string  `placeholder:"D" help:"Where the person works."`
	Official      bool    `help:"The account speaks for the company, not for a person."`
}

// maxPasswordLine bounds what is read from standard input.
const maxPasswordLine = 4096

func (c accountCreate) Run(p *program) error {
	password := ""
	if c.Password != nil {
		password = *c.Password
	}
	if c.PasswordStdin {
		line, err := bufio.NewReader(io.LimitReader(p.in, maxPasswordLine)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read the password from standard input: %w", err)
		}
		password = strings.TrimRight(line, "\r\n")
	}
	if password == "" && (c.Password != nil || c.PasswordStdin) {
		return errors.New("the password is empty: give one, or leave the flag out and one is made")
	}
	return p.withDB(func(cfg node.Config, db *storage.DB) error {
		made, err := people.Create(p.ctx, db, people.New{
			Username: c.Username, Email: c.Email, Password: password, DisplayName: c.DisplayName, Role: c.Role,
			Department: c.Department, Official: c.Official, Locked: cfg.ApproveFollows,
		})
		if err != nil || made.Password == "" {
			return err
		}
		return p.print(made.Password)
	})
}

// account is how an account is shown. No activity, no address: who runs the node needs neither.
type account struct {
	ID          string    `json:"id"`
	Username    string    `json:"username"`
	Handle      string    `json:"handle"`
	Email       string    `json:"email"`
	Role        string    `json:"role"`
	State       string    `json:"state"` // active, limited, frozen or suspended
	DisplayName string    `json:"display_name"`
	Department  string    `json:"department"`
	Official    bool      `json:"official"`
	Locked      bool      `json:"locked"` // approves each follower
	URI         string    `json:"uri"`
	CreatedAt   time.Time `json:"created_at"`
}

func shown(cfg node.Config, a *people.Someone) account {
	state := "active"
	switch {
	case !a.SuspendedAt.IsZero():
		state = "suspended"
	case !a.FrozenAt.IsZero():
		state = "frozen"
	case !a.LimitedAt.IsZero():
		state = "limited"
	}
	return account{
		ID: storage.FormatID(a.ID), Username: a.Username, Handle: a.Username + "@" + cfg.Domain, Email: a.User.Email, Role: a.User.Role, State: state,
		DisplayName: a.DisplayName, Department: a.Department, Official: a.Official, Locked: a.Locked, URI: a.URI, CreatedAt: a.CreatedAt.UTC(),
	}
}

type accountList struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (c accountList) Run(p *program) error {
	return p.withDB(func(cfg node.Config, db *storage.DB) error {
		all, err := people.All(p.ctx, &db.Queries)
		if err != nil {
			return err
		}
		list := make([]account, len(all))
		for i, a := range all {
			list[i] = shown(cfg, a)
		}
		if c.JSON {
			return p.printJSON(list)
		}
		for _, a := range list {
			if err := p.print(a.Username, a.Role, a.State, a.Email, a.DisplayName, a.Department); err != nil {
				return err
			}
		}
		return nil
	})
}

// username is the argument of the commands on one account.
type username struct {
	Username string `arg:"" help:"Username, without the domain."`
}

type accountShow struct {
	username
	JSON bool `name:"json" help:"Print JSON."`
}

func (c accountShow) Run(p *program) error {
	return p.withDB(func(cfg node.Config, db *storage.DB) error {
		found, err := people.Find(p.ctx, &db.Queries, c.Username)
		if err != nil {
			return known(err)
		}
		a := shown(cfg, found)
		if c.JSON {
			return p.printJSON(a)
		}
		for _, line := range [][2]any{
			{"id", a.ID}, {"username", a.Username}, {"handle", a.Handle}, {"email", a.Email}, {"role", a.Role}, {"state", a.State},
			{"display_name", a.DisplayName}, {"department", a.Department}, {"official", a.Official}, {"locked", a.Locked}, {"uri", a.URI},
			{"created_at", a.CreatedAt.Format(time.RFC3339)},
		} {
			if err := p.print(line[0], line[1]); err != nil {
				return err
			}
		}
		return nil
	})
}

// known says how to find the right name where one isn't known.
func known(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("%w: `ruche account list` shows who there is", err)
	}
	return err
}

type accountSetRole struct {
	username
	Role string `arg:"" enum:"owner,admin,moderator,community-manager,member,guest" help:"One of ${enum}."`
}

func (c accountSetRole) Run(p *program) error {
	return p.withDB(func(_ node.Config, db *storage.DB) error {
		return known(people.SetRole(p.ctx, db, c.Username, c.Role))
	})
}

type accountSuspend struct{ username }

func (c accountSuspend) Run(p *program) error {
	return p.withDB(func(_ node.Config, db *storage.DB) error { return known(people.Suspend(p.ctx, db, c.Username)) })
}

type accountUnsuspend struct{ username }

func (c accountUnsuspend) Run(p *program) error {
	return p.withDB(func(_ node.Config, db *storage.DB) error { return known(people.Unsuspend(p.ctx, db, c.Username)) })
}

type accountDelete struct{ username }

func (c accountDelete) Run(p *program) error {
	return p.withDB(func(_ node.Config, db *storage.DB) error { return known(people.Delete(p.ctx, db, c.Username)) })
}

type accountResetPassword struct{ username }

func (c accountResetPassword) Run(p *program) error {
	return p.withDB(func(_ node.Config, db *storage.DB) error {
		password, err := people.ResetPassword(p.ctx, db, c.Username)
		if err != nil {
			return known(err)
		}
		return p.print(password)
	})
}

type accountResetLink struct{ username }

func (c accountResetLink) Run(p *program) error {
	return p.withDB(func(cfg node.Config, db *storage.DB) error {
		secret, err := people.ResetLink(p.ctx, db, c.Username)
		if err != nil {
			return known(err)
		}
		return p.print(cfg.PublicURL + "/auth/reset?token=" + secret)
	})
}

type accountSetEmail struct {
	username
	Email string `arg:"" help:"E-mail address."`
}

func (c accountSetEmail) Run(p *program) error {
	return p.withDB(func(_ node.Config, db *storage.DB) error {
		return known(people.SetEmail(p.ctx, db, c.Username, c.Email))
	})
}

type accountRemoveFactor struct{ username }

func (c accountRemoveFactor) Run(p *program) error {
	return p.withDB(func(_ node.Config, db *storage.DB) error { return known(people.RemoveFactor(p.ctx, db, c.Username)) })
}

type accountImport struct {
	File string `arg:"" help:"CSV with the header line username,email,display_name,department,role."`
}

// Run names each bad row on a line of its own; the last line of standard error counts them.
func (c accountImport) Run(p *program) error {
	file, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer file.Close()
	return p.withDB(func(cfg node.Config, db *storage.DB) error {
		good, bad := 0, 0
		err := people.Import(p.ctx, db, file, cfg.ApproveFollows, func(r people.Row) error {
			if r.Err != nil {
				bad++
				_, err := fmt.Fprintf(p.errs, "%s line %d: %s\n", c.File, r.Line, oneLine(r.Err.Error()))
				return err
			}
			good++
			return p.print(r.Made.Account.Username, r.Made.Password)
		})
		if err != nil {
			return fmt.Errorf("import %s: %w", c.File, err)
		}
		if bad > 0 {
			return fmt.Errorf("%d accounts were imported, %d lines were not: mend those and import them again", good, bad)
		}
		return nil
	})
}
