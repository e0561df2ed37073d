// Command ruche is the whole program: the node, its demo, and the commands of whoever runs it.
//
// Other programs drive it. Exit 0: done; 1: refused or failed, and one line on standard error says
// why and what to do; 2: wrong usage. What a command is asked for goes to standard output: lines
// with tabs, or JSON where --json is given. The commands work beside a running node: they open the
// same database, and the node hears of a change within a second.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"ruche/cmd/ruche/demo"
	"ruche/cmd/ruche/node"
	"ruche/storage"
)

// version is set when the program is built.
var version = "dev"

// Exit codes.
const (
	exitDone    = 0
	exitRefused = 1
	exitUsage   = 2
)

// commands is the command line. Each command is a struct with its flags and a Run.
type commands struct {
	Config string `placeholder:"FILE" help:"Configuration file; without it, ruche.toml where there is one."`
	Why    string `placeholder:"REASON" help:"Why: kept in the audit log beside what the command does."`

	Serve    serve               `cmd:"" help:"Run the node."`
	Demo     demoCommand         `cmd:"" help:"Run three linked nodes with people in them, until Ctrl-C."`
	Account  accountCommand      `cmd:"" help:"People of this node: create, list, change."`
	Token    tokenCommand        `cmd:"" help:"Access tokens for programs."`
	Peer     peerCommand         `cmd:"" help:"Other nodes: whom this node talks to."`
	Organ    orgCommand          `cmd:"" name:"organisation" help:"The list of nodes that belong together."`
	Report   reportCommand       `cmd:"" help:"Reports of posts and people: list, take, note, close."`
	Measure  measureCommand      `cmd:"" help:"What moderators do about people: warn, limit, freeze, suspend, and undo it."`
	Appeal   appealCommand       `cmd:"" help:"Appeals against measures: list, grant, reject."`
	Keyword  keywordCommand      `cmd:"" help:"Words whose use makes a report."`
	Setting  settingCommand      `cmd:"" help:"What admins choose while the node runs: rules, texts, lists of hosts."`
	Trend    trendCommand        `cmd:"" help:"What community managers show first in the trends."`
	Announce announcementCommand `cmd:"" name:"announcement" help:"What this node says to all its people: write, edit, end."`
	Audit    auditCommand        `cmd:"" help:"What was done on this node: list, verify, export."`
	Backup   backup              `cmd:"" help:"Write database, media and keys into one archive, while the node runs."`
	Restore  restore             `cmd:"" help:"Put an archive into an empty node that isn't running."`
	Check    configCommand       `cmd:"" name:"config" help:"Configuration."`
	Migrate  migrate             `cmd:"" help:"Bring the database's schema up to date; serve does it by itself."`
	Version  versionCommand      `cmd:"" help:"Print the program's version."`

	DemoNode demoNode `cmd:"" hidden:"" help:"Run one node of the demo."`
}

// program is what every command is given.
type program struct {
	ctx       context.Context
	in        io.Reader
	out, errs io.Writer
	config    string // --config
	environ   []string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	p := &program{ctx: ctx, in: os.Stdin, out: os.Stdout, errs: os.Stderr, environ: os.Environ()}
	code := p.run(os.Args[1:])
	stop()
	os.Exit(code)
}

// run carries out one command and gives the exit code.
func (p *program) run(args []string) int {
	line := &commands{}
	parser, err := kong.New(line, kong.Name("ruche"), kong.Description("A node of a federated social network for companies."),
		kong.Writers(p.out, p.errs), kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}))
	if err != nil {
		return p.fail(exitRefused, err)
	}
	chosen, err := parser.Parse(args)
	if err != nil {
		return p.fail(exitUsage, fmt.Errorf("%w: see `%s --help`", err, commandOf(err)))
	}
	p.config = line.Config
	p.ctx = storage.Because(storage.ActingAs(p.ctx, whoRuns()), line.Why)
	if err := chosen.Run(p); err != nil {
		return p.fail(exitRefused, err)
	}
	return exitDone
}

// whoRuns is who acts, for the audit log: a user of the machine.
func whoRuns() storage.Actor {
	a := storage.Actor{Kind: storage.ActorCLI, Name: "uid " + strconv.Itoa(os.Getuid()), App: "ruche " + version}
	if u, err := user.Current(); err == nil {
		a.Name = u.Username
	}
	return a
}

// commandOf names the command that was used wrongly, as far as it was understood.
func commandOf(err error) string {
	var wrong *kong.ParseError
	if errors.As(err, &wrong) && wrong.Context != nil {
		if n := wrong.Context.Selected(); n != nil && !n.Hidden {
			return n.FullPath()
		}
	}
	return "ruche"
}

// fail prints an error as one line.
func (p *program) fail(code int, err error) int {
	fmt.Fprintln(p.errs, "ruche: "+oneLine(err.Error()))
	return code
}

// oneLine puts a text of several lines, such as joined errors or a driver's, on one.
func oneLine(text string) string {
	var parts []string
	for line := range strings.Lines(text) {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			parts = append(parts, line)
		}
	}
	return strings.Join(parts, "; ")
}

// load reads the configuration.
func (p *program) load() (node.Config, error) { return node.Load(p.config, p.config != "", p.environ) }

// withDB runs an act on the node's database, beside a running node too.
func (p *program) withDB(act func(cfg node.Config, db *storage.DB) error) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	db, err := node.OpenDB(p.ctx, cfg, quiet())
	if err != nil {
		return err
	}
	return errors.Join(act(cfg, db), db.Close())
}

// quiet is the log of a command: its one line says what there is to say.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// print writes one line, its fields separated by tabs. Whatever a field holds, it stays one field.
func (p *program) print(fields ...any) error {
	texts := make([]string, len(fields))
	for i, f := range fields {
		texts[i] = strings.Map(func(r rune) rune {
			if r == '\t' || r == '\n' || r == '\r' {
				return ' '
			}
			return r
		}, fmt.Sprint(f))
	}
	_, err := fmt.Fprintln(p.out, strings.Join(texts, "\t"))
	return err
}

// printJSON writes a value as JSON, indented for people.
func (p *program) printJSON(value any) error {
	e := json.NewEncoder(p.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(value)
}

type serve struct{}

func (serve) Run(p *program) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	return node.Run(p.ctx, cfg, node.Options{Version: version, Log: node.Logger(cfg)})
}

type demoCommand struct {
	Dir string `default:"./demo-data" help:"Where the demo's nodes keep their data."`
}

func (c demoCommand) Run(p *program) error {
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program, to start it once per node: %w", err)
	}
	return demo.Run(p.ctx, c.Dir, executable, p.out)
}

type demoNode struct {
	Dir  string `required:""`
	Name string `arg:""`
}

func (c demoNode) Run(p *program) error {
	return demo.Serve(p.ctx, c.Dir, c.Name, version, slog.New(slog.NewTextHandler(p.errs, nil)))
}

type versionCommand struct{}

func (versionCommand) Run(p *program) error { return p.print(version) }
