package storage

import (
	"fmt"

	"github.com/uptrace/bun"
)

// What somebody may see, visibility.go decides; this file holds what they chose not to see: people
// whom they muted or blocked and hosts that they hide, in timelines and notifications. A profile or a thread
// that they open themselves shows them all the same.

// wantedBy narrows a query over posts (under the alias) to what the viewer wants in a timeline:
// neither the author nor, of a share, the author of the original is somebody whom they hide.
func (q *Queries) wantedBy(s *bun.SelectQuery, alias string, viewer int64) *bun.SelectQuery {
	if viewer == Nobody {
		return s
	}
	s = q.shownTo(s, alias+".author_id", viewer)
	hidden, args := q.hidden("wo.author_id", viewer)
	return s.Where(fmt.Sprintf("(%[1]s.share_of_id IS NULL OR NOT EXISTS (SELECT 1 FROM posts AS wo WHERE wo.id = %[1]s.share_of_id AND %[2]s))", alias, hidden), args...)
}

// shownTo narrows a query to rows of accounts (named by the column) that the viewer doesn't hide.
func (q *Queries) shownTo(s *bun.SelectQuery, column string, viewer int64) *bun.SelectQuery {
	hidden, args := q.hidden(column, viewer)
	return s.Where("NOT "+hidden, args...)
}

func (q *Queries) hidden(column string, viewer int64) (string, []any) {
	return fmt.Sprintf(`(EXISTS (SELECT 1 FROM mutes AS wm WHERE wm.account_id = ? AND wm.target_id = %[1]s AND (wm.expires_at IS NULL OR wm.expires_at > ?))
		OR EXISTS (SELECT 1 FROM blocks AS wb WHERE wb.account_id = ? AND wb.target_id = %[1]s)
		OR EXISTS (SELECT 1 FROM hidden_hosts AS wh JOIN accounts AS wa ON wa.peer = wh.host WHERE wh.account_id = ? AND wa.id = %[1]s))`, column),
		[]any{viewer, q.now(), viewer, viewer}
}
