package federation

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"ruche/federation/sanitize"
	"ruche/federation/vocab"
	"ruche/storage"
)

// Resolver reads remote accounts and posts; it is the Node under the name that callers use.
type Resolver = Node

// ErrUntrusted is what a peer sent that contradicts where it came from.
var ErrUntrusted = errors.New("not to be trusted")

// actorAge is how long a stored actor is good before it is read again when asked for.
const actorAge = 24 * time.Hour

// Account finds user@domain, ours (domain empty or our own) or a peer's, asking the peer when we
// don't know the account. Errors: storage.ErrNotFound, ErrNotPeer, or why the peer couldn't tell.
func (n *Node) Account(ctx context.Context, username, domain string) (*storage.Account, error) {
	if domain == "" {
		return n.DB.AccountByName(ctx, username, "")
	}
	domain, err := NormalizeHost(domain)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", domain, storage.ErrNotFound)
	}
	if domain == n.Domain || domain == n.Host {
		return n.DB.AccountByName(ctx, username, "")
	}
	peer, err := n.PeerOfDomain(ctx, domain)
	if err != nil {
		return nil, err
	}
	known, err := n.DB.AccountByName(ctx, username, domain)
	if err == nil && n.DB.Now().Sub(known.FetchedAt) < actorAge {
		return known, nil
	}
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	fetched, fetchErr := n.discover(ctx, username, domain, peer)
	if fetchErr != nil && known != nil {
		return known, nil // an old copy is better than none while the peer is away
	}
	return fetched, fetchErr
}

func (n *Node) discover(ctx context.Context, username, domain string, peer *storage.Peer) (*storage.Account, error) {
	jrd, err := n.webfinger(ctx, domain, username+"@"+domain)
	if err != nil {
		return nil, err
	}
	host, err := HostOf(jrd.self)
	if err != nil || host != peer.Host {
		return nil, fmt.Errorf("WebFinger of %s names an actor elsewhere: %w", domain, ErrUntrusted)
	}
	a, err := n.fetchActor(ctx, jrd.self)
	if err != nil {
		return nil, err
	}
	if !strings.EqualFold(a.Username, username) || a.Domain != domain {
		// The server calls the account otherwise; only its own word for it counts.
		if a.Domain != peer.Host && a.Domain != domain {
			return nil, fmt.Errorf("%s@%s calls itself %s: %w", username, domain, a.Acct(), ErrUntrusted)
		}
	}
	return a, nil
}

// Actor finds an account by its id, asking its host when we don't know it.
func (n *Node) Actor(ctx context.Context, uri string) (*storage.Account, error) {
	host, err := HostOf(uri)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, storage.ErrNotFound)
	}
	if host == n.Host {
		return n.DB.AccountByURI(ctx, uri)
	}
	if err := n.Permit(ctx, host); err != nil {
		return nil, err
	}
	a, err := n.DB.AccountByURI(ctx, uri)
	if err == nil || !errors.Is(err, storage.ErrNotFound) {
		return a, err
	}
	return n.fetchActor(ctx, uri)
}

// RefreshActor reads an actor again, whatever we have stored.
func (n *Node) RefreshActor(ctx context.Context, uri string) (*storage.Account, error) {
	return n.fetchActor(ctx, uri)
}

// fetchKeyOwner reads the actor that a keyId belongs to: the id is the actor's with a fragment, or
// that of a document which names its owner on the same host. It is asked for without a signature
// first: two nodes that both want signatures would otherwise wait for each other's key.
func (n *Node) fetchKeyOwner(ctx context.Context, keyID string) (*storage.Account, error) {
	uri, _, _ := strings.Cut(keyID, "#")
	doc, err := n.read(ctx, uri, nil)
	var status *StatusError
	if errors.As(err, &status) && (status.Status == http.StatusUnauthorized || status.Status == http.StatusForbidden) {
		doc, err = n.document(ctx, uri)
	}
	if err != nil {
		return nil, err
	}
	var a *storage.Account
	if actor, parseErr := vocab.ParseActor(doc); parseErr == nil && actor.ID == uri {
		if actor.PreferredUsername != "" {
			a, err = n.keepActor(ctx, actor)
		} else {
			a, err = n.fetchActor(ctx, uri) // a stub: the whole is for signed requests
		}
	} else {
		a, err = n.ownerOf(ctx, keyID, doc)
	}
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(a.Keys, func(k *storage.Key) bool { return k.ID == keyID }) {
		return nil, fmt.Errorf("%s doesn't own the key %s: %w", a.URI, keyID, ErrUntrusted)
	}
	return a, nil
}

// ownerOf reads the actor whom a key's document names as its owner. Whether the owner points back is seen from the
// keys of that actor.
func (n *Node) ownerOf(ctx context.Context, keyID string, doc *vocab.Document) (*storage.Account, error) {
	keys, err := vocab.ParseKeyDocument(doc)
	if err != nil {
		return nil, fmt.Errorf("%s is neither an actor nor a key: %w: %w", keyID, err, ErrUntrusted)
	}
	at := slices.IndexFunc(keys, func(k vocab.Key) bool { return k.ID == keyID })
	if at < 0 {
		return nil, fmt.Errorf("what is at %s is another key: %w", keyID, ErrUntrusted)
	}
	if err := sameHost(keys[at].Owner, keyID); err != nil {
		return nil, err
	}
	return n.fetchActor(ctx, keys[at].Owner)
}

