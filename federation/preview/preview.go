// Package preview fetches what the pages that posts link to say of themselves: a title, a few words, whose page it is.
//
// What comes in are jobs that storage left beside a post whose first link leads to a host on an admin's list (the setting card_hosts,
// empty at first: a fetch tells a host what is talked about here). The page is asked for once a fortnight, by the node's one guarded
// way out, and only words are kept: no pictures, no frames, nothing that a reader's app would load from there.
//
// What must never happen: a request to a host that isn't on the list, also after a redirect; markup of a page in an answer of ours.
package preview

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"ruche/federation"
	"ruche/storage"
	"ruche/storage/queue"
)

// maxPage bounds what is read of a page, in bytes.
const maxPage = 1 << 20

// tries is how often a page is asked that doesn't answer.
const tries = 3

// Previews carries out the jobs. Client's permission is federation.Listed of storage.SettingCardHosts.
type Previews struct {
	DB     *storage.DB
	Client *federation.Client
}

// Register tells the queue who fetches cards.
func (p *Previews) Register(q *queue.Queue) { q.Handle(storage.JobCard, p.fetch) }

func (p *Previews) fetch(ctx context.Context, job *storage.Job) error {
	var address string
	if err := json.Unmarshal([]byte(job.Args), &address); err != nil {
		return queue.Permanent(err)
	}
	card, err := p.DB.CardByURL(ctx, address)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	page, err := p.read(ctx, address)
	var host *queue.HostError
	if errors.As(err, &host) && job.Attempts < tries {
		return err
	}
	// A page that can't be read says nothing, until somebody links to it again much later.
	card.Title, card.Description, card.Provider, card.Author, card.Language = page.Title, page.Description, page.Provider, page.Author, page.Language
	return p.DB.Update(ctx, func(tx *storage.Tx) error { return tx.SaveCard(ctx, card) })
}

func (p *Previews) read(ctx context.Context, address string) (Page, error) {
	res, err := p.Client.Get(ctx, address, "text/html, application/xhtml+xml", nil, maxPage)
	switch {
	case errors.Is(err, federation.ErrNotPeer), errors.Is(err, federation.ErrRedirect), errors.Is(err, federation.ErrTooLarge), errors.Is(err, federation.ErrAddress):
		return Page{}, err
	case err != nil:
		return Page{}, &queue.HostError{Err: err}
	case res.Status == http.StatusTooManyRequests || res.Status >= 500:
		return Page{}, &queue.HostError{Err: fmt.Errorf("the page answered %d", res.Status), Answered: true}
	case res.Status != http.StatusOK:
		return Page{}, fmt.Errorf("the page answered %d", res.Status)
	}
	kind := res.Header.Get("Content-Type")
	if media, _, err := mime.ParseMediaType(kind); err != nil || media != "text/html" && !strings.HasSuffix(media, "/xhtml+xml") {
		return Page{}, errors.New("the page is no HTML")
	}
	return Parse(res.Body, kind), nil
}
