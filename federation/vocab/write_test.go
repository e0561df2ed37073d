package vocab_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ruche/federation/vocab"
	"ruche/storage"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

const followersOfAna = "https://siege.test/users/7/followers"

var (
	published = time.Date(2026, 3, 4, 9, 30, 15, 250e6, time.UTC)
	edited    = published.Add(time.Hour)
)

func writer() vocab.Writer {
	return vocab.Writer{URIs: storage.URIs{Base: "https://siege.test"}, Domain: "acme.test"}
}

func proofKey() *storage.Key {
	return &storage.Key{ID: "https://siege.test/users/7#ed25519-key", Proofs: true,
		Public: "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEALmN9RrmsT69vGbcMNHsl2R8WqNRTDnXpnK4o2WCKkQE=\n-----END PUBLIC KEY-----\n"}
}

func ana() *storage.Account {
	uris := storage.URIs{Base: "https://siege.test"}
	id := uris.Actor(7)
	return &storage.Account{
		ID: 7, Username: "ana", Kind: storage.Person,
		URI: id, URL: uris.ProfilePage("ana"), InboxURI: id + "/inbox", SharedInboxURI: uris.SharedInbox(),
		OutboxURI: id + "/outbox", FollowersURI: id + "/followers", FollowingURI: id + "/following", KeyID: id + "#main-key",
		DisplayName: `Ana "la chimiste" O'Neil`, NoteHTML: `<p>Chimie & co</p>`,
		Fields:       []storage.Field{{Name: "Site", Value: "https://ana.test/?a=1&b=2"}, {Name: "Bureau", Value: "<B12>"}},
		Discoverable: true, Locked: true, Department: "R&D",
		PublicKey: "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n", CreatedAt: published,
	}
}

func luc() *storage.Account {
	id := "https://labo.test/users/9"
	return &storage.Account{
		ID: 9, Username: "luc", Domain: "labo.test", Peer: "labo.test", Kind: storage.Person,
		URI: id, URL: "https://labo.test/@luc", InboxURI: id + "/inbox", FollowersURI: id + "/followers",
	}
}

func anasPost() *storage.Post {
	uris := storage.URIs{Base: "https://siege.test"}
	return &storage.Post{
		ID: 42, AuthorID: 7, URI: uris.Post(42), URL: uris.PostPage("ana", 42), Context: "https://siege.test/contexts/42",
		HTML: `<p>Bonjour "Luc" & \ <a href="https://labo.test/@luc">@luc</a> </p>`, Language: "fr",
		Visibility: storage.Public, Circle: storage.CircleNetwork, PublishedAt: published,
	}
}

func fullParts() vocab.NoteParts {
	return vocab.NoteParts{
		Mentions: []*storage.Account{luc()}, Hashtags: []string{"chimie", "été"},
		Media: []*storage.Media{{
			MIME: "image/jpeg", BlobKey: "k3yk3yk3y", Description: `Un "bécher"`, Blurhash: "LEHV6nWB2yk8pyo0adR*.7kCMdnj",
			Width: 640, Height: 480, FocusX: 0.5, FocusY: -0.25,
		}},
		InReplyTo: "https://labo.test/posts/3",
	}
}

