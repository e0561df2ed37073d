package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Who may do what is decided in this file and nowhere else: a table of roles and acts, and the rules
// about people who have a role themselves. docs/admin/roles.md is written from it.

// An Act is something that roles are asked for.
type Act string

// Acts, each with its line in Permissions.
const (
	ActRead             Act = "read"
	ActPost             Act = "post"
	ActReport           Act = "report"
	ActAppeal           Act = "appeal"
	ActReadEverybody    Act = "read-everybody"
	ActFollowAnybody    Act = "follow-anybody"
	ActStartCommunity   Act = "start-community"
	ActPick             Act = "pick"
	ActAnnounce         Act = "announce"
	ActInvite           Act = "invite"
	ActReadReports      Act = "read-reports"
	ActHandleReports    Act = "handle-reports"
	ActReadAccounts     Act = "read-accounts"
	ActApproveAccounts  Act = "approve-accounts"
	ActModeratePosts    Act = "moderate-posts"
	ActModerateAccounts Act = "moderate-accounts"
	ActDecideAppeals    Act = "decide-appeals"
	ActKeywords         Act = "keywords"
	ActMeasures         Act = "measures"
	ActReadPeers        Act = "read-peers"
	ActPeers            Act = "peers"
	ActSettings         Act = "settings"
	ActRoles            Act = "roles"
	ActEraseAccounts    Act = "erase-accounts"
	ActReadAudit        Act = "read-audit"
	ActReadSignIns      Act = "read-sign-ins"
)

// A Permission says which roles may do an act.
type Permission struct {
	Act   Act
	Doc   string // what it is, for those who give roles
	Roles []string
}

var (
	everybody     = Roles
	insiders      = []string{RoleOwner, RoleAdmin, RoleModerator, RoleCommunityManager, RoleMember}
	administrator = []string{RoleOwner, RoleAdmin}
	moderating    = []string{RoleOwner, RoleAdmin, RoleModerator}
	animating     = []string{RoleOwner, RoleAdmin, RoleCommunityManager}
)

// Permissions is the table, in the order in which it is shown.
var Permissions = []Permission{
	{ActRead, "Read what one follows, is named in or is a member of; search in it.", everybody},
	{ActPost, "Post, answer, share, like, vote.", everybody},
	{ActReport, "Report a post or a person.", everybody},
	{ActAppeal, "Appeal against what moderators did to oneself.", everybody},
	{ActReadEverybody, "Read the timelines, tags, directory and trends of everybody.", insiders},
	{ActFollowAnybody, "Follow people, tags and communities without being invited.", insiders},
	{ActStartCommunity, "Start a community.", insiders},
	{ActPick, "Put a post, tag or link before the trends.", animating},
	{ActAnnounce, "Write announcements.", animating},
	{ActInvite, "Invite people to this node, with a role below one's own.", animating},
	{ActReadReports, "Read reports, their notes and their history.", moderating},
	{ActHandleReports, "Take, note, close and open reports.", moderating},
	{ActReadAccounts, "List accounts with their state and the warnings that they were given; no address, no last activity.", moderating},
	{ActApproveAccounts, "Let new accounts in, or refuse them.", moderating},
	{ActModeratePosts, "Delete somebody's posts, or mark them as sensitive.", moderating},
	{ActModerateAccounts, "Warn, limit, freeze and suspend people, and undo it.", moderating},
	{ActDecideAppeals, "Grant or reject appeals.", moderating},
	{ActKeywords, "Choose the words whose use makes a report.", moderating},
	{ActMeasures, "Read figures of the whole node, about ten people or more.", animating},
	{ActReadPeers, "See which other nodes are allowed, and how they are.", moderating},
	{ActPeers, "Allow, suspend and block other nodes, and agree with them what may cross.", administrator},
	{ActSettings, "Make the settings of the house: name, colours, rules, who may join.", administrator},
	{ActRoles, "Give people another role, up to one's own.", administrator},
	{ActEraseAccounts, "Delete an account for good.", administrator},
	{ActReadAudit, "Read the audit log.", administrator},
	{ActReadSignIns, "Read somebody's sign-ins, with a written reason that the person sees.", []string{RoleOwner}},
}

// ErrDenied says that somebody's role doesn't allow an act. The error that wraps it says whose does.
var ErrDenied = errors.New("this is not allowed")

// A Denied is an act that the role of who acts doesn't allow, in words for that person.
type Denied struct{ Text string }

func (e *Denied) Error() string        { return e.Text }
func (e *Denied) Is(target error) bool { return target == ErrDenied }

// RoleMay says whether a role allows an act. An act or a role that isn't in the table is allowed nothing.
func RoleMay(role string, act Act) bool {
	i := slices.IndexFunc(Permissions, func(p Permission) bool { return p.Act == act })
	return i >= 0 && slices.Contains(Permissions[i].Roles, role)
}

