package demo_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"ruche/cmd/ruche/demo"
)

func load(t *testing.T) *demo.Story {
	t.Helper()
	s, err := demo.Load()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func nodeOf(ref string) string {
	_, node, _ := strings.Cut(ref, "@")
	return node
}

func TestTheStoryIsAsBigAsAFirstLookNeeds(t *testing.T) {
	s := load(t)
	staff, inEnglish := map[string]int{}, 0
	roles := map[string]int{}
	for _, p := range s.People {
		staff[p.Node]++
		if p.Locale == "en" {
			inEnglish++
		}
		switch p.Role {
		case "owner", "admin":
			roles[p.Node+" admin"]++
		case "community-manager":
			roles[p.Node+" community manager"]++
		}
		if p.Official {
			roles[p.Node+" official"]++
		}
	}
	posts, replies, crossReplies, english := map[string]int{}, map[string]int{}, 0, 0
	author := map[string]string{}
	for _, p := range s.Posts {
		author[p.ID] = p.Author
	}
	for _, p := range s.Posts {
		posts[nodeOf(p.Author)]++
		if p.Language == "en" {
			english++
		}
		if p.ReplyTo != "" {
			replies[nodeOf(p.Author)]++
			if nodeOf(p.Author) != nodeOf(author[p.ReplyTo]) {
				crossReplies++
			}
		}
	}
	shares, likes, crossFollows := map[string]int{}, map[string]int{}, 0
	for _, sh := range s.Shares {
		shares[nodeOf(sh.By)]++
	}
	for _, l := range s.Likes {
		likes[nodeOf(l.By)]++
	}
	for _, f := range s.Follows {
		if nodeOf(f.From) != nodeOf(f.To) {
			crossFollows++
		}
	}
	for _, n := range s.Nodes {
		t.Logf("%-10s %2d people %3d posts (%2d replies) %2d shares %3d likes",
			n.Name, staff[n.Name], posts[n.Name], replies[n.Name], shares[n.Name], likes[n.Name])
		if posts[n.Name] < 20 || replies[n.Name] < 10 || shares[n.Name] < 8 || likes[n.Name] < 25 {
			t.Errorf("%s is too quiet to be believed", n.Name)
		}
		if roles[n.Name+" admin"] != 1 || roles[n.Name+" community manager"] != 1 {
			t.Errorf("%s has not one admin and one community manager: %v", n.Name, roles)
		}
	}
	t.Logf("%d follows (%d across nodes), %d replies across nodes, %d posts in English", len(s.Follows), crossFollows, crossReplies, english)
	if fmt.Sprint(staff) != "map[labo:10 partenaire:8 siege:12]" || roles["siege official"] != 1 {
		t.Errorf("staff %v, roles %v", staff, roles)
	}
	if inEnglish < 8 || inEnglish > 12 {
		t.Errorf("%d of %d people read English, want about a third", inEnglish, len(s.People))
	}
	if third := len(s.Posts) / 3; english < third-10 || english > third+10 {
		t.Errorf("%d of %d posts are in English, want about a third", english, len(s.Posts))
	}
	if len(s.Posts) < 110 || len(s.Shares) < 40 || len(s.Likes) < 120 || len(s.Follows) < 150 {
		t.Errorf("%d posts, %d shares, %d likes, %d follows", len(s.Posts), len(s.Shares), len(s.Likes), len(s.Follows))
	}
	if crossReplies < 30 || crossFollows < 60 {
		t.Errorf("%d replies and %d follows cross nodes", crossReplies, crossFollows)
	}
}

func TestAPostTravelsFromTheHeadOfficeThroughTheLabToThePartner(t *testing.T) {
	s := load(t)
	origin := map[string]string{}
	for _, p := range s.Posts {
		origin[p.ID] = nodeOf(p.Author)
	}
	way := map[string]string{}
	for _, sh := range s.Shares {
		if way[sh.Post] == "" {
			way[sh.Post] = origin[sh.Post]
		}
		way[sh.Post] += " " + nodeOf(sh.By)
	}
	travelled := 0
	for _, w := range way {
		if regexp.MustCompile(`^siege.* labo.* partenaire`).MatchString(w) {
			travelled++
		}
	}
	if travelled < 4 {
		t.Errorf("%d posts went from siege to labo to partenaire: %v", travelled, way)
	}
}

func TestPeopleAreInterestedInWhatIsWritten(t *testing.T) {
	s := load(t)
	written, spelling := map[string]bool{}, map[string]string{}
	tag := regexp.MustCompile(`#([\p{L}\p{N}]+)`)
	for _, p := range s.Posts {
		for _, m := range tag.FindAllStringSubmatch(p.Text, -1) {
			written[m[1]] = true
			if other, ok := spelling[strings.ToLower(m[1])]; ok && other != m[1] {
				t.Errorf("#%s is also written #%s", m[1], other)
			}
			spelling[strings.ToLower(m[1])] = m[1]
		}
	}
	for _, p := range s.People {
		if len(p.Interests) == 0 {
			t.Errorf("%s is interested in nothing", p.Ref())
		}
		for _, i := range p.Interests {
			if !written[i] {
				t.Errorf("%s is interested in #%s, of which nobody writes", p.Ref(), i)
			}
		}
	}
}

func TestEverythingHappenedInThePastOnWorkingDaysInOrder(t *testing.T) {
	s := load(t)
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		paris = time.FixedZone("CET", 3600)
	}
	for hour := range 24 * 8 { // over a week, and over the night the hour changes
		now := time.Date(2026, 10, 22, 0, 30, 0, 0, paris).Add(time.Duration(hour) * time.Hour)
		before := time.Time{}
		for _, p := range s.Posts {
			at := p.At.Before(now)
			if at.After(now) || now.Sub(at) > 33*24*time.Hour {
				t.Fatalf("told at %s, %s happens at %s", now, p.ID, at)
			}
			if at.Weekday() == time.Saturday || at.Weekday() == time.Sunday || at.Hour() < 5 || at.Hour() > 18 {
				t.Fatalf("told at %s, %s works at %s", now, p.Author, at.Format("Monday 15:04"))
			}
			if at.Before(before) {
				t.Fatalf("told at %s, %s happens before what precedes it", now, p.ID)
			}
			before = at
		}
	}
}