func (n *Node) fetchActor(ctx context.Context, uri string) (*storage.Account, error) {
	doc, err := n.document(ctx, uri)
	if err != nil {
		return nil, err
	}
	actor, err := vocab.ParseActor(doc)
	if err != nil {
		return nil, err
	}
	if actor.ID != uri {
		// A profile page or an old address: the id counts, on the same host, and must answer for itself.
		if err := sameHost(actor.ID, uri); err != nil {
			return nil, err
		}
		id := actor.ID
		if doc, err = n.document(ctx, id); err != nil {
			return nil, err
		}
		if actor, err = vocab.ParseActor(doc); err != nil {
			return nil, err
		}
		if actor.ID != id {
			return nil, fmt.Errorf("%s answers with %s: %w", id, actor.ID, ErrUntrusted)
		}
	}
	return n.keepActor(ctx, actor)
}

// document fetches an ActivityStreams document, signed by this node's service actor.
func (n *Node) document(ctx context.Context, uri string) (*vocab.Document, error) {
	sign, err := n.signAsService(ctx)
	if err != nil {
		return nil, err
	}
	return n.read(ctx, uri, sign)
}

// read fetches a document of a peer, as anybody would where sign is nil. The client would also ask an account domain, which
// speaks for nobody but by WebFinger.
func (n *Node) read(ctx context.Context, uri string, sign func(*http.Request) error) (*vocab.Document, error) {
	host, err := HostOf(uri)
	if err != nil {
		return nil, err
	}
	if err := n.Permit(ctx, host); err != nil {
		return nil, err
	}
	body, final, err := n.Client.GetDocument(ctx, uri, sign)
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", uri, err)
	}
	if err := sameHost(final, uri); err != nil {
		return nil, err
	}
	doc, err := vocab.Decode(body)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", uri, err)
	}
	return doc, nil
}

func (n *Node) signAsService(ctx context.Context) (func(*http.Request) error, error) {
	service, err := n.DB.ServiceActor(ctx)
	if err != nil {
		return nil, err
	}
	key, err := ParsePrivateKey(service.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("key of the service actor: %w", err)
	}
	return func(r *http.Request) error { return Sign(r, nil, service.KeyID, key, n.DB.Now()) }, nil
}

func sameHost(a, b string) error {
	ha, err := HostOf(a)
	if err != nil {
		return fmt.Errorf("%w: %w", err, ErrUntrusted)
	}
	hb, err := HostOf(b)
	if err != nil {
		return fmt.Errorf("%w: %w", err, ErrUntrusted)
	}
	if ha != hb {
		return fmt.Errorf("%s and %s are on different hosts: %w", a, b, ErrUntrusted)
	}
	return nil
}

// keepActor stores what an actor's own host says about it.
func (n *Node) keepActor(ctx context.Context, actor *vocab.Actor) (*storage.Account, error) {
	a, err := n.TranslateActor(ctx, actor)
	if err != nil {
		return nil, err
	}
	if err := n.pinned(ctx, a); err != nil {
		return nil, err
	}
	err = n.DB.Update(ctx, func(tx *storage.Tx) error { return KeepActor(ctx, tx, a) })
	return a, err
}

// TranslateActor checks an actor's document and turns it into an account, not stored yet. It asks
// the account's domain by WebFinger where that isn't the host of the id.
func (n *Node) TranslateActor(ctx context.Context, actor *vocab.Actor) (*storage.Account, error) {
	host, err := HostOf(actor.ID)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrUntrusted)
	}
	for _, uri := range []string{actor.Inbox, actor.SharedInbox, actor.Outbox, actor.Followers, actor.Following} {
		if uri != "" {
			if err := sameHost(uri, actor.ID); err != nil {
				return nil, err
			}
		}
	}
	a := &storage.Account{
		Username: actor.PreferredUsername, Domain: host, Peer: host, Kind: actor.Type,
		URI: actor.ID, URL: webPage(actor.URL), InboxURI: actor.Inbox, SharedInboxURI: actor.SharedInbox,
		OutboxURI: actor.Outbox, FollowersURI: actor.Followers, FollowingURI: actor.Following,
		DisplayName: actor.Name, NoteHTML: sanitize.HTML(actor.Summary),
		Locked: actor.ManuallyApproves, Discoverable: actor.Discoverable, Indexable: actor.Indexable, Bot: actor.Bot,
		Department: actor.Department, Circles: actor.Circles, MovedTo: actor.MovedTo, Raw: string(actor.Raw),
		FetchedAt: n.DB.Now(),
	}
	for _, list := range []struct {
		uri string
		to  *string
	}{{actor.Featured, &a.FeaturedURI}, {actor.FeaturedTags, &a.FeaturedTagsURI}} {
		if list.uri != "" && sameHost(list.uri, actor.ID) == nil {
			*list.to = list.uri
		}
	}
	a.Aliases = actor.AlsoKnownAs
	for _, f := range actor.Fields {
		a.Fields = append(a.Fields, storage.Field{Name: f.Name, Value: sanitize.HTML(f.Value)})
	}
	if err := keysOf(a, actor.PublicKeys); err != nil {
		return nil, err
	}
	if err := plainUsername(a.Username); err != nil {
		return nil, err
	}
	peer, err := n.Peer(ctx, host)
	if err != nil {
		return nil, err
	}
	a.Customs, a.Emojis = customs(actor.Emojis, peer)
	a.AvatarURL, a.HeaderURL = mediaOf(peer, actor.Icon), mediaOf(peer, actor.Image)
	a.Domain = n.accountDomain(ctx, actor, peer)
	return a, nil
}

