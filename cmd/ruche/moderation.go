package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"ruche/cmd/ruche/node"
	"ruche/outbox/moderation"
	"ruche/storage"
)

// What moderators do, for those who run the node: the same acts as in the console and by an app.

// desk is what the commands of moderators work with.
type desk struct {
	*moderation.Desk
	domain string
}

func (p *program) withDesk(act func(d desk) error) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	return p.withNode(func(n *node.Node) error { return act(desk{n.Desk(), cfg.Domain}) })
}

// someone finds whom a handle stands for: user is one of ours, user@host somebody of a peer.
func (d desk) someone(ctx context.Context, handle string) (*storage.Account, error) {
	name, domain, _ := strings.Cut(strings.TrimPrefix(handle, "@"), "@")
	if strings.EqualFold(domain, d.domain) {
		domain = ""
	}
	a, err := d.DB.AccountByName(ctx, name, domain)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, fmt.Errorf("nobody known here is called %s: name one of this node as user, somebody of a peer as user@host", handle)
	}
	return a, err
}

// handles are accounts by id, as they are printed.
type handles map[int64]*storage.Account

func (d desk) handles(ctx context.Context, ids ...int64) (handles, error) {
	return d.DB.AccountsByID(ctx, ids)
}

// of is a handle; empty for nobody.
func (h handles) of(id int64) string {
	if a := h[id]; a != nil {
		return a.Acct()
	}
	return ""
}