// golden compares what we send with the file of that name, indented for the reader.
func golden(t *testing.T, name string, got []byte, err error) *vocab.Document {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := vocab.Decode(got)
	if err != nil {
		t.Fatalf("our own reader refuses it: %v\n%s", err, got)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, got, "", "  "); err != nil {
		t.Fatal(err)
	}
	pretty.WriteByte('\n')
	file := filepath.Join("testdata", "sent", name+".json")
	if *update {
		if err := os.WriteFile(file, pretty.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, pretty.Bytes()) {
		t.Errorf("%s changed; run with -update if that is meant\n got %s\nwant %s", file, pretty.Bytes(), want)
	}
	return doc
}

func object(t *testing.T, doc *vocab.Document) *vocab.Object {
	t.Helper()
	o, err := vocab.ParseObject(doc)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func activity(t *testing.T, doc *vocab.Document) *vocab.Activity {
	t.Helper()
	a, err := vocab.ParseActivity(doc)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

func sameList(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func TestAPostIsReadBackAsItWasWritten(t *testing.T) {
	p := anasPost()
	p.ContentWarning, p.Sensitive, p.EditedAt = `attention: "acide"`, true, edited
	body, err := writer().Note(p, ana(), fullParts(), storage.Openly)
	o := object(t, golden(t, "note_full", body, err))

	equal(t, "id", o.ID, p.URI)
	equal(t, "type", o.Type, "Note")
	sameList(t, "author", o.AttributedTo, ana().URI)
	equal(t, "page", o.URL, p.URL)
	equal(t, "content", o.Content, p.HTML)
	equal(t, "language", o.Language, "fr")
	equal(t, "warning", o.Summary, p.ContentWarning)
	equal(t, "sensitive", o.Sensitive, true)
	equal(t, "published", o.Published, p.PublishedAt)
	equal(t, "updated", o.Updated, p.EditedAt)
	equal(t, "parent", o.InReplyTo, "https://labo.test/posts/3")
	equal(t, "context", o.Context, p.Context)
	equal(t, "conversation", o.Conversation, p.Context)
	equal(t, "replies", o.Replies.ID, p.URI+"/replies")
	sameList(t, "hashtags", o.Hashtags, "chimie", "été")
	if len(o.Mentions) != 1 || o.Mentions[0] != (vocab.Mention{Href: luc().URI, Name: "@luc@labo.test"}) {
		t.Errorf("mentions: %v", o.Mentions)
	}
	want := vocab.Attachment{
		Type: "Document", MediaType: "image/jpeg", URL: "https://siege.test/media/k3yk3yk3y", Name: `Un "bécher"`,
		Blurhash: "LEHV6nWB2yk8pyo0adR*.7kCMdnj", Width: 640, Height: 480, FocusX: 0.5, FocusY: -0.25,
	}
	if len(o.Attachments) != 1 || o.Attachments[0] != want {
		t.Errorf("attachments: %+v", o.Attachments)
	}
}

func TestAPostIsAddressedAsItsVisibilityAndItsCircleSay(t *testing.T) {
	for name, tc := range map[string]struct {
		visibility, circle string
		how                storage.Addressing
		to, cc             []string
		sentCircle         string
		read               string // what a node that knows circles reads
		readElsewhere      string // what is read from to and cc alone
	}{
		"openly_public":      {storage.Public, storage.CircleNetwork, storage.Openly, []string{vocab.Public}, []string{followersOfAna, luc().URI}, "", storage.Public, storage.Public},
		"openly_unlisted":    {storage.Unlisted, storage.CircleNetwork, storage.Openly, []string{followersOfAna}, []string{vocab.Public, luc().URI}, "", storage.Unlisted, storage.Unlisted},
		"openly_followers":   {storage.Followers, storage.CircleNetwork, storage.Openly, []string{followersOfAna}, []string{luc().URI}, "", storage.Followers, storage.Followers},
		"openly_direct":      {storage.Direct, storage.CircleNetwork, storage.Openly, []string{luc().URI}, nil, "", storage.Direct, storage.Direct},
		"closed_public":      {storage.Public, storage.CircleNetwork, storage.ToFollowers, []string{followersOfAna}, []string{luc().URI}, "network", storage.Public, storage.Followers},
		"closed_unlisted":    {storage.Unlisted, storage.CircleNetwork, storage.ToFollowers, []string{followersOfAna}, []string{luc().URI}, "network", storage.Unlisted, storage.Followers},
		"closed_followers":   {storage.Followers, storage.CircleNetwork, storage.ToFollowers, []string{followersOfAna}, []string{luc().URI}, "network", storage.Followers, storage.Followers},
		"closed_direct":      {storage.Direct, storage.CircleNetwork, storage.ToFollowers, []string{luc().URI}, nil, "network", storage.Direct, storage.Direct},
		"organisation":       {storage.Public, storage.CircleOrganisation, storage.ToFollowers, []string{followersOfAna}, []string{luc().URI}, "organisation", storage.Public, storage.Followers},
		"organisation_lists": {storage.Unlisted, storage.CircleOrganisation, storage.ToFollowers, []string{followersOfAna}, []string{luc().URI}, "organisation", storage.Unlisted, storage.Followers},
	} {
		t.Run(name, func(t *testing.T) {
			p := anasPost()
			p.Visibility, p.Circle = tc.visibility, tc.circle
			parts := vocab.NoteParts{Mentions: []*storage.Account{luc()}}
			body, err := writer().Note(p, ana(), parts, tc.how)
			o := object(t, golden(t, "note_"+name, body, err))
			sameList(t, "to", o.To, tc.to...)
			sameList(t, "cc", o.Cc, tc.cc...)
			equal(t, "circle", o.Circle, tc.sentCircle)
			equal(t, "read", o.Visibility(followersOfAna), tc.read)
			o.Circle = ""
			equal(t, "read elsewhere", o.Visibility(followersOfAna), tc.readElsewhere)

			body, err = writer().Create("https://siege.test/activities/1", p, ana(), parts, tc.how)
			if err != nil {
				t.Fatal(err)
			}
			doc, err := vocab.Decode(body)
			if err != nil {
				t.Fatal(err)
			}
			create := activity(t, doc)
			sameList(t, "to of the Create", create.To, tc.to...)
			sameList(t, "cc of the Create", create.Cc, tc.cc...)
		})
	}
}

func TestAPostThatIsNotForAPeerIsNotWritten(t *testing.T) {
	_, err := writer().Note(anasPost(), ana(), vocab.NoteParts{}, storage.NotForPeer)
	if !errors.Is(err, vocab.ErrInvalid) {
		t.Errorf("got %v, want ErrInvalid", err)
	}
	p := anasPost()
	p.Visibility = "everybody"
	if _, err := writer().Note(p, ana(), vocab.NoteParts{}, storage.Openly); !errors.Is(err, vocab.ErrInvalid) {
		t.Errorf("unknown visibility: got %v, want ErrInvalid", err)
	}
}

func TestCreateAndUpdateEmbedThePost(t *testing.T) {
	p := anasPost()
	body, err := writer().Create("https://siege.test/activities/1", p, ana(), fullParts(), storage.Openly)
	create := activity(t, golden(t, "create", body, err))
	equal(t, "type", create.Type, "Create")
	equal(t, "actor", create.Actor, ana().URI)
	equal(t, "object", create.Object.ID, p.URI)
	equal(t, "published", create.Published, p.PublishedAt)
	equal(t, "content", object(t, create.Object.Document).Content, p.HTML)

	p.EditedAt = edited
	body, err = writer().Update("https://siege.test/activities/2", p, ana(), vocab.NoteParts{}, storage.Openly)
	update := activity(t, golden(t, "update", body, err))
	equal(t, "type", update.Type, "Update")
	equal(t, "published", update.Published, edited)
	equal(t, "updated", object(t, update.Object.Document).Updated, edited)
}

func TestADeleteHoldsATombstoneOrTheActor(t *testing.T) {
	body, err := writer().Delete("https://siege.test/activities/3", ana(), anasPost().URI, []string{vocab.Public}, []string{followersOfAna})
	gone := activity(t, golden(t, "delete_post", body, err))
	equal(t, "object", gone.Object.ID, anasPost().URI)
	if gone.Object.Document == nil || gone.Object.Document.Type() != "Tombstone" {
		t.Error("the object isn't a Tombstone")
	}
	body, err = writer().Delete("https://siege.test/activities/4", ana(), ana().URI, []string{vocab.Public}, nil)
	gone = activity(t, golden(t, "delete_actor", body, err))
	equal(t, "object", gone.Object.ID, ana().URI)
	if gone.Object.Document != nil {
		t.Error("an actor's deletion embeds an object")
	}
	p := anasPost()
	p.DeletedAt = edited
	body, err = writer().Tombstone(p.URI, p.DeletedAt)
	golden(t, "tombstone", body, err)
}

func TestAShareCarriesItsCircle(t *testing.T) {
	uris := storage.URIs{Base: "https://siege.test"}
	share := &storage.Post{ID: 50, URI: uris.Share(50), Visibility: storage.Public, Circle: storage.CircleNetwork, PublishedAt: published}
	body, err := writer().Announce(share, ana(), "https://labo.test/posts/3", luc().URI, storage.Openly)
	a := activity(t, golden(t, "announce", body, err))
	equal(t, "object", a.Object.ID, "https://labo.test/posts/3")
	sameList(t, "to", a.To, vocab.Public)
	sameList(t, "cc", a.Cc, followersOfAna, luc().URI)
	equal(t, "read", a.Visibility(followersOfAna), storage.Public)
	equal(t, "published", a.Published, published)

	share.Circle = storage.CircleOrganisation
	body, err = writer().Announce(share, ana(), "https://labo.test/posts/3", luc().URI, storage.ToFollowers)
	a = activity(t, golden(t, "announce_organisation", body, err))
	sameList(t, "to", a.To, followersOfAna)
	sameList(t, "cc", a.Cc, luc().URI)
	equal(t, "circle", a.Circle, storage.CircleOrganisation)
	equal(t, "read", a.Visibility(followersOfAna), storage.Public)

	body, err = writer().UndoAnnounce("https://siege.test/activities/5", share, ana(), "https://labo.test/posts/3", luc().URI, storage.ToFollowers)
	undo := activity(t, golden(t, "undo_announce", body, err))
	equal(t, "object", undo.Object.ID, share.URI)
	equal(t, "inner object", activity(t, undo.Object.Document).Object.ID, "https://labo.test/posts/3")
}

func TestLikesAndFollowsAreEmbeddedInTheirUndo(t *testing.T) {
	uris := storage.URIs{Base: "https://siege.test"}
	like := &storage.Like{ID: 60, URI: uris.Like(60)}
	body, err := writer().Like(like, ana(), "https://labo.test/posts/3", luc().URI)
	a := activity(t, golden(t, "like", body, err))
	equal(t, "object", a.Object.ID, "https://labo.test/posts/3")
	sameList(t, "to", a.To, luc().URI)
	body, err = writer().UndoLike("https://siege.test/activities/6", like, ana(), "https://labo.test/posts/3", luc().URI)
	a = activity(t, golden(t, "undo_like", body, err))
	equal(t, "undone", a.Object.ID, like.URI)

	follow := &storage.Follow{ID: 61, URI: uris.Follow(61)}
	body, err = writer().Follow(follow, ana(), luc())
	a = activity(t, golden(t, "follow", body, err))
	equal(t, "object", a.Object.ID, luc().URI)
	body, err = writer().UndoFollow("https://siege.test/activities/7", follow, ana(), luc())
	a = activity(t, golden(t, "undo_follow", body, err))
	equal(t, "undone", a.Object.ID, follow.URI)
}

func TestAnAnswerToAFollowSaysWhoFollowsWhom(t *testing.T) {
	follow := &storage.Follow{URI: "https://labo.test/9f3e#follow"}
	for name, write := range map[string]func(string, *storage.Follow, *storage.Account, *storage.Account) ([]byte, error){
		"Accept": writer().Accept, "Reject": writer().Reject,
	} {
		t.Run(name, func(t *testing.T) {
			body, err := write("https://siege.test/activities/8", follow, luc(), ana())
			a := activity(t, golden(t, strings.ToLower(name), body, err))
			equal(t, "type", a.Type, name)
			equal(t, "actor", a.Actor, ana().URI)
			sameList(t, "to", a.To, luc().URI)
			inner := activity(t, a.Object.Document)
			equal(t, "follow", inner.ID, follow.URI)
			equal(t, "follower", inner.Actor, luc().URI)
			equal(t, "followee", inner.Object.ID, ana().URI)
		})
	}
}

func TestAnAccountIsReadBackAsItWasWritten(t *testing.T) {
	a := ana()
	body, err := writer().Actor(a, vocab.ActorParts{ProofKey: proofKey(),
		Avatar: &storage.Media{MIME: "image/png", BlobKey: "avatarkey"},
		Header: &storage.Media{MIME: "image/jpeg", BlobKey: "headerkey", Description: "Le laboratoire"},
	})
	got, err := vocab.ParseActor(golden(t, "actor", body, err))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "id", got.ID, a.URI)
	equal(t, "type", got.Type, storage.Person)
	equal(t, "username", got.PreferredUsername, "ana")
	equal(t, "name", got.Name, a.DisplayName)
	equal(t, "summary", got.Summary, a.NoteHTML)
	equal(t, "page", got.URL, a.URL)
	equal(t, "inbox", got.Inbox, a.InboxURI)
	equal(t, "outbox", got.Outbox, a.OutboxURI)
	equal(t, "followers", got.Followers, a.FollowersURI)
	equal(t, "following", got.Following, a.FollowingURI)
	equal(t, "shared inbox", got.SharedInbox, "https://siege.test/inbox")
	equal(t, "avatar", got.Icon, "https://siege.test/media/avatarkey")
	equal(t, "header", got.Image, "https://siege.test/media/headerkey")
	equal(t, "locked", got.ManuallyApproves, true)
	equal(t, "discoverable", got.Discoverable, true)
	equal(t, "indexable", got.Indexable, false)
	equal(t, "webfinger", got.Webfinger, "ana@acme.test")
	equal(t, "department", got.Department, "R&D")
	equal(t, "circles", got.Circles, true)
	equal(t, "published", got.Published, published)
	equal(t, "bot", got.Bot, false)
	signs := vocab.Key{ID: a.KeyID, Owner: a.URI, PEM: strings.TrimSpace(a.PublicKey)}
	proves := vocab.Key{ID: proofKey().ID, Owner: a.URI, PEM: proofKey().Public, Proofs: true}
	if !slices.Equal(got.PublicKeys, []vocab.Key{signs, proves}) {
		t.Errorf("keys: %+v", got.PublicKeys)
	}
	want := []storage.Field{
		{Name: "Site", Value: `<a href="https://ana.test/?a=1&amp;b=2" rel="me nofollow noopener noreferrer" target="_blank">https://ana.test/?a=1&amp;b=2</a>`},
		{Name: "Bureau", Value: "&lt;B12&gt;"},
	}
	if !slices.Equal(got.Fields, want) {
		t.Errorf("fields:\n got %q\nwant %q", got.Fields, want)
	}

	body, err = writer().UpdateActor("https://siege.test/activities/9", a, vocab.ActorParts{ProofKey: proofKey()})
	act := activity(t, golden(t, "update_actor", body, err))
	equal(t, "updated", act.Object.ID, a.URI)
}

func TestAStubActorTellsNothingOfThePerson(t *testing.T) {
	body, err := writer().StubActor(ana(), proofKey())
	got, err := vocab.ParseActor(golden(t, "stub_actor", body, err))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "inbox", got.Inbox, ana().InboxURI)
	equal(t, "shared inbox", got.SharedInbox, "https://siege.test/inbox")
	equal(t, "keys", len(got.PublicKeys), 2)
	var keys map[string]any
	if err := json.Unmarshal(body, &keys); err != nil {
		t.Fatal(err)
	}
	for key := range keys {
		if !slices.Contains([]string{"@context", "id", "type", "inbox", "endpoints", "publicKey", "assertionMethod"}, key) {
			t.Errorf("the stub has %s", key)
		}
	}
}

func TestListsAreReadBackAsTheyWereWritten(t *testing.T) {
	id := followersOfAna
	body, err := writer().OrderedCollection(id, 0, id+"?page=1")
	c, err := vocab.ParseCollection(golden(t, "collection", body, err))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "total", c.Total, 0)
	equal(t, "first", c.First.ID, id+"?page=1")

	body, err = writer().OrderedCollectionPage(vocab.Page{
		ID: id + "?page=1", PartOf: id, Next: id + "?before=12&page=2", Total: 2, IRIs: []string{luc().URI, ana().URI},
	})
	c, err = vocab.ParseCollection(golden(t, "page", body, err))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "next", c.Next, id+"?before=12&page=2")
	equal(t, "part of", c.PartOf, id)
	equal(t, "items", len(c.Items), 2)
	equal(t, "item", c.Items[0].ID, luc().URI)

	like, err := writer().Like(&storage.Like{URI: "https://siege.test/likes/1"}, ana(), "https://labo.test/posts/3", luc().URI)
	if err != nil {
		t.Fatal(err)
	}
	body, err = writer().OrderedCollectionPage(vocab.Page{ID: id + "?page=1", PartOf: id, Total: 1, Items: []json.RawMessage{like}})
	c, err = vocab.ParseCollection(golden(t, "page_of_activities", body, err))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "type", activity(t, c.Items[0].Document).Type, "Like")
}

