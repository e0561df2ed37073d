package archive_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ruche/storage"
	"ruche/storage/archive"
	"ruche/storage/blob"
	"ruche/storage/storagetest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func disk(t testing.TB) blob.Store {
	t.Helper()
	b, err := blob.Disk(t.TempDir())
	must(t, err)
	return b
}

// kinds gives an empty database of each kind that can be tested, by name.
func kinds() map[string]func(t testing.TB) string {
	all := map[string]func(t testing.TB) string{"sqlite": storagetest.SQLite}
	if server := storagetest.Server(); server != "" {
		all["postgresql"] = func(t testing.TB) string { return storagetest.Postgres(t, server) }
	}
	return all
}

// eachPair runs a test from every kind of database to every other and to itself.
func eachPair(t *testing.T, test func(t *testing.T, from *storage.DB, to string)) {
	for a, from := range kinds() {
		for b, to := range kinds() {
			t.Run(a+" to "+b, func(t *testing.T) {
				test(t, storagetest.OpenWith(t, storage.Options{URL: from(t)}), to(t))
			})
		}
	}
}

// lived fills a node with something in every corner that a backup could break: awkward text,
// bytes, times, nothing, a reply that is older than what it answers.
func lived(t testing.TB, db *storage.DB, blobs blob.Store) (picture string) {
	t.Helper()
	ctx := context.Background()
	ana, luc := storagetest.Person(t, db, "ana"), storagetest.Person(t, db, "luc")
	picture = blob.NewKey() + ".jpg"
	must(t, blobs.Put(ctx, picture, bytes.NewReader(bytes.Repeat([]byte{0, 255, '\n', '"'}, 10_000))))
	must(t, db.Update(ctx, func(tx *storage.Tx) error {
		m := &storage.Media{AccountID: ana.ID, Kind: "image", MIME: "image/jpeg", BlobKey: picture, Width: 4, Height: 3, FocusX: -0.3333333333333333, Size: 40_000}
		if err := tx.AddMedia(ctx, m); err != nil {
			return err
		}
		later := &storage.NewPost{Post: storage.Post{AuthorID: ana.ID, HTML: "<p>\"a\" \\ \u2028 \t😀 é</p>\n", Text: "ligne\r\n'; DROP TABLE posts; -- ?", Visibility: storage.Public, Circle: storage.CircleNetwork}, Hashtags: []string{"été"}, Media: []int64{m.ID}}
		if _, err := tx.AddPost(ctx, later); err != nil {
			return err
		}
		reply := &storage.NewPost{Post: storage.Post{AuthorID: luc.ID, HTML: "yes", InReplyToID: later.ID, PublishedAt: db.Now().Add(-24 * time.Hour), Visibility: storage.Public, Circle: storage.CircleNetwork}}
		if _, err := tx.AddPost(ctx, reply); err != nil {
			return err
		}
		if _, _, err := tx.AddFollow(ctx, &storage.Follow{FollowerID: luc.ID, FolloweeID: ana.ID, FollowerLocal: true, State: storage.Accepted}); err != nil {
			return err
		}
		if err := tx.AddToken(ctx, &storage.Token{Hash: storage.HashSecret("secret"), AccountID: ana.ID, Scopes: "read"}); err != nil {
			return err
		}
		if err := tx.SavePeer(ctx, &storage.Peer{Host: "labo.test", Tier: storage.Sibling, State: storage.PeerActive, AccountDomains: []string{"labo.example"}}); err != nil {
			return err
		}
		return tx.Enqueue(ctx, storage.NewJob{Kind: "deliver", Key: "labo.test ana", Host: "labo.test", Args: map[string]string{"a": "b"}, Body: []byte{0, 1, 254, 255}})
	}))
	return picture
}

