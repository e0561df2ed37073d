package federation

import (
	"context"
	"errors"

	"ruche/federation/vocab"
	"ruche/storage"
)

// NoteParts reads what hangs on a local post, for writing it.
func NoteParts(ctx context.Context, q *storage.Queries, p *storage.Post) (vocab.NoteParts, error) {
	parts := vocab.NoteParts{InReplyTo: p.InReplyToURI}
	mentions, err := q.Mentions(ctx, []int64{p.ID})
	if err != nil {
		return parts, err
	}
	accounts, err := q.AccountsByID(ctx, mentions[p.ID])
	if err != nil {
		return parts, err
	}
	for _, id := range mentions[p.ID] {
		if a := accounts[id]; a != nil {
			parts.Mentions = append(parts.Mentions, a)
		}
	}
	tags, err := q.Hashtags(ctx, []int64{p.ID})
	if err != nil {
		return parts, err
	}
	parts.Hashtags = tags[p.ID]
	media, err := q.MediaOf(ctx, []int64{p.ID})
	parts.Media = media[p.ID]
	if err != nil {
		return parts, err
	}
	if parts.Poll, err = q.PollOf(ctx, p.ID); err != nil && !errors.Is(err, storage.ErrNotFound) {
		return parts, err
	}
	if parts.Quote, err = q.QuoteOf(ctx, p.ID); err != nil && !errors.Is(err, storage.ErrNotFound) {
		return parts, err
	}
	if parts.Emojis, err = q.ShownEmojis(ctx, "", p.Emojis); err != nil {
		return parts, err
	}
	return parts, audience(ctx, q, p, &parts)
}

// audience is for whom a post was written besides its author's followers and those it names: the
// community that it is in, and those who read what it answers, whose own node passes it on to them
// (ActivityPub §7.1.2).
func audience(ctx context.Context, q *storage.Queries, p *storage.Post, parts *vocab.NoteParts) error {
	in, err := q.CommunityOf(ctx, p.ID)
	if err == nil {
		parts.Community, err = q.AccountByID(ctx, in.CommunityID)
	}
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	if p.InReplyToUser == 0 || p.InReplyToUser == p.AuthorID || (p.Visibility != storage.Public && p.Visibility != storage.Unlisted) {
		return nil
	}
	answered, err := q.AccountByID(ctx, p.InReplyToUser)
	if err == nil && answered.FollowersURI != "" {
		parts.Also = []string{answered.FollowersURI}
	}
	return err
}

// ActorParts reads what hangs on a local account, for writing it.
func ActorParts(ctx context.Context, q *storage.Queries, a *storage.Account) (vocab.ActorParts, error) {
	files, err := q.MediaByIDs(ctx, []int64{a.AvatarID, a.HeaderID})
	if err != nil {
		return vocab.ActorParts{}, err
	}
	key, err := q.ProofKey(ctx, a.ID)
	return vocab.ActorParts{Avatar: files[a.AvatarID], Header: files[a.HeaderID], ProofKey: key}, err
}
