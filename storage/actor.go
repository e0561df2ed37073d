package storage

import (
	"context"
	"strings"
)

// Kinds of actor.
const (
	ActorPerson  = "person"  // somebody who is signed in, in a browser or an app
	ActorVisitor = "visitor" // a request of somebody who isn't, or not yet
	ActorCLI     = "cli"     // the command line, with the machine's own rights
	ActorPeer    = "peer"    // another node
	ActorNode    = "node"    // this node by itself: a job, an end date, the start
)

// An Actor is who acts, as the audit log and the security log know it. It travels in the context,
// so that the one door of an act can write down who went through it.
type Actor struct {
	Kind      string
	AccountID int64  // a person's
	Name      string // @name of a person, user of the machine, host of a peer
	Role      string
	Address   string // where from
	AppID     int64  // which registered app, if one
	App       string // or what else: the browser
}

type actorKey struct{}
type reasonKey struct{}

// ActingAs gives a context in which an actor acts.
func ActingAs(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorOf says who acts: the node itself, where nobody else was named.
func ActorOf(ctx context.Context) Actor {
	if a, ok := ctx.Value(actorKey{}).(Actor); ok {
		return a
	}
	return Actor{Kind: ActorNode}
}

// Because gives a context whose acts have a written reason.
func Because(ctx context.Context, why string) context.Context {
	return context.WithValue(ctx, reasonKey{}, strings.TrimSpace(why))
}

// ReasonOf is the written reason of a context; empty: none.
func ReasonOf(ctx context.Context) string {
	why, _ := ctx.Value(reasonKey{}).(string)
	return why
}

// PersonActing describes a person as an actor; from the request come the address and the app.
func PersonActing(a *Account, u *User, from Actor) Actor {
	from.Kind, from.AccountID, from.Name = ActorPerson, a.ID, "@"+a.Username
	if u != nil {
		from.Role = u.Role
	}
	return from
}

// appName is what the actor acts with, in words.
func (q *Queries) appName(ctx context.Context, id int64, other string) (string, error) {
	if id == 0 {
		return other, nil
	}
	app, err := q.AppByID(ctx, id)
	if isNotFound(err) {
		return other, nil
	}
	if err != nil {
		return "", err
	}
	return app.Name, nil
}