// content is every row of every table, in an order that both databases agree on.
func content(t testing.TB, db *storage.DB) string {
	t.Helper()
	var out strings.Builder
	must(t, db.View(context.Background(), func(q *storage.Queries) error {
		tables, err := q.Tables(context.Background())
		if err != nil {
			return err
		}
		for _, table := range tables {
			var rows bytes.Buffer
			n, err := q.WriteRows(context.Background(), table, &rows)
			if err != nil {
				return err
			}
			lines := strings.Split(rows.String(), "\n")
			slices.Sort(lines)
			fmt.Fprintf(&out, "%s: %d\n%s\n", table, n, strings.Join(lines, "\n"))
		}
		return nil
	}))
	return out.String()
}

func source(t testing.TB, db *storage.DB, blobs blob.Store) archive.Source {
	return archive.Source{DB: db, Blobs: blobs, Program: "test", Domain: "sales.test", PublicURL: storagetest.BaseURL, Scratch: t.TempDir()}
}

// write makes an archive in a file.
func write(t testing.TB, db *storage.DB, blobs blob.Store) (file string, m *archive.Manifest) {
	t.Helper()
	var out bytes.Buffer
	s := source(t, db, blobs)
	m, err := archive.Write(context.Background(), &out, s)
	must(t, err)
	if left, err := os.ReadDir(s.Scratch); err != nil || len(left) > 0 {
		t.Errorf("scratch files are left: %v %v", left, err)
	}
	file = filepath.Join(t.TempDir(), "all.tar.gz")
	must(t, os.WriteFile(file, out.Bytes(), 0o600))
	return file, m
}

