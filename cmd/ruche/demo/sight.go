package demo

import "slices"

// sight answers who can see which post, as far as a story needs to know. It is
// stricter than a node in one thing: a public post is looked for where people
// look, and not in the search.
type sight struct {
	organisation map[string]string // by node
	people       map[string]Person // by reference
	follows      map[Follow]bool
	posts        map[string]Post
	shares       map[string][]Share // by post
}

func newSight(s *Story) *sight {
	v := &sight{map[string]string{}, map[string]Person{}, map[Follow]bool{}, map[string]Post{}, map[string][]Share{}}
	for _, n := range s.Nodes {
		v.organisation[n.Name] = n.Organisation
	}
	for _, p := range s.People {
		v.people[p.Ref()] = p
	}
	for _, f := range s.Follows {
		v.follows[f] = true
	}
	for _, p := range s.Posts {
		v.posts[p.ID] = p
	}
	for _, sh := range s.Shares {
		v.shares[sh.Post] = append(v.shares[sh.Post], sh)
	}
	return v
}

// delivered says whether a post reaches somebody without being shared: it is
// theirs, it mentions them, they follow its author, or it is public and they
// read what is written at their own node.
func (v *sight) delivered(ref string, p Post) bool {
	if ref == p.Author {
		return true
	}
	if !v.within(ref, p) {
		return false
	}
	if slices.Contains(p.Mentions(), ref) {
		return true
	}
	if p.Visibility == "direct" {
		return false
	}
	if v.follows[Follow{ref, p.Author}] {
		return true
	}
	return p.Visibility == "public" && v.node(ref) == v.node(p.Author)
}

// since gives the age from which on somebody could see a post: its own, when it
// was delivered to them or to somebody it mentions at their node; otherwise that
// of the first share by anyone they follow.
func (v *sight) since(ref string, p Post) (Age, bool) {
	if v.delivered(ref, p) {
		return p.At, true
	}
	if p.closed() || !v.within(ref, p) {
		return 0, false
	}
	for _, mentioned := range p.Mentions() {
		if p.Visibility == "public" && v.node(mentioned) == v.node(ref) {
			return p.At, true
		}
	}
	var first Age
	found := false
	for _, s := range v.shares[p.ID] {
		if v.follows[Follow{ref, s.By}] && (!found || s.At > first) {
			first, found = s.At, true
		}
	}
	return first, found
}

// within says whether somebody's node is in the circle of a post.
func (v *sight) within(ref string, p Post) bool {
	here, there := v.node(ref), v.node(p.Author)
	switch p.Circle {
	case "node":
		return here == there
	case "organisation":
		return v.organisation[here] == v.organisation[there]
	default:
		return true
	}
}

func (v *sight) node(ref string) string { return v.people[ref].Node }

// closed says whether a post is for the people its author chose.
func (p Post) closed() bool { return p.Visibility == "followers" || p.Visibility == "direct" }

// reach orders circles from the narrowest to the widest. The default of the
// demo's nodes is the network.
func reach(circle string) int {
	switch circle {
	case "node":
		return 0
	case "organisation":
		return 1
	default:
		return 2
	}
}
