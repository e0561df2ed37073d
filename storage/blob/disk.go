package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"
)

// incoming holds files that are still being written. Its name is longer than
// a fan-out folder's, so that the two cannot meet.
const incoming = "incoming"

// abandonedAfter is how old an unfinished file must be before a start removes
// it. A day: another program (a backup) may start while the server writes.
const abandonedAfter = 24 * time.Hour

// disk keeps each blob in ab/cd/abcd….ext below its folder. Two levels of two
// letters give a million folders, so none grows slow. Every path goes through
// os.Root, which refuses to leave the folder even by a symbolic link.
type disk struct {
	root *os.Root
}

// Disk returns a store in the folder dir, which is made if it is missing,
// readable by us alone. It removes what crashed writes left behind more than a
// day ago.
//
// There is nothing to close: nothing waits in memory, and the one descriptor
// that the store holds is given back when the store is collected.
func Disk(dir string) (Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the media folder %s: %w", dir, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the media folder %s: %w", dir, err)
	}
	d := &disk{root: root}
	if err := root.MkdirAll(incoming, 0o700); err != nil {
		root.Close()
		return nil, fmt.Errorf("make the folder for unfinished media in %s: %w", dir, err)
	}
	if err := d.removeAbandoned(time.Now().Add(-abandonedAfter)); err != nil {
		root.Close()
		return nil, fmt.Errorf("clean the folder for unfinished media in %s: %w", dir, err)
	}
	return d, nil
}

func (d *disk) removeAbandoned(before time.Time) error {
	entries, err := fs.ReadDir(d.root.FS(), incoming)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // finished or removed by its writer meanwhile
		}
		if err != nil {
			return err
		}
		if info.Mode().IsRegular() && info.ModTime().Before(before) {
			if err := d.remove(path.Join(incoming, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// Put writes beside, makes it durable, then renames: a reader sees the whole
// blob or none.
func (d *disk) Put(ctx context.Context, key string, r io.Reader) (err error) {
	if !validKey(key) {
		return fmt.Errorf("put blob %.80q: %w", key, ErrKey)
	}
	unfinished := path.Join(incoming, NewKey())
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("put blob %s: %w", key, err), d.remove(unfinished))
		}
	}()
	if err := d.write(ctx, unfinished, r); err != nil {
		return err
	}
	if err := d.root.MkdirAll(folder(key), 0o700); err != nil {
		return err
	}
	if err := d.root.Rename(unfinished, file(key)); err != nil {
		return err
	}
	// The rename is durable when the folder is, and a new folder when its own
	// folder is. We cannot tell whether another Put made these folders an
	// instant ago and has not synced them yet, so all three are synced.
	for _, dir := range []string{folder(key), path.Dir(folder(key)), "."} {
		if err := d.sync(dir); err != nil {
			return err
		}
	}
	return nil
}

func (d *disk) write(ctx context.Context, name string, r io.Reader) error {
	f, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, untilDone{ctx, r}); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

// Open opens the file of key.
func (d *disk) Open(ctx context.Context, key string) (io.ReadCloser, int64, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	if !validKey(key) {
		return nil, 0, fmt.Errorf("open blob %.80q: %w", key, ErrNotFound)
	}
	f, err := d.root.Open(file(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fmt.Errorf("open blob %s: %w", key, ErrNotFound)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("open blob %s: %w", key, err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("open blob %s: %w", key, err), f.Close())
	}
	if !info.Mode().IsRegular() {
		return nil, 0, errors.Join(fmt.Errorf("open blob %s: not a file: %w", key, ErrNotFound), f.Close())
	}
	return f, info.Size(), nil
}

// Delete removes the file of key and makes that durable, so that what a person
// erased does not come back with the power.
func (d *disk) Delete(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !validKey(key) {
		return nil
	}
	if err := d.remove(file(key)); err != nil {
		return fmt.Errorf("delete blob %s: %w", key, err)
	}
	// No folder: the key never held anything.
	if err := d.sync(folder(key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete blob %s: %w", key, err)
	}
	return nil
}

// Walk visits the blobs folder by folder. Whatever else lies in the folder (an
// unfinished file, something an operator put there) is passed over.
func (d *disk) Walk(ctx context.Context, fn func(key string, size int64) error) error {
	return fs.WalkDir(d.root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // deleted while we walk
		}
		if err != nil {
			return fmt.Errorf("walk the media folder at %s: %w", name, err)
		}
		if entry.IsDir() {
			if name == incoming {
				return fs.SkipDir
			}
			return nil
		}
		key := entry.Name()
		if !validKey(key) || name != file(key) {
			return nil
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("walk the media folder at %s: %w", name, err)
		}
		if !info.Mode().IsRegular() {
			return nil
		}
		return fn(key, info.Size())
	})
}

// folder and file are only asked about valid keys.
func folder(key string) string { return key[:2] + "/" + key[2:4] }
func file(key string) string   { return folder(key) + "/" + key }

// remove deletes a file; one that is gone already is what we wanted.
func (d *disk) remove(name string) error {
	if err := d.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (d *disk) sync(dir string) error {
	f, err := d.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// untilDone stops a copy when its context ends.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (u untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}