func connect(t testing.TB, url string) *storage.DB {
	t.Helper()
	db, err := storage.Connect(context.Background(), storage.Options{URL: url, BaseURL: storagetest.BaseURL})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

// restore checks an archive and restores it.
func restore(file string, db *storage.DB, blobs blob.Store) error {
	open := func() (io.ReadCloser, error) { return os.Open(file) }
	in, err := open()
	if err != nil {
		return err
	}
	m, err := archive.Check(in)
	if err := errors.Join(err, in.Close()); err != nil {
		return err
	}
	return archive.Restore(context.Background(), m, open, db, blobs)
}

func TestANodeIsTheSameAfterItMovedToAnotherDatabase(t *testing.T) {
	eachPair(t, func(t *testing.T, from *storage.DB, to string) {
		blobs, newBlobs := disk(t), disk(t)
		picture := lived(t, from, blobs)
		file, m := write(t, from, blobs)
		if m.Media.Files != 1 || m.Media.Bytes != 40_000 || m.MediaMissing != 0 {
			t.Errorf("the manifest counts %+v, %d missing", m.Media, m.MediaMissing)
		}
		db := connect(t, to)
		must(t, restore(file, db, newBlobs))
		if got, want := content(t, db), content(t, from); got != want {
			t.Errorf("restored:\n%s\nwas:\n%s", got, want)
		}
		bytes, size, err := newBlobs.Open(context.Background(), picture)
		must(t, err)
		defer bytes.Close()
		if size != 40_000 {
			t.Errorf("the picture has %d bytes", size)
		}
		// What rows refer to is guarded again, and the node lives on.
		err = db.Update(context.Background(), func(tx *storage.Tx) error {
			return tx.AddUser(context.Background(), &storage.User{AccountID: 1, Email: "nobody@sales.test"})
		})
		if err == nil {
			t.Error("a row that refers to nothing was taken after the restore")
		}
		if _, err := db.TokenBySecret(context.Background(), "secret"); err != nil {
			t.Errorf("a token no longer works: %v", err)
		}
		storagetest.Person(t, storagetest.OpenWith(t, storage.Options{URL: to}), "eve")
	})
}

func TestABackupUnderLoadHoldsEveryPostThatWasAcknowledgedBefore(t *testing.T) {
	eachPair(t, func(t *testing.T, from *storage.DB, to string) {
		ctx, stop := context.WithCancel(context.Background())
		blobs := disk(t)
		const writers = 4
		var mu sync.Mutex
		var acknowledged []int64
		var running sync.WaitGroup
		some := make(chan struct{})
		for i := range writers {
			author := storagetest.Person(t, from, fmt.Sprintf("writer%d", i))
			running.Go(func() {
				for ctx.Err() == nil {
					p := &storage.NewPost{Post: storage.Post{AuthorID: author.ID, HTML: "hello", Visibility: storage.Public, Circle: storage.CircleNetwork}}
					if err := from.Update(context.Background(), func(tx *storage.Tx) error { _, err := tx.AddPost(context.Background(), p); return err }); err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					if acknowledged = append(acknowledged, p.ID); len(acknowledged) == 100 {
						close(some)
					}
					mu.Unlock()
				}
			})
		}
		<-some
		mu.Lock()
		before := slices.Clone(acknowledged)
		mu.Unlock()
		file, _ := write(t, from, blobs)
		stop()
		running.Wait()
		db := connect(t, to)
		must(t, restore(file, db, disk(t)))
		posts, err := db.PostsByID(context.Background(), before)
		must(t, err)
		for _, id := range before {
			if posts[id] == nil {
				t.Errorf("post %d was acknowledged and is lost", id)
			}
		}
		// One moment: what a post changes beside itself is there with it.
		counts, err := db.Counts(context.Background())
		must(t, err)
		accounts, err := db.LocalAccounts(context.Background())
		must(t, err)
		var total int64
		for _, a := range accounts {
			total += a.PostsCount
		}
		if int64(counts["posts"]) != total || counts["posts"] < len(before) || counts["home"] != counts["posts"] {
			t.Errorf("%d posts, %d counted by their authors, %d in homes", counts["posts"], total, counts["home"])
		}
	})
}

// leftOut is what a change gives for a file that is to be missing.
var leftOut = []byte("left out")

// rewrite copies an archive, changing files on the way.
func rewrite(t *testing.T, file string, change func(name string, body []byte) []byte) string {
	t.Helper()
	in, err := os.Open(file)
	must(t, err)
	defer in.Close()
	zipped, err := gzip.NewReader(in)
	must(t, err)
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	to := tar.NewWriter(zip)
	for from := tar.NewReader(zipped); ; {
		h, err := from.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		body, err := io.ReadAll(from)
		must(t, err)
		if body = change(h.Name, body); bytes.Equal(body, leftOut) {
			continue
		}
		h.Size = int64(len(body))
		must(t, to.WriteHeader(h))
		_, err = to.Write(body)
		must(t, err)
	}
	must(t, to.Close())
	must(t, zip.Close())
	changed := filepath.Join(t.TempDir(), "changed.tar.gz")
	must(t, os.WriteFile(changed, out.Bytes(), 0o600))
	return changed
}

func TestADamagedArchiveChangesNothing(t *testing.T) {
	old := storagetest.OpenWith(t, storage.Options{URL: storagetest.SQLite(t)})
	blobs := disk(t)
	lived(t, old, blobs)
	file, _ := write(t, old, blobs)
	replace := func(in, old, new string) func(string, []byte) []byte {
		return func(name string, body []byte) []byte {
			if name != in {
				return body
			}
			changed := bytes.Replace(body, []byte(old), []byte(new), 1)
			if bytes.Equal(changed, body) {
				t.Fatalf("%s isn't in %s", old, in)
			}
			return changed
		}
	}
	without := func(prefix string) func(string, []byte) []byte {
		return func(name string, body []byte) []byte {
			if strings.HasPrefix(name, prefix) {
				return leftOut
			}
			return body
		}
	}
	whole, err := os.ReadFile(file)
	must(t, err)
	raw := func(body []byte) string {
		name := filepath.Join(t.TempDir(), "raw")
		must(t, os.WriteFile(name, body, 0o600))
		return name
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	cases := map[string]string{
		"a row was changed":       rewrite(t, file, replace("tables/users.jsonl", `"member"`, `"owner"`)),
		"a row is missing":        rewrite(t, file, withoutFirstAccount),
		"a table is missing":      rewrite(t, file, without("tables/follows")),
		"a picture is missing":    rewrite(t, file, without("media/")),
		"a picture was changed":   rewrite(t, file, flipMedia),
		"the manifest is missing": rewrite(t, file, without("manifest")),
		"a count was changed":     rewrite(t, file, replace("manifest.json", `"rows": 2`, `"rows": 3`)),
		"one byte is another":     raw(flipped),
		"the end is missing":      raw(whole[:len(whole)-9]),
		"the half is missing":     raw(whole[:len(whole)/2]),
		"it is empty":             raw(nil),
		"it is something else":    raw([]byte("PK\x03\x04 no archive of ours")),
	}
	storagetest.EachURL(t, func(t *testing.T, url string) {
		db, blobs := storagetest.OpenWith(t, storage.Options{URL: url}), disk(t)
		before := content(t, db)
		for name, file := range cases {
			t.Run(name, func(t *testing.T) {
				if err := restore(file, db, blobs); !errors.Is(err, archive.ErrDamaged) {
					t.Errorf("the answer is %v", err)
				}
				if content(t, db) != before {
					t.Error("the database has changed")
				}
				must(t, blobs.Walk(context.Background(), func(key string, _ int64) error { return fmt.Errorf("%s was put", key) }))
			})
		}
	})
}

func withoutFirstAccount(name string, body []byte) []byte {
	if name != "tables/accounts.jsonl" {
		return body
	}
	lines := bytes.SplitAfter(body, []byte("\n"))
	return bytes.Join(lines[1:], nil)
}

func flipMedia(name string, body []byte) []byte {
	if strings.HasPrefix(name, "media/") {
		body[7] ^= 1
	}
	return body
}

// An archive whose hashes fit may still not fit the database: a row that refers to nothing, or a
// column that no table has. The transaction is undone.
func TestAnArchiveThatDoesNotFitIsUndoneWholly(t *testing.T) {
	old := storagetest.OpenWith(t, storage.Options{URL: storagetest.SQLite(t)})
	blobs := disk(t)
	lived(t, old, blobs)
	file, m := write(t, old, blobs)
	cases := map[string]func(name string, body []byte) []byte{
		"refers to nothing": withoutFirstAccount,
		"has a strange column": func(name string, b []byte) []byte {
			return bytes.ReplaceAll(b, []byte(`"email":`), []byte(`"e-mail":`))
		},
		"has no follows": func(name string, b []byte) []byte {
			if name == "tables/follows.jsonl" {
				return leftOut
			}
			return b
		},
	}
	storagetest.EachURL(t, func(t *testing.T, url string) {
		db := storagetest.OpenWith(t, storage.Options{URL: url})
		before := content(t, db)
		for name, change := range cases {
			t.Run(name, func(t *testing.T) {
				changed := rewrite(t, file, change)
				// Check is passed by, as if somebody had made the manifest fit too.
				err := archive.Restore(context.Background(), m, func() (io.ReadCloser, error) { return os.Open(changed) }, db, disk(t))
				if err == nil {
					t.Error("it was restored")
				}
				if content(t, db) != before {
					t.Error("the database has changed")
				}
			})
		}
		must(t, restore(file, db, disk(t))) // the whole one still goes in
	})
}

func TestADatabaseInUseIsNotOverwritten(t *testing.T) {
	old := storagetest.OpenWith(t, storage.Options{URL: storagetest.SQLite(t)})
	blobs := disk(t)
	lived(t, old, blobs)
	file, _ := write(t, old, blobs)
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		storagetest.Person(t, db, "zoe")
		before, blobs := content(t, db), disk(t)
		if err := restore(file, db, blobs); !errors.Is(err, storage.ErrExists) {
			t.Errorf("the answer is %v", err)
		}
		if content(t, db) != before {
			t.Error("the database has changed")
		}
		must(t, blobs.Walk(context.Background(), func(key string, _ int64) error { return fmt.Errorf("%s was put", key) }))
	})
}

