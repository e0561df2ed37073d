package peering

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"ruche/federation"
	"ruche/storage"
)

// An Entry is a peer as it is written down: in a file that an admin applies, in a list that is imported,
// or by a program.
type Entry struct {
	Host           string    `json:"host" toml:"host"`
	Tier           string    `json:"tier,omitempty" toml:"tier"`   // partner where nothing is said
	State          string    `json:"state,omitempty" toml:"state"` // active where nothing is said
	Contact        string    `json:"contact,omitempty" toml:"contact"`
	Note           string    `json:"note,omitempty" toml:"note"`
	Ends           time.Time `json:"ends,omitzero" toml:"ends"`
	AccountDomains []string  `json:"account_domains,omitempty" toml:"account_domains"`
	MediaHosts     []string  `json:"media_hosts,omitempty" toml:"media_hosts"`
	PublicWeb      bool      `json:"public_web,omitempty" toml:"public_web"`
	ApproveFollows bool      `json:"approve_follows,omitempty" toml:"approve_follows"`
	Subscribe      *bool     `json:"subscribe,omitempty" toml:"subscribe"` // as the tier has it where nothing is said
	Rate           int       `json:"rate,omitempty" toml:"rate"`
	In             []string  `json:"in,omitempty" toml:"in"` // everything where nothing is said
	Out            []string  `json:"out,omitempty" toml:"out"`

	// Line is where it was written, for what is said about it.
	Line int `json:"-" toml:"-"`
	// merge: only what a list in Mastodon's form says; the rest of a known row stays.
	merge bool
}

// EntryOf writes a peer down.
func EntryOf(p *storage.Peer) Entry {
	return Entry{Host: p.Host, Tier: p.Tier, State: p.State, Contact: p.Contact, Note: p.Note, Ends: p.EndsAt, AccountDomains: p.AccountDomains, MediaHosts: p.MediaHosts,
		PublicWeb: p.PublicWeb, ApproveFollows: p.ApproveFollows, Subscribe: &p.Subscribe, Rate: p.Rate, In: p.In.Names(), Out: p.Out.Names()}
}

// peer reads an entry onto what is known of its host.
func (e Entry) peer(known *storage.Peer) (*storage.Peer, error) {
	host, err := ParseHost(e.Host)
	if err != nil {
		return nil, err
	}
	next := &storage.Peer{Host: host}
	if known != nil {
		*next = *known
		next.Via = ""
	}
	next.State = e.State
	if e.State == "" {
		next.State = storage.PeerActive
	}
	if !slices.Contains([]string{storage.PeerActive, storage.PeerSuspended, storage.PeerBlocked}, next.State) {
		return nil, fmt.Errorf("%q is no state; choose active, suspended or blocked", e.State)
	}
	if next.State != storage.PeerActive && (known == nil || known.State != next.State) {
		next.Reason = "admin"
	}
	if e.merge && known != nil {
		return next, nil
	}
	next.Tier = e.Tier
	if e.Tier == "" {
		next.Tier = storage.Partner
	}
	if next.Tier != storage.Partner && next.Tier != storage.Sibling {
		return nil, fmt.Errorf("%q is no tier; choose partner or sibling", e.Tier)
	}
	next.Policy = storage.DefaultPolicy(next.Tier)
	for _, side := range []struct {
		names  []string
		rights *storage.Rights
	}{{e.In, &next.In}, {e.Out, &next.Out}} {
		if side.names != nil {
			if *side.rights, err = storage.RightsOf(side.names); err != nil {
				return nil, err
			}
		}
	}
	none := storage.Rights{}
	if next.In == none && next.Out == none {
		return nil, fmt.Errorf("no right at all: suspend the peer instead")
	}
	if e.Subscribe != nil {
		next.Subscribe = *e.Subscribe
	}
	if err := e.measure(); err != nil {
		return nil, err
	}
	next.Contact, next.Note, next.EndsAt, next.PublicWeb, next.ApproveFollows, next.Rate = e.Contact, e.Note, e.Ends.UTC(), e.PublicWeb, e.ApproveFollows, e.Rate
	if next.AccountDomains, err = hosts(e.AccountDomains); err != nil {
		return nil, err
	}
	next.MediaHosts, err = hosts(e.MediaHosts)
	return next, err
}

