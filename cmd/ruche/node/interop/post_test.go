//go:build interop

package interop

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"ruche/outbox"
	"ruche/storage"
)

const public = "https://www.w3.org/ns/activitystreams#Public"

func TestPostsFromRuche(t *testing.T) {
	const area = "Posts by people of Ruche"
	show(t, area, fromRuche, "A public, an unlisted and a followers-only post reach a follower with their addressing", "ActivityPub 6.2, 7.1", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		lena.follows(ana)
		followers := ana.me.FollowersURI
		for _, c := range []struct {
			visibility string
			to, cc     []string
		}{
			{storage.Public, []string{public}, []string{followers}},
			{storage.Unlisted, []string{followers}, []string{public}},
			{storage.Followers, []string{followers}, nil},
		} {
			text := "bees, " + c.visibility
			post := ana.posts(outbox.Draft{Text: text, Visibility: c.visibility})
			a := lena.receives("Create", ana, holds(text))
			o := a.Object
			if !slices.Equal(o.To, c.to) || !slices.Equal(o.Cc, c.cc) || !slices.Equal(a.To, c.to) || !slices.Equal(a.Cc, c.cc) {
				f.Errorf("%s: to %v cc %v, of the Create %v and %v; want %v and %v", c.visibility, o.To, o.Cc, a.To, a.Cc, c.to, c.cc)
			}
			if o.ID != post.URI || o.Author != ana.me.URI || o.Type != "Note" || o.URL != post.URL || o.Published == "" || a.Inbox != "shared" {
				f.Errorf("%s: arrived as %+v in %s", c.visibility, o, a.Inbox)
			}
		}
	})
	show(t, area, fromRuche, "A direct post reaches those whom it names and nobody else", "ActivityPub 6.2", func(f *flow) {
		ana, lena, nora := f.person("ana"), f.guest("lena"), f.guest("nora")
		nora.follows(ana)
		ana.posts(outbox.Draft{Text: "only for @" + lena.acct, Visibility: storage.Direct})
		o := lena.receives("Create", ana, holds("only for")).Object
		if !slices.Equal(o.To, []string{lena.uri}) || len(o.Cc) != 0 {
			f.Errorf("to %v cc %v", o.To, o.Cc)
		}
		if len(o.Mentions) != 1 || o.Mentions[0].Href != lena.uri {
			f.Errorf("mentions %+v", o.Mentions)
		}
	})
	show(t, area, fromRuche, "Warning, language, hashtag, mention and a described picture are understood", "ActivityStreams 3.3, 4.7", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		picture := ana.uploads("a hive in the snow")
		ana.posts(outbox.Draft{Text: "Salut @" + lena.acct + ", regarde #Ruches", ContentWarning: "winter", Language: "fr", Media: []int64{picture.ID}, Visibility: storage.Public})
		o := lena.receives("Create", ana, holds("Salut")).Object
		if o.Summary != "winter" || !o.Sensitive {
			f.Errorf("the warning is %q, sensitive %v", o.Summary, o.Sensitive)
		}
		if !slices.Equal(o.Languages, []string{"fr"}) {
			f.Errorf("languages %v", o.Languages)
		}
		if len(o.Hashtags) != 1 || !strings.EqualFold(o.Hashtags[0].Name, "#ruches") {
			f.Errorf("hashtags %+v", o.Hashtags)
		}
		if len(o.Mentions) != 1 || o.Mentions[0].Href != lena.uri || o.Mentions[0].Name != "@"+lena.acct {
			f.Errorf("mentions %+v", o.Mentions)
		}
		if len(o.Files) != 1 || o.Files[0].Name != "a hive in the snow" || !strings.HasPrefix(o.Files[0].MediaType, "image/") || o.Files[0].Width != 4 || o.Files[0].Height != 2 {
			f.Errorf("files %+v", o.Files)
		}
	})
	show(t, area, fromRuche, "An edit and a deletion take effect", "ActivityPub 6.3, 6.4", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		lena.follows(ana)
		post := ana.posts(outbox.Draft{Text: "bees are well", Visibility: storage.Public})
		lena.receives("Create", ana, holds("bees are well"))
		_, err := f.node.Outbox().Edit(f.ctx, ana.me, post.ID, outbox.Edit{Text: "bees are very well"})
		f.must(err)
		o := lena.receives("Update", ana, holds("bees are very well")).Object
		if o.ID != post.URI || o.Updated == "" {
			f.Errorf("the edited post is %s, of %q", o.ID, o.Updated)
		}
		_, err = f.node.Outbox().Delete(f.ctx, ana.me, post.ID)
		f.must(err)
		lena.receives("Delete", ana, about(post.URI))
		if lena.reads(post.URI) != nil {
			if got := lena.reads(post.URI); got.Type != "Tombstone" {
				f.Errorf("the deleted post is still given: %+v", got)
			}
		}
	})
	show(t, area, fromRuche, "An answer reaches the author of what it answers, and is tied to it", "ActivityPub 7.1.2", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		ana.follows(lena)
		asked := lena.does("post", args{"content": "<p>who knows bees?</p>"})
		ana.posts(outbox.Draft{Text: "I do, @" + lena.acct, InReplyTo: ana.sees("who knows bees?").ID})
		if o := lena.receives("Create", ana, holds("I do")).Object; o.InReplyTo != asked {
			f.Errorf("answers %q, want %q", o.InReplyTo, asked)
		}
	})
	show(t, area, fromRuche, "A post is fetched with a signature by a host that it went to, and by no other way", "ActivityPub 3.2", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		lena.follows(ana)
		post := ana.posts(outbox.Draft{Text: "for followers", Visibility: storage.Followers})
		lena.receives("Create", ana, holds("for followers"))
		if got := lena.reads(post.URI); got == nil || got.ID != post.URI {
			f.Errorf("a follower's server reads %+v", got)
		}
		if got := (&guest{flow: f}).reads(post.URI); got != nil {
			f.Errorf("without a signature it reads %+v", got)
		}
	})
}