// A node that was started once has its own account and settings; those of the archive take their place.
func TestANodeThatNobodyUsedYetTakesABackup(t *testing.T) {
	old := storagetest.OpenWith(t, storage.Options{URL: storagetest.SQLite(t)})
	blobs := disk(t)
	lived(t, old, blobs)
	file, _ := write(t, old, blobs)
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		must(t, db.Update(ctx, func(tx *storage.Tx) error {
			if err := tx.SetSetting(ctx, storage.SettingDomain, "sales.test"); err != nil {
				return err
			}
			return tx.AddAccount(ctx, &storage.Account{Username: "sales.test", Kind: storage.Application})
		}))
		must(t, restore(file, db, disk(t)))
		if content(t, db) != content(t, old) {
			t.Error("the restored node differs")
		}
	})
}

// A picture that is deleted while the backup runs is no reason to have no backup.
func TestADeletedPictureIsLeftOut(t *testing.T) {
	db := storagetest.OpenWith(t, storage.Options{URL: storagetest.SQLite(t)})
	blobs := disk(t)
	picture := lived(t, db, blobs)
	must(t, blobs.Delete(context.Background(), picture))
	file, m := write(t, db, blobs)
	if m.MediaMissing != 1 || m.Media.Files != 0 {
		t.Errorf("the manifest counts %+v, %d missing", m.Media, m.MediaMissing)
	}
	must(t, restore(file, connect(t, storagetest.SQLite(t)), disk(t)))
}

