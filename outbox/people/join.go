package people

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"ruche/federation"
	"ruche/storage"
)

// Limits of invitations and of requests for an account.
const (
	MaxInvitationDays = 90
	MaxInvitationUses = 500
	maxNote           = 200
	MaxReason         = 1000
	// maxWaiting bounds how many requests wait at once: more are nobody's to read.
	maxWaiting = 500
)

// ErrClosed says that one needs an invitation to have an account here.
var ErrClosed = errors.New("accounts here are made by invitation: ask somebody of this entity for one")

// ErrFull says that too many wait.
var ErrFull = errors.New("too many requests wait already: try again in a few days, or ask for an invitation")

// An Invite is what an invitation of people is made with.
type Invite struct {
	Role        string // empty: member
	Uses        int    // how many accounts; 0: one
	Days        int    // how long it is good; 0: seven
	Note        string // for those who look after the list
	Communities []string
}

// InvitePeople makes an invitation and the secret of its link, which is kept nowhere.
func InvitePeople(ctx context.Context, db *storage.DB, in Invite) (*storage.PersonInvitation, string, error) {
	if in.Role == "" {
		in.Role = storage.RoleMember
	}
	if in.Uses == 0 {
		in.Uses = 1
	}
	if in.Days == 0 {
		in.Days = 7
	}
	in.Note = strings.TrimSpace(in.Note)
	switch err := checkRole(in.Role); {
	case err != nil:
		return nil, "", err
	case in.Uses < 1 || in.Uses > MaxInvitationUses:
		return nil, "", invalid("An invitation is for 1 to %d people.", MaxInvitationUses)
	case in.Days < 1 || in.Days > MaxInvitationDays:
		return nil, "", invalid("An invitation is good for 1 to %d days.", MaxInvitationDays)
	case utf8.RuneCountInString(in.Note) > maxNote:
		return nil, "", invalid("The note is longer than %d characters: shorten it.", maxNote)
	}
	secret := storage.NewSecret()
	made := &storage.PersonInvitation{Hash: storage.HashSecret(secret), Role: in.Role, Note: in.Note, MaxUses: in.Uses, ExpiresAt: db.Now().Add(time.Duration(in.Days) * 24 * time.Hour)}
	return made, secret, db.Update(ctx, func(tx *storage.Tx) error {
		if err := tx.MayInvite(ctx, in.Role); err != nil {
			return err
		}
		made.Communities = nil
		for _, name := range in.Communities {
			group, err := tx.AccountByName(ctx, strings.TrimPrefix(strings.TrimSpace(name), "@"), "")
			if errors.Is(err, storage.ErrNotFound) || err == nil && (group.Kind != storage.Group || !group.Active()) {
				return invalid("There is no community called %q on this node.", name)
			}
			if err != nil {
				return err
			}
			made.Communities = append(made.Communities, group.ID)
		}
		return tx.AddPersonInvitation(ctx, made)
	})
}

// RevokeInvitation ends an invitation of people.
func RevokeInvitation(ctx context.Context, db *storage.DB, id int64) error {
	return db.Update(ctx, func(tx *storage.Tx) error {
		if err := tx.May(ctx, storage.ActInvite); err != nil {
			return err
		}
		return tx.RevokePersonInvitation(ctx, id)
	})
}

// A Request is what somebody asks who wants an account.
type Request struct {
	New
	Invitation string // the secret of a link; empty: none
	Reason     string // needed without an invitation
}

// Joined is what became of a request: an account, or a place among those who wait.
type Joined struct {
	Account *storage.Account // nil: it waits
	ID      int64            // of the account, now or once it is approved
}

// Join makes an account for somebody who has an invitation, or keeps the request for a moderator to decide. also
// runs in the same transaction, so that whoever comes is signed in by the same act. What can't be is
// outbox.ErrInvalid, an invitation that is worth nothing a *storage.OverError, a name or e-mail that
// somebody has storage.ErrExists, and ErrClosed where one can't come without an invitation.
func Join(ctx context.Context, db *storage.DB, r Request, also func(*storage.Tx, *Joined) error) (*Joined, error) {
	n := r.New
	n.Username = strings.TrimPrefix(strings.TrimSpace(n.Username), "@")
	n.Email = strings.ToLower(strings.TrimSpace(n.Email))
	n.DisplayName, r.Reason = strings.TrimSpace(n.DisplayName), strings.TrimSpace(r.Reason)
	n.Role, n.Official, n.Department = storage.RoleMember, false, ""
	if r.Invitation != "" {
		i, err := db.PersonInvitationBySecret(ctx, r.Invitation)
		if err != nil {
			return nil, err
		}
		n.Role = i.Role
	} else if err := mayAsk(ctx, db, r.Reason); err != nil {
		return nil, err
	}
	if n.Password == "" {
		return nil, invalid("The password is refused: %v.", ErrPassword)
	}
	if err := n.check(); err != nil {
		return nil, err
	}
	hash, err := HashPassword(n.Password)
	if err != nil {
		return nil, invalid("The password is refused: %v.", err)
	}
	if r.Invitation == "" {
		return ask(ctx, db, n, hash, r.Reason, also)
	}
	private, public, err := federation.GenerateKey()
	if err != nil {
		return nil, err
	}
	var done *Joined
	return done, db.Update(ctx, func(tx *storage.Tx) error {
		if err := n.free(ctx, &tx.Queries); err != nil {
			return err
		}
		i, err := tx.TakePersonInvitation(ctx, r.Invitation)
		if err != nil {
			return err
		}
		n.Role = i.Role
		a := n.account(public, private)
		if err := n.add(ctx, tx, a, hash); err != nil {
			return err
		}
		if err := tx.NoteInvited(ctx, a, i); err != nil {
			return err
		}
		if err := joinCommunities(ctx, tx, a, i); err != nil {
			return err
		}
		done = &Joined{Account: a, ID: a.ID}
		return also(tx, done)
	})
}

