package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"ruche/cmd/ruche/node"
	"ruche/storage"
	"ruche/storage/archive"
)

type backup struct {
	File string `arg:"" help:"Archive to write, a tar.gz; one of this name is replaced once the new one is whole."`
}

func (c backup) Run(p *program) error {
	return p.withDB(func(cfg node.Config, db *storage.DB) error {
		// Before the archive, so that it is in there: who had it has what the node knew.
		err := db.Update(p.ctx, func(tx *storage.Tx) error {
			return tx.Audit(p.ctx, storage.AuditEntry{Action: storage.ActionBackup, Subject: storage.AboutNode(), After: map[string]string{"file": c.File}})
		})
		if err != nil {
			return fmt.Errorf("backup: %w", err)
		}
		m, err := writeArchive(p.ctx, cfg, db, c.File)
		if err != nil {
			return fmt.Errorf("backup: %w", err)
		}
		return p.printArchive(c.File, m)
	})
}

// writeArchive writes beside the file, makes that durable, then renames: whoever looks sees the
// whole archive or the one before.
func writeArchive(ctx context.Context, cfg node.Config, db *storage.DB, file string) (_ *archive.Manifest, err error) {
	blobs, err := node.OpenBlobs(cfg)
	if err != nil {
		return nil, err
	}
	folder := filepath.Dir(file)
	unfinished, err := os.CreateTemp(folder, ".ruche-backup-*")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = unfinished.Close()
			_ = os.Remove(unfinished.Name())
		}
	}()
	out := bufio.NewWriterSize(unfinished, 1<<20)
	m, err := archive.Write(ctx, out, archive.Source{DB: db, Blobs: blobs, Program: version, Domain: cfg.Domain, PublicURL: cfg.PublicURL, Scratch: folder})
	if err != nil {
		return nil, err
	}
	if err := out.Flush(); err != nil {
		return nil, err
	}
	if err := unfinished.Sync(); err != nil {
		return nil, err
	}
	if err := unfinished.Close(); err != nil {
		return nil, err
	}
	if err := os.Rename(unfinished.Name(), file); err != nil {
		return nil, err
	}
	return m, syncFolder(folder)
}

// syncFolder makes a rename survive the machine.
func syncFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// printArchive says what an archive holds.
func (p *program) printArchive(file string, m *archive.Manifest) error {
	var rows int64
	for _, t := range m.Tables {
		rows += t.Rows
	}
	if m.MediaMissing > 0 {
		fmt.Fprintf(p.errs, "ruche: %d media files are named in the database and weren't in the store; the archive is whole without them\n", m.MediaMissing)
	}
	return p.print(file, fmt.Sprint(len(m.Tables), " tables"), fmt.Sprint(rows, " rows"), fmt.Sprint(m.Media.Files, " media files"))
}

type restore struct {
	File string `arg:"" help:"Archive that backup wrote."`
}

func (c restore) Run(p *program) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	open := func() (io.ReadCloser, error) { return os.Open(c.File) }
	m, err := checkArchive(open)
	if err == nil {
		err = sameNode(cfg, m)
	}
	if err == nil {
		err = readArchive(p.ctx, cfg, m, open)
	}
	switch {
	case errors.Is(err, archive.ErrDamaged):
		return fmt.Errorf("restore %s: %w: nothing was restored; take another backup", c.File, err)
	case errors.Is(err, storage.ErrExists):
		return fmt.Errorf("restore %s: %w: nothing was restored; name an empty database in RUCHE_DATABASE_URL or an empty RUCHE_DATA_DIR", c.File, err)
	case err != nil:
		return fmt.Errorf("restore %s: %w", c.File, err)
	}
	return p.printArchive(c.File, m)
}

func checkArchive(open func() (io.ReadCloser, error)) (*archive.Manifest, error) {
	in, err := open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return archive.Check(in)
}

// sameNode refuses an archive of another node: every id in it rests on these two.
func sameNode(cfg node.Config, m *archive.Manifest) error {
	for _, s := range []struct{ key, now, then string }{
		{"RUCHE_DOMAIN", cfg.Domain, m.Domain}, {"RUCHE_PUBLIC_URL", cfg.PublicURL, m.PublicURL},
	} {
		if s.now != s.then {
			return fmt.Errorf("%s is %q, but the archive was made under %q: set %s=%s", s.key, s.now, s.then, s.key, s.then)
		}
	}
	return nil
}

// readArchive fills the node while nothing else runs on it, then brings its schema up to date.
func readArchive(ctx context.Context, cfg node.Config, m *archive.Manifest, open func() (io.ReadCloser, error)) error {
	release, err := node.Lock(cfg.DataDir)
	if err != nil {
		return err
	}
	defer release()
	blobs, err := node.OpenBlobs(cfg)
	if err != nil {
		return err
	}
	db, err := node.ConnectDB(ctx, cfg, quiet())
	if err != nil {
		return err
	}
	if err := errors.Join(archive.Restore(ctx, m, open, db, blobs), db.Close()); err != nil {
		return err
	}
	if db, err = node.OpenDB(ctx, cfg, quiet()); err != nil {
		return fmt.Errorf("the archive is restored, but can't be opened: %w", err)
	}
	err = db.Update(ctx, func(tx *storage.Tx) error {
		return tx.Audit(ctx, storage.AuditEntry{Action: storage.ActionRestore, Subject: storage.AboutNode(), After: map[string]any{"made_at": m.MadeAt, "program": m.Program}})
	})
	return errors.Join(err, db.Close())
}