// Limits of an entry, in characters, hosts and requests a minute.
const (
	maxContact = 500
	maxNote    = 2000
	maxHosts   = 100
	maxRate    = 1_000_000
)

// measure says what of an entry is too much.
func (e Entry) measure() error {
	switch {
	case e.Rate < 0:
		return fmt.Errorf("a rate can't be negative")
	case e.Rate > maxRate:
		return fmt.Errorf("a rate can't be above %d", maxRate)
	case utf8.RuneCountInString(e.Contact) > maxContact:
		return fmt.Errorf("the contact has more than %d characters", maxContact)
	case utf8.RuneCountInString(e.Note) > maxNote:
		return fmt.Errorf("the note has more than %d characters", maxNote)
	case len(e.AccountDomains) > maxHosts || len(e.MediaHosts) > maxHosts:
		return fmt.Errorf("there are more than %d hosts in a list", maxHosts)
	}
	return nil
}

func hosts(texts []string) ([]string, error) {
	var out []string
	for _, t := range texts {
		host, err := federation.NormalizeHost(t)
		if err != nil {
			return nil, err
		}
		out = append(out, host)
	}
	return out, nil
}

// What a plan does with a host.
const (
	PlanAdd    = "add"
	PlanChange = "change"
	PlanRemove = "remove"
	PlanSame   = "same"
)

// A Step is what a plan does with one host.
type Step struct {
	What          string
	Host          string
	Line          int
	Before, After *storage.Peer
}

// A Problem is an entry that can't be used, and why.
type Problem struct {
	Line int
	Host string
	Why  string
}

// A Plan is what would be done, so that an admin can read it first.
type Plan struct {
	Steps    []Step
	Problems []Problem
}

// Plan compares entries with what stands. With prune, whoever isn't among them is removed, save those
// whom an organisation's list brought.
func (p *Peering) Plan(ctx context.Context, entries []Entry, prune bool) (*Plan, error) {
	rows, err := p.DB.Peers(ctx)
	if err != nil {
		return nil, err
	}
	known := map[string]*storage.Peer{}
	for _, row := range rows {
		known[row.Host] = row
	}
	plan := &Plan{}
	named := map[string]bool{}
	for _, e := range entries {
		host, err := ParseHost(e.Host)
		var next *storage.Peer
		if err == nil {
			next, err = e.peer(known[host])
		}
		switch {
		case err != nil:
		case host == p.Node.Host:
			err = errors.New("this is this node itself")
		case named[host]:
			err = errors.New("it is named twice")
		}
		if err != nil {
			plan.Problems = append(plan.Problems, Problem{e.Line, e.Host, err.Error()})
			continue
		}
		named[host] = true
		step := Step{PlanChange, host, e.Line, known[host], next}
		switch {
		case step.Before == nil:
			step.What = PlanAdd
		case sameChoices(step.Before, next):
			step.What = PlanSame
		}
		plan.Steps = append(plan.Steps, step)
	}
	for _, row := range rows {
		if prune && !named[row.Host] && row.Organisation == "" && row.Via == "" && row.State != storage.PeerInvited && row.State != storage.PeerAwaiting {
			plan.Steps = append(plan.Steps, Step{PlanRemove, row.Host, 0, row, nil})
		}
	}
	return plan, nil
}

// sameChoices says whether an admin would see no difference.
func sameChoices(a, b *storage.Peer) bool {
	return a.Via == b.Via && a.Tier == b.Tier && a.State == b.State && a.PublicWeb == b.PublicWeb && a.Policy == b.Policy && a.Contact == b.Contact && a.Note == b.Note &&
		a.EndsAt.Equal(b.EndsAt) && slices.Equal(a.AccountDomains, b.AccountDomains) && slices.Equal(a.MediaHosts, b.MediaHosts)
}

// Carry carries out a plan, one act a host, so that one that fails leaves the others; the problems that come up
// are added to the plan's.
func (p *Peering) Carry(ctx context.Context, plan *Plan) error {
	for _, s := range plan.Steps {
		var err error
		switch s.What {
		case PlanAdd, PlanChange:
			err = p.Save(ctx, s.After)
		case PlanRemove:
			err = p.Remove(ctx, s.Host)
		}
		if ctx.Err() != nil {
			return err
		}
		if err != nil {
			plan.Problems = append(plan.Problems, Problem{s.Line, s.Host, err.Error()})
		}
	}
	return nil
}
