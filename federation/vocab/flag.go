package vocab

import (
	"fmt"

	ap "github.com/go-ap/activitypub"

	"ruche/storage"
)

// Flag passes a complaint on to the node of whom it is about. The reporter stays unnamed: the service actor says it.
func (w Writer) Flag(r *storage.Report, service *storage.Account, target string, posts []string) ([]byte, error) {
	var c ids
	about := make([]string, 0, len(posts)+1)
	for _, id := range append([]string{target}, posts...) {
		about = append(about, string(c.need("reported", id)))
	}
	act := c.activity(ap.FlagType, r.URI, service, nil, []string{target}, nil)
	if c.err != nil {
		return nil, fmt.Errorf("write report %s: %w", r.URI, c.err)
	}
	act.add("object", about)
	act.addText("content", r.Comment)
	return act.json(plainContext())
}
