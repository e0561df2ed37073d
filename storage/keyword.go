package storage

import (
	"context"
	"fmt"
	"strings"
)

// Moderators look out for words: a post in which one stands makes a report, in the transaction that stores the
// post. It is never hidden or held for that. What is written to named people alone is nobody's to look through.

// settingKeywords holds the words, a line each.
const settingKeywords = "keywords"

// Limits of the words that moderators look out for.
const (
	MaxKeywords = 200
	MaxKeyword  = 100 // characters
)

// Keywords lists the words that moderators look out for.
func (q *Queries) Keywords(ctx context.Context) ([]string, error) {
	list, err := q.Setting(ctx, settingKeywords)
	if err != nil || list == "" {
		return nil, err
	}
	return strings.Split(list, "\n"), nil
}

// SetKeywords chooses them, and writes down who did. The caller has checked them.
func (tx *Tx) SetKeywords(ctx context.Context, words []string) error {
	before, err := tx.Keywords(ctx)
	if err != nil || strings.Join(before, "\n") == strings.Join(words, "\n") {
		return err
	}
	if err := tx.SetSetting(ctx, settingKeywords, strings.Join(words, "\n")); err != nil {
		return err
	}
	return tx.Audit(ctx, AuditEntry{Action: ActionKeywords, Subject: AboutNode(), Before: before, After: words})
}

// SameWord says whether two words are found in the same texts.
func SameWord(a, b string) bool { return fold(a) == fold(b) }

// Wordless says whether a text has nothing that could be found: neither letter nor digit.
func Wordless(s string) bool { return fold(s) == "" }

// alert makes a report of a post if one of the words stands in it. folded is the post's text, folded. A post is
// reported once, however often it is edited.
func (tx *Tx) alert(ctx context.Context, p *Post, folded string) error {
	if p.Backfilled || p.Visibility == Direct {
		return nil
	}
	words, err := tx.Keywords(ctx)
	if err != nil || len(words) == 0 {
		return err
	}
	var found []string
	for _, w := range words {
		if strings.Contains(" "+folded+" ", " "+fold(w)+" ") {
			found = append(found, w)
		}
	}
	if len(found) == 0 {
		return nil
	}
	service, err := tx.ServiceActor(ctx)
	if isNotFound(err) {
		return nil // the first start makes it
	}
	if err != nil {
		return err
	}
	comment := strings.Join(found, ", ")
	if r := []rune(comment); len(r) > maxAlert {
		comment = string(r[:maxAlert]) + "…"
	}
	_, err = tx.AddReport(ctx, &Report{AccountID: service.ID, TargetID: p.AuthorID, URI: fmt.Sprintf("urn:ruche:keyword:%d", p.ID), Category: CategoryOther, Comment: comment, Posts: []int64{p.ID}})
	return err
}

// maxAlert bounds how many characters of found words a report names.
const maxAlert = 500
