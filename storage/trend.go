package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Trends are what is shared and talked about across departments, not what is loudest: who counts
// are different people, and no algorithm learns from anybody.

// trendDays is how far trends look back, trendPosts how many posts they look at.
const (
	trendDays  = 14
	trendPosts = 5000
)

// TrendingPosts lists public posts of the last days that most people shared, liked and answered.
func (q *Queries) TrendingPosts(ctx context.Context, viewer int64, limit, offset int) ([]*Post, error) {
	var rows []*Post
	s := q.idb.NewSelect().Model(&rows).
		Where("p.visibility = ? AND p.share_of_id IS NULL AND p.in_reply_to_uri = '' AND p.backfilled = ? AND p.id >= ?", Public, false, firstIDAt(q.now().AddDate(0, 0, -trendDays))).
		Where("p.shares_count + p.likes_count + p.replies_count > 0").
		OrderExpr("3 * p.shares_count + 2 * p.replies_count + p.likes_count DESC, p.id DESC").Limit(int64(limit)).Offset(int64(offset))
	if err := q.wantedBy(visibleTo(s, "p", viewer), "p", viewer).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read trends: %w", err)
	}
	return rows, nil
}

// TrendingTags lists the tags of public posts of the last days that most different people used.
func (q *Queries) TrendingTags(ctx context.Context, viewer int64, limit, offset int) ([]string, error) {
	var names []string
	err := q.idb.NewRaw(`SELECT h.name FROM hashtags AS h JOIN (SELECT id, author_id FROM posts WHERE id >= ? AND visibility = ? AND share_of_id IS NULL AND `+openTo("posts", viewer)+` ORDER BY id DESC LIMIT ?) AS p ON p.id = h.post_id
		GROUP BY h.name ORDER BY COUNT(DISTINCT p.author_id) DESC, COUNT(*) DESC, h.name LIMIT ? OFFSET ?`,
		firstIDAt(q.now().AddDate(0, 0, -trendDays)), Public, trendPosts, limit, offset).Scan(ctx, &names)
	if err != nil {
		return nil, fmt.Errorf("read trends: %w", err)
	}
	return names, nil
}

// A LinkTrend is a page that is talked about: how many different people linked to it.
type LinkTrend struct {
	Card   *Card
	People int
}

// TrendingLinks lists the pages to which most different people linked in public posts of the last days, of hosts that are on the
// list of cards.
func (q *Queries) TrendingLinks(ctx context.Context, viewer int64, limit, offset int) ([]LinkTrend, error) {
	hosts, err := q.HostList(ctx, SettingCardHosts)
	if err != nil || len(hosts) == 0 {
		return nil, err
	}
	var rows []struct {
		Card   `bun:",extend"`
		People int
	}
	since := firstIDAt(q.now().AddDate(0, 0, -trendDays))
	err = q.idb.NewSelect().Model((*Card)(nil)).ColumnExpr("cd.*").ColumnExpr("t.people").
		Join(`JOIN (SELECT pc.url, COUNT(DISTINCT p.author_id) AS people, COUNT(*) AS posts FROM post_cards AS pc JOIN posts AS p ON p.id = pc.post_id
			WHERE p.id >= ? AND p.visibility = ? AND `+openTo("p", viewer)+` GROUP BY pc.url) AS t ON t.url = cd.url`, since, Public).
		Where("cd.title <> '' AND cd.host IN (?)", bun.List(hosts)).
		OrderExpr("t.people DESC, t.posts DESC, cd.url").Limit(int64(limit)).Offset(int64(offset)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read trends: %w", err)
	}
	out := make([]LinkTrend, len(rows))
	for i := range rows {
		out[i] = LinkTrend{&rows[i].Card, rows[i].People}
	}
	return out, nil
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
