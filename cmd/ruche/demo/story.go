package demo

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// A Story is a month in the life of three entities, as data: who works where,
// who follows whom, what they wrote, shared and liked, and when. It names people
// as "user@node", where the node is the name of one of its Nodes.
//
// Everything in it has to travel through federation, so it may ask nothing of
// the network that the network would not do: Load refuses a story in which
// somebody answers, shares or likes what could not have reached them.
//
// Posts, Shares and Likes are each in the order in which they happen, oldest
// first.
type Story struct {
	Nodes   []Node
	People  []Person
	Follows []Follow // these exist before the first post
	Posts   []Post
	Shares  []Share
	Likes   []Like
}

// A Node is one entity with a server of its own. Nodes with the same
// organisation are siblings; the others are partners.
type Node struct {
	Name         string // short, as after the @ in a person's reference
	Domain       string // host:port
	Title        string // what people call the entity
	Organisation string
	Description  string
}

// A Person is an employee, or an account that speaks for the company.
type Person struct {
	Username    string // ASCII letters, digits and underscores
	Node        string // the name of a Node
	DisplayName string
	Department  string
	Bio         string   // says what they know, with skills as #hashtags
	Interests   []string // hashtags they want to read, without the #
	Locale      string   // "fr" or "en"
	Role        string   // owner, admin, community-manager or member
	Official    bool     // speaks for the company
	Fields      []Field
}

// A Field is a line of a profile, such as "Languages: en, fr".
type Field struct{ Name, Value string }

// Ref is how the rest of the story names the person: "user@node".
func (p Person) Ref() string { return p.Username + "@" + p.Node }

// A Follow makes From read To. Both are references.
type Follow struct{ From, To string }

// A Post is something that somebody wrote, or their answer to somebody.
type Post struct {
	ID             string // names the post within the story only
	Author         string
	At             Age
	Text           string // holds mentions as @{user@node}
	Language       string // "fr" or "en"
	ContentWarning string // shown instead of the text until opened; mostly empty
	Visibility     string // public, unlisted, followers or direct; never empty
	Circle         string // node, organisation or network; empty for the node's default
	ReplyTo        string // the ID of the post it answers, or empty
}

// A Share passes a post on to the followers of By.
type Share struct {
	By   string
	Post string // its ID
	At   Age
}

// A Like tells the author of a post that somebody liked it.
type Like struct {
	By   string
	Post string // its ID
	At   Age
}

// Mentions gives the references of the people a post mentions, in the order in
// which it does, each once.
func (p Post) Mentions() []string {
	var refs []string
	for _, m := range mention().FindAllStringSubmatch(p.Text, -1) {
		if !slices.Contains(refs, m[1]) {
			refs = append(refs, m[1])
		}
	}
	return refs
}

// TextWith gives the text as a person would have typed it: each @{user@node} is
// replaced by what acct says of "user@node", with an @ before it.
func (p Post) TextWith(acct func(ref string) string) string {
	return mention().ReplaceAllStringFunc(p.Text, func(placeholder string) string {
		return "@" + acct(strings.TrimSuffix(strings.TrimPrefix(placeholder, "@{"), "}"))
	})
}

func mention() *regexp.Regexp { return regexp.MustCompile(`@\{([^{}]*)\}`) }

//go:embed people.json posts.json reactions.json
var told embed.FS

// Load gives the story that comes with the program.
func Load() (*Story, error) { return Read(told) }

// Read gives the story told by people.json (nodes, people, follows), posts.json
// and reactions.json (shares, likes) of a folder. It sorts what happens by time
// and fills in the default visibility; a story that cannot be played is an
// error that names every fault found.
func Read(folder fs.FS) (*Story, error) {
	s := &Story{}
	for _, name := range []string{"people.json", "posts.json", "reactions.json"} {
		if err := s.read(folder, name); err != nil {
			return nil, fmt.Errorf("read the demo's %s: %w", name, err)
		}
	}
	for i := range s.Posts {
		if s.Posts[i].Visibility == "" {
			s.Posts[i].Visibility = "public"
		}
	}
	// Ages count backwards: the greatest happened first.
	slices.SortStableFunc(s.Posts, func(a, b Post) int { return b.At.compare(a.At) })
	slices.SortStableFunc(s.Shares, func(a, b Share) int { return b.At.compare(a.At) })
	slices.SortStableFunc(s.Likes, func(a, b Like) int { return b.At.compare(a.At) })
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("the demo's story does not hold together: %w", err)
	}
	return s, nil
}

func (s *Story) read(folder fs.FS, name string) error {
	file, err := folder.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	d := json.NewDecoder(file)
	d.DisallowUnknownFields() // a misspelt field would otherwise be a silent default
	return d.Decode(s)
}
