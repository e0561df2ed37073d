package outbox

import (
	"context"
	"errors"

	"ruche/federation/vocab"
	"ruche/storage"
)

// What a community answers to those whom it doesn't admit, in both languages of the house: it doesn't
// know theirs.
const (
	sayCircles = "This community takes members only from servers that keep its posts among its members, and yours doesn't say that it does. " +
		"· Cette communauté n’accueille que des membres dont le serveur garde ses publications entre eux, et le vôtre ne le déclare pas."
	sayInvited = "One joins this community by invitation of its moderators. · On rejoint cette communauté sur invitation de ses modérateurs."
	sayBanned  = "You can't join this community any more. · Vous ne pouvez plus rejoindre cette communauté."
)

// Admit says what becomes of somebody who asks to join a community of ours: the state of their follow,
// or, where there will be none, the sentence to tell them.
func (o *Outbox) Admit(ctx context.Context, tx *storage.Tx, group, who *storage.Account) (state, refusal string, err error) {
	c, err := tx.CommunityByID(ctx, group.ID)
	if err != nil {
		return "", "", err
	}
	if banned, err := tx.HasStanding(ctx, group.ID, who.ID, storage.Banned); err != nil {
		return "", "", err
	} else if banned {
		return "", sayBanned, nil
	}
	if member, err := tx.IsMember(ctx, group.ID, who.ID); err != nil {
		return "", "", err
	} else if member || c.Admission == storage.OpenCommunity {
		return storage.Accepted, "", nil
	}
	if !who.Local() {
		peer, err := tx.PeerByHost(ctx, who.Peer)
		if err != nil {
			return "", "", err
		}
		if !peer.Circles {
			return "", sayCircles, nil
		}
	}
	invited, err := tx.HasStanding(ctx, group.ID, who.ID, storage.Invited)
	switch {
	case err != nil:
		return "", "", err
	case invited:
		return storage.Accepted, "", nil
	case c.Admission == storage.ByInvitation:
		return "", sayInvited, nil
	}
	return storage.Pending, "", nil
}

// RefuseMember answers a peer's account that isn't admitted: with a Reject of its Follow, and a sentence.
func (o *Outbox) RefuseMember(ctx context.Context, tx *storage.Tx, group, who *storage.Account, follow, sentence string) error {
	f := &storage.Follow{URI: follow, FollowerID: who.ID, FolloweeID: group.ID}
	if err := o.answer(ctx, tx, f, o.Writer.Reject); err != nil {
		return err
	}
	if _, err := tx.Remembered(ctx, group.ID, "said to "+who.URI); !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	return o.say(ctx, tx, group, who, sentence)
}

// moderates finds a community of ours that the account looks after.
func (o *Outbox) moderates(ctx context.Context, tx *storage.Tx, moderator *storage.Account, community int64) (*storage.Account, error) {
	if _, err := tx.CommunityByID(ctx, community); err != nil {
		return nil, err
	}
	if does, err := tx.HasStanding(ctx, community, moderator.ID, storage.Moderator); err != nil {
		return nil, err
	} else if !does || !moderator.Active() {
		return nil, ErrForbidden
	}
	return tx.AccountByID(ctx, community)
}

// moderate runs an act of a moderator in a community.
func (o *Outbox) moderate(ctx context.Context, moderator *storage.Account, community int64, act func(tx *storage.Tx, group *storage.Account) error) error {
	return o.DB.Update(ctx, func(tx *storage.Tx) error {
		group, err := o.moderates(ctx, tx, moderator, community)
		if err != nil {
			return err
		}
		return act(tx, group)
	})
}

// AcceptMember lets somebody in who has asked to join.
func (o *Outbox) AcceptMember(ctx context.Context, moderator *storage.Account, community, who int64) error {
	return o.moderate(ctx, moderator, community, func(tx *storage.Tx, _ *storage.Account) error {
		f, err := tx.FollowBetween(ctx, who, community)
		if err != nil {
			return err
		}
		return o.AcceptFollow(ctx, tx, f)
	})
}

// Invite lets somebody join without being asked again; who has asked already is in.
func (o *Outbox) Invite(ctx context.Context, moderator *storage.Account, community, who int64) error {
	return o.moderate(ctx, moderator, community, func(tx *storage.Tx, _ *storage.Account) error {
		if err := tx.SetStanding(ctx, community, who, storage.Invited, moderator.ID); err != nil {
			return err
		}
		f, err := tx.FollowBetween(ctx, who, community)
		if err != nil || f.State != storage.Pending {
			return absent(err)
		}
		return o.AcceptFollow(ctx, tx, f)
	})
}

// Expel ends somebody's membership, or declines their request.
func (o *Outbox) Expel(ctx context.Context, moderator *storage.Account, community, who int64) error {
	return o.moderate(ctx, moderator, community, func(tx *storage.Tx, _ *storage.Account) error {
		if err := tx.ClearStanding(ctx, community, who, storage.Invited); err != nil {
			return err
		}
		return o.endMember(ctx, tx, community, who)
	})
}

