// Package inbox is what other nodes tell us.
//
// A delivery is checked at the door (who signed it, are they a peer, is it well formed), kept as
// a job in the same breath, and answered with 202. The queue later hands it to Apply, which finds
// the function for its type and runs it in one transaction: the post, its notifications and our
// answer are stored together or not at all. What needs something fetched first becomes a fetch
// job in the lane of the host that is asked, so that a slow third host never holds up a peer.
//
// A job may run twice. Every handler must leave the same rows the second time. What must never
// happen: the signer is believed about somebody else, or an ended activity comes back to life.
package inbox

import (
	"log/slog"

	"ruche/federation"
	"ruche/outbox"
	"ruche/storage"
	"ruche/storage/queue"
)

// Inbox receives and applies what peers send.
type Inbox struct {
	DB     *storage.DB
	Node   *federation.Node
	Outbox *outbox.Outbox
	Log    *slog.Logger
	// Refused is told the reason of everything that was turned away or had no effect.
	Refused func(reason string)
	// Received, if set, is told the host of everything that was taken.
	Received func(host string)
}

// Kinds of job.
const (
	JobApply     = "apply"
	JobFetch     = "fetch"
	JobGone      = "gone"
	JobFollowers = "followers" // compare who follows an account with its node's list
	JobQuote     = "quote"     // verify that a post may quote another
	JobMove      = "move"      // verify that an account moved
	JobShowcase  = "showcase"  // read what an account shows on top of its profile
)

// Register tells the queue who does the inbox's jobs.
func (in *Inbox) Register(q *queue.Queue) {
	q.Handle(JobApply, in.Apply)
	q.Handle(JobFetch, in.Fetch)
	q.Handle(JobFollowers, in.Followers)
	q.Handle(JobGone, in.Gone)
	q.Handle(JobQuote, in.Quote)
	q.Handle(JobMove, in.Move)
	q.Handle(JobShowcase, in.Showcase)
}

// Routes lists the ways in.
func (in *Inbox) Routes() []federation.Route {
	return []federation.Route{
		{Method: "POST", Path: "/inbox", Handler: in.Receive},
		{Method: "POST", Path: "/users/{id}/inbox", Handler: in.Receive},
	}
}