// mediaOf keeps the address of a peer's picture or attachment, if it is where that peer may keep such.
func mediaOf(peer *storage.Peer, uri string) string {
	uri = webPage(uri)
	if host, err := HostOf(uri); err != nil || !peer.ServesMedia(host) {
		return ""
	}
	return uri
}

// keysOf takes over the keys that are of use. Those of publicKey must be the actor's own, and each on its host; of
// the others, which may be anybody's, those that aren't are left out. A key that is over stays, so that it is known to be.
func keysOf(a *storage.Account, keys []vocab.Key) error {
	a.Keys = []*storage.Key{}
	for _, key := range keys {
		if key.Owner != a.URI && key.Proofs {
			continue
		}
		if key.Owner != a.URI {
			return fmt.Errorf("key %s of %s says that %s owns it: %w", key.ID, a.URI, key.Owner, ErrUntrusted)
		}
		if err := sameHost(key.ID, a.URI); err != nil {
			return err
		}
		if _, err := ParsePublicKey(key.PEM); err != nil {
			continue
		}
		over := key.Expires
		if !key.Revoked.IsZero() && (over.IsZero() || key.Revoked.Before(over)) {
			over = key.Revoked
		}
		a.Keys = append(a.Keys, &storage.Key{ID: key.ID, Proofs: key.Proofs, Public: key.PEM, ExpiresAt: over})
		if a.KeyID == "" && !key.Over(a.FetchedAt) {
			a.KeyID, a.PublicKey = key.ID, key.PEM
		}
	}
	return nil
}

// accountDomain is what stands after the @ of an actor. A domain other than the host of its id
// counts only where an admin named it beside the peer and its WebFinger points back here.
func (n *Node) accountDomain(ctx context.Context, actor *vocab.Actor, peer *storage.Peer) string {
	domains := peer.AccountDomains
	if _, claimed, ok := strings.Cut(actor.Webfinger, "@"); ok {
		domains = []string{strings.ToLower(claimed)}
	}
	for _, d := range domains {
		named := false
		for _, own := range peer.AccountDomains {
			named = named || own == d
		}
		if !named {
			continue
		}
		if jrd, err := n.webfinger(ctx, d, actor.PreferredUsername+"@"+d); err == nil && jrd.self == actor.ID {
			return d
		}
	}
	return peer.Host
}

// KeepActor stores a translated actor, new or known by its id.
func KeepActor(ctx context.Context, tx *storage.Tx, a *storage.Account) error {
	old, err := tx.AccountByURI(ctx, a.URI)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		a.ID = 0
		if err := tx.AddAccount(ctx, a); err != nil {
			return err
		}
	case err != nil:
		return err
	default:
		a.ID, a.CreatedAt, a.Username, a.Domain = old.ID, old.CreatedAt, old.Username, old.Domain
		a.PostsCount, a.FollowersCount, a.FollowingCount = old.PostsCount, old.FollowersCount, old.FollowingCount
		a.SuspendedAt, a.DeletedAt, a.LastPostOn = old.SuspendedAt, old.DeletedAt, old.LastPostOn
		a.LimitedAt, a.FrozenAt, a.SensitiveAt = old.LimitedAt, old.FrozenAt, old.SensitiveAt
		if err := tx.SaveAccount(ctx, a); err != nil {
			return err
		}
	}
	if err := tx.SaveEmojis(ctx, a.Customs); err != nil {
		return err
	}
	return tx.LearnPeer(ctx, a.Peer, a.SharedInboxURI, a.Circles)
}

// plainUsername refuses names that could pass for something else in a handle.
func plainUsername(name string) error {
	if name == "" || len(name) > 128 {
		return fmt.Errorf("%q is no username: %w", name, ErrUntrusted)
	}
	for _, r := range name {
		ok := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '.'
		if !ok {
			return fmt.Errorf("%q is no username: %w", name, ErrUntrusted)
		}
	}
	return nil
}

// webPage keeps an address that a browser may be sent to, or nothing.
func webPage(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || vocab.CheckIRI(uri) != nil {
		return ""
	}
	return uri
}