// Whatever a file holds, reading it ends with an answer.
func FuzzCheck(f *testing.F) {
	db := storagetest.OpenWith(f, storage.Options{URL: storagetest.SQLite(f)})
	var whole bytes.Buffer
	_, err := archive.Write(context.Background(), &whole, source(f, db, disk(f)))
	must(f, err)
	f.Add(whole.Bytes())
	f.Add(whole.Bytes()[:whole.Len()/2])
	f.Add([]byte{0x1f, 0x8b})
	f.Fuzz(func(t *testing.T, body []byte) {
		if m, err := archive.Check(bytes.NewReader(body)); (m == nil) == (err == nil) {
			t.Errorf("both or neither: %v %v", m, err)
		}
	})
}

// The archive of an older program goes into an empty database, which is then brought up to date; a
// newer one's waits for a newer program.
func TestAnArchiveMeetsTheSchemaThatItWasMadeUnder(t *testing.T) {
	ctx := context.Background()
	old := connect(t, storagetest.SQLite(t))
	must(t, old.MigrateTo(ctx, []string{"0001"}))
	must(t, old.Update(ctx, func(tx *storage.Tx) error { return tx.SetSetting(ctx, "colour", "green") }))
	file, m := write(t, old, disk(t))
	if !slices.Equal(m.Schema, []string{"0001"}) {
		t.Errorf("the schema is %v", m.Schema)
	}
	newer := rewrite(t, file, func(name string, b []byte) []byte {
		return bytes.Replace(b, []byte(`"0001"`), []byte(`"0001", "9999"`), 1)
	})
	storagetest.EachURL(t, func(t *testing.T, url string) {
		if err := restore(newer, connect(t, url), disk(t)); err == nil || !strings.Contains(err.Error(), "newer program") {
			t.Errorf("the archive of a newer program: %v", err)
		}
		must(t, restore(file, connect(t, url), disk(t)))
		db := storagetest.OpenWith(t, storage.Options{URL: url})
		if got, err := db.Setting(ctx, "colour"); err != nil || got != "green" {
			t.Errorf("the setting is %q (%v)", got, err)
		}
		if err := restore(file, storagetest.OpenWith(t, storage.Options{URL: storagetest.SQLite(t)}), disk(t)); err == nil || !strings.Contains(err.Error(), "another schema") {
			t.Errorf("into a newer schema: %v", err)
		}
	})
}
