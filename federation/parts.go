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
	if in, err := q.CommunityOf(ctx, p.ID); err == nil {
		if parts.Community, err = q.AccountByID(ctx, in.CommunityID); err != nil {
			return parts, err
		}
	} else if !errors.Is(err, storage.ErrNotFound) {
		return parts, err
	}
	if err != nil || p.InReplyToUser == 0 || p.InReplyToUser == p.AuthorID || (p.Visibility != storage.Public && p.Visibility != storage.Unlisted) {
		return parts, err
	}
	// An answer is for those who read what it answers, too: the node of its author passes it on to
	// them (ActivityPub §7.1.2).
	answered, err := q.AccountByID(ctx, p.InReplyToUser)
	if err == nil && answered.FollowersURI != "" {
		parts.Also = []string{answered.FollowersURI}
	}
	return parts, err
}

// ActorParts reads what hangs on a local account, for writing it.
func ActorParts(ctx context.Context, q *storage.Queries, a *storage.Account) (vocab.ActorParts, error) {
	files, err := q.MediaByIDs(ctx, []int64{a.AvatarID, a.HeaderID})
	return vocab.ActorParts{Avatar: files[a.AvatarID], Header: files[a.HeaderID]}, err
}
