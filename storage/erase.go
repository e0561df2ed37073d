package storage

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// How an account of ours ends for good, and how what deleted accounts left behind is removed: ours and peers' alike.

// JobErase removes what a deleted account left behind; its argument is an Erasure.
const JobErase = "erase-account"

// An Erasure is the argument of JobErase.
type Erasure struct {
	Account int64 `json:"account"`
	Told    bool  `json:"told,omitempty"` // the peers that know it have been written to
}

// eraseBatch is how much one act removes: other acts get in between.
const eraseBatch = 100

// DeleteAccount ends an account of this node for good. Its sign-in and profile go at once and nobody sees it any more;
// the rest is JobErase's. The row stays with its name, which is never given again, and with its keys: peers are told in
// its name, and what they didn't get may be sent again.
func (tx *Tx) DeleteAccount(ctx context.Context, a *Account) error {
	if err := tx.EndSignIns(ctx, a.ID); err != nil {
		return err
	}
	handed, err := tx.handOverCommunities(ctx, a.ID)
	if err != nil {
		return err
	}
	var after any
	if len(handed) > 0 {
		after = map[string]any{"communities_handed_to_owners": handed}
	}
	if err := tx.Audit(ctx, AuditEntry{Action: ActionAccountDelete, Subject: AboutAccount(a), After: after}); err != nil {
		return err
	}
	for _, table := range []string{"scheduled_posts", "second_factors", "recovery_codes", "users"} {
		if _, err := tx.idb.NewRaw("DELETE FROM ? WHERE account_id = ?", bun.Ident(table), a.ID).Exec(ctx); err != nil {
			return fmt.Errorf("delete account: %w", err)
		}
	}
	_, err = tx.markDeleted(ctx, a.ID)
	return err
}

// markDeleted takes an account out of sight for good, with what it said of itself, and queues the removal of the rest. It
// says whether that is news.
func (tx *Tx) markDeleted(ctx context.Context, account int64) (bool, error) {
	res, err := tx.idb.NewRaw(`UPDATE accounts SET deleted_at = ?, display_name = '', note_text = '', note_html = '', fields = NULL, avatar_id = NULL, header_id = NULL, avatar_url = '',
		header_url = '', department = '', moved_to = '', aliases = NULL, emojis = NULL, raw = '', revision = revision + 1 WHERE id = ? AND deleted_at IS NULL`, tx.Now(), account).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("delete account: %w", err)
	}
	tx.Publish(Event{Kind: AccountChanged, AccountID: account})
	if !changed(res) {
		return false, nil
	}
	return true, tx.Enqueue(ctx, NewJob{Kind: JobErase, Args: Erasure{Account: account}})
}

// handOverCommunities ends somebody's moderating. A community that nobody else looks after is its node's owners' from
// then on; it names those.
func (tx *Tx) handOverCommunities(ctx context.Context, account int64) ([]string, error) {
	var communities []*Account
	err := tx.idb.NewSelect().Model(&communities).Where("a.id IN (SELECT community_id FROM community_people WHERE account_id = ? AND standing = ?)", account, Moderator).Order("a.id").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for communities to hand over: %w", err)
	}
	var handed []string
	for _, c := range communities {
		if err := tx.ClearStanding(ctx, c.ID, account, Moderator); err != nil {
			return nil, err
		}
		res, err := tx.idb.NewRaw(`INSERT INTO community_people (community_id, account_id, standing, by_id, at)
			SELECT ?, u.account_id, ?, ?, ? FROM users AS u JOIN accounts AS a ON a.id = u.account_id
			WHERE u.role = ? AND u.account_id <> ? AND a.suspended_at IS NULL AND a.frozen_at IS NULL AND a.deleted_at IS NULL
			AND NOT EXISTS (SELECT 1 FROM community_people AS cc JOIN accounts AS m ON m.id = cc.account_id
				WHERE cc.community_id = ? AND cc.standing = ? AND m.suspended_at IS NULL AND m.deleted_at IS NULL)
			ON CONFLICT DO NOTHING`, c.ID, Moderator, account, tx.Now(), RoleOwner, account, c.ID, Moderator).Exec(ctx)
		if err != nil {
			return nil, fmt.Errorf("hand over community: %w", err)
		}
		if changed(res) {
			handed = append(handed, "@"+c.Username)
		}
	}
	return handed, nil
}

// InboxesKnowing lists where to say that an account of ours is gone: the peers that it exchanged follows, likes, votes or
// blocks with, and those that have a post of its.
func (q *Queries) InboxesKnowing(ctx context.Context, account int64) ([]InboxTarget, error) {
	var rows []InboxTarget
	err := q.idb.NewRaw(`SELECT DISTINCT a.peer AS peer, CASE WHEN a.shared_inbox_uri <> '' THEN a.shared_inbox_uri ELSE a.inbox_uri END AS inbox, a.shared_inbox_uri <> '' AS shared
		FROM accounts AS a WHERE a.peer <> '' AND a.deleted_at IS NULL AND a.id IN (
			SELECT follower_id FROM follows WHERE followee_id = ? UNION SELECT followee_id FROM follows WHERE follower_id = ?
			UNION SELECT target_id FROM blocks WHERE account_id = ?
			UNION SELECT p.author_id FROM likes AS l JOIN posts AS p ON p.id = l.post_id WHERE l.account_id = ?
			UNION SELECT p.author_id FROM poll_votes AS v JOIN posts AS p ON p.id = v.post_id WHERE v.account_id = ?)
		UNION SELECT pe.host, pe.shared_inbox, pe.shared_inbox <> '' FROM peers AS pe WHERE pe.shared_inbox <> ''
			AND pe.host IN (SELECT r.host FROM reach AS r JOIN posts AS p ON p.id = r.post_id WHERE p.author_id = ?)`,
		account, account, account, account, account, account).Scan(ctx, &rows)
	return rows, wrap("list who knows an account", err)
}

