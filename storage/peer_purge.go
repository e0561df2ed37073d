package storage

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// JobPurge removes what came from a blocked peer; its argument is the host.
const JobPurge = "purge-peer"

// purgeBatch is how many posts one act removes: other acts get in between.
const purgeBatch = 100

// PurgePeer removes the next part of what came from a blocked peer, and says whether that was all. Where the block was taken back, or another came, there is nothing to
// do. blobs are the media to forget. Its posts stay as tombstones and its accounts as names, so that what refers to
// them still stands; follows, likes and words go.
func (tx *Tx) PurgePeer(ctx context.Context, host string) (done bool, blobs []string, err error) {
	p, err := tx.peerRow(ctx, host)
	if isNotFound(err) {
		return true, nil, nil
	}
	if err != nil {
		return false, nil, err
	}
	if p.State != PeerBlocked || p.PurgeAt.After(tx.Now()) || !p.PurgedAt.IsZero() {
		return true, nil, nil
	}
	hosts, err := tx.purgedHosts(ctx, p)
	if err != nil {
		return false, nil, err
	}
	if p.PurgeBeganAt.IsZero() {
		if err := tx.beginPurge(ctx, p, hosts); err != nil {
			return false, nil, err
		}
	}
	var posts []*Post
	if err := tx.idb.NewSelect().Model(&posts).Where("p.origin IN (?) AND p.deleted_at IS NULL", bun.List(hosts)).Order("p.id").Limit(purgeBatch).Scan(ctx); err != nil {
		return false, nil, fmt.Errorf("look for posts of %s: %w", host, err)
	}
	for _, post := range posts {
		_, gone, err := tx.DeletePost(ctx, post)
		if err != nil {
			return false, nil, err
		}
		blobs = append(blobs, gone...)
	}
	if _, err := tx.idb.NewRaw("UPDATE peers SET purge_done = purge_done + ? WHERE host = ?", len(posts), host).Exec(ctx); err != nil {
		return false, nil, fmt.Errorf("count the purge of %s: %w", host, err)
	}
	if len(posts) == purgeBatch {
		return false, blobs, nil
	}
	if err := tx.purgeAccounts(ctx, hosts); err != nil {
		return false, nil, err
	}
	copied, err := tx.dropCopies(ctx, "host IN (?)", bun.List(hosts))
	if err != nil {
		return false, nil, err
	}
	blobs = append(blobs, copied...)
	if _, err := tx.idb.NewRaw("UPDATE peers SET purged_at = ? WHERE host = ?", tx.Now(), host).Exec(ctx); err != nil {
		return false, nil, fmt.Errorf("end the purge of %s: %w", host, err)
	}
	tx.Publish(Event{Kind: PeerChanged, Host: host})
	return true, blobs, tx.AddPeerEvent(ctx, host, EventPurged, "")
}

// purgedHosts are the hosts that a blocked row stands for.
func (tx *Tx) purgedHosts(ctx context.Context, p *Peer) ([]string, error) {
	if !p.Wildcard() {
		return []string{p.Host}, nil
	}
	hosts := []string{p.Host}
	err := tx.idb.NewRaw("SELECT host FROM peers WHERE via = ?", p.Host).Scan(ctx, &hosts)
	return hosts, wrap("look for peers under "+p.Host, err)
}

func (tx *Tx) beginPurge(ctx context.Context, p *Peer, hosts []string) error {
	var total int
	if err := tx.idb.NewRaw("SELECT COUNT(*) FROM posts WHERE origin IN (?) AND deleted_at IS NULL", bun.List(hosts)).Scan(ctx, &total); err != nil {
		return fmt.Errorf("count posts of %s: %w", p.Host, err)
	}
	if _, err := tx.idb.NewRaw("UPDATE peers SET purge_began_at = ?, purge_total = ?, purge_done = 0 WHERE host = ?", tx.Now(), total, p.Host).Exec(ctx); err != nil {
		return fmt.Errorf("begin the purge of %s: %w", p.Host, err)
	}
	if _, err := tx.idb.NewRaw("UPDATE jobs SET state = 'buried', error = 'the peer is blocked' WHERE host IN (?) AND state IN ('ready', 'held', 'behind', 'parked')", bun.List(hosts)).Exec(ctx); err != nil {
		return fmt.Errorf("bury jobs of %s: %w", p.Host, err)
	}
	return tx.AddPeerEvent(ctx, p.Host, EventPurgeBegan, fmt.Sprint(total))
}

// purgeAccounts ends what ties our people to the accounts of hosts, and forgets what these said of themselves.
func (tx *Tx) purgeAccounts(ctx context.Context, hosts []string) error {
	theirs := "(SELECT id FROM accounts WHERE peer IN (?))"
	var follows []*Follow
	if err := tx.idb.NewSelect().Model(&follows).Where("f.follower_id IN "+theirs+" OR f.followee_id IN "+theirs, bun.List(hosts), bun.List(hosts)).Scan(ctx); err != nil {
		return fmt.Errorf("look for follows to purge: %w", err)
	}
	for _, f := range follows {
		if _, err := tx.RemoveFollow(ctx, f); err != nil {
			return err
		}
	}
	var likes []*Like
	if err := tx.idb.NewSelect().Model(&likes).Where("account_id IN "+theirs, bun.List(hosts)).Scan(ctx); err != nil {
		return fmt.Errorf("look for likes to purge: %w", err)
	}
	for _, l := range likes {
		if _, err := tx.RemoveLike(ctx, l); err != nil {
			return err
		}
	}
	for _, statement := range []string{
		"DELETE FROM notifications WHERE from_id IN " + theirs,
		"DELETE FROM emojis WHERE host IN (?)",
		"UPDATE accounts SET display_name = '', note_html = '', fields = NULL, avatar_url = '', header_url = '', department = '', raw = '', fetched_at = NULL, revision = revision + 1 WHERE peer IN (?)",
	} {
		if _, err := tx.idb.NewRaw(statement, bun.List(hosts)).Exec(ctx); err != nil {
			return fmt.Errorf("purge accounts: %w", err)
		}
	}
	return nil
}

// SkipGrace lets the purge of a blocked peer begin now.
func (tx *Tx) SkipGrace(ctx context.Context, host string) error {
	p, err := tx.peerRow(ctx, host)
	if err != nil {
		return err
	}
	if p.State != PeerBlocked || !p.PurgeBeganAt.IsZero() {
		return fmt.Errorf("%s isn't waiting to be purged: %w", host, ErrNotFound)
	}
	now := tx.Now()
	if _, err := tx.idb.NewRaw("UPDATE peers SET purge_at = ? WHERE host = ?", now, host).Exec(ctx); err != nil {
		return fmt.Errorf("skip the grace of %s: %w", host, err)
	}
	if err := tx.Audit(ctx, AuditEntry{Action: ActionPurge, Subject: AboutPeer(host)}); err != nil {
		return err
	}
	return tx.Enqueue(ctx, NewJob{Kind: JobPurge, Args: host})
}
