package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"time"

	"ruche/cmd/ruche/node"
	"ruche/outbox/people"
	"ruche/storage"
)

type auditCommand struct {
	List   auditList   `cmd:"" help:"List what was done, the latest first: number, time, who, action, subject, what it is called, before, after, why."`
	Verify auditVerify `cmd:"" help:"Compute the log's chain anew, and say what was changed."`
	Export auditExport `cmd:"" help:"Write the whole log as JSON Lines, to be verified elsewhere."`
}

type auditList struct {
	Actor   string `placeholder:"U" help:"Only what this account did."`
	Action  string `placeholder:"A" help:"Only this action, such as peer.block, or all that begin so: peer."`
	Subject string `placeholder:"S" help:"Only what was done to this: \"peer labo.example\", \"account ID\"."`
	From    string `placeholder:"DAY" help:"From this day on, YYYY-MM-DD."`
	Until   string `placeholder:"DAY" help:"Until the end of this day."`
	Before  int64  `placeholder:"N" help:"Only what stands before this number: the next page."`
	Limit   int    `default:"50" help:"How many at most."`
	JSON    bool   `name:"json" help:"Print JSON."`
}

// entry is how an entry is shown.
type entry struct {
	Number  int64              `json:"number"`
	At      time.Time          `json:"at"`
	Actor   string             `json:"actor"`
	Action  string             `json:"action"`
	Subject string             `json:"subject"`
	Facts   string             `json:"facts,omitempty"`
	By      storage.AuditBy    `json:"by"`
	About   storage.AuditAbout `json:"about"`
	Erased  []string           `json:"erased,omitempty"` // parts
}

