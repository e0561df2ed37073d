package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// What the doors of administrative and security acts write down: every caller, whichever surface it
// stands behind, goes through the same ones. Who acts, where from and why comes with the context.

// auditPeer writes down what became of a peer's row; nil: there was none, or is none any more.
// Saving a row as it was is no act.
func (tx *Tx) auditPeer(ctx context.Context, host string, before, after *Peer) error {
	was, is, err := differences(before, after, "updated_at")
	if err != nil || len(was) == 0 && len(is) == 0 {
		return err
	}
	action := ActionPeerChange
	switch {
	case after == nil:
		action = ActionPeerRemove
	case before != nil && before.State == after.State:
	case after.State == PeerActive:
		action = ActionPeerAllow
	case after.State == PeerBlocked:
		action = ActionPeerBlock
	default:
		action = "peer." + after.State
	}
	e := AuditEntry{Action: action, Subject: AboutPeer(host)}
	if before != nil {
		e.Before = was
	}
	if after != nil {
		e.After = is
	}
	return tx.Audit(ctx, e)
}

// peerAsStored is a host's own row; nil where there is none.
func (q *Queries) peerAsStored(ctx context.Context, host string) (*Peer, error) {
	var rows []*Peer
	if err := q.idb.NewSelect().Model(&rows).Where("pe.host = ?", host).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read peer %s: %w", host, err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return rows[0], nil
}

// differences gives, of two states, the fields in which they differ.
func differences(before, after any, except ...string) (was, is map[string]any, err error) {
	if was, err = fieldsOf(before); err != nil {
		return nil, nil, err
	}
	if is, err = fieldsOf(after); err != nil {
		return nil, nil, err
	}
	for name, value := range was {
		if other, ok := is[name]; ok && reflect.DeepEqual(value, other) {
			delete(was, name)
			delete(is, name)
		}
	}
	for _, name := range except {
		delete(was, name)
		delete(is, name)
	}
	return was, is, nil
}

func fieldsOf(state any) (map[string]any, error) {
	body, err := json.Marshal(state)
	if err != nil {
		return nil, fmt.Errorf("write down a state: %w", err)
	}
	fields := map[string]any{}
	if string(body) == "null" {
		return fields, nil
	}
	return fields, json.Unmarshal(body, &fields)
}

// auditAccount writes an act on an account down.
func (tx *Tx) auditAccount(ctx context.Context, id int64, action string, before, after any) error {
	a, err := tx.AccountByID(ctx, id)
	if err != nil {
		return err
	}
	return tx.Audit(ctx, AuditEntry{Action: action, Subject: AboutAccount(a), Before: before, After: after})
}

// auditUser writes down a new role, and a new password where it isn't a member's own doing: that is
// in their security log alone.
func (tx *Tx) auditUser(ctx context.Context, before, after *User) error {
	if before.Role != after.Role {
		if err := tx.auditAccount(ctx, after.AccountID, ActionAccountRole, roleState(before), roleState(after)); err != nil {
			return err
		}
	}
	if before.PasswordHash == after.PasswordHash {
		return nil
	}
	if err := tx.NoteSignIn(ctx, after.AccountID, SecurityPassword); err != nil {
		return err
	}
	if ActorOf(ctx).AccountID == after.AccountID && !after.Staff() {
		return nil
	}
	return tx.auditAccount(ctx, after.AccountID, ActionAccountPassword, nil, nil)
}

func roleState(u *User) any {
	return map[string]string{"role": u.Role}
}

// auditToken writes down that a token of an account was made or ended: in the audit log what staff's
// apps and the command line do, in the person's security log that an app may act.
func (tx *Tx) auditToken(ctx context.Context, action string, t *Token) error {
	if t.AccountID == 0 {
		return nil
	}
	actor := ActorOf(ctx)
	app, err := tx.appName(ctx, t.AppID, actor.App)
	if err != nil {
		return err
	}
	if action == ActionTokenCreate {
		with := actor
		with.AppID, with.App = t.AppID, app
		if err := tx.NoteSignIn(ActingAs(ctx, with), t.AccountID, SecurityToken); err != nil {
			return err
		}
	}
	a, u, err := tx.staff(ctx, t.AccountID)
	if err != nil {
		return err
	}
	switch {
	case a != nil && actor.Kind == ActorVisitor:
		actor = PersonActing(a, u, actor) // the app changes the code that this person gave it
	case a == nil && actor.Kind == ActorCLI:
		if a, err = tx.AccountByID(ctx, t.AccountID); err != nil {
			if errors.Is(err, ErrNotFound) {
				return nil
			}
			return err
		}
	case a == nil:
		return nil
	}
	e := AuditEntry{Actor: actor, Action: action, Subject: AboutAccount(a)}
	state := map[string]string{"app": app, "scopes": t.Scopes}
	if action == ActionTokenCreate {
		e.After = state
	} else {
		e.Before = state
	}
	return tx.Audit(ctx, e)
}
