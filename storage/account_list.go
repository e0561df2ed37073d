package storage

import (
	"context"
	"slices"
	"strings"

	"github.com/uptrace/bun"
)

// Where accounts are from, for PeopleFilter.
const (
	OriginLocal  = "local"
	OriginRemote = "remote"
)

// StateActive chooses accounts that are neither frozen nor suspended, in PeopleFilter.
const StateActive = "active"

// An PeopleFilter chooses accounts for moderators; a zero field chooses all.
type PeopleFilter struct {
	Origin string
	// States are StateActive and measures in force (MeasureLimit, MeasureFreeze, MeasureSensitive, MeasureSuspend):
	// all of them have to hold.
	States      []string
	Username    string // how it begins
	DisplayName string // how it begins
	Domain      string // what stands after the @
	Roles       []string
}

func (f PeopleFilter) apply(s *bun.SelectQuery) *bun.SelectQuery {
	switch f.Origin {
	case OriginLocal:
		s = s.Where("a.peer = ''")
	case OriginRemote:
		s = s.Where("a.peer <> ''")
	}
	for _, state := range f.States {
		switch state {
		case StateActive:
			s = s.Where("a.suspended_at IS NULL AND a.frozen_at IS NULL")
		case MeasureSuspend:
			s = s.Where("a.suspended_at IS NOT NULL")
		default:
			s = s.Where("? IS NOT NULL", bun.Ident("a."+standings[state].column))
		}
	}
	for column, text := range map[string]string{"a.username": f.Username, "a.display_name": f.DisplayName} {
		if text != "" {
			s = s.Where("lower(?) LIKE ? ESCAPE '\\'", bun.Ident(column), likePrefix(strings.ToLower(text)))
		}
	}
	if f.Domain != "" {
		s = s.Where("a.domain = ?", strings.ToLower(f.Domain))
	}
	if f.Roles != nil {
		s = s.Where("EXISTS (SELECT 1 FROM users AS au WHERE au.account_id = a.id AND au.role IN (?))", bun.List(f.Roles))
	}
	return s
}

// KnownAccounts pages through the people and communities that this node knows, the latest first. Nodes' own actors and
// accounts that are deleted are left out.
func (q *Queries) KnownAccounts(ctx context.Context, f PeopleFilter, page Page) ([]*Account, error) {
	if f.Roles != nil && len(f.Roles) == 0 {
		return nil, nil
	}
	for _, state := range f.States {
		if _, ok := standings[state]; !ok && state != StateActive && state != MeasureSuspend {
			return nil, nil // there is no such state, and nobody is in it
		}
	}
	var rows []*Account
	s := f.apply(q.idb.NewSelect().Model(&rows).Where("a.kind <> ? AND a.deleted_at IS NULL", Application))
	if err := page.apply(s, "a.id").Scan(ctx); err != nil {
		return nil, wrap("list accounts", err)
	}
	page.order(rows)
	return rows, nil
}

// StaffRoles are the roles above a member's.
func StaffRoles() []string {
	return slices.DeleteFunc(slices.Clone(Roles), func(r string) bool { return rank(r) >= rank(RoleMember) })
}