// pageFlags are those of long lists.
type pageFlags struct {
	Before string `placeholder:"ID" help:"Only what stands before this id: the next page."`
	Limit  int    `default:"50" help:"How many at most."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

func (f pageFlags) page() (storage.Page, error) {
	if f.Limit < 1 || f.Limit > 1000 {
		return storage.Page{}, fmt.Errorf("--limit is %d: choose 1 to 1000", f.Limit)
	}
	if f.Before != "" && storage.ParseID(f.Before) == 0 {
		return storage.Page{}, fmt.Errorf("--before is %q: give the id of the last line", f.Before)
	}
	return storage.Page{MaxID: storage.ParseID(f.Before), Limit: f.Limit}, nil
}

type measureCommand struct {
	Take measureTake `cmd:"" help:"Take a measure about somebody, who reads it and may appeal; prints its id."`
	Undo measureUndo `cmd:"" help:"Lift a measure that lasts."`
	List measureList `cmd:"" help:"List the measures taken against somebody, the latest first: id, when, measure, by whom, appeal, text."`
}

// handle is the argument of the commands on one person, ours or a peer's.
type handle struct {
	Handle string `arg:"" help:"user, or user@host for somebody of a peer."`
}

type measureTake struct {
	handle
	What   string   `arg:"" name:"measure" enum:"warn,mark-posts,delete-posts,sensitive,limit,freeze,suspend" help:"One of ${enum}."`
	Text   string   `placeholder:"T" help:"Why, to the person; the audit log has it too where --why says nothing else."`
	Post   []string `placeholder:"ID" help:"A post that it is about; can be given again."`
	Report string   `placeholder:"ID" help:"The report that led to it, which is closed."`
	Silent bool     `help:"The person isn't notified; it stands among their warnings all the same."`
}

func (c measureTake) Run(p *program) error {
	m := moderation.Measure{What: c.What, Text: strings.TrimSpace(c.Text), Silent: c.Silent}
	for _, text := range c.Post {
		post := storage.ParseID(text)
		if post == 0 {
			return fmt.Errorf("--post is %q: give the id of a post", text)
		}
		m.Posts = append(m.Posts, post)
	}
	if c.Report != "" {
		if m.Report = storage.ParseID(c.Report); m.Report == 0 {
			return noReport(c.Report)
		}
	}
	return p.withDesk(func(d desk) error {
		who, err := d.someone(p.ctx, c.Handle)
		if err != nil {
			return err
		}
		m.Account = who.ID
		strike, err := d.Act(p.ctx, m)
		if errors.Is(err, storage.ErrNotFound) && m.Report != 0 {
			return noReport(c.Report)
		}
		if err != nil {
			return err
		}
		return p.print(storage.FormatID(strike.ID))
	})
}

type measureUndo struct {
	handle
	What string `arg:"" name:"measure" enum:"sensitive,limit,freeze,suspend" help:"One of ${enum}."`
}

func (c measureUndo) Run(p *program) error {
	return p.withDesk(func(d desk) error {
		who, err := d.someone(p.ctx, c.Handle)
		if err != nil {
			return err
		}
		return d.Undo(p.ctx, who.ID, c.What)
	})
}

// strike is how a measure is shown.
type strike struct {
	ID      string   `json:"id"`
	At      string   `json:"at"`
	Of      string   `json:"of"`
	Measure string   `json:"measure"`
	By      string   `json:"by"` // empty: the command line
	Text    string   `json:"text"`
	Posts   []string `json:"posts"`
	Report  string   `json:"report,omitempty"`
	Appeal  string   `json:"appeal,omitempty"`
	State   string   `json:"appeal_state"` // none, waiting, granted or rejected
}

func (d desk) strikes(ctx context.Context, list []*storage.Strike) ([]strike, error) {
	var ids []int64
	for _, s := range list {
		ids = append(ids, s.AccountID, s.ByID)
	}
	names, err := d.handles(ctx, ids...)
	if err != nil {
		return nil, err
	}
	out := make([]strike, len(list))
	for i, s := range list {
		out[i] = strike{ID: storage.FormatID(s.ID), At: moment(s.CreatedAt), Of: names.of(s.AccountID), Measure: s.Measure, By: names.of(s.ByID), Text: s.Text, Posts: idTexts(s.Posts), Appeal: s.Appeal, State: "none"}
		if s.ReportID != 0 {
			out[i].Report = storage.FormatID(s.ReportID)
		}
		switch {
		case s.Pending():
			out[i].State = "waiting"
		case !s.DecidedAt.IsZero() && s.Granted:
			out[i].State = "granted"
		case !s.DecidedAt.IsZero():
			out[i].State = "rejected"
		}
	}
	return out, nil
}

func idTexts(ids []int64) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = storage.FormatID(id)
	}
	return out
}

type measureList struct {
	handle
	JSON bool `name:"json" help:"Print JSON."`
}

func (c measureList) Run(p *program) error {
	return p.withDesk(func(d desk) error {
		who, err := d.someone(p.ctx, c.Handle)
		if err != nil {
			return err
		}
		list, err := d.Strikes(p.ctx, who.ID)
		if err != nil {
			return err
		}
		shown, err := d.strikes(p.ctx, list)
		if err != nil {
			return err
		}
		if c.JSON {
			return p.printJSON(shown)
		}
		for _, s := range shown {
			if err := p.print(s.ID, s.At, s.Measure, s.By, s.State, s.Text); err != nil {
				return err
			}
		}
		return nil
	})
}

type appealCommand struct {
	List   appealList   `cmd:"" help:"List appeals that wait, the latest first: id of the measure, when it was taken, against whom, which, state, the appeal."`
	Grant  appealGrant  `cmd:"" help:"Grant an appeal, and undo the measure as far as it can be."`
	Reject appealReject `cmd:"" help:"Reject an appeal."`
}

type appealList struct {
	Decided bool `help:"Those that were decided, instead."`
	pageFlags
}

func (c appealList) Run(p *program) error {
	page, err := c.page()
	if err != nil {
		return err
	}
	return p.withDesk(func(d desk) error {
		list, err := d.Appeals(p.ctx, !c.Decided, page)
		if err != nil {
			return err
		}
		shown, err := d.strikes(p.ctx, list)
		if err != nil {
			return err
		}
		if c.JSON {
			return p.printJSON(shown)
		}
		for _, s := range shown {
			if err := p.print(s.ID, s.At, s.Of, s.Measure, s.State, s.Appeal); err != nil {
				return err
			}
		}
		return nil
	})
}

// appealed is the argument of the commands on one appeal.
type appealed struct {
	ID string `arg:"" help:"Id of the measure, as list shows it."`
}

func (c appealed) decide(p *program, grant bool) error {
	return p.withDesk(func(d desk) error {
		err := d.Decide(p.ctx, storage.ParseID(c.ID), grant)
		if errors.Is(err, storage.ErrNotFound) {
			return fmt.Errorf("there is no appeal %s: `ruche appeal list` shows those that wait", c.ID)
		}
		return err
	})
}

type appealGrant struct{ appealed }

func (c appealGrant) Run(p *program) error { return c.decide(p, true) }

type appealReject struct{ appealed }

func (c appealReject) Run(p *program) error { return c.decide(p, false) }

type keywordCommand struct {
	List keywordList `cmd:"" help:"List the words whose use makes a report."`
	Set  keywordSet  `cmd:"" help:"Choose them anew; without any word there are none."`
}

type keywordList struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (c keywordList) Run(p *program) error {
	return p.withDesk(func(d desk) error {
		words, err := d.Keywords(p.ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return p.printJSON(append([]string{}, words...))
		}
		for _, w := range words {
			if err := p.print(w); err != nil {
				return err
			}
		}
		return nil
	})
}

type keywordSet struct {
	Words []string `arg:"" optional:"" help:"Words; - alone reads them from standard input, one a line."`
}

func (c keywordSet) Run(p *program) error {
	words := c.Words
	if len(words) == 1 && words[0] == "-" {
		text, err := io.ReadAll(io.LimitReader(p.in, maxSettingInput))
		if err != nil {
			return fmt.Errorf("read the words from standard input: %w", err)
		}
		words = strings.Split(string(text), "\n")
	}
	return p.withDesk(func(d desk) error { return d.SetKeywords(p.ctx, words) })
}
