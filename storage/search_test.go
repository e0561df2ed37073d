package storage_test

import (
	"strings"
	"testing"

	"ruche/storage"
	"ruche/storage/storagetest"
)

// Whatever somebody types is looked for, and never understood as the database's own language.
func FuzzSearchPosts(f *testing.F) {
	for _, seed := range []string{"bees", `"a b"`, "a* OR b", "nœud l'été", "x' ; DROP", "((", `\`, ":*", "\x00", "NEAR(a b)", "-", "é̀", "<->", "a:b"} {
		f.Add(seed)
	}
	dbs := []*storage.DB{storagetest.OpenWith(f, storage.Options{URL: storagetest.SQLite(f)})}
	if server := storagetest.Server(); server != "" {
		dbs = append(dbs, storagetest.OpenWith(f, storage.Options{URL: storagetest.Postgres(f, server)}))
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, db := range dbs {
			for _, what := range []storage.Search{{Words: []string{text}}, {Words: strings.Fields(text), Without: []string{text}}, {Phrases: []string{text, "bees"}}} {
				if _, err := db.SearchPosts(t.Context(), 1, what); err != nil {
					t.Fatalf("%+v: %v", what, err)
				}
			}
		}
	})
}
