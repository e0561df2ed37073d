package storage

import (
	"encoding/json"
	"fmt"
	"strings"
)

// What may cross between this node and a peer is decided in this file and nowhere else. Refuses
// is asked by the inbox, by deliveries when they are made and when they leave, by fetches and
// by collections; visibility.go asks the same columns where it can only ask in SQL.

// A Way is a direction, seen from this node.
type Way string

// In is what a peer tells us, Out what we tell it.
const (
	In  Way = "in"
	Out Way = "out"
)

// A Crossing is a kind of thing that a policy allows or not, each way.
type Crossing string

// What a policy speaks of. A follow crosses to the one who is followed.
const (
	CrossFollows     Crossing = "follows"
	CrossPosts       Crossing = "posts"
	CrossShares      Crossing = "shares"
	CrossDirect      Crossing = "direct"
	CrossMedia       Crossing = "media"       // attachments of posts; inwards also the pictures of people and emojis
	CrossCommunities Crossing = "communities" // whatever a group says, or is told
	CrossDirectory   Crossing = "directory"   // people that can be found without knowing their name
	// CrossAlways is what keeps both sides true, whatever the policy: answers, likes of what
	// crossed, profiles. It needs an active peer.
	CrossAlways Crossing = ""
	// CrossTakeback is the taking back of what crossed before: it waits for a peer that is
	// suspended.
	CrossTakeback Crossing = "takeback"
)

// Rights say what may cross one way.
type Rights struct {
	Follows, Posts, Shares, Direct, Media, Communities, Directory bool
}

// AllRights is everything.
var AllRights = Rights{true, true, true, true, true, true, true}

var crossings = []Crossing{CrossFollows, CrossPosts, CrossShares, CrossDirect, CrossMedia, CrossCommunities, CrossDirectory}

func (r *Rights) field(c Crossing) *bool {
	switch c {
	case CrossFollows:
		return &r.Follows
	case CrossPosts:
		return &r.Posts
	case CrossShares:
		return &r.Shares
	case CrossDirect:
		return &r.Direct
	case CrossMedia:
		return &r.Media
	case CrossCommunities:
		return &r.Communities
	case CrossDirectory:
		return &r.Directory
	}
	return nil
}

// RightsOf reads rights by their names: follows, posts, shares, direct, media, communities,
// directory; all is everything.
func RightsOf(names []string) (Rights, error) {
	var r Rights
	for _, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		switch f := r.field(Crossing(name)); {
		case name == "all":
			r = AllRights
		case name == "none" || name == "":
		case f == nil:
			return r, fmt.Errorf("%q is no right; choose of follows, posts, shares, direct, media, communities, directory, all, none", name)
		default:
			*f = true
		}
	}
	return r, nil
}

// Names lists what the rights allow.
func (r Rights) Names() []string {
	names := []string{}
	for _, c := range crossings {
		if *r.field(c) {
			names = append(names, string(c))
		}
	}
	return names
}

// And is what both allow.
func (r Rights) And(other Rights) Rights {
	var both Rights
	for _, c := range crossings {
		*both.field(c) = *r.field(c) && *other.field(c)
	}
	return both
}

// MarshalJSON writes rights as the list of their names.
func (r Rights) MarshalJSON() ([]byte, error) { return json.Marshal(r.Names()) }

// UnmarshalJSON reads what MarshalJSON writes.
func (r *Rights) UnmarshalJSON(b []byte) error {
	var names []string
	if err := json.Unmarshal(b, &names); err != nil {
		return err
	}
	read, err := RightsOf(names)
	if err == nil {
		*r = read
	}
	return err
}

// A Policy is what an admin decided about a peer.
type Policy struct {
	In  Rights `bun:"embed:in_" json:"in"`
	Out Rights `bun:"embed:out_" json:"out"`
	// ApproveFollows: whoever there wants to follow one of ours is asked about, as for a locked account.
	ApproveFollows bool `json:"approve_follows"`
	// Subscribe: every post that is public in a circle which includes the peer goes to its shared
	// inbox, whether anybody there follows or not.
	Subscribe bool `json:"subscribe"`
	// Rate is how many signed requests a minute are taken from the peer; 0: no limit.
	Rate int `json:"rate"`
}

// DefaultPolicy is what a peer may do where nobody chose: everything, and siblings subscribe.
func DefaultPolicy(tier string) Policy {
	return Policy{In: AllRights, Out: AllRights, Subscribe: tier == Sibling}
}

func (p Policy) unsaid() bool { return p.In == Rights{} && p.Out == Rights{} }

// Refuses says why something of a kind may not cross, as a word for counters and logs
// ("peer_suspended", "policy_posts_in"), or "" where it may. A nil peer is a host that nobody listed.
func (p *Peer) Refuses(way Way, what Crossing) string {
	switch {
	case p == nil:
		return "not_a_peer"
	case what == CrossTakeback && way == Out && p.State != PeerBlocked:
		return ""
	case p.State != PeerActive:
		return "peer_" + p.State
	case what == CrossAlways, what == CrossTakeback:
		return ""
	}
	rights := &p.In
	if way == Out {
		rights = &p.Out
	}
	if f := rights.field(what); f == nil || !*f {
		return "policy_" + string(what) + "_" + string(way)
	}
	return ""
}

// PostCrossing is what kind of thing a post or share is.
func PostCrossing(p *Post) Crossing {
	switch {
	case p.ShareOfID != 0:
		return CrossShares
	case p.Visibility == Direct:
		return CrossDirect
	case p.Visibility == Members:
		return CrossCommunities
	}
	return CrossPosts
}

// ServesMedia says whether a peer's pictures and attachments that live on a host are kept, be it as links. Many servers keep
// them elsewhere, so any will do until an admin names the peer's media hosts; from then on it is these, its
// own host and its account domains.
func (p *Peer) ServesMedia(host string) bool {
	if p == nil || host == "" {
		return false
	}
	return len(p.MediaHosts) == 0 || host == p.Host || containsText(p.AccountDomains, host) || containsText(p.MediaHosts, host)
}

// ShowsMedia says whether a peer's pictures and attachments are fetched from a host and shown here: its own, its account
// domains, and the media hosts that an admin named. What it keeps elsewhere, where nobody named any, is a link.
func (p *Peer) ShowsMedia(host string) bool {
	return p.Refuses(In, CrossMedia) == "" && host != "" && (host == p.Host || containsText(p.AccountDomains, host) || containsText(p.MediaHosts, host))
}

func containsText(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
