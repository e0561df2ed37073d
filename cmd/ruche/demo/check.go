package demo

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"unicode/utf8"
)

// What a node takes at most.
const (
	maxText   = 1000 // characters of a post, with mentions as placeholders
	maxBio    = 500
	maxFields = 4
)

// check finds every fault of a story, so that its author mends them in one go.
func (s *Story) check() error {
	c := &checker{sight: newSight(s)}
	c.nodes(s.Nodes)
	c.people(s.People)
	c.follows(s.Follows)
	c.posts(s.Posts)
	if len(c.faults) > 0 {
		// Who could see what has no answer while names lead nowhere.
		return errors.Join(c.faults...)
	}
	for _, p := range s.Posts {
		c.reply(p)
	}
	c.shares(s.Shares)
	c.likes(s.Likes)
	return errors.Join(c.faults...)
}

type checker struct {
	sight  *sight
	faults []error
}

func (c *checker) fault(format string, a ...any) {
	c.faults = append(c.faults, fmt.Errorf(format, a...))
}

func (c *checker) nodes(nodes []Node) {
	seen := map[string]bool{}
	for _, n := range nodes {
		if n.Name == "" || n.Domain == "" || n.Title == "" || n.Organisation == "" {
			c.fault("node %q: needs a name, a domain, a title and an organisation", n.Name)
		}
		if seen[n.Name] || seen[n.Domain] {
			c.fault("node %q: its name or domain is taken", n.Name)
		}
		seen[n.Name], seen[n.Domain] = true, true
	}
}

func (c *checker) people(people []Person) {
	username := regexp.MustCompile(`^[a-z0-9_]+$`)
	seen := map[string]bool{}
	for _, p := range people {
		ref := p.Ref()
		if seen[ref] {
			c.fault("%s is there twice", ref)
		}
		seen[ref] = true
		if !username.MatchString(p.Username) {
			c.fault("%s: a username is lower-case ASCII", ref)
		}
		if _, known := c.sight.organisation[p.Node]; !known {
			c.fault("%s: no node is called %q", ref, p.Node)
		}
		if p.DisplayName == "" || p.Department == "" || p.Bio == "" {
			c.fault("%s: needs a name, a department and a bio", ref)
		}
		if n := utf8.RuneCountInString(p.Bio); n > maxBio {
			c.fault("%s: bio of %d characters, at most %d", ref, n, maxBio)
		}
		if len(p.Fields) > maxFields {
			c.fault("%s: %d profile fields, at most %d", ref, len(p.Fields), maxFields)
		}
		c.oneOf(ref+": locale", p.Locale, "fr", "en")
		c.oneOf(ref+": role", p.Role, "owner", "admin", "moderator", "community-manager", "member", "guest")
	}
}

func (c *checker) follows(follows []Follow) {
	seen := map[Follow]bool{}
	for _, f := range follows {
		what := fmt.Sprintf("follow of %s by %s", f.To, f.From)
		c.person(what, f.From)
		c.person(what, f.To)
		if f.From == f.To {
			c.fault("%s: nobody follows themselves", what)
		}
		if seen[f] {
			c.fault("%s: is there twice", what)
		}
		seen[f] = true
	}
}

func (c *checker) posts(posts []Post) {
	seen := map[string]bool{}
	for _, p := range posts {
		what := "post " + p.ID
		if p.ID == "" || seen[p.ID] {
			c.fault("post %q of %s: needs an id of its own", p.ID, p.Author)
		}
		seen[p.ID] = true
		c.person(what, p.Author)
		for _, ref := range p.Mentions() {
			c.person(what, ref)
		}
		if n := utf8.RuneCountInString(p.Text); n == 0 || n > maxText {
			c.fault("%s: text of %d characters, want 1 to %d", what, n, maxText)
		}
		c.oneOf(what+": language", p.Language, "fr", "en")
		c.oneOf(what+": visibility", p.Visibility, "public", "unlisted", "followers", "direct")
		c.oneOf(what+": circle", p.Circle, "", "node", "organisation", "network")
		if p.Visibility == "direct" && len(p.Mentions()) == 0 {
			c.fault("%s: a direct post mentions whom it is for", what)
		}
		if p.ReplyTo != "" {
			if _, known := c.sight.posts[p.ReplyTo]; !known {
				c.fault("%s: no post is called %q, which it answers", what, p.ReplyTo)
			}
		}
		c.hours(what, p.At)
	}
}

// reply checks that an answer comes after what it answers, goes no further,
// and that both ends can know of each other: its author could read the parent,
// and mentions the parent's author, to whom it is thereby delivered.
func (c *checker) reply(p Post) {
	if p.ReplyTo == "" {
		return
	}
	parent := c.sight.posts[p.ReplyTo]
	if p.At >= parent.At {
		c.fault("post %s answers %s, which is not older", p.ID, parent.ID)
	}
	if !c.sight.delivered(p.Author, parent) {
		c.fault("post %s: %s answers %s without following %s or being mentioned", p.ID, p.Author, parent.ID, parent.Author)
	}
	if p.Author != parent.Author && !slices.Contains(p.Mentions(), parent.Author) {
		c.fault("post %s: answers %s without mentioning %s", p.ID, parent.ID, parent.Author)
	}
	if reach(p.Circle) > reach(parent.Circle) || parent.closed() && !p.closed() {
		c.fault("post %s would go further than %s, which it answers", p.ID, parent.ID)
	}
}

func (c *checker) shares(shares []Share) {
	seen := map[[2]string]bool{}
	for _, s := range shares {
		what := fmt.Sprintf("share of %s by %s", s.Post, s.By)
		if !c.reaction(what, s.By, s.Post, s.At) {
			continue
		}
		if c.sight.posts[s.Post].closed() {
			c.fault("%s: only public and unlisted posts are shared", what)
		}
		if seen[[2]string{s.By, s.Post}] {
			c.fault("%s: is there twice", what)
		}
		seen[[2]string{s.By, s.Post}] = true
	}
}

func (c *checker) likes(likes []Like) {
	seen := map[[2]string]bool{}
	for _, l := range likes {
		what := fmt.Sprintf("like of %s by %s", l.Post, l.By)
		if !c.reaction(what, l.By, l.Post, l.At) {
			continue
		}
		if seen[[2]string{l.By, l.Post}] {
			c.fault("%s: is there twice", what)
		}
		seen[[2]string{l.By, l.Post}] = true
	}
}

// reaction checks what shares and likes have in common, and says whether their
// person and post are known.
func (c *checker) reaction(what, by, id string, at Age) bool {
	post, known := c.sight.posts[id]
	if !known {
		c.fault("%s: no post is called %q", what, id)
		return false
	}
	if !c.person(what, by) {
		return false
	}
	c.hours(what, at)
	seen, could := c.sight.since(by, post)
	switch {
	case !could:
		c.fault("%s: they could not see it", what)
	case at >= seen:
		c.fault("%s: %s, but they could see it only from %s on", what, at, seen)
	}
	return true
}

func (c *checker) person(what, ref string) bool {
	_, known := c.sight.people[ref]
	if !known {
		c.fault("%s: nobody is called %q", what, ref)
	}
	return known
}

func (c *checker) hours(what string, at Age) {
	if !at.working() {
		c.fault("%s: %s is outside working hours", what, at)
	}
}

func (c *checker) oneOf(what, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		c.fault("%s is %q, want one of %q", what, value, allowed)
	}
}
