// Package mirror shows what lives at peers through copies of our own.
//
// What comes in is an address that we made (storage.Seal): the name of one of our rows and a mark that nobody else can make. The first
// time somebody's browser asks for it, the file is fetched from its peer, by the node's one guarded way out and without a signature;
// from then on the copy is served. So a peer learns that this node has a reader, never who, when again or how many; and a
// file that nobody looks at is never fetched.
//
// A picture is drawn anew like an upload of our own people (outbox/picture); a film or sound is kept as it is, if its first bytes say
// that it is one. Anything else is refused and stays a link.
//
// What must never happen: a request to a host that isn't the peer's (also after a redirect), half a file under a finished key, a
// file that is served after its post, its author or its peer is gone or suspended, a peer that is asked on and on for what
// it hasn't.
package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"ruche/federation"
	"ruche/outbox"
	"ruche/outbox/picture"
	"ruche/storage"
	"ruche/storage/blob"
	"ruche/storage/queue"
)

// ErrBusy says that a peer can't be asked just now: again in a minute.
var ErrBusy = errors.New("the peer can't be asked just now")

// How long it is remembered that a file couldn't be had.
const (
	refusedFor = 24 * time.Hour   // it is nothing that we show, or isn't there
	failedFor  = 10 * time.Minute // the peer didn't answer; twice as long each time
	longest    = 24 * time.Hour
)

// Mirror fetches, keeps and opens copies. It is safe for concurrent use.
type Mirror struct {
	DB       *storage.DB
	Client   *federation.Client
	Blobs    blob.Store
	Pictures *picture.Reader
	Log      *slog.Logger

	mu      sync.Mutex
	flights map[string]*flight
	hosts   hosts
}

// flight is a fetch under way: whoever else wants the file waits for it.
type flight struct {
	done chan struct{}
	copy *storage.Copy
	err  error
}

// A File is a copy, opened.
type File struct {
	io.ReadCloser
	MIME string
}

// Register tells the queue who sweeps.
func (m *Mirror) Register(q *queue.Queue) { q.Handle(storage.JobCopies, m.sweep) }

// Open opens the copy of a file at a peer, and fetches it first where there is none. of, id and mark are the parts of its address.
// storage.ErrNotFound stands for a wrong address, for what may not be shown, and for what couldn't be had lately.
func (m *Mirror) Open(ctx context.Context, of string, id int64, mark string) (*File, error) {
	small := of == storage.OfPreview
	if small {
		of = storage.OfAttachment
	}
	f, err := m.DB.RemoteFile(ctx, of, id)
	if err != nil {
		return nil, err
	}
	seal, err := m.DB.Seal(ctx)
	if err != nil {
		return nil, err
	}
	if !seal.Fits(f, mark) || !federation.ShowsMedia(f.Peer, f.URL) || f.Kind == storage.MediaFile {
		return nil, storage.ErrNotFound
	}
	file, err := m.open(ctx, f, small)
	if !errors.Is(err, errNoCopy) {
		return file, err
	}
	if _, err := m.shared(ctx, f); err != nil {
		return nil, err
	}
	file, err = m.open(ctx, f, small)
	if errors.Is(err, errNoCopy) {
		return nil, storage.ErrNotFound // it went meanwhile
	}
	return file, err
}

// errNoCopy says that the file is yet to be fetched.
var errNoCopy = errors.New("no copy")

// open opens the copy that there is.
func (m *Mirror) open(ctx context.Context, f *storage.RemoteFile, small bool) (*File, error) {
	c, err := m.known(ctx, f)
	if err != nil {
		return nil, err
	}
	key, kind := c.BlobKey, c.MIME
	if small && c.SmallKey != "" {
		key, kind = c.SmallKey, c.SmallMIME
	}
	body, _, err := m.Blobs.Open(ctx, key)
	if errors.Is(err, blob.ErrNotFound) {
		return nil, errNoCopy // a backup leaves copies out
	}
	if err != nil {
		return nil, err
	}
	if m.DB.CopyAsked(c) {
		if err := m.DB.Update(ctx, func(tx *storage.Tx) error { return tx.NoteCopy(ctx, c) }); err != nil {
			m.Log.WarnContext(ctx, "a copy that is asked for could not be noted", "err", err)
		}
	}
	return &File{body, kind}, nil
}