// leftBehind are the rows that are an account's, or about it, by table and column. Reports and the audit log stay: they are
// the house's. So do the counts of polls, which name nobody.
var leftBehind = [][2]string{
	{"home", "account_id"}, {"bookmarks", "account_id"}, {"notifications", "account_id"}, {"notifications", "from_id"}, {"notification_policies", "account_id"},
	{"notification_requests", "account_id"}, {"notification_requests", "from_id"}, {"notification_permits", "account_id"}, {"notification_permits", "from_id"},
	{"markers", "account_id"}, {"conversations", "account_id"}, {"idempotency", "account_id"}, {"poll_votes", "account_id"}, {"pins", "account_id"},
	{"featured_tags", "account_id"}, {"tag_follows", "account_id"}, {"lists", "account_id"}, {"list_members", "account_id"}, {"filters", "account_id"},
	{"mutes", "account_id"}, {"mutes", "target_id"}, {"blocks", "account_id"}, {"blocks", "target_id"}, {"thread_mutes", "account_id"}, {"hidden_hosts", "account_id"},
	{"notes", "account_id"}, {"notes", "target_id"}, {"endorsements", "account_id"}, {"endorsements", "target_id"}, {"waved_away", "account_id"}, {"waved_away", "target_id"},
	{"announcement_reads", "account_id"}, {"announcement_reactions", "account_id"}, {"community_people", "account_id"}, {"follower_syncs", "account_id"},
	{"strikes", "account_id"}, {"security_log", "account_id"},
}

// EraseAccount removes the next part of what a deleted account left behind, and says whether that was all. Posts stay as
// tombstones, so that what refers to them still stands. blobs are the media to forget. Of an account that is there it
// removes nothing.
func (tx *Tx) EraseAccount(ctx context.Context, account int64) (done bool, blobs []string, err error) {
	a, err := tx.AccountByID(ctx, account)
	if err != nil || a.DeletedAt.IsZero() {
		return true, nil, err
	}
	var posts []*Post
	if err := tx.idb.NewSelect().Model(&posts).Where("p.author_id = ? AND p.deleted_at IS NULL", account).Order("p.id").Limit(eraseBatch).Scan(ctx); err != nil {
		return false, nil, fmt.Errorf("look for posts to erase: %w", err)
	}
	for _, p := range posts {
		_, gone, err := tx.DeletePost(ctx, p)
		if err != nil {
			return false, nil, err
		}
		blobs = append(blobs, gone...)
	}
	if len(posts) == eraseBatch {
		return false, blobs, nil
	}
	var likes []*Like
	if err := tx.idb.NewSelect().Model(&likes).Where("l.account_id = ?", account).Order("l.id").Limit(eraseBatch).Scan(ctx); err != nil {
		return false, nil, fmt.Errorf("look for likes to erase: %w", err)
	}
	for _, l := range likes {
		if _, err := tx.RemoveLike(ctx, l); err != nil {
			return false, nil, err
		}
	}
	var follows []*Follow
	if err := tx.idb.NewSelect().Model(&follows).Where("f.follower_id = ? OR f.followee_id = ?", account, account).Order("f.id").Limit(eraseBatch).Scan(ctx); err != nil {
		return false, nil, fmt.Errorf("look for follows to erase: %w", err)
	}
	for _, f := range follows {
		if _, err := tx.RemoveFollow(ctx, f); err != nil {
			return false, nil, err
		}
	}
	if len(likes) == eraseBatch || len(follows) == eraseBatch {
		return false, blobs, nil
	}
	rest, err := tx.eraseRest(ctx, account)
	return true, append(blobs, rest...), err
}

func (tx *Tx) eraseRest(ctx context.Context, account int64) (blobs []string, err error) {
	for _, statement := range []string{
		"DELETE FROM list_members WHERE list_id IN (SELECT id FROM lists WHERE account_id = ?)",
		"DELETE FROM filter_keywords WHERE filter_id IN (SELECT id FROM filters WHERE account_id = ?)",
		"DELETE FROM filter_posts WHERE filter_id IN (SELECT id FROM filters WHERE account_id = ?)",
		"UPDATE reports SET assigned_to = 0 WHERE assigned_to = ? AND closed_at IS NULL", // somebody else takes it
	} {
		if _, err := tx.idb.NewRaw(statement, account).Exec(ctx); err != nil {
			return nil, fmt.Errorf("erase account: %w", err)
		}
	}
	for _, rows := range leftBehind {
		if _, err := tx.idb.NewRaw("DELETE FROM ? WHERE ? = ?", bun.Ident(rows[0]), bun.Ident(rows[1]), account).Exec(ctx); err != nil {
			return nil, fmt.Errorf("erase %s of account: %w", rows[0], err)
		}
	}
	if blobs, err = tx.dropCopies(ctx, "of IN (?, ?) AND row_id = ?", OfAvatar, OfHeader, account); err != nil {
		return nil, err
	}
	// Pictures of the profile, and uploads that hung on nothing.
	var files []*Media
	if err := tx.idb.NewDelete().Model(&files).Where("account_id = ?", account).Returning("*").Scan(ctx); err != nil {
		return nil, fmt.Errorf("erase media of account: %w", err)
	}
	for _, m := range files {
		for _, key := range []string{m.BlobKey, m.SmallKey} {
			if key != "" {
				blobs = append(blobs, key)
			}
		}
	}
	return blobs, nil
}
