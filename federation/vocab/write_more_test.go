package vocab_test

import (
	"errors"
	"strings"
	"testing"

	"ruche/federation/vocab"
	"ruche/storage"
)

func anasPoll() *storage.Poll {
	return &storage.Poll{PostID: 42, ExpiresAt: edited, VotersCount: 3, Options: []*storage.PollOption{{Title: `"thé"`, Votes: 2}, {Title: "café", Votes: 1, Position: 1}}}
}

func quoteOfLuc(state string) *storage.Quote {
	q := &storage.Quote{ID: 9, PostURI: "https://siege.test/posts/42", QuotedURI: "https://labo.test/posts/3", State: state, RequestURI: "https://siege.test/activities/8"}
	if state == storage.QuoteAccepted {
		q.ApprovalURI = "https://labo.test/quotes/5"
	}
	return q
}

// stampForLuc is the leave that ana gave to a post of luc's.
func stampForLuc() *storage.Quote {
	return &storage.Quote{ID: 9, PostURI: "https://labo.test/posts/4", QuotedURI: "https://siege.test/posts/42", State: storage.QuoteAccepted,
		RequestURI: "https://labo.test/activities/6", ApprovalURI: "https://siege.test/quotes/9"}
}

func TestWhatWeSayOfPollsIsWrittenAsAgreed(t *testing.T) {
	w := writer()
	body, err := w.Note(anasPost(), ana(), vocab.NoteParts{Poll: anasPoll()}, storage.Openly)
	o := object(t, golden(t, "question", body, err))
	equal(t, "type", o.Type, "Question")
	equal(t, "voters", o.Poll.Voters, int64(3))
	hidden := anasPoll()
	hidden.HideTotals, hidden.Multiple = true, true
	body, err = w.Note(anasPost(), ana(), vocab.NoteParts{Poll: hidden}, storage.Openly)
	if err != nil || strings.Contains(string(body), `"totalItems":2`) {
		t.Errorf("hidden totals are told (%v): %s", err, body)
	}
	hidden.ClosedAt = edited
	body, err = w.Note(anasPost(), ana(), vocab.NoteParts{Poll: hidden}, storage.Openly)
	o = object(t, golden(t, "question_closed", body, err))
	equal(t, "closed", o.Poll.Closed, edited)
	equal(t, "votes", o.Poll.Options[0].Votes, int64(2))

	vote := &storage.PollVote{ID: 5, URI: "https://siege.test/votes/5", CreatedAt: published}
	body, err = w.Vote(vote, ana(), luc(), "https://labo.test/posts/3", "café")
	v := object(t, activity(t, golden(t, "vote", body, err)).Object.Document)
	equal(t, "vote", v.Name+" in "+v.InReplyTo+v.Content, "café in https://labo.test/posts/3")
}

func TestWhatWeSayOfQuotesIsWrittenAsAgreed(t *testing.T) {
	w := writer()
	body, err := w.Note(anasPost(), ana(), vocab.NoteParts{Quote: quoteOfLuc(storage.QuotePending)}, storage.Openly)
	o := object(t, golden(t, "note_quoting_unasked", body, err))
	equal(t, "stamp before leave", o.QuoteAuthorization, "")
	body, err = w.Note(anasPost(), ana(), vocab.NoteParts{Quote: quoteOfLuc(storage.QuoteAccepted)}, storage.Openly)
	o = object(t, golden(t, "note_quoting", body, err))
	equal(t, "quote", o.Quote+" by "+o.QuoteAuthorization, "https://labo.test/posts/3 by https://labo.test/quotes/5")

	body, err = w.QuoteRequest(quoteOfLuc(storage.QuotePending), ana(), luc().URI, []byte(`"https://siege.test/posts/42"`))
	ask := activity(t, golden(t, "quote_request", body, err))
	equal(t, "instrument", ask.Instrument.ID, "https://siege.test/posts/42")

	body, err = w.AcceptQuote("https://siege.test/activities/10", stampForLuc(), ana(), luc())
	accept := activity(t, golden(t, "quote_accept", body, err))
	equal(t, "result", accept.Result.ID, "https://siege.test/quotes/9")
	equal(t, "request", accept.Object.ID, "https://labo.test/activities/6")
	body, err = w.RejectQuote("https://siege.test/activities/11", stampForLuc(), ana(), luc())
	equal(t, "result of a refusal", activity(t, golden(t, "quote_reject", body, err)).Result.ID, "")

	body, err = w.Stamp(stampForLuc(), ana())
	s, parseErr := vocab.ParseStamp(golden(t, "stamp", body, err))
	if parseErr != nil {
		t.Fatal(parseErr)
	}
	equal(t, "stamp", *s, vocab.Stamp{ID: "https://siege.test/quotes/9", Author: ana().URI, Quoting: "https://labo.test/posts/4", Quoted: "https://siege.test/posts/42"})
	body, err = w.RevokeStamp("https://siege.test/quotes/9/delete", stampForLuc(), ana(), []string{luc().URI})
	equal(t, "revoked", activity(t, golden(t, "stamp_delete", body, err)).Object.ID, "https://siege.test/quotes/9")
}

