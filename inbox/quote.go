package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"ruche/federation"
	"ruche/federation/vocab"
	"ruche/storage"
	"ruche/storage/queue"
)

// quoteRequest: somebody on a peer asks leave to show a post of ours within theirs (FEP-044f). The post's
// policy answers. The row is made before the quoting post comes, or for one that is here.
func (in *Inbox) quoteRequest(ctx context.Context, tx *storage.Tx, r *received) error {
	if dead, err := in.ended(ctx, tx, r.ID); err != nil {
		return err
	} else if dead {
		return ignored("ended")
	}
	quoted, err := in.readableByPeer(ctx, tx, r, r.Object.ID)
	if err != nil {
		return err
	}
	if r.Instrument.ID == "" || !onActorsHost(r, r.Instrument.ID) {
		return ignored("object_elsewhere")
	}
	if doc := r.Instrument.Document; doc != nil {
		o, err := vocab.ParseObject(doc)
		if err != nil || len(o.AttributedTo) == 0 || o.AttributedTo[0] != r.actor.URI || o.Quote != quoted.URI {
			return ignored("malformed_object")
		}
	}
	author, err := tx.AccountByID(ctx, quoted.AuthorID)
	if err != nil {
		return err
	}
	q, err := tx.QuoteByURIs(ctx, r.Instrument.ID, quoted.URI)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	if q != nil && q.AccountID != r.actor.ID {
		return ignored("not_theirs_to_quote")
	}
	state, err := tx.MayQuote(ctx, quoted, r.actor)
	if err != nil {
		return err
	}
	if q != nil && q.State == storage.QuoteRevoked {
		state = storage.QuoteRevoked // taken back once is taken back
	}
	fresh := q == nil
	if fresh {
		q = &storage.Quote{ID: tx.NewID(tx.Now()), PostURI: r.Instrument.ID, AccountID: r.actor.ID, QuotedID: quoted.ID, QuotedURI: quoted.URI}
	}
	q.State, q.RequestURI = state, r.ID
	if state == storage.QuoteAccepted {
		q.ApprovalURI = tx.URIs().Quote(q.ID)
	}
	if fresh {
		err = tx.AskedQuote(ctx, q)
	} else {
		err = tx.SetQuote(ctx, q)
	}
	if err != nil {
		return err
	}
	return in.Outbox.AnswerQuote(ctx, tx, q, author, r.actor)
}

// readableByPeer finds a local post that the actor's node may read; any other is as good as absent.
func (in *Inbox) readableByPeer(ctx context.Context, tx *storage.Tx, r *received, uri string) (*storage.Post, error) {
	p, err := tx.PostByURI(ctx, uri)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, ignored("unknown_post")
	}
	if err != nil {
		return nil, err
	}
	how, err := tx.PeerSees(ctx, p, r.actor.Peer)
	if err != nil {
		return nil, err
	}
	if how == storage.NotForPeer || p.ShareOfID != 0 {
		return nil, ignored("unknown_post")
	}
	return p, nil
}

// answeredQuote finds the quote by one of ours that an Accept or Reject is about; nil where it is about
// something else. Only the quoted author may answer.
func answeredQuote(ctx context.Context, tx *storage.Tx, r *received) (*storage.Quote, error) {
	q, err := tx.QuoteByRequest(ctx, r.Object.ID)
	if errors.Is(err, storage.ErrNotFound) && r.Object.Document != nil {
		var inner *vocab.Activity
		if inner, err = vocab.ParseActivity(r.Object.Document); err != nil || inner.Type != vocab.QuoteRequestType {
			return nil, nil
		}
		q, err = tx.QuoteByURIs(ctx, inner.Instrument.ID, inner.Object.ID)
		if errors.Is(err, storage.ErrNotFound) {
			return nil, ignored("unknown_quote")
		}
	}
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := quotedAuthor(ctx, tx, r, q); err != nil {
		return nil, err
	}
	quoting, err := tx.PostByURI(ctx, q.PostURI)
	if errors.Is(err, storage.ErrNotFound) || err == nil && (!quoting.Local() || !quoting.DeletedAt.IsZero()) {
		return nil, ignored("unknown_quote")
	}
	return q, err
}

// quotedAuthor refuses whoever isn't the author of what a quote shows.
func quotedAuthor(ctx context.Context, tx *storage.Tx, r *received, q *storage.Quote) error {
	quoted, err := tx.PostByURI(ctx, q.QuotedURI)
	if errors.Is(err, storage.ErrNotFound) {
		return ignored("unknown_quote")
	}
	if err != nil {
		return err
	}
	if quoted.AuthorID != r.actor.ID {
		return ignored("not_theirs_to_answer")
	}
	return nil
}