// rolesThatMay are the roles that an act is for.
func rolesThatMay(act Act) []string {
	return slices.DeleteFunc(slices.Clone(Roles), func(role string) bool { return !RoleMay(role, act) })
}

// May says whether the user's role allows an act.
func (u *User) May(act Act) bool { return u != nil && RoleMay(u.Role, act) }

// Staff says whether the role is above a member's: what such people do is written down.
func (u *User) Staff() bool { return rank(u.Role) < rank(RoleMember) }

// rank is the place of a role in Roles: 0 is an owner. One that isn't there comes last.
func rank(role string) int {
	if i := slices.Index(Roles, role); i >= 0 {
		return i
	}
	return len(Roles)
}

// Outranks says whether somebody of a role may act on somebody of another: one below, and an owner on
// anybody.
func Outranks(role, other string) bool { return role == RoleOwner || rank(role) < rank(other) }

// MayGive says whether somebody of a role may give somebody else another role, or an invitation with it: an
// owner any, others one below their own; who has the right to give roles may make others their equals.
func MayGive(role, given string) bool {
	return Outranks(role, given) || role == given && RoleMay(role, ActRoles)
}

// May says whether who acts in the context may do something: nil, or a *Denied. The role is the one that
// the acting person has now, whatever it was when they signed in. The command line and the node itself may do everything that
// isn't kept for a person with a reason.
func (q *Queries) May(ctx context.Context, act Act) error {
	_, err := q.may(ctx, act)
	return err
}

// may is May, and gives the role; an owner's for the command line.
func (q *Queries) may(ctx context.Context, act Act) (string, error) {
	actor := ActorOf(ctx)
	switch actor.Kind {
	case ActorCLI, ActorNode:
		return RoleOwner, nil
	case ActorPerson:
		u, err := q.UserByAccount(ctx, actor.AccountID)
		if err != nil && !isNotFound(err) {
			return "", err
		}
		if err == nil && u.May(act) {
			return u.Role, nil
		}
	}
	return "", deniedAct(act)
}

func deniedAct(act Act) error {
	for _, p := range Permissions {
		if p.Act == act {
			return &Denied{fmt.Sprintf("This action is not allowed: it is for %s", rolesInWords(p.Roles))}
		}
	}
	return &Denied{"This action is not allowed"}
}

func rolesInWords(roles []string) string {
	words := make([]string, len(roles))
	for i, r := range roles {
		words[i] = strings.ReplaceAll(r, "-", " ") + "s"
	}
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// MayTo is May for an act on an account: nobody acts on somebody whose role isn't below their own, an owner
// excepted; on oneself nobody does.
func (q *Queries) MayTo(ctx context.Context, act Act, target int64) error {
	role, err := q.may(ctx, act)
	if err != nil {
		return err
	}
	if actor := ActorOf(ctx); actor.Kind == ActorPerson && actor.AccountID == target {
		return &Denied{"This action is not allowed on one's own account: ask somebody else"}
	}
	theirs, err := q.UserByAccount(ctx, target)
	if isNotFound(err) {
		return nil // a peer's person, or a community
	}
	if err != nil {
		return err
	}
	if !Outranks(role, theirs.Role) {
		return &Denied{"This action is not allowed: the role of this person isn't below yours"}
	}
	return nil
}

// MayGiveRole says whether who acts may give an account a role: both the role that it has and the new one
// must be theirs to give.
func (q *Queries) MayGiveRole(ctx context.Context, target int64, given string) error {
	role, err := q.may(ctx, ActRoles)
	if err != nil {
		return err
	}
	theirs, err := q.UserByAccount(ctx, target)
	if err != nil {
		return err
	}
	if !MayGive(role, theirs.Role) || !MayGive(role, given) {
		return &Denied{"This action is not allowed: a role above your own is given and taken by those who have it"}
	}
	return nil
}

// MayInvite says whether who acts may invite people with a role.
func (q *Queries) MayInvite(ctx context.Context, given string) error {
	role, err := q.may(ctx, ActInvite)
	if err != nil {
		return err
	}
	if !MayGive(role, given) {
		return &Denied{"This action is not allowed: one invites with a role below one's own"}
	}
	return nil
}

// PermissionsTable is the table in Markdown, as docs/admin/roles.md has it.
func PermissionsTable() string {
	var b strings.Builder
	b.WriteString("| act | what it is |")
	for _, r := range Roles {
		b.WriteString(" " + strings.ReplaceAll(r, "-", " ") + " |")
	}
	b.WriteString("\n|---|---|" + strings.Repeat(":-:|", len(Roles)) + "\n")
	for _, p := range Permissions {
		fmt.Fprintf(&b, "| `%s` | %s |", p.Act, p.Doc)
		for _, r := range Roles {
			if slices.Contains(p.Roles, r) {
				b.WriteString(" yes |")
			} else {
				b.WriteString(" – |")
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}
