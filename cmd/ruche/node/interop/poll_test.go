//go:build interop

package interop

import (
	"slices"
	"testing"
	"time"

	"ruche/outbox"
	"ruche/storage"
)

func TestPolls(t *testing.T) {
	const area = "Polls"
	show(t, area, fromRuche, "A question is asked, answered from Fedify, and its counts and its end are told", "ActivityStreams vocabulary: Question; Mastodon's polls", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		lena.follows(ana)
		post := ana.posts(outbox.Draft{Text: "which honey?", Visibility: storage.Public, Poll: &outbox.PollDraft{Options: []string{"acacia", "lime"}, ExpiresIn: outbox.MinPollTime}})
		o := lena.receives("Create", ana, holds("which honey?")).Object
		if o.Type != "Question" || o.Multiple || o.EndTime == "" || len(o.Choices) != 2 || o.Choices[0].Name != "acacia" || o.Choices[1].Votes != 0 {
			f.Errorf("the question arrives as %+v", o)
		}
		lena.does("vote", args{"id": post.URI, "author": ana.acct(), "choice": "lime"})
		eventually(f.T, "the vote counts", func() bool { return slices.Equal(ana.votes(post), []int64{0, 1}) })
		f.node.advance(storage.PollTold)
		ana.posts(outbox.Draft{Text: "the queue looks", Visibility: storage.Public})
		lena.receives("Update", ana, func(a *activity) bool {
			return a.Object != nil && a.Object.ID == post.URI && a.Object.Voters == 1 && a.Object.Choices[1].Votes == 1 && !a.Object.Closed
		})
		f.node.advance(outbox.MinPollTime)
		ana.posts(outbox.Draft{Text: "the queue looks again", Visibility: storage.Public})
		lena.receives("Update", ana, func(a *activity) bool { return a.Object != nil && a.Object.ID == post.URI && a.Object.Closed })
	})
	show(t, area, fromRuche, "A question with several answers is understood as one", "ActivityStreams vocabulary: anyOf", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		lena.follows(ana)
		post := ana.posts(outbox.Draft{Text: "which flowers?", Visibility: storage.Public, Poll: &outbox.PollDraft{Options: []string{"lavender", "thyme", "rape"}, Multiple: true, ExpiresIn: time.Hour}})
		if o := lena.receives("Create", ana, holds("which flowers?")).Object; !o.Multiple || len(o.Choices) != 3 {
			f.Errorf("the question arrives as %+v", o)
		}
		for _, choice := range []string{"lavender", "rape"} {
			lena.does("vote", args{"id": post.URI, "author": ana.acct(), "choice": choice})
		}
		eventually(f.T, "both votes count", func() bool { return slices.Equal(ana.votes(post), []int64{1, 0, 1}) })
	})
	show(t, area, fromFedify, "A question arrives, is answered from Ruche, and its counts and its end are taken over", "ActivityStreams vocabulary: Question; Mastodon's polls", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		ana.follows(lena)
		choices := []string{"spring", "summer"}
		id := lena.does("post", args{"kind": "Question", "content": "<p>when to harvest?</p>", "choices": choices})
		post := ana.sees("when to harvest?")
		_, err := f.node.Outbox().Vote(f.ctx, ana.me, post.ID, []int{1})
		f.must(err)
		vote := lena.receives("Create", ana, func(a *activity) bool { return a.Object != nil && a.Object.InReplyTo == id })
		if o := vote.Object; o.Name != "summer" || o.Content != "" || o.Type != "Note" || !slices.Equal(o.To, []string{lena.uri}) || len(o.Cc) != 0 {
			f.Errorf("the vote arrives as %+v", o)
		}
		lena.does("edit", args{"id": id, "counts": map[string]int{"summer": 3}, "voters": 3})
		eventually(f.T, "the counts are known", func() bool { return slices.Equal(ana.votes(post), []int64{0, 3}) })
		lena.does("edit", args{"id": id, "counts": map[string]int{"summer": 4}, "voters": 4, "closed": true})
		eventually(f.T, "the poll is closed", func() bool {
			poll, err := f.node.DB().PollOf(f.ctx, post.ID)
			f.must(err)
			return poll.Closed(f.node.DB().Now()) && poll.Options[1].Votes == 4
		})
	})
}

// votes are the counts of a post's poll as the node has them.
func (p *person) votes(post *storage.Post) (counts []int64) {
	p.Helper()
	poll, err := p.node.DB().PollOf(p.ctx, post.ID)
	p.must(err)
	for _, o := range poll.Options {
		counts = append(counts, o.Votes)
	}
	return counts
}
