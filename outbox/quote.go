package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"html"

	"ruche/storage"
)

// quotePolicies are those that one of ours can choose.
var quotePolicies = []string{storage.QuotePublic, storage.QuoteFollowers, storage.QuoteNobody}

// quote finds the post that a draft shows within itself, and what its author's leave is: given, to be asked for, or
// refused, which is told to the person.
func (o *Outbox) quote(ctx context.Context, me *storage.Account, id int64) (*storage.Post, *storage.Quote, error) {
	if id == 0 {
		return nil, nil, nil
	}
	quoted, err := o.visible(ctx, &o.DB.Queries, me, id)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil, invalid("The post to quote doesn't exist any more.")
	}
	if err != nil {
		return nil, nil, err
	}
	state, err := o.DB.MayQuote(ctx, quoted, me)
	if err != nil {
		return nil, nil, err
	}
	if state == storage.QuoteRejected {
		return nil, nil, invalid("This post can't be quoted: it was written for a chosen few, or its author doesn't wish it.")
	}
	return quoted, &storage.Quote{QuotedID: quoted.ID, QuotedURI: quoted.URI, State: state}, nil
}

// quoteHTML is what stands before the words of a post that quotes, for readers whose app shows no quotes; others
// hide it by its class.
func quoteHTML(quoted *storage.Post) string {
	page := quoted.URL
	if page == "" {
		page = quoted.URI
	}
	page = html.EscapeString(page)
	return `<p class="quote-inline">RE: <a href="` + page + `">` + page + `</a></p>`
}

// prepareQuote gives a new quote its ids: of our own stamp, or of the request that asks for another's.
func prepareQuote(tx *storage.Tx, q *storage.Quote, quoted *storage.Post, me *storage.Account) {
	q.ID = tx.NewID(tx.Now())
	switch {
	case q.State == storage.QuotePending:
		q.RequestURI = tx.URIs().Activity(tx.NewID(tx.Now()))
	case quoted.AuthorID != me.ID:
		q.ApprovalURI = tx.URIs().Quote(q.ID)
	}
}

// askToQuote queues the request for leave. Its author's node sees the post itself only if that is for everybody.
func (o *Outbox) askToQuote(ctx context.Context, tx *storage.Tx, me *storage.Account, p, quoted *storage.Post, q *storage.Quote) error {
	if q.State != storage.QuotePending {
		return nil
	}
	author, err := tx.AccountByID(ctx, quoted.AuthorID)
	if err != nil {
		return err
	}
	target := storage.InboxTarget{Peer: author.Peer, Inbox: author.InboxURI}
	return o.sendWritten(ctx, tx, storage.PostCrossing(p), me, p, []storage.InboxTarget{target}, func(v variant) ([]byte, error) {
		note, err := json.Marshal(p.URI)
		if err != nil {
			return nil, err
		}
		if p.Visibility == storage.Public || p.Visibility == storage.Unlisted {
			parts, _, err := o.audience(ctx, tx, p)
			if err != nil {
				return nil, err
			}
			if note, err = o.Writer.Note(p, me, v.of(parts), v.how); err != nil {
				return nil, err
			}
		}
		return o.Writer.QuoteRequest(q, me, author.URI, note)
	})
}

// AnswerQuote tells a peer whether its person has leave to quote, in the caller's transaction. Leave comes with a
// stamp, which this node serves.
func (o *Outbox) AnswerQuote(ctx context.Context, tx *storage.Tx, q *storage.Quote, author, asker *storage.Account) error {
	write := o.Writer.RejectQuote
	if q.State == storage.QuoteAccepted {
		write = o.Writer.AcceptQuote
	}
	body, err := write(tx.URIs().Activity(tx.NewID(tx.Now())), q, author, asker)
	if err != nil {
		return err
	}
	return o.send(ctx, tx, storage.CrossTakeback, author, body, storage.InboxTarget{Peer: asker.Peer, Inbox: asker.InboxURI})
}

// QuoteChanged tells everybody who has a post of ours that the leave for what it quotes was given or taken back.
func (o *Outbox) QuoteChanged(ctx context.Context, tx *storage.Tx, q *storage.Quote) error {
	p, err := tx.PostByID(ctx, q.PostID)
	if errors.Is(err, storage.ErrNotFound) || err == nil && !p.Local() {
		return nil
	}
	if err != nil {
		return err
	}
	return o.TellAgain(ctx, tx, p)
}

// RevokeQuote takes back the leave that one's own post be shown in another.
func (o *Outbox) RevokeQuote(ctx context.Context, me *storage.Account, quoted, quoting int64) error {
	p, err := o.own(ctx, me, quoted)
	if err != nil {
		return err
	}
	return o.DB.Update(ctx, func(tx *storage.Tx) error {
		q, err := tx.QuoteOf(ctx, quoting)
		if err != nil {
			return err
		}
		if q.QuotedID != p.ID {
			return storage.ErrNotFound
		}
		if q.State == storage.QuoteRevoked {
			return nil
		}
		q.State = storage.QuoteRevoked
		if err := tx.SetQuote(ctx, q); err != nil {
			return err
		}
		who, err := tx.AccountByID(ctx, q.AccountID)
		if err != nil {
			return err
		}
		if who.Local() {
			return o.QuoteChanged(ctx, tx, q)
		}
		if q.ApprovalURI == "" {
			return nil
		}
		if err := tx.EndActivity(ctx, q.ApprovalURI, tx.Now()); err != nil {
			return err
		}
		body, err := o.Writer.RevokeStamp(q.ApprovalURI+"/delete", q, me, []string{who.URI, me.FollowersURI})
		if err != nil {
			return err
		}
		targets, err := tx.FollowerInboxes(ctx, me.ID)
		if err != nil {
			return err
		}
		return o.send(ctx, tx, storage.CrossTakeback, me, body, append(targets, inboxOf(who))...)
	})
}

// SetQuotePolicy changes who may quote one's own post from now on, and tells those who have it.
func (o *Outbox) SetQuotePolicy(ctx context.Context, me *storage.Account, id int64, policy string) (*storage.Post, error) {
	if !has(quotePolicies, policy) {
		return nil, invalid("%q is no quote policy; choose one of public, followers, nobody.", policy)
	}
	p, err := o.own(ctx, me, id)
	if err != nil {
		return nil, err
	}
	return p, o.DB.Update(ctx, func(tx *storage.Tx) error {
		if err := tx.SetQuotePolicy(ctx, p.ID, policy); err != nil {
			return err
		}
		p.QuotePolicy = policy
		return o.TellAgain(ctx, tx, p)
	})
}