func TestAnIdThatWouldForgeAPropertyIsNotWritten(t *testing.T) {
	for _, id := range []string{
		`https://a.test/1","attributedTo":"https://evil.test/u`, "https://a.test/1\\", "https://a.test/\n", "https://a.test/\x00",
		"https://a.test/a b", "javascript:alert(1)", "//a.test/1", "https://", "https://user:pw@a.test/", "https://a.test/\u202e", "not an id",
		"https://a.test/" + strings.Repeat("x", vocab.MaxIRI), "https://a.test/\xff",
	} {
		evil := luc()
		evil.URI = id
		_, err := writer().Follow(&storage.Follow{URI: "https://siege.test/follows/1"}, ana(), evil)
		if !errors.Is(err, vocab.ErrInvalid) {
			t.Errorf("a follow of %q: got %v, want ErrInvalid", id, err)
		}
		_, err = writer().Note(anasPost(), ana(), vocab.NoteParts{InReplyTo: id}, storage.Openly)
		if !errors.Is(err, vocab.ErrInvalid) {
			t.Errorf("a reply to %q: got %v, want ErrInvalid", id, err)
		}
		_, err = writer().Note(anasPost(), ana(), vocab.NoteParts{Mentions: []*storage.Account{evil}}, storage.Openly)
		if !errors.Is(err, vocab.ErrInvalid) {
			t.Errorf("a mention of %q: got %v, want ErrInvalid", id, err)
		}
	}
}

