package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// What a filter does with the posts that it meets.
const (
	FilterWarn = "warn" // shown behind a warning
	FilterHide = "hide"
	FilterBlur = "blur" // their pictures
)

// A Filter meets posts by words or by themselves, and tells its owner's apps what to do with them.
type Filter struct {
	bun.BaseModel `bun:"table:filters,alias:fi"`
	ID            int64 `bun:",pk"`
	AccountID     int64
	Title         string
	Contexts      []string
	Action        string
	ExpiresAt     time.Time `bun:",nullzero"`
	CreatedAt     time.Time

	Keywords []*FilterKeyword `bun:"-"`
	Posts    []*FilterPost    `bun:"-"`
}

// A FilterKeyword is a word that a filter looks for.
type FilterKeyword struct {
	bun.BaseModel `bun:"table:filter_keywords,alias:fk"`
	ID            int64 `bun:",pk"`
	FilterID      int64
	Keyword       string
	WholeWord     bool
}

// A FilterPost is a post that a filter meets whatever it says.
type FilterPost struct {
	bun.BaseModel `bun:"table:filter_posts,alias:fp"`
	ID            int64 `bun:",pk"`
	FilterID      int64
	PostID        int64
}

// Filters lists an account's filters with their words and posts, oldest first. active leaves out
// those whose time is over.
func (q *Queries) Filters(ctx context.Context, account int64, active bool) ([]*Filter, error) {
	var rows []*Filter
	s := q.idb.NewSelect().Model(&rows).Where("fi.account_id = ?", account).Order("fi.id")
	if active {
		s = s.Where("(fi.expires_at IS NULL OR fi.expires_at > ?)", q.now())
	}
	if err := s.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list filters: %w", err)
	}
	return rows, q.fillFilters(ctx, rows)
}

func (q *Queries) fillFilters(ctx context.Context, filters []*Filter) error {
	if len(filters) == 0 {
		return nil
	}
	byID, ids := make(map[int64]*Filter, len(filters)), make([]int64, len(filters))
	for i, f := range filters {
		byID[f.ID], ids[i] = f, f.ID
	}
	var keywords []*FilterKeyword
	if err := q.idb.NewSelect().Model(&keywords).Where("fk.filter_id IN (?)", bun.List(ids)).Order("fk.id").Scan(ctx); err != nil {
		return fmt.Errorf("list filter words: %w", err)
	}
	for _, k := range keywords {
		byID[k.FilterID].Keywords = append(byID[k.FilterID].Keywords, k)
	}
	var posts []*FilterPost
	if err := q.idb.NewSelect().Model(&posts).Where("fp.filter_id IN (?)", bun.List(ids)).Order("fp.id").Scan(ctx); err != nil {
		return fmt.Errorf("list filtered posts: %w", err)
	}
	for _, p := range posts {
		byID[p.FilterID].Posts = append(byID[p.FilterID].Posts, p)
	}
	return nil
}

// FilterByID finds one of the account's own filters.
func (q *Queries) FilterByID(ctx context.Context, account, id int64) (*Filter, error) {
	f := new(Filter)
	if err := q.idb.NewSelect().Model(f).Where("fi.id = ? AND fi.account_id = ?", id, account).Scan(ctx); err != nil {
		return nil, notFound("filter", err)
	}
	return f, q.fillFilters(ctx, []*Filter{f})
}

// FilterOfKeyword finds the account's filter that holds a word, and the word.
func (q *Queries) FilterOfKeyword(ctx context.Context, account, id int64) (*Filter, *FilterKeyword, error) {
	k := new(FilterKeyword)
	if err := q.idb.NewSelect().Model(k).Where("fk.id = ?", id).Scan(ctx); err != nil {
		return nil, nil, notFound("filter word", err)
	}
	f, err := q.FilterByID(ctx, account, k.FilterID)
	return f, k, err
}

