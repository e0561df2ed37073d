package stream

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"ruche/storage"
	"ruche/web/auth"
)

// A channel is one stream that can be subscribed to: its name, and the tag or list that it needs.
type channel struct {
	name string
	arg  string // the tag as storage keeps it, or the list's id
}

// label is how messages name a channel: ["list", "7"].
func (c channel) label() []string {
	if c.arg == "" {
		return []string{c.name}
	}
	return []string{c.name, c.arg}
}

// channelScopes are the streams that there are, with the scope that each needs.
var channelScopes = map[string]string{
	"user": "read:statuses", "user:notification": "read:notifications", "list": "read:statuses", "direct": "read:statuses",
	"public": "read:statuses", "public:local": "read:statuses", "public:remote": "read:statuses",
	"public:media": "read:statuses", "public:local:media": "read:statuses", "public:remote:media": "read:statuses",
	"hashtag": "read:statuses", "hashtag:local": "read:statuses",
}

// channel checks what a reader asks for. The error says why it can't be had.
func (c *connection) channel(ctx context.Context, name, tag, list string) (channel, error) {
	ch := channel{name: name}
	scope, known := channelScopes[name]
	if !known {
		return ch, auth.Fail(http.StatusBadRequest, "Unknown stream type")
	}
	if !auth.Covers(c.scopes, scope) {
		return ch, auth.Fail(http.StatusUnauthorized, "Access token does not have the required scopes: "+scope)
	}
	switch {
	case strings.HasPrefix(name, "hashtag"):
		if ch.arg = storage.NormalTag(strings.TrimPrefix(tag, "#")); ch.arg == "" {
			return ch, auth.Fail(http.StatusBadRequest, "Missing tag name parameter")
		}
	case name == "list":
		l, err := c.server.DB.ListByID(ctx, c.account, storage.ParseID(list))
		if err != nil {
			return ch, auth.Fail(http.StatusNotFound, "Not authorized to stream this list")
		}
		ch.arg = storage.FormatID(l.ID)
	}
	return ch, nil
}

// maxChannels is how many streams one websocket may carry.
const maxChannels = 100

// subscribe adds a stream.
func (c *connection) subscribe(ctx context.Context, name, tag, list string) error {
	ch, err := c.channel(ctx, name, tag, list)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if slices.ContainsFunc(c.channels, func(o channel) bool { return o.name == ch.name && o.arg == ch.arg }) {
		return nil
	}
	if len(c.channels) >= maxChannels {
		return auth.Fail(http.StatusBadRequest, "Too many streams on one connection")
	}
	c.channels = append(c.channels, ch)
	return nil
}

func (c *connection) unsubscribe(name, tag, list string) {
	arg := list
	if strings.HasPrefix(name, "hashtag") {
		arg = storage.NormalTag(strings.TrimPrefix(tag, "#"))
	} else if name != "list" {
		arg = ""
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.channels = slices.DeleteFunc(c.channels, func(ch channel) bool { return ch.name == name && ch.arg == arg })
}

func (c *connection) subscribed() []channel {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.channels)
}

// may says whether news may concern a channel, by what everybody can know of it.
func (ch channel) may(n news) bool {
	switch n.kind {
	case storage.Notified:
		return ch.name == "user" || ch.name == "user:notification"
	case storage.FiltersChanged, storage.NotificationsMerged, storage.Announced, storage.AnnouncementRemoved, storage.AnnouncementReacted:
		return ch.name == "user"
	case storage.Conversed:
		return ch.name == "direct"
	}
	switch ch.name {
	case "user", "list":
		return n.atHome
	case "user:notification", "direct":
		return false
	}
	parts := strings.Split(ch.name, ":")
	return n.public && (!slices.Contains(parts, "local") || n.local) && (!slices.Contains(parts, "remote") || !n.local) &&
		(!slices.Contains(parts, "media") || n.media) &&
		(parts[0] == "public" && n.front || parts[0] == "hashtag" && (n.kind == storage.PostDeleted || slices.Contains(n.tags, ch.arg)))
}

// shows asks storage whether a channel shows a post to the reader now.
func (c *connection) shows(ch channel, n news) (bool, error) {
	switch ch.name {
	case "user":
		return c.server.DB.ShowsInHome(c.ctx, c.account, n.post)
	case "list":
		l, err := c.server.DB.ListByID(c.ctx, c.account, storage.ParseID(ch.arg))
		if errors.Is(err, storage.ErrNotFound) {
			return false, nil // removed meanwhile
		}
		if err != nil {
			return false, err
		}
		return c.server.DB.ShowsInList(c.ctx, l, n.post)
	default:
		return c.server.DB.ShowsInPublic(c.ctx, c.account, n.post)
	}
}