func (c auditList) Run(p *program) error {
	if c.Limit < 1 || c.Limit > 1000 {
		return fmt.Errorf("--limit is %d: choose 1 to 1000", c.Limit)
	}
	return p.withDB(func(_ node.Config, db *storage.DB) error {
		filter, err := c.filter(p, db)
		if err != nil {
			return err
		}
		records, err := db.AuditLog(p.ctx, filter, storage.Page{MaxID: c.Before, Limit: c.Limit})
		if err != nil {
			return err
		}
		list := make([]entry, len(records))
		for i, r := range records {
			list[i] = entry{r.Number, r.At, r.Actor, r.Action, r.Subject, r.Facts, r.By, r.About, nil}
			if r.ByPart.Erased() {
				list[i].Erased = append(list[i].Erased, "by")
			}
			if r.AboutPart.Erased() {
				list[i].Erased = append(list[i].Erased, "about")
			}
		}
		if c.JSON {
			return p.printJSON(list)
		}
		for _, e := range list {
			who := e.Actor
			if e.By.Name != "" {
				who += " " + e.By.Name
			}
			if err := p.print(e.Number, e.At.Format(time.RFC3339), who, e.Action, e.Subject, e.About.Name, string(e.About.Before), string(e.About.After), e.About.Why); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c auditList) filter(p *program, db *storage.DB) (storage.AuditFilter, error) {
	f := storage.AuditFilter{Action: c.Action, Subject: c.Subject}
	if c.Actor != "" {
		who, err := people.Find(p.ctx, &db.Queries, c.Actor)
		if err != nil {
			return f, known(err)
		}
		f.Actor = who.ID
	}
	for _, day := range []struct {
		flag, text string
		into       *time.Time
		end        time.Duration
	}{{"--from", c.From, &f.From, 0}, {"--until", c.Until, &f.Until, 24 * time.Hour}} {
		if day.text == "" {
			continue
		}
		at, err := time.Parse(time.DateOnly, day.text)
		if err != nil {
			return f, fmt.Errorf("%s is %q: give a day such as 2026-11-20", day.flag, day.text)
		}
		*day.into = at.Add(day.end)
	}
	return f, nil
}

type auditVerify struct {
	Head     []string `placeholder:"H" sep:"none" help:"A head that you know, COUNT:HASH or the hash alone; can be given again."`
	Log      []string `placeholder:"FILE" sep:"none" help:"A log of this node: every head in it is held against the chain."`
	Siblings bool     `help:"Ask the siblings what they remember, too."`
}

// Run prints the head of a log that is whole; else each fault, and fails.
func (c auditVerify) Run(p *program) error {
	var heads []storage.KnownHead
	for _, text := range c.Head {
		h, err := storage.ParseHead(text)
		if err != nil {
			return err
		}
		h.Source = "--head"
		heads = append(heads, h)
	}
	cfg, err := p.load()
	if err != nil {
		return err
	}
	for _, file := range c.Log {
		found, err := headsInLog(file, cfg.Host())
		if err != nil {
			return err
		}
		heads = append(heads, found...)
	}
	n, err := node.New(p.ctx, cfg, node.Options{Version: version, Log: quiet()})
	if err != nil {
		return err
	}
	return errors.Join(c.verify(p, n, heads), n.Stop(p.ctx))
}

func (c auditVerify) verify(p *program, n *node.Node, heads []storage.KnownHead) error {
	var unasked error
	if c.Siblings {
		var remembered []storage.KnownHead
		remembered, unasked = n.Resolver().RememberedHeads(p.ctx)
		heads = append(heads, remembered...)
	}
	report, err := n.DB().VerifyAudit(p.ctx, heads...)
	if err != nil {
		return err
	}
	for _, fault := range report.Faults {
		if err := p.print(fault); err != nil {
			return err
		}
	}
	if !report.Valid() {
		return errors.Join(fmt.Errorf("the audit log isn't what was written: %d faults, named on standard output; keep a copy of the database before anything else is done", report.Wrong), unasked)
	}
	if unasked != nil {
		return fmt.Errorf("the chain is whole and fits %d known heads, but not every sibling could be asked: %w", len(heads), unasked)
	}
	return p.print(fmt.Sprintf("%d:%s", report.Head.Count, report.Head.Hash), fmt.Sprint(report.Head.Count, " entries"), fmt.Sprint(report.Erased, " parts erased"), fmt.Sprint(len(heads), " known heads fit"))
}

// headLine is how a node logs a head; see federation.AuditHeads.
var headLine = regexp.MustCompile(`msg="audit head" host=(\S+) count=(\d{1,18}) head=([0-9a-f]{64}) `)

// maxLogLine bounds a line of a log; a longer one is no head.
const maxLogLine = 1 << 20

// headsInLog finds the heads of this node in a log of it. Where it holds none that is an error: it would
// say nothing, and look as if it did.
func headsInLog(file, host string) ([]storage.KnownHead, error) {
	in, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	var heads []storage.KnownHead
	lines := bufio.NewReaderSize(in, maxLogLine)
	for {
		line, long, err := lines.ReadLine()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		m := headLine.FindSubmatch(line)
		if long || m == nil || string(m[1]) != host {
			continue
		}
		count, err := strconv.ParseInt(string(m[2]), 10, 64)
		if err != nil {
			continue
		}
		heads = append(heads, storage.KnownHead{Source: file, Count: count, Hash: string(m[3])})
	}
	if len(heads) == 0 {
		return nil, fmt.Errorf("%s has no audit head of %s: give a log that this node wrote at level info", file, host)
	}
	return heads, nil
}

type auditExport struct {
	File string `arg:"" help:"File to write, one JSON object a line; - is standard output."`
}

func (c auditExport) Run(p *program) error {
	return p.withDB(func(_ node.Config, db *storage.DB) error {
		if c.File == "-" {
			_, err := db.ExportAudit(p.ctx, p.out)
			return err
		}
		// It holds names and reasons: for its owner's eyes.
		out, err := os.OpenFile(c.File, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("export: %w: name a file that isn't there yet", err)
		}
		n, err := db.ExportAudit(p.ctx, out)
		if err == nil {
			err = out.Sync()
		}
		if err := errors.Join(err, out.Close()); err != nil {
			return err
		}
		return p.print(c.File, fmt.Sprint(n, " entries"))
	})
}
