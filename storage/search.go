package storage

import (
	"context"
	"fmt"
	"html"
	"math"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Posts are found by their words, folded: case, accents, œ and æ make no difference. The folding is
// done here and not by the databases, so that both find the same.

// maxIndexed bounds the words of one post that can be found, in bytes.
const maxIndexed = 64 << 10

// fold brings a text into the form in which words are compared: letters and digits in lower case
// without accents, words separated by single spaces.
func fold(s string) string {
	var b strings.Builder
	gap := false
	for _, r := range norm.NFKD.String(strings.ToLower(s)) {
		switch {
		case unicode.Is(unicode.Mn, r):
			continue
		case unicode.IsLetter(r), unicode.IsDigit(r), unicode.Is(unicode.Mc, r):
			if gap && b.Len() > 0 {
				b.WriteByte(' ')
			}
			gap = false
			switch r {
			case 'œ':
				b.WriteString("oe")
			case 'æ':
				b.WriteString("ae")
			case 'ß':
				b.WriteString("ss")
			case 'ø':
				b.WriteByte('o')
			case 'ł':
				b.WriteByte('l')
			default:
				b.WriteRune(r)
			}
		default:
			gap = true // l'été is found by été
		}
		if b.Len() > maxIndexed {
			break
		}
	}
	return b.String()
}

// wordsOf takes the words out of the small HTML that is stored. What is hidden within a link's
// address belongs to the word around it.
func wordsOf(document string) string {
	var b strings.Builder
	for document != "" {
		before, rest, found := strings.Cut(document, "<")
		b.WriteString(before)
		if !found {
			break
		}
		tag, after, _ := strings.Cut(rest, ">")
		name := strings.TrimPrefix(strings.ToLower(tag), "/")
		if !strings.HasPrefix(name, "span") && name != "a" && !strings.HasPrefix(name, "a ") {
			b.WriteByte(' ')
		}
		document = after
	}
	return html.UnescapeString(b.String())
}

// indexPost makes a post's words findable; parts: it has files or a poll, which have words too; fresh: they are
// new, and moderators may look out for one of them. Shares have none of their own.
func (tx *Tx) indexPost(ctx context.Context, p *Post, parts, fresh bool) error {
	if p.ShareOfID != 0 {
		return nil
	}
	words := []string{p.ContentWarning, wordsOf(p.HTML)}
	if parts {
		more, err := tx.wordsOfParts(ctx, p.ID)
		if err != nil {
			return err
		}
		words = append(words, more...)
	}
	folded := fold(strings.Join(words, " "))
	if folded == "" {
		return nil
	}
	if fresh {
		if err := tx.alert(ctx, p, folded); err != nil {
			return err
		}
	}
	_, err := tx.idb.NewRaw("INSERT INTO post_words (rowid, words) VALUES (?, "+tx.db.wordsExpr()+")", p.ID, folded).Exec(ctx)
	return wrap("index post", err)
}

func (q *Queries) wordsOfParts(ctx context.Context, post int64) ([]string, error) {
	var words []string
	files, err := q.MediaOf(ctx, []int64{post})
	if err != nil {
		return nil, err
	}
	for _, m := range files[post] {
		words = append(words, m.Description)
	}
	polls, err := q.PollsOf(ctx, Nobody, []int64{post})
	if err != nil || polls[post] == nil {
		return words, err
	}
	for _, o := range polls[post].Options {
		words = append(words, o.Title)
	}
	return words, nil
}

func (tx *Tx) unindexPost(ctx context.Context, post int64) error {
	_, err := tx.idb.NewRaw("DELETE FROM post_words WHERE rowid = ?", post).Exec(ctx)
	return wrap("take post out of the index", err)
}

// settingIndexed remembers down to which id older posts are in the index; "all": to the first.
const settingIndexed = "search_indexed"

// indexBatch is how many older posts are indexed in one act.
const indexBatch = 200

// forgetIndex makes IndexOlder begin again: the words of posts are derived, so no backup holds them.
func (tx *Tx) forgetIndex(ctx context.Context) error {
	_, err := tx.idb.NewRaw("DELETE FROM settings WHERE name = ?", settingIndexed).Exec(ctx)
	return wrap("forget the index", err)
}

// IndexOlder makes posts findable that were stored before there was an index. It goes on where it
// was, and does nothing once all are.
func (db *DB) IndexOlder(ctx context.Context) error {
	for {
		done := false
		err := db.Update(ctx, func(tx *Tx) error {
			at, err := tx.Setting(ctx, settingIndexed)
			if err != nil || at == "all" {
				done = true
				return err
			}
			below := ParseID(at)
			if below == 0 {
				below = math.MaxInt64
			}
			var rows []*Post
			err = tx.idb.NewSelect().Model(&rows).Where("p.id < ? AND p.share_of_id IS NULL AND p.deleted_at IS NULL", below).Order("p.id DESC").Limit(indexBatch).Scan(ctx)
			if err != nil {
				return fmt.Errorf("look for posts to index: %w", err)
			}
			for _, p := range rows {
				if err := tx.unindexPost(ctx, p.ID); err != nil {
					return err
				}
				if err := tx.indexPost(ctx, p, true, false); err != nil {
					return err
				}
			}
			if at = "all"; len(rows) == indexBatch {
				at = FormatID(rows[len(rows)-1].ID)
			}
			return tx.SetSetting(ctx, settingIndexed, at)
		})
		if err != nil || done {
			return err
		}
	}
}

// A Search is what somebody looks for among posts. Zero fields ask nothing.
type Search struct {
	Words, Phrases []string // all of them; words may go on
	Without        []string
	From           int64
	Language       string
	Media, Replies *bool
	After, Before  time.Time
	Page           Page
	Offset         int
}

// SearchPosts finds posts that the viewer may see, newest first. Of somebody who doesn't want to be
// found by everybody, those find posts who follow them or are named.
func (q *Queries) SearchPosts(ctx context.Context, viewer int64, what Search) ([]*Post, error) {
	match := q.db.match(what)
	if match == "" && what.From == 0 {
		return nil, nil
	}
	var rows []*Post
	s := q.idb.NewSelect().Model(&rows).Where("p.share_of_id IS NULL").Where("(p.author_id = ? OR "+unlimited("p")+")", viewer).
		Where(`(p.author_id = ? OR EXISTS (SELECT 1 FROM accounts AS sa WHERE sa.id = p.author_id AND sa.indexable = ?)
			OR EXISTS (SELECT 1 FROM follows AS sf WHERE sf.followee_id = p.author_id AND sf.follower_id = ? AND sf.state = ?)
			OR EXISTS (SELECT 1 FROM mentions AS sm WHERE sm.post_id = p.id AND sm.account_id = ?))`, viewer, true, viewer, Accepted, viewer)
	if match != "" {
		s = s.Where(q.db.matchExpr(), match)
	}
	if what.From != 0 {
		s = s.Where("p.author_id = ?", what.From)
	}
	if what.Language != "" {
		s = s.Where("p.language = ?", what.Language)
	}
	for condition, asked := range map[string]*bool{"EXISTS (SELECT 1 FROM media AS me WHERE me.post_id = p.id)": what.Media, "p.in_reply_to_uri <> ''": what.Replies} {
		if asked != nil && *asked {
			s = s.Where(condition)
		} else if asked != nil {
			s = s.Where("NOT (" + condition + ")")
		}
	}
	if !what.After.IsZero() {
		s = s.Where("p.id >= ?", firstIDAt(what.After))
	}
	if !what.Before.IsZero() {
		s = s.Where("p.id < ?", firstIDAt(what.Before))
	}
	s = q.wantedBy(visibleTo(s, "p", viewer), "p", viewer).Offset(int64(what.Offset))
	if err := what.Page.apply(s, "p.id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("search posts: %w", err)
	}
	what.Page.order(rows)
	return rows, nil
}

// The two databases' ways of full text. What is put into a query is folded, and so holds nothing
// but letters, digits and spaces.

func (db *DB) wordsExpr() string {
	if db.postgres() {
		return "to_tsvector('simple', ?)"
	}
	return "?"
}

func (db *DB) matchExpr() string {
	if db.postgres() {
		return "EXISTS (SELECT 1 FROM post_words AS pw WHERE pw.rowid = p.id AND pw.words @@ to_tsquery('simple', ?))"
	}
	return "p.id IN (SELECT rowid FROM post_words WHERE post_words MATCH ?)"
}

// match writes what is looked for in the database's own language; empty where there is nothing.
func (db *DB) match(s Search) string {
	var all, none []string
	add := func(into *[]string, text string, prefix bool) {
		words := strings.Fields(fold(text))
		if len(words) == 0 {
			return
		}
		var term string
		if db.postgres() {
			for i, w := range words {
				words[i] = "'" + w + "'"
			}
			if term = strings.Join(words, " <-> "); prefix {
				term += ":*"
			}
			term = "(" + term + ")"
		} else {
			if term = `"` + strings.Join(words, " ") + `"`; prefix {
				term += " *"
			}
		}
		*into = append(*into, term)
	}
	for _, w := range s.Words {
		add(&all, w, true)
	}
	for _, p := range s.Phrases {
		add(&all, p, false)
	}
	for _, w := range s.Without {
		add(&none, w, false)
	}
	if len(all) == 0 {
		return "" // what isn't said can't be looked for alone
	}
	and, not := " AND ", " NOT "
	if db.postgres() {
		and, not = " & ", " & !"
	}
	match := strings.Join(all, and)
	for _, n := range none {
		match = "(" + match + ")" + not + n
	}
	return match
}
