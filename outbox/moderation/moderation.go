// Package moderation is what moderators do about reports and people, and what people answer.
//
// A report comes from one of ours, from a peer, or from a word that moderators look out for. It is taken,
// noted, and closed, with or without a measure: a word to the person, some posts marked or deleted, the
// account marked, limited, frozen or suspended. Its person reads what was done and why, and appeals once;
// a granted appeal undoes the measure. People of peers are dealt with alike, as far as this node goes.
//
// Each act asks storage whether who acts may do it, and is one transaction: the state, what is written down
// in the audit log, what the person is told and what peers are told stand together or not at all.
//
// What must never happen: a measure without a name and a reason beside it in the audit log, an owner whom
// nobody is left to succeed, a moderator's name shown to the person.
package moderation

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"ruche/outbox"
	"ruche/outbox/people"
	"ruche/storage"
)

// Limits of what is typed, in characters.
const (
	MaxText  = 2000 // of a measure, a note, an appeal
	MaxPosts = 100  // of one measure
)

// Desk is where moderators work.
type Desk struct {
	DB     *storage.DB
	Outbox *outbox.Outbox
}

func invalid(format string, args ...any) error {
	return &outbox.Invalid{Text: fmt.Sprintf(format, args...)}
}

// written is a text that may not be empty.
func written(what, text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return "", invalid("Write %s.", what)
	}
	return text, short(what, text)
}

func short(what, text string) error {
	if n := utf8.RuneCountInString(text); n > MaxText {
		return invalid("What you wrote as %s has %d characters; at most %d are possible: shorten it.", what, n, MaxText)
	}
	if strings.ContainsRune(text, 0) {
		return invalid("What you wrote as %s has a control character: leave it out.", what)
	}
	return nil
}

// me is the account that acts; 0 for the command line and the node.
func me(ctx context.Context) int64 { return storage.ActorOf(ctx).AccountID }

// person finds whom an act is about, and asks whether it may be done to them.
func person(ctx context.Context, tx *storage.Tx, act storage.Act, id int64) (*storage.Account, error) {
	if err := tx.MayTo(ctx, act, id); err != nil {
		return nil, err
	}
	a, err := tx.AccountByID(ctx, id)
	if err != nil {
		return nil, err
	}
	if !a.DeletedAt.IsZero() {
		return nil, fmt.Errorf("account: %w", storage.ErrNotFound)
	}
	if a.Local() && a.Kind == storage.Application {
		return nil, invalid("This is the node itself: nothing can be done to it.")
	}
	return a, nil
}

// keepAnOwner refuses what would leave the node to nobody.
func keepAnOwner(ctx context.Context, tx *storage.Tx, a *storage.Account) error {
	if !a.Local() || a.Kind != storage.Person {
		return nil
	}
	u, err := tx.UserByAccount(ctx, a.ID)
	if err != nil {
		return err
	}
	return people.KeepAnOwner(ctx, tx, &people.Someone{Account: a, User: u})
}
