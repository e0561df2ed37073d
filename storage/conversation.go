package storage

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
)

// A Conversation is a thread of direct posts as one of those who take part sees it.
type Conversation struct {
	bun.BaseModel `bun:"table:conversations,alias:cv"`
	ID            int64 `bun:",pk"`
	AccountID     int64
	ThreadID      int64
	LastPostID    int64 // what pages count by
	Unread        bool
}

// converse notes a direct post in the conversations of its author and of those it names, as far as
// they are local.
func (tx *Tx) converse(ctx context.Context, p *Post, mentions []int64) error {
	if p.Visibility != Direct {
		return nil
	}
	people := append([]int64{p.AuthorID}, mentions...)
	slices.Sort(people)
	var local []int64
	if err := tx.idb.NewRaw("SELECT id FROM accounts WHERE peer = '' AND id IN (?)", bun.List(slices.Compact(people))).Scan(ctx, &local); err != nil {
		return fmt.Errorf("find who converses: %w", err)
	}
	for _, account := range local {
		c := &Conversation{ID: tx.NewID(tx.Now()), AccountID: account, ThreadID: p.ThreadID, LastPostID: p.ID, Unread: account != p.AuthorID}
		_, err := tx.idb.NewInsert().Model(c).On("CONFLICT (account_id, thread_id) DO UPDATE").
			Set("last_post_id = CASE WHEN EXCLUDED.last_post_id > cv.last_post_id THEN EXCLUDED.last_post_id ELSE cv.last_post_id END").Set("unread = EXCLUDED.unread").Exec(ctx)
		if err != nil {
			return fmt.Errorf("note conversation: %w", err)
		}
		tx.Publish(Event{Kind: Conversed, PostID: p.ID, AccountID: account})
	}
	return nil
}

// leaveConversations lets conversations that end in a deleted post end in the one before it.
func (tx *Tx) leaveConversations(ctx context.Context, p *Post) error {
	if p.Visibility != Direct {
		return nil
	}
	_, err := tx.idb.NewRaw(`UPDATE conversations SET last_post_id = COALESCE((SELECT MAX(q.id) FROM posts AS q WHERE q.thread_id = conversations.thread_id AND q.visibility = ? AND q.deleted_at IS NULL
		AND (q.author_id = conversations.account_id OR EXISTS (SELECT 1 FROM mentions AS m WHERE m.post_id = q.id AND m.account_id = conversations.account_id))), last_post_id)
		WHERE last_post_id = ?`, Direct, p.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("end conversation: %w", err)
	}
	_, err = tx.idb.NewRaw("DELETE FROM conversations WHERE last_post_id = ?", p.ID).Exec(ctx)
	return wrap("end conversation", err)
}

// Conversations pages through an account's conversations, by their last post.
func (q *Queries) Conversations(ctx context.Context, account int64, page Page) ([]*Conversation, error) {
	var rows []*Conversation
	s := q.idb.NewSelect().Model(&rows).Join("JOIN posts AS p ON p.id = cv.last_post_id").Where("cv.account_id = ?", account)
	if err := page.apply(q.wantedBy(visibleTo(s, "p", account), "p", account), "cv.last_post_id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("list conversations: %w", err)
	}
	page.order(rows)
	return rows, nil
}

// ConversationByID finds one of the account's own conversations.
func (q *Queries) ConversationByID(ctx context.Context, account, id int64) (*Conversation, error) {
	c := new(Conversation)
	if err := q.idb.NewSelect().Model(c).Where("cv.id = ? AND cv.account_id = ?", id, account).Scan(ctx); err != nil {
		return nil, notFound("conversation", err)
	}
	return c, nil
}

// ConversationOf finds the account's conversation that holds a direct post.
func (q *Queries) ConversationOf(ctx context.Context, account, post int64) (*Conversation, error) {
	c := new(Conversation)
	err := q.idb.NewSelect().Model(c).Join("JOIN posts AS p ON p.thread_id = cv.thread_id").Where("cv.account_id = ? AND p.id = ?", account, post).Scan(ctx)
	if err != nil {
		return nil, notFound("conversation", err)
	}
	return c, nil
}

// ReadConversation marks a conversation as read.
func (tx *Tx) ReadConversation(ctx context.Context, id int64) error {
	_, err := tx.idb.NewRaw("UPDATE conversations SET unread = ? WHERE id = ?", false, id).Exec(ctx)
	return wrap("mark conversation as read", err)
}

// ForgetConversation takes a conversation off the account's list; the posts stay, and the next one
// brings it back.
func (tx *Tx) ForgetConversation(ctx context.Context, id int64) error {
	_, err := tx.idb.NewRaw("DELETE FROM conversations WHERE id = ?", id).Exec(ctx)
	return wrap("forget conversation", err)
}

// DirectTimeline is every direct post that the account wrote or is named in.
func (q *Queries) DirectTimeline(ctx context.Context, account int64, page Page) ([]*Post, error) {
	var rows []*Post
	s := q.idb.NewSelect().Model(&rows).Where("p.visibility = ?", Direct).
		Where("(p.author_id = ? OR p.id IN (SELECT dm.post_id FROM mentions AS dm WHERE dm.account_id = ?))", account, account)
	return q.timeline(ctx, q.wantedBy(s, "p", account), &rows, account, BothSides, false, page)
}
