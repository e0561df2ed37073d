package outbox

import (
	"context"
	"strings"

	"ruche/federation"
	"ruche/storage"
)

// Limits of a profile.
const (
	MaxDisplayName = 60
	MaxNote        = 1000
	MaxFields      = 8
	MaxFieldText   = 255
)

// Profile is what somebody changes of their own account; nil leaves it as it is.
type Profile struct {
	DisplayName, Note                    *string
	Fields                               *[]storage.Field
	Locked, Discoverable, Indexable, Bot *bool
	HideCollections                      *bool
	Avatar, Header                       *int64 // media; 0 removes it
	DefaultVisibility, DefaultLanguage   *string
	DefaultCircle, DefaultQuotePolicy    *string
	DefaultSensitive                     *bool
}

// UpdateProfile changes one's own account and tells the peers that host a follower.
func (o *Outbox) UpdateProfile(ctx context.Context, me *storage.Account, p Profile) (*storage.Account, error) {
	if err := active(me); err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	var bio *written
	if p.Note != nil {
		var err error
		if bio, err = o.write(ctx, *p.Note); err != nil {
			return nil, err
		}
	}
	var account *storage.Account
	err := o.DB.Update(ctx, func(tx *storage.Tx) error {
		var err error
		if account, err = tx.AccountByID(ctx, me.ID); err != nil {
			return err
		}
		set(&account.DisplayName, p.DisplayName)
		set(&account.Locked, p.Locked)
		set(&account.Discoverable, p.Discoverable)
		set(&account.Indexable, p.Indexable)
		set(&account.Bot, p.Bot)
		set(&account.HideCollections, p.HideCollections)
		if p.Fields != nil {
			account.Fields = *p.Fields
		}
		if bio != nil {
			account.NoteText, account.NoteHTML = *p.Note, bio.html
		}
		for _, picture := range []struct {
			asked *int64
			field *int64
		}{{p.Avatar, &account.AvatarID}, {p.Header, &account.HeaderID}} {
			if picture.asked == nil {
				continue
			}
			if *picture.asked != 0 {
				m, err := tx.MediaByID(ctx, *picture.asked)
				if err != nil {
					return err
				}
				if m.AccountID != me.ID {
					return storage.ErrNotFound
				}
			}
			*picture.field = *picture.asked
		}
		if err := tx.SaveAccount(ctx, account); err != nil {
			return err
		}
		if err := savePreferences(ctx, tx, me.ID, p); err != nil {
			return err
		}
		return o.AnnounceProfile(ctx, tx, account)
	})
	return account, err
}

func (p *Profile) check() error {
	for _, limit := range []struct {
		value *string
		most  int
		name  string
	}{{p.DisplayName, MaxDisplayName, "Display name"}, {p.Note, MaxNote, "Bio"}} {
		if limit.value != nil && len([]rune(*limit.value)) > limit.most {
			return invalid("Validation failed: %s is longer than %d characters", limit.name, limit.most)
		}
	}
	if p.Fields != nil {
		if len(*p.Fields) > MaxFields {
			return invalid("Validation failed: at most %d profile fields", MaxFields)
		}
		for _, f := range *p.Fields {
			if len([]rune(f.Name)) > MaxFieldText || len([]rune(f.Value)) > MaxFieldText {
				return invalid("Validation failed: a profile field is longer than %d characters", MaxFieldText)
			}
		}
	}
	for _, choice := range []struct {
		value   *string
		allowed []string
		name    string
	}{
		{p.DefaultVisibility, []string{storage.Public, storage.Unlisted, storage.Followers, storage.Direct}, "visibility"},
		{p.DefaultCircle, []string{storage.CircleNode, storage.CircleOrganisation, storage.CircleNetwork}, "circle"},
		{p.DefaultQuotePolicy, quotePolicies, "quote policy"},
	} {
		if choice.value != nil && !has(choice.allowed, *choice.value) {
			return invalid("%q is no %s; choose one of %s.", *choice.value, choice.name, strings.Join(choice.allowed, ", "))
		}
	}
	return nil
}

func set[T any](field *T, asked *T) {
	if asked != nil {
		*field = *asked
	}
}

func savePreferences(ctx context.Context, tx *storage.Tx, account int64, p Profile) error {
	if p.DefaultVisibility == nil && p.DefaultLanguage == nil && p.DefaultCircle == nil && p.DefaultQuotePolicy == nil && p.DefaultSensitive == nil {
		return nil
	}
	user, err := tx.UserByAccount(ctx, account)
	if err != nil {
		return err
	}
	set(&user.DefaultVisibility, p.DefaultVisibility)
	set(&user.DefaultLanguage, p.DefaultLanguage)
	set(&user.DefaultCircle, p.DefaultCircle)
	set(&user.DefaultQuotePolicy, p.DefaultQuotePolicy)
	set(&user.DefaultSensitive, p.DefaultSensitive)
	return tx.SaveUser(ctx, user)
}

// AnnounceProfile queues an Update of an account for the peers that host a follower.
func (o *Outbox) AnnounceProfile(ctx context.Context, tx *storage.Tx, a *storage.Account) error {
	targets, err := tx.FollowerInboxes(ctx, a.ID)
	if err != nil || len(targets) == 0 {
		return err
	}
	parts, err := federation.ActorParts(ctx, &tx.Queries, a)
	if err != nil {
		return err
	}
	body, err := o.Writer.UpdateActor(tx.URIs().Activity(tx.NewID(tx.Now())), a, parts)
	if err != nil {
		return err
	}
	return o.send(ctx, tx, storage.CrossAlways, a, body, targets...)
}