func TestMentionsAreFoundAndReplaced(t *testing.T) {
	p := demo.Post{Text: "@{ana@siege}, ask @{luc@labo} or @{ana@siege}"}
	if got := fmt.Sprint(p.Mentions()); got != "[ana@siege luc@labo]" {
		t.Errorf("mentions %s", got)
	}
	got := p.TextWith(func(ref string) string { return strings.ReplaceAll(ref, "labo", "labo.test") })
	if want := "@ana@siege, ask @luc@labo.test or @ana@siege"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAnAgeIsDaysAndADuration(t *testing.T) {
	for written, want := range map[string]time.Duration{
		"17d4h":  17*24*time.Hour + 4*time.Hour,
		"3d":     72 * time.Hour,
		"8h48m":  8*time.Hour + 48*time.Minute,
		"0d":     0,
		"":       -1,
		"d":      -1,
		"-1d":    -1,
		"1.5d":   -1,
		"1d25h":  -1,
		"-4h":    -1,
		"soon":   -1,
		"61d":    -1,
		"+1d":    -1,
		"1 d":    -1,
		"1d4":    -1,
		"1d 4h":  -1,
		"99999d": -1,
	} {
		var a demo.Age
		err := a.UnmarshalText([]byte(written))
		if want < 0 && err == nil {
			t.Errorf("%q is taken for %s", written, a)
		}
		if want >= 0 && (err != nil || time.Duration(a) != want) {
			t.Errorf("%q is %s, %v; want %s", written, a, err, want)
		}
	}
}

// The stories below are those of the program with one thing changed.
func TestAStoryThatCannotBePlayedIsRefused(t *testing.T) {
	for name, tc := range map[string]struct{ file, old, new, want string }{
		"an unknown author":             {"posts.json", `"author": "julien@siege"`, `"author": "julian@siege"`, `nobody is called "julian@siege"`},
		"an unknown mention":            {"posts.json", `@{lucas@siege}`, `@{lucas@labo}`, `nobody is called "lucas@labo"`},
		"an unknown parent":             {"posts.json", `"replyTo": "hum1"`, `"replyTo": "hum0"`, `no post is called "hum0"`},
		"an id used twice":              {"posts.json", `"id": "hum2"`, `"id": "hum1"`, `needs an id of its own`},
		"a reply before its parent":     {"posts.json", `"id": "hum2", "author": "anouk@labo", "at": "25d6h45m"`, `"id": "hum2", "author": "anouk@labo", "at": "25d8h"`, `which is not older`},
		"work on a Sunday":              {"posts.json", `"at": "25d6h45m"`, `"at": "19d6h45m"`, `outside working hours`},
		"an unknown visibility":         {"posts.json", `"visibility": "unlisted"`, `"visibility": "private"`, `visibility is "private"`},
		"a field nobody reads":          {"posts.json", `"replyTo": "hum1"`, `"inReplyTo": "hum1"`, `unknown field`},
		"a reply wider than its parent": {"posts.json", `"replyTo": "vie1", "circle": "organisation"`, `"replyTo": "vie1"`, `would go further than vie1`},
		"an endless text":               {"posts.json", `"text": "`, `"text": "` + strings.Repeat("a", 1001), `want 1 to 1000`},
		"a reply by a stranger":         {"people.json", `{"from": "anouk@labo", "to": "julien@siege"}`, `{"from": "anouk@labo", "to": "karim@siege"}`, `anouk@labo answers hum1 without following`},
		"a share by a stranger":         {"reactions.json", `"by": "anouk@labo", "post": "hum1"`, `"by": "giulia@labo", "post": "hum1"`, `share of hum1 by giulia@labo: they could not see it`},
		"a share of a direct post":      {"reactions.json", `"by": "anouk@labo", "post": "hum1"`, `"by": "yann@labo", "post": "sol1"`, `only public and unlisted posts are shared`},
		"a share out of its circle":     {"reactions.json", `"by": "anouk@labo", "post": "hum1"`, `"by": "marc@partenaire", "post": "vie1"`, `they could not see it`},
		"a like of nothing":             {"reactions.json", `"post": "plan1"`, `"post": "plan9"`, `no post is called "plan9"`},
		"an employee twice":             {"people.json", `"username": "karim"`, `"username": "julien"`, `julien@siege is there twice`},
		"a follow twice":                {"people.json", `{"from": "claire@siege", "to": "nadia@siege"}`, `{"from": "claire@siege", "to": "marc@partenaire"}`, `is there twice`},
		"an unknown role":               {"people.json", `"role": "owner"`, `"role": "boss"`, `role is "boss"`},
		"an unknown node":               {"people.json", `"name": "labo"`, `"name": "lab"`, `no node is called "labo"`},
		"a broken file":                 {"posts.json", `{`, `[`, `posts.json`},
	} {
		t.Run(name, func(t *testing.T) {
			folder := fstest.MapFS{}
			for _, file := range []string{"people.json", "posts.json", "reactions.json"} {
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if file == tc.file {
					changed := strings.Replace(string(data), tc.old, tc.new, 1)
					if changed == string(data) {
						t.Fatalf("%s holds no %s", file, tc.old)
					}
					data = []byte(changed)
				}
				folder[file] = &fstest.MapFile{Data: data}
			}
			_, err := demo.Read(folder)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want an error with %s", err, tc.want)
			}
		})
	}
}

func TestAMissingFileIsNamed(t *testing.T) {
	people, err := json.Marshal(map[string]any{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = demo.Read(fstest.MapFS{"people.json": {Data: people}})
	if err == nil || !strings.Contains(err.Error(), "posts.json") {
		t.Errorf("got %v, want an error that names posts.json", err)
	}
}
