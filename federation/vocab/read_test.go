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

func received(t *testing.T, name string) *vocab.Document {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", "received", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, string(body))
}

func decode(t *testing.T, body string) *vocab.Document {
	t.Helper()
	doc, err := vocab.Decode([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestAMastodonPostIsUnderstood(t *testing.T) {
	a := activity(t, received(t, "mastodon_create"))
	equal(t, "type", a.Type, "Create")
	equal(t, "actor", a.Actor, "https://masto.test/users/alice")
	o := object(t, a.Object.Document)
	equal(t, "id", o.ID, "https://masto.test/users/alice/statuses/113")
	equal(t, "ref", a.Object.ID, o.ID)
	sameList(t, "author", o.AttributedTo, a.Actor)
	equal(t, "page", o.URL, "https://masto.test/@alice/113")
	equal(t, "parent", o.InReplyTo, "https://siege.test/posts/42")
	equal(t, "warning", o.Summary, "spoilers")
	equal(t, "sensitive", o.Sensitive, true)
	equal(t, "language", o.Language, "en")
	equal(t, "conversation", o.Conversation, "tag:masto.test,2026-02-03:objectId=9:objectType=Conversation")
	equal(t, "context", o.Context, "https://masto.test/contexts/9-1")
	equal(t, "updated", o.Updated, time.Date(2026, 2, 3, 10, 20, 0, 0, time.UTC))
	equal(t, "visibility", o.Visibility("https://masto.test/users/alice/followers"), storage.Public)
	equal(t, "replies", o.Replies.ID, "https://masto.test/users/alice/statuses/113/replies")
	sameList(t, "hashtags", o.Hashtags, "chemistry")
	equal(t, "mentions", fmt.Sprint(o.Mentions), "[{https://siege.test/users/7 @ana@acme.test}]")
	want := vocab.Attachment{Type: "Document", MediaType: "image/png", URL: "https://files.masto.test/1.png", Name: "A flask",
		Blurhash: "UBL_:rOpGG-oBUNG,qRj2so|=eE1w^n4S5NH", Width: 800, Height: 600, FocusX: 0.1, FocusY: -0.9}
	if len(o.Attachments) != 1 || o.Attachments[0] != want {
		t.Errorf("attachments: %+v", o.Attachments)
	}
	if !strings.HasPrefix(string(o.Raw), `{`) || !strings.Contains(string(o.Raw), `"interactionPolicy"`) || strings.Contains(string(o.Raw), `"signature"`) {
		t.Errorf("the raw object isn't what was sent: %s", o.Raw)
	}
}

func TestAMastodonActorIsUnderstood(t *testing.T) {
	a, err := vocab.ParseActor(received(t, "mastodon_actor"))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "username", a.PreferredUsername, "alice")
	equal(t, "webfinger", a.Webfinger, "alice@masto.example")
	equal(t, "avatar", a.Icon, "https://files.masto.test/a.jpg")
	equal(t, "header", a.Image, "https://files.masto.test/h.jpg")
	equal(t, "shared inbox", a.SharedInbox, "https://masto.test/inbox")
	equal(t, "indexable", a.Indexable, true)
	equal(t, "circles", a.Circles, false)
	sameList(t, "aliases", a.AlsoKnownAs, "https://old.test/users/alice")
	equal(t, "fields", fmt.Sprint(a.Fields), `[{Web <a href="https://alice.test">alice.test</a>}]`)
	equal(t, "keys", len(a.PublicKeys), 1)
}

func TestAGoToSocialPostWithSingleValuesIsUnderstood(t *testing.T) {
	a := activity(t, received(t, "gotosocial_create"))
	sameList(t, "to", a.To, vocab.Public)
	o := object(t, a.Object.Document)
	equal(t, "visibility", o.Visibility("https://gts.test/users/bob/followers"), storage.Public)
	equal(t, "published", o.Published, time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC))
	equal(t, "language", o.Language, "fr")
	equal(t, "mentions", len(o.Mentions), 1)
}

func TestAKeyDocumentIsAStubActorOrABareKey(t *testing.T) {
	want := vocab.Key{ID: "https://gts.test/users/bob/main-key", Owner: "https://gts.test/users/bob", PEM: "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----"}
	bare := `{"id":"https://gts.test/users/bob/main-key","owner":"https://gts.test/users/bob","publicKeyPem":"-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n"}`
	for name, doc := range map[string]*vocab.Document{"stub": received(t, "gotosocial_key"), "bare": decode(t, bare)} {
		keys, err := vocab.ParseKeyDocument(doc)
		if err != nil || len(keys) != 1 || keys[0] != want {
			t.Errorf("%s: %+v, %v", name, keys, err)
		}
	}
	if _, err := vocab.ParseKeyDocument(decode(t, `{"id":"https://gts.test/k","type":"Person"}`)); !errors.Is(err, vocab.ErrMalformed) {
		t.Errorf("no key: got %v, want ErrMalformed", err)
	}
}

func TestAMisskeyPostWithNullsIsUnderstood(t *testing.T) {
	o := object(t, activity(t, received(t, "misskey_create")).Object.Document)
	equal(t, "visibility", o.Visibility("https://misskey.test/users/8xyz/followers"), storage.Unlisted)
	equal(t, "warning", o.Summary, "")
	equal(t, "parent", o.InReplyTo, "")
	equal(t, "published", o.Published, time.Date(2026, 1, 5, 12, 0, 0, 123e6, time.UTC))
	equal(t, "attachment", o.Attachments[0].URL, "https://misskey.test/files/1")
	sameList(t, "hashtags", o.Hashtags, "art")
}

func TestALemmyCommunityAnnouncesAnActivity(t *testing.T) {
	announce := activity(t, received(t, "lemmy_announce_page"))
	create := activity(t, announce.Object.Document)
	o := object(t, create.Object.Document)
	equal(t, "type", o.Type, "Page")
	equal(t, "title", o.Name, "A new centrifuge")
	equal(t, "language", o.Language, "de")
	sameList(t, "authors", o.AttributedTo, "https://lemmy.test/u/carl", "https://lemmy.test/c/lab")
	equal(t, "link", o.Attachments[0].URL, "https://news.test/centrifuge")
}

func TestAPollAndAVideoReadAsPosts(t *testing.T) {
	q := object(t, received(t, "question"))
	equal(t, "options", fmt.Sprint(q.Poll.Options), "[{yes 2} {no 1}]")
	equal(t, "visibility", q.Visibility("https://masto.test/users/alice/followers"), storage.Followers)
	v := object(t, received(t, "peertube_video"))
	equal(t, "page before stream", v.URL, "https://video.test/w/1")
	if !vocab.IsPost(q.Type) || !vocab.IsPost(v.Type) {
		t.Error("they don't count as posts")
	}
}

func TestLooseSpellingsAreUnderstood(t *testing.T) {
	for name, tc := range map[string]struct {
		body string
		want func(*testing.T, *vocab.Activity)
	}{
		"an object in an array of one": {`{"id":"https://a.test/1","type":"Like","actor":["https://a.test/u"],"object":["https://b.test/2"]}`,
			func(t *testing.T, a *vocab.Activity) { equal(t, "object", a.Object.ID, "https://b.test/2") }},
		"an embedded actor": {`{"id":"https://a.test/1","type":"Like","actor":{"id":"https://a.test/u","type":"Person"},"object":"https://b.test/2"}`,
			func(t *testing.T, a *vocab.Activity) { equal(t, "actor", a.Actor, "https://a.test/u") }},
		"several types, the first one we know": {`{"id":"https://a.test/1","type":["Emotion","Like","Follow"],"actor":"https://a.test/u","object":"https://b.test/2"}`,
			func(t *testing.T, a *vocab.Activity) { equal(t, "type", a.Type, "Like") }},
		"a type we don't know": {`{"id":"https://a.test/1","type":"EmojiReact","actor":"https://a.test/u","object":"https://b.test/2"}`,
			func(t *testing.T, a *vocab.Activity) { equal(t, "type", a.Type, "EmojiReact") }},
		"prefixed and full names": {`{"@id":"https://a.test/1","@type":"as:Like","as:actor":"https://a.test/u","https://www.w3.org/ns/activitystreams#object":"https://b.test/2"}`,
			func(t *testing.T, a *vocab.Activity) {
				equal(t, "type", a.Type, "Like")
				equal(t, "object", a.Object.ID, "https://b.test/2")
			}},
		"an undone activity without an id": {`{"id":"https://a.test/1","type":"Undo","actor":"https://a.test/u","object":{"type":"Like","object":"https://b.test/2"}}`,
			func(t *testing.T, a *vocab.Activity) {
				equal(t, "object", a.Object.ID, "")
				equal(t, "inner type", a.Object.Document.Type(), "Like")
			}},
		"a report of several things": {`{"id":"https://a.test/1","type":"Flag","actor":"https://a.test/u","object":["https://b.test/2","https://b.test/3"]}`,
			func(t *testing.T, a *vocab.Activity) {
				equal(t, "objects", len(a.Objects), 2)
				equal(t, "object", a.Object.ID, "")
			}},
		"all spellings of the public, nulls and nonsense among recipients": {`{"id":"https://a.test/1","type":"Like","actor":"https://a.test/u","object":null,"to":["Public","as:Public",null,"","acct:x@y",7,{"id":"https://b.test/u"}],"cc":null}`,
			func(t *testing.T, a *vocab.Activity) { sameList(t, "to", a.To, vocab.Public, "https://b.test/u") }},
		"a date that isn't one": {`{"id":"https://a.test/1","type":"Like","actor":"https://a.test/u","published":"yesterday"}`,
			func(t *testing.T, a *vocab.Activity) { equal(t, "published", a.Published.IsZero(), true) }},
		"a context that renames": {`{"@context":[{"content":"as:summary","as:content":"x","id":"@id"}],"id":"https://a.test/1","type":"Like","actor":"https://a.test/u"}`,
			func(t *testing.T, a *vocab.Activity) { equal(t, "type", a.Type, "Like") }},
	} {
		t.Run(name, func(t *testing.T) { tc.want(t, activity(t, decode(t, tc.body))) })
	}
}

func TestABodyThatTwoReadersCouldReadDifferentlyIsRefused(t *testing.T) {
	for name, body := range map[string]string{
		"nothing":                    "",
		"null":                       "null",
		"a number":                   "17",
		"a string":                   `"https://a.test/1"`,
		"an array":                   `[{"id":"https://a.test/1"}]`,
		"cut short":                  `{"id":"https://a.test/1"`,
		"a second object":            `{"id":"https://a.test/1"}{"id":"https://a.test/2"}`,
		"text after it":              `{"id":"https://a.test/1"} x`,
		"a trailing comma":           `{"id":"https://a.test/1",}`,
		"not JSON":                   `{id: 1}`,
		"the same key twice":         `{"id":"https://a.test/1","id":"https://a.test/2"}`,
		"twice with an escape":       `{"actor":"https://a.test/1","\u0061ctor":"https://a.test/2"}`,
		"twice deep down":            `{"object":[{"tag":{"href":1,"href":2}}]}`,
		"twice in the context":       `{"@context":{"a":"b","a":"c"}}`,
		"id and @id":                 `{"id":"https://a.test/1","@id":"https://a.test/2"}`,
		"actor and as:actor":         `{"actor":"https://a.test/1","as:actor":"https://a.test/2"}`,
		"actor and its full IRI":     `{"actor":"https://a.test/1","https://www.w3.org/ns/activitystreams#actor":"https://a.test/2"}`,
		"a graph":                    `{"@graph":[{"id":"https://a.test/1"}]}`,
		"a graph deep down":          `{"object":{"@graph":[]}}`,
		"an included block":          `{"@included":[]}`,
		"a reverse property":         `{"@reverse":{"actor":[]}}`,
		"invalid UTF-8":              "{\"id\":\"https://a.test/\xff\"}",
		"a key with a NUL":           `{"id\u0000":"https://a.test/1"}`,
		"objects nested too deep":    strings.Repeat(`{"a":`, 65) + "1" + strings.Repeat("}", 65),
		"arrays nested too deep":     `{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "}",
		"100,000 levels":             `{"a":` + strings.Repeat("[", 100000),
		"more than the most we take": `{"a":"` + strings.Repeat("x", vocab.MaxBody) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := vocab.Decode([]byte(body)); !errors.Is(err, vocab.ErrMalformed) {
				t.Errorf("got %v, want ErrMalformed", err)
			}
		})
	}
	if _, err := vocab.Decode([]byte(strings.Repeat(`{"a":`, 64) + "1" + strings.Repeat("}", 64))); err != nil {
		t.Errorf("64 levels: %v", err)
	}
	if _, err := vocab.Decode([]byte(`[]`)); err == nil || !strings.Contains(err.Error(), "not an object") {
		t.Errorf("why an array is refused: %v", err)
	}
	if _, err := vocab.Decode(make([]byte, vocab.MaxBody+1)); !errors.Is(err, vocab.ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
}

func TestAnActivityThatSaysNotWhoDidWhatIsRefused(t *testing.T) {
	const good = `"id":"https://a.test/1","type":"Create","actor":"https://a.test/u"`
	for name, body := range map[string]string{
		"no id":                      `{"type":"Create","actor":"https://a.test/u"}`,
		"no type":                    `{"id":"https://a.test/1","actor":"https://a.test/u"}`,
		"a type that isn't a name":   `{"id":"https://a.test/1","type":7,"actor":"https://a.test/u"}`,
		"no actor":                   `{"id":"https://a.test/1","type":"Create"}`,
		"two actors":                 `{"id":"https://a.test/1","type":"Create","actor":["https://a.test/u","https://a.test/v"]}`,
		"an actor that is a number":  `{"id":"https://a.test/1","type":"Create","actor":1}`,
		"an actor without an id":     `{"id":"https://a.test/1","type":"Create","actor":{"type":"Person"}}`,
		"an id that is an object":    `{"id":{"id":"https://a.test/1"},"type":"Create","actor":"https://a.test/u"}`,
		"an id of two":               `{"id":["https://a.test/1","https://a.test/2"],"type":"Create","actor":"https://a.test/u"}`,
		"two objects":                `{` + good + `,"object":["https://a.test/2","https://a.test/3"]}`,
		"an object that is a number": `{` + good + `,"object":7}`,
		"an array in an array":       `{` + good + `,"object":[["https://a.test/2"]]}`,
		"an id that forges":          `{"id":"https://a.test/1\",\"attributedTo\":\"https://evil.test/u","type":"Create","actor":"https://a.test/u"}`,
		"an object that forges":      `{` + good + `,"object":"https://a.test/1\",\"attributedTo\":\"https://evil.test/u"}`,
		"an actor with a NUL":        `{"id":"https://a.test/1","type":"Create","actor":"https://a.test/u\u0000"}`,
		"an actor with a line feed":  `{"id":"https://a.test/1","type":"Create","actor":"https://a.test/u\n"}`,
		"an actor with a space":      `{"id":"https://a.test/1","type":"Create","actor":" https://a.test/u"}`,
		"an actor with a backslash":  `{"id":"https://a.test/1","type":"Create","actor":"https:\\\\a.test/u"}`,
		"an actor with credentials":  `{"id":"https://a.test/1","type":"Create","actor":"https://b.test@a.test/u"}`,
		"an actor by a script":       `{"id":"https://a.test/1","type":"Create","actor":"javascript:alert(1)"}`,
	} {
		t.Run(name, func(t *testing.T) {
			if a, err := vocab.ParseActivity(decode(t, body)); !errors.Is(err, vocab.ErrMalformed) {
				t.Errorf("got %+v, %v, want ErrMalformed", a, err)
			}
		})
	}
}

func TestAnObjectWithAWrongIdIsRefused(t *testing.T) {
	for name, body := range map[string]string{
		"no id":                      `{"type":"Note"}`,
		"an author that is a number": `{"id":"https://a.test/1","type":"Note","attributedTo":1}`,
		"an author that forges":      `{"id":"https://a.test/1","type":"Note","attributedTo":"https://a.test/\"x"}`,
		"one wrong author of two":    `{"id":"https://a.test/1","type":"Note","attributedTo":["https://a.test/u",true]}`,
		"a parent that forges":       `{"id":"https://a.test/1","type":"Note","inReplyTo":"https://a.test/\\"}`,
		"two parents":                `{"id":"https://a.test/1","type":"Note","inReplyTo":["https://a.test/1","https://a.test/2"]}`,
	} {
		t.Run(name, func(t *testing.T) {
			if o, err := vocab.ParseObject(decode(t, body)); !errors.Is(err, vocab.ErrMalformed) {
				t.Errorf("got %+v, %v, want ErrMalformed", o, err)
			}
		})
	}
}

func TestListsThatDecideWhoReadsAreNeverCut(t *testing.T) {
	var many []string
	for i := range 10000 {
		many = append(many, fmt.Sprintf(`"https://a.test/u/%d"`, i))
	}
	list := "[" + strings.Join(many, ",") + "]"
	tags := strings.Repeat(`{"type":"Hashtag","name":"#a"},`, 10000)
	tags = "[" + tags[:len(tags)-1] + "]"
	start := time.Now()
	for _, field := range []string{"to", "cc", "attributedTo"} {
		_, err := vocab.ParseObject(decode(t, `{"id":"https://a.test/1","type":"Note","`+field+`":`+list+`}`))
		if !errors.Is(err, vocab.ErrTooMany) || !errors.Is(err, vocab.ErrMalformed) {
			t.Errorf("%s: got %v, want ErrTooMany", field, err)
		}
	}
	if _, err := vocab.ParseObject(decode(t, `{"id":"https://a.test/1","type":"Note","tag":`+tags+`}`)); !errors.Is(err, vocab.ErrTooMany) {
		t.Errorf("tag: got %v, want ErrTooMany", err)
	}
	for _, field := range []string{"to", "cc", "object"} {
		_, err := vocab.ParseActivity(decode(t, `{"id":"https://a.test/1","type":"Flag","actor":"https://a.test/u","`+field+`":`+list+`}`))
		if !errors.Is(err, vocab.ErrTooMany) {
			t.Errorf("%s: got %v, want ErrTooMany", field, err)
		}
	}
	c, err := vocab.ParseCollection(decode(t, `{"id":"https://a.test/c","type":"Collection","items":`+list+`}`))
	if err != nil || len(c.Items) != vocab.MaxEntries || !c.Truncated {
		t.Errorf("a long collection: %v, %d items, truncated %v", err, len(c.Items), c.Truncated)
	}
	// The library that we don't decode with takes close to a minute for one of them.
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestTextsAndDecorationAreCutToTheirLimits(t *testing.T) {
	repeat := func(s string, n int) string { return "[" + strings.TrimSuffix(strings.Repeat(s+",", n), ",") + "]" }
	o := object(t, decode(t, `{"id":"https://a.test/1","type":"Question",
		"content":"`+strings.Repeat("é", vocab.MaxContent)+`","name":"a\u0000b","summary":"`+strings.Repeat("x", 100000)+`",
		"oneOf":`+repeat(`{"name":"x"}`, 900)+`,"attachment":`+repeat(`{"url":"https://a.test/f"}`, 900)+`,
		"url":["javascript:alert(1)","data:text/html,x","https://a.test/page"],"context":"tag:x\"y"}`))
	equal(t, "content", len(o.Content), vocab.MaxContent)
	equal(t, "summary", len(o.Summary), vocab.MaxSummary)
	equal(t, "name without NUL", o.Name, "ab")
	equal(t, "options", len(o.Poll.Options), vocab.MaxOptions)
	equal(t, "attachments", len(o.Attachments), vocab.MaxAttachments)
	equal(t, "page", o.URL, "https://a.test/page")
	equal(t, "context", o.Context, "")

	a, err := vocab.ParseActor(decode(t, `{"id":"https://a.test/u","type":"Service","inbox":"https://a.test/u/inbox","attachment":`+
		repeat(`{"type":"PropertyValue","name":"n","value":"v"}`, 200)+`,"preferredUsername":["bot"],"alsoKnownAs":["did:key:z6","https://a.test/old"],"icon":[{"type":"Image","url":{"href":"https://a.test/i"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "fields", len(a.Fields), vocab.MaxFields)
	equal(t, "bot", a.Bot, true)
	sameList(t, "aliases", a.AlsoKnownAs, "https://a.test/old")
	equal(t, "username", a.PreferredUsername, "bot")
	equal(t, "avatar", a.Icon, "https://a.test/i")
}

func TestAttachmentNumbersThatMakeNoSenseAreLeftOut(t *testing.T) {
	o := object(t, decode(t, `{"id":"https://a.test/1","type":"Note","attachment":[
		{"type":"Image","url":"https://a.test/f","width":-5,"height":1e99,"focalPoint":[5,"x"]},
		{"type":"Image","url":"https://a.test/g","width":99999999999999999999,"height":"9","focalPoint":[0.5]}, 7, null, "https://a.test/h", {"type":"Image"}]}`))
	want := []vocab.Attachment{{Type: "Image", URL: "https://a.test/f"}, {Type: "Image", URL: "https://a.test/g"}}
	equal(t, "attachments", fmt.Sprint(o.Attachments), fmt.Sprint(want))
}

func TestKeysThatDisagreeAreRefused(t *testing.T) {
	const head = `{"id":"https://a.test/u","type":"Person","inbox":"https://a.test/u/inbox",`
	const one = `{"id":"https://a.test/u#main-key","owner":"https://a.test/u","publicKeyPem":"A"}`
	for name, tc := range map[string]struct {
		body string
		keys int // -1: refused
	}{
		"one":                   {head + `"publicKey":` + one + `}`, 1},
		"the same twice":        {head + `"publicKey":[` + one + `,` + one + `]}`, 1},
		"two":                   {head + `"publicKey":[` + one + `,` + strings.Replace(one, "main-key", "second", 1) + `]}`, 2},
		"none":                  {head + `"name":"x"}`, 0},
		"one that is named":     {head + `"publicKey":"https://a.test/key"}`, 0},
		"another PEM":           {head + `"publicKey":[` + one + `,` + strings.Replace(one, `"A"`, `"B"`, 1) + `]}`, -1},
		"another owner":         {head + `"publicKey":[` + one + `,` + strings.Replace(one, "test/u\",", "test/v\",", 1) + `]}`, -1},
		"two forms in one":      {head + `"publicKey":` + strings.Replace(one, `"owner"`, `"publicKeyMultibase":"z6","owner"`, 1) + `}`, -1},
		"a multikey beside it":  {head + `"publicKey":` + one + `,"assertionMethod":[{"id":"https://a.test/u#ed25519","type":"Multikey"}]}`, 1},
		"a multikey of that id": {head + `"publicKey":` + one + `,"assertionMethod":[{"id":"https://a.test/u#main-key","type":"Multikey"}]}`, -1},
		"no owner":              {head + `"publicKey":{"id":"https://a.test/u#main-key","publicKeyPem":"A"}}`, -1},
		"a PEM with a NUL":      {head + `"publicKey":` + strings.Replace(one, `"A"`, `"A\u0000"`, 1) + `}`, -1},
		"a hundred":             {head + `"publicKey":[` + strings.Repeat(one+",", 100) + one + `]}`, -1},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := vocab.ParseActor(decode(t, tc.body))
			if tc.keys < 0 {
				if !errors.Is(err, vocab.ErrMalformed) {
					t.Errorf("got %+v, %v, want ErrMalformed", a, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "keys", len(a.PublicKeys), tc.keys)
		})
	}
}

func TestACircleThatIsNotOursIsIgnored(t *testing.T) {
	const f = "https://a.test/u/followers"
	for name, tc := range map[string]struct{ extra, want string }{
		"public within the organisation":    {`"circle":"organisation","circleVisibility":"public"`, storage.Public},
		"no visibility within":              {`"circle":"organisation"`, storage.Followers},
		"a visibility without a circle":     {`"circleVisibility":"public"`, storage.Followers},
		"a circle we don't know":            {`"circle":"galaxy","circleVisibility":"public"`, storage.Followers},
		"a node's circle never leaves it":   {`"circle":"node","circleVisibility":"public"`, storage.Followers},
		"a visibility that we don't know":   {`"circle":"network","circleVisibility":"all"`, storage.Followers},
		"a visibility that isn't open":      {`"circle":"network","circleVisibility":"direct"`, storage.Followers},
		"a circle of another kind of value": {`"circle":{"id":"organisation"},"circleVisibility":"public"`, storage.Followers},
	} {
		t.Run(name, func(t *testing.T) {
			o := object(t, decode(t, `{"id":"https://a.test/1","type":"Note","to":["`+f+`"],`+tc.extra+`}`))
			equal(t, "visibility", o.Visibility(f), tc.want)
			equal(t, "to somebody else's followers", o.Visibility("https://b.test/u/followers"), storage.Direct)
			equal(t, "without followers", o.Visibility(""), storage.Direct)
		})
	}
}

// FuzzRead reads anything as everything: it never panics, and what it gives is within the limits and safe to
// write down.
func FuzzRead(f *testing.F) {
	for _, dir := range []string{"sent", "received"} {
		files, err := filepath.Glob(filepath.Join("testdata", dir, "*.json"))
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			body, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(body)
		}
	}
	f.Add([]byte(`{"id":"https://a.test/\u0000","type":["x",1],"actor":[[]],"url":{"url":{"url":{}}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		doc, err := vocab.Decode(body)
		if err != nil {
			if !errors.Is(err, vocab.ErrMalformed) {
				t.Fatalf("an untyped error: %v", err)
			}
			return
		}
		if _, err := vocab.Decode(doc.Raw); err != nil {
			t.Fatalf("what was read once isn't read again: %v", err)
		}
		safe := func(ids ...string) {
			for _, id := range ids {
				if id != "" && vocab.CheckIRI(id) != nil {
					t.Fatalf("an unsafe id: %q", id)
				}
			}
		}
		if a, err := vocab.ParseActivity(doc); err == nil {
			safe(a.ID, a.Actor, a.Object.ID, a.Target.ID, a.Instrument.ID, a.Result.ID)
			safe(a.To...)
			safe(a.Cc...)
		} else if !errors.Is(err, vocab.ErrMalformed) {
			t.Fatalf("an untyped error: %v", err)
		}
		if o, err := vocab.ParseObject(doc); err == nil {
			safe(o.ID, o.URL, o.InReplyTo, o.Quote, o.QuoteAuthorization)
			safe(o.AttributedTo...)
			safe(o.To...)
			safe(o.Cc...)
			for _, a := range o.Attachments {
				safe(a.URL)
			}
			for _, m := range o.Mentions {
				safe(m.Href)
			}
			for _, e := range o.Emojis {
				safe(e.ID, e.URL)
			}
			if o.Poll != nil && len(o.Poll.Options) > vocab.MaxOptions || len(o.Emojis) > vocab.MaxEmojis {
				t.Fatal("a list beyond its limits")
			}
			if len(o.Content) > vocab.MaxContent || len(o.Name) > vocab.MaxName || strings.ContainsRune(o.Content+o.Name+o.Summary, 0) {
				t.Fatal("a text beyond its limits")
			}
		}
		if a, err := vocab.ParseActor(doc); err == nil {
			safe(a.ID, a.URL, a.Inbox, a.Outbox, a.Followers, a.Following, a.SharedInbox, a.Icon, a.Image, a.MovedTo, a.Featured, a.FeaturedTags)
			safe(a.AlsoKnownAs...)
		}
		if keys, err := vocab.ParseKeyDocument(doc); err == nil {
			for _, k := range keys {
				safe(k.ID, k.Owner)
			}
		}
		if c, err := vocab.ParseCollection(doc); err == nil {
			safe(c.ID, c.First.ID, c.Next, c.PartOf)
			for _, item := range c.Items {
				safe(item.ID)
			}
		}
	})
}

func TestAContextRenamesNothing(t *testing.T) {
	plain := `"id":"https://a.test/1","type":"Create","actor":"https://a.test/u","object":{"id":"https://a.test/n","type":"Note","attributedTo":"https://a.test/u","content":"hello"}`
	for name, context := range map[string]string{
		"an alias of a key":       `[{"victim":"https://www.w3.org/ns/activitystreams#actor","actor":"https://evil.test/nothing"}]`,
		"keys that change places": `{"actor":"as:object","object":"as:actor"}`,
		"a vocabulary":            `{"@vocab":"https://evil.test/"}`,
		"an address":              `"https://evil.test/context"`,
		"a base":                  `{"@base":"https://victim.test/"}`,
		"a type":                  `{"Create":"as:Delete","Note":"as:Person"}`,
		"nothing":                 `null`,
		"a number":                `1`,
	} {
		doc, err := vocab.Decode([]byte(`{"@context":` + context + `,"victim":"https://victim.test/u",` + plain + `}`))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		a, err := vocab.ParseActivity(doc)
		if err != nil || a.Type != "Create" || a.Actor != "https://a.test/u" || a.ID != "https://a.test/1" {
			t.Errorf("%s: read as %+v (%v)", name, a, err)
		}
	}
}
