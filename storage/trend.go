package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Trends are what is shared and talked about across departments, not what is loudest: who counts
// are different people, and no algorithm learns from anybody.

// trendDays is how far trends look back, trendPosts how many posts they look at; of those trendRanked, the ones with which most was
// done, are ranked by who did it.
const (
	trendDays   = 14
	trendPosts  = 5000
	trendRanked = 400
)

// departmentOf is where somebody works, as far as we know: what their profile says, else their node.
func departmentOf(alias string) string {
	return fmt.Sprintf("CASE WHEN %[1]s.department <> '' THEN %[1]s.department ELSE %[1]s.peer END", alias)
}

// TrendingPosts lists what the community managers picked, then public posts of the last days, those first that were shared, answered
// and liked in most departments besides their author's own.
func (q *Queries) TrendingPosts(ctx context.Context, viewer int64, limit, offset int) ([]*Post, error) {
	picks, err := q.picked(ctx, PickPost)
	if err != nil {
		return nil, err
	}
	ranked, err := q.rankedPosts(ctx, viewer)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(picks))
	for i, target := range picks {
		ids[i] = ParseID(target)
	}
	page := picksFirst(ids, ranked, len(ids)+len(ranked), 0)
	if len(page) == 0 {
		return nil, nil
	}
	var found []*Post
	s := q.idb.NewSelect().Model(&found).Where("p.id IN (?) AND p.visibility = ?", bun.List(page), Public)
	if err := q.wantedBy(visibleTo(s, "p", viewer), "p", viewer).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read trends: %w", err)
	}
	visible := map[int64]*Post{}
	for _, p := range found {
		visible[p.ID] = p
	}
	rows := make([]*Post, 0, len(page))
	for _, id := range page {
		if p := visible[id]; p != nil {
			rows = append(rows, p)
		}
	}
	rows = rows[min(offset, len(rows)):]
	return rows[:min(limit, len(rows))], nil
}

