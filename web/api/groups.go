package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"ruche/storage"
	"ruche/web/auth"
)

// Notifications of one kind about one post on one day are a group: an app shows "ana and 4 others
// liked this" instead of five lines.

// groupable are the kinds that are grouped unless an app says otherwise.
var groupable = []string{storage.NotifyLike, storage.NotifyShare, storage.NotifyFollow}

// How many rows are read for one page of groups at most, and how many people are shown of each.
const (
	groupScan    = 200
	groupScans   = 5
	groupSamples = 8
)

// groupKey names a notification's group; one that isn't grouped has a group of its own.
func groupKey(n *storage.Notification, grouped []string) string {
	if !slices.Contains(grouped, n.Kind) {
		return "ungrouped-" + id(n.ID)
	}
	g := n.GroupOf()
	return fmt.Sprintf("%s-%d-%d", kindsOut[g.Kind], g.Post, g.Day)
}

// GroupedNotifications is a page of groups, with everybody and every post in it once.
type GroupedNotifications struct {
	Accounts        []*Account          `json:"accounts"`
	PartialAccounts []PartialAccount    `json:"partial_accounts,omitempty"`
	Statuses        []*Status           `json:"statuses"`
	Groups          []NotificationGroup `json:"notification_groups"`
}

// PartialAccount is enough of an account to show its picture.
type PartialAccount struct {
	ID           string `json:"id"`
	Acct         string `json:"acct"`
	URL          string `json:"url"`
	Avatar       string `json:"avatar"`
	AvatarStatic string `json:"avatar_static"`
	Locked       bool   `json:"locked"`
	Bot          bool   `json:"bot"`
}

// NotificationGroup is what of one kind happened to one post on one day.
type NotificationGroup struct {
	GroupKey         string   `json:"group_key"`
	Count            int      `json:"notifications_count"`
	Type             string   `json:"type"`
	MostRecentID     int64    `json:"most_recent_notification_id"`
	PageMinID        *string  `json:"page_min_id,omitempty"`
	PageMaxID        *string  `json:"page_max_id,omitempty"`
	LatestAt         *string  `json:"latest_page_notification_at,omitempty"`
	SampleAccountIDs []string `json:"sample_account_ids"`
	StatusID         *string  `json:"status_id,omitempty"`

	ModerationWarning *AccountWarning `json:"moderation_warning,omitempty"`
	Report            *Report         `json:"report,omitempty"`
}

// gatherGroups puts notifications, newest first, into at most limit groups, and says how many of
// them it took.
func gatherGroups(list []*storage.Notification, grouped []string, limit int) (groups [][]*storage.Notification, taken int) {
	place := map[string]int{}
	for _, n := range list {
		key := groupKey(n, grouped)
		i, seen := place[key]
		if !seen {
			if len(groups) == limit {
				break
			}
			i = len(groups)
			place[key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], n)
		taken++
	}
	return groups, taken
}

// readGroups reads a page of groups: rows from storage until there are enough groups.
func (a *API) readGroups(ctx context.Context, told storage.Told, grouped []string, page storage.Page) ([][]*storage.Notification, []*storage.Notification, error) {
	var list []*storage.Notification
	rows := page
	rows.Limit = groupScan
	for range groupScans {
		more, err := a.DB.Notifications(ctx, auth.Viewer(ctx), told, rows)
		if err != nil {
			return nil, nil, err
		}
		if page.MinID > 0 {
			list = append(more, list...) // upwards: what comes next is newer
		} else {
			list = append(list, more...)
		}
		groups, taken := gatherGroups(list, grouped, page.Limit)
		if len(more) < groupScan || taken < len(list) || page.MinID > 0 {
			return groups, list[:taken], nil
		}
		rows.MaxID = list[len(list)-1].ID
	}
	groups, taken := gatherGroups(list, grouped, page.Limit)
	return groups, list[:taken], nil
}

// groups writes groups of notifications. counts tells those of which more is stored than was read.
func (rd reader) groups(ctx context.Context, groups [][]*storage.Notification, grouped []string, partial bool) (*GroupedNotifications, error) {
	var flat []*storage.Notification
	var kinds []string
	var posts []int64
	for _, group := range groups {
		flat = append(flat, group[:min(len(group), groupSamples)]...)
		if n := group[0]; slices.Contains(grouped, n.Kind) {
			kinds, posts = append(kinds, n.Kind), append(posts, n.PostID)
		}
	}
	written, err := rd.notifications(ctx, flat)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]*Notification, len(written))
	for _, n := range written {
		byID[n.ID] = n
	}
	oldest := int64(0)
	for _, group := range groups {
		if last := group[len(group)-1].ID; oldest == 0 || last < oldest {
			oldest = last
		}
	}
	sizes, err := rd.DB.GroupSizes(ctx, rd.me, kinds, posts, oldest)
	if err != nil {
		return nil, err
	}
	out := &GroupedNotifications{Accounts: []*Account{}, Statuses: []*Status{}, Groups: []NotificationGroup{}}
	people, statuses := map[string]bool{}, map[string]bool{}
	for _, group := range groups {
		n := group[0]
		e := NotificationGroup{
			GroupKey: groupKey(n, grouped), Count: len(group), Type: kindsOut[n.Kind], MostRecentID: n.ID, SampleAccountIDs: []string{},
			PageMinID: optID(group[len(group)-1].ID), PageMaxID: optID(n.ID), LatestAt: optStamp(n.CreatedAt),
		}
		if slices.Contains(grouped, n.Kind) {
			e.Count = max(e.Count, sizes[n.GroupOf()])
		}
		for _, one := range group[:min(len(group), groupSamples)] {
			w := byID[id(one.ID)]
			if w == nil {
				continue
			}
			if e.SampleAccountIDs = append(e.SampleAccountIDs, w.Account.ID); !people[w.Account.ID] {
				people[w.Account.ID] = true
				if partial && len(e.SampleAccountIDs) > 1 {
					p := w.Account
					out.PartialAccounts = append(out.PartialAccounts, PartialAccount{p.ID, p.Acct, p.URL, p.Avatar, p.AvatarStatic, p.Locked, p.Bot})
				} else {
					out.Accounts = append(out.Accounts, w.Account)
				}
			}
			e.ModerationWarning, e.Report = w.ModerationWarning, w.Report
			if w.Status != nil {
				if e.StatusID = &w.Status.ID; !statuses[w.Status.ID] {
					statuses[w.Status.ID] = true
					out.Statuses = append(out.Statuses, w.Status)
				}
			}
		}
		if len(e.SampleAccountIDs) > 0 {
			out.Groups = append(out.Groups, e)
		}
	}
	return out, nil
}

