// Package people is what admins do to the accounts of their node: create, import, change a role,
// suspend, delete, give a new password. The command line, the demo and the pages come through here, so
// that one rule holds whoever asks.
//
// What must never happen: a username that is given a second time, a node that loses its last
// owner, a sign-in that outlives the role or the password that it was given for.
package people

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"ruche/federation"
	"ruche/outbox"
	"ruche/storage"
)

// Limits of what an account is made with, in characters.
const (
	maxEmail      = 254 // RFC 5321 §4.5.3.1
	maxDepartment = 100
)

// usernames are what every server of the network takes, short enough to be typed.
var usernames = regexp.MustCompile(`^[A-Za-z0-9_]{1,30}$`)

// reserved names are taken for the node itself, for those who run it, or for everybody. Only
// official accounts may have them.
var reserved = []string{
	"abuse", "all", "everyone", "here", "hostmaster", "instance", "noc", "postmaster", "root", "ruche", "security",
	"support", "system", "webmaster",
}

// New is what an account is created with.
type New struct {
	Username    string
	Email       string
	Password    string // empty: one is made
	DisplayName string
	Role        string // empty: member
	Department  string
	Official    bool   // speaks for the company, not a person
	Locked      bool   // approves each follower
	Locale      string // fr or en; empty: the node's
}

// Made is a created account. Password is set where one was made, and kept nowhere.
type Made struct {
	Account  *storage.Account
	Password string
}

