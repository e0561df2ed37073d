package storage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// What can be picked for the trends.
const (
	PickPost = "post" // target: its id
	PickTag  = "tag"  // its name
	PickLink = "link" // its address
)

// maxPicks is how many picks of a kind are shown: the latest.
const maxPicks = 20

// ErrPick says that something can't be picked: what isn't public would be shown to those who may not see it.
var ErrPick = errors.New("only what is public and known here can be picked: give a public post, a tag, or a link that has a card")

// A Pick is what a community manager wants everybody to see.
type Pick struct {
	bun.BaseModel `bun:"table:trend_picks,alias:tp"`

	Kind     string `bun:",pk"`
	Target   string `bun:",pk"`
	PickedAt time.Time
}

// Pick puts something before the trends, the latest pick first. Who picks is written down.
func (tx *Tx) Pick(ctx context.Context, kind, target string) error {
	target, err := tx.pickable(ctx, kind, target)
	if err != nil {
		return err
	}
	p := &Pick{Kind: kind, Target: target, PickedAt: tx.Now()}
	if _, err := tx.idb.NewInsert().Model(p).On("CONFLICT (kind, target) DO UPDATE").Set("picked_at = EXCLUDED.picked_at").Exec(ctx); err != nil {
		return fmt.Errorf("pick: %w", err)
	}
	return tx.Audit(ctx, AuditEntry{Action: ActionTrendPick, Subject: AboutNode(), After: map[string]string{kind: target}})
}

func (q *Queries) pickable(ctx context.Context, kind, target string) (string, error) {
	switch kind {
	case PickPost:
		p, err := q.PostByID(ctx, ParseID(target))
		if err == nil && p.Visibility == Public && p.ShareOfID == 0 {
			return FormatID(p.ID), nil
		}
		if err != nil && !errors.Is(err, ErrNotFound) {
			return "", err
		}
	case PickTag:
		if name := strings.ToLower(strings.TrimPrefix(strings.TrimSpace(target), "#")); name != "" && len(name) <= 200 {
			return name, nil
		}
	case PickLink:
		if _, err := q.CardByURL(ctx, target); err == nil {
			return target, nil
		} else if !errors.Is(err, ErrNotFound) {
			return "", err
		}
	}
	return "", ErrPick
}

// Unpick takes a pick back; ErrNotFound if it was none.
func (tx *Tx) Unpick(ctx context.Context, kind, target string) error {
	res, err := tx.idb.NewDelete().Model((*Pick)(nil)).Where("kind = ? AND target = ?", kind, target).Exec(ctx)
	if err != nil {
		return fmt.Errorf("take pick back: %w", err)
	}
	if !changed(res) {
		return fmt.Errorf("pick: %w", ErrNotFound)
	}
	return tx.Audit(ctx, AuditEntry{Action: ActionTrendUnpick, Subject: AboutNode(), Before: map[string]string{kind: target}})
}

// Picks lists what was picked, the latest first; kind empty: all.
func (q *Queries) Picks(ctx context.Context, kind string) ([]*Pick, error) {
	var rows []*Pick
	s := q.idb.NewSelect().Model(&rows).Order("tp.picked_at DESC", "tp.target DESC")
	if kind != "" {
		s = s.Where("tp.kind = ?", kind).Limit(maxPicks)
	}
	return rows, wrap("list picks", s.Scan(ctx))
}

func (q *Queries) picked(ctx context.Context, kind string) ([]string, error) {
	rows, err := q.Picks(ctx, kind)
	targets := make([]string, len(rows))
	for i, p := range rows {
		targets[i] = p.Target
	}
	return targets, err
}

// picksFirst puts the picks before what is trending, each once, and cuts a page out.
func picksFirst[T comparable](picks, trending []T, limit, offset int) []T {
	var out []T
	seen := map[T]bool{}
	for _, list := range [][]T{picks, trending} {
		for _, one := range list {
			if !seen[one] {
				seen[one] = true
				out = append(out, one)
			}
		}
	}
	out = out[min(offset, len(out)):]
	return out[:min(limit, len(out))]
}