// joinCommunities makes somebody a member of the communities that their invitation names, however these admit.
func joinCommunities(ctx context.Context, tx *storage.Tx, a *storage.Account, i *storage.PersonInvitation) error {
	for _, id := range i.Communities {
		group, err := tx.AccountByID(ctx, id)
		if errors.Is(err, storage.ErrNotFound) || err == nil && !group.Active() {
			continue // it was closed meanwhile
		}
		if err != nil {
			return err
		}
		if err := tx.SetStanding(ctx, id, a.ID, storage.Invited, i.CreatedBy); err != nil {
			return err
		}
		f := &storage.Follow{ID: tx.NewID(tx.Now()), FollowerID: a.ID, FolloweeID: id, FollowerLocal: true, State: storage.Accepted, ShowShares: true}
		f.URI = tx.URIs().Follow(f.ID)
		if _, _, err := tx.AddFollow(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// mayAsk says whether anybody may ask for an account now, and with this reason.
func mayAsk(ctx context.Context, db *storage.DB, reason string) error {
	how, err := db.Joining(ctx)
	if err != nil {
		return err
	}
	if how != storage.JoinApproval {
		return ErrClosed
	}
	switch n := utf8.RuneCountInString(reason); {
	case n == 0:
		return invalid("Say in a sentence who you are and why you ask: a moderator reads it.")
	case n > MaxReason:
		return invalid("The reason is longer than %d characters: shorten it.", MaxReason)
	}
	waiting, err := db.CountSignUps(ctx)
	if err == nil && waiting >= maxWaiting {
		err = ErrFull
	}
	return err
}

// ask keeps a request. That somebody has the e-mail already is told to nobody who isn't invited: the answer
// is the same, and leads nowhere.
func ask(ctx context.Context, db *storage.DB, n New, hash, reason string, also func(*storage.Tx, *Joined) error) (*Joined, error) {
	var done *Joined
	return done, db.Update(ctx, func(tx *storage.Tx) error {
		if err := n.unnamed(ctx, &tx.Queries); err != nil {
			return err
		}
		_, err := tx.SignUpByLogin(ctx, n.Username)
		if err == nil {
			return fmt.Errorf("a request for the name %s %w: choose another one", n.Username, storage.ErrExists)
		}
		if !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		taken, err := n.emailTaken(ctx, &tx.Queries)
		if err != nil {
			return err
		}
		if done = (&Joined{ID: tx.NewID(tx.Now())}); !taken {
			s := &storage.SignUp{ID: done.ID, Username: n.Username, Email: n.Email, DisplayName: n.DisplayName, PasswordHash: hash, Locale: n.Locale, Reason: reason}
			if err := tx.AddSignUp(ctx, s); err != nil {
				return err
			}
		}
		return also(tx, done)
	})
}

// emailTaken says whether somebody has the e-mail, or waits with it.
func (n *New) emailTaken(ctx context.Context, q *storage.Queries) (bool, error) {
	_, err := q.UserByLogin(ctx, n.Email)
	if errors.Is(err, storage.ErrNotFound) {
		_, err = q.SignUpByLogin(ctx, n.Email)
	}
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Approve makes the account that somebody asked for, as a member, and tells them by mail.
func Approve(ctx context.Context, db *storage.DB, id int64, locked bool) (*storage.Account, error) {
	private, public, err := federation.GenerateKey()
	if err != nil {
		return nil, err
	}
	var a *storage.Account
	return a, decide(ctx, db, id, true, func(tx *storage.Tx, s *storage.SignUp) error {
		n := New{Username: s.Username, Email: s.Email, DisplayName: s.DisplayName, Locale: s.Locale, Role: storage.RoleMember, Locked: locked}
		if err := n.unused(ctx, &tx.Queries); err != nil {
			return err
		}
		a = n.account(public, private)
		a.ID = s.ID // what was given to their app while they waited counts from now on
		if err := n.add(ctx, tx, a, s.PasswordHash); err != nil {
			return err
		}
		return tx.SendMail(ctx, storage.Mail{Kind: storage.MailWelcome, Account: a.ID})
	})
}

// Refuse ends a request for an account, and tells who asked by mail.
func Refuse(ctx context.Context, db *storage.DB, id int64) error {
	return decide(ctx, db, id, false, func(tx *storage.Tx, s *storage.SignUp) error {
		return tx.SendMail(ctx, storage.Mail{Kind: storage.MailRefused, To: s.Email, Locale: s.Locale})
	})
}

func decide(ctx context.Context, db *storage.DB, id int64, approved bool, then func(*storage.Tx, *storage.SignUp) error) error {
	return db.Update(ctx, func(tx *storage.Tx) error {
		if err := tx.May(ctx, storage.ActApproveAccounts); err != nil {
			return err
		}
		s, err := tx.SignUpByID(ctx, id)
		if err != nil {
			return err
		}
		taken, err := tx.TakeSignUp(ctx, s, approved)
		if err != nil {
			return err
		}
		if !taken {
			return fmt.Errorf("request for an account: %w", storage.ErrNotFound)
		}
		return then(tx, s)
	})
}
