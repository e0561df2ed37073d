package storage

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// EditPost stores a post's new words, keeping how it stood before. Mentions are added, never
// taken away; hashtags are replaced. The visibility and circle never change.
func (tx *Tx) EditPost(ctx context.Context, n *NewPost, at time.Time) error {
	p := &n.Post
	old, err := tx.PostByID(ctx, p.ID)
	if err != nil {
		return err
	}
	written := old.EditedAt
	if written.IsZero() {
		written = old.PublishedAt
	}
	edit := &PostEdit{ID: tx.NewID(tx.Now()), PostID: p.ID, HTML: old.HTML, Text: old.Text, ContentWarning: old.ContentWarning, Sensitive: old.Sensitive, WrittenAt: written}
	if _, err := tx.idb.NewInsert().Model(edit).Exec(ctx); err != nil {
		return fmt.Errorf("keep edit: %w", err)
	}
	p.EditedAt = at
	_, err = tx.idb.NewUpdate().Model(p).Column("text", "html", "content_warning", "sensitive", "language", "edited_at", "raw", "emojis", "quote_policy").WherePK().Exec(ctx)
	if err != nil {
		return fmt.Errorf("edit post: %w", err)
	}
	// Counted in the database: somebody may have liked it meanwhile, and no two states of a post share a revision.
	if err := tx.idb.NewRaw("UPDATE posts SET revision = revision + 1 WHERE id = ? RETURNING revision", p.ID).Scan(ctx, &p.Revision); err != nil {
		return fmt.Errorf("edit post: %w", err)
	}
	if _, err := tx.idb.NewDelete().Model((*Hashtag)(nil)).Where("post_id = ?", p.ID).Exec(ctx); err != nil {
		return fmt.Errorf("replace hashtags: %w", err)
	}
	known, err := tx.Mentions(ctx, []int64{p.ID})
	if err != nil {
		return err
	}
	if n.Media != nil || n.Attached != nil {
		if err := tx.detach(ctx, p.ID, n.Media); err != nil {
			return err
		}
	}
	n.Poll, n.Quote = nil, nil // ReplacePoll and ReplaceQuote know what was there
	if err := tx.addParts(ctx, n); err != nil {
		return err
	}
	for _, id := range n.Mentions {
		if !slices.Contains(known[p.ID], id) {
			if err := tx.notify(ctx, NotifyMention, id, p.AuthorID, p.ID); err != nil {
				return err
			}
		}
	}
	if err := tx.unindexPost(ctx, p.ID); err != nil {
		return err
	}
	if err := tx.indexPost(ctx, p, true, true); err != nil {
		return err
	}
	if err := tx.linkCard(ctx, p); err != nil {
		return err
	}
	if err := tx.notifyAll(ctx, NotifyEdit, p.AuthorID, p.ID, "SELECT author_id FROM posts WHERE share_of_id = ? AND origin = '' AND deleted_at IS NULL", p.ID); err != nil {
		return err
	}
	tx.Publish(Event{Kind: PostEdited, PostID: p.ID, AccountID: p.AuthorID})
	return nil
}

// DeletePost turns a post or share into a tombstone: its words, raw form, media rows, tags,
// notifications and shares go, the id stays known. It says whether there was something to
// delete. The media's bytes are the caller's to remove (they are returned).
func (tx *Tx) DeletePost(ctx context.Context, p *Post) (bool, []string, error) {
	res, err := tx.idb.NewRaw(`UPDATE posts SET deleted_at = ?, text = '', html = '', content_warning = '', raw = '', revision = revision + 1
		WHERE id = ? AND deleted_at IS NULL`, tx.Now(), p.ID).Exec(ctx)
	if err != nil {
		return false, nil, fmt.Errorf("delete post: %w", err)
	}
	if !changed(res) {
		return false, nil, nil
	}
	blobs, err := tx.dropMedia(ctx, p.ID)
	if err != nil {
		return false, nil, err
	}
	for _, statement := range []string{
		"DELETE FROM home WHERE post_id = ?",
		"DELETE FROM notifications WHERE post_id = ?",
		"DELETE FROM hashtags WHERE post_id = ?",
		"DELETE FROM post_edits WHERE post_id = ?",
		"DELETE FROM likes WHERE post_id = ?",
		"DELETE FROM bookmarks WHERE post_id = ?",
		"DELETE FROM thread_gaps WHERE post_id = ?",
		"DELETE FROM community_posts WHERE post_id = ?",
		"DELETE FROM filter_posts WHERE post_id = ?",
		"DELETE FROM post_words WHERE rowid = ?",
		"DELETE FROM pins WHERE post_id = ?",
		"DELETE FROM post_cards WHERE post_id = ?",
	} {
		if _, err := tx.idb.NewRaw(statement, p.ID).Exec(ctx); err != nil {
			return false, nil, fmt.Errorf("delete post: %w", err)
		}
	}
	if err := tx.dropPoll(ctx, p.ID); err != nil {
		return false, nil, err
	}
	if err := tx.dropQuotes(ctx, p.ID); err != nil {
		return false, nil, err
	}
	if err := tx.countPost(ctx, p, -1); err != nil {
		return false, nil, err
	}
	if p.ShareOfID != 0 {
		if _, err := tx.idb.NewRaw("DELETE FROM notifications WHERE kind = ? AND post_id = ? AND from_id = ?", NotifyShare, p.ShareOfID, p.AuthorID).Exec(ctx); err != nil {
			return false, nil, fmt.Errorf("delete share: %w", err)
		}
	}
	if err := tx.dropSharesOf(ctx, p.ID); err != nil {
		return false, nil, err
	}
	if err := tx.leaveConversations(ctx, p); err != nil {
		return false, nil, err
	}
	tx.Publish(Event{Kind: PostDeleted, PostID: p.ID, AccountID: p.AuthorID})
	return true, blobs, nil
}

func (tx *Tx) dropSharesOf(ctx context.Context, post int64) error {
	var shares []*Post
	if err := tx.idb.NewSelect().Model(&shares).Where("p.share_of_id = ? AND p.deleted_at IS NULL", post).Scan(ctx); err != nil {
		return fmt.Errorf("find shares: %w", err)
	}
	for _, s := range shares {
		if _, _, err := tx.DeletePost(ctx, s); err != nil {
			return err
		}
	}
	return nil
}