// known is the copy of a file; errNoCopy where it should be fetched, ErrNotFound where that failed lately.
func (m *Mirror) known(ctx context.Context, f *storage.RemoteFile) (*storage.Copy, error) {
	c, err := m.DB.CopyOf(ctx, f)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return nil, errNoCopy
	case err != nil:
		return nil, err
	case c.Failed == "":
		return c, nil
	case c.RetryAt.After(m.DB.Now()):
		return nil, fmt.Errorf("%s: %w", c.Failed, storage.ErrNotFound)
	}
	return nil, errNoCopy
}

// shared fetches a file once, however many ask for it. Who goes away doesn't end it: the next reader is served by it.
func (m *Mirror) shared(ctx context.Context, f *storage.RemoteFile) (*storage.Copy, error) {
	key := fmt.Sprint(f.Of, f.ID)
	m.mu.Lock()
	if under := m.flights[key]; under != nil {
		m.mu.Unlock()
		select {
		case <-under.done:
			return under.copy, under.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	own := &flight{done: make(chan struct{}), err: errors.New("the fetch broke off")}
	if m.flights == nil {
		m.flights = map[string]*flight{}
	}
	m.flights[key] = own
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		delete(m.flights, key)
		m.mu.Unlock()
		close(own.done)
	}()
	own.copy, own.err = m.copied(context.WithoutCancel(ctx), f)
	return own.copy, own.err
}

// copied fetches a file and keeps it, or why it can't be had.
func (m *Mirror) copied(ctx context.Context, f *storage.RemoteFile) (*storage.Copy, error) {
	tries := 0
	switch before, err := m.DB.CopyOf(ctx, f); {
	case errors.Is(err, storage.ErrNotFound):
	case err != nil:
		return nil, err
	case before.Failed != "":
		tries = before.Tries
	}
	leave, err := m.hosts.enter(f.Host, m.DB.Now())
	if err != nil {
		return nil, err
	}
	c, ours, err := m.fetch(ctx, f)
	leave()
	if ours != nil {
		return nil, ours
	}
	if err != nil {
		c = m.failed(ctx, f, tries+1, err)
	}
	kept := m.DB.Update(ctx, func(tx *storage.Tx) error {
		old, err := tx.SaveCopy(ctx, f, c)
		if err != nil {
			return err
		}
		return outbox.ForgetMedia(ctx, tx, old)
	})
	if kept != nil {
		// Nothing names these bytes.
		for _, key := range []string{c.BlobKey, c.SmallKey} {
			if key != "" {
				_ = m.Blobs.Delete(ctx, key)
			}
		}
		return nil, kept
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", storage.ErrNotFound, err)
	}
	return c, nil
}

// failed is the memory of a fetch that failed. Where the peer didn't answer, nothing more is asked of it for a while.
func (m *Mirror) failed(ctx context.Context, f *storage.RemoteFile, tries int, err error) *storage.Copy {
	wait := min(failedFor<<min(tries-1, 10), longest)
	var status *federation.StatusError
	switch {
	case errors.As(err, &status) && status.Status < 500 && status.Status != http.StatusTooManyRequests && status.Status != http.StatusRequestTimeout,
		errors.Is(err, federation.ErrRedirect), errors.Is(err, federation.ErrAddress), errors.Is(err, federation.ErrTooLarge), errors.Is(err, errRefused),
		errors.Is(err, picture.ErrUnsupported), errors.Is(err, picture.ErrTooLarge), errors.Is(err, picture.ErrDamaged):
		wait = refusedFor
	case status != nil && status.Status == http.StatusTooManyRequests:
		m.hosts.quiet(f.Host, m.DB.Now().Add(min(max(status.RetryAfter, quietFor), longest)))
	case status == nil:
		m.hosts.quiet(f.Host, m.DB.Now().Add(quietFor))
	}
	m.Log.InfoContext(ctx, "a peer's file can't be shown", "host", f.Host, "of", f.Of, "id", f.ID, "try", tries, "err", err)
	reason := err.Error()
	return &storage.Copy{Failed: reason[:min(len(reason), 500)], Tries: tries, RetryAt: m.DB.Now().Add(wait)}
}

// sweep is the daily job: copies that nobody asks for any more go.
func (m *Mirror) sweep(ctx context.Context, _ *storage.Job) error {
	for done := false; !done; {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := m.DB.Update(ctx, func(tx *storage.Tx) error {
			var keys []string
			var err error
			if done, keys, err = tx.SweepCopies(ctx); err != nil {
				return err
			}
			return outbox.ForgetMedia(ctx, tx, keys)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
