package api

import (
	"io"
	"log/slog"
	"strings"
	"testing"

	"ruche/storage"
)

func TestAPostThatPanicsTakesNoOtherDown(t *testing.T) {
	var log strings.Builder
	a := New(Options{Log: slog.New(slog.NewTextHandler(io.Writer(&log), nil)), Locale: "fr"})
	rd := reader{API: a, base: "https://sales.test"}
	ana := &storage.Account{ID: 7, Username: "ana"}
	g := &gathered{reader: rd, people: &people{reader: rd, byID: map[int64]*storage.Account{7: ana}}, broken: func(p *storage.Post, cause any) { a.Log.Error("broken", "post", p.ID, "cause", cause) }}
	// Without a database nobody can say whether a poll is closed.
	g.polls = map[int64]*storage.Poll{1: {PostID: 1}}
	odd, whole := g.status(&storage.Post{ID: 1, AuthorID: 7, HTML: "<p>odd</p>"}), g.status(&storage.Post{ID: 2, AuthorID: 7, HTML: "<p>whole</p>"})
	if odd == nil || !strings.Contains(odd.Content, "ne peut pas être affiché") || odd.Account.Username != "ana" || odd.MediaAttachments == nil || odd.Poll != nil {
		t.Errorf("the odd one is %+v", odd)
	}
	if whole == nil || whole.Content != "<p>whole</p>" {
		t.Errorf("the other is %+v", whole)
	}
	if !strings.Contains(log.String(), "post=1") || strings.Contains(log.String(), "post=2") {
		t.Errorf("the log says %s", log.String())
	}
}
