package vocab

import (
	"encoding/json"
	"fmt"
	"html"

	ap "github.com/go-ap/activitypub"

	"ruche/storage"
)

// ActorParts is what hangs on an account of ours; nil where it has none.
type ActorParts struct {
	Avatar, Header *storage.Media
	ProofKey       *storage.Key // by which it signs activities (FEP-521a)
}

// Actor writes an account of ours in full, for peers that signed their request.
func (w Writer) Actor(a *storage.Account, parts ActorParts) ([]byte, error) {
	t, err := w.actor(a, parts)
	if err != nil {
		return nil, err
	}
	return t.json(contextOf(a))
}

func contextOf(a *storage.Account) any {
	if a.Kind == storage.Group {
		return groupContext()
	}
	return actorContext()
}

// UpdateActor tells peers that a profile changed.
func (w Writer) UpdateActor(id string, a *storage.Account, parts ActorParts) ([]byte, error) {
	t, err := w.actor(a, parts)
	if err != nil {
		return nil, err
	}
	object, err := t.json(nil)
	if err != nil {
		return nil, err
	}
	var c ids
	act := c.activity(ap.UpdateType, id, a, nil, []string{a.FollowersURI}, nil)
	if c.err != nil {
		return nil, fmt.Errorf("write update of %s: %w", a.URI, c.err)
	}
	act.add("object", json.RawMessage(object))
	return act.json(contextOf(a))
}

// StubActor is what anybody may read of an account: how to verify what it signs and where to write to
// it (PROTOCOL 1.10). Nothing of the person is in it.
func (w Writer) StubActor(a *storage.Account, proofKey *storage.Key) ([]byte, error) {
	var c ids
	t := &thing{core: &ap.Actor{
		ID:        c.need("actor", a.URI),
		Type:      actorType(a),
		Inbox:     c.need("inbox", a.InboxURI),
		Endpoints: &ap.Endpoints{SharedInbox: c.need("shared inbox", w.URIs.SharedInbox())},
	}}
	key := w.key(&c, a)
	if c.err != nil {
		return nil, fmt.Errorf("write actor %s: %w", a.URI, c.err)
	}
	t.add("publicKey", key)
	if err := w.addProofKey(t, a, proofKey); err != nil {
		return nil, err
	}
	return t.json(stubContext())
}

func (w Writer) actor(a *storage.Account, parts ActorParts) (*thing, error) {
	if !a.SuspendedAt.IsZero() {
		bare := *a
		bare.DisplayName, bare.NoteHTML, bare.Fields, bare.Department, bare.Discoverable, bare.Indexable = "", "", nil, "", false, false
		a, parts.Avatar, parts.Header = &bare, nil, nil
	}
	var c ids
	t := &thing{core: &ap.Actor{
		ID:        c.need("actor", a.URI),
		Type:      actorType(a),
		URL:       c.need("profile page", a.URL),
		Inbox:     c.need("inbox", a.InboxURI),
		Outbox:    c.need("outbox", a.OutboxURI),
		Followers: c.need("followers", a.FollowersURI),
		Following: c.need("following", a.FollowingURI),
		Endpoints: &ap.Endpoints{SharedInbox: c.need("shared inbox", w.URIs.SharedInbox())},
	}}
	key := w.key(&c, a)
	t.add("preferredUsername", a.Username)
	t.add("name", a.DisplayName)
	t.add("summary", a.NoteHTML)
	if parts.Avatar != nil {
		t.add("icon", w.picture(&c, parts.Avatar))
	}
	if parts.Header != nil {
		t.add("image", w.picture(&c, parts.Header))
	}
	if c.err != nil {
		return nil, fmt.Errorf("write actor %s: %w", a.URI, c.err)
	}
	t.add("publicKey", key)
	if err := w.addProofKey(t, a, parts.ProofKey); err != nil {
		return nil, err
	}
	t.add("featured", a.URI+"/featured")
	t.add("featuredTags", a.URI+"/featured-tags")
	aliases := make([]string, 0, len(a.Aliases))
	for _, id := range a.Aliases {
		aliases = append(aliases, string(c.need("alias", id)))
	}
	t.add("alsoKnownAs", aliases)
	if a.MovedTo != "" {
		t.add("movedTo", string(c.need("new account", a.MovedTo)))
	}
	if c.err != nil {
		return nil, fmt.Errorf("write actor %s: %w", a.URI, c.err)
	}
	t.add("manuallyApprovesFollowers", a.Locked)
	t.add("discoverable", a.Discoverable)
	t.add("indexable", a.Indexable)
	if !a.SuspendedAt.IsZero() {
		t.add("suspended", true)
	}
	t.add("webfinger", w.acct(a))
	t.addText("department", a.Department)
	fields := make([]writtenField, 0, len(a.Fields))
	for _, f := range a.Fields {
		fields = append(fields, writtenField{"PropertyValue", f.Name, fieldHTML(f.Value)})
	}
	t.add("attachment", fields)
	t.add("generator", writtenGenerator{
		Type:       string(ap.ApplicationType),
		Implements: []writtenLink{{Name: "Circles", Href: CirclesIRI}},
	})
	t.addTime("published", a.CreatedAt)
	if a.Kind == storage.Group {
		addGroup(t, &c, a)
	}
	return t, c.err
}

func actorType(a *storage.Account) ap.ActivityVocabularyType {
	if a.Bot && a.Kind == storage.Person {
		return ap.ServiceType
	}
	return ap.ActivityVocabularyType(a.Kind)
}

type writtenKey struct {
	ID    string `json:"id"`
	Owner string `json:"owner"`
	PEM   string `json:"publicKeyPem"`
}

func (w Writer) key(c *ids, a *storage.Account) writtenKey {
	return writtenKey{string(c.need("key", a.KeyID)), string(c.need("key owner", a.URI)), a.PublicKey}
}

type writtenPicture struct {
	Type      string `json:"type"`
	MediaType string `json:"mediaType,omitempty"`
	URL       string `json:"url"`
	Name      string `json:"name,omitempty"`
}

func (w Writer) picture(c *ids, m *storage.Media) writtenPicture {
	return writtenPicture{string(ap.ImageType), m.MIME, string(c.need("picture", w.mediaURL(m))), m.Description}
}

type writtenField struct {
	Type  string `json:"type"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

type writtenGenerator struct {
	Type       string        `json:"type"`
	Implements []writtenLink `json:"implements"`
}

type writtenLink struct {
	Name string `json:"name"`
	Href string `json:"href"`
}

// fieldHTML turns the typed value of a profile field into HTML: an address into a link with
// rel=me, so that the linked page can vouch for it, and anything else into text.
func fieldHTML(typed string) string {
	escaped := html.EscapeString(typed)
	if CheckIRI(typed) == nil {
		return `<a href="` + escaped + `" rel="me nofollow noopener noreferrer" target="_blank">` + escaped + `</a>`
	}
	return escaped
}
