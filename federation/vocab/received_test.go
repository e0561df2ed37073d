package vocab_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ruche/federation/vocab"
	"ruche/storage"
)

func TestEveryReceivedDocumentNamesItsSource(t *testing.T) {
	list, err := os.ReadFile(filepath.Join("testdata", "received", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join("testdata", "received", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal(err, len(files))
	}
	servers := map[string]bool{}
	for _, file := range files {
		name := filepath.Base(file)
		if !strings.Contains(string(list), "| "+name+" | ") {
			t.Errorf("%s isn't in the list of sources", name)
		}
		server, _, _ := strings.Cut(name, "_")
		servers[server] = true
		decode(t, readFile(t, file))
	}
	for _, server := range []string{"mastodon", "gotosocial", "akkoma", "misskey", "lemmy", "peertube", "pixelfed", "wordpress"} {
		if !servers[server] {
			t.Errorf("no document of %s", server)
		}
	}
}

func readFile(t *testing.T, file string) string {
	t.Helper()
	body, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

const anasQuoted = "https://siege.test/posts/42"

func TestEveryWayToQuoteIsUnderstood(t *testing.T) {
	a := activity(t, received(t, "mastodon_quote"))
	o := object(t, a.Object.Document)
	equal(t, "quote", o.Quote, anasQuoted)
	equal(t, "stamp", o.QuoteAuthorization, "https://siege.test/quotes/9")
	equal(t, "policy", o.QuotePolicy("https://masto.test/users/alice/followers", ""), storage.QuoteFollowers)
	equal(t, "emojis", fmt.Sprint(o.Emojis), "[{https://masto.test/emojis/7 owl https://files.masto.test/owl.png image/png 2025-01-01 00:00:00 +0000 UTC}]")
	for _, name := range []string{"misskey_quote", "akkoma_note", "fep_e232_quote"} {
		equal(t, name, object(t, received(t, name)).Quote, anasQuoted)
	}
	for name, tc := range map[string]struct{ body, want string }{
		"an embedded post":      {`"quote":{"id":"https://a.test/9","type":"Note"}`, "https://a.test/9"},
		"one that was deleted":  {`"quote":{"type":"Tombstone"}`, ""},
		"a list of one":         {`"quote":["https://a.test/9"]`, "https://a.test/9"},
		"several":               {`"quote":["https://a.test/8","https://a.test/9"]`, ""},
		"no address":            {`"quote":"javascript:alert(1)","quoteUrl":"https://a.test/9"`, "https://a.test/9"},
		"Fedibird's word":       {`"quoteUri":"https://a.test/9"`, "https://a.test/9"},
		"a link by its type":    {`"tag":{"type":"Link","mediaType":"application/activity+json","rel":["https://w3id.org/fep/044f#quote"],"href":"https://a.test/9"}`, "https://a.test/9"},
		"a link to a page":      {`"tag":{"type":"Link","mediaType":"text/html","name":"RE: x","href":"https://a.test/9"}`, ""},
		"a link without reason": {`"tag":{"type":"Link","mediaType":"application/activity+json","href":"https://a.test/9"}`, ""},
	} {
		equal(t, name, object(t, decode(t, `{"id":"https://a.test/1","type":"Note",`+tc.body+"}")).Quote, tc.want)
	}
}

func TestAQuoteIsAskedForAndStamped(t *testing.T) {
	ask := activity(t, received(t, "mastodon_quote_request"))
	equal(t, "type", ask.Type, vocab.QuoteRequestType)
	equal(t, "quoted", ask.Object.ID, anasQuoted)
	equal(t, "quoting", ask.Instrument.ID, "https://masto.test/users/alice/statuses/300")
	equal(t, "quoting post's word", object(t, ask.Instrument.Document).Quote, anasQuoted)

	accept := activity(t, received(t, "mastodon_quote_accept"))
	equal(t, "stamp", accept.Result.ID, "https://masto.test/users/alice/quote_authorizations/8")
	inner := activity(t, accept.Object.Document)
	equal(t, "request", inner.Type+" "+inner.ID, "QuoteRequest https://siege.test/activities/77")

	s, err := vocab.ParseStamp(received(t, "mastodon_stamp"))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "stamp", *s, vocab.Stamp{ID: "https://masto.test/users/alice/quote_authorizations/8", Author: "https://masto.test/users/alice",
		Quoting: "https://siege.test/posts/50", Quoted: "https://masto.test/users/alice/statuses/113"})
	whole := `{"id":"https://a.test/1","type":"QuoteAuthorization","attributedTo":"https://a.test/u","interactingObject":"https://b.test/1","interactionTarget":"https://a.test/2"}`
	for _, without := range []string{`"id":"https://a.test/1",`, `"type":"QuoteAuthorization",`, `"attributedTo":"https://a.test/u",`, `"interactingObject":"https://b.test/1",`, `,"interactionTarget":"https://a.test/2"`} {
		if _, err := vocab.ParseStamp(decode(t, strings.Replace(whole, without, "", 1))); !errors.Is(err, vocab.ErrMalformed) {
			t.Errorf("a stamp without %s: got %v, want ErrMalformed", without, err)
		}
	}
}

func TestWhoMayQuoteIsUnderstood(t *testing.T) {
	const me, followers, following = "https://a.test/u", "https://a.test/u/followers", "https://a.test/u/following"
	for policy, want := range map[string]string{
		`{}`:                                    storage.QuoteUnsaid,
		`{"canLike":{"always":[]}}`:             storage.QuoteUnsaid,
		`{"canQuote":null}`:                     storage.QuoteUnsaid,
		`{"canQuote":{}}`:                       storage.QuoteNobody,
		`{"canQuote":{"always":["as:Public"]}}`: storage.QuotePublic,
		`{"canQuote":{"automaticApproval":"` + vocab.Public + `"}}`:                                   storage.QuotePublic,
		`{"canQuote":{"automaticApproval":["` + followers + `","` + following + `"]}}`:                storage.QuoteFollowers,
		`{"canQuote":{"automaticApproval":["` + following + `"]}}`:                                    storage.QuoteFollowing,
		`{"canQuote":{"automaticApproval":["` + me + `"],"manualApproval":["` + vocab.Public + `"]}}`: storage.QuoteAsk,
		`{"canQuote":{"automaticApproval":["https://b.test/u"]}}`:                                     storage.QuoteAsk,
		`{"canQuote":{"automaticApproval":["` + me + `"],"manualApproval":["` + me + `"]}}`:           storage.QuoteNobody,
		`{"canQuote":{"automaticApproval":[1,{},"not an id"]}}`:                                       storage.QuoteNobody,
		`{"canQuote":{"automaticApproval":[` + strings.Repeat(`"`+followers+`",`, 1100) + `"x"]}}`:    storage.QuoteNobody,
	} {
		o := object(t, decode(t, `{"id":"https://a.test/1","type":"Note","attributedTo":"`+me+`","interactionPolicy":`+policy+`}`))
		if got := o.QuotePolicy(followers, following); got != want {
			t.Errorf("%.100s: %q, want %q", policy, got, want)
		}
	}
	equal(t, "GoToSocial", object(t, received(t, "gotosocial_policy")).QuotePolicy("https://gts.test/users/bob/followers", ""), storage.QuoteAsk)
}

func TestPollsOfEachServerAreUnderstood(t *testing.T) {
	p := object(t, activity(t, received(t, "mastodon_poll_closed")).Object.Document).Poll
	equal(t, "closed", p.Closed, time.Date(2026, 2, 4, 10, 11, 12, 0, time.UTC))
	equal(t, "mastodon", fmt.Sprint(p.Multiple, p.Voters, p.Options), "true 4 [{plum 3} {apple 2}]")
	m := object(t, received(t, "misskey_poll")).Poll
	equal(t, "misskey", fmt.Sprint(m.Multiple, m.Voters, m.Options, m.EndTime.IsZero()), "false -1 [{yes 5} {always 1}] true")
	over := object(t, decode(t, `{"id":"https://a.test/1","type":"Question","closed":true,"oneOf":{"name":"only"}}`)).Poll
	equal(t, "over", fmt.Sprint(over.Over, over.Options), "true [{only 0}]")
	if none := object(t, decode(t, `{"id":"https://a.test/1","type":"Question","oneOf":["x",1,null]}`)).Poll; none != nil {
		t.Errorf("a question without answers has a poll: %+v", none)
	}
}

func TestAPixelfedAnswerWithAnObjectForItsTagsIsUnderstood(t *testing.T) {
	o := object(t, activity(t, received(t, "pixelfed_create")).Object.Document)
	equal(t, "mentions", fmt.Sprint(o.Mentions), "[{https://siege.test/users/7 @ana@siege.test}]")
	equal(t, "files", fmt.Sprint(o.Attachments[0].MediaType, " ", o.Attachments[0].Name, " ", o.Attachments[1].MediaType), "image/jpeg Boats video/mp4")
}

func TestAWordPressArticleIsUnderstood(t *testing.T) {
	o := object(t, received(t, "wordpress_article"))
	equal(t, "title", o.Name, "Bees & roofs")
	equal(t, "language", o.Language, "fr")
	equal(t, "page", o.URL, "https://blog.test/2026/04/bees/")
	equal(t, "policy", o.QuotePolicy("", ""), storage.QuotePublic)
	sameList(t, "hashtags", o.Hashtags, "bees")
}

func TestALemmyGroupAndItsPageAreUnderstood(t *testing.T) {
	a, err := vocab.ParseActor(received(t, "lemmy_group"))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "kind", a.Type, storage.Group)
	equal(t, "featured", a.Featured, "https://lemmy.test/c/lab/featured")
	o := object(t, received(t, "lemmy_page"))
	equal(t, "title", o.Name, "Microscope & co")
	equal(t, "link", fmt.Sprint(o.Attachments[0].Type, " ", o.Attachments[0].URL), "Link https://news.test/microscope")
}

func TestAnAkkomaReactionAndNoteAreUnderstood(t *testing.T) {
	a := activity(t, received(t, "akkoma_emoji_react"))
	equal(t, "type", a.Type, vocab.EmojiReactType)
	equal(t, "object", a.Object.ID, anasQuoted)
	o := object(t, received(t, "akkoma_note"))
	equal(t, "visibility", o.Visibility("https://akkoma.test/users/eda/followers"), storage.Unlisted)
	equal(t, "file", fmt.Sprint(o.Attachments[0].MediaType, " ", o.Attachments[0].URL), "video/mp4 https://akkoma.test/media/loom.mp4")
	equal(t, "emoji", o.Emojis[0].Name, "spool")
}

func TestReportsAndMovesAreUnderstood(t *testing.T) {
	flag := activity(t, received(t, "mastodon_flag"))
	equal(t, "flag", fmt.Sprint(flag.Content, " ", len(flag.Objects)), "Rude words 2")
	move := activity(t, received(t, "mastodon_move"))
	equal(t, "move", move.Object.ID+" → "+move.Target.ID, "https://masto.test/users/alice → https://other.test/users/alice")
}

func TestTypesOfOtherNamespacesAreUnderstood(t *testing.T) {
	for spelled, want := range map[string]string{
		`"as:Note"`: "Note", `"https://www.w3.org/ns/activitystreams#Article"`: "Article", `["schema:Thing","litepub:EmojiReact"]`: "EmojiReact",
		`"http://litepub.social/ns#EmojiReact"`: "EmojiReact", `"https://w3id.org/fep/044f#QuoteRequest"`: "QuoteRequest",
		`"urn:evil:Create"`: "urn:evil:Create", `"evil:Delete"`: "evil:Delete",
	} {
		equal(t, spelled, decode(t, `{"type":`+spelled+`}`).Type(), want)
	}
	o := object(t, decode(t, `{"id":"https://a.test/1","type":"Note","tag":[{"type":"toot:Emoji","name":":a:","icon":{"url":"https://a.test/a.png"}},{"type":"as:Hashtag","name":"#b"},
		{"type":"Emoji","name":":a:","icon":"https://a.test/twice.png"},{"type":"Emoji","name":":no picture:"},{"type":"Emoji","name":"::","icon":"https://a.test/x.png"}]}`))
	equal(t, "emojis", fmt.Sprint(len(o.Emojis), " ", o.Emojis[0].URL), "1 https://a.test/a.png")
	sameList(t, "hashtags", o.Hashtags, "b")
}

func FuzzStampsAndHashtags(f *testing.F) {
	f.Add(`{"id":"https://a.test/1","type":"QuoteAuthorization","attributedTo":"https://a.test/u","interactingObject":"https://b.test/1","interactionTarget":"https://a.test/2"}`)
	f.Add(`{"type":"Hashtag","name":"#a\u0000"}`)
	f.Add(`{"type":["QuoteAuthorization"],"id":{"id":{}}}`)
	f.Fuzz(func(t *testing.T, body string) {
		doc, err := vocab.Decode([]byte(body))
		if err != nil {
			return
		}
		if s, err := vocab.ParseStamp(doc); err == nil {
			for _, id := range []string{s.ID, s.Author, s.Quoting, s.Quoted} {
				if vocab.CheckIRI(id) != nil {
					t.Errorf("a stamp with the id %q", id)
				}
			}
		}
		if tag := vocab.ParseHashtag(doc); len(tag) > vocab.MaxName || strings.ContainsRune(tag, 0) {
			t.Errorf("the tag %q", tag)
		}
	})
}