// FilterOfPost finds the account's filter that holds an entry for a post, and the entry.
func (q *Queries) FilterOfPost(ctx context.Context, account, id int64) (*Filter, *FilterPost, error) {
	p := new(FilterPost)
	if err := q.idb.NewSelect().Model(p).Where("fp.id = ?", id).Scan(ctx); err != nil {
		return nil, nil, notFound("filtered post", err)
	}
	f, err := q.FilterByID(ctx, account, p.FilterID)
	return f, p, err
}

// AddFilter stores a new filter with its words.
func (tx *Tx) AddFilter(ctx context.Context, f *Filter) error {
	f.ID, f.CreatedAt = tx.NewID(tx.Now()), tx.Now()
	if _, err := tx.idb.NewInsert().Model(f).Exec(ctx); err != nil {
		return fmt.Errorf("add filter: %w", err)
	}
	for _, k := range f.Keywords {
		k.FilterID = f.ID
		if err := tx.addKeyword(ctx, k); err != nil {
			return err
		}
	}
	tx.filtersChanged(f)
	return nil
}

// SaveFilter stores a filter's changed rules; its words and posts are changed by themselves.
func (tx *Tx) SaveFilter(ctx context.Context, f *Filter) error {
	_, err := tx.idb.NewUpdate().Model(f).Column("title", "contexts", "action", "expires_at").WherePK().Exec(ctx)
	tx.filtersChanged(f)
	return wrap("save filter", err)
}

// RemoveFilter removes a filter with all that it holds.
func (tx *Tx) RemoveFilter(ctx context.Context, f *Filter) error {
	for _, statement := range []string{"DELETE FROM filter_keywords WHERE filter_id = ?", "DELETE FROM filter_posts WHERE filter_id = ?", "DELETE FROM filters WHERE id = ?"} {
		if _, err := tx.idb.NewRaw(statement, f.ID).Exec(ctx); err != nil {
			return fmt.Errorf("remove filter: %w", err)
		}
	}
	tx.filtersChanged(f)
	return nil
}

func (tx *Tx) addKeyword(ctx context.Context, k *FilterKeyword) error {
	k.ID = tx.NewID(tx.Now())
	_, err := tx.idb.NewInsert().Model(k).Exec(ctx)
	return wrap("add filter word", err)
}

// AddKeyword adds a word to a filter.
func (tx *Tx) AddKeyword(ctx context.Context, f *Filter, k *FilterKeyword) error {
	k.FilterID = f.ID
	tx.filtersChanged(f)
	return tx.addKeyword(ctx, k)
}

// SaveKeyword stores a changed word of a filter.
func (tx *Tx) SaveKeyword(ctx context.Context, f *Filter, k *FilterKeyword) error {
	_, err := tx.idb.NewUpdate().Model(k).Column("keyword", "whole_word").WherePK().Exec(ctx)
	tx.filtersChanged(f)
	return wrap("save filter word", err)
}

// RemoveKeyword takes a word out of a filter.
func (tx *Tx) RemoveKeyword(ctx context.Context, f *Filter, k *FilterKeyword) error {
	_, err := tx.idb.NewDelete().Model(k).WherePK().Exec(ctx)
	tx.filtersChanged(f)
	return wrap("remove filter word", err)
}

// AddFilterPost adds a post to a filter; ErrExists where it is in it already.
func (tx *Tx) AddFilterPost(ctx context.Context, f *Filter, p *FilterPost) error {
	p.ID, p.FilterID = tx.NewID(tx.Now()), f.ID
	tx.filtersChanged(f)
	res, err := tx.idb.NewInsert().Model(p).On("CONFLICT DO NOTHING").Exec(ctx)
	if err == nil && !changed(res) {
		return ErrExists
	}
	return wrap("add filtered post", err)
}

// RemoveFilterPost takes a post out of a filter.
func (tx *Tx) RemoveFilterPost(ctx context.Context, f *Filter, p *FilterPost) error {
	_, err := tx.idb.NewDelete().Model(p).WherePK().Exec(ctx)
	tx.filtersChanged(f)
	return wrap("remove filtered post", err)
}

func (tx *Tx) filtersChanged(f *Filter) {
	tx.Publish(Event{Kind: FiltersChanged, AccountID: f.AccountID})
}
