package blob

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"
)

func openDisk(t *testing.T, dir string) Store {
	t.Helper()
	store, err := Disk(dir)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func put(t *testing.T, store Store, key, content string) {
	t.Helper()
	if err := store.Put(t.Context(), key, strings.NewReader(content)); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, store Store, key string) string {
	t.Helper()
	r, size, err := store.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(content)) != size {
		t.Errorf("Open said %d bytes, there are %d", size, len(content))
	}
	return string(content)
}

// files lists every file below dir, so that a test sees what is really there.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestWhatIsPutIsReadAgainEvenAfterARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "media")
	key := NewKey() + ".jpg"
	put(t, openDisk(t, dir), key, "picture")
	if got := read(t, openDisk(t, dir), key); got != "picture" {
		t.Errorf("got %q", got)
	}
}

func TestPuttingAgainReplacesTheBytes(t *testing.T) {
	store, key := openDisk(t, t.TempDir()), NewKey()
	put(t, store, key, "a long first version")
	put(t, store, key, "second")
	if got := read(t, store, key); got != "second" {
		t.Errorf("got %q", got)
	}
}

func TestADeletedBlobIsGoneAndMayBeDeletedAgain(t *testing.T) {
	store, key := openDisk(t, t.TempDir()), NewKey()
	put(t, store, key, "x")
	for range 2 {
		if err := store.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		if _, _, err := store.Open(t.Context(), key); !errors.Is(err, ErrNotFound) {
			t.Errorf("after deletion: %v", err)
		}
	}
	if err := store.Delete(t.Context(), NewKey()); err != nil {
		t.Errorf("deleting what never was: %v", err)
	}
}