// rankedPosts gives the ids of trending posts. Only shares and answers that are open to everybody count: others would be told of by
// the order.
func (q *Queries) rankedPosts(ctx context.Context, viewer int64) ([]int64, error) {
	var ids []int64
	s := q.idb.NewSelect().Model((*Post)(nil)).Column("id").
		Where("p.visibility = ? AND p.share_of_id IS NULL AND p.in_reply_to_uri = '' AND p.backfilled = ? AND p.id >= ?", Public, false, firstIDAt(q.now().AddDate(0, 0, -trendDays))).
		Where("p.shares_count + p.likes_count + p.replies_count > 0").Where(unlimited("p")).
		OrderExpr("3 * p.shares_count + 2 * p.replies_count + p.likes_count DESC, p.id DESC").Limit(trendRanked)
	if err := q.wantedBy(visibleTo(s, "p", viewer), "p", viewer).Scan(ctx, &ids); err != nil {
		return nil, fmt.Errorf("read trends: %w", err)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	var ranked []int64
	err := q.idb.NewRaw(`SELECT p.id FROM posts AS p JOIN accounts AS own ON own.id = p.author_id LEFT JOIN (
			SELECT s.share_of_id AS post_id, s.author_id AS who FROM posts AS s WHERE s.share_of_id IN (?) AND `+openTo("s", viewer)+`
			UNION SELECT r.in_reply_to_id, r.author_id FROM posts AS r WHERE r.in_reply_to_id IN (?) AND `+openTo("r", viewer)+`
			UNION SELECT l.post_id, l.account_id FROM likes AS l WHERE l.post_id IN (?)
		) AS acts ON acts.post_id = p.id AND acts.who <> p.author_id LEFT JOIN accounts AS a ON a.id = acts.who
		WHERE p.id IN (?) GROUP BY p.id
		ORDER BY COUNT(DISTINCT CASE WHEN `+departmentOf("a")+` <> `+departmentOf("own")+` THEN `+departmentOf("a")+` END) DESC, COUNT(DISTINCT acts.who) DESC, p.id DESC`,
		bun.List(ids), bun.List(ids), bun.List(ids), bun.List(ids)).Scan(ctx, &ranked)
	return ranked, wrap("rank trends", err)
}

// TrendingTags lists the tags that the community managers picked, then those of public posts of the last days that were used in most
// departments, and by most people.
func (q *Queries) TrendingTags(ctx context.Context, viewer int64, limit, offset int) ([]string, error) {
	picks, err := q.picked(ctx, PickTag)
	if err != nil {
		return nil, err
	}
	var names []string
	err = q.idb.NewRaw(`SELECT h.name FROM hashtags AS h JOIN (SELECT id, author_id FROM posts WHERE id >= ? AND visibility = ? AND share_of_id IS NULL AND `+openTo("posts", viewer)+` AND `+unlimited("posts")+` ORDER BY id DESC LIMIT ?) AS p ON p.id = h.post_id
		JOIN accounts AS a ON a.id = p.author_id
		GROUP BY h.name ORDER BY COUNT(DISTINCT `+departmentOf("a")+`) DESC, COUNT(DISTINCT p.author_id) DESC, COUNT(*) DESC, h.name LIMIT ?`,
		firstIDAt(q.now().AddDate(0, 0, -trendDays)), Public, trendPosts, limit+offset+maxPicks).Scan(ctx, &names)
	if err != nil {
		return nil, fmt.Errorf("read trends: %w", err)
	}
	return picksFirst(picks, names, limit, offset), nil
}

// A LinkTrend is a page that is talked about: how many different people linked to it.
type LinkTrend struct {
	Card   *Card
	People int
}

// TrendingLinks lists the pages that the community managers picked, then those to which people of most departments linked in public
// posts of the last days; of hosts that are on the list of cards.
func (q *Queries) TrendingLinks(ctx context.Context, viewer int64, limit, offset int) ([]LinkTrend, error) {
	hosts, err := q.HostList(ctx, SettingCardHosts)
	if err != nil || len(hosts) == 0 {
		return nil, err
	}
	picks, err := q.picked(ctx, PickLink)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		URL    string
		People int
	}
	err = q.idb.NewRaw(`SELECT pc.url, COUNT(DISTINCT p.author_id) AS people FROM post_cards AS pc JOIN posts AS p ON p.id = pc.post_id JOIN accounts AS a ON a.id = p.author_id
		WHERE p.id >= ? AND p.visibility = ? AND `+openTo("p", viewer)+` AND `+unlimited("p")+` GROUP BY pc.url ORDER BY COUNT(DISTINCT `+departmentOf("a")+`) DESC, people DESC, pc.url LIMIT ?`,
		firstIDAt(q.now().AddDate(0, 0, -trendDays)), Public, trendRanked).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read trends: %w", err)
	}
	people, order := map[string]int{}, make([]string, len(rows))
	for i, r := range rows {
		people[r.URL], order[i] = r.People, r.URL
	}
	urls := picksFirst(picks, order, len(picks)+len(order), 0)
	if len(urls) == 0 {
		return nil, nil
	}
	var cards []*Card
	if err := q.idb.NewSelect().Model(&cards).Where("cd.url IN (?) AND cd.title <> '' AND cd.host IN (?)", bun.List(urls), bun.List(hosts)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read trends: %w", err)
	}
	byURL := map[string]*Card{}
	for _, c := range cards {
		byURL[c.URL] = c
	}
	var out []LinkTrend
	for _, u := range urls {
		if c := byURL[u]; c != nil {
			out = append(out, LinkTrend{c, people[u]})
		}
	}
	out = out[min(offset, len(out)):]
	return out[:min(limit, len(out))], nil
}

// A Week is how much was posted here in seven days.
type Week struct {
	Begin time.Time
	Posts int
}

// Weeks counts the open posts of this node's people in each of the last weeks, the current one first.
func (q *Queries) Weeks(ctx context.Context, viewer int64, weeks int) ([]Week, error) {
	now := q.now()
	monday := now.AddDate(0, 0, -int(now.Weekday()+6)%7).Truncate(24 * time.Hour)
	out := make([]Week, weeks)
	for i := range out {
		out[i].Begin = monday.AddDate(0, 0, -7*i)
		n, err := q.idb.NewSelect().Model((*Post)(nil)).
			Where("p.id >= ? AND p.id < ? AND p.origin = '' AND p.share_of_id IS NULL AND "+openTo("p", viewer), firstIDAt(out[i].Begin), firstIDAt(out[i].Begin.AddDate(0, 0, 7))).Count(ctx)
		if err != nil {
			return nil, fmt.Errorf("count weeks: %w", err)
		}
		out[i].Posts = int(n)
	}
	return out, nil
}