func TestPostsFromFedify(t *testing.T) {
	const area = "Posts by people of Fedify"
	show(t, area, fromFedify, "A post of each visibility arrives with it, and shows to those that it is for", "ActivityPub 6.2, 7.1", func(f *flow) {
		ana, luc, lena := f.person("ana"), f.person("luc"), f.guest("lena")
		ana.follows(lena)
		for _, visibility := range []string{storage.Public, storage.Unlisted, storage.Followers, storage.Direct} {
			text := "honey, " + visibility
			with := args{"content": "<p>" + text + "</p>", "visibility": visibility}
			if visibility == storage.Direct {
				with["mentions"] = []string{ana.me.URI}
			}
			id := lena.does("post", with)
			var post *storage.Post
			if visibility == storage.Direct {
				post = ana.finds(ana.told(storage.NotifyMention, ana.knows(lena)).PostID)
			} else {
				post = ana.sees(text)
			}
			if post.URI != id || post.Visibility != visibility {
				f.Errorf("%s arrived as %s of %s", id, post.Visibility, post.URI)
			}
			if open := visibility == storage.Public || visibility == storage.Unlisted; (luc.again(post) != nil) != open {
				f.Errorf("whether a stranger sees the %s post: %v", visibility, !open)
			}
		}
	})
	show(t, area, fromFedify, "Warning, language, hashtag, mention and a described picture arrive", "ActivityStreams 3.3, 4.7", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		ana.follows(lena)
		lena.does("post", args{"content": "<p>Guten Tag</p>", "language": "de", "summary": "winter", "sensitive": true, "hashtags": []string{"Bienen"}, "mentions": []string{ana.acct()}, "image": "a jar"})
		post := ana.sees("Guten Tag")
		if post.ContentWarning != "winter" || !post.Sensitive || post.Language != "de" {
			f.Errorf("warning %q, sensitive %v, language %q", post.ContentWarning, post.Sensitive, post.Language)
		}
		if n := ana.told(storage.NotifyMention, ana.knows(lena)); n.PostID != post.ID {
			f.Errorf("told of post %d, want %d", n.PostID, post.ID)
		}
		tags, err := f.node.DB().Hashtags(f.ctx, []int64{post.ID})
		f.must(err)
		if !slices.Equal(tags[post.ID], []string{"bienen"}) {
			f.Errorf("hashtags %v", tags[post.ID])
		}
		files, err := f.node.DB().MediaOf(f.ctx, []int64{post.ID})
		f.must(err)
		if m := files[post.ID]; len(m) != 1 || m[0].Description != "a jar" || m[0].Width != 1 || m[0].MIME != "image/png" {
			f.Errorf("files %+v", m)
		}
	})
	show(t, area, fromFedify, "A picture is shown to readers by their own node, which fetches it when it is first looked at", "ActivityStreams 3.3", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		ana.follows(lena)
		lena.does("post", args{"content": "<p>Honig</p>", "image": "jar"})
		post := ana.sees("Honig")
		var s struct {
			MediaAttachments []struct {
				Type, URL  string
				PreviewURL string `json:"preview_url"`
				RemoteURL  string `json:"remote_url"`
			} `json:"media_attachments"`
		}
		status, kind, body := ana.gets("https://"+f.node.domain+"/api/v1/statuses/"+storage.FormatID(post.ID), ana.token("read"))
		f.must(json.Unmarshal(body, &s))
		if status != http.StatusOK || len(s.MediaAttachments) != 1 || s.MediaAttachments[0].Type != "image" || s.MediaAttachments[0].RemoteURL != "https://"+f.fed.host+"/media/jar.png" {
			f.Fatalf("%d %s %s", status, kind, body)
		}
		for _, address := range []string{s.MediaAttachments[0].URL, s.MediaAttachments[0].PreviewURL} {
			status, kind, body := ana.gets(address, "")
			if picture, err := png.DecodeConfig(bytes.NewReader(body)); status != http.StatusOK || kind != "image/png" || err != nil || picture.Width != 1 || !strings.HasPrefix(address, "https://"+f.node.domain+"/media/remote/") {
				f.Errorf("%s is answered %d %s (%v)", address, status, kind, err)
			}
		}
	})
	show(t, area, fromFedify, "An Article arrives with its title and its text", "ActivityStreams vocabulary: Article", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		ana.follows(lena)
		lena.does("post", args{"kind": "Article", "title": "On wax", "content": "<h2>Uses</h2><p>Wax is useful.</p>"})
		post := ana.sees("Wax is useful.")
		if !strings.Contains(post.HTML, "On wax") {
			f.Errorf("without its title: %s", post.HTML)
		}
	})
	show(t, area, fromFedify, "An edit and a deletion take effect", "ActivityPub 7.3, 7.4", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		ana.follows(lena)
		id := lena.does("post", args{"content": "<p>honey is sweet</p>"})
		post := ana.sees("honey is sweet")
		lena.does("edit", args{"id": id, "content": "<p>honey is very sweet</p>"})
		if edited := ana.sees("honey is very sweet"); edited.ID != post.ID || edited.EditedAt.IsZero() {
			f.Errorf("the edit is post %d of %s, want %d", edited.ID, edited.EditedAt, post.ID)
		}
		lena.does("remove", args{"id": id})
		eventually(f.T, "the post is gone", func() bool { return ana.again(post) == nil && len(ana.home("honey is")) == 0 })
	})
	show(t, area, fromFedify, "An answer is tied to the post that it answers", "ActivityPub 7.1.2", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		asked := ana.posts(outbox.Draft{Text: "who knows wax?", Visibility: storage.Public})
		id := lena.does("post", args{"content": "<p>I know wax</p>", "inReplyTo": asked.URI, "mentions": []string{ana.acct()}})
		answer := ana.finds(ana.told(storage.NotifyMention, ana.knows(lena)).PostID)
		if answer.URI != id || answer.InReplyToID != asked.ID {
			f.Errorf("%s answers %d, want %d", answer.URI, answer.InReplyToID, asked.ID)
		}
		if now := ana.again(asked); now.RepliesCount != 1 {
			f.Errorf("the post counts %d replies", now.RepliesCount)
		}
	})
	show(t, area, fromFedify, "A post that nobody here follows is found by its address, with a signed request", "ActivityPub 3.2", func(f *flow) {
		ana, lena := f.person("ana"), f.guest("lena")
		id := lena.does("post", args{"content": "<p>found by address</p>"})
		post, err := f.node.Resolver().Post(f.ctx, id)
		f.must(err)
		if post.URI != id || !strings.Contains(post.HTML, "found by address") || post.AuthorID != ana.knows(lena).ID {
			f.Errorf("found %+v", post)
		}
	})
}

// uploads adds a picture of 4 by 2 pixels.
// gets asks over HTTP, as a browser of the person's does, and gives the status, the type and what came.
func (p *person) gets(address, token string) (int, string, []byte) {
	p.Helper()
	req, err := http.NewRequestWithContext(p.ctx, http.MethodGet, address, nil)
	p.must(err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	client := p.w.client()
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	p.must(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	p.must(err)
	return res.StatusCode, res.Header.Get("Content-Type"), body
}

func (p *person) uploads(description string) *storage.Media {
	p.Helper()
	canvas := image.NewRGBA(image.Rect(0, 0, 4, 2))
	canvas.Set(1, 1, color.White)
	var file bytes.Buffer
	p.must(png.Encode(&file, canvas))
	m, err := p.node.Outbox().Upload(p.ctx, p.me, outbox.Upload{Reader: &file, Description: description})
	p.must(err)
	return m
}

// finds reads a post as the person sees it.
func (p *person) finds(id int64) *storage.Post {
	p.Helper()
	post, err := p.node.DB().VisiblePost(p.ctx, p.me.ID, id)
	p.must(err)
	return post
}