func TestNoNameLeavesTheFolder(t *testing.T) {
	parent := t.TempDir()
	outside := filepath.Join(parent, "outside")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(parent, "media")
	store := openDisk(t, dir)
	good := NewKey()
	for _, key := range []string{
		"", ".", "..", "/", "../outside", "../../outside", "/etc/passwd", outside,
		"incoming", "incoming/" + good, "./" + good, good + "/", good + "/../../../outside",
		good + "\x00", good + "\x00.jpg", "\x00" + good, good + ".", good + "..", good + "...jpg",
		good + ".j/g", good + ".tar.gz", good + ".longer", good + ".JPG", good + " ", good + "\n",
		strings.ToUpper(good), good[:25], good + "-1", good + "1", good + "é", strings.Repeat("a", 65),
		strings.Repeat("../", 20) + good, `..\..\` + good, "%2e%2e%2f" + good, "aa/bb/" + good,
	} {
		if err := store.Put(t.Context(), key, strings.NewReader("x")); !errors.Is(err, ErrKey) {
			t.Errorf("Put(%q) = %v", key, err)
		}
		if _, _, err := store.Open(t.Context(), key); !errors.Is(err, ErrNotFound) {
			t.Errorf("Open(%q) = %v", key, err)
		}
		if err := store.Delete(t.Context(), key); err != nil {
			t.Errorf("Delete(%q) = %v", key, err)
		}
	}
	if got, err := os.ReadFile(outside); err != nil || string(got) != "secret" {
		t.Errorf("the file outside: %q, %v", got, err)
	}
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("refused names left files: %v", left)
	}
}

func TestASymbolicLinkOutOfTheFolderIsNotFollowed(t *testing.T) {
	parent := t.TempDir()
	elsewhere := filepath.Join(parent, "elsewhere")
	dir := filepath.Join(parent, "media")
	store, key := openDisk(t, dir), NewKey()
	if err := os.MkdirAll(filepath.Join(elsewhere, key[2:4]), 0o700); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(elsewhere, key[2:4], key)
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, filepath.Join(dir, key[:2])); err != nil {
		t.Fatal(err)
	}
	if r, _, err := store.Open(t.Context(), key); err == nil {
		r.Close()
		t.Error("Open followed the link")
	}
	if err := store.Put(t.Context(), key, strings.NewReader("x")); err == nil {
		t.Error("Put followed the link")
	}
	if err := store.Delete(t.Context(), key); err == nil {
		t.Error("Delete followed the link")
	}
	if got, err := os.ReadFile(secret); err != nil || string(got) != "secret" {
		t.Errorf("the file elsewhere: %q, %v", got, err)
	}
}

func TestAFailedPutLeavesNothingAndKeepsWhatWasThere(t *testing.T) {
	dir := t.TempDir()
	store, key := openDisk(t, dir), NewKey()
	broken := errors.New("the line broke")
	half := func() io.Reader {
		return io.MultiReader(strings.NewReader("half a pict"), iotest.ErrReader(broken))
	}
	if err := store.Put(t.Context(), key, half()); !errors.Is(err, broken) {
		t.Errorf("Put = %v", err)
	}
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	put(t, store, key, "whole")
	if err := store.Put(t.Context(), key, half()); !errors.Is(err, broken) {
		t.Errorf("Put = %v", err)
	}
	if got := read(t, store, key); got != "whole" {
		t.Errorf("got %q", got)
	}
}

func TestACancelledPutStops(t *testing.T) {
	dir := t.TempDir()
	store := openDisk(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	endless := readFunc(func(p []byte) (int, error) {
		cancel()
		return len(p), nil
	})
	if err := store.Put(ctx, NewKey(), endless); !errors.Is(err, context.Canceled) {
		t.Errorf("Put = %v", err)
	}
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestWalkFindsBlobsAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	store := openDisk(t, dir)
	want := map[string]int64{}
	for i := range 20 {
		key := NewKey()
		put(t, store, key, strings.Repeat("x", i))
		want[key] = int64(i)
	}
	for _, name := range []string{"README", "incoming/" + NewKey(), NewKey()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]int64{}
	err := store.Walk(t.Context(), func(key string, size int64) error {
		got[key] = size
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Errorf("%d blobs, want %d", len(got), len(want))
	}
	for key, size := range want {
		if got[key] != size {
			t.Errorf("%s: %d bytes, want %d", key, got[key], size)
		}
	}
	enough := errors.New("enough")
	calls := 0
	err = store.Walk(t.Context(), func(string, int64) error { calls++; return enough })
	if !errors.Is(err, enough) || calls != 1 {
		t.Errorf("Walk = %v after %d calls", err, calls)
	}
}

func TestAStartRemovesOnlyOldUnfinishedFiles(t *testing.T) {
	dir := t.TempDir()
	openDisk(t, dir)
	old := filepath.Join(dir, "incoming", NewKey())
	young := filepath.Join(dir, "incoming", NewKey())
	for _, name := range []string{old, young} {
		if err := os.WriteFile(name, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before := time.Now().Add(-25 * time.Hour)
	if err := os.Chtimes(old, before, before); err != nil {
		t.Fatal(err)
	}
	openDisk(t, dir)
	if left := files(t, dir); len(left) != 1 || left[0] != young {
		t.Errorf("left: %v, want %v", left, young)
	}
}

func TestKeysAreValidAndDiffer(t *testing.T) {
	store := openDisk(t, t.TempDir())
	seen := map[string]bool{}
	for range 1000 {
		key := NewKey()
		if len(key) < 26 || seen[key] {
			t.Fatalf("key %q", key)
		}
		seen[key] = true
	}
	for key := range seen {
		put(t, store, key+".webp", "x")
		break
	}
}

func TestManyMayPutAtOnce(t *testing.T) {
	store, key := openDisk(t, t.TempDir()), NewKey()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			content := bytes.Repeat([]byte{byte('a' + i)}, 100_000)
			if err := store.Put(t.Context(), key, bytes.NewReader(content)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	got := read(t, store, key)
	if len(got) != 100_000 || strings.Count(got, got[:1]) != len(got) {
		t.Error("the blob is a mixture of several")
	}
}

func FuzzNoNameLeavesTheFolder(f *testing.F) {
	f.Add("../../etc/passwd")
	f.Add(NewKey() + ".jpg")
	f.Add(NewKey() + "/../x")
	parent := f.TempDir()
	store, err := Disk(filepath.Join(parent, "media"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, key string) {
		err := store.Put(t.Context(), key, strings.NewReader("x"))
		if err != nil && !errors.Is(err, ErrKey) {
			t.Fatalf("Put(%q) = %v", key, err)
		}
		if err == nil {
			if strings.ContainsAny(key, "/\\\x00") || strings.Contains(key, "..") {
				t.Fatalf("Put(%q) was accepted", key)
			}
			if err := store.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
		entries, err := os.ReadDir(parent)
		if err != nil || len(entries) != 1 {
			t.Fatalf("beside the folder: %v, %v", entries, err)
		}
	})
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }
