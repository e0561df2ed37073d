package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

var errClosed = errors.New("the database is closed")

// groupSize is how many waiting acts share one commit at most.
const groupSize = 128

// groupWriter is SQLite's one writer. Acts that wait together share one commit, each in its
// savepoint, so that durability (synchronous=FULL) costs one flush for all of them.
type groupWriter struct {
	db    *DB
	bun   *bun.DB
	acts  chan *waitingAct
	conn  *bun.Conn
	stop  chan struct{} // closed when the database is
	ended chan struct{}
}

type waitingAct struct {
	ctx  context.Context
	run  func(builder) error
	done chan error
	tx   *Tx
}

func newGroupWriter(db *DB, bdb *bun.DB) *groupWriter {
	w := &groupWriter{db: db, bun: bdb, acts: make(chan *waitingAct), stop: make(chan struct{}), ended: make(chan struct{})}
	go w.loop()
	return w
}

func (w *groupWriter) update(ctx context.Context, run func(builder) error) error {
	a := &waitingAct{ctx: ctx, run: run, done: make(chan error, 1)}
	select {
	case w.acts <- a:
	case <-w.stop:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-a.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *groupWriter) close() error {
	close(w.stop)
	<-w.ended
	return nil
}

func (w *groupWriter) loop() {
	defer close(w.ended)
	defer w.drop()
	for {
		select {
		case first := <-w.acts:
			w.run(w.collect(first))
		case <-w.stop:
			return
		}
	}
}

// collect takes, beside the first, the acts that wait already.
func (w *groupWriter) collect(first *waitingAct) []*waitingAct {
	group := []*waitingAct{first}
	for len(group) < groupSize {
		select {
		case a := <-w.acts:
			group = append(group, a)
		default:
			return group
		}
	}
	return group
}

// run commits a group. Where the group has to be abandoned, each of its acts is run again
// alone, so that one broken act costs the others nothing but time.
func (w *groupWriter) run(group []*waitingAct) {
	err := w.try(group)
	if err == nil {
		return
	}
	if len(group) == 1 {
		group[0].done <- err
		return
	}
	for _, a := range group {
		if err := w.try([]*waitingAct{a}); err != nil {
			a.done <- err
		}
	}
}

// try runs a group in one transaction and answers its callers. An error means that nothing was
// stored, nobody was answered and the connection is closed.
func (w *groupWriter) try(group []*waitingAct) (err error) {
	ctx := context.Background()
	defer func() {
		if err != nil {
			w.drop()
		}
	}()
	if w.conn == nil {
		conn, err := w.bun.Conn(ctx)
		if err != nil {
			return fmt.Errorf("connect to database: %w", err)
		}
		w.conn = &conn
	}
	if _, err := w.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	results := make([]error, len(group))
	for i, a := range group {
		if results[i] = a.ctx.Err(); results[i] != nil {
			continue // its caller left before it began
		}
		if _, err := w.conn.ExecContext(ctx, "SAVEPOINT act"); err != nil {
			return fmt.Errorf("begin act: %w", err)
		}
		b := w.db.newAct(w.bun, *w.conn)
		a.tx = b.tx
		if results[i] = runAct(a.run, b); results[i] != nil {
			if _, err := w.conn.ExecContext(ctx, "ROLLBACK TO act"); err != nil {
				return fmt.Errorf("undo act: %w", err)
			}
		}
		if _, err := w.conn.ExecContext(ctx, "RELEASE act"); err != nil {
			return fmt.Errorf("end act: %w", err)
		}
	}
	if _, err := w.conn.ExecContext(ctx, "COMMIT"); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	for i, a := range group {
		if results[i] == nil {
			w.db.hub.publish(a.tx.events)
		}
		a.done <- results[i]
	}
	return nil
}

// drop closes the connection, whatever state it is in; its transaction is rolled back with it.
func (w *groupWriter) drop() {
	if w.conn == nil {
		return
	}
	_, _ = w.conn.ExecContext(context.Background(), "ROLLBACK") // fails where nothing is open, which is as good
	_ = w.conn.Conn.Raw(func(any) error { return errBadConn })  // take it out of the pool
	_ = w.conn.Close()
	w.conn = nil
}

// poolWriter is PostgreSQL's: acts run side by side, each in its own transaction, and the
// server groups their commits.
type poolWriter struct {
	db  *DB
	bun *bun.DB
}

// conflictTries is how often an act that met another one is run again.
const conflictTries = 5

func (w *poolWriter) update(ctx context.Context, run func(builder) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		var err error
		for try := range conflictTries {
			if err = w.once(context.WithoutCancel(ctx), run); err == nil || !conflict(err) {
				break
			}
			time.Sleep(time.Duration(try+1) * 10 * time.Millisecond)
		}
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *poolWriter) once(ctx context.Context, run func(builder) error) error {
	sqlTx, err := w.bun.DB.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	b := w.db.newAct(w.bun, sqlTx)
	if err := runAct(run, b); err != nil {
		if rollback := sqlTx.Rollback(); rollback != nil && !errors.Is(rollback, sql.ErrTxDone) {
			return errors.Join(err, fmt.Errorf("roll back: %w", rollback))
		}
		return err
	}
	if err := sqlTx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	w.db.hub.publish(b.tx.events)
	return nil
}
