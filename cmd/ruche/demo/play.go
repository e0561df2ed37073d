package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"ruche/outbox"
	"ruche/storage"
)

// play carries the story's acts out, in as many rounds as posts need to travel: an act is due
// once what it answers, shares or likes has arrived where it happens. What was done is written
// to a file, so that the next start goes on from there.
type play struct {
	story  *Story
	stages map[string]*stage
	now    time.Time
	file   *os.File
	done   map[string]string // act → URI of what it made
	total  int
	linked bool // every follow is accepted
	out    io.Writer
}

// act is one thing that somebody does. ready says whether it can be done now.
type act struct {
	key   string
	ready func(ctx context.Context) (bool, error)
	do    func(ctx context.Context) (string, error)
}

func newPlay(story *Story, stages map[string]*stage, file string, out io.Writer) (*play, error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	p := &play{story: story, stages: stages, now: time.Now(), file: f, done: map[string]string{}, out: out}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if key, uri, ok := strings.Cut(lines.Text(), "\t"); ok {
			p.done[key] = uri
		}
	}
	return p, lines.Err()
}

func (p *play) close() error { return p.file.Close() }

func (p *play) run(ctx context.Context) error {
	acts := p.acts()
	p.total = len(acts)
	var waiting []act
	for _, a := range acts {
		if _, done := p.done[a.key]; !done {
			waiting = append(waiting, a)
		}
	}
	lastMove := time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for len(waiting) > 0 {
		var later []act
		for _, a := range waiting {
			ready, err := a.ready(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", a.key, err)
			}
			if !ready {
				later = append(later, a)
				continue
			}
			uri, err := a.do(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", a.key, err)
			}
			if err := p.note(a.key, uri); err != nil {
				return err
			}
			lastMove = time.Now()
		}
		if waiting = later; len(waiting) == 0 {
			break
		}
		if time.Since(lastMove) > readyTime {
			return fmt.Errorf("%d acts of the story wait for something that doesn't come, the first is %s", len(waiting), waiting[0].key)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	fmt.Fprintln(p.out)
	return nil
}

func (p *play) note(key, uri string) error {
	p.done[key] = uri
	fmt.Fprintf(p.out, "\rSome weeks go by: %d of %d", len(p.done), p.total)
	_, err := fmt.Fprintf(p.file, "%s\t%s\n", key, uri)
	return err
}

// acts lists everything that happens, profiles and follows first.
func (p *play) acts() []act {
	var out []act
	for _, who := range p.story.People {
		out = append(out, p.profile(who))
	}
	for _, f := range p.story.Follows {
		out = append(out, p.follow(f))
	}
	for _, post := range p.story.Posts {
		out = append(out, p.post(post))
	}
	for _, s := range p.story.Shares {
		out = append(out, p.share(s))
	}
	for _, l := range p.story.Likes {
		out = append(out, p.like(l))
	}
	return out
}

func now(context.Context) (bool, error) { return true, nil }

// whom gives the stage and the account of user@node.
func (p *play) whom(ctx context.Context, who string) (*stage, *storage.Account, error) {
	name, at, _ := strings.Cut(who, "@")
	s := p.stages[at]
	a, err := s.acts.DB().AccountByName(ctx, name, "")
	return s, a, err
}

func (p *play) profile(who Person) act {
	address := who.Username + "@" + who.Node
	return act{"profile " + address, now, func(ctx context.Context) (string, error) {
		s, me, err := p.whom(ctx, address)
		if err != nil {
			return "", err
		}
		var fields []storage.Field
		for _, f := range who.Fields {
			fields = append(fields, storage.Field{Name: f.Name, Value: f.Value})
		}
		_, err = s.acts.Outbox().UpdateProfile(ctx, me, outbox.Profile{Note: &who.Bio, Fields: &fields})
		return me.URI, err
	}}
}

func (p *play) follow(f Follow) act {
	key := "follow " + f.From + " " + f.To
	return act{key, now, func(ctx context.Context) (string, error) {
		s, me, err := p.whom(ctx, f.From)
		if err != nil {
			return "", err
		}
		name, at, _ := strings.Cut(f.To, "@")
		domain := ""
		if at != s.Name {
			domain = p.stages[at].Domain
		}
		them, err := s.acts.Resolver().Account(ctx, name, domain)
		if err != nil {
			return "", err
		}
		return them.URI, s.acts.Outbox().Follow(ctx, me, them.ID, outbox.FollowOptions{})
	}}
}

// followed says whether every follow has been accepted: until then a post would not travel.
func (p *play) followed(ctx context.Context) (bool, error) {
	for _, f := range p.story.Follows {
		s, me, err := p.whom(ctx, f.From)
		if err != nil {
			return false, err
		}
		them, err := s.acts.DB().AccountByURI(ctx, p.done["follow "+f.From+" "+f.To])
		if errors.Is(err, storage.ErrNotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		follow, err := s.acts.DB().FollowBetween(ctx, me.ID, them.ID)
		if err != nil || follow.State != storage.Accepted {
			return false, ignoreAbsent(err)
		}
	}
	p.linked = true
	return true, nil
}

func ignoreAbsent(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	return err
}

// arrived finds a post of the story on the node of whoever acts, once it is visible there.
func (p *play) arrived(ctx context.Context, who, post string) (*storage.Post, error) {
	uri, written := p.done["post "+post]
	if !written {
		return nil, storage.ErrNotFound
	}
	s, me, err := p.whom(ctx, who)
	if err != nil {
		return nil, err
	}
	found, err := s.acts.DB().PostByURI(ctx, uri)
	if err != nil {
		return nil, err
	}
	return s.acts.DB().VisiblePost(ctx, me.ID, found.ID)
}

func (p *play) onceArrived(who, post string) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		_, err := p.arrived(ctx, who, post)
		return err == nil, ignoreAbsent(err)
	}
}

func (p *play) post(post Post) act {
	ready := p.followed
	if post.ReplyTo != "" {
		ready = p.onceArrived(post.Author, post.ReplyTo)
	}
	return act{"post " + post.ID, func(ctx context.Context) (bool, error) {
		if post.ReplyTo == "" && p.linked {
			return true, nil
		}
		return ready(ctx)
	}, func(ctx context.Context) (string, error) {
		s, me, err := p.whom(ctx, post.Author)
		if err != nil {
			return "", err
		}
		draft := outbox.Draft{Text: post.TextWith(p.handle(s)), ContentWarning: post.ContentWarning, Language: post.Language, Visibility: post.Visibility,
			Circle: post.Circle, PublishedAt: post.At.Before(p.now), IdempotencyKey: "demo " + post.ID}
		if post.ReplyTo != "" {
			parent, err := p.arrived(ctx, post.Author, post.ReplyTo)
			if err != nil {
				return "", err
			}
			draft.InReplyTo = parent.ID
		}
		written, err := s.acts.Outbox().Post(ctx, me, draft)
		if err != nil {
			return "", err
		}
		return written.URI, nil
	}}
}

// handle is how somebody of the story is named by somebody on a stage.
func (p *play) handle(s *stage) func(who string) string {
	return func(who string) string {
		name, at, _ := strings.Cut(who, "@")
		if at == s.Name {
			return name
		}
		return name + "@" + p.stages[at].Domain
	}
}

func (p *play) share(s Share) act {
	return act{"share " + s.By + " " + s.Post, p.onceArrived(s.By, s.Post), func(ctx context.Context) (string, error) {
		stage, me, err := p.whom(ctx, s.By)
		if err != nil {
			return "", err
		}
		post, err := p.arrived(ctx, s.By, s.Post)
		if err != nil {
			return "", err
		}
		shared, err := stage.acts.Outbox().Share(ctx, me, post.ID, s.At.Before(p.now))
		if err != nil {
			return "", err
		}
		return shared.URI, nil
	}}
}

func (p *play) like(l Like) act {
	return act{"like " + l.By + " " + l.Post, p.onceArrived(l.By, l.Post), func(ctx context.Context) (string, error) {
		stage, me, err := p.whom(ctx, l.By)
		if err != nil {
			return "", err
		}
		post, err := p.arrived(ctx, l.By, l.Post)
		if err != nil {
			return "", err
		}
		return post.URI, stage.acts.Outbox().Like(ctx, me, post.ID)
	}}
}