func (in *Inbox) acceptQuote(ctx context.Context, tx *storage.Tx, r *received, q *storage.Quote) error {
	stamp := r.Result.ID
	if stamp == "" || !onActorsHost(r, stamp) {
		return ignored("stamp_elsewhere")
	}
	if dead, err := in.ended(ctx, tx, stamp); err != nil {
		return err
	} else if dead {
		return ignored("ended")
	}
	if q.State == storage.QuoteAccepted && q.ApprovalURI == stamp {
		return ignored("known")
	}
	q.State, q.ApprovalURI = storage.QuoteAccepted, stamp
	if err := tx.SetQuote(ctx, q); err != nil {
		return err
	}
	return in.Outbox.QuoteChanged(ctx, tx, q)
}

func (in *Inbox) rejectQuote(ctx context.Context, tx *storage.Tx, r *received, q *storage.Quote) error {
	if q.State == storage.QuoteAccepted {
		return in.revoke(ctx, tx, q)
	}
	q.State = storage.QuoteRejected
	return tx.SetQuote(ctx, q)
}

// revoke ends a leave, and tells those who have our post that shows what it was for.
func (in *Inbox) revoke(ctx context.Context, tx *storage.Tx, q *storage.Quote) error {
	if q.State == storage.QuoteRevoked {
		return ignored("known")
	}
	q.State = storage.QuoteRevoked
	if err := tx.SetQuote(ctx, q); err != nil {
		return err
	}
	return in.Outbox.QuoteChanged(ctx, tx, q)
}

// deleteStamp: a quoted author takes leave back. It says whether the deleted thing was a stamp.
func (in *Inbox) deleteStamp(ctx context.Context, tx *storage.Tx, r *received) (bool, error) {
	q, err := tx.QuoteByApproval(ctx, r.Object.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := quotedAuthor(ctx, tx, r, q); err != nil {
		return false, err
	}
	if err := tx.EndActivity(ctx, r.Object.ID, r.signedAt); err != nil {
		return false, err
	}
	return true, in.revoke(ctx, tx, q)
}

// maxQuoteDepth is how far quotes in quotes are followed.
const maxQuoteDepth = 2

// A quoteCheck is a job's arguments.
type quoteCheck struct {
	Quote int64 `json:"quote"`
	Depth int   `json:"depth"`
}

// checkQuote queues, for a peer's post that quotes, the reading of what it quotes and of the stamp, in the lane of the
// quoted author's host. Quotes of ours were answered when they were asked for.
func (in *Inbox) checkQuote(ctx context.Context, tx *storage.Tx, post int64, depth int) error {
	q, err := tx.QuoteOf(ctx, post)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	host, err := federation.HostOf(q.QuotedURI)
	if err != nil || host == in.Node.Host || q.State != storage.QuotePending || depth > maxQuoteDepth {
		return nil
	}
	own, err := federation.HostOf(q.PostURI)
	if err != nil || q.ApprovalURI == "" && own != host { // without a stamp it can only be a quote of oneself
		return nil
	}
	if err := in.Node.Permit(ctx, host); errors.Is(err, federation.ErrNotPeer) {
		in.Refused("quoted_from_stranger")
		return nil
	} else if err != nil {
		return err
	}
	return tx.Enqueue(ctx, storage.NewJob{Kind: JobQuote, Host: host, Args: quoteCheck{q.ID, depth}})
}

// Quote reads what a peer's post quotes, and whether it has leave to.
func (in *Inbox) Quote(ctx context.Context, job *storage.Job) error {
	var c quoteCheck
	if err := json.Unmarshal([]byte(job.Args), &c); err != nil {
		return queue.Permanent(fmt.Errorf("read job: %w", err))
	}
	q, err := in.DB.QuoteByID(ctx, c.Quote)
	if errors.Is(err, storage.ErrNotFound) || err == nil && q.State != storage.QuotePending {
		return nil
	}
	if err != nil {
		return err
	}
	asked := q.ApprovalURI
	quoted, err := in.Node.Post(ctx, q.QuotedURI)
	if err == nil {
		err = in.Node.VerifyQuote(ctx, q, quoted)
	}
	if err != nil {
		return fetchOutcome(in, ctx, q.QuotedURI, err)
	}
	return in.DB.Update(ctx, func(tx *storage.Tx) error {
		q, err := tx.QuoteByID(ctx, c.Quote)
		if errors.Is(err, storage.ErrNotFound) || err == nil && (q.State != storage.QuotePending || q.ApprovalURI != asked) {
			return nil
		}
		if err != nil {
			return err
		}
		if dead, err := in.ended(ctx, tx, asked); err != nil || dead && asked != "" {
			return err
		}
		q.State, q.QuotedID = storage.QuoteAccepted, quoted.ID
		if err := tx.SetQuote(ctx, q); err != nil {
			return err
		}
		return in.checkQuote(ctx, tx, quoted.ID, c.Depth+1)
	})
}
