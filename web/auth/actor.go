package auth

import (
	"context"
	"net/http"
	"net/netip"
	"strings"

	"ruche/storage"
)

// Visited gives the context of a request in which somebody acts whom we don't know yet, from an
// address and with a browser. Once it is known who that is, the identity is added to it. What they
// do is written down with both.
func Visited(r *http.Request, trusted []netip.Prefix) context.Context {
	actor := storage.Actor{Kind: storage.ActorVisitor, App: browserName(r.UserAgent())}
	if addr := ClientIP(r, trusted); addr.IsValid() {
		actor.Address = addr.String()
	}
	return storage.ActingAs(r.Context(), actor)
}

// acting adds an identity to who acts in a context.
func (i identity) acting(ctx context.Context) context.Context {
	if i.account == nil {
		return ctx
	}
	actor := storage.PersonActing(i.account, i.user, storage.ActorOf(ctx))
	if i.token != nil {
		actor.AppID = i.token.AppID
	}
	return storage.ActingAs(ctx, actor)
}

// What a browser says of itself, the telling word first: each also names others that it is like.
var (
	browsers = [][2]string{{"Edg", "Edge"}, {"OPR/", "Opera"}, {"Vivaldi", "Vivaldi"}, {"Firefox", "Firefox"}, {"FxiOS", "Firefox"}, {"CriOS", "Chrome"}, {"Chrome", "Chrome"}, {"Safari", "Safari"}}
	systems  = [][2]string{{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"}, {"Mac OS", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"}}
)

// browserName is a User-Agent in the words of who used it: "Firefox, Windows". It is for a person to
// know their own again, and no more is kept.
func browserName(agent string) string {
	if len(agent) > 500 {
		agent = agent[:500]
	}
	var words []string
	for _, list := range [][][2]string{browsers, systems} {
		for _, known := range list {
			if strings.Contains(agent, known[0]) {
				words = append(words, known[1])
				break
			}
		}
	}
	return strings.Join(words, ", ")
}
