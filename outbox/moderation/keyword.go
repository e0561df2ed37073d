package moderation

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"ruche/storage"
)

// Keywords lists the words whose use makes a report.
func (d *Desk) Keywords(ctx context.Context) ([]string, error) {
	if err := d.DB.May(ctx, storage.ActKeywords); err != nil {
		return nil, err
	}
	return d.DB.Keywords(ctx)
}

// SetKeywords chooses them. Spaces around a word, empty lines and words that are found in the same texts as one
// before them are left out.
func (d *Desk) SetKeywords(ctx context.Context, words []string) error {
	var kept []string
	for _, w := range words {
		w = strings.Join(strings.Fields(w), " ")
		switch {
		case w == "":
			continue
		case utf8.RuneCountInString(w) > storage.MaxKeyword:
			return invalid("%q is longer than %d characters: shorten it.", w, storage.MaxKeyword)
		case storage.Wordless(w):
			return invalid("%q has neither letter nor digit, and would never be found: leave it out.", w)
		}
		if !slices.ContainsFunc(kept, func(k string) bool { return storage.SameWord(k, w) }) {
			kept = append(kept, w)
		}
	}
	if len(kept) > storage.MaxKeywords {
		return invalid("There are %d words, and at most %d are possible: leave some out.", len(kept), storage.MaxKeywords)
	}
	return d.DB.Update(ctx, func(tx *storage.Tx) error {
		if err := tx.May(ctx, storage.ActKeywords); err != nil {
			return err
		}
		return tx.SetKeywords(ctx, kept)
	})
}
