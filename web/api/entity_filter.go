package api

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"ruche/outbox/text"
	"ruche/storage"
)

// Filter tells an app what to do with posts that it meets.
type Filter struct {
	ID           string          `json:"id"`
	Title        string          `json:"title"`
	Context      []string        `json:"context"`
	ExpiresAt    *string         `json:"expires_at"`
	FilterAction string          `json:"filter_action"`
	Keywords     []FilterKeyword `json:"keywords,omitempty"`
	Statuses     []FilterStatus  `json:"statuses,omitempty"`
}

// FilterKeyword is a word that a filter looks for.
type FilterKeyword struct {
	ID        string `json:"id"`
	Keyword   string `json:"keyword"`
	WholeWord bool   `json:"whole_word"`
}

// FilterStatus is a post that a filter meets.
type FilterStatus struct {
	ID       string `json:"id"`
	StatusID string `json:"status_id"`
}

// Filtered says that one of the reader's filters met a post, and by what.
type Filtered struct {
	Filter         Filter   `json:"filter"`
	KeywordMatches []string `json:"keyword_matches"`
	StatusMatches  []string `json:"status_matches"`
}

// FilterV1 is one word of a filter in the words of older apps.
type FilterV1 struct {
	ID           string   `json:"id"`
	Phrase       string   `json:"phrase"`
	Context      []string `json:"context"`
	WholeWord    bool     `json:"whole_word"`
	ExpiresAt    *string  `json:"expires_at"`
	Irreversible bool     `json:"irreversible"`
}

// filterEntity writes a filter; whole with its words and posts.
func filterEntity(f *storage.Filter, whole bool) Filter {
	e := Filter{ID: id(f.ID), Title: f.Title, Context: f.Contexts, ExpiresAt: optStamp(f.ExpiresAt), FilterAction: f.Action}
	if !whole {
		return e
	}
	e.Keywords, e.Statuses = []FilterKeyword{}, []FilterStatus{}
	for _, k := range f.Keywords {
		e.Keywords = append(e.Keywords, keywordEntity(k))
	}
	for _, p := range f.Posts {
		e.Statuses = append(e.Statuses, FilterStatus{ID: id(p.ID), StatusID: id(p.PostID)})
	}
	return e
}

func keywordEntity(k *storage.FilterKeyword) FilterKeyword {
	return FilterKeyword{ID: id(k.ID), Keyword: k.Keyword, WholeWord: k.WholeWord}
}

func filterV1(f *storage.Filter, k *storage.FilterKeyword) FilterV1 {
	return FilterV1{ID: id(k.ID), Phrase: k.Keyword, Context: f.Contexts, WholeWord: k.WholeWord, ExpiresAt: optStamp(f.ExpiresAt), Irreversible: f.Action == storage.FilterHide}
}

// filters reads the filters of who reads.
func (rd reader) filters(ctx context.Context) ([]*storage.Filter, error) {
	if rd.me == storage.Nobody {
		return nil, nil
	}
	return rd.DB.Filters(ctx, rd.me, true)
}

// filtered says which of the reader's filters meet a post.
func (g *gathered) filtered(p *storage.Post) *[]Filtered {
	out := []Filtered{}
	if len(g.filters) == 0 || p.AuthorID == g.me {
		return &out
	}
	words := ""
	for _, f := range g.filters {
		m := Filtered{Filter: filterEntity(f, false)}
		for _, k := range f.Keywords {
			if words == "" {
				words = g.words(p)
			}
			if says(words, k.Keyword, k.WholeWord) {
				m.KeywordMatches = append(m.KeywordMatches, k.Keyword)
			}
		}
		for _, fp := range f.Posts {
			if fp.PostID == p.ID {
				m.StatusMatches = append(m.StatusMatches, id(p.ID))
			}
		}
		if m.KeywordMatches != nil || m.StatusMatches != nil {
			out = append(out, m)
		}
	}
	return &out
}

// words is everything that a post says, in lower case.
func (g *gathered) words(p *storage.Post) string {
	parts := []string{p.ContentWarning, text.Plain(p.HTML)}
	for _, m := range g.media[p.ID] {
		parts = append(parts, m.Description)
	}
	if poll := g.polls[p.ID]; poll != nil {
		for _, o := range poll.Options {
			parts = append(parts, o.Title)
		}
	}
	return strings.ToLower(strings.Join(parts, "\n\n"))
}

// says looks for a word in a text in lower case. A whole word begins and ends where the text's
// letters do.
func says(words, keyword string, whole bool) bool {
	keyword = strings.ToLower(keyword)
	for at := 0; keyword != ""; {
		i := strings.Index(words[at:], keyword)
		if i < 0 {
			return false
		}
		begin := at + i
		end := begin + len(keyword)
		if !whole || edge(words[:begin], keyword, false) && edge(words[end:], keyword, true) {
			return true
		}
		_, size := utf8.DecodeRuneInString(words[begin:])
		at = begin + size
	}
	return false
}

// edge says whether a keyword ends where its neighbour begins (after), or begins where it ends: no
// word goes on across the two.
func edge(neighbour, keyword string, after bool) bool {
	inner, _ := utf8.DecodeRuneInString(keyword)
	outer, size := utf8.DecodeLastRuneInString(neighbour)
	if after {
		inner, _ = utf8.DecodeLastRuneInString(keyword)
		outer, size = utf8.DecodeRuneInString(neighbour)
	}
	return size == 0 || !inWord(inner) || !inWord(outer)
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }
