package storage

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/uptrace/bun"
	"golang.org/x/text/unicode/norm"
)

// SearchHashtags finds tags that begin with the text and that the viewer may see a public post of,
// the most used first.
func (q *Queries) SearchHashtags(ctx context.Context, viewer int64, text string, limit, offset int) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	var names []string
	s := q.idb.NewSelect().Model((*Hashtag)(nil)).ColumnExpr("h.name").Join("JOIN posts AS p ON p.id = h.post_id").
		Where("h.name LIKE ? ESCAPE '\\' AND p.visibility = ?", likePrefix(text), Public).
		Group("h.name").OrderExpr("COUNT(*) DESC, h.name").Limit(int64(limit)).Offset(int64(offset))
	if err := visibleTo(s, "p", viewer).Scan(ctx, &names); err != nil {
		return nil, fmt.Errorf("search hashtags: %w", err)
	}
	return names, nil
}

// MaxHashtag is the longest tag, in characters. Longer runs of letters are an accident.
const MaxHashtag = 100

// NormalTag is the one spelling of a tag (without its #) under which it is stored and asked for, whoever wrote it; ""
// for what is no tag.
func NormalTag(typed string) string {
	if utf8.RuneCountInString(typed) > MaxHashtag {
		return ""
	}
	tag := norm.NFKC.String(strings.ToLower(norm.NFKC.String(typed)))
	// A few letters are compatible with several, some of which are none: the Arabic ligature ﷺ is three words.
	plain := strings.Map(func(r rune) rune {
		if r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) {
			return r
		}
		return -1
	}, tag)
	if !strings.ContainsFunc(plain, unicode.IsLetter) {
		return ""
	}
	return plain
}

// HashtagUse is how often a tag was used, and by how many.
type HashtagUse struct{ Uses, Accounts int }

// HashtagDays counts the public posts with each tag by day (YYYY-MM-DD), keyed by tag.
func (q *Queries) HashtagDays(ctx context.Context, viewer int64, names []string, since time.Time) (map[string]map[string]HashtagUse, error) {
	out := make(map[string]map[string]HashtagUse, len(names))
	if len(names) == 0 {
		return out, nil
	}
	var rows []struct {
		Name     string
		PostID   int64
		AuthorID int64
	}
	// Ids hold the time, so that the days can be told apart here and alike on both databases.
	err := q.idb.NewSelect().Model((*Hashtag)(nil)).ColumnExpr("h.name, h.post_id, p.author_id").Join("JOIN posts AS p ON p.id = h.post_id").
		Where("h.name IN (?) AND h.post_id >= ? AND p.visibility = ? AND "+openTo("p", viewer), bun.List(names), firstIDAt(since), Public).
		OrderExpr("h.post_id DESC").Limit(hashtagRows).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count hashtags: %w", err)
	}
	type by struct {
		name, day string
		author    int64
	}
	seen := map[by]bool{}
	for _, r := range rows {
		day := IDTime(r.PostID).UTC().Format(time.DateOnly)
		if out[r.Name] == nil {
			out[r.Name] = map[string]HashtagUse{}
		}
		use := out[r.Name][day]
		use.Uses++
		if key := (by{r.Name, day, r.AuthorID}); !seen[key] {
			seen[key] = true
			use.Accounts++
		}
		out[r.Name][day] = use
	}
	return out, nil
}

// hashtagRows bounds what is counted of a tag's last days.
const hashtagRows = 20000