// Ban ends somebody's membership for good: nothing they write is taken in, and they can't come back. Their
// server is told by a Block of the group.
func (o *Outbox) Ban(ctx context.Context, moderator *storage.Account, community, who int64) error {
	return o.moderate(ctx, moderator, community, func(tx *storage.Tx, group *storage.Account) error {
		if does, err := tx.HasStanding(ctx, community, who, storage.Moderator); err != nil {
			return err
		} else if does {
			return invalid("A moderator can't be banned; end their moderating first.")
		}
		if err := tx.ClearStanding(ctx, community, who, storage.Invited); err != nil {
			return err
		}
		if err := tx.SetStanding(ctx, community, who, storage.Banned, moderator.ID); err != nil {
			return err
		}
		them, err := tx.AccountByID(ctx, who)
		if err != nil {
			return err
		}
		if err := o.endMember(ctx, tx, community, who); err != nil {
			return err
		}
		return o.block(ctx, tx, group, them)
	})
}

// Unban lets somebody ask to join again.
func (o *Outbox) Unban(ctx context.Context, moderator *storage.Account, community, who int64) error {
	return o.moderate(ctx, moderator, community, func(tx *storage.Tx, group *storage.Account) error {
		them, err := tx.AccountByID(ctx, who)
		if err != nil {
			return err
		}
		if err := tx.ClearStanding(ctx, community, who, storage.Banned); err != nil {
			return err
		}
		return o.unblock(ctx, tx, group, them)
	})
}

func (o *Outbox) endMember(ctx context.Context, tx *storage.Tx, community, who int64) error {
	f, err := tx.FollowBetween(ctx, who, community)
	if err != nil {
		return absent(err)
	}
	if _, err := tx.RemoveFollow(ctx, f); err != nil {
		return err
	}
	return o.answer(ctx, tx, f, o.Writer.Reject)
}

// AddModerator lets a member look after the community too; a peer's account may be one.
func (o *Outbox) AddModerator(ctx context.Context, moderator *storage.Account, community, who int64) error {
	return o.moderate(ctx, moderator, community, func(tx *storage.Tx, _ *storage.Account) error {
		if member, err := tx.IsMember(ctx, community, who); err != nil {
			return err
		} else if !member {
			return invalid("Only a member can be a moderator.")
		}
		return tx.SetStanding(ctx, community, who, storage.Moderator, moderator.ID)
	})
}

// RemoveModerator ends somebody's moderating; the last moderator stays.
func (o *Outbox) RemoveModerator(ctx context.Context, moderator *storage.Account, community, who int64) error {
	return o.moderate(ctx, moderator, community, func(tx *storage.Tx, _ *storage.Account) error {
		all, err := tx.WithStanding(ctx, community, storage.Moderator)
		if err != nil {
			return err
		}
		if len(all) < 2 {
			return invalid("A community needs a moderator.")
		}
		return tx.ClearStanding(ctx, community, who, storage.Moderator)
	})
}

// RemoveFromCommunity takes a post out of a community, where its moderator finds that it doesn't belong.
// It stays its author's.
func (o *Outbox) RemoveFromCommunity(ctx context.Context, moderator *storage.Account, post int64) error {
	return o.DB.Update(ctx, func(tx *storage.Tx) error {
		p, err := tx.PostByID(ctx, post)
		if err != nil {
			return err
		}
		return o.removeFromCommunity(ctx, tx, moderator, p, func(v variant, group *storage.Account) ([]byte, error) {
			to := group.FollowersURI
			if v.how == storage.Openly {
				to = vocab.Public
			}
			return o.Writer.Delete(tx.URIs().Activity(tx.NewID(tx.Now())), moderator, p.URI, []string{to}, []string{group.URI})
		})
	})
}

// RemovedByPeer does the same for a moderator on a peer, whose Delete goes on to the members as it came.
// ErrForbidden: they moderate no community that the post is in.
func (o *Outbox) RemovedByPeer(ctx context.Context, tx *storage.Tx, moderator *storage.Account, p *storage.Post, body []byte, to []string) error {
	return o.removeFromCommunity(ctx, tx, moderator, p, func(v variant, _ *storage.Account) ([]byte, error) {
		return AsItCame(body, to)(v)
	})
}

func (o *Outbox) removeFromCommunity(ctx context.Context, tx *storage.Tx, moderator *storage.Account, p *storage.Post, activity func(variant, *storage.Account) ([]byte, error)) error {
	in, err := tx.CommunityOf(ctx, p.ID)
	if errors.Is(err, storage.ErrNotFound) || err == nil && in.State != storage.InCommunity {
		return ErrForbidden
	}
	if err != nil {
		return err
	}
	group, err := o.moderates(ctx, tx, moderator, in.CommunityID)
	if errors.Is(err, storage.ErrNotFound) {
		return ErrForbidden
	}
	if err != nil {
		return err
	}
	if err := o.announceActivity(ctx, tx, group, moderator, p, tx.URIs().Activity(tx.NewID(tx.Now())), func(v variant) ([]byte, error) { return activity(v, group) }); err != nil {
		return err
	}
	if _, err := tx.PutInCommunity(ctx, p.ID, group.ID, storage.Removed); err != nil {
		return err
	}
	share, err := tx.ShareBy(ctx, group.ID, p.ID)
	if err != nil {
		return absent(err)
	}
	return o.unshare(ctx, tx, group, share, p)
}