func TestACommunitysPostsSayForWhomTheyAre(t *testing.T) {
	uris := storage.URIs{Base: "https://siege.test"}
	group := ana()
	group.ID, group.Kind, group.Username = 8, storage.Group, "jardin"
	group.URI = uris.Actor(8)
	group.FollowersURI = group.URI + "/followers"
	body, err := writer().Actor(group, vocab.ActorParts{})
	a, err := vocab.ParseActor(golden(t, "group", body, err))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "type", a.Type, storage.Group)

	parts := vocab.NoteParts{Mentions: []*storage.Account{luc()}, Community: group}
	body, err = writer().Create("https://siege.test/posts/42/create", anasPost(), ana(), parts, storage.Openly)
	create := activity(t, golden(t, "create_for_group", body, err))
	note := object(t, create.Object.Document)
	sameList(t, "to", note.To, vocab.Public)
	sameList(t, "cc", note.Cc, followersOfAna, luc().URI, group.URI)
	sameList(t, "audience", note.Audience, group.URI)
	equal(t, "for the group", note.For(group.URI), true)
	equal(t, "for another", note.For(luc().URI+"x"), false)

	announce, err := writer().AnnounceActivity("https://siege.test/shares/3/activity", group, body, true)
	got := activity(t, golden(t, "announce_create", announce, err))
	equal(t, "actor", got.Actor, group.URI)
	inner := activity(t, got.Object.Document)
	equal(t, "what was done", inner.ID, create.ID)
	equal(t, "by whom", inner.Actor, ana().URI)

	// For members alone it never names the author's followers, nor everybody.
	p := anasPost()
	p.Visibility = storage.Members
	body, err = writer().Note(p, ana(), parts, storage.ToFollowers)
	note = object(t, golden(t, "note_for_members", body, err))
	sameList(t, "to", note.To, group.FollowersURI, luc().URI, group.URI)
	sameList(t, "cc", note.Cc)
	equal(t, "to whom doesn't know the group", note.Visibility(followersOfAna), storage.Direct)
	if _, err := writer().AnnounceActivity("https://siege.test/x", group, []byte("{"), true); !errors.Is(err, vocab.ErrInvalid) {
		t.Errorf("what isn't JSON is announced: %v", err)
	}
}