func TestWhoMayQuoteIsWritten(t *testing.T) {
	for _, tc := range []struct{ policy, visibility, want string }{
		{storage.QuotePublic, storage.Public, storage.QuotePublic},
		{storage.QuoteFollowers, storage.Unlisted, storage.QuoteFollowers},
		{storage.QuoteNobody, storage.Public, storage.QuoteNobody},
		{storage.QuotePublic, storage.Followers, storage.QuoteNobody},
		{storage.QuotePublic, storage.Direct, storage.QuoteNobody},
	} {
		p := anasPost()
		p.QuotePolicy, p.Visibility = tc.policy, tc.visibility
		body, err := writer().Note(p, ana(), vocab.NoteParts{}, storage.Openly)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, tc.policy+" on "+tc.visibility, object(t, decode(t, string(body))).QuotePolicy(followersOfAna, ""), tc.want)
	}
}

func TestWhatWeSayOfOthersIsWrittenAsAgreed(t *testing.T) {
	w := writer()
	block := &storage.Block{URI: "https://siege.test/blocks/4"}
	body, err := w.Block(block, ana(), luc())
	golden(t, "block", body, err)
	body, err = w.UndoBlock("https://siege.test/blocks/4/undo", block, ana(), luc())
	golden(t, "undo_block", body, err)
	report := &storage.Report{URI: "https://siege.test/activities/20", Comment: `He said "no"`}
	body, err = w.Flag(report, ana(), luc().URI, []string{"https://labo.test/posts/3"})
	equal(t, "reported", len(activity(t, golden(t, "flag", body, err)).Objects), 2)
	body, err = w.Move("https://siege.test/activities/21", ana(), "https://labo.test/users/77")
	equal(t, "target", activity(t, golden(t, "move", body, err)).Target.ID, "https://labo.test/users/77")
	body, err = w.Pin("https://siege.test/activities/22", ana(), "https://siege.test/posts/42")
	equal(t, "pinned to", activity(t, golden(t, "pin", body, err)).Target.ID, "https://siege.test/users/7/featured")
	body, err = w.Unpin("https://siege.test/activities/23", ana(), "https://siege.test/posts/42")
	golden(t, "unpin", body, err)
	body, err = w.FeatureTag("https://siege.test/activities/24", ana(), "été")
	equal(t, "tag", vocab.ParseHashtag(activity(t, golden(t, "feature_tag", body, err)).Object.Document), "été")
	body, err = w.UnfeatureTag("https://siege.test/activities/25", ana(), "été")
	golden(t, "unfeature_tag", body, err)
	body, err = w.Featured("https://siege.test/users/7/featured", []string{"https://siege.test/posts/42"})
	golden(t, "featured", body, err)
	body, err = w.FeaturedTags("https://siege.test/users/7/featured-tags", []string{"été"})
	golden(t, "featured_tags", body, err)

	moved := ana()
	moved.Aliases, moved.MovedTo = []string{"https://labo.test/users/77"}, "https://labo.test/users/77"
	body, err = w.Actor(moved, vocab.ActorParts{})
	a, parseErr := vocab.ParseActor(golden(t, "actor_moved", body, err))
	if parseErr != nil {
		t.Fatal(parseErr)
	}
	equal(t, "moved to", a.MovedTo, "https://labo.test/users/77")
	sameList(t, "aliases", a.AlsoKnownAs, "https://labo.test/users/77")

	emoji := []*storage.Emoji{{Name: "ruche", URI: "https://siege.test/emojis/1", MIME: "image/png", BlobKey: "k3y", UpdatedAt: published}}
	body, err = w.Note(anasPost(), ana(), vocab.NoteParts{Emojis: emoji}, storage.Openly)
	o := object(t, golden(t, "note_emoji", body, err))
	equal(t, "emoji", o.Emojis[0].Name+" "+o.Emojis[0].URL, "ruche https://siege.test/media/k3y")
}

func TestNothingIsWrittenWithAnIdThatIsNone(t *testing.T) {
	w := writer()
	const bad = `https://evil.test/","actor":"https://siege.test/users/7`
	evil := luc()
	evil.URI = bad
	broken := stampForLuc()
	broken.PostURI = bad
	for name, write := range map[string]func() ([]byte, error){
		"vote": func() ([]byte, error) {
			return w.Vote(&storage.PollVote{URI: "https://siege.test/votes/5"}, ana(), luc(), bad, "x")
		},
		"stamp":  func() ([]byte, error) { return w.Stamp(broken, ana()) },
		"accept": func() ([]byte, error) { return w.AcceptQuote("https://siege.test/a/1", broken, ana(), luc()) },
		"request": func() ([]byte, error) {
			return w.QuoteRequest(quoteOfLuc(storage.QuotePending), ana(), bad, []byte(`"x"`))
		},
		"block": func() ([]byte, error) {
			return w.Block(&storage.Block{URI: "https://siege.test/blocks/4"}, ana(), evil)
		},
		"flag": func() ([]byte, error) { return w.Flag(&storage.Report{URI: "https://siege.test/a/1"}, ana(), bad, nil) },
		"move": func() ([]byte, error) { return w.Move("https://siege.test/a/1", ana(), bad) },
		"pin":  func() ([]byte, error) { return w.Pin("https://siege.test/a/1", ana(), bad) },
		"list": func() ([]byte, error) { return w.Featured("https://siege.test/users/7/featured", []string{bad}) },
		"quoting": func() ([]byte, error) {
			q := quoteOfLuc(storage.QuotePending)
			q.QuotedURI = bad
			return w.Note(anasPost(), ana(), vocab.NoteParts{Quote: q}, storage.Openly)
		},
	} {
		if body, err := write(); !errors.Is(err, vocab.ErrInvalid) {
			t.Errorf("%s: got %v, want ErrInvalid\n%s", name, err, body)
		}
	}
}