// groupedKinds reads which kinds an app wants grouped.
func groupedKinds(v *auth.Values) []string {
	if !v.Given("grouped_types") {
		return groupable
	}
	asked := kindsIn(v.List("grouped_types"))
	return slices.DeleteFunc(asked, func(k string) bool { return !slices.Contains(groupable, k) })
}

// groupedNotifications is GET /api/v2/notifications.
func (a *API) groupedNotifications(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	page := readPage(v, defaultNotifications, maxNotifications)
	told, none := readTold(v)
	grouped := groupedKinds(v)
	if err := v.Err(); err != nil {
		return err
	}
	if none {
		return auth.JSON(w, GroupedNotifications{Accounts: []*Account{}, Statuses: []*Status{}, Groups: []NotificationGroup{}})
	}
	groups, rows, err := a.readGroups(ctx, told, grouped, page)
	if err != nil {
		return err
	}
	out, err := a.reader(r).groups(ctx, groups, grouped, v.Str("expand_accounts") == "partial_avatars")
	if err != nil {
		return err
	}
	if n := len(rows); n > 0 {
		a.link(w, r, page, rows[0].ID, rows[n-1].ID, len(groups))
	}
	return auth.JSON(w, out)
}

// groupOf reads the group that a route's {group_key} names, newest first.
func (a *API) groupOf(r *http.Request) ([]*storage.Notification, error) {
	ctx := r.Context()
	key := r.PathValue("key")
	if number, ok := strings.CutPrefix(key, "ungrouped-"); ok {
		n, err := a.DB.NotificationByID(ctx, auth.Viewer(ctx), storage.ParseID(number))
		return []*storage.Notification{n}, err
	}
	g, err := parseGroup(key)
	if err != nil {
		return nil, err
	}
	list, err := a.DB.NotificationsOf(ctx, auth.Viewer(ctx), g)
	if err == nil && len(list) == 0 {
		err = auth.NotFound()
	}
	return list, err
}

func parseGroup(key string) (storage.NotificationGroup, error) {
	parts := strings.Split(key, "-")
	if len(parts) == 3 {
		kinds := kindsIn(parts[:1])
		day, err := strconv.ParseInt(parts[2], 10, 32)
		if err == nil && day >= 0 && len(kinds) == 1 && slices.Contains(groupable, kinds[0]) {
			return storage.NotificationGroup{Kind: kinds[0], Post: storage.ParseID(parts[1]), Day: day}, nil
		}
	}
	return storage.NotificationGroup{}, auth.NotFound()
}

// showGroup is GET /api/v2/notifications/:group_key.
func (a *API) showGroup(w http.ResponseWriter, r *http.Request) error {
	list, err := a.groupOf(r)
	if err != nil {
		return err
	}
	out, err := a.reader(r).groups(r.Context(), [][]*storage.Notification{list}, groupable, false)
	if err != nil {
		return err
	}
	if len(out.Groups) == 0 {
		return auth.NotFound()
	}
	return auth.JSON(w, out)
}

// groupAccounts is GET /api/v2/notifications/:group_key/accounts.
func (a *API) groupAccounts(w http.ResponseWriter, r *http.Request) error {
	list, err := a.groupOf(r)
	if err != nil {
		return err
	}
	ids := make([]int64, len(list))
	for i, n := range list {
		ids[i] = n.FromID
	}
	people, err := a.reader(r).peopleByID(r.Context(), ids)
	if err != nil {
		return err
	}
	out := []*Account{}
	for _, id := range ids {
		if e := people.entity(id); e != nil {
			out = append(out, e)
		}
	}
	return auth.JSON(w, out)
}

// dismissGroup is POST /api/v2/notifications/:group_key/dismiss.
func (a *API) dismissGroup(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	list, err := a.groupOf(r)
	if err != nil {
		return err
	}
	err = a.DB.Update(ctx, func(tx *storage.Tx) error {
		if strings.HasPrefix(r.PathValue("key"), "ungrouped-") {
			return tx.DismissNotification(ctx, auth.Viewer(ctx), list[0].ID)
		}
		return tx.DismissGroup(ctx, auth.Viewer(ctx), list[0].GroupOf())
	})
	if err != nil {
		return err
	}
	return empty(w)
}

// unreadGroups is GET /api/v2/notifications/unread_count.
func (a *API) unreadGroups(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	told, none := readTold(v)
	grouped := groupedKinds(v)
	page := storage.Page{Limit: readLimit(v, 100, 1000)}
	if err := v.Err(); err != nil {
		return err
	}
	if page.SinceID, err = a.lastRead(ctx); err != nil {
		return err
	}
	count := 0
	if !none {
		groups, _, err := a.readGroups(ctx, told, grouped, page)
		if err != nil {
			return err
		}
		count = len(groups)
	}
	return auth.JSON(w, map[string]int{"count": count})
}
