package storage

import (
	"fmt"
	"strconv"
	"strings"
)

// URIs makes the ids of what is ours. They hold numbers, never names, so that a renamed
// person or a corrected handle breaks no reference.
type URIs struct{ Base string } // https://host, without a slash at the end

// Actor is the id of a local account.
func (u URIs) Actor(id int64) string { return fmt.Sprintf("%s/users/%d", u.Base, id) }

// SharedInbox is where peers deliver to everybody here.
func (u URIs) SharedInbox() string { return u.Base + "/inbox" }

// Post is the id of a local post.
func (u URIs) Post(id int64) string { return fmt.Sprintf("%s/posts/%d", u.Base, id) }

// Share is the id of a local share: the Announce itself.
func (u URIs) Share(id int64) string { return fmt.Sprintf("%s/shares/%d", u.Base, id) }

// Follow is the id of a Follow that one of ours made.
func (u URIs) Follow(id int64) string { return fmt.Sprintf("%s/follows/%d", u.Base, id) }

// Like is the id of a Like that one of ours made.
func (u URIs) Like(id int64) string { return fmt.Sprintf("%s/likes/%d", u.Base, id) }

// Block is the id of a Block that one of ours made.
func (u URIs) Block(id int64) string { return fmt.Sprintf("%s/blocks/%d", u.Base, id) }

// Vote is the id of a vote in a peer's poll that one of ours cast.
func (u URIs) Vote(id int64) string { return fmt.Sprintf("%s/votes/%d", u.Base, id) }

// Quote is the id of the stamp with which one of ours lets itself be quoted.
func (u URIs) Quote(id int64) string { return fmt.Sprintf("%s/quotes/%d", u.Base, id) }

// Activity is the id of any other activity of ours.
func (u URIs) Activity(id int64) string { return fmt.Sprintf("%s/activities/%d", u.Base, id) }

// ProfilePage and PostPage are what a browser opens.
func (u URIs) ProfilePage(username string) string { return u.Base + "/@" + username }

// PostPage is the page of a local post.
func (u URIs) PostPage(username string, id int64) string {
	return fmt.Sprintf("%s/@%s/%d", u.Base, username, id)
}

// Media is where the bytes of a stored file are served; key is unguessable.
func (u URIs) Media(key string) string { return u.Base + "/media/" + key }

// Ours gives the kind ("users", "posts", …) and number of one of our ids, or false.
func (u URIs) Ours(uri string) (kind string, id int64, ok bool) {
	rest, ok := strings.CutPrefix(uri, u.Base+"/")
	if !ok {
		return "", 0, false
	}
	kind, number, ok := strings.Cut(rest, "/")
	if !ok {
		return "", 0, false
	}
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil || id <= 0 || strconv.FormatInt(id, 10) != number {
		return "", 0, false
	}
	return kind, id, true
}

func (u URIs) fill(a *Account) {
	a.URI = u.Actor(a.ID)
	a.URL = u.ProfilePage(a.Username)
	if a.Kind == Application {
		a.URL = u.Base + "/"
	}
	a.InboxURI = a.URI + "/inbox"
	a.SharedInboxURI = u.SharedInbox()
	a.OutboxURI = a.URI + "/outbox"
	a.FollowersURI = a.URI + "/followers"
	a.FollowingURI = a.URI + "/following"
	a.FeaturedURI = a.URI + "/featured"
	a.FeaturedTagsURI = a.URI + "/featured-tags"
	a.KeyID = a.URI + "#main-key"
}
