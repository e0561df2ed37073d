package federation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"ruche/federation/vocab"
	"ruche/storage"
)

// Followers synchronisation (FEP-8fcf): with what goes to an account's followers, its node tells each
// other node a digest of the followers that it believes to be there, and where to read their list. A node
// that counts otherwise reads it and mends what differs.

// SyncHeader is the header that carries the digest; it counts only where the signature covers it.
const SyncHeader = "Collection-Synchronization"

const (
	// maxSynced is how many followers an account may have for the header to be sent with its posts.
	maxSynced = 25_000
	syncPages = 10
	syncPage  = vocab.MaxEntries
)

// A Synchronization is what the header says.
type Synchronization struct {
	Collection string // the followers collection of the actor that signed
	URL        string // where the receiver's part of it is read
	Digest     string // of that part
}

// String writes the header's value.
func (s Synchronization) String() string {
	return fmt.Sprintf("collectionId=%q, url=%q, digest=%q", s.Collection, s.URL, s.Digest)
}

// ParseSynchronization reads the header's value, which has the syntax of a Signature header. The digest
// is given in lower case.
func ParseSynchronization(header string) (Synchronization, error) {
	if len(header) > maxSignatureHeader {
		return Synchronization{}, malformed("sync_malformed", "the header has more than %d bytes", maxSignatureHeader)
	}
	params, err := parseParameters(header)
	if err != nil {
		return Synchronization{}, err
	}
	s := Synchronization{Collection: params["collectionid"], URL: params["url"], Digest: strings.ToLower(params["digest"])}
	if raw, err := hex.DecodeString(s.Digest); err != nil || len(raw) != sha256.Size || s.Collection == "" || s.URL == "" {
		return Synchronization{}, malformed("sync_malformed", "collectionId, url or digest is absent or malformed")
	}
	return s, nil
}

// FollowersDigest is the exclusive or of the SHA-256 of each id, in hexadecimal.
func FollowersDigest(uris []string) string {
	var sum [sha256.Size]byte
	for _, uri := range uris {
		for i, b := range sha256.Sum256([]byte(uri)) {
			sum[i] ^= b
		}
	}
	return hex.EncodeToString(sum[:])
}

func syncURL(a *storage.Account) string { return a.URI + "/followers_synchronization" }

// Synchronization is what one host is told with a delivery of a local account; false where the account
// has too many followers for it.
func (n *Node) Synchronization(ctx context.Context, a *storage.Account, host string) (Synchronization, bool, error) {
	if a.FollowersCount > maxSynced {
		return Synchronization{}, false, nil
	}
	uris, _, err := n.DB.FollowerURIs(ctx, a.ID, host, storage.Page{Limit: maxSynced})
	return Synchronization{a.FollowersURI, syncURL(a), FollowersDigest(uris)}, err == nil, err
}

// PartOfFollowers lists who of the asking peer follows an account of ours; of nobody else. A host that
// isn't allowed was answered 403 at the gate: an empty list would make it drop its follows.
func (n *Node) PartOfFollowers(w http.ResponseWriter, r *http.Request) {
	a, peer, ok := n.listed(w, r)
	if !ok {
		return
	}
	all, _, err := n.DB.FollowerURIs(r.Context(), a.ID, peer.Host, storage.Page{Limit: maxSynced})
	if err != nil {
		n.broken(w, r, err)
		return
	}
	n.pages(w, r, syncURL(a), int64(len(all)), syncPage, func(ctx context.Context, page storage.Page) ([]string, []json.RawMessage, int64, error) {
		uris, cursors, err := n.DB.FollowerURIs(ctx, a.ID, peer.Host, page)
		last := int64(0)
		if len(uris) == page.Limit {
			last = cursors[len(cursors)-1]
		}
		return uris, nil, last, err
	})
}

// FollowersHere reads the part of a peer's list that names our accounts, at most ten pages on the same
// host. whole says whether it was read to its end.
func (n *Node) FollowersHere(ctx context.Context, uri string) (uris []string, whole bool, err error) {
	seen, known := map[string]bool{}, map[string]bool{}
	first := uri
	for range syncPages {
		if seen[uri] || sameHost(uri, first) != nil {
			return uris, false, nil
		}
		seen[uri] = true
		doc, err := n.document(ctx, uri)
		if err != nil {
			return nil, false, err
		}
		c, err := vocab.ParseCollection(doc)
		if err != nil {
			return nil, false, err
		}
		list, next, cut := c.Items, c.Next, c.Truncated
		if c.First.Document != nil {
			page, err := vocab.ParseCollection(c.First.Document)
			if err != nil {
				return nil, false, err
			}
			list, next, cut = append(list, page.Items...), page.Next, cut || page.Truncated
		} else if c.First.ID != "" {
			next = c.First.ID
		}
		for _, ref := range list {
			if strings.HasPrefix(ref.ID, n.DB.URIs().Base+"/") && !known[ref.ID] {
				known[ref.ID] = true
				uris = append(uris, ref.ID)
			}
		}
		if cut {
			return uris, false, nil
		}
		if next == "" {
			return uris, true, nil
		}
		uri = next
	}
	return uris, false, nil
}