// Create adds an account that can sign in. What can't be is outbox.ErrInvalid; a name or e-mail
// that somebody has or had is storage.ErrExists.
func Create(ctx context.Context, db *storage.DB, n New) (*Made, error) {
	n.Username = strings.TrimPrefix(n.Username, "@")
	n.Email = strings.ToLower(strings.TrimSpace(n.Email))
	if n.Role == "" {
		n.Role = storage.RoleMember
	}
	if err := n.check(); err != nil {
		return nil, err
	}
	// Asked here so that nobody waits for a key in vain; the transaction asks again.
	if err := n.free(ctx, &db.Queries); err != nil {
		return nil, err
	}
	made := &Made{}
	if n.Password == "" {
		made.Password = newPassword()
		n.Password = made.Password
	}
	hash, err := HashPassword(n.Password)
	if err != nil {
		return nil, invalid("The password is refused: %v.", err)
	}
	private, public, err := federation.GenerateKey()
	if err != nil {
		return nil, err
	}
	err = db.Update(ctx, func(tx *storage.Tx) error {
		if err := n.free(ctx, &tx.Queries); err != nil {
			return err
		}
		made.Account = n.account(public, private)
		return n.add(ctx, tx, made.Account, hash)
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

func (n *New) account(public, private string) *storage.Account {
	return &storage.Account{
		Username: n.Username, Kind: storage.Person, DisplayName: n.DisplayName, Department: n.Department, Official: n.Official,
		Locked: n.Locked, Discoverable: true, Indexable: true, PublicKey: public, PrivateKey: private,
	}
}

// add stores an account with its sign-in.
func (n *New) add(ctx context.Context, tx *storage.Tx, a *storage.Account, hash string) error {
	if err := tx.AddAccount(ctx, a); err != nil {
		return err
	}
	return tx.AddUser(ctx, &storage.User{
		AccountID: a.ID, Email: n.Email, PasswordHash: hash, Role: n.Role, Locale: n.Locale,
		DefaultVisibility: storage.Public, DefaultCircle: storage.CircleNetwork, DefaultLanguage: n.Locale,
	})
}

func invalid(format string, args ...any) error {
	return &outbox.Invalid{Text: fmt.Sprintf(format, args...)}
}

// check says what of an account can't be, whoever else is there.
func (n *New) check() error {
	if err := CheckUsername(n.Username, n.Official); err != nil {
		return err
	}
	if _, err := CleanEmail(n.Email); err != nil {
		return err
	}
	if err := checkRole(n.Role); err != nil {
		return err
	}
	for _, text := range []struct {
		what, value string
		most        int
	}{{"display name", n.DisplayName, outbox.MaxDisplayName}, {"department", n.Department, maxDepartment}} {
		if len([]rune(text.value)) > text.most {
			return invalid("The %s is longer than %d characters: shorten it.", text.what, text.most)
		}
		if strings.ContainsFunc(text.value, func(r rune) bool { return r < ' ' }) {
			return invalid("The %s has a line break or control character: leave it out.", text.what)
		}
	}
	if n.Password != "" {
		return n.checkPassword()
	}
	return nil
}

// CheckUsername says why a name can't be an account's, as outbox.ErrInvalid; nil if it can.
func CheckUsername(name string, official bool) error {
	if !usernames.MatchString(name) {
		return invalid("%q is no username: choose 1 to 30 letters a-z, digits and underscores.", name)
	}
	if !official && slices.Contains(reserved, strings.ToLower(name)) {
		return invalid("The username %q is reserved: choose another one, or make the account an official one.", name)
	}
	return nil
}

func checkRole(role string) error {
	if !slices.Contains(storage.Roles, role) {
		return invalid("%q is no role: choose one of %s.", role, strings.Join(storage.Roles, ", "))
	}
	return nil
}

// tooCommon are the passwords that are tried first; each is long enough to pass otherwise.
var tooCommon = []string{
	"password", "password1", "passw0rd", "motdepasse", "12345678", "123456789", "1234567890", "87654321", "11111111", "00000000",
	"azertyui", "azertyuiop", "qwertyui", "qwertyuiop", "qwerty123", "azerty123", "abcd1234", "abcdefgh", "iloveyou", "changeme",
}

func (n *New) checkPassword() error {
	guess := strings.ToLower(n.Password)
	local, _, _ := strings.Cut(n.Email, "@")
	if slices.Contains(tooCommon, guess) || guess == strings.ToLower(n.Username) || guess == n.Email || guess == local {
		return invalid("The password is refused: it is among the first that anybody would try; choose another one, or let one be made.")
	}
	if len(n.Password) < MinPassword || len(n.Password) > MaxPassword {
		return invalid("The password is refused: %v.", ErrPassword)
	}
	return nil
}

// newPassword makes 100 random bits that can be read out and typed.
func newPassword() string {
	text := strings.ToLower(rand.Text())
	return text[:5] + "-" + text[5:10] + "-" + text[10:15] + "-" + text[15:20]
}

// free says whether nobody has, or ever had, the name or the e-mail, and nobody waits for them.
func (n *New) free(ctx context.Context, q *storage.Queries) error {
	if err := n.unused(ctx, q); err != nil {
		return err
	}
	switch _, err := q.SignUpByLogin(ctx, n.Username, n.Email); {
	case err == nil:
		return fmt.Errorf("a request for this name or this e-mail %w and waits for approval: decide about it, or choose others", storage.ErrExists)
	case !errors.Is(err, storage.ErrNotFound):
		return err
	}
	return nil
}

// unused is free without those who wait.
func (n *New) unused(ctx context.Context, q *storage.Queries) error {
	if err := n.unnamed(ctx, q); err != nil {
		return err
	}
	switch _, err := q.UserByLogin(ctx, n.Email); {
	case err == nil:
		return fmt.Errorf("an account with the e-mail %s %w: give another e-mail", n.Email, storage.ErrExists)
	case !errors.Is(err, storage.ErrNotFound):
		return err
	}
	return nil
}

// unnamed says whether nobody has, or ever had, the name.
func (n *New) unnamed(ctx context.Context, q *storage.Queries) error {
	switch _, err := q.AccountByName(ctx, n.Username, ""); {
	case err == nil:
		return fmt.Errorf("the account %s %w, and a username is never given twice: choose another one", n.Username, storage.ErrExists)
	case !errors.Is(err, storage.ErrNotFound):
		return err
	}
	return nil
}

// A Someone is an account of this node with its sign-in side.
type Someone struct {
	*storage.Account
	User *storage.User
}

// Find finds an account of this node by its username, with or without an @ before it.
func Find(ctx context.Context, q *storage.Queries, username string) (*Someone, error) {
	a, err := q.AccountByName(ctx, strings.TrimPrefix(username, "@"), "")
	if err == nil && a.Kind == storage.Application {
		err = storage.ErrNotFound // the node itself
	}
	if errors.Is(err, storage.ErrNotFound) {
		return nil, fmt.Errorf("account %s: %w", username, storage.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	u, err := q.UserByAccount(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	return &Someone{a, u}, nil
}

// All lists the accounts of this node that can sign in, oldest first.
func All(ctx context.Context, q *storage.Queries) ([]*Someone, error) {
	accounts, err := q.LocalAccounts(ctx)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(accounts))
	for i, a := range accounts {
		ids[i] = a.ID
	}
	users, err := q.UsersByAccount(ctx, ids)
	if err != nil {
		return nil, err
	}
	var all []*Someone
	for _, a := range accounts {
		if u := users[a.ID]; u != nil {
			all = append(all, &Someone{a, u})
		}
	}
	return all, nil
}

// SetRole gives an account another role and ends its sign-ins. The last owner stays one.
func SetRole(ctx context.Context, db *storage.DB, username, role string) error {
	if err := checkRole(role); err != nil {
		return err
	}
	return change(ctx, db, username, func(tx *storage.Tx, who *Someone) error {
		if who.User.Role == role {
			return nil
		}
		if err := tx.MayGiveRole(ctx, who.ID, role); err != nil {
			return err
		}
		if err := KeepAnOwner(ctx, tx, who); err != nil {
			return err
		}
		who.User.Role = role
		if err := tx.SaveUser(ctx, who.User); err != nil {
			return err
		}
		return tx.EndSignIns(ctx, who.ID)
	})
}

// Suspend takes an account out of sight and ends its sign-ins. The last owner can't be suspended.
func Suspend(ctx context.Context, db *storage.DB, username string) error {
	return change(ctx, db, username, func(tx *storage.Tx, who *Someone) error {
		if err := KeepAnOwner(ctx, tx, who); err != nil {
			return err
		}
		_, err := tx.SuspendAccount(ctx, who.ID)
		return err
	})
}

// Unsuspend lets a suspended account act and be seen again; its owner signs in anew.
func Unsuspend(ctx context.Context, db *storage.DB, username string) error {
	return change(ctx, db, username, func(tx *storage.Tx, who *Someone) error {
		_, err := tx.UnsuspendAccount(ctx, who.ID)
		return err
	})
}

// Delete ends somebody's account for good. It must be suspended: that is the time to think again, and what was done to it
// can be undone until then.
func Delete(ctx context.Context, db *storage.DB, username string) error {
	return change(ctx, db, username, func(tx *storage.Tx, who *Someone) error {
		if err := tx.MayTo(ctx, storage.ActEraseAccounts, who.ID); err != nil {
			return err
		}
		if who.SuspendedAt.IsZero() {
			return &storage.Denied{Text: "This action is not allowed: only a suspended account can be deleted, so suspend it first"}
		}
		return tx.DeleteAccount(ctx, who.Account)
	})
}

// Leave ends the account of somebody who wants that themselves, within the act that made sure of who they are.
func Leave(ctx context.Context, tx *storage.Tx, username string) error {
	me, err := Find(ctx, &tx.Queries, username)
	if err != nil {
		return err
	}
	if err := KeepAnOwner(ctx, tx, me); err != nil {
		return err
	}
	return tx.DeleteAccount(ctx, me.Account)
}

// ResetPassword gives an account a new password, which it returns, and ends its sign-ins.
func ResetPassword(ctx context.Context, db *storage.DB, username string) (string, error) {
	password := newPassword()
	hash, err := HashPassword(password)
	if err != nil {
		return "", err
	}
	err = change(ctx, db, username, func(tx *storage.Tx, who *Someone) error {
		return SetPassword(ctx, tx, who.ID, hash)
	})
	if err != nil {
		return "", err
	}
	return password, nil
}

// change runs an act on one account in one transaction.
func change(ctx context.Context, db *storage.DB, username string, act func(*storage.Tx, *Someone) error) error {
	return db.Update(ctx, func(tx *storage.Tx) error {
		who, err := Find(ctx, &tx.Queries, username)
		if err != nil {
			return err
		}
		return act(tx, who)
	})
}

// KeepAnOwner refuses what would leave the node to nobody.
func KeepAnOwner(ctx context.Context, tx *storage.Tx, who *Someone) error {
	if who.User.Role != storage.RoleOwner || !who.Active() {
		return nil
	}
	left, err := tx.OwnersLeft(ctx, who.ID)
	if err != nil {
		return err
	}
	if left == 0 {
		return invalid("%s is the last owner of this node: make somebody else an owner first.", who.Username)
	}
	return nil
}
