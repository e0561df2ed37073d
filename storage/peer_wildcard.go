package storage

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
)

// A *.domain row allows or blocks the subdomains of a domain, at any depth, on the default port.
// A host that is met under one gets a row of its own (Via names the pattern) before anything from
// it is stored, so that every query asks exact hosts only; that row follows its pattern.

// wildcardsOver lists the patterns that cover a host, the most specific first.
func wildcardsOver(host string) []string {
	if strings.ContainsAny(host, ":*[") {
		return nil
	}
	var patterns []string
	for {
		_, parent, ok := strings.Cut(host, ".")
		if !ok {
			return patterns
		}
		patterns = append(patterns, "*."+parent)
		host = parent
	}
}

// wildcardOver gives the row that a host has by the most specific pattern, or nil.
func (q *Queries) wildcardOver(ctx context.Context, host string) (*Peer, error) {
	patterns := wildcardsOver(host)
	if len(patterns) == 0 {
		return nil, nil
	}
	var rows []*Peer
	if err := q.idb.NewSelect().Model(&rows).Where("pe.host IN (?)", bun.List(patterns)).OrderExpr("LENGTH(pe.host) DESC").Limit(1).Scan(ctx); err != nil {
		return nil, fmt.Errorf("look for a pattern over %s: %w", host, err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return rows[0].under(host), nil
}

// under is the row that a host has by a pattern.
func (p *Peer) under(host string) *Peer {
	own := *p
	own.Host, own.Via, own.AccountDomains = host, p.Host, nil
	return &own
}

// settleVia gives a host its row by the most specific pattern, or takes such a row away where no
// pattern covers it any more. A row of the host's own stays.
func (tx *Tx) settleVia(ctx context.Context, host string) error {
	old, err := tx.peerRow(ctx, host)
	if err != nil && !errors.Is(err, ErrNotFound) || old != nil && old.Via == "" {
		return err
	}
	wide, err := tx.wildcardOver(ctx, host)
	switch {
	case err != nil:
		return err
	case wide != nil:
		insert := tx.idb.NewInsert().Model(wide).On("CONFLICT (host) DO UPDATE")
		for _, column := range chosen {
			insert = insert.Set("? = EXCLUDED.?", bun.Ident(column), bun.Ident(column))
		}
		if _, err := insert.Exec(ctx); err != nil {
			return fmt.Errorf("save peer %s: %w", host, err)
		}
		return tx.peerChanged(ctx, wide)
	case old != nil:
		if _, err := tx.idb.NewDelete().Model((*Peer)(nil)).Where("host = ?", host).Exec(ctx); err != nil {
			return fmt.Errorf("remove peer %s: %w", host, err)
		}
		return tx.peerChanged(ctx, &Peer{Host: host})
	}
	return nil
}

// followWildcards fits the rows under a pattern to it, after it changed.
func (tx *Tx) followWildcards(ctx context.Context, pattern string) error {
	var hosts []string
	suffix := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.TrimPrefix(pattern, "*"))
	if err := tx.idb.NewRaw("SELECT host FROM peers WHERE via <> '' AND host LIKE ? ESCAPE '\\'", "%"+suffix).Scan(ctx, &hosts); err != nil {
		return fmt.Errorf("look for peers under %s: %w", pattern, err)
	}
	for _, host := range hosts {
		if err := tx.settleVia(ctx, host); err != nil {
			return err
		}
	}
	return nil
}
