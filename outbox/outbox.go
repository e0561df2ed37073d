// Package outbox is what our people do.
//
// Each file is one act: post, edit, delete, share, like, follow, change a profile. An act checks
// what was asked, resolves what it needs from peers, then stores its rows, their consequences and
// one delivery per peer inbox in a single transaction. The answer never waits for the network:
// deliver.go hands the deliveries to the queue and carries them out later.
//
// What must never happen: a post that goes to a peer which its circle excludes, or a delivery
// that is lost because the process died.
package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"ruche/federation"
	"ruche/federation/vocab"
	"ruche/outbox/picture"
	"ruche/storage"
	"ruche/storage/blob"
	"ruche/storage/queue"
)

// Errors that callers act on, besides storage.ErrNotFound.
var (
	ErrInvalid   = errors.New("invalid")
	ErrForbidden = errors.New("not allowed")
)

// Invalid is what a person asked for that can't be done, in words for that person.
type Invalid struct{ Text string }

func (e *Invalid) Error() string        { return e.Text }
func (e *Invalid) Is(target error) bool { return target == ErrInvalid }

func invalid(format string, args ...any) error { return &Invalid{Text: fmt.Sprintf(format, args...)} }

// Outbox carries out the acts of local accounts.
type Outbox struct {
	DB       *storage.DB
	Writer   vocab.Writer
	Resolver *federation.Resolver
	Client   *federation.Client
	Blobs    blob.Store
	Pictures *picture.Reader
	Log      *slog.Logger
}

// Kinds of job.
const (
	JobDeliver     = "deliver"
	JobForgetMedia = "forget-media"
	JobScheduled   = "post-scheduled"
)

// Register tells the queue who does the outbox's jobs.
func (o *Outbox) Register(q *queue.Queue) {
	q.Handle(JobDeliver, o.Deliver)
	q.Handle(JobForgetMedia, o.forgetMedia)
	q.Handle(JobScheduled, o.postScheduled)
	q.Handle(JobAnnouncement, o.tellAnnouncement)
	q.Handle(storage.JobClosePoll, o.closePoll)
	q.Handle(storage.JobErase, o.erase)
	q.Handle(storage.JobTellPoll, o.tellPoll)
}

// visible finds a post that the account may see; a share stands for what it passes on.
func (o *Outbox) visible(ctx context.Context, q *storage.Queries, me *storage.Account, id int64) (*storage.Post, error) {
	p, err := q.VisiblePost(ctx, me.ID, id)
	if err == nil && p.ShareOfID != 0 {
		p, err = q.VisiblePost(ctx, me.ID, p.ShareOfID)
	}
	return p, err
}

// absent turns "there is none" into no error.
func absent(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	return err
}

func active(a *storage.Account) error {
	if !a.MayAct() {
		return fmt.Errorf("the account is suspended or frozen: %w", ErrForbidden)
	}
	return nil
}
